"""Which files a data set is made of, to the byte, and which sessions those make."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from imu.core.canonical import canonical_json

State: TypeAlias = Literal["good", "missing", "differs"]
BESIDE: Final = (".", "README", "LICENSE")
"""How names of files begin that are no data."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file."""

    path: str
    """Below the data set's folder, with slashes."""
    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Index:
    """Of one data set; empty where nobody has made one."""

    files: tuple[Entry, ...] = ()
    """In order of their paths."""
    sessions: tuple[str, ...] = ()
    """Their names, as its reader yields them."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file, and how it is found."""

    entry: Entry
    state: State


def read_index(name: str) -> Index:
    """Of a data set."""
    path = files("imu_datasets") / "indexes" / f"{name}.json"
    return index_of(path.read_text("utf-8")) if path.is_file() else Index()


def index_of(text: str) -> Index:
    """What `index_text` wrote."""
    held: dict[str, Any] = json.loads(text)
    entries = [Entry(path, said["sha256"], said["size"]) for path, said in sorted(held["files"].items())]
    return Index(tuple(entries), tuple(held["sessions"]))


def index_text(index: Index) -> str:
    """As an index is kept: files by path, and the names of the sessions."""
    held = {entry.path: {"sha256": entry.sha256, "size": entry.size} for entry in index.files}
    return canonical_json({"files": held, "sessions": list(index.sessions)}, indent=1)


def look_at(root: Path) -> Iterator[Entry]:
    """All files below a folder that are data, in order of their paths: who copies those need not copy a readme."""
    for path in sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()):
        if not (root / path).name.startswith(BESIDE):
            yield Entry(path, digest_of(root / path), (root / path).stat().st_size)


def verify(root: Path, entries: Iterable[Entry]) -> Iterator[Checked]:
    """Each file of an index, held against what lies in a folder."""
    for entry in entries:
        path = root / entry.path
        if not path.is_file():
            yield Checked(entry, "missing")
        elif path.stat().st_size != entry.size or digest_of(path) != entry.sha256:
            yield Checked(entry, "differs")
        else:
            yield Checked(entry, "good")


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
