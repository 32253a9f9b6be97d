"""Random people, what they do and what they wear: whatever a seed brings is a session that might be.

A new kind of segment is one entry of SEGMENTS; a new fault of a sensor, its clock or its link is a line of `_noise`,
`_clock`, `_link` or `_worn`; a fault of the file itself is one of FLAWS.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from imu.core.errors import BadSpec
from imu.core.samples import Samples
from imu.core.session import FEET, SENSORS, Sensor, Session
from imu.simulate import (
    Clock,
    Gait,
    Link,
    Noise,
    Person,
    Protocol,
    Recording,
    SensorModel,
    Stand,
    Turn,
    Walk,
    simulate,
    usual_sensors,
)
from imu.simulate.crowd import someone
from imu.simulate.limits import Sides
from imu.simulate.link import joined
from imu.simulate.person import Direction
from imu.simulate.placements import PLACEMENTS, Restrapping
from imu.simulate.protocol import Segment, ShiftWeight, SideStep, Sit, UTurn

Rng: TypeAlias = np.random.Generator

ANYONE, ORDINARY = range(2)
"""What a seed is used for: each has random numbers of its own."""
SHORTEST_S, LONGEST_S = 8.0, 25.0
OFF_NOMINAL_DEG = 35.0
"""How far straps sit off, as CONTRACT.md has it."""
SLOWEST_M_S, FASTEST_M_S = 0.2, {"forward": 1.9, "backward": 1.3}
DRAWS = 500
"""So many people that can't be are drawn before something must be wrong with the drawing."""


class Walked(NamedTuple):
    session: Session
    samples: dict[Sensor, Samples]
    """Rows in order of arrival, as a float32 file holds them; sensors that deliver nothing are absent."""
    recording: Recording


def random_session(seed: int) -> Walked:
    """Anyone, doing anything, wearing sensors with any fault."""
    rng = np.random.default_rng([seed, ANYONE])
    worn = _worn(rng)

    def walked() -> Recording:
        person = _person(rng)
        return simulate(person, _protocol(rng, person), worn, seed=seed, session=f"anyone-{seed}")

    recording = _possible(walked)
    samples = {sensor: as_float32(joined(list(recording.samples(sensor)))) for sensor in worn}
    for sensor in _silent(rng, list(worn)):
        del samples[sensor]
    for flaw, share in FLAWS.items():
        samples = {sensor: flaw(rng, rows) if rng.random() < share else rows for sensor, rows in samples.items()}
    return Walked(recording.session, samples, recording)


def ordinary_session(seed: int) -> Walked:
    """Ordinary people, both ways, heel first forward and toe first backward, with sensors as they are sold."""
    rng = np.random.default_rng([seed, ORDINARY])
    walks = [
        Walk(direction="forward", steps=14, speed_m_s=rng.uniform(0.5, 1.5)),
        Walk(direction="backward", steps=14, speed_m_s=rng.uniform(0.5, 1.0)),
    ]
    first, second = rng.permutation(2).tolist()
    turn = (Turn(degrees=_pick(rng, [-180.0, 90.0, 180.0])), Stand(seconds=2.0)) if rng.random() < 0.5 else ()
    begin, rest = Stand(seconds=rng.uniform(2.0, 4.0)), Stand(seconds=3.0)
    protocol = Protocol(segments=(begin, walks[first], rest, *turn, walks[second], rest))
    link = Link(packet_samples=int(rng.integers(1, 9)), lost_share=_pick(rng, [0.0, 0.005, 0.01]))
    sensors = {
        name: replace(
            model,
            rate_hz=_pick(rng, [100.0, 104.0, 200.0, 400.0]),
            strapped_deg=tuple(angle + rng.uniform(-8.0, 8.0) for angle in model.strapped_deg),
            noise=Noise(gyr_bias_rad_s=_triple(rng, math.radians(0.5))),
            link=link,
        )
        for name, model in usual_sensors().items()
    }
    recording = simulate(someone(seed), protocol, sensors, seed=seed, session=f"ordinary-{seed}")
    samples = {sensor: as_float32(joined(list(recording.samples(sensor)))) for sensor in sensors}
    return Walked(recording.session, samples, recording)


def as_float32(samples: Samples) -> Samples:
    acc, gyr = (values.astype(np.float32).astype(np.float64) for values in (samples.acc, samples.gyr))
    return replace(samples, acc=acc, gyr=gyr)


# who walks


def _person(rng: Rng) -> Person:
    return _possible(
        lambda: Person(
            forward=_gait(rng, "forward"),
            backward=_gait(rng, "backward"),
            first_foot=_pick(rng, FEET),
            foot_length_m=rng.uniform(0.13, 0.25),
            toe_length_m=rng.uniform(0.04, 0.08),
            stir_deg=rng.uniform(0.0, 3.0),
            step_width_m=rng.uniform(0.02, 0.3),
            toe_out_deg=rng.uniform(-10.0, 25.0),
            autocorrelation=rng.uniform(-0.3, 0.9),
            stride_time_sd_s=_sometimes(rng, 0.08),
            step_length_sd_m=_sometimes(rng, 0.06),
            contact_angle_sd_deg=rng.uniform(0.0, 4.0),
            drop_sd_deg=rng.uniform(0.0, 2.0),
            shape_sd=rng.uniform(0.0, 0.2),
            sway_m=rng.uniform(0.0, 0.06),
            bounce_m=rng.uniform(0.0, 0.03),
            tilt_deg=rng.uniform(-10.0, 25.0),
            tilt_wobble_deg=Sides(*rng.uniform(0.0, 4.0, 2)),
            rotation_deg=Sides(*rng.uniform(0.0, 12.0, 2)),
            standing_sway_deg=rng.uniform(0.0, 1.0),
        )
    )


def _gait(rng: Rng, direction: Direction) -> Gait:
    """Any pattern either way: the sign of the contact's angle is the end that lands first."""
    usual = Gait() if direction == "forward" else Person().backward
    asymmetry = rng.normal(0.0, 0.1) if rng.random() < 0.5 else 0.0
    contact_deg = _pick(rng, [usual.contact_angle_deg.left] * 3 + [0.0, -15.0, 12.0]) * rng.uniform(0.4, 1.5)
    release_deg = usual.release_angle_deg.left * rng.uniform(0.4, 1.2)
    drop_deg = rng.uniform(0.0, 12.0)
    step_m = rng.uniform(0.2, 0.8)
    heel_up_deg = rng.uniform(2.0, 15.0) if contact_deg < -8.0 and direction == "forward" and rng.random() < 0.5 else 0
    return Gait(
        cadence_spm=rng.uniform(60.0, 130.0),
        step_length_m=Sides(step_m * (1.0 + asymmetry), step_m * (1.0 - asymmetry)),
        stance_fraction=rng.uniform(0.56, 0.75),
        contact_angle_deg=Sides(contact_deg + rng.normal(0.0, 2.0), contact_deg + rng.normal(0.0, 2.0)),
        release_angle_deg=Sides.both(release_deg),
        roll_down_s=rng.uniform(0.04, 0.25),
        roll_off_fraction=rng.uniform(0.1, 0.5),
        clearance_m=rng.uniform(0.0, 0.08),
        impact_m_s2=rng.uniform(0.0, 150.0),
        second_impact_share=rng.uniform(0.0, 1.5),
        drop_deg=Sides(drop_deg, drop_deg * rng.uniform(0.5, 1.5)),
        drop_peak=rng.uniform(0.2, 0.8),
        heel_up_deg=Sides.both(heel_up_deg),
        variability=rng.uniform(0.0, 3.0),
        limp=rng.uniform(-0.3, 0.3) if rng.random() < 0.3 else 0.0,
    )


# what they do


def _protocol(rng: Rng, person: Person) -> Protocol:
    share = np.array(list(SEGMENTS.values())) / sum(SEGMENTS.values())
    begin = (Stand(seconds=rng.uniform(3.0, 5.0)),) if rng.random() < 0.6 else ()
    parts = [list(SEGMENTS)[k](rng, person) for k in rng.choice(len(SEGMENTS), int(rng.integers(1, 6)), p=share)]
    return Protocol(
        segments=(*begin, *(segment for part in parts for segment in part), _walk(rng, person)),
        # of these many are refused, for want of room
        surface="treadmill" if rng.random() < 0.4 else "overground",
        duration_s=rng.uniform(SHORTEST_S, LONGEST_S),
        belt_ramp_m_s2=rng.uniform(0.1, 0.6),
    )


def _walk(rng: Rng, person: Person, direction: Direction | None = None) -> Walk:
    direction = direction or _pick(rng, ["forward", "backward"])
    fastest_m_s = FASTEST_M_S[direction]
    steps = int(_pick(rng, [rng.integers(2, 15), rng.integers(15, 50)]))
    length = _pick(rng, [{"steps": steps}, {"metres": 0.4 * steps}, {"seconds": 4.0 + 0.5 * steps}])
    speed_m_s = rng.uniform(SLOWEST_M_S, fastest_m_s)
    # whoever can't go as fast as that is not asked to
    person.gait(direction).at(speed_m_s=speed_m_s)
    return Walk(
        direction=direction,
        **length,
        speed_m_s=speed_m_s,
        to_speed_m_s=rng.uniform(SLOWEST_M_S, fastest_m_s) if rng.random() < 0.2 else None,
        turning_deg_per_m=rng.uniform(-50.0, 50.0) if rng.random() < 0.15 else None,
        stumble_at_s=(rng.uniform(0.0, 4.0),) if rng.random() < 0.15 else (),
    )


SEGMENTS: Mapping[Callable[[Rng, Person], tuple[Segment, ...]], float] = {
    lambda rng, person: (_walk(rng, person),): 8.0,
    lambda rng, _: (Stand(seconds=_pick(rng, [0.3, 1.0, 2.0, 4.0])),): 4.0,
    lambda rng, _: (Turn(degrees=_pick(rng, [-180.0, -90.0, -30.0, 45.0, 120.0])),): 1.0,
    lambda rng, person: (_walk(rng, person, "forward"), UTurn(degrees=_pick(rng, [-180.0, -90.0, 60.0, 180.0]))): 1.0,
    lambda rng, _: (
        SideStep(steps=int(rng.integers(1, 5)), side=_pick(rng, FEET), length_m=rng.uniform(0.1, 0.5)),
    ): 1.0,
    lambda rng, _: (ShiftWeight(times=int(rng.integers(1, 4)), lean_m=rng.uniform(0.02, 0.12)),): 1.0,
    lambda rng, _: (Sit(seconds=rng.uniform(0.5, 4.0)),): 1.0,
}
"""What a person may do next, and how often against the others."""


# what they wear


def _worn(rng: Rng) -> dict[Sensor, SensorModel]:
    """Three sensors most often; one foot at least. Half of all people have a good set of them."""
    off: list[Sensor] = _pick(rng, [[]] * 6 + [["pelvis"], ["foot_left"], ["foot_right"], ["foot_left", "pelvis"]])
    good = rng.random() < 0.5
    # one radio for all, most often
    link = Link() if good else _link(rng)
    return {
        name: SensorModel(
            placement=_pick(rng, places),
            mirrored=name == "foot_right",
            rate_hz=_rate_hz(rng),
            **_seat(rng),
            mounting_known=bool(rng.random() < 0.75),
            noise=Noise(gyr_bias_rad_s=_triple(rng, math.radians(0.5))) if good else _noise(rng),
            clock=Clock(offset_s=_sometimes(rng, 0.5)) if good else _clock(rng),
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
            t_s=rng.uniform(0.0, 15.0), strapped_deg=_strapped_deg(rng), off_s=_pick(rng, [0.0, 0.5, 3.0])
        )
        seat["restrapped"] = (anew,)
    return seat


def _silent(rng: Rng, worn: list[Sensor]) -> list[Sensor]:
    """Sensors that session.json names and whose files are absent; never the last foot."""
    feet = [sensor for sensor in worn if sensor != "pelvis"]
    able = [sensor for sensor in worn if sensor == "pelvis" or len(feet) > 1]
    return [_pick(rng, able)] if able and rng.random() < 0.1 else []


def _rate_hz(rng: Rng) -> float:
    odd = [25.0, 50.0, 52.0, 104.0, 128.0, 370.37, 400.0, 1000.0, float(rng.uniform(25.0, 1000.0))]
    return float(_pick(rng, [100.0, 200.0] if rng.random() < 0.7 else odd))


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
        acc_bias_m_s2=_triple(rng, 0.4),
        gyr_bias_rad_s=_triple(rng, math.radians(3.0)),
        acc_drift_m_s2=_sometimes(rng, 0.1),
        gyr_drift_rad_s=_sometimes(rng, math.radians(0.5)),
        drift_s=rng.uniform(10.0, 300.0),
        acc_warming_m_s2=_triple(rng, 0.1),
        gyr_warming_rad_s=_triple(rng, math.radians(0.5)),
        acc_scale_share=_triple(rng, 0.03),
        gyr_scale_share=_triple(rng, 0.03),
        acc_cross_deg=_crossed(rng),
        gyr_cross_deg=_crossed(rng),
        gyr_per_acc_rad_s=_triple(rng, 0.0003),
        acc_range_m_s2=usual.acc_range_m_s2 * float(rng.choice([0.125, 0.25, 0.5, 1.0, 1.0, 1.0])),
        gyr_range_rad_s=usual.gyr_range_rad_s * float(rng.choice([0.125, 0.25, 0.5, 1.0, 1.0])),
        bits=int(rng.choice([0, 10, 12, 16, 16])),
    )


def _clock(rng: Rng) -> Clock:
    return Clock(
        drift_ppm=_pick(rng, [0.0, rng.uniform(-100.0, 100.0), 3000.0]),
        wander_ppm=_sometimes(rng, 50.0),
        wander_s=rng.uniform(10.0, 100.0),
        offset_s=_sometimes(rng, 3.0),
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
    return samples.where(samples.seq <= max(_pick(rng, moving), len(samples) // 3))


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


def _possible(make: Callable[[], Any]) -> Any:
    """What the simulator refuses is drawn again: the numbers are independent, and not all go together."""
    for _ in range(DRAWS):
        try:
            return make()
        except BadSpec:
            continue
    raise AssertionError(f"{DRAWS} draws and none is possible: {make()}")


def _pick(rng: Rng, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def _sometimes(rng: Rng, most: float) -> float:
    """As often nothing as something."""
    return _pick(rng, [0.0, rng.uniform(0.0, most)])


def _triple(rng: Rng, most: float) -> tuple[float, float, float]:
    x, y, z = rng.uniform(-most, most, 3).tolist()
    return x, y, z


def _crossed(rng: Rng) -> Any:
    leaning = rng.uniform(-1.0, 1.0, (3, 3)) * (1.0 - np.eye(3))
    return tuple(tuple(row) for row in leaning.tolist())
