"""`imu-bench peers`: detectors of others, each in an environment of its own."""

import argparse
import sys
from typing import Final

from imu.cli.terminal import aligned
from imu_bench.defaults import say

EXAMPLES: Final = """\
examples:
  imu-bench peers list
  imu-bench peers install                 all of them, from the package index that pip uses
  imu-bench peers install gaitmap vqf

Their code is never imported here: each runs as a process of its own, that reads a session folder and writes files.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    asked = parser.add_subparsers(dest="asked", metavar="COMMAND", required=True)
    asked.add_parser("list", help="what there is, and whether it is installed", allow_abbrev=False)
    install = asked.add_parser("install", help="make their environments", allow_abbrev=False)
    install.add_argument("names", nargs="*", metavar="NAME", help="of environments (default: all)")


def run(args: argparse.Namespace) -> int:
    """List or install; 1 if one could not be installed."""
    if args.asked == "install":
        from imu_bench.peers.install import install  # noqa: PLC0415

        # a line on each is told on the way
        return 1 if install(args.names, tell=say) else 0
    from imu_bench.peers.catalog import entries  # noqa: PLC0415
    from imu_bench.peers.install import available  # noqa: PLC0415

    there = available()
    rows = [("environment", "", "licence", "detector", "")]
    rows += [
        (
            one.environment.name,
            "installed" if there[one.environment.name] else "not installed",
            one.environment.licence,
            one.name,
            one.title,
        )
        for one in entries()
    ]
    sys.stdout.write("\n".join(aligned(rows, left=5)) + "\n")
    return 0
