"""The air of the emulator: shadows, broken links, hosts that come and go."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from firmware_bridge import ogi
from firmware_bridge.emulator.air import Air, NotEntered
from firmware_bridge.emulator.bleak_backend import Host
from firmware_bridge.emulator.radio import BadRadio, Radio
from firmware_bridge.emulator.sensor import Counts, Model, Sensor
from firmware_bridge.packets import Frame
from tests.firmware_bridge.emulator_bench import (
    BUSY,
    FAST_HZ,
    OGI,
    Run,
    Told,
    assert_same,
    drained,
    find,
    linked,
    rows_of,
    until,
)


def test_a_passive_scan_hears_no_names(run: Run) -> None:
    async def session() -> None:
        async with Air([Told().sensor]) as air:
            scanner = BleakScanner(scanning_mode="passive", backend=air.scanner)
            async with scanner:
                await until(lambda: bool(scanner.discovered_devices))
            [(_, seen)] = scanner.discovered_devices_and_advertisement_data.values()
            assert (seen.local_name, seen.service_uuids) == (None, [ogi.SERVICE])

    run(session())


def test_a_shadow_delays_and_loses_nothing(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=1500)
        frames: list[Frame] = []
        async with Air([told.sensor], radio=Radio(interval_s=0.015)) as air, linked(air, told, frames) as client:
            await OGI.start(client, None)
            await until(lambda: len(frames) > 5)
            air.shadow(told.sensor, 0.4)
            await asyncio.sleep(0.05)  # what was in the host's hands arrives
            before = len(frames)
            await asyncio.sleep(0.25)
            assert len(frames) == before
            await drained(told, frames)
        assert_same(rows_of(frames), told.rows())
        assert len(told.rows()) == 1500

    run(session())


def test_a_shadow_beyond_supervision_breaks_the_link(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=2000, held_packets=250)
        frames: list[Frame] = []
        async with Air([told.sensor], radio=Radio(interval_s=0.015, supervision_s=0.3)) as air:
            async with linked(air, told, frames) as client:
                await OGI.start(client, None)
                await until(lambda: len(frames) > 5)
                air.shadow(told.sensor, 0.8)
                await until(lambda: not client.is_connected, within_s=2)
            assert await BleakScanner.discover(0.2, backend=air.scanner) == []
            async with linked(air, told, frames) as client:
                await OGI.resend(client, (frames[-1].packet or 0) + 1)
                await OGI.start(client, None)
                await drained(told, frames)
            # the radio's buffers went with the link; the ring had all of it
            assert air.link.discarded > 0
        assert_same(rows_of(frames), told.rows())

    run(session())


def test_a_broken_link_answers_at_once(run: Run) -> None:
    async def session() -> None:
        told = Told()
        gone: list[BleakClient] = []
        async with Air([told.sensor], radio=Radio(interval_s=0.5)) as air:
            device = await find(air, told.sensor.name)
            air.link.radio = Radio()
            client = BleakClient(device, gone.append, backend=air.client)
            await client.connect()
            air.link.radio = Radio(interval_s=0.5)
            asked = asyncio.create_task(client.read_gatt_char(ogi.SYNC))
            await asyncio.sleep(0.02)
            air.disconnect(told.sensor)
            with pytest.raises(BleakError, match="broke"):
                await asyncio.wait_for(asked, 1)
            assert gone == [client]
            assert not client.is_connected
            with pytest.raises(BleakError, match="Not connected"):
                await client.read_gatt_char(ogi.SYNC)
            await client.disconnect()
            assert gone == [client]

    run(session())


@pytest.mark.parametrize("cancelled", [False, True])
def test_who_gives_up_connecting_leaves_the_radio_free(run: Run, cancelled: bool) -> None:
    async def session() -> None:
        here, away = Told("HERE"), Told("AWAY")
        async with Air([here.sensor, away.sensor]) as air:
            lost = await find(air, away.sensor.name)
            air.shadow(away.sensor, 60)
            client = BleakClient(lost, backend=air.client, timeout=60 if cancelled else 0.2)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.connect(), 0.2 if cancelled else 5)
            async with linked(air, here, []) as other:
                assert (await OGI.identify(other)).serial == "HERE"
            assert not client.is_connected

    run(session())


def test_two_connects_or_two_scans_at_once_are_refused(run: Run) -> None:
    async def session() -> None:
        away = Told("AWAY")
        async with Air([away.sensor]) as air:
            lost = await find(air, away.sensor.name)
            air.shadow(away.sensor, 60)
            first = asyncio.create_task(BleakClient(lost, backend=air.client).connect())
            await asyncio.sleep(0.05)
            with pytest.raises(BleakError):
                await BleakClient(lost, backend=air.client).connect()
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            async with BleakScanner(backend=air.scanner):
                with pytest.raises(BleakError, match="InProgress"):
                    await BleakScanner(backend=air.scanner).start()

    run(session())


def test_a_host_that_vanishes_frees_its_sensors(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=2000, held_packets=250)
        frames: list[Frame] = []
        async with Air([told.sensor], radio=BUSY) as air:
            assert air.transport.startswith("tcp-client:127.0.0.1:")
            async with Host(air.transport, address="C2:00:00:00:00:02") as host:
                scanner = BleakScanner.find_device_by_name(told.sensor.name, 5, backend=host.scanner)
                client = BleakClient(await scanner, backend=host.client)
                await client.connect()
                await client.start_notify(ogi.DATA, lambda _, payload: frames.append(ogi.unpack(bytes(payload))))
                await OGI.start(client, None)
                await until(lambda: len(frames) > 10)
                # killed: nothing is said to the sensor
            async with linked(air, told, frames) as again:
                await OGI.resend(again, (frames[-1].packet or 0) + 1)
                await OGI.start(again, None)
                await drained(told, frames)
        assert_same(rows_of(frames), told.rows())
        assert len(told.rows()) == 2000

    run(session())


def test_a_host_that_begins_anew_frees_its_sensors(run: Run) -> None:
    async def session() -> None:
        told = Told()
        async with Air([told.sensor]) as air:
            device = await find(air, told.sensor.name)
            await BleakClient(device, backend=air.client).connect()
            assert await BleakScanner.discover(0.3, backend=air.scanner) == []
            await air.client.device.host.reset()
            assert (await find(air, told.sensor.name)).address == device.address

    run(session())


def test_what_waited_when_a_link_ended_is_not_sent_over_the_next(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=2000)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air:
            async with linked(air, told, frames) as client:
                await OGI.start(client, None)
                await until(lambda: len(frames) > 5)
                air.link.radio = Radio(interval_s=2.0)
                await asyncio.sleep(0.1)
                before = len(frames)
            assert air.link.discarded > 0
            air.link.radio = Radio()
            async with linked(air, told, frames) as client:
                await OGI.start(client, None)
                made = len(told.truth)
                await until(lambda: len(frames) > before)
            assert frames[before].packet in {made - 1, made}

    run(session())


def test_a_feed_that_fails_fails_the_emulation(run: Run) -> None:
    def broken() -> Iterator[Counts]:
        yield np.zeros((50, 6), np.int16)
        raise RuntimeError("the simulator stumbled")

    async def session() -> None:
        sensor = Sensor(Model(serial="A1", rate_hz=FAST_HZ), broken())
        air = await Air([sensor]).__aenter__()
        device = await find(air, sensor.name)
        async with BleakClient(device, backend=air.client) as client:
            await OGI.start(client, None)
            await asyncio.sleep(0.2)
        with pytest.raises(RuntimeError, match="stumbled"):
            await air.__aexit__(None, None, None)

    run(session())


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval_s": 15.0},
        {"interval_s": -0.01},
        {"lost_events": 1.0},
        {"lost_events": float("nan")},
        {"packets_per_event": 0},
        {"interval_s": 0.5, "supervision_s": 0.5},
        {"host_delay_s": 5.0},
    ],
)
def test_a_radio_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRadio, match=next(reversed(wrong))):
        Radio(**wrong)


def test_an_air_is_used_in_its_async_with() -> None:
    with pytest.raises(NotEntered):
        _ = Air([]).client
    with pytest.raises(NotEntered):
        _ = Air([]).transport


def test_a_controller_that_does_not_answer_is_let_go_of(run: Run):
    gone = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass
        gone.set()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await Host(f"tcp-client:127.0.0.1:{port}").__aenter__()
        async with asyncio.timeout(5):
            await gone.wait()
        server.close()
        await server.wait_closed()

    run(main())
