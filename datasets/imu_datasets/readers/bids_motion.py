"""Recordings in BIDS-Motion (BEP029, part of the Brain Imaging Data Structure since 1.9): one's own or others'.

For each tracking system `sub-X[_ses-Y]_task-T_tracksys-K[_acq-A][_run-R]_motion.tsv`, columns without a header, beside
it `_channels.tsv` that names them (name, component, type, tracked_point, units) and `_motion.json` (SamplingFrequency);
a `LATENCY` channel holds times in s from the first row on. Channels of type ACCEL and GYRO at the feet and at the
pelvis are read; which tracked point is which is told by its name or by `called` in sensors.toml. `_events.tsv` makes
contacts where it names `initial_contact_left`, `final_contact_right` and so on, in s from the first row of the file
whose tracking system its name has. Tracking systems share a clock where `acq_time` of `_scans.tsv` has fractions of a
second. Sidecars may stand further up, as BIDS lets them.

Source: bids-specification.readthedocs.io, modality-specific files, motion.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np

from imu.core.samples import Floats, Ints
from imu.core.session import FEET, SENSORS, Sensor
from imu.core.tables import Row
from imu.core.units import ACCELERATION, ANGULAR_RATE, NS_PER_S
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.bids_scans import NO_VALUE, entities_of, starts_ns, system_of
from imu_datasets.readers.clocks import counted, rate_of
from imu_datasets.readers.delimited import Delimited, read_delimited, shown
from imu_datasets.readers.holes import holes, in_order
from imu_datasets.readers.own import Found, Settings, Taken, session_of, settings_of, si_per, text_lines
from imu_datasets.recorded import Recorded, at_ns, true_contact

TYPES: Final[Mapping[str, str]] = {"ACCEL": "acc", "GYRO": "gyr", "ACC": "acc", "ANGVEL": "gyr"}
"""The last two as drafts of the specification had them."""
SI: Final[Mapping[str, str]] = {"acc": ACCELERATION, "gyr": ANGULAR_RATE}
LATENCY: Final = "LATENCY"
EVENT: Final = re.compile(r"(initial|final)_contact_(left|right)")
EVENT_COLUMNS: Final = ("trial_type", "event_type", "value")
MARGIN_STRIDES: Final = 0.3
"""Truth reaches so far beyond the first and the last contact that were told of a foot."""
RATE_TOLERANCE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a data set does otherwise than the specification."""

    event_rate_hz: float | None = None
    """Onsets of events count samples of this rate from 1, of all systems alike; None = they are in s, as specified."""


