"""Protocols: phases one after the other, with limits on speed and time. TOML files, to be copied and changed."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from imu.core.errors import RetrogaitError
from imu.store.slips import likely

Kind: TypeAlias = Literal["timed_walk", "stand", "forward", "ramp", "backward", "rest", "slow_down"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TITLES: Final[dict[Kind, str]] = {
    "timed_walk": "Walk backward over ground",
    "stand": "Stand still",
    "forward": "Walk forward",
    "ramp": "Walk backward, slowly faster",
    "backward": "Walk backward",
    "rest": "Rest",
    "slow_down": "Slow down; walk on until the belt has stopped",
}
WALKS: Final[dict[Kind, str]] = {
    "timed_walk": "backward",
    "forward": "forward",
    "ramp": "backward",
    "backward": "backward",
}
"""The direction that a phase asks for; the others ask for none."""
USUAL_MAX_M_S: Final = 0.89
"""2 mph: what most manage walking backward, by public advice."""
UTMOST_M_S: Final = 1.41
"""Backward, nobody is asked for more: two deviations below the 1.63 ± 0.11 m/s at which people run (Hreljac 2005)."""
UTMOST_FORWARD_M_S: Final = 2.0
LONGEST_S: Final = 3600.0
MOST_DROP_DEG: Final = 30.0
PLACE: Final = Path(__file__).with_name("protocols")


class BadProtocol(RetrogaitError, ValueError):
    """A protocol that can't be, or none of that name."""

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase. `seconds` None = until the button; a timed walk also ends at its metres, a slow-down with the belt."""

    id: str
    kind: Kind
    title: str = ""
    say: str = ""
    """What is asked of the person, in a sentence."""
    seconds: float | None = None
    metres: float | None = None
    speeds_m_s: tuple[float, ...] = ()
    """What to set the belt to, one after the other, equally long each."""
    max_speed_m_s: float = USUAL_MAX_M_S

    @property
    def direction(self) -> str | None:
        """In which people are to walk."""
        return WALKS.get(self.kind)

    @property
    def ends_by(self) -> str:
        """What ends it; the button always does, too."""
        if self.kind == "slow_down":
            return "belt stopped"
        if self.metres is not None:
            return "distance"
        return "button" if self.seconds is None else "time"

    def target_m_s(self, phase_s: float) -> float | None:
        """Belt speed to set now."""
        if not self.speeds_m_s:
            return None
        if self.seconds is None:
            return self.speeds_m_s[0]
        part = int(phase_s / self.seconds * len(self.speeds_m_s))
        return self.speeds_m_s[min(part, len(self.speeds_m_s) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Phases in order. `backward_s` is how long one should walk backward in all, `drop_deg` how far the pelvis should
    drop at most: whoever looks on is told, nobody is cued for it.
    """

    name: str
    title: str
    phases: tuple[Phase, ...]
    about: str = ""
    max_speed_m_s: float = USUAL_MAX_M_S
    """Backward, unless a phase says otherwise..."""
    max_forward_m_s: float = UTMOST_M_S
    """...and forward."""
    backward_s: float | None = None
    drop_deg: float | None = None

    def document(self) -> dict[str, Any]:
        """As it is marked in a session."""
        return {
            "name": self.name,
            "title": self.title,
            "max_speed_m_s": self.max_speed_m_s,
            "max_forward_m_s": self.max_forward_m_s,
            "backward_s": self.backward_s,
            "drop_deg": self.drop_deg,
            "phases": [
                {f.name: value for f in fields(phase) if (value := getattr(phase, f.name)) not in (None, "", ())}
                for phase in self.phases
            ],
        }


def names(place: Path = PLACE) -> tuple[str, ...]:
    """Of the protocols in a folder, in order."""
    return tuple(sorted(entry.stem for entry in place.glob("*.toml")))


def named(name: str, place: Path = PLACE) -> Protocol:
    """A protocol by name.

    Raises:
        BadProtocol: no such name, or a file that says what can't be.
    """
    known = names(place)
    if name not in known:
        raise BadProtocol(
            f"no protocol {name!r}; want {', '.join(known) or 'one, and there is none'}{likely(name, known)}"
        )
    file = place / f"{name}.toml"
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadProtocol(f"{file} can't be read: {problem}; want a TOML file in UTF-8") from None
    return parse(text, name)


def parse(text: str, name: str) -> Protocol:
    """What such a file says; `name` is the protocol's.

    Raises:
        BadProtocol: in one line: which key, what it says, what is wanted, the likely slip.
    """
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadProtocol(f"{name} is no TOML: {problem}; want key = value lines (text without quotes?)") from None
    except (ValueError, RecursionError):
        raise BadProtocol(f"{name} has a number too long or lists too deep; want plain values") from None
    try:
        return _protocol(whole, name)
    except BadProtocol as problem:
        raise BadProtocol(f"{name}: {problem}", key=problem.key) from None


