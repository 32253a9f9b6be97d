"""The motion of one sensor: evaluated on demand from the compact rows of the plan, so that hours need no memory."""

import math
from collections.abc import Iterator
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

RINGING_TILT_RAD_PER_M: Final = 5.0
RINGING_ALONG: Final = -0.6
"""Along the foot, in terms of the ringing upward: the foot is stopped."""
SHOCK_SHARE: Final = 0.05
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

    def each(self, t_s: Floats, begin_s: Floats, most: Floats) -> Iterator[tuple[int, slice, Knots]]:
        """For each beginning: its number, the samples (of sorted times) that ring, and how, with its peak `most`."""
        lo, hi = np.searchsorted(t_s, begin_s), np.searchsorted(t_s, begin_s + self.lasts_s)
        for number in np.flatnonzero((hi > lo) & (most != 0.0)).tolist():
            part = slice(int(lo[number]), int(hi[number]))
            yield number, part, Knots(*(most[number] * knot for knot in self.at(t_s[part] - begin_s[number])))


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
        self._rows, self._length_m, self._lever_m = rows, person.foot_length_m, lever_m
        self._foot: Foot = foot

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
        most = np.concatenate([rows["impact_m_s2"], rows["second_impact_m_s2"]])
        yaw = np.concatenate([rows["to_yaw_rad"], rows["to_yaw_rad"]])
        for number, part, ringing in FOOT_RINGING.each(t_s, begin_s, most):
            along = RINGING_ALONG * np.array([[math.cos(yaw[number])], [math.sin(yaw[number])]])
            for order in range(3):
                place[order][:2, part] += along * ringing[order]
                place[order][2, part] += ringing[order]
                angles[order][2, part] += RINGING_TILT_RAD_PER_M * ringing[order]


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
        self._shake(t_s, value, bend)
        lever = np.repeat(self._lever_m[:, None], len(t_s), axis=1)
        return _State(value[:3], bend[:3], Knots(value[3:], rate[3:], bend[3:]), lever)

    def _shake(self, t_s: Floats, value: Floats, bend: Floats) -> None:
        """Let the pelvis feel each landing: up, and to the side of the other foot."""
        first, last = np.searchsorted(self._rows["t_s"], (t_s[0] - 1.0, t_s[-1]))
        rows = self._rows[first:last]
        inward = -SHOCK_INWARD * rows["side"]
        for number, part, shock in PELVIS_SHOCK.each(t_s, rows["t_s"], SHOCK_SHARE * rows["impact_m_s2"]):
            heading, share = rows["heading_rad"][number], inward[number]
            for curves, wave in ((value, shock.value), (bend, shock.acceleration)):
                curves[:3, part] += np.array([[-math.sin(heading) * share], [math.cos(heading) * share], [1.0]]) * wave

    def _curves(self, t_s: Floats) -> Quintics:
        first, last = np.searchsorted(self._rows["t_s"], t_s[[0, -1]], side="right")
        # an interval's edges depend on its neighbours
        return pelvis_path(self._rows[max(first - 2, 0) : last + 3], self._person)
