import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.simulate.foot import fitted
from imu.simulate.quintic import Knots, Quintics


def random_curves(seed, pieces=6, curves=3):
    rng = np.random.default_rng(seed)
    start = np.cumsum(rng.uniform(0.05, 0.6, pieces + 1))
    knots = Knots(*rng.normal(size=(3, curves, pieces + 1)))
    begin, end = (Knots(*(part[:, cut] for part in knots)) for cut in (slice(None, -1), slice(1, None)))
    return Quintics.through(start[:-1], np.diff(start), begin, end), start, knots


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_the_curve_passes_every_knot_with_its_speed_and_acceleration_from_both_sides(seed):
    curves, start, knots = random_curves(seed)
    pieces = np.arange(len(start) - 1)
    for times, wanted in ((start[:-1], slice(None, -1)), (start[1:], slice(1, None))):
        for got, want in zip(curves.at(times, pieces), knots, strict=True):
            np.testing.assert_allclose(got, want[:, wanted], rtol=1e-6, atol=1e-6)


def test_rate_and_acceleration_are_the_derivatives():
    curves, start, _ = random_curves(3)
    t = np.linspace(start[0], start[-1] - 1e-6, 20001)
    value, rate, _ = curves.at(t, curves.piece(t))
    np.testing.assert_allclose(np.gradient(value, t, axis=1)[:, 5:-5], rate[:, 5:-5], atol=1e-3 * np.abs(rate).max())


def test_outside_the_first_and_last_piece_the_curve_runs_on():
    curves, start, _ = random_curves(4)
    assert curves.piece(np.array([start[0] - 1.0, start[0], start[-1] + 1.0])).tolist() == [0, 0, len(start) - 2]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_a_fitted_course_goes_exactly_from_begin_to_end(seed):
    rng = np.random.default_rng(seed)
    at, shape = np.array([[0.0, 0.2, 0.7, 1.0]]), np.array([[0.0, 0.8, 1.0, 0.0]])
    begin, end = Knots(*rng.normal(size=(3, 2, 5))), Knots(*rng.normal(size=(3, 2, 5)))
    length = rng.uniform(0.1, 1.0, 5)
    knots = fitted(at, shape, length, begin, end)
    assert knots.value.shape == (2, 5, 4)
    for part, first, last in zip(knots, begin, end, strict=True):
        np.testing.assert_allclose(part[..., 0], first, rtol=1e-12)
        np.testing.assert_allclose(part[..., -1], last, rtol=1e-12)
    # the values between follow from the rates: cubic in each piece
    h = np.diff(at) * length[:, None]
    moved = 0.5 * h * (knots.rate[..., :-1] + knots.rate[..., 1:])
    moved += h**2 * (knots.acceleration[..., :-1] - knots.acceleration[..., 1:]) / 12.0
    np.testing.assert_allclose(np.diff(knots.value), moved, atol=1e-9)


def test_fitting_is_linear_so_axes_may_be_turned():
    begin, end = Knots(*np.random.default_rng(1).normal(size=(3, 1, 4))), Knots(*np.zeros((3, 1, 4)))
    at, shape, length = np.array([[0.0, 0.5, 1.0]]), np.array([[0.0, 1.0, 0.0]]), np.full(4, 0.4)
    twice = fitted(at, shape, length, Knots(*(2.0 * part for part in begin)), end)
    once = fitted(at, shape, length, begin, end)
    assert [np.allclose(a, 2.0 * b) for a, b in zip(twice, once, strict=True)] == [True] * 3
    with pytest.raises(ValueError, match="broadcast"):
        fitted(at, shape, length[:2], begin, end)
