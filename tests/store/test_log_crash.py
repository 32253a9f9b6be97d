"""What befalls a recorder: killed at any moment, disks that are full, fail, or hang."""

import errno
import hashlib
import io
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from imu.core.errors import CannotRecord, DiskFull, RecorderOverrun
from imu.store import log_writer
from imu.store.log import HEAD, Kind, LogFrame, LogHeader, Source
from imu.store.log_lock import claimed
from imu.store.log_writer import LogWriter, RecorderLimits, SyncedWriter
from tests.store.log_files import read

SOURCES = tuple(Source(f"OGI-{n}", "ogi", name, {}) for n, name in enumerate(("foot_left", "foot_right", "pelvis")))
HEADER = LogHeader("2026-11-21T10:00:00Z", 77, SOURCES, {"subject": "S01"})
PACKETS = [(Kind.NOTIFICATION, 0, 100, b"\x00\x01abc"), (Kind.PING, 1, 200, b""), (Kind.NOTIFICATION, 2, 300, b"xyz\0")]


def append_until(error, log, *, first=0, pause_s=0.0):
    """Number packets of 100 bytes until the recorder refuses one: the number that it refused."""
    for n in count(first):
        try:
            log.put(LogFrame(Kind.NOTIFICATION, 0, n, bytes(100)))
        except error:
            return n
        time.sleep(pause_s)
    raise AssertionError


# kill -9

KILLS, PACKETS_PER_S = 10, 3 * 200
SAID = struct.Struct("<qq")

CHILD = """
import hashlib, os, struct, sys, time
from pathlib import Path
from imu.store.log import Kind, LogFrame, LogHeader, Source
from imu.store.log_writer import SyncedWriter

path, packets_per_s = Path(sys.argv[1]), float(sys.argv[2])
sources = tuple(Source(f"OGI-{n}", "ogi", name, {}) for n, name in enumerate(("foot_left", "foot_right", "pelvis")))
recorder = SyncedWriter(path, LogHeader("2026-11-21T10:00:00Z", 77, sources, {"subject": "S01"}))
began, n = time.monotonic(), 0
while True:
    while n < (time.monotonic() - began) * packets_per_s:
        now = time.monotonic_ns()
        recorder.put(LogFrame(Kind.NOTIFICATION, n % 3, now, hashlib.shake_128(b"%d" % n).digest(100 + n % 64)))
        # told after it was taken in: straight to the system, which outlives us
        os.write(1, struct.pack("<qq", n, now))
        n += 1
    time.sleep(0.002)
"""


def payload(n):
    return hashlib.shake_128(b"%d" % n).digest(100 + n % 64)


def record_and_kill(folder, after_s):
    """Packets that the child said it had taken in, with their times; when it was killed."""
    folder.mkdir()
    with (folder / "said").open("wb") as said, (folder / "errors").open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder / "log"), str(PACKETS_PER_S)], stdout=said, stderr=errors
        )
        try:
            until = time.monotonic() + 60
            while not (folder / "said").stat().st_size:
                assert child.poll() is None, (folder / "errors").read_text()
                assert time.monotonic() < until
                time.sleep(0.005)
            time.sleep(after_s)
            killed_ns = time.monotonic_ns()
        finally:
            child.kill()
            child.wait()
    assert child.returncode == -signal.SIGKILL, (folder / "errors").read_text()
    told = (folder / "said").read_bytes()
    # its last statement may be cut too
    return [SAID.unpack_from(told, at) for at in range(0, len(told) - SAID.size + 1, SAID.size)], killed_ns


