"""Those who look on at a page, in a process of their own: plain clients of its WebSocket, and a browser."""

import asyncio
import json
import multiprocessing
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple, TypeAlias

from imu.live.page.signals import HEADER

PATIENCE_S: Final = 30.0
"""For a browser to begin, and for a page to show what it is told first."""
TRIPS: Final = 40
"""Questions for the browser's clock."""
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
CLOCK: Final = "() => performance.now()"
HOOK: Final = """
(() => {
  const told = (globalThis.benchTold = []);
  const Plain = globalThis.WebSocket;
  globalThis.WebSocket = class extends Plain {
    constructor(...args) {
      super(...args);
      // before the page's own listeners
      this.addEventListener("message", ({ data }) => {
        if (typeof data !== "string" || !data.includes('"event"')) return;
        const at_ms = performance.now();
        const { type, event, foot, t_ns } = JSON.parse(data);
        if (type === "event" && (event === "contact" || event === "cue")) told.push({ what: event, foot, t_ns, at_ms });
      });
    }
  };
  let before = "";
  new MutationObserver(() => {
    const said = document.querySelector(".cue-said")?.textContent ?? "";
    if (said === before) return;
    before = said;
    if (said === "") return;
    const changed_ms = performance.now();
    requestAnimationFrame(() => {
      // after this frame: what is posted now comes when it is made
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => told.push({ what: "painted", changed_ms, at_ms: performance.now() });
      port2.postMessage(null);
    });
  }).observe(document, { subtree: true, childList: true, characterData: true });
})();
"""
"""What the browser is told, when, and when a cue's words have been painted."""

Command: TypeAlias = tuple[str, Any]
"""("read", (url, n)), ("browse", url) or ("told", None)."""
Ask: TypeAlias = Callable[[Command], Awaitable[Any]]


class Read(NamedTuple):
    """What plain clients read between two commands, all of them together."""

    seconds: float
    frames: dict[int, int]
    """Of signals, by sensor as the wire has them."""
    samples: dict[int, int]
    bytes: int
    contacts: list[tuple[str, int, float]]
    """(foot, t_ns, `time.monotonic()`), of each client."""


class Told(NamedTuple):
    """What a browser was told and showed."""

    events: list[dict[str, Any]]
    """{"what": "contact" | "cue" | "painted", ...}, in order; `at_s` and `changed_s` by `time.monotonic()`."""
    clock_error_s: float
    """How far that may be wrong."""


class NoBrowser(Exception):
    """None can be driven here: one line why, and what to install."""


