"""Device ticks to session time, as a causal function of what arrived, in order of arrival.

A packet leaves its device at a connection event, may be sent again at later ones, and may lie in the host for a while:
its delay is a constant plus waits whose mean is another for every sensor. So nothing is fitted *through* arrivals. See
envelope.py for what lies under them, and docs/clocks.md for reasons and figures.

Nothing here reads a clock or draws a number: the same calls give the same bits, so a log can be replayed.
"""

from collections import deque
from collections.abc import Sequence
from math import ceil
from typing import Final, NamedTuple

import numpy as np

from firmware_bridge.envelope import (
    CONTRADICTION_MS,
    NS_PER_MS,
    NS_PER_S,
    SKEW_PPM,
    WINDOW_S,
    Corridor,
    Intervals,
    Kalman,
    Middle,
)
from firmware_bridge.packets import Counted, Ints
from firmware_bridge.timeline import ClockReport, Delays, Timeline, Track


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
        session_start_ns: host clock where session time is 0.
        tick_bits: where pings bring ticks as they were sent, after how many bits they wrap; 0 = they are unwrapped.

    Raises:
        ClockError: a tick that is no length of time.
    """

    STEP_NS: Final = NS_PER_S
    RECENT_NS: Final = 5 * NS_PER_S
    """The earliest packet is looked for among these; at any usual loss some of each phase went at the first try."""
    ENOUGH: Final = 20
    """Packets that show the phases which this device's packets have against the connection events."""
    ALONE_NS: Final = 3 * NS_PER_MS
    """What arrives together was held up by the host, and shows its phase no more."""
    SPARE: Final = 3
    """As many of the latest phases may be the host's doing, and are not believed."""
    JITTER_MS: Final = 0.5
    """How much earlier than the earliest a packet of its phase may come."""
    LATE_MS: Final = 0.8
    """What the latest phases that are believed may owe to the host."""
    ANSWER_MS: Final = (-0.5, 1.2)
    """A ping's answer against its connection event and the constant part: the device may be slow to read its clock,
    the host to hand on the answer."""
    AGREE_MS: Final = 0.3
    REFUSED: Final = 30
    """Steps in a row that the lines contradict: the lines are wrong, and so is their skew."""
    KNOWN_MS: Final = 0.5
    """Standard uncertainty below which offsets may judge the path."""
    STEADY: Final = 5.0
    """A bound is a witness for some of these steps: their errors are not independent."""
    FLOOR_MS: Final = 0.1
    JUMP_MS: Final = 100.0
    """Earlier than possible by this: the host's clock stood still."""
    STOPPED_MS: Final = 200.0
    STOPPED_NS: Final = 20 * NS_PER_S
    """All packets late by that for so long: no backlog, the device's clock stood still."""
    SLEW_NS: Final = NS_PER_S
    """Corrections are let in over this time..."""
    SLEW_MAX: Final = 0.1
    """...and squeeze or stretch time by at most this share: steps of time stay well within 1.5 periods."""
    PINGS_KEPT: Final = 64
    FIND_EVERY: Final = 5
    """Steps between two looks at the connection interval."""

    def __init__(self, tick_s: float, session_start_ns: int, *, tick_bits: int = 0) -> None:
        self._timeline = Timeline(tick_s)
        self._tick_ns = self._timeline.tick_ns
        self._start_ns = session_start_ns
        self._turn = 1 << tick_bits if tick_bits else 0
        self._packets = self._pings = self._restarts = 0
        self._delays = Delays()
        self._intervals = Intervals()
        self._kalman = Kalman()
        self._corridor = Corridor()
        self._middle: Middle | None = None
        self._middle_s = 0.0
        self._recent: deque[_Seen] = deque()
        self._pings_due: deque[_Ping] = deque(maxlen=self.PINGS_KEPT)
        self._path_ms: float | None = None
        self._zero_ticks = self._zero_ns = self._step_ns = self._stopped_ns = self._steps = self._refused = 0

    def ping(self, sent_ns: int, ticks: int, received_ns: int) -> None:
        """The device's clock was asked for at `sent_ns` and its answer came at `received_ns`; host clock.

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
        if self._timeline.is_new(counted.epoch):
            self._zero_ticks, self._zero_ns = ticks[-1], counted.arrived_ns
            # skew, interval and path stay: they are the crystal's and the link's
            self._restart(0.0, 0.0, counted.arrived_ns)
            self._observe(ticks[-1], counted.arrived_ns)
            track = self._timeline.begin(counted.epoch, ticks, counted.arrived_ns - self._start_ns)
        else:
            track = self._timeline.of(counted.epoch)
            if track is self._timeline.newest and ticks[-1] > track.ticks[-1]:
                jumped = not counted.late and self._observe(ticks[-1], counted.arrived_ns)
                self._extend(track, ticks, jumped=jumped)
                self._delays.push(counted.arrived_ns - self._start_ns - track.t_ns[-1])
        return np.array(track.at(ticks), dtype=np.int64)

    @property
    def restarts(self) -> int:
        """As in the report, but costs nothing: whoever sees it grow knows that session time may have jumped here."""
        return self._restarts

    def report(self) -> ClockReport:
        """So far; asking changes nothing."""
        return ClockReport(
            host_timed=False,
            epochs=self._timeline.epochs,
            packets=self._packets,
            pings=self._pings,
            offset_ns=self._timeline.offset_ns,
            drift_ppm=self._kalman.skew_ppm,
            residual_ms=self._delays.sd_ms,
            residual_p99_ms=self._delays.p99_ms,
            uncertainty_ms=None if self._middle is None else self._middle.sd_ms,
            path_ms=self._path_ms,
            interval_ms=self._intervals.ms,
            restarts=self._restarts,
        )

    def _restart(self, at_s: float, offset_ms: float, arrived_ns: int) -> None:
        self._kalman.restart(at_s, offset_ms)
        self._corridor.clear()
        self._middle = None
        self._recent.clear()
        self._step_ns = arrived_ns + self.STEP_NS
        self._stopped_ns = self._refused = 0

    def _device_ns(self, ticks: int) -> int:
        """Since the epoch's first packet; small, so that floats of it are exact enough."""
        return round((ticks - self._zero_ticks) * self._tick_ns)

    def _observe(self, ticks: int, arrived_ns: int) -> bool:
        """Learn from an arrival. True = the clock jumped."""
        self._intervals.push(arrived_ns)
        device_ns = self._device_ns(ticks)
        seen = _Seen(arrived_ns, device_ns / NS_PER_S, (arrived_ns - self._zero_ns - device_ns) / NS_PER_MS)
        late_ms = seen.offset_ms - self._kalman.offset(seen.at_s)
        # silence is no witness: what it held back comes late in no time
        waited_ns = arrived_ns - self._recent[-1].arrived_ns if self._recent else 0
        self._stopped_ns = self._stopped_ns + min(waited_ns, NS_PER_S) if late_ms > self.STOPPED_MS else 0
        early = self._middle is not None and late_ms < -self.JUMP_MS
        jumped = early or self._stopped_ns > self.STOPPED_NS
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
        self._steps += 1
        if (self._intervals.ms is None or self._steps % self.FIND_EVERY == 0) and self._intervals.find():
            self._corridor.clear()  # its bounds were drawn with another
        first = min(self._recent, key=lambda seen: seen.offset_ms)
        self._corridor.forget(now_s - WINDOW_S)
        self._corridor.upper.append((first.at_s, first.offset_ms))
        width_ms = self._width(first.offset_ms)
        if width_ms is not None:
            low = first.offset_ms - width_ms
            # above all that is possible: none of these packets went at the first try
            if self._middle is None or low < self._most(first.at_s) + self.AGREE_MS:
                self._refused = 0
                self._corridor.lower.append((first.at_s, low))
                self._use_pings(first.offset_ms, low)
            else:
                self._refused += 1
        middle = self._corridor.middle(now_s, (-SKEW_PPM, SKEW_PPM))
        if middle is None:
            return
        if middle.relaxed_ms > CONTRADICTION_MS or self._refused > self.REFUSED:
            self._restarts += 1
            self._kalman = Kalman()
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
        arrived = [
            self._recent[0].arrived_ns - NS_PER_S,
            *(seen.arrived_ns for seen in self._recent),
            self._recent[-1].arrived_ns + NS_PER_S,
        ]
        phases = sorted(
            (seen.offset_ms - first_ms + self.JITTER_MS) % interval - self.JITTER_MS
            for before, seen, after in zip(arrived, self._recent, arrived[2:], strict=False)
            if seen.arrived_ns - before > self.ALONE_NS and after - seen.arrived_ns > self.ALONE_NS
        )
        if len(phases) < self.ENOUGH // 2:
            return None
        return interval - phases[-self.SPARE] + self.LATE_MS

    def _use_pings(self, first_ms: float, low_ms: float) -> None:
        """A device reads its clock at a connection event, and its answer comes whole intervals later: so a ping tells
        where in an interval the events are, free of the beat; packets tell which interval.
        """
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

    def _extend(self, track: Track, ticks: Sequence[int], *, jumped: bool) -> None:
        """Give a session time to a packet that is newer than all before."""
        device_ns = self._device_ns(ticks[-1])
        offset_ns = self._zero_ns - self._start_ns + round(self._kalman.offset(device_ns / NS_PER_S) * NS_PER_MS)
        wanted_ns = device_ns + offset_ns
        if jumped:
            track.jump(ticks, wanted_ns, track.t_ns[-1])
            return
        step_ns = device_ns - self._device_ns(track.ticks[-1])
        free_ns = track.t_ns[-1] + step_ns + round(step_ns * self._kalman.skew_ppm * 1e-6)
        most_ns = self.SLEW_MAX * step_ns
        part = min(1.0, step_ns / self.SLEW_NS)
        track.append(ticks[-1], free_ns + round(min(most_ns, max(-most_ns, part * (wanted_ns - free_ns)))))


