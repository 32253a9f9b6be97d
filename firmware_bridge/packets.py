"""What flows through the bridge: frames that a driver decoded, samples that were counted, and what befell a link."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = npt.NDArray[Any]

ClockKind: TypeAlias = Literal["device", "none"]
"""Whether packets carry the device's own time; without it their arrival is all there is."""


class BridgeError(Exception):
    """Everything that this package raises on purpose."""


class BadPacket(BridgeError, ValueError):
    """Bytes that are no packet of the device that is said to have sent them; the only error that decoding raises."""

    def __init__(self, message: str, *, payload: bytes) -> None:
        super().__init__(message)
        self.payload = payload


class BadRate(BridgeError, ValueError):
    """A sampling rate that the device cannot be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """How a device counts and tells time. Counters wrap to 0 after `bits` bits; 0 bits = it has none."""

    clock: ClockKind
    tick_s: float
    """Length of one tick of the device's clock; of one sample period where it has no clock."""
    tick_bits: int
    packet_bits: int
    sample_bits: int


class Frame(NamedTuple):
    """One packet as a driver decoded it, counters as they were sent."""

    packet: int | None
    """Packet counter."""
    first: int | None
    """Sample counter of the first sample."""
    ticks: int | None
    """Device clock at the last sample."""
    period_ticks: float
    """From sample to sample, nominally."""
    values: Values
    """(n, 6) acc x y z, gyr x y z, sensor axes: int16 counts, or float32 in SI units."""
    overrun: bool = False
    """The device lost samples before this packet; its sample counter tells how many."""
    saturated: bool = False
    clock_reset: bool = False
    """The device's clock began anew with this packet: it was off, or rebooted."""


class Counted(NamedTuple):
    """Samples of one packet, counted without wrap. No sample is invented, and none stands twice."""

    epoch: int
    """Grows with every start of the device's clock; within one, `ticks` strictly increase in the order of sampling."""
    number: Ints
    """(n,) sample counter of the whole session; a jump = lost samples."""
    ticks: Ints
    """(n,) device clock, unwrapped within its epoch."""
    values: Values
    """(n, 6) as in `Frame`."""
    arrived_ns: int
    """Host clock when the packet's notification came."""
    late: bool
    """Its samples are older than ones that came before."""


class Identity(NamedTuple):
    """What a device says of itself. Its address is no part of it: systems hide or change addresses."""

    serial: str
    model: str
    firmware: str
    acc_per_count_m_s2: float | None
    """What one count is; None where values come in SI units."""
    gyr_per_count_rad_s: float | None
    acc_range_m_s2: float
    gyr_range_rad_s: float
    rate_hz: float
