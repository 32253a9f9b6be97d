"""The path of a rigid foot: roll-off over one end, swing, roll-down over one end, flat and still.

While an end is on the ground the foot turns about it and does not slip. The shapes of the swing follow what foot-worn
sensors show: forward the foot is fastest late and turns toes-up all the while; backward it is fastest in the middle and
turns toes-down, and only the landing turns it back. They are no time reversal of each other, though the angles of the
joints nearly are (Lee et al. 2013, Gait Posture 38:674).
"""

from typing import Final, NamedTuple

import numpy as np

from imu.core.samples import Floats
from imu.core.session import Foot
from imu.simulate.body import SIDE, Rows
from imu.simulate.quintic import Knots, Quintics


class Shape(NamedTuple):
    """Rates at five moments of a swing, release and contact included; the middle three are scaled to fit."""

    at: Floats
    speed: Floats
    turning: Floats


FORWARD: Final = Shape(
    at=np.array([0.0, 0.18, 0.45, 0.80, 1.0]),
    speed=np.array([0.0, 0.60, 0.95, 0.75, 0.0]),
    turning=np.array([0.0, 0.75, 1.00, 0.80, 0.0]),
)
BACKWARD: Final = Shape(
    at=np.array([0.0, 0.22, 0.50, 0.80, 1.0]),
    speed=np.array([0.0, 0.75, 1.00, 0.65, 0.0]),
    turning=np.array([0.0, 0.45, 1.00, 0.60, 0.0]),
)
ROLL_OFF_AT: Final = np.array([[0.0, 0.8, 1.0]])
ROLL_DOWN_AT: Final = np.array([[0.0, 0.4, 1.0]])
ROLL: Final = np.array([[0.0, 1.0, 0.0]])
RELEASE: Final = (0.9, -2.8)
"""Angular rate and acceleration at release, in terms of angle over roll-off time and its square: past the peak."""
CONTACT: Final = (-0.35, -3.0)
"""Likewise at contact, of contact angle and roll-down time: the foot has begun to settle."""

CIRCUMDUCTION_M: Final = 0.012
SWING_YAW_RAD: Final = 0.12
SWING_ROLL_RAD: Final = 0.25
BLEND: Final = 0.25
"""Below this sine of the foot angle the lowest point passes smoothly from one end to the other."""


class FootPath(NamedTuple):
    """Curves (6, pieces) of one point of the sole a piece: x, y, z in m, then yaw, roll and tilt (toes-down) in rad."""

    curves: Quintics
    reference_m: Floats
    """(pieces,) how far that point lies ahead of the sole's middle."""