class HostClock:
    """Session time of the samples of a device that has no clock: arrivals, spread evenly, and no finer than those.

    Ticks are sample counts, so their rate is the sample rate, which may be off by percents. It is followed, with the
    lower envelope as the only witness. A device that doesn't count loses samples unseen; that shows as a delay that
    stays, and is taken as one after a block.

    Args:
        tick_s: the nominal sample period.
        session_start_ns: host clock where session time is 0.

    Raises:
        ClockError: a tick that is no length of time.
    """

    BLOCK_NS: Final = 2 * NS_PER_S
    GAIN: Final = 0.2
    """Share of a block's drift that goes to the rate."""
    RATE_MAX: Final = 0.05
    """Sample rates are at most this far off nominal."""
    LOST_NS: Final = 150 * NS_PER_MS
    """A whole block late by more: samples are missing, the rate is innocent."""
    SLEW_MAX: Final = 0.25
    """Time is squeezed or stretched by at most this share, so that no period grows to 1.5."""

    def __init__(self, tick_s: float, session_start_ns: int, *, tick_bits: int = 0) -> None:
        del tick_bits  # no pings to unwrap
        self._timeline = Timeline(tick_s)
        self._tick_ns = self._timeline.tick_ns
        self._start_ns = session_start_ns
        self._delays = Delays()
        self._rate = 0.0
        self._packets = self._pings = self._restarts = 0
        self._block_end_ns = self._early_ns = self._owed_ns = 0
        self._least_ns: int | None = None

    def ping(self, sent_ns: int, ticks: int, received_ns: int) -> None:
        """Counted and left out: there is no clock that could have been asked."""
        self._pings += 1

    def samples(self, counted: Counted) -> Ints:
        """Session time of one packet's samples, (n,) ns; in order of sampling they strictly increase."""
        if len(counted.ticks) == 0:
            return np.empty(0, dtype=np.int64)
        ticks = [int(tick) for tick in counted.ticks]
        arrived_ns = counted.arrived_ns - self._start_ns
        self._packets += 1
        if self._timeline.is_new(counted.epoch):
            track = self._timeline.begin(counted.epoch, ticks, arrived_ns)
            self._new_block(arrived_ns)
            self._owed_ns = 0
        else:
            track = self._timeline.of(counted.epoch)
            if track is self._timeline.newest and ticks[-1] > track.ticks[-1]:
                self._extend(track, ticks, arrived_ns)
        return np.array(track.at(ticks), dtype=np.int64)

    @property
    def restarts(self) -> int:
        return self._restarts

    def report(self) -> ClockReport:
        """So far; asking changes nothing."""
        return ClockReport(
            host_timed=True,
            epochs=self._timeline.epochs,
            packets=self._packets,
            pings=self._pings,
            offset_ns=self._timeline.offset_ns,
            drift_ppm=1e6 * self._rate,
            residual_ms=self._delays.sd_ms,
            residual_p99_ms=self._delays.p99_ms,
            restarts=self._restarts,
        )

    def _new_block(self, now_ns: int) -> None:
        self._block_end_ns, self._least_ns, self._early_ns = now_ns + self.BLOCK_NS, None, 0

    def _extend(self, track: Track, ticks: Sequence[int], arrived_ns: int) -> None:
        step_ns = round((ticks[-1] - track.ticks[-1]) * self._tick_ns * (1 + self._rate))
        most_ns = round(self.SLEW_MAX * step_ns)
        pay_ns = min(most_ns, self._owed_ns)
        self._owed_ns -= pay_ns
        t_ns = track.t_ns[-1] + step_ns + pay_ns
        # nothing arrives before it was sampled
        early_ns = min(0, max(-most_ns - pay_ns, arrived_ns - t_ns))
        track.append(ticks[-1], t_ns + early_ns)
        self._early_ns += early_ns
        late_ns = arrived_ns - t_ns - early_ns
        self._delays.push(late_ns)
        self._least_ns = late_ns if self._least_ns is None else min(late_ns, self._least_ns)
        if arrived_ns < self._block_end_ns:
            return
        least_ns = max(0, self._least_ns - self._owed_ns)
        self._owed_ns += least_ns
        if least_ns > self.LOST_NS:
            self._restarts += 1
        else:
            drift = (least_ns + self._early_ns) / self.BLOCK_NS
            self._rate = min(self.RATE_MAX, max(-self.RATE_MAX, self._rate + self.GAIN * drift))
        self._new_block(arrived_ns)
