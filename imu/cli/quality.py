"""Can one rely on this recording? Plain words, from what the intake counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from imu.cli.terminal import counted, duration_text, percent_text
from imu.core.session import FOOT_SENSORS, Sensor
from imu.core.units import NS_PER_S
from imu.gait.intake import IntakeReport

VERDICTS: Final = ("good", "usable with care", "poor")
NOTE, CARE, POOR = range(len(VERDICTS))
"""How much a finding weighs: its index in VERDICTS. A note is worth saying and takes nothing away."""

LOST_CARE: Final = 0.005
LOST_POOR: Final = 0.05
"""Shares of samples. In bursts of five, 2 % cost one contact in thirty and 5 % one in ten."""
UNUSABLE: Final = 0.5
"""The share of a sensor's rows at which reprocess refuses it."""
LATE_CARE: Final = 0.01
SATURATED_CARE: Final = 0.001
RATE_CARE: Final = 0.02
"""By how much the measured rate may differ from the stated one."""
RATE_LEAST_HZ: Final = 50.0
OVERLAP_CARE: Final = 0.9
JUMPS_A_MINUTE_CARE: Final = 1.0
LONG_GAP_S: Final = 1.0
SHORT_S: Final = 15.0
"""About ten strides, below which no mean is given."""


@dataclass(frozen=True, slots=True)
class SensorFindings:
    """What one sensor delivered."""

    rate_hz: float
    report: IntakeReport
    longest_gap_s: float
    mounting_known: bool

    @property
    def duration_s(self) -> float:
        """From its first accepted sample to its last."""
        first_ns, newest_ns = self.report.first_ns, self.report.newest_ns
        return 0.0 if first_ns is None or newest_ns is None else (newest_ns - first_ns) / NS_PER_S

    @property
    def lost_share(self) -> float:
        """Of the samples that were taken."""
        taken = self.report.accepted + self.report.lost
        return self.report.lost / taken if taken else 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding, and how much it weighs."""

    weight: int
    text: str


def judge(sensors: Mapping[Sensor, SensorFindings], missing: tuple[Sensor, ...], overlap_s: float) -> list[Reason]:
    """What is wrong with a recording, the worst first; `missing` are sensors of which there is no file."""
    reasons = [reason for sensor, findings in sensors.items() for reason in _of_sensor(sensor, findings)]
    reasons += [
        Reason(CARE, f"{sensor} has no file: no steps, cadence or pelvic drop, only what one foot tells")
        for sensor in missing
        if sensor != "pelvis"
    ]
    feet = [sensor for sensor in FOOT_SENSORS if sensor in sensors]
    if len(feet) == 1 and not set(missing) & set(FOOT_SENSORS):
        reasons.append(Reason(CARE, f"only {feet[0]} was worn: no steps, cadence or pelvic drop"))
    unknown = [sensor for sensor, findings in sensors.items() if not findings.mounting_known]
    if unknown:
        reasons.append(
            Reason(
                NOTE,
                f"how {' and '.join(unknown)} sat is not known: it is worked out from standing and walking,"
                " and what comes before that stays uncertain",
            )
        )
    if "pelvis" not in sensors:
        reasons.append(Reason(NOTE, "without a pelvis sensor there is no pelvic drop"))
    longest_s = max((findings.duration_s for findings in sensors.values()), default=0.0)
    if longest_s < SHORT_S:
        reasons.append(
            Reason(CARE, f"it lasts only {duration_text(longest_s)}: means want ten strides, about {SHORT_S:g} s")
        )
    elif overlap_s < OVERLAP_CARE * longest_s:
        reasons.append(
            Reason(
                CARE,
                f"all sensors overlap for only {duration_text(overlap_s)} of {duration_text(longest_s)}:"
                " the rest has no complete steps",
            )
        )
    return sorted(reasons, key=lambda reason: -reason.weight)


def verdict(reasons: list[Reason]) -> str:
    """The word for the gravest of them."""
    return VERDICTS[max((reason.weight for reason in reasons), default=NOTE)]


def _of_sensor(sensor: Sensor, findings: SensorFindings) -> Iterator[Reason]:
    report = findings.report
    if report.accepted == 0 or report.accepted < UNUSABLE * report.rows:
        slip = "a reversed clock?" if report.late > report.nan else "a broken sensor or a wrong export?"
        yield Reason(
            POOR,
            f"only {report.accepted} of {counted(report.rows, 'row')} of {sensor} are usable ({slip}):"
            " reprocess refuses the session",
        )
        return
    yield from _losses(sensor, findings)
    yield from _clock(sensor, findings)
    if report.saturated > SATURATED_CARE * report.accepted:
        yield Reason(
            CARE,
            f"{percent_text(report.saturated / report.accepted)} of the samples of {sensor} stand at the limit of its"
            " range: contacts there are marked saturated (choose a wider range?)",
        )


def _losses(sensor: Sensor, findings: SensorFindings) -> Iterator[Reason]:
    report, share = findings.report, findings.lost_share
    what = "steps there have no pelvic drop" if sensor == "pelvis" else "strides there are left out"
    if share > LOST_CARE:
        nan = f" ({report.nan} came as NaN)" if report.nan else ""
        yield Reason(
            POOR if share > LOST_POOR else CARE,
            f"{percent_text(share)} of the samples of {sensor} are lost{nan}: {what}",
        )
    elif findings.longest_gap_s > LONG_GAP_S:
        yield Reason(CARE, f"{sensor} was silent for {duration_text(findings.longest_gap_s)} at a stretch: {what}")
    if report.late > LATE_CARE * report.rows:
        yield Reason(
            CARE,
            f"{percent_text(report.late / report.rows)} of the rows of {sensor} came out of order and are dropped"
            " (two recordings in one file?)",
        )


def _clock(sensor: Sensor, findings: SensorFindings) -> Iterator[Reason]:
    report, stated = findings.report, findings.rate_hz
    measured = report.rate_hz
    if measured is not None and abs(measured - stated) > RATE_CARE * stated:
        yield Reason(
            CARE,
            f"{sensor} delivers {measured:.1f} samples a second, session.json says {stated:g}:"
            " correct rate_hz there, or times and counter",
        )
    if stated < RATE_LEAST_HZ:
        yield Reason(
            CARE, f"{stated:g} Hz of {sensor} is slow: contact times are coarse, want {RATE_LEAST_HZ:g} or more"
        )
    if report.clock_jumps * 60.0 > JUMPS_A_MINUTE_CARE * max(findings.duration_s, 60.0):
        yield Reason(
            CARE,
            f"the clock of {sensor} jumps {counted(report.clock_jumps, 'time')} though nothing is lost:"
            " step times there are wrong by as much",
        )
