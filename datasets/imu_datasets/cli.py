"""The command `imu-data`: what data sets there are, whether their files are whole, and sessions made of them."""
# ruff: noqa: T201  # a command prints

import argparse
import os
import re
import sys
import traceback
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from shlex import quote
from typing import Any, Final, NoReturn

from imu.core.canonical import canonical_json
from imu.core.errors import RetrogaitError, UsageError
from imu.version import VERSION
from imu_datasets.dataset import VARIABLE, DataSet, NoDataSet, dataset, home, names, no_such
from imu_datasets.index import Index, index_text, look_at, verify

FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""Exit codes; the last two are what a shell makes of SIGINT and SIGPIPE."""

DEBUG: Final = "IMU_DEBUG"

EXAMPLES: Final = f"""\
examples:
  imu-data list
  imu-data fetch gaitmap                 where its owners let us
  imu-data verify ipol gaitmap           is every file what it was when we read it?
  imu-data convert ipol --out store      then: imu reprocess store
  imu-data convert dot --from exports --out store      recordings of one's own

Files are looked for in ${VARIABLE}/originals/NAME; without {VARIABLE}, below ~/.cache/retrogait/data.
"""
LIST_EXAMPLES: Final = """\
examples:
  imu-data list
  imu-data list --json

figures: whether what is measured on a data set may be shown to others (published) or not (private).
Licences are cut short; --json has the whole, with citations.
"""
VERIFY_EXAMPLES: Final = """\
examples:
  imu-data verify ipol
  imu-data verify ipol gottlieb gaitmap
"""
CONVERT_EXAMPLES: Final = """\
examples:
  imu-data convert ipol --out store
  imu-data convert ipol --out store --only 'ipol-1-*'
  imu-data convert ipol gaitmap --out store --overwrite
  imu-data convert dot --from exports --out store

recordings of one's own, in FOLDER:
  dot         SUBJECT/SESSION/foot_left.csv, foot_right.csv, pelvis.csv
  movesense   likewise, or foot_left_acc.csv and foot_left_gyr.csv, ...
  xdf         SUBJECT/SESSION.xdf
  bids_motion sub-X/motion/sub-X_task-Y_tracksys-Z_motion.tsv and what belongs to it
how sensors were worn, and what a file calls them, is told in sensors.toml beside, or above, them:
  [foot_left]
  mounting = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]   # rows: the body's forward, left, up in sensor axes; else unknown
  placement = "dorsum"
  called = "Left shoe"                           # an xdf stream, a tracked point; else told by its name
"""
FETCH_EXAMPLES: Final = """\
examples:
  imu-data fetch gaitmap ipol
  imu-data fetch gaitmap --url http://files.example.org/gaitmap

