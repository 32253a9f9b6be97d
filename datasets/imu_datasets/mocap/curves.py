"""Smooth curves through even samples: of points and of rotations, with the derivatives that sensors feel.

Quintic splines: the second derivative of one is itself smooth, and so are readings made of it. Rotations go through
as unit quaternions of one sign, whose spline is put back to unit length wherever it is asked; the derivatives are those
of what comes out, not of the spline.
"""

from importlib import import_module
from typing import Any, Final

import numpy as np

from imu.core.samples import Floats

DEGREE: Final = 5
ORDER: Final = 4
"""Of the Butterworth filter, which runs forward and backward: no delay, and twice the order."""
SETTLES_FRAMES: Final = 3 * (ORDER + 1)
"""The filter needs more frames than this: it mirrors so many at either end."""


class Curve:
    """Of numbers (n, k) at even times from 0 on, n at least 6."""

    def __init__(self, rate_hz: float, values: Floats) -> None:
        if len(values) <= DEGREE:
            raise ValueError(f"{len(values)} frames; want {DEGREE + 1} or more for a curve of degree {DEGREE}")
        # scipy takes its time to load, and has no types
        interpolate: Any = import_module("scipy.interpolate")
        self._spline: Any = interpolate.make_interp_spline(np.arange(len(values)) / rate_hz, values, k=DEGREE)

    def at(self, t_s: Floats, derivative: int = 0) -> Floats:
        """(m, k), in units per second to the power of the derivative."""
        return np.asarray(self._spline(t_s, nu=derivative), np.float64)


class Turning:
    """Of rotations (n, 3, 3), body axes in the level frame, at even times from 0 on, n at least 6."""

    def __init__(self, rate_hz: float, rotation: Floats) -> None:
        self._curve = Curve(rate_hz, quaternions(rotation))

    def at(self, t_s: Floats) -> Floats:
        """(m, 3, 3) body axes in the level frame, at times (m,)."""
        return matrices(self._curve.at(t_s))

    def rates(self, t_s: Floats) -> tuple[Floats, Floats]:
        """(m, 3) angular rate, rad/s, and (m, 3) its derivative, rad/s^2, in body axes."""
        q, q_1, q_2 = (self._curve.at(t_s, derivative) for derivative in range(3))
        # the part of a derivative that lies along q only makes it longer: it drops out of the vector part
        square = np.sum(q * q, axis=1, keepdims=True)
        rate = 2.0 * _vector(q, q_1) / square
        growth = np.sum(q * q_1, axis=1, keepdims=True) / square
        return rate, 2.0 * _vector(q, q_2) / square - 2.0 * growth * rate


def low_pass(rate_hz: float, values: Floats, cutoff_hz: float) -> Floats:
    """Numbers (n, ...) without what is faster, no later; n above 15."""
    if len(values) <= SETTLES_FRAMES:
        raise ValueError(f"{len(values)} frames; want more than {SETTLES_FRAMES} to filter (a cut too short?)")
    signal: Any = import_module("scipy.signal")
    b, a = signal.butter(ORDER, cutoff_hz, fs=rate_hz)
    return np.asarray(signal.filtfilt(b, a, values, axis=0), np.float64)


def quaternions(rotation: Floats) -> Floats:
    """(n, 4) x, y, z, w of rotations (n, 3, 3), each on the side of the one before."""
    spatial: Any = import_module("scipy.spatial.transform")
    q = np.asarray(spatial.Rotation.from_matrix(rotation).as_quat(), np.float64)
    flips = np.sum(q[1:] * q[:-1], axis=1) < 0.0
    q[1:][np.cumsum(flips) % 2 == 1] *= -1.0
    return q


def matrices(q: Floats) -> Floats:
    """(n, 3, 3) of quaternions (n, 4), of any length but none."""
    spatial: Any = import_module("scipy.spatial.transform")
    return np.asarray(spatial.Rotation.from_quat(q).as_matrix(), np.float64)


def _vector(q: Floats, p: Floats) -> Floats:
    """(n, 3) the vector part of conj(q) p."""
    return q[:, 3:] * p[:, :3] - p[:, 3:] * q[:, :3] - np.cross(q[:, :3], p[:, :3])
