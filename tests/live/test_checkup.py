"""What a checkup measures is what the link did, and each finding has its word of advice."""

import asyncio
import json
import selectors
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner

from firmware_bridge import ogi
from firmware_bridge.central import Central, NoDriver
from firmware_bridge.clock_report import PURPOSE, Link, Packet, traffic
from firmware_bridge.emulator.air import Air
from firmware_bridge.emulator.radio import Radio
from firmware_bridge.emulator.sensor import Counts, Model, Sensor
from firmware_bridge.link import Arrival, Ping
from firmware_bridge.ogi import Ogi
from firmware_bridge.packets import Counters, Frame, Identity
from imu.core.units import NS_PER_S
from imu.live.advice import ABSENT, RULES, advice
from imu.live.checkup import Checkup, Subject, measure
from imu.live.links import LinkQuality

ON_ITS_WAY_S = 1e-4
TURN_S = 1e-5
"""Of an event loop: whoever waits for a time that has nearly come must see it come."""
START_NS = 7_000_000_000_000
A1 = Subject("A1", "ogi", "foot_left", rssi_dbm=-60)
IDENTITY = Identity("A1", "Test", "1.2.3", 0.005, 0.001, 160.0, 35.0, 200.0)


def identified(host_ns=START_NS, **said):
    return Arrival("A1", "identified", host_ns, json.dumps(IDENTITY._asdict() | said).encode())


def arrivals(link, seed=0):
    """All that a sensor sends over a modelled link, as it arrives, every packet of it."""
    yield identified()
    first = packet = newest = 0
    for one in traffic(link, seed, sensor=0):
        host_ns = START_NS + one.arrived_ns
        if isinstance(one, Packet):
            values = np.zeros((len(one.ticks), 6), dtype=np.int16)
            ticks = int(one.ticks[-1]) % 2**32
            frame = Frame(packet % 2**16, first % 2**16, ticks, 5000.0, values)
            yield Arrival("A1", "data", host_ns, ogi.pack(frame))
            first, packet, newest = first + len(one.ticks), packet + 1, one.ticks[-1]
        elif one.ticks > newest:
            # the model lets packets overtake an answer, which no link does
            payload = Ping(START_NS + one.sent_ns, int(one.ticks) % 2**32).pack()
            yield Arrival("A1", "ping", host_ns, payload)


def skew_ppm(link, seed=0):
    """Of the device's clock against the host's: what the model draws first."""
    return np.random.default_rng([seed, PURPOSE, 0]).uniform(-link.skew_ppm, link.skew_ppm)


def checked(came, subject=A1, driver=None):
    checkup, host_ns = Checkup(subject, driver or Ogi(), START_NS), START_NS
    for arrival in came:
        host_ns = arrival.host_ns
        checkup.take(arrival)
    return checkup.findings(host_ns)


def test_a_clean_link_is_measured_and_fit():
    link = Link(seconds=120.0, stalls=0.0)
    found = checked(arrivals(link))
    assert (found.serial, found.sensor, found.model, found.firmware) == ("A1", "foot_left", "Test", "1.2.3")
    assert found.interval_ms == 15.0
    assert found.packets_per_s == pytest.approx(20.0, rel=0.01)
    assert found.samples_per_s == pytest.approx(200.0, rel=0.005)
    assert found.rate_hz == pytest.approx(200.0, rel=1e-3)
    assert found.seconds == pytest.approx(120.0, abs=0.3)
    assert found.samples_lost == found.bad_packets == found.late_packets == found.reboots == found.reconnections == 0
    # waits are spread over an interval of 15 ms, and 8 % of events are lost
    assert 4.0 < found.jitter_ms < 8.0
    assert 15.0 < found.jitter_p99_ms < 60.0
    assert found.longest_silence_s < 0.2
    assert 5 <= found.pings <= 8 + 3
    assert 15.0 < found.ping_ms < 60.0
    assert found.drift_sd_ppm < 10.0
    assert abs(found.drift_ppm + skew_ppm(link)) < 3.0 * found.drift_sd_ppm
    assert found.rssi_dbm == -60
    # sizes go 9, 10, 11
    assert found.packet_period_ms is None
    assert advice(found) == ()


def test_the_uncertainty_of_drift_is_neither_boast_nor_fear():
    link = Link(seconds=40.0, rate_error=0.013)
    off = []
    for seed in range(12):
        found = checked(arrivals(link, seed))
        off.append((found.drift_ppm + skew_ppm(link, seed)) / found.drift_sd_ppm)
    assert 0.4 < np.sqrt(np.mean(np.square(off))) < 1.5


