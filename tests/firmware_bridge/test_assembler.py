"""The assembler against a device that is modelled whole: every sample has a name, so none can be invented unseen."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware_bridge import dot, ogi
from firmware_bridge.assembler import Assembler
from firmware_bridge.packets import Counted, Counters, Frame

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


class Air(RuleBasedStateMachine):
    """Whatever a link, a host or a battery can do to packets."""

    @initialize(
        sample=st.integers(0, 0x2FFFF),
        packet=st.integers(0, 0x1FFFF),
        ticks_us=st.one_of(st.integers(10**6, 2**33), st.integers(2**32 - 10**6, 2**32 + 10**6)),
        period_us=st.integers(4900, 5100),
        n=st.integers(1, 19),
    )
    def switch_on(self, sample: int, packet: int, ticks_us: int, period_us: int, n: int) -> None:
        self.device = Device(sample=sample, packet=packet, ticks_us=ticks_us, period_us=period_us)
        self.assembler = Assembler(OGI)
        self.out: list[tuple[int, Counted]] = []
        self.came: dict[int, int] = {}
        """Name of a sample -> device time of its packet's last sample."""
        self.first_name: dict[int, int] = {}
        """By boot: from where on the host could have known of samples."""
        self.last_name: dict[int, int] = {}
        self.recent: list[Sent] = []
        self.dropped: list[Sent] = []
        self.duplicates = self.late = 0
        self.send(n)

    def deliver(self, sent: Sent) -> None:
        newest = self.last_name.get(self.device.boot, -1)
        late = sent.names[0] < newest
        counted = self.assembler.push(sent.frame, (self.device.host_us + LATENCY_US) * 1000)
        assert counted is not None, "a new packet was dropped"
        assert names_of(counted.values) == list(sent.names)
        assert counted.late == late
        self.late += late
        self.out.append((self.device.boot, counted))
        self.came.update(dict.fromkeys(sent.names, sent.ticks_us))
        boot = self.device.boot
        # the very first packet that a host hears begins what it can know; of a later boot it knows the beginning
        self.first_name.setdefault(boot, sent.names[0])
        if not boot:
            self.first_name[0] = min(self.first_name[0], sent.names[0])
        self.last_name[boot] = max(newest, sent.names[-1])
        self.recent = [*self.recent[-20:], sent]

    @rule(n=st.integers(1, 19))
    def send(self, n: int) -> None:
        self.deliver(self.device.take(n))

    @rule(ns=st.lists(st.integers(1, 19), min_size=1, max_size=30))
    def drop(self, ns: list[int]) -> None:
        self.dropped += [self.device.take(n) for n in ns]
        self.send(ns[0])

    @rule(packets=st.integers(1, 60_000), n=st.integers(1, 19))
    def go_silent(self, packets: int, n: int) -> None:
        """Up to an hour and a half out of reach: every counter may wrap on the way."""
        self.device.run_unheard(packets, n)
        self.dropped.clear()
        self.recent.clear()
        self.send(n)

    @rule(n=st.integers(1, 19), minutes=st.integers(1, 30))
    def sleep(self, n: int, minutes: int) -> None:
        """A laptop whose monotonic clock stands still while its lid is shut."""
        host_us = self.device.host_us
        for _ in range(20):
            self.send(10)  # the period has been measured by now
        self.device.run_unheard(minutes * 60 * 200, 1)
        self.device.host_us = host_us + 20 * 10 * self.device.period_us
        self.dropped.clear()
        self.recent.clear()
        self.send(n)

    @precondition(lambda self: self.recent)
    @rule(data=st.data())
    def duplicate(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from(self.recent))
        assert self.assembler.push(sent.frame, (self.device.host_us + LATENCY_US) * 1000) is None
        self.duplicates += 1

    @rule(data=st.data(), ns=st.lists(st.integers(1, 19), min_size=2, max_size=5))
    def reorder(self, data: st.DataObject, ns: list[int]) -> None:
        for sent in data.draw(st.permutations([self.device.take(n) for n in ns])):
            self.deliver(sent)

    @precondition(lambda self: self.dropped)
    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        """Late ones come while others do; older than a minute is what no device holds."""
        self.send(1)
        held = [
            sent
            for sent in self.dropped
            if sent.ticks_us > self.device.ticks_us - 50_000_000 and sent.names[0] > self.first_name[self.device.boot]
        ]
        if held:
            sent = data.draw(st.sampled_from(held))
            self.dropped.remove(sent)
            self.deliver(sent)

    @rule(ns=st.lists(st.integers(1, 19), min_size=1, max_size=40))
    def reconnect(self, ns: list[int]) -> None:
        """The link goes, the device goes on and then sends again what the host lacks."""
        held = [self.device.take(n) for n in ns]
        self.assembler.connected()
        for sent in held:
            self.deliver(sent)

    @rule(
        off_us=st.integers(500_000, 20_000_000), unheard=st.integers(0, 12), n=st.integers(1, 19), asked=st.booleans()
    )
    def reboot(self, off_us: int, unheard: int, n: int, asked: bool) -> None:
        while not asked and self.device.ticks_us < 2_000_000 + (unheard + 1) * n * self.device.period_us:
            # whose first packets are lost, and who is on for longer now than before, can only be found out by asking
            self.send(19)
        newest = self.device.name
        self.device.reboot(off_us)
        self.dropped.clear()
        self.recent.clear()
        self.first_name[self.device.boot] = newest
        self.assembler.connected()
        self.dropped += [self.device.take(n) for _ in range(unheard)]
        if asked:
            self.ping()
        self.send(n)

    @rule()
    def ping(self) -> None:
        self.assembler.ping(self.device.ticks_us & 0xFFFFFFFF, self.device.host_us * 1000)

    @invariant()
    def nothing_is_invented(self) -> None:
        named = [name for _, counted in self.out for name in names_of(counted.values)]
        assert len(named) == len(set(named)) == len(self.came)
        assert set(named) == set(self.came)

    @invariant()
    def gaps_are_exact(self) -> None:
        by_boot: dict[int, list[Counted]] = {}
        for boot, counted in self.out:
            by_boot.setdefault(boot, []).append(counted)
        floor = -(10**12)
        for boot, block in by_boot.items():
            assert {counted.epoch for counted in block} == {boot}
            numbers = np.concatenate([counted.number for counted in block])
            names = np.array([name for counted in block for name in names_of(counted.values)])
            assert len(np.unique(numbers - names)) == 1
            # a sample was lost at least where a device rebooted
            assert numbers.min() > floor + 1
            floor = numbers.max()

    @invariant()
    def time_increases(self) -> None:
        blocks: dict[int, list[Counted]] = {}
        for _, counted in self.out:
            blocks.setdefault(counted.epoch, []).append(counted)
        for block in blocks.values():
            order = np.argsort(np.concatenate([counted.number for counted in block]))
            ticks = np.concatenate([counted.ticks for counted in block])[order]
            assert (np.diff(ticks) > 0).all()
            for counted in block:
                # a late packet between extrapolated neighbours may yield a little
                true = self.came[names_of(counted.values)[-1]]
                off = counted.ticks[-1] - block[0].ticks[-1] - (true - self.came[names_of(block[0].values)[-1]])
                assert off == 0 or (counted.late and -NOMINAL_US < off < 0)

    @invariant()
    def the_report_is_true(self) -> None:
        report = self.assembler.report
        assert report.samples == len(self.came)
        assert report.duplicates == self.duplicates
        assert report.late == self.late
        assert report.reboots == self.device.boot
        assert report.pauses == 0
        taken = sum(self.last_name[boot] + 1 - self.first_name[boot] for boot in self.last_name)
        assert report.lost == taken - len(self.came)


