"""The motion of one sensor: evaluated on demand from the compact rows of the plan, so that hours need no memory."""

import math
from typing import Final, NamedTuple, Protocol

import numpy as np

from imu.core.samples import Floats, Ints
from imu.core.session import Foot
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.simulate.body import TRIP_AT, Rows
from imu.simulate.foot import FootPath, foot_path
from imu.simulate.kinematics import Readings, attitude, loose_attitude, loosely, readings
from imu.simulate.pelvis import pelvis_path
from imu.simulate.person import Person
from imu.simulate.quintic import Knots, Quintics

RINGING_TILT_RAD_PER_M: Final = 12.0
"""The end that lands first is thrown up."""
RINGING_ALONG: Final = -0.6
"""Along the way of the swing, in terms of the ringing upward: the foot is stopped."""
RINGING_ASIDE: Final = 0.3
IMPACT_SPREADS: Final = (0.25, 0.25, 0.7)
"""Of the ringing's frequency and size, as logarithms, and of its delay, as a share of it, from contact to contact."""
MOST_IMPACT_M_S2: Final = 12.0 * STANDARD_GRAVITY_M_S2
TRIP_SHARE: Final = 0.6
"""Its impact, along the ground, in terms of that of a contact."""
SHOCK_SHARE: Final = 0.08
"""What the pelvis feels of a foot's impact."""
SHOCK_INWARD: Final = 0.5
"""To the midline, in terms of the shock upward."""

SWAY_HZ: Final = (0.27, 0.37, 0.19, 0.23, 0.31, 0.21)
"""Of x, y, z, rotation, obliquity and tilt: no two together."""
SWAY_M: Final = (0.004, 0.003, 0.0005)


class Ringing(NamedTuple):
    """A damped oscillation t^3 exp(-t/T) cos(2 pi f t): it begins smoothly and leaves nothing behind."""

    time_constant_s: float
    hz: float
    peak: float
    """Of its second derivative, so that it can be scaled to 1."""

    @property
    def lasts_s(self) -> float:
        """Then it is over: less than a millionth is left."""
        return 24.0 * self.time_constant_s

    def at(self, t_s: Floats) -> Knots:
        """With its derivatives, at times (n,) since it began."""
        t, s = t_s, complex(-1.0 / self.time_constant_s, 2.0 * math.pi * self.hz)
        wave = np.exp(s * t) / self.peak
        return Knots(
            (t**3 * wave).real,
            ((3.0 * t**2 + s * t**3) * wave).real,
            ((6.0 * t + 6.0 * s * t**2 + s**2 * t**3) * wave).real,
        )

    def after(self, t_s: Floats, begin_s: Floats, most: Floats, faster: Floats) -> tuple[Ints, Ints, Knots]:
        """What rings when: numbers of samples (of sorted times), for each the number of what it rings of, and how, with
        that one's peak `most`, and so much faster than usual.
        """
        lo, hi = np.searchsorted(t_s, begin_s), np.searchsorted(t_s, begin_s + self.lasts_s / faster)
        lengths = np.where(most != 0.0, hi - lo, 0)
        which = np.repeat(np.arange(len(begin_s)), lengths)
        sample = np.arange(len(which)) + np.repeat(lo - np.cumsum(lengths) + lengths, lengths)
        speed, peak = faster[which], most[which]
        value, rate, bend = self.at(speed * (t_s[sample] - begin_s[which]))
        return sample, which, Knots(peak / speed**2 * value, peak / speed * rate, peak * bend)


FOOT_RINGING: Final = Ringing(0.004, 38.0, 0.006518984213832232)
PELVIS_SHOCK: Final = Ringing(0.016, 9.0, 0.024744696124194453)


