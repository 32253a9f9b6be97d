"""Recordings of the Lab Streaming Layer in XDF: one's own, FOLDER/SUBJECT/SESSION.xdf.

Streams say what they hold in desc/channels/channel: label, type and unit. Which sensor a stream or a channel is of is
told by its name (`LeftFoot`, `pelvis`) or by `called` in sensors.toml; acc and gyr may come in one stream or in two.
pyxdf reads the file and brings all streams to one clock. What it would do against jitter it is not asked for: it draws
one straight line through all times up to a break of a second or of 500 samples, whichever is longer, so that whatever
was lost in between would shift the rest. `clocks.undelayed` does that here.
"""

import gzip
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np

from imu.core.errors import RetrogaitError
from imu.core.samples import Floats, Ints
from imu.core.session import SENSORS, Sensor
from imu.core.units import ACCELERATION, ANGULAR_RATE, NS_PER_S
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.clocks import paired, rate_of, undelayed
from imu_datasets.readers.delimited import shown
from imu_datasets.readers.own import Found, Settings, Taken, each, sensor_named, session_of, si_per, words_of
from imu_datasets.recorded import Recorded

Quantity: TypeAlias = Literal["acc", "gyr"]
SI: Final[Mapping[Quantity, str]] = {"acc": ACCELERATION, "gyr": ANGULAR_RATE}
NEITHER: Final = ("mag", "quat", "euler", "ori", "pos", "temp", "roll", "pitch", "yaw")
"""How words begin that tell of other quantities."""
AN_AXIS: Final = re.compile(r"(a|g|acc|accel|gyr|gyro|angvel|omega)?[xyz]")
"""The last word of a label that is one of x, y, z: a letter by itself, or written together as in ax and accx."""
WITHOUT_GRAVITY: Final = frozenset({"free", "linear", "lin", "user"})
SAME_RATE: Final = 0.05


Xml: TypeAlias = Mapping[str, Sequence[Any]]
"""As pyxdf gives it: by name of the element a list of those of that name."""


class NoPyxdf(RetrogaitError, ImportError):
    """The library that reads XDF is not installed."""


class _Axis(NamedTuple):
    """A channel that somebody wants."""

    sensor: Sensor
    quantity: Quantity
    axis: int


class _Three(NamedTuple):
    """Three axes of a sensor, from one stream: times (n,) in s, values (n, 3), SI."""

    stream: str
    t_s: Floats
    values: Floats
    rate_hz: float
    host: str
    """The computer it came from; empty = it does not say."""
    has_offsets: bool
    """Whether the recorder has measured how the clock of that computer stands to its own."""


def recordings(root: Path) -> Iterator[Recorded | BadOriginal]:
    """All sessions in a folder of SUBJECT/, and in its place an error for one that can't be read.

    Raises:
        BadOriginal: there is none.
        NoPyxdf: what reads it is not installed.
    """
    return each(root, (".xdf", ".xdfz"), _session)


def _session(found: Found) -> Recorded:
    streams, broken = _load(found.path)
    parts: dict[tuple[Sensor, Quantity], _Three] = {}
    for stream in streams:
        for key, three in _threes(found.path, stream, found.settings):
            if key in parts:
                raise BadOriginal(
                    f"{found.path}: {key[1]} of {key[0]} is in {parts[key].stream!r} and in {three.stream!r};"
                    " want one (tell which by called = in sensors.toml)"
                )
            parts[key] = three
    names = ", ".join(repr(_text(stream["info"], "name")) for stream in streams) or "none"
    if not parts:
        raise BadOriginal(
            f"{found.path}: no acc and gyr of a foot or of the pelvis in the streams {names}; want names such as"
            " LeftFoot, or called = in sensors.toml"
        )
    taken: dict[Sensor, Taken] = {}
    for sensor in SENSORS:
        acc, gyr = parts.get((sensor, "acc")), parts.get((sensor, "gyr"))
        if acc is None and gyr is None:
            continue
        if acc is None or gyr is None:
            raise BadOriginal(f"{found.path}: {sensor} has no {'acc' if acc is None else 'gyr'}; want both")
        taken[sensor] = _together(found.path, acc, gyr)
    more = {"recording": broken} if broken else {}
    synchronised = found.settings.synchronised
    if synchronised is None:
        apart = _apart(parts.values())
        synchronised = not apart
        if apart:
            more["note"] = apart
    return session_of(found, taken, synchronised=synchronised, source="XDF of the Lab Streaming Layer", **more)


