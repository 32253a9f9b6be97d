"""A treadmill by the Fitness Machine Service: tells its speed and incline, and notes whatever is written to it."""

import asyncio
import struct
from typing import Final

from bumble.device import Connection, Device

from firmware_bridge import standard
from firmware_bridge.emulator import gatt

MACHINE_FEATURE: Final = "00002acc-0000-1000-8000-00805f9b34fb"
CONTROL_POINT: Final = "00002ad9-0000-1000-8000-00805f9b34fb"
SPEED_UNIT_M_S: Final = 0.01 / 3.6
HAS_SLOPE: Final = 1 << 3
"""In treadmill data: inclination and ramp angle follow."""
INCLINATION_SUPPORTED: Final = 1 << 3
NO_ANGLE: Final = 0x7FFF


class Treadmill:
    """FTMS. `speed_m_s` and `incline_pct` are what it says next."""

    def __init__(self, *, name: str = "Treadmill", speed_m_s: float = 0.0, incline_pct: float = 0.0) -> None:
        """Args: how it shows itself; where it begins."""
        self.name = name
        self.speed_m_s = speed_m_s
        self.incline_pct = incline_pct
        self.every_s = 1.0
        self.written: list[bytes] = []
        """Commands it got; nobody should send any."""

    def build(self, device: Device) -> None:
        """Service and advertisement."""
        feature = struct.pack("<II", INCLINATION_SUPPORTED, 0)
        self._data = gatt.notifying(standard.TREADMILL_DATA)
        control = gatt.commands(CONTROL_POINT, self._on_command)
        device.add_services(
            [
                gatt.Service(
                    gatt.short_uuid(standard.FITNESS_MACHINE),
                    [gatt.readable(MACHINE_FEATURE, lambda _: feature), self._data, control],
                )
            ]
        )
        gatt.advertise(device, name=self.name, services=[standard.FITNESS_MACHINE])

    def _on_command(self, _connection: Connection, command: bytes) -> None:
        self.written.append(command)

    def payload(self) -> bytes:
        """What it says now."""
        speed = round(self.speed_m_s / SPEED_UNIT_M_S)
        return struct.pack("<HHhh", HAS_SLOPE, speed, round(self.incline_pct * 10), NO_ANGLE)

    async def run(self, device: Device) -> None:
        """Live until cancelled."""
        while True:
            await device.notify_subscribers(self._data, self.payload())
            await asyncio.sleep(self.every_s)
