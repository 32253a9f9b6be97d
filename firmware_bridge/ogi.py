"""The open profile OGI, byte by byte as docs/devices.md lays it down, and its driver."""

import binascii
import math
import struct
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from firmware_bridge.driver import Link
from firmware_bridge.packets import BadPacket, BadRate, Counters, Frame, Identity

SERVICE: Final = "7a1e0001-5c4b-4f6e-9d2a-6f67692d6761"
DATA: Final = "7a1e0002-5c4b-4f6e-9d2a-6f67692d6761"
CTRL: Final = "7a1e0003-5c4b-4f6e-9d2a-6f67692d6761"
SYNC: Final = "7a1e0004-5c4b-4f6e-9d2a-6f67692d6761"
INFO: Final = "7a1e0005-5c4b-4f6e-9d2a-6f67692d6761"
NAME_PREFIX: Final = "OGI-"

VERSION: Final = 1
MOST_SAMPLES: Final = 19
"""Of one packet: 242 bytes, within the 244 that an ATT MTU of 247 leaves."""
HEADER_BYTES: Final = 12
SAMPLE_BYTES: Final = 12
CRC_BYTES: Final = 2
INFO_BYTES: Final = 58

OVERRUN: Final = 0b001
SATURATED: Final = 0b010
CLOCK_RESET: Final = 0b100
_FLAGS: Final = OVERRUN | SATURATED | CLOCK_RESET

_HEADER: Final = struct.Struct("<BBHIHH")
_INFO: Final = struct.Struct("<5BxHHHIII16s16s")
_START: Final = 0x01
_STOP: Final = 0x02
_RESEND: Final = 0x03
_PERIOD_UNIT_US: Final = 10
_G_M_S2: Final = 9.80665
_ROLES: Final = ("", "left_foot", "right_foot", "pelvis")
_COUNTERS: Final = Counters(clock="device", tick_s=1e-6, tick_bits=32, packet_bits=16, sample_bits=16)


