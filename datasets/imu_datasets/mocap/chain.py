"""What the formats of motion capture have in common: bones that turn about each other."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.samples import Floats
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.delimited import shown

AXES: Final = "XYZ"
Z_UP: Final[Floats] = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""Files have y up, and people in them look along z with x on their left: z, x, y are forward, left, up."""
Z_UP.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A joint and the bone that it turns, n frames."""

    place: Floats
    """(n, 3) of the joint"""
    rotation: Floats
    """(n, 3, 3) what turns a vector of the bone's own axes into the file's"""

    def z_up(self, unit_m: float) -> "Placed":
        """The same in metres and in our level frame; the bone's own axes stay as they are.

        Args:
            unit_m: metres in one unit of the file
        """
        return Placed(unit_m * self.place @ Z_UP.T, Z_UP @ self.rotation)

    def at(self, offset: Floats) -> Floats:
        """(n, 3) where a point goes that rides on the bone; `offset` (3,) from the joint, in the bone's own axes."""
        return self.place + self.rotation @ offset


def turned(axis: str, angle_rad: Floats) -> Floats:
    """(n, 3, 3) rotations about X, Y or Z, right-handed, by (n,) angles."""
    k = AXES.index(axis)
    i, j = (k + 1) % 3, (k + 2) % 3
    rotation = np.zeros((len(angle_rad), 3, 3))
    rotation[:, k, k] = 1.0
    rotation[:, i, i] = rotation[:, j, j] = np.cos(angle_rad)
    rotation[:, j, i] = np.sin(angle_rad)
    rotation[:, i, j] = -rotation[:, j, i]
    return rotation


def numbers_of(path: Path, line: int, words: Iterable[str], count: int, what: str) -> list[float]:
    """Finite numbers out of words of one line.

    Raises:
        BadOriginal: more, fewer, or something else.
    """
    words = list(words)
    if len(words) != count:
        raise BadOriginal(f"{path}: line {line} has {len(words)} values; want {what}, {count} of them (cut off?)")
    values: list[float] = []
    for word in words:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise BadOriginal(f"{path}: line {line} has {shown(word)}; want {what}, {count} numbers (cut off?)")
        values.append(value)
    return values
