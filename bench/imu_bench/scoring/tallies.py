"""What is counted of one session and one walking: plain lists and counts that lie end to end, session by session."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from imu.core.tables import Row, Value

UNKNOWN: Final = "unknown"
"""The walking of contacts to which truth gives no direction: turns and closing steps."""
ALL: Final = "all"
WALKINGS: Final = (ALL, "forward", "backward", "in_place", UNKNOWN)
BINS: Final = 10
"""Of confidence, each 0.1 wide."""
PLACES: Final = 6
"""0.9 read from 32 bits is 0.89999998; it belongs to the bin that begins at 0.9."""


@dataclass(slots=True)
class Errors:
    """What was found minus what is true, one a finding; `asked`: how many the truth asks for."""

    asked: int = 0
    found: list[float] = field(default_factory=list[float])

    def add(self, found: float | None, true: float, unit: float = 1.0) -> None:
        """One that truth asks for; None = not found."""
        self.asked += 1
        if found is not None:
            self.found.append((found - true) / unit)


@dataclass(slots=True)
class Squares:
    """The same of so many that only their count and their sum of squares are kept."""

    asked: int = 0
    found: int = 0
    squares: float = 0.0


@dataclass(slots=True)
class Verdicts:
    """Was the name right? `undecided` ones are neither right nor wrong; of `missed` contacts nothing was said."""

    right: int = 0
    wrong: int = 0
    undecided: int = 0
    missed: int = 0

    @property
    def told(self) -> int:
        """Of how many contacts that were found truth asks."""
        return self.right + self.wrong + self.undecided

    def add(self, found: Row | None, name: str, wanted: Value, undecided: Sequence[Value]) -> None:
        """One contact that truth names; None = it was not found."""
        said = None if found is None else found.get(name)
        if found is None:
            self.missed += 1
        elif said in undecided:
            self.undecided += 1
        elif said == wanted:
            self.right += 1
        else:
            self.wrong += 1


@dataclass(slots=True)
class Timing:
    """Contacts of one foot: found minus true, ms. Where steadiness is asked for each foot stands by itself."""

    asked: int = 0
    steady_asked: int = 0
    """Those whose neighbours, before and after, walk in a known direction."""
    error_ms: list[float] = field(default_factory=list[float])
    steady: list[bool] = field(default_factory=list[bool])


@dataclass(slots=True)
class Claims:
    """Instants that a detector names for its own answers, against the clock of who fed it."""

    judged: int = 0
    false: int = 0


@dataclass(slots=True)
class Confidence:
    """By bin: how many contacts, what they said of themselves in sum, and how many were right."""

    asked: int = 0
    count: list[int] = field(default_factory=lambda: [0] * BINS)
    said: list[float] = field(default_factory=lambda: [0.0] * BINS)
    right: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, said: float | None, *, right: bool) -> None:
        """One contact of which truth names something; None = it says nothing of itself."""
        self.asked += 1
        if said is None:
            return
        place = min(max(int(round(said, PLACES) * BINS), 0), BINS - 1)
        self.count[place] += 1
        self.said[place] += said
        self.right[place] += right


@dataclass(slots=True)
class Tally:
    """All that was asked of contacts of one true direction, and of the strides and steps that they end."""

    hours: float = 0.0
    """In which truth is known and nothing is left out; the mean of both feet, where both were recorded."""
    false: int = 0
    left: Timing = field(default_factory=Timing)
    right: Timing = field(default_factory=Timing)
    direction: Verdicts = field(default_factory=Verdicts)
    pattern: Verdicts = field(default_factory=Verdicts)
    confidence: Confidence = field(default_factory=Confidence)
    release_ms: Errors = field(default_factory=Errors)
    second_ms: Errors = field(default_factory=Errors)
    foot_angle_deg: Errors = field(default_factory=Errors)
    stride_time_ms: Errors = field(default_factory=Errors)
    stride_length_m: Errors = field(default_factory=Errors)
    cadence_spm: Errors = field(default_factory=Errors)
    pelvic_drop_deg: Errors = field(default_factory=Errors)
    pelvic_drop_robust_deg: Errors = field(default_factory=Errors)
    pelvic_drop_in_sds: Errors = field(default_factory=Errors)
    """The error of a drop over its stated standard deviation."""
    obliquity_deg: Squares = field(default_factory=Squares)
    tilt_deg: Squares = field(default_factory=Squares)
    latency_ms: Errors = field(default_factory=Errors)
    """From the true contact to the newest sample that had been fed when it was told."""
    provisional_ms: Errors = field(default_factory=Errors)
    claims: Claims = field(default_factory=Claims)


Tallies: TypeAlias = dict[str, Tally]
"""By walking: the true direction, or `unknown`."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One session that was scored."""

    subject: str
    session: str
    tallies: Tallies
    minutes: float = 0.0
    """Of its recording."""
