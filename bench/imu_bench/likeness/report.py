"""Figures of strides for people to read: as text, and as a Markdown table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from imu.cli.terminal import aligned
from imu_bench.likeness.features import FEATURES

Figures: TypeAlias = Mapping[str, Any]

NONE: Final = "-"
ABREAST: Final = 4
"""So many groups stand side by side on a terminal."""


def text(result: Figures) -> str:
    """Every feature of every group: median [5th 95th percentile]."""
    columns = list(_columns(result))
    lines = ["median [5th 95th percentile] of all strides, or runs of strides, of a group", ""]
    for first in range(0, len(columns), ABREAST):
        lines += [*aligned(_rows(columns[first : first + ABREAST])), ""]
    return "\n".join(lines)


def markdown(result: Figures) -> str:
    """The same as one table."""
    head, *rows = _rows(list(_columns(result)))
    ruler = ["---", *("---:" for _ in head[1:])]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ruler, *rows))


def told(value: float | None, name: str) -> str:
    """A feature's value with the digits that mean something."""
    return NONE if value is None else f"{value:.{FEATURES[name].digits}f}"


def _columns(result: Figures) -> Iterator[tuple[str, Figures]]:
    for source, walkings in result["groups"].items():
        for walking, figures in walkings.items():
            yield f"{source} {walking}", figures


def _rows(columns: Sequence[tuple[str, Figures]]) -> list[list[str]]:
    return [
        ["", *(heading for heading, _ in columns)],
        ["strides (sessions)", *(f"{figures['strides']} ({figures['sessions']})" for _, figures in columns)],
        *([name, *(_cell(figures["features"][name], name) for _, figures in columns)] for name in FEATURES),
    ]


def _cell(spread: Figures, name: str) -> str:
    if not spread["n"]:
        return NONE
    return f"{told(spread['median'], name)} [{told(spread['p5'], name)} {told(spread['p95'], name)}]"