def foot_path(rows: Rows, foot: Foot, length_m: float) -> FootPath:
    """Curves of consecutive FOOTFALL rows, nine pieces each; `length_m` is the distance between the sole's ends."""
    half_m, n = 0.5 * length_m, len(rows)
    lift, release, contact, flat = (rows[name] for name in ("t_lift_s", "t_release_s", "t_contact_s", "t_flat_s"))
    away, landing = rows["release_rad"], rows["contact_rad"]
    off_s, swing_s, down_s = release - lift, contact - release, flat - contact
    backward = (rows["backward"] == 1)[:, None]
    at, speed, turning = (np.where(backward, b, f) for f, b in zip(FORWARD, BACKWARD, strict=True))

    # foot angle, positive toes-up
    level = Knots(np.zeros(n), np.zeros(n), np.zeros(n))
    leaving = Knots(away, RELEASE[0] * away / off_s, RELEASE[1] * away / off_s**2)
    landed = Knots(landing, CONTACT[0] * landing / down_s, CONTACT[1] * landing / down_s**2)
    off = fitted(ROLL_OFF_AT, ROLL, off_s, level, leaving)
    swing = fitted(at, turning, swing_s, leaving, landed)
    down = fitted(ROLL_DOWN_AT, ROLL, down_s, landed, level)

    # the end that leaves last and the end that lands first, ahead of the sole's middle
    last_m, first_m = (np.where(angle < 0.0, half_m, -half_m) for angle in (away, landing))
    (along_0, up_0), (along_1, up_1) = _middle(last_m, leaving), _middle(first_m, landed)
    ahead = [np.stack([np.cos(rows[yaw]), np.sin(rows[yaw])]) for yaw in ("from_yaw_rad", "to_yaw_rad")]
    begin = Knots(*(ahead[0] * part for part in along_0))
    end = Knots(*(ahead[1] * part for part in along_1))
    ground = fitted(
        at,
        speed,
        swing_s,
        begin._replace(value=begin.value + rows["from_m"].T),
        end._replace(value=end.value + rows["to_m"].T),
    )
    bump, ramp = _bump(at, swing_s), _ramp(at, swing_s)
    aside = (SIDE[foot] * CIRCUMDUCTION_M) * np.stack([-ahead[1][1], ahead[1][0]])[:, :, None]
    ground = Knots(*(g + aside * b for g, b in zip(ground, bump, strict=True)))
    height = Knots(
        *(h + rows["clearance_m"][:, None] * b for h, b in zip(_lowest_on_ground(swing, half_m), bump, strict=True))
    )
    for part, first, last in zip(height, up_0, up_1, strict=True):
        part[:, 0], part[:, -1] = first, last
    turned = (rows["to_yaw_rad"] - rows["from_yaw_rad"])[:, None]
    yaw = Knots(*(turned * r - SIDE[foot] * SWING_YAW_RAD * b for r, b in zip(ramp, bump, strict=True)))
    yaw = yaw._replace(value=yaw.value + rows["from_yaw_rad"][:, None])
    roll = Knots(*(SIDE[foot] * SWING_ROLL_RAD * b for b in bump))

    # nine pieces: two of roll-off, four of swing, two of roll-down, flat
    pivot_0, pivot_1 = rows["from_m"].T + ahead[0] * last_m, rows["to_m"].T + ahead[1] * first_m
    starts = np.concatenate(
        [
            *(lift[:, None] + ROLL_OFF_AT[:, :2] * off_s[:, None], release[:, None] + at[:, :4] * swing_s[:, None]),
            *(contact[:, None] + ROLL_DOWN_AT[:, :2] * down_s[:, None], flat[:, None]),
        ],
        axis=1,
    )
    ends = np.concatenate([starts[:, 1:], np.append(lift[1:], flat[-1] + 1.0)[:, None]], axis=1)
    borders: list[Knots] = []
    for side in (slice(None, -1), slice(1, None)):
        parts = np.zeros((3, 6, n, 9))
        for order in range(3):
            part = parts[order]
            part[:2, :, 2:6], part[2, :, 2:6] = ground[order][..., side], height[order][:, side]
            part[3, :, 2:6], part[4, :, 2:6] = yaw[order][:, side], roll[order][:, side]
            for pieces, angle in ((slice(0, 2), off), (slice(2, 6), swing), (slice(6, 8), down)):
                part[5, :, pieces] = -angle[order][:, side]
        still = parts[0]
        still[:2, :, :2], still[3, :, :2] = pivot_0[:, :, None], rows["from_yaw_rad"][:, None]
        still[:2, :, 6:8], still[3, :, 6:] = pivot_1[:, :, None], rows["to_yaw_rad"][:, None]
        still[:2, :, 8] = rows["to_m"].T
        borders.append(Knots(*parts.reshape(3, 6, 9 * n)))
    reference_m = np.zeros((n, 9))
    reference_m[:, :2], reference_m[:, 6:8] = last_m[:, None], first_m[:, None]
    return FootPath(Quintics.through(starts.ravel(), (ends - starts).ravel(), *borders), reference_m.ravel())


def fitted(at: Floats, shape: Floats, length_s: Floats, begin: Knots, end: Knots) -> Knots:
    """Knots (..., n, k) from `begin` to `end` (..., n), at shares `at` (n, k) of the time, with rates between them in
    proportion to `shape` (n, k): just so fast that the end is reached.
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


def _middle(pivot_m: Floats, angle: Knots) -> tuple[Knots, Knots]:
    """The sole's middle while the foot turns about a point so far ahead of it: along the ground, against its place
    when flat, and up.
    """
    sin, cos, rate, bend = np.sin(angle.value), np.cos(angle.value), angle.rate, angle.acceleration
    along = Knots(pivot_m * (1.0 - cos), pivot_m * sin * rate, pivot_m * (cos * rate**2 + sin * bend))
    up = Knots(-pivot_m * sin, -pivot_m * cos * rate, -pivot_m * (cos * bend - sin * rate**2))
    return along, up


def _lowest_on_ground(angle: Knots, half_m: float) -> Knots:
    """How high the sole's middle is when its lower end is on the ground, made smooth where the ends change over."""
    sin, cos = np.sin(angle.value), np.cos(angle.value)
    rate, bend = cos * angle.rate, cos * angle.acceleration - sin * angle.rate**2
    r = sin / BLEND
    inside = np.abs(r) < 1.0
    value = np.where(inside, BLEND * (0.375 + 0.75 * r**2 - 0.125 * r**4), np.abs(sin))
    slope = np.where(inside, 1.5 * r - 0.5 * r**3, np.sign(sin))
    curvature = np.where(inside, 1.5 * (1.0 - r**2) / BLEND, 0.0)
    return Knots(half_m * value, half_m * slope * rate, half_m * (curvature * rate**2 + slope * bend))


def _bump(at: Floats, length_s: Floats) -> Knots:
    """From 0 to 1 and back, smooth at both ends."""
    t, w, turn = length_s[:, None], at * (1.0 - at), 1.0 - 2.0 * at
    return Knots(64.0 * w**3, 192.0 * w**2 * turn / t, 384.0 * w * (turn**2 - w) / t**2)


def _ramp(at: Floats, length_s: Floats) -> Knots:
    """From 0 to 1, smooth at both ends."""
    t, w = length_s[:, None], at * (1.0 - at)
    return Knots(at**3 * (10.0 - 15.0 * at + 6.0 * at**2), 30.0 * w**2 / t, 60.0 * w * (1.0 - 2.0 * at) / t**2)
