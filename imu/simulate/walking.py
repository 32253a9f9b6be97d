"""Walking from standing to standing: what one step is, and how steps make a walk over the ground."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from imu.core.errors import BadSpec
from imu.core.session import FEET, Foot
from imu.simulate.body import OTHER, SETTLE_S, SIDE, UPRIGHT, Body, Place, Posture, Swing, ahead_of, between
from imu.simulate.person import Direction, Gait, Person
from imu.simulate.protocol import Segment, UTurn, Walk

USUAL_SPEED_M_S: Final = 1.2
"""Impacts are stated at this speed."""
SLOWEST_STEP: Final = 1.25
QUICKEST_STEP: Final = 0.75
"""How far chance and mishap stretch a step, as a share of it."""
SHORTEST_SWING: Final = 0.4
"""Of the usual one, where a step is quick."""
SHORTEST_STEP_M: Final = 0.02
LEAST_SHAPE: Final = 0.4
"""What is left at least of roll-off, clearance and their like, and is not exceeded by more than as much again."""

STARTING: Final = (0.75, 0.92)
"""Length of the first steps: nobody is at full speed at once."""
STARTING_SWAY: Final = 0.7
STOPPING: Final = 0.85
"""Length of the last step before the closing one."""
CLOSING: Final = 0.35
"""A closing step comes down rather flat and softly."""
TWO_TO_CLOSE: Final = 0.25
"""How often there is one more short step before the closing one, and its length in terms of the usual."""
SHORT_STEP: Final = (0.1, 0.3)
FASTEST_RAD_S: Final = 5.0
"""A foot rolls down no faster than that, on the average."""
RELEASE_SHAPE: Final = 0.4
"""The angle at release varies less than the times and sizes of a step, by that factor."""
UNMOVED: Final = 0.2
"""How far a foot that goes nowhere rises before it leaves, in terms of one that makes a whole stride."""
LAG: Final = 0.1
"""How far the pelvis is behind when the last foot comes down, in terms of the step before."""

STUMBLE_LEAN_DEG: Final = (10.0, 20.0)
STUMBLE_SINK_M: Final = 0.05
UTURN_STEP_DEG: Final = 40.0
UTURN_SPREAD: Final = 0.25
"""Of the angles of a U-turn's steps, as a share of each."""
INNER_STEP: Final = (0.05, 0.3)
OUTER_STEP: Final = (0.45, 0.75)
"""Lengths of a U-turn's steps in terms of the usual: the inner foot is put down where it was, turned."""
UTURN_SHARE: Final = 0.8
"""What the pelvis does in a U-turn, of its usual movement."""


class Done(NamedTuple):
    """A segment, and from when to when it was done."""

    segment: Segment
    begin_s: float
    end_s: float


class Way(NamedTuple):
    """How a step differs from those of a straight, even walk."""

    turn_rad: float = 0.0
    share: float = 1.0
    """Of the pelvis' usual movement."""
    landing: float = 1.0
    """Of the usual angle and impact at contact."""
    stopping: bool = False
    """Heels that are held up come down for good."""
    not_before_s: float = 0.0


STRAIGHT: Final = Way()


class _Mishap(NamedTuple):
    """One step of a stumble: time, length and impact in terms of the usual, and how much of lean and sink is left."""

    late: float = 1.0
    long: float = 1.0
    hard: float = 1.0
    bent: float = 0.0
    tripped: bool = False


NO_MISHAP: Final = _Mishap()
STUMBLE: Final = (
    _Mishap(late=SLOWEST_STEP, long=0.6, hard=1.3, bent=1.0, tripped=True),
    _Mishap(late=0.8, long=1.3, hard=1.4, bent=0.5),
)
"""The caught foot comes late and short; the other one catches the body with a quick long step."""

_Station: TypeAlias = tuple[Place, float]


def longest_s(gait: Gait) -> float:
    """No step takes longer."""
    return SLOWEST_STEP * gait.step_s * (1.0 + 0.5 * abs(gait.limp))


def first_s(gait: Gait) -> float:
    """From standing to the first contact."""
    return gait.roll_off_s + gait.swing_s


@lru_cache(maxsize=1024)
def _at_cm_s(gait: Gait, speed_cm_s: int) -> Gait:
    return gait.at(speed_m_s=0.01 * speed_cm_s)


