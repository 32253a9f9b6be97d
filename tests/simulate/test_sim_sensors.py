import dataclasses
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import BadSpec
from imu.core.samples import Samples
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.simulate import Clock, Noise, Person, Protocol, SensorModel, Stand, simulate
from imu.simulate.kinematics import Readings, attitude, readings
from imu.simulate.link import joined
from imu.simulate.placements import PLACEMENTS, Restrapping, check_worn, mirrored
from imu.simulate.quintic import Knots
from imu.simulate.sensing import Sensing
from imu.simulate.sensors import how_many, sampled_at

ALIGNED = SensorModel(position_m=(0.0, 0.0, 0.0))
AT_REST = np.array([0.0, 0.0, STANDARD_GRAVITY_M_S2])
OUTWARD = {
    "dorsum": (0, 0, 1),
    "toe_cap": (0, 0, 1),
    "heel_counter": (-1, 0, 0),
    "sacrum": (-1, 0, 0),
    "l5": (-1, 0, 0),
    "iliac_crest_left": (0, 1, 0),
    "iliac_crest_right": (0, -1, 0),
}
"""Which way of the body each place looks."""
CROOKED = Noise(
    acc_bias_m_s2=(0.1, -0.2, 0.05),
    acc_drift_m_s2=0.05,
    gyr_drift_rad_s=0.01,
    drift_s=10.0,
    gyr_warming_rad_s=(0.02, 0.0, -0.01),
    acc_scale_share=(0.01, -0.02, 0.015),
    gyr_cross_deg=((0.0, 1.0, -0.5), (0.3, 0.0, 0.2), (-1.5, 0.0, 0.0)),
    gyr_per_acc_rad_s=(1e-4, 0.0, -2e-4),
)


def perfect(**errors):
    return Noise(**{"acc_noise_m_s2_rthz": 0.0, "gyr_noise_rad_s_rthz": 0.0, "bits": 0} | errors)


def random_readings(seed, n, most_acc=80.0, most_gyr=16.0):
    rng = np.random.default_rng([99, seed])
    return Readings(rng.uniform(-most_acc, most_acc, (n, 3)), rng.uniform(-most_gyr, most_gyr, (n, 3)))


def numbers(n):
    return np.arange(n, dtype=np.float64)


def sensed(model, true, *, seed=1, cuts=()):
    sensing, seq = Sensing(model, [seed]), numbers(len(true.acc))
    edges = [0, *sorted(cuts), len(seq)]
    return joined([sensing.sense(Readings(true.acc[a:b], true.gyr[a:b]), seq[a:b]) for a, b in pairwise(edges)])


def same(a, b):
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in Samples.__slots__)


def nothing(n):
    return Readings(np.zeros((n, 3)), np.zeros((n, 3)))


# where it sits


@pytest.mark.parametrize("name", PLACEMENTS)
def test_each_place_has_its_sensor_flat_against_the_body(name):
    model = SensorModel(placement=name)
    nominal = np.array(model.mounting)
    np.testing.assert_array_equal(nominal @ nominal.T, np.eye(3))
    assert np.linalg.det(nominal) == 1.0
    assert (nominal[:, 2] == OUTWARD[name]).all(), "z comes out of the skin"
    off_deg = np.degrees(np.arccos(0.5 * (np.trace(model.axes() @ nominal.T) - 1.0)))
    assert 1.0 < off_deg < 35.0, "straps are not exact, nor further off than the contract says"


def test_places_lie_where_their_names_say():
    at = {name: np.array(place.position_m) for name, place in PLACEMENTS.items()}
    assert at["heel_counter"][0] < -0.1 < at["dorsum"][0] < 0.1 < at["toe_cap"][0]
    assert at["sacrum"][0] < -0.05
    assert at["sacrum"][2] < at["l5"][2]
    left, right = PLACEMENTS["iliac_crest_left"], PLACEMENTS["iliac_crest_right"]
    assert mirrored(left)._replace(mounting=right.mounting) == right
    assert left.position_m[1] > 0.1
    assert SensorModel(placement="toe_cap").segment == "toes"
    assert [PLACEMENTS[name].segment for name in ("dorsum", "l5")] == ["foot", "pelvis"]


