"""What a `Central` does with sensors that stream."""

import asyncio
import json
import time

import numpy as np
from bleak.exc import BleakError

from firmware_bridge.link import Ping, host_ns
from firmware_bridge.ogi import DATA, SYNC
from firmware_bridge.watch import Timing
from tests.firmware_bridge.central_bench import QUICK, Bench, Run, fields_of


def test_three_sensors_stream_in_order_and_nothing_is_lost(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2", "C3", rate_hz=200.0)
        async with bench.supervised():
            await asyncio.sleep(2)
        for sensor in bench.sensors:
            assert len(sensor.made) > 20
            assert bench.packets(sensor.serial) == sensor.made
        stamps = [one.host_ns for one in bench.arrivals]
        assert stamps == sorted(stamps)

    run(main())


def test_it_identifies_then_subscribes_then_starts_and_at_the_end_stops_unsubscribes_disconnects(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
        assert bench.sensors[0].heard == [
            "connect", "identify", "subscribe", "start", "stop", "unsubscribe", "disconnect",
        ]  # fmt: skip
        kinds = [one.kind for one in bench.arrivals if one.kind not in {"data", "ping", "battery"}]
        assert kinds == ["connected", "identified"]
        assert json.loads(bench.of("A1", "identified")[0].payload)["serial"] == "A1"

    run(main())


def test_its_clock_is_asked_eight_times_after_each_connect_and_then_now_and_then(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            for _ in range(2):
                before = len(bench.of("A1", "ping"))
                await bench.until(lambda n=before + 10: len(bench.of("A1", "ping")) >= n)
                apart_s = np.diff([one.host_ns for one in bench.of("A1", "ping")[before:]]) / 1e9
                assert (apart_s[:7] > 0.9 * QUICK.first_ping_every_s).all()
                assert apart_s[:7].sum() < 7 * QUICK.ping_every_s
                assert (apart_s[7:] > 0.9 * QUICK.ping_every_s).all()
                bench.devices[0].drop()
            assert {one.payload for one in bench.of("A1", "battery")} == {b"\x5a"}
        for arrival in bench.of("A1", "ping"):
            ping = Ping.unpack(arrival.payload)
            assert (
                ping.before_ns // 1000 <= ping.ticks + (ping.before_ns // 1000 >> 32 << 32) <= arrival.host_ns // 1000
            )

    run(main())


def test_a_link_that_breaks_is_made_again_and_the_rest_is_asked_for(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2")
        async with bench.supervised():
            for _ in range(3):
                await bench.streaming("A1")
                bench.devices[0].drop()
            await bench.streaming("A1")
        for sensor in bench.sensors:
            assert bench.packets(sensor.serial) == sensor.made
        assert bench.texts("A1", "lost") == ["listen: the link broke"] * 3
        assert not bench.of("B2", "lost")
        again = bench.sensors[0].heard[5:10]
        assert [step.split()[0] for step in again] == ["connect", "identify", "subscribe", "resend", "start"]

    run(main())


def test_the_resend_starts_after_the_last_good_packet(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
            good = len(bench.packets("A1"))
            bench.sensors[0].mute = True
            bench.devices[0].notify(DATA, b"damaged")
            bench.devices[0].notify(DATA, b"")
            bench.devices[0].drop()
            bench.sensors[0].mute = False
            await bench.streaming("A1", 10)
        assert f"resend {good}" in bench.sensors[0].heard
        assert [one for one in bench.packets("A1") if len(one) > 7] == bench.sensors[0].made
        assert b"damaged" in bench.packets("A1"), "what can't be decoded is in the log all the same"

    run(main())


def test_a_resend_that_was_refused_is_asked_for_again_from_the_same_packet(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
            bench.devices[0].fails["resend"] = [BleakError("no"), BleakError("no")]
            bench.devices[0].drop()
            await bench.streaming("A1", 10)
        assert bench.texts("A1", "lost")[1:] == ["ask for a resend: no"] * 2
        assert bench.packets("A1") == bench.sensors[0].made

    run(main())


def test_silence_is_noticed_and_the_link_made_anew(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
            bench.sensors[0].mute = True
            await bench.until(lambda: len(bench.of("A1", "lost")) == 1)
            bench.sensors[0].mute = False
            await bench.streaming("A1", 20)
        assert bench.texts("A1", "lost")[0].startswith("listen: no data for 0.4")
        assert bench.packets("A1") == bench.sensors[0].made
        assert bench.sensors[0].heard.count("stop") == 1, "it was not stopped, so it went on into its ring"

    run(main())


def test_a_sensor_that_never_sends_is_silent_too(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        bench.sensors[0].mute = True
        async with bench.supervised():
            await bench.until(lambda: len(bench.of("A1", "lost")) == 2)

    run(main())


def test_a_computer_that_stood_still_does_not_blame_the_sensor(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
            bench.sensors[0].mute = True
            time.sleep(2 * QUICK.silence_s)
            await asyncio.sleep(QUICK.silence_s / 4)
            bench.sensors[0].mute = False
            await bench.streaming("A1", 10)
        assert not bench.of("A1", "lost")
        assert bench.packets("A1") == bench.sensors[0].made

    run(main())


HALF_AN_HOUR_NS = 1800 * 10**9
PATIENT = Timing(**{**fields_of(QUICK), "silence_s": 1.0})


class Slept:
    """The host's clock of a computer that sleeps when it is told to; the event loop's stands still meanwhile."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return host_ns() + self.ns

    def sleep(self) -> None:
        self.ns += HALF_AN_HOUR_NS


def test_a_computer_that_slept_does_not_blame_the_sensor(run: Run):
    async def main() -> None:
        clock = Slept()
        bench = Bench("A1", timing=PATIENT, host_ns=clock)
        async with bench.supervised():
            await bench.streaming("A1")
            bench.sensors[0].mute = True
            clock.sleep()
            await asyncio.sleep(1.2 * PATIENT.silence_s)
            bench.sensors[0].mute = False
            await bench.streaming("A1", 10)
        assert not bench.of("A1", "lost")
        assert bench.packets("A1") == bench.sensors[0].made
        gaps = np.diff([one.host_ns for one in bench.of("A1", "data")])
        assert (gaps > HALF_AN_HOUR_NS).sum() == 1, "the night is a gap in time"

    run(main())


def test_a_sensor_that_is_silent_after_the_computer_slept_is_lost_and_found(run: Run):
    async def main() -> None:
        clock = Slept()
        bench = Bench("A1", "B2", timing=PATIENT, host_ns=clock)
        async with bench.supervised():
            await bench.streaming("A1")
            await bench.streaming("B2")
            clock.sleep()
            bench.sensors[0].mute = True
            bench.devices[1].drop()
            await bench.until(lambda: bool(bench.of("A1", "lost")))
            bench.sensors[0].mute = False
            await bench.streaming("A1", 10)
            await bench.streaming("B2", 10)
        (silent,) = bench.texts("A1", "lost")
        assert silent.startswith("listen: no data for 1."), "for as long as somebody listened"
        assert bench.texts("B2", "lost") == ["listen: the link broke"]
        for sensor in bench.sensors:
            assert bench.packets(sensor.serial) == sensor.made

    run(main())


def test_a_ping_in_which_the_computer_slept_is_left_out(run: Run):
    async def main() -> None:
        clock = Slept()
        bench = Bench("A1", host_ns=clock)
        (sensor,) = bench.sensors
        read = sensor.on_read

        def on_read(uuid: str) -> bytes:
            if uuid == SYNC and len(bench.of("A1", "ping")) == 3 and not clock.ns:
                clock.sleep()
            return read(uuid)

        sensor.on_read = on_read
        async with bench.supervised():
            await bench.until(lambda: len(bench.of("A1", "ping")) == 8)
        assert bench.texts("A1", "note") == ["ask for its clock: answered after 1800.0 s; left out"]
        pings = [(Ping.unpack(one.payload), one.host_ns) for one in bench.of("A1", "ping")]
        assert all(0 <= after_ns - ping.before_ns <= QUICK.call_s * 1e9 for ping, after_ns in pings)
        assert not bench.of("A1", "lost")

    run(main())


def test_fifty_packets_at_once(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
            bench.sensors[0].take(50)
        assert bench.packets("A1") == bench.sensors[0].made

    run(main())
