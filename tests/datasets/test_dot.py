"""Exports of Movella DOT, made up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu_datasets.dataset import BadOriginal
from imu_datasets.readers import dot
from imu_datasets.readers.clocks import counted, unwrapped
from tests.datasets import made_up

TICKS = 1 << 32
HEADER = ["PacketCounter", "SampleTimeFine", "Quat_W", *(f"{kind}_{axis}" for kind in ("Acc", "Gyr") for axis in "XYZ")]


ABOVE = (
    "sep=,",
    "DeviceTag:,DOT 1,,,",
    "FirmwareVersion:,3.0.0",
    "SyncStatus:,Synced,,",
    "OutputRate:,60Hz,,",
    "Measurement Mode:,Custom mode 5",
    "StartTime: ,2026-01-02_03:04:05_006 CET",
    "Movella Technologies B. V. 2005-2026",
    "",
)
N = 240


def export(path, rng, *, rate_hz=60, first=1000, delimiter=",", lost=(), header=HEADER, above=ABOVE):
    """Of N samples but those of numbers `lost`. Returns acc and gyr as they stand in the file."""
    acc, gyr = made_up.signals(N, rng, rad=made_up.DEG)
    ticks = (first + np.rint(np.arange(N) * 1e6 / rate_hz).astype(np.int64)) % TICKS
    kept = [k for k in range(N) if k not in lost]
    rows = [[number + 1, ticks[k], 1.0, *acc[k], *gyr[k]] for number, k in enumerate(kept)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(above) + "\n" + made_up.separated([header, *rows], delimiter))
    return acc[kept], gyr[kept]


def only(root):
    [one] = dot.recordings(root)
    return one


def refused(root, *words):
    try:
        one = only(root)
    except BadOriginal as raised:
        one = raised
    assert isinstance(one, BadOriginal), one
    said = str(one)
    assert "\n" not in said
    for word in ("want", *words):
        assert word in said
    return said


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_was_exported_is_read(tmp_path, rng, delimiter):
    held = {
        name: export(tmp_path / "S01" / "walk" / f"{name}.csv", rng, delimiter=delimiter)
        for name in ("foot_left", "foot_right", "pelvis")
    }
    one = only(tmp_path)
    assert (one.document["subject"], one.name, one.contacts) == ("S01", "walk", None)
    assert "note" not in one.document
    for name, (acc, gyr) in held.items():
        samples = one.samples[name]
        assert one.document["sensors"][name] == {"rate_hz": 60.0, "mounting": None}
        assert np.array_equal(samples.acc, acc)
        assert np.allclose(samples.gyr, np.radians(gyr), rtol=1e-14)
        assert np.array_equal(samples.seq, np.arange(240))
        assert np.abs(samples.t_ns - np.arange(240) * 1e9 / 60).max() <= 500


@given(st.integers(-120, 120), st.integers(-120, 120))
def test_a_clock_that_turns_over_and_sensors_that_start_apart(tmp_path_factory, before, apart):
    root, rng = tmp_path_factory.mktemp("dot"), np.random.default_rng(1)
    step = round(1e6 / 60)
    folder = root / "S01" / "walk"
    export(folder / "foot_left.csv", rng, first=(TICKS + before * step) % TICKS)
    export(folder / "foot_right.csv", rng, first=(TICKS + (before + apart) * step) % TICKS)
    one = only(root)
    left, right = one.samples["foot_left"].t_ns, one.samples["foot_right"].t_ns
    assert right[0] - left[0] == apart * step * 1000
    assert min(left[0], right[0]) == 0
    for samples in one.samples.values():
        assert np.array_equal(samples.seq, np.arange(240))
        assert (np.diff(samples.t_ns) > 0).all()


@given(st.sets(st.integers(1, 238), max_size=40))
def test_what_was_lost_shows_in_the_counter(tmp_path_factory, lost):
    root = tmp_path_factory.mktemp("dot")
    acc, _ = export(root / "S01" / "walk" / "foot_left.csv", np.random.default_rng(2), lost=lost)
    samples = only(root).samples["foot_left"]
    assert list(samples.seq) == [k for k in range(240) if k not in lost]
    assert np.array_equal(samples.acc, acc)


@pytest.mark.parametrize("said", ["SyncStatus:,Un-synced", "DeviceName:,Synced"])
def test_sensors_that_were_not_synchronised_begin_with_themselves(tmp_path, rng, said):
    folder, above = tmp_path / "S01" / "walk", [said if "Sync" in line else line for line in ABOVE]
    export(folder / "foot_left.csv", rng, first=5, above=above)
    export(folder / "foot_right.csv", rng, first=70_000_000, above=above)
    one = only(tmp_path)
    assert [samples.t_ns[0] for samples in one.samples.values()] == [0, 0]
    assert "not synchronised" in one.document["note"]
    (tmp_path / "sensors.toml").write_text("synchronised = true\n")
    refused(tmp_path, "no time in common", "66 s lie between")


def test_how_a_sensor_was_worn_is_what_the_innermost_file_says(tmp_path, rng):
    for session in ("a", "b"):
        export(tmp_path / "S01" / session / "foot_left.csv", rng)
    (tmp_path / "sensors.toml").write_text('[foot_left]\nmounting = [[1,0,0],[0,1,0],[0,0,1]]\nplacement = "dorsum"\n')
    (tmp_path / "S01" / "b" / "sensors.toml").write_text('[foot_left]\nplacement = "heel"\n')
    a, b = (one.document["sensors"]["foot_left"] for one in dot.recordings(tmp_path))
    assert a == {"rate_hz": 60.0, "mounting": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "placement": "dorsum"}
    assert b == {"rate_hz": 60.0, "mounting": None, "placement": "heel"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[foot_lft]\n", ["'foot_lft'", "meant 'foot_left'?"]),
        ("[foot_left]\nmount = 1\n", ["'mount'", "mounting"]),
        ("[foot_left]\nplacement = 1\n", ["foot_left.placement is 1", "text"]),
        ("foot_left = 1\n", ["'foot_left'", "tables"]),
        ("synchronised = 1\n", ["synchronised is 1", "true or false"]),
        ("synchronised = \n", ["no TOML"]),
        ('[foot_left]\nmounting = "up"\n', ["foot_left.mounting 'up'", "3x3 rotation"]),
        ("[foot_left]\nmounting = [[1, 0, 0], [0, 1, 0], [0, 0, -1]]\n", ["foot_left.mounting", "mirror image"]),
    ],
)
def test_settings_that_cant_be_are_refused(tmp_path, rng, text, words):
    export(tmp_path / "S01" / "walk" / "foot_left.csv", rng)
    (tmp_path / "S01" / "sensors.toml").write_text(text)
    refused(tmp_path, "sensors.toml", *words)


def test_an_export_of_recorded_data_says_less_and_is_read_as_well(tmp_path, rng):
    path = tmp_path / "S01" / "walk" / "foot_left.csv"
    export(path, rng, rate_hz=120, above=["DeviceTag:,DOT 1"])
    text = path.read_text().replace("\n", ",\r\n")
    path.write_bytes(b"\xa9 Movella,,\r\n" + text.encode() + b",,,\r\n\r\n")
    one = only(tmp_path)
    assert one.document["sensors"]["foot_left"]["rate_hz"] == pytest.approx(120, rel=1e-4)
    assert np.array_equal(one.samples["foot_left"].seq, np.arange(240))


def test_quotes_around_what_stands_above_the_header(tmp_path, rng):
    above = [",".join(f'"{cell}"' for cell in line.split(",")) for line in ABOVE]
    for name in ("foot_left", "foot_right"):
        export(tmp_path / "S01" / "walk" / f"{name}.csv", rng, above=above)
    one = only(tmp_path)
    assert "note" not in one.document
    assert one.document["sensors"]["foot_left"]["rate_hz"] == 60.0


def test_what_macos_lays_beside_files_is_passed_over(tmp_path, rng):
    folder = tmp_path / "S01" / "walk"
    export(folder / "foot_left.csv", rng)
    for path in (folder / "._foot_left.csv", folder / "._foot_right.csv", tmp_path / "S01" / ".x" / "foot_left.csv"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\0\5\26\7")
    assert list(only(tmp_path).samples) == ["foot_left"]


def spoilt(old, new, **more):
    def spoil(path, rng):
        export(path, rng, **more)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return spoil


FREE = [name.replace("Acc_", "FreeAcc_") for name in HEADER]
SLIPS = {
    "acceleration without gravity": (lambda path, rng: export(path, rng, header=FREE), ["FreeAcc", "gravity"]),
    "another column missing": (spoilt("Gyr_Y", "Gyro_Y"), ["'Gyr_Y'", "meant 'Gyro_Y'?"]),
    "no header": (spoilt("PacketCounter", "Counter"), ["PacketCounter", "imu import"]),
    "cut off": (lambda path, rng: (export(path, rng), path.write_text(path.read_text()[:-40])), ["cut off?"]),
    "no rows": (lambda path, rng: export(path, rng, lost=range(240)), ["no rows"]),
    "no number": (spoilt("\n5,", "\n5,x"), ["line 15", "want a number"]),
    "a fraction of a tick": (spoilt("\n5,", "\n5,0.5"), ["whole microseconds"]),
    "nanoseconds": (lambda path, rng: (export(path, rng, first=TICKS - 10), _not_wrapped(path)), ["2^32"]),
    "another rate": (spoilt("60Hz", "120Hz"), ["60 Hz", "120Hz", "resampled"]),
    "g": (lambda path, rng: _scaled(path, rng, acc=1 / made_up.G), ["g and m/s^2 mixed up?"]),
    "rad/s": (lambda path, rng: _scaled(path, rng, gyr=1 / made_up.DEG), ["deg/s and rad/s mixed up?"]),
    "binary": (lambda path, rng: (export(path, rng), path.write_bytes(b"PacketCounter\0\0")), ["no text"]),
    "a wrong name": (lambda path, rng: export(path.with_name("foot-left.csv"), rng), ["meant 'foot_left.csv'?"]),
    "a name of nobody": (lambda path, rng: export(path.with_name("D422CD.csv"), rng), ["D422CD.csv", "foot_left.csv"]),
    "no foot": (lambda path, rng: export(path.with_name("pelvis.csv"), rng), ["no foot", "foot_left or foot_right"]),
}


def _not_wrapped(path):
    rows = [line.split(",") for line in path.read_text().splitlines()]
    for row in rows[10:]:
        row[1] = str(int(row[1]) + (TICKS if int(row[1]) < TICKS // 2 else 0))
    path.write_text(made_up.separated(rows))


def _scaled(path, rng, acc=1.0, gyr=1.0):
    export(path, rng)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    for row in rows[10:]:
        row[3:6] = [str(float(value) * acc) for value in row[3:6]]
        row[6:9] = [str(float(value) * gyr) for value in row[6:9]]
    path.write_text(made_up.separated(rows))


@pytest.mark.parametrize("slip", SLIPS)
def test_what_is_no_such_export_is_refused(slip, tmp_path, rng):
    spoil, words = SLIPS[slip]
    (tmp_path / "S01" / "walk").mkdir(parents=True)
    spoil(tmp_path / "S01" / "walk" / "foot_left.csv", rng)
    refused(tmp_path, "walk", *words)


def test_a_broken_session_costs_no_other_one(tmp_path, rng):
    for session in "abc":
        export(tmp_path / "S01" / session / "foot_left.csv", rng)
    (tmp_path / "S01" / "b" / "foot_left.csv").write_text("nothing\n")
    a, b, c = dot.recordings(tmp_path)
    assert (a.name, c.name) == ("a", "c")
    assert isinstance(b, BadOriginal)


def test_an_empty_folder_says_where_files_belong(tmp_path):
    refused(tmp_path, "SUBJECT/SESSION/foot_left.csv", "--from")


@given(st.lists(st.integers(-(1 << 30), 1 << 30), min_size=1, max_size=30), st.integers(0, TICKS - 1))
def test_a_counter_is_counted_on_over_its_turn(steps, first):
    true = first + np.concatenate([[0], np.cumsum(steps)])
    assert np.array_equal(unwrapped(true % TICKS), true)


@given(st.sets(st.integers(0, 400), min_size=2), st.floats(20, 400), st.integers(0, 2**32))
def test_a_counter_of_even_times_is_the_samples_number(kept, rate_hz, seed):
    numbers = np.array(sorted(kept))
    jitter = np.random.default_rng(seed).uniform(-0.2, 0.2, len(numbers))
    t_ns = np.rint((numbers + jitter) * 1e9 / rate_hz).astype(np.int64)
    assert np.array_equal(counted(t_ns, rate_hz), numbers - numbers[0])