class Motion(Protocol):
    """What a sensor's motion answers, for times (n,) in s that do not decrease."""

    def readings(self, t_s: Floats) -> Readings:
        """What a perfect sensor reads there, in body axes."""
        ...

    def pose(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Its place (n, 3) in m and its attitude (n, 3, 3), body axes to the level frame."""
        ...


class Ground(Protocol):
    """What carries the frame in which feet and pelvis move, a belt; without one that frame is the room's."""

    def at(self, t_s: Floats, /) -> Knots:
        """Distance along x, speed and acceleration, each (n,), of the belt against the room, backward to +x."""
        ...


class _State(NamedTuple):
    place: Floats
    acceleration: Floats
    angles: Knots
    lever_m: Floats
    worn: Knots | None = None
    """How the sensor sits on the body just now: `loosely`."""

    def readings(self) -> Readings:
        firm = readings(self.acceleration, self.angles, self.lever_m)
        return firm if self.worn is None else loosely(self.worn, firm)

    def pose(self) -> tuple[Floats, Floats]:
        turned = attitude(self.angles.value)
        place = self.place.T + np.einsum("nij,jn->ni", turned, self.lever_m)
        return place, turned if self.worn is None else turned @ loose_attitude(self.worn)


class Ends(NamedTuple):
    """Places (n, 3) in m of what a foot stands on, in the frame that the ground or the belt carries."""

    heel: Floats
    toe: Floats
    """The tip of the toes."""
    ball: Floats


class FootMotion:
    """A sensor on a foot at `lever_m` (3,), body axes, from the middle between heel and ball of the flat foot.

    It rides on the hind foot, or on the toes.
    """

    def __init__(
        self,
        rows: Rows,
        foot: Foot,
        person: Person,
        lever_m: Floats,
        belt: Ground | None = None,
        *,
        on_toes: bool = False,
    ) -> None:
        self._rows, self._person, self._lever_m, self._belt = rows, person, lever_m, belt
        self._foot: Foot = foot
        self._on_toes = on_toes

    def readings(self, t_s: Floats) -> Readings:
        return self._state(t_s).readings()

    def pose(self, t_s: Floats) -> tuple[Floats, Floats]:
        return self._state(t_s).pose()

    def ends(self, t_s: Floats) -> Ends:
        """Where heel, ball and toes are: those of the foot itself, on which the sensor rings and stirs."""
        if not len(t_s):
            return Ends(*(np.empty((0, 3)) for _ in Ends._fields))
        at = self._evaluated(t_s)
        half_m = 0.5 * self._person.foot_length_m
        heel, ball = (self._hind(at, np.array([m, 0.0, 0.0])).pose()[0] for m in (-half_m, half_m))
        tip = ball + self._person.toe_length_m * attitude(at.toes.value)[:, :, 0]
        return Ends(heel, tip, ball)

    def hind_pose(self, t_s: Floats, point_m: Floats) -> tuple[Floats, Floats]:
        """Place (n, 3), in the frame of `ends`, and attitude (n, 3, 3) of a point of the hind foot, body axes."""
        return self._hind(self._evaluated(t_s), point_m).pose()

    def _state(self, t_s: Floats) -> _State:
        if not len(t_s):
            none = np.empty((3, 0))
            return _State(none, none, Knots(none, none, none), none)
        at = self._evaluated(t_s)
        self._ring(t_s, at)
        if self._belt is not None:
            ridden = self._belt.at(t_s)
            at.place.value[0] -= ridden.value
            at.place.acceleration[0] -= ridden.acceleration
        state = self._toes(at) if self._on_toes else self._hind(at, self._lever_m)
        return state._replace(worn=at.worn)

    def _evaluated(self, t_s: Floats) -> "_Foot":
        path = self._path(t_s)
        piece = path.curves.piece(t_s)
        curves = path.curves.at(t_s, piece)
        return _Foot(
            Knots(*(part[:3] for part in curves)),
            Knots(*(part[3:6] for part in curves)),
            Knots(*(part[[3, 4, 6]] for part in curves)),
            Knots(*(part[7:] for part in curves)),
            path.on_tip[piece],
            path.ahead_m[piece],
        )

    def _hind(self, at: "_Foot", lever_m: Floats) -> _State:
        """A point of the hind foot; where the reference point is the tip of the toes, by way of the ball."""
        half_m, toes_m = 0.5 * self._person.foot_length_m, self._person.toe_length_m
        lever = np.repeat(lever_m[:, None], len(at.on_tip), axis=1)
        lever[0] -= np.where(at.on_tip == 1.0, half_m, at.ahead_m)
        place, acceleration = at.place.value.copy(), at.place.acceleration.copy()
        (yaw, _, tilt), (_, _, rate), (_, _, bend) = at.toes
        sin, cos = np.sin(tilt), np.cos(tilt)
        # toes that roll over their tip neither turn nor lean
        back_m = -toes_m * at.on_tip
        along, along_2 = back_m * cos, back_m * (-cos * rate**2 - sin * bend)
        place += np.stack([along * np.cos(yaw), along * np.sin(yaw), -back_m * sin])
        acceleration += np.stack([along_2 * np.cos(yaw), along_2 * np.sin(yaw), -back_m * (cos * bend - sin * rate**2)])
        return _State(place, acceleration, at.hind, lever)

    def _toes(self, at: "_Foot") -> _State:
        """A point of the toes, by way of the ball."""
        half_m = 0.5 * self._person.foot_length_m
        ball = self._hind(at, np.array([half_m, 0.0, 0.0]))
        force = np.einsum("nij,nj->in", attitude(at.hind.value), ball.readings().acc)
        force[2] -= STANDARD_GRAVITY_M_S2
        lever = np.repeat((self._lever_m - np.array([half_m, 0.0, 0.0]))[:, None], len(at.on_tip), axis=1)
        return _State(ball.pose()[0].T, force, at.toes, lever)

    def _path(self, t_s: Floats) -> FootPath:
        first, last = np.searchsorted(self._rows["t_lift_s"], t_s[[0, -1]], side="right")
        # in the stance before the first row a sensor stirs, the one after the last ends its stance
        return foot_path(self._rows[max(first - 2, 0) : last + 1], self._foot, self._person)

    def _ring(self, t_s: Floats, at: "_Foot") -> None:
        """Let the sensor ring on its strap after each impact, each somewhat differently."""
        first, last = np.searchsorted(self._rows["t_contact_s"], (t_s[0] - 1.0, t_s[-1] + 1.0))
        rows = self._rows[first:last]
        special = rows["strike"][:, 1:]
        faster, size, late = (
            np.clip(wide * special[:, k], -2.0 * wide, 2.0 * wide) for k, wide in enumerate(IMPACT_SPREADS)
        )
        person = self._person
        faster, size = person.strap_hz / FOOT_RINGING.hz * np.exp(faster), np.exp(size)
        delay_s = person.sole_delay_s * np.maximum(1.0 + late, 0.0)
        way = np.where(rows["backward"] == 1, -1.0, 1.0)
        thrown = np.where(rows["contact_rad"] < 0.0, -1.0, 1.0)
        aside = np.clip(special[:, 3], -2.0, 2.0)
        cos, sin = np.cos(rows["to_yaw_rad"]), np.sin(rows["to_yaw_rad"])
        caught_s = rows["t_release_s"] + TRIP_AT * (rows["t_contact_s"] - rows["t_release_s"])
        for begin_s, most, up, tilt in (
            (rows["t_contact_s"] + delay_s, rows["impact_m_s2"], 1.0, thrown),
            (rows["t_flat_s"], rows["second_impact_m_s2"], 1.0, -thrown),
            (caught_s, TRIP_SHARE * rows["impact_m_s2"] * rows["tripped"], 0.0, thrown),
        ):
            sample, which, ringing = FOOT_RINGING.after(t_s, begin_s, np.minimum(size * most, MOST_IMPACT_M_S2), faster)
            along, across = RINGING_ALONG * way, RINGING_ASIDE * aside
            direction = np.stack([along * cos - across * sin, along * sin + across * cos, up * np.ones(len(rows))])
            turn = RINGING_TILT_RAD_PER_M * tilt[which]
            for place, worn, wave in zip(at.place, at.worn, ringing, strict=True):
                for axis, share in zip(place, direction, strict=True):
                    np.add.at(axis, sample, share[which] * wave)
                np.add.at(worn[0], sample, turn * wave)


class _Foot(NamedTuple):
    """What the curves say at certain times (n,)."""

    place: Knots
    hind: Knots
    toes: Knots
    worn: Knots
    on_tip: Floats
    ahead_m: Floats


class PelvisMotion:
    """A sensor at `lever_m` (3,) from the middle of the pelvis, body axes."""

    def __init__(
        self, rows: Rows, person: Person, lever_m: Floats, sway_phase: Floats, belt: Ground | None = None
    ) -> None:
        self._rows, self._person, self._lever_m, self._phase = rows, person, lever_m, sway_phase
        self._belt = belt
        sway = math.radians(person.standing_sway_deg)
        self._sway = np.array([*SWAY_M, 0.5 * sway, sway, sway])

    def readings(self, t_s: Floats) -> Readings:
        return self._state(t_s).readings()

    def pose(self, t_s: Floats) -> tuple[Floats, Floats]:
        return self._state(t_s).pose()

    def angles(self, t_s: Floats) -> Floats:
        """Rotation, obliquity and tilt (3, n) in rad."""
        if not len(t_s):
            return np.empty((3, 0))
        curves, turn = self._curves(t_s), 2.0 * math.pi * np.array(SWAY_HZ[3:])[:, None]
        sway = self._sway[3:, None] * np.sin(turn * t_s + self._phase[3:, None])
        return curves.at(t_s, curves.piece(t_s), slice(3, 6)).value + sway

    def _state(self, t_s: Floats) -> _State:
        if not len(t_s):
            none = np.empty((3, 0))
            return _State(none, none, Knots(none, none, none), none)
        curves = self._curves(t_s)
        knots = curves.at(t_s, curves.piece(t_s))
        turn = 2.0 * math.pi * np.array(SWAY_HZ)[:, None]
        phase, most = turn * t_s + self._phase[:, None], self._sway[:, None]
        wave = most * np.sin(phase)
        value, rate = knots.value + wave, knots.rate + most * turn * np.cos(phase)
        bend = knots.acceleration - turn**2 * wave
        self._shake(t_s, value, bend)
        if self._belt is not None:
            ridden = self._belt.at(t_s)
            value[0] -= ridden.value
            bend[0] -= ridden.acceleration
        lever = np.repeat(self._lever_m[:, None], len(t_s), axis=1)
        return _State(value[:3], bend[:3], Knots(value[3:], rate[3:], bend[3:]), lever)

    def _shake(self, t_s: Floats, value: Floats, bend: Floats) -> None:
        """Let the pelvis feel each landing: up, and to the side of the other foot."""
        first, last = np.searchsorted(self._rows["t_s"], (t_s[0] - 1.0, t_s[-1]))
        rows = self._rows[first:last]
        begin_s, most = rows["t_s"], SHOCK_SHARE * rows["impact_m_s2"]
        sample, which, shock = PELVIS_SHOCK.after(t_s, begin_s, most, np.ones(len(rows)))
        inward, heading = (-SHOCK_INWARD * rows["side"])[which], rows["heading_rad"][which]
        direction = np.stack([-np.sin(heading) * inward, np.cos(heading) * inward, np.ones(len(which))])
        for curves, wave in ((value, shock.value), (bend, shock.acceleration)):
            for axis, share in zip(curves, direction, strict=False):
                np.add.at(axis, sample, share * wave)

    def _curves(self, t_s: Floats) -> Quintics:
        first, last = np.searchsorted(self._rows["t_s"], t_s[[0, -1]], side="right")
        # an interval's edges depend on its neighbours, and these on theirs; where rows are cut off all seems at rest
        return pelvis_path(self._rows[max(first - 3, 0) : last + 3], self._person)
