"""Many rows in few bytes, written one by one."""

import struct
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[Any]

FORMATS: Final = {"f": "d", "i": "q"}


class Ledger:
    """Rows of one structured type, 8 bytes a number: as small as the array that they become.

    The fields `later` are left zero, to be filled in all rows at once.
    """

    def __init__(self, dtype: np.dtype[Any], later: tuple[str, ...] = ()) -> None:
        self._dtype, self._bytes = dtype, bytearray()
        packed = "<"
        for name in dtype.names or ():
            field = dtype[name]
            packed += f"{field.itemsize}x" if name in later else FORMATS[field.base.kind] * (field.itemsize // 8)
        self._pack = struct.Struct(packed).pack

    def append(self, *values: float) -> None:
        """A row: its numbers, those of a field with several one after the other."""
        self._bytes += self._pack(*values)

    def drop(self) -> None:
        """Forget the last row."""
        del self._bytes[-self._dtype.itemsize :]

    def rows(self) -> Rows:
        """All rows as one array; afterwards none can be added."""
        return np.frombuffer(self._bytes, self._dtype)
