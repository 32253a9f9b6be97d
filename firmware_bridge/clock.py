"""Device ticks to session time, as a causal function of what arrived, in order of arrival.

A packet leaves its device at a connection event, may be sent again at later ones, and may lie in the host for a while:
its delay is a constant plus waits whose mean is another for every sensor. So nothing is fitted *through* arrivals. See
envelope.py for what lies under them, and docs/clocks.md for reasons and figures.

Nothing here reads a clock or draws a number: the same calls give the same bits, so a log can be replayed.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final, NamedTuple

import numpy as np

from firmware_bridge.envelope import (
    CONTRADICTION_MS,
    NS_PER_MS,
    NS_PER_S,
    SKEW_PPM,
    SLACK_MS,
    WINDOW_S,
    Corridor,
    Intervals,
    Kalman,
    Middle,
)
from firmware_bridge.packets import BridgeError, Counted, Ints


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
    uncertainty_ms: float | None
    """Standard uncertainty of mapped times beside the constant part of the path; None until bounds exist."""
    path_ms: float | None
    """Mapped times are late by a constant between 0 and this, which drops out between sensors of one kind. From
    pings; None without any."""
    interval_ms: float | None
    """Connection interval that arrivals show."""
    restarts: int
    """How often the clock jumped within an epoch: the computer slept, or the device's clock stood still."""


class _Delays:
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


class _Track:
    """Session times that one epoch's ticks were given: late samples are put between them."""

    KEPT: Final = 4096
    """Packets: 100 s of 40 a second, far more than any device holds back."""

    def __init__(self, tick_ns: float) -> None:
        self._tick_ns = tick_ns
        self.ticks: deque[int] = deque(maxlen=self.KEPT)
        self.t_ns: deque[int] = deque(maxlen=self.KEPT)

    def append(self, ticks: int, t_ns: int) -> None:
        self.ticks.append(ticks)
        self.t_ns.append(t_ns)

    def at(self, ticks: Sequence[int]) -> list[int]:
        """Straight between the points, at the device's own rate outside of them."""
        known, times = list(self.ticks), list(self.t_ns)
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


class _Seen(NamedTuple):
    """One packet's arrival."""

    arrived_ns: int
    at_s: float
    """Its last sample, device clock since the epoch began."""
    offset_ms: float
    """Arrival minus that."""


class _Ping(NamedTuple):
    sent_ns: int
    ticks: int
    received_ns: int


