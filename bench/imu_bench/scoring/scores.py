"""One session's predictions against its truth: every contact and stride once, in the tally of its walking.

A true and a found contact of one foot are the same if they lie within 150 ms: one to one, the nearest first. Walking is
the true direction; "unknown" are turns and closing steps, to which truth gives none. A false contact belongs to the
walking of the true one next to it.

Nothing counts in the first 0.6 s and the last 0.2 s of a foot's samples, nor where truth has a hole. Releases and
second contacts are asked for up to 0.1 s before the last sample. Where truth does not cover all that was walked, false
contacts count from the foot's first true contact to its last, 150 ms more on either side.

A pattern is asked for where truth says toe or heel of a sole more than 5 degrees from level; "flat" is undecided, or
not asked where both ends truly land within 40 ms. What a detector left out, or null, is undecided, or not found.
Whatever truth tells of a contact that was missed is asked all the same: else silence about the hard ones would look
like full coverage.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Final, TypeAlias

from imu.core.matching import pairs
from imu.core.session import FEET, Foot
from imu.core.tables import CONTACTS, STRIDES, Row, number, whole
from imu.core.units import NS_PER_S
from imu_bench.detector import Found
from imu_bench.scoring.scores_steps import MATCH_NS, MS, compare_steps, maybe, nearest_walking, walking_of
from imu_bench.scoring.tallies import Errors, Tallies, Tally
from imu_bench.truth import Truth

HEAD_NS: Final = 600 * MS
TAIL_NS: Final = 200 * MS
"""Contacts this close to a sensor's first and last sample are asked of nobody."""
AFTER_NS: Final = 100 * MS
"""Nor are releases and second contacts this close to its last."""
CLEAR_DEG: Final = 5.0
TOGETHER_NS: Final = 40 * MS
"""Truth has no order of toe and heel to be held against a contact whose sole is more level than this, nor against one
called flat whose two ends truly land within so long: the 25 ms that are flat and 15 ms of the truth's own."""
STRIDE_NS: Final = 3 * NS_PER_S
"""Contacts of a foot that are further apart are no stride."""
FED_NS: Final = 50 * MS
"""Who streams is fed so much at a time, if nobody says otherwise."""
PATTERN: Final[Mapping[str, str]] = MappingProxyType({"toe": "toe_to_heel", "heel": "heel_to_toe"})
NS_PER_HOUR: Final = 3600 * NS_PER_S

Spans: TypeAlias = Mapping[str, tuple[int, int]]
"""First and last sample, ns, of each foot that was recorded."""
ANYWHERE: Final[Spans] = MappingProxyType(dict.fromkeys(FEET, (-(1 << 62), 1 << 62)))


def compare(truth: Truth, found: Found | None, spans: Spans | None, *, fed_ns: int = FED_NS) -> Tallies:
    """What is to be counted of a session.

    Args:
        truth: what happened.
        found: what was found; None = the detector failed: all is missed, and there is no time in which it was right
            to be silent.
        spans: where there are samples. Nothing is asked of a foot that has none; None = nobody can tell, all is asked.
        fed_ns: how much a streaming detector was fed at a time. A contact that was told later than that after the
            instant it claims for itself was not told then.
    """
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    where = ANYWHERE if spans is None else spans
    tables: Found = {} if found is None else found
    asked = [row for row in truth.contacts if is_asked(truth, row, where)]
    for foot in FEET:
        if foot not in where:
            continue
        _contacts(truth, foot, _of(tables.get(CONTACTS.name, ()), foot), where, tallies, fed_ns)
        strides = _of(tables.get(STRIDES.name, ()), foot)
        _lengths(_of(asked, foot), strides, tallies)
        _stride_times(truth, _of(asked, foot), strides, tallies)
    if found is not None and spans is not None:
        _hours(truth, spans, tallies)
    borders = [edge for first_ns, last_ns in where.values() for edge in (first_ns + HEAD_NS, last_ns - TAIL_NS)]
    if borders:
        compare_steps(truth, tables, asked, (min(borders), max(borders)), tallies)
    return dict(tallies)


def is_asked(truth: Truth, row: Row, spans: Spans) -> bool:
    """Whether a contact, true or found, lies where its foot was recorded and truth has no hole."""
    span, at_ns = spans.get(str(row["foot"])), whole(row, "t_contact_ns")
    if span is None or not span[0] + HEAD_NS <= at_ns <= span[1] - TAIL_NS:
        return False
    return not any(hole.foot == row["foot"] and hole.start_ns <= at_ns <= hole.end_ns for hole in truth.holes)


