"""bleak's own client and scanner over a Bluetooth stack in Python, HCI over TCP, to emulated devices."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakGATTProtocolError

from firmware_bridge import dot, ogi, standard
from firmware_bridge.emulator import bleak_backend
from firmware_bridge.emulator.air import Air
from firmware_bridge.emulator.radio import Radio
from firmware_bridge.emulator.sensor import Model, Sensor
from firmware_bridge.packets import Frame
from tests.firmware_bridge.emulator_bench import (
    BUSY,
    FAST_HZ,
    OGI,
    Run,
    Told,
    assert_same,
    by_number,
    drained,
    find,
    linked,
    rows_of,
    until,
)


@pytest.mark.parametrize("radio", [Radio(), BUSY, Radio(interval_s=0.0075, host_delay_s=0.005)])
def test_every_sample_arrives_bit_for_bit(run: Run, radio: Radio) -> None:
    async def session() -> None:
        tolds = [Told(f"S{index}", seed=index, drift_ppm=40.0 * index) for index in range(3)]
        heard: dict[str, list[Frame]] = {told.sensor.name: [] for told in tolds}

        async def one(told: Told, device: BLEDevice, lock: asyncio.Lock) -> None:
            client = BleakClient(device, backend=air.client)
            async with lock:
                await client.connect()
            frames = heard[told.sensor.name]
            who = await OGI.identify(client)
            assert (who.serial, who.rate_hz) == (told.sensor.model.serial, FAST_HZ)
            await client.start_notify(OGI.data, lambda _, payload: frames.append(OGI.decode(bytes(payload))))
            await OGI.start(client, None)
            await drained(told, frames)
            await OGI.stop(client)
            await client.disconnect()

        async with Air([told.sensor for told in tolds], radio=radio) as air:
            devices = [await find(air, told.sensor.name) for told in tolds]
            lock = asyncio.Lock()
            await asyncio.gather(*(one(told, device, lock) for told, device in zip(tolds, devices, strict=True)))
            assert air.link.discarded == 0
            assert (air.link.lost > 0) == (radio.lost_events > 0)
        for told in tolds:
            frames = heard[told.sensor.name]
            assert_same(rows_of(frames), told.rows())
            assert len(told.rows()) == 1000
            assert [frame.packet for frame in frames] == list(range(len(frames)))
            assert {len(frame.values) for frame in frames[:-1]} == {9, 10, 11}
            assert [frame.clock_reset for frame in frames] == [True] + [False] * (len(frames) - 1)

    run(session())


def test_what_a_sensor_offers_is_seen_as_bleak_shows_it(run: Run) -> None:
    async def session() -> None:
        told = Told()
        async with Air([told.sensor]) as air:
            found = await BleakScanner.discover(0.4, return_adv=True, service_uuids=[ogi.SERVICE], backend=air.scanner)
            [(device, seen)] = found.values()
            assert seen.service_uuids == [ogi.SERVICE]
            assert device.name == seen.local_name == "OGI-A1"
            other = await BleakScanner.discover(0.4, service_uuids=[dot.SERVICE], backend=air.scanner)
            assert other == []
            async with BleakClient(device, backend=air.client) as client:
                assert client.mtu_size == 247
                offers = {c.uuid: c.properties for s in client.services for c in s.characteristics}
                assert offers[ogi.DATA] == ["notify"]
                assert offers[ogi.CTRL] == ["write"]
                assert offers[ogi.SYNC] == offers[ogi.INFO] == ["read"]
                assert standard.battery(bytes(await client.read_gatt_char(standard.BATTERY_LEVEL))) == 87

    run(session())


@pytest.mark.parametrize("radio", [Radio(), BUSY])
def test_after_a_lost_link_the_ring_gives_all_back(run: Run, radio: Radio) -> None:
    async def session() -> None:
        told = Told(samples=1800, held_packets=250)
        frames: list[Frame] = []
        async with Air([told.sensor], radio=radio) as air:
            gone = asyncio.Event()
            device = await find(air, told.sensor.name)
            client = BleakClient(device, lambda _: gone.set(), backend=air.client)
            await client.connect()
            await client.start_notify(ogi.DATA, lambda _, payload: frames.append(ogi.unpack(bytes(payload))))
            await OGI.start(client, None)
            await until(lambda: len(frames) > 20)
            assert air.disconnect(told.sensor) == 1
            await asyncio.wait_for(gone.wait(), 1)
            before = len(frames)
            async with linked(air, told, frames) as again:
                await OGI.resend(again, (frames[-1].packet or 0) + 1)
                await OGI.start(again, None)
                await drained(told, frames)
            assert frames[before].packet == before
        assert_same(rows_of(frames), told.rows())
        assert [frame.packet for frame in frames] == list(range(len(frames)))
        assert len(told.rows()) == 1800

    run(session())


def test_what_the_ring_could_not_hold_is_a_gap_that_the_counters_tell(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=1800, held_packets=7)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air:
            async with linked(air, told, frames) as client:
                await OGI.start(client, None)
                await until(lambda: len(frames) > 10)
                air.disconnect(told.sensor)
                await until(lambda: not client.is_connected)
            before = len(frames)
            async with linked(air, told, frames) as client:
                await OGI.resend(client, before)
                earliest = len(told.truth) - 7
                await OGI.start(client, None)
                latest = len(told.truth) - 7
                await drained(told, frames)
            resumed = frames[before].packet or 0
            assert before < earliest <= resumed <= latest
            skipped = told.truth[before:resumed]
            assert (frames[before].first or 0) - frames[before - 1].first == (
                len(frames[before - 1].values) + sum(len(part.values) for part in skipped)
            )
            assert not frames[before].overrun
        lost = by_number((part.number, part.values) for part in skipped).keys()
        assert_same(rows_of(frames), {number: row for number, row in told.rows().items() if number not in lost})

    run(session())


def test_a_start_without_resend_goes_on_with_the_next_packet(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=2000)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air:
            async with linked(air, told, frames) as client:
                await OGI.start(client, None)
                await until(lambda: len(frames) > 5)
            before = len(frames)
            async with linked(air, told, frames) as client:
                await asyncio.sleep(0.1)
                assert len(frames) == before
                await OGI.start(client, None)
                made = len(told.truth)
                await until(lambda: len(frames) > before)
            assert frames[before].packet in {made - 1, made}

    run(session())


def test_a_resend_while_it_streams_repeats_the_same_bytes(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=1500)
        payloads: list[bytes] = []
        async with Air([told.sensor]) as air:
            device = await find(air, told.sensor.name)
            async with BleakClient(device, backend=air.client) as client:
                await client.start_notify(ogi.DATA, lambda _, payload: payloads.append(bytes(payload)))
                await OGI.start(client, None)
                await until(lambda: len(payloads) > 10)
                await OGI.resend(client, 4)
                await asyncio.wait_for(told.sensor.finished.wait(), 5)
                await until(lambda: ogi.unpack(payloads[-1]).packet == len(told.truth) - 1)
        numbers = [ogi.unpack(payload).packet for payload in payloads]
        back = next(place for place, (last, now) in enumerate(pairwise(numbers)) if (now or 0) <= (last or 0)) + 1
        assert numbers == [*range(back), *range(4, len(told.truth))]
        assert payloads[4:back] == payloads[back : back + back - 4]

    run(session())


def test_a_reboot_begins_counters_and_clock_anew(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=2400, clock_us=3_000_000_000, packets_before=500, samples_before=9000)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air:
            async with linked(air, told, frames) as client:
                await OGI.start(client, None)
                await until(lambda: len(frames) > 10)
                air.reboot(told.sensor, off_s=0.3)
                await until(lambda: not client.is_connected)
            old, frames = frames, []
            assert (old[0].packet, old[0].first, old[0].clock_reset) == (500, 9000, True)
            async with linked(air, told, frames) as client:
                ticks = await OGI.device_ticks(client)
                assert ticks is not None
                assert 0 < ticks < 5_000_000
                await OGI.resend(client, (old[-1].packet or 0) + 1)
                await OGI.start(client, None)
                await drained(told, frames)
        assert (frames[0].packet, frames[0].first, frames[0].clock_reset) == (0, 0, True)
        assert not any(frame.clock_reset for frame in frames[1:])
        assert (frames[0].ticks or 0) < 5_000_000
        assert_same(rows_of(frames), told.rows(boot=1))
        # the body went on moving while it was off
        again = next(part for part in told.truth if part.boot == 1)
        assert again.row - told.truth[len(told.truth) - 1].row < 0
        assert again.row > len(told.rows(boot=0)) + 200

    run(session())


def test_clock_and_counters_wrap(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=1500, clock_us=(1 << 32) - 1_500_000, packets_before=65_530, samples_before=65_500)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air, linked(air, told, frames) as client:
            await OGI.start(client, None)
            await drained(told, frames)
        assert [frame.packet for frame in frames] == [(65_530 + index) % 65_536 for index in range(len(frames))]
        for last, frame in pairwise(frames):
            assert frame.first == ((last.first or 0) + len(last.values)) % 65_536
            assert ((frame.ticks or 0) - (last.ticks or 0)) % (1 << 32) == len(frame.values) * 1000
        assert frames[0].ticks > frames[-1].ticks
        assert len(told.rows()) == 1500

    run(session())


def test_the_clock_runs_as_fast_as_it_should(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=100_000, drift_ppm=50_000.0)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air, linked(air, told, frames) as client:
            await OGI.start(client, None)
            await until(lambda: len(frames) > 60)
        first, last = told.truth[0], told.truth[len(frames) - 1]
        true_s = last.monotonic_s[-1] - first.monotonic_s[-1]
        device_s = ((frames[-1].ticks or 0) - (frames[0].ticks or 0)) * 1e-6
        assert device_s / true_s == pytest.approx(1.05, abs=1e-5)

    run(session())


def test_commands_that_are_none_are_refused(run: Run) -> None:
    async def session() -> None:
        told = Told()
        async with Air([told.sensor]) as air, linked(air, told, []) as client:
            for command, code in [(b"\x09", 0x80), (b"\x01\x00", 0x81), (b"\x02\x00", 0x81), (b"\x03\x00", 0x81)]:
                with pytest.raises(BleakGATTProtocolError) as refused:
                    await client.write_gatt_char(ogi.CTRL, command, response=True)
                assert refused.value.code == code
            assert not told.truth

    run(session())


@pytest.mark.parametrize(("mtu", "most"), [(100, 6), (31, 1)])
def test_packets_fit_the_mtu(run: Run, monkeypatch: pytest.MonkeyPatch, mtu: int, most: int) -> None:
    monkeypatch.setattr(bleak_backend, "ATT_MTU", mtu)

    async def session() -> None:
        told = Told(samples=300, rate_hz=500.0)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air, linked(air, told, frames) as client:
            assert client.mtu_size == mtu
            assert (await OGI.identify(client)).serial == "A1"
            await OGI.start(client, None)
            await drained(told, frames)
        assert {len(frame.values) for frame in frames} == {most}
        assert_same(rows_of(frames), told.rows())

    run(session())


def test_an_mtu_too_small_for_a_sample_refuses_to_start(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bleak_backend, "ATT_MTU", 23)

    async def session() -> None:
        told = Told()
        async with Air([told.sensor]) as air, linked(air, told, []) as client:
            assert (await OGI.identify(client)).serial == "A1"
            with pytest.raises(BleakGATTProtocolError) as refused:
                await OGI.start(client, None)
            assert refused.value.code == 0x82

    run(session())


def test_stop_sends_the_packet_that_is_not_full(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=3000, rate_hz=100.0, packet_samples=18)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air, linked(air, told, frames) as client:
            await OGI.start(client, None)
            await until(lambda: len(frames) == 2)
            await asyncio.sleep(0.05)
            await OGI.stop(client)
            await until(lambda: len(frames) == 3)
            assert 1 <= len(frames[2].values) < 17
            before = await OGI.device_ticks(client)
            await asyncio.sleep(0.3)
            assert len(frames) == 3
            await OGI.start(client, None)
            await until(lambda: len(frames) == 4)
            assert before is not None
            # counters stood still, the clock went on
            assert frames[3].packet == 3
            assert frames[3].first == sum(len(frame.values) for frame in frames[:3])
            assert (frames[3].ticks or 0) - before > 300_000
        assert all(np.array_equal(told.rows()[number], row) for number, row in rows_of(frames).items())

    run(session())


def test_an_overflow_is_told_by_flag_and_counter(run: Run) -> None:
    async def session() -> None:
        told = Told(samples=1000)
        frames: list[Frame] = []
        async with Air([told.sensor]) as air, linked(air, told, frames) as client:
            await OGI.start(client, None)
            await until(lambda: len(frames) > 5)
            told.sensor.overflow(13)
            await drained(told, frames)
        [place] = [place for place, frame in enumerate(frames) if frame.overrun]
        last, frame = frames[place - 1], frames[place]
        assert frame.first == (last.first or 0) + len(last.values) + 13
        assert (frame.ticks or 0) - (last.ticks or 0) == (13 + len(frame.values)) * 1000
        assert frame.packet == place
        assert_same(rows_of(frames), told.rows())
        assert len(told.rows()) == 1000 - 13

    run(session())


def test_an_end_stop_is_flagged(run: Run) -> None:
    async def session() -> None:
        counts = np.zeros((20, 6), np.int16)
        counts[12, 2], counts[15, 4] = 32767, -32768
        sensor = Sensor(Model(serial="A1", rate_hz=FAST_HZ), [counts])
        frames: list[Frame] = []
        async with Air([sensor]) as air:
            device = await find(air, sensor.name)
            async with BleakClient(device, backend=air.client) as client:
                await client.start_notify(ogi.DATA, lambda _, payload: frames.append(ogi.unpack(bytes(payload))))
                await OGI.start(client, None)
                await until(lambda: sum(len(frame.values) for frame in frames) == 20)
        assert [frame.saturated for frame in frames] == [False, True, False]

    run(session())
