import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.errors import BadSpec
from imu.simulate import Gait, Person, Protocol, ShiftWeight, SideStep, Sit, Stand, Turn, UTurn, Walk
from imu.simulate.body import FOOTFALL, INTERVAL, TRIP_AT
from imu.simulate.limits import Sides
from imu.simulate.plan import plan
from imu.simulate.variability import Chance, Deviations

EVEN = Person(
    stride_time_sd_s=0.0,
    step_length_sd_m=0.0,
    step_width_sd_m=0.0,
    contact_angle_sd_deg=0.0,
    drop_sd_deg=0.0,
    shape_sd=0.0,
)

QUICK = Person(backward=Gait(cadence_spm=150.0, step_length_m=Sides(0.3, 0.3)))


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
    slower = gait.at(speed_m_s=gait.speed_m_s / 4)
    assert slower.cadence_spm < gait.cadence_spm
    assert slower.step_length_m.mean < gait.step_length_m.mean
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


@pytest.mark.parametrize("autocorrelation", [-0.4, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_stride_times_have_the_spread_and_the_memory_asked_for(direction, autocorrelation):
    person, strides = Person(stride_time_sd_s=0.012, autocorrelation=autocorrelation), 3000
    found = walked(Walk(direction=direction, steps=2 * strides), person=person, seed=7)
    gait = person.gait(direction)
    # so many independent strides as these are worth
    worth = strides * (1.0 - abs(autocorrelation)) / (1.0 + abs(autocorrelation))
    for rows in found.footfalls.values():
        times = np.diff(rows["t_contact_s"][3:-3])
        sd = 0.012 * gait.variability
        assert times.mean() == pytest.approx(2.0 * gait.step_s, abs=5.0 * sd / math.sqrt(worth))
        # what lies beyond 2.5 standard deviations is cut: that takes 1 % of the spread
        assert times.std() == pytest.approx(0.99 * sd, rel=4.0 / math.sqrt(2.0 * worth))
        remembered = np.corrcoef(times[1:], times[:-1])[0, 1]
        assert remembered == pytest.approx(autocorrelation, abs=4.0 / math.sqrt(strides) + 0.01)


def test_chances_are_stationary_from_the_first_stride_and_know_nothing_of_each_other():
    firsts = np.array([Deviations(np.random.default_rng(seed), 0.9).next() for seed in range(3000)])
    np.testing.assert_allclose(firsts.std(axis=0), 0.99, atol=0.05)
    np.testing.assert_allclose(firsts.mean(axis=0), 0.0, atol=0.08)
    deviations = Deviations(np.random.default_rng(1), 0.6)
    strides = np.array([deviations.next() for _ in range(20_000)])
    across = np.corrcoef(strides.T) - np.eye(len(Chance._fields))
    assert np.abs(across).max() < 0.06
    np.testing.assert_allclose([np.corrcoef(one[1:], one[:-1])[0, 1] for one in strides.T], 0.6, atol=0.03)
    assert np.abs(strides).max() == 2.5


def test_step_lengths_angles_and_widths_vary_as_asked():
    person = Person(step_length_sd_m=0.02, contact_angle_sd_deg=2.0, step_width_sd_m=0.02)
    rows = walked(Walk(direction="forward", steps=4000), person=person).footfalls
    left, right = (rows[foot][5:-5] for foot in ("left", "right"))
    steps = left["to_m"] - right["to_m"][: len(left)]
    assert steps[:, 0].std() == pytest.approx(0.02, rel=0.1)
    assert steps[:, 1].std() == pytest.approx(0.02, rel=0.1)
    assert steps[:, 1].min() > 0.0, "feet never cross"
    assert np.degrees(left["contact_rad"]).std() == pytest.approx(2.0, rel=0.1)


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


def test_metres_are_walked_to_within_half_a_step():
    for seed in range(20):
        metres = 3.0 + 0.37 * seed
        for direction, sign in (("forward", 1), ("backward", -1)):
            walk = Walk(direction=direction, metres=metres)
            found = walked(Stand(seconds=1.0), walk, person=Person(), seed=seed)
            assert sign * found.intervals["centre_m"][-1, 0] == pytest.approx(metres, abs=0.45)


def test_along_a_curve_feet_turn_with_the_way_and_the_outer_one_goes_farther():
    for degrees_per_m, inner in ((30.0, "left"), (-30.0, "right")):
        found = walked(Walk(direction="forward", metres=6.0, turning_deg_per_m=degrees_per_m))
        assert math.degrees(found.intervals["heading_rad"][-1]) == pytest.approx(6.0 * degrees_per_m, rel=0.12)
        strides = {foot: rows[2:-2] for foot, rows in found.footfalls.items()}
        lengths = {foot: np.hypot(*(r["to_m"] - r["from_m"]).T).mean() for foot, r in strides.items()}
        assert lengths.pop(inner) < 0.98 * next(iter(lengths.values()))
        for rows in strides.values():
            way = rows["to_m"] - rows["from_m"]
            off = np.degrees(np.arctan2(way[:, 1], way[:, 0]) - 0.5 * (rows["from_yaw_rad"] + rows["to_yaw_rad"]))
            assert np.abs((off + 180.0) % 360.0 - 180.0).max() < 8.0


def test_speed_changes_evenly_over_a_walk():
    found = walked(Walk(direction="backward", seconds=100.0, speed_m_s=0.3, to_speed_m_s=0.9))
    rows = found.footfalls["right"][2:-2]
    speed = np.hypot(*(rows["to_m"] - rows["from_m"]).T)[1:] / np.diff(rows["t_contact_s"])
    middle_s = 0.5 * (rows["t_contact_s"][1:] + rows["t_contact_s"][:-1])
    np.testing.assert_allclose(speed, 0.3 + 0.6 * middle_s / 98.0, atol=0.02)


def test_a_limp_is_in_the_times_of_steps_and_leaves_the_cadence():
    person = Person(forward=Gait(limp=0.3), stride_time_sd_s=0.0)
    found = walked(Walk(direction="forward", steps=40), person=person)
    left, right = (found.footfalls[foot]["t_contact_s"][2:-2] for foot in ("left", "right"))
    n = min(len(left), len(right)) - 1
    to_left, to_right = left[:n] - right[:n], right[1 : n + 1] - left[:n]
    np.testing.assert_allclose(to_left - to_right, 0.3 * person.forward.step_s, atol=1e-9)
    np.testing.assert_allclose(to_left + to_right, 2.0 * person.forward.step_s, atol=1e-9)
    rows = {foot: found.footfalls[foot][2:-2] for foot in ("left", "right")}
    swing = {foot: (r["t_contact_s"] - r["t_release_s"]).mean() for foot, r in rows.items()}
    assert swing["right"] < 0.8 * swing["left"], "the body hurries over the left foot"


def test_heels_that_are_held_up_come_down_only_to_stand():
    person = Person(forward=Gait(heel_up_deg=Sides(15.0, 8.0), contact_angle_deg=Sides(-18.0, -12.0)))
    for seed in range(20):
        walks = (Walk(direction="forward", seconds=9.0), Stand(seconds=1.0), Walk(direction="forward", steps=8))
        for walk in (walks, walks[:1], walks[2:]):
            found = walked(*walk, person=person, seed=seed)
            for foot, up in (("left", 15.0), ("right", 8.0)):
                hold = np.degrees(found.footfalls[foot]["to_hold_rad"])
                assert set(hold.round(9).tolist()) == {0.0, -up}
                assert hold[-1] == 0.0, "flat in standing"
                np.testing.assert_array_equal(
                    found.footfalls[foot]["from_hold_rad"][1:], found.footfalls[foot]["to_hold_rad"][:-1]
                )


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_stumble_is_one_late_short_step_a_quick_long_one_and_a_bent_pelvis(direction):
    found = walked(Stand(seconds=2.0), Walk(direction=direction, seconds=20.0, stumble_at_s=(7.0, 13.0)))
    gait = EVEN.gait(direction)
    assert len(found.stumbles) == 2
    assert walked(Walk(direction=direction, seconds=20.0)).stumbles == ()
    both = np.sort(np.concatenate([rows[1:] for rows in found.footfalls.values()]), order="t_contact_s")
    for number, (stumble, due_s) in enumerate(zip(found.stumbles, (9.0, 15.0), strict=True)):
        k = np.flatnonzero(both["tripped"])[number]
        row = both[k]
        assert due_s <= stumble.t_s < due_s + 2.0 * gait.step_s
        assert stumble.t_s == pytest.approx(
            row["t_release_s"] + TRIP_AT * (row["t_contact_s"] - row["t_release_s"]), abs=1e-12
        )
        assert row["t_contact_s"] in found.footfalls[stumble.foot]["t_contact_s"]
        times = np.diff(both["t_contact_s"][k - 2 : k + 3]) / gait.step_s
        assert times == pytest.approx([1.0, 1.25, 0.8, 1.0]), "late, then quick"
        ahead = np.abs(np.diff(both["to_m"][k - 2 : k + 3, 0])) / gait.step_length_m.mean
        assert ahead == pytest.approx([1.0, 0.6, 1.3, 1.0]), "short, then long"
        at = np.searchsorted(found.intervals["t_s"], row["t_contact_s"])
        lean = np.degrees(found.intervals["lean_rad"][at - 1 : at + 3]) * (1 if direction == "forward" else -1)
        assert lean[0] == lean[3] == 0.0
        assert 10.0 <= lean[1] <= 20.0
        assert lean[2] == pytest.approx(0.5 * lean[1])
        np.testing.assert_allclose(found.intervals["height_m"][at - 1 : at + 3], [0.0, -0.05, -0.025, 0.0])


def test_walks_begin_and_end_in_more_than_one_way():
    ends = []
    for seed in range(60):
        found = walked(Walk(direction="forward", steps=12), person=Person(), seed=seed)
        both = np.sort(np.concatenate([rows[1:] for rows in found.footfalls.values()]), order="t_contact_s")
        assert len(both) == 12
        ahead = np.diff(both["to_m"][:, 0])
        assert abs(ahead[-1]) < 0.08, "the closing step lands beside, a bit short or a bit long"
        assert both["to_m"][0, 0] < 0.85 * Person().forward.step_length_m.mean, "nobody starts with a whole step"
        ends.append(ahead[-2] < 0.4)
    assert 5 < sum(ends) < 25, "sometimes one more short step before it"


def test_what_a_walk_is_like_does_not_depend_on_what_came_before_by_more_than_chance():
    """Each kind of chance has its own stream: another choice of one moves no other."""
    straight, curved = (
        walked(Walk(direction="forward", steps=30, turning_deg_per_m=turn), person=Person()) for turn in (None, 10.0)
    )
    for foot in ("left", "right"):
        for name in ("t_contact_s", "contact_rad", "stir", "strike"):
            np.testing.assert_array_equal(straight.footfalls[foot][name], curved.footfalls[foot][name])


def test_hours_are_kept_in_few_bytes_and_are_the_same_each_time():
    segments = (Walk(direction="forward", seconds=600.0), Turn(degrees=180.0), Sit(seconds=30.0))
    found = walked(*segments, person=Person(), duration_s=8.0 * 3600.0)
    kept = [*found.footfalls.values(), found.intervals]
    assert [rows.dtype for rows in kept] == [FOOTFALL, FOOTFALL, INTERVAL]
    assert 40_000 < len(found.intervals) < 60_000
    assert sum(rows.nbytes for rows in kept) < 30e6
    again = walked(*segments[:1], person=Person())
    for foot, rows in again.footfalls.items():
        assert rows[:1000].tobytes() == found.footfalls[foot][: len(rows)][:1000].tobytes()


directions = st.sampled_from(["forward", "backward"])
speeds = st.floats(0.25, 1.6)
walks = st.one_of(
    st.builds(
        Walk,
        direction=directions,
        steps=st.integers(2, 20),
        speed_m_s=speeds,
        to_speed_m_s=st.none() | speeds,
        turning_deg_per_m=st.none() | st.floats(-60.0, 60.0),
        stumble_at_s=st.lists(st.floats(0.0, 8.0), max_size=2).map(tuple),
    ),
    st.builds(Walk, direction=directions, metres=st.floats(0.5, 9.0), speed_m_s=speeds),
    st.builds(Walk, direction=directions, seconds=st.floats(7.0, 14.0), speed_m_s=speeds),
)
u_turns = st.tuples(
    st.builds(Walk, direction=st.just("forward"), steps=st.integers(2, 9), speed_m_s=speeds),
    st.builds(UTurn, degrees=st.sampled_from([180.0, -180.0, 75.0, -300.0])),
    st.builds(Walk, direction=st.just("forward"), steps=st.integers(2, 9), speed_m_s=speeds)
    | st.just(Stand(seconds=1.0)),
)
others = st.one_of(
    st.builds(Stand, seconds=st.floats(0.1, 3.0)),
    st.builds(Turn, degrees=st.floats(5.0, 400.0) | st.floats(-400.0, -5.0)),
    st.builds(
        SideStep, steps=st.integers(1, 4), side=st.sampled_from(["left", "right"]), length_m=st.floats(0.05, 0.6)
    ),
    st.builds(ShiftWeight, times=st.integers(1, 4), seconds=st.floats(0.5, 3.0)),
    st.builds(Sit, seconds=st.floats(0.1, 5.0)),
)
some = st.lists(walks.map(lambda one: (one,)) | u_turns | others.map(lambda one: (one,)), min_size=1, max_size=5)
gaits = st.builds(
    Gait,
    cadence_spm=st.floats(85.0, 125.0),
    stance_fraction=st.floats(0.57, 0.7),
    limp=st.just(0.0) | st.floats(-0.5, 0.5),
    heel_up_deg=st.sampled_from([Sides(0.0, 0.0), Sides(12.0, 0.0)]),
    contact_angle_deg=st.just(Sides(-15.0, 20.0)),
    release_angle_deg=st.just(Sides.both(-60.0)),
    variability=st.floats(0.0, 3.0),
)
people = st.builds(
    Person,
    forward=gaits,
    backward=gaits,
    first_foot=st.sampled_from(["left", "right"]),
    autocorrelation=st.floats(-0.5, 0.95),
    stride_time_sd_s=st.floats(0.0, 0.1),
    step_length_sd_m=st.floats(0.0, 0.05),
    step_width_m=st.floats(0.0, 0.3),
    shape_sd=st.floats(0.0, 0.2),
)


@settings(deadline=None, max_examples=200)
@given(parts=some, person=people, duration_s=st.none() | st.floats(2.0, 60.0), seed=st.integers(0, 1000))
def test_whatever_a_person_does_feet_stand_swing_and_land_in_order(parts, person, duration_s, seed):
    segments = []
    for segment in (one for part in parts for one in part):
        if segments and isinstance(segments[-1], UTurn) and isinstance(segment, Walk):
            segments += [Stand(seconds=0.5)] * (segment.direction == "backward")
        segments.append(segment)
    found = walked(*segments, person=person, duration_s=duration_s, seed=seed)
    assert_in_order(found)
    assert duration_s is None or found.duration_s == duration_s
    for done in found.done:
        rows = {
            foot: rows[(rows["t_contact_s"] > done.begin_s) & (rows["t_contact_s"] <= done.end_s + 1e-9)]
            for foot, rows in found.footfalls.items()
        }
        if isinstance(done.segment, Walk):
            for landed in rows.values():
                # a first or last step may land anywhere near the other foot
                moved, yaw = (landed["to_m"] - landed["from_m"])[1:-1], landed["to_yaw_rad"][1:-1]
                along = moved[:, 0] * np.cos(yaw) + moved[:, 1] * np.sin(yaw)
                clear = along[np.abs(along) > 0.08]
                assert (clear > 0.0).all() if done.segment.direction == "forward" else (clear < 0.0).all()
        elif not isinstance(done.segment, UTurn | Turn | SideStep):
            assert not any(len(landed) for landed in rows.values())


def assert_in_order(found):
    for rows in found.footfalls.values():
        times = [rows[name] for name in ("t_lift_s", "t_release_s", "t_contact_s", "t_flat_s")]
        assert all((later > earlier).all() for earlier, later in pairwise(times))
        assert (times[0][1:] > times[3][:-1]).all(), "flat between landing and lifting"
        for name in ("m", "yaw_rad", "hold_rad"):
            np.testing.assert_array_equal(rows[f"from_{name}"][1:], rows[f"to_{name}"][:-1])
        assert times[2].max() <= found.duration_s
    both = np.sort(np.concatenate([rows[1:] for rows in found.footfalls.values()]), order="t_contact_s")
    assert (both["t_release_s"][1:] >= both["t_contact_s"][:-1]).all(), "one foot is always on the ground"
    intervals = found.intervals
    assert (np.diff(intervals["t_s"]) > 0.0).all()
    assert intervals["t_s"][0] < 0.0
    assert intervals["t_s"][-1] >= found.duration_s
    assert intervals["still"][[0, -1]].all()
    assert found.done == tuple(sorted(found.done, key=lambda done: done.begin_s))
    assert all(a.end_s == b.begin_s for a, b in pairwise(found.done))
    assert all(done.end_s <= found.duration_s + 1e-9 for done in found.done)
    assert all(0.0 < stumble.t_s < found.duration_s for stumble in found.stumbles)
    assert np.isfinite(
        np.concatenate([rows[name].ravel() for rows in [*found.footfalls.values()] for name in FOOTFALL.names])
    ).all()


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
        (lambda: Walk(direction="forward"), "none of them is given"),
        (lambda: Walk(direction="forward", seconds=3.0, steps=4), "seconds and steps are given"),
        (lambda: Walk(direction="forward", steps=1), "closing one included"),
        (lambda: Walk(direction="forward", metres=0.01), "in km or cm"),
        (lambda: Walk(direction="forward", steps=4, to_speed_m_s=-1.0), "direction says it"),
        (lambda: walked(Walk(direction="backward", steps=9, to_speed_m_s=1.95), person=QUICK), "cadence_spm is"),
        (lambda: Walk(direction="forward", steps=4, turning_deg_per_m=90.0), "a uturn"),
        (lambda: Walk(direction="forward", seconds=9.0, stumble_at_s=(12.0,)), "since the session began"),
        (lambda: Person(autocorrelation=1.0), "autocorrelation is 1"),
        (lambda: Turn(degrees=1.57), "in rad"),
        (lambda: Protocol(segments=()), "no segments"),
        (lambda: Protocol(segments=(Stand(seconds=1.0),), surface="belt"), "treadmill"),
        (lambda: EVEN.forward.at(speed_m_s=4.0), "km/h"),
    ],
)
def test_what_cannot_be_is_refused_with_the_likely_slip(make, match):
    with pytest.raises(BadSpec, match=match):
        make()
