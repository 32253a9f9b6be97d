"""Attitude and gravity of a six-axis sensor on the pelvis: arithmetic only.

A causal filter of the class of VQF without magnetometer (Laidig and Seel 2023, Information Fusion 91:187-204, doi
10.1016/j.inffus.2022.10.014): the gyroscope alone carries the attitude into a frame I that drifts slowly; there the
specific force is low-passed, and what remains is gravity. What differs: gravity is held while the person turns, and no
correction ever touches the quaternion, so that a step can be read with one gravity from its start to its end.
"""

import math
from typing import NamedTuple

import numpy as np

from imu.kernels._jit import njit
from imu.kernels.rotation import advance, rotate, unrotate

STATE = np.dtype(
    [
        ("seen", "<i8"),  # samples since the attitude began anew
        ("q", "<f8", (4,)),  # wxyz, sensor -> I
        ("rate", "<f8", (3,)),  # rad/s, gyroscope of the newest sample, sensor axes
        ("bias", "<f8", (3,)),  # rad/s
        ("gravity", "<f8", (3,)),  # m/s^2 in I, against gravity
        ("delay1", "<f8", (3,)),  # memory of the low-pass
        ("delay2", "<f8", (3,)),
        ("known", "<i8"),  # 1 once gravity is known and the low-pass runs
        ("turning", "<f8"),  # rad/s, smoothed rate about the vertical, signed
        ("acc_mean", "<f8", (3,)),  # smoothed, sensor axes
        ("rate_mean", "<f8", (3,)),
        ("acc_var", "<f8"),
        ("rate_var", "<f8"),
        ("quiet_s", "<f8"),  # in a row
        ("resting", "<i8"),
        ("rested", "<i8"),
    ]
)


class Coefficients(NamedTuple):
    """What `PelvisParams.resolve` makes of the parameters at one sampling rate."""

    b0: float
    a1: float
    a2: float
    mean_n: int
    turn_weight: float
    turn_rate: float
    rest_weight: float
    rest_n: int
    rest_acc_var: float
    rest_rate_var: float
    rest_rate: float
    rest_hold_s: float
    bias_least_s: float
    bias_most_s: float
    bridge_s: float


@njit
def restart(s):
    """The attitude begins anew: what was integrated is void; the gyroscope's bias stays."""
    s["seen"] = 0
    s["q"][0] = 1.0
    s["q"][1:] = 0.0
    s["gravity"][:] = 0.0
    s["known"] = 0
    s["turning"] = 0.0
    s["acc_mean"][:] = 0.0
    s["rate_mean"][:] = 0.0
    s["acc_var"] = 0.0
    s["rate_var"] = 0.0
    s["quiet_s"] = 0.0
    s["resting"] = 0


@njit
def settle(s, c):
    """Start the low-pass as if the gravity found so far had always been its input."""
    for k in range(3):
        s["delay1"][k] = s["gravity"][k] * (1.0 - c.b0)
        s["delay2"][k] = s["gravity"][k] * (c.b0 - c.a2)
    s["known"] = 1


@njit
def follow_gravity(s, vx, vy, vz, c):
    """One specific force in I into gravity: a plain mean at first, then a second-order Butterworth low-pass."""
    g = s["gravity"]
    if s["known"] == 0:
        weight = 1.0 / (s["seen"] + 1)
        g[0] += weight * (vx - g[0])
        g[1] += weight * (vy - g[1])
        g[2] += weight * (vz - g[2])
        if s["seen"] + 1 >= c.mean_n:
            settle(s, c)
        return
    if abs(s["turning"]) > c.turn_rate:
        # in a turn the mean force leans inwards: hold what is known
        vx, vy, vz = g[0], g[1], g[2]
    d1, d2 = s["delay1"], s["delay2"]
    for k in range(3):
        v = vx if k == 0 else (vy if k == 1 else vz)
        y = c.b0 * v + d1[k]
        d1[k] = 2.0 * c.b0 * v - c.a1 * y + d2[k]
        d2[k] = c.b0 * v - c.a2 * y
        g[k] = y


