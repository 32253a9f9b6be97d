"""Where feet and pelvis are while a protocol is walked through, and the compact rows that remember it."""

import math
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from imu.core.session import FEET, Foot
from imu.simulate.person import STILL_STANCE_S, Gait, Person

Place: TypeAlias = tuple[float, float]
Rows: TypeAlias = npt.NDArray[Any]

FOOTFALL: Final = np.dtype(
    [
        ("t_lift_s", "<f8"),  # the first end leaves the ground
        ("t_release_s", "<f8"),  # the last end leaves: swing begins
        ("t_contact_s", "<f8"),  # the first end lands
        ("t_flat_s", "<f8"),  # the foot is flat, until t_lift_s of the next footfall
        ("from_m", "<f8", (2,)),  # middle of the sole, flat on the ground, before and after
        ("to_m", "<f8", (2,)),
        ("from_yaw_rad", "<f8"),
        ("to_yaw_rad", "<f8"),
        ("from_hold_rad", "<f8"),  # foot angle of the stance before, positive toes-up: 0 flat, negative heel held up
        ("to_hold_rad", "<f8"),  # and of the stance after
        ("release_rad", "<f8"),  # foot angle, positive toes-up
        ("contact_rad", "<f8"),
        ("clearance_m", "<f8"),
        ("impact_m_s2", "<f8"),  # peak of the ringing at t_contact_s
        ("second_impact_m_s2", "<f8"),  # and at t_flat_s
        ("backward", "<i8"),  # 1 = the swing has the shape of a backward one
        ("tripped", "<i8"),  # 1 = the foot is caught in mid-swing
        ("stir", "<f8", (3, 2)),  # standard normal: how the worn sensor stirs, tilt and roll, in the stance after
    ]
)
"""One swing of one foot and the contact that ends it. Each foot's first one lies before time 0."""

INTERVAL: Final = np.dtype(
    [
        ("t_s", "<f8"),  # it lasts until the next one's
        ("centre_m", "<f8", (2,)),  # of the pelvis over the ground, at its beginning
        ("heading_rad", "<f8"),
        ("side", "<i8"),  # stance side: +1 left, -1 right, 0 both
        ("still", "<i8"),  # 1 = at rest: standing or sitting
        ("height_m", "<f8"),  # of the pelvis against standing upright, at its beginning
        ("lean_rad", "<f8"),  # its tilt against the person's own, at its beginning
        ("sway_m", "<f8"),
        ("bounce_m", "<f8"),
        ("drop_rad", "<f8"),
        ("drop_peak", "<f8"),
        ("wobble_rad", "<f8"),  # of tilt
        ("rotation_rad", "<f8"),  # at its beginning, against the heading
        ("impact_m_s2", "<f8"),  # of the foot that lands at its beginning
    ]
)
"""What the pelvis does from one contact to the next."""

BELT: Final = np.dtype([("t_s", "<f8"), ("speed_m_s", "<f8")])
"""Knots of a treadmill's belt: signed, positive along +x of the paths' frame, which rides on it; constant before the
first and after the last, and from knot to knot as smooth as a quintic with no acceleration at either end.
"""

SIDE: Final = {"left": 1, "right": -1}
OTHER: Final[dict[Foot, Foot]] = {"left": "right", "right": "left"}

NO_STIR: Final = np.zeros((3, 2))
AT_REST: Final = (0.0, 0.0, 0.0, 0.5, 0.0, 0.0)
"""Sway to rotation of an interval in which the pelvis does nothing."""
SETTLE_S: Final = 0.7
"""From the last contact to quiet standing."""
LONGEST_DEVIATION_SD: Final = 2.5
FLAT_RAD: Final = math.radians(1.0)
"""A foot that comes down flatter than this comes down flat."""
USUAL_STEP_M: Final = 0.65


class Swing(NamedTuple):
    """How a foot leaves and comes down again."""

    swing_s: float
    roll_off_s: float
    roll_down_s: float
    release_deg: float
    contact_deg: float
    clearance_m: float
    impact_m_s2: float
    second_impact_m_s2: float
    backward: bool
    hold_deg: float = 0.0
    """Foot angle of the stance that follows; negative where the heel is held up."""
    tripped: bool = False


def beside(foot: Foot, centre_m: Place, heading_rad: float, ahead_m: float, width_m: float) -> Place:
    """Where the foot stands, so far ahead of the centre."""
    cos, sin, left = math.cos(heading_rad), math.sin(heading_rad), 0.5 * SIDE[foot] * width_m
    return centre_m[0] + ahead_m * cos - left * sin, centre_m[1] + ahead_m * sin + left * cos


class _Stance(NamedTuple):
    place_m: Place
    yaw_rad: float
    t_flat_s: float
    hold_rad: float


