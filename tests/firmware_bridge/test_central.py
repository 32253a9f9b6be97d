import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError

from firmware_bridge.central import STANDARD, Central, NoDriver
from firmware_bridge.link import Arrival, Inbox, Kind, LinkFailed, Ping, within
from firmware_bridge.ogi import DATA, Ogi
from firmware_bridge.watch import Backoff, Timing
from tests.firmware_bridge.fake_radio import Device, Radio
from tests.firmware_bridge.ogi_sensor import OgiSensor

Run = Callable[[Coroutine[Any, Any, None]], None]

QUICK = Timing(
    scan_s=0.1,
    connect_s=0.2,
    call_s=0.2,
    leave_s=0.2,
    silence_s=0.4,
    ping_every_s=0.2,
    backoff_first_s=0.01,
    backoff_most_s=0.04,
    fresh_s=0.5,
)
PATIENCE_S = 20.0
"""However busy the machine is; nothing waits that long."""


class Bench:
    """Sensors of these serials on a fake radio, a central, and what came in."""

    def __init__(self, *serials: str, timing: Timing = QUICK, rate_hz: float = 1000.0) -> None:
        self.sensors = [OgiSensor(serial, rate_hz=rate_hz, ring=1024) for serial in serials]
        self.devices = [Device(sensor, f"F0:{i:02}") for i, sensor in enumerate(self.sensors)]
        self.radio = Radio(self.devices)
        self.central = Central({"ogi": Ogi()}, client=self.radio.client, scanner=self.radio.scanner, timing=timing)
        self.inbox = Inbox()
        self.arrivals: list[Arrival] = []

    @asynccontextmanager
    async def supervised(self, *serials: str) -> AsyncIterator[list[asyncio.Task[None]]]:
        wanted = serials or [sensor.serial for sensor in self.sensors]
        tasks = [asyncio.create_task(self.central.supervise(serial, "ogi", self.inbox)) for serial in wanted]
        running = [asyncio.create_task(sensor.run()) for sensor in self.sensors]
        try:
            yield tasks
        finally:
            await cancelled(*tasks)
            await cancelled(*running)
            self.look()
            assert not self.radio.overlaps
            assert not self.radio.scanning

    def look(self) -> list[Arrival]:
        self.arrivals += self.inbox.drain()
        return self.arrivals

    def of(self, serial: str, kind: Kind) -> list[Arrival]:
        return [one for one in self.look() if (one.source, one.kind) == (serial, kind)]

    def texts(self, serial: str, kind: Kind) -> list[str]:
        return [one.payload.decode() for one in self.of(serial, kind)]

    def packets(self, serial: str) -> list[bytes]:
        return [one.payload for one in self.of(serial, "data")]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.002)

    async def streaming(self, serial: str, more: int = 5) -> None:
        enough = len(self.packets(serial)) + more
        await self.until(lambda: len(self.packets(serial)) >= enough)


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError)


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


