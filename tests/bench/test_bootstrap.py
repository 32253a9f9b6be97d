import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu_bench.scoring.bootstrap import Sample, draw, interval
from tests.bench.made_up_walks import MS, all_figures, found_as, one_session, value, walk_of

parts = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(-200, 200).map(lambda x: x / 8), max_size=8)), max_size=8
)
"""Values by subject; many are equal."""


def drawn(given_parts, weights):
    """All values of a resample, copied as often as their subject was drawn."""
    return np.concatenate([np.empty(0), *(np.repeat(values, weights[who]) for who, values in given_parts)])


@given(parts, st.integers(0, 99), st.sampled_from([0.05, 0.5, 0.95]))
def test_statistics_are_those_of_the_copied_values(given_parts, seed, share):
    weights = draw(4, seed=seed, resamples=12)
    sample = Sample(given_parts, 4)
    about = sample.quantile(weights, 0.5)
    found = {
        "quantile": sample.quantile(weights, share),
        "size": sample.quantile_size(weights, about, share),
        "mean": sample.mean(weights),
        "mean_size": sample.mean_size(weights),
        "rms": sample.rms(weights),
        "sd": sample.sd(weights),
        "near": sample.count_near(weights, about, 10.0),
    }
    for row, weight in enumerate(weights):
        values = drawn(given_parts, weight)
        assert sample.count(weights)[row] == len(values)
        if not len(values):
            assert all(np.isnan(series[row]) for name, series in found.items() if name != "near")
            continue
        median = np.median(values)
        assert about[row] == median
        expected = {
            "quantile": np.quantile(values, share),
            "size": np.quantile(np.abs(values - median), share),
            "mean": values.mean(),
            "mean_size": np.abs(values).mean(),
            "rms": np.sqrt((values**2).mean()),
            "sd": values.std(),
            "near": (np.abs(values - median) <= 10.0).sum(),
        }
        # a root makes of the last digit of a square the eighth of a figure
        assert {name: series[row] for name, series in found.items()} == pytest.approx(expected, abs=1e-6)


@given(parts, st.randoms(use_true_random=False))
def test_the_order_of_parts_makes_no_difference(given_parts, random):
    weights = draw(4, seed=1, resamples=5)
    one, other = Sample(given_parts, 4), Sample(random.sample(given_parts, len(given_parts)), 4)
    for series in (Sample.mean, Sample.sd, Sample.rms):
        np.testing.assert_array_equal(series(one, weights), series(other, weights))


def test_everyone_is_drawn_once_and_then_as_often_as_not():
    weights = draw(7, seed=1, resamples=500)
    assert weights.shape == (501, 7)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 7).all()
    assert weights[1:].mean(axis=0) == pytest.approx(np.ones(7), abs=0.15)
    np.testing.assert_array_equal(weights, draw(7, seed=1, resamples=500))
    assert (weights != draw(7, seed=2, resamples=500)).any()
    assert draw(0, seed=1, resamples=3).shape == (4, 0)


def test_an_interval_wants_most_of_the_resamples():
    values = np.arange(1001.0)
    assert interval(values) == pytest.approx((25.0, 975.0))
    values[:500] = np.nan
    assert interval(values) == pytest.approx((512.5, 987.5))
    values[:501] = np.nan
    assert interval(values) is None
    assert interval(np.empty(0)) is None


def session_of(subject, late_ms, contacts=10):
    truth = walk_of(contacts, contacts)
    tables = found_as(truth)
    for row in tables["contacts"]:
        row["t_contact_ns"] += round(late_ms * MS)
    return one_session(truth, tables, subject=subject, session=f"{subject}-{late_ms}")


@pytest.mark.parametrize(("subjects", "there"), [(1, False), (2, False), (3, True)])
def test_of_few_subjects_there_is_no_interval(subjects, there):
    sessions = [session_of(f"S{k % subjects}", 10.0 * k) for k in range(6)]
    figures = all_figures(*sessions, resamples=100)["walking"]["all"]
    bias = figures["timing_bias_ms"]
    assert (bias["low"] is not None, bias["high"] is not None) == (there, there)
    # a number that was counted has none
    assert figures["contacts"]["low"] is None


def test_what_is_known_of_few_subjects_has_no_interval_among_many():
    sessions = [session_of(f"S{k}", 10.0 * k) for k in range(6)]
    for session in sessions[2:]:
        for tally in session.tallies.values():
            tally.release_ms.found.clear()
    figures = all_figures(*sessions, resamples=100)["walking"]["all"]
    assert figures["timing_bias_ms"]["low"] is not None
    assert figures["release_bias_ms"]["value"] is not None
    assert figures["release_bias_ms"]["low"] is None
    assert (figures["release_bias_ms"]["n"], figures["release_bias_ms"]["asked"]) == (40, 120)


def test_an_interval_over_subjects_is_that_of_their_differences():
    alike = all_figures(*(session_of(f"S{k}", 20.0) for k in range(10)), resamples=1000)["walking"]["all"]
    assert (alike["timing_bias_ms"]["low"], alike["timing_bias_ms"]["high"]) == (20.0, 20.0)
    apart = all_figures(*(session_of(f"S{k}", 10.0 * k) for k in range(9)), resamples=1000)["walking"]["all"]
    bias = apart["timing_bias_ms"]
    assert bias["low"] < bias["value"] == 40.0 < bias["high"]
    assert bias["high"] - bias["low"] > 20.0
    assert value(apart, "f1_50ms") == 1.0


def test_equal_seeds_make_equal_intervals():
    sessions = [session_of(f"S{k}", 7.0 * k) for k in range(5)]
    assert all_figures(*sessions, resamples=200) == all_figures(*sessions, resamples=200)