class Info(NamedTuple):
    """What INFO says."""

    firmware: tuple[int, int, int]
    role: str
    """What it was labelled for: "left_foot", "right_foot", "pelvis", or ""; a hint."""
    acc_range_g: int
    gyr_range_deg_s: int
    held_packets: int
    """How many packets it keeps for resending."""
    acc_count_ng: int
    """One count, 1e-9 g."""
    gyr_count_ndeg_s: int
    """One count, 1e-9 deg/s."""
    rate_mhz: int
    """1e-3 Hz."""
    serial: str
    model: str


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE.

    >>> hex(crc16(b"123456789"))
    '0x29b1'
    """
    return binascii.crc_hqx(data, 0xFFFF)


def pack(frame: Frame) -> bytes:
    """A packet as a device sends it; counters and ticks wrap here.

    Raises:
        ValueError: a counter is missing, or a value has no room in its bits.
    """
    if frame.packet is None or frame.first is None or frame.ticks is None:
        raise ValueError(f"got counters {frame.packet}, {frame.first}, {frame.ticks}; an OGI packet carries all three")
    n = len(frame.values)
    if not 1 <= n <= MOST_SAMPLES or frame.values.shape != (n, 6) or frame.values.dtype != np.int16:
        raise ValueError(
            f"got values of shape {frame.values.shape} {frame.values.dtype}; want (1 to {MOST_SAMPLES}, 6) int16"
        )
    period, rest = divmod(frame.period_ticks, _PERIOD_UNIT_US)
    if rest or not 0 < period <= 0xFFFF:
        raise ValueError(f"got a period of {frame.period_ticks} us; want a multiple of 10 us up to {0xFFFF * 10}")
    flags = OVERRUN * frame.overrun | SATURATED * frame.saturated | CLOCK_RESET * frame.clock_reset
    body = (
        _HEADER.pack(
            VERSION << 4 | flags, n, frame.packet & 0xFFFF, frame.ticks & 0xFFFFFFFF, int(period), frame.first & 0xFFFF
        )
        + frame.values.astype("<i2").tobytes()
    )
    return body + crc16(body).to_bytes(2, "little")


def unpack(payload: bytes) -> Frame:
    """A packet as it came; `values` is (n, 6) int16 counts.

    Raises:
        BadPacket: whatever else the bytes are.
    """
    if len(payload) < HEADER_BYTES + SAMPLE_BYTES + CRC_BYTES:
        raise BadPacket(f"got {len(payload)} bytes; an OGI packet has 26 at least", payload=payload)
    head, n, packet, ticks, period, first = _HEADER.unpack_from(payload)
    if head >> 4 != VERSION or head & 0xF & ~_FLAGS:
        raise BadPacket(f"got a first byte of {head:#04x}; want version {VERSION} and bit 3 clear", payload=payload)
    if not 1 <= n <= MOST_SAMPLES or len(payload) != HEADER_BYTES + SAMPLE_BYTES * n + CRC_BYTES:
        raise BadPacket(f"got {len(payload)} bytes that claim {n} samples; want 14 + 12 n, n <= 19", payload=payload)
    if not period:
        raise BadPacket("got a sample period of 0", payload=payload)
    _check_crc(payload)
    counts: npt.NDArray[np.int16] = np.frombuffer(payload, "<i2", 6 * n, HEADER_BYTES).astype(np.int16)
    return Frame(
        packet=packet,
        first=first,
        ticks=ticks,
        period_ticks=float(period * _PERIOD_UNIT_US),
        values=counts.reshape(n, 6),
        overrun=bool(head & OVERRUN),
        saturated=bool(head & SATURATED),
        clock_reset=bool(head & CLOCK_RESET),
    )


def pack_info(info: Info) -> bytes:
    """INFO as a device answers it.

    Raises:
        ValueError: a text is too long or not printable ASCII; a value is 0 or has no room.
    """
    try:
        body = _INFO.pack(
            VERSION,
            _ROLES.index(info.role),
            *info.firmware,
            info.acc_range_g,
            info.gyr_range_deg_s,
            info.held_packets,
            info.acc_count_ng,
            info.gyr_count_ndeg_s,
            info.rate_mhz,
            *(text.encode("ascii") for text in (info.serial, info.model)),
        )
        answer = body + crc16(body).to_bytes(2, "little")
        said = unpack_info(answer)
    except (struct.error, ValueError) as err:
        raise ValueError(f"{info} does not fit INFO: {err}") from err
    if said != info:
        raise ValueError(f"{info} does not fit INFO: it would be read as {said} (a text beyond 16 characters?)")
    return answer


def unpack_info(payload: bytes) -> Info:
    """INFO as it was read.

    Raises:
        BadPacket: whatever else the bytes are.
    """
    if len(payload) != INFO_BYTES:
        raise BadPacket(f"got {len(payload)} bytes; INFO has {INFO_BYTES}", payload=payload)
    layout, role, *firmware, acc, gyr, held, acc_count, gyr_count, rate, serial, model = _INFO.unpack_from(payload)
    if layout != VERSION:
        raise BadPacket(f"got INFO of layout {layout}; want {VERSION}", payload=payload)
    _check_crc(payload)
    if role >= len(_ROLES):
        raise BadPacket(f"got role {role}; want 0 to {len(_ROLES) - 1}", payload=payload)
    if not (acc and gyr and acc_count and gyr_count and rate):
        raise BadPacket("INFO has a range, scale or rate of 0", payload=payload)
    return Info(
        firmware=(firmware[0], firmware[1], firmware[2]),
        role=_ROLES[role],
        acc_range_g=acc,
        gyr_range_deg_s=gyr,
        held_packets=held,
        acc_count_ng=acc_count,
        gyr_count_ndeg_s=gyr_count,
        rate_mhz=rate,
        serial=_text(serial, "serial number", payload),
        model=_text(model, "model", payload),
    )


def identity(info: Info) -> Identity:
    """The same in SI units."""
    return Identity(
        serial=info.serial,
        model=info.model,
        firmware=".".join(str(part) for part in info.firmware),
        acc_per_count_m_s2=info.acc_count_ng * 1e-9 * _G_M_S2,
        gyr_per_count_rad_s=math.radians(info.gyr_count_ndeg_s * 1e-9),
        acc_range_m_s2=info.acc_range_g * _G_M_S2,
        gyr_range_rad_s=math.radians(info.gyr_range_deg_s),
        rate_hz=info.rate_mhz * 1e-3,
    )


def command_start(rate_hz: float | None) -> bytes:
    """None = the device's own rate.

    Raises:
        BadRate: a rate that is no positive number or has no room in 32 bits of mHz.
    """
    if rate_hz is None:
        rate_mhz = 0
    elif not math.isfinite(rate_hz) or not 1 <= (rate_mhz := round(rate_hz * 1e3)) <= 0xFFFFFFFF:
        raise BadRate(f"got a rate of {rate_hz} Hz; want 0.001 Hz to {0xFFFFFFFF / 1e3} Hz, or None")
    return struct.pack("<BI", _START, rate_mhz)


def command_stop() -> bytes:
    return bytes([_STOP])


def command_resend(packet: int) -> bytes:
    """From this packet counter on; it may be unwrapped."""
    return struct.pack("<BH", _RESEND, packet & 0xFFFF)


def unpack_clock(payload: bytes) -> int:
    """SYNC: the device's clock in us, wrapped as in packets.

    Raises:
        BadPacket: neither 4 nor 8 bytes.
    """
    if len(payload) not in {4, 8}:
        raise BadPacket(f"got {len(payload)} bytes; SYNC has 8, or 4", payload=payload)
    return int.from_bytes(payload, "little") & 0xFFFFFFFF


class Ogi:
    """`firmware_bridge.driver.Driver` of whatever speaks the open profile."""

    name: Final = "ogi"
    service: Final = SERVICE
    name_prefixes: Final[tuple[str, ...]] = ()
    data: Final = DATA
    counters: Final = _COUNTERS
    experimental: Final = None

    def decode(self, payload: bytes) -> Frame:
        return unpack(payload)

    async def identify(self, link: Link) -> Identity:
        return identity(unpack_info(bytes(await link.read_gatt_char(INFO))))

    async def start(self, link: Link, rate_hz: float | None) -> None:
        await link.write_gatt_char(CTRL, command_start(rate_hz), response=True)

    async def stop(self, link: Link) -> None:
        await link.write_gatt_char(CTRL, command_stop(), response=True)

    async def device_ticks(self, link: Link) -> int | None:
        return unpack_clock(bytes(await link.read_gatt_char(SYNC)))

    async def resend(self, link: Link, packet: int) -> None:
        await link.write_gatt_char(CTRL, command_resend(packet), response=True)


def _check_crc(payload: bytes) -> None:
    said, found = int.from_bytes(payload[-CRC_BYTES:], "little"), crc16(payload[:-CRC_BYTES])
    if said != found:
        raise BadPacket(f"got CRC {said:#06x} over bytes of CRC {found:#06x}: damaged on the way", payload=payload)


def _text(field: bytes, what: str, payload: bytes) -> str:
    text = field.rstrip(b"\0")
    if not text or not all(0x20 <= char < 0x7F for char in text) or text != text.strip():
        raise BadPacket(f"got {field!r} as {what}; want 1 to 16 printable ASCII characters", payload=payload)
    return text.decode("ascii")
