import json
import os
import shutil
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pyarrow.parquet as pq
import pytest

from imu_bench.detectors import registry
from imu_bench.detectors.registry import GROUP
from imu_bench.peers.catalog import entries
from imu_bench.peers.outside import Peer
from imu_bench.predictions import read_predictions
from imu_bench.running import predict as predicting
from imu_bench.running.digest import of_code, of_modules
from imu_bench.running.heard import hear, lay
from imu_bench.running.ledger import Ledger, read
from imu_bench.running.perturb import perturbed
from imu_bench.running.predict import predict
from imu_bench.running.scenario import Scenario, Staged
from tests.bench.planted import about

HERE = "tests.bench.planted:"
SECRETS = ("truth", "walk", "SIM01", "forward", "activity", "source", "events")


@pytest.fixture
def there(tmp_path, monkeypatch):
    """Planted detectors tell what they saw in files there."""
    folder = tmp_path / "there"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(predicting, "warm_up_once", lambda: None)
    return folder


@pytest.fixture
def folders(copied):
    """A whole one, one without pelvis, one of a single foot."""
    whole, feet, foot = copied("a-1"), copied("a-2"), copied("a-3")
    (feet / "raw" / "pelvis.parquet").unlink()
    (foot / "raw" / "foot_right.parquet").unlink()
    document = json.loads((whole / "session.json").read_text())
    (whole / "session.json").write_text(json.dumps(document | {"truth_ignore_ns": [["left", 1, 2]]}))
    return {folder.name: folder for folder in (whole, feet, foot)}


def of(folders, *, perturbation=None, split="all", names=None):
    return Staged(Scenario("a", split, perturbation), {name: folders[name] for name in names or folders})


def run(scenarios, words, out, **more):
    notes = []
    done = predict(
        scenarios,
        [word if word in ("retrogait",) else HERE + word for word in words],
        out,
        tell=notes.append,
        workers=more.pop("workers", 1),
        **more,
    )
    return done, notes


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def told(out, scenario, name):
    return json.loads((out / "predictions" / scenario / name / "run.json").read_text())


def test_each_session_is_asked_once_and_written_where_it_belongs(there, folders, tmp_path):
    out = tmp_path / "out"
    done, _ = run([of(folders)], ["Counts"], out)
    assert (done.now, done.before, done.failures) == (3, 0, [])
    for name in folders:
        rows = read_predictions(out / "predictions" / "a" / "all" / "counts" / name)["contacts"]
        assert [row["t_contact_ns"] for row in rows] == [3300]
        assert rows[0]["t_told_ns"] is None
    document = told(out, "a/all", "counts")
    assert document["detector"] == {
        "name": "counts", "title": "Counts", "source": "planted", "licence": "MIT", "packages": {"numpy": "2"},
        "kind": "whole",
    }  # fmt: skip
    assert (document["failed"], document["packet_ms"], document["seed"]) == ({}, 10, 1)
    assert str(tmp_path) not in json.dumps(document)


def test_no_detector_sees_what_gives_the_answer_away(there, folders, tmp_path):
    run([of(folders, perturbation="loss-1")], ["Counts", "Outside"], tmp_path / "out")
    seen, laid = lines(there / "seen.jsonl"), lines(there / "laid.jsonl")
    assert len(seen) == len(laid) == 3
    for document in [*seen, *(document for _, document in laid)]:
        assert document.keys() <= {"schema", "subject", "session", "sensors", "subject_info", "sync"}
        assert not any(secret in json.dumps(document) for secret in SECRETS)
    assert sorted(laid[0][0]) == [
        "raw/foot_left.parquet",
        "raw/foot_right.parquet",
        "raw/pelvis.parquet",
        "session.json",
    ]


def test_all_hear_the_same_bits(there, folders, tmp_path):
    for perturbation in (None, "noise-x4", "rate-50", "tilt-20"):
        run([of(folders, perturbation=perturbation, names=["a-1"])], ["Counts", "Outside"], tmp_path / "out")
        found = [
            read_predictions(
                tmp_path / "out" / "predictions" / of(folders, perturbation=perturbation).id / name / "a-1"
            )
            for name in ("counts", "outside")
        ]
        assert found[0] == found[1]


