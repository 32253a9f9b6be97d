"""`imu-bench run`: detectors through scenarios, and what they found held against the truth."""

import argparse
import os
import sys
from pathlib import Path
from shlex import quote
from typing import Final

from imu.cli.terminal import counted
from imu.core.errors import UsageError
from imu_bench.commands.speed import SPEED, measured
from imu_bench.defaults import OUT, say

EXAMPLES: Final = """\
examples:
  imu-bench run simulated/all                              nothing is needed for it
  imu-bench run --all                                      every data set at hand; minutes without peers
  imu-bench run ipol/all bandai/backward+rate-50 --detectors ours,naive
  imu-bench run gaitmap/all --detectors mine:Detector      one of your own, in mine.py here
  imu-bench run --all --sessions walks --private           recordings of your own, with truth beside them

Originals are looked for in $IMU_DATA_DIR/originals/NAME. What was found before, in the same files by the same
program, is not looked for again.

exit code: 0 all were run (a detector that fails on a session is part of the result: see accuracy.json),
1 something was not there, or a detector that was asked for by name failed throughout, 2 wrong usage
"""
SHOWN: Final = 10
"""So many failures are told one by one."""
MINUTES: Final = (10.0,)
GROWTH_MINUTES: Final = (1.0, 10.0, 60.0, 480.0)
REPEATS: Final = 3
"""Of throughput: imu-bench speed takes its time."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="as imu-bench list names them")
    parser.add_argument("--all", action="store_true", help="all of imu-bench list, of every data set that is at hand")
    parser.add_argument(
        "--detectors",
        metavar="NAMES",
        help="names, or ours, naive, peers, others, cheats, with commas between, or MODULE:ATTRIBUTE"
        " (default: all but cheats that are installed)",
    )
    parser.add_argument(
        "--sessions",
        nargs="+",
        metavar="FOLDER",
        help="session folders, or folders of them, in place of originals; by name up to the first dash",
    )
    parser.add_argument(
        "--private", action="store_true", help="also what may be shown to nobody; the results then say that they are"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is random (default %(default)s)")
    parser.add_argument("--resamples", type=int, default=1000, metavar="N", help="for intervals (default %(default)s)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: 2, or 1 where there is one CPU)")
    parser.add_argument(
        "--speed",
        action=argparse.BooleanOptionalAction,
        help="measure throughput as well, briefly, unless OUT has a speed.json (default: with --all)",
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="OUT", help="where it goes (default %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Predict, score and tell."""
    _check(args)
    # wrong usage is told at once
    from imu_bench.detectors.registry import USUAL, chosen, detector  # noqa: PLC0415
    from imu_bench.running.choose import choose  # noqa: PLC0415
    from imu_bench.running.predict import WORKERS, predict  # noqa: PLC0415
    from imu_bench.scoring.score import write_accuracy  # noqa: PLC0415

    words = USUAL if args.detectors is None else [word for word in args.detectors.split(",") if word]
    detectors = chosen(words)
    if not detectors:
        raise UsageError(f"--detectors {args.detectors} names none; want at least one (see imu-bench list)")
    for word in detectors:
        # before anything takes long
        detector(word)
    scenarios = choose(
        args.scenarios, everything=args.all, sessions=args.sessions, private=args.private, out=args.out, tell=say
    )
    workers = args.workers or min(WORKERS, os.cpu_count() or 1)
    done = predict(scenarios, detectors, args.out, seed=args.seed, workers=workers, tell=say)
    for failure in done.failures[:SHOWN]:
        say(f"{failure.scenario}: {failure.detector}: {failure.session}: {failure.reason}")
    if len(done.failures) > SHOWN:
        say(f"and {len(done.failures) - SHOWN} more failures: see failed in accuracy.json")
    asked = {
        "everything": args.all,
        "scenarios": list(args.scenarios),
        "given_sessions": args.sessions is not None,
        "detectors": None if args.detectors is None else words,
        "private": args.private,
    }
    path = write_accuracy(
        args.out,
        scenarios,
        seed=args.seed,
        resamples=args.resamples,
        private=args.private,
        asked=asked,
        say=say,
    )
    told = f"{counted(len(scenarios), 'scenario')}, {counted(len(detectors), 'detector')}"
    kept = f", {done.before} as found before" if done.before else ""
    sys.stdout.write(f"{path}: {told}; {counted(done.now, 'prediction')} made{kept}\n")
    sys.stdout.write(f"next: imu-bench report{'' if args.out == OUT else f' --out {quote(str(args.out))}'}\n")
    if (args.all if args.speed is None else args.speed) and not (args.out / SPEED).exists():
        measured(args.out, minutes=MINUTES, growth_minutes=GROWTH_MINUTES, repeats=REPEATS)
    if args.detectors is not None and done.throughout:
        say(f"failed throughout: {', '.join(done.throughout)}")
        return 1
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.all and args.scenarios:
        raise UsageError(f"got --all and {args.scenarios[0]}; want one or the other")
    if not (args.all or args.scenarios or args.sessions):
        raise UsageError("want scenarios, or --all, or --sessions (see imu-bench list)")
    if args.seed < 0:
        raise UsageError(f"--seed is {args.seed}; want a whole number from 0 on")
    if args.resamples < 1:
        raise UsageError(f"--resamples is {args.resamples}; want at least 1")
    if args.workers is not None and args.workers < 1:
        raise UsageError(f"--workers is {args.workers}; want at least 1")
