"""Movella DOT (Xsens DOT): one sample a notification, custom mode 5, 60 Hz.

Layouts after Movella DOT BLE Service Specification, XD0506P, revision C, July 2023, tables 6, 7, 13, 14 and 17.
"""

import math
import struct
from typing import Final

import numpy as np

from firmware_bridge.driver import Link
from firmware_bridge.packets import BadPacket, BadRate, Counters, Frame, Identity


def _uuid(short: int) -> str:
    return f"1517{short:04x}-4947-11e9-8646-d663bd873d93"


SERVICE: Final = _uuid(0x2000)
DEVICE_SERVICE: Final = _uuid(0x1000)
DEVICE_INFO: Final = _uuid(0x1001)
DEVICE_CONTROL: Final = _uuid(0x1002)
CONTROL: Final = _uuid(0x2001)
LONG_PAYLOAD: Final = _uuid(0x2002)
NAME_PREFIXES: Final = ("Movella DOT", "Xsens DOT")
"""Advertised names, in whatever case; the specification names no service among what is advertised."""

RATE_HZ: Final = 60
"""The most that it streams live; 120 Hz exists only in recordings that it keeps to itself."""
PERIOD_US: Final = 1e6 / RATE_HZ
PAYLOAD_BYTES: Final = 44
CHARACTERISTIC_BYTES: Final = 63
"""What is beyond the payload is 0."""
DEVICE_CONTROL_BYTES: Final = 32
SETS_RATE: Final = 0b1_0000
"""In the first byte of device control."""
RATE_AT: Final = 24
MEASUREMENT: Final = 1
CUSTOM_MODE_5: Final = 26

_RUNNING: Final = bytes([MEASUREMENT, 1, CUSTOM_MODE_5])
_STOPPED: Final = bytes([MEASUREMENT, 0, CUSTOM_MODE_5])
_PAYLOAD: Final = struct.Struct("<I4f6f")
_DEVICE_INFO: Final = struct.Struct("<6x3B11xQ")
_PRODUCT_BYTES: Final = 6
_G_M_S2: Final = 9.80665
_COUNTERS: Final = Counters(clock="device", tick_s=1e-6, tick_bits=32, packet_bits=0, sample_bits=0)


def pack(frame: Frame, quaternion: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)) -> bytes:
    """A notification as the device sends it: the first row of `frame.values`, SI units.

    Raises:
        ValueError: the frame has no ticks, or not one sample.
    """
    if frame.ticks is None or frame.values.shape != (1, 6):
        raise ValueError(f"got ticks {frame.ticks}, values {frame.values.shape}; want ticks and one sample, (1, 6)")
    acc, gyr = frame.values[0, :3], np.degrees(frame.values[0, 3:], dtype=np.float64)
    return _PAYLOAD.pack(frame.ticks & 0xFFFFFFFF, *quaternion, *acc, *gyr).ljust(CHARACTERISTIC_BYTES, b"\0")


def unpack(payload: bytes) -> Frame:
    """A notification of custom mode 5; `values` is (1, 6) float32, m/s^2 and rad/s.

    Raises:
        BadPacket: whatever else the bytes are.
    """
    if not PAYLOAD_BYTES <= len(payload) <= CHARACTERISTIC_BYTES:
        raise BadPacket(
            f"got {len(payload)} bytes; custom mode 5 has {PAYLOAD_BYTES}, sent as {CHARACTERISTIC_BYTES}"
            " (another payload mode, or an MTU below 66?)",
            payload=payload,
        )
    if any(payload[PAYLOAD_BYTES:]):
        raise BadPacket("got bytes other than 0 behind the payload (another payload mode?)", payload=payload)
    ticks, *numbers = _PAYLOAD.unpack_from(payload)
    if not all(math.isfinite(number) for number in numbers):
        raise BadPacket("got a number that is not finite", payload=payload)
    values = np.array([numbers[4:]])
    values[:, 3:] = np.radians(values[:, 3:])
    return Frame(packet=None, first=None, ticks=ticks, period_ticks=PERIOD_US, values=values.astype(np.float32))


