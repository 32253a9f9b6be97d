"""Who wears what, and the live loop that hears it: sensors may change their roles until a recording begins."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from firmware_bridge.central import Central, Standard
from firmware_bridge.driver import Driver
from firmware_bridge.link import Arrival, Inbox
from imu.core.samples import Floats, Ints
from imu.core.session import FOOT_SENSORS, SENSORS, Sensor
from imu.live.audience import Audience
from imu.live.desk.muster import Muster
from imu.live.desk.setup import Refused
from imu.live.live import Live
from imu.live.sitting import now_utc
from imu.live.worn import Worn, checked, save
from imu.store.slips import likely

Look = Callable[[Sensor, Ints, Floats, Floats], None]
"""Told what a worn sensor measures before a recording: (n,) ns, (n, 3) m/s^2, (n, 3) rad/s, sensor axes."""

SCAN_S: Final = 4.0


class Station:
    """Sensors of one sitting.

    Args:
        central: the radio.
        drivers: by name.
        worn: who wears what, to begin with.
        worn_path: where that is kept when it changes; None = nowhere.
        look: see `Look`.
        on_slip: told when a link ended by itself, which none does.
    """

    def __init__(
        self,
        central: Central,
        drivers: Mapping[str, Driver],
        worn: Sequence[Worn],
        *,
        worn_path: Path | None,
        look: Look,
        on_slip: Callable[[BaseException], None],
    ) -> None:
        self.audience = Audience()
        """Of whichever live loop there is."""
        self.worn = checked(worn)
        self.scanning = False
        self._central = central
        self.muster = Muster(central, drivers, self._hand, on_slip)
        self.muster.on_look = self._looked
        self._drivers, self._worn_path, self._look = drivers, worn_path, look
        self._inbox = Inbox()
        self._listening: asyncio.Task[None] | None = None
        self.live = self._made()

    def begin(self, asides: Sequence[Standard]) -> None:
        """Look for all that are worn, and listen to standard services."""
        for one in self.worn:
            self._hold(one)
        for standard in asides:
            self.muster.listen(standard)
        self._wear()

    @property
    def mountings(self) -> dict[Sensor, Floats | None]:
        """(3, 3) of each worn sensor, rows forward, left and up in sensor axes; None = unknown."""
        return {one.sensor: None if one.mounting is None else np.array(one.mounting) for one in self.worn}

    def lacking(self) -> list[str]:
        """Sensors that should be there."""
        streaming = self.live.streaming()
        missing = [f"{one.sensor} {one.serial} does not stream" for one in self.worn if one.sensor not in streaming]
        return missing if any(sensor in streaming for sensor in FOOT_SENSORS) else [*missing, "want a foot sensor"]

    async def scan(self) -> None:
        """Look who is in the air.

        Raises:
            Refused: it is looking already.
            LinkFailed: there is no radio, or it is off or refuses.
        """
        if self.scanning:
            raise Refused("it is looking already")
        self.scanning = True
        try:
            await self.muster.scan(SCAN_S)
        finally:
            self.scanning = False

    async def bind(self, serial: str, sensor: Sensor) -> None:
        """A sensor takes a role; whichever had it, and whatever role it had, is free.

        Raises:
            Refused: no such role, or no such sensor.
            CannotWrite: the file of worn sensors.
        """
        if sensor not in SENSORS:
            raise Refused(f"no role {sensor!r}; want {', '.join(SENSORS)}{likely(str(sensor), SENSORS)}")
        if any((one.serial, one.sensor) == (serial, sensor) for one in self.worn):
            return
        here = self.muster.here.get(serial)
        found = {one.serial: one.driver for one in self.muster.found if one.serial is not None}
        if here is None and serial not in found:
            known = ", ".join(sorted({*found, *self.muster.here})) or "one, and none is there"
            raise Refused(f"no sensor {serial!r} was found; want {known} (switched on, and looked for?)")
        driver = found[serial] if here is None else here.driver.name
        # how another one sat there says nothing of this one
        kept = [one for one in self.worn if one.sensor != sensor and one.serial != serial]
        await self._change([*kept, Worn(sensor=sensor, serial=serial, driver=driver)])

    async def unbind(self, sensor: Sensor) -> None:
        """A role is free.

        Raises:
            Refused: it was.
            CannotWrite: the file of worn sensors.
        """
        if sensor not in {one.sensor for one in self.worn}:
            bound = ", ".join(one.sensor for one in self.worn) or "none: nothing is bound"
            raise Refused(f"{sensor!r} is not bound; want {bound}")
        await self._change([one for one in self.worn if one.sensor != sensor])

    async def start(self, log: Path, document: Mapping[str, Any]) -> frozenset[Sensor]:
        """Begin the recording of those that are present; whose, is returned.

        Raises:
            NoFoot, BadSessionFile, CannotRecord: as `Live.start`; then all is as it was.
        """
        there = self.live.present()
        await self.live.start(log, document, sensors=there, utc=now_utc)
        self.muster.looking = False
        return there

    async def release_but(self, there: Collection[Sensor]) -> None:
        """All others are let go: they'd only cost air."""
        serials = {one.serial for one in self.worn if one.sensor in there}
        await self.muster.release([serial for serial in self.muster.here if serial not in serials])

    async def close(self) -> None:
        """Stop all sensors; what they sent before is taken.

        Raises:
            CannotRecord: what stopped the recording; what came before is kept.
        """
        await self.muster.close()
        await self._listen_no_more()
        await self.live.stop()

    async def _change(self, worn: Sequence[Worn]) -> None:
        now = checked(worn)
        if self._worn_path is not None:
            await asyncio.to_thread(save, self._worn_path, now)
        self.worn = now
        for one in now:
            self._hold(one)
        self._wear()

    def _hold(self, worn: Worn) -> None:
        if worn.driver not in self._drivers:
            slip = likely(worn.driver, self._drivers)
            raise Refused(f"no driver {worn.driver!r}; want {', '.join(sorted(self._drivers))}{slip}")
        self.muster.hold(worn.serial, worn.driver, rate_hz=worn.rate_hz)

    def _wear(self) -> None:
        """A live loop of those that are worn now: it hears what came so far, and all that comes."""
        if self._listening is not None:
            self._listening.cancel()
        self._inbox = Inbox()
        for arrival in self.muster.lead():
            self._inbox.put(arrival)
        self.live = self._made()
        self._listening = asyncio.create_task(self.live.listen())

    def _made(self) -> Live:
        live = Live(self.worn, self._inbox, self._drivers, self._central.host_ns)
        live.audience = self.audience
        return live

    async def _listen_no_more(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _hand(self, arrival: Arrival) -> None:
        self._inbox.put(arrival)

    def _looked(self, serial: str, t_ns: Ints, acc: Floats, gyr: Floats) -> None:
        for one in self.worn:
            if one.serial == serial:
                self._look(one.sensor, t_ns, acc, gyr)
