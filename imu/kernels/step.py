"""One step read from the poses of the pelvis, with one gravity: arithmetic only.

Angles in the order rotation, obliquity, tilt (Baker 2001, Gait & Posture 13:1-6): rotation is the heading of the left
axis, obliquity its rise over the horizontal, tilt what is left about it. Heading drift can't leak into the last two.
"""

import math

import numpy as np

from imu.kernels._jit import njit
from imu.kernels.rotation import rotate, unrotate

OBLIQUITY, TILT, ROTATION = 0, 1, 2
THIN = 8
"""Rows apart: no pelvis turns by half a circle within so many samples of any sensor."""

STEP = np.dtype(
    [
        ("peak", "<f8"),  # rad, greatest fall of the swing side, from level
        ("peak_ns", "<i8"),
        ("start", "<f8"),  # rad, fall of the swing side at the first contact
        ("least", "<f8"),  # rad, its least value about the first contact
        ("start_spread", "<f8"),  # rad, by how much `start` changes if the contact was a little earlier or later
        ("obliquity_range", "<f8"),  # rad
        ("rotation_range", "<f8"),  # rad
        ("tilt_mean", "<f8"),  # rad
        ("turn", "<f8"),  # rad, heading at the end minus heading at the start, positive to the left
        ("yaw_before", "<f8"),  # rad, heading at the end minus heading at the window's start
        ("rotation_to_peak", "<f8"),  # rad, from the first contact to the peak
        ("tilt_to_peak", "<f8"),  # rad
    ]
)


@njit
def first_at(t_ns, t):
    """Index of the first time not before t; n where there is none. Times increase."""
    low, high = 0, t_ns.shape[0]
    while low < high:
        middle = (low + high) // 2
        if t_ns[middle] < t:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def attitude_since(fresh, k):
    """The earliest index whose attitude can be compared with that of k."""
    while k > 0 and fresh[k] == 0:
        k -= 1
    return k


@njit
def missing_ns(t_ns, lost, a, b, start_ns, end_ns):
    """How much of [start, end] fell into holes, by the share of samples lost, and how many samples those holes lost.

    a, b: index of the last pose not after the start, and of the first not before the end.
    """
    missing, count = 0.0, 0
    for i in range(a + 1, b + 1):
        if lost[i] > 0:
            count += lost[i]
            overlap = min(t_ns[i], end_ns) - max(t_ns[i - 1], start_ns)
            missing += max(0, overlap) * (lost[i] / (lost[i] + 1.0))
    return missing, count


@njit
def span(t_ns, lost, fresh, start_ns, end_ns, window_ns):
    """Where a step lies among the poses: (before, last, first, missing, count).

    before, last: index of the last pose not after the start (-1: none), and of the first not before the end (n: none).
    first: where the window of `window_ns` before the end begins, or the attitude that holds at the end.
    missing, count: as `missing_ns` tells.
    """
    before, last = first_at(t_ns, start_ns + 1) - 1, first_at(t_ns, end_ns)
    if before < 0 or last == t_ns.shape[0]:
        return before, last, 0, 0.0, 0
    missing, count = missing_ns(t_ns, lost, before, last, start_ns, end_ns)
    first = max(first_at(t_ns, end_ns - window_ns), attitude_since(fresh, last))
    return before, last, first, missing, count


@njit
def mean_up(q, up, a, b, out):
    """Mean of `up` (3,), a vector of I, in sensor axes over the samples a..b, of unit length."""
    x, y, z = 0.0, 0.0, 0.0
    for i in range(a, b + 1):
        u, v, w = unrotate(q[i], up[0], up[1], up[2])
        x, y, z = x + u, y + v, z + w
    unit(x, y, z, out)


