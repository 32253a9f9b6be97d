"""What both kinds of clock keep: the times that were given out, the spread of delays, and what they report."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from firmware_bridge.envelope import NS_PER_MS, NS_PER_S
from firmware_bridge.packets import BridgeError


class ClockError(BridgeError, ValueError):
    """What a clock was told can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReport:
    """What a clock knows of itself so far."""

    host_timed: bool
    """The device has no clock; its samples are spread over arrivals, and no claim finer than those holds."""
    epochs: int
    packets: int
    pings: int
    offset_ns: int | None
    """Session time minus device time at the newest sample; None before the first."""
    drift_ppm: float
    """Rate of session time against the device's clock (nominal sample period), minus 1."""
    residual_ms: float
    """Standard deviation of arrival minus mapped time: waits, packets sent again, the host's stalls."""
    residual_p99_ms: float
    uncertainty_ms: float | None = None
    """Standard uncertainty of mapped times, the constant part of the path left out; None until bounds exist."""
    path_ms: float | None = None
    """Mapped times are late by a constant between 0 and this, which drops out between sensors of one kind. From pings;
    None without any."""
    interval_ms: float | None = None
    """Connection interval that arrivals show."""
    restarts: int
    """New starts within an epoch: the computer slept, the device's clock stood still, or bounds contradicted each
    other. Where a device has no clock: samples were lost that nothing counted."""


class Delays:
    """Spread of delays in constant memory."""

    BIN_NS: Final = 250_000
    BINS: Final = 2000
    """Up to 500 ms; what is later is a backlog and counts as that."""

    def __init__(self) -> None:
        self._counts = [0] * (self.BINS + 1)
        self._n = self._sum = self._squares = 0

    def push(self, delay_ns: int) -> None:
        bin_ = min(self.BINS, max(0, delay_ns // self.BIN_NS))
        self._counts[bin_] += 1
        if bin_ < self.BINS:
            self._n += 1
            self._sum += delay_ns
            self._squares += delay_ns * delay_ns

    @property
    def sd_ms(self) -> float:
        return sqrt(self._n * self._squares - self._sum**2) / self._n / NS_PER_MS if self._n else 0.0

    @property
    def p99_ms(self) -> float:
        wanted, seen = 0.99 * sum(self._counts), 0
        for bin_, count in enumerate(self._counts):
            seen += count
            if seen and seen >= wanted:
                return (bin_ + 1) * self.BIN_NS / NS_PER_MS
        return 0.0


class Track:
    """Session times that one epoch's ticks were given: late samples are put between them."""

    KEPT: Final = 4096
    """Packets: 100 s of 40 a second, far more than any device holds back."""

    def __init__(self, tick_ns: float) -> None:
        self._tick_ns = tick_ns
        self.ticks: list[int] = []
        self.t_ns: list[int] = []

    def jump(self, ticks: Sequence[int], last_ns: int, behind_ns: int | None) -> None:
        """A packet whose last sample is at `last_ns` whatever was before, or later so that it lies behind that."""
        span_ns = round((ticks[-1] - ticks[0]) * self._tick_ns)
        first_ns = last_ns - span_ns if behind_ns is None else max(last_ns - span_ns, behind_ns + 1)
        if span_ns and (not self.ticks or ticks[0] > self.ticks[-1]):
            self.append(ticks[0], first_ns)
        self.append(ticks[-1], first_ns + span_ns)

    def append(self, ticks: int, t_ns: int) -> None:
        if len(self.ticks) == 2 * self.KEPT:
            del self.ticks[: self.KEPT], self.t_ns[: self.KEPT]
        self.ticks.append(ticks)
        self.t_ns.append(t_ns)

    def at(self, ticks: Sequence[int]) -> list[int]:
        """Straight between the points, at the device's own rate outside of them."""
        known, times = self.ticks, self.t_ns
        out: list[int] = []
        for tick in ticks:
            i = bisect_right(known, tick)
            if i == 0:
                out.append(times[0] - round((known[0] - tick) * self._tick_ns))
            elif i == len(known):
                out.append(times[-1] + round((tick - known[-1]) * self._tick_ns))
            else:
                a, b = known[i - 1], known[i]
                out.append(times[i - 1] + (times[i] - times[i - 1]) * (tick - a) // (b - a))
        return out


class Timeline:
    """The tracks of a session's newest epochs."""

    KEPT: Final = 2

    def __init__(self, tick_s: float) -> None:
        if not 0 < tick_s < 1:
            raise ClockError(f"a tick of {tick_s} s; want seconds above 0 and below 1 (ticks per second?)")
        self.tick_ns = tick_s * NS_PER_S
        self.epochs = 0
        self._tracks: dict[int, Track] = {}

    @property
    def newest(self) -> Track | None:
        """Of the epoch that goes on."""
        return self._tracks[max(self._tracks)] if self._tracks else None

    @property
    def offset_ns(self) -> int | None:
        """Session time minus device time at the newest sample."""
        track = self.newest
        return None if track is None else track.t_ns[-1] - round(track.ticks[-1] * self.tick_ns)

    def is_new(self, epoch: int) -> bool:
        return not self._tracks or epoch > max(self._tracks)

    def begin(self, epoch: int, ticks: Sequence[int], last_ns: int) -> Track:
        """A new epoch with its first packet, whose last sample is at `last_ns`, or later: behind all before."""
        before = self.newest
        track = Track(self.tick_ns)
        track.jump(ticks, last_ns, None if before is None else before.t_ns[-1])
        self._tracks[epoch] = track
        self.epochs += 1
        if len(self._tracks) > self.KEPT:
            del self._tracks[min(self._tracks)]
        return track

    def of(self, epoch: int) -> Track:
        """Of an epoch that is forgotten: the oldest, which is the nearest."""
        return self._tracks.get(epoch, self._tracks[min(self._tracks)])
