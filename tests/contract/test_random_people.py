"""Every sentence of CONTRACT.md that a machine can check, on people that nobody chose.

RETROGAIT_SEEDS=5000 asks for more of them than the usual few hundred. A failure names its seed and the sentence;
`pytest -k "holds and 523"` looks at one of them again.
"""

import math
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, fields
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest

from imu.core.canonical import canonical_json
from imu.core.errors import UnusableRecording
from imu.core.session import foot_of, sensor_of
from imu.core.tables import ANALYSIS, CONTACTS, DIRECTIONS, PATTERNS, REASONS, Row
from imu.gait.foot import FootParams
from imu.pipeline import Pipeline
from imu.simulate.sensors import how_many
from tests.contract.plain_reading import (
    FLOAT32,
    LEAST_N,
    MS,
    Found,
    S,
    alike,
    close,
    figures,
    live,
    packets,
    reasons,
    said_of,
    sides,
    tally,
)
from tests.contract.random_people import Walked, ordinary_session, random_session

PLAIN = bool(os.environ.get("NUMBA_DISABLE_JIT"))
SEEDS = int(os.environ.get("RETROGAIT_SEEDS", "4" if PLAIN else "300"))
ALONE_EVERY, CUT_EVERY, ROW_BY_ROW_EVERY = 3, 3, 15
"""What costs more than all the rest is asked of every so many-th seed."""
PEOPLE = 200
"""Among so many all there is has to turn up."""
ALWAYS = ("stance_time_s", "swing_time_s", "stance_fraction")
"""May be null, and never are: the contact that ends a stride has told the release in it before."""
ORDINARY_SEEDS = 40

STRIDE_MOST_NS, STEP_MOST_NS, FLAT_NS = 3 * S, 2 * S, 25 * MS
MISSING_NS, MISSING_SHARE = 50 * MS, 0.05
RESET_GAP_NS = round(FootParams().reset_gap_s * S)
"""The pipeline's own choice: in a gap longer than that a contact may be lost."""
FOOT_MOVES_NS = 100 * MS
"""So long before the foot is seen to move its release may be dated; what happens between is laid to the stance."""
FLOAT32_DEG = 180.0 * FLOAT32

RIGHT = {
    "contacts found within 50 ms": 0.95,
    "found contacts that are true within 50 ms": 0.95,
    "directions right": 0.98,
    "patterns right": 0.95,
    "stride lengths within 10 % or 5 cm": 0.90,
    "turn where it is due": 0.95,
    "start where it is due": 0.95,
    "stop where it is due": 0.95,
}
"""What share has to be right of ordinary people's contacts, all seeds together; of the first five, of their steady
ones.
"""


MANY = pytest.mark.skipif(PLAIN, reason="it takes more people than plain Python has time for")

CHECKS: dict[str, Callable[[Found], None]] = {}


def holds(sentence: str) -> Callable[[Callable[[Found], None]], Callable[[Found], None]]:
    """A sentence of the contract, and how it is checked."""

    def note(check: Callable[[Found], None]) -> Callable[[Found], None]:
        assert sentence not in CHECKS
        CHECKS[sentence] = check
        return check

    return note


# tables


@holds("columns, types, no NaN, null only where it may be")
def _(found: Found) -> None:
    types = {"string": str, "int64": int, "float32": float, "bool": bool}
    for table in ANALYSIS:
        for row in found.tables[table.name]:
            assert tuple(row) == table.column_names
            for column in table.columns:
                value = row[column.name]
                assert column.nullable if value is None else type(value) is types[column.dtype], (column.name, value)
                if isinstance(value, float):
                    assert math.isfinite(value), column.name
                    assert value == float(np.float32(value)), f"{column.name} is no float32"


@holds("rows are sorted by time, then left before right, no two alike")
def _(found: Found) -> None:
    for table in ANALYSIS:
        keys = [tuple(row[name] for name in table.sorted_by) for row in found.tables[table.name]]
        assert all(one < two for one, two in pairwise(keys)), table.name


