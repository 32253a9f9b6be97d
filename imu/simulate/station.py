"""Walking on a treadmill: the belt sets the pace, and the person keeps about where the deck's middle is.

Paths lie in the frame that rides on the belt: there a walk on the belt is a walk over the ground, and where in the room
the person is follows from how far the belt has come.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from imu.core.errors import BadSpec
from imu.simulate.belt import Belt
from imu.simulate.body import Body
from imu.simulate.person import Gait
from imu.simulate.protocol import Walk
from imu.simulate.walking import Bout, Done, Way, at_speed, first_s, gait_of, longest_s

ALONG_RAD: Final = math.radians(2.0)
"""Walking goes along the belt: headings further off are a slip of the protocol."""
NOTICED_M_S: Final = 0.1
"""The person begins to walk when the belt is that fast, and can't be made to walk slower than at SLOWEST_M_S."""
SLOWEST_M_S: Final = 0.3
LEAST_WALK_S: Final = 1.0

CORRECTION: Final = 0.25
"""Of the distance from where one wants to be, made up for by each step."""
ANTICIPATION: Final = 0.5
"""Of the way by which the belt's distance in this step differs from that in the one before: it is felt."""
FIRST_STEP: Final = (0.3, 1.3)
ANY_STEP: Final = (0.1, 1.5)
"""Least and greatest length, in terms of the usual one at the belt's speed."""
WANDER_M: Final = 0.05
WANDER_S: Final = 15.0
"""Standard deviation and time constant of the place where the person wants to be."""


class _Run(NamedTuple):
    """A walk, from when to when it is done, how long the belt takes to get to its speed, and what it runs at last."""

    walk: Walk
    gait: Gait
    begin_s: float
    end_s: float
    up_s: float
    goal_m_s: float


def on_belt(body: Body, belt: Belt, walks: Sequence[Walk], ramp_m_s2: float, limit_s: float) -> list[Done]:
    """One bout from standing to standing, on a belt that starts and stops. Where the time is up before it, stand.

    Raises:
        BadSpec: the person faces across the belt, or a walk is shorter than the belt's ramps and the closing step.
    """
    if abs(math.sin(body.heading_rad)) > math.sin(ALONG_RAD):
        raise BadSpec(
            f"the person faces {math.degrees(body.heading_rad):.0f} degrees off the belt and is to walk; "
            "want turns that add up to 180 or 360 degrees before each walk on a treadmill",
            key="segments",
        )
    bout = Bout(body, walks[0].direction)
    way = bout.sign if math.cos(body.heading_rad) > 0.0 else -bout.sign
    runs = _runs(bout, walks, ramp_m_s2, limit_s)
    if not runs:
        body.now_s = limit_s
        return []
    stop_s = _let_run(belt, bout, runs, way, ramp_m_s2)
    body.now_s = belt.reaches_s(runs[0].begin_s, runs[0].begin_s + runs[0].up_s, NOTICED_M_S)
    gait = _keep_station(bout, belt, runs, way, stop_s)
    bout.close(gait, not_before_s=stop_s)
    body.now_s = max(body.now_s, runs[-1].end_s)
    ends_s = [*(run.end_s for run in runs[:-1]), body.now_s]
    return [Done(run.walk, run.begin_s, end_s) for run, end_s in zip(runs, ends_s, strict=True)]


def _runs(bout: Bout, walks: Sequence[Walk], ramp_m_s2: float, limit_s: float) -> list[_Run]:
    """As many of the walks as there is time for, and the belt's stop after them."""
    runs: list[_Run] = []
    now_s, speed_m_s = bout.body.now_s, 0.0
    for number, walk in enumerate(walks, 1):
        gait = gait_of(bout.body.person, walk)
        goal_m_s = gait.speed_m_s if walk.to_speed_m_s is None else walk.to_speed_m_s
        run = _Run(walk, gait, now_s, now_s, abs(gait.speed_m_s - speed_m_s) / ramp_m_s2, goal_m_s)
        stopping_s = _stopping_s(bout, run, ramp_m_s2)
        if now_s + run.up_s + LEAST_WALK_S + stopping_s > limit_s:
            break
        steady_s = max(LEAST_WALK_S, abs(goal_m_s - gait.speed_m_s) / ramp_m_s2)
        beside_s = run.up_s + (stopping_s if number == len(walks) else 0.0)
        seconds = beside_s + max(steady_s, _steady_s(run)) if walk.seconds is None else walk.seconds
        if seconds < beside_s + steady_s:
            needed_s = 0.1 * math.ceil(10.0 * (beside_s + steady_s))
            raise BadSpec(
                f"a {walk.direction} walk of {seconds:g} s is too short on this belt; want {needed_s:.1f} s or more: "
                "the belt changes its speed or stops, and the person after it",
                key="seconds",
            )
        runs.append(run._replace(end_s=now_s + seconds))
        now_s, speed_m_s = now_s + seconds, goal_m_s
    if runs:
        runs[-1] = _last(bout, runs[-1], ramp_m_s2, limit_s, planned=len(runs) == len(walks))
    return runs


