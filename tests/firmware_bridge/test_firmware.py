"""The firmware's own C, built by gcc: its bytes against the Python codec, and the application as it should go."""

import ctypes
from ctypes import byref, c_char_p, c_int16, c_int32, c_uint8, c_uint16, c_uint32, c_uint64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import ogi
from firmware_bridge.packets import Frame
from tests.firmware_bridge.firmware_board import (
    HOLDING,
    IDLE,
    INTERVAL_15_MS,
    INTERVAL_45_MS,
    MOST_BYTES,
    MTU_TOO_SMALL,
    NO_SUCH_COMMAND,
    OK,
    STREAMING,
    SUBSCRIBED,
    US_PER_S,
    WRONG_LENGTH,
    Board,
    assert_whole,
    needs_gcc,
    worst_time_us,
)

pytestmark = needs_gcc


class Packer(ctypes.Structure):
    _fields_ = (
        ("packet", c_uint16),
        ("first", c_uint16),
        ("period_10us", c_uint16),
        ("flags", c_uint8),
        ("n", c_uint8),
        ("last_us", c_uint32),
        ("bytes", c_uint8 * MOST_BYTES),
    )


class InfoFields(ctypes.Structure):
    _fields_ = (
        ("role", ctypes.c_int),
        ("version", c_uint8 * 3),
        ("acc_range_g", c_uint16),
        ("gyr_range_dps", c_uint16),
        ("ring_packets", c_uint16),
        ("acc_count_ng", c_uint32),
        ("gyr_count_ndps", c_uint32),
        ("rate_mhz", c_uint32),
        ("serial", c_char_p),
        ("model", c_char_p),
    )


int16s = st.integers(-32768, 32767)
u16s = st.integers(0, 0xFFFF)
u32s = st.integers(0, 0xFFFFFFFF)
names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=16)


# --- bytes ---------------------------------------------------------------------------------------------------------


@given(
    rows=st.lists(st.tuples(*[int16s] * 6), min_size=1, max_size=19),
    packet=u16s,
    first=u16s,
    last_us=u32s,
    period=st.integers(1, 0xFFFF),
    overrun=st.booleans(),
    clock_reset=st.booleans(),
)
def test_packets_are_pythons_byte_for_byte(
    lib: ctypes.CDLL,
    rows: list[tuple[int, ...]],
    packet: int,
    first: int,
    last_us: int,
    period: int,
    overrun: bool,
    clock_reset: bool,
) -> None:
    packer = Packer(packet, first, period, overrun * ogi.OVERRUN | clock_reset * ogi.CLOCK_RESET)
    for k, row in enumerate(rows):
        assert lib.ogi_push(byref(packer), (c_int16 * 6)(*row), c_uint32(last_us - len(rows) + 1 + k))
    length = lib.ogi_close(byref(packer))
    frame = Frame(
        packet=packet,
        first=first,
        ticks=last_us,
        period_ticks=10 * period,
        values=np.array(rows, np.int16),
        overrun=overrun,
        saturated=any(abs(value) >= 32767 for row in rows for value in row),
        clock_reset=clock_reset,
    )
    assert bytes(packer.bytes[:length]) == ogi.pack(frame)
    assert (packer.packet, packer.first) == ((packet + 1) & 0xFFFF, (first + len(rows)) & 0xFFFF)
    assert (packer.n, packer.flags) == (0, 0)


def test_a_packet_takes_no_more_than_it_may_hold_and_none_is_made_of_nothing(lib: ctypes.CDLL) -> None:
    packer = Packer()
    assert lib.ogi_close(byref(packer)) == 0
    row = (c_int16 * 6)()
    assert [lib.ogi_push(byref(packer), row, c_uint32(0)) for _ in range(20)] == [True] * 19 + [False]
    assert lib.ogi_close(byref(packer)) == MOST_BYTES


@given(
    numbers=st.tuples(*[st.integers(1, 0xFFFF)] * 2, u16s, *[st.integers(1, 0xFFFFFFFF)] * 3),
    version=st.tuples(*[st.integers(0, 255)] * 3),
    role=st.integers(0, 3),
    serial=names,
    model=names,
)
def test_info_is_pythons_byte_for_byte(
    lib: ctypes.CDLL,
    numbers: tuple[int, ...],
    version: tuple[int, int, int],
    role: int,
    serial: str,
    model: str,
) -> None:
    info = InfoFields(role, (c_uint8 * 3)(*version), *numbers, serial.encode(), model.encode())
    to = (c_uint8 * 58)()
    lib.ogi_write_info(byref(info), to)
    role_name = ("", "left_foot", "right_foot", "pelvis")[role]
    assert bytes(to) == ogi.pack_info(ogi.Info(version, role_name, *numbers, serial=serial, model=model))


