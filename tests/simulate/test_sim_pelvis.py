import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.units import NS_PER_S
from imu.simulate import Gait, Person, Protocol, Stand, Turn, Walk, simulate, usual_sensors
from imu.simulate.kinematics import readings_of_samples
from imu.simulate.limits import Sides

STIFF = {"stride_time_sd_s": 0.0, "step_length_sd_m": 0.0, "drop_sd_deg": 0.0, "standing_sway_deg": 0.0}
SOFT = {"impact_m_s2": 0.0}
BOTH_WAYS = pytest.mark.parametrize("direction", ["forward", "backward"])


def steady_steps(recording):
    """(stance foot, times) of each step but the first two and the last two."""
    rows = recording.truth_contacts[2:-2]
    for first, second in pairwise(rows):
        yield first["foot"], np.linspace(first["t_contact_ns"] / NS_PER_S, second["t_contact_ns"] / NS_PER_S, 101)


@settings(deadline=None, max_examples=15)
@given(
    direction=st.sampled_from(["forward", "backward"]),
    left=st.floats(0.0, 15.0),
    right=st.floats(0.0, 15.0),
    peak=st.floats(0.2, 0.7),
    speed=st.floats(0.3, 1.6),
    low=st.floats(0.0, 0.5),
)
def test_the_true_drop_of_a_step_is_the_one_asked_for(direction, left, right, peak, speed, low):
    gait = Gait(drop_deg=Sides(left, right), drop_peak=peak, low_at_contact=low)
    protocol = Protocol(segments=(Stand(seconds=1.0), Walk(direction=direction, seconds=12.0, speed_m_s=speed)))
    recording = simulate(Person(forward=gait, backward=gait, **STIFF), protocol, usual_sensors(), seed=1)
    steps = recording.truth_steps
    assert len(steps) > 4
    for step in steps[1:-1]:
        assert step["pelvic_drop_deg"] == pytest.approx(left if step["stance_foot"] == "left" else right, abs=1e-3)
        assert step["direction"] == direction


@BOTH_WAYS
def test_the_pelvis_accelerates_away_from_the_stance_foot_and_is_high_over_it(walk, direction):
    recording = walk(direction, person=Person(**{direction: Gait(**SOFT)}, **STIFF))
    for foot, t in steady_steps(recording):
        middle = t[30:70]
        acc = recording.pelvis().readings(middle).acc
        assert (acc[:, 1].mean() < 0) == (foot == "left"), "+y is to the left"
        height = recording.pelvis().pose(t)[0][:, 2]
        assert 35 < height.argmax() < 85
        assert height.argmin() < 30 or height.argmin() > 95, "lowest when both feet are down"


@BOTH_WAYS
def test_the_pelvis_travels_with_the_feet(walk, direction):
    recording = walk(direction, seconds=20.0, speed_m_s=0.7, person=Person(**STIFF))
    t = np.linspace(6.0, 16.0, 2001)
    place = recording.pelvis().pose(t)[0]
    speed = np.polyfit(t, place[:, 0], 1)[0]
    assert speed == pytest.approx(0.7 if direction == "forward" else -0.7, rel=0.01)
    feet = [recording.foot(foot).pose(t)[0] for foot in ("left", "right")]
    ahead = place[:, 0] - 0.5 * (feet[0] + feet[1])[:, 0]
    assert np.abs(ahead).max() < 0.3
    assert np.abs(place[:, 1]).max() < 0.06


@BOTH_WAYS
def test_readings_are_the_limit_of_the_sampled_path_through_all_phases(walk, direction):
    recording, errors = walk(direction), []
    pelvis = recording.pelvis(np.array([-0.1, 0.0, 0.05]))
    for rate_hz in (200.0, 1600.0):
        t = np.arange(0.0, recording.duration_s, 1.0 / rate_hz)
        exact, sampled = pelvis.readings(t), readings_of_samples(rate_hz, *pelvis.pose(t))
        errors.append([np.abs(a - b)[3:-3].max() for a, b in zip(exact, sampled, strict=True)])
    assert (np.array(errors[1]) < np.array(errors[0]) / 4.0).all(), errors
    assert max(errors[1]) < 0.1, errors


def test_the_leading_side_is_turned_to_the_front():
    for direction, sign in (("forward", -1.0), ("backward", 1.0)):
        protocol = Protocol(segments=(Walk(direction=direction, steps=12),))
        recording = simulate(Person(**STIFF), protocol, usual_sensors(), seed=1)
        for foot, t in steady_steps(recording):
            rotation = recording.pelvis().angles(t[:1])[0, 0]
            assert rotation * sign * (1.0 if foot == "left" else -1.0) > 0.0


def test_standing_sways_a_little_and_tilt_keeps_its_offset(walk):
    recording = walk("forward", person=Person(tilt_deg=11.0))
    t = np.arange(0.2, 1.8, 0.01)
    rotation, obliquity, tilt = np.degrees(recording.pelvis().angles(t))
    assert np.abs(np.stack([rotation, obliquity])).max() < 0.2
    assert np.ptp(obliquity) > 0.01
    assert tilt.mean() == pytest.approx(11.0, abs=0.2)
    gyr = recording.pelvis().readings(t).gyr
    assert np.linalg.norm(gyr, axis=1).max() < 0.03, "quiet standing"


def test_a_turn_turns_the_pelvis_without_a_jump():
    protocol = Protocol(segments=(Stand(seconds=1.0), Turn(degrees=180.0), Stand(seconds=1.0)))
    recording = simulate(Person(**STIFF), protocol, usual_sensors(), seed=1)
    columns = next(recording.truth_pelvis(200.0))
    assert columns["rotation_deg"][[0, -1]].tolist() == pytest.approx([0.0, 180.0], abs=0.5)
    assert np.abs(np.diff(columns["rotation_deg"])).max() < 1.5
    assert columns["t_ns"].dtype == np.int64
    assert math.isclose(columns["t_ns"][1], 5_000_000)
