"""Data sets in BIDS-Motion, made up after the specification."""

import json

import numpy as np
import pytest

from imu_datasets.dataset import BadOriginal
from imu_datasets.readers import bids_motion
from tests.datasets import made_up

RATE_HZ = 128.0
N = 1280
POINTS = ("LeftFoot", "RightFoot", "LowerBack")
SENSORS = ("foot_left", "foot_right", "pelvis")
UNITS = {"ACCEL": "m/s^2", "GYRO": "rad/s", "MAGN": "uT"}


def motion(root, rng, points=POINTS, stem="sub-01_task-walk_tracksys-imu", *, units=UNITS, first=(), header=False):
    """One tracking system; `first` are columns (name, type, values) before the others. Returns acc and gyr by point."""
    folder = root / stem.split("_")[0] / "motion"
    folder.mkdir(parents=True, exist_ok=True)
    channels = [["name", "component", "type", "tracked_point", "units"]]
    channels += [[name, "n/a", kind, "n/a", "n/a"] for name, kind, _ in first]
    columns, held = [values for _, _, values in first], {}
    for point in points:
        acc, gyr = made_up.signals(N, rng, *((1.0, made_up.DEG) if units["ACCEL"] == "g" else ()))
        held[point] = acc, gyr
        for kind, values in (("MAGN", np.zeros((N, 3))), ("GYRO", gyr), ("ACCEL", acc)):
            for k, axis in enumerate("xyz"):
                channels.append([f"{point}_{kind}_{axis}", axis, kind, point, units[kind]])
                columns.append(values[:, k])
    rows = np.column_stack(columns).tolist()
    names = [[row[0] for row in channels[1:]]] if header else []
    (folder / f"{stem}_motion.tsv").write_text(made_up.separated([*names, *rows], "\t"))
    (folder / f"{stem}_channels.tsv").write_text(made_up.separated(channels, "\t"))
    (folder / f"{stem}_motion.json").write_text(json.dumps({"SamplingFrequency": RATE_HZ, "TaskName": "walk"}))
    return held


def events(root, rows, stem="sub-01_task-walk", column="trial_type"):
    path = root / stem.split("_")[0] / "motion" / f"{stem}_events.tsv"
    path.write_text(made_up.separated([["onset", "duration", column], *rows], "\t"))


def only(root):
    [one] = bids_motion.recordings(root)
    return one


def refused(root, *words):
    try:
        one = only(root)
    except BadOriginal as raised:
        one = raised
    assert isinstance(one, BadOriginal), one
    assert "\n" not in str(one)
    for word in ("want", *words):
        assert word in str(one)


@pytest.mark.parametrize("header", [False, True])
def test_what_was_written_is_read(tmp_path, rng, header):
    held = motion(tmp_path, rng, header=header)
    one = only(tmp_path)
    assert (one.document["subject"], one.name, one.contacts) == ("sub-01", "sub-01_task-walk", None)
    assert one.document["activity"] == "walk"
    for point, sensor in zip(POINTS, SENSORS, strict=True):
        samples = one.samples[sensor]
        assert np.array_equal(samples.acc, held[point][0])
        assert np.array_equal(samples.gyr, held[point][1])
        assert np.array_equal(samples.t_ns, np.rint(np.arange(N) * 1e9 / RATE_HZ))
        assert one.document["sensors"][sensor] == {"rate_hz": RATE_HZ, "mounting": None}


def test_units_are_made_si(tmp_path, rng):
    held = motion(tmp_path, rng, units={"ACCEL": "g", "GYRO": "deg/s", "MAGN": "uT"})
    samples = only(tmp_path).samples["foot_right"]
    assert np.allclose(samples.acc, held["RightFoot"][0] * made_up.G, rtol=1e-14)
    assert np.allclose(samples.gyr, np.radians(held["RightFoot"][1]), rtol=1e-14)


def test_what_a_tracked_point_is_may_be_told(tmp_path, rng):
    held = motion(tmp_path, rng, points=("IMU3", "IMU4"))
    refused(tmp_path, "called")
    (tmp_path / "sensors.toml").write_text('[foot_left]\ncalled = "IMU4"\nplacement = "heel"\n')
    one = only(tmp_path)
    assert list(one.samples) == ["foot_left"]
    assert np.array_equal(one.samples["foot_left"].acc, held["IMU4"][0])
    assert one.document["sensors"]["foot_left"]["placement"] == "heel"


