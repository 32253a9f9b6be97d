"""A captured walk made into a session: where sensors sit, what they read, what is true of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from imu.core.samples import Floats, Samples
from imu.core.session import FOOT_SENSORS, Sensor
from imu_datasets.dataset import BadOriginal
from imu_datasets.mocap.chain import Placed
from imu_datasets.mocap.labels import labels
from imu_datasets.mocap.poses import Body, Poses
from imu_datasets.mocap.virtual import low_passed, pelvis_truth, samples
from imu_datasets.recorded import AS_WORN, Recorded, document_of, timed

RATE_HZ: Final = 200.0
"""Of the sensors."""
FEWEST_FRAMES: Final = 30
"""A walk has a few steps; and filters and splines want some frames."""
PELVIS_UP_M: Final = (0.3, 1.3)
PLACEMENTS: Final[Mapping[Sensor, str]] = {"foot_left": "dorsum", "foot_right": "dorsum", "pelvis": "sacrum"}


@dataclass(frozen=True, slots=True)
class Seat:
    """How a sensor sits on its body."""

    lever_m: tuple[float, float, float]
    """From the body's origin, forward, left, up."""
    slope_deg: float = 0.0
    """How far its forward axis points down, as on an instep. The mounting does not tell: straps never sit as told."""


@dataclass(frozen=True, slots=True)
class Instep:
    """Where a sensor sits on a foot, told from the bone between ankle and ball."""

    along_m: float
    """From the ankle towards the ball."""
    above_m: float
    """Of that line, square to it."""
    raised_deg: float
    """How much less steep than that line its forward axis is."""

    def on(self, body: Body, ankle: Placed, along: Floats) -> Seat:
        """The seat on a foot whose bone runs `along` (3,), any length, in its own axes."""
        forward, _, up = (body.rotation[0].T @ ankle.rotation[0] @ along).tolist()
        steep = math.atan2(-up, forward)
        cos, sin = math.cos(steep), math.sin(steep)
        lever_m = (self.along_m * cos + self.above_m * sin, 0.0, self.above_m * cos - self.along_m * sin)
        return Seat(lever_m, math.degrees(steep) - self.raised_deg)


def captured(
    poses: Poses, seats: Mapping[Sensor, Seat], *, subject: str, session: str, cutoff_hz: float, **said: object
) -> Recorded:
    """The session of a walk.

    Args:
        poses: the walk as it was captured.
        seats: of its sensors.
        subject: a code.
        session: its name.
        cutoff_hz: what moves faster is noise of the cameras.
        said: more for `session.json`.
    """
    smooth = low_passed(poses, cutoff_hz)
    read: dict[Sensor, Samples] = {sensor: _samples(smooth, sensor, seat) for sensor, seat in seats.items()}
    setups: dict[Sensor, dict[str, Any]] = {
        sensor: {"rate_hz": RATE_HZ, "mounting": AS_WORN, "placement": PLACEMENTS[sensor]} for sensor in seats
    }
    document = document_of(subject, session, setups, truth_ignore_ns=[], **said)
    return Recorded(document, read, labels(smooth), pelvis_truth(smooth, rate_hz=RATE_HZ))


def check_length(path: Path, frames: int) -> None:
    """Hold a file against the length of a walk.

    Raises:
        BadOriginal: too few frames.
    """
    if frames < FEWEST_FRAMES:
        raise BadOriginal(f"{path}: {frames} frames; want {FEWEST_FRAMES} or more for a walk (cut off?)")


def check_upright(path: Path, poses: Poses) -> None:
    """Hold what was made of a file against people's size, and their feet below them.

    Raises:
        BadOriginal: nobody walks so.
    """
    feet = [poses.bodies[sensor].place_m[:, 2] for sensor in FOOT_SENSORS]
    height_m = float(np.median(poses.bodies["pelvis"].place_m[:, 2] - np.min(feet, axis=0)))
    if not PELVIS_UP_M[0] < height_m < PELVIS_UP_M[1]:
        raise BadOriginal(
            f"{path}: the hips are {height_m:.3g} m above the lower ankle; want {PELVIS_UP_M[0]:g}"
            f" to {PELVIS_UP_M[1]:g} (units or axes mixed up, or nobody who walks?)"
        )
    for sensor, body in poses.bodies.items():
        if not np.isfinite(body.rotation).all():
            raise BadOriginal(f"{path}: {sensor} has neither front nor side; want a person upright (axes mixed up?)")


def _samples(poses: Poses, sensor: Sensor, seat: Seat) -> Samples:
    of_body = samples(poses, sensor, rate_hz=RATE_HZ, lever_m=seat.lever_m)
    down = math.radians(seat.slope_deg)
    # rows: the sensor's forward, left and up in body axes; a positive turn about left is front down
    axes: Floats = np.array(
        [[math.cos(down), 0.0, -math.sin(down)], [0.0, 1.0, 0.0], [math.sin(down), 0.0, math.cos(down)]]
    )
    return timed(of_body.t_ns, of_body.seq, of_body.acc @ axes.T, of_body.gyr @ axes.T)
