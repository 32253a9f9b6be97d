"""Each data set: who finds contacts and how well they are timed, as pictures; then every figure, as tables."""

from collections.abc import Iterator, Sequence

from imu_bench.report.axis import Axis, around_zero, most_of
from imu_bench.report.html import (
    WALKING,
    Page,
    anchor,
    figure_cell,
    folded,
    grid,
    heading,
    note,
    panel,
    people,
    section,
    sessions,
    table,
)
from imu_bench.report.judge import Place, asked, directions, marks
from imu_bench.report.keys import CHIEF, GROUPS, KEYS, NARROW, Key
from imu_bench.report.markup import Inner, Markup, element, linked, slug, together
from imu_bench.report.panels import Row, strips
from imu_bench.report.results import WALKINGS, Data, Scenario, is_ours

EDGE_MS = 150.0
"""Contacts further from the true one are not the same: no error is larger."""


def scores(page: Page) -> Markup:
    """All data sets."""
    return section(
        "results",
        "Each data set",
        element(
            "p",
            "Marks are figures, thick lines their intervals; in the pictures of timing the thin line is the spread, one"
            " sd to either side of the bias. Forward and backward walking stand apart everywhere.",
            class_="note",
        ),
        [_data_set(page, data) for data in page.results.data.values()],
    )


def _data_set(page: Page, data: Data) -> Markup | None:
    scenarios = page.results.of_data(data.name)
    if not scenarios:
        return None
    whole, rest = scenarios[0], scenarios[1:]
    pictures = [
        shown
        for walking in directions(whole)
        for shown in (_found(page, whole, walking), _timed(page, whole, walking))
        if shown is not None
    ]
    truth = data.truth.get("contact")
    return element(
        "section",
        element("h3", data.name, " ", element("span", data.title), id=anchor("of", data.name)),
        element(
            "div",
            grid(pictures, kind="panels pairs"),
            element(
                "aside",
                element("p", element("b", data.kind)),
                element("p", f"{people(data.subjects)}, {sessions(data.sessions)}, {whole.minutes:.0f}{NARROW}min"),
                element("p", element("b", "A true contact: "), linked(truth)) if truth else None,
                element("p", linked(data.citation), class_="cite"),
            ),
            class_="beside",
        ),
        _table(page, whole, f"{data.name}: key figures", CHIEF, directions(whole)),
        folded(
            "Every figure",
            [
                _table(page, whole, f"{data.name}: {title.lower()}", keys, _walkings(whole))
                for title, keys in GROUPS.items()
            ],
        ),
        [
            folded(f"{one.id}: {one.about}", _table(page, one, f"{one.id}: key figures", CHIEF, _walkings(one)))
            for one in rest
        ],
        class_="data-set",
        aria_labelledby=anchor("of", data.name),
    )


def _walkings(scenario: Scenario) -> list[str]:
    """Of which anything is asked."""
    said = {walking for answer in scenario.detectors.values() for walking in answer.walking}
    order = [*WALKINGS, *sorted(said - set(WALKINGS))]
    return [walking for walking in order if walking in said and asked(scenario, walking)]


def offering(page: Page, scenario: Scenario, key: Key) -> list[str]:
    """Who took part in a scenario, and has such a figure."""
    return [name for name in page.results.detectors if name in scenario.detectors and page.judge.offers(name, key)]


def strip_rows(page: Page, scenario: Scenario, walking: str, key: Key, spread_key: Key | None = None) -> list[Row]:
    """A row each of who offers it, best told by figure, interval and n."""
    return list(_rows(page, scenario, walking, key, spread_key))


