"""`imu import`: text files of other systems become a session."""

import argparse
from pathlib import Path
from shlex import quote
from typing import Final

from imu.store.import_csv import import_csv

EXAMPLES: Final = """\
the map says which column is what, for example walk.toml:
  [session]
  subject = "S01"
  session = "2026-11-21"

  [sensors.foot_left]
  rate_hz = 100
  t = { column = "time", unit = "ms" }
  acc = { columns = ["ax", "ay", "az"], unit = "g" }
  gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }

examples:
  imu import left.csv right.csv --map walk.toml --out clinic
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="text files with columns of numbers")
    parser.add_argument("--map", required=True, type=Path, metavar="MAP.toml", help="which column is what")
    parser.add_argument("--out", required=True, type=Path, metavar="STORE", help="where the session goes")
    parser.add_argument("--quiet", action="store_true", help="say nothing but what failed")


def run(args: argparse.Namespace) -> int:
    """Write the session and say what to do next."""
    folder = import_csv(args.files, args.map, args.out)
    if args.quiet:
        return 0
    print(f"{folder} holds the session")
    print(f"next: imu inspect {quote(str(folder))}")
    print(f"      imu reprocess {quote(str(folder))}")
    return 0