@dataclass(slots=True)
class Body:
    """Starts standing at the origin at time 0, heading along x."""

    person: Person
    rng: np.random.Generator
    now_s: float = 0.0
    centre_m: Place = (0.0, 0.0)
    heading_rad: float = 0.0
    footfalls: dict[Foot, list[tuple[Any, ...]]] = field(default_factory=lambda: {foot: [] for foot in FEET})
    intervals: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    _stances: dict[Foot, _Stance] = field(default_factory=dict[Foot, _Stance])
    _impact_m_s2: float = 0.0

    def __post_init__(self) -> None:
        for foot in FEET:
            place, yaw = self.beside(foot), self._yaw(foot)
            self._stances[foot] = _Stance(place, yaw, -1.0, 0.0)
            times, angles = (-4.0, -3.0, -2.0, -1.0), (0.0, 0.0, -0.1, 0.0)
            self.footfalls[foot].append((*times, place, place, yaw, yaw, *angles, 0.0, 0.0, 0.0, 0, 0, NO_STIR))
        self.intervals.append((-1.0, self.centre_m, 0.0, 0, 1, 0.0, 0.0, *AT_REST, 0.0))

    def beside(self, foot: Foot) -> Place:
        return beside(foot, self.centre_m, self.heading_rad, 0.0, self.person.step_width_m)

    def deviation(self, sd: float) -> float:
        """A random deviation, never so large that a step is no step."""
        return sd * min(max(self.rng.standard_normal(), -LONGEST_DEVIATION_SD), LONGEST_DEVIATION_SD)

    def land(self, foot: Foot, contact_s: float, place_m: Place, swing: Swing) -> None:
        """Swing the foot to a place, there in the body's heading, and make that contact the present."""
        before, yaw = self._stances[foot], self._yaw(foot)
        release_s = contact_s - swing.swing_s
        # a hasty step after a slow one: the foot still stands flat for a moment
        lift_s = max(release_s - swing.roll_off_s, before.t_flat_s + 0.5 * STILL_STANCE_S)
        release_s = max(release_s, lift_s + 0.5 * swing.roll_off_s)
        contact_rad, hold_rad = math.radians(swing.contact_deg), math.radians(swing.hold_deg)
        flat = abs(contact_rad) < FLAT_RAD
        flat_s = contact_s + swing.roll_down_s
        self.footfalls[foot].append(
            (
                *(lift_s, release_s, contact_s, flat_s),
                *(before.place_m, place_m, before.yaw_rad, yaw),
                *(before.hold_rad, hold_rad, math.radians(swing.release_deg), 0.0 if flat else contact_rad),
                # both ends at once ring once
                *(swing.clearance_m, swing.impact_m_s2, 0.0 if flat else swing.second_impact_m_s2),
                *(int(swing.backward), int(swing.tripped), self.rng.standard_normal((3, 2))),
            )
        )
        self._stances[foot] = _Stance(place_m, yaw, flat_s, hold_rad)
        self.now_s, self._impact_m_s2 = contact_s, swing.impact_m_s2

    def carry(self, stance: Foot, gait: Gait, *, share: float = 1.0, turned: float = 0.0) -> None:
        """From now on the pelvis moves over the stance foot, with a share of the gait's usual movement."""
        person, step_m = self.person, gait.step_length_m.mean
        drop_deg = max(getattr(gait.drop_deg, stance) + self.deviation(person.drop_sd_deg), 0.0)
        bounce_m = person.bounce_m * (step_m / USUAL_STEP_M) ** 2
        if self.intervals[-1][0] == self.now_s:
            self.intervals.pop()  # no time to stand
        self.intervals.append(
            (
                *(self.now_s, self.centre_m, self.heading_rad, SIDE[stance], 0, 0.0, 0.0),
                *(share * person.sway_m, share * bounce_m, share * math.radians(drop_deg), gait.drop_peak),
                share * math.radians(person.tilt_wobble_deg),
                turned * math.radians(person.rotation_deg) * min(1.0, step_m / USUAL_STEP_M),
                self._impact_m_s2,
            )
        )
        self._impact_m_s2 = 0.0

    def settle(self, lag_m: float = 0.0) -> None:
        """Both feet are down; come to rest over them. Until then the pelvis lags behind."""
        behind = (
            self.centre_m[0] - lag_m * math.cos(self.heading_rad),
            self.centre_m[1] - lag_m * math.sin(self.heading_rad),
        )
        for centre_m, still, after_s in ((behind, 0, SETTLE_S), (self.centre_m, 1, 0.0)):
            place = (self.now_s, centre_m, self.heading_rad, 0, still, 0.0, 0.0)
            self.intervals.append((*place, *AT_REST, self._impact_m_s2))
            self.now_s, self._impact_m_s2 = self.now_s + after_s, 0.0

    def _yaw(self, foot: Foot) -> float:
        return self.heading_rad + SIDE[foot] * math.radians(self.person.toe_out_deg)
