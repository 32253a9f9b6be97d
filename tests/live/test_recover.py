"""A log becomes the session that was live: the same rows, the same analysis, whatever the end of the log looks like."""

import numpy as np
import pytest

from firmware_bridge.ogi import Ogi
from firmware_bridge.packets import BadPacket
from imu.core.errors import BadLog, DuplicateSession
from imu.core.units import NS_PER_S
from imu.live import recover as recovering
from imu.live.decode import CONNECTED
from imu.live.player import Player
from imu.live.recover import finish, recover
from imu.pipeline import Params
from imu.reprocess import reprocess
from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors
from imu.store.checksum import Rows
from imu.store.log import Kind, LogFrame, LogHeader, Source, event_frame, read_log
from imu.store.log_writer import LogWriter
from imu.store.raw import raw_path, read_raw
from imu.store.tables import write_analysis
from imu.version import VERSION
from tests.live.traffic import ACC, GYR, RATE_HZ, START_NS, counts_of, traffic

WALK = Protocol(segments=(Stand(seconds=3.0), Walk(direction="backward", seconds=12.0), Stand(seconds=2.0)))
DRIVERS = {"ogi": Ogi()}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Three sensors that drift, over a link that waits: what a recorder wrote. With it, each one's counts."""
    recording = simulate(Person(), WALK, usual_sensors(), seed=4)
    document = dict(recording.session.document) | {"session": "live", "sync": "device"}
    del document["source"]
    counts = counts_of(recording)
    per_count = {"acc_per_count_m_s2": ACC, "gyr_per_count_rad_s": GYR}
    sources = tuple(Source(f"S{index}", "ogi", sensor, per_count) for index, sensor in enumerate(counts))
    index_of = {source.serial: index for index, source in enumerate(sources)}
    path = tmp_path_factory.mktemp("log") / "live.log"
    writer = LogWriter(path, LogHeader(None, START_NS, sources, document))
    for source, kind, host_ns, payload in traffic(counts, seed=3):
        index = index_of[source]
        if kind == "connected":
            writer.put(event_frame(host_ns, {"what": CONNECTED, "source": index}))
        elif kind in KINDS:
            writer.put(LogFrame(KINDS[kind], index, host_ns, payload))
    writer.put(event_frame(START_NS + 9 * NS_PER_S, {"kind": "note", "value": '{"text":"first bout"}'}))
    writer.close()
    return path, counts


KINDS = {"data": Kind.NOTIFICATION, "ping": Kind.PING}


def test_every_sample_that_was_sent_is_in_the_session_to_the_bit(log, tmp_path):
    path, counts = log
    made = recover(path, tmp_path, DRIVERS)
    assert made.end.damage is None
    for sensor, sent in counts.items():
        [rows] = read_raw(raw_path(made.folder, sensor), sensor, made.session.sensors[sensor])
        np.testing.assert_array_equal(np.rint(rows.acc / ACC), sent[:, :3])
        np.testing.assert_array_equal(np.rint(rows.gyr / GYR), sent[:, 3:])
        assert (np.diff(rows.seq) == 1).all()
        # 0.3 s of the way and the wait for a connection event are all that is not known
        off_s = rows.t_ns / NS_PER_S - np.arange(len(rows)) / RATE_HZ
        assert 0.28 < np.median(off_s) < 0.34
        assert np.ptp(off_s[400:]) < 0.01
        assert made.sensors[sensor].lost == 0


def test_live_analysis_equals_reprocess_of_what_was_recovered(log, tmp_path):
    path, _ = log
    made = recover(path, tmp_path / "store", DRIVERS)
    with read_log(path) as frames:
        player = Player(frames.header, DRIVERS)
        for frame in frames:
            player.take(frame)
    player.finish()
    chain = player.chain
    live, again = tmp_path / "live", tmp_path / "again"
    write_analysis(live, chain.tables(), chain.summary(), version=VERSION, params=Params().document())
    reprocess(made.folder, again)
    assert len(chain.tables()["contacts"]) > 15
    for file in sorted((live / "analysis").iterdir()):
        assert file.read_bytes() == (again / "analysis" / file.name).read_bytes(), file.name


