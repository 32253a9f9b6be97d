"""Data sets that do not make all of their sessions."""

import json
import shutil

import pytest

from imu.core.errors import CannotWrite
from imu_bench.running import recordings
from imu_bench.running.choose import choose
from imu_bench.running.recordings import NoRecordings, left_out, made
from imu_bench.running.simulated import simulations
from imu_datasets.dataset import BadOriginal


@pytest.fixture
def originals(monkeypatch, tmp_path):
    """Files of two data sets."""
    monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path / "data"))
    folders = {name: tmp_path / "data" / "originals" / name for name in ("gaitmap", "ipol")}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "one.txt").write_text("1")
    return folders


@pytest.fixture
def converting(monkeypatch, copied, originals):
    """What data sets make, by name: sessions and errors. Tells how often each was made."""
    makes = {}
    calls = []

    def convert(sets, store, *, overwrite):
        for one in sets:
            calls.append(one.name)
            for found in makes.get(one.name, ()):
                if isinstance(found, str):
                    if not (store.parents[2] / found).exists():
                        copied(found)
                    shutil.copytree(store.parents[2] / found, store / "subject=S" / f"session={found}")
                    yield one, store
                else:
                    yield one, found

    monkeypatch.setattr(recordings, "convert", convert)
    return makes, calls


def test_what_could_not_be_made_is_told_at_every_call(converting, originals, tmp_path):
    makes, calls = converting
    out = tmp_path / "out"
    makes["ipol"] = [
        "ipol-1",
        BadOriginal(f"{originals['ipol'] / 'two.txt'}: line 3\nhas no number"),
        ValueError(f"{out / 'recordings' / 'ipol'} is odd"),
    ]
    assert left_out("ipol", out) == []
    first, second = [], []
    assert list(made("ipol", out, first.append)) == list(made("ipol", out, second.append)) == ["ipol-1"]
    assert calls == ["ipol"]
    assert first[0] == "making sessions of ipol"
    assert len(first) == 3
    assert second == ["ipol: two.txt: line 3 has no number", "ipol: ipol is odd"]
    assert left_out("ipol", out) == ["two.txt: line 3 has no number", "ipol is odd"]
    assert str(tmp_path) not in (out / "recordings" / "ipol" / "made.json").read_text()


def test_a_data_set_that_makes_nothing_is_tried_again(converting, tmp_path):
    makes, calls = converting
    makes["ipol"] = [BadOriginal("all is broken")]
    for _ in range(2):
        with pytest.raises(NoRecordings, match="the originals of ipol make no session"):
            made("ipol", tmp_path / "out", print)
    makes["ipol"] = ["ipol-1"]
    assert list(made("ipol", tmp_path / "out", print)) == ["ipol-1"]
    assert calls == ["ipol"] * 3
    assert left_out("ipol", tmp_path / "out") == []


def test_what_only_the_machine_refused_is_tried_again(converting, tmp_path):
    makes, calls = converting
    makes["ipol"] = ["ipol-1", CannotWrite("can't write it: No space left on device")]
    made("ipol", tmp_path / "out", print)
    assert left_out("ipol", tmp_path / "out") == ["can't write it: No space left on device"]
    makes["ipol"] = ["ipol-1", "ipol-2"]
    assert list(made("ipol", tmp_path / "out", print)) == ["ipol-1", "ipol-2"]
    made("ipol", tmp_path / "out", print)
    assert calls == ["ipol"] * 2
    assert left_out("ipol", tmp_path / "out") == []


def test_a_damaged_made_json_is_none(converting, tmp_path):
    makes, calls = converting
    makes["ipol"] = ["ipol-1"]
    path = tmp_path / "out" / "recordings" / "ipol" / "made.json"
    for text in ("{", "[]", '{"left_out": 1}', '{"left_out": [1]}'):
        made("ipol", tmp_path / "out", print)
        path.write_text(text)
        assert left_out("ipol", tmp_path / "out") == []
    made("ipol", tmp_path / "out", print)
    assert len(calls) == 5
    assert json.loads(path.read_text())["left_out"] == []


def test_of_everything_one_that_makes_nothing_is_left_out_aloud(converting, monkeypatch, tmp_path):
    makes, calls = converting
    makes["gaitmap"] = [BadOriginal("all is broken")]
    makes["ipol"] = ["ipol-1"]
    few = [one for one in simulations() if one.name == "simulated-forward-1"]
    monkeypatch.setattr("imu_bench.running.simulated.simulations", lambda: iter(few))
    asked = {"sessions": None, "private": False, "out": tmp_path / "out"}
    notes = []
    found = choose((), everything=True, tell=notes.append, **asked)
    assert {one.data for one in found} == {"ipol", "simulated"}
    assert calls == ["gaitmap", "ipol"]
    said = [note for note in notes if "originals of gaitmap make no session" in note]
    assert len(said) == 1
    assert said[0].endswith("; left out")
    with pytest.raises(NoRecordings, match="originals of gaitmap make no session"):
        choose(["ipol/all", "gaitmap/all"], everything=False, **asked)


def test_git_takes_no_recordings(converting, tmp_path):
    converting[0]["ipol"] = ["ipol-1"]
    path = tmp_path / "out" / "recordings" / ".gitignore"
    made("ipol", tmp_path / "out", print)
    assert path.read_text() == "*\n"
    path.write_text("# mine\n")
    made("ipol", tmp_path / "out", print)
    assert path.read_text() == "# mine\n"
