"""What the person does: standing, walking, turning, sitting and more, one after the other."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal, Self, TypeAlias

from imu.core.errors import BadSpec
from imu.core.session import FEET, Foot
from imu.simulate.limits import check
from imu.simulate.person import DIRECTIONS, Direction

Surface: TypeAlias = Literal["overground", "treadmill"]

LONGEST_S: Final = 86_400.0
TIGHTEST_DEG_PER_M: Final = 60.0
"""Walking turns no tighter than on a circle of about a metre; whoever does makes a U-turn."""
WIDEST_TURNING_STEP_DEG: Final = 60.0
"""The feet turn no farther against each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Quiet standing, feet side by side."""

    seconds: float

    def __post_init__(self) -> None:
        check("seconds", self.seconds, 0.1, LONGEST_S, "s", "in ms?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Walking from standing to standing, the closing step included; pace as in `Gait.at`.

    Walks of one direction that follow each other are one bout that changes its pace: no stop between them. So are
    walks forward and U-turns.

    On a treadmill the belt starts and stops within the walk. Seconds are those of both; steps and metres say how long
    the belt runs at its speed, and the person takes some more while it starts and stops.
    """

    direction: Direction
    seconds: float | None = None
    steps: int | None = None
    metres: float | None = None
    speed_m_s: float | None = None
    cadence_spm: float | None = None
    step_length_m: float | None = None
    to_speed_m_s: float | None = None
    """The speed changes evenly until it is that one at the end."""
    turning_deg_per_m: float | None = None
    """Walking along a circle, positive to the left."""
    stumble_at_s: tuple[float, ...] = ()
    """Seconds since the walk began: the first step that begins then or later is caught; none is where no step is left
    but the closing one.
    """
    belt_stop_m_s2: float | None = None
    """How fast the belt stops after this walk, where that is not as usual: an emergency stop."""

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise BadSpec(f"direction is {self.direction!r}; want forward or backward", key="direction")
        given = [name for name in ("seconds", "steps", "metres") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) + " are" if given else "none of them is"
            raise BadSpec(f"a walk takes seconds, steps or metres; {found} given, want one", key="seconds")
        if self.seconds is not None:
            check("seconds", self.seconds, 0.1, LONGEST_S, "s", "in ms?")
        if self.steps is not None:
            check("steps", self.steps, 2, 1_000_000, "steps, the closing one included", "strides?")
        if self.metres is not None:
            check("metres", self.metres, 0.3, 100_000.0, "m", "in km or cm?")
        if self.to_speed_m_s is not None:
            check("to_speed_m_s", self.to_speed_m_s, 0.1, 2.0, "m/s", "km/h, or a sign? direction says it")
        if self.turning_deg_per_m is not None:
            most = TIGHTEST_DEG_PER_M
            check("turning_deg_per_m", self.turning_deg_per_m, -most, most, "degrees a metre", "tighter: a uturn?")
        for at_s in self.stumble_at_s:
            latest_s = LONGEST_S if self.seconds is None else self.seconds
            check("stumble_at_s", at_s, 0.0, latest_s, "s since the walk began", "since the session began?")
        if self.belt_stop_m_s2 is not None:
            check("belt_stop_m_s2", self.belt_stop_m_s2, 0.1, 4.0, "m/s^2", "the seconds it takes?")


