"""A device that is modelled whole: every sample has a name, so none can be invented unseen."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from firmware_bridge import dot, ogi
from firmware_bridge.assembler import Assembler
from firmware_bridge.packets import Counted, Frame

OGI = ogi.Ogi().counters
DOT = dot.Dot().counters
NOMINAL_US = 5000
LATENCY_US = 30_000
SHAPE = 6


def values_of(names: range) -> npt.NDArray[np.int16]:
    """Six counts that spell the number of a sample."""
    spelled = np.asarray(names, dtype=np.uint64)[:, None] >> np.arange(0, 16 * SHAPE, 16, dtype=np.uint64)
    spelled[:, 4:] = 0  # a shift beyond 63 bits says nothing
    return (spelled & 0xFFFF).astype(np.uint16).view(np.int16)


def names_of(values: npt.NDArray[Any]) -> list[int]:
    parts = values.astype(np.int64) & 0xFFFF
    return [int(a) | int(b) << 16 | int(c) << 32 for a, b, c in parts[:, :3]]


class Sent(NamedTuple):
    names: range
    ticks_us: int
    """Of the last sample, in its epoch, never wrapped."""
    frame: Frame


class Device:
    """A sensor whose counters and clock are known without wrap, and a host that waits beside it."""

    def __init__(
        self, *, sample: int = 0, packet: int = 0, ticks_us: int = 1_000_000, period_us: int = NOMINAL_US
    ) -> None:
        self.sample, self.packet, self.ticks_us, self.period_us = sample, packet, ticks_us, period_us
        self.name = 0
        self.host_us = 10**9
        self.boot_flag = False
        self.boot = 0

    def take(self, n: int) -> Sent:
        self.ticks_us += n * self.period_us
        self.host_us += n * self.period_us
        names = range(self.name, self.name + n)
        frame = Frame(
            packet=self.packet & 0xFFFF,
            first=self.sample & 0xFFFF,
            ticks=self.ticks_us & 0xFFFFFFFF,
            period_ticks=NOMINAL_US,
            values=values_of(names),
            clock_reset=self.boot_flag,
        )
        self.boot_flag = False
        self.name += n
        self.sample += n
        self.packet += 1
        return Sent(names, self.ticks_us, frame)

    def run_unheard(self, packets: int, n: int) -> int:
        """Samples that were taken."""
        if packets:
            self.take(n)
            samples = (packets - 1) * n
            self.ticks_us += samples * self.period_us
            self.host_us += samples * self.period_us
            self.name += samples
            self.sample += samples
            self.packet += packets - 1
        return packets * n

    def reboot(self, off_us: int) -> None:
        self.host_us += off_us
        self.sample = self.packet = 0
        self.ticks_us = 20_000
        self.host_us += self.ticks_us
        self.boot_flag = True
        self.boot += 1


def frame(first: int, ticks: int, n: int = 1, *, packet: int | None = None, **more: Any) -> Frame:
    return Frame(
        packet=first // n & 0xFFFF if packet is None else packet,
        first=first & 0xFFFF,
        ticks=ticks & 0xFFFFFFFF,
        period_ticks=NOMINAL_US,
        values=values_of(range(first, first + n)),
        **more,
    )


def push(assembler: Assembler, frame: Frame, host_us: int) -> Counted:
    counted = assembler.push(frame, host_us * 1000)
    assert counted is not None
    return counted
