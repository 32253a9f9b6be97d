"""Thighs and shanks follow from pelvis and feet: they have to reach, and to bend as people's do."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.units import NS_PER_S
from imu.simulate import Person, Protocol, SensorModel, Stand, Walk, simulate

BARE = {"foot_left": SensorModel(position_m=(0.0, 0.0, 0.0))}


def walking(direction, speed, seed=1, **person):
    protocol = Protocol(segments=(Stand(seconds=2.0), Walk(direction=direction, seconds=12.0, speed_m_s=speed)))
    return simulate(Person(**person), protocol, BARE, seed=seed)


def per_stride(recording, curve, t, points=101):
    """(strides, points) of a curve from contact to contact of the left foot, the first and last left out."""
    at = [row["t_contact_ns"] / NS_PER_S for row in recording.truth_contacts if row["foot"] == "left"][2:-2]
    return np.array([np.interp(np.linspace(a, b, points), t, curve) for a, b in pairwise(at)])


@settings(deadline=None, max_examples=20)
@given(direction=st.sampled_from(["forward", "backward"]), speed=st.floats(0.2, 1.9), seed=st.integers(0, 1000))
def test_legs_reach_and_bones_keep_their_length(direction, speed, seed):
    recording = walking(direction, speed, seed)
    t = np.arange(0.0, recording.duration_s, 0.01)
    for foot in ("left", "right"):
        angles = recording.joint_angles(foot, t)
        assert angles.short_m.max() < 0.07
        assert (angles.short_m > 0.03).mean() < 0.1
        assert angles.knee.min() >= 0.0, "a knee never bends the wrong way"
        assert angles.knee.max() < np.radians(110.0)


def test_standing_is_nearly_straight():
    recording = walking("forward", 1.0)
    hip, knee, ankle, short_m = recording.joint_angles("left", np.array([0.5, 1.0, 1.5]))
    assert short_m.max() == 0.0
    assert np.degrees(knee) == pytest.approx(6.0, abs=6.0)
    assert abs(np.degrees(ankle)).max() < 10.0
    assert abs(np.degrees(hip)).max() < 20.0


@pytest.mark.parametrize(
    ("joint", "low", "high"),
    [
        # ranges over a stride, forward at a comfortable speed, of gait laboratories: docs/simulator.md
        ("hip", 35.0, 60.0),
        ("knee", 50.0, 75.0),
        ("ankle", 20.0, 50.0),
    ],
)
def test_joints_move_as_far_as_peoples_do(joint, low, high):
    recording = walking("forward", 1.2)
    t = np.arange(0.0, recording.duration_s, 0.005)
    strides = np.degrees(per_stride(recording, getattr(recording.joint_angles("left", t), joint), t))
    assert low < np.median(np.ptp(strides, axis=1)) < high


def test_the_knee_bends_twice_and_most_in_swing():
    recording = walking("forward", 1.2)
    t = np.arange(0.0, recording.duration_s, 0.005)
    knee = np.degrees(np.median(per_stride(recording, recording.joint_angles("left", t).knee, t), axis=0))
    assert 65 < knee.argmax() < 85
    assert knee[5:30].max() > knee[35:45].min() + 3.0, "it gives way in loading and straightens again"


def test_backward_the_hip_extends_into_contact_and_flexes_in_stance():
    recording = walking("backward", 0.7)
    t = np.arange(0.0, recording.duration_s, 0.005)
    hip = np.degrees(np.median(per_stride(recording, recording.joint_angles("left", t).hip, t), axis=0))
    assert hip[5:20].mean() < hip[40:60].mean() - 10.0
