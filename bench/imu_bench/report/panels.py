"""Pictures as inline SVG: dots on strips, lines over an axis, and the diagram of how far confidence can be believed.

Colours are classes (`d0`, `d1`, ...) that the page's style sheet fills, so that dark and print need no second picture.
Each detector has a shape as well: no colour speaks alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from imu_bench.report.axis import Axis, linear
from imu_bench.report.markup import Markup, element, number, together
from imu_bench.report.results import Bin

SHAPES: Final = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M-4 -4H4V4H-4z",
    "M0 -5L4.8 3.6H-4.8z",
    "M0 -5.4L5.4 0L0 5.4L-5.4 0z",
    "M0 5L4.8 -3.6H-4.8z",
    "M-1.6 -5H1.6V-1.6H5V1.6H1.6V5H-1.6V1.6H-5V-1.6H-1.6z",
    "M0 -5L4.76 -1.55L2.94 4.05H-2.94L-4.76 -1.55z",
    "M-5 -2.8L-2.8 -5L0 -2.2L2.8 -5L5 -2.8L2.2 0L5 2.8L2.8 5L0 2.2L-2.8 5L-5 2.8L-2.2 0z",
    "M-2.5 -4.6H2.5L5 0L2.5 4.6H-2.5L-5 0z",
    "M-5.2 -2.2H5.2V2.2H-5.2z",
    "M-2.2 -5.2H2.2V5.2H-2.2z",
)
"""Round the origin. The first, and the first colour, is of whoever stands first alone."""
COLOURS: Final = 9
ARROWS: Final = {-1: "M2 -4.5L-4.5 0L2 4.5z", 1: "M-2 -4.5L4.5 0L-2 4.5z"}
"""At the edge, for what lies beyond."""

WIDTH: Final = 340.0
SIDE: Final = 12.0
ROW: Final = 37.0
LOW_ROW: Final = 21.0
"""Of a row without a strip."""
HEADING: Final = -1
"""The style of a row that is no detector's."""
FOOT: Final = 30.0
LABEL_LETTERS: Final = 26


@dataclass(frozen=True, slots=True)
class Row:
    """One strip: a mark, its interval as a thick line, its spread as a thin one."""

    style: int
    label: str
    note: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    spread: tuple[float, float] | None = None
    strong: bool = False
    hollow: bool = False
    """Drawn, though it competes for nothing."""
    owner: str = ""
    """Whose it is."""

    @property
    def height(self) -> float:
        return LOW_ROW if self.value is None else ROW


def over(said: str) -> Row:
    """A row that is the heading of those below it."""
    return Row(HEADING, said, "")


@dataclass(frozen=True, slots=True)
class Point:
    """On a line, with its interval."""

    x: float
    y: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One line."""

    style: int
    points: Sequence[Point]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """Where on a picture, px."""

    left: float
    top: float
    width: float
    height: float

    def x(self, axis: Axis, value: float) -> float:
        return self.left + self.width * axis.share(value)

    def y(self, axis: Axis, value: float) -> float:
        return self.top + self.height * (1.0 - axis.share(value))


def picture(ident: str, title: str, told: str, width: float, height: float, *inner: Markup) -> Markup:
    """An SVG that says what it shows to whoever can't see it."""
    return element(
        "svg",
        element("title", title, id=f"{ident}-t"),
        element("desc", told, id=f"{ident}-d"),
        *inner,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{ident}-t {ident}-d",
    )


def colour(style: int) -> str:
    """The class that has the colour of a detector."""
    return f"d{style and 1 + (style - 1) % (COLOURS - 1)}"


def shape(style: int) -> str:
    """A shape repeats later than a colour does, so that no two detectors have both."""
    return SHAPES[style and 1 + (style - 1) % (len(SHAPES) - 1)]


def mark(style: int, x: float, y: float, *, beyond: int = 0, hollow: bool = False, size: float = 1.0) -> Markup:
    """A detector's own shape, or an arrow in its colour where it lies beyond the edge."""
    scale = "" if size == 1.0 else f" scale({number(size)})"
    return element(
        "path",
        d=ARROWS.get(beyond) or shape(style),
        class_=f"mark {colour(style)}{' hollow' if hollow else ''}",
        transform=f"translate({number(x)} {number(y)}){scale}",
    )


def chip(style: int) -> Markup:
    """A mark amid text; the text beside it says whose."""
    return element(
        "svg", mark(style, 7, 7), viewBox="0 0 14 14", width=14, height=14, class_="chip", aria_hidden="true"
    )


