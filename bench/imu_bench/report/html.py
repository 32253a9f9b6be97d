"""What all parts of the page are made of: sections, figures, tables, legends, and one cell for one figure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from imu_bench.report.judge import Judge, marks
from imu_bench.report.keys import DASH, NARROW, Key
from imu_bench.report.markup import Inner, Markup, element, slug, together
from imu_bench.report.panels import chip
from imu_bench.report.results import Results, Scenario, is_ours

WALKING: Final = {
    "all": "all walking",
    "forward": "forward",
    "backward": "backward",
    "in_place": "in place",
    "unknown": "turns and closing steps",
}

SORT: Final = re.compile(r"(?:real|virtual|simulated)\b", re.IGNORECASE)
"""What the kind of a data set begins with."""
REVERSED: Final = "reversed"
"""Its kind says so where sessions are copies of others."""


@dataclass(frozen=True)
class Page:
    """What the parts of a page share."""

    judge: Judge

    @property
    def results(self) -> Results:
        return self.judge.results

    def style(self, detector: str) -> int:
        """The number of its colour and shape, the same in every picture."""
        return list(self.results.detectors).index(detector) if detector in self.results.detectors else 0

    def named(self, detector: str) -> Markup:
        """Its mark and its name."""
        return element(
            "span",
            chip(self.style(detector)),
            element("span", detector, class_="name ours" if is_ours(detector) else "name"),
            class_="named",
        )

    def legend(self, detectors: Iterable[str]) -> Markup:
        return element("ul", [element("li", self.named(name)) for name in detectors], class_="legend")


def section(ident: str, title: str, *inner: Inner) -> Markup:
    """One part of the page, with its heading."""
    return element("section", element("h2", title, id=ident), *inner, aria_labelledby=ident)


def note(*inner: Inner) -> Markup:
    return element("p", *inner, class_="note")


def grid(panels: Iterable[Inner], *, kind: str = "panels") -> Markup:
    return element("div", panels, class_=kind)


def panel(caption: Inner, drawn: Inner, *more: Inner) -> Markup:
    """A picture and what it shows."""
    return element("figure", element("figcaption", caption), drawn, *more, class_="panel")


def folded(title: str, *inner: Inner) -> Markup:
    """The numbers beside a picture: there for who asks, and on paper."""
    return element("details", element("summary", title), *inner)


def table(caption: str, head: Sequence[Inner], body: Markup, *, kind: str = "") -> Markup:
    """A table that scrolls by itself where it is wider than the page."""
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", [element("th", one, scope="col") for one in head])),
            body,
        ),
        class_=f"scroll {kind}".strip(),
        role="region",
        tabindex=0,
        aria_label=caption,
    )


def rows(lines: Iterable[Sequence[Inner]]) -> Markup:
    """A body of a table of plain cells, the first of each row its heading."""
    return element(
        "tbody",
        [
            element("tr", element("th", line[0], scope="row"), [element("td", cell) for cell in line[1:]])
            for line in lines
        ],
    )


def figure_cell(
    judge: Judge, detector: str, scenario: Scenario, walking: str, key: Key, *, best: bool = False
) -> Markup:
    """Figure, interval, and n of asked below each other; or why there is none. `best`: it is clear of all others."""
    standing = judge.standing(detector, scenario, walking, key)
    if standing in ("not offered", "not offered here", "not in this run"):
        return element("td", standing, class_="none")
    answer = scenario.detectors[detector]
    figure = answer.figure(walking, key.name)
    if standing == "nothing asked":
        return element("td", element("span", DASH, role="img", aria_label="nothing asked"), class_="none")
    n = key.coverage(figure)
    if figure.value is None:
        return element("td", element("span", DASH, class_="value"), element("span", n, class_="n"), class_="none")
    signs = marks(answer, walking, key)
    count = key.unit == "" and key.digits == 0
    return element(
        "td",
        element("span", key.with_unit(figure.value, signed=True), signs, class_="value"),
        element("span", key.interval(figure), class_="interval") if figure.interval else None,
        None if count else element("span", n, class_="n"),
        class_="few" if signs else "best" if best else None,
    )


def heading(key: Key) -> Markup:
    """A column's, with what it means."""
    return element("abbr", key.title, title=key.about)


def anchor(kind: str, name: str) -> str:
    return slug(kind, name)


def people(subjects: int) -> str:
    r"""How many.

    >>> people(1), people(12)
    ('1\u202fperson', '12\u202fpeople')
    """
    return f"{subjects}{NARROW}{'person' if subjects == 1 else 'people'}"


def sort_of(kind: str) -> str:
    """Of a data set's kind, in few words; as it is where it is another.

    >>> sort_of("virtual sensors, from skin markers"), sort_of("real (a), and real signals reversed in time (b)")
    ('virtual', 'real, and reversed in time')
    """
    found = SORT.match(kind)
    if found is None:
        return kind
    return f"{found[0].lower()}{', and reversed in time' if REVERSED in kind else ''}"


def sessions(n: int) -> str:
    return f"{n}{NARROW}{'session' if n == 1 else 'sessions'}"


def joined(parts: Iterable[Inner], between: str) -> Markup:
    """With something between them."""
    out: list[Inner] = []
    for part in parts:
        out += [between, part] if out else [part]
    return together(*out)


def lead(*inner: Inner) -> Markup:
    return element("p", *inner, class_="lead")
