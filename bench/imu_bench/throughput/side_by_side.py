"""One run of the timing: its recordings, and each pipeline in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from imu.core.errors import RetrogaitError
from imu.core.session import FOOT_SENSORS, SENSORS, Sensor
from imu_bench.detector import Task
from imu_bench.peers.catalog import Entry
from imu_bench.peers.outside import ONE_THREAD, Peer, call, environment
from imu_bench.throughput.tiling import Walked, tile

OURS: Final = "retrogait"
WHOLE: Final = "whole"
REPROCESS: Final = "reprocess"
BUDGET_S: Final = 30.0
"""No run is repeated for longer than this, if it was repeated once."""
LIMIT_S: Final = 3600.0
LOOKS_AT: Final[Mapping[str, tuple[Sensor, ...]]] = {
    "foot": FOOT_SENSORS,
    "fold": FOOT_SENSORS,
    "pelvis": ("pelvis",),
}
"""Stages of ours that do not see all sensors."""

Tell = Callable[[str], None]


class CannotTime(RetrogaitError, RuntimeError):
    """Our own pipeline did not come to its end."""


@contextmanager
def one_core() -> Generator[int | None]:
    """Everything that is started inside runs on one core, the last of those that we may use; None where the system
    has no such thing.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield max(before)
    finally:
        os.sched_setaffinity(0, before)


