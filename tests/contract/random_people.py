"""Random people and what they do: whatever a seed brings is a session that might be.

A new kind of segment is one entry of SEGMENTS; what people wear is drawn in `random_sensors`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from imu.core.samples import Samples
from imu.core.session import FEET, Sensor, Session
from imu.simulate import Gait, Link, Noise, Person, Protocol, Recording, Stand, Turn, Walk, simulate, usual_sensors
from imu.simulate.crowd import someone
from imu.simulate.limits import Sides
from imu.simulate.link import joined
from imu.simulate.person import Direction
from imu.simulate.protocol import Segment, ShiftWeight, SideStep, Sit, UTurn
from tests.contract.lots import Rng, pick, possible, sometimes, triple
from tests.contract.random_sensors import FLAWS, silent, worn

ANYONE, ORDINARY = range(2)
"""What a seed is used for: each has random numbers of its own."""
SHORTEST_S, LONGEST_S = 8.0, 25.0
SLOWEST_M_S, FASTEST_M_S = 0.2, {"forward": 1.9, "backward": 1.3}


class Walked(NamedTuple):
    session: Session
    samples: dict[Sensor, Samples]
    """Rows in order of arrival, as a float32 file holds them; sensors that deliver nothing are absent."""
    recording: Recording


def random_session(seed: int) -> Walked:
    """Anyone, doing anything, wearing sensors with any fault."""
    rng = np.random.default_rng([seed, ANYONE])
    sensors = worn(rng)

    def walked() -> Recording:
        person = _person(rng)
        return simulate(person, _protocol(rng, person), sensors, seed=seed, session=f"anyone-{seed}")

    recording = possible(walked)
    samples = delivered(recording)
    for sensor in silent(rng, list(sensors)):
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
    turn = (Turn(degrees=pick(rng, [-180.0, 90.0, 180.0])), Stand(seconds=2.0)) if rng.random() < 0.5 else ()
    begin, rest = Stand(seconds=rng.uniform(2.0, 4.0)), Stand(seconds=3.0)
    protocol = Protocol(segments=(begin, walks[first], rest, *turn, walks[second], rest))
    link = Link(packet_samples=int(rng.integers(1, 9)), lost_share=pick(rng, [0.0, 0.005, 0.01]))
    sensors = {
        name: replace(
            model,
            rate_hz=pick(rng, [100.0, 104.0, 200.0, 400.0]),
            strapped_deg=tuple(angle + rng.uniform(-8.0, 8.0) for angle in model.strapped_deg),
            noise=Noise(gyr_bias_rad_s=triple(rng, math.radians(0.5))),
            link=link,
        )
        for name, model in usual_sensors().items()
    }
    recording = simulate(someone(seed), protocol, sensors, seed=seed, session=f"ordinary-{seed}")
    return Walked(recording.session, delivered(recording), recording)


def delivered(recording: Recording) -> dict[Sensor, Samples]:
    """All rows of each sensor, values as a float32 file holds them."""
    samples = {sensor: joined(list(recording.samples(sensor))) for sensor in recording.sensors}
    return {
        sensor: replace(rows, acc=as_float32(rows.acc), gyr=as_float32(rows.gyr)) for sensor, rows in samples.items()
    }


def as_float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


# who walks


def _person(rng: Rng) -> Person:
    return possible(
        lambda: Person(
            forward=_gait(rng, "forward"),
            backward=_gait(rng, "backward"),
            first_foot=pick(rng, FEET),
            foot_length_m=rng.uniform(0.13, 0.25),
            toe_length_m=rng.uniform(0.04, 0.08),
            stir_deg=rng.uniform(0.0, 3.0),
            step_width_m=rng.uniform(0.02, 0.3),
            toe_out_deg=rng.uniform(-10.0, 25.0),
            autocorrelation=rng.uniform(-0.3, 0.9),
            stride_time_sd_s=sometimes(rng, 0.08),
            step_length_sd_m=sometimes(rng, 0.06),
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
    contact_deg = pick(rng, [usual.contact_angle_deg.left] * 3 + [0.0, -15.0, 12.0]) * rng.uniform(0.4, 1.5)
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
    direction = direction or pick(rng, ["forward", "backward"])
    fastest_m_s = FASTEST_M_S[direction]
    steps = int(pick(rng, [rng.integers(2, 15), rng.integers(15, 50)]))
    length = pick(rng, [{"steps": steps}, {"metres": 0.4 * steps}, {"seconds": 4.0 + 0.5 * steps}])
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
    lambda rng, _: (Stand(seconds=pick(rng, [0.3, 1.0, 2.0, 4.0])),): 4.0,
    lambda rng, _: (Turn(degrees=pick(rng, [-180.0, -90.0, -30.0, 45.0, 120.0])),): 1.0,
    lambda rng, person: (_walk(rng, person, "forward"), UTurn(degrees=pick(rng, [-180.0, -90.0, 60.0, 180.0]))): 1.0,
    lambda rng, _: (
        SideStep(steps=int(rng.integers(1, 5)), side=pick(rng, FEET), length_m=rng.uniform(0.1, 0.5)),
    ): 1.0,
    lambda rng, _: (ShiftWeight(times=int(rng.integers(1, 4)), lean_m=rng.uniform(0.02, 0.12)),): 1.0,
    lambda rng, _: (Sit(seconds=rng.uniform(0.5, 4.0)),): 1.0,
}
"""What a person may do next, and how often against the others."""
