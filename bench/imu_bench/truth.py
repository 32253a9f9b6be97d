"""What really happened, as it lies beside a session, and where it may be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from imu.core.errors import BadSessionFile, BadTableFile
from imu.core.samples import Floats, Ints
from imu.core.session import FEET, Session
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS, Row, number, whole
from imu.store.tables import read_rows

COMPLETE: Final = "truth_complete"
IGNORE: Final = "truth_ignore_ns"
"""Keys of session.json."""


SIMULATED: Final = "simulated "


def source_of(session: Session) -> str:
    """What groups sessions: the name up to its first dash; of simulated ones another group than of recordings."""
    simulated = session.document.get("source") == SIMULATED.strip()
    return f"{SIMULATED if simulated else ''}{session.session.partition('-')[0]}"


@dataclass(frozen=True, slots=True)
class Hole:
    """Here the truth of one foot is known to be wrong or missing; both ends belong to it."""

    foot: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class PelvisTruth:
    """In order of time."""

    t_ns: Ints
    obliquity_deg: Floats
    tilt_deg: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Rows of TRUTH_CONTACTS in order of time; `complete`: there was no other contact in the whole recording."""

    contacts: Sequence[Row]
    pelvis: PelvisTruth | None = None
    holes: tuple[Hole, ...] = ()
    complete: bool = True


def read_truth(folder: Path, session: Session) -> Truth | None:
    """The truth beside a session, None where there is none.

    Raises:
        BadTableFile: a truth table that can't be read, or of another foot than left and right.
        BadSessionFile: a key about the truth that says something impossible.
    """
    path = folder / f"{TRUTH_CONTACTS.name}.parquet"
    if not path.exists():
        return None
    complete = session.document.get(COMPLETE, True)
    if not isinstance(complete, bool):
        raise BadSessionFile(f"session.json has {COMPLETE} {complete!r}; want true or false", key=COMPLETE)
    contacts = sorted(read_rows(path, TRUTH_CONTACTS), key=lambda row: whole(row, "t_contact_ns"))
    for row in contacts:
        if row["foot"] not in FEET:
            raise BadTableFile(
                f"{path.name} has foot {row['foot']!r}; want left or right", table=TRUTH_CONTACTS.name, column="foot"
            )
    return Truth(contacts, _pelvis(folder / f"{TRUTH_PELVIS.name}.parquet"), _holes(session.document), complete)


def _pelvis(path: Path) -> PelvisTruth | None:
    if not path.exists():
        return None
    rows = read_rows(path, TRUTH_PELVIS)
    t_ns = np.array([whole(row, "t_ns") for row in rows], np.int64)
    order = np.argsort(t_ns, kind="stable")
    obliquity_deg, tilt_deg = (
        np.array([number(row, name) for row in rows], np.float64)[order] for name in ("obliquity_deg", "tilt_deg")
    )
    return PelvisTruth(t_ns[order], obliquity_deg, tilt_deg)


def _holes(document: Mapping[str, Any]) -> tuple[Hole, ...]:
    given = document.get(IGNORE, [])
    if not isinstance(given, list):
        raise BadSessionFile(f"session.json has {IGNORE} {given!r}; want a list of [foot, start, end]", key=IGNORE)
    return tuple(map(_hole, cast("list[object]", given)))


def _hole(given: object) -> Hole:
    match given:
        case [str(foot), int(start_ns), int(end_ns)] if foot in FEET and start_ns <= end_ns:
            return Hole(foot, start_ns, end_ns)
        case _:
            raise BadSessionFile(
                f'session.json has {given!r} in {IGNORE}; want ["left" or "right", start, end] in ns', key=IGNORE
            )