def at_speed(gait: Gait, speed_m_s: float) -> Gait:
    """`Gait.at` for speeds that change from step to step: to the next cm/s."""
    return _at_cm_s(gait, round(100.0 * speed_m_s))


class Bout:
    """Steps one after the other, from where the body stands until it stands again."""

    def __init__(self, body: Body, direction: Direction) -> None:
        self.body, self.direction = body, direction
        self.sign = 1 if direction == "forward" else -1
        self.foot: Foot = body.person.first_foot
        self.steps, self.walked_m = 0, 0.0
        self.closing_steps = 2 if body.rng.random() < TWO_TO_CLOSE else 1
        self.stumbles_at_s: list[float] = []
        """When the next step is to be caught, in order."""
        self._mishaps: list[_Mishap] = []
        self._bent = UPRIGHT
        self._stations: dict[Foot, _Station] = {foot: (body.middle(foot), body.heading_rad) for foot in FEET}
        self._landed_s: dict[Foot, float] = {}
        self._step_m = 0.0

    def closing_s(self, gait: Gait) -> float:
        """The time that it takes at most to close the feet and stand."""
        return self.closing_steps * longest_s(gait) + SETTLE_S

    def step(self, gait: Gait, length_m: float, way: Way = STRAIGHT) -> None:
        """Land the next foot so far ahead of the other one, chance aside, and move over it."""
        if self.stumbles_at_s and self.body.now_s >= self.stumbles_at_s[0]:
            del self.stumbles_at_s[0]
            self._stumble()
        mishap = self._mishaps.pop(0) if self._mishaps else NO_MISHAP
        share = way.share if self.steps else STARTING_SWAY
        if not self.steps:
            self.body.carry(OTHER[self.foot], gait, share=share)
        self._land(gait, max(mishap.long * length_m, SHORTEST_STEP_M), way, mishap)
        # the leading side of the pelvis is turned to the front
        landed, turned = OTHER[self.foot], -self.sign * SIDE[OTHER[self.foot]]
        bent = Posture(mishap.bent * self._bent.height_m, mishap.bent * self._bent.lean_rad)
        self.body.carry(landed, gait, share=way.share, turned=turned, posture=bent)

    def close(self, gait: Gait, not_before_s: float = 0.0) -> None:
        """Bring the foot beside the other one, and stand."""
        way = Way(landing=CLOSING, stopping=True, not_before_s=not_before_s)
        if self.closing_steps > 1 and self.steps:
            self._land(gait, self.body.rng.uniform(*SHORT_STEP) * gait.step_length_m.mean, way, NO_MISHAP)
            self.body.carry(OTHER[self.foot], gait, share=CLOSING)
        lag_m = LAG * self.sign * self._step_m
        self._land(gait, 0.0, way, NO_MISHAP)
        self.body.settle(lag_m)

    def _stumble(self) -> None:
        rng = self.body.rng
        lean = self.sign * math.radians(rng.uniform(*STUMBLE_LEAN_DEG))
        self._bent, self._mishaps = Posture(-STUMBLE_SINK_M, lean), list(STUMBLE)

    def _land(self, gait: Gait, length_m: float, way: Way, mishap: _Mishap) -> None:
        body, foot, person = self.body, self.foot, self.body.person
        chance, spread = body.vary(foot), gait.variability
        contact_s, swing_s = self._timing(gait, spread * chance.time, mishap.late)
        contact_s = max(contact_s, way.not_before_s)
        length_m += spread * chance.length * person.step_length_sd_m
        station, heading = self._stations[OTHER[foot]]
        new = ahead_of(station, heading + 0.5 * way.turn_rad, self.sign * length_m), heading + way.turn_rad
        moved_m = math.dist(new[0], self._stations[foot][0])
        whole = min(moved_m / (2.0 * gait.step_length_m.mean), 1.0)
        self._stations[foot] = new
        shape = spread * person.shape_sd
        off, down, release, clearance, impact = [
            min(max(1.0 + shape * one, LEAST_SHAPE), 2.0 - LEAST_SHAPE)
            for one in (chance.roll_off, chance.roll_down, chance.release, chance.clearance, chance.impact)
        ]
        steady = 1.0 + RELEASE_SHAPE * (release - 1.0)
        fast = min(gait.speed_m_s / USUAL_SPEED_M_S, 1.5)
        impact_m_s2 = mishap.hard * impact * way.landing * gait.impact_m_s2 * fast
        angle_deg = getattr(gait.contact_angle_deg, foot) + spread * chance.angle * person.contact_angle_sd_deg
        # each foot has its half of the width's variance
        wider_m = spread * chance.width * person.step_width_sd_m / math.sqrt(2.0)
        body.land(
            foot,
            contact_s,
            body.beside(foot, *new, wider_m),
            body.yaw(foot, new[1]),
            Swing(
                swing_s=swing_s,
                roll_off_s=off * gait.roll_off_s,
                roll_down_s=max(down * gait.roll_down_s, math.radians(abs(way.landing * angle_deg)) / FASTEST_RAD_S),
                release_deg=(UNMOVED + (1.0 - UNMOVED) * whole) * steady * getattr(gait.release_angle_deg, foot),
                contact_deg=way.landing * angle_deg,
                clearance_m=clearance * gait.clearance_m,
                impact_m_s2=impact_m_s2,
                second_impact_m_s2=gait.second_impact_share * impact_m_s2,
                backward=self.sign < 0,
                hold_deg=0.0 if way.stopping else -getattr(gait.heel_up_deg, foot),
                tripped=mishap.tripped,
            ),
        )
        body.centre_m, body.heading_rad = between(station, new[0]), 0.5 * (heading + new[1])
        self._landed_s[foot], self.foot = body.now_s, OTHER[foot]
        self.steps, self.walked_m, self._step_m = self.steps + 1, self.walked_m + length_m, length_m

    def _timing(self, gait: Gait, deviation: float, late: float) -> tuple[float, float]:
        """When the next contact comes, and how long the swing before it lasts."""
        now_s, foot = self.body.now_s, self.foot
        if not self.steps:
            return now_s + first_s(gait), gait.swing_s
        step_s = gait.step_s * (1.0 + 0.5 * SIDE[foot] * gait.limp)
        # a stride is two steps, which have its variance between them
        varied = 1.0 + deviation * self.body.person.stride_time_sd_s / (math.sqrt(2.0) * step_s)
        step_s *= min(max(late * varied, QUICKEST_STEP), SLOWEST_STEP)
        stride_s = now_s + step_s - self._landed_s[foot] if foot in self._landed_s else 2.0 * step_s
        # what a limp or chance does to a step is done to its swing: the feet share the ground as long as ever
        both_down_s = (gait.stance_fraction - 0.5) * stride_s
        return now_s + step_s, max(step_s - both_down_s, SHORTEST_SWING * gait.swing_s)


