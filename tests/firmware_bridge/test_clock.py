"""Ticks to session time."""

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.clock import HostClock, SessionClock
from firmware_bridge.clock_report import LEAD_IN_S, Link, Packet, apart, spread, traffic
from firmware_bridge.envelope import Corridor, Intervals
from firmware_bridge.timeline import ClockError
from tests.firmware_bridge.clock_feed import MS, REAL, S, counted, feed, increases, off_ms, packets


@pytest.mark.parametrize(
    "link",
    [
        Link(),  # sample rate in step with the connection interval: the hardest case
        Link(dithered=False),
        Link(rate_error=0.013, pings=False),
        Link(rate_error=0.013, interval_s=0.045, lost=0.25, dithered=False, pings=False),
    ],
)
def test_between_sensors_within_a_millisecond(link):
    # the bar: ten minutes, eight sessions, |mean| <= 1, sd <= 1, p99 <= 3 ms after the first 30 s
    with ProcessPoolExecutor(2) as pool:
        sessions = list(pool.map(apart, [link] * 8, range(8)))
    settled = spread(np.concatenate([session[round(10 * (LEAD_IN_S - 1)) :] for session in sessions]))
    assert settled.fair, settled
    assert max(abs(session[290:].mean()) for session in sessions) <= 1


def test_a_beat_without_pings_is_bounded_by_what_packets_leave_open():
    # samples every 5 ms and events every 15 ms: packets alone can't tell where in 5 ms the device's clock is
    for seed in range(2):
        assert np.abs(apart(Link(seconds=120.0, pings=False, stalls=0.0), seed)[300:]).max() < 5.5


@pytest.mark.parametrize(
    "link", [REAL, Link(seconds=60.0, dithered=False), Link(seconds=60.0, interval_s=0.045, lost=0.25)]
)
def test_times_increase_and_periods_stay_near_nominal(link):
    clock = SessionClock(1e-6, 0)
    said = feed(clock, traffic(link, 3, 0))
    assert increases(said)
    steps = np.diff(np.concatenate(said)) / (5 * MS * (1 + link.rate_error))
    assert steps.min() > 0.85
    assert steps.max() < 1.15


def test_same_calls_same_bits_and_reports_change_nothing():
    came = traffic(REAL, 1, 0)
    whole = feed(SessionClock(1e-6, 0), came)
    clock = SessionClock(1e-6, 0)
    asked = []
    for i, one in enumerate(came):
        asked += feed(clock, [one])
        clock.report()
        if i == len(came) // 2:
            clock = pickle.loads(pickle.dumps(copy.deepcopy(clock)))
    assert all((a == b).all() for a, b in zip(whole, asked, strict=True))


def test_causal():
    came = traffic(REAL, 1, 0)
    half = len(came) // 2
    whole, first = feed(SessionClock(1e-6, 0), came), feed(SessionClock(1e-6, 0), came[:half])
    assert all((a == b).all() for a, b in zip(first, whole, strict=False))


@settings(max_examples=5, deadline=None)
@given(ticks=st.integers(-(2**40), 2**40), host_ns=st.integers(-(10**18), 10**18), start_ns=st.integers(0, 10**18))
def test_origins_of_clocks_are_of_no_account(ticks, host_ns, start_ns):
    came = traffic(Link(rate_error=0.013, seconds=12.0), 2, 0)
    plain = feed(SessionClock(1e-6, 0), came)
    moved = feed(SessionClock(1e-6, start_ns), came, ticks=ticks, host_ns=host_ns)
    assert all((b - a == host_ns - start_ns).all() for a, b in zip(plain, moved, strict=True))


def test_wrapped_pings_are_unwrapped():
    came = traffic(REAL, 2, 0)
    shift = 2**32 - packets(came)[0].ticks[0] - 2_000_000
    plain, wrapped = SessionClock(1e-6, 0), SessionClock(1e-6, 0, tick_bits=32)
    a = feed(plain, came, ticks=shift)
    b = feed(
        wrapped,
        [one if isinstance(one, Packet) else one._replace(ticks=(one.ticks + shift) % 2**32 - shift) for one in came],
        ticks=shift,
    )
    assert plain.report() == wrapped.report()
    assert all((x == y).all() for x, y in zip(a, b, strict=True))


