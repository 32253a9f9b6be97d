"""`imu-bench speed`: how fast, ours and peers side by side, in one run, on one core."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from imu.core.canonical import canonical_json
from imu.core.errors import UsageError
from imu.store.atomic import write_bytes
from imu_bench.defaults import OUT, say

SPEED: Final = "speed.json"
EXAMPLES: Final = """\
examples:
  imu-bench speed
  imu-bench speed --minutes 10 --growth 1 10 --no-peers     a first look
  imu-bench speed --session walks/monday                    that recording instead of a simulated one

Figures are of this machine, and of what else it did meanwhile: leave it alone.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("--out", type=Path, default=OUT, metavar="OUT", help=f"speed.json goes there (default {OUT})")
    parser.add_argument("--session", type=Path, metavar="FOLDER", help="tile this one (default: a simulated one)")
    parser.add_argument(
        "--minutes", type=float, nargs="+", default=(10.0, 60.0), metavar="M", help="lengths (default 10 60)"
    )
    parser.add_argument(
        "--growth",
        type=float,
        nargs="+",
        default=(1.0, 10.0, 60.0, 480.0),
        metavar="M",
        help="lengths at which memory is watched (default 1 10 60 480)",
    )
    parser.add_argument("--repeats", type=int, default=5, help="warm runs of each (default 5)")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")


def run(args: argparse.Namespace) -> int:
    """Measure, write and tell."""
    if min(*args.minutes, *args.growth) <= 0 or args.repeats < 1:
        raise UsageError(
            f"--minutes {min(args.minutes):g}, --growth {min(args.growth):g}, --repeats {args.repeats};"
            " want to be positive, all of them"
        )
    measured(
        args.out,
        session=args.session,
        minutes=args.minutes,
        growth_minutes=args.growth,
        repeats=args.repeats,
        peers=not args.no_peers,
    )
    return 0


def measured(
    out: Path,
    *,
    session: Path | None = None,
    minutes: Sequence[float],
    growth_minutes: Sequence[float],
    repeats: int,
    peers: bool = True,
) -> None:
    """Measure as `imu_bench.throughput.timing`, write speed.json, and tell."""
    # wrong usage is told at once
    from imu_bench.throughput.timing import measure, report  # noqa: PLC0415

    result = measure(session, minutes=minutes, growth_minutes=growth_minutes, repeats=repeats, peers=peers, tell=say)
    path = out / SPEED
    write_bytes(path, canonical_json(result, indent=2).encode())
    sys.stdout.write(f"{report(result).rstrip()}\n{path}\n")
