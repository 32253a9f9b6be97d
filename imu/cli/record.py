"""`imu record`: sensors into a session, nothing shown but the links."""

import argparse
from dataclasses import replace

from imu.cli.on_loop import Stop
from imu.cli.on_loop import run as run_on_loop
from imu.cli.outcome import told
from imu.cli.sit import add_arguments, asked, check_store, sit
from imu.cli.view import Screen

EXAMPLES = """\
examples:
  imu record --subject S01
  imu record --subject S01 --seconds 600 --out clinic
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Record until it is stopped; the session is analysed at the end."""
    check_store(args.out)
    sitting = replace(asked(args), analyse=False)

    async def main() -> int:
        made = await sit(sitting, Screen(quiet=args.quiet), Stop())
        if made is not None and not args.quiet:
            print(*told(made), sep="\n")
        return 0

    return run_on_loop(main())
