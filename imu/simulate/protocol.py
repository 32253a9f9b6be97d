"""What the person does: standing, walking and turning, one after the other."""

from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

from imu.core.errors import BadSpec
from imu.simulate.limits import check
from imu.simulate.person import DIRECTIONS, Direction

Surface: TypeAlias = Literal["overground", "treadmill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Quiet standing, feet side by side."""

    seconds: float

    def __post_init__(self) -> None:
        check("seconds", self.seconds, 0.1, 86_400.0, "s", "in ms?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Walking from standing to standing, the closing step included; pace as in `Gait.at`.

    Walks of one direction that follow each other are one bout that changes its pace: no stop between them.
    """

    direction: Direction
    seconds: float | None = None
    steps: int | None = None
    speed_m_s: float | None = None
    cadence_spm: float | None = None
    step_length_m: float | None = None

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise BadSpec(f"direction is {self.direction!r}; want forward or backward", key="direction")
        if (self.seconds is None) == (self.steps is None):
            given = "neither is" if self.seconds is None else "both are"
            raise BadSpec(f"a walk takes seconds or steps; {given} given, want one", key="seconds")
        if self.seconds is not None:
            check("seconds", self.seconds, 0.1, 86_400.0, "s", "in ms?")
        if self.steps is not None:
            check("steps", self.steps, 2, 1_000_000, "steps, the closing one included", "strides?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Turning in place by small steps, positive to the left."""

    degrees: float

    def __post_init__(self) -> None:
        check("degrees", abs(self.degrees), 5.0, 720.0, "degrees either way", "in rad?")


Segment: TypeAlias = Stand | Walk | Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Segments in order, once through; with `duration_s` again and again until then, and cut there.

    On a treadmill the frame of all paths is the belt's, which at constant speed is as inertial as the ground's: the
    sensors read the same, and only `surface` tells. Belt starts and stops are not modelled.
    """

    segments: tuple[Segment, ...]
    surface: Surface = "overground"
    activity: str = "simulated walking"
    duration_s: float | None = None

    def __post_init__(self) -> None:
        if not self.segments:
            raise BadSpec("the protocol has no segments; want at least one to stand, walk or turn", key="segments")
        if self.surface not in ("overground", "treadmill"):
            raise BadSpec(f"surface is {self.surface!r}; want overground or treadmill", key="surface")
        if self.duration_s is not None:
            check("duration_s", self.duration_s, 0.5, 30.0 * 86_400.0, "s", "in minutes?")

    def lasting(self, seconds: float) -> Self:
        """The same segments, again and again until then."""
        return replace(self, duration_s=seconds)
