"""A desk that does what it is told, behind a real server, and how a test reads what it tells a page."""

import asyncio
import json
from contextlib import asynccontextmanager

from imu.core.errors import RetrogaitError
from imu.live.audience import Audience
from imu.live.page.serve import serving
from imu.live.subscribers import Subscribers

WITHIN_S = 5.0
EVERY_COMMAND = [
    {"do": "subject", "code": "S01"},
    {"do": "against", "session": "2026-11-14T10-00-00Z"},
    {"do": "against", "session": None},
    {"do": "scan"},
    {"do": "bind", "serial": "A1", "sensor": "foot_left"},
    {"do": "unbind", "sensor": "foot_left"},
    {"do": "check", "id": "clearance", "done": True},
    {"do": "note_of", "key": "rails", "value": False},
    {"do": "note_of", "key": "shoes", "value": "own"},
    {"do": "belt", "speed": "1.2 mph"},
    {"do": "protocol", "name": "backward-first"},
    {"do": "start"},
    {"do": "next"},
    {"do": "pause"},
    {"do": "resume"},
    {"do": "mark"},
    {"do": "note", "text": "hält sich fest\n" * 100},
    {"do": "cue"},
    {"do": "cue", "metric": "drop", "low": None, "high": 5, "hold": 3, "sound": "speech"},
    {"do": "cue", "muted": False, "fade": True, "metronome_spm": 96.5},
    {"do": "recover", "log": "unfinished/S01--x.rglog"},
    {"do": "stop"},
]


class Refused(RetrogaitError):
    """As a desk refuses."""


class DeskAlone:
    """A sitting without sensors: its state is what a test sets."""

    def __init__(self):
        self.audience = Audience()
        self.state = {"stage": "setup", "clock": {"elapsed_s": 0.0}, "contacts": [], "heart_bpm": None}
        self.done = []
        self.may_end = asyncio.Event()
        self.begun = asyncio.Event()
        self.mountings = {}
        self._notices = Subscribers()
        self.subscribe_events, self.unsubscribe_events = self._notices.subscribe, self._notices.unsubscribe

    def mounting(self, sensor):
        return self.mountings.get(sensor)

    def document(self):
        return self.state

    async def do(self, command):
        self.done.append(dict(command))
        match command["do"]:
            case "next":
                raise Refused("there is no phase\nto go to; want a protocol")
            case "mark":
                raise ZeroDivisionError("a slip")
            case "start":
                self.begun.set()
                await self.may_end.wait()
                self.state["stage"] = "recording"
            case _:
                self.state["stage"] = f"after {command['do']}"

    def tell(self, **notice):
        self._notices.tell(notice)


@asynccontextmanager
async def at_the_desk(**options):
    desk = DeskAlone()
    async with serving(desk, port=0, **options) as (address, page_):
        yield desk, address.port, page_


async def told(socket, kind=None, *, but=("ping",)):
    """The next frame, or the next of a kind; None = binary frames and all texts but pings."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            frame = await socket.recv()
            if isinstance(frame, bytes):
                if kind in (None, bytes):
                    return frame
                continue
            said = json.loads(frame)
            if said["type"] == kind or (kind is None and said["type"] not in but):
                return said


async def listened(socket, seconds):
    """All that comes within some time."""
    frames = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                frames.append(await socket.recv())
    except TimeoutError:
        return [frame if isinstance(frame, bytes) else json.loads(frame) for frame in frames]


async def send(socket, **command):
    await socket.send(json.dumps(command))
