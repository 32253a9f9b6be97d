"""Recordings of one's own: where their files lie, how sensors were worn, and what makes one session of several files.

Files lie in FOLDER/SUBJECT/SESSION/ or are FOLDER/SUBJECT/SESSION.xdf; names of folders become the session's. What no
file knows is said in `sensors.toml` in the innermost of the three folders that has one:

```toml
synchronised = true        # the sensors share one clock, though their files do not say so; false = they do not
[foot_left]                # likewise foot_right, pelvis; each key may be left out
mounting = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]   # rows: the body's forward, left, up in sensor axes; else unknown
placement = "dorsum"
called = "Left shoe"       # what the source calls it: a stream of XDF, a tracked point of BIDS
acc_unit = "g"             # of an XDF stream that says none; likewise gyr_unit
```
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from imu.core.errors import BadSessionFile
from imu.core.samples import Floats, Ints, Samples
from imu.core.session import SENSORS, Sensor, Session
from imu.core.units import NS_PER_S, TO_SI
from imu.store.slips import OTHER_SPELLINGS, likely, likely_unit
from imu_datasets.dataset import BadOriginal
from imu_datasets.readers.delimited import check_units, shown
from imu_datasets.recorded import Recorded, document_of, timed

SETTINGS: Final = "sensors.toml"
WORN: Final = ("mounting", "placement")
TEXTS: Final = ("placement", "called", "acc_unit", "gyr_unit")
KEYS: Final = ("mounting", *TEXTS)

NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")
MOST_OF_A_NAME: Final = 64

WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
"""Of a name, however it is written: LeftFoot, left_foot, LEFT FOOT."""
LEFT: Final = frozenset({"left", "l", "lt"})
RIGHT: Final = frozenset({"right", "r", "rt"})
ON_A_FOOT: Final = frozenset({"foot", "shoe", "dorsum", "instep", "forefoot"})
ON_THE_PELVIS: Final = ("pelvis", "sacrum", "lumbar", "lowerback", "lowback", "backlow")


@dataclass(frozen=True, slots=True)
class Settings:
    """What `sensors.toml` says; nothing where there is none."""

    sensors: Mapping[Sensor, Mapping[str, Any]]
    synchronised: bool | None = None

    def worn(self, sensor: Sensor) -> dict[str, Any]:
        """Of a sensor, for session.json."""
        said = self.sensors.get(sensor, {})
        return {"mounting": None, **{key: said[key] for key in WORN if key in said}}

    def sensor_of(self, name: str) -> Sensor | None:
        """Which sensor a source means by a name; what was said goes before what the name tells."""
        for sensor, said in self.sensors.items():
            if said.get("called") == name:
                return sensor
        told = sensor_named(name)
        return None if told is None or "called" in self.sensors.get(told, {}) else told


class Found(NamedTuple):
    """Files of one session."""

    subject: str
    session: str
    path: Path
    """A folder, or a file."""
    settings: Settings


class Taken(NamedTuple):
    """What one sensor has recorded, (n,) times on its own clock, (n, 3) values in m/s^2 and rad/s."""

    t_ns: Ints
    seq: Ints
    acc: Floats
    gyr: Floats
    rate_hz: float


def each(root: Path, suffixes: tuple[str, ...], read: Callable[[Found], Recorded]) -> Iterator[Recorded | BadOriginal]:
    """All sessions of a folder, by subject and session, and in its place an error for one that can't be read.

    Args:
        root: the folder above the subjects
        suffixes: of files; of one that is named `.xdf` every file is a session, of others every folder that holds any
        read: one session

    Raises:
        BadOriginal: there is none.
    """
    none = True
    for path in sorted(root.glob("*/*")):
        if _is_session(path, suffixes):
            none = False
            subject, session = path.parent.name, path.name if path.is_dir() else _safe(path.stem)
            try:
                yield read(Found(subject, session, path, settings_of(path, path.parent, root)))
            except BadOriginal as slip:
                yield slip
    if none:
        inside = "SUBJECT/SESSION" + (suffixes[0] if suffixes[0] == ".xdf" else f"/foot_left{suffixes[0]}")
        raise BadOriginal(f"{root} has no {inside}; want recordings there (another folder by --from?)")


def _safe(stem: str) -> str:
    """A name of a session as like a file's as can be."""
    return NOT_IN_NAMES.sub("-", stem).lstrip("._-")[:MOST_OF_A_NAME] or "session"


def _is_session(path: Path, suffixes: tuple[str, ...]) -> bool:
    # macOS lays ._walk.xdf beside walk.xdf
    if path.name.startswith(".") or path.parent.name.startswith("."):
        return False
    if ".xdf" in suffixes:
        return path.is_file() and path.name.endswith(suffixes)
    return path.is_dir() and any(
        child.name.endswith(suffixes) and not child.name.startswith(".") for child in path.iterdir()
    )


def settings_of(*folders: Path) -> Settings:
    """What `sensors.toml` says in the first of some folders that has one.

    Raises:
        BadOriginal: it says something else.
    """
    for path in (folder / SETTINGS for folder in folders):
        if path.is_file():
            return _settings(path)
    return Settings({})


def _settings(path: Path) -> Settings:
    try:
        whole: dict[str, Any] = tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadOriginal(f"{path} is no TOML: {error}; want keys and texts (text without quotes?)") from None
    synchronised = whole.pop("synchronised", None)
    if not isinstance(synchronised, bool | None):
        raise BadOriginal(f"{path}: synchronised is {shown(synchronised)}; want true or false")
    for name, table in whole.items():
        if name not in SENSORS or not isinstance(table, dict):
            raise BadOriginal(f"{path} has {name!r}; want tables {', '.join(SENSORS)}{likely(name, SENSORS)}")
        for key, value in cast("dict[str, Any]", table).items():
            if key not in KEYS:
                raise BadOriginal(f"{path}: {name} has {key!r}; want {', '.join(KEYS)}{likely(key, KEYS)}")
            if key in TEXTS and not isinstance(value, str):
                raise BadOriginal(f"{path}: {name}.{key} is {shown(value)}; want text")
            if key == "mounting":
                _check_mounting(path, name, value)
    return Settings(cast("dict[Sensor, Any]", whole), synchronised)


