"""What a sensor delivered becomes what stages are fed: the repairs of the contract, live and offline alike."""

import math
from dataclasses import dataclass

import numpy as np

from imu.core.samples import Block, Samples
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.kernels import intake as kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeParams:
    """What no worn sensor can mean is as good as NaN: a thousand g, or fifteen times what gyroscopes go to.

    An axis is at its range limit where its largest value returns exactly for the third time, and is as large as the
    smallest range on the market: 2 g, 250 deg/s, less 2 %. Quiet sensors repeat small values all the time, and a smooth
    peak of 16 bits now and then shows two equal samples.
    """

    acc_most_m_s2: float = 1e4
    gyr_most_rad_s: float = 1e3
    acc_stuck_m_s2: float = 0.98 * 2 * STANDARD_GRAVITY_M_S2
    gyr_stuck_rad_s: float = 0.98 * math.radians(250.0)
    stuck_hits: int = 3
    period_memory_s: float = 10.0
    period_ratio: float = 5.0
    clock_jump_s: float = 0.04

    def resolve(self, rate_hz: float) -> kernel.Coefficients:
        if not rate_hz > 0:
            raise ValueError(f"rate_hz is {rate_hz}; want a positive number of samples per second")
        period_s = 1.0 / rate_hz
        return kernel.Coefficients(
            period_s=period_s,
            forget=min(1.0, period_s / self.period_memory_s),
            # a stated rate may be far off: what the clock shows counts
            shortest_s=period_s / self.period_ratio,
            longest_s=period_s * self.period_ratio,
            jump_s=max(self.clock_jump_s, 0.5 * period_s),
            acc_most_m_s2=self.acc_most_m_s2,
            gyr_most_rad_s=self.gyr_most_rad_s,
            acc_stuck_m_s2=self.acc_stuck_m_s2,
            gyr_stuck_rad_s=self.gyr_stuck_rad_s,
            stuck_hits=self.stuck_hits,
        )


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What became of a sensor's rows so far."""

    rows: int
    accepted: int
    lost: int
    gaps: int
    late: int
    nan: int
    saturated: int
    clock_jumps: int
    jittered: int
    first_ns: int | None
    newest_ns: int | None

    @property
    def rate_hz(self) -> float | None:
        """As the clock shows it, lost samples counted in."""
        if self.first_ns is None or self.newest_ns is None or self.newest_ns == self.first_ns:
            return None
        return (self.accepted + self.lost - 1) * NS_PER_S / (self.newest_ns - self.first_ns)


class Intake:
    """Push rows of one sensor in order of arrival, get the accepted samples in order of time.

    Late rows (not later than the newest accepted) and rows with NaN, infinity or absurd values are dropped and counted;
    samples at a range limit are kept and flagged; nothing is ever invented.
    """

    def __init__(self, params: IntakeParams, rate_hz: float) -> None:
        self._coefficients = params.resolve(rate_hz)
        self._state = np.zeros(1, kernel.STATE)

    def push(self, samples: Samples) -> Block:
        n = len(samples)
        values = np.empty((n, kernel.AXES))
        values[:, :3], values[:, 3:] = samples.acc, samples.gyr
        row, lost = np.empty(n, np.int64), np.empty(n, np.int64)
        dt_s, jumped, clipped = np.empty(n), np.empty(n, np.bool_), np.empty(n, np.bool_)
        t_ns = np.array(samples.t_ns, np.int64)
        m = kernel.run(
            self._state,
            t_ns,
            np.array(samples.seq, np.int64),
            values,
            np.array(samples.clipped, np.bool_),
            self._coefficients,
            row,
            dt_s,
            lost,
            jumped,
            clipped,
        )
        kept = row[:m]
        if m < n:
            t_ns, values = t_ns[kept], values[kept]
        return Block(t_ns, dt_s[:m], lost[:m], clipped[:m], jumped[:m], values[:, :3], values[:, 3:])

    def flush(self) -> Block:
        """Nothing is ever pending here."""
        none = np.empty(0, np.int64)
        flags = np.empty(0, np.bool_)
        return Block(none, np.empty(0), none, flags, flags, np.empty((0, 3)), np.empty((0, 3)))

    @property
    def report(self) -> IntakeReport:
        s = self._state[0]
        seen = int(s["accepted"]) > 0
        return IntakeReport(
            rows=int(s["rows"]),
            accepted=int(s["accepted"]),
            lost=int(s["lost"]),
            gaps=int(s["gaps"]),
            late=int(s["late"]),
            nan=int(s["nan"]),
            saturated=int(s["saturated"]),
            clock_jumps=int(s["jumps"]),
            jittered=int(s["jittered"]),
            first_ns=int(s["first_ns"]) if seen else None,
            newest_ns=int(s["newest_ns"]) if seen else None,
        )
