"""Predictions and truth -> OUT/accuracy.json: a function of files and a seed, byte for byte.

Scored is what lies below OUT/predictions/ID/DETECTOR/, wherever it came from: a folder for each session, and beside
them run.json (see imu_bench.scoring.runs). A session that failed, and one without predictions, counts as missed.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
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
from imu_bench.running.ledger import PREDICTIONS
from imu_bench.running.recordings import card_of
from imu_bench.running.scenario import Staged
from imu_bench.scoring.bootstrap import INTERVAL
from imu_bench.scoring.cards import about_data, granted, left_out
from imu_bench.scoring.figures import figures_of
from imu_bench.scoring.runs import BadRun, Run, runs_of
from imu_bench.scoring.scores import FED_NS, Spans, compare
from imu_bench.scoring.tallies import Scored
from imu_bench.truth import Truth, read_truth
from imu_datasets.card import Card

ACCURACY: Final = "accuracy.json"
SCHEMA: Final = "retrogait.accuracy/1"
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

SHOWN: Final = 4
"""So many scenarios that an accuracy.json no longer holds are named."""

Say: TypeAlias = Callable[[str], None]


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


def partial_truth(data: str) -> bool:
    """Whether the truth of a data set does not cover all that was walked, as its card says."""
    card = card_of(data)
    return card is not None and card.partial_truth


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
    asked: Mapping[str, Any] | None = None,
    say: Say = lambda note: None,
) -> Path:
    """Score whatever predictions there are.

    Args:
        out: holds predictions/; accuracy.json is written there.
        scenarios: which ones, and where their sessions lie.
        seed: of the resamples.
        resamples: how many.
        private: data sets of which nothing may be shown to others, and those without a card, are scored as well.
        asked: by which words it was asked for, so that a report can say how to make it again.
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
    ordered = sorted(scenarios, key=lambda one: one.id)
    cards = _cards(ordered, out)
    for staged in ordered:
        runs = runs_of(out / PREDICTIONS / staged.id)
        if not runs:
            continue
        card = cards[staged.data]
        about = data.get(staged.data) or about_data(staged.data, card)
        if about["figures"] != "published" and not private:
            why = "is private" if card is not None or card_of(staged.data) is None else "has sessions of other origin"
            say(f"{staged.id}: {staged.data} {why}; left out (--private shows it)")
            continue
        for folder, run in runs:
            if detectors.setdefault(run.name, run.about) != run.about:
                raise BadRun(
                    f"{folder} was made by another {run.name} than the others; want one (remove it, run again)"
                )
        data[staged.data] = about
        held = {name: one for name, path in staged.sessions.items() if (one := recordings.at(path, card))}
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
                run.name: _answer(
                    folder, run, held, seed, resamples, clocks_apart=card is not None and card.clocks_apart
                )
                for folder, run in runs
            },
        }
    for name, folders in sessions.items():
        data[name] |= recordings.told(folders) | left_out(name, folders.values(), out)
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
    } | ({} if asked is None else {"asked": dict(asked)})
    path = out / ACCURACY
    _say_what_goes(path, told, say)
    write_bytes(path, _text(document).encode())
    return path


def _cards(scenarios: Iterable[Staged], out: Path) -> dict[str, Card | None]:
    """By data set, of all its sessions at once: of one name there is one line of what it is."""
    folders: defaultdict[str, set[Path]] = defaultdict(set)
    for staged in scenarios:
        folders[staged.data].update(staged.sessions.values())
    return {data: granted(data, sorted(own), out) for data, own in folders.items()}


def _say_what_goes(path: Path, scenarios: Collection[str], say: Say) -> None:
    """Whoever ran less than before sees only that from here on."""
    try:
        before = sorted(json.loads(path.read_text("utf-8"))["scenarios"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    gone = [one for one in before if one not in scenarios]
    if gone:
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        say(
            f"{path.name} no longer holds {', '.join(gone[:SHOWN])}{more};"
            " name them as well and they come back, without being predicted anew"
        )


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


class _Recordings:
    """Each is read once, however many scenarios it stands in."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._held: dict[Path, Known | None] = {}

    def at(self, folder: Path, card: Card | None) -> Known | None:
        """None where there is nothing to score."""
        if folder not in self._held:
            try:
                self._held[folder] = known(folder, partial=card is not None and card.partial_truth)
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
