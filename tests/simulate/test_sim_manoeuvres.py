import math
from itertools import pairwise

import numpy as np
import pytest

from imu.core.errors import BadSpec
from imu.simulate import Person, Protocol, ShiftWeight, SideStep, Sit, Stand, Turn, UTurn, Walk
from imu.simulate.body import SETTLE_S
from imu.simulate.plan import plan

THERE = Walk(direction="forward", metres=6.0)
SEEDS = range(30)


def moved(*segments, person=None, seed=1, duration_s=None):
    protocol = Protocol(segments=segments, duration_s=duration_s)
    return plan(person or Person(), protocol, np.random.default_rng(seed))


def footfalls(found):
    """Of both feet, in order of time."""
    return np.sort(np.concatenate([rows[1:] for rows in found.footfalls.values()]), order="t_contact_s")


def turned_deg(rows):
    return np.degrees(rows["to_yaw_rad"] - rows["from_yaw_rad"])


@pytest.mark.parametrize("degrees", [180.0, -180.0])
def test_half_a_turn_on_the_spot_takes_two_to_three_seconds_and_four_to_eight_steps(degrees):
    counts, seconds = [], []
    for seed in SEEDS:
        found = moved(Stand(seconds=1.0), Turn(degrees=degrees), seed=seed)
        rows = footfalls(found)
        counts.append(len(rows))
        seconds.append(rows["t_contact_s"][-1] - 1.0)
        assert np.abs(turned_deg(rows)).max() < 95.0
        assert found.intervals["heading_rad"][-1] == pytest.approx(math.radians(degrees))
        for own in found.footfalls.values():
            assert turned_deg(own[1:]).sum() == pytest.approx(degrees)
            assert np.hypot(*own["to_m"].T).max() < 0.3, "on the spot"
    assert set(counts) <= {4, 6, 8}
    assert min(seconds) > 1.8
    assert max(seconds) < 3.9
    assert np.mean(seconds) < 3.0
    assert np.std(seconds) > 0.1, "no two alike"


def test_steps_of_a_turn_differ_in_angle_time_and_lift():
    rows = footfalls(moved(*[Turn(degrees=180.0), Turn(degrees=-180.0)] * 20))
    assert np.abs(turned_deg(rows)).std() > 5.0
    assert {np.sign(one).item() for one in rows["contact_rad"]} == {-1.0, 0.0, 1.0}
    usual_m = Person().forward.clearance_m
    assert 0.03 < (rows["clearance_m"] < usual_m).mean() < 0.25, "now and then the foot swivels, hardly lifted"


@pytest.mark.parametrize("degrees", [180.0, -180.0, 90.0])
def test_a_u_turn_joins_two_walks_without_a_stop(degrees):
    found = moved(Stand(seconds=1.0), THERE, UTurn(degrees=degrees), THERE, Stand(seconds=1.0))
    rows = footfalls(found)
    assert np.diff(rows["t_contact_s"]).max() < 1.3 * Person().forward.step_s
    begin, end = found.done[2].begin_s, found.done[2].end_s
    assert found.done[1].end_s == begin
    assert found.done[3].begin_s == end
    still = found.intervals[found.intervals["still"] == 1]["t_s"]
    assert not ((still > 1.0) & (still < found.done[3].end_s - SETTLE_S)).any()
    assert found.intervals["heading_rad"][-1] == pytest.approx(math.radians(degrees))
    way = np.diff(found.intervals["centre_m"][found.intervals["t_s"] > end][[1, -1]], axis=0)[0]
    off = math.degrees(math.atan2(way[1], way[0])) - degrees
    assert abs(math.remainder(off, 360.0)) < 8.0, "and on in the new direction"
    assert np.linalg.norm(way) > 4.0


def test_in_a_u_turn_the_inner_foot_is_turned_where_it_stands_and_the_outer_goes_round():
    counts, longest, angles = [], {"left": [], "right": []}, []
    for seed in SEEDS:
        found = moved(THERE, UTurn(), THERE, seed=seed)
        begin, end = found.done[1].begin_s, found.done[1].end_s
        rows = footfalls(found)
        counts.append(((rows["t_contact_s"] > begin) & (rows["t_contact_s"] <= end)).sum())
        for foot, own in found.footfalls.items():
            during = own[(own["t_contact_s"] > begin + 1.0) & (own["t_contact_s"] <= end)]
            longest[foot] += np.hypot(*(during["to_m"] - during["from_m"]).T).tolist()
        headings = rows["to_yaw_rad"] - np.radians(np.where(np.arange(len(rows)) % 2, 6.0, -6.0))
        angles.append(np.abs(np.degrees(np.diff(headings))).max())
        room = found.intervals["centre_m"][:, 1]
        assert 0.2 < np.ptp(room) < 1.6, "a tight turn"
    assert set(counts) == {4, 5}
    assert np.mean(longest["left"]) < 0.9 * np.mean(longest["right"])
    assert max(angles) < 65.0
    assert np.mean(angles) > 35.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_side_steps_never_cross_and_the_other_foot_closes_up(side):
    found = moved(Stand(seconds=1.0), SideStep(steps=5, side=side, length_m=0.3), seed=3)
    sign, rows = (1 if side == "left" else -1), footfalls(found)
    assert len(rows) == 10
    left, right = found.footfalls["left"], found.footfalls["right"]
    leading = found.footfalls[side][1:]
    assert sign * np.diff(leading["to_m"][:, 1]) == pytest.approx(0.3, abs=0.1)
    assert np.abs(rows["to_m"][:, 0]).max() < 1e-9
    at = np.unique(np.concatenate([left["t_contact_s"], right["t_contact_s"]]))
    places = [own["to_m"][np.searchsorted(own["t_contact_s"], at, side="right") - 1, 1] for own in (left, right)]
    apart = places[0] - places[1]
    assert apart.min() > 0.0, "the left foot stays to the left"
    assert apart[-1] == pytest.approx(0.1, abs=0.08)
    assert sign * found.intervals["centre_m"][-1, 1] == pytest.approx(1.5, abs=0.1)
    assert found.intervals["heading_rad"].tolist() == [0.0] * len(found.intervals)


