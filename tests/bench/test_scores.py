from collections import defaultdict

import pytest

from imu.core.tables import CONTACTS, STEPS, STRIDES
from imu.core.units import NS_PER_S
from imu_bench.scores import Tally, compare
from imu_bench.truth import Hole, Truth, read_truth

MS = 1_000_000
PATTERNS = {"toe": "toe_to_heel", "heel": "heel_to_toe", "flat": "flat", None: "uncertain"}
SPANS = {"left": (0, 30 * NS_PER_S), "right": (0, 30 * NS_PER_S)}


def ns(t_s):
    return round(t_s * NS_PER_S)


def true_contact(foot, t_s, **changes):
    """A heel strike of forward walking; the toe lands 100 ms later, the toe leaves after 700 ms."""
    return {
        "foot": foot,
        "t_contact_ns": ns(t_s),
        "t_release_ns": ns(t_s + 0.7),
        "first": "heel",
        "pitch_deg": 20.0,
        "direction": "forward",
        "stride_length_m": 1.2,
        "t_toe_on_ns": ns(t_s + 0.1),
        "t_heel_on_ns": ns(t_s),
    } | changes


def walk_of(left, right):
    """So many true contacts of each foot, a second apart."""
    rows = [true_contact("left", 2.0 + k) for k in range(left)] + [true_contact("right", 2.5 + k) for k in range(right)]
    return sorted(rows, key=lambda row: row["t_contact_ns"])


def found_as(truth, steps=()):
    """Tables of a detector that errs in nothing and takes 80 ms."""
    contacts = [
        {
            "foot": row["foot"],
            "t_contact_ns": row["t_contact_ns"],
            "t_second_ns": row["t_heel_on_ns"] if row["first"] == "toe" else row["t_toe_on_ns"],
            "t_release_ns": row["t_release_ns"],
            "pattern": PATTERNS[row["first"]],
            "direction": row["direction"] or "uncertain",
            "foot_angle_deg": row["pitch_deg"],
            "t_emitted_ns": row["t_contact_ns"] + 80 * MS,
        }
        for row in truth
    ]
    strides = [
        {"foot": row["foot"], "t_end_ns": row["t_contact_ns"], "stride_length_m": row["stride_length_m"]}
        for row in truth
    ]
    return {CONTACTS.name: contacts, STRIDES.name: strides, STEPS.name: list(steps)}


def moved(rows, by_ms, **where):
    return [
        row | {"t_contact_ns": row["t_contact_ns"] + by_ms * MS}
        if all(row[key] == value for key, value in where.items())
        else row
        for row in rows
    ]


def scored(truth, tables, spans=SPANS):
    tallies = defaultdict(Tally)
    compare(truth if isinstance(truth, Truth) else Truth(truth), tables, spans, tallies)
    return {walking: tally.figures() for walking, tally in tallies.items()}


@pytest.fixture(scope="module")
def truth_of_walk(walk, walk_folder):
    found = read_truth(walk_folder, walk.session)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def span_of_walk(walk):
    return dict.fromkeys(("left", "right"), (0, ns(walk.duration_s)))


def test_a_perfect_detector_gets_full_marks(walk, truth_of_walk, span_of_walk):
    result = scored(truth_of_walk, found_as(walk.truth_contacts, walk.truth_steps), span_of_walk)
    assert {"forward", "backward"} <= result.keys()
    for figures in result.values():
        assert figures["f1"] == figures["found_share"] == 1.0
        assert (figures["missed"], figures["false"]) == (0, 0)
        assert figures["latency_ms"] == {"p50": 80.0, "p95": 80.0}
        for name in ("contact_ms", "release_ms", "second_ms", "foot_angle_deg", "stride_length_m"):
            assert figures[name]["n"] == figures[name]["asked"]
            # truth beside a session is float32
            assert figures[name]["rmse"] is None or figures[name]["rmse"] < 1e-5
    for walking in ("forward", "backward"):
        assert result[walking]["direction"] == {"n": result[walking]["contacts"], "right": 1.0, "undecided": 0.0}
        assert result[walking]["pattern"]["right"] == 1.0
        # the truth beside a session is sampled, that of the plan is not
        drop = result[walking]["pelvic_drop_deg"]
        assert drop["n"] == drop["asked"] > 10
        assert drop["rmse"] < 0.2


