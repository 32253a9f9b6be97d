import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.errors import BadSpec
from imu.simulate import Person, Protocol, ShiftWeight, Stand, Turn, Walk
from imu.simulate.belt import Belt
from imu.simulate.belt_motion import BeltMotion
from imu.simulate.plan import plan

RESTING = Stand(seconds=3.0)


def ridden(*segments, person=None, seed=1, duration_s=None, **belt):
    protocol = Protocol(segments=segments, surface="treadmill", duration_s=duration_s, **belt)
    return plan(person or Person(), protocol, np.random.default_rng(seed))


def room(found):
    """When the pelvis is where in the room, along the deck, from where it began; and the belt's speed then."""
    rows = found.intervals[found.intervals["t_s"] >= 0.0]
    belt = BeltMotion(found.belt).at(rows["t_s"])
    return rows["t_s"], rows["centre_m"][:, 0] - belt.value, belt.rate


def contacts(found):
    return np.sort(np.concatenate([rows["t_contact_s"][1:] for rows in found.footfalls.values()]))


def test_a_belt_has_come_as_far_as_its_speed_says():
    belt = Belt()
    belt.ramp(2.0, 6.0, 1.2)
    belt.ramp(10.0, 11.0, 0.5)
    belt.ramp(11.0, 12.0, -0.4)
    belt.ramp(15.0, 15.5, 0.0)
    assert belt.rows()["t_s"].tolist() == [0.0, 2.0, 6.0, 10.0, 11.0, 12.0, 15.0, 15.5]
    t = np.linspace(0.0, 20.0, 20_001)
    speed, distance = (np.array([of(at) for at in t.tolist()]) for of in (belt.speed_m_s, belt.distance_m))
    np.testing.assert_allclose(np.gradient(distance, t)[1:-1], speed[1:-1], atol=1e-5)
    assert speed[[0, 2000, 6000, 8000, 11_000, 12_500, -1]] == pytest.approx([0.0, 0.0, 1.2, 1.2, 0.5, -0.4, 0.0])
    bend = np.gradient(speed, t)
    assert np.abs(np.diff(bend)).max() < 0.02, "no jolt"
    assert np.abs(bend[[2000, 6000, 10_000, 11_000, 12_000]]).max() < 1e-4


def test_the_plan_and_the_motion_agree_about_the_belt():
    belt = Belt()
    belt.ramp(2.0, 6.0, 1.2)
    belt.ramp(7.0, 9.0, 0.3)
    t = np.linspace(0.0, 12.0, 500)
    motion = BeltMotion(belt.rows()).at(t)
    np.testing.assert_allclose(motion.rate, [belt.speed_m_s(at) for at in t.tolist()], atol=1e-12)
    np.testing.assert_allclose(motion.value, [belt.distance_m(at) for at in t.tolist()], atol=1e-12)


def test_over_ground_there_is_no_belt_and_none_runs_where_nobody_walks():
    walk = Protocol(segments=(Walk(direction="forward", steps=8),))
    assert len(plan(Person(), walk, np.random.default_rng(1)).belt) == 0
    assert len(ridden(RESTING, Turn(degrees=180.0), ShiftWeight(times=2)).belt) == 0


