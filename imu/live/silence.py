"""When a sensor has fallen silent, and when it is back: a rule in session time, so that a replay decides the same."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from imu.core.samples import Samples
from imu.core.session import Sensor
from imu.core.units import NS_PER_S
from imu.reprocess import FOREVER, without


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceParams:
    """After how long nobody waits for a sensor any longer."""

    silent_s: float = 2.0
    """How far the newest of the others has to be ahead of it."""


class Change(NamedTuple):
    """A row of `raw/stream.parquet`."""

    t_ns: int
    sensor: Sensor
    event: str
    """`drop`: from t_ns on its rows are left out; `back`: to t_ns, which they are not."""


class Heard(NamedTuple):
    """What becomes of rows that came."""

    rows: Samples
    """Those that count."""
    changes: tuple[Change, ...]
    """Who came back with them, and who was dropped because of them; to be told in that order, before and after."""


class Silences:
    """Feed all rows of all sensors in the order in which they came."""

    def __init__(self, sensors: Collection[Sensor], params: SilenceParams | None = None) -> None:
        self._silent_ns = round((params or SilenceParams()).silent_s * NS_PER_S)
        # one that never comes is waited for no longer than one that falls silent at the start
        self._newest: dict[Sensor, int] = dict.fromkeys(sensors, -1)
        self._away: set[Sensor] = set()
        self._gone: dict[Sensor, list[tuple[int, int]]] = {sensor: [] for sensor in sensors}
        """From when to when each was given up, ns, the end excluded."""

    @property
    def away(self) -> frozenset[Sensor]:
        """Who is dropped just now."""
        return frozenset(self._away)

    def hear(self, sensor: Sensor, samples: Samples) -> Heard:
        """Rows of one sensor, as they came."""
        if not len(samples):
            return Heard(samples, ())
        changes: list[Change] = []
        gone = self._gone[sensor]
        if sensor in self._away:
            # what it held back is too late: the others have gone on without it
            since = 1 + max(newest for other, newest in self._newest.items() if other != sensor)
            if int(samples.t_ns.max()) >= since:
                self._away.discard(sensor)
                gone[-1] = gone[-1][0], since
                changes.append(Change(since, sensor, "back"))
        samples = without(samples, gone)
        # what is left of one that is away is older than its drop: late, and counted so
        if not len(samples) or sensor in self._away:
            return Heard(samples, ())
        self._newest[sensor] = max(self._newest[sensor], int(samples.t_ns.max()))
        now = max(self._newest.values())
        for other, newest in self._newest.items():
            if other not in self._away and now - newest > self._silent_ns:
                self._away.add(other)
                self._gone[other].append((newest + 1, FOREVER))
                changes.append(Change(newest + 1, other, "drop"))
        return Heard(samples, tuple(changes))
