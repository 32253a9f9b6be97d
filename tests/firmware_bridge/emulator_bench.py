"""Emulated sensors, the truth about what they sampled, and what came over the air."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from firmware_bridge import ogi
from firmware_bridge.emulator.air import Air
from firmware_bridge.emulator.radio import Radio
from firmware_bridge.emulator.sensor import Counts, Model, Sampled, Sensor
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
