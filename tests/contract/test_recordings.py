"""Whole sessions, simulated and real: what is said live, whatever the cuts, is what the batch says, and when."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.simulate import Clock, Gait, Link, Person, Protocol, Stand, Turn, Walk, simulate, usual_sensors

RECORDINGS = (
    "bandai-walk-back-active-001",
    "felius-good",  # gaps, late packets, unequal lengths, mounting unknown
    "gaitmap-forward",
    "ipol-1-4",
    "ipol-3-6",  # lossy
    "ipol-7-1",  # lossy
    "treadmill-backward",
)

FEWER = settings(max_examples=max(3, settings().max_examples // 5))
"""A run over a whole recording takes a tenth of a second, and there are seven of them."""

share = st.floats(0.0, 1.0)
arrival = st.tuples(
    st.lists(share, max_size=25), st.fixed_dictionaries(dict.fromkeys(usual_sensors(), st.floats(-20.0, 20.0)))
)
"""Where the streams are cut, and how far each sensor lies behind the others."""

walk = st.builds(Walk, direction=st.sampled_from(["forward", "backward"]), steps=st.integers(2, 7))
segment = st.one_of(
    walk,
    walk,
    st.builds(Stand, seconds=st.floats(0.5, 4.0)),
    st.builds(Turn, degrees=st.sampled_from([-180.0, 45.0, 90.0])),
)
person = st.builds(
    Person,
    forward=st.builds(Gait, cadence_spm=st.floats(80.0, 125.0)),
    first_foot=st.sampled_from(["left", "right"]),
)
link = st.builds(
    Link,
    packet_samples=st.integers(1, 12),
    lost_share=st.sampled_from([0.0, 0.01, 0.1]),
    late_share=st.sampled_from([0.0, 0.03]),
    duplicate_share=st.sampled_from([0.0, 0.03]),
    gaps_s=st.lists(st.tuples(st.floats(1.0, 5.99), st.floats(6.0, 7.0)), max_size=1).map(tuple),
)
clock = st.builds(
    Clock,
    drift_ppm=st.floats(-100.0, 100.0),
    offset_s=st.floats(0.0, 2.0),
    jitter_s=st.sampled_from([0.0, 0.001, 0.02]),
)


@st.composite
def recordings(draw):
    sensors = {
        name: replace(
            model,
            rate_hz=draw(st.sampled_from([50.0, 100.0, 104.0])),
            mounting_known=draw(st.booleans()),
            link=draw(link),
            clock=draw(clock),
        )
        for name, model in usual_sensors().items()
    }
    protocol = Protocol(segments=tuple(draw(st.lists(segment, min_size=1, max_size=4))))
    return simulate(draw(person), protocol, sensors, seed=draw(st.integers(0, 2**32)))


@given(recording=recordings(), arrived=arrival)
def test_simulated_sessions(to_case, recording, arrived) -> None:
    case = to_case(recording)
    shares, behind_s = arrived
    assert case.run(case.pieces([round(s * case.rows) for s in shares], behind_s)) == case.whole


@pytest.fixture(scope="module", params=RECORDINGS)
def recorded(request, read_recording, to_case):
    return to_case(*read_recording(request.param))


@FEWER
@given(arrived=arrival)
def test_recorded_sessions(recorded, arrived) -> None:
    shares, behind_s = arrived
    assert recorded.run(recorded.pieces([round(s * recorded.rows) for s in shares], behind_s)) == recorded.whole


def test_recorded_events_are_out_at_their_time_and_not_earlier(recorded) -> None:
    """Every sensor cut just after it, and no flush: the event is there. Its foot one sample shorter: it is not."""
    stage = recorded.make()
    events = [event for said in recorded.feed(stage, recorded.pieces()) for event in said if event.kind != "step"]
    for event in random.Random(1).sample(events, 8):
        sensor = f"foot_{event.foot}"
        t_ns = recorded.parts[sensor].t_ns
        until = {name: rows.where(rows.t_ns <= event.t_emitted_ns) for name, rows in recorded.parts.items()}
        assert event in said_of(recorded, until)
        newest = int(np.flatnonzero(t_ns == event.t_emitted_ns)[0])
        earlier = {**until, sensor: recorded.parts[sensor][:newest]}
        assert event not in said_of(recorded, earlier)


def said_of(case, parts):
    cut = replace(case, parts=parts)
    return [event for said in cut.feed(cut.make(), cut.pieces()) for event in said]
