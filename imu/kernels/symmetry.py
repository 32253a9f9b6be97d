"""Which way does the pelvis face? Told by the symmetry of left and right steps: arithmetic only.

Forward push repeats from step to step, sideways sway alternates. So over pairs of steps the even part of the level
acceleration lies along the way of travel and the odd part across it.
"""

import math

import numpy as np

from imu.kernels._jit import njit
from imu.kernels.rotation import unrotate
from imu.kernels.step import first_at

POINTS = 40
"""Samples that every step is brought to."""

STATE = np.dtype(
    [
        ("ahead", "<f8"),  # even minus odd power along the first level axis
        ("aside", "<f8"),  # along the second
        ("mixed", "<f8"),
        ("power", "<f8"),  # of both parts along both axes
        ("pairs", "<i8"),
    ]
)


@njit
def level_acceleration(t_ns, q, force, up, axes, start_ns, end_ns, out):
    """Fill `out` (POINTS, 2): level acceleration in m/s^2 along axes[0] and axes[1], evenly over the step.

    q (n, 4), force (n, 3) and up (3,) in I; axes (3, 3) in sensor axes, the third of them up.
    """
    k = max(1, first_at(t_ns, start_ns))
    last = t_ns.shape[0] - 1
    for p in range(out.shape[0]):
        t = start_ns + (end_ns - start_ns) * (p / (out.shape[0] - 1.0))
        while k < last and t_ns[k] < t:
            k += 1
        share = min(1.0, max(0.0, (t - t_ns[k - 1]) / (t_ns[k] - t_ns[k - 1])))
        out[p, 0], out[p, 1] = 0.0, 0.0
        for i in range(k - 1, k + 1):
            weight = share if i == k else 1.0 - share
            rise = force[i, 0] * up[0] + force[i, 1] * up[1] + force[i, 2] * up[2]
            x, y, z = unrotate(q[i], force[i, 0] - rise * up[0], force[i, 1] - rise * up[1], force[i, 2] - rise * up[2])
            for j in range(2):
                out[p, j] += weight * (x * axes[j, 0] + y * axes[j, 1] + z * axes[j, 2])


@njit
def pair(state, one, other):
    """Add two steps that follow each other, (POINTS, 2) each: M += E'E - O'O."""
    s = state[0]
    n = one.shape[0]
    x, y = 0.0, 0.0
    for p in range(n):
        x += 0.5 * (one[p, 0] + other[p, 0]) / n
        y += 0.5 * (one[p, 1] + other[p, 1]) / n
    for p in range(n):
        even0, even1 = 0.5 * (one[p, 0] + other[p, 0]) - x, 0.5 * (one[p, 1] + other[p, 1]) - y
        odd0, odd1 = 0.5 * (one[p, 0] - other[p, 0]), 0.5 * (one[p, 1] - other[p, 1])
        s["ahead"] += even0 * even0 - odd0 * odd0
        s["aside"] += even1 * even1 - odd1 * odd1
        s["mixed"] += even0 * even1 - odd0 * odd1
        s["power"] += even0 * even0 + odd0 * odd0 + even1 * even1 + odd1 * odd1
    s["pairs"] += 1


@njit
def axis(state):
    """(angle in rad of the fore-aft axis from the first level axis, modulo pi; how clear it is, 0 to 1)."""
    s = state[0]
    across, along = 2.0 * s["mixed"], s["ahead"] - s["aside"]
    if s["power"] <= 0.0:
        return 0.0, 0.0
    return 0.5 * math.atan2(across, along), math.sqrt(across * across + along * along) / s["power"]
