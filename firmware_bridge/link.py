"""One link to one device: what came in over it, what a radio has to offer, and a time limit on all that is asked."""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from firmware_bridge.driver import Link
from firmware_bridge.packets import BridgeError

if TYPE_CHECKING:  # a log is read without a radio, and bleak takes its time
    from bleak.args.bluez import BlueZNotifyArgs
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

T = TypeVar("T")

Kind: TypeAlias = Literal[
    "connected", "identified", "data", "ping", "battery", "treadmill", "heart_rate", "note", "lost", "overflow"
]
"""What an arrival is, and so what its payload holds:

- `connected`: the name that the device shows, UTF-8; who it is, is not known yet
- `identified`: its `Identity` as JSON
- `data`, `battery`, `treadmill`, `heart_rate`: one notification of the device's characteristic, as it came
- `ping`: see `Ping`
- `note`: what went wrong without ending the link, UTF-8; `lost`: why the link ended, UTF-8
- `overflow`: how many arrivals the inbox had no room for at this place, in decimal digits
"""


class Arrival(NamedTuple):
    """What came in, as it is written to the log."""

    source: str
    """Serial number of the sensor; of a standard service its kind."""
    kind: Kind
    host_ns: int
    """`host_ns` as the first thing done about it."""
    payload: bytes


class Ping(NamedTuple):
    """One reading of a device's clock. The arrival's `host_ns` is the host's clock after it."""

    before_ns: int
    """`host_ns` before it was asked."""
    ticks: int
    """What it said, wrapped as in its frames."""

    def pack(self) -> bytes:
        return _PING.pack(*self)

    @classmethod
    def unpack(cls, payload: bytes) -> "Ping":
        return cls(*_PING.unpack(payload))


_PING: Final = Struct("<qQ")


def host_ns() -> int:
    """The clock of all host stamps, ns: monotonic, and it goes on while the computer sleeps.

    So a laptop that slept is a gap in time. By a clock that stands still meanwhile (`time.monotonic` of Linux and
    macOS) the sensors would seem to have leapt ahead. It begins anywhere: differences alone mean something, and none
    to another clock, an event loop's in particular.
    """
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    # Windows: the performance counter; time.monotonic is that of 16 ms before Python 3.13
    return time.perf_counter_ns()


LOOK_BACK: Final = 8
"""Notifications of a source that stay at hand: the counter of the last good one is wanted, and some may be damaged."""

ROOM: Final = 1 << 16
"""Arrivals an inbox holds: nine minutes of three sensors that send 40 packets a second."""


class Inbox:
    """Arrivals in their order, between the radio's callbacks and one reader on the same event loop.

    It is bounded. What finds no room is counted, and an arrival `overflow` stands where it would have stood.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.overflowed = 0
        self._room = room
        self._arrivals: deque[Arrival] = deque()
        self._unsaid = 0
        self._there = asyncio.Event()

    def __len__(self) -> int:
        return len(self._arrivals)

    def put(self, arrival: Arrival) -> None:
        if len(self._arrivals) >= self._room:
            self.overflowed += 1
            self._unsaid += 1
            return
        if self._unsaid:
            self._arrivals.append(self._overflow(arrival.host_ns))
        self._arrivals.append(arrival)
        self._there.set()

    def drain(self) -> list[Arrival]:
        """All that is there now, oldest first."""
        arrivals = list(self._arrivals)
        if self._unsaid:
            arrivals.append(self._overflow(arrivals[-1].host_ns))
        self._arrivals.clear()
        self._there.clear()
        return arrivals

    async def take(self) -> list[Arrival]:
        """All that is there, oldest first, as soon as there is anything."""
        await self._there.wait()
        return self.drain()

    def _overflow(self, host_ns: int) -> Arrival:
        lost, self._unsaid = self._unsaid, 0
        return Arrival("", "overflow", host_ns, str(lost).encode())


class Services(Protocol):
    def get_characteristic(self, specifier: str) -> object | None: ...


class Client(Link, Protocol):
    """The part of `bleak.BleakClient` that the bridge uses."""

    @property
    def backend_id(self) -> str: ...

    @property
    def is_connected(self) -> bool: ...

    @property
    def services(self) -> Services: ...

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def start_notify(
        self, char_specifier: str, callback: Callable[[Any, bytearray], None], *, bluez: "BlueZNotifyArgs" = ...
    ) -> None: ...

    async def stop_notify(self, char_specifier: str) -> None: ...


class Scanner(Protocol):
    """The part of `bleak.BleakScanner` that the bridge uses."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class MakeClient(Protocol):
    """`bleak.BleakClient`, or a `functools.partial` of it that names another backend."""

    def __call__(
        self, device: "BLEDevice", /, *, disconnected_callback: Callable[[Any], None], timeout: float
    ) -> Client: ...


