import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.tables import EVENTS, TRUTH_CONTACTS, TRUTH_PELVIS, TRUTH_STEPS
from imu.core.units import NS_PER_S
from imu.simulate import Gait, Person, Protocol, Stand, Walk, named, names, simulate, usual_sensors
from imu.simulate.limits import Sides
from imu.simulate.truth import contacts
from imu.simulate.truth import rows_of as rows_of_columns

SAMPLE_S = 1e-3
ON_GROUND_M = 1e-12
"""What rounding leaves of a height of 0; off the ground an end rises with the cube of time: 1e-10 m in a sample."""


@pytest.fixture(scope="module")
def demo():
    return simulate(*named("demo"), seed=3)


def rows_of(recording, foot):
    return [row for row in recording.truth_contacts if row["foot"] == foot]


def heights(recording, foot, t_s):
    """Of heel and toes, by name, at times (n,)."""
    ends = recording.foot(foot).ends(t_s)
    return {"heel": ends.heel[:, 2], "toe": ends.toe[:, 2]}


def check_against_geometry(recording, foot):
    """From a foot's first contact on, at 1 kHz: on the ground from touch to lift, off it before and after."""
    rows = rows_of(recording, foot)
    first_s = rows[0]["t_contact_ns"] / NS_PER_S
    t_s = np.arange(np.ceil((first_s - 0.02) / SAMPLE_S), np.floor(recording.duration_s / SAMPLE_S)) * SAMPLE_S
    for end, height in heights(recording, foot, t_s).items():
        down, near = np.zeros((2, len(t_s)), np.bool_)
        for row in rows:
            on_ns, off_ns = row[f"t_{end}_on_ns"], row[f"t_{end}_off_ns"]
            on_s = np.inf if on_ns is None else on_ns / NS_PER_S
            off_s = np.inf if off_ns is None else off_ns / NS_PER_S
            down |= (t_s >= on_s) & (t_s <= off_s)
            near |= (np.abs(t_s - on_s) <= SAMPLE_S) | (np.abs(t_s - off_s) <= SAMPLE_S)
        wrong = t_s[~near & ((np.abs(height) < ON_GROUND_M) != down)]
        assert not len(wrong), f"{foot} {end} at {wrong[:5]} s"


@settings(max_examples=20)
@given(
    direction=st.sampled_from(["forward", "backward"]),
    speed=st.floats(0.2, 1.9),
    contact=st.floats(-25.0, 25.0),
    release=st.sampled_from([-65.0, -40.0, -5.0, 5.0, 25.0]),
    heel_up=st.sampled_from([0.0, 0.0, 12.0]),
    seed=st.integers(0, 1000),
)
def test_touches_and_lifts_are_those_of_the_geometry_to_the_sample(direction, speed, contact, release, heel_up, seed):
    # who holds the heel up lands on the toes and leaves over them
    left = (-heel_up - abs(contact), -heel_up - abs(release)) if heel_up else (contact, release)
    gait = Gait(
        contact_angle_deg=Sides(left[0], -contact),
        release_angle_deg=Sides(left[1], release),
        heel_up_deg=Sides(heel_up, 0.0),
    )
    protocol = Protocol(
        segments=(Stand(seconds=1.0), Walk(direction=direction, seconds=9.0, speed_m_s=speed), Stand(seconds=1.0))
    )
    recording = simulate(Person(forward=gait, backward=gait), protocol, usual_sensors(), seed=seed)
    for foot in ("left", "right"):
        check_against_geometry(recording, foot)


@pytest.mark.parametrize("name", names())
def test_turns_stumbles_shuffling_and_closing_steps_too(name):
    person, protocol, sensors = named(name)
    recording = simulate(person, protocol.lasting(80.0), sensors, seed=2)
    for foot in ("left", "right"):
        check_against_geometry(recording, foot)


def test_the_first_end_that_touches_is_the_contact_and_the_last_one_that_leaves_the_release(demo):
    assert len(demo.truth_contacts) > 100
    for row in demo.truth_contacts:
        on, off = ((row[f"t_heel_{when}_ns"], row[f"t_toe_{when}_ns"]) for when in ("on", "off"))
        assert row["t_contact_ns"] == min(on)
        assert row["first"] == ("flat" if on[0] == on[1] else "heel" if on[0] < on[1] else "toe")
        assert row["t_release_ns"] == (None if None in off else max(off))
    for foot in ("left", "right"):
        for row, after in pairwise(rows_of(demo, foot)):
            times = (row["t_contact_ns"], min(row["t_heel_off_ns"], row["t_toe_off_ns"]), row["t_release_ns"])
            assert list(times) == sorted(times)
            assert row["t_release_ns"] < after["t_contact_ns"]
    released = {
        direction: {
            "heel" if row["t_heel_off_ns"] > row["t_toe_off_ns"] else "toe"
            for foot in ("left", "right")
            for row, after in pairwise(rows_of(demo, foot))
            if row["direction"] == after["direction"] == direction
        }
        for direction in ("forward", "backward")
    }
    assert released == {"forward": {"toe"}, "backward": {"heel"}}


