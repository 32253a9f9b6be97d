"""What becomes of F1 and of the spread when signals get worse: families of perturbations, by their size."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from imu_bench.report.axis import Axis, linear, most_of, narrow_logarithmic
from imu_bench.report.html import WALKING, Page, figure_cell, folded, grid, joined, note, panel, section, table
from imu_bench.report.judge import directions
from imu_bench.report.keys import KEYS, Key
from imu_bench.report.markup import Inner, Markup, element, slug, together
from imu_bench.report.panels import Box, Point, Series, below, picture, plot
from imu_bench.report.results import ALL, Scenario, is_ours

HIT: Final = KEYS["f1_50ms"]
SPREAD: Final = KEYS["timing_sd_ms"]
AS_IS: Final = "as is"
_ID: Final = re.compile(r"(?P<family>[A-Za-z_]+)-(?P<times>x?)(?P<size>\d+(?:\.\d+)?)(?P<unit>[A-Za-z%/]*)")
MOST_MS: Final = 120.0
"""Spreads beyond it are drawn at the edge: contacts further off than 150 ms are none."""


@dataclass(frozen=True, slots=True)
class Family:
    """How a kind of perturbation is called, and what its size is one of."""

    title: str
    unit: str
    falling: bool = False
    """The smaller its number, the worse: so is a sampling rate."""


FAMILIES: Final = {
    "noise": Family("Noise of the sensors", "times as much"),
    "bias": Family("Bias of the gyroscope", "\u00b0/s"),
    "tilt": Family("Mounting tilted", "\u00b0"),
    "rate": Family("Sampling rate", "Hz", falling=True),
    "loss": Family("Single samples lost", "%"),
    "gap": Family("A gap each 10 s", "ms"),
    "jitter": Family("Jitter of time stamps", "ms"),
    "offset": Family("Left foot's clock late", "ms"),
}
"""Those that the bench has; another's is shown by its own name."""


@dataclass(frozen=True, slots=True)
class Step:
    """One scenario of a family; `size` None is the recording as it is."""

    size: float | None
    label: str
    scenario: Scenario


def size_of(perturbation: str) -> tuple[str, float, str]:
    """Family, size and how the size is written.

    >>> size_of("noise-x4"), size_of("rate-25"), size_of("upside-down")
    (('noise', 4.0, '\u00d74'), ('rate', 25.0, '25'), ('upside-down', 1.0, 'yes'))
    """
    found = _ID.fullmatch(perturbation)
    if found is None:
        return perturbation, 1.0, "yes"
    return found["family"], float(found["size"]), f"{chr(0xD7) if found['times'] else ''}{found['size']}"


def families(page: Page, data: str, split: str) -> dict[str, list[Step]]:
    """By family, from the best signal to the worst, the recording as it is first."""
    found: dict[str, list[Step]] = defaultdict(list)
    for scenario in page.results.of_data(data, perturbed=True):
        if scenario.split == split and scenario.perturbation is not None:
            family, size, label = size_of(scenario.perturbation)
            found[family].append(Step(size, label, scenario))
    base = [one for one in page.results.of_data(data) if one.split == split]
    order = [*(name for name in FAMILIES if name in found), *sorted(set(found) - set(FAMILIES))]
    return {
        name: [
            *(Step(None, AS_IS, one) for one in base),
            *sorted(found[name], key=lambda step: step.size or 0.0, reverse=_family(name).falling),
        ]
        for name in order
    }


def perturbed(page: Page) -> Markup:
    """A panel a family, F1 above the spread; the same axes within a data set and a direction."""
    parts: list[Inner] = []
    for data in page.results.data:
        splits = sorted({one.split for one in page.results.of_data(data, perturbed=True)})
        for split in splits:
            parts += _of(page, data, split)
    if not parts:
        return section("worse", "When signals get worse", note("Nothing was perturbed in this run."))
    return section(
        "worse",
        "When signals get worse",
        note(
            "From the recording as it is, at the left, to the worst, at the right. Truth is never perturbed. Vertical"
            " lines are intervals. Sizes stand side by side, whatever lies between them."
        ),
        parts,
    )


def _of(page: Page, data: str, split: str) -> list[Inner]:
    steps = families(page, data, split)
    scenarios = [step.scenario for line in steps.values() for step in line]
    parts: list[Inner] = []
    walkings = list(dict.fromkeys(walking for one in scenarios for walking in directions(one)))
    for walking in walkings:
        names = [name for name in page.results.detectors if page.judge.takes_part(name, scenarios, [HIT])]
        up = _axis_up(page, scenarios, walking, names)
        title = data if split == ALL else f"{data}, {split}"
        # sessions of one direction have but that one
        title = title if split == walking else f"{title}, {WALKING.get(walking, walking)}"
        parts += [
            element("h3", title),
            page.legend(names),
            _worst(page, steps, walking, names),
            grid(
                [
                    _panel(page, title, slug(data, split, walking, name), name, line, walking, names, up)
                    for name, line in steps.items()
                ],
                kind="panels small",
            ),
            folded("The numbers", [_table(page, title, steps, walking, names, key) for key in (HIT, SPREAD)]),
        ]
    return parts


