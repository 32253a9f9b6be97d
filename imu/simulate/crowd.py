"""People who differ: a healthy adult drawn at random, from the ranges that docs/simulator.md sources."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast

import numpy as np

from imu.core.session import Sensor
from imu.simulate.limits import Sides
from imu.simulate.person import BACKWARD, FORWARD, Gait, Person
from imu.simulate.placements import Triple
from imu.simulate.sensors import SensorModel

CROWD: Final = 4
"""The stream of random numbers that makes a person, apart from those of the walk."""
WORN: Final = 5
"""And the one that straps sensors on."""
STRAPPED_SD_DEG: Final = (6.0, 8.0, 8.0)
"""How far a sensor sits from where it was meant to, roll, pitch and yaw; straps sit up to 35 degrees off."""
BIAS_SD: Final = (0.15, 0.006)
"""Of accelerometer (m/s^2) and gyroscope (rad/s), each axis: those of consumer parts."""
SCALE_SD: Final = (0.008, 0.006)
"""Of the same, as a share."""


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

    def gait(usual: Gait, *, steps_m: Sides, contact_deg: Sides, release_deg: Sides, drops_deg: Sides) -> Gait:
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
            drop_deg=drops_deg,
            drop_peak=usual.drop_peak + between(-0.08, 0.08),
        )

    return Person(
        forward=gait(
            FORWARD,
            steps_m=sides(0.56, 0.74, 0.02),
            contact_deg=sides(10.0, 28.0, 3.0),
            release_deg=sides(-70.0, -50.0, 4.0),
            drops_deg=sides(2.0, 8.0, 1.5),
        ),
        backward=gait(
            BACKWARD,
            steps_m=sides(0.3, 0.58, 0.03),
            contact_deg=sides(-40.0, -10.0, 5.0),
            release_deg=sides(4.0, 22.0, 3.0),
            drops_deg=sides(3.0, 12.0, 1.5),
        ),
        first_foot="left" if rng.random() < 0.5 else "right",
        foot_length_m=between(0.17, 0.21),
        step_width_m=between(0.05, 0.13),
        toe_out_deg=between(0.0, 14.0),
        stride_time_sd_s=between(0.01, 0.03),
        step_length_sd_m=between(0.01, 0.025),
        autocorrelation=between(0.0, 0.6),
        contact_angle_sd_deg=between(1.5, 3.5),
        shape_sd=between(0.1, 0.2),
        stir_deg=between(0.4, 2.0),
        sole_delay_s=between(0.002, 0.016),
        strap_hz=between(20.0, 60.0),
        sway_m=between(0.015, 0.035),
        bounce_m=between(0.014, 0.022),
        tilt_wobble_deg=sides(0.9, 2.6, 0.3),
        tilt_deg=between(3.0, 14.0),
        rotation_deg=sides(2.0, 8.0, 1.0),
    )


def as_worn(sensors: Mapping[Sensor, SensorModel], seed: int) -> dict[Sensor, SensorModel]:
    """The same sensors as someone straps them on: not quite straight, each with its own biases and scales."""
    rng = np.random.default_rng([seed, WORN])

    def drawn(*sd: float) -> Triple:
        x, y, z = rng.normal(0.0, sd, 3).tolist()
        return x, y, z

    worn: dict[Sensor, SensorModel] = {}
    for name, model in sensors.items():
        off = drawn(*STRAPPED_SD_DEG)
        strapped = tuple(usual + more for usual, more in zip(model.strapped_deg, off, strict=True))
        noise = replace(
            model.noise,
            acc_bias_m_s2=drawn(*[BIAS_SD[0]] * 3),
            gyr_bias_rad_s=drawn(*[BIAS_SD[1]] * 3),
            acc_scale_share=drawn(*[SCALE_SD[0]] * 3),
            gyr_scale_share=drawn(*[SCALE_SD[1]] * 3),
        )
        worn[name] = replace(model, strapped_deg=cast("Triple", strapped), noise=noise)
    return worn
