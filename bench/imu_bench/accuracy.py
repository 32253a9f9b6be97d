"""`python -m imu_bench accuracy`: how near the truth are the contacts, strides and steps that are found?"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from imu.cli.boundary import no_traceback, one_line
from imu.core.canonical import canonical_json
from imu.core.errors import RetrogaitError, SessionNotFound
from imu.core.session import FEET, FOOT_SENSORS, Session
from imu.core.tables import ANALYSIS, TRUTH_CONTACTS, Row
from imu.reprocess import analyse
from imu.store.folder import find_sessions, read_session
from imu_bench.accuracy_report import markdown, text
from imu_bench.scores import Spans, Tallies, Tally, compare, merged
from imu_bench.truth import Truth, read_truth, source_of

By: TypeAlias = Literal["source", "session"]

ABOUT: Final = "Analyse sessions in memory and hold them against the truth_*.parquet beside their session.json."
NOTES: Final = """\
how it counts:
  A true and a found contact of one foot are the same if they lie within 150 ms: one to one, the nearest first.
  F1 asks for 50 ms, after the median error of the group is taken away: truths differ in what they call a contact.
  The median is told, and sd is the scatter round it. Walking is the true direction; "unknown" are turns and
  closing steps, to which truth gives none.
  Right are shares of the decided ones, undecided of all. A pattern is asked for where truth says toe or heel of a
  sole more than 5 degrees from level; "flat" is undecided, or not asked where both ends truly land within 40 ms.
  Latency runs from the true contact to t_emitted_ns.
  Nothing counts in the first 0.6 s and the last 0.2 s of a foot's samples, nor where truth_ignore_ns of
  session.json, a list of [foot, start, end], says that the truth has a hole. Releases and second contacts are asked
  for up to 0.1 s before the last sample.
  False contacts count in the whole recording. Where truth is only of a part of it, say so with --partial-truth, or
  with "truth_complete": false in session.json: then they count from the foot's first true contact to its last,
  150 ms more on either side.
  A session that can't be analysed counts as missed.

exit code: 0 all were compared or have no truth, 1 some failed or none has truth, 2 wrong usage
"""
NOTHING: Final[Mapping[str, Sequence[Row]]] = MappingProxyType({table.name: () for table in ANALYSIS})
ANYWHERE: Final[Spans] = MappingProxyType(dict.fromkeys(FEET, (-(1 << 62), 1 << 62)))
"""Of a session that can't be analysed all is asked, and nothing is found."""


def ask_for_sessions(parser: argparse.ArgumentParser, about: str, notes: str) -> None:
    """Add what every bench over sessions is asked: which ones, and what makes a group."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = about, notes
    parser.add_argument("sessions", nargs="+", metavar="SESSION", help="a session folder, a folder of them, or a glob")
    parser.add_argument(
        "--by",
        choices=("source", "session"),
        default="source",
        help="what makes a group: the session's name up to its first dash (default), or each session",
    )


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    ask_for_sessions(parser, ABOUT, NOTES)
    parser.add_argument(
        "--partial-truth",
        action="append",
        default=[],
        metavar="GLOB",
        help="sessions of that name have truth only between their first and their last true contact; repeatable",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="all figures as JSON")
    form.add_argument("--markdown", action="store_true", help="the few that matter most, as a Markdown table")


def run(args: argparse.Namespace) -> int:
    """Write the report to stdout, and what was left out or failed to stderr."""
    result = measure(args.sessions, by=args.by, partial_truth=args.partial_truth, say=_say)
    sessions = result["sessions"]
    if not sessions["compared"]:
        _say("nothing to compare; want sessions with truth_contacts.parquet beside session.json")
        return 1
    if args.json:
        sys.stdout.write(canonical_json(result, indent=2))
    else:
        sys.stdout.write(markdown(result) if args.markdown else text(result))
    return 1 if sessions["failed"] else 0


def measure(
    patterns: Sequence[str],
    *,
    by: By = "source",
    partial_truth: Sequence[str] = (),
    say: Callable[[str], None] = lambda note: None,
) -> dict[str, Any]:
    """Analyse sessions, stores or globs, and tell how near the truth they come.

    `say` is told, in one line each, of what has no truth and of what failed.
    """
    groups: dict[str, Tallies] = defaultdict(lambda: defaultdict(Tally))
    names: dict[str, list[str]] = {key: [] for key in ("compared", "partial_truth", "without_truth", "failed")}
    for entry in find_sessions(patterns):
        if isinstance(entry, SessionNotFound):
            names["failed"].append(one_line(entry))
            say(one_line(entry))
            continue
        try:
            session, truth = _read(entry, partial_truth)
        except (RetrogaitError, OSError) as error:
            names["failed"].append(str(entry))
            say(f"{entry}: {one_line(error)}")
            continue
        name = f"{session.subject}/{session.session}"
        if truth is None:
            names["without_truth"].append(name)
            say(f"{entry}: no {TRUTH_CONTACTS.name}.parquet; left out")
            continue
        names["compared"].append(name)
        if not truth.complete:
            names["partial_truth"].append(name)
        try:
            tables, spans = _found(entry, session)
        except (RetrogaitError, OSError) as error:
            tables, spans = NOTHING, ANYWHERE
            names["failed"].append(name)
            say(f"{entry}: {one_line(error)}; all its contacts count as missed")
        compare(truth, tables, spans, groups[name if by == "session" else source_of(session)])
    return {
        "by": by,
        "sessions": names,
        "groups": {
            group: {walking: tally.figures() for walking, tally in sorted(tallies.items())}
            for group, tallies in sorted(groups.items())
        },
        "pelvic_drop_deg": {
            group: drops.figures()
            for group, tallies in sorted(groups.items())
            if (drops := merged(tally.pelvic_drop_deg for tally in tallies.values())).asked
        },
    }


def _read(folder: Path, partial_truth: Sequence[str]) -> tuple[Session, Truth | None]:
    with no_traceback():
        session = read_session(folder)
        truth = read_truth(folder, session)
    if truth is not None and any(fnmatchcase(session.session, pattern) for pattern in partial_truth):
        truth = replace(truth, complete=False)
    return session, truth


def _found(folder: Path, session: Session) -> tuple[Mapping[str, Sequence[Row]], Spans]:
    """The tables of a session, and from when to when each of its feet was recorded."""
    with no_traceback():
        pipeline = analyse(folder, session)
    reports = pipeline.reports
    spans: dict[str, tuple[int, int]] = {}
    for foot, sensor in zip(FEET, FOOT_SENSORS, strict=True):
        report = reports.get(sensor)
        if report is not None and report.first_ns is not None and report.newest_ns is not None:
            spans[foot] = report.first_ns, report.newest_ns
    return pipeline.tables(), spans


def _say(note: str) -> None:
    sys.stderr.write(f"imu_bench: {note}\n")