@given(now_us=st.integers(0, 2**64 - 1))
def test_sync_is_read_back_by_python(lib: ctypes.CDLL, now_us: int) -> None:
    to = (c_uint8 * 8)()
    lib.ogi_write_sync(c_uint64(now_us), to)
    assert ogi.unpack_clock(bytes(to)) == now_us & 0xFFFFFFFF


@given(data=st.binary(max_size=8))
def test_of_all_commands_only_the_three_are_taken(lib: ctypes.CDLL, data: bytes) -> None:
    command = (c_uint8 * 64)()
    lengths = {1: 5, 2: 1, 3: 3}
    wanted = WRONG_LENGTH
    if data:
        wanted = NO_SUCH_COMMAND if data[0] not in lengths else OK if len(data) == lengths[data[0]] else WRONG_LENGTH
    assert lib.ogi_read_command(data, c_uint16(len(data)), command) == wanted


@given(mtu=st.integers(0, 600))
def test_as_many_samples_as_fit_the_mtu(lib: ctypes.CDLL, mtu: int) -> None:
    n = lib.ogi_samples_at_mtu(c_uint16(mtu))
    assert n == max((n for n in range(1, 20) if 14 + 12 * n <= mtu - 3), default=0)


# --- the application -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ppm", [-30_000, 0, 25_000])
def test_every_sample_arrives_at_its_own_time(lib: ctypes.CDLL, ppm: int) -> None:
    board = Board(lib)
    assert board.state == IDLE
    lib.stub_set_rate_error(c_int32(ppm))
    board.begin()
    assert board.state == STREAMING
    board.run(20)
    arrived = board.arrived()
    numbers = assert_whole(board, arrived)
    assert numbers[0] < 0.1 * 208
    assert numbers[-1] > lib.stub_samples() - 25
    assert worst_time_us(board, arrived) <= 2
    true_period_us = 1e6 / 208 * (1 + ppm * 1e-6)
    assert all(abs(a.frame.period_ticks - true_period_us) <= 6 for a in arrived)
    assert [a.frame.clock_reset for a in arrived] == [True] + [False] * (len(arrived) - 1)
    assert not any(a.frame.overrun or a.frame.saturated for a in arrived)


