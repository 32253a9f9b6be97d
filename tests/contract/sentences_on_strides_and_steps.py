"""What CONTRACT.md says of strides and of steps."""

from itertools import pairwise

import numpy as np

from imu.core.session import sensor_of
from tests.contract.plain_reading import FLOAT32, MS, RESET_GAP_NS, Found, S, close, reasons
from tests.contract.sentences import Sentences

STRIDES_AND_STEPS = Sentences()

STRIDE_MOST_NS, STEP_MOST_NS = 3 * S, 2 * S
MISSING_NS, MISSING_SHARE = 50 * MS, 0.05
FLOAT32_DEG = 180.0 * FLOAT32


# strides


@STRIDES_AND_STEPS.holds("a stride is a contact to the foot's next one, within 3 s, and says what the two say")
def _(found: Found) -> None:
    assert [row["stride_id"] for row in found.strides] == list(range(len(found.strides)))
    neighbours = {
        (foot, one["t_contact_ns"], two["t_contact_ns"]): (one, two)
        for foot in found.feet
        for one, two in pairwise(found.of_foot(foot))
    }
    for row in found.strides:
        first, last = neighbours[row["foot"], row["t_start_ns"], row["t_end_ns"]]
        stride_s = (row["t_end_ns"] - row["t_start_ns"]) / S
        assert 0.0 < stride_s <= STRIDE_MOST_NS / S
        assert (row["pattern"], row["direction"]) == (first["pattern"], last["direction"])
        assert row["t_release_ns"] == first["t_release_ns"]
        assert reasons(first) | reasons(last) <= reasons(row)
        stance_s = None if row["t_release_ns"] is None else (row["t_release_ns"] - row["t_start_ns"]) / S
        assert close(row["stride_time_s"], stride_s)
        assert close(row["stance_time_s"], stance_s)
        assert close(row["swing_time_s"], None if stance_s is None else stride_s - stance_s)
        assert close(row["stance_fraction"], None if stance_s is None else stance_s / stride_s)
        assert row["stance_fraction"] is None or 0.0 < row["stance_fraction"] < 1.0, row["stance_fraction"]


@STRIDES_AND_STEPS.holds("a stride's speed is its length over its time, negative = backward, null if uncertain")
def _(found: Found) -> None:
    for row in found.strides:
        length_m, direction = row["stride_length_m"], row["direction"]
        assert length_m is None or length_m >= 0.0
        assert (row["speed_m_s"] is None) == (length_m is None or direction == "uncertain")
        if row["speed_m_s"] is not None:
            sign = -1.0 if direction == "backward" else 1.0
            assert close(row["speed_m_s"], sign * length_m / row["stride_time_s"])


@STRIDES_AND_STEPS.holds("two contacts within 3 s are a stride unless one between them may be lost")
def _(found: Found) -> None:
    told = {(row["foot"], row["t_start_ns"]) for row in found.strides}
    for foot in found.feet:
        rows = found.accepted[sensor_of(foot)]
        for one, two in pairwise(found.of_foot(foot)):
            start, end = one["t_contact_ns"], two["t_contact_ns"]
            if (foot, start) in told:
                hole = rows.inner(start, end)
                long = (rows.lost[hole] > 0) & (rows.elapsed_ns[hole] > RESET_GAP_NS)
                assert not (long & rows.counts_on).any()
            elif rows.counts_on and rows.whole(start, two["t_emitted_ns"]):
                assert end - start > STRIDE_MOST_NS


@STRIDES_AND_STEPS.holds("a stride has no length across a gap of more than 2 samples in its swing")
def _(found: Found) -> None:
    for row in found.strides:
        rows = found.accepted[sensor_of(row["foot"])]
        if row["t_release_ns"] is not None and rows.counts_on:
            swing = rows.inner(row["t_release_ns"], row["t_end_ns"])
            assert row["stride_length_m"] is None or (rows.lost[swing] <= 2).all()


# steps