TestAir = Air.TestCase
TestAir.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


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


def test_ticks_of_samples_are_even_from_packet_to_packet_whatever_the_nominal_period():
    assembler = Assembler(OGI)
    ticks = np.concatenate([push(assembler, frame(k * 10, 10**6 + k * 48_000, 10), k * 48_000).ticks for k in range(5)])
    np.testing.assert_array_equal(np.diff(ticks[10:]), 4800)
    assert ticks[-1] == 10**6 + 4 * 48_000


def test_ticks_behind_a_gap_are_a_measured_period_apart():
    assembler = Assembler(OGI)
    for k in range(40):
        push(assembler, frame(k * 10, 10**6 + k * 48_000, 10), k * 48_000)
    after = push(assembler, frame(450, 10**6 + 45 * 48_000, 10), 45 * 48_000)
    np.testing.assert_array_equal(np.diff(after.ticks), 4800)
    np.testing.assert_array_equal(after.number, range(450, 460))
    assert assembler.report.lost == 50


def test_a_late_packet_that_an_extrapolated_neighbour_reaches_into_yields_to_it():
    assembler = Assembler(OGI)
    # a period that is nominally 5 % too long puts the first samples of the third packet before the end of the second
    push(assembler, frame(0, 1_000_000, 10), 0)
    push(assembler, frame(20, 1_095_000, 10), 95_000)
    late = push(assembler, frame(10, 1_047_500 + 4_000, 10), 96_000)
    assert late.late
    assert late.ticks[-1] == 1_095_000 - 9 * NOMINAL_US - 1
    assert (np.diff(late.ticks) > 0).all()
    assert late.ticks[0] > 1_000_000


