"""Where is the foot pointing, how fast is it going: arithmetic only.

World frame: z up, heading arbitrary and drifting. Foot axes (forward, left, up) are kept in sensor axes; forward is
never flipped by the direction of walking. Level comes from the mean specific force of each stance, velocity is zero in
stance.
"""

import math
from typing import NamedTuple

import numpy as np

from imu.kernels._jit import njit
from imu.kernels.rotation import advance, rotate

SMALL = 0.1
"""rad; below it a tilt is worked out by series."""

STATE = np.dtype(
    [
        ("q", "<f8", (4,)),  # wxyz, sensor -> world
        ("bias", "<f8", (3,)),  # rad/s
        ("gravity", "<f8"),  # m/s^2, as this sensor reads it
        ("forward", "<f8", (3,)),  # foot axes in sensor axes
        ("left", "<f8", (3,)),
        ("up", "<f8", (3,)),
        ("nominal_left", "<f8", (3,)),
        ("bounded", "<i8"),  # 1 = `left` stays near `nominal_left`; 0 = mounting unknown
        ("levelled_n", "<i8"),  # samples of stillness that `up` is a mean of
        ("spread", "<f8", (3,)),  # decaying moments of the level rate: left-left, forward-forward, left-forward
        ("level_s", "<f8"),  # time spent levelling in this stance
        ("level", "<i8"),  # 1 once level was ever known
        ("velocity", "<f8", (3,)),  # m/s, world
        ("shift", "<f8", (2,)),  # m since the last zero velocity, along the foot's heading and to its left
        ("since_zero_s", "<f8"),
        ("trusted", "<i8"),  # 1 while velocity stands on a zero-velocity update
        # of the newest sample
        ("rate_left", "<f8"),  # rad/s about the left axis, positive toes-down
        ("heading", "<f8", (2,)),  # unit vector of the left axis on the ground; 0 0 = not known yet
        ("turned", "<f8"),  # rad, change of heading since the sample before, positive to the left
        ("speed", "<f8"),  # m/s, horizontal
        ("velocity_forward", "<f8"),
        ("velocity_left", "<f8"),
        ("ahead", "<f8"),  # vertical part of the forward axis: sine of the pitch, toes-up positive
        ("above", "<f8"),  # vertical part of the up axis
    ]
)


class Coefficients(NamedTuple):
    gravity: float
    spread_decay: float
    spread_least: float
    axis_step: float
    axis_bound_cos: float
    slip: float
    slip_after_s: float
    up_weight: float
    bias_weight: float
    bias_below: float
    level_early_s: float
    level_late_s: float
    level_memory_s: float


@njit
def vertical(q, axis):
    """The z component of a sensor-axes vector in world axes."""
    return (
        2.0 * (q[1] * q[3] - q[0] * q[2]) * axis[0]
        + 2.0 * (q[2] * q[3] + q[0] * q[1]) * axis[1]
        + (1.0 - 2.0 * (q[1] * q[1] + q[2] * q[2])) * axis[2]
    )


@njit
def tilt(q, ux, uy, uz, gain):
    """Turn the world side of q about a horizontal axis so that the unit vector u goes towards z by the share `gain`."""
    s2 = ux * ux + uy * uy
    if s2 < 1e-24:
        return
    if s2 < SMALL * SMALL and uz > 0.0:
        # series of sine and cosine, good to 1e-6 rad here and cheaper than the functions
        k = 0.5 * gain * (1.0 + s2 * (4.0 - gain * gain) / 24.0)
        c = 1.0 - 0.5 * k * k * s2
    else:
        s = math.sqrt(s2)
        half = 0.5 * math.atan2(s, uz) * gain
        k = math.sin(half) / s
        c = math.cos(half)
    x, y = uy * k, -ux * k
    a, b, d, e = q[0], q[1], q[2], q[3]
    q[0] = c * a - x * b - y * d
    q[1] = c * b + x * a + y * e
    q[2] = c * d + y * a - x * e
    q[3] = c * e + x * d - y * b


