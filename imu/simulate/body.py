"""Where feet and pelvis are while a protocol is walked through, and the compact rows that remember it."""

import math
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from imu.core.session import FEET, Foot
from imu.simulate.ledger import Ledger, Rows
from imu.simulate.person import STILL_STANCE_S, Gait, Person
from imu.simulate.variability import Chance, Deviations

Place: TypeAlias = tuple[float, float]

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
        ("strike", "<f8", (5,)),  # standard normal: what is special about this impact
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
        ("low_rad", "<f8"),  # how low the pelvis is on the stance side, at its beginning
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

WEARING: Final = ("stir", "strike")
"""What is drawn for each footfall alone, and only shows on a sensor."""
SETTLE_S: Final = 0.7
"""From the last contact to quiet standing."""
FLAT_RAD: Final = math.radians(1.0)
"""A foot that comes down flatter than this comes down flat."""
USUAL_STEP_M: Final = 0.65
TRIP_AT: Final = 0.3
"""Share of the swing at which a foot is caught."""


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


class Stumble(NamedTuple):
    """A foot was caught in mid-swing."""

    t_s: float
    foot: Foot


class Posture(NamedTuple):
    """Of the pelvis, against standing upright."""

    height_m: float = 0.0
    lean_rad: float = 0.0


class Moving(NamedTuple):
    """What the pelvis does until the next contact, as INTERVAL has it."""

    sway_m: float = 0.0
    bounce_m: float = 0.0
    drop_rad: float = 0.0
    drop_peak: float = 0.5
    wobble_rad: float = 0.0
    rotation_rad: float = 0.0
    low_rad: float = 0.0


UPRIGHT: Final = Posture()
AT_REST: Final = Moving()


def ahead_of(place_m: Place, heading_rad: float, ahead_m: float, left_m: float = 0.0) -> Place:
    """A place so far ahead of another one, and to its left."""
    cos, sin = math.cos(heading_rad), math.sin(heading_rad)
    return place_m[0] + ahead_m * cos - left_m * sin, place_m[1] + ahead_m * sin + left_m * cos


def between(one_m: Place, other_m: Place) -> Place:
    """The middle of two places."""
    return 0.5 * (one_m[0] + other_m[0]), 0.5 * (one_m[1] + other_m[1])


class _Stance(NamedTuple):
    place_m: Place
    yaw_rad: float
    t_flat_s: float
    hold_rad: float