def _steady_s(run: _Run) -> float:
    """How long the belt has to run at its speed for the steps or metres asked for."""
    if run.walk.metres is not None:
        return 2.0 * run.walk.metres / (run.gait.speed_m_s + run.goal_m_s)
    return (run.walk.steps or 0) * run.gait.step_s


def _stopping_s(bout: Bout, run: _Run, ramp_m_s2: float) -> float:
    """The time that it takes at most from the belt's stop on to standing."""
    return max(run.gait.speed_m_s, run.goal_m_s) / _stop_m_s2(run, ramp_m_s2) + _closing_s(bout, run.gait)


def _stop_m_s2(run: _Run, ramp_m_s2: float) -> float:
    return ramp_m_s2 if run.walk.belt_stop_m_s2 is None else run.walk.belt_stop_m_s2


def _last(bout: Bout, run: _Run, ramp_m_s2: float, limit_s: float, *, planned: bool) -> _Run:
    """The run after which the belt stops: where time is up or the next walk finds none, earlier than it should."""
    stopping_s = _stopping_s(bout, run, ramp_m_s2)
    end_s = min(max(run.end_s, run.begin_s + run.up_s + LEAST_WALK_S + stopping_s), limit_s)
    # a speed that was on its way gets as far as it does
    wanted_s = run.end_s - run.begin_s - run.up_s - stopping_s * planned
    share = min((end_s - run.begin_s - run.up_s - stopping_s) / wanted_s, 1.0)
    goal_m_s = run.gait.speed_m_s + share * (run.goal_m_s - run.gait.speed_m_s)
    return run._replace(end_s=end_s, goal_m_s=goal_m_s)


def _let_run(belt: Belt, bout: Bout, runs: list[_Run], way: int, ramp_m_s2: float) -> float:
    """Give the belt its ramps; returns when it has stopped."""
    last = runs[-1]
    stop_s = last.end_s - _closing_s(bout, last.gait)
    stopping_s = stop_s - last.goal_m_s / _stop_m_s2(last, ramp_m_s2)
    for run in runs:
        at_speed_s = run.begin_s + run.up_s
        belt.ramp(run.begin_s, at_speed_s, way * run.gait.speed_m_s)
        belt.ramp(at_speed_s, stopping_s if run is last else run.end_s, way * run.goal_m_s)
    belt.ramp(stopping_s, stop_s, 0.0)
    return stop_s


def _closing_s(bout: Bout, gait: Gait) -> float:
    """The time that it takes at most from the stop of the belt to standing: a step may have begun before."""
    slow = _walkable(gait, 0.0)
    return longest_s(slow) + bout.closing_s(slow)


def _walkable(gait: Gait, belt_m_s: float) -> Gait:
    """The gait at the pace that one walks at on a belt of that speed."""
    return at_speed(gait, max(belt_m_s, min(SLOWEST_M_S, gait.speed_m_s)))


def _keep_station(bout: Bout, belt: Belt, runs: list[_Run], way: int, stop_s: float) -> Gait:
    """Walk until the belt is about to rest, and keep about where the walk began; returns the gait in the end."""
    body, rng = bout.body, bout.body.rng
    to_come, asked, gait = list(runs), runs[0].gait, _walkable(runs[0].gait, 0.0)
    wanted_m, before_m = WANDER_M * rng.standard_normal(), 0.0
    while True:
        now_s, here_m = body.now_s, belt.distance_m(body.now_s)
        while to_come and to_come[0].begin_s <= now_s:
            run = to_come.pop(0)
            asked = run.gait
            bout.stumbles_at_s = sorted(run.begin_s + at_s for at_s in run.walk.stumble_at_s)
        # how fast the belt runs says how long the step takes, and that how far the belt comes
        lasts_s = gait.step_s if bout.steps else first_s(gait)
        gait = _walkable(asked, way * (belt.distance_m(now_s + lasts_s) - here_m) / lasts_s)
        lasts_s = gait.step_s if bout.steps else first_s(gait)
        belt_m = way * (belt.distance_m(now_s + lasts_s) - here_m)
        wrong_m, usual_m = way * (body.centre_m[0] - here_m) - wanted_m, gait.step_length_m.mean
        if bout.steps:
            own = getattr(gait.step_length_m, bout.foot) / usual_m
            length_m = own * (belt_m + ANTICIPATION * (belt_m - before_m)) - CORRECTION * wrong_m
            least, most = ANY_STEP
        else:
            # the body moves by half of the first step only
            length_m, (least, most) = 2.0 * (belt_m - wrong_m), FIRST_STEP
        stopping = now_s + lasts_s + gait.step_s >= stop_s
        bout.step(gait, min(max(length_m, least * usual_m), most * usual_m), Way(stopping=stopping))
        if stopping:
            return gait
        before_m, kept = belt_m, math.exp(-lasts_s / WANDER_S)
        wanted_m = kept * wanted_m + math.sqrt(1.0 - kept**2) * WANDER_M * rng.standard_normal()
