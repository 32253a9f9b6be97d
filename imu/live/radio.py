"""The radio that a command asks for, and what is in the air; what the bridge refuses is refused here in plain words."""

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from logging import NullHandler, getLogger
from typing import TYPE_CHECKING, Final

from bleak import BleakClient, BleakScanner

from firmware_bridge.central import STANDARD, Central, Found
from firmware_bridge.driver import Driver
from firmware_bridge.driver import drivers as installed
from firmware_bridge.link import LinkFailed, within
from firmware_bridge.packets import BridgeError
from imu.core.errors import RetrogaitError
from imu.live.haste import host_clock
from imu.store.slips import likely

if TYPE_CHECKING:
    from firmware_bridge.emulator.bleak_backend import Host

OPEN_S: Final = 10.0
"""How long a controller may take to answer at first."""


class NoRadio(RetrogaitError, ConnectionError):
    """No radio to listen with: it is off, absent, refuses, or can't be opened."""


class DriverMissing(RetrogaitError, LookupError):
    """A driver that isn't installed, or one that is and can't be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InAir:
    """A device in the air, as it is shown."""

    driver: str
    """Of the driver that knows it, or `treadmill`, `heart_rate`."""
    name: str
    """As it shows itself; "" if it doesn't."""
    rssi_dbm: int
    serial: str | None
    """None: it is no sensor, or `problem`."""
    model: str | None
    firmware: str | None
    rate_hz: float | None
    experimental: str | None
    """What about its driver was never seen on hardware."""
    problem: str | None
    """Why it did not say who it is."""

    @property
    def is_sensor(self) -> bool:
        """It measures motion, and can be worn."""
        return self.driver not in STANDARD


@asynccontextmanager
async def open_radio(hci: str | None = None, drivers: Mapping[str, Driver] | None = None) -> AsyncGenerator[Central]:
    """The radio, for as long as the block lasts. What the bridge refuses in the block is refused in plain words too.

    Args:
        hci: None = the system's Bluetooth; else a controller's HCI as bumble names transports, as
            "tcp-client:127.0.0.1:6402" or "usb:0" (a dongle that the system doesn't use).
        drivers: by name; None = all that are installed. Give those in use, no more: some make every scan a long one.

    Raises:
        NoRadio: there is none, it is off or refuses, it can't be opened, or bumble isn't installed.
        DriverMissing: two drivers of one name, or one that isn't whole.
    """
    with _plainly():
        known = installed() if drivers is None else drivers
        async with AsyncExitStack() as stack:
            if hci is None:
                yield Central(known, host_ns=host_clock())
            else:
                host = await _opened(hci, stack)
                yield Central(
                    known,
                    client=partial(BleakClient, backend=host.client),
                    scanner=partial(BleakScanner, backend=host.scanner),
                    host_ns=host_clock(),
                )


async def in_the_air(seconds: float, hci: str | None = None) -> tuple[InAir, ...]:
    """What is there, sensors first.

    Raises:
        NoRadio, DriverMissing: as `open_radio`.
    """
    async with open_radio(hci) as central:
        found, known = await central.find(seconds), installed()
    return tuple(sorted((_shown(one, known) for one in found), key=lambda one: not one.is_sensor))


def drivers_in_use(names: Iterable[str]) -> Mapping[str, Driver]:
    """Only these, by name: what else is installed need not be looked for.

    Raises:
        DriverMissing: one isn't installed.
    """
    with _plainly():
        known = installed()
    wanted = sorted(set(names))
    for name in wanted:
        if name not in known:
            raise DriverMissing(f"no driver {name!r}; want one of {', '.join(sorted(known))}{likely(name, known)}")
    return {name: known[name] for name in wanted}


def _shown(found: Found, drivers: Mapping[str, Driver]) -> InAir:
    said = found.identity
    return InAir(
        driver=found.driver,
        name=found.name,
        rssi_dbm=found.rssi,
        serial=found.serial,
        model=None if said is None else said.model,
        firmware=None if said is None else said.firmware,
        rate_hz=None if said is None else said.rate_hz,
        experimental=drivers[found.driver].experimental if found.driver in drivers else None,
        problem=found.problem,
    )


@contextmanager
def _plainly() -> Generator[None]:
    try:
        yield
    except LinkFailed as slip:
        raise NoRadio(
            f"no radio to listen with ({slip}); want Bluetooth that is there and on"
            " (off, blocked, or this user may not use it?)"
        ) from slip
    except BridgeError as slip:
        raise DriverMissing(str(slip)) from slip


async def _opened(hci: str, stack: AsyncExitStack) -> "Host":
    try:
        from firmware_bridge.emulator.bleak_backend import Host  # noqa: PLC0415 an extra that few need
    except ModuleNotFoundError as slip:
        if slip.name is None or slip.name.partition(".")[0] != "bumble":
            raise
        raise NoRadio(
            "a controller of one's own needs bumble; want: pip install 'retrogait[emulator]', or no --hci for the"
            " system's Bluetooth"
        ) from slip
    # bumble logs what Python prints if nobody listens, and speaks to the root as well
    log = getLogger("bumble")
    log.addHandler(NullHandler())
    log.propagate = False
    try:
        return await within(OPEN_S, "open it", stack.enter_async_context(Host(hci)))
    except LinkFailed as slip:
        raise NoRadio(
            f"the controller {hci!r} can't be had ({slip}); want a transport of bumble, as usb:0 or"
            " tcp-client:127.0.0.1:6402 (not plugged in, in use, or a typing slip?)"
        ) from slip
