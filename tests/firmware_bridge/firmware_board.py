"""The firmware's application over its stub board, through ctypes; what it sends is decoded by the Python codec."""

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from ctypes import POINTER, byref, c_bool, c_int16, c_uint8, c_uint16, c_uint32, c_uint64
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import firmware_bridge
from firmware_bridge import ogi
from firmware_bridge.packets import Frame

SOURCES = Path(firmware_bridge.__file__).parent / "firmware"
MOST_BYTES = 242
US_PER_S = 1_000_000
PERIOD_US = 1e6 / 208
INTERVAL_15_MS = 12
INTERVAL_45_MS = 36
IDLE, SUBSCRIBED, STREAMING, HOLDING = range(4)
OK, NO_SUCH_COMMAND, WRONG_LENGTH, MTU_TOO_SMALL, SENSOR_SILENT = 0, 0x80, 0x81, 0x82, 0x83

needs_gcc = pytest.mark.skipif(
    shutil.which("gcc") is None or shutil.which("make") is None,
    reason="the firmware is built by gcc and make; install both (Debian: build-essential)",
)


def build(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--silent", f"BUILD={folder}", "CC=gcc", target],
        cwd=SOURCES,
        check=False,
        capture_output=True,
        text=True,
    )


def load(folder: Path) -> ctypes.CDLL:
    """Built into that folder; undefined behaviour ends the process."""
    made = build(folder, "lib")
    assert made.returncode == 0, made.stderr
    lib = ctypes.CDLL(str(folder / "libogi.so"))
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
