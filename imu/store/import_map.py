"""The map of an import: which column of which text file is what. TOML, checked whole before any row is read.

```toml
[session]                       # goes to session.json as it stands
subject = "S01"
session = "2026-11-21"
start_utc = 2026-11-21T10:00:00Z   # of the first sample of all

[csv]                           # how the text is written; each key may be left out
delimiter = ";"                 # else found in the first line
decimal = ","                   # else "."
skip_rows = 1                   # lines above the header; else 0
header = true                   # else columns are told by number

[sensors.foot_left]             # likewise foot_right, pelvis
file = "left.csv"               # not needed for one file in all, or one a sensor in the order of the map
rate_hz = 100
mounting = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]   # left out = unknown
t = { column = "time", unit = "ms" }           # ns, us, ms, s; samples = a counter that is also the clock
seq = { column = "counter" }    # left out: made from the steps of time
acc = { columns = ["ax", "ay", "az"], unit = "g" }
gyr = { columns = [5, 6, 7], unit = "deg/s" }  # a number is a column's place, the first is 1
```
"""

import datetime
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from imu.core.canonical import canonical_json
from imu.core.errors import BadImport, BadSessionFile
from imu.core.session import SCHEMA, Sensor, Session
from imu.core.units import ACCELERATION, ANGULAR_RATE, TO_SI
from imu.store.slips import likely, likely_unit

ColumnName: TypeAlias = str | int
"""As the header has it, or its place, the first being 1."""