def shortened(said: str, letters: int = LABEL_LETTERS) -> str:
    """With an ellipsis where it is too long for its place.

    >>> shortened("abcdef", 4)
    'abc\u2026'
    """
    return said if len(said) <= letters else f"{said[: letters - 1]}\u2026"


def strips(ident: str, title: str, rows: Sequence[Row], axis: Axis, *, line_at: float | None = None) -> Markup:
    """A row each, names and figures above the strips, one axis below."""
    box = Box(SIDE, 2.0, WIDTH - 2 * SIDE, sum(row.height for row in rows))
    tops = list(accumulate((row.height for row in rows), initial=box.top))[:-1]
    bottom = box.top + box.height
    parts = [_strip(row, box, axis, top, line_at) for row, top in zip(rows, tops, strict=True)]
    parts += _ticks_below(box, axis, bottom + 2.0)
    told = "; ".join(row.label if row.style == HEADING else f"{row.label}: {row.note}" for row in rows)
    return picture(ident, title, told, WIDTH, bottom + FOOT + (6.0 if axis.label else -8.0), *parts)


def _strip(row: Row, box: Box, axis: Axis, top: float, line_at: float | None) -> Markup:
    middle = top + 26.0
    kind = "over" if row.style == HEADING else "name strong" if row.strong else "name"
    label = element("text", shortened(row.label), x=box.left, y=top + 14.0, class_=kind)
    note = element("text", row.note, x=box.left + box.width, y=top + 14.0, class_="note end")
    parts = [element("title", f"{row.label}: {row.note}"), label, note]
    style = colour(row.style)
    if row.value is None:
        return element("g", parts)
    ticks = axis.ticks if line_at is None or axis.beyond(line_at) else sorted({*axis.ticks, line_at})
    for tick in ticks:
        x = box.x(axis, tick)
        parts.append(_line(x, middle - 7.0, x, middle + 7.0, "zero" if tick == line_at else "grid"))
    parts.append(_line(box.left, middle, box.left + box.width, middle, "strip"))
    for ends, kind in ((row.spread, "spread"), (row.interval, "interval")):
        if ends is not None:
            parts.append(_line(box.x(axis, ends[0]), middle, box.x(axis, ends[1]), middle, f"{kind} {style}"))
    beyond = axis.beyond(row.value)
    parts.append(mark(row.style, box.x(axis, row.value), middle, beyond=beyond, hollow=row.hollow))
    return element("g", parts)


def small_strip(marks: Iterable[tuple[int, float, bool]], best: Row | None, axis: Axis, *, mirrored: bool) -> Markup:
    """One line for a cell of a table, everybody on it; the cell beside it has the words."""
    box = Box(7.0, 0.0, 126.0, 20.0)

    def at(value: float) -> float:
        share = axis.share(value)
        return box.left + box.width * (1.0 - share if mirrored else share)

    def beyond(value: float) -> int:
        return -axis.beyond(value) if mirrored else axis.beyond(value)

    parts = [_line(box.left, 10.0, box.left + box.width, 10.0, "strip")]
    parts += [_line(box.left + box.width * end, 6.0, box.left + box.width * end, 14.0, "strip") for end in (0.0, 1.0)]
    parts += [
        mark(style, at(value), 10.0, beyond=beyond(value), hollow=hollow, size=0.85) for style, value, hollow in marks
    ]
    if best is not None and best.value is not None:
        if best.interval is not None:
            low, high = sorted(map(at, best.interval))
            parts.append(_line(low, 10.0, high, 10.0, f"interval {colour(best.style)}"))
        parts.append(mark(best.style, at(best.value), 10.0, beyond=beyond(best.value), size=1.2))
    return element("svg", parts, viewBox="0 0 140 20", width=140, height=20, aria_hidden="true", class_="small")


def plot(box: Box, across: Axis, up: Axis, lines: Sequence[Series], *, dodge: float = 0.0) -> Markup:
    """Lines over an axis; `up.label` stands above it. `dodge`: how far lines stand apart, to hide none."""
    parts = [element("text", up.label, x=box.left, y=box.top - 10.0, class_="sub")]
    for tick in up.ticks:
        y = box.y(up, tick)
        parts.append(_line(box.left, y, box.left + box.width, y, "grid"))
        parts.append(element("text", up.tick(tick), x=box.left - 5.0, y=y + 3.5, class_="tick end"))
    # the strong ones last: they lie on top
    for place, one in sorted(enumerate(lines), key=lambda item: (item[1].strong, item[0])):
        aside = dodge * (place - (len(lines) - 1) / 2.0)
        parts.append(_curve(box, across, up, one, aside))
    return element("g", parts)


