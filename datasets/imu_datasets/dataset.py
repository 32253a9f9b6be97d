"""Data sets by name. What a reader needs is loaded when somebody asks for its recordings, and not before."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from imu.core.errors import RetrogaitError
from imu.store.slips import likely
from imu_datasets.card import Card, read_card
from imu_datasets.index import Index, read_index

if TYPE_CHECKING:
    # it needs numpy and pyarrow, for which a list of names need not wait
    from imu_datasets.recorded import Recorded

VARIABLE: Final = "IMU_DATA_DIR"
ORIGINALS: Final = "originals"
READERS: Final = (
    *("bandai", "cmu", "gaitmap", "gottlieb", "grouvel", "ipol", "kiel"),
    # formats of recordings that are one's own
    *("bids_motion", "dot", "movesense", "xdf"),
)
"""Modules below `imu_datasets.readers`, each by the name of its data set."""
FOLDERS: Final = {"gottlieb": "treadmill"}
"""Where one lies under another name."""


class NoDataSet(RetrogaitError, LookupError):
    """No data set of that name, or its files are not there."""


class BadOriginal(RetrogaitError, ValueError):
    """A file that is not what its source publishes."""


class Reader(Protocol):
    """A module below `readers`."""

    def recordings(self, root: Path) -> "Iterator[Recorded | BadOriginal]":
        """All sessions whose files lie in a folder, in order, and in its place an error for one that can't be read.

        Raises:
            BadOriginal: a file without which there is no going on.
        """
        ...


@dataclass(frozen=True, slots=True)
class DataSet:
    """Recordings of one source."""

    name: str
    card: Card
    index: Index
    _load: Callable[[], Reader]
    where: Path | None = None
    """The folder of its files; None = where data lie on this machine."""

    def at(self, folder: Path) -> "DataSet":
        """The same, with its files in a folder of one's own."""
        return replace(self, where=folder)

    def found(self, root: Path | None = None) -> "Iterator[Recorded | BadOriginal]":
        """All of its sessions whose files are there, in order, and in its place an error for one that can't be read.

        Args:
            root: the folder of its files; None = where data lie on this machine.

        Raises:
            NoDataSet: no files.
            BadOriginal: a file without which there is no going on.
        """
        return self._load().recordings(root or self.root())

    def recordings(self, root: Path | None = None) -> "Iterator[Recorded]":
        """As `found`, for whoever wants all or nothing.

        Raises:
            NoDataSet: no files.
            BadOriginal: a file that is not what its source publishes.
        """
        for recorded in self.found(root):
            if isinstance(recorded, BadOriginal):
                raise recorded
            yield recorded

    def folder(self, data: Path | None = None) -> Path:
        """Where its files belong, below a folder of data (None = this machine's); it need not exist."""
        if self.where is not None:
            return self.where
        return (data or home()) / ORIGINALS / FOLDERS.get(self.name, self.name)

    def root(self) -> Path:
        """Where its files lie.

        Raises:
            NoDataSet: nowhere.
        """
        folder = self.folder()
        if not folder.is_dir() and self.where is not None:
            raise NoDataSet(f"no files of {self.name}: {folder} is not there; want a folder (a typing slip?)")
        if not folder.is_dir():
            raise NoDataSet(
                f"no files of {self.name}: {folder} is not there; want them there, or {VARIABLE} to name the folder"
                f" that has {ORIGINALS}/{folder.name}"
            )
        return folder


def home() -> Path:
    """Where data lie on this machine: $IMU_DATA_DIR, or ~/.cache/retrogait/data."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "retrogait" / "data"


def names() -> tuple[str, ...]:
    """Of all data sets."""
    return tuple(sorted(READERS))


def dataset(name: str) -> DataSet:
    """A data set.

    Raises:
        NoDataSet: there is none of that name.
    """
    if name not in READERS:
        raise no_such(name, names())
    module = f"imu_datasets.readers.{name}"
    return DataSet(name, read_card(name), read_index(name), lambda: cast("Reader", import_module(module)))


def no_such(name: str, known: Iterable[str]) -> NoDataSet:
    """What is said of a wrong name."""
    known = sorted(known)
    return NoDataSet(f"no data set {name!r}; want {', '.join(known)}{likely(name, known)}")
