"""Exports of Movesense's Showcase apps, made up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu_datasets.dataset import BadOriginal
from imu_datasets.readers import movesense
from imu_datasets.readers.clocks import counted, paired, rate_of
from tests.datasets import made_up

IMU = "Timestamp,AccX,AccY,AccZ,GyroX,GyroY,GyroZ,MagnX,MagnY,MagnZ"
ANDROID = {
    "acc": "Timestamp (ms),X: (m/s^2),Y: (m/s^2),Z: (m/s^2)",
    "gyr": "Timestamp (ms),X: (degree per second),Y: (degree per second),Z: (degree per second)",
}
IOS = dict.fromkeys(("acc", "gyr"), "timestamp,x,y,z")


def times(n, rate_hz=104.0, first_ms=5000, keep=None):
    t_ms = np.rint(first_ms + np.arange(n) * 1000 / rate_hz).astype(np.int64)
    return t_ms if keep is None else t_ms[keep]


def in_one(path, rng, n=520, magnetometer=False, **more):
    acc, gyr = made_up.signals(n, rng, rad=made_up.DEG)
    rows = [[t, *a, *g, *([1.0, 2.0, 3.0] * magnetometer)] for t, a, g in zip(times(n, **more), acc, gyr, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(IMU + "\n" + made_up.separated(rows))
    return acc, gyr


def write(path, header, t_ms, values, packet=1, tail=""):
    """One quantity; but the first row of a packet no row has a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [[t if k % packet == 0 else "", *value] for k, (t, value) in enumerate(zip(t_ms, values, strict=True))]
    path.write_text(header + "\n" + "".join(",".join(map(str, row)) + tail + "\n" for row in rows))


def only(root):
    [one] = movesense.recordings(root)
    return one


def refused(root, *words):
    [one] = movesense.recordings(root)
    assert isinstance(one, BadOriginal), one
    assert "\n" not in str(one)
    for word in ("want", *words):
        assert word in str(one)


@pytest.mark.parametrize("magnetometer", [False, True])
def test_acc_and_gyr_in_one_file(tmp_path, rng, magnetometer):
    held = {
        name: in_one(tmp_path / "S01" / "walk" / f"{name}.csv", rng, magnetometer=magnetometer, first_ms=first)
        for name, first in (("foot_left", 5000), ("foot_right", 90))
    }
    one = only(tmp_path)
    assert (one.document["subject"], one.name) == ("S01", "walk")
    assert "not synchronised" in one.document["note"]
    for name, (acc, gyr) in held.items():
        samples = one.samples[name]
        assert one.document["sensors"][name]["rate_hz"] == pytest.approx(104, rel=0.002)
        assert np.array_equal(samples.acc, acc)
        assert np.allclose(samples.gyr, np.radians(gyr), rtol=1e-14)
        assert np.array_equal(samples.seq, np.arange(520))
        assert np.abs(samples.t_ns - np.arange(520) * 1e9 / 104).max() <= 1e6


@pytest.mark.parametrize(("headers", "packet", "tail"), [(ANDROID, 1, ", "), (IOS, 1, ""), (IOS, 4, ""), (IOS, 8, "")])
def test_acc_and_gyr_in_two_files(tmp_path, rng, headers, packet, tail):
    acc, gyr = made_up.signals(520, rng, rad=made_up.DEG)
    folder = tmp_path / "S01" / "walk"
    write(folder / "foot_left_acc.csv", headers["acc"], times(520), acc, packet, tail)
    # gyr begins 16 samples later and is off by 3 ms
    write(folder / "foot_left_gyr.csv", headers["gyr"], times(520)[16:] + 3, gyr[16:], packet, tail)
    samples = only(tmp_path).samples["foot_left"]
    assert np.array_equal(samples.acc, acc[16:])
    assert np.allclose(samples.gyr, np.radians(gyr[16:]), rtol=1e-14)
    assert np.array_equal(samples.seq, np.arange(504))
    assert np.abs(samples.t_ns - np.arange(504) * 1e9 / 104).max() <= 1.1e6


