"""A recording's phases, cues and comparison, of a simulated person, without a clock."""

import numpy as np
import pytest

from imu.core.events import Event
from imu.core.session import SENSORS
from imu.core.units import NS_PER_S
from imu.live.desk.coach import Coach, course_document, cue_document
from imu.live.desk.cues import BadCue
from imu.live.desk.protocol import named, parse
from imu.live.player import Heard
from imu.pipeline import Pipeline
from imu.simulate import named as walker
from imu.simulate import simulate

PHASES = """
[[phases]]
id = "stand-before"
kind = "stand"
seconds = 3
[[phases]]
id = "forward-before"
kind = "forward"
seconds = 17
[[phases]]
id = "turn"
kind = "rest"
seconds = 5
[[phases]]
id = "three-metres"
kind = "timed_walk"
metres = 3
[[phases]]
id = "backward"
kind = "backward"
seconds = 10
[[phases]]
id = "slow-down"
kind = "slow_down"
"""


ENDED = ("off", "the recording has ended")


class Told:
    def __init__(self):
        self.marks, self.notices, self.warned = [], [], []

    def mark(self, kind, value):
        self.marks.append((kind, dict(value)))

    def of(self, kind):
        return [value for marked, value in self.marks if marked == kind]


def walked(protocol, *, belt=None, seed=1, **cue):
    """The coach after a simulated minute: forward, turn, backward, forward."""
    told = Told()
    coach = Coach(told.mark, told.notices.append, told.warned.append)
    recording = simulate(*walker("demo-live"), seed=seed)
    pipeline = Pipeline(recording.session, SENSORS)
    coach.set_cue(cue)
    coach.wear({name: np.array(model.mounting) for name, model in recording.sensors.items()}, recorded=True)
    coach.begin(protocol)
    now_s = 0.0
    for blocks in zip(*(recording.samples(name, 0.05) for name in SENSORS), strict=True):
        for name, block in zip(SENSORS, blocks, strict=True):
            coach.hear(Heard(name, block, tuple(pipeline.push(name, block))))
        now_s += 0.05
        coach.tick(now_s, belt, belt_told=belt is not None)
    coach.end()
    return coach, told, pipeline


@pytest.fixture(scope="module")
def minute():
    return walked(parse(PHASES, "phases"), metric="drop", high=1.0, hold=1, fade=False)


def test_phases_are_marked_as_they_begin_and_end(minute):
    coach, told, _ = minute
    phases = told.of("phase")
    begun = [one["id"] for one in phases if one["event"] == "begin"]
    assert begun == ["stand-before", "forward-before", "turn", "three-metres", "backward", "slow-down"]
    why = {one["id"]: one["why"] for one in phases if one["event"] == "end"}
    assert why["forward-before"] == "time"
    assert why["slow-down"] in ("feet at rest", "stop")
    assert why["three-metres"] == "distance"
    assert course_document(coach.course, coach.course.protocol)["left_s"] is None


def test_three_metres_are_about_three(minute):
    _, told, _ = minute
    [end] = [one for one in told.of("phase") if one["id"] == "three-metres" and one["event"] == "end"]
    assert 3.0 <= end["walked_m"] < 3.8
    # 0.7 m/s, and the time before they go
    assert 3.0 / 0.7 - 0.5 < end["seconds"] < 3.0 / 0.7 + 8.0


def test_cues_are_given_where_they_are_wanted_and_nowhere_else(minute):
    _, told, _ = minute
    cues = told.of("cue")
    phase, given = "", {}
    for kind, value in told.marks:
        if kind == "phase" and value["event"] == "begin":
            phase = value["id"]
        if kind == "cue" and value["event"] == "given":
            given[phase] = given.get(phase, 0) + 1
    assert set(given) == {"backward"}
    assert given["backward"] == len([one for one in told.notices if one["event"] == "cue"]) >= 4
    on = [(one["event"], one["why"]) for one in cues if one["event"] in ("on", "off")]
    # and none after the last phase: whoever walks off the belt has done
    assert on == [("on", "phase"), ("off", "none in a phase slow down")]
    assert cues[0]["event"] == "set"


def test_the_forward_walk_before_is_what_they_are_held_against(minute):
    coach, _, pipeline = minute
    found = coach.baselines["forward"]
    assert found.source == "phase Walk forward"
    steps = [
        row
        for row in pipeline.tables()["steps"]
        if row["direction"] == "forward" and not row["quality"] and row["t_end_ns"] < 19.4 * NS_PER_S
    ]
    assert found.cadence_spm == pytest.approx(60 * len(steps) / sum(row["step_time_s"] for row in steps), rel=0.02)
    for foot in ("left", "right"):
        mean = np.mean([row["pelvic_drop_deg"] for row in steps if row["stance_foot"] == foot])
        assert found.drop_deg[foot] == pytest.approx(mean, abs=0.3)


