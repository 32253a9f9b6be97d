"""What the stages of one sensor hand up: fixed records without padding, so that bytes can be compared."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

PROVISIONAL: Final = 0
CONTACT: Final = 1
SECOND: Final = 2
RELEASE: Final = 3
LENGTH: Final = 4
"""Length of the stride that the contact at `t_contact_ns` ends, known at the stillness after it; NaN = unknown."""
REST_BEGINS: Final = 5
"""The foot has been at rest for a second; `t_ns` is when that rest began."""
REST_ENDS: Final = 6
BREAK: Final = 7
"""A contact may have been lost at `t_ns` (a long gap): no stride and no step spans it."""
RESOLVED: Final = 8
"""The unknown mounting of this foot was worked out, with `confidence`."""

LOOKBACK_S: Final = 0.5
"""A contact leaves its foot's detector at the latest with the sample this long after it."""


class FootEvent(NamedTuple):
    """What a foot's stage has found. The fields are those of a FOOT_EVENT record, in its order."""

    kind: int
    t_ns: int
    """When it was, session clock."""
    t_emitted_ns: int
    """Newest sample needed for it."""
    t_contact_ns: int
    """The contact that a SECOND, RELEASE or LENGTH belongs to."""
    t_provisional_ns: int
    """CONTACT: newest sample its PROVISIONAL needed; NONE_NS if there was none."""
    pattern: int
    """Index in tables.PATTERNS."""
    direction: int
    """Index in tables.DIRECTIONS."""
    quality: int
    """Bits of tables.REASONS."""
    foot_angle_deg: float
    """NaN = unknown."""
    confidence: float
    length_m: float
    """LENGTH: along the ground, unsigned; NaN = unknown."""
    turn_deg: float
    """CONTACT: how far the foot turned since its contact before, positive to the left."""


FOOT_EVENT: Final = np.dtype([(name, "<i8" if of is int else "<f8") for name, of in FootEvent.__annotations__.items()])


def foot_events(records: npt.NDArray[np.void]) -> list[FootEvent]:
    """FOOT_EVENT records as plain numbers: their fields are read ten times as fast."""
    return [FootEvent._make(record) for record in records.tolist()]


NONE_NS: Final = -(2**63)
"""Stands for null in int64 fields of records; never leaves the stages."""

POSE: Final = np.dtype(
    [
        ("t_ns", "<i8"),
        ("dt_s", "<f8"),  # physical time since the sample before
        ("lost", "<i8"),  # samples lost just before this one
        ("fresh", "<i8"),  # 1 where the attitude begins anew: I before it and after it are not the same
        ("q", "<f8", (4,)),  # wxyz, sensor -> drifting inertial frame I (gyro only, heading arbitrary)
        ("up", "<f8", (3,)),  # unit vector in I, against gravity, as known at this sample
        ("force", "<f8", (3,)),  # m/s^2, specific force in I
        ("known", "<i8"),  # 1 once gravity is known: rested, or one filter time constant has passed
        ("rested", "<i8"),  # 1 once the sensor has rested (gyro bias known)
        ("resting", "<i8"),  # 1 while at rest
    ]
)
"""One a pelvis sample, before the step's gravity is frozen."""
