"""How good the links to one's own sensors are, measured while they stream, and what to do about what is not good."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, remainder, sqrt
from statistics import median
from typing import Any, Final, NamedTuple

from firmware_bridge.central import Central
from firmware_bridge.driver import Driver
from firmware_bridge.envelope import Intervals, Kalman
from firmware_bridge.link import Arrival, Inbox, Ping, all_ended
from imu.core.samples import Samples
from imu.core.session import SensorSetup
from imu.core.units import NS_PER_S
from imu.live.decode import Decoder
from imu.live.links import LinkQuality
from imu.live.radio import drivers_in_use, open_radio
from imu.store.log import NO_SOURCE, Kind, LogFrame, Source

NS_PER_MS: Final = 1_000_000
ALWAYS: Final = 0.9
"""Share of packets that have to be of one size for packets to come in a beat."""
LEAST_UNCERTAINTY_MS: Final = 0.3
"""Of mapped times, for the drift: on the model of `firmware_bridge.clock_report` smaller ones promise too much."""
LEAST_S: Final = 1.0
"""A sampling rate wants as much."""
POLL_S: Final = 0.1
FIRST_S: Final = 30.0
"""How long sensors may take to be found, connected and heard; what then has not come is measured as absent."""


class Subject(NamedTuple):
    """A sensor that is to be measured."""

    serial: str
    driver: str
    sensor: str | None = None
    """What it is worn as."""
    rate_hz: float | None = None
    """Samples a second to ask for; None = its own."""
    rssi_dbm: int | None = None
    """As it was seen in the air; a link doesn't tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was measured of one sensor, from its first packet to its last. None = could not be told."""

    serial: str
    sensor: str | None
    driver: str
    experimental: str | None
    model: str | None
    firmware: str | None
    stated_rate_hz: float | None
    seconds: float
    packets: int
    packets_per_s: float | None
    samples_per_s: float | None
    """That arrived."""
    rate_hz: float | None
    """At which it samples, by its counters and its clock; lost samples count."""
    rate_error: float | None
    """By what share that differs from what it says."""
    packet_period_ms: float | None
    """From packet to packet, if nearly all have as many samples."""
    beat_hz: float | None
    """How often packets run through all phases of the connection events, if nearly all have as many samples."""
    interval_ms: float | None
    """Connection interval, as arrivals show it."""
    longest_silence_s: float
    reconnections: int
    host_timed: bool
    """It has no clock: its samples' times come from arrivals."""
    pings: int
    ping_ms: float | None
    """Median of how long the sensor took to tell its clock."""
    battery_pct: int | None
    rssi_dbm: int | None
    notes: int
    """How many times something went wrong."""
    last_note: str | None
    samples: int = 0
    samples_lost: int = 0
    """By its counters; by time where it has none."""
    lost_share: float = 0.0
    """Of the samples that it took."""
    bad_packets: int = 0
    late_packets: int = 0
    overruns: int = 0
    """Packets before which the sensor itself lost samples."""
    reboots: int = 0
    jitter_ms: float | None = None
    """Standard deviation of how late packets come after their last sample."""
    jitter_p99_ms: float | None = None
    drift_ppm: float | None = None
    """Rate of session time against the device's clock, minus 1: positive = the device's clock is slow."""
    drift_sd_ppm: float | None = None
    """Standard uncertainty of that."""
    drift_at_least_ppm: float | None = None
    """Its magnitude, one standard uncertainty taken off."""
    clock_restarts: int = 0
    """The device's clock, or this computer's, stood still or jumped."""


class Sampled(NamedTuple):
    """A sample, by its number and its session time."""

    number: int
    t_ns: int


