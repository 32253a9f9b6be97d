import math
import weakref
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.errors import BadSessionFile, BadTableFile, CannotWrite, DuplicateSession
from imu.core.tables import EVENTS, TRUTH_CONTACTS, TRUTH_PELVIS, TRUTH_STEPS
from imu.store import tables
from imu.store.atomic import replacing, write_bytes
from imu.store.folder import read_session
from imu.store.tables import read_rows, write_columns, write_table
from imu.store.write_session import create_session, write_truth

SAID = {"version": "0.1.0", "params": {}}
DOCUMENT = {
    "schema": "retrogait.session/1",
    "subject": "S01",
    "session": "one",
    "sensors": {"foot_left": {"rate_hz": 100, "mounting": None, "firmware": "kept"}},
    "note": "größer",
}


def test_a_new_session_reads_back_with_everything_it_said(tmp_path):
    session = create_session(tmp_path / "deep" / "x", DOCUMENT)
    assert read_session(tmp_path / "deep" / "x").document == session.document == DOCUMENT
    content = (tmp_path / "deep" / "x" / "session.json").read_bytes()
    assert "größer".encode() in content
    create_session(tmp_path / "y", session)
    assert (tmp_path / "y" / "session.json").read_bytes() == content


def test_a_session_is_not_overwritten_unasked(tmp_path):
    create_session(tmp_path, DOCUMENT)
    other = {**DOCUMENT, "note": "other"}
    with pytest.raises(DuplicateSession, match="holds a session already"):
        create_session(tmp_path, other)
    assert read_session(tmp_path).document == DOCUMENT
    create_session(tmp_path, other, overwrite=True)
    assert read_session(tmp_path).document == other


def test_a_session_that_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(BadSessionFile):
        create_session(tmp_path / "x", {**DOCUMENT, "subject": "Anna Muster"})
    assert not (tmp_path / "x").exists()


def test_truth_is_written_where_there_is_any(tmp_path):
    contact = dict.fromkeys(TRUTH_CONTACTS.column_names) | {"foot": "left", "t_contact_ns": 5}
    step = {"stance_foot": "left", "t_start_ns": 5, "t_end_ns": 9, "direction": "forward", "pelvic_drop_deg": 2.5}
    pelvis = [{"t_ns": t, "obliquity_deg": 1.5, "tilt_deg": 0.0, "rotation_deg": -2.0} for t in (1, 2)]
    contacts, steps, *blocks = ({name: [value] for name, value in row.items()} for row in (contact, step, *pelvis))
    write_truth(tmp_path / "a", contacts=contacts, **SAID)
    write_truth(tmp_path / "b", contacts=contacts, steps=steps, pelvis=blocks, **SAID)
    assert read_rows(tmp_path / "a" / "truth_contacts.parquet", TRUTH_CONTACTS) == [contact]
    assert [entry.name for entry in (tmp_path / "a").iterdir()] == ["truth_contacts.parquet"]
    assert read_rows(tmp_path / "b" / "truth_steps.parquet", TRUTH_STEPS) == [step]
    assert read_rows(tmp_path / "b" / "truth_pelvis.parquet", TRUTH_PELVIS) == pelvis


# tables as a stream


def cut(columns, places):
    """Blocks of columns, cut at these rows."""
    n = len(next(iter(columns.values())))
    edges = [0, *sorted(place % (n + 1) for place in places), n]
    return [{name: column[a:b] for name, column in columns.items()} for a, b in pairwise(edges)]


def pelvis_columns(n):
    values = np.random.default_rng(n).normal(size=(3, n))
    return dict(zip(TRUTH_PELVIS.column_names, [np.arange(n) * 10**7, *values], strict=True))


def contact_columns(n):
    rng = np.random.default_rng(n)
    columns = {
        "foot": np.tile(["left", "right"], n)[:n],
        "t_contact_ns": np.arange(n) // 2,
        "first": np.full(n, "toe"),
        "direction": np.full(n, "forward"),
    }
    for name in TRUTH_CONTACTS.column_names:
        if name not in columns:
            values = rng.integers(0, 10**15, n) if name.endswith("_ns") else rng.normal(size=n)
            columns[name] = np.ma.masked_array(values, rng.random(n) < 0.3)
    return {name: columns[name] for name in TRUTH_CONTACTS.column_names}


def rows_of(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]


@settings(max_examples=25)
@given(n=st.integers(0, 80), places=st.lists(st.integers(0, 80), max_size=6), group=st.sampled_from([1, 7, 25, 80]))
@pytest.mark.parametrize("make", [pelvis_columns, contact_columns])
def test_however_a_table_is_cut_its_bytes_are_those_of_its_rows(tmp_path_factory, make, n, places, group):
    columns, folder = make(n), tmp_path_factory.mktemp("cut")
    table = TRUTH_PELVIS if make is pelvis_columns else TRUTH_CONTACTS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROW_GROUP_ROWS", group)
        write_columns(folder / "cut", table, cut(columns, places), **SAID)
        write_columns(folder / "none", table, [], **SAID)
        write_table(folder / "rows", table, rows_of(columns), **SAID)
        write_table(folder / "no rows", table, [], **SAID)
    assert (folder / "cut").read_bytes() == (folder / "rows").read_bytes()
    assert (folder / "none").read_bytes() == (folder / "no rows").read_bytes()
    groups = pq.read_metadata(folder / "cut")
    sizes = [groups.row_group(k).num_rows for k in range(groups.num_row_groups)]
    assert sizes == [min(group, n - first) for first in range(0, n, group)] or n == 0


