import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imu.core.errors import BadRawFile
from imu.core.session import Session
from imu.core.tables import ANALYSIS, AXES, CONTACTS, STEPS
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.reprocess import reprocess
from imu.simulate import Clock, Protocol, Stand, Walk, usual_sensors
from imu.simulate.link import joined
from imu.store.raw import raw_path, read_raw
from imu.store.schema import ARROW_TYPES
from imu.store.tables import is_analysed
from tests.reprocess.session_folders import (
    SIMULATED,
    WALK,
    analysis,
    contents,
    edit,
    rewrite,
    simulated,
    table,
    without_pelvis,
    write,
)

PELVIS_COLUMNS = list(STEPS.column_names[6:-1])


# recordings as they come


def test_a_pelvis_whose_file_is_absent_is_named(session, usual):
    raw_path(session, "pelvis").unlink()
    outcome = reprocess(session, session)
    without_pelvis(session, usual)
    assert table(session, STEPS.name)[PELVIS_COLUMNS].null_count().row(0) == (len(table(session, STEPS.name)),) * len(
        PELVIS_COLUMNS
    )
    assert {"what": "pelvis", "why": "no samples in raw/pelvis.parquet"} in outcome.summary["left_out"]
    assert "pelvis" not in outcome.summary["sensors"]


@pytest.mark.parametrize("foot", ["left", "right"])
def test_a_foot_whose_file_is_absent_is_named(session, usual, foot):
    other = "right" if foot == "left" else "left"
    raw_path(session, f"foot_{other}").unlink()
    outcome = reprocess(session, session)
    assert table(session, CONTACTS.name).equals(table(usual, CONTACTS.name).filter(pl.col("foot") == foot))
    assert len(table(session, STEPS.name)) == 0
    assert {"what": f"foot_{other}", "why": f"no samples in raw/foot_{other}.parquet"} in outcome.summary["left_out"]


def test_without_any_foot_it_is_refused(session):
    for foot in ("foot_left", "foot_right"):
        raw_path(session, foot).unlink()
    with pytest.raises(BadRawFile, match="at least one foot"):
        reprocess(session, session)
    assert not (session / "analysis").exists()


def test_rows_of_a_sensor_that_the_session_does_not_name_are_left_out_and_named(session, usual):
    edit(session, pelvis=None)
    outcome = reprocess(session, session)
    without_pelvis(session, usual)
    found = [entry for entry in outcome.summary["left_out"] if entry["what"] == "pelvis"]
    assert len(found) == 1
    assert "raw/pelvis.parquet" in found[0]["why"]
    assert "session.json" in found[0]["why"]


def test_rates_starts_and_lengths_may_differ(tmp_path):
    worn = usual_sensors()
    worn["foot_right"] = replace(worn["foot_right"], rate_hz=104.0, clock=Clock(offset_s=0.8))
    worn["pelvis"] = replace(worn["pelvis"], rate_hz=100.0, clock=Clock(offset_s=0.3))
    # offsets are the clock's: the motion itself is then as much later
    recording = simulated(worn=worn)
    folder = write(tmp_path / "walk", recording)
    rewrite(folder, "pelvis", lambda held: {name: values[:-500] for name, values in held.items()})
    outcome = reprocess(folder, folder)
    sensors = outcome.summary["sensors"]
    assert [sensors[name]["rate_hz"] for name in SIMULATED] == pytest.approx([200.0, 104.0, 100.0], rel=1e-4)
    true = sum(row["direction"] != "in_place" for row in recording.truth_contacts)
    walking = table(folder, CONTACTS.name).filter(pl.col("direction") != "in_place")
    assert abs(len(walking) - true) <= 3
    ends = [pq.read_table(raw_path(folder, name))["t_ns"].to_numpy()[[0, -1]].tolist() for name in SIMULATED]
    first, last = min(a for a, _ in ends), max(b for _, b in ends)
    assert outcome.summary["duration_s"] == pytest.approx((last - first) / 1e9, abs=1e-6)
    end = ends[2][1]
    late = table(folder, STEPS.name).filter(pl.col("t_start_ns") > end)
    assert len(late) > 0
    assert late["pelvic_drop_deg"].null_count() == len(late)
    assert table(folder, STEPS.name).filter(pl.col("t_end_ns") < end)["pelvic_drop_deg"].null_count() < 5


def much_alike(one, other):
    """The same contacts within what rounding of the samples may move them by."""
    a, b = table(one, CONTACTS.name), table(other, CONTACTS.name)
    assert a[["foot", "pattern", "direction", "quality"]].equals(b[["foot", "pattern", "direction", "quality"]])
    assert ((a["t_contact_ns"] - b["t_contact_ns"]).abs() < 2_000_000).all()
    a, b = table(one, STEPS.name)["pelvic_drop_deg"], table(other, STEPS.name)["pelvic_drop_deg"]
    assert ((a - b).abs().drop_nulls() < 0.05).all()


def test_counts_with_a_scale_say_the_same(tmp_path, usual):
    folder = write(tmp_path / "walk", simulated(), encoding="int16")
    assert pq.read_schema(raw_path(folder, "pelvis")).field("acc_x").type == pa.int16()
    reprocess(folder, folder)
    much_alike(folder, usual)