class MakeScanner(Protocol):
    """`bleak.BleakScanner`, or a `functools.partial` of it that names another backend."""

    def __call__(
        self, *, detection_callback: "Callable[[BLEDevice, AdvertisementData], None]", service_uuids: list[str] | None
    ) -> Scanner: ...


class LinkFailed(BridgeError, ConnectionError):
    """What was asked of a device or of the radio did not happen; `doing` says what that was."""

    def __init__(self, doing: str, why: str) -> None:
        super().__init__(f"{doing}: {why}")
        self.doing = doing


GRACE_S: Final = 1.0
"""What a call gets to tidy up after it was cancelled, each time that it is."""
CANCELS: Final = 3
"""A stack that is stuck hangs in its tidying up as well; the next cancel ends that."""

ASK_AGAIN_S: Final = 10.0
"""A sensor may take so long to be stopped, left and disconnected."""


async def within(seconds: float, doing: str, call: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """The result of `call`, which is cancelled after `seconds`.

    `asyncio.timeout` waits for as long as the tidying up of a cancelled call takes, and bleak's asks a daemon that may
    be stuck. This one gives up for certain.

    Raises:
        LinkFailed: it took longer, or raised anything: what backends let out is not documented and not alike.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise LinkFailed(doing, f"no answer within {seconds:g} s")
    finally:
        await ended(task)
    if task.cancelled():
        raise LinkFailed(doing, "given up by the radio's own software")
    if slip := task.exception():
        if isinstance(slip, BridgeError):
            raise slip
        raise LinkFailed(doing, str(slip) or type(slip).__name__) from slip
    return task.result()


class Source:
    """Whatever arrivals come from: puts them into the inbox, stamped."""

    def __init__(self, name: str, inbox: Inbox, host_ns: Callable[[], int]) -> None:
        self._name = name
        self._inbox = inbox
        self._now = host_ns
        self._recent: deque[Arrival] = deque(maxlen=LOOK_BACK)

    @property
    def recent(self) -> Sequence[Arrival]:
        """The last notifications, oldest first."""
        return self._recent

    @property
    def last_ns(self) -> int | None:
        """When the last notification came; None before the first."""
        return self._recent[-1].host_ns if self._recent else None

    def put(self, kind: Kind, payload: bytes = b"", host_ns: int | None = None) -> None:
        self._inbox.put(Arrival(self._name, kind, self._now() if host_ns is None else host_ns, payload))

    def note(self, text: str) -> None:
        self.put("note", text.encode())

    def on_notify(self, kind: Kind) -> Callable[[object, bytearray], None]:
        """The callback of a characteristic. It runs between packets of all sensors, so it does next to nothing."""
        now, name, recent, put = self._now, self._name, self._recent, self._inbox.put

        def notified(_: object, payload: bytearray) -> None:
            host_ns = now()
            arrival = Arrival(name, kind, host_ns, bytes(payload))
            recent.append(arrival)
            put(arrival)

        return notified

    async def attempt(
        self, client: Client, seconds: float, doing: str, step: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """What may fail without ending the link, or because it has ended: noted, never raised."""
        if client.is_connected:
            try:
                await within(seconds, doing, step())
            except BridgeError as slip:
                self.note(str(slip))


async def ended(task: asyncio.Future[Any]) -> None:
    """Cancels a task and waits for its end, but not for ever. Its outcome counts as seen."""
    task.add_done_callback(_seen)
    for _ in range(CANCELS):
        if task.done():
            return
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE_S)


async def all_ended(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancels tasks and waits until they have ended, however long they take to tidy up. Outcomes count as seen.

    A cancel that comes just as an inner wait ends may be swallowed before Python 3.12: it asks again.
    """
    pending = set(tasks)
    for task in pending:
        task.add_done_callback(_seen)
    while pending := {task for task in pending if not task.done()}:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=ASK_AGAIN_S)


def _seen(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()
