"""run.json beside predictions: who made them, how, and which sessions failed.

    detector    name (as its folder), title, source, licence, packages, kind (whole, streaming or outside)
    failed      by session, the reason in one line
    packet_ms   how much a streaming detector was fed at a time (default 50)

Anybody may have written it: nothing is believed of it that was not looked at.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from imu.core.errors import RetrogaitError
from imu_bench.running.ledger import RUN
from imu_bench.scoring.scores import FED_NS
from imu_bench.scoring.scores_steps import MS

ABOUT: Final = ("title", "source", "licence", "packages", "kind")
WANTED: Final = f"want {{detector: name, {', '.join(ABOUT)}; failed}} (written by imu-bench run?)"


class BadRun(RetrogaitError, ValueError):
    """Predictions that can't be scored."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run.json: who made the predictions beside it, and how."""

    name: str
    about: Mapping[str, Any]
    failed: Mapping[str, str]
    fed_ns: int


def runs_of(folder: Path) -> list[tuple[Path, Run]]:
    """What was run of a scenario, by name.

    Raises:
        BadRun: a run.json that says too little, or something else.
    """
    return [(path.parent, _run(path)) for path in sorted(folder.glob(f"*/{RUN}"))]


def _run(path: Path) -> Run:
    try:
        document = json.loads(path.read_text("utf-8"))
        said = document["detector"]
        about = {
            key: _texts(said[key], "packages") if key == "packages" else _text(said[key], key)
            for key in ("name", *ABOUT)
        }
        failed = _texts(document["failed"], "failed")
        packet_ns = _packet_ns(document.get("packet_ms"))
    except KeyError as error:
        raise BadRun(f"{path} has no {error.args[0]!r}; {WANTED}") from None
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BadRun(f"{path} can't be read: {' '.join(str(error).split())}; {WANTED}") from None
    name = str(about.pop("name"))
    if name != path.parent.name:
        raise BadRun(f"{path} is of {name!r}; want {path.parent.name!r}, as its folder is called (copied there?)")
    return Run(name, about, failed, packet_ns)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{where} has {value!r} in place of a text")
    # half a character can be read, but written by nobody
    value.encode()
    return value


def _texts(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"{where} is {value!r} in place of texts by name")
    return {_text(name, where): _text(one, where) for name, one in cast("dict[object, object]", value).items()}


def _packet_ns(value: object) -> int:
    if value is None:
        return FED_NS
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"packet_ms is {value!r} in place of a number")
    if not (math.isfinite(value * MS) and value > 0):
        raise ValueError(f"packet_ms is {value!r} in place of a positive number")
    return round(value * MS)