@STRIDES_AND_STEPS.holds("a step is two contacts that follow each other, of different feet, at most 2 s apart")
def _(found: Found) -> None:
    order = sorted((row["t_contact_ns"], row["foot"]) for row in found.contacts)
    followers = set(pairwise(order))
    for row in found.steps:
        other = "right" if row["stance_foot"] == "left" else "left"
        assert ((row["t_start_ns"], row["stance_foot"]), (row["t_end_ns"], other)) in followers
        first, last = found.contact(row["stance_foot"], row["t_start_ns"]), found.contact(other, row["t_end_ns"])
        step_s = (row["t_end_ns"] - row["t_start_ns"]) / S
        assert 0.0 < step_s <= STEP_MOST_NS / S
        assert close(row["step_time_s"], step_s)
        assert close(row["cadence_spm"], 60.0 / step_s)
        assert row["direction"] == last["direction"]
        contacts = reasons(first) | reasons(last)
        # turn is the pelvis' to say where there is one
        assert contacts - {"turn"} <= reasons(row) <= contacts | {"turn", "gap"}


@STRIDES_AND_STEPS.holds(
    "two such contacts are a step unless there is a gap; two of the same foot are a broken alternation"
)
def _(found: Found) -> None:
    told = {(row["t_start_ns"], row["stance_foot"]) for row in found.steps}
    least = most = 0
    for one, two in pairwise(found.contacts):
        start, end = one["t_contact_ns"], two["t_contact_ns"]
        rows = [found.accepted[sensor_of(foot)] for foot in found.feet]
        until = two["t_emitted_ns"]
        whole = all(r.counts_on and r.whole(start, until) and r.t_ns[0] <= start and until <= r.t_ns[-1] for r in rows)
        near = 0 < end - start <= STEP_MOST_NS
        if one["foot"] != two["foot"]:
            assert not (near and whole) or (start, one["foot"]) in told
        elif near and len(found.feet) == 2:
            most += 1
            least += whole
    assert least <= found.summary["broken_alternation"] <= most


@STRIDES_AND_STEPS.holds(
    "pelvis columns: a drop is no rise, and is less than the robust one and the range; all of them or none"
)
def _(found: Found) -> None:
    resolved = {one["sensor"] for one in found.summary["calibrations"] if one["kind"] == "mounting"}
    for row in found.steps:
        drop, robust, sd, rom = (
            row[name]
            for name in ("pelvic_drop_deg", "pelvic_drop_robust_deg", "pelvic_drop_sd_deg", "obliquity_rom_deg")
        )
        assert len({value is None for value in (drop, robust, sd, rom, row["late_peak"], row["rotation_rom_deg"])}) == 1
        assert (row["tilt_deg"] is None) == (row["pelvic_drop_peak_deg"] is None)
        if drop is None:
            assert row["tilt_deg"] is None
            continue
        assert "pelvis" in found.samples
        assert found.session.sensors["pelvis"].mounting is not None or "pelvis" in resolved
        assert 0.0 <= drop <= robust + FLOAT32_DEG
        assert drop <= rom + FLOAT32_DEG
        assert sd > 0.0
        assert row["rotation_rom_deg"] >= 0.0
        assert row["tilt_deg"] is None or abs(row["tilt_deg"]) <= 180.0


@STRIDES_AND_STEPS.holds("pelvis columns are null with over 5 % or 50 ms of the step missing")
def _(found: Found) -> None:
    rows = found.accepted.get("pelvis")
    if rows is None or not rows.counts_on:
        return
    for row in found.steps:
        start, end = row["t_start_ns"], row["t_end_ns"]
        near = rows.gaps(start, end)
        before = rows.t_ns[near] - rows.elapsed_ns[near]
        overlap = np.clip(np.minimum(rows.t_ns[near], end) - np.maximum(before, start), 0, None)
        missing_ns = (overlap * (rows.lost[near] / (rows.lost[near] + 1.0))).sum()
        if row["pelvic_drop_deg"] is not None:
            assert missing_ns <= min(MISSING_NS, MISSING_SHARE * (end - start)) + 1
            assert "gap" in reasons(row) or not missing_ns


@STRIDES_AND_STEPS.holds("tilt and the drop's peak are against the last quiet standing before the step, null without")
def _(found: Found) -> None:
    levels = [one["t_ns"] for one in found.summary["calibrations"] if one["kind"] == "standing"]
    assert levels == sorted(levels)
    for row in found.steps:
        if row["pelvic_drop_deg"] is not None:
            assert (row["tilt_deg"] is not None) == any(t_ns <= row["t_start_ns"] for t_ns in levels)
