"""A simulated session: as long as wished, made while it is read, the same bits however it is cut."""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from imu.core.errors import BadSpec
from imu.core.samples import Floats, Samples
from imu.core.session import FOOT_SENSORS, SCHEMA, SENSORS, Foot, Sensor, Session, foot_of
from imu.core.tables import Row
from imu.simulate import truth
from imu.simulate.belt_motion import BeltMotion
from imu.simulate.legs import JointAngles, joint_angles
from imu.simulate.limits import check
from imu.simulate.link import deliver, in_blocks
from imu.simulate.motion import FootMotion, Motion, PelvisMotion
from imu.simulate.person import Person
from imu.simulate.placements import check_worn
from imu.simulate.plan import Plan, plan
from imu.simulate.protocol import Protocol
from imu.simulate.sensing import Sensing
from imu.simulate.sensors import SensorModel, how_many, sampled_at
from imu.simulate.truth import Arrays, rows_of

CHUNK_SAMPLES: Final = 12_288
"""Samples and noise are made in chunks of about so many, wherever the reader cuts."""
PLAN, SWAY, NOISE, LINK = range(4)
"""What random numbers are drawn for: each has a stream of its own."""


def simulate(
    person: Person,
    protocol: Protocol,
    sensors: Mapping[Sensor, SensorModel],
    *,
    seed: int,
    subject: str = "SIM01",
    session: str = "sim",
) -> "Recording":
    """Let a person walk through a protocol, wearing sensors.

    The same arguments give the same bits. Motion does not depend on which sensors are worn, nor how.

    Raises:
        BadSpec: no such person, protocol or sensor can be.
        BadSessionFile: an unsafe subject or session code.
    """
    if not any(foot in sensors for foot in FOOT_SENSORS):
        raise BadSpec("no foot sensor is worn; want foot_left, foot_right or both", key="sensors")
    for name, model in sensors.items():
        check_worn(name, model.placement)
    if seed < 0:
        raise BadSpec(f"seed is {seed}; want a whole number from 0 on", key="seed")
    walked = plan(person, protocol, np.random.default_rng([seed, PLAN]))
    belt = BeltMotion(walked.belt) if len(walked.belt) else None
    conditions: dict[str, Any] = {"surface": protocol.surface}
    if belt is not None and belt.set_speed_m_s is not None:
        conditions["belt_speed_m_s"] = belt.set_speed_m_s
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "subject": subject,
        "session": session,
        "start_utc": None,
        "activity": protocol.activity,
        "source": "simulated",
        "simulation": {"seed": seed},
        "conditions": conditions,
        "sensors": {name: _described(sensors[name]) for name in SENSORS if name in sensors},
    }
    return Recording(person, walked, belt, MappingProxyType(dict(sensors)), Session.parse(document), seed)


def _described(model: SensorModel) -> dict[str, Any]:
    """What session.json says of a sensor."""
    return {
        "rate_hz": model.rate_hz,
        "mounting": [list(row) for row in model.mounting] if model.mounting_known else None,
        "placement": model.placement,
        "acc_range_m_s2": model.noise.acc_range_m_s2,
        "gyr_range_rad_s": model.noise.gyr_range_rad_s,
    }


