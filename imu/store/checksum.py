"""Whether what stands in a raw file is what was handed to its writer, to the bit."""

import zlib
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from imu.core.samples import Samples

_COLUMNS: Final = ("t_ns", "seq", "acc", "gyr")


class Rows(NamedTuple):
    """Of all rows so far; equal for equal rows, however they were cut."""

    rows: int
    crc: tuple[int, ...]
    """CRC-32 of each column."""


class RowsChecksum:
    """Feed rows in order."""

    def __init__(self) -> None:
        self._rows = 0
        self._crc = [0] * len(_COLUMNS)

    def push(self, samples: Samples) -> None:
        """Any number of rows."""
        self._rows += len(samples)
        for k, name in enumerate(_COLUMNS):
            column: npt.NDArray[np.generic] = getattr(samples, name)
            self._crc[k] = zlib.crc32(np.ascontiguousarray(column).data, self._crc[k])

    @property
    def value(self) -> Rows:
        """So far."""
        return Rows(self._rows, tuple(self._crc))