def test_shifting_weight_moves_the_pelvis_over_either_foot_and_lifts_none():
    found = moved(Stand(seconds=1.0), ShiftWeight(times=4, seconds=1.5, lean_m=0.07), Stand(seconds=1.0))
    assert len(footfalls(found)) == 0
    sways = found.intervals[found.intervals["sway_m"] > 0.0]
    assert sways["side"].tolist() == [-1, 1, -1, 1]
    assert sways["sway_m"].tolist() == [0.07] * 4
    assert 0.0 < np.degrees(sways["drop_rad"]).max() < 5.0
    assert np.diff(sways["t_s"]) == pytest.approx(1.5)
    after = found.intervals[found.intervals["t_s"] > sways["t_s"][-1]]
    assert after["still"][0] == 1
    assert found.done[1].end_s == found.done[2].begin_s == 7.0


def test_sitting_is_down_and_back_bent_forward_on_the_way_and_up_again():
    found = moved(Stand(seconds=1.0), Turn(degrees=90.0), Sit(seconds=5.0), Stand(seconds=1.0))
    sitting = found.done[2]
    assert sitting.end_s - sitting.begin_s == pytest.approx(2.0 + 5.0 + 1.8)
    rows = found.intervals[(found.intervals["t_s"] >= sitting.begin_s) & (found.intervals["t_s"] <= sitting.end_s)]
    seated = rows[(rows["still"] == 1) & (rows["height_m"] < 0.0)]
    assert len(seated) == 1
    assert seated["height_m"][0] == pytest.approx(-0.4)
    back = seated["centre_m"][0] - rows["centre_m"][0]
    assert back == pytest.approx([0.0, -0.35], abs=1e-9), "heading along y"
    np.testing.assert_allclose(rows["centre_m"][-1], rows["centre_m"][0], atol=1e-12)
    down, up = rows[rows["t_s"] < seated["t_s"][0]], rows[rows["t_s"] > seated["t_s"][0]]
    assert (np.diff(down["height_m"]) < 0.0).all()
    assert (np.diff(up["height_m"]) > 0.0).all()
    for way in (down, up):
        assert 20.0 < np.degrees(way["lean_rad"]).max() < 35.0
    assert rows["height_m"][[0, -1]].tolist() == rows["lean_rad"][[0, -1]].tolist() == [0.0, 0.0]
    assert not len(footfalls(found)[footfalls(found)["t_contact_s"] > sitting.begin_s])


@pytest.mark.parametrize(
    "segment",
    [
        Turn(degrees=360.0),
        SideStep(steps=9, side="left"),
        ShiftWeight(times=9, seconds=2.0),
        Sit(seconds=60.0),
        THERE,
        Walk(direction="backward", seconds=30.0),
    ],
)
@pytest.mark.parametrize("duration_s", [1.0, 2.5, 5.0, 40.0])
def test_a_session_ends_when_it_should_whatever_one_is_at(segment, duration_s):
    found = moved(segment, duration_s=duration_s)
    assert found.duration_s == duration_s
    assert all(done.end_s <= duration_s for done in found.done)
    assert found.done or duration_s < 5.0
    assert all(a.end_s == b.begin_s for a, b in pairwise(found.done))
    last = found.intervals[found.intervals["t_s"] <= duration_s][-1]
    assert last["height_m"] == 0.0, "nobody is left on the way"
    for own in found.footfalls.values():
        assert own["t_contact_s"][-1] <= duration_s


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: UTurn(degrees=3.14), "in rad"),
        (lambda: UTurn(steps=2), "steps is 2; want 3 to 20 steps for 180 degrees"),
        (lambda: SideStep(steps=3, side="port"), "left or right"),
        (lambda: SideStep(steps=3, side="left", length_m=30.0), "in cm"),
        (lambda: ShiftWeight(times=0), "times is 0"),
        (lambda: ShiftWeight(times=3, lean_m=6.0), "in cm"),
        (lambda: Sit(seconds=0.0), "in ms"),
        (lambda: Protocol(segments=(UTurn(), THERE)), "no walk forward before it"),
        (lambda: Protocol(segments=(Walk(direction="backward", steps=4), UTurn())), "no walk forward before it"),
        (lambda: Protocol(segments=(THERE, UTurn(), Walk(direction="backward", steps=4))), "a stand between"),
        (lambda: Protocol(segments=(THERE, UTurn()), surface="treadmill"), "uturn on a treadmill"),
        (lambda: Protocol(segments=(SideStep(steps=1, side="left"),), surface="treadmill"), "sidestep on a treadmill"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_likely_slip(make, match):
    with pytest.raises(BadSpec, match=match):
        make()
