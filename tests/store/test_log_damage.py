import errno
import io
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import BadLog
from imu.store.log import (
    HEAD,
    MOST_PAYLOAD_BYTES,
    NO_SOURCE,
    Kind,
    LogEnd,
    ReadLog,
    encode_frame,
    read_log,
)
from tests.store.log_files import HEADER, PACKETS, ends_of, read, written


def check_whole_frames_before(path, content, original, frames):
    """What is read of damaged content are the frames whose bytes, and those of all before, are as they were."""
    ends = ends_of(original)
    whole = sum(content[:end] == original[:end] for end in ends)
    path.write_bytes(content)
    if whole == 0:
        with pytest.raises(BadLog), read_log(path):
            pass
        return None
    got, end = read(path)
    assert got == frames[: whole - 1]
    assert (end.frames, end.whole_bytes, end.dropped_bytes) == (whole, ends[whole - 1], len(content) - ends[whole - 1])
    assert (end.damage is None) == (end.dropped_bytes == 0)
    return end.damage


def test_a_log_cut_at_every_byte_gives_the_whole_frames_before(tmp_path):
    original = written(tmp_path / "whole")
    frames, _ = read(tmp_path / "whole")
    ends = ends_of(original)
    for size in range(len(original) + 1):
        damage = check_whole_frames_before(tmp_path / "cut", original[:size], original, frames)
        if size >= ends[0]:
            assert damage == (None if size in ends else "truncated")


def test_a_log_with_a_tail_of_zeros_gives_the_whole_frames_before(tmp_path):
    """As a power cut leaves it: the length was written, the bytes were not."""
    original = written(tmp_path / "whole")
    frames, _ = read(tmp_path / "whole")
    ends = ends_of(original)
    for size in range(ends[-3], len(original) + 1):
        for zeros in (*range(1, 2 * HEAD.size), 511, 512, 4096, 70_000, (1 << 20) + 5):
            damage = check_whole_frames_before(tmp_path / "cut", original[:size] + bytes(zeros), original, frames)
            if size in ends:
                assert damage == "zeros"
    assert check_whole_frames_before(tmp_path / "cut", original + bytes(4096) + b"x", original, frames) == "no_magic"


def test_a_log_with_any_bit_flipped_gives_the_whole_frames_before(tmp_path):
    original = written(tmp_path / "whole")
    frames, _ = read(tmp_path / "whole")
    for bit in range(8 * len(original)):
        content = bytearray(original)
        content[bit // 8] ^= 1 << bit % 8
        check_whole_frames_before(tmp_path / "flipped", bytes(content), original, frames)


@given(data=st.data())
def test_a_log_with_any_bytes_replaced_gives_the_whole_frames_before(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("log")
    original = written(folder / "whole")
    frames, _ = read(folder / "whole")
    first = data.draw(st.integers(0, len(original)))
    other = data.draw(st.binary(max_size=80))
    content = original[:first] + other + original[data.draw(st.integers(first, len(original))) :]
    check_whole_frames_before(folder / "torn", content, original, frames)


def test_frames_of_another_recording_are_not_taken_for_its_own(tmp_path):
    """A block of the disk that a removed log had used, seen again after a power cut, right up to its CRCs."""
    original = written(tmp_path / "new")
    frames, _ = read(tmp_path / "new")
    other = written(tmp_path / "old", header=HEADER._replace(start_ns=78))
    assert len(other) == len(original)
    for end in ends_of(original)[:-1]:
        damage = check_whole_frames_before(tmp_path / "mixed", original[:end] + other[end:], original, frames)
        assert damage == "bad_crc"


def with_frame(path, *, kind=Kind.NOTIFICATION, length=None, magic=b"RGL\x01"):
    """A log whose last frame says this, with a CRC that is right."""
    original = written(path, [])
    seed = struct.unpack("<I", original[-4:])[0]
    body = bytearray(encode_frame(kind, 0, 5, b"payload", seed)[:-4])
    body[:4] = magic
    if length is not None:
        body[6:10] = struct.pack("<I", length)
    path.write_bytes(original + body + struct.pack("<I", zlib.crc32(body, seed)))


@pytest.mark.parametrize(
    ("said", "damage"),
    [
        ({}, None),
        ({"kind": 6}, "unknown_kind"),
        ({"kind": 0}, "unknown_kind"),
        ({"length": MOST_PAYLOAD_BYTES + 1}, "bad_length"),
        ({"length": 2**32 - 1}, "bad_length"),
        ({"length": MOST_PAYLOAD_BYTES}, "truncated"),
        ({"length": 6}, "bad_crc"),
        ({"magic": b"RGL\x02"}, "no_magic"),
        ({"magic": b"\0\0\0\0"}, "no_magic"),
    ],
)
def test_damage_is_called_by_its_name(tmp_path, said, damage):
    with_frame(tmp_path / "log", **said)
    frames, end = read(tmp_path / "log")
    assert end.damage == damage
    assert len(frames) == (damage is None)


def test_a_sector_that_can_not_be_read_ends_the_log(tmp_path):
    content = written(tmp_path / "log", [PACKETS[0]] * 100)
    frames, _ = read(tmp_path / "log")
    bad_from = ends_of(content)[50] + 5

    class BadDisk(io.FileIO):
        def readinto(self, buffer):
            room = bad_from - self.tell()
            if room <= 0:
                raise OSError(errno.EIO, "Input/output error")
            return super().readinto(memoryview(buffer)[:room])

    with io.BufferedReader(BadDisk(tmp_path / "log"), 64) as file:
        log = ReadLog(file, "log")
        assert list(log) == frames[:50]
        assert log.end == LogEnd(51, ends_of(content)[50], len(content) - ends_of(content)[50], "unreadable")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"PAR1 something else entirely", "is no log: it begins with b'PAR1'"),
        (b"RGL\x02 something else entirely", "version 2; this version reads 1"),
        (b"RGL\x01\x01", r"no whole header \(truncated\)"),
        (bytes(50), r"no whole header \(zeros\)"),
        (encode_frame(Kind.EVENT, NO_SOURCE, 0, b"{}", 0), "frame of kind EVENT; want the header"),
        (encode_frame(Kind.HEADER, NO_SOURCE, 0, b"{", 0), "header is no JSON"),
        (encode_frame(Kind.HEADER, NO_SOURCE, 0, b"[]", 0), "want a JSON object"),
    ],
)
def test_without_a_header_nothing_can_be_understood(tmp_path, content, match):
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(BadLog, match=match), read_log(tmp_path / "log"):
        pass


def test_memory_is_bounded_whatever_the_log_says(tmp_path):
    path = tmp_path / "log"
    written(path, [(Kind.NOTIFICATION, 0, n, bytes(500)) for n in range(8_000)])
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + (64 << 20))
    tracemalloc.start()
    try:
        with read_log(path) as log:
            assert sum(1 for _ in log) == 8_000
        assert log.end.damage == "zeros"
        assert log.end.dropped_bytes == 64 << 20
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