def test_streaming_that_was_stopped_and_started_is_a_gap_though_the_counter_has_none():
    assembler = Assembler(OGI)
    push(assembler, frame(0, 60_000_000, 10, packet=0), 0)
    on = push(assembler, frame(10, 60_050_000 + 10_000_000, 10, packet=1), 10_050_000)
    assert on.epoch == 0
    assert on.number[0] == 10 + 2000
    report = assembler.report
    assert (report.pauses, report.lost, report.lost_estimated, report.reboots) == (1, 0, 2000, 0)


def test_what_a_buffer_lost_is_counted_by_the_counter():
    assembler = Assembler(OGI)
    push(assembler, frame(0, 60_000_000, 10, packet=0), 0)
    push(assembler, frame(25, 60_125_000, 10, packet=1, overrun=True), 125_000)
    report = assembler.report
    assert (report.overruns, report.lost) == (1, 15)


@pytest.mark.parametrize("wraps", [1, 2, 3])
def test_a_gap_of_whole_wraps_of_the_sample_counter_is_counted(wraps: int):
    assembler = Assembler(OGI)
    push(assembler, frame(7, 60_000_000, packet=7), 0)
    lost = wraps << 16
    on = push(assembler, frame(8 + lost, 60_000_000 + (lost + 1) * 5000, packet=8), (lost + 1) * 5000)
    assert on.number[0] == 8 + lost
    assert assembler.report.lost == lost


def test_what_a_rebooted_device_sampled_unheard_is_counted_and_its_jump_is_not_less():
    assembler = Assembler(OGI)
    push(assembler, frame(4000, 20_000_000, 10), 0)
    # 40 samples since it came back; arrivals say that 2 s went by
    back = push(assembler, frame(40, 250_000, 10), 2_000_000)
    assert back.epoch == 1
    assert back.number[0] == 4010 + 400 - 10
    report = assembler.report
    assert (report.lost, report.lost_estimated, report.reboots) == (40, 350, 1)


def test_a_reboot_is_a_gap_though_no_time_went_by():
    assembler = Assembler(OGI)
    push(assembler, frame(4000, 20_000_000, 10), 0)
    assert push(assembler, frame(0, 50_000, 10, clock_reset=True), 0).number[0] == 4011