class Trial(NamedTuple):
    """What was recorded at one time: by each tracking system a file."""

    entities: Mapping[str, str]
    """All but that of the tracking system."""
    files: Sequence[Path]

    @property
    def name(self) -> str:
        """As files of it begin."""
        return "_".join(f"{key}-{value}" for key, value in self.entities.items())


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All trials of a data set that have a sensor on a foot, and in its place an error for one that can't be read.

    Raises:
        BadOriginal: there is none.
    """
    none = True
    for trial in trials(root):
        try:
            read = recorded(root, trial, subject=f"sub-{trial.entities['sub']}", session=trial.name)
        except BadOriginal as slip:
            none = False
            yield slip
        else:
            if read is not None:
                none = False
                yield read
    if none:
        raise BadOriginal(
            f"{root} has no sub-*/**/motion/*_motion.tsv with ACCEL and GYRO of a foot; want a BIDS data set"
            " (another folder by --from, or called = in sensors.toml?)"
        )


def trials(root: Path) -> Iterator[Trial]:
    """By subject, session and task."""
    found: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for path in sorted(root.glob("sub-*/**/motion/*_motion.tsv")):
        entities = entities_of(path)
        if {"sub", "tracksys"} <= entities.keys():
            found.setdefault(tuple((k, v) for k, v in entities.items() if k != "tracksys"), []).append(path)
    for key in sorted(found):
        yield Trial(dict(key), found[key])


def recorded(
    root: Path, trial: Trial, *, subject: str, session: str, dialect: Dialect | None = None, **said: Any
) -> Recorded | None:
    """One trial; None = none of its tracking systems has a foot.

    Args:
        root: the data set
        trial: which
        subject: its code
        session: its name
        dialect: what is otherwise than specified
        said: more for session.json; `direction` goes to the contacts

    Raises:
        BadOriginal: a file that is not what it should be.
    """
    settings = settings_of(trial.files[0].parent, root / f"sub-{trial.entities['sub']}", root)
    taken: dict[Sensor, Taken] = {}
    systems: dict[Sensor, Path] = {}
    for path in trial.files:
        for sensor, one in _sensors(root, path, settings):
            if sensor in taken:
                raise BadOriginal(f"{path} and {systems[sensor].name} both have {sensor}; want one (see called)")
            taken[sensor], systems[sensor] = one, path
    if "foot_left" not in taken and "foot_right" not in taken:
        return None
    told = _events(root, trial, dialect or Dialect())
    within = {system_of(path) for path in systems.values()}
    beyond = {event.system for event in told} - within - {""}
    starts, unknown = starts_ns(trial.files) if len(within) > 1 or beyond else ({}, "")
    synchronised = len(within) == 1 or within <= starts.keys()
    direction, contacts = said.pop("direction", None), None
    if synchronised:
        base_ns = min(starts.get(system, 0) for system in within)
        for sensor, path in systems.items():
            ahead_ns = starts.get(system_of(path), base_ns) - base_ns
            taken[sensor] = taken[sensor]._replace(t_ns=taken[sensor].t_ns + ahead_ns)
        first_ns = min(int(one.t_ns.min()) for one in taken.values())
        ends_ns = max(int(one.t_ns.max()) for one in taken.values()) - first_ns
        if beyond and not within | beyond <= starts.keys():
            said["note"] = f"contacts are left out: nothing tells when {', '.join(sorted(beyond))} began; {unknown}"
        elif told:
            # onsets count from the first row of their system, the session from the earliest sample of a sensor
            told = [e._replace(t_ns=e.t_ns + starts.get(e.system, base_ns) - base_ns - first_ns) for e in told]
            contacts = _contacts(trial, told, ends_ns, direction)
            said["truth_ignore_ns"] = [*holes(contacts), *_untold(contacts, ends_ns)]
    said = {"activity": trial.entities.get("task", "unknown"), "source": "BIDS-Motion", **said}
    found = Found(subject, session, trial.files[0], settings)
    made = session_of(found, taken, synchronised=synchronised, **said)
    document = made.document if synchronised else {**made.document, "note": f"{made.document['note']}; {unknown}"}
    return Recorded(document, made.samples, contacts)


def applicable(root: Path, path: Path, suffix: str) -> list[Path]:
    """Sidecars of a file, those from further up first: their entities are all among the file's."""
    entities = set(entities_of(path).items())
    folders = [path.parent, *path.parent.parents]
    folders = folders[: folders.index(root) + 1] if root in folders else folders[:1]
    return [
        other
        for folder in reversed(folders)
        for other in sorted(folder.glob(f"*{suffix}"), key=lambda each: len(entities_of(each)))
        if set(entities_of(other).items()) <= entities
    ]


def columns_of(root: Path, path: Path) -> Delimited:
    """The table of channels of a motion file.

    Raises:
        BadOriginal: there is none.
    """
    tables = applicable(root, path, "_channels.tsv")
    if not tables:
        raise BadOriginal(f"{path}: there is no _channels.tsv beside it; want one that names its columns")
    return read_delimited(tables[-1], "\t")


def numbers_of(path: Path, places: Sequence[int], wide: int) -> Floats:
    """Columns (rows, places) of a motion file that has `wide` of them; NaN where a value is missing.

    Raises:
        BadOriginal: another number of columns, or something else than numbers.
    """
    lines = [line for line in text_lines(path) if line]
    # the specification forbids a header; some have one
    above = bool(lines) and not any(_is_value(cell) for cell in lines[0].split("\t"))
    if len(lines) - above < 2:
        raise BadOriginal(f"{path}: {len(lines) - above} rows; want samples (cut off, or not downloaded yet?)")
    values = np.empty((len(lines) - above, len(places)))
    for number, line in enumerate(lines[above:]):
        cells = line.split("\t")
        if len(cells) != wide:
            raise BadOriginal(
                f"{path}: line {number + 1 + above} has {len(cells)} values; want {wide} as _channels.tsv (cut off?)"
            )
        try:
            values[number] = [np.nan if (cell := cells[at].lower()) in NO_VALUE else float(cell) for at in places]
        except ValueError:
            wrong = next(cells[at] for at in places if not _is_value(cells[at]))
            raise BadOriginal(f"{path}: line {number + 1 + above} has {shown(wrong)}; want a number or n/a") from None
    return values


