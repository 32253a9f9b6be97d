import dataclasses
import json
import math
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.records import BREAK, CONTACT, FOOT_EVENT, NONE_NS, REST_BEGINS, REST_ENDS
from imu.core.samples import Block
from imu.core.tables import DIRECTIONS, REASONS, STEPS, Row
from imu.core.units import NS_PER_S
from imu.gait.pelvis import PelvisParams, PelvisPose
from imu.gait.steps import Steps, StepsParams

PELVIS_COLUMNS = STEPS.column_names[6:-1]
FORWARD = DIRECTIONS.index("forward")


def event(kind: int, t_s: float, after_s: float = 0.0, quality: int = 0, turn_deg: float = 0.0) -> np.ndarray:
    record = np.zeros(1, FOOT_EVENT)
    record["kind"], record["t_ns"] = kind, round(t_s * NS_PER_S)
    record["t_emitted_ns"] = record["t_ns"] + round(after_s * NS_PER_S)
    record["t_provisional_ns"], record["direction"] = NONE_NS, FORWARD
    record["quality"], record["turn_deg"] = quality, turn_deg
    return record


def sorted_events(events: Sequence[np.ndarray]) -> np.ndarray:
    together = np.concatenate([np.zeros(0, FOOT_EVENT), *events])
    return together[np.argsort(together["t_emitted_ns"], kind="stable")]


def feet_of(walk: Any) -> dict[str, np.ndarray]:
    """What two perfect foot detectors say of this walk."""
    feet: dict[str, list[np.ndarray]] = {"left": [], "right": []}
    for t_s, foot in walk.contacts():
        feet[foot].append(event(CONTACT, t_s, 0.08))
    if walk.stand_s > 0.0:
        for foot, events in feet.items():
            events.append(event(REST_BEGINS, walk.start_s + 0.05, 1.0))
            events.append(event(REST_ENDS, walk.stand_s - (0.1 if foot == "left" else 0.05)))
    return {foot: sorted_events(events) for foot, events in feet.items()}


def poses_of(block: Block, rate_hz: float = 100.0) -> np.ndarray:
    return PelvisPose(PelvisParams(), rate_hz).push(block)


def make(mounting: np.ndarray | None = None, *, pelvis: bool = True, feet: Sequence[Any] = ("left", "right")) -> Steps:
    return Steps(StepsParams(), feet=feet, pelvis=pelvis, mounting=np.eye(3) if mounting is None else mounting)


def steps_of(
    feet: dict[str, np.ndarray], poses: np.ndarray | None, newest_s: float, steps: Steps | None = None
) -> tuple[list[Row], Steps]:
    steps = steps or make(pelvis=poses is not None)
    rows: list[Row] = []
    for foot in ("left", "right"):
        rows += steps.push_foot(foot, feet[foot], round(newest_s * NS_PER_S))
    if poses is not None:
        rows += steps.push_pelvis(poses)
    return rows + steps.flush(), steps


def walked(walk: Any, poses: np.ndarray | None = None) -> tuple[list[Row], Steps]:
    poses = poses_of(walk.block(), walk.rate_hz) if poses is None else poses
    return steps_of(feet_of(walk), poses, walk.stand_s + walk.walk_s, make(walk.mounting))


def lose(poses: np.ndarray, first: int, stop: int) -> np.ndarray:
    """The same poses with some lost on the way, short of a reset."""
    kept = np.concatenate([poses[:first], poses[stop:]])
    kept["lost"][first] = stop - first
    return kept


# --- what a step is


def test_rows_have_the_columns_of_the_contract_in_order(pelvis_walk: Any) -> None:
    rows, _ = walked(pelvis_walk(stand_s=4.0, walk_s=6.0))
    for row in rows:
        assert tuple(row) == STEPS.column_names
        for column in STEPS.columns:
            value = row[column.name]
            assert value is not None or column.nullable
            assert not (isinstance(value, float) and math.isnan(value))
            if column.dtype == "float32" and value is not None:
                assert float(np.float32(value)) == value, "as whoever reads the table sees it"