def test_no_report_before_the_first_packet():
    report = SessionClock(1e-6, 0).report()
    assert (report.offset_ns, report.epochs, report.packets, report.uncertainty_ms) == (None, 0, 0, None)


def test_reports_drift_interval_residual_and_path():
    link = Link(rate_error=0.013, seconds=180.0)
    came = traffic(link, 5, 0)
    clock = SessionClock(1e-6, 0)
    feed(clock, came)
    report = clock.report()
    truth = [(one.true_s, one.ticks[-1] * 1e-6) for one in packets(came)]
    (t0, d0), (t1, d1) = truth[0], truth[-1]
    assert report.interval_ms == 15.0
    assert report.drift_ppm == pytest.approx(1e6 * ((t1 - t0) / (d1 - d0) - 1), abs=8)
    assert 4 < report.residual_ms < 15
    assert 15 < report.residual_p99_ms < 60
    assert report.uncertainty_ms < 0.5
    # the model's constant part is 0.6 ms, and the clock can't know it better than its pings
    assert 0.3 < report.path_ms < 15
    assert (report.pings, report.restarts, report.epochs, report.host_timed) == (13, 0, 1, False)


def test_arrival_spread_shows_what_the_envelope_spares():
    came = traffic(REAL, 1, 0)
    delays = np.array([one.arrived_ns * 1e-6 - one.true_s * 1e3 for one in packets(came)])
    off = off_ms(feed(SessionClock(1e-6, 0), came), came)[200:]
    assert delays.std() > 5
    assert off.std() < 0.5
    assert abs(off.mean()) < 1.5


def test_pings_end_the_beat():
    link = Link(seconds=40.0, dithered=False)
    with_, without = (
        np.array([float(np.mean(apart(replace(link, pings=pings), seed)[50:])) for seed in range(4)])
        for pings in (True, False)
    )
    assert np.abs(with_).max() < 1
    assert with_.std() < 0.5 * without.std()


def test_no_samples_no_times():
    clock = SessionClock(1e-6, 0)
    assert clock.samples(counted([], S)).shape == (0,)
    assert clock.report().packets == 0


@pytest.mark.parametrize("make", [SessionClock, HostClock])
@pytest.mark.parametrize("tick_s", [0.0, -1e-6, 1e6, float("nan")])
def test_refuses_a_tick_that_is_none(make, tick_s):
    with pytest.raises(ClockError, match="want seconds"):
        make(tick_s, 0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("interval_s", "lost"), [(0.0075, 0.02), (0.015, 0.08), (0.045, 0.25)])
def test_finds_the_connection_interval(interval_s, lost, seed):
    intervals = Intervals()
    for one in packets(traffic(Link(interval_s=interval_s, lost=lost, seconds=30.0, rate_error=0.013), seed, 0)):
        intervals.push(one.arrived_ns)
    assert intervals.find()
    assert intervals.ms == 1e3 * interval_s
    assert not intervals.find()


def test_finds_no_interval_where_there_is_none():
    intervals = Intervals()
    rng = np.random.default_rng([4, 1])
    for at in np.cumsum(rng.exponential(50 * MS, 400)):
        intervals.push(int(at))
    assert not intervals.find()
    assert intervals.ms is None


def test_a_host_without_connection_events_is_followed_too():
    rng = np.random.default_rng([4, 2])
    clock = SessionClock(1e-6, 0)
    arrived, off = 0, []
    for i in range(1, 1200):
        arrived = max(arrived + 1, i * 50 * MS + round(rng.exponential(8 * MS)))
        t = clock.samples(counted(np.arange(i * 10 - 9, i * 10 + 1) * 5000, arrived))
        off.append(t[-1] - i * 50 * MS)
    assert np.abs(off[200:]).max() < 3 * MS


def test_a_repeated_bound_is_no_new_witness():
    once, often = Corridor(), Corridor()
    for corridor, times in ((once, 1), (often, 200)):
        for _ in range(times):
            corridor.upper.append((0.0, 5.0))
            corridor.lower.append((0.0, 0.0))
    a, b = once.middle(1.0, (-100, 100)), often.middle(1.0, (-100, 100))
    assert b == pytest.approx(a, rel=1e-9)
    assert a.offset_ms == pytest.approx(2.5)
    assert a.sd_ms == pytest.approx(5.1 / 12**0.5, abs=0.05)