def _apart(parts: Collection[_Three]) -> str:
    """Why streams are not on one clock; empty = they are."""
    hosts = sorted({three.host for three in parts})
    without = sorted({repr(three.stream) for three in parts if not three.has_offsets})
    if len(hosts) < 2 or not without:
        return ""
    return f"streams of {len(hosts)} computers, and no clock offsets of {', '.join(without)}"


def _load(path: Path) -> tuple[list[Any], str]:
    """Streams, and what is wrong with the file but lets it be read."""
    try:
        pyxdf: Any = import_module("pyxdf")
    except ModuleNotFoundError:
        raise NoPyxdf(
            "reading XDF needs pyxdf, which is not installed; want: pip install 'retrogait[datasets]'"
        ) from None
    heard = _Heard()
    logger = logging.getLogger("pyxdf")
    before = logger.propagate
    logger.addHandler(heard)
    logger.propagate = False
    try:
        # what pyxdf opens by itself it leaves open where it raises
        with gzip.open(path) if path.suffix == ".xdfz" else path.open("rb") as file:
            streams, _ = pyxdf.load_xdf(file, dejitter_timestamps=False)
    # it raises whatever the bytes lead it to
    except Exception as error:  # noqa: BLE001
        raise BadOriginal(
            f"{path}: {type(error).__name__} on reading: {' '.join(str(error).split())}; want XDF (another file?)"
        ) from None
    finally:
        logger.removeHandler(heard)
        logger.propagate = before
    return streams, heard.first


