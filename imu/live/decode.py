"""One worn sensor: what came in, in its order, becomes rows. From a log the same bits as live."""

from typing import Final, Literal

from firmware_bridge.assembler import Assembler
from firmware_bridge.assembler import Report as Assembled
from firmware_bridge.clock import HostClock, SessionClock
from firmware_bridge.driver import Driver
from firmware_bridge.link import Ping
from firmware_bridge.packets import BadPacket, Counted
from firmware_bridge.timeline import ClockReport
from imu.core.samples import Samples
from imu.core.session import SensorSetup
from imu.store.log import Kind, LogFrame, Source
from imu.store.raw import PerCount, of_values

CONNECTED: Final = "connected"
"""What an event in the log says of a source when a new link to it has come about: {"what": CONNECTED, "source": index}.
"""


def about(frame: LogFrame) -> int | None:
    """Index of the source whose decoder wants a frame; None = nobody's."""
    if frame.kind is not Kind.EVENT:
        return frame.source
    said = frame.document()
    return said.get("source") if said.get("what") == CONNECTED else None


class Decoder:
    """Feed the frames of one source, all of them, in the order of the log."""

    def __init__(self, source: Source, driver: Driver, setup: SensorSetup, start_ns: int) -> None:
        """`start_ns` is the host's monotonic clock where the session's begins."""
        counters = driver.counters
        kind = SessionClock if counters.clock == "device" else HostClock
        self._driver, self._setup = driver, setup
        self._assembler = Assembler(counters)
        self._clock = kind(counters.tick_s, start_ns, tick_bits=counters.tick_bits)
        self.per_count = per_count_of(source)
        self.bad_packets = 0
        self.note: Literal["late", "clock_reset"] | None = None
        """What is to be said of the rows that came last: older than others before, or on a clock that began anew."""
        self._rows = 0
        self._numbers: tuple[int, int] | None = None
        """First and newest sample number of the rows so far."""
        self._epoch: int | None = None
        self._restarts = 0

    def take(self, frame: LogFrame) -> Samples | None:
        """The rows that a frame of this source brings; None for none."""
        if frame.kind is Kind.PING:
            ping = Ping.unpack(frame.payload)
            self._clock.ping(ping.before_ns, ping.ticks, frame.host_ns)
            self._assembler.ping(ping.ticks, ping.before_ns)
            return None
        if frame.kind is Kind.EVENT:
            self._assembler.connected()
            return None
        if frame.kind is not Kind.NOTIFICATION:
            return None
        try:
            decoded = self._driver.decode(frame.payload)
        except BadPacket:
            self.bad_packets += 1
            return None
        counted = self._assembler.push(decoded, frame.host_ns)
        if counted is None:
            return None
        t_ns = self._clock.samples(counted)
        self.note = self._noted(counted)
        rows = of_values(t_ns, counted.number, counted.values, self._setup, self.per_count)
        # what was sampled before the session began is no part of it
        rows = rows.where(t_ns >= 0) if len(t_ns) and t_ns[0] < 0 else rows
        if len(rows):
            first, newest = self._numbers or (int(rows.seq[0]), int(rows.seq[0]))
            self._numbers = min(first, int(rows.seq[0])), max(newest, int(rows.seq[-1]))
            self._rows += len(rows)
        return rows

    def _noted(self, counted: Counted) -> Literal["late", "clock_reset"] | None:
        if counted.late:
            return "late"
        began = self._epoch is not None and counted.epoch > self._epoch
        jumped = self._clock.restarts > self._restarts
        self._epoch, self._restarts = counted.epoch, self._clock.restarts
        return "clock_reset" if began or jumped else None

    @property
    def lost(self) -> int:
        """Samples between the first row and the newest that did not come, or not yet; those that a reboot cost too."""
        return 0 if self._numbers is None else self._numbers[1] - self._numbers[0] + 1 - self._rows

    @property
    def assembled(self) -> Assembled:
        """What became of the packets."""
        return self._assembler.report

    @property
    def clock(self) -> ClockReport:
        """How well the device's time is known."""
        return self._clock.report()


def per_count_of(source: Source) -> PerCount | None:
    """What one count of a source is; None where it sends SI units."""
    acc, gyr = (source.identity.get(key) for key in ("acc_per_count_m_s2", "gyr_per_count_rad_s"))
    return None if acc is None or gyr is None else PerCount(float(acc), float(gyr))
