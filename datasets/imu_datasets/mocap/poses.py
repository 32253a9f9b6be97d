"""What motion capture knows of a walk: where bodies were, and how they lay."""

from collections.abc import Mapping
from dataclasses import dataclass

from imu.core.samples import Floats
from imu.core.session import Foot, Sensor


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A rigid part of a person, or one that is taken for rigid, n frames."""

    place_m: Floats
    """(n, 3) its origin, level frame, z up, floor at 0"""
    rotation: Floats
    """(n, 3, 3) its axes (columns: forward, left, up, as in quiet standing) in the level frame"""


@dataclass(frozen=True, slots=True, eq=False)
class Sole:
    """Both ends of a foot's sole, n frames, so far as they are known: markers and joints lie above it, and that does no
    harm, for a height counts from where the same point lies on the ground.
    """

    heel_m: Floats
    """(n, 3) level frame"""
    toe_m: Floats
    """(n, 3) level frame, its tip: the last that leaves in forward walking"""
    ball_m: Floats | None = None
    """(n, 3) level frame, where the toes begin: the front touches while either does. None = not known apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """A walk, from time 0 on; frames lie evenly."""

    rate_hz: float
    bodies: Mapping[Sensor, Body]
    """Of what carries each sensor: feet and pelvis."""
    soles: Mapping[Foot, Sole]

    def __len__(self) -> int:
        """How many frames."""
        return len(next(iter(self.bodies.values())).place_m)
