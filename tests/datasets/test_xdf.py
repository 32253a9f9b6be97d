"""Recordings of the Lab Streaming Layer, made up: files are written here, chunk by chunk, after the format's definition
(github.com/sccn/xdf/wiki/Specifications).
"""

import struct
import sys
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu_datasets.convert import convert
from imu_datasets.dataset import BadOriginal, dataset
from imu_datasets.readers import xdf
from imu_datasets.readers.clocks import undelayed
from tests.datasets import made_up

pytest.importorskip("pyxdf", reason="pyxdf is not installed: pip install 'retrogait[datasets]'")

LABELS = [f"{kind}_{axis}" for kind in ("acc", "gyr") for axis in "xyz"]
UNITS = ["m/s^2"] * 3 + ["deg/s"] * 3
RATE_HZ = 100.0


def chunk(tag, content):
    return struct.pack("<BIH", 4, len(content) + 2, tag) + content


class Stream:
    """One stream: its header, samples in packets, how its clock stands to that of the recorder."""

    def __init__(self, name, values, t_s, labels=None, units=None, rate_hz=RATE_HZ, kind="IMU"):
        self.name, self.values, self.t_s, self.kind, self.rate_hz = name, np.asarray(values), t_s, kind, rate_hz
        self.labels = LABELS if labels is None else labels
        self.units = UNITS if units is None else units
        self.offset_s: float | None = 0.0
        self.host = ""

    def header(self):
        channels = "".join(
            f"<channel><label>{escape(label)}</label><unit>{escape(unit)}</unit><type>{self.kind}</type></channel>"
            for label, unit in zip(self.labels, self.units, strict=True)
        )
        return (
            f"<info><name>{escape(self.name)}</name><type>{self.kind}</type><hostname>{self.host}</hostname><channel_format>float32</channel_format>"
            f"<channel_count>{len(self.labels)}</channel_count><nominal_srate>{self.rate_hz}</nominal_srate>"
            f"<desc><channels>{channels}</channels></desc></info>"
        ).encode()

    def chunks(self, number, packet=10):
        yield chunk(2, struct.pack("<I", number) + self.header())
        for start in range(0, len(self.t_s), packet):
            part = slice(start, start + packet)
            if self.offset_s is not None:
                yield chunk(4, struct.pack("<Idd", number, self.t_s[start], self.offset_s))
            samples = b"".join(
                struct.pack("<Bd", 8, t) + row.astype("<f4").tobytes()
                for t, row in zip(self.t_s[part], self.values[part], strict=True)
            )
            yield chunk(3, struct.pack("<I", number) + struct.pack("<BB", 1, len(self.t_s[part])) + samples)


def write(path, *streams):
    path.parent.mkdir(parents=True, exist_ok=True)
    head = chunk(1, b"<info><version>1.0</version></info>")
    path.write_bytes(b"XDF:" + head + b"".join(part for k, one in enumerate(streams, 1) for part in one.chunks(k)))


def walked(rng, n=600, name="LeftFoot", start_s=100.0, **more):
    acc, gyr = made_up.signals(n, rng, rad=made_up.DEG)
    return Stream(name, np.hstack([acc, gyr]).astype(np.float32), start_s + np.arange(n) / RATE_HZ, **more)


def only(root):
    [one] = xdf.recordings(root)
    return one


def refused(root, *words):
    [one] = xdf.recordings(root)
    assert isinstance(one, BadOriginal), one
    assert "\n" not in str(one)
    for word in ("want", *words):
        assert word in str(one)


def same(samples, stream, rows=slice(None)):
    assert np.array_equal(samples.acc, stream.values[rows, :3].astype(float))
    assert np.allclose(samples.gyr, np.radians(stream.values[rows, 3:6].astype(float)), rtol=1e-12)


