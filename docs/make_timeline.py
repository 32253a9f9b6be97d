"""`make picture`: docs/timeline.svg, the demo session as the pipeline measured it."""

import json
import math
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Final, NamedTuple, cast
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from imu.core.session import FEET
from imu.core.tables import Row, Value
from imu.core.units import NS_PER_S
from imu.pipeline import Pipeline
from imu.simulate import named, simulate

TARGET: Final = Path(__file__).with_name("timeline.svg")
SEED: Final = 1  # that of `imu demo`
TITLE: Final = "Simulated session: forward, backward, forward"

WIDTH, HEIGHT, MARGIN, LEFT, RIGHT = 1200.0, 536.0, 28.0, 152.0, 1176.0
LEGEND_Y, TOP, BOTTOM = 96.0, 118.0, 484.0
BAR_Y: Final = {"left": 180.0, "right": 220.0}
BAR_HEIGHT, ARROW_ABOVE, ARROW_RIGHT, FIGURES_ABOVE = 17.0, 7.5, 3.0, 10.0
DROP_TOP, DROP_BOTTOM, CADENCE_TOP, CADENCE_BOTTOM = 278.0, 366.0, 406.0, 474.0

ARROWS: Final = {
    "forward": "M-3.2-4 4 0-3.2 4z",
    "backward": "M3.2-4-4 0 3.2 4z",
    "in_place": "M-3 0a3 3 0 1 0 6 0 3 3 0 1 0-6 0z",
    "uncertain": "M0-4 4 0 0 4-4 0z",
}
# blue and vermilion of Okabe and Ito; the sides differ in lightness too, so that no kind of sight loses them
STYLE: Final = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; fill: #1f2933 }
.title { font-size: 22px } .lane, .forward, .backward { font-size: 14px } .stand, .turn { font-size: 11.5px }
.title, .lane, .figure, .forward, .backward { font-weight: 600 } .note, .scale, .stand, .turn { fill: #56616b }
.axis { stroke: #56616b } .line { stroke: #1f2933; stroke-opacity: .14 }
.middle { text-anchor: middle } .end { text-anchor: end } .card { fill: #fcfcfa; stroke: #d5d9d6 }
rect.forward { fill: #f3efe5 } rect.backward { fill: #e3ecf4 } .left { fill: #00594c } .right { fill: #c46a9e }
.toe_to_heel { fill: #0072b2 } .heel_to_toe { fill: #d55e00 } .flat, .uncertain { fill: #7d858c }
.cadence { fill: #3b4754 } text.heel_to_toe { fill: #b24e00 } text.right { fill: #a5427d }
.contact rect { fill-opacity: .7 } .pale, .contact.pale rect { fill-opacity: .35 }
"""


class Phase(NamedTuple):
    """What the person was asked to do: stand, turn, forward or backward."""

    name: str
    begin_s: float
    end_s: float

    @property
    def middle_s(self) -> float:
        return (self.begin_s + self.end_s) / 2.0

    def holds(self, t_ns: Value) -> bool:
        return self.begin_s <= seconds(t_ns) < self.end_s

    def clean(self, steps: list[Row]) -> list[Row]:
        """What means are taken over, as in summary.json."""
        return [row for row in steps if not row["quality"] and self.holds(row["t_end_ns"])]


class Measured(NamedTuple):
    """One session: the pipeline's rows, and the phases of its protocol."""

    contacts: list[Row]
    steps: list[Row]
    phases: list[Phase]
    duration_s: float

    @property
    def walks(self) -> list[Phase]:
        return [phase for phase in self.phases if phase.name in ("forward", "backward")]


class Scale(NamedTuple):
    """From a quantity to pixels."""

    domain: tuple[float, float]
    pixels: tuple[float, float]

    def __call__(self, value: float) -> float:
        share = (value - self.domain[0]) / (self.domain[1] - self.domain[0])
        return self.pixels[0] + share * (self.pixels[1] - self.pixels[0])


def measure() -> Measured:
    """Simulate the demo and analyse it, in memory."""
    person, protocol, sensors = named("demo")
    recording = simulate(person, protocol, sensors, seed=SEED)
    pipeline = Pipeline(recording.session, sensors)
    for blocks in zip(*map(recording.samples, sensors), strict=True):
        for sensor, samples in zip(sensors, blocks, strict=True):
            pipeline.push(sensor, samples)
    pipeline.flush()
    tables, phases = pipeline.tables(), list[Phase]()
    for row in recording.phases:
        asked = json.loads(str(row["value"]))
        phases.append(Phase(asked.get("direction", asked["name"]), seconds(row["t_ns"]), seconds(row["t_end_ns"])))
    return Measured(tables["contacts"], tables["steps"], phases, recording.duration_s)


def draw(session: Measured) -> str:
    """The whole picture as the text of an SVG file."""
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img")
    add(svg, "title", TITLE)
    add(svg, "style", STYLE)
    add(svg, "rect", x=0.5, y=0.5, width=WIDTH - 1.0, height=HEIGHT - 1.0, rx=10.0, class_="card")
    text(svg, MARGIN, 42.0, TITLE, "title")
    note = "Sensors on both feet and the pelvis. Every mark and every figure is measured by the pipeline, "
    text(svg, MARGIN, 66.0, note + "not taken from the simulator, which gives the phases only.", "note")
    legend(svg)
    x = Scale((0.0, session.duration_s), (LEFT, RIGHT))
    for phase in session.walks:
        begin, end = x(phase.begin_s), x(phase.end_s)
        add(svg, "rect", x=begin, y=TOP, width=end - begin, height=BOTTOM - TOP, class_=phase.name)
    for phase in session.phases:
        text(svg, x(phase.middle_s), TOP + 17.0, phase.name, f"phase {phase.name} middle")
    time_axis(svg, x)
    foot_lanes(svg, x, session)
    drop_lane(svg, x, session)
    cadence_lane(svg, x, session)
    indent(svg, " ")
    return f"{tostring(svg, 'unicode')}\n"


def legend(svg: Element) -> None:
    """What colours, arrows and paleness mean; with room for the widest of the usual fonts."""
    text(svg, MARGIN, LEGEND_Y, "Contact", "lane")
    for pattern, x in (("toe_to_heel", LEFT), ("heel_to_toe", LEFT + 112.0), ("flat", LEFT + 224.0)):
        add(svg, "rect", x=x, y=LEGEND_Y - 11.0, width=12.0, height=12.0, class_=pattern)
        text(svg, x + 18.0, LEGEND_Y, pattern.replace("_", "-") + " or uncertain" * (pattern == "flat"))
    for direction, x in (("forward", 560.0), ("backward", 644.0), ("in_place", 738.0), ("uncertain", 820.0)):
        add(svg, "path", d=ARROWS[direction], transform=f"translate({x} {LEGEND_Y - 4.5})", class_="cadence")
        text(svg, x + 10.0, LEGEND_Y, direction.replace("_", " "))
    text(svg, RIGHT, LEGEND_Y, "pale: start, stop or turn, not in the means", "note end")


def time_axis(svg: Element, x: Scale) -> None:
    add(svg, "line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="axis")
    for second in range(0, math.floor(x.domain[1]) + 1, 10):
        add(svg, "line", x1=x(second), x2=x(second), y1=BOTTOM, y2=BOTTOM + 5.0, class_="axis")
        text(svg, x(second), BOTTOM + 20.0, str(second), "scale middle")
    text(svg, (LEFT + RIGHT) / 2.0, BOTTOM + 40.0, "time, s", "scale middle")


def foot_lanes(svg: Element, x: Scale, session: Measured) -> None:
    """A bar from each contact to its release, in the colour of its pattern; above it the direction of its swing."""
    for walk in session.walks:
        found = Counter(row["pattern"] for row in session.contacts if walk.holds(row["t_contact_ns"]))
        for pattern, n in found.most_common(1):
            said = f"{n} of {found.total()} contacts {str(pattern).replace('_', '-')}"
            text(svg, x(walk.middle_s), BAR_Y["left"] - 24.0, said, f"figure {pattern} middle")
    text(svg, MARGIN, BAR_Y["right"] + 30.0, "bar: on the ground", "scale")
    for foot in FEET:
        y = BAR_Y[foot]
        text(svg, MARGIN, y + 13.0, f"{foot.capitalize()} foot", "lane")
        rows = [row for row in session.contacts if row["foot"] == foot]
        # where the release was not seen, the next contact or the end of the session bounds it
        bounds_ns = [*(row["t_contact_ns"] for row in rows[1:]), session.duration_s * NS_PER_S]
        for row, bound_ns in zip(rows, bounds_ns, strict=True):
            begin = x(seconds(row["t_contact_ns"]))
            width = x(seconds(bound_ns if row["t_release_ns"] is None else row["t_release_ns"])) - begin
            mark = add(svg, "g", class_=f"contact {row['pattern']}{paleness(row)}")
            add(mark, "rect", x=begin, y=y, width=width, height=BAR_HEIGHT)
            place = f"translate({begin + ARROW_RIGHT:.1f} {y - ARROW_ABOVE})"
            add(mark, "path", d=ARROWS[str(row["direction"])], transform=place)


def drop_lane(svg: Element, x: Scale, session: Measured) -> None:
    """A bar for each step, as wide as it took, in the colour of its stance side."""
    rows = [row for row in session.steps if row["pelvic_drop_deg"] is not None]
    most = math.ceil(max(number(row["pelvic_drop_deg"]) for row in rows) / 2.0)
    y = Scale((0.0, 2.0 * most), (DROP_BOTTOM, DROP_TOP))
    lane(svg, y, "Pelvic drop", "degrees", step=2)
    for i, side in enumerate(FEET):
        line_y = DROP_TOP + 44.0 + 18.0 * i
        add(svg, "rect", x=MARGIN, y=line_y - 10.0, width=11.0, height=11.0, class_=side)
        text(svg, MARGIN + 17.0, line_y, f"{side} stance", "scale")
    for row in rows:
        begin, end, top = x(seconds(row["t_start_ns"])), x(seconds(row["t_end_ns"])), y(number(row["pelvic_drop_deg"]))
        marked = f"drop {row['stance_foot']}{paleness(row)}"
        add(svg, "rect", x=begin, y=top, width=end - begin - 1.0, height=DROP_BOTTOM - top, class_=marked)
    for walk in session.walks:
        for side, place, anchor in (
            ("left", x(walk.middle_s) - 14.0, "end"),
            ("right", x(walk.middle_s) + 2.0, "start"),
        ):
            drops = [number(row["pelvic_drop_deg"]) for row in walk.clean(rows) if row["stance_foot"] == side]
            if drops:
                text(
                    svg, place, DROP_TOP - FIGURES_ABOVE, f"{side} mean {fmean(drops):.1f}°", f"figure {side} {anchor}"
                )


def cadence_lane(svg: Element, x: Scale, session: Measured) -> None:
    """A dot for each step, where it ends. Clean steps make the scale; what lies beyond, as in a turn, is not drawn."""
    clean = [number(row["cadence_spm"]) for walk in session.walks for row in walk.clean(session.steps)]
    least, most = 20.0 * math.floor(min(clean) / 20.0), 20.0 * math.ceil(max(clean) / 20.0)
    y = Scale((least, most), (CADENCE_BOTTOM, CADENCE_TOP))
    lane(svg, y, "Cadence", "steps/min", step=20)
    for row in session.steps:
        value = number(row["cadence_spm"])
        if not least <= value <= most:
            continue
        add(svg, "circle", cx=x(seconds(row["t_end_ns"])), cy=y(value), r=2.2, class_=f"cadence{paleness(row)}")
    for walk in session.walks:
        times = [number(row["step_time_s"]) for row in walk.clean(session.steps)]
        if times:
            mean = f"mean {60.0 / fmean(times):.0f} steps/min"
            text(svg, x(walk.middle_s), CADENCE_TOP - FIGURES_ABOVE, mean, "figure middle")


def lane(svg: Element, y: Scale, name: str, unit: str, *, step: int) -> None:
    """A lane's name, unit and grid."""
    text(svg, MARGIN, y.pixels[1] + 5.0, name, "lane")
    text(svg, MARGIN, y.pixels[1] + 22.0, unit, "scale")
    for value in range(round(y.domain[0]), round(y.domain[1]) + 1, step):
        add(svg, "line", x1=LEFT, x2=RIGHT, y1=y(value), y2=y(value), class_="line")
        text(svg, LEFT - 8.0, y(value) + 4.5, str(value), "scale end")


def text(svg: Element, x: float, y: float, said: str, kind: str = "label") -> None:
    add(svg, "text", said, x=x, y=y, class_=kind)


def add(parent: Element, tag: str, content: str | None = None, **attributes: str | float) -> Element:
    """A child element; `class_` is its class, and numbers are cut to a tenth of a pixel."""
    child = SubElement(parent, tag)
    child.text = content
    for name, value in attributes.items():
        child.set(name.rstrip("_"), value if isinstance(value, str) else f"{value:.1f}")
    return child


def paleness(row: Row) -> str:
    return " pale" if row["quality"] else ""


def number(value: Value) -> float:
    return cast("float", value)


def seconds(t_ns: Value) -> float:
    return number(t_ns) / NS_PER_S


if __name__ == "__main__":
    TARGET.write_text(draw(measure()), encoding="utf-8")
