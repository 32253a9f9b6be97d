"""One analysed session against its truth: every contact, stride and step once, in the tally of its walking."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np

from imu.core.matching import pairs
from imu.core.samples import Floats
from imu.core.session import FEET, Foot
from imu.core.tables import CONTACTS, STEPS, STRIDES, Row, Value, number, whole
from imu.core.units import NS_PER_S
from imu_bench.truth import PelvisTruth, Truth

MS: Final = 1_000_000
"""Nanoseconds."""
MATCH_NS: Final = 150 * MS
"""Events further apart than this are not the same one."""
HIT_MS: Final = 50.0
"""A contact this near, after the median error of its group, counts for F1."""
HEAD_NS: Final = 600 * MS
TAIL_NS: Final = 200 * MS
"""Contacts this close to a sensor's first and last sample are asked of nobody."""
AFTER_NS: Final = 100 * MS
"""Nor are releases and second contacts this close to its last."""
CLEAR_DEG: Final = 5.0
TOGETHER_NS: Final = 40 * MS
"""Truth has no order of toe and heel to be held against a contact whose sole is more level than this, nor against one
called flat whose two ends truly land within so long: the 25 ms that are flat and 15 ms of the truth's own."""
STEP_NS: Final = 2 * NS_PER_S
FEWEST_ROWS: Final = 5
"""A true drop wants as many rows of the true pelvis in its step."""
UNKNOWN: Final = "unknown"
"""The walking of contacts to which truth gives no direction: turns and closing steps."""
PATTERN: Final[Mapping[str, str]] = MappingProxyType({"toe": "toe_to_heel", "heel": "heel_to_toe"})

Spans: TypeAlias = Mapping[str, tuple[int, int]]
"""First and last sample, ns, of each foot that was recorded."""


@dataclass(slots=True)
class Errors:
    """What was found minus what is true, one a finding; `asked`: how many the truth asks for."""

    asked: int = 0
    found: list[float] = field(default_factory=list[float])

    def add(self, found: float | None, true: float, unit: float = 1.0) -> None:
        """One that truth asks for; None = not found."""
        self.asked += 1
        if found is not None:
            self.found.append((found - true) / unit)

    def figures(self) -> dict[str, Any]:
        """Beside its coverage n of asked, for a figure with little coverage is no figure."""
        errors = np.array(self.found)
        told = {"asked": self.asked, "n": len(errors)}
        if not len(errors):
            return told | dict.fromkeys(("median", "mean", "sd", "mae", "rmse"))
        return told | {
            "median": float(np.median(errors)),
            "mean": float(errors.mean()),
            "sd": float(errors.std()),
            "mae": float(np.abs(errors).mean()),
            "rmse": math.sqrt(float((errors**2).mean())),
        }


def merged(parts: Iterable[Errors]) -> Errors:
    """All of several as one."""
    total = Errors()
    for part in parts:
        total.asked += part.asked
        total.found += part.found
    return total


@dataclass(slots=True)
class Verdicts:
    """Was the name right? `undecided` ones are neither right nor wrong."""

    right: int = 0
    wrong: int = 0
    undecided: int = 0

    def add(self, said: Value, wanted: Value, undecided: Sequence[Value]) -> None:
        """One contact that truth names."""
        if said in undecided:
            self.undecided += 1
        elif said == wanted:
            self.right += 1
        else:
            self.wrong += 1

    def figures(self) -> dict[str, Any]:
        """`right` is a share of the decided ones, `undecided` one of all."""
        decided = self.right + self.wrong
        n = decided + self.undecided
        return {
            "n": n,
            "right": self.right / decided if decided else None,
            "undecided": self.undecided / n if n else None,
        }


