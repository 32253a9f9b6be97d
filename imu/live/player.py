"""All that follows from a log: frame by frame while it is written, and the same again from the file."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from firmware_bridge.driver import Driver
from firmware_bridge.packets import BadPacket
from firmware_bridge.standard import heart_rate, treadmill
from imu.core.errors import BadLog, UnusableRecording
from imu.core.events import Event
from imu.core.samples import Samples
from imu.core.session import SENSORS, Sensor, Session
from imu.core.tables import Row
from imu.live.chain import Chain
from imu.live.decode import Decoder, about
from imu.pipeline import Params
from imu.store.log import Kind, LogFrame, LogHeader, Source

TREADMILL: Final = "treadmill"
HEART_RATE: Final = "heart_rate"
"""What the log says in place of a driver of sources that speak a standard service."""


class Heard(NamedTuple):
    """What one frame brought."""

    sensor: Sensor | None = None
    rows: Samples | None = None
    """Of that sensor, as they stand in its raw file."""
    events: tuple[Event, ...] = ()


NOTHING: Final = Heard()


class Player:
    """Feed every frame of a log after its header, in order.

    Raises:
        BadSessionFile: what the header says of the session can't be.
        BadLog: no driver for one of its sensors.
    """

    def __init__(self, header: LogHeader, drivers: Mapping[str, Driver], params: Params | None = None) -> None:
        self.session = Session.parse(dict(header.session))
        self.decoders: dict[Sensor, Decoder] = {}
        self.treadmill: list[Row] = []
        """Rows of TREADMILL."""
        self.heart_rate: list[Row] = []
        """Rows of HEART_RATE."""
        self.marks: list[Row] = []
        """Rows of EVENTS."""
        self.bad_asides = 0
        """Notifications of standard services that were none."""
        self.slip: Exception | None = None
        """What ended the analysis: a mistake of this program. Rows and marks go on."""
        self._start_ns = header.start_ns
        self._sources = list(header.sources)
        self._worn: dict[int, Sensor] = {}
        for index, source in enumerate(header.sources):
            for sensor in SENSORS:
                if source.sensor == sensor and sensor in self.session.sensors:
                    self._worn[index] = sensor
                    driver = _driver_of(source, drivers)
                    self.decoders[sensor] = Decoder(source, driver, self.session.sensors[sensor], header.start_ns)
        self.chain = Chain(self.session, tuple(self.decoders), params)
        self._incline_pct: float | None = None

    def take(self, frame: LogFrame) -> Heard:
        """What a frame brings."""
        sensor = self._worn.get(index) if (index := about(frame)) is not None else None
        if sensor is not None:
            return self._take_of(sensor, frame)
        if frame.kind is Kind.SOURCE:
            self._sources.append(Source.parse(frame.document()))
        elif frame.kind is Kind.NOTIFICATION:
            self._take_aside(frame)
        elif frame.kind is Kind.EVENT:
            self._mark(frame)
        return NOTHING

    def finish(self) -> tuple[Event, ...]:
        """End of the log: what is pending is decided.

        Raises:
            UnusableRecording: hardly anything came that could be used.
        """
        return self._analysed(self.chain.finish)

    def _analysed(self, part: Callable[[], list[Event]]) -> tuple[Event, ...]:
        if self.slip is None:
            try:
                return tuple(part())
            except UnusableRecording:
                raise
            except Exception as slip:  # noqa: BLE001 whatever it is, it must cost nobody a recording
                self.slip = slip
        return ()

    def _take_of(self, sensor: Sensor, frame: LogFrame) -> Heard:
        decoder = self.decoders[sensor]
        rows = decoder.take(frame)
        if rows is None:
            return NOTHING
        if decoder.note is not None and len(rows):
            self.chain.note(sensor, int(rows.t_ns[0]), decoder.note)
        return Heard(sensor, rows, self._analysed(lambda: self.chain.push(sensor, rows)))

    def _take_aside(self, frame: LogFrame) -> None:
        driver = self._sources[frame.source].driver if frame.source < len(self._sources) else None
        t_ns = frame.host_ns - self._start_ns
        if t_ns < 0:
            return
        try:
            if driver == TREADMILL:
                said = treadmill(frame.payload)
                if said.incline_pct is not None:
                    self._incline_pct = said.incline_pct
                # a machine may spread its figures over several notifications: the speed makes the row
                if said.speed_m_s is not None:
                    row: Row = {"t_ns": t_ns, "speed_m_s": said.speed_m_s, "incline_pct": self._incline_pct}
                    self.treadmill.append(row)
            elif driver == HEART_RATE:
                self.heart_rate.append({"t_ns": t_ns, "heart_rate_bpm": float(heart_rate(frame.payload).bpm)})
        except BadPacket:
            self.bad_asides += 1

    def _mark(self, frame: LogFrame) -> None:
        """A row of EVENTS, where a frame is one: marks, notes, phases and cues."""
        said: dict[str, Any] = frame.document()
        kind, value = said.get("kind"), said.get("value")
        if isinstance(kind, str) and isinstance(value, str):
            t_ns = max(frame.host_ns - self._start_ns, 0)
            self.marks.append({"t_ns": t_ns, "t_end_ns": None, "kind": kind, "value": value})


def _driver_of(source: Source, drivers: Mapping[str, Driver]) -> Driver:
    if source.driver not in drivers:
        known = ", ".join(sorted(drivers)) or "none"
        raise BadLog(
            f"{source.sensor} was sent by a device of kind {source.driver!r}; want its driver, there are {known}"
            " (a package that is not installed here?)"
        )
    return drivers[source.driver]
