"""A virtual sensor that speaks the open profile of docs/devices.md: sampler, clock, ring, commands.

What the firmware of a real one does with a FIFO and an interrupt it does with a timer: at the moment that the last
sample of a packet is taken, the packet is made, put into the ring, and sent as soon as the radio has room.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from bumble import att
from bumble.device import Connection, Device

from firmware_bridge import ogi
from firmware_bridge.emulator import gatt
from firmware_bridge.packets import Frame

Counts = npt.NDArray[np.int16]

NO_SUCH_COMMAND: Final = 0x80
WRONG_LENGTH: Final = 0x81
SMALL_MTU: Final = 0x82
LEAST_MTU: Final = 29
"""14 + 12 bytes for one sample, 3 of ATT."""
QUEUE: Final = 8
"""Notifications that the radio's own buffers take; the rest waits in the ring."""
LINGER_S: Final = 60.0
"""How long it samples without a link."""
END_STOP: Final = 32767
COMMAND_BYTES: Final = {1: 5, 2: 1, 3: 3}
START, STOP, RESEND = COMMAND_BYTES


class Sampled(NamedTuple):
    """Truth about one packet, for whoever compares."""

    boot: int
    """How many times it was switched on before."""
    number: int
    """Sample counter of the first since it was switched on, without wrap."""
    row: int
    """Place of its first sample in what it was fed with."""
    values: Counts
    """(n, 6)."""
    monotonic_s: npt.NDArray[np.float64]
    """(n,) this computer's clock when each was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What kind of sensor it is.

    The k-th row that it is fed with is taken k periods of its own clock after `origin_s`; what it doesn't sample then
    (because it is stopped, off, or not yet started) is passed over, as a body moves on whoever looks.
    """

    serial: str
    role: str = ""
    rate_hz: float = 200.0
    drift_ppm: float = 0.0
    """Its clock runs fast by so much."""
    packet_samples: int = 10
    """On average: sizes go one below, at, one above, so that packets don't beat with connection events."""
    held_packets: int = 60
    """Ring for resending."""
    clock_us: int = 0
    """Its clock when first switched on; to see it wrap."""
    packets_before: int = 0
    """Packet counter when first switched on."""
    samples_before: int = 0
    """Sample counter when first switched on."""
    origin_s: float | None = None
    """`loop.time()` of the first row; None = the first start."""
    acc_range_g: int = 16
    gyr_range_deg_s: int = 2000
    acc_count_ng: int = 488_000
    gyr_count_ndeg_s: int = 70_000_000
    """LSM6DS3TR-C at these ranges."""
    battery_pct: int = 87

    @property
    def period_us(self) -> int:
        """By its own clock."""
        return round(1e6 / self.rate_hz)


@dataclass(slots=True)
class _Feed:
    """Rows by their place; each is asked for once, and places only grow."""

    blocks: Iterator[Counts]
    at: int = 0
    rest: Counts = field(default_factory=lambda: np.empty((0, 6), np.int16))

    def rows(self, start: int, count: int) -> Counts:
        """(count, 6), or fewer at the end."""
        self._take(start - self.at)
        return self._take(count)

    def _take(self, count: int) -> Counts:
        parts = [self.rest[:count]]
        self.rest = self.rest[count:]
        missing = count - len(parts[0])
        while missing > 0 and (block := next(self.blocks, None)) is not None:
            parts.append(block[:missing])
            self.rest = block[missing:]
            missing -= len(parts[-1])
        taken = np.concatenate(parts)
        self.at += len(taken)
        return taken