@dataclass(slots=True)
class Tally:
    """All that was asked of contacts of one true direction, and of the strides and steps that they end."""

    false: int = 0
    contact_ms: Errors = field(default_factory=Errors)
    direction: Verdicts = field(default_factory=Verdicts)
    pattern: Verdicts = field(default_factory=Verdicts)
    latency_ms: list[float] = field(default_factory=list[float])
    """From the true contact to the sample that settled the found one."""
    release_ms: Errors = field(default_factory=Errors)
    second_ms: Errors = field(default_factory=Errors)
    foot_angle_deg: Errors = field(default_factory=Errors)
    stride_length_m: Errors = field(default_factory=Errors)
    pelvic_drop_deg: Errors = field(default_factory=Errors)

    def figures(self) -> dict[str, Any]:
        """Every figure, None where nothing was asked or found."""
        true, errors = self.contact_ms.asked, np.array(self.contact_ms.found)
        told = true + len(errors) + self.false
        # truths differ in what they call a contact: what all of a group have in common is no error
        hits = int((np.abs(errors - np.median(errors)) <= HIT_MS).sum()) if len(errors) else 0
        p50, p95 = np.quantile(self.latency_ms, (0.5, 0.95)).tolist() if self.latency_ms else (None, None)
        return {
            "contacts": true,
            "missed": true - len(errors),
            "false": self.false,
            "found_share": hits / true if true else None,
            "f1": 2 * hits / told if told else None,
            "contact_ms": self.contact_ms.figures(),
            "direction": self.direction.figures(),
            "pattern": self.pattern.figures(),
            "latency_ms": {"p50": p50, "p95": p95},
            "release_ms": self.release_ms.figures(),
            "second_ms": self.second_ms.figures(),
            "foot_angle_deg": self.foot_angle_deg.figures(),
            "stride_length_m": self.stride_length_m.figures(),
            "pelvic_drop_deg": self.pelvic_drop_deg.figures(),
        }


Tallies: TypeAlias = defaultdict[str, Tally]


def compare(truth: Truth, tables: Mapping[str, Sequence[Row]], spans: Spans, tallies: Tallies) -> None:
    """Add what is found in one session to the tallies.

    Args:
        truth: what happened.
        tables: contacts, strides and steps that were found.
        spans: where there are samples. Nothing is asked of a foot that has none.
        tallies: by walking: the true direction, or `unknown`.
    """
    for foot in FEET:
        if foot in spans:
            _contacts(truth, foot, _of(tables[CONTACTS.name], foot), spans, tallies)
            _lengths(truth, foot, _of(tables[STRIDES.name], foot), spans, tallies)
    if truth.pelvis is not None:
        _drops(truth, truth.pelvis, tables[STEPS.name], spans, tallies)


def _contacts(truth: Truth, foot: Foot, found: list[Row], spans: Spans, tallies: Tallies) -> None:
    true = _of(truth.contacts, foot)
    if not truth.complete:
        found = _amid(true, found)
    # before anything is left out: else of a pair at the very border one alone would stay
    mate = dict(pairs(_times(true, "t_contact_ns"), _times(found, "t_contact_ns"), MATCH_NS))
    for place, row in enumerate(true):
        if _asked(truth, row, spans):
            one = found[mate[place]] if place in mate else None
            _contact(tallies[_walking(row)], row, one, spans[foot][1] - AFTER_NS)
    matched = set(mate.values())
    for place, row in enumerate(found):
        if place not in matched and _asked(truth, row, spans):
            at_ns = whole(row, "t_contact_ns")
            nearest = min(truth.contacts, key=lambda one: abs(whole(one, "t_contact_ns") - at_ns), default=None)
            tallies[_walking(nearest)].false += 1


def _amid(true: Sequence[Row], found: Iterable[Row]) -> list[Row]:
    """Those that truth, though it may end early, can tell from false ones."""
    if not true:
        return []
    first_ns, last_ns = whole(true[0], "t_contact_ns") - MATCH_NS, whole(true[-1], "t_contact_ns") + MATCH_NS
    return [row for row in found if first_ns <= whole(row, "t_contact_ns") <= last_ns]


def _contact(tally: Tally, true: Row, found: Row | None, last_ns: int) -> None:
    """One true contact of which something is asked."""
    at_ns = whole(true, "t_contact_ns")
    tally.contact_ms.add(_maybe(found, "t_contact_ns"), at_ns, MS)
    if found is None:
        return
    tally.latency_ms.append((whole(found, "t_emitted_ns") - at_ns) / MS)
    if true["direction"] is not None:
        tally.direction.add(found["direction"], true["direction"], ("uncertain",))
    _later(tally.release_ms, true, "t_release_ns", found, "t_release_ns", last_ns)
    if _has_order(true, found):
        tally.pattern.add(found["pattern"], PATTERN[str(true["first"])], ("uncertain", "flat"))
        _later(tally.second_ms, true, _other_end(true), found, "t_second_ns", last_ns)
    if true["pitch_deg"] is not None:
        tally.foot_angle_deg.add(_maybe(found, "foot_angle_deg"), number(true, "pitch_deg"))


