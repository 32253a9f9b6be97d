"""Sensors on a fake radio, a central that serves them, and what came in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from firmware_bridge.central import Central
from firmware_bridge.dot import Dot
from firmware_bridge.link import Arrival, Inbox, Kind
from firmware_bridge.ogi import Ogi
from firmware_bridge.watch import Timing
from tests.firmware_bridge.dot_sensor import DotSensor
from tests.firmware_bridge.fake_radio import Device, Radio
from tests.firmware_bridge.ogi_sensor import OgiSensor

Run = Callable[[Coroutine[Any, Any, None]], None]
QUICK = Timing(
    scan_s=0.1,
    connect_s=0.2,
    call_s=0.2,
    leave_s=0.2,
    silence_s=0.4,
    first_ping_every_s=0.02,
    ping_every_s=0.2,
    backoff_first_s=0.01,
    backoff_most_s=0.04,
    fresh_s=0.5,
)
PATIENCE_S = 20.0
"""However busy the machine is; nothing waits that long."""


class Bench:
    """Sensors of these serials on a fake radio, a central, and what came in."""

    def __init__(
        self, *serials: str, dots: Collection[str] = (), timing: Timing = QUICK, rate_hz: float = 1000.0, **central: Any
    ) -> None:
        """`dots`: serials of Movella DOTs, behind the sensors; with any, the central has their driver too."""
        self.sensors = [OgiSensor(serial, rate_hz=rate_hz, ring=1024) for serial in serials]
        self.dots = [DotSensor(serial) for serial in dots]
        self.devices = [Device(sensor, f"F0:{i:02}") for i, sensor in enumerate([*self.sensors, *self.dots])]
        self.radio = Radio(self.devices)
        drivers = {"ogi": Ogi(), "dot": Dot()} if dots else {"ogi": Ogi()}
        self.central = Central(drivers, client=self.radio.client, scanner=self.radio.scanner, timing=timing, **central)
        self.inbox = Inbox()
        self.arrivals: list[Arrival] = []

    @asynccontextmanager
    async def supervised(self, *serials: str) -> AsyncIterator[list[asyncio.Task[None]]]:
        kinds = {sensor.serial: "ogi" for sensor in self.sensors} | {sensor.serial: "dot" for sensor in self.dots}
        wanted = serials or tuple(kinds)
        tasks = [
            asyncio.create_task(self.central.supervise(serial, kinds.get(serial, "ogi"), self.inbox))
            for serial in wanted
        ]
        running = [asyncio.create_task(sensor.run()) for sensor in [*self.sensors, *self.dots]]
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


def fields_of(timing: Timing) -> dict[str, float]:
    return {name: getattr(timing, name) for name in Timing.__dataclass_fields__}
