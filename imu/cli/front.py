"""The front door of a program with commands: finds the chosen one, and turns whatever it refuses into one line and an
exit code.
"""

import argparse
import atexit
import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, NoReturn, Protocol, TextIO, cast

from imu.cli.boundary import no_traceback, one_line
from imu.core.errors import RetrogaitError, UsageError
from imu.version import VERSION

FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""Exit codes; the last two are what a shell makes of SIGINT and SIGPIPE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program, as its help tells it."""

    name: str
    description: str
    examples: str
    commands: Mapping[str, tuple[str, str]]
    """Module and one line of help by name. Only the chosen module is imported: the help must answer at once."""
    stopped: str = "stopped by Ctrl-C"


class Command(Protocol):
    """What a command's module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own arguments."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it, and return the exit code."""
        ...


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors of this package, and one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what `main` prints."""
        raise UsageError(f"{message} (see {self.prog} --help)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Leave after the help or the version; if their reader has gone, `main` hears of it here."""
        sys.stdout.flush()
        super().exit(status, message)


def enter(program: Program, argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv` is without the program's name; None = the process's own."""
    words = sys.argv[1:] if argv is None else list(argv)
    if argv is None:
        # closed by whoever started us: nobody listens
        sys.stdout = sys.stdout or _nowhere()
        sys.stderr = sys.stderr or _nowhere()
        # what is imported lives to the end: looking through it for garbage, now and then and at last, costs 0.2 s
        gc.set_threshold(50_000, 50, 50)
        if isinstance(out := cast("object", sys.stdout), io.TextIOWrapper):
            # a terminal without ± still gets the rest of the line
            cast("io.TextIOWrapper", out).reconfigure(errors="replace")
        atexit.register(gc.freeze)
    try:
        with no_traceback():
            code = _run(program, words)
            # a reader that has gone shows only when the buffer is written
            sys.stdout.flush()
    except UsageError as error:
        return _say(program, error, WRONG_USAGE)
    except BrokenPipeError:
        return _hush()
    except (RetrogaitError, OSError) as error:
        return _say(program, error, FAILED)
    except KeyboardInterrupt:
        return _say(program, program.stopped, INTERRUPTED)
    return code


def _run(program: Program, words: Sequence[str]) -> int:
    parser = Parser(
        prog=program.name,
        description=program.description,
        epilog=program.examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"{program.name} {VERSION}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    # no option before the command takes a value, so the first bare word is the command
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, (module, line) in program.commands.items():
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


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  # for as long as the process lives


def _say(program: Program, problem: object, code: int) -> int:
    print(f"{program.name}: {one_line(problem)}", file=sys.stderr)
    return code


def _hush() -> int:
    """Point stdout at nothing, so that the interpreter's own flush at exit stays quiet too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return BROKEN_PIPE
