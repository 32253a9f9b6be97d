"""`python -m imu_bench likeness`: do simulated strides look like real ones? Their figures and curves, side by side."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from imu.cli.boundary import no_traceback, one_line
from imu.core.canonical import canonical_json
from imu.core.errors import RetrogaitError, SessionNotFound
from imu.core.session import SENSORS, Session, sensor_of
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS
from imu.store.folder import find_sessions, present_sensors, read_session
from imu_bench.likeness.features import FEATURES
from imu_bench.likeness.groups import By, Group, Likeness
from imu_bench.likeness.plot import draw
from imu_bench.likeness.ranges import SHIPPED, check, load_ranges, verdicts
from imu_bench.likeness.report import markdown, text
from imu_bench.likeness.signals import cut_feet, cut_pelvis, read_signals
from imu_bench.likeness.strides import strides_of
from imu_bench.truth import Truth, read_truth, source_of

ABOUT: Final = "Lay strides of sessions that have truth beside each other: real ones, simulated ones, any."
NOTES: Final = f"""\
how it counts:
  A stride goes from a true contact to the next of the same foot, where both, and the other foot's between them, go
  forward or all backward. Closing steps, strides in which the foot turns by 25 degrees, those with a hole in truth or
  samples, and sensors without a mounting in session.json are left out.
  A foot's axes are levelled by gravity in stance, and turned to its main axis of rotation where that is within 40
  degrees of the nominal left axis. Its pitch is the integral of the turning about the left axis, 0 where the stance
  is quietest. Angles of the pelvis are those of the truth, or else the integral of its turning; their trend over the
  stride is taken away.
  Told are the median and, in brackets, the 5th and 95th percentile of all strides of a group, or of all its runs.

figures:
{"".join(f"  {name}: {feature.said}" + chr(10) for name, feature in FEATURES.items())}
exit code: 0 all well, 1 a session failed, none has strides, or a median is out of range, 2 wrong usage
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = ABOUT, NOTES
    parser.add_argument("sessions", nargs="+", metavar="SESSION", help="a session folder, a folder of them, or a glob")
    parser.add_argument(
        "--by",
        choices=("source", "session"),
        default="source",
        help="what makes a group: the session's name up to its first dash (default), or each session",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="draw the curves there as PNG pages (wants matplotlib); never inside a git checkout",
    )
    parser.add_argument(
        "--ranges",
        type=Path,
        nargs="?",
        const=SHIPPED,
        metavar="FILE",
        help="tell which medians lie inside the ranges of a TOML file (default: those that come with the bench)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="all figures as JSON")
    form.add_argument("--markdown", action="store_true", help="all figures as Markdown tables")


def run(args: argparse.Namespace) -> int:
    """Write the report to stdout, and what was left out or failed to stderr."""
    try:
        # before the work, which takes its time
        ranges = None if args.ranges is None else load_ranges(args.ranges)
        if args.out is not None:
            refuse_checkout(args.out)
    except RetrogaitError as error:
        _say(one_line(error))
        return 2
    likeness = measure(args.sessions, by=args.by, say=_say)
    if not likeness.groups:
        _say("no strides to look at; want sessions with truth_contacts.parquet beside session.json, and mountings")
        return 1
    found = likeness.figures()
    checked = [] if ranges is None else check(ranges, found["groups"])
    if args.json:
        sys.stdout.write(canonical_json(found | ({} if ranges is None else {"ranges": checked}), indent=2))
    else:
        sys.stdout.write(markdown(found) if args.markdown else text(found))
        if ranges is not None:
            sys.stdout.write(verdicts(checked))
    if args.out is not None:
        try:
            for page in draw(likeness, args.out):
                _say(f"wrote {page}")
        except (RetrogaitError, OSError) as error:
            _say(one_line(error))
            return 1
    return 1 if likeness.names["failed"] or not all(one["inside"] for one in checked) else 0


def measure(patterns: Sequence[str], *, by: By = "source", say: Callable[[str], None] = lambda note: None) -> Likeness:
    """Cut sessions, stores or globs into strides and gather their figures and curves.

    `say` is told, in one line each, of what is left out and of what failed.
    """
    likeness = Likeness(by)
    for entry in find_sessions(patterns):
        if isinstance(entry, SessionNotFound):
            likeness.names["failed"].append(one_line(entry))
            say(one_line(entry))
            continue
        try:
            with no_traceback():
                session = read_session(entry)
                truth = read_truth(entry, session)
                name = f"{session.subject}/{session.session}"
                if truth is None:
                    likeness.names["without_truth"].append(name)
                    say(f"{entry}: no {TRUTH_CONTACTS.name}.parquet; left out")
                    continue
                parts = _parts(entry, session, truth, say)
        except (RetrogaitError, OSError) as error:
            likeness.names["failed"].append(str(entry))
            say(f"{entry}: {one_line(error)}")
            continue
        likeness.names["compared"].append(name)
        source = name if by == "session" else source_of(session)
        for walking, group in parts.items():
            likeness.add(source, walking, group)
    return likeness


def _parts(folder: Path, session: Session, truth: Truth, say: Callable[[str], None]) -> dict[str, Group]:
    """The strides of one session, by walking."""
    present, found = set(present_sensors(folder, session)), dict[str, Group]()
    strides = strides_of(truth)
    for sensor in SENSORS:
        setup = session.sensors.get(sensor)
        if sensor not in present or setup is None:
            continue
        if setup.mounting is None:
            say(f"{folder}: the mounting of {sensor} is not known; left out")
            continue
        block = read_signals(folder, sensor, setup)
        for walking in {stride.walking for stride in strides}:
            of_walking = [stride for stride in strides if stride.walking == walking]
            if sensor == "pelvis":
                cuts = cut_pelvis(block, setup.mounting, of_walking, folder / f"{TRUTH_PELVIS.name}.parquet")
                found.setdefault(walking, Group()).pelvis += cuts
                continue
            own = [stride for stride in of_walking if sensor_of(stride.foot) == sensor]
            found.setdefault(walking, Group()).feet += cut_feet(block, setup.mounting, own)
    return {walking: group for walking, group in found.items() if group.feet}


def refuse_checkout(folder: Path) -> None:
    """Curves of people are never to be committed.

    Raises:
        RetrogaitError: if the folder lies, or would lie, in a git checkout.
    """
    whole = folder.resolve()
    for place in (whole, *whole.parents):
        if (place / ".git").exists():
            raise RetrogaitError(
                f"--out {folder} lies in the git checkout {place}; want a folder outside, for signals of people are"
                " never committed"
            )


def _say(note: str) -> None:
    sys.stderr.write(f"imu_bench: {note}\n")
