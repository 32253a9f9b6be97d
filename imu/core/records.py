"""What the stages of one sensor hand up: fixed records without padding, so that bytes can be compared."""

from typing import Final

import numpy as np

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

FOOT_EVENT: Final = np.dtype(
    [
        ("kind", "<i8"),
        ("t_ns", "<i8"),  # when it was, session clock
        ("t_emitted_ns", "<i8"),  # newest sample needed for it
        ("t_contact_ns", "<i8"),  # the contact that a SECOND, RELEASE or LENGTH belongs to
        ("t_provisional_ns", "<i8"),  # CONTACT: newest sample its PROVISIONAL needed; NONE_NS if there was none
        ("pattern", "<i8"),  # index in tables.PATTERNS
        ("direction", "<i8"),  # index in tables.DIRECTIONS
        ("quality", "<i8"),  # bits of tables.REASONS
        ("foot_angle_deg", "<f8"),  # NaN = unknown
        ("confidence", "<f8"),
        ("length_m", "<f8"),  # LENGTH: along the ground, unsigned; NaN = unknown
        ("turn_deg", "<f8"),  # CONTACT: how far the foot turned since its contact before, positive to the left
    ]
)
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
