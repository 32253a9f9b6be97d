"""The host's side of the radio: what is in the air, and sensors that are found by serial number and kept connected."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from json import dumps
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary
from zlib import crc32

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_bridge.driver import Driver
from firmware_bridge.link import Client, Inbox, LinkFailed, MakeClient, MakeScanner, Source, host_ns, within
from firmware_bridge.packets import BridgeError, Identity
from firmware_bridge.standard import FITNESS_MACHINE, HEART_RATE, HEART_RATE_MEASUREMENT, TREADMILL_DATA
from firmware_bridge.watch import Backoff, Timing, Watch

Once: TypeAlias = Callable[[AsyncExitStack], Coroutine[Any, Any, None]]

Standard: TypeAlias = Literal["treadmill", "heart_rate"]

STANDARD: Final[Mapping[Standard, tuple[str, str]]] = {
    "treadmill": (FITNESS_MACHINE, TREADMILL_DATA),
    "heart_rate": (HEART_RATE, HEART_RATE_MEASUREMENT),
}
"""Service and the characteristic that notifies."""

BACKOFF: Final = 1
"""Purpose of the random stream."""


class NoDriver(BridgeError, LookupError):
    """A driver that isn't installed."""


class Found(NamedTuple):
    """A device in the air."""

    driver: str
    """Of the driver that knows it, or the kind of standard service that it offers."""
    name: str
    """As it shows itself; "" if it doesn't."""
    rssi: int
    """dBm; the last seen."""
    identity: Identity | None
    """None: it offers a standard service only, or `problem`."""
    problem: str | None
    """Why it did not say who it is."""

    @property
    def serial(self) -> str | None:
        return None if self.identity is None else self.identity.serial


class Sighting(NamedTuple):
    """An advertisement."""

    device: BLEDevice
    data: AdvertisementData
    host_ns: int

    @property
    def name(self) -> str:
        return self.data.local_name or self.device.name or ""

    def offers(self, service: str) -> bool:
        return service.lower() in (uuid.lower() for uuid in self.data.service_uuids)

    def may_be(self, driver: Driver) -> bool:
        """Whether it shows what this driver looks for."""
        return self.offers(driver.service) or self.name.lower().startswith(
            tuple(prefix.lower() for prefix in driver.name_prefixes)
        )


_LOCKS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()


def radio_lock() -> asyncio.Lock:
    """The one lock round scan and connect; systems refuse them at a time (BlueZ: InProgress)."""
    return _LOCKS.setdefault(asyncio.get_running_loop(), asyncio.Lock())


class Air:
    """One scan serves all that look for something: whoever holds the lock scans for every one of them."""

    def __init__(
        self, scanner: MakeScanner, services: list[str] | None, timing: Timing, host_ns: Callable[[], int]
    ) -> None:
        """`services`: what offers none of them is not shown; None = all is."""
        self._scanner = scanner
        self._services = services
        self._timing = timing
        self._now = host_ns
        self._seen: dict[str, Sighting] = {}
        self._wants: list[Callable[[Sighting], bool]] = []

    @asynccontextmanager
    async def spotted(self, want: Callable[[Sighting], bool], what: str) -> AsyncGenerator[Sighting]:
        """A fresh sighting of a wanted device, with the lock held: the time to connect to it.

        Raises:
            LinkFailed: it was not seen, or there is no radio.
        """
        loop = asyncio.get_running_loop()
        left_s = self._timing.scan_s
        self._wants.append(want)
        try:
            while True:
                async with radio_lock():
                    if left_s > 0 and self._fresh(want) is None:
                        began_s = loop.time()
                        await self.scan(left_s)
                        left_s -= loop.time() - began_s
                    if (sighting := self._fresh(want)) is not None:
                        # whoever wants it next has to see it again
                        del self._seen[sighting.device.address]
                        yield sighting
                        return
                if left_s <= 0:
                    raise LinkFailed(f"look for {what}", f"not seen within {self._timing.scan_s:g} s")
        finally:
            self._wants.remove(want)

    async def scan(self, seconds: float, *, to_the_end: bool = False) -> list[Sighting]:
        """What was seen until somebody's wanted device came in sight. The lock is held by the caller.

        Raises:
            LinkFailed: there is no radio, or it is off or refuses.
        """
        sightings: dict[str, Sighting] = {}
        enough = asyncio.Event()

        def on_seen(device: BLEDevice, data: AdvertisementData) -> None:
            sighting = Sighting(device, data, self._now())
            sightings[device.address] = self._seen[device.address] = sighting
            if not to_the_end and any(want(sighting) for want in self._wants):
                enough.set()

        scanner = self._scanner(detection_callback=on_seen, service_uuids=self._services)
        # bleak, cancelled while it asks the system to scan, forgets that it has asked: it is heard out first
        starting = asyncio.ensure_future(scanner.start())
        try:
            await within(self._timing.call_s, "scan", asyncio.shield(starting))
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await enough.wait()
        except (BridgeError, asyncio.CancelledError):
            with suppress(BridgeError):  # the first error says more
                await within(self._timing.leave_s, "scan", starting)
            with suppress(BridgeError):
                await within(self._timing.leave_s, "stop the scan", scanner.stop())
            raise
        await within(self._timing.leave_s, "stop the scan", scanner.stop())
        return list(sightings.values())

    def _fresh(self, want: Callable[[Sighting], bool]) -> Sighting | None:
        """The strongest of those that are wanted; what is stale is forgotten."""
        oldest_ns = self._now() - round(self._timing.fresh_s * 1e9)
        self._seen = {address: seen for address, seen in self._seen.items() if seen.host_ns >= oldest_ns}
        return max(filter(want, self._seen.values()), key=lambda seen: seen.data.rssi, default=None)


