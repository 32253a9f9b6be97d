"""The session: who, when, which sensors. One reading of `session.json`, for live and offline alike."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, Self, TypeAlias, cast

import numpy as np

from imu.core.errors import BadSessionFile
from imu.core.samples import Floats

Foot: TypeAlias = Literal["left", "right"]
Sensor: TypeAlias = Literal["foot_left", "foot_right", "pelvis"]

FEET: Final[tuple[Foot, ...]] = ("left", "right")
FOOT_SENSORS: Final[tuple[Sensor, ...]] = ("foot_left", "foot_right")
SENSORS: Final[tuple[Sensor, ...]] = (*FOOT_SENSORS, "pelvis")


def sensor_of(foot: Foot) -> Sensor:
    """The sensor that a foot wears."""
    return "foot_left" if foot == "left" else "foot_right"


def foot_of(sensor: Sensor) -> Foot:
    """The foot that wears a foot sensor."""
    return "left" if sensor == "foot_left" else "right"


SCHEMA: Final = "retrogait.session/1"
SUBJECT_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
SESSION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

LEAST_RATE_HZ: Final = 1.0
MOST_RATE_HZ: Final = 1e5
"""No arithmetic over- or underflows within; what can be told from so few or so many samples is another matter."""

ROTATION_TOLERANCE: Final = 1e-3
"""How far rows of a mounting may be from orthonormal: typed by hand to three or four digits."""


@dataclass(frozen=True, slots=True, eq=False)
class SensorSetup:
    """How one sensor was worn."""

    rate_hz: float
    mounting: Floats | None
    """(3, 3) rotation, rows = the body's forward, left and up axes in sensor axes; None = unknown, to be worked out."""
    placement: str | None = None
    acc_range_m_s2: float | None = None
    gyr_range_rad_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A checked `session.json`. `document` is the whole of it, unknown keys included, to be copied on."""

    subject: str
    session: str
    sensors: Mapping[Sensor, SensorSetup]
    document: Mapping[str, Any] = field(repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # a mapping proxy can be neither copied nor pickled; the document says it all
        return type(self).parse, (dict(self.document),)

    @property
    def feet(self) -> tuple[Foot, ...]:
        """The feet that wear a sensor, left first."""
        return tuple(foot for foot in FEET if f"foot_{foot}" in self.sensors)

    @classmethod
    def parse(cls, document: object) -> Self:
        """Check a decoded `session.json`.

        Raises:
            BadSessionFile: naming the key, what it says, what is wanted and the likely slip.
        """
        whole = _object(document, "session.json")
        for key in ("schema", "subject", "session", "sensors"):
            if key not in whole:
                raise BadSessionFile(f"session.json has no {key!r}; want schema, subject, session and sensors", key=key)
        if whole["schema"] != SCHEMA:
            raise BadSessionFile(
                f"session.json has schema {whole['schema']!r}; this version reads {SCHEMA!r} (written by a newer one?)",
                key="schema",
            )
        sensors = _object(whole["sensors"], "sensors")
        for name in sensors:
            if name not in SENSORS:
                raise BadSessionFile(
                    f"session.json names a sensor {name!r}; want {', '.join(SENSORS)} (a typing slip?)", key="sensors"
                )
        setups: dict[Sensor, SensorSetup] = {
            name: _setup(name, _object(sensors[name], f"sensors.{name}")) for name in SENSORS if name in sensors
        }
        if not any(foot in setups for foot in FOOT_SENSORS):
            raise BadSessionFile(
                "session.json has no foot sensor; want foot_left, foot_right or both: contacts are found on the feet",
                key="sensors",
            )
        return cls(
            subject=_code(whole, "subject", SUBJECT_CODE),
            session=_code(whole, "session", SESSION_ID),
            sensors=MappingProxyType(setups),
            document=MappingProxyType(dict(whole)),
        )


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadSessionFile(f"{name} is {_shown(value)}; want an object {{...}}", key=name)
    return cast("dict[str, Any]", value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _code(whole: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = whole[key]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadSessionFile(
            f"session.json has {key} {_shown(value)}; want {pattern.pattern}"
            " (a pseudonym: no spaces, no slashes, no names)",
            key=key,
        )
    return value


def _positive(value: object, key: str, unit: str) -> float:
    # the upper bound keeps whole numbers out that no float can hold
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise BadSessionFile(f"session.json has {key} {_shown(value)}; want a positive number of {unit}", key=key)
    return float(value)


def _setup(name: Sensor, sensor: Mapping[str, Any]) -> SensorSetup:
    where = f"sensors.{name}"
    if "rate_hz" not in sensor:
        raise BadSessionFile(
            f"session.json has no {where}.rate_hz; want its samples per second", key=f"{where}.rate_hz"
        )
    ranges = {
        key: _positive(sensor[key], f"{where}.{key}", unit)
        for key, unit in (("acc_range_m_s2", "m/s^2"), ("gyr_range_rad_s", "rad/s"))
        if sensor.get(key) is not None
    }
    placement, mounting = sensor.get("placement"), sensor.get("mounting")
    rate_hz = _positive(sensor["rate_hz"], f"{where}.rate_hz", "samples per second")
    if not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ:
        raise BadSessionFile(
            f"session.json has {where}.rate_hz {rate_hz:g}; want samples per second, {LEAST_RATE_HZ:g} to"
            f" {MOST_RATE_HZ:g} (a period?)",
            key=f"{where}.rate_hz",
        )
    return SensorSetup(
        rate_hz=rate_hz,
        mounting=None if mounting is None else _rotation(mounting, f"{where}.mounting"),
        placement=None if placement is None else str(placement),
        **ranges,
    )


def _rotation(value: object, key: str) -> Floats:
    """A 3x3 proper rotation, made exactly orthonormal where it was typed with few digits."""
    wanted = "want a 3x3 rotation whose rows are the body's forward, left and up axes in sensor axes"
    try:
        matrix = np.array(value)
        # numpy would read numbers out of text
        matrix = matrix.astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        raise BadSessionFile(f"session.json has {key} {_shown(value)}; {wanted}", key=key) from None
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise BadSessionFile(f"session.json has {key} {_shown(value)}; {wanted}, or null", key=key)
    # first each number by itself: products of huge ones overflow
    beyond = np.abs(matrix).max() > 1.0 + ROTATION_TOLERANCE
    if beyond or np.abs(matrix @ matrix.T - np.eye(3)).max() > ROTATION_TOLERANCE:
        raise BadSessionFile(f"session.json has {key} with rows that are not orthonormal; {wanted}", key=key)
    if np.linalg.det(matrix) < 0:
        raise BadSessionFile(
            f"session.json has {key} with determinant -1, a mirror image; {wanted} (one axis has the wrong sign?)",
            key=key,
        )
    u, _, vt = np.linalg.svd(matrix)
    exact = np.ascontiguousarray(u @ vt)
    # an exact matrix stays exact: the SVD would smear its zeros by an ulp
    rotation = matrix if np.array_equal(matrix @ matrix.T, np.eye(3)) else exact
    rotation.setflags(write=False)
    return rotation
