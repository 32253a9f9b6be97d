"""What one foot remembers and what it is told: state, coefficients, and how its events are written."""

import math
from typing import NamedTuple

import numpy as np

from imu.core.records import NONE_NS
from imu.kernels import contact, foot_frame, ring, stillness
from imu.kernels._jit import njit

# codes of tables.DIRECTIONS and tables.PATTERNS
UNCERTAIN, FORWARD, BACKWARD, IN_PLACE = 0, 1, 2, 3
HEEL_TO_TOE, TOE_TO_HEEL, FLAT = 1, 2, 3
# bits of tables.REASONS
START, TURN, STOP, GAP, SATURATED, AT_END = 1, 2, 4, 8, 16, 32

MOST_EVENTS = 12
"""No sample adds more events than this."""

STATE = np.dtype(
    [
        ("still", stillness.STATE),
        ("frame", foot_frame.STATE),
        ("swing", contact.STATE),
        ("ring", ring.STATE),
        ("low1", "<f8"),  # two first-order low-passes of the rate about the left axis
        ("low2", "<f8"),
        ("still_s", "<f8"),  # in a row of stillness
        ("rest_s", "<f8"),  # in a row of rest
        ("rest_from_ns", "<i8"),
        ("resting", "<i8"),  # 1 once a rest was reported and until it ends
        # of the swing under way
        ("reasons", "<i8"),
        ("provisional_ns", "<i8"),
        ("turn", "<f8"),  # rad, since the contact before
        ("pitch_high", "<f8"),
        ("pitch_low", "<f8"),
        # of the newest contact
        ("contact_ns", "<i8"),  # NONE_NS: none since the start or a reset
        ("shift", "<f8"),  # m, of its swing; NaN = unknown
        ("length_due", "<i8"),
        ("hole", "<i8"),  # most samples lost at once since the zero velocity before the swing
        ("release_due", "<i8"),
        ("second_due", "<i8"),
        ("second_i", "<i8"),  # next index to look at
        ("second_sign", "<f8"),  # way of the settling rotation
        ("second_top", "<f8"),
        ("second_past", "<f8"),
        ("down_s", "<f8"),  # sensor time of the second contact, or of the contact as long as there is none
        # mounting
        ("resolved", "<i8"),
        ("rises", "<f8"),  # rad, sum over swings of highest plus lowest pitch
        ("rises_n", "<i8"),
        ("rises_size", "<f8"),
    ]
)


class QuietCoefficients(NamedTuple):
    """Coming to quiet without a clear reversal."""

    quieter_s: float
    calm_s: float
    quiet_s: float
    quiet_level_s: float
    acc: float
    acc_untrusted: float
    level_slope: float
    after_peak_s: float
    busy_s: float
    turned_rad: float
    lobe_before_s: float
    before_lobe_s: float
    back_s: float
    slow_peak: float


class Coefficients(NamedTuple):
    still: stillness.Coefficients
    frame: foot_frame.Coefficients
    swing: contact.Coefficients
    quiet: QuietCoefficients
    low_weight: float
    still_after_s: float
    still_acc: float
    level_acc: float
    level_acc_start: float
    level_start_s: float
    believe_after_s: float
    quick_level_s: float
    bias_after_s: float
    quiet_zero_s: float
    landing_least_s: float
    landing_rise_s: float
    landing_rise: float
    landing_rise_below: float
    landing_most_s: float
    zero_rise: float
    swing_most_s: float
    reset_gap_s: float
    rest_rate: float
    rest_s: float
    start_rest_s: float
    nominal_s: float
    in_place_m: float
    clear_turn_rad: float
    agree_rad: float
    flat_rad: float
    flat_settled_rad: float
    angle_most_rad: float
    turn_rad: float
    stop_share: float
    length_gap_n: int
    resolve_swings: int
    resolve_share: float
    resolve_axis: float


@njit
def emit(out, n, s, kind, t_ns, now_ns):
    """Write one event with everything else unknown; the caller fills in what it knows."""
    e = out[n]
    e["kind"] = kind
    e["t_ns"] = t_ns
    e["t_emitted_ns"] = now_ns
    e["t_contact_ns"] = s["contact_ns"]
    e["t_provisional_ns"] = NONE_NS
    e["pattern"] = UNCERTAIN
    e["direction"] = UNCERTAIN
    e["quality"] = 0
    e["foot_angle_deg"] = math.nan
    e["confidence"] = math.nan
    e["length_m"] = math.nan
    e["turn_deg"] = math.nan
    return n + 1
