"""One program at a time: a log is held by the recorder that writes it, or by whoever makes a session of it."""

import errno
import sys
from collections.abc import Generator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from imu.core.errors import CannotRecord, LogInUse
from imu.store.log import not_there


def lock_log(file: FileIO, path: Path) -> None:
    """Hold a log, open for writing, for this process alone until it is closed.

    Raises:
        LogInUse: if a recorder is writing it, or another process has claimed it.
        CannotRecord: if the file system knows no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            # what is locked can't be read there: a byte far beyond the end
            file.seek(1 << 40)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Windows says EACCES
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise LogInUse(
                f"{path} is being written by another recorder; want one at a time (imu live in another window?)",
                path=str(path),
            ) from None
        raise CannotRecord(
            f"can't lock {path}: {error.strerror or error}; want a disk of this computer (a network drive?)",
            path=str(path),
        ) from error


@contextmanager
def claimed(path: Path) -> Generator[None]:
    """Keep recorders off a log that one left behind, while it is made a session.

    Raises:
        SessionNotFound: if there is no such file.
        LogInUse, CannotRecord: as `lock_log`, or if it can't be opened for writing.
    """
    try:
        file = FileIO(path, "rb+")
    except FileNotFoundError:
        raise not_there(path) from None
    except OSError as error:
        raise CannotRecord(
            f"can't claim {path}: {error.strerror or error}; want a log that can be written", path=str(path)
        ) from error
    with file:
        lock_log(file, path)
        yield


def is_gone(log: Path) -> bool:
    """Nobody finds it by its name: deleted, or moved away. A folder that does not answer just then says nothing."""
    try:
        log.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
