"""The healthy walk of gaitmap's example data (github.com/mad-lab-fau/gaitmap, example_data): both feet, 2 x 20 m.

`imu_sample.csv` (m/s^2, deg/s; 204.8 Hz, axes forward, left, up), `stride_events_sample.csv` (by stride from
mid-stance to mid-stance, in samples: tc = the foot leaves, ic = it touches) and `position_sample.csv` (m, of the
sensor within each stride) by optical motion capture. A second session is the first one backward in time: a rigid
body's specific force is even and its angular rate odd in time, so that its kinematics are those of somebody who walks
backward toe-first, while impacts sit where the foot leaves.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from imu.core.samples import Floats, Samples
from imu.core.session import FEET, Foot, Sensor, sensor_of
from imu.core.tables import Row
from imu.core.units import ANGULAR_RATE, TO_SI
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.delimited import Delimited, check_units, read_delimited
from imu_datasets.readers.holes import holes, in_order
from imu_datasets.recorded import AS_WORN, Recorded, at_ns, document_of, evenly, true_contact

RATE_HZ: Final = 204.8
IMU: Final = "imu_sample.csv"
STRIDES: Final = "stride_events_sample.csv"
POSITIONS: Final = "position_sample.csv"
SOURCE: Final = "github.com/mad-lab-fau/gaitmap, example_data"


def recordings(root: Path) -> Iterator[Recorded]:
    """The walk, and the walk backward in time; without truth where the file of strides is absent.

    Raises:
        BadOriginal: a file that is not what its source publishes.
    """
    if not (root / IMU).is_file():
        return
    samples = _samples(root / IMU)
    strides = _strides(root) if (root / STRIDES).is_file() else None
    n = len(samples["foot_left"])
    forward = None if strides is None else in_order(_forward(strides))
    backward = None if strides is None else in_order(_reversed(strides, n))
    yield _session("gaitmap-forward", "2 x 20 m overground", samples, forward)
    reversed_samples: dict[Sensor, Samples] = {
        sensor: evenly(np.ascontiguousarray(one.acc[::-1]), np.ascontiguousarray(-one.gyr[::-1]), RATE_HZ)
        for sensor, one in samples.items()
    }
    yield _session(
        "gaitmap-timereversed",
        "the same signals run backward in time (a rigid body's acc is even, gyr odd)",
        reversed_samples,
        backward,
    )


def _session(name: str, activity: str, samples: Mapping[Sensor, Samples], contacts: list[Row] | None) -> Recorded:
    setups: dict[Sensor, dict[str, Any]] = {sensor: {"rate_hz": RATE_HZ, "mounting": AS_WORN} for sensor in samples}
    said = {} if contacts is None else {"truth_ignore_ns": holes(contacts)}
    document = document_of("gaitmap1", name, setups, activity=activity, source=SOURCE, **said)
    return Recorded(document, samples, contacts)


def _samples(path: Path) -> dict[Sensor, Samples]:
    table = read_delimited(path, header_lines=2)
    samples: dict[Sensor, Samples] = {}
    for foot in FEET:
        acc, gyr = (table.numbers(*(f"{foot}_sensor {kind}_{axis}" for axis in "xyz")) for kind in ("acc", "gyr"))
        gyr = gyr * TO_SI[ANGULAR_RATE]["deg/s"]
        check_units(path, acc, gyr)
        samples[sensor_of(foot)] = evenly(acc, gyr, RATE_HZ)
    return samples


Strides = Mapping[Foot, Floats]
"""By foot, (strides, 3) in order of time: sample of tc, sample of ic, length (m) or NaN."""


def _strides(root: Path) -> Strides:
    table = read_delimited(root / STRIDES)
    feet = table.texts("foot")
    other = set(feet) - set(FEET)
    if other:
        raise BadOriginal(f"{table.path}: foot {min(other)!r}; want {' or '.join(FEET)}")
    numbers = table.numbers("s_id", "tc", "ic")
    if not np.isfinite(numbers).all() or not (numbers[:, 1] < numbers[:, 2]).all():
        raise BadOriginal(f"{table.path}: a stride whose tc is not before its ic; want samples (columns swapped?)")
    lengths = _lengths(read_delimited(root / POSITIONS)) if (root / POSITIONS).is_file() else {}
    strides: dict[Foot, Floats] = {}
    for foot in FEET:
        rows = [
            (tc, ic, lengths.get((foot, int(stride)), np.nan))
            for worn, (stride, tc, ic) in zip(feet, numbers, strict=True)
            if worn == foot
        ]
        strides[foot] = np.array(sorted(rows), np.float64).reshape(-1, 3)
    return strides


def _lengths(table: Delimited) -> dict[tuple[str, int], float]:
    """Metres along the ground from where a sensor is at the start of a stride to where it is at the end."""
    numbers = table.numbers("s_id", "sample", "pos_x", "pos_y")
    sensors = table.texts("")
    ends: dict[tuple[str, int], list[Floats]] = {}
    for sensor, row in zip(sensors, numbers, strict=True):
        ends.setdefault((sensor.removesuffix("_sensor"), int(row[0])), []).append(row)
    return {
        stride: float(np.hypot(*(max(rows, key=_sample)[2:] - min(rows, key=_sample)[2:])))
        for stride, rows in ends.items()
    }


def _sample(row: Floats) -> float:
    return float(row[1])


def _forward(strides: Strides) -> Iterator[Row]:
    for foot, rows in strides.items():
        touch, leave = at_ns(rows[:, 1], RATE_HZ), at_ns(rows[:, 0], RATE_HZ)
        for k, length_m in enumerate(rows[:, 2]):
            yield true_contact(
                foot,
                int(touch[k]),
                # the foot leaves in the stride after: the same stance, so long as no stride is missing between
                t_release_ns=int(leave[k + 1]) if k + 1 < len(rows) else None,
                first="heel",
                direction="forward",
                stride_length_m=None if np.isnan(length_m) else float(length_m),
            )


def _reversed(strides: Strides, n: int) -> Iterator[Row]:
    for foot, rows in strides.items():
        for t_ns in at_ns(n - 1 - rows[:, 0], RATE_HZ):
            yield true_contact(foot, int(t_ns), first="toe", direction="backward")
