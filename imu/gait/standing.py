"""Quiet standing: where level is, in the axes of the pelvis sensor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from imu.core.records import REST_BEGINS
from imu.core.samples import Floats
from imu.core.session import Foot
from imu.gait.pose_ring import PoseRing
from imu.kernels import step as kernel

NEVER: Final = 2**62
"""Rest that has not begun, as the time of its beginning."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """`up` (3,) is the unit vector against gravity in sensor axes, known from `t_ns` on."""

    t_ns: int
    up: Floats


class Standing:
    """Feed the rest of both feet and the poses; get one level a standing period.

    Standing is complete when both feet have been at rest for `feet_ns` and the pelvis for `pelvis_ns`; level is the
    mean specific force over those `pelvis_ns`. The pelvis's span is shorter because it says that it rests only after a
    hold of its own.
    """

    def __init__(self, feet: Sequence[Foot], feet_ns: int, pelvis_ns: int) -> None:
        self._feet_ns, self._pelvis_ns = feet_ns, pelvis_ns
        # a foot's rest as known when its events left: (t_emitted_ns, since), in that order
        self._rests: dict[Foot, list[tuple[int, int]]] = {foot: [(-NEVER, NEVER)] for foot in feet}
        self._done_ns = -NEVER
        self._pelvis_since = NEVER
        self._counted = NEVER
        self.levels: list[Level] = []

    def rest(self, foot: Foot, kind: int, t_ns: int, t_emitted_ns: int) -> None:
        """REST_BEGINS, or anything that ends a rest."""
        self._rests[foot].append((t_emitted_ns, t_ns if kind == REST_BEGINS else NEVER))

    def advance(self, ring: PoseRing, until_ns: int) -> None:
        """Look at the poses up to `until_ns`: all that any foot says of its rest up to then must have been fed."""
        first, stop = ring.first_at(self._done_ns + 1), ring.first_at(until_ns + 1)
        if first == stop:
            return
        poses = ring.poses[first:stop]
        if self._pelvis_since == NEVER and not poses["resting"].any():
            self._reached(int(poses["t_ns"][-1]))
            return
        t_ns = np.ascontiguousarray(poses["t_ns"])
        since = self._pelvis_rests_since(t_ns, poses["resting"] == 1)
        feet_since = np.full(len(t_ns), -NEVER)
        for rests in self._rests.values():
            emitted, began = np.array(rests, np.int64).T
            feet_since = np.maximum(feet_since, began[np.searchsorted(emitted, t_ns, side="right") - 1])
        stands = (t_ns - feet_since >= self._feet_ns) & (t_ns - since >= self._pelvis_ns)
        period = np.maximum(feet_since, since)
        for i in np.flatnonzero(stands):
            if period[i] != self._counted:
                self._counted = int(period[i])
                self.levels.append(self._level(ring, int(t_ns[i])))
        self._reached(int(t_ns[-1]))

    def _reached(self, t_ns: int) -> None:
        self._done_ns = t_ns
        for rests in self._rests.values():
            while len(rests) > 1 and rests[1][0] <= t_ns:
                del rests[0]

    def _pelvis_rests_since(self, t_ns: npt.NDArray[np.int64], resting: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        before = np.concatenate([[self._pelvis_since != NEVER], resting[:-1]])
        begins = np.where(resting & ~before, t_ns, -NEVER)
        if self._pelvis_since != NEVER:
            begins[0] = max(int(begins[0]), self._pelvis_since)
        since = np.where(resting, np.maximum.accumulate(begins), NEVER)
        self._pelvis_since = int(since[-1])
        return since

    def _level(self, ring: PoseRing, t_ns: int) -> Level:
        up = np.empty(3)
        poses = ring.poses
        kernel.mean_acc(
            poses["q"], poses["force"], ring.first_at(t_ns - self._pelvis_ns), ring.first_at(t_ns + 1) - 1, up
        )
        return Level(t_ns, up)

    def before(self, t_ns: int) -> Level | None:
        """The last level known at t_ns."""
        return next((level for level in reversed(self.levels) if level.t_ns <= t_ns), None)