def test_what_is_laid_out_is_what_is_heard(folders, tmp_path):
    heard = perturbed(hear(folders["a-1"]), "jitter-5", seed=1, scenario="a/all+jitter-5", session="a-1")
    lay(heard, tmp_path / "laid")
    again = hear(tmp_path / "laid")
    for sensor, one in heard.samples.items():
        for name in ("t_ns", "seq", "acc", "gyr"):
            assert np.array_equal(getattr(again.samples[sensor], name), getattr(one, name))


def test_who_fails_is_told_in_a_line_and_the_others_go_on(there, folders, tmp_path):
    out = tmp_path / "out"
    done, _ = run([of(folders)], ["Raises", "Counts", "Slips", "Outside", "Sulks"], out)
    reasons = {(one.detector, one.session): one.reason for one in done.failures}
    assert reasons["raises", "a-2"] == "ArithmeticError: no pelvis at all"
    assert ("raises", "a-1") not in reasons
    assert not any(name == "counts" for name, _ in reasons)
    assert "meant 't_contact_ns'" in reasons["slips", "a-1"]
    assert reasons["outside", "a-2"] == "there is no raw/pelvis.parquet"
    assert "wrote no predictions" in reasons["outside", "a-3"]
    assert {reasons["sulks", name] for name in folders} == {"not today"}
    assert done.throughout == ["slips", "sulks"]
    assert not any("\n" in reason or str(tmp_path) in reason for reason in reasons.values())
    assert told(out, "a/all", "raises")["failed"] == {"a-2": reasons["raises", "a-2"]}
    assert not (out / "predictions" / "a" / "all" / "slips" / "a-1").exists()
    assert (out / "predictions" / "a" / "all" / "raises" / "a-1" / "contacts.parquet").exists()


def test_nobody_spoils_it_for_the_next(there, folders, tmp_path):
    done, _ = run([of(folders, names=["a-1"])], ["Spoils", "Counts"], tmp_path / "out")
    assert [(one.detector, one.reason) for one in done.failures] == [
        ("spoils", "ValueError: assignment destination is read-only")
    ]


def test_a_recording_that_can_not_be_read_fails_all_of_them(there, folders, tmp_path):
    (folders["a-1"] / "raw" / "pelvis.parquet").write_bytes(b"PAR1")
    done, _ = run([of(folders, names=["a-1"])], ["Counts", "Outside"], tmp_path / "out")
    reasons = {one.detector: one.reason for one in done.failures}
    assert "raw/pelvis.parquet can't be read" in reasons["counts"]
    assert "can't be read" in reasons["outside"]