def test_missing_values_are_nan_and_lost_samples_show_in_latency(tmp_path, rng):
    kept = np.arange(N) + 7 * (np.arange(N) > 500)
    held = motion(tmp_path, rng, first=[("t", "LATENCY", kept / RATE_HZ)])
    path = tmp_path / "sub-01" / "motion" / "sub-01_task-walk_tracksys-imu_motion.tsv"
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    rows[3][7] = "n/a"
    path.write_text(made_up.separated(rows, "\t"))
    samples = only(tmp_path).samples["foot_left"]
    assert np.array_equal(samples.seq, kept)
    assert np.abs(samples.t_ns - kept * 1e9 / RATE_HZ).max() <= 1
    assert np.isnan(samples.acc[3]).tolist() == [True, False, False]
    assert np.array_equal(np.delete(samples.acc, 3, 0), np.delete(held["LeftFoot"][0], 3, 0))


def test_sidecars_stand_where_bids_lets_them(tmp_path, rng):
    motion(tmp_path, rng)
    folder = tmp_path / "sub-01" / "motion"
    (folder / "sub-01_task-walk_tracksys-imu_motion.json").unlink()
    refused(tmp_path, "SamplingFrequency")
    (tmp_path / "task-walk_motion.json").write_text('{"SamplingFrequency": 64}')
    (tmp_path / "task-run_motion.json").write_text('{"SamplingFrequency": 32}')
    assert only(tmp_path).document["sensors"]["pelvis"]["rate_hz"] == 64
    # nearer, and of more entities, goes before
    (tmp_path / "task-walk_tracksys-imu_motion.json").write_text('{"SamplingFrequency": 128}')
    assert only(tmp_path).document["sensors"]["pelvis"]["rate_hz"] == 128
    (folder / "sub-01_task-walk_tracksys-imu_channels.tsv").rename(tmp_path / "tracksys-imu_channels.tsv")
    assert only(tmp_path).document["sensors"]["pelvis"]["rate_hz"] == 128


@pytest.mark.parametrize(("column", "of"), [("trial_type", "tracksys-imu_"), ("event_type", ""), ("value", "")])
def test_events_make_contacts(tmp_path, rng, column, of):
    motion(tmp_path, rng)
    told = [[k * 0.5 + 1.0, 0, f"initial_contact_{'left' if k % 2 else 'right'}"] for k in range(10)]
    told += [[k * 0.5 + 1.6, 0, f"final_contact_{'left' if k % 2 else 'right'}"] for k in range(10) if k != 4]
    events(tmp_path, [[0.2, 0, "start"], *told], f"sub-01_task-walk_{of}".rstrip("_"), column)
    one = only(tmp_path)
    assert [(row["foot"], row["t_contact_ns"]) for row in one.contacts] == [
        ("left" if k % 2 else "right", (k + 2) * 500_000_000) for k in range(10)
    ]
    # the release of number 4 was not told: that of a later stance is not taken for it
    assert [row["t_release_ns"] for row in one.contacts] == [
        None if k == 4 else (k + 2) * 500_000_000 + 600_000_000 for k in range(10)
    ]
    assert {(row["first"], row["direction"]) for row in one.contacts} == {(None, None)}
    ends_ns = int(one.samples["pelvis"].t_ns[-1])
    assert sorted(one.document["truth_ignore_ns"]) == [
        ["left", 0, 1_200_000_000],
        ["left", 5_800_000_000, ends_ns],
        ["right", 0, 700_000_000],
        ["right", 5_300_000_000, ends_ns],
    ]


def test_events_that_tell_of_no_contact_are_no_truth(tmp_path, rng):
    motion(tmp_path, rng)
    events(tmp_path, [[0.2, 0, "start"], [3.0, 0, "stop"]])
    assert only(tmp_path).contacts is None


def test_tracking_systems_share_a_clock_where_scans_say_when_each_began(tmp_path, rng):
    for side, point in (("left", "LeftFoot"), ("right", "RightFoot")):
        motion(tmp_path, rng, points=(point,), stem=f"sub-01_task-walk_tracksys-{side}")
    events(tmp_path, [[1.0, 0, "initial_contact_left"]])
    one = only(tmp_path)
    assert [samples.t_ns[0] for samples in one.samples.values()] == [0, 0]
    assert "not synchronised" in one.document["note"]
    assert one.contacts is None
    began(tmp_path, left="10:00:01.250000", right="10:00:00.5")
    one = only(tmp_path)
    assert {sensor: samples.t_ns[0] for sensor, samples in one.samples.items()} == {
        "foot_left": 750_000_000,
        "foot_right": 0,
    }
    assert "note" not in one.document


def began(root, **times):
    rows = [[f"motion/sub-01_task-walk_tracksys-{one}_motion.tsv", f"1925-01-01T{at}"] for one, at in times.items()]
    (root / "sub-01" / "sub-01_scans.tsv").write_text(made_up.separated([["filename", "acq_time"], *rows], "\t"))