def test_streams_are_read_on_one_clock(tmp_path, rng):
    left, right, pelvis = walked(rng), walked(rng, name="right shoe", start_s=7.0), walked(rng, name="Lower_Back")
    right.offset_s = 93.5
    write(tmp_path / "S01" / "walk.xdf", left, right, pelvis)
    one = only(tmp_path)
    assert (one.document["subject"], one.name) == ("S01", "walk")
    for name, stream, start_s in (("foot_left", left, 0.0), ("foot_right", right, 0.5), ("pelvis", pelvis, 0.0)):
        samples = one.samples[name]
        same(samples, stream)
        assert np.array_equal(samples.seq, np.arange(600))
        assert np.abs(samples.t_ns / 1e9 - start_s - np.arange(600) / RATE_HZ).max() < 1e-6
        assert one.document["sensors"][name] == {"rate_hz": pytest.approx(RATE_HZ), "mounting": None}


def test_streams_that_share_no_clock_say_so(tmp_path, rng):
    left, right = walked(rng), walked(rng, name="right shoe", start_s=103.0)
    left.host, right.host, right.offset_s = "a", "b", None
    write(tmp_path / "S01" / "walk.xdf", left, right)
    one = only(tmp_path)
    assert [samples.t_ns[0] for samples in one.samples.values()] == [0, 0]
    for words in ("not synchronised", "2 computers, and no clock offsets of 'right shoe'"):
        assert words in one.document["note"]
    settings = tmp_path / "sensors.toml"
    settings.write_text("synchronised = true\n")
    one = only(tmp_path)
    assert [samples.t_ns[0] for samples in one.samples.values()] == [0, pytest.approx(3e9, abs=10)]
    assert "note" not in one.document
    settings.unlink()
    right.host = "a"
    write(tmp_path / "S01" / "walk.xdf", left, right)
    assert "note" not in only(tmp_path).document
    settings.write_text("synchronised = false\n")
    one = only(tmp_path)
    assert [samples.t_ns[0] for samples in one.samples.values()] == [0, 0]
    assert one.document["note"].startswith("the sensors' clocks are not synchronised")


def test_names_of_files_make_names_of_sessions(tmp_path, rng):
    for name in ("walk.1", "walk.2", "walk 3, slow"):
        write(tmp_path / "S01" / f"{name}.xdf", walked(rng))
    (tmp_path / "S01" / "._walk.1.xdf").write_bytes(b"\0\5\26\7")
    assert [one.name for one in xdf.recordings(tmp_path)] == ["walk-3-slow", "walk.1", "walk.2"]


def test_which_stream_is_which_may_be_told(tmp_path, rng):
    a, b = walked(rng, name="DOT 7"), walked(rng, name="LeftFoot")
    write(tmp_path / "S01" / "walk.xdf", a, b)
    (tmp_path / "sensors.toml").write_text('[foot_left]\ncalled = "DOT 7"\n[foot_right]\ncalled = "LeftFoot"\n')
    one = only(tmp_path)
    same(one.samples["foot_left"], a)
    same(one.samples["foot_right"], b)
    (tmp_path / "sensors.toml").write_text('[foot_left]\ncalled = "DOT 7"\n')
    assert list(only(tmp_path).samples) == ["foot_left"]


def test_all_sensors_in_one_stream_with_what_nobody_wants(tmp_path, rng):
    feet = [walked(rng), walked(rng)]
    labels = [f"{side}_foot_{label}" for side in ("left", "right") for label in LABELS]
    values = np.hstack([np.full((600, 2), 7.0), feet[0].values, feet[1].values, np.full((600, 3), 9.0)])
    extra = ["left_foot_magn_x", "counter"], ["left_foot_free_acc_x", "left_foot_quat_y", "left_foot_linear_acc_z"]
    stream = Stream(
        "Everything: acc, gyr, mag",
        values,
        feet[0].t_s,
        labels=[*extra[0], *labels, *extra[1]],
        units=["uT", "", *UNITS, *UNITS, "m/s^2", "", "m/s^2"],
    )
    write(tmp_path / "S01" / "walk.xdf", stream)
    one = only(tmp_path)
    same(one.samples["foot_left"], feet[0])
    same(one.samples["foot_right"], feet[1])