@holds("enumerations, and quality: known reasons, sorted, joined by ;")
def _(found: Found) -> None:
    for table in ANALYSIS:
        for row in found.tables[table.name]:
            assert row["direction"] in DIRECTIONS
            assert row.get("pattern", "flat") in PATTERNS
            assert row.get("foot", row.get("stance_foot")) in found.feet
            told = str(row["quality"]).split(";") if row["quality"] else []
            assert told == sorted(set(told) & set(REASONS)), row["quality"]


@holds("contacts: first part, other end, last part; provisional before final; nothing before it can be known")
def _(found: Found) -> None:
    for row in found.contacts:
        contact, second, release = (row[f"t_{name}_ns"] for name in ("contact", "second", "release"))
        assert second is None or contact <= second
        assert release is None or contact <= release
        assert second is None or release is None or second <= release, "the other end lands before the last part leaves"
        assert contact <= row["t_emitted_ns"]
        assert row["t_provisional_ns"] is None or row["t_provisional_ns"] <= row["t_emitted_ns"]
        assert 0.0 <= row["confidence"] <= 1.0
        assert row["foot_angle_deg"] is None or abs(row["foot_angle_deg"]) <= 180.0
        if row["pattern"] == "flat" and row["foot_angle_deg"] is not None and second is not None:
            assert abs(row["foot_angle_deg"]) <= 5.0 or second - contact <= FLAT_NS
    for foot in found.feet:
        for one, two in pairwise(found.of_foot(foot)):
            assert one["t_contact_ns"] < two["t_contact_ns"]
            assert one["t_emitted_ns"] <= two["t_emitted_ns"]
            for name in ("t_second_ns", "t_release_ns"):
                assert one[name] is None or one[name] <= two["t_contact_ns"], name


@holds("no time lies outside of its sensor's recording")
def _(found: Found) -> None:
    for row in found.contacts:
        span = found.accepted[sensor_of(row["foot"])].t_ns[[0, -1]]
        for name in CONTACTS.column_names:
            if name.startswith("t_") and row[name] is not None:
                assert span[0] <= row[name] <= span[1], name


@holds("a foot's first contact has the reason start, and so has the first one after a reset")
def _(found: Found) -> None:
    for foot in found.feet:
        rows, contacts = found.accepted[sensor_of(foot)], found.of_foot(foot)
        assert all("start" in reasons(row) for row in contacts[:1])
        for one, two in pairwise(contacts):
            hole = rows.inner(one["t_emitted_ns"], two["t_contact_ns"])
            reset = (rows.lost[hole] > 0) & (rows.elapsed_ns[hole] > RESET_GAP_NS)
            assert "start" in reasons(two) or not reset.any()


@holds("reasons gap and saturated have their cause in the samples since the contact before")
def _(found: Found) -> None:
    for foot in found.feet:
        rows, before = found.accepted[sensor_of(foot)], 0
        report = found.pipeline.reports[sensor_of(foot)]
        for row in found.of_foot(foot):
            until = row["t_emitted_ns"]
            assert "gap" not in reasons(row) or not rows.whole(before, until) or not rows.counts_on
            if "saturated" in reasons(row):
                # or on an axis that shows its limit by itself
                assert rows.clipped[rows.gaps(before, until)].any() or report.saturated > rows.clipped.sum()
            before = row["t_contact_ns"]


@holds("what is lost or at its limit within a swing is among its contact's reasons")
def _(found: Found) -> None:
    for foot in found.feet:
        rows = found.accepted[sensor_of(foot)]
        for one, two in pairwise(found.of_foot(foot)):
            if one["t_release_ns"] is None:
                continue
            swing = rows.inner(one["t_release_ns"] + FOOT_MOVES_NS, two["t_contact_ns"])
            assert "gap" in reasons(two) or (rows.lost[swing] <= 0).all()
            assert "saturated" in reasons(two) or not rows.clipped[swing].any()


