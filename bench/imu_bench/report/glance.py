"""The top of the page: what this is, and who is best at what, by how much, on what."""

from collections.abc import Sequence
from typing import Final

from imu_bench.report.axis import Axis, linear, most_of
from imu_bench.report.html import (
    REVERSED,
    SORT,
    WALKING,
    Page,
    joined,
    lead,
    note,
    people,
    section,
    sessions,
    sort_of,
)
from imu_bench.report.judge import Best, Place
from imu_bench.report.keys import ENOUGH, FEW, NARROW, Key, Question
from imu_bench.report.markup import Inner, Markup, element, together
from imu_bench.report.panels import Row, small_strip
from imu_bench.report.results import Data, Results

BESIDE: Final = 3.0
"""How many times the best of each row lies on the scale of a strip; others are arrows at its end."""
PRIVATE: Final = "Not to be shown to others."
WHY_PRIVATE: Final = (
    " It holds figures on data sets whose owners gave no leave to publish: {names}. Keep this page, and the files that"
    " it was made of, to yourself."
)


SORTS: Final = {
    "real": "{people} with real sensors",
    "virtual": "{people} with virtual sensors",
    "simulated": "{people} simulated",
    "": "{people} of another kind",
}
"""By what the kind of a data set begins with."""


def head(results: Results) -> Markup:
    """Title, scope, and the warning where one is due."""
    scope = [f"{len(results.detectors)} detectors", f"{len(results.data)} data sets", *_counted(results)]
    facts = [
        f"{100 * results.interval:g}{NARROW}% intervals over people",
        f"{results.resamples} resamples",
        f"seed {results.seed}",
        *(f"{name} {version}" for name, version in results.software.items()),
    ]
    return element(
        "header",
        private_banner(results),
        element("h1", "Retrogait benchmark"),
        lead("Foot contacts, directions, strides and pelvic drop from worn sensors, held against known truth."),
        element("p", joined([element("b", one) for one in scope], " \u00b7 "), class_="scope"),
        element("p", " \u00b7 ".join(facts), class_="facts"),
    )


def _counted(results: Results) -> list[str]:
    """People whom sensors were on, people whose motion was measured otherwise, and nobody, apart; a source's people are
    the same ones in each of its data sets.
    """
    said: list[str] = []
    seen: dict[str, int] = {}
    for word, what in SORTS.items():
        sets = [one for one in results.data.values() if _sort(one) == word]
        if not sets:
            continue
        count = 0
        for source in sorted({one.citation for one in sets}):
            most = max(one.subjects for one in sets if one.citation == source)
            count += max(0, most - seen.get(source, 0))
            seen[source] = max(most, seen.get(source, 0))
        minutes = sum(whole[0].minutes for one in sets if (whole := results.of_data(one.name)))
        copies = " (copies reversed in time among them)" if any(REVERSED in one.kind for one in sets) else ""
        told = what.format(people=people(count))
        said.append(f"{told}: {sessions(sum(one.sessions for one in sets))}{copies}, {minutes:.0f}{NARROW}min")
    return said


def _sort(data: Data) -> str:
    found = SORT.match(data.kind)
    return "" if found is None else found[0].lower()


def private_banner(results: Results) -> Markup | None:
    """Where something private is inside."""
    if not results.private:
        return None
    names = ", ".join(name for name, data in results.data.items() if data.figures == "private") or "not named"
    return element("div", element("strong", PRIVATE), WHY_PRIVATE.format(names=names), class_="private", role="note")


def glance(page: Page) -> Markup:
    """Rows: where; columns: what; each cell its best, everybody on one line, and the lead over the next."""
    judge = page.judge
    axes = {one.key.name: _axis(page, one.key) for one in judge.contested}
    names = [
        name for name in page.results.detectors if any(judge.offers(name, question.key) for question in judge.contested)
    ]
    caption = "The best detector for each question, by data set and direction of walking"
    heads = [
        element(
            "th",
            element("span", question.text, class_="question"),
            element("span", _scale(question.key, axes[question.key.name]), class_="scale"),
            scope="col",
            role="columnheader",
        )
        for question in judge.contested
    ]
    matrix = element(
        "table",
        element("caption", caption, class_="unseen"),
        element(
            "thead",
            element("tr", element("th", "Where", scope="col", role="columnheader"), heads, role="row"),
            role="rowgroup",
        ),
        element("tbody", [_line(page, place, judge.contested, axes) for place in judge.places], role="rowgroup"),
        class_="matrix",
        role="table",
    )
    return section(
        "best",
        "Who is best at what",
        element("p", _tally(page), class_="finding"),
        page.legend(names),
        matrix,
        [_uncontested(page, one) for one in judge.questions if one not in judge.contested],
        note(
            "On every line the better end is at the right; a mark is a detector, the thick line the interval of the"
            f" best. Hollow marks compete for no place: they answer for less than {100 * ENOUGH:.0f}{NARROW}% of what"
            f" was asked, or found fewer of the contacts than that, or rest on fewer than {FEW}."
            " Arrows lie beyond the scale. ",
            element("b", "Clear"),
            ": the intervals of the best and of the next lie apart; ",
            element("b", "level"),
            ": they overlap; ",
            element("b", "untested"),
            ": fewer than 3 people, so that there are none; ",
            element("b", "alone"),
            ": nobody else competes there.",
        ),
    )


