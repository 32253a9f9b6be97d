"""What is done with one sensor while it is connected: subscribe, start, ask for its clock, and notice when it falls silent."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bleak.args.bluez import BlueZNotifyArgs
from bleak.backends import BleakBackend

from firmware_bridge.driver import Driver
from firmware_bridge.link import Arrival, Client, Inbox, Kind, LinkFailed, Ping, ended, within
from firmware_bridge.packets import BadPacket

BATTERY: Final = "00002a19-0000-1000-8000-00805f9b34fb"
"""Battery level, of the service 180F."""

LOOK_BACK: Final = 8
"""Notifications that are kept for the counter of the last good packet: the very last ones may be damaged."""

LATE_S: Final = 0.25
"""A watchdog that wakes so much too late says that this computer stood still, not that the sensor did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take, and how often they are done."""

    scan_s: float = 5.0
    """Of one search; then it rests."""
    connect_s: float = 15.0
    call_s: float = 5.0
    """A read, a write, a subscription."""
    leave_s: float = 2.0
    """Each of stop, unsubscribe and disconnect at the end."""
    silence_s: float = 2.0
    """Without data: it is disconnected and looked for again."""
    ping_every_s: float = 30.0
    first_pings: int = 5
    backoff_first_s: float = 0.1
    """A sensor holds but a few seconds for a resend, so the first attempt comes at once."""
    backoff_most_s: float = 10.0
    fresh_s: float = 2.0
    """How old a sighting may be to connect by it."""
    trust_s: float = 60.0
    """How long an address is passed over because another sensor was seen to own it."""


class Watch:
    """One sensor, through all its connections."""

    def __init__(
        self,
        serial: str,
        driver: Driver,
        inbox: Inbox,
        *,
        rate_hz: float | None,
        acquire: bool,
        monotonic_ns: Callable[[], int],
        timing: Timing,
    ) -> None:
        self._serial = serial
        self._driver = driver
        self._inbox = inbox
        self._rate_hz = rate_hz
        self._acquire = acquire
        self._now = monotonic_ns
        self._timing = timing
        self._recent: deque[Arrival] = deque(maxlen=LOOK_BACK)
        self._resume: int | None = None

    def put(self, kind: Kind, payload: bytes = b"") -> None:
        self._inbox.put(Arrival(self._serial, kind, self._now(), payload))

    def note(self, text: str) -> None:
        self.put("note", text.encode())

    async def stream(self, client: Client, gone: asyncio.Event) -> None:
        """Lets a connected sensor stream for as long as the link holds; ends by an error or by being cancelled.

        Raises:
            BridgeError: a step failed, the link ended (`gone` was set), or no data came for `silence_s`.
        """
        timing, driver = self._timing, self._driver
        if self._resume is None:
            self._resume = self._next_packet()
        try:
            subscribe = client.start_notify(driver.data, self._on_data(), **self._bluez(client))
            await within(timing.call_s, "subscribe", subscribe)
            # what the sensor still holds comes before what it measures from now on
            if self._resume is not None:
                await within(timing.call_s, "ask for a resend", driver.resend(client, self._resume))
                self._resume = None
            started_ns = self._now()
            await within(timing.call_s, "start", driver.start(client, self._rate_hz))
            aside = asyncio.create_task(self._aside(client))
            try:
                await self._guard(gone, started_ns)
            finally:
                await ended(aside)
        except asyncio.CancelledError:
            # only now: a sensor that is to be found again keeps sampling into its memory meanwhile
            try:
                await self.leave(client, "stop", driver.stop)
            finally:
                await self.leave(client, "unsubscribe", lambda client: client.stop_notify(driver.data))
            raise

    async def leave(self, client: Client, doing: str, step: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
        """One step of the end. It never raises, or it would hide why it came to an end."""
        if client.is_connected:
            try:
                await within(self._timing.leave_s, doing, step(client))
            except BridgeError as slip:
                self.note(str(slip))

    def _on_data(self) -> Callable[[object, bytearray], None]:
        now, serial, recent, put = self._now, self._serial, self._recent, self._inbox.put

        def on_data(_: object, payload: bytearray) -> None:
            host_ns = now()
            arrival = Arrival(serial, "data", host_ns, bytes(payload))
            recent.append(arrival)
            put(arrival)

        return on_data
