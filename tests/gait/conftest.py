"""A pelvis that walks by formula: every angle is known at every time. A foot, simulated or recorded, with its truth."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu.core.records import CONTACT
from imu.core.samples import Block, Samples
from imu.core.session import Foot, Sensor, Session
from imu.core.tables import DIRECTIONS, PATTERNS, TRUTH_CONTACTS, Row
from imu.core.units import NS_PER_S
from imu.gait.foot import FootContacts, FootParams
from imu.gait.intake import Intake, IntakeParams
from imu.simulate import Person, Protocol, simulate, usual_sensors
from imu.simulate.protocol import Segment
from imu.store.tables import read_rows


@dataclass(frozen=True)
class PelvisWalk:
    """Left contacts at `stand_s + 2 k step_s`, right ones between; degrees and seconds; the person walks along x."""

    rate_hz: float = 100.0
    walk_s: float = 12.0
    stand_s: float = 0.0
    step_s: float = 0.55
    obliquity_deg: float = 4.0
    rotation_deg: float = 5.0
    tilt_deg: float = 2.0
    backward: bool = False
    turn: Callable[[np.ndarray], np.ndarray] = np.zeros_like
    """Heading in rad."""
    mounting: np.ndarray = field(default_factory=lambda: np.eye(3))
    start_s: float = 0.0

    def _phase(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(phase, 0 in stance .. 1 in walking)."""
        walking = t - self.stand_s
        return np.pi * walking / self.step_s, 1.0 / (1.0 + np.exp(np.clip(-walking / 0.05, -700.0, 700.0)))

    def angles_deg(self, t: np.ndarray) -> np.ndarray:
        """(n, 3) rotation, obliquity, tilt in the order of Baker 2001."""
        phase, on = self._phase(t)
        if self.stand_s == 0.0:
            on = np.ones_like(on)
        way = -1.0 if self.backward else 1.0
        return np.stack(
            [
                np.degrees(self.turn(t)) - way * on * self.rotation_deg * np.cos(phase),
                on * (self.obliquity_deg * np.sin(phase + 0.3) + 0.2 * self.obliquity_deg * np.sin(2.0 * phase)),
                10.0 + on * self.tilt_deg * np.cos(2.0 * phase),
            ],
            axis=-1,
        )

    def attitude(self, t: np.ndarray) -> Rotation:
        """Body -> world."""
        return Rotation.from_euler("ZXY", self.angles_deg(t), degrees=True)

    def place(self, t: np.ndarray) -> np.ndarray:
        """(n, 3) m: sways over the foot that stands, surges and bobs twice a stride; its speed is of no account."""
        phase, on = self._phase(t)
        if self.stand_s == 0.0:
            on = np.ones_like(on)
        way = -1.0 if self.backward else 1.0
        return (on * np.stack([way * 0.02 * np.sin(2 * phase), 0.02 * np.sin(phase), 0.02 * np.cos(2 * phase)])).T

    def block(self) -> Block:
        n = round((self.stand_s + self.walk_s) * self.rate_hz)
        t = self.start_s + np.arange(n) / self.rate_hz
        h = 1e-5
        rate = (self.attitude(t - h).inv() * self.attitude(t + h)).as_rotvec() / (2 * h)
        h = 1e-4
        acc = (self.place(t - h) - 2.0 * self.place(t) + self.place(t + h)) / h**2
        force = self.attitude(t).inv().apply(acc + np.array([0.0, 0.0, 9.81]))
        none = np.zeros(n, np.int64)
        no = np.zeros(n, np.bool_)
        t_ns = np.round(t * NS_PER_S).astype(np.int64)
        return Block(t_ns, np.full(n, 1.0 / self.rate_hz), none, no, no, force @ self.mounting, rate @ self.mounting)

    def contacts(self) -> list[tuple[float, str]]:
        """(s, foot) in order of time, none in the last half second."""
        n = int((self.walk_s - 0.5) / self.step_s)
        return [(self.stand_s + k * self.step_s, ("left", "right")[k % 2]) for k in range(n)]

    def drop_deg(self, start_s: float, end_s: float, foot: str) -> float:
        """Of one step, by its definition."""
        fall = self.angles_deg(np.linspace(start_s, end_s, 2001))[:, 1] * (1.0 if foot == "left" else -1.0)
        return float(fall.max() - fall[0])


@pytest.fixture(scope="session")
def pelvis_walk() -> type[PelvisWalk]:
    return PelvisWalk


class Matched(NamedTuple):
    pairs: list[tuple[Any, Row]]
    """(CONTACT record, row of TRUTH_CONTACTS)."""
    missed: list[Row]
    false: list[Any]

    @property
    def errors_s(self) -> np.ndarray:
        return np.array([int(found["t_ns"]) - int(true["t_contact_ns"]) for found, true in self.pairs]) / NS_PER_S

    @property
    def mislabelled(self) -> list[tuple[Any, Row]]:
        patterns = {"heel": "heel_to_toe", "toe": "toe_to_heel", "flat": "flat"}
        return [
            (found, true)
            for found, true in self.pairs
            if DIRECTIONS[found["direction"]] != true["direction"]
            or PATTERNS[found["pattern"]] != patterns[true["first"]]
        ]


