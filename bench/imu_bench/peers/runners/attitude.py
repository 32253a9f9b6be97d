"""Obliquity and tilt of the pelvis, of the attitude that a filter found.

The sensor's axes are turned into the body's by the nominal mounting of session.json before a filter sees them. What
counts of its attitude is which way is up in body axes; obliquity and tilt are read from that in the order rotation,
obliquity, tilt (Baker 2001, Gait & Posture 13:1-6). Rotation drifts without a magnetometer and is not told.
"""
# pyright: basic

import numpy as np


def runner(attitude, about):
    """A `detect` of `attitude(signals)`, that gives (n, 4) wxyz, body to an earth whose third axis points up."""

    def detect(session, options, clock):
        with clock("read"):
            signals = session.signals("pelvis")
        with clock("attitude"):
            w, x, y, z = np.asarray(attitude(signals), float).T
        with clock("angles"):
            forward, left, up = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)
            columns = {
                "t_ns": signals.times_ns(),
                "obliquity_deg": np.rad2deg(np.arcsin(np.clip(left, -1.0, 1.0))),
                "tilt_deg": np.rad2deg(np.arctan2(-forward, up)),
            }
        return {"pelvis": columns}, {"filter": about}

    return detect
