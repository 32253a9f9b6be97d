"""How the link to a sensor fares, from what came in over it."""

import json
from contextlib import suppress
from typing import Final, Literal, TypeAlias

from firmware_bridge.link import Arrival
from firmware_bridge.packets import BadPacket
from firmware_bridge.standard import battery
from imu.core.units import NS_PER_S
from imu.live.worn import Worn

State: TypeAlias = Literal["looking", "connected", "streaming", "silent"]
"""connected: but nothing has come over the link yet; silent: it is there, and nothing comes any more."""

SILENT_S: Final = 0.5
"""Without a packet for so long, a link does not stream; packets come 20 times a second."""


class LinkQuality:
    """One source's link, from its arrivals alone. A few numbers however long it lasts."""

    def __init__(self) -> None:
        self.connected = False
        self.links = self.breaks = self.packets = self.notes = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        """Host clock, of the first and the last packet."""
        self.longest_silence_ns = 0
        """Between two packets."""
        self.battery_pct: int | None = None
        self.last_note: str | None = None

    def take(self, arrival: Arrival) -> None:
        """The next arrival of this source."""
        match arrival.kind:
            case "data":
                if self.last_ns is not None:
                    self.longest_silence_ns = max(self.longest_silence_ns, arrival.host_ns - self.last_ns)
                self.first_ns = arrival.host_ns if self.first_ns is None else self.first_ns
                self.last_ns = arrival.host_ns
                self.packets += 1
            case "identified":
                self.connected = True
                self.links += 1
            case "battery":
                # what is no level says nothing of the link
                with suppress(BadPacket):
                    self.battery_pct = battery(arrival.payload)
            case "lost" | "note":
                self.last_note = arrival.payload.decode(errors="replace")
                self.notes += 1
                if arrival.kind == "lost":
                    self.connected = False
                    self.breaks += 1
            case _:
                pass

    def silence_ns(self, now_ns: int) -> int:
        """The longest, that which lasts now included."""
        return max(self.longest_silence_ns, 0 if self.last_ns is None else now_ns - self.last_ns)

    @property
    def seconds(self) -> float:
        """From the first packet to the last."""
        return 0.0 if self.first_ns is None or self.last_ns is None else (self.last_ns - self.first_ns) / NS_PER_S

    @property
    def packets_per_s(self) -> float | None:
        """None of less than two packets."""
        return (self.packets - 1) / self.seconds if self.seconds else None


class Link(LinkQuality):
    """The link to a worn sensor."""

    def __init__(self, worn: Worn) -> None:
        super().__init__()
        self.worn: Final = worn
        self.rate_hz: float | None = None
        """As the device says."""

    def take(self, arrival: Arrival) -> None:
        """The next arrival of this sensor."""
        super().take(arrival)
        if arrival.kind == "identified":
            self.rate_hz = json.loads(arrival.payload)["rate_hz"]

    def state(self, now_ns: int) -> State:
        """At an instant of the host's clock."""
        if self.last_ns is not None and now_ns - self.last_ns <= SILENT_S * NS_PER_S:
            return "streaming"
        if not self.connected:
            return "looking"
        return "connected" if self.last_ns is None else "silent"
