"""Simulated sessions made, and labelled, as the recordings were that the scorer is tried on."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np

from imu.cli.simulate import write_recording
from imu.core.session import FEET, Sensor, sensor_of
from imu.core.tables import TRUTH_CONTACTS, Row, number, whole
from imu.core.units import NS_PER_S
from imu.simulate import (
    Person,
    Protocol,
    Recording,
    SensorModel,
    Stand,
    UTurn,
    Walk,
    as_worn,
    simulate,
    someone,
    usual_sensors,
)
from imu.simulate.person import Direction
from imu.simulate.protocol import Segment
from imu.store.tables import read_rows, write_table
from imu.version import VERSION
from imu_bench.likeness.strides import CLOSING
from imu_bench.truth import IGNORE

Worn: TypeAlias = Mapping[Sensor, SensorModel]

COMFORTABLE_M_S: Final[Mapping[Direction, float]] = MappingProxyType({"forward": 1.2, "backward": 0.7})
STAND_S: Final = 1.0
LABELS: Final = 6
"""Seed of the labels' errors."""
TRUTH_TIMES: Final = tuple(column.name for column in TRUTH_CONTACTS.columns if column.unit == "ns")
ASIDE_NS: Final = 300_000_000
"""Holes begin and end so long after a contact, where no other is near."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What was done in a source of recordings, and the simulated sessions that do the same."""

    said: str
    sessions: Callable[[], Iterator[Recording]]
    label_sd_s: float = 0.0
    """How well the source's own labels are made, as its card says."""
    turn_label_sd_s: float = 0.0
    """The same of turns and closing steps, where people don't agree on what a contact is."""
    complete: bool = True
    """Whether truth goes from stand to stand, turns and closing steps without a direction. Else it has holes there, and
    where the walk begins: such trials are cut among steps.
    """


def comfortable(seed: int, seconds: float = 120.0) -> Recording:
    """The usual person, forward and backward at a speed that one would choose: who must lie in the ranges."""
    stand, segments = Stand(seconds=2.0), list[Segment]()
    for direction, speed_m_s in COMFORTABLE_M_S.items():
        segments += stand, Walk(direction=direction, seconds=seconds, speed_m_s=speed_m_s)
    protocol = Protocol(segments=(*segments, stand))
    return simulate(Person(), protocol, usual_sensors(), seed=seed, session=f"comfortable-{seed}")


def write_condition(source: str, store: Path, *, exact: bool = True) -> None:
    """Write the sessions that stand beside those of a source, with truth as that source has it; `exact` or not, its
    times as well as that source's labels are made.
    """
    condition, rng = CONDITIONS[source], np.random.default_rng(LABELS)
    for recording in condition.sessions():
        folder = store / recording.session.session
        turns = [
            (whole(row, "t_ns"), whole(row, "t_end_ns"))
            for row in recording.phases
            if json.loads(str(row["value"]))["name"] == UTurn.__name__.lower()
        ]
        document: dict[str, Any] = dict(recording.session.document)
        if not condition.complete:
            document[IGNORE] = [[foot, *hole] for hole in (*turns, *_ends(recording)) for foot in FEET]
        write_recording(folder, recording, document)
        path = folder / f"{TRUTH_CONTACTS.name}.parquet"
        rows = read_rows(path, TRUTH_CONTACTS)
        if condition.complete:
            rows = _labelled(rows, turns)
        if not exact:
            rows = [_by_hand(row, condition, rng) for row in rows]
            rows.sort(key=lambda row: (whole(row, "t_contact_ns"), str(row["foot"])))
        write_table(path, TRUTH_CONTACTS, rows, version=VERSION, params={})


def _ends(recording: Recording) -> Iterator[tuple[int, int]]:
    """From when to when the walk begins, with one step of each foot, and comes to its end."""
    times_ns = [whole(row, "t_contact_ns") for row in recording.truth_contacts]
    yield 0, times_ns[1] + ASIDE_NS
    yield times_ns[-2] + ASIDE_NS, round(recording.duration_s * NS_PER_S)


