"""The recorder: frames of a log into memory at once, onto the disk each second in a thread of its own.

What is appended either reaches the log in its order or an error says so: nothing is dropped without a word, and a log
has no holes, only an end.
"""

import errno
import io
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from imu.core.errors import CannotRecord, DiskFull, RecorderOverrun
from imu.store.atomic import sync_folder
from imu.store.log import (
    NO_SOURCE,
    Kind,
    LogFrame,
    LogHeader,
    crc_of,
    encode_frame,
    whole_frames,
)
from imu.store.log_lock import claimed, is_gone, lock_log

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, in the user's quota, in one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderLimits:
    """When a recording is refused, warned of, or stopped.

    An hour of three sensors at 200 Hz is 34 MB of log and 16 MB of session.
    """

    write_every_s: float = 0.2
    """What is with the system outlives this program..."""
    sync_every_s: float = 0.8
    """...and what is synced a power cut: a sync may take 0.2 s and still no more than the last second is lost."""
    most_buffered_bytes: int = 8 << 20
    """What may wait for the disk: 15 minutes of three sensors. Beyond it the recording stops."""
    least_free_bytes: int = 100_000_000
    """Of room on the disk, to begin: two hours."""
    low_free_bytes: int = 500_000_000
    """Of room on the disk, below which a warning is due: ten hours."""


class RecorderState(NamedTuple):
    """How a recording fares, to be shown."""

    appended_frames: int
    """Taken in, the header included."""
    synced_frames: int
    """Of these, those that a power cut can't take."""
    synced_bytes: int
    waiting_bytes: int
    """Taken in, not yet synced."""
    free_bytes: int | None
    """On the disk when last asked; None = the system would not say."""
    low: bool
    """Free room is below the limit of which to warn."""
    slowest_sync_s: float
    error: CannotRecord | None
    """Why nothing more is taken in."""


