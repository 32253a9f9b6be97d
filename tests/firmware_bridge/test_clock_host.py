"""The clock of a device that has none."""

import numpy as np
import pytest

from firmware_bridge.clock import HostClock
from tests.firmware_bridge.clock_feed import MS, S, counted, increases


def no_clock(seconds, *, rate_error, seed, start=0):
    """Arrivals of a device that only counts samples: number of each packet's last sample, arrival, truth, ns."""
    rng = np.random.default_rng([seed, 77])
    numbers = np.arange(9, int(seconds * 200), 10)
    true = numbers * 5 * MS / (1 + rate_error) + S
    arrived = np.maximum.accumulate(np.ceil(true / (15 * MS)) * 15 * MS + rng.exponential(0.4 * MS, len(true)))
    arrived += (rng.random(len(true)) < 0.08) * 15 * MS
    return numbers + start, np.maximum.accumulate(arrived), true


@pytest.mark.parametrize("rate_error", [-0.03, 0.0, 0.03])
def test_without_a_clock_samples_are_spread_evenly_at_the_rate_that_is_theirs(rate_error):
    clock = HostClock(0.005, 0)
    last, arrived, true = no_clock(180, rate_error=rate_error, seed=1)
    said = [clock.samples(counted(np.arange(n - 9, n + 1), at)) for n, at in zip(last, arrived, strict=True)]
    assert increases(said)
    report = clock.report()
    assert report.host_timed
    assert report.drift_ppm == pytest.approx(-1e6 * rate_error / (1 + rate_error), abs=2000)
    off = np.array([t[-1] for t in said]) - true
    assert np.abs(off[len(off) // 2 :]).max() < 20 * MS
    steps = np.diff(np.concatenate(said))[len(off) * 5 :]
    assert np.abs(steps * (1 + rate_error) / (5 * MS) - 1).max() < 0.3


def test_without_a_clock_stalls_gaps_and_lost_samples():
    clock = HostClock(0.005, 0)
    last, arrived, true = no_clock(120, rate_error=0.01, seed=2)
    arrived[800:840] = np.maximum(arrived[800:840], arrived[840])  # the host stalls for 2 s
    lost_ns = 300 * MS  # and later 60 samples are lost that nothing counted
    arrived[1400:] += lost_ns
    true[1400:] += lost_ns
    said = [clock.samples(counted(np.arange(n - 9, n + 1), at)) for n, at in zip(last, arrived, strict=True)]
    off = np.array([t[-1] for t in said]) - true
    assert increases(said)
    assert np.abs(off[-400:]).max() < 30 * MS
    again = clock.samples(counted(np.arange(10), arrived[-1] + S, epoch=1))
    assert again[0] > said[-1][-1]
    assert clock.report().epochs == 2
    late = clock.samples(counted([int(last[50])], arrived[-1] + S, late=True))
    assert late[0] < said[-1][-1]
    assert clock.restarts == clock.report().restarts >= 1
    clock.ping(0, 0, 1)
    assert clock.report().pings == 1
    assert clock.samples(counted([], S)).shape == (0,)
