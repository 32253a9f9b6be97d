"""A person, a page, and sensors in an emulated air: from set-up to the end, and all that may happen between."""

import json
import shutil
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from imu.cli.emulate import STILL_S, emulated_desk
from imu.live.emulated import worn_by
from imu.live.page.serve import serving
from imu.reprocess import reprocess
from imu.simulate import Stand, Walk, named
from imu.store.folder import session_dir
from tests.browser.driving import NARROW, browsing, says, until, word
from tests.browser.figures import read
from tests.browser.sitting import (
    LEAD_S,
    STANDS_S,
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
from tests.browser.stored import check_caught, check_events, check_own, check_summary
from tests.web.speaking import slow_page

SEED = 1
EARLIER, EARLIER_SAID = "2026-11-14T10-00-00Z", "2026-11-14 10:00 UTC"
AGAIN = (Walk(direction="forward", seconds=24.0, speed_m_s=1.1), Stand(seconds=2.0))
"""How it ends: long enough to fall silent in between."""
TABLE = """() => [...document.querySelectorAll(".finish tr")].map(
    (row) => [...row.cells].map((cell) => cell.innerText)
)"""


def walker():
    """The person of the demo, who stands and walks for longer, and how long that takes."""
    spec = named("demo-live")
    segments = (Stand(seconds=STANDS_S), *spec.protocol.segments[: -len(AGAIN)], *AGAIN)
    spec = spec._replace(protocol=replace(spec.protocol, segments=segments))
    return spec, worn_by(spec, seed=SEED, lead_s=STILL_S).duration_s


async def sit_through(store, chromium):
    """The whole of it. Returns what was caught, what the page said of earlier and of all, and the last document."""
    spec, duration_s = walker()
    again_s = duration_s - LEAD_S - sum(part.seconds for part in AGAIN)
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(browsing(chromium))
        desk, emulation = await stack.enter_async_context(emulated_desk(spec, store, seed=SEED))
        serve = AsyncExitStack()
        address, _ = await serve.enter_async_context(serving(desk, port=0))
        sitting = Sitting(emulation, desk, address.port)
        try:
            page = await browser.open(address.url)
            await set_up(sitting, page, EARLIER)
            second = await browser.open(address.url)
            mirror = await browser.open(f"{address.url}mirror", viewport=NARROW)
            await says(mirror, ".unit", "^ready$")
            await start(sitting, page)
            await says(second, "h1", "^Recording$")
            await nobody_serves(sitting, page, serve)
            _, served = await serve.enter_async_context(serving(desk, port=sitting.port))
            for one in (page, second, mirror):
                await until(lambda one=one: is_there(one), "the page is connected again")
            stalled = await serve.enter_async_context(slow_page(sitting.port))
            await stalled.recv()
            await lose_a_sensor(sitting, page, "foot_right", 2.5)
            await walk_forward(sitting, page)
            await wait_for_a_cue(sitting, page, mirror)
            await page.keyboard.press("Space")
            await page.get_by_role("button", name="Note").click()
            await page.get_by_role("textbox", name="Note").fill("looked down")
            await page.get_by_role("button", name="Keep the note").click()
            own = await word(page, "#cadence .own")
            await sitting.catch(page, again_s)
            await sitting.at(again_s + 5.0)
            await silence(sitting, page, 6.0)
            await sitting.catch(page, duration_s - LEAD_S)
            assert (await read(second))[1] == (await read(page))[1]
            assert served.counts.lost_signals > 0
            await end(sitting, page)
            await says(second, "h1", r"^Session S01 ")
            await says(mirror, ".unit", "^done$")
            table = await page.evaluate(TABLE)
            browser.check(server_was_away=True)
        finally:
            await serve.aclose()
    return sitting.caught, own, table, desk.document()


def earlier(store, walk_folder):
    """A session that they have been measured in before; its summary."""
    folder = session_dir(store, "S01", EARLIER)
    shutil.copytree(walk_folder, folder)
    path = folder / "session.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "subject": "S01", "session": EARLIER}))
    return reprocess(folder, folder).summary


@pytest.mark.timeout(300)
def test_a_whole_session_from_the_page(hurry, tmp_path, chromium, walk_folder):
    before, seen = earlier(tmp_path, walk_folder), []

    async def main():
        seen.extend(await sit_through(tmp_path, chromium))

    hurry(main())
    caught, own, table, document = seen
    [folder] = (one for one in (tmp_path / "subject=S01").iterdir() if EARLIER not in one.name)
    assert len(caught) == 2
    for one in caught:
        check_caught(folder, *one)
    assert [one["figures"]["direction"] for one, *_ in caught] == ["backward", "forward"]
    check_own(before, EARLIER_SAID, own)
    summary = json.loads((folder / "analysis" / "summary.json").read_text())
    check_summary(summary, (EARLIER_SAID, before), table)
    check_events(folder, document)
    assert json.loads((folder / "session.json").read_text())["conditions"]["rails"] == "one hand"
