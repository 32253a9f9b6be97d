"""What random people wear, and what becomes of its files.

A new fault of a sensor, its clock or its link is a line of `_noise`, `_clock`, `_link` or `worn`; a fault of the file
itself is one of FLAWS.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from imu.core.samples import Samples
from imu.core.session import SENSORS, Sensor
from imu.simulate import Clock, Link, Noise, SensorModel
from imu.simulate.placements import PLACEMENTS, Restrapping
from tests.contract.lots import Rng, pick, sometimes, triple

OFF_NOMINAL_DEG = 35.0
"""How far straps sit off, as CONTRACT.md has it."""


# what they wear


def worn(rng: Rng) -> dict[Sensor, SensorModel]:
    """Three sensors most often; one foot at least. Half of all people have a good set of them."""
    off: list[Sensor] = pick(rng, [[]] * 6 + [["pelvis"], ["foot_left"], ["foot_right"], ["foot_left", "pelvis"]])
    good = rng.random() < 0.5
    # one radio for all, most often
    link = Link() if good else _link(rng)
    return {
        name: SensorModel(
            placement=pick(rng, places),
            mirrored=name == "foot_right",
            rate_hz=_rate_hz(rng),
            **_seat(rng),
            mounting_known=bool(rng.random() < 0.75),
            noise=Noise(gyr_bias_rad_s=triple(rng, math.radians(0.5))) if good else _noise(rng),
            clock=Clock(offset_s=sometimes(rng, 0.5)) if good else _clock(rng),
            link=link if rng.random() < 0.8 else _link(rng),
        )
        for name, places in PLACES.items()
        if name not in off
    }


PLACES: Mapping[Sensor, list[str]] = {
    name: [place for place, told in PLACEMENTS.items() if (told.segment == "pelvis") == (name == "pelvis")]
    for name in SENSORS
}


def _seat(rng: Rng) -> dict[str, Any]:
    """As is usual at the place, or any mounting and straps that sit far off it; seldom strapped anew meanwhile."""
    seat: dict[str, Any] = {}
    if rng.random() < 0.7:
        seat = {"mounting": _rotation(rng), "strapped_deg": _strapped_deg(rng)}
    if rng.random() < 0.05:
        anew = Restrapping(
            t_s=rng.uniform(0.0, 15.0), strapped_deg=_strapped_deg(rng), off_s=pick(rng, [0.0, 0.5, 3.0])
        )
        seat["restrapped"] = (anew,)
    return seat


def silent(rng: Rng, worn: list[Sensor]) -> list[Sensor]:
    """Sensors that session.json names and whose files are absent; never the last foot."""
    feet = [sensor for sensor in worn if sensor != "pelvis"]
    able = [sensor for sensor in worn if sensor == "pelvis" or len(feet) > 1]
    return [pick(rng, able)] if able and rng.random() < 0.1 else []


def _rate_hz(rng: Rng) -> float:
    odd = [25.0, 50.0, 52.0, 104.0, 128.0, 370.37, 400.0, 1000.0, float(rng.uniform(25.0, 1000.0))]
    return float(pick(rng, [100.0, 200.0] if rng.random() < 0.7 else odd))


def _rotation(rng: Rng) -> Any:
    """Any at all: a quarter turn about each axis most often, as people mount sensors."""
    if rng.random() < 0.6:
        matrix = np.eye(3)[rng.permutation(3)] * rng.choice([-1.0, 1.0], 3)[:, None]
    else:
        matrix, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    matrix[2] *= np.sign(np.linalg.det(matrix))
    return tuple(tuple(float(value) for value in row) for row in matrix)


def _strapped_deg(rng: Rng) -> tuple[float, float, float]:
    angles = rng.standard_normal(3)
    roll, pitch, yaw = (rng.uniform(0.0, OFF_NOMINAL_DEG) * angles / np.linalg.norm(angles)).tolist()
    return roll, pitch, yaw


def _noise(rng: Rng) -> Noise:
    usual = Noise()
    if rng.random() < 0.2:
        return usual
    return Noise(
        acc_noise_m_s2_rthz=usual.acc_noise_m_s2_rthz * rng.uniform(0.0, 5.0),
        gyr_noise_rad_s_rthz=usual.gyr_noise_rad_s_rthz * rng.uniform(0.0, 5.0),
        acc_bias_m_s2=triple(rng, 0.4),
        gyr_bias_rad_s=triple(rng, math.radians(3.0)),
        acc_drift_m_s2=sometimes(rng, 0.1),
        gyr_drift_rad_s=sometimes(rng, math.radians(0.5)),
        drift_s=rng.uniform(10.0, 300.0),
        acc_warming_m_s2=triple(rng, 0.1),
        gyr_warming_rad_s=triple(rng, math.radians(0.5)),
        acc_scale_share=triple(rng, 0.03),
        gyr_scale_share=triple(rng, 0.03),
        acc_cross_deg=_crossed(rng),
        gyr_cross_deg=_crossed(rng),
        gyr_per_acc_rad_s=triple(rng, 0.0003),
        acc_range_m_s2=usual.acc_range_m_s2 * float(rng.choice([0.125, 0.25, 0.5, 1.0, 1.0, 1.0])),
        gyr_range_rad_s=usual.gyr_range_rad_s * float(rng.choice([0.125, 0.25, 0.5, 1.0, 1.0])),
        bits=int(rng.choice([0, 10, 12, 16, 16])),
    )


def _clock(rng: Rng) -> Clock:
    return Clock(
        drift_ppm=pick(rng, [0.0, rng.uniform(-100.0, 100.0), 3000.0]),
        wander_ppm=sometimes(rng, 50.0),
        wander_s=rng.uniform(10.0, 100.0),
        offset_s=sometimes(rng, 3.0),
        jitter_s=float(rng.choice([0.0, 0.0, 0.0005, 0.002, 0.02])),
    )


def _link(rng: Rng) -> Link:
    if rng.random() < 0.3:
        return Link()
    gap_s = float(rng.uniform(0.0, 20.0))
    return Link(
        packet_samples=int(rng.integers(1, 13)),
        lost_share=float(rng.choice([0.0, 0.002, 0.01, 0.05, 0.3])),
        lost_in_a_row=int(rng.choice([1, 1, 3, 10])),
        gaps_s=((gap_s, gap_s + float(rng.choice([0.05, 0.15, 0.6, 4.0]))),) if rng.random() < 0.3 else (),
        late_share=float(rng.choice([0.0, 0.0, 0.02, 0.1])),
        late_s=float(rng.choice([0.02, 0.1, 1.0])),
        duplicate_share=float(rng.choice([0.0, 0.0, 0.02, 0.1])),
    )


# what becomes of the file


def _not_a_number(rng: Rng, samples: Samples) -> Samples:
    """A value here and there that is none, or none that a sensor can mean."""
    acc, gyr = samples.acc.copy(), samples.gyr.copy()
    for values in (acc, gyr):
        rows = rng.integers(0, len(samples), int(rng.integers(1, 6)))
        values[rows, rng.integers(0, 3, len(rows))] = rng.choice([np.nan, np.inf, -np.inf, 1e30], len(rows))
    return replace(samples, acc=acc, gyr=gyr)


def _starts_late_or_ends_early(rng: Rng, samples: Samples) -> Samples:
    first, last = rng.integers(0, max(1, len(samples) // 3), 2).tolist()
    return samples.where((samples.seq >= first) & (samples.seq <= samples.seq.max() - last))


def _ends_in_motion(rng: Rng, samples: Samples) -> Samples:
    """The battery dies in mid-step."""
    turning = np.linalg.norm(samples.gyr, axis=1)
    moving = samples.seq[turning >= np.nanquantile(turning, 0.8)]
    return samples.where(samples.seq <= max(pick(rng, moving), len(samples) // 3))


def _clock_jumps(rng: Rng, samples: Samples) -> Samples:
    """The clock of the radio is set anew; the counter runs on."""
    behind = np.arange(len(samples)) >= rng.integers(0, len(samples))
    return replace(samples, t_ns=samples.t_ns + behind * int(rng.choice([30_000_000, 200_000_000, 2_000_000_000])))


def _counter_anew(rng: Rng, samples: Samples) -> Samples:
    """The sensor starts again: the counter from 0, the clock runs on."""
    behind = np.arange(len(samples)) >= rng.integers(1, len(samples))
    return replace(samples, seq=samples.seq - behind * samples.seq[behind.argmax()])


FLAWS: Mapping[Callable[[Rng, Samples], Samples], float] = {
    _not_a_number: 0.1,
    _starts_late_or_ends_early: 0.15,
    _ends_in_motion: 0.1,
    _clock_jumps: 0.04,
    _counter_anew: 0.03,
}
"""What may befall the rows of a sensor, and how often."""


# the drawing of lots


def _crossed(rng: Rng) -> Any:
    leaning = rng.uniform(-1.0, 1.0, (3, 3)) * (1.0 - np.eye(3))
    return tuple(tuple(row) for row in leaning.tolist())