def files_of(found: Found, endings: tuple[str, ...]) -> dict[tuple[Sensor, str], Path]:
    """Files of a session's folder, by sensor and by what comes after its name.

    Raises:
        BadOriginal: no foot's, or one whose name is nearly that of one that is missing.
    """
    names: dict[str, tuple[Sensor, str]] = {
        f"{sensor}{ending}": (sensor, ending) for sensor in SENSORS for ending in endings
    }
    there = sorted(path.name for path in found.path.iterdir() if not path.name.startswith("."))
    files = {names[name]: found.path / name for name in there if name in names}
    missing = [name for name in names if name not in there]
    for name in there:
        slip = likely(name, missing) if name not in names and name.endswith(endings) else ""
        if slip or not files:
            raise BadOriginal(f"{found.path / name}: no name of ours; want {', '.join(names)}{slip}")
    return files


def _check_mounting(path: Path, sensor: str, mounting: object) -> None:
    try:
        Session.parse(document_of("S", "s", {cast("Sensor", sensor): {"rate_hz": 100.0, "mounting": mounting}}))
    except BadSessionFile as slip:
        # the file that has it is not the one that it would be written to
        raise BadOriginal(str(slip).replace("session.json has sensors.", f"{path} has ", 1)) from None


def words_of(name: str) -> list[str]:
    """Of a name, in small letters.

    >>> words_of("LeftFoot_ACC_x"), words_of("gyroZ 2")
    (['left', 'foot', 'acc', 'x'], ['gyro', 'z', '2'])
    """
    return [word.lower() for word in WORDS.findall(name)]


def sensor_named(name: str) -> Sensor | None:
    """Which sensor a name means, if it is clear.

    >>> sensor_named("LeftFoot"), sensor_named("r_shoe"), sensor_named("Lower back"), sensor_named("left_shank")
    ('foot_left', 'foot_right', 'pelvis', None)
    """
    words = words_of(name)
    if any(place in "".join(words) for place in ON_THE_PELVIS):
        return "pelvis"
    left, right = not LEFT.isdisjoint(words), not RIGHT.isdisjoint(words)
    if ON_A_FOOT.isdisjoint(words) or left == right:
        return None
    return "foot_left" if left else "foot_right"


def si_per(unit: str, si_unit: str, what: str) -> float:
    """What one of a unit is.

    Raises:
        BadOriginal: another quantity's, or none; `what` begins the line.
    """
    factors = TO_SI[si_unit]
    spelt = unit if unit in factors else OTHER_SPELLINGS.get(unit, unit)
    if spelt not in factors:
        raise BadOriginal(f"{what} has unit {unit!r}; want one of {', '.join(factors)}{likely_unit(unit, si_unit)}")
    return factors[spelt]


def session_of(
    found: Found, taken: Mapping[Sensor, Taken], *, synchronised: bool, source: str, **more: object
) -> Recorded:
    """A session of what its sensors have recorded.

    The session clock begins with the earliest first sample where the sensors share a clock; otherwise each begins with
    its own, and the session says so.

    Raises:
        BadOriginal: no foot, units that can't be, or sensors that recorded at different times.
    """
    if "foot_left" not in taken and "foot_right" not in taken:
        raise BadOriginal(f"{found.path}: no foot among {', '.join(taken) or 'nothing'}; want foot_left or foot_right")
    for sensor, one in taken.items():
        check_units(found.path / sensor, one.acc, one.gyr)
    origins = {sensor: int(one.t_ns.min()) for sensor, one in taken.items()}
    if synchronised:
        _check_overlap(found, taken)
        origins = dict.fromkeys(taken, min(origins.values()))
    elif len(taken) > 1:
        apart = "the sensors' clocks are not synchronised: each begins with its own first sample"
        more["note"] = f"{apart}; {more['note']}" if more.get("note") else apart
    samples: dict[Sensor, Samples] = {
        sensor: timed(one.t_ns - origins[sensor], one.seq - one.seq[0], one.acc, one.gyr)
        for sensor, one in taken.items()
    }
    setups: dict[Sensor, dict[str, Any]] = {
        sensor: {"rate_hz": one.rate_hz, **found.settings.worn(sensor)} for sensor, one in taken.items()
    }
    return Recorded(document_of(found.subject, found.session, setups, source=source, **more), samples)


def _check_overlap(found: Found, taken: Mapping[Sensor, Taken]) -> None:
    begins = max(int(one.t_ns.min()) for one in taken.values())
    ends = min(int(one.t_ns.max()) for one in taken.values())
    if begins >= ends:
        raise BadOriginal(
            f"{found.path}: {' and '.join(taken)} have no time in common, {(begins - ends) / NS_PER_S:.0f} s lie"
            " between; want sensors of one recording (a file of another session?)"
        )


def text_lines(path: Path) -> list[str]:
    """Of a text file, whatever signs stand beside its numbers.

    Raises:
        BadOriginal: it can't be read, or is no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadOriginal(f"{path}: {error.strerror}; want a file that can be read") from error
    if b"\0" in content:
        raise BadOriginal(f"{path}: bytes that are no text; want CSV in UTF-8 (UTF-16 of a spreadsheet, or binary?)")
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        # a copyright sign in another encoding harms no number
        return content.decode("latin-1").splitlines()
