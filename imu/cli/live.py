"""`imu live`: sensors, or a recording, seen while it happens."""

import argparse
import asyncio
import io
import os
import sys
import threading
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from queue import SimpleQueue
from shlex import quote
from typing import Final

from imu.cli.emulate import sit_emulated
from imu.cli.on_loop import FASTEST_EMULATED, Stop, check_speed
from imu.cli.on_loop import run as run_on_loop
from imu.cli.outcome import found_text, told
from imu.cli.page import show_page
from imu.cli.simulate import SUBJECT as SIMULATED
from imu.cli.sit import REDRAWN_EVERY_S, add_arguments, asked, check_store, sit
from imu.cli.view import Scene, Screen
from imu.cli.warmup import warm_up, warm_up_once
from imu.core.canonical import canonical_json
from imu.core.errors import UsageError
from imu.core.session import SENSORS
from imu.core.units import NS_PER_S
from imu.live.emulated import worn_by
from imu.live.live import Live
from imu.live.player import Heard
from imu.live.replay import Replay
from imu.live.sitting import left_behind
from imu.live.subscribers import Subscription
from imu.simulate import named
from imu.web.server import PORT

EXAMPLES: Final = """\
examples:
  imu live --subject S01                       sensors that imu devices --bind has bound
  imu live --subject S01 --belt 1.2mph --heart
  imu live --replay clinic/subject=S01/session=monday --speed 4
  imu live --emulate demo-live                 emulated sensors on a simulated person
"""

EMULATED_WITHOUT: Final = (*SENSORS, "hci", "treadmill", "heart")
REPLAYED_WITHOUT: Final = (*EMULATED_WITHOUT, "subject", "session", "activity", "belt", "seconds")
"""Options that would be passed over."""
MOST_PORT: Final = 65535
EVENTS_WAITING: Final = 100_000
"""For whoever turns them into lines."""
LAST_LINES_S: Final = 3.0
"""How long a reader of --json may take for the rest at the end."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    add_arguments(parser)
    instead = parser.add_argument_group("instead of sensors")
    instead.add_argument("--replay", type=Path, metavar="SESSION", help="a recording, as if it were live")
    instead.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="N",
        help=f"times as fast (a replay: inf is at once; emulated sensors: at most {FASTEST_EMULATED:g}; default 1)",
    )
    instead.add_argument(
        "--emulate", metavar="NAME", help="emulated sensors on a simulated person (imu simulate --list)"
    )
    instead.add_argument("--seed", type=int, default=1, metavar="N", help="of that person (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="each event as a line of JSON on stdout")
    page = parser.add_argument_group("the page")
    page.add_argument("--web", action="store_true", help="run the sitting from a page in the browser")
    page.add_argument("--port", type=_port, default=PORT, metavar="N", help="where it is served (default %(default)s)")
    page.add_argument("--lan", action="store_true", help="other devices of this network may look on, with a key")
    page.add_argument("--no-browser", action="store_true", help="open none here")


def run(args: argparse.Namespace) -> int:
    """Show until it is stopped, or over."""
    if args.replay is not None and args.emulate is not None:
        raise UsageError("got --replay and --emulate; want one of them")
    if not args.speed > 0:
        raise UsageError(f"--speed is {args.speed:g}; want more than 0")
    if args.replay is None and args.emulate is None and args.speed != 1.0:
        raise UsageError("--speed goes with --replay and --emulate; people walk as fast as they do")
    if args.emulate is not None:
        check_speed(args.speed)
    if args.replay is None:
        check_store(args.out)
    if args.web and (args.replay is not None or args.json):
        raise UsageError("--web runs a sitting with sensors; want it without --replay and --json")
    for name in REPLAYED_WITHOUT if args.replay is not None else EMULATED_WITHOUT if args.emulate is not None else ():
        if getattr(args, name):
            raise UsageError(
                f"--{name.replace('_', '-')} is for sensors that are worn; want --replay or --emulate without"
            )
    # before anything is connected: a kernel that is compiled or loaded later would stall the links
    warm_up_once()
    warm_up()
    if args.replay is not None:
        return run_on_loop(_replay(args))
    if args.web:
        return run_on_loop(show_page(args, Stop()), args.speed)
    return run_on_loop(_live(args), args.speed)


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


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"got {text!r}; want 1 to {MOST_PORT}, or 0 for a free one")
    return int(text)


class Telling:
    """Events as lines of JSON on stdout, at the pace of whoever reads them: a full pipe stops its own thread only."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """The stack waits for the last line, but not for ever."""
        self._stack = stack
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="json", daemon=True)

    def begin(self, live: Live | Replay) -> None:
        """From now on."""
        subscription = live.audience.subscribe(EVENTS_WAITING, lambda heard: bool(heard.events))
        task = asyncio.create_task(self._tell(subscription))
        self._thread.start()

        async def end() -> None:
            subscription.end()
            await task
            self._lines.put(None)
            await asyncio.to_thread(self._thread.join, LAST_LINES_S)
            if subscription.dropped or self._thread.is_alive():
                print("imu: some events found no reader for their lines; all are in the session", file=sys.stderr)

        self._stack.push_async_callback(end)

    async def _tell(self, subscription: Subscription[Heard]) -> None:
        async for heard in subscription:
            for event in heard.events:
                said = {"event": event.kind, "foot": event.foot, "t_emitted_ns": event.t_emitted_ns, "row": event.row}
                self._lines.put(canonical_json(said))

    def _write(self) -> None:
        with suppress(BrokenPipeError):
            while (line := self._lines.get()) is not None:
                self._put(f"{line}\n")

    def _put(self, text: str) -> None:
        try:
            # past the buffer: who waits for a reader there would hold up the end of the program
            left = text.encode()
            while left:
                left = left[os.write(sys.stdout.fileno(), left) :]
        except io.UnsupportedOperation:
            sys.stdout.write(text)


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
