"""`imu live --web`: the sitting is run from a page in the browser; here is only where it is to be found."""

import argparse
import asyncio
import os
import sys
import webbrowser
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from imu.cli.emulate import emulated_desk
from imu.cli.on_loop import Stop
from imu.cli.outcome import cut_short, told
from imu.live.desk.desk import Desk
from imu.live.desk.setup import Given
from imu.live.page.serve import Page, serving
from imu.live.radio import open_radio
from imu.live.worn import default_path, load
from imu.simulate import named
from imu.web.server import lan_address


async def show_page(args: argparse.Namespace, stop: Stop) -> int:
    """Serve it until Ctrl-C; a recording that runs then is ended well.

    Raises:
        NoPage, CannotServe, NoRadio, NoEmulator: as `serving`, `open_radio`, `Emulation`.
    """
    desks: list[Desk] = []
    try:
        with stop.heard():
            await _served(args, stop, desks)
    except asyncio.CancelledError:
        for desk in desks:
            if desk.log is not None and desk.made is None:
                print(f"imu: {await cut_short(desk.log)}", file=sys.stderr)
        raise
    finally:
        # whatever went wrong with the page
        for desk in desks:
            if desk.made is not None:
                print(*told(desk.made), sep="\n")
            if desk.problem:
                print(f"imu: {desk.problem}", file=sys.stderr)
    return 1 if any(desk.problem for desk in desks) else 0


async def _served(args: argparse.Namespace, stop: Stop, desks: list[Desk]) -> None:
    """Until it is stopped; the desk, once there is one, is put into `desks`."""
    async with AsyncExitStack() as stack:
        if args.emulate is None:
            given = Given(worn=load(default_path()), worn_path=default_path())
            central = await stack.enter_async_context(open_radio(args.hci, given.drivers))
            desk = await stack.enter_async_context(Desk(central, args.out, given))
        else:
            desk, _ = await stack.enter_async_context(emulated_desk(named(args.emulate), args.out, seed=args.seed))
        desks.append(desk)
        lan = lan_address() if args.lan else None
        await stack.enter_async_context(page_of(desk, args.port, lan=lan, browser=not args.no_browser))
        print("Ctrl-C ends it; a recording that runs then is ended well.", flush=True)
        await stop.asked.wait()


@asynccontextmanager
async def page_of(desk: Desk, port: int, *, lan: str | None = None, browser: bool = True) -> AsyncGenerator[Page]:
    """While the block lasts the page is served; where is said, and a browser is opened on it, if there is one.

    Raises:
        NoPage, CannotServe: as `serving`.
    """
    async with serving(desk, port=port, lan=lan) as (address, page):
        print(f"The page: {address.url}")
        if address.lan_url is not None:
            print(f"For other devices of this network, with its key: {address.lan_url}")
        sys.stdout.flush()
        if browser and _has_screen():
            await asyncio.to_thread(webbrowser.open, address.url)
        yield page


def _has_screen() -> bool:
    """Without one a browser would be one of the terminal's, and take that over."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