def _contacts(
    truth: Truth, foot: Foot, found: list[Row], spans: Spans, tallies: defaultdict[str, Tally], fed_ns: int
) -> None:
    true = _of(truth.contacts, foot)
    if not truth.complete:
        found = _amid(true, found)
    # before anything is left out: else of a pair at the very border one alone would stay
    mate = dict(pairs(times(true, "t_contact_ns"), times(found, "t_contact_ns"), MATCH_NS))
    for place, row in enumerate(true):
        if not is_asked(truth, row, spans):
            continue
        tally = tallies[walking_of(row)]
        steady = 0 < place < len(true) - 1 and all(one["direction"] for one in true[place - 1 : place + 2])
        timing = tally.left if foot == "left" else tally.right
        timing.asked += 1
        timing.steady_asked += steady
        one = found[mate[place]] if place in mate else None
        if one is not None:
            timing.error_ms.append((whole(one, "t_contact_ns") - whole(row, "t_contact_ns")) / MS)
            timing.steady.append(steady)
        _told(tally, row, one, fed_ns)
        _labels(tally, row, one, spans[foot][1] - AFTER_NS)
    matched = set(mate.values())
    for place, row in enumerate(found):
        if place not in matched and is_asked(truth, row, spans):
            tally = tallies[nearest_walking(truth, whole(row, "t_contact_ns"))]
            tally.false += 1
            _claim(tally, row, fed_ns)


def _amid(true: Sequence[Row], found: Iterable[Row]) -> list[Row]:
    """Those that truth, though it may end early, can tell from false ones."""
    known = _amid_ns(true)
    return [row for row in found if known and known[0] <= whole(row, "t_contact_ns") <= known[1]]


def _amid_ns(true: Sequence[Row]) -> tuple[int, int] | None:
    if not true:
        return None
    return whole(true[0], "t_contact_ns") - MATCH_NS, whole(true[-1], "t_contact_ns") + MATCH_NS


def _told(tally: Tally, true: Row, found: Row | None, fed_ns: int) -> None:
    """Nobody but the detector saw its provisional word: it is believed of that where it was seen to be true about when
    it was sure.
    """
    at_ns, one = whole(true, "t_contact_ns"), found or {}
    tally.latency_ms.add(maybe(one, "t_told_ns"), at_ns, MS)
    believed = _claim(tally, one, fed_ns)
    tally.provisional_ms.add(maybe(one, "t_provisional_ns") if believed else None, at_ns, MS)


def _labels(tally: Tally, true: Row, found: Row | None, last_ns: int) -> None:
    """What it was; None = it was missed."""
    one = found or {}
    right: list[bool] = []
    if true["direction"] is not None:
        tally.direction.add(found, "direction", true["direction"], ("uncertain", None))
        right.append(one.get("direction") == true["direction"])
    _later(tally.release_ms, true, "t_release_ns", one, "t_release_ns", last_ns)
    if _has_order(true, one):
        wanted = PATTERN[str(true["first"])]
        tally.pattern.add(found, "pattern", wanted, ("uncertain", "flat", None))
        right.append(one.get("pattern") == wanted)
        _later(tally.second_ms, true, _other_end(true), one, "t_second_ns", last_ns)
    if true["pitch_deg"] is not None:
        tally.foot_angle_deg.add(maybe(one, "foot_angle_deg"), number(true, "pitch_deg"))
    if right:
        tally.confidence.add(maybe(one, "confidence"), right=all(right))


def _later(errors: Errors, true: Row, true_name: str, found: Row, found_name: str, last_ns: int) -> None:
    if true[true_name] is not None and whole(true, true_name) <= last_ns:
        errors.add(maybe(found, found_name), whole(true, true_name), MS)


def _has_order(true: Row, found: Row) -> bool:
    """Whether truth says clearly which end came first."""
    if true["first"] not in PATTERN or (true["pitch_deg"] is not None and abs(number(true, "pitch_deg")) <= CLEAR_DEG):
        return False
    other = _other_end(true)
    together = true[other] is not None and abs(whole(true, other) - whole(true, "t_contact_ns")) <= TOGETHER_NS
    return not (found.get("pattern") == "flat" and together)


def _other_end(true: Row) -> str:
    return "t_heel_on_ns" if true["first"] == "toe" else "t_toe_on_ns"


