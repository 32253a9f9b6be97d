import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imu.core.errors import BadSessionFile, BadTableFile
from imu.core.session import Session
from imu.store.folder import read_session
from imu_bench.accuracy import measure
from imu_bench.accuracy_report import markdown, text
from imu_bench.truth import Hole, read_truth
from tests.bench.published import SOURCES


def with_keys(folder, **keys):
    document = json.loads((folder / "session.json").read_text()) | keys
    (folder / "session.json").write_text(json.dumps(document))
    return Session.parse(document)


def test_session_json_tells_of_the_truth(copied):
    folder = copied()
    found = read_truth(folder, with_keys(folder, truth_complete=False, truth_ignore_ns=[["left", 1, 2]]))
    assert (found.complete, found.holes) == (False, (Hole("left", 1, 2),))


@pytest.mark.parametrize(
    "keys",
    [
        {"truth_complete": "no"},
        {"truth_ignore_ns": {"left": [1, 2]}},
        {"truth_ignore_ns": [["foot_left", 1, 2]]},
        {"truth_ignore_ns": [["left", 2, 1]]},
        {"truth_ignore_ns": [["left", 1.5, 2]]},
        {"truth_ignore_ns": ["left"]},
    ],
)
def test_what_session_json_can_not_mean_is_refused(keys, copied):
    folder = copied()
    with pytest.raises(BadSessionFile, match="want"):
        read_truth(folder, with_keys(folder, **keys))


def test_truth_of_no_foot_is_refused(copied):
    folder = copied()
    file = folder / "truth_contacts.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(0, "foot", pa.array(["L"] * len(table))), file)
    with pytest.raises(BadTableFile, match="'L'; want left or right"):
        read_truth(folder, read_session(folder))


def test_a_simulated_walk_is_found(walk_folder):
    result = measure([str(walk_folder)])
    assert result["sessions"]["compared"] == ["SIM01/walk"]
    for walking in ("forward", "backward"):
        figures = result["groups"]["simulated walk"][walking]
        assert figures["f1"] == figures["direction"]["right"] == figures["pattern"]["right"] == 1.0
    assert f"simulated walk  forward {result['groups']['simulated walk']['forward']['contacts']:>10}" in text(result)
    assert "| simulated walk | backward |" in markdown(result)
    assert json.loads(json.dumps(result)) == result


def test_a_session_that_fails_counts_as_missed(copied):
    good, bad, bare = copied("a-good"), copied("a-bad"), copied("a-bare")
    (bad / "raw" / "foot_left.parquet").write_bytes(b"PAR1")
    (bare / "truth_contacts.parquet").unlink()
    notes = []
    result = measure([str(good), str(bad), str(bare), str(bare / "no-where")], by="session", say=notes.append)
    assert result["sessions"]["compared"] == ["SIM01/a-good", "SIM01/a-bad"]
    assert result["sessions"]["without_truth"] == ["SIM01/a-bare"]
    assert len(result["sessions"]["failed"]) == 2
    assert len(notes) == 3
    assert not any("\n" in note for note in notes)
    for figures in result["groups"]["SIM01/a-bad"].values():
        assert figures["missed"] == figures["contacts"] > 0
        assert figures["f1"] == 0.0
    # by source they are one group
    both = measure([str(good), str(bad)])["groups"]["simulated a"]["forward"]
    assert 0.4 < both["f1"] < 0.75


def test_partial_truth_is_said_by_name_or_in_session_json(copied):
    folders = copied("a-1"), copied("a-2"), copied("b-1")
    with_keys(folders[2], truth_complete=False)
    result = measure([str(folder) for folder in folders], partial_truth=["a-*2"])
    assert result["sessions"]["partial_truth"] == ["SIM01/a-2", "SIM01/b-1"]


def test_the_command(bench, copied):
    folder = copied("some-walk")
    code, out, err = bench("accuracy", folder)
    assert (code, err) == (0, "")
    assert "some" in out
    code, out, err = bench("accuracy", folder, "--json", "--by", "session")
    assert (code, err) == (0, "")
    assert list(json.loads(out)["groups"]) == ["SIM01/some-walk"]
    code, out, err = bench("accuracy", folder, folder / "no", "--markdown")
    assert code == 1
    assert out.startswith("| source | walking | contacts |")
    assert err.startswith("imu_bench: ")
    assert err.count("\n") == 1
    (folder / "truth_contacts.parquet").unlink()
    code, out, err = bench("accuracy", folder)
    assert (code, out) == (1, "")
    assert "nothing to compare" in err
    assert bench("accuracy")[0] == bench("accuracy", folder, "--by", "foot")[0] == 2
    assert "--partial-truth" in bench("accuracy", "--help")[1]


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python")
@pytest.mark.parametrize("source", SOURCES)
def test_real_walking_is_found(source, folders_of):
    result = measure(folders_of(source), partial_truth=["gaitmap-*"])
    assert not result["sessions"]["failed"]
    walkings = result["groups"][source].keys() - {"unknown"}
    assert walkings
    for walking in walkings:
        figures = result["groups"][source][walking]
        assert figures["f1"] >= 0.85, walking
        assert figures["direction"]["right"] >= 0.98, walking
