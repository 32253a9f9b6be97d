"""The lower envelope of packet delays: lines under all arrivals, and a Kalman filter that follows their middle.

Offsets are arrival minus device time, ms; skews ppm; times s, device clock. Plain floats and no function but the square
root, so that the bits are those of any machine with IEEE arithmetic. The reasons stand in docs/clocks.md.
"""

from collections import deque
from math import sqrt
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from firmware_bridge.packets import Ints

Point: TypeAlias = tuple[float, float]
Ratios: TypeAlias = npt.NDArray[np.float64]

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
SKEW_PPM: Final = 100.0
"""No two crystals, of a sensor and of a computer, are further apart."""
WINDOW_S: Final = 400.0
"""Bounds older than this are forgotten: more than two beats of 5 ms at 35 ppm (143 s)."""
WANDER_PPM_PER_S: Final = 0.02
"""Fastest lasting change of skew; a tuning fork moves by some 5 ppm while a body warms it."""
SLACK_MS: Final = 0.05
"""What the earliest of many packets is still late by."""
RELAX_MS: Final = 0.1
CONTRADICTION_MS: Final = 5.0
"""Lower bounds that had to give way by more than this are of another clock: it jumped."""


class Kalman:
    """Offset, ms, and skew, ppm, of the session clock against a device's.

    Both walk at random: the offset by what bounds leave open, the skew as temperature does.
    """

    OFFSET_NOISE_MS2_PER_S: Final = 1e-3
    SKEW_NOISE_PPM2_PER_S: Final = 4e-2
    SKEW_PRIOR_PPM: Final = 30.0

    def __init__(self) -> None:
        self.at_s = 0.0
        self.offset_ms = 0.0
        self.skew_ppm = 0.0
        self._p00: float = 0.0
        self._p01: float = 0.0
        self._p11: float = self.SKEW_PRIOR_PPM**2

    def restart(self, at_s: float, offset_ms: float) -> None:
        """Begin at a new offset; what is known of the skew stays."""
        self.at_s, self.offset_ms = at_s, offset_ms
        self._p00, self._p01 = 100.0**2, 0.0

    def offset(self, at_s: float) -> float:
        """Predicted, ms."""
        return self.offset_ms + 1e-3 * self.skew_ppm * (at_s - self.at_s)

    def measure(self, at_s: float, offset_ms: float, var_ms2: float) -> None:
        """Predict to `at_s` and correct by an offset of that variance."""
        dt = at_s - self.at_s
        f = 1e-3 * dt
        self.offset_ms = self.offset(at_s)
        self.at_s = at_s
        p00 = self._p00 + 2 * f * self._p01 + f * f * self._p11 + self.OFFSET_NOISE_MS2_PER_S * dt
        p01 = self._p01 + f * self._p11
        p11 = self._p11 + self.SKEW_NOISE_PPM2_PER_S * dt
        k0, k1 = p00 / (p00 + var_ms2), p01 / (p00 + var_ms2)
        off = offset_ms - self.offset_ms
        self.offset_ms += k0 * off
        self.skew_ppm = min(SKEW_PPM, max(-SKEW_PPM, self.skew_ppm + k1 * off))
        self._p00, self._p01, self._p11 = (1 - k0) * p00, (1 - k0) * p01, p11 - k1 * p01


class Middle(NamedTuple):
    """Of all lines between the bounds, as they stand now."""

    offset_ms: float
    sd_ms: float
    most_ms: float
    relaxed_ms: float
    """How far lower bounds had to give way to upper ones."""


class Corridor:
    """The lines offset + skew (t - now) that lie under all upper bounds and over all lower ones.

    A bound that is repeated says nothing new. So a packet phase that stands still against the connection events for
    minutes (the beat) feigns no certainty, as it would to a filter that takes every packet for a witness of its own.
    """

    FAR_MS: Final = 300.0
    """Wider than any corridor: the slowest usual connection interval is 100 ms."""

    def __init__(self) -> None:
        self.upper: deque[Point] = deque()
        self.lower: deque[Point] = deque()

    def clear(self) -> None:
        self.upper.clear()
        self.lower.clear()

    def forget(self, before_s: float) -> None:
        for bounds in (self.upper, self.lower):
            while bounds and bounds[0][0] < before_s:
                bounds.popleft()

    def middle(self, now_s: float, skew_ppm: Point) -> Middle | None:
        """Centre of the lines whose skew lies between the two; None while they have no bound below."""
        if not self.upper or not self.lower:
            return None
        base = min(offset for _, offset in self.upper)
        low, high = base - self.FAR_MS, base + self.FAR_MS
        lines = [(low, skew_ppm[0]), (high, skew_ppm[0]), (high, skew_ppm[1]), (low, skew_ppm[1])]
        for t, offset in _hull([(at - now_s, offset + _slack(now_s - at)) for at, offset in self.upper]):
            lines = _cut(lines, 1.0, 1e-3 * t, offset)
        lower = _hull([(at - now_s, _slack(now_s - at) - offset) for at, offset in self.lower])
        relaxed = 0.0
        while lines and relaxed <= 2 * CONTRADICTION_MS:
            left = lines
            for t, offset in lower:
                left = _cut(left, -1.0, -1e-3 * t, offset + relaxed)
            if len(left) > 2:
                offset, variance = _centre(left)
                most = max(offset for offset, _ in left)
                return Middle(offset, sqrt(max(variance, 0.0)), most, relaxed)
            relaxed = max(RELAX_MS, 2 * relaxed)
        return Middle(base, self.FAR_MS, base, self.FAR_MS)


