import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imu.core.units import STANDARD_GRAVITY_M_S2 as G
from imu.simulate.kinematics import attitude
from imu.simulate.sensors import Clock, Noise, SensorModel, how_many
from imu_datasets.mocap.curves import Turning
from imu_datasets.mocap.poses import Body, Poses, Sole
from imu_datasets.mocap.virtual import low_passed, pelvis_truth, readings, samples

PERFECT = Noise(acc_noise_m_s2_rthz=0.0, gyr_noise_rad_s_rthz=0.0, acc_range_m_s2=400.0, gyr_range_rad_s=90.0, bits=0)
AMID = slice(20, -20)
"""A spline knows less of its ends."""


def times(rate_hz, lasts_s):
    return np.arange(round(rate_hz * lasts_s) + 1) / rate_hz


def poses(rate_hz, place, rotation, sensor="pelvis"):
    return Poses(rate_hz, {sensor: Body(np.asarray(place), np.asarray(rotation))}, {})


def turned(*angles):
    """Rotation, roll and tilt of (n,) each, rad."""
    return attitude(np.stack(np.broadcast_arrays(*angles)))


def still(rate_hz=100.0, lasts_s=1.0, rotation=None):
    n = len(times(rate_hz, lasts_s))
    return poses(rate_hz, np.zeros((n, 3)), np.tile(np.eye(3) if rotation is None else rotation, (n, 1, 1)))


def wild(rate_hz, lasts_s=4.0):
    """A motion without any symmetry."""
    t = times(rate_hz, lasts_s)
    place = np.stack([np.sin(3 * t), 0.4 * np.cos(5 * t + 1), 0.2 * np.sin(7 * t)], axis=1)
    return poses(rate_hz, place, turned(0.8 * np.sin(4 * t), 0.5 * np.sin(6 * t + 1), 1.2 * np.sin(5 * t + 2)))


def test_a_pendulum_reads_what_its_formula_says():
    length_m, swing, turn = 0.8, 0.6, 2 * math.pi * 0.9
    t = times(100.0, 5.0)
    hung = poses(100.0, np.zeros((len(t), 3)), turned(0.0 * t, 0.0 * t, swing * np.sin(turn * t)))
    told = samples(hung, "pelvis", rate_hz=200.0, lever_m=(0.0, 0.0, -length_m))
    at = told.t_ns * 1e-9
    tilt, rate, bend = (
        swing * f for f in (np.sin(turn * at), turn * np.cos(turn * at), -(turn**2) * np.sin(turn * at))
    )
    acc = np.stack([-G * np.sin(tilt) - length_m * bend, 0 * at, G * np.cos(tilt) + length_m * rate**2], axis=1)
    np.testing.assert_allclose(told.acc[AMID], acc[AMID], atol=2e-4)
    np.testing.assert_allclose(told.gyr[AMID], np.stack([0 * at, rate, 0 * at], axis=1)[AMID], atol=1e-6)


@pytest.mark.parametrize("spin", [-7.0, 0.5, 9.0])
def test_a_circle_at_constant_spin_reads_the_same_all_the_time(spin):
    # many turns: no representation of rotations may break where it comes round
    radius_m, lever_m = 1.5, (0.1, -0.05, 0.3)
    t = times(100.0, 10.0)
    place = radius_m * np.stack([np.sin(spin * t), -np.cos(spin * t), 0 * t], axis=1)
    told = samples(poses(100.0, place, turned(spin * t, 0 * t, 0 * t)), "pelvis", lever_m=lever_m)
    square = spin**2
    wanted = [-square * lever_m[0], square * (radius_m - lever_m[1]), G]
    np.testing.assert_allclose(told.acc[AMID], np.tile(wanted, (len(told) - 40, 1)), atol=5e-4)
    np.testing.assert_allclose(told.gyr[AMID], np.tile([0.0, 0.0, spin], (len(told) - 40, 1)), atol=1e-6)


@given(st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4).filter(lambda q: math.hypot(*q) > 0.1))
def test_at_rest_it_reads_gravity_and_nothing_else(q):
    rotation = Rotation.from_quat(q).as_matrix()
    told = samples(still(rotation=rotation), "pelvis", lever_m=(0.3, -0.2, 0.1))
    np.testing.assert_allclose(told.acc, np.tile(rotation[2] * G, (len(told), 1)), atol=1e-6)
    np.testing.assert_allclose(told.gyr, 0.0, atol=1e-6)


