"""The drawing of lots."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from imu.core.errors import BadSpec

Rng: TypeAlias = np.random.Generator
DRAWS = 500
"""So many people that can't be are drawn before something must be wrong with the drawing."""


def possible(make: Callable[[], Any]) -> Any:
    """What the simulator refuses is drawn again: the numbers are independent, and not all go together."""
    for _ in range(DRAWS):
        try:
            return make()
        except BadSpec:
            continue
    raise AssertionError(f"{DRAWS} draws and none is possible: {make()}")


def pick(rng: Rng, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def sometimes(rng: Rng, most: float) -> float:
    """As often nothing as something."""
    return pick(rng, [0.0, rng.uniform(0.0, most)])


def triple(rng: Rng, most: float) -> tuple[float, float, float]:
    x, y, z = rng.uniform(-most, most, 3).tolist()
    return x, y, z
