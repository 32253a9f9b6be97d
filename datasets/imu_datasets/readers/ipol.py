"""Healthy people who walk 10 m, turn and walk back; both feet and the lower back (ipol.im/pub/art/2023/497).

A trial is `N-M_lf.txt`, `N-M_rf.txt`, `N-M_lb.txt` (left foot, right foot, lower back) and `N-M.json` (gait events
in samples of 100 Hz, checked by hand; start and end of the walk and of the U-turn).
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from imu.core.samples import Samples
from imu.core.session import FEET, Foot, Sensor
from imu.core.tables import Row
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.delimited import check_units, read_delimited, shown, text_of
from imu_datasets.readers.holes import holes, in_order
from imu_datasets.recorded import Recorded, at_ns, document_of, timed, true_contact

RATE_HZ: Final = 100.0
FIRST_LINE: Final = "Acquisition frequency: 100 Hz"
ENDS: Final[Mapping[Sensor, str]] = {"foot_left": "lf", "foot_right": "rf", "pelvis": "lb"}
EVENTS: Final[Mapping[Foot, str]] = {"left": "LeftFootEvents", "right": "RightFootEvents"}
TRIAL: Final = re.compile(r"(\d+)-(\d+)_(?:lf|rf|lb)\.txt")

FOOT: Final = [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]
PELVIS: Final = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
"""Mountings. Found from gravity in standing and from the direction of walking, the same in all trials."""

TURN_MARGIN: Final = 30
"""Samples. Contacts within them of the U-turn have no direction: the foot went round."""
MOST_LOST: Final = 2
"""Samples. Events are counted in them: with more lost than these nobody knows when an event was."""


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All trials whose files, or some of them, lie in a folder, by person and trial; of one with a file that is not
    what its source publishes, why.
    """
    found = (TRIAL.fullmatch(path.name) for path in root.glob("*.txt"))
    for person, trial in sorted({(int(match[1]), int(match[2])) for match in found if match}):
        try:
            read = _read(root, person, trial)
        except BadOriginal as slip:
            yield slip
        else:
            if read is not None:
                yield read


def _read(root: Path, person: int, trial: int) -> Recorded | None:
    """None: contacts are found on the feet, and a lower back alone is no session."""
    samples: dict[Sensor, Samples] = {
        sensor: _samples(path)
        for sensor, end in ENDS.items()
        if (path := root / f"{person}-{trial}_{end}.txt").is_file()
    }
    if "foot_left" not in samples and "foot_right" not in samples:
        return None
    return _trial(root / f"{person}-{trial}.json", f"ipol{person}", samples)


def _trial(path: Path, subject: str, samples: Mapping[Sensor, Samples]) -> Recorded:
    lost = {sensor: int(one.seq[-1]) + 1 - len(one) for sensor, one in samples.items()}
    said: dict[str, object] = {
        "activity": "stand, walk 10 m, U-turn, walk back, stop",
        "source": "ipol.im/pub/art/2023/497",
    }
    contacts = None
    if max(lost.values()) > MOST_LOST:
        said["note"] = "no truth: lost samples " + ", ".join(f"{sensor} {n}" for sensor, n in lost.items())
    elif path.is_file():
        contacts, said["truth_ignore_ns"] = _truth(path)
    setups: dict[Sensor, dict[str, Any]] = {
        sensor: {"rate_hz": RATE_HZ, "mounting": PELVIS if sensor == "pelvis" else FOOT} for sensor in samples
    }
    return Recorded(document_of(subject, f"ipol-{path.stem}", setups, **said), samples, contacts)


def _samples(path: Path) -> Samples:
    first = text_of(path).partition("\n")[0].strip()
    if first != FIRST_LINE:
        raise BadOriginal(f"{path}: line 1 is {shown(first)}; want {FIRST_LINE!r} (another file, or resampled?)")
    table = read_delimited(path, "\t", skip=1)
    counter = table.numbers("PacketCounter")[:, 0]
    acc = table.numbers(*(f"Acc_{axis}" for axis in "XYZ"))
    gyr = table.numbers(*(f"Gyr_{axis}" for axis in "XYZ"))
    if not (np.isfinite(counter).all() and (np.diff(counter) > 0).all() and (counter == np.rint(counter)).all()):
        raise BadOriginal(f"{path}: PacketCounter does not count up; want whole numbers, each more than the last")
    check_units(path, acc, gyr)
    seq = (counter - counter[0]).astype(np.int64)
    return timed(at_ns(seq, RATE_HZ), seq, acc, gyr)


def _truth(path: Path) -> tuple[list[Row], list[list[str | int]]]:
    """Contacts, and the holes between them."""
    try:
        said = json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise BadOriginal(f"{path}: line {error.lineno}: {error.msg}; want JSON (cut off?)") from None
    if not isinstance(said, dict):
        raise BadOriginal(f"{path}: a {type(said).__name__}; want an object with {', '.join(EVENTS.values())}")
    document = cast("dict[str, Any]", said)
    turn, walk = (_pairs(path, document, key, [document.get(key)])[0] for key in ("UTurnBoundaries", "TrialBoundaries"))
    rows: list[Row] = []
    for foot in FEET:
        swings = _pairs(path, document, EVENTS[foot], document.get(EVENTS[foot]))
        for (_, contact), release in zip(swings, [*(lift for lift, _ in swings[1:]), None], strict=True):
            turning = turn[0] - TURN_MARGIN <= contact <= turn[1] + TURN_MARGIN
            rows.append(
                true_contact(
                    foot,
                    _ns(contact),
                    t_release_ns=None if release is None else _ns(release),
                    direction=None if turning else "forward",
                )
            )
    return in_order(rows), holes(rows, _ns(walk[1]))


def _ns(sample: int) -> int:
    return int(at_ns(np.array([sample]), RATE_HZ)[0])


def _pairs(path: Path, document: Mapping[str, Any], key: str, value: object) -> list[tuple[int, int]]:
    """Pairs of samples, each later than the one before."""
    wanted = "want pairs of samples that only rise"
    if key not in document:
        raise BadOriginal(f"{path}: no {key}; {wanted}")
    pairs = cast("list[object]", value) if isinstance(value, list) else []
    if not pairs:
        raise BadOriginal(f"{path}: {key} is {shown(document[key])}; {wanted}")
    flat: list[int] = []
    for pair in pairs:
        match pair:
            case [int(start), int(end)] if (flat[-1] if flat else -1) < start < end:
                flat += [start, end]
            case _:
                raise BadOriginal(f"{path}: {key} has {shown(pair)}; {wanted} (feet or events swapped?)")
    return list(zip(flat[::2], flat[1::2], strict=True))
