"""Looking back over the ring against the same questions asked of the whole history, slowly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.kernels import ring


def filled(n: int, seed: int = 1, period_s: float = 0.005):
    """A ring and what went into it: uneven sampling, a clock with an offset of its own."""
    rng = np.random.default_rng(seed)
    dt_s = period_s * rng.uniform(0.7, 1.3, n)
    t_ns = np.cumsum(np.round(1e9 * dt_s * rng.uniform(0.9, 1.1, n))).astype(np.int64) + 7_000_000_000
    acc, rate = rng.normal(scale=10.0, size=(n, 3)), rng.normal(size=n)
    state = np.zeros(1, ring.STATE)
    r, jerks = state[0], []
    for k in range(n):
        jerks.append(ring.push_acc(r, t_ns[k], dt_s[k], *acc[k]))
        r["rate"][k & ring.MASK] = rate[k]
    return r, np.cumsum(dt_s), t_ns, acc, rate, np.array(jerks)


@pytest.mark.parametrize("n", [1, 5, ring.SIZE - 1, ring.SIZE, ring.SIZE + 1, 2 * ring.SIZE + 300])
def test_it_holds_the_newest_samples(n) -> None:
    r, time_s, t_ns, *_ = filled(n)
    first = int(ring.oldest(r))
    assert 0 <= first == max(0, n - ring.SIZE + 1)
    held = np.arange(first, n)
    np.testing.assert_allclose(r["time"][held & ring.MASK], time_s[held], atol=1e-9)
    assert r["t_ns"][held & ring.MASK].tolist() == t_ns[held].tolist()


def test_jerk_is_the_change_over_at_least_nine_milliseconds() -> None:
    _, time_s, _, acc, _, jerks = filled(400)
    for k in range(10, 400):
        before = max(m for m in range(k) if time_s[k] - time_s[m] >= ring.JERK_SPAN_S)
        wanted = np.linalg.norm(acc[k] - acc[before]) / (time_s[k] - time_s[before])
        assert jerks[k] == pytest.approx(wanted)


@given(share=st.floats(0.0, 1.0), n=st.sampled_from([3, 100, ring.SIZE + 500]))
def test_the_session_clock_at_a_sensor_time_is_interpolated(share, n) -> None:
    r, time_s, t_ns, *_ = filled(n)
    first = int(ring.oldest(r))
    at_s = time_s[first] + share * (time_s[-1] - time_s[first])
    start = int(t_ns[first])
    wanted = np.interp(at_s, time_s[first:], (t_ns[first:] - start).astype(float))
    assert abs(ring.session_ns(r, at_s) - start - wanted) <= 1.0
    assert ring.session_ns(r, time_s[-1] + 1.0) == t_ns[-1], "never beyond the newest sample"
    assert ring.session_ns(r, time_s[first] - 1.0) == t_ns[first], "nor before the oldest"


@given(at=st.integers(0, 299), span_s=st.floats(0.0, 1.0))
def test_back_is_the_latest_sample_that_lies_far_enough(at, span_s) -> None:
    r, time_s, *_ = filled(300)
    wanted = max((m for m in range(at + 1) if time_s[at] - time_s[m] >= span_s), default=0)
    assert ring.back(r, at, span_s) == wanted


@given(at=st.integers(0, 299), beyond=st.integers(0, 10))
def test_a_lobe_is_a_triangle_over_what_is_known(at, beyond) -> None:
    r, time_s, _, _, rate, _ = filled(300)
    newest = min(299, at + beyond)
    weight = np.maximum(0.0, 1.0 - np.abs(time_s - time_s[at]) / ring.TRIANGLE_S)
    weight[newest + 1 :] = 0.0
    assert ring.lobe(r, at, newest) == pytest.approx(np.average(rate, weights=weight), abs=1e-9)
