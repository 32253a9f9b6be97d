"""What whoever looks on sees: a handful of figures over the last steps. Nothing old is left standing."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Final, NamedTuple

from imu.core.events import Event
from imu.core.session import FEET, Foot
from imu.core.tables import Row, number, whole
from imu.core.units import NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardParams:
    """Over what figures are taken, and how long they stand."""

    contacts: int = 10
    """Of each foot, for the share of those that begin with the toes."""
    steps: int = 6
    """For cadence and speed."""
    drops: int = 10
    """Steps of each stance foot, for the pelvic drop."""
    angles: int = 10
    """Contacts of each foot, for its angle."""
    least_steps: int = 4
    """Below so many steps or strides, cadence and speed are no figures to go by..."""
    least_contacts: int = 5
    """...nor are shares and angles of fewer contacts of a foot..."""
    least_drops: int = 5
    """...nor is the drop of fewer clean steps. A report wants 10 of each (Commandeur 2024); live, half must do."""
    window_s: float = 15.0
    """What lies further back belongs to another bout."""
    old_s: float = 2.0
    """An older figure is taken down..."""
    overdue: float = 1.5
    """...unless people walk so slowly that the next is not overdue: so many times what lay between the last two."""
    oldest_s: float = 5.0
    """But however slowly they walk, not beyond that."""


class Mean(NamedTuple):
    """Of a figure over some steps."""

    value: float
    sd: float | None
    """Standard uncertainty of the mean of that many steps; None of one step."""
    n: int


class Toes(NamedTuple):
    """Of the last contacts of one foot."""

    toe_first: int
    n: int
    """Contacts whose pattern is known."""
    last: str
    """Pattern of the last one."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What can be said now. None = nothing that is not old."""

    t_ns: int | None = None
    """Newest instant of the session that samples have reached."""
    direction: str | None = None
    cadence_spm: Mean | None = None
    speed_m_s: Mean | None = None
    """Negative = backward."""
    toes: dict[Foot, Toes] = field(default_factory=dict[Foot, Toes])
    drop_deg: dict[Foot, Mean] = field(default_factory=dict[Foot, Mean])
    """By stance foot."""
    foot_angle_deg: dict[Foot, Mean] = field(default_factory=dict[Foot, Mean])
    """At contact, positive toes-up; of clean contacts."""
    contacts: int = 0
    """All so far."""
    newest_ns: int | None = None
    """Of the last contact, session clock."""

    def age_s(self, now_s: float) -> float | None:
        """How old the last contact is, at a time of the session; None: there was none."""
        return None if self.newest_ns is None else max(0.0, now_s - self.newest_ns / NS_PER_S)

    def thin(self, params: BoardParams) -> dict[str, str]:
        """Figures that rest on too little, by name or name.foot, and why."""
        least: list[tuple[str, Mean | Toes | None, int, str]] = [
            ("cadence_spm", self.cadence_spm, params.least_steps, "steps"),
            ("speed_m_s", self.speed_m_s, params.least_steps, "strides"),
            *((f"toes.{foot}", one, params.least_contacts, "clear contacts") for foot, one in self.toes.items()),
            *((f"drop_deg.{foot}", one, params.least_drops, "clean steps") for foot, one in self.drop_deg.items()),
            *(
                (f"foot_angle_deg.{foot}", one, params.least_contacts, "contacts")
                for foot, one in self.foot_angle_deg.items()
            ),
        ]
        return {name: f"{one.n} {of}, {n} wanted" for name, one, n, of in least if one is not None and one.n < n}


