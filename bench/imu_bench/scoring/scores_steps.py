"""What both feet or the pelvis have to be there for: pelvic drops, the pelvis' attitude, cadence."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from imu.core.matching import pairs
from imu.core.samples import Floats, Ints
from imu.core.session import FEET, Foot
from imu.core.tables import STEPS, Row, number, whole
from imu.core.units import NS_PER_S
from imu_bench.detector import Found
from imu_bench.predictions import FOUND_CADENCE, FOUND_PELVIS
from imu_bench.scoring.tallies import UNKNOWN, Tally
from imu_bench.truth import PelvisTruth, Truth

MS: Final = 1_000_000
"""Nanoseconds."""
MATCH_NS: Final = 150 * MS
"""Events further apart than this are not the same one."""
STEP_NS: Final = 2 * NS_PER_S
"""Contacts of two feet that are further apart are no step."""
FEWEST_ROWS: Final = 5
"""A true drop wants as many rows of the true pelvis in its step."""
ROBUST_NS: Final = (-100 * MS, 50 * MS)
"""About a step's start: where the robust drop begins from the least value."""
APART_NS: Final = 100 * MS
"""An attitude is told between two rows that are no further apart."""
FEWEST_STEPS: Final = 4
MOST_STEPS: Final = 20
"""True steps on end over which one cadence is asked for: ten strides, or fewer where the walking ends."""
COVERED: Final = 0.5
"""A cadence is told of a window if what it is told from fills so much of it."""
S_PER_MIN: Final = 60.0


def compare_steps(
    truth: Truth,
    found: Found,
    asked: Sequence[Row],
    within_ns: tuple[int, int],
    tallies: defaultdict[str, Tally],
) -> None:
    """Count a session's steps, its pelvis and its cadence.

    Args:
        truth: what happened.
        found: rows by name of their table.
        asked: the true contacts that count, in order of time.
        within_ns: where there are samples that count.
        tallies: to which all is added.
    """
    steps = [
        (first, second)
        for first, second in pairwise(asked)
        if first["foot"] != second["foot"] and whole(second, "t_contact_ns") - whole(first, "t_contact_ns") <= STEP_NS
    ]
    _cadence(steps, found, tallies)
    if truth.pelvis is not None:
        _drops(truth.pelvis, steps, found.get(STEPS.name, ()), tallies)
        _attitude(truth, truth.pelvis, found.get(FOUND_PELVIS.name, ()), within_ns, tallies)


def walking_of(true: Row | None) -> str:
    """The direction that truth gives a contact, or `unknown`."""
    return UNKNOWN if true is None or true["direction"] is None else str(true["direction"])


def nearest_walking(truth: Truth, at_ns: int) -> str:
    """Of the true contact next to an instant."""
    return walking_of(min(truth.contacts, key=lambda row: abs(whole(row, "t_contact_ns") - at_ns), default=None))


def maybe(row: Row, name: str) -> float | None:
    """A number that may be null, or not looked for; integers beyond 2**53 stay whole."""
    value = row.get(name)
    return value if isinstance(value, int | float) else None


def _drops(
    pelvis: PelvisTruth, steps: Sequence[tuple[Row, Row]], found: Sequence[Row], tallies: defaultdict[str, Tally]
) -> None:
    """A step is found where both its contacts are."""
    for foot in FEET:
        true = [(first, second) for first, second in steps if first["foot"] == foot]
        own = [row for row in found if row["stance_foot"] == foot and row.get("pelvic_drop_deg") is not None]
        starts = [whole(first, "t_contact_ns") for first, _ in true]
        mate = dict(pairs(starts, [whole(row, "t_start_ns") for row in own], MATCH_NS))
        for place, (first, second) in enumerate(true):
            step = own[mate[place]] if place in mate else None
            if step is not None and abs(whole(step, "t_end_ns") - whole(second, "t_contact_ns")) > MATCH_NS:
                step = None
            _drop(pelvis, foot, (first, second), step or {}, tallies[walking_of(second)])


def _drop(pelvis: PelvisTruth, foot: Foot, true: tuple[Row, Row], found: Row, tally: Tally) -> None:
    begin_ns, end_ns = (whole(row, "t_contact_ns") for row in true)
    fall_deg = _fall(pelvis, foot, begin_ns, end_ns)
    if len(fall_deg) < FEWEST_ROWS:
        return
    drop_deg = maybe(found, "pelvic_drop_deg")
    true_deg = float(fall_deg.max() - fall_deg[0])
    tally.pelvic_drop_deg.add(drop_deg, true_deg)
    about_deg = _fall(pelvis, foot, begin_ns + ROBUST_NS[0], begin_ns + ROBUST_NS[1])
    tally.pelvic_drop_robust_deg.add(
        maybe(found, "pelvic_drop_robust_deg"), float(fall_deg.max() - np.append(about_deg, fall_deg[0]).min())
    )
    sd_deg = maybe(found, "pelvic_drop_sd_deg")
    in_sds = None if drop_deg is None or sd_deg is None else _in_sds(drop_deg - true_deg, sd_deg)
    tally.pelvic_drop_in_sds.add(in_sds, 0.0)


def _in_sds(error_deg: float, sd_deg: float) -> float:
    """Who states no doubt at all has to be right."""
    if sd_deg > 0.0:
        return error_deg / sd_deg
    return math.inf if error_deg else 0.0


def _fall(pelvis: PelvisTruth, stance: Foot, begin_ns: int, end_ns: int) -> Floats:
    """(n,) deg: how far the side opposite the stance foot lies below level, in a step."""
    first, end = np.searchsorted(pelvis.t_ns, begin_ns), np.searchsorted(pelvis.t_ns, end_ns, "right")
    return pelvis.obliquity_deg[first:end] * (1.0 if stance == "left" else -1.0)


