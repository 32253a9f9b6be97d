"""From the log of a live session to an analysed session folder: at its end, or whenever after a crash."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from firmware_bridge.driver import Driver
from firmware_bridge.driver import drivers as installed
from imu.core.errors import BadLog, DuplicateSession, UnusableRecording
from imu.core.session import Sensor, Session
from imu.core.tables import EVENTS, HEART_RATE, STREAM, TREADMILL, Row, Table
from imu.live.decode import Decoder
from imu.live.player import Player
from imu.pipeline import Params
from imu.store.atomic import remove
from imu.store.checksum import Rows, RowsChecksum
from imu.store.folder import SESSION_FILE, analysis_dir
from imu.store.log import LogEnd, claimed, read_log
from imu.store.raw import RawWriter, raw_path, raw_writer, read_raw
from imu.store.tables import read_rows, write_analysis, write_table
from imu.store.write_session import create_session
from imu.version import VERSION

Progress = Callable[[float], None]
"""Told the share of the log that is done, 0 to 1."""

_ASIDE: Mapping[str, Table] = {
    "raw/stream.parquet": STREAM,
    "raw/treadmill.parquet": TREADMILL,
    "raw/heart_rate.parquet": HEART_RATE,
    "events.parquet": EVENTS,
}
"""What a session folder holds besides its sensors' rows, where there is any."""


class Kept(NamedTuple):
    """What of one sensor is in the session."""

    rows: int
    lost: int
    """Samples that the counters say are missing."""
    bad_packets: int
    """Notifications that were no packets."""


class Recovered(NamedTuple):
    """A session folder made of a log."""

    folder: Path
    session: Session
    sensors: Mapping[Sensor, Kept]
    summary: Mapping[str, Any] | None
    """As in `analysis/`; None: nothing could be analysed, and `unusable` says why."""
    unusable: str | None
    end: LogEnd
    """Where whole frames ended, and what was dropped behind them."""


def recover(
    log: Path, store: Path, drivers: Mapping[str, Driver] | None = None, progress: Progress | None = None
) -> Recovered:
    """Make the session that a log holds, analyse it as it was analysed live, and read all of it back. The log stays.

    Args:
        log: what a recorder wrote.
        store: where the session goes.
        drivers: by name; None = all that are installed.
        progress: see `Progress`.

    Raises:
        SessionNotFound, LogInUse, BadLog: the log is not there, still being written, or can't be understood.
        BadSessionFile: what it says of the session can't be.
        DuplicateSession: the session is in the store already.
        CannotWrite: with the system's reason; nothing of the session then looks whole.
    """
    drivers = installed() if drivers is None else drivers
    with claimed(log), read_log(log) as frames:
        player = Player(frames.header, drivers)
        session = player.session
        folder = analysis_dir(store, session)
        if (folder / SESSION_FILE).exists():
            raise DuplicateSession(f"{folder} holds this session already; want another store (recovered before?)")
        written: dict[Sensor, RowsChecksum] = {sensor: RowsChecksum() for sensor in player.decoders}
        total = log.stat().st_size
        with ExitStack() as files:
            raw = {
                sensor: files.enter_context(_raw_writer(folder, sensor, session, decoder))
                for sensor, decoder in player.decoders.items()
            }
            for frame in frames:
                heard = player.take(frame)
                if heard.sensor is not None and heard.rows is not None:
                    raw[heard.sensor].push(heard.rows)
                    written[heard.sensor].push(heard.rows)
                    if progress is not None:
                        progress(frames.whole_bytes / total)
        if frames.end is None:
            raise BadLog(f"{log} has no end; want whole frames up to one")
        for sensor, sums in written.items():
            _read_back(folder, sensor, session, sums.value)
        for name, rows in zip(
            _ASIDE, (player.chain.stream(), player.treadmill, player.heart_rate, player.marks), strict=True
        ):
            _write_aside(folder / name, _ASIDE[name], rows)
        summary, unusable = _analysis(folder, player)
        create_session(folder, session)
        kept: dict[Sensor, Kept] = {
            sensor: _kept(decoder, written[sensor].value) for sensor, decoder in player.decoders.items()
        }
        return Recovered(folder, session, kept, summary, unusable, frames.end)


def finish(
    log: Path, store: Path, drivers: Mapping[str, Driver] | None = None, progress: Progress | None = None
) -> Recovered:
    """`recover`, and then the log goes: the session was read back, so that it is not needed any more.

    Raises:
        As `recover`; the log then stays.
    """
    made = recover(log, store, drivers, progress)
    remove(log)
    return made


def _raw_writer(folder: Path, sensor: Sensor, session: Session, decoder: Decoder) -> AbstractContextManager[RawWriter]:
    return raw_writer(
        raw_path(folder, sensor),
        sensor,
        setup=session.sensors[sensor],
        version=VERSION,
        encoding="float32" if decoder.per_count is None else "int16",
        per_count=decoder.per_count,
    )


def _read_back(folder: Path, sensor: Sensor, session: Session, wanted: Rows) -> None:
    """Raises: BadRawFile, BadLog: the file does not give back every row as it was."""
    if not wanted.rows:
        return
    sums = RowsChecksum()
    for samples in read_raw(raw_path(folder, sensor), sensor, session.sensors[sensor]):
        sums.push(samples)
    if sums.value != wanted:
        raise BadLog(
            f"{raw_path(folder, sensor)} does not give back the {wanted.rows} rows that were written; want the same"
            " (a failing disk?); the log is kept"
        )


def _write_aside(path: Path, table: Table, rows: list[Row]) -> None:
    if not rows:
        return
    write_table(path, table, rows, version=VERSION, params={})
    if len(read_rows(path, table)) != len(rows):
        raise BadLog(f"{path} does not give back its {len(rows)} rows; want all (a failing disk?); the log is kept")


def _analysis(folder: Path, player: Player) -> tuple[Mapping[str, Any] | None, str | None]:
    try:
        player.finish()
    except UnusableRecording as slip:
        return None, str(slip)
    summary = player.chain.summary()
    write_analysis(folder, player.chain.tables(), summary, version=VERSION, params=Params().document())
    return summary, None


def _kept(decoder: Decoder, rows: Rows) -> Kept:
    return Kept(rows.rows, decoder.lost, decoder.bad_packets)
