"""The path of a foot of two segments: roll-off, swing, roll-down, stance.

The hind foot reaches from the heel to the ball, the toes from there to their tip. While a part is on the ground the
foot turns about it and does not slip: forward it lands on the heel, later rises over the ball while the toes stay flat,
and leaves over their tip; toe-first it lands on the tip, the toes come down, and the hind foot follows over the ball.

The shapes of the swing follow what foot-worn sensors show: forward the foot rises ever faster until the toes leave and
turns back at once; backward it leaves slowly and turns toes-down in swing, and only the landing turns it back. They are
no time reversal of each other, though the angles of the joints nearly are (Lee et al. 2013, Gait Posture 38:674).
"""

from typing import Final, NamedTuple

import numpy as np

from imu.core.samples import Flags, Floats
from imu.core.session import Foot
from imu.simulate.body import SIDE, Rows
from imu.simulate.person import Person
from imu.simulate.quintic import Knots, Quintics


class Shape(NamedTuple):
    """Rates at seven moments of a swing, release and contact included; the inner ones are scaled to fit."""

    speed: Floats
    turning: Floats


SWING_AT: Final = np.array([0.0, 0.07, 0.20, 0.45, 0.65, 0.85, 1.0])
FORWARD: Final = Shape(
    speed=np.array([0.0, 0.40, 0.80, 1.00, 0.92, 0.46, 0.0]),
    turning=np.array([0.0, 0.00, 0.90, 1.00, 0.95, 0.75, 0.0]),
)
BACKWARD: Final = Shape(
    speed=np.array([0.0, 0.24, 0.66, 1.00, 0.88, 0.43, 0.0]),
    turning=np.array([0.0, 0.25, 0.80, 1.00, 0.90, 0.40, 0.0]),
)
CAUGHT: Final = np.array([1.0, 1.0, 1.0, 0.15, 0.70, 1.40, 1.0])
"""What becomes of the speed when the foot is caught in mid-swing."""
STRAIGHTENING: Final = np.array([0.0, 1.0, 0.8, 0.2, 0.1, 0.0, 0.0])
"""How the toes come back into line in swing."""

OFF_AT: Final = np.array([0.0, 0.45, 0.75, 1.0])
OFF: Final = np.array([0.0, 0.6, 1.7, 0.0])
"""Rates of the roll-off: ever faster."""
TOES_LEAVE: Final = 2
"""At that moment of OFF_AT the ball leaves the ground and the toes roll over their tip."""
RELEASE: Final = (2.2, -2.0)
"""Angular rate and acceleration at release over the toes, in terms of angle over roll-off time and its square."""
HEEL_RELEASE: Final = (1.5, -1.0)
"""Likewise over the heel, which leaves more gently."""
TOE_SHARE: Final = 0.35
"""Angle of the toes against the ground at release and at contact, as a share of the foot's."""
TOE_RELEASE: Final = (2.0, 0.0)
"""Their rate and acceleration there, of their angle over the time that they roll."""

DOWN_AT: Final = np.array([0.0, 0.35, 0.65, 1.0])
DOWN: Final = np.array([0.0, 1.0, 0.55, 0.0])
TOES_FLAT: Final = 1
"""At that moment of DOWN_AT toes that landed first lie flat."""
CONTACT: Final = (-0.45, -3.0)
"""Rate and acceleration at contact, of contact angle over roll-down time and its square: the foot has begun to
settle.
"""
CONTACT_SPREAD: Final = 0.9
"""Of that rate from step to step, as a share of it."""

STIR_AT: Final = np.array([0.2, 0.5, 0.8])
STIRS_S: Final = 1.0
"""The worn sensor stirs at shares of the stance, or of that time when one stands on."""

CIRCUMDUCTION_M: Final = 0.012
SWING_YAW_RAD: Final = 0.12
SWING_ROLL_RAD: Final = 0.25
BLEND: Final = 0.25
"""Below this sine of an angle the lowest point passes smoothly from one end to the other."""

X, Y, Z, YAW, ROLL, TILT, TOES, STIR_TILT, STIR_SIDE = range(9)
PIECES: Final = 16
_OFF, _SWING, _DOWN, _STANCE = slice(0, 3), slice(3, 9), slice(9, 12), slice(12, 16)


