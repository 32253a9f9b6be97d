import math
from itertools import pairwise

import numpy as np
import pytest

from imu.core.errors import BadSpec
from imu.simulate import Gait, Person, Protocol, Stand, Turn, Walk
from imu.simulate.limits import Sides
from imu.simulate.plan import plan

EVEN = Person(stride_time_sd_s=0.0, step_length_sd_m=0.0, contact_angle_sd_deg=0.0, drop_sd_deg=0.0, shape_sd=0.0)


def walked(*segments, person=EVEN, seed=1, duration_s=None):
    protocol = Protocol(segments=segments, duration_s=duration_s)
    return plan(person, protocol, np.random.default_rng(seed))


def contacts(found):
    return np.sort(np.concatenate([rows["t_contact_s"][1:] for rows in found.footfalls.values()]))


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("speed", [0.2, 0.5, 1.0, 1.9])
def test_speed_is_step_length_times_cadence(direction, speed):
    found = walked(Walk(direction=direction, seconds=40.0, speed_m_s=speed))
    feet = found.footfalls["left"][3:-3]
    moved = (feet["to_m"] - feet["from_m"])[:, 0] / np.gradient(feet["t_contact_s"])
    np.testing.assert_allclose(moved, speed if direction == "forward" else -speed, rtol=1e-9)


def test_cadence_and_step_length_alone_leave_the_other_one():
    gait = EVEN.forward
    assert gait.at(cadence_spm=80.0).step_length_m == gait.step_length_m
    assert gait.at(step_length_m=0.3).cadence_spm == gait.cadence_spm
    assert gait.at(speed_m_s=0.6, cadence_spm=90.0).step_length_m.mean == pytest.approx(0.4)
    assert gait.at(speed_m_s=0.6, step_length_m=0.4).cadence_spm == pytest.approx(90.0)
    assert gait.at(speed_m_s=gait.speed_m_s / 4).cadence_spm == pytest.approx(gait.cadence_spm / 2)
    with pytest.raises(BadSpec, match="two at most"):
        gait.at(speed_m_s=0.6, cadence_spm=90.0, step_length_m=0.4)


def test_step_lengths_keep_their_sides():
    person = Person(forward=Gait(step_length_m=Sides(0.4, 0.6)), step_length_sd_m=0.0)
    found = walked(Walk(direction="forward", steps=20), person=person)
    left, right = (found.footfalls[foot]["to_m"][2:-2, 0] for foot in ("left", "right"))
    # the right foot goes first
    np.testing.assert_allclose(left - right, 0.4)
    np.testing.assert_allclose(right[1:] - left[:-1], 0.6)


def test_every_walk_begins_and_ends_with_feet_side_by_side():
    found = walked(Walk(direction="forward", steps=7), Walk(direction="backward", seconds=8.0), Turn(degrees=90.0))
    places = [found.footfalls[foot]["to_m"][-1] for foot in ("left", "right")]
    assert np.linalg.norm(places[0] - places[1]) == pytest.approx(EVEN.step_width_m)
    assert len(contacts(found)[contacts(found) < found.done[0].end_s]) == 7, "the closing step included"
    assert found.duration_s == found.done[-1].end_s
    for rows in found.footfalls.values():
        times = [rows[name] for name in ("t_lift_s", "t_release_s", "t_contact_s", "t_flat_s")]
        assert all((np.diff(pair, axis=0) > 0).all() for pair in pairwise(times))
        assert (times[0][1:] > times[3][:-1]).all(), "flat between landing and lifting"
        np.testing.assert_array_equal(rows["from_m"][1:], rows["to_m"][:-1])


def test_a_new_pace_in_the_same_direction_needs_no_stop():
    slow, fast = (Walk(direction="backward", seconds=20.0, speed_m_s=v) for v in (0.3, 0.6))
    found = walked(slow, fast, Stand(seconds=1.0))
    assert np.diff(contacts(found)).max() < 1.3 * EVEN.backward.at(speed_m_s=0.3).step_s
    assert [(done.begin_s, done.end_s) for done in found.done] == [(0.0, 20.0), (20.0, 40.0), (40.0, 41.0)]
    assert walked(slow, Walk(direction="forward", seconds=20.0)).done[1].begin_s == 20.0


def test_spread_of_stride_time_is_as_asked():
    person = Person(stride_time_sd_s=0.03)
    found = walked(Walk(direction="forward", seconds=900.0), person=person)
    strides = np.diff(found.footfalls["left"]["t_contact_s"][1:-1])
    assert strides.std() == pytest.approx(0.03, rel=0.15)
    assert strides.mean() == pytest.approx(2.0 * person.forward.step_s, rel=0.005)


def test_a_duration_repeats_the_protocol_and_cuts_it_there():
    found = walked(Stand(seconds=3.0), Walk(direction="forward", steps=6), Turn(degrees=180.0), duration_s=60.0)
    assert found.duration_s == 60.0
    assert contacts(found).max() < 60.0
    assert len(found.done) > 6
    assert walked(Stand(seconds=100.0), duration_s=5.0).duration_s == 5.0
    assert len(contacts(walked(Walk(direction="forward", steps=500), duration_s=1.0))) == 0, "no time for it: stand"


def test_turns_add_up():
    found = walked(Turn(degrees=90.0), Turn(degrees=-30.0), Walk(direction="forward", steps=8))
    assert found.intervals["heading_rad"][-1] == pytest.approx(math.radians(60.0))
    way = found.footfalls["right"]["to_m"][-1] - found.footfalls["right"]["from_m"][-3]
    assert math.atan2(way[1], way[0]) == pytest.approx(math.radians(60.0))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: walked(Walk(direction="forward", seconds=1.0)), "too short at this pace"),
        (lambda: Gait(cadence_spm=1.8), "steps a second"),
        (lambda: Gait(step_length_m=Sides(64.0, 0.64)), r"step_length_m.left is 64.*cm"),
        (lambda: Gait(stance_fraction=62.0), "percent"),
        (lambda: Gait(release_angle_deg=Sides(1.0, -60.0)), "its sign says which end leaves last"),
        (lambda: Gait(roll_down_s=0.3, roll_off_fraction=0.7), "shorten one"),
        (lambda: Gait(contact_angle_deg=Sides(math.nan, 0.0)), "nan"),
        (lambda: Person(first_foot="lft"), "left or right"),
        (lambda: Walk(direction="backwards", seconds=3.0), "forward or backward"),
        (lambda: Walk(direction="forward"), "neither is given"),
        (lambda: Walk(direction="forward", seconds=3.0, steps=4), "both are given"),
        (lambda: Walk(direction="forward", steps=1), "closing one included"),
        (lambda: Turn(degrees=1.57), "in rad"),
        (lambda: Protocol(segments=()), "no segments"),
        (lambda: Protocol(segments=(Stand(seconds=1.0),), surface="belt"), "treadmill"),
        (lambda: EVEN.forward.at(speed_m_s=4.0), "km/h"),
    ],
)
def test_what_cannot_be_is_refused_with_the_likely_slip(make, match):
    with pytest.raises(BadSpec, match=match):
        make()
