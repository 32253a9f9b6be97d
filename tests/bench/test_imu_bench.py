import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from imu.cli.simulate import write_recording
from imu.core.tables import TRUTH_CONTACTS
from imu.store.tables import read_rows
from imu_bench.commands.main import COMMANDS, main
from imu_bench.detectors import registry
from imu_bench.predictions import write_predictions
from imu_bench.running.simulated import simulations
from tests.conftest import ROOT

AS_PYTHON = bool(os.environ.get("NUMBA_DISABLE_JIT"))
FEW = ("simulated-backward-1", "simulated-backward-2", "simulated-forward-1", "simulated-standing-3")


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """Four of the simulated sessions."""
    store = tmp_path_factory.mktemp("store")
    for one in simulations():
        if one.name in FEW:
            recording = one.recording()
            write_recording(store / one.name, recording, recording.session)
    return store


@pytest.fixture
def call(capsys, monkeypatch):
    """Call imu-bench where no peers are installed; get its exit code and what it said."""
    monkeypatch.setattr(registry, "_peers", dict)

    def called(*words):
        capsys.readouterr()
        try:
            code = main(list(map(str, words)))
        except SystemExit as leaving:
            code = leaving.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def figures(out, scenario, detector, walking="all"):
    return json.loads((out / "accuracy.json").read_text())["scenarios"][scenario]["detectors"][detector]["walking"][
        walking
    ]


class TestHelp:
    def test_it_answers_at_once(self):
        """By what it loads: a clock would also tell of what else the machine does."""
        ask = (
            "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from imu_bench.commands.main import main"
        )
        heavy = {"numpy", "numba", "pyarrow", "scipy", "imu_datasets"}
        ended = subprocess.run(
            [sys.executable, "-c", f"{ask}; main(['--help'])"], capture_output=True, text=True, check=True
        )
        assert not heavy & set(ended.stdout.split())

    def test_every_command_has_some(self, call):
        code, out, err = call("--help")
        assert (code, err) == (0, "")
        for name, (_, line) in COMMANDS.items():
            assert name in out
            assert "\n" not in line
            code, told, err = call(name, "--help")
            assert (code, err) == (0, "")
            assert told.startswith(f"usage: imu-bench {name}")
        assert call("--version")[0] == 0

    def test_python_m_is_the_same(self):
        ended = subprocess.run([sys.executable, "-m", "imu_bench", "-V"], capture_output=True, text=True, check=True)
        assert ended.stdout.startswith("imu-bench ")


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], "required: COMMAND"),
            (["ran"], "invalid choice: 'ran'"),
            (["run"], "want scenarios, or --all, or --sessions"),
            (["run", "ipol/all", "--all"], "one or the other"),
            (["run", "ipol"], "there is no scenario 'ipol'"),
            (["run", "ipol/al"], "meant 'all'"),
            (["run", "ipol/all", "--seed", "-1"], "--seed is -1"),
            (["run", "ipol/all", "--resamples", "0"], "--resamples is 0"),
            (["run", "ipol/all", "--workers", "0"], "--workers is 0"),
            (["run", "ipol/all", "--detectors", "retrogate"], "meant 'retrogait'"),
            (["run", "ipol/all", "--detectors", ","], "names none"),
            (["run", "gottlieb/all", "--detectors", "ours"], "--private"),
            (["speed", "--minutes", "0"], "want to be positive"),
            (["speed", "--growth", "0"], "positive"),
            (["peers"], "required"),
            (["compare", "a"], "required: B"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_line(self, words, said, call):
        code, out, err = call(*words)
        assert (code, out) == (2, "")
        assert err.startswith("imu-bench: ")
        assert err.count("\n") == 1
        assert said in err

    def test_what_is_not_there_is_exit_1(self, call, tmp_path, monkeypatch):
        monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path))
        for words in (
            ["run", "ipol/all", "--detectors", "naive"],
            ["run", "nobodys/all", "--detectors", "naive"],
            ["run", "simulated/all", "--detectors", "nowhere:X"],
            ["run", "--sessions", tmp_path / "no", "--detectors", "naive"],
            ["report", "--out", tmp_path / "no"],
            ["compare", tmp_path / "no", tmp_path / "no"],
        ):
            code, out, err = call(*words)
            assert (code, out) == (1, ""), words
            assert all(line.startswith("imu-bench: ") for line in err.splitlines())


