"""Text files of numbers between separators, as most sources publish them, and what may be wrong with one."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.samples import Floats
from imu.core.units import ACCELERATION, ANGULAR_RATE, STANDARD_GRAVITY_M_S2
from imu.store.slips import likely
from imu_datasets.dataset import BadOriginal

MOST_GYR_RAD_S: Final = math.radians(2100)
"""Nobody straps a sensor of more than 2000 deg/s to a foot; rates in deg/s that are taken for rad/s are beyond."""
LEAST_GYR_RAD_S: Final = 0.3
"""Whoever walks turns faster than that at some time; rates in rad/s that are taken for deg/s stay below."""


@dataclass(frozen=True, slots=True)
class Delimited:
    """The rows of a file below its header, still text."""

    path: Path
    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    first_line: int
    """Of the first row, counted from 1."""

    def texts(self, name: str) -> list[str]:
        """A column.

        Raises:
            BadOriginal: there is none of that name.
        """
        at = self._at(name)
        return [row[at] for row in self.rows]

    def numbers(self, *names: str) -> Floats:
        """Columns, (rows, names), in the file's units.

        Raises:
            BadOriginal: one is missing, or holds something else.
        """
        at = [self._at(name) for name in names]
        values = np.empty((len(self.rows), len(at)), np.float64)
        for number, row in enumerate(self.rows):
            for place, column in enumerate(at):
                try:
                    values[number, place] = float(row[column])
                except ValueError:
                    raise BadOriginal(
                        f"{self.path}: line {self.first_line + number} has {names[place]} {shown(row[column])};"
                        " want a number (cut off while it was copied?)"
                    ) from None
        return values

    def _at(self, name: str) -> int:
        if name not in self.header:
            raise BadOriginal(
                f"{self.path}: no column {name!r} among {', '.join(filter(None, self.header))}; want it"
                + likely(name, self.header)
            )
        return self.header.index(name)


def read_delimited(path: Path, delimiter: str = ",", *, skip: int = 0, header_lines: int = 1) -> Delimited:
    """A file with a header; names of a header of more lines are joined by blanks.

    Raises:
        BadOriginal: no text, too short, or a row of another length than the header.
    """
    lines = text_of(path).splitlines()[skip:]
    heads = list(csv.reader(lines[:header_lines], delimiter=delimiter))
    rows = list(csv.reader(lines[header_lines:], delimiter=delimiter))
    if len(heads) < header_lines or not rows:
        raise BadOriginal(f"{path}: {len(lines)} lines from line {skip + 1} on; want a header and rows (cut off?)")
    wide = len(heads[0])
    for number, row in enumerate([*heads, *rows]):
        if len(row) != wide:
            raise BadOriginal(
                f"{path}: line {skip + 1 + number} has {len(row)} values; want {wide} as the header"
                f" (another separator than {delimiter!r}, or cut off?)"
            )
    header = tuple(" ".join(parts).strip() for parts in zip(*heads, strict=True))
    return Delimited(path, header, rows, skip + header_lines + 1)


def text_of(path: Path) -> str:
    """All of a text file.

    Raises:
        BadOriginal: it can't be read, or is no text.
    """
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise BadOriginal(f"{path}: {error.strerror}; want a file that can be read") from error
    except UnicodeDecodeError:
        raise BadOriginal(f"{path}: bytes that are no UTF-8; want text (compressed, or another file?)") from None


def shown(value: object) -> str:
    """What was got, short enough for one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_units(path: Path, acc: Floats, gyr: Floats) -> None:
    """Hold a walk in m/s^2 and rad/s, (n, 3) each, against gravity and what a body can do.

    Raises:
        BadOriginal: the file was in other units than its source says.
    """
    if acc.size == 0 or not (np.isfinite(acc).any() and np.isfinite(gyr).any()):
        raise BadOriginal(f"{path}: no numbers in acc or gyr; want samples")
    gravity = float(np.nanmedian(np.linalg.norm(acc, axis=1)))
    if not 0.5 < gravity / STANDARD_GRAVITY_M_S2 < 2.0:
        raise BadOriginal(
            f"{path}: the median |acc| would be {gravity:.3g} {ACCELERATION}; want about"
            f" {STANDARD_GRAVITY_M_S2:.3g} (g and {ACCELERATION} mixed up?)"
        )
    fastest = float(np.nanmax(np.abs(gyr)))
    if not LEAST_GYR_RAD_S < fastest < MOST_GYR_RAD_S:
        raise BadOriginal(
            f"{path}: the fastest gyr would be {fastest:.3g} {ANGULAR_RATE}; want {LEAST_GYR_RAD_S:g} to"
            f" {MOST_GYR_RAD_S:.3g} in a walk (deg/s and {ANGULAR_RATE} mixed up?)"
        )
