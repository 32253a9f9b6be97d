import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imu.core.samples import Samples
from imu.core.session import Session
from imu.core.units import NS_PER_S
from imu.simulate.link import joined
from imu.simulate.sensors import Noise
from imu_bench.detector import Heard
from imu_bench.running.perturb import (
    PERTURBATIONS,
    USUAL_ACC_M_S2_RTHZ,
    USUAL_GYR_RAD_S_RTHZ,
    band_limited,
    perturbed,
    resampled,
    rotation,
)
from imu_bench.running.scenario import PERTURBED

MS = 1_000_000
ANY = np.random.default_rng(0)


@pytest.fixture(scope="module")
def heard(walk):
    return Heard(walk.session, {sensor: joined(list(walk.samples(sensor))) for sensor in walk.sensors})


def worse(heard, name, *, seed=1, session="walk"):
    return perturbed(heard, name, seed=seed, scenario=f"made-up/all+{name}", session=session)


def equal(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Samples.__slots__)


def rows(values, rate_hz, *, keep=None):
    """A signal on all six axes."""
    seq = np.arange(len(values))
    six = np.repeat(np.asarray(values, float)[:, None], 3, axis=1)
    made = Samples(np.rint(seq * NS_PER_S / rate_hz).astype(np.int64), seq, six, six.copy(), np.zeros(len(seq), bool))
    return made if keep is None else made.where(keep)


def test_ids_are_those_that_scenarios_have():
    assert tuple(PERTURBATIONS) == PERTURBED
    assert all(name == one.id for name, one in PERTURBATIONS.items())


def test_usual_noise_is_that_of_the_simulator():
    usual = Noise()
    assert pytest.approx(usual.acc_noise_m_s2_rthz) == USUAL_ACC_M_S2_RTHZ
    assert pytest.approx(usual.gyr_noise_rad_s_rthz) == USUAL_GYR_RAD_S_RTHZ


def test_none_is_the_very_recording(heard):
    assert perturbed(heard, None, seed=1, scenario="made-up/all", session="walk") is heard


@pytest.mark.parametrize("name", PERTURBED)
class TestEach:
    def test_is_the_same_each_time_and_leaves_its_input(self, name, heard):
        before = {
            sensor: [getattr(one, field).copy() for field in Samples.__slots__] for sensor, one in heard.samples.items()
        }
        first, second = worse(heard, name), worse(heard, name)
        for sensor, one in heard.samples.items():
            assert equal(first.samples[sensor], second.samples[sensor])
            assert all(
                np.array_equal(getattr(one, f), b) for f, b in zip(Samples.__slots__, before[sensor], strict=True)
            )

    def test_makes_something_that_can_be_recorded(self, name, heard):
        found = worse(heard, name)
        assert found.samples.keys() == heard.samples.keys()
        assert Session.parse(dict(found.session.document)).sensors.keys() == heard.session.sensors.keys()
        for sensor, one in found.samples.items():
            assert len(one) > 100
            assert one.t_ns.min() >= 0
            assert (np.diff(one.t_ns) > 0).all()
            assert (np.diff(one.seq) > 0).all()
            assert np.array_equal(one.acc, one.acc.astype(np.float32))
            setup, before = found.session.sensors[sensor], heard.session.sensors[sensor]
            assert np.array_equal(setup.mounting, before.mounting)

    def test_is_drawn_anew_for_each_seed_session_and_sensor(self, name, heard):
        if name.startswith(("rate", "offset")):
            pytest.skip("nothing random in it")
        left = worse(heard, name).samples["foot_left"]
        for other in (worse(heard, name, seed=2), worse(heard, name, session="other")):
            assert not equal(left, other.samples["foot_left"])
        alike = Heard(heard.session, dict.fromkeys(heard.samples, heard.samples["foot_left"]))
        found = worse(alike, name).samples
        assert not equal(found["foot_left"], found["foot_right"])


def test_noise_is_four_times_the_usual(heard):
    found, rate_hz = worse(heard, "noise-x4"), heard.session.sensors["pelvis"].rate_hz
    more = found.samples["pelvis"].acc - heard.samples["pelvis"].acc
    usual = USUAL_ACC_M_S2_RTHZ * math.sqrt(rate_hz / 2.0)
    assert math.hypot(more.std(), usual) == pytest.approx(4.0 * usual, rel=0.03)
    turning = found.samples["pelvis"].gyr - heard.samples["pelvis"].gyr
    assert turning.std() == pytest.approx(math.sqrt(15.0 * rate_hz / 2.0) * USUAL_GYR_RAD_S_RTHZ, rel=0.03)


def test_bias_is_constant_and_of_one_degree_a_second(heard):
    found = worse(heard, "bias-1dps")
    for sensor, one in heard.samples.items():
        bias = found.samples[sensor].gyr - one.gyr
        assert np.ptp(bias, axis=0).max() < 1e-5
        assert np.linalg.norm(bias.mean(axis=0)) == pytest.approx(math.radians(1.0), rel=1e-4)
        assert found.samples[sensor].acc == pytest.approx(one.acc, abs=1e-5)


