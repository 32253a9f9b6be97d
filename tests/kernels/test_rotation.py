import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imu.kernels import rotation

component = st.floats(-1.0, 1.0)
vectors = st.tuples(component, component, component)


def as_scipy(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q[[1, 2, 3, 0]])


def some_quaternion(seed: int) -> np.ndarray:
    x, y, z, w = Rotation.random(rng=np.random.default_rng(seed)).as_quat()
    return np.array([w, x, y, z])


@given(seed=st.integers(0, 2**32), v=vectors)
def test_rotates_as_scipy_does_and_back(seed: int, v: tuple[float, float, float]) -> None:
    q = some_quaternion(seed)
    turned = rotation.rotate(q, *v)
    np.testing.assert_allclose(turned, as_scipy(q).apply(v), atol=1e-14)
    np.testing.assert_allclose(rotation.unrotate(q, *turned), v, atol=1e-14)


@given(seed=st.integers(0, 2**32), other=st.integers(0, 2**32))
def test_a_product_turns_by_the_right_factor_first(seed: int, other: int) -> None:
    q, p = some_quaternion(seed), some_quaternion(other)
    expected = as_scipy(q) * as_scipy(p)
    rotation.multiply(q, *p)
    assert (as_scipy(q) * expected.inv()).magnitude() < 1e-14


@given(seed=st.integers(0, 2**32), rate=vectors, dt=st.floats(1e-4, 0.05))
def test_a_small_rotation_is_the_exponential_of_the_rate(
    seed: int, rate: tuple[float, float, float], dt: float
) -> None:
    q = some_quaternion(seed)
    expected = as_scipy(q) * Rotation.from_rotvec(np.array(rate) * dt)
    rotation.advance(q, *rate, dt)
    # the first term left out is the fifth power of half the angle over 120
    angle = 0.5 * math.hypot(*rate) * dt
    assert (as_scipy(q) * expected.inv()).magnitude() <= angle**5 / 30.0 + 1e-14
    assert np.linalg.norm(q) == pytest.approx(1.0, abs=1e-15)


def test_an_hour_of_spinning_stays_a_rotation() -> None:
    q = np.array([1.0, 0.0, 0.0, 0.0])
    for _ in range(36_000):
        rotation.advance(q, 3.0, -2.0, 1.0, 0.01)
    assert np.linalg.norm(q) == pytest.approx(1.0, abs=1e-15)
    expected = Rotation.from_rotvec(np.array([3.0, -2.0, 1.0]) * 360.0)
    assert (as_scipy(q) * expected.inv()).magnitude() < 1e-5
