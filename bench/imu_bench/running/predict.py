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
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from imu.cli.fan_out import fan_out
from imu.cli.terminal import Bar
from imu.cli.warmup import warm_up_once
from imu.store.folder import read_session
from imu_bench.detector import About
from imu_bench.detectors.registry import Kind, detector, kind_of
from imu_bench.running.asking import Answered, Errand, Recording, answer
from imu_bench.running.digest import of_code, of_modules, of_session, of_texts
from imu_bench.running.ledger import Ledger, digest, forget
from imu_bench.running.scenario import Scenario, Staged

WORKERS: Final = 2
KILLED: Final = "its process was killed, twice; want the memory that a session takes (out of memory?)"
SAVED_EVERY_S: Final = 5.0
SEEN: Final = ("feed", "heard", "asking")
"""Modules of ours through which every detector in this process hears and speaks."""

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
        tell: is given a line on what no longer counts.

    Raises:
        NoDetector: one that can't be loaded.
        SessionError: a session.json that can't be read.
        CannotWrite: with the system's reason.
    """
    ready = [_ready(word) for word in words]
    if any(one.kind != "outside" for one in ready):
        # else every process would compile the same kernels
        warm_up_once()
    with tempfile.TemporaryDirectory(prefix="imu-bench-") as scratch:
        job = _Job(out, seed, Path(scratch), tell)
        for staged in scenarios:
            job.add(staged, ready, {one.data: one for one in scenarios if one.scenario == Scenario(one.data, "all")})
        try:
            job.go(job.recordings(), workers, "recordings")
            job.go(job.errands(), workers, "errands of detectors outside")
            job.copy()
        finally:
            job.save()
    return job.closed(ready)


def _ready(word: str) -> Ready:
    found = detector(word)
    module = type(found).__module__
    package = module.rpartition(".")[0]
    made_of: list[object] = [found.about.name, sorted(found.about.packages.items()), of_modules(package or module)]
    kind = kind_of(found)
    if kind != "outside":
        made_of.append(of_modules("imu"))
        made_of += [of_code(Path(__file__).with_name(f"{name}.py")) for name in SEEN]
    return Ready(word, found.about, kind, of_texts(made_of))


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
        for name in forget(self._out, staged.id, heard, keep=[one.name for one in ready]):
            self._tell(f"{staged.id}: what {name} found before was of other recordings or another seed; left out")
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
