"""The live loop: recorded before all else, analysed as it comes, and in the end the session that reprocess makes."""

import asyncio
import itertools
import json
import threading

import numpy as np
import pytest

from firmware_bridge.link import Arrival, Inbox
from firmware_bridge.ogi import Ogi
from imu.core.errors import CannotRecord
from imu.core.tables import EVENTS, HEART_RATE, TREADMILL
from imu.core.units import NS_PER_S
from imu.live.chain import Chain
from imu.live.live import LEAD_S, Live, NoFoot
from imu.live.recover import finish
from imu.live.worn import Worn
from imu.pipeline import Params
from imu.reprocess import reprocess
from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors
from imu.store.log import read_log
from imu.store.log_writer import RecorderLimits
from imu.store.raw import raw_path, read_raw
from imu.store.tables import read_rows, write_analysis
from imu.version import VERSION
from tests.live.traffic import ACC, START_NS, counts_of, identity, traffic

DRIVERS = {"ogi": Ogi()}
WALK = Protocol(segments=(Stand(seconds=6.0), Walk(direction="backward", seconds=12.0), Stand(seconds=2.0)))
DOCUMENT = {"subject": "S01", "session": "live", "activity": "test"}
AFTER_S = 2.5


class Clock:
    """The host's, as far as arrivals have come."""

    def __init__(self):
        self.ns = START_NS

    def __call__(self):
        return self.ns


@pytest.fixture(scope="module")
def walked():
    """What three sensors sample, and what comes in of it."""
    recording = simulate(Person(), WALK, usual_sensors(), seed=4)
    counts = counts_of(recording)
    return recording, counts, traffic(counts, seed=3)


def worn_of(recording):
    return [
        Worn(sensor=sensor, serial=f"S{index}", mounting=tuple(map(tuple, setup.mounting.tolist())))
        for index, (sensor, setup) in enumerate(recording.session.sensors.items())
    ]


def sit(tmp_path, recording, arrivals, *, before_start=AFTER_S, during=None, limits=None, heard=None, sensors=None):
    """All arrivals through one sitting; the recording begins some seconds after the first."""

    async def main():
        clock, inbox = Clock(), Inbox()
        live = Live(worn_of(recording), inbox, DRIVERS, clock)
        listening = asyncio.create_task(live.listen())
        started = False
        if heard is not None:
            subscription = live.audience.subscribe(1 << 20)
        try:
            for arrival in arrivals:
                clock.ns = max(clock.ns, arrival.host_ns)
                inbox.put(arrival)
                if not started and clock.ns > START_NS + before_start * NS_PER_S:
                    await asyncio.sleep(0)
                    await live.start(tmp_path / "a.rglog", DOCUMENT, limits=limits, sensors=sensors)
                    started = True
                if len(inbox) > 50:
                    await asyncio.sleep(0)
                if during is not None:
                    during(live, clock)
            await asyncio.sleep(0)
        finally:
            listening.cancel()
        await live.stop()
        if heard is not None:
            heard.extend([one async for one in subscription])
        return live

    return asyncio.run(main())


def same(folder, again):
    for file in sorted((folder / "analysis").iterdir()):
        assert file.read_bytes() == (again / "analysis" / file.name).read_bytes(), file.name


def test_what_was_seen_live_is_written_and_is_what_reprocess_makes(walked, tmp_path):
    recording, _, arrivals = walked
    heard = []
    live = sit(tmp_path, recording, arrivals, heard=heard)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    assert not (tmp_path / "a.rglog").exists(), "read back, so the log goes"
    reprocess(made.folder, tmp_path / "again")
    same(made.folder, tmp_path / "again")
    chain = live.player.chain
    tables = chain.tables()
    write_analysis(tmp_path / "live", tables, chain.summary(), version=VERSION, params=Params().document())
    same(made.folder, tmp_path / "live")
    assert all(tables.values())
    contacts = [event.row for one in heard for event in one.events if event.kind == "contact"]
    assert sorted(row["t_contact_ns"] for row in contacts) == [row["t_contact_ns"] for row in tables["contacts"]]
    assert live.audience.board.figures().contacts == len(contacts)


def test_every_sample_since_the_start_is_in_the_session_and_the_lead_is_not(walked, tmp_path):
    recording, counts, arrivals = walked
    live = sit(tmp_path, recording, arrivals)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    for sensor, sent in counts.items():
        rows = list(read_raw(raw_path(made.folder, sensor), sensor, made.session.sensors[sensor]))
        acc = np.concatenate([block.acc for block in rows])
        t_ns = np.concatenate([block.t_ns for block in rows])
        assert t_ns[0] >= 0
        np.testing.assert_array_equal(np.rint(acc / ACC), sent[len(sent) - len(acc) :, :3])
        assert len(acc) == pytest.approx((len(sent) / 200.0 - AFTER_S + 0.3) * 200.0, abs=20)
        assert live.lost(sensor) == 0
    # the clock knew its device when the recording began
    spans = {
        sensor: np.concatenate([b.t_ns for b in read_raw(raw_path(made.folder, sensor), sensor, setup)])[[0, -1]]
        for sensor, setup in made.session.sensors.items()
    }
    lengths = [end - begin for begin, end in spans.values()]
    assert np.ptp(lengths) < 0.06 * NS_PER_S


