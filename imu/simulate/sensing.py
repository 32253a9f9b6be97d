"""What a sensor says of perfect readings: its errors, range and resolution, and the stamps of its clock."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from imu.core.samples import Flags, Floats, Samples
from imu.core.units import NS_PER_S
from imu.simulate.kinematics import Readings
from imu.simulate.placements import ZERO, Matrix, Triple, axes, reseated
from imu.simulate.sensors import Noise, SensorModel, sampled_at

ACC, GYR, ACC_DRIFT, GYR_DRIFT, JITTER = range(1, 6)
"""What a sensor's random numbers are drawn for: each has a stream of its own. To a seed a 0 at its end is nothing."""
KNOTS: Final = 50
"""A bias that drifts is drawn so many times in its correlation time, and runs straight between."""


class Sensing:
    """Makes samples of what a perfect sensor would read, from the first one on. How they are cut changes no bit.

    Args:
        model: the sensor
        key: seeds its random numbers
    """

    def __init__(self, model: SensorModel, key: Sequence[int]) -> None:
        noise, self._model = model.noise, model
        # where it is strapped anew, readings come turned already
        seat = axes(model.mounting, ZERO if model.restrapped else model.strapped_deg)
        self._acc = _Triad(
            axes=seat @ _sensitivity(noise.acc_scale_share, noise.acc_cross_deg).T,
            bias=_Bias(noise, noise.acc_bias_m_s2, noise.acc_warming_m_s2, noise.acc_drift_m_s2, [*key, ACC_DRIFT]),
            white=noise.acc_noise_m_s2_rthz * math.sqrt(0.5 * model.rate_hz),
            most=noise.acc_range_m_s2,
            bits=noise.bits,
            rng=np.random.default_rng([*key, ACC]),
        )
        self._gyr = _Triad(
            axes=seat @ _sensitivity(noise.gyr_scale_share, noise.gyr_cross_deg).T,
            bias=_Bias(noise, noise.gyr_bias_rad_s, noise.gyr_warming_rad_s, noise.gyr_drift_rad_s, [*key, GYR_DRIFT]),
            white=noise.gyr_noise_rad_s_rthz * math.sqrt(0.5 * model.rate_hz),
            most=noise.gyr_range_rad_s,
            bits=noise.bits,
            rng=np.random.default_rng([*key, GYR]),
        )
        self._gyr_of_acc = seat * np.array(noise.gyr_per_acc_rad_s) if any(noise.gyr_per_acc_rad_s) else None
        self._jitter = np.random.default_rng([*key, JITTER])

    def sense(self, true: Readings, seq: Floats) -> Samples:
        """Samples number `seq` (n,), which follow on the last ones.

        Args:
            true: (n, 3) what a perfect sensor reads at `sampled_at(model, seq)`, body axes
            seq: numbers of the samples, the first one is 0
        """
        model, clock = self._model, self._model.clock
        own_s = seq / model.rate_hz
        if model.restrapped:
            true = reseated(true, sampled_at(model, seq), model.strapped_deg, model.restrapped)
        acc, acc_clipped = self._acc.read(true.acc, own_s)
        stray = None if self._gyr_of_acc is None else true.acc @ self._gyr_of_acc
        gyr, gyr_clipped = self._gyr.read(true.gyr, own_s, stray)
        stamp_s = own_s + clock.offset_s
        if clock.jitter_s:
            stamp_s += clock.jitter_s * self._jitter.standard_normal(len(seq))
        t_ns = np.maximum(np.rint(stamp_s * NS_PER_S).astype(np.int64), 0)
        return Samples(t_ns, seq.astype(np.int64), acc, gyr, acc_clipped | gyr_clipped)


def _sensitivity(scale_share: Triple, cross_deg: Matrix) -> Floats:
    """(3, 3) what each axis (row) reads of one unit along each true axis (column)."""
    return (1.0 + np.array(scale_share))[:, None] * (np.eye(3) + np.radians(cross_deg))


class _Triad:
    """Three axes of one kind."""

    def __init__(
        self, *, axes: Floats, bias: "_Bias", white: float, most: float, bits: int, rng: np.random.Generator
    ) -> None:
        self._axes, self._bias, self._white, self._rng = axes, bias, white, rng
        self._unit = most / 2.0 ** (bits - 1) if bits else None
        # in counts there is one more below zero than above
        self._low, self._high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1.0) if bits else (-most, most)

    def read(self, body: Floats, own_s: Floats, stray: Floats | None = None) -> tuple[Floats, Flags]:
        """Readings (n, 3) of true ones in body axes, `stray` (n, 3) added, and which samples (n,) met the limit."""
        value = body @ self._axes
        if stray is not None:
            value += stray
        bias = self._bias.at(own_s)
        if bias is not None:
            value += bias
        if self._white:
            noise = self._rng.standard_normal(value.shape)
            noise *= self._white
            value += noise
        if self._unit is not None:
            value /= self._unit
            np.rint(value, out=value)
        clipped = np.zeros(len(value), np.bool_)
        if len(value) and (value.min() <= self._low or value.max() >= self._high):
            np.any((value <= self._low) | (value >= self._high), axis=1, out=clipped)
            np.clip(value, self._low, self._high, out=value)
        if self._unit is not None:
            value *= self._unit
        return value, clipped


class _Bias:
    """Of three axes: constant, warming up and drifting."""

    def __init__(self, noise: Noise, constant: Triple, warming: Triple, drift: float, key: Sequence[int]) -> None:
        self._constant = np.array(constant)
        self._warming, self._warming_s = np.array(warming), noise.warming_s
        self._drift = _GaussMarkov(drift, noise.drift_s, np.random.default_rng(key)) if drift else None

    def at(self, own_s: Floats) -> Floats | None:
        """(3,) or (n, 3) at times (n,) on the sensor's clock, which follow on the last ones; None for none."""
        bias = self._constant if self._constant.any() else None
        if self._warming.any():
            warm = -np.expm1(own_s / -self._warming_s)[:, None] * self._warming
            bias = warm if bias is None else bias + warm
        if self._drift is not None:
            drift = self._drift.at(own_s)
            bias = drift if bias is None else bias + drift
        return bias


class _GaussMarkov:
    """Three random processes whose covariance falls off by exp(-t / correlation time), from t = 0 on.

    Exact at knots and straight between, so that it is a function of time and not of the samples.
    """

    def __init__(self, sd: float, correlation_s: float, rng: np.random.Generator) -> None:
        self._keep = math.exp(-1.0 / KNOTS)
        self._new = sd * math.sqrt(1.0 - self._keep**2)
        self._step_s, self._rng = correlation_s / KNOTS, rng
        self._first, self._knots = 0, [sd * rng.standard_normal(3)]

    def at(self, t_s: Floats) -> Floats:
        """(n, 3) at times (n,), the first one not before the last one of the call before."""
        place = t_s / self._step_s
        if not len(place):
            return np.empty((0, 3))
        first, last = int(place[0]), int(place[-1]) + 1
        while self._first + len(self._knots) <= last:
            self._knots.append(self._keep * self._knots[-1] + self._new * self._rng.standard_normal(3))
        del self._knots[: first - self._first]
        self._first = first
        knots = np.array(self._knots)
        at = np.arange(first, first + len(knots))
        return np.stack([np.interp(place, at, knots[:, axis]) for axis in range(3)], axis=1)