def feet_apart(root, rng):
    for side, point in (("left", "LeftFoot"), ("right", "RightFoot")):
        motion(root, rng, points=(point,), stem=f"sub-01_task-walk_tracksys-{side}")


@pytest.mark.parametrize(
    ("left", "right"),
    [("12:30:01.25+02:30", "10:00:00.5Z"), ("23:00:01.250+13:00", "05:00:00.500-05:00"), ("10:00:00.75", "10:00:00.0")],
)
def test_time_zones_are_converted(tmp_path, rng, left, right):
    feet_apart(tmp_path, rng)
    began(tmp_path, left=left, right=right)
    samples = only(tmp_path).samples
    apart_ns = int(samples["foot_left"].t_ns[0] - samples["foot_right"].t_ns[0])
    assert apart_ns == 750_000_000


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        ("10:00:01", "10:00:00", "acq_time has whole seconds"),
        ("10:00:01.000000", "10:00:00.000000", "acq_time has whole seconds"),
        ("10:00:01.25", "10:00:00", "acq_time has whole seconds"),
        ("10:00:01.25Z", "10:00:00.5", "acq_time has a time zone in some rows and none in others"),
        ("10:00:01.25", "", "acq_time is missing"),
    ],
)
def test_what_acq_time_is_too_coarse_for_is_not_synchronised_and_says_why(tmp_path, rng, left, right, why):
    feet_apart(tmp_path, rng)
    events(tmp_path, [[1.0, 0, "initial_contact_left"]])
    began(tmp_path, left=left, **({"right": right} if right else {}))
    one = only(tmp_path)
    assert [samples.t_ns[0] for samples in one.samples.values()] == [0, 0]
    assert one.document["note"] == (
        f"the sensors' clocks are not synchronised: each begins with its own first sample; {why}"
    )
    assert one.contacts is None


def test_scans_may_lack_times(tmp_path, rng):
    feet_apart(tmp_path, rng)
    (tmp_path / "sub-01" / "sub-01_scans.tsv").write_text("filename\toperator\nmotion/x_motion.tsv\tMe\n")
    assert only(tmp_path).document["note"].endswith("; acq_time is missing")


def test_times_that_are_none_are_refused(tmp_path, rng):
    feet_apart(tmp_path, rng)
    began(tmp_path, left="10:00:01.25", right="noon")
    refused(tmp_path, "sub-01_scans.tsv", "acq_time '1925-01-01Tnoon'")


@pytest.mark.parametrize("first_s", [0.0, 0.004, 100.0, -3.0])
def test_latency_that_begins_anywhere_moves_no_contact(tmp_path, rng, first_s):
    motion(tmp_path, rng, first=[("t", "LATENCY", first_s + np.arange(N) / RATE_HZ)])
    events(tmp_path, [[float(k), 0, f"initial_contact_{'left' if k % 2 else 'right'}"] for k in range(2, 9)])
    one = only(tmp_path)
    assert one.samples["foot_left"].t_ns[0] == 0
    assert [row["t_contact_ns"] for row in one.contacts] == [k * 1_000_000_000 for k in range(2, 9)]


@pytest.mark.parametrize(("of", "at_s"), [("left", 2.75), ("right", 2.0)])
def test_onsets_count_from_the_first_row_of_their_tracking_system(tmp_path, rng, of, at_s):
    """Whose LATENCY is a device's clock, and is on no other."""
    for side, point, first_s in (("left", "LeftFoot", 500.0), ("right", "RightFoot", 7.0)):
        latency = ("t", "LATENCY", first_s + np.arange(N) / RATE_HZ)
        motion(tmp_path, rng, points=(point,), stem=f"sub-01_task-walk_tracksys-{side}", first=[latency])
    began(tmp_path, left="10:00:01.25", right="10:00:00.5")
    events(tmp_path, [[2.0, 0, "initial_contact_left"]], f"sub-01_task-walk_tracksys-{of}")
    one = only(tmp_path)
    assert [samples.t_ns[0] for samples in one.samples.values()] == [750_000_000, 0]
    assert [row["t_contact_ns"] for row in one.contacts] == [at_s * 1e9]


def test_onsets_of_a_system_without_sensors_need_to_know_when_it_began(tmp_path, rng):
    motion(tmp_path, rng)
    motion(tmp_path, rng, points=("head",), stem="sub-01_task-walk_tracksys-omc")
    events(tmp_path, [[2.0, 0, "initial_contact_left"]], "sub-01_task-walk_tracksys-omc")
    one = only(tmp_path)
    assert (one.contacts, "nothing tells when omc began; acq_time is missing" in one.document["note"]) == (None, True)
    began(tmp_path, imu="10:00:01.25", omc="10:00:00.5")
    one = only(tmp_path)
    assert [row["t_contact_ns"] for row in one.contacts] == [1_250_000_000]
    assert "note" not in one.document


