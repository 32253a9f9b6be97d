"""The live loop: what comes in is first recorded, then analysed, then shown. Whoever looks on never holds it up."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from firmware_bridge.driver import Driver
from firmware_bridge.link import Arrival, Inbox
from firmware_bridge.packets import BadPacket
from firmware_bridge.standard import heart_rate, treadmill
from imu.core.canonical import canonical_json
from imu.core.errors import CannotRecord, RetrogaitError, UnusableRecording
from imu.core.session import FOOT_SENSORS, SCHEMA, Sensor
from imu.core.units import NS_PER_S
from imu.live.audience import Audience
from imu.live.links import Link
from imu.live.player import HEART_RATE, TREADMILL, Heard, Player
from imu.live.worn import Worn
from imu.store.log import Kind, LogFrame, LogHeader, Source, event_frame, source_frame
from imu.store.log_writer import RecorderLimits, RecorderState, SyncedWriter

LEAD_S: Final = 40.0
"""What came so shortly before a recording began is in its log: the clocks know their devices from the first sample on.
Pings come every 30 s."""
OLD_ASIDE_S: Final = 2.0
"""Treadmills and straps speak once a second."""
LEAD_AT_ONCE: Final = 50
"""Arrivals: others on the loop get their turn every 10 ms."""


class NoFoot(RetrogaitError, LookupError):
    """A recording without a foot sensor."""


class Aside(NamedTuple):
    """What a treadmill or a strap said last."""

    host_ns: int
    value: float


class Live:
    """Sensors that are worn, from their first sign of life to the end of a recording. On one event loop.

    `listen` has to run all the while. Before `start`, links are shown and nothing is kept for long.

    Args:
        worn: who wears what.
        inbox: where arrivals come in.
        drivers: by name.
        host_ns: the clock that stamps arrivals.
        analyse: False = record only.
    """

    def __init__(
        self,
        worn: Sequence[Worn],
        inbox: Inbox,
        drivers: Mapping[str, Driver],
        host_ns: Callable[[], int],
        *,
        analyse: bool = True,
    ) -> None:
        self.links: dict[str, Link] = {one.serial: Link(one) for one in worn}
        """By serial number."""
        self.audience = Audience()
        self.stopped = asyncio.Event()
        """The recording has stopped by itself; `problem` says why, or what ended the sitting does."""
        self.problem: CannotRecord | None = None
        self.overflowed = 0
        """Arrivals that found no room."""
        self.player: Player | None = None
        self._worn = {one.serial: one for one in worn}
        self._inbox, self._drivers, self._now, self._analyse = inbox, drivers, host_ns, analyse
        self._identities: dict[str, dict[str, Any]] = {}
        self._lead: deque[Arrival] = deque()
        self._led = self._ended = False
        self._writer: SyncedWriter | None = None
        self._header: LogHeader | None = None
        self._index: dict[str, int] = {}
        """Of sources, by serial number or the name of a standard service."""
        self._asides: dict[str, Aside] = {}

    async def listen(self) -> None:
        """Take in what comes; until cancelled."""
        while True:
            self._take(await self._inbox.take())

    @property
    def known(self) -> tuple[Worn, ...]:
        """Sensors that have said who they are."""
        return tuple(one for serial, one in self._worn.items() if serial in self._identities)

    def streaming(self) -> frozenset[Sensor]:
        """Sensors from which samples come just now."""
        now_ns = self._now()
        return frozenset(link.worn.sensor for link in self.links.values() if link.state(now_ns) == "streaming")

    def present(self) -> frozenset[Sensor]:
        """Sensors that a recording can count on: those that stream, or have, and are connected still."""
        now_ns = self._now()
        return frozenset(
            link.worn.sensor for link in self.links.values() if link.state(now_ns) in ("streaming", "silent")
        )

    @property
    def recording(self) -> RecorderState | None:
        """How the recording fares; None before it begins."""
        return None if self._writer is None else self._writer.state()

    @property
    def now_ns(self) -> int:
        """The host's clock, as arrivals bear it."""
        return self._now()

    @property
    def elapsed_s(self) -> float:
        """Since the recording began."""
        return 0.0 if self._header is None else (self._now() - self._header.start_ns) / NS_PER_S

    def aside(self, what: str) -> float | None:
        """Belt speed in m/s ("treadmill") or heart rate ("heart_rate"); None for nothing or nothing new."""
        said = self._asides.get(what)
        return None if said is None or self._now() - said.host_ns > OLD_ASIDE_S * NS_PER_S else said.value

    def lost(self, sensor: Sensor) -> int:
        """Samples of this recording that the device's counters say are missing."""
        decoder = None if self.player is None else self.player.decoders.get(sensor)
        return 0 if decoder is None else decoder.lost

    async def start(
        self,
        log: Path,
        document: Mapping[str, Any],
        *,
        sensors: Collection[Sensor] | None = None,
        utc: Callable[[], datetime] | None = None,
        limits: RecorderLimits | None = None,
    ) -> None:
        """Begin a recording.

        Args:
            log: where it goes while it grows.
            document: `session.json` without what is known here: schema, sensors, start and sync.
            sensors: whose; None = of all that have said who they are.
            utc: the wall clock, which is asked once; None = not to be told.
            limits: of the recorder.

        Raises:
            NoFoot: no foot sensor is there.
            BadSessionFile: the document can't be.
            CannotRecord: the log can't be begun, or one was begun before.
        """
        if self._header is not None:
            raise CannotRecord("a recording was begun already; want one a sitting", path=str(log))
        header = self._described(document, sensors, utc)
        # checks the document, before anything is written
        player = Player(header, self._drivers)
        loop = asyncio.get_running_loop()

        def on_stop(why: CannotRecord) -> None:
            loop.call_soon_threadsafe(self._on_stop, why)

        writer = await _begun(log, partial(SyncedWriter, log, header, limits=limits, on_stop=on_stop))
        self._header, self._writer = header, writer
        self._index = {source.serial: index for index, source in enumerate(header.sources)}
        self.player = player
        # what comes meanwhile waits behind it
        while self._lead:
            part = [self._lead.popleft() for _ in range(min(LEAD_AT_ONCE, len(self._lead)))]
            self._hear([frame for arrival in part for frame in self._frames(arrival)])
            await asyncio.sleep(0)
        self._led = True

    def mark(self, kind: str, value: Mapping[str, Any]) -> None:
        """Something happened, now: a row of EVENTS."""
        if self._writer is not None:
            self._hear([event_frame(self._now(), {"kind": kind, "value": canonical_json(value)})])

    async def stop(self) -> None:
        """End the recording: what came in is taken, what is pending is decided, and the log is whole on the disk.

        Raises:
            CannotRecord: what stopped it, now or before; what came before that is kept.
        """
        if self._ended:
            return
        # what the start had not come to
        self._led = self._header is not None
        lead, self._lead = self._lead, deque()
        self._take([*lead, *self._inbox.drain()])
        self._ended = True
        if self.player is not None and self._analyse:
            # whether it was of any use is said of the session that is made of it
            with suppress(UnusableRecording):
                self.audience.tell(Heard(events=self.player.finish()))
        self.audience.end()
        if self._writer is not None:
            await asyncio.shield(asyncio.to_thread(self._writer.close))

    def _described(
        self, document: Mapping[str, Any], sensors: Collection[Sensor] | None, utc: Callable[[], datetime] | None
    ) -> LogHeader:
        known = [one for one in self.known if sensors is None or one.sensor in sensors]
        if not any(one.sensor in FOOT_SENSORS for one in known):
            raise NoFoot("no foot sensor is connected; want one at least (switched on, near, and bound to a foot?)")
        sources = tuple(Source(one.serial, one.driver, one.sensor, self._identities[one.serial]) for one in known)
        host_timed = any(self._drivers[one.driver].counters.clock == "none" for one in known)
        start_utc = None if utc is None else utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        session: dict[str, Any] = {
            **document,
            "schema": SCHEMA,
            "start_utc": start_utc,
            "sync": "host" if host_timed else "device",
            "sensors": {one.sensor: _setup(one, self._identities[one.serial]) for one in known},
        }
        return LogHeader(start_utc, self._now(), sources, session)

    def _on_stop(self, why: CannotRecord) -> None:
        self.problem = why
        self.stopped.set()

    def _take(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            self._tell_link(arrival)
        if self._led:
            self._hear([frame for arrival in arrivals for frame in self._frames(arrival)])
            return
        self._lead.extend(arrivals)
        if self._header is None:
            oldest_ns = self._now() - round(LEAD_S * NS_PER_S)
            while self._lead and self._lead[0].host_ns < oldest_ns:
                self._lead.popleft()

    def _tell_link(self, arrival: Arrival) -> None:
        if arrival.kind == "overflow":
            self.overflowed += int(arrival.payload)
        if arrival.kind in (TREADMILL, HEART_RATE):
            # the player counts those that are none
            with suppress(BadPacket):
                value = _VALUE[arrival.kind](arrival.payload)
                if value is not None:
                    self._asides[arrival.kind] = Aside(arrival.host_ns, value)
        link = self.links.get(arrival.source)
        if link is None:
            return
        link.take(arrival)
        if arrival.kind == "identified":
            self._identities[arrival.source] = json.loads(arrival.payload)

    def _frames(self, arrival: Arrival) -> list[LogFrame]:
        """What of an arrival is written to the log."""
        source, kind, host_ns, payload = arrival
        index = self._index.get(source)
        frames: list[LogFrame] = []
        if kind in (TREADMILL, HEART_RATE) and index is None:
            index = self._index[source] = len(self._index)
            frames.append(source_frame(index, host_ns, Source(source, kind, None, {})))
        if index is None and kind != "overflow":
            # not there when the recording began: no part of it
            return []
        if kind in _FRAMED and index is not None:
            return [*frames, LogFrame(_FRAMED[kind], index, host_ns, payload)]
        return [
            event_frame(host_ns, {"what": kind, "source": index, "said": payload.decode(errors="backslashreplace")})
        ]

    def _hear(self, frames: Sequence[LogFrame]) -> None:
        """First the recorder, then everything else."""
        writer = self._writer
        if writer is None or self.problem is not None or self._ended:
            return
        try:
            for frame in frames:
                writer.put(frame)
        except CannotRecord as why:
            self._on_stop(why)
            return
        if self._analyse and self.player is not None:
            for frame in frames:
                self.audience.tell(self.player.take(frame))


async def _begun(log: Path, make: Callable[[], SyncedWriter]) -> SyncedWriter:
    """The writer, made off the loop; if nobody waits for it any longer, it goes and leaves nothing."""
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        with suppress(CannotRecord):
            writer = await making
            await asyncio.to_thread(writer.close)
            log.unlink()
        raise


def _setup(worn: Worn, identity: Mapping[str, Any]) -> dict[str, Any]:
    """What session.json says of a sensor."""
    return {
        "rate_hz": worn.rate_hz or identity["rate_hz"],
        "mounting": worn.mounting,
        "placement": worn.placement,
        "acc_range_m_s2": identity["acc_range_m_s2"],
        "gyr_range_rad_s": identity["gyr_range_rad_s"],
        "device": {"driver": worn.driver, **{key: identity[key] for key in ("serial", "model", "firmware")}},
    }


_FRAMED: Final[Mapping[str, Kind]] = {
    "data": Kind.NOTIFICATION,
    "treadmill": Kind.NOTIFICATION,
    "heart_rate": Kind.NOTIFICATION,
    "ping": Kind.PING,
}
_VALUE: Final[Mapping[str, Callable[[bytes], float | None]]] = {
    TREADMILL: lambda payload: treadmill(payload).speed_m_s,
    HEART_RATE: lambda payload: heart_rate(payload).bpm,
}
