"""Protocols are read with care, and followed by the clock that they are given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.units import NS_PER_S
from imu.live.desk.calibration import FRESH_S, Calibration
from imu.live.desk.coach import limits_document
from imu.live.desk.course import REST_S, Course, Seen
from imu.live.desk.protocol import UTMOST_M_S, BadProtocol, named, names, parse

WALK = """
[limits]
max_speed_m_s = 0.6
backward_s = 60
[[phases]]
kind = "timed_walk"
id = "over-ground"
metres = 3
[[phases]]
kind = "ramp"
seconds = 30
speeds_m_s = [0.2, 0.4, 0.6]
[[phases]]
kind = "backward"
seconds = 40
[[phases]]
kind = "slow_down"
[[phases]]
kind = "rest"
seconds = 20
"""


@pytest.fixture
def course():
    return Course(parse(WALK, "walk"))


def at(course, number, seen=None):
    """The course in the phase of that number, warnings taken."""
    while course.at < number:
        course.next(seen or Seen())
    course.taken_warnings()
    return course


@pytest.mark.parametrize("name", names())
def test_what_ships_is_safe(name):
    protocol = named(name)
    kinds = [phase.kind for phase in protocol.phases]
    assert protocol.title
    assert protocol.about
    for phase in protocol.phases:
        assert phase.max_speed_m_s <= (1.6 if phase.kind == "forward" else 1.0)
        assert list(phase.speeds_m_s) == sorted(phase.speeds_m_s)
    if "ramp" in kinds:
        # the lowest speed first, and nobody steps off a belt that runs
        first = kinds.index("ramp")
        assert "backward" not in kinds[:first]
        assert protocol.phases[first].speeds_m_s[0] <= 0.45
        assert protocol.backward_s is not None
        for before, after in zip(kinds, [*kinds[1:], "end"], strict=True):
            assert after != "rest" or before == "slow_down"
        assert kinds[-1] == "slow_down"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("seconds = 30", "second = 30"), r"phase 2 has 'second'; want .* \(meant 'seconds'\?\)"),
        (("[limits]", "[limit]"), r"the file has 'limit'.*meant 'limits'"),
        (('"ramp"', '"rampe"'), "phase 2 has kind 'rampe'.*meant 'ramp'"),
        (("max_speed_m_s = 0.6", "max_speed_m_s = 2.0"), "max_speed_m_s is 2; want 0.1 to 1.41"),
        (("[0.2, 0.4, 0.6]", "[0.6, 0.4]"), "want the lowest first"),
        (("[0.2, 0.4, 0.6]", "[0.2, 0.9]"), "speeds_m_s is 0.9; want 0.05 to 0.6"),
        (("seconds = 20", 'seconds = "20"'), "seconds is '20'; want a number"),
        (("seconds = 20", "seconds = 20000"), "in minutes"),
        (('kind = "slow_down"', 'kind = "slow_down"\nseconds = 5'), "it ends when the belt has stopped"),
        (('kind = "rest"', 'kind = "rest"\nid = "over-ground"'), "once more"),
        (("metres = 3", "metres = 300"), "in cm"),
        (("backward_s = 60", "drop_deg = 0.1"), "drop_deg is 0.1; want 0.5 to 30 .*rad"),
        (("metres = 3", 'metres = 3\nsay = ""'), "want a line of text"),
        (("[[phases]]", "[phases"), "is no TOML"),
    ],
)
def test_a_slip_is_named_in_one_line(change, why):
    text = WALK.replace(*change)
    assert text != WALK
    with pytest.raises(BadProtocol, match=why) as slip:
        parse(text, "walk")
    assert str(slip.value).startswith("walk")
    assert "\n" not in str(slip.value)


def test_an_unknown_name_is_refused():
    with pytest.raises(BadProtocol, match="meant 'backward-first'"):
        named("backward-frist")


def test_phases_end_by_time(course):
    at(course, 1)
    assert course.tick(0.0) is None
    assert course.tick(29.9) is None
    assert course.left_s == pytest.approx(0.1)
    turn = course.tick(30.1)
    assert (turn.ended.kind, turn.why, turn.began.kind) == ("ramp", "time", "backward")
    assert course.taken_warnings() == []


def test_a_ramp_rises_step_by_step(course):
    at(course, 1)
    said = []
    for second in range(30):
        course.tick(float(second))
        said.append(course.target_m_s)
    assert said == [0.2] * 10 + [0.4] * 10 + [0.6] * 10


def test_a_timed_walk_ends_by_its_metres_or_the_button(course):
    assert course.tick(2.0, Seen(metres=2.9)) is None
    assert course.tick(5.0, Seen(metres=3.1)).why == "distance"
    other = Course(parse(WALK, "walk"))
    other.tick(4.0)
    assert other.next().why == "button"
    assert other.taken_warnings() == []


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Seen(belt_m_s=0.0, belt_told=True), "belt stopped"),
        (Seen(feet_rest_s=3.0), "feet at rest"),
        (Seen(belt_m_s=0.4, belt_told=False, feet_rest_s=3.0), "feet at rest"),
        (Seen(feet_rest_s=2.9), None),
        # who rides the rails has not stopped the belt
        (Seen(belt_m_s=0.3, belt_told=True, feet_rest_s=9.0), None),
        (Seen(belt_m_s=0.0, belt_told=False), None),
    ],
)
def test_a_slow_down_ends_when_the_belt_has_stopped(course, seen, why):
    at(course, 3)
    turn = course.tick(10.0, seen)
    assert (None if turn is None else turn.why) == why


def test_leaving_a_moving_belt_is_warned_of(course):
    at(course, 3).next(Seen(belt_m_s=0.3, belt_told=True))
    assert course.taken_warnings() == [
        "Slow down; walk on until the belt has stopped: left while the belt runs at 0.30 m/s"
    ]


def test_a_phase_that_is_skipped_or_cut_short_is_warned_of(course):
    at(course, 1).next()
    assert course.taken_warnings() == ["Walk backward, slowly faster: skipped after 0 of 30 s"]
    course.tick(25.0)
    course.next()
    assert course.taken_warnings() == ["Walk backward: cut short after 25 of 40 s"]


def test_too_fast_is_told_once_each_time(course):
    at(course, 2)
    speeds = [0.5, 0.61, 0.7, 0.8, 0.5, 0.7]
    for second, speed in enumerate(speeds):
        course.tick(float(second), Seen(belt_m_s=speed, belt_told=True))
        assert bool(course.beyond) == (speed > 0.65)
    assert course.taken_warnings() == [
        "the belt runs at 0.70 m/s; 0.60 is the limit",
        "the belt runs at 0.70 m/s; 0.60 is the limit",
    ]


def test_too_long_backward_is_told_once(course):
    for second in range(120):
        course.tick(float(second))
    assert course.taken_warnings() == ["1 min of walking backward are over, the limit of this protocol"]


@pytest.mark.parametrize("number", [1, 3])
def test_walking_backward_is_counted_whatever_the_clock_or_the_phase_does(course, number):
    at(course, number).paused = True
    for second in range(60):
        assert course.tick(float(second), Seen(backward=True)) is None
    assert course.taken_warnings() == []
    course.tick(61.0, Seen(backward=True))
    assert course.taken_warnings() == ["1 min of walking backward are over, the limit of this protocol"]
    course.tick(200.0, Seen(backward=True))
    assert course.taken_warnings() == []


def test_who_rests_in_a_pause_or_after_the_last_phase_does_not_walk(course):
    at(course, 2).paused = True
    course.tick(300.0)
    at(course, 5)
    course.tick(600.0)
    assert course.taken_warnings() == []
    course.tick(661.0, Seen(backward=True))
    assert len(course.taken_warnings()) == 1


def test_a_pause_does_not_stop_the_limit_on_speed(course):
    at(course, 2).paused = True
    course.tick(1.0, Seen(belt_m_s=0.8, belt_told=True))
    assert course.taken_warnings() == ["the belt runs at 0.80 m/s; 0.60 is the limit"]


BACK = Seen(belt_m_s=0.8, belt_told=True, backward=True)
AHEAD = Seen(belt_m_s=0.8, belt_told=True, forward=True)
UNKNOWN = Seen(belt_m_s=0.8, belt_told=True)
LIMITED = """
[limits]
max_speed_m_s = 0.5
max_forward_m_s = 1.2
[[phases]]
kind = "forward"
max_speed_m_s = 0.7
[[phases]]
kind = "rest"
seconds = 60
[[phases]]
kind = "backward"
max_speed_m_s = 0.6
[[phases]]
kind = "slow_down"
[[phases]]
kind = "forward"
id = "after"
"""


@pytest.mark.parametrize(
    ("number", "seen", "most_m_s"),
    [
        (0, BACK, 0.5),
        (0, AHEAD, 0.7),
        (0, UNKNOWN, 0.7),
        (1, BACK, 0.5),
        (1, AHEAD, 0.7),
        (1, UNKNOWN, None),
        (2, BACK, 0.6),
        # who is about to turn round on such a belt is told before
        (2, AHEAD, 0.6),
        (2, UNKNOWN, 0.6),
        (3, BACK, 0.6),
        (3, AHEAD, 0.7),
        (3, UNKNOWN, None),
        (4, BACK, 0.6),
        (4, AHEAD, None),
        (4, UNKNOWN, None),
        # after the last phase
        (5, BACK, 0.6),
        (5, AHEAD, None),
        (5, UNKNOWN, None),
    ],
)
@pytest.mark.parametrize("paused", [False, True])
def test_the_limit_is_of_the_direction_in_which_they_walk_whatever_the_phase_asks_for(number, seen, most_m_s, paused):
    course = at(Course(parse(LIMITED, "limited")), number)
    course.paused = paused
    for second in range(3):
        course.tick(float(second), seen)
    text = f"the belt runs at 0.80 m/s; {most_m_s:.2f} is the limit" if most_m_s is not None else ""
    assert course.beyond == text
    assert course.taken_warnings() == ([text] if text else [])


def test_a_protocol_may_limit_the_drop():
    assert parse(WALK, "walk").drop_deg is None
    limited = parse(WALK.replace("backward_s = 60", "drop_deg = 5"), "walk")
    assert limited.drop_deg == 5.0
    assert limits_document(limited) == {"drop_deg": 5.0}
    assert limits_document(None) == {"drop_deg": None}


def test_a_pause_takes_no_time_off_a_phase(course):
    at(course, 1).tick(0.0)
    course.paused = True
    for second in range(100):
        assert course.tick(float(second)) is None
    course.paused = False
    assert course.tick(120.0) is None
    assert course.phase_s == pytest.approx(21.0)


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.booleans(), st.sampled_from([None, 0.0, 0.5, 2.0])), max_size=60))
def test_a_course_goes_on_to_its_end_whatever_happens(moments):
    course, now_s, before = Course(parse(WALK, "walk")), 0.0, 0
    for step_s, button, belt in moments:
        now_s += step_s
        seen = Seen(belt_m_s=belt, belt_told=belt is not None)
        turn = course.next(seen) if button else course.tick(now_s, seen)
        assert course.at - before == (turn is not None)
        before = course.at
        assert (course.phase is None) == (course.at == len(course.protocol.phases))
        assert course.left_s is None or course.left_s >= 0.0
        assert course.phase_s <= now_s
        assert course.protocol.phases[0].max_speed_m_s <= UTMOST_M_S


def test_a_slow_down_is_not_over_because_they_stood_before_it_began(course):
    at(course, 3, Seen(feet_rest_s=60.0))
    assert course.phase.kind == "slow_down"
    assert course.tick(REST_S - 0.5, Seen(feet_rest_s=60.0)) is None
    assert course.tick(REST_S + 0.5, Seen(feet_rest_s=60.0)).why == "feet at rest"


def test_feet_that_say_nothing_may_walk():
    calibration = Calibration(("foot_left", "foot_right"), recorded=True)
    t_ns = np.arange(0, 4 * NS_PER_S, 5_000_000)
    for foot in ("foot_left", "foot_right"):
        calibration.push(foot, t_ns, np.zeros((len(t_ns), 3)))
    assert calibration.rest_s(4.0) == pytest.approx(4.0, abs=0.1)
    assert calibration.rest_s(4.0 + FRESH_S + 0.1) == 0.0
    later_ns = t_ns + 4 * NS_PER_S
    calibration.push("foot_left", later_ns, np.zeros((len(later_ns), 3)))
    assert calibration.rest_s(8.0) == 0.0
