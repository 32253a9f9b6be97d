import json
import shutil

import pytest

from imu.store.folder import read_session
from imu_bench.detector import About
from imu_bench.predictions import write_predictions
from imu_bench.running import recordings
from imu_bench.running.ledger import Ledger
from imu_bench.running.predict import Done
from imu_bench.running.scenario import Scenario, Staged
from imu_bench.scoring.figures import KEYS
from imu_bench.scoring.score import BadRun, known, scored, write_accuracy
from imu_bench.truth import read_truth
from tests.bench.made_up_walks import MS, found_as

ABOUT = About("made-up", "Made up", "nobody", "MIT", {"made-up": "1.0"})
OTHER = About("other", "Another", "nobody", "MIT", {})


@pytest.fixture
def sessions(copied):
    """Three session folders of three people."""
    found = {}
    for number in range(3):
        name = f"walk-{number}"
        folder = copied(name)
        document = json.loads((folder / "session.json").read_text()) | {"subject": f"S{number}"}
        (folder / "session.json").write_text(json.dumps(document))
        found[name] = folder
    return found


def staged(sessions, data="simulated", split="all", perturbation=None):
    return Staged(Scenario(data, split, perturbation), sessions)


def predict(out, scenario, *, about=ABOUT, kind="streaming", failed=None, late_ms=0, skip=()):
    """Predictions that are true, but for being late."""
    ledger = Ledger.open(out, scenario.id, about, kind, 1)
    ledger.failed = dict(failed or {})
    ledger.save()
    for name, folder in scenario.sessions.items():
        if name in ledger.failed or name in skip:
            continue
        truth = read_truth(folder, read_session(folder))
        tables = found_as(truth.contacts)
        for row in tables["contacts"]:
            row["t_contact_ns"] += late_ms * MS
        tables["steps"] = []
        write_predictions(ledger.folder / name, tables)
    return ledger.folder


def accuracy(out, *scenarios, **how):
    return json.loads(write_accuracy(out, scenarios, resamples=50, **how).read_text("utf-8"))


def test_accuracy_json_says_who_what_and_how_well(sessions, tmp_path):
    whole = staged(sessions)
    predict(tmp_path, whole)
    predict(tmp_path, whole, about=OTHER, kind="whole", late_ms=20)
    found = accuracy(tmp_path, whole)
    assert (found["schema"], found["seed"], found["resamples"], found["interval"]) == (
        "retrogait.accuracy/1",
        1,
        50,
        0.95,
    )
    assert found["private"] is False
    assert found["software"].keys() == {"retrogait"}
    assert found["detectors"] == {
        "made-up": {
            "title": "Made up",
            "source": "nobody",
            "licence": "MIT",
            "packages": {"made-up": "1.0"},
            "kind": "streaming",
        },
        "other": {"title": "Another", "source": "nobody", "licence": "MIT", "packages": {}, "kind": "whole"},
    }
    data = found["data"]["simulated"]
    assert (data["sessions"], data["subjects"], data["figures"]) == (3, 3, "published")
    assert data["digest"].startswith("sha256:")
    assert data["truth"]
    [scenario] = found["scenarios"].values()
    assert (scenario["data"], scenario["split"], scenario["perturbation"]) == ("simulated", "all", None)
    assert (scenario["sessions"], scenario["subjects"]) == (3, 3)
    assert scenario["minutes"] == pytest.approx(3 * 33 / 60, abs=0.01)
    for late_ms, answer in ((0, scenario["detectors"]["made-up"]), (20, scenario["detectors"]["other"])):
        assert answer["failed"] == {}
        assert answer["walking"].keys() == {"all", "forward", "backward", "in_place"}
        for figures in answer["walking"].values():
            assert figures.keys() <= set(KEYS)
            # what nobody asked for and nobody found is left out
            assert all(figure["n"] or figure["asked"] or figure["value"] is not None for figure in figures.values())
            assert figures["timing_bias_ms"]["value"] == late_ms
            assert figures["f1_25ms"] == {"value": 1.0, "low": 1.0, "high": 1.0} | dict.fromkeys(
                ("n", "asked"), figures["contacts"]["value"]
            )
        latency, n = answer["walking"]["all"]["latency_p50_ms"], answer["walking"]["all"]["contacts"]["value"]
        # whom nobody fed has no latency, though its files say so
        assert (latency["value"], latency["n"], latency["asked"]) == ((None, 0, n) if late_ms else (80.0, n, n))
        assert (answer["walking"]["all"]["provisional_p95_ms"]["value"] is None) == bool(late_ms)
        assert sum(one["n"] for one in answer["calibration"]) == answer["walking"]["all"]["contacts"]["value"]