@given(
    st.sets(st.integers(1, 298), max_size=30),
    st.sets(st.integers(1, 298), max_size=30),
    st.floats(-0.5, 0.5),
    st.sampled_from([52.0, 104.0, 208.0]),
    st.integers(0, 2**32 - 1),
)
def test_rows_find_their_like_whatever_is_lost_and_whatever_the_offset(lost_a, lost_b, off, rate_hz, seed):
    random = np.random.default_rng(seed)
    a = np.array([k for k in range(300) if k not in lost_a])
    b = np.array([k for k in range(300) if k not in lost_b])
    # whole ms, as files have them, are up to half a ms off
    jitter_ns = min(5e5, 0.1e9 / rate_hz)
    a_ns = np.rint(a * 1e9 / rate_hz + random.uniform(-jitter_ns, jitter_ns, len(a))).astype(np.int64)
    b_ns = np.rint((b + off) * 1e9 / rate_hz + random.uniform(-jitter_ns, jitter_ns, len(b))).astype(np.int64)
    of_a, of_b = paired(a_ns, b_ns, rate_hz)
    apart = b[of_b] - a[of_a]
    # half a period is as near to the one side as to the other, but all rows take the same
    assert len(set(apart)) == 1
    if abs(off) < 0.4:
        assert set(apart) == {0}
        assert set(a[of_a]) == set(a) & set(b)
    assert len(set(of_b)) == len(of_b)


def test_a_packet_that_was_lost_leaves_a_hole_and_moves_nothing(tmp_path, rng):
    acc, gyr = made_up.signals(520, rng, rad=made_up.DEG)
    keep = np.array([k for k in range(520) if not 200 <= k < 216])
    folder = tmp_path / "S01" / "walk"
    for name, values in (("acc", acc), ("gyr", gyr)):
        write(folder / f"foot_left_{name}.csv", IOS[name], times(520, keep=keep), values[keep], packet=8)
    samples = only(tmp_path).samples["foot_left"]
    assert list(samples.seq) == list(keep)
    assert np.array_equal(samples.acc, acc[keep])
    assert np.abs(samples.t_ns - keep * 1e9 / 104).max() <= 1.6e6


def test_a_clock_that_turns_over(tmp_path, rng):
    acc, gyr = made_up.signals(520, rng, rad=made_up.DEG)
    t_ms = times(520, first_ms=(1 << 32) - 15)
    folder = tmp_path / "S01" / "walk"
    write(folder / "foot_left_acc.csv", IOS["acc"], t_ms % (1 << 32), acc)
    write(folder / "foot_left_gyr.csv", IOS["gyr"], t_ms[10:] % (1 << 32), gyr[10:])
    samples = only(tmp_path).samples["foot_left"]
    assert np.array_equal(samples.acc, acc[10:])
    assert np.array_equal(samples.seq, np.arange(510))


@given(
    st.sampled_from([52.0, 104.0, 208.0, 416.0, 833.0]),
    st.floats(0.99, 1.01),
    st.sets(st.integers(1, 2498), max_size=5),
    st.sampled_from([0, 1, 300]),
)
def test_whole_ms_invent_no_losses_and_hide_none(nominal_hz, off, lost, hole):
    true_hz = nominal_hz * off
    kept = np.array([k for k in range(2500) if k not in lost and not 1000 <= k < 1000 + hole])
    t_ns = times(2500, true_hz, keep=kept) * 1_000_000
    rate_hz = rate_of(t_ns)
    assert rate_hz == pytest.approx(true_hz, rel=0.003)
    seq = counted(t_ns, rate_hz)
    assert (np.diff(seq) > 0).all()
    # how many a long hole took is as sure as the rate is
    assert np.abs(seq - kept).max() <= hole // 300


