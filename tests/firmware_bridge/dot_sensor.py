"""A Movella DOT as far as its specification goes, for any transport: nothing of it changes while it measures."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from firmware_bridge import dot
from firmware_bridge.link import host_ns
from firmware_bridge.packets import Frame
from firmware_bridge.standard import BATTERY, BATTERY_LEVEL

VECTORS = Path(dot.__file__).with_name("vectors") / "dot.jsonl"
SERVICES = {
    dot.SERVICE: {dot.CONTROL: ["read", "write"], dot.LONG_PAYLOAD: ["notify"]},
    dot.DEVICE_SERVICE: {dot.DEVICE_INFO: ["read"], dot.DEVICE_CONTROL: ["read", "write"]},
    BATTERY: {BATTERY_LEVEL: ["read", "notify"]},
}
SERIAL_AT = slice(20, 28)


def vectors(kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]
    found = [line for line in lines if line["kind"] == kind]
    assert found
    assert all(line["source"] for line in found)
    return found


class DotSensor:
    services = SERVICES
    data = dot.LONG_PAYLOAD

    def __init__(
        self, serial: str = "0000D422CD001A2B", *, measuring: bool = False, mode: int = 26, rate_hz: int = 60
    ) -> None:
        self.serial = serial
        self.name = "Movella DOT"
        self.control = bytes([1, measuring, mode])
        self.device_control = bytearray.fromhex(vectors("identity")[0]["control_hex"])
        self.device_control[24:26] = rate_hz.to_bytes(2, "little")
        self.written = 0
        self.made: list[bytes] = []
        self.heard: list[str] = []
        self.send: Callable[[bytes], bool] = lambda payload: False

    @property
    def rate_hz(self) -> int:
        return int.from_bytes(self.device_control[24:26], "little")

    def on_link(self, on: bool) -> None:
        self.heard.append("connect" if on else "disconnect")

    def on_subscribe(self, uuid: str, on: bool) -> None:
        if uuid == dot.LONG_PAYLOAD:
            self.heard.append("subscribe" if on else "unsubscribe")

    def on_read(self, uuid: str) -> bytes:
        if uuid == dot.DEVICE_INFO:
            self.heard.append("identify")
            info = bytearray.fromhex(vectors("identity")[0]["hex"])
            info[SERIAL_AT] = int(self.serial, 16).to_bytes(8, "little")
            return bytes(info)
        return {dot.CONTROL: self.control, dot.DEVICE_CONTROL: bytes(self.device_control), BATTERY_LEVEL: b"\x40"}[uuid]

    def on_write(self, uuid: str, value: bytes) -> None:
        self.written += 1
        if uuid == dot.CONTROL:
            assert len(value) == 3
            assert value[0] == 1
            assert not (self.control[1] and value[1]), "started while it measures"
            self.control = bytes(value)
            self.heard.append("start" if value[1] else "stop")
        else:
            assert uuid == dot.DEVICE_CONTROL
            assert len(value) == 32
            assert not self.control[1], "configured while it measures"
            assert value[0] == 1 << 4, "something else than the rate is set"
            self.device_control[24:26] = value[24:26]

    async def run(self) -> None:
        """Samples in real time while it measures."""
        while True:
            await asyncio.sleep(1 / self.rate_hz)
            if self.control[1]:
                values = np.full((1, 6), len(self.made), dtype=np.float32)
                ticks = host_ns() // 1000
                self.made.append(dot.pack(Frame(None, None, ticks, dot.PERIOD_US, values)))
                self.send(self.made[-1])
