"""A pelvis that walks by formula: every angle is known at every time."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu.core.samples import Block
from imu.core.units import NS_PER_S


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