def _is_value(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.lower() in NO_VALUE
    return True


def rate_hz_of(root: Path, path: Path, channels: Delimited) -> float | None:
    """As the sidecar, or else the table of channels, has it; None = neither.

    Raises:
        BadOriginal: both do, and differ, or one has something else.
    """
    said: dict[str, Any] = {}
    for sidecar in applicable(root, path, "_motion.json"):
        try:
            table: Any = json.loads("\n".join(text_lines(sidecar)))
        except json.JSONDecodeError as error:
            raise BadOriginal(f"{sidecar}: line {error.lineno}: {error.msg}; want JSON (cut off?)") from None
        if not isinstance(table, dict):
            raise BadOriginal(f"{sidecar}: a {type(table).__name__}; want an object with SamplingFrequency")
        said |= cast("dict[str, Any]", table)
    stated = said.get("SamplingFrequency")
    if stated is not None and not (isinstance(stated, int | float) and stated > 0):
        raise BadOriginal(f"{path}: SamplingFrequency is {shown(stated)}; want a positive number of Hz")
    if "sampling_frequency" not in channels.header:
        return None if stated is None else float(stated)
    rates = set(channels.texts("sampling_frequency"))
    try:
        (one,) = {float(rate) for rate in rates}
    except ValueError:
        raise BadOriginal(f"{channels.path}: sampling_frequency {', '.join(sorted(rates))}; want one number") from None
    if not one > 0 or (stated is not None and abs(one / stated - 1) > RATE_TOLERANCE):
        raise BadOriginal(f"{channels.path}: {one:g} Hz where SamplingFrequency is {shown(stated)}; want one rate")
    return float(one if stated is None else stated)


def _sensors(root: Path, path: Path, settings: Settings) -> Iterator[tuple[Sensor, Taken]]:
    channels = columns_of(root, path)
    # upper case is asked for, and not always there
    kinds = [kind.upper() for kind in channels.texts("type")]
    points, components, units = (channels.texts(name) for name in ("tracked_point", "component", "units"))
    wanted: dict[Sensor, dict[str, int]] = {}
    called: dict[Sensor, str] = {}
    for at, (kind, point, component) in enumerate(zip(kinds, points, components, strict=True)):
        sensor = settings.sensor_of(point)
        if sensor is None or kind not in TYPES or component.lower() not in tuple("xyz"):
            continue
        if called.setdefault(sensor, point) != point:
            raise BadOriginal(f"{channels.path}: {sensor} is {called[sensor]!r} or {point!r}; want one (see called)")
        name, places = TYPES[kind] + component.lower(), wanted.setdefault(sensor, {})
        if name in places:
            raise BadOriginal(f"{channels.path}: {point} has {name} twice; want one (a second range?)")
        places[name] = at
    if not wanted:
        return
    latency = kinds.index(LATENCY) if LATENCY in kinds else None
    names = [quantity + axis for quantity in SI for axis in "xyz"]
    for sensor, places in wanted.items():
        missing = [name for name in names if name not in places]
        if missing:
            raise BadOriginal(f"{channels.path}: {called[sensor]} has no {', '.join(missing)}; want x, y, z of both")
    sensors: list[Sensor] = [sensor for sensor in SENSORS if sensor in wanted]
    columns = [wanted[sensor][name] for sensor in sensors for name in names]
    values = numbers_of(path, [*columns, *([] if latency is None else [latency])], len(kinds))
    latency_s = None if latency is None else values[:, -1]
    t_ns, seq, rate_hz = _clock(path, len(values), latency_s, rate_hz_of(root, path, channels))
    for number, sensor in enumerate(sensors):
        both: list[Floats] = []
        for start, quantity in ((6 * number, "acc"), (6 * number + 3, "gyr")):
            unit = {units[at] for at in columns[start : start + 3]}
            if len(unit) > 1:
                raise BadOriginal(
                    f"{channels.path}: {called[sensor]} has {quantity} in {', '.join(sorted(unit))}; want one"
                )
            where = f"{channels.path}: {quantity} of {called[sensor]}"
            both.append(values[:, start : start + 3] * si_per(unit.pop(), SI[quantity], where))
        yield sensor, Taken(t_ns, seq, both[0], both[1], rate_hz)


def _clock(path: Path, n: int, latency_s: Floats | None, rate_hz: float | None) -> tuple[Ints, Ints, float]:
    if latency_s is None:
        if rate_hz is None:
            raise BadOriginal(f"{path}: neither SamplingFrequency nor LATENCY; want one of them")
        seq = np.arange(n, dtype=np.int64)
        return at_ns(seq, rate_hz), seq, rate_hz
    if not np.isfinite(latency_s).all():
        raise BadOriginal(f"{path}: a row without LATENCY; want a time in every row")
    # it should begin with 0; where it is a device's clock, nothing else is on it
    t_ns = np.rint((latency_s - latency_s[0]) * NS_PER_S).astype(np.int64)
    rate_hz = rate_hz or rate_of(t_ns)
    if rate_hz <= 0:
        raise BadOriginal(f"{path}: LATENCY stands still; want s that rise")
    return t_ns, counted(t_ns, rate_hz), rate_hz


class _Told(NamedTuple):
    """An event that is a contact or the end of one."""

    t_ns: int
    initial: bool
    foot: str
    system: str
    """Whose first row it is counted from; empty = not told."""


def _events(root: Path, trial: Trial, dialect: Dialect) -> list[_Told]:
    """In order of onset."""
    told: list[_Told] = []
    for path in dict.fromkeys(each for file in trial.files for each in applicable(root, file, "_events.tsv")):
        table = read_delimited(path, "\t")
        onsets = table.numbers("onset")[:, 0]
        system = system_of(path) if dialect.event_rate_hz is None else ""
        for column in EVENT_COLUMNS:
            if column in table.header:
                for onset, text in zip(onsets, table.texts(column), strict=True):
                    match = EVENT.fullmatch(text.strip())
                    if match:
                        t_ns = _onset_ns(path, float(onset), dialect)
                        told.append(_Told(t_ns, match[1] == "initial", match[2], system))
    return sorted(told)


def _onset_ns(path: Path, onset: float, dialect: Dialect) -> int:
    if dialect.event_rate_hz is None:
        # below 0 is before the recording, as specified
        if not np.isfinite(onset):
            raise BadOriginal(f"{path}: onset {onset:g}; want s from the start of the recording")
        return round(onset * NS_PER_S)
    if onset != round(onset) or onset < 1:
        raise BadOriginal(f"{path}: onset {onset:g}; want samples counted from 1 (seconds, in a newer version?)")
    return round((onset - 1) * NS_PER_S / dialect.event_rate_hz)


def _contacts(trial: Trial, told: Iterable[_Told], ends_ns: int, direction: str | None) -> list[Row]:
    """Those that lie in the recording."""
    rows: list[Row] = []
    events = sorted(told)
    for foot in FEET:
        of_foot = [event for event in events if event.foot == foot]
        for event, after in zip_longest(of_foot, of_foot[1:]):
            if event.initial and 0 <= event.t_ns <= ends_ns:
                release = None if after is None or after.initial else after.t_ns
                rows.append(true_contact(foot, event.t_ns, t_release_ns=release, direction=direction))
    if not rows and any(event.initial for event in events):
        raise BadOriginal(
            f"{trial.files[0]}: events from {events[0].t_ns / NS_PER_S:g} s on, none a contact within"
            f" {ends_ns / NS_PER_S:g} s; want onsets in s from the first row (of another clock?)"
        )
    return in_order(rows)


def _untold(rows: Sequence[Row], ends_ns: int) -> list[list[str | int]]:
    """`truth_ignore_ns` before the first and after the last contact that was told of each foot, where people may walk
    unseen.
    """
    found: list[list[str | int]] = []
    for foot in FEET:
        times = [cast("int", row["t_contact_ns"]) for row in rows if row["foot"] == foot]
        if not times:
            found.append([foot, 0, ends_ns])
            continue
        stride_ns = float(np.median(np.diff(times))) if len(times) > 1 else float(NS_PER_S)
        margin_ns = int(MARGIN_STRIDES * stride_ns)
        found += [[foot, 0, max(0, times[0] - margin_ns)], [foot, min(ends_ns, times[-1] + margin_ns), ends_ns]]
    return found