def unpack_identity(device_info: bytes, device_control: bytes) -> Identity:
    """From characteristics 1001 and 1002.

    Raises:
        BadPacket: too few bytes.
    """
    if len(device_info) < _DEVICE_INFO.size:
        raise BadPacket(
            f"got {len(device_info)} bytes of device info; want {_DEVICE_INFO.size} at least", payload=device_info
        )
    *firmware, serial = _DEVICE_INFO.unpack_from(device_info)
    # firmware before 2023 says no product
    product = device_info[_DEVICE_INFO.size :][:_PRODUCT_BYTES].rstrip(b"\0").decode("ascii", "replace")
    return Identity(
        serial=f"{serial:016X}",
        model=f"Movella DOT {product}".strip(),
        firmware=".".join(str(part) for part in firmware),
        acc_per_count_m_s2=None,
        gyr_per_count_rad_s=None,
        acc_range_m_s2=16 * _G_M_S2,
        gyr_range_rad_s=math.radians(2000),
        rate_hz=float(_rate_hz(device_control)),
    )


class Dot:
    """`firmware_bridge.driver.Driver` of the Movella DOT."""

    name: Final = "dot"
    service: Final = SERVICE
    name_prefixes: Final = NAME_PREFIXES
    data: Final = LONG_PAYLOAD
    counters: Final = _COUNTERS
    experimental: Final = (
        "never met hardware: field order of custom mode 5, its reach under load, the meaning of the serial number"
        " and what its clock does over a lost link are from the specification alone; 60 Hz, gaps inferred from time"
    )

    def decode(self, payload: bytes) -> Frame:
        return unpack(payload)

    async def identify(self, link: Link) -> Identity:
        device_info = bytes(await link.read_gatt_char(DEVICE_INFO))
        return unpack_identity(device_info, bytes(await link.read_gatt_char(DEVICE_CONTROL)))

    async def start(self, link: Link, rate_hz: float | None) -> None:
        """Custom mode 5 at 60 Hz; what runs so already goes on.

        Raises:
            BadRate: another rate. Frames don't say their rate, and none above is sent.
        """
        if rate_hz not in {None, RATE_HZ}:
            raise BadRate(f"got a rate of {rate_hz} Hz; a Movella DOT is read at {RATE_HZ} Hz, its most live")
        said = bytes(await link.read_gatt_char(CONTROL))
        at_rate = _rate_hz(bytes(await link.read_gatt_char(DEVICE_CONTROL))) == RATE_HZ
        if said[:3] == _RUNNING and at_rate:
            return
        if said[:2] == _RUNNING[:2]:
            # neither mode nor rate can be changed while it measures
            await self.stop(link)
        if not at_rate:
            await link.write_gatt_char(DEVICE_CONTROL, _command_rate(), response=True)
        await link.write_gatt_char(CONTROL, _RUNNING, response=True)

    async def stop(self, link: Link) -> None:
        await link.write_gatt_char(CONTROL, _STOPPED, response=True)

    async def device_ticks(self, link: Link) -> int | None:
        del link
        return None

    async def resend(self, link: Link, packet: int) -> None:
        del link, packet


def _rate_hz(device_control: bytes) -> int:
    if len(device_control) < RATE_AT + 2:
        raise BadPacket(
            f"got {len(device_control)} bytes of device control; want {DEVICE_CONTROL_BYTES}", payload=device_control
        )
    return int.from_bytes(device_control[RATE_AT : RATE_AT + 2], "little")


def _command_rate() -> bytes:
    """All but the rate is marked as not to be changed."""
    command = bytearray(DEVICE_CONTROL_BYTES)
    command[0] = SETS_RATE
    command[RATE_AT : RATE_AT + 2] = RATE_HZ.to_bytes(2, "little")
    return bytes(command)
