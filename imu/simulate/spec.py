"""One TOML file = a person, a protocol and sensors. What it doesn't say has its default; what isn't known fails."""

import difflib
import math
import tomllib
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

from imu.core.errors import BadSpec
from imu.core.session import SENSORS, Sensor
from imu.simulate.limits import Sides
from imu.simulate.person import Person
from imu.simulate.placements import check_worn
from imu.simulate.protocol import Protocol, Segment
from imu.simulate.sensors import SensorModel

SEGMENTS: Final[Mapping[str, type[Segment]]] = MappingProxyType(
    {kind.__name__.lower(): kind for kind in get_args(Segment)}
)
"""By the names that phases have in a session's events."""
HUGE: Final = 10**300
"""Whole numbers beyond are beyond any limit; TOML has them."""
EVERY: Final = "every"
"""The table of `sensors` that lies under each sensor's own."""
PLAIN: Final[Mapping[type, str]] = MappingProxyType(
    {float: "a number", int: "a whole number", bool: "true or false", str: "a text in quotes"}
)


class Spec(NamedTuple):
    """What `simulate` takes, in its order."""

    person: Person
    protocol: Protocol
    sensors: Mapping[Sensor, SensorModel]


def usual_sensors() -> dict[Sensor, SensorModel]:
    """Three sensors at 200 Hz: on the dorsum of each foot, slanted as it is, and on the sacrum."""
    left = SensorModel(placement="dorsum")
    right, pelvis = replace(left, mirrored=True), SensorModel(placement="sacrum")
    return {"foot_left": left, "foot_right": right, "pelvis": pelvis}


def load_spec(path: str | Path) -> Spec:
    """Read a specification.

    Raises:
        BadSpec: the file is not there or is no TOML, or it says what can't be; naming the key and the likely slip.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise BadSpec(f"{path} is not there; want a TOML file that describes a simulation (a typing slip?)") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadSpec(f"{path} can't be read: {problem}; want a TOML file in UTF-8") from None
    return parse_spec(text, str(path))


def parse_spec(text: str, name: str) -> Spec:
    """Read the text of a specification; `name` is what messages call it.

    Raises:
        BadSpec: as `load_spec`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadSpec(f"{name} is no TOML: {problem}; want key = value lines (text without quotes?)") from None
    except (ValueError, RecursionError):
        raise BadSpec(f"{name} has a number too long or lists too deep to be read; want plain values") from None
    try:
        _known(document, ("person", "protocol", "sensors"), "the file")
        return Spec(
            _made(Person, document.get("person", {}), "person", Person()),
            _made(Protocol, document.get("protocol", {}), "protocol", None),
            MappingProxyType(_sensors(_table(document.get("sensors", {}), "sensors"))),
        )
    except BadSpec as problem:
        raise BadSpec(f"{name}: {problem}", key=problem.key) from None


def _sensors(table: Mapping[str, Any]) -> dict[Sensor, SensorModel]:
    """Those that are named, or else all three."""
    _known(table, (EVERY, *SENSORS), "sensors")
    usual = usual_sensors()
    worn: dict[Sensor, SensorModel] = {}
    for name in SENSORS:
        if name in table or not any(named in table for named in SENSORS):
            model = _made(SensorModel, table.get(EVERY, {}), f"sensors.{EVERY}", usual[name])
            model = _made(SensorModel, table.get(name, {}), f"sensors.{name}", model)
            try:
                check_worn(name, model.placement)
            except BadSpec as problem:
                raise BadSpec(f"sensors.{name}: {problem}", key=problem.key) from None
            worn[name] = model
    return worn


def _made(kind: type[Any], document: object, where: str, base: Any) -> Any:
    """One of our dataclasses from a table, over `base` where there is one."""
    table, hints = _table(document, where), get_type_hints(kind)
    _known(table, hints, where)
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if base is None and name not in table]
    if missing:
        raise BadSpec(f"{where} has no {missing[0]}; want {', '.join(needed)}", key=missing[0])
    values = {
        key: _value(hints[key], given, f"{where}.{key}", getattr(base, key, None)) for key, given in table.items()
    }
    try:
        return kind(**values) if base is None else replace(base, **values)
    except BadSpec as problem:
        raise BadSpec(f"{where}: {problem}", key=problem.key) from None


def _value(hint: Any, given: Any, where: str, base: Any) -> Any:
    """A TOML value as what the field wants to be."""
    if is_dataclass(hint):
        return _made(cast("type[Any]", hint), given, where, base)
    if hint == tuple[Segment, ...]:
        return tuple(_segment(one, f"{where}[{i}]") for i, one in enumerate(_list(given, where)))
    if hint is Sides:
        sides = _sides(cast("object", given), where) if isinstance(given, dict) else (given, given)
        return Sides(*(_value(float, side, where, None) for side in sides))
    if get_origin(hint) is tuple:
        items, kinds = _list(given, where), get_args(hint)
        kinds = kinds[:1] * len(items) if kinds[-1] is Ellipsis else kinds
        if len(items) != len(kinds):
            raise BadSpec(f"{where} has {len(items)} items; want {len(kinds)}", key=where)
        return tuple(_value(kind, item, where, None) for kind, item in zip(kinds, items, strict=True))
    if get_origin(hint) is Literal:
        if given not in get_args(hint):
            raise BadSpec(f"{where} is {given!r}; want {_choice(given, get_args(hint))}", key=where)
        return given
    if isinstance(hint, types.UnionType):
        return _value(next(kind for kind in get_args(hint) if kind is not types.NoneType), given, where, base)
    # true is an int to Python, and 4 a float to people
    if type(given) is int and hint is float:
        return float(given) if abs(given) < HUGE else math.inf
    if type(given) is not hint:
        raise BadSpec(f"{where} is {given!r}; want {PLAIN[hint]}", key=where)
    return given


def _segment(given: object, where: str) -> Segment:
    table = dict(_table(given, where))
    kind = table.pop("do", None)
    if not isinstance(kind, str) or kind not in SEGMENTS:
        raise BadSpec(f"{where}.do is {kind!r}; want {_choice(kind, SEGMENTS)}", key="do")
    return _made(SEGMENTS[kind], table, where, None)


def _sides(given: object, where: str) -> tuple[Any, Any]:
    table = _table(given, where)
    _known(table, Sides._fields, where)
    if len(table) != len(Sides._fields):
        raise BadSpec(
            f"{where} has {', '.join(table) or 'neither side'} only; want left and right, or one number for both",
            key=where,
        )
    return table["left"], table["right"]


def _table(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise BadSpec(f"{where} is {given!r}; want a table", key=where)
    return cast("dict[str, Any]", given)


def _list(given: object, where: str) -> list[Any]:
    if not isinstance(given, list):
        raise BadSpec(f"{where} is {given!r}; want a list in [ ]", key=where)
    return cast("list[Any]", given)


def _known(given: Iterable[str], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in given:
        if key not in names:
            raise BadSpec(f"{where} has an unknown key {key!r}; want {_choice(key, names)}", key=key)


def _choice(given: object, known: Iterable[str]) -> str:
    """What is known, nearest first where it was a slip of the pen."""
    names = list(known)
    near = difflib.get_close_matches(str(given), names, n=1)
    return f"one of {', '.join(names)}" + (f" (did you mean {near[0]}?)" if near else " (a typing slip?)")