class Checkup:
    """One sensor. Feed all its arrivals in their order; ask at any time."""

    def __init__(self, subject: Subject, driver: Driver, start_ns: int) -> None:
        """`start_ns` is the host's clock before anything came."""
        self.link = LinkQuality()
        self._subject, self._driver, self._start_ns = subject, driver, start_ns
        self._identity: Mapping[str, Any] = {}
        self._decoder: Decoder | None = None
        self._intervals = Intervals()
        self._sizes = Counter[int]()
        self._first = self._newest = Sampled(0, 0)
        self._after_first = 0
        """Samples that came with the second packet and later ones."""
        self._round_trips_ns: list[int] = []

    def take(self, arrival: Arrival) -> None:
        """The next arrival of this sensor."""
        self.link.take(arrival)
        if arrival.kind == "identified":
            self._identify(json.loads(arrival.payload))
        if self._decoder is None:
            return
        if arrival.kind == "identified":
            self._decoder.take(LogFrame(Kind.EVENT, NO_SOURCE, arrival.host_ns, b""))
        elif arrival.kind == "ping":
            self._round_trips_ns.append(arrival.host_ns - Ping.unpack(arrival.payload).before_ns)
            self._decoder.take(LogFrame(Kind.PING, 0, arrival.host_ns, arrival.payload))
        elif arrival.kind == "data":
            self._intervals.push(arrival.host_ns)
            rows = self._decoder.take(LogFrame(Kind.NOTIFICATION, 0, arrival.host_ns, arrival.payload))
            if rows is not None and len(rows):
                self._count(rows)

    def _identify(self, said: Mapping[str, Any]) -> None:
        self._identity = said
        if self._decoder is None:
            subject = self._subject
            source = Source(subject.serial, subject.driver, subject.sensor, said)
            setup = SensorSetup(rate_hz=said["rate_hz"], mounting=None)
            self._decoder = Decoder(source, self._driver, setup, self._start_ns)

    def _count(self, rows: Samples) -> None:
        last = Sampled(int(rows.seq[-1]), int(rows.t_ns[-1]))
        if self._sizes:
            self._after_first += len(rows)
        else:
            self._first = last
        self._sizes[len(rows)] += 1
        self._newest = max(self._newest, last)

    def findings(self, now_ns: int) -> Findings:
        """So far; `now_ns` is the host's clock."""
        link, subject, said = self.link, self._subject, self._identity
        interval_ms, rate_hz = self._interval_ms(), self._rate_hz()
        period_ms = self._packet_period_ms(rate_hz)
        stated_hz: float | None = said.get("rate_hz")
        heard = Findings(
            serial=subject.serial,
            sensor=subject.sensor,
            driver=subject.driver,
            experimental=self._driver.experimental,
            model=said.get("model"),
            firmware=said.get("firmware"),
            stated_rate_hz=stated_hz,
            seconds=link.seconds,
            packets=link.packets,
            packets_per_s=link.packets_per_s,
            samples_per_s=self._after_first / link.seconds if link.seconds else None,
            rate_hz=rate_hz,
            rate_error=None if rate_hz is None or stated_hz is None else abs(rate_hz / stated_hz - 1.0),
            packet_period_ms=period_ms,
            beat_hz=None if period_ms is None or interval_ms is None else _beat_hz(period_ms, interval_ms),
            interval_ms=interval_ms,
            longest_silence_s=link.silence_ns(now_ns) / NS_PER_S,
            reconnections=max(0, link.links - 1),
            host_timed=self._driver.counters.clock == "none",
            pings=len(self._round_trips_ns),
            ping_ms=median(self._round_trips_ns) / NS_PER_MS if self._round_trips_ns else None,
            battery_pct=link.battery_pct,
            rssi_dbm=subject.rssi_dbm,
            notes=link.notes,
            last_note=link.last_note,
        )
        return heard if self._decoder is None else _decoded(heard, self._decoder)

    def _rate_hz(self) -> float | None:
        (first, first_ns), (last, last_ns) = self._first, self._newest
        seconds = (last_ns - first_ns) / NS_PER_S
        return (last - first) / seconds if seconds >= LEAST_S else None

    def _interval_ms(self) -> float | None:
        if self._decoder is not None and self._decoder.clock.interval_ms is not None:
            return self._decoder.clock.interval_ms
        # where a device has no clock, nobody else looks for it
        self._intervals.find()
        return self._intervals.ms

    def _packet_period_ms(self, rate_hz: float | None) -> float | None:
        if not self._sizes or rate_hz is None:
            return None
        [(size, packets)] = self._sizes.most_common(1)
        return 1e3 * size / rate_hz if packets >= ALWAYS * self._sizes.total() else None


