"""The truth behind a recording: it follows from the plan and its curves, not from the samples."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from imu.core.canonical import canonical_json
from imu.core.samples import Floats, Ints
from imu.core.session import FEET, Foot
from imu.core.tables import Row
from imu.core.units import NS_PER_S
from imu.simulate.belt_motion import BeltMotion
from imu.simulate.body import SIDE
from imu.simulate.ledger import Rows
from imu.simulate.motion import PelvisMotion
from imu.simulate.plan import Done, Plan, Stumble
from imu.simulate.protocol import Segment

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
"""Columns of a table by name, all equally long; what is null is masked (numpy.ma)."""

IN_PLACE_M: Final = 0.08
"""A swing that moves the foot less along its own forward axis goes nowhere, as CONTRACT.md has it."""
LONGEST_STEP_S: Final = 2.0
"""Two contacts further apart are no step, as CONTRACT.md has it."""
NEVER_NS: Final = np.iinfo(np.int64).max

DROP_GRIDS: Final = (33, 17, 17, 17)
"""The top of the fall is sought on a grid of so many points over the step, then between the neighbours of the best one,
and again: in a step of half a second to 0.03 ms, which makes less than a millionth of a degree.
"""
STEPS_AT_ONCE: Final = 128


def in_ns(t_s: Floats) -> Ints:
    """Session time (n,) of seconds since the beginning."""
    return np.rint(t_s * NS_PER_S).astype(np.int64)


def rows_of(columns: Arrays) -> list[Row]:
    """Rows in place of columns."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]


def contacts(plan: Plan) -> Arrays:
    """Columns of TRUTH_CONTACTS. A stride has a length once the foot has landed before; so the first one has none."""
    of_foot = [_contacts_of(plan.footfalls[foot], foot) for foot in FEET]
    both = {name: np.concatenate([part[name] for part in of_foot]) for name in of_foot[0]}
    # stable, so left stays before right
    order = np.argsort(both["t_contact_ns"], kind="stable")
    end_ns = round(plan.duration_s * NS_PER_S)
    there = order[both["t_contact_ns"][order] <= end_ns]
    found = {name: column[there] for name, column in both.items()}
    for name in ("t_release_ns", "t_toe_on_ns", "t_heel_on_ns", "t_heel_off_ns", "t_toe_off_ns"):
        found[name] = np.ma.masked_array(found[name], found[name] > end_ns)
    for name in ("stride_length_m", "speed_m_s"):
        found[name] = np.ma.masked_array(found[name], np.isnan(found[name]))
    return found


def _contacts_of(rows: Rows, foot: Foot) -> Arrays:
    """Of one foot, beyond the end too; what never happens is NEVER_NS or NaN."""
    falls = rows[1:]
    contact_ns, flat_ns = in_ns(falls["t_contact_s"]), in_ns(falls["t_flat_s"])
    # a stance ends as the next swing says
    lift_ns, release_ns = (np.append(in_ns(falls[name][1:]), NEVER_NS) for name in ("t_lift_s", "t_release_s"))
    leaves_rad = np.append(falls["release_rad"][1:], 0.0)
    angle, held = falls["contact_rad"], falls["to_hold_rad"] != 0.0
    heel_first, toe_first = ~held & (angle > 0.0), held | (angle < 0.0)
    toe_last = held | (leaves_rad < 0.0)
    moved_m, yaw = (falls["to_m"] - falls["from_m"]).T, falls["to_yaw_rad"]
    along_m = moved_m[0] * np.cos(yaw) + moved_m[1] * np.sin(yaw)
    return {
        "foot": np.full(len(falls), foot),
        "t_contact_ns": contact_ns,
        "t_release_ns": release_ns,
        "first": np.where(heel_first, "heel", np.where(toe_first, "toe", "flat")),
        "pitch_deg": np.degrees(angle),
        "direction": np.where(np.abs(along_m) < IN_PLACE_M, "in_place", np.where(along_m > 0, "forward", "backward")),
        "stride_length_m": np.where(np.arange(len(falls)) == 0, np.nan, np.hypot(*moved_m)),
        # with nothing to roll over both ends land at once
        "t_toe_on_ns": np.where(heel_first, flat_ns, contact_ns),
        "t_heel_on_ns": np.where(held, NEVER_NS, np.where(toe_first, flat_ns, contact_ns)),
        "t_heel_off_ns": np.where(held, NEVER_NS, np.where(toe_last, lift_ns, release_ns)),
        "t_toe_off_ns": np.where(toe_last, release_ns, lift_ns),
        "speed_m_s": _speed_m_s(np.hypot(*moved_m), along_m, contact_ns),
    }


