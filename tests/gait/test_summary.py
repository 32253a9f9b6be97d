import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.canonical import canonical_json
from imu.core.tables import ANALYSIS, CONTACTS, DIRECTIONS, PATTERNS, STEPS, STRIDES
from imu.gait.fold import single
from imu.gait.summary import summarise_directions
from imu.store.tables import write_table

FEET = ("left", "right")
COUNTS = ("contacts", "strides", "steps")
TEXTS = {
    "foot": FEET,
    "stance_foot": FEET,
    "pattern": PATTERNS,
    "direction": DIRECTIONS,
    "quality": ("", "", "", "", "start", "gap;turn", "saturated"),
}


def some_rows(table, n, rng, only=(), empty=0.2):
    """Rows with whatever its columns may hold; `only` says what some must hold."""
    rows = []
    for k in range(n):
        row = {}
        for column in table.columns:
            if column.name in dict(only):
                row[column.name] = dict(only)[column.name]
            elif column.name in TEXTS:
                row[column.name] = str(rng.choice(TEXTS[column.name]))
            elif column.nullable and rng.random() < empty:
                row[column.name] = None
            elif column.dtype == "bool":
                row[column.name] = bool(rng.integers(2))
            elif column.dtype == "int64":
                row[column.name] = k * 500_000_000
            else:
                row[column.name] = single(rng.normal(-0.6, 0.2) if column.name == "speed_m_s" else rng.uniform(0.3, 3))
        rows.append(row)
    return rows


def written(tables, folder):
    """The tables as any engine reads them."""
    frames = []
    for table, rows in zip(ANALYSIS, tables, strict=True):
        path = folder / f"{table.name}.parquet"
        write_table(path, table, rows, version="0", params={})
        frames.append(pl.read_parquet(path))
    return frames


def doubles(frame, column):
    return frame[column].drop_nulls().to_numpy().astype(np.float64)


def statistic(values):
    if len(values) < 10:
        return None
    return {"mean": pytest.approx(np.mean(values), abs=1e-6), "sd": spread(values), "n": len(values)}


def spread(values):
    return pytest.approx(np.std(values, ddof=1), abs=1e-6)


def by_the_contract(frames):
    """Its definitions, from the written tables."""
    found = {}
    for direction in DIRECTIONS:
        every = [frame.filter(pl.col("direction") == direction) for frame in frames]
        if not any(map(len, every)):
            continue
        contacts, strides, steps = (frame.filter(pl.col("quality") == "") for frame in every)
        times = doubles(steps, "step_time_s")
        ends = {
            "left": doubles(steps.filter(pl.col("stance_foot") == "right"), "step_time_s"),
            "right": doubles(steps.filter(pl.col("stance_foot") == "left"), "step_time_s"),
        }
        part = found[direction] = dict(zip(COUNTS, map(len, every), strict=True))
        part["cadence_spm"] = None
        if len(times) >= 10:
            part["cadence_spm"] = {
                "mean": pytest.approx(60.0 * len(times) / times.sum(), abs=1e-6),
                "sd": spread(doubles(steps, "cadence_spm")),
                "n": len(times),
            }
        part["toe_first_share"], part["pelvic_drop_deg"] = {}, {}
        for foot in FEET:
            patterns = contacts.filter(pl.col("foot") == foot)["pattern"].to_list()
            toe, heel, flat = (patterns.count(name) for name in ("toe_to_heel", "heel_to_toe", "flat"))
            share = None if toe + heel + flat < 10 else pytest.approx(toe / (toe + heel + flat), abs=1e-6)
            part["toe_first_share"][foot] = share
            drops = doubles(steps.filter(pl.col("stance_foot") == foot), "pelvic_drop_deg")
            part["pelvic_drop_deg"][foot] = statistic(drops)
        part["uncertain_share"] = (
            None
            if len(contacts) < 10
            else pytest.approx((contacts["pattern"] == "uncertain").sum() / len(contacts), abs=1e-6)
        )
        part["step_time_asymmetry_pct"] = None
        if min(map(len, ends.values())) >= 10:
            left, right = ends["left"].mean(), ends["right"].mean()
            part["step_time_asymmetry_pct"] = {
                "value": pytest.approx(100.0 * (right - left) / (0.5 * (right + left)), abs=1e-6),
                "n": len(times),
            }
        for name in ("stance_fraction", "stride_length_m", "speed_m_s"):
            part[name] = statistic(doubles(strides, name))
    return found