@njit
def mean_acc(q, force, a, b, out):
    """Direction of the mean specific force in sensor axes over the samples a..b."""
    x, y, z = 0.0, 0.0, 0.0
    for i in range(a, b + 1):
        u, v, w = unrotate(q[i], force[i, 0], force[i, 1], force[i, 2])
        x, y, z = x + u, y + v, z + w
    unit(x, y, z, out)


@njit
def mean_force(force, a, b, out):
    """Direction of the mean specific force in I over the samples a..b."""
    x, y, z = 0.0, 0.0, 0.0
    for i in range(a, b + 1):
        x, y, z = x + force[i, 0], y + force[i, 1], z + force[i, 2]
    unit(x, y, z, out)


@njit
def unit(x, y, z, out):
    r = math.sqrt(x * x + y * y + z * z)
    if r < 1e-9:
        x, y, z, r = 0.0, 0.0, 1.0, 1.0
    out[0], out[1], out[2] = x / r, y / r, z / r


@njit
def level_axes(forward, up, out):
    """Rows forward, left, up in sensor axes: `up` as it is, `forward` made orthogonal to it."""
    d = forward[0] * up[0] + forward[1] * up[1] + forward[2] * up[2]
    unit(forward[0] - d * up[0], forward[1] - d * up[1], forward[2] - d * up[2], out[0])
    f, left, u = out[0], out[1], out[2]
    u[0], u[1], u[2] = up[0], up[1], up[2]
    left[0] = u[1] * f[2] - u[2] * f[1]
    left[1] = u[2] * f[0] - u[0] * f[2]
    left[2] = u[0] * f[1] - u[1] * f[0]


@njit
def angles(q, up, axes, dense_from, out):
    """Fill `out` (n, 3): obliquity, tilt and unwrapped rotation in rad of n quaternions; rotation is 0 at the first.

    up: (3,) in I. axes: (3, 3) rows forward, left, up in sensor axes. Before `dense_from` only every eighth row is
    filled: it serves the rotation alone, and would cost several times what the step itself does.
    """
    f, g, h = axes[0], axes[1], axes[2]
    ex, ey, ez = 1.0, 0.0, 0.0
    before = 0.0
    i = 0
    while i < q.shape[0]:
        x, y, z = unrotate(q[i], up[0], up[1], up[2])
        rise = x * g[0] + y * g[1] + z * g[2]
        out[i, 0] = math.asin(min(1.0, max(-1.0, rise)))
        out[i, 1] = math.atan2(-(x * f[0] + y * f[1] + z * f[2]), x * h[0] + y * h[1] + z * h[2])
        x, y, z = rotate(q[i], g[0], g[1], g[2])
        x, y, z = x - rise * up[0], y - rise * up[1], z - rise * up[2]
        if i == 0:
            ex, ey, ez = x, y, z
        along = x * ex + y * ey + z * ez
        across = x * (up[1] * ez - up[2] * ey) + y * (up[2] * ex - up[0] * ez) + z * (up[0] * ey - up[1] * ex)
        heading = math.atan2(across, along)
        turns = math.floor((heading - before) / (2.0 * math.pi) + 0.5)
        before = heading - 2.0 * math.pi * turns
        out[i, 2] = before
        i = i + THIN if i + THIN <= dense_from else i + 1


@njit
def at(t_ns, values, column, t):
    """A column of `values` (n, 3) at time t, linear between samples; the nearest value outside of them."""
    k = first_at(t_ns, t)
    if k == 0:
        return values[0, column]
    if k == t_ns.shape[0]:
        return values[k - 1, column]
    share = (t - t_ns[k - 1]) / (t_ns[k] - t_ns[k - 1])
    return values[k - 1, column] + share * (values[k, column] - values[k - 1, column])


@njit
def least_about(t_ns, values, sign, start_ns, end_ns):
    """Least value of sign * obliquity in [start, end]."""
    least = min(sign * at(t_ns, values, 0, start_ns), sign * at(t_ns, values, 0, end_ns))
    for i in range(first_at(t_ns, start_ns), first_at(t_ns, end_ns)):
        least = min(least, sign * values[i, 0])
    return least


