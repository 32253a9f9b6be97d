"""Truth of walks that nobody walked, and what detectors of known mistakes say of them."""

from itertools import pairwise

from imu.core.tables import CONTACTS, STEPS, STRIDES
from imu.core.units import NS_PER_S
from imu_bench.scoring.figures import figures_of
from imu_bench.scoring.scores import compare
from imu_bench.scoring.tallies import Scored
from imu_bench.truth import Truth

MS = 1_000_000
PATTERNS = {"toe": "toe_to_heel", "heel": "heel_to_toe", "flat": "flat", None: "uncertain"}
SPANS = {"left": (0, 30 * NS_PER_S), "right": (0, 30 * NS_PER_S)}
EVERY = ("contacts", "strides", "steps", "pelvis", "cadence")


def ns(t_s):
    return round(t_s * NS_PER_S)


def true_contact(foot, t_s, **changes):
    """A heel strike of forward walking; the toe lands 100 ms later, the toe leaves after 700 ms."""
    return {
        "foot": foot,
        "t_contact_ns": ns(t_s),
        "t_release_ns": ns(t_s + 0.7),
        "first": "heel",
        "pitch_deg": 20.0,
        "direction": "forward",
        "stride_length_m": 1.2,
        "t_toe_on_ns": ns(t_s + 0.1),
        "t_heel_on_ns": ns(t_s),
    } | changes


def backward_contact(foot, t_s, **changes):
    """Toes first, and the heel 200 ms later."""
    toes = {"first": "toe", "pitch_deg": -20.0, "t_toe_on_ns": ns(t_s), "t_heel_on_ns": ns(t_s + 0.2)}
    return true_contact(foot, t_s, direction="backward", **(toes | changes))


def walk_of(left, right, contact=true_contact, begin_s=2.0):
    """So many true contacts of each foot, a second apart."""
    rows = [contact("left", begin_s + k) for k in range(left)]
    rows += [contact("right", begin_s + 0.5 + k) for k in range(right)]
    return sorted(rows, key=lambda row: row["t_contact_ns"])


def found_as(truth, steps=(), told_ms=80):
    """Tables of a detector that errs in nothing and is heard so long after each contact."""
    contacts = [
        {
            "foot": row["foot"],
            "t_contact_ns": row["t_contact_ns"],
            "t_second_ns": row["t_heel_on_ns"] if row["first"] == "toe" else row["t_toe_on_ns"],
            "t_release_ns": row["t_release_ns"],
            "pattern": PATTERNS[row["first"]],
            "direction": row["direction"] or "uncertain",
            "foot_angle_deg": row["pitch_deg"],
            "confidence": 1.0,
            "t_provisional_ns": row["t_contact_ns"] + 30 * MS,
            "t_emitted_ns": row["t_contact_ns"] + told_ms * MS,
            "t_told_ns": row["t_contact_ns"] + told_ms * MS,
        }
        for row in truth
    ]
    strides = []
    for foot in ("left", "right"):
        own = [row for row in truth if row["foot"] == foot]
        for before, row in zip([None, *own], own, strict=False):
            start_ns = row["t_contact_ns"] - NS_PER_S if before is None else before["t_contact_ns"]
            stride = {"foot": foot, "t_start_ns": start_ns, "t_end_ns": row["t_contact_ns"]}
            strides.append(stride | {"stride_length_m": row["stride_length_m"]})
    return {CONTACTS.name: contacts, STRIDES.name: strides, STEPS.name: list(steps) or steps_of(truth)}


def steps_of(truth):
    """As found, of truth whose feet take turns."""
    return [
        {"stance_foot": first["foot"], "t_start_ns": first["t_contact_ns"], "t_end_ns": second["t_contact_ns"]}
        for first, second in pairwise(truth)
        if first["foot"] != second["foot"]
    ]


def moved(rows, by_ms, **where):
    """Contacts that are later."""
    return [
        row | {"t_contact_ns": row["t_contact_ns"] + by_ms * MS}
        if all(row[key] == value for key, value in where.items())
        else row
        for row in rows
    ]


def one_session(truth, tables, spans=SPANS, *, subject="S01", session="walk", **how):
    """What is counted of it."""
    truth = truth if isinstance(truth, Truth) else Truth(truth)
    return Scored(subject, session, compare(truth, tables, spans, **how))


def all_figures(*sessions, sought=EVERY, resamples=0, **how):
    return figures_of(sessions, sought=sought, seed=1, resamples=resamples, **how)


def scored(truth, tables, spans=SPANS, **how):
    """Figures by walking, all together left out."""
    found = all_figures(one_session(truth, tables, spans, **how))["walking"]
    return {walking: figures for walking, figures in found.items() if walking != "all"}


def value(figures, key):
    return figures[key]["value"]


def covered(figures, key):
    return figures[key]["n"], figures[key]["asked"]