def test_equal_files_make_equal_bytes(sessions, tmp_path):
    one, other = staged(sessions), staged(sessions, perturbation="rate-50")
    for scenario in (one, other):
        predict(tmp_path, scenario)
    first = write_accuracy(tmp_path, [one, other], resamples=50).read_bytes()
    moved = {name: tmp_path / "moved" / name for name in reversed(sessions)}
    for name, folder in moved.items():
        shutil.copytree(sessions[name], folder)
    again = [staged(moved, perturbation="rate-50"), staged(moved)]
    assert write_accuracy(tmp_path, again, resamples=50).read_bytes() == first
    assert str(tmp_path).encode() not in first
    assert write_accuracy(tmp_path, again, resamples=50, seed=2).read_bytes() != first
    # a figure a line
    assert b'"f1_25ms": { "asked": ' in first


def test_what_was_not_run_is_not_scored(sessions, tmp_path):
    one, other = staged(sessions), staged(sessions, perturbation="rate-50")
    predict(tmp_path, one)
    found = accuracy(tmp_path, one, other)
    assert found["scenarios"].keys() == {one.id}
    assert accuracy(tmp_path / "nowhere", one, other)["scenarios"] == {}


def test_who_fails_misses_all(sessions, tmp_path):
    whole = staged(sessions)
    predict(tmp_path, whole, failed={"walk-0": "it fell over"}, skip=("walk-1",))
    answer = accuracy(tmp_path, whole)["scenarios"][whole.id]["detectors"]["made-up"]
    assert answer["failed"]["walk-0"] == "it fell over"
    assert answer["failed"]["walk-1"].startswith("no predictions; want")
    figures = answer["walking"]["all"]
    assert figures["missed"]["value"] * 3 == figures["contacts"]["value"] * 2
    assert figures["f1_50ms"]["value"] == pytest.approx(0.5)
    assert figures["f1_50ms"]["low"] == 0.0
    # all of them
    predict(tmp_path, whole, failed=dict.fromkeys(sessions, "it fell over"))
    figures = accuracy(tmp_path, whole)["scenarios"][whole.id]["detectors"]["made-up"]["walking"]["all"]
    assert figures["f1_50ms"]["value"] == 0.0


def test_tables_that_can_not_be_read_are_a_failure(sessions, tmp_path):
    whole = staged(sessions)
    folder = predict(tmp_path, whole)
    write_predictions(folder / "walk-0", {"contacts": [{"foot": "L", "t_contact_ns": 1}]})
    (folder / "walk-1" / "strides.parquet").write_bytes(b"PAR1")
    failed = accuracy(tmp_path, whole)["scenarios"][whole.id]["detectors"]["made-up"]["failed"]
    assert failed["walk-0"] == "contacts has foot 'L'; want left or right"
    assert failed["walk-1"].startswith("strides.parquet can't be read")


def test_private_data_are_left_out_unless_asked_for(sessions, tmp_path):
    notes = []
    for data in ("gottlieb", "of-my-own"):
        predict(tmp_path, staged(sessions, data))
    shown = staged(sessions)
    predict(tmp_path, shown)
    scenarios = [shown, *(staged(sessions, data) for data in ("gottlieb", "of-my-own"))]
    found = accuracy(tmp_path, *scenarios, say=notes.append)
    assert found["data"].keys() == {"simulated"}
    assert found["private"] is False
    assert [note.partition(":")[0] for note in notes] == ["gottlieb/all", "of-my-own/all"]
    found = accuracy(tmp_path, *scenarios, private=True)
    assert found["private"] is True
    assert found["data"]["of-my-own"]["figures"] == found["data"]["gottlieb"]["figures"] == "private"


def test_sessions_without_truth_are_left_out(sessions, tmp_path):
    for path in sessions["walk-2"].glob("truth_*"):
        path.unlink()
    (sessions["walk-1"] / "truth_contacts.parquet").write_bytes(b"PAR1")
    notes = []
    whole = staged(sessions)
    ledger = Ledger.open(tmp_path, whole.id, ABOUT, "whole", 1)
    ledger.failed = dict.fromkeys(sessions, "it fell over")
    ledger.save()
    scenario = accuracy(tmp_path, whole, say=notes.append)["scenarios"][whole.id]
    assert (scenario["sessions"], len(notes)) == (1, 2)
    assert scenario["detectors"]["made-up"]["failed"].keys() == {"walk-0"}