@pytest.mark.parametrize("dropped", [1, 7, 1000, 40_000])
def test_a_log_that_ends_anywhere_gives_what_came_before(log, tmp_path, dropped):
    path, counts = log
    cut = tmp_path / "cut.log"
    cut.write_bytes(path.read_bytes()[:-dropped])
    made = recover(cut, tmp_path / "store", DRIVERS)
    assert made.end.damage == "truncated"
    for sensor, sent in counts.items():
        [rows] = read_raw(raw_path(made.folder, sensor), sensor, made.session.sensors[sensor])
        assert len(sent) - dropped / 4 < len(rows) <= len(sent)
        np.testing.assert_array_equal(np.rint(rows.acc / ACC), sent[: len(rows), :3])
    assert cut.exists(), "the log stays"


def test_a_session_that_was_made_of_this_log_is_left_as_it_is(log, tmp_path):
    path, _ = log
    made = recover(path, tmp_path, DRIVERS)
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in made.folder.rglob("*") if file.is_file()}
    again = recover(path, tmp_path, DRIVERS)
    assert (again.summary, again.sensors) == (made.summary, made.sensors)
    after = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in made.folder.rglob("*") if file.is_file()}
    assert after == before


def test_another_session_of_that_name_is_refused(log, tmp_path):
    path, _ = log
    made = recover(path, tmp_path, DRIVERS)
    (raw_path(made.folder, "pelvis")).write_bytes(raw_path(made.folder, "foot_left").read_bytes())
    with pytest.raises(DuplicateSession, match="another session of this name"):
        recover(path, tmp_path, DRIVERS)


def test_what_a_failed_attempt_left_is_no_part_of_the_session(log, tmp_path):
    path, _ = log
    made = recover(path, tmp_path / "first", DRIVERS)
    folder = tmp_path / "second" / made.folder.relative_to(tmp_path / "first")
    for name in ("raw/treadmill.parquet", "raw/heart_rate.parquet", "raw/stream.parquet"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"of another attempt")
    again = recover(path, tmp_path / "second", DRIVERS)
    assert again.summary == made.summary
    assert not (folder / "raw" / "treadmill.parquet").exists()


def test_a_log_that_holds_more_than_the_session_stays(log, tmp_path):
    path, _ = log
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / "damaged.log").write_bytes(content)
    made = finish(tmp_path / "damaged.log", tmp_path / "damaged", DRIVERS)
    assert made.end.damage == "bad_crc"
    assert made.log == tmp_path / "damaged.log"
    assert made.log.exists()
    (tmp_path / "whole.log").write_bytes(path.read_bytes())
    made = finish(tmp_path / "whole.log", tmp_path / "whole", DRIVERS)
    assert made.log is None
    assert not (tmp_path / "whole.log").exists()


def test_a_log_of_which_nothing_could_be_decoded_stays(log, tmp_path):
    path, _ = log

    class Deaf(Ogi):
        def decode(self, payload):
            raise BadPacket("not mine", payload=payload)

    (tmp_path / "a.log").write_bytes(path.read_bytes())
    made = finish(tmp_path / "a.log", tmp_path / "store", {"ogi": Deaf()})
    assert (made.summary, made.log) == (None, tmp_path / "a.log")
    assert all(kept.bad_packets > 100 and kept.rows == 0 for kept in made.sensors.values())


def test_a_session_that_does_not_read_back_is_none_and_the_log_stays(log, tmp_path, monkeypatch):
    path, _ = log
    kept = tmp_path / "kept.log"
    kept.write_bytes(path.read_bytes())
    monkeypatch.setattr(recovering.RowsChecksum, "value", property(lambda sums: Rows(1 + id(sums), ())))
    with pytest.raises(BadLog, match="does not give back"):
        finish(kept, tmp_path / "store", DRIVERS)
    assert kept.exists()
    assert not list((tmp_path / "store").rglob("session.json"))
    monkeypatch.undo()
    finish(kept, tmp_path / "store", DRIVERS)
    assert not kept.exists()