@pytest.mark.parametrize(
    "labels",
    [
        ["AccX", "AccY", "AccZ", "GyroX", "GyroY", "GyroZ"],
        ["ax", "ay", "az", "gx", "gy", "gz"],
        ["accx", "accy", "accz", "gyrox", "gyroy", "gyroz"],
    ],
)
def test_labels_as_people_write_them(tmp_path, rng, labels):
    stream = walked(rng, labels=labels)
    write(tmp_path / "S01" / "walk.xdf", stream)
    same(only(tmp_path).samples["foot_left"], stream)


def test_acc_and_gyr_in_streams_of_their_own(tmp_path, rng):
    whole = walked(rng)
    acc = Stream("LeftFoot acc", whole.values[:, :3], whole.t_s, list("xyz"), UNITS[:3])
    gyr = Stream("LeftFoot gyro", whole.values[20:, 3:], whole.t_s[20:] + 0.002, list("xyz"), UNITS[3:])
    write(tmp_path / "S01" / "walk.xdf", acc, gyr)
    samples = only(tmp_path).samples["foot_left"]
    assert np.array_equal(samples.acc, whole.values[20:, :3].astype(float))
    assert np.allclose(samples.gyr, np.radians(whole.values[20:, 3:].astype(float)), rtol=1e-12)


def test_units_as_people_write_them_and_none(tmp_path, rng):
    stream = walked(rng, units=["m/s2"] * 3 + ["dps"] * 3)
    write(tmp_path / "S01" / "walk.xdf", stream)
    same(only(tmp_path).samples["foot_left"], stream)
    stream.units = [""] * 6
    write(tmp_path / "S01" / "walk.xdf", stream)
    refused(tmp_path, "units none", "acc_unit")
    (tmp_path / "sensors.toml").write_text('[foot_left]\nacc_unit = "m/s^2"\ngyr_unit = "deg/s"\n')
    same(only(tmp_path).samples["foot_left"], stream)