@contextmanager
def readers() -> Generator[Ask]:
    """While the block lasts, those who look on wait for commands.

    `ask` returns a `Read` for "read", from now on by n clients; None for "browse", once the page is there; a `Told` for
    "told", once.

    Raises:
        NoBrowser: by `ask`, for "browse".
        RuntimeError: by `ask`: they failed.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    other = spawn.Process(target=_look_on, args=(theirs,), daemon=True)
    other.start()
    theirs.close()

    async def ask(command: Command) -> Any:
        ours.send(command)
        # until then the loop is free for what is measured
        answer = await asyncio.to_thread(ours.recv)
        if isinstance(answer, Exception):
            raise answer
        return answer

    try:
        yield ask
    finally:
        ours.close()
        other.join()


def _look_on(pipe: Connection) -> None:
    asyncio.run(_obey(pipe))


async def _obey(pipe: Connection) -> None:
    """Until the other end hangs up."""
    async with AsyncExitStack() as stack:
        clients = Clients(stack)
        browser = Browser(stack)
        while True:
            try:
                what, how = await asyncio.to_thread(pipe.recv)
            except EOFError:
                return
            try:
                match what:
                    case "read":
                        answer = await clients.read(*how)
                    case "browse":
                        answer = await browser.open(how)
                    case _:
                        answer = await browser.told()
            except NoBrowser as why:
                answer = why
            except Exception as why:  # noqa: BLE001 whatever it is, who asked waits for a word
                answer = RuntimeError(f"who looked on failed: {why!r}")
            pipe.send(answer)


class Clients:
    """As many as are asked for."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._there: list[tuple[asyncio.Task[None], asyncio.Event]] = []
        self._frames, self._samples = Counter[int](), Counter[int]()
        self._bytes = 0
        self._contacts: list[tuple[str, int, float]] = []
        self._since_s = time.monotonic()
        stack.push_async_callback(self._leave, 0)

    async def read(self, url: str, n: int) -> Read:
        """What was read until now; from now on by n, all of whom have been told the whole document."""
        now_s = time.monotonic()
        read = Read(now_s - self._since_s, dict(self._frames), dict(self._samples), self._bytes, self._contacts)
        await self._leave(n)
        while len(self._there) < n:
            there = asyncio.Event()
            self._there.append((asyncio.create_task(self._listen(url, there)), there))
        async with asyncio.timeout(PATIENCE_S):
            for _, there in self._there:
                await there.wait()
        self._frames.clear()
        self._samples.clear()
        self._bytes, self._contacts, self._since_s = 0, [], time.monotonic()
        return read

    async def _leave(self, n: int) -> None:
        """But for the first n."""
        leaving = [task for task, _ in self._there[n:]]
        del self._there[n:]
        for task in leaving:
            task.cancel()
        for slip in await asyncio.gather(*leaving, return_exceptions=True):
            if isinstance(slip, Exception):
                raise slip

    async def _listen(self, url: str, there: asyncio.Event) -> None:
        # an extra
        from websockets.asyncio.client import connect  # noqa: PLC0415

        async with connect(f"{url.replace('http', 'ws', 1)}ws", origin=url.rstrip("/"), proxy=None) as socket:  # pyright: ignore[reportArgumentType]
            async for frame in socket:
                self._bytes += len(frame)
                if isinstance(frame, bytes):
                    _, sensor, n, *_ = HEADER.unpack_from(frame)
                    self._frames[sensor] += 1
                    self._samples[sensor] += n
                    continue
                now_s = time.monotonic()
                said = json.loads(frame)
                if said["type"] == "document":
                    there.set()
                elif said["type"] == "event" and said["event"] == "contact":
                    self._contacts.append((said["foot"], said["t_ns"], now_s))


class Browser:
    """Chromium without a window on the screen, with the therapist's page."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._page: Any = None
        self._begin: tuple[float, float] = (0.0, 0.0)

    async def open(self, url: str) -> None:
        """Returns when the page is there.

        Raises:
            NoBrowser: what to install.
        """
        try:
            from playwright.async_api import Error, async_playwright  # noqa: PLC0415  for development only
        except ImportError:
            raise NoBrowser("no Playwright to drive a browser; want pip install 'retrogait[dev]'") from None
        playwright = await self._stack.enter_async_context(async_playwright())
        try:
            # without a path, the one that Playwright itself may have brought along
            path = shutil.which("chromium")
            browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        except Error as why:
            text = str(why).strip().splitlines()[0]
            raise NoBrowser(f"no Chromium ({text}); want the package chromium (make system)") from None
        self._stack.push_async_callback(browser.close)
        page = await browser.new_page()
        await page.add_init_script(HOOK)
        await page.goto(url)
        await page.wait_for_selector(".cue-said", state="attached", timeout=1e3 * PATIENCE_S)
        self._page = page
        self._begin = await self._clock()

    async def told(self) -> Told:
        """All that it was told and showed."""
        events: list[dict[str, Any]] = await self._page.evaluate("() => globalThis.benchTold")
        low_s, high_s = zip(self._begin, await self._clock(), strict=True)
        # both clocks run alike; what bounds the one at the begin bounds it at the end
        least_s, most_s = max(low_s), min(high_s)
        offset_s = (least_s + most_s) / 2
        for event in events:
            for key in ("at", "changed"):
                if f"{key}_ms" in event:
                    event[f"{key}_s"] = offset_s + 1e-3 * event.pop(f"{key}_ms")
        return Told(events, abs(most_s - least_s) / 2)

    async def _clock(self) -> tuple[float, float]:
        """Between which `time.monotonic()` must have been at the browser's time 0."""
        least_s, most_s = -float("inf"), float("inf")
        for _ in range(TRIPS):
            begin_s = time.monotonic()
            browser_s = 1e-3 * await self._page.evaluate(CLOCK)
            end_s = time.monotonic()
            least_s, most_s = max(least_s, begin_s - browser_s), min(most_s, end_s - browser_s)
        return least_s, most_s
