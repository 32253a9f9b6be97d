"""Who walks, and how: plain numbers."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self, TypeAlias

from imu.core.errors import BadSpec
from imu.core.session import FEET, Foot
from imu.simulate.limits import Sides, check, check_sides

Direction: TypeAlias = Literal["forward", "backward"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("forward", "backward")

CADENCE_POWER: Final = 0.58
"""Cadence grows with this power of speed, step length with the rest."""
STANCE_SLOPE_S_M: Final = 0.075
"""So much of the stride the stance gets shorter for each m/s: 0.68 of it at 0.4 m/s, 0.63 at 1.15, 0.58 at 1.9."""
SHORTEST_STANCE: Final = 0.54
STILL_STANCE_S: Final = 0.04
"""Every stance stands still at least that long: roll-down and roll-off leave it that room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gait:
    """How a person walks in one direction, at the speed that cadence and step length make.

    Foot angles are of the sole, positive toes-up. The sign of the angle at contact says which end lands first
    (positive: the heel; within one degree of 0: both), that of the angle at release which end leaves last (positive:
    the heel), whatever the direction: a toe walker goes forward with -15, a cautious person backward with 0.
    """

    cadence_spm: float = 108.0
    step_length_m: Sides = field(default_factory=lambda: Sides.both(0.64))
    """Of the step that ends with this side's contact."""
    stance_fraction: float = 0.63
    contact_angle_deg: Sides = field(default_factory=lambda: Sides.both(20.0))
    release_angle_deg: Sides = field(default_factory=lambda: Sides.both(-60.0))
    roll_down_s: float = 0.11
    """From the contact of the first end to the contact of the other."""
    roll_off_fraction: float = 0.40
    """Share of the stance between the lift of the first end and the release of the other."""
    clearance_m: float = 0.015
    impact_m_s2: float = 60.0
    """Peak of the ringing at initial contact, at 1.2 m/s; it grows with speed."""
    second_impact_share: float = 0.45
    """Peak of the ringing when the other end lands, of that of the initial contact."""
    drop_deg: Sides = field(default_factory=lambda: Sides.both(5.0))
    """How far the pelvis falls on the other side while this side's foot is the stance foot."""
    drop_peak: float = 0.32
    """Where in the step that fall is largest."""
    low_at_contact: float = 0.0
    """How low the pelvis is on the side of a landing foot, as a share of the smaller drop; the drop begins there."""
    heel_up_deg: Sides = field(default_factory=lambda: Sides.both(0.0))
    """How high a toe walker holds the heel in stance: it then never touches the ground."""
    limp: float = 0.0
    """Time of the steps that end with the left foot's contact minus that of the others, over their mean."""
    variability: float = 1.0
    """The person's standard deviations in this gait, in terms of what the person states."""

    def __post_init__(self) -> None:
        check("cadence_spm", self.cadence_spm, 20.0, 180.0, "steps a minute", "strides, or steps a second?")
        check_sides("step_length_m", self.step_length_m, 0.05, 1.1, "m", "in cm, or a stride of two steps?")
        check("stance_fraction", self.stance_fraction, 0.52, 0.85, "of the stride", "percent, or the swing?")
        check_sides("contact_angle_deg", self.contact_angle_deg, -40.0, 40.0, "degrees", "in rad, or the wrong sign?")
        check_sides("release_angle_deg", self.release_angle_deg, -80.0, 40.0, "degrees", "in rad, or the wrong sign?")
        check("roll_down_s", self.roll_down_s, 0.03, 0.4, "s", "in ms?")
        check("roll_off_fraction", self.roll_off_fraction, 0.05, 0.8, "of the stance", "percent?")
        check("clearance_m", self.clearance_m, 0.003, 0.2, "m", "in cm?")
        check("impact_m_s2", self.impact_m_s2, 0.0, 300.0, "m/s^2", "in g?")
        check("second_impact_share", self.second_impact_share, 0.0, 2.0, "of the impact", "percent?")
        check_sides("drop_deg", self.drop_deg, 0.0, 20.0, "degrees", "a drop is positive")
        check("low_at_contact", self.low_at_contact, 0.0, 0.5, "of the smaller drop", "in degrees?")
        check_sides("heel_up_deg", self.heel_up_deg, 0.0, 40.0, "degrees", "heel-up is positive here")
        check("variability", self.variability, 0.0, 5.0, "times", "percent?")
        check("limp", self.limp, -0.6, 0.6, "of a step", "percent?")
        check("drop_peak", self.drop_peak, 0.15, 0.85, "of the step", "percent?")
        check("the speed that cadence and step length make", self.speed_m_s, 0.1, 2.0, "m/s", "a stride length?")
        for side, angle in self.release_angle_deg._asdict().items():
            if abs(angle) < 3.0:
                raise BadSpec(
                    f"release_angle_deg.{side} is {angle:g}; want 3 degrees or more either way: "
                    "its sign says which end leaves last",
                    key="release_angle_deg",
                )
        for side, held in self.heel_up_deg._asdict().items():
            landing, leaving = getattr(self.contact_angle_deg, side), getattr(self.release_angle_deg, side)
            if held > 0.0 and (landing > -held or leaving > -held):
                raise BadSpec(
                    f"heel_up_deg.{side} is {held:g}, contact_angle_deg {landing:g} and release_angle_deg {leaving:g}; "
                    f"want both at {-held:g} or below: a heel that is held up neither lands nor leaves",
                    key="heel_up_deg",
                )
        room_s = self.stance_s * (1.0 - self.roll_off_fraction) - self.roll_down_s
        if room_s < STILL_STANCE_S:
            raise BadSpec(
                f"roll_down_s is {self.roll_down_s:g} and roll_off_fraction {self.roll_off_fraction:g}; a stance of "
                f"{self.stance_s:.2f} s leaves {room_s:.2f} s of flat foot; want {STILL_STANCE_S:g} (shorten one)",
                key="roll_down_s",
            )

    @property
    def step_s(self) -> float:
        return 60.0 / self.cadence_spm

    @property
    def stance_s(self) -> float:
        return 2.0 * self.step_s * self.stance_fraction

    @property
    def swing_s(self) -> float:
        return 2.0 * self.step_s * (1.0 - self.stance_fraction)

    @property
    def roll_off_s(self) -> float:
        return self.stance_s * self.roll_off_fraction

    @property
    def speed_m_s(self) -> float:
        return self.step_length_m.mean / self.step_s

    def at(
        self, *, speed_m_s: float | None = None, cadence_spm: float | None = None, step_length_m: float | None = None
    ) -> Self:
        """The same gait at another pace: what is not given follows.

        Speed alone changes cadence somewhat more than step length (Grieve & Gear 1966, Ergonomics 9:379), and the
        faster one walks, the shorter is the stance. Roll-down keeps its share of the stride.

        Raises:
            BadSpec: when all three are given, or no such walking is possible.
        """
        if speed_m_s is not None and cadence_spm is not None and step_length_m is not None:
            raise BadSpec(
                "speed_m_s, cadence_spm and step_length_m are all given; want two at most: the third follows",
                key="speed_m_s",
            )
        if speed_m_s is not None:
            check("speed_m_s", speed_m_s, 0.1, 2.0, "m/s", "km/h, or a sign? direction says it")
            if cadence_spm is None and step_length_m is None:
                cadence_spm = self.cadence_spm * (speed_m_s / self.speed_m_s) ** CADENCE_POWER
            if cadence_spm is None:
                cadence_spm = 60.0 * speed_m_s / (step_length_m or 1.0)
            step_length_m = 60.0 * speed_m_s / cadence_spm
        cadence_spm = self.cadence_spm if cadence_spm is None else cadence_spm
        longer = 1.0 if step_length_m is None else step_length_m / self.step_length_m.mean
        if cadence_spm == self.cadence_spm and longer == 1.0:
            return self
        faster_m_s = self.speed_m_s * (longer * cadence_spm / self.cadence_spm - 1.0)
        return replace(
            self,
            cadence_spm=cadence_spm,
            step_length_m=self.step_length_m.scaled(longer),
            stance_fraction=min(max(self.stance_fraction - STANCE_SLOPE_S_M * faster_m_s, SHORTEST_STANCE), 0.8),
            roll_down_s=min(max(self.roll_down_s * self.cadence_spm / cadence_spm, 0.03), 0.4),
        )


