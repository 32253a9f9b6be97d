import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.tables import CONTACTS, STRIDES
from imu.core.units import NS_PER_S
from imu_bench.scoring.figures import KEYS
from imu_bench.truth import Hole, Truth, read_truth
from tests.bench.made_up_walks import (
    MS,
    SPANS,
    all_figures,
    backward_contact,
    covered,
    found_as,
    moved,
    ns,
    one_session,
    scored,
    true_contact,
    value,
    walk_of,
)

ERRORS = (
    "timing_bias_ms",
    "timing_sd_ms",
    "timing_p95_ms",
    "timing_left_right_ms",
    "steady_sd_ms",
    "release_bias_ms",
    "release_sd_ms",
    "second_bias_ms",
    "second_sd_ms",
    "foot_angle_bias_deg",
    "foot_angle_sd_deg",
    "stride_time_bias_ms",
    "stride_time_sd_ms",
    "stride_length_mae_m",
    "stride_length_bias_m",
    "cadence_mae_spm",
    "confidence_error",
)
SHARES = ("f1_25ms", "f1_50ms", "f1_100ms", "steady_found", "direction_right", "pattern_right")


LABELS = (
    *("direction_right", "direction_undecided", "pattern_right", "pattern_undecided"),
    *("release_bias_ms", "second_bias_ms", "foot_angle_bias_deg", "confidence_error"),
    *("latency_p50_ms", "latency_p95_ms", "provisional_p50_ms", "provisional_p95_ms"),
)
"""Whatever is told of a contact beside its instant."""


def counts(figures):
    return tuple(value(figures, key) for key in ("contacts", "missed", "false"))


@pytest.fixture(scope="module")
def truth_of_walk(walk, walk_folder):
    found = read_truth(walk_folder, walk.session)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def span_of_walk(walk):
    return dict.fromkeys(("left", "right"), (0, ns(walk.duration_s)))


def assert_perfect(figures):
    assert counts(figures)[1:] == (0, 0)
    for key in SHARES:
        assert value(figures, key) in {1.0, None}, key
    for key in ERRORS:
        # truth beside a session is float32
        assert value(figures, key) is None or abs(value(figures, key)) < 1e-5, key
    for key in KEYS:
        n, asked = covered(figures, key)
        assert n <= asked, key


def test_a_perfect_detector_gets_full_marks(walk, truth_of_walk, span_of_walk):
    result = scored(truth_of_walk, found_as(walk.truth_contacts, walk.truth_steps), span_of_walk)
    assert {"forward", "backward"} <= result.keys()
    for figures in result.values():
        assert_perfect(figures)
        assert value(figures, "latency_p50_ms") == value(figures, "latency_p95_ms") == 80.0
        assert value(figures, "provisional_p95_ms") == 30.0
        assert value(figures, "latency_false_claims") == 0
    for walking in ("forward", "backward"):
        figures = result[walking]
        asked = value(figures, "contacts")
        assert covered(figures, "direction_right") == (asked, asked)
        assert value(figures, "pattern_right") == 1.0
        # the truth beside a session is sampled, that of the plan is not
        n, asked = covered(figures, "pelvic_drop_rmse_deg")
        assert n == asked > 10
        assert value(figures, "pelvic_drop_rmse_deg") < 0.2


def test_every_key_is_there_whatever_happened():
    for sessions in ([], [one_session([], {})], [one_session(walk_of(6, 6), {})]):
        figures = all_figures(*sessions)["walking"]
        assert "all" in figures
        for group in figures.values():
            assert tuple(group) == KEYS
            for figure in group.values():
                assert figure.keys() == {"value", "low", "high", "n", "asked"}


def test_of_nothing_nothing_is_told():
    figures = all_figures(one_session([], {CONTACTS.name: []}))["walking"]["all"]
    assert counts(figures) == (0, 0, 0)
    assert value(figures, "false_per_hour") == 0.0
    rest = KEYS[KEYS.index("f1_25ms") :]
    assert all(figures[key]["value"] is None and covered(figures, key) == (0, 0) for key in rest)


