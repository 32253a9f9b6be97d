"""Emulated devices that do not speak the open profile."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner

from firmware_bridge import dot, standard
from firmware_bridge.emulator.air import Air, Peripheral
from firmware_bridge.emulator.dot import Dot
from firmware_bridge.emulator.heart import HeartStrap
from firmware_bridge.emulator.treadmill import Treadmill
from firmware_bridge.packets import Frame
from tests.firmware_bridge.emulator_bench import (
    BUSY,
    Run,
    find,
    until,
)


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
