"""What a clock makes of reboots, silences, late packets, and clocks that stood still."""

import numpy as np
import pytest

from firmware_bridge.clock import SessionClock
from firmware_bridge.clock_report import Link, Packet, traffic
from tests.firmware_bridge.clock_feed import MS, REAL, S, counted, feed, increases, off_ms, packets


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
    assert clock.restarts == 0
    awake = feed(clock, came[600:601], ticks=int(slept_s * 1e6))
    assert clock.restarts == 1, "seen at the first packet"
    awake += feed(clock, came[601:], ticks=int(slept_s * 1e6))
    assert increases(said + awake)
    assert clock.restarts == clock.report().restarts == 1
    off = off_ms(said + awake, came)
    assert np.abs(off[700:]).max() < 3


@pytest.mark.parametrize("seed", range(4))
def test_a_computer_that_slept_by_a_clock_that_went_on(seed):
    # as host stamps do: nothing but a gap, over which the skew as far as it is known carries the time
    came = [
        one
        for one in traffic(Link(rate_error=0.013, seconds=2000.0), seed, 0)
        if not 120 * S < one.arrived_ns < 1920 * S
    ]
    clock = SessionClock(1e-6, 0)
    said = feed(clock, came)
    assert increases(said)
    assert clock.restarts == 0
    off = off_ms(said, came)
    asleep = int(np.argmax(np.diff([one.true_s for one in packets(came)]))) + 1
    assert np.abs(off[asleep : asleep + 200]).max() < 20
    assert np.abs(off[asleep + 600 :]).max() < 3


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
