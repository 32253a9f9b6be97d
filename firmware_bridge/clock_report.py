"""How well two sensors' clocks meet, on a model of the air: `python -m firmware_bridge.clock_report`.

The model, per sensor: a crystal that is off by some ppm and wanders slowly; packets that wait for the next connection
event, are sent again while events are lost, and never overtake each other; a host that is late by an exponential
time and stalls now and then; pings that cost two events and read the device's clock at the first. The central's events
run on a crystal of their own. What is told is the difference of two sensors' errors, left minus right: a constant
delay of all of them is of no account.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from firmware_bridge.clock import SessionClock
from firmware_bridge.packets import Counted

Seconds: TypeAlias = npt.NDArray[np.floating]

PURPOSE: Final = 0xC10C
TICK_S: Final = 1e-6
RATE_HZ: Final = 200.0
LEAD_IN_S: Final = 30.0
GRID_S: Final = 0.1
MEAN_MS, SD_MS, P99_MS = 1.0, 1.0, 3.0
"""What is asked for, after the lead-in."""
EMPTY: Final = np.zeros((0, 6))


@dataclass(frozen=True, kw_only=True)
class Link:
    """A device and its link."""

    interval_s: float = 0.015
    """Connection interval."""
    lost: float = 0.08
    """Share of connection events that fail."""
    dithered: bool = True
    """9, 10 and 11 samples a packet in turn, shuffled; else 10."""
    pings: bool = True
    """Eight in the first 3 s, then one every 30 s."""
    rate_error: float = 0.0
    """Of the sample rate: 0 = samples keep step with the intervals but for ppm; real sensors are off by percents."""
    seconds: float = 600.0
    skew_ppm: float = 50.0
    """Greatest; drawn evenly between its negative and it."""
    central_ppm: float = 20.0
    wander_s: float = 190e-6
    """Amplitude, over `wander_period_s`: 4 ppm."""
    wander_period_s: float = 300.0
    delay_s: float = 0.6e-3
    """Constant, from event to callback."""
    jitter_s: float = 0.3e-3
    """Mean of what comes on top, exponential."""
    stalls: float = 0.002
    """Share of packets at which the host stalls, for 20 to 150 ms."""


class Packet(NamedTuple):
    """What a callback sees, and when its last sample truly was, s."""

    arrived_ns: int
    ticks: npt.NDArray[np.int64]
    true_s: float


class Ping(NamedTuple):
    """What asking for the device's clock brought."""

    arrived_ns: int
    sent_ns: int
    ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Of a difference between two sensors, ms."""

    mean: float
    sd: float
    p99: float
    """Of its magnitude."""

    @property
    def fair(self) -> bool:
        return abs(self.mean) <= MEAN_MS and self.sd <= SD_MS and self.p99 <= P99_MS


def traffic(link: Link, seed: int, sensor: int) -> list[Packet | Ping]:
    """Everything of one session that reaches the host from one sensor, in order of arrival."""
    rng = np.random.default_rng([seed, PURPOSE, sensor])
    skew = rng.uniform(-link.skew_ppm, link.skew_ppm) * 1e-6
    phase = rng.uniform(0, 2 * np.pi)
    central = np.random.default_rng([seed, PURPOSE]).uniform(-link.central_ppm, link.central_ppm) * 1e-6
    interval = link.interval_s * (1 + central)
    anchor = rng.uniform(0, interval)

    def device(t: Seconds) -> Seconds:
        wander = link.wander_s * np.sin(2 * np.pi * t / link.wander_period_s + phase)
        return 1234.5 * (1 + sensor) + t * (1 + skew) + wander

    def on_air(ready: Seconds) -> Seconds:
        events = np.ceil((ready - anchor) / interval) + rng.geometric(1 - link.lost, len(ready)) - 1
        return events * interval + anchor

    def at_host(sent: Seconds) -> Seconds:
        stalled = (rng.random(len(sent)) < link.stalls) * rng.uniform(0.02, 0.15, len(sent))
        return sent + link.delay_s + rng.exponential(link.jitter_s, len(sent)) + stalled

    sizes = rng.permuted(np.tile([9, 10, 11], (int(link.seconds * RATE_HZ) // 30, 1)), axis=1).ravel()
    sizes = sizes if link.dithered else np.full_like(sizes, 10)
    period = (1 + link.rate_error) / RATE_HZ
    begun = float(device(np.array([rng.uniform(0, 0.02)]))[0])
    last = np.cumsum(sizes) - 1
    sampled: Seconds = begun + np.arange(int(last[-1]) + 1) * period
    table = np.linspace(0, link.seconds * 1.1, 10_000)
    true: Seconds = np.interp(sampled[last], device(table), table)
    arrived = np.maximum.accumulate(at_host(np.maximum.accumulate(on_air(true))))
    ticks = np.floor(sampled / TICK_S).astype(np.int64)
    came: list[Packet | Ping] = [
        Packet(int(at * 1e9), ticks[end - n + 1 : end + 1], t)
        for at, end, n, t in zip(arrived, last, sizes, true, strict=True)
    ]
    if link.pings:
        later = np.arange(LEAD_IN_S, link.seconds, 30.0)
        sent = np.concatenate([0.3 * np.arange(1, 9), later]) + rng.uniform(0, 0.1, 8 + len(later))
        asked = on_air(sent + link.jitter_s)
        read = np.floor(device(asked) / TICK_S).astype(np.int64)
        answered = at_host(on_air(asked + 1e-6))
        came += [Ping(int(at * 1e9), int(s * 1e9), int(tick)) for at, s, tick in zip(answered, sent, read, strict=True)]
    return sorted(came, key=lambda one: one.arrived_ns)


def errors(link: Link, seed: int, sensor: int) -> tuple[Seconds, Seconds]:
    """True time of each packet's last sample, s, and the clock's error there, ms."""
    clock = SessionClock(TICK_S, 0)
    true: list[float] = []
    off: list[float] = []
    for one in traffic(link, seed, sensor):
        if isinstance(one, Ping):
            clock.ping(one.sent_ns, one.ticks, one.arrived_ns)
            continue
        t_ns = clock.samples(Counted(0, one.ticks, one.ticks, EMPTY, one.arrived_ns, late=False))
        true.append(one.true_s)
        off.append(int(t_ns[-1]) * 1e-6 - one.true_s * 1e3)
    return np.array(true), np.array(off)


def apart(link: Link, seed: int) -> Seconds:
    """Error of the left sensor minus the right one's, ms, every 0.1 s from 1 s on."""
    grid = np.arange(1.0, link.seconds - 5.0, GRID_S)
    left, right = (np.interp(grid, *errors(link, seed, sensor)) for sensor in (0, 1))
    return left - right


