"""The firmware's own C, built by gcc: its bytes against the Python codec, and the application over a stub board."""

import ctypes
import itertools
import random
import shutil
import subprocess
from collections.abc import Iterator
from ctypes import POINTER, byref, c_bool, c_char_p, c_int16, c_int32, c_uint8, c_uint16, c_uint32, c_uint64
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import firmware_bridge
from firmware_bridge import ogi
from firmware_bridge.packets import Frame

SOURCES = Path(firmware_bridge.__file__).parent / "firmware"
MOST_BYTES = 242
US_PER_S = 1_000_000
INTERVAL_15_MS = 12
INTERVAL_45_MS = 36
IDLE, SUBSCRIBED, STREAMING, HOLDING = range(4)
OK, NO_SUCH_COMMAND, WRONG_LENGTH, MTU_TOO_SMALL, SENSOR_SILENT = 0, 0x80, 0x81, 0x82, 0x83
PELVIS = 3

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None or shutil.which("make") is None,
    reason="the firmware is built by gcc and make; install both (Debian: build-essential)",
)


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


class Counts(ctypes.Structure):
    _fields_ = tuple(
        (name, c_uint32)
        for name in (
            "samples",
            "samples_lost",
            "overruns",
            "sensor_errors",
            "glitches",
            "strays",
            "packets_lost",
            "packets_too_long",
        )
    )
    samples: int
    samples_lost: int
    overruns: int
    sensor_errors: int
    glitches: int
    strays: int
    packets_lost: int
    packets_too_long: int


class Wish(ctypes.Structure):
    _fields_ = (
        ("interval_min", c_uint16),
        ("interval_max", c_uint16),
        ("latency", c_uint16),
        ("supervision", c_uint16),
        ("mtu", c_uint16),
        ("data_length", c_uint16),
        ("phy_2m", c_bool),
    )


class Arrived(NamedTuple):
    payload: bytes
    frame: Frame
    at_us: int


class Board:
    """The stub board with the application on it."""

    def __init__(self, lib: ctypes.CDLL, *, role: int = 1, clock_us: int = 0) -> None:
        self.lib = lib
        lib.stub_boot(c_uint8(role), c_uint64(clock_us))

    def connect(self, *, mtu: int = 247, interval: int = INTERVAL_15_MS) -> None:
        self.lib.stub_connect(c_uint16(mtu), c_uint16(interval))

    def subscribe(self, on: bool = True) -> None:
        self.lib.stub_subscribe(c_bool(on))

    def command(self, data: bytes) -> int:
        return self.lib.stub_command(data, c_uint16(len(data)))

    def start(self, rate_hz: float | None = None) -> int:
        return self.command(ogi.command_start(rate_hz))

    def begin(self, *, mtu: int = 247, interval: int = INTERVAL_15_MS) -> None:
        self.connect(mtu=mtu, interval=interval)
        self.subscribe()
        assert self.start() == OK

    def run(self, seconds: float) -> None:
        self.lib.stub_run(c_uint32(round(seconds * US_PER_S)))

    def stall(self, seconds: float) -> None:
        self.lib.stub_stall(c_uint32(round(seconds * US_PER_S)))

    def disconnect(self) -> None:
        self.lib.stub_disconnect()

    @property
    def state(self) -> int:
        return self.lib.stub_state()

    @property
    def counts(self) -> Counts:
        return self.lib.stub_count()

    @property
    def wish(self) -> tuple[int, Wish]:
        wish = Wish()
        return self.lib.stub_asks(byref(wish)), wish

    def held(self) -> tuple[int, int]:
        oldest, after = c_uint16(), c_uint16()
        self.lib.stub_held(byref(oldest), byref(after))
        return oldest.value, after.value

    def info(self) -> ogi.Info:
        to = (c_uint8 * 58)()
        self.lib.stub_info(to)
        return ogi.unpack_info(bytes(to))

    def arrived(self) -> list[Arrived]:
        def each() -> Iterator[Arrived]:
            to, at_us = (c_uint8 * MOST_BYTES)(), c_uint64()
            while n := self.lib.stub_receive(to, byref(at_us)):
                payload = bytes(to[:n])
                yield Arrived(payload, ogi.unpack(payload), at_us.value)

        return list(each())

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Of the sensor's own samples; each value is checked."""
        numbers = values[:, 0].astype(np.int64) + 30000 * values[:, 1].astype(np.int64)
        for number, value in zip(numbers, values, strict=True):
            sample = (c_int16 * 6)()
            self.lib.stub_sample(c_uint32(number), sample)
            assert list(sample) == list(value)
        return numbers

    def true_us(self, number: int) -> int:
        return self.lib.stub_sample_us(c_uint32(number))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("firmware")
    subprocess.run(["make", "--silent", f"BUILD={folder}", "CC=gcc", "lib"], cwd=SOURCES, check=True)
    return folder


