"""Predictions and truth -> OUT/accuracy.json: a function of files and a seed, byte for byte.

Scored is what lies below OUT/predictions/ID/DETECTOR/, wherever it came from: a folder for each session, and beside
them run.json with

    detector    name, title, source, licence, packages, kind (whole, streaming or outside)
    failed      by session, the reason in one line
    packet_ms   how much a streaming detector was fed at a time (default 50)

A session that failed, and one without predictions, counts as missed.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, cast

from imu.core.canonical import canonical_json
from imu.core.errors import BadTableFile, RetrogaitError
from imu.core.session import FEET, Session, sensor_of
from imu.store.atomic import write_bytes
from imu.store.folder import present_sensors, read_session
from imu.store.raw import raw_path, read_raw
from imu.version import VERSION
from imu_bench.detector import Found
from imu_bench.predictions import FOUND_CONTACTS, FOUND_STEPS, FOUND_STRIDES, PREDICTED, TOLD, read_predictions
from imu_bench.running.ledger import PREDICTIONS, RUN
from imu_bench.running.recordings import card_of
from imu_bench.running.scenario import Staged
from imu_bench.scoring.bootstrap import INTERVAL
from imu_bench.scoring.figures import figures_of
from imu_bench.scoring.scores import FED_NS, Spans, compare
from imu_bench.scoring.scores_steps import MS
from imu_bench.scoring.tallies import Scored
from imu_bench.truth import Truth, read_truth

ACCURACY: Final = "accuracy.json"
SCHEMA: Final = "retrogait.accuracy/1"
CARD: Final = ("title", "citation", "licence", "kind", "figures")
ABOUT: Final = ("title", "source", "licence", "packages", "kind")
STREAMING: Final = "streaming"
UNTOLD: Final[Mapping[str, None]] = MappingProxyType({TOLD: None, "t_provisional_ns": None})
DIGITS: Final = 6
"""Of figures, as they are written."""
NS_PER_MIN: Final = 60_000_000_000
LEAVES: Final = re.compile(r'\{\s+"(?:asked|high)":[^{}\[\]"]*(?:"\w+":[^{}\[\]"]*)*\}')
"""Figures and bins: of numbers alone, and short enough for a line each."""
FEET_IN: Final[Mapping[str, str]] = MappingProxyType(
    {FOUND_CONTACTS.name: "foot", FOUND_STRIDES.name: "foot", FOUND_STEPS.name: "stance_foot"}
)
"""Which column of a table names a foot."""

Say: TypeAlias = Callable[[str], None]


class BadRun(RetrogaitError, ValueError):
    """Predictions that can't be scored."""