class Body:
    """Starts standing at the origin at time 0, heading along x."""

    def __init__(self, person: Person, rng: np.random.Generator) -> None:
        self.person = person
        # how often one thing is asked of chance must not change what the others get
        self.rng, *others = rng.spawn(1 + 2 * len(FEET))
        self.now_s, self.centre_m, self.heading_rad = 0.0, (0.0, 0.0), 0.0
        self.stumbles: list[Stumble] = []
        self._wearing = dict(zip(FEET, others[: len(FEET)], strict=True))
        strides = zip(FEET, others[len(FEET) :], strict=True)
        self._deviations = {foot: Deviations(own, person.autocorrelation) for foot, own in strides}
        self._chance = {foot: deviations.next() for foot, deviations in self._deviations.items()}
        self._footfalls = {foot: Ledger(FOOTFALL, later=WEARING) for foot in FEET}
        self._intervals = Ledger(INTERVAL)
        self._stances: dict[Foot, _Stance] = {}
        self._impact_m_s2, self._moved_s = 0.0, -1.0
        for foot in FEET:
            place, yaw = self.beside(foot, self.centre_m, 0.0), self.yaw(foot, 0.0)
            self._stances[foot] = _Stance(place, yaw, -1.0, 0.0)
            times, angles = (-4.0, -3.0, -2.0, -1.0), (0.0, 0.0, -0.1, 0.0)
            self._footfalls[foot].append(*times, *place, *place, yaw, yaw, *angles, 0.0, 0.0, 0.0, 0, 0)
        self._intervals.append(-1.0, *self.centre_m, 0.0, 0, 1, *UPRIGHT, *AT_REST, 0.0)

    def beside(self, foot: Foot, centre_m: Place, heading_rad: float, wider_m: float = 0.0) -> Place:
        """Where the foot stands when the middle between the feet is there; never across it."""
        return ahead_of(centre_m, heading_rad, 0.0, SIDE[foot] * max(0.5 * self.person.step_width_m + wider_m, 0.0))

    def middle(self, foot: Foot) -> Place:
        """Where the middle between the feet would be if the body stood straight beside this foot."""
        half_m = 0.5 * self.person.step_width_m
        return ahead_of(self._stances[foot].place_m, self.heading_rad, 0.0, -SIDE[foot] * half_m)

    def yaw(self, foot: Foot, heading_rad: float) -> float:
        return heading_rad + SIDE[foot] * math.radians(self.person.toe_out_deg)

    def vary(self, foot: Foot) -> Chance:
        """The chance of this foot's next stride."""
        self._chance[foot] = chance = self._deviations[foot].next()
        return chance

    def land(self, foot: Foot, contact_s: float, place_m: Place, yaw_rad: float, swing: Swing) -> None:
        """Swing the foot to a place and make that contact the present: a little later where the foot is in no state to
        be there so soon.
        """
        before = self._stances[foot]
        # a hasty step after a slow one: the foot still stands flat for a moment
        lift_s = max(contact_s - swing.swing_s - swing.roll_off_s, before.t_flat_s + 0.5 * STILL_STANCE_S)
        release_s = max(contact_s - swing.swing_s, lift_s + 0.5 * swing.roll_off_s)
        contact_s = max(contact_s, release_s + 0.5 * swing.swing_s)
        contact_rad, hold_rad = math.radians(swing.contact_deg), math.radians(swing.hold_deg)
        flat = abs(contact_rad) < FLAT_RAD
        flat_s = contact_s + swing.roll_down_s
        self._footfalls[foot].append(
            *(lift_s, release_s, contact_s, flat_s),
            *(*before.place_m, *place_m, before.yaw_rad, yaw_rad),
            *(before.hold_rad, hold_rad, math.radians(swing.release_deg), 0.0 if flat else contact_rad),
            # both ends at once ring once
            *(swing.clearance_m, swing.impact_m_s2, 0.0 if flat else swing.second_impact_m_s2),
            *(int(swing.backward), int(swing.tripped)),
        )
        if swing.tripped:
            self.stumbles.append(Stumble(release_s + TRIP_AT * (contact_s - release_s), foot))
        self._stances[foot] = _Stance(place_m, yaw_rad, flat_s, hold_rad)
        self.now_s, self._impact_m_s2 = contact_s, swing.impact_m_s2

    def carry(
        self,
        stance: Foot,
        gait: Gait,
        *,
        share: float = 1.0,
        turned: float = 0.0,
        posture: Posture = UPRIGHT,
    ) -> None:
        """From now on the pelvis moves over the stance foot, with a share of the gait's usual movement."""
        person, step_m = self.person, gait.step_length_m.mean
        spread_deg = gait.variability * person.drop_sd_deg
        chance, shape = self._chance[stance], gait.variability * person.shape_sd
        drop_deg = max(getattr(gait.drop_deg, stance) + spread_deg * chance.drop, 0.0)
        rotation_deg = getattr(person.rotation_deg, stance) * min(1.0, math.sqrt(step_m / USUAL_STEP_M))
        moving = Moving(
            sway_m=share * person.sway_m,
            bounce_m=share * person.bounce_m * step_m / USUAL_STEP_M,
            drop_rad=share * math.radians(drop_deg),
            drop_peak=gait.drop_peak,
            wobble_rad=share
            * math.radians(getattr(person.tilt_wobble_deg, stance))
            * max(1.0 + shape * chance.tilt, 0.0),
            rotation_rad=turned * math.radians(rotation_deg) * max(1.0 + shape * chance.rotation, 0.0),
            low_rad=share * gait.low_at_contact * math.radians(min(gait.drop_deg)),
        )
        self.move(moving, side=SIDE[stance], posture=posture)

    def move(self, moving: Moving = AT_REST, *, side: int = 0, still: bool = False, posture: Posture = UPRIGHT) -> None:
        """What the pelvis does from now on, from where it is."""
        if self._moved_s == self.now_s:
            self._intervals.drop()  # no time to stand
        place = (self.now_s, *self.centre_m, self.heading_rad, side, int(still))
        self._intervals.append(*place, *posture, *moving, self._impact_m_s2)
        self._impact_m_s2, self._moved_s = 0.0, self.now_s

    def settle(self, lag_m: float = 0.0, posture: Posture = UPRIGHT) -> None:
        """Both feet are down; come to rest over them. Until then the pelvis lags behind."""
        over_m = self.centre_m
        self.centre_m = ahead_of(over_m, self.heading_rad, -lag_m)
        self.move(posture=posture)
        self.now_s, self.centre_m = self.now_s + SETTLE_S, over_m
        self.move(still=True)

    def footfalls(self, foot: Foot) -> Rows:
        """FOOTFALL rows so far; afterwards the foot rests for good."""
        rows = self._footfalls[foot].rows()
        columns = np.cumsum([math.prod(FOOTFALL[name].shape) for name in WEARING])
        drawn = self._wearing[foot].standard_normal((len(rows) - 1, columns[-1]))
        for name, part in zip(WEARING, np.split(drawn, columns[:-1], axis=1), strict=True):
            rows[name][1:] = part.reshape(-1, *FOOTFALL[name].shape)
        return rows

    def intervals(self) -> Rows:
        """INTERVAL rows so far, likewise."""
        return self._intervals.rows()
