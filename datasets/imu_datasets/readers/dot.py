"""Exports of Movella DOT (Xsens DOT) as CSV: one's own recordings, FOLDER/SUBJECT/SESSION/{foot_left,...}.csv.

Some lines `Key:,value` (DeviceTag, FirmwareVersion, SyncStatus, OutputRate, StartTime, ...), then a header that begins
with PacketCounter, SampleTimeFine (us, 32 bits). Acc_X, Acc_Y, Acc_Z in m/s^2 with gravity, Gyr_X, Gyr_Y, Gyr_Z in
deg/s are there in the modes "Rate quantities" and "Custom mode 5" and in recordings that were exported with them;
FreeAcc has lost gravity. Facts after the logger of the vendor's software kit and the headers of its exports. Live,
PacketCounter only counts what came in, so that what was lost is told by the times.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.session import Sensor
from imu.core.units import ANGULAR_RATE, TO_SI
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.clocks import counted, rate_of, unwrapped
from imu_datasets.readers.delimited import Delimited, shown
from imu_datasets.readers.own import Found, Taken, each, files_of, session_of, text_lines
from imu_datasets.recorded import Recorded

FIRST: Final = "PacketCounter"
CLOCK: Final = "SampleTimeFine"
CLOCK_BITS: Final = 32
NS_PER_TICK: Final = 1000
ACC: Final = ("Acc_X", "Acc_Y", "Acc_Z")
GYR: Final = ("Gyr_X", "Gyr_Y", "Gyr_Z")
MOST_LINES_ABOVE: Final = 40
RATE: Final = re.compile(r"(\d+(?:\.\d+)?) ?Hz")
RATE_TOLERANCE: Final = 0.05


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All sessions in a folder of SUBJECT/SESSION/, and in its place an error for one that can't be read.

    Raises:
        BadOriginal: there is none.
    """
    return each(root, (".csv",), _session)


def _session(found: Found) -> Recorded:
    taken: dict[Sensor, Taken] = {}
    synced: list[bool] = []
    for (sensor, _), path in files_of(found, (".csv",)).items():
        taken[sensor], said = _sensor(path)
        synced.append(said.get("SyncStatus", "").lower() == "synced")
    synchronised = found.settings.synchronised
    if synchronised is None:
        synchronised = bool(synced) and all(synced)
    if synchronised:
        _on_one_turn(taken)
    return session_of(found, taken, synchronised=synchronised, source="Movella DOT, exported as CSV")


def _on_one_turn(taken: dict[Sensor, Taken]) -> None:
    """Of sensors that share a clock one may begin before it turns over, and another after."""
    starts = np.array([int(one.t_ns[0]) // NS_PER_TICK for one in taken.values()], np.int64)
    if len(starts):
        for (sensor, one), start in zip(tuple(taken.items()), starts, strict=True):
            ahead = int(unwrapped(np.array([starts[0], start]), CLOCK_BITS)[1] - start) * NS_PER_TICK
            taken[sensor] = one._replace(t_ns=one.t_ns + ahead)


def _sensor(path: Path) -> tuple[Taken, Mapping[str, str]]:
    table, said = _table(path)
    if ACC[0] not in table.header and any(name.startswith("FreeAcc") for name in table.header):
        raise BadOriginal(
            f"{path}: FreeAcc but no {ACC[0]}; want acceleration with gravity"
            " (export again: Rate quantities, or Custom mode 5)"
        )
    ticks = table.numbers(CLOCK)[:, 0]
    if not (np.isfinite(ticks).all() and (ticks == np.rint(ticks)).all() and (ticks >= 0).all()):
        raise BadOriginal(f"{path}: {CLOCK} has something else than whole microseconds; want those of the device")
    if ticks.max() >= 1 << CLOCK_BITS:
        raise BadOriginal(f"{path}: {CLOCK} goes up to {ticks.max():.0f}; want less than 2^32 (nanoseconds?)")
    t_ns = unwrapped(ticks.astype(np.int64), CLOCK_BITS) * NS_PER_TICK
    rate_hz = rate_of(t_ns)
    stated = RATE.fullmatch(said.get("OutputRate", ""))
    if rate_hz <= 0 or (stated and abs(rate_hz / float(stated[1]) - 1) > RATE_TOLERANCE):
        raise BadOriginal(
            f"{path}: {CLOCK} steps as of {rate_hz:.3g} Hz; want {said.get('OutputRate', 'times that rise')}"
            " (resampled, or rows left out?)"
        )
    if stated:
        rate_hz = float(stated[1])
    acc, gyr = table.numbers(*ACC), table.numbers(*GYR) * TO_SI[ANGULAR_RATE]["deg/s"]
    return Taken(t_ns, counted(t_ns, rate_hz), acc, gyr, rate_hz), said


def _table(path: Path) -> tuple[Delimited, Mapping[str, str]]:
    """Rows below the header, and what stands above it."""
    lines = text_lines(path)
    at = next((k for k, line in enumerate(lines[:MOST_LINES_ABOVE]) if line.lstrip('"').startswith(FIRST)), None)
    if at is None:
        raise BadOriginal(
            f"{path}: no line that begins with {FIRST} among the first {MOST_LINES_ABOVE}; want an export of"
            " Movella DOT (of another system? see imu import)"
        )
    behind = lines[at].lstrip('"')[len(FIRST) :].lstrip('"')
    delimiter = behind[:1] or ","
    header = [name.strip() for name in next(csv.reader([lines[at]], delimiter=delimiter))]
    while header and not header[-1]:
        header.pop()
    said: dict[str, str] = {}
    for line in lines[:at]:
        # a spreadsheet puts quotes around keys and values as it does in the header
        key, _, value = line.replace('"', "").partition(":")
        said[key.strip()] = value.strip(f"{delimiter} \t;,")
    while lines and not lines[-1].strip(f"{delimiter} \t"):
        lines.pop()
    rows = list(csv.reader(lines[at + 1 :], delimiter=delimiter))
    if not rows:
        raise BadOriginal(f"{path}: no rows below line {at + 1}; want samples (cut off?)")
    for number, row in enumerate(rows, at + 2):
        if len(row) < len(header):
            raise BadOriginal(
                f"{path}: line {number} has {len(row)} values, {shown(delimiter.join(row))}; want {len(header)} as the"
                " header (cut off?)"
            )
    return Delimited(path, tuple(header), rows, at + 2), said
