"""Three sensors in, gait out: the one wiring, live and offline."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from imu.core.errors import UnusableRecording
from imu.core.events import Event
from imu.core.records import RESOLVED
from imu.core.samples import Samples
from imu.core.session import FEET, SENSORS, Foot, Sensor, SensorSetup, Session, foot_of, sensor_of
from imu.core.tables import CONTACTS, STEPS, STRIDES, Row, Table, whole
from imu.core.units import NS_PER_S
from imu.gait.fold import FootFold
from imu.gait.foot import FootContacts, FootParams
from imu.gait.intake import Intake, IntakeParams, IntakeReport
from imu.gait.pelvis import PelvisParams, PelvisPose
from imu.gait.steps import LOOKBACK_NS, Steps, StepsParams
from imu.gait.summary import SCHEMA, summarise_directions

RATE_TOLERANCE: Final = 0.1
RATE_LEAST_N: Final = 20
"""A stated rate that is off by more, over so many samples, is named in the summary."""
USABLE_SHARE: Final = 0.5
"""A sensor of whose rows fewer are usable after repair is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Everything that can be set, SI units; written into every output."""

    intake: IntakeParams = field(default_factory=IntakeParams)
    foot: FootParams = field(default_factory=FootParams)
    pelvis: PelvisParams = field(default_factory=PelvisParams)
    steps: StepsParams = field(default_factory=StepsParams)

    def document(self) -> dict[str, Any]:
        """As JSON objects."""
        return dataclasses.asdict(self)


class Pipeline:
    """Push rows of any sensor in order of arrival; get the events they settle.

    How the streams are cut, and in which order the sensors' blocks come, never changes a bit of the tables.

    Args:
        session: the checked `session.json`.
        present: sensors that deliver; those of the session that are missing are named in the summary.
    """

    def __init__(self, session: Session, present: Collection[Sensor], params: Params | None = None) -> None:
        self._session = session
        self._params = params = params or Params()
        self._present: tuple[Sensor, ...] = tuple(
            sensor for sensor in SENSORS if sensor in present and sensor in session.sensors
        )
        setups: dict[Sensor, SensorSetup] = {sensor: session.sensors[sensor] for sensor in self._present}
        self._intakes: dict[Sensor, Intake] = {
            sensor: Intake(params.intake, setup.rate_hz) for sensor, setup in setups.items()
        }
        self._feet: dict[Foot, FootContacts] = {}
        self._folds: dict[Foot, FootFold] = {}
        for foot in FEET:
            setup = setups.get(sensor_of(foot))
            if setup is not None:
                self._feet[foot] = FootContacts(params.foot, setup.rate_hz, setup.mounting)
                self._folds[foot] = FootFold(foot)
        pelvis = setups.get("pelvis")
        self._pelvis = None if pelvis is None else PelvisPose(params.pelvis, pelvis.rate_hz)
        self._steps = Steps(
            params.steps,
            feet=tuple(self._feet),
            pelvis=pelvis is not None,
            mounting=pelvis.mounting if pelvis else None,
        )
        self._ended: set[Sensor] = set()
        self._step_rows: list[Row] = []
        self._mountings: list[dict[str, Any]] = []

    def push(self, sensor: Sensor, samples: Samples) -> list[Event]:
        """Rows of one sensor, late and broken ones included. Events in order of (t_emitted_ns, left before right)."""
        if sensor not in self._intakes:
            raise ValueError(f"{sensor} samples came; want those of {', '.join(self._present)} (not announced?)")
        block = self._intakes[sensor].push(samples)
        if sensor == "pelvis" and self._pelvis is not None:
            return self._take_steps(self._steps.push_pelvis(self._pelvis.push(block)))
        foot = foot_of(sensor)
        records = self._feet[foot].push(block)
        return _in_order(self._fold(foot, records) + self._join(foot, records))

    def end(self, sensor: Sensor) -> list[Event]:
        """End of one stream: decide what is pending there; nothing waits for it any longer. Once a sensor."""
        if sensor in self._ended:
            return []
        self._ended.add(sensor)
        if sensor == "pelvis" and self._pelvis is not None:
            events = self._take_steps(self._steps.push_pelvis(self._pelvis.flush()))
        else:
            foot = foot_of(sensor)
            records = self._feet[foot].flush()
            events = self._fold(foot, records) + self._join(foot, records)
        return _in_order(events + self._take_steps(self._steps.end(sensor)))

    def drop(self, sensor: Sensor) -> list[Event]:
        """A sensor has fallen silent: no step waits for it any longer. Its next rows follow `back`, or its end."""
        return _in_order(self._take_steps(self._steps.drop(sensor)))

    def back(self, sensor: Sensor, t_ns: int) -> None:
        """A dropped sensor delivers again, nothing before t_ns, nor before anything that others had delivered."""
        self._steps.resume(sensor, t_ns)

    def skip(self, sensor: Sensor, t_ns: int) -> list[Event]:
        """`drop` and `back` in one, once it is known when: a sensor delivers nothing before t_ns."""
        return _in_order(self._take_steps(self._steps.skip(sensor, t_ns)))

    def flush(self) -> list[Event]:
        """End of all streams: decide what is pending."""
        events = [event for sensor in self._present for event in self.end(sensor)]
        return _in_order(events + self._take_steps(self._steps.flush()))

    def check_usable(self) -> None:
        """Refuse a recording that repair could not save.

        Raises:
            UnusableRecording: a sensor of whose rows fewer than half were usable, or no row of any foot.
        """
        reports = self.reports
        for sensor, report in reports.items():
            nothing = all(reports[sensor_of(foot)].rows == 0 for foot in self._feet)
            if report.accepted < USABLE_SHARE * report.rows or (nothing and sensor != "pelvis"):
                slip = "a reversed clock?" if report.late > report.nan else "a broken sensor or a wrong export?"
                raise UnusableRecording(
                    f"{sensor}: only {report.accepted} of {report.rows} rows are usable ({report.late} not later than "
                    f"the one before, {report.nan} with NaN or beyond any sensor); want at least half ({slip})",
                    sensor=sensor,
                    usable=report.accepted,
                    rows=report.rows,
                )

    @property
    def reports(self) -> dict[Sensor, IntakeReport]:
        """What became of each sensor's rows so far."""
        return {sensor: intake.report for sensor, intake in self._intakes.items()}

    def tables(self) -> dict[str, list[Row]]:
        """Rows so far by table name, sorted as the contract says."""
        contacts = _sorted(CONTACTS, [row for fold in self._folds.values() for row in fold.contacts])
        strides = _sorted(STRIDES, [row for fold in self._folds.values() for row in fold.strides])
        numbered = [{**row, "stride_id": number} for number, row in enumerate(strides)]
        return {
            CONTACTS.name: contacts,
            STRIDES.name: numbered,
            STEPS.name: _sorted(STEPS, self._step_rows),
        }

    def summary(self) -> dict[str, Any]:
        """summary.json, but for what its writer adds: version, params and the sha256 of the tables."""
        tables = self.tables()
        # a sensor that never delivered leaves no file: it counts as absent, live and afterwards
        reports = {sensor: report for sensor, report in self.reports.items() if report.rows}
        directions, left_out = summarise_directions(tables[CONTACTS.name], tables[STRIDES.name], tables[STEPS.name])
        sync = self._session.document.get("sync")
        missing = [sensor for sensor in self._session.sensors if sensor not in reports]
        return {
            "schema": SCHEMA,
            "duration_s": _duration_s(list(reports.values())),
            "sync": sync if sync in ("device", "host") else "unknown",
            "sensors": {
                sensor: {
                    "samples": report.accepted,
                    "lost": report.lost,
                    "gaps": report.gaps,
                    "rate_hz": None if report.rate_hz is None else round(report.rate_hz, 3),
                }
                for sensor, report in reports.items()
            },
            "repairs": {
                **{sensor: _repairs(report, list(reports.values())) for sensor, report in reports.items()},
                **{sensor: {"absent": 1} for sensor in missing},
            },
            "calibrations": self.calibrations,
            "broken_alternation": self._steps.broken_alternation,
            "directions": directions,
            "left_out": [
                *({"what": sensor, "why": f"no samples in raw/{sensor}.parquet"} for sensor in missing),
                *self._misstated(),
                *self._unresolved(),
                *left_out,
            ],
        }

    @property
    def calibrations(self) -> list[dict[str, Any]]:
        """Standing levels, and the mountings that were worked out, in order of time."""
        found = [*self._mountings, *self._steps.calibrations]
        pelvis = self._steps.pelvis_mounting
        if pelvis is not None and pelvis["state"] == "resolved":
            found.append(_mounting("pelvis", pelvis["t_ns"], pelvis["confidence"]))
        return sorted(found, key=lambda entry: (entry["t_ns"], entry["kind"], entry.get("sensor", "")))

    def _misstated(self) -> list[dict[str, str]]:
        """Rates that the clock contradicts: the clock is believed."""
        found: list[dict[str, str]] = []
        for sensor, report in self.reports.items():
            stated, rate = self._session.sensors[sensor].rate_hz, report.rate_hz
            if rate is not None and report.accepted >= RATE_LEAST_N and abs(rate / stated - 1.0) > RATE_TOLERANCE:
                why = f"session.json says {stated:g} Hz, the clock shows {rate:.1f}: that is used"
                found.append({"what": f"{sensor} rate", "why": why})
        return found

    def _unresolved(self) -> list[dict[str, str]]:
        known = {entry.get("sensor") for entry in self.calibrations}
        return [
            {"what": f"{sensor} mounting", "why": "unknown, and standing and walking did not make it clear"}
            for sensor, report in self.reports.items()
            if report.rows and self._session.sensors[sensor].mounting is None and sensor not in known
        ]

    def _fold(self, foot: Foot, records: np.ndarray) -> list[Event]:
        for record in records[records["kind"] == RESOLVED]:
            self._mountings.append(_mounting(sensor_of(foot), int(record["t_ns"]), float(record["confidence"])))
        return self._folds[foot].push(records)

    def _join(self, foot: Foot, records: np.ndarray) -> list[Event]:
        newest = self._intakes[sensor_of(foot)].report.newest_ns
        return [] if newest is None else self._take_steps(self._steps.push_foot(foot, records, newest))

    def _take_steps(self, rows: Sequence[Row]) -> list[Event]:
        self._step_rows += rows
        return [
            Event(
                whole(row, "t_end_ns") + LOOKBACK_NS, "left" if row["stance_foot"] == "left" else "right", "step", row
            )
            for row in rows
        ]


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.t_emitted_ns, event.foot))