class Known(NamedTuple):
    """All that is needed of a recording to score what was found in it."""

    session: Session
    truth: Truth
    spans: Spans | None
    """None = its samples can't be read."""

    @property
    def minutes(self) -> float:
        """From its first sample to its last."""
        ends = list((self.spans or {}).values())
        return (max(last for _, last in ends) - min(first for first, _ in ends)) / NS_PER_MIN if ends else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run.json: who made the predictions beside it, and how."""

    name: str
    about: Mapping[str, Any]
    failed: Mapping[str, str]
    fed_ns: int


def partial_truth(data: str) -> bool:
    """Whether the truth of a data set does not cover all that was walked, as its card says."""
    card = card_of(data)
    return card is not None and card.partial_truth


def clocks_apart(data: str) -> bool:
    """Whether nobody knows how the clocks of its truth and its sensors lie to each other, as its card says."""
    card = card_of(data)
    return card is not None and card.clocks_apart


def known(folder: Path, *, partial: bool = False) -> Known | None:
    """A session folder that has truth; None without.

    Args:
        folder: holds session.json, raw/ and the truth_*.parquet.
        partial: truth does not cover all that was walked, even if session.json says nothing of it.

    Raises:
        RetrogaitError: the session, or its truth, can't be read.
    """
    session = read_session(folder)
    truth = read_truth(folder, session)
    if truth is None:
        return None
    return Known(session, replace(truth, complete=False) if partial else truth, _spans(folder, session))


def scored(one: Known, found: Found | None, *, fed_ns: int = FED_NS) -> Scored:
    """What is counted of a recording; None = the detector failed."""
    return Scored(one.session.subject, one.session.session, compare(one.truth, found, one.spans, fed_ns=fed_ns))


def write_accuracy(
    out: Path,
    scenarios: Iterable[Staged],
    *,
    seed: int = 1,
    resamples: int = 1000,
    private: bool = False,
    say: Say = lambda note: None,
) -> Path:
    """Score whatever predictions there are.

    Args:
        out: holds predictions/; accuracy.json is written there.
        scenarios: which ones, and where their sessions lie.
        seed: of the resamples.
        resamples: how many.
        private: data sets of which nothing may be shown to others, and those without a card, are scored as well.
        say: is told, in one line each, of what is left out.

    Returns:
        The file.

    Raises:
        RetrogaitError: a run.json that can't be read, or predictions of one name by different detectors.
        CannotWrite: with the system's reason.
    """
    recordings = _Recordings(say)
    detectors: dict[str, Mapping[str, Any]] = {}
    data: dict[str, dict[str, Any]] = {}
    sessions: dict[str, dict[str, Path]] = {}
    told: dict[str, dict[str, Any]] = {}
    for staged in sorted(scenarios, key=lambda one: one.id):
        runs = _runs(out / PREDICTIONS / staged.id)
        if not runs:
            continue
        about = data.get(staged.data) or _about_data(staged.data)
        if about["figures"] != "published" and not private:
            say(f"{staged.id}: {staged.data} is private; left out")
            continue
        for folder, run in runs:
            if detectors.setdefault(run.name, run.about) != run.about:
                raise BadRun(
                    f"{folder} was made by another {run.name} than the others; want one (remove it, run again)"
                )
        data[staged.data] = about
        held = {name: one for name, path in staged.sessions.items() if (one := recordings.at(path, staged.data))}
        sessions.setdefault(staged.data, {}).update({name: staged.sessions[name] for name in held})
        told[staged.id] = {
            "data": staged.data,
            "split": staged.split,
            "perturbation": staged.perturbation,
            "about": staged.about,
            "sessions": len(held),
            "subjects": len({one.session.subject for one in held.values()}),
            "minutes": round(sum(one.minutes for one in held.values()), 3),
            "detectors": {
                run.name: _answer(folder, run, held, seed, resamples, clocks_apart=clocks_apart(staged.data))
                for folder, run in runs
            },
        }
    for name, folders in sessions.items():
        data[name] |= recordings.told(folders)
    document = {
        "schema": SCHEMA,
        "seed": seed,
        "resamples": resamples,
        "interval": INTERVAL,
        "software": {"retrogait": VERSION},
        "private": any(about["figures"] != "published" for about in data.values()),
        "detectors": detectors,
        "data": data,
        "scenarios": told,
    }
    path = out / ACCURACY
    write_bytes(path, _text(document).encode())
    return path


def _answer(
    folder: Path, run: Run, held: Mapping[str, Known], seed: int, resamples: int, *, clocks_apart: bool
) -> dict[str, Any]:
    """One detector in one scenario."""
    failed = {name: reason for name, reason in run.failed.items() if name in held}
    tables: dict[str, Found] = {}
    for name in held.keys() - failed.keys():
        try:
            tables[name] = _predictions(folder / name, fed=run.about["kind"] == STREAMING)
        except RetrogaitError as error:
            failed[name] = " ".join(str(error).split())
    found = [scored(one, tables.get(name), fed_ns=run.fed_ns) for name, one in held.items()]
    # who failed throughout was asked for everything; who told of no table, for nothing: the sensor was not worn
    sought = {table for one in tables.values() for table in one} if tables else set(PREDICTED)
    figures = figures_of(found, sought=sought, seed=seed, resamples=resamples, clocks_apart=clocks_apart)
    walking = {name: dict(filter(_says_something, told.items())) for name, told in figures["walking"].items()}
    return {"failed": failed, **figures, "walking": walking}


def _says_something(item: tuple[str, Mapping[str, Any]]) -> bool:
    """A figure of which nothing was asked, and to which nothing was found, is left out: most of them are."""
    _, figure = item
    return bool(figure["n"] or figure["asked"] or figure["value"] is not None)


def _predictions(folder: Path, *, fed: bool) -> Found:
    """Whom nobody fed has told nothing at any time, whatever stands in its files."""
    if not folder.is_dir():
        raise BadRun("no predictions; want a folder of tables, or a reason in run.json")
    found = read_predictions(folder)
    for name, column in FEET_IN.items():
        for row in found.get(name, ()):
            if row[column] not in FEET:
                raise BadTableFile(
                    f"{name} has {column} {row[column]!r}; want left or right", table=name, column=column
                )
    if not fed and FOUND_CONTACTS.name in found:
        found[FOUND_CONTACTS.name] = [{**row, **UNTOLD} for row in found[FOUND_CONTACTS.name]]
    return found


def _runs(folder: Path) -> list[tuple[Path, Run]]:
    """What was run of a scenario, by name."""
    return [(path.parent, _run(path)) for path in sorted(folder.glob(f"*/{RUN}"))]


def _run(path: Path) -> Run:
    wanted = f"want {{detector: name, {', '.join(ABOUT)}; failed}} (written by imu-bench run?)"
    try:
        document = json.loads(path.read_text("utf-8"))
        about = document["detector"]
        return Run(
            name=str(about["name"]),
            about={key: about[key] for key in ABOUT},
            failed={str(name): str(reason) for name, reason in document["failed"].items()},
            fed_ns=round(float(document.get("packet_ms") or FED_NS / MS) * MS),
        )
    except KeyError as error:
        raise BadRun(f"{path} has no {error.args[0]!r}; {wanted}") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadRun(f"{path} can't be read: {' '.join(str(error).split())}; {wanted}") from None


def _about_data(name: str) -> dict[str, Any]:
    """What its card says. Of recordings without one nobody has said that they may be shown."""
    card = card_of(name)
    if card is None:
        return dict.fromkeys(("citation", "licence"), "no card") | {
            "title": f"sessions {name}-*",
            "kind": "recordings of one's own",
            "figures": "private",
            "truth": {},
        }
    told = {key: " ".join(str(getattr(card, key)).split()) for key in CARD}
    return told | {"truth": {label: " ".join(meaning.split()) for label, meaning in card.truth.items()}}


class _Recordings:
    """Each is read once, however many scenarios it stands in."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._held: dict[Path, Known | None] = {}

    def at(self, folder: Path, data: str) -> Known | None:
        """None where there is nothing to score."""
        if folder not in self._held:
            try:
                self._held[folder] = known(folder, partial=partial_truth(data))
                if self._held[folder] is None:
                    self._say(f"{folder}: no truth; left out")
            except RetrogaitError as error:
                self._say(f"{folder}: {' '.join(str(error).split())}; left out")
                self._held[folder] = None
        return self._held[folder]

    def told(self, sessions: Mapping[str, Path]) -> dict[str, Any]:
        """How many, of how many people, and a digest of all their files that are read."""
        found = [one for folder in sessions.values() if (one := self._held[folder])]
        digest = hashlib.sha256()
        for name, folder in sorted(sessions.items()):
            for path in sorted(
                [*folder.glob("*.json"), *folder.glob("truth_*.parquet"), *folder.glob("raw/*.parquet")]
            ):
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                digest.update(f"{name}/{path.relative_to(folder).as_posix()} {content}\n".encode())
        subjects = {one.session.subject for one in found}
        return {"sessions": len(found), "subjects": len(subjects), "digest": f"sha256:{digest.hexdigest()}"}


def _spans(folder: Path, session: Session) -> Spans | None:
    """First and last sample of each foot that was recorded."""
    spans: dict[str, tuple[int, int]] = {}
    try:
        present = present_sensors(folder, session)
        for foot in FEET:
            sensor = sensor_of(foot)
            if sensor in present:
                blocks = read_raw(raw_path(folder, sensor), sensor, session.sensors[sensor])
                ends = [(int(block.t_ns.min()), int(block.t_ns.max())) for block in blocks]
                spans[foot] = min(first for first, _ in ends), max(last for _, last in ends)
    except RetrogaitError:
        return None
    return spans


def _text(document: Mapping[str, Any]) -> str:
    """A figure a line, so that two files can be laid side by side, in no more digits than it can mean."""
    return LEAVES.sub(lambda leaf: " ".join(leaf.group().split()), canonical_json(_rounded(document), indent=1))


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.{DIGITS}g}")
        case Mapping():
            return {key: _rounded(one) for key, one in cast("Mapping[str, Any]", value).items()}
        case list():
            return [_rounded(one) for one in cast("list[Any]", value)]
        case _:
            return value