def _decoded(heard: Findings, decoder: Decoder) -> Findings:
    """With what decoding found out."""
    became, clock = decoder.assembled, decoder.clock
    taken = became.samples + became.lost
    found = replace(
        heard,
        samples=became.samples,
        samples_lost=became.lost,
        lost_share=became.lost / taken if taken else 0.0,
        bad_packets=decoder.bad_packets,
        late_packets=became.late,
        overruns=became.overruns,
        reboots=became.reboots,
        jitter_ms=clock.residual_ms if clock.packets else None,
        jitter_p99_ms=clock.residual_p99_ms if clock.packets else None,
        clock_restarts=clock.restarts,
    )
    if clock.uncertainty_ms is None or not heard.seconds:
        return found
    drift_ppm, sd_ppm = clock.drift_ppm, _drift_sd_ppm(clock.uncertainty_ms, heard.seconds)
    at_least_ppm = max(0.0, abs(drift_ppm) - sd_ppm)
    return replace(found, drift_ppm=drift_ppm, drift_sd_ppm=sd_ppm, drift_at_least_ppm=at_least_ppm)


def _drift_sd_ppm(uncertainty_ms: float, seconds: float) -> float:
    """Of a line between two ends that are known so well, and of what is known of crystals beforehand."""
    prior = Kalman.SKEW_PRIOR_PPM
    line = 1e3 * sqrt(2) * max(uncertainty_ms, LEAST_UNCERTAINTY_MS) / seconds
    return prior * line / hypot(prior, line)


def _beat_hz(packet_period_ms: float, interval_ms: float) -> float:
    """From packet to packet the phase moves by what is left of whole intervals."""
    return abs(remainder(packet_period_ms, interval_ms)) / interval_ms / packet_period_ms * 1e3


async def check(
    subjects: Sequence[Subject], seconds: float, *, hci: str | None = None, tell: Callable[[float], None] | None = None
) -> tuple[Findings, ...]:
    """`measure` with a radio of its own, `hci` as in `open_radio`.

    Raises:
        NoRadio, DriverMissing: as `open_radio`.
    """
    drivers = drivers_in_use(one.driver for one in subjects)
    async with open_radio(hci, drivers) as central:
        return await measure(central, subjects, drivers, seconds, tell=tell)


async def measure(
    central: Central,
    subjects: Sequence[Subject],
    drivers: Mapping[str, Driver],
    seconds: float,
    *,
    tell: Callable[[float], None] | None = None,
    first_s: float = FIRST_S,
) -> tuple[Findings, ...]:
    """Let all of them stream at the same time, for `seconds` from when each has come.

    Args:
        central: the radio.
        subjects: whom.
        drivers: by name, those of the subjects at least.
        seconds: how long.
        tell: is told every now and then for how many seconds all have streamed.
        first_s: after so long nobody waits for one that has not come.
    """
    start_ns, inbox = central.host_ns(), Inbox()
    checkups = {one.serial: Checkup(one, drivers[one.driver], start_ns) for one in subjects}
    loop = asyncio.get_running_loop()
    tasks = [
        asyncio.create_task(central.supervise(one.serial, one.driver, inbox, rate_hz=one.rate_hz)) for one in subjects
    ]

    async def hear(until_s: float) -> bool:
        await asyncio.sleep(min(max(0.0, until_s - loop.time()), POLL_S))
        for arrival in inbox.drain():
            checkups[arrival.source].take(arrival)
        for task in tasks:
            if task.done():
                task.result()
        return loop.time() < until_s

    try:
        until_s = loop.time() + first_s
        while await hear(until_s) and not all(one.link.packets for one in checkups.values()):
            pass
        until_s = loop.time() + seconds
        while await hear(until_s):
            if tell is not None:
                tell(seconds - (until_s - loop.time()))
        now_ns = central.host_ns()
        return tuple(one.findings(now_ns) for one in checkups.values())
    finally:
        await all_ended(tasks)
