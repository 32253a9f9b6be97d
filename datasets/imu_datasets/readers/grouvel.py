"""People who walk in a gait laboratory at three speeds, markers at 100 Hz (Grouvel 2023, Sci Data 10:180), C3D.

`PERSON_SESSION_TASK_TRIAL.c3d`; tasks `Gait`, `FastGait`, `SlowGait`. Places are mm, z is up. Beside skin markers the
files hold joint centres that their makers worked out, and events (Zeni 2008) that are no truth here: see the card.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.samples import Flags, Floats
from imu.core.session import FEET, Foot, Sensor, sensor_of
from imu_datasets.dataset import BadOriginal
from imu_datasets.mocap.c3d import Trial, read_c3d
from imu_datasets.mocap.poses import Body, Poses, Sole
from imu_datasets.mocap.stance import neutral, pelvis
from imu_datasets.mocap.worn import Seat, captured, check_length
from imu_datasets.recorded import Recorded

FILE: Final = re.compile(r"(P\d+)_(S\d+)_((?:Fast|Slow)?Gait)_(\d+)\.c3d")
RATE_HZ: Final = 100.0
CUTOFF_HZ: Final = 18.0
SOURCE: Final = (
    "Grouvel et al., Sci Data 2023 (s41597-023-02077-3) through ThomasAston/movetru @ f65a0d8; article CC BY 4.0"
)
NOTE: Final = "virtual IMU from 100 Hz markers"
LETTERS: Final[Mapping[Foot, str]] = {"left": "L", "right": "R"}
TIP_M: Final = 0.05
"""How far ahead of the marker over the second metatarsal's head the sole ends."""
TIP_DOWN_M: Final = 0.05
"""And how far below it the ground is."""
RESTS_M_S: Final = 0.1
"""A foot both of whose ends are slower lies flat."""
FEWEST_RESTING: Final = 5
INSTEP_SHARE: Final = 0.45
"""Of the way from the ankle's centre to the marker over the second metatarsal's head, ..."""
INSTEP_UP_M: Final = 0.0195
"""... so far above it, ..."""
RAISED_DEG: Final = 2.1
"""... and so much less steep than that line: where the sessions that others made of these files have the sensors of
their feet (see the card); so it is with that of the pelvis, behind and above the middle of the hips."""
SACRUM: Final = Seat((-0.11, 0.0, 0.10))
UP: Final = np.array([0.0, 0.0, 1.0])


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All walks whose files lie in a folder, by name, and why not of one that is not what its source publishes."""
    for path in sorted(root.glob("*.c3d")):
        if (named := FILE.fullmatch(path.name)) is None:
            continue
        try:
            poses, seats = read(path)
        except BadOriginal as slip:
            yield slip
            continue
        yield captured(
            poses,
            seats,
            subject=named[1],
            session=f"grouvel-{path.stem}",
            cutoff_hz=CUTOFF_HZ,
            activity=named[3],
            source=SOURCE,
            note=NOTE,
        )


def read(path: Path) -> tuple[Poses, Mapping[Sensor, Seat]]:
    """A walk, and where its sensors sit.

    Raises:
        NoEzc3d: the extra that reads C3D is not installed.
        BadOriginal: no C3D, another rate, other markers, or no walk.
    """
    trial = read_c3d(path)
    if trial.rate_hz != RATE_HZ:
        raise BadOriginal(f"{path}: {trial.rate_hz:g} frames a second; want {RATE_HZ:g} (resampled?)")
    check_length(path, len(trial.marker("SACR")))
    bodies: dict[Sensor, Body] = {"pelvis": _pelvis(trial)}
    seats: dict[Sensor, Seat] = {"pelvis": SACRUM}
    soles: dict[Foot, Sole] = {}
    for side in FEET:
        sensor = sensor_of(side)
        bodies[sensor], soles[side], seats[sensor] = _foot(trial, side)
    return Poses(RATE_HZ, bodies, soles), seats


def _pelvis(trial: Trial) -> Body:
    """Turns with the four markers on the iliac spines; its left is the line of the hips, on the average."""
    front, back = (0.5 * (trial.marker(f"L{spine}") + trial.marker(f"R{spine}")) for spine in ("ASI", "PSI"))
    left_hip, right_hip = trial.marker("LHJC"), trial.marker("RHJC")
    rotation = _axes(front - back, trial.marker("LASI") - trial.marker("RASI"))
    left = np.mean(np.einsum("nji,nj->ni", rotation, left_hip - right_hip), axis=0)
    return pelvis(0.5 * (left_hip + right_hip), rotation, left)


def _foot(trial: Trial, side: Foot) -> tuple[Body, Sole, Seat]:
    """Turns with the markers on heel and forefoot; its origin is the ankle's centre."""
    ankle, heel, second, fifth = (trial.marker(LETTERS[side] + name) for name in ("AJC", "HEE", "TOE", "FMH"))
    across = second - fifth if side == "left" else fifth - second
    markers = _axes(second - heel, across)
    ahead = np.mean(np.einsum("nji,nj->ni", markers, second - ankle), axis=0)
    up = np.mean(UP @ markers[_resting(trial.path, heel, second)], axis=0)
    rotation = markers @ neutral(ahead, up / np.linalg.norm(up))
    tip = second + rotation @ np.array([TIP_M, 0.0, -TIP_DOWN_M])
    forward, left, rise = np.mean(np.einsum("nji,nj->ni", rotation, second - ankle), axis=0).tolist()
    seat = Seat(
        (INSTEP_SHARE * forward, INSTEP_SHARE * left, INSTEP_SHARE * rise + INSTEP_UP_M),
        math.degrees(math.atan2(-rise, forward)) - RAISED_DEG,
    )
    return Body(ankle, rotation), Sole(heel, tip, second), seat


def _resting(path: Path, heel_m: Floats, toe_m: Floats) -> Flags:
    """(n,) whether a foot lies flat."""
    speeds = [np.linalg.norm(np.gradient(place, 1.0 / RATE_HZ, axis=0), axis=1) for place in (heel_m, toe_m)]
    resting = np.maximum(*speeds) < RESTS_M_S
    if resting.sum() < FEWEST_RESTING:
        raise BadOriginal(f"{path}: a foot that is never at rest; want people who walk (another task?)")
    return resting


def _axes(ahead: Floats, left: Floats) -> Floats:
    """(n, 3, 3) whose columns are `ahead`, and left and up as square to it as `left` says."""
    x, z = _unit(ahead), _unit(np.cross(ahead, left))
    return np.stack([x, np.cross(z, x), z], axis=2)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