@njit
def restart(s):
    """After a gap: what was integrated is void; foot axes, bias and gravity stay."""
    # heading is arbitrary: put the foot's own axes on the world's
    f, g, u = s["forward"], s["left"], s["up"]
    from_matrix(s["q"], f[0], f[1], f[2], g[0], g[1], g[2], u[0], u[1], u[2])
    s["velocity"][:] = 0.0
    s["shift"][:] = 0.0
    s["heading"][:] = 0.0
    s["since_zero_s"] = 0.0
    s["level_s"] = 0.0
    s["level"] = 0
    s["trusted"] = 0


@njit
def from_matrix(q, a, b, c, d, e, f, g, h, i):
    """Quaternion of the rotation matrix with rows (a b c), (d e f), (g h i), by its largest component."""
    t = a + e + i
    if t > 0.0:
        r = 2.0 * math.sqrt(1.0 + t)
        q[0], q[1], q[2], q[3] = 0.25 * r, (h - f) / r, (c - g) / r, (d - b) / r
    elif a > e and a > i:
        r = 2.0 * math.sqrt(1.0 + a - e - i)
        q[0], q[1], q[2], q[3] = (h - f) / r, 0.25 * r, (b + d) / r, (c + g) / r
    elif e > i:
        r = 2.0 * math.sqrt(1.0 + e - a - i)
        q[0], q[1], q[2], q[3] = (c - g) / r, (b + d) / r, 0.25 * r, (f + h) / r
    else:
        r = 2.0 * math.sqrt(1.0 + i - a - e)
        q[0], q[1], q[2], q[3] = (d - b) / r, (c + g) / r, (f + h) / r, 0.25 * r


@njit
def zero_velocity(s):
    s["velocity"][:] = 0.0
    s["shift"][:] = 0.0
    s["since_zero_s"] = 0.0


@njit
def shift_without_drift(s):
    """(forward, left) m since the last zero velocity, if it is zero again now: linear drift of velocity taken away."""
    half = 0.5 * s["since_zero_s"]
    return s["shift"][0] - half * s["velocity_forward"], s["shift"][1] - half * s["velocity_left"]


@njit
def level_by(s, acc, norm, gain):
    x, y, z = rotate(s["q"], acc[0], acc[1], acc[2])
    tilt(s["q"], x / norm, y / norm, z / norm, gain)


@njit
def apparent_tilt(s, acc, norm):
    """sin^2 of the angle between the smoothed specific force and what is taken for up."""
    x, y, _ = rotate(s["q"], acc[0], acc[1], acc[2])
    return (x * x + y * y) / (norm * norm)


@njit
def slip_factor(s, sine2, c):
    """How far to believe the accelerometer: a foot that slides off with a quiet gyro looks like a tilt."""
    bound = c.slip * c.slip
    if s["trusted"] == 1 and s["level_s"] > c.slip_after_s and sine2 > bound:
        return bound * bound / (sine2 * sine2)
    return 1.0


@njit
def step(s, ax, ay, az, gx, gy, gz, dt, c):
    """Advance attitude, velocity and shift by one sample."""
    bias = s["bias"]
    x, y, z = gx - bias[0], gy - bias[1], gz - bias[2]
    q = s["q"]
    advance(q, x, y, z, dt)
    left = s["left"]
    s["rate_left"] = x * left[0] + y * left[1] + z * left[2]
    fx, fy, fz = rotate(q, ax, ay, az)
    v = s["velocity"]
    v[0] += fx * dt
    v[1] += fy * dt
    v[2] += (fz - s["gravity"]) * dt
    rate2 = x * x + y * y + z * z
    if rate2 > 1.0:
        ahead = x * s["forward"][0] + y * s["forward"][1] + z * s["forward"][2]
        m, d = s["spread"], c.spread_decay
        m[0] = m[0] * d + s["rate_left"] * s["rate_left"] * dt
        m[1] = m[1] * d + ahead * ahead * dt
        m[2] = m[2] * d + ahead * s["rate_left"] * dt
    s["since_zero_s"] += dt


@njit
def left_on_ground(s):
    """Unit vector."""
    lx, ly, _ = rotate(s["q"], s["left"][0], s["left"][1], s["left"][2])
    n = math.sqrt(lx * lx + ly * ly) + 1e-9
    return lx / n, ly / n