class SessionClock:
    """Session time of one device's samples.

    Args:
        tick_s: of the device's clock.
        session_start_ns: host clock, monotonic, where session time is 0.
        tick_bits: where pings bring ticks as they were sent, after how many bits they wrap; 0 = they are unwrapped.

    Raises:
        ClockError: a tick that is no length of time.
    """

    STEP_NS: Final = NS_PER_S
    RECENT_NS: Final = 5 * NS_PER_S
    """The earliest packet is looked for among these; at any usual loss some of each phase went at the first try."""
    ENOUGH: Final = 20
    """Packets that show the phases which this device's packets have against the connection events."""
    SPARE: Final = 3
    """As many of the latest phases may be the host's doing, and are not believed."""
    JITTER_MS: Final = 0.5
    """From connection event to callback, beside the constant part."""
    ANSWER_MS: Final = (-0.5, 1.2)
    """A ping's answer against its connection event and the constant part: the device may be slow to read its clock,
    the host to hand on the answer."""
    AGREE_MS: Final = 0.3
    KNOWN_MS: Final = 0.5
    """Standard uncertainty below which offsets may judge the path."""
    STEADY: Final = 20.0
    """A bound is a witness for some of these steps: their errors are not independent."""
    FLOOR_MS: Final = 0.1
    JUMP_MS: Final = 100.0
    """Earlier than possible by this: the host's clock stood still."""
    STOPPED_MS: Final = 200.0
    STOPPED_NS: Final = 20 * NS_PER_S
    """All packets late by that for so long: no backlog, the device's clock stood still."""
    SLEW_NS: Final = 2 * NS_PER_S
    """Corrections are let in over this time..."""
    SLEW_MAX: Final = 0.1
    """...and squeeze or stretch time by at most this share: steps of time stay well within 1.5 periods."""
    PINGS_KEPT: Final = 64

    def __init__(self, tick_s: float, session_start_ns: int, *, tick_bits: int = 0) -> None:
        if not 0 < tick_s < 1:
            raise ClockError(f"a tick of {tick_s} s; want seconds above 0 and below 1 (ticks per second?)")
        self._tick_ns = tick_s * NS_PER_S
        self._start_ns = session_start_ns
        self._turn = 1 << tick_bits if tick_bits else 0
        self._epoch: int | None = None
        self._epochs = self._packets = self._pings = self._restarts = 0
        self._tracks: dict[int, _Track] = {}
        self._last_ns: int | None = None
        self._delays = _Delays()
        self._intervals = Intervals()
        self._kalman = Kalman()
        self._corridor = Corridor()
        self._middle: Middle | None = None
        self._middle_s = 0.0
        self._recent: deque[_Seen] = deque()
        self._pings_due: deque[_Ping] = deque(maxlen=self.PINGS_KEPT)
        self._path_ms: float | None = None
        self._zero_ticks = self._zero_ns = self._step_ns = self._on_time_ns = 0

    def ping(self, sent_ns: int, ticks: int, received_ns: int) -> None:
        """The device's clock was asked for at `sent_ns` and its answer came at `received_ns`; host clock, monotonic.

        It is judged with the packets around it, and what does not belong to their epoch is left out.
        """
        self._pings += 1
        self._pings_due.append(_Ping(sent_ns, ticks, received_ns))

    def samples(self, counted: Counted) -> Ints:
        """Session time of one packet's samples, (n,) ns.

        In order of sampling they strictly increase, over all calls and epochs; late samples fall between the others.
        """
        if len(counted.ticks) == 0:
            return np.empty(0, dtype=np.int64)
        ticks = [int(tick) for tick in counted.ticks]
        self._packets += 1
        if self._epoch is None or counted.epoch > self._epoch:
            self._begin(counted.epoch, ticks[-1], counted.arrived_ns)
        # of an epoch older than those that are kept: nearest is the oldest
        track = self._tracks.get(counted.epoch, next(iter(self._tracks.values())))
        if counted.epoch == self._epoch and (not track.ticks or ticks[-1] > track.ticks[-1]):
            jumped = not counted.late and self._observe(ticks[-1], counted.arrived_ns)
            self._extend(track, ticks, jumped=jumped)
            self._delays.push(counted.arrived_ns - self._start_ns - track.t_ns[-1])
        return np.array(track.at(ticks), dtype=np.int64)

    def report(self) -> ClockReport:
        """So far; asking changes nothing."""
        track = self._tracks.get(-1 if self._epoch is None else self._epoch)
        return ClockReport(
            host_timed=False,
            epochs=self._epochs,
            packets=self._packets,
            pings=self._pings,
            offset_ns=None if track is None else track.t_ns[-1] - round(track.ticks[-1] * self._tick_ns),
            drift_ppm=self._kalman.skew_ppm,
            residual_ms=self._delays.sd_ms,
            residual_p99_ms=self._delays.p99_ms,
            uncertainty_ms=None if self._middle is None else self._middle.sd_ms,
            path_ms=self._path_ms,
            interval_ms=self._intervals.ms,
            restarts=self._restarts,
        )

    def _begin(self, epoch: int, ticks: int, arrived_ns: int) -> None:
        """What is known of skew, interval and path stays: they are of the crystal and the link."""
        self._epoch = epoch
        self._epochs += 1
        self._tracks = {**dict(list(self._tracks.items())[-1:]), epoch: _Track(self._tick_ns)}
        self._zero_ticks, self._zero_ns = ticks, arrived_ns
        self._restart(0.0, 0.0, arrived_ns)

    def _restart(self, at_s: float, offset_ms: float, arrived_ns: int) -> None:
        self._kalman.restart(at_s, offset_ms)
        self._corridor.clear()
        self._middle = None
        self._recent.clear()
        self._step_ns = arrived_ns + self.STEP_NS
        self._on_time_ns = arrived_ns

    def _device_ns(self, ticks: int) -> int:
        """Since the epoch's first packet; small, so that floats of it are exact enough."""
        return round((ticks - self._zero_ticks) * self._tick_ns)

    def _observe(self, ticks: int, arrived_ns: int) -> bool:
        """Learn from an arrival. True = the clock jumped."""
        self._intervals.push(arrived_ns)
        device_ns = self._device_ns(ticks)
        seen = _Seen(arrived_ns, device_ns / NS_PER_S, (arrived_ns - self._zero_ns - device_ns) / NS_PER_MS)
        late_ms = seen.offset_ms - self._kalman.offset(seen.at_s)
        if late_ms < self.STOPPED_MS:
            self._on_time_ns = arrived_ns
        jumped = (self._middle is not None and late_ms < -self.JUMP_MS) or (
            arrived_ns - self._on_time_ns > self.STOPPED_NS
            and bool(self._recent)
            and self._recent[-1].arrived_ns - self._on_time_ns > self.STOPPED_NS / 2
        )
        if jumped:
            self._restarts += 1
            self._restart(seen.at_s, seen.offset_ms, arrived_ns)
        elif self._middle is None and late_ms < 0:
            # nothing bounds it from below yet: the earliest so far
            self._kalman.restart(seen.at_s, seen.offset_ms)
        self._recent.append(seen)
        while self._recent[0].arrived_ns < arrived_ns - self.RECENT_NS:
            self._recent.popleft()
        if arrived_ns >= self._step_ns:
            self._step_ns = arrived_ns + self.STEP_NS
            self._step(seen.at_s)
        return jumped

    def _step(self, now_s: float) -> None:
        """Bounds from the last seconds' packets and pings, and what lies between all bounds."""
        self._intervals.find()
        first = min(self._recent, key=lambda seen: seen.offset_ms)
        self._corridor.forget(now_s - WINDOW_S)
        self._corridor.upper.append((first.at_s, first.offset_ms))
        width_ms = self._width(first.offset_ms)
        if width_ms is not None:
            low = first.offset_ms - width_ms
            # above all that is possible: none of these packets went at the first try
            if self._middle is None or low < self._most(first.at_s) + self.AGREE_MS:
                self._corridor.lower.append((first.at_s, low))
            self._use_pings(first.offset_ms, low)
        middle = self._corridor.middle(now_s, (-SKEW_PPM, SKEW_PPM))
        if middle is None:
            return
        if middle.relaxed_ms > CONTRADICTION_MS:
            self._restarts += 1
            self._restart(first.at_s, first.offset_ms, self._recent[-1].arrived_ns)
            return
        self._middle, self._middle_s = middle, now_s
        self._kalman.measure(now_s, middle.offset_ms, self.STEADY * middle.sd_ms**2 + self.FLOOR_MS**2)

    def _most(self, at_s: float) -> float:
        """Highest offset that upper bounds allowed at the last step."""
        if self._middle is None:
            return float("inf")
        return self._middle.most_ms + 1e-3 * SKEW_PPM * max(0.0, at_s - self._middle_s)

    def _width(self, first_ms: float) -> float | None:
        """How far under the earliest packet the true offset may be, ms: the gap that phases leave in an interval."""
        interval = self._intervals.ms
        if interval is None or len(self._recent) < self.ENOUGH:
            return None
        late = (seen.offset_ms - first_ms for seen in self._recent)
        phases = sorted((ms + self.JITTER_MS) % interval - self.JITTER_MS for ms in late if ms < 4 * interval)
        if len(phases) < self.ENOUGH // 2:
            return None
        return max(SLACK_MS, interval - phases[-self.SPARE])

    def _use_pings(self, first_ms: float, low_ms: float) -> None:
        """A device reads its clock at a connection event, and its answer comes whole intervals later: so a ping tells
        where in an interval the events are, free of the beat; packets tell which interval."""
        interval = self._intervals.ms
        early, late = self.ANSWER_MS
        for ping in self._pings_due:
            ticks = ping.ticks
            if self._turn:
                newest = self._zero_ticks + round(self._recent[-1].at_s * NS_PER_S / self._tick_ns)
                ticks = newest + (ticks - newest + self._turn // 2) % self._turn - self._turn // 2
            device_ns = self._device_ns(ticks)
            sent = (ping.sent_ns - self._zero_ns - device_ns) / NS_PER_MS
            received = (ping.received_ns - self._zero_ns - device_ns) / NS_PER_MS
            if interval is None or sent > first_ms or received < low_ms:
                continue
            offset = received - ceil((received - first_ms - self.AGREE_MS) / interval) * interval
            if offset >= max(sent, low_ms - self.ANSWER_MS[1]):
                at_s = device_ns / NS_PER_S
                self._corridor.upper.append((at_s, offset - early))
                self._corridor.lower.append((at_s, offset - late))
            if self._middle is not None and self._middle.sd_ms < self.KNOWN_MS:
                path = self._kalman.offset(device_ns / NS_PER_S) - sent
                self._path_ms = path if self._path_ms is None else max(0.0, min(path, self._path_ms))
        self._pings_due.clear()

    def _extend(self, track: _Track, ticks: Sequence[int], *, jumped: bool) -> None:
        """Give session times to a packet that is newer than all before."""
        zero_ns = self._zero_ns - self._start_ns
        device_ns = self._device_ns(ticks[-1])
        span_ns = device_ns - self._device_ns(ticks[0])
        wanted_ns = zero_ns + device_ns + round(self._kalman.offset(device_ns / NS_PER_S) * NS_PER_MS)
        if jumped or not track.ticks:
            first_ns = wanted_ns - span_ns
            if self._last_ns is not None:
                first_ns = max(first_ns, self._last_ns + 1)
            if span_ns:
                track.append(ticks[0], first_ns)
            last_ns = first_ns + span_ns
        else:
            step_ns = device_ns - self._device_ns(track.ticks[-1])
            free_ns = track.t_ns[-1] + step_ns + round(step_ns * self._kalman.skew_ppm * 1e-6)
            most_ns = self.SLEW_MAX * step_ns
            part = min(1.0, step_ns / self.SLEW_NS)
            last_ns = free_ns + round(min(most_ns, max(-most_ns, part * (wanted_ns - free_ns))))
        track.append(ticks[-1], last_ns)
        self._last_ns = last_ns
