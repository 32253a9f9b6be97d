"""Short names of what went into a result, so that nothing old passes for new."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from imu.core.session import SENSORS, Session
from imu.store.folder import SESSION_FILE
from imu.store.raw import raw_path


def of_session(folder: Path, session: Session) -> str:
    """Of all that a detector can see of a session: not of its truth."""
    files = [folder / SESSION_FILE, *(raw_path(folder, sensor) for sensor in SENSORS if sensor in session.sensors)]
    told = hashlib.sha256()
    for path in files:
        if path.exists():
            content = path.read_bytes()
            told.update(f"{path.name} {len(content)}\n".encode() + content)
    return told.hexdigest()


@cache
def of_code(place: Path) -> str:
    """Of a Python file, or of all below a folder."""
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    told = hashlib.sha256()
    for path in files:
        told.update(f"{path.relative_to(place.parent).as_posix()}\n".encode() + path.read_bytes())
    return told.hexdigest()


@cache
def of_modules(name: str) -> str:
    """Of a module, or of a package with all that is below it; one that has no file is told by its name alone."""
    try:
        spec = find_spec(name)
    except ValueError:
        # a program's own file has no name to be found by
        return name
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return name
    folders = spec.submodule_search_locations
    return of_code(Path(folders[0]) if folders else Path(spec.origin))


def of_texts(parts: Iterable[object]) -> str:
    """Of several things that have a text."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
