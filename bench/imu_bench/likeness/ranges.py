"""Ranges in which a healthy person at comfortable speed lies, each with its source; and who lies in them."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from imu.cli.terminal import aligned
from imu.core.errors import UsageError
from imu_bench.likeness.features import FEATURES
from imu_bench.likeness.report import told
from imu_bench.likeness.strides import WALKING

SHIPPED: Final = Path(__file__).with_name("ranges.toml")
KEYS: Final = ("feature", "direction", "low", "high", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The median of a feature lies from `low` to `high`, both included, in walking of one direction."""

    feature: str
    direction: str
    low: float
    high: float
    source: str


def load_ranges(path: Path) -> list[Range]:
    """Read ranges in their order.

    Raises:
        UsageError: the file is not there, is no TOML, or says what can't be; naming the entry.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is not there; want a TOML file of ranges (a typing slip?)") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise UsageError(f"{path} can't be read: {problem}; want TOML with [[range]] entries") from None
    entries = document.get("range")
    if not isinstance(entries, list) or not entries or document.keys() != {"range"}:
        raise UsageError(f"{path} has {', '.join(document) or 'nothing'}; want [[range]] entries, and nothing else")
    return [_range(entry, f"{path}: range {i}") for i, entry in enumerate(cast("list[object]", entries), 1)]


def _range(entry: object, where: str) -> Range:
    given = cast("Mapping[str, Any]", entry) if isinstance(entry, dict) else dict[str, Any]()
    if set(given) != set(KEYS):
        raise UsageError(f"{where} has {', '.join(given) or 'no keys'}; want {', '.join(KEYS)}")
    feature, direction, source = given["feature"], given["direction"], given["source"]
    if feature not in FEATURES:
        raise UsageError(f"{where} has feature {feature!r}; want one that `likeness --help` names (a typing slip?)")
    if direction not in WALKING:
        raise UsageError(f"{where} has direction {direction!r}; want {' or '.join(WALKING)}")
    if not isinstance(source, str) or not source.strip():
        raise UsageError(f"{where} ({feature}) has source {source!r}; want the text that says where it is from")
    low, high = (_number(given[key], f"{where} ({feature}) has {key}") for key in ("low", "high"))
    if low >= high:
        raise UsageError(f"{where} ({feature}) goes from {low:g} to {high:g}; want low below high (swapped?)")
    return Range(feature=feature, direction=direction, low=low, high=high, source=source)


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{what} {value!r}; want a number")
    return float(value)


def check(ranges: Sequence[Range], groups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each range against the median of each group of its direction that has one.

    Args:
        ranges: what is wanted.
        groups: source, walking, and the figures of `Group.figures`.
    """
    return [
        {
            "source": source,
            "walking": one.direction,
            "feature": one.feature,
            "low": one.low,
            "high": one.high,
            "median": median,
            "inside": one.low <= median <= one.high,
        }
        for source, walkings in groups.items()
        for one in ranges
        if one.direction in walkings
        and (median := walkings[one.direction]["features"][one.feature]["median"]) is not None
    ]


def verdicts(checked: Sequence[Mapping[str, Any]]) -> str:
    """A line each."""
    rows = [("group", "feature", "median", "range", "")]
    for one in checked:
        name = one["feature"]
        rows.append(
            (
                f"{one['source']} {one['walking']}",
                name,
                told(one["median"], name),
                f"{one['low']:g} to {one['high']:g}",
                "inside" if one["inside"] else "OUTSIDE",
            )
        )
    return "\n".join([*aligned(rows, left=2), ""])