@pytest.mark.parametrize("rate_hz", [416.0, 833.0])
def test_high_rates_in_whole_ms(tmp_path, rng, rate_hz):
    in_one(tmp_path / "S01" / "walk" / "foot_left.csv", rng, n=5000, rate_hz=rate_hz)
    one = only(tmp_path)
    assert one.document["sensors"]["foot_left"]["rate_hz"] == pytest.approx(rate_hz, rel=0.001)
    assert np.array_equal(one.samples["foot_left"].seq, np.arange(5000))


def test_fractions_of_a_ms_are_kept(tmp_path, rng):
    acc, gyr = made_up.signals(100, rng, rad=made_up.DEG)
    folder = tmp_path / "S01" / "walk"
    t_ms = [f"{(1 << 32) - 100.0 + 4.8 * k if k < 21 else 4.8 * k - 100.0:.1f}" for k in range(100)]
    for name, values in (("acc", acc), ("gyr", gyr)):
        write(folder / f"foot_left_{name}.csv", IOS[name], t_ms, values)
    samples = only(tmp_path).samples["foot_left"]
    assert np.abs(samples.t_ns - np.arange(100) * 4_800_000).max() <= 1000
    assert np.array_equal(samples.seq, np.arange(100))


def both(folder, rng, acc="timestamp,x,y,z", gyr="timestamp,x,y,z", rates=(104.0, 104.0), firsts=(5000, 5000)):
    values = made_up.signals(520, rng, rad=made_up.DEG)
    for name, header, one, rate_hz, first in zip(("acc", "gyr"), (acc, gyr), values, rates, firsts, strict=True):
        write(folder / f"foot_left_{name}.csv", header, times(520, rate_hz, first), one)


def replaced(name, old, new):
    def spoil(folder, rng):
        in_one(folder / "foot_left.csv", rng) if name == "foot_left.csv" else both(folder, rng)
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return spoil


SLIPS = {
    "acc without gyr": (
        lambda folder, rng: (both(folder, rng), (folder / "foot_left_gyr.csv").unlink()),
        ["there is no foot_left_gyr.csv", "both"],
    ),
    "swapped": (lambda folder, rng: both(folder, rng, ANDROID["gyr"], ANDROID["acc"]), ["degree", "swapped?"]),
    "one and two": (
        lambda folder, rng: (both(folder, rng), in_one(folder / "foot_left.csv", rng)),
        ["the one or the others"],
    ),
    "rates": (lambda folder, rng: both(folder, rng, rates=(104.0, 52.0)), ["52 Hz", "104 Hz", "one rate"]),
    "sessions": (lambda folder, rng: both(folder, rng, firsts=(5000, 60_000)), ["another session?"]),
    "times that fall": (replaced("foot_left_acc.csv", "\n5010,", "\n4010,"), ["fall"]),
    "a first row without a time": (replaced("foot_left_acc.csv", "\n5000,", "\n,"), ["line 2"]),
    "decimal commas": (replaced("foot_left.csv", ".", ","), ["decimal commas?"]),
    "text": (replaced("foot_left.csv", "\n5010,", "\nlate,"), ["line 3", "'late"]),
    "a clock of hours": (replaced("foot_left.csv", "\n5010,", "\n0:00:05,"), ["0:00:05", "ms"]),
    "another header": (replaced("foot_left.csv", "AccX", "X"), ["AccX", "timestamp, x"]),
    "no header": (replaced("foot_left.csv", IMU + "\n", ""), ["timestamp", "5000"]),
    "no rows": (lambda folder, rng: in_one(folder / "foot_left.csv", rng, n=1), ["1 rows"]),
    "a magnetometer's file": (replaced("foot_left_acc.csv", "x,y,z", "a,b,c"), ["x, y, z"]),
    "two feet in one name": (lambda folder, rng: in_one(folder / "left.csv", rng), ["left.csv", "foot_left.csv"]),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_what_is_no_such_export_is_refused(slip, tmp_path, rng):
    spoil, words = SLIPS[slip]
    spoil(tmp_path / "S01" / "walk", rng)
    refused(tmp_path, "walk", *words)
