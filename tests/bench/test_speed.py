import json
import subprocess
import sys

import pytest

from imu_bench.speed import measure, report


@pytest.fixture(scope="module")
def result():
    return measure(minutes=0.2, rate_hz=100.0, repeats=1)


def test_every_stage_has_figures(result):
    assert list(result["stages"]) == ["intake", "foot", "fold", "pelvis", "steps", "pipeline"]
    for figures in result["stages"].values():
        assert figures["ns_per_own_sample"] >= figures["ns_per_sensor_sample"] > 0.0
        # the two say the same
        ratio = figures["times_real_time"] * figures["ns_per_sensor_sample"] * result["sensor_samples"]
        assert ratio == pytest.approx(0.2 * 60.0 * 1e9)
    assert 0.0 < result["reprocess_s"]["least"] <= result["reprocess_s"]["median"] <= result["reprocess_s"]["most"]


def test_the_report_says_what_it_is_of(result):
    text = report(result)
    assert "0.2 minutes of 3 sensors at 100 Hz" in text
    assert "Of this machine and this run" in text
    for stage in result["stages"]:
        assert f"\n{stage} " in text
    assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize("words", [[], ["speed", "--minutes", "0"], ["speed", "--repeats", "0"], ["sped"]])
def test_wrong_usage_is_exit_2(words):
    ended = subprocess.run([sys.executable, "-m", "imu_bench", *words], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr
