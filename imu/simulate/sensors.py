"""How a sensor is worn, and what is wrong with it: errors, range, resolution, its clock and its radio link."""

import math
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np

from imu.core.errors import BadSpec
from imu.core.samples import Floats
from imu.core.session import ROTATION_TOLERANCE
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.simulate.limits import check
from imu.simulate.placements import (
    ALIGNED,
    PLACEMENTS,
    ZERO,
    Matrix,
    Restrapping,
    Segment,
    Triple,
    axes,
    check_in_turn,
    mirrored,
)

NO_CROSS: Final[Matrix] = (ZERO, ZERO, ZERO)


class Usual(tuple[Any, ...]):
    """What the placement says, where nobody said otherwise. `dataclasses.replace` keeps it so: the model at another
    placement has that one's.
    """

    __slots__ = ()


USUAL_TRIPLE: Final = cast("Triple", Usual())
USUAL_MATRIX: Final = cast("Matrix", Usual())


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Errors of the readings. The defaults are those of a current consumer part at its best: white noise alone. All
    zero is a perfect sensor.

    In the order in which they arise: leaning axes, scale, bias, white noise, range, counts.
    """

    acc_noise_m_s2_rthz: float = 120e-6 * STANDARD_GRAVITY_M_S2
    """White, one-sided density per root hertz; so is the next."""
    gyr_noise_rad_s_rthz: float = math.radians(0.007)
    acc_bias_m_s2: Triple = ZERO
    gyr_bias_rad_s: Triple = ZERO
    acc_drift_m_s2: float = 0.0
    """Standard deviation of a slow random change of bias, each axis its own: first-order Gauss-Markov; so is the next.
    """
    gyr_drift_rad_s: float = 0.0
    drift_s: float = 300.0
    """Correlation time of both: after it 1/e of a deviation is left."""
    acc_warming_m_s2: Triple = ZERO
    """How far the bias is moved in the end by the sensor's warming up; so is the next."""
    gyr_warming_rad_s: Triple = ZERO
    warming_s: float = 600.0
    """Time constant of that: after it 1/e is still to come."""
    acc_scale_share: Triple = ZERO
    """An axis of 0.01 tells one percent too much."""
    gyr_scale_share: Triple = ZERO
    acc_cross_deg: Matrix = NO_CROSS
    """How far each axis (row) leans to each of the others (column), small angles; the diagonal has no meaning, and is
    zero.
    """
    gyr_cross_deg: Matrix = NO_CROSS
    gyr_per_acc_rad_s: Triple = ZERO
    """What each gyroscope axis reads of 1 m/s^2 along it."""
    acc_range_m_s2: float = 16.0 * STANDARD_GRAVITY_M_S2
    gyr_range_rad_s: float = math.radians(2000.0)
    bits: int = 16
    """Of the converter, over the range either way; 0 = no rounding."""

    def __post_init__(self) -> None:
        check("acc_noise_m_s2_rthz", self.acc_noise_m_s2_rthz, 0.0, 1.0, "m/s^2 a root hertz", "in ug?")
        check("gyr_noise_rad_s_rthz", self.gyr_noise_rad_s_rthz, 0.0, 0.1, "rad/s a root hertz", "in deg/s?")
        check("acc_drift_m_s2", self.acc_drift_m_s2, 0.0, 2.0, "m/s^2", "in mg?")
        check("gyr_drift_rad_s", self.gyr_drift_rad_s, 0.0, 0.2, "rad/s", "in deg/s?")
        for key in ("drift_s", "warming_s"):
            check(key, getattr(self, key), 10.0, 86_400.0, "s", "in minutes?")
        for key, limit, unit, slip in (
            ("acc_bias_m_s2", 20.0, "SI units an axis", "in mg or deg/s?"),
            ("gyr_bias_rad_s", 2.0, "SI units an axis", "in mg or deg/s?"),
            ("acc_warming_m_s2", 2.0, "m/s^2 an axis", "in mg?"),
            ("gyr_warming_rad_s", 0.2, "rad/s an axis", "in deg/s?"),
            ("acc_scale_share", 0.2, "of the reading, an axis", "percent, or 1 for none?"),
            ("gyr_scale_share", 0.2, "of the reading, an axis", "percent, or 1 for none?"),
            ("gyr_per_acc_rad_s", 0.01, "rad/s for each m/s^2, an axis", "in deg/s a g?"),
        ):
            for value in getattr(self, key):
                check(key, value, -limit, limit, unit, slip)
        for key in ("acc_cross_deg", "gyr_cross_deg"):
            for i, row in enumerate(getattr(self, key)):
                for j, value in enumerate(row):
                    low, high = (0.0, 0.0) if i == j else (-10.0, 10.0)
                    check(f"{key}[{i}][{j}]", value, low, high, "degrees", "a share, or the diagonal?")
        check("acc_range_m_s2", self.acc_range_m_s2, 15.0, 4000.0, "m/s^2", "in g?")
        check("gyr_range_rad_s", self.gyr_range_rad_s, 2.0, 100.0, "rad/s", "in deg/s?")
        if self.bits != 0:
            check("bits", self.bits, 8, 24, "bits, or 0 for no rounding", "bytes?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The stamp of a sample is its own clock's time: what the recording shows of it is the error."""

    drift_ppm: float = 0.0
    """Positive: the clock is fast, and samples a little more often than it says."""
    wander_ppm: float = 0.0
    """How far the drift goes to and fro about that as the sensor warms and cools: a sine of the clock's own time."""
    wander_s: float = 1200.0
    """There and back."""
    offset_s: float = 0.0
    jitter_s: float = 0.0
    """Standard deviation of the stamps alone; the samples themselves are even."""

    def __post_init__(self) -> None:
        check("drift_ppm", self.drift_ppm, -5000.0, 5000.0, "parts per million", "as a share?")
        check("wander_ppm", self.wander_ppm, 0.0, 1000.0, "parts per million either way", "as a share?")
        check("wander_s", self.wander_s, 1.0, 86_400.0, "s", "in minutes?")
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
    """(from, to) without any sample: packets that hold one of them are lost."""
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
    """One worn sensor. At a placement with a known name what is not said of its seat is that placement's."""

    placement: str | None = None
    mirrored: bool = False
    """On the right: the placement's own position and seat are mirrored. What is said is taken as it is."""
    position_m: Triple = USUAL_TRIPLE
    """Body axes: on a foot, flat, from the middle of the sole, on the pelvis from its middle."""
    mounting: Matrix = USUAL_MATRIX
    """As session.json states it: rows = the body's forward, left and up axes in sensor axes."""
    strapped_deg: Triple = USUAL_TRIPLE
    """How the sensor really sits: turned from there by roll, then pitch, then yaw about the body's axes."""
    restrapped: tuple[Restrapping, ...] = ()
    mounting_known: bool = True
    """Whether session.json states the mounting at all."""
    rate_hz: float = 200.0
    noise: Noise = field(default_factory=Noise)
    clock: Clock = field(default_factory=Clock)
    link: Link = field(default_factory=Link)

    def __post_init__(self) -> None:
        self._take_what_is_usual()
        check("rate_hz", self.rate_hz, 25.0, 1000.0, "samples per second", "a period?")
        for value in self.position_m:
            check("position_m", value, -1.0, 1.0, "m", "in cm?")
        for value in self.strapped_deg:
            check("strapped_deg", value, -180.0, 180.0, "degrees", "in rad?")
        check_in_turn(self.restrapped)
        matrix = np.array(self.mounting)
        finite = bool(np.isfinite(matrix).all())
        if (
            not finite
            or np.abs(matrix @ matrix.T - np.eye(3)).max() > ROTATION_TOLERANCE
            or np.linalg.det(matrix) < 0.0
        ):
            raise BadSpec(
                "mounting is no rotation; want rows = the body's forward, left and up axes in sensor axes, at right "
                "angles and right-handed (one axis has the wrong sign?)",
                key="mounting",
            )

    def _take_what_is_usual(self) -> None:
        place = PLACEMENTS.get(self.placement or "")
        if place is None and isinstance(self.position_m, Usual):
            raise BadSpec(
                f"placement is {self.placement!r} without a position_m; want one of {', '.join(PLACEMENTS)}, or where "
                "it is (a typing slip?)",
                key="placement",
            )
        usual: dict[str, tuple[Any, ...]] = {"mounting": ALIGNED, "strapped_deg": ZERO}
        if place is not None:
            usual = (mirrored(place) if self.mirrored else place)._asdict()
        for name in ("position_m", "mounting", "strapped_deg"):
            if isinstance(getattr(self, name), Usual):
                object.__setattr__(self, name, Usual(usual[name]))

    @property
    def segment(self) -> Segment | None:
        """The part of the body that carries it; None at a place of no known name: the foot or pelvis that wears it."""
        place = PLACEMENTS.get(self.placement or "")
        return None if place is None else place.segment

    def axes(self) -> Floats:
        """(3, 3), rows = the body's forward, left and up axes in sensor axes, as the sensor really sits at first."""
        return axes(self.mounting, self.strapped_deg)


def sampled_at(model: SensorModel, seq: Floats) -> Floats:
    """When samples number `seq` are really taken, s."""
    clock, own_s = model.clock, seq / model.rate_hz
    real_s = own_s / (1.0 + 1e-6 * clock.drift_ppm)
    if clock.wander_ppm:
        turn = 2.0 * math.pi / clock.wander_s
        # the integral of the sine: two squares have no cancellation near 0
        real_s -= 1e-6 * clock.wander_ppm / turn * 2.0 * np.sin(0.5 * turn * own_s) ** 2
    return real_s


def how_many(model: SensorModel, duration_s: float) -> int:
    """Samples of a recording that begins at 0."""
    clock = model.clock
    steady = duration_s * model.rate_hz * (1.0 + 1e-6 * clock.drift_ppm) - 1e-6
    if not clock.wander_ppm:
        return max(1, math.ceil(steady))
    # only ever ahead: by so many samples at most, and a couple for the drift
    ahead = 1e-6 * clock.wander_ppm * clock.wander_s / math.pi * model.rate_hz * 1.01 + 2.0
    seq = np.arange(max(1, math.floor(steady)), math.ceil(steady + ahead) + 1, dtype=np.float64)
    return int(seq[np.searchsorted(sampled_at(model, seq), duration_s - 1e-6 / model.rate_hz)])
