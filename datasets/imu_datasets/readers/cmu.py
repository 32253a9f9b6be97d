"""People who walk forward (Carnegie Mellon University's motion capture database, mocap.cs.cmu.edu), ASF/AMC, 120 Hz.

`SUBJECT/SUBJECT.asf` and `SUBJECT/SUBJECT_TRIAL.amc`. Nothing in a file says what it shows: those read here are the
straight walks that the database's index calls "walk". y is up. Lengths times 1/0.45 are inches.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.session import FEET, Foot, Sensor, sensor_of
from imu_datasets.dataset import BadOriginal
from imu_datasets.mocap import asf_amc
from imu_datasets.mocap.poses import Body, Poses, Sole
from imu_datasets.mocap.stance import foot, on_floor, pelvis
from imu_datasets.mocap.worn import Instep, Seat, captured, check_length, check_upright
from imu_datasets.recorded import Recorded

RATE_HZ: Final = 120.0
"""Of the cameras; the files don't tell."""
CUTOFF_HZ: Final = 12.0
SOURCE: Final = "mocap.cs.cmu.edu (NSF EIA-0196217) through KseniiaCheloshkina/amc @ cc0ee08; free use, no resale"
NOTE: Final = "virtual IMU from 120 fps mocap"
WALKS: Final = (
    *("02_01", "02_02", "07_01", "07_02", "07_03", "07_06", "08_01", "08_02", "08_03"),
    *("16_15", "16_16", "16_21", "16_22", "16_31", "16_32", "35_02", "35_05"),
)
LETTERS: Final[Mapping[Foot, str]] = {"left": "l", "right": "r"}
HEEL_M: Final = 0.04
ALONG_SHARE: Final = 0.4
ABOVE_M: Final = 0.019
RAISED_DEG: Final = 3.4
SACRUM: Final = Seat((-0.11, 0.0, 0.10))
"""Where the sessions that others made of these files have their sensors (see the card): on the instep, so much of the
way from ankle to ball; behind and above the middle of the hips."""


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All walks whose files lie in a folder, by name, and why not of one that is not what its source publishes."""
    for trial in WALKS:
        subject = trial.partition("_")[0]
        path = root / subject / f"{trial}.amc"
        if not path.is_file():
            continue
        try:
            poses, seats = read(root / subject / f"{subject}.asf", path)
        except BadOriginal as slip:
            yield slip
            continue
        yield captured(
            poses,
            seats,
            subject=f"cmu{subject}",
            session=f"cmu-{trial}",
            cutoff_hz=CUTOFF_HZ,
            activity="walk",
            source=SOURCE,
            note=NOTE,
        )


def read(asf: Path, amc: Path) -> tuple[Poses, Mapping[Sensor, Seat]]:
    """A walk, and where its sensors sit on this skeleton.

    Raises:
        BadOriginal: no files of Acclaim's, another skeleton than a person's, or no walk.
    """
    skeleton = asf_amc.read_asf(asf)
    bones = {bone.name: bone for bone in skeleton.bones}
    wanted = [f"{letter}{bone}" for bone in ("hipjoint", "femur", "foot", "toes") for letter in LETTERS.values()]
    missing = [name for name in wanted if name not in bones]
    if missing:
        raise BadOriginal(f"{asf}: no bone {', '.join(missing)}; want {', '.join(wanted)} (another skeleton?)")
    metre = asf_amc.metres(skeleton)
    motion = asf_amc.read_amc(amc, skeleton)
    check_length(amc, len(motion[asf_amc.ROOT]))
    joints = {name: one.z_up(metre) for name, one in asf_amc.placed(skeleton, motion).items()}
    middle = (joints["lfemur"].place + joints["rfemur"].place) / 2
    bodies: dict[Sensor, Body] = {
        "pelvis": pelvis(middle, joints["root"].rotation, bones["lhipjoint"].vector - bones["rhipjoint"].vector)
    }
    seats: dict[Sensor, Seat] = {"pelvis": SACRUM}
    soles: dict[Foot, Sole] = {}
    for side in FEET:
        letter, sensor = LETTERS[side], sensor_of(side)
        along, toes = bones[f"{letter}foot"].vector, bones[f"{letter}toes"].vector
        ankle = joints[f"{letter}foot"]
        instep = Instep(ALONG_SHARE * metre * float(np.linalg.norm(along)), ABOVE_M, RAISED_DEG)
        bodies[sensor], soles[side] = foot(
            ankle,
            joints[f"{letter}toes"],
            along=along,
            toes_m=metre * toes,
            heel_m=HEEL_M,
        )
        seats[sensor] = instep.on(bodies[sensor], ankle, along)
    poses = Poses(RATE_HZ, bodies, on_floor(soles, RATE_HZ))
    check_upright(amc, poses)
    return poses, seats
