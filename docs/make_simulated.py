"""The curves and tables of docs/simulator.md, made anew from simulation; with --recorded also the recordings' figures.

Run it as `python docs/make_simulated.py`. Recordings are read only with --recorded, from IMU_DATA_DIR, and leave
nothing but the aggregate figures of docs/recorded.toml.
"""

import argparse
import os
import re
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from imu.cli.simulate import write_recording
from imu.cli.terminal import percent_text
from imu.core.samples import Floats
from imu.reprocess import analyse
from imu_bench.likeness import command as likeness
from imu_bench.likeness.conditions import COMFORTABLE_M_S, CONDITIONS, comfortable, write_condition
from imu_bench.likeness.features import FEATURES
from imu_bench.likeness.groups import Group, Likeness
from imu_bench.likeness.plot import GRID_PCT, PANELS
from imu_bench.likeness.ranges import SHIPPED, Range, check, load_ranges
from imu_bench.likeness.report import told
from imu_bench.predictions import PREDICTED
from imu_bench.scoring.figures import figures_of
from imu_bench.scoring.score import known, partial_truth, scored
from imu_bench.scoring.tallies import ALL, UNKNOWN, Scored
from imu_bench.truth import SIMULATED, source_of

HERE: Final = Path(__file__).parent
PAGE: Final = HERE / "simulator.md"
PICTURE: Final = HERE / "simulated-strides.svg"
RECORDED: Final = HERE / "recorded.toml"
SEEDS: Final = (1, 2, 3)
KEPT: Final = {
    "contacts": "contacts",
    "f1": "f1_50ms",
    "bias_ms": "timing_bias_ms",
    "scatter_ms": "timing_sd_ms",
    "direction_right": "direction_right",
    "pattern_right": "pattern_right",
    "pelvic_drop_rmse_deg": "pelvic_drop_rmse_deg",
}
"""What the page calls them, and the bench."""
WALKINGS: Final = {"forward": "forward", "backward": "backward", UNKNOWN: "turns and closing steps"}

Figures = Mapping[str, Any]


class Placed(NamedTuple):
    """Where a range is drawn: in which panel, at which figure's place on the time axis, and with which sign."""

    panel: int
    at: str | float
    sign: float = 1.0


PLACES: Final[Mapping[str, Placed]] = {
    "contact_pitch_deg": Placed(0, 0.0),
    "release_pitch_deg": Placed(0, "stance_fraction"),
    "toes_down_peak_rad_s": Placed(1, "toes_down_peak_pct"),
    "toes_up_peak_rad_s": Placed(1, "toes_up_peak_pct", -1.0),
    "contact_acc_m_s2": Placed(2, 3.0),
}
SHOWN: Final = (0, 1, 2, 3, 4, 6)
"""Which panels of the bench's pages."""
SINGLE: Final = 5
"""Strides that are drawn one by one, spread over all."""
WIDTH, MARGIN, LEFT, PANEL_WIDTH, GAP = 1000.0, 24.0, 128.0, 408.0, 28.0
TOP, ROW, PANEL_HEIGHT, FOOT = 96.0, 132.0, 112.0, 64.0
TICKS: Final = 5
STYLE: Final = """
text { font: 12px system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; fill: #1f2933 }
.title { font-size: 20px; font-weight: 600 } .head, .lane { font-weight: 600; font-size: 13px }
.note, .scale { fill: #56616b } .middle { text-anchor: middle } .end { text-anchor: end }
.card { fill: #fcfcfa; stroke: #d5d9d6 } .panel { fill: #fff; stroke: #c9cdca } .stance { fill: #eceae2 }
.line { stroke: #1f2933; stroke-opacity: .1 } .contact { stroke: #56616b }
.band { fill: #0072b2; fill-opacity: .22 }
.stride { fill: none; stroke: #0072b2; stroke-width: .7; stroke-opacity: .75 }
.median { fill: none; stroke: #111; stroke-width: 1.7 } .range { stroke: #d55e00; stroke-width: 2.4; fill: none }
"""


