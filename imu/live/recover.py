"""From the log of a live session to an analysed session folder: at its end, or whenever after a crash."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from firmware_bridge.driver import Driver
from firmware_bridge.driver import drivers as installed
from imu.core.errors import BadLog, DuplicateSession, UnusableRecording
from imu.core.session import SENSORS, Sensor, Session
from imu.core.tables import EVENTS, HEART_RATE, STREAM, TREADMILL, Row, Table
from imu.live.decode import Decoder
from imu.live.player import Player
from imu.pipeline import Params
from imu.store.atomic import remove
from imu.store.checksum import Rows, RowsChecksum
from imu.store.folder import SESSION_FILE, analysis_dir
from imu.store.log import LogEnd, read_log
from imu.store.log_lock import claimed
from imu.store.raw import RawWriter, raw_path, raw_writer, read_raw
from imu.store.tables import read_rows, write_analysis, write_table
from imu.store.write_session import create_session
from imu.version import VERSION

Progress = Callable[[float], None]
"""Told the share of the log that is done, 0 to 1."""

OUR_MISTAKE: Final = "the analysis failed, which is a mistake of this program"

_ASIDE: Final[Mapping[str, Table]] = {
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
    log: Path | None
    """Where it still is; None = it is not needed any more, and gone."""

    @property
    def holds_all(self) -> bool:
        """Whether the log says nothing that the session does not."""
        understood = all(kept.rows or not kept.bad_packets for kept in self.sensors.values())
        return self.end.damage is None and understood and not (self.unusable or "").startswith(OUR_MISTAKE)


def recover(
    log: Path, store: Path, drivers: Mapping[str, Driver] | None = None, progress: Progress | None = None
) -> Recovered:
    """Make the session that a log holds, analyse it as it was analysed live, and read all of it back. The log stays.

    A session that was made of this very log before is compared with it, and left as it is.

    Args:
        log: what a recorder wrote.
        store: where the session goes.
        drivers: by name; None = all that are installed.
        progress: see `Progress`.

    Raises:
        SessionNotFound, LogInUse, BadLog: the log is not there, still being written, or can't be understood.
        BadSessionFile: what it says of the session can't be.
        DuplicateSession: another session of this name is in the store.
        CannotWrite: with the system's reason; nothing of the session then looks whole.
    """
    drivers = installed() if drivers is None else drivers
    with claimed(log), read_log(log) as frames:
        player = Player(frames.header, drivers)
        session = player.session
        folder = analysis_dir(store, session)
        made_before = (folder / SESSION_FILE).exists()
        sums: dict[Sensor, RowsChecksum] = {sensor: RowsChecksum() for sensor in player.decoders}
        total = log.stat().st_size
        with ExitStack() as files:
            raw: dict[Sensor, RawWriter] = {}
            if not made_before:
                _clear(folder)
                for sensor, decoder in player.decoders.items():
                    raw[sensor] = files.enter_context(_raw_writer(folder, sensor, session, decoder))
            for frame in frames:
                heard = player.take(frame)
                if heard.sensor is not None and heard.rows is not None:
                    sums[heard.sensor].push(heard.rows)
                    if heard.sensor in raw:
                        raw[heard.sensor].push(heard.rows)
                    if progress is not None:
                        progress(frames.whole_bytes / total)
        if frames.end is None:
            raise BadLog(f"{log} has no end; want whole frames up to one")
        different = [sensor for sensor, value in sums.items() if not _stands(folder, sensor, session, value.value)]
        if made_before and different:
            raise DuplicateSession(f"{folder} holds another session of this name; want another store")
        if different:
            raise BadLog(
                f"{folder} does not give back the rows of {', '.join(different)} that were written; want the same"
                " (a failing disk?); the log is kept"
            )
        if not made_before:
            for name, rows in zip(
                _ASIDE, (player.chain.stream(), player.treadmill, player.heart_rate, player.marks), strict=True
            ):
                _write_aside(folder / name, _ASIDE[name], rows)
        summary, unusable = _analysis(folder, player, write=not made_before)
        if not made_before:
            create_session(folder, session)
        kept: dict[Sensor, Kept] = {
            sensor: Kept(sums[sensor].value.rows, decoder.lost, decoder.bad_packets)
            for sensor, decoder in player.decoders.items()
        }
        return Recovered(folder, session, kept, summary, unusable, frames.end, log)


def finish(
    log: Path, store: Path, drivers: Mapping[str, Driver] | None = None, progress: Progress | None = None
) -> Recovered:
    """`recover`; then the log goes, if the session holds all that it says: it was read back, and is not needed.

    Raises:
        As `recover`; the log then stays.
    """
    made = recover(log, store, drivers, progress)
    if not made.holds_all:
        return made
    remove(log)
    return made._replace(log=None)


def _clear(folder: Path) -> None:
    """What an attempt left that came to no session would be taken for this one's."""
    for name in (*_ASIDE, *(f"raw/{sensor}.parquet" for sensor in SENSORS)):
        remove(folder / name)


def _raw_writer(folder: Path, sensor: Sensor, session: Session, decoder: Decoder) -> AbstractContextManager[RawWriter]:
    return raw_writer(
        raw_path(folder, sensor),
        sensor,
        setup=session.sensors[sensor],
        version=VERSION,
        encoding="float32" if decoder.per_count is None else "int16",
        per_count=decoder.per_count,
    )


def _stands(folder: Path, sensor: Sensor, session: Session, wanted: Rows) -> bool:
    """Whether its file gives back every row as it was; one without rows has none.

    Raises:
        BadRawFile: it can't be read.
    """
    path, sums = raw_path(folder, sensor), RowsChecksum()
    if not wanted.rows:
        return not path.exists()
    for samples in read_raw(path, sensor, session.sensors[sensor]):
        sums.push(samples)
    return sums.value == wanted


def _write_aside(path: Path, table: Table, rows: list[Row]) -> None:
    if not rows:
        return
    write_table(path, table, rows, version=VERSION, params={})
    if len(read_rows(path, table)) != len(rows):
        raise BadLog(f"{path} does not give back its {len(rows)} rows; want all (a failing disk?); the log is kept")


def _analysis(folder: Path, player: Player, *, write: bool) -> tuple[Mapping[str, Any] | None, str | None]:
    try:
        player.finish()
    except UnusableRecording as why:
        return None, str(why)
    if player.slip is not None:
        # the rows are whole: a version that is mended analyses them
        return None, f"{OUR_MISTAKE}: {type(player.slip).__name__}: {player.slip}"
    summary = player.chain.summary()
    if write:
        write_analysis(folder, player.chain.tables(), summary, version=VERSION, params=Params().document())
    return summary, None