def spread(differences: Seconds) -> Spread:
    """Of all sessions together."""
    return Spread(
        mean=float(differences.mean()),
        sd=float(differences.std()),
        p99=float(np.percentile(np.abs(differences), 99)),
    )


def cells() -> Iterator[Link]:
    """What the report shows."""
    air = ((0.0075, 0.02), (0.015, 0.08), (0.045, 0.25))
    for (interval, lost), rate_error, dithered, pings in product(air, (0.013, 0.0), (True, False), (True, False)):
        yield Link(interval_s=interval, lost=lost, rate_error=rate_error, dithered=dithered, pings=pings)


def row(link: Link, sessions: Sequence[Seconds]) -> str:
    """One line of the table."""
    start = round((LEAD_IN_S - 1.0) / GRID_S)
    settled = spread(np.concatenate([session[start:] for session in sessions]))
    first = spread(np.concatenate([session[:start] for session in sessions]))
    met = "yes" if settled.fair else "no"
    worst = max(abs(float(session[start:].mean())) for session in sessions)
    return (
        f"| {1e3 * link.interval_s:g} ms, {100 * link.lost:g} % | {100 * link.rate_error:+.1f} % "
        f"| {'9-11' if link.dithered else '10'} | {'yes' if link.pings else 'no'} "
        f"| {settled.mean:+.2f} | {settled.sd:.2f} | {settled.p99:.2f} | {worst:.2f} | {met} "
        f"| {first.mean:+.2f} | {first.sd:.2f} | {first.p99:.2f} |"
    )


HEAD: Final = """\
| interval, lost | sample rate | n | pings | mean | sd | p99 | worst session's mean | met | 30 s: mean | sd | p99 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def main() -> int:
    """Write the table to stdout, row by row."""
    parser = argparse.ArgumentParser(
        prog="python -m firmware_bridge.clock_report",
        description=f"Error between two sensors' clocks, ms. Met = |mean| <= {MEAN_MS:g}, sd <= {SD_MS:g}, "
        f"p99 <= {P99_MS:g} after {LEAD_IN_S:g} s.",
        allow_abbrev=False,
    )
    parser.add_argument("--seeds", type=int, default=8, help="sessions a row (default 8)")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of each (default 10)")
    parser.add_argument("--workers", type=int, default=None, help="processes (default: one a core)")
    args = parser.parse_args()
    if args.seeds < 1 or args.minutes < 1:
        parser.error("--seeds and --minutes want to be at least 1")
    sys.stdout.write(HEAD)
    with ProcessPoolExecutor(args.workers) as pool:
        for cell in cells():
            link = replace(cell, seconds=60 * args.minutes)
            sessions = list(pool.map(apart, [link] * args.seeds, range(args.seeds)))
            sys.stdout.write(row(link, sessions) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
