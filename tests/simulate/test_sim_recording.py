import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.errors import BadSessionFile, BadSpec
from imu.core.session import SENSORS
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.simulate import Clock, Link, Noise, Person, Protocol, SensorModel, Stand, Walk, named, simulate, usual_sensors
from imu.simulate.link import joined
from imu.simulate.recording import CHUNK_SAMPLES

# longer than the chunks in which samples are made
PROTOCOL = Protocol(segments=(Stand(seconds=2.0), Walk(direction="forward", seconds=60.0), Stand(seconds=20.0)))
POOR = Link(
    packet_samples=7,
    lost_share=0.05,
    lost_in_a_row=3,
    gaps_s=((10.0, 10.5),),
    late_share=0.05,
    late_s=0.2,
    duplicate_share=0.05,
)


def made(*, seed=1, link=None, **changes):
    link = link or Link()
    sensors = {name: dataclasses.replace(model, link=link, **changes) for name, model in usual_sensors().items()}
    return simulate(Person(), PROTOCOL, sensors, seed=seed)


def whole(recording, sensor="foot_left", block_s=1.0):
    return joined(list(recording.samples(sensor, block_s)))


def same(a, b):
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in type(a).__slots__)


@pytest.fixture(scope="module")
def poor():
    recording = made(link=POOR)
    return recording, whole(recording)


@settings(deadline=None, max_examples=15)
@given(block_s=st.floats(0.01, 100.0))
def test_the_cut_never_changes_a_bit(poor, block_s):
    recording, once = poor
    assert same(whole(recording, block_s=block_s), once)


def test_the_chunks_in_which_samples_are_made_do_not_show(monkeypatch):
    noise = Noise(bits=0, gyr_drift_rad_s=0.02, gyr_warming_rad_s=(0.01, 0.02, 0.03))
    recording = made(noise=noise)
    once = whole(recording)
    assert len(once) > CHUNK_SAMPLES
    monkeypatch.setattr("imu.simulate.recording.CHUNK_SAMPLES", 1000)
    again = whole(recording)
    for name in ("t_ns", "acc", "gyr"):
        np.testing.assert_allclose(getattr(again, name), getattr(once, name), rtol=0.0, atol=1e-9)


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(poor):
    assert same(whole(made(link=POOR)), poor[1])
    assert not same(whole(made(link=POOR, seed=2)), poor[1])


def test_a_sensor_on_the_toes_lies_still_while_the_heel_rises():
    recording = made()
    step = next(row for row in recording.truth_contacts[8:] if row["foot"] == "left")
    rising_s = np.array([0.7 * step["t_heel_off_ns"] + 0.3 * step["t_toe_off_ns"]]) / NS_PER_S
    turning = {}
    for place in ("toe_cap", "heel_counter"):
        worn = simulate(Person(), PROTOCOL, {"foot_left": SensorModel(placement=place)}, seed=1)
        turning[place] = np.linalg.norm(worn.motion("foot_left").readings(rising_s).gyr)
    assert turning["toe_cap"] < 0.1
    assert turning["heel_counter"] > 0.8


def test_motion_does_not_depend_on_the_sensors_worn():
    alone = simulate(Person(), PROTOCOL, {"foot_left": usual_sensors()["foot_left"]}, seed=1)
    assert same(whole(alone), whole(made()))
    assert alone.truth_contacts == made(rate_hz=50.0).truth_contacts


def test_blocks_of_all_sensors_run_side_by_side():
    recording = made(link=POOR)
    blocks = {sensor: list(recording.samples(sensor, 0.25)) for sensor in SENSORS}
    assert {len(part) for part in blocks.values()} == {math.ceil(recording.duration_s / 0.25)}
    assert len(blocks["pelvis"][41]) == 0, "in the gap nothing arrives"
    for number, block in enumerate(blocks["foot_left"][:-1]):
        assert (block.t_ns <= (number + 1) * 250_000_000).all()
        assert (block.t_ns >= (number * 0.25 - POOR.late_s - 0.1) * 1e9).all()


def test_a_clean_link_loses_nothing():
    recording = made()
    samples = whole(recording)
    assert samples.seq.tolist() == list(range(math.ceil(recording.duration_s * 200.0)))
    np.testing.assert_array_equal(samples.t_ns, samples.seq * 5_000_000)
    assert not samples.clipped.any()


