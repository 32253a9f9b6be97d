"""C3D files (c3d.org): where markers were, and events that somebody else told.

ezc3d reads them. It takes a file that breaks off for a shorter one; this doesn't.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from imu.core.errors import RetrogaitError
from imu.core.samples import Floats
from imu_datasets.dataset import BadOriginal

METRES: Final = {"m": 1.0, "cm": 0.01, "mm": 0.001}
BLOCK: Final = 512
INTEL: Final = 84
"""Processor type: little-endian, as nearly all files are."""
MOST_FRAMES: Final = 65_535
"""More than the header can tell."""


class NoEzc3d(RetrogaitError, ImportError):
    """The extra `datasets` is not installed."""


class Event(NamedTuple):
    """What the file says happened."""

    t_s: float
    """From the first frame on."""
    label: str
    """`Foot Strike`, `Foot Off`, or what else its writer called it."""
    context: str
    """`Left`, `Right` or `General`."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A file."""

    path: Path
    rate_hz: float
    markers: Mapping[str, Floats]
    """(n, 3) m by label, laboratory frame; NaN where a marker was not seen."""
    events: tuple[Event, ...]
    """In order of time."""

    def marker(self, label: str) -> Floats:
        """(n, 3) m, without a hole.

        Raises:
            BadOriginal: no such marker, or one that was out of sight.
        """
        if label not in self.markers:
            seen = ", ".join(self.markers) or "none at all"
            raise BadOriginal(f"{self.path}: no marker {label}, but {seen}; want it (another marker set?)")
        place_m = self.markers[label]
        unseen = int((~np.isfinite(place_m).all(axis=1)).sum())
        if unseen:
            raise BadOriginal(
                f"{self.path}: marker {label} was not seen in {unseen} of {len(place_m)} frames; want it in all (gaps"
                " not filled?)"
            )
        return place_m


def read_c3d(path: Path) -> Trial:
    """A file.

    Raises:
        NoEzc3d: the extra that reads it is not installed.
        BadOriginal: no C3D, or one that breaks off.
    """
    try:
        ezc3d: Any = import_module("ezc3d")
    except ModuleNotFoundError:
        raise NoEzc3d(
            "reading C3D needs ezc3d, which is not installed; want: pip install 'retrogait[datasets]'"
        ) from None
    frames = _frames_told(path)
    try:
        read: Any = ezc3d.c3d(str(path))
        points, parameters = read["data"]["points"], read["parameters"]
        told = parameters["POINT"]
        labels = [str(label) for label in told["LABELS"]["value"]]
        rate_hz = float(told["RATE"]["value"][0])
        units = told["UNITS"]["value"]
    except (OSError, RuntimeError, ValueError, KeyError, IndexError) as error:
        raise BadOriginal(f"{path} is no C3D file that can be read: {error}; want one (another format?)") from None
    if frames is not None and points.shape[2] != frames:
        raise BadOriginal(f"{path}: {points.shape[2]} frames; want the {frames} that its header tells (cut off?)")
    unit = str(units[0]) if len(units) else "mm"
    if unit not in METRES:
        raise BadOriginal(f"{path}: places in {unit!r}; want {', '.join(METRES)}")
    if not (np.isfinite(rate_hz) and rate_hz > 0.0):
        raise BadOriginal(f"{path}: {rate_hz} frames a second; want more than 0 (analog data only?)")
    first_s = read["header"]["points"]["first_frame"] / rate_hz
    places = np.asarray(points[:3], np.float64).transpose(1, 2, 0) * METRES[unit]
    # there may be more points than labels: they have no name to be asked by
    markers = dict(zip(labels, places, strict=False))
    return Trial(path, rate_hz, markers, _events(parameters.get("EVENT", {}), first_s))


def _events(told: Mapping[str, Any], first_s: float) -> tuple[Event, ...]:
    """Times count from the capture's own start, of which the file may be a cut."""
    times, labels, contexts = (_values(told, name) for name in ("TIMES", "LABELS", "CONTEXTS"))
    pairs = np.asarray(times, np.float64).reshape(2, -1) if len(times) else np.empty((2, 0))
    # minutes and seconds
    found = 60.0 * pairs[0] + pairs[1] - first_s
    named = zip(found.tolist(), labels, contexts, strict=False)
    return tuple(sorted(Event(t_s, str(label).strip(), str(context).strip()) for t_s, label, context in named))


def _values(told: Mapping[str, Any], name: str) -> Any:
    return told[name]["value"] if name in told else []


def _frames_told(path: Path) -> int | None:
    """By the header's own words; None where those can't be."""
    try:
        with path.open("rb") as file:
            head = file.read(BLOCK)
            file.seek((head[0] - 1) * BLOCK if head else 0)
            parameters = file.read(4)
    except OSError as error:
        raise BadOriginal(f"{path} can't be read: {error.strerror}") from None
    if len(head) < BLOCK or len(parameters) < 4 or parameters[3] != INTEL:
        return None
    first, last = struct.unpack_from("<HH", head, 6)
    return last - first + 1 if last < MOST_FRAMES else None
