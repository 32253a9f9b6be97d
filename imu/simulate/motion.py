"""The motion of one sensor: evaluated on demand from the compact rows of the plan, so that hours need no memory."""

import math
from typing import Final, NamedTuple, Protocol

import numpy as np

from imu.core.samples import Floats
from imu.core.session import Foot
from imu.simulate.body import Rows
from imu.simulate.foot import FootPath, foot_path
from imu.simulate.kinematics import Readings, attitude, readings
from imu.simulate.pelvis import pelvis_path
from imu.simulate.person import Person
from imu.simulate.quintic import Knots, Quintics

RINGING_S: Final = 0.004
"""Time constant of the ringing after an impact; its envelope is largest after three of them."""
RINGING_HZ: Final = 38.0
RINGING_LASTS_S: Final = 0.06
RINGING_PEAK: Final = 0.00651897770139391
"""Of the second derivative of t^3 exp(-t/T) cos(wt), with that T and w."""
RINGING_ALONG: Final = -0.6
"""Along the foot, in terms of the ringing upward: the foot is stopped."""
RINGING_TILT_RAD_PER_M: Final = 5.0

SWAY_HZ: Final = (0.27, 0.37, 0.19, 0.23, 0.31, 0.21)
"""Of x, y, z, rotation, obliquity and tilt: no two together."""
SWAY_M: Final = (0.004, 0.003, 0.0005)


class Motion(Protocol):
    """What a sensor's motion answers, for times (n,) in s that do not decrease."""

    def readings(self, t_s: Floats) -> Readings:
        """What a perfect sensor reads there, in body axes."""
        ...

    def pose(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Its place (n, 3) in m and its attitude (n, 3, 3), body axes to the level frame."""
        ...


class _State(NamedTuple):
    place: Floats
    acceleration: Floats
    angles: Knots
    lever_m: Floats

    def readings(self) -> Readings:
        return readings(self.acceleration, self.angles, self.lever_m)

    def pose(self) -> tuple[Floats, Floats]:
        turned = attitude(self.angles.value)
        return self.place.T + np.einsum("nij,jn->ni", turned, self.lever_m), turned


class FootMotion:
    """A sensor at `lever_m` (3,) from the middle of the sole, body axes."""

    def __init__(self, rows: Rows, foot: Foot, person: Person, lever_m: Floats) -> None:
        self._rows, self._foot, self._length_m, self._lever_m = rows, foot, person.foot_length_m, lever_m

    def readings(self, t_s: Floats) -> Readings:
        return self._state(t_s, shaken=True).readings()

    def pose(self, t_s: Floats) -> tuple[Floats, Floats]:
        return self._state(t_s, shaken=True).pose()

    def ends(self, t_s: Floats) -> tuple[Floats, Floats]:
        """Places (n, 3) of the heel's and the front's contact point, of the foot itself: it does not ring."""
        state = self._state(t_s, shaken=False)
        half_m = 0.5 * self._length_m
        heel, toe = (
            state._replace(lever_m=state.lever_m + np.array([[m], [0.0], [0.0]]) - self._lever_m[:, None]).pose()[0]
            for m in (-half_m, half_m)
        )
        return heel, toe

    def _state(self, t_s: Floats, *, shaken: bool) -> _State:
        if not len(t_s):
            none = np.empty((3, 0))
            return _State(none, none, Knots(none, none, none), none)
        path = self._path(t_s)
        piece = path.curves.piece(t_s)
        place = path.curves.at(t_s, piece, slice(0, 3))
        angles = path.curves.at(t_s, piece, slice(3, 6))
        lever = np.repeat(self._lever_m[:, None], len(t_s), axis=1)
        lever[0] -= path.reference_m[piece]
        if shaken:
            self._ring(t_s, place, angles)
        return _State(place.value, place.acceleration, angles, lever)

    def _path(self, t_s: Floats) -> FootPath:
        first, last = np.searchsorted(self._rows["t_lift_s"], t_s[[0, -1]], side="right")
        # the row before the first may still ring, the one after the last ends its stance
        return foot_path(self._rows[max(first - 1, 0) : last + 1], self._foot, self._length_m)

    def _ring(self, t_s: Floats, place: Knots, angles: Knots) -> None:
        """Let the sensor ring on its strap after each impact."""
        first, last = np.searchsorted(self._rows["t_contact_s"], (t_s[0] - 1.0, t_s[-1]))
        rows = self._rows[first:last]
        begin_s = np.concatenate([rows["t_contact_s"], rows["t_flat_s"]])
        peak = np.concatenate([rows["impact_m_s2"], rows["second_impact_m_s2"]])
        yaw = np.concatenate([rows["to_yaw_rad"], rows["to_yaw_rad"]])
        lo, hi = np.searchsorted(t_s, begin_s), np.searchsorted(t_s, begin_s + RINGING_LASTS_S)
        for i, j, begin, most, heading in zip(lo, hi, begin_s, peak, yaw, strict=True):
            if i == j or not most:
                continue
            ringing = Knots(*(most * part for part in ring(t_s[i:j] - begin)))
            along = RINGING_ALONG * np.array([[math.cos(heading)], [math.sin(heading)]])
            for order in range(3):
                place[order][:2, i:j] += along * ringing[order]
                place[order][2, i:j] += ringing[order]
                angles[order][2, i:j] += RINGING_TILT_RAD_PER_M * ringing[order]


class PelvisMotion:
    """A sensor at `lever_m` (3,) from the middle of the pelvis, body axes."""

    def __init__(self, rows: Rows, person: Person, lever_m: Floats, sway_phase: Floats) -> None:
        self._rows, self._person, self._lever_m, self._phase = rows, person, lever_m, sway_phase
        sway = math.radians(person.standing_sway_deg)
        self._sway = np.array([*SWAY_M, 0.5 * sway, sway, sway])

    def readings(self, t_s: Floats) -> Readings:
        return self._state(t_s).readings()

    def pose(self, t_s: Floats) -> tuple[Floats, Floats]:
        return self._state(t_s).pose()

    def angles(self, t_s: Floats) -> Floats:
        """Rotation, obliquity and tilt (3, n) in rad."""
        return self._state(t_s).angles.value

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
        lever = np.repeat(self._lever_m[:, None], len(t_s), axis=1)
        return _State(value[:3], bend[:3], Knots(value[3:], rate[3:], bend[3:]), lever)

    def _curves(self, t_s: Floats) -> Quintics:
        first, last = np.searchsorted(self._rows["t_s"], t_s[[0, -1]], side="right")
        # an interval's edges depend on its neighbours
        return pelvis_path(self._rows[max(first - 2, 0) : last + 3], self._person)


def ring(t_s: Floats) -> Knots:
    """A damped oscillation that begins smoothly at 0 and whose second derivative peaks at 1: t^3 exp(-t/T) cos(wt)."""
    s = complex(-1.0 / RINGING_S, 2.0 * math.pi * RINGING_HZ)
    wave = np.exp(s * t_s) / RINGING_PEAK
    t = t_s
    value, rate = t**3 * wave, (3.0 * t**2 + s * t**3) * wave
    return Knots(value.real, rate.real, ((6.0 * t + 6.0 * s * t**2 + s**2 * t**3) * wave).real)
