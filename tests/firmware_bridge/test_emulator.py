"""bleak's own client and scanner over a Bluetooth stack in Python, HCI over TCP, to emulated devices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError, BleakGATTProtocolError

from firmware_bridge import dot, ogi, standard
from firmware_bridge.emulator import bleak_backend
from firmware_bridge.emulator.air import Air, NotEntered, Peripheral
from firmware_bridge.emulator.bleak_backend import Host
from firmware_bridge.emulator.dot import Dot
from firmware_bridge.emulator.heart import HeartStrap
from firmware_bridge.emulator.radio import BadRadio, Radio
from firmware_bridge.emulator.sensor import Counts, Model, Sampled, Sensor
from firmware_bridge.emulator.treadmill import Treadmill
from firmware_bridge.packets import Frame

Run = Callable[[Coroutine[Any, Any, None]], None]

OGI = ogi.Ogi()
FAST_HZ = 1000.0
"""So that a second holds as much as five of a real sensor."""
BUSY = Radio(interval_s=0.015, lost_events=0.05, seed=3)


def blocks(samples: int, seed: int = 0, block: int = 37) -> Iterator[Counts]:
    rng = np.random.default_rng(seed)
    for start in range(0, samples, block):
        yield rng.integers(-32000, 32000, (min(block, samples - start), 6), dtype=np.int16)


class Told:
    """A sensor, and the truth about what it sampled."""

    def __init__(self, serial: str = "A1", *, samples: int = 1000, seed: int = 0, **model: Any) -> None:
        self.truth: list[Sampled] = []
        model = {"rate_hz": FAST_HZ} | model
        self.sensor = Sensor(Model(serial=serial, **model), blocks(samples, seed), on_sampled=self.truth.append)

    def rows(self, boot: int = 0) -> dict[int, Counts]:
        """By sample counter."""
        return by_number((part.number, part.values) for part in self.truth if part.boot == boot)


def by_number(parts: Any) -> dict[int, Counts]:
    return {first + row: values[row] for first, values in parts for row in range(len(values))}


def rows_of(frames: list[Frame]) -> dict[int, Counts]:
    return by_number((frame.first, frame.values) for frame in frames)


def assert_same(got: dict[int, Counts], want: dict[int, Counts]) -> None:
    assert got.keys() == want.keys()
    assert all(np.array_equal(got[number], row) for number, row in want.items())


async def find(air: Air, name: str) -> BLEDevice:
    found = await BleakScanner.find_device_by_filter(
        lambda _, seen: seen.local_name == name, timeout=5, backend=air.scanner
    )
    assert found is not None
    return found


@asynccontextmanager
async def linked(air: Air, told: Told, frames: list[Frame], **kwargs: Any) -> AsyncIterator[BleakClient]:
    """Connected and subscribed, not started."""
    device = await find(air, told.sensor.name)
    async with BleakClient(device, backend=air.client, **kwargs) as client:
        await client.start_notify(ogi.DATA, lambda _, payload: frames.append(ogi.unpack(bytes(payload))))
        yield client


async def until(met: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not met():
            await asyncio.sleep(0.005)


async def drained(told: Told, frames: list[Frame]) -> None:
    """All is sampled, and the last packet came."""
    await asyncio.wait_for(told.sensor.finished.wait(), 20)
    last = told.truth[-1]
    await until(lambda: bool(frames) and frames[-1].first == last.number & 0xFFFF)


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


def test_a_passive_scan_hears_no_names(run: Run) -> None:
    async def session() -> None:
        async with Air([Told().sensor]) as air:
            scanner = BleakScanner(scanning_mode="passive", backend=air.scanner)
            async with scanner:
                await until(lambda: bool(scanner.discovered_devices))
            [(_, seen)] = scanner.discovered_devices_and_advertisement_data.values()
            assert (seen.local_name, seen.service_uuids) == (None, [ogi.SERVICE])

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


def test_dot_streams_what_it_samples(run: Run) -> None:
    async def session() -> None:
        rows = np.random.default_rng(0).normal(0, 3, (45, 6)).astype(np.float32)
        device = Dot(0xD422CD0012AB, rows, clock_us=(1 << 32) - 1)
        driver = dot.Dot()
        frames: list[Frame] = []
        async with Air([device], radio=BUSY) as air:
            found = await BleakScanner.find_device_by_filter(
                lambda _, seen: driver.service in seen.service_uuids, 5, backend=air.scanner
            )
            assert found is not None
            async with BleakClient(found, backend=air.client) as client:
                who = await driver.identify(client)
                assert (who.serial, who.rate_hz, who.firmware) == ("0000D422CD0012AB", 60.0, "3.0.0")
                await client.start_notify(driver.data, lambda _, payload: frames.append(driver.decode(bytes(payload))))
                await driver.start(client, 60)
                await until(lambda: len(frames) == 45)
                await driver.stop(client)
            assert device.dropped == 0
        got = np.concatenate([frame.values for frame in frames])
        assert np.array_equal(got[:, :3], rows[:, :3])
        # radians go over the air as degrees
        np.testing.assert_allclose(got[:, 3:], rows[:, 3:], rtol=3e-7)
        steps = [((now.ticks or 0) - (last.ticks or 0)) % (1 << 32) for last, now in pairwise(frames)]
        assert set(steps) <= {16_666, 16_667}
        assert [frame.ticks for frame in frames] == [(frame.ticks or 0) & 0xFFFFFFFF for frame in device.sent]
        assert (device.sent[0].ticks or 0) >> 32 == 1

    run(session())


def test_dot_stops_and_takes_the_rate_that_is_written(run: Run) -> None:
    async def session() -> None:
        device = Dot(1, iter(np.zeros((1000, 6), np.float32)))
        device._rate_hz = 30
        driver = dot.Dot()
        frames: list[Frame] = []
        async with Air([device]) as air:
            found = await find(air, device.name)
            async with BleakClient(found, backend=air.client) as client:
                assert (await driver.identify(client)).rate_hz == 30
                await client.start_notify(driver.data, lambda _, payload: frames.append(driver.decode(bytes(payload))))
                await driver.start(client, None)
                assert (await driver.identify(client)).rate_hz == 60
                await until(lambda: len(frames) > 5)
                await driver.stop(client)
                stopped = len(frames)
                await asyncio.sleep(0.2)
                assert len(frames) == stopped

    run(session())


def test_treadmill_and_strap_tell_what_they_are_set_to(run: Run) -> None:
    async def session() -> None:
        treadmill = Treadmill(speed_m_s=1.25, incline_pct=-1.5)
        strap = HeartStrap(bpm=96)
        treadmill.every_s = strap.every_s = 0.1
        devices: list[Peripheral] = [treadmill, strap]
        belt: list[standard.Treadmill] = []
        pulse: list[standard.HeartRate] = []
        async with Air(devices, radio=BUSY) as air:
            first, second = await find(air, treadmill.name), await find(air, strap.name)
            async with (
                BleakClient(first, backend=air.client) as on_belt,
                BleakClient(second, backend=air.client) as on_chest,
            ):
                await on_belt.start_notify(
                    standard.TREADMILL_DATA, lambda _, payload: belt.append(standard.treadmill(bytes(payload)))
                )
                await on_chest.start_notify(
                    standard.HEART_RATE_MEASUREMENT,
                    lambda _, payload: pulse.append(standard.heart_rate(bytes(payload))),
                )
                await until(lambda: len(belt) > 3 and any(told.rr_s for told in pulse))
                treadmill.speed_m_s, strap.bpm = 0.5, 110
                await until(lambda: belt[-1].speed_m_s == 0.5 and pulse[-1].bpm == 110)
                assert standard.battery(bytes(await on_chest.read_gatt_char(standard.BATTERY_LEVEL))) == 90
        assert belt[0].speed_m_s == pytest.approx(1.25)
        assert belt[0].incline_pct == -1.5
        assert (pulse[0].bpm, pulse[0].contact) == (96, True)
        intervals = [interval for told in pulse for interval in told.rr_s if told.bpm == 96]
        assert intervals
        assert all(interval == pytest.approx(60 / 96, abs=1 / 1024) for interval in intervals)
        assert treadmill.written == []

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
