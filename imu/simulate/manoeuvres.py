"""What people do between walks: turning on the spot, steps to the side, shifting their weight, sitting down."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from imu.core.session import FEET, Foot
from imu.simulate.body import OTHER, SETTLE_S, SIDE, Body, Moving, Place, Posture, Swing, ahead_of, between
from imu.simulate.person import Gait
from imu.simulate.protocol import ShiftWeight, SideStep, Sit, Turn

TURN_STEP_S: Final = 0.75
"""Steps of a turn follow each other faster than those of a walk, by that factor."""
TURN_STEP_DEG: Final = (50.0, 80.0)
"""How far a foot turns with each of its steps, about."""
WIDEST_TURN_DEG: Final = 80.0
UNEVEN: Final = 2.5
"""How uneven the angles of a turn's steps are, in terms of the person's `shape_sd`."""
TURN_WIDER_M: Final = (0.0, 0.12)
"""How much farther from the middle than in walking a foot is put down, and up to how far ahead or behind."""
TURN_AHEAD_M: Final = 0.10
TURN_CONTACT_DEG: Final = (-8.0, 14.0)
TURN_RELEASE_DEG: Final = (-45.0, -12.0)
PARALLEL_DEG: Final = 4.0
"""How well the following foot meets the leading one's heading on the way."""
PIVOTS: Final = 0.12
"""How often a foot swivels, hardly lifted, where it otherwise steps."""
PIVOT_RELEASE_DEG: Final = -5.0
TURN_SHARE: Final = 0.6
"""What the pelvis does in a turn, of its usual movement in walking."""
ROLL_OFF: Final = 0.4
"""Of a small step, in terms of that of walking, at least."""

SIDE_STEP_S: Final = (1.0, 0.9)
"""Times of the step to the side and of the one that closes up, in terms of a step forward."""
SIDE_SHARE: Final = 0.7

SHIFT_DROP: Final = 0.4
"""How far the pelvis sinks on the unloaded side, in terms of walking."""

SEATED: Final = (-0.35, Posture(-0.40, math.radians(-8.0)))
"""How far ahead of the standing pelvis it is on the seat, and how: sunk, and rolled back."""
DOWN_S: Final = 2.0
DOWN: Final = (
    (0.35, -0.06, Posture(-0.03, math.radians(25.0))),
    (0.75, -0.28, Posture(-0.30, math.radians(28.0))),
)
"""On the way down: when, as a share of it, where, and how. First one bends forward, then one sinks back."""
UP_S: Final = 1.8
UP: Final = (
    (0.40, -0.29, Posture(-0.37, math.radians(26.0))),
    (0.70, -0.10, Posture(-0.17, math.radians(20.0))),
)


class _Move(NamedTuple):
    """A small step: of which foot, how long after the contact before, where to, and how."""

    foot: Foot
    after_s: float
    place_m: Place
    heading_rad: float
    swing: Swing


def turn(body: Body, segment: Turn, limit_s: float) -> None:
    """Small steps round the centre, each foot in its turn; the inner foot begins."""
    person, rng, all_rad = body.person, body.rng, math.radians(segment.degrees)
    gait = person.forward
    fewest = math.ceil(abs(segment.degrees) / WIDEST_TURN_DEG)
    pairs = max(fewest, round(abs(segment.degrees) / rng.uniform(*TURN_STEP_DEG)))
    uneven = UNEVEN * person.shape_sd
    weights = 1.0 + uneven * rng.uniform(-1.0, 1.0, pairs)
    lead_rad = (all_rad * weights.cumsum() / weights.sum()).tolist()
    off_rad = math.radians(PARALLEL_DEG) * uneven * rng.uniform(-1.0, 1.0, pairs)
    off_rad[-1] = 0.0
    leader: Foot = "left" if segment.degrees > 0 else "right"
    moves: list[_Move] = []
    for number, (lead, off) in enumerate(zip(lead_rad, off_rad.tolist(), strict=True), 1):
        # in the end one stands side by side
        loose = float(number < pairs)
        for foot, turned in zip((leader, OTHER[leader]), (lead, lead + off), strict=True):
            chance = body.vary(foot)
            heading, pivot = body.heading_rad + turned, bool(rng.random() < PIVOTS)
            wider_m = loose * rng.uniform(*TURN_WIDER_M) + chance.width * person.step_width_sd_m
            middle = ahead_of(body.centre_m, heading, loose * TURN_AHEAD_M * rng.uniform(-1.0, 1.0))
            place = body.beside(foot, middle, heading, wider_m)
            contact_deg, release_deg = rng.uniform(*TURN_CONTACT_DEG), rng.uniform(*TURN_RELEASE_DEG)
            swing = _small_swing(gait, contact_deg=contact_deg, high=2.0, release_deg=release_deg)
            if pivot:
                swing = _small_swing(gait, contact_deg=0.0, high=0.2, release_deg=PIVOT_RELEASE_DEG)
                swing = swing._replace(impact_m_s2=0.2 * swing.impact_m_s2)
            after_s = TURN_STEP_S * gait.step_s * (1.0 + person.shape_sd * chance.time)
            moves.append(_Move(foot, after_s, place, heading, swing))
    _make(body, moves, gait, TURN_SHARE, limit_s)


