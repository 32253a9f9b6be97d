"""Exports of Movesense's Showcase apps as CSV: one's own recordings, FOLDER/SUBJECT/SESSION/foot_left.csv, ...

Times are ms of the sensor's own clock, acceleration is in m/s^2 with gravity, the angular rate in deg/s. Three forms:

- Android, IMU6 or IMU9, `foot_left.csv`: Timestamp,AccX,AccY,AccZ,GyroX,GyroY,GyroZ and for IMU9 a magnetometer, whose
  names stand in the header of IMU6 as well
- Android, a quantity a file, `foot_left_acc.csv` and `foot_left_gyr.csv`: Timestamp (ms),X: (m/s^2), ... and a comma at
  the end of each row; or "degree per second"
- iOS, likewise two files: timestamp,x,y,z, where only the first row of a packet has a time, that of its first sample

Facts after the sources of both apps. Two files are joined by time: each row of acc with the row of gyr that lies
nearest, where both run at one rate.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from imu.core.samples import Floats, Ints
from imu.core.session import Sensor
from imu.core.units import ACCELERATION, ANGULAR_RATE, TO_SI
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.clocks import counted, paired, rate_of, unwrapped
from imu_datasets.readers.delimited import shown
from imu_datasets.readers.own import Found, Taken, each, files_of, session_of, text_lines
from imu_datasets.recorded import Recorded

NS_PER_TICK: Final = 1_000_000
CLOCK_BITS: Final = 32
BOTH: Final = ".csv"
ACC: Final = "_acc.csv"
GYR: Final = "_gyr.csv"
QUANTITY: Final[Mapping[str, str]] = {"acc": ACCELERATION, "gyr": ANGULAR_RATE}
UNIT: Final[Mapping[str, str]] = {"acc": ACCELERATION, "gyr": "deg/s"}
IN_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {"acc": ("m/s^2", "m/s2"), "gyr": ("degree", "deg/s", "dps")}
"""How headers that tell a unit spell it."""
SAME_RATE: Final = 0.05
MOST_FOLLOWING: Final = 1.25
"""A packet is followed by the next one after its own duration; after more than so many times that, one was lost."""


class _Rows(NamedTuple):
    """A file: ticks (n,), NaN where a row has none, and values (n, 3) by quantity, SI."""

    ticks: Floats
    values: Mapping[str, Floats]


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All sessions in a folder of SUBJECT/SESSION/, and in its place an error for one that can't be read.

    Raises:
        BadOriginal: there is none.
    """
    return each(root, (".csv",), _session)


def _session(found: Found) -> Recorded:
    files = files_of(found, (BOTH, ACC, GYR))
    taken: dict[Sensor, Taken] = {}
    for sensor, ending in files:
        path = files[sensor, ending]
        if ending == BOTH:
            if (sensor, ACC) in files or (sensor, GYR) in files:
                raise BadOriginal(f"{path}: stands beside {sensor}{ACC} or {sensor}{GYR}; want the one or the others")
            taken[sensor] = _one_file(path)
        elif sensor not in taken:
            other = (sensor, GYR if ending == ACC else ACC)
            if other not in files:
                raise BadOriginal(f"{path}: there is no {sensor}{other[1]}; want both")
            taken[sensor] = _two_files(files[sensor, ACC], files[sensor, GYR])
    synchronised = found.settings.synchronised or False
    return session_of(found, taken, synchronised=synchronised, source="Movesense, exported as CSV")


def _one_file(path: Path) -> Taken:
    rows = _read(path, ("acc", "gyr"))
    t_ns = _times(path, rows.ticks)
    rate_hz = _rate(path, t_ns)
    return Taken(t_ns, counted(t_ns, rate_hz), rows.values["acc"], rows.values["gyr"], rate_hz)