def _worst(page: Page, steps: Mapping[str, Sequence[Step]], walking: str, names: Sequence[str]) -> Markup | None:
    """What takes most from each, against the recording as it is: what is so anyway no perturbation is to blame for."""
    base = next((line[0].scenario for line in steps.values() if line[0].size is None), None)
    if base is None:
        return None
    said: list[Inner] = []
    for name in names:
        before = _hit(page, name, base, walking)
        after = [
            (value, str(step.scenario.perturbation))
            for line in steps.values()
            for step in line
            if step.size is not None and (value := _hit(page, name, step.scenario, walking)) is not None
        ]
        if before is None or not after:
            continue
        least, where = min(after)
        if HIT.shown(least) != HIT.shown(before) and least < before:
            told = f" {HIT.shown(before - least)} with {where}"
            said.append(together(element("span", name, class_="name"), told))
    if not said:
        return note("Nobody loses F1 against the recording as it is.")
    return note("Largest loss of F1 against the recording as it is: ", joined(said, ", "), ".")


def _hit(page: Page, name: str, scenario: Scenario, walking: str) -> float | None:
    figure = page.judge.figure(name, scenario, walking, HIT)
    return None if figure is None else figure.value


def _axis_up(page: Page, scenarios: Sequence[Scenario], walking: str, names: Sequence[str]) -> tuple[Axis, Axis]:
    def ends(key: Key) -> list[float]:
        found = [page.judge.figure(name, one, walking, key) for one in scenarios for name in names]
        return [figure.value for figure in found if figure is not None and figure.value is not None]

    spreads = [spread for spread in ends(SPREAD) if spread > 0.0] or [1.0]
    worst = min(most_of(spreads, 2.0), MOST_MS)
    return (
        replace(linear(min(ends(HIT), default=0.0), 1.0, most=4), label="F1, 50 ms"),
        narrow_logarithmic(min(*spreads, worst / 4.0), worst, label="timing spread, ms (logarithm)"),
    )


def _panel(
    page: Page,
    where: str,
    ident: str,
    name: str,
    steps: Sequence[Step],
    walking: str,
    names: Sequence[str],
    up: tuple[Axis, Axis],
) -> Markup:
    family = _family(name)
    labels = [step.label for step in steps]
    last = len(steps) - 1
    ticks = tuple(float(place) for place in range(len(steps)))
    across = Axis(-0.35, last + 0.35, ticks, family.unit, told=lambda place: labels[round(place)])
    boxes = Box(38.0, 26.0, 210.0, 84.0), Box(38.0, 144.0, 210.0, 84.0)
    drawn = [
        plot(box, across, axis, _lines(page, steps, walking, names, key), dodge=1.5)
        for box, axis, key in zip(boxes, up, (HIT, SPREAD), strict=True)
    ]
    bottom = boxes[1].top + boxes[1].height
    told = "; ".join(_told(page, steps, walking, one) for one in names)
    title = f"{family.title}, {where}"
    return panel(
        family.title,
        picture(f"worse-{ident}", title, told, 260.0, bottom + 38.0, *drawn, below(boxes[1], across, bottom)),
    )


def _lines(page: Page, steps: Sequence[Step], walking: str, names: Sequence[str], key: Key) -> list[Series]:
    lines: list[Series] = []
    for name in names:
        points: list[Point] = []
        for place, step in enumerate(steps):
            figure = page.judge.figure(name, step.scenario, walking, key)
            if figure is not None and figure.value is not None:
                points.append(Point(float(place), figure.value, figure.interval))
        if points:
            lines.append(Series(page.style(name), points, is_ours(name)))
    return lines


def _told(page: Page, steps: Sequence[Step], walking: str, name: str) -> str:
    said: list[str] = []
    for step in steps:
        figures = [page.judge.figure(name, step.scenario, walking, key) for key in (HIT, SPREAD)]
        hit, spread = (
            "none" if one is None or one.value is None else key.shown(one.value)
            for one, key in zip(figures, (HIT, SPREAD), strict=True)
        )
        said.append(f"{step.label} F1 {hit}, spread {spread} ms")
    return f"{name}: {', '.join(said)}"


def _table(
    page: Page, title: str, steps: dict[str, list[Step]], walking: str, names: Sequence[str], key: Key
) -> Markup:
    base = next((line[0] for line in steps.values() if line[0].size is None), None)
    lines = [(AS_IS, base)] if base else []
    lines += [
        (str(step.scenario.perturbation), step) for line in steps.values() for step in line if step.size is not None
    ]
    body = [
        element(
            "tr",
            element("th", label, scope="row"),
            [figure_cell(page.judge, name, step.scenario, walking, key) for name in names],
        )
        for label, step in lines
    ]
    head: list[Inner] = ["perturbation", *map(page.named, names)]
    return table(f"{title}: {key.title}, by perturbation", head, element("tbody", body))


def _family(name: str) -> Family:
    return FAMILIES.get(name, Family(name, ""))
