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