What is there already and good stays. Each file that comes is held against the index; a file that differs is kept in
the folder NAME.aside. The licence and the citation are those that `imu-data list --json` tells.
"""
INDEX_EXAMPLES: Final = """\
examples:
  imu-data index ipol > datasets/imu_datasets/indexes/ipol.json
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are errors of this package, and one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what `main` prints."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None, *, known: Sequence[DataSet] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: without the program's name; None = the process's own.
        known: data sets; None = all that this package reads.
    """
    try:
        args = _parser().parse_args(argv)
        sets = [dataset(name) for name in names()] if known is None else known
        code = args.run(args, {data.name: data for data in sets})
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
        return _say("stopped by Ctrl-C", INTERRUPTED)
    except Exception as error:  # noqa: BLE001  # a mistake of ours frightens nobody with a traceback
        if os.environ.get(DEBUG, "0") != "0":
            traceback.print_exc()
        return _say(f"internal error: {type(error).__name__}: {error}; run with {DEBUG}=1 for the traceback", FAILED)
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="imu-data",
        description="Published recordings, in the form that imu reads.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"imu-data {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, line: str, examples: str, run: object) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=line,
            description=line,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        added.set_defaults(run=run)
        return added

    listing = command("list", "say what data sets there are, and which of them are here", LIST_EXAMPLES, _list)
    listing.add_argument("--json", action="store_true", help="the same for programs")
    fetching = command("fetch", "bring files from where their owners publish them", FETCH_EXAMPLES, _fetch)
    fetching.add_argument("name", nargs="+", metavar="NAME", help="one of those that list names")
    fetching.add_argument("--url", metavar="URL", help="of a mirror with the same files, for one NAME")
    verifying = command("verify", "hold each file against the index", VERIFY_EXAMPLES, _verify)
    verifying.add_argument("name", nargs="+", metavar="NAME", help="one of those that list names")
    converting = command("convert", "make session folders, with truth beside them", CONVERT_EXAMPLES, _convert)
    converting.add_argument("name", nargs="+", metavar="NAME", help="one of those that list names")
    converting.add_argument("--out", type=Path, required=True, metavar="STORE", help="where the sessions go")
    converting.add_argument("--overwrite", action="store_true", help="sessions that are there already")
    converting.add_argument(
        "--only", default="*", metavar="PATTERN", help="of the sessions' names, as 'ipol-1-*' (default all)"
    )
    indexing = command("index", "print an index of the files as they are, to make or renew one", INDEX_EXAMPLES, _index)
    indexing.add_argument("name", metavar="NAME", help="one of those that list names")
    for reading in (verifying, converting, indexing):
        reading.add_argument(
            "--from", type=Path, dest="folder", metavar="FOLDER", help="that has the files, for one NAME"
        )
    return parser


def _list(args: argparse.Namespace, known: dict[str, DataSet]) -> int:
    rows = [_row(data) for data in known.values()]
    if args.json:
        print(canonical_json({"datasets": rows, "home": str(home())}, indent=2), end="")
        return 0
    head = ("name", "files", "sessions", "figures", "licence", "title")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    return 0


def _row(data: DataSet) -> dict[str, Any]:
    card, folder, files = data.card, data.folder(), data.index.files
    return {
        "name": data.name,
        "title": card.title,
        "kind": card.kind,
        "licence": card.licence,
        "citation": card.citation,
        "figures": card.figures,
        "folder": str(folder) if folder.is_dir() else None,
        "files": len(files) or None,
        "files_there": sum((folder / entry.path).is_file() for entry in files) if files else None,
        "sessions": len(data.index.sessions) or None,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    there, files = row["files_there"], row["files"]
    if row["folder"] is None or there == 0:
        found = "none"
    else:
        found = "?" if files is None else "all" if there == files else f"{there} of {files}"
    sessions = "?" if row["sessions"] is None else str(row["sessions"])
    # what a licence asks for would fill the screen
    licence = re.split(r"\s*[(:;,]", row["licence"], maxsplit=1)[0]
    return row["name"], found, sessions, row["figures"], licence, row["title"]


def _fetch(args: argparse.Namespace, known: dict[str, DataSet]) -> int:
    from imu_datasets.fetch import fetch  # noqa: PLC0415  # --help need not wait for it

    if args.url is not None and not args.url.startswith(("http://", "https://")):
        raise UsageError(f"--url {args.url}; want an address of the web, as http://files.example.org/gaitmap")
    if args.url is not None and len(args.name) > 1:
        raise UsageError(f"--url for {len(args.name)} data sets; want one NAME with it")
    code = 0
    for data in _chosen(args.name, known):
        total, came, good = len(data.index.files), 0, 0
        try:
            with _Line() as line:
                for one in fetch(data, args.url, line.show):
                    came, good = came + (one.outcome == "fetched"), good + (one.outcome != "failed")
                    if one.note:
                        line.clear()
                        _say(f"{data.name}: {one.entry.path}: {one.note}", FAILED)
                    line.show(f"{data.name}: {good} of {total} files")
        except (RetrogaitError, OSError) as error:
            code = _say(error, FAILED)
        if good:
            print(f"{data.name}: {good} of {_counted(total, 'file')} good, {came} fetched, in {data.folder()}")
        if came:
            print(f"licence: {' '.join(data.card.licence.split())}")
            print(f"cite: {' '.join(data.card.citation.split())}")
        code = code if good == total else FAILED
    return code


def _verify(args: argparse.Namespace, known: dict[str, DataSet]) -> int:
    code = 0
    for data in _chosen(args.name, known, args.folder):
        try:
            good, files = _verified(data), data.index.files
        except (RetrogaitError, OSError) as error:
            code = _say(error, FAILED)
            continue
        print(f"{data.name}: {good} of {_counted(len(files), 'file')} good")
        code = code if good == len(files) else FAILED
    return code


def _verified(data: DataSet) -> int:
    """How many files are good; names the others."""
    if not data.index.files:
        raise NoDataSet(f"{data.name} has no index to hold its files against; want one (see imu-data index --help)")
    good, root, total = 0, data.root(), len(data.index.files)
    with _Line() as line:
        for n, checked in enumerate(verify(root, data.index.files), 1):
            line.show(f"{data.name}: {n} of {total} files")
            if checked.state == "good":
                good += 1
                continue
            line.clear()
            print(f"{checked.state:8} {root / checked.entry.path}")
    return good


def _convert(args: argparse.Namespace, known: dict[str, DataSet]) -> int:
    from imu_datasets.convert import convert  # noqa: PLC0415  # numpy and pyarrow: --help need not wait for them

    sets, code, made = _chosen(args.name, known, args.folder), 0, 0
    with _Line() as line:
        line.show(f"{sets[0].name}: reading")
        results = convert(sets, args.out, only=args.only, overwrite=args.overwrite)
        for name, of_one in groupby(results, lambda result: result[0].name):
            done, total = 0, len(known[name].index.sessions)
            for _, result in of_one:
                if isinstance(result, Exception):
                    line.clear()
                    code = _say(f"{name}: {result}", FAILED)
                    continue
                done += 1
                line.show(f"{name}: {done}{f' of {total}' if total and args.only == '*' else ''} done")
            line.clear()
            if done:
                print(f"{name}: {_counted(done, 'session')} in {args.out}")
            made += done
    if not made and not code:
        among = "" if args.only == "*" else f" whose name matches {args.only!r}"
        return _say(f"no session{among} in {', '.join(args.name)}; want at least one (see imu-data list)", FAILED)
    if made:
        print(f"next: imu reprocess {quote(str(args.out))}")
    return code


def _index(args: argparse.Namespace, known: dict[str, DataSet]) -> int:
    (data,) = _chosen([args.name], known, args.folder)
    root = data.root()
    sessions = tuple(recorded.name for recorded in data.recordings(root))
    print(index_text(Index(tuple(look_at(root)), sessions)), end="")
    return 0


def _chosen(wanted: Sequence[str], known: dict[str, DataSet], folder: Path | None = None) -> list[DataSet]:
    """Each once, in the order of the arguments; before anything is done, all names have to be right."""
    for name in wanted:
        if name not in known:
            raise UsageError(str(no_such(name, known)))
    chosen = [known[name] for name in dict.fromkeys(wanted)]
    if folder is None:
        return chosen
    if len(chosen) > 1:
        raise UsageError(f"--from for {len(chosen)} data sets; want one NAME with it")
    return [chosen[0].at(folder)]


def _counted(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _say(problem: object, code: int) -> int:
    print(f"imu-data: {' '.join(str(problem).split())}", file=sys.stderr)
    return code


class _Line:
    """How far a call has come, on stderr while that is a terminal; elsewhere nothing."""

    def __init__(self) -> None:
        self._wanted, self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb", 0

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        if self._wanted:
            sys.stderr.write(f"\r{text.ljust(self._shown)}")
            sys.stderr.flush()
            self._shown = len(text)

    def clear(self) -> None:
        if self._shown:
            self.show(" " * self._shown)
            sys.stderr.write("\r")
            self._shown = 0