def test_its_clock_is_asked_five_times_and_then_now_and_then(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.until(lambda: len(bench.of("A1", "ping")) == 5)
            began_ns = time.monotonic_ns()
            await bench.until(lambda: len(bench.of("A1", "ping")) == 6)
            assert time.monotonic_ns() - began_ns > QUICK.ping_every_s * 0.9e9
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


def test_fifty_packets_at_once(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
            bench.sensors[0].take(50)
        assert bench.packets("A1") == bench.sensors[0].made

    run(main())


def test_an_address_is_never_trusted(run: Run):
    """Two sensors swap addresses while they are gone: each is found by what it says."""

    async def main() -> None:
        bench = Bench("A1", "B2")
        first, second = bench.devices
        second.absent = True
        async with bench.supervised("A1"):
            await bench.streaming("A1")
            first.absent = True
            first.drop()
            first.sensor.name = second.sensor.name = "OGI"
            first.sensor, second.sensor = second.sensor, first.sensor
            for device in bench.devices:
                device.sensor.send = lambda payload, device=device: device.notify(DATA, payload)
            first.absent = False
            await bench.until(lambda: bool(bench.texts("A1", "note")))
            second.absent = False
            await bench.streaming("A1", 10)
        assert bench.packets("A1") == bench.sensors[0].made
        assert not bench.packets("B2")
        assert bench.texts("A1", "note")[0] == "connected to B2; want A1: on to the next"

    run(main())


def test_a_stranger_is_never_taken_for_the_sensor(run: Run):
    async def main() -> None:
        bench = Bench("X9")
        bench.sensors[0].name = "OGI-A1"
        async with bench.supervised("A1"):
            await bench.until(lambda: len(bench.texts("A1", "note")) > 4)
        assert not bench.of("A1", "identified")
        assert not bench.of("A1", "data")
        assert bench.sensors[0].heard == ["connect", "identify", "disconnect"], "asked once, then known"

    run(main())


def test_an_address_is_asked_again_after_a_while(run: Run):
    async def main() -> None:
        bench = Bench("X9", timing=Timing(**{**fields_of(QUICK), "trust_s": 0.3}))
        async with bench.supervised("A1"):
            await bench.until(lambda: bench.sensors[0].heard.count("identify") == 1)
            bench.sensors[0].serial = "A1"
            await bench.streaming("A1")

    run(main())


def fields_of(timing: Timing) -> dict[str, float]:
    return {name: getattr(timing, name) for name in Timing.__dataclass_fields__}


def test_a_stranger_that_cannot_be_connected_does_not_bar_the_way(run: Run):
    async def main() -> None:
        bench = Bench("X9", "A1")
        bench.sensors[0].name = bench.sensors[1].name = ""
        bench.devices[0].rssi = -30
        bench.devices[0].hangs.add("connect")
        async with bench.supervised("A1"):
            await bench.streaming("A1")
        assert bench.texts("A1", "note")[0] == "a nameless device: connect: no answer within 0.2 s"

    run(main())


@pytest.mark.parametrize("step", ["connect", "identify", "subscribe", "start"])
@pytest.mark.parametrize(
    "slip",
    [BleakError("Not permitted"), TimeoutError(), OSError(32, "Broken pipe"), EOFError(), KeyError("path"),
     AssertionError(), asyncio.CancelledError()],
    ids=repr,
)  # fmt: skip
def test_whatever_a_backend_throws_the_sensor_is_tried_again_and_others_never_notice(run: Run, step: str, slip: Any):
    async def main() -> None:
        bench = Bench("A1", "B2")
        bench.devices[0].fails[step] = [slip, slip]
        async with bench.supervised():
            await bench.streaming("A1", 10)
        told = bench.texts("A1", "lost" if step in {"subscribe", "start"} else "note")
        assert len(told) == 2
        assert all(text.startswith(f"{step}: ") for text in told)
        for sensor in bench.sensors:
            assert bench.packets(sensor.serial) == sensor.made
        assert {one.kind for one in bench.arrivals if one.source == "B2"} <= {
            "connected", "identified", "data", "ping", "battery",
        }  # fmt: skip

    run(main())


@pytest.mark.parametrize("step", ["connect", "identify", "subscribe", "start", "resend"])
def test_a_step_that_hangs_is_given_up(run: Run, step: str):
    async def main() -> None:
        bench = Bench("A1")
        if step != "resend":
            bench.devices[0].hangs.add(step)
        async with bench.supervised():
            if step == "resend":
                await bench.streaming("A1")
                bench.devices[0].hangs.add(step)
                bench.devices[0].drop()
            await asyncio.wait_for(bench.devices[0].entered.wait(), PATIENCE_S)
            bench.devices[0].hangs.clear()
            await bench.streaming("A1")
        assert any(
            "no answer within 0.2 s" in one.payload.decode() for one in bench.arrivals if one.kind in {"lost", "note"}
        )
        assert bench.packets("A1") == bench.sensors[0].made

    run(main())


def test_a_clock_or_battery_that_refuses_costs_no_data(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        bench.devices[0].fails |= {"ping": BleakError("Read not permitted"), "read": BleakError("Not supported")}
        async with bench.supervised():
            await bench.streaming("A1", 10)
        assert not bench.of("A1", "lost")
        assert {"ask for its clock: Read not permitted", "ask for its battery: Not supported"} == set(
            bench.texts("A1", "note")
        )

    run(main())


STATES = ["scan", "absent", "connect", "identify", "subscribe", "start", "streaming", "ping", "backoff"]


@pytest.mark.parametrize("state", STATES)
def test_cancelled_in_any_state_it_leaves_nothing(run: Run, state: str):
    async def main() -> None:
        timing = Timing(
            **{**fields_of(QUICK), "backoff_first_s": 60.0, "connect_s": 60.0, "call_s": 60.0, "scan_s": 60.0}
        )
        bench = Bench("A1", timing=timing)
        (device,) = bench.devices
        device.hangs.add(state)
        bench.radio.scan_hangs = state == "scan"
        device.absent = state == "absent"
        async with bench.supervised():
            if state == "scan":
                await bench.radio.entered.wait()
            elif state == "absent":
                await bench.until(lambda: bench.radio.scanning == 1)
            elif state in {"streaming", "backoff"}:
                await bench.streaming("A1")
            else:
                await device.entered.wait()
            if state == "backoff":
                device.absent = True
                device.drop()
                await bench.until(lambda: bool(bench.of("A1", "lost")))
        assert device.client is None
        assert not bench.texts("A1", "note")
        heard = device.sensor.heard
        if state in {"streaming", "ping"}:
            assert heard[-3:] == ["stop", "unsubscribe", "disconnect"]
        assert heard.count("connect") == heard.count("disconnect")

    run(main())


@pytest.mark.parametrize("step", ["stop", "unsubscribe", "disconnect"])
@pytest.mark.parametrize("how", ["hangs", "fails"])
def test_an_end_that_goes_wrong_still_ends_and_says_so(run: Run, step: str, how: str):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised() as tasks:
            await bench.streaming("A1")
            if how == "hangs":
                bench.devices[0].hangs.add(step)
            else:
                bench.devices[0].fails[step] = BleakError("gone mad")
            began_s = time.monotonic()
            await cancelled(*tasks)
            assert time.monotonic() - began_s < 2
        why = "no answer within 0.2 s" if how == "hangs" else "gone mad"
        assert bench.texts("A1", "note") == [f"{step}: {why}"]
        if step != "disconnect":
            assert bench.devices[0].client is None

    run(main())


def test_cancelled_twice_it_still_disconnects(run: Run):
    async def main() -> None:
        bench = Bench("A1", timing=Timing(**{**fields_of(QUICK), "leave_s": 60.0}))
        async with bench.supervised() as (task,):
            await bench.streaming("A1")
            bench.devices[0].hangs.add("stop")
            task.cancel()
            await bench.devices[0].entered.wait()
            task.cancel()
            await asyncio.wait({task}, timeout=PATIENCE_S)
            assert task.cancelled()
        assert bench.devices[0].client is None

    run(main())


def test_a_lost_sensor_is_found_while_another_is_absent(run: Run):
    """The scan for the absent one serves the other: it waits for no window to end."""

    async def main() -> None:
        bench = Bench("A1", "B2", timing=Timing(**{**fields_of(QUICK), "scan_s": 60.0}))
        bench.devices[1].absent = True
        async with bench.supervised():
            await bench.streaming("A1")
            await bench.until(lambda: bench.radio.scanning == 1)
            bench.devices[0].drop()
            await asyncio.wait_for(bench.streaming("A1", 10), 5)
            bench.devices[1].absent = False
            await bench.streaming("B2")
        assert bench.packets("A1") == bench.sensors[0].made

    run(main())


def test_pauses_double_up_to_a_limit_with_jitter_of_their_own():
    timing = Timing(backoff_first_s=0.1, backoff_most_s=10.0)
    limits = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    one, same, other = (Backoff(timing, [seed]) for seed in (1, 1, 2))
    pauses = [one.next_s() for _ in limits]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True))
    assert pauses == [same.next_s() for _ in limits]
    assert pauses != [other.next_s() for _ in limits]
    one.reset()
    assert one.next_s() <= 0.1


def test_pauses_grow_until_data_came(run: Run, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []

    class Noted(Backoff):
        def reset(self) -> None:
            calls.append("reset")

        def next_s(self) -> float:
            calls.append("next")
            return 0.001

    async def main() -> None:
        monkeypatch.setattr("firmware_bridge.central.Backoff", Noted)
        bench = Bench("A1")
        bench.devices[0].fails["start"] = [BleakError("no")] * 3
        async with bench.supervised():
            await bench.streaming("A1")
            bench.devices[0].drop()
            await bench.streaming("A1")

    run(main())
    assert calls == ["next", "next", "next", "reset", "next"]


def test_without_bluetooth_it_says_so_and_goes_on_trying(run: Run):
    class Off:
        def __init__(self, **_: Any) -> None: ...

        async def start(self) -> None:
            raise BleakBluetoothNotAvailableError(
                "No Bluetooth adapters found.", BleakBluetoothNotAvailableReason.UNKNOWN
            )

        async def stop(self) -> None: ...

    async def main() -> None:
        central, inbox = Central({"ogi": Ogi()}, scanner=Off, timing=QUICK), Inbox()
        with pytest.raises(LinkFailed, match="No Bluetooth adapters found"):
            await central.find(0.01)
        task = asyncio.create_task(central.supervise("A1", "ogi", inbox))
        first, *_ = await inbox.take()
        assert (first.kind, first.source) == ("note", "A1")
        assert b"No Bluetooth adapters found" in first.payload
        await inbox.take()
        await cancelled(task)

    run(main())


def test_find_lists_who_is_there_and_why_not(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2", "C3")
        bench.devices[1].hangs.add("connect")
        bench.devices[2].fails["identify"] = BleakError("Not permitted")
        found = await bench.central.find(0.05)
        assert [(one.driver, one.name, one.serial, one.rssi) for one in found] == [
            ("ogi", "OGI-A1", "A1", -50),
            ("ogi", "OGI-B2", None, -50),
            ("ogi", "OGI-C3", None, -50),
        ]
        assert [one.problem for one in found] == [None, "connect: no answer within 0.2 s", "identify: Not permitted"]
        assert all(device.client is None for device in bench.devices)

    run(main())


def test_find_leaves_a_streaming_sensor_alone(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2")
        async with bench.supervised("A1"):
            await bench.streaming("A1")
            bench.radio.shows_connected = True
            assert [one.serial for one in await bench.central.find(0.05)] == ["A1", "B2"]
            await bench.streaming("A1")
        assert bench.radio.connects.count("F0:00") == 1
        assert not bench.of("A1", "lost")

    run(main())


def test_the_search_for_one_sensor_leaves_a_streaming_one_alone(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2", timing=Timing(**{**fields_of(QUICK), "trust_s": 0.0}))
        bench.radio.shows_connected = True
        bench.devices[1].absent = True
        async with bench.supervised():
            await bench.streaming("A1")
            await bench.until(lambda: len(bench.texts("B2", "note")) >= 2)
        assert bench.radio.connects == ["F0:00"]
        assert set(bench.texts("B2", "note")) == {"look for ogi B2: not seen within 0.1 s"}

    run(main())


@pytest.mark.parametrize("standard", list(STANDARD))
def test_treadmills_and_straps_are_listened_to_and_never_written_to(run: Run, standard: Any):
    service, characteristic = STANDARD[standard]

    async def main() -> None:
        bench = Bench("belt", "other")
        for device in bench.devices:
            device.services = {service: {characteristic: ["notify"]}}
        bench.sensors[1].name = "Gym 7"
        inbox = bench.inbox
        task = asyncio.create_task(bench.central.listen(standard, inbox, name="Gym 7"))
        device = bench.devices[1]
        await bench.until(lambda: device.notify(characteristic, b"\x04\x00\x2c\x01"))
        device.drop()
        await bench.until(lambda: device.notify(characteristic, b"\x04\x00\x2d\x01"))
        assert [(one.driver, one.serial) for one in await bench.central.find(0.05)] == [(standard, None)]
        await cancelled(task)
        assert [(one.source, one.kind, one.payload) for one in bench.look()] == [
            (standard, "connected", b"Gym 7"),
            (standard, standard, b"\x04\x00\x2c\x01"),
            (standard, "lost", b"listen: the link broke"),
            (standard, "connected", b"Gym 7"),
            (standard, standard, b"\x04\x00\x2d\x01"),
        ]
        assert not bench.sensors[0].heard
        assert bench.sensors[1].heard == ["connect", "disconnect"] * 2, "nothing was read or written"

    run(main())


def test_a_driver_that_is_not_installed(run: Run):
    async def main() -> None:
        with pytest.raises(NoDriver, match="no driver 'dot'; there are ogi"):
            await Bench("A1").central.supervise("A1", "dot", Inbox())

    run(main())


def test_an_inbox_without_room_counts_and_says_where():
    inbox = Inbox(room=3)
    arrivals = [Arrival("A1", "data", ns, b"") for ns in range(6)]
    for arrival in arrivals[:5]:
        inbox.put(arrival)
    assert inbox.overflowed == 2
    assert inbox.drain() == [*arrivals[:3], Arrival("", "overflow", 2, b"2")]
    inbox.put(arrivals[5])
    assert inbox.drain() == [arrivals[5]]
    assert inbox.drain() == []


def test_an_inbox_hands_over_as_soon_as_there_is_something(run: Run):
    async def main() -> None:
        inbox = Inbox()
        taking = asyncio.create_task(inbox.take())
        await asyncio.sleep(0.01)
        assert not taking.done()
        inbox.put(Arrival("A1", "data", 1, b"x"))
        assert await taking == [Arrival("A1", "data", 1, b"x")]
        assert len(inbox) == 0

    run(main())


def test_a_call_that_will_not_be_cancelled_is_left_behind_in_time(run: Run, monkeypatch: pytest.MonkeyPatch):
    """As bleak does when the daemon it asks to give up a connection does not answer either."""
    monkeypatch.setattr("firmware_bridge.link.GRACE_S", 0.05)
    tidied = []

    async def stubborn() -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
            tidied.append(True)

    async def main() -> None:
        began_s = time.monotonic()
        with pytest.raises(LinkFailed, match=r"connect: no answer within 0\.05 s"):
            await within(0.05, "connect", stubborn())
        assert time.monotonic() - began_s < 1
        assert tidied == [True, True]

    run(main())