def test_steps_alternate_and_last_from_contact_to_contact(pelvis_walk: Any) -> None:
    walk = pelvis_walk(walk_s=8.0)
    rows, steps = walked(walk)
    contacts = walk.contacts()
    assert [(row["t_start_ns"], row["stance_foot"]) for row in rows] == [
        (round(t_s * NS_PER_S), foot) for t_s, foot in contacts[:-1]
    ]
    for row in rows:
        assert row["step_time_s"] == pytest.approx(walk.step_s)
        assert row["cadence_spm"] == pytest.approx(60.0 / walk.step_s)
        assert row["direction"] == "forward"
        assert row["quality"] == ""
    assert steps.broken_alternation == 0


def test_a_missed_contact_makes_no_step_and_is_counted() -> None:
    feet = {
        "left": sorted_events([event(CONTACT, t, 0.1) for t in (1.0, 2.0, 3.0, 4.0)]),
        "right": sorted_events([event(CONTACT, t, 0.1) for t in (1.5, 3.5)]),
    }
    rows, steps = steps_of(feet, None, 6.0)
    assert [(row["t_start_ns"], row["t_end_ns"]) for row in rows] == [
        (1_000_000_000, 1_500_000_000),
        (1_500_000_000, 2_000_000_000),
        (3_000_000_000, 3_500_000_000),
        (3_500_000_000, 4_000_000_000),
    ]
    assert steps.broken_alternation == 1


@pytest.mark.parametrize(
    ("left_s", "right_s", "breaks", "why"),
    [
        (1.0, 3.001, [], "more than two seconds apart"),
        (1.0, 1.5, [1.2], "a contact may have been lost between"),
        (1.0, 1.0, [], "a jump on both feet"),
    ],
)
def test_no_step(left_s: float, right_s: float, breaks: list[float], why: str) -> None:
    feet = {
        "left": sorted_events([event(CONTACT, left_s, 0.1), *(event(BREAK, t) for t in breaks)]),
        "right": sorted_events([event(CONTACT, right_s, 0.1)]),
    }
    assert steps_of(feet, None, 6.0)[0] == [], why


def test_a_break_is_no_broken_alternation_nor_is_a_pause_or_a_missing_foot() -> None:
    left = sorted_events([event(CONTACT, t, 0.1) for t in (1.0, 2.0, 5.0, 6.0)] + [event(BREAK, 1.5)])
    feet = {"left": left, "right": sorted_events([event(BREAK, 5.5)])}
    assert steps_of(feet, None, 8.0)[1].broken_alternation == 0
    alone = make(pelvis=False, feet=("left",))
    assert alone.push_foot("left", left, 8 * NS_PER_S) + alone.flush() == []
    assert alone.broken_alternation == 0


def test_a_step_leaves_once_both_feet_are_half_a_second_past_it_and_not_before(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=2.0, walk_s=4.0)
    poses, steps = poses_of(walk.block()), make()
    feet, end_ns = feet_of(walk), round((walk.stand_s + walk.step_s + 0.5) * NS_PER_S)
    heard = {foot: events[events["t_emitted_ns"] <= end_ns] for foot, events in feet.items()}
    assert steps.push_pelvis(poses) == []
    assert steps.push_foot("left", heard["left"], end_ns) == []
    assert steps.push_foot("right", heard["right"], end_ns - 1) == []
    assert len(steps.push_foot("right", heard["right"][:0], end_ns)) == 1


def test_a_contact_later_than_agreed_is_left_out() -> None:
    feet = {
        "left": sorted_events([event(CONTACT, 1.0, 0.1), event(CONTACT, 2.0, 0.6)]),
        "right": sorted_events([event(CONTACT, 1.5, 0.5)]),
    }
    rows, _ = steps_of(feet, None, 6.0)
    assert [row["t_end_ns"] for row in rows] == [1_500_000_000]


def test_steps_carry_the_reasons_of_both_contacts_and_turns_of_the_foot() -> None:
    start, gap = (1 << REASONS.index(reason) for reason in ("start", "gap"))
    feet = {
        "left": sorted_events([event(CONTACT, 1.0, 0.1, start), event(CONTACT, 2.0, 0.1, gap, 30.0)]),
        "right": sorted_events([event(CONTACT, 1.5, 0.1)]),
    }
    rows, _ = steps_of(feet, None, 6.0)
    assert [row["quality"] for row in rows] == ["start", "gap;turn"]


