"""Timing: that everything is measured and told, not how fast it is."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from imu.store.folder import present_sensors, read_session
from imu.store.raw import raw_path, read_raw
from imu_bench.throughput.ours_timed import sliced
from imu_bench.throughput.side_by_side import one_core
from imu_bench.throughput.tiling import recorded, simulated, tile
from imu_bench.throughput.timing import measure, ratios, report

STAGES = ["whole", "intake", "foot", "fold", "pelvis", "steps", "reprocess"]


@pytest.fixture(scope="module")
def result():
    """Ours alone, on what is compiled already."""
    return measure(minutes=(0.2,), growth_minutes=(0.3, 0.2), rate_hz=100.0, repeats=1, peers=False, cold=False)


def read(folder, sensor):
    (samples,) = read_raw(raw_path(folder, sensor), sensor, read_session(folder).sensors[sensor])
    return samples


class TestTiling:
    def test_a_tiled_recording_runs_on(self, walk_folder, tmp_path):
        walked = recorded(walk_folder)
        rows = tile(walked, 1.5, tmp_path / "long")
        session = read_session(tmp_path / "long")
        counted = 0
        for sensor in present_sensors(tmp_path / "long", session):
            once, often = walked.samples[sensor], read(tmp_path / "long", sensor)
            counted += len(often)
            assert len(often) == pytest.approx(90.0 * session.sensors[sensor].rate_hz, abs=2)
            # no jump of the clock, and none of the counter
            assert np.unique(np.diff(often.seq)).tolist() == [1]
            assert np.diff(often.t_ns).min() > 0
            assert often.t_ns[-1] < 90_000_000_000
            again = often[len(once) : 2 * len(once)]
            assert np.array_equal(again.acc, once.acc)
            assert np.array_equal(again.t_ns - once.t_ns, np.full(len(once), walked.period_ns))
        assert rows == counted

    def test_a_tile_may_be_shorter_than_the_walk(self, walk_folder, tmp_path):
        tile(recorded(walk_folder), 0.1, tmp_path / "short")
        assert read(tmp_path / "short", "pelvis").t_ns[-1] == 5_990_000_000

    def test_sensors_that_are_not_there_are_not_asked_for(self, copied, tmp_path):
        folder = copied("feet")
        raw_path(folder, "pelvis").unlink()
        tile(recorded(folder), 0.1, tmp_path / "tiled")
        assert list(read_session(tmp_path / "tiled").sensors) == ["foot_left", "foot_right"]

    def test_slices_lose_nothing(self, walk_folder):
        samples = recorded(walk_folder).samples["foot_left"]
        parts = sliced(samples)
        assert np.array_equal(np.concatenate([part.t_ns for part in parts]), samples.t_ns)
        assert max(part.t_ns[-1] - part.t_ns[0] for part in parts) < 5_000_000_000
        assert [part.t_ns[0] // 5_000_000_000 for part in parts] == list(range(len(parts)))

    def test_the_simulated_walk_is_the_same_each_time(self):
        first, second = simulated(50.0), simulated(50.0)
        assert {sensor: setup.rate_hz for sensor, setup in first.session.sensors.items()} == dict.fromkeys(
            ("foot_left", "foot_right", "pelvis"), 50.0
        )
        assert np.array_equal(first.samples["pelvis"].acc, second.samples["pelvis"].acc)


def test_every_stage_has_figures(result):
    assert result["schema"] == "retrogait.speed/1"
    assert [(one["detector"], one["stage"]) for one in result["pipelines"]] == [("retrogait", name) for name in STAGES]
    for one in result["pipelines"]:
        least, middle, most = one["warm_s"]
        assert 0.0 < least <= middle <= most
        assert one["warm_runs"] == 1
        # the two say the same
        assert one["times_real_time"] * middle == pytest.approx(0.2 * 60.0)
        assert one["sensor_samples_per_s"] * middle == pytest.approx(one["samples"])
        assert one["samples"] == pytest.approx(len(one["sensors"]) * 1200, abs=3)
        assert one["cold_s"] is None
    assert result["pipelines"][0]["found"]["contacts"] > 5


def test_growth_is_told_by_length(result):
    assert [one["minutes"] for one in result["growth"]] == [0.2, 0.3]
    for one in result["growth"]:
        assert one["seconds"] > 0.0
        assert 50.0 < one["peak_mb"] < 2000.0
    assert result["growth"][0]["contacts"] < result["growth"][1]["contacts"]


def test_the_report_says_what_it_is_of(result):
    text = report(result)
    assert "a simulated person, 40 m forward and back, repeated: foot_left 100 Hz" in text
    assert "Of this machine and this run" in text
    for stage in STAGES[1:]:
        assert f"  {stage} " in text
    assert json.loads(json.dumps(result)) == result


def one(detector, stage, per_s, cold_s=None, found=3):
    return {
        "detector": detector,
        "stage": stage,
        "minutes": 10.0,
        "sensor_samples_per_s": per_s,
        "cold_s": cold_s,
        "found": {"contacts": found, "strides": 0},
    }


def test_ratios_are_by_samples_and_of_like_with_like():
    pipelines = [
        one("retrogait", "whole", 1000.0, 20.0),
        one("retrogait", "pelvis", 5000.0),
        one("slow", "whole", 10.0, 5.0),
        one("slow", "events", 20.0, 1.0),
        one("filter", "whole", 100.0, 1.0),
        one("filter", "attitude", 2500.0, 1.0),
        one("idle", "whole", 9999.0, 1.0, found=0),
    ]
    assert ratios(pipelines) == {
        "retrogait over slow, 10 min": 100.0,
        "retrogait over slow, 10 min, first call": 0.25,
        "retrogait pelvis over filter, 10 min": 2.0,
    }
    assert ratios(pipelines[:2]) == ratios([]) == {}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process to a core")
def test_a_process_is_on_one_core_as_long_as_it_is_measured():
    before = os.sched_getaffinity(0)
    ask = [sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]
    with one_core() as core:
        assert core in before
        assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip() == "1"
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("words", [[], ["speed", "--minutes", "0"], ["speed", "--repeats", "0"], ["sped"]])
def test_wrong_usage_is_exit_2(words):
    ended = subprocess.run([sys.executable, "-m", "imu_bench", *words], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
