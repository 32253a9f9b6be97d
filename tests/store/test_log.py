import errno
import io
import json
import struct
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import BadLog, CannotRecord, LogInUse, SessionNotFound
from imu.store.log import (
    HEAD,
    MOST_PAYLOAD_BYTES,
    NO_SOURCE,
    Kind,
    LogEnd,
    LogFrame,
    LogHeader,
    ReadLog,
    Silence,
    Source,
    claimed,
    encode_frame,
    read_log,
    silences,
)
from imu.store.log_writer import LogWriter, RecorderLimits, SyncedWriter

LEFT = Source("OGI-0001", "ogi", "foot_left", {"model": "XIAO", "rate_hz": 200.0})
BELT = Source("T-9", "ftms", None, {})
HEADER = LogHeader("2026-11-21T10:00:00Z", 77, (LEFT, BELT), {"subject": "S01", "note": "größer"})
PACKETS = [(Kind.NOTIFICATION, 0, 100, b"\x00\x01abc"), (Kind.PING, 1, 200, b""), (Kind.NOTIFICATION, 1, 300, b"xyz\0")]


def written(path, packets=PACKETS, header=HEADER):
    with LogWriter(path, header) as log:
        for packet in packets:
            log.append(*packet)
    return path.read_bytes()


def read(path):
    with read_log(path) as log:
        return list(log), log.end


def ends_of(content):
    """Where frames of a log that is right end."""
    ends = [0]
    while ends[-1] < len(content):
        ends.append(ends[-1] + HEAD.size + HEAD.unpack_from(content, ends[-1])[3] + 4)
    return ends[1:]


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


# the format


def test_a_log_is_what_its_description_says(tmp_path):
    """Built here by hand, from the words alone."""
    header = {
        "schema": "retrogait.log/1",
        "start_utc": "2026-11-21T10:00:00Z",
        "start_ns": 77,
        "session": {"subject": "S01", "note": "größer"},
        "sources": [
            {"serial": "OGI-0001", "driver": "ogi", "sensor": "foot_left", "identity": LEFT.identity},
            {"serial": "T-9", "driver": "ftms", "sensor": None, "identity": {}},
        ],
    }
    payload = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
    first = b"RGL\x01" + struct.pack("<BBIq", 1, 255, len(payload), 77) + payload
    wanted = first + struct.pack("<I", zlib.crc32(first))
    for kind, source, host_ns, payload in PACKETS:
        frame = b"RGL\x01" + struct.pack("<BBIq", kind, source, len(payload), host_ns) + payload
        wanted += frame + struct.pack("<I", zlib.crc32(first + frame))
    assert written(tmp_path / "log") == wanted


def test_all_that_was_said_is_read_back(tmp_path):
    path = tmp_path / "deep" / "log"
    pelvis = Source("W1", "wit", "pelvis", {"clock": "none"})
    with LogWriter(path, HEADER) as log:
        log.append(Kind.NOTIFICATION, 1, 5, bytearray(b"belt"))
        assert log.add_source(6, pelvis) == 2
        log.append(Kind.NOTIFICATION, 2, 7, memoryview(b"pelvis"))
        log.append_event(8, {"mark": "größer", "value": None})
    with read_log(path) as log:
        assert log.header == HEADER
        assert log.sources == [LEFT, BELT]
        frames = list(log)
        assert log.sources == [LEFT, BELT, pelvis]
        assert log.end == LogEnd(5, path.stat().st_size, 0, None)
        assert list(log) == []
    assert [frame.kind.name for frame in frames] == ["NOTIFICATION", "SOURCE", "NOTIFICATION", "EVENT"]
    assert frames[0] == LogFrame(Kind.NOTIFICATION, 1, 5, b"belt")
    assert frames[1].source == 2
    assert frames[2].payload == b"pelvis"
    assert frames[3].document() == {"mark": "größer", "value": None}
    assert frames[3].source == NO_SOURCE


def test_a_payload_is_the_bytes_at_the_time(tmp_path):
    """bleak hands out a bytearray, and may use it again."""
    payload = bytearray(b"then")
    with LogWriter(tmp_path / "log", HEADER) as log:
        log.append(Kind.NOTIFICATION, 0, 1, payload)
        payload[:] = b"next"
    assert [frame.payload for frame in read(tmp_path / "log")[0]] == [b"then"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers() | st.text(st.characters(codec="utf-8")))
NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
SOURCES = st.builds(Source, NAMES, NAMES, st.none() | NAMES, OBJECTS)
TIMES = st.integers(-(2**63), 2**63 - 1)
HEADERS = st.builds(LogHeader, st.none() | NAMES, TIMES, st.lists(SOURCES, min_size=1, max_size=4).map(tuple), OBJECTS)
STEPS = st.one_of(
    st.tuples(
        st.just("append"),
        st.sampled_from([Kind.NOTIFICATION, Kind.PING]),
        st.integers(0, 254),
        TIMES,
        st.binary(max_size=600),
    ),
    st.tuples(st.just("event"), TIMES, OBJECTS),
    st.tuples(st.just("source"), TIMES, SOURCES),
    st.tuples(st.just("sync")),
)


@given(header=HEADERS, steps=st.lists(STEPS, max_size=30))
def test_round_trip(tmp_path_factory, header, steps):
    path = tmp_path_factory.mktemp("log") / "log"
    wanted, sources = [], list(header.sources)
    with LogWriter(path, header) as log:
        for name, *said in steps:
            if name == "append":
                kind, source, host_ns, payload = said
                source %= len(sources)
                log.append(kind, source, host_ns, payload)
                wanted.append((kind, source, host_ns, payload))
            elif name == "event":
                log.append_event(*said)
                wanted.append((Kind.EVENT, NO_SOURCE, *said))
            elif name == "source":
                log.add_source(*said)
                wanted.append((Kind.SOURCE, len(sources), *said))
                sources.append(said[1])
            else:
                log.flush_and_sync()
                assert log.state().synced_frames == len(wanted) + 1
    with read_log(path) as back:
        got = list(back)
        assert back.header == header
        assert back.sources == sources
    for frame, (kind, source, host_ns, said) in zip(got, wanted, strict=True):
        assert frame[:3] == (kind, source, host_ns)
        if kind is Kind.SOURCE:
            assert Source.parse(frame.document()) == said
        else:
            assert (frame.document() if kind is Kind.EVENT else frame.payload) == said


@given(document=JSON)
def test_a_header_of_any_json_is_refused_with_the_one_error(document):
    for payload in (
        json.dumps(document).encode(),
        json.dumps({"schema": "retrogait.log/1", "sources": document}).encode(),
    ):
        with pytest.raises(BadLog):
            LogHeader.parse(payload)


@given(payload=st.binary())
def test_a_header_of_any_bytes_is_refused_with_the_one_error(payload):
    with pytest.raises(BadLog):
        LogHeader.parse(payload)


WHOLE_HEADER = {"schema": "retrogait.log/1", "start_utc": None, "start_ns": 5, "sources": [], "session": {}}
WHOLE_SOURCE = {"serial": "1", "driver": "d", "sensor": None, "identity": {}}


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"schema": "retrogait.log/2"}, "newer one"),
        ({"start_ns": "5"}, "start_ns '5'"),
        ({"start_ns": True}, "start_ns True"),
        ({"start_utc": 5}, "start_utc 5"),
        ({"session": None}, "session None"),
        ({"sources": [5]}, "a source of the log is '5'"),
        ({"sources": [WHOLE_SOURCE | {"identity": None}]}, "identity None"),
        ({"sources": [WHOLE_SOURCE | {"sensor": 1}]}, "sensor 1"),
    ],
)
def test_a_header_that_says_something_impossible_names_it(wrong, match):
    assert LogHeader.parse(json.dumps(WHOLE_HEADER | {"sources": [WHOLE_SOURCE]}).encode()).sources[0].serial == "1"
    with pytest.raises(BadLog, match=match):
        LogHeader.parse(json.dumps(WHOLE_HEADER | wrong).encode())


# damage


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


def test_a_log_that_is_not_there(tmp_path):
    for open_it in (read_log, claimed):
        with pytest.raises(SessionNotFound, match="is not there"), open_it(tmp_path / "log"):
            pass
    with pytest.raises(BadLog, match="can't be read"), read_log(tmp_path):
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


def test_silences_are_found_from_the_newest_time_so_far():
    frames = [LogFrame(Kind.NOTIFICATION, 0, int(s * 1e9), b"") for s in (5, 6, 5.5, 7.9, 12, 12, 14, 16.5)]
    assert list(silences(frames, longer_than_s=2)) == [
        Silence(7_900_000_000, 12_000_000_000),
        Silence(14_000_000_000, 16_500_000_000),
    ]
    assert list(silences([], longer_than_s=2)) == []


# writing


