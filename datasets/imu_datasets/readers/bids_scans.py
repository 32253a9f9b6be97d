"""When the tracking systems of BIDS-Motion began: `acq_time` of `_scans.tsv`, that of the first row of each file.

Fractions of a second may be left out there; times without them are off by up to a second, too much for one clock.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from imu.core.units import NS_PER_S
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.delimited import read_delimited, shown

ENTITY: Final = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9]+)")
NO_VALUE: Final = frozenset({"", "n/a", "nan"})


def entities_of(path: Path) -> dict[str, str]:
    """Of a file's name, in its order."""
    return dict(ENTITY.findall(path.name.rpartition("_")[0]))


def system_of(path: Path) -> str:
    """The tracking system of a file; empty where its name has none."""
    return entities_of(path).get("tracksys", "")


def starts_ns(files: Sequence[Path]) -> tuple[dict[str, int], str]:
    """When tracking systems began, after the first, as far as that is told finely enough; and what is amiss where not.

    Raises:
        BadOriginal: a time that is none.
    """
    began: dict[str, datetime] = {}
    amiss = "acq_time is missing"
    for path in files:
        for table, when in _told(path):
            at = _instant(table, when)
            if "." in when:
                began[system_of(path)] = at
            else:
                amiss = "acq_time has whole seconds"
    # fractions that are all 0 were measured by nobody
    if began and not any(at.microsecond for at in began.values()):
        return {}, "acq_time has whole seconds"
    if len({at.tzinfo for at in began.values()}) > 1:
        return {}, "acq_time has a time zone in some rows and none in others"
    if not began:
        return {}, amiss
    first = min(began.values())
    return {system: round((at - first).total_seconds() * NS_PER_S) for system, at in began.items()}, amiss


def _told(path: Path) -> list[tuple[Path, str]]:
    """What tables of the person, then of the session, have of a file."""
    entities = entities_of(path)
    parts = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
    told: list[tuple[Path, str]] = []
    for k in range(len(parts)):
        table = path.parent.parent / f"{'_'.join(parts[: k + 1])}_scans.tsv"
        scans = read_delimited(table, "\t") if table.is_file() else None
        # the column may be left out
        if scans is not None and "acq_time" in scans.header:
            for name, when in zip(scans.texts("filename"), scans.texts("acq_time"), strict=True):
                if name.rpartition("/")[2] == path.name and when.lower() not in NO_VALUE:
                    told.append((table, when))
    return told


def _instant(table: Path, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at
    except (ValueError, OverflowError):
        raise BadOriginal(f"{table}: acq_time {shown(text)}; want YYYY-MM-DDThh:mm:ss.ffffff") from None
