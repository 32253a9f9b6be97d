"""A sensor of the open profile as its firmware behaves (docs/devices.md), for any transport: it keeps a ring, resends,
and streams only where it was subscribed and started in this connection. Its samples say which they are."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import count

import numpy as np

from firmware_bridge.link import host_ns
from firmware_bridge.ogi import CTRL, DATA, INFO, SERVICE, SYNC, Info, pack, pack_info
from firmware_bridge.packets import Frame
from firmware_bridge.standard import BATTERY, BATTERY_LEVEL

SERVICES = {
    SERVICE: {DATA: ["notify"], CTRL: ["write"], SYNC: ["read"], INFO: ["read"]},
    BATTERY: {BATTERY_LEVEL: ["read", "notify"]},
}
LEAST_MTU = 29


class Refused(Exception):
    """ATT error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ATT error {code:#04x}")
        self.code = code


class OgiSensor:
    services = SERVICES
    data = DATA

    def __init__(self, serial: str, *, rate_hz: float = 200.0, n: int = 10, ring: int = 256, mtu: int = 247) -> None:
        self.serial = serial
        self.name = f"OGI-{serial}"
        self.made: list[bytes] = []
        """Every packet since it has power."""
        self.made_ns: list[int] = []
        self.heard: list[str] = []
        """What was done to it, in order."""
        self.mute = False
        """Makes packets and sends none."""
        self.due_s = 0.0
        """When its last sample was taken, by `time.monotonic()`; this computer may be late to say so."""
        self.send: Callable[[bytes], bool] = lambda payload: False
        self._rate_hz, self._n, self._mtu = rate_hz, n, mtu
        self._ring: deque[tuple[int, bytes]] = deque(maxlen=ring)
        self._sampling = self._subscribed = self._started = False
        self._next = 0
        """Packet that is sent next."""

    def on_link(self, on: bool) -> None:
        self.heard.append("connect" if on else "disconnect")
        self._subscribed = self._started = False

    def on_subscribe(self, uuid: str, on: bool) -> None:
        if uuid == DATA:
            self.heard.append("subscribe" if on else "unsubscribe")
            self._subscribed = on

    def on_read(self, uuid: str) -> bytes:
        if uuid == SYNC:
            return (host_ns() // 1000).to_bytes(8, "little")
        if uuid == BATTERY_LEVEL:
            return b"\x5a"
        assert uuid == INFO
        self.heard.append("identify")
        info = Info((1, 0, 0), "", 16, 2000, 256, 488_000, 70_000_000, round(self._rate_hz * 1e3), self.serial, "test")
        return pack_info(info)

    def on_write(self, uuid: str, value: bytes) -> None:
        assert uuid == CTRL
        if value[0] == 1:
            if self._mtu < LEAST_MTU:
                raise Refused(0x82)
            self.heard.append("start")
            if not self._sampling:
                self._next = max(self._next, len(self.made))
            self._sampling = self._started = True
        elif value[0] == 2:
            self.heard.append("stop")
            self._sampling = self._started = False
        else:
            packet = int.from_bytes(value[1:], "little")
            self.heard.append(f"resend {packet}")
            held = [number for number, _ in self._ring]
            at = next((number for number in held if number & 0xFFFF == packet), None)
            if at is None and packet != len(self.made) & 0xFFFF:
                at = held[0] if held else None
            self._next = len(self.made) if at is None else at

    async def run(self) -> None:
        """Samples in real time while it was started."""
        period_s = self._n / self._rate_hz
        self.due_s = time.monotonic()
        for _ in count():
            self.due_s += period_s
            await asyncio.sleep(max(0.0, self.due_s - time.monotonic()))
            if self._sampling:
                self.take()
            else:
                self.due_s = time.monotonic()

    def packet(self, number: int) -> bytes:
        """The packet of this number, sampled now."""
        first = number * self._n
        values = (np.arange(first, first + self._n)[:, None] + np.arange(6)).astype(np.uint16).view(np.int16)
        ticks, period_us = self.made_ns[-1] // 1000, round(1e5 / self._rate_hz) * 10
        return pack(Frame(number, first, ticks, period_us, values, clock_reset=number == 0))

    def forget(self) -> None:
        """As memory is after power came."""
        self.made.clear()
        self.made_ns.clear()
        self._ring.clear()
        self._sampling = self._subscribed = self._started = False
        self._next = 0

    def take(self, packets: int = 1) -> None:
        """Makes packets, and sends all that are due."""
        for _ in range(packets):
            number = len(self.made)
            self.made_ns.append(host_ns())
            self.made.append(self.packet(number))
            self._ring.append((number, self.made[-1]))
        if self._subscribed and self._started and not self.mute:
            for number, payload in list(self._ring):
                if number >= self._next and self.send(payload):
                    self._next = number + 1