@pytest.mark.parametrize("content", ["no json", "[]", "{}", '{"detector": {"name": "x"}, "failed": {}}'])
def test_a_run_json_that_says_too_little_is_refused(content, sessions, tmp_path):
    whole = staged(sessions)
    (predict(tmp_path, whole) / "run.json").write_text(content)
    with pytest.raises(BadRun, match="want"):
        accuracy(tmp_path, whole)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"packet_ms": 0}, "packet_ms is 0 in place of a positive number"),
        ({"packet_ms": float("inf")}, "packet_ms is inf"),
        ({"packet_ms": float("nan")}, "packet_ms is nan"),
        ({"packet_ms": 10**400}, "too large"),
        ({"packet_ms": "10"}, "packet_ms is '10' in place of a number"),
        ({"packet_ms": True}, "packet_ms is True in place of a number"),
        ({"failed": {"walk-0": 5}}, "failed has 5 in place of a text"),
        ({"failed": ["walk-0"]}, "failed is"),
        ({"packages": {"a": 1}}, "packages has 1 in place of a text"),
        ({"packages": ["a"]}, "packages is"),
        ({"title": {"a": "b"}}, "title has"),
        ({"title": "\ud800"}, "surrogates"),
        ({"kind": None}, "kind has None"),
        ({"name": "other"}, "is of 'other'; want 'made-up'"),
        ({"name": "../x\ny"}, "is of '../x\\ny'"),
    ],
)
def test_a_run_json_of_other_types_is_refused_in_a_line(changes, said, sessions, tmp_path):
    whole = staged(sessions)
    path = predict(tmp_path, whole) / "run.json"
    run = json.loads(path.read_text())
    for key, value in changes.items():
        (run["detector"] if key in run["detector"] else run)[key] = value
    path.write_text(json.dumps(run))
    with pytest.raises(BadRun, match="want") as refused:
        accuracy(tmp_path, whole)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_it_no_longer_holds_is_said(sessions, tmp_path):
    one, other = staged(sessions), staged(sessions, perturbation="rate-50")
    for scenario in (one, other):
        predict(tmp_path, scenario)
    notes = []
    accuracy(tmp_path, one, other, say=notes.append)
    accuracy(tmp_path, other, one, say=notes.append)
    assert notes == []
    accuracy(tmp_path, one, say=notes.append)
    [note] = notes
    assert note.startswith("accuracy.json no longer holds simulated/all+rate-50; ")
    for damaged in ("no json", "[]", '{"scenarios": 5}'):
        (tmp_path / "accuracy.json").write_text(damaged)
        accuracy(tmp_path, one, say=notes.append)
    assert len(notes) == 1


def test_it_says_how_it_was_asked_for(sessions, tmp_path):
    whole = staged(sessions)
    predict(tmp_path, whole)
    assert "asked" not in accuracy(tmp_path, whole)
    asked = {"everything": True, "scenarios": [], "given_sessions": False, "detectors": None, "private": False}
    assert accuracy(tmp_path, whole, asked=asked)["asked"] == asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--all"], {"everything": True}),
        (["simulated/all", "--detectors", "naive,", "--private"], {"scenarios": ["simulated/all"], "private": True}),
        (["--sessions", "somewhere"], {"given_sessions": True}),
    ],
)
def test_the_command_passes_on_how_it_was_asked(words, said, bench, monkeypatch, tmp_path):
    told = {}

    def write(out, scenarios, *, asked, **how):
        told.update(asked)
        return out / "accuracy.json"

    monkeypatch.setattr("imu_bench.running.choose.choose", lambda *args, **how: [])
    monkeypatch.setattr("imu_bench.running.predict.predict", lambda *args, **how: Done())
    monkeypatch.setattr("imu_bench.scoring.score.write_accuracy", write)
    code, _, _ = bench("run", *words, "--no-speed", "--out", tmp_path)
    assert code == 0
    usual = {"everything": False, "scenarios": [], "given_sessions": False, "detectors": None, "private": False}
    assert told == usual | said | ({"detectors": ["naive"]} if "--detectors" in words else {})


def with_source(sessions, source):
    for folder in sessions.values():
        path = folder / "session.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"source": source}))


BANDAI = "BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset @ 74ead3b dataset-1, CC BY-NC 4.0"