def test_killed_at_ten_random_moments_it_loses_at_most_the_last_second(tmp_path):
    draw = random.Random(4)
    moments = [draw.uniform(0.05, 4.0) for _ in range(KILLS)]
    with ThreadPoolExecutor(5) as pool:
        runs = list(pool.map(lambda k: record_and_kill(tmp_path / str(k), moments[k]), range(KILLS)))
    for k, (told, killed_ns) in enumerate(runs):
        path = tmp_path / str(k) / "log"
        frames, end = read(path)
        # it may have taken in one more than it could say
        assert len(told) > 0
        assert len(frames) <= len(told) + 1
        assert [n for n, _ in told] == list(range(len(told)))
        for n, frame in enumerate(frames):
            assert (frame.kind, frame.source, frame.payload) == (Kind.NOTIFICATION, n % 3, payload(n))
        times = [now for _, now in told]
        assert [frame.host_ns for frame in frames][: len(told)] == times[: len(frames)]
        older = sum(now <= killed_ns - 1_000_000_000 for now in times)
        assert len(frames) >= older, f"after {moments[k]:.2f} s lost {older - len(frames)} packets older than a second"
        assert end.whole_bytes + end.dropped_bytes == path.stat().st_size
        with claimed(path), pytest.raises(CannotRecord, match="another recorder"):
            LogWriter(path, HEADER)
        with pytest.raises(CannotRecord, match="imu recover"):
            LogWriter(path, HEADER)
    assert sum(len(told) for told, _ in runs) > 1000


# real limits of a real system

UNTIL_FULL = """
import resource, sys
from pathlib import Path
from imu.core.errors import DiskFull
from imu.store.log import Kind, LogFrame, LogHeader, Source
from imu.store.log_writer import LogWriter, RecorderLimits

if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
header = LogHeader(None, 1, (Source("1", "ogi", None, {}),), {})
log = LogWriter(Path(sys.argv[1]), header, limits=RecorderLimits(least_free_bytes=0))
for n in range(10_000):
    log.put(LogFrame(Kind.NOTIFICATION, 0, n, bytes(134)))
    try:
        if n % 50 == 49:
            log.flush(sync=True)
    except DiskFull as error:
        print(n + 1 - error.lost_frames)
        print(error)
        break
"""


def check_full(ran, path, *, reason, room):
    assert ran.returncode == 0, ran.stderr
    kept, said = ran.stdout.splitlines()
    assert said.startswith("no room for ")
    assert reason in said
    assert "the recording stops" in said
    frames, end = read(path)
    assert [frame.host_ns for frame in frames] == list(range(int(kept)))
    assert end.damage is None
    # no page of the room is left unused, but what a torn frame had
    assert room - 4096 - 134 - HEAD.size - 4 < end.whole_bytes <= room


def test_a_file_that_may_grow_no_more(tmp_path):
    """The system itself takes a part of a write, then none."""
    room = 300_001
    command = [sys.executable, "-c", UNTIL_FULL, str(tmp_path / "log"), str(room)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    check_full(ran, tmp_path / "log", reason="File too large", room=room)


def test_a_file_system_that_is_full(tmp_path):
    """A small one of our own, in a name space of our own: nobody else sees it, and it goes with the process."""
    small, room = tmp_path / "small", 400 * 1024
    small.mkdir()
    mount = f"mount -t tmpfs -o size={room} none {small}"
    asked = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"this system lets us mount nothing, not even in a name space: {asked.stderr.strip()}")
    (tmp_path / "code").write_text(UNTIL_FULL)
    script = f"{mount} && {sys.executable} {tmp_path}/code {small}/log && cp {small}/log {tmp_path}/log"
    ran = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    check_full(ran, tmp_path / "log", reason="No space left on device", room=room)


# disks that are full, fail, or are slow


class Disk(io.FileIO):
    """Takes so many bytes and no more, as a file system does: a part of a write, then the error."""

    room = 1 << 30
    code = errno.ENOSPC
    writes = 0

    def write(self, piece):
        type(self).writes += 1
        fits = min(len(piece), type(self).room - self.tell())
        if fits <= 0 < len(piece):
            raise OSError(type(self).code, "as the test asks")
        return super().write(memoryview(piece)[:fits])


@pytest.fixture
def disk(monkeypatch):
    class Ours(Disk):
        pass

    monkeypatch.setattr(log_writer, "_create", lambda path: Ours(path, "xb"))
    return Ours


