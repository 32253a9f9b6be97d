"""One person on a treadmill, forward and backward, with sensors on the toes (Gottlieb 2020, Sensors 20:6331).

`FW_IMU.csv`, `BW_IMU.csv`: g and deg/s, a sample every 2.7 ms. `FW_Kinematic.csv`, `BW_Kinematic.csv`: fore-aft
positions (m) of heels and toes by optical motion capture at 100 Hz. How the clock of the one stands to that of the
other nobody told.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from imu.core.samples import Floats, Ints, Samples
from imu.core.session import FEET, Foot, Sensor, sensor_of
from imu.core.tables import Row
from imu.core.units import ACCELERATION, ANGULAR_RATE, NS_PER_S, TO_SI
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.delimited import Delimited, check_units, read_delimited
from imu_datasets.readers.holes import holes, in_order
from imu_datasets.recorded import Recorded, document_of, timed, true_contact

RATE_HZ: Final = 370.37
"""To two digits: a sample every 2.7 ms."""
PERIOD_S: Final = 0.0027
CAMERA_HZ: Final = 100.0
WALKS: Final = (("backward", "BW"), ("forward", "FW"))

MOUNTING: Final = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
"""Nominal: straps were put on anew between the directions, and sit up to 35 degrees off."""

LOW_PASS_HZ: Final = 8.0
LOW_PASS_ORDER: Final = 2
"""Butterworth, run forward and backward: no delay. Below it a foot on a belt is all there, above it is camera noise."""
PROMINENCE_M: Final = 0.05
"""A foot goes to and fro by much more in a step, and a marker jitters by much less."""
CLOCK_TOLERANCE_S: Final = 1e-3


def recordings(root: Path) -> Iterator[Recorded]:
    """Both walks, or the one whose file is there, by name; without truth where the positions are absent.

    Raises:
        BadOriginal: a file that is not what its source publishes.
    """
    for direction, stem in WALKS:
        path = root / f"{stem}_IMU.csv"
        if not path.is_file():
            continue
        samples = _samples(path)
        seen = root / f"{stem}_Kinematic.csv"
        contacts = in_order(_contacts(seen, direction)) if seen.is_file() else None
        setups: dict[Sensor, dict[str, Any]] = {
            sensor: {"rate_hz": RATE_HZ, "mounting": MOUNTING, "placement": "toe"} for sensor in samples
        }
        document = document_of(
            "urigott1",
            f"treadmill-{direction}",
            setups,
            activity=f"treadmill, {direction}",
            source="Gottlieb et al., Sensors 2020, 20, 6331; no licence: local use only",
            note="the clocks of sensors and cameras differ by an unknown offset",
            **({} if contacts is None else {"truth_ignore_ns": holes(contacts)}),
        )
        yield Recorded(document, samples, contacts)


def _samples(path: Path) -> dict[Sensor, Samples]:
    table = read_delimited(path)
    t_ns = _clock(table, PERIOD_S)
    seq = np.arange(len(t_ns), dtype=np.int64)
    samples: dict[Sensor, Samples] = {}
    for foot in FEET:
        toe = f"{foot[0].upper()}T"
        acc = table.numbers(*(f"{toe}.ACC.{axis}" for axis in "XYZ")) * TO_SI[ACCELERATION]["g"]
        gyr = table.numbers(*(f"{toe}.GY.{axis}" for axis in "XYZ")) * TO_SI[ANGULAR_RATE]["deg/s"]
        check_units(path, acc, gyr)
        samples[sensor_of(foot)] = timed(t_ns, seq, acc, gyr)
    return samples


def _contacts(path: Path, direction: str) -> Iterator[Row]:
    """A foot touches where it is furthest ahead of the belt and leaves where it is furthest behind.

    Going forward the heel lands and the toe leaves, backward it is the other way round, and so are the ends.
    """
    table = read_delimited(path)
    t_ns = _clock(table, 1.0 / CAMERA_HZ)
    lands, leaves, sign = ("Heel", "TOE", 1.0) if direction == "forward" else ("TOE", "Heel", -1.0)
    for foot in FEET:
        side = foot[0].upper()
        touch = t_ns[_peaks(path, sign * table.numbers(side + lands)[:, 0])]
        leave = t_ns[_peaks(path, -sign * table.numbers(side + leaves)[:, 0])]
        yield from _rows(foot, touch, leave, direction)


def _rows(foot: Foot, touch: Ints, leave: Ints, direction: str) -> Iterator[Row]:
    for k, t_ns in enumerate(touch):
        later = leave[leave > t_ns]
        # a contact whose release was not seen must not get that of the next stance
        seen = len(later) and (k + 1 == len(touch) or later[0] < touch[k + 1])
        yield true_contact(
            foot,
            int(t_ns),
            t_release_ns=int(later[0]) if seen else None,
            first="heel" if direction == "forward" else "toe",
            direction=direction,
        )


def _peaks(path: Path, x_m: Floats) -> Ints:
    """Samples at which a low-passed position (n,) is furthest."""
    # scipy takes its time to load, the other walks do without, and it has no types
    signal: Any = import_module("scipy.signal")
    if not np.isfinite(x_m).all() or len(x_m) < CAMERA_HZ:
        raise BadOriginal(f"{path}: {len(x_m)} positions, or one missing; want a second or more without holes")
    b, a = signal.butter(LOW_PASS_ORDER, LOW_PASS_HZ, fs=CAMERA_HZ)
    return np.asarray(signal.find_peaks(signal.filtfilt(b, a, x_m), prominence=PROMINENCE_M)[0], np.int64)


def _clock(table: Delimited, period_s: float) -> Ints:
    """Times, ns, of rows at even times.

    Raises:
        BadOriginal: they are not even.
    """
    t_s = table.numbers("Time")[:, 0]
    # `not all` rather than `any`: a time that is no number is no even time either
    if not (t_s[0] >= 0 and (np.abs(t_s - t_s[0] - np.arange(len(t_s)) * period_s) < CLOCK_TOLERANCE_S).all()):
        raise BadOriginal(
            f"{table.path}: Time is not even; want a row every {period_s * 1e3:g} ms from 0 on"
            " (another unit, or rows lost?)"
        )
    return np.rint(t_s * NS_PER_S).astype(np.int64)
