"""bleak's own BlueZ backend, unchanged, from the message bus up."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from firmware_bridge.central import STANDARD, Central
from firmware_bridge.dot import Dot
from firmware_bridge.link import Arrival, Inbox, LinkFailed
from firmware_bridge.ogi import CTRL, DATA, Ogi
from firmware_bridge.watch import Timing
from tests.firmware_bridge.central_bench import PATIENCE_S, Run, cancelled
from tests.firmware_bridge.dot_sensor import DotSensor
from tests.firmware_bridge.fake_bluez import FakeBluez, Faults, Peripheral, Refusal, close_bleak, fake_bluez
from tests.firmware_bridge.ogi_sensor import OgiSensor, Refused

QUICK = Timing(
    scan_s=1.0, connect_s=1.0, call_s=1.0, leave_s=2.0, silence_s=1.0, backoff_first_s=0.01, backoff_most_s=0.05
)

pytestmark = pytest.mark.usefixtures("system_bus")


class Bench:
    """Sensors of these serials behind bluetoothd, and what came in from them."""

    def __init__(self, *serials: str, acquire: bool = False, timing: Timing = QUICK, **options: Any) -> None:
        self.sensors: list[OgiSensor | DotSensor] = [OgiSensor(serial, **options) for serial in serials]
        self.peripherals = [peripheral(sensor, f"F0:00:00:00:00:{i:02X}") for i, sensor in enumerate(self.sensors)]
        self.central = Central({"ogi": Ogi()}, acquire=acquire, timing=timing)
        self.inbox = Inbox()
        self.arrivals: list[Arrival] = []
        self.bluez: FakeBluez

    @asynccontextmanager
    async def there(self) -> AsyncIterator[None]:
        async with fake_bluez(self.peripherals) as self.bluez:
            for sensor, one in zip(self.sensors, self.peripherals, strict=True):
                sensor.send = lambda payload, one=one, data=sensor.data: self.bluez.notify(one, data, payload)
            running = [asyncio.create_task(sensor.run()) for sensor in self.sensors]
            try:
                yield
            finally:
                await cancelled(*running)
            assert not self.bluez.discovering
            assert not self.bluez.sockets
            assert not any(self.bluez.connected(one) for one in self.peripherals)

    @asynccontextmanager
    async def supervised(self, *serials: str) -> AsyncIterator[list[asyncio.Task[None]]]:
        async with self.there():
            wanted = serials or [sensor.serial for sensor in self.sensors]
            tasks = [asyncio.create_task(self.central.supervise(serial, "ogi", self.inbox)) for serial in wanted]
            try:
                yield tasks
            finally:
                await cancelled(*tasks)
                self.look()

    def look(self) -> list[Arrival]:
        self.arrivals += self.inbox.drain()
        return self.arrivals

    def packets(self, serial: str) -> list[bytes]:
        return [one.payload for one in self.look() if (one.source, one.kind) == (serial, "data")]

    def texts(self, serial: str, *kinds: str) -> list[str]:
        return [one.payload.decode() for one in self.look() if one.source == serial and one.kind in kinds]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.005)

    async def streaming(self, serial: str, more: int = 5) -> None:
        enough = len(self.packets(serial)) + more
        await self.until(lambda: len(self.packets(serial)) >= enough)

    def check_nothing_lost(self) -> None:
        for sensor in self.sensors:
            assert self.packets(sensor.serial) == sensor.made


def peripheral(sensor: OgiSensor | DotSensor, address: str) -> Peripheral:
    def on_write(uuid: str, value: bytes) -> None:
        try:
            sensor.on_write(uuid, value)
        except Refused as slip:
            raise Refusal("org.bluez.Error.Failed", f"Operation failed with ATT error: {slip.code:#04x}") from slip

    return Peripheral(
        address,
        sensor.name,
        sensor.services,
        on_read=sensor.on_read,
        on_write=on_write,
        on_subscribe=sensor.on_subscribe,
        on_connect=sensor.on_link,
    )


BOTH_WAYS = pytest.mark.parametrize("acquire", [False, True], ids=["StartNotify", "AcquireNotify"])


@BOTH_WAYS
def test_three_sensors_at_200_hz_lose_nothing(run: Run, acquire: bool):
    seconds = 4.0

    async def main() -> None:
        bench = Bench("A1", "B2", "C3", acquire=acquire)
        async with bench.supervised():
            for sensor in bench.sensors:
                await bench.streaming(sensor.serial, 1)
            await asyncio.sleep(seconds)
        bench.check_nothing_lost()
        calls = {member for member, _ in bench.bluez.calls}
        assert ("AcquireNotify" in calls, "StartNotify" in calls) == (acquire, not acquire)
        for sensor in bench.sensors:
            arrived_ns = [one.host_ns for one in bench.arrivals if (one.source, one.kind) == (sensor.serial, "data")]
            late_ms = (np.array(arrived_ns) - sensor.made_ns) / 1e6
            assert len(arrived_ns) >= 0.8 * seconds * 20
            assert np.median(late_ms) < 50

    run(main())


@BOTH_WAYS
def test_a_link_that_breaks_between_packets(run: Run, acquire: bool):
    async def main() -> None:
        bench = Bench("A1", "B2", acquire=acquire)
        async with bench.supervised():
            for _ in range(2):
                await bench.streaming("A1")
                bench.bluez.drop(bench.peripherals[0])
            await bench.streaming("A1", 10)
        bench.check_nothing_lost()
        assert bench.texts("A1", "lost", "note") == ["listen: the link broke"] * 2
        assert bench.texts("B2", "lost", "note") == []

    run(main())


@BOTH_WAYS
def test_silence_and_a_burst(run: Run, acquire: bool):
    async def main() -> None:
        bench = Bench("A1", acquire=acquire)
        (sensor,) = bench.sensors
        async with bench.supervised():
            await bench.streaming("A1")
            sensor.mute = True
            await bench.until(lambda: bool(bench.texts("A1", "lost")))
            sensor.mute = False
            await bench.streaming("A1", 20)
            sensor.take(50)
            await bench.streaming("A1", 51)
        bench.check_nothing_lost()
        assert len(bench.texts("A1", "lost")) == 1

    run(main())


def test_a_program_that_stands_still_for_half_a_second(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2")
        async with bench.supervised():
            await bench.streaming("A1")
            await bench.streaming("B2")
            time.sleep(0.5)
            await bench.streaming("A1", 12)
        bench.check_nothing_lost()
        assert bench.texts("A1", "lost", "note") == []

    run(main())


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("absent", "look for ogi A1: not seen within 1 s"),
        ("connect_hangs", "connect: "),
        ("write_refused", "start: (<BleakGATTProtocolErrorCode.WRITE_NOT_PERMITTED: 3>, "),
        ("read_refused", "identify: (<BleakGATTProtocolErrorCode.READ_NOT_PERMITTED: 2>, "),
        ("reads_hang", "identify: no answer within 1 s"),
    ],
)
def test_faults_of_one_sensor_are_told_and_got_over_and_touch_no_other(run: Run, fault: str, told: str):
    async def main() -> None:
        bench = Bench("A1", "B2")
        setattr(bench.peripherals[0].faults, fault, True)
        async with bench.supervised():
            await bench.until(lambda: len(bench.texts("A1", "note", "lost")) >= 2)
            await bench.streaming("B2")
            bench.peripherals[0].faults = Faults()
            await bench.streaming("A1")
        assert [text for text in bench.texts("A1", "note", "lost") if not text.startswith(told)] == []
        assert bench.texts("B2", "lost") == []
        bench.check_nothing_lost()

    run(main())


def test_a_sensor_that_was_in_the_air_and_vanishes_before_the_connection(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised():
            await bench.streaming("A1")
            bench.peripherals[0].faults.absent = True
            bench.bluez.drop(bench.peripherals[0])
            await bench.until(lambda: len(bench.texts("A1", "note")) >= 1)
            bench.peripherals[0].faults.absent = False
            await bench.streaming("A1", 20)
        bench.check_nothing_lost()

    run(main())


def test_an_mtu_too_small_for_a_sample_is_told(run: Run):
    async def main() -> None:
        bench = Bench("A1", mtu=23)
        async with bench.supervised():
            await bench.until(lambda: bool(bench.texts("A1", "lost")))
        assert "start: (<BleakGATTProtocolErrorCode" in bench.texts("A1", "lost")[0]
        assert bench.packets("A1") == []

    run(main())


@BOTH_WAYS
def test_an_mtu_of_29_carries_one_sample_a_packet(run: Run, acquire: bool):
    async def main() -> None:
        bench = Bench("A1", mtu=29, n=1, ring=2048, acquire=acquire)
        async with bench.supervised():
            await bench.streaming("A1", 400)
        bench.check_nothing_lost()
        assert {len(packet) for packet in bench.packets("A1")} == {26}

    run(main())


def test_the_serial_decides_whatever_the_address(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2")
        for one in bench.peripherals:
            one.name = "OGI"
        bench.peripherals[0].faults.absent = True
        async with bench.supervised("A1"):
            await bench.until(lambda: bool(bench.texts("A1", "note")))
            bench.peripherals[0].faults.absent = False
            await bench.streaming("A1")
        assert bench.texts("A1", "note")[0] == "connected to B2; want A1: on to the next"
        assert bench.packets("A1") == bench.sensors[0].made
        assert bench.sensors[1].heard == ["connect", "identify", "disconnect"]

    run(main())


@pytest.mark.parametrize("acquire", [False, True])
@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.01, 0.02, 0.03, 0.035, 0.04, 0.045, 0.05, 0.06, 0.08, 0.2])
def test_cancelled_at_any_moment_nothing_stays_connected(run: Run, acquire: bool, after_s: float):
    async def main() -> None:
        bench = Bench("A1", "B2", acquire=acquire)
        async with bench.supervised():
            await asyncio.sleep(after_s)
        for sensor in bench.sensors:
            assert sensor.heard.count("connect") == sensor.heard.count("disconnect")
            assert sensor.heard.count("start") == sensor.heard.count("stop")

    run(main())


def test_cancelled_while_bluez_begins_to_scan_it_scans_no_longer(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised() as (task,):
            bench.bluez.on_discovery = task.cancel
            await asyncio.wait({task}, timeout=PATIENCE_S)
            assert task.cancelled()

    run(main())


@BOTH_WAYS
def test_cancelled_while_bluez_hands_over_the_data_no_socket_stays_open(run: Run, acquire: bool):
    async def main() -> None:
        bench = Bench("A1", acquire=acquire)
        async with bench.supervised() as (task,):
            bench.peripherals[0].on_subscribe = lambda uuid, on: task.cancel() if on else False
            await asyncio.wait({task}, timeout=PATIENCE_S)
            assert task.cancelled()
        assert bench.texts("A1", "note") == []

    run(main())


def test_find(run: Run):
    async def main() -> None:
        bench = Bench("A1", "B2")
        bench.peripherals[1].faults.read_refused = True
        async with bench.there():
            found = await bench.central.find(0.1)
        assert [(one.driver, one.name, one.serial, one.rssi) for one in found] == [
            ("ogi", "OGI-A1", "A1", -50),
            ("ogi", "OGI-B2", None, -50),
        ]
        assert found[1].problem is not None
        assert "Read Not Permitted" in found[1].problem

    run(main())


def test_a_dot_that_advertises_no_service_is_found_by_its_name(run: Run):
    """bluetoothd shows a scan that asks for services only what offers one."""
    serial = "0000D422CD00AAAA"

    async def main() -> None:
        bench = Bench("A1")
        ogi_only, bench.central = bench.central, Central({"ogi": Ogi(), "dot": Dot()})
        bench.sensors.append(DotSensor(serial))
        bench.peripherals.append(peripheral(bench.sensors[1], "F0:00:00:00:00:D0"))
        bench.peripherals[1].advertises = False
        async with bench.there():
            assert [one.serial for one in await ogi_only.find(0.1)] == ["A1"]
            assert [(one.driver, one.serial) for one in await bench.central.find(0.1)] == [
                ("dot", serial),
                ("ogi", "A1"),
            ]
            task = asyncio.create_task(bench.central.supervise(serial, "dot", bench.inbox))
            await bench.streaming(serial, 30)
            await cancelled(task)
        assert bench.packets(serial) == bench.sensors[1].made
        assert bench.texts(serial, "note", "lost") == []

    run(main())


def test_treadmill_and_heart_rate_beside_a_sensor(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        aside = []
        for number, (standard, (service, characteristic)) in enumerate(STANDARD.items(), 1):
            # a real treadmill can be steered: the control point is there to be left alone
            offers = {service: {characteristic: ["notify"], "00002ad9-0000-1000-8000-00805f9b34fb": ["write"]}}
            aside.append((standard, characteristic, Peripheral(f"F1:00:00:00:00:0{number}", standard, offers)))
        bench.peripherals += [one for _, _, one in aside]
        async with fake_bluez(bench.peripherals) as bench.bluez:
            (sensor,) = bench.sensors
            sensor.send = lambda payload: bench.bluez.notify(bench.peripherals[0], DATA, payload)
            tasks = [asyncio.create_task(bench.central.supervise("A1", "ogi", bench.inbox))]
            tasks += [asyncio.create_task(bench.central.listen(standard, bench.inbox)) for standard, _, _ in aside]
            running = asyncio.create_task(sensor.run())
            for _, characteristic, one in aside:
                await bench.until(lambda c=characteristic, p=one: bench.bluez.notify(p, c, b"\x00\x48"))
            await bench.streaming("A1")
            await cancelled(*tasks)
            await cancelled(running)
        for standard, _, one in aside:
            assert [a.payload for a in bench.look() if (a.source, a.kind) == (standard, standard)] == [b"\x00\x48"]
            assert one.writes == []
        assert {uuid for uuid, _ in bench.peripherals[0].writes} == {CTRL}

    run(main())


def test_a_message_bus_without_bluetoothd(run: Run):
    async def main() -> None:
        with pytest.raises(LinkFailed, match="scan: "):
            await Central({"ogi": Ogi()}, timing=QUICK).find(0.1)
        await close_bleak()

    run(main())