class Sensor:
    """One sensor, as an `Air` runs it."""

    def __init__(
        self,
        model: Model,
        blocks: Iterable[Counts],
        *,
        on_sampled: Callable[[Sampled], None] | None = None,
    ) -> None:
        """Args: what it is; (n, 6) int16 counts, in blocks of any size; who wants to know the truth."""
        self.model = model
        self.name = ogi.NAME_PREFIX + model.serial
        self.finished = asyncio.Event()
        """All that it was fed with is sampled, or passed over."""
        self.boots = 0
        self.battery_pct = model.battery_pct
        self._feed = _Feed(iter(blocks))
        self._on_sampled = on_sampled
        self._origin_s = model.origin_s
        self._switched_on_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._size = 0
        self._forget(model.clock_us, model.packets_before, model.samples_before)

    def _forget(self, clock_us: int, packets: int, samples: int) -> None:
        """As memory is after power came."""
        self._clock_us = clock_us
        self._first_packet = self._next_packet = self._unsent = packets
        self._next_sample = samples
        self._overrun = False
        self._index: int | None = None
        """Place in the feed of the next sample; None = it does not sample."""
        self._ring: deque[tuple[int, bytes]] = deque(maxlen=self.model.held_packets)
        self._most_samples = ogi.MOST_SAMPLES
        self._connection: Connection | None = None
        self._link_off()

    def _link_off(self) -> None:
        self._subscribed = self._started = False
        self._resend_from: int | None = None

    def build(self, device: Device) -> None:
        """Services and advertisement."""
        self._data = gatt.notifying(ogi.DATA)
        self._data.on(self._data.EVENT_SUBSCRIPTION, self._on_subscription)
        device.add_services(
            [
                gatt.Service(
                    gatt.short_uuid(ogi.SERVICE),
                    [
                        self._data,
                        gatt.commands(ogi.CTRL, self._on_command),
                        gatt.readable(ogi.SYNC, lambda _: self.clock_us().to_bytes(8, "little")),
                        gatt.readable(ogi.INFO, lambda _: ogi.pack_info(self.info())),
                    ],
                ),
                gatt.battery(lambda: self.battery_pct),
            ]
        )
        gatt.advertise(device, name=self.name, services=[ogi.SERVICE])
        device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._switched_on_s = asyncio.get_running_loop().time()

    def info(self) -> ogi.Info:
        """What INFO answers."""
        model = self.model
        return ogi.Info(
            firmware=(0, 0, 0),
            role=model.role,
            acc_range_g=model.acc_range_g,
            gyr_range_deg_s=model.gyr_range_deg_s,
            held_packets=model.held_packets,
            acc_count_ng=model.acc_count_ng,
            gyr_count_ndeg_s=model.gyr_count_ndeg_s,
            rate_mhz=round(model.rate_hz * 1e3),
            serial=model.serial,
            model="Emulated",
        )

    async def run(self, device: Device) -> None:
        """Live until cancelled.

        Raises:
            Exception: whatever the iterator of blocks raised.
        """
        loop = asyncio.get_running_loop()
        self._device = device
        self._failure: asyncio.Future[None] = loop.create_future()
        queue = device.host.le_acl_packet_queue
        if queue is None:
            raise ValueError("the controller has no buffers for data")
        self._queue = queue
        queue.on("flow", self._send)
        try:
            await self._failure
        finally:
            self._stop_timers()

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def _rate(self) -> float:
        """Of its clock against this computer's."""
        return 1 + self.model.drift_ppm * 1e-6

    def clock_us(self) -> int:
        """Its clock now, without wrap."""
        return math.floor(self._clock_at(self._now_s()))

    def _clock_at(self, at_s: float) -> float:
        return self._clock_us + (at_s - self._switched_on_s) * 1e6 * self._rate

    def _taken_s(self, index: int) -> float:
        """When the row of this place is sampled."""
        return self._origin() + index * self.model.period_us * 1e-6 / self._rate

    def _origin(self) -> float:
        if self._origin_s is None:
            self._origin_s = self._now_s()
        return self._origin_s

    def _index_at(self, at_s: float) -> int:
        """Of the first row that is sampled then or later."""
        return max(0, math.ceil((at_s - self._origin()) * 1e6 * self._rate / self.model.period_us))

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        self._link_off()
        if self._linger is not None:
            self._linger.cancel()
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        self._link_off()
        self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._stop_sampling)

    def _on_subscription(self, _connection: Connection, notify: bool, _indicate: bool) -> None:
        self._subscribed = notify
        self._send()

    def _on_command(self, connection: Connection, command: bytes) -> None:
        if not command or command[0] not in COMMAND_BYTES:
            raise att.ATT_Error(NO_SUCH_COMMAND)
        if len(command) != COMMAND_BYTES[command[0]]:
            raise att.ATT_Error(WRONG_LENGTH)
        if command[0] == START:
            if connection.att_mtu < LEAST_MTU:
                raise att.ATT_Error(SMALL_MTU)
            self._start(connection.att_mtu)
        elif command[0] == STOP:
            self._stop_sampling()
        else:
            self._resend_from = int.from_bytes(command[1:], "little")
            if self._started:
                self._go_back()
        self._send()

    def _start(self, mtu: int) -> None:
        fits = (mtu - 3 - ogi.HEADER_BYTES - ogi.CRC_BYTES) // ogi.SAMPLE_BYTES
        self._most_samples = min(ogi.MOST_SAMPLES, fits)
        if not self._started:
            self._started = True
            self._go_back()
        if self._index is None:
            self._index = max(self._index_at(self._now_s()), self._feed.at)
            self._arm(self._index)

    def _go_back(self) -> None:
        """To where the host wants it; without a wish, to the packet that is next."""
        wanted, self._resend_from = self._resend_from, None
        self._unsent = self._next_packet
        if wanted is not None and wanted != self._next_packet & 0xFFFF and self._ring:
            held = (number for number, _ in self._ring if number & 0xFFFF == wanted)
            self._unsent = next(held, self._ring[0][0])

    def _arm(self, index: int) -> None:
        base = self.model.packet_samples
        sizes = (base - 1, base, base + 1) if base > 1 else (1,)
        self._size = max(1, min(sizes[self._next_packet % len(sizes)], self._most_samples))
        due_s = self._taken_s(index + self._size - 1)
        self._timer = asyncio.get_running_loop().call_at(due_s, self._on_packet_full)

    def _on_packet_full(self) -> None:
        self._timer = None
        try:
            index = self._pack(self._size)
        except Exception as error:  # noqa: BLE001 whatever feeds it is the caller's; `run` raises it
            self._failure.set_exception(error)
            return
        if index is not None:
            self._arm(index)
        self._send()

    def _pack(self, size: int) -> int | None:
        """The next packet, into the ring. Returns where the next begins; None at the end."""
        index = self._index
        if index is None:
            return None
        values = self._feed.rows(index, size)
        if len(values):
            taken_s = np.array([self._taken_s(index + row) for row in range(len(values))])
            frame = Frame(
                packet=self._next_packet,
                first=self._next_sample,
                ticks=math.floor(self._clock_at(taken_s[-1])),
                period_ticks=float(self.model.period_us),
                values=values,
                overrun=self._overrun,
                saturated=bool((np.abs(values.astype(np.int32)) >= END_STOP).any()),
                clock_reset=self._next_packet == self._first_packet,
            )
            self._ring.append((self._next_packet, ogi.pack(frame)))
            if self._on_sampled is not None:
                self._on_sampled(Sampled(self.boots, self._next_sample, index, values, taken_s))
            self._next_packet += 1
            self._next_sample += len(values)
            self._overrun = False
        if len(values) < size:
            self._index = None
            self.finished.set()
        else:
            self._index = index + size
        return self._index

    def _stop_sampling(self) -> None:
        """The packet that is not full goes with what it has."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._index is not None:
            taken = min(self._index_at(self._now_s()) - self._index, self._size - 1)
            if taken > 0:
                self._pack(taken)
            self._index = None
        self._send()

    def _send(self) -> None:
        connection = self._connection
        if connection is None or not (self._subscribed and self._started) or not self._ring:
            return
        oldest = self._ring[0][0]
        self._unsent = max(self._unsent, oldest)
        while self._unsent < self._next_packet and self._queue.pending < QUEUE:
            packet = self._ring[self._unsent - oldest][1]
            self._unsent += 1
            # made for a larger MTU: its counters tell that it is missing
            if len(packet) <= connection.att_mtu - 3:
                notification = att.ATT_Handle_Value_Notification(
                    attribute_handle=self._data.handle, attribute_value=packet
                )
                self._device.gatt_server.send_gatt_pdu(connection, bytes(notification))
        if self._index is None and self._unsent == self._next_packet:
            self._started = False

    def overflow(self, samples: int) -> None:
        """Its FIFO overflows: so many of the next samples are lost, and counted."""
        if self._index is None:
            return
        self._index += samples
        self._next_sample += samples
        self._overrun = True
        self._stop_timers()
        self._arm(self._index)

    def power_cycle(self) -> None:
        """Counters and clock begin anew, the ring is empty, and it does not sample. Its links have to break with it."""
        self._stop_timers()
        self.boots += 1
        self._switched_on_s = self._now_s()
        self._forget(0, 0, 0)

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._linger):
            if timer is not None:
                timer.cancel()
        self._timer = self._linger = None
