"""The tables of the contract, each described once: the store derives its Arrow schema from here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import numpy.typing as npt

DType: TypeAlias = Literal["string", "int64", "float32", "float64", "bool"]
Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = dict[str, Value]
"""One row of a table; keys are its columns in order, None is null."""
Columns: TypeAlias = Mapping[str, npt.NDArray[Any] | Sequence[Value]]
"""The same by column, all equally long; null is None, or masked (numpy.ma)."""


def whole(row: Row, name: str) -> int:
    """A column that holds an integer in every row, or in this one."""
    value = row[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}; want a whole number")
    return value


def number(row: Row, name: str) -> float:
    """A column that holds a number in every row, or in this one."""
    value = row[name]
    if not isinstance(value, int | float):
        raise TypeError(f"{name} is {value!r}; want a number")
    return float(value)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    dtype: DType
    meaning: str
    unit: str | None = None
    nullable: bool = False
    optional: bool = False
    """Files of other makers may lack it: it is then null throughout."""


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is the file's stem; rows are sorted by `sorted_by`."""

    name: str
    columns: tuple[Column, ...]
    sorted_by: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _time(name: str, meaning: str, *, nullable: bool = False, optional: bool = False) -> Column:
    return Column(name, "int64", meaning, "ns", nullable, optional)


def _number(name: str, meaning: str, unit: str, *, dtype: DType = "float32", nullable: bool = True) -> Column:
    return Column(name, dtype, meaning, unit, nullable)


DIRECTIONS: Final = ("uncertain", "forward", "backward", "in_place")
PATTERNS: Final = ("uncertain", "heel_to_toe", "toe_to_heel", "flat")
"""Names of the codes that kernels emit: the index is the code."""

REASONS: Final = ("start", "turn", "stop", "gap", "saturated", "at_end")
"""Quality reasons; bit k of a kernel's quality mask stands for REASONS[k]."""


def quality_text(mask: int) -> str:
    """Sorted reasons joined by `;`, empty = clean.

    >>> quality_text(0), quality_text(0b001001)
    ('', 'gap;start')
    """
    return ";".join(sorted(reason for bit, reason in enumerate(REASONS) if mask >> bit & 1))


CONTACTS: Final = Table(
    "contacts",
    (
        Column("foot", "string", "left or right"),
        _time("t_contact_ns", "initial contact: the first part of the foot that touches"),
        _time("t_second_ns", "the other end of the foot lands; null only if not seen", nullable=True),
        _time("t_release_ns", "final contact: the last part leaves", nullable=True),
        Column("pattern", "string", "toe_to_heel, heel_to_toe, flat or uncertain"),
        Column("direction", "string", "of the swing that this contact ends: backward, forward, in_place or uncertain"),
        _number("foot_angle_deg", "of the sole at contact against flat stance, positive toes-up", "deg"),
        _number("confidence", "probability that pattern and direction are right", "1", nullable=False),
        _time("t_provisional_ns", "newest sample needed for the provisional event", nullable=True),
        _time("t_emitted_ns", "newest sample needed for the final contact event"),
        Column("quality", "string", "empty = clean, else sorted reasons joined by ;"),
    ),
    sorted_by=("t_contact_ns", "foot"),
)

STRIDES: Final = Table(
    "strides",
    (
        Column("foot", "string", "left or right"),
        Column("stride_id", "int64", "from 0 in order of start, left first"),
        _time("t_start_ns", "contact that starts the stride"),
        _time("t_end_ns", "next contact of the same foot"),
        _time("t_release_ns", "final contact between them", nullable=True),
        _number("stride_time_s", "end minus start", "s", nullable=False),
        _number("stance_time_s", "release minus start", "s"),
        _number("swing_time_s", "end minus release", "s"),
        _number("stance_fraction", "stance time over stride time", "1"),
        _number("stride_length_m", "along the ground, unsigned", "m"),
        _number("speed_m_s", "stride length over stride time, negative = backward", "m/s"),
        Column("direction", "string", "of the contact that ends it"),
        Column("pattern", "string", "of the contact that starts it"),
        Column("quality", "string", "empty = clean, else sorted reasons joined by ;"),
    ),
    sorted_by=("t_start_ns", "foot"),
)