def test_the_first_packets_of_a_boot_may_come_late():
    assembler = Assembler(OGI)
    push(assembler, frame(4000, 20_000_000, 10), 0)
    push(assembler, frame(40, 250_000, 10), 3_000_000)
    late = push(assembler, frame(0, 50_000, 10, clock_reset=True), 3_010_000)
    assert (late.epoch, late.late) == (1, True)
    report = assembler.report
    assert (report.lost, report.reboots, report.late) == (30, 1, 1)


def test_a_second_reboot_is_not_taken_for_the_first_packet_of_the_first():
    assembler = Assembler(OGI)
    push(assembler, frame(4000, 20_000_000, 10), 0)
    push(assembler, frame(40, 250_000, 10), 3_000_000)
    assert push(assembler, frame(0, 50_000, 10, clock_reset=True), 6_000_000).epoch == 2


def test_a_clock_that_was_asked_tells_a_reboot_that_packets_hide():
    """On for a second, off, on for longer than before: its packets look as if they went on."""
    assembler = Assembler(OGI)
    push(assembler, frame(190, 1_000_000, 10), 0)
    assembler.connected()
    assembler.ping(1_200_000, 1_500_000_000)
    back = push(assembler, frame(230, 1_200_000, 10), 1_500_000)
    assert back.epoch == 1
    assert assembler.report.connects == 1


@pytest.mark.parametrize("drift", [-500e-6, 0.0, 500e-6])
def test_a_clock_that_drifts_is_no_reboot(drift: float):
    assembler = Assembler(OGI)
    for k in range(0, 4000, 10):
        host_us = k * 5000
        ticks = 2**32 - 10**7 + round(host_us * (1 + drift))
        push(assembler, frame(k, ticks, 10), host_us + 30_000)
        assembler.ping(ticks + 31_000 & 0xFFFFFFFF, (host_us + 31_000) * 1000)
    assert assembler.report.reboots == assembler.report.lost == 0


def test_packets_that_seem_to_go_on_are_a_reboot_where_far_more_time_went_by_for_the_host():
    assembler = Assembler(OGI)
    push(assembler, frame(6000, 30_000_000, 10), 0)
    assert push(assembler, frame(8200, 41_000_000, 10), 45_000_000).epoch == 1


@pytest.mark.parametrize(("first", "n"), [(15, 10), (10, 15), (5, 15), (12, 3)])
def test_what_fits_a_hole_only_in_part_is_of_another_count(first: int, n: int):
    assembler = Assembler(OGI)
    for k in (0, 20, 30):
        push(assembler, frame(k, 10**6 + k * 5000, 10), k * 5000)
    late = push(assembler, frame(first, 10**6 + (first + n - 10) * 5000, n), 160_000)
    assert late.epoch == (0 if (first, n) == (12, 3) else 1)


def test_a_counter_that_goes_back_while_the_clock_goes_on_is_another_count():
    assembler = Assembler(OGI)
    push(assembler, frame(97, 985_000), 0)
    push(assembler, frame(99, 995_000), 10_000)
    assert push(assembler, frame(98, 1_000_000), 15_000).epoch == 1


def test_time_increases_even_where_the_nominal_period_is_wide_of_the_mark():
    assembler = Assembler(OGI)
    before = push(assembler, frame(0, 1_000_000, 19), 0)
    after = push(assembler, frame(20, 1_000_000 + 20 * 4300, 19), 86_000)
    assert assembler.report.lost == 1
    assert (np.diff(np.concatenate([before.ticks, after.ticks])) > 0).all()


def test_a_hole_without_a_tick_for_each_sample_takes_no_packet():
    assembler = Assembler(Counters(clock="device", tick_s=1e-3, tick_bits=32, packet_bits=16, sample_bits=16))
    for first, ticks in ((0, 1000), (20, 1040)):
        push(assembler, frame(first, ticks, 10)._replace(period_ticks=5), (ticks - 1000) * 1000)
    assert push(assembler, frame(10, 1003, 10)._replace(period_ticks=5), 41_000).epoch == 1