@pytest.mark.parametrize("deg", [10, 20, 35])
def test_tilt_keeps_sizes_and_tilts_gravity(deg, heard):
    found = worse(heard, f"tilt-{deg}")
    for sensor, one in heard.samples.items():
        tilted = found.samples[sensor]
        for field in ("acc", "gyr"):
            sizes = np.linalg.norm(getattr(one, field), axis=1)
            assert np.linalg.norm(getattr(tilted, field), axis=1) == pytest.approx(sizes, rel=1e-5, abs=1e-5)
        up, turned = one.acc.mean(axis=0), tilted.acc.mean(axis=0)
        cos = up @ turned / np.linalg.norm(up) / np.linalg.norm(turned)
        assert math.degrees(math.acos(cos)) == pytest.approx(deg, abs=1e-3)


@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(-4, 4), st.tuples(*[st.floats(-50, 50)] * 3))
def test_a_rotation_keeps_norms_and_its_axis(axis, angle, vector):
    assume(np.linalg.norm(axis) > 0.01)
    unit = np.array(axis) / np.linalg.norm(axis)
    turn = rotation(unit, angle)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    assert turn @ unit == pytest.approx(unit)
    assert np.linalg.norm(turn @ vector) == pytest.approx(np.linalg.norm(vector), abs=1e-9)
    # right-handed
    aside = np.cross(unit, vector)
    assert (turn @ vector) @ aside == pytest.approx(math.sin(angle) * (aside @ aside), abs=1e-6)


class TestRate:
    def test_its_own_changes_nothing(self, heard):
        found = worse(heard, "rate-100")
        assert all(
            equal(found.samples[name], replace(one, acc=np.float32(one.acc), gyr=np.float32(one.gyr)))
            for name, one in heard.samples.items()
        )

    @pytest.mark.parametrize("rate", [25, 50, 200, 400])
    def test_there_are_so_many_a_second_and_session_json_says_so(self, rate, heard):
        found = worse(heard, f"rate-{rate}")
        for sensor, one in heard.samples.items():
            new = found.samples[sensor]
            seconds = (one.t_ns[-1] - one.t_ns[0]) / NS_PER_S
            assert len(new) == pytest.approx(seconds * rate, abs=1.1)
            assert np.abs(np.diff(new.t_ns) - NS_PER_S / rate).max() <= 1
            assert found.session.sensors[sensor].rate_hz == rate
            assert heard.session.sensors[sensor].rate_hz == 100.0

    @given(
        old=st.sampled_from([100.0, 128.0, 204.8, 370.0]),
        new=st.sampled_from([25.0, 50.0, 100.0, 200.0, 400.0]),
        share=st.floats(0.05, 0.6),
        phase=st.floats(0, 6),
    )
    def test_what_both_rates_can_hold_stays(self, old, new, share, phase):
        hz, n = share * 0.5 * min(old, new), round(6 * old)
        found, rate_hz = resampled(new)(
            "pelvis", rows(np.sin(2 * np.pi * hz * np.arange(n) / old + phase), old), old, ANY
        )
        t_s = found.t_ns / NS_PER_S
        # the filter reaches over both ends
        inner = (t_s > 1.5) & (t_s < 4.5)
        assert rate_hz == new
        assert found.acc[inner, 1] == pytest.approx(np.sin(2 * np.pi * hz * t_s[inner] + phase), abs=2e-3)

    @given(
        old=st.sampled_from([200.0, 370.0]),
        new=st.sampled_from([25.0, 50.0, 100.0]),
        more=st.floats(1.15, 1.6),
        phase=st.floats(0, 6),
    )
    def test_what_the_new_rate_can_not_hold_goes(self, old, new, more, phase):
        hz, n = more * 0.5 * new, round(6 * old)
        assume(hz < 0.5 * old)
        found, _ = resampled(new)("pelvis", rows(np.sin(2 * np.pi * hz * np.arange(n) / old + phase), old), old, ANY)
        t_s = found.t_ns / NS_PER_S
        assert np.abs(found.acc[(t_s > 1.5) & (t_s < 4.5)]).max() < 2e-3

    @given(st.floats(-20, 20), st.sampled_from([25.0, 50.0, 200.0, 400.0]))
    def test_what_is_constant_stays_to_its_very_ends(self, value, new):
        found, _ = resampled(new)("pelvis", rows(np.full(300, value), 100.0), 100.0, ANY)
        assert found.gyr == pytest.approx(np.full((len(found), 3), value))

    def test_what_was_missing_is_missing(self):
        keep = np.ones(600, bool)
        keep[200:260] = keep[400] = False
        found, _ = resampled(50.0)("pelvis", rows(np.ones(600), 200.0, keep=keep), 200.0, ANY)
        inside = (found.t_ns > 0.995 * NS_PER_S) & (found.t_ns < 1.3 * NS_PER_S)
        assert not inside.any()
        assert np.array_equal(np.rint(found.t_ns * 50.0 / NS_PER_S), found.seq)
        assert np.diff(found.seq).max() >= 15

    @pytest.mark.parametrize("rate", [25.0, 50.0, 200.0, 400.0])
    def test_a_jump_of_the_clock_is_no_loss(self, rate):
        made = rows(np.ones(400), 100.0)
        made.t_ns[150:] += 7 * NS_PER_S
        # a stretch without any instant at 25 Hz
        made.t_ns[151:] += 2 * NS_PER_S + 3 * MS
        found, _ = resampled(rate)("pelvis", made, 100.0, ANY)
        assert set(np.diff(found.seq).tolist()) == {1}
        assert found.seq[0] == 0
        assert np.diff(found.t_ns).max() > 7 * NS_PER_S

    def test_loss_behind_a_jump_of_the_clock_is_still_loss(self):
        keep = np.ones(600, bool)
        keep[400:440] = False
        made = rows(np.ones(600), 200.0, keep=keep)
        whole, _ = resampled(50.0)("pelvis", made, 200.0, ANY)
        made.t_ns[200:] += 5 * NS_PER_S
        found, _ = resampled(50.0)("pelvis", made, 200.0, ANY)
        assert np.array_equal(np.diff(found.seq), np.diff(whole.seq))
        assert np.diff(found.seq).max() == 11

    def test_late_and_broken_rows_are_left_out(self):
        made = rows(np.ones(400), 200.0)
        made.acc[50] = np.nan
        made.t_ns[100] = made.t_ns[90]
        found, _ = resampled(100.0)("pelvis", made, 200.0, ANY)
        assert np.isfinite(found.acc).all()
        assert (np.diff(found.t_ns) > 0).all()

    def test_clipped_samples_clip_those_near_them(self):
        made = rows(np.ones(400), 200.0)
        made.clipped[200] = True
        found, _ = resampled(50.0)("pelvis", made, 200.0, ANY)
        assert np.abs(found.t_ns[found.clipped] - NS_PER_S).max() <= 20 * MS
        assert found.clipped.any()

    def test_places_of_rows_give_rows_when_nothing_is_filtered(self):
        values = np.random.default_rng(1).standard_normal((50, 2))
        assert band_limited(values, np.arange(50.0), 1.0) == pytest.approx(values, abs=1e-9)


