import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.tables import TREADMILL
from imu.core.units import NS_PER_S
from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors
from imu.simulate.belt import Belt
from imu.simulate.belt_motion import BeltMotion
from imu.simulate.body import BELT


def belt_of(ramps):
    """A planned belt: how long it keeps its speed, how long it takes to change it, and to which."""
    belt, now_s = Belt(), 0.0
    for keeps_s, takes_s, speed_m_s in ramps:
        belt.ramp(now_s + keeps_s, now_s + keeps_s + takes_s, speed_m_s)
        now_s += keeps_s + takes_s
    return belt, now_s


ramps = st.tuples(st.floats(0.0, 20.0), st.floats(0.1, 9.0), st.sampled_from([-1.1, -0.4, 0.0, 0.6, 1.7]))


@given(ramps=st.lists(ramps, min_size=1, max_size=6), shares=st.lists(st.floats(-0.1, 1.2), min_size=1, max_size=9))
def test_the_belt_runs_as_it_was_planned(ramps, shares):
    belt, end_s = belt_of(ramps)
    knots = belt.rows()
    t_s = np.sort(np.concatenate([np.array(shares) * end_s, knots["t_s"]]))
    t_s = t_s[t_s >= 0.0]
    if len(knots):
        distance_m, speed_m_s, _ = BeltMotion(knots).at(t_s)
        np.testing.assert_allclose(distance_m, [belt.distance_m(t) for t in t_s], atol=1e-9)
        np.testing.assert_allclose(speed_m_s, [belt.speed_m_s(t) for t in t_s], atol=1e-12)


def test_speed_and_acceleration_are_the_derivatives_and_outside_the_belt_runs_on():
    knots = np.array([(2.0, -0.5), (5.0, 0.8), (9.0, 0.8), (9.5, 0.2)], BELT)
    t_s = np.linspace(0.0, 12.0, 120_001)
    distance_m, speed_m_s, acceleration = BeltMotion(knots).at(t_s)
    np.testing.assert_allclose(np.gradient(distance_m, t_s)[1:-1], speed_m_s[1:-1], atol=1e-6)
    np.testing.assert_allclose(np.gradient(speed_m_s, t_s)[1:-1], acceleration[1:-1], atol=1e-4)
    assert set(speed_m_s[t_s < 2.0]) == {-0.5}
    assert set(speed_m_s[t_s > 9.5]) == {0.2}
    assert BeltMotion(knots).at(np.array([2.0])).value == 0.0


@pytest.mark.parametrize(
    ("speeds", "one"),
    [
        ([0.0, 0.6, 0.6, 0.0], 0.6),
        ([0.0, 0.6, 0.6, 0.0, 0.0, -0.6, -0.6, 0.0], 0.6),
        ([0.0, 0.6, 0.6, 0.9], None),
        ([0.7], 0.7),
        ([0.0], None),
    ],
)
def test_the_set_speed_is_the_only_one_there_is(speeds, one):
    knots = np.array(list(enumerate(speeds)), BELT)
    assert BeltMotion(knots).set_speed_m_s == one


def walked(surface, *speeds_m_s):
    walks = tuple(Walk(direction="backward", seconds=15.0, speed_m_s=speed) for speed in speeds_m_s)
    protocol = Protocol(segments=(Stand(seconds=2.0), *walks, Stand(seconds=2.5)), surface=surface)
    return simulate(Person(), protocol, usual_sensors(), seed=1)


def test_a_recording_tells_its_belt_as_a_table_and_as_an_array():
    recording = walked("treadmill", 0.5, 0.8)
    columns = recording.treadmill
    assert tuple(columns) == TREADMILL.column_names
    t_s = columns["t_ns"] / NS_PER_S
    assert (np.diff(t_s) > 0.0).all()
    assert set(np.arange(np.ceil(recording.duration_s))) <= set(t_s)
    speed_m_s = recording.belt_speed(t_s)
    np.testing.assert_allclose(columns["speed_m_s"], -speed_m_s, atol=1e-9)
    assert speed_m_s[0] == speed_m_s[-1] == 0.0
    assert {0.5, 0.8} <= set(columns["speed_m_s"].tolist())
    assert "belt_speed_m_s" not in recording.session.document["conditions"], "there are two"


def test_on_the_belt_one_stays_in_the_room():
    recording = walked("treadmill", 0.7)
    place_m = recording.pelvis().pose(np.linspace(0.0, recording.duration_s, 2000))[0]
    assert np.abs(place_m[:, :2]).max() < 0.6
    assert recording.session.document["conditions"] == {"surface": "treadmill", "belt_speed_m_s": 0.7}


def test_on_solid_ground_there_is_no_belt():
    recording = walked("overground", 0.7)
    assert recording.treadmill is None
    assert not recording.belt_speed(np.linspace(0.0, 15.0, 50)).any()
    assert recording.session.document["conditions"] == {"surface": "overground"}
