"""Session folders of a data set: made once from its originals, simulated, or given."""

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from imu.cli.boundary import one_line
from imu.cli.simulate import write_recording
from imu.core.canonical import canonical_json
from imu.core.errors import DuplicateSession, RetrogaitError, SessionNotFound
from imu.core.tables import TRUTH_CONTACTS
from imu.store.atomic import write_bytes
from imu.store.folder import find_sessions, read_session
from imu.store.slips import likely
from imu.version import VERSION
from imu_bench.running.scenario import SIMULATED, Scenario, Split, Staged
from imu_bench.truth import read_truth
from imu_datasets.card import Card, read_card
from imu_datasets.convert import convert
from imu_datasets.dataset import FOLDERS, ORIGINALS, VARIABLE, DataSet, NoDataSet, dataset, home, names

RECORDINGS: Final = "recordings"
MADE: Final = "made.json"
"""Beside the sessions, once they are all there: of which files and by which program, and what could not be made."""
UNSEEN: Final = ".gitignore"
LITTLE: Final = frozenset({"in_place"})
"""Directions of closing and side steps, which make no walk another one."""

Sessions = Mapping[str, Path]
"""Folders by name of the session, in order."""
Tell = Callable[[str], None]


class NoRecordings(RetrogaitError, LookupError):
    """A data set of which nothing is at hand, or none of the kind that is asked for."""


def data_sets() -> tuple[str, ...]:
    """All that are known by name."""
    return tuple(sorted({*names(), SIMULATED}))


def is_private(data: str) -> bool:
    """Whether what is measured on a data set may be shown to nobody else. Of one without a card nobody knows, so it is.

    >>> is_private("simulated"), is_private("gottlieb"), is_private("of-my-own")
    (False, True, True)
    """
    card = card_of(data)
    return card is None or card.figures == "private"


def card_of(data: str) -> Card | None:
    """What is to be known of a data set; None where nobody has said."""
    if data == SIMULATED:
        return SIMULATED_CARD
    return read_card(data) if data in names() else None


def at_hand(data: str) -> bool:
    """Whether a known data set's originals are there."""
    return data == SIMULATED or dataset(data).folder().is_dir()


def given(patterns: Iterable[str], tell: Tell) -> dict[str, dict[str, Path]]:
    """Session folders, stores or globs by data set and name: what stands before the first dash of a session's name is
    its data set. What can't be read is told in a line and left out.

    Raises:
        SessionNotFound: nothing can be read.
        DuplicateSession: two sessions of one name.
    """
    known = {folder: name for name, folder in FOLDERS.items()}
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for entry in find_sessions(patterns):
        try:
            if isinstance(entry, SessionNotFound):
                raise entry
            name = read_session(entry).session
        except (RetrogaitError, OSError) as error:
            where = "" if isinstance(entry, SessionNotFound) else f"{entry}: "
            tell(f"{where}{one_line(error)}")
            continue
        before = name.partition("-")[0]
        data = known.get(before, before)
        if name in found[data]:
            raise DuplicateSession(
                f"{entry} and {found[data][name]} are both called {name}; want one of each name (a copy?)"
            )
        found[data][name] = entry
    if not found:
        raise SessionNotFound("--sessions names no session that can be read; want session folders, or folders of them")
    return {data: dict(sorted(sessions.items())) for data, sessions in sorted(found.items())}


def made(data: str, out: Path, tell: Tell) -> Sessions:
    """The sessions of a data set, below OUT/recordings; made if they are not there, or were made of other files. What
    could not be made is told at every call.

    Raises:
        NoRecordings: no such data set, or its originals are not there, or they make no session.
        CannotWrite: with the system's reason.
    """
    folder = out / RECORDINGS / data
    source = None if data == SIMULATED else _originals(data)
    wanted = {"version": VERSION, "source": _digest_of(source)}
    unseen_by_git(out / RECORDINGS)
    before = _made_of(folder)
    if before.items() >= (wanted | {"again": False}).items():
        for reason in before["left_out"]:
            tell(f"{data}: {reason}")
        return _sessions_in(folder)
    tell(f"making sessions of {data}")
    shutil.rmtree(folder, ignore_errors=True)
    failed: list[Exception] = []
    if source is None:
        _simulate(folder)
    else:
        failed = _convert(source, folder, tell)
    sessions = _sessions_in(folder)
    if not sessions:
        # it is not noted as made, so that the next call tries again
        raise NoRecordings(f"the originals of {data} make no session; want all of its files (see imu-data verify)")
    document = wanted | {
        "left_out": [_reason(one, hide=[folder, *([] if source is None else [source.root()])]) for one in failed],
        # a disk that was full is no word on the originals
        "again": any(isinstance(one, OSError) and not isinstance(one, DuplicateSession) for one in failed),
    }
    write_bytes(folder / MADE, canonical_json(document, indent=2).encode())
    return sessions


