"""What sensors deliver and what stages are fed."""

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]


def _check(owner: str, n: int, **vectors: npt.NDArray[Any]) -> None:
    for name, vector in vectors.items():
        if vector.shape != (n, 3):
            raise ValueError(
                f"{owner}: {name} has shape {vector.shape}; want ({n}, 3), one row a timestamp (is it transposed?)"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Rows of one sensor as they arrived: late, broken and missing ones included. Sensor axes, SI units."""

    t_ns: Ints  # (n,) session clock
    seq: Ints  # (n,) sample counter; a jump = lost samples
    acc: Floats  # (n, 3) m/s^2, specific force
    gyr: Floats  # (n, 3) rad/s
    clipped: Flags  # (n,) a value stood at the limit of the converter or of the stated range

    def __post_init__(self) -> None:
        n = len(self.t_ns)
        _check("Samples", n, acc=self.acc, gyr=self.gyr)
        if len(self.seq) != n or len(self.clipped) != n:
            raise ValueError(f"Samples: seq has {len(self.seq)} and clipped {len(self.clipped)} rows; want {n}")

    def __len__(self) -> int:
        return len(self.t_ns)

    def __getitem__(self, part: slice) -> Self:
        return type(self)(self.t_ns[part], self.seq[part], self.acc[part], self.gyr[part], self.clipped[part])

    def where(self, keep: Flags) -> Self:
        """The rows that `keep` (n,) marks."""
        return type(self)(self.t_ns[keep], self.seq[keep], self.acc[keep], self.gyr[keep], self.clipped[keep])


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Accepted samples of one sensor in order of time. Missing samples are absent, not NaN; `lost` says where.

    `dt_s` is the physical time since the sample before: the sensor's own period where the counter runs on (whatever
    the clock says), the clock's difference across lost samples (or what the counter says, where the clock was set back
    meanwhile), and one period for a sensor's first sample.
    """

    t_ns: Ints  # (n,) session clock, strictly increasing over the whole stream
    dt_s: Floats  # (n,) s, > 0
    lost: Ints  # (n,) samples lost just before this one
    clipped: Flags  # (n,)
    jumped: Flags  # (n,) the clock jumped just before this one, though nothing was lost
    acc: Floats  # (n, 3) m/s^2, specific force
    gyr: Floats  # (n, 3) rad/s

    def __post_init__(self) -> None:
        n = len(self.t_ns)
        _check("Block", n, acc=self.acc, gyr=self.gyr)
        for name in ("dt_s", "lost", "clipped", "jumped"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"Block: {name} has {len(getattr(self, name))} rows; want {n}")

    def __len__(self) -> int:
        return len(self.t_ns)

    def __getitem__(self, part: slice) -> Self:
        return type(self)(
            self.t_ns[part],
            self.dt_s[part],
            self.lost[part],
            self.clipped[part],
            self.jumped[part],
            self.acc[part],
            self.gyr[part],
        )
