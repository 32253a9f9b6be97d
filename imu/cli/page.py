"""`imu live --web`: the sitting is run from a page in the browser; here is only where it is to be found."""

import argparse
import asyncio
import sys
import webbrowser
from contextlib import AsyncExitStack
from typing import Final

from imu.cli.emulate import worn_of
from imu.cli.sit import Stop, told
from imu.live.desk.desk import Desk, Given
from imu.live.emulated import Emulation, worn_by
from imu.live.page.serve import serving
from imu.live.radio import open_radio
from imu.live.worn import default_path, load
from imu.simulate import named
from imu.web.server import lan_address

STANDING_S: Final = 30.0
"""How long an emulated person stands before walking off: time for the set-up."""


async def show_page(args: argparse.Namespace, stop: Stop) -> int:
    """Serve it until Ctrl-C; a recording that runs then is ended well.

    Raises:
        NoPage, CannotServe, NoRadio, NoEmulator: as `serving`, `open_radio`, `Emulation`.
    """
    with stop.heard():
        async with AsyncExitStack() as stack:
            if args.emulate is None:
                hci, given = args.hci, Given(worn=load(default_path()), worn_path=default_path())
            else:
                recording = worn_by(named(args.emulate), seed=args.seed, lead_s=STANDING_S)
                emulation = await stack.enter_async_context(Emulation(recording))
                asides = ("treadmill",) if recording.treadmill is not None else ()
                document = {"source": "simulated", "simulation": {"seed": recording.seed}}
                worn = worn_of(recording, emulation.worn)
                given = Given(worn=worn, document=document, asides=asides, simulated=True)
                hci = emulation.transport
            central = await stack.enter_async_context(open_radio(hci, given.drivers))
            desk = await stack.enter_async_context(Desk(central, args.out, given))
            lan = lan_address() if args.lan else None
            address, _ = await stack.enter_async_context(serving(desk, port=args.port, lan=lan))
            _tell(address.url, address.lan_url)
            if not args.no_browser:
                await asyncio.to_thread(webbrowser.open, address.url)
            await stop.asked.wait()
    if desk.made is not None:
        print(*told(desk.made), sep="\n")
    if desk.problem:
        print(f"imu: {desk.problem}", file=sys.stderr)
    return 1 if desk.problem else 0


def _tell(url: str, lan_url: str | None) -> None:
    print(f"The page: {url}")
    if lan_url is not None:
        print(f"For other devices of this network, with its key: {lan_url}")
    print("Ctrl-C ends it; a recording that runs then is ended well.", flush=True)
    sys.stdout.flush()