def test_the_list_names_all_that_can_be_run(call):
    code, out, err = call("list")
    assert (code, err) == (0, "")
    for word in ("simulated/backward", "each perturbation too", "rate-50", "retrogait", "naive-gyro", "cheat-late"):
        assert word in out
    code, out, _ = call("list", "--json")
    told = json.loads(out)
    assert told["detectors"]["retrogait"] == {"group": "ours", "kind": "streaming", "title": "Retrogait"}
    assert "simulated/backward+rate-50" in told["data"]["simulated"]["scenarios"]
    assert told["data"]["gottlieb"]["private"]


def test_peers_are_listed(call):
    code, out, err = call("peers", "list")
    assert (code, err) == (0, "")
    assert "gaitmap" in out
    code, _, err = call("peers", "install", "gaitmab")
    assert code == 1
    assert err.count("\n") == 1


@pytest.mark.skipif(AS_PYTHON, reason="so many samples take long as plain Python")
class TestRun:
    def test_it_is_the_same_file_byte_for_byte(self, call, sessions, tmp_path):
        said = []
        for number, workers in enumerate((1, 2)):
            out = tmp_path / str(number)
            words = ["run", "simulated/all", "simulated/backward+loss-10", "--sessions", sessions, "--out", out]
            said.append(call(*words, "--detectors", "ours,naive", "--workers", workers, "--resamples", 50))
        assert [code for code, _, _ in said] == [0, 0]
        assert "2 scenarios, 3 detectors; 18 predictions made" in said[0][1]
        one, other = ((tmp_path / str(number) / "accuracy.json").read_bytes() for number in (0, 1))
        assert one == other
        assert str(tmp_path).encode() not in one
        # nothing is left to do
        code, out, _ = call(*words, "--detectors", "ours,naive", "--resamples", 50)
        assert "0 predictions made, 18 as found before" in out
        assert (tmp_path / "1" / "accuracy.json").read_bytes() == other
        code, _, err = call("report", "--out", tmp_path / "0")
        assert (code, err) == (0, "")
        assert (tmp_path / "0" / "report.html").exists()
        code, _, err = call("compare", tmp_path / "0", tmp_path / "1")
        assert (code, err) == (0, "")

    def test_ours_is_good_and_cheats_are_found_out(self, call, sessions, tmp_path):
        words = ["run", "simulated/all", "--sessions", sessions, "--out", tmp_path, "--resamples", 20]
        assert call(*words, "--detectors", "ours,cheats")[0] == 0

        def figure(detector, key, walking="all"):
            return figures(tmp_path, "simulated/all", detector, walking)[key]

        assert figure("retrogait", "f1_50ms")["value"] > 0.97
        assert figure("retrogait", "direction_right", "backward")["value"] > 0.98
        assert figure("retrogait", "latency_false_claims")["value"] == 0
        assert 0.0 < figure("retrogait", "obliquity_rmse_deg")["value"] < 1.0
        # 120 ms late, and claims 1 ms
        late = figure("cheat-late", "latency_p50_ms")["value"] - figure("retrogait", "latency_p50_ms")["value"]
        assert 110.0 <= late <= 140.0
        assert figure("cheat-late", "latency_false_claims")["value"] > 0
        # walks while others stand
        assert figure("cheat-standing", "false_per_hour")["value"] > 500.0
        assert figure("cheat-standing", "false_per_hour")["value"] > 20 * figure("retrogait", "false_per_hour")["value"]
        # says nothing where it is hard
        said, asked = figure("cheat-null", "foot_angle_bias_deg"), figure("retrogait", "foot_angle_bias_deg")
        assert said["asked"] == asked["asked"]
        assert said["n"] < 0.95 * asked["n"]
        undecided = [figure(name, "direction_undecided")["value"] for name in ("cheat-null", "retrogait")]
        assert undecided[0] > undecided[1] + 0.05
        # people walk forward
        assert figure("cheat-forward", "direction_right", "backward")["value"] == 0.0
        assert figure("cheat-forward", "confidence_error")["value"] > 0.3

    def test_a_detector_of_ones_own(self, call, sessions, tmp_path, monkeypatch):
        """What docs/benchmark.md shows."""
        text = (Path(__file__).with_name("mine.py")).read_text()
        assert len(text.splitlines()) <= 20
        assert text in (ROOT / "docs" / "benchmark.md").read_text()
        (tmp_path / "mine.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        words = ["run", "simulated/forward", "--sessions", sessions, "--detectors", "mine:Mine,ours", "--resamples", 10]
        code, out, err = call(*words)
        assert (code, err) == (0, "")
        assert "next: imu-bench report\n" in out
        found = figures(tmp_path / "imu-bench-out", "simulated/forward", "mine")
        assert found["f1_100ms"]["value"] > 0.8
        assert found["direction_right"]["n"] == 0
        about = json.loads((tmp_path / "imu-bench-out" / "accuracy.json").read_text())["detectors"]["mine"]
        assert (about["title"], about["kind"]) == ("The foot comes to rest", "whole")

    def test_files_of_somebody_else_are_scored_beside(self, call, sessions, tmp_path):
        """As docs/benchmark.md says."""
        theirs = tmp_path / "predictions" / "simulated" / "forward" / "theirs"
        true = read_rows(sessions / "simulated-forward-1" / "truth_contacts.parquet", TRUTH_CONTACTS)
        write_predictions(
            theirs / "simulated-forward-1",
            {"contacts": [{"foot": row["foot"], "t_contact_ns": row["t_contact_ns"]} for row in true]},
        )
        about = {"name": "theirs", "title": "Theirs", "source": "a paper", "licence": "MIT", "packages": {}}
        (theirs / "run.json").write_text(json.dumps({"detector": {**about, "kind": "outside"}, "failed": {}}))
        words = ["run", "simulated/forward", "--sessions", sessions, "--resamples", 10, "--out", tmp_path]
        for _ in range(2):
            code, _, err = call(*words, "--detectors", "naive-gyro")
            assert (code, err) == (0, "")
            assert figures(tmp_path, "simulated/forward", "theirs")["f1_25ms"]["value"] == 1.0

    def test_who_fails_throughout_is_exit_1_where_asked_for_by_name(self, call, sessions, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        words = ["run", "simulated/forward", "--sessions", sessions, "--resamples", 10, "--out", tmp_path]
        code, _, err = call(*words, "--detectors", "tests.bench.planted:Slips,naive")
        assert code == 1
        assert "slips: simulated-forward-1: " in err
        assert "failed throughout: slips" in err
        failed = json.loads((tmp_path / "accuracy.json").read_text())["scenarios"]["simulated/forward"]["detectors"]
        assert list(failed["slips"]["failed"]) == ["simulated-forward-1"]
        # one session of several is part of the result
        code, _, err = call(*words[:1], "simulated/all", *words[2:], "--detectors", "tests.bench.planted:Raises")
        assert (code, err.count("\n")) == (0, 1)
        assert "accuracy.json no longer holds simulated/forward" in err

    def test_a_worse_clock_shows_where_it_should(self, call, sessions, tmp_path):
        words = ["run", "simulated/backward", "simulated/backward+offset-20", "--sessions", sessions, "--out", tmp_path]
        assert call(*words, "--detectors", "ours", "--resamples", 10)[0] == 0
        apart = [
            figures(tmp_path, name, "retrogait")["timing_left_right_ms"]["value"]
            for name in ("simulated/backward", "simulated/backward+offset-20")
        ]
        assert all(b - a == pytest.approx(20.0, abs=0.5) for a, b in pairwise(apart))

    def test_private_sessions_are_scored_when_asked_for(self, call, copied, tmp_path):
        copied("mine-1")
        words = [
            "run",
            "--sessions",
            tmp_path / "mine-1",
            "--detectors",
            "naive",
            "--resamples",
            10,
            "--out",
            tmp_path / "out",
        ]
        code, out, err = call(*words)
        assert (code, out) == (1, "")
        assert "--private runs it" in err
        assert call(*words, "--private")[0] == 0
        assert json.loads((tmp_path / "out" / "accuracy.json").read_text())["private"] is True