@dataclass(frozen=True)
class FootRecording:
    """One foot of a recording, as delivered, with its true contacts in order of time."""

    rate_hz: float
    mounting: np.ndarray | None
    rows: Samples
    truth: list[Row]

    @classmethod
    def simulated(
        cls, *segments: Segment, foot: Foot = "right", seed: int = 1, person: Person | None = None, **model: Any
    ) -> Self:
        name: Sensor = "foot_left" if foot == "left" else "foot_right"
        worn = {name: replace(usual_sensors()[name], **{"rate_hz": 100.0} | model)}
        recording = simulate(person or Person(), Protocol(segments=segments), worn, seed=seed)
        blocks = list(recording.samples(name))
        rows = Samples(*(np.concatenate([getattr(b, f.name) for b in blocks]) for f in fields(Samples)))
        truth = [row for row in recording.truth_contacts if row["foot"] == foot]
        setup = recording.session.sensors[name]
        return cls(setup.rate_hz, setup.mounting, rows, truth)

    def with_rows(self, **changes: np.ndarray) -> Self:
        return replace(self, rows=replace(self.rows, **changes))

    def between(self, start_ns: float = -math.inf, end_ns: float = math.inf) -> Self:
        """Only the rows of that stretch."""
        return replace(self, rows=self.rows.where((self.rows.t_ns >= start_ns) & (self.rows.t_ns < end_ns)))

    def without(self, start_ns: float, end_ns: float) -> Self:
        """A gap."""
        return replace(self, rows=self.rows.where((self.rows.t_ns < start_ns) | (self.rows.t_ns >= end_ns)))

    def turned(self, rotation: np.ndarray) -> Self:
        """The sensor is glued on turned: what it reads is (3, 3) times what it read. The stated mounting stays."""
        return self.with_rows(acc=self.rows.acc @ rotation.T, gyr=self.rows.gyr @ rotation.T)

    def reversed(self) -> Self:
        """Run backward in time: specific force is even, angular rate odd."""
        rows = self.rows
        t_ns = rows.t_ns[-1] - rows.t_ns[::-1]
        back = Samples(t_ns, np.arange(len(rows)), rows.acc[::-1], -rows.gyr[::-1], rows.clipped[::-1])
        return replace(self, rows=back)

    def events(self) -> np.ndarray:
        """All FOOT_EVENT records, the end's included."""
        block = Intake(IntakeParams(), self.rate_hz).push(self.rows)
        stage = FootContacts(FootParams(), self.rate_hz, self.mounting)
        return np.concatenate([stage.push(block), stage.flush()])

    def contacts(self) -> np.ndarray:
        events = self.events()
        return events[events["kind"] == CONTACT]

    def steady(self) -> Matched:
        """`matched`, without the first contact and the last two: a slow push-off may pass for a contact, and closing
        steps are short and flat.
        """
        t_ns = [int(true["t_contact_ns"]) for true in self.truth]
        return self.matched(after_ns=(t_ns[0] + t_ns[1]) // 2, before_ns=(t_ns[-3] + t_ns[-2]) // 2)

    def matched(self, *, after_ns: float = -math.inf, before_ns: float = math.inf, within_s: float = 0.1) -> Matched:
        """Each true contact with the nearest found one that is near enough."""
        contacts = self.contacts()
        near_ns = within_s * NS_PER_S
        contacts = contacts[(contacts["t_ns"] > after_ns - near_ns) & (contacts["t_ns"] < before_ns + near_ns)]
        pairs: list[tuple[Any, Row]] = []
        missed: list[Row] = []
        taken: set[int] = set()
        for true in self.truth:
            if not after_ns < int(true["t_contact_ns"]) < before_ns:
                continue
            away = np.abs(contacts["t_ns"] - int(true["t_contact_ns"]))
            nearest = int(np.argmin(away)) if len(away) else -1
            if nearest < 0 or away[nearest] > within_s * NS_PER_S or nearest in taken:
                missed.append(true)
            else:
                taken.add(nearest)
                pairs.append((contacts[nearest], true))
        false = [
            contact for k, contact in enumerate(contacts) if k not in taken and after_ns < contact["t_ns"] < before_ns
        ]
        return Matched(pairs, missed, false)


@pytest.fixture(scope="session")
def foot_recording() -> type[FootRecording]:
    return FootRecording


@pytest.fixture(scope="session")
def recorded_foot(
    read_recording: Callable[[str], tuple[Session, dict[Sensor, Samples]]], data_dir: Path
) -> Callable[[str, Foot], FootRecording]:
    """By name of the recording; skips where it is absent."""

    @cache
    def read(name: str, foot: Foot) -> FootRecording:
        session, samples = read_recording(name)
        sensor: Sensor = "foot_left" if foot == "left" else "foot_right"
        file = data_dir / "sessions" / name / "truth_contacts.parquet"
        truth = read_rows(file, TRUTH_CONTACTS) if file.exists() else []
        setup = session.sensors[sensor]
        return FootRecording(
            setup.rate_hz, setup.mounting, samples[sensor], [row for row in truth if row["foot"] == foot]
        )

    return read
