"""The promises of `t_emitted_ns` and of equal bytes, kept by the files of a session."""

import random
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from imu.core.tables import ANALYSIS, CONTACTS
from imu.reprocess import reprocess
from imu.store.tables import read_rows

FILES = (*(f"{table.name}.parquet" for table in ANALYSIS), "summary.json")


@pytest.fixture(scope="module", params=["simulated", "ipol-3-6", "felius-good"])
def folder(request, tmp_path_factory) -> Path:
    """A session folder without an analysis."""
    if request.param == "simulated":
        source = request.getfixturevalue("walk_folder")
    else:
        source = request.getfixturevalue("data_dir") / "sessions" / request.param
        if not source.is_dir():
            pytest.skip(f"no recording {request.param} in {source.parent}; name a folder that has it in IMU_DATA_DIR")
    copy = tmp_path_factory.mktemp("session") / request.param
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("analysis", "truth_*"))
    return copy


@pytest.fixture(scope="module")
def analysis(folder, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("analysed")
    reprocess(folder, target)
    return target / "analysis"


def test_twice_the_same_bytes(folder, analysis, tmp_path) -> None:
    reprocess(folder, tmp_path)
    for name in FILES:
        assert (tmp_path / "analysis" / name).read_bytes() == (analysis / name).read_bytes()


def test_a_contact_is_in_the_session_cut_at_its_time_and_not_in_one_a_sample_shorter(
    folder, analysis, tmp_path
) -> None:
    contacts = read_rows(analysis / "contacts.parquet", CONTACTS)
    settled = [row for row in contacts if "at_end" not in row["quality"].split(";")]
    for number, row in enumerate(random.Random(1).sample(settled, 6)):
        there = contacts_until(row["t_emitted_ns"], folder, tmp_path / f"there-{number}")
        assert unsettled(row) in map(unsettled, there)
        earlier = contacts_until(row["t_emitted_ns"] - 1, folder, tmp_path / f"earlier-{number}")
        same = [one for one in earlier if (one["foot"], one["t_contact_ns"]) == (row["foot"], row["t_contact_ns"])]
        assert all("at_end" in one["quality"].split(";") for one in same)


def contacts_until(t_ns: int, folder: Path, copy: Path):
    """Contacts of the session without the samples after t_ns."""
    shutil.copytree(folder, copy)
    for path in sorted((copy / "raw").glob("*.parquet")):
        table = pq.read_table(path)
        pq.write_table(table.filter(pc.less_equal(table["t_ns"], t_ns)), path)
    reprocess(copy, copy)
    return read_rows(copy / "analysis" / "contacts.parquet", CONTACTS)


def unsettled(row):
    """What a contact says when it leaves: its second and final contact come later."""
    return {name: value for name, value in row.items() if name not in ("t_second_ns", "t_release_ns")}
