import hashlib
import json
import math
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imu import reprocess as module
from imu.core.canonical import canonical_json
from imu.core.errors import (
    BadRawFile,
    BadSessionFile,
    BadTableFile,
    UnusableRecording,
)
from imu.core.samples import Samples
from imu.core.session import Session
from imu.core.tables import ANALYSIS, AXES, CONTACTS, STEPS, STREAM, STRIDES
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.pipeline import Params
from imu.reprocess import reprocess, silences
from imu.simulate import Clock, Person, Protocol, Stand, Turn, Walk, simulate, usual_sensors
from imu.store.raw import raw_path, read_raw, write_raw
from imu.store.schema import ARROW_TYPES
from imu.store.tables import is_analysed, write_table
from imu.store.write_session import create_session
from imu.version import VERSION

TABLES = tuple(f"{table.name}.parquet" for table in ANALYSIS)
FILES = (*TABLES, "summary.json")
PELVIS_COLUMNS = list(STEPS.column_names[6:-1])
WALK = Protocol(
    segments=(
        Stand(seconds=5.0),
        Walk(direction="forward", steps=14),
        Turn(degrees=90.0),
        Walk(direction="backward", steps=26),
        Stand(seconds=2.0),
    )
)
SIMULATED = ("foot_left", "foot_right", "pelvis")


def write(folder, recording, **raw):
    """A session folder of a simulated recording."""
    create_session(folder, recording.session)
    for sensor in recording.sensors:
        setup = recording.session.sensors[sensor]
        write_raw(raw_path(folder, sensor), sensor, recording.samples(sensor), setup=setup, version=VERSION, **raw)
    return folder


def simulated(protocol=WALK, worn=None):
    return simulate(Person(), protocol, worn or usual_sensors(), seed=5, subject="S01", session="one")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A session folder that nobody changes."""
    return write(tmp_path_factory.mktemp("made") / "walk", simulated())


@pytest.fixture
def session(made, tmp_path):
    """A copy of it to be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "walk"))


@pytest.fixture(scope="module")
def usual(made, tmp_path_factory):
    """Its analysis."""
    target = tmp_path_factory.mktemp("usual")
    reprocess(made, target)
    return target


