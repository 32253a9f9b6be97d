"""What has a part of the page to itself: latency, honesty of confidence, the pelvis, and quiet in standing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from imu_bench.report.axis import Axis, around_zero, from_zero, linear, most_of
from imu_bench.report.html import WALKING, Page, folded, grid, joined, note, panel, rows, section, table
from imu_bench.report.judge import directions
from imu_bench.report.keys import KEYS, NARROW, Key
from imu_bench.report.markup import Inner, Markup, element, slug, together
from imu_bench.report.panels import Row, over, reliability, strips, wilson
from imu_bench.report.results import ALL, Bin, Scenario
from imu_bench.report.scores import strip_rows

HONEST: Final = 0.683
"""Of errors lie within one standard deviation, if they are normal and it is true."""
UNKNOWN: Final = "unknown"
NOT_WALKING: Final = "where nobody walks, or turns"
"""What has no direction: of false contacts it is standing, turns and closing steps."""
SECONDS_MS: Final = 1000.0
AFTER: Final = "ms after the true contact"


def _whole(page: Page) -> list[Scenario]:
    """Of each data set, unperturbed."""
    return [page.results.of_data(name)[0] for name in page.results.data if page.results.of_data(name)]


def _places(page: Page) -> Iterator[tuple[Scenario, str]]:
    for scenario in _whole(page):
        for walking in directions(scenario):
            yield scenario, walking


def _where(scenario: Scenario, walking: str) -> str:
    return f"{scenario.data}, {WALKING.get(walking, walking)}"


def _not_offered(page: Page, key: Key, why: str = "") -> Markup | None:
    """Who is not in a picture, and that this is no oversight."""
    missing = [name for name in page.results.detectors if not page.judge.offers(name, key)]
    if not missing:
        return None
    return note("Not offered by ", joined([page.named(name) for name in missing], ", "), f"{why}." if why else None)


def latency(page: Page) -> Markup:
    """From the true contact to the sample that told it."""
    claims = KEYS["latency_false_claims"]
    pictures = [
        *_told_after(page, "latency", "The contact itself, dated by the feeder"),
        *_told_after(page, "provisional", "The provisional word, by the detector's own claim"),
    ]
    false = [f"{name} ({total})" for name in page.results.detectors if (total := _summed(page, name, claims))]
    return section(
        "latency",
        "How soon a contact is told",
        note(
            "Marks are medians with their intervals; the thin line reaches from there to the 95th percentile. ",
            element("b", "The contact itself"),
            " is dated by who feeds the samples, not by the detector. ",
            element("b", "The provisional word"),
            " is dated by the detector: a claim that nobody else saw, believed only of contacts of which its other"
            " claim (t_emitted_ns) was seen to be true.",
        ),
        grid(pictures) if pictures else note("No detector here answers while it is fed."),
        note(element("b", "Contacts said to have been told earlier than they were: "), ", ".join(false), ".")
        if false
        else note("No detector claims to have told a contact earlier than it did.")
        if pictures
        else None,
        _not_offered(page, KEYS["latency_p50_ms"], "; they want the whole recording before they say anything")
        if pictures
        else None,
    )


def _told_after(page: Page, what: str, title: str) -> list[Inner]:
    middle, late = KEYS[f"{what}_p50_ms"], KEYS[f"{what}_p95_ms"]

    def reaching(scenario: Scenario, walking: str, rows: list[Row]) -> list[Row]:
        found: list[Row] = []
        for row in rows:
            p95 = scenario.detectors[row.owner].figure(walking, late.name).value
            if row.value is None or p95 is None:
                found.append(row)
            else:
                said = f"{middle.shown(row.value)} to {late.shown(p95)}{row.note[len(middle.shown(row.value)) :]}"
                found.append(replace(row, spread=(row.value, p95), note=said))
        return found

    return _by_place(
        page, middle, what, title, lambda most: linear(0.0, min(most, SECONDS_MS), label=AFTER), change=reaching
    )


def _summed(page: Page, name: str, key: Key) -> int:
    figures = (one.detectors[name].figure(ALL, key.name) for one in _whole(page) if name in one.detectors)
    return sum(round(figure.value) for figure in figures if figure.value is not None)


def calibration(page: Page) -> Markup:
    """Reliability diagrams."""
    pictures: list[Inner] = []
    lines: list[list[Inner]] = []
    for scenario in _whole(page):
        for name in page.results.detectors:
            answer = scenario.detectors.get(name)
            bins: Sequence[Bin] = answer.calibration if answer is not None else ()
            if answer is None or not any(one.n for one in bins):
                continue
            figure, key = answer.figure(ALL, "confidence_error"), KEYS["confidence_error"]
            error = f", error {key.with_unit(figure.value)}, n {figure.n}" if figure.value is not None else ""
            caption = together(page.named(name), element("span", f"{scenario.data}{error}", class_="whose"))
            title = f"Confidence of {name} on {scenario.data}"
            pictures.append(
                panel(caption, reliability(slug("trust", scenario.id, name), title, page.style(name), bins))
            )
            lines += [_bin_line(f"{scenario.data}, {name}", one) for one in bins if one.n]
    return section(
        "confidence",
        "Can its confidence be believed?",
        note(
            "On the dashed line, of contacts called 80% sure 80% are right. Vertical lines are 95% Wilson intervals of"
            " each share, as if contacts were independent; bars below count the contacts."
        ),
        grid(pictures, kind="panels squares") if pictures else note("No detector here says how sure it is."),
        folded(
            "The numbers",
            table(
                "Confidence stated, and share that was right",
                ["data set, detector", "stated", "contacts", "right", "share", "95% interval"],
                rows(lines),
            ),
        )
        if lines
        else None,
        _not_offered(page, KEYS["confidence_error"]) if pictures else None,
    )


def _bin_line(where: str, one: Bin) -> list[Inner]:
    low, high = wilson(one.right, one.n)
    percent = KEYS["confidence_error"]
    return [
        where,
        f"{one.low:g} to {one.high:g}",
        str(one.n),
        str(one.right),
        percent.with_unit(one.right / one.n),
        f"{percent.shown(low)} to {percent.shown(high)}",
    ]


def pelvis(page: Page) -> Markup:
    """Drop, and whether its stated uncertainty is true; attitude."""
    drop = [
        *_by_place(page, KEYS["pelvic_drop_rmse_deg"], "drop", "Pelvic drop of a step: rmse", _from_zero_deg),
        *_by_place(
            page, KEYS["pelvic_drop_bias_deg"], "dropbias", "Pelvic drop of a step: bias", _around_zero_deg, line_at=0.0
        ),
        *_by_place(
            page,
            KEYS["pelvic_drop_within_sd"],
            "honest",
            "Honest? Errors within the stated sd",
            lambda _: Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), "share; 68% would be honest", told=_percent),
            line_at=HONEST,
        ),
    ]
    attitude = [
        *_by_place(page, KEYS["obliquity_rmse_deg"], "obliquity", "Obliquity: rmse", _from_zero_deg),
        *_by_place(page, KEYS["tilt_rmse_deg"], "tilt", "Tilt: rmse", _from_zero_deg),
    ]
    if not drop and not attitude:
        return section("pelvis", "The pelvis", note("No detector here says anything of it where truth does."))
    return section(
        "pelvis",
        "The pelvis",
        [
            note(
                "Left of the line at 68% a detector is surer of its drop than it should be; right of it, more modest"
                " than it need be."
            ),
            grid(drop),
            _not_offered(page, KEYS["pelvic_drop_rmse_deg"]),
        ]
        if drop
        else None,
        [
            element("h3", "Attitude against truth"),
            note("Each session's mean error is taken out: a belt's own tilt is not an error of a filter."),
            grid(attitude),
            _not_offered(page, KEYS["obliquity_rmse_deg"]),
        ]
        if attitude
        else None,
    )


def _by_place(
    page: Page,
    key: Key,
    ident: str,
    title: str,
    axis_of: Callable[[float], Axis],
    *,
    line_at: float | None = None,
    change: Callable[[Scenario, str, list[Row]], list[Row]] = lambda _scenario, _walking, rows: rows,
) -> list[Inner]:
    """One panel of all places where somebody has such a figure; of one detector alone, its name stands above."""
    owners = [name for name in page.results.detectors if page.judge.offers(name, key)]
    lines: list[Row] = []
    for scenario, walking in _places(page):
        found = change(scenario, walking, strip_rows(page, scenario, walking, key))
        if not any(row.value is not None for row in found):
            continue
        where = _where(scenario, walking)
        if len(owners) == 1:
            lines += [replace(row, label=where, strong=False) for row in found]
        else:
            lines += [over(where), *found]
    if not lines:
        return []
    ends = [abs(end) for row in lines for end in (*(row.interval or ()), *(row.spread or ()), *_only(row.value))]
    caption = together(title, element("span", page.named(owners[0]), class_="whose")) if len(owners) == 1 else title
    drawn = strips(slug("by-place", ident), title, lines, axis_of(most_of(ends, 0.1)), line_at=line_at)
    return [panel(caption, drawn)]


def _only(value: float | None) -> tuple[float, ...]:
    return () if value is None else (value,)


def quiet(page: Page) -> Markup:
    """Contacts that nobody made."""
    key = KEYS["false_per_hour"]
    scenarios = _whole(page)
    drawn = [
        (f"{one.data}, {what}", slug("quiet", one.id, walking), lines)
        for one in scenarios
        for walking, what in ((ALL, f"{one.minutes:.0f}{NARROW}min in all"), (UNKNOWN, NOT_WALKING))
        for lines in [strip_rows(page, one, walking, key)]
        if any(row.value is not None for row in lines)
    ]
    axis = from_zero(
        most_of((row.value for _, _, lines in drawn for row in lines if row.value is not None), 10.0),
        label="false contacts an hour (logarithm of one more)",
    )
    return section(
        "quiet",
        "False contacts",
        note(
            "Found contacts without a true one, an hour of recording, standing and weight shifts included. The axis has"
            " a place for none."
        ),
        grid(
            panel(where, strips(ident, f"False contacts an hour: {where}", lines, axis))
            for where, ident, lines in drawn
        ),
        _not_offered(page, key, "; they tell no contacts"),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _from_zero_deg(most: float) -> Axis:
    return linear(0.0, most, label="degrees")


def _around_zero_deg(most: float) -> Axis:
    return around_zero(most, label="degrees, found minus true")
