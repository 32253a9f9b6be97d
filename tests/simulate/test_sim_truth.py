from itertools import pairwise

import numpy as np
import pytest

from imu.core.tables import EVENTS, TRUTH_CONTACTS, TRUTH_PELVIS
from imu.core.units import NS_PER_S
from imu.simulate import Gait, Person, Protocol, Stand, Walk, named, simulate, usual_sensors
from imu.simulate.limits import Sides

HAIR_S = 2e-3


@pytest.fixture(scope="module")
def demo():
    return simulate(*named("demo"), seed=3)


def heights(recording, foot, t_ns, shift_s):
    """Heel's and toe's height that long after an event."""
    return [end[0, 2] for end in recording.foot(foot).ends(np.array([t_ns / NS_PER_S + shift_s]))]


def test_each_event_is_where_an_end_of_the_foot_meets_or_leaves_the_ground(demo):
    assert len(demo.truth_contacts) > 100
    for row in demo.truth_contacts:
        first, second = (0, 1) if row["first"] == "heel" else (1, 0)
        on = (row["t_heel_on_ns"], row["t_toe_on_ns"])
        assert on[first] == row["t_contact_ns"] < on[second]
        before, after = (heights(demo, row["foot"], row["t_contact_ns"], s) for s in (-HAIR_S * 5, HAIR_S))
        assert min(before) > 1e-7
        assert abs(after[first]) < 1e-9 < after[second]
        landed = heights(demo, row["foot"], on[second], HAIR_S)
        assert np.abs(landed).max() < 1e-9
        assert heights(demo, row["foot"], on[second], -5 * HAIR_S)[second] > 1e-5
        if row["t_release_ns"]:
            last = heights(demo, row["foot"], row["t_release_ns"], -HAIR_S)
            assert min(np.abs(last)) < 1e-9
            assert min(heights(demo, row["foot"], row["t_release_ns"], 0.03)) > 1e-6


def test_angle_order_direction_and_length_agree_with_geometry(demo):
    before = {}
    for row in demo.truth_contacts:
        t = row["t_contact_ns"] / NS_PER_S
        heel, toe = (end[0] for end in demo.foot(row["foot"]).ends(np.array([t])))
        angle = np.degrees(np.arctan2(toe[2] - heel[2], np.hypot(*(toe - heel)[:2])))
        assert row["pitch_deg"] == pytest.approx(angle, abs=1e-6)
        assert row["first"] == ("heel" if angle > 0 else "toe")
        flat = demo.foot(row["foot"]).pose(np.array([t + 0.25]))[0][0, :2]
        if row["foot"] in before:
            moved = np.linalg.norm(flat - before[row["foot"]])
            assert row["stride_length_m"] == pytest.approx(moved, abs=1e-9)
            assert (row["direction"] == "in_place") == (moved < 0.08)
        else:
            assert row["stride_length_m"] is None
        before[row["foot"]] = flat
    assert {row["direction"] for row in demo.truth_contacts} == {"forward", "backward", "in_place"}


def test_rows_have_the_columns_of_the_tables(demo):
    assert {tuple(row) for row in demo.truth_contacts} == {TRUTH_CONTACTS.column_names}
    assert {tuple(row) for row in demo.phases} == {EVENTS.column_names}
    parts = list(demo.truth_pelvis())
    assert {tuple(part) for part in parts} == {TRUTH_PELVIS.column_names}
    assert (np.diff(np.concatenate([part["t_ns"] for part in parts])) == 10_000_000).all()
    assert [row["t_contact_ns"] for row in demo.truth_contacts] == sorted(
        r["t_contact_ns"] for r in demo.truth_contacts
    )


def test_phases_follow_each_other_and_tell_what_was_asked(demo):
    phases = demo.phases
    assert all(a["t_end_ns"] == b["t_ns"] for a, b in pairwise(phases))
    assert phases[5]["value"] == '{"direction": "backward", "name": "walk", "seconds": 40.0, "speed_m_s": 0.7}'


@pytest.mark.parametrize(
    ("direction", "contact", "first"),
    [("forward", -15.0, "toe"), ("forward", 18.0, "heel"), ("backward", 0.0, "flat"), ("backward", 12.0, "heel")],
)
def test_pattern_and_direction_are_separate(direction, contact, first):
    person = Person(**{direction: Gait(contact_angle_deg=Sides(contact, -20.0))}, contact_angle_sd_deg=0.0)
    protocol = Protocol(segments=(Stand(seconds=1.0), Walk(direction=direction, seconds=10.0), Stand(seconds=1.0)))
    rows = [r for r in simulate(person, protocol, usual_sensors(), seed=1).truth_contacts if r["foot"] == "left"]
    assert {row["first"] for row in rows} == {first}
    assert {row["direction"] for row in rows} == {direction}
    assert {row["t_toe_on_ns"] == row["t_heel_on_ns"] for row in rows} == {first == "flat"}
