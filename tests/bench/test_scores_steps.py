import numpy as np
import pytest

from imu.core.tables import STEPS
from imu_bench.truth import Hole, PelvisTruth, Truth, read_truth
from tests.bench.made_up_walks import (
    MS,
    all_figures,
    backward_contact,
    covered,
    found_as,
    ns,
    one_session,
    scored,
    true_contact,
    value,
    walk_of,
)


@pytest.fixture(scope="module")
def truth_of_walk(walk, walk_folder):
    found = read_truth(walk_folder, walk.session)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def span_of_walk(walk):
    return dict.fromkeys(("left", "right"), (0, ns(walk.duration_s)))


def test_a_drop_wants_both_contacts_of_its_step(walk, truth_of_walk, span_of_walk):
    steps = walk.truth_steps
    result = scored(truth_of_walk, found_as(walk.truth_contacts, steps), span_of_walk)
    late = [row | {"t_end_ns": row["t_end_ns"] + 151 * MS} for row in steps]
    without = scored(truth_of_walk, found_as(walk.truth_contacts, late), span_of_walk)
    wrong = [row | {"pelvic_drop_deg": row["pelvic_drop_deg"] + 3.0, "pelvic_drop_sd_deg": 4.0} for row in steps]
    worse = scored(truth_of_walk, {STEPS.name: wrong}, span_of_walk)
    for walking in ("forward", "backward"):
        asked = covered(result[walking], "pelvic_drop_bias_deg")[1]
        assert covered(without[walking], "pelvic_drop_bias_deg") == (0, asked)
        bias_deg = value(result[walking], "pelvic_drop_bias_deg")
        assert value(worse[walking], "pelvic_drop_bias_deg") == pytest.approx(bias_deg + 3.0, abs=2e-6)
        assert value(worse[walking], "pelvic_drop_within_sd") == 1.0
        assert covered(result[walking], "pelvic_drop_within_sd") == (0, asked)


def test_who_states_no_doubt_has_to_be_right(walk, truth_of_walk, span_of_walk):
    def within(off_deg, sd_deg):
        steps = [
            row | {"pelvic_drop_deg": row["pelvic_drop_deg"] + off_deg, "pelvic_drop_sd_deg": sd_deg}
            for row in walk.truth_steps
        ]
        figures = scored(truth_of_walk, {STEPS.name: steps}, span_of_walk)["forward"]
        n, asked = covered(figures, "pelvic_drop_within_sd")
        return value(figures, "pelvic_drop_within_sd"), n / asked

    assert within(3.0, 4.0) == (1.0, 1.0)
    assert within(3.0, 0.0) == (0.0, 1.0)
    assert within(3.0, -4.0) == (0.0, 1.0)
    assert within(3.0, None) == (None, 0.0)


def test_who_states_no_doubt_and_is_right_is_right():
    contacts = walk_of(8, 8)
    level = pelvis_of(0.0, contacts)
    steps = [row | {"pelvic_drop_deg": 0.0, "pelvic_drop_sd_deg": 0.0} for row in found_as(contacts)[STEPS.name]]
    figures = scored(Truth(contacts, level), {STEPS.name: steps})["forward"]
    assert value(figures, "pelvic_drop_within_sd") == 1.0


def pelvis_of(drop_deg, contacts):
    """Level at each contact, and half a step later so far down on the side opposite the foot that came first."""
    t_ns = np.arange(ns(0.0), ns(20.0), ns(0.01))
    sign = np.array([1.0 if row["foot"] == "left" else -1.0 for row in contacts])
    times_ns = np.array([row["t_contact_ns"] for row in contacts])
    place = np.clip(np.searchsorted(times_ns, t_ns, "right") - 1, 0, len(contacts) - 1)
    phase = np.clip((t_ns - times_ns[place]) / ns(0.5), 0.0, 1.0)
    return PelvisTruth(t_ns, sign[place] * drop_deg * np.sin(np.pi * phase), np.zeros(len(t_ns)))


def test_drops_are_held_against_the_true_pelvis():
    contacts = walk_of(8, 8)
    steps = found_as(contacts)[STEPS.name]
    truth = Truth(contacts, pelvis_of(5.0, contacts))
    found = [
        step | {"pelvic_drop_deg": 5.5, "pelvic_drop_robust_deg": 6.0, "pelvic_drop_sd_deg": 0.4 if k % 3 else 0.6}
        for k, step in enumerate(steps)
    ]
    figures = scored(truth, {STEPS.name: found})["forward"]
    assert value(figures, "pelvic_drop_bias_deg") == value(figures, "pelvic_drop_rmse_deg") == pytest.approx(0.5)
    assert value(figures, "pelvic_drop_within_sd") == pytest.approx(5 / 15, abs=1e-6)
    # 0.1 s before each contact but the first, a fifth of a step, it lay the other way
    errors_deg = [6.0 - 5.0, *([6.0 - 5.0 * (1.0 + np.sin(0.2 * np.pi))] * 14)]
    assert value(figures, "pelvic_drop_robust_rmse_deg") == pytest.approx(np.sqrt(np.square(errors_deg).mean()))
    assert covered(figures, "pelvic_drop_rmse_deg") == (15, 15)
    for row in found[:5]:
        row["pelvic_drop_sd_deg"] = None
    assert covered(scored(truth, {STEPS.name: found})["forward"], "pelvic_drop_within_sd") == (10, 15)


def told_pelvis(truth, **changes):
    rows = zip(truth.pelvis.t_ns.tolist(), truth.pelvis.obliquity_deg.tolist(), strict=True)
    return [{"t_ns": t_ns, "obliquity_deg": angle, "tilt_deg": 0.0} | changes for t_ns, angle in rows]