def test_lengths_of_packets_vary_so_that_their_period_beats_with_no_interval(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(30)
    lengths = [len(a.frame.values) for a in board.arrived()]
    assert set(lengths) == {9, 10, 11}
    assert min(lengths.count(n) for n in (9, 10, 11)) > len(lengths) / 5
    assert len(set(zip(lengths, lengths[1:], lengths[2:], strict=False))) == 27


def test_stop_sends_what_there_is_and_then_no_more_and_start_goes_on(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(2.03)
    taken = lib.stub_samples()
    assert board.command(ogi.command_stop()) == OK
    assert board.state == SUBSCRIBED
    board.run(3)
    before = board.arrived()
    assert board.numbers(before[-1].frame.values)[-1] == taken - 1
    assert board.start() == OK
    board.run(1)
    after = board.arrived()
    assert after[0].frame.packet == before[-1].frame.packet + 1
    assert after[0].frame.first == before[-1].frame.first + len(before[-1].frame.values)
    assert after[0].frame.ticks - before[-1].frame.ticks > 3e6
    assert not after[0].frame.clock_reset
    assert_whole(board, after)


def test_start_on_a_stream_that_runs_changes_nothing(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(1)
    assert board.start() == OK
    assert board.start(rate_hz=200) == OK
    board.run(1)
    assert_whole(board, board.arrived())


def test_the_nearest_rate_is_taken_and_said(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.connect()
    board.subscribe()
    assert board.start(rate_hz=100) == OK
    assert board.info().rate_mhz == 104_000
    board.run(2)
    assert all(abs(a.frame.period_ticks - 1e6 / 104) < 6 for a in board.arrived())
    assert board.start() == OK
    assert board.info().rate_mhz == 208_000
    board.run(2)
    assert all(abs(a.frame.period_ticks - 1e6 / 208) < 6 for a in board.arrived()[1:])


def test_nothing_is_sent_before_both_subscription_and_start(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.connect()
    assert board.start() == OK
    assert board.state == HOLDING
    board.run(1)
    assert not board.arrived()
    board.subscribe()
    board.run(1)
    arrived = board.arrived()
    assert arrived[0].frame.packet == 0
    assert_whole(board, arrived)


@pytest.mark.parametrize(("mtu", "most"), [(29, 1), (41, 2), (53, 3), (100, 6), (247, 11), (517, 11)])
def test_packets_fit_the_mtu(lib: ctypes.CDLL, mtu: int, most: int) -> None:
    board = Board(lib)
    board.begin(mtu=mtu, interval=6)
    board.run(3)
    arrived = board.arrived()
    assert max(len(a.frame.values) for a in arrived) == most
    assert max(len(a.payload) for a in arrived) <= mtu - 3
    assert_whole(board, arrived)


def test_an_mtu_without_room_for_a_sample_is_refused_until_it_grows(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.connect(mtu=23)
    board.subscribe()
    assert board.start() == MTU_TOO_SMALL
    assert board.state == SUBSCRIBED
    lib.stub_set_mtu(c_uint16(247))
    assert board.start() == OK
    board.run(1)
    assert_whole(board, board.arrived())


def test_reconnect_resends_exactly_what_the_ring_holds_and_then_goes_on(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(3)
    first = board.arrived()
    board.disconnect()
    assert board.state == HOLDING
    board.run(4)
    board.connect()
    board.subscribe()
    board.run(0.2)
    assert not board.arrived()
    wanted = first[-1].frame.packet - 4
    oldest, after = board.held()
    assert oldest <= wanted < after
    assert board.command(ogi.command_resend(wanted)) == OK
    assert board.start() == OK
    board.run(2)
    second = board.arrived()
    assert second[0].frame.packet == wanted
    assert [a.payload for a in second[:5]] == [a.payload for a in first[-5:]]
    assert_whole(board, first[:-5] + second)


def test_start_without_resend_goes_on_with_the_next_packet(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(1)
    board.disconnect()
    board.run(1)
    _, after = board.held()
    board.arrived()
    board.begin()
    board.run(1)
    assert board.arrived()[0].frame.packet == after


@pytest.mark.parametrize("back", [0, 1, 7])
def test_resend_while_it_streams_takes_effect_at_once(lib: ctypes.CDLL, back: int) -> None:
    board = Board(lib)
    board.begin()
    board.run(3)
    before = {a.frame.packet: a.payload for a in board.arrived()}
    _, after = board.held()
    assert board.command(ogi.command_resend(after - back)) == OK
    board.run(1)
    again = board.arrived()
    assert after - back in {a.frame.packet for a in again}
    assert sum(a.frame.packet in before for a in again) == back
    assert all(before[a.frame.packet] == a.payload for a in again if a.frame.packet in before)


def test_without_a_link_it_holds_for_a_minute_and_then_rests(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(1)
    board.disconnect()
    board.run(58)
    assert board.state == HOLDING
    board.run(3)
    assert board.state == IDLE
    taken = lib.stub_samples()
    board.run(1)
    assert lib.stub_samples() == taken


def test_power_on_begins_the_clock_anew(lib: ctypes.CDLL) -> None:
    board = Board(lib, clock_us=10**9)
    board.begin()
    board.run(2)
    assert board.arrived()[0].frame.clock_reset
    board = Board(lib)
    board.begin()
    board.run(1)
    frame = board.arrived()[0].frame
    assert frame.clock_reset
    assert (frame.packet, frame.first) == (0, 0)
    assert frame.ticks < US_PER_S


def test_info_says_what_the_role_needs(lib: ctypes.CDLL) -> None:
    foot, pelvis = Board(lib).info(), Board(lib, role=3).info()
    assert (foot.role, foot.acc_range_g, foot.gyr_range_deg_s) == ("left_foot", 16, 2000)
    assert (foot.acc_count_ng, foot.gyr_count_ndeg_s) == (488_000, 70_000_000)
    assert (pelvis.role, pelvis.acc_range_g, pelvis.gyr_range_deg_s) == ("pelvis", 8, 1000)
    assert (pelvis.acc_count_ng, pelvis.gyr_count_ndeg_s) == (244_000, 35_000_000)
    assert (foot.serial, foot.rate_mhz, foot.firmware) == ("STUB0001", 208_000, (0, 1, 0))


def test_the_link_is_asked_for_once_more_while_its_interval_is_too_long(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.connect()
    board.run(20)
    asks, wish = board.wish
    assert asks == 1
    assert (wish.interval_min * 1.25, wish.interval_max * 1.25, wish.latency) == (7.5, 15, 0)
    assert (wish.supervision * 10, wish.mtu, wish.data_length, wish.phy_2m) == (4000, 247, 251, True)
    board.disconnect()
    board.connect(interval=INTERVAL_45_MS)
    board.run(60)
    assert board.wish[0] == 1 + 3
    board.disconnect()
    board.connect(interval=INTERVAL_45_MS)
    board.run(6)
    lib.stub_set_interval(c_uint16(INTERVAL_15_MS))
    board.run(60)
    assert board.wish[0] == 1 + 3 + 2


def test_the_battery_is_published_when_it_changed(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    percent = c_uint8()
    board.run(130)
    assert lib.stub_published(byref(percent)) == 1
    lib.stub_set_battery(c_uint8(87))
    board.run(61)
    assert (lib.stub_published(byref(percent)), percent.value) == (2, 87)
