import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.canonical import canonical_json
from imu.core.errors import UnusableRecording
from imu.core.samples import Samples
from imu.core.session import Session
from imu.core.tables import CONTACTS, STEPS, STRIDES
from imu.pipeline import Params, Pipeline
from imu.simulate import Clock, Link, Person, Protocol, Stand, Turn, Walk, simulate, usual_sensors

PELVIS_COLUMNS = STEPS.column_names[6:-1]
THERE_AND_BACK = Protocol(
    segments=(
        Stand(seconds=6.0),
        Walk(direction="forward", steps=14),
        Turn(degrees=90.0),
        Walk(direction="backward", steps=30),
        Stand(seconds=2.0),
    )
)


def joined(blocks):
    parts = [block for block in blocks if len(block)]
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))


def recorded(**changes):
    """A session and its rows; a change replaces a sensor's model, None takes it off."""
    worn = {name: changes.get(name, model) for name, model in usual_sensors().items()}
    recording = simulate(Person(), THERE_AND_BACK, {n: m for n, m in worn.items() if m is not None}, seed=3)
    return recording.session, {name: joined(recording.samples(name)) for name in recording.sensors}, recording


@pytest.fixture(scope="module")
def walked():
    return recorded()


@pytest.fixture(scope="module")
def ragged():
    """Three rates and three starts, and all that befalls a link."""
    worn = usual_sensors()
    bad = Link(packet_samples=8, lost_share=0.02, late_share=0.02, duplicate_share=0.02, gaps_s=((14.0, 14.6),))
    return recorded(
        foot_left=replace(worn["foot_left"], clock=Clock(offset_s=0.35, jitter_s=0.0008), link=bad),
        foot_right=replace(worn["foot_right"], rate_hz=104.0, clock=Clock(offset_s=1.1, drift_ppm=80.0)),
        pelvis=replace(worn["pelvis"], rate_hz=100.0, link=replace(bad, gaps_s=((22.0, 23.5),))),
    )


def found_in(session, rows, present=None):
    pipeline = Pipeline(session, rows.keys() if present is None else present)
    events = []
    for sensor, samples in rows.items():
        events += pipeline.push(sensor, samples)
    return pipeline, events + pipeline.flush()


def everything(pipeline):
    return pipeline.tables(), canonical_json(pipeline.summary())


def of_direction(summary, name):
    return {direction: part[name] for direction, part in summary["directions"].items()}


# a stream is a stream, however it comes


@settings(max_examples=10)
@given(data=st.data())
def test_neither_cuts_nor_the_order_of_arrival_change_a_bit(ragged, data):
    session, rows, _ = ragged
    whole, _ = found_in(session, rows)
    pipeline = Pipeline(session, rows.keys())
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    parts = []
    for sensor, samples in rows.items():
        cuts = sorted(rng.integers(0, len(samples) + 1, rng.integers(0, 60)).tolist())
        edges = [0, *cuts, len(samples)]
        parts.append([(sensor, samples[a:b]) for a, b in pairwise(edges)])
    while any(parts):
        waiting = [part for part in parts if part]
        pipeline.push(*waiting[rng.integers(len(waiting))].pop(0))
    pipeline.flush()
    assert everything(pipeline) == everything(whole)


def test_sample_by_sample_is_the_same(walked):
    session, rows, _ = walked
    rows = {sensor: samples[:4000] for sensor, samples in rows.items()}
    pipeline = Pipeline(session, rows.keys())
    for i in range(4000):
        for sensor, samples in rows.items():
            pipeline.push(sensor, samples[i : i + 1])
    pipeline.flush()
    assert everything(pipeline) == everything(found_in(session, rows)[0])


def test_tables_are_the_fold_of_the_events(ragged):
    session, rows, _ = ragged
    pipeline, events = found_in(session, rows)
    contacts, strides, steps = {}, [], []
    for event in events:
        if event.kind == "contact":
            contacts[event.foot, event.row["t_contact_ns"]] = dict(event.row)
        elif event.kind in ("second", "release"):
            contacts[event.foot, event.row["t_contact_ns"]].update(event.row)
        elif event.kind == "stride":
            strides.append(event.row)
        elif event.kind == "step":
            steps.append(event.row)
    tables = pipeline.tables()
    assert sorted(contacts.values(), key=lambda row: (row["t_contact_ns"], row["foot"])) == tables[CONTACTS.name]
    strides.sort(key=lambda row: (row["t_start_ns"], row["foot"]))
    assert [row | {"stride_id": k} for k, row in enumerate(strides)] == tables[STRIDES.name]
    assert sorted(steps, key=lambda row: (row["t_start_ns"], row["stance_foot"])) == tables[STEPS.name]


