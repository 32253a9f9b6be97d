"""Scenarios and detectors to predictions on disk. What was done before, of the same files by the same program, stays.

Detectors in this process get a recording from memory, so that all of them hear the same bits; others get it as a
session folder. No detector sees truth, nor a name that gives it away.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from imu.cli.fan_out import fan_out
from imu.cli.terminal import Bar
from imu.cli.warmup import warm_up_once
from imu.core.errors import RetrogaitError
from imu.store.folder import read_session
from imu_bench.detector import About, Detector
from imu_bench.detectors.registry import BUILT_IN, GROUP, Kind, detector, kind_of, names
from imu_bench.peers.outside import Peer
from imu_bench.running.asking import Answered, Errand, Recording, answer
from imu_bench.running.digest import of_code, of_modules, of_session, of_texts
from imu_bench.running.ledger import PREDICTIONS, Ledger, digest, forget
from imu_bench.running.recordings import unseen_by_git
from imu_bench.running.scenario import Scenario, Staged

WORKERS: Final = 2
KILLED: Final = "its process was killed, twice; want the memory that a session takes (out of memory?)"
SAVED_EVERY_S: Final = 5.0
SEEN: Final = ("feed", "heard", "asking")
"""Modules of ours through which every detector hears and speaks, one outside by files."""

Tell: TypeAlias = Callable[[str], None]


class Ready(NamedTuple):
    """A detector that is going to run."""

    word: str
    """What `registry.detector` finds it by, in any process."""
    about: About
    kind: Kind
    code: str
    """Digest of what it is made of."""

    @property
    def name(self) -> str:
        return self.about.name


class Failure(NamedTuple):
    """A session that a detector did not get through."""

    scenario: str
    detector: str
    session: str
    reason: str


@dataclass(slots=True)
class Done:
    """What came of a call; counts are of sessions times detectors."""

    now: int = 0
    before: int = 0
    """An earlier call had done them."""
    failures: list[Failure] = field(default_factory=list[Failure])
    throughout: list[str] = field(default_factory=list[str])
    """Detectors that got through no session at all."""


class _Copy(NamedTuple):
    """What need not be found twice."""

    whole: str
    part: str
    """Ids of scenarios."""
    detector: str
    session: str


def predict(
    scenarios: Sequence[Staged],
    words: Sequence[str],
    out: Path,
    *,
    seed: int = 1,
    workers: int = WORKERS,
    tell: Tell = lambda note: None,
) -> Done:
    """Let detectors go through scenarios; predictions/ID/DETECTOR/ below `out` then holds what they said.

    A detector that raises fails that session, with its reason in run.json; the others go on.

    Args:
        scenarios: with the folders of their sessions.
        words: names of detectors, or MODULE:ATTRIBUTE.
        out: made if need be.
        seed: of random perturbations.
        workers: processes.
        tell: is given a line on what no longer counts, and on whom an earlier call leaves beside these.

    Raises:
        NoDetector: one that can't be loaded.
        SessionError: a session.json that can't be read.
        CannotWrite: with the system's reason.
    """
    ready = [_ready(word) for word in words]
    unseen_by_git(out / PREDICTIONS)
    if any(one.kind != "outside" for one in ready):
        # else every process would compile the same kernels
        warm_up_once()
    with tempfile.TemporaryDirectory(prefix="imu-bench-") as scratch:
        job = _Job(out, seed, Path(scratch), tell)
        for staged in scenarios:
            job.add(staged, ready, {one.data: one for one in scenarios if one.scenario == Scenario(one.data, "all")})
        job.tell_others()
        try:
            job.go(job.recordings(), workers, "recordings")
            job.go(job.errands(), workers, "errands of detectors outside")
            job.copy()
        finally:
            job.save()
    return job.closed(ready)


def _ready(word: str) -> Ready:
    found = detector(word)
    made_of: list[object] = [found.about.name, sorted(found.about.packages.items())]
    made_of += [of_modules(module.rpartition(".")[0] or module) for module in _modules(word, found)]
    made_of += [of_code(Path(__file__).with_name(f"{name}.py")) for name in SEEN]
    kind = kind_of(found)
    if kind != "outside":
        made_of.append(of_modules("imu"))
    if isinstance(found, Peer):
        entry = found.entry
        made_of += [entry.runner.name, sorted(entry.options.items()), sorted(entry.environment.requires)]
    return Ready(word, found.about, kind, of_texts(made_of))


def _modules(word: str, found: Detector) -> list[str]:
    """Where a detector comes from: the module of its class, and the one that it was named by, which may make it."""
    where = word if ":" in word else BUILT_IN.get(word, "")
    # an entry point is a name for MODULE:ATTRIBUTE too
    named = where or next((entry.value for entry in entry_points(group=GROUP, name=word)), "")
    return sorted({type(found).__module__, named.partition(":")[0]} - {""})


def _code_of(name: str) -> str | None:
    """As `Ready.code`, of a detector that was not asked for; None where its name alone does not lead to it."""
    try:
        return _ready(name).code if name in names() else None
    except RetrogaitError:
        return None


class _Job:
    def __init__(self, out: Path, seed: int, scratch: Path, tell: Tell) -> None:
        self.done = Done()
        self._out, self._seed, self._scratch, self._tell = out, seed, scratch, tell
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._digests: dict[tuple[str, str, str], str] = {}
        """By scenario, detector and session: what its predictions are made of."""
        self._files: dict[Path, str] = {}
        self._within: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        """By scenario and session: detectors of this process, by word and name."""
        self._outside: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
        """By data set, word and name: scenarios and sessions."""
        self._scenarios: dict[str, Staged] = {}
        self._laid: dict[tuple[str, str], Path] = {}
        self._copies: list[_Copy] = []
        self._code_of = cache(_code_of)
        self._kept: set[str] = set()
        """Detectors of an earlier call that are scored beside those of this one."""
        self._forgotten: dict[tuple[str, str], list[str]] = defaultdict(list)
        """By such a detector and the reason: scenarios in which it no longer counts."""
        self._saved_s = time.monotonic()

    def add(self, staged: Staged, ready: Sequence[Ready], whole: Mapping[str, Staged]) -> None:
        """See what there is to do in a scenario. What can't stay is removed at once, so that a call that breaks off
        leaves nothing that passes for its own.

        Args:
            staged: the scenario.
            ready: detectors.
            whole: by data set, all of it as recorded, where that is run as well.
        """
        self._scenarios[staged.id] = staged
        heard = {name: self._heard(staged, name, folder) for name, folder in staged.sessions.items()}
        others = forget(self._out, staged.id, heard, keep=[one.name for one in ready], code_of=self._code_of)
        self._kept.update(others.kept)
        for name, reason in others.forgotten.items():
            self._forgotten[name, reason].append(staged.id)
        for one in ready:
            ledger = Ledger.open(self._out, staged.id, one.about, one.kind, self._seed)
            self._ledgers[staged.id, one.name] = ledger
            wanted = {session: digest(made, one.code) for session, made in heard.items()}
            self._digests |= {(staged.id, one.name, session): made for session, made in wanted.items()}
            left = ledger.begin(wanted)
            self.done.before += len(wanted) - len(left)
            asked = whole.get(staged.data)
            for session in left:
                if asked is not None and asked is not staged and staged.perturbation is None:
                    # the very same question is asked of the whole data set
                    self._copies.append(_Copy(asked.id, staged.id, one.name, session))
                elif one.kind == "outside":
                    self._outside[staged.data, one.word, one.name].append((staged.id, session))
                    self._laid.setdefault((staged.id, session), self._scratch / "sessions" / str(len(self._laid)))
                else:
                    self._within[staged.id, session].append((one.word, one.name))

    def tell_others(self) -> None:
        """Which detectors of an earlier call are scored beside those of this one, and which are not."""
        for (name, reason), ids in self._forgotten.items():
            more = f" and {len(ids) - 1} more" if ids[1:] else ""
            self._tell(f"what {name} found before was {reason}; left out of {ids[0]}{more}")
        if self._kept:
            self._tell(f"scored as found before: {', '.join(sorted(self._kept))}")

    def recordings(self) -> list[Recording]:
        """Every session that has to be read, once; whoever wants it as a folder gets it laid out."""
        keys = [
            (scenario, session)
            for scenario, staged in self._scenarios.items()
            for session in staged.sessions
            if (scenario, session) in self._within or (scenario, session) in self._laid
        ]
        return [
            Recording(
                scenario=self._scenarios[scenario].scenario,
                session=session,
                folder=self._scenarios[scenario].sessions[session],
                seed=self._seed,
                out=self._out,
                detectors=tuple(self._within.get((scenario, session), ())),
                laid=self._laid.get((scenario, session)),
            )
            for scenario, session in keys
        ]

    def errands(self) -> list[Errand]:
        """What detectors outside have to do, the whole of a data set at once: they are slow to start."""
        return [
            Errand(
                word=word,
                name=name,
                tasks=tuple((scenario, session, self._laid[scenario, session]) for scenario, session in tasks),
                out=self._out,
                scratch=self._scratch / "predictions" / f"{data}-{name}",
            )
            for (data, word, name), tasks in self._outside.items()
        ]

    def go(self, work: Sequence[Recording | Errand], workers: int, things: str) -> None:
        """Do it, and note what came of it."""
        if not work:
            return
        with (
            Bar(len(work), things) as bar,
            closing(fan_out(answer, work, workers=min(workers, len(work)), told=bar.update)) as outcomes,
        ):
            for place, outcome in outcomes:
                self._note(work[place].killed(KILLED) if outcome is None else outcome)
                # a machine may be switched off
                if time.monotonic() - self._saved_s > SAVED_EVERY_S:
                    self.save()

    def copy(self) -> None:
        """From the whole data set to its parts."""
        for one in self._copies:
            source = self._ledgers[one.whole, one.detector]
            if (reason := source.failed.get(one.session)) is None:
                self._ledgers[one.part, one.detector].take(source, one.session)
            self._note([Answered(one.part, one.detector, one.session, reason)])

    def save(self) -> None:
        """Write what has not been written."""
        self._saved_s = time.monotonic()
        for ledger in self._ledgers.values():
            if ledger.changed:
                ledger.save()

    def closed(self, ready: Sequence[Ready]) -> Done:
        """All that was done."""
        for one in ready:
            own = [ledger for (_, name), ledger in self._ledgers.items() if name == one.name]
            if all(len(ledger.failed) == len(ledger.made_of) for ledger in own):
                self.done.throughout.append(one.name)
        return self.done

    def _note(self, outcome: Iterable[Answered]) -> None:
        for scenario, name, session, reason in outcome:
            self.done.now += 1
            ledger = self._ledgers[scenario, name]
            ledger.note(session, self._digests[scenario, name, session], reason)
            if reason is not None:
                self.done.failures.append(Failure(scenario, name, session, reason))

    def _heard(self, staged: Staged, session: str, folder: Path) -> str:
        """Digest of what any detector hears of a session."""
        if folder not in self._files:
            self._files[folder] = of_session(folder, read_session(folder))
        if staged.perturbation is None:
            return self._files[folder]
        code = of_code(Path(__file__).with_name("perturb.py"))
        return of_texts([self._files[folder], staged.id, session, self._seed, code])
