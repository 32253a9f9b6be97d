"""`imu live`: sensors, or a recording, seen while it happens."""

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Final

from imu.cli.emulate import sit_emulated
from imu.cli.simulate import SUBJECT as SIMULATED
from imu.cli.sit import REDRAWN_EVERY_S, Stop, add_arguments, asked, found_text, sit, told
from imu.cli.view import Scene, Screen
from imu.cli.warmup import warm_up
from imu.core.canonical import canonical_json
from imu.core.errors import UsageError
from imu.core.units import NS_PER_S
from imu.live.audience import Subscription
from imu.live.emulated import worn_by
from imu.live.live import Live
from imu.live.replay import Replay
from imu.live.sitting import left_behind
from imu.simulate import named

EXAMPLES: Final = """\
examples:
  imu live --subject S01                       sensors that imu devices --bind has bound
  imu live --subject S01 --belt 1.2mph --heart
  imu live --replay clinic/subject=S01/session=monday --speed 4
  imu live --emulate demo-live                 emulated sensors on a simulated person
"""

EVENTS_WAITING: Final = 10_000
"""Of what was heard, for a slow reader of --json."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    add_arguments(parser)
    instead = parser.add_argument_group("instead of sensors")
    instead.add_argument("--replay", type=Path, metavar="SESSION", help="a recording, as if it were live")
    instead.add_argument(
        "--speed", type=float, default=1.0, metavar="N", help="times as fast (inf: at once; default %(default)g)"
    )
    instead.add_argument(
        "--emulate", metavar="NAME", help="emulated sensors on a simulated person (imu simulate --list)"
    )
    instead.add_argument("--seed", type=int, default=1, metavar="N", help="of that person (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="each event as a line of JSON on stdout")


def run(args: argparse.Namespace) -> int:
    """Show until it is stopped, or over."""
    if args.replay is not None and args.emulate is not None:
        raise UsageError("got --replay and --emulate; want one of them")
    if not args.speed > 0:
        raise UsageError(f"--speed is {args.speed:g}; want more than 0")
    if args.replay is None and args.speed != 1.0:
        raise UsageError("--speed goes with --replay; people walk as fast as they do")
    # before anything is connected: a kernel that is compiled or loaded later would stall the links
    warm_up()
    if args.replay is not None:
        return asyncio.run(_replay(args))
    return asyncio.run(_live(args))


async def _live(args: argparse.Namespace) -> int:
    screen, stop = Screen(quiet=args.quiet), Stop()
    if args.emulate is None:
        asked_ = asked(args)
        for left in left_behind(asked_.store):
            again = f"imu recover {quote(str(left))} --out {quote(str(asked_.store))}"
            screen.say(f"{left} was left by a crash; to make it a session: {again}")
        recording = None
    else:
        recording = worn_by(named(args.emulate), seed=args.seed)
        args.subject = args.subject or SIMULATED
        asked_ = asked(args, worn=())
    async with AsyncExitStack() as stack:
        telling = Telling(stack) if args.json else None
        on_start = None if telling is None else telling.begin
        if recording is None:
            made = await sit(asked_, screen, stop, on_start=on_start)
        else:
            made = await sit_emulated(recording, asked_, screen, stop, on_start=on_start)
    if made is not None and not args.quiet:
        print(*told(made), sep="\n", file=sys.stderr if args.json else sys.stdout)
    return 0


class Telling:
    """Events as lines of JSON on stdout, at the pace of whoever reads them."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """The stack waits for the last line."""
        self._stack = stack

    def begin(self, live: Live | Replay) -> None:
        """From now on."""
        subscription = live.audience.subscribe(EVENTS_WAITING)
        task = asyncio.create_task(self._tell(subscription))

        async def end() -> None:
            subscription.end()
            await task

        self._stack.push_async_callback(end)

    async def _tell(self, subscription: Subscription) -> None:
        async for heard in subscription:
            for event in heard.events:
                said = {"event": event.kind, "foot": event.foot, "t_emitted_ns": event.t_emitted_ns, "row": event.row}
                # a full pipe stops its own thread only
                await asyncio.to_thread(partial(print, canonical_json(said), flush=True))


async def _replay(args: argparse.Namespace) -> int:
    screen, stop = Screen(quiet=args.quiet), Stop()
    replay = Replay(args.replay)
    session = replay.session
    async with AsyncExitStack() as stack:
        if args.json:
            Telling(stack).begin(replay)
        running = asyncio.create_task(replay.run(args.speed))
        with stop.heard():
            while not running.done():
                screen.show(_scene(replay, f"{session.subject} {session.session}  replay at {args.speed:g} times"))
                asking = asyncio.create_task(stop.within(REDRAWN_EVERY_S))
                await asyncio.wait({running, asking}, return_when=asyncio.FIRST_COMPLETED)
                if asking.done() and asking.result():
                    running.cancel()
                    break
                asking.cancel()
        await asyncio.wait({running})
        if running.cancelled():
            return 0
        pipeline = running.result()
    if not args.quiet:
        screen.show(_scene(replay, f"{session.subject} {session.session}  at its end"))
        print(found_text(pipeline.summary()), file=sys.stderr if args.json else sys.stdout)
    return 0


def _scene(replay: Replay, title: str) -> Scene:
    return Scene(
        title=title,
        elapsed_s=replay.t_ns / NS_PER_S,
        figures=replay.audience.board.figures(),
        belt_m_s=replay.aside("treadmill"),
        heart_bpm=replay.aside("heart_rate"),
    )
