"""Session folders: how they are found, read, and where the analysis of one belongs."""

import json
import math
import os
from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path
from typing import Final, NoReturn

from imu.core.errors import BadRawFile, BadSessionFile, CannotWrite, SessionNotFound
from imu.core.session import FOOT_SENSORS, SENSORS, Sensor, Session
from imu.store.atomic import write_bytes
from imu.store.raw import raw_path

SESSION_FILE: Final = "session.json"
ANALYSIS: Final = "analysis"


def read_session(folder: Path) -> Session:
    """The checked `session.json` of a session folder.

    Raises:
        SessionNotFound: if there is no such folder, or no `session.json` in it.
        BadSessionFile: naming line and column where it is no JSON, or the key that says something impossible.
    """
    content = _session_file(folder)
    try:
        # Windows editors put a byte-order mark first
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSessionFile(
            f"session.json is not UTF-8: byte {error.start} is 0x{content[error.start]:02x};"
            " want UTF-8 text (saved in another encoding?)"
        ) from None
    try:
        document = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise BadSessionFile(
            f"session.json is no JSON at line {error.lineno}, column {error.colno}: {error.msg};"
            " want one object (a comma or a quote too many or too few?)"
        ) from None
    except RecursionError:
        raise BadSessionFile("session.json is nested too deeply; want one object of plain values") from None
    except BadSessionFile:
        raise
    except ValueError:
        # Python reads no whole number of more than 4300 digits
        raise BadSessionFile("session.json holds a number of thousands of digits; want plain numbers") from None
    return Session.parse(document)


def _session_file(folder: Path) -> bytes:
    file = folder / SESSION_FILE
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(folder) from None
    except IsADirectoryError:
        raise BadSessionFile("session.json is a folder; want a JSON file") from None
    except OSError as error:
        raise BadSessionFile(f"session.json can't be read: {error.strerror or error}; want a file that can") from None


def _missing(folder: Path) -> SessionNotFound:
    wanted = "want a session folder, which holds session.json and raw/"
    if not folder.exists():
        return SessionNotFound(f"{folder} is not there; {wanted} (a typing slip, or a drive that is not connected?)")
    if not folder.is_dir():
        slip = f" (meant its folder {folder.parent}?)" if folder.name == SESSION_FILE else ""
        return SessionNotFound(f"{folder} is a file; {wanted}{slip}")
    return SessionNotFound(f"{folder} holds no session.json, nor does any folder in it; {wanted}")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BadSessionFile(f"session.json holds {text[:20]}, which is beyond any number; want one of measured size")
    return value


def _refuse_constant(constant: str) -> NoReturn:
    raise BadSessionFile(f"session.json holds {constant}, which is no JSON; want a number or null")


def find_sessions(patterns: Iterable[str]) -> list[Path | SessionNotFound]:
    """The session folders that the arguments name, each once, and in its place an error for what names none.

    An argument is a session folder, a folder of sessions at any depth (a store), or a glob of either. In a store,
    results without raw data, as `--out` leaves them, are passed over. Order: that of
    the arguments, sorted by path within each. Symlinks inside a folder are not followed, and nothing is looked for
    inside a session.
    """
    found: list[Path | SessionNotFound] = []
    seen: set[str] = set()
    for pattern in patterns:
        for entry in _named_by(pattern):
            if isinstance(entry, SessionNotFound):
                found.append(entry)
                continue
            real = os.path.realpath(entry)
            if real not in seen:
                seen.add(real)
                found.append(entry)
    return found


def _named_by(pattern: str) -> Iterator[Path | SessionNotFound]:
    # a name that is there is meant literally, brackets and all; os.path says no where Path raises: a name too long
    if os.path.exists(pattern) or not any(sign in pattern for sign in "*?["):  # noqa: PTH110
        yield from _below(Path(pattern)) if pattern else [SessionNotFound("'' is no path; want a session folder")]
        return
    # pathlib's glob takes no absolute pattern
    matches = sorted(Path(match) for match in glob(pattern, recursive=True))  # noqa: PTH207
    if not matches:
        yield SessionNotFound(f"{pattern} matches nothing; want session folders (a typing slip?)")
        return
    folders = [match for match in matches if match.is_dir()]
    sessions: set[Path] = set()
    for match in folders or matches:
        # ** matches the inside of sessions too
        if sessions.isdisjoint(match.parents):
            found = list(_below(match))
            sessions.update(entry for entry in found if isinstance(entry, Path))
            yield from found


def _below(folder: Path) -> Iterator[Path | SessionNotFound]:
    empty = True
    for entry in _walk(folder):
        empty = False
        yield entry
    if empty:
        yield _missing(folder)


def _walk(folder: Path, *, top: bool = True) -> Iterator[Path | SessionNotFound]:
    try:
        inside = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield SessionNotFound(f"{folder} can't be read: {error.strerror or error}; want a folder that can")
        return
    names = {entry.name for entry in inside}
    if SESSION_FILE in names:
        # results that were written away from their raw data are no recording
        if top or "raw" in names or ANALYSIS not in names:
            yield folder
        return
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, top=False)


def present_sensors(folder: Path, session: Session) -> tuple[Sensor, ...]:
    """The sensors of `session.json` whose raw file is there, feet first.

    Raises:
        BadRawFile: if that of no foot is.
    """
    present: tuple[Sensor, ...] = tuple(
        name for name in SENSORS if name in session.sensors and raw_path(folder, name).exists()
    )
    wanted = [name for name in FOOT_SENSORS if name in session.sensors]
    if not any(foot in present for foot in wanted):
        files = " nor ".join(f"raw/{foot}.parquet" for foot in wanted)
        raise BadRawFile(
            f"there is no {files}; want the rows of at least one foot (copied without raw/?)", sensor=wanted[0]
        )
    return present


def session_dir(store: Path, subject: str, session: str) -> Path:
    """`<store>/subject=<code>/session=<id>`, of codes that were checked."""
    return store / f"subject={subject}" / f"session={session}"


def analysis_dir(store: Path, session: Session) -> Path:
    """The folder of this session in a store, `<store>/subject=<code>/session=<id>`; it need not exist yet.

    Raises:
        CannotWrite: if a symlink, or a code that no one checked, would lead out of it.
    """
    folder = session_dir(store, session.subject, session.session)
    inside = Path(os.path.realpath(store)) / folder.relative_to(store) / ANALYSIS
    real = Path(os.path.realpath(folder / ANALYSIS))
    if real != inside:
        raise CannotWrite(f"{folder / ANALYSIS} leads to {real}; want folders of the store itself, not a symlink")
    return folder


def copy_session_json(source: Path, target: Path) -> None:
    """Copy `session.json` from one session folder to another, byte for byte.

    Raises:
        SessionNotFound, BadSessionFile: if it can't be read.
        CannotWrite: with the system's reason.
    """
    content = _session_file(source)
    write_bytes(target / SESSION_FILE, content)