def _two_files(acc_path: Path, gyr_path: Path) -> Taken:
    acc, gyr = _read(acc_path, ("acc",)), _read(gyr_path, ("gyr",))
    acc_ns, gyr_ns = _times(acc_path, acc.ticks), _times(gyr_path, gyr.ticks)
    # the one may begin before the clock turns over, and the other after
    ends = np.array([acc_ns[0] // NS_PER_TICK, gyr_ns[0] // NS_PER_TICK])
    gyr_ns = gyr_ns + (int(unwrapped(ends, CLOCK_BITS)[1]) - int(ends[1])) * NS_PER_TICK
    rate_hz, other_hz = _rate(acc_path, acc_ns), _rate(gyr_path, gyr_ns)
    if abs(rate_hz / other_hz - 1) > SAME_RATE:
        raise BadOriginal(f"{gyr_path}: {other_hz:.3g} Hz beside {rate_hz:.3g} Hz of acc; want one rate for both")
    for path, t_ns in ((acc_path, acc_ns), (gyr_path, gyr_ns)):
        if (np.diff(t_ns) <= 0).any():
            raise BadOriginal(f"{path}: times that fall or stand still; want rising ones to join acc and gyr by")
    of_acc, of_gyr = paired(acc_ns, gyr_ns, rate_hz)
    if 2 * len(of_acc) < len(acc_ns):
        raise BadOriginal(
            f"{gyr_path}: {len(of_acc)} of {len(acc_ns)} rows of acc have one of gyr at their time; want most of them"
            " (a file of another session?)"
        )
    t_ns = acc_ns[of_acc]
    return Taken(t_ns, counted(t_ns, rate_hz), acc.values["acc"][of_acc], gyr.values["gyr"][of_gyr], rate_hz)


def _rate(path: Path, t_ns: Ints) -> float:
    rate_hz = rate_of(t_ns)
    if rate_hz <= 0:
        raise BadOriginal(f"{path}: {len(t_ns)} rows at one time; want times in ms that rise")
    return rate_hz


def _read(path: Path, quantities: tuple[str, ...]) -> _Rows:
    lines = [line for line in text_lines(path) if line.strip()]
    header = [name.strip().lower() for name in next(csv.reader(lines[:1]), [""])]
    if not header[0].startswith("timestamp"):
        raise BadOriginal(f"{path}: line 1 begins with {shown(header[0])}; want timestamp (an export of Movesense?)")
    places = {quantity: _places(path, header, quantity, alone=len(quantities) == 1) for quantity in quantities}
    if len(lines) < 3:
        raise BadOriginal(f"{path}: {len(lines) - 1} rows; want samples (cut off?)")
    most = max(place for three in places.values() for place in three)
    ticks = np.empty(len(lines) - 1)
    values = {quantity: np.empty((len(lines) - 1, 3)) for quantity in quantities}
    # a magnetometer that is in the header alone, and a comma at the end of rows, are no harm
    wide = len(_without_end(next(csv.reader(lines[1:2]))))
    for number, row in enumerate(map(_without_end, csv.reader(lines[1:]))):
        if len(row) != wide or not most < wide <= len(header):
            raise BadOriginal(
                f"{path}: line {number + 2} has {len(row)} values; want {min(wide, len(header))} as the others"
                " (cut off, or decimal commas?)"
            )
        try:
            ticks[number] = float(row[0]) if row[0].strip() else np.nan
            for quantity, three in places.items():
                values[quantity][number] = [float(row[place]) for place in three]
        except ValueError:
            raise BadOriginal(
                f"{path}: line {number + 2} is {shown(','.join(row))}; want numbers, the time in ms (cut off?)"
            ) from None
    return _Rows(ticks, {one: values[one] * TO_SI[QUANTITY[one]][UNIT[one]] for one in quantities})


def _without_end(row: list[str]) -> list[str]:
    return row[:-1] if row and not row[-1].strip() else row


def _places(path: Path, header: list[str], quantity: str, *, alone: bool) -> list[int]:
    """Columns of x, y and z."""
    if alone:
        places = [next((k for k, name in enumerate(header) if name.startswith(axis)), -1) for axis in "xyz"]
        units = [name.partition("(")[2].rstrip(") ") for name in header[1:4]]
        said = next((unit for unit in units if unit), None)
        if said is not None and not said.startswith(IN_HEADERS[quantity]):
            raise BadOriginal(f"{path}: {shown(said)} in the header; want {UNIT[quantity]} (acc and gyr swapped?)")
    else:
        names = ["".join(filter(str.isalnum, name)).replace("gyro", "gyr") for name in header]
        places = [names.index(quantity + axis) if quantity + axis in names else -1 for axis in "xyz"]
    if -1 in places:
        wanted = "x, y, z" if alone else "AccX, AccY, AccZ, GyroX, GyroY, GyroZ"
        raise BadOriginal(f"{path}: columns {', '.join(header)}; want {wanted} beside the time")
    return places


def _times(path: Path, ticks: Floats) -> Ints:
    """Of each row, ns; rows of a packet without a time follow its first one evenly."""
    known = np.flatnonzero(np.isfinite(ticks))
    if not len(known) or known[0] != 0 or (ticks[known] < 0).any():
        raise BadOriginal(f"{path}: line 2 has no time, or one is below 0; want ms from the first row on")
    whole = np.floor(ticks[known])
    stamps: Floats = unwrapped(whole.astype(np.int64), CLOCK_BITS) + (ticks[known] - whole)
    if len(known) == len(ticks):
        return np.rint(stamps * NS_PER_TICK).astype(np.int64)
    if len(known) < 2:
        raise BadOriginal(f"{path}: one row has a time; want one a packet")
    sizes = np.diff(known, append=len(ticks))
    steps = np.diff(stamps) / sizes[:-1]
    usual = float(np.median(steps))
    # after a lost packet, and at the end, nothing tells how long the packet was
    steps = np.append(np.where((steps > 0) & (steps < MOST_FOLLOWING * usual), steps, usual), usual)
    packet = np.repeat(np.arange(len(known)), sizes)
    t_ms = stamps[packet] + (np.arange(len(ticks)) - known[packet]) * steps[packet]
    return np.rint(t_ms * NS_PER_TICK).astype(np.int64)