@pytest.mark.parametrize("worn", [("foot_left", "foot_right"), ("pelvis", "foot_right", "foot_left")])
def test_events_of_a_push_leave_in_order_of_the_sample_that_settles_them(ragged, worn):
    session, rows, _ = ragged
    rows = {sensor: rows[sensor] for sensor in worn}
    pipeline = Pipeline(session, rows.keys())
    told = [pipeline.push(sensor, samples) for sensor, samples in rows.items()] + [pipeline.flush()]
    assert sum(map(len, told)) > 100
    assert {"contact", "step"} <= {event.kind for event in told[len(worn) - 1]}
    for events in told:
        keys = [(event.t_emitted_ns, event.foot) for event in events]
        assert keys == sorted(keys)


def test_a_foots_events_wait_for_no_other_sensor(walked):
    """Whatever the rest of the body does, a foot's events are those that it would have alone."""
    session, rows, _ = walked
    alone, events = found_in(session, {"foot_left": rows["foot_left"]})
    pipeline = Pipeline(session, rows.keys())
    own = pipeline.push("foot_left", rows["foot_left"])
    assert own == [event for event in events if event in own]
    assert {event.kind for event in own} == {"contact_provisional", "contact", "second", "release", "stride"}
    assert len(own) > 0.9 * len(events)
    assert not alone.tables()[STEPS.name]


# tables keep what the contract says


def test_tables_keep_the_contracts_order_and_rules(ragged):
    session, rows, _ = ragged
    tables = found_in(session, rows)[0].tables()
    contacts, strides, steps = (tables[table.name] for table in (CONTACTS, STRIDES, STEPS))
    for table, held in ((CONTACTS, contacts), (STRIDES, strides), (STEPS, steps)):
        keys = [tuple(row[name] for name in table.sorted_by) for row in held]
        assert keys == sorted(keys)
        assert len(set(keys)) == len(keys) > 10
    assert [row["stride_id"] for row in strides] == list(range(len(strides)))
    known = {(row["foot"], row["t_contact_ns"]): row for row in contacts}
    for row in strides:
        first, last = known[row["foot"], row["t_start_ns"]], known[row["foot"], row["t_end_ns"]]
        assert 0 < row["t_end_ns"] - row["t_start_ns"] <= 3_000_000_000
        assert not any(foot == row["foot"] and row["t_start_ns"] < t < row["t_end_ns"] for foot, t in known)
        assert (row["pattern"], row["direction"]) == (first["pattern"], last["direction"])
        assert row["t_release_ns"] == first["t_release_ns"]
        assert {*first["quality"].split(";"), *last["quality"].split(";")} - {""} <= {*row["quality"].split(";")}
    times = sorted(t for _, t in known)
    for row in steps:
        other = "right" if row["stance_foot"] == "left" else "left"
        assert 0 < row["t_end_ns"] - row["t_start_ns"] <= 2_000_000_000
        assert times.index(row["t_end_ns"]) - times.index(row["t_start_ns"]) == 1
        first, last = known[row["stance_foot"], row["t_start_ns"]], known[other, row["t_end_ns"]]
        assert row["direction"] == last["direction"]
        assert {*first["quality"].split(";"), *last["quality"].split(";")} - {""} <= {*row["quality"].split(";")}
        assert row["pelvic_drop_deg"] is None or row["pelvic_drop_deg"] >= 0


def test_what_the_simulator_did_is_found(walked):
    session, rows, recording = walked
    pipeline, _ = found_in(session, rows)
    summary, truth = pipeline.summary(), recording.truth_contacts
    for direction, steps in (("forward", 14), ("backward", 30)):
        true = sum(row["direction"] == direction for row in truth)
        assert abs(summary["directions"][direction]["contacts"] - true) <= 2
        assert summary["directions"][direction]["steps"] >= steps - 3
    assert summary["directions"]["backward"]["toe_first_share"]["left"] == 1.0
    assert summary["directions"]["backward"]["speed_m_s"]["mean"] < 0
    twice = [a for a, b in pairwise(truth) if a["foot"] == b["foot"] and b["t_contact_ns"] - a["t_contact_ns"] <= 2e9]
    assert summary["broken_alternation"] == len(twice)