def test_g_and_degrees_say_the_same(session, usual):
    for sensor in SIMULATED:
        path = raw_path(session, sensor)
        held = pq.read_table(path)
        columns, fields = [], []
        for name in held.column_names:
            unit, factor = {"a": ("g", 1 / STANDARD_GRAVITY_M_S2), "g": ("deg/s", 180 / math.pi)}.get(
                name[0] if name in AXES else "", (None, None)
            )
            values = held[name].to_numpy()
            columns.append(pa.array(values if unit is None else (values * factor).astype(np.float32)))
            fields.append(pa.field(name, columns[-1].type, metadata=None if unit is None else {"unit": unit}))
        pq.write_table(pa.table(columns, schema=pa.schema(fields)), path)
    reprocess(session, session)
    much_alike(session, usual)


def test_files_that_are_no_ones_do_no_harm(session, usual):
    for name in ("events.parquet", "corrections.parquet", "notes.txt", "truth_contacts.parquet"):
        (session / name).write_bytes(b"not a Parquet file")
    for name in ("treadmill.parquet", "heart_rate.parquet", "thigh.parquet", ".DS_Store", "foot_left.parquet.tmp"):
        (session / "raw" / name).write_bytes(b"nor is this")
    (session / "analysis").mkdir()
    (session / "analysis" / "mine.csv").write_text("a,b")
    before = contents(session)
    reprocess(session, session)
    assert analysis(session) == analysis(usual)
    after = contents(session)
    assert {name: after[name] for name in before} == before


# too little


def short(tmp_path, protocol=None, rows=None):
    recording = simulated(protocol or WALK)
    folder = write(tmp_path / "short", recording)
    if rows is not None:
        for sensor in SIMULATED:
            rewrite(folder, sensor, lambda held: {name: values[:rows] for name, values in held.items()})
    return folder, reprocess(folder, folder).summary


@pytest.mark.parametrize("rows", [1, 2, 20])
def test_hardly_any_sample_makes_empty_tables_and_a_summary(tmp_path, rows):
    folder, summary = short(tmp_path, rows=rows)
    for described in ANALYSIS:
        held = pq.read_table(folder / "analysis" / f"{described.name}.parquet")
        assert held.num_rows == 0
        assert [field.type for field in held.schema] == [ARROW_TYPES[column.dtype] for column in described.columns]
    assert summary["directions"] == {}
    assert summary["duration_s"] == pytest.approx((rows - 1) / 200, abs=1e-6)
    for sensor in SIMULATED:
        assert summary["sensors"][sensor]["samples"] == rows
        assert summary["sensors"][sensor]["rate_hz"] == (None if rows == 1 else 200.0)
    assert is_analysed(folder)


def test_who_only_stands_has_no_contacts(tmp_path):
    folder, summary = short(tmp_path, Protocol(segments=(Stand(seconds=12.0),)))
    assert len(table(folder, CONTACTS.name)) == 0
    assert summary["directions"] == {}
    assert [entry["kind"] for entry in summary["calibrations"]] == ["standing"]


def test_a_few_steps_have_counts_and_no_figures(tmp_path):
    _, summary = short(
        tmp_path, Protocol(segments=(Stand(seconds=4.0), Walk(direction="backward", steps=6), Stand(seconds=2.0)))
    )
    part = summary["directions"]["backward"]
    assert part["contacts"] > 3
    assert part["cadence_spm"] is None
    named = {entry["what"] for entry in summary["left_out"]}
    assert {"directions.backward.cadence_spm", "directions.backward.pelvic_drop_deg.left"} <= named


# real recordings


@pytest.mark.parametrize("name", ["felius-good", "ipol-3-6", "ipol-7-1"])
def test_a_lossy_recording_is_analysed_and_says_what_was_lost(data_dir, tmp_path, name):
    source = data_dir / "sessions" / name
    if not source.is_dir():
        pytest.skip(f"{source} is not there; fetch that recording to run this test")
    outcome = reprocess(source, tmp_path)
    summary, recorded = outcome.summary, Session.parse(json.loads((source / "session.json").read_text("utf-8")))
    assert set(summary["sensors"]) == set(recorded.sensors)
    for sensor, setup in recorded.sensors.items():
        rows = joined(list(read_raw(raw_path(source, sensor), sensor, setup)))
        told, repairs = summary["sensors"][sensor], summary["repairs"][sensor]
        assert told["samples"] + repairs["late"] + repairs["nan"] == len(rows)
        newest = np.maximum.accumulate(rows.t_ns)
        kept = rows.seq[np.concatenate([[True], rows.t_ns[1:] > newest[:-1]])]
        ahead = np.diff(kept)
        # where the counter goes back, the clock says what is missing
        fewest = [(ahead[ahead > 0] - 1).sum(), (ahead > 1).sum()]
        assert (np.array([told["lost"], told["gaps"]]) >= fewest).all()
        assert [told["lost"], told["gaps"]] == fewest or (ahead < 1).any()
        assert told["lost"] > 0
        assert told["rate_hz"] == pytest.approx(setup.rate_hz, rel=0.01)
        assert any(entry["what"] == f"{sensor} mounting" for entry in summary["left_out"]) == (
            setup.mounting is None and not any(entry.get("sensor") == sensor for entry in summary["calibrations"])
        )
    assert len(table(tmp_path, CONTACTS.name)) > 20
    assert len(table(tmp_path, STEPS.name)) > 20
    for direction, part in summary["directions"].items():
        counted = table(tmp_path, CONTACTS.name).filter(pl.col("direction") == direction)
        marked = counted.filter(pl.col("quality") != "")
        noted = [entry["why"] for entry in summary["left_out"] if entry["what"] == f"directions.{direction}.contacts"]
        assert part["contacts"] == len(counted)
        assert bool(noted) == bool(len(marked))
        assert not noted or noted[0].startswith(f"{len(marked)} of {len(counted)} not clean: ")
    assert is_analysed(tmp_path)
