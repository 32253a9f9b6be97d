import time

import pytest

from imu.core.errors import CannotRecord, LogInUse
from imu.store.log import MOST_PAYLOAD_BYTES, Kind, LogEnd, LogFrame, encode_frame, source_frame
from imu.store.log_lock import claimed
from imu.store.log_writer import LogWriter, RecorderLimits, SyncedWriter
from tests.store.log_files import BELT, HEADER, LEFT, PACKETS, read


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
        log.put(LogFrame(*PACKETS[0]))
        with pytest.raises(ValueError, match="want"):
            log.put(LogFrame(*frame))
        log.put(LogFrame(*PACKETS[1]))
    assert read(tmp_path / "log")[0] == [LogFrame(*packet) for packet in PACKETS[:2]]


def test_sources_can_be_told_apart_up_to_what_a_frame_holds(tmp_path):
    with LogWriter(tmp_path / "log", HEADER._replace(sources=(LEFT,) * 254)) as log:
        with pytest.raises(ValueError, match="want 254, of 255 at most"):
            log.put(source_frame(253, 1, BELT))
        log.put(source_frame(254, 1, BELT))
        with pytest.raises(ValueError, match="want 255, of 255 at most"):
            log.put(source_frame(255, 1, BELT))
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
        log.put(LogFrame(*PACKETS[0]))
    with pytest.raises(CannotRecord, match=r"holds a recording already.*imu recover"):
        LogWriter(path, HEADER)
    with claimed(path), pytest.raises(LogInUse), claimed(path):
        pass
    assert len(read(path)[0]) == 1


def test_a_log_can_be_read_while_it_is_written(tmp_path):
    with LogWriter(tmp_path / "log", HEADER) as log:
        log.put(LogFrame(*PACKETS[0]))
        assert read(tmp_path / "log") == ([], LogEnd(1, log.state().synced_bytes, 0, None))
        log.flush(sync=True)
        assert len(read(tmp_path / "log")[0]) == 1


def test_a_closed_log_takes_nothing_in(tmp_path):
    log = LogWriter(tmp_path / "log", HEADER)
    log.close()
    log.close()
    with pytest.raises(CannotRecord, match="closed"):
        log.put(LogFrame(*PACKETS[0]))
    assert log.state().error is None


def test_a_place_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CannotRecord, match=r"file/log: .*; want a disk"):
        LogWriter(tmp_path / "file" / "log", HEADER)


def test_what_ends_a_block_is_not_covered_by_closing(tmp_path):
    def interrupted():
        with LogWriter(tmp_path / "log", HEADER) as log:
            log.put(LogFrame(*PACKETS[0]))
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert len(read(tmp_path / "log")[0]) == 1


def test_a_thread_writes_while_frames_come(tmp_path):
    """Syncs as often as can be, appends as fast as can be: every frame once, in order."""
    payloads = [n.to_bytes(4, "little") * (n % 40) for n in range(40_000)]
    with SyncedWriter(tmp_path / "log", HEADER, limits=RecorderLimits(write_every_s=0.0, sync_every_s=0.0)) as log:
        for n, payload in enumerate(payloads):
            log.put(LogFrame(Kind.NOTIFICATION, 0, n, payload))
        state = log.state()
    assert state.appended_frames == len(payloads) + 1
    assert state.synced_frames > 1, "the thread never ran"
    frames, end = read(tmp_path / "log")
    assert [frame.payload for frame in frames] == payloads
    assert [frame.host_ns for frame in frames] == list(range(len(payloads)))
    assert end.damage is None


def test_within_a_second_a_frame_is_on_the_disk(tmp_path):
    with SyncedWriter(tmp_path / "log", HEADER) as log:
        log.put(LogFrame(*PACKETS[0]))
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