@holds("at_end marks what flush decided, and nothing else")
def _(found: Found) -> None:
    for events, wanted in ((found.told, False), (found.told_at_end, True)):
        for event in events:
            assert event.kind != "contact" or ("at_end" in reasons(event.row)) == wanted


@holds("before an unknown mounting is resolved pattern and direction are uncertain and there is no foot angle")
def _(found: Found) -> None:
    resolved = {one["sensor"]: one["t_ns"] for one in found.summary["calibrations"] if one["kind"] == "mounting"}
    assert all(found.session.sensors[sensor].mounting is None for sensor in resolved)
    for row in found.contacts:
        sensor = sensor_of(row["foot"])
        if found.session.sensors[sensor].mounting is None and row["t_emitted_ns"] < resolved.get(sensor, math.inf):
            assert (row["pattern"], row["direction"], row["foot_angle_deg"]) == ("uncertain", "uncertain", None)


# strides


@holds("a stride is a contact to the foot's next one, within 3 s, and says what the two say")
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


@holds("a stride's speed is its length over its time, negative = backward, null if uncertain")
def _(found: Found) -> None:
    for row in found.strides:
        length_m, direction = row["stride_length_m"], row["direction"]
        assert length_m is None or length_m >= 0.0
        assert (row["speed_m_s"] is None) == (length_m is None or direction == "uncertain")
        if row["speed_m_s"] is not None:
            sign = -1.0 if direction == "backward" else 1.0
            assert close(row["speed_m_s"], sign * length_m / row["stride_time_s"])


@holds("two contacts within 3 s are a stride unless one between them may be lost")
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


@holds("a stride has no length across a gap of more than 2 samples in its swing")
def _(found: Found) -> None:
    for row in found.strides:
        rows = found.accepted[sensor_of(row["foot"])]
        if row["t_release_ns"] is not None and rows.counts_on:
            swing = rows.inner(row["t_release_ns"], row["t_end_ns"])
            assert row["stride_length_m"] is None or (rows.lost[swing] <= 2).all()


# steps


@holds("a step is two contacts that follow each other, of different feet, at most 2 s apart")
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


@holds("two such contacts are a step unless there is a gap; two of the same foot are a broken alternation")
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


@holds("pelvis columns: a drop is no rise, and is less than the robust one and the range; all of them or none")
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


@holds("pelvis columns are null with over 5 % or 50 ms of the step missing")
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


@holds("tilt and the drop's peak are against the last quiet standing before the step, null without")
def _(found: Found) -> None:
    levels = [one["t_ns"] for one in found.summary["calibrations"] if one["kind"] == "standing"]
    assert levels == sorted(levels)
    for row in found.steps:
        if row["pelvic_drop_deg"] is not None:
            assert (row["tilt_deg"] is not None) == any(t_ns <= row["t_start_ns"] for t_ns in levels)


# events


@holds("tables are the fold of the events; a contact that is out never changes")
def _(found: Found) -> None:
    contacts: dict[Any, Row] = {}
    strides: list[Any] = []
    steps: list[Any] = []
    for event in found.events:
        row = event.row
        if event.kind == "contact":
            assert (row["t_second_ns"], row["t_release_ns"]) == (None, None)
            assert (row["foot"], row["t_emitted_ns"]) == (event.foot, event.t_emitted_ns)
            assert (row["foot"], row["t_contact_ns"]) not in contacts
            contacts[row["foot"], row["t_contact_ns"]] = dict(row)
        elif event.kind in ("second", "release"):
            name = f"t_{event.kind}_ns"
            assert row.keys() == {"foot", "t_contact_ns", name}
            assert contacts[row["foot"], row["t_contact_ns"]][name] is None, "it is told once"
            contacts[row["foot"], row["t_contact_ns"]][name] = row[name]
        elif event.kind == "stride":
            strides.append(row)
        elif event.kind == "step":
            assert event.t_emitted_ns >= row["t_end_ns"]
            steps.append(row)
    assert sorted(contacts.values(), key=lambda row: (row["t_contact_ns"], row["foot"])) == found.contacts
    strides.sort(key=lambda row: (row["t_start_ns"], row["foot"]))
    assert [{**row, "stride_id": k} for k, row in enumerate(strides)] == found.strides
    assert sorted(steps, key=lambda row: (row["t_start_ns"], row["stance_foot"])) == found.steps