def test_a_sensor_falls_as_its_body_does():
    t = times(100.0, 1.0)
    place = np.stack([0 * t, 0 * t, -0.5 * G * t**2], axis=1)
    told = samples(poses(100.0, place, np.tile(np.eye(3), (len(t), 1, 1))), "pelvis")
    np.testing.assert_allclose(told.acc, 0.0, atol=1e-6)


@given(st.tuples(*[st.floats(-0.5, 0.5)] * 3))
def test_a_lever_is_as_good_as_an_origin_that_lies_there(lever_m):
    seen = wild(200.0, 1.0)
    body = seen.bodies["pelvis"]
    moved = poses(200.0, body.place_m + body.rotation @ np.array(lever_m), body.rotation)
    there, here = (samples(one, "pelvis", lever_m=at) for one, at in ((seen, lever_m), (moved, (0.0, 0.0, 0.0))))
    np.testing.assert_allclose(there.acc[AMID], here.acc[AMID], atol=1e-3)
    assert (there.gyr == here.gyr).all()


def test_twice_the_frames_are_far_more_than_twice_as_good():
    fine = wild(3200.0)
    t = np.linspace(1.0, 3.0, 500)
    exact = readings(fine, "pelvis", t, (0.1, 0.2, 0.3))
    errors = [
        [
            np.abs(part - true).max()
            for part, true in zip(readings(wild(rate), "pelvis", t, (0.1, 0.2, 0.3)), exact, strict=True)
        ]
        for rate in (50.0, 100.0, 200.0)
    ]
    for coarse, better in pairwise(errors):
        # fourth order for the second derivative of a place, fifth for the rate
        assert better[0] < coarse[0] / 12
        assert better[1] < coarse[1] / 24


def test_rates_and_their_change_belong_together_however_few_frames_there_are():
    turning = Turning(8.0, wild(8.0).bodies["pelvis"].rotation)
    t, step_s = np.linspace(1.0, 3.0, 300), 1e-5
    _, bend = turning.rates(t)
    np.testing.assert_allclose(
        bend, (turning.rates(t + step_s)[0] - turning.rates(t - step_s)[0]) / (2 * step_s), atol=1e-4
    )
    later, before = turning.at(t + step_s), turning.at(t - step_s)
    spun = Rotation.from_matrix(before.transpose(0, 2, 1) @ later).as_rotvec() / (2 * step_s)
    np.testing.assert_allclose(turning.rates(t)[0], spun, atol=1e-4)


def test_simulated_people_read_what_their_simulator_says(walk):
    t = times(100.0, walk.duration_s - 0.1)
    motion = walk.motion("pelvis")
    place, rotation = motion.pose(t)
    lasting = np.arange(100, len(t) - 100) / 100.0 + 0.0031
    told, true = (
        readings(poses(100.0, place, rotation), "pelvis", lasting),
        motion.readings(lasting),
    )
    # where a landing shakes it, 100 Hz can't follow
    assert np.quantile(np.abs(told.acc - true.acc), 0.9) < 0.03
    assert np.quantile(np.abs(told.gyr - true.gyr), 0.9) < 3e-4


def test_a_walk_is_sampled_from_its_first_frame_to_its_last():
    told = samples(still(30.0, 2.0), "pelvis", rate_hz=200.0)
    assert len(told) == 400
    assert told.t_ns[0] == 0
    assert set(np.diff(told.t_ns)) == {5_000_000}
    assert not told.clipped.any()


def test_a_model_seats_the_sensor_and_moves_it_where_it_is_worn():
    seen = wild(200.0)
    upright = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    model = SensorModel(position_m=(0.1, 0.0, 0.2), mounting=upright, rate_hz=128.0, noise=PERFECT)
    told = samples(seen, "pelvis", model=model)
    plain = samples(seen, "pelvis", rate_hz=128.0, lever_m=(0.1, 0.0, 0.2))
    assert len(told) == len(plain) == how_many(model, 4.0)
    np.testing.assert_allclose(told.acc, plain.acc @ np.array(upright), atol=1e-9)
    np.testing.assert_allclose(told.gyr, plain.gyr @ np.array(upright), atol=1e-9)
    elsewhere = samples(seen, "pelvis", model=model, lever_m=(0.0, 0.0, 0.0))
    assert np.abs(elsewhere.acc - told.acc).max() > 1.0