def _repairs(report: IntakeReport, reports: Sequence[IntakeReport]) -> dict[str, float]:
    """What was repaired of one sensor; starts and ends are against the first and the last of all sensors."""
    starts = [other.first_ns for other in reports if other.first_ns is not None]
    ends = [other.newest_ns for other in reports if other.newest_ns is not None]
    began, ended = report.first_ns, report.newest_ns
    return {
        "late": report.late,
        "nan": report.nan,
        "saturated": report.saturated,
        "clock_jumps": report.clock_jumps,
        "jitter": report.jittered,
        "starts_late_s": 0.0 if began is None else round((began - min(starts)) / NS_PER_S, 3),
        "ends_early_s": 0.0 if ended is None else round((max(ends) - ended) / NS_PER_S, 3),
    }


def _mounting(sensor: Sensor, t_ns: int, confidence: float) -> dict[str, Any]:
    return {"t_ns": t_ns, "kind": "mounting", "sensor": sensor, "confidence": round(confidence, 3)}


def _sorted(table: Table, rows: list[Row]) -> list[Row]:
    time, foot = table.sorted_by
    return sorted(rows, key=lambda row: (whole(row, time), str(row[foot])))


def _duration_s(reports: Sequence[IntakeReport]) -> float:
    starts = [report.first_ns for report in reports if report.first_ns is not None]
    ends = [report.newest_ns for report in reports if report.newest_ns is not None]
    return math.nan if not starts else round((max(ends) - min(starts)) / NS_PER_S, 6)
