"""Standard Bluetooth characteristics read on the side: treadmill, heart rate, battery. Nothing is ever written to them.

Layouts after the Fitness Machine Service 1.0, section 4.4, the Heart Rate Service 1.0, section 3.1, and the Battery
Service 1.0, section 3.1. Bits reserved for the future and bytes behind the known fields are passed over, as GATT asks.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from firmware_bridge.packets import BadPacket


def _uuid(short: int) -> str:
    return f"0000{short:04x}-0000-1000-8000-00805f9b34fb"


FITNESS_MACHINE: Final = _uuid(0x1826)
TREADMILL_DATA: Final = _uuid(0x2ACD)
HEART_RATE: Final = _uuid(0x180D)
HEART_RATE_MEASUREMENT: Final = _uuid(0x2A37)
BATTERY: Final = _uuid(0x180F)
BATTERY_LEVEL: Final = _uuid(0x2A19)

_NO_ANGLE: Final = 0x7FFF
"""What a treadmill says that has no such figure."""
_TREADMILL_FIELDS: Final = ("<H", "<H", "<HB", "<hh", "<HH", "<B", "<B", "<HHB", "<B", "<B", "<H", "<H", "<hh")
"""By bit of the flags. Bit 0 is the other way round: set = the speed is in another notification."""


class Treadmill(NamedTuple):
    """One notification; None = not in it. A machine may spread its figures over several."""

    speed_m_s: float | None = None
    incline_pct: float | None = None
    """Uphill positive."""
    distance_m: int | None = None
    elapsed_s: int | None = None


class HeartRate(NamedTuple):
    """One notification."""

    bpm: int
    contact: bool | None
    """Skin contact; None = the sensor doesn't tell."""
    energy_kj: int | None
    rr_s: tuple[float, ...]
    """Intervals between beats, oldest first."""


def treadmill(payload: bytes) -> Treadmill:
    """Treadmill Data, 0x2ACD.

    Raises:
        BadPacket: shorter than its flags claim.
    """
    flags = _take("<H", payload, 0)[0] ^ 1
    fields = dict(_fields(flags, payload))
    speed, distance, slope, elapsed = (fields.get(bit) for bit in (0, 2, 3, 10))
    return Treadmill(
        # 0.01 km/h
        speed_m_s=speed[0] / 360 if speed else None,
        incline_pct=slope[0] / 10 if slope and slope[0] != _NO_ANGLE else None,
        distance_m=distance[0] | distance[1] << 16 if distance else None,
        elapsed_s=elapsed[0] if elapsed else None,
    )


def heart_rate(payload: bytes) -> HeartRate:
    """Heart Rate Measurement, 0x2A37.

    Raises:
        BadPacket: shorter than its flags claim, or half an interval.
    """
    flags = _take("<B", payload, 0)[0]
    layout = "<H" if flags & 1 else "<B"
    at = 1
    bpm = _take(layout, payload, at)[0]
    at += struct.calcsize(layout)
    energy = None
    if flags & 0b1000:
        energy = _take("<H", payload, at)[0]
        at += 2
    intervals: tuple[int, ...] = ()
    if flags & 0b1_0000:
        if (len(payload) - at) % 2:
            raise BadPacket(f"got {len(payload)} bytes: the last interval is cut", payload=payload)
        intervals = _take(f"<{(len(payload) - at) // 2}H", payload, at)
    return HeartRate(
        bpm=bpm,
        contact=bool(flags & 0b10) if flags & 0b100 else None,
        energy_kj=energy,
        rr_s=tuple(interval / 1024 for interval in intervals),
    )


def battery(payload: bytes) -> int:
    """Battery Level, 0x2A19, percent.

    Raises:
        BadPacket: no byte, or more than 100 %.
    """
    level = _take("<B", payload, 0)[0]
    if level > 100:
        raise BadPacket(f"got a battery level of {level} %", payload=payload)
    return level


def _fields(flags: int, payload: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    at = 2
    for bit, layout in enumerate(_TREADMILL_FIELDS):
        if flags >> bit & 1:
            yield bit, _take(layout, payload, at)
            at += struct.calcsize(layout)


def _take(layout: str, payload: bytes, at: int) -> tuple[int, ...]:
    if len(payload) < at + struct.calcsize(layout):
        raise BadPacket(f"got {len(payload)} bytes, fewer than their flags claim", payload=payload)
    return struct.unpack_from(layout, payload, at)