# sensors that are not there


@pytest.mark.parametrize("foot", ["left", "right"])
def test_one_foot_has_contacts_and_strides_and_no_steps(walked, foot):
    session, rows, _ = walked
    both = found_in(session, rows)[0].tables()
    one = {name: rows[name] for name in (f"foot_{foot}", "pelvis")}
    pipeline, _ = found_in(session, one)
    tables, summary = pipeline.tables(), pipeline.summary()
    assert tables[CONTACTS.name] == [row for row in both[CONTACTS.name] if row["foot"] == foot]
    numbers = [row | {"stride_id": 0} for row in both[STRIDES.name] if row["foot"] == foot]
    assert [row | {"stride_id": 0} for row in tables[STRIDES.name]] == numbers
    assert tables[STEPS.name] == []
    assert summary["broken_alternation"] == 0
    other = "foot_right" if foot == "left" else "foot_left"
    assert {"what": other, "why": f"no samples in raw/{other}.parquet"} in summary["left_out"]
    assert other not in summary["sensors"]


def test_without_a_pelvis_its_columns_are_null_and_the_others_stay(walked):
    session, rows, _ = walked
    with_pelvis = found_in(session, rows)[0].tables()
    pipeline, _ = found_in(session, {name: rows[name] for name in ("foot_left", "foot_right")})
    tables, summary = pipeline.tables(), pipeline.summary()
    for name in (CONTACTS.name, STRIDES.name):
        assert tables[name] == with_pelvis[name]
    assert len(tables[STEPS.name]) == len(with_pelvis[STEPS.name])
    for row, full in zip(tables[STEPS.name], with_pelvis[STEPS.name], strict=True):
        assert [row[name] for name in PELVIS_COLUMNS] == [None] * len(PELVIS_COLUMNS)
        for name in STEPS.column_names[:6]:
            assert row[name] == full[name]
    assert set(of_direction(summary, "pelvic_drop_deg")) == set(summary["directions"])
    assert summary["left_out"][0] == {"what": "pelvis", "why": "no samples in raw/pelvis.parquet"}


def test_a_session_that_names_no_pelvis_misses_none(walked):
    session, rows, _ = walked
    named = {name: session.document["sensors"][name] for name in ("foot_left", "foot_right")}
    session = Session.parse({**session.document, "sensors": named})
    pipeline, _ = found_in(session, {name: rows[name] for name in named})
    assert not any(entry["what"] == "pelvis" for entry in pipeline.summary()["left_out"])


@pytest.mark.parametrize("sensor", ["pelvis", "foot_right"])
def test_samples_of_a_sensor_that_was_not_announced_are_refused(walked, sensor):
    session, rows, _ = walked
    pipeline = Pipeline(session, ("foot_left",))
    with pytest.raises(ValueError, match=f"{sensor}.*foot_left"):
        pipeline.push(sensor, rows[sensor])


# the summary


def test_the_summary_says_what_was_lost_and_repaired(ragged):
    session, rows, _ = ragged
    pipeline, _ = found_in(session, rows)
    summary = pipeline.summary()
    for sensor, samples in rows.items():
        newest = np.maximum.accumulate(samples.t_ns)
        kept = np.concatenate([[True], samples.t_ns[1:] > newest[:-1]])
        assert summary["sensors"][sensor]["samples"] == kept.sum()
        assert summary["repairs"][sensor]["late"] == (~kept).sum()
        assert summary["sensors"][sensor]["lost"] == np.diff(samples.seq[kept]).sum() - kept.sum() + 1
        stated = session.sensors[sensor].rate_hz
        assert summary["sensors"][sensor]["rate_hz"] == pytest.approx(stated, rel=2e-4)
    assert summary["repairs"]["foot_left"]["late"] > 0
    assert summary["sensors"]["pelvis"]["gaps"] > 0
    begin = min(samples.t_ns[0] for samples in rows.values())
    end = max(samples.t_ns.max() for samples in rows.values())
    assert summary["duration_s"] == pytest.approx((end - begin) / 1e9, abs=1e-6)
    assert [entry["kind"] for entry in summary["calibrations"]].count("standing") >= 1