def test_contacts_outside_the_recording_are_none_and_those_of_another_clock_are_refused(tmp_path, rng):
    motion(tmp_path, rng)
    outside = [[-0.5, 0, "initial_contact_left"], [12.0, 0, "initial_contact_left"]]
    events(tmp_path, [*outside, [3.0, 0, "initial_contact_left"]])
    assert [row["t_contact_ns"] for row in only(tmp_path).contacts] == [3_000_000_000]
    events(tmp_path, outside)
    refused(tmp_path, "events from -0.5 s on, none a contact within 9.99219 s", "of another clock?")


def test_trials_are_told_apart_and_a_broken_one_costs_no_other(tmp_path, rng):
    for person, run in (("02", "1"), ("01", "2"), ("01", "1")):
        motion(tmp_path, rng, stem=f"sub-{person}_task-walk_tracksys-imu_run-{run}")
    motion(tmp_path, rng, points=("head",), stem="sub-01_task-sit_tracksys-imu")
    (tmp_path / "sub-01" / "motion" / "sub-01_task-walk_tracksys-imu_run-2_motion.tsv").write_text("1\t2\n3\t4\n")
    first, broken, last = bids_motion.recordings(tmp_path)
    assert (first.name, last.name) == ("sub-01_task-walk_run-1", "sub-02_task-walk_run-1")
    assert isinstance(broken, BadOriginal)
    assert "want 27 as _channels.tsv" in str(broken)


def replaced(name, old, new):
    def spoil(root):
        path = root / "sub-01" / "motion" / f"sub-01_task-walk_tracksys-imu_{name}"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return spoil


SLIPS = {
    "no channels": (
        lambda root: (root / "sub-01" / "motion" / "sub-01_task-walk_tracksys-imu_channels.tsv").unlink(),
        ["_channels.tsv"],
    ),
    "no column of types": (replaced("channels.tsv", "\ttype\t", "\tkind\t"), ["'type'"]),
    "no x of a foot": (replaced("channels.tsv", "LeftFoot_ACCEL_x\tx", "LeftFoot_ACCEL_x\tn/a"), ["no accx"]),
    "two left feet": (replaced("channels.tsv", "x\tGYRO\tLeftFoot", "x\tGYRO\tleft_shoe"), ["left_shoe", "one"]),
    "two accelerometers": (replaced("channels.tsv", "x\tMAGN\tLeftFoot", "x\tACCEL\tLeftFoot"), ["accx twice"]),
    "another unit": (replaced("channels.tsv", "LeftFoot\tm/s^2", "LeftFoot\tfurlong"), ["furlong, m/s^2", "one"]),
    "a row too few": (replaced("channels.tsv", "LowerBack_MAGN_z\tz\tMAGN\tLowerBack\tuT\n", ""), ["27", "26"]),
    "no JSON": (replaced("motion.json", "{", ""), ["JSON"]),
    "no object": (replaced("motion.json", "{", "[{"), ["JSON"]),
    "a rate of nothing": (replaced("motion.json", "128.0", "0"), ["SamplingFrequency is 0"]),
    "a rate in words": (replaced("motion.json", "128.0", '"fast"'), ["'fast'", "Hz"]),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_what_is_not_as_specified_is_refused(slip, tmp_path, rng):
    spoil, words = SLIPS[slip]
    motion(tmp_path, rng)
    spoil(tmp_path)
    refused(tmp_path, "sub-01_task-walk_tracksys-imu", *words)


def test_text_among_numbers_is_refused(tmp_path, rng):
    held = motion(tmp_path, rng)
    replaced("motion.tsv", f"\t{held['RightFoot'][1][5, 0]}\t", "\tfast\t")(tmp_path)
    refused(tmp_path, "line 6", "'fast'", "a number or n/a")


def test_a_file_that_was_not_downloaded_is_refused(tmp_path, rng):
    motion(tmp_path, rng)
    path = tmp_path / "sub-01" / "motion" / "sub-01_task-walk_tracksys-imu_motion.tsv"
    path.write_text("../../.git/annex/objects/x")
    refused(tmp_path, "not downloaded yet?")


@pytest.mark.parametrize("onset", ["inf", "nan", "soon"])
def test_onsets_that_cant_be_are_refused(tmp_path, rng, onset):
    motion(tmp_path, rng)
    events(tmp_path, [[onset, 0, "initial_contact_left"]])
    refused(tmp_path, "events.tsv", "onset")


def test_an_empty_folder_says_what_belongs_there(tmp_path):
    refused(tmp_path, "motion.tsv", "BIDS")
