"""`imu-bench report`: accuracy.json and speed.json as one page that opens anywhere, and one Markdown table.

The page is a function of the two files: the same bytes in, the same bytes out. It asks nothing of any network.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

from imu.core.errors import CannotWrite
from imu_bench.defaults import OUT
from imu_bench.report.data import again, data_cards, detector_table, failures, reading
from imu_bench.report.glance import glance, head
from imu_bench.report.html import Page
from imu_bench.report.judge import Judge
from imu_bench.report.markdown import markdown
from imu_bench.report.markup import Markup, element, together
from imu_bench.report.perturbed import perturbed
from imu_bench.report.results import Document, Results, read_results, read_speed
from imu_bench.report.scores import scores
from imu_bench.report.speed import speed
from imu_bench.report.topics import calibration, latency, pelvis, quiet

EXAMPLES: Final = """\
examples:
  imu-bench report                      report.html and report.md in imu-bench-out
  imu-bench report --to docs/benchmark

The page opens without a network. Data sets that may not be shown are left out, unless the run was --private.
"""
HTML: Final = "report.html"
MARKDOWN: Final = "report.md"
PRIVATE: Final = "private"
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Whatever a citation says, the page loads nothing."""
STYLES: Final = ("page.css", "parts.css", "media.css")
CONTENTS: Final = (
    ("best", "Best"),
    ("data", "Data"),
    ("detectors", "Detectors"),
    ("results", "Results"),
    ("latency", "Latency"),
    ("worse", "Worse signals"),
    ("confidence", "Confidence"),
    ("pelvis", "Pelvis"),
    ("quiet", "False contacts"),
    ("speed", "Speed"),
    ("failures", "Failures"),
    ("reading", "How to read"),
    ("again", "Again"),
)


def write_report(out: Path, *, to: Path | None = None) -> list[Path]:
    """Make report.html and report.md of accuracy.json, and of speed.json where there is one.

    Data sets that may not be shown are left out, unless accuracy.json says `private: true`; then both say so at their
    top.

    Args:
        out: the folder that holds both files.
        to: where the report goes; None = there as well.

    Raises:
        BadResults: a file that is not there, or is another one.
        CannotWrite: with the system's reason.
    """
    results = shown(read_results(out))
    made = {HTML: page(results, read_speed(out)), MARKDOWN: markdown(results)}
    folder = out if to is None else to
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / name for name in made]
        for path, text in zip(paths, made.values(), strict=True):
            path.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise CannotWrite(f"{folder} takes no report: {error.strerror or error}") from None
    return paths


def shown(results: Results) -> Results:
    """Without what may not be shown, unless the whole file is private; and without who is left with nothing."""
    if results.private:
        return results
    data = {name: one for name, one in results.data.items() if one.figures != PRIVATE}
    scenarios = {name: one for name, one in results.scenarios.items() if one.data in data}
    there = {name for one in scenarios.values() for name in one.detectors}
    detectors = {name: one for name, one in results.detectors.items() if name in there}
    asked = results.asked
    if asked is not None:
        # nor is it named in the command
        asked = replace(asked, scenarios=[one for one in asked.scenarios if one.partition("/")[0] in data])
    return replace(results, data=data, scenarios=scenarios, detectors=detectors, asked=asked)


def page(results: Results, speeds: Document | None = None) -> str:
    """The whole page."""
    made = Page(Judge(results))
    body = element(
        "body",
        element("a", "To the results", href="#best", class_="skip"),
        head(results),
        element(
            "nav",
            element("ul", [element("li", element("a", title, href=f"#{ident}")) for ident, title in CONTENTS]),
            aria_label="Contents",
        ),
        element(
            "main",
            glance(made),
            data_cards(made),
            detector_table(made),
            scores(made),
            latency(made),
            perturbed(made),
            calibration(made),
            pelvis(made),
            quiet(made),
            speed(made, speeds),
            failures(made),
            reading(made),
            again(made),
        ),
    )
    style = Markup("\n".join((files("imu_bench.report") / name).read_text("utf-8") for name in STYLES))
    top = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name_="color-scheme", content="light dark"),
        element("title", "Retrogait benchmark"),
        element("style", style),
    )
    return f"<!DOCTYPE html>\n{element('html', together(top, body), lang='en')}\n"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `imu-bench report`."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--out",
        type=Path,
        default=OUT,
        metavar="OUT",
        help=f"the folder that holds accuracy.json, and speed.json where there is one (default {OUT})",
    )
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where the report goes (default: OUT)")


def run(args: argparse.Namespace) -> int:
    """Write the report, and tell where it lies."""
    paths: Sequence[Path] = write_report(args.out, to=args.to)
    sys.stdout.writelines(f"{path}\n" for path in paths)
    return 0
