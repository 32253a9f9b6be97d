"""One session, from raw files to tables."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from imu.core.errors import DuplicateSession, SessionError
from imu.core.events import Event
from imu.core.samples import Samples
from imu.core.session import SENSORS, Sensor, Session
from imu.core.tables import STREAM, whole
from imu.pipeline import Params, Pipeline
from imu.store.folder import analysis_dir, copy_session_json, find_sessions, present_sensors, read_session
from imu.store.raw import raw_path, read_raw, rows_in
from imu.store.tables import read_rows, write_analysis
from imu.version import VERSION

SLICE_S: Final = 5.0
"""How far one sensor is read ahead of the others."""
FOREVER: Final = int(np.iinfo(np.int64).max)
"""When one who was given up and did not come back comes back, ns."""

Progress = Callable[[float], None]
"""Told the share of the session that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Job:
    """One input of a call: where it lies and where its analysis goes, or why it can't be analysed."""

    source: Path | None
    target: Path | None
    error: SessionError | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One analysed session."""

    target: Path
    session: Session
    summary: dict[str, Any]


def plan(patterns: Iterable[str], out: Path | None) -> list[Job]:
    """Session folders, stores or globs become jobs, in order; without `out` the analysis goes beside the raw data.

    What is not there, or has the subject and session of an earlier input of `out`, becomes a job with its error.
    """
    jobs: list[Job] = []
    taken: dict[Path, Path] = {}
    for found in find_sessions(patterns):
        if isinstance(found, SessionError):
            jobs.append(Job(None, None, found))
            continue
        try:
            target = found if out is None else analysis_dir(out, read_session(found))
            if target != found and (target / "raw").exists():
                raise DuplicateSession(
                    f"{found} has the same subject and session as the raw data in {target}; want another --out"
                )
            if target in taken:
                raise DuplicateSession(
                    f"{found} has the same subject and session as {taken[target]}; want one of each in --out "
                    "(a copy of the same session?)"
                )
        except SessionError as error:
            jobs.append(Job(found, None, error))
        else:
            taken[target] = found
            jobs.append(Job(found, target))
    return jobs


def reprocess(
    source: Path,
    target: Path,
    *,
    params: Params | None = None,
    all_samples: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Analyse the session in `source` and write `analysis/` (and elsewhere a copy of `session.json`) into `target`.

    `all_samples` also uses samples that came too late for the live analysis, as `raw/stream.parquet` tells; the summary
    then says so.

    Raises:
        SessionError: one line on what was refused. An earlier analysis is touched by CannotWrite alone: it then counts
            as not analysed.
    """
    params = params or Params()
    session = read_session(source)
    pipeline = analyse(source, session, params=params, all_samples=all_samples, progress=progress)
    summary = pipeline.summary()
    summary["left_out"] = [*_unnamed(source, session), *summary["left_out"]]
    if all_samples:
        summary["all_samples"] = True
    if target != source:
        copy_session_json(source, target)
    write_analysis(target, pipeline.tables(), summary, version=VERSION, params=params.document())
    return Outcome(target, session, summary)


def _unnamed(source: Path, session: Session) -> list[dict[str, str]]:
    """Rows that nobody uses, since session.json does not name their sensor."""
    return [
        {"what": sensor, "why": f"raw/{sensor}.parquet is there, but session.json names no such sensor"}
        for sensor in SENSORS
        if sensor not in session.sensors and raw_path(source, sensor).exists()
    ]


def analyse(
    source: Path,
    session: Session,
    *,
    params: Params | None = None,
    all_samples: bool = False,
    progress: Progress | None = None,
) -> Pipeline:
    """Lead the raw data in `source` through the pipeline to their end. `session` is what `source` says of itself.

    Raises:
        SessionError: one line on what was refused.
    """
    present = present_sensors(source, session)
    pipeline = Pipeline(session, present, params)
    total = sum(rows_in(raw_path(source, sensor), sensor) for sensor in present)
    done = 0
    for turn in turns(source, session, pipeline, all_samples=all_samples):
        done += turn.read
        if progress is not None:
            progress(done / total)
    pipeline.check_usable()
    return pipeline


class Turn(NamedTuple):
    """One slice of one sensor, and what it settled."""

    sensor: Sensor
    read: int
    """Rows of the file, those that were left out included."""
    rows: Samples | None
    """Those that counted; None at the sensor's end."""
    events: list[Event]