@pytest.fixture(scope="session")
def lib(built: Path) -> ctypes.CDLL:
    lib = ctypes.CDLL(str(built / "libogi.so"))
    lib.stub_now_us.restype = c_uint64
    lib.stub_sample_us.restype = c_uint64
    lib.stub_count.restype = Counts
    lib.stub_command.restype = c_uint8
    lib.stub_receive.restype = c_uint16
    lib.stub_receive.argtypes = [c_uint8 * MOST_BYTES, POINTER(c_uint64)]
    lib.ogi_close.restype = c_uint16
    lib.ogi_push.restype = c_bool
    lib.ogi_samples_at_mtu.restype = c_uint8
    lib.ogi_read_command.restype = c_uint8
    return lib


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


def assert_whole(board: Board, arrived: list[Arrived], *, lost: int = 0) -> np.ndarray:
    """Counters of packets and samples fit what came, each sample is the sensor's; returns the sensor's numbers."""
    packets = [a.frame.packet for a in arrived]
    assert packets == [(packets[0] + k) & 0xFFFF for k in range(len(packets))]
    numbers = board.numbers(np.concatenate([a.frame.values for a in arrived]))
    counted = np.concatenate([a.frame.first + np.arange(len(a.frame.values)) for a in arrived])
    steps = np.diff(counted) & 0xFFFF
    assert (steps == np.diff(numbers)).all()
    assert (steps - 1).sum() == lost
    return numbers


def worst_time_us(board: Board, arrived: list[Arrived]) -> int:
    ends = [board.numbers(a.frame.values[-1:])[0] for a in arrived]
    return max(
        abs((int(a.frame.ticks) - board.true_us(int(end)) + 2**31) % 2**32 - 2**31)
        for a, end in zip(arrived, ends, strict=True)
    )


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