def test_a_device_that_begins_each_time_with_the_very_same_packet():
    assembler = Assembler(OGI)
    first = frame(0, 50_000, 10, clock_reset=True)
    push(assembler, first, 0)
    push(assembler, frame(10, 100_000, 10), 50_000)
    assert assembler.push(first, 60_000_000) is None
    assert push(assembler, first, 3_000_000).epoch == 1


def test_what_came_before_the_very_first_packet_is_late_and_a_hole_behind_it_is_counted():
    assembler = Assembler(OGI)
    push(assembler, frame(0x10000 + 20, 1_000_000, 10), 0)
    late = push(assembler, frame(0x10000, 900_000, 10), 10_000)
    assert (late.epoch, late.late) == (0, True)
    assert assembler.report.lost == 10


def test_two_rates_and_a_gap():
    assembler = Assembler(OGI)
    ticks, k = 10**6, 0
    for period in (5000, 10_000, 5000):
        for _ in range(40):
            push(assembler, frame(k, ticks, 10)._replace(period_ticks=period), ticks)
            k, ticks = k + 10, ticks + 10 * period
    k, ticks = k + 1000, ticks + 1000 * 5000
    after = push(assembler, frame(k, ticks, 10), ticks)
    assert (after.epoch, after.number[0]) == (0, k)
    assert assembler.report.lost == 1000


def test_what_is_late_beyond_memory_never_stands_twice():
    assembler = Assembler(OGI)
    push(assembler, frame(4000, 30_000_000, 10), 0)
    for k in range(2 * 1280):
        push(assembler, frame(40 + k * 10, 250_000 + k * 50_000, 10), 3_000_000 + k * 50_000)
    assert assembler.report.reboots == 1
    before_memory = 2 * 1280 - 1280
    for k in range(before_memory, before_memory + 100):
        again = assembler.push(frame(40 + k * 10, 250_000 + k * 50_000, 10), 3 * 10**9 + 2 * 1280 * 50_000_000)
        assert again is None or again.epoch > 1
        if again is not None:
            break


def test_what_is_late_never_reaches_into_the_epoch_before():
    assembler = Assembler(OGI)
    push(assembler, frame(4000, 30_000_000, 10), 0)
    assembler.ping(3_000_000, 1_000_000_000)
    # its counter says more than its clock: what it counted since boot can't be told
    after = push(assembler, frame(1000, 3_000_000, 10), 50_000)
    assert after.number[0] == 4011
    late = push(assembler, frame(900, 2_500_000, 10), 70_000)
    assert late.epoch == 2
    assert late.number[0] > after.number[-1]


def test_memory_ends():
    assembler = Assembler(OGI)
    for k in range(3000):
        push(assembler, frame(k * 10, 10**6 + k * 50_000, 10), k * 50_000)
    # a minute and a half of 20 packets a second were more than it has to keep
    first = frame(10 * 1000, 10**6 + 1000 * 50_000, 10)
    assert push(assembler, first, 3000 * 50_000).epoch == 1
    assert assembler.push(first, 3000 * 50_000 * 1000) is None


def test_a_frame_without_samples_is_nothing():
    assembler = Assembler(OGI)
    empty = frame(0, 0)._replace(values=np.zeros((0, 6), dtype=np.int16))
    assert assembler.push(empty, 0) is None
    assert assembler.report.samples == assembler.report.lost == 0


def dot_frame(k: int, ticks: float) -> Frame:
    return Frame(
        packet=None,
        first=None,
        ticks=round(ticks) & 0xFFFFFFFF,
        period_ticks=dot.PERIOD_US,
        values=np.full((1, 6), k, dtype=np.float32),
    )


