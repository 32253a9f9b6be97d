"""How quiet is a foot, measured by its own walking: arithmetic only.

Absolute thresholds lose fast walkers, whose feet never come as quiet as a slow walker's, so both thresholds follow the
decaying peak of the smoothed angular rate.
"""

import math
from typing import NamedTuple

import numpy as np

from imu.kernels._jit import njit

STATE = np.dtype(
    [
        ("rate", "<f8"),  # rad/s, smoothed |gyr|
        ("peak", "<f8"),  # rad/s, decaying maximum of `rate`
        ("moving", "<f8"),  # rad/s, above this the foot moves
        ("still", "<f8"),  # rad/s, below this it stands
        ("window_s", "<f8"),
        ("minima", "<f8", (3,)),  # quietest moment of this window and the two before
        ("quiet_s", "<f8"),  # in a row below `moving`
        ("quieter_s", "<f8"),  # in a row below half of `moving`
        ("acc", "<f8", (3,)),  # m/s^2, smoothed specific force, sensor axes
        ("acc_norm", "<f8"),
        ("elapsed_s", "<f8"),
    ]
)


class Coefficients(NamedTuple):
    rate_weight: float
    acc_weight: float
    peak_decay: float
    peak_start: float
    moving_share: float
    moving_least: float
    moving_most: float
    still_share: float
    still_least: float
    still_most: float
    window_s: float
    floor_factor: float
    floor_share: float


@njit
def start(s, ax, ay, az, c):
    """As if just moving: a session may begin in mid-swing."""
    s["rate"] = 0.6 * c.peak_start
    s["acc"][0], s["acc"][1], s["acc"][2] = ax, ay, az
    s["quiet_s"] = 0.0
    s["quieter_s"] = 0.0


@njit
def step(s, ax, ay, az, rate, dt, c):
    """Advance by one sample of specific force (m/s^2) and |gyr| (rad/s)."""
    s["rate"] += c.rate_weight * (rate - s["rate"])
    smooth = s["rate"]
    s["peak"] = min(max(smooth, s["peak"] * c.peak_decay), c.moving_most / c.moving_share)
    s["moving"] = min(c.moving_most, max(c.moving_least, c.moving_share * s["peak"]))
    s["still"] = min(c.still_most, max(c.still_least, c.still_share * s["peak"]))
    least = s["minima"]
    s["window_s"] += dt
    s["elapsed_s"] += dt
    least[0] = min(least[0], smooth)
    if s["window_s"] > c.window_s:
        least[2] = least[1]
        least[1] = least[0]
        least[0] = smooth
        s["window_s"] = 0.0
    # who never comes quiet (skipping, sliding) is still by comparison
    floor = c.floor_factor * min(least[0], least[1], least[2])
    if s["elapsed_s"] > c.window_s and floor > s["moving"]:
        s["moving"] = min(floor, c.floor_share * s["peak"])
    s["quiet_s"] = s["quiet_s"] + dt if smooth < s["moving"] else 0.0
    s["quieter_s"] = s["quieter_s"] + dt if smooth < 0.5 * s["moving"] else 0.0
    acc = s["acc"]
    acc[0] += c.acc_weight * (ax - acc[0])
    acc[1] += c.acc_weight * (ay - acc[1])
    acc[2] += c.acc_weight * (az - acc[2])
    s["acc_norm"] = math.sqrt(acc[0] * acc[0] + acc[1] * acc[1] + acc[2] * acc[2])
