"""A foot that came to quiet without a clear reversal: a closing step, a shuffle, a step before anything is known."""

import math

from imu.kernels import contact, foot_frame, ring
from imu.kernels._jit import njit
from imu.kernels.ring import MASK

MOVING, STEPPED, FIDGET = 0, 1, 2
"""Of a foot that comes to quiet: not yet, after a step, after less than one."""


@njit
def came_to_quiet(s, now, c):
    """Has the foot come down? By what it did before where velocity is known, else by how far it turned."""
    q, f, w, k = s["still"], s["frame"], s["swing"], c.quiet
    off = abs(q["acc_norm"] - f["gravity"])
    fast = w["peak"] > c.swing.peak_least
    if w["busy_s"] < k.busy_s:
        # a knock, or the wild first samples of a sensor: no step
        return False
    if s["still_s"] > c.still_after_s and fast:
        return True
    if f["trusted"] == 0:
        level = off < k.acc_untrusted or q["quiet_s"] > k.quiet_level_s
        return q["quiet_s"] > k.quiet_s and level and max(abs(w["turned"]), abs(w["turned_before"])) > k.turned_rad
    slowed = w["slowest"] < max(c.swing.slow_share * w["peak"], c.swing.slow_speed)
    return (
        fast
        and q["quieter_s"] > k.quieter_s
        and (slowed or q["quieter_s"] > k.calm_s)
        and off < k.acc
        and abs(f["ahead"]) < k.level_slope * f["above"]
        and now > s["ring"]["time"][w["peak_i"] & MASK] + k.after_peak_s
    )


@njit
def settling_lobe(w, r, now, c):
    """(index, rotation) of the lobe that the landing left behind: the present one, or the one before if it is over."""
    recent = now - r["time"][w["lobe_before"] & MASK] < c.quiet.lobe_before_s
    if abs(w["turned"]) <= c.swing.settle_rad < abs(w["turned_before"]) and recent:
        return w["lobe_before"], w["turned_before"]
    return w["lobe"], w["turned"]


@njit
def late_contact(s, i, c):
    """(what it was, sensor time, rotation): at the settling lobe if there is one, else where the jerk lies."""
    f, w, r = s["frame"], s["swing"], s["ring"]
    time = r["time"]
    now = time[i & MASK]
    if not came_to_quiet(s, now, c):
        return MOVING, 0.0, 0.0
    lobe, turn = settling_lobe(w, r, now, c)
    trusted = f["trusted"] == 1
    since = time[w["peak_i"] & MASK] - c.swing.before_peak_s if trusted else w["moved_s"]
    first, floor = i, ring.oldest(r)
    while first > floor and time[first & MASK] > max(since, now - c.quiet.back_s):
        first -= 1
    if trusted and w["peak"] < c.quiet.slow_peak:
        weak = w["impact"] <= 0.0 or contact.hardest(r, first, i) < c.swing.impact_share * w["impact"]
        ahead, aside = foot_frame.shift_without_drift(f)
        if weak and math.hypot(ahead, aside) < c.in_place_m:
            return FIDGET, 0.0, 0.0
    if abs(turn) > c.swing.settle_rad and lobe >= first:
        start = ring.back(r, lobe, c.quiet.before_lobe_s)
        return STEPPED, contact.instant(r, start, lobe, i, 1.0 if turn > 0.0 else -1.0, c.swing), turn
    return STEPPED, contact.jerk_centre(r, first, i), turn