@njit
def measure(t_ns, q, gravity, forward, level, sign, start_ns, end_ns, before_ns, after_ns, contact_ns, up, out):
    """Read one step from the poses of its window, and fill the STEP record out[0].

    gravity: (3,) up in I. forward: (3,) in sensor axes; all 0 where it is not known: then any level axis will do, for
    the turn is the same about each. level: (3,) up in sensor axes; all 0 where nobody stood: then `up` (3,) becomes the
    mean over the window. The rest as in `read`.
    """
    n = t_ns.shape[0]
    up[:] = level
    if level[0] == 0.0 and level[1] == 0.0 and level[2] == 0.0:
        mean_up(q, gravity, 0, n - 1, up)
    ahead = forward.copy()
    if ahead[0] == 0.0 and ahead[1] == 0.0 and ahead[2] == 0.0:
        ahead[np.argmin(np.abs(up))] = 1.0
    axes, values = np.empty((3, 3)), np.empty((n, 3))
    level_axes(ahead, up, axes)
    dense_from = max(0, first_at(t_ns, start_ns - max(before_ns, contact_ns)) - 1)
    angles(q, gravity, axes, dense_from, values)
    read(t_ns, values, sign, start_ns, end_ns, before_ns, after_ns, contact_ns, out)


@njit
def read(t_ns, values, sign, start_ns, end_ns, before_ns, after_ns, contact_ns, out):
    """Fold the angles (n, 3) of a window into the STEP record out[0].

    sign: +1 where the left foot stands (the right side falls as the left rises), -1 where the right. The window spans
    the step; what lies before it serves `least` (from `before_ns` before the contact to `after_ns` after it),
    `start_spread` (of a contact time known to `contact_ns`) and `yaw_before`.
    """
    o = out[0]
    first, stop = first_at(t_ns, start_ns), first_at(t_ns, end_ns)
    low = high = at(t_ns, values, 0, start_ns)
    rotation_start = rotation_low = rotation_high = at(t_ns, values, 2, start_ns)
    tilt_sum, n = 0.0, 0
    o["start"] = sign * low
    o["peak"] = sign * low
    o["peak_ns"] = start_ns
    for i in range(first, stop + 1):
        t, obliquity, tilt, rotation = end_ns, 0.0, 0.0, 0.0
        if i < stop:
            t, obliquity, tilt, rotation = t_ns[i], values[i, 0], values[i, 1], values[i, 2]
        else:
            # the last of them is the end itself
            obliquity, tilt, rotation = at(t_ns, values, 0, t), at(t_ns, values, 1, t), at(t_ns, values, 2, t)
        low, high = min(low, obliquity), max(high, obliquity)
        rotation_low, rotation_high = min(rotation_low, rotation), max(rotation_high, rotation)
        tilt_sum += tilt
        n += 1
        if sign * obliquity > o["peak"]:
            o["peak"] = sign * obliquity
            o["peak_ns"] = t
    o["least"] = least_about(t_ns, values, sign, start_ns - before_ns, start_ns + after_ns)
    early = sign * at(t_ns, values, 0, start_ns - contact_ns) - o["start"]
    late = sign * at(t_ns, values, 0, start_ns + contact_ns) - o["start"]
    o["start_spread"] = math.sqrt(0.5 * (early * early + late * late))
    o["obliquity_range"] = high - low
    o["rotation_range"] = rotation_high - rotation_low
    o["tilt_mean"] = tilt_sum / n
    end = at(t_ns, values, 2, end_ns)
    o["turn"] = end - rotation_start
    o["yaw_before"] = end - values[0, 2]
    o["rotation_to_peak"] = at(t_ns, values, 2, o["peak_ns"]) - rotation_start
    o["tilt_to_peak"] = at(t_ns, values, 1, o["peak_ns"]) - at(t_ns, values, 1, start_ns)