# --- the order of arrival


def pieces(rng: np.random.Generator, events: np.ndarray, newest_ns: int) -> list[tuple[np.ndarray, int]]:
    """A foot's stream cut at random samples: what each piece brings, and its newest sample."""
    ends = np.sort(rng.integers(0, newest_ns, rng.integers(0, 12)))
    cut = [*np.searchsorted(events["t_emitted_ns"], ends, side="right"), len(events)]
    return [(events[a:b], int(end)) for a, b, end in zip([0, *cut], cut, [*ends, newest_ns], strict=False)]


def in_some_order(seed: int, feet: dict[str, np.ndarray], poses: np.ndarray, newest: dict[str, int]) -> str:
    rng = np.random.default_rng(seed)
    steps = make()
    calls: dict[str, list[Any]] = {
        foot: [("foot", foot, *piece) for piece in pieces(rng, feet[foot], newest[foot])] for foot in ("left", "right")
    }
    cut = np.sort(rng.integers(0, len(poses), rng.integers(0, 12)))
    calls["pelvis"] = [("pelvis", poses[a:b]) for a, b in zip([0, *cut], [*cut, len(poses)], strict=False)]
    for name, sensor in (("left", "foot_left"), ("right", "foot_right"), ("pelvis", "pelvis")):
        if rng.random() < 0.5:
            calls[name].append(("end", sensor))
    rows: list[Row] = []
    while any(calls.values()):
        name = rng.choice([name for name, left in calls.items() if left])
        kind, *what = calls[name].pop(0)
        push = {"foot": steps.push_foot, "pelvis": steps.push_pelvis, "end": steps.end}[kind]
        rows += push(*what)
        if rng.random() < 0.1:
            steps = pickle.loads(pickle.dumps(steps))
    rows += steps.flush()
    return json.dumps([rows, steps.calibrations, steps.broken_alternation, steps.pelvis_mounting])


@pytest.mark.parametrize("stand_s", [0.0, 4.0])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_neither_the_order_of_arrival_nor_the_cut_changes_a_bit(stand_s: float, seed: int, pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=stand_s, walk_s=9.0)
    block = walk.block()
    # a reset, a few lost samples, a contact missed, a break, and streams that end apart
    poses = poses_of(block)
    poses = lose(lose(poses, 820, 823), 610, 611)
    feet = feet_of(walk)
    feet["left"] = sorted_events([np.delete(feet["left"], 5), event(BREAK, stand_s + 6.0)])
    newest = {"left": round((stand_s + 9.0) * NS_PER_S), "right": round((stand_s + 8.2) * NS_PER_S)}
    feet["right"] = feet["right"][feet["right"]["t_emitted_ns"] <= newest["right"]]
    assert in_some_order(seed, feet, poses, newest) == in_some_order(0, feet, poses, newest)


def test_who_is_dropped_and_comes_back_breaks_no_alternation(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=2.0, walk_s=12.0)
    feet, poses, steps = feet_of(walk), poses_of(walk.block()), make()
    right = feet["right"]
    early, late = right[right["t_emitted_ns"] < 5 * NS_PER_S], right[right["t_ns"] > 9 * NS_PER_S]
    left = feet["left"]
    until = left["t_emitted_ns"] <= 9 * NS_PER_S
    rows = steps.push_foot("right", early, 5 * NS_PER_S)
    rows += steps.push_pelvis(poses)
    rows += steps.push_foot("left", left[until], 9 * NS_PER_S)
    rows += steps.end("foot_right")
    steps.resume("foot_right", 9 * NS_PER_S)
    rows += steps.push_foot("left", left[~until], 14 * NS_PER_S)
    rows += steps.push_foot("right", late, 14 * NS_PER_S)
    rows += steps.flush()
    starts = np.array([row["t_start_ns"] for row in rows]) / NS_PER_S
    assert steps.broken_alternation == 0
    assert ((starts < 5.2) | (starts > 9.0)).all()
    assert (starts > 9.0).sum() >= 5


