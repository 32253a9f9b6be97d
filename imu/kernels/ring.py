"""The last two seconds of a foot, for looking back from a decision: arithmetic only."""

import math

import numpy as np

from imu.kernels._jit import njit

SIZE = 2048
"""Samples kept: two seconds at 1 kHz. A power of two, so that wrapping is a mask."""
MASK = SIZE - 1

STATE = np.dtype(
    [
        ("n", "<i8"),  # samples written so far; the newest is n - 1
        ("time", "<f8", (SIZE,)),  # s, the sensor's own time since its first sample
        ("t_ns", "<i8", (SIZE,)),  # session clock
        ("rate", "<f8", (SIZE,)),  # rad/s about the left axis
        ("smooth", "<f8", (SIZE,)),  # the same, lightly low-passed (causal)
        ("jerk", "<f8", (SIZE,)),  # m/s^3
        ("ahead", "<f8", (SIZE,)),  # vertical parts of the foot's forward and up axes: their angle is the pitch
        ("above", "<f8", (SIZE,)),
        ("speed", "<f8", (SIZE,)),  # m/s
        ("acc", "<f8", (SIZE, 3)),  # m/s^2
    ]
)

JERK_SPAN_S = 0.009
"""Jerk is taken across at least this time, so that sampling rates compare."""

TRIANGLE_S = 0.020
"""Half-width of the triangular smoothing of a lobe."""


@njit
def oldest(r):
    """Index of the oldest sample still there."""
    return max(0, r["n"] - SIZE + 1)


@njit
def push_acc(r, t_ns, dt, ax, ay, az):
    """Append a sample's time and specific force; returns its jerk in m/s^3."""
    i = r["n"]
    j = i & MASK
    time, acc = r["time"], r["acc"]
    time[j] = (time[(i - 1) & MASK] if i > 0 else 0.0) + dt
    r["t_ns"][j] = t_ns
    acc[j, 0], acc[j, 1], acc[j, 2] = ax, ay, az
    r["n"] = i + 1
    k, first = i, oldest(r)
    while k > first and time[j] - time[k & MASK] < JERK_SPAN_S:
        k -= 1
    jerk = 0.0
    if k < i:
        m = k & MASK
        x, y, z = ax - acc[m, 0], ay - acc[m, 1], az - acc[m, 2]
        jerk = math.sqrt(x * x + y * y + z * z) / (time[j] - time[m])
    r["jerk"][j] = jerk
    return jerk


@njit
def lobe(r, k, newest):
    """Rate at index k under a triangle of +-20 ms, cut at `newest` and at the oldest sample."""
    time, rate = r["time"], r["rate"]
    at = time[k & MASK]
    weight, total = 1.0, rate[k & MASK]
    first = oldest(r)
    m = k - 1
    while m >= first and at - time[m & MASK] < TRIANGLE_S:
        w = 1.0 - (at - time[m & MASK]) / TRIANGLE_S
        weight += w
        total += w * rate[m & MASK]
        m -= 1
    m = k + 1
    while m <= newest and time[m & MASK] - at < TRIANGLE_S:
        w = 1.0 - (time[m & MASK] - at) / TRIANGLE_S
        weight += w
        total += w * rate[m & MASK]
        m += 1
    return total / weight


@njit
def back(r, k, span_s):
    """The latest index at or before k that lies at least `span_s` before it, or the oldest."""
    time = r["time"]
    first, at = oldest(r), time[k & MASK]
    while k > first and at - time[k & MASK] < span_s:
        k -= 1
    return k


@njit
def pitch(r, k):
    """rad, toes-up positive."""
    return math.atan2(r["ahead"][k & MASK], r["above"][k & MASK])


@njit
def session_ns(r, time_s):
    """The session clock at a sensor time within the ring, to the nearest ns, by linear interpolation."""
    time, t_ns = r["time"], r["t_ns"]
    k, first = r["n"] - 1, oldest(r)
    while k > first and time[k & MASK] > time_s:
        k -= 1
    if k == r["n"] - 1 or time_s <= time[k & MASK]:
        return t_ns[k & MASK]
    a, b = k & MASK, (k + 1) & MASK
    share = (time_s - time[a]) / (time[b] - time[a])
    return t_ns[a] + int(math.floor(share * (t_ns[b] - t_ns[a]) + 0.5))