@njit
def look(s, dt):
    """After any levelling: heading, velocity along it, pitch. Heading is taken from the left axis, never from the
    foot's long axis, which passes the vertical at push-off and would flip it.
    """
    q, v, heading = s["q"], s["velocity"], s["heading"]
    lx, ly = left_on_ground(s)
    # not the rate about the vertical: a foot that rolls in mid-swing brings back some 12 degrees of that each stride
    s["turned"] = heading[0] * ly - heading[1] * lx
    heading[0], heading[1] = lx, ly
    s["velocity_forward"] = v[0] * ly - v[1] * lx
    s["velocity_left"] = v[0] * lx + v[1] * ly
    s["shift"][0] += s["velocity_forward"] * dt
    s["shift"][1] += s["velocity_left"] * dt
    s["speed"] = math.sqrt(v[0] * v[0] + v[1] * v[1])
    s["ahead"] = vertical(q, s["forward"])
    s["above"] = vertical(q, s["up"])


@njit
def learn_in_stillness(s, acc, norm, weight, gx, gy, gz, quiet, dt, c):
    """Up, gravity's size, gyro bias and the left axis, from one sample of stillness."""
    s["levelled_n"] += 1
    w = weight * max(c.up_weight, 1.0 / s["levelled_n"])
    up = s["up"]
    for k in range(3):
        up[k] += w * (acc[k] / norm - up[k])
    s["gravity"] += w * (norm - s["gravity"])
    if quiet:
        bias = s["bias"]
        bias[0] += c.bias_weight * (gx - bias[0])
        bias[1] += c.bias_weight * (gy - bias[1])
        bias[2] += c.bias_weight * (gz - bias[2])
    align(s, c)
    # another idea of the left axis is no turn of the foot
    s["heading"][0], s["heading"][1] = left_on_ground(s)


@njit
def off_axis(s, c):
    """rad, how far `left` lies from the main axis of rotation; a right angle while there is too little to tell."""
    m = s["spread"]
    if m[0] + m[1] <= c.spread_least:
        return 0.5 * math.pi
    return abs(0.5 * math.atan2(2.0 * m[2], m[0] - m[1]))


@njit
def align(s, c):
    """Keep the axes orthonormal, and turn `left` in the level plane towards the main axis of rotation."""
    up, left, forward, nominal, m = s["up"], s["left"], s["forward"], s["nominal_left"], s["spread"]
    n = math.sqrt(up[0] * up[0] + up[1] * up[1] + up[2] * up[2])
    for k in range(3):
        up[k] /= n
    turn, co, si = 0.0, 1.0, 0.0
    if m[0] + m[1] > c.spread_least and abs(m[2]) > 1e-6 * m[0]:
        turn = min(c.axis_step, max(-c.axis_step, 0.5 * math.atan2(2.0 * m[2], m[0] - m[1])))
        co, si = math.cos(turn), math.sin(turn)
    x = co * left[0] + si * forward[0]
    y = co * left[1] + si * forward[1]
    z = co * left[2] + si * forward[2]
    if s["bounded"] == 1:
        d = nominal[0] * up[0] + nominal[1] * up[1] + nominal[2] * up[2]
        px, py, pz = nominal[0] - d * up[0], nominal[1] - d * up[1], nominal[2] - d * up[2]
        r = math.sqrt(px * px + py * py + pz * pz) + 1e-9
        if (x * px + y * py + z * pz) < c.axis_bound_cos * r:
            x, y, z = px / r, py / r, pz / r
    d = x * up[0] + y * up[1] + z * up[2]
    x, y, z = x - d * up[0], y - d * up[1], z - d * up[2]
    r = math.sqrt(x * x + y * y + z * z)
    if r < 1e-6:
        # up has come to lie on the left axis (unknown mounting): any level axis will do for a start
        x, y, z = (up[1], -up[0], 0.0) if abs(up[2]) < 0.9 else (0.0, up[2], -up[1])
        r = math.sqrt(x * x + y * y + z * z)
    left[0], left[1], left[2] = x / r, y / r, z / r
    forward[0] = left[1] * up[2] - left[2] * up[1]
    forward[1] = left[2] * up[0] - left[0] * up[2]
    forward[2] = left[0] * up[1] - left[1] * up[0]
    if turn != 0.0:
        a, b, e = m[0], m[1], m[2]
        m[0] = a * co * co + 2.0 * e * si * co + b * si * si
        m[1] = a * si * si - 2.0 * e * si * co + b * co * co
        m[2] = (b - a) * si * co + e * (co * co - si * si)
