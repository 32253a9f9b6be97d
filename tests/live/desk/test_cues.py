"""When a cue is due, and when it fades."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.events import Event
from imu.core.units import NS_PER_S
from imu.live.desk.cues import BadCue, CueParams, Cues, on_in

SHARES = CueParams().shares


def contact(foot, t_s, pattern="toe_to_heel", direction="backward", confidence=0.95, angle_deg=-8.0, quality=""):
    t_ns = round(t_s * NS_PER_S)
    row = {
        "t_contact_ns": t_ns,
        "pattern": pattern,
        "direction": direction,
        "confidence": confidence,
        "foot_angle_deg": angle_deg,
        "quality": quality,
    }
    return Event(t_ns, foot, "contact", row)


def step(foot, t_s, drop_deg=4.0, seconds=0.6, direction="backward", quality=""):
    t_ns = round(t_s * NS_PER_S)
    row = {
        "t_end_ns": t_ns,
        "pelvic_drop_deg": drop_deg,
        "step_time_s": seconds,
        "direction": direction,
        "quality": quality,
    }
    return Event(t_ns, foot, "step", row)


def walk(cues, values, make, *, begin_s=0.0, every_s=0.6, **said):
    """One value a step, left first; of the steps that brought a cue, their numbers, and the cues."""
    found = []
    for k, value in enumerate(values):
        cue = cues.hear(make(("left", "right")[k % 2], begin_s + k * every_s, value, **said))
        if cue is not None:
            found.append((k, cue))
    return found


def of(**said):
    return Cues(CueParams(fade=False, **said))


def test_a_cue_comes_after_so_many_steps_of_one_foot():
    found = walk(of(metric="drop", high=5.0, hold=3), [4.0, 6.0] * 6, step)
    assert [k for k, _ in found] == [5, 11]
    cue = found[0][1]
    assert (cue.metric, cue.foot, cue.tone, cue.say) == ("drop", "right", "high", "right: keep the hips level")


def test_one_good_step_of_that_foot_begins_anew():
    assert walk(of(metric="drop", high=5.0, hold=2), [6.0, 4.0, 4.0, 4.0, 6.0, 4.0, 4.0, 4.0], step) == []


@given(st.lists(st.sampled_from([3.0, 5.0, 5.1, 9.0]), max_size=60), st.integers(1, 5))
def test_there_is_a_step_without_a_cue_after_each_and_none_without_its_reason(drops, hold):
    found = walk(of(metric="drop", high=5.0, hold=hold), drops, step)
    numbers = [k for k, _ in found]
    assert all(after - before >= 2 for before, after in pairwise(numbers))
    for k, _ in found:
        of_foot = drops[k % 2 :: 2]
        last = k // 2
        assert last + 1 >= hold
        assert all(drop > 5.0 for drop in of_foot[last + 1 - hold : last + 1])


@pytest.mark.parametrize(
    ("direction", "pattern", "say"),
    [
        ("backward", "heel_to_toe", "left: toes first"),
        ("backward", "flat", "left: toes first"),
        ("forward", "toe_to_heel", "left: heel first"),
        ("backward", "toe_to_heel", None),
        ("forward", "heel_to_toe", None),
        ("backward", "uncertain", None),
        ("in_place", "flat", None),
        ("uncertain", "flat", None),
    ],
)
def test_the_direction_says_which_pattern_is_wanted(direction, pattern, say):
    found = walk(of(metric="pattern", hold=2), [pattern] * 4, contact, direction=direction)
    assert ([cue.say for _, cue in found] or [None])[0] == say


def test_what_is_not_sure_is_passed_over():
    assert walk(of(metric="pattern", hold=1), ["flat"] * 6, contact, confidence=0.5) == []
    assert walk(of(metric="pattern", hold=1), ["flat"] * 6, contact, quality="turn") == []
    assert walk(of(metric="drop", high=5.0, hold=1), [None] * 6, step) == []
    assert walk(of(metric="foot_angle", high=0.0, hold=1), ["flat"] * 6, contact, angle_deg=None) == []


def test_a_limp_is_no_matter_of_cadence():
    cues = of(metric="cadence", low=95.0, high=105.0, hold=1)
    limp = [cues.hear(step("left", 0.6 * k, seconds=0.7 if k % 2 else 0.5)) for k in range(10)]
    assert limp == [None] * 10
    slow = [cues.hear(step("left", 6.0 + 0.8 * k, seconds=0.8)) for k in range(2)]
    assert [cue.say for cue in slow if cue] == ["quicker steps"]
    assert [cue.foot for cue in slow if cue] == [None]


def test_a_rest_and_another_direction_begin_anew():
    cues = of(metric="drop", high=5.0, hold=2)
    assert walk(cues, [6.0, 6.0], step) == []
    assert walk(cues, [6.0, 6.0], step, begin_s=30.0) == []
    assert walk(cues, [6.0, 6.0], step, begin_s=31.2, direction="forward") == []


def test_blocks_with_cues_become_fewer_as_their_shares_say():
    on = [on_in(block, SHARES) for block in range(400)]
    assert on[:2] == [True, True]
    due = 0.0
    for block in range(400):
        due += SHARES[min(block, len(SHARES) - 1)]
        assert abs(sum(on[: block + 1]) - due) <= 0.5
    # the last share stays
    assert sum(on[200:]) == 50


def test_fading_counts_walking_and_not_resting():
    cues = Cues(CueParams(metric="drop", high=5.0, hold=1))
    bout = [9.0] * 102
    counts = [len(walk(cues, bout, step, begin_s=1000.0 * bout_number)) for bout_number in range(4)]
    assert cues.block == 4
    assert counts[0] > 30
    assert counts[1] > 30
    # but for the end of that bout
    assert counts[2] <= 3
    assert counts[3] > 30
    assert cues.given == sum(counts)


def test_who_holds_cues_back_gets_none():
    cues = of(metric="drop", high=5.0, hold=1)
    cues.held_back = True
    assert walk(cues, [9.0] * 10, step) == []
    assert cues.given == 0


def test_muting_changes_nothing_but_the_sound():
    loud, muted = of(metric="drop", high=5.0), of(metric="drop", high=5.0, muted=True)
    drops = [4.0, 6.0, 7.0, 6.0, 5.5, 8.0, 3.0, 9.0] * 3
    assert walk(loud, drops, step) == walk(muted, drops, step)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"metric": "drops"}, "meant 'drop'"),
        ({"sound": "voice"}, "want tone or speech"),
        ({"hold": 0}, "1 to 20 steps"),
        ({"hold": 2.5}, "1 to 20 steps"),
        ({"metric": "drop", "high": 300.0}, "want 0 to 30"),
        ({"metric": "cadence", "low": 1.6}, "want 20 to 240"),
        ({"metric": "drop", "low": 5.0, "high": 4.0}, "the other way round"),
        ({"high": float("nan")}, "want a number"),
        ({"high": "5"}, "want a number"),
        ({"metronome_spm": 2.0}, "steps a second"),
        ({"fade": 1}, "true or false"),
    ],
)
def test_what_can_t_be_is_refused(said, why):
    with pytest.raises(BadCue, match=why):
        CueParams(**said)


@given(st.lists(st.sampled_from([2.0, 5.0, 8.0]), max_size=60), st.integers(2, 5))
def test_too_little_and_too_much_are_counted_apart(drops, hold):
    found = walk(of(metric="drop", low=4.0, high=6.0, hold=hold), drops, step)
    for k, cue in found:
        side = [drops[j] for j in range(k % 2, k + 1, 2)][-hold:]
        assert len(side) == hold
        assert all(drop > 6.0 if cue.tone == "high" else drop < 4.0 for drop in side)


def test_steps_that_swing_from_one_side_of_the_band_to_the_other_bring_no_cue():
    swinging = [2.0, 2.0, 8.0, 8.0] * 10
    assert walk(of(metric="drop", low=4.0, high=6.0, hold=2), swinging, step) == []
    assert walk(of(metric="drop", low=4.0, high=6.0, hold=1), swinging, step)


@given(hold=st.integers(1, 4), steps=st.integers(20, 60))
def test_feet_that_are_both_wrong_are_both_told_in_turn_and_never_at_two_steps_running(hold, steps):
    found = walk(of(metric="drop", high=5.0, hold=hold), [6.0] * steps, step)
    feet = [cue.foot for _, cue in found]
    assert len(feet) >= steps // (2 * hold + 2)
    assert abs(feet.count("left") - feet.count("right")) <= 1
    assert all(later - earlier > 1 for (earlier, _), (later, _) in pairwise(found))


@given(
    metric=st.sampled_from(["drop", "pattern"]),
    hold=st.integers(1, 4),
    missed=st.lists(st.booleans(), min_size=40, max_size=40),
    lost=st.integers(0, 40),
)
def test_whatever_is_missed_of_one_foot_the_other_is_still_told(metric, hold, missed, lost):
    """All steps are wrong; of the right foot some are not clean, and from some time on none comes at all."""
    cues, quiet = of(metric=metric, high=5.0 if metric == "drop" else None, hold=hold), 0
    for k in range(80):
        foot, number = ("left", "right")[k % 2], k // 2
        if foot == "right" and number >= lost:
            continue
        quality = "turn" if foot == "right" and missed[number] else ""
        event = step(foot, 0.6 * k, 6.0, quality=quality)
        if metric == "pattern":
            event = contact(foot, 0.6 * k, "flat", quality=quality)
        cue = cues.hear(event)
        if foot == "left":
            quiet = 0 if cue is not None else quiet + 1
            # so many to be sure, one after the other foot's cue, and a turn of the other's that lapses
            assert quiet <= hold + 3
