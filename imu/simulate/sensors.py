"""How a sensor is worn and what it adds to the truth: noise, bias, range, resolution, a clock and a radio link."""

import math
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from imu.core.errors import BadSpec
from imu.core.samples import Floats, Samples
from imu.core.session import ROTATION_TOLERANCE
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.simulate.kinematics import Readings
from imu.simulate.limits import check

Triple: TypeAlias = tuple[float, float, float]
Matrix: TypeAlias = tuple[Triple, Triple, Triple]

ALIGNED: Final[Matrix] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
NO_OFFSET: Final[Triple] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Errors of the readings. The defaults are those of a current consumer part; all zero is a perfect sensor."""

    acc_noise_m_s2_rthz: float = 120e-6 * STANDARD_GRAVITY_M_S2
    """White, one-sided density per root hertz; so is the next."""
    gyr_noise_rad_s_rthz: float = math.radians(0.007)
    acc_bias_m_s2: Triple = NO_OFFSET
    gyr_bias_rad_s: Triple = NO_OFFSET
    acc_range_m_s2: float = 16.0 * STANDARD_GRAVITY_M_S2
    gyr_range_rad_s: float = math.radians(2000.0)
    bits: int = 16
    """Of the converter, over the range either way; 0 = no rounding."""

    def __post_init__(self) -> None:
        check("acc_noise_m_s2_rthz", self.acc_noise_m_s2_rthz, 0.0, 1.0, "m/s^2 a root hertz", "in ug?")
        check("gyr_noise_rad_s_rthz", self.gyr_noise_rad_s_rthz, 0.0, 0.1, "rad/s a root hertz", "in deg/s?")
        for key, limit in (("acc_bias_m_s2", 20.0), ("gyr_bias_rad_s", 2.0)):
            for value in getattr(self, key):
                check(key, value, -limit, limit, "SI units an axis", "in mg or deg/s?")
        check("acc_range_m_s2", self.acc_range_m_s2, 15.0, 4000.0, "m/s^2", "in g?")
        check("gyr_range_rad_s", self.gyr_range_rad_s, 2.0, 100.0, "rad/s", "in deg/s?")
        if self.bits != 0:
            check("bits", self.bits, 8, 24, "bits, or 0 for no rounding", "bytes?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The stamp of a sample is its own clock's time: what the recording shows of it is the error."""

    drift_ppm: float = 0.0
    """Positive: the clock is fast, and samples a little more often than it says."""
    offset_s: float = 0.0
    jitter_s: float = 0.0
    """Standard deviation of the stamps alone; the samples themselves are even."""

    def __post_init__(self) -> None:
        check("drift_ppm", self.drift_ppm, -5000.0, 5000.0, "parts per million", "as a share?")
        check("offset_s", self.offset_s, 0.0, 3600.0, "s, since the session clock has no negative times", "in ms?")
        check("jitter_s", self.jitter_s, 0.0, 1.0, "s", "in ms?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What happens on the way: samples travel in packets."""

    packet_samples: int = 1
    lost_share: float = 0.0
    """Of all packets, on the average."""
    lost_in_a_row: int = 1
    """Packets that go together."""
    gaps_s: tuple[tuple[float, float], ...] = ()
    """(from, to) without any sample."""
    late_share: float = 0.0
    late_s: float = 0.1
    duplicate_share: float = 0.0

    def __post_init__(self) -> None:
        check("packet_samples", self.packet_samples, 1, 1000, "samples", "seconds?")
        check("lost_share", self.lost_share, 0.0, 0.9, "of the packets", "percent?")
        check("lost_in_a_row", self.lost_in_a_row, 1, 1000, "packets", "seconds?")
        check("late_share", self.late_share, 0.0, 0.9, "of the packets", "percent?")
        check("late_s", self.late_s, 0.001, 60.0, "s", "in ms?")
        check("duplicate_share", self.duplicate_share, 0.0, 0.9, "of the packets", "percent?")
        for begin, end in self.gaps_s:
            if not 0.0 <= begin < end:
                raise BadSpec(
                    f"gaps_s has a gap from {begin:g} to {end:g} s; want from < to (from and length?)", key="gaps_s"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorModel:
    """One worn sensor."""

    position_m: Triple
    """Body axes: on a foot from the middle of the sole, on the pelvis from its middle."""
    rate_hz: float = 200.0
    mounting: Matrix = ALIGNED
    """As session.json states it: rows = the body's forward, left and up axes in sensor axes."""
    strapped_deg: Triple = NO_OFFSET
    """How the sensor really sits: turned from there by roll, then pitch, then yaw about the body's axes."""
    mounting_known: bool = True
    """Whether session.json states the mounting at all."""
    placement: str | None = None
    noise: Noise = field(default_factory=Noise)
    clock: Clock = field(default_factory=Clock)
    link: Link = field(default_factory=Link)

    def __post_init__(self) -> None:
        check("rate_hz", self.rate_hz, 25.0, 1000.0, "samples per second", "a period?")
        for value in self.position_m:
            check("position_m", value, -1.0, 1.0, "m", "in cm?")
        for value in self.strapped_deg:
            check("strapped_deg", value, -180.0, 180.0, "degrees", "in rad?")
        matrix = np.array(self.mounting)
        if np.abs(matrix @ matrix.T - np.eye(3)).max() > ROTATION_TOLERANCE or np.linalg.det(matrix) < 0.0:
            raise BadSpec(
                "mounting is no rotation; want rows = the body's forward, left and up axes in sensor axes, at right "
                "angles and right-handed (one axis has the wrong sign?)",
                key="mounting",
            )

    def axes(self) -> Floats:
        """(3, 3), rows = the body's forward, left and up axes in sensor axes, as the sensor really sits."""
        roll, pitch, yaw = np.radians(self.strapped_deg)
        return _turn(2, yaw) @ _turn(1, pitch) @ _turn(0, roll) @ np.array(self.mounting)


def _turn(axis: int, angle: float) -> Floats:
    cos, sin = math.cos(angle), math.sin(angle)
    matrix, i, j = np.eye(3), (axis + 1) % 3, (axis + 2) % 3
    matrix[[i, i, j, j], [i, j, i, j]] = cos, -sin, sin, cos
    return matrix


def sense(model: SensorModel, true: Readings, seq: Floats, rng: np.random.Generator) -> Samples:
    """What the sensor makes of perfect readings in body axes, for samples number `seq` (n,)."""
    noise, clock, root_hz = model.noise, model.clock, math.sqrt(0.5 * model.rate_hz)
    random = rng.standard_normal((7, len(seq)))
    axes = model.axes()
    values: list[Floats] = []
    clipped = np.zeros(len(seq), np.bool_)
    for body, bias, density, most, part in (
        (true.acc, noise.acc_bias_m_s2, noise.acc_noise_m_s2_rthz, noise.acc_range_m_s2, random[:3]),
        (true.gyr, noise.gyr_bias_rad_s, noise.gyr_noise_rad_s_rthz, noise.gyr_range_rad_s, random[3:6]),
    ):
        value = body @ axes + np.array(bias) + density * root_hz * part.T
        if noise.bits:
            unit = most / 2.0 ** (noise.bits - 1)
            value, low, high = np.rint(value / unit) * unit, -most, most - unit
        else:
            low, high = -most, most
        clipped |= ((value <= low) | (value >= high)).any(axis=1)
        values.append(np.clip(value, low, high))
    stamp_s = seq / model.rate_hz + clock.offset_s + clock.jitter_s * random[6]
    t_ns = np.maximum(np.rint(stamp_s * NS_PER_S).astype(np.int64), 0)
    acc, gyr = values
    return Samples(t_ns, seq.astype(np.int64), acc, gyr, clipped)


def sampled_at(model: SensorModel, seq: Floats) -> Floats:
    """When samples number `seq` are really taken, s."""
    return seq / (model.rate_hz * (1.0 + 1e-6 * model.clock.drift_ppm))


def how_many(model: SensorModel, duration_s: float) -> int:
    """Samples of a recording that begins at 0."""
    return max(1, math.ceil(duration_s * model.rate_hz * (1.0 + 1e-6 * model.clock.drift_ppm) - 1e-6))
