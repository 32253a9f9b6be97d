"""What sensors delivered and what tables say, read in plain numpy and Python: none of our stages is asked."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

import numpy as np

from imu.core.canonical import canonical_json
from imu.core.events import Event
from imu.core.matching import pairs
from imu.core.samples import Samples
from imu.core.session import FEET, Foot, Sensor, Session, sensor_of
from imu.core.tables import CONTACTS, STEPS, STRIDES, Row
from imu.gait.foot import FootParams
from imu.gait.intake import IntakeParams
from imu.pipeline import Pipeline
from imu.simulate import Recording
from tests.contract.random_people import Walked

MS, S = 1_000_000, 1_000_000_000
"""Nanoseconds."""
LEAST_N = 10
"""Rows below which there is no mean."""
FLOAT32 = 1e-6
"""Relative error of a sum or a ratio of float32 values."""
JUMP_NS = round(IntakeParams().clock_jump_s * S)
"""The pipeline's own choice: a clock that jumps farther may have hidden a contact."""
RESET_GAP_NS = round(FootParams().reset_gap_s * S)
"""The pipeline's own choice: in a gap longer than that a contact may be lost."""

NEAR_NS, LENGTH_M, LENGTH_SHARE = 50 * MS, 0.05, 0.1
"""What counts as right against the truth."""
STEADY_NS = 6 * S
TURNED_DEG, STRAIGHT_DEG = 35.0, 15.0
RESTED_NS, WALKED_NS = 2500 * MS, 900 * MS
SHORTER, AS_LONG = 0.35, 0.7
"""Which contacts clearly have a reason, and which clearly have not; between them nobody is asked."""


@dataclass(frozen=True)
class Accepted:
    """A sensor's rows after repair."""

    t_ns: np.ndarray
    seq: np.ndarray
    clipped: np.ndarray
    late: int
    nan: int
    period_ns: float

    @classmethod
    def of(cls, samples: Samples, rate_hz: float) -> "Accepted":
        limit = IntakeParams()
        bad = ~(np.abs(samples.acc) <= limit.acc_most_m_s2).all(axis=1)
        bad |= ~(np.abs(samples.gyr) <= limit.gyr_most_rad_s).all(axis=1)
        rows = samples.where(~bad)
        newest = np.maximum.accumulate(rows.t_ns)
        kept = np.concatenate([[True], rows.t_ns[1:] > newest[:-1]]) if len(rows) else np.empty(0, np.bool_)
        kept_rows = rows.where(kept)
        return cls(kept_rows.t_ns, kept_rows.seq, kept_rows.clipped, int((~kept).sum()), int(bad.sum()), 1e9 / rate_hz)

    @cached_property
    def lost(self) -> np.ndarray:
        """(n,) lost just before each row; meaningless where the counter began anew."""
        return np.diff(self.seq, prepend=self.seq[:1] - 1) - 1

    @cached_property
    def elapsed_ns(self) -> np.ndarray:
        return np.diff(self.t_ns, prepend=self.t_ns[:1])

    @property
    def counts_on(self) -> bool:
        return bool((self.lost >= 0).all())

    def gaps(self, start_ns: int, end_ns: int) -> slice:
        """Rows whose interval to the row before lies in (start, end], be it in part."""
        first, last = np.searchsorted(self.t_ns, [start_ns, end_ns])
        return slice(int(first), int(last) + 1)

    def whole(self, start_ns: int, end_ns: int) -> bool:
        """Nothing is missing there, and the clock runs on."""
        part = self.gaps(start_ns, end_ns)
        even = self.elapsed_ns[part] <= self.period_ns + max(JUMP_NS, 0.5 * self.period_ns)
        return bool((self.lost[part] == 0).all() and even.all())

    def inner(self, start_ns: int, end_ns: int) -> slice:
        """Rows whose interval to the row before lies wholly within [start, end]."""
        first, last = np.searchsorted(self.t_ns, start_ns), np.searchsorted(self.t_ns, end_ns, side="right")
        return slice(int(first) + 1, int(last))


