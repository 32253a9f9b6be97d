"""The command `imu-data`, on made-up data sets."""

import json
import subprocess
import sys

import numpy as np
import pytest

from imu.core.tables import TRUTH_CONTACTS
from imu.store.folder import find_sessions, read_session
from imu.store.tables import read_rows
from imu_datasets.card import card_of
from imu_datasets.cli import main
from imu_datasets.dataset import BadOriginal, DataSet
from imu_datasets.index import Index, index_of, look_at
from imu_datasets.recorded import Recorded, document_of, evenly, true_contact
from tests.datasets import test_dot

CARD = {
    "title": "Walks of nobody",
    "about": "Nobody walked.",
    "licence": "CC0 (nobody's: take it)",
    "citation": "Nobody 2020",
    "figures": "published",
    "kind": "made up",
    "frames": "x forward, y left, z up",
    "truth": {"contact": "every tenth sample"},
}


class Reader:
    """A file a session: how many samples it has."""

    def __init__(self, subject):
        self.subject = subject

    def recordings(self, root):
        for path in sorted(root.glob("*.txt")):
            text = path.read_text()
            if text == "broken":
                yield BadOriginal(f"{path.name} is broken; want a number")
                continue
            if text == "end":
                raise BadOriginal(f"{path.name} is the end; want a number")
            n = int(text)
            document = document_of(self.subject, path.stem, {"foot_left": {"rate_hz": 100.0}})
            yield Recorded(
                document,
                {"foot_left": evenly(np.ones((n, 3)), np.zeros((n, 3)), 100.0)},
                [true_contact("left", 10**8 * k) for k in range(n // 10)],
            )


class Home:
    """Two data sets below IMU_DATA_DIR, and the command to ask for them."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys, self.known = folder, capsys, []

    def add(self, name, figures="published", subject="S01", indexed=True, **files):
        root = self.folder / "originals" / name
        root.mkdir(parents=True)
        for stem, text in files.items():
            (root / f"{stem}.txt").write_text(text)
        index = Index(tuple(look_at(root)), tuple(sorted(files))) if indexed else Index()
        card = card_of(name, CARD | {"figures": figures})
        self.known.append(DataSet(name, card, index, lambda: Reader(subject)))
        return root

    def __call__(self, *words):
        self.capsys.readouterr()
        try:
            code = main([str(word) for word in words], known=self.known)
        except SystemExit as leaving:
            code = leaving.code
        said = self.capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def imu_data(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path / "data"))
    return Home(tmp_path / "data", capsys)


def test_list_tells_what_is_here(imu_data):
    root = imu_data.add("park", a="100", b="50")
    imu_data.add("street", figures="private", c="70")
    imu_data.add("wood", indexed=False)
    code, out, err = imu_data("list")
    assert (code, err) == (0, "")
    assert [line.split()[:4] for line in out.splitlines()] == [
        ["name", "files", "sessions", "figures"],
        ["park", "all", "2", "published"],
        ["street", "all", "1", "private"],
        ["wood", "?", "?", "published"],
    ]
    assert out.splitlines()[1].endswith("CC0      Walks of nobody")
    (root / "a.txt").unlink()
    assert "park    1 of 2" in imu_data("list")[1]
    (root / "b.txt").unlink()
    assert "park    none" in imu_data("list")[1]


def test_list_tells_programs_the_same(imu_data):
    root = imu_data.add("park", a="100", b="50")
    (root / "a.txt").unlink()
    code, out, _ = imu_data("list", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["home"] == str(imu_data.folder)
    (row,) = said["datasets"]
    assert row == {
        "name": "park",
        "title": "Walks of nobody",
        "kind": "made up",
        "licence": "CC0 (nobody's: take it)",
        "citation": "Nobody 2020",
        "figures": "published",
        "folder": str(root),
        "files": 2,
        "files_there": 1,
        "sessions": 2,
    }


def test_verify_is_content_with_what_the_index_says(imu_data):
    imu_data.add("park", a="100", b="50")
    imu_data.add("street", c="70")
    assert imu_data("verify", "street", "park", "street") == (
        0,
        "street: 1 of 1 file good\npark: 2 of 2 files good\n",
        "",
    )


def test_verify_names_what_is_not_good(imu_data):
    root = imu_data.add("park", a="100", b="50", c="30")
    imu_data.add("street", d="70")
    (root / "a.txt").write_text("101")
    (root / "c.txt").unlink()
    code, out, err = imu_data("verify", "park", "street")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"differs  {root / 'a.txt'}",
        f"missing  {root / 'c.txt'}",
        "park: 1 of 3 files good",
        "street: 1 of 1 file good",
    ]


def test_verify_goes_on_after_what_is_not_there(imu_data):
    root = imu_data.add("park", a="100")
    imu_data.add("wood", indexed=False)
    imu_data.add("street", c="70")
    (root / "a.txt").unlink()
    root.rmdir()
    code, out, err = imu_data("verify", "park", "wood", "street")
    assert (code, out) == (1, "street: 1 of 1 file good\n")
    first, second = err.splitlines()
    assert first.startswith(f"imu-data: no files of park: {root} is not there; want them there, or IMU_DATA_DIR")
    assert second.startswith("imu-data: wood has no index")


def test_convert_makes_sessions_with_truth_beside(imu_data, tmp_path):
    imu_data.add("park", a="100", b="50")
    store = tmp_path / "store"
    code, out, err = imu_data("convert", "park", "--out", store)
    assert (code, err) == (0, "")
    assert out == f"park: 2 sessions in {store}\nnext: imu reprocess {store}\n"
    folders = find_sessions([str(store)])
    assert folders == [store / "subject=S01" / "session=a", store / "subject=S01" / "session=b"]
    assert [read_session(folder).session for folder in folders] == ["a", "b"]
    assert len(read_rows(folders[0] / "truth_contacts.parquet", TRUTH_CONTACTS)) == 10


def test_convert_only_those_whose_name_matches(imu_data, tmp_path):
    imu_data.add("park", a1="100", a2="50", b1="60")
    code, out, _ = imu_data("convert", "park", "--out", tmp_path / "store", "--only", "a*")
    assert code == 0
    assert out.startswith("park: 2 sessions in")
    assert imu_data("convert", "park", "--out", tmp_path / "other", "--only", "z*") == (
        1,
        "",
        "imu-data: no session whose name matches 'z*' in park; want at least one (see imu-data list)\n",
    )


def test_convert_writes_over_nothing_unless_told(imu_data, tmp_path):
    root = imu_data.add("park", a="100", b="50")
    store = tmp_path / "store"
    assert imu_data("convert", "park", "--out", store, "--only", "a")[0] == 0
    (root / "a.txt").write_text("20")
    truth = store / "subject=S01" / "session=a" / "truth_contacts.parquet"
    code, out, err = imu_data("convert", "park", "--out", store)
    assert code == 1
    assert "park: 1 session in" in out
    assert err.startswith("imu-data: park: ")
    assert "holds a session already; want --overwrite, or another folder" in err
    assert len(err.splitlines()) == 1
    assert len(read_rows(truth, TRUTH_CONTACTS)) == 10
    code, out, err = imu_data("convert", "park", "--out", store, "--overwrite")
    assert (code, err) == (0, "")
    assert len(read_rows(truth, TRUTH_CONTACTS)) == 2


def test_convert_goes_on_after_a_broken_original(imu_data, tmp_path):
    imu_data.add("park", a="100", b="broken", c="30")
    imu_data.add("street", subject="S02", d="70")
    code, out, err = imu_data("convert", "park", "street", "--out", tmp_path)
    assert code == 1
    assert err == "imu-data: park: b.txt is broken; want a number\n"
    assert out.splitlines()[:2] == [f"park: 2 sessions in {tmp_path}", f"street: 1 session in {tmp_path}"]


@pytest.mark.parametrize("text", ["end", "seven", "\udce4"])
def test_convert_goes_on_with_other_data_sets_after_one_that_breaks_off(imu_data, tmp_path, text):
    root = imu_data.add("park", a="100", b="1", c="30")
    imu_data.add("street", subject="S02", d="70")
    (root / "b.txt").write_bytes(text.encode("utf-8", "surrogateescape"))
    code, out, err = imu_data("convert", "park", "street", "--out", tmp_path)
    assert code == 1
    assert err.startswith("imu-data: park: ")
    assert "what follows of park is left out" in err
    assert len(err.splitlines()) == 1
    assert out.splitlines()[:2] == [f"park: 1 session in {tmp_path}", f"street: 1 session in {tmp_path}"]


def test_convert_refuses_a_second_session_of_a_name_even_if_it_may_overwrite(imu_data, tmp_path):
    imu_data.add("park", a="100")
    imu_data.add("street", a="70")
    code, out, err = imu_data("convert", "park", "street", "--out", tmp_path, "--overwrite")
    assert (code, err) == (1, "imu-data: street: a comes twice; want one session of that name\n")
    assert out.startswith("park: 1 session in")


def test_convert_says_why_it_cannot_write(imu_data, tmp_path):
    imu_data.add("park", a="100", b="100")
    (tmp_path / "file").write_text("")
    code, out, err = imu_data("convert", "park", "--out", tmp_path / "file")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 2
    assert all(line.startswith("imu-data: park: can't ") for line in err.splitlines())


def test_files_may_lie_in_a_folder_of_ones_own(imu_data, tmp_path):
    root = imu_data.add("park", a="100", b="50")
    own = tmp_path / "own"
    root.rename(own)
    assert imu_data("verify", "park")[0] == 1
    assert imu_data("verify", "park", "--from", own) == (0, "park: 2 of 2 files good\n", "")
    code, out, err = imu_data("convert", "park", "--from", own, "--out", tmp_path / "store")
    assert (code, err) == (0, "")
    assert out.startswith("park: 2 sessions in")
    assert index_of(imu_data("index", "park", "--from", own)[1]).sessions == ("a", "b")
    code, out, err = imu_data("convert", "park", "--from", tmp_path / "none", "--out", tmp_path / "store")
    assert (code, out) == (1, "")
    assert f"no files of park: {tmp_path / 'none'} is not there; want a folder" in err


def test_recordings_of_ones_own_are_converted_from_where_they_lie(tmp_path, rng, capsys):
    test_dot.export(tmp_path / "exports" / "S01" / "walk" / "foot_left.csv", rng)
    assert main(["convert", "dot", "--from", str(tmp_path / "exports"), "--out", str(tmp_path / "store")]) == 0
    assert capsys.readouterr().out.startswith("dot: 1 session in")
    [folder] = find_sessions([str(tmp_path / "store")])
    assert folder == tmp_path / "store" / "subject=S01" / "session=walk"
    session = read_session(folder)
    assert (session.sensors["foot_left"].rate_hz, session.sensors["foot_left"].mounting) == (60.0, None)


def test_index_prints_what_verify_holds_files_against(imu_data):
    imu_data.add("park", indexed=False, a="100", b="50")
    code, out, err = imu_data("index", "park")
    assert (code, err) == (0, "")
    index = index_of(out)
    assert index.sessions == ("a", "b")
    imu_data.known[0] = DataSet("park", imu_data.known[0].card, index, lambda: None)
    assert imu_data("verify", "park")[:2] == (0, "park: 2 of 2 files good\n")


def test_a_folder_of_ones_own_is_of_one_data_set(imu_data, tmp_path):
    imu_data.add("park", a="100")
    imu_data.add("street", c="70")
    code, out, err = imu_data("verify", "park", "street", "--from", tmp_path)
    assert (code, out, err) == (2, "", "imu-data: --from for 2 data sets; want one NAME with it\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "required: COMMAND (see imu-data --help)"),
        (("verify",), "required: NAME (see imu-data verify --help)"),
        (("convert", "park"), "required: --out (see imu-data convert --help)"),
        (("convert", "park", "--out", "s", "--over"), "unrecognized arguments: --over (see imu-data --help)"),
        (("convert", "park", "lake", "--out", "s", "--from", "x"), "no data set 'lake'; want park"),
        (("verify", "park", "park", "--from"), "argument --from: expected one argument (see imu-data verify --help)"),
        (("verify", "parc"), "no data set 'parc'; want park (meant 'park'?)"),
        (("convert", "park", "lake", "--out", "s"), "no data set 'lake'; want park"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(imu_data, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    imu_data.add("park", a="100")
    code, out, err = imu_data(*words)
    assert (code, out) == (2, "")
    assert err.startswith("imu-data: ")
    assert err.endswith(f"{said}\n")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("words", [(), ("list",), ("fetch",), ("verify",), ("convert",), ("index",)])
def test_each_help_has_examples(imu_data, words):
    code, out, _ = imu_data(*words, "--help")
    assert code == 0
    assert "examples:\n  imu-data " in out


def test_a_mistake_of_ours_is_one_line_too(imu_data, monkeypatch):
    imu_data.add("park", a="100")
    monkeypatch.setattr("imu_datasets.cli.verify", lambda *_: 1 / 0)
    code, _, err = imu_data("verify", "park")
    assert (code, err) == (
        1,
        "imu-data: internal error: ZeroDivisionError: division by zero; run with IMU_DEBUG=1 for the traceback\n",
    )


def test_help_waits_for_no_heavy_library():
    script = (
        "import sys; from imu_datasets.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'pyarrow', 'pooch', 'requests') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


def test_the_package_lists_its_own(capsys):
    assert main(["list"]) == 0
    assert capsys.readouterr().out.startswith("name")