@holds("a foot's events leave in order, each with a sample of that foot")
def _(found: Found) -> None:
    for foot in found.feet:
        own = [event for event in found.events if event.foot == foot and event.kind != "step"]
        emitted = [event.t_emitted_ns for event in own]
        assert emitted == sorted(emitted)
        assert np.isin(emitted, found.accepted[sensor_of(foot)].t_ns).all()
        provisional = {event.t_emitted_ns for event in own if event.kind == "contact_provisional"}
        assert {row["t_provisional_ns"] for row in found.of_foot(foot)} - {None} <= provisional


@holds("a foot's events wait for no other sensor")
def _(found: Found) -> None:
    if found.seed % ALONE_EVERY or len(found.samples) == 1:
        return
    for foot in found.feet:
        alone = Found.of(found.seed, Walked(found.session, {(s := sensor_of(foot)): found.samples[s]}, found.recording))
        assert alone.events == [event for event in found.events if event.foot == foot and event.kind != "step"]


# streams


@holds("how the streams are cut and interleaved changes no bit, nor does a second time; the input stays as it is")
def _(found: Found) -> None:
    before = {sensor: asdict(rows) for sensor, rows in found.samples.items()}
    pipeline = Pipeline(found.session, list(found.samples))
    sent = live if found.seed % 2 else packets
    for sensor, rows in sent(found.samples, np.random.default_rng(found.seed)):
        events = pipeline.push(sensor, rows)
        keys = [(event.t_emitted_ns, event.foot) for event in events]
        assert keys == sorted(keys), "events of a push leave in order"
    pipeline.flush()
    assert said_of(pipeline) == said_of(found.pipeline)
    for sensor, rows in found.samples.items():
        for field in fields(rows):
            assert before[sensor][field.name].tobytes() == getattr(rows, field.name).tobytes()


@holds("row by row all events leave in order of (t_emitted_ns, left before right), none early, and no bit is changed")
def _(found: Found) -> None:
    if found.seed % ROW_BY_ROW_EVERY:
        return
    order = sorted(
        (int(newest), sensor, row)
        for sensor, rows in found.samples.items()
        for row, newest in enumerate(np.maximum.accumulate(rows.t_ns))
    )
    pipeline = Pipeline(found.session, list(found.samples))
    keys: list[tuple[int, str]] = []
    for newest, sensor, row in order:
        for event in pipeline.push(sensor, found.samples[sensor][row : row + 1]):
            assert event.t_emitted_ns <= newest
            if event.kind != "step":
                assert event.t_emitted_ns == newest
                assert foot_of(sensor) == event.foot
                keys.append((event.t_emitted_ns, event.foot))
    assert keys == sorted(keys)
    pipeline.flush()
    assert said_of(pipeline) == said_of(found.pipeline)


