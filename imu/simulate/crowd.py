"""People who differ: a healthy adult drawn at random, from the ranges that docs/simulator.md sources."""

from dataclasses import replace
from typing import Final

import numpy as np

from imu.simulate.limits import Sides
from imu.simulate.person import BACKWARD, FORWARD, Gait, Person

CROWD: Final = 4
"""The stream of random numbers that makes a person, apart from those of the walk."""


def someone(seed: int) -> Person:
    """A healthy adult, the same one for the same seed.

    People differ in pace, timing, angles, pelvis, bones, shoes and straps, and somewhat between left and right.
    """
    rng = np.random.default_rng([seed, CROWD])

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def sides(low: float, high: float, apart: float) -> Sides:
        middle = between(low, high)
        half = 0.5 * float(rng.normal(0.0, apart))
        return Sides(min(max(middle + half, low), high), min(max(middle - half, low), high))

    def gait(usual: Gait, *, steps_m: Sides, contact_deg: Sides, release_deg: Sides) -> Gait:
        return replace(
            usual,
            cadence_spm=usual.cadence_spm * between(0.88, 1.12),
            step_length_m=steps_m,
            stance_fraction=usual.stance_fraction + between(-0.03, 0.02),
            contact_angle_deg=contact_deg,
            release_angle_deg=release_deg,
            roll_down_s=usual.roll_down_s * between(0.65, 1.2),
            roll_off_fraction=usual.roll_off_fraction * between(0.8, 1.05),
            clearance_m=between(0.01, 0.03),
            impact_m_s2=between(20.0, 100.0),
            second_impact_share=between(0.2, 0.8),
            drop_deg=sides(2.0, 8.0, 1.5),
            drop_peak=usual.drop_peak + between(-0.08, 0.08),
        )

    return Person(
        forward=gait(
            FORWARD,
            steps_m=sides(0.56, 0.74, 0.02),
            contact_deg=sides(10.0, 28.0, 3.0),
            release_deg=sides(-70.0, -50.0, 4.0),
        ),
        backward=gait(
            BACKWARD,
            steps_m=sides(0.3, 0.58, 0.03),
            contact_deg=sides(-40.0, -10.0, 5.0),
            release_deg=sides(4.0, 22.0, 3.0),
        ),
        first_foot="left" if rng.random() < 0.5 else "right",
        foot_length_m=between(0.17, 0.21),
        step_width_m=between(0.05, 0.13),
        toe_out_deg=between(0.0, 14.0),
        stride_time_sd_s=between(0.01, 0.03),
        step_length_sd_m=between(0.01, 0.025),
        autocorrelation=between(0.0, 0.6),
        contact_angle_sd_deg=between(1.5, 3.5),
        shape_sd=between(0.08, 0.16),
        stir_deg=between(0.4, 2.0),
        sole_delay_s=between(0.002, 0.016),
        strap_hz=between(20.0, 60.0),
        sway_m=between(0.015, 0.035),
        bounce_m=between(0.014, 0.022),
        tilt_deg=between(3.0, 14.0),
        rotation_deg=between(2.0, 8.0),
    )
