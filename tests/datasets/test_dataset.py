"""Data sets by name, and where their files lie."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from imu_datasets.card import card_of
from imu_datasets.dataset import READERS, BadOriginal, DataSet, NoDataSet, dataset, home, names
from imu_datasets.index import Index

CARD = {
    "title": "Walks",
    "about": "Two people walked.",
    "licence": "CC0",
    "citation": "Nobody 2020",
    "figures": "published",
    "kind": "real",
    "frames": "x forward, y left, z up",
    "truth": {},
}


class Reader:
    def __init__(self, *found):
        self.found = found
        self.roots = []

    def recordings(self, root):
        self.roots.append(root)
        yield from self.found


def walks(*found):
    reader = Reader(*found)
    return reader, DataSet("walks", card_of("walks", CARD), Index(), lambda: reader)


def test_files_lie_below_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path))
    (tmp_path / "originals" / "walks").mkdir(parents=True)
    reader, data = walks()
    assert list(data.recordings()) == []
    assert reader.roots == [tmp_path / "originals" / "walks"]


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_they_lie_in_the_cache(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("IMU_DATA_DIR", raising=False)
    else:
        monkeypatch.setenv("IMU_DATA_DIR", value)
    assert home() == Path.home() / ".cache" / "retrogait" / "data"


def test_another_folder_may_be_named(tmp_path):
    reader, data = walks()
    assert list(data.found(tmp_path)) == []
    assert reader.roots == [tmp_path]


def test_files_that_are_not_there_are_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path))
    with pytest.raises(
        NoDataSet, match=r"no files of walks: .* is not there; want them there, or IMU_DATA_DIR"
    ) as refused:
        walks()[1].root()
    assert "\n" not in str(refused.value)


def test_what_is_broken_stands_in_its_place_or_stops_who_wants_all(tmp_path):
    broken = BadOriginal("a.txt has no rows; want samples")
    one, other = object(), object()
    _, data = walks(one, broken, other)
    assert list(data.found(tmp_path)) == [one, broken, other]
    with pytest.raises(BadOriginal, match="no rows"):
        list(data.recordings(tmp_path))


@pytest.mark.parametrize("name", names())
def test_each_is_found_by_its_name_and_its_reader_loads(name, tmp_path):
    data = dataset(name)
    assert (data.name, data.card.name) == (name, name)
    # an empty folder holds no session, or lacks a file that is wanted: never a mistake of ours
    with suppress(BadOriginal):
        assert list(data.recordings(tmp_path)) == []


def test_a_wrong_name_gets_the_near_one():
    with pytest.raises(NoDataSet, match=r"no data set 'gaitmpa'; want .*gaitmap.* \(meant 'gaitmap'\?\)"):
        dataset("gaitmpa")


def test_names_load_no_reader_and_no_numpy():
    script = (
        "import sys; from imu_datasets.dataset import names; names(); "
        "print([m for m in sys.modules if m in ('numpy', 'pyarrow') or m.startswith('imu_datasets.readers')])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert list(names()) == sorted(READERS)