def test_what_is_lost_is_counted_to_the_sample():
    sent = list(arrivals(Link(seconds=30.0)))
    data = [place for place, one in enumerate(sent) if one.kind == "data"]
    gone = {data[place] for place in (50, 51, 200)}
    lost = sum(len(Ogi().decode(sent[place].payload).values) for place in gone)
    # the damage of these is noticed, and its samples are missing too
    spoilt = {data[place] for place in (300, 400)}
    lost += sum(len(Ogi().decode(sent[place].payload).values) for place in spoilt)
    came = [
        one._replace(payload=one.payload[:-1] + b"?") if place in spoilt else one
        for place, one in enumerate(sent)
        if place not in gone
    ]
    found = checked(came)
    taken = sum(len(Ogi().decode(sent[place].payload).values) for place in data)
    assert (found.samples_lost, found.bad_packets) == (lost, 2)
    assert found.samples == taken - lost
    assert found.lost_share == pytest.approx(lost / taken)
    assert [text.split(":")[0] for text in advice(found)] == [
        f"samples are lost ({lost})",
        "packets can't be decoded (2)",
    ]


def test_a_broken_link_is_told_with_its_reason():
    came = list(arrivals(Link(seconds=20.0, lost=0.0, stalls=0.0)))
    half = len(came) // 2
    broke_ns = came[half].host_ns
    away = [one for one in came[half:] if one.host_ns > broke_ns + 2 * NS_PER_S]
    said = [
        Arrival("A1", "lost", broke_ns + 1, b"listen: the link broke"),
        identified(broke_ns + 2),
        Arrival("A1", "battery", broke_ns + 3, b"\x0c"),
    ]
    found = checked([*came[:half], *said, *away])
    assert (found.reconnections, found.notes, found.last_note) == (1, 1, "listen: the link broke")
    assert 2.0 <= found.longest_silence_s < 2.2
    assert found.battery_pct == 12
    words = " ".join(advice(found))
    assert "nothing came for 2." in words
    assert "connected anew (1 x, listen: the link broke)" in words
    assert "battery is at 12 %" in words


def test_silence_at_the_end_counts():
    came = list(arrivals(Link(seconds=10.0)))
    checkup = Checkup(A1, Ogi(), START_NS)
    for one in came:
        checkup.take(one)
    assert checkup.findings(came[-1].host_ns + 5 * NS_PER_S).longest_silence_s >= 5.0


