"""Swing, contact, second and final contact of one foot, direction not told: arithmetic only.

The contact is the reversal of medio-lateral rotation that comes after the horizontal-speed maximum of the swing,
followed by a settling rotation. A forward push-off looks to the gyroscope exactly like a backward contact; only
"speed still rising" against "speed past its peak" separates them.
"""

import math
from typing import NamedTuple

import numpy as np

from imu.kernels import ring
from imu.kernels._jit import njit
from imu.kernels.ring import MASK

STANCE, SWING, LANDING = 0, 1, 2
NONE = -1

STATE = np.dtype(
    [
        ("phase", "<i8"),
        # lobes of the smoothed rate about the left axis
        ("sign", "<i8"),
        ("lobe", "<i8"),  # index where the present lobe began
        ("turned", "<f8"),  # rad, rotation in it so far
        ("lobe_before", "<i8"),
        ("turned_before", "<f8"),
        # swing
        ("moved_s", "<f8"),  # when the foot began to move, sensor time
        ("busy_s", "<f8"),  # how long it has turned faster than what counts as moving, unsmoothed
        ("peak", "<f8"),  # m/s, fastest so far
        ("peak_i", "<i8"),
        ("slowest", "<f8"),  # m/s, since the peak
        ("slowing_i", "<i8"),  # last sample faster than half the peak
        ("candidate", "<i8"),  # index of the reversal, or NONE
        ("candidate_sign", "<f8"),
        ("candidate_turn", "<f8"),  # rad
        ("quietest", "<f8"),  # rad/s, of this stance or landing
        # what walking has shown so far
        ("contact_s", "<f8"),  # sensor time of the contact before
        ("impact", "<f8"),  # m/s^3, usual jerk of this foot's landings; 0 = it has none
    ]
)


class Coefficients(NamedTuple):
    delay_s: float
    settle_rad: float
    peak_least: float
    slow_share: float
    slow_speed: float
    swing_least_s: float
    apart_s: float
    before_peak_s: float
    before_reversal_s: float
    lobe_share: float
    jerk_weight: float
    jerk_width_s: float
    impact_share: float
    impact_before_s: float
    impact_wait_s: float
    impact_contrast: float
    impact_learn: float
    impact_forget: float
    hysteresis: float
    lobe_back_s: float
    second_share: float
    second_wait_s: float
    release_share: float
    release_lobe: float
    release_speed_share: float


@njit
def at_rest(s, quiet):
    s["phase"] = STANCE
    s["quietest"] = quiet
    s["candidate"] = NONE


@njit
def start_swing(s, now_s, i):
    s["phase"] = SWING
    s["moved_s"] = now_s
    s["busy_s"] = 0.0
    s["peak"] = 0.0
    s["peak_i"] = i
    s["slowest"] = 0.0
    s["slowing_i"] = i
    s["candidate"] = NONE


@njit
def follow_lobes(s, r, i, dt, c):
    """Which way does the foot turn, since when, how far: sign changes count beyond a hysteresis, and are dated back to
    the zero crossing itself.
    """
    smooth, rate, time = r["smooth"], r["rate"], r["time"]
    y = smooth[i & MASK]
    sign = s["sign"]
    if y > c.hysteresis:
        sign = 1
    elif y < -c.hysteresis:
        sign = -1
    if sign != s["sign"]:
        k, first = i, ring.back(r, i, c.lobe_back_s)
        while k > first and smooth[k & MASK] * sign > 0.0:
            k -= 1
        s["lobe_before"], s["turned_before"] = s["lobe"], s["turned"]
        s["sign"], s["lobe"], s["turned"] = sign, k, 0.0
        for m in range(k + 1, i + 1):
            s["turned"] += rate[m & MASK] * (time[m & MASK] - time[(m - 1) & MASK])
    else:
        s["turned"] += rate[i & MASK] * dt


@njit
def instant(r, first, reversal, newest, sign, c):
    """Sensor time of the contact from samples first..newest.

    Where the settling lobe after the reversal has reached `lobe_share` of its peak, blended with the centroid of
    squared jerk around it: works with and without an impact and needs no switch.
    """
    time = r["time"]
    top, best = -1.0, max(reversal, first)
    for k in range(best, newest + 1):
        z = sign * ring.lobe(r, k, newest)
        if z > top:
            top, best = z, k
    level = c.lobe_share * top
    k = best
    here = top
    before = here
    while k > first:
        before = sign * ring.lobe(r, k - 1, newest)
        if before <= level:
            break
        here = before
        k -= 1
    onset = time[k & MASK]
    if k > first and here > before:
        share = min(1.0, max(0.0, (level - before) / (here - before)))
        onset = time[(k - 1) & MASK] + share * (time[k & MASK] - time[(k - 1) & MASK])
    weight, moment = 0.0, 0.0
    k = newest
    while k > first and time[k & MASK] > onset - 2.4 * c.jerk_width_s:
        u = time[k & MASK] - onset
        e = u / c.jerk_width_s
        w = r["jerk"][k & MASK] ** 2 * math.exp(-0.5 * e * e)
        weight += w
        moment += w * u
        k -= 1
    return onset + (c.jerk_weight * moment / weight if weight > 0.0 else 0.0)


