"""What is done with a sensor while it is connected: subscribe, start, ask for its clock, notice that it fell silent."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final

import numpy as np
from bleak.args.bluez import BlueZNotifyArgs
from bleak.backends import BleakBackend

from firmware_bridge.driver import Driver
from firmware_bridge.link import Client, LinkFailed, Ping, Source, ended, within
from firmware_bridge.packets import BadPacket
from firmware_bridge.standard import BATTERY_LEVEL

LATE_S: Final = 0.25
"""A watchdog that wakes so much too late says that this computer stood still or slept, not that the sensor did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take, and how often they are done."""

    scan_s: float = 5.0
    """Of one search; then it rests."""
    connect_s: float = 15.0
    call_s: float = 5.0
    """A read, a write, a subscription, the start of a scan."""
    leave_s: float = 5.0
    """Each of stop, unsubscribe and disconnect at the end; BlueZ takes 2 s to disconnect."""
    silence_s: float = 2.0
    """Without data: it is disconnected and looked for again."""
    first_pings: int = 8
    """After each connect, as docs/clocks.md measures it: they come before the first steps do."""
    first_ping_every_s: float = 0.3
    ping_every_s: float = 30.0
    """After those; also the battery."""
    backoff_first_s: float = 0.1
    """A sensor holds but a few seconds for a resend, so the first attempt comes at once."""
    backoff_most_s: float = 10.0
    fresh_s: float = 2.0
    """How old a sighting may be to connect by it."""
    trust_s: float = 60.0
    """How long an address is passed over because another sensor was found behind it."""


class Backoff:
    """Pauses between attempts: each up to twice as long as the last, and never all sensors at one time."""

    def __init__(self, timing: Timing, seed: Sequence[int]) -> None:
        self._timing = timing
        self._rng = np.random.default_rng(seed)
        self._most_s = timing.backoff_first_s

    def reset(self) -> None:
        self._most_s = self._timing.backoff_first_s

    def next_s(self) -> float:
        most_s, self._most_s = self._most_s, min(2 * self._most_s, self._timing.backoff_most_s)
        return most_s * self._rng.uniform(0.5, 1.0)


class Watch:
    """One sensor, through all its connections."""

    def __init__(
        self,
        driver: Driver,
        source: Source,
        *,
        rate_hz: float | None,
        acquire: bool,
        host_ns: Callable[[], int],
        timing: Timing,
    ) -> None:
        """`acquire`: BlueZ hands over a socket of its own for the data, in place of a D-Bus signal a packet."""
        self._driver = driver
        self._source = source
        self._rate_hz = rate_hz
        self._acquire = acquire
        self._now = host_ns
        self._timing = timing
        self._resume: int | None = None

    async def stream(self, client: Client, gone: asyncio.Event) -> None:
        """Lets a connected sensor stream while the link holds (`gone` is set when it ends). It ends by an error only.

        Raises:
            BridgeError: a step failed, the link ended, or no data came for `silence_s`.
        """
        timing, driver, source = self._timing, self._driver, self._source
        if self._resume is None:
            self._resume = self._next_packet()
        await self._subscribe(client)
        try:
            if self._resume is not None:
                # before start, so that what it still holds comes first
                await within(timing.call_s, "ask for a resend", driver.resend(client, self._resume))
                self._resume = None
            await within(timing.call_s, "start", driver.start(client, self._rate_hz))
            aside = asyncio.create_task(self._aside(client))
            try:
                await self._guard(gone)
            finally:
                await ended(aside)
        except asyncio.CancelledError:
            # not after an error: a sensor that will be found again goes on sampling into its memory
            try:
                await source.attempt(client, timing.leave_s, "stop", lambda: driver.stop(client))
            finally:
                await self._unsubscribe(client)
            raise

    async def _subscribe(self, client: Client) -> None:
        """Cancelled, it ends what it began first: BlueZ may have sent a socket, which nobody else would close."""
        start = client.start_notify(self._driver.data, self._source.on_notify("data"), **self._bluez(client))
        subscribing = asyncio.ensure_future(within(self._timing.call_s, "subscribe", start))
        try:
            await asyncio.shield(subscribing)
        except asyncio.CancelledError:
            await asyncio.wait({subscribing}, timeout=self._timing.leave_s)
            await ended(subscribing)
            if not subscribing.cancelled() and subscribing.exception() is None:
                await self._unsubscribe(client)
            raise

    async def _unsubscribe(self, client: Client) -> None:
        stop = partial(client.stop_notify, self._driver.data)
        await self._source.attempt(client, self._timing.leave_s, "unsubscribe", stop)

    def _bluez(self, client: Client) -> dict[str, BlueZNotifyArgs]:
        """Other systems have one way to subscribe only."""
        if client.backend_id != BleakBackend.BLUEZ_DBUS:
            return {}
        return {"bluez": {"use_start_notify": not self._acquire}}

    def _next_packet(self) -> int | None:
        """Counter after that of the last good packet; None if there was none or the device doesn't count."""
        bits = self._driver.counters.packet_bits
        for arrival in reversed(self._source.recent):
            with suppress(BadPacket):
                packet = self._driver.decode(arrival.payload).packet
                return None if packet is None or not bits else (packet + 1) % (1 << bits)
        return None

    async def _guard(self, gone: asyncio.Event) -> None:
        """Ends by an error when the link has ended, or nothing came over it for too long."""
        now_ns = heard_ns = self._now()
        while True:
            heard_ns = max(heard_ns, self._source.last_ns or heard_ns)
            silent_s = (now_ns - heard_ns) / 1e9
            left_s = self._timing.silence_s - silent_s
            if left_s <= 0:
                raise LinkFailed("listen", f"no data for {silent_s:.1f} s")
            # by the host's clock: the loop's may stand still while the computer sleeps
            due_ns = now_ns + round(left_s * 1e9)
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await gone.wait()
                raise LinkFailed("listen", "the link broke")
            now_ns = self._now()
            if now_ns - due_ns > LATE_S * 1e9:
                heard_ns = now_ns

    async def _aside(self, client: Client) -> None:
        """What is asked while data flows."""
        timing, attempt = self._timing, self._source.attempt
        for pings in count(1):
            await attempt(client, timing.call_s, "ask for its clock", lambda: self._ping(client))
            if pings < timing.first_pings:
                await asyncio.sleep(timing.first_ping_every_s)
            else:
                await attempt(client, timing.call_s, "ask for its battery", lambda: self._read_battery(client))
                await asyncio.sleep(timing.ping_every_s)

    async def _ping(self, client: Client) -> None:
        before_ns = self._now()
        ticks = await self._driver.device_ticks(client)
        host_ns = self._now()
        took_s = (host_ns - before_ns) / 1e9
        if took_s > self._timing.call_s:
            # a call that takes so long is given up, so the computer slept in it: nobody knows on which side of that
            # the device was asked
            self._source.note(f"ask for its clock: answered after {took_s:.1f} s; left out")
        elif ticks is not None:
            self._source.put("ping", Ping(before_ns, ticks).pack(), host_ns)

    async def _read_battery(self, client: Client) -> None:
        """Read, not subscribed: BlueZ keeps the battery service to itself and lets others read it at best."""
        if client.services.get_characteristic(BATTERY_LEVEL) is not None:
            self._source.put("battery", bytes(await client.read_gatt_char(BATTERY_LEVEL)))