class LogWriter:
    """One log, begun anew and locked. One thread appends; only `flush` and `close` touch the disk, in any."""

    def __init__(
        self,
        path: Path,
        header: LogHeader,
        *,
        limits: RecorderLimits | None = None,
        on_stop: Callable[[CannotRecord], None] | None = None,
    ) -> None:
        """Create the log, write its header and sync both.

        `on_stop` is told once, in the thread that saw it first, when the recording stops by itself.

        Raises:
            LogInUse: if another recorder is writing it.
            DiskFull: if there is less room than a recording needs.
            CannotRecord: if it is there already, or can't be created.
            ValueError: for a header that is too large or no JSON.
        """
        if len(header.sources) > NO_SOURCE:
            raise ValueError(f"{len(header.sources)} sources; want at most {NO_SOURCE}")
        self.path: Final = path
        self.limits: Final = limits or RecorderLimits()
        first = encode_frame(Kind.HEADER, NO_SOURCE, header.start_ns, header.encode(), 0)
        self._seed: Final = crc_of(first)
        self._sources = len(header.sources)
        self._free_bytes = _free_bytes(path)
        if self._free_bytes is not None and self._free_bytes < self.limits.least_free_bytes:
            raise DiskFull(
                f"{self._free_bytes / 1e6:.0f} MB are free for {path}; want {self.limits.least_free_bytes / 1e6:.0f} MB"
                " to begin a recording (another disk?)",
                path=str(path),
            )
        # guards all below; held for moments only, never while the disk works
        self._taking = threading.Lock()
        self._buffer = bytearray()
        self._in_flight_bytes = 0
        self._appended_frames = self._written_frames = self._synced_frames = 0
        self._written_bytes = self._synced_bytes = 0
        self._refusal: CannotRecord | None = None
        self._on_stop = None
        self._closed = False
        # guards the file, and what follows
        self._writing = threading.Lock()
        self._broken = False
        self._slowest_sync_s = 0.0
        self._file = _begin(path)
        try:
            lock_log(self._file, path)
            self._take(first)
            self.flush(sync=True)
            sync_folder(path.parent)
        except BaseException as error:
            self._file.close()
            # without a header it is no log; a disk that fails may not even let it go
            with suppress(OSError):
                path.unlink()
            if isinstance(error, OSError) and not isinstance(error, CannotRecord):
                raise _cannot_record(path, error) from error
            raise
        # what fails to begin is raised, not told
        self._on_stop = on_stop

    def put(self, frame: LogFrame) -> None:
        """Take in a frame as a reader will give it back: what came from a source, what happened, or one more source.
        Touches no disk; the payload is copied.

        Raises:
            RecorderOverrun: if more would wait for the disk than is allowed; from then on nothing is taken in.
            CannotRecord: if the recording has stopped, with what stopped it, or is closed.
            ValueError: for a source that was not named, or what no frame can hold.
        """
        kind, source, host_ns, payload = frame
        if kind in _OF_A_SOURCE and not 0 <= source < self._sources:
            raise ValueError(f"{kind!r} of source {source}; want one of {self._sources}")
        if kind is Kind.SOURCE and not source == self._sources < NO_SOURCE:
            raise ValueError(f"one more source is {source}; want {self._sources}, of {NO_SOURCE} at most")
        if kind is Kind.HEADER or (kind is Kind.EVENT and source != NO_SOURCE):
            raise ValueError(f"{kind!r} of source {source}; want one header, and events of no source")
        self._take(encode_frame(kind, source, host_ns, payload, self._seed))
        self._sources += kind is Kind.SOURCE

    def _take(self, frame: bytes) -> None:
        with self._taking:
            if self._refusal is not None:
                # the traceback of an error that is raised anew with every packet would grow without end
                raise self._refusal.with_traceback(None)
            if self._closed:
                raise CannotRecord(f"{self.path} is closed; want a recording that runs", path=str(self.path))
            waiting = self._in_flight_bytes + len(self._buffer)
            if waiting + len(frame) <= self.limits.most_buffered_bytes:
                self._buffer += frame
                self._appended_frames += 1
                return
            # within the lock: nothing shorter may slip in behind what was refused
            why = self._refusal = RecorderOverrun(
                f"{waiting / 1e6:.1f} MB wait to be written to {self.path}; want a disk that keeps up (a network drive,"
                " a failing card?); the recording stops, what came before is kept",
                path=str(self.path),
            )
        self._tell(why)
        raise why

    def _tell(self, why: CannotRecord) -> None:
        with self._taking:
            tell, self._on_stop = self._on_stop, None
        if tell is not None:
            tell(why)

    def flush(self, *, sync: bool) -> None:
        """Hand what was taken in to the system; `sync`: and wait until the disk holds it.

        Raises:
            DiskFull: if there is no room; the log is cut back to its last whole frame.
            CannotRecord: if the disk fails.
        """
        with self._writing:
            if self._broken and self._refusal is not None:
                raise self._refusal.with_traceback(None)
            with self._taking:
                chunk, self._buffer = self._buffer, bytearray()
                self._in_flight_bytes, frames = len(chunk), self._appended_frames
            if not chunk and not (sync and self._written_bytes > self._synced_bytes):
                return
            began = time.monotonic()
            done = 0
            try:
                with memoryview(chunk) as rest:
                    while done < len(chunk):
                        done += self._file.write(rest[done:])
                if sync:
                    _sync(self._file)
            except OSError as error:
                raise self._break(error, chunk[:done]) from error
            except BaseException as error:
                # whatever it was: to write on would leave a hole
                self._break(error, chunk[:done])
                raise
            with self._taking:
                self._in_flight_bytes = 0
                self._written_frames = frames
                self._written_bytes += len(chunk)
                if sync:
                    self._synced_frames, self._synced_bytes = self._written_frames, self._written_bytes
            if sync:
                self._slowest_sync_s = max(self._slowest_sync_s, time.monotonic() - began)
                self._free_bytes = _free_bytes(self.path)
                if is_gone(self.path):
                    # the disk has it, and nobody will find it
                    raise self._break(FileNotFoundError("deleted or moved away"), bytearray())

    def _break(self, error: BaseException, written: bytearray) -> CannotRecord:
        """Stop for good. A sync that failed is never tried again: the system then calls lost pages clean."""
        kept = 0
        # a torn frame is no harm to a reader; it goes if it can
        with suppress(OSError):
            if len(written) < self._in_flight_bytes:
                whole, frames = whole_frames(written)
                self._file.truncate(self._written_bytes + whole)
                _sync(self._file)
                kept = self._written_frames - self._synced_frames + frames
        with self._taking:
            lost = self._appended_frames - self._synced_frames - kept
            why = self._refusal = _cannot_record(self.path, error, lost_frames=lost)
            self._broken = True
            self._buffer, self._in_flight_bytes = bytearray(), 0
        self._tell(why)
        return why

    def state(self) -> RecorderState:
        """How it fares now."""
        with self._taking:
            free = self._free_bytes
            return RecorderState(
                appended_frames=self._appended_frames,
                synced_frames=self._synced_frames,
                synced_bytes=self._synced_bytes,
                waiting_bytes=self._written_bytes - self._synced_bytes + self._in_flight_bytes + len(self._buffer),
                free_bytes=free,
                low=free is not None and free < self.limits.low_free_bytes,
                slowest_sync_s=self._slowest_sync_s,
                error=self._refusal,
            )

    def close(self) -> None:
        """Write and sync what was taken in, and the folder; let go of the lock. A second call does nothing.

        Raises:
            CannotRecord: what stopped the recording, now or before, so that no one takes it for whole.
        """
        with self._taking:
            if self._closed:
                return
            self._closed = True
        try:
            # after an overrun the disk is still good for what was taken in
            if not self._broken:
                self.flush(sync=True)
            self._file.close()
            sync_folder(self.path.parent)
        except CannotRecord:
            raise
        except OSError as error:
            raise _cannot_record(self.path, error) from error
        finally:
            with suppress(OSError):
                self._file.close()
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.close()
        except CannotRecord as again:
            # what ends the block is said once
            if again is not error:
                raise


