import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imu.kernels import step

MS = 1_000_000


@given(times=st.lists(st.integers(-50, 50), unique=True).map(sorted), t=st.integers(-60, 60))
def test_first_at_is_a_left_bisection(times: list[int], t: int) -> None:
    t_ns = np.array(times, np.int64)
    assert step.first_at(t_ns, t) == np.searchsorted(t_ns, t)


@given(seed=st.integers(0, 2**32), t=st.integers(-10, 400))
def test_a_value_between_samples_is_linear_and_beyond_them_the_nearest(seed: int, t: int) -> None:
    rng = np.random.default_rng(seed)
    t_ns = np.cumsum(rng.integers(1, 30, 12))
    values = rng.normal(size=(12, 3))
    assert step.at(t_ns, values, 1, t) == pytest.approx(np.interp(t, t_ns, values[:, 1]), abs=1e-12)


@given(seed=st.integers(0, 2**32))
def test_angles_are_those_of_the_order_rotation_obliquity_tilt(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 50
    told = np.stack([np.cumsum(rng.uniform(-40, 60, n)), rng.uniform(-60, 60, n), rng.uniform(-80, 80, n)], axis=1)
    told[0, 0] = 0.0
    # any tilt of I and any mounting: neither may show
    inertial, mounting = Rotation.random(rng=rng), Rotation.random(rng=rng).as_matrix()
    turned = inertial * Rotation.from_euler("ZXY", told, degrees=True) * Rotation.from_matrix(mounting)
    q = turned.as_quat()[:, [3, 0, 1, 2]].copy()
    out = np.empty((n, 3))
    step.angles(q, inertial.apply([0.0, 0.0, 1.0]), mounting, 0, out)
    np.testing.assert_allclose(np.degrees(out), told[:, [1, 2, 0]], atol=1e-9)


def test_level_axes_are_a_right_handed_frame_about_up() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        forward, up = rng.normal(size=(2, 3))
        up /= np.linalg.norm(up)
        axes = np.empty((3, 3))
        step.level_axes(forward, up, axes)
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1.0)
        np.testing.assert_array_equal(axes[2], up)
        assert axes[0] @ forward > 0.0


def test_loss_counts_by_what_falls_into_the_step() -> None:
    # one of two samples between 20 and 40 ms is missing; half of that hole lies in the step
    t_ns = np.array([0, 10, 20, 40, 50]) * MS
    lost = np.array([0, 0, 0, 1, 0])
    missing, count = step.missing_ns(t_ns, lost, 0, 3, 5 * MS, 30 * MS)
    assert (missing, count) == (5 * MS, 1)
    assert step.missing_ns(t_ns, lost, 0, 2, 5 * MS, 20 * MS) == (0, 0)


def test_a_step_read_by_hand() -> None:
    """Obliquity falls 1 degree before the contact, rises by 3 in the step and comes back by 1, in straight lines."""
    t_ns = np.arange(0, 1001, 50) * MS
    corners_ms, corners_deg = [0, 450, 500, 800, 1000], [5.0, 5.0, 4.0, 7.0, 6.0]
    values = np.zeros((len(t_ns), 3))
    values[:, 0] = np.radians(np.interp(t_ns / MS, corners_ms, corners_deg))
    values[:, 1] = np.radians(2.0)
    values[:, 2] = np.radians(np.linspace(0.0, 10.0, len(t_ns)))
    out = np.zeros(1, step.STEP)
    step.read(t_ns, values, 1.0, 475 * MS, 975 * MS, 100 * MS, 50 * MS, 25 * MS, out)
    seen = {name: float(np.degrees(out[0][name])) for name in step.STEP.names if name != "peak_ns"}
    assert int(out[0]["peak_ns"]) == 800 * MS
    assert seen["peak"] == pytest.approx(7.0)
    assert seen["start"] == pytest.approx(4.5), "between two samples"
    assert seen["least"] == pytest.approx(4.0)
    assert seen["start_spread"] == pytest.approx(0.5), "half a degree either way in 25 ms"
    assert seen["obliquity_range"] == pytest.approx(3.0)
    assert seen["tilt_mean"] == pytest.approx(2.0)
    assert seen["turn"] == pytest.approx(5.0)
    assert seen["rotation_range"] == pytest.approx(5.0)
    assert seen["yaw_before"] == pytest.approx(9.75)
    assert seen["rotation_to_peak"] == pytest.approx(3.25)
    # the other foot stands: the same obliquity is a fall of the other side
    step.read(t_ns, values, -1.0, 475 * MS, 975 * MS, 100 * MS, 50 * MS, 25 * MS, out)
    assert np.degrees(out[0]["peak"]) == pytest.approx(-4.0)
