"""The validation set of Kiel: real sensors and optical markers, people well and ill, also walking backward.

Warmerdam et al., Sensors 21 (2021) 5833 and Data 7 (2022) 136; doi 10.6084/m9.figshare.20238006, in part at OpenNeuro
as ds005258. `sub-ppNNN/motion/sub-ppNNN_task-T[_run-R]_tracksys-imu_motion.tsv` is BIDS-Motion but for a header row,
types ACC and ANGVEL in older copies, and the rate (200 Hz) in `_channels.tsv`. Sensors are named head, pelvis,
left_foot, right_foot and so on, in g and deg/s. `sub-ppNNN_task-T_events.tsv` has contacts from the optical markers of
heel and toe as numbers of samples, from 1 on. Facts after the published loaders of the set and the tables of ds005258.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.bids_motion import Dialect, recorded, trials
from imu_datasets.recorded import Recorded

EVENT_RATE_HZ: Final = 200.0
"""Of the cameras, in whose samples events are counted."""
DIRECTIONS: Final[Mapping[str, str]] = {
    "backwards": "backward",
    "walkSlow": "forward",
    "walkPreferred": "forward",
    "walkFast": "forward",
}
"""By task, where the task leaves no doubt."""
SOURCE: Final = "doi 10.6084/m9.figshare.20238006; Warmerdam et al., Data 2022, 7, 136"


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All trials that have a sensor on a foot, by person and task, and in its place an error for one that can't be
    read.

    Raises:
        BadOriginal: there is none.
    """
    none = True
    for trial in trials(root):
        said = {"source": SOURCE}
        task, person = trial.entities.get("task", ""), trial.entities["sub"]
        if task in DIRECTIONS:
            said["direction"] = DIRECTIONS[task]
        session = "-".join(["kiel", person, *(value for key, value in trial.entities.items() if key != "sub")])
        try:
            read = recorded(
                root, trial, subject=person, session=session, dialect=Dialect(event_rate_hz=EVENT_RATE_HZ), **said
            )
        except BadOriginal as slip:
            none = False
            yield slip
        else:
            if read is not None:
                none = False
                yield read
    if none:
        raise BadOriginal(f"{root} has no sub-pp*/motion/*_tracksys-imu_motion.tsv; want the set as BIDS-Motion")
