import hashlib
import json
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from imu import reprocess as module
from imu.core.canonical import canonical_json
from imu.core.tables import ANALYSIS
from imu.pipeline import Params
from imu.reprocess import reprocess
from imu.store.schema import ARROW_TYPES
from imu.store.tables import is_analysed
from imu.version import VERSION
from tests.reprocess.session_folders import FILES, TABLES, analysis, contents, summary_of, table


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
