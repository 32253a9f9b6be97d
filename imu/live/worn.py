"""Which sensor is worn where: roles bound to serial numbers, in one small file that a person can read and mend."""

import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from imu.core.errors import BadSessionFile, RetrogaitError
from imu.core.session import LEAST_RATE_HZ, SCHEMA, SENSORS, Sensor, Session
from imu.store.atomic import write_bytes
from imu.store.slips import likely

Matrix: TypeAlias = tuple[tuple[float, ...], ...]
"""Row by row."""

FILE: Final = "sensors.toml"
FOLDER: Final = "retrogait"
CONFIG_DIR: Final = "IMU_CONFIG_DIR"
"""Environment variable: the folder of `FILE`, whatever the system's habit."""

HEADER: Final = """\
# Which sensor is worn where: a table for each of foot_left, foot_right and pelvis, as far as they are worn.
#   serial     what `imu devices` shows; never an address, systems hide and change those
#   driver     kind of device, as `imu devices` shows it; left out = ogi, the open profile
#   rate_hz    samples a second to ask for; left out = the sensor's own
#   placement  where on the body, in your words
#   mounting   3x3 rotation, rows = the body's forward, left and up axes in sensor axes; left out = worked out live
# `imu devices --bind` and `--unbind` write this file anew: comments of your own would go.
"""


class BadWorn(RetrogaitError, ValueError):
    """What is said of worn sensors can't be: no such role, a serial number twice, a mounting that is no rotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """A sensor and its role."""

    sensor: Sensor
    serial: str
    driver: str = "ogi"
    rate_hz: float | None = None
    """Samples a second to ask for; None = the sensor's own."""
    placement: str | None = None
    mounting: Matrix | None = None
    """(3, 3) rotation as it was typed, rows = the body's forward, left and up axes in sensor axes; None = unknown."""


KEYS: Final = tuple(field.name for field in fields(Worn) if field.name != "sensor")


def default_path() -> Path:
    """Where the file is, unless its folder is named in `IMU_CONFIG_DIR`: in the user's folder for settings.

    Raises:
        BadWorn: the system knows no home of this user.
    """
    named = os.environ.get(CONFIG_DIR)
    if named:
        return Path(named) / FILE
    try:
        habit = os.environ.get("APPDATA") if sys.platform == "win32" else os.environ.get("XDG_CONFIG_HOME")
        return (Path(habit) if habit else Path.home() / ".config") / FOLDER / FILE
    except RuntimeError:
        raise BadWorn(f"this user has no home folder; want one, or a folder named in {CONFIG_DIR}") from None


def load(path: Path) -> tuple[Worn, ...]:
    """The worn sensors in the order of SENSORS; none if there is no file.

    Raises:
        BadWorn: naming the file, what it says, what is wanted and the likely slip.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise BadWorn(f"{path} can't be read: {error.strerror or error}; want the file of worn sensors") from None
    except UnicodeDecodeError:
        raise BadWorn(f"{path} is not UTF-8; want UTF-8 text (saved in another encoding?)") from None
    try:
        return parse(text)
    except BadWorn as slip:
        raise BadWorn(f"{path}: {slip}") from None


def save(path: Path, worn: Iterable[Worn]) -> None:
    """Replace the file, whole or not at all.

    Raises:
        BadWorn: what no file may say.
        CannotWrite: with the system's reason.
    """
    write_bytes(path, text_of(worn).encode())


def parse(text: str) -> tuple[Worn, ...]:
    """What such a file says, in the order of SENSORS.

    Raises:
        BadWorn: what it says, what is wanted and the likely slip.
    """
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadWorn(f"{error}; want TOML (text without quotes?)") from None
    except (ValueError, RecursionError):
        raise BadWorn("a number is too long or brackets are too many; want TOML") from None
    return checked(_parsed(role, table) for role, table in whole.items())


def text_of(worn: Iterable[Worn]) -> str:
    """The file that says so, explained at its top.

    Raises:
        BadWorn: what no file may say.
    """
    return "\n".join([HEADER, *(_table(one) for one in checked(worn))])


def _parsed(role: str, table: object) -> Worn:
    if role not in SENSORS:
        raise BadWorn(f"has a table {role!r}; want {', '.join(SENSORS)}{likely(role, SENSORS)}")
    if not isinstance(table, dict):
        raise BadWorn(f"has {role} = {_shown(table)}; want a table: [{role}] and below it serial = ...")
    said = cast("dict[str, Any]", table)
    for key in said:
        if key not in KEYS:
            raise BadWorn(f"[{role}] has {key!r}; want {', '.join(KEYS)}{likely(key, KEYS)}")
    if "serial" not in said:
        raise BadWorn(f"[{role}] has no serial; want the serial number that imu devices shows")
    return Worn(sensor=role, **said)


def checked(worn: Iterable[Worn]) -> tuple[Worn, ...]:
    """In the order of SENSORS; rates and mountings as floats.

    Raises:
        BadWorn: a role or a serial number twice, or what can't be.
    """
    roles: dict[str, Worn] = {}
    serials: dict[str, Sensor] = {}
    for one in worn:
        for key in ("serial", "driver", "placement"):
            _check_text(one.sensor, key, getattr(one, key))
        if one.sensor in roles:
            raise BadWorn(f"{one.sensor} is said twice; want one sensor a role")
        if one.serial in serials:
            raise BadWorn(
                f"serial {one.serial!r} is {serials[one.serial]} and {one.sensor}; want a sensor of its own for each"
                " (copied and not changed?)"
            )
        serials[one.serial] = one.sensor
        roles[one.sensor] = one
    _check_numbers(roles)
    return tuple(_plain(roles[sensor]) for sensor in SENSORS if sensor in roles)


def _check_text(role: Sensor, key: str, value: object) -> None:
    if value is None and key == "placement":
        return
    if not isinstance(value, str):
        raise BadWorn(f"[{role}] has {key} {_shown(value)}; want text (without quotes?)")
    if not value or value != value.strip() or not value.isprintable():
        raise BadWorn(f"[{role}] has {key} {_shown(value)}; want printable text without blanks at its ends")


def _check_numbers(worn: Mapping[str, Worn]) -> None:
    """Rates and mountings are right if session.json may say them."""
    # a session needs a foot and each sensor a rate, which here may be left to the sensor
    unsaid: dict[str, Any] = {"rate_hz": LEAST_RATE_HZ}
    sensors = {
        role: {"rate_hz": LEAST_RATE_HZ if one.rate_hz is None else one.rate_hz, "mounting": one.mounting}
        for role, one in worn.items()
    }
    whole = {"foot_left": unsaid, **sensors}
    try:
        Session.parse({"schema": SCHEMA, "subject": "any", "session": "any", "sensors": whole})
    except BadSessionFile as slip:
        raise BadWorn(str(slip).replace("session.json has sensors.", "has ", 1)) from None


def _plain(one: Worn) -> Worn:
    rows = None if one.mounting is None else tuple(tuple(float(value) for value in row) for row in one.mounting)
    return replace(one, rate_hz=None if one.rate_hz is None else float(one.rate_hz), mounting=rows)


def _table(one: Worn) -> str:
    lines = [f"[{one.sensor}]"]
    lines += [f"{key} = {_toml(value)}" for key in KEYS if (value := getattr(one, key)) is not None]
    return "\n".join(lines) + "\n"


def _toml(value: str | float | Matrix) -> str:
    """As TOML has it. Text is printable, so two characters are all there is to escape."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr([list(row) for row in value] if isinstance(value, tuple) else value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