# --- the pelvis


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 200.0])
@pytest.mark.parametrize("stand_s", [0.0, 4.0])
def test_the_drop_is_that_of_the_formula(stand_s: float, rate_hz: float, pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=stand_s, walk_s=12.0, rate_hz=rate_hz)
    rows, _ = walked(walk)
    assert len(rows) == len(walk.contacts()) - 1
    # the first step out of standing has the person rise into motion: its gravity is that of no walk
    for row in rows[1 if stand_s else 0 :]:
        start_s, end_s = int(row["t_start_ns"]) / NS_PER_S, int(row["t_end_ns"]) / NS_PER_S
        true = walk.drop_deg(start_s, end_s, row["stance_foot"])
        assert row["pelvic_drop_deg"] == pytest.approx(true, abs=0.35)
        assert row["pelvic_drop_robust_deg"] >= row["pelvic_drop_deg"]
        assert abs(row["pelvic_drop_deg"] - true) < 2.0 * row["pelvic_drop_sd_deg"]
        angles = walk.angles_deg(np.linspace(start_s, end_s, 500))
        assert row["obliquity_rom_deg"] == pytest.approx(np.ptp(angles[:, 1]), abs=0.4)
        assert row["rotation_rom_deg"] == pytest.approx(np.ptp(angles[:, 0]), abs=0.3)
        assert row["late_peak"] is False