@dataclass(frozen=True)
class Found:
    """A seed's session, and all that the pipeline said of it, whole sensor after whole sensor."""

    seed: int
    session: Session
    samples: Mapping[Sensor, Samples]
    recording: Recording
    pipeline: Pipeline
    told: list[Event]
    told_at_end: list[Event]

    @classmethod
    def of(cls, seed: int, walked: Walked) -> "Found":
        pipeline = Pipeline(walked.session, list(walked.samples))
        told = [event for sensor, rows in walked.samples.items() for event in pipeline.push(sensor, rows)]
        return cls(seed, *walked, pipeline, told, pipeline.flush())

    @property
    def events(self) -> list[Event]:
        return self.told + self.told_at_end

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        return self.pipeline.tables()

    @cached_property
    def summary(self) -> dict[str, Any]:
        return self.pipeline.summary()

    @property
    def contacts(self) -> list[Any]:
        return self.tables[CONTACTS.name]

    @property
    def strides(self) -> list[Any]:
        return self.tables[STRIDES.name]

    @property
    def steps(self) -> list[Any]:
        return self.tables[STEPS.name]

    @cached_property
    def accepted(self) -> dict[Sensor, Accepted]:
        return {s: Accepted.of(rows, self.session.sensors[s].rate_hz) for s, rows in self.samples.items()}

    @property
    def feet(self) -> list[Foot]:
        return [foot for foot in FEET if sensor_of(foot) in self.samples]

    def of_foot(self, foot: str) -> list[Any]:
        return [row for row in self.contacts if row["foot"] == foot]

    def contact(self, foot: str, t_ns: int) -> Any:
        (row,) = (row for row in self.of_foot(foot) if row["t_contact_ns"] == t_ns)
        return row


def said_of(pipeline: Pipeline) -> str:
    return canonical_json({"tables": pipeline.tables(), "summary": pipeline.summary()})


def reasons(row: Row) -> set[str]:
    return set(str(row["quality"]).split(";")) - {""}


def close(value: Any, wanted: Any, tolerance: float = FLOAT32) -> bool:
    if value is None or wanted is None:
        return value is wanted
    return math.isclose(value, wanted, rel_tol=tolerance, abs_tol=tolerance)


# streams


def packets(samples: Mapping[Sensor, Samples], rng: np.random.Generator) -> Iterator[tuple[Sensor, Samples]]:
    """Cut anywhere, often into nothing, and any sensor's next packet next."""
    waiting: dict[Sensor, list[Samples]] = {}
    for sensor, rows in samples.items():
        cuts = np.sort(rng.integers(0, len(rows) + 1, int(rng.integers(0, 150)))).tolist()
        waiting[sensor] = [rows[begin:end] for begin, end in pairwise([0, *cuts, len(rows)])]
    while waiting:
        sensor = list(waiting)[int(rng.integers(len(waiting)))]
        yield sensor, waiting[sensor].pop(0)
        if not waiting[sensor]:
            del waiting[sensor]


def live(samples: Mapping[Sensor, Samples], rng: np.random.Generator) -> Iterator[tuple[Sensor, Samples]]:
    """Packets of so many rows a sensor, each as soon as it is full."""
    sent: list[tuple[int, Sensor, int, int]] = []
    for sensor, rows in samples.items():
        size = int(rng.integers(1, 25))
        newest = np.maximum.accumulate(rows.t_ns)
        sent += [(int(newest[at : at + size][-1]), sensor, at, at + size) for at in range(0, len(rows), size)]
    for _, sensor, begin, end in sorted(sent):
        yield sensor, samples[sensor][begin:end]


# the summary's figures


def sides(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) and value.keys() == {"left", "right"} else {"": value}