class FootPath(NamedTuple):
    """Curves (9, pieces): x, y, z in m of a reference point, then angles in rad: yaw, roll and tilt (toes-down) of the
    hind foot, tilt of the toes, and by how much a sensor's tilt and roll differ from the foot's.
    """

    curves: Quintics
    on_tip: Floats
    """(pieces,) 1 where the reference point is the tip of the toes, 0 where it is one of the hind foot."""
    ahead_m: Floats
    """(pieces,) how far a reference point of the hind foot lies ahead of its middle."""


def foot_path(rows: Rows, foot: Foot, person: Person) -> FootPath:
    """Curves of consecutive FOOTFALL rows, sixteen pieces each."""
    n, half_m, toes_m = len(rows), 0.5 * person.foot_length_m, person.toe_length_m
    swing_s = rows["t_contact_s"] - rows["t_release_s"]
    backward, tripped = (rows[name][:, None] == 1 for name in ("backward", "tripped"))
    speed, turning = (np.where(backward, b, f) for f, b in zip(FORWARD, BACKWARD, strict=True))
    speed = np.where(tripped, CAUGHT * speed, speed)
    over_toes, toes_first = _over_toes(rows)

    leaving, landed, foot_angle = _foot_angle(rows, turning, over_toes)
    toes_leaving, toes_landed, toe_angle = _toe_angle(rows, foot_angle, over_toes, toes_first)

    # where the middle of the hind foot is when it leaves and lands
    last_m, first_m = np.where(over_toes, half_m, -half_m), np.where(toes_first, half_m, -half_m)
    (along_0, up_0), (along_1, up_1) = (
        _plus(_over(pivot_m, angle), _over(np.where(tip, toes_m, 0.0), toes))
        for pivot_m, angle, tip, toes in (
            (last_m, leaving, over_toes, toes_leaving),
            (first_m, landed, toes_first, toes_landed),
        )
    )
    ahead = [np.stack([np.cos(rows[yaw]), np.sin(rows[yaw])]) for yaw in ("from_yaw_rad", "to_yaw_rad")]
    begin, end = (Knots(*(way * part for part in along)) for way, along in zip(ahead, (along_0, along_1), strict=True))
    ground = fitted(
        SWING_AT,
        speed,
        swing_s,
        begin._replace(value=begin.value + rows["from_m"].T),
        end._replace(value=end.value + rows["to_m"].T),
    )
    bump, ramp = _bump(SWING_AT, swing_s), _ramp(SWING_AT, swing_s)
    aside = (SIDE[foot] * CIRCUMDUCTION_M) * np.stack([-ahead[1][1], ahead[1][0]])[:, :, None]
    clear_m = rows["clearance_m"][:, None]
    height = Knots(
        *(
            h + t + clear_m * b
            for h, t, b in zip(_above_ends(foot_angle[1], half_m), _above_toes(toe_angle[1], toes_m), bump, strict=True)
        )
    )
    for part, first, last in zip(height, up_0, up_1, strict=True):
        part[:, 0], part[:, -1] = first, last
    turned = (rows["to_yaw_rad"] - rows["from_yaw_rad"])[:, None]
    yaw = Knots(*(turned * r - SIDE[foot] * SWING_YAW_RAD * b for r, b in zip(ramp, bump, strict=True)))
    yaw.value[...] += rows["from_yaw_rad"][:, None]

    starts, lengths = _pieces(rows)
    stirred, stirring = _stir(rows, lengths, np.radians(person.stir_deg))
    borders: list[Knots] = []
    for side in (slice(None, -1), slice(1, None)):
        orders: list[Floats] = []
        for order in range(3):
            part = np.zeros((9, n, PIECES))
            part[:2, :, _SWING] = (ground[order] + aside * bump[order])[..., side]
            part[Z, :, _SWING], part[YAW, :, _SWING] = height[order][:, side], yaw[order][:, side]
            part[ROLL, :, _SWING] = SIDE[foot] * SWING_ROLL_RAD * bump[order][:, side]
            for pieces, hind, toes in zip((_OFF, _SWING, _DOWN), foot_angle, toe_angle, strict=True):
                part[TILT, :, pieces], part[TOES, :, pieces] = -hind[order][:, side], -toes[order][:, side]
            orders.append(part)
        values = orders[0]
        values[TILT, :, _STANCE] = -rows["to_hold_rad"][:, None]
        for pieces, place, way, reach_m, turn in (
            (_OFF, "from_m", ahead[0], np.where(over_toes, half_m + toes_m, -half_m), "from_yaw_rad"),
            (_DOWN, "to_m", ahead[1], np.where(toes_first, half_m + toes_m, -half_m), "to_yaw_rad"),
            (_STANCE, "to_m", ahead[1], half_m + toes_m, "to_yaw_rad"),
        ):
            values[:2, :, pieces] = (rows[place].T + way * reach_m)[:, :, None]
            values[YAW, :, pieces] = rows[turn][:, None]
        for part, stir in zip(orders, (stirred, stirring), strict=False):
            part[STIR_TILT], part[STIR_SIDE] = stir[:, side, 0], stir[:, side, 1]
        borders.append(Knots(*(part.reshape(9, PIECES * n) for part in orders)))
    on_tip, ahead_m = np.zeros((n, PIECES)), np.zeros((n, PIECES))
    on_tip[:, _OFF], on_tip[:, _DOWN], on_tip[:, _STANCE] = over_toes[:, None], toes_first[:, None], 1.0
    ahead_m[:, _OFF], ahead_m[:, _DOWN] = last_m[:, None], first_m[:, None]
    return FootPath(Quintics.through(starts.ravel(), lengths.ravel(), *borders), on_tip.ravel(), ahead_m.ravel())


