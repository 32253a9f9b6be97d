import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.clock import HostClock, SessionClock
from firmware_bridge.clock_report import LEAD_IN_S, Link, Packet, Ping, apart, spread, traffic
from firmware_bridge.envelope import Corridor, Intervals
from firmware_bridge.packets import Counted
from firmware_bridge.timeline import ClockError

S = 1_000_000_000
MS = 1_000_000
EMPTY = np.zeros((0, 6))
REAL = Link(rate_error=0.013, seconds=60.0)
"""Sensors whose sample rate is off, as all are."""


def counted(ticks, arrived_ns, *, epoch=0, late=False):
    ticks = np.asarray(ticks, dtype=np.int64)
    return Counted(epoch, ticks, ticks, EMPTY, int(arrived_ns), late)


def feed(clock, came, *, epoch=0, ticks=0, host_ns=0):
    """What the clock said, one array a packet; device and host clocks shifted by so much."""
    said = []
    for one in came:
        if isinstance(one, Ping):
            clock.ping(one.sent_ns + host_ns, one.ticks + ticks, one.arrived_ns + host_ns)
        else:
            said.append(clock.samples(counted(one.ticks + ticks, one.arrived_ns + host_ns, epoch=epoch)))
    return said


def packets(came):
    return [one for one in came if isinstance(one, Packet)]


def off_ms(said, came):
    return np.array([t[-1] * 1e-6 - one.true_s * 1e3 for t, one in zip(said, packets(came), strict=True)])


def increases(said):
    return bool((np.diff(np.concatenate(said)) > 0).all())


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


def test_a_reboot_begins_a_new_epoch_and_keeps_skew_and_path():
    before, after = (
        traffic(Link(rate_error=0.013, seconds=120.0), 4, 0),
        traffic(Link(rate_error=0.013, seconds=30.0), 4, 0),
    )
    clock = SessionClock(1e-6, 0)
    said = feed(clock, before)
    known = clock.report()
    gap_ns = 125 * S
    again = feed(clock, after, epoch=1, ticks=-packets(after)[0].ticks[0] + 17, host_ns=gap_ns)
    report = clock.report()
    assert increases(said + again)
    assert report.epochs == 2
    assert report.restarts == 0
    assert report.path_ms <= known.path_ms
    assert report.drift_ppm == pytest.approx(known.drift_ppm, abs=25)
    off = off_ms(again, after) - gap_ns * 1e-6
    assert np.abs(off[100:]).max() < 2


def test_a_new_epoch_never_runs_back():
    clock = SessionClock(1e-6, 0)
    old = clock.samples(counted(np.arange(10) * 5000 + 10**6, S))
    # a stalled host hands on both in the same moment
    new = clock.samples(counted(np.arange(10) * 5000, S, epoch=1))
    assert new[0] > old[-1]
    assert (np.diff(new) == 5 * MS).all()


def hold_back(came, since_s, until_s):
    """A link that was away: everything of that time comes at its end, in order, 1 ms apart."""
    out = []
    for i, one in enumerate(came):
        at = one.arrived_ns
        if since_s * S <= at < until_s * S:
            at = int(until_s * S)
        out.append(one._replace(arrived_ns=max(at, out[-1].arrived_ns if i else 0)))
    return out


@pytest.mark.parametrize("silence_s", [0.5, 3.0, 8.0, 40.0])
def test_a_backlog_after_a_silence_changes_next_to_nothing(silence_s):
    link = Link(rate_error=0.013, seconds=120.0)
    came = [one for one in traffic(link, 6, 0) if isinstance(one, Packet)]
    clock = SessionClock(1e-6, 0)
    plain = feed(SessionClock(1e-6, 0), came)
    held = feed(clock, hold_back(came, 50.0, 50.0 + silence_s))
    assert increases(held)
    assert clock.report().restarts == 0
    off = np.concatenate(held) - np.concatenate(plain)
    assert np.abs(off).max() < MS