def test_what_is_never_found_is_missed():
    truth = walk_of(6, 6)
    for found in ({CONTACTS.name: []}, None):
        figures = scored(truth, found)["forward"]
        assert counts(figures) == (12, 12, 0)
        assert value(figures, "f1_50ms") == value(figures, "steady_found") == 0.0
        assert value(figures, "timing_bias_ms") is None
        assert covered(figures, "timing_bias_ms") == (0, 12)
        # nobody can say what they were: neither right nor undecided, but asked
        for key in LABELS:
            assert value(figures, key) is None
            assert covered(figures, key) == (0, 12), key


def test_what_never_was_is_false():
    figures = scored(Truth([]), {CONTACTS.name: found_as(walk_of(6, 6))[CONTACTS.name]})["unknown"]
    assert counts(figures) == (0, 0, 12)
    assert value(figures, "f1_50ms") == 0.0
    # 30 s but 0.8 s in which nothing counts
    assert value(figures, "false_per_hour") == pytest.approx(12 / (29.2 / 3600), rel=1e-6)


def test_of_two_that_are_the_same_one_is_false():
    truth = walk_of(6, 6)
    tables = found_as(truth)
    twice = [*tables[CONTACTS.name], *moved(tables[CONTACTS.name], 40)]
    figures = scored(truth, {CONTACTS.name: twice})["forward"]
    assert counts(figures) == (12, 0, 12)
    assert value(figures, "f1_50ms") == pytest.approx(24 / 36, abs=1e-6)
    # the nearer one is it
    assert value(figures, "timing_bias_ms") == 0.0


def test_swapped_feet_are_all_wrong():
    truth = walk_of(6, 6)
    other = {"left": "right", "right": "left"}
    swapped = [row | {"foot": other[row["foot"]]} for row in found_as(truth)[CONTACTS.name]]
    figures = scored(truth, {CONTACTS.name: swapped})["forward"]
    assert counts(figures) == (12, 12, 12)
    assert value(figures, "f1_100ms") == 0.0


def test_one_side_alone_is_half():
    truth = walk_of(6, 6)
    left = [row for row in found_as(truth)[CONTACTS.name] if row["foot"] == "left"]
    figures = scored(truth, {CONTACTS.name: left})["forward"]
    assert counts(figures) == (12, 6, 0)
    assert value(figures, "f1_50ms") == pytest.approx(2 / 3, abs=1e-6)
    assert value(figures, "timing_left_right_ms") is None
    assert covered(figures, "timing_bias_ms") == (6, 12)


def test_an_error_that_all_have_in_common_is_told_but_costs_nothing():
    truth = walk_of(6, 6)
    tables = found_as(truth)
    result = scored(truth, tables | {CONTACTS.name: moved(tables[CONTACTS.name], 120)})["forward"]
    assert value(result, "f1_25ms") == value(result, "steady_found") == 1.0
    assert (value(result, "timing_bias_ms"), value(result, "timing_sd_ms")) == (120.0, 0.0)


@pytest.mark.parametrize(
    ("by_ms", "f1", "missed", "false"),
    [(49, 1.0, 0, 0), (50, 1.0, 0, 0), (70, 2 * 5 / 18, 0, 0), (150, 2 * 5 / 18, 0, 0), (151, 2 * 5 / 18, 4, 4)],
)
def test_one_foot_that_is_late(by_ms, f1, missed, false):
    truth = walk_of(5, 4)
    tables = found_as(truth)
    late = moved(tables[CONTACTS.name], by_ms, foot="right")
    result = scored(truth, tables | {CONTACTS.name: late})["forward"]
    assert value(result, "f1_50ms") == pytest.approx(f1, abs=1e-6)
    assert counts(result)[1:] == (missed, false)
    assert value(result, "timing_left_right_ms") == (None if missed else -by_ms)
    # each foot by itself is as steady as can be
    assert value(result, "steady_sd_ms") == 0.0


def test_forward_against_backward_is_told_of_all_together():
    truth = [*walk_of(6, 6), *walk_of(6, 6, backward_contact, 12.0)]
    tables = found_as(truth)
    tables[CONTACTS.name] = moved(tables[CONTACTS.name], 30, direction="backward")
    found = all_figures(one_session(truth, tables))["walking"]
    assert value(found["all"], "timing_forward_backward_ms") == -30.0
    assert value(found["forward"], "timing_forward_backward_ms") is None
    assert value(found["all"], "f1_25ms") == 1.0
    assert value(found["all"], "timing_bias_ms") == 15.0


