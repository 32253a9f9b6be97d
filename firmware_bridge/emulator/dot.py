"""An emulated Movella DOT: device info, device control, and custom mode 5 on the long payload, 60 Hz.

As far as the public specification goes (see `firmware_bridge.dot`). It has no counters and no ring: what is sampled
while nobody listens is gone.
"""

import asyncio
import math
import struct
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from bumble import att
from bumble.device import Connection, Device

from firmware_bridge import dot
from firmware_bridge.emulator import gatt
from firmware_bridge.packets import Frame

PERIOD_S: Final = 1 / dot.RATE_HZ
WRONG_LENGTH: Final = 0x0D
"""ATT: invalid attribute value length."""
QUEUE: Final = 8
"""Notifications that wait in it; what finds no room is dropped."""


class Dot:
    """One sensor, as an `Air` runs it."""

    def __init__(
        self,
        serial: int,
        rows: Iterable[npt.NDArray[np.float32]],
        *,
        drift_ppm: float = 0.0,
        clock_us: int = 0,
        advertises_service: bool = True,
    ) -> None:
        """Args: its serial number; (6,) m/s^2 and rad/s, one a sample; its clock's error and first value.

        `advertises_service`: the specification names none in the advertisement; False is what it says.
        """
        self.name = "Movella DOT"
        self.serial = serial
        self.dropped = 0
        self.sent: list[Frame] = []
        """What was handed to the radio, in order."""
        self.battery_pct = 64
        self._rows: Iterator[npt.NDArray[np.float32]] = iter(rows)
        self._rate = 1 + drift_ppm * 1e-6
        self._clock_us = clock_us
        self._advertises_service = advertises_service
        self._rate_hz = dot.RATE_HZ
        self._control = bytes([dot.MEASUREMENT, 0, 0])
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began_s = 0.0
        self._due_s = 0.0

    def build(self, device: Device) -> None:
        """Services and advertisement."""
        self._data = gatt.notifying(dot.LONG_PAYLOAD)
        device.add_services(
            [
                gatt.Service(
                    gatt.short_uuid(dot.DEVICE_SERVICE),
                    [
                        gatt.readable(dot.DEVICE_INFO, lambda _: self._device_info()),
                        gatt.commands(dot.DEVICE_CONTROL, self._on_device_control, lambda _: self._device_control()),
                    ],
                ),
                gatt.Service(
                    gatt.short_uuid(dot.SERVICE),
                    [gatt.commands(dot.CONTROL, self._on_control, lambda _: self._control), self._data],
                ),
                gatt.battery(lambda: self.battery_pct),
            ]
        )
        gatt.advertise(device, name=self.name, services=[dot.SERVICE] if self._advertises_service else [])
        device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._device = device
        self._began_s = asyncio.get_running_loop().time()

    async def run(self, device: Device) -> None:
        """Live until cancelled.

        Raises:
            Exception: whatever the iterator of rows raised.
        """
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            await self._failure
        finally:
            self._stop()

    def _device_info(self) -> bytes:
        # address, firmware 3.0.0, build date, SoftDevice version, serial number, product
        return struct.pack("<6s3B11xQ6s", b"", 3, 0, 0, self.serial, b"XS-T01")

    def _device_control(self) -> bytes:
        said = bytearray(dot.DEVICE_CONTROL_BYTES)
        said[dot.RATE_AT : dot.RATE_AT + 2] = self._rate_hz.to_bytes(2, "little")
        return bytes(said)

    def _on_device_control(self, _connection: Connection, command: bytes) -> None:
        if len(command) != dot.DEVICE_CONTROL_BYTES:
            raise att.ATT_Error(WRONG_LENGTH)
        if command[0] & dot.SETS_RATE:
            self._rate_hz = int.from_bytes(command[dot.RATE_AT : dot.RATE_AT + 2], "little")

    def _on_control(self, connection: Connection, command: bytes) -> None:
        if len(command) != len(self._control) or command[0] != dot.MEASUREMENT:
            raise att.ATT_Error(WRONG_LENGTH)
        self._control = command
        self._stop()
        if command[1:] == bytes([1, dot.CUSTOM_MODE_5]):
            self._connection = connection
            self._due_s = asyncio.get_running_loop().time()
            self._arm()

    def _on_connection(self, connection: Connection) -> None:
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self._control = bytes([dot.MEASUREMENT, 0, 0])
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._due_s += PERIOD_S / self._rate
        self._timer = asyncio.get_running_loop().call_at(self._due_s, self._sample)

    def _sample(self) -> None:
        try:
            row = next(self._rows, None)
        except Exception as error:  # noqa: BLE001 whatever feeds it is the caller's; `run` raises it
            self._failure.set_exception(error)
            return
        if row is None:
            self._timer = None
            return
        ticks = self._clock_us + math.floor((self._due_s - self._began_s) * 1e6 * self._rate)
        frame = Frame(packet=None, first=None, ticks=ticks, period_ticks=dot.PERIOD_US, values=row[np.newaxis])
        queue, connection = self._device.host.le_acl_packet_queue, self._connection
        if queue is not None and connection is not None and queue.pending < QUEUE:
            notification = att.ATT_Handle_Value_Notification(
                attribute_handle=self._data.handle, attribute_value=dot.pack(frame)
            )
            self._device.gatt_server.send_gatt_pdu(connection, bytes(notification))
            self.sent.append(frame)
        else:
            self.dropped += 1
        self._arm()