def test_pages_end_where_they_do_in_one_piece(tmp_path):
    """Long texts fill pages and dictionaries within a row group."""
    n = 30_000
    texts = [f"{k:0100d}" for k in range(n)]
    columns = {"t_ns": list(range(n)), "t_end_ns": [None] * n, "kind": ["note"] * n, "value": texts}
    write_columns(tmp_path / "whole", EVENTS, [columns], **SAID)
    write_columns(tmp_path / "cut", EVENTS, cut(columns, range(500, n, 777)), **SAID)
    assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()


def test_blocks_are_not_kept(tmp_path):
    seen, most, rows = [], 0, tables.ROW_GROUP_ROWS // 4

    def blocks():
        nonlocal most
        for k in range(40):
            block = {name: values + k * rows * 10**7 for name, values in pelvis_columns(rows).items()}
            seen.append(weakref.ref(block["tilt_deg"]))
            most = max(most, sum(ref() is not None for ref in seen))
            yield block

    write_columns(tmp_path / "x", TRUTH_PELVIS, blocks(), **SAID)
    assert pq.read_metadata(tmp_path / "x").num_rows == 40 * rows
    assert most <= 6, "what a row group holds, and the block that comes"


EVENT = {"t_ns": [1, 2], "t_end_ns": [None, 5], "kind": ["phase", "mark"], "value": ["{}", "{}"]}


@pytest.mark.parametrize(
    ("table", "blocks", "match"),
    [
        (EVENTS, [{**EVENT, "t_ns": [2, 1]}], "out of order; want them by t_ns"),
        (EVENTS, [EVENT, EVENT], "out of order"),
        (EVENTS, [{**EVENT, "t_ns": [None, 2]}], "t_ns has 1 nulls"),
        (EVENTS, [{**EVENT, "more": [1, 2]}], "a block has t_ns, t_end_ns, kind, value, more; want"),
        (EVENTS, [{name: EVENT[name] for name in ("t_ns", "kind", "value")}], "want t_ns, t_end_ns"),
        (EVENTS, [{**EVENT, "kind": ["phase"]}], "length"),
        (TRUTH_PELVIS, [{**pelvis_columns(2), "tilt_deg": [0.0, math.nan]}], "tilt_deg has NaN"),
        (TRUTH_CONTACTS, [{**contact_columns(2), "foot": ["right", "left"]}], "by t_contact_ns, foot"),
    ],
)
def test_columns_that_are_not_the_tables_are_the_callers_mistake(tmp_path, table, blocks, match):
    with pytest.raises(ValueError, match=match):
        write_columns(tmp_path / "x", table, blocks, **SAID)
    assert not list(tmp_path.iterdir())


def test_a_stream_that_breaks_off_leaves_what_was_there(tmp_path):
    write_columns(tmp_path / "x", EVENTS, [EVENT], **SAID)
    before = (tmp_path / "x").read_bytes()

    def interrupted():
        yield EVENT
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_columns(tmp_path / "x", EVENTS, interrupted(), **SAID)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"x": before}


def test_truth_of_other_makers_may_lack_what_came_later_and_nothing_else(tmp_path):
    write_columns(tmp_path / "ours", TRUTH_CONTACTS, [contact_columns(4)], **SAID)
    whole = pq.read_table(tmp_path / "ours")
    pq.write_table(whole.drop_columns(["t_heel_off_ns", "t_toe_off_ns"]), tmp_path / "theirs")
    for ours, theirs in zip(*(read_rows(tmp_path / name, TRUTH_CONTACTS) for name in ("ours", "theirs")), strict=True):
        assert theirs == ours | {"t_heel_off_ns": None, "t_toe_off_ns": None}
    pq.write_table(whole.drop_columns("t_toe_on_ns"), tmp_path / "less")
    with pytest.raises(BadTableFile, match="no column 't_toe_on_ns'"):
        read_rows(tmp_path / "less", TRUTH_CONTACTS)


# files that are there as a whole or not at all


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    path = tmp_path / "x"
    write_bytes(path, b"old")

    def interrupted():
        with replacing(path) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_a_place_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"file/deep/x: .*; want a folder"):
        write_bytes(tmp_path / "file" / "deep" / "x", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite):
        write_bytes(tmp_path / "folder", b"")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_errors_of_our_own_pass_through_as_they_are(tmp_path):
    with pytest.raises(BadSessionFile, match="mine"), replacing(tmp_path / "x"):
        raise BadSessionFile("mine")
    assert not list(tmp_path.iterdir())
