import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.simulate import Clock, Noise, SensorModel
from imu.simulate.kinematics import Readings
from imu.simulate.placements import PLACEMENTS, Restrapping
from tests.simulate.sensed import ALIGNED, nothing, numbers, perfect, random_readings, same, sensed

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
