"""The report of imu-bench in Chromium: it opens from a file, asks nobody for anything, and has no serious fault."""

import pytest

from imu_bench.report.command import write_report
from tests.bench.made_up_results import accuracy, speed, write
from tests.browser.driving import NARROW, WIDE, browsing, overflows
from tests.browser.test_page_axe import ASK, RULES, SERIOUS, axe

__all__ = ["axe"]

OPENED = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"
SMALLEST_TEXT_PX = """() => Math.min(...[...document.querySelectorAll(".panel svg[role=img] text")]
    .filter((one) => one.checkVisibility())
    .map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a))"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """With something private inside: what warns of it has to be readable too."""
    few = accuracy(private=True, data_sets=("simulated",), perturbations=("tilt-35",))
    made, _ = write_report(write(tmp_path_factory.mktemp("report"), few, speed()))
    return made.as_uri()


@pytest.mark.parametrize(
    ("window", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light")], ids=["wide", "dark", "narrow"]
)
def test_the_report_has_no_serious_fault(run, chromium, axe, report, window, scheme):
    found = []

    async def main():
        async with browsing(chromium) as browser:
            page = await browser.open(report, viewport=window, color_scheme=scheme)
            assert await overflows(page) <= 0
            await page.evaluate(OPENED)
            assert await overflows(page) <= 0
            assert await page.evaluate(SMALLEST_TEXT_PX) > 9.0
            # by the debugger: the page itself may load nothing
            await page.evaluate(axe)
            found.extend(one for one in await page.evaluate(ASK, RULES) if one[0] in SERIOUS)
            assert browser.urls == [report]
            assert browser.complaints == []

    run(main())
    assert found == []


def test_dark_is_dark_and_paper_is_white(run, chromium, report):
    paper = "() => getComputedStyle(document.documentElement).getPropertyValue('--card').trim()"

    async def main():
        async with browsing(chromium) as browser:
            page = await browser.open(report, color_scheme="dark")
            assert await page.evaluate(paper) == "#181e24"
            await page.emulate_media(color_scheme="dark", media="print")
            assert await page.evaluate(paper) == "#ffffff"
            # what is folded on a screen is there on paper, and nothing is cut off at the side
            assert await page.locator("details .scroll table").first.is_visible()
            await page.set_viewport_size({"width": 720, "height": 1000})
            assert await overflows(page) <= 0

    run(main())
