"""Labels from kinematics, on simulated people, whose contacts are known. On recordings: test_c3d."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors
from imu_datasets.mocap.labels import labels
from imu_datasets.mocap.poses import Body, Poses, Sole
from imu_datasets.mocap.virtual import low_passed
from imu_datasets.recorded import Recorded

MS = 1_000_000
EARLY_MS, LATE_MS = -60, 15
"""A foot is low and slow some ms before it touches; the grid makes it 5 ms at most later."""


def seen(recording, rate_hz=100.0, lasts_s=None):
    """What cameras would have seen of a simulated person."""
    t = np.arange(int((lasts_s or recording.duration_s) * rate_hz)) / rate_hz
    bodies, soles = {}, {}
    for foot in ("left", "right"):
        motion = recording.foot(foot)
        bodies[f"foot_{foot}"] = Body(*motion.hind_pose(t, np.zeros(3)))
        ends = motion.ends(t)
        soles[foot] = Sole(ends.heel, ends.toe, ends.ball)
    bodies["pelvis"] = Body(*recording.pelvis().pose(t))
    return Poses(rate_hz, bodies, soles)


def moved(poses, change):
    """With every point of the soles moved."""
    return replace(
        poses,
        soles={
            foot: Sole(change(sole.heel_m), change(sole.toe_m), None if sole.ball_m is None else change(sole.ball_m))
            for foot, sole in poses.soles.items()
        },
    )


def mates(rows, true):
    """Each true row with the found one of its foot that is nearest."""
    for one in true:
        own = [row for row in rows if row["foot"] == one["foot"]]
        yield one, min(own, key=lambda row: abs(row["t_contact_ns"] - one["t_contact_ns"]))


@pytest.fixture(scope="module")
def found(walk):
    return labels(seen(walk))


@pytest.fixture(scope="module")
def steps(walk):
    """True contacts of the walk but shuffles: a foot that is shifted by a few cm is not lifted."""
    return [row for row in walk.truth_contacts if row["direction"] != "in_place"]


def test_every_step_is_found_once_and_nothing_else(found, steps):
    assert len(found) == len(steps)
    for true, row in mates(found, steps):
        assert EARLY_MS <= (row["t_contact_ns"] - true["t_contact_ns"]) / MS <= LATE_MS
        if true["t_release_ns"] is not None and row["t_release_ns"] is not None:
            assert -20 <= (row["t_release_ns"] - true["t_release_ns"]) / MS <= 90


def test_rows_are_in_order_and_stances_do_not_overlap(found):
    assert [row["t_contact_ns"] for row in found] == sorted(row["t_contact_ns"] for row in found)
    for foot in ("left", "right"):
        own = [row for row in found if row["foot"] == foot]
        for before, after in pairwise(own):
            assert before["t_contact_ns"] < before["t_release_ns"] < after["t_contact_ns"]


def test_direction_and_first_end_are_told_of_both_ways_to_walk(found, steps):
    told = {"forward": [], "backward": []}
    for true, row in mates(found, steps):
        assert row["direction"] == true["direction"]
        told[true["direction"]].append((true["first"], row["first"]))
    assert all(row == "toe" for _, row in told["backward"])
    # the closing step of a walk is nearly flat
    assert [row for _, row in told["forward"]].count("heel") >= len(told["forward"]) - 1
    assert min(map(len, told.values())) > 10


def test_strides_are_as_long_and_as_fast_as_they_were(found, steps):
    lengths = [
        (row["stride_length_m"] - true["stride_length_m"], row["speed_m_s"] - true["speed_m_s"])
        for true, row in mates(found, steps[:-2])
        if true["stride_length_m"] is not None and true["speed_m_s"] is not None
    ]
    assert len(lengths) > 25
    off_m, off_m_s = np.array(lengths).T
    assert np.abs(off_m).max() < 0.01
    assert np.abs(off_m_s).max() < 0.06


def test_the_sole_lies_as_it_did(found, steps):
    off_deg = [row["pitch_deg"] - true["pitch_deg"] for true, row in mates(found, steps)]
    assert np.median(np.abs(off_deg)) < 2.0
    assert np.max(np.abs(off_deg)) < 6.0


def test_ends_touch_and_leave_within_their_stance(found):
    for row in found:
        touches = [row[name] for name in ("t_toe_on_ns", "t_heel_on_ns")]
        assert min(touches) == row["t_contact_ns"]
        if row["t_release_ns"] is not None:
            assert max(row["t_toe_off_ns"], row["t_heel_off_ns"]) == row["t_release_ns"]


def test_neither_the_heading_nor_the_place_of_the_walk_matters(walk, found):
    turn = Rotation.from_euler("z", 130, degrees=True).as_matrix().T
    assert_equal(labels(moved(seen(walk), lambda place: place @ turn + np.array([3.0, -7.0, 0.0]))), found)


def test_markers_may_sit_above_the_sole(walk, found):
    poses = seen(walk)
    up = np.array([0.0, 0.0, 0.045])
    raised = replace(
        poses, soles={foot: Sole(one.heel_m + up, one.toe_m, one.ball_m + 2 * up) for foot, one in poses.soles.items()}
    )
    assert_equal(labels(raised), found, but=("pitch_deg",))


def assert_equal(rows, wanted, but=()):
    assert len(rows) == len(wanted)
    for row, other in zip(rows, wanted, strict=True):
        for name in row.keys() - set(but):
            expected = pytest.approx(other[name], abs=1e-6) if isinstance(other[name], float) else other[name]
            assert row[name] == expected, name


def test_frames_need_not_lie_on_the_grid(walk, found):
    shifts = [
        (row["t_contact_ns"] - true["t_contact_ns"]) / MS for true, row in mates(labels(seen(walk, 120.0)), found)
    ]
    assert np.abs(shifts).max() <= 10
    assert np.abs(np.mean(shifts)) < 1.0


def test_who_walks_backward_in_time_steps_where_he_left(walk):
    poses = seen(walk)
    lasts_ns = round((len(poses) - 1) / poses.rate_hz * 1e9)
    back = labels(moved(poses, lambda place: place[::-1]))
    forward = [row for row in labels(poses) if row["t_release_ns"] is not None]
    assert len(forward) - 2 <= len(back) <= len(forward) + 2
    for row in forward:
        mate = min(
            (one for one in back if one["foot"] == row["foot"]),
            key=lambda one: abs(lasts_ns - one["t_contact_ns"] - row["t_release_ns"]),
        )
        # hysteresis: to touch, a foot has to be slower than to have left
        assert abs(lasts_ns - mate["t_contact_ns"] - row["t_release_ns"]) <= 40 * MS


def test_without_a_ball_the_tip_alone_is_the_front(walk, found):
    poses = seen(walk)
    tips = replace(poses, soles={foot: Sole(one.heel_m, one.toe_m) for foot, one in poses.soles.items()})
    told = labels(tips)
    assert [row["direction"] for row in told] == [row["direction"] for row in found]
    assert all(row["t_contact_ns"] >= mate["t_contact_ns"] for row, mate in zip(told, found, strict=True))


def test_standing_has_no_contact_and_no_release():
    stand = simulate(Person(), Protocol(segments=(Stand(seconds=5),)), usual_sensors(), seed=1)
    assert labels(seen(stand)) == []


def test_a_cut_recording_tells_only_what_it_saw(walk, found):
    cut = labels(seen(walk, lasts_s=10.0))
    last_ns = 10_000 * MS
    whole = [row for row in found if row["t_contact_ns"] < last_ns - 200 * MS]
    assert [row["t_contact_ns"] for row in cut[: len(whole)]] == [row["t_contact_ns"] for row in whole]
    assert all(row["t_release_ns"] is None or row["t_release_ns"] < last_ns for row in cut)
    assert any(row["t_release_ns"] is None for row in cut)


def test_a_foot_that_was_never_seen_still_has_none():
    t = np.arange(300) / 100.0
    away = np.stack([3.0 * t, 0 * t, 0.02 + 0 * t], axis=1)
    rows = labels(Poses(100.0, {}, {"left": Sole(away, away + np.array([0.25, 0.0, 0.0]))}))
    assert rows == []


def test_feet_are_told_apart_at_all_speeds():
    protocol = Protocol(
        segments=(Stand(seconds=3), Walk(direction="backward", seconds=12, speed_m_s=0.4), Stand(seconds=2))
    )
    slow = simulate(Person(), protocol, usual_sensors(), seed=4)
    rows = labels(seen(slow))
    true = [row for row in slow.truth_contacts if row["direction"] == "backward"]
    assert all(row["direction"] == "backward" for row in rows)
    assert len(true) - 2 <= len(rows) <= len(true)


def test_its_rows_can_be_written_and_read(walk, found, tmp_path):
    samples = {"foot_left": next(walk.taken("foot_left"))}
    document = dict(walk.session.document) | {"sensors": {"foot_left": walk.session.document["sensors"]["foot_left"]}}
    Recorded(document, samples, found).write(tmp_path / "written")
    assert (tmp_path / "written" / "truth_contacts.parquet").is_file()


def test_an_order_against_which_the_foot_lies_is_none():
    # swing, then a tip that stops 18 mm above the floor while the heel still slides: for 0.1 s, toes up
    t = np.arange(400) / 100.0
    landed, down = 1.5, 1.6
    swings = np.clip((t - 0.5) / (landed - 0.5), 0.0, 1.0)
    tip_x = 1.2 * swings
    heel_x = tip_x - 0.12 + 0.08 * np.clip((t - landed) / (down - landed), 0.0, 1.0) - 0.08 * (t >= 0.5) * (t < 10)
    high = 0.1 * np.sin(np.pi * swings)
    tip_z = high + 0.018 * np.clip((t - 0.5) / 0.2, 0.0, 1.0) * np.clip((down + 0.05 - t) / 0.05, 0.0, 1.0)
    heel_m, toe_m = (np.stack([x, 0 * t, z], axis=1) for x, z in ((heel_x, high), (tip_x, tip_z)))
    (row,) = labels(low_passed(Poses(100.0, {}, {"right": Sole(heel_m, toe_m)}), 20.0))
    assert row["t_toe_on_ns"] + 50 * MS < row["t_heel_on_ns"]
    assert row["pitch_deg"] > 5.0
    assert row["first"] is None
