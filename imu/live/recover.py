"""From the log of a live session to a session folder: at its end, or whenever after a crash."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from firmware_bridge.driver import Driver
from firmware_bridge.driver import drivers as installed
from imu.core.errors import BadLog, DuplicateSession
from imu.core.samples import Samples
from imu.core.session import SENSORS, Sensor, Session
from imu.core.tables import EVENTS, STREAM, Row
from imu.live.decode import Decoder, about
from imu.live.silence import Change, Silences
from imu.store.folder import SESSION_FILE, analysis_dir
from imu.store.log import Kind, LogEnd, LogFrame, ReadLog, Source, claimed, read_log
from imu.store.raw import raw_path, rows_in, write_raw
from imu.store.tables import write_table
from imu.store.write_session import create_session
from imu.version import VERSION


class Kept(NamedTuple):
    """What of one sensor is in the session."""

    rows: int
    lost: int
    """Samples that the counters say are missing."""
    bad_packets: int
    """Notifications that were no packets."""
    drift_ppm: float


class Recovered(NamedTuple):
    """A session folder made of a log."""

    folder: Path
    session: Session
    sensors: Mapping[Sensor, Kept]
    end: LogEnd
    """Where whole frames ended, and what was dropped behind them."""


def recover(log: Path, store: Path, drivers: Mapping[str, Driver] | None = None) -> Recovered:
    """Make the session that a log holds, and read it back. The log stays where it is.

    Args:
        log: what a recorder wrote.
        store: where the session goes.
        drivers: by name; None = all that are installed.

    Raises:
        SessionNotFound, LogInUse, BadLog: the log is not there, still being written, or can't be understood.
        BadSessionFile: what it says of the session can't be.
        DuplicateSession: the session is in the store already.
        CannotWrite: with the system's reason; nothing of the session then looks whole.
    """
    drivers = installed() if drivers is None else drivers
    with claimed(log):
        with read_log(log) as frames:
            session, worn = _described(frames, drivers)
        folder = analysis_dir(store, session)
        if (folder / SESSION_FILE).exists():
            raise DuplicateSession(f"{folder} holds this session already; want another store (recovered before?)")
        kept: dict[Sensor, Kept] = {}
        for sensor, (index, source) in worn.items():
            decoder = _decoder(source, session, sensor, drivers, log)
            written = write_raw(
                raw_path(folder, sensor),
                sensor,
                _rows(log, index, decoder),
                setup=session.sensors[sensor],
                version=VERSION,
                encoding="float32" if decoder.per_count is None else "int16",
                per_count=decoder.per_count,
            )
            if rows_in(raw_path(folder, sensor), sensor) != written:
                raise BadLog(f"{folder} does not hold the {written} rows of {sensor} that were written; want them all")
            drift = decoder.clock.drift_ppm
            kept[sensor] = Kept(written, decoder.assembled.lost, decoder.bad_packets, drift)
        changes, events, end = _replayed(log, session, worn, drivers)
        if changes:
            rows: list[Row] = [{"t_ns": one.t_ns, "sensor": one.sensor, "event": one.event} for one in changes]
            write_table(folder / "raw" / "stream.parquet", STREAM, rows, version=VERSION, params={})
        if events:
            write_table(folder / "events.parquet", EVENTS, events, version=VERSION, params={})
        create_session(folder, session)
    return Recovered(folder, session, kept, end)


def _described(frames: ReadLog, drivers: Mapping[str, Driver]) -> tuple[Session, dict[Sensor, tuple[int, Source]]]:
    """The session, and which source is which of its sensors; sources that joined later included."""
    session = Session.parse(dict(frames.header.session))
    for _ in frames:
        pass
    worn: dict[Sensor, tuple[int, Source]] = {}
    for index, source in enumerate(frames.sources):
        for sensor in SENSORS:
            if source.sensor == sensor and sensor in session.sensors:
                if source.driver not in drivers:
                    known = ", ".join(sorted(drivers)) or "none"
                    raise BadLog(
                        f"{sensor} was sent by a device of kind {source.driver!r}; want its driver, there are {known}"
                        " (a package that is not installed here?)"
                    )
                worn[sensor] = index, source
    return session, worn


def _decoder(source: Source, session: Session, sensor: Sensor, drivers: Mapping[str, Driver], log: Path) -> Decoder:
    with read_log(log) as frames:
        return Decoder(source, drivers[source.driver], session.sensors[sensor], frames.header.start_ns)


def _rows(log: Path, index: int, decoder: Decoder) -> Iterator[Samples]:
    with read_log(log) as frames:
        for frame in frames:
            if about(frame) == index:
                rows = decoder.take(frame)
                if rows is not None:
                    yield rows


def _replayed(
    log: Path, session: Session, worn: Mapping[Sensor, tuple[int, Source]], drivers: Mapping[str, Driver]
) -> tuple[list[Change], list[Row], LogEnd]:
    """Who fell silent when, as all sensors together tell; what was marked; where the log ends."""
    sensors: dict[int, Sensor] = {index: sensor for sensor, (index, _) in worn.items()}
    silences, changes, events = Silences(tuple(worn)), list[Change](), list[Row]()
    with read_log(log) as frames:
        start_ns = frames.header.start_ns
        decoders = {
            index: Decoder(source, drivers[source.driver], session.sensors[sensor], start_ns)
            for sensor, (index, source) in worn.items()
        }
        for frame in frames:
            index = about(frame)
            if index in decoders:
                rows = decoders[index].take(frame)
                if rows is not None:
                    changes += silences.hear(sensors[index], rows).changes
            elif frame.kind is Kind.EVENT and (event := _event(frame, start_ns)) is not None:
                events.append(event)
        if frames.end is None:
            raise BadLog(f"{log} has no end; want whole frames up to one")
        return changes, events, frames.end


def _event(frame: LogFrame, start_ns: int) -> Row | None:
    """A row of EVENTS, where a frame is one: marks, notes, phases and cues."""
    said: dict[str, Any] = frame.document()
    kind, value = said.get("kind"), said.get("value")
    if not isinstance(kind, str) or not isinstance(value, str):
        return None
    return {"t_ns": max(frame.host_ns - start_ns, 0), "t_end_ns": None, "kind": kind, "value": value}
