"""Files that are there as a whole or not at all, also after a power cut."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imu.core.errors import CannotWrite, RetrogaitError


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A new file for `path`, written beside it, fsynced and renamed when the block ends, removed when it fails.

    Raises:
        CannotWrite: with the system's reason.
    """
    beside = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a leftover of a crash goes first, and "x" follows no symlink
        beside.unlink(missing_ok=True)
        try:
            with beside.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            sync_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)
    except RetrogaitError:
        raise
    except OSError as error:
        raise CannotWrite(
            f"can't write {path}: {error.strerror or error}; want a folder with room and permission to write"
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content`.

    Raises:
        CannotWrite: with the system's reason.
    """
    with replacing(path) as file:
        file.write(content)


def remove(path: Path) -> None:
    """Remove a file, if it is there, so that it stays removed after a power cut.

    Raises:
        CannotWrite: with the system's reason.
    """
    try:
        path.unlink()
        sync_folder(path.parent)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise CannotWrite(f"can't remove {path}: {error.strerror or error}; want permission to write") from error


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last. Windows can't open a folder, and needs no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