@pytest.mark.parametrize("percent", [1, 5, 10])
def test_loss_leaves_the_counter_jumping(percent, heard):
    found = worse(heard, f"loss-{percent}")
    for sensor, one in heard.samples.items():
        left = found.samples[sensor]
        kept = np.isin(one.seq, left.seq)
        assert left.acc == pytest.approx(one.acc[kept], abs=1e-4)
        assert np.array_equal(left.t_ns, one.t_ns[kept])
        assert 1.0 - kept.mean() == pytest.approx(percent / 100.0, abs=0.02)
        assert np.diff(left.seq).max() > 1


def test_gaps_come_every_ten_seconds(heard):
    found = worse(heard, "gap-200")
    for sensor, one in heard.samples.items():
        left = found.samples[sensor]
        jumps = np.flatnonzero(np.diff(left.seq) > 1)
        assert len(jumps) >= (one.t_ns[-1] - one.t_ns[0]) // (10 * NS_PER_S)
        assert np.diff(left.seq)[jumps].tolist() == [21] * len(jumps)
        assert np.abs(np.diff(left.t_ns[jumps]) - 10 * NS_PER_S).max(initial=0) <= 10 * MS


def test_jitter_moves_stamps_and_nothing_else(heard):
    found = worse(heard, "jitter-5")
    for sensor, one in heard.samples.items():
        moved = found.samples[sensor]
        assert np.abs(moved.t_ns - one.t_ns).max() <= 5 * MS
        assert (moved.t_ns - one.t_ns).mean() == pytest.approx(0.0, abs=0.3 * MS)
        assert moved.acc == pytest.approx(one.acc, abs=1e-4)
        assert np.array_equal(moved.seq, one.seq)


def test_jitter_keeps_what_came_late_late():
    made = rows(np.ones(100), 100.0)
    made.t_ns[50] = made.t_ns[20] + 1
    found, _ = PERTURBATIONS["jitter-5"].change("pelvis", made, 100.0, np.random.default_rng(1))
    assert np.array_equal(np.argsort(found.t_ns), np.argsort(made.t_ns))


def test_only_the_left_clock_is_late(heard):
    found = worse(heard, "offset-20")
    for sensor, one in heard.samples.items():
        late = 20 * MS if sensor == "foot_left" else 0
        assert np.array_equal(found.samples[sensor].t_ns, one.t_ns + late)