@settings(max_examples=100, deadline=None)
@given(
    start=st.one_of(st.integers(10**6, 2**33), st.integers(2**32 - 10**6, 2**32)),
    steps=st.lists(st.integers(1, 400), min_size=1, max_size=60),
    drift=st.floats(-100e-6, 100e-6),
    jitter=st.integers(0, 2**32),
)
@example(start=2**32 - 50_000, steps=[1, 1, 400, 1], drift=0.0, jitter=0)
def test_without_counters_gaps_are_what_time_says(start: int, steps: list[int], drift: float, jitter: int):
    assembler = Assembler(DOT)
    rng = np.random.default_rng([4, jitter])
    slots = np.cumsum([0, *steps])
    period = dot.PERIOD_US * (1 + drift)
    numbers = [
        push(assembler, dot_frame(k, start + k * period + rng.uniform(-500, 500)), round(k * period)).number[0]
        for k in slots.tolist()
    ]
    np.testing.assert_array_equal(np.array(numbers) - numbers[0], slots)
    assert assembler.report.lost == sum(steps) - len(steps)


def test_without_counters_too_late_and_double_packets_are_told():
    assembler = Assembler(DOT)
    at = [10**8 + k * dot.PERIOD_US for k in range(6)]
    for k in (0, 1, 5):
        push(assembler, dot_frame(k, at[k]), round(k * dot.PERIOD_US))
    late = push(assembler, dot_frame(3, at[3]), 100_000)
    assert (late.late, late.number[0]) == (True, 3)
    assert assembler.push(dot_frame(3, at[3]), 101_000_000) is None
    assert assembler.push(dot_frame(5, at[5]), 101_000_000) is None
    assert assembler.report.lost == 2


def test_without_counters_another_sample_at_a_known_time_is_another_clock():
    assembler = Assembler(DOT)
    at = [10**8 + k * dot.PERIOD_US for k in range(4)]
    for k in range(4):
        push(assembler, dot_frame(k, at[k]), round(k * dot.PERIOD_US))
    assert push(assembler, dot_frame(9, at[2]), 60_000).epoch == 1


CLOCKLESS = Counters(clock="none", tick_s=0.01, tick_bits=0, packet_bits=0, sample_bits=0)
PACKETS_ONLY = Counters(clock="none", tick_s=0.01, tick_bits=0, packet_bits=8, sample_bits=0)


def clockless(k: int, packet: int | None = None) -> Frame:
    return Frame(packet=packet, first=None, ticks=None, period_ticks=1, values=np.full((2, 6), k, dtype=np.int16))


def test_without_clock_and_counters_samples_are_just_counted_and_a_new_link_is_a_gap():
    assembler = Assembler(CLOCKLESS)
    assembler.connected()
    blocks = [push(assembler, clockless(0), k * 20_000) for k in range(3)]
    np.testing.assert_array_equal(np.concatenate([block.number for block in blocks]), range(6))
    np.testing.assert_array_equal(blocks[2].ticks, blocks[2].number)
    assembler.connected()
    after = push(assembler, clockless(0), 1_040_000)
    assert (after.epoch, after.number[0]) == (1, 6 + 98)
    report = assembler.report
    assert (report.duplicates, report.lost, report.lost_estimated, report.reboots) == (0, 0, 98, 0)


@pytest.mark.parametrize("lost", [0, 1, 100, 300])
def test_without_clock_and_sample_counter_packets_tell_what_is_lost(lost: int):
    assembler = Assembler(PACKETS_ONLY)
    push(assembler, clockless(0, 250), 0)
    after = push(assembler, clockless(1, (251 + lost) & 0xFF), (lost + 1) * 20_000)
    assert after.number[0] == push(assembler, clockless(2, (252 + lost) & 0xFF), (lost + 2) * 20_000).number[0] - 2
    assert after.number[0] == 502 + 2 * lost
    assert assembler.push(clockless(1, (251 + lost) & 0xFF), (lost + 2) * 20_000_000) is None
    assert assembler.report.lost == 2 * lost
