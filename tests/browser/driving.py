"""A browser in the hands of a test, which hears all that it asks for and all that it complains about."""

import asyncio
import re
import time
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.async_api import async_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # several windows at a time stay awake, whichever is in front
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE_S = 20.0
LOOK_S = 0.05
READ_ONE = """(s) => {
    const one = document.querySelector(s);
    // of what is not drawn the browser would give the text all the same
    return one?.checkVisibility() ? one.innerText.trim() : "";
}"""
NO_SERVER = re.compile(r"WebSocket connection to 'ws://127\.0\.0\.1:\d+/ws' failed")
"""What a browser itself says of a socket that it can't open; nobody can keep it from that."""


@contextmanager
def hurried(speed):
    """While the block lasts, simulated people are: there is nothing to do but wait for them.

    Whoever drives a browser takes the time that it takes; meanwhile people walk as they do.
    """
    loop = asyncio.get_running_loop()
    loop.speed = speed
    try:
        yield
    finally:
        loop.speed = 1.0


async def pause(seconds):
    """As long by the clock on the wall, at least, whatever time the loop has."""
    await asyncio.sleep(seconds * getattr(asyncio.get_running_loop(), "speed", 1.0))


class Browser:
    """One without a window on the screen; it hears all that its pages ask for and complain about."""

    def __init__(self, browser):
        self.urls = []
        self.complaints = []
        self._browser = browser

    async def open(self, url, **options):
        """A page in a window of its own: one that lies behind another is drawn once a second."""
        context = await self._browser.new_context(**{"viewport": WIDE, **options})
        context.set_default_timeout(1000 * PATIENCE_S)
        context.on("request", lambda request: self.urls.append(request.url))
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        page = await context.new_page()
        page.on("websocket", lambda socket: self.urls.append(socket.url))
        await page.goto(url)
        return page

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def check(self, *, server_was_away=False):
        """All that was asked for was asked of this machine, and nothing went wrong."""
        assert {urlsplit(url).scheme for url in self.urls} == {"http", "ws"}
        assert {urlsplit(url).hostname for url in self.urls} == {"127.0.0.1"}
        wrong = [said for said in self.complaints if not (server_was_away and NO_SERVER.match(said))]
        assert wrong == []


@asynccontextmanager
async def browsing(chromium):
    """A `Browser`, for as long as the block lasts."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield Browser(browser)
        finally:
            await browser.close()


async def until(met, what, within_s=PATIENCE_S):
    """Waits for a word that is true, of a function or of a coroutine, by the clock on the wall; returns it."""
    end_s = time.monotonic() + within_s
    while True:
        found = met()
        found = await found if asyncio.iscoroutine(found) else found
        if found:
            return found
        if time.monotonic() > end_s:
            pytest.fail(f"not within {within_s:g} s: {what() if callable(what) else what}")
        await pause(LOOK_S)


async def word(page, selector):
    """What stands there, as one reads it; "" where it is hidden or not there."""
    [found] = await words(page, [selector])
    return found


async def words(page, selectors):
    """The same of several, at one time."""
    return await page.evaluate(f"all => all.map({READ_ONE})", list(selectors))


async def says(page, selector, wanted, within_s=PATIENCE_S):
    """Waits until it does."""
    said = ""

    async def does():
        nonlocal said
        said = await word(page, selector)
        return re.search(wanted, said) is not None

    await until(does, lambda: f"{selector} says {wanted!r}; it says {said!r}", within_s)
    return said


async def watch(page, selector):
    """From now on: what stands there however shortly is kept, for `stood`."""
    await page.evaluate(
        """s => {
            const [node, kept] = [document.querySelector(s), ((window.stood ??= {})[s] = [])];
            const keep = () => kept.push([node.innerText.trim(), performance.now()]);
            new MutationObserver(keep).observe(node, { childList: true, characterData: true, subtree: true });
            keep();
        }""",
        selector,
    )


async def stood(page, selector, wanted):
    """When what one watches first said so, ms of the page's own clock; None = it has not."""
    kept = await page.evaluate("s => window.stood[s]", selector)
    return next((at_ms for said, at_ms in kept if re.search(wanted, said)), None)


async def painted(page, selector):
    """How many pixels of a canvas differ from its first one."""
    return await page.evaluate(
        """s => {
            const canvas = document.querySelector(s);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const pixels = new Uint32Array(data.buffer);
            return pixels.reduce((n, pixel) => n + (pixel !== pixels[0]), 0);
        }""",
        selector,
    )


async def overflows(page):
    """By how many pixels the page is wider than its window."""
    return await page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
