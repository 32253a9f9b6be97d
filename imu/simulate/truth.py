"""The truth behind a recording: it follows from the plan and its curves, not from the samples."""

import math
from dataclasses import asdict
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final

import numpy as np

from imu.core.canonical import canonical_json
from imu.core.samples import Floats
from imu.core.session import FEET, Foot
from imu.core.tables import Row
from imu.core.units import NS_PER_S
from imu.simulate.motion import PelvisMotion
from imu.simulate.plan import Done, Plan
from imu.simulate.protocol import Segment

STEP_GRID_S: Final = 0.001
IN_PLACE_M: Final = 0.08
"""A swing that moves the foot less along its own forward axis goes nowhere, as CONTRACT.md has it."""


def ns(t_s: float) -> int:
    return round(t_s * NS_PER_S)


def contacts(plan: Plan) -> list[Row]:
    """Rows of TRUTH_CONTACTS. A stride has a length once the foot has landed before; so the first one has none."""
    rows = [row for foot in FEET for row in _contacts_of(plan, foot)]
    return sorted(rows, key=itemgetter("t_contact_ns", "foot"))


def _contacts_of(plan: Plan, foot: Foot) -> list[Row]:
    falls, end_ns = plan.footfalls[foot][1:], ns(plan.duration_s)
    moved_m, yaw = (falls["to_m"] - falls["from_m"]).T, falls["to_yaw_rad"]
    lengths_m = np.hypot(*moved_m).tolist()
    along_m = (moved_m[0] * np.cos(yaw) + moved_m[1] * np.sin(yaw)).tolist()
    releases = [*(ns(t) for t in falls["t_release_s"][1:].tolist()), None]
    found: list[Row] = []
    for i, (contact_s, flat_s, angle) in enumerate(
        zip(*(falls[name].tolist() for name in ("t_contact_s", "t_flat_s", "contact_rad")), strict=True)
    ):
        contact_ns, flat_ns, release_ns = ns(contact_s), ns(flat_s), releases[i]
        if contact_ns > end_ns:
            break
        # with nothing to roll over both ends land at once
        toe_ns, heel_ns = (flat_ns if angle > 0 else contact_ns), (flat_ns if angle < 0 else contact_ns)
        found.append(
            {
                "foot": foot,
                "t_contact_ns": contact_ns,
                "t_release_ns": release_ns if release_ns is not None and release_ns <= end_ns else None,
                "first": "heel" if angle > 0 else "toe" if angle < 0 else "flat",
                "pitch_deg": math.degrees(angle),
                "direction": "in_place"
                if abs(along_m[i]) < IN_PLACE_M
                else "forward"
                if along_m[i] > 0
                else "backward",
                "stride_length_m": lengths_m[i] if i else None,
                "t_toe_on_ns": toe_ns if toe_ns <= end_ns else None,
                "t_heel_on_ns": heel_ns if heel_ns <= end_ns else None,
            }
        )
    return found


def pelvis(motion: PelvisMotion, t_s: Floats) -> dict[str, Any]:
    """Columns of TRUTH_PELVIS at times (n,) that do not decrease. Rotation runs on through turns, never wrapped."""
    rotation, obliquity, tilt = np.degrees(motion.angles(t_s))
    t_ns = np.rint(t_s * NS_PER_S).astype(np.int64)
    return {"t_ns": t_ns, "obliquity_deg": obliquity, "tilt_deg": tilt, "rotation_deg": rotation}


def steps(plan: Plan, motion: PelvisMotion) -> list[Row]:
    """Steps as CONTRACT.md counts them, each with its true drop: the largest fall of the side opposite the stance foot
    between the two contacts, minus its value at the first.
    """
    rows = contacts(plan)
    found: list[Row] = []
    for first, second in pairwise(rows):
        begin_ns, end_ns = int(first["t_contact_ns"] or 0), int(second["t_contact_ns"] or 0)
        if first["foot"] == second["foot"] or end_ns - begin_ns > 2 * NS_PER_S:
            continue
        begin_s, end_s = begin_ns / NS_PER_S, end_ns / NS_PER_S
        times = np.linspace(begin_s, end_s, 2 + math.ceil((end_s - begin_s) / STEP_GRID_S))
        fall = np.degrees(motion.angles(times)[1]) * (1.0 if first["foot"] == "left" else -1.0)
        found.append(
            {
                "stance_foot": first["foot"],
                "t_start_ns": begin_ns,
                "t_end_ns": end_ns,
                "direction": second["direction"],
                "pelvic_drop_deg": float(fall.max() - fall[0]),
            }
        )
    return found


def phases(done: tuple[Done, ...]) -> list[Row]:
    """Rows of EVENTS: one a segment of the protocol."""
    return [
        {
            "t_ns": ns(part.begin_s),
            "t_end_ns": ns(part.end_s),
            "kind": "phase",
            "value": canonical_json({"name": type(part.segment).__name__.lower()} | _given(part.segment)),
        }
        for part in done
    ]


def _given(segment: Segment) -> dict[str, Any]:
    return {key: value for key, value in asdict(segment).items() if value is not None}