def walked() -> Likeness:
    """The strides of a usual person at comfortable speed."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            recording = comfortable(seed)
            write_recording(Path(folder) / recording.session.session, recording, recording.session)
        return likeness.measure([folder])


def simulated(*, exact: bool = True) -> dict[str, dict[str, Figures]]:
    """What the scorer says of simulated sessions, by source and walking."""
    with tempfile.TemporaryDirectory() as folder:
        for source in CONDITIONS:
            write_condition(source, Path(folder), exact=exact)
        return measured(sorted(Path(folder).iterdir()))


def measured(folders: Iterable[Path]) -> dict[str, dict[str, Figures]]:
    """The few figures of the detector that the page shows, by source and walking; what has no truth is left out."""
    groups: defaultdict[str, list[Scored]] = defaultdict(list)
    for folder in folders:
        source = folder.name.partition("-")[0]
        one = known(folder, partial=partial_truth(source))
        if one is not None:
            found = analyse(folder, one.session).tables()
            groups[source_of(one.session).removeprefix(SIMULATED)].append(scored(one, found))
    return {source: kept(sessions) for source, sessions in groups.items()}


def kept(sessions: Sequence[Scored]) -> dict[str, Figures]:
    """Figures of one source, by walking."""
    found = figures_of(sessions, sought=PREDICTED, seed=1, resamples=0)["walking"]
    return {
        walking: {
            name: round(figures[key]["value"], 4) for name, key in KEPT.items() if figures[key]["value"] is not None
        }
        for walking, figures in found.items()
        if walking != ALL
    }


def ranges_table(ranges: Sequence[Range], figures: Figures) -> str:
    """Each range beside what is simulated; those of one figure stand together."""
    lines = ["| figure | walking | simulated | range | source of the range |", "| --- | --- | ---: | ---: | --- |"]
    before = ""
    for one in ranges:
        name, spread = one.feature, figures[one.direction]["features"][one.feature]
        [checked] = check([one], {"simulated": figures})
        median = told(spread["median"], name)
        cell = median if checked["inside"] else f"**{median}, outside**"
        between = f"{told(spread['p5'], name)} to {told(spread['p95'], name)}"
        figure = "" if name == before else _figure(name)
        lines.append(
            f"| {figure} | {one.direction} | {cell} [{between}] | {one.low:g} to {one.high:g} | {one.source} |"
        )
        before = name
    return "\n".join(lines)


def _figure(name: str) -> str:
    """What a figure is; an upright stroke would end the cell."""
    return FEATURES[name].said.replace("|", "\\|")


def scores_table(recorded: Figures, exact: Figures, labelled: Figures) -> str:
    """The recordings' figures, and below each what is simulated in the same condition: with truth as it is, and with
    labels that err as those of the recording do.
    """
    head = ("condition", "walking", "", "contacts", "F1 within 50 ms", "bias, ms", "scatter (sd), ms")
    head = (*head, "direction right", "pattern right", "pelvic drop rmse, deg")
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * 3 + ['---:'] * 7)} |"]
    for source, condition in CONDITIONS.items():
        for walking, said in WALKINGS.items():
            if walking not in recorded[source] or walking not in exact[source]:
                continue
            what = f"{source} ({recorded[source]['sensors']})"
            lines.append(f"| {what} | {said} | recorded | {_scores(recorded[source][walking])} |")
            if condition.label_sd_s:
                lines.append(f"| | | simulated, labels err | {_scores(labelled[source][walking])} |")
            lines.append(f"| {condition.said} | | simulated, exact | {_scores(exact[source][walking])} |")
    return "\n".join(lines)


def _scores(figures: Figures) -> str:
    texts: dict[str, Callable[[float], str]] = {
        "contacts": str,
        "f1": "{:.3f}".format,
        "bias_ms": "{:.0f}".format,
        "scatter_ms": "{:.0f}".format,
        "direction_right": percent_text,
        "pattern_right": percent_text,
        "pelvic_drop_rmse_deg": "{:.2f}".format,
    }
    return " | ".join(text(figures[name]) if name in figures else "-" for name, text in texts.items())


def filled(page: str, name: str, table: str) -> str:
    """The page with what stands between its marks of that name replaced."""
    begin, end = f"<!-- {name}: made by docs/make_simulated.py -->", f"<!-- end of {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"{PAGE.name} has no marks {begin} and {end}, or more than one; want one of each")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"


def draw(strides: Likeness, ranges: Sequence[Range]) -> str:
    """The picture as the text of an SVG file."""
    [source] = {source for source, _ in strides.groups}
    height = TOP + ROW * len(SHOWN) + FOOT
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH:g} {height:g}", role="img")
    title = "Simulated strides, and the ranges of real ones"
    add(svg, "title", title)
    add(svg, "style", STYLE)
    add(svg, "rect", x=0.5, y=0.5, width=WIDTH - 1.0, height=height - 1.0, rx=10.0, class_="card")
    add(svg, "text", title, x=MARGIN, y=38.0, class_="title")
    columns = [(walking, strides.groups[source, walking]) for walking in COMFORTABLE_M_S]
    for column, (walking, group) in enumerate(columns):
        said = f"{walking}, {COMFORTABLE_M_S[walking]:g} m/s: {len(group.feet)} strides"
        add(svg, "text", said, x=_left(column) + PANEL_WIDTH / 2.0, y=TOP - 14.0, class_="head middle")
    for row, panel in enumerate(SHOWN):
        drawn = [_drawn(PANELS[panel].curves(group)) for _, group in columns]
        y = TOP + ROW * row
        name, unit = PANELS[panel].label.replace(", ", ",\n", 1).split("\n", 1)
        add(svg, "text", name.rstrip(","), x=MARGIN, y=y + 14.0, class_="lane")
        for line, said in enumerate(unit.split("\n")):
            add(svg, "text", said, x=MARGIN, y=y + 32.0 + 16.0 * line, class_="scale")
        bars = [list(_bars(panel, walking, group, ranges)) for walking, group in columns]
        scale = _scale(drawn, bars)
        for column, (_, group) in enumerate(columns):
            _panel(svg, _left(column), y, scale, drawn[column], bars[column], _release_pct(group))
            if column == 0:
                for value in scale.ticks:
                    add(svg, "text", f"{value:g}", x=LEFT - 6.0, y=scale.y(y, value) + 4.0, class_="scale end")
            if row == len(SHOWN) - 1:
                for pct in range(0, 101, 20):
                    add(svg, "text", str(pct), x=_x(column, pct), y=y + PANEL_HEIGHT + 15.0, class_="scale middle")
                place = _left(column) + PANEL_WIDTH / 2.0
                add(
                    svg,
                    "text",
                    "% of the stride, from contact",
                    x=place,
                    y=y + PANEL_HEIGHT + 31.0,
                    class_="scale middle",
                )
    _legend(svg, height - 20.0)
    indent(svg, " ")
    return f"{tostring(svg, 'unicode')}\n"


class Drawn(NamedTuple):
    """What is drawn of many curves, each (len(GRID_PCT),): 5th, 50th and 95th percentile, and some single ones."""

    band: Floats
    single: Floats


def _drawn(curves: Sequence[Floats]) -> Drawn:
    held = np.array(curves)
    whole = held[~np.isnan(held).any(axis=1)]
    single = whole[:: max(1, len(whole) // SINGLE)][:SINGLE]
    return Drawn(np.nanquantile(held, (0.05, 0.5, 0.95), axis=0), single)


class Scale(NamedTuple):
    """From a panel's quantity to its height."""

    low: float
    high: float
    ticks: Sequence[float]

    def y(self, top: float, value: float) -> float:
        return top + PANEL_HEIGHT * (self.high - value) / (self.high - self.low)