def _protocol(whole: Mapping[str, Any], name: str) -> Protocol:
    _known(whole, ("title", "about", "limits", "phases"), "the file")
    limits = whole.get("limits", {})
    if not isinstance(limits, dict):
        raise BadProtocol(f"limits is {_shown(limits)}; want a table [limits]", key="limits")
    limits = cast("dict[str, Any]", limits)
    _known(limits, ("max_speed_m_s", "max_forward_m_s", "backward_s", "drop_deg"), "limits")
    backward = _number(limits, "max_speed_m_s", 0.1, UTMOST_M_S, "km/h or mph?") or USUAL_MAX_M_S
    forward = _number(limits, "max_forward_m_s", 0.1, UTMOST_FORWARD_M_S, "km/h or mph?") or UTMOST_M_S
    tables: Any = whole.get("phases")
    if not isinstance(tables, list) or not tables:
        raise BadProtocol(f"phases is {_shown(tables)}; want tables [[phases]], one at least", key="phases")
    phases: list[Phase] = []
    for number, table in enumerate(cast("list[Any]", tables), 1):
        if not isinstance(table, dict):
            raise BadProtocol(f"phase {number} is {_shown(table)}; want a table [[phases]]", key="phases")
        phases.append(_phase(cast("dict[str, Any]", table), number, backward, forward))
        if phases[-1].id in (before.id for before in phases[:-1]):
            raise BadProtocol(f"phase {number} has id {phases[-1].id!r} once more; want one of its own", key="id")
    return Protocol(
        name=name,
        title=_text(whole, "title", name),
        phases=tuple(phases),
        about=_text(whole, "about", ""),
        max_speed_m_s=backward,
        max_forward_m_s=forward,
        backward_s=_number(limits, "backward_s", 10.0, LONGEST_S, "in minutes?"),
        drop_deg=_number(limits, "drop_deg", 0.5, MOST_DROP_DEG, "rad?"),
    )


PHASE_KEYS: Final = tuple(field.name for field in fields(Phase))


def _phase(table: Mapping[str, Any], number: int, backward_m_s: float, forward_m_s: float) -> Phase:
    where = f"phase {number}"
    _known(table, PHASE_KEYS, where)
    kind = table.get("kind")
    if kind not in KINDS:
        raise BadProtocol(
            f"{where} has kind {_shown(kind)}; want {', '.join(KINDS)}{likely(str(kind), KINDS)}", key="kind"
        )
    limit = forward_m_s if kind == "forward" else backward_m_s
    utmost = UTMOST_FORWARD_M_S if kind == "forward" else UTMOST_M_S
    try:
        max_speed = _number(table, "max_speed_m_s", 0.1, utmost, "km/h or mph?") or limit
        seconds = _number(table, "seconds", 1.0, LONGEST_S, "in minutes?")
        metres = _number(table, "metres", 1.0, 100.0, "in cm?")
        speeds = _speeds(table, max_speed)
        if metres is not None and kind != "timed_walk":
            raise BadProtocol(f"metres of a phase {kind}; want them of a timed_walk only", key="metres")
        if kind == "slow_down" and seconds is not None:
            raise BadProtocol("seconds of a slow_down; want none: it ends when the belt has stopped", key="seconds")
        if kind in ("ramp", "rest") and seconds is None:
            raise BadProtocol(f"a {kind} without seconds; want how long it takes", key="seconds")
        if kind == "ramp" and not speeds:
            raise BadProtocol("a ramp without speeds_m_s; want them, the lowest first", key="speeds_m_s")
        return Phase(
            id=_text(table, "id", f"{number}-{kind}"),
            kind=kind,
            title=_text(table, "title", TITLES[kind]),
            say=_text(table, "say", ""),
            seconds=seconds,
            metres=metres,
            speeds_m_s=speeds,
            max_speed_m_s=max_speed,
        )
    except BadProtocol as problem:
        raise BadProtocol(f"{where}: {problem}", key=problem.key) from None


def _speeds(table: Mapping[str, Any], most_m_s: float) -> tuple[float, ...]:
    given = table.get("speeds_m_s", [])
    if not isinstance(given, list):
        raise BadProtocol(f"speeds_m_s is {_shown(given)}; want a list, as [0.2, 0.3]", key="speeds_m_s")
    each = [{"speeds_m_s": one} for one in cast("list[Any]", given)]
    speeds = tuple(cast("float", _number(one, "speeds_m_s", 0.05, most_m_s, "above max_speed_m_s?")) for one in each)
    if list(speeds) != sorted(speeds):
        raise BadProtocol(f"speeds_m_s are {_shown(given)}; want the lowest first", key="speeds_m_s")
    return speeds


def _known(table: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            raise BadProtocol(f"{where} has {key!r}; want {', '.join(keys)}{likely(key, keys)}", key=key)


def _text(table: Mapping[str, Any], key: str, usual: str) -> str:
    value = table.get(key, usual)
    if not isinstance(value, str) or not value.isprintable() or (not value and key in table):
        raise BadProtocol(f"{key} is {_shown(value)}; want a line of text in quotes", key=key)
    return value


def _number(table: Mapping[str, Any], key: str, least: float, most: float, slip: str) -> float | None:
    value = table.get(key)
    if key not in table:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadProtocol(f"{key} is {_shown(value)}; want a number", key=key)
    if not least <= value <= most:
        raise BadProtocol(f"{key} is {value:g}; want {least:g} to {most:g} ({slip})", key=key)
    return float(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
