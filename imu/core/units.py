"""Units: SI inside, everything else is converted at the door, here."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NS_PER_S: Final = 1_000_000_000
STANDARD_GRAVITY_M_S2: Final = 9.80665
"""Conventional standard value of g (3rd CGPM, 1901)."""

ACCELERATION: Final = "m/s^2"
ANGULAR_RATE: Final = "rad/s"

TO_SI: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        ACCELERATION: MappingProxyType(
            {ACCELERATION: 1.0, "g": STANDARD_GRAVITY_M_S2, "mg": STANDARD_GRAVITY_M_S2 / 1000.0}
        ),
        ANGULAR_RATE: MappingProxyType({ANGULAR_RATE: 1.0, "deg/s": math.pi / 180.0}),
    }
)
"""`TO_SI[si_unit][unit]`: what one of `unit` is in `si_unit`. A unit that is not listed is refused."""

SPEED_M_S: Final[Mapping[str, float]] = MappingProxyType(
    {"m/s": 1.0, "km/h": 1000.0 / 3600.0, "mph": 1609.344 / 3600.0}
)
"""What one of each unit of speed is; a mile is the international one of 1959."""


def speed_m_s(text: str) -> float:
    """A speed as people type it, with its unit.

    >>> [round(speed_m_s(text), 3) for text in ("0.6 m/s", "2km/h", "2 mph")]
    [0.6, 0.556, 0.894]

    Raises:
        ValueError: what was got and what is wanted.
    """
    for unit, factor in SPEED_M_S.items():
        number = text.strip().removesuffix(unit)
        if number != text.strip():
            try:
                value = factor * float(number)
            except ValueError:
                break
            if math.isfinite(value):
                return value
    raise ValueError(f"got {text!r}; want a speed with its unit, as 0.6m/s, 2km/h or 1.3mph")