@njit
def follow_rest(s, ax, ay, az, gx, gy, gz, dt, c):
    """Is the sensor at rest? There its gyroscope shows its bias, and its accelerometer gravity."""
    weight = max(c.rest_weight, 1.0 / (s["seen"] + 1))
    acc, rate = s["acc_mean"], s["rate_mean"]
    acc_square, rate_square = 0.0, 0.0
    for k in range(3):
        d = (ax if k == 0 else (ay if k == 1 else az)) - acc[k]
        e = (gx if k == 0 else (gy if k == 1 else gz)) - rate[k]
        acc[k] += weight * d
        rate[k] += weight * e
        acc_square += d * d
        rate_square += e * e
    # West's update: nothing of the first sample's distance from an unknown mean stays in the variance
    s["acc_var"] = (1.0 - weight) * (s["acc_var"] + weight * acc_square)
    s["rate_var"] = (1.0 - weight) * (s["rate_var"] + weight * rate_square)
    quiet = (
        s["seen"] >= c.rest_n
        and s["acc_var"] < c.rest_acc_var
        and s["rate_var"] < c.rest_rate_var
        and max(abs(rate[0]), abs(rate[1]), abs(rate[2])) < c.rest_rate
    )
    s["quiet_s"] = s["quiet_s"] + dt if quiet else 0.0
    s["resting"] = 1 if s["quiet_s"] > c.rest_hold_s else 0
    if s["resting"] == 0:
        return
    s["rested"] = 1
    weight = dt / min(max(s["quiet_s"], c.bias_least_s), c.bias_most_s)
    bias = s["bias"]
    bias[0] += weight * (gx - bias[0])
    bias[1] += weight * (gy - bias[1])
    bias[2] += weight * (gz - bias[2])
    if s["known"] == 0:
        g = s["gravity"]
        g[0], g[1], g[2] = rotate(s["q"], acc[0], acc[1], acc[2])
        settle(s, c)


@njit
def up_in_inertial(s):
    """Unit vector; of no force at all (free fall), the third axis."""
    g = s["gravity"]
    n = math.sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2])
    if n < 1e-9:
        return 0.0, 0.0, 1.0
    return g[0] / n, g[1] / n, g[2] / n


@njit
def step(s, dt, lost, acc, gyr, c):
    """Advance by one sample of acc (m/s^2) and gyr (rad/s), `lost` missing just before it; returns the force in I."""
    ax, ay, az = acc[0], acc[1], acc[2]
    gx, gy, gz = gyr[0], gyr[1], gyr[2]
    if lost > 0 and dt > c.bridge_s:
        restart(s)
    q, rate, bias = s["q"], s["rate"], s["bias"]
    if s["seen"] == 0:
        q[0] = 1.0
    else:
        # the mean of both ends: right to the second order, and the best guess across a short gap
        x = 0.5 * (gx + rate[0]) - bias[0]
        y = 0.5 * (gy + rate[1]) - bias[1]
        z = 0.5 * (gz + rate[2]) - bias[2]
        advance(q, x, y, z, dt)
        ux, uy, uz = up_in_inertial(s)
        ux, uy, uz = unrotate(q, ux, uy, uz)
        s["turning"] += c.turn_weight * (x * ux + y * uy + z * uz - s["turning"])
    rate[0], rate[1], rate[2] = gx, gy, gz
    vx, vy, vz = rotate(q, ax, ay, az)
    follow_gravity(s, vx, vy, vz, c)
    follow_rest(s, ax, ay, az, gx, gy, gz, dt, c)
    s["seen"] += 1
    return vx, vy, vz


@njit
def run(state, t_ns, dt_s, lost, acc, gyr, c, out):
    """Loop of `step` over n samples; fill the POSE records `out` (n,)."""
    s = state[0]
    for i in range(t_ns.shape[0]):
        vx, vy, vz = step(s, dt_s[i], lost[i], acc[i], gyr[i], c)
        ux, uy, uz = up_in_inertial(s)
        pose = out[i]
        pose["t_ns"] = t_ns[i]
        pose["dt_s"] = dt_s[i]
        pose["lost"] = lost[i]
        pose["fresh"] = 1 if s["seen"] == 1 else 0
        pose["q"][:] = s["q"]
        up, force = pose["up"], pose["force"]
        up[0], up[1], up[2] = ux, uy, uz
        force[0], force[1], force[2] = vx, vy, vz
        pose["known"] = s["known"]
        pose["rested"] = s["rested"]
        pose["resting"] = s["resting"]
