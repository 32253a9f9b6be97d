"""The assembler, case by case."""

import numpy as np
import pytest

from firmware_bridge.assembler import Assembler
from firmware_bridge.packets import Counters
from tests.firmware_bridge.assembler_device import NOMINAL_US, OGI, frame, push


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


@pytest.mark.parametrize("held_back", [False, True])
@pytest.mark.parametrize("slept_min", [10, 30, 50, 180])
def test_a_laptop_that_slept_is_a_gap_of_that_length(slept_min: int, held_back: bool):
    """`held_back`: a packet from before was still on its way, and comes with the stamp of the morning."""
    assembler = Assembler(OGI)
    slept_us = slept_min * 60 * 10**6
    for k in range(100):
        push(assembler, frame(k * 10, 10**6 + k * 50_000, 10), k * 50_000)
    if held_back:
        push(assembler, frame(1000, 10**6 + 100 * 50_000, 10), 100 * 50_000 + slept_us)
    first = 101 + slept_us // 50_000
    came = [push(assembler, frame(k * 10, 10**6 + k * 50_000, 10), k * 50_000) for k in range(first, first + 3)]
    report = assembler.report
    gap = (first - 100 - held_back) * 10
    np.testing.assert_array_equal(np.diff(np.concatenate([one.number for one in came])), 1)
    if held_back and slept_min > 35:
        # the device's clock of 71.6 min is over halfway round: that packet could as well be of the next round
        assert abs(report.lost + report.lost_estimated - gap) <= 10
    else:
        assert came[0].number[0] == first * 10
        assert (report.lost, report.lost_estimated, report.reboots) == (gap, 0, 0)


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


def test_a_clock_that_was_asked_before_packets_that_came_first_is_no_reboot():
    assembler = Assembler(OGI)
    for k in range(0, 100, 10):
        push(assembler, frame(k, 10_000_000 + k * 5000, 10), k * 5000 + 30_000)
    assembler.ping(10_000_000 + 40 * 5000, (40 * 5000 + 30_000) * 1000)
    push(assembler, frame(100, 10_500_000, 10), 530_000)
    assert (assembler.report.reboots, assembler.report.lost_estimated) == (0, 0)


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
