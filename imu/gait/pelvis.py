"""How is the pelvis held? One pose a sample, gravity apart from attitude, for the steps to read."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imu.core.records import POSE
from imu.core.samples import Block
from imu.kernels import pelvis as kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class PelvisParams:
    """Gravity is what stays of the specific force below sqrt(2) / (2 pi time constant): 0.11 Hz, well under a stride.

    The yaw rate that makes a turn is smoothed over more than half a stride, lest a wide swing of the pelvis pass for
    one. Rest lies above the sway of quiet standing and below the quietest moment of slow walking. A gap of at most
    `bridge_s` is strapped over; a longer one starts attitude and gravity anew.
    """

    gravity_time_constant_s: float = 2.0
    turn_rate_rad_s: float = 0.6
    turn_smoothing_s: float = 0.8
    rest_smoothing_s: float = 0.3
    rest_acc_sd_m_s2: float = 0.15
    rest_gyr_sd_rad_s: float = 0.04
    rest_gyr_rad_s: float = 0.06
    rest_hold_s: float = 0.6
    bias_fastest_s: float = 0.5
    bias_slowest_s: float = 20.0
    bridge_s: float = 0.05

    def resolve(self, rate_hz: float) -> kernel.Coefficients:
        if not rate_hz > 0:
            raise ValueError(f"rate_hz is {rate_hz}; want a positive number of samples per second")
        period_s = 1.0 / rate_hz
        # bilinear second-order Butterworth low-pass, cut-off pre-warped
        cutoff = math.tan(period_s / (math.sqrt(2.0) * self.gravity_time_constant_s))
        scale = cutoff * cutoff + math.sqrt(2.0) * cutoff + 1.0
        return kernel.Coefficients(
            b0=cutoff * cutoff / scale,
            a1=2.0 * (cutoff * cutoff - 1.0) / scale,
            a2=(cutoff * cutoff - math.sqrt(2.0) * cutoff + 1.0) / scale,
            mean_n=max(1, round(self.gravity_time_constant_s * rate_hz)),
            turn_weight=-math.expm1(-period_s / self.turn_smoothing_s),
            turn_rate=self.turn_rate_rad_s,
            rest_weight=-math.expm1(-period_s / self.rest_smoothing_s),
            rest_n=round(self.rest_smoothing_s * rate_hz),
            rest_acc_var=self.rest_acc_sd_m_s2**2,
            rest_rate_var=self.rest_gyr_sd_rad_s**2,
            rest_rate=self.rest_gyr_rad_s,
            rest_hold_s=self.rest_hold_s,
            bias_least_s=self.bias_fastest_s,
            bias_most_s=self.bias_slowest_s,
            bridge_s=self.bridge_s,
        )


class PelvisPose:
    """Push blocks of the pelvis sensor, get one POSE record a sample, each settled by its own sample."""

    def __init__(self, params: PelvisParams, rate_hz: float) -> None:
        self._coefficients = params.resolve(rate_hz)
        self._state = np.zeros(1, kernel.STATE)

    def push(self, block: Block) -> npt.NDArray[np.void]:
        """Any number of samples, sensor axes. Returns POSE records, one a sample."""
        out = np.empty(len(block), POSE)
        kernel.run(
            self._state,
            # one memory layout and mutability, so that the kernel compiles once
            np.array(block.t_ns, np.int64, order="C"),
            np.array(block.dt_s, np.float64, order="C"),
            np.array(block.lost, np.int64, order="C"),
            np.array(block.acc, np.float64, order="C"),
            np.array(block.gyr, np.float64, order="C"),
            self._coefficients,
            out,
        )
        return out

    def flush(self) -> npt.NDArray[np.void]:
        """Nothing is ever pending here."""
        return np.zeros(0, POSE)
