"""What a kind of device has to answer; third parties add theirs through the entry point `retrogait.devices`."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final, Protocol

from firmware_bridge.packets import BridgeError, Counters, Frame, Identity

GROUP: Final = "retrogait.devices"


class Link(Protocol):
    """The part of `bleak.BleakClient` that drivers use."""

    async def read_gatt_char(self, char_specifier: str) -> bytearray: ...

    async def write_gatt_char(self, char_specifier: str, data: bytes, response: bool | None = None) -> None: ...


class Driver(Protocol):
    """A kind of device. It holds no state of any one device."""

    @property
    def name(self) -> str:
        """As users type it: lower case, no blanks."""
        ...

    @property
    def service(self) -> str:
        """UUID by which it is found in the air."""
        ...

    @property
    def name_prefixes(self) -> tuple[str, ...]:
        """How the names begin that it shows, in whatever case: by these too it is found. Empty = by `service` alone.

        For devices that keep their service to themselves: they show up only in scans that ask for no service.
        """
        ...

    @property
    def data(self) -> str:
        """UUID of the characteristic that notifies."""
        ...

    @property
    def counters(self) -> Counters: ...

    @property
    def experimental(self) -> str | None:
        """What about it was never seen on hardware; None = nothing."""
        ...

    def decode(self, payload: bytes) -> Frame:
        """One notification.

        Raises:
            BadPacket: and nothing else, whatever the bytes.
        """
        ...

    async def identify(self, link: Link) -> Identity:
        """Who it is; asked once after each connect."""
        ...

    async def start(self, link: Link, rate_hz: float | None) -> None:
        """Let it stream; subscribed before. None = the device's own rate."""
        ...

    async def stop(self, link: Link) -> None: ...

    async def device_ticks(self, link: Link) -> int | None:
        """Its clock now, wrapped as in frames; None where it can't be asked."""
        ...

    async def resend(self, link: Link, packet: int) -> None:
        """Ask for the packets it still holds, from this counter on, before it goes on; nothing where it can't."""
        ...


class DriverClash(BridgeError, ValueError):
    """Two drivers of one name."""


class BadDriver(BridgeError, TypeError):
    """What is installed as a driver and lacks what a driver has to answer."""


def drivers() -> Mapping[str, Driver]:
    """All drivers that are installed, by name; loaded now.

    Raises:
        DriverClash: two of one name.
        BadDriver: one lacks a part of `Driver`. Nothing is taken for granted that it does not say: what it was made
            for is not known.
    """
    wanted = [name for name in vars(Driver) if not name.startswith("_")]
    found: dict[str, Driver] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        if entry.name in found:
            raise DriverClash(f"two drivers are called {entry.name!r}; want one (two packages installed?)")
        driver = entry.load()()
        if lacks := [name for name in wanted if not hasattr(driver, name)]:
            raise BadDriver(
                f"driver {entry.name!r} ({entry.value}) has no {', '.join(lacks)}; want all of"
                " firmware_bridge.driver.Driver (made for another version?)"
            )
        found[entry.name] = driver
    return found
