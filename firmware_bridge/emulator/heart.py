"""A heart rate strap: rate, skin contact, intervals between beats."""

import asyncio
import struct
from typing import Final

from bumble.device import Device

from firmware_bridge import standard
from firmware_bridge.emulator import gatt

CONTACT_FELT: Final = 0b110
HAS_INTERVALS: Final = 0b1_0000
INTERVAL_UNIT_S: Final = 1 / 1024


class HeartStrap:
    """Heart rate. `bpm` is what it says next, with the intervals of the beats since it spoke last."""

    def __init__(self, *, name: str = "Strap", bpm: int = 72, battery_pct: int = 90) -> None:
        """Args: how it shows itself; where it begins."""
        self.name = name
        self.bpm = bpm
        self.battery_pct = battery_pct
        self.every_s = 1.0
        self._since_beat_s = 0.0

    def build(self, device: Device) -> None:
        """Service and advertisement."""
        self._data = gatt.notifying(standard.HEART_RATE_MEASUREMENT)
        device.add_services(
            [
                gatt.Service(gatt.short_uuid(standard.HEART_RATE), [self._data]),
                gatt.battery(lambda: self.battery_pct),
            ]
        )
        gatt.advertise(device, name=self.name, services=[standard.HEART_RATE])

    def payload(self) -> bytes:
        """What it says now."""
        interval_s = 60 / self.bpm
        beats, self._since_beat_s = divmod(self._since_beat_s + self.every_s, interval_s)
        intervals = [round(interval_s / INTERVAL_UNIT_S)] * int(beats)
        flags = CONTACT_FELT | (HAS_INTERVALS if intervals else 0)
        return struct.pack(f"<BB{len(intervals)}H", flags, self.bpm, *intervals)

    async def run(self, device: Device) -> None:
        """Live until cancelled."""
        while True:
            await device.notify_subscribers(self._data, self.payload())
            await asyncio.sleep(self.every_s)
