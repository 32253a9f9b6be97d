import hashlib
import json
import math
import random

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.canonical import canonical_json
from imu.core.errors import BadTableFile, CannotWrite
from imu.core.tables import (
    ANALYSIS,
    CONTACTS,
    EVENTS,
    STEPS,
    STREAM,
    STRIDES,
    TREADMILL,
    TRUTH_CONTACTS,
    TRUTH_PELVIS,
    TRUTH_STEPS,
)
from imu.store import tables as module
from imu.store.schema import arrow_schema
from imu.store.tables import is_analysed, read_rows, write_analysis, write_table

TABLES = [*ANALYSIS, EVENTS, STREAM, TREADMILL, TRUTH_CONTACTS, TRUTH_STEPS, TRUTH_PELVIS]
SAID = {"version": "0.1.0", "params": {"contact": {"delay_s": 0.08}}}

VALUES = {
    "string": st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "bool": st.booleans(),
}


def rows_of(table, max_size=12):
    columns = {
        column.name: VALUES[column.dtype] | st.none() if column.nullable else VALUES[column.dtype]
        for column in table.columns
    }
    return st.lists(st.fixed_dictionaries(columns), max_size=max_size)


def some(table, n=5):
    """Plain rows, one every second."""
    plain = {"string": "left", "int64": 0, "float32": 0.5, "bool": True}
    rows = [{column.name: plain[column.dtype] for column in table.columns} for _ in range(n)]
    for k, row in enumerate(rows):
        row[table.sorted_by[0]] = k * 10**9
    return rows


def one_of_each(n=5):
    return {table.name: some(table, n) for table in ANALYSIS}


# one table


@given(data=st.data(), table=st.sampled_from(TABLES))
def test_rows_read_back_equal_and_sorted(tmp_path_factory, data, table):
    rows = data.draw(rows_of(table))
    path = tmp_path_factory.mktemp("table") / "x.parquet"
    write_table(path, table, rows, **SAID)
    read = read_rows(path, table)
    key = lambda row: tuple(row[name] for name in table.sorted_by)  # noqa: E731
    assert read == sorted(rows, key=key)
    assert [list(row) for row in read] == [list(table.column_names)] * len(rows)


@given(data=st.data(), table=st.sampled_from([CONTACTS, STRIDES, STEPS]))
def test_equal_rows_make_equal_bytes_whatever_their_order(tmp_path_factory, data, table):
    key = lambda row: tuple(row[name] for name in table.sorted_by)  # noqa: E731
    rows = list({key(row): row for row in data.draw(rows_of(table))}.values())
    mixed = data.draw(st.permutations(rows))
    folder = tmp_path_factory.mktemp("bytes")
    one, other = (write_table(folder / name, table, given, **SAID) for name, given in (("a", rows), ("b", mixed)))
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
    assert one == other == hashlib.sha256((folder / "a").read_bytes()).hexdigest()


def test_left_comes_before_right(tmp_path):
    rows = [{**some(CONTACTS, 1)[0], "foot": foot, "t_contact_ns": t} for t in (5, 3) for foot in ("right", "left")]
    write_table(tmp_path / "x", CONTACTS, rows, **SAID)
    assert [(row["t_contact_ns"], row["foot"]) for row in read_rows(tmp_path / "x", CONTACTS)] == [
        (3, "left"),
        (3, "right"),
        (5, "left"),
        (5, "right"),
    ]


def test_numpy_scalars_serve(tmp_path):
    row = {**some(STEPS, 1)[0], "t_start_ns": np.int64(5), "step_time_s": np.float64(0.5), "late_peak": np.bool_(False)}
    write_table(tmp_path / "x", STEPS, [row], **SAID)
    assert read_rows(tmp_path / "x", STEPS)[0]["late_peak"] is False


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_schema_says_what_core_says(tmp_path, table):
    write_table(tmp_path / "x", table, [], **SAID)
    schema = pq.read_schema(tmp_path / "x")
    assert schema.equals(arrow_schema(table, **SAID), check_metadata=True)
    assert schema.metadata[b"retrogait.schema"].decode() == f"retrogait.{table.name}/1"
    assert schema.metadata[b"retrogait.version"] == b"0.1.0"
    assert schema.metadata[b"retrogait.params"].decode() == canonical_json(SAID["params"])
    units = json.loads(schema.metadata[b"retrogait.units"])
    for column in table.columns:
        field = schema.field(column.name)
        assert str(field.type).replace("float", "float32").replace("32_", "_") == column.dtype or column.dtype == "bool"
        assert field.nullable == column.nullable
        assert field.metadata[b"meaning"].decode() == column.meaning
        assert (field.metadata.get(b"unit") or b"").decode() == (column.unit or "")
        assert units.get(column.name) == column.unit