@pytest.mark.parametrize("how", ["unlink", "rename"])
def test_a_log_that_nobody_finds_any_more_stops_the_recording(tmp_path, how):
    told = []
    limits = RecorderLimits(write_every_s=0.01, sync_every_s=0.01)
    log = SyncedWriter(tmp_path / "a.log", HEADER, limits=limits, on_stop=told.append)
    log.path.unlink() if how == "unlink" else log.path.rename(tmp_path / "b.log")
    append_until(CannotRecord, log, pause_s=0.001)
    assert [str(why) for why in told] == [str(log.state().error)]
    assert "was deleted or moved while it was written" in str(told[0])
    with pytest.raises(CannotRecord, match="deleted or moved"):
        log.close()
    if how == "rename":
        assert len(read(tmp_path / "b.log")[0]) > 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_full_disk_stops_the_recording_and_keeps_what_is_there(tmp_path, disk, code):
    """Full after every byte of a chunk of three frames."""
    with LogWriter(tmp_path / "whole", HEADER) as log:
        ends = [log.state().synced_bytes]
        for packet in PACKETS * 2:
            log.put(LogFrame(*packet))
            log.flush(sync=True)
            ends.append(log.state().synced_bytes)
    whole = (tmp_path / "whole").read_bytes()
    disk.code = code
    wanted = CannotRecord if code == errno.EIO else DiskFull
    for room in range(ends[3], len(whole)):
        path, told = tmp_path / str(room), []
        disk.room = 1 << 30
        log = LogWriter(path, HEADER, on_stop=told.append)
        for packet in PACKETS:
            log.put(LogFrame(*packet))
        log.flush(sync=True)
        disk.room = room
        for packet in PACKETS:
            log.put(LogFrame(*packet))
        with pytest.raises(wanted, match="the recording stops") as caught:
            log.flush(sync=True)
        assert type(caught.value) is wanted
        kept = sum(end <= room for end in ends) - 4
        assert caught.value.lost_frames == 3 - kept
        assert path.read_bytes() == whole[: ends[3 + kept]]
        tries = disk.writes
        for again in (lambda log=log: log.put(LogFrame(*PACKETS[0])), lambda log=log: log.flush(sync=True), log.close):
            with pytest.raises(wanted) as once_more:
                again()
            assert once_more.value is caught.value
        log.close()
        assert told == [caught.value]
        assert disk.writes == tries, "a disk that failed is left alone"
        assert read(path)[1].damage is None


def test_a_sync_that_fails_is_never_tried_again(tmp_path, monkeypatch):
    """The system calls lost pages clean after it: a second one that succeeds says nothing."""
    log = LogWriter(tmp_path / "log", HEADER)
    log.put(LogFrame(*PACKETS[0]))
    log.flush(sync=True)
    log.put(LogFrame(*PACKETS[1]))
    syncs = []

    def fail(_):
        syncs.append(1)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(log_writer, "_sync", fail)
    with pytest.raises(CannotRecord, match=r"Input/output error.*may lack its last 1 packets") as caught:
        log.flush(sync=True)
    assert caught.value.lost_frames == 1
    assert log.state().synced_frames == 2
    with pytest.raises(CannotRecord), log:
        pass
    assert len(syncs) == 1


def test_the_thread_tells_of_a_full_disk(tmp_path, disk):
    stopped = threading.Event()
    log = SyncedWriter(
        tmp_path / "log", HEADER, limits=RecorderLimits(sync_every_s=0.01), on_stop=lambda _: stopped.set()
    )
    disk.room = log.state().synced_bytes + 1000
    sent = append_until(DiskFull, log, pause_s=0.001)
    assert stopped.wait(10)
    with pytest.raises(DiskFull):
        log.close()
    frames, end = read(tmp_path / "log")
    assert [frame.host_ns for frame in frames] == list(range(sent - log.state().error.lost_frames))
    assert len(frames) == 1000 // (100 + HEAD.size + 4)
    assert end.damage is None