def _over_toes(rows: Rows) -> tuple[Flags, Flags]:
    """Whether the toes leave last, and whether they land first; a heel that is held up never touches."""
    leave = (rows["release_rad"] < 0.0) | (rows["from_hold_rad"] < 0.0)
    return leave, (rows["contact_rad"] < 0.0) | (rows["to_hold_rad"] < 0.0)


def _foot_angle(rows: Rows, turning: Floats, over_toes: Flags) -> tuple[Knots, Knots, tuple[Knots, Knots, Knots]]:
    """Angle of the hind foot, positive toes-up: at release, at contact, and in roll-off, swing and roll-down."""
    held, holds, zero = rows["from_hold_rad"], rows["to_hold_rad"], np.zeros(len(rows))
    off_s, swing_s, down_s = (
        rows[end] - rows[begin]
        for begin, end in (("t_lift_s", "t_release_s"), ("t_release_s", "t_contact_s"), ("t_contact_s", "t_flat_s"))
    )
    rate, bend = (np.where(over_toes, toes, heel) for toes, heel in zip(RELEASE, HEEL_RELEASE, strict=True))
    risen = rows["release_rad"] - held
    leaving = Knots(rows["release_rad"], rate * risen / off_s, bend * risen / off_s**2)
    to_go = rows["contact_rad"] - holds
    settling = CONTACT[0] * np.clip(1.0 + CONTACT_SPREAD * rows["strike"][:, 0], -0.5, 3.0)
    landed = Knots(rows["contact_rad"], settling * to_go / down_s, CONTACT[1] * to_go / down_s**2)
    off = fitted(OFF_AT, OFF[None], off_s, Knots(held, zero, zero), leaving)
    swing = fitted(SWING_AT, turning, swing_s, leaving, landed)
    down = fitted(DOWN_AT, DOWN[None], down_s, landed, Knots(holds, zero, zero))
    return leaving, landed, (off, swing, down)