def test_a_silence_without_a_backlog_changes_next_to_nothing():
    came = traffic(Link(rate_error=0.013, seconds=120.0), 6, 0)
    left = [one for one in came if not 40 * S < one.arrived_ns < 70 * S]
    off = off_ms(feed(SessionClock(1e-6, 0), left), left)
    assert np.abs(off[200:] - np.median(off)).max() < 2


def test_late_packets_fall_where_they_would_have():
    came = packets(traffic(REAL, 7, 0))
    on_time = feed(SessionClock(1e-6, 0), came)
    missing = {200, 201, 202, 500}
    clock = SessionClock(1e-6, 0)
    times = {}
    for i, one in enumerate(came):
        if i not in missing:
            times[i] = clock.samples(counted(one.ticks, one.arrived_ns))
        if i == 600:
            before = clock.report()
            for j in sorted(missing):
                times[j] = clock.samples(counted(came[j].ticks, one.arrived_ns, late=True))
            after = clock.report()
            assert (before.offset_ns, before.drift_ppm) == (after.offset_ns, after.drift_ppm)
    said = [times[i] for i in range(len(came))]
    assert increases(said)
    assert np.abs(np.concatenate(said) - np.concatenate(on_time)).max() < MS


def test_late_packets_older_than_all_that_is_kept():
    clock = SessionClock(1e-6, 0)
    came = packets(traffic(REAL, 7, 0))
    said = feed(clock, came[5:])
    early = clock.samples(counted(came[0].ticks, came[-1].arrived_ns, late=True))
    assert early[-1] < said[0][0]
    for epoch in (1, 2, 3):
        clock.samples(counted(came[0].ticks, came[-1].arrived_ns + epoch, epoch=epoch))
    assert (np.diff(clock.samples(counted(came[0].ticks, came[-1].arrived_ns, late=True))) > 0).all()


@pytest.mark.parametrize("slept_s", [1.0, 600.0])
def test_a_computer_that_slept(slept_s):
    # its monotonic clock stood still, the device went on
    came = packets(traffic(Link(rate_error=0.013, seconds=60.0), 8, 0))
    clock = SessionClock(1e-6, 0)
    said = feed(clock, came[:600])
    awake = feed(clock, came[600:], ticks=int(slept_s * 1e6))
    assert increases(said + awake)
    assert clock.report().restarts == 1
    off = off_ms(said + awake, came)
    assert np.abs(off[700:]).max() < 3


def test_a_stopped_clock_is_found_out():
    came = packets(traffic(Link(rate_error=0.013, seconds=90.0), 8, 0))
    clock = SessionClock(1e-6, 0)
    said = feed(clock, came[:400])
    said += feed(clock, came[400:], host_ns=3 * S)
    assert increases(said)
    assert clock.report().restarts == 1
    off = off_ms(said, came)[-100:] - 3000
    assert np.abs(off).max() < 3


def test_pings_of_another_epoch_are_left_out():
    came = traffic(REAL, 9, 0)
    plain, disturbed = SessionClock(1e-6, 0), SessionClock(1e-6, 0)
    a = feed(plain, packets(came))
    b = []
    for one in packets(came):
        disturbed.ping(one.arrived_ns - 20 * MS, int(one.ticks[-1]) - 10**9, one.arrived_ns)
        b += feed(disturbed, [one])
    assert all((x == y).all() for x, y in zip(a, b, strict=True))
    assert disturbed.report().pings == len(a)


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
    clock.ping(0, 0, 1)
    assert clock.report().pings == 1
    assert clock.samples(counted([], S)).shape == (0,)


def test_lines_that_contradict_every_packet_are_given_up():
    # a stall in the first seconds made a bound wrong, the next beat then the skew, and that refused what was right
    link = Link(interval_s=0.045, lost=0.25, rate_error=0.013, dithered=False, pings=False, seconds=200.0)
    came = packets(traffic(link, 0, 0))
    clock = SessionClock(1e-6, 0)
    said = feed(clock, came[:300])
    clock._corridor.upper.append((0.0, -400.0))  # pyright: ignore[reportPrivateUsage]
    said += feed(clock, came[300:])
    assert increases(said)
    assert clock.report().restarts >= 1
    assert np.abs(off_ms(said, came)[-1000:]).max() < 4
