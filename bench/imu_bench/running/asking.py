"""One recording through detectors, in whichever process: what they say is written, what they raise is told."""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, TypeVar

from imu.cli.boundary import InternalError, no_traceback, one_line
from imu.core.errors import RetrogaitError, UsageError
from imu.store.folder import SESSION_FILE
from imu_bench.detector import Detector, Heard, Outside, Task
from imu_bench.detectors.registry import detector
from imu_bench.peers.reasons import without_paths
from imu_bench.predictions import read_predictions, write_predictions
from imu_bench.running.feed import found_by, undated
from imu_bench.running.heard import handed, hear, lay
from imu_bench.running.ledger import folder_of
from imu_bench.running.perturb import perturbed
from imu_bench.running.scenario import Scenario

LINE: Final = 300
"""Characters of a reason."""
UNREADABLE: Final = "its recording can't be read, or not be made worse so"

T = TypeVar("T")

_loaded = cache(detector)
"""Once a process."""


class Answered(NamedTuple):
    """That a detector was asked about a session of a scenario."""

    scenario: str
    detector: str
    session: str
    reason: str | None
    """In one line, if it failed."""


Outcome: TypeAlias = list[Answered]


@dataclass(frozen=True, slots=True)
class Recording:
    """One session of a scenario, for every detector of this process that has not been through it."""

    scenario: Scenario
    session: str
    folder: Path
    seed: int
    out: Path
    detectors: tuple[tuple[str, str], ...]
    """What the registry finds them by, and their names."""
    laid: Path | None
    """Where others want it as a session folder."""

    def killed(self, reason: str) -> Outcome:
        """Nobody has answered."""
        return [Answered(self.scenario.id, name, self.session, reason) for _, name in self.detectors]


@dataclass(frozen=True, slots=True)
class Errand:
    """All that a detector outside has to do of one data set."""

    word: str
    name: str
    tasks: tuple[tuple[str, str, Path], ...]
    """Id of the scenario, session, and where it lies blinded; not there if it can't be read."""
    out: Path
    scratch: Path

    def killed(self, reason: str) -> Outcome:
        """Nobody has answered."""
        return [Answered(scenario, self.name, session, reason) for scenario, session, _ in self.tasks]


def answer(work: Recording | Errand, progress: Callable[[float], None]) -> Outcome:
    """Ask, write what is said, and tell who failed."""
    return _of_recording(work, progress) if isinstance(work, Recording) else _of_errand(work)


def _of_recording(work: Recording, progress: Callable[[float], None]) -> Outcome:
    try:
        known = [path for path in (work.folder, work.laid) if path is not None]
        heard = _guarded(lambda: _read(work), known=dict.fromkeys(known, work.session))
    except _Failed as failure:
        return work.killed(failure.reason)
    outcome: Outcome = []
    for place, (word, name) in enumerate(work.detectors):
        folder = folder_of(work.out, work.scenario.id, name) / work.session
        reason = _reason(lambda word=word, folder=folder: _ask(_loaded(word), handed(heard), folder), folder)
        outcome.append(Answered(work.scenario.id, name, work.session, reason))
        progress((place + 1) / len(work.detectors))
    return outcome


def _read(work: Recording) -> Heard:
    heard = perturbed(
        hear(work.folder),
        work.scenario.perturbation,
        seed=work.seed,
        scenario=work.scenario.id,
        session=work.session,
    )
    if work.laid is not None:
        lay(heard, work.laid)
    return heard


def _ask(found: Detector, heard: Heard, folder: Path) -> None:
    if isinstance(found, Outside):
        raise TypeError(f"{found.about.name} works on files; want one that takes samples")
    write_predictions(folder, found_by(found, heard))


def _of_errand(work: Errand) -> Outcome:
    tasks = {
        Task(laid, work.scratch / str(place)): folder_of(work.out, scenario, work.name) / session
        for place, (scenario, session, laid) in enumerate(work.tasks)
    }
    # what could not be read could not be laid out either
    there = [task for task in tasks if (task.session / SESSION_FILE).exists()]
    try:
        failed = _guarded(lambda: dict(_outside(work.word).run(there)), known={work.scratch: work.name})
    except _Failed as failure:
        return work.killed(failure.reason)
    outcome: Outcome = []
    for (scenario, session, _), (task, target) in zip(work.tasks, tasks.items(), strict=True):
        if task not in there:
            reason = UNREADABLE
        elif task in failed:
            reason = _short(failed[task], dict.fromkeys([task.session, task.predictions], session))
        else:
            reason = _reason(lambda task=task, target=target: _take(task.predictions, target), target)
        outcome.append(Answered(scenario, work.name, session, reason))
    shutil.rmtree(work.scratch, ignore_errors=True)
    return outcome


def _outside(word: str) -> Outside:
    found = _loaded(word)
    if not isinstance(found, Outside):
        raise TypeError(f"{found.about.name} takes samples; want one that works on files")
    return found


def _take(source: Path, target: Path) -> None:
    """Predictions that somebody else wrote, checked; nobody stood by with a clock."""
    if not source.is_dir():
        raise UsageError("it wrote no predictions, and gave no reason; want a folder of tables, if need be empty ones")
    write_predictions(target, undated(read_predictions(source)))


class _Failed(Exception):
    """One session; the others go on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _reason(work: Callable[[], None], folder: Path) -> str | None:
    """Why it failed; then nothing of it stays in `folder`."""
    try:
        _guarded(work, known={folder: folder.name})
    except _Failed as failure:
        shutil.rmtree(folder, ignore_errors=True)
        return failure.reason
    return None


def _guarded(work: Callable[[], T], *, known: Mapping[Path, str]) -> T:
    """What it returns; whatever it raises becomes one line.

    Raises:
        _Failed: with that line.
    """
    try:
        with no_traceback():
            return work()
    except (RetrogaitError, OSError) as error:
        # of a detector's own mistake its class is told, for who wrote it knows it by that
        cause = error.__cause__ if isinstance(error, InternalError) else None
        text = str(error) if cause is None else f"{type(cause).__name__}: {cause}"
        raise _Failed(_short(text, known)) from None


def _short(text: str, known: Mapping[Path, str]) -> str:
    """One line, the same on every machine: no path of this one. What lies in a known folder goes by its path there."""
    for path, name in known.items():
        text = text.replace(f"{path}{os.sep}", "")
        # sessions/1 does not begin sessions/12
        text = re.sub(rf"{re.escape(str(path))}\b", lambda _, name=name: name, text)
    line = one_line(without_paths(text))
    return line if len(line) <= LINE else f"{line[: LINE - 3]}..."