def test_a_sensor_in_any_attitude_reads_the_same(pelvis_walk: Any) -> None:
    upright = pelvis_walk(stand_s=4.0)
    mounted = dataclasses.replace(upright, mounting=np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
    for one, other in zip(walked(upright)[0], walked(mounted)[0], strict=True):
        for name in ("pelvic_drop_deg", "tilt_deg", "rotation_rom_deg", "pelvic_drop_peak_deg"):
            assert one[name] == pytest.approx(other[name], abs=1e-4)


def test_a_strap_that_sits_low_is_levelled_by_gravity(pelvis_walk: Any) -> None:
    """Pitched by 25 degrees, with the mounting still said to be upright."""
    pitch = np.radians(25.0)
    tipped = np.array([[np.cos(pitch), 0.0, np.sin(pitch)], [0.0, 1.0, 0.0], [-np.sin(pitch), 0.0, np.cos(pitch)]])
    walk = pelvis_walk(stand_s=4.0)
    poses = poses_of(dataclasses.replace(walk, mounting=tipped).block())
    for one, other in zip(walked(walk)[0], walked(walk, poses)[0], strict=True):
        assert one["pelvic_drop_deg"] == pytest.approx(other["pelvic_drop_deg"], abs=1e-3)
        assert one["tilt_deg"] == pytest.approx(other["tilt_deg"], abs=1e-3)


def test_standing_still_sets_level_once_and_what_is_measured_against_it(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=5.0)
    rows, steps = walked(walk)
    (calibration,) = steps.calibrations
    assert calibration["kind"] == "standing"
    assert 3.0 * NS_PER_S <= calibration["t_ns"] <= 3.2 * NS_PER_S
    for row in rows[2:]:
        start_s, end_s = int(row["t_start_ns"]) / NS_PER_S, int(row["t_end_ns"]) / NS_PER_S
        angles = walk.angles_deg(np.linspace(start_s, end_s, 500))
        sign = 1.0 if row["stance_foot"] == "left" else -1.0
        # standing is level on both axes: obliquity 0, tilt 10
        assert row["pelvic_drop_peak_deg"] == pytest.approx((sign * angles[:, 1]).max(), abs=0.4)
        assert row["tilt_deg"] == pytest.approx(angles[:, 2].mean() - 10.0, abs=0.8)


def test_without_quiet_standing_nothing_is_measured_against_it(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=5.0)
    feet = feet_of(walk)
    # one foot shuffles
    feet["left"] = sorted_events([feet["left"], event(REST_ENDS, 2.0), event(REST_BEGINS, 2.5, 1.0)])
    rows, steps = steps_of(feet, poses_of(walk.block()), 20.0)
    assert steps.calibrations == []
    assert {(row["tilt_deg"], row["pelvic_drop_peak_deg"]) for row in rows} == {(None, None)}
    assert all(row["pelvic_drop_deg"] is not None for row in rows)


def test_without_a_pelvis_its_columns_are_null(pelvis_walk: Any) -> None:
    walk = pelvis_walk()
    rows, steps = steps_of(feet_of(walk), None, 12.0)
    assert len(rows) == len(walk.contacts()) - 1
    assert all(row[name] is None for row in rows for name in PELVIS_COLUMNS)
    assert steps.pelvis_mounting is None


def test_lost_samples_mark_a_step_and_too_many_void_it(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=2.0, walk_s=8.0)
    poses = poses_of(walk.block())
    (whole, *_), _ = walked(walk, poses)
    at = poses["t_ns"].searchsorted(int(whole["t_start_ns"]) + 200_000_000)
    (few, *others), _ = walked(walk, lose(poses, at, at + 2))
    assert few["quality"] == "gap"
    assert few["pelvic_drop_deg"] == pytest.approx(whole["pelvic_drop_deg"], abs=0.1)
    assert all(row["quality"] == "" for row in others)
    (many, *_), _ = walked(walk, lose(poses, at, at + 4))
    assert many["quality"] == "gap"
    assert all(many[name] is None for name in PELVIS_COLUMNS)


def test_a_pelvis_that_starts_late_or_ends_early_leaves_nulls_and_no_reason(pelvis_walk: Any) -> None:
    walk = pelvis_walk(walk_s=14.0)
    poses = poses_of(walk.block()[400:1000])
    rows, _ = walked(walk, poses)
    seen = [int(row["t_start_ns"]) >= 4 * NS_PER_S and int(row["t_end_ns"]) < 10 * NS_PER_S for row in rows]
    assert [row["pelvic_drop_deg"] is not None for row in rows] == seen
    assert all(row["quality"] == "" for row in rows)


def test_walking_from_the_first_sample_the_first_steps_wait_for_a_stride(pelvis_walk: Any) -> None:
    walk = pelvis_walk(walk_s=3.0)
    feet, poses, steps = feet_of(walk), poses_of(walk.block()), make()
    settled_ns = round((walk.step_s * 2 + 0.5) * NS_PER_S)
    for foot in ("left", "right"):
        heard = feet[foot][feet[foot]["t_emitted_ns"] < settled_ns]
        assert steps.push_foot(foot, heard, settled_ns - 1) == []
    assert steps.push_pelvis(poses) == [], "the first step is over, the first stride is not"
    assert steps.push_foot("left", feet["left"][:0], settled_ns) == []
    rows = steps.push_foot("right", feet["right"][:0], settled_ns)
    assert [row["pelvic_drop_deg"] is not None for row in rows] == [True, True]


def test_one_step_that_never_becomes_a_stride_has_no_gravity(pelvis_walk: Any) -> None:
    walk = pelvis_walk(walk_s=1.7)
    rows, _ = walked(walk)
    assert len(rows) == 1
    assert rows[0]["pelvic_drop_deg"] is None


def test_a_turn_of_the_pelvis_counts_and_a_wide_swing_does_not(pelvis_walk: Any) -> None:
    turning = pelvis_walk(stand_s=2.0, turn=lambda t: np.pi * np.clip((t - 8.0) / 2.0, 0.0, 1.0))
    rows, _ = walked(turning)
    for row in rows:
        start_s, end_s = int(row["t_start_ns"]) / NS_PER_S, int(row["t_end_ns"]) / NS_PER_S
        if end_s < 8.0 or start_s > 10.0:
            assert row["quality"] == ""
        elif start_s > 8.0 and end_s < 10.0:
            assert row["quality"] == "turn"
    rows, _ = walked(pelvis_walk(stand_s=2.0, rotation_deg=16.0))
    assert all(row["rotation_rom_deg"] > 25.0 for row in rows[1:])
    assert all(row["quality"] == "" for row in rows[2:])


def test_no_step_runs_over_a_contact_that_came_late() -> None:
    feet = {
        "left": sorted_events([event(CONTACT, 1.0, 0.1), event(CONTACT, 1.4, 0.6), event(CONTACT, 3.0, 0.1)]),
        "right": sorted_events([event(CONTACT, 2.2, 0.1)]),
    }
    rows, _ = steps_of(feet, None, 6.0)
    assert [(row["t_start_ns"], row["t_end_ns"]) for row in rows] == [(2_200_000_000, 3_000_000_000)]