class TestAgain:
    def test_what_is_done_is_not_done_again(self, there, folders, tmp_path):
        run([of(folders)], ["Counts", "Outside"], tmp_path / "out")
        before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
        done, _ = run([of(folders)], ["Counts"], tmp_path / "out")
        assert (done.now, done.before) == (0, 3)
        assert len(lines(there / "seen.jsonl")) == 3
        assert {path: path.read_bytes() for path in before} == before

    def test_a_changed_recording_is(self, there, folders, tmp_path):
        run([of(folders)], ["Counts"], tmp_path / "out")
        shutil.copy(folders["a-1"] / "raw" / "foot_right.parquet", folders["a-1"] / "raw" / "foot_left.parquet")
        done, _ = run([of(folders)], ["Counts"], tmp_path / "out")
        assert (done.now, done.before) == (1, 2)

    def test_truth_is_nothing_that_a_detector_hears(self, there, folders, tmp_path):
        run([of(folders)], ["Counts"], tmp_path / "out")
        (folders["a-1"] / "truth_contacts.parquet").unlink()
        assert run([of(folders)], ["Counts"], tmp_path / "out")[0].now == 0

    def test_another_seed_is_where_something_is_random(self, there, folders, tmp_path):
        both = [of(folders), of(folders, perturbation="loss-5")]
        run(both, ["Counts"], tmp_path / "out")
        done, _ = run(both, ["Counts"], tmp_path / "out", seed=2)
        assert (done.now, done.before) == (3, 3)

    def test_another_program_is(self, there, folders, tmp_path, monkeypatch):
        run([of(folders)], ["Counts"], tmp_path / "out")
        monkeypatch.setattr("tests.bench.planted.Counts.about", about("counts", numpy="3"))
        assert run([of(folders)], ["Counts"], tmp_path / "out")[0].now == 3

    def test_failures_are_tried_again(self, there, folders, tmp_path):
        run([of(folders)], ["Raises"], tmp_path / "out")
        done, _ = run([of(folders)], ["Raises"], tmp_path / "out")
        assert (done.now, done.before, len(done.failures)) == (1, 2, 1)

    def test_sessions_that_are_gone_leave_no_predictions(self, there, folders, tmp_path):
        run([of(folders)], ["Counts"], tmp_path / "out")
        run([of(folders, names=["a-1"])], ["Counts"], tmp_path / "out")
        kept = tmp_path / "out" / "predictions" / "a" / "all" / "counts"
        assert sorted(path.name for path in kept.iterdir()) == ["a-1", "run.json"]

    def test_what_others_found_of_something_else_no_longer_counts(self, there, folders, tmp_path):
        out = tmp_path / "out"
        run([of(folders)], ["Counts", "Raises"], out)
        # the very same recordings: it stays, aloud
        assert run([of(folders)], ["Counts"], out)[1] == ["scored as found before: raises"]
        assert (out / "predictions" / "a" / "all" / "raises" / "run.json").exists()
        _, notes = run([of(folders, names=["a-1"])], ["Counts"], out)
        assert len(notes) == 1
        assert notes[0] == "what raises found before was of other recordings or another seed; left out of a/all"
        assert not (out / "predictions" / "a" / "all" / "raises" / "run.json").exists()

    def test_what_others_found_by_another_program_no_longer_counts(self, there, folders, tmp_path, monkeypatch):
        out = tmp_path / "out"
        both = [of(folders, names=["a-1"]), of(folders, split="forward", names=["a-1"])]
        run(both, ["retrogait", "Raises"], out)
        assert run(both, ["Counts"], out)[1] == ["scored as found before: raises, retrogait"]
        monkeypatch.setattr("imu_bench.detectors.ours.Ours.about", about("retrogait", numpy="another"))
        assert run(both, ["Counts"], out)[1] == [
            "what retrogait found before was by another version of it; left out of a/all and 1 more",
            "scored as found before: raises",
        ]
        assert not (out / "predictions" / "a" / "all" / "retrogait" / "run.json").exists()

    @pytest.mark.parametrize("harm", ["unlink", "cut", "folder", "more"])
    def test_what_was_damaged_since_is_done_again(self, there, folders, tmp_path, harm):
        out = tmp_path / "out"
        run([of(folders)], ["Counts"], out)
        path = out / "predictions" / "a" / "all" / "counts" / "a-2" / "contacts.parquet"
        content = path.read_bytes()
        if harm == "unlink":
            path.unlink()
        elif harm == "cut":
            path.write_bytes(content[:-7])
        elif harm == "folder":
            shutil.rmtree(path.parent)
        else:
            shutil.copy(path, path.with_name("strides.parquet"))
        done, _ = run([of(folders)], ["Counts"], out)
        assert (done.now, done.before) == (1, 2)
        assert [one.name for one in path.parent.iterdir()] == ["contacts.parquet"]
        assert path.read_bytes() == content
        assert run([of(folders)], ["Counts"], out)[0].now == 0

    def test_a_damaged_run_json_is_none(self, there, folders, tmp_path):
        run([of(folders)], ["Counts"], tmp_path / "out")
        folder = tmp_path / "out" / "predictions" / "a" / "all" / "counts"
        for text in ("{", "[]", '{"schema": "another"}', '{"schema": "retrogait.predictions/1", "made_of": 1}'):
            (folder / "run.json").write_text(text)
            assert read(folder) == {}
            assert run([of(folders)], ["Counts"], tmp_path / "out")[0].now == 3

    def test_what_breaks_off_is_not_taken_for_done(self, folders, tmp_path):
        ledger = Ledger.open(tmp_path, "a/all", about("counts"), "whole", 1)
        assert ledger.begin({"a-1": "x", "a-2": "y"}) == ["a-1", "a-2"]
        (ledger.folder / "a-1").mkdir()
        again = Ledger.open(tmp_path, "a/all", about("counts"), "whole", 1)
        assert again.begin({"a-1": "x", "a-2": "y"}) == ["a-1", "a-2"]
        assert not (ledger.folder / "a-1").exists()