SAMPLES: Final = "samples"
TIME_UNITS_NS: Final[Mapping[str, float]] = MappingProxyType({"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9})

_CSV_KEYS: Final = ("delimiter", "decimal", "skip_rows", "header")
_SETUP_KEYS: Final = ("rate_hz", "mounting", "placement", "acc_range_m_s2", "gyr_range_rad_s")
_SENSOR_KEYS: Final = ("file", "t", "seq", "acc", "gyr", *_SETUP_KEYS)


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How the text is written; a delimiter of None is found in the first line."""

    delimiter: str | None = None
    decimal: str = "."
    skip_rows: int = 0
    header: bool = True


@dataclass(frozen=True, slots=True)
class SensorColumns:
    """Where one sensor's rows stand, and what makes SI of them."""

    file: Path
    t: ColumnName
    ns_per_unit: float | None  # None = `t` counts samples
    seq: ColumnName | None
    acc: tuple[ColumnName, ...]
    si_per_acc: float
    gyr: tuple[ColumnName, ...]
    si_per_gyr: float


@dataclass(frozen=True, slots=True)
class ImportMap:
    """A whole map, checked."""

    session: Session
    format: TextFormat
    sensors: Mapping[Sensor, SensorColumns]


def read_map(path: Path, files: Sequence[Path]) -> ImportMap:
    """Read a map and give each of its sensors one of the files.

    Raises:
        BadImport: for a map that is not there, no TOML, or says something unknown or impossible.
    """
    return _MapReader(path, files).read()


class _MapReader:
    """One reading; it knows the map's name, so that every refusal says it."""

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        self._path = path
        self._files = files

    def read(self) -> ImportMap:
        whole = self._known(self._toml(), ("session", "csv", "sensors"), "the map")
        sensors = self._table(whole, "sensors")
        order = list(sensors)
        tables = {
            name: self._known(self._table(sensors, name, within="sensors."), _SENSOR_KEYS, f"sensors.{name}")
            for name in order
        }
        setups = {name: {key: table[key] for key in _SETUP_KEYS if key in table} for name, table in tables.items()}
        session = self._session(self._table(whole, "session"), setups)
        form = self._format(self._table(whole, "csv") if "csv" in whole else {})
        columns: dict[Sensor, SensorColumns] = {
            name: self._columns(name, tables[name], place=order.index(name), of=len(order)) for name in session.sensors
        }
        return ImportMap(session, form, MappingProxyType(columns))

    def _session(self, table: Mapping[str, Any], setups: Mapping[str, Mapping[str, Any]]) -> Session:
        said = cast("dict[str, Any]", _json_ready(table))
        sensors = {name: {"mounting": None, **setup} for name, setup in setups.items()}
        try:
            session = Session.parse({"schema": SCHEMA, **said, "sensors": sensors})
            canonical_json(session.document)
        except BadSessionFile as error:
            raise self._wrong(str(error).removeprefix("session.json ")) from None
        except ValueError:
            raise self._wrong("has nan or inf, which session.json can't hold; want numbers") from None
        return session

    def _wrong(self, message: str) -> BadImport:
        return BadImport(f"{self._path.name}: {message}", source=str(self._path))

    def _toml(self) -> Mapping[str, Any]:
        try:
            return tomllib.loads(self._path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise BadImport(f"{self._path} is not there; want a map (TOML)", source=str(self._path)) from None
        except tomllib.TOMLDecodeError as error:
            raise self._wrong(f"{error}; want TOML (text without quotes?)") from None
        except UnicodeDecodeError:
            raise self._wrong("not UTF-8; want UTF-8 text (saved in another encoding?)") from None
        except (ValueError, RecursionError):
            raise self._wrong("has a number or a nesting beyond all measure; want plain TOML") from None
        except OSError as error:
            raise self._wrong(f"can't be read: {error.strerror or error}; want a map (TOML)") from None

    def _table(self, whole: Mapping[str, Any], key: str, within: str = "") -> Mapping[str, Any]:
        value = whole.get(key)
        if not isinstance(value, dict):
            got = "no" if value is None else f"{value!r} for"
            raise self._wrong(f"has {got} {within}{key}; want a table [{within}{key}]")
        return cast("dict[str, Any]", value)

    def _known(self, table: Mapping[str, Any], keys: Sequence[str], where: str) -> Mapping[str, Any]:
        for key in table:
            if key not in keys:
                raise self._wrong(f"{where} has {key!r}; want only {', '.join(keys)}{likely(key, keys)}")
        return table

    def _format(self, table: Mapping[str, Any]) -> TextFormat:
        self._known(table, _CSV_KEYS, "csv")
        form = TextFormat(**table)
        if form.delimiter is not None and not _one_character(form.delimiter):
            raise self._wrong(f"csv.delimiter is {form.delimiter!r}; want one character, as ';' or '\\t'")
        if form.decimal not in (".", ",") or form.decimal == form.delimiter:
            raise self._wrong(f"csv.decimal is {form.decimal!r}; want '.' or ',', other than the delimiter")
        if type(form.skip_rows) is not int or form.skip_rows < 0:
            raise self._wrong(f"csv.skip_rows is {form.skip_rows!r}; want how many lines stand above the header")
        if type(form.header) is not bool:
            raise self._wrong(f"csv.header is {form.header!r}; want true or false")
        return form

    def _columns(self, name: Sensor, table: Mapping[str, Any], *, place: int, of: int) -> SensorColumns:
        acc, si_per_acc = self._axes(name, table, "acc", ACCELERATION)
        gyr, si_per_gyr = self._axes(name, table, "gyr", ANGULAR_RATE)
        t = self._column_table(name, table, "t", ("column", "unit"))
        unit = t["unit"]
        if unit not in (SAMPLES, *TIME_UNITS_NS):
            raise self._wrong(
                f"sensors.{name}.t has unit {unit!r}; want ns, us, ms, s, or samples for a counter that is the clock"
            )
        return SensorColumns(
            file=self._file(name, table.get("file"), place=place, of=of),
            t=self._column(t["column"], f"sensors.{name}.t"),
            ns_per_unit=None if unit == SAMPLES else TIME_UNITS_NS[unit],
            seq=self._column(self._column_table(name, table, "seq", ("column",))["column"], f"sensors.{name}.seq")
            if "seq" in table
            else None,
            acc=acc,
            si_per_acc=si_per_acc,
            gyr=gyr,
            si_per_gyr=si_per_gyr,
        )

    def _axes(self, name: Sensor, table: Mapping[str, Any], key: str, si: str) -> tuple[tuple[ColumnName, ...], float]:
        axes = self._column_table(name, table, key, ("columns", "unit"))
        columns, unit = axes["columns"], axes["unit"]
        if not isinstance(columns, list) or len(cast("list[Any]", columns)) != 3:
            raise self._wrong(f"sensors.{name}.{key} has columns {columns!r}; want three, for x, y and z")
        if unit not in list(TO_SI[si]):
            raise self._wrong(
                f"sensors.{name}.{key} has unit {unit!r}; want one of {', '.join(TO_SI[si])}"
                f"{likely_unit(str(unit), si)}"
            )
        where = f"sensors.{name}.{key}"
        return tuple(self._column(column, where) for column in cast("list[Any]", columns)), TO_SI[si][unit]

    def _column_table(self, name: Sensor, table: Mapping[str, Any], key: str, keys: Sequence[str]) -> Mapping[str, Any]:
        where = f"sensors.{name}.{key}"
        shape = f"{{ {', '.join(f'{word} = ...' for word in keys)} }}"
        value = table.get(key)
        if not isinstance(value, dict):
            raise self._wrong(f"{where} is {'missing' if value is None else repr(value)}; want {shape}")
        known = self._known(cast("dict[str, Any]", value), keys, where)
        for word in keys:
            if word not in known:
                raise self._wrong(f"{where} has no {word}; want {shape}")
        return known

    def _column(self, column: object, where: str) -> ColumnName:
        if isinstance(column, str) or (type(column) is int and column >= 1):
            return column
        raise self._wrong(f"{where} has column {column!r}; want its name, or its place from 1 on")

    def _file(self, name: Sensor, wanted: object, *, place: int, of: int) -> Path:
        if wanted is None:
            if len(self._files) not in (1, of):
                raise self._wrong(
                    f"sensors.{name} names no file and there are {len(self._files)} for {of} sensors;"
                    ' want file = "...", one file in all, or one a sensor'
                )
            return self._files[place if len(self._files) == of else 0]
        names = [file.name for file in self._files]
        if names.count(cast("str", wanted)) != 1:
            given = ", ".join(names) or "none"
            raise self._wrong(
                f"sensors.{name} wants the file {wanted!r}; given were {given}{likely(str(wanted), names)}"
            )
        return self._files[names.index(cast("str", wanted))]


def _one_character(text: object) -> bool:
    return isinstance(text, str) and len(text) == 1 and text.isascii() and text not in '\r\n".'


def _json_ready(value: object) -> object:
    """TOML has dates of its own; JSON has their text."""
    if isinstance(value, dict):
        return {key: _json_ready(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_json_ready(inner) for inner in cast("list[object]", value)]
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat().replace("+00:00", "Z")
    return value
