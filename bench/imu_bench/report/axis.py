"""Axes: where a figure lies on a line of pixels, and at which figures there are ticks."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from imu_bench.report.keys import MINUS

STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`; what lies beyond is drawn at the edge, as an arrow."""

    low: float
    high: float
    ticks: Sequence[float]
    label: str = ""
    bend: Callable[[float], float] = float
    """What makes it straight: a logarithm, or nothing."""
    told: Callable[[float], str] | None = None

    def share(self, value: float) -> float:
        """Of its length, 0 to 1."""
        low, high = self.bend(self.low), self.bend(self.high)
        # before it is bent: nought has no logarithm
        return (self.bend(min(max(value, self.low), self.high)) - low) / (high - low)

    def beyond(self, value: float) -> int:
        """-1: it lies below, 1: above, 0: on it."""
        return (value > self.high) - (value < self.low)

    def tick(self, value: float) -> str:
        """What stands at a tick."""
        return plain(value) if self.told is None else self.told(value)


def plain(value: float) -> str:
    """A figure of a tick.

    >>> plain(-20.0), plain(0.25), plain(2000.0)
    ('\u221220', '0.25', '2000')
    """
    said = f"{abs(value):.6g}"
    if abs(value) >= 10_000:
        said = f"{abs(value):,.0f}".replace(",", "\u202f")
    return f"{MINUS}{said}" if value < 0 else said


def step_of(span: float, most: int) -> float:
    """A round step of which at most so many fit."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * step for step in STEPS if power * step >= raw * (1 - 1e-9))


def linear(low: float, high: float, *, most: int = 4, label: str = "") -> Axis:
    """From and to round figures that have both between them.

    >>> linear(0.0, 37.0).ticks
    (0.0, 10.0, 20.0, 30.0, 40.0)
    """
    if high <= low:
        high = low + 1.0
    step = step_of(high - low, most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(step * place, 10) for place in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, label)


def around_zero(most: float, *, label: str = "") -> Axis:
    """As far to both sides."""
    reach = max(linear(0.0, most, most=2).high, 1e-9)
    return Axis(-reach, reach, (-reach, -reach / 2, 0.0, reach / 2, reach), label)


def logarithmic(low: float, high: float, *, label: str = "") -> Axis:
    """Whole powers of ten, and 2 and 5 between them where there is room; both ends positive."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    every = -(-(last - first) // 5)
    ticks = tuple(10.0**power for power in range(first, last + 1, every))
    return Axis(10.0**first, 10.0**last, ticks, label, math.log10)


def narrow_logarithmic(low: float, high: float, *, label: str = "") -> Axis:
    """From and to a 1, 2 or 5 of some power of ten; at most six ticks.

    >>> narrow_logarithmic(6.0, 70.0).ticks
    (5.0, 10.0, 20.0, 50.0, 100.0)
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1
    steps = [round(digit * 10.0**power, 10) for power in range(first, last + 1) for digit in (1.0, 2.0, 5.0)]
    begin = max(step for step in steps if step <= low * (1 + 1e-9))
    end = min(step for step in steps if step >= high * (1 - 1e-9) and step > begin)
    ticks = tuple(step for step in steps if begin <= step <= end)
    while len(ticks) > 6:
        ticks = ticks[::2] if len(ticks) % 2 else (*ticks[:-1:2], ticks[-1])
    return Axis(begin, end, ticks, label, math.log10)


def from_zero(high: float, *, label: str = "") -> Axis:
    """Logarithm of one more: has a place for nought, and for thousands."""
    powers = max(1, math.ceil(math.log10(max(high, 1.0)) - 1e-9))
    ticks = (0.0, *(10.0**power for power in range(powers + 1)))
    return Axis(0.0, ticks[-1], ticks, label, math.log1p)


def most_of(values: Iterable[float], least: float) -> float:
    """The largest, `least` where there is none larger."""
    return max((least, *values))