def _later(errors: Errors, true: Row, true_name: str, found: Row, found_name: str, last_ns: int) -> None:
    if true[true_name] is not None and whole(true, true_name) <= last_ns:
        errors.add(_maybe(found, found_name), whole(true, true_name), MS)


def _has_order(true: Row, found: Row) -> bool:
    """Whether truth says clearly which end came first."""
    if true["first"] not in PATTERN or (true["pitch_deg"] is not None and abs(number(true, "pitch_deg")) <= CLEAR_DEG):
        return False
    other = _other_end(true)
    together = true[other] is not None and abs(whole(true, other) - whole(true, "t_contact_ns")) <= TOGETHER_NS
    return not (found["pattern"] == "flat" and together)


def _other_end(true: Row) -> str:
    return "t_heel_on_ns" if true["first"] == "toe" else "t_toe_on_ns"


def _lengths(truth: Truth, foot: Foot, strides: list[Row], spans: Spans, tallies: Tallies) -> None:
    """Strides by the contact that ends them."""
    true = [
        row for row in _of(truth.contacts, foot) if row["stride_length_m"] is not None and _asked(truth, row, spans)
    ]
    found = [row for row in strides if row["stride_length_m"] is not None]
    mate = dict(pairs(_times(true, "t_contact_ns"), _times(found, "t_end_ns"), MATCH_NS))
    for place, row in enumerate(true):
        length_m = number(found[mate[place]], "stride_length_m") if place in mate else None
        tallies[_walking(row)].stride_length_m.add(length_m, number(row, "stride_length_m"))


def _drops(truth: Truth, pelvis: PelvisTruth, steps: Sequence[Row], spans: Spans, tallies: Tallies) -> None:
    """Steps by the contact that ends them; a step is found where both its contacts are."""
    asked = [row for row in truth.contacts if _asked(truth, row, spans)]
    for foot in FEET:
        true = [
            (first, second)
            for first, second in pairwise(asked)
            if first["foot"] == foot != second["foot"]
            and whole(second, "t_contact_ns") - whole(first, "t_contact_ns") <= STEP_NS
        ]
        found = [row for row in steps if row["stance_foot"] == foot and row["pelvic_drop_deg"] is not None]
        mate = dict(pairs(_times([first for first, _ in true], "t_contact_ns"), _times(found, "t_start_ns"), MATCH_NS))
        for place, (first, second) in enumerate(true):
            begin_ns, end_ns = whole(first, "t_contact_ns"), whole(second, "t_contact_ns")
            fall_deg = _fall(pelvis, foot, begin_ns, end_ns)
            if len(fall_deg) < FEWEST_ROWS:
                continue
            step = found[mate[place]] if place in mate else None
            if step is not None and abs(whole(step, "t_end_ns") - end_ns) > MATCH_NS:
                step = None
            drop_deg = float(fall_deg.max() - fall_deg[0])
            tallies[_walking(second)].pelvic_drop_deg.add(_maybe(step, "pelvic_drop_deg"), drop_deg)


def _fall(pelvis: PelvisTruth, stance: Foot, begin_ns: int, end_ns: int) -> Floats:
    """(n,) deg: how far the side opposite the stance foot lies below level, in a step."""
    first, end = np.searchsorted(pelvis.t_ns, begin_ns), np.searchsorted(pelvis.t_ns, end_ns, "right")
    return pelvis.obliquity_deg[first:end] * (1.0 if stance == "left" else -1.0)


def _asked(truth: Truth, row: Row, spans: Spans) -> bool:
    """Whether a contact, true or found, lies where its foot was recorded and truth has no hole."""
    span, at_ns = spans.get(str(row["foot"])), whole(row, "t_contact_ns")
    if span is None or not span[0] + HEAD_NS <= at_ns <= span[1] - TAIL_NS:
        return False
    return not any(hole.foot == row["foot"] and hole.start_ns <= at_ns <= hole.end_ns for hole in truth.holes)


def _walking(true: Row | None) -> str:
    return UNKNOWN if true is None or true["direction"] is None else str(true["direction"])


def _of(rows: Iterable[Row], foot: Foot) -> list[Row]:
    return [row for row in rows if row["foot"] == foot]


def _times(rows: Iterable[Row], name: str) -> list[int]:
    return [whole(row, name) for row in rows]


def _maybe(row: Row | None, name: str) -> float | None:
    return None if row is None or row[name] is None else number(row, name)
