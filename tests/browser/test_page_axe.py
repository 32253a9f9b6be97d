"""No view has a serious fault that axe-core finds: contrast, names, roles, order."""

import os
from contextlib import AsyncExitStack
from importlib.resources import files
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

from imu.live.page.serve import serving
from tests.browser.driving import NARROW, WIDE, browsing, says
from tests.browser.figures import NONE
from tests.browser.shown import shown_desk
from tests.browser.test_page_alone import leave

PACKAGE = "axe_playwright_python"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES = ("light", "dark")
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


class Looks:
    """At every view as it stands, light and dark; all that is serious."""

    def __init__(self, axe):
        self.found = []
        self._axe = axe

    async def look(self, view, *pages):
        for page, scheme in product(pages, SCHEMES):
            await page.emulate_media(color_scheme=scheme)
            # by the debugger: the page itself may load nothing that is not its own
            if not await page.evaluate("() => 'axe' in window"):
                await page.evaluate(self._axe)
            await page.wait_for_selector(f"html[data-theme={scheme}]")
            found = await page.evaluate(ASK, RULES)
            self.found += [(view, scheme, page.url[-6:], *one) for one in found if one[0] in SERIOUS]


async def look_at_all(looks, desk, page, mirror):
    """Each stage as it is mostly, and as it is when something is wrong."""
    session = desk.document()["session"]
    await says(page, "h1", "^Set-up$")
    await looks.look("set-up", page, mirror)
    desk.changes["session"] = {**session, "subject": "S01"}
    desk.changes["left_behind"] = [{"log": "unfinished/S01--a.rglog", "subject": "S01", "session": "a"}]
    desk.changes["placement"] = [{"sensor": "pelvis", "ok": False, "text": "is upside down"}]
    desk.changes["calibration"] = {"state": "standing", "of": "placement", "still_s": 1.2, "need_s": 3.0}
    links = desk.document()["links"]
    desk.changes["links"] = [{**links[0], "battery_pct": 7}, {**links[1], "state": "looking"}, *links[2:]]
    await says(page, ".placement", "upside down")
    await looks.look("set-up, not all well", page)
    desk.changes.clear()
    desk.stage = "recording"
    await says(page, "h1", "^Recording$")
    await looks.look("live", page, mirror)
    for button in ("Help", "Note", "Change the belt speed", "End recording"):
        await page.get_by_role("button", name=button).click()
        await page.get_by_role("dialog").wait_for()
        await looks.look(button, page)
        await leave(page)
    desk.tell(event="warning", text="a stumble, left foot? (advisory: it may be none)")
    for one, place in ((page, ".cue-said"), (mirror, ".cue")):
        # it stands for three seconds
        desk.tell(event="cue", metric="drop", say="right: keep the hips level", tone="high", foot="right")
        await says(one, place, "hips level")
        await looks.look("live, cue", one)
    desk.changes["greyed"] = {"cadence_spm": "3 steps, 4 wanted", "drop_deg.left": "2 clean steps, 5 wanted"}
    desk.changes["links"] = [{**links[0], "battery_pct": 7}, {**links[1], "state": "silent"}, *links[2:]]
    desk.changes["recorder"] = {"bytes": 123456, "low": True, "problem": ""}
    await says(page, "#cadence .why", "3 steps")
    await looks.look("live, not all well", page, mirror)
    desk.changes["figures"] = {**desk.document()["figures"], "age_s": 5.0}
    await says(page, "#cadence .number", f"^{NONE}$")
    await looks.look("live, nothing known", page, mirror)
    desk.changes.clear()
    desk.stage = "ended"
    await says(page, "h1", "^Session S01")
    await looks.look("end", page, mirror)


@pytest.mark.parametrize("window", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_view_has_a_serious_fault(run, tmp_path, chromium, axe, window):
    looks, options = Looks(axe), {"viewport": window, "reduced_motion": "reduce"}

    async def main():
        async with browsing(chromium) as browser:
            async with AsyncExitStack() as serve:
                desk = await shown_desk(tmp_path)
                address, _ = await serve.enter_async_context(serving(desk, port=0))
                page = await browser.open(address.url, **options)
                mirror = await browser.open(f"{address.url}mirror", **options)
                await look_at_all(looks, desk, page, mirror)
            for one in (page, mirror):
                await says(one, "#banner", "No connection")
            await looks.look("no connection", page, mirror)
            browser.check(server_was_away=True)

    run(main())
    assert looks.found == []