def test_what_arrives_of_a_poor_link_is_whole_packets_of_the_clean_ones_samples(poor):
    recording, samples = poor
    clean = whole(made(link=Link(packet_samples=7)))
    for name in ("t_ns", "acc", "gyr"):
        np.testing.assert_array_equal(getattr(samples, name), getattr(clean, name)[samples.seq])
    packets, copies = np.unique(samples.seq, return_counts=True)
    there = np.zeros(len(clean), np.bool_)
    there[packets] = True
    per_packet = [there[i : i + 7] for i in range(0, len(clean), 7)]
    assert all(part.all() or not part.any() for part in per_packet), "packets are lost whole"
    assert 0.03 < 1.0 - there.mean() < 0.12
    assert not there[(clean.t_ns > 10.04e9) & (clean.t_ns < 10.46e9)].any()
    assert 0.02 < (copies > 1).mean() < 0.1
    late = np.maximum.accumulate(samples.seq) - samples.seq
    assert 0.02 < (late > 7).mean() < 0.12
    assert late.max() <= 0.2 * 200.0 + 3 * 7, "no later than it may be, nor its copy"
    assert recording.session.sensors["foot_left"].rate_hz == 200.0


def test_lost_packets_go_together():
    samples = whole(made(link=Link(packet_samples=4, lost_share=0.06, lost_in_a_row=5)))
    runs = np.diff(samples.seq)
    assert set(runs[runs > 1] - 1) >= {20}
    assert (runs[runs > 1] - 1).min() == 20


def test_noise_and_bias_have_the_stated_size():
    noise = Noise(acc_noise_m_s2_rthz=0.002, gyr_noise_rad_s_rthz=3e-4, gyr_bias_rad_s=(0.01, -0.02, 0.03), bits=0)
    still = whole(made(noise=noise, strapped_deg=(0.0, 0.0, 0.0)))[-3000:]
    np.testing.assert_allclose(still.acc.std(axis=0), 0.002 * 10.0, rtol=0.1)
    np.testing.assert_allclose(still.gyr.std(axis=0), 3e-4 * 10.0, rtol=0.1)
    np.testing.assert_allclose(still.gyr.mean(axis=0), [0.01, -0.02, 0.03], atol=3e-4)
    np.testing.assert_allclose(still.acc.mean(axis=0), [0.0, 0.0, STANDARD_GRAVITY_M_S2], atol=2e-3)


def test_range_clips_and_is_flagged_and_values_are_counts():
    samples = whole(made(noise=Noise(acc_range_m_s2=19.6133, bits=16)))
    assert samples.clipped.any()
    assert np.abs(samples.acc).max() <= 19.6133
    assert (np.abs(samples.acc[~samples.clipped]) < 19.6133).all()
    counts = samples.acc / (19.6133 / 2**15)
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)


def test_a_mounting_turns_the_axes_and_a_strap_is_not_in_the_session(perfect):
    mounting = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    recording = made(noise=perfect, mounting=mounting, strapped_deg=(0.0, 30.0, 0.0))
    still, setup = whole(recording)[:100], recording.session.sensors["foot_left"]
    body = still.acc @ np.array(setup.mounting).T
    half, most = 0.5 * STANDARD_GRAVITY_M_S2, math.sqrt(0.75) * STANDARD_GRAVITY_M_S2
    np.testing.assert_allclose(body, np.tile([-half, 0.0, most], (100, 1)), atol=1e-9)
    unknown = made(mounting_known=False).session.sensors["foot_left"]
    assert unknown.mounting is None


def test_a_fast_clock_stamps_ahead_and_an_offset_shifts(perfect):
    true = whole(made(noise=perfect))
    off = whole(made(noise=perfect, clock=Clock(drift_ppm=1000.0, offset_s=0.5)))
    assert len(off) == pytest.approx(1.001 * len(true), abs=1)
    np.testing.assert_array_equal(off.t_ns, 500_000_000 + off.seq * 5_000_000)
    # what it stamps so it took earlier, by the drift
    model, motion = usual_sensors()["foot_left"], made().motion("foot_left")
    exact = motion.readings(off.seq / 200.0 / 1.001)
    np.testing.assert_allclose(off.acc @ model.axes().T, exact.acc, atol=1e-6)
    jittery = whole(made(clock=Clock(jitter_s=0.002)))
    assert (jittery.t_ns - jittery.seq * 5_000_000).std() == pytest.approx(2e6, rel=0.1)
    assert jittery.t_ns.min() >= 0


