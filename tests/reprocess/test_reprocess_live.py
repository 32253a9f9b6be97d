import shutil

import numpy as np
import polars as pl

from imu.core.tables import CONTACTS, STEPS, STREAM, STRIDES
from imu.reprocess import reprocess, silences
from imu.store.tables import write_table
from imu.version import VERSION
from tests.reprocess.session_folders import TABLES, analysis, rewrite, summary_of, table, without_pelvis


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
    assert {"what": "pelvis", "why": "no samples in raw/pelvis.parquet"} in outcome.summary["left_out"]


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