def test_a_model_makes_noise_by_its_key_and_meets_its_range():
    seen = wild(200.0)
    model = SensorModel(position_m=(0.0, 0.0, 0.0), noise=Noise(acc_range_m_s2=15.0), clock=Clock(drift_ppm=2000.0))
    one, same, other = (samples(seen, "pelvis", model=model, key=key) for key in ((1,), (1,), (2,)))
    assert (one.acc == same.acc).all()
    assert (one.gyr == same.gyr).all()
    assert not (one.gyr == other.gyr).all()
    assert one.clipped.any()
    assert np.abs(one.acc).max() <= 15.0
    # a fast clock takes a few more
    assert len(one) == how_many(model, 4.0) > 800


def test_low_passing_leaves_what_is_slow_and_takes_what_is_fast(rng):
    t = times(100.0, 6.0)
    slow = poses(100.0, np.stack([np.sin(2 * t), t, 0 * t], axis=1), turned(0.3 * np.sin(3 * t), 0 * t, 0 * t))
    body = slow.bodies["pelvis"]
    shaken = poses(
        100.0,
        body.place_m + 1e-3 * np.sin(2 * math.pi * 40.0 * t)[:, None],
        body.rotation @ turned(0 * t, 0 * t, 0.01 * np.sin(2 * math.pi * 40.0 * t)),
    )
    left = low_passed(shaken, 10.0).bodies["pelvis"]
    np.testing.assert_allclose(left.place_m[AMID], body.place_m[AMID], atol=2e-5)
    np.testing.assert_allclose(left.rotation[AMID], body.rotation[AMID], atol=2e-4)
    np.testing.assert_allclose(
        left.rotation @ left.rotation.transpose(0, 2, 1), np.tile(np.eye(3), (len(t), 1, 1)), atol=1e-9
    )


def test_nothing_is_filtered_that_frames_can_not_hold():
    seen = still(30.0)
    assert low_passed(seen, 15.0) is seen


def test_soles_are_filtered_with_their_bodies(rng):
    n = 200
    ends = rng.normal(size=(3, n, 3))
    seen = still(100.0, 1.99)
    with_ball, without = (Poses(100.0, seen.bodies, {"left": Sole(ends[0], ends[1], ball)}) for ball in (ends[2], None))
    both = [low_passed(one, 5.0).soles["left"] for one in (with_ball, without)]
    assert both[0].ball_m is not None
    assert both[0].ball_m.std() < 0.5
    assert both[1].ball_m is None
    assert (both[0].heel_m == both[1].heel_m).all()


@pytest.mark.parametrize(("frames", "does"), [(5, samples), (15, lambda seen, _: low_passed(seen, 5.0))])
def test_too_few_frames_are_told_of(frames, does):
    with pytest.raises(ValueError, match=f"{frames} frames; want"):
        does(still(100.0, (frames - 1) / 100.0), "pelvis")


class TestPelvisTruth:
    def seen(self, heading=0.0):
        t = times(100.0, 4.0)
        self.rotation, self.obliquity, self.tilt = 0.2 * np.sin(6 * t), 0.1 * np.cos(6 * t), 0.05 * np.sin(12 * t) + 0.2
        return poses(100.0, np.zeros((len(t), 3)), turned(self.rotation + heading * t, self.obliquity, self.tilt))

    def test_angles_are_those_that_made_it(self):
        told = pelvis_truth(self.seen(), rate_hz=100.0)
        assert told is not None
        wanted = {
            "rotation_deg": self.rotation,
            "obliquity_deg": self.obliquity,
            # front down is positive about the left axis, and the mean is gone
            "tilt_deg": self.tilt - self.tilt[:-1].mean(),
        }
        for name, angle in wanted.items():
            np.testing.assert_allclose(told[name], np.degrees(angle)[:-1], atol=1e-4)
        assert told["t_ns"][1] == 10_000_000

    def test_a_heading_that_drifts_gets_into_rotation_alone(self):
        straight, turning = (pelvis_truth(self.seen(heading)) for heading in (0.0, 3.0))
        assert straight is not None
        assert turning is not None
        np.testing.assert_allclose(turning["obliquity_deg"], straight["obliquity_deg"], atol=1e-4)
        np.testing.assert_allclose(turning["tilt_deg"], straight["tilt_deg"], atol=1e-4)
        # unwrapped: it goes on beyond half a turn
        assert np.asarray(turning["rotation_deg"])[-1] == pytest.approx(math.degrees(12.0), abs=15.0)

    def test_feet_alone_have_none(self):
        seen = still()
        assert pelvis_truth(Poses(100.0, {"foot_left": seen.bodies["pelvis"]}, {})) is None