def delayed(kept, random, rate_hz=RATE_HZ):
    """Packets of ten samples, each late by up to 40 ms, one in three hardly, one in five not at all."""
    late_s = np.where(random.random(60) < 0.33, 0.0005 * random.random(60), 0.04 * random.random(60))
    late_s[::5] = 0.0
    return 50.0 + kept / rate_hz + late_s[kept // 10]


@given(st.integers(0, 2**32 - 1), st.floats(0.99, 1.01))
def test_delays_move_nothing(seed, off):
    kept = np.arange(600)
    t_s, seq, rate_hz = undelayed(delayed(kept, np.random.default_rng(seed), RATE_HZ * off), RATE_HZ)
    assert rate_hz == pytest.approx(RATE_HZ * off, rel=0.002)
    # whether the last packets are late or something was lost before them nobody can tell
    sure = kept < 550
    assert np.array_equal(seq[sure], kept[sure])
    assert np.abs(t_s - 50.0 - kept / (RATE_HZ * off))[sure].max() < 0.012


@given(st.sets(st.integers(1, 55), min_size=1, max_size=2), st.integers(0, 2**32 - 1))
def test_losses_show_as_well_as_delays_let_them(lost_packets, seed):
    kept = np.array([k for k in range(600) if k // 10 not in lost_packets])
    t_s, seq, rate_hz = undelayed(delayed(kept, np.random.default_rng(seed)), RATE_HZ)
    assert rate_hz == pytest.approx(RATE_HZ, rel=0.01)
    assert (np.diff(seq) > 0).all()
    # of delayed packets just before a loss nobody can tell which is which: all stays within the longest delay
    sure = kept < 550
    assert np.abs(seq - kept)[sure].max() <= 4 * len(lost_packets)
    assert np.abs(t_s - 50.0 - kept / RATE_HZ)[sure].max() < 0.05


@given(st.sets(st.integers(1, 598), max_size=60))
def test_without_delays_every_lost_sample_shows(lost):
    kept = np.array([k for k in range(600) if k not in lost])
    t_s, seq, rate_hz = undelayed(50.0 + kept / RATE_HZ, RATE_HZ)
    assert np.array_equal(seq, kept)
    assert np.abs(t_s - 50.0 - kept / RATE_HZ).max() < 1e-6
    assert rate_hz == pytest.approx(RATE_HZ, rel=1e-6)


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(tmp_path, rng):
    stream = walked(rng)
    path = tmp_path / "S01" / "walk.xdf"
    write(path, stream)
    path.write_bytes(path.read_bytes()[:-100])
    one = only(tmp_path)
    same(one.samples["foot_left"], stream, slice(0, 590))
    assert one.document["recording"].startswith("damaged or broken off: ")


def marks(rng):
    return Stream("LeftFoot events", np.zeros((3, 1)), np.array([101.0, 102.0, 103.0]), ["mark"], [""], rate_hz=0)


SLIPS = {
    "no name that says where": (lambda rng: [walked(rng, name="DOT 7")], ["'DOT 7'", "called ="]),
    "twice the same": (lambda rng: [walked(rng), walked(rng, name="left shoe")], ["'LeftFoot'", "'left shoe'", "one"]),
    "no gyr": (lambda rng: [walked(rng, labels=[*LABELS[:3], "a", "b", "c"])], ["foot_left has no gyr"]),
    "two axes": (lambda rng: [walked(rng, labels=[*LABELS[:5], "other"])], ["gyr", "has xy;"]),
    "two ranges": (
        lambda rng: [
            Stream(
                "LeftFoot",
                np.zeros((9, 12)),
                np.arange(9.0),
                [f"{label[:3]}_{which}_{label[-1]}" for which in ("ln", "wr") for label in LABELS],
                UNITS * 2,
            )
        ],
        ["'acc_ln_x' and 'acc_wr_x'", "both x of acc of foot_left"],
    ),
    "words that end like axes": (
        lambda rng: [walked(rng, labels=["acc_max", "acc_y", "acc_z", *LABELS[3:]])],
        ["acc", "has yz;"],
    ),
    "another unit": (lambda rng: [walked(rng, units=["V"] * 3 + UNITS[3:])], ["unit 'V'", "m/s^2, g, mg"]),
    "units swapped": (lambda rng: [walked(rng, units=UNITS[::-1])], ["acc and gyr swapped?"]),
    "units of its own each": (lambda rng: [walked(rng, units=["g", "m/s^2", "g", *UNITS[3:]])], ["g, m/s^2"]),
    "units that can't be": (lambda rng: [walked(rng, units=["g"] * 3 + UNITS[3:])], ["g and m/s^2 mixed up?"]),
    "only a pelvis": (lambda rng: [walked(rng, name="pelvis")], ["no foot among pelvis"]),
    "only marks": (lambda rng: [marks(rng)], ["'LeftFoot events'"]),
    "nothing came in": (lambda rng: [walked(rng, n=1)], ["1 samples"]),
    "not at one time": (
        lambda rng: [walked(rng), walked(rng, name="RightFoot", start_s=900.0)],
        ["no time in common", "794 s"],
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_what_cant_be_used_is_refused(slip, tmp_path, rng):
    streams, words = SLIPS[slip]
    write(tmp_path / "S01" / "walk.xdf", *streams(rng))
    refused(tmp_path, "walk.xdf", *words)


@pytest.mark.parametrize("content", [b"", b"<xml>", b"XDF:", b"XDF:\x04\x01"])
def test_what_is_no_xdf_is_refused(tmp_path, content):
    (tmp_path / "S01").mkdir()
    (tmp_path / "S01" / "walk.xdf").write_bytes(content)
    refused(tmp_path, "walk.xdf")


def test_an_empty_folder_says_where_files_belong(tmp_path):
    with pytest.raises(BadOriginal, match=r"has no SUBJECT/SESSION\.xdf; want recordings there"):
        list(xdf.recordings(tmp_path))


def test_without_the_library_one_line_says_what_to_install(tmp_path, rng, monkeypatch):
    write(tmp_path / "S01" / "walk.xdf", walked(rng))
    monkeypatch.setitem(sys.modules, "pyxdf", None)
    [(_, said)] = convert([dataset("xdf").at(tmp_path)], tmp_path / "store")
    assert "reading XDF needs pyxdf, which is not installed; want: pip install 'retrogait[datasets]'" in str(said)