STEPS: Final = Table(
    "steps",
    (
        Column("stance_foot", "string", "foot of the first contact"),
        _time("t_start_ns", "first contact"),
        _time("t_end_ns", "contact of the other foot that follows it"),
        _number("step_time_s", "end minus start", "s", nullable=False),
        _number("cadence_spm", "60 over step time", "1/min", nullable=False),
        Column("direction", "string", "of the second contact"),
        _number("pelvic_drop_deg", "largest fall of the swing side in the step minus its value at the start", "deg"),
        _number(
            "pelvic_drop_robust_deg", "the same peak minus the least value within -100..+50 ms of the start", "deg"
        ),
        _number("pelvic_drop_sd_deg", "standard uncertainty of pelvic_drop_deg", "deg"),
        _number("pelvic_drop_peak_deg", "the same peak against the last quiet standing before it", "deg"),
        Column("late_peak", "bool", "the largest fall lies in the last 15 % of the step", nullable=True),
        _number("obliquity_rom_deg", "range of obliquity in the step", "deg"),
        _number("tilt_deg", "mean anterior tilt against standing", "deg"),
        _number("rotation_rom_deg", "range of rotation in the step", "deg"),
        Column("quality", "string", "empty = clean, else sorted reasons joined by ;"),
    ),
    sorted_by=("t_start_ns", "stance_foot"),
)

ANALYSIS: Final = (CONTACTS, STRIDES, STEPS)

EVENTS: Final = Table(
    "events",
    (
        _time("t_ns", "when it was, or began"),
        _time("t_end_ns", "when it ended", nullable=True),
        Column("kind", "string", "phase, cue, note or mark"),
        Column("value", "string", "JSON"),
    ),
    sorted_by=("t_ns",),
)

STREAM: Final = Table(
    "stream",
    (
        _time("t_ns", "when it happened"),
        Column("sensor", "string", "foot_left, foot_right or pelvis"),
        Column("event", "string", "drop, back, late or clock_reset"),
    ),
)

TREADMILL: Final = Table(
    "treadmill",
    (
        _time("t_ns", "session clock"),
        _number("speed_m_s", "of the belt", "m/s", nullable=False),
        _number("incline_pct", "of the deck; null if it does not tell", "%"),
    ),
    sorted_by=("t_ns",),
)

HEART_RATE: Final = Table(
    "heart_rate",
    (_time("t_ns", "session clock"), _number("heart_rate_bpm", "as the strap tells it", "1/min", nullable=False)),
    sorted_by=("t_ns",),
)

AXES: Final = ("acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z")
RAW_UNITS: Final[Mapping[str, str]] = MappingProxyType({axis: "m/s^2" if axis[0] == "a" else "rad/s" for axis in AXES})
RAW: Final = Table(
    "raw",
    (
        _time("t_ns", "session clock, in order of arrival"),
        Column("seq", "int64", "sample counter; a jump = lost samples", "1"),
        *(
            _number(axis, "specific force" if axis[0] == "a" else "angular rate", RAW_UNITS[axis], nullable=False)
            for axis in AXES
        ),
    ),
)

TRUTH_CONTACTS: Final = Table(
    "truth_contacts",
    (
        Column("foot", "string", "left or right"),
        _time("t_contact_ns", "first part of the foot that touches"),
        _time("t_release_ns", "last part leaves", nullable=True),
        Column("first", "string", "toe, heel or flat", nullable=True),
        _number("pitch_deg", "of the sole at contact, positive toes-up", "deg"),
        Column("direction", "string", "of the swing that this contact ends", nullable=True),
        _number("stride_length_m", "of the stride that this contact ends, along the ground", "m"),
        _time("t_toe_on_ns", "the toe touches the ground in this stance; null if it does not", nullable=True),
        _time("t_heel_on_ns", "the heel touches the ground in this stance; null if it does not", nullable=True),
        *(
            _time(
                f"t_{end}_off_ns",
                f"the {end} leaves the ground in this stance; null if it never touched it, or leaves after the end",
                nullable=True,
                optional=True,
            )
            for end in ("heel", "toe")
        ),
        Column(
            "speed_m_s",
            "float32",
            "of the stride that this contact ends, negative = backward",
            "m/s",
            nullable=True,
            optional=True,
        ),
    ),
    sorted_by=("t_contact_ns", "foot"),
)

TRUTH_STEPS: Final = Table(
    "truth_steps",
    (
        Column("stance_foot", "string", "foot of the first contact"),
        _time("t_start_ns", "first contact"),
        _time("t_end_ns", "contact of the other foot that follows it"),
        Column("direction", "string", "of the second contact"),
        _number(
            "pelvic_drop_deg",
            "largest fall of the swing side in the step minus its value at the start",
            "deg",
            nullable=False,
        ),
    ),
    sorted_by=("t_start_ns", "stance_foot"),
)

TRUTH_PELVIS: Final = Table(
    "truth_pelvis",
    (
        _time("t_ns", "session clock"),
        _number("obliquity_deg", "positive left side up", "deg", nullable=False),
        _number("tilt_deg", "positive anterior", "deg", nullable=False),
        _number("rotation_deg", "positive to the left", "deg", nullable=False),
    ),
    sorted_by=("t_ns",),
)