def _scale(drawn: Sequence[Drawn], bars: Sequence[Sequence["Bar"]]) -> Scale:
    ends = [end for column in bars for bar in column for end in (bar.low, bar.high)]
    lines = [line for one in drawn for line in (*one.band, *one.single)]
    low = min([float(np.nanmin(line)) for line in lines] + ends)
    high = max([float(np.nanmax(line)) for line in lines] + ends)
    step = next(s for s in (1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0) if (high - low) / s <= TICKS)
    ticks = [step * k for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]
    room = 0.04 * (high - low)
    return Scale(low - room, high + room, ticks)


class Bar(NamedTuple):
    """A range upright at its place."""

    pct: float
    low: float
    high: float
    said: str


def _bars(panel: int, walking: str, group: Group, ranges: Sequence[Range]) -> Iterator[Bar]:
    figures = group.figures()["features"]
    for one in ranges:
        placed = PLACES.get(one.feature)
        if placed is None or placed.panel != panel or one.direction != walking:
            continue
        pct = placed.at if isinstance(placed.at, float) else figures[placed.at]["median"]
        pct *= 100.0 if placed.at == "stance_fraction" else 1.0
        low, high = sorted((placed.sign * one.low, placed.sign * one.high))
        yield Bar(pct, low, high, f"{one.feature} {one.low:g} to {one.high:g}")


