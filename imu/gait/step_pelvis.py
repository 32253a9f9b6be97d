"""What the pelvis did in one step, read from its poses with one gravity.

Any correction of attitude within a step would be an error of its drop, so gravity is frozen: as known at the step's
end, it holds for every pose back to the step's start.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from imu.core.samples import Floats
from imu.core.session import Foot
from imu.core.tables import Row
from imu.core.units import NS_PER_S
from imu.gait.fold import single
from imu.gait.pelvis_mounting import MountingParams, PelvisMounting
from imu.gait.pose_ring import PoseRing
from imu.kernels import step as kernel

LEAST_BEFORE_NS: Final = 100_000_000
LEAST_AFTER_NS: Final = 50_000_000
"""What `pelvic_drop_robust_deg` is defined by: the least value within -100..+50 ms of the contact."""
NEAR_NS: Final = NS_PER_S // 2
"""A step without a pose this soon after its end happened while the pelvis did not deliver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropErrorParams:
    """Where the error of a pelvic drop comes from: one standard deviation each. It covers the sensor, not the skin."""

    floor_deg: float = 0.1
    contact_s: float = 0.025
    gravity_deg: float = 1.0
    gravity_late_deg: float = 1.0
    gravity_per_yaw: float = 0.009
    drift_deg_s: float = 0.5
    drift_rested_deg_s: float = 0.1
    heading_deg: float = 4.0

    def sd_deg(self, deg: Mapping[str, float], peak_s: float, *, late: bool, rested: bool) -> float:
        """Of one drop, from its STEP record in degrees: whatever changes from contact to peak."""
        gravity_deg = self.gravity_deg + self.gravity_per_yaw * abs(deg["yaw_before"])
        if late:
            gravity_deg += self.gravity_late_deg
        return math.hypot(
            self.floor_deg,
            deg["start_spread"],
            gravity_deg * math.radians(deg["rotation_to_peak"]),
            (self.drift_rested_deg_s if rested else self.drift_deg_s) * peak_s,
            math.sin(math.radians(self.heading_deg)) * deg["tilt_to_peak"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPelvisParams:
    """`window_s` before a step's end are looked at: for level where nobody stood, and for the turn just made."""

    window_s: float = 3.0
    missing_s: float = 0.05
    missing_share: float = 0.05
    turn_rad: float = math.radians(25.0)
    late_peak_share: float = 0.85
    error: DropErrorParams = field(default_factory=DropErrorParams)
    mounting: MountingParams = field(default_factory=MountingParams)


@dataclass(frozen=True, slots=True)
class Span:
    """The times of a step's two contacts, and the foot of the first, which stands."""

    start_ns: int
    end_ns: int
    foot: Foot


@dataclass(frozen=True, slots=True, eq=False)
class Gravity:
    up: Floats
    """(3,) unit vector in I."""
    late: bool
    """Found only after the step, or from the mean force of a stride."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPelvis:
    """Pelvis columns of one step; None = null. `turn_rad` is None where the pelvis did not see the step."""

    gap: bool = False
    turn_rad: float | None = None
    pelvic_drop_deg: float | None = None
    pelvic_drop_robust_deg: float | None = None
    pelvic_drop_sd_deg: float | None = None
    pelvic_drop_peak_deg: float | None = None
    late_peak: bool | None = None
    obliquity_rom_deg: float | None = None
    tilt_deg: float | None = None
    rotation_rom_deg: float | None = None

    def columns(self) -> Row:
        """As the steps table holds them."""
        return {
            "pelvic_drop_deg": _single(self.pelvic_drop_deg),
            "pelvic_drop_robust_deg": _single(self.pelvic_drop_robust_deg),
            "pelvic_drop_sd_deg": _single(self.pelvic_drop_sd_deg),
            "pelvic_drop_peak_deg": _single(self.pelvic_drop_peak_deg),
            "late_peak": self.late_peak,
            "obliquity_rom_deg": _single(self.obliquity_rom_deg),
            "tilt_deg": _single(self.tilt_deg),
            "rotation_rom_deg": _single(self.rotation_rom_deg),
        }


def _single(value: float | None) -> float | None:
    return None if value is None else single(value)


def covered(ring: PoseRing, t_ns: int) -> bool:
    """Whether the pelvis delivered about then."""
    k = ring.first_at(t_ns)
    return k < len(ring) and int(ring.t_ns[k]) - t_ns < NEAR_NS


def stride_gravity(ring: PoseRing, step_end_ns: int, start_ns: int, end_ns: int) -> Gravity | None:
    """From the mean specific force of a whole stride, for a step whose gravity was not known at its end.

    None where the stride's poses are not all there or their attitude can't be compared with that at the step's end.
    """
    poses = ring.poses
    first, stop = ring.first_at(start_ns), ring.first_at(end_ns)
    if ring.first_at(start_ns + 1) == 0 or not covered(ring, end_ns):
        return None
    if kernel.attitude_since(poses["fresh"], stop) > min(first, ring.first_at(step_end_ns)):
        return None
    up = np.empty(3)
    kernel.mean_force(poses["force"], first, stop - 1, up)
    return Gravity(up, late=True)


def known_gravity(ring: PoseRing, step_end_ns: int, until_ns: int) -> Gravity | None:
    """Of the first pose that knows it, from the first at or after the step's end on until `until_ns`.

    None where there is none whose attitude can be compared with that at the step's end.
    """
    poses = ring.poses
    first = ring.first_at(step_end_ns)
    if first < len(poses) and poses["known"][first]:
        return Gravity(np.array(poses["up"][first]), late=False)
    known = np.flatnonzero(poses["known"][first : max(first, ring.first_at(until_ns)) + 1])
    if len(known) == 0 or kernel.attitude_since(poses["fresh"], first + int(known[0])) > first:
        return None
    k = first + int(known[0])
    return Gravity(np.array(poses["up"][k]), late=k > first)


class StepPelvisReader:
    """Reads steps from the ring, and works out an unknown mounting from them."""

    def __init__(self, params: StepPelvisParams, mounting: Floats | None) -> None:
        self._params = params
        self._forward = None if mounting is None else np.array(mounting[0], np.float64)
        self._window_ns = round(params.window_s * NS_PER_S)
        self._contact_ns = round(params.error.contact_s * NS_PER_S)
        self._unknown = np.zeros(3)
        """Stands for a direction that is not known."""
        self.mounting = PelvisMounting(params.mounting)

    def read(
        self, ring: PoseRing, span: Span, gravity: Gravity | None, level: Floats | None, clean: bool
    ) -> StepPelvis:
        """One step.

        Args:
            ring: with all poses of the last seconds, to the first one at or after the step's end if there is any.
            span: the step.
            gravity: as known at its end, or found later.
            level: (3,) up in sensor axes from quiet standing; without it the mean of the last seconds.
            clean: its contacts have no reason against them, so that it may teach an unknown mounting.
        """
        p, t_ns, poses = self._params, ring.t_ns, ring.poses
        start_ns, end_ns = span.start_ns, span.end_ns
        before, last, first, missing_ns, lost = kernel.span(
            t_ns, poses["lost"], poses["fresh"], start_ns, end_ns, self._window_ns
        )
        if before < 0 or last == len(t_ns) or t_ns[last] - end_ns >= NEAR_NS:
            return StepPelvis()
        most_ns = min(p.missing_s * NS_PER_S, p.missing_share * (end_ns - start_ns))
        if gravity is None or missing_ns > most_ns or first > before:
            return StepPelvis(gap=lost > 0)
        window = poses[first : last + 1]
        up, out = np.empty(3), np.zeros(1, kernel.STEP)
        kernel.measure(
            window["t_ns"],
            window["q"],
            gravity.up,
            self._unknown if self._forward is None else self._forward,
            self._unknown if level is None else level,
            1.0 if span.foot == "left" else -1.0,
            start_ns,
            end_ns,
            LEAST_BEFORE_NS,
            LEAST_AFTER_NS,
            self._contact_ns,
            up,
            out,
        )
        told = dict(zip(kernel.STEP.names or (), out[0].item(), strict=True))
        turn = float(told["turn"])
        if self._forward is None:
            if clean:
                self.mounting.add(window, gravity.up, up, span.start_ns, span.end_ns, span.foot, turn)
                if self.mounting.resolved is not None:
                    self._forward = self.mounting.resolved.forward
            return StepPelvis(gap=lost > 0, turn_rad=turn)
        peak_ns = told.pop("peak_ns") - span.start_ns
        deg = {name: math.degrees(value) for name, value in told.items()}
        rested = bool(window["rested"][-1])
        return StepPelvis(
            gap=lost > 0,
            turn_rad=turn,
            pelvic_drop_deg=deg["peak"] - deg["start"],
            pelvic_drop_robust_deg=deg["peak"] - deg["least"],
            pelvic_drop_sd_deg=p.error.sd_deg(deg, peak_ns / NS_PER_S, late=gravity.late, rested=rested),
            # obliquity and tilt are counted from the level of standing
            pelvic_drop_peak_deg=None if level is None else deg["peak"],
            late_peak=peak_ns >= p.late_peak_share * (span.end_ns - span.start_ns),
            obliquity_rom_deg=deg["obliquity_range"],
            tilt_deg=None if level is None else deg["tilt_mean"],
            rotation_rom_deg=deg["rotation_range"],
        )
