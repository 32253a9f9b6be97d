import numpy as np
import pytest

from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.simulate.kinematics import attitude, readings, readings_of_samples
from imu.simulate.quintic import Knots


def waves(t, amplitudes, rates):
    """Sines (d, n) with their derivatives."""
    a, w = np.array(amplitudes)[:, None], np.array(rates)[:, None]
    return Knots(a * np.sin(w * t), a * w * np.cos(w * t), -a * w**2 * np.sin(w * t))


def tumbling(rate_hz, lever=(0.1, -0.03, 0.07)):
    """Exact readings and sampled path of a body that turns about all three axes, tilt beyond a right angle."""
    t = np.arange(0.0, 2.0, 1.0 / rate_hz)
    place, angles = waves(t, (0.4, 0.1, 0.05), (5.0, 7.0, 11.0)), waves(t, (0.8, 0.3, 2.0), (4.0, 6.0, 5.0))
    turned = attitude(angles.value)
    path = place.value.T + turned @ np.array(lever)
    return readings(place.acceleration, angles, np.array(lever)), path, turned


def test_at_rest_specific_force_points_up_and_nothing_turns():
    still = Knots(*np.zeros((3, 3, 4)))
    acc, gyr = readings(np.zeros((3, 4)), still, np.zeros(3))
    assert (acc == [0.0, 0.0, STANDARD_GRAVITY_M_S2]).all()
    assert not gyr.any()


def test_exact_readings_are_the_limit_of_sampled_ones_at_fourth_order():
    errors = []
    for rate_hz in (100.0, 200.0):
        (acc, gyr), path, turned = tumbling(rate_hz)
        found = readings_of_samples(rate_hz, path, turned)
        errors.append([np.abs(a - b)[2:-2].max() for a, b in zip(found, (acc, gyr), strict=True)])
    assert (np.array(errors[1]) < np.array(errors[0]) / 12.0).all(), errors
    assert max(errors[1]) < 0.01


def test_attitude_is_rotation_then_roll_then_tilt():
    yaw, roll, tilt = 0.7, 0.2, -0.4
    c, s = np.cos, np.sin
    z = np.array([[c(yaw), -s(yaw), 0], [s(yaw), c(yaw), 0], [0, 0, 1]])
    x = np.array([[1, 0, 0], [0, c(roll), -s(roll)], [0, s(roll), c(roll)]])
    y = np.array([[c(tilt), 0, s(tilt)], [0, 1, 0], [-s(tilt), 0, c(tilt)]])
    np.testing.assert_allclose(attitude(np.array([[yaw], [roll], [tilt]]))[0], z @ x @ y, atol=1e-15)


def test_signs_are_those_of_the_body_frame():
    up, down = attitude(np.array([[0.0], [0.1], [0.0]]))[0], attitude(np.array([[0.0], [0.0], [0.1]]))[0]
    assert up[2, 1] > 0, "obliquity lifts the left side"
    assert down[2, 0] < 0, "tilt lowers the front"


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        readings_of_samples(100.0, np.zeros((4, 3)), np.zeros((4, 3, 3)))