def _tally(page: Page) -> Markup:
    firsts, contested, alone = page.judge.tally()
    if not contested:
        return together("Nothing here was answered by two detectors: there is no best.")
    order = sorted(firsts, key=lambda name: (-firsts[name], name))
    won = [together(element("b", name), f" is clearly best in {firsts[name]}") for name in order]
    rest = contested - sum(firsts.values())
    said = [
        f"Two or more detectors compete in {contested} cells: ",
        joined(won, "; ") if won else "none has a clear best",
        f"; {rest} {'is' if rest == 1 else 'are'} undecided." if rest and won else ".",
        f" In {alone} more, one competes alone." if alone else "",
    ]
    return together(said)


def _uncontested(page: Page, question: Question) -> Markup:
    """Where nowhere two compete, in a line: who does, and how well."""
    key = question.key
    found: dict[str, list[float]] = {}
    for place in page.judge.places:
        best = page.judge.best(place, key)
        if best is not None and best.figure.value is not None:
            found.setdefault(best.name, []).append(best.figure.value)
    said: list[Inner] = []
    for name, values in found.items():
        ends = list(dict.fromkeys((key.shown(min(values)), key.shown(max(values)))))
        where = "one place" if len(values) == 1 else f"{len(values)} places"
        said.append(together(page.named(name), f" alone, in {where}; {key.title}: {' to '.join(ends)}{key.after}"))
    return note(element("b", question.text), " ", joined(said, "; ") if said else "Nobody competes", ".")


def _line(page: Page, place: Place, questions: Sequence[Question], axes: dict[str, Axis]) -> Markup:
    where = element(
        "th",
        element("span", place.data.name, class_="where"),
        element("span", WALKING.get(place.walking, place.walking), class_="walking"),
        element("span", f"{sort_of(place.data.kind)}, {people(place.scenario.subjects)}", class_="kind"),
        scope="row",
        role="rowheader",
    )
    return element("tr", where, [_cell(page, place, one, axes[one.key.name]) for one in questions], role="row")


def _cell(page: Page, place: Place, question: Question, axis: Axis) -> Markup:
    key, judge = question.key, page.judge
    asks = element("span", question.text, class_="asks", aria_hidden="true")
    best = judge.best(place, key)
    marks: list[tuple[int, float, bool]] = []
    for name in page.results.detectors:
        figure = judge.figure(name, place.scenario, place.walking, key)
        if figure is not None and figure.value is not None and (best is None or name != best.name):
            marks.append((page.style(name), figure.value, not judge.competes(name, place.scenario, place.walking, key)))
    if best is None and not marks:
        return element(
            "td", asks, element("span", "\u2013", aria_label="nobody answers", role="img"), class_="none", role="cell"
        )
    row = None if best is None else Row(page.style(best.name), "", "", best.figure.value, best.figure.interval)
    inside: list[Inner] = [asks]
    if best is None or best.figure.value is None:
        inside.append(element("span", "nobody competes", class_="next"))
    else:
        inside += [page.named(best.name), element("span", key.with_unit(best.figure.value), class_="value")]
    inside.append(small_strip(marks, row, axis, mirrored=key.better == "low"))
    if best is not None:
        inside.append(_lead(best, key))
    return element("td", inside, class_=f"cell {best.lead}" if best else "cell", role="cell")


def _lead(best: Best, key: Key) -> Markup:
    if best.next_figure is None or best.next_figure.value is None:
        return element("span", "alone", class_="next")
    said = {"clear": "clear of", "level": "level with", "untested": "untested; next"}[best.lead]
    return element(
        "span",
        element("b", said, class_="said"),
        f" {best.next_name} ",
        key.with_unit(best.next_figure.value),
        class_="next",
    )


def _axis(page: Page, key: Key) -> Axis:
    """One scale for a column, that the best of every row lie well on."""
    found = [page.judge.best(place, key) for place in page.judge.places]
    bests = [best.figure.value for best in found if best is not None and best.figure.value is not None]
    if key.better == "high":
        worst = min(bests, default=1.0)
        low = min(0.9, max(0.0, round(1.0 - BESIDE * (1.0 - worst) - 0.05, 1)))
        return Axis(low, 1.0, (low, 1.0))
    least = 1e-9 + 10.0**-key.digits / key.scale
    return linear(0.0, BESIDE * most_of(bests, least), most=3)


def _scale(key: Key, axis: Axis) -> str:
    ends = (axis.high, axis.low) if key.better == "low" else (axis.low, axis.high)
    digits = 0 if abs(key.scale * (axis.high - axis.low)) >= 5 else 1
    said = [f"{key.scale * end:.{digits}f}" for end in ends]
    return f"{key.title}, {key.unit + ', ' if key.unit else ''}{said[0]} to {said[1]}"
