"""What a detector is to the benchmark: samples in, tables out. It never sees the truth.

There are three kinds, by what they are asked:

- `Whole`: gets a recording at once. It has no latency to speak of.
- `Streaming`: is fed a little at a time, as live, and tells contacts as it goes. Who feeds it looks at the clock.
- `Outside`: reads session folders and writes predictions itself, in a process or an environment of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from imu.core.samples import Samples
from imu.core.session import Sensor, Session
from imu.core.tables import Row

Found: TypeAlias = Mapping[str, Sequence[Row]]
"""Rows by name of their table, one of `predictions.PREDICTED`. A row may leave out what its table allows to be null;
a table that is left out was not looked for."""


@dataclass(frozen=True, slots=True)
class About:
    """What readers of a table of results have to know of a detector."""

    name: str
    """Lower case, digits, dashes: part of paths."""
    title: str
    source: str
    """Paper or project, as it wants to be cited."""
    licence: str
    packages: Mapping[str, str]
    """What it runs, with versions."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """All that a detector gets of a recording."""

    session: Session
    samples: Mapping[Sensor, Samples]
    """In order of arrival, m/s^2 and rad/s in sensor axes."""


@runtime_checkable
class Whole(Protocol):
    """Wants the whole recording."""

    @property
    def about(self) -> About: ...

    def detect(self, heard: Heard) -> Found:
        """Everything that happens in a recording."""
        ...


class Stream(Protocol):
    """One recording on its way through a streaming detector."""

    def push(self, sensor: Sensor, samples: Samples) -> Iterable[Row]:
        """Contacts that these samples settle; samples of one sensor come in order, those of all in order of time."""
        ...

    def end(self) -> Found:
        """Everything, contacts that were told before among it, after the last sample."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """Answers while it is fed."""

    @property
    def about(self) -> About: ...

    def start(self, session: Session) -> Stream:
        """Ready for a recording's first sample."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A session folder without truth, and the folder that its predictions go to."""

    session: Path
    predictions: Path


@runtime_checkable
class Outside(Protocol):
    """Works on files; slow to start, so that it gets all of its work at once."""

    @property
    def about(self) -> About: ...

    def run(self, tasks: Sequence[Task]) -> Mapping[Task, str]:
        """Writes the predictions of each, and returns the reason, in one line, for each that failed."""
        ...


Detector: TypeAlias = Whole | Streaming | Outside