@njit
def jerk_centre(r, first, last):
    """Sensor time of the centroid of squared jerk of samples first..last."""
    time = r["time"]
    weight, moment = 1e-9, 0.0
    for k in range(first, last + 1):
        w = r["jerk"][k & MASK] ** 2
        weight += w
        moment += w * (time[k & MASK] - time[first & MASK])
    return time[first & MASK] + moment / weight


@njit
def hardest(r, first, last):
    """Largest jerk of samples first..last, m/s^3."""
    jerk, top = r["jerk"], 0.0
    for k in range(first, last + 1):
        top = max(top, jerk[k & MASK])
    return top


@njit
def look_for_candidate(s, r, i, trusted, c):
    """Latch the reversal whose settling has gone far enough; impact ringing may turn the sign again, and only a larger
    settling replaces it.
    """
    time = r["time"]
    turn = abs(s["turned"])
    past_peak = time[s["lobe"] & MASK] > time[s["peak_i"] & MASK] - c.before_peak_s
    slowed = s["slowest"] < max(c.slow_share * s["peak"], c.slow_speed)
    if not (trusted and s["peak"] > c.peak_least and turn > c.settle_rad and past_peak and slowed):
        return False
    if s["candidate"] == s["lobe"]:
        s["candidate_turn"] = max(s["candidate_turn"], turn)
        return False
    if s["candidate"] != NONE and turn <= s["candidate_turn"]:
        return False
    fresh = s["candidate"] == NONE
    s["candidate"] = s["lobe"]
    s["candidate_sign"] = 1.0 if s["turned"] > 0.0 else -1.0
    s["candidate_turn"] = turn
    return fresh


@njit
def candidate_instant(s, r, i, c):
    """(decided, sensor time): the contact at the latched reversal, decided once its delay has passed."""
    time = r["time"]
    first = ring.back(r, s["candidate"], c.before_reversal_s)
    now = time[i & MASK]
    struck = True
    if s["impact"] > 0.0:
        bound = c.impact_share * s["impact"]
        k = max(s["slowing_i"], ring.oldest(r))
        while k < i and r["jerk"][k & MASK] < bound:
            k += 1
        if k < i:
            while first < k and time[k & MASK] - time[first & MASK] > c.impact_before_s:
                first += 1
        else:
            struck = r["jerk"][i & MASK] >= bound
    if now - time[first & MASK] < c.delay_s:
        return False, 0.0
    at = instant(r, first, max(s["candidate"], first), i, s["candidate_sign"], c)
    waited = now - at
    # this foot usually lands hard: wait for it, but not for ever
    return waited >= c.delay_s and (struck or waited >= c.delay_s + c.impact_wait_s), at


@njit
def learn_impact(s, r, i, k, c):
    """Does this foot land hard? k is the sample of the contact."""
    time, jerk = r["time"], r["jerk"]
    hit = hardest(r, max(ring.oldest(r), k - 2), i)
    swing = 0.0
    m, first = k - 3, ring.oldest(r)
    while m > first and time[k & MASK] - time[m & MASK] < 0.2 and time[m & MASK] > s["moved_s"]:
        if time[k & MASK] - time[m & MASK] > 0.05:
            swing = max(swing, jerk[m & MASK])
        m -= 1
    if swing > 0.0 and hit > c.impact_contrast * swing:
        s["impact"] = hit if s["impact"] <= 0.0 else s["impact"] + c.impact_learn * (hit - s["impact"])
    else:
        s["impact"] *= c.impact_forget


@njit
def release_instant(s, r, last, c):
    """Sensor time of the final contact before the swing that peaked at or before index `last`.

    The push-off lobe is the last one before the speed peak; the foot leaves when it has fallen to `release_share` of
    its height. Without a lobe: where the speed reaches a share of its peak.
    """
    time, smooth, rate = r["time"], r["smooth"], r["rate"]
    peak = min(s["peak_i"], last)
    floor = ring.oldest(r)
    m = peak
    while m > floor and time[m & MASK] > s["moved_s"] and smooth[m & MASK] * smooth[peak & MASK] > 0.0:
        m -= 1
    if m > floor and time[m & MASK] > s["moved_s"]:
        top, k, j = 0.0, m, m
        while k > floor and time[k & MASK] > s["moved_s"] - 0.1 and smooth[k & MASK] * smooth[m & MASK] >= 0.0:
            if abs(rate[k & MASK]) > top:
                top, j = abs(rate[k & MASK]), k
            k -= 1
        if top > c.release_lobe:
            while j < m and abs(rate[(j + 1) & MASK]) > c.release_share * top:
                j += 1
            return time[j & MASK]
    k = peak
    while k > floor and time[k & MASK] > s["moved_s"] and r["speed"][k & MASK] > c.release_speed_share * s["peak"]:
        k -= 1
    return time[k & MASK]
