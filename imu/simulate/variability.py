"""By how much one stride differs from the next: each foot's chance, with the memory that strides have."""

import math
from typing import Final, NamedTuple

import numpy as np

LONGEST_SD: Final = 2.5
"""A deviation is never so large that a step is no step."""
BLOCK: Final = 64
"""Strides are drawn so many at a time: one by one they cost more than all the rest of a step."""


class Chance(NamedTuple):
    """How far a stride lies from the usual one, each in standard deviations."""

    time: float
    length: float
    width: float
    angle: float
    drop: float
    tilt: float
    rotation: float
    roll_off: float
    roll_down: float
    release: float
    clearance: float
    impact: float


class Deviations:
    """The chances of one foot's strides: first-order autoregressive, stationary from the first one on.

    Strides of healthy people remember the ones before them, if faintly (Hausdorff et al. 1995, J Appl Physiol
    78:349-358); one coefficient is the simplest process that does.
    """

    def __init__(self, rng: np.random.Generator, autocorrelation: float) -> None:
        self._rng, self._kept = rng, autocorrelation
        self._last = rng.standard_normal(len(Chance._fields))
        self._to_come: list[list[float]] = []

    def next(self) -> Chance:
        """The next stride's."""
        if not self._to_come:
            self._draw()
        return Chance(*self._to_come.pop())

    def _draw(self) -> None:
        drawn = self._rng.standard_normal((BLOCK, len(Chance._fields)))
        drawn *= math.sqrt(1.0 - self._kept**2)
        for k in range(BLOCK):
            drawn[k] += self._kept * self._last
            self._last = drawn[k]
        # the next one last: it is taken off first
        self._to_come = np.clip(drawn, -LONGEST_SD, LONGEST_SD)[::-1].tolist()
