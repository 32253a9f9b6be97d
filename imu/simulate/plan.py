"""From person and protocol to compact rows of footfalls and pelvis intervals: the protocol walked through once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imu.core.session import FEET, Foot
from imu.simulate.belt import Belt
from imu.simulate.body import Body, Stumble
from imu.simulate.ledger import Rows
from imu.simulate.manoeuvres import shift_weight, side_step, sit, turn
from imu.simulate.person import Person
from imu.simulate.protocol import Protocol, Segment, ShiftWeight, SideStep, Sit, Stand, Turn, UTurn, Walk
from imu.simulate.station import on_belt
from imu.simulate.walking import Done, over_ground

__all__ = ["Done", "Plan", "Stumble", "plan"]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    footfalls: dict[Foot, Rows]
    """FOOTFALL rows of each foot, in order of time."""
    intervals: Rows
    """INTERVAL rows; the first begins before time 0, the last one after the end."""
    belt: Rows
    """BELT rows; none where there is no belt, or one that never runs."""
    stumbles: tuple[Stumble, ...]
    done: tuple[Done, ...]
    duration_s: float


def plan(person: Person, protocol: Protocol, rng: np.random.Generator) -> Plan:
    """Walk through the protocol, stride by stride.

    Raises:
        BadSpec: a walk of so few seconds that the first and the closing step find no room, a pace that this person
            can't keep, or a walk across a treadmill's belt.
    """
    body, belt, done = Body(person, rng), Belt(), list[Done]()
    limit_s = math.inf if protocol.duration_s is None else protocol.duration_s
    while True:
        for bout in _bouts(protocol.segments):
            if body.now_s < limit_s:
                done += _do(body, belt, bout, protocol, limit_s)
        if protocol.duration_s is None or body.now_s >= limit_s:
            break
    duration_s = min(body.now_s, limit_s)
    body.now_s += 1.0
    body.settle()
    return Plan(
        {foot: body.footfalls(foot) for foot in FEET},
        body.intervals(),
        belt.rows(),
        tuple(body.stumbles),
        tuple(done),
        duration_s,
    )


def _bouts(segments: tuple[Segment, ...]) -> list[tuple[Segment, ...]]:
    """Segments one by one, save that walks of one direction in a row are one bout, and so are walks and U-turns."""
    bouts: list[tuple[Segment, ...]] = []
    for segment in segments:
        if bouts and _walks(segment) is not None and _walks(segment) == _walks(bouts[-1][-1]):
            bouts[-1] += (segment,)
        else:
            bouts.append((segment,))
    return bouts


def _walks(segment: Segment) -> str | None:
    """The direction in which a segment walks."""
    if isinstance(segment, UTurn):
        return "forward"
    return segment.direction if isinstance(segment, Walk) else None


def _do(body: Body, belt: Belt, bout: Sequence[Segment], protocol: Protocol, limit_s: float) -> list[Done]:
    segment, begin_s = bout[0], body.now_s
    match segment:
        case Walk() | UTurn():
            walks = [part for part in bout if isinstance(part, Walk)]
            if protocol.surface == "treadmill":
                return on_belt(body, belt, walks, protocol.belt_ramp_m_s2, limit_s)
            return over_ground(body, [part for part in bout if isinstance(part, Walk | UTurn)], limit_s)
        case Stand():
            body.now_s = min(begin_s + segment.seconds, limit_s)
        case Turn():
            turn(body, segment, limit_s)
        case SideStep():
            side_step(body, segment, limit_s)
        case ShiftWeight():
            shift_weight(body, segment, limit_s)
        case Sit():
            sit(body, segment, limit_s)
    return [Done(segment, begin_s, body.now_s)]