def test_a_heel_that_is_held_up_neither_lands_nor_leaves():
    gait = Gait(contact_angle_deg=Sides.both(-15.0), heel_up_deg=Sides(15.0, 0.0))
    protocol = Protocol(segments=(Stand(seconds=1.0), Walk(direction="forward", steps=16), Stand(seconds=1.0)))
    recording = simulate(Person(forward=gait), protocol, usual_sensors(), seed=1)
    left, right = (rows_of(recording, foot)[:-1] for foot in ("left", "right"))
    assert len(left) > 5
    for row in left:
        assert (row["first"], row["t_heel_on_ns"], row["t_heel_off_ns"]) == ("toe", None, None)
        assert row["t_toe_on_ns"] == row["t_contact_ns"]
        assert row["t_toe_off_ns"] == row["t_release_ns"]
    assert None not in [row["t_heel_on_ns"] for row in right] + [row["t_heel_off_ns"] for row in right]


@given(end_s=st.floats(0.0, 140.0))
def test_what_comes_after_the_end_is_not_told(demo, end_s):
    cut = rows_of_columns(contacts(replace(demo._plan, duration_s=end_s)))
    wanted = [
        {
            name: None if name.startswith("t_") and value is not None and value > end_s * NS_PER_S else value
            for name, value in row.items()
        }
        for row in demo.truth_contacts
    ]
    assert cut == [row for row in wanted if row["t_contact_ns"] is not None]


def test_angle_direction_and_length_agree_with_geometry(demo):
    before = {}
    for row in demo.truth_contacts:
        t = row["t_contact_ns"] / NS_PER_S
        ends = demo.foot(row["foot"]).ends(np.array([t]))
        sole = (ends.ball - ends.heel)[0]
        assert row["pitch_deg"] == pytest.approx(np.degrees(np.arctan2(sole[2], np.hypot(*sole[:2]))), abs=1e-6)
        flat_s = max(row["t_heel_on_ns"], row["t_toe_on_ns"]) / NS_PER_S + 0.01
        heel = demo.foot(row["foot"]).ends(np.array([flat_s])).heel[0, :2]
        ball = demo.foot(row["foot"]).ends(np.array([flat_s])).ball[0, :2]
        middle, forward = 0.5 * (heel + ball), (ball - heel) / np.linalg.norm(ball - heel)
        if row["foot"] in before:
            moved = middle - before[row["foot"]]
            assert row["stride_length_m"] == pytest.approx(np.linalg.norm(moved), abs=1e-9)
            along = moved @ forward
            assert row["direction"] == ("in_place" if abs(along) < 0.08 else "forward" if along > 0 else "backward")
        else:
            assert row["stride_length_m"] is None
        before[row["foot"]] = middle
    assert {row["direction"] for row in demo.truth_contacts} == {"forward", "backward", "in_place"}


def test_arrays_rows_and_tables_are_the_same(demo):
    for table, columns, rows in (
        (TRUTH_CONTACTS, demo.contacts, demo.truth_contacts),
        (TRUTH_STEPS, demo.steps, demo.truth_steps),
    ):
        assert tuple(columns) == table.column_names
        assert {len(column) for column in columns.values()} == {len(rows)}
        for name, column in columns.items():
            nothing = np.ma.getmaskarray(column)
            assert [None if gone else value for gone, value in zip(nothing, column, strict=True)] == [
                row[name] for row in rows
            ]
    assert {tuple(row) for row in demo.phases} == {EVENTS.column_names}
    parts = list(demo.truth_pelvis())
    assert {tuple(part) for part in parts} == {TRUTH_PELVIS.column_names}
    assert (np.diff(np.concatenate([part["t_ns"] for part in parts])) == 10_000_000).all()
    order = [(row["t_contact_ns"], row["foot"]) for row in demo.truth_contacts]
    assert order == sorted(order)


