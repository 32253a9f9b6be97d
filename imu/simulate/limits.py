"""What can be simulated, and the plain word on what can't."""

import math
from typing import NamedTuple, Self

from imu.core.errors import BadSpec


class Sides(NamedTuple):
    """One number a side."""

    left: float
    right: float

    @classmethod
    def both(cls, value: float) -> Self:
        return cls(value, value)

    @property
    def mean(self) -> float:
        return 0.5 * (self.left + self.right)

    def scaled(self, factor: float) -> "Sides":
        return Sides(self.left * factor, self.right * factor)


def check(key: str, value: float, low: float, high: float, unit: str, slip: str) -> None:
    """Refuse what is no finite number between `low` and `high`.

    Raises:
        BadSpec: naming the key, the value, what is wanted and the likely slip.
    """
    if not (math.isfinite(value) and low <= value <= high):
        raise BadSpec(f"{key} is {value:g}; want {low:g} to {high:g} {unit} ({slip})", key=key)


def check_sides(key: str, value: Sides, low: float, high: float, unit: str, slip: str) -> None:
    """`check`, side by side."""
    for side, number in value._asdict().items():
        check(f"{key}.{side}", number, low, high, unit, slip)
