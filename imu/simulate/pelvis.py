"""The path of the pelvis: over the stance foot and back, high in single support, down on the swing side.

From one contact to the next the pelvis moves toward the stance foot and back, so its acceleration points away from that
foot, to the midline; it is lowest just after contact, when both feet are down, and highest over the stance foot.
"""

import math
from typing import Final

import numpy as np

from imu.core.samples import Flags, Floats
from imu.simulate.body import Rows
from imu.simulate.person import Person
from imu.simulate.quintic import Knots, Quintics

HIP_BELOW_M: Final = 0.05
"""Hip joints under the middle of the pelvis."""
STANDING_KNEE_RAD: Final = 0.16
"""Nobody stands on quite straight knees."""
SINK_M: Final = 0.008
SINK: Final = 1.6
"""How much lower the pelvis is in walking than in standing, and more so in terms of its bounce: legs that stride reach
less high.
"""
LOWEST_AT: Final = 0.12
"""Share of a step between contact and the lowest point."""
SURGE: Final = 0.06
"""At contact the pelvis is that much faster than on average, and slower over the stance foot."""
LAG_S: Final = 0.035
"""The pelvis is over the middle between both feet that much after a contact: they land ahead of it either way."""
DROP_RATE: Final = 1.25
"""How fast the pelvis tips over at contact, in terms of the drop over the time it takes."""


def pelvis_path(rows: Rows, person: Person) -> Quintics:
    """Curves (6, 2 m) of m + 1 INTERVAL rows, two pieces each: x, y, z in m, then rotation, obliquity, tilt in rad."""
    t, length_s = rows["t_s"], np.diff(rows["t_s"])
    still = rows["still"].astype(np.bool_)
    # where standing begins or ends all is at rest
    quiet = still | np.append(True, still[:-1])
    within = _Within(rows[:-1], length_s)
    heading = _meet_at_rest(t, rows["heading_rad"], quiet)
    ground = [_lagging(_meet_at_rest(t, rows["centre_m"][:, axis], quiet, SURGE)) for axis in (0, 1)]
    edges, inner = np.zeros((3, 6, len(rows))), np.zeros((3, 6, len(length_s)))

    def put(curve: int, edge: Knots, middle: Knots) -> None:
        for order in range(3):
            edges[order, curve] += edge[order]
            inner[order, curve] += middle[order]

    def between(edge: Knots) -> Knots:
        """What a plain quintic from edge to edge makes of the middle."""
        begin, end = (Knots(*(part[None, cut] for part in edge)) for cut in (slice(None, -1), slice(1, None)))
        pieces = Quintics.through(t[:-1], length_s, begin, end)
        return Knots(*(part[0] for part in pieces.at(t[:-1] + within.part * length_s, np.arange(len(length_s)))))

    middle_heading = between(heading)
    sway, middle_sway = within.sway(quiet)
    for axis, (edge_left, inner_left) in enumerate(
        ((-np.sin(heading.value), -np.sin(middle_heading.value)), (np.cos(heading.value), np.cos(middle_heading.value)))
    ):
        put(axis, ground[axis], between(ground[axis]))
        put(axis, Knots(*(edge_left * part for part in sway)), Knots(*(inner_left * part for part in middle_sway)))
    put(2, *within.wave(rows["bounce_m"][:-1], LOWEST_AT, quiet, sign=-1.0))
    put(3, heading, middle_heading)
    put(3, *within.rotation(rows["rotation_rad"]))
    put(4, *within.obliquity(quiet))
    put(5, *within.wave(rows["wobble_rad"][:-1], 0.0, quiet, sign=1.0))
    bounce_m = rows["bounce_m"][:-1]
    sink_m = SINK * bounce_m + np.where(bounce_m > 0.0, SINK_M, 0.0)
    sunk_m = rows["height_m"] - _mean(sink_m, sink_m, quiet)
    for curve, level, change in (
        (2, standing_height_m(person), sunk_m),
        (5, math.radians(person.tilt_deg), rows["lean_rad"]),
    ):
        moved = _meet_at_rest(t, change, quiet)
        put(curve, moved, between(moved))
        edges[0, curve] += level
        inner[0, curve] += level

    # two pieces an interval: from edge to middle, from middle to edge
    middle = t[:-1] + within.part * length_s
    starts = np.stack([t[:-1], middle], axis=1)
    lengths = np.stack([middle - t[:-1], t[1:] - middle], axis=1)
    begin = np.stack([edges[:, :, :-1], inner], axis=3).reshape(3, 6, -1)
    end = np.stack([inner, edges[:, :, 1:]], axis=3).reshape(3, 6, -1)
    return Quintics.through(starts.ravel(), lengths.ravel(), Knots(*begin), Knots(*end))


