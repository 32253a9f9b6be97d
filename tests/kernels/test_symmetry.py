import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.kernels import symmetry

SHARE = np.linspace(0.0, 1.0, symmetry.POINTS)


def walk(angle: float, steps: int) -> list[np.ndarray]:
    """Level acceleration of steps along a way that lies `angle` from the first axis: push along it, sway across."""
    ahead = 1.5 * np.cos(2.0 * np.pi * SHARE) + 0.3 * np.sin(4.0 * np.pi * SHARE)
    across = np.sin(np.pi * SHARE)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return [np.stack([ahead, (-1.0) ** k * across], axis=1) @ turn for k in range(steps)]


@given(angle=st.floats(-1.5, 1.5))
def test_the_way_of_travel_is_found_up_to_its_sign(angle: float) -> None:
    state = np.zeros(1, symmetry.STATE)
    steps = walk(angle, 9)
    for one, other in pairwise(steps):
        symmetry.pair(state, one, other)
    found, clear = symmetry.axis(state)
    assert math.sin(found - angle) == pytest.approx(0.0, abs=1e-6)
    assert clear > 0.99
    assert state[0]["pairs"] == 8


def test_without_motion_nothing_is_clear() -> None:
    state = np.zeros(1, symmetry.STATE)
    assert symmetry.axis(state) == (0.0, 0.0)
    symmetry.pair(state, np.zeros((symmetry.POINTS, 2)), np.zeros((symmetry.POINTS, 2)))
    assert symmetry.axis(state) == (0.0, 0.0)


def test_level_acceleration_is_resampled_without_gravity() -> None:
    t_ns = np.arange(0, 1001, 10, dtype=np.int64) * 1_000_000
    q = np.tile([1.0, 0.0, 0.0, 0.0], (len(t_ns), 1))
    force = np.stack([np.linspace(0.0, 1.0, len(t_ns)), np.full(len(t_ns), 2.0), np.full(len(t_ns), 9.81)], axis=1)
    out = np.empty((symmetry.POINTS, 2))
    symmetry.level_acceleration(t_ns, q, force, np.array([0.0, 0.0, 1.0]), np.eye(3), 205_000_000, 805_000_000, out)
    np.testing.assert_allclose(out[:, 0], np.linspace(0.205, 0.805, symmetry.POINTS), atol=1e-12)
    np.testing.assert_allclose(out[:, 1], 2.0, atol=1e-12)