@pytest.mark.parametrize(
    "change",
    [
        {"foot_angle_deg": math.nan},
        {"foot_angle_deg": math.inf},
        {"confidence": math.nan},
        {"confidence": None},
        {"foot": None},
        {"t_contact_ns": None},
        {"extra": 1},
        {"foot": ...},
        {"t_contact_ns": "text"},
        {"foot_angle_deg": "text"},
    ],
    ids=str,
)
def test_rows_that_are_not_the_tables_are_the_callers_mistake(tmp_path, change):
    row = {key: value for key, value in {**some(CONTACTS, 1)[0], **change}.items() if value is not ...}
    with pytest.raises((ValueError, TypeError)):
        write_table(tmp_path / "x", CONTACTS, [row], **SAID)
    assert not list(tmp_path.iterdir())


# reading


def refused(path, table=TREADMILL):
    with pytest.raises(BadTableFile) as caught:
        read_rows(path, table)
    assert "\n" not in str(caught.value)
    assert "want" in str(caught.value) or "can't be read" in str(caught.value)
    assert caught.value.table == table.name
    return caught.value


GOOD = {"t_ns": pa.array([1, 2]), "speed_m_s": pa.array([0.5, 1.0]), "incline_pct": pa.array([0, 1])}


def test_what_other_writers_make_of_a_table_is_read(tmp_path):
    pq.write_table(pa.table({"more": pa.array(["x", "y"]), **GOOD}), tmp_path / "x")
    assert read_rows(tmp_path / "x", TREADMILL) == [
        {"t_ns": 1, "speed_m_s": 0.5, "incline_pct": 0.0},
        {"t_ns": 2, "speed_m_s": 1.0, "incline_pct": 1.0},
    ]
    pl.DataFrame({"t_ns": [1], "t_end_ns": [None], "kind": ["mark"], "value": ["{}"]}).write_parquet(tmp_path / "y")
    assert read_rows(tmp_path / "y", EVENTS) == [{"t_ns": 1, "t_end_ns": None, "kind": "mark", "value": "{}"}]
    duckdb.sql(f"copy (select 1::bigint t_ns, 'pelvis' sensor, 'drop' event) to '{tmp_path / 'z'}' (format parquet)")
    assert read_rows(tmp_path / "z", STREAM) == [{"t_ns": 1, "sensor": "pelvis", "event": "drop"}]


def test_nan_is_read_as_null_where_null_may_be(tmp_path):
    row = {name: pa.array([value]) for name, value in some(CONTACTS, 1)[0].items()}
    pq.write_table(pa.table({**row, "foot_angle_deg": pa.array([math.nan])}), tmp_path / "x")
    assert read_rows(tmp_path / "x", CONTACTS)[0]["foot_angle_deg"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"speed_m_s": ...},
        {"speed_m_s": pa.array(["0.5", "1"])},
        {"speed_m_s": pa.array([True, False])},
        {"speed_m_s": pa.array([None, 1.0])},
        {"speed_m_s": pa.array([math.nan, 1.0])},
        {"t_ns": pa.array([1.0, 2.0])},
        {"t_ns": pa.array([1, 2], pa.timestamp("ns"))},
        {"t_ns": pa.array([None, None])},
    ],
    ids=lambda change: " ".join(
        f"{name} {values if values is ... else values.type}" for name, values in change.items()
    ),
)
def test_columns_that_are_not_the_tables_are_refused(tmp_path, change):
    held = {name: values for name, values in {**GOOD, **change}.items() if values is not ...}
    pq.write_table(pa.table(held), tmp_path / "x")
    assert refused(tmp_path / "x").column == next(iter(change))


def test_a_file_that_is_no_table_is_refused(tmp_path):
    assert "not there" in str(refused(tmp_path / "absent"))
    refused(tmp_path)
    (tmp_path / "x").write_bytes(b"PAR1")
    refused(tmp_path / "x")


@given(share=st.floats(0, 1, exclude_max=True))
def test_any_beginning_of_a_table_is_refused(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    write_table(folder / "x", TREADMILL, some(TREADMILL), **SAID)
    content = (folder / "x").read_bytes()
    (folder / "x").write_bytes(content[: int(share * len(content))])
    refused(folder / "x")


# the analysis of a session


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "analysis").iterdir())}


def test_an_analysis_is_whole_and_the_same_every_time(tmp_path):
    for name in ("a", "b"):
        assert not is_analysed(tmp_path / name)
        write_analysis(tmp_path / name, one_of_each(), {"duration_s": 5.0}, **SAID)
        assert is_analysed(tmp_path / name)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert set(files_of(tmp_path / "a")) == {"contacts.parquet", "strides.parquet", "steps.parquet", "summary.json"}
    summary = json.loads(files_of(tmp_path / "a")["summary.json"])
    assert summary["duration_s"] == 5.0
    assert summary["version"] == "0.1.0"
    assert summary["params"] == SAID["params"]
    assert summary["tables"] == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files_of(tmp_path / "a").items()
        if name != "summary.json"
    }