class Board:
    """Tell it what happens; ask it at any time."""

    def __init__(self, params: BoardParams | None = None) -> None:
        self.params: Final = params or BoardParams()
        self._contacts: dict[Foot, deque[Row]] = {foot: deque(maxlen=self.params.contacts) for foot in FEET}
        self._steps: deque[Row] = deque(maxlen=self.params.steps)
        self._strides: deque[Row] = deque(maxlen=self.params.steps)
        self._drops: dict[Foot, deque[Row]] = {foot: deque(maxlen=self.params.drops) for foot in FEET}
        self._angles: dict[Foot, deque[Row]] = {foot: deque(maxlen=self.params.angles) for foot in FEET}
        self._newest: Row | None = None
        self._count = 0
        self._t_ns: int | None = None

    def reached(self, t_ns: int) -> None:
        """A sensor's samples have come to this instant of the session."""
        self._t_ns = t_ns if self._t_ns is None else max(t_ns, self._t_ns)

    def hear(self, events: Iterable[Event]) -> None:
        """Findings, as they come."""
        for event in events:
            row = event.row
            if event.kind == "contact":
                self._count += 1
                self._contacts[event.foot].append(row)
                self._newest = row
                if row.get("foot_angle_deg") is not None and not row["quality"]:
                    self._angles[event.foot].append(row)
            elif event.kind == "stride":
                self._strides.append(row)
            elif event.kind == "step":
                self._steps.append(row)
                if row["pelvic_drop_deg"] is not None and not row["quality"]:
                    self._drops[event.foot].append(row)

    def figures(self) -> Figures:
        """What is not old, of the direction of the last contact."""
        now_ns, newest = self._t_ns, self._newest
        if now_ns is None or newest is None:
            return Figures(t_ns=now_ns, contacts=self._count)
        direction, newest_ns = str(newest["direction"]), whole(newest, "t_contact_ns")

        def recent(rows: Iterable[Row], end: str) -> list[Row]:
            same = [row for row in rows if row["direction"] == direction]
            ages_s = [(now_ns - whole(row, end)) / NS_PER_S for row in same]
            if not ages_s or ages_s[-1] > self._old_s(ages_s):
                return []
            return [row for row, age_s in zip(same, ages_s, strict=True) if age_s <= self.params.window_s]

        contacts: dict[Foot, list[Row]] = {foot: recent(rows, "t_contact_ns") for foot, rows in self._contacts.items()}
        if not any(contacts.values()):
            return Figures(t_ns=now_ns, contacts=self._count, newest_ns=newest_ns)
        steps, strides = recent(self._steps, "t_end_ns"), recent(self._strides, "t_end_ns")
        return Figures(
            t_ns=now_ns,
            direction=direction,
            cadence_spm=_cadence(steps, "step_time_s", 1) or _cadence(strides, "stride_time_s", 2),
            speed_m_s=_mean(strides, "speed_m_s"),
            toes={foot: _toes(rows) for foot, rows in contacts.items() if rows},
            drop_deg={
                foot: mean
                for foot, rows in self._drops.items()
                if (mean := _mean(recent(rows, "t_end_ns"), "pelvic_drop_deg")) is not None
            },
            foot_angle_deg={
                foot: mean
                for foot, rows in self._angles.items()
                if (mean := _mean(recent(rows, "t_contact_ns"), "foot_angle_deg")) is not None
            },
            contacts=self._count,
            newest_ns=newest_ns,
        )

    def _old_s(self, ages_s: list[float]) -> float:
        params = self.params
        due_s = params.overdue * (ages_s[-2] - ages_s[-1]) if len(ages_s) > 1 else 0.0
        return min(max(params.old_s, due_s), params.oldest_s)


def _cadence(rows: list[Row], time: str, steps: int) -> Mean | None:
    """Steps a minute over all rows together, each of which is so many steps."""
    if not rows:
        return None
    each = [60.0 * steps / number(row, time) for row in rows]
    return Mean(60.0 * steps * len(rows) / sum(number(row, time) for row in rows), _uncertainty(each), len(rows))


def _mean(rows: list[Row], name: str) -> Mean | None:
    values = [number(row, name) for row in rows if row[name] is not None]
    return Mean(fmean(values), _uncertainty(values), len(values)) if values else None


def _uncertainty(values: list[float]) -> float | None:
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else None


def _toes(rows: list[Row]) -> Toes:
    known = [row["pattern"] for row in rows if row["pattern"] != "uncertain"]
    return Toes(known.count("toe_to_heel"), len(known), str(rows[-1]["pattern"]))
