"""What the page does of itself, before a desk that shows what a test wants: age, loss, keys, width, words."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from imu.core.session import FEET
from imu.live.page.serve import serving
from tests.browser.driving import NARROW, WIDE, browsing, overflows, says, stood, until, watch, word
from tests.browser.shown import ROOT, STAGES, shown_desk

NONE = "\u2013"
STARTED_S = 60.0
SAID_S = 2.0
"""A page that has lost its server says so within so many seconds..."""
BUSY_S = 0.5
"""...and a busy machine lets it look a little late."""
NUMBERS = ("#cadence .number", *(f"#{card}-{foot} .number" for card in ("toes", "drop") for foot in FEET))


async def numbers(page):
    return [await word(page, selector) for selector in NUMBERS]


async def blank(page):
    return set(await numbers(page)) == {NONE}


async def full(page):
    return NONE not in await numbers(page) and "" not in await numbers(page)


@asynccontextmanager
async def at_the_page(chromium, store, stage, **options):
    """(desk, page, browser); a window more is opened with the same options."""
    desk = await shown_desk(store)
    desk.stage = stage
    async with serving(desk, port=0) as (address, _), browsing(chromium) as browser:
        page = await browser.open(address.url, **options)
        await until(lambda: connected(page), "connected")
        yield desk, page, browser


async def connected(page):
    return await word(page, "#banner") == "" and await word(page, "main") not in ("", "Connecting to the program.")


@asynccontextmanager
async def program(port):
    """The page served by a process of its own: (process, port)."""
    words = ("-m", "tests.browser.shown", str(port))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(STARTED_S):
            port = int(await process.stdout.readline())
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        # or its pipe is closed when nobody looks any more
        process._transport.close()


def test_a_server_that_hangs_or_is_killed_is_announced_and_no_figure_is_left(run, chromium):
    async def main():
        async with browsing(chromium) as browser:
            async with program(0) as (process, port):
                page = await browser.open(f"http://127.0.0.1:{port}/")
                await until(lambda: full(page), "figures")
                for how, within_s in ((signal.SIGSTOP, SAID_S + BUSY_S), (signal.SIGKILL, SAID_S)):
                    assert await word(page, "#banner") == ""
                    for place in ("#banner", NUMBERS[0]):
                        await watch(page, place)
                    before_ms = await page.evaluate("() => performance.now()")
                    os.kill(process.pid, how)
                    await until(lambda: not_connected(page), f"told after {how.name}")
                    assert await blank(page)
                    # by the page's own clock: whoever asks it may be late
                    said_ms = await stood(page, "#banner", "what you see is old")
                    gone_ms = await stood(page, NUMBERS[0], f"^{NONE}$")
                    assert max(said_ms, gone_ms) - before_ms < 1000.0 * within_s, how.name
                    assert NONE in await word(page, ".phase .time")
                    assert {text[-9:] for text in await page.locator(".links li").all_inner_texts()} == {"not known"}
                    if how == signal.SIGSTOP:
                        os.kill(process.pid, signal.SIGCONT)
                        await until(lambda: connected(page), "it goes on")
            async with program(port):
                await until(lambda: full(page), "the next one is found")
            browser.check(server_was_away=True)

    run(main())


async def not_connected(page):
    return "what you see is old" in await word(page, "#banner")


def test_a_figure_that_nobody_renews_is_taken_down(run, tmp_path, chromium):
    async def main():
        async with at_the_page(chromium, tmp_path, "recording") as (desk, page, browser):
            mirror = await browser.open(f"{page.url}mirror")
            figures = desk.document()["figures"]
            desk.changes["figures"] = {**figures, "age_s": 0.9}
            await until(lambda: full(page), "figures")
            await says(mirror, ".number", r"^\d+\.\d\u00b0$")
            desk.changes["figures"] = {**figures, "age_s": 2.1}
            await until(lambda: blank(page), "blank")
            await says(mirror, ".number", f"^{NONE}$")
            # the server is there all the time, and what it says is true: it just is of no use any more
            assert await word(page, "#banner") == ""
            assert await word(page, "#cadence .why") == "no sensor is heard"
            desk.changes["figures"] = {**figures, "age_s": 0.0}
            await until(lambda: full(page), "figures again")
            # steps may be old while sensors are heard: the desk takes those down, and says why
            gone = {"cadence_spm": None, "toes": {}, "drop_deg": {}}
            desk.changes["figures"] = {**figures, **gone, "age_s": 0.2}
            desk.changes["greyed"] = {"cadence_spm": "no step for 4 s", "drop_deg.left": "no step for 5 s"}
            await until(lambda: blank(page), "blank at once")
            await says(page, "#cadence .why", "^no step for 4 s$")
            await says(page, "#drop-left .why", "^no step for 5 s$")
            browser.check()

    run(main())


def test_a_mistake_of_the_program_takes_down_what_it_can_no_longer_tell(run, tmp_path, chromium):
    async def sitting():
        async with at_the_page(chromium, tmp_path, "recording") as (desk, page, browser):
            await until(lambda: full(page), "figures")
            # JSON has no such number
            desk.changes["heart_bpm"] = float("nan")
            await says(page, "#banner", "^A mistake of this program: what you see is old")
            await until(lambda: blank(page), "blank")
            assert await word(page, "#cadence .why") == "a mistake of this program"
            # events do not make it new
            desk.tell(event="cue", metric="drop", say="keep the hips level", tone="high", foot=None, t_ns=0)
            await says(page, "#banner", "^A mistake of this program")
            assert await blank(page)
            desk.changes["heart_bpm"] = 80
            await until(lambda: full(page), "figures again")
            assert await word(page, "#banner") == ""
            browser.check()

    async def main():
        with pytest.raises(ValueError, match="not JSON compliant"):
            await sitting()

    run(main())


def test_warnings_outlive_a_reload_and_not_their_sitting(run, tmp_path, chromium):
    first, second = (
        {"id": 1, "text": "a stumble, left foot?", "at_s": 12.0},
        {"id": 2, "text": "walks faster than 0.45 m/s", "at_s": 15.5},
    )

    async def warned(page):
        shown = await page.locator(".warnings [role=log] li").all_inner_texts()
        return [one.split("\u25b2 ")[1].split("\n")[0] for one in shown]

    async def main():
        async with at_the_page(chromium, tmp_path, "recording") as (desk, page, browser):
            desk.changes["warnings"] = [first]
            await until(lambda: eventually(warned(page), [first["text"]]), "one")
            desk.tell(event="warning", **second)
            await until(lambda: eventually(warned(page), [second["text"], first["text"]]), "the newest first")
            desk.changes["warnings"] = [first, second]
            await page.reload()
            await until(lambda: eventually(warned(page), [second["text"], first["text"]]), "after a reload, each once")
            await page.get_by_role("button", name=f"Seen: {first['text']}").click()
            await until(lambda: eventually(warned(page), [second["text"]]), "seen")
            desk.changes["warnings"] = []
            await page.reload()
            await until(lambda: full(page), "another sitting")
            assert await warned(page) == []
            browser.check()

    run(main())


async def eventually(said, wanted):
    return await said == wanted


@pytest.mark.parametrize("stage", ["setup", "recording"])
def test_a_sensor_that_sits_wrong_is_said(run, tmp_path, chromium, stage):
    wrong = "may be on the other foot: the pelvis rises where it should fall"

    async def main():
        async with at_the_page(chromium, tmp_path, stage) as (desk, page, browser):
            desk.changes["placement"] = [
                {"sensor": "foot_left", "ok": True, "text": "sits as it should"},
                {"sensor": "foot_right", "ok": False, "text": wrong},
            ]
            await says(page, "main", f"(?i)right foot[: ]+{wrong}")
            desk.changes["placement"] = []
            await until(lambda: unsaid(page, wrong), "it sits well again")
            browser.check()

    run(main())


async def unsaid(page, words):
    return words not in await word(page, "main")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_every_width(run, tmp_path, chromium, scheme):
    async def main():
        async with at_the_page(chromium, tmp_path, "setup", color_scheme=scheme) as (desk, page, browser):
            mirror = await browser.open(f"{page.url}mirror", color_scheme=scheme)
            for stage, title in zip(STAGES, ("Set-up", "Recording", "Session S01 2030-01-02 03:04 UTC"), strict=True):
                desk.stage = stage
                await says(page, "h1", f"^{title}$")
                for window in (WIDE, NARROW, {"width": 320, "height": 640}):
                    for each in (page, mirror):
                        await each.set_viewport_size(window)
                        assert await overflows(each) <= 0, (stage, window, each.url)
            browser.check()

    run(main())


def test_keys_do_what_help_says_and_nothing_while_somebody_types(run, tmp_path, chromium):
    async def main():
        async with at_the_page(chromium, tmp_path, "recording") as (desk, page, browser):
            for key in ("Space", "n", "p", "m"):
                await page.keyboard.press(key)
            await until(lambda: len(desk.done) == 4, "four commands")
            wanted = [{"do": "mark"}, {"do": "next"}, {"do": "pause"}, {"do": "cue", "muted": True}]
            assert desk.done == wanted
            await page.get_by_role("button", name="Note").click()
            await page.keyboard.type("n p m")
            await leave(page)
            await page.keyboard.press("?")
            assert "never the stop button" in await page.get_by_role("dialog").inner_text()
            await leave(page)
            assert desk.done == wanted
            # a mark again: the page heard that key, and none of those before it
            await page.keyboard.press("n")
            await until(lambda: len(desk.done) == 5, "another command")
            assert desk.done[4] == {"do": "next"}
            browser.check()

    run(main())


async def leave(page):
    """The dialog that is open."""
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="hidden")
    # the browser takes the focus out of it a moment later, and keys belong to a field until then
    await until(lambda: page.evaluate("() => !document.activeElement.closest('dialog')"), "the focus is outside")


def test_what_others_wrote_is_text_and_never_markup(run, tmp_path, chromium):
    hostile = "<img src=x onerror=\"document.title='taken'\"><b>bold</b>"

    async def main():
        async with at_the_page(chromium, tmp_path, "setup") as (desk, page, browser):
            session = desk.document()["session"]
            desk.changes["left_behind"] = [{"log": hostile, "subject": hostile, "session": hostile}]
            desk.changes["session"] = {**session, "subject": hostile}
            desk.changes["placement"] = [{"sensor": "pelvis", "ok": False, "text": hostile}]
            await says(page, ".path", "onerror")
            await says(page, ".placement", "onerror")
            desk.stage = "recording"
            await says(page, "h1", "^Recording$")
            desk.tell(event="warning", text=hostile)
            await says(page, ".warnings", "onerror")
            desk.tell(event="cue", metric="drop", say=hostile, tone="high", foot="right")
            await says(page, ".cue-said", "onerror")
            assert await page.locator("img, main b").count() == 0
            assert await page.title() == "Recording \u2013 Retrogait"
            browser.check()

    run(main())
