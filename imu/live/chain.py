"""From rows as they come to events and, at the end, to the tables that `imu reprocess` makes of the recording."""

from collections.abc import Collection
from typing import Any

from imu.core.events import Event
from imu.core.samples import Samples
from imu.core.session import Sensor, Session
from imu.core.tables import Row
from imu.live.silence import Change, Silences
from imu.pipeline import Params, Pipeline


class Chain:
    """One live session's analysis. Nothing of it depends on when things come, only on what comes after what."""

    def __init__(self, session: Session, present: Collection[Sensor], params: Params | None = None) -> None:
        self._pipeline = Pipeline(session, present, params)
        self._silences = Silences(tuple(present))
        self._changes: list[Change] = []

    @property
    def away(self) -> frozenset[Sensor]:
        """Sensors that have fallen silent."""
        return self._silences.away

    def push(self, sensor: Sensor, samples: Samples) -> list[Event]:
        """Rows of one sensor, as they came: the events that they settle."""
        rows, changes = self._silences.hear(sensor, samples)
        events: list[Event] = []
        for change in changes:
            if change.event == "back":
                self._pipeline.back(change.sensor, change.t_ns)
        events += self._pipeline.push(sensor, rows)
        for change in changes:
            if change.event == "drop":
                events += self._pipeline.drop(change.sensor)
        self._changes += changes
        return events

    def finish(self) -> list[Event]:
        """End of the session: what is pending is decided.

        Raises:
            UnusableRecording: hardly anything came that could be used.
        """
        events = self._pipeline.flush()
        self._pipeline.check_usable()
        return events

    @property
    def calibrations(self) -> list[dict[str, Any]]:
        """As `Pipeline.calibrations`."""
        return self._pipeline.calibrations

    def tables(self) -> dict[str, list[Row]]:
        """Rows so far by table name."""
        return self._pipeline.tables()

    def summary(self) -> dict[str, Any]:
        """As `Pipeline.summary`."""
        return self._pipeline.summary()

    def note(self, sensor: Sensor, t_ns: int, event: str) -> None:
        """One more row of STREAM, of what only was to be said."""
        self._changes.append(Change(t_ns, sensor, event))

    def stream(self) -> list[Row]:
        """Rows of STREAM: who fell silent, who came back, and what was noted, as it came."""
        return [{"t_ns": one.t_ns, "sensor": one.sensor, "event": one.event} for one in self._changes]
