"""From person and protocol to a compact list of strides, walked through once."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from imu.core.errors import BadSpec
from imu.core.session import FEET, Foot
from imu.simulate.body import FOOTFALL, INTERVAL, OTHER, SETTLE_S, SIDE, Body, Rows, Swing, beside
from imu.simulate.person import Gait, Person
from imu.simulate.protocol import Protocol, Segment, Stand, Turn, Walk

USUAL_SPEED_M_S: Final = 1.2
"""Impacts are stated at this speed."""
CLOSING_SHARE: Final = 0.35
"""A closing step comes down rather flat and softly."""
SLOWEST_STEP: Final = 1.25
"""Room left for a step that takes longer than planned, as a share of it."""
TURN_STEP_DEG: Final = 50.0
TURN_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Done:
    """A segment, and from when to when it was done."""

    segment: Segment
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    footfalls: dict[Foot, Rows]
    """FOOTFALL rows of each foot, in order of time."""
    intervals: Rows
    """INTERVAL rows; the first begins before time 0, the last one after the end."""
    done: tuple[Done, ...]
    duration_s: float


def plan(person: Person, protocol: Protocol, rng: np.random.Generator) -> Plan:
    """Walk through the protocol, stride by stride.

    Raises:
        BadSpec: a walk of so few seconds that the first and the closing step find no room.
    """
    body, done = Body(person, rng), list[Done]()
    limit_s = math.inf if protocol.duration_s is None else protocol.duration_s
    while True:
        for bout in _bouts(protocol.segments):
            done += _do(body, bout, limit_s)
        if protocol.duration_s is None or body.now_s >= limit_s:
            break
    duration_s = min(body.now_s, limit_s)
    body.now_s += 1.0
    body.settle()
    return Plan(
        {foot: np.array(body.footfalls[foot], FOOTFALL) for foot in FEET},
        np.array(body.intervals, INTERVAL),
        tuple(done),
        duration_s,
    )


def _bouts(segments: tuple[Segment, ...]) -> list[tuple[Segment, ...]]:
    """Segments one by one, save that walks of one direction in a row are one bout."""
    bouts: list[tuple[Segment, ...]] = []
    for segment in segments:
        last = bouts[-1][-1] if bouts else None
        if isinstance(segment, Walk) and isinstance(last, Walk) and last.direction == segment.direction:
            bouts[-1] += (segment,)
        else:
            bouts.append((segment,))
    return bouts


def _do(body: Body, bout: tuple[Segment, ...], limit_s: float) -> list[Done]:
    if body.now_s >= limit_s:
        return []
    first, begin_s = bout[0], body.now_s
    if isinstance(first, Walk):
        return _walk(body, [walk for walk in bout if isinstance(walk, Walk)], limit_s)
    if isinstance(first, Stand):
        body.now_s = min(begin_s + first.seconds, limit_s)
    else:
        _turn(body, first, limit_s)
    return [Done(first, begin_s, body.now_s)]


def _walk(body: Body, walks: list[Walk], limit_s: float) -> list[Done]:
    """One bout from standing to standing. Where the time is up before it, stand."""
    bout, done, begin_s = _Bout(body, walks[0]), list[Done](), body.now_s
    for number, walk in enumerate(walks, 1):
        gait = body.person.gait(walk.direction).at(
            speed_m_s=walk.speed_m_s, cadence_spm=walk.cadence_spm, step_length_m=walk.step_length_m
        )
        end_s = min(math.inf if walk.seconds is None else begin_s + walk.seconds, limit_s)
        last = number == len(walks)
        closing_s = SLOWEST_STEP * gait.step_s + SETTLE_S
        if not bout.steps:
            needed_s = gait.roll_off_s + gait.swing_s + closing_s
            if begin_s + needed_s > limit_s:
                body.now_s = limit_s
                break
            if walk.seconds is not None and needed_s > walk.seconds:
                raise BadSpec(
                    f"a {walk.direction} walk of {walk.seconds:g} s is too short at this pace; want {needed_s:.1f} s "
                    "or more: a first step, a closing step, and standing again",
                    key="seconds",
                )
        bout.walk(
            gait,
            steps=math.inf if walk.steps is None else walk.steps - last,
            until_s=min(end_s - closing_s * last, limit_s - closing_s),
        )
        if last or body.now_s + SLOWEST_STEP * gait.step_s > limit_s - closing_s:
            bout.close(gait)
            last = True
        if walk.seconds is None:
            end_s = body.now_s
        elif last:
            end_s = body.now_s = max(body.now_s, end_s)
        done.append(Done(walk, begin_s, end_s))
        begin_s = end_s
        if last:
            break
    return done


class _Bout:
    """Walking along a straight line from where the body stands."""

    def __init__(self, body: Body, first: Walk) -> None:
        self.body = body
        self.sign = 1 if first.direction == "forward" else -1
        self.start_s, self.origin_m = body.now_s, body.centre_m
        self.foot: Foot = body.person.first_foot
        self.steps = 0
        self.ahead_m: dict[Foot, float] = dict.fromkeys(FEET, 0.0)
        self.landed_s: dict[Foot, float] = {}

    def walk(self, gait: Gait, *, steps: float, until_s: float) -> None:
        """So many steps, or as many as there is time for; one at least where the bout begins."""
        body, taken = self.body, 0
        while not self.steps or (taken < steps and body.now_s + SLOWEST_STEP * gait.step_s <= until_s):
            length_m = getattr(gait.step_length_m, self.foot) + body.deviation(body.person.step_length_sd_m)
            landed = self._step(gait, self.sign * max(length_m, 0.02), contact_share=1.0)
            # the leading side of the pelvis is turned to the front
            body.carry(landed, gait, turned=-self.sign * SIDE[landed])
            taken += 1

    def close(self, gait: Gait) -> None:
        """Bring the foot beside the other one, rather flat, and stand."""
        lag_m = 0.1 * (self.ahead_m[OTHER[self.foot]] - self.ahead_m[self.foot])
        self._step(gait, 0.0, contact_share=CLOSING_SHARE)
        self.body.settle(lag_m)

    def _step(self, gait: Gait, ahead_m: float, *, contact_share: float) -> Foot:
        """Land the next foot so far ahead of the other one; return it."""
        body, foot, swing_s = self.body, self.foot, gait.swing_s
        if not self.steps:
            body.carry(OTHER[foot], gait, share=0.7)
            contact_s = self.start_s + gait.roll_off_s + swing_s
        else:
            # independent steps: the stride, which is two of them, has the wanted spread
            late_s = body.deviation(body.person.stride_time_sd_s / math.sqrt(2.0))
            contact_s = body.now_s + gait.step_s * min(max(1.0 + late_s / gait.step_s, 0.7), SLOWEST_STEP)
        if foot in self.landed_s:
            swing_s = (1.0 - gait.stance_fraction) * (contact_s - self.landed_s[foot])
        angle_deg = getattr(gait.contact_angle_deg, foot) + body.deviation(body.person.contact_angle_sd_deg)
        off, down, release, clearance, impact = (1.0 + body.deviation(body.person.shape_sd) for _ in range(5))
        impact_m_s2 = impact * contact_share * gait.impact_m_s2 * min(gait.speed_m_s / USUAL_SPEED_M_S, 1.5)
        self.ahead_m[foot] = self.ahead_m[OTHER[foot]] + ahead_m
        body.land(
            foot,
            contact_s,
            beside(foot, self.origin_m, body.heading_rad, self.ahead_m[foot], body.person.step_width_m),
            Swing(
                swing_s=swing_s,
                roll_off_s=off * gait.roll_off_s,
                roll_down_s=down * gait.roll_down_s,
                release_deg=release * getattr(gait.release_angle_deg, foot),
                contact_deg=contact_share * angle_deg,
                clearance_m=clearance * gait.clearance_m,
                impact_m_s2=impact_m_s2,
                second_impact_m_s2=gait.second_impact_share * impact_m_s2,
                backward=self.sign < 0,
            ),
        )
        middle_m = 0.5 * (self.ahead_m["left"] + self.ahead_m["right"])
        cos, sin = math.cos(body.heading_rad), math.sin(body.heading_rad)
        body.centre_m = (self.origin_m[0] + middle_m * cos, self.origin_m[1] + middle_m * sin)
        self.landed_s[foot], self.foot, self.steps = contact_s, OTHER[foot], self.steps + 1
        return foot


def _turn(body: Body, turn: Turn, limit_s: float) -> None:
    """Small steps round the centre, each foot in its turn; the inner foot begins."""
    gait, pairs = body.person.forward, math.ceil(abs(turn.degrees) / TURN_STEP_DEG)
    foot: Foot = "left" if turn.degrees > 0 else "right"
    step_s = 1.1 * gait.step_s
    swing = Swing(
        swing_s=1.5 * step_s * (1.0 - gait.stance_fraction),
        roll_off_s=0.4 * gait.roll_off_s,
        roll_down_s=gait.roll_down_s,
        release_deg=-15.0,
        contact_deg=6.0,
        clearance_m=2.0 * gait.clearance_m,
        impact_m_s2=0.3 * gait.impact_m_s2,
        second_impact_m_s2=0.0,
        backward=False,
    )
    contact_s, begin_rad = body.now_s + swing.roll_off_s + swing.swing_s, body.heading_rad
    if contact_s + 2 * pairs * step_s + SETTLE_S > limit_s:
        body.now_s = limit_s
        return
    for number in range(2 * pairs):
        body.carry(OTHER[foot], gait, share=TURN_SHARE)
        body.heading_rad = begin_rad + math.radians(turn.degrees) * (number // 2 + 1) / pairs
        body.land(foot, contact_s, body.beside(foot), swing)
        # the pelvis faces between the feet
        body.heading_rad = begin_rad + math.radians(turn.degrees) * (number + 1) / (2 * pairs)
        foot, contact_s = OTHER[foot], contact_s + step_s
    body.settle()