def test_the_belt_starts_under_a_standing_person_and_stops_under_a_walking_one():
    found = ridden(RESTING, Walk(direction="forward", seconds=60.0, speed_m_s=1.0), RESTING, belt_ramp_m_s2=0.2)
    t, speed = found.belt["t_s"], found.belt["speed_m_s"]
    assert speed.tolist() == [0.0, 0.0, 1.0, 1.0, 0.0]
    assert t[1] == 3.0
    assert np.diff(t)[[1, 3]] == pytest.approx(5.0), "1 m/s at 0.2 m/s^2"
    belt, stopped_s = BeltMotion(found.belt), t[-1]
    lift_s = min(rows["t_lift_s"][1] for rows in found.footfalls.values())
    assert 0.05 < belt.at(np.array([lift_s])).rate[0] < 0.3, "as soon as it moves"
    last, closing = contacts(found)[[-2, -1]]
    assert last < stopped_s + 1.5
    assert closing >= stopped_s
    assert found.done[1].end_s == 63.0


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("speed", [0.2, 0.4, 0.9, 1.2])
def test_the_person_keeps_station_and_walks_at_the_belts_pace(direction, speed):
    sign = 1 if direction == "forward" else -1
    for seed in range(5):
        walk = Walk(direction=direction, seconds=120.0, speed_m_s=speed)
        found = ridden(RESTING, walk, RESTING, seed=seed)
        t, place, _ = room(found)
        assert np.abs(place).max() < 0.35
        steady = (t > 3.0 + 4.0 * speed + 5.0) & (t < 120.0 - 4.0 * speed - 5.0)
        assert abs(place[steady].mean()) < 0.1
        assert 0.01 < place[steady].std() < 0.15, "nobody stands like a rock"
        moved = found.footfalls["left"]
        middle = moved[(moved["t_contact_s"] > 30.0) & (moved["t_contact_s"] < 100.0)]
        along = (middle["to_m"] - middle["from_m"])[1:, 0] / np.diff(middle["t_contact_s"])
        assert along.mean() == pytest.approx(sign * speed, rel=0.02)
        gait = Person().gait(direction).at(speed_m_s=speed)
        assert np.diff(contacts(found)).mean() == pytest.approx(gait.step_s, rel=0.12)


def test_cadence_rises_with_the_belt():
    found = ridden(Walk(direction="forward", seconds=120.0, speed_m_s=0.4, to_speed_m_s=1.4), RESTING)
    times = contacts(found)
    steps = [np.diff(times[(times > begin) & (times < begin + 20.0)]).mean() for begin in (8.0, 35.0, 60.0, 85.0)]
    assert all(slower > 1.05 * faster for slower, faster in pairwise(steps))
    assert found.belt["speed_m_s"].max() == 1.4
    assert np.abs(room(found)[1]).max() < 0.35


def test_walks_of_one_direction_are_joined_by_ramps():
    walks = [Walk(direction="backward", seconds=40.0, speed_m_s=v) for v in (0.3, 0.5, 0.4)]
    found = ridden(RESTING, *walks, RESTING)
    assert found.belt["speed_m_s"] == pytest.approx([0.0, 0.0, -0.3, -0.3, -0.5, -0.5, -0.4, -0.4, 0.0])
    assert [done.end_s for done in found.done] == [3.0, 43.0, 83.0, 123.0, 126.0]
    assert np.diff(contacts(found)).max() < 2.0, "no stop between"


def test_whoever_turns_round_walks_backward_on_the_same_belt():
    forward, backward = (Walk(direction=way, seconds=30.0, speed_m_s=0.6) for way in ("forward", "backward"))
    found = ridden(RESTING, forward, RESTING, Turn(degrees=180.0), RESTING, backward, RESTING)
    assert found.belt["speed_m_s"].min() == 0.0
    assert sorted(set(found.belt["speed_m_s"].tolist())) == [0.0, 0.6]
    assert np.abs(room(found)[1]).max() < 0.35
    turning = found.done[3]
    assert np.abs(BeltMotion(found.belt).at(np.linspace(turning.begin_s, turning.end_s, 99)).rate).max() == 0.0
    swings = found.footfalls["left"]
    late = swings[swings["t_contact_s"] > turning.end_s]
    along = (
        (late["to_m"] - late["from_m"]) * np.column_stack([np.cos(late["to_yaw_rad"]), np.sin(late["to_yaw_rad"])])
    ).sum(1)
    assert along[:-1].max() < 0.0
    assert late["backward"].all()


def test_an_emergency_stop_is_fast():
    usual, fast = (
        ridden(RESTING, Walk(direction="forward", seconds=40.0, speed_m_s=1.2, belt_stop_m_s2=stop), RESTING)
        for stop in (None, 1.5)
    )
    assert np.diff(usual.belt["t_s"])[-1] == pytest.approx(1.2 / 0.25)
    assert np.diff(fast.belt["t_s"])[-1] == pytest.approx(1.2 / 1.5)
    assert np.abs(room(fast)[1]).max() < 0.8, "still on the deck"
    assert contacts(fast)[-1] >= fast.belt["t_s"][-1]