def _labelled(rows: Sequence[Row], turns: Sequence[tuple[int, int]]) -> list[Row]:
    """As hand labels have it: contacts of a turn, and the step that closes a walk, have no direction."""
    lengths_m: dict[str, float] = {}
    found: list[Row] = []
    for row in rows:
        foot, at_ns = str(row["foot"]), whole(row, "t_contact_ns")
        length_m = None if row["stride_length_m"] is None else number(row, "stride_length_m")
        closes = length_m is not None and length_m < CLOSING * lengths_m.get(foot, 0.0)
        turning = any(begin_ns <= at_ns <= end_ns for begin_ns, end_ns in turns)
        found.append(row | {"direction": None} if closes or turning else row)
        if length_m is not None:
            lengths_m[foot] = length_m
    return found


def _by_hand(row: Row, condition: Condition, rng: np.random.Generator) -> Row:
    """A row whose times err as labels do: each instant by itself, whatever is told of it."""
    sd_s = condition.label_sd_s if row["direction"] is not None else condition.turn_label_sd_s
    errors_ns: dict[int, int] = {}
    for name in TRUTH_TIMES:
        if row[name] is not None:
            errors_ns.setdefault(whole(row, name), round(float(rng.normal(0.0, sd_s)) * NS_PER_S))
    return row | {name: at + errors_ns[at] for name in TRUTH_TIMES if isinstance(at := row[name], int)}


def _out_and_back() -> Iterator[Recording]:
    there, back = (Walk(direction="forward", metres=10.0) for _ in range(2))
    protocol = Protocol(segments=(Stand(seconds=6.0), there, UTurn(), back, Stand(seconds=3.0)))
    for seed in range(1, 11):
        worn = as_worn(_at(100.0, usual_sensors()), seed)
        yield simulate(someone(seed), protocol, worn, seed=seed, session=f"ipol-{seed}")


def _walkway() -> Iterator[Recording]:
    there, back = (Walk(direction="forward", metres=20.0, speed_m_s=1.28) for _ in range(2))
    stand = Stand(seconds=STAND_S)
    feet: Worn = {sensor_of(foot): usual_sensors()[sensor_of(foot)] for foot in FEET}
    protocol = Protocol(segments=(stand, there, UTurn(), back, stand))
    yield simulate(Person(), protocol, _at(204.8, feet), seed=1, session="gaitmap-1")


def _acted() -> Iterator[Recording]:
    tasks: tuple[tuple[Direction, int, float], ...] = (("backward", 8, 12.0), ("forward", 17, 9.0))
    for direction, people, seconds in tasks:
        for seed in range(1, people + 1):
            yield _trial(someone(seed), Walk(direction=direction, seconds=seconds), f"bandai-{direction}-{seed}", seed)


def _laboratory() -> Iterator[Recording]:
    for person in range(1, 7):
        for k, speed_m_s in enumerate((0.84, 1.13, 1.9)):
            walk = Walk(direction="forward", seconds=6.0, speed_m_s=speed_m_s)
            yield _trial(someone(person), walk, f"grouvel-{person}-{k + 1}", 3 * person + k)


def _trial(person: Person, walk: Walk, session: str, seed: int) -> Recording:
    """As motion capture shows it: some seconds, and what rings and what stirs is smoothed away."""
    forward, backward = (replace(gait, impact_m_s2=0.0) for gait in (person.forward, person.backward))
    smooth = replace(person, forward=forward, backward=backward, stir_deg=0.0)
    protocol = Protocol(segments=(Stand(seconds=STAND_S), walk, Stand(seconds=STAND_S)))
    return simulate(smooth, protocol, usual_sensors(), seed=seed, session=session)


def _at(rate_hz: float, sensors: Worn) -> dict[Sensor, SensorModel]:
    return {name: replace(model, rate_hz=rate_hz) for name, model in sensors.items()}


CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        # labels by hand at 100 Hz; in turns they move by 60 to 90 ms against visible impacts
        "ipol": Condition(
            "ten people: stand, 10 m, U-turn, 10 m, stand; 100 Hz",
            _out_and_back,
            label_sd_s=0.010,
            turn_label_sd_s=0.040,
        ),
        "gaitmap": Condition("one person: 20 m there and back, feet only; 204.8 Hz", _walkway, complete=False),
        # times are good to about 15 ms: 30 frames a second
        "bandai": Condition(
            "eight people 12 s backward, seventeen 9 s forward; no impacts", _acted, label_sd_s=0.015, complete=False
        ),
        # labels spread by 50 ms either way, two standard deviations
        "grouvel": Condition(
            "six people, 6 s each at 0.84, 1.13 and 1.9 m/s; no impacts", _laboratory, label_sd_s=0.025, complete=False
        ),
    }
)