def nulls(part, where):
    """What is null in a nested document, by its path."""
    if part is None:
        return {where}
    if not isinstance(part, dict):
        return set()
    return {path for key, value in part.items() for path in nulls(value, f"{where}.{key}")}


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.tuples(*[st.integers(0, 250)] * 3), directions=st.integers(1, 4))
def test_every_figure_is_that_of_the_written_tables(tmp_path_factory, seed, sizes, directions):
    rng = np.random.default_rng(seed)
    tables = [some_rows(table, n, rng) for table, n in zip(ANALYSIS, sizes, strict=True)]
    for row in (row for table in tables for row in table):
        row["direction"] = str(rng.choice(DIRECTIONS[:directions]))
    summary, left_out = summarise_directions(*tables)
    assert summary == by_the_contract(written(tables, tmp_path_factory.mktemp("tables")))
    few = [entry["what"] for entry in left_out if entry["why"].endswith(("needed", "of each side needed"))]
    assert len(few) == len(set(few))
    assert set(few) == {path for name, part in summary.items() for path in nulls(part, f"directions.{name}")}
    canonical_json(summary)


@pytest.mark.parametrize("n", [9, 10])
def test_ten_are_enough_and_nine_are_not(n):
    rng = np.random.default_rng(1)
    only = {"direction": "backward", "quality": ""}
    tables = [
        [
            *some_rows(table, n, rng, {**only, table.sorted_by[1]: "left", "pattern": "flat"}, empty=0.0),
            *some_rows(table, n, rng, {**only, table.sorted_by[1]: "right", "pattern": "toe_to_heel"}, empty=0.0),
        ]
        for table in ANALYSIS
    ]
    summary, left_out = summarise_directions(*tables)
    part = summary["backward"]
    named = {entry["what"].removeprefix("directions.backward."): entry["why"] for entry in left_out}
    if n == 10:
        assert part["toe_first_share"] == {"left": 0.0, "right": 1.0}
        assert part["step_time_asymmetry_pct"]["n"] == 20
        assert part["pelvic_drop_deg"]["left"]["n"] == 10
        assert named == {}
    else:
        assert part["toe_first_share"] == {"left": None, "right": None}
        assert part["step_time_asymmetry_pct"] is None
        assert named["pelvic_drop_deg.right"] == "9 steps, 10 needed"
        assert named["toe_first_share.left"] == "9 contacts of known pattern, 10 needed"
        assert named["step_time_asymmetry_pct"].startswith("9 steps")
        # eighteen of both together are enough for what asks for no side
        assert part["cadence_spm"]["n"] == 18


def test_the_side_of_a_step_time_is_that_of_the_contact_that_ends_it():
    rng = np.random.default_rng(1)
    only = {"direction": "forward", "quality": ""}
    steps = [
        *some_rows(STEPS, 12, rng, {**only, "stance_foot": "left", "step_time_s": 0.5}),
        *some_rows(STEPS, 11, rng, {**only, "stance_foot": "right", "step_time_s": 0.4}),
    ]
    part = summarise_directions([], [], steps)[0]["forward"]
    # R = 0.5 s ends with right contacts, which left stance precedes
    assert part["step_time_asymmetry_pct"] == {"value": pytest.approx(100 * 0.1 / 0.45), "n": 23}


def test_cadence_is_steps_over_time_and_no_mean_of_cadences():
    rows = some_rows(STEPS, 10, np.random.default_rng(1), {"direction": "forward", "quality": ""})
    for k, row in enumerate(rows):
        row["step_time_s"] = 0.4 if k % 2 else 0.6
        row["cadence_spm"] = single(60.0 / row["step_time_s"])
    cadence = summarise_directions([], [], rows)[0]["forward"]["cadence_spm"]
    assert cadence["mean"] == 120.0
    assert cadence["sd"] == pytest.approx(np.std([100.0, 150.0] * 5, ddof=1), abs=1e-5)


def test_rows_that_are_not_clean_count_and_are_not_measured():
    rng = np.random.default_rng(1)
    clean = some_rows(STRIDES, 10, rng, {"direction": "forward", "quality": ""}, empty=0.0)
    marked = some_rows(STRIDES, 5, rng, {"direction": "forward", "quality": "gap;turn"}, empty=0.0)
    part, left_out = summarise_directions([], [*clean, *marked], [])
    assert part["forward"]["strides"] == 15
    assert part["forward"]["speed_m_s"]["n"] == 10
    assert {"what": "directions.forward.strides", "why": "5 of 15 not clean: gap 5, turn 5"} in left_out


def test_what_does_not_occur_has_no_key():
    rows = some_rows(CONTACTS, 3, np.random.default_rng(1), {"direction": "in_place"})
    assert list(summarise_directions(rows, [], [])[0]) == ["in_place"]
    assert summarise_directions([], [], []) == ({}, [])


def test_values_that_are_all_equal_have_no_spread():
    rows = some_rows(STRIDES, 12, np.random.default_rng(1), {"direction": "forward", "quality": "", "speed_m_s": 0.1})
    assert summarise_directions([], rows, [])[0]["forward"]["speed_m_s"] == {"mean": 0.1, "sd": 0.0, "n": 12}