def contents(folder):
    """Every file below, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if not path.is_dir()}


def analysis(folder):
    return {name: (folder / "analysis" / name).read_bytes() for name in FILES}


def table(folder, name):
    return pl.read_parquet(folder / "analysis" / f"{name}.parquet")


def summary_of(folder):
    return json.loads((folder / "analysis" / "summary.json").read_text("utf-8"))


def edit(folder, **sensors):
    """Change sensors of session.json; None takes one out."""
    file = folder / "session.json"
    document = json.loads(file.read_text("utf-8"))
    for name, changes in sensors.items():
        if changes is None:
            del document["sensors"][name]
        else:
            document["sensors"][name] |= changes
    file.write_text(json.dumps(document), "utf-8")


def rewrite(folder, sensor, change):
    """Change the columns of a raw file: numpy arrays in, numpy arrays out."""
    path = raw_path(folder, sensor)
    held = pq.read_table(path)
    columns = change({name: held[name].to_numpy() for name in held.column_names})
    pq.write_table(pa.table(columns), path)


# what it writes


def test_beside_the_raw_data_or_elsewhere_the_analysis_is_the_same(session, usual):
    before = contents(session)
    outcome = reprocess(session, session)
    assert outcome.target == session
    after = contents(session)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {f"analysis/{name}" for name in FILES}
    assert analysis(session) == analysis(usual)
    assert contents(usual).keys() == {"session.json", *(f"analysis/{name}" for name in FILES)}
    assert (usual / "session.json").read_bytes() == (session / "session.json").read_bytes()


def test_a_second_run_is_equal_byte_by_byte(session, usual):
    for _ in range(2):
        reprocess(session, session)
        assert analysis(session) == analysis(usual)


def test_how_far_the_sensors_are_read_ahead_changes_nothing(session, usual, monkeypatch):
    monkeypatch.setattr(module, "SLICE_S", 0.037)
    reprocess(session, session)
    assert analysis(session) == analysis(usual)


def test_the_summary_carries_the_sums_of_the_tables_and_is_canonical(usual):
    text = (usual / "analysis" / "summary.json").read_text("utf-8")
    summary = json.loads(text)
    assert summary["tables"] == {
        name: hashlib.sha256((usual / "analysis" / name).read_bytes()).hexdigest() for name in TABLES
    }
    assert is_analysed(usual)
    assert canonical_json(summary, indent=2) == text
    assert (summary["schema"], summary["version"]) == ("retrogait.summary/1", VERSION)
    assert summary["params"] == json.loads(json.dumps(Params().document()))
    assert {"duration_s", "sync", "sensors", "repairs", "calibrations", "broken_alternation", "directions"} < set(
        summary
    )


def test_no_file_says_where_or_when_it_was_made(usual, made):
    for content in analysis(usual).values():
        for told in (str(made), str(usual), "pytest", str(Path.home())):
            assert told.encode() not in content


def test_tables_are_typed_and_say_what_they_are(usual):
    for described in ANALYSIS:
        schema = pq.read_schema(usual / "analysis" / f"{described.name}.parquet")
        assert schema.names == list(described.column_names)
        assert [field.type for field in schema] == [ARROW_TYPES[column.dtype] for column in described.columns]
        assert schema.metadata[b"retrogait.schema"] == f"retrogait.{described.name}/1".encode()
        assert json.loads(schema.metadata[b"retrogait.params"]) == summary_of(usual)["params"]
        units = json.loads(schema.metadata[b"retrogait.units"])
        for column in described.columns:
            unit = (schema.field(column.name).metadata or {}).get(b"unit")
            assert (None if unit is None else unit.decode()) == column.unit == units.get(column.name)


def test_missing_is_null_and_never_nan(usual):
    for described in ANALYSIS:
        held = table(usual, described.name)
        for column in described.columns:
            assert column.nullable or held[column.name].null_count() == 0
            if column.dtype.startswith("float"):
                assert not held[column.name].is_nan().any()


def test_figures_of_the_summary_are_those_of_the_written_tables(usual):
    directions = summary_of(usual)["directions"]
    contacts, strides, steps = (table(usual, described.name) for described in ANALYSIS)
    assert set(directions) == {*contacts["direction"], *strides["direction"], *steps["direction"]}
    for direction, part in directions.items():
        of = pl.col("direction") == direction
        assert [part["contacts"], part["strides"], part["steps"]] == [
            len(held.filter(of)) for held in (contacts, strides, steps)
        ]
        clean = steps.filter(of & (pl.col("quality") == ""))
        if part["cadence_spm"] is None:
            assert len(clean) < 10
            continue
        times = clean["step_time_s"].to_numpy().astype(float)
        assert part["cadence_spm"]["mean"] == pytest.approx(60 * len(times) / times.sum(), abs=1e-6)
        speeds = strides.filter(of & (pl.col("quality") == ""))["speed_m_s"].drop_nulls().to_numpy().astype(float)
        if part["speed_m_s"] is None:
            assert len(speeds) < 10
            continue
        assert part["speed_m_s"]["mean"] == pytest.approx(speeds.mean(), abs=1e-6)
        assert part["speed_m_s"]["sd"] == pytest.approx(speeds.std(ddof=1), abs=1e-6)
    assert directions["backward"]["speed_m_s"]["mean"] < 0 < directions["forward"]["contacts"]


def test_progress_grows_from_0_to_1(session):
    told = []
    reprocess(session, session, progress=told.append)
    assert len(told) > 10
    assert all(0 < a <= b <= 1 for a, b in pairwise(told))
    assert told[-1] == 1


# recordings as they come


def without_pelvis(tables_of, other):
    """The same contacts, strides and steps, apart from what only the pelvis can say."""
    for name in (CONTACTS.name, STRIDES.name):
        assert table(tables_of, name).equals(table(other, name))
    one, two = (table(folder, STEPS.name) for folder in (tables_of, other))
    assert one[STEPS.column_names[:6]].equals(two[STEPS.column_names[:6]])


def test_a_pelvis_whose_file_is_absent_is_named(session, usual):
    raw_path(session, "pelvis").unlink()
    outcome = reprocess(session, session)
    without_pelvis(session, usual)
    assert table(session, STEPS.name)[PELVIS_COLUMNS].null_count().row(0) == (len(table(session, STEPS.name)),) * len(
        PELVIS_COLUMNS
    )
    assert {"what": "pelvis", "why": "no file raw/pelvis.parquet"} in outcome.summary["left_out"]
    assert "pelvis" not in outcome.summary["sensors"]


@pytest.mark.parametrize("foot", ["left", "right"])
def test_a_foot_whose_file_is_absent_is_named(session, usual, foot):
    other = "right" if foot == "left" else "left"
    raw_path(session, f"foot_{other}").unlink()
    outcome = reprocess(session, session)
    assert table(session, CONTACTS.name).equals(table(usual, CONTACTS.name).filter(pl.col("foot") == foot))
    assert len(table(session, STEPS.name)) == 0
    assert {"what": f"foot_{other}", "why": f"no file raw/foot_{other}.parquet"} in outcome.summary["left_out"]


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


# what is refused leaves everything as it was


def reversed_clock(folder):
    rewrite(folder, "foot_right", lambda held: held | {"t_ns": held["t_ns"][::-1].copy()})


def mostly_nan(folder):
    rewrite(folder, "pelvis", lambda held: held | {"gyr_y": np.where(held["seq"] % 5, np.nan, 0).astype(np.float32)})


def cut_off(folder):
    path = raw_path(folder, "pelvis")
    path.write_bytes(path.read_bytes()[:-200])


def no_rows(folder):
    rewrite(folder, "foot_left", lambda held: {name: values[:0] for name, values in held.items()})


def no_rate(folder):
    edit(folder, pelvis={"rate_hz": 0})


def period_as_rate(folder):
    edit(folder, foot_left={"rate_hz": 0.005})


def absurd_rate(folder):
    edit(folder, foot_left={"rate_hz": 1e300})


def damaged_far_down(folder):
    """Its head is whole, so that the damage shows only when most is done."""
    path = raw_path(folder, "foot_right")
    pq.write_table(pq.read_table(path), path, row_group_size=500, write_page_checksum=True)
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) * 3 // 4] ^= 0xFF
    path.write_bytes(spoilt)


def no_stream(folder):
    (folder / "raw" / "stream.parquet").write_bytes(b"PAR1")


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (reversed_clock, UnusableRecording, "foot_right: only 1 of .* reversed clock"),
        (mostly_nan, UnusableRecording, "pelvis: only .* with NaN"),
        (cut_off, BadRawFile, "raw/pelvis.parquet"),
        (no_rows, BadRawFile, "raw/foot_left.parquet has no rows"),
        (no_rate, BadSessionFile, "rate_hz"),
        (period_as_rate, BadSessionFile, "foot_left.rate_hz.*a period"),
        (absurd_rate, BadSessionFile, "foot_left.rate_hz"),
        (damaged_far_down, BadRawFile, "raw/foot_right.parquet"),
        (no_stream, BadTableFile, "stream.parquet"),
    ],
)
@pytest.mark.parametrize("analysed", [True, False])
def test_what_is_refused_leaves_everything_as_it_was(session, tmp_path, usual, spoil, error, says, analysed):
    if analysed:
        shutil.copytree(usual / "analysis", session / "analysis")
    spoil(session)
    before = contents(session)
    for target in (session, tmp_path / "store"):
        with pytest.raises(error, match=says) as caught:
            reprocess(session, target)
        assert "\n" not in str(caught.value)
    assert contents(session) == before
    assert not (tmp_path / "store").exists()


# what happened live


def stream(folder, *rows):
    happened = [dict(zip(STREAM.column_names, row, strict=True)) for row in rows]
    write_table(folder / "raw" / "stream.parquet", STREAM, happened, version=VERSION, params={})


S = 1_000_000_000


def test_what_fell_into_a_live_silence_is_left_out_again(session, tmp_path, usual):
    begin, end = 20 * S, 26 * S
    stream(
        session,
        (begin, "pelvis", "drop"),
        (21 * S, "pelvis", "late"),
        (22 * S, "foot_left", "clock_reset"),
        (end, "pelvis", "back"),
    )
    outcome = reprocess(session, session)
    without_pelvis(session, usual)
    assert "all_samples" not in outcome.summary
    assert outcome.summary["sensors"]["pelvis"]["lost"] == 6 * 200
    steps = table(session, STEPS.name)
    inside = steps.filter((pl.col("t_start_ns") < end) & (pl.col("t_end_ns") > begin))
    assert len(inside) > 5
    assert inside["pelvic_drop_deg"].null_count() == len(inside)
    # the same as if these rows had never come, but for steps about the silence: nobody waited there to see what comes
    other = tmp_path / "other"
    shutil.copytree(session, other)
    (other / "raw" / "stream.parquet").unlink()
    away = lambda held: (held["t_ns"] >= begin) & (held["t_ns"] < end)  # noqa: E731
    rewrite(other, "pelvis", lambda held: {name: values[~away(held)] for name, values in held.items()})
    reprocess(other, other)
    for name in (CONTACTS.name, STRIDES.name):
        assert table(other, name).equals(table(session, name))
    clear = (pl.col("t_end_ns") < begin) | (pl.col("t_start_ns") > end + 3 * S)
    assert table(other, STEPS.name).filter(clear).equals(steps.filter(clear))
    assert len(steps.filter(clear)) > 10


def test_all_samples_uses_what_came_too_late_and_says_so(session, usual):
    stream(session, (12 * S, "pelvis", "drop"), (18 * S, "pelvis", "back"))
    outcome = reprocess(session, session, all_samples=True)
    assert outcome.summary["all_samples"] is True
    assert summary_of(session)["all_samples"] is True
    assert {name: analysis(session)[name] for name in TABLES} == {name: analysis(usual)[name] for name in TABLES}
    plain = summary_of(usual)
    assert {key: value for key, value in summary_of(session).items() if key != "all_samples"} == plain


def test_a_sensor_that_never_came_back_ends_with_its_drop(session):
    stream(session, (10 * S, "foot_right", "drop"))
    outcome = reprocess(session, session)
    assert outcome.summary["sensors"]["foot_right"]["samples"] == 2000
    right = table(session, CONTACTS.name).filter(pl.col("foot") == "right")
    assert right["t_contact_ns"].max() < 10 * S


def test_a_pelvis_that_was_given_up_from_the_start_costs_the_session_nothing_else(session, usual):
    stream(session, (0, "pelvis", "drop"))
    outcome = reprocess(session, session)
    without_pelvis(session, usual)
    assert {"what": "pelvis", "why": "no samples"} in outcome.summary["left_out"]


def test_silences_are_from_drop_to_back(tmp_path):
    (tmp_path / "raw").mkdir()
    stream(
        tmp_path,
        (1, "pelvis", "back"),
        (3, "pelvis", "drop"),
        (4, "foot_left", "drop"),
        (5, "pelvis", "drop"),
        (7, "pelvis", "back"),
        (9, "pelvis", "drop"),
    )
    forever = np.iinfo(np.int64).max
    assert silences(tmp_path) == {"pelvis": [(3, 7), (9, forever)], "foot_left": [(4, forever)]}
    assert silences(tmp_path / "raw") == {}


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
        parts = list(read_raw(raw_path(source, sensor), sensor, setup))
        rows = Samples(*(np.concatenate([getattr(part, key) for part in parts]) for key in Samples.__slots__))
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
