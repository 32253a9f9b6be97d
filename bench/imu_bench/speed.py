"""How fast is it? Each stage in memory, and `imu reprocess` from Parquet to Parquet. Reports, and asserts nothing."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, TypeVar

import numba
import numpy as np

from imu.core.samples import Block, Samples
from imu.core.session import FEET, Foot, Sensor, Session
from imu.gait.fold import FootFold
from imu.gait.foot import FootContacts
from imu.gait.intake import Intake
from imu.gait.pelvis import PelvisPose
from imu.gait.steps import Steps
from imu.pipeline import Params, Pipeline
from imu.reprocess import SLICE_S
from imu.simulate import Recording, SensorModel, named, simulate
from imu.store.raw import raw_path, write_raw
from imu.store.write_session import create_session

SEED: Final = 1
SENSOR: Final[Mapping[Foot, Sensor]] = {"left": "foot_left", "right": "foot_right"}

T = TypeVar("T")


class Times(NamedTuple):
    """Seconds for the whole session; on a machine that does other things too, the least is nearer to the truth."""

    median_s: float
    least_s: float


class Stage(NamedTuple):
    """The times of one stage, and how many samples it saw."""

    name: str
    times: Times
    samples: int


def measure(*, minutes: float = 10.0, rate_hz: float = 200.0, repeats: int = 5) -> dict[str, Any]:
    """Simulate a three-sensor session and time everything, each as the median of `repeats` runs on a warm cache."""
    person, protocol, sensors = named("ten-minutes")
    worn: dict[Sensor, SensorModel] = {name: replace(model, rate_hz=rate_hz) for name, model in sensors.items()}
    recording = simulate(person, replace(protocol, duration_s=60.0 * minutes), worn, seed=SEED)
    slices: dict[Sensor, list[Samples]] = {name: list(recording.samples(name, SLICE_S)) for name in worn}
    total = sum(len(samples) for parts in slices.values() for samples in parts)
    stages = _stages(recording.session, slices, repeats)
    walls = _walls(recording, repeats)
    return {
        "minutes": minutes,
        "rate_hz": rate_hz,
        "sensors": len(worn),
        "sensor_samples": total,
        "repeats": repeats,
        "stages": {
            stage.name: {
                "ns_per_own_sample": 1e9 * stage.times.median_s / stage.samples,
                "ns_per_sensor_sample": 1e9 * stage.times.median_s / total,
                "least_ns_per_sensor_sample": 1e9 * stage.times.least_s / total,
                "times_real_time": 60.0 * minutes / stage.times.median_s,
            }
            for stage in stages
        },
        "reprocess_s": {"median": median(walls), "least": min(walls), "most": max(walls)},
        "machine": {
            "processor": platform.machine(),
            "cpus": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
    }


def report(result: Mapping[str, Any]) -> str:
    """The figures for a person to read."""
    lines = [
        f"{result['minutes']:g} minutes of {result['sensors']} sensors at {result['rate_hz']:g} Hz,"
        f" {result['sensor_samples']} sensor-samples; median of {result['repeats']}",
        "",
        f"{'stage':<10}{'ns a sample it sees':>22}{'ns a sensor-sample':>22}{'least':>9}{'x real time':>14}",
    ]
    lines += [
        f"{name:<10}{figures['ns_per_own_sample']:>22.0f}{figures['ns_per_sensor_sample']:>22.0f}"
        f"{figures['least_ns_per_sensor_sample']:>9.0f}{figures['times_real_time']:>14.0f}"
        for name, figures in result["stages"].items()
    ]
    wall, machine = result["reprocess_s"], result["machine"]
    lines += [
        "",
        f"imu reprocess, Parquet to Parquet, start-up included: {wall['median']:.2f} s"
        f" ({wall['least']:.2f} to {wall['most']:.2f})",
        f"Of this machine and this run: {machine['processor']}, {machine['cpus']} CPUs, {machine['system']},"
        f" Python {machine['python']}, numpy {machine['numpy']}, numba {machine['numba']}.",
    ]
    return "\n".join(lines)


def _timed(work: Callable[[], T], repeats: int) -> tuple[Times, T]:
    """The times, and what the last run returned; the first one, which may compile, does not count."""
    result, seconds = work(), list[float]()
    for _ in range(repeats):
        begin_s = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begin_s)
    return Times(median(seconds), min(seconds)), result


def _stages(session: Session, slices: Mapping[Sensor, Sequence[Samples]], repeats: int) -> list[Stage]:
    """Each stage is fed what the one below it gave, in slices of the length that reprocess uses."""
    params = Params()
    seen = {name: sum(map(len, parts)) for name, parts in slices.items()}
    feet: list[Foot] = [foot for foot in FEET if SENSOR[foot] in slices]
    foot_samples, total = sum(seen[SENSOR[foot]] for foot in feet), sum(seen.values())

    def intake() -> dict[Sensor, list[Block]]:
        return {name: _pushed(Intake(params.intake, session.sensors[name].rate_hz), slices[name]) for name in slices}

    intake_times, blocks = _timed(intake, repeats)

    def foot() -> dict[Foot, list[np.ndarray]]:
        found: dict[Foot, list[np.ndarray]] = {}
        for side in feet:
            setup = session.sensors[SENSOR[side]]
            found[side] = _pushed(FootContacts(params.foot, setup.rate_hz, setup.mounting), blocks[SENSOR[side]])
        return found

    foot_times, records = _timed(foot, repeats)

    def fold() -> None:
        for side in feet:
            _pushed(FootFold(side), records[side])

    fold_times, _ = _timed(fold, repeats)
    pelvis = session.sensors["pelvis"]
    pelvis_times, poses = _timed(lambda: _pushed(PelvisPose(params.pelvis, pelvis.rate_hz), blocks["pelvis"]), repeats)

    def steps() -> None:
        stage = Steps(params.steps, feet=feet, pelvis=True, mounting=pelvis.mounting)
        for number, pose in enumerate(poses):
            for side in feet:
                block = blocks[SENSOR[side]][number]
                if len(block):
                    stage.push_foot(side, records[side][number], int(block.t_ns[-1]))
            stage.push_pelvis(pose)
        stage.flush()

    steps_times, _ = _timed(steps, repeats)

    def pipeline() -> None:
        whole = Pipeline(session, tuple(slices), params)
        for parts in zip(*slices.values(), strict=True):
            for name, samples in zip(slices, parts, strict=True):
                whole.push(name, samples)
        whole.flush()
        whole.tables()
        whole.summary()

    pipeline_times, _ = _timed(pipeline, repeats)
    return [
        Stage("intake", intake_times, total),
        Stage("foot", foot_times, foot_samples),
        Stage("fold", fold_times, foot_samples),
        Stage("pelvis", pelvis_times, seen["pelvis"]),
        Stage("steps", steps_times, total),
        Stage("pipeline", pipeline_times, total),
    ]


def _pushed(stage: Any, parts: Sequence[Any]) -> list[Any]:
    return [stage.push(part) for part in parts]


def _walls(recording: Recording, repeats: int) -> list[float]:
    """Seconds of whole `imu reprocess` processes on files that the system has in memory."""
    with tempfile.TemporaryDirectory(prefix="imu-bench-") as scratch:
        folder = Path(scratch) / "session"
        session = create_session(folder, recording.session)
        for name, setup in session.sensors.items():
            write_raw(raw_path(folder, name), name, recording.samples(name), setup=setup, version="bench")
        command = [sys.executable, "-m", "imu", "reprocess", str(folder), "--quiet"]
        walls: list[float] = []
        for _ in range(repeats + 1):
            begin_s = time.perf_counter()
            subprocess.run(command, check=True)  # noqa: S603  # this program itself, on files of its own
            walls.append(time.perf_counter() - begin_s)
        return walls[1:]
