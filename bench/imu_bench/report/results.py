"""accuracy.json and speed.json as values: read strictly, for a figure that was misread is worse than none."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from imu.core.errors import RetrogaitError

ACCURACY: Final = "accuracy.json"
SPEED: Final = "speed.json"
SCHEMA: Final = "retrogait.accuracy/1"
SPEED_SCHEMA: Final = "retrogait.speed/1"
ALL: Final = "all"
WALKINGS: Final = (ALL, "forward", "backward", "in_place", "unknown")
"""As people read them."""
OURS: Final = "retrogait"
"""What the names of our own detectors begin with."""

Document: TypeAlias = Mapping[str, Any]
Kind: TypeAlias = Literal["whole", "streaming", "outside"]
T = TypeVar("T")


class BadResults(RetrogaitError, ValueError):
    """A file of results that can't be read, or lacks something."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `n` of the `asked` are what it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    asked: int

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def coverage(self) -> float | None:
        return self.n / self.asked if self.asked else None


NOTHING: Final = Figure(None, None, None, 0, 0)
Figures: TypeAlias = Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Bin:
    """Contacts whose confidence lies between two figures, and how many of them were right."""

    low: float
    high: float
    n: int
    right: int
    said: float | None = None
    """What they said of themselves on average."""

    @property
    def stated(self) -> float:
        return (self.low + self.high) / 2.0 if self.said is None or not self.n else self.said


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one detector in one scenario."""

    failed: Mapping[str, str]
    walking: Mapping[str, Figures]
    calibration: Sequence[Bin]

    def figure(self, walking: str, key: str) -> Figure:
        return self.walking.get(walking, {}).get(key, NOTHING)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A data set, or a part of it, as it is or made worse."""

    id: str
    data: str
    split: str
    perturbation: str | None
    about: str
    sessions: int
    subjects: int
    minutes: float
    detectors: Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class About:
    """Of a detector."""

    name: str
    title: str
    source: str
    licence: str
    packages: Mapping[str, str]
    kind: str


@dataclass(frozen=True, slots=True)
class Data:
    """Of a data set: what its card says, and which files it was."""

    name: str
    title: str
    citation: str
    licence: str
    kind: str
    figures: str
    truth: Mapping[str, str]
    sessions: int
    subjects: int
    digest: str
    left_out: Sequence[str] = ()
    """What of its originals could not be read, a line each."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for."""

    everything: bool
    scenarios: Sequence[str]
    given_sessions: bool
    """Session folders in place of originals; which, the file does not tell."""
    detectors: Sequence[str] | None
    """None = all that were there."""
    private: bool


@dataclass(frozen=True, slots=True)
class Results:
    """The whole of accuracy.json, detectors and data sets in the order in which they are shown: ours first."""

    seed: int
    resamples: int
    interval: float
    software: Mapping[str, str]
    private: bool
    detectors: Mapping[str, About]
    data: Mapping[str, Data]
    scenarios: Mapping[str, Scenario]
    asked: Asked | None = None
    """None = the file does not tell."""

    def of_data(self, name: str, *, perturbed: bool = False) -> list[Scenario]:
        """Its scenarios, the whole of it first."""
        found = [one for one in self.scenarios.values() if one.data == name and bool(one.perturbation) == perturbed]
        return sorted(found, key=lambda one: (one.split != ALL, one.id))


def is_ours(name: str) -> bool:
    """Is a detector this project's own? Baselines that it brings along are not."""
    return name == OURS or name.startswith(f"{OURS}-")


def accuracy_path(given: Path) -> Path:
    """The file itself, or the one in a folder."""
    return given if given.is_file() or given.suffix == ".json" else given / ACCURACY


def read_results(given: Path) -> Results:
    """accuracy.json, or that of a folder, as it is: private data sets included.

    Raises:
        BadResults: it is not there, or not such a file.
    """
    path = accuracy_path(given)
    document = _document(path, SCHEMA, "imu-bench run")
    return _checked(path, lambda: results_of(document))


def read_speed(folder: Path) -> Document | None:
    """speed.json of a folder, None where there is none.

    Raises:
        BadResults: it is not such a file.
    """
    path = folder / SPEED
    return _document(path, SPEED_SCHEMA, "imu-bench speed") if path.exists() else None