def standing_height_m(person: Person) -> float:
    """Of the middle of the pelvis over the ground."""
    a, b = person.thigh_m, person.shank_m
    return math.sqrt(a**2 + b**2 + 2.0 * a * b * math.cos(STANDING_KNEE_RAD)) + person.ankle_height_m + HIP_BELOW_M


def _meet_at_rest(t: Floats, value: Floats, quiet: Flags, surge: float = 0.0) -> Knots:
    """Knots through given values, with the mean of the speeds before and after, none where all is at rest."""
    speed = np.diff(value) / np.diff(t)
    return Knots(value, (1.0 + surge) * _mean(speed, speed, quiet), np.zeros(len(value)))


def _lagging(edge: Knots) -> Knots:
    return edge._replace(value=edge.value - LAG_S * edge.rate)


def _mean(before: Floats, after: Floats, quiet: Flags) -> Floats:
    """At each edge the mean of what the interval before it ends with and the one after it begins with."""
    edge = np.zeros(len(quiet))
    edge[1:] += 0.5 * before
    edge[:-1] += 0.5 * after
    edge[quiet] = 0.0
    return edge


class _Within:
    """What happens between the edges of each interval: waves, with a knot at each edge and one in the middle."""

    def __init__(self, rows: Rows, length_s: Floats) -> None:
        self.rows, self.length_s = rows, length_s
        self.part: Floats = rows["drop_peak"]
        self.side: Floats = rows["side"].astype(np.float64)

    def sway(self, quiet: Flags) -> tuple[Knots, Knots]:
        """Half a wave toward the stance foot, positive to the left."""
        most, turn = self.side * self.rows["sway_m"], math.pi / self.length_s
        phase = math.pi * self.part
        zero = np.zeros(len(quiet))
        edge = Knots(zero, _mean(-most * turn, most * turn, quiet), zero)
        return edge, Knots(most * np.sin(phase), most * turn * np.cos(phase), -most * turn**2 * np.sin(phase))

    def wave(self, most: Floats, crest_at: float, quiet: Flags, *, sign: float) -> tuple[Knots, Knots]:
        """A whole wave whose crest (sign 1) or trough (sign -1) comes that share of the step after contact."""
        most, turn = sign * most, 2.0 * math.pi / self.length_s

        def knots(phase: Floats | float) -> Knots:
            return Knots(most * np.cos(phase), -most * turn * np.sin(phase), -most * turn**2 * np.cos(phase))

        edge = knots(-2.0 * math.pi * crest_at)
        middle = knots(2.0 * math.pi * (self.part - crest_at))
        return Knots(*(_mean(part, part, quiet) for part in edge)), middle

    def rotation(self, edge_rad: Floats) -> tuple[Knots, Knots]:
        """From one side to the other, from extreme to extreme."""
        turn, phase = math.pi / self.length_s, math.pi * self.part
        half, centre = 0.5 * (edge_rad[:-1] - edge_rad[1:]), 0.5 * (edge_rad[:-1] + edge_rad[1:])
        swinging = edge_rad != 0.0
        bend = np.where(swinging, -edge_rad * _mean(turn**2, turn**2, ~swinging), 0.0)
        middle = Knots(centre + half * np.cos(phase), -half * turn * np.sin(phase), -half * turn**2 * np.cos(phase))
        return Knots(edge_rad, np.zeros(len(edge_rad)), bend), middle

    def obliquity(self, quiet: Flags) -> tuple[Knots, Knots]:
        """From contact on the side opposite the stance foot falls by the drop, and comes to where it is at its own
        contact.
        """
        edge = np.append(-self.side * self.rows["low_rad"], 0.0)
        edge[quiet] = 0.0
        drop, part, zero = self.rows["drop_rad"], self.part, np.zeros(len(quiet))
        peak = edge[:-1] + self.side * drop
        falling = self.side * drop / (part * self.length_s)
        returning = (edge[1:] - peak) / ((1.0 - part) * self.length_s)
        rate = zero.copy()
        # never faster than both the way before and the way after allow, so that no fall goes beyond the drop
        before, after = returning[:-1], falling[1:]
        rate[1:-1] = np.where(before * after > 0.0, np.sign(after) * np.minimum(abs(before), abs(after)), 0.0)
        rate[1:-1] *= DROP_RATE
        rate[quiet] = 0.0
        bend = -(falling - returning) * math.pi**2 / (4.0 * self.length_s)
        return Knots(edge, rate, zero), Knots(peak, np.zeros(len(peak)), bend)
