"""The program as somebody starts it, killed while it records, started again, and ended by Ctrl-C."""

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed

from imu.core.tables import CONTACTS
from imu.core.units import NS_PER_S
from imu.live.sitting import left_behind
from imu.reprocess import reprocess
from imu.store.folder import read_session
from imu.store.raw import raw_path, read_raw
from imu.store.tables import is_analysed, read_rows
from tests.browser.driving import browsing, says, stood, until, watch, word
from tests.browser.shown import ROOT
from tests.cli.conftest import tree
from tests.web import speaking

SPEED = 2.0
STARTED_S = 60.0
"""A program may have kernels to compile."""
SAID_S = 2.0
"""A page says within so many seconds that its program is gone."""
LOST_S = 1.0 + 0.5
"""A program that is killed loses a second of a recording at most, and a little on a busy machine."""


class Started:
    """The program, with a page; its address."""

    def __init__(self, process, url):
        self.process, self.url = process, url
        self.port = int(re.search(r":(\d+)/", url)[1])

    async def ended(self):
        """What it said until it ended."""
        async with asyncio.timeout(STARTED_S):
            said, slips = await self.process.communicate()
        return said.decode(), slips.decode()


@asynccontextmanager
async def program(store, port=0):
    words = ("live", "--web", "--no-browser", "--emulate", "demo-live", "--speed", f"{SPEED:g}", "--port", str(port))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imu", *words, "--out", str(store)),
        cwd=ROOT,
        env={**os.environ, "IMU_CONFIG_DIR": str(store / "nothing")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(STARTED_S):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("The page: "), line
        yield Started(process, line.removeprefix("The page: ").strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        # or its pipes are closed when nobody looks any more
        process._transport.close()


@asynccontextmanager
async def listener(port):
    """The document, as somebody else hears it."""
    document = {}

    async def listen():
        with suppress(ConnectionClosed):
            async with speaking.page(port) as socket:
                async for frame in socket:
                    if isinstance(frame, str):
                        document.update(json.loads(frame))

    listening = asyncio.create_task(listen())
    try:
        yield document
    finally:
        listening.cancel()
        await asyncio.wait({listening})


async def record(page, said):
    """Choose S01, who has been here as often as that, and begin when all sensors are there."""
    await says(page, "h1", "^Set-up$")
    await page.get_by_label("Subject code").fill("S01")
    await page.get_by_role("button", name="Choose").click()
    await says(page, "section[aria-labelledby=person] .state", rf"^S01 is chosen \({said}\)")
    await until(lambda: all_there(page), "all sensors stream")
    await page.get_by_role("button", name="Start anyway").click()
    await says(page, "h1", "^Recording$")


async def all_there(page):
    return re.search("sensor", await word(page, ".wanted")) is None


async def killed(started, page):
    """In the midst of walking; the page says so. Returns how long the recording was, s."""
    async with listener(started.port) as document:
        await says(page, ".strip .aside", r"^[1-9]\d+ contacts so far")
        await watch(page, "#banner")
        before_ms = await page.evaluate("() => performance.now()")
        started.process.kill()
        await started.process.wait()
        await says(page, "#banner", "No connection to the program .+ old")
        said_ms = await stood(page, "#banner", "No connection")
        assert (said_ms - before_ms) / 1000.0 < SAID_S
        return document["clock"]["elapsed_s"]


def recovered(store, elapsed_s):
    """The only session is whole, and what another look at it finds is what recovering it found."""
    [folder] = (store / "subject=S01").iterdir()
    session = read_session(folder)
    newest_ns = [
        max(int(block.t_ns[-1]) for block in read_raw(raw_path(folder, sensor), sensor, setup))
        for sensor, setup in session.sensors.items()
    ]
    assert len(newest_ns) == 3
    lost_s = (elapsed_s - min(newest_ns) / NS_PER_S) / SPEED
    assert lost_s < LOST_S
    assert len(read_rows(folder / "analysis" / "contacts.parquet", CONTACTS)) >= 5
    again = store.parent / "again"
    reprocess(folder, again)
    assert tree(again / "analysis") == tree(folder / "analysis")


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can't be sent to one program on Windows")
def test_a_program_that_is_killed_loses_no_session_and_one_that_is_ended_makes_it(run, tmp_path, chromium):
    store = tmp_path / "store"
    store.mkdir()

    async def main():
        async with browsing(chromium) as browser:
            async with program(store) as started:
                page = await browser.open(started.url)
                await record(page, "new: no session yet")
                elapsed_s = await killed(started, page)
            [log] = left_behind(store)
            async with program(store, started.port) as started:
                # nobody reloads it
                await says(page, "h1", "^Set-up$")
                await says(page, "section[aria-labelledby=left-behind]", re.escape(log.name))
                await page.get_by_role("button", name="Recover").click()
                await until(lambda: nothing_left(page), "it is recovered")
                assert left_behind(store) == []
                recovered(store, elapsed_s)
                await record(page, "1 earlier")
                await says(page, ".elapsed", "0:0[2-9]")
                started.process.send_signal(signal.SIGINT)
                said, slips = await started.ended()
                assert started.process.returncode == 0, slips
                assert "holds the session" in said
                await says(page, "#banner", "No connection to the program")
            browser.check(server_was_away=True)

    run(main())
    sessions = list((store / "subject=S01").iterdir())
    assert len(sessions) == 2
    assert all(is_analysed(folder) for folder in sessions)
    assert left_behind(store) == []


async def nothing_left(page):
    return await word(page, "section[aria-labelledby=left-behind]") == ""
