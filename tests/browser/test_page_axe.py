"""No view has a serious fault that axe-core finds: contrast, names, roles, order."""

import os
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser.driving import NARROW, WIDE, says
from tests.browser.shown import STAGES
from tests.browser.test_page_alone import at_the_page

PACKAGE = "axe_playwright_python"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERIOUS = {"serious", "critical"}
ASK = """async (rules) => {
    const { violations, passes } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
    if (passes.length < 10) throw new Error(`axe-core saw next to nothing: ${passes.map(({ id }) => id)}`);
    return violations.map(({ id, impact, nodes }) => [impact, id, nodes.map((one) => one.html.slice(0, 120))]);
}"""


@pytest.fixture(scope="session")
def axe():
    """axe-core, which is not part of the repository."""
    named = os.environ.get("RETROGAIT_AXE")
    if named:
        return Path(named).read_text("utf-8")
    if find_spec(PACKAGE) is None:
        pytest.skip("no axe-core; install axe-playwright-python, or name an axe.min.js in RETROGAIT_AXE")
    return (files(PACKAGE) / "axe.min.js").read_text("utf-8")


async def faults(page, axe, view):
    """Of a view as it stands, all that is serious."""
    # by the debugger: the page itself may load nothing that is not its own
    await page.evaluate(axe)
    found = await page.evaluate(ASK, RULES)
    return [(view, *one) for one in found if one[0] in SERIOUS]


@pytest.mark.parametrize(("scheme", "window"), [("light", WIDE), ("dark", NARROW)], ids=["light", "dark"])
def test_no_view_has_a_serious_fault(run, tmp_path, chromium, axe, scheme, window):
    async def main():
        found, options = [], {"color_scheme": scheme, "viewport": window, "reduced_motion": "reduce"}
        async with at_the_page(chromium, tmp_path, "setup", **options) as (desk, page, browser):
            mirror = await browser.open(f"{page.url}mirror", **options)
            for stage, title in zip(STAGES, ("Set-up", "Recording", "Session S01"), strict=True):
                desk.stage = stage
                await says(page, "h1", f"^{title}")
                found += await faults(page, axe, stage)
                found += await faults(mirror, axe, f"mirror, {stage}")
                if stage != "recording":
                    continue
                desk.tell(event="warning", text="a stumble, left foot? (advisory: it may be none)")
                desk.tell(event="cue", metric="drop", say="right: keep the hips level", tone="high", foot="right")
                await says(page, ".cue-said", "hips level")
                found += await faults(page, axe, "cue")
                found += await faults(mirror, axe, "mirror, cue")
                for button in ("Help", "Note", "Change the belt speed", "End recording"):
                    await page.get_by_role("button", name=button).click()
                    found += await faults(page, axe, button)
                    await page.keyboard.press("Escape")
            browser.check()
        assert found == []

    run(main())
