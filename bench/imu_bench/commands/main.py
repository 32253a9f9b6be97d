"""The command `imu-bench`: finds the chosen command, and turns whatever it refuses into one line and an exit code."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

from imu.cli.boundary import no_traceback, one_line
from imu.cli.main import BROKEN_PIPE, FAILED, INTERRUPTED, WRONG_USAGE, Command, Parser
from imu.core.errors import RetrogaitError, UsageError
from imu.version import VERSION

EXAMPLES: Final = """\
examples:
  imu-bench list                            what can be run here
  imu-bench run simulated/all               nothing is needed for it
  imu-bench run --all && imu-bench report   all that is at hand, then a page and a table of it
  imu-bench COMMAND --help                  more of one command
"""

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "run": ("imu_bench.commands.run", "detectors through scenarios, and scored: OUT/accuracy.json"),
        "list": ("imu_bench.commands.list", "name scenarios, perturbations and detectors"),
        "report": ("imu_bench.report.command", "one page and one Markdown table of what was measured"),
        "compare": ("imu_bench.report.compare", "two results side by side: what became better or worse"),
        "peers": ("imu_bench.commands.peers", "detectors of others: list them, install them"),
        "speed": ("imu_bench.commands.speed", "how fast, ours and peers side by side: OUT/speed.json"),
        "likeness": ("imu_bench.likeness.command", "simulated strides beside real ones"),
        "live": ("imu_bench.live.command", "what the live path costs, and how late it is"),
        "page": ("imu_bench.live.page", "what the page costs, and how late its cues are"),
    }
)
"""Module and one line of help by name. Only the chosen module is imported: the help must answer at once."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv` is without the program's name; None = the process's own."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        with no_traceback():
            code = _run(words)
            # a reader that has gone shows only when the buffer is written
            sys.stdout.flush()
    except UsageError as error:
        return _say(error, WRONG_USAGE)
    except BrokenPipeError:
        # the interpreter's own flush at exit stays quiet too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (RetrogaitError, OSError) as error:
        return _say(error, FAILED)
    except KeyboardInterrupt:
        return _say("stopped by Ctrl-C; what is done stays, and the next call goes on", INTERRUPTED)
    return code


def _run(words: Sequence[str]) -> int:
    parser = Parser(
        prog="imu-bench",
        description="Detectors of gait events against known truth.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"imu-bench {VERSION}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    # no option before the command takes a value, so the first bare word is the command
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, (module, line) in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=line,
            description=line,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == chosen:
            command = cast("Command", import_module(module))
            command.configure(subparser)
            subparser.set_defaults(run=command.run)
    args = parser.parse_args(words)
    return args.run(args)


def _say(problem: object, code: int) -> int:
    sys.stderr.write(f"imu-bench: {one_line(problem)}\n")
    return code
