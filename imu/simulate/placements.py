"""Where a sensor sits: the usual places by name, and what its readings are while it is taken off and put on again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from imu.core.errors import BadSpec
from imu.core.samples import Floats
from imu.core.session import Sensor
from imu.simulate.kinematics import Readings
from imu.simulate.limits import check

Triple: TypeAlias = tuple[float, float, float]
Matrix: TypeAlias = tuple[Triple, Triple, Triple]
Segment: TypeAlias = Literal["foot", "toes", "pelvis"]

ALIGNED: Final[Matrix] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
ZERO: Final[Triple] = (0.0, 0.0, 0.0)
UPRIGHT_BEHIND: Final[Matrix] = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
"""x up and z out of the skin, to the rear."""
UPRIGHT_LEFT: Final[Matrix] = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
UPRIGHT_RIGHT: Final[Matrix] = ((0.0, -1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))


class Placement(NamedTuple):
    """A usual place; fields as those of a sensor model."""

    segment: Segment
    """The part of the body that carries it."""
    position_m: Triple
    mounting: Matrix
    strapped_deg: Triple
    """Of a left foot: a right one's is its mirror image."""


PLACEMENTS: Final[Mapping[str, Placement]] = MappingProxyType(
    {
        # a shoe of 28 cm: its ends lie 0.12 m behind and 0.15 m ahead of the middle of what bears on the ground
        "dorsum": Placement("foot", (0.02, 0.0, 0.07), ALIGNED, (2.0, 22.0, 4.0)),
        "toe_cap": Placement("toes", (0.125, 0.0, 0.05), ALIGNED, (-3.0, 14.0, 6.0)),
        "heel_counter": Placement("foot", (-0.12, 0.0, 0.05), UPRIGHT_BEHIND, (2.0, 9.0, -5.0)),
        # the back of the sacrum looks up a little, that of the lumbar curve down
        "sacrum": Placement("pelvis", (-0.1, 0.0, 0.05), UPRIGHT_BEHIND, (0.0, 12.0, 0.0)),
        "l5": Placement("pelvis", (-0.095, 0.0, 0.1), UPRIGHT_BEHIND, (1.0, -6.0, 2.0)),
        # the wings of the ilium flare, and their crests look forward
        "iliac_crest_left": Placement("pelvis", (0.01, 0.14, 0.09), UPRIGHT_LEFT, (10.0, 4.0, -12.0)),
        "iliac_crest_right": Placement("pelvis", (0.01, -0.14, 0.09), UPRIGHT_RIGHT, (-10.0, 4.0, 12.0)),
    }
)


def mirrored(place: Placement) -> Placement:
    """The same place on the other side of the body. Sensors come in one make: the nominal mounting stays."""
    (x, y, z), (roll, pitch, yaw) = place.position_m, place.strapped_deg
    return place._replace(position_m=(x, -y, z), strapped_deg=(-roll, pitch, -yaw))


def check_worn(sensor: Sensor, placement: str | None) -> None:
    """Refuse a named place that is on another part of the body.

    Raises:
        BadSpec: naming the places that this sensor can have.
    """
    part = "pelvis" if sensor == "pelvis" else "foot"
    fitting = [name for name, place in PLACEMENTS.items() if (place.segment == "pelvis") == (part == "pelvis")]
    if placement in PLACEMENTS and placement not in fitting:
        raise BadSpec(
            f"placement is {placement!r}; want one on the {part}: {', '.join(fitting)} (another sensor's?)",
            key="placement",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrapping:
    """The sensor is taken off and put on again, not quite as it was. session.json does not know of it."""

    t_s: float
    strapped_deg: Triple
    """How it sits from then on, against the nominal mounting."""
    off_s: float = 0.0
    """How long it is in somebody's hand, who turns it smoothly and holds it beside its place; 0 = it slips at once."""
    by_hand_deg: Triple = (25.0, 60.0, -35.0)
    """How far it is turned meanwhile, beyond what its new seat asks, and back."""

    def __post_init__(self) -> None:
        check("t_s", self.t_s, 0.0, 1e7, "s", "in ms?")
        check("off_s", self.off_s, 0.0, 3600.0, "s, how long it is off", "in ms?")
        for key in ("strapped_deg", "by_hand_deg"):
            for value in getattr(self, key):
                check(key, value, -180.0, 180.0, "degrees", "in rad?")


def check_in_turn(restrapped: tuple[Restrapping, ...]) -> None:
    """Refuse restrappings that overlap or go back in time.

    Raises:
        BadSpec: naming the two.
    """
    for before, after in pairwise(restrapped):
        if after.t_s < before.t_s + before.off_s:
            raise BadSpec(
                f"restrapped has one at {after.t_s:g} s, when that of {before.t_s:g} s is not over; want them one "
                "after the other (not in order?)",
                key="restrapped",
            )


def axes(mounting: Matrix, strapped_deg: Triple) -> Floats:
    """(3, 3), rows = the body's forward, left and up axes in sensor axes, of a sensor that sits so."""
    roll, pitch, yaw = np.radians(strapped_deg)
    return _turn(2, yaw) @ _turn(1, pitch) @ _turn(0, roll) @ np.array(mounting)


def _turn(axis: int, angle: float) -> Floats:
    cos, sin = math.cos(angle), math.sin(angle)
    matrix, i, j = np.eye(3), (axis + 1) % 3, (axis + 2) % 3
    matrix[[i, i, j, j], [i, j, i, j]] = cos, -sin, sin, cos
    return matrix


def reseated(true: Readings, t_s: Floats, strapped_deg: Triple, restrapped: tuple[Restrapping, ...]) -> Readings:
    """Readings (n, 3) in body axes as those in the axes of a sensor that is mounted nominally but strapped anew.

    Args:
        true: in body axes
        t_s: (n,) when
        strapped_deg: how it sits at first
        restrapped: and then, in order
    """
    angles, rates = _seat(t_s, strapped_deg, restrapped)
    acc, gyr = true.acc.T.copy(), true.gyr.T.copy()
    for axis in (2, 1, 0):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        cos, sin = np.cos(angles[axis]), np.sin(angles[axis])
        gyr[axis] += rates[axis]
        for vector in (acc, gyr):
            vector[i], vector[j] = cos * vector[i] + sin * vector[j], cos * vector[j] - sin * vector[i]
    return Readings(acc.T, gyr.T)


def _seat(t_s: Floats, strapped_deg: Triple, restrapped: tuple[Restrapping, ...]) -> tuple[Floats, Floats]:
    """Roll, pitch and yaw (3, n) against the nominal mounting in rad, and their rates in rad/s."""
    before = np.radians(strapped_deg)[:, None]
    angles, rates = np.repeat(before, len(t_s), axis=1), np.zeros((3, len(t_s)))
    for event in restrapped:
        seat, by_hand = (np.radians(turn)[:, None] for turn in (event.strapped_deg, event.by_hand_deg))
        since_s = t_s - event.t_s
        part = np.clip(since_s / event.off_s, 0.0, 1.0) if event.off_s else (since_s >= 0.0).astype(np.float64)
        # both polynomials begin and end with neither speed nor acceleration
        left = part * (1.0 - part)
        there, back = part**3 * (10.0 - 15.0 * part + 6.0 * part**2), 64.0 * left**3
        angles += there * (seat - before) + back * by_hand
        if event.off_s:
            rates += (30.0 * left**2 * (seat - before) + 192.0 * left**2 * (1.0 - 2.0 * part) * by_hand) / event.off_s
        before = seat
    return angles, rates
