"""Walks of actors, forward and backward in many styles (Bandai-Namco-Research-Motiondataset, dataset-1), BVH, 30 Hz.

`dataset-1_CONTENT_STYLE_NUMBER.bvh` (github.com/BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset). Of the
contents, `walk` and `walk-back` are read. Lengths are cm and y is up. Three actors made them, and all were brought to
one skeleton ("proportion alignment"): nobody says which of them a file shows.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.session import FEET, Foot, Sensor, sensor_of
from imu_datasets.dataset import BadOriginal
from imu_datasets.mocap import bvh
from imu_datasets.mocap.poses import Body, Poses, Sole
from imu_datasets.mocap.stance import foot, pelvis
from imu_datasets.mocap.worn import Instep, Seat, captured, check_length, check_upright
from imu_datasets.recorded import Recorded

FILE: Final = re.compile(r"dataset-1_(walk|walk-back)_([a-z-]+)_(\d{3})\.bvh")
SUBJECT: Final = "bandai"
RATE_HZ: Final = 30.0
CM: Final = 0.01
CUTOFF_HZ: Final = 10.8
SOURCE: Final = "BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset @ 74ead3b dataset-1, CC BY-NC 4.0"
NOTE: Final = "virtual IMU from 30 fps mocap: kinematics real, impacts smoothed; contact times good to about 15 ms"

SIDES: Final[Mapping[Foot, tuple[str, int]]] = {"left": ("L", 1), "right": ("R", -1)}
"""End of a joint's name, and which way along its own x axis a bone lies."""
HIPS: Final = "Hips"
HEEL_M: Final = 0.04
TOES_M: Final = 0.05
"""The skeleton ends at the ball of the foot (its End Sites are 0 long) and has no heel."""
INSTEP: Final = Instep(along_m=0.04, above_m=0.015, raised_deg=6.1)
SACRUM: Final = Seat((-0.11, 0.0, 0.10))
"""Where the sessions that others made of these files have their sensors (see the card); that on the pelvis behind and
above the middle of the hips."""


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All walks whose files lie in a folder, by name, and why not of one that is not what its source publishes."""
    for path in sorted(root.glob("*.bvh")):
        if (named := FILE.fullmatch(path.name)) is None:
            continue
        content, style, number = named.groups()
        try:
            poses, seats = read(path)
        except BadOriginal as slip:
            yield slip
            continue
        yield captured(
            poses,
            seats,
            subject=SUBJECT,
            session=f"bandai-{content}-{style}-{number}",
            cutoff_hz=CUTOFF_HZ,
            activity=f"{content} ({style})",
            source=SOURCE,
            note=NOTE,
        )


def read(path: Path) -> tuple[Poses, Mapping[Sensor, Seat]]:
    """A walk, and where its sensors sit.

    Raises:
        BadOriginal: no BVH, another rate, another skeleton, or no walk.
    """
    motion = bvh.read_bvh(path)
    rate_hz = bvh.rate_hz(motion, RATE_HZ, path)
    check_length(path, len(motion))
    offsets = {joint.name: np.array(joint.offset) for joint in motion.joints}
    wanted = [HIPS, *(f"{bone}_{end}" for bone in ("UpperLeg", "Foot", "Toes") for end, _ in SIDES.values())]
    missing = [name for name in wanted if name not in offsets]
    if missing:
        raise BadOriginal(f"{path}: no joint {', '.join(missing)}; want {', '.join(wanted)} (another skeleton?)")
    joints = {name: one.z_up(CM) for name, one in bvh.placed(motion).items() if name in wanted}
    hips = [joints[f"UpperLeg_{end}"].place for end, _ in SIDES.values()]
    bodies: dict[Sensor, Body] = {
        "pelvis": pelvis((hips[0] + hips[1]) / 2, joints[HIPS].rotation, offsets["UpperLeg_L"] - offsets["UpperLeg_R"])
    }
    seats: dict[Sensor, Seat] = {"pelvis": SACRUM}
    soles: dict[Foot, Sole] = {}
    for side in FEET:
        (end, way), sensor = SIDES[side], sensor_of(side)
        ankle, along = joints[f"Foot_{end}"], offsets[f"Toes_{end}"]
        bodies[sensor], soles[side] = foot(
            ankle,
            joints[f"Toes_{end}"],
            along=along,
            toes_m=np.array([way * TOES_M, 0.0, 0.0]),
            heel_m=HEEL_M,
        )
        seats[sensor] = INSTEP.on(bodies[sensor], ankle, along)
    poses = Poses(rate_hz, bodies, soles)
    check_upright(path, poses)
    return poses, seats