def test_the_lead_does_not_grow_without_end(walked, tmp_path):
    recording, _, arrivals = walked

    async def main():
        clock, inbox = Clock(), Inbox()
        live = Live(worn_of(recording), inbox, DRIVERS, clock)
        listening = asyncio.create_task(live.listen())
        for hour, arrival in itertools.product(range(3), arrivals):
            later = arrival.host_ns + hour * 3600 * NS_PER_S
            clock.ns = later
            inbox.put(arrival._replace(host_ns=later))
            await asyncio.sleep(0)
        await live.start(tmp_path / "a.rglog", DOCUMENT)
        listening.cancel()
        await live.stop()

    asyncio.run(main())
    with read_log(tmp_path / "a.rglog") as frames:
        times = [frame.host_ns for frame in frames]
        assert max(times) - min(times) <= LEAD_S * NS_PER_S


def test_a_recording_needs_a_foot(walked, tmp_path):
    recording, _, arrivals = walked
    pelvis = [one for one in arrivals if one.source == "S2"]
    with pytest.raises(NoFoot):
        sit(tmp_path, recording, pelvis)
    assert not (tmp_path / "a.rglog").exists()


def test_a_sensor_that_comes_after_the_start_is_no_part_of_it(walked, tmp_path):
    recording, _, arrivals = walked
    late = [one for one in arrivals if one.source != "S1" or one.host_ns > START_NS + 8 * NS_PER_S]
    first = next(one for one in late if one.source == "S1")
    late.insert(late.index(first), Arrival("S1", "identified", first.host_ns, identity("S1")))
    live = sit(tmp_path, recording, late)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    assert set(made.session.sensors) == {"foot_left", "pelvis"}
    assert live.links["S1"].packets > 100, "but it is shown"


def test_a_sensor_that_never_sends_after_the_start_costs_nothing_else(walked, tmp_path):
    recording, _, arrivals = walked
    cut_ns = START_NS + round(2.2 * NS_PER_S)
    silent = [one for one in arrivals if one.source != "S2" or one.host_ns < cut_ns]
    sit(tmp_path, recording, silent)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    reprocess(made.folder, tmp_path / "again")
    same(made.folder, tmp_path / "again")
    assert not raw_path(made.folder, "pelvis").exists()
    assert made.summary["repairs"]["pelvis"] == {"absent": 1}


def test_treadmill_heart_and_marks_become_tables(walked, tmp_path):
    recording, _, arrivals = walked
    asides = [
        Arrival(
            "treadmill",
            "treadmill",
            START_NS + k * NS_PER_S,
            bytes.fromhex("0800") + (36 * k).to_bytes(2, "little") + bytes.fromhex("0f00ff7f"),
        )
        for k in range(1, 15)
    ]
    asides += [
        Arrival("heart_rate", "heart_rate", START_NS + k * NS_PER_S + 1, bytes([0, 60 + k])) for k in range(1, 15)
    ]
    asides += [Arrival("heart_rate", "heart_rate", START_NS + 9 * NS_PER_S, b"")]
    marked = []

    def mark(live, clock):
        if not marked and clock.ns > START_NS + 9 * NS_PER_S:
            live.mark("note", {"text": "first bout"})
            marked.append(clock.ns)
            assert live.aside("treadmill") == pytest.approx(0.1 * 8, abs=0.11)
            assert live.aside("heart_rate") == pytest.approx(68, abs=1)

    sit(tmp_path, recording, sorted([*arrivals, *asides], key=lambda one: one.host_ns), during=mark)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    belt = read_rows(made.folder / "raw" / "treadmill.parquet", TREADMILL)
    heart = read_rows(made.folder / "raw" / "heart_rate.parquet", HEART_RATE)
    start_ns = START_NS + AFTER_S * NS_PER_S
    assert [row["speed_m_s"] for row in belt] == pytest.approx([0.1 * k for k in range(3, 15)])
    assert {row["incline_pct"] for row in belt} == {1.5}
    assert [row["heart_rate_bpm"] for row in heart] == [60 + k for k in range(3, 15)]
    assert belt[0]["t_ns"] == pytest.approx(3 * NS_PER_S + START_NS - start_ns, abs=0.1 * NS_PER_S)
    [note] = read_rows(made.folder / "events.parquet", EVENTS)
    assert (note["kind"], json.loads(note["value"])) == ("note", {"text": "first bout"})
    assert note["t_ns"] == pytest.approx(marked[0] - start_ns, abs=0.1 * NS_PER_S)


def test_a_laptop_that_slept_is_a_gap(walked, tmp_path):
    recording, counts, _ = walked
    slept_s = 1800.0
    arrivals = traffic(counts, seed=3, asleep=(10.0, slept_s))
    live = sit(tmp_path, recording, arrivals)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    reprocess(made.folder, tmp_path / "again")
    same(made.folder, tmp_path / "again")
    for sensor in counts:
        assert live.lost(sensor) == pytest.approx(slept_s * 200.0, rel=1e-3)
        assert made.summary["sensors"][sensor]["gaps"] == 1
    assert made.summary["duration_s"] == pytest.approx(20.0 - AFTER_S + slept_s, abs=1.0)