class SyncedWriter(LogWriter):
    """A log writer with a thread that writes and syncs once a period, off the event loop."""

    def __init__(
        self,
        path: Path,
        header: LogHeader,
        *,
        limits: RecorderLimits | None = None,
        on_stop: Callable[[CannotRecord], None] | None = None,
    ) -> None:
        """As `LogWriter`."""
        super().__init__(path, header, limits=limits, on_stop=on_stop)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        write_due = sync_due = time.monotonic()
        # what stopped the recording was told, and every append and `close` say it again
        with suppress(CannotRecord):
            while not self._ending.wait(max(0.0, write_due - time.monotonic())):
                # from its start: a slow sync does not put off the next
                now = time.monotonic()
                write_due = now + self.limits.write_every_s
                sync = now >= sync_due
                if sync:
                    sync_due = now + self.limits.sync_every_s
                self.flush(sync=sync)

    def close(self) -> None:
        """As `LogWriter.close`, after the thread has ended. Waits for the disk: not to be called on an event loop.

        Raises:
            CannotRecord: as `LogWriter.close`.
        """
        self._ending.set()
        self._thread.join()
        super().close()


_OF_A_SOURCE: Final = (Kind.NOTIFICATION, Kind.PING)


def _begin(path: Path) -> io.FileIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_record(path, error) from error
    try:
        return _create(path)
    except FileExistsError:
        with claimed(path):
            pass
        raise CannotRecord(
            f"{path} holds a recording already; want a new name (left by a crash? imu recover makes it a session)",
            path=str(path),
        ) from None
    except OSError as error:
        raise _cannot_record(path, error) from error


def _create(path: Path) -> io.FileIO:
    return io.FileIO(path, "xb")


def _sync(file: io.FileIO) -> None:
    # fdatasync leaves out times, which no one reads; only Linux has it
    getattr(os, "fdatasync", os.fsync)(file.fileno())


def _free_bytes(path: Path) -> int | None:
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _cannot_record(path: Path, error: BaseException, *, lost_frames: int | None = None) -> CannotRecord:
    reason = (isinstance(error, OSError) and error.strerror) or repr(error)
    left = "" if lost_frames is None else f"; the recording stops and may lack its last {lost_frames} packets"
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return DiskFull(
            f"no room for {path}: {reason}; want a disk with room (delete or move old sessions){left}",
            path=str(path),
            lost_frames=lost_frames or 0,
        )
    if isinstance(error, FileNotFoundError) and lost_frames is not None:
        return CannotRecord(
            f"{path} was deleted or moved while it was written; the recording stops, what came is there or lost",
            path=str(path),
            lost_frames=lost_frames,
        )
    return CannotRecord(
        f"can't write {path}: {reason}; want a disk that works and permission to write{left}",
        path=str(path),
        lost_frames=lost_frames or 0,
    )