def test_steps_and_metres_are_those_at_speed():
    metres = ridden(Walk(direction="forward", metres=50.0, speed_m_s=1.0), RESTING)
    assert np.diff(metres.belt["t_s"]).max() == pytest.approx(50.0)
    steps = ridden(Walk(direction="forward", steps=100, speed_m_s=1.0), RESTING)
    at_speed = np.diff(steps.belt["t_s"]).max()
    assert at_speed == pytest.approx(100 * Person().forward.at(speed_m_s=1.0).step_s)


walks = st.builds(
    Walk,
    direction=st.sampled_from(["forward", "backward"]),
    seconds=st.floats(30.0, 45.0),
    speed_m_s=st.floats(0.2, 1.5),
    to_speed_m_s=st.none() | st.floats(0.3, 1.5),
    stumble_at_s=st.lists(st.floats(0.0, 20.0), max_size=1).map(tuple),
)


@settings(deadline=None, max_examples=100)
@given(
    parts=st.lists(walks | st.sampled_from([Turn(degrees=180.0), RESTING]), min_size=1, max_size=4),
    duration_s=st.none() | st.floats(5.0, 90.0),
    ramp=st.floats(0.2, 0.6),
    seed=st.integers(0, 1000),
)
def test_on_any_treadmill_session_belt_and_feet_are_in_order(parts, duration_s, ramp, seed):
    found = ridden(*parts, seed=seed, duration_s=duration_s, belt_ramp_m_s2=ramp)
    t, speed = found.belt["t_s"], found.belt["speed_m_s"]
    assert (np.diff(t) > 0.0).all()
    if len(t):
        assert speed[0] == speed[-1] == 0.0
        assert t[-1] < found.duration_s
        ramps = np.abs(np.diff(speed)) / np.diff(t)
        assert ramps.max() <= ramp + 1e-9
        assert np.abs(room(found)[1]).max() < 0.9, "on the deck, even if caught where the belt starts"
    assert (np.diff(found.intervals["t_s"]) > 0.0).all()
    for rows in found.footfalls.values():
        times = [rows[name] for name in ("t_lift_s", "t_release_s", "t_contact_s", "t_flat_s")]
        assert all((later > earlier).all() for earlier, later in pairwise(times))
        assert (times[0][1:] > times[3][:-1]).all()
        np.testing.assert_array_equal(rows["from_m"][1:], rows["to_m"][:-1])
        assert times[2].max() <= found.duration_s
    both = np.sort(np.concatenate([rows[1:] for rows in found.footfalls.values()]), order="t_contact_s")
    assert (both["t_release_s"][1:] >= both["t_contact_s"][:-1]).all()
    assert all(a.end_s == b.begin_s for a, b in pairwise(found.done))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ridden(Turn(degrees=90.0), Walk(direction="forward", seconds=30.0)), "faces 90 degrees off the belt"),
        (lambda: ridden(Walk(direction="forward", seconds=8.0, speed_m_s=1.4)), "too short on this belt; want 1"),
        (
            lambda: ridden(
                *(Walk(direction="forward", seconds=s, speed_m_s=v) for s, v in ((20.0, 0.3), (2.0, 1.4), (30.0, 1.4)))
            ),
            "too short on this belt",
        ),
        (lambda: Protocol(segments=(RESTING,), belt_ramp_m_s2=4.0), "the seconds it takes"),
        (lambda: Walk(direction="forward", seconds=9.0, belt_stop_m_s2=9.0), "the seconds it takes"),
        (
            lambda: Protocol(segments=(Walk(direction="forward", steps=9, belt_stop_m_s2=1.5),)),
            "want surface treadmill",
        ),
        (lambda: ridden(Walk(direction="forward", seconds=60.0, turning_deg_per_m=10.0)), "a curve on a treadmill"),
    ],
)
def test_what_no_treadmill_does_is_refused(make, match):
    with pytest.raises(BadSpec, match=match):
        make()


def test_facing_either_way_is_along_the_belt():
    walk = Walk(direction="forward", seconds=30.0)
    found = ridden(Turn(degrees=180.0), Turn(degrees=-360.0), walk)
    assert found.belt["speed_m_s"].min() == pytest.approx(-Person().forward.speed_m_s)
    assert math.isclose(found.intervals["heading_rad"][-1], -math.pi, abs_tol=1e-9)
