from dataclasses import replace

import pytest

from imu.cli.quality import SensorFindings, judge, verdict
from imu.gait.intake import IntakeReport

REPORT = IntakeReport(
    rows=12000,
    accepted=12000,
    lost=0,
    gaps=0,
    late=0,
    nan=0,
    saturated=0,
    clock_jumps=0,
    jittered=0,
    first_ns=0,
    newest_ns=11999 * 5_000_000,
)
GOOD = SensorFindings(rate_hz=200.0, report=REPORT, longest_gap_s=0.0, mounting_known=True)
THREE = dict.fromkeys(("foot_left", "foot_right", "pelvis"), GOOD)


def with_left(*, longest_gap_s=0.0, mounting_known=True, rate_hz=200.0, **counts):
    left = SensorFindings(rate_hz, replace(REPORT, **counts), longest_gap_s, mounting_known)
    return {**THREE, "foot_left": left}


def judged(sensors, missing=(), overlap_s=60.0):
    reasons = judge(sensors, missing, overlap_s)
    return verdict(reasons), " | ".join(reason.text for reason in reasons)


def test_a_clean_recording_is_good_and_needs_no_words():
    assert judged(THREE) == ("good", "")


@pytest.mark.parametrize(
    ("sensors", "word", "text"),
    [
        (with_left(lost=10), "good", ""),
        (with_left(accepted=11748, lost=252), "usable with care", "2.1 % of the samples of foot_left are lost"),
        (with_left(accepted=11000, lost=1000, nan=600), "poor", "8.3 % of the samples of foot_left are lost (600 came"),
        (
            with_left(accepted=5000, late=7000),
            "poor",
            "only 5000 of 12000 rows of foot_left are usable (a reversed clock",
        ),
        (with_left(accepted=0, nan=12000, first_ns=None, newest_ns=None), "poor", "a broken sensor"),
        (with_left(accepted=11800, late=200), "usable with care", "came out of order"),
        (with_left(saturated=120), "usable with care", "1.0 % of the samples of foot_left stand at the limit"),
        (with_left(longest_gap_s=3.0, lost=10), "usable with care", "foot_left was silent for 3.0 s at a stretch"),
        (with_left(clock_jumps=2), "usable with care", "the clock of foot_left jumps 2 times"),
        (with_left(clock_jumps=1), "good", ""),
        (with_left(rate_hz=100.0), "usable with care", "delivers 200.0 samples a second, session.json says 100"),
        (with_left(mounting_known=False), "good", "how foot_left sat is not known"),
    ],
)
def test_what_is_wrong_is_said_in_words(sensors, word, text):
    said = judged(sensors)
    assert said[0] == word
    assert text in said[1]


def test_the_pelvis_loses_drop_and_not_strides():
    pelvis = replace(GOOD, report=replace(REPORT, accepted=11000, lost=1000))
    assert "steps there have no pelvic drop" in judged({**THREE, "pelvis": pelvis})[1]


def test_sensors_that_are_not_there():
    feet = dict.fromkeys(("foot_left", "foot_right"), GOOD)
    assert judged(feet)[0] == "good"
    assert "without a pelvis sensor there is no pelvic drop" in judged(feet)[1]
    one = {"foot_right": GOOD}
    word, text = judged(one, missing=("foot_left",))
    assert word == "usable with care"
    assert "foot_left has no file" in text
    assert "only foot_right was worn" in judged(one)[1]


def test_a_short_recording_and_sensors_that_hardly_overlap():
    short = replace(GOOD, report=replace(REPORT, newest_ns=5_000_000_000, accepted=1000, rows=1000))
    assert "it lasts only 5.0 s" in judged(dict.fromkeys(THREE, short), overlap_s=5.0)[1]
    assert "overlap for only 20 s of 1 min 0 s" in judged(THREE, overlap_s=20.0)[1]


def test_the_worst_comes_first():
    sensors = with_left(accepted=11000, lost=1000, saturated=120, mounting_known=False)
    weights = [reason.weight for reason in judge(sensors, (), 60.0)]
    assert weights == sorted(weights, reverse=True)
    assert len(weights) == 3
