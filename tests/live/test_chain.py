"""The live chain gives what reprocess gives: whatever comes when, whoever falls silent."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imu.cli.simulate import write_recording
from imu.core.errors import UnusableRecording
from imu.core.samples import Samples
from imu.core.tables import STREAM
from imu.core.units import NS_PER_S
from imu.live.chain import Chain
from imu.pipeline import Params
from imu.reprocess import analyse, reprocess
from imu.simulate import Protocol, Stand, Walk, simulate, someone, usual_sensors
from imu.store.raw import raw_path, read_raw
from imu.store.tables import write_analysis, write_table
from imu.version import VERSION

WALK = Protocol(segments=(Stand(seconds=3.0), Walk(direction="backward", seconds=17.0), Stand(seconds=2.0)))


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """A session folder, and what each sensor's rows are when read back."""
    folder = tmp_path_factory.mktemp("walked")
    recording = simulate(someone(5), WALK, usual_sensors(), seed=5)
    write_recording(folder, recording, recording.session)
    session = recording.session
    rows = {name: joined(read_raw(raw_path(folder, name), name, session.sensors[name])) for name in session.sensors}
    return folder, session, rows


def joined(blocks):
    blocks = list(blocks)
    return Samples(*(np.concatenate([getattr(block, name) for block in blocks]) for name in Samples.__slots__))


def arrivals(rows, rng, away):
    """Packets of all sensors in the order in which they come; what falls into `away` comes at its end, all at once."""
    packets = []
    for name, samples in rows.items():
        start = at = 0
        while start < len(samples):
            end = start + int(rng.integers(1, 20))
            packet = samples[start:end]
            # a link delays, and keeps the order
            at = max(at, int(packet.t_ns[-1]) + int(rng.integers(0, 30_000_000)))
            for sensor, begin, until in away:
                if sensor == name and begin <= at < until:
                    at = max(at, until)
            packets.append((at, len(packets), name, packet))
            start = end
    return [(name, packet) for _, _, name, packet in sorted(packets, key=lambda one: one[:2])]


@example(seed=0, away=[("foot_left", 0.0, 60.0), ("foot_right", 0.0, 60.0)])
@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    away=st.lists(
        # held back for a while, or to the end and beyond, or from the first sample on
        st.tuples(
            st.sampled_from(["foot_left", "foot_right", "pelvis"]),
            st.just(0.0) | st.floats(3.0, 18.0),
            st.floats(0.2, 6.0) | st.just(60.0),
        ),
        max_size=3,
    ),
)
def test_live_equals_reprocess_byte_for_byte(walked, tmp_path_factory, seed, away):
    folder, session, rows = walked
    gone = [(name, round(begin * NS_PER_S), round((begin + length) * NS_PER_S)) for name, begin, length in away]
    chain = Chain(session, tuple(rows))
    for name, packet in arrivals(rows, np.random.default_rng(seed), gone):
        chain.push(name, packet)
    live, again = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("again")
    refused = ""
    try:
        chain.finish()
    except UnusableRecording as why:
        # of feet that came too late for all of it, nothing is left to look at
        refused = str(why)
    (folder / "raw" / "stream.parquet").unlink(missing_ok=True)
    if chain.stream():
        write_table(folder / "raw" / "stream.parquet", STREAM, chain.stream(), version=VERSION, params={})
    if refused:
        with pytest.raises(UnusableRecording, match=re.escape(refused)):
            reprocess(folder, again)
        return
    write_analysis(live, chain.tables(), chain.summary(), version=VERSION, params=Params().document())
    reprocess(folder, again)
    for path in sorted((live / "analysis").iterdir()):
        assert path.read_bytes() == (again / "analysis" / path.name).read_bytes(), path.name


def test_a_sensor_that_falls_silent_is_dropped_after_two_seconds_and_taken_back(walked):
    _, session, rows = walked
    chain = Chain(session, tuple(rows))
    gone = [("pelvis", 8 * NS_PER_S, 13 * NS_PER_S)]
    seen = []
    for name, packet in arrivals(rows, np.random.default_rng(1), gone):
        events = chain.push(name, packet)
        seen += [(int(packet.t_ns[-1]), event) for event in events if event.kind == "step"]
    drop, back = chain.stream()
    assert (drop["event"], back["event"]) == ("drop", "back")
    assert drop["t_ns"] == pytest.approx(8 * NS_PER_S, abs=0.1 * NS_PER_S)
    assert back["t_ns"] == pytest.approx(13 * NS_PER_S, abs=0.2 * NS_PER_S)
    inside = [event.row for at, event in seen if 10.5 * NS_PER_S < at < 12.9 * NS_PER_S]
    assert inside, "steps go on without the pelvis"
    assert all(row["pelvic_drop_deg"] is None for row in inside)


def test_a_short_silence_costs_nothing(walked):
    folder, session, rows = walked
    (folder / "raw" / "stream.parquet").unlink(missing_ok=True)
    chain = Chain(session, tuple(rows))
    for name, packet in arrivals(rows, np.random.default_rng(2), [("foot_left", 8 * NS_PER_S, 9 * NS_PER_S)]):
        chain.push(name, packet)
    chain.finish()
    assert chain.stream() == []
    assert chain.tables() == analyse(folder, session).tables()
