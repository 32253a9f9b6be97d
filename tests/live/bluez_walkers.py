"""Sensors of the open profile behind a fake bluetoothd, fed with what a simulated person's sensors would sample."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from firmware_bridge.ogi import DATA, SYNC, pack
from firmware_bridge.packets import Frame
from tests.firmware_bridge.fake_bluez import FakeBluez, Peripheral, fake_bluez
from tests.firmware_bridge.ogi_sensor import SERVICES, OgiSensor

OFF_S = 0.5
"""How long a sensor whose battery lost contact is away."""


class WalkingSensor(OgiSensor):
    """Takes its rows as they come; it can lose its power."""

    def __init__(self, serial, blocks, sent, *, rate_hz):
        super().__init__(serial, rate_hz=rate_hz)
        self._blocks, self._rest = blocks, np.empty((0, 6), np.int16)
        self._sent = sent
        self._boots = 0
        self._since_s = time.monotonic()

    def _rows(self, n):
        while len(self._rest) < n:
            self._rest = np.concatenate([self._rest, next(self._blocks)])
        rows, self._rest = self._rest[:n], self._rest[n:]
        return rows

    def packet(self, number):
        first, values = number * self._n, self._rows(self._n)
        self._sent.put(self._boots, first, values)
        period_us = round(1e5 / self._rate_hz) * 10
        return pack(Frame(number, first, self._ticks(self.due_s), period_us, values, clock_reset=number == 0))

    def on_read(self, uuid):
        return self._ticks(time.monotonic()).to_bytes(8, "little") if uuid == SYNC else super().on_read(uuid)

    def _ticks(self, at_s):
        return round(1e6 * (at_s - self._since_s))

    def power_cycle(self):
        """Counters and clock begin anew, and what it held is gone."""
        self._boots += 1
        self._since_s = time.monotonic()
        self.forget()


class Walkers:
    """Sensors by role, and the bluetoothd that they are behind."""

    def __init__(self, sensors):
        self.sensors = sensors
        self.peripherals = {
            role: Peripheral(
                f"F0:00:00:00:00:{number:02X}",
                sensor.name,
                SERVICES,
                on_read=sensor.on_read,
                on_write=sensor.on_write,
                on_subscribe=sensor.on_subscribe,
                on_connect=sensor.on_link,
            )
            for number, (role, sensor) in enumerate(sensors.items())
        }
        self.bluez: FakeBluez

    @asynccontextmanager
    async def there(self) -> AsyncIterator[None]:
        async with fake_bluez(list(self.peripherals.values())) as self.bluez:
            for role, sensor in self.sensors.items():
                sensor.send = lambda payload, one=self.peripherals[role]: self.bluez.notify(one, DATA, payload)
            running = [asyncio.create_task(sensor.run()) for sensor in self.sensors.values()]
            try:
                yield
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    def disconnect(self, role):
        self.bluez.drop(self.peripherals[role])

    def reboot(self, role):
        self.sensors[role].power_cycle()
        self.disconnect(role)
        faults = self.peripherals[role].faults
        faults.absent = True
        asyncio.get_running_loop().call_later(OFF_S, setattr, faults, "absent", False)