def test_a_contact_that_truth_lacks_is_false_where_the_walking_is_nearest():
    truth = [*walk_of(4, 4), *(true_contact("left", 12.0 + k, direction="backward") for k in range(4))]
    tables = found_as(truth)
    result = scored([row for row in truth if row["t_contact_ns"] != ns(13.0)], tables)
    assert {walking: counts(one)[1:] for walking, one in result.items()} == {"forward": (0, 0), "backward": (0, 1)}
    assert value(result["backward"], "f1_50ms") == pytest.approx(2 * 3 / 7, abs=1e-6)


@pytest.mark.parametrize(
    ("true", "said", "n", "right", "undecided"),
    [
        ({}, "heel_to_toe", 1, 1.0, 0.0),
        ({}, "toe_to_heel", 1, 0.0, 0.0),
        ({}, "uncertain", 1, None, 1.0),
        ({}, "flat", 1, None, 1.0),
        ({}, None, 1, None, 1.0),
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
    figures = scored(truth, tables)["forward"]
    assert (value(figures, "pattern_right"), value(figures, "pattern_undecided")) == (right, undecided)
    assert covered(figures, "pattern_right") == (n if right is not None else 0, n)
    assert covered(figures, "pattern_undecided") == (n, n)


@pytest.mark.parametrize(
    ("true", "said", "n", "right", "undecided"),
    [
        ("forward", "forward", 1, 1.0, 0.0),
        ("forward", "backward", 1, 0.0, 0.0),
        ("forward", "in_place", 1, 0.0, 0.0),
        ("forward", "uncertain", 1, None, 1.0),
        ("forward", None, 1, None, 1.0),
        (None, "forward", 0, None, None),
    ],
)
def test_what_a_direction_counts_for(true, said, n, right, undecided):
    truth = [true_contact("left", 2.0, direction=true)]
    tables = found_as(truth)
    tables[CONTACTS.name][0]["direction"] = said
    figures = scored(truth, tables)[true or "unknown"]
    assert (value(figures, "direction_right"), value(figures, "direction_undecided")) == (right, undecided)
    assert covered(figures, "direction_undecided") == (n, n)


@pytest.mark.parametrize("t_s", [0.59, 29.81])
def test_at_the_borders_of_a_recording_nothing_counts(t_s):
    """Neither as missed nor as false; and a pair across the border goes as one."""
    truth = [true_contact("left", 5.0), true_contact("right", t_s)]
    tables = found_as(truth)
    assert value(scored(truth, tables | {CONTACTS.name: tables[CONTACTS.name][:1]})["forward"], "f1_50ms") == 1.0
    assert value(scored(truth[:1], tables)["forward"], "f1_50ms") == 1.0
    across = moved(tables[CONTACTS.name], 20 if t_s < 1 else -20, foot="right")
    result = scored(truth, tables | {CONTACTS.name: across})["forward"]
    assert (value(result, "contacts"), value(result, "f1_50ms")) == (1, 1.0)


def test_in_a_hole_of_the_truth_nothing_counts():
    truth = walk_of(6, 6)
    tables = found_as(truth)
    holed = Truth(
        [row for row in truth if row["foot"] == "right" or row["t_contact_ns"] != ns(4.0)],
        holes=(Hole("left", ns(3.5), ns(5.0)),),
    )
    result = scored(holed, tables)["forward"]
    assert counts(result) == (10, 0, 0)
    # nor do strides across it: of the left foot's five two remain
    assert covered(result, "stride_time_bias_ms") == (7, 7)


def test_nothing_is_asked_of_a_foot_that_was_not_recorded():
    truth = walk_of(6, 6)
    assert value(scored(truth, found_as(truth), {"left": SPANS["left"]})["forward"], "contacts") == 6


def test_false_contacts_outside_partial_truth_do_not_count():
    tables = found_as(walk_of(8, 8))
    part = [row for row in walk_of(8, 8) if ns(4.0) <= row["t_contact_ns"] <= ns(8.0)]
    assert value(scored(part, tables)["forward"], "false") == 7
    assert value(scored(Truth(part, complete=False), tables)["forward"], "false") == 0
    inside = [row for row in part if row["t_contact_ns"] != ns(6.0)]
    assert value(scored(Truth(inside, complete=False), tables)["forward"], "false") == 1
    assert scored(Truth([], complete=False), tables) == {}


@pytest.mark.parametrize(
    ("truth", "spans", "seconds"),
    [
        (Truth(walk_of(8, 8)), SPANS, 29.2),
        (Truth(walk_of(8, 8)), {"left": SPANS["left"]}, 29.2),
        # 7 s from first to last contact of each foot, and 0.15 s beside
        (Truth(walk_of(8, 8), complete=False), SPANS, 7.3),
        # the left foot's hole is half of 5 s for both
        (Truth(walk_of(8, 8), holes=(Hole("left", ns(5.0), ns(10.0)),)), SPANS, 26.7),
        # holes that overlap, and that reach beyond the samples
        (
            Truth([], holes=tuple(Hole("left", ns(a), ns(b)) for a, b in ((-5, 3), (2, 10), (4, 5), (25, 99)))),
            SPANS,
            22.1,
        ),
    ],
)
def test_false_contacts_are_told_by_the_time_in_which_they_count(truth, spans, seconds):
    found = all_figures(one_session(truth, {CONTACTS.name: []}, spans))["walking"]["all"]
    assert value(found, "false_per_hour") == 0.0
    session = one_session(truth, {CONTACTS.name: []}, spans)
    assert sum(tally.hours for tally in session.tallies.values()) * 3600 == pytest.approx(seconds)


def test_each_walking_has_its_own_time():
    truth = [*walk_of(4, 4), *walk_of(4, 4, backward_contact, 12.0)]
    tallies = one_session(truth, {CONTACTS.name: []}).tallies
    # the border is halfway between the last contact forward, 5.5 s, and the first backward, 12 s
    assert tallies["forward"].hours * 3600 == pytest.approx(8.75 - 0.6)
    assert tallies["backward"].hours * 3600 == pytest.approx(29.8 - 8.75)


def test_who_failed_was_silent_at_no_time():
    good, bad = (one_session(walk_of(4, 4), found, session=name) for name, found in (("a", {}), ("b", None)))
    assert good.tallies["forward"].hours > 0
    assert bad.tallies["forward"].hours == 0
    unreadable = one_session(walk_of(4, 4), None, None)
    assert unreadable.tallies["forward"].left.asked == 4


def test_a_figure_stands_beside_its_coverage():
    truth = walk_of(2, 2)
    tables = found_as(truth)
    tables[CONTACTS.name][0] |= {"t_release_ns": None, "t_second_ns": None, "foot_angle_deg": None}
    tables[CONTACTS.name][1]["t_release_ns"] += 30 * MS
    tables[STRIDES.name][0]["stride_length_m"] = None
    tables[STRIDES.name][1]["stride_length_m"] += 0.06
    result = scored(truth, tables)["forward"]
    for key in ("release_bias_ms", "second_sd_ms", "foot_angle_bias_deg", "stride_length_mae_m"):
        assert covered(result, key) == (3, 4)
    assert value(result, "release_bias_ms") == 0.0
    assert value(result, "release_sd_ms") == pytest.approx(200**0.5, abs=1e-6)
    assert value(result, "stride_length_mae_m") == pytest.approx(0.02)
    # a release after the samples' end can't be seen
    late = [true_contact("left", 29.5)]
    assert covered(scored(late, found_as(late))["forward"], "release_bias_ms") == (0, 0)


def test_a_row_may_lack_anything_but_foot_and_instant():
    truth = walk_of(6, 6)
    bare = [{"foot": row["foot"], "t_contact_ns": row["t_contact_ns"]} for row in truth]
    figures = scored(truth, {CONTACTS.name: bare})["forward"]
    assert value(figures, "f1_25ms") == 1.0
    assert value(figures, "direction_undecided") == value(figures, "pattern_undecided") == 1.0
    for key in ("direction_right", "release_bias_ms", "second_sd_ms", "foot_angle_sd_deg", "latency_p95_ms"):
        assert value(figures, key) is None
        assert covered(figures, key) == (0, 12)
    assert value(figures, "latency_false_claims") is None
    assert covered(figures, "stride_time_bias_ms") == (0, 10)
    assert covered(figures, "cadence_mae_spm") == (0, 1)


def test_contacts_that_nobody_looked_for_are_not_missed():
    truth = walk_of(6, 6)
    cadence = [{"t_start_ns": ns(1.0), "t_end_ns": ns(9.0), "cadence_spm": 120.0}]
    figures = all_figures(one_session(truth, {"cadence": cadence}), sought=["cadence"])["walking"]["forward"]
    for key in ("missed", "false", "false_per_hour", "f1_50ms", "steady_found", "timing_bias_ms"):
        assert value(figures, key) is None
        assert covered(figures, key)[0] == 0
    assert value(figures, "contacts") == 12
    assert value(figures, "cadence_mae_spm") == 0.0


def test_a_stride_wants_both_its_contacts():
    truth = walk_of(6, 6)
    tables = found_as(truth)
    strides = [row | {"t_end_ns": row["t_end_ns"] + 10 * MS} for row in tables[STRIDES.name]]
    strides[3]["t_start_ns"] -= 151 * MS
    figures = scored(truth, {STRIDES.name: strides})["forward"]
    assert value(figures, "stride_time_bias_ms") == 10.0
    assert value(figures, "stride_time_sd_ms") == 0.0
    assert covered(figures, "stride_time_bias_ms") == (9, 10)
    # further apart than 3 s is no stride
    apart = [true_contact("left", 2.0), true_contact("left", 5.1)]
    assert covered(scored(apart, found_as(apart))["forward"], "stride_time_bias_ms") == (0, 0)


def test_contacts_amid_known_walking_are_steady():
    truth = walk_of(6, 0)
    truth[2]["direction"] = None
    found = all_figures(one_session(truth, found_as(truth)))["walking"]
    # neither the first nor the last, nor those beside the one that has no direction
    assert covered(found["forward"], "steady_found") == (1, 1)
    assert covered(found["unknown"], "steady_found") == (0, 0)


def test_confidence_is_held_against_what_is_right():
    truth = walk_of(10, 10)
    tables = found_as(truth)
    for place, row in enumerate(tables[CONTACTS.name]):
        # 0.9 as 32 bits have it
        row["confidence"] = 0.8999999761581421 if place < 10 else 0.55
        if place in {0, 10, 11, 12, 13}:
            row["direction"] = "backward"
        if place == 14:
            row["pattern"] = "uncertain"
    tables[CONTACTS.name][19]["confidence"] = None
    found = all_figures(one_session(truth, tables))
    bins = {one["low"]: one for one in found["calibration"]}
    assert [one["low"] for one in found["calibration"]] == [k / 10 for k in range(10)]
    assert (bins[0.9]["n"], bins[0.9]["right"]) == (10, 9)
    assert (bins[0.5]["n"], bins[0.5]["right"], bins[0.5]["said"]) == (9, 4, 0.55)
    figures = found["walking"]["all"]
    assert covered(figures, "confidence_error") == (19, 20)
    assert value(figures, "confidence_error") == pytest.approx((10 * 0.0 + 9 * (0.55 - 4 / 9)) / 19, abs=1e-6)


def test_late_answers_that_claim_to_be_early():
    truth = walk_of(10, 10)
    tables = found_as(truth, told_ms=120)
    for row in tables[CONTACTS.name]:
        row["t_emitted_ns"] = row["t_provisional_ns"] = row["t_contact_ns"] + MS
    figures = scored(truth, tables)["forward"]
    assert value(figures, "latency_p50_ms") == value(figures, "latency_p95_ms") == 120.0
    assert value(figures, "latency_false_claims") == 20
    # nor is the rest of what they claim believed
    assert value(figures, "provisional_p50_ms") is None
    assert covered(figures, "provisional_p50_ms") == (0, 20)
    # fed so slowly nobody could have been earlier
    for fed_ms, false in ((118, 20), (119, 0)):
        assert value(scored(truth, tables, fed_ns=fed_ms * MS)["forward"], "latency_false_claims") == false


@pytest.mark.parametrize(
    ("changes", "n"),
    [
        ({}, 20),
        # nothing that could be looked at
        ({"t_emitted_ns": None}, 0),
        # nobody who looked
        ({"t_told_ns": None}, 0),
        ({"t_told_ns": None, "t_emitted_ns": None}, 0),
    ],
)
def test_a_provisional_word_is_believed_of_whom_the_feeder_saw_to_be_honest(changes, n):
    truth = walk_of(10, 10)
    rows = [row | changes for row in found_as(truth)[CONTACTS.name]]
    figures = scored(truth, {CONTACTS.name: rows})["forward"]
    assert covered(figures, "provisional_p95_ms") == (n, 20)
    assert value(figures, "provisional_p95_ms") == (30.0 if n else None)


def test_false_contacts_claim_as_well():
    truth = walk_of(10, 10)
    tables = found_as(truth, told_ms=120)
    for row in tables[CONTACTS.name]:
        row["t_emitted_ns"] = row["t_contact_ns"]
    figures = scored([], tables)["unknown"]
    assert value(figures, "latency_false_claims") == 20
    assert covered(figures, "latency_p50_ms") == (0, 0)


def test_one_that_fires_in_standing():
    standing = Truth([])
    spans = dict.fromkeys(("left", "right"), (0, 600 * NS_PER_S))
    fires = [{"foot": "left", "t_contact_ns": ns(5.0 + 10 * k)} for k in range(59)]
    figures = scored(standing, {CONTACTS.name: fires}, spans)["unknown"]
    assert value(figures, "false_per_hour") == pytest.approx(59 / (599.2 / 3600), rel=1e-6)


def test_one_that_leaves_out_what_is_hard():
    truth = walk_of(10, 10)
    tables = found_as(truth)
    for row in tables[CONTACTS.name][10:]:
        row.update(dict.fromkeys(("direction", "pattern", "t_release_ns", "foot_angle_deg", "confidence")))
    figures = scored(truth, tables)["forward"]
    assert value(figures, "direction_right") == value(figures, "pattern_right") == 1.0
    assert value(figures, "direction_undecided") == value(figures, "pattern_undecided") == 0.5
    for key in ("direction_right", "pattern_right", "release_bias_ms", "foot_angle_bias_deg", "confidence_error"):
        assert covered(figures, key) == (10, 20)


def test_one_that_leaves_contacts_out_that_are_hard():
    """It is no better covered than one that finds them and is silent."""
    truth = walk_of(10, 10)
    tables = found_as(truth)
    figures = scored(truth, tables | {CONTACTS.name: tables[CONTACTS.name][::4]})["forward"]
    for key in LABELS:
        assert covered(figures, key) == (5, 20), key
    assert value(figures, "direction_right") == value(figures, "pattern_right") == 1.0
    # of those that it told
    assert value(figures, "direction_undecided") == value(figures, "pattern_undecided") == 0.0


def test_of_what_was_missed_only_what_truth_knows_is_asked():
    truth = [
        true_contact("left", 2.0, direction=None, pitch_deg=3.0, t_release_ns=None),
        true_contact("left", 29.5, direction=None, first=None),
    ]
    figures = scored(truth, {CONTACTS.name: []})["unknown"]
    asked = {key: covered(figures, key)[1] for key in LABELS}
    assert {key for key, n in asked.items() if n} == {
        *("foot_angle_bias_deg", "latency_p50_ms", "latency_p95_ms", "provisional_p50_ms", "provisional_p95_ms")
    }
    # a release after the samples' end can't be seen
    assert asked["foot_angle_bias_deg"] == 2


def test_one_that_always_says_forward():
    truth = [*walk_of(8, 8), *walk_of(8, 8, backward_contact, 14.0)]
    tables = found_as(truth)
    for row in tables[CONTACTS.name]:
        row["direction"] = "forward"
    figures = all_figures(one_session(truth, tables))
    found = {walking: value(one, "direction_right") for walking, one in figures["walking"].items()}
    assert found == {"all": 0.5, "forward": 1.0, "backward": 0.0}
    # and being sure of it is held against it too
    assert value(figures["walking"]["backward"], "confidence_error") == 1.0


def test_clocks_that_differ_by_something_unknown():
    truth = walk_of(10, 10)
    tables = found_as(truth)
    late = [row | {name: row[name] + 60 * MS for name in row if name.startswith("t_")} for row in tables[CONTACTS.name]]
    session = one_session(truth, {CONTACTS.name: late})
    assert value(all_figures(session)["walking"]["all"], "latency_p50_ms") == 140.0
    figures = all_figures(session, clocks_apart=True)["walking"]["all"]
    assert (value(figures, "latency_p50_ms"), value(figures, "provisional_p95_ms")) == (80.0, 30.0)


found_ms = st.lists(st.one_of(st.none(), st.integers(-140, 140)), min_size=12, max_size=12)
"""For each of twelve contacts how late it is found, None = not at all."""


def walked_with(errors_ms, labels=("forward", "heel_to_toe")):
    """Truth, and a detector with these errors."""
    truth = walk_of(6, 6)
    tables = found_as(truth)
    contacts = [
        row | {"t_contact_ns": row["t_contact_ns"] + error * MS, "direction": labels[0], "pattern": labels[1]}
        for row, error in zip(tables[CONTACTS.name], errors_ms, strict=True)
        if error is not None
    ]
    return truth, tables | {CONTACTS.name: contacts}


@given(st.lists(found_ms, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_sessions_and_rows_makes_no_difference(walks, random):
    def sessions(*, shuffled):
        for number, errors in enumerate(walks):
            truth, tables = walked_with(errors)
            if shuffled:
                tables = {name: random.sample(rows, len(rows)) for name, rows in tables.items()}
            yield one_session(truth, tables, subject=f"S{number % 3}", session=f"walk-{number}")

    in_order = list(sessions(shuffled=False))
    mixed = random.sample(list(sessions(shuffled=True)), len(walks))
    assert all_figures(*in_order, resamples=20) == all_figures(*mixed, resamples=20)


@given(found_ms, found_ms)
def test_sessions_that_are_scored_apart_make_the_figures_of_one(first, second):
    """But for what asks for neighbours, and for time."""
    apart = [one_session(*walked_with(errors), session=name) for name, errors in (("a", first), ("b", second))]
    whole, tables = walked_with(first)
    later, more = walked_with(second)
    by_ns = 100 * NS_PER_S

    def shifted(rows):
        return [
            {name: at + by_ns if name.startswith("t_") and at is not None else at for name, at in row.items()}
            for row in rows
        ]

    together = {name: [*tables[name], *shifted(more[name])] for name in tables}
    spans = dict.fromkeys(("left", "right"), (0, 130 * NS_PER_S))
    one = one_session([*whole, *shifted(later)], together, spans)
    separately, jointly = (all_figures(*sessions)["walking"]["forward"] for sessions in (apart, [one]))
    for key in KEYS:
        if not key.startswith("steady_") and key != "false_per_hour":
            assert separately[key] == jointly[key], key


@given(
    st.lists(st.integers(-30, 30), min_size=12, max_size=12),
    st.integers(-70, 70),
    st.sampled_from(["forward", "backward", "uncertain"]),
    st.sampled_from(["heel_to_toe", "toe_to_heel", "flat"]),
)
def test_what_shifts_all_contacts_shifts_their_bias_and_nothing_else(errors, by_ms, direction, pattern):
    truth, tables = walked_with(errors, (direction, pattern))
    before = all_figures(one_session(truth, tables))
    after = all_figures(one_session(truth, tables | {CONTACTS.name: moved(tables[CONTACTS.name], by_ms)}))
    assert after["calibration"] == before["calibration"]
    for walking, figures in before["walking"].items():
        for key in KEYS:
            expected = value(figures, key)
            if key == "timing_bias_ms":
                expected += by_ms
            assert value(after["walking"][walking], key) == pytest.approx(expected, abs=2e-6), key
            assert covered(after["walking"][walking], key) == covered(figures, key)


@given(st.integers(2, 13), st.integers(2, 13), st.sampled_from([true_contact, backward_contact]))
def test_perfect_is_perfect(left, right, contact):
    truth = walk_of(left, right, contact)
    for figures in all_figures(one_session(truth, found_as(truth)))["walking"].values():
        assert_perfect(figures)