def test_whatever_breaks_a_write_leaves_no_hole(tmp_path, monkeypatch):
    log = LogWriter(tmp_path / "log", HEADER)

    def fail(_):
        raise MemoryError

    log.put(LogFrame(*PACKETS[0]))
    with monkeypatch.context() as patch:
        patch.setattr(log_writer, "_sync", fail)
        with pytest.raises(MemoryError):
            log.flush(sync=True)
    with pytest.raises(CannotRecord, match="MemoryError"):
        log.put(LogFrame(*PACKETS[1]))
    with pytest.raises(CannotRecord, match="MemoryError"):
        log.close()


def test_a_disk_without_room_is_refused_at_the_start(tmp_path, monkeypatch, disk):
    monkeypatch.setattr(log_writer, "_free_bytes", lambda _: 99_000_000)
    with pytest.raises(DiskFull, match="99 MB are free"):
        LogWriter(tmp_path / "log", HEADER)
    monkeypatch.setattr(log_writer, "_free_bytes", lambda _: None)
    disk.room = 20
    told = []
    with pytest.raises(DiskFull):
        LogWriter(tmp_path / "log", HEADER, on_stop=told.append)
    assert told == [], "it is raised"
    assert not list(tmp_path.iterdir()), "without a header it is no log"


def test_a_disk_that_runs_low_is_warned_of(tmp_path, monkeypatch):
    with LogWriter(tmp_path / "log", HEADER) as log:
        monkeypatch.setattr(log_writer, "_free_bytes", lambda _: 499_000_000)
        log.put(LogFrame(*PACKETS[0]))
        log.flush(sync=True)
        assert log.state().low
        assert log.state().free_bytes == 499_000_000
        monkeypatch.setattr(log_writer, "_free_bytes", lambda _: None)
        log.put(LogFrame(*PACKETS[0]))
        log.flush(sync=True)
        assert not log.state().low


def test_a_disk_that_hangs_costs_bounded_memory_and_then_a_loud_end(tmp_path, monkeypatch):
    working, go_on, told = threading.Event(), threading.Event(), []
    really = log_writer._sync

    def hang(file):
        working.set()
        assert go_on.wait(60)
        really(file)

    limits = RecorderLimits(sync_every_s=0.001, most_buffered_bytes=20_000)
    log = SyncedWriter(tmp_path / "log", HEADER, limits=limits, on_stop=told.append)
    monkeypatch.setattr(log_writer, "_sync", hang)
    log.put(LogFrame(Kind.NOTIFICATION, 0, 0, bytes(100)))
    assert working.wait(60)
    sent = append_until(RecorderOverrun, log, first=1)
    assert told == [log.state().error]
    assert "want a disk that keeps up" in str(told[0])
    assert 19_800 < log.state().waiting_bytes <= 20_000, "what is being written counts too"
    go_on.set()
    until = time.monotonic() + 20
    while log.state().waiting_bytes:
        assert time.monotonic() < until
        time.sleep(0.01)
    # there is room again, but no log has a hole
    for _ in range(3):
        with pytest.raises(RecorderOverrun) as again:
            log.put(LogFrame(Kind.NOTIFICATION, 0, sent, b""))
        assert again.value is told[0]
    with pytest.raises(RecorderOverrun):
        log.close()
    assert len(told) == 1
    assert [frame.host_ns for frame in read(tmp_path / "log")[0]] == list(range(sent))


def test_an_error_said_a_thousand_times_stays_as_small_as_it_was(tmp_path):
    limits = RecorderLimits(most_buffered_bytes=1000)
    log = LogWriter(tmp_path / "log", HEADER, limits=limits)
    depths = set()
    for _ in range(1000):
        with pytest.raises(RecorderOverrun) as caught:
            log.put(LogFrame(Kind.NOTIFICATION, 0, 0, bytes(2000)))
        depths.add(len(caught.traceback))
    assert len(depths) <= 2
    with pytest.raises(RecorderOverrun):
        log.close()