class _Heard(logging.Handler):
    """The first error that is told while a file is read."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.first = self.first or "damaged or broken off: " + " ".join(record.getMessage().split())


def _inside(table: Xml | None, key: str) -> Sequence[Any]:
    """Elements of a name within one of XML: tables or texts, None for an empty one."""
    return table.get(key, ()) if table else ()


def _text(table: Xml | None, key: str) -> str:
    """The first of these, as text."""
    values = _inside(table, key)
    return str(values[0]) if values and values[0] is not None else ""


def _threes(path: Path, stream: Any, settings: Settings) -> Iterator[tuple[tuple[Sensor, Quantity], _Three]]:
    """What a stream has of sensors that we know."""
    info: Xml = stream["info"]
    name = _text(info, "name")
    values: Any = stream["time_series"]
    # texts come as lists
    if not hasattr(values, "dtype"):
        return
    described = [*_channels(info)][: values.shape[1]]
    found: dict[tuple[Sensor, Quantity], dict[int, tuple[int, str]]] = {}
    for column, channel in enumerate(described):
        axis = _axis(name, _text(info, "type"), channel, settings)
        if axis is not None:
            unit = _text(channel, "unit") or settings.sensors.get(axis.sensor, {}).get(f"{axis.quantity}_unit", "")
            axes = found.setdefault((axis.sensor, axis.quantity), {})
            if axis.axis in axes:
                labels = [_text(described[k], "label") for k in (axes[axis.axis][0], column)]
                raise BadOriginal(
                    f"{path}: stream {name!r} has {labels[0]!r} and {labels[1]!r}, both {'xyz'[axis.axis]} of"
                    f" {axis.quantity} of {axis.sensor}; want one (two ranges of one sensor? a stream each)"
                )
            axes[axis.axis] = column, unit
    for (sensor, quantity), axes in found.items():
        where = f"{path}: {quantity} of stream {name!r}"
        if set(axes) != {0, 1, 2}:
            raise BadOriginal(f"{where} has {''.join('xyz'[k] for k in sorted(axes))}; want x, y and z")
        units = {unit for _, unit in axes.values()}
        if len(units) > 1 or units == {""}:
            raise BadOriginal(
                f"{where} has units {', '.join(sorted(units)) or 'none'}; want one for all three, or {quantity}_unit"
                " in sensors.toml"
            )
        columns = [axes[k][0] for k in range(3)]
        si = np.asarray(values[:, columns], np.float64) * si_per(units.pop(), SI[quantity], where)
        yield (sensor, quantity), _timed(where, stream, si)


def _channels(info: Xml) -> Iterator[Xml | None]:
    for description in _inside(info, "desc"):
        for channels in _inside(description, "channels"):
            yield from _inside(channels, "channel")


def _axis(stream: str, kind: str, channel: Xml | None, settings: Settings) -> _Axis | None:
    """What a channel holds; None = nothing that somebody wants, or nothing that is clear."""
    label = _text(channel, "label")
    words = words_of(label)
    own = [*words, *words_of(_text(channel, "type"))]
    if not words or not AN_AXIS.fullmatch(words[-1]) or any(word.startswith(NEITHER) for word in own):
        return None
    if not WITHOUT_GRAVITY.isdisjoint([*own, *words_of(kind), *words_of(stream)]):
        return None
    sensor = sensor_named(label) or settings.sensor_of(stream)
    # the channel itself first: a stream that is called after both holds both
    for said in (own, words_of(kind), words_of(stream)):
        quantities: set[Quantity] = {quantity for word in said if (quantity := _quantity(word)) is not None}
        if quantities:
            axis = "xyz".index(words[-1][-1])
            return _Axis(sensor, quantities.pop(), axis) if sensor is not None and len(quantities) == 1 else None
    return None


def _quantity(word: str) -> Quantity | None:
    if word.startswith("acc") or word in ("ax", "ay", "az"):
        return "acc"
    if word.startswith(("gyr", "angvel", "angularvel", "omega")) or word in ("gx", "gy", "gz"):
        return "gyr"
    return None


def _timed(where: str, stream: Any, values: Floats) -> _Three:
    t_s = np.asarray(stream["time_stamps"], np.float64)
    if len(t_s) < 2:
        raise BadOriginal(f"{where} has {len(t_s)} samples; want more (nothing came in?)")
    nominal_hz = float(_text(stream["info"], "nominal_srate") or 0)
    rate_hz = nominal_hz if nominal_hz > 0 else rate_of(t_s * NS_PER_S)
    if rate_hz <= 0:
        raise BadOriginal(f"{where} has all samples at one time; want times that rise")
    info: Xml = stream["info"]
    return _Three(_text(info, "name"), t_s, values, rate_hz, _text(info, "hostname"), len(stream["clock_times"]) > 0)


def _together(path: Path, acc: _Three, gyr: _Three) -> Taken:
    t_s, seq, rate_hz = undelayed(acc.t_s, acc.rate_hz)
    t_ns = _ns(t_s)
    if len(acc.t_s) == len(gyr.t_s) and np.array_equal(acc.t_s, gyr.t_s):
        return Taken(t_ns, seq, acc.values, gyr.values, rate_hz)
    other_s, _, other_hz = undelayed(gyr.t_s, gyr.rate_hz)
    if abs(rate_hz / other_hz - 1) > SAME_RATE:
        raise BadOriginal(
            f"{path}: {acc.stream!r} runs at {rate_hz:.3g} Hz and {gyr.stream!r} at {other_hz:.3g} Hz; want one rate"
        )
    of_acc, of_gyr = paired(t_ns, _ns(other_s), rate_hz)
    if 2 * len(of_acc) < len(t_ns):
        raise BadOriginal(
            f"{path}: {len(of_acc)} of {len(t_ns)} samples of {acc.stream!r} have one of {gyr.stream!r} at their time;"
            f" want most of them (see {shown('called')} in sensors.toml)"
        )
    return Taken(t_ns[of_acc], seq[of_acc], acc.values[of_acc], gyr.values[of_gyr], rate_hz)


def _ns(t_s: Floats) -> Ints:
    return np.rint(t_s * NS_PER_S).astype(np.int64)