def side_step(body: Body, segment: SideStep, limit_s: float) -> None:
    """One foot to the side, then the other one beside it; they never cross."""
    person, rng, gait = body.person, body.rng, body.person.forward
    moves: list[_Move] = []
    for number in range(segment.steps):
        middle = ahead_of(body.centre_m, body.heading_rad, 0.0, SIDE[segment.side] * (number + 1) * segment.length_m)
        for foot, slow in zip((segment.side, OTHER[segment.side]), SIDE_STEP_S, strict=True):
            chance = body.vary(foot)
            place = body.beside(foot, middle, body.heading_rad, chance.width * person.step_width_sd_m)
            swing = _small_swing(gait, contact_deg=rng.uniform(-8.0, 4.0), high=2.0)
            after_s = slow * gait.step_s * (1.0 + person.shape_sd * chance.time)
            moves.append(_Move(foot, after_s, place, body.heading_rad, swing))
    _make(body, moves, gait, SIDE_SHARE, limit_s)


def shift_weight(body: Body, segment: ShiftWeight, limit_s: float) -> None:
    """The pelvis over one foot and over the other, as often as there is time for."""
    gait, foot = body.person.forward, body.person.first_foot
    for _ in range(segment.times):
        if body.now_s + segment.seconds > limit_s:
            body.move(still=True)
            body.now_s = limit_s
            return
        drop_rad = SHIFT_DROP * math.radians(getattr(gait.drop_deg, foot))
        body.move(Moving(sway_m=segment.lean_m, drop_rad=drop_rad), side=SIDE[foot])
        body.now_s, foot = body.now_s + segment.seconds, OTHER[foot]
    body.move(still=True)


def sit(body: Body, segment: Sit, limit_s: float) -> None:
    """Down, still, and up again; a shorter rest where the session ends before."""
    still_s = min(segment.seconds, limit_s - body.now_s - DOWN_S - UP_S)
    if still_s <= 0.0:
        body.now_s = limit_s
        return
    standing_m, (seat_m, seated) = body.centre_m, SEATED

    def at(after_s: float, ahead_m: float, posture: Posture, *, still: bool = False) -> None:
        body.now_s, body.centre_m = begin_s + after_s, ahead_of(standing_m, body.heading_rad, ahead_m)
        body.move(posture=posture, still=still)

    begin_s = body.now_s
    body.move()
    for share, ahead_m, posture in DOWN:
        at(share * DOWN_S, ahead_m, posture)
    at(DOWN_S, seat_m, seated, still=True)
    begin_s += DOWN_S + still_s
    at(0.0, seat_m, seated)
    for share, ahead_m, posture in UP:
        at(share * UP_S, ahead_m, posture)
    at(UP_S, 0.0, Posture(), still=True)
    body.centre_m = standing_m


def _small_swing(gait: Gait, *, contact_deg: float, high: float, release_deg: float = -15.0) -> Swing:
    """Of a step that goes nowhere."""
    return Swing(
        swing_s=gait.swing_s,
        # the foot turns no faster than when it leaves in walking
        roll_off_s=max(ROLL_OFF, min(release_deg / gait.release_angle_deg.mean, 1.0)) * gait.roll_off_s,
        roll_down_s=gait.roll_down_s,
        release_deg=release_deg,
        contact_deg=contact_deg,
        clearance_m=high * gait.clearance_m,
        impact_m_s2=0.3 * gait.impact_m_s2,
        second_impact_m_s2=0.0,
        backward=False,
    )


def _make(body: Body, moves: Sequence[_Move], gait: Gait, share: float, limit_s: float) -> None:
    """Step after step, and stand; if there is time for all of them."""
    first = moves[0].swing
    contact_s = body.now_s + first.roll_off_s + min(first.swing_s, moves[0].after_s)
    if contact_s + sum(move.after_s for move in moves[1:]) + SETTLE_S > limit_s:
        body.now_s = limit_s
        return
    places = {foot: body.middle(foot) for foot in FEET}
    headings = dict.fromkeys(FEET, body.heading_rad)
    for number, move in enumerate(moves):
        body.carry(OTHER[move.foot], gait, share=share)
        contact_s = contact_s if not number else body.now_s + move.after_s
        # the other foot is down before this one leaves
        swing = move.swing._replace(swing_s=min(move.swing.swing_s, 0.9 * move.after_s))
        body.land(move.foot, contact_s, move.place_m, body.yaw(move.foot, move.heading_rad), swing)
        half_m = 0.5 * body.person.step_width_m
        places[move.foot] = ahead_of(move.place_m, move.heading_rad, 0.0, -SIDE[move.foot] * half_m)
        headings[move.foot] = move.heading_rad
        # the pelvis is over and faces between the feet
        body.centre_m = between(places["left"], places["right"])
        body.heading_rad = 0.5 * (headings["left"] + headings["right"])
    body.settle()
