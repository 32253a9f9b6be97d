"""Which strides of a session may be laid beside others: steady ones, from one true contact to the next of that foot."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from imu.core.session import FEET, Foot
from imu.core.tables import Row, number, whole
from imu.core.units import NS_PER_S
from imu_bench.truth import Truth

WALKING: Final = ("forward", "backward")
LONGEST_NS: Final = 3 * NS_PER_S
"""From there on it is no stride, as CONTRACT.md has it."""
CLOSING: Final = 0.5
"""A swing shorter than so much of the one before closes the walk: `stop` of CONTRACT.md."""


@dataclass(frozen=True, slots=True)
class Stride:
    """From a contact of a foot to its next. Both contacts, and the other foot's between them, go one known way."""

    foot: Foot
    walking: str
    start_ns: int
    end_ns: int
    release_ns: int | None
    double_support_ns: int | None
    """With both feet on the ground; below zero where a flight is longer."""
    length_m: float | None

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return (self.end_ns - self.start_ns) / NS_PER_S


def strides_of(truth: Truth) -> list[Stride]:
    """The strides that count, the left foot's first, each foot's in order of time."""
    return [stride for foot in FEET for stride in _of_foot(truth, foot)]


def runs(strides: Sequence[Stride]) -> list[list[Stride]]:
    """Strides of one foot that follow each other without a break."""
    found: list[list[Stride]] = []
    for stride in strides:
        before = found[-1][-1] if found else None
        if before is not None and (before.foot, before.end_ns, before.walking) == (
            stride.foot,
            stride.start_ns,
            stride.walking,
        ):
            found[-1].append(stride)
        else:
            found.append([stride])
    return found


def _of_foot(truth: Truth, foot: Foot) -> Iterator[Stride]:
    own = [row for row in truth.contacts if row["foot"] == foot]
    others = [row for row in truth.contacts if row["foot"] != foot]
    times_ns = [whole(row, "t_contact_ns") for row in others]
    for first, second in pairwise(own):
        start_ns, end_ns, walking = whole(first, "t_contact_ns"), whole(second, "t_contact_ns"), first["direction"]
        # in order of time: the ones between lie side by side, the one before them is the last that landed
        begin, end = bisect_left(times_ns, start_ns), bisect_right(times_ns, end_ns)
        between = others[begin:end]
        if (
            walking not in WALKING
            or any(row["direction"] != walking for row in (*between, second))
            or (others and len(between) != 1)
            or not 0 < end_ns - start_ns <= LONGEST_NS
            or _closes(first, second)
            or any(hole.start_ns <= end_ns and start_ns <= hole.end_ns for hole in truth.holes)
        ):
            continue
        release_ns = _within(first, start_ns, end_ns)
        # where truth lacks that contact the one before it is no neighbour
        before = others[begin - 1] if begin and start_ns - times_ns[begin - 1] < end_ns - start_ns else None
        yield Stride(
            foot=foot,
            walking=str(walking),
            start_ns=start_ns,
            end_ns=end_ns,
            release_ns=release_ns,
            double_support_ns=_double_support(release_ns, start_ns, before, between),
            length_m=None if second["stride_length_m"] is None else number(second, "stride_length_m"),
        )


def _closes(first: Row, second: Row) -> bool:
    if first["stride_length_m"] is None or second["stride_length_m"] is None:
        return False
    return number(second, "stride_length_m") < CLOSING * number(first, "stride_length_m")


def _within(contact: Row, start_ns: int, end_ns: int) -> int | None:
    """When the foot leaves the ground, None where that is not known or no release of this stance."""
    release_ns = None if contact["t_release_ns"] is None else whole(contact, "t_release_ns")
    return release_ns if release_ns is not None and start_ns < release_ns < end_ns else None


def _double_support(release_ns: int | None, start_ns: int, before: Row | None, between: Sequence[Row]) -> int | None:
    """From the contact to the release of the foot that landed before, and from its next contact to the own release."""
    if release_ns is None or before is None or before["t_release_ns"] is None or not between:
        return None
    first_ns = whole(before, "t_release_ns") - start_ns
    return first_ns + release_ns - whole(between[0], "t_contact_ns")
