"""`imu inspect`: what is in a session, and can one rely on it?"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Final

from imu.cli.boundary import no_traceback, one_line
from imu.cli.quality import VERDICTS, Reason, SensorFindings, judge, verdict
from imu.cli.terminal import BOLD, GREEN, RED, YELLOW, Bar, aligned, counted, duration_text, painted, percent_text
from imu.core.canonical import canonical_json
from imu.core.errors import BadTableFile, RetrogaitError
from imu.core.session import SENSORS, Sensor, SensorSetup, Session
from imu.core.tables import EVENTS, TRUTH_CONTACTS, TRUTH_PELVIS, TRUTH_STEPS
from imu.core.units import NS_PER_S
from imu.gait.intake import Intake, IntakeParams
from imu.store.folder import find_sessions, present_sensors, read_session
from imu.store.raw import raw_path, read_raw
from imu.store.tables import is_analysed, read_rows

EXAMPLES: Final = """\
examples:
  imu inspect walks/monday
  imu inspect clinic --json | jq -r 'select(.quality != "good") | .folder'
"""

COLOURS: Final[Mapping[str, str]] = dict(zip(VERDICTS, (GREEN, YELLOW, RED), strict=True))


@dataclass(frozen=True, slots=True)
class Inspection:
    """One session, read once from its first row to its last."""

    folder: Path
    session: Session
    sensors: Mapping[Sensor, SensorFindings]
    missing: tuple[Sensor, ...]
    events: Mapping[str, int] | None
    """How many there are of each kind; None where they can't be read."""
    truth: tuple[str, ...]
    analysed: bool

    @property
    def span_s(self) -> float:
        """From the first sample of any sensor to the last of any."""
        return self._span_s(min, max)

    @property
    def overlap_s(self) -> float:
        """For how long all sensors that are there delivered."""
        return max(0.0, self._span_s(max, min))

    def _span_s(self, first: Any, last: Any) -> float:
        reports = [findings.report for findings in self.sensors.values()]
        begins = [report.first_ns for report in reports if report.first_ns is not None]
        ends = [report.newest_ns for report in reports if report.newest_ns is not None]
        return (last(ends) - first(begins)) / NS_PER_S if len(begins) == len(reports) else 0.0

    def reasons(self) -> list[Reason]:
        """What speaks against relying on it."""
        return judge(self.sensors, self.missing, self.overlap_s)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("sessions", nargs="+", metavar="SESSION", help="a session folder, a folder of them, or a glob")
    parser.add_argument("--json", action="store_true", help="one JSON line a session")


def run(args: argparse.Namespace) -> int:
    """Describe each; 1 if anything could not be read."""
    failed = False
    sessions = find_sessions(args.sessions)
    with Bar(len(sessions)) as bar:
        for number, found in enumerate(sessions):
            bar.update(number)
            try:
                if isinstance(found, RetrogaitError):
                    raise found
                with no_traceback():
                    inspection = inspect_session(found)
            except (RetrogaitError, OSError) as error:
                failed = True
                where = "" if isinstance(found, RetrogaitError) else f"{found}: "
                bar.clear()
                print(f"imu: {where}{one_line(error)}", file=sys.stderr)
                continue
            bar.clear()
            if args.json:
                print(canonical_json(document(inspection)), flush=True)
            else:
                print(*([""] if number else []), *_page(inspection), sep="\n", flush=True)
    return 1 if failed else 0


def inspect_session(folder: Path) -> Inspection:
    """Read a session in blocks, by the rules by which it is analysed.

    Raises:
        SessionError: as `read_session` and `read_raw`.
    """
    session = read_session(folder)
    present = present_sensors(folder, session)
    events = folder / "events.parquet"
    try:
        kinds = Counter(str(row["kind"]) for row in read_rows(events, EVENTS)) if events.exists() else Counter[str]()
    except BadTableFile:
        # nothing of the analysis depends on them
        kinds = None
    return Inspection(
        folder=folder,
        session=session,
        sensors={sensor: _read(folder, sensor, session.sensors[sensor]) for sensor in present},
        missing=tuple(sensor for sensor in SENSORS if sensor in session.sensors and sensor not in present),
        events=kinds,
        truth=tuple(
            table.name.removeprefix("truth_")
            for table in (TRUTH_CONTACTS, TRUTH_STEPS, TRUTH_PELVIS)
            if (folder / f"{table.name}.parquet").exists()
        ),
        analysed=is_analysed(folder),
    )