def results_of(document: Document) -> Results:
    """Values of a document. KeyError and the like where it is another one: `read_results` puts them into words."""
    detectors = {name: _about(name, said) for name, said in document["detectors"].items()}
    data = {name: _data(name, said) for name, said in document["data"].items()}
    scenarios = {name: _scenario(name, said) for name, said in document["scenarios"].items()}
    for one in scenarios.values():
        if one.data not in data or not set(one.detectors) <= set(detectors):
            raise KeyError(f"data set or detectors of scenario {one.id}")
    return Results(
        seed=int(document["seed"]),
        resamples=int(document["resamples"]),
        interval=float(document["interval"]),
        software=_texts(document["software"]),
        private=bool(document["private"]),
        detectors=dict(sorted(detectors.items(), key=lambda item: (not is_ours(item[0]), item[0]))),
        data=dict(sorted(data.items())),
        scenarios=dict(sorted(scenarios.items())),
        asked=None if document.get("asked") is None else _asked(document["asked"]),
    )


def _document(path: Path, schema: str, maker: str) -> Document:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise BadResults(f"{path} is not there; want what {maker} wrote") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadResults(f"{path} can't be read: {' '.join(str(error).split())}; want what {maker} wrote") from None
    try:
        document = json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise BadResults(f"{path} is no JSON: {error}; want what {maker} wrote") from None
    got = cast("Document", document).get("schema") if isinstance(document, dict) else None
    if got != schema:
        raise BadResults(f"{path} has schema {got!r}; want {schema!r}: another file, or another version's?")
    return cast("Document", document)


def _no_number(name: str) -> float:
    raise ValueError(f"it has {name}; want null where a figure is not known")


def _checked(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except KeyError as error:
        raise BadResults(f"{path} has no {error.args[0]}; want all keys of {SCHEMA}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise BadResults(f"{path} is not as {SCHEMA} wants it: {error}") from None


def _about(name: str, said: Document) -> About:
    return About(
        name=name,
        title=str(said["title"]),
        source=str(said["source"]),
        licence=str(said["licence"]),
        packages=_texts(said["packages"]),
        kind=str(said["kind"]),
    )


def _asked(said: Document) -> Asked:
    return Asked(
        everything=bool(said["everything"]),
        scenarios=[str(one) for one in said["scenarios"]],
        given_sessions=bool(said["given_sessions"]),
        detectors=None if said["detectors"] is None else [str(one) for one in said["detectors"]],
        private=bool(said["private"]),
    )


def _data(name: str, said: Document) -> Data:
    return Data(
        name=name,
        title=str(said["title"]),
        citation=str(said["citation"]),
        licence=str(said["licence"]),
        kind=str(said["kind"]),
        figures=str(said["figures"]),
        truth=_texts(said["truth"]),
        sessions=int(said["sessions"]),
        subjects=int(said["subjects"]),
        digest=str(said["digest"]),
        left_out=[str(line) for line in said.get("left_out") or ()],
    )


def _scenario(name: str, said: Document) -> Scenario:
    return Scenario(
        id=name,
        data=str(said["data"]),
        split=str(said["split"]),
        perturbation=None if said["perturbation"] is None else str(said["perturbation"]),
        about=str(said["about"]),
        sessions=int(said["sessions"]),
        subjects=int(said["subjects"]),
        minutes=_finite(said["minutes"]),
        detectors={detector: _answer(answer) for detector, answer in said["detectors"].items()},
    )


def _answer(said: Document) -> Answer:
    return Answer(
        failed=_texts(said["failed"]),
        walking={
            walking: {key: _figure(figure) for key, figure in figures.items()}
            for walking, figures in said["walking"].items()
        },
        calibration=[
            Bin(
                _finite(one["low"]),
                _finite(one["high"]),
                int(one["n"]),
                int(one["right"]),
                None if one.get("said") is None else _finite(one["said"]),
            )
            for one in said["calibration"]
        ],
    )


def _figure(said: Document) -> Figure:
    value, low, high = (None if said[key] is None else _finite(said[key]) for key in ("value", "low", "high"))
    return Figure(value, low, high, int(said["n"]), int(said["asked"]))


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"got {value!r}; want a finite number")
    return number


def _texts(said: Document) -> dict[str, str]:
    return {str(key): str(value) for key, value in sorted(said.items())}