@pytest.mark.parametrize(("samples", "beats"), [(3, True), (6, True), (10, False)])
def test_packets_in_step_with_the_radio_are_noticed(samples, beats):
    # 200 Hz against 15 ms: 3 and 6 samples are one and two intervals, 10 are three and a third
    came = [identified()]
    for packet in range(1500 // samples):
        last = (packet + 1) * samples
        frame = Frame(packet, last - samples, 5000 * last, 5000.0, np.zeros((samples, 6), dtype=np.int16))
        host_ns = START_NS + -(-5_000_000 * last // 15_000_000) * 15_000_000 + 600_000
        came.append(Arrival("A1", "data", host_ns, ogi.pack(frame)))
    found = checked(came)
    assert found.packet_period_ms == pytest.approx(5.0 * samples, rel=0.01)
    assert any("keeps step with a connection interval" in text for text in advice(found)) == beats


class Timeless:
    """A driver of a device that tells neither time nor number."""

    name = "timeless"
    service = data = "0000ffe5-0000-1000-8000-00805f9a34fb"
    name_prefixes = ()
    counters = Counters(clock="none", tick_s=0.01, tick_bits=0, packet_bits=0, sample_bits=0)
    experimental = "all of it"

    def decode(self, payload):
        return Frame(None, None, None, 1.0, np.frombuffer(payload, "<i2").reshape(1, 6).astype(np.int16))


def test_a_device_without_a_clock_is_told_as_such():
    came = [identified(rate_hz=100.0)]
    for sample in range(1000):
        host_ns = START_NS + -(-10_000_000 * sample // 15_000_000) * 15_000_000 + 600_000
        came.append(Arrival("A1", "data", host_ns, np.full(6, sample, "<i2").tobytes()))
    found = checked(came, Subject("A1", "timeless"), Timeless())
    assert found.host_timed
    assert (found.drift_ppm, found.drift_sd_ppm) == (None, None)
    assert found.interval_ms == 15.0
    assert found.experimental == "all of it"
    assert any(text.startswith("it has no clock") for text in advice(found))


def test_a_sensor_that_never_came():
    never = checked([])
    assert (never.packets, never.packets_per_s, never.interval_ms, never.drift_ppm) == (0, None, None, None)
    assert advice(never) == (ABSENT,)
    noted = checked([Arrival("A1", "note", START_NS, b"look for ogi A1: not seen within 5 s")])
    assert advice(noted) == (f"{ABSENT} (look for ogi A1: not seen within 5 s)",)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.figure)
def test_each_rule_speaks_beyond_its_limit_and_not_at_it(rule):
    fit = checked(arrivals(Link(seconds=12.0, stalls=0.0)))
    assert advice(fit) == ()
    known = replace(fit, drift_ppm=60.0, drift_sd_ppm=5.0, packet_period_ms=15.0, last_note="why", battery_pct=50)
    beyond = 1 if rule.beyond(1, 0) else -1
    assert advice(replace(known, **{rule.figure: rule.limit})) == ()
    past = replace(known, **{rule.figure: rule.limit + beyond})
    assert advice(past) == (rule.advice.format_map(asdict(past)),)
    assert "None" not in advice(past)[0]


def blocks() -> Iterator[Counts]:
    rng = np.random.default_rng(5)
    while True:
        yield rng.integers(-32000, 32000, (40, 6), dtype=np.int16)


class Hurried(selectors.DefaultSelector):
    """Time passes only while nobody has anything to do, and then at once: so a busy computer is as good as any."""

    now_s = 1000.0

    def select(self, timeout=None):
        self.now_s += TURN_S
        ready = super().select(timeout and 0)
        if not ready and timeout:
            # what is on its way over TCP comes first
            time.sleep(ON_ITS_WAY_S)
            ready = super().select(0)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class HurriedLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._hurried = Hurried()
        super().__init__(self._hurried)

    def time(self):
        return self._hurried.now_s


def test_on_air():
    """Three are asked for: one's clock is off, one breaks off and its events are lost, one is not there."""

    async def main():
        loop, told = asyncio.get_running_loop(), []

        def now_ns():
            return round(loop.time() * NS_PER_S)

        sensors = [
            Sensor(Model(serial="A1", battery_pct=55, drift_ppm=80.0), blocks()),
            Sensor(Model(serial="B2", battery_pct=55), blocks()),
        ]
        async with Air(sensors, radio=Radio(interval_s=0.015, lost_events=0.02, seed=4)) as air:
            central = Central(
                {"ogi": Ogi()},
                client=partial(BleakClient, backend=air.client),
                scanner=partial(BleakScanner, backend=air.scanner),
                host_ns=now_ns,
            )
            before = asyncio.all_tasks()

            def tell(done_s):
                if told and told[-1] <= 30.0 < done_s:
                    assert air.disconnect(sensors[1]) == 1
                told.append(done_s)

            subjects = [Subject(serial, "ogi") for serial in ("A1", "B2", "C3")]
            found = await measure(central, subjects, {"ogi": Ogi()}, 60.0, tell=tell, first_s=2.0)
            assert asyncio.all_tasks() == before
        assert told == sorted(told)
        assert 59.0 < told[-1] < 60.0
        return found

    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        steady, broken, absent = runner.run(main())
    for one in (steady, broken):
        assert one.interval_ms == 15.0
        assert one.samples_lost == one.bad_packets == 0
        assert one.samples_per_s == pytest.approx(200.0, rel=0.002)
        assert one.packets_per_s == pytest.approx(20.0, rel=0.002)
        assert one.battery_pct == 55
        assert one.ping_ms == pytest.approx(30.0, abs=15.0)
        assert one.drift_sd_ppm < 20.0
    assert abs(steady.drift_ppm + 80.0) < 2.0 * steady.drift_sd_ppm
    assert abs(broken.drift_ppm) < 2.0 * broken.drift_sd_ppm
    assert (steady.reconnections, broken.reconnections) == (0, 1)
    assert steady.longest_silence_s < 0.1 < broken.longest_silence_s
    assert broken.last_note == "listen: the link broke"
    assert (absent.packets, absent.model) == (0, None)
    assert advice(absent)[0].startswith(ABSENT)
    assert [text.split(":")[0] for text in advice(steady)] == [
        f"its clock and this computer's differ by {steady.drift_ppm:+.0f} ± {steady.drift_sd_ppm:.0f} ppm, more than"
        " crystals do"
    ]


def test_a_driver_that_fails_ends_the_measuring():
    async def main():
        async with Air([]) as air:
            central = Central(
                {"ogi": Ogi()},
                client=partial(BleakClient, backend=air.client),
                scanner=partial(BleakScanner, backend=air.scanner),
            )
            await measure(central, [Subject("A1", "dot")], {"dot": Ogi()}, 5.0)

    with pytest.raises(NoDriver):
        asyncio.run(main())


def test_link_quality_follows_one_link():
    link = LinkQuality()
    assert (link.packets_per_s, link.silence_ns(START_NS), link.connected) == (None, 0, False)
    link.take(identified())
    assert link.connected
    for place in range(5):
        link.take(Arrival("A1", "data", START_NS + place * NS_PER_S // 4, b""))
    assert (link.packets, link.packets_per_s, link.seconds) == (5, 4.0, 1.0)
    assert link.silence_ns(START_NS + 2 * NS_PER_S) == NS_PER_S
    assert link.longest_silence_ns == NS_PER_S // 4
    link.take(Arrival("A1", "battery", START_NS, b"\xff"))
    assert link.battery_pct is None
    link.take(Arrival("A1", "lost", START_NS, b"gone"))
    assert (link.connected, link.breaks, link.last_note) == (False, 1, "gone")