def _attitude(
    truth: Truth,
    pelvis: PelvisTruth,
    found: Sequence[Row],
    within_ns: tuple[int, int],
    tallies: defaultdict[str, Tally],
) -> None:
    """Each session's mean error is taken out: how the sensor sits against the bones is not asked."""
    asked = (pelvis.t_ns >= within_ns[0]) & (pelvis.t_ns <= within_ns[1])
    t_ns, walking = pelvis.t_ns[asked], _walkings(truth, pelvis.t_ns[asked])
    for name, true_deg in (("obliquity_deg", pelvis.obliquity_deg[asked]), ("tilt_deg", pelvis.tilt_deg[asked])):
        told = sorted((whole(row, "t_ns"), number(row, name)) for row in found if row.get(name) is not None)
        error_deg = _between(told, t_ns) - true_deg
        there = ~np.isnan(error_deg)
        error_deg -= error_deg[there].mean() if there.any() else 0.0
        for one in np.unique(walking):
            own = walking == one
            tally = tallies[str(one)]
            squares = tally.obliquity_deg if name == "obliquity_deg" else tally.tilt_deg
            squares.asked += int(own.sum())
            squares.found += int((own & there).sum())
            squares.squares += float((error_deg[own & there] ** 2).sum())


def _walkings(truth: Truth, t_ns: Ints) -> npt.NDArray[np.str_]:
    """(n,) of the true contact next to each instant."""
    if not truth.contacts:
        return np.full(len(t_ns), UNKNOWN)
    times_ns = np.array([whole(row, "t_contact_ns") for row in truth.contacts])
    names = np.array([walking_of(row) for row in truth.contacts])
    return names[np.searchsorted((times_ns[:-1] + times_ns[1:]) / 2.0, t_ns)]


def _between(told: Sequence[tuple[int, float]], t_ns: Ints) -> Floats:
    """(n,) what was told, straight between its rows; NaN where they lie too far apart."""
    if not told:
        return np.full(len(t_ns), np.nan)
    times_ns: Ints = np.array([at_ns for at_ns, _ in told], np.int64)
    after = np.searchsorted(times_ns, t_ns)
    before_ns = times_ns[np.maximum(np.searchsorted(times_ns, t_ns, "right") - 1, 0)]
    after_ns = times_ns[np.minimum(after, len(told) - 1)]
    near = (before_ns <= t_ns) & (t_ns <= after_ns) & (after_ns - before_ns <= APART_NS)
    angles_deg: Floats = np.array([angle_deg for _, angle_deg in told])
    # float64 has no room for the nanoseconds of a day
    begin_ns = told[0][0]
    between_deg: Floats = np.interp((t_ns - begin_ns).astype(np.float64), times_ns - begin_ns, angles_deg)
    return np.where(near, between_deg, np.nan)


def _cadence(steps: Sequence[tuple[Row, Row]], found: Found, tallies: defaultdict[str, Tally]) -> None:
    """Over true steps on end in one walking. From who tells a cadence it is taken, else from the steps."""
    told = found.get(FOUND_CADENCE.name)
    rows = found.get(STEPS.name, ()) if told is None else told
    spoken = [
        (
            whole(row, "t_start_ns"),
            whole(row, "t_end_ns"),
            S_PER_MIN * NS_PER_S / max(whole(row, "t_end_ns") - whole(row, "t_start_ns"), 1)
            if told is None
            else number(row, "cadence_spm"),
        )
        for row in rows
    ]
    for window in _windows(steps):
        begin_ns, end_ns = whole(window[0][0], "t_contact_ns"), whole(window[-1][1], "t_contact_ns")
        true_spm = S_PER_MIN * NS_PER_S * len(window) / (end_ns - begin_ns)
        found_spm = _steps_told(spoken, begin_ns, end_ns) if told is None else _rate_told(spoken, begin_ns, end_ns)
        tallies[walking_of(window[0][1])].cadence_spm.add(found_spm, true_spm)


def _windows(steps: Sequence[tuple[Row, Row]]) -> list[list[tuple[Row, Row]]]:
    """Steps each of which begins where the one before ends, in the same walking; not too many and not too few."""
    windows: list[list[tuple[Row, Row]]] = []
    for step in steps:
        last = windows[-1][-1] if windows else None
        on = last is not None and step[0] is last[1] and walking_of(step[1]) == walking_of(last[1])
        if on and len(windows[-1]) < MOST_STEPS:
            windows[-1].append(step)
        else:
            windows.append([step])
    return [window for window in windows if len(window) >= FEWEST_STEPS]


def _steps_told(spoken: Sequence[tuple[int, int, float]], begin_ns: int, end_ns: int) -> float | None:
    """The cadence of the steps within a window."""
    own = [one for one in spoken if one[0] >= begin_ns - MATCH_NS and one[1] <= end_ns + MATCH_NS]
    took_ns = sum(last - first for first, last, _ in own)
    return S_PER_MIN * NS_PER_S * len(own) / took_ns if took_ns >= COVERED * (end_ns - begin_ns) else None


def _rate_told(spoken: Sequence[tuple[int, int, float]], begin_ns: int, end_ns: int) -> float | None:
    """The mean over a window of what is told of parts of it."""
    parts = [(min(last, end_ns) - max(first, begin_ns), spm) for first, last, spm in spoken]
    own = [(part_ns, spm) for part_ns, spm in parts if part_ns > 0]
    told_ns = sum(part_ns for part_ns, _ in own)
    return sum(part_ns * spm for part_ns, spm in own) / told_ns if told_ns >= COVERED * (end_ns - begin_ns) else None