def _curve(box: Box, across: Axis, up: Axis, one: Series, aside: float) -> Markup:
    style = colour(one.style)
    spots = [(box.x(across, point.x) + aside, box.y(up, point.y), point) for point in one.points]
    parts: list[Markup] = []
    for x, _, point in spots:
        if point.interval is not None:
            low, high = point.interval
            parts.append(_line(x, box.y(up, low), x, box.y(up, high), f"whisker {style}"))
    path = "".join(f"{'L' if place else 'M'}{number(x)} {number(y)}" for place, (x, y, _) in enumerate(spots))
    if len(spots) > 1:
        parts.append(element("path", d=path, class_=f"curve {style}{' strong' if one.strong else ''}"))
    parts += [mark(one.style, x, y, size=0.9 if one.strong else 0.7) for x, y, _ in spots]
    return element("g", parts)


def below(box: Box, across: Axis, bottom: float) -> Markup:
    """The ticks of the axis across, and what it is."""
    return together(_ticks_below(box, across, bottom))


def reliability(ident: str, title: str, style: int, bins: Sequence[Bin]) -> Markup:
    """Share that was right over the confidence that was stated, and below it how many contacts had it."""
    axis = linear(0.0, 1.0, most=5)
    across = Axis(0.0, 1.0, axis.ticks, "stated confidence")
    box, counts = Box(40.0, 22.0, 216.0, 216.0), Box(40.0, 262.0, 216.0, 44.0)
    most = max((one.n for one in bins), default=1)
    parts = [
        element("text", "share right", x=box.left, y=box.top - 8.0, class_="sub"),
        *(
            together(
                _line(box.left, box.y(axis, tick), box.left + box.width, box.y(axis, tick), "grid"),
                _line(box.x(axis, tick), box.top, box.x(axis, tick), box.top + box.height, "grid"),
                element("text", axis.tick(tick), x=box.left - 5.0, y=box.y(axis, tick) + 3.5, class_="tick end"),
            )
            for tick in axis.ticks
        ),
        _line(box.left, box.top + box.height, box.left + box.width, box.top, "honest"),
        element("text", f"contacts (most: {most})", x=counts.left, y=counts.top - 6.0, class_="sub"),
        _line(counts.left, counts.top + counts.height, counts.left + counts.width, counts.top + counts.height, "strip"),
    ]
    filled = colour(style)
    for one in bins:
        if not one.n:
            continue
        share, high = one.right / one.n, counts.height * one.n / most
        low, up = wilson(one.right, one.n)
        x = box.x(across, one.stated)
        parts += [
            _line(x, box.y(axis, low), x, box.y(axis, up), f"interval {filled}"),
            mark(style, x, box.y(axis, share)),
            element(
                "rect",
                x=box.x(across, one.low) + 1.0,
                y=counts.top + counts.height - high,
                width=max(1.0, box.width * (one.high - one.low) - 2.0),
                height=high,
                class_=f"bar {filled}",
            ),
        ]
    parts += _ticks_below(counts, across, counts.top + counts.height)
    told = "; ".join(f"stated {one.low:g} to {one.high:g}: {one.right} of {one.n} right" for one in bins if one.n)
    return picture(ident, title, told, 268.0, counts.top + counts.height + 38.0, *parts)


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a share, as if all n were independent (Wilson 1927, JASA 22:209).

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    share, room = right / n, z * z / n
    middle = (share + room / 2.0) / (1.0 + room)
    half = z * math.sqrt(share * (1.0 - share) / n + room / (4.0 * n)) / (1.0 + room)
    return max(0.0, middle - half), min(1.0, middle + half)


def _ticks_below(box: Box, axis: Axis, bottom: float) -> list[Markup]:
    parts: list[Markup] = []
    for place, tick in enumerate(axis.ticks):
        # the outermost would reach beyond the picture
        side = " start" if box.left < 30.0 and place == 0 else " middle"
        side = " end" if place and place == len(axis.ticks) - 1 and box.left < 30.0 else side
        x = box.x(axis, tick) + {" start": -6.0, " end": 6.0}.get(side, 0.0)
        parts.append(element("text", axis.tick(tick), x=x, y=bottom + 15.0, class_=f"tick{side}"))
    if axis.label:
        middle = box.left + box.width / 2.0
        parts.append(element("text", axis.label, x=middle, y=bottom + 31.0, class_="sub middle"))
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)
