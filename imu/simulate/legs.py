"""Thighs and shanks between pelvis and feet: two links that have to reach.

Pelvis and feet are given, so the joints follow: the knee bends as far as the distance from hip to ankle asks, and
points where pelvis and foot point. What can't be reached shows in `JointAngles.short_m`, and the angles can be held
against published curves.
"""

from typing import Final, NamedTuple

import numpy as np

from imu.core.samples import Floats
from imu.core.session import Foot
from imu.simulate.body import SIDE
from imu.simulate.motion import FootMotion, PelvisMotion
from imu.simulate.pelvis import HIP_BELOW_M
from imu.simulate.person import Person

HIP_ASIDE_M: Final = 0.085
"""Hip joints to either side of the middle of the pelvis."""
ANKLE_AHEAD_M: Final = 0.05
"""Of the heel's contact point, with the foot flat."""


class JointAngles(NamedTuple):
    """Sagittal angles (n,) in rad, positive in flexion; at the ankle, dorsiflexion. All 0 = standing straight."""

    hip: Floats
    """Of the thigh against the pelvis, its tilt included."""
    knee: Floats
    ankle: Floats
    short_m: Floats
    """By how much the straight leg is too short: 0 where it reaches."""


def joint_angles(pelvis: PelvisMotion, motion: FootMotion, foot: Foot, person: Person, t_s: Floats) -> JointAngles:
    """Hip, knee and ankle at times (n,) that do not decrease.

    Args:
        pelvis: of the middle of the pelvis, in the frame that the ground or the belt carries
        motion: of the foot
        foot: which one that is
        person: whose bones they are
        t_s: (n,)
    """
    trunk_m, trunk = pelvis.pose(t_s)
    ankle_m, sole = motion.hind_pose(
        t_s, np.array([ANKLE_AHEAD_M - 0.5 * person.foot_length_m, 0.0, person.ankle_height_m])
    )
    hip_m = trunk_m + trunk @ np.array([0.0, SIDE[foot] * HIP_ASIDE_M, -HIP_BELOW_M])
    leg = ankle_m - hip_m
    a, b, apart_m = person.thigh_m, person.shank_m, np.linalg.norm(leg, axis=1)
    short_m = np.maximum(apart_m - (a + b), 0.0)
    reach_m = np.minimum(apart_m, a + b)
    # law of cosines
    knee = np.pi - np.arccos(np.clip((a**2 + b**2 - reach_m**2) / (2.0 * a * b), -1.0, 1.0))
    down = leg / apart_m[:, None]
    ahead = trunk[:, :, 0] + sole[:, :, 1] @ np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    ahead = ahead - np.sum(ahead * down, axis=1)[:, None] * down
    ahead /= np.linalg.norm(ahead, axis=1)[:, None]
    lean = np.arcsin(np.clip(b * np.sin(knee) / reach_m, -1.0, 1.0))
    thigh = np.cos(lean)[:, None] * down + np.sin(lean)[:, None] * ahead
    shank = leg * (reach_m / apart_m)[:, None] - a * thigh
    in_trunk, in_sole = np.einsum("nji,nj->ni", trunk, thigh), np.einsum("nji,nj->ni", sole, -shank)
    return JointAngles(
        np.arctan2(in_trunk[:, 0], -in_trunk[:, 2]), knee, np.arctan2(in_sole[:, 0], in_sole[:, 2]), short_m
    )