def gait_of(person: Person, walk: Walk) -> Gait:
    """At the pace that the walk begins with.

    Raises:
        BadSpec: the person can't walk like that, there or at the end.
    """
    gait = person.gait(walk.direction).at(
        speed_m_s=walk.speed_m_s, cadence_spm=walk.cadence_spm, step_length_m=walk.step_length_m
    )
    if walk.to_speed_m_s is not None:
        gait.at(speed_m_s=walk.to_speed_m_s)
    return gait


def over_ground(body: Body, parts: Sequence[Walk | UTurn], limit_s: float) -> list[Done]:
    """One bout from standing to standing. Where the time is up before it, stand.

    Raises:
        BadSpec: a walk of so few seconds that the first and the closing step find no room.
    """
    done: list[Done] = []
    first, gait = parts[0], body.person.forward
    bout = Bout(body, first.direction if isinstance(first, Walk) else "forward")
    for number, part in enumerate(parts, 1):
        begin_s, last = done[-1].end_s if done else body.now_s, number == len(parts)
        asked = gait_of(body.person, part) if isinstance(part, Walk) else gait
        if not _room(bout, part, asked, limit_s):
            break
        if isinstance(part, UTurn):
            stopped = _turn(bout, part, gait, limit_s)
        else:
            bout.stumbles_at_s = sorted(begin_s + at_s for at_s in part.stumble_at_s)
            gait, stopped = _walk(bout, part, asked, begin_s, limit_s, last=last)
        # a walk of so many seconds that goes on into the next part ends within a step
        seconds = part.seconds if isinstance(part, Walk) else None
        end_s = max(begin_s, body.now_s if seconds is None else min(begin_s + seconds, limit_s))
        done.append(Done(part, begin_s, end_s))
        if stopped:
            break
    if not done:
        body.now_s = limit_s
        return []
    bout.close(gait)
    body.now_s = max(body.now_s, done[-1].end_s)
    return [*done[:-1], done[-1]._replace(end_s=body.now_s)]


