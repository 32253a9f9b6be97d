"""A person, a page, and sensors in an emulated air: from set-up to the end, and all that may happen between."""

import json
from contextlib import AsyncExitStack

import pytest

from imu.cli.emulate import worn_of
from imu.live.desk.desk import Desk, Given
from imu.live.emulated import Emulation, worn_by
from imu.live.page.serve import serving
from imu.live.radio import open_radio
from imu.simulate import named
from tests.browser.driving import NARROW, browsing, says, until
from tests.browser.figures import MARKS
from tests.browser.sitting import (
    LEAD_S,
    Sitting,
    end,
    is_there,
    lose_a_sensor,
    nobody_serves,
    set_up,
    silence,
    start,
    wait_for_a_cue,
    walk_forward,
)
from tests.browser.stored import check_caught, check_events, check_summary
from tests.web.speaking import slow_page

SEED = 1
AGAIN_S = 17.0
"""From the last walk's begin to the end of the demo: forward, and 2 s of standing."""
TABLE = """() => [...document.querySelectorAll(".finish tr")].map(
    (row) => [...row.cells].map((cell) => cell.innerText)
)"""


async def sit_through(store, chromium):
    """The whole of it. Returns what was caught, what the page got, and the desk's last document."""
    recording = worn_by(named("demo-live"), seed=SEED, lead_s=LEAD_S)
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(browsing(chromium))
        emulation = await stack.enter_async_context(Emulation(recording))
        given = Given(worn=worn_of(recording, emulation.worn), document={"source": "simulated"}, simulated=True)
        central = await stack.enter_async_context(open_radio(emulation.transport, None))
        desk = await stack.enter_async_context(Desk(central, store, given))
        serve = AsyncExitStack()
        address, _ = await serve.enter_async_context(serving(desk, port=0))
        sitting = Sitting(emulation, desk, address.port)
        try:
            page = await browser.open(address.url)
            await set_up(sitting, page)
            second = await browser.open(address.url)
            mirror = await browser.open(f"{address.url}mirror", viewport=NARROW)
            await says(mirror, ".unit", "^ready$")
            await start(sitting, page)
            await says(second, "h1", "^Recording$")
            await walk_forward(sitting, page)
            await nobody_serves(sitting, page, serve)
            _, served = await serve.enter_async_context(serving(desk, port=sitting.port))
            await until(lambda: is_there(page), "the page is connected again")
            stalled = await serve.enter_async_context(slow_page(sitting.port))
            await stalled.recv()
            await lose_a_sensor(sitting, page, "foot_right", 2.5)
            await wait_for_a_cue(sitting, page, mirror)
            await page.keyboard.press("Space")
            await page.get_by_role("button", name="Note").click()
            await page.get_by_role("textbox", name="Note").fill("looked down")
            await page.get_by_role("button", name="Keep the note").click()
            await sitting.at(recording.duration_s - LEAD_S - AGAIN_S - 5.0)
            await sitting.catch(page, recording.duration_s - LEAD_S - AGAIN_S)
            await sitting.at(recording.duration_s - LEAD_S - AGAIN_S + 4.0)
            await silence(sitting, page, 4.0)
            await sitting.at(recording.duration_s - LEAD_S - 4.0)
            await sitting.catch(page, recording.duration_s - LEAD_S)
            same = await second.evaluate(MARKS)
            assert same == await page.evaluate(MARKS)
            assert served.counts.lost_signals > 0
            await end(sitting, page)
            await says(second, "h1", r"^Session S01 ")
            await says(mirror, ".unit", "^done$")
            table = await page.evaluate(TABLE)
            browser.check(server_was_away=True)
        finally:
            await serve.aclose()
    return sitting.caught, table, desk.document()


@pytest.mark.timeout(180)
def test_a_whole_session_from_the_page(run, tmp_path, chromium):
    caught, table, document = [], [], {}

    async def main():
        found = await sit_through(tmp_path, chromium)
        caught.extend(found[0])
        table.extend(found[1])
        document.update(found[2])

    run(main())
    [folder] = (tmp_path / "subject=S01").iterdir()
    assert len(caught) == 2
    for one in caught:
        check_caught(folder, *one)
    assert [one["figures"]["direction"] for one, *_ in caught] == ["backward", "forward"]
    check_summary(json.loads((folder / "analysis" / "summary.json").read_text()), table)
    check_events(folder, document)
    assert json.loads((folder / "session.json").read_text())["conditions"]["rails"] == "one hand"
