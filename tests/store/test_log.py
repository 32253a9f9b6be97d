import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import BadLog, SessionNotFound
from imu.store.log import (
    NO_SOURCE,
    Kind,
    LogEnd,
    LogFrame,
    LogHeader,
    Source,
    event_frame,
    read_log,
    source_frame,
)
from imu.store.log_lock import claimed
from imu.store.log_writer import LogWriter
from tests.store.log_files import BELT, HEADER, LEFT, PACKETS, read, written

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
        log.put(LogFrame(Kind.NOTIFICATION, 1, 5, bytearray(b"belt")))
        log.put(source_frame(2, 6, pelvis))
        log.put(LogFrame(Kind.NOTIFICATION, 2, 7, memoryview(b"pelvis")))
        log.put(event_frame(8, {"mark": "größer", "value": None}))
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
        log.put(LogFrame(Kind.NOTIFICATION, 0, 1, payload))
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
                log.put(LogFrame(kind, source, host_ns, payload))
                wanted.append((kind, source, host_ns, payload))
            elif name == "event":
                log.put(event_frame(*said))
                wanted.append((Kind.EVENT, NO_SOURCE, *said))
            elif name == "source":
                log.put(source_frame(len(sources), *said))
                wanted.append((Kind.SOURCE, len(sources), *said))
                sources.append(said[1])
            else:
                log.flush(sync=True)
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


def test_a_log_that_is_not_there(tmp_path):
    for open_it in (read_log, claimed):
        with pytest.raises(SessionNotFound, match="is not there"), open_it(tmp_path / "log"):
            pass
    with pytest.raises(BadLog, match="can't be read"), read_log(tmp_path):
        pass