@pytest.mark.parametrize(
    "frame",
    [
        (Kind.HEADER, 0, 1, b""),
        (Kind.EVENT, 0, 1, b""),
        (Kind.NOTIFICATION, 2, 1, b""),
        (Kind.NOTIFICATION, -1, 1, b""),
        (Kind.NOTIFICATION, 0, 2**63, b""),
        (Kind.NOTIFICATION, 0, 1.5, b""),
        (Kind.NOTIFICATION, 0, 1, bytes(MOST_PAYLOAD_BYTES + 1)),
    ],
)
def test_what_no_frame_can_hold_is_the_callers_mistake_and_harms_nothing(tmp_path, frame):
    with LogWriter(tmp_path / "log", HEADER) as log:
        log.append(*PACKETS[0])
        with pytest.raises(ValueError, match="want"):
            log.append(*frame)
        log.append(*PACKETS[1])
    assert read(tmp_path / "log")[0] == [LogFrame(*packet) for packet in PACKETS[:2]]


def test_sources_can_be_told_apart_up_to_what_a_frame_holds(tmp_path):
    with LogWriter(tmp_path / "log", HEADER._replace(sources=(LEFT,) * 254)) as log:
        assert log.add_source(1, BELT) == 254
        with pytest.raises(ValueError, match="want no more"):
            log.add_source(1, BELT)
    with pytest.raises(ValueError, match="want at most 255"):
        LogWriter(tmp_path / "more", HEADER._replace(sources=(LEFT,) * 256))
    assert not (tmp_path / "more").exists()


def test_two_recorders_never_write_one_log(tmp_path):
    path = tmp_path / "log"
    with LogWriter(path, HEADER) as log:
        for again in (LogWriter, SyncedWriter):
            with pytest.raises(LogInUse, match="another recorder"):
                again(path, HEADER)
        with pytest.raises(LogInUse), claimed(path):
            pass
        log.append(*PACKETS[0])
    with pytest.raises(CannotRecord, match=r"holds a recording already.*imu recover"):
        LogWriter(path, HEADER)
    with claimed(path), pytest.raises(LogInUse), claimed(path):
        pass
    assert len(read(path)[0]) == 1


def test_a_log_can_be_read_while_it_is_written(tmp_path):
    with LogWriter(tmp_path / "log", HEADER) as log:
        log.append(*PACKETS[0])
        assert read(tmp_path / "log") == ([], LogEnd(1, log.state().synced_bytes, 0, None))
        log.flush_and_sync()
        assert len(read(tmp_path / "log")[0]) == 1


def test_a_closed_log_takes_nothing_in(tmp_path):
    log = LogWriter(tmp_path / "log", HEADER)
    log.close()
    log.close()
    with pytest.raises(CannotRecord, match="closed"):
        log.append(*PACKETS[0])
    assert log.state().error is None


def test_a_place_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotRecord, match=r"file/log: .*; want a disk"):
        LogWriter(tmp_path / "file" / "log", HEADER)


def test_what_ends_a_block_is_not_covered_by_closing(tmp_path):
    def interrupted():
        with LogWriter(tmp_path / "log", HEADER) as log:
            log.append(*PACKETS[0])
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert len(read(tmp_path / "log")[0]) == 1


def test_a_thread_writes_while_frames_come(tmp_path):
    """Syncs as often as can be, appends as fast as can be: every frame once, in order."""
    payloads = [n.to_bytes(4, "little") * (n % 40) for n in range(40_000)]
    with SyncedWriter(tmp_path / "log", HEADER, limits=RecorderLimits(sync_every_s=0.0)) as log:
        for n, payload in enumerate(payloads):
            log.append(Kind.NOTIFICATION, 0, n, payload)
        state = log.state()
    assert state.appended_frames == len(payloads) + 1
    assert state.synced_frames > 1, "the thread never ran"
    frames, end = read(tmp_path / "log")
    assert [frame.payload for frame in frames] == payloads
    assert [frame.host_ns for frame in frames] == list(range(len(payloads)))
    assert end.damage is None


def test_within_a_second_a_frame_is_on_the_disk(tmp_path):
    with SyncedWriter(tmp_path / "log", HEADER) as log:
        log.append(*PACKETS[0])
        until = time.monotonic() + 20
        while log.state().synced_frames < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert len(read(tmp_path / "log")[0]) == 1
        assert log.state().waiting_bytes == 0
    assert RecorderLimits().sync_every_s < 1


def test_a_day_of_three_sensors_is_what_the_limits_say():
    """Three sensors, 20 packets of ten samples a second: the sizes by which the limits are named."""
    frame = len(encode_frame(Kind.NOTIFICATION, 0, 0, bytes(134), 0))
    per_s, limits = 3 * 20 * frame, RecorderLimits()
    assert per_s * 3600 == pytest.approx(34e6, rel=0.01)
    assert limits.most_buffered_bytes / per_s == pytest.approx(15 * 60, rel=0.03)
    hour = per_s * 3600 + 15.7e6
    assert limits.least_free_bytes / hour == pytest.approx(2, rel=0.03)
    assert limits.low_free_bytes / hour == pytest.approx(10, rel=0.03)
