"""docs/page/*.png: a sitting with a simulated person, as the browser shows it (python docs/make_page_pictures.py).

Needs the extras `live` and `dev`, Pillow and Debian's chromium. The sitting is run in hurried time, with nobody at the
page; what its desk said at certain instants is then shown to one window after another, which may take their time.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, chdir
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, TypeAlias, get_args

from PIL import Image
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from imu.cli.emulate import worn_of
from imu.core.session import Sensor
from imu.live.audience import Audience
from imu.live.desk.desk import Desk, Given
from imu.live.desk.setup import CHECKS
from imu.live.desk.wire import Notice
from imu.live.emulated import Emulation, worn_by
from imu.live.haste import FastLoop
from imu.live.page.serve import serving
from imu.live.radio import open_radio
from imu.live.subscribers import Subscribers, Subscription
from imu.simulate import named

TARGET: Final = Path(__file__).with_name("page")
BROWSER: Final = "/usr/bin/chromium"
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
SEED: Final = 1  # that of `imu demo`
SPEED: Final = 4.0
LEAD_S: Final = 18.0
SET_UP_S: Final = 10.0
"""By then all sensors are found, and standing is known."""
STAND_S: Final = 2.0
"""Of standing that is recorded, before that of the protocol."""
BACKWARD_S: Final = 36.0
"""Of the protocol: backward for so long that ten contacts of each foot and some cues have been."""
MOST_DROP_DEG: Final = 5.0
DEMO: Final = "demo-live"
HIGH: Final = {1280: 900, 390: 844}
"""Of windows, by their width in pixels."""
COLOURS: Final = 256
"""Of a picture: a page has few, and a picture is half as large."""
RENEWED_S: Final = 0.01
"""Figures of a desk that stands still are this much older each time, of ten; a page takes down what nobody renews."""
SETTLED_S: Final = 0.5
Scheme: TypeAlias = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = get_args(Scheme)
Document: TypeAlias = Mapping[str, Any]

CUE: Final[Notice] = {
    "event": "cue",
    "metric": "drop",
    "say": "right: keep the hips level",
    "tone": "high",
    "foot": "right",
}
VIEWS: Final = {
    "set-up": ("setup", "", None),
    "live": ("live", "", None),
    "end": ("end", "", None),
    "mirror": ("live", "mirror", None),
    "mirror-cue": ("live", "mirror", CUE),
}
"""Of pictures: what the desk said when, the page, and what it is told once."""


class StillDesk:
    """One that says the same for ever, and takes no orders."""

    def __init__(self, said: Document) -> None:
        self.audience = Audience()
        self.said = said
        self._notices = Subscribers[Notice]()
        self._told = count()
        self.tell = self._notices.tell

    def document(self) -> Document:
        age_s = RENEWED_S * (next(self._told) % 10)
        return {**self.said, "figures": {**self.said["figures"], "age_s": age_s}}

    def mounting(self, sensor: Sensor) -> None:
        """Of none: there are no signals."""

    async def do(self, command: Document) -> None:
        """Nobody asks for anything."""

    def subscribe_events(self) -> Subscription[Notice]:
        return self._notices.subscribe()

    def unsubscribe_events(self, notices: Subscription[Notice]) -> None:
        self._notices.unsubscribe(notices)


async def sit(store: Path) -> dict[str, Document]:
    """The sitting, and what its desk said at certain instants."""
    recording = worn_by(named(DEMO), seed=SEED, lead_s=LEAD_S)
    loop = asyncio.get_running_loop()
    said: dict[str, Document] = {}
    async with AsyncExitStack() as stack:
        emulation = await stack.enter_async_context(Emulation(recording))
        central = await stack.enter_async_context(open_radio(emulation.transport, None))
        given = Given(worn=worn_of(recording, emulation.worn), document={"source": "simulated"}, simulated=True)
        desk = await stack.enter_async_context(Desk(central, store, given))
        for command in (
            {"do": "subject", "code": "S01"},
            {"do": "protocol", "name": DEMO},
            {"do": "belt", "speed": "0.7m/s"},
        ):
            await desk.do(command)
        for check in CHECKS[:-2]:
            await desk.do({"do": "check", "id": check.id, "done": True})
        await desk.do({"do": "scan"})
        await asyncio.sleep(emulation.origin_s + SET_UP_S - loop.time())
        said["setup"] = desk.document()
        for check in CHECKS:
            await desk.do({"do": "check", "id": check.id, "done": True})
        await desk.do({"do": "cue", "metric": "drop", "high": MOST_DROP_DEG, "hold": 2})
        await asyncio.sleep(emulation.origin_s + LEAD_S - STAND_S - loop.time())
        await desk.do({"do": "start"})
        await asyncio.sleep(emulation.origin_s + LEAD_S + BACKWARD_S - loop.time())
        said["live"] = desk.document()
        await asyncio.sleep(emulation.origin_s + recording.duration_s - loop.time())
        await desk.do({"do": "stop"})
        await desk.ended.wait()
        said["end"] = desk.document()
    return said


async def show(said: Mapping[str, Document], target: Path) -> None:
    """A picture of each view, light and dark, of each width."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        try:
            for view, (instant, path, told) in VIEWS.items():
                desk = StillDesk(said[instant])
                async with serving(desk, port=0) as (address, _):
                    for width in HIGH:
                        for scheme in SCHEMES:
                            async with window(browser, f"{address.url}{path}", scheme, width) as page:
                                if told is not None:
                                    desk.tell(told)
                                await take(page, target / f"{view}-{scheme}-{width}.png")
        finally:
            await browser.close()


@asynccontextmanager
async def window(browser: Browser, url: str, scheme: Scheme, width: int) -> AsyncGenerator[Page]:
    """A page that has heard of the desk."""
    size: ViewportSize = {"width": width, "height": HIGH[width]}
    page = await browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    await page.goto(url)
    await page.wait_for_function("() => !document.documentElement.classList.contains('silent')")
    yield page
    await page.close()


async def take(page: Page, path: Path) -> None:
    """A picture of a window that is as high as all that is in it."""
    size = page.viewport_size
    if size is not None:
        high: int = await page.evaluate("() => document.documentElement.scrollHeight")
        # what sticks to the window's edge would lie across the middle of the picture
        await page.set_viewport_size({"width": size["width"], "height": max(high, size["height"])})
    await asyncio.sleep(SETTLED_S)
    await page.screenshot(path=path)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLOURS)
    small.save(path, optimize=True)


def hurried() -> FastLoop:
    """The sitting's time."""
    return FastLoop(SPEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=TARGET, help="where the pictures go")
    target: Path = parser.parse_args().out
    target.mkdir(parents=True, exist_ok=True)
    target = target.resolve()
    # what the page tells of its folders is nobody's but its own
    with TemporaryDirectory() as folder, chdir(folder):
        with asyncio.Runner(loop_factory=hurried) as runner:
            said = runner.run(sit(Path("sessions")))
        asyncio.run(show(said, target))


if __name__ == "__main__":
    main()