class TestCode:
    """What a detector's predictions are made of, beside the recording."""

    @pytest.fixture(autouse=True)
    def _anew(self):
        of_code.cache_clear()
        of_modules.cache_clear()
        yield
        of_code.cache_clear()
        of_modules.cache_clear()

    def test_the_module_that_makes_a_detector_is_part_of_it(self, there, monkeypatch):
        monkeypatch.syspath_prepend(str(there))
        module = there / "makes_one.py"
        module.write_text("from tests.bench.planted import Counts\n\ndef make():\n    return Counts()\n")
        ready = predicting._ready
        before = ready("makes_one:make").code
        entry = EntryPoint("counts", "makes_one:make", GROUP)
        monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
        monkeypatch.setattr(predicting, "entry_points", lambda group, name: [entry] if name == "counts" else [])
        named = ready("counts").code
        module.write_text(module.read_text() + "# and more\n")
        of_code.cache_clear()
        of_modules.cache_clear()
        assert ready("makes_one:make").code != before
        assert ready("counts").code != named
        assert ready(f"{HERE}Counts").code == ready(f"{HERE}Counts").code

    def test_what_a_peer_is_told_and_what_it_needs_are_part_of_it(self, monkeypatch, tmp_path):
        monkeypatch.setenv("RETROGAIT_PEERS", str(tmp_path))
        entry = entries()[0]
        found = []
        for one in (
            entry,
            replace(entry, options={"another": 1}),
            replace(entry, runner=entry.runner.with_name("another.py")),
            replace(entry, environment=replace(entry.environment, requires=("numpy==1",))),
        ):
            monkeypatch.setattr(predicting, "detector", lambda word, one=one: Peer.installed(one))
            found.append(predicting._ready(entry.name).code)
        assert len(set(found)) == len(found)

    @pytest.mark.parametrize("word", ["Outside", "Counts"])
    def test_how_it_is_asked_is_part_of_it(self, monkeypatch, word):
        before = predicting._ready(HERE + word).code
        monkeypatch.setattr(predicting, "SEEN", ("feed", "heard"))
        assert predicting._ready(HERE + word).code != before


def test_git_takes_no_predictions(there, folders, tmp_path):
    run([of(folders)], ["Counts"], tmp_path / "out")
    assert (tmp_path / "out" / "predictions" / ".gitignore").read_text() == "*\n"


def test_a_part_is_copied_from_the_whole(there, folders, tmp_path):
    out = tmp_path / "out"
    parts = [of(folders, split="forward", names=["a-1", "a-2"]), of(folders)]
    done, _ = run(parts, ["Counts", "Raises", "Outside"], out)
    assert len(lines(there / "seen.jsonl")) == len(lines(there / "laid.jsonl")) == 3
    assert done.now == 15
    for name in ("counts", "raises", "outside"):
        whole, part = told(out, "a/all", name), told(out, "a/forward", name)
        assert part["made_of"] == {one: whole["made_of"][one] for one in ("a-1", "a-2")}
        assert part["failed"] == {one: why for one, why in whole["failed"].items() if one in ("a-1", "a-2")}
    folder = out / "predictions" / "a"
    one, other = (folder / split / "counts" / "a-1" / "contacts.parquet" for split in ("all", "forward"))
    assert one.read_bytes() == other.read_bytes()
    assert run(parts, ["Counts"], out)[0].now == 0


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="so many samples take long as plain Python")
def test_processes_make_no_difference(there, folders, tmp_path):
    scenarios = [of(folders), of(folders, perturbation="loss-10")]
    outs = [tmp_path / "one", tmp_path / "two"]
    for workers, out in enumerate(outs, 1):
        run(scenarios, ["retrogait", "Raises", "Outside"], out, workers=workers)
    files = [
        {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for out in outs
    ]
    assert files[0] == files[1]
    contacts = [name for name in files[0] if name.endswith("retrogait/a-1/contacts.parquet")]
    assert len(contacts) == 2
    assert all(pq.read_table(outs[0] / name)["t_told_ns"].null_count == 0 for name in contacts)
