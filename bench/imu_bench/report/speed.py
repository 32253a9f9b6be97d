"""How fast, and what grows with the length of a recording: of one machine and one run."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from imu_bench.report.axis import linear, logarithmic, plain
from imu_bench.report.html import Page, folded, grid, joined, note, panel, rows, section, table
from imu_bench.report.keys import NARROW
from imu_bench.report.markup import Inner, Markup, element, slug, together
from imu_bench.report.panels import Box, Point, Row, Series, below, picture, plot, strips
from imu_bench.report.results import Document, is_ours

WHOLE: Final = "whole"


def speed(page: Page, said: Document | None) -> Markup:
    """Ratios first: they depend least on the machine."""
    if said is None:
        return section("speed", "Speed", note("Nobody measured it here: there is no speed.json beside the accuracy."))
    pipelines = [_pipeline(one) for one in _list(said, "pipelines")]
    growth = _list(said, "growth")
    return section(
        "speed",
        "Speed",
        note(
            "One run, one core, one machine: ",
            joined(list(_flat(_dict(said, "machine"))), "; "),
            ". On ",
            joined(list(_flat(_dict(said, "recordings"))), "; "),
            ". Ratios bear being carried to another machine; times do not.",
        ),
        _ratios(_dict(said, "ratios")),
        _pictures(page, pipelines),
        _growth(growth),
        folded("The numbers", _table(pipelines), _growth_table(growth)) if pipelines or growth else None,
        note("With ", joined(list(_flat(_dict(said, "software"))), "; "), "."),
        note("Not timed: ", joined(list(_flat(_dict(said, "failed"))), "; "), ".") if said.get("failed") else None,
    )


def _ratios(said: Mapping[str, Any]) -> Markup | None:
    lines = [
        element("li", element("b", f"{_round(value)}\u00d7"), " ", element("span", name))
        for name, value in _numbers(said)
    ]
    return element("ul", lines, class_="ratios") if lines else None


def _pictures(page: Page, pipelines: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Times real time, a panel a length; of the whole, and of stages."""
    fast = [one["times_real_time"] for one in pipelines if one["times_real_time"]]
    if not fast:
        return None
    axis = logarithmic(min(fast), max(fast), label="times real time (logarithm)")
    groups: dict[tuple[float, bool], list[Mapping[str, Any]]] = defaultdict(list)
    for one in pipelines:
        groups[one["minutes"], one["stage"] == WHOLE].append(one)
    panels: list[Inner] = []
    stages: list[Inner] = []
    for (minutes, whole), those in sorted(groups.items(), key=lambda item: (not item[0][1], item[0][0])):
        what = f"{'Whole pipelines' if whole else 'Stages'}, {minutes:g}{NARROW}min"
        drawn = [_row(page, one, whole=whole) for one in those]
        (panels if whole else stages).append(
            panel(what, strips(slug("speed", f"{minutes:g}", str(whole)), f"Speed: {what}", drawn, axis))
        )
    return together(grid(panels), grid(stages))


def _row(page: Page, one: Mapping[str, Any], *, whole: bool) -> Row:
    fastest, _, slowest = one["warm_s"]
    real_s = 60.0 * one["minutes"]
    name = one["detector"] if whole else f"{one['detector']}: {one['stage']}"
    value = one["times_real_time"]
    return Row(
        page.style(one["detector"]),
        name,
        f"{_round(value)}\u00d7 \u00b7 cold {_round(one['cold_s'])}{NARROW}s" if value else "not measured",
        value,
        (real_s / slowest, real_s / fastest) if fastest and slowest else None,
        strong=is_ours(one["detector"]),
    )


def _growth(growth: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Seconds should grow as minutes do, and memory not at all."""
    known = [one for one in growth if one.get("seconds") and one.get("minutes")]
    if len(known) < 2:
        return None
    across = logarithmic(
        min(one["minutes"] for one in known), max(one["minutes"] for one in known), label="minutes recorded (logarithm)"
    )
    box = Box(52.0, 24.0, 268.0, 150.0)
    seconds = logarithmic(
        min(one["seconds"] for one in known), max(one["seconds"] for one in known), label="seconds (logarithm)"
    )
    memory = linear(0.0, max(one["peak_mb"] for one in known), label="peak memory, MB")
    panels = [
        panel(
            caption,
            picture(
                ident,
                caption,
                "; ".join(f"{one['minutes']:g} min: {_round(one[key])}" for one in known),
                340.0,
                box.top + box.height + 38.0,
                plot(box, across, up, [Series(0, [Point(one["minutes"], one[key]) for one in known], True)]),
                below(box, across, box.top + box.height),
            ),
        )
        for ident, caption, key, up in (
            ("growth-s", "Time, as recordings grow", "seconds", seconds),
            ("growth-mb", "Memory, as recordings grow", "peak_mb", memory),
        )
    ]
    return grid(panels)


def _table(pipelines: Sequence[Mapping[str, Any]]) -> Markup | None:
    lines = [
        [
            f"{one['detector']}: {one['stage']}",
            f"{one['minutes']:g}",
            f"{one['samples']:,}".replace(",", NARROW),
            _round(one["cold_s"]),
            " / ".join(_round(value) for value in one["warm_s"]),
            _round(one["sensor_samples_per_s"]),
            _round(one["times_real_time"]),
        ]
        for one in pipelines
    ]
    head = [
        "what",
        "min",
        "samples",
        "cold, s",
        "warm, s: least / median / most",
        "sensor samples/s",
        "times real time",
    ]
    return table("Speed", head, rows(lines)) if lines else None


def _growth_table(growth: Sequence[Mapping[str, Any]]) -> Markup | None:
    lines = [[f"{one['minutes']:g}", _round(one.get("seconds")), _round(one.get("peak_mb"))] for one in growth]
    return table("Growth", ["minutes", "seconds", "peak, MB"], rows(lines)) if lines else None


def _pipeline(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """With everything that is drawn, None where it is not known."""
    keys = ("cold_s", "sensor_samples_per_s", "times_real_time")
    warm = [float(value) for value in said.get("warm_s") or ()]
    return {
        "detector": str(said["detector"]),
        "stage": str(said["stage"]),
        "minutes": float(said["minutes"]),
        "samples": int(said.get("samples") or 0),
        "warm_s": warm if len(warm) == 3 else [0.0, 0.0, 0.0],
        **{key: None if said.get(key) is None else float(said[key]) for key in keys},
    }


def _round(value: float | None) -> str:
    """Three digits.

    >>> _round(1234.0), _round(0.02134), _round(17.61)
    ('1234', '0.0213', '17.6')
    """
    if value is None:
        return "\u2013"
    return plain(float(f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"))


def _flat(said: Mapping[str, Any], head: str = "") -> Iterator[str]:
    for key, value in sorted(said.items()):
        if isinstance(value, dict):
            yield from _flat(cast("dict[str, Any]", value), f"{head}{key} ")
        else:
            yield f"{head}{key}: {value}"


def _numbers(said: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, float]]:
    """All that are numbers, however deep."""
    for key, value in sorted(said.items()):
        if isinstance(value, dict):
            yield from _numbers(cast("dict[str, Any]", value), f"{head}{key}, ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{head}{key}", float(value)


def _dict(said: Document, key: str) -> Mapping[str, Any]:
    value = said.get(key)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(said: Document, key: str) -> list[Mapping[str, Any]]:
    value = said.get(key)
    return cast("list[Mapping[str, Any]]", value) if isinstance(value, list) else []
