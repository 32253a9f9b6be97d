"""The assembler where a device lacks counters, or a clock."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge import dot
from firmware_bridge.assembler import Assembler
from firmware_bridge.packets import Counters, Frame
from tests.firmware_bridge.assembler_device import DOT, push


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