def _panel(
    svg: Element, left: float, top: float, scale: Scale, drawn: Drawn, bars: Sequence[Bar], release_pct: float
) -> None:
    def x(pct: float) -> float:
        return left + PANEL_WIDTH * (pct - GRID_PCT[0]) / (GRID_PCT[-1] - GRID_PCT[0])

    def points(values: Floats) -> str:
        return " ".join(
            f"{x(pct):.1f},{scale.y(top, value):.1f}" for pct, value in zip(GRID_PCT[::2], values[::2], strict=True)
        )

    add(svg, "rect", x=left, y=top, width=PANEL_WIDTH, height=PANEL_HEIGHT, class_="panel")
    add(svg, "rect", x=x(0.0), y=top, width=x(release_pct) - x(0.0), height=PANEL_HEIGHT, class_="stance")
    for value in scale.ticks:
        add(svg, "line", x1=left, x2=left + PANEL_WIDTH, y1=scale.y(top, value), y2=scale.y(top, value), class_="line")
    for contact in (0.0, 100.0):
        add(svg, "line", x1=x(contact), x2=x(contact), y1=top, y2=top + PANEL_HEIGHT, class_="contact")
    low, middle, high = drawn.band
    back = " ".join(reversed(points(low).split(" ")))
    add(svg, "polygon", points=f"{points(high)} {back}", class_="band")
    for curve in drawn.single:
        add(svg, "polyline", points=points(curve), class_="stride")
    add(svg, "polyline", points=points(middle), class_="median")
    for bar in bars:
        at, y1, y2 = x(bar.pct), scale.y(top, bar.high), scale.y(top, bar.low)
        mark = add(svg, "path", d=f"M{at - 4:.1f} {y1:.1f}h8m-4 0V{y2:.1f}m-4 0h8", class_="range")
        add(mark, "title", bar.said)


def _legend(svg: Element, y: float) -> None:
    entries = (("stride", "one stride"), ("median", "median"), ("range", "range of real ones, see the table"))
    x = LEFT
    for kind, said in entries:
        add(svg, "line", x1=x, x2=x + 24.0, y1=y - 4.0, y2=y - 4.0, class_=kind)
        add(svg, "text", said, x=x + 30.0, y=y)
        x += 60.0 + 7.0 * len(said)
    for kind, said in (("band", "5 to 95 %"), ("stance", "stance")):
        add(svg, "rect", x=x, y=y - 11.0, width=24.0, height=13.0, class_=kind)
        add(svg, "text", said, x=x + 30.0, y=y)
        x += 60.0 + 7.0 * len(said)


def _left(column: int) -> float:
    return LEFT + column * (PANEL_WIDTH + GAP)


def _x(column: int, pct: float) -> float:
    return _left(column) + PANEL_WIDTH * (pct - GRID_PCT[0]) / (GRID_PCT[-1] - GRID_PCT[0])


def _release_pct(group: Group) -> float:
    return 100.0 * float(group.figures()["features"]["stance_fraction"]["median"])


def add(parent: Element, tag: str, content: str | None = None, **attributes: str | float) -> Element:
    """A child element; `class_` is its class, and numbers are cut to a tenth of a pixel."""
    child = SubElement(parent, tag)
    child.text = content
    for name, value in attributes.items():
        child.set(name.rstrip("_"), value if isinstance(value, str) else f"{value:.1f}")
    return child


def record(sessions: Path, file: Path) -> None:
    """Measure the recordings that may be named, and put their aggregate figures into the file; citations stay."""
    held = tomllib.loads(file.read_text("utf-8"))
    found = measured(folder for source in held for folder in sorted(sessions.glob(f"{source}-*")))
    if found.keys() != held.keys():
        absent = ", ".join(sorted(held.keys() - found.keys()))
        raise SystemExit(f"{sessions} has no recordings of {absent}; want all in {file.name} (see IMU_DATA_DIR)")
    lines = re.match(r"(#.*\n)*", file.read_text("utf-8"))
    text = lines.group() if lines else ""
    for source, said in held.items():
        text += f"\n[{source}]\nsensors = {_quoted(said['sensors'])}\ncitation = {_quoted(said['citation'])}\n"
        for walking, figures in found[source].items():
            rows = "".join(f"{name} = {value}\n" for name, value in figures.items())
            text += f"\n[{source}.{walking}]\n{rows}"
    file.write_text(text, encoding="utf-8")


def _quoted(said: str) -> str:
    escaped = said.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--recorded", action="store_true", help="measure the recordings in IMU_DATA_DIR anew, too")
    if parser.parse_args().recorded:
        data = Path(os.environ.get("IMU_DATA_DIR") or HERE.parent.parent / "shared" / "data")
        record(data / "sessions", RECORDED)
    strides, ranges = walked(), load_ranges(SHIPPED)
    [figures] = strides.figures()["groups"].values()
    page = filled(PAGE.read_text("utf-8"), "ranges", ranges_table(ranges, figures))
    recorded = tomllib.loads(RECORDED.read_text("utf-8"))
    page = filled(page, "scores", scores_table(recorded, simulated(), simulated(exact=False)))
    PAGE.write_text(page, encoding="utf-8")
    PICTURE.write_text(draw(strides, ranges), encoding="utf-8")


if __name__ == "__main__":
    main()