def alike(told: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return told.keys() == wanted.keys() and all(alike(told[key], value) for key, value in wanted.items())
    return close(told, wanted, 2e-6)


def figures(contacts: list[Any], strides: list[Any], steps: list[Any]) -> dict[str, tuple[Any, int]]:
    """Each figure of a direction and how many rows it has; None where they are too few."""
    told: dict[str, tuple[Any, int]] = {}

    def tell(name: str, n: int, figure: Callable[[], Any]) -> None:
        told[name] = (figure() if n >= LEAST_N else None), n

    def statistic(name: str, values: list[float]) -> None:
        tell(name, len(values), lambda: {"mean": fmean(values), "sd": stdev(values), "n": len(values)})

    times, cadences = [row["step_time_s"] for row in steps], [row["cadence_spm"] for row in steps]
    n = len(steps)
    tell("cadence_spm", n, lambda: {"mean": 60.0 * n / sum(times), "sd": stdev(cadences), "n": n})
    uncertain = [row["pattern"] == "uncertain" for row in contacts]
    tell("uncertain_share", len(contacts), lambda: fmean(uncertain))
    for foot in FEET:
        first = [
            row["pattern"] == "toe_to_heel"
            for row in contacts
            if (row["foot"], row["pattern"]) != (foot, "uncertain") and row["foot"] == foot
        ]
        tell(f"toe_first_share.{foot}", len(first), lambda first=first: fmean(first))
        drops = [
            row["pelvic_drop_deg"] for row in steps if row["stance_foot"] == foot and row["pelvic_drop_deg"] is not None
        ]
        statistic(f"pelvic_drop_deg.{foot}", drops)
    for name in ("stance_fraction", "stride_length_m", "speed_m_s"):
        statistic(name, [row[name] for row in strides if row[name] is not None])
    left = [row["step_time_s"] for row in steps if row["stance_foot"] == "right"]
    right = [row["step_time_s"] for row in steps if row["stance_foot"] == "left"]
    tell(
        "step_time_asymmetry_pct",
        min(len(left), len(right)),
        lambda: {"value": 200.0 * (fmean(right) - fmean(left)) / (fmean(right) + fmean(left)), "n": len(left + right)},
    )
    return told


# against the truth


def session_ns(recording: Recording, sensor: Sensor, true_ns: int) -> int:
    """What the sensor's clock shows then: truth knows neither drift nor offset."""
    clock = recording.sensors[sensor].clock
    return round(true_ns * (1.0 + 1e-6 * clock.drift_ppm) + clock.offset_s * S)


def tally(found: Found) -> Counter[tuple[str, bool]]:
    """Of what truth can judge, how much is right and how much is wrong."""
    told: Counter[tuple[str, bool]] = Counter()
    for foot in found.feet:
        truth = [row for row in found.recording.truth_contacts if row["foot"] == foot]
        own = found.of_foot(foot)
        times = [session_ns(found.recording, sensor_of(foot), row["t_contact_ns"]) for row in truth]
        mates = {i: own[k] for i, k in pairs(times, [row["t_contact_ns"] for row in own], NEAR_NS)}
        asked = [i for i in range(1, len(truth) - 1) if steady(truth[i - 1 : i + 2])]
        for i in asked:
            told["contacts found within 50 ms", i in mates] += 1
            if i in mates:
                told += judged(found, mates[i], truth[i])
        right = {row["t_contact_ns"] for row in mates.values()}
        for i in asked:
            # from the foot's contact before to this one
            among = [t for row in own if times[i - 1] < (t := row["t_contact_ns"]) - NEAR_NS <= times[i]]
            told.update(("found contacts that are true within 50 ms", t_ns in right) for t_ns in among)
        headings = heading_deg(found.recording, foot, [row["t_contact_ns"] for row in truth])
        for i in range(1, len(truth)):
            if i in mates and i - 1 in mates:
                turned = abs((headings[i] - headings[i - 1] + 180.0) % 360.0 - 180.0)
                told += reasoned(mates[i], truth[i - 1], truth[i], turned)
    return told


def steady(rows: list[Any]) -> bool:
    """The middle one of three is amid others of its direction: no first and no closing step, no turn."""
    before, row, after = rows
    alike = before["direction"] == row["direction"] == after["direction"] != "in_place"
    return alike and after["t_contact_ns"] - before["t_contact_ns"] <= STEADY_NS


def judged(found: Found, row: Any, true: Any) -> Counter[tuple[str, bool]]:
    """What a steady contact says of itself and of the stride that it ends."""
    told = Counter({("directions right", row["direction"] == true["direction"]): 1})
    if true["first"] != "flat":
        told["patterns right", row["pattern"] == {"heel": "heel_to_toe", "toe": "toe_to_heel"}[true["first"]]] += 1
    for stride in found.strides:
        if (stride["foot"], stride["t_end_ns"]) == (row["foot"], row["t_contact_ns"]) and stride["stride_length_m"]:
            off_m = abs(stride["stride_length_m"] - true["stride_length_m"])
            told[
                "stride lengths within 10 % or 5 cm", off_m <= max(LENGTH_M, LENGTH_SHARE * true["stride_length_m"])
            ] += 1
    return told


def reasoned(row: Any, before: Any, true: Any, turned_deg: float) -> Counter[tuple[str, bool]]:
    """Whether a contact names the reasons that it has, and none that it has not."""
    told: Counter[tuple[str, bool]] = Counter()
    stood_ns = before["t_release_ns"] - before["t_contact_ns"]
    longer = true["stride_length_m"] / before["stride_length_m"] if before["stride_length_m"] else AS_LONG
    for reason, has, has_not in (
        ("turn", turned_deg > TURNED_DEG, turned_deg < STRAIGHT_DEG),
        ("start", stood_ns > RESTED_NS, stood_ns < WALKED_NS),
        ("stop", longer < SHORTER, longer > AS_LONG),
    ):
        if has or has_not:
            told[f"{reason} where it is due", (reason in reasons(row)) == has] += 1
    return told


def heading_deg(recording: Recording, foot: Foot, t_ns: list[int]) -> list[float]:
    _, attitude = recording.foot(foot).pose(np.array(t_ns, np.float64) / S)
    # of the left axis, which a foot does not lift much
    return np.degrees(np.arctan2(-attitude[:, 0, 1], attitude[:, 1, 1])).tolist()