class Recording:
    """What `simulate` returns: samples and truth, as arrays and as rows of tables.

    Only the plan stays in memory, some 250 bytes a step. Samples and the pelvis' truth are made from it, anew each time
    they are asked for.
    """

    def __init__(
        self,
        person: Person,
        walked: Plan,
        belt: BeltMotion | None,
        sensors: Mapping[Sensor, SensorModel],
        session: Session,
        seed: int,
    ) -> None:
        self.session, self.sensors, self.seed = session, sensors, seed
        self.duration_s = walked.duration_s
        self._person, self._plan, self._belt = person, walked, belt

    def samples(self, sensor: Sensor, block_s: float = 1.0) -> Iterator[Samples]:
        """Samples in order of arrival, a block every `block_s` of the recording: empty where nothing arrived.

        All sensors give equally many blocks, so that `zip` replays them side by side.

        Raises:
            BadSpec: a sensor that is not worn, or a block of no length.
        """
        if sensor not in self.sensors:
            worn = ", ".join(self.sensors)
            raise BadSpec(f"sensor is {sensor!r}; want one that is worn: {worn}", key="sensor")
        check("block_s", block_s, 0.001, 1e9, "s", "in ms?")
        model = self.sensors[sensor]
        number, link = SENSORS.index(sensor), model.link
        whole = link.packet_samples * max(1, CHUNK_SAMPLES // link.packet_samples)
        real_rate_hz = model.rate_hz * (1.0 + 1e-6 * model.clock.drift_ppm)

        def draw(chunk: int, shape: tuple[int, int]) -> Floats:
            return np.random.default_rng([self.seed, LINK, number, chunk]).random(shape)

        return in_blocks(
            # chunks of whole packets
            deliver(self.taken(sensor, whole), link, real_rate_hz, draw),
            link.packet_samples / real_rate_hz,
            block_s,
            max(1, math.ceil(self.duration_s / block_s - 1e-9)),
        )

    def taken(self, sensor: Sensor, block_samples: int = CHUNK_SAMPLES) -> Iterator[Samples]:
        """All that a sensor samples, in order of time, made while it is read: what its link does not change. Noise is
        the same for every `block_samples`.
        """
        model = self.sensors[sensor]
        motion, total = self.motion(sensor), how_many(model, self.duration_s)
        sensing = Sensing(model, [self.seed, NOISE, SENSORS.index(sensor)])
        for first in range(0, total, block_samples):
            seq = np.arange(first, min(first + block_samples, total), dtype=np.float64)
            yield sensing.sense(motion.readings(sampled_at(model, seq)), seq)

    def motion(self, sensor: Sensor) -> Motion:
        """The true motion of a worn sensor."""
        model = self.sensors[sensor]
        position_m = np.array(model.position_m)
        if sensor == "pelvis":
            return self.pelvis(position_m)
        return self.foot(foot_of(sensor), position_m, on_toes=model.segment == "toes")

    def foot(self, foot: Foot, position_m: Floats | None = None, *, on_toes: bool = False) -> FootMotion:
        """The true motion of a point of a foot, by default of the middle of its sole; `on_toes` it bends with them."""
        position_m = np.zeros(3) if position_m is None else position_m
        return FootMotion(self._plan.footfalls[foot], foot, self._person, position_m, self._belt, on_toes=on_toes)

    def pelvis(self, position_m: Floats | None = None) -> PelvisMotion:
        """The true motion of a point of the pelvis, by default of its middle."""
        position_m = np.zeros(3) if position_m is None else position_m
        phase = np.random.default_rng([self.seed, SWAY]).uniform(0.0, 2.0 * math.pi, 6)
        return PelvisMotion(self._plan.intervals, self._person, position_m, phase, self._belt)

    def joint_angles(self, foot: Foot, t_s: Floats) -> JointAngles:
        """Hip, knee and ankle of a leg at times (n,) that do not decrease."""
        phase = np.random.default_rng([self.seed, SWAY]).uniform(0.0, 2.0 * math.pi, 6)
        pelvis = PelvisMotion(self._plan.intervals, self._person, np.zeros(3), phase)
        return joint_angles(pelvis, self.foot(foot), foot, self._person, t_s)

    @cached_property
    def contacts(self) -> Arrays:
        """Columns of TRUTH_CONTACTS, exact: what touched the ground when, of every stance that begins in the recording;
        the stances that it begins with have no contact.
        """
        return truth.contacts(self._plan)

    @cached_property
    def steps(self) -> Arrays:
        """Columns of TRUTH_STEPS: steps with their true pelvic drop."""
        return truth.steps(self.contacts, self.pelvis())

    @cached_property
    def truth_contacts(self) -> list[Row]:
        """`contacts` as rows."""
        return rows_of(self.contacts)

    @cached_property
    def truth_steps(self) -> list[Row]:
        """`steps` as rows."""
        return rows_of(self.steps)

    def truth_pelvis(self, rate_hz: float = 100.0) -> Iterator[Arrays]:
        """Columns of TRUTH_PELVIS, a minute at a time, at so many rows a second."""
        check("rate_hz", rate_hz, 1.0, 1000.0, "rows a second", "a period?")
        motion, total, size = self.pelvis(), math.ceil(self.duration_s * rate_hz), math.ceil(60.0 * rate_hz)
        for first in range(0, total, size):
            yield truth.pelvis(motion, np.arange(first, min(first + size, total)) / rate_hz)

    @property
    def phases(self) -> list[Row]:
        """Rows of EVENTS: what the person was asked to do, and when."""
        return truth.phases(self._plan.done)

    @property
    def stumbles(self) -> list[Row]:
        """Rows of EVENTS: when which foot was caught in mid-swing."""
        return truth.stumbles(self._plan.stumbles)

    @property
    def treadmill(self) -> Arrays | None:
        """Columns of TREADMILL, None on solid ground."""
        return None if self._belt is None else truth.treadmill(self._belt, self.duration_s)

    def belt_speed(self, t_s: Floats) -> Floats:
        """Speed (n,) in m/s at times (n,), positive where walking toward +x keeps its place; 0 on solid ground."""
        return np.zeros(len(t_s)) if self._belt is None else self._belt.at(t_s).rate
