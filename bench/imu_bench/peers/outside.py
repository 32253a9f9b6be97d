"""A peer as a detector: tasks go to its own interpreter as a file, predictions come back as files."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imu_bench.detector import About, Task
from imu_bench.peers.catalog import Entry
from imu_bench.peers.install import python_of, versions
from imu_bench.peers.reasons import without_paths

ONE_THREAD: Final[Mapping[str, str]] = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR")
}
OF_OURS: Final = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT")
"""Variables that would carry something of this environment into the other."""
LIMIT_S: Final = 600.0
"""How long a session may take."""
LOOK_S: Final = 0.2
IN_VAIN: Final = 3
"""A peer whose process ends so often in a row without one answer is given up."""
LINE: Final = 200


class Outcomes:
    """What a runner told, by session; a session that it did not reach is not in it."""

    def __init__(self, told: Sequence[Mapping[str, Any]], stopped: str | None) -> None:
        self.told = {(str(one["session"]), str(one["predictions"])): one for one in told}
        self.stopped = stopped
        """Why the runner did not come to its end; None if it did."""

    def of(self, task: Task) -> Mapping[str, Any] | None:
        return self.told.get((str(task.session), str(task.predictions)))


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables for a peer's process: one thread, nothing of ours, and `more`."""
    kept = {name: value for name, value in os.environ.items() if name not in OF_OURS}
    return {**kept, **ONE_THREAD, "MPLBACKEND": "Agg", **(more or {})}


def call(
    command: Sequence[str],
    tasks: Sequence[Task],
    *,
    options: Mapping[str, Any] | None = None,
    repeats: int = 0,
    budget_s: float = math.inf,
    variables: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> Outcomes:
    """Run `command TASKS.json OUTCOMES.jsonl`, the way of all runners, once.

    Args:
        command: an interpreter and a runner.
        tasks: what the runner reads.
        options: what it is told beside them.
        repeats: how often each task is done again for its times.
        budget_s: when no more is repeated, once each was repeated once.
        variables: of its process, in place of this one's.
        limit_s: for each task, and for what is imported first; who takes longer is stopped.
    """
    with tempfile.TemporaryDirectory(prefix="imu-bench-") as scratch:
        asked, answers = Path(scratch) / "tasks.json", Path(scratch) / "outcomes.jsonl"
        wanted = [{"session": str(task.session), "predictions": str(task.predictions)} for task in tasks]
        document = {
            "options": dict(options or {}),
            "repeats": repeats,
            "budget_s": min(budget_s, sys.float_info.max),
            "tasks": wanted,
        }
        asked.write_text(json.dumps(document), encoding="utf-8")
        stopped = _watched([*command, str(asked), str(answers)], Path(scratch), answers, variables, limit_s)
        told = [json.loads(line) for line in _whole_lines(answers)]
    return Outcomes(told, stopped)


def _watched(
    command: Sequence[str], scratch: Path, answers: Path, variables: Mapping[str, str] | None, limit_s: float
) -> str | None:
    """Run to its end, or until no answer came for too long; the reason if it did not end well."""
    complaints = scratch / "stderr"
    try:
        with complaints.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603  # our own runner, by an interpreter that we made
                command,
                cwd=scratch,
                env=None if variables is None else dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
    except OSError as error:
        return f"did not start: {error.strerror or error}"
    with process:
        try:
            if not _ends(process, answers, limit_s):
                return f"took longer than {limit_s:.0f} s"
        finally:
            # told to stop as well, by Ctrl-C or by who waits for this process: nobody would read what it goes on to say
            process.kill()
            process.wait()
    if process.returncode == 0:
        return None
    lines = [line for line in complaints.read_text("utf-8", "replace").splitlines() if line.strip()]
    # paths first, for a line is cut where they end
    reason = without_paths(lines[-1].strip())[:LINE] if lines else "it gave no reason"
    return f"ended with exit {process.returncode}: {reason}"


def _ends(process: "subprocess.Popen[bytes]", answers: Path, limit_s: float) -> bool:
    """Whether it does, before no answer came for too long."""
    said, since_s = -1, time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
            return True
        size = answers.stat().st_size if answers.exists() else -1
        if size != said:
            said, since_s = size, time.monotonic()
        elif time.monotonic() - since_s > limit_s:
            return False


def _whole_lines(path: Path) -> Iterator[str]:
    """What stands in it, but for a line that was broken off."""
    if path.exists():
        yield from (line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n"))


@dataclass(frozen=True, slots=True)
class Peer:
    """One detector of peers.toml; an `Outside`."""

    entry: Entry
    python: Path

    @classmethod
    def installed(cls, entry: Entry) -> "Peer":
        return cls(entry, python_of(entry.environment.name))

    @property
    def about(self) -> About:
        """Versions are those that its environment has now."""
        entry = self.entry
        return About(
            name=entry.name,
            title=entry.title,
            source=entry.source,
            licence=entry.environment.licence,
            packages=versions(entry.environment.name, entry.shows),
        )

    @property
    def command(self) -> tuple[str, ...]:
        """What `call` runs."""
        return (str(self.python), str(self.entry.runner))

    def run(self, tasks: Sequence[Task]) -> Mapping[Task, str]:
        """Predictions of each; who breaks the runner's process costs nobody else anything."""
        failed: dict[Task, str] = {}
        left, in_vain = list(tasks), 0
        while left:
            outcomes = call(self.command, left, options=self.entry.options, variables=environment())
            reached = {task: told for task in left if (told := outcomes.of(task)) is not None}
            failed |= {task: str(told["error"]) for task, told in reached.items() if told["error"] is not None}
            left = [task for task in left if task not in reached]
            if not left:
                break
            reason = f"{self.entry.name} {outcomes.stopped or 'ended before it came to this session'}"
            in_vain = 0 if reached else in_vain + 1
            lost = len(left) if in_vain == IN_VAIN else 1
            failed |= dict.fromkeys(left[:lost], reason)
            left = left[lost:]
        return failed
