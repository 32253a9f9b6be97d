"""The validation set of Kiel in its published layout, made up: nobody here has met the real files."""

import numpy as np
import pytest

from imu_datasets.dataset import BadOriginal
from imu_datasets.readers import kiel
from tests.datasets import made_up

POINTS = ("head", "pelvis", "left_shank", "left_foot", "right_foot", "right_ankle")
N = 2000


def trial(root, rng, task="walkSlow", person="pp002", *, types=("ACCEL", "GYRO"), run="", points=POINTS, rate_hz=200):
    """Sensors, markers and no events. Returns acc (g) and gyr (deg/s) by tracked point."""
    folder = root / f"sub-{person}" / "motion"
    folder.mkdir(parents=True, exist_ok=True)
    held = {point: made_up.signals(N, rng, g=1.0, rad=made_up.DEG) for point in points}
    kinds = [(types[0], "g"), (types[1], "deg/s"), ("MAGN", "Gauss")]
    rows = [
        [f"{point}_{kind}_{axis}", axis, kind, point, unit, rate_hz]
        for point in points
        for kind, unit in kinds
        for axis in "xyz"
    ]
    write(
        folder / f"sub-{person}_task-{task}{run}_tracksys-imu", rows, [np.hstack([*held[p], held[p][0]]) for p in held]
    )
    markers = [
        [f"{point}_POS_{axis}", axis if axis != "err" else "n/a", "POS", point, "mm", 200]
        for point in ("l_heel", "l_toe", "r_heel", "r_toe")
        for axis in ("x", "y", "z", "err")
    ]
    write(folder / f"sub-{person}_task-{task}{run}_tracksys-omc", markers, [np.zeros((N, 16))])
    return held


def write(stem, rows, columns):
    head = ["name", "component", "type", "tracked_point", "units", "sampling_frequency"]
    stem.with_name(f"{stem.name}_channels.tsv").write_text(made_up.separated([head, *rows], "\t"))
    values = np.hstack(columns).tolist()
    stem.with_name(f"{stem.name}_motion.tsv").write_text(made_up.separated([[row[0] for row in rows], *values], "\t"))


def events(root, rows, task="walkSlow", person="pp002"):
    path = root / f"sub-{person}" / "motion" / f"sub-{person}_task-{task}_events.tsv"
    path.write_text(made_up.separated([["onset", "duration", "event_type"], *rows], "\t"))


def steps():
    """Right and left in turn, a contact every 100 samples from 401 on; the foot leaves 60 samples before it lands."""
    rows = []
    for k in range(12):
        foot = "left" if k % 2 else "right"
        rows += [[401 + 100 * k - 60, 0, f"final_contact_{foot}"], [401 + 100 * k, 0, f"initial_contact_{foot}"]]
    return [*rows[:4], [450, 0, "start"], *rows[4:], [1600, 0, "stop"]]


@pytest.mark.parametrize("types", [("ACCEL", "GYRO"), ("ACC", "ANGVEL")])
def test_feet_and_pelvis_are_read(tmp_path, rng, types):
    held = trial(tmp_path, rng, types=types)
    [one] = kiel.recordings(tmp_path)
    assert (one.document["subject"], one.name) == ("pp002", "kiel-pp002-walkSlow")
    for sensor, point in (("foot_left", "left_foot"), ("foot_right", "right_foot"), ("pelvis", "pelvis")):
        samples = one.samples[sensor]
        assert np.allclose(samples.acc, held[point][0] * made_up.G, rtol=1e-14)
        assert np.allclose(samples.gyr, np.radians(held[point][1]), rtol=1e-14)
        assert np.array_equal(samples.t_ns, np.arange(N) * 5_000_000)
        assert one.document["sensors"][sensor] == {"rate_hz": 200.0, "mounting": None}


def test_contacts_are_samples_counted_from_one(tmp_path, rng):
    trial(tmp_path, rng)
    events(tmp_path, steps())
    [one] = kiel.recordings(tmp_path)
    assert [row["t_contact_ns"] for row in one.contacts] == [(400 + 100 * k) * 5_000_000 for k in range(12)]
    assert [row["foot"] for row in one.contacts] == ["right", "left"] * 6
    assert [row["t_release_ns"] for row in one.contacts] == [
        *((400 + 100 * k + 140) * 5_000_000 for k in range(10)),
        None,
        None,
    ]
    assert {(row["first"], row["direction"]) for row in one.contacts} == {(None, "forward")}
    assert sorted(one.document["truth_ignore_ns"]) == [
        ["left", 0, 2_200_000_000],
        ["left", 7_800_000_000, 9_995_000_000],
        ["right", 0, 1_700_000_000],
        ["right", 7_300_000_000, 9_995_000_000],
    ]


def test_samples_of_events_are_those_of_the_cameras(tmp_path, rng):
    trial(tmp_path, rng, rate_hz=100)
    events(tmp_path, [[401, 0, "initial_contact_left"]])
    [one] = kiel.recordings(tmp_path)
    assert one.document["sensors"]["pelvis"]["rate_hz"] == 100
    assert [row["t_contact_ns"] for row in one.contacts] == [2_000_000_000]


def test_each_task_is_a_session_and_walking_backward_says_so(tmp_path, rng):
    for task in ("backwards", "walkFast", "slalom"):
        trial(tmp_path, rng, task)
        events(tmp_path, [[401, 0, "initial_contact_left"]], task)
    trial(tmp_path, rng, "homePart1", run="_run-on")
    trial(tmp_path, rng, "calibration1", points=("head", "pelvis"))
    found = {one.name: one for one in kiel.recordings(tmp_path)}
    assert list(found) == [
        "kiel-pp002-backwards",
        "kiel-pp002-homePart1-on",
        "kiel-pp002-slalom",
        "kiel-pp002-walkFast",
    ]
    directions = {name: one.contacts[0]["direction"] for name, one in found.items() if one.contacts}
    assert directions == {
        "kiel-pp002-backwards": "backward",
        "kiel-pp002-slalom": None,
        "kiel-pp002-walkFast": "forward",
    }


def test_people_come_in_order_and_a_broken_trial_costs_no_other(tmp_path, rng):
    for person in ("pp010", "pp002", "pp003"):
        trial(tmp_path, rng, person=person)
    (tmp_path / "sub-pp003" / "motion" / "sub-pp003_task-walkSlow_tracksys-imu_channels.tsv").unlink()
    first, broken, last = kiel.recordings(tmp_path)
    assert (first.document["subject"], last.document["subject"]) == ("pp002", "pp010")
    assert isinstance(broken, BadOriginal)


@pytest.mark.parametrize(("onset", "word"), [("2.295", "seconds, in a newer version?"), ("0", "from 1")])
def test_onsets_that_are_no_numbers_of_samples_are_refused(tmp_path, rng, onset, word):
    trial(tmp_path, rng)
    events(tmp_path, [[onset, 0, "initial_contact_left"]])
    [one] = kiel.recordings(tmp_path)
    assert isinstance(one, BadOriginal)
    assert word in str(one)


def test_the_layout_of_the_first_ten_people_is_another(tmp_path):
    (tmp_path / "data" / "pp001" / "imu").mkdir(parents=True)
    with pytest.raises(BadOriginal, match="want the set as BIDS-Motion"):
        list(kiel.recordings(tmp_path))