class Intervals:
    """Connection interval, from arrivals: nearly all of them lie on a grid, whose step is a multiple of 1.25 ms.

    Every divisor of the interval fits as well, and so may a multiple, but for packets that were sent again: wanted is
    the longest step that fits as well as any.
    """

    CANDIDATES_NS: Final = 1_250_000 * np.arange(6, 81)
    """7.5 ms, the least that Bluetooth LE allows, to 100 ms."""
    NEAR_NS: Final = 2_000_000
    """Callbacks of one event lie this close."""
    KEPT: Final = 256
    LEAST: Final = 40
    FIT: Final = 0.8
    AS_WELL: Final = 0.015
    HARDLY_WORSE: Final = 0.05
    """Not enough to give up an interval for a shorter one: a stall of the host does as much. Too long a one is
    harmless, it makes bounds wide; too short a one makes them wrong."""

    def __init__(self) -> None:
        self._arrived: deque[int] = deque(maxlen=self.KEPT)
        self.ms: float | None = None

    def push(self, arrived_ns: int) -> None:
        # a silence: the link may be a new one, with events elsewhere and another interval
        if self._arrived and arrived_ns - self._arrived[-1] > NS_PER_S:
            self._arrived.clear()
        self._arrived.append(arrived_ns)

    def find(self) -> bool:
        """Look again; what was found stays where nothing fits now. True = another than before."""
        n = len(self._arrived)
        if n < self.LEAST:
            return False
        step = self.CANDIDATES_NS[:, None]
        phase = np.sort(np.asarray(self._arrived, dtype=np.int64)[None, :] % step, axis=1)
        round_ = np.concatenate([phase, phase + step], axis=1)
        share: Ratios = np.array([_crowded(one, n, self.NEAR_NS) for one in round_]) / n
        chance: Ratios = self.NEAR_NS / self.CANDIDATES_NS
        fit: Ratios = (share - chance) / (1 - chance)
        best = float(fit.max())
        longest = float(self.CANDIDATES_NS[fit >= best - self.AS_WELL].max()) / NS_PER_MS
        if best < self.FIT or longest == self.ms:
            return False
        if self.ms is not None and longest < self.ms:
            known = float(fit[round(self.ms * NS_PER_MS) == self.CANDIDATES_NS][0])
            if known > best - self.HARDLY_WORSE:
                return False
        self.ms = longest
        return True


def _crowded(phases_ns: Ints, n: int, near_ns: int) -> int:
    """How many of n phases, given twice round in order, lie closest together."""
    return int(np.max(np.searchsorted(phases_ns, phases_ns[:n] + near_ns, side="right") - np.arange(n)))


def _slack(age_s: float) -> float:
    """How far a line may leave an old bound on the wrong side, ms: the skew has changed since."""
    return SLACK_MS + 0.5e-3 * WANDER_PPM_PER_S * age_s * age_s


def _hull(points: list[Point]) -> list[Point]:
    """Lower convex hull, in order of time."""
    hull: list[Point] = []
    for x, y in sorted(points):
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-1][0]) >= (y - hull[-1][1]) * (
            hull[-1][0] - hull[-2][0]
        ):
            hull.pop()
        hull.append((x, y))
    return hull


def _cut(polygon: list[Point], a: float, b: float, c: float) -> list[Point]:
    """The part of a convex polygon where a x + b y <= c."""
    over = [a * x + b * y - c for x, y in polygon]
    left: list[Point] = []
    for i, (x, y) in enumerate(polygon):
        if over[i] <= 0:
            left.append((x, y))
        j = i + 1 if i + 1 < len(polygon) else 0
        if over[i] < 0 < over[j] or over[j] < 0 < over[i]:
            part = over[i] / (over[i] - over[j])
            left.append((x + part * (polygon[j][0] - x), y + part * (polygon[j][1] - y)))
    return left


def _centre(polygon: list[Point]) -> Point:
    """Mean and variance of x over a convex polygon."""
    x0, y0 = polygon[0]
    area = mean = square = 0.0
    for i, (x, y) in enumerate(polygon):
        xa, xb = x - x0, polygon[i - 1][0] - x0
        cross = xa * (polygon[i - 1][1] - y0) - xb * (y - y0)
        area += cross / 2
        mean += (xa + xb) * cross / 6
        square += (xa * xa + xa * xb + xb * xb) * cross / 12
    if abs(area) < 1e-9:  # ms ppm: a point or an edge, whose middle will do
        return sum(x for x, _ in polygon) / len(polygon), 0.0
    return x0 + mean / area, square / area - (mean / area) ** 2
