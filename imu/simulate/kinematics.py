"""From motion to what an inertial sensor reads, exactly where the motion is known, closely where it was sampled.

Attitude is rotation, then roll, then tilt: R = Rz(rotation) Rx(roll) Ry(tilt), from body axes (x forward, y left,
z up) to a level frame at rest. For the pelvis roll is obliquity, and this is the order of Baker 2001, Gait Posture
13:1-6; for a foot tilt is minus the foot angle. Tilt comes last, so that a foot may pass any angle of it.
"""

from typing import NamedTuple

import numpy as np

from imu.core.samples import Floats
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.simulate.quintic import Knots


class Readings(NamedTuple):
    """What a perfect sensor reads."""

    acc: Floats
    """(n, 3) specific force, m/s^2"""
    gyr: Floats
    """(n, 3) rad/s"""


def readings(acceleration: Floats, angles: Knots, lever_m: Floats) -> Readings:
    """What a sensor reads in body axes that is fixed to a rigid body.

    Args:
        acceleration: (3, n) m/s^2, level frame, of a point of the body
        angles: (3, n) rad, rotation, roll and tilt, with their derivatives
        lever_m: (3,) or (3, n) m, body axes, from that point to the sensor
    """
    (_, roll, tilt), (rotation_1, roll_1, tilt_1), (rotation_2, roll_2, tilt_2) = angles
    sr, cr, st, ct = np.sin(roll), np.cos(roll), np.sin(tilt), np.cos(tilt)
    # angular rate and acceleration in body axes
    upright, upright_1 = rotation_1 * cr, rotation_2 * cr - rotation_1 * roll_1 * sr
    wx, wy, wz = ct * roll_1 - st * upright, rotation_1 * sr + tilt_1, st * roll_1 + ct * upright
    ax = ct * roll_2 - st * upright_1 - tilt_1 * wz
    ay = rotation_2 * sr + rotation_1 * roll_1 * cr + tilt_2
    az = st * roll_2 + ct * upright_1 + tilt_1 * wx
    fx, fy, fz = to_body(angles.value, acceleration + np.array([[0.0], [0.0], [STANDARD_GRAVITY_M_S2]]))
    x, y, z = lever_m
    spin = wx * x + wy * y + wz * z
    square = wx**2 + wy**2 + wz**2
    acc = np.stack(
        [
            fx + ay * z - az * y + wx * spin - x * square,
            fy + az * x - ax * z + wy * spin - y * square,
            fz + ax * y - ay * x + wz * spin - z * square,
        ],
        axis=1,
    )
    return Readings(acc, np.stack([wx, wy, wz], axis=1))


def loosely(worn: Knots, true: Readings) -> Readings:
    """What a sensor reads that tilts and rolls a little against the body that carries it.

    Args:
        worn: (2, n) rad, about the body's left axis, then about the axis ahead that results
        true: what it would read if it sat firmly
    """
    (tilt, roll), (tilt_1, roll_1), _ = worn
    sr, cr, st, ct = np.sin(roll), np.cos(roll), np.sin(tilt), np.cos(tilt)

    def turned(vector: Floats) -> tuple[Floats, Floats, Floats]:
        x, y, z = vector.T
        x, z = ct * x - st * z, st * x + ct * z
        return x, cr * y + sr * z, cr * z - sr * y

    x, y, z = turned(true.gyr)
    return Readings(
        np.stack(turned(true.acc), axis=1), np.stack([x + roll_1, y + cr * tilt_1, z - sr * tilt_1], axis=1)
    )


def loose_attitude(worn: Knots) -> Floats:
    """Rotation matrices (n, 3, 3), sensor to body, of the same angles."""
    tilt, roll = worn.value
    return attitude(np.stack([np.zeros_like(tilt), np.zeros_like(tilt), tilt])) @ attitude(
        np.stack([np.zeros_like(roll), roll, np.zeros_like(roll)])
    )


def to_body(angles: Floats, vector: Floats) -> tuple[Floats, Floats, Floats]:
    """Level-frame vectors (3, n) in body axes."""
    (rotation, roll, tilt), (x, y, z) = angles, vector
    x, y = np.cos(rotation) * x + np.sin(rotation) * y, np.cos(rotation) * y - np.sin(rotation) * x
    y, z = np.cos(roll) * y + np.sin(roll) * z, np.cos(roll) * z - np.sin(roll) * y
    return np.cos(tilt) * x - np.sin(tilt) * z, y, np.sin(tilt) * x + np.cos(tilt) * z


def attitude(angles: Floats) -> Floats:
    """Rotation matrices (n, 3, 3), body to level frame, of angles (3, n)."""
    return np.stack(
        [np.stack(to_body(angles, unit[:, None] * np.ones(angles.shape[1]))) for unit in np.eye(3)]
    ).transpose(2, 0, 1)


def readings_of_samples(rate_hz: float, place_m: Floats, rotation: Floats) -> Readings:
    """What a sensor reads whose path is known only at even samples, as from motion capture.

    Central differences of fourth order; the two samples at either end repeat the third. The path has to be smooth on
    the scale of a sample: filter and resample it first.

    Args:
        rate_hz: samples per second
        place_m: (n, 3) level frame, n >= 5
        rotation: (n, 3, 3) sensor axes to level frame
    """
    if len(place_m) < 5 or rotation.shape != (len(place_m), 3, 3) or place_m.shape[1:] != (3,):
        raise ValueError(
            f"place_m has shape {place_m.shape} and rotation {rotation.shape}; want (n, 3) and (n, 3, 3), n at least 5"
        )
    p, dt = place_m, 1.0 / rate_hz
    bend = (-p[:-4] + 16.0 * p[1:-3] - 30.0 * p[2:-2] + 16.0 * p[3:-1] - p[4:]) / (12.0 * dt**2)
    r = rotation
    rate = (r[:-4] - 8.0 * r[1:-3] + 8.0 * r[3:-1] - r[4:]) / (12.0 * dt)
    body = r[2:-2].transpose(0, 2, 1)
    w = body @ rate
    gyr = 0.5 * np.stack([w[:, 2, 1] - w[:, 1, 2], w[:, 0, 2] - w[:, 2, 0], w[:, 1, 0] - w[:, 0, 1]], axis=1)
    acc = (body @ (bend + np.array([0.0, 0.0, STANDARD_GRAVITY_M_S2]))[:, :, None])[:, :, 0]
    return Readings(*(np.pad(part, ((2, 2), (0, 0)), mode="edge") for part in (acc, gyr)))