def _rows(page: Page, scenario: Scenario, walking: str, key: Key, spread_key: Key | None) -> Iterator[Row]:
    for name in offering(page, scenario, key):
        style, strong = page.style(name), is_ours(name)
        figure = scenario.detectors[name].figure(walking, key.name)
        n = key.coverage(figure) if key.by_time else f"n {key.coverage(figure, '/')}"
        if figure.value is None:
            standing = page.judge.standing(name, scenario, walking, key)
            # of what is counted by the hour nothing is ever asked
            said = f"none found, {n}" if figure.asked else "no answer" if key.by_time else standing
            yield Row(style, name, said, strong=strong, owner=name)
            continue
        said = key.shown(figure.value, signed=True)
        spread = None
        if spread_key is not None:
            sd = scenario.detectors[name].figure(walking, spread_key.name).value
            if sd is not None:
                said = f"{said} \u00b1 {spread_key.shown(sd)}"
                spread = (figure.value - sd, figure.value + sd)
        signs = marks(scenario.detectors[name], walking, key)
        yield Row(
            style,
            name,
            f"{said}{key.after}{signs} \u00b7 {n}",
            figure.value,
            figure.interval,
            spread,
            strong=strong,
            hollow=bool(signs),
            owner=name,
        )


def _found(page: Page, scenario: Scenario, walking: str) -> Markup | None:
    key = KEYS["f1_50ms"]
    drawn = strip_rows(page, scenario, walking, key)
    if not drawn:
        return None
    axis = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), "F1 of contacts within 50 ms")
    what = f"Contacts found, {WALKING.get(walking, walking)}"
    return panel(
        what, strips(slug("found", scenario.id, walking), f"{scenario.data}: {what}", drawn, axis, line_at=1.0)
    )


def _timed(page: Page, scenario: Scenario, walking: str) -> Markup | None:
    key = KEYS["timing_bias_ms"]
    drawn = strip_rows(page, scenario, walking, key, KEYS["timing_sd_ms"])
    if not drawn:
        return None
    axis = timing_axis(page, scenario)
    what = f"Contacts timed, {WALKING.get(walking, walking)}: bias \u00b1 spread"
    return panel(
        what, strips(slug("timed", scenario.id, walking), f"{scenario.data}: {what}", drawn, axis, line_at=0.0)
    )


def timing_axis(page: Page, scenario: Scenario) -> Axis:
    """One for all walking of a data set, so that forward and backward may be compared."""
    reach = [
        abs(row.value) + (abs(row.spread[1] - row.value) if row.spread else 0.0)
        for walking in directions(scenario)
        for row in strip_rows(page, scenario, walking, KEYS["timing_bias_ms"], KEYS["timing_sd_ms"])
        if row.value is not None
    ]
    return around_zero(min(most_of(reach, 20.0), EDGE_MS), label="found minus true, ms (late: right)")


def _table(page: Page, scenario: Scenario, caption: str, keys: Sequence[str], walkings: Sequence[str]) -> Markup:
    names = [name for name in page.results.detectors if name in scenario.detectors]
    shown = [KEYS[key] for key in keys if any(page.judge.offers(name, KEYS[key]) for name in names)]
    absent = [KEYS[key].title for key in keys if KEYS[key] not in shown]
    head: list[Inner] = ["detector", *(heading(key) for key in shown)]
    # who has nothing to say to any of it is named once, below
    able = [name for name in names if page.judge.takes_part(name, [scenario], shown)]
    others = [name for name in names if name not in able]
    firsts = {
        (walking, key.name): best.name
        for walking in walkings
        for key in shown
        if (best := page.judge.best(Place(page.results.data[scenario.data], scenario, walking), key))
        and best.lead == "clear"
        and key.better != "none"
    }
    bodies = [
        element(
            "tbody",
            element(
                "tr", element("th", WALKING.get(walking, walking), scope="rowgroup", colspan=len(head), class_="group")
            ),
            [
                element(
                    "tr",
                    element("th", page.named(name), scope="row"),
                    [
                        figure_cell(
                            page.judge,
                            name,
                            scenario,
                            walking,
                            key,
                            best=firsts.get((walking, key.name)) == name,
                        )
                        for key in shown
                    ],
                )
                for name in able
            ],
        )
        for walking in walkings
    ]
    if not shown:
        return note(f"{caption}: offered by no detector here.")
    told = [
        f"No detector offers: {', '.join(absent)}." if absent else "",
        f"Not offered by {', '.join(others)}." if others else "",
    ]
    under = note(" ".join(one for one in told if one)) if any(told) else None
    return together(table(caption, head, together(bodies)), under)
