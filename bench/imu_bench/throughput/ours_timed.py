"""Ours, asked the way that runners of peers are: `python -m imu_bench.throughput.ours_timed TASKS.json OUTCOMES.jsonl`.

Each stage is fed what the one below it gave, in slices of the length that `imu reprocess` uses. The whole pipeline
comes first: its first run compiles.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from imu.core.samples import Block, Samples
from imu.core.session import FEET, Foot, Sensor, Session, sensor_of
from imu.core.units import NS_PER_S
from imu.gait.fold import FootFold
from imu.gait.foot import FootContacts
from imu.gait.intake import Intake
from imu.gait.pelvis import PelvisPose
from imu.gait.steps import Steps
from imu.pipeline import Params, Pipeline
from imu.reprocess import SLICE_S
from imu_bench.throughput.tiling import recorded

T = TypeVar("T")

Slices = Mapping[Sensor, Sequence[Samples]]


def main() -> int:
    """One line of outcome a task."""
    tasks, outcomes = map(Path, sys.argv[1:3])
    asked = json.loads(tasks.read_text(encoding="utf-8"))
    with outcomes.open("a", encoding="utf-8") as told:
        for task in asked["tasks"]:
            timed = Timed(asked["repeats"], asked["budget_s"])
            found = whole_and_stages(Path(task["session"]), timed)
            told.write(json.dumps({**task, "error": None, "found": found, "runs": timed.runs()}) + "\n")
    return 0


class Timed:
    """How long each stage took, each time: the first run, then as many more as were asked for and fit the budget.

    Seconds of the processor, as runners of peers count them.
    """

    def __init__(self, repeats: int, budget_s: float) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._repeats, self._budget_s = repeats, budget_s

    def __call__(self, stage: str, work: Callable[[], T]) -> T:
        """Do the work again and again; what the last run gave."""
        took_s = self.seconds.setdefault(stage, [])
        while True:
            gc.collect()
            begin_s = time.process_time()
            result = work()
            took_s.append(time.process_time() - begin_s)
            # the first run may compile: it is none of the repeats
            if len(took_s) > self._repeats or (len(took_s) > 1 and sum(took_s[1:]) > self._budget_s):
                return result

    def runs(self) -> list[dict[str, float]]:
        """Seconds by stage, a run each; later ones lack the stages that were repeated less often."""
        most = max(map(len, self.seconds.values()))
        return [{name: took[k] for name, took in self.seconds.items() if k < len(took)} for k in range(most)]


def whole_and_stages(folder: Path, timed: Timed) -> dict[str, int]:
    """Time everything on one session folder; how many rows of each table there were."""
    walked = recorded(folder)
    slices: dict[Sensor, list[Samples]] = {sensor: sliced(samples) for sensor, samples in walked.samples.items()}
    most = max(map(len, slices.values()))
    even: Slices = {sensor: parts + [parts[-1][:0]] * (most - len(parts)) for sensor, parts in slices.items()}
    tables = timed("whole", lambda: _whole(walked.session, even))
    _stages(walked.session, even, timed)
    return {name: len(rows) for name, rows in tables.items()}


def sliced(samples: Samples) -> list[Samples]:
    """Cut where its clock passes the end of a slice."""
    newest = np.maximum.accumulate(samples.t_ns)
    ends_ns = np.arange(SLICE_S * NS_PER_S, newest[-1] + SLICE_S * NS_PER_S, SLICE_S * NS_PER_S)
    cuts = [0, *np.searchsorted(newest, ends_ns).tolist()]
    return [samples[first:end] for first, end in pairwise(cuts)]


def _whole(session: Session, slices: Slices) -> Mapping[str, Sequence[Any]]:
    pipeline = Pipeline(session, tuple(slices), Params())
    for parts in zip(*slices.values(), strict=True):
        for sensor, samples in zip(slices, parts, strict=True):
            pipeline.push(sensor, samples)
    pipeline.flush()
    pipeline.summary()
    return pipeline.tables()


def _stages(session: Session, slices: Slices, timed: Timed) -> None:
    params = Params()
    feet: list[Foot] = [foot for foot in FEET if sensor_of(foot) in slices]

    def intake() -> dict[Sensor, list[Block]]:
        return {name: _pushed(Intake(params.intake, session.sensors[name].rate_hz), slices[name]) for name in slices}

    blocks = timed("intake", intake)

    def foot() -> dict[Foot, list[np.ndarray]]:
        found: dict[Foot, list[np.ndarray]] = {}
        for side in feet:
            setup = session.sensors[sensor_of(side)]
            found[side] = _pushed(FootContacts(params.foot, setup.rate_hz, setup.mounting), blocks[sensor_of(side)])
        return found

    records = timed("foot", foot)

    def fold() -> None:
        for side in feet:
            _pushed(FootFold(side), records[side])

    timed("fold", fold)
    worn = session.sensors.get("pelvis") if "pelvis" in slices else None
    poses: list[np.ndarray] = []
    if worn is not None:
        rate_hz = worn.rate_hz
        poses = timed("pelvis", lambda: _pushed(PelvisPose(params.pelvis, rate_hz), blocks["pelvis"]))

    def steps() -> None:
        mounting = None if worn is None else worn.mounting
        stage = Steps(params.steps, feet=feet, pelvis=worn is not None, mounting=mounting)
        for number in range(len(blocks[sensor_of(feet[0])])):
            for side in feet:
                block = blocks[sensor_of(side)][number]
                if len(block):
                    stage.push_foot(side, records[side][number], int(block.t_ns[-1]))
            if worn is not None:
                stage.push_pelvis(poses[number])
        stage.flush()

    timed("steps", steps)


def _pushed(stage: Any, parts: Sequence[Any]) -> list[Any]:
    return [stage.push(part) for part in parts]


if __name__ == "__main__":
    sys.exit(main())