def test_an_error_that_all_have_in_common_is_told_but_costs_nothing():
    truth = walk_of(6, 6)
    tables = found_as(truth)
    result = scored(truth, tables | {CONTACTS.name: moved(tables[CONTACTS.name], 120)})["forward"]
    assert result["f1"] == 1.0
    assert (result["contact_ms"]["median"], result["contact_ms"]["sd"]) == (120.0, 0.0)


@pytest.mark.parametrize(
    ("by_ms", "f1", "missed", "false"),
    [(49, 1.0, 0, 0), (50, 1.0, 0, 0), (70, 2 * 5 / 18, 0, 0), (150, 2 * 5 / 18, 0, 0), (151, 2 * 5 / 18, 4, 4)],
)
def test_one_foot_that_is_late(by_ms, f1, missed, false):
    truth = walk_of(5, 4)
    tables = found_as(truth)
    late = moved(tables[CONTACTS.name], by_ms, foot="right")
    result = scored(truth, tables | {CONTACTS.name: late})["forward"]
    assert result["f1"] == pytest.approx(f1)
    assert (result["missed"], result["false"]) == (missed, false)


def test_a_contact_that_truth_lacks_is_false_where_the_walking_is_nearest():
    truth = [*walk_of(4, 4), *(true_contact("left", 12.0 + k, direction="backward") for k in range(4))]
    tables = found_as(truth)
    result = scored([row for row in truth if row["t_contact_ns"] != ns(13.0)], tables)
    assert {walking: (one["missed"], one["false"]) for walking, one in result.items()} == {
        "forward": (0, 0),
        "backward": (0, 1),
    }
    assert result["backward"]["f1"] == pytest.approx(2 * 3 / 7)


def test_a_contact_that_is_not_found_is_missed():
    truth = walk_of(4, 4)
    tables = found_as(truth)
    result = scored(truth, tables | {CONTACTS.name: tables[CONTACTS.name][1:]})["forward"]
    assert (result["contacts"], result["missed"], result["false"]) == (8, 1, 0)
    assert result["f1"] == pytest.approx(2 * 7 / 15)


@pytest.mark.parametrize(
    ("true", "said", "n", "right", "undecided"),
    [
        ({}, "heel_to_toe", 1, 1.0, 0.0),
        ({}, "toe_to_heel", 1, 0.0, 0.0),
        ({}, "uncertain", 1, None, 1.0),
        ({}, "flat", 1, None, 1.0),
        ({"first": "flat"}, "heel_to_toe", 0, None, None),
        ({"first": None}, "heel_to_toe", 0, None, None),
        ({"pitch_deg": 4.0}, "toe_to_heel", 0, None, None),
        ({"pitch_deg": None}, "toe_to_heel", 1, 0.0, 0.0),
        ({"t_toe_on_ns": ns(2.04)}, "flat", 0, None, None),
        ({"t_toe_on_ns": ns(2.04)}, "toe_to_heel", 1, 0.0, 0.0),
    ],
)
def test_what_a_pattern_counts_for(true, said, n, right, undecided):
    truth = [true_contact("left", 2.0, **true)]
    tables = found_as(truth)
    tables[CONTACTS.name][0]["pattern"] = said
    assert scored(truth, tables)["forward"]["pattern"] == {"n": n, "right": right, "undecided": undecided}


@pytest.mark.parametrize(
    ("true", "said", "n", "right", "undecided"),
    [
        ("forward", "forward", 1, 1.0, 0.0),
        ("forward", "backward", 1, 0.0, 0.0),
        ("forward", "in_place", 1, 0.0, 0.0),
        ("forward", "uncertain", 1, None, 1.0),
        (None, "forward", 0, None, None),
    ],
)
def test_what_a_direction_counts_for(true, said, n, right, undecided):
    truth = [true_contact("left", 2.0, direction=true)]
    tables = found_as(truth)
    tables[CONTACTS.name][0]["direction"] = said
    result = scored(truth, tables)[true or "unknown"]
    assert result["direction"] == {"n": n, "right": right, "undecided": undecided}


