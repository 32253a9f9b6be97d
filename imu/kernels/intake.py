"""Rows as they arrived become samples in order of time: arithmetic only."""

from typing import NamedTuple

import numpy as np

from imu.kernels._jit import njit

AXES = 6
HOLE_MOST_S = 60.0
"""A counter that claims more than that against the clock has leapt."""
JUMP_SHARE, JITTER_SHARE = 0.5, 0.1
"""An interval longer than the period by the first is a clock jump, one off by the second has jitter."""
STATE = np.dtype(
    [
        ("rows", "<i8"),  # seen
        ("accepted", "<i8"),
        ("late", "<i8"),
        ("nan", "<i8"),
        ("saturated", "<i8"),
        ("jumps", "<i8"),  # clock jumps without loss
        ("jittered", "<i8"),  # intervals that are off by more than a tenth, but no jump
        ("lost", "<i8"),
        ("gaps", "<i8"),
        ("first_ns", "<i8"),
        ("newest_ns", "<i8"),
        ("seq", "<i8"),
        ("period_s", "<f8"),  # as the clock has shown so far
        ("regular", "<i8"),  # intervals that `period_s` is a mean of
        ("top", "<f8", (AXES, 2)),  # largest magnitude of each axis so far, either way
        ("hits", "<i8", (AXES, 2)),  # samples that stood exactly there
    ]
)


class Coefficients(NamedTuple):
    """What `IntakeParams.resolve` makes of the parameters at one sampling rate."""

    period_s: float
    forget: float
    shortest_s: float
    longest_s: float
    jump_s: float
    acc_most_m_s2: float
    gyr_most_rad_s: float
    acc_stuck_m_s2: float
    gyr_stuck_rad_s: float
    stuck_hits: int


@njit
def stuck(s, values, c):
    """How many samples this row shows to stand at a range limit: 0, 1, or as many as it took to know the limit.

    An axis has a limit where its largest magnitude so far comes back exactly, again and again: what moves freely goes
    beyond it sooner or later, and does not meet it to the last bit. Each way by itself: the negative limit of a
    converter is one count larger than the positive one.
    """
    found = 0
    for k in range(AXES):
        size, way = abs(values[k]), 1 if values[k] < 0.0 else 0
        if size > s["top"][k, way]:
            s["top"][k, way] = size
            s["hits"][k, way] = 1
        elif size == s["top"][k, way] and size >= (c.acc_stuck_m_s2 if k < 3 else c.gyr_stuck_rad_s):
            s["hits"][k, way] += 1
            if s["hits"][k, way] == c.stuck_hits:
                found = max(found, c.stuck_hits)
            elif s["hits"][k, way] > c.stuck_hits:
                found = max(found, 1)
    return found


@njit
def step(s, t_ns, seq, values, clipped, c):
    """Take one row; return (accepted, dt_s, lost, jumped, clipped).

    `dt_s` is the sensor's own period while the counter runs on, so that jitter of the clock never enters an integral.
    """
    s["rows"] += 1
    for k in range(AXES):
        # never true of NaN
        if not abs(values[k]) <= (c.acc_most_m_s2 if k < 3 else c.gyr_most_rad_s):
            s["nan"] += 1
            return False, 0.0, 0, False, False
    if s["accepted"] > 0 and t_ns <= s["newest_ns"]:
        s["late"] += 1
        return False, 0.0, 0, False, False
    if s["accepted"] == 0:
        s["period_s"] = c.period_s
        s["first_ns"] = t_ns
        dt_s, lost, jumped = c.period_s, 0, False
    else:
        elapsed_s = (t_ns - s["newest_ns"]) * 1e-9
        counted = seq - s["seq"]
        if counted >= 1:
            lost = counted - 1
        else:
            # the counter started anew (a reboot): only the clock can tell how much is missing
            lost = max(0, int(round(elapsed_s / s["period_s"])) - 1)
        jumped = False
        if lost > 0:
            dt_s = elapsed_s
            counted_s = min((lost + 1) * s["period_s"], HOLE_MOST_S)
            if counted_s > elapsed_s + c.jump_s:
                # the clock was set back, and all was late until it had caught up
                dt_s = counted_s
            s["lost"] += lost
            s["gaps"] += 1
        else:
            jumped = elapsed_s > s["period_s"] + c.jump_s
            off_s = elapsed_s - s["period_s"]
            if off_s > JUMP_SHARE * s["period_s"]:
                s["jumps"] += 1
            elif abs(off_s) > JITTER_SHARE * s["period_s"]:
                s["jittered"] += 1
            s["regular"] += 1
            weight = max(c.forget, 1.0 / s["regular"])
            s["period_s"] += weight * (min(elapsed_s, 10.0 * c.period_s) - s["period_s"])
            s["period_s"] = min(max(s["period_s"], c.shortest_s), c.longest_s)
            dt_s = s["period_s"]
    s["accepted"] += 1
    s["newest_ns"] = t_ns
    s["seq"] = seq
    at_limit = stuck(s, values, c)
    s["saturated"] += 1 if clipped else at_limit
    return True, dt_s, lost, jumped, clipped or at_limit > 0


@njit
def run(state, t_ns, seq, values, clipped, c, row, dt_s, lost, jumped, out_clipped):
    """Loop of `step` over values (n, 6); fill the outputs (n,) and return how many rows were accepted."""
    s = state[0]
    n = 0
    for i in range(t_ns.shape[0]):
        ok, dt, missing, jump, limit = step(s, t_ns[i], seq[i], values[i], clipped[i], c)
        if ok:
            row[n] = i
            dt_s[n] = dt
            lost[n] = missing
            jumped[n] = jump
            out_clipped[n] = limit
            n += 1
    return n