def _toe_angle(
    rows: Rows, foot_angle: tuple[Knots, Knots, Knots], over_toes: Flags, toes_first: Flags
) -> tuple[Knots, Knots, tuple[Knots, Knots, Knots]]:
    """Angle of the toes against the ground, likewise. Where the heel is the pivot they go with the foot."""
    off, swing, down = foot_angle
    lift, release, contact, flat = (rows[name] for name in ("t_lift_s", "t_release_s", "t_contact_s", "t_flat_s"))
    rolling_s, landing_s = (1.0 - OFF_AT[TOES_LEAVE]) * (release - lift), DOWN_AT[TOES_FLAT] * (flat - contact)
    away, landing = TOE_SHARE * rows["release_rad"], TOE_SHARE * rows["contact_rad"]
    leaving = Knots(
        *(
            np.where(over_toes, own, part[:, -1])
            for own, part in zip(
                (away, TOE_RELEASE[0] * away / rolling_s, TOE_RELEASE[1] * away / rolling_s**2), off, strict=True
            )
        )
    )
    landed = Knots(
        *(
            np.where(toes_first, own, part[:, 0])
            for own, part in zip(
                (landing, -TOE_RELEASE[0] * landing / landing_s, np.zeros(len(rows))), down, strict=True
            )
        )
    )
    # from where the toes point against the foot at release to where they do at contact
    begin, end = (
        Knots(*(toes - hind[:, edge] for toes, hind in zip(own, swing, strict=True)))
        for own, edge in ((leaving, 0), (landed, -1))
    )
    bent = fitted(SWING_AT, STRAIGHTENING[None], contact - release, begin, end)
    rolled = [np.where(over_toes[:, None], 0.0, part) for part in off]
    settled = [np.where(toes_first[:, None], 0.0, part) for part in down]
    for part, last in zip(rolled, leaving, strict=True):
        part[:, -1] = last
    for part, first in zip(settled, landed, strict=True):
        part[:, 0] = first
    swung = Knots(*(hind + toes for hind, toes in zip(swing, bent, strict=True)))
    return leaving, landed, (Knots(*rolled), swung, Knots(*settled))


def _pieces(rows: Rows) -> tuple[Floats, Floats]:
    """When each piece begins and how long it is, each (n, 16)."""
    lift, release, contact, flat = (rows[name] for name in ("t_lift_s", "t_release_s", "t_contact_s", "t_flat_s"))
    stance_s = np.append(lift[1:], flat[-1] + 1.0) - flat
    starts = np.concatenate(
        [
            lift[:, None] + OFF_AT[:-1] * (release - lift)[:, None],
            release[:, None] + SWING_AT[:-1] * (contact - release)[:, None],
            contact[:, None] + DOWN_AT[:-1] * (flat - contact)[:, None],
            flat[:, None],
            flat[:, None] + STIR_AT * np.minimum(stance_s, STIRS_S)[:, None],
        ],
        axis=1,
    )
    return starts, np.diff(starts, axis=1, append=(flat + stance_s)[:, None])


def _stir(rows: Rows, lengths_s: Floats, most_rad: float) -> tuple[Floats, Floats]:
    """How a sensor is turned, and how fast, tilt and roll, at all moments between and around pieces: (n, 17, 2).

    In stance it is turned as chance has it; from contact on it comes to that, and after lift it goes back.
    """
    stirred, stirring = np.zeros((2, len(rows), PIECES + 1, 2))
    flat = PIECES - len(STIR_AT) - 1
    # the last stance of all is without end
    stirred[:-1, flat + 1 : -1] = most_rad * rows["stir"][:-1]
    lengths_s = lengths_s[:, flat:, None]
    across_s = lengths_s[:, :-1] + lengths_s[:, 1:]
    stirring[:, flat + 1 : -1] = (stirred[:, flat + 2 :] - stirred[:, flat:-2]) / across_s
    stirring[:, flat] = stirred[:, flat + 1] / lengths_s[:, 0]
    stirring[:, -1] = -stirred[:, -2] / lengths_s[:, -1]
    # where a stance ends the next row begins
    stirring[1:, 0] = stirring[:-1, -1]
    return stirred, stirring