def _claim(tally: Tally, found: Row, fed_ns: int) -> bool:
    """Whether a contact claims an instant that the feeder saw to be so. At one that is too early it would have been
    told earlier; where nothing is claimed, or nobody looked, nothing was seen.
    """
    told_ns, claimed_ns = maybe(found, "t_told_ns"), maybe(found, "t_emitted_ns")
    if told_ns is None or claimed_ns is None:
        return False
    false = told_ns - claimed_ns > fed_ns
    tally.claims.judged += 1
    tally.claims.false += false
    return not false


def _lengths(asked: Sequence[Row], strides: Sequence[Row], tallies: defaultdict[str, Tally]) -> None:
    """Strides by the contact that ends them."""
    true = [row for row in asked if row["stride_length_m"] is not None]
    found = [row for row in strides if row.get("stride_length_m") is not None]
    mate = dict(pairs(times(true, "t_contact_ns"), times(found, "t_end_ns"), MATCH_NS))
    for place, row in enumerate(true):
        length_m = number(found[mate[place]], "stride_length_m") if place in mate else None
        tallies[walking_of(row)].stride_length_m.add(length_m, number(row, "stride_length_m"))


def _stride_times(truth: Truth, asked: Sequence[Row], strides: Sequence[Row], tallies: defaultdict[str, Tally]) -> None:
    """A stride is found where both its contacts are."""
    true = [(first, second) for first, second in pairwise(asked) if _is_stride(truth, first, second)]
    mate = dict(pairs(times((row for _, row in true), "t_contact_ns"), times(strides, "t_end_ns"), MATCH_NS))
    for place, (first, second) in enumerate(true):
        begin_ns, end_ns = whole(first, "t_contact_ns"), whole(second, "t_contact_ns")
        stride = strides[mate[place]] if place in mate else None
        took_ns = None
        if stride is not None and abs(whole(stride, "t_start_ns") - begin_ns) <= MATCH_NS:
            took_ns = whole(stride, "t_end_ns") - whole(stride, "t_start_ns")
        tallies[walking_of(second)].stride_time_ms.add(took_ns, end_ns - begin_ns, MS)


def _is_stride(truth: Truth, first: Row, second: Row) -> bool:
    begin_ns, end_ns = whole(first, "t_contact_ns"), whole(second, "t_contact_ns")
    return end_ns - begin_ns <= STRIDE_NS and not any(
        hole.foot == first["foot"] and hole.start_ns <= end_ns and begin_ns <= hole.end_ns for hole in truth.holes
    )


def _hours(truth: Truth, spans: Spans, tallies: defaultdict[str, Tally]) -> None:
    """The time in which a false contact would have been counted, where it would have been."""
    for foot in spans:
        for begin_ns, end_ns in _known(truth, foot, spans[foot]):
            for walking, part_ns in _by_walking(truth, begin_ns, end_ns):
                tallies[walking].hours += part_ns / NS_PER_HOUR / len(spans)


def _known(truth: Truth, foot: str, span: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """From when to when something is asked of a foot."""
    begin_ns, last_ns = span[0] + HEAD_NS, span[1] - TAIL_NS
    if not truth.complete:
        amid = _amid_ns(_of(truth.contacts, foot))
        if amid is None:
            return
        begin_ns, last_ns = max(begin_ns, amid[0]), min(last_ns, amid[1])
    for hole in sorted((hole for hole in truth.holes if hole.foot == foot), key=lambda hole: hole.start_ns):
        if begin_ns < min(hole.start_ns, last_ns):
            yield begin_ns, min(hole.start_ns, last_ns)
        begin_ns = max(begin_ns, hole.end_ns)
    if begin_ns < last_ns:
        yield begin_ns, last_ns


def _by_walking(truth: Truth, begin_ns: int, end_ns: int) -> Iterator[tuple[str, int]]:
    """A time cut halfway between true contacts, as it is the nearest that gives a false one its walking."""
    at = begin_ns
    for first, second in pairwise(truth.contacts):
        halfway = (whole(first, "t_contact_ns") + whole(second, "t_contact_ns")) // 2
        if halfway > at:
            part_ns = min(halfway, end_ns) - at
            if part_ns > 0:
                yield walking_of(first), part_ns
                at += part_ns
    if at < end_ns:
        yield walking_of(truth.contacts[-1] if truth.contacts else None), end_ns - at


def _of(rows: Iterable[Row], foot: str) -> list[Row]:
    return [row for row in rows if row["foot"] == foot]


def times(rows: Iterable[Row], name: str) -> list[int]:
    """One instant of each, ns."""
    return [whole(row, name) for row in rows]
