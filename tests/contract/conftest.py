"""The stages that the contract suite runs over, each with a stream that has much wrong with it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pytest

from imu.core.events import Event
from imu.core.samples import Block, Samples
from imu.core.session import FEET, Sensor, Session
from imu.gait.foot import FootContacts, FootParams
from imu.gait.intake import Intake, IntakeParams
from imu.gait.pelvis import PelvisParams, PelvisPose
from imu.gait.steps import Steps, StepsParams
from imu.pipeline import Pipeline
from imu.simulate import Clock, Link, Noise, Person, Protocol, Recording, Stand, Walk, simulate, usual_sensors
from tests.contract.random_people import delivered

Call: TypeAlias = tuple[str, tuple[Any, ...]]
"""A method of a stage and what it is given."""
Parts: TypeAlias = Mapping[str, Any]
"""What each sensor delivers: rows, to be sliced."""

RATE_HZ = 100.0
PROTOCOL = Protocol(
    segments=(
        Stand(seconds=3.5),
        Walk(direction="forward", steps=5),
        Stand(seconds=2.0),
        Walk(direction="backward", steps=6),
        Stand(seconds=1.5),
    )
)
FLAWS = {
    "rate_hz": RATE_HZ,
    "noise": Noise(gyr_range_rad_s=6.0, gyr_bias_rad_s=(0.02, -0.01, 0.015)),
    "clock": Clock(drift_ppm=80.0, offset_s=0.35, jitter_s=0.002),
    "link": Link(
        packet_samples=4, lost_share=0.01, late_share=0.02, late_s=0.1, duplicate_share=0.02, gaps_s=((9.0, 9.5),)
    ),
}
JUMP_AFTER_NS, JUMP_NS = 12_300_000_000, 2_000_000_000


@dataclass(frozen=True)
class FootTicks:
    """What one foot tells the steps, sample by sample: FOOT_EVENT records leave with their sample."""

    foot: str
    t_ns: np.ndarray
    records: np.ndarray

    def __len__(self) -> int:
        return len(self.t_ns)

    def __getitem__(self, part: slice) -> "FootTicks":
        t_ns = self.t_ns[part]
        return FootTicks(self.foot, t_ns, self.records[np.isin(self.records["t_emitted_ns"], t_ns)])


@dataclass(frozen=True, repr=False)
class Case:
    """A stage and its stream. Ticks are the rows of all sensors in order of arrival; a cut falls before a tick."""

    make: Callable[[], Any]
    parts: Parts
    call: Callable[[str, Any], Call | None]
    """What a piece of a sensor's rows becomes; None = nothing."""
    last: tuple[Call, ...] = (("flush", ()),)
    tells: Callable[[Any], Any] = lambda stage: None
    """What else the stage says of itself, as JSON."""

    @property
    def rows(self) -> int:
        return sum(len(part) for part in self.parts.values())

    def ticks(self, behind_s: Mapping[str, float] = MappingProxyType({})) -> dict[str, np.ndarray]:
        """Number of the tick of each row, (n,) a sensor; `behind_s` = how much later than the others it delivers."""
        arrival = [times(part) + round(1e9 * behind_s.get(name, 0.0)) for name, part in self.parts.items()]
        order = np.argsort(np.concatenate([np.maximum.accumulate(t_ns) for t_ns in arrival]), kind="stable")
        ticks = np.empty(len(order), np.int64)
        ticks[order] = np.arange(len(order))
        return dict(zip(self.parts, np.split(ticks, np.cumsum([len(t_ns) for t_ns in arrival])[:-1]), strict=True))

    def pieces(
        self, cuts: Iterable[int] = (), behind_s: Mapping[str, float] = MappingProxyType({})
    ) -> Iterator[tuple[str, Any]]:
        """(sensor, rows): a stretch without a row of some sensor gives it an empty block."""
        ticks = self.ticks(behind_s)
        for begin, end in pairwise([0, *sorted(cuts), self.rows]):
            for name, part in self.parts.items():
                low, high = np.searchsorted(ticks[name], [begin, end])
                yield name, part[low:high]

    def calls(self, pieces: Iterable[tuple[str, Any]]) -> Iterator[Call]:
        return (call for name, rows in pieces if (call := self.call(name, rows)) is not None)

    def feed(self, stage: Any, pieces: Iterable[tuple[str, Any]]) -> list[Any]:
        """What it says, piece by piece."""
        return [getattr(stage, method)(*given) for method, given in self.calls(pieces)]

    def run(self, pieces: Iterable[tuple[str, Any]], stage: Any = None) -> bytes:
        """All that a stage says of a stream and of its end; of the rest of it, where a stage is given."""
        stage = self.make() if stage is None else stage
        outs = [*self.feed(stage, pieces), *(getattr(stage, method)(*given) for method, given in self.last)]
        return spoken(outs) + as_json(self.tells(stage)).encode()

    @cached_property
    def whole(self) -> bytes:
        """What it says of the stream in one piece a sensor."""
        return self.run(self.pieces())

    @cached_property
    def settling(self) -> np.ndarray:
        """Ticks that brought something out, a few hundred at most."""
        stage = self.make()
        said = self.feed(stage, (piece for piece in self.pieces(range(1, self.rows)) if len(piece[1])))
        ticks = np.flatnonzero([len(out) > 0 for out in said])
        return ticks[:: 1 + len(ticks) // 300]


def times(part: Any) -> np.ndarray:
    return part["t_ns"] if isinstance(part, np.ndarray) else part.t_ns


def spoken(outs: list[Any]) -> bytes:
    """What a stage said, in whatever portions."""
    if isinstance(outs[0], Block):
        names = [field.name for field in fields(Block)]
        return b"".join(np.concatenate([getattr(out, name) for out in outs]).tobytes() for name in names)
    if isinstance(outs[0], np.ndarray):
        return np.concatenate(outs).tobytes()
    said = [one for out in outs for one in out]
    if said and isinstance(said[0], Event):
        # which sensor's events leave first follows the order of arrival
        said = sorted((asdict(event) for event in said), key=as_json)
    return as_json(said).encode()


def as_json(document: Any) -> str:
    return json.dumps(document, sort_keys=True, allow_nan=False)


def pipeline_case(session: Session, samples: Mapping[Sensor, Samples]) -> Case:
    return Case(
        make=lambda: Pipeline(session, list(samples)),
        parts=samples,
        call=lambda sensor, rows: ("push", (sensor, rows)),
        tells=lambda pipeline: [pipeline.tables(), pipeline.summary()],
    )


@cache
def flawed_walk() -> tuple[Session, dict[Sensor, Samples]]:
    """Standing, forward, standing, backward, standing at 100 Hz. Packets are lost, late and twice, half a second is
    missing, the gyroscope clips, and the clock of the left foot jumps in the last walk.
    """
    sensors = {sensor: replace(model, **FLAWS) for sensor, model in usual_sensors().items()}
    recording = simulate(Person(), PROTOCOL, sensors, seed=5)
    samples = delivered(recording)
    left = samples["foot_left"]
    samples["foot_left"] = replace(left, t_ns=left.t_ns + np.where(left.t_ns > JUMP_AFTER_NS, JUMP_NS, 0))
    return recording.session, samples


@cache
def accepted(sensor: Sensor) -> Block:
    return Intake(IntakeParams(), RATE_HZ).push(flawed_walk()[1][sensor])


def _push(_: str, rows: Any) -> Call:
    return "push", (rows,)


def _intake() -> Case:
    return Case(
        make=lambda: Intake(IntakeParams(), RATE_HZ),
        parts={"foot_left": flawed_walk()[1]["foot_left"]},
        call=_push,
        tells=lambda intake: asdict(intake.report),
    )


def _foot(sensor: Sensor, *, known: bool) -> Case:
    mounting = flawed_walk()[0].sensors[sensor].mounting if known else None
    return Case(
        make=lambda: FootContacts(FootParams(), RATE_HZ, mounting), parts={sensor: accepted(sensor)}, call=_push
    )


def _pelvis() -> Case:
    return Case(make=lambda: PelvisPose(PelvisParams(), RATE_HZ), parts={"pelvis": accepted("pelvis")}, call=_push)


def _steps() -> Case:
    mounting = flawed_walk()[0].sensors["pelvis"].mounting
    parts: dict[str, Any] = {}
    last: list[Call] = []
    for foot in FEET:
        case = _foot("foot_left" if foot == "left" else "foot_right", known=True)
        stage, block = case.make(), case.parts[f"foot_{foot}"]
        parts[f"foot_{foot}"] = FootTicks(foot, block.t_ns, stage.push(block))
        last.append(("push_foot", (foot, stage.flush(), int(block.t_ns[-1]))))
    parts["pelvis"] = PelvisPose(PelvisParams(), RATE_HZ).push(accepted("pelvis"))
    return Case(
        make=lambda: Steps(StepsParams(), feet=FEET, pelvis=True, mounting=mounting),
        parts=parts,
        call=_to_steps,
        last=(*last, ("flush", ())),
        tells=lambda steps: [steps.calibrations, steps.broken_alternation],
    )


def _to_steps(name: str, rows: Any) -> Call | None:
    if name == "pelvis":
        return "push_pelvis", (rows,)
    # a foot that has delivered nothing can't say how far it has come
    return ("push_foot", (rows.foot, rows.records, int(rows.t_ns[-1]))) if len(rows) else None


def _pipeline(*, known: bool) -> Case:
    session, samples = flawed_walk()
    document = dict(session.document)
    if not known:
        document["sensors"] = {name: {**setup, "mounting": None} for name, setup in document["sensors"].items()}
    return pipeline_case(Session.parse(document), samples)


REGISTRY: Mapping[str, Callable[[], Case]] = {
    "intake": _intake,
    "foot left": lambda: _foot("foot_left", known=True),
    "foot right": lambda: _foot("foot_right", known=True),
    "foot of unknown mounting": lambda: _foot("foot_right", known=False),
    "pelvis": _pelvis,
    "steps": _steps,
    "pipeline": lambda: _pipeline(known=True),
    "pipeline of unknown mountings": lambda: _pipeline(known=False),
}
"""A new stage is put here, and everything below holds it to the protocol."""


@pytest.fixture(scope="session", params=REGISTRY)
def case(request: pytest.FixtureRequest) -> Case:
    return REGISTRY[request.param]()


@pytest.fixture(scope="session")
def case_named() -> Callable[[str], Case]:
    return lambda name: REGISTRY[name]()


@pytest.fixture(scope="session")
def to_case() -> Callable[..., Case]:
    """The pipeline over a whole session, from a simulated recording or from a session and its rows."""

    def make(source: Recording | Session, samples: Mapping[Sensor, Samples] | None = None) -> Case:
        if isinstance(source, Recording):
            return pipeline_case(source.session, delivered(source))
        return pipeline_case(source, samples or {})

    return make