def test_every_contact_is_told_once_and_the_last_ones_stand(minute):
    coach, told, pipeline = minute
    contacts = [one for one in told.notices if one["event"] == "contact"]
    rows = pipeline.tables()["contacts"]
    assert {(one["foot"], one["t_ns"]) for one in contacts} == {(row["foot"], row["t_contact_ns"]) for row in rows}
    assert len(coach.contacts) == 60
    assert coach.calibration.feet_rest_s > 0.5


def test_what_is_walked_in_a_pause_is_no_part_of_the_phase():
    told = Told()
    coach = Coach(told.mark, told.notices.append, told.warned.append)
    coach.begin(parse('[limits]\nbackward_s = 10\n[[phases]]\nkind = "timed_walk"\nmetres = 3\n', "walk"))
    k = 0

    def steps(n):
        nonlocal k
        for _ in range(n):
            k += 1
            t_ns, foot = round(0.6 * k * NS_PER_S), ("left", "right")[k % 2]
            row = {"foot": foot, "t_contact_ns": t_ns, "pattern": "toe_to_heel", "direction": "backward", "quality": ""}
            row |= {"foot_angle_deg": -8.0, "confidence": 0.9}
            stride = {"direction": "backward", "stride_length_m": 1.0, "t_start_ns": t_ns}
            events = (Event(t_ns, foot, "contact", row), Event(t_ns, foot, "stride", stride))
            coach.hear(Heard(events=events))
            coach.tick(0.6 * k, None, belt_told=False)

    steps(3)
    coach.pause(True)
    steps(15)
    # people walk whether the clock is paused or not
    assert [one["text"] for one in told.of("warning")] == [
        "10 s of walking backward are over, the limit of this protocol"
    ]
    coach.pause(False)
    steps(2)
    assert course_document(coach.course, coach.course.protocol)["at"] == 0
    steps(1)
    [end] = [one for one in told.of("phase") if one["event"] == "end"]
    assert (end["why"], end["walked_m"], end["seconds"]) == ("distance", 3.0, pytest.approx(3.6))


@pytest.mark.parametrize(("direction", "limit"), [("backward", "0.45"), ("forward", "1.20")])
def test_after_the_last_phase_the_belt_is_watched_while_somebody_walks(direction, limit):
    told = Told()
    coach = Coach(told.mark, told.notices.append, told.warned.append)
    text = "[limits]\nmax_speed_m_s = 0.45\nmax_forward_m_s = 1.2\n[[phases]]\nkind = 'rest'\nseconds = 5\n"
    coach.begin(parse(text, "walk"))
    coach.next(0.0)
    told.warned.clear()
    for k in range(40):
        t_ns = round(0.6 * k * NS_PER_S)
        row = {"foot": "left", "t_contact_ns": t_ns, "pattern": "flat", "direction": direction, "quality": ""}
        row |= {"foot_angle_deg": 0.0, "confidence": 0.9}
        if k < 20:
            coach.hear(Heard(events=(Event(t_ns, "left", "contact", row),)))
        coach.tick(0.6 * k, 1.6, belt_told=True)
    assert told.warned == [f"the belt runs at 1.60 m/s; {limit} is the limit"]
    # who walks no more is beyond no limit
    assert coach.course.beyond == ""


def test_a_belt_that_is_too_fast_is_told_and_marked():
    _, told, _ = walked(named("backward-first"), belt=1.0)
    assert "the belt runs at 1.00 m/s; 0.45 is the limit" in told.warned
    assert [one["text"] for one in told.of("warning")] == [text for text in told.warned if "stumble" not in text]


def test_without_a_protocol_cues_are_always_wanted():
    coach, told, _ = walked(None, metric="pattern", hold=1)
    assert [(one["event"], one["why"]) for one in told.of("cue") if "why" in one] == [("on", "phase"), ENDED]
    assert not cue_document(coach)["on"]
    assert not coach.next(1.0)
    assert not coach.pause(True)
    # proper steps both ways
    assert len([one for one in told.notices if one["event"] == "cue"]) <= 3


def test_another_metric_has_no_band_until_one_is_said():
    coach = Coach(lambda *_: None, lambda _: None, lambda _: None)
    coach.set_cue({"metric": "drop", "high": 5.0})
    coach.set_cue({"muted": True})
    assert coach.cues.params.high == 5.0
    coach.set_cue({"metric": "cadence"})
    assert (coach.cues.params.low, coach.cues.params.high, coach.cues.params.muted) == (None, None, True)
    with pytest.raises(BadCue, match="meant 'metric'"):
        coach.set_cue({"metrik": "drop"})
    with pytest.raises(BadCue, match="want 20 to 240"):
        coach.set_cue({"high": 5.0})
    assert coach.cues.params.metric == "cadence"
    assert coach.cues.params.high is None