def fitted(at: Floats, shape: Floats, length_s: Floats, begin: Knots, end: Knots) -> Knots:
    """Knots (..., n, k) from `begin` to `end` (..., n), at shares `at` (k,) of the time, with rates between them in
    proportion to `shape` (n, k) or (1, k): just so fast that the end is reached.
    """
    h = np.diff(at) * length_s[:, None]

    def bends(rates: Floats, first: Floats, last: Floats) -> Floats:
        steep = np.diff(rates) / h
        inner = (steep[..., :-1] * h[:, 1:] + steep[..., 1:] * h[:, :-1]) / (h[:, :-1] + h[:, 1:])
        return np.concatenate([first[..., None], inner, last[..., None]], axis=-1)

    def travelled(rates: Floats, slopes: Floats) -> Floats:
        return 0.5 * h * (rates[..., :-1] + rates[..., 1:]) + h**2 * (slopes[..., :-1] - slopes[..., 1:]) / 12.0

    rates = np.zeros((*begin.value.shape, at.shape[-1]))
    rates[..., 0], rates[..., -1] = begin.rate, end.rate
    slopes = bends(rates, begin.acceleration, end.acceleration)
    none = np.zeros(len(length_s))
    unit = np.broadcast_to(shape, h.shape[:1] + shape.shape[-1:])
    unit_slopes = bends(unit, none, none)
    missing = end.value - begin.value - travelled(rates, slopes).sum(axis=-1)
    scale = (missing / travelled(unit, unit_slopes).sum(axis=-1))[..., None]
    rates, slopes = rates + scale * unit, slopes + scale * unit_slopes
    values = np.concatenate([np.zeros_like(rates[..., :1]), np.cumsum(travelled(rates, slopes), axis=-1)], axis=-1)
    values += begin.value[..., None]
    values[..., -1] = end.value
    return Knots(values, rates, slopes)


def _over(pivot_m: Floats, angle: Knots) -> tuple[Knots, Knots]:
    """How a point moves while its segment turns about a pivot so far ahead of it: along the ground, against its place
    when flat, and up.
    """
    sin, cos, rate, bend = np.sin(angle.value), np.cos(angle.value), angle.rate, angle.acceleration
    along = Knots(pivot_m * (1.0 - cos), pivot_m * sin * rate, pivot_m * (cos * rate**2 + sin * bend))
    up = Knots(-pivot_m * sin, -pivot_m * cos * rate, -pivot_m * (cos * bend - sin * rate**2))
    return along, up


def _plus(hind: tuple[Knots, Knots], toes: tuple[Knots, Knots]) -> tuple[Knots, Knots]:
    along, up = (Knots(*(a + b for a, b in zip(*parts, strict=True))) for parts in zip(hind, toes, strict=True))
    return along, up


def _above_ends(angle: Knots, half_m: float) -> Knots:
    """How high the foot's middle is when its lower end is on the ground, made smooth where the ends change over."""
    value, rate, bend = _smooth_size(angle)
    return Knots(half_m * value, half_m * rate, half_m * bend)


def _above_toes(angle: Knots, toes_m: float) -> Knots:
    """How much higher the foot has to be for the tip of toes that point down."""
    sin, cos = np.sin(angle.value), np.cos(angle.value)
    value, rate, bend = _smooth_size(angle)
    along = Knots(sin, cos * angle.rate, cos * angle.acceleration - sin * angle.rate**2)
    return Knots(*(0.5 * toes_m * (a - b) for a, b in zip((value, rate, bend), along, strict=True)))


def _smooth_size(angle: Knots) -> Knots:
    """|sin angle|, without the corner at 0."""
    sin, cos = np.sin(angle.value), np.cos(angle.value)
    rate, bend = cos * angle.rate, cos * angle.acceleration - sin * angle.rate**2
    r = sin / BLEND
    inside = np.abs(r) < 1.0
    value = np.where(inside, BLEND * (0.375 + 0.75 * r**2 - 0.125 * r**4), np.abs(sin))
    slope = np.where(inside, 1.5 * r - 0.5 * r**3, np.sign(sin))
    curvature = np.where(inside, 1.5 * (1.0 - r**2) / BLEND, 0.0)
    return Knots(value, slope * rate, curvature * rate**2 + slope * bend)


def _bump(at: Floats, length_s: Floats) -> Knots:
    """From 0 to 1 and back, smooth at both ends."""
    t, w, turn = length_s[:, None], at * (1.0 - at), 1.0 - 2.0 * at
    return Knots(64.0 * w**3 * np.ones_like(t), 192.0 * w**2 * turn / t, 384.0 * w * (turn**2 - w) / t**2)


def _ramp(at: Floats, length_s: Floats) -> Knots:
    """From 0 to 1, smooth at both ends."""
    t, w = length_s[:, None], at * (1.0 - at)
    return Knots(
        at**3 * (10.0 - 15.0 * at + 6.0 * at**2) * np.ones_like(t), 30.0 * w**2 / t, 60.0 * w * (1.0 - 2.0 * at) / t**2
    )