def left_out(data: str, out: Path) -> list[str]:
    """What could not be made of a data set's originals when its sessions below OUT were made, a line each. It says
    nothing of sessions that were given in place of originals.
    """
    return list(_made_of(out / RECORDINGS / data).get("left_out", ()))


def unseen_by_git(folder: Path) -> None:
    """Recordings, and what was found in them, are nobody's to publish by a `git add` of all that lies here.

    Raises:
        CannotWrite: with the system's reason.
    """
    if not (folder / UNSEEN).exists():
        write_bytes(folder / UNSEEN, b"*\n")


def staged(scenario: Scenario, sessions: Sessions) -> Staged:
    """The sessions that belong to a scenario: those with truth, and of the walking that its split names.

    Raises:
        NoRecordings: there are none.
        SessionError: a truth that can't be read.
    """
    chosen = {name: folder for name, folder in sessions.items() if _belongs(folder, scenario.split)}
    if not chosen:
        raise NoRecordings(
            f"{scenario.id} has no session: none of the {len(sessions)} of {scenario.data} has truth that fits"
        )
    return Staged(scenario, chosen)


def _belongs(folder: Path, split: Split) -> bool:
    if not (folder / f"{TRUTH_CONTACTS.name}.parquet").exists():
        return False
    if split == "all":
        return True
    truth = read_truth(folder, read_session(folder))
    directions = [] if truth is None else [row["direction"] for row in truth.contacts]
    return {one for one in directions if one is not None and one not in LITTLE} == {split}


def _originals(data: str) -> DataSet:
    if data not in names():
        raise NoRecordings(
            f"there is no data set {data!r}; want {', '.join(data_sets())}{likely(data, data_sets())}, or"
            " --sessions with folders whose names begin so"
        )
    found = dataset(data)
    try:
        found.root()
    except NoDataSet:
        raise NoRecordings(
            f"the files of {data} are not at hand: {home() / ORIGINALS} has no {found.folder().name}; want"
            f" {VARIABLE} to name the folder that has {ORIGINALS}/{found.folder().name} (see imu-data fetch)"
        ) from None
    return found


def _digest_of(source: DataSet | None) -> str:
    """Of what a data set's sessions are made of: the program, and the originals as the system tells them."""
    from imu_bench.running.digest import of_code, of_modules  # noqa: PLC0415  # where nothing is made, nothing is read

    told = hashlib.sha256()
    if source is None:
        told.update(of_modules("imu.simulate").encode())
        told.update(of_code(Path(__file__).with_name("simulated.py")).encode())
        return told.hexdigest()
    told.update(of_modules("imu_datasets").encode())
    root = source.root()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            state = path.stat()
            told.update(f"{path.relative_to(root).as_posix()} {state.st_size} {state.st_mtime_ns}\n".encode())
    return told.hexdigest()


def _made_of(folder: Path) -> dict[str, Any]:
    """Nothing where there is none, or it is damaged."""
    try:
        document = json.loads((folder / MADE).read_text("utf-8"))
        known = all(isinstance(reason, str) for reason in document["left_out"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return document if known else {}


def _sessions_in(folder: Path) -> dict[str, Path]:
    sessions = {read_session(entry).session: entry for entry in find_sessions([str(folder)]) if isinstance(entry, Path)}
    return dict(sorted(sessions.items()))


def _simulate(folder: Path) -> None:
    from imu_bench.running.simulated import simulations  # noqa: PLC0415  # it needs scipy

    for one in simulations():
        recording = one.recording()
        write_recording(folder / one.name, recording, recording.session)


def _convert(source: DataSet, folder: Path, tell: Tell) -> list[Exception]:
    """What could not be made."""
    failed: list[Exception] = []
    for _, found in convert([source], folder, overwrite=True):
        if isinstance(found, Exception):
            tell(f"{source.name}: {one_line(found)}")
            failed.append(found)
    return failed


def _reason(failure: Exception, *, hide: Sequence[Path]) -> str:
    """One line, the same on every machine: no path of this one."""
    text = one_line(failure)
    for path in (name for one in hide for name in (one.resolve(), one)):
        text = text.replace(f"{path}/", "").replace(str(path), path.name)
    return text


SIMULATED_CARD: Final = Card(
    name=SIMULATED,
    title="Simulated people",
    about="""
Four healthy adults who differ, and one who walks on the toes, with three sensors at 200 Hz that sit not quite straight:
standing with weight shifts, forward, backward, slow, and all of it mixed with turns.""",
    licence="MIT",
    citation="made by imu.simulate, which comes with this program",
    figures="published",
    kind="simulated",
    frames="acc in m/s^2, gyr in rad/s, in the axes of the sensors; session.json says how those were meant to sit",
    truth={
        "contact": "the instant at which the first part of the simulated foot comes to the ground: exact",
        "release": "the last part leaves: exact",
        "first": "which end came first: exact",
        "direction": "of the swing that the contact ends, by its displacement: exact",
        "pelvis": "obliquity and tilt of the rigid pelvis: exact",
    },
)
"""What nobody recorded."""