@pytest.mark.parametrize("t_s", [0.59, 29.81])
def test_at_the_borders_of_a_recording_nothing_counts(t_s):
    """Neither as missed nor as false; and a pair across the border goes as one."""
    truth = [true_contact("left", 5.0), true_contact("right", t_s)]
    tables = found_as(truth)
    assert scored(truth, tables | {CONTACTS.name: tables[CONTACTS.name][:1]})["forward"]["f1"] == 1.0
    assert scored(truth[:1], tables)["forward"]["f1"] == 1.0
    across = moved(tables[CONTACTS.name], 20 if t_s < 1 else -20, foot="right")
    result = scored(truth, tables | {CONTACTS.name: across})["forward"]
    assert (result["contacts"], result["f1"]) == (1, 1.0)


def test_in_a_hole_of_the_truth_nothing_counts():
    truth = walk_of(6, 6)
    tables = found_as(truth)
    holed = Truth(
        [row for row in truth if row["foot"] == "right" or row["t_contact_ns"] != ns(4.0)],
        holes=(Hole("left", ns(3.5), ns(5.0)),),
    )
    result = scored(holed, tables)["forward"]
    assert (result["contacts"], result["missed"], result["false"]) == (10, 0, 0)


def test_nothing_is_asked_of_a_foot_that_was_not_recorded():
    truth = walk_of(6, 6)
    assert scored(truth, found_as(truth), {"left": SPANS["left"]})["forward"]["contacts"] == 6


def test_false_contacts_outside_partial_truth_do_not_count():
    tables = found_as(walk_of(8, 8))
    part = [row for row in walk_of(8, 8) if ns(4.0) <= row["t_contact_ns"] <= ns(8.0)]
    assert scored(part, tables)["forward"]["false"] == 7
    assert scored(Truth(part, complete=False), tables)["forward"]["false"] == 0
    inside = [row for row in part if row["t_contact_ns"] != ns(6.0)]
    assert scored(Truth(inside, complete=False), tables)["forward"]["false"] == 1


def test_without_a_true_contact_all_that_is_found_is_false():
    assert scored([], found_as(walk_of(2, 1)))["unknown"]["false"] == 3
    assert scored(Truth([], complete=False), found_as(walk_of(2, 1))) == {}


def test_a_figure_stands_beside_its_coverage():
    truth = walk_of(2, 2)
    tables = found_as(truth)
    tables[CONTACTS.name][0] |= {"t_release_ns": None, "t_second_ns": None, "foot_angle_deg": None}
    tables[CONTACTS.name][1]["t_release_ns"] += 30 * MS
    tables[STRIDES.name][0]["stride_length_m"] = None
    tables[STRIDES.name][1]["stride_length_m"] += 0.06
    result = scored(truth, tables)["forward"]
    for name in ("release_ms", "second_ms", "foot_angle_deg", "stride_length_m"):
        assert (result[name]["n"], result[name]["asked"]) == (3, 4)
    assert result["release_ms"]["mean"] == pytest.approx(10.0)
    assert result["stride_length_m"]["mae"] == pytest.approx(0.02)
    # a release after the samples' end can't be seen
    late = [true_contact("left", 29.5)]
    assert scored(late, found_as(late))["forward"]["release_ms"]["asked"] == 0


def test_a_drop_wants_both_contacts_of_its_step(walk, truth_of_walk, span_of_walk):
    steps = walk.truth_steps
    result = scored(truth_of_walk, found_as(walk.truth_contacts, steps), span_of_walk)
    late = [row | {"t_end_ns": row["t_end_ns"] + 151 * MS} for row in steps]
    without = scored(truth_of_walk, found_as(walk.truth_contacts, late), span_of_walk)
    wrong = [row | {"pelvic_drop_deg": row["pelvic_drop_deg"] + 3.0} for row in steps]
    worse = scored(truth_of_walk, found_as(walk.truth_contacts, wrong), span_of_walk)
    for walking in ("forward", "backward"):
        drop = result[walking]["pelvic_drop_deg"]
        assert (without[walking]["pelvic_drop_deg"]["n"], without[walking]["pelvic_drop_deg"]["asked"]) == (
            0,
            drop["asked"],
        )
        assert worse[walking]["pelvic_drop_deg"]["mean"] == pytest.approx(drop["mean"] + 3.0)
