"""Attitude, heading and axes of a foot against scipy's rotations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from imu.gait.foot import FrameParams
from imu.kernels import foot_frame

RATE_HZ = 200.0
C = FrameParams().resolve(RATE_HZ)
G = 9.81


def state(mounting=None):
    """As a foot of known (rows forward, left, up in sensor axes) or unknown mounting begins."""
    made = np.zeros(1, foot_frame.STATE)
    s = made[0]
    s["gravity"] = G
    axes = np.eye(3) if mounting is None else mounting
    for name, axis in zip(("forward", "left", "up"), axes, strict=True):
        s[name][:] = axis
    s["nominal_left"][:] = axes[1]
    s["bounded"] = mounting is not None
    foot_frame.restart(s)
    return s


def rotation_of(s) -> Rotation:
    return Rotation.from_quat(s["q"][[1, 2, 3, 0]])


@given(seed=st.integers(0, 10**6))
def test_it_begins_on_the_foots_own_axes(seed) -> None:
    mounting = Rotation.random(random_state=seed).as_matrix()
    s = state(mounting)
    np.testing.assert_allclose(rotation_of(s).as_matrix(), mounting, atol=1e-12)


@given(angle=st.floats(0.0, 3.1), way=st.floats(0.0, 6.3), gain=st.sampled_from([0.1, 0.5, 1.0]))
def test_levelling_turns_towards_up_about_a_level_axis(angle, way, gain) -> None:
    s = state()
    up = np.array([math.sin(angle) * math.cos(way), math.sin(angle) * math.sin(way), math.cos(angle)])
    foot_frame.level_by(s, G * up, G, gain)
    turned = rotation_of(s)
    assert np.linalg.norm(s["q"]) == pytest.approx(1.0, abs=2e-6)
    left = math.acos(min(1.0, turned.apply(up)[2]))
    assert left == pytest.approx((1.0 - gain) * angle, abs=2e-6)
    assert abs(turned.as_rotvec()[2]) < 1e-12


def carried(s, attitudes: Rotation) -> float:
    """Through attitudes at the sampling rate; returns how far the foot turned, in rad."""
    turned = 0.0
    steps = attitudes[:-1].inv() * attitudes[1:]
    for rotvec in steps.as_rotvec():
        foot_frame.step(s, 0.0, 0.0, G, *(rotvec * RATE_HZ), 1.0 / RATE_HZ, C)
        foot_frame.look(s, 1.0 / RATE_HZ)
        turned += s["turned"]
    return turned


@pytest.mark.parametrize("yaw_deg", [0.0, 30.0, -90.0, 200.0])
def test_a_foot_turns_by_its_yaw_whatever_else_it_does_on_the_way(yaw_deg) -> None:
    """Swinging back it rolls one way: the rate about the vertical does not add up to its heading."""
    t = np.linspace(0.0, 1.0, 201)
    pitch, roll = 60.0 * np.sin(2 * np.pi * t), 15.0 * np.sin(np.pi * t) ** 2 * np.cos(2 * np.pi * t)
    attitudes = Rotation.from_euler("ZYX", np.stack([yaw_deg * t, pitch, roll], axis=1), degrees=True)
    s = state()
    foot_frame.look(s, 0.0)
    assert carried(s, attitudes) == pytest.approx(math.radians(yaw_deg), abs=0.01)


def test_after_a_restart_it_has_not_turned() -> None:
    s = state()
    foot_frame.look(s, 0.0)
    foot_frame.restart(s)
    s["q"][:] = Rotation.from_euler("z", 1.0).as_quat()[[3, 0, 1, 2]]
    foot_frame.look(s, 0.0)
    assert s["turned"] == 0.0


@pytest.mark.parametrize(("off_deg", "known"), [(35.0, True), (-35.0, True), (80.0, False), (-80.0, False)])
def test_the_left_axis_finds_the_main_axis_of_rotation(off_deg, known) -> None:
    """The foot pitches about an axis that is not the stated one, and stands still in between."""
    axis = np.array([math.sin(math.radians(off_deg)), math.cos(math.radians(off_deg)), 0.0])
    s = state(np.eye(3) if known else None)
    assert foot_frame.off_axis(s, C) == pytest.approx(math.pi / 2), "nothing is known of the axis yet"
    swing = Rotation.from_rotvec(np.outer(np.sin(np.linspace(0.0, 2 * np.pi, 101)), axis))
    carried(s, swing)
    assert foot_frame.off_axis(s, C) == pytest.approx(abs(math.radians(off_deg)), abs=0.02)
    for _ in range(40):
        foot_frame.learn_in_stillness(s, np.array([0.0, 0.0, G]), G, 1.0, 0.0, 0.0, 0.0, False, 1 / RATE_HZ, C)
    assert abs(s["left"] @ axis) > 0.999
    assert foot_frame.off_axis(s, C) < 0.02


def test_a_known_mounting_is_not_left_by_more_than_its_bound() -> None:
    s = state(np.eye(3))
    for _ in range(6):
        carried(s, Rotation.from_rotvec(np.outer(np.sin(np.linspace(0.0, 2 * np.pi, 101)), [0.98, 0.2, 0.0])))
        for _ in range(40):
            foot_frame.learn_in_stillness(s, np.array([0.0, 0.0, G]), G, 1.0, 0.0, 0.0, 0.0, False, 1 / RATE_HZ, C)
            assert s["left"][1] >= math.cos(FrameParams().axis_bound_rad) - 0.02


def test_a_swing_moves_the_foot_and_linear_drift_is_taken_away() -> None:
    s, n = state(), 200
    t = np.arange(n) / RATE_HZ
    forward = 2.0 * np.sin(2 * np.pi * t)
    for acc in forward + 0.3:
        # a bias of 0.3 m/s^2 that no one knows
        foot_frame.step(s, acc, 0.0, G, 0.0, 0.0, 0.0, 1.0 / RATE_HZ, C)
        foot_frame.look(s, 1.0 / RATE_HZ)
    ahead, aside = foot_frame.shift_without_drift(s)
    assert ahead == pytest.approx(2.0 / (2 * np.pi), rel=0.02)
    assert abs(aside) < 1e-9


def test_scipy_and_the_house_agree_on_slow_rotations() -> None:
    key = Rotation.random(4, random_state=2)
    attitudes = Slerp([0.0, 1.0, 2.0, 3.0], key)(np.linspace(0.0, 3.0, 601))
    s = state()
    s["q"][:] = attitudes[0].as_quat()[[3, 0, 1, 2]]
    carried(s, attitudes)
    assert (rotation_of(s) * attitudes[-1].inv()).magnitude() < 1e-6
