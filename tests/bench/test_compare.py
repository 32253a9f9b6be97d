import argparse
import copy
import json

import pytest

from imu_bench.report.compare import compare, configure, report, run
from imu_bench.report.keys import KEYS
from imu_bench.report.results import results_of
from tests.bench.made_up_results import accuracy, write


@pytest.fixture(scope="module")
def before():
    return accuracy(perturbations=())


def after(before, change):
    new = copy.deepcopy(before)
    change(new)
    return new


def figure(document, key, scenario="ipol/all", detector="retrogait", walking="forward"):
    return document["scenarios"][scenario]["detectors"][detector]["walking"][walking][key]


def compared(before, new):
    return compare(results_of(before), results_of(new))


def test_equal_results_differ_in_nothing(before):
    made = compared(before, before)
    assert (made.changes, made.warnings, made.only_before, made.only_after, made.failures) == ([], [], [], [], [])
    assert made.figures > 500
    assert "Nothing changed" in report(made)


@pytest.mark.parametrize(
    ("key", "by", "beyond", "verdict"),
    [
        ("timing_sd_ms", 30.0, True, "worse"),
        ("timing_sd_ms", -5.0, True, "better"),
        ("timing_sd_ms", 0.01, False, "worse"),
        ("f1_50ms", -0.3, True, "worse"),
        ("direction_right", 0.004, False, "better"),
        ("timing_bias_ms", 90.0, True, "worse"),
        ("pelvic_drop_within_sd", -0.3, True, "changed"),
    ],
)
def test_a_change_is_told_with_its_weight(before, key, by, beyond, verdict):
    def change(new):
        one = figure(new, key)
        one |= {end: one[end] + by for end in ("value", "low", "high")}

    [found] = compared(before, after(before, change)).changes
    assert (found.scenario, found.detector, found.walking) == ("ipol/all", "retrogait", "forward")
    assert found.key == KEYS[key]
    assert found.by == pytest.approx(by)
    assert found.beyond is beyond
    assert found.verdict == verdict


def test_both_intervals_have_to_be_left(before):
    """A wide new interval that holds the old figure decides nothing."""

    def change(new):
        one = figure(new, "timing_sd_ms")
        one |= {"value": one["value"] + 30.0, "low": 0.0, "high": 100.0}

    [found] = compared(before, after(before, change)).changes
    assert found.beyond is False


def test_without_intervals_nothing_is_beyond_doubt(before):
    def change(new):
        figure(new, "timing_sd_ms", "gaitmap/all")["value"] += 100.0

    made = compared(before, after(before, change))
    assert [one.beyond for one in made.changes] == [None]
    assert "no intervals" in report(made, every=True)
    assert "1 without" in report(made)


def test_a_figure_that_came_or_went_is_a_change(before):
    def change(new):
        figure(new, "timing_sd_ms").update(value=None, low=None, high=None, n=0)
        figure(new, "timing_bias_ms").update(n=3)

    made = compared(before, after(before, change))
    assert {(one.key.name, one.by, one.verdict) for one in made.changes} == {
        ("timing_sd_ms", None, "changed"),
        ("timing_bias_ms", 0.0, "changed"),
    }


def test_the_surest_stand_first(before):
    def change(new):
        for scenario, by in (("gaitmap/all", 50.0), ("ipol/all", 0.01), ("bandai/all", 20.0), ("simulated/all", 40.0)):
            one = figure(new, "timing_sd_ms", scenario)
            one["value"] += by
            if one["low"] is not None:
                one |= {end: one[end] + by for end in ("low", "high")}

    made = compared(before, after(before, change))
    assert [one.beyond for one in made.changes] == [True, True, False, None]
    assert report(made).count("/all ") < report(made, every=True).count("/all ")


def test_warnings_say_what_makes_files_less_than_comparable(before):
    def change(new):
        new["data"]["ipol"]["digest"] = "sha256:" + 64 * "0"
        new |= {"seed": 2, "resamples": 10, "interval": 0.9, "private": True}
        new["detectors"]["vqf"]["packages"] = {"vqf": "3"}

    warnings = compared(before, after(before, change)).warnings
    assert [
        word in said
        for word, said in zip(("ipol", "seeds", "resamples", "intervals", "private", "vqf 3"), warnings, strict=True)
    ]
    assert len(warnings) == 6


def test_what_only_one_has_is_named(before):
    def change(new):
        del new["scenarios"]["gaitmap/all"]
        new["scenarios"]["ipol/other"] = copy.deepcopy(new["scenarios"]["ipol/all"])
        del new["scenarios"]["ipol/all"]["detectors"]["vqf"]
        new["scenarios"]["ipol/all"]["detectors"]["retrogait"]["failed"] = {"ipol-1": "no gravity"}
        new["scenarios"]["ipol/all"]["detectors"]["gaitmap-rampp"]["failed"] = {}

    made = compared(before, after(before, change))
    assert made.only_before == ["scenario gaitmap/all", "detector vqf in ipol/all"]
    assert made.only_after == ["scenario ipol/other"]
    assert any("ipol-1 fails now: no gravity" in one for one in made.failures)
    assert any(one.endswith("fails no more") for one in made.failures)
    assert made.changes == []


def test_as_a_command_it_takes_files_and_folders(before, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    configure(parser)
    old = write(tmp_path / "a", before)
    new = write(tmp_path / "b", after(before, lambda new: new.update(seed=2))) / "accuracy.json"
    assert run(parser.parse_args([str(old), str(new), "--json"])) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "retrogait.comparison/1"
    assert said["changes"] == []
    assert len(said["warnings"]) == 1


def test_small_changes_are_no_noughts(before):
    def change(new):
        figure(new, "f1_50ms")["value"] -= 0.00004

    said = report(compared(before, after(before, change)), every=True)
    assert "\u22120.00004" in said