@dataclass(frozen=True, slots=True, kw_only=True)
class UTurn:
    """Turning while walking on, positive to the left: the walk before goes on into it, a walk after goes on from it."""

    degrees: float = 180.0
    steps: int | None = None

    def __post_init__(self) -> None:
        check("degrees", abs(self.degrees), 30.0, 360.0, "degrees either way", "in rad?")
        if self.steps is not None:
            fewest = math.ceil(abs(self.degrees) / WIDEST_TURNING_STEP_DEG)
            check("steps", self.steps, fewest, 20, f"steps for {abs(self.degrees):g} degrees", "pairs of steps?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Turning in place by small steps, positive to the left."""

    degrees: float

    def __post_init__(self) -> None:
        check("degrees", abs(self.degrees), 5.0, 720.0, "degrees either way", "in rad?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideStep:
    """Steps to one side; the other foot closes up after each."""

    steps: int
    side: Foot
    length_m: float = 0.3

    def __post_init__(self) -> None:
        if self.side not in FEET:
            raise BadSpec(f"side is {self.side!r}; want left or right", key="side")
        check("steps", self.steps, 1, 1000, "steps, each with the other foot's", "in m?")
        check("length_m", self.length_m, 0.05, 0.8, "m", "in cm?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftWeight:
    """Standing, the pelvis sways over one foot and then over the other; both stay on the ground."""

    times: int
    seconds: float = 2.0
    """Of one sway, from the middle to one side and back."""
    lean_m: float = 0.06

    def __post_init__(self) -> None:
        check("times", self.times, 1, 10_000, "sways to one side", "in s?")
        check("seconds", self.seconds, 0.5, 60.0, "s each", "of all together?")
        check("lean_m", self.lean_m, 0.005, 0.2, "m", "in cm?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sit:
    """Sitting down, sitting still so long, and rising again; the feet stay where they are."""

    seconds: float

    def __post_init__(self) -> None:
        check("seconds", self.seconds, 0.1, LONGEST_S, "s", "in ms?")


Segment: TypeAlias = Stand | Walk | UTurn | Turn | SideStep | ShiftWeight | Sit


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Segments in order, once through; with `duration_s` again and again until then, and cut there.

    On a treadmill the belt rests until a walk begins, starts under the standing person, and stops under the walking
    one. People face either way on it: who is to walk backward where they walked forward turns by 180 degrees between.
    """

    segments: tuple[Segment, ...]
    surface: Surface = "overground"
    activity: str = "simulated walking"
    duration_s: float | None = None
    belt_ramp_m_s2: float = 0.25
    """How fast a treadmill's belt changes its speed, on average over the change."""

    def __post_init__(self) -> None:
        if not self.segments:
            raise BadSpec("the protocol has no segments; want at least one to stand, walk or turn", key="segments")
        if self.surface not in ("overground", "treadmill"):
            raise BadSpec(f"surface is {self.surface!r}; want overground or treadmill", key="surface")
        if self.duration_s is not None:
            check("duration_s", self.duration_s, 0.5, 30.0 * 86_400.0, "s", "in minutes?")
        check("belt_ramp_m_s2", self.belt_ramp_m_s2, 0.02, 2.0, "m/s^2", "the seconds it takes?")
        for segment in self.segments:
            self._check_surface(segment)
        for before, after in pairwise((None, *self.segments, None)):
            if isinstance(after, UTurn) and not (isinstance(before, Walk) and before.direction == "forward"):
                raise BadSpec("a uturn has no walk forward before it; want one to go on from, or a turn", key="do")
            if isinstance(before, UTurn) and isinstance(after, Walk) and after.direction == "backward":
                raise BadSpec("a uturn goes on into a walk backward; want forward, or a stand between", key="do")

    def _check_surface(self, segment: Segment) -> None:
        """Refuse what needs more room than a belt, and belts where there are none."""
        curved = isinstance(segment, Walk) and segment.turning_deg_per_m
        if self.surface == "treadmill" and (curved or isinstance(segment, UTurn | SideStep)):
            name = "a curve" if curved else type(segment).__name__.lower()
            raise BadSpec(f"{name} on a treadmill; want straight walks and turns in place (overground?)", key="surface")
        if self.surface == "overground" and isinstance(segment, Walk) and segment.belt_stop_m_s2 is not None:
            raise BadSpec("belt_stop_m_s2 without a belt; want surface treadmill", key="belt_stop_m_s2")

    def lasting(self, seconds: float) -> Self:
        """The same segments, again and again until then."""
        return replace(self, duration_s=seconds)
