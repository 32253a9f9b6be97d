"""Poses of the pelvis that steps may still need."""

import numpy as np
import numpy.typing as npt

from imu.core.records import POSE
from imu.core.samples import Ints
from imu.kernels.step import first_at


class PoseRing:
    """POSE records in order of time, appended at one end and dropped at the other."""

    def __init__(self) -> None:
        self._buffer = np.zeros(1024, POSE)
        self._first = self._stop = 0

    def __len__(self) -> int:
        return self._stop - self._first

    def append(self, poses: npt.NDArray[np.void]) -> None:
        n = len(poses)
        if self._stop + n > len(self._buffer):
            held = self.poses
            size = len(self._buffer)
            while len(held) + n > size // 2:
                size *= 2
            # moved at most once every half buffer
            buffer = np.zeros(size, POSE)
            buffer[: len(held)] = held
            self._buffer, self._first, self._stop = buffer, 0, len(held)
        self._buffer[self._stop : self._stop + n] = poses
        self._stop += n

    def drop_before(self, t_ns: int) -> None:
        self._first += self.first_at(t_ns)

    def first_at(self, t_ns: int) -> int:
        """Index in `poses` of the first one not before t_ns; its length where there is none."""
        return first_at(self.t_ns, t_ns)

    @property
    def poses(self) -> npt.NDArray[np.void]:
        """(n,) POSE, a view: good until the next `append`."""
        return self._buffer[self._first : self._stop]

    @property
    def t_ns(self) -> Ints:
        return self.poses["t_ns"]
