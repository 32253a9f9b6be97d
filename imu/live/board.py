"""What whoever looks on sees: a handful of figures over the last steps. Nothing old is left standing."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, sqrt
from typing import Final, NamedTuple, TypeAlias

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
    apart_s: float = 5.0
    """So long without a step: what lies before belongs to another bout, and never counts again..."""
    window_s: float = 40.0
    """...and however long they walk, nothing older counts."""
    old_s: float = 2.0
    """A figure is taken down when nothing of its kind has come for so long..."""
    overdue: float = 1.5
    """...unless people walk so slowly that the next is not overdue: so many times the longer of the last two ways from
    one to the next."""
    oldest_s: float = 5.0
    """But however slowly they walk, not beyond that."""
    unclean: int = 2
    """While steps come, a mean of clean ones stands though its newest is older than that: so many may follow that are
    not clean..."""
    unclean_s: float = 10.0
    """...but not beyond that."""


SIGNS: Final = 64
"""Steps of one foot in `window_s`, however quickly they walk."""


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
    gone: dict[str, str] = field(default_factory=dict[str, str])
    """Figures that were taken down because they were old, by name or name.foot, and why."""

    def age_s(self, now_s: float) -> float | None:
        """How long no sensor has been heard, at a time of the session; None: none ever was."""
        return None if self.t_ns is None else max(0.0, now_s - self.t_ns / NS_PER_S)

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
        return {
            name: f"{one.n} {of if one.n != 1 else of.removesuffix('s')}, {n} wanted"
            for name, one, n, of in least
            if one is not None and one.n < n
        }


class Board:
    """Tell it what happens; ask it at any time."""

    def __init__(self, params: BoardParams | None = None) -> None:
        self.params: Final = params or BoardParams()
        made = self.params
        self._contacts: dict[Foot, deque[Row]] = {foot: deque(maxlen=made.contacts) for foot in FEET}
        self._steps: deque[Row] = deque(maxlen=made.steps)
        self._strides: deque[Row] = deque(maxlen=made.steps)
        self._drops: dict[Foot, deque[Row]] = {foot: deque(maxlen=made.drops) for foot in FEET}
        self._angles: dict[Foot, deque[Row]] = {foot: deque(maxlen=made.angles) for foot in FEET}
        # clean or not: they show that the foot, or the pelvis, is measured still
        self._any_drops: dict[Foot, deque[Row]] = {foot: deque(maxlen=SIGNS) for foot in FEET}
        self._any_angles: dict[Foot, deque[Row]] = {foot: deque(maxlen=SIGNS) for foot in FEET}
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
                if row.get("foot_angle_deg") is not None:
                    self._any_angles[event.foot].append(row)
                    if not row["quality"]:
                        self._angles[event.foot].append(row)
            elif event.kind == "stride":
                self._strides.append(row)
            elif event.kind == "step":
                self._steps.append(row)
                if row["pelvic_drop_deg"] is not None:
                    self._any_drops[event.foot].append(row)
                    if not row["quality"]:
                        self._drops[event.foot].append(row)

    def figures(self) -> Figures:
        """What is not old, of the direction of the last contact."""
        now_ns, newest = self._t_ns, self._newest
        if now_ns is None or newest is None:
            return Figures(t_ns=now_ns, contacts=self._count)
        fresh = _Fresh(now_ns, str(newest["direction"]), self.params)
        steps = fresh.rows("cadence_spm", self._steps, "t_end_ns", self._steps)
        strides = fresh.rows("speed_m_s", self._strides, "t_end_ns", self._strides)
        contacts = fresh.each("toes", self._contacts, "t_contact_ns", self._contacts)
        drops = fresh.each("drop_deg", self._drops, "t_end_ns", self._any_drops)
        angles = fresh.each("foot_angle_deg", self._angles, "t_contact_ns", self._any_angles)
        if fresh.direction == "in_place":
            # who turns on the spot has neither, and the steps come as they like
            steps, strides = [], []
            fresh.gone |= dict.fromkeys(("cadence_spm", "speed_m_s"), "on the spot")
        walking = any(contacts.values())
        cadence = _cadence(steps, "step_time_s", 1) or _cadence(strides, "stride_time_s", 2)
        if cadence is not None:
            # of strides, where one foot alone is measured
            fresh.gone.pop("cadence_spm", None)
        if not walking:
            fresh.gone["direction"] = no_step_text((now_ns - whole(newest, "t_contact_ns")) / NS_PER_S)
        return Figures(
            t_ns=now_ns,
            direction=fresh.direction if walking else None,
            cadence_spm=cadence,
            speed_m_s=_mean(strides, "speed_m_s"),
            toes={foot: _toes(rows) for foot, rows in contacts.items() if rows},
            drop_deg=_means(drops, "pelvic_drop_deg"),
            foot_angle_deg=_means(angles, "foot_angle_deg"),
            contacts=self._count,
            gone=fresh.gone,
        )


_OfFeet: TypeAlias = dict[Foot, deque[Row]]


class _Fresh:
    """What of some rows can be gone by, at one instant and in one direction."""

    def __init__(self, now_ns: int, direction: str, params: BoardParams) -> None:
        self.direction: Final = direction
        self.gone: dict[str, str] = {}
        self._now_ns, self._params = now_ns, params

    def each(self, name: str, rows: _OfFeet, end: str, signs: _OfFeet) -> dict[Foot, list[Row]]:
        """`rows` of each foot."""
        return {foot: self.rows(f"{name}.{foot}", rows[foot], end, signs[foot]) for foot in FEET}

    def rows(self, name: str, rows: Iterable[Row], end: str, signs: Iterable[Row]) -> list[Row]:
        """Those of the present bout; none, if no sign that such rows still come is fresh, or the newest row is old."""
        params = self._params
        signs_s, aged = [age_s for _, age_s in self._aged(signs, end)], self._aged(rows, end)
        if not signs_s or not aged:
            return []
        newest_s = aged[-1][1]
        begun_s, resumed_s, due_s = self._bout(signs_s)
        unclean = sum(age_s < newest_s for age_s in signs_s)
        lasts = newest_s <= (params.oldest_s if unclean > params.unclean else params.unclean_s)
        # after a halt that took it down, a figure comes back with a row of its own
        if signs_s[-1] > due_s or newest_s > resumed_s or not lasts:
            self.gone[name] = no_step_text(newest_s, CLEAN.get(name.partition(".")[0], "step"))
            return []
        return [row for row, age_s in aged if age_s <= min(begun_s, params.window_s)]

    def _bout(self, signs_s: list[float]) -> tuple[float, float, float]:
        """How long ago the bout began, and walking after its last halt; and up to which age the last sign is fresh."""
        params = self._params
        begun_s = resumed_s = inf
        ways_s: deque[float] = deque(maxlen=2)
        due_s = params.old_s
        for before_s, after_s in pairwise(signs_s):
            way_s = before_s - after_s
            if way_s > due_s:
                resumed_s = after_s
            if way_s > params.apart_s:
                begun_s = after_s
                ways_s.clear()
            else:
                ways_s.append(way_s)
            due_s = min(max(params.old_s, params.overdue * max(ways_s, default=0.0)), params.oldest_s)
        return begun_s, resumed_s, due_s

    def _aged(self, rows: Iterable[Row], end: str) -> list[tuple[Row, float]]:
        return [
            (row, (self._now_ns - whole(row, end)) / NS_PER_S) for row in rows if row["direction"] == self.direction
        ]


CLEAN: Final = {"drop_deg": "clean step", "foot_angle_deg": "clean step"}
"""What such figures are of; the others are of any steps."""


def no_step_text(seconds: float, step: str = "step") -> str:
    """Why there is no figure."""
    return f"no {step} for {seconds:.0f} s" if seconds < 120.0 else f"no {step} for {seconds / 60.0:.0f} min"


def _cadence(rows: list[Row], time: str, steps: int) -> Mean | None:
    """Steps a minute over all rows together, each of which is so many steps."""
    if not rows:
        return None
    each = [60.0 * steps / number(row, time) for row in rows]
    return Mean(60.0 * steps * len(rows) / sum(number(row, time) for row in rows), _uncertainty(each), len(rows))


def _mean(rows: list[Row], name: str) -> Mean | None:
    values = [number(row, name) for row in rows if row[name] is not None]
    return Mean(_average(values), _uncertainty(values), len(values)) if values else None


def _means(rows: dict[Foot, list[Row]], name: str) -> dict[Foot, Mean]:
    return {foot: mean for foot in FEET if (mean := _mean(rows[foot], name)) is not None}


def _uncertainty(values: list[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = _average(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def _average(values: list[float]) -> float:
    return sum(values) / len(values)


def _toes(rows: list[Row]) -> Toes:
    known = [row["pattern"] for row in rows if row["pattern"] != "uncertain"]
    return Toes(known.count("toe_to_heel"), len(known), str(rows[-1]["pattern"]))
