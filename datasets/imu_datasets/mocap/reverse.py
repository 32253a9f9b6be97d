"""A recording run backward in time: other walking, exactly labelled.

A path run backward has the same accelerations and the opposite velocities: the specific force stays, angular rates
change sign, and that is exact. What touched leaves and what left touches, and who went forward goes backward. So
forward walking gives toe-first backward walking, and backward walking gives forward walking.

It is no recording of such walking for all that: a real foot is shaken when it lands, and here it is when it leaves.

What a truth says of touching alone can't be said of leaving: the reversed truth has no pitch, for nobody told the
pitch at release. A contact without release is none in reverse, and a stance whose begin was not seen can't be one,
so that the reversed truth is never known to be complete. Twice is the identity of samples, of the pelvis and of all
times that a truth has a mirror for.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise, zip_longest
from typing import Any, Final

import numpy as np

from imu.core.samples import Samples
from imu.core.session import FEET, Foot
from imu.core.tables import Columns, Row, Value, number, whole
from imu.core.units import NS_PER_S
from imu_datasets.mocap.labels import TOGETHER_S
from imu_datasets.readers.holes import in_order
from imu_datasets.recorded import Recorded, true_contact

SUFFIX: Final = "-reversed"
"""Of the session's name; a name that has it loses it."""
MARK: Final = "time_reversed"
COMPLETE: Final = "truth_complete"
IGNORE: Final = "truth_ignore_ns"
"""Keys of session.json."""
OPPOSITE: Final[Mapping[Value, str]] = {"forward": "backward", "backward": "forward"}
ROLLED: Final[Mapping[tuple[Value, Value], str]] = {("forward", "heel"): "toe", ("backward", "toe"): "heel"}
"""By direction and end that came first: the end by which a foot leaves that rolls from one to the other."""


def reverse(recorded: Recorded) -> Recorded:
    """A recording backward in time; its sensors start and end together as they did.

    Args:
        recorded: of sensors or virtual ones, with truth or without.
    """
    turn_ns = _turn_ns(recorded.samples.values())
    contacts = None if recorded.contacts is None else list(_contacts(recorded.contacts, turn_ns))
    return Recorded(
        _document(recorded, turn_ns),
        {sensor: reversed_samples(samples, turn_ns) for sensor, samples in recorded.samples.items()},
        None if contacts is None else in_order(contacts),
        None if recorded.pelvis is None else _pelvis(recorded.pelvis, turn_ns),
    )


def reversed_samples(samples: Samples, turn_ns: int) -> Samples:
    """Of one sensor.

    Args:
        samples: as they arrived.
        turn_ns: first plus last time of the recording: what was at t is at `turn_ns` - t.
    """
    seq = samples.seq[::-1]
    return Samples(
        turn_ns - samples.t_ns[::-1],
        seq.min() + seq.max() - seq if len(seq) else seq.copy(),
        np.ascontiguousarray(samples.acc[::-1]),
        np.ascontiguousarray(-samples.gyr[::-1]),
        samples.clipped[::-1].copy(),
    )


def _turn_ns(sensors: Iterable[Samples]) -> int:
    times = [samples.t_ns for samples in sensors if len(samples)]
    return int(min(t_ns.min() for t_ns in times) + max(t_ns.max() for t_ns in times)) if times else 0


def _document(recorded: Recorded, turn_ns: int) -> dict[str, Any]:
    document = dict(recorded.document)
    name = recorded.name
    document["session"] = name.removesuffix(SUFFIX) if name.endswith(SUFFIX) else name + SUFFIX
    if not document.pop(MARK, False):
        document[MARK] = True
    if recorded.contacts is not None:
        document[COMPLETE] = False
        holes = [[foot, turn_ns - end_ns, turn_ns - begin_ns] for foot, begin_ns, end_ns in document.get(IGNORE, [])]
        document[IGNORE] = [*reversed(holes), *_lost(recorded.contacts, turn_ns)]
    return document


def _lost(contacts: Iterable[Row], turn_ns: int) -> Iterator[list[str | int]]:
    """Foot, begin and end of where a contact is that the reversed truth can't tell: between two that it can."""
    rows = list(contacts)
    for foot in FEET:
        for row, after in pairwise(_of(rows, foot)):
            if row["t_release_ns"] is None:
                yield [foot, turn_ns - whole(after, "t_contact_ns"), turn_ns - whole(row, "t_contact_ns")]


def _contacts(contacts: Iterable[Row], turn_ns: int) -> Iterator[Row]:
    rows = list(contacts)
    for foot in FEET:
        own = _of(rows, foot)
        for row, after in zip_longest(own, own[1:]):
            if row["t_release_ns"] is not None:
                yield _contact(foot, row, after, turn_ns)


def _contact(foot: Foot, row: Row, after: Row | None, turn_ns: int) -> Row:
    """The stance of a row; the swing after it is now the one that ends in it."""
    released_ns = whole(row, "t_release_ns")
    direction = None if after is None else OPPOSITE.get(after["direction"], after["direction"])
    length_m = None if after is None else after["stride_length_m"]
    speed_m_s = None
    if after is not None and after["t_release_ns"] is not None and length_m is not None and direction in OPPOSITE:
        lasts_s = (whole(after, "t_release_ns") - released_ns) / NS_PER_S
        speed_m_s = number(after, "stride_length_m") / lasts_s * (1.0 if direction == "forward" else -1.0)
    return true_contact(
        foot,
        turn_ns - released_ns,
        t_release_ns=turn_ns - whole(row, "t_contact_ns"),
        first=_first(row),
        direction=direction,
        stride_length_m=length_m,
        t_toe_on_ns=_mirrored(row, "t_toe_off_ns", turn_ns),
        t_heel_on_ns=_mirrored(row, "t_heel_off_ns", turn_ns),
        t_toe_off_ns=_mirrored(row, "t_toe_on_ns", turn_ns),
        t_heel_off_ns=_mirrored(row, "t_heel_on_ns", turn_ns),
        speed_m_s=speed_m_s,
    )


def _first(row: Row) -> str | None:
    """The end that left last. Where truth does not tell, it is the one that a foot rolls to as it walks so."""
    toe_ns, heel_ns = row.get("t_toe_off_ns"), row.get("t_heel_off_ns")
    if toe_ns is None or heel_ns is None:
        return ROLLED.get((row["direction"], row["first"]))
    later_s = (whole(row, "t_toe_off_ns") - whole(row, "t_heel_off_ns")) / NS_PER_S
    if abs(later_s) < TOGETHER_S:
        return "flat"
    return "toe" if later_s > 0 else "heel"


def _mirrored(row: Row, name: str, turn_ns: int) -> int | None:
    return None if row.get(name) is None else turn_ns - whole(row, name)


def _pelvis(pelvis: Columns, turn_ns: int) -> Columns:
    """Angles are those of the same moments."""
    back = {name: np.asarray(column)[::-1].copy() for name, column in pelvis.items()}
    return back | {"t_ns": turn_ns - back["t_ns"]}


def _of(rows: Iterable[Row], foot: Foot) -> list[Row]:
    return sorted((row for row in rows if row["foot"] == foot), key=lambda row: whole(row, "t_contact_ns"))