@holds("cut just after t_emitted_ns a contact is out and equal, cut one sample earlier it is not")
def _(found: Found) -> None:
    if found.seed % CUT_EVERY:
        return
    contacts = [event for event in found.told if event.kind == "contact"]
    for event in contacts[:: 1 + len(contacts) // 3]:
        own = sensor_of(event.foot)
        newest = int(np.flatnonzero(np.maximum.accumulate(found.samples[own].t_ns) >= event.t_emitted_ns)[0])
        until = {sensor: rows.where(rows.t_ns <= event.t_emitted_ns) for sensor, rows in found.samples.items()}
        for rows, out in ((newest + 1, True), (newest, False)):
            parts = {**until, own: found.samples[own][:rows]}
            pipeline = Pipeline(found.session, list(parts))
            told = [told for sensor, rows in parts.items() for told in pipeline.push(sensor, rows)]
            assert (event in told) == out
            if not out:
                alike = [
                    one
                    for one in told
                    if one.kind == "contact" and one.row["t_contact_ns"] == event.row["t_contact_ns"]
                ]
                assert not alike


# the summary


@holds("counts of samples and repairs are those of the rows, and of what the link did")
def _(found: Found) -> None:
    for sensor, rows in found.accepted.items():
        told, repaired = found.summary["sensors"][sensor], found.summary["repairs"][sensor]
        assert told["samples"] == len(rows.t_ns)
        assert (repaired["late"], repaired["nan"]) == (rows.late, rows.nan)
        assert repaired["saturated"] >= rows.clipped.sum()
        if not rows.counts_on:
            continue
        assert told["lost"] == rows.lost.sum()
        assert told["gaps"] == (rows.lost > 0).sum()
        if len(rows.t_ns) > 1:
            rate_hz = (rows.seq[-1] - rows.seq[0]) * S / (rows.t_ns[-1] - rows.t_ns[0])
            assert told["rate_hz"] == round(float(rate_hz), 3)


@holds("the link did what the summary says: a sample is there, or lost, or came too late")
def _(found: Found) -> None:
    for sensor, samples in found.samples.items():
        model, rows, told = found.recording.sensors[sensor], found.accepted[sensor], found.summary["sensors"][sensor]
        if not rows.counts_on or not len(rows.seq):
            continue
        made = how_many(model, found.recording.duration_s)
        first, last = int(rows.seq[0]), int(rows.seq[-1])
        assert 0 <= first <= last < made
        arrived = np.unique(samples.seq)
        never = last - first + 1 - len(arrived[(arrived >= first) & (arrived <= last)])
        in_vain = len(np.setdiff1d(arrived[(arrived >= first) & (arrived <= last)], rows.seq))
        assert told["lost"] == never + in_vain
        link, clock = model.link, model.clock
        if not (link.lost_share or link.late_share or link.gaps_s):
            assert never == 0
            if not (link.duplicate_share or clock.jitter_s or rows.nan):
                assert found.summary["repairs"][sensor]["late"] == in_vain == 0


@holds("lengths, starts and ends of the sensors, and what is absent")
def _(found: Found) -> None:
    spans = {sensor: rows.t_ns[[0, -1]] / S for sensor, rows in found.accepted.items()}
    begin, end = min(span[0] for span in spans.values()), max(span[1] for span in spans.values())
    assert close(found.summary["duration_s"], end - begin)
    for sensor, (first, last) in spans.items():
        repaired = found.summary["repairs"][sensor]
        assert abs(repaired["starts_late_s"] - (first - begin)) <= 0.000501
        assert abs(repaired["ends_early_s"] - (end - last)) <= 0.000501
    absent = found.session.sensors.keys() - found.samples.keys()
    assert {sensor for sensor, told in found.summary["repairs"].items() if "absent" in told} == absent
    left_out = {entry["what"] for entry in found.summary["left_out"]}
    assert absent <= left_out
    assert found.summary["sensors"].keys() == found.samples.keys()
    resolved = {one.get("sensor") for one in found.summary["calibrations"]}
    for sensor in found.samples:
        unknown = found.session.sensors[sensor].mounting is None and sensor not in resolved
        assert (f"{sensor} mounting" in left_out) == unknown


@holds("a sensor of whose rows fewer than half are usable is refused, and no other")
def _(found: Found) -> None:
    poor = [sensor for sensor, rows in found.accepted.items() if len(rows.t_ns) < 0.5 * len(found.samples[sensor])]
    if not poor:
        found.pipeline.check_usable()
        return
    with pytest.raises(UnusableRecording, match=r"^[^\n]+$") as refused:
        found.pipeline.check_usable()
    assert refused.value.sensor in poor


@holds("the summary is what plain Python makes of the tables")
def _(found: Found) -> None:
    summary = found.summary
    told = {name for table in found.tables.values() for name in {str(row["direction"]) for row in table}}
    assert summary["directions"].keys() == told
    left_out = {entry["what"]: entry["why"] for entry in summary["left_out"]}
    for direction, part in summary["directions"].items():
        rows = {name: [row for row in table if row["direction"] == direction] for name, table in found.tables.items()}
        assert all(part[name] == len(table) for name, table in rows.items())
        wanted = figures(
            *([row for row in rows[name] if not row["quality"]] for name in ("contacts", "strides", "steps"))
        )
        flat = {
            f"{name}.{side}" if side else name: value for name in part for side, value in sides(part.get(name)).items()
        }
        for name, (figure, n) in wanted.items():
            told_figure = flat[name]
            assert alike(told_figure, figure), (direction, name, told_figure, figure)
            why = left_out.get(f"directions.{direction}.{name}", "")
            assert (figure is None) == bool(why)
            assert figure is not None or (n < LEAST_N and why.startswith(f"{n} "))
    # NaN is refused
    assert canonical_json(summary)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_contract_holds(seed: int) -> None:
    found = Found.of(seed, random_session(seed))
    for sentence, check in CHECKS.items():
        try:
            check(found)
        except AssertionError as broken:
            broken.add_note(f"seed {seed} breaks: {sentence}")
            raise


@MANY
def test_the_people_bring_out_all_there_is() -> None:
    """Lest the sentences hold for want of anything to hold of."""
    told: Counter[Any] = Counter()
    for seed in range(PEOPLE):
        found = Found.of(seed, random_session(seed))
        told.update(event.kind for event in found.events)
        for row in chain(found.contacts, found.strides, found.steps):
            told.update([row["direction"], row.get("pattern"), *reasons(row)])
            told.update(name for name, value in row.items() if value is not None)
            told.update(f"no {name}" for name, value in row.items() if value is None)
        for repaired in found.summary["repairs"].values():
            told.update(name for name, times in repaired.items() if times)
        told.update(one["kind"] for one in found.summary["calibrations"])
        told.update(entry["what"].split()[-1] for entry in found.summary["left_out"])
        told.update(reasons_at_a_cut(found))
        told["broken_alternation"] += found.summary["broken_alternation"]
        told.update(
            name
            for part in found.summary["directions"].values()
            for name, figure in part.items()
            if any(value is not None for value in sides(figure).values())
        )
    columns = {column for table in ANALYSIS for column in table.columns}
    wanted = {
        *("contact_provisional", "contact", "second", "release", "stride", "step"),
        *DIRECTIONS,
        *PATTERNS,
        *REASONS,
        *(column.name for column in columns),
        *(f"no {column.name}" for column in columns if column.nullable and column.name not in ALWAYS),
        *("late", "nan", "saturated", "clock_jumps", "jitter", "starts_late_s", "ends_early_s", "absent"),
        *("standing", "mounting", "broken_alternation"),
        *("cadence_spm", "toe_first_share", "uncertain_share", "stance_fraction", "stride_length_m", "speed_m_s"),
    }
    assert {what for what in wanted if not told[what]} == set()


def reasons_at_a_cut(found: Found) -> set[str]:
    """Of contacts that are left to flush where a foot falls silent a sample before its middle contact is settled."""
    told: set[str] = set()
    for foot in found.feet:
        contacts, rows = found.of_foot(foot), found.samples[sensor_of(foot)]
        if contacts:
            until = rows.where(rows.t_ns < contacts[len(contacts) // 2]["t_emitted_ns"])
            cut = Found.of(found.seed, Walked(found.session, {sensor_of(foot): until}, found.recording))
            told |= {reason for event in cut.told_at_end if event.kind == "contact" for reason in reasons(event.row)}
    return told


@MANY
def test_ordinary_people_are_read_right() -> None:
    told: Counter[tuple[str, bool]] = Counter()
    for seed in range(ORDINARY_SEEDS):
        told += tally(Found.of(seed, ordinary_session(seed)))
    shares = {what: told[what, True] / (told[what, True] + told[what, False]) for what in RIGHT}
    assert {what: share for what, share in shares.items() if share < RIGHT[what]} == {}