def test_a_disk_that_is_full_stops_the_recording_and_what_came_is_kept(walked, tmp_path):
    recording, _, arrivals = walked
    limits = RecorderLimits(most_buffered_bytes=60_000, write_every_s=3600.0, sync_every_s=3600.0)
    problems = []

    def watch(live, _):
        if live.problem is not None and not problems:
            problems.append(live.problem)

    with pytest.raises(OSError, match="wait to be written"):
        sit(tmp_path, recording, arrivals, during=watch, limits=limits)
    assert problems, "it was told at once"
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    assert made.sensors["foot_left"].rows > 500


def test_whoever_is_slow_loses_the_oldest_and_is_told(walked, tmp_path):
    recording, _, arrivals = walked
    slow = []

    def watch(live, _):
        if not slow:
            slow.append(live.audience.subscribe(10))

    live = sit(tmp_path, recording, arrivals, during=watch)
    [subscription] = slow
    assert subscription.dropped > 100
    assert all(live.lost(sensor) == 0 for sensor in recording.session.sensors)


def test_a_mistake_in_the_analysis_costs_nobody_the_recording(walked, tmp_path, monkeypatch):
    recording, counts, arrivals = walked
    heard = Chain.push

    def broken(chain, sensor, samples):
        if len(samples) and samples.t_ns[-1] > 8 * NS_PER_S:
            raise TypeError("ours")
        return heard(chain, sensor, samples)

    monkeypatch.setattr(Chain, "push", broken)
    live = sit(tmp_path, recording, arrivals)
    assert isinstance(live.player.slip, TypeError)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    assert made.sensors["foot_left"].rows > 0.8 * len(counts["foot_left"])
    assert made.summary is None
    assert "a mistake of this program: TypeError: ours" in made.unusable
    assert made.log.exists(), "until a mended version has analysed it"
    monkeypatch.undo()
    assert reprocess(made.folder, made.folder).summary["directions"]["backward"]["contacts"] > 10


def test_a_mistake_at_the_end_leaves_a_whole_log_too(walked, tmp_path, monkeypatch):
    recording, _, arrivals = walked

    def broken(chain):
        raise TypeError("ours")

    monkeypatch.setattr(Chain, "finish", broken)
    assert isinstance(sit(tmp_path, recording, arrivals).player.slip, TypeError)
    monkeypatch.undo()
    assert finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS).summary is not None


@pytest.mark.parametrize("serial", ["S0", "S1", "S2"])
@pytest.mark.parametrize("gone_s", [2.2, 9.13, 11.4])
def test_a_sensor_that_is_gone_for_good_is_waited_for_two_seconds(walked, tmp_path, serial, gone_s):
    recording, _, arrivals = walked
    cut_ns = START_NS + round(gone_s * NS_PER_S)
    steps = []

    def watch(live, clock):
        if live.player is not None and clock.ns > START_NS + 13 * NS_PER_S and not steps:
            steps.append(len(live.player.chain.tables()["steps"]))

    sit(tmp_path, recording, [one for one in arrivals if one.source != serial or one.host_ns < cut_ns], during=watch)
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    reprocess(made.folder, tmp_path / "again")
    same(made.folder, tmp_path / "again")
    if serial == "S2":
        assert steps[0] > 3, "steps go on without the pelvis"


def test_of_sensors_that_are_known_only_those_that_are_named_take_part(walked, tmp_path):
    recording, _, arrivals = walked
    sit(tmp_path, recording, arrivals, sensors=["foot_right", "pelvis"])
    made = finish(tmp_path / "a.rglog", tmp_path / "store", DRIVERS)
    assert set(made.session.sensors) == {"foot_right", "pelvis"}


def test_a_start_that_is_given_up_leaves_nothing(walked, tmp_path, monkeypatch):
    recording, _, arrivals = walked

    async def main():
        clock, inbox = Clock(), Inbox()
        live = Live(worn_of(recording), inbox, DRIVERS, clock)
        listening = asyncio.create_task(live.listen())
        for arrival in arrivals[:50]:
            clock.ns = arrival.host_ns
            inbox.put(arrival)
        await asyncio.sleep(0)
        starting = asyncio.create_task(live.start(tmp_path / "a.rglog", DOCUMENT))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not (tmp_path / "a.rglog").exists()
        await live.start(tmp_path / "a.rglog", DOCUMENT)
        with pytest.raises(CannotRecord, match="begun already"):
            await live.start(tmp_path / "b.rglog", DOCUMENT)
        listening.cancel()
        await live.stop()
        await live.stop()
        live.mark("note", {"text": "too late"})
        assert live.problem is None
        async for _ in live.audience.subscribe():
            pytest.fail("nothing more is heard")

    asyncio.run(main())
    assert [thread.name for thread in threading.enumerate() if thread.name == "recorder"] == []
