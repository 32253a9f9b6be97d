"""Files that are not what their source publishes."""

import json

import numpy as np
import pytest

from imu_datasets.dataset import BadOriginal
from imu_datasets.readers import gaitmap, gottlieb, ipol
from tests.datasets import made_up


def refused(reader, folder, *words):
    try:
        # where others may follow, it stands in the place of its session
        [slip] = reader.recordings(folder)
    except BadOriginal as raised:
        slip = raised
    assert isinstance(slip, BadOriginal)
    said = str(slip)
    assert "\n" not in said
    assert "want" in said
    for word in words:
        assert word in said
    return said


def replaced(path, old, new, count=1):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def first_lines(path, n):
    path.write_text("\n".join(path.read_text().splitlines()[:n]) + "\n")


IPOL_SLIPS = {
    "another rate": (lambda path: replaced(path, "100 Hz", "128 Hz"), "128 Hz"),
    "no first line": (lambda path: replaced(path, "Acquisition frequency: 100 Hz\n", ""), "PacketCounter"),
    "a missing column": (lambda path: replaced(path, "Acc_Y", "Acc_y"), "meant 'Acc_y'"),
    "no rows": (lambda path: first_lines(path, 2), "cut off"),
    "a short row": (lambda path: path.write_text(path.read_text()[:-30]), "line "),
    "no number": (lambda path: replaced(path, "\n9.0\t", "\nnine\t"), "'nine'"),
    "a counter that falls": (lambda path: replaced(path, "\n9.0\t", "\n90.0\t"), "PacketCounter"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "UTF-8"),
}


@pytest.mark.parametrize("slip", IPOL_SLIPS)
def test_ipol_refuses_a_broken_sensor_file(slip, tmp_path, rng):
    spoil, word = IPOL_SLIPS[slip]
    made_up.ipol_trial(tmp_path, rng)
    spoil(tmp_path / "5-2_rf.txt")
    refused(ipol, tmp_path, "5-2_rf.txt", word)


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ({"LeftFootEvents": []}, "LeftFootEvents"),
        ({"LeftFootEvents": "none"}, "'none'"),
        ({"RightFootEvents": [[100, 140], [130, 190]]}, "[130, 190]"),
        ({"RightFootEvents": [[140, 100]]}, "[140, 100]"),
        ({"RightFootEvents": [[100.5, 140]]}, "[100.5, 140]"),
        ({"UTurnBoundaries": None}, "UTurnBoundaries"),
        ({"TrialBoundaries": [90]}, "[90]"),
    ],
)
def test_ipol_refuses_events_that_cant_be(events, word, tmp_path, rng):
    made_up.ipol_trial(tmp_path, rng, **events)
    refused(ipol, tmp_path, "5-2.json", word)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"LeftFootEvents": [[1, 2]]})])
def test_ipol_refuses_what_is_no_such_json(text, tmp_path, rng):
    made_up.ipol_trial(tmp_path, rng)
    (tmp_path / "5-2.json").write_text(text)
    refused(ipol, tmp_path, "5-2.json")


@pytest.mark.parametrize(("acc", "gyr", "word"), [(1 / made_up.G, 1, "g and m/s^2"), (1, made_up.DEG, "deg/s")])
def test_ipol_refuses_odd_units(acc, gyr, word, tmp_path, rng):
    held = made_up.ipol_trial(tmp_path, rng)["lf"]
    made_up.ipol_sensor(tmp_path / "5-2_lf.txt", held[0] * acc, held[1] * gyr, np.arange(1500))
    refused(ipol, tmp_path, "5-2_lf.txt", word)


@pytest.mark.parametrize(
    ("file", "old", "new", "word"),
    [
        ("imu_sample.csv", "left_sensor", "links", "left_sensor acc_x"),
        ("imu_sample.csv", "gyr_z", "gyr_w", "gyr_z"),
        ("stride_events_sample.csv", "ic", "initial", "'ic'"),
        ("stride_events_sample.csv", "left", "links", "'links'"),
        ("stride_events_sample.csv", "ic,tc", "tc,ic", "swapped"),
        ("position_sample.csv", "pos_y", "y", "'pos_y'"),
    ],
)
def test_gaitmap_refuses_broken_files(file, old, new, word, tmp_path, rng):
    made_up.gaitmap_walk(tmp_path, rng, n=800)
    replaced(tmp_path / file, old, new)
    refused(gaitmap, tmp_path, file, word)


@pytest.mark.parametrize(
    ("file", "old", "new", "word"),
    [
        ("FW_IMU.csv", "LT.GY.Y", "LT.GYR.Y", "'LT.GYR.Y'"),
        ("FW_IMU.csv", "\n0.0054,", "\n5.4,", "not even"),
        ("FW_IMU.csv", "\n0.0054,", "\nnan,", "not even"),
        ("FW_Kinematic.csv", "LHeel", "LHEEL", "'LHEEL'"),
        ("FW_Kinematic.csv", "\n0.05,", "\n0.06,", "not even"),
    ],
)
def test_gottlieb_refuses_broken_files(file, old, new, word, tmp_path, rng):
    made_up.gottlieb_walk(tmp_path, rng)
    replaced(tmp_path / file, old, new)
    refused(gottlieb, tmp_path, file, word)


def test_gottlieb_refuses_positions_too_few_to_filter(tmp_path, rng):
    made_up.gottlieb_walk(tmp_path, rng)
    first_lines(tmp_path / "FW_Kinematic.csv", 20)
    refused(gottlieb, tmp_path, "FW_Kinematic.csv", "19 positions")


@pytest.mark.parametrize(("units", "word"), [({"g": made_up.G}, "g and m/s^2"), ({"rad": 1.0}, "deg/s and rad/s")])
def test_gottlieb_refuses_si_where_g_and_degrees_belong(units, word, tmp_path, rng, monkeypatch):
    plain = made_up.signals
    monkeypatch.setattr(made_up, "signals", lambda n, rng, **said: plain(n, rng, **said | units))
    made_up.gottlieb_walk(tmp_path, rng)
    refused(gottlieb, tmp_path, "FW_IMU.csv", word)


def test_a_broken_trial_of_ipol_costs_no_other_one(tmp_path, rng):
    for trial in ("1-1", "1-2", "1-3"):
        made_up.ipol_trial(tmp_path, rng, trial)
    (tmp_path / "1-2_lf.txt").write_text("not what it was\n")
    first, broken, last = ipol.recordings(tmp_path)
    assert (first.name, last.name) == ("ipol-1-1", "ipol-1-3")
    assert isinstance(broken, BadOriginal)
    assert "1-2_lf.txt" in str(broken)