def test_what_is_not_said_is_the_placements_and_follows_it():
    model, place = SensorModel(placement="dorsum"), PLACEMENTS["heel_counter"]
    moved = dataclasses.replace(dataclasses.replace(model, rate_hz=50.0), placement="heel_counter")
    assert (moved.position_m, moved.mounting, moved.strapped_deg) == place[1:]
    right = dataclasses.replace(moved, mirrored=True)
    roll, pitch, yaw = place.strapped_deg
    assert right.strapped_deg == (-roll, pitch, -yaw)
    copied = pickle.loads(pickle.dumps(right))
    assert copied == right
    assert dataclasses.replace(copied, mirrored=False) == moved


def test_what_is_said_stays():
    said = SensorModel(placement="dorsum", position_m=(0.1, 0.0, 0.0), strapped_deg=(0.0, 0.0, 0.0))
    moved = dataclasses.replace(said, placement="heel_counter", mirrored=True)
    assert (moved.position_m, moved.strapped_deg) == ((0.1, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert moved.mounting == PLACEMENTS["heel_counter"].mounting
    free = SensorModel(placement="shin", position_m=(0.0, 0.0, 0.2))
    assert (free.segment, free.strapped_deg) == (None, (0.0, 0.0, 0.0))
    np.testing.assert_array_equal(free.axes(), np.eye(3))


def test_a_place_belongs_to_foot_or_pelvis():
    for name in ("dorsum", "toe_cap", "shin", None):
        check_worn("foot_left", name)
    with pytest.raises(BadSpec, match="want one on the foot: dorsum, toe_cap, heel_counter"):
        check_worn("foot_right", "sacrum")
    with pytest.raises(BadSpec, match="want one on the pelvis: sacrum"):
        check_worn("pelvis", "toe_cap")


# what it reads


@given(
    seed=st.integers(0, 2**32),
    placement=st.sampled_from(list(PLACEMENTS)),
    strapped=st.tuples(*[st.floats(-180.0, 180.0)] * 3),
)
def test_a_perfect_sensor_tells_the_truth_in_its_own_axes(seed, placement, strapped):
    model = SensorModel(placement=placement, strapped_deg=strapped, noise=perfect())
    true = random_readings(seed, 50)
    samples = sensed(model, true)
    for read, truth in ((samples.acc, true.acc), (samples.gyr, true.gyr)):
        np.testing.assert_allclose(read @ model.axes().T, truth, rtol=0.0, atol=1e-13)
    assert not samples.clipped.any()
    np.testing.assert_array_equal(samples.t_ns, numbers(50) * 5_000_000)


@given(cuts=st.lists(st.integers(0, 3000), max_size=8), seed=st.integers(0, 2**32))
def test_the_cut_never_changes_a_bit(cuts, seed):
    model = dataclasses.replace(
        ALIGNED,
        noise=CROOKED,
        clock=Clock(jitter_s=1e-3, wander_ppm=50.0),
        restrapped=(Restrapping(t_s=3.0, strapped_deg=(5.0, 0.0, 2.0), off_s=4.0),),
    )
    true = random_readings(2, 3000)
    whole = sensed(model, true, seed=seed)
    assert same(sensed(model, true, seed=seed, cuts=cuts), whole)
    assert not same(sensed(model, true, seed=seed + 1), whole)


def test_each_random_stream_is_its_own():
    plain = sensed(ALIGNED, nothing(500))
    for changes in (
        {"clock": Clock(jitter_s=1e-3)},
        {"noise": Noise(gyr_noise_rad_s_rthz=0.0)},
        {"noise": Noise(gyr_drift_rad_s=0.01)},
    ):
        changed = sensed(dataclasses.replace(ALIGNED, **changes), nothing(500))
        np.testing.assert_array_equal(changed.acc, plain.acc)
    jitter_ns = sensed(dataclasses.replace(ALIGNED, clock=Clock(offset_s=1.0, jitter_s=1e-3)), nothing(5000)).t_ns
    shared = np.corrcoef(jitter_ns - 5_000_000 * numbers(5000), sensed(ALIGNED, nothing(5000)).acc.ravel()[:5000])
    assert abs(shared[0, 1]) < 0.1


@pytest.mark.parametrize("rate_hz", [25.0, 200.0, 1000.0])
def test_noise_is_white_and_of_the_stated_density(rate_hz):
    noise = perfect(acc_noise_m_s2_rthz=0.002, gyr_noise_rad_s_rthz=3e-4)
    samples = sensed(dataclasses.replace(ALIGNED, rate_hz=rate_hz, noise=noise), nothing(40_000))
    for read, density in ((samples.acc, 0.002), (samples.gyr, 3e-4)):
        spectrum = np.abs(np.fft.rfft(read, axis=0)) ** 2 * 2.0 / (len(read) * rate_hz)
        for band in np.array_split(spectrum[1:-1], 4):
            np.testing.assert_allclose(np.sqrt(band.mean(axis=0)), density, rtol=0.04)
    assert abs(np.corrcoef(np.hstack([samples.acc, samples.gyr]).T) - np.eye(6)).max() < 0.03


def test_bias_drifts_as_far_and_as_long_as_stated():
    rate_hz, correlation_s = 25.0, 10.0
    noise = perfect(acc_drift_m_s2=0.3, gyr_drift_rad_s=0.02, drift_s=correlation_s)
    samples = sensed(dataclasses.replace(ALIGNED, rate_hz=rate_hz, noise=noise), nothing(500_000))
    for read, sd in ((samples.acc, 0.3), (samples.gyr, 0.02)):
        assert np.sqrt((read**2).mean()) == pytest.approx(sd, rel=0.05)
        for lag_s in (2.0, 10.0, 20.0):
            lag = round(lag_s * rate_hz)
            kept = (read[lag:] * read[:-lag]).mean() / (read**2).mean()
            assert kept == pytest.approx(math.exp(-lag_s / correlation_s), abs=0.06)
        assert np.abs(np.diff(read, axis=0)).max() < 0.2 * sd, "it has no steps"
    assert abs(np.corrcoef(np.hstack([samples.acc, samples.gyr]).T) - np.eye(6)).max() < 0.15


def test_a_drifting_bias_is_anywhere_from_the_first_sample_on():
    noise = perfect(gyr_drift_rad_s=0.02)
    model = dataclasses.replace(ALIGNED, noise=noise)
    first = np.array([sensed(model, nothing(1), seed=seed).gyr[0] for seed in range(400)])
    assert first.std() == pytest.approx(0.02, rel=0.1)


def test_warming_moves_the_bias_once():
    noise = perfect(acc_bias_m_s2=(0.1, 0.0, 0.0), acc_warming_m_s2=(0.3, -0.2, 0.0), warming_s=20.0)
    acc = sensed(dataclasses.replace(ALIGNED, rate_hz=25.0, noise=noise), nothing(25 * 300)).acc
    np.testing.assert_allclose(acc[0], [0.1, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(acc[25 * 20], [0.1 + 0.3 * (1 - math.exp(-1)), -0.2 * (1 - math.exp(-1)), 0.0])
    np.testing.assert_allclose(acc[-1], [0.4, -0.2, 0.0], atol=1e-6)


@given(
    seed=st.integers(0, 2**32),
    scale=st.tuples(*[st.floats(-0.05, 0.05)] * 3),
    lean=st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6),
    stray=st.tuples(*[st.floats(-5e-4, 5e-4)] * 3),
)
def test_scale_lean_and_stray_acceleration_are_found_again_by_least_squares(seed, scale, lean, stray):
    a, b, c, d, e, f = lean
    cross = ((0.0, a, b), (c, 0.0, d), (e, f, 0.0))
    noise = Noise(
        acc_scale_share=scale, gyr_scale_share=scale[::-1], acc_cross_deg=cross, gyr_per_acc_rad_s=stray, bits=0
    )
    model = dataclasses.replace(ALIGNED, strapped_deg=(10.0, -20.0, 30.0), noise=noise)
    true = random_readings(seed, 2000)
    samples, seat = sensed(model, true, seed=seed), model.axes()
    own = np.hstack([true.acc @ seat, true.gyr @ seat])
    found = np.linalg.lstsq(own, np.hstack([samples.acc, samples.gyr]), rcond=None)[0].T
    acc, acc_of_gyr, gyr_of_acc, gyr = found[:3, :3], found[:3, 3:], found[3:, :3], found[3:, 3:]
    np.testing.assert_allclose(np.diag(acc), 1.0 + np.array(scale), atol=1e-4)
    np.testing.assert_allclose(acc / np.diag(acc)[:, None], np.eye(3) + np.radians(cross), atol=1e-4)
    np.testing.assert_allclose(gyr, np.diag(1.0 + np.array(scale[::-1])), atol=1e-4)
    np.testing.assert_allclose(gyr_of_acc, np.diag(stray), atol=1e-5)
    np.testing.assert_allclose(acc_of_gyr, 0.0, atol=1e-3)


@given(seed=st.integers(0, 2**32), bits=st.integers(8, 24))
def test_readings_are_whole_counts_and_no_further_off_than_half_of_one(seed, bits):
    most_acc, most_gyr = 80.0, 20.0
    model = dataclasses.replace(ALIGNED, noise=perfect(acc_range_m_s2=most_acc, gyr_range_rad_s=most_gyr, bits=bits))
    true = random_readings(seed, 200, 1.1 * most_acc, 1.1 * most_gyr)
    samples = sensed(model, true)
    within = np.ones(200, np.bool_)
    for read, truth, most in ((samples.acc, true.acc, most_acc), (samples.gyr, true.gyr, most_gyr)):
        unit = most / 2 ** (bits - 1)
        counts = np.rint(read / unit)
        np.testing.assert_array_equal(read, counts * unit)
        assert counts.min() >= -(2 ** (bits - 1))
        assert counts.max() <= 2 ** (bits - 1) - 1
        asked = np.rint(truth / unit)
        inside = (asked > -(2 ** (bits - 1))) & (asked < 2 ** (bits - 1) - 1)
        assert (np.abs(read - truth)[inside] <= 0.5 * unit * (1.0 + 1e-9)).all()
        within &= inside.all(axis=1)
    np.testing.assert_array_equal(samples.clipped, ~within)
    assert samples.clipped.any()


def test_without_counts_the_range_still_holds():
    samples = sensed(dataclasses.replace(ALIGNED, noise=perfect(acc_range_m_s2=50.0)), random_readings(1, 500))
    assert np.abs(samples.acc).max() == 50.0
    np.testing.assert_array_equal(samples.clipped, (np.abs(samples.acc) == 50.0).any(axis=1))


def test_errors_arise_in_their_order():
    noise = perfect(
        acc_scale_share=(0.1, 0.0, 0.0),
        acc_cross_deg=((0.0, 0.0, 5.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        acc_bias_m_s2=(1.0, 9.0, 0.0),
        acc_range_m_s2=20.0,
        bits=8,
    )
    true = Readings(np.array([[5.0, 15.0, 10.0], [0.0, 30.0, 0.0]]), np.zeros((2, 3)))
    acc = sensed(dataclasses.replace(ALIGNED, noise=noise), true).acc
    unit = 20.0 / 128
    leaning = 5.0 + 10.0 * math.radians(5.0)
    assert acc[0, 0] == np.rint((leaning * 1.1 + 1.0) / unit) * unit, "bias is not scaled, and is rounded with the rest"
    assert acc[0, 1] == acc[1, 1] == 20.0 - unit, "bias counts toward the range"


# taken off and put on again


def tumbling(t):
    """Readings of a body that turns about all three axes, and its attitude (n, 3, 3)."""
    w, a = np.array([[0.9], [1.3], [0.7]]), np.array([[0.5], [0.3], [0.8]])
    angles = Knots(a * np.sin(w * t), a * w * np.cos(w * t), -a * w**2 * np.sin(w * t))
    bend = np.stack([2.0 * np.sin(3.0 * t), np.cos(2.0 * t), 3.0 * np.sin(t)])
    return readings(bend, angles, np.zeros(3)), attitude(angles.value), bend.T + AT_REST


def integrated(rate_hz, gyr, begin):
    """Attitudes (n, 3, 3) from angular rates in sensor axes, by the midpoint of each pair of samples."""
    turned, found = begin, [begin]
    for w in 0.5 * (gyr[:-1] + gyr[1:]) / rate_hz:
        x = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
        angle = np.linalg.norm(w)
        turned = turned @ (np.eye(3) + np.sinc(angle / np.pi) * x + 0.5 * np.sinc(0.5 * angle / np.pi) ** 2 * x @ x)
        found.append(turned)
    return np.array(found)


def test_a_restrapped_sensor_integrates_to_its_new_seat_and_feels_gravity_all_the_way():
    model = SensorModel(
        placement="heel_counter",
        strapped_deg=(5.0, -10.0, 20.0),
        restrapped=(
            Restrapping(t_s=1.0, strapped_deg=(-15.0, 12.0, 8.0), off_s=3.0),
            Restrapping(t_s=5.0, strapped_deg=(30.0, 12.0, -8.0), off_s=1.5, by_hand_deg=(0.0, -90.0, 120.0)),
        ),
        noise=perfect(),
    )
    worst = []
    for rate_hz in (100.0, 400.0):
        model = dataclasses.replace(model, rate_hz=rate_hz)
        t = sampled_at(model, numbers(round(8.0 * rate_hz)))
        true, body, force = tumbling(t)
        samples = sensed(model, true)
        found = integrated(rate_hz, samples.gyr, body[0] @ model.axes())
        felt = np.einsum("nij,nj->ni", found, samples.acc) - force
        seats = [dataclasses.replace(model, strapped_deg=r.strapped_deg).axes() for r in model.restrapped]
        ends = [found[t < 5.0][-1] - body[t < 5.0][-1] @ seats[0], found[-1] - body[-1] @ seats[1]]
        worst.append([np.abs(felt).max(), *(np.abs(end).max() for end in ends)])
    assert (np.array(worst[1]) < np.array(worst[0]) / 12.0).all(), "second order"
    assert max(worst[1]) < 2e-3, worst


def test_in_the_hand_it_is_turned_smoothly_and_not_by_a_step():
    event = Restrapping(t_s=2.0, strapped_deg=(0.0, 25.0, 0.0), off_s=4.0)
    model = dataclasses.replace(ALIGNED, noise=perfect(), restrapped=(event,))
    still = Readings(np.tile(AT_REST, (1600, 1)), np.zeros((1600, 3)))
    samples, t = sensed(model, still), numbers(1600) / 200.0
    handled = (t > event.t_s) & (t < event.t_s + event.off_s)
    assert not samples.gyr[~handled].any()
    assert np.linalg.norm(samples.gyr, axis=1).max() > math.radians(30.0)
    assert np.abs(np.diff(samples.gyr, axis=0)).max() < 0.1
    assert np.abs(np.diff(samples.acc, axis=0)).max() < 0.2
    np.testing.assert_allclose(np.linalg.norm(samples.acc, axis=1), STANDARD_GRAVITY_M_S2)
    turned = math.radians(25.0)
    np.testing.assert_allclose(
        samples.acc[-1] / STANDARD_GRAVITY_M_S2, [-math.sin(turned), 0.0, math.cos(turned)], atol=1e-12
    )


def test_a_sensor_that_slips_has_other_axes_from_that_sample_on():
    seat = (3.0, -12.0, 7.0)
    model = dataclasses.replace(ALIGNED, noise=perfect(), restrapped=(Restrapping(t_s=1.0, strapped_deg=seat),))
    true = random_readings(4, 400)
    samples = sensed(model, true)
    after = dataclasses.replace(ALIGNED, strapped_deg=seat).axes()
    for read, truth in ((samples.acc, true.acc), (samples.gyr, true.gyr)):
        np.testing.assert_allclose(read[:200], truth[:200], atol=1e-13)
        np.testing.assert_allclose(read[200:], truth[200:] @ after, atol=1e-13)


def test_the_session_states_the_nominal_mounting_all_the_same():
    model = SensorModel(placement="heel_counter", restrapped=(Restrapping(t_s=1.0, strapped_deg=(0.0, 40.0, 0.0)),))
    recording = simulate(Person(), Protocol(segments=(Stand(seconds=3.0),)), {"foot_left": model}, seed=1)
    setup = recording.session.sensors["foot_left"]
    assert (setup.mounting == np.array(PLACEMENTS["heel_counter"].mounting)).all()
    acc = joined(list(recording.samples("foot_left"))).acc @ setup.mounting.T
    tilts = np.degrees(np.arctan2(-acc[:, 0], acc[:, 2]))
    assert tilts[:190].mean() == pytest.approx(model.strapped_deg[1], abs=0.1)
    assert tilts[-190:].mean() == pytest.approx(40.0, abs=0.1)


# its clock

clocks = st.builds(
    Clock,
    drift_ppm=st.floats(-500.0, 500.0),
    wander_ppm=st.one_of(st.just(0.0), st.floats(0.1, 1000.0)),
    wander_s=st.floats(1.0, 3000.0),
)


@given(clock=clocks, rate_hz=st.floats(25.0, 1000.0), duration_s=st.floats(0.01, 5000.0))
def test_as_many_samples_as_are_really_taken(clock, rate_hz, duration_s):
    model = dataclasses.replace(ALIGNED, clock=clock, rate_hz=rate_hz)
    n = how_many(model, duration_s)
    last, next_one = sampled_at(model, np.array([n - 1.0, n]))
    hair_s = 1e-5 / rate_hz
    assert last < duration_s + hair_s
    assert next_one > duration_s - hair_s


@given(clock=clocks, begin=st.integers(0, 10_000_000))
def test_the_rate_is_off_by_what_the_clock_drifts_just_then(clock, begin):
    model = dataclasses.replace(ALIGNED, clock=clock)
    seq = begin + numbers(5)
    real_s, own_s = np.diff(sampled_at(model, seq)), 1.0 / model.rate_hz
    at_s = (seq[:-1] + 0.5) / model.rate_hz
    ppm = clock.drift_ppm + clock.wander_ppm * np.sin(2.0 * np.pi * at_s / clock.wander_s)
    assert (real_s > 0.0).all()
    # to the second order of the drift, and the rounding of a time of day
    np.testing.assert_allclose(1e6 * (own_s / real_s - 1.0), ppm, atol=2.5 + 1e-11 * at_s[-1] / own_s)


def test_stamps_are_the_clocks_and_samples_the_truths():
    clock = Clock(drift_ppm=200.0, wander_ppm=100.0, wander_s=30.0, offset_s=1.5, jitter_s=5e-4)
    model = SensorModel(placement="l5", clock=clock, noise=perfect(), rate_hz=100.0)
    protocol = Protocol(segments=(Stand(seconds=40.0),))
    recording = simulate(Person(), protocol, {"foot_left": ALIGNED, "pelvis": model}, seed=1)
    samples = joined(list(recording.samples("pelvis")))
    seq = numbers(len(samples))
    true = recording.motion("pelvis").readings(sampled_at(model, seq))
    np.testing.assert_allclose(samples.acc @ model.axes().T, true.acc, atol=1e-12)
    jitter_s = samples.t_ns / NS_PER_S - seq / 100.0 - 1.5
    assert jitter_s.std() == pytest.approx(5e-4, rel=0.1)
    assert abs(jitter_s.mean()) < 5e-5


# what can't be


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (SensorModel, "placement is None without a position_m; want one of dorsum"),
        (lambda: SensorModel(placement="heel"), "placement is 'heel' without.*heel_counter.*typing slip"),
        (lambda: Noise(acc_scale_share=(1.0, 1.0, 1.0)), "acc_scale_share is 1; .*1 for none"),
        (lambda: Noise(gyr_drift_rad_s=0.5), "deg/s"),
        (lambda: Noise(drift_s=0.5), "drift_s is 0.5"),
        (lambda: Noise(gyr_warming_rad_s=(0.0, 1.0, 0.0)), "deg/s"),
        (lambda: Noise(acc_cross_deg=((1.0, 0.0, 0.0),) * 3), r"acc_cross_deg\[0\]\[0\] is 1; want 0 to 0"),
        (lambda: Noise(gyr_cross_deg=((0.0, 0.0, 45.0),) * 3), r"gyr_cross_deg\[0\]\[2\] is 45"),
        (lambda: Noise(gyr_per_acc_rad_s=(0.1, 0.0, 0.0)), "deg/s a g"),
        (lambda: Clock(wander_ppm=-3.0), "wander_ppm is -3"),
        (lambda: Clock(wander_s=0.01), "wander_s"),
        (lambda: Restrapping(t_s=-1.0, strapped_deg=(0.0, 0.0, 0.0)), "t_s is -1"),
        (lambda: Restrapping(t_s=1.0, strapped_deg=(0.0, 400.0, 0.0)), "strapped_deg is 400"),
        (
            lambda: SensorModel(
                placement="dorsum",
                restrapped=(
                    Restrapping(t_s=5.0, strapped_deg=(0.0, 0.0, 0.0), off_s=3.0),
                    Restrapping(t_s=7.0, strapped_deg=(0.0, 0.0, 0.0)),
                ),
            ),
            "one at 7 s, when that of 5 s is not over",
        ),
    ],
)
def test_what_no_sensor_can_do_is_refused(make, match):
    with pytest.raises(BadSpec, match=match):
        make()
