"""docs/page/*.png: a sitting with a simulated person, as the browser shows it (python docs/make_page_pictures.py).

Needs the extras `live` and `dev` and Debian's chromium; it lasts as long as the walk, a minute and a half.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from PIL import Image
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright

from imu.cli.emulate import worn_of
from imu.live.desk.desk import Desk, Given
from imu.live.desk.setup import CHECKS
from imu.live.emulated import Emulation, worn_by
from imu.live.page.serve import serving
from imu.live.radio import open_radio
from imu.simulate import named

TARGET: Final = Path(__file__).with_name("page")
BROWSER: Final = "/usr/bin/chromium"
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
SEED: Final = 1  # that of `imu demo`
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
Scheme: TypeAlias = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = get_args(Scheme)


class Looker(NamedTuple):
    """One window onto the sitting."""

    name: str
    page: Page
    mirror: Page


@asynccontextmanager
async def lookers(url: str) -> AsyncGenerator[list[Looker]]:
    """A window of each width, light and dark, for the therapist's page, and one for the mirror."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        try:
            yield [
                Looker(
                    f"{scheme}-{width}",
                    await window(browser, url, scheme, width),
                    await window(browser, f"{url}mirror", scheme, width),
                )
                for width in HIGH
                for scheme in SCHEMES
            ]
        finally:
            await browser.close()


async def window(browser: Browser, url: str, scheme: Scheme, width: int) -> Page:
    """A page in a window of its own: one that lies behind another is drawn once a second."""
    size: ViewportSize = {"width": width, "height": HIGH[width]}
    page = await browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    await page.goto(url)
    return page


async def take(view: str, each: Iterable[Looker], target: Path) -> None:
    """A picture of each window, as high as all that is in it."""

    async def one(name: str, page: Page) -> None:
        size = page.viewport_size
        if size is None:
            return
        high: int = await page.evaluate("() => document.documentElement.scrollHeight")
        # what sticks to the window's edge would lie across the middle of the picture
        await page.set_viewport_size({"width": size["width"], "height": max(high, size["height"])})
        path = target / f"{view}-{name}.png"
        await page.screenshot(path=path)
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(COLOURS)
        small.save(path, optimize=True)
        await page.set_viewport_size(size)

    pages = ((looker.name, looker.mirror if view == "mirror" else looker.page) for looker in each)
    await asyncio.gather(*(one(name, page) for name, page in pages))


async def heading(each: Iterable[Looker], words: str) -> None:
    """Waits until all are in this view."""
    for one in each:
        wanted: Locator = one.page.get_by_role("heading", level=1, name=words)
        await wanted.wait_for(state="attached")


async def sit(target: Path, store: Path) -> None:
    """The sitting, and a picture of each of its views."""
    recording = worn_by(named(DEMO), seed=SEED, lead_s=LEAD_S)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        emulation = await stack.enter_async_context(Emulation(recording))
        central = await stack.enter_async_context(open_radio(emulation.transport, None))
        given = Given(worn=worn_of(recording, emulation.worn), document={"source": "simulated"}, simulated=True)
        desk = await stack.enter_async_context(Desk(central, store, given))
        address, _ = await stack.enter_async_context(serving(desk, port=0))
        each = await stack.enter_async_context(lookers(address.url))
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
        await take("set-up", each, target)
        for check in CHECKS:
            await desk.do({"do": "check", "id": check.id, "done": True})
        await desk.do({"do": "cue", "metric": "drop", "high": MOST_DROP_DEG, "hold": 2})
        await asyncio.sleep(emulation.origin_s + LEAD_S - STAND_S - loop.time())
        await desk.do({"do": "start"})
        await heading(each, "Recording")
        await asyncio.sleep(emulation.origin_s + LEAD_S + BACKWARD_S - loop.time())
        await take("live", each, target)
        await take("mirror", each, target)
        await asyncio.sleep(emulation.origin_s + recording.duration_s - loop.time())
        await desk.do({"do": "stop"})
        await heading(each, "Session S01")
        await take("end", each, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=TARGET, help="where the pictures go")
    target: Path = parser.parse_args().out
    target.mkdir(parents=True, exist_ok=True)
    target = target.resolve()
    # what the page tells of its folders is nobody's but its own
    with TemporaryDirectory() as folder, chdir(folder):
        asyncio.run(sit(target, Path("sessions")))


if __name__ == "__main__":
    main()