def test_a_fifo_that_ran_over_is_flagged_and_counted(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    lib.stub_set_rate_error(c_int32(12_000))
    board.begin()
    board.run(2)
    board.stall(3)
    board.run(2)
    arrived = board.arrived()
    counts = board.counts
    assert counts.overruns == 1
    assert_whole(board, arrived, lost=counts.samples_lost)
    assert 550 < counts.samples_lost < 650
    flagged = [a for a in arrived if a.frame.overrun]
    assert len(flagged) == 1
    k = arrived.index(flagged[0])
    before = arrived[k - 1].frame
    assert (flagged[0].frame.first - before.first - len(before.values)) & 0xFFFF == counts.samples_lost
    assert worst_time_us(board, arrived) <= 60


def test_a_stall_that_the_fifo_outlasts_loses_nothing(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(2)
    board.stall(1.5)
    board.run(2)
    assert board.counts.overruns == 0
    arrived = board.arrived()
    assert_whole(board, arrived)
    assert worst_time_us(board, arrived) <= 60


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


def test_what_the_ring_no_longer_holds_is_a_counted_gap(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(3)
    first = board.arrived()
    board.disconnect()
    board.run(30)
    board.connect()
    board.subscribe()
    assert board.command(ogi.command_resend(first[-1].frame.packet + 1)) == OK
    oldest, after = board.held()
    assert board.start() == OK
    board.run(2)
    second = board.arrived()
    assert second[0].frame.packet == oldest > first[-1].frame.packet + 1
    assert after - oldest >= board.info().held_packets > 2 * 21
    assert_whole(board, second)
    gap = second[0].frame.first - first[-1].frame.first - len(first[-1].frame.values)
    assert gap == board.numbers(second[0].frame.values)[0] - board.numbers(first[-1].frame.values)[-1] - 1 > 0
    in_flight = 8
    missing = second[0].frame.packet - first[-1].frame.packet - 1
    assert missing - in_flight <= board.counts.packets_lost <= missing


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


def test_lost_connection_events_delay_and_lose_nothing(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    chance = random.Random(1)
    for _ in range(400):
        lib.stub_deafen(c_bool(chance.random() < 0.4))
        board.run(0.05)
    assert_whole(board, board.arrived())


def test_a_link_too_slow_for_the_ring_counts_what_it_never_sent(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(1)
    lib.stub_deafen(c_bool(True))
    board.run(30)
    lib.stub_deafen(c_bool(False))
    board.run(3)
    arrived = board.arrived()
    packets = [int(a.frame.packet or 0) for a in arrived]
    gaps = [b - a - 1 for a, b in itertools.pairwise(packets)]
    assert max(gaps) == sum(gaps) == board.counts.packets_lost > 300


def test_the_clock_wraps_and_so_do_the_counters(lib: ctypes.CDLL) -> None:
    board = Board(lib, clock_us=2**32 - 5 * US_PER_S)
    board.begin()
    board.run(10)
    arrived = board.arrived()
    ticks = np.array([a.frame.ticks for a in arrived])
    assert (np.diff(ticks) < 0).sum() == 1
    assert ((np.diff(ticks) & 0xFFFFFFFF) < 60_000).all()
    assert worst_time_us(board, arrived) <= 2
    assert_whole(board, arrived)
    board.run(330)
    arrived = arrived[-1:] + board.arrived()
    assert_whole(board, arrived)
    assert any(b.frame.first < a.frame.first for a, b in itertools.pairwise(arrived))
    sync = (c_uint8 * 8)()
    lib.ogi_write_sync(c_uint64(lib.stub_now_us()), sync)
    assert 0 <= ogi.unpack_clock(bytes(sync)) - arrived[-1].frame.ticks < 200_000


def test_packet_counters_wrap_and_resend_still_finds_them(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin(mtu=29, interval=6)
    last: list[Arrived] = []
    for _ in range(32):  # 208 packets a second, of one sample each
        board.run(10)
        arrived = board.arrived()
        assert_whole(board, last + arrived)
        last = arrived[-1:]
    assert 0 < last[0].frame.packet < 2000
    board.disconnect()
    board.connect(mtu=29, interval=6)
    board.subscribe()
    oldest, after = board.held()
    assert (after - oldest) & 0xFFFF == 1024
    assert board.command(ogi.command_resend(oldest)) == OK
    assert board.start() == OK
    board.run(2)
    assert board.arrived()[0].frame.packet == oldest


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("axis", [0, 5])
def test_a_value_at_its_end_stop_is_flagged_in_its_own_packet(lib: ctypes.CDLL, axis: int, low: bool) -> None:
    board = Board(lib)
    board.begin()
    lib.stub_saturate(c_uint32(300), c_uint8(axis), c_bool(low))
    board.run(3)
    flagged = [a for a in board.arrived() if a.frame.saturated]
    assert len(flagged) == 1
    values = flagged[0].frame.values
    assert np.argwhere(abs(values.astype(int)) >= 32767).tolist() == [
        [values[:, axis].tolist().index(-32768 if low else 32767), axis]
    ]


def test_lost_edges_and_glitches_of_the_line_shift_no_time(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    lib.stub_set_rate_error(c_int32(15_000))
    board.begin()
    chance = random.Random(2)
    for _ in range(200):
        board.run(chance.uniform(0.02, 0.2))
        if chance.random() < 0.3:
            lib.stub_fake_edge()
        elif chance.random() < 0.1:
            lib.stub_lose_edges(c_uint32(2))
    arrived = board.arrived()
    assert board.counts.glitches > 10
    assert_whole(board, arrived, lost=board.counts.samples_lost)
    assert worst_time_us(board, arrived) <= 1e6 / 208 / 2


@pytest.mark.parametrize("transactions", [1, 2, 3, 4, 5, 30])
def test_a_bus_that_fails_loses_only_what_is_counted(lib: ctypes.CDLL, transactions: int) -> None:
    board = Board(lib)
    board.begin()
    board.run(2)
    lib.stub_fail_bus(c_uint32(transactions))
    board.run(4)
    assert board.counts.sensor_errors > 0
    arrived = board.arrived()
    assert_whole(board, arrived, lost=board.counts.samples_lost)
    assert worst_time_us(board, arrived) <= 1e6 / 208 / 2


def test_a_sensor_that_lost_its_registers_is_started_again(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    board.begin()
    board.run(2)
    lib.stub_brown_out()
    board.run(4)
    arrived = board.arrived()
    packets = [a.frame.packet for a in arrived]
    assert packets == list(range(len(packets)))
    flagged = [k for k, a in enumerate(arrived) if a.frame.overrun]
    assert len(flagged) == 1
    before, after = arrived[flagged[0] - 1].frame, arrived[flagged[0]].frame
    apart_us = after.ticks - before.ticks
    assert apart_us > US_PER_S
    # the chip itself begins anew, so time alone can tell how many periods it was silent
    assert after.first + len(after.values) - before.first - len(before.values) == round(apart_us * 208e-6)


def test_a_sensor_that_is_not_there_is_said_at_start(lib: ctypes.CDLL) -> None:
    board = Board(lib)
    lib.stub_remove_sensor(c_bool(True))
    board.connect()
    board.subscribe()
    assert board.start() == SENSOR_SILENT
    assert board.state == SUBSCRIBED
    lib.stub_remove_sensor(c_bool(False))
    assert board.start() == OK
    board.run(1)
    assert_whole(board, board.arrived())


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
    foot, pelvis = Board(lib).info(), Board(lib, role=PELVIS).info()
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


deeds = st.one_of(
    st.tuples(st.just("run"), st.floats(0.001, 1.5)),
    st.tuples(st.just("stall"), st.floats(0.01, 3.0)),
    st.tuples(st.just("drop"), st.floats(0.1, 12.0)),
    st.tuples(st.just("deaf"), st.floats(0.1, 6.0)),
    st.tuples(st.just("lose edges"), st.integers(1, 5)),
    st.tuples(st.just("fail bus"), st.integers(1, 6)),
    st.tuples(st.just("fake edge"), st.just(0)),
    st.tuples(st.just("resend"), st.integers(0, 40)),
)


@given(script=st.lists(deeds, max_size=12), ppm=st.integers(-30_000, 30_000), interval=st.integers(6, 24))
def test_whatever_happens_no_sample_is_invented_or_told_twice_differently(
    lib: ctypes.CDLL, script: list[tuple[str, Any]], ppm: int, interval: int
) -> None:
    board = Board(lib)
    lib.stub_set_rate_error(c_int32(ppm))
    board.begin(interval=interval)
    board.run(1)
    for deed, measure in script:
        match deed:
            case "run":
                board.run(measure)
            case "stall":
                board.stall(measure)
            case "drop":
                board.disconnect()
                board.run(measure)
                board.connect(interval=interval)
                board.subscribe()
                board.command(ogi.command_resend(0))
                assert board.start() == OK
            case "deaf":
                lib.stub_deafen(c_bool(True))
                board.run(measure)
                lib.stub_deafen(c_bool(False))
            case "lose edges":
                lib.stub_lose_edges(c_uint32(measure))
            case "fail bus":
                lib.stub_fail_bus(c_uint32(measure))
            case "fake edge":
                lib.stub_fake_edge()
            case _:
                assert board.command(ogi.command_resend(board.held()[1] - measure)) == OK
    board.run(3)
    arrived = board.arrived()
    by_packet: dict[int, Arrived] = {}
    for a in arrived:
        assert by_packet.setdefault(int(a.frame.packet or 0), a).payload == a.payload
    once = [by_packet[packet] for packet in sorted(by_packet)]
    numbers = board.numbers(np.concatenate([a.frame.values for a in once]))
    assert (np.diff(numbers) > 0).all()
    counted = np.concatenate([a.frame.first + np.arange(len(a.frame.values)) for a in once])
    assert (np.diff(counted) == np.diff(numbers)).all()
    assert (np.diff([a.frame.ticks for a in once]) > 0).all()
    assert worst_time_us(board, once) <= 1e6 / 208


@pytest.mark.parametrize("seed", range(4))
def test_random_deeds_under_the_address_sanitizer(built: Path, seed: int) -> None:
    made = subprocess.run(
        ["make", "--silent", f"BUILD={built}", "CC=gcc", "host"],
        cwd=SOURCES,
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode and "san" in made.stderr:
        pytest.skip(f"gcc cannot link its sanitizers here: {made.stderr.strip().splitlines()[-1]}")
    assert made.returncode == 0, made.stderr
    script = random.Random(seed).randbytes(1500)
    run = subprocess.run([built / "host"], input=script, capture_output=True, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"packets received" in run.stdout