def _speed_m_s(length_m: Floats, along_m: Floats, contact_ns: Ints) -> Floats:
    """Of the strides that contacts end; of the first one NaN."""
    stride_s = np.diff(contact_ns, prepend=contact_ns[:1]) / NS_PER_S
    stride_s[:1] = np.nan
    return np.sign(along_m) * length_m / stride_s


def steps(found: Arrays, motion: PelvisMotion) -> Arrays:
    """Columns of TRUTH_STEPS: steps between `contacts` as CONTRACT.md counts them, each with its true drop: the largest
    fall of the side opposite the stance foot between the two contacts, minus its value at the first.
    """
    t_ns, foot = found["t_contact_ns"], found["foot"]
    alternating = (foot[:-1] != foot[1:]) & (np.diff(t_ns) <= LONGEST_STEP_S * NS_PER_S)
    first = np.flatnonzero(alternating)
    begin_ns, end_ns, stance = t_ns[first], t_ns[first + 1], foot[first]
    side = np.where(stance == "left", float(SIDE["left"]), float(SIDE["right"]))
    drops = [
        _drop_deg(motion, begin_ns[part] / NS_PER_S, end_ns[part] / NS_PER_S, side[part])
        for part in (slice(k, k + STEPS_AT_ONCE) for k in range(0, len(first), STEPS_AT_ONCE))
    ]
    return {
        "stance_foot": stance,
        "t_start_ns": begin_ns,
        "t_end_ns": end_ns,
        "direction": found["direction"][first + 1],
        "pelvic_drop_deg": np.concatenate([np.empty(0), *drops]),
    }


def _drop_deg(motion: PelvisMotion, begin_s: Floats, end_s: Floats, side: Floats) -> Floats:
    """Of steps (m) that follow each other, `side` +1 over the left foot."""
    low_s, high_s, falls = begin_s, end_s, list[Floats]()
    for points in DROP_GRIDS:
        t_s = np.linspace(low_s, high_s, points, axis=1)
        falls.append(side[:, None] * np.degrees(motion.angles(t_s.ravel())[1]).reshape(t_s.shape))
        best = falls[-1].argmax(axis=1)[:, None]
        low_s, high_s = (np.take_along_axis(t_s, np.clip(best + way, 0, points - 1), axis=1)[:, 0] for way in (-1, 1))
    return np.max([fall.max(axis=1) for fall in falls], axis=0) - falls[0][:, 0]


def pelvis(motion: PelvisMotion, t_s: Floats) -> Arrays:
    """Columns of TRUTH_PELVIS at times (n,) that do not decrease. Rotation runs on through turns, never wrapped."""
    rotation, obliquity, tilt = np.degrees(motion.angles(t_s))
    return {"t_ns": in_ns(t_s), "obliquity_deg": obliquity, "tilt_deg": tilt, "rotation_deg": rotation}


def phases(done: Iterable[Done]) -> list[Row]:
    """Rows of EVENTS: one a segment of the protocol."""
    return [
        _event(part.begin_s, "phase", {"name": type(part.segment).__name__.lower()} | _given(part.segment), part.end_s)
        for part in done
    ]


def stumbles(found: Iterable[Stumble]) -> list[Row]:
    """Rows of EVENTS: one a swing in which the foot is caught."""
    return [_event(one.t_s, "mark", {"name": "stumble", "foot": one.foot}) for one in found]


def _event(begin_s: float, kind: str, value: dict[str, Any], end_s: float | None = None) -> Row:
    begin_ns, end_ns = (None if t_s is None else round(t_s * NS_PER_S) for t_s in (begin_s, end_s))
    return {"t_ns": begin_ns, "t_end_ns": end_ns, "kind": kind, "value": canonical_json(value)}


def _given(segment: Segment) -> dict[str, Any]:
    return {key: value for key, value in asdict(segment).items() if value not in (None, ())}


def treadmill(belt: BeltMotion, duration_s: float) -> Arrays:
    """Columns of TREADMILL."""
    t_s = belt.told_at(duration_s)
    return {"t_ns": in_ns(t_s), "speed_m_s": np.abs(belt.at(t_s).rate), "incline_pct": np.zeros(len(t_s))}