def test_no_stride_or_step_spans_a_gap_in_which_a_contact_may_be_lost(ragged):
    session, rows, _ = ragged
    tables = found_in(session, rows)[0].tables()
    samples = rows["foot_left"]
    order = np.argsort(samples.t_ns, kind="stable")
    k = int(np.argmax(np.diff(samples.t_ns[order])))
    before, after = samples.t_ns[order][k : k + 2].tolist()
    assert after - before >= 500_000_000
    spans = [row for row in tables[STRIDES.name] if row["foot"] == "left"] + tables[STEPS.name]
    assert not any(row["t_start_ns"] < before and row["t_end_ns"] > after for row in spans)


def test_a_mounting_that_is_not_known_is_worked_out_and_told():
    worn = {name: replace(model, mounting_known=False) for name, model in usual_sensors().items()}
    session, rows, _ = recorded(**worn)
    pipeline, _ = found_in(session, rows)
    summary = pipeline.summary()
    mountings = {entry["sensor"]: entry for entry in summary["calibrations"] if entry["kind"] == "mounting"}
    untold = {entry["what"] for entry in summary["left_out"] if entry["what"].endswith(" mounting")}
    assert {*(f"{sensor} mounting" for sensor in rows if sensor not in mountings)} == untold
    assert {"foot_left", "foot_right"} <= mountings.keys()
    for row in pipeline.tables()[CONTACTS.name]:
        if row["t_emitted_ns"] < mountings[f"foot_{row['foot']}"]["t_ns"]:
            assert (row["pattern"], row["direction"], row["foot_angle_deg"]) == ("uncertain", "uncertain", None)


# what can't be saved


@pytest.mark.parametrize("sensor", ["foot_left", "pelvis"])
def test_a_few_absurd_values_cost_no_more_than_their_own_samples(walked, sensor):
    session, rows, _ = walked
    samples = rows[sensor]
    acc, gyr = samples.acc.copy(), samples.gyr.copy()
    acc[3000, 0], gyr[[2000, 3400], 1] = 1e30, (3e38, -3e38)
    broken, lost = samples.gyr.copy(), [2000, 3000, 3400]
    broken[lost] = math.nan
    pipeline, _ = found_in(session, {**rows, sensor: replace(samples, acc=acc, gyr=gyr)})
    assert everything(pipeline) == everything(found_in(session, {**rows, sensor: replace(samples, gyr=broken)})[0])
    assert pipeline.summary()["repairs"][sensor]["nan"] == 3


def test_half_of_the_rows_are_enough_and_fewer_are_refused(walked):
    session, rows, _ = walked
    samples = rows["foot_left"][:1000]
    for bad, ok in ((500, True), (501, False)):
        acc = samples.acc.copy()
        acc[np.arange(bad) * 1000 // bad] = math.nan
        pipeline, _ = found_in(session, {"foot_left": replace(samples, acc=acc)})
        if ok:
            pipeline.check_usable()
            continue
        with pytest.raises(UnusableRecording, match=r"^foot_left: only 499 of 1000 rows") as caught:
            pipeline.check_usable()
        assert (caught.value.sensor, caught.value.usable, caught.value.rows) == ("foot_left", 499, 1000)
        assert "\n" not in str(caught.value)


def test_a_reversed_clock_is_named_as_the_likely_slip(walked):
    session, rows, _ = walked
    samples = rows["pelvis"]
    pipeline, _ = found_in(session, {**rows, "pelvis": replace(samples, t_ns=samples.t_ns[::-1])})
    with pytest.raises(UnusableRecording, match=r"pelvis.*reversed clock"):
        pipeline.check_usable()


def test_a_sensor_that_brought_no_rows_is_left_out_as_long_as_there_is_a_foot(walked):
    session, rows, _ = walked
    pipeline, _ = found_in(session, {"foot_left": rows["foot_left"]}, present=("foot_left", "pelvis"))
    pipeline.check_usable()
    summary = pipeline.summary()
    assert "pelvis" not in summary["sensors"]
    assert summary["repairs"]["pelvis"] == {"absent": 1}
    assert {"what": "pelvis", "why": "no samples in raw/pelvis.parquet"} in summary["left_out"]
    pipeline, _ = found_in(session, {"pelvis": rows["pelvis"]}, present=("foot_left", "pelvis"))
    with pytest.raises(UnusableRecording, match="foot_left"):
        pipeline.check_usable()


def test_parameters_are_plain_json():
    document = Params().document()
    assert canonical_json(document)
    assert document["foot"]["contact"]["delay_s"] > 0
