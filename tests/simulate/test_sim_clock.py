import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.units import NS_PER_S
from imu.simulate import Clock, Person, Protocol, SensorModel, Stand, simulate
from imu.simulate.link import joined
from imu.simulate.sensors import how_many, sampled_at
from tests.simulate.sensed import ALIGNED, numbers, perfect

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