def turns(
    source: Path, session: Session, pipeline: Pipeline, *, all_samples: bool = False, slice_s: float = SLICE_S
) -> Iterator[Turn]:
    """The raw data in `source` through the pipeline to their end, all sensors side by side; none runs ahead of the
    others by more than `slice_s`.

    Raises:
        SessionError: one line on what was refused.
    """
    present = present_sensors(source, session)
    away = {} if all_samples else silences(source)
    to_come = {sensor: list(stretches) for sensor, stretches in away.items()}
    for sensor, samples in _in_time(source, session, present, slice_s):
        if samples is None:
            # given up for good: what is pending there is decided at the end of all, as it was live
            given_up = bool(away.get(sensor)) and away[sensor][-1][1] == FOREVER
            yield Turn(sensor, 0, None, pipeline.drop(sensor) if given_up else pipeline.end(sensor))
            continue
        read = len(samples)
        for part in _around(without(samples, away.get(sensor, [])), to_come.get(sensor, [])):
            if isinstance(part, int):
                yield Turn(sensor, read, samples[:0], pipeline.skip(sensor, part))
            else:
                yield Turn(sensor, read, part, pipeline.push(sensor, part))
            read = 0
        if read:
            yield Turn(sensor, read, samples[:0], [])
    if events := pipeline.flush():
        yield Turn(present[0], 0, None, events)


def silences(folder: Path) -> dict[str, list[tuple[int, int]]]:
    """From `raw/stream.parquet`: while live, from when to when (ns, end excluded) was each sensor given up?"""
    path = folder / "raw" / "stream.parquet"
    if not path.exists():
        return {}
    away: dict[str, list[tuple[int, int]]] = {}
    since: dict[str, int] = {}
    for row in read_rows(path, STREAM):
        sensor, t_ns = str(row["sensor"]), whole(row, "t_ns")
        if row["event"] == "drop":
            since.setdefault(sensor, t_ns)
        elif row["event"] == "back" and sensor in since:
            away.setdefault(sensor, []).append((since.pop(sensor), t_ns))
    for sensor, t_ns in since.items():
        away.setdefault(sensor, []).append((t_ns, FOREVER))
    return away


def without(samples: Samples, away: Iterable[tuple[int, int]]) -> Samples:
    """The rows whose time lies in none of the stretches."""
    keep = np.ones(len(samples), np.bool_)
    for start, end in away:
        keep &= (samples.t_ns < start) | (samples.t_ns >= end)
    return samples if keep.all() else samples.where(keep)


def _around(samples: Samples, to_come: list[tuple[int, int]]) -> Iterator[Samples | int]:
    """The rows that lie in none of the stretches, and between them where each stretch ended (ns), once it has been
    passed; what is passed leaves the list.
    """
    kept = samples
    while to_come and len(kept) and int(kept.t_ns.max()) >= to_come[0][1]:
        _, end = to_come.pop(0)
        before = int(np.argmax(kept.t_ns >= end))
        if before:
            yield kept[:before]
        yield end
        kept = kept[before:]
    if len(kept):
        yield kept


def _in_time(
    source: Path, session: Session, present: Iterable[Sensor], slice_s: float
) -> Iterator[tuple[Sensor, Samples | None]]:
    """Slices of all sensors in order of their beginnings, so that none runs far ahead; None where a sensor ends."""
    slices: dict[Sensor, Iterator[Samples]] = {sensor: _slices(source, session, sensor, slice_s) for sensor in present}
    waiting: list[tuple[int, int, Sensor, Samples]] = []

    def wait(order: int, sensor: Sensor) -> bool:
        samples = next(slices[sensor], None)
        if samples is not None:
            heapq.heappush(waiting, (int(samples.t_ns[0]), order, sensor, samples))
        return samples is not None

    for order, sensor in enumerate(slices):
        wait(order, sensor)
    while waiting:
        _, order, sensor, samples = heapq.heappop(waiting)
        yield sensor, samples
        if not wait(order, sensor):
            yield sensor, None


def _slices(source: Path, session: Session, sensor: Sensor, slice_s: float) -> Iterator[Samples]:
    setup = session.sensors[sensor]
    rows = max(1, round(slice_s * setup.rate_hz))
    for samples in read_raw(raw_path(source, sensor), sensor, setup):
        for start in range(0, len(samples), rows):
            yield samples[start : start + rows]