FORWARD: Final = Gait()
BACKWARD: Final = Gait(
    cadence_spm=96.0,
    step_length_m=Sides.both(0.44),
    stance_fraction=0.65,
    contact_angle_deg=Sides.both(-25.0),
    release_angle_deg=Sides.both(9.0),
    roll_down_s=0.14,
    roll_off_fraction=0.28,
    second_impact_share=0.35,
    drop_peak=0.6,
    low_at_contact=0.45,
    variability=2.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A body and its two gaits. Standard deviations are of single strides and steps, drawn anew each time."""

    forward: Gait = field(default_factory=lambda: FORWARD)
    backward: Gait = field(default_factory=lambda: BACKWARD)
    first_foot: Foot = "right"
    foot_length_m: float = 0.19
    """From the heel's contact point to the ball, where the toes bend."""
    toe_length_m: float = 0.06
    """From the ball to the tip of the toes."""
    stir_deg: float = 1.0
    """How much a sensor on a foot stirs while the foot stands still: shoe and strap give way."""
    sole_delay_s: float = 0.006
    """From a contact until a worn sensor feels it: sole and shoe give way."""
    strap_hz: float = 38.0
    """At which a foot's sensor rings on shoe and strap after an impact."""
    thigh_m: float = 0.42
    """From hip to knee, and from there to the ankle: of a body 1.71 m tall (Winter 2009, Biomechanics, fig. 4.1)."""
    shank_m: float = 0.42
    ankle_height_m: float = 0.07
    step_width_m: float = 0.1
    step_width_sd_m: float = 0.015
    toe_out_deg: float = 6.0
    autocorrelation: float = 0.3
    """Of one stride's deviations with the next one's, same foot; 0 = each stride is drawn anew."""
    stride_time_sd_s: float = 0.02
    step_length_sd_m: float = 0.015
    contact_angle_sd_deg: float = 2.0
    drop_sd_deg: float = 0.5
    shape_sd: float = 0.15
    """Of roll-off, roll-down, release angle, clearance, impact, and the pelvis' tilting and rotation from step to step,
    as a share of each.
    """
    sway_m: float = 0.025
    """How far the pelvis moves over the stance foot, from the midline."""
    bounce_m: float = 0.018
    """Half the pelvis' vertical path, at a step of 0.65 m; it grows with the step."""
    tilt_deg: float = 8.0
    tilt_wobble_deg: Sides = field(default_factory=lambda: Sides.both(1.2))
    """Half the range of the pelvis' tilt while this side's foot is the stance foot."""
    rotation_deg: Sides = field(default_factory=lambda: Sides.both(5.0))
    """How far the leading side of the pelvis is turned to the front when this side's foot lands."""
    standing_sway_deg: float = 0.12

    def __post_init__(self) -> None:
        if self.first_foot not in FEET:
            raise BadSpec(f"first_foot is {self.first_foot!r}; want left or right", key="first_foot")
        check("foot_length_m", self.foot_length_m, 0.08, 0.35, "m", "in cm?")
        check("toe_length_m", self.toe_length_m, 0.02, 0.15, "m", "in cm?")
        check("stir_deg", self.stir_deg, 0.0, 5.0, "degrees", "in rad?")
        check("sole_delay_s", self.sole_delay_s, 0.0, 0.05, "s", "in ms?")
        check("strap_hz", self.strap_hz, 10.0, 100.0, "Hz", "in rad/s?")
        check("thigh_m", self.thigh_m, 0.2, 0.7, "m", "in cm?")
        check("shank_m", self.shank_m, 0.2, 0.7, "m", "in cm?")
        check("ankle_height_m", self.ankle_height_m, 0.03, 0.15, "m", "in cm?")
        check("step_width_m", self.step_width_m, 0.0, 0.5, "m", "in cm?")
        check("toe_out_deg", self.toe_out_deg, -30.0, 45.0, "degrees", "in rad?")
        check("autocorrelation", self.autocorrelation, -0.9, 0.98, "", "percent?")
        check("stride_time_sd_s", self.stride_time_sd_s, 0.0, 0.15, "s", "in ms or percent?")
        check("step_length_sd_m", self.step_length_sd_m, 0.0, 0.15, "m", "in cm or percent?")
        check("step_width_sd_m", self.step_width_sd_m, 0.0, 0.06, "m", "in cm?")
        check("contact_angle_sd_deg", self.contact_angle_sd_deg, 0.0, 8.0, "degrees", "in rad?")
        check("drop_sd_deg", self.drop_sd_deg, 0.0, 5.0, "degrees", "in rad?")
        check("shape_sd", self.shape_sd, 0.0, 0.2, "of each", "percent?")
        check("sway_m", self.sway_m, 0.0, 0.15, "m", "in cm?")
        check("bounce_m", self.bounce_m, 0.0, 0.08, "m", "in cm?")
        check("tilt_deg", self.tilt_deg, -30.0, 40.0, "degrees", "in rad?")
        check_sides("tilt_wobble_deg", self.tilt_wobble_deg, 0.0, 10.0, "degrees", "in rad?")
        check_sides("rotation_deg", self.rotation_deg, 0.0, 25.0, "degrees", "in rad?")
        check("standing_sway_deg", self.standing_sway_deg, 0.0, 2.0, "degrees", "in rad?")

    def gait(self, direction: Direction) -> Gait:
        return self.forward if direction == "forward" else self.backward