@pytest.mark.parametrize("rate_hz", [25.0, 104.0, 370.37, 1000.0])
def test_any_rate_samples_the_same_motion(perfect, rate_hz):
    recording = made(noise=perfect, rate_hz=rate_hz)
    samples = whole(recording, "pelvis")
    assert len(samples) == math.ceil(recording.duration_s * rate_hz)
    exact = recording.motion("pelvis").readings(np.arange(len(samples)) / rate_hz)
    model = recording.sensors["pelvis"]
    np.testing.assert_allclose(samples.gyr @ model.axes().T, exact.gyr, atol=1e-9)


def test_long_recordings_are_made_while_they_are_read():
    person, protocol, sensors = named("demo")
    recording = simulate(person, protocol.lasting(8 * 3600.0), sensors, seed=1)
    assert recording.duration_s == 8 * 3600.0
    blocks = recording.samples("pelvis", 10.0)
    # a packet of 8 arrives with its last sample: the one that is due at 10 s comes after the cut
    assert [len(next(blocks)) for _ in range(3)] == [1992, 2000, 2000]


def test_the_session_says_that_it_is_simulated():
    recording = simulate(*named("steady-backward"), seed=9, subject="P7", session="x.1")
    document = recording.session.document
    assert (document["subject"], document["session"], document["source"]) == ("P7", "x.1", "simulated")
    assert document["conditions"] == {"surface": "treadmill", "belt_speed_m_s": 0.6}
    assert document["simulation"] == {"seed": 9}
    assert document["start_utc"] is None


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: simulate(Person(), PROTOCOL, {}, seed=1), BadSpec, "no foot sensor"),
        (lambda: made(seed=-1), BadSpec, "from 0 on"),
        (
            lambda: simulate(Person(), PROTOCOL, {"foot_left": SensorModel(placement="sacrum")}, seed=1),
            BadSpec,
            "want one on the foot",
        ),
        (lambda: made().samples("pelvs"), BadSpec, "foot_left"),
        (lambda: made().samples("pelvis", 0.0), BadSpec, "block_s is 0"),
        (lambda: simulate(Person(), PROTOCOL, usual_sensors(), seed=1, subject="a b"), BadSessionFile, "pseudonym"),
        (lambda: SensorModel(position_m=(2.0, 0.0, 7.0)), BadSpec, "in cm"),
        (lambda: SensorModel(position_m=(0, 0, 0), rate_hz=0.005), BadSpec, "a period"),
        (lambda: SensorModel(position_m=(0, 0, 0), mounting=((1, 0, 0), (0, 1, 0), (0, 0, -1))), BadSpec, "wrong sign"),
        (lambda: Noise(bits=2), BadSpec, "bytes"),
        (lambda: Noise(gyr_bias_rad_s=(0.0, 90.0, 0.0)), BadSpec, "deg/s"),
        (lambda: Link(gaps_s=((5.0, 1.0),)), BadSpec, "from and length"),
        (lambda: Link(lost_share=5.0), BadSpec, "percent"),
        (lambda: Clock(offset_s=-1.0), BadSpec, "negative"),
    ],
)
def test_what_cannot_be_recorded_is_refused(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_an_instant_is_the_same_asked_alone_and_in_a_long_call(direction):
    protocol = Protocol(segments=(Stand(seconds=2.0), Walk(direction=direction, seconds=12.0), Stand(seconds=2.0)))
    recording = simulate(Person(), protocol, usual_sensors(), seed=2)
    t = np.arange(0.0, recording.duration_s, 0.037)
    for sensor in usual_sensors():
        motion = recording.motion(sensor)
        whole, poses = motion.readings(t), motion.pose(t)
        for k in range(len(t)):
            alone, pose = motion.readings(t[k : k + 1]), motion.pose(t[k : k + 1])
            for one, all_of_them in ((alone.acc, whole.acc), (alone.gyr, whole.gyr), *zip(pose, poses, strict=True)):
                np.testing.assert_array_equal(one[0], all_of_them[k])
    angles = recording.pelvis().angles(t)
    for k in range(len(t)):
        np.testing.assert_array_equal(recording.pelvis().angles(t[k : k + 1])[:, 0], angles[:, k])
