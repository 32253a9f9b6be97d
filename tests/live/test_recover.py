"""A log becomes the session that was live: the same rows, the same analysis, whatever the end of the log looks like."""

import numpy as np
import pytest

from firmware_bridge import ogi
from firmware_bridge.link import Ping
from firmware_bridge.ogi import Ogi
from firmware_bridge.packets import Frame
from imu.core.errors import DuplicateSession
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.live.chain import Chain
from imu.live.decode import CONNECTED, Decoder, about
from imu.live.recover import recover
from imu.pipeline import Params
from imu.reprocess import reprocess
from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors
from imu.store.log import Kind, LogHeader, Source, read_log
from imu.store.log_writer import LogWriter
from imu.store.raw import raw_path, read_raw
from imu.store.tables import write_analysis
from imu.version import VERSION

START_NS = 7_000_000_000_000
RATE_HZ = 200.0
ACC, GYR = 16.0 * STANDARD_GRAVITY_M_S2 / 32768, np.radians(2000.0) / 32768
WALK = Protocol(segments=(Stand(seconds=3.0), Walk(direction="backward", seconds=12.0), Stand(seconds=2.0)))
DRIVERS = {"ogi": Ogi()}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Three sensors that drift, over a link that waits: what a recorder wrote. With it, each one's counts."""
    rng = np.random.default_rng(3)
    recording = simulate(Person(), WALK, usual_sensors(), seed=4)
    document = dict(recording.session.document) | {"session": "live", "sync": "device"}
    del document["source"]
    sources, sent, counts = [], [], {}
    for index, sensor in enumerate(recording.session.sensors):
        [samples] = recording.samples(sensor, 1e6)
        values = np.concatenate([samples.acc / ACC, samples.gyr / GYR], axis=1)
        counts[sensor] = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
        identity = {"acc_per_count_m_s2": ACC, "gyr_per_count_rad_s": GYR}
        sources.append(Source(f"S{index}", "ogi", sensor, identity))
        sent += packets(index, counts[sensor], rng)
    path = tmp_path_factory.mktemp("log") / "live.log"
    writer = LogWriter(path, LogHeader(None, START_NS, tuple(sources), document))
    for host_ns, _, index, kind, payload in sorted(sent, key=lambda one: one[:2]):
        if kind is Kind.EVENT:
            writer.append_event(host_ns, {"what": CONNECTED, "source": index})
        else:
            writer.append(kind, index, host_ns, payload)
    writer.append_event(START_NS + 9 * NS_PER_S, {"kind": "note", "value": '{"text":"first bout"}'})
    writer.close()
    return path, counts


def packets(index, counts, rng):
    """What a sensor sends, and when it comes."""
    drift, began_us, at, number = 1.0 + 1e-6 * rng.uniform(-40, 40), int(rng.integers(0, 2**32)), 0, 0
    yield START_NS, index, index, Kind.EVENT, b""
    comes_ns = START_NS
    while at < len(counts):
        n = min(int(rng.integers(9, 12)), len(counts) - at)
        last_s = (at + n - 1) / RATE_HZ
        ticks = (began_us + round(1e6 * last_s * drift)) % 2**32
        frame = Frame(number % 2**16, at % 2**16, ticks, 1e6 / RATE_HZ, counts[at : at + n])
        waits_s = 0.015 * rng.random() + 0.015 * rng.geometric(0.92) - 0.012
        comes_ns = max(comes_ns + 1, START_NS + round(NS_PER_S * (last_s + 0.3 + waits_s)))
        yield comes_ns, index, index, Kind.NOTIFICATION, ogi.pack(frame)
        if number % 200 == 5:
            before_ns = comes_ns + 1_000_000
            asked_s = (before_ns + 8_000_000 - START_NS) / NS_PER_S - 0.3
            payload = Ping(before_ns, (began_us + round(1e6 * asked_s * drift)) % 2**32).pack()
            yield before_ns + 16_000_000, index, index, Kind.PING, payload
        at, number = at + n, number + 1


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
        worn = dict(enumerate(frames.sources))
        decoders = {
            index: Decoder(source, DRIVERS["ogi"], made.session.sensors[source.sensor], frames.header.start_ns)
            for index, source in worn.items()
        }
        chain = Chain(made.session, [source.sensor for source in worn.values()])
        for frame in frames:
            index = about(frame)
            if index in decoders:
                rows = decoders[index].take(frame)
                if rows is not None:
                    chain.push(worn[index].sensor, rows)
    chain.finish()
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


def test_a_session_is_recovered_once(log, tmp_path):
    path, _ = log
    recover(path, tmp_path, DRIVERS)
    with pytest.raises(DuplicateSession, match="recovered before"):
        recover(path, tmp_path, DRIVERS)