def _room(bout: Bout, part: Walk | UTurn, gait: Gait, limit_s: float) -> bool:
    """Whether a step and the closing one are done before the session ends; refuses a walk too short for them."""
    step_s = longest_s(gait) if bout.steps else first_s(gait)
    if bout.body.now_s + step_s + bout.closing_s(gait) > limit_s:
        return False
    seconds = part.seconds if isinstance(part, Walk) and not bout.steps else None
    if seconds is not None and step_s + bout.closing_s(gait) > seconds:
        bout.closing_steps = 1
        needed_s = 0.1 * math.ceil(10.0 * (step_s + bout.closing_s(gait)))
        if needed_s > seconds:
            raise BadSpec(
                f"a {bout.direction} walk of {seconds:g} s is too short at this pace; want {needed_s:.1f} s "
                "or more: a first step, a closing step, and standing again",
                key="seconds",
            )
    return True


def _walk(bout: Bout, walk: Walk, asked: Gait, begin_s: float, limit_s: float, *, last: bool) -> tuple[Gait, bool]:
    """Walk as asked, one step at least where the bout begins. Returns the gait in the end, and whether time is up."""
    body, gait = bout.body, asked
    steps, walked_m = bout.steps, bout.walked_m
    if walk.steps is not None and last:
        bout.closing_steps = min(bout.closing_steps, max(walk.steps - 1, 1))
    while True:
        gone, gone_m = bout.steps - steps, bout.walked_m - walked_m
        if walk.seconds is not None:
            share = (body.now_s - begin_s) / walk.seconds
        else:
            share = gone / walk.steps if walk.steps is not None else gone_m / (walk.metres or 1.0)
        if walk.to_speed_m_s is None:
            paced = asked
        else:
            faster_m_s = walk.to_speed_m_s - asked.speed_m_s
            paced = at_speed(asked, asked.speed_m_s + min(max(share, 0.0), 1.0) * faster_m_s)
        # how many more steps there are, and how many until time is up
        closing_s = bout.closing_s(paced)
        if walk.seconds is not None:
            more = (begin_s + walk.seconds - closing_s * last - body.now_s) / longest_s(paced)
        elif walk.metres is not None:
            more = (walk.metres - gone_m) / paced.step_length_m.mean + 0.5
        else:
            more = (walk.steps or 0) - bout.closing_steps * last - gone
        left = (limit_s - closing_s - body.now_s) / longest_s(paced)
        if bout.steps and min(more, left) < 1.0:
            return gait, left < 1.0
        gait, stopping = paced, left < 2.0 or (last and more < 2.0)
        length_m = getattr(gait.step_length_m, bout.foot)
        length_m *= STARTING[bout.steps] if bout.steps < len(STARTING) else 1.0
        turn_rad = math.radians(walk.turning_deg_per_m or 0.0) * length_m
        bout.step(gait, STOPPING * length_m if stopping else length_m, Way(turn_rad=turn_rad, stopping=stopping))


def _turn(bout: Bout, turn: UTurn, gait: Gait, limit_s: float) -> bool:
    """Turn while walking on; returns whether time is up."""
    rng, inner = bout.body.rng, "left" if turn.degrees > 0 else "right"
    fewest = max(2, round(abs(turn.degrees) / UTURN_STEP_DEG))
    angles = rng.uniform(1.0 - UTURN_SPREAD, 1.0 + UTURN_SPREAD, turn.steps or int(rng.integers(fewest, fewest + 2)))
    for turn_rad in (math.radians(turn.degrees) * angles / angles.sum()).tolist():
        if bout.body.now_s + longest_s(gait) + bout.closing_s(gait) > limit_s:
            return True
        share = rng.uniform(*(INNER_STEP if bout.foot == inner else OUTER_STEP))
        bout.step(gait, share * gait.step_length_m.mean, Way(turn_rad=turn_rad, share=UTURN_SHARE))
    return False
