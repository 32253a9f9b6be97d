"""Sensors of a sitting, with a role or without: found, kept connected, and looked at before a recording."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

import numpy as np

from firmware_bridge.central import STANDARD, Central, Found, Standard
from firmware_bridge.driver import Driver
from firmware_bridge.link import Arrival, Inbox, all_ended
from firmware_bridge.packets import BadPacket
from imu.core.samples import Floats, Ints
from imu.core.units import NS_PER_S
from imu.live.desk.placement import Motion
from imu.live.links import LinkQuality
from imu.live.live import LEAD_S

MOST: Final = 6
"""Sensors that are held at once; controllers carry seven links or so, and a treadmill and a strap want theirs."""
LASTING: Final = ("connected", "identified", "battery")
"""Arrivals that stay true of a link."""


class _Tap(Inbox):
    """Hands on at once; nothing waits in it."""

    def __init__(self, hand: Callable[[Arrival], None]) -> None:
        super().__init__()
        self._hand = hand

    def put(self, arrival: Arrival) -> None:
        self._hand(arrival)


class Here:
    """One sensor that is looked for, or here."""

    def __init__(self, driver: Driver, task: "asyncio.Task[None]") -> None:
        self.driver, self.task = driver, task
        self.quality = LinkQuality()
        self.motion = Motion()
        self.said: dict[str, Arrival] = {}
        """The last of each of LASTING."""
        self._scale: tuple[float, float, float] | None = None
        """m/s^2 and rad/s a count, and the sample period, s."""

    def take(self, arrival: Arrival) -> None:
        """What came from it."""
        self.quality.take(arrival)
        if arrival.kind in LASTING:
            self.said[arrival.kind] = arrival
        if arrival.kind == "identified":
            said = json.loads(arrival.payload)
            acc, gyr = said["acc_per_count_m_s2"], said["gyr_per_count_rad_s"]
            self._scale = (1.0 if acc is None else acc, 1.0 if gyr is None else gyr, 1.0 / said["rate_hz"])

    def look(self, arrival: Arrival) -> tuple[Ints, Floats, Floats] | None:
        """Its samples at about their times, on the host's clock: to look at, not to measure with."""
        if arrival.kind != "data" or self._scale is None:
            return None
        try:
            values = self.driver.decode(arrival.payload).values
        except BadPacket:
            return None
        acc, gyr, period_s = self._scale
        back_ns = np.rint(np.arange(len(values) - 1, -1, -1) * period_s * NS_PER_S).astype(np.int64)
        scaled = values.astype(np.float64)
        return arrival.host_ns - back_ns, scaled[:, :3] * acc, scaled[:, 3:] * gyr


class Muster:
    """On one event loop. `hand` gets every arrival, at once and in order; it may not wait.

    Args:
        central: the radio.
        drivers: by name.
        hand: where arrivals go on to.
        on_slip: told when a link ended by itself, which none does.
    """

    def __init__(
        self,
        central: Central,
        drivers: Mapping[str, Driver],
        hand: Callable[[Arrival], None],
        on_slip: Callable[[BaseException], None],
    ) -> None:
        self.here: dict[str, Here] = {}
        """By serial number."""
        self.found: tuple[Found, ...] = ()
        """As last looked for."""
        self.looking = True
        """Before a recording samples are looked at here, and kept for a while."""
        self._central, self._drivers, self._hand, self._on_slip = central, drivers, hand, on_slip
        self._asides: dict[Standard, asyncio.Task[None]] = {}
        self._lead: deque[Arrival] = deque()
        self._tap = _Tap(self._take)
        self.on_look: Callable[[str, Ints, Floats, Floats], None] | None = None
        """Told what a sensor measured: serial, (n,) ns, (n, 3) m/s^2, (n, 3) rad/s."""

    @property
    def asides(self) -> tuple[Standard, ...]:
        """Standard services that are listened to."""
        return tuple(self._asides)

    def hold(self, serial: str, driver: str, *, rate_hz: float | None = None) -> None:
        """Look for it and keep it connected, from now on."""
        if serial in self.here:
            return
        supervising = self._central.supervise(serial, driver, self._tap, rate_hz=rate_hz)
        self.here[serial] = Here(self._drivers[driver], self._begun(supervising))

    def listen(self, standard: Standard) -> None:
        """To a treadmill or a strap, from now on."""
        if standard not in self._asides:
            self._asides[standard] = self._begun(self._central.listen(standard, self._tap))

    async def scan(self, seconds: float) -> None:
        """Look who is in the air; whoever is gets held, so that a shaken one shows, and is listened to.

        Raises:
            LinkFailed: there is no radio, or it is off or refuses.
        """
        self.found = tuple(await self._central.find(seconds))
        for one in self.found:
            if one.serial is not None and one.driver in self._drivers and len(self.here) < MOST:
                self.hold(one.serial, one.driver)
        for standard in STANDARD:
            if any(one.driver == standard for one in self.found):
                self.listen(standard)

    def lead(self) -> list[Arrival]:
        """What those who come later have missed, in order: who is connected, and the last while."""
        begin_ns = self._lead[0].host_ns if self._lead else 0
        said = [arrival for one in self.here.values() for arrival in one.said.values()]
        before = [arrival for arrival in said if not self._lead or arrival.host_ns < begin_ns]
        return [*sorted(before, key=lambda arrival: arrival.host_ns), *self._lead]

    async def release(self, serials: Iterable[str]) -> None:
        """Stop these sensors and let them go."""
        await all_ended([self.here.pop(serial).task for serial in list(serials) if serial in self.here])

    async def close(self) -> None:
        """Stop all of them, and listen no more."""
        asides, self._asides = list(self._asides.values()), {}
        here, self.here = [one.task for one in self.here.values()], {}
        await all_ended([*here, *asides])

    def _begun(self, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(coroutine)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        slip = None if task.cancelled() else task.exception()
        if slip is not None:
            self._on_slip(slip)

    def _take(self, arrival: Arrival) -> None:
        one = self.here.get(arrival.source)
        if one is not None:
            one.take(arrival)
        if self.looking:
            self._lead.append(arrival)
            while self._lead[0].host_ns < arrival.host_ns - LEAD_S * NS_PER_S:
                self._lead.popleft()
            looked = None if one is None else one.look(arrival)
            if one is not None and looked is not None:
                one.motion.push(*looked)
                if self.on_look is not None:
                    self.on_look(arrival.source, *looked)
        else:
            self._lead.clear()
        self._hand(arrival)