def test_nothing_of_the_machine_is_in_the_files(tmp_path):
    write_analysis(tmp_path / "a", one_of_each(), {}, **SAID)
    for content in files_of(tmp_path / "a").values():
        assert str(tmp_path).encode() not in content


class Crash(BaseException):
    """As if the power went."""


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_a_crash_between_two_files_leaves_a_session_not_analysed(tmp_path, monkeypatch, at, again):
    if again:
        write_analysis(tmp_path, one_of_each(3), {}, **SAID)
    written = []
    real = module.write_bytes

    def crashing(path, content):
        if len(written) == at:
            path.parent.mkdir(exist_ok=True)
            path.with_name(f"{path.name}.tmp").write_bytes(content[:100])
            raise Crash
        written.append(path)
        real(path, content)

    monkeypatch.setattr(module, "write_bytes", crashing)
    with pytest.raises(Crash):
        write_analysis(tmp_path, one_of_each(5), {}, **SAID)
    monkeypatch.undo()
    assert len(written) == at
    assert not is_analysed(tmp_path)
    write_analysis(tmp_path, one_of_each(5), {}, **SAID)
    assert is_analysed(tmp_path)
    assert not [name for name in files_of(tmp_path) if name.endswith(".tmp")]


def test_a_table_that_changed_is_not_the_one_analysed(tmp_path):
    write_analysis(tmp_path, one_of_each(), {}, **SAID)
    table = tmp_path / "analysis" / "steps.parquet"
    content = table.read_bytes()
    table.write_bytes(content[:-1] + b"X")
    assert not is_analysed(tmp_path)
    table.write_bytes(content)
    assert is_analysed(tmp_path)
    table.unlink()
    assert not is_analysed(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'{"tables": 1}', b'{"tables": {}}', b"\xff", b"[" * 9999]
)
def test_a_broken_summary_is_none(tmp_path, content):
    write_analysis(tmp_path, one_of_each(), {}, **SAID)
    (tmp_path / "analysis" / "summary.json").write_bytes(content)
    assert not is_analysed(tmp_path)


def test_tables_missing_or_unknown_are_the_callers_mistake(tmp_path):
    tables = one_of_each()
    for wrong in ({**tables, "raw": []}, {"steps": []}):
        with pytest.raises(ValueError, match="want contacts, strides, steps"):
            write_analysis(tmp_path, wrong, {}, **SAID)
    assert not list(tmp_path.iterdir())


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    (tmp_path / "analysis").touch()
    with pytest.raises(CannotWrite, match="can't write") as caught:
        write_analysis(tmp_path, one_of_each(), {}, **SAID)
    assert "\n" not in str(caught.value)


def test_a_leftover_symlink_is_replaced_and_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "analysis").mkdir()
    for name in ("contacts.parquet", "contacts.parquet.tmp", "summary.json"):
        (tmp_path / "analysis" / name).symlink_to(victim)
    write_analysis(tmp_path, one_of_each(), {}, **SAID)
    assert victim.read_text() == "precious"
    assert is_analysed(tmp_path)


# other engines


def test_any_engine_reads_a_store_with_one_glob(tmp_path):
    rng = random.Random(5)
    sizes = {(subject, session): rng.randrange(1, 9) for subject in ("S01", "S02") for session in ("a", "b")}
    for (subject, session), n in sizes.items():
        folder = tmp_path / f"subject={subject}" / f"session={session}"
        write_analysis(folder, one_of_each(n), {}, **SAID)
    for table in ANALYSIS:
        glob = tmp_path / "*" / "*" / "analysis" / f"{table.name}.parquet"
        counted = duckdb.sql(
            f"select subject, session, count(*) from read_parquet('{glob}', hive_partitioning=true) group by all"
        ).fetchall()
        assert {(subject, session): n for subject, session, n in counted} == sizes
        frame = pl.read_parquet(glob, hive_partitioning=True)
        assert set(frame.columns) == {*table.column_names, "subject", "session"}
        assert {key: len(group) for key, group in frame.group_by("subject", "session")} == sizes
        assert frame.schema[table.sorted_by[0]] == pl.Int64


def test_every_real_truth_is_read(data_dir):
    for table in (TRUTH_CONTACTS, TRUTH_PELVIS):
        paths = sorted((data_dir / "sessions").glob(f"*/{table.name}.parquet"))
        assert paths
        for path in paths:
            assert len(read_rows(path, table)) == pq.read_metadata(path).num_rows
