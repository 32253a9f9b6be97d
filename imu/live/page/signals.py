"""Signals for those who look on: two curves a sensor, in frames small enough for 20 a second."""

import struct
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from imu.core.samples import Floats, Samples
from imu.core.session import SENSORS, Sensor
from imu.core.units import NS_PER_S

HEADER: Final = struct.Struct("<BBHIdd")
"""Version, sensor, n, reserved, t_s of the first sample, dt_s; then n pairs of float32."""
VERSION: Final = 1
MOST_POINTS: Final = 1000
"""Of a frame, and of a sensor waiting: five seconds at 200 Hz. Of more, the oldest go."""
MOST_RATE_HZ: Final = 250.0
"""Faster sensors are thinned to that: a page is some thousand points wide and shows ten seconds."""
GAP_PERIODS: Final = 1.5
"""As the contract has it: a longer way from sample to sample is no even one."""
ROOM: Final = 256
"""Blocks of rows that may wait; three sensors send 60 a second, and frames leave 20 times a second."""

Mounting: TypeAlias = Callable[[Sensor], Floats | None]
"""(3, 3) of a sensor, rows = the body's forward, left and up axes in sensor axes; None = not known."""


class Signals:
    """Feed it rows as they come; take frames from it. One a sensor at a time, each of samples at even distances."""

    def __init__(self, mounting: Mounting) -> None:
        self._mounting = mounting
        self._waiting: dict[Sensor, deque[Samples]] = {sensor: deque(maxlen=ROOM) for sensor in SENSORS}
        self._newest_ns: dict[Sensor, int] = {}
        self._dt_s: dict[Sensor, float] = {}

    def hear(self, sensor: Sensor, rows: Samples) -> None:
        """Rows of a sensor, as they came."""
        self._waiting[sensor].append(rows)

    def forget(self) -> None:
        """Nobody looks on."""
        for waiting in self._waiting.values():
            waiting.clear()

    def frames(self) -> Iterator[bytes]:
        """A frame of each sensor of which there is anything: up to its next gap. The rest waits for the next call."""
        for sensor, waiting in self._waiting.items():
            if not waiting:
                continue
            rows = self._in_order(sensor, _joined(waiting))
            waiting.clear()
            if not len(rows):
                continue
            n = _even(rows)
            if n < len(rows):
                waiting.append(rows[n:])
            yield self._frame(sensor, rows[:n])
            self._newest_ns[sensor] = int(rows.t_ns[n - 1])

    def _in_order(self, sensor: Sensor, rows: Samples) -> Samples:
        """The newest of those that are later than all before them, and than what was sent."""
        newest_ns = self._newest_ns.get(sensor, np.iinfo(np.int64).min)
        before = np.maximum.accumulate(np.concatenate(([newest_ns], rows.t_ns[:-1])))
        return rows.where(rows.t_ns > before)[-MOST_POINTS:]

    def _frame(self, sensor: Sensor, rows: Samples) -> bytes:
        n = len(rows)
        if n > 1:
            self._dt_s[sensor] = (int(rows.t_ns[-1]) - int(rows.t_ns[0])) / NS_PER_S / (n - 1)
        dt_s = self._dt_s.get(sensor, 0.0)
        every = max(1, int(np.ceil(1 / (dt_s * MOST_RATE_HZ)))) if dt_s else 1
        # with the peaks, in which a contact shows, of what is left out
        acc = _thinned(np.linalg.norm(rows.acc, axis=1), every)
        gyr = _thinned(self._about_left(sensor, rows.gyr), every)
        head = HEADER.pack(VERSION, SENSORS.index(sensor), len(acc), 0, int(rows.t_ns[0]) / NS_PER_S, dt_s * every)
        return head + np.column_stack((acc, gyr)).astype("<f4").tobytes()

    def _about_left(self, sensor: Sensor, gyr: Floats) -> Floats:
        mounting = self._mounting(sensor)
        return np.linalg.norm(gyr, axis=1) if mounting is None else gyr @ mounting[1]


def _joined(waiting: deque[Samples]) -> Samples:
    if len(waiting) == 1:
        return waiting[0]
    return Samples(
        np.concatenate([rows.t_ns for rows in waiting]),
        np.concatenate([rows.seq for rows in waiting]),
        np.concatenate([rows.acc for rows in waiting]),
        np.concatenate([rows.gyr for rows in waiting]),
        np.concatenate([rows.clipped for rows in waiting]),
    )


def _even(rows: Samples) -> int:
    """How many, from the first, lie at even distances with none missing between."""
    if len(rows) < 2:
        return len(rows)
    way_ns = np.diff(rows.t_ns)
    broken = (np.diff(rows.seq) != 1) | (way_ns > GAP_PERIODS * np.median(way_ns))
    return int(np.argmax(broken)) + 1 if broken.any() else len(rows)


def _thinned(values: Floats, every: int) -> npt.NDArray[np.float64]:
    """Of each so many the one that is farthest from zero."""
    if every == 1 or not len(values):
        return values
    groups = np.arange(0, len(values), every)
    most, least = np.maximum.reduceat(values, groups), np.minimum.reduceat(values, groups)
    return np.where(most >= -least, most, least)
