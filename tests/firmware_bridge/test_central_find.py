"""What a `Central` finds in the air, and that it takes nothing for what it is not."""

import asyncio
from typing import Any

import pytest
from bleak.exc import BleakError

from firmware_bridge.central import STANDARD, NoDriver
from firmware_bridge.link import Inbox
from firmware_bridge.ogi import DATA, Ogi
from firmware_bridge.watch import Timing
from tests.firmware_bridge.central_bench import QUICK, Bench, Run, cancelled, fields_of


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


DOTS = ("0000D422CD00AAAA", "0000D422CD00BBBB")


def test_a_device_that_advertises_no_service_is_found_by_its_name(run: Run):
    async def main() -> None:
        bench = Bench("A1", dots=DOTS)
        for device, name in zip(bench.devices[1:], ("Movella DOT", "XSENS dot"), strict=True):
            device.advertises, device.sensor.name = False, name
        found = await bench.central.find(0.05)
        assert [(one.driver, one.name, one.serial, one.problem) for one in found] == [
            ("dot", "Movella DOT", DOTS[0], None),
            ("dot", "XSENS dot", DOTS[1], None),
            ("ogi", "OGI-A1", "A1", None),
        ]
        async with bench.supervised("A1", DOTS[1]):
            await bench.streaming("A1")
            await bench.streaming(DOTS[1])
            bench.devices[2].drop()
            await bench.until(lambda: len(bench.of(DOTS[1], "identified")) == 2)
            await bench.streaming(DOTS[1])
        assert bench.dots[0].heard == ["connect", "identify", "disconnect"]
        assert set(bench.packets(DOTS[1])) <= set(bench.dots[1].made)
        assert bench.texts(DOTS[1], "note") == []

    run(main())


def test_what_shows_neither_service_nor_name_is_left_alone(run: Run):
    async def main() -> None:
        bench = Bench("A1", dots=DOTS)
        # a driver that gives no names goes by its service alone, whatever the device is called
        for device, name in zip(bench.devices, ("OGI-A1", "Somebody's phone", ""), strict=True):
            device.advertises, device.sensor.name = False, name
        assert await bench.central.find(0.05) == []
        async with bench.supervised():
            await bench.until(lambda: all(bench.texts(serial, "note") for serial in ("A1", *DOTS)))
        assert bench.radio.connects == []

    run(main())


@pytest.mark.parametrize("dots", [(), DOTS])
def test_only_where_names_are_of_account_all_that_is_in_the_air_is_heard(run: Run, dots: tuple[str, ...]):
    async def main() -> None:
        bench = Bench("A1", dots=dots)
        await bench.central.find(0.02)
        services = sorted({Ogi.service, *(service for service, _ in STANDARD.values())})
        assert bench.radio.scans == [None if dots else services]

    run(main())


def test_a_driver_that_is_not_installed(run: Run):
    async def main() -> None:
        with pytest.raises(NoDriver, match="no driver 'dot'; there are ogi"):
            await Bench("A1").central.supervise("A1", "dot", Inbox())

    run(main())