def _read(folder: Path, sensor: Sensor, setup: SensorSetup) -> SensorFindings:
    intake, longest_s = Intake(IntakeParams(), setup.rate_hz), 0.0
    for samples in read_raw(raw_path(folder, sensor), sensor, setup):
        block = intake.push(samples)
        longest_s = max(longest_s, float(block.dt_s[block.lost > 0].max(initial=0.0)))
    return SensorFindings(setup.rate_hz, intake.report, longest_s, setup.mounting is not None)


def document(inspection: Inspection) -> dict[str, Any]:
    """All of it as JSON values."""
    reasons = inspection.reasons()
    described = inspection.session.document
    return {
        "folder": str(inspection.folder),
        "subject": inspection.session.subject,
        "session": inspection.session.session,
        "start_utc": described.get("start_utc"),
        "activity": described.get("activity"),
        "duration_s": inspection.span_s,
        "overlap_s": inspection.overlap_s,
        "sensors": {
            sensor: {
                **asdict(findings.report),
                "placement": inspection.session.sensors[sensor].placement,
                "stated_rate_hz": findings.rate_hz,
                "measured_rate_hz": findings.report.rate_hz,
                "duration_s": findings.duration_s,
                "longest_gap_s": findings.longest_gap_s,
                "mounting_known": findings.mounting_known,
            }
            for sensor, findings in inspection.sensors.items()
        },
        "missing": list(inspection.missing),
        "events": None if inspection.events is None else dict(inspection.events),
        "truth": list(inspection.truth),
        "analysed": inspection.analysed,
        "quality": verdict(reasons),
        "reasons": [reason.text for reason in reasons],
    }


def _page(inspection: Inspection) -> list[str]:
    session, reasons = inspection.session, inspection.reasons()
    word = verdict(reasons)
    length = duration_text(inspection.span_s)
    if len(inspection.sensors) > 1:
        length += f"; all sensors at once for {duration_text(inspection.overlap_s)}"
    facts = [
        ("folder", str(inspection.folder)),
        ("start", str(session.document.get("start_utc") or "not known")),
        ("activity", str(session.document.get("activity") or "not stated")),
        ("length", length),
        ("events", _events_text(inspection.events)),
        ("truth", ", ".join(inspection.truth) or "none"),
        ("analysed", "yes" if inspection.analysed else f"no; imu reprocess {quote(str(inspection.folder))} does it"),
        ("quality", painted(word, COLOURS[word])),
    ]
    return [
        painted(f"{session.subject} {session.session}", BOLD),
        *aligned(facts, left=2),
        *(f"  - {reason.text}" for reason in reasons),
        *aligned(_sensor_rows(inspection)),
    ]


def _events_text(events: Mapping[str, int] | None) -> str:
    if events is None:
        return "events.parquet can't be read; want the columns of the contract"
    return ", ".join(counted(n, kind) for kind, n in sorted(events.items())) or "none"


def _sensor_rows(inspection: Inspection) -> list[tuple[str, ...]]:
    """One column a sensor, so that it fits a narrow terminal."""
    columns = [("", *(name for name, _ in _SENSOR_FACTS))]
    for sensor, findings in inspection.sensors.items():
        setup = inspection.session.sensors[sensor]
        columns.append((sensor, *(tell(setup, findings) for _, tell in _SENSOR_FACTS)))
    return list(zip(*columns, strict=True))


def _measured(findings: SensorFindings) -> str:
    rate_hz = findings.report.rate_hz
    return "-" if rate_hz is None else f"{rate_hz:.2f} Hz"


def _lost(findings: SensorFindings) -> str:
    lost = findings.report.lost
    return f"{lost} ({percent_text(findings.lost_share)})" if lost else "0"


_SENSOR_FACTS: Final[tuple[tuple[str, Callable[[SensorSetup, SensorFindings], str]], ...]] = (
    ("placement", lambda setup, _: setup.placement or "-"),
    ("mounting", lambda setup, _: "unknown" if setup.mounting is None else "known"),
    ("rate stated", lambda setup, _: f"{setup.rate_hz:g} Hz"),
    ("rate measured", lambda _, findings: _measured(findings)),
    ("length", lambda _, findings: duration_text(findings.duration_s)),
    ("samples", lambda _, findings: str(findings.report.accepted)),
    ("lost", lambda _, findings: _lost(findings)),
    ("gaps", lambda _, findings: str(findings.report.gaps)),
    ("longest gap", lambda _, findings: duration_text(findings.longest_gap_s) if findings.longest_gap_s else "-"),
    ("late rows", lambda _, findings: str(findings.report.late)),
    ("rows with NaN", lambda _, findings: str(findings.report.nan)),
    ("at range limit", lambda _, findings: str(findings.report.saturated)),
    ("clock jumps", lambda _, findings: str(findings.report.clock_jumps)),
)
