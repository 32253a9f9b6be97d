"""The tables in other engines: as the README shows them, and as whoever reads it would go on."""

import re
from pathlib import Path

import duckdb
import polars as pl
import pytest

from imu.reprocess import reprocess
from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors
from imu.store.folder import analysis_dir
from imu.store.raw import raw_path, write_raw
from imu.store.write_session import create_session
from imu.version import VERSION

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
WHO = (("S01", "2026-11-21T10-00-00Z"), ("S01", "2026-11-28T10-00-00Z"), ("S02", "first"))
STRIDES = "store/*/*/analysis/strides.parquet"


def blocks(language):
    """The fenced blocks of the README in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A folder with a store of two people: (folder, summaries by subject and session)."""
    place = tmp_path_factory.mktemp("clinic")
    walks = [Walk(direction=way, steps=26) for way in ("forward", "backward")]
    protocol = Protocol(segments=(Stand(seconds=4), walks[0], Stand(seconds=2), walks[1], Stand(seconds=2)))
    summaries = {}
    for seed, (subject, name) in enumerate(WHO):
        recording = simulate(Person(), protocol, usual_sensors(), seed=seed, subject=subject, session=name)
        folder = analysis_dir(place / "store", recording.session)
        create_session(folder, recording.session)
        for sensor, setup in recording.session.sensors.items():
            write_raw(raw_path(folder, sensor), sensor, recording.samples(sensor), setup=setup, version=VERSION)
        summaries[subject, name] = reprocess(folder, folder).summary
    return place, summaries


@pytest.fixture
def summaries(clinic, monkeypatch):
    """Being in that folder."""
    monkeypatch.chdir(clinic[0])
    return clinic[1]


@pytest.mark.usefixtures("summaries")
@pytest.mark.parametrize("query", blocks("sql"))
def test_queries_of_the_readme_find_something(query):
    with duckdb.connect() as connection:
        found = connection.sql(query)
        assert found.fetchall()
        assert len(set(found.columns)) == len(found.columns)


@pytest.mark.usefixtures("summaries")
@pytest.mark.parametrize("code", [code for code in blocks("python") if "polars" in code])
def test_polars_code_of_the_readme_runs(code):
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    frames = [value for value in names.values() if isinstance(value, pl.DataFrame)]
    assert all(map(len, frames))


def test_duckdb_reads_a_whole_clinic_with_one_glob(summaries):
    with duckdb.connect() as connection:
        found = connection.sql(
            f"SELECT subject, session, count(*) FROM read_parquet('{STRIDES}', hive_partitioning=true) GROUP BY ALL"
        ).fetchall()
    assert {(subject, str(session)): n for subject, session, n in found} == {
        who: sum(part["strides"] for part in summary["directions"].values()) for who, summary in summaries.items()
    }


def test_duckdb_finds_the_cadence_of_the_summary(summaries):
    with duckdb.connect() as connection:
        found = connection.sql(
            """
            SELECT subject, session, direction, 60 * count(*) / sum(step_time_s::DOUBLE) AS cadence_spm
            FROM read_parquet('store/*/*/analysis/steps.parquet', hive_partitioning = true)
            WHERE quality = '' GROUP BY ALL
            """
        ).fetchall()
    cadence = {(subject, session, direction): spm for subject, session, direction, spm in found}
    for who, summary in summaries.items():
        for direction in ("forward", "backward"):
            mean = summary["directions"][direction]["cadence_spm"]["mean"]
            assert cadence[*who, direction] == pytest.approx(mean, abs=1e-6)


def test_polars_finds_the_toe_first_share_of_the_summary(summaries):
    found = (
        pl.scan_parquet("store/*/*/analysis/contacts.parquet", hive_partitioning=True)
        .filter(pl.col("quality") == "", pl.col("pattern") != "uncertain")
        .group_by("subject", "session", "direction", "foot")
        .agg((pl.col("pattern") == "toe_to_heel").mean().alias("toe_first_share"))
        .collect()
    )
    shares = {tuple(row[:4]): row[4] for row in found.iter_rows()}
    for who, summary in summaries.items():
        for direction, few_or_all in (("forward", 0.0), ("backward", 1.0)):
            for foot, share in summary["directions"][direction]["toe_first_share"].items():
                assert shares[*who, direction, foot] == pytest.approx(share, abs=1e-6)
                assert share == pytest.approx(few_or_all, abs=0.1)


@pytest.mark.usefixtures("summaries")
def test_engines_agree_to_the_bit():
    with duckdb.connect() as connection:
        one = connection.sql(
            f"SELECT * FROM read_parquet('{STRIDES}', hive_partitioning=true) ORDER BY subject, session, stride_id"
        ).pl()
    other = pl.read_parquet(STRIDES, hive_partitioning=True).sort("subject", "session", "stride_id")
    assert one.equals(other[one.columns])