class Central:
    """The radio of this computer, for as many devices as it carries. To be used on one event loop."""

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        *,
        client: MakeClient = BleakClient,
        scanner: MakeScanner = BleakScanner,
        host_ns: Callable[[], int] = host_ns,
        timing: Timing | None = None,
        acquire: bool = False,
        seed: int = 0,
    ) -> None:
        """Args: drivers by name; `client` and `scanner` make bleak's; `acquire` as in `Watch`; `seed` of the jitter.

        One driver that goes by names makes every scan one for all that is in the air: give those in use, no more.
        """
        self._drivers = drivers
        self._client = client
        self.host_ns: Final = host_ns
        """The clock that stamps arrivals."""
        self._timing = timing or Timing()
        self._acquire = acquire
        self._seed = seed
        services = {driver.service for driver in drivers.values()} | {uuid for uuid, _ in STANDARD.values()}
        by_name = any(driver.name_prefixes for driver in drivers.values())
        self._air = Air(scanner, None if by_name else sorted(services), self._timing, host_ns)
        self._held: dict[str, Identity | None] = {}
        """By address, what this process is connected to; another client would tear that link down."""
        self._known: dict[str, tuple[str, int]] = {}
        """By address, the serial that was found behind it, and when."""
        self._supervised: set[str] = set()

    async def find(self, seconds: float) -> list[Found]:
        """What is in the air and known by service or name, sorted; each is asked who it is, over a short connection.

        Raises:
            LinkFailed: there is no radio, or it is off or refuses.
        """
        async with radio_lock():
            sightings = await self._air.scan(seconds, to_the_end=True)
        found: list[Found] = []
        for sighting in sightings:
            for name, driver in sorted(self._drivers.items()):
                if sighting.may_be(driver):
                    found.append(await self._ask(sighting, name, driver))
            for kind, (service, _) in STANDARD.items():
                if sighting.offers(service):
                    found.append(Found(kind, sighting.name, sighting.data.rssi, None, None))
        return sorted(found, key=lambda one: (one.driver, one.name, one.serial or "", -one.rssi))

    async def supervise(self, serial: str, driver: str, inbox: Inbox, *, rate_hz: float | None = None) -> None:
        """Finds the sensor, lets it stream into the inbox, and does so again whenever it is lost; until cancelled.

        Cancelled, it stops the sensor, unsubscribes and disconnects. Nothing that a device or the radio does ends it.

        Raises:
            NoDriver: no such driver.
        """
        if driver not in self._drivers:
            raise NoDriver(f"no driver {driver!r}; there are {', '.join(sorted(self._drivers)) or 'none'}")
        kind = self._drivers[driver]
        source = Source(serial, inbox, self.host_ns)
        watch = Watch(kind, source, rate_hz=rate_hz, acquire=self._acquire, host_ns=self.host_ns, timing=self._timing)

        async def once(link: AsyncExitStack) -> None:
            client, gone = await self._reach(link, serial, kind, source)
            try:
                await watch.stream(client, gone)
            except BridgeError as slip:
                source.put("lost", str(slip).encode())

        self._supervised.add(serial)
        try:
            await self._again_and_again(source, serial, once)
        finally:
            self._supervised.discard(serial)

    async def listen(self, standard: Standard, inbox: Inbox, *, name: str | None = None) -> None:
        """Subscribes to a treadmill or a heart rate strap, again whenever it is lost; until cancelled.

        Nothing is ever written to it. `name` is what it shows in the air; None = whichever is there.
        """
        service, characteristic = STANDARD[standard]
        source = Source(standard, inbox, self.host_ns)

        def want(seen: Sighting) -> bool:
            return seen.device.address not in self._held and seen.offers(service) and name in {None, seen.name}

        async def once(link: AsyncExitStack) -> None:
            async with self._air.spotted(want, standard.replace("_", " ")) as sighting:
                client, gone = await link.enter_async_context(self._connected(sighting, source.note))
            source.put("connected", sighting.name.encode())
            subscribe = client.start_notify(characteristic, source.on_notify(standard))
            await within(self._timing.call_s, "subscribe", subscribe)
            try:
                await gone.wait()
            except asyncio.CancelledError:
                unsubscribe = partial(client.stop_notify, characteristic)
                await source.attempt(client, self._timing.leave_s, "unsubscribe", unsubscribe)
                raise
            source.put("lost", b"listen: the link broke")

        await self._again_and_again(source, standard, once)

    async def _again_and_again(self, source: Source, salt: str, once: Once) -> None:
        """Goes on for ever; the pauses grow while nothing comes of it."""
        backoff = Backoff(self._timing, [self._seed, BACKOFF, crc32(salt.encode())])
        while True:
            heard_ns = source.last_ns
            try:
                async with AsyncExitStack() as link:
                    await once(link)
            except BridgeError as slip:
                source.note(str(slip))
            if source.last_ns != heard_ns:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    async def _reach(
        self, link: AsyncExitStack, serial: str, driver: Driver, source: Source
    ) -> tuple[Client, asyncio.Event]:
        """Connects to the sensor of this serial, wherever it is; `link` will disconnect it.

        Raises:
            BridgeError: it was not seen, or it was and the connection failed.
        """
        tried: set[str] = set()
        want = self._who_may_be(serial, driver, tried)
        while True:
            async with self._air.spotted(want, f"{driver.name} {serial}") as sighting, AsyncExitStack() as attempt:
                address = sighting.device.address
                try:
                    client, gone = await attempt.enter_async_context(self._connected(sighting, source.note))
                    source.put("connected", sighting.name.encode())
                    identity = await within(self._timing.call_s, "identify", driver.identify(client))
                except BridgeError as slip:
                    if self._known.get(address, ("", 0))[0] == serial or sighting.name.endswith(serial):
                        raise
                    source.note(f"{sighting.name or 'a nameless device'}: {slip}")
                else:
                    self._known[address] = (identity.serial, self.host_ns())
                    if identity.serial == serial:
                        self._held[address] = identity
                        link.push_async_exit(attempt.pop_all())
                        source.put("identified", dumps(identity._asdict(), sort_keys=True).encode())
                        return client, gone
                    source.note(f"connected to {identity.serial}; want {serial}: on to the next")
                tried.add(address)

    def _who_may_be(self, serial: str, driver: Driver, tried: set[str]) -> Callable[[Sighting], bool]:
        """Names and addresses only tell whom to ask first; who it is, the sensor says itself."""
        loop = asyncio.get_running_loop()
        doubt_s = loop.time() + self._timing.scan_s / 2

        def want(seen: Sighting) -> bool:
            address = seen.device.address
            if address in tried or address in self._held or not seen.may_be(driver):
                return False
            owner, since_ns = self._known.get(address, (serial, 0))
            if owner != serial:
                return self.host_ns() - since_ns > self._timing.trust_s * 1e9
            if seen.name.endswith(serial) or loop.time() > doubt_s:
                return True
            return not any(seen.name.endswith(other) for other in self._supervised)

        return want

    async def _ask(self, sighting: Sighting, name: str, driver: Driver) -> Found:
        problems: list[str] = []
        identity: Identity | None = None
        try:
            async with radio_lock():
                if sighting.device.address in self._held:
                    identity = self._held[sighting.device.address]
                else:
                    async with self._connected(sighting, problems.append) as (client, _):
                        identity = await within(self._timing.call_s, "identify", driver.identify(client))
                        self._known[sighting.device.address] = (identity.serial, self.host_ns())
        except BridgeError as slip:
            problems.append(str(slip))
        return Found(name, sighting.name, sighting.data.rssi, identity, "; ".join(problems) or None)

    @asynccontextmanager
    async def _connected(
        self, sighting: Sighting, tell: Callable[[str], None]
    ) -> AsyncGenerator[tuple[Client, asyncio.Event]]:
        """A new client, connected, and the event that is set when its link ends. The lock is held by the caller.

        Raises:
            LinkFailed: no connection came about.
        """
        timing, address, gone = self._timing, sighting.device.address, asyncio.Event()
        client = self._client(sighting.device, disconnected_callback=lambda _: gone.set(), timeout=timing.connect_s)
        self._held[address] = None
        try:
            await within(timing.connect_s, "connect", client.connect())
            yield client, gone
        finally:
            try:
                await within(timing.leave_s, "disconnect", client.disconnect())
            except BridgeError as slip:
                tell(str(slip))
            finally:
                del self._held[address]
