"""`imu reprocess`: recorded sessions to tables, one line a session."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from imu.cli.boundary import no_traceback, one_line
from imu.cli.fan_out import fan_out
from imu.cli.terminal import Bar, counted, duration_text, percent_text
from imu.cli.warmup import warm_up_once
from imu.core.canonical import canonical_json
from imu.core.errors import RetrogaitError, UsageError
from imu.core.tables import ANALYSIS
from imu.kernels._jit import start_without_scipy
from imu.reprocess import Job, plan, reprocess

EXAMPLES: Final = """\
examples:
  imu reprocess walks/monday              writes walks/monday/analysis/
  imu reprocess clinic --out results      every session of a store, into another store
  imu reprocess 'walks/*' --json          one JSON line a session

exit code: 0 all were analysed, 1 some failed (the others are written), 2 wrong usage
"""

WORTH_A_WORKER_BYTES: Final = 20_000_000
"""So much raw data, 40 minutes of three sensors, is analysed by the time that another process is ready."""
KILLED: Final = "its process was killed, twice; want the memory that a session takes (out of memory?)"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one job, in plain values that any process can hand to another."""

    subject: str | None = None
    session: str | None = None
    summary: dict[str, Any] | None = None
    error: str | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("sessions", nargs="+", metavar="SESSION", help="a session folder, a folder of them, or a glob")
    parser.add_argument(
        "--out", type=Path, metavar="STORE", help="write there instead of beside the raw data, by subject and session"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="how many processes; else as many as pay and there are CPUs",
    )
    parser.add_argument(
        "--all-samples", action="store_true", help="use samples too that came too late for the live analysis"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but what failed")
    parser.add_argument("--json", action="store_true", help="one JSON line a session on stdout")


def run(args: argparse.Namespace) -> int:
    """Analyse all that can be analysed; 1 if anything failed."""
    if args.workers is not None and args.workers < 1:
        raise UsageError(f"--workers is {args.workers}; want at least 1")
    begin_s = time.monotonic()
    start_without_scipy()
    jobs = plan(args.sessions, args.out)
    able, failed = [job for job in jobs if job.error is None], 0
    if able:
        # else every process would compile the same kernels
        warm_up_once()
    with Bar(len(able)) as bar, closing(_results(jobs, args, bar)) as results:
        for job, result in results:
            bar.clear()
            failed += result.error is not None
            _tell(job, result, args)
    if not (args.quiet or args.json):
        print(_closing_line(len(jobs), failed, time.monotonic() - begin_s, args.out))
    return 1 if failed else 0


def _results(jobs: list[Job], args: argparse.Namespace, bar: Bar) -> Generator[tuple[Job, Result]]:
    """In the order of the jobs, however many processes there are."""
    able = [job for job in jobs if job.error is None]
    workers = args.workers or _worthwhile(able)
    work = partial(_analyse, all_samples=args.all_samples)
    waiting: dict[int, Result] = {}
    with closing(fan_out(work, able, workers=workers, told=bar.update)) as finished:
        place = 0
        for job in jobs:
            if job.error is not None:
                yield job, Result(error=one_line(job.error))
                continue
            while place not in waiting:
                done, result = next(finished)
                waiting[done] = result or Result(error=KILLED)
            yield job, waiting.pop(place)
            place += 1


def _worthwhile(jobs: list[Job]) -> int:
    files = [file for job in jobs if job.source is not None for file in (job.source / "raw").glob("*.parquet")]
    # lstat: a link that leads nowhere is its own session's failure
    size = sum(file.lstat().st_size for file in files)
    return max(1, min(os.cpu_count() or 1, len(jobs), size // WORTH_A_WORKER_BYTES))


def _analyse(job: Job, progress: Callable[[float], None], *, all_samples: bool) -> Result:
    """One session, in whichever process; what it is refused for is part of the result."""
    if job.source is None or job.target is None:
        raise ValueError(f"{job} has no source or no target; want a job without error")
    try:
        with no_traceback():
            outcome = reprocess(job.source, job.target, all_samples=all_samples, progress=progress)
    except (RetrogaitError, OSError) as error:
        return Result(error=one_line(error))
    return Result(outcome.session.subject, outcome.session.session, outcome.summary)


def _tell(job: Job, result: Result, args: argparse.Namespace) -> None:
    if result.error is not None:
        # an error without a source names its path itself
        where = "" if job.source is None else f"{job.source}: "
        print(f"imu: {where}{result.error}", file=sys.stderr)
    if args.json:
        print(canonical_json(_document(job, result)), flush=True)
    elif result.summary is not None and not args.quiet:
        print(_line(result), flush=True)


def _document(job: Job, result: Result) -> dict[str, Any]:
    document: dict[str, Any] = {
        "source": None if job.source is None else str(job.source),
        "target": None if job.target is None else str(job.target),
        "subject": result.subject,
        "session": result.session,
        "ok": result.error is None,
        "error": result.error,
    }
    if result.summary is not None:
        document |= {**_counts(result.summary), "duration_s": result.summary["duration_s"]}
        document |= {"samples": _total(result.summary, "samples"), "lost": _total(result.summary, "lost")}
    return document


def _counts(summary: dict[str, Any]) -> dict[str, int]:
    return {table.name: sum(part[table.name] for part in summary["directions"].values()) for table in ANALYSIS}


def _total(summary: dict[str, Any], count: str) -> int:
    return sum(sensor[count] for sensor in summary["sensors"].values())


def _line(result: Result) -> str:
    summary = result.summary or {}
    found = ", ".join(counted(n, name.removesuffix("s")) for name, n in _counts(summary).items())
    samples, lost = _total(summary, "samples"), _total(summary, "lost")
    parts = [f"{found} in {duration_text(summary['duration_s'])}"]
    parts.append(f"lost {lost} of {counted(samples + lost, 'sample')} ({percent_text(lost / (samples + lost))})")
    late = sum(repairs.get("late", 0) for repairs in summary["repairs"].values())
    if late:
        parts.append(f"dropped {counted(late, 'late row')}")
    parts += [f"{left_out['what']}: {left_out['why']}" for left_out in summary["left_out"] if _is_sensor(left_out)]
    return f"{result.subject} {result.session}: {'; '.join(parts)}"


def _is_sensor(left_out: dict[str, str]) -> bool:
    return not left_out["what"].startswith("directions.")


def _closing_line(jobs: int, failed: int, elapsed_s: float, out: Path | None) -> str:
    done = f"{counted(jobs - failed, 'session')} analysed in {duration_text(elapsed_s)}"
    if failed:
        done += f", {failed} failed (see above)"
    if jobs == failed:
        return done
    return f"{done}; tables are in {'analysis/ beside the raw data' if out is None else out}"