@pytest.mark.parametrize(
    ("data", "source", "figures"),
    [
        ("ipol", "my own", "private"),
        ("bandai", "my own", "private"),
        ("bandai", None, "private"),
        ("bandai", BANDAI, "published"),
        ("bandai", f"{BANDAI}; cut", "published"),
        ("ipol", BANDAI, "private"),
        ("simulated", "my own", "private"),
        ("simulated", "simulated", "published"),
    ],
)
def test_a_name_alone_gets_no_card(data, source, figures, sessions, tmp_path):
    with_source(sessions, source)
    notes = []
    scenario = staged(sessions, data)
    predict(tmp_path, scenario)
    found = accuracy(tmp_path, scenario, private=True)
    assert found["private"] == (figures == "private")
    told = found["data"][data]
    assert told["figures"] == figures
    assert (told["licence"] == "no card") == (figures == "private")
    kept = accuracy(tmp_path, scenario, say=notes.append)["data"]
    assert (data in kept) == (figures == "published")
    assert [note for note in notes if "of other origin" in note] == notes[: figures == "private"]


def test_one_session_of_other_origin_is_enough(sessions, tmp_path):
    with_source({"walk-1": sessions["walk-1"]}, "my own")
    scenario = staged(sessions)
    predict(tmp_path, scenario)
    assert accuracy(tmp_path, scenario)["data"] == {}


def test_sessions_in_the_index_get_the_card(copied, tmp_path):
    name = "ipol-1-4"
    folder = copied(name)
    with_source({name: folder}, "whatever")
    scenario = staged({name: folder}, "ipol")
    predict(tmp_path, scenario)
    assert accuracy(tmp_path, scenario)["data"]["ipol"]["figures"] == "published"


def test_sessions_made_here_get_the_card_and_what_was_left_out(copied, tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "left_out", lambda data, out: [f"{data}: one.csv: too short"], raising=False)
    made = tmp_path / "recordings" / "ipol" / "ipol-new"
    shutil.copytree(copied("ipol-new"), made)
    with_source({"": made}, "whatever")
    scenario = staged({"ipol-new": made}, "ipol")
    predict(tmp_path, scenario)
    told = accuracy(tmp_path, scenario)["data"]["ipol"]
    assert (told["figures"], told["left_out"]) == ("published", ["ipol: one.csv: too short"])
    # of sessions that were given nothing was left out by us
    scenario = staged({"ipol-1-4": copied("ipol-1-4")}, "ipol")
    predict(tmp_path, scenario)
    assert "left_out" not in accuracy(tmp_path, scenario)["data"]["ipol"]


def test_one_name_is_one_detector(sessions, tmp_path):
    one, other = staged(sessions), staged(sessions, perturbation="rate-50")
    predict(tmp_path, one)
    predict(tmp_path, other, about=About("made-up", "Made up", "nobody", "MIT", {"made-up": "1.1"}))
    with pytest.raises(BadRun, match="made by another made-up"):
        accuracy(tmp_path, one, other)


def test_claims_are_judged_by_what_was_fed_at_a_time(sessions, tmp_path):
    whole = staged(sessions)
    folder = predict(tmp_path, whole)
    contacts = found_as(read_truth(sessions["walk-0"], read_session(sessions["walk-0"])).contacts)["contacts"]
    for row in contacts:
        row["t_emitted_ns"] -= 30 * MS
    write_predictions(folder / "walk-0", {"contacts": contacts})
    for packet_ms, false in ((10, len(contacts)), (40, 0)):
        run = json.loads((folder / "run.json").read_text()) | {"packet_ms": packet_ms}
        (folder / "run.json").write_text(json.dumps(run))
        answer = accuracy(tmp_path, whole)["scenarios"][whole.id]["detectors"]["made-up"]
        assert answer["walking"]["all"]["latency_false_claims"]["value"] == false


def test_a_recording_whose_samples_can_not_be_read_asks_for_all(copied):
    folder = copied()
    (folder / "raw" / "foot_left.parquet").write_bytes(b"PAR1")
    one = known(folder)
    assert one.spans is None
    assert one.minutes == 0.0
    asked = sum(tally.left.asked + tally.right.asked for tally in scored(one, None).tallies.values())
    assert asked == len(one.truth.contacts)


def test_a_foot_that_is_absent_is_not_asked_for(copied):
    folder = copied()
    (folder / "raw" / "foot_left.parquet").unlink()
    assert known(folder).spans.keys() == {"right"}
    assert known(folder, partial=True).truth.complete is False