def test_steps_are_pairs_of_contacts_of_both_feet_in_turn(demo):
    wanted = [
        (first["foot"], first["t_contact_ns"], second["t_contact_ns"], second["direction"])
        for first, second in pairwise(demo.truth_contacts)
        if first["foot"] != second["foot"] and second["t_contact_ns"] - first["t_contact_ns"] <= 2 * NS_PER_S
    ]
    assert [tuple(row.values())[:4] for row in demo.truth_steps] == wanted
    assert 0 < len(wanted) < len(demo.truth_contacts) - 3, "over a stand there is no step"


@settings(max_examples=10)
@given(
    direction=st.sampled_from(["forward", "backward"]),
    drop=st.floats(0.0, 15.0),
    peak=st.floats(0.15, 0.85),
    sway=st.floats(0.0, 2.0),
    seed=st.integers(0, 1000),
)
def test_a_drop_is_the_largest_fall_since_the_start_of_the_step(direction, drop, peak, sway, seed):
    gait = Gait(drop_deg=Sides(drop, 0.5 * drop), drop_peak=peak)
    person = Person(forward=gait, backward=gait, standing_sway_deg=sway)
    protocol = Protocol(segments=(Stand(seconds=1.0), Walk(direction=direction, seconds=8.0), Stand(seconds=1.0)))
    recording = simulate(person, protocol, usual_sensors(), seed=seed)
    for step in recording.truth_steps:
        t_s = np.linspace(step["t_start_ns"] / NS_PER_S, step["t_end_ns"] / NS_PER_S, 20_001)
        fall = np.degrees(recording.pelvis().angles(t_s)[1]) * (1.0 if step["stance_foot"] == "left" else -1.0)
        assert step["pelvic_drop_deg"] == pytest.approx((fall - fall[0]).max(), abs=1e-6)
        assert step["pelvic_drop_deg"] >= 0.0


def test_without_a_step_there_is_truth_all_the_same():
    recording = simulate(Person(), Protocol(segments=(Stand(seconds=3.0),)), usual_sensors(), seed=1)
    assert (recording.truth_contacts, recording.truth_steps) == ([], [])
    assert len(next(recording.truth_pelvis(50.0))["t_ns"]) == 150


def test_phases_follow_each_other_and_tell_what_was_asked(demo):
    phases = demo.phases
    assert all(a["t_end_ns"] == b["t_ns"] for a, b in pairwise(phases))
    assert phases[5]["value"] == '{"direction": "backward", "name": "walk", "seconds": 40.0, "speed_m_s": 0.7}'
    assert demo.stumbles == []


def test_a_stumble_is_told_when_and_where_it_was():
    walk = Walk(direction="forward", seconds=20.0, stumble_at_s=(6.0, 12.0))
    protocol = Protocol(segments=(Stand(seconds=2.0), walk, Stand(seconds=2.0)))
    recording = simulate(Person(), protocol, usual_sensors(), seed=1)
    assert [row["kind"] for row in recording.stumbles] == ["mark", "mark"]
    for row, asked_s in zip(recording.stumbles, (8.0, 14.0), strict=True):
        told = json.loads(row["value"])
        assert told.keys() == {"name", "foot"}
        assert told["name"] == "stumble"
        assert asked_s - 0.1 < row["t_ns"] / NS_PER_S < asked_s + 1.5
        assert row["t_end_ns"] is None
        swings = zip(rows_of(recording, told["foot"]), rows_of(recording, told["foot"])[1:], strict=False)
        assert any(a["t_release_ns"] < row["t_ns"] < b["t_contact_ns"] for a, b in swings), "in mid-swing"


@pytest.mark.parametrize(
    ("direction", "contact", "first"),
    [("forward", -15.0, "toe"), ("forward", 18.0, "heel"), ("backward", 0.0, "flat"), ("backward", 12.0, "heel")],
)
def test_pattern_and_direction_are_separate(direction, contact, first):
    person = Person(**{direction: Gait(contact_angle_deg=Sides(contact, -20.0))}, contact_angle_sd_deg=0.0)
    protocol = Protocol(segments=(Stand(seconds=1.0), Walk(direction=direction, seconds=10.0), Stand(seconds=1.0)))
    rows = rows_of(simulate(person, protocol, usual_sensors(), seed=1), "left")
    assert {row["first"] for row in rows} == {first}
    assert {row["direction"] for row in rows} == {direction}
    assert {row["t_toe_on_ns"] == row["t_heel_on_ns"] for row in rows} == {first == "flat"}
