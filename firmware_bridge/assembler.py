"""Frames to counted samples: counters unwrapped, duplicates dropped, losses counted, reboots told from late packets.

Whether a packet goes on in the present epoch is asked of all that it carries. Its clock says how much device time lies
between it and the newest one, arrivals say how much host time, its counters how many samples; they have to agree:

- identical to one that is known: a duplicate
- newer, and counter and clock agree: it goes on, and what the counter left out is lost
- newer, counters as if nothing had been, but the clock went on: streaming was stopped and started
- older, and it fits a hole to the sample and to the tick: late
- none of these, or the device says so, or it may have booted since and time fits nothing else: a reboot

All of it is causal and depends on nothing but the order and the times of arrival: a replay gives the same numbers.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from firmware_bridge.ledger import Entry, Ledger, Stamp
from firmware_bridge.packets import Counted, Counters, Frame, Ints

REMEMBERED_S: Final = 60.0
"""How long ago a late packet or a duplicate may have been sampled; devices keep seconds."""
REORDERED_S: Final = 1.0
"""How much older than the first packet of all a late one may be."""
BOOT_S: Final = 0.3
"""No device is off, on, connected and streaming again in less."""
LATENCY_S: Final = 0.25
"""From sampling to arrival, on a link that holds nothing back."""
HELD_BACK_S: Final = 2.0
"""Beyond that, a difference of host time and device time has to be explained."""
CLOCK_ERROR: Final = 0.01
"""How far the sample period as measured may be off over a gap."""
NOMINAL_ERROR: Final = 0.05
"""How far the nominal one may be off: the oscillators of MEMS sensors are several percent from their data sheet."""
MEASURED_SAMPLES: Final = 200
"""From so many on the measured one is better than the nominal one."""
PING_ERROR_S: Final = 0.02
PING_DRIFT: Final = 0.001
"""No clock of a device is worse, be it of milliseconds and without a crystal."""
FORGET_EVERY: Final = 256
"""Packets."""


class Report(NamedTuple):
    """What became of all that was pushed."""

    packets: int
    samples: int
    """Handed on."""
    duplicates: int
    """Packets dropped because they were known."""
    late: int
    """Packets that came after newer ones."""
    lost: int
    """Samples that are missing still, by counters; by time where a device has none."""
    lost_estimated: int
    """Samples of the jumps that no counter covers: between epochs, and over pauses."""
    reboots: int
    pauses: int
    """Times that streaming was stopped and started."""
    overruns: int
    """Packets before which the device itself lost samples; these are in `lost`."""
    connects: int


@dataclass(slots=True, kw_only=True)
class _Epoch:
    number: int
    floor: float
    """Newest sample number of earlier epochs."""
    unheard_start: bool
    """It began unseen: what comes late may be older than its first packet."""
    nominal: float
    """Sample period in ticks."""
    since: Entry
    """From where on the sample period is measured."""
    top: Entry
    """The newest packet; its last ticks are those that were sent, unwrapped."""
    top_ns: int
    ledger: Ledger

    @property
    def measured(self) -> bool:
        return self.top.last - self.since.last >= MEASURED_SAMPLES

    @property
    def period(self) -> float:
        """In ticks, from as far back as it was the same."""
        if not self.measured:
            return self.nominal
        return (self.top.last_ticks - self.since.last_ticks) / (self.top.last - self.since.last)


class _Place(NamedTuple):
    first: int
    ticks: Ints
    late: bool
    paused: int = 0
    """Estimated samples of a pause before it."""


class _Step(NamedTuple):
    """From the last sample of the newest packet to the last one of this."""

    samples: int
    ticks: int | None
    """None = the device has no clock."""


class Assembler:
    """The packets of one device, in order of arrival."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._ticks_per_ns = 1e-9 / counters.tick_s
        self._epoch: _Epoch | None = None
        self._restarted = False
        self._lost_before = 0
        self._tally = dict.fromkeys(Report._fields, 0)

    @property
    def report(self) -> Report:
        lost = self._lost_before + (0 if self._epoch is None else self._epoch.ledger.lost)
        return Report(**{**self._tally, "lost": lost})

    def connected(self) -> None:
        """A new link: where a device neither counts nor tells time, what was before can't be joined to it."""
        self._tally["connects"] += 1
        if self._counters.clock == "none" and not self._counts():
            self._restarted = self._epoch is not None

    def ping(self, ticks: int, before_ns: int) -> None:
        """The device's clock as it was asked for: if it went on by less than host time did, it began anew.

        Args:
            ticks: wrapped, as in frames.
            before_ns: host clock before it was asked: what is older than the answer for certain.
        """
        if self._epoch is None or self._counters.clock == "none":
            return
        # less than nothing where packets came before the answer had its turn: it may be as much older than they are
        waited = (before_ns - self._epoch.top_ns) * self._ticks_per_ns
        lag = waited - self._since(self._epoch.top.stamp.ticks, ticks, waited)
        if lag > PING_ERROR_S / self._counters.tick_s + PING_DRIFT * abs(waited):
            self._restarted = True

    def push(self, frame: Frame, arrived_ns: int) -> Counted | None:
        """One frame.

        Args:
            frame: as decoded.
            arrived_ns: host clock.

        Returns:
            Its samples; None for a duplicate, and for a frame without samples.
        """
        self._tally["packets"] += 1
        if not len(frame.values):
            return None
        self._tally["overruns"] += frame.overrun
        epoch, stamp = self._epoch, self._stamp(frame)
        if epoch is None or self._restarted:
            return self._begin(frame, stamp, arrived_ns)
        waited = self._waited(epoch, arrived_ns)
        booted = self._may_have_booted(frame, waited)
        tells = self._counts() or frame.ticks is not None
        if tells and epoch.ledger.knows(stamp) and not (frame.clock_reset and booted):
            self._tally["duplicates"] += 1
            return None
        place = None
        if not frame.clock_reset or epoch.unheard_start:
            place = self._place(epoch, frame, stamp, waited, booted=booted)
        if place is None:
            return self._begin(frame, stamp, arrived_ns)
        return self._accept(epoch, frame, stamp, place, arrived_ns)

    def _counts(self) -> bool:
        return bool(self._counters.sample_bits or self._counters.packet_bits)

    def _modulus(self, n: int) -> int:
        """Of the counter of samples; packets are counted where samples are not."""
        return 1 << self._counters.sample_bits if self._counters.sample_bits else n << self._counters.packet_bits

    def _stamp(self, frame: Frame) -> Stamp:
        n, counter = len(frame.values), 0
        if self._counters.sample_bits:
            counter = ((frame.first or 0) + n - 1) % self._modulus(n)
        elif self._counters.packet_bits:
            counter = (frame.packet or 0) * n + n - 1
        digest = zlib.crc32(np.ascontiguousarray(frame.values).tobytes())
        return Stamp(counter, frame.ticks or 0, frame.packet, digest)

    def _waited(self, epoch: _Epoch, now_ns: int) -> float:
        """Host time since the newest packet, in ticks."""
        return max(0, now_ns - epoch.top_ns) * self._ticks_per_ns

    def _since(self, before: int, ticks: int, waited: float) -> int:
        """Device time between two readings, negative if it runs back; beyond half a range arrivals decide."""
        span = 1 << self._counters.tick_bits
        signed = (ticks - before + span // 2) % span - span // 2
        if waited > span / 4:
            signed += round((waited - signed) / span) * span
        return signed

    def _may_have_booted(self, frame: Frame, waited: float) -> bool:
        """Since the newest packet: then its clock reads no more than host time went on."""
        tick_s = self._counters.tick_s
        if waited * tick_s < BOOT_S:
            return False
        return frame.ticks is None or frame.ticks <= waited + LATENCY_S / tick_s

    def _place(self, epoch: _Epoch, frame: Frame, stamp: Stamp, waited: float, *, booted: bool) -> _Place | None:
        """Where it goes in the present epoch; None = nowhere."""
        n = len(frame.values)
        period = epoch.period if frame.period_ticks == epoch.nominal else frame.period_ticks
        step = self._step(epoch, frame, stamp, waited, period)
        error = CLOCK_ERROR if epoch.measured else NOMINAL_ERROR
        if not self._agree(step, n, period, error):
            return None if booted else self._after_pause(epoch, frame, stamp, step, period)
        if step.samples >= n and (step.ticks is None or step.ticks >= n):
            held_back = step.ticks is not None and abs(step.ticks - waited) * self._counters.tick_s > HELD_BACK_S
            if booted and held_back and step.samples > n:
                return None
            return _newer(epoch, step, n, period)
        return None if booted or step.samples > 0 else self._older(epoch, step, n, period)

    def _step(self, epoch: _Epoch, frame: Frame, stamp: Stamp, waited: float, period: float) -> _Step:
        n = len(frame.values)
        ticks = None if frame.ticks is None else self._since(epoch.top.stamp.ticks, frame.ticks, waited)
        if not self._counts():
            if ticks is None:
                return _Step(n, None)
            samples = round(ticks / period)
            return _Step(max(n, samples) if ticks > 0 else min(0, samples), ticks)
        # the counter tells all but how often it wrapped
        modulus = self._modulus(n)
        expected = 0.0
        if ticks is not None:
            expected = ticks / period
        elif waited / period > modulus / 4:
            expected = waited / period
        samples = (stamp.counter - epoch.top.stamp.counter) % modulus
        return _Step(samples + round((expected - samples) / modulus) * modulus, ticks)

    def _agree(self, step: _Step, n: int, period: float, error: float) -> bool:
        """Counter and clock of one packet."""
        if step.ticks is None or not self._counts():
            return True
        if (step.samples > 0) != (step.ticks > 0):
            return False
        return abs(step.samples * period - step.ticks) <= (n + 2) * period + error * abs(step.ticks)

    def _after_pause(self, epoch: _Epoch, frame: Frame, stamp: Stamp, step: _Step, period: float) -> _Place | None:
        n = len(frame.values)
        if step.ticks is None or step.ticks <= n * period:
            return None
        if (stamp.counter - epoch.top.stamp.counter - n) % self._modulus(n):
            return None
        if frame.packet is not None and epoch.top.stamp.packet is not None:
            between = frame.packet - epoch.top.stamp.packet - 1
            if between % (1 << self._counters.packet_bits):
                return None
        samples = max(n + 1, round(step.ticks / period))
        return _newer(epoch, _Step(samples, step.ticks), n, period)._replace(paused=samples - n)

    def _older(self, epoch: _Epoch, step: _Step, n: int, period: float) -> _Place | None:
        """The hole that it fits, sample for sample."""
        first = epoch.top.last + step.samples - n + 1
        last_ticks = None if step.ticks is None else epoch.top.last_ticks + step.ticks
        if last_ticks is None or self._counts():
            before, after = epoch.ledger.around(first)
        else:
            before, after = epoch.ledger.around_ticks(last_ticks)
            if after is None:
                return None
            first = after.first - round((after.first_ticks - last_ticks) / period) - n + 1
            if before is not None:
                first = max(first, before.last + 1)
        if after is None or first + n > after.first or (before is not None and first <= before.last):
            return None
        if before is None and not self._may_precede(epoch, first, period):
            return None
        if last_ticks is None:
            return _Place(first, _numbered(first, n), late=True)
        # a packet behind a hole had its first ticks extrapolated: where they reach in here, there is this much room
        last_ticks = min(last_ticks, after.first_ticks - 1)
        floor = last_ticks - math.ceil(n * period) - 1 if before is None else before.last_ticks
        if last_ticks - floor < n:
            return None
        joined = before is not None and before.last + 1 == first
        return _Place(first, _spread(floor, last_ticks, n, period, joined=joined), late=True)

    def _may_precede(self, epoch: _Epoch, first: int, period: float) -> bool:
        """Whether an epoch's first packet can have had one before it."""
        if epoch.ledger.forgot or first <= epoch.floor:
            return False
        reach_s = REMEMBERED_S if epoch.unheard_start else REORDERED_S
        return (epoch.ledger.oldest.first - first) * period * self._counters.tick_s <= reach_s

    def _begin(self, frame: Frame, stamp: Stamp, arrived_ns: int) -> Counted:
        """A new epoch: this frame is the first of it that came."""
        old, n, period = self._epoch, len(frame.values), frame.period_ticks
        if old is None:
            number, floor, unseen = 0, -math.inf, 0
            first = stamp.counter - n + 1 if self._counts() else 0
        else:
            number, floor, unseen = old.number + 1, old.top.last, self._counted_since_boot(frame, stamp)
            jump = max(1 + unseen, round(self._waited(old, arrived_ns) / period) - n)
            first = old.top.last + 1 + jump
            self._lost_before += old.ledger.lost
            self._tally["lost_estimated"] += jump - unseen
            self._tally["reboots"] += self._counters.clock == "device" or self._counts()
        if frame.ticks is None:
            ticks = _numbered(first, n)
        else:
            ticks = _spread(frame.ticks - math.ceil(n * period) - 1, frame.ticks, n, period, joined=False)
        entry = _entry(first, ticks, stamp)
        self._restarted = False
        self._epoch = _Epoch(
            number=number,
            floor=floor,
            unheard_start=old is not None and not frame.clock_reset,
            nominal=period,
            since=entry,
            top=entry,
            top_ns=arrived_ns,
            ledger=Ledger(first - unseen),
        )
        self._epoch.ledger.add(entry)
        return self._counted(self._epoch, frame, first, ticks, arrived_ns, late=False)

    def _counted_since_boot(self, frame: Frame, stamp: Stamp) -> int:
        """Samples that a device took before this packet, if its clock says that its counter cannot have wrapped."""
        before = stamp.counter - len(frame.values) + 1
        if not self._counts() or frame.ticks is None or before < 0:
            return 0
        on = frame.ticks / frame.period_ticks + 1
        return before if before <= on < self._modulus(len(frame.values)) else 0

    def _accept(self, epoch: _Epoch, frame: Frame, stamp: Stamp, place: _Place, arrived_ns: int) -> Counted:
        entry = _entry(place.first, place.ticks, stamp)
        epoch.ledger.add(entry)
        if place.late:
            self._tally["late"] += 1
        else:
            epoch.top, epoch.top_ns = entry, arrived_ns
            if frame.period_ticks != epoch.nominal:
                epoch.nominal, epoch.since = frame.period_ticks, entry
        if place.paused:
            self._tally["pauses"] += 1
            self._tally["lost_estimated"] += place.paused
            epoch.ledger.skip(place.paused)
        if len(epoch.ledger) % FORGET_EVERY == 0:
            epoch.ledger.forget(epoch.top.last - REMEMBERED_S / (epoch.period * self._counters.tick_s))
        return self._counted(epoch, frame, place.first, place.ticks, arrived_ns, late=place.late)

    def _counted(self, epoch: _Epoch, frame: Frame, first: int, ticks: Ints, arrived_ns: int, *, late: bool) -> Counted:
        self._tally["samples"] += len(ticks)
        return Counted(epoch.number, _numbered(first, len(ticks)), ticks, frame.values, arrived_ns, late)


def _newer(epoch: _Epoch, step: _Step, n: int, period: float) -> _Place:
    first = epoch.top.last + step.samples - n + 1
    if step.ticks is None:
        return _Place(first, _numbered(first, n), late=False)
    before = epoch.top.last_ticks
    return _Place(first, _spread(before, before + step.ticks, n, period, joined=step.samples == n), late=False)


def _entry(first: int, ticks: Ints, stamp: Stamp) -> Entry:
    return Entry(first, first + len(ticks) - 1, int(ticks[0]), int(ticks[-1]), stamp)


def _numbered(first: int, n: int) -> Ints:
    return np.arange(first, first + n, dtype=np.int64)


def _spread(before: int, last: int, n: int, period: float, *, joined: bool) -> Ints:
    """Ticks of n samples up to `last`, all beyond `before`: evenly from there if they join it, else a period apart."""
    if not joined:
        ticks = last - np.round(np.arange(n - 1, -1, -1) * period).astype(np.int64)
        if ticks[0] > before:
            return ticks
    return before + (last - before) * np.arange(1, n + 1, dtype=np.int64) // n
