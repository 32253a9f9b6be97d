"""`imu recover`: the log that a live session left becomes a session, as far as whole frames go."""

import argparse
from pathlib import Path
from shlex import quote
from typing import Final

from imu.cli.outcome import told
from imu.cli.terminal import Bar, counted
from imu.live.recover import recover

EXAMPLES: Final = """\
examples:
  imu recover clinic/2026-11-21.log --out clinic
"""
DAMAGE: Final = {
    "truncated": "it ends within one",
    "zeros": "zeros follow, as a power cut leaves them",
    "no_magic": "what follows is no frame",
    "bad_length": "what follows is no frame",
    "bad_crc": "the next one is damaged",
    "unknown_kind": "the next one was written by a newer version",
    "unreadable": "the disk refused the rest",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("log", type=Path, metavar="LOG", help="what a recording left behind")
    parser.add_argument("--out", required=True, type=Path, metavar="STORE", help="where the session goes")


def run(args: argparse.Namespace) -> int:
    """Write the session, and say what was dropped."""
    with Bar(1, "writing the session") as bar:
        made = recover(args.log, args.out, progress=lambda share: bar.update(0, share))
    print(*told(made), sep="\n")
    end = made.end
    if end.damage is not None:
        why = DAMAGE[end.damage]
        print(
            f"  of the log {counted(end.frames, 'frame')} were whole; {why}: {counted(end.dropped_bytes, 'byte')} left"
        )
    print(f"next: imu inspect {quote(str(made.folder))}")
    return 0
