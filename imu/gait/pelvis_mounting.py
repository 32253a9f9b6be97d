"""Which way the pelvis sensor faces, where nobody said: from the symmetry of steps and the physics of stance."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imu.core.samples import Floats
from imu.core.session import Foot
from imu.kernels import step as step_kernel
from imu.kernels import symmetry as kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class MountingParams:
    """Eight steps are the least from which the fore-aft axis comes out within a few degrees; real walking scores 0.4
    to 0.9 in clearness. The push of single support must stand out of its own scatter.
    """

    steps_least: int = 8
    clearness_least: float = 0.3
    push_t_least: float = 4.0
    pair_turn_rad: float = math.radians(15.0)
    single_support: tuple[float, float] = (0.3, 0.9)
    """Shares of the step between which the stance foot carries alone, with a margin."""


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """`forward` (3,) in sensor axes. `confidence` is that of left not being right: Laplace's rule over the steps."""

    t_ns: int
    forward: Floats
    confidence: float
    clearness: float


class _Stepped(NamedTuple):
    end_ns: int
    turn_rad: float
    acc: Floats
    push: tuple[float, float]


class PelvisMounting:
    """Feed clean steps; those of straight walking count; after enough of them forward is known once and for all.

    The fore-aft axis is where the even part of the level acceleration of left and right steps outweighs the odd part.
    Which end of the axis across it is left follows from physics, not from the way people walk: the trunk is an inverted
    pendulum that falls away from the foot it stands on, so in single support the pelvis accelerates away from it,
    forward and backward alike.
    """

    def __init__(self, params: MountingParams) -> None:
        self._params = params
        self._state = np.zeros(1, kernel.STATE)
        self._axis: int | None = None
        self._last: _Stepped | None = None
        self._pushes: list[tuple[float, float]] = []
        self.resolved: Resolved | None = None

    def add(
        self,
        poses: npt.NDArray[np.void],
        up: Floats,
        level: Floats,
        start_ns: int,
        end_ns: int,
        foot: Foot,
        turn_rad: float,
    ) -> None:
        """One step on `foot`, with the POSE records that span it; up (3,) in I, level (3,) in sensor axes."""
        axes = np.empty((3, 3))
        if self._axis is None:
            # any sensor axis that lies about level will do, so long as it stays the same
            self._axis = int(np.argmin(np.abs(level)))
        step_kernel.level_axes(np.eye(3)[self._axis], level, axes)
        acc = np.empty((kernel.POINTS, 2))
        kernel.level_acceleration(poses["t_ns"], poses["q"], poses["force"], up, axes, start_ns, end_ns, acc)
        first, stop = (round(share * kernel.POINTS) for share in self._params.single_support)
        x, y = acc[first:stop].mean(axis=0)
        # as if the left foot stood
        side = 1.0 if foot == "left" else -1.0
        last, self._last = self._last, _Stepped(end_ns, turn_rad, acc, (side * float(x), side * float(y)))
        if last is None or last.end_ns != start_ns or abs(last.turn_rad + turn_rad) > self._params.pair_turn_rad:
            return
        kernel.pair(self._state, last.acc, acc)
        if not self._pushes or self._pushes[-1] is not last.push:
            self._pushes.append(last.push)
        self._pushes.append(self._last.push)
        self._decide(end_ns, axes)

    def _decide(self, t_ns: int, axes: Floats) -> None:
        p = self._params
        if len(self._pushes) < p.steps_least:
            return
        angle, clearness = kernel.axis(self._state)
        if clearness < p.clearness_least:
            return
        # along the axis a quarter turn to the left of the fore-aft axis
        pushes = [math.cos(angle) * y - math.sin(angle) * x for x, y in self._pushes]
        n = len(pushes)
        mean = math.fsum(pushes) / n
        sd = math.sqrt(math.fsum((push - mean) ** 2 for push in pushes) / (n - 1))
        if abs(mean) * math.sqrt(n) < p.push_t_least * sd:
            return
        # on the left foot the push goes to the right
        sign = -1.0 if mean > 0.0 else 1.0
        agree = sum(push * mean > 0.0 for push in pushes)
        forward = sign * (math.cos(angle) * axes[0] + math.sin(angle) * axes[1])
        self.resolved = Resolved(t_ns, forward, (agree + 1) / (n + 2), clearness)