class Bench:
    """One run: its scratch folder, what is repeated, and what was told on the way."""

    def __init__(self, scratch: Path, walked: Walked, repeats: int, tell: Tell, *, cold: bool = True) -> None:
        self._scratch, self._walked, self._repeats, self._tell = scratch, walked, repeats, tell
        self._made: dict[float, Path] = {}
        self._caches = 0
        self._ready = {**os.environ, **ONE_THREAD}
        """Variables of processes of ours: one thread, and compiled code where the first of them leaves it."""
        if cold:
            self._ready["NUMBA_CACHE_DIR"] = self._new_cache()
        self._compiled = not cold

    def recording(self, minutes: float) -> Path:
        """The session folder of a length, made once."""
        if minutes not in self._made:
            self._tell(f"{minutes:g} minutes: making the recording")
            folder = self._scratch / f"{minutes:g}"
            tile(self._walked, minutes, folder)
            self._made[minutes] = folder
        return self._made[minutes]

    def ours(self, folder: Path, minutes: float) -> list[dict[str, Any]]:
        """The whole in memory, its stages, and `imu reprocess`."""
        self._tell(f"{minutes:g} minutes: {OURS}")
        task = Task(folder, folder / "predictions")
        command = (sys.executable, "-m", "imu_bench.throughput.ours_timed")
        outcomes = call(
            command,
            [task],
            repeats=self._repeats,
            budget_s=BUDGET_S,
            variables=self._ready,
            limit_s=LIMIT_S,
        )
        told = outcomes.of(task)
        if told is None:
            raise CannotTime(f"{OURS} {outcomes.stopped}")
        worn = list(self._walked.samples)
        seen: dict[str, Sequence[Sensor]] = {
            str(stage): [sensor for sensor in worn if sensor in LOOKS_AT.get(stage, worn)] for stage in told["runs"][0]
        }
        return [*self._pipelines(OURS, minutes, told, seen), self._reprocess(folder, minutes)]

    def peer(self, entry: Entry, folder: Path, minutes: float) -> tuple[list[dict[str, Any]], str | None]:
        """The whole in memory, and its stages; or why there is nothing."""
        self._tell(f"{minutes:g} minutes: {entry.name}")
        task = Task(folder, self._scratch / entry.name)
        outcomes = call(
            Peer.installed(entry).command,
            [task],
            options=entry.options,
            repeats=self._repeats,
            budget_s=BUDGET_S,
            variables=environment({"NUMBA_CACHE_DIR": self._new_cache()}),
            limit_s=LIMIT_S,
        )
        told = outcomes.of(task)
        if told is None or told["error"] is not None:
            return [], str(outcomes.stopped if told is None else told["error"])
        looked_at: list[Sensor] = [sensor for sensor in SENSORS if sensor in told["sensors"]]
        seen: dict[str, Sequence[Sensor]] = {str(stage): looked_at for stage in told["runs"][0]}
        return self._pipelines(entry.name, minutes, told, seen), None

    def growth(self, minutes: float) -> dict[str, Any]:
        """Seconds and memory of one recording from Parquet to Parquet, block by block; nothing is left to compile."""
        folder = self.recording(minutes)
        self._tell(f"{minutes:g} minutes: imu reprocess, time and memory")
        command = [sys.executable, "-m", "imu_bench.throughput.growth", str(folder), str(folder)]
        if not self._compiled:
            self._told(command)
            self._compiled = True
        told = self._told(command)
        return {"minutes": minutes, "samples": self._samples(minutes, list(self._walked.samples)), **told}

    def _told(self, command: Sequence[str]) -> dict[str, Any]:
        ended = subprocess.run(  # noqa: S603  # ourselves
            command, env=self._ready, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise CannotTime(f"{OURS} ended with exit {ended.returncode}: {ended.stderr.strip()[-200:]}")
        return dict(json.loads(ended.stdout))

    def _reprocess(self, folder: Path, minutes: float) -> dict[str, Any]:
        """Whole processes of `imu reprocess`; nothing is left to compile."""
        command = [sys.executable, "-m", "imu", "reprocess", str(folder), "--quiet"]
        took_s: list[float] = []
        while len(took_s) <= self._repeats and (len(took_s) < 2 or sum(took_s[1:]) < BUDGET_S):
            begin_s = time.perf_counter()
            subprocess.run(command, check=True, env=self._ready)  # noqa: S603  # this program itself
            took_s.append(time.perf_counter() - begin_s)
        made = self._pipeline(OURS, REPROCESS, minutes, took_s, list(self._walked.samples))
        return {**made, "cold_s": None}

    def _pipelines(
        self, name: str, minutes: float, told: Mapping[str, Any], seen: Mapping[str, Sequence[Sensor]]
    ) -> list[dict[str, Any]]:
        stages = [WHOLE, *(stage for stage in told["runs"][0] if stage not in (WHOLE, "read"))]
        made = [
            self._pipeline(name, stage, minutes, [run[stage] for run in told["runs"] if stage in run], seen[stage])
            for stage in stages
        ]
        made[0] |= {"import_s": told.get("import_s"), "found": dict(told["found"])}
        if name == OURS:
            # compiled once in a run: by the whole at the first length, before its stages were looked at
            first = 1 if not self._compiled else 0
            made[first:] = [{**stage, "cold_s": None} for stage in made[first:]]
            self._compiled = True
        return made

    def _pipeline(
        self, name: str, stage: str, minutes: float, took_s: Sequence[float], seen: Sequence[Sensor]
    ) -> dict[str, Any]:
        warm_s, samples = sorted(took_s[1:] or took_s), self._samples(minutes, seen)
        middle_s = median(warm_s)
        return {
            "detector": name,
            "stage": stage,
            "minutes": minutes,
            "sensors": list(seen),
            "samples": samples,
            "cold_s": took_s[0],
            "warm_s": [warm_s[0], middle_s, warm_s[-1]],
            "warm_runs": len(took_s) - 1,
            "sensor_samples_per_s": samples / middle_s,
            "times_real_time": 60.0 * minutes / middle_s,
        }

    def _samples(self, minutes: float, seen: Sequence[Sensor]) -> int:
        """Rows of those sensors in so many minutes, to within one repeat's rounding."""
        repeats = 60.0 * minutes / self._walked.seconds
        return round(sum(len(self._walked.samples[sensor]) for sensor in seen) * repeats)

    def _new_cache(self) -> str:
        """A folder for compiled code that holds none."""
        self._caches += 1
        return str(self._scratch / f"cache-{self._caches}")