def test_how_a_pelvis_sensor_sits_is_no_error_but_what_it_misses_is():
    contacts = walk_of(8, 8)
    truth = Truth(contacts, pelvis_of(5.0, contacts))
    rows = [row | {"obliquity_deg": row["obliquity_deg"] + 7.0} for row in told_pelvis(truth)]
    figures = scored(truth, {"pelvis": rows})["forward"]
    assert value(figures, "obliquity_rmse_deg") == pytest.approx(0.0, abs=1e-6)
    assert value(figures, "tilt_rmse_deg") == 0.0
    n, asked = covered(figures, "obliquity_rmse_deg")
    # nothing is asked of the first 0.6 s
    assert n == asked == 2000 - 60
    flat = scored(truth, {"pelvis": told_pelvis(truth, obliquity_deg=0.0, tilt_deg=None)})["forward"]
    rms_deg = float(np.std(truth.pelvis.obliquity_deg[60:]))
    assert value(flat, "obliquity_rmse_deg") == pytest.approx(rms_deg, abs=1e-6)
    assert value(flat, "tilt_rmse_deg") is None
    assert covered(flat, "tilt_rmse_deg") == (0, asked)


def test_between_rows_of_a_pelvis_it_goes_straight_but_not_far():
    contacts = walk_of(8, 8)
    truth = Truth(contacts, pelvis_of(5.0, contacts))
    rows = told_pelvis(truth)
    # every fifth: 50 ms apart
    figures = scored(truth, {"pelvis": rows[::5]})["forward"]
    assert covered(figures, "obliquity_rmse_deg") == (1936, 1940)
    assert 0.0 < value(figures, "obliquity_rmse_deg") < 0.2
    # every twentieth: only where there is a row itself
    assert covered(scored(truth, {"pelvis": rows[::20]})["forward"], "obliquity_rmse_deg")[0] == 97


def test_each_instant_of_the_pelvis_belongs_to_the_nearest_walking():
    contacts = [*walk_of(4, 4), *walk_of(4, 4, backward_contact, 12.0)]
    truth = Truth(contacts, pelvis_of(5.0, contacts))
    found = scored(truth, {"pelvis": told_pelvis(truth)})
    asked = {walking: covered(figures, "obliquity_rmse_deg")[1] for walking, figures in found.items()}
    assert asked == {"forward": 816, "backward": 2000 - 60 - 816}


def cadence(begin_s, end_s, spm):
    return {"t_start_ns": ns(begin_s), "t_end_ns": ns(end_s), "cadence_spm": spm}


def test_cadence_comes_from_the_steps_unless_it_is_told():
    # 15 steps of half a second
    truth = walk_of(8, 8)
    steps = found_as(truth)[STEPS.name]
    assert value(scored(truth, {STEPS.name: steps})["forward"], "cadence_mae_spm") == 0.0
    quick = [row | {"t_end_ns": row["t_end_ns"] - ns(0.02)} for row in steps]
    figures = scored(truth, {STEPS.name: quick})["forward"]
    assert value(figures, "cadence_mae_spm") == pytest.approx(60 / 0.48 - 120, abs=1e-6)
    told = scored(truth, {STEPS.name: quick, "cadence": [cadence(0.0, 30.0, 118.0)]})["forward"]
    assert value(told, "cadence_mae_spm") == pytest.approx(2.0)
    # of a silent one nothing is taken from the steps
    silent = scored(truth, {STEPS.name: steps, "cadence": []})["forward"]
    assert covered(silent, "cadence_mae_spm") == (0, 1)


def test_a_cadence_counts_for_as_long_as_it_is_told():
    # from 2 s to 9.5 s
    truth = walk_of(8, 8)
    found = [cadence(0.0, 4.0, 100.0), cadence(4.0, 8.0, 130.0)]
    figures = scored(truth, {"cadence": found})["forward"]
    assert value(figures, "cadence_mae_spm") == pytest.approx(120.0 - (2 * 100.0 + 4 * 130.0) / 6)
    for rows, n in (([cadence(2.0, 5.7, 120.0)], 0), ([cadence(2.0, 5.8, 120.0)], 1), ([cadence(9.5, 30.0, 1.0)], 0)):
        assert covered(scored(truth, {"cadence": rows})["forward"], "cadence_mae_spm") == (n, 1)


def test_a_cadence_is_asked_of_steps_on_end_in_one_walking():
    def asked(truth):
        figures = scored(truth, {})
        return {walking: covered(one, "cadence_mae_spm")[1] for walking, one in figures.items()}

    assert asked(walk_of(2, 2)) == {"forward": 0}
    assert asked(walk_of(3, 2)) == {"forward": 1}
    # 25 steps are 20 and 5; of 22 the last two are too few
    assert asked(walk_of(13, 13)) == {"forward": 2}
    assert asked(walk_of(12, 11)) == {"forward": 1}
    both = [*walk_of(4, 4), *walk_of(4, 4, backward_contact, 6.0)]
    assert asked(both) == {"forward": 1, "backward": 1}
    # what is missing parts them
    holed = Truth(walk_of(6, 6), holes=(Hole("left", ns(4.5), ns(5.5)),))
    assert asked(holed) == {"forward": 2}
    assert asked([true_contact("left", 2.0 + k) for k in range(8)]) == {"forward": 0}


def test_figures_of_a_pelvis_that_nobody_knows_are_not_asked():
    figures = all_figures(one_session(walk_of(6, 6), {"pelvis": [{"t_ns": 0, "obliquity_deg": 1.0}]}))
    for key in ("obliquity_rmse_deg", "tilt_rmse_deg", "pelvic_drop_rmse_deg", "pelvic_drop_within_sd"):
        assert covered(figures["walking"]["all"], key) == (0, 0)
