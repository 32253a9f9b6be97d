"""An emulation: devices in one air, and a controller for every host that comes over TCP on this machine."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Protocol, cast

from bumble import hci
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.transport.common import PacketParser

from firmware_bridge.emulator.bleak_backend import BumbleClient, BumbleScanner, Host
from firmware_bridge.emulator.radio import EmulatedController, Radio, RadioLink
from firmware_bridge.emulator.sensor import Sensor
from firmware_bridge.packets import BridgeError

LOOPBACK: Final = "127.0.0.1"
ADVERTISING_S: Final = 0.1


class NotEntered(BridgeError, RuntimeError):
    """An air that is not in its `async with`."""


class Peripheral(Protocol):
    """An emulated device."""

    @property
    def name(self) -> str:
        """Complete local name."""
        ...

    def build(self, device: Device) -> None:
        """Add its services and say what it advertises; before it is powered on."""
        ...

    async def run(self, device: Device) -> None:
        """Live until cancelled."""
        ...


class _Port(asyncio.Protocol):
    """One host's HCI: a controller is there as long as its connection."""

    def __init__(self, air: RadioLink, ports: "set[_Port]") -> None:
        self._air = air
        self._ports = ports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ports.add(self)
        self.controller = EmulatedController("host", air=self._air)
        self.controller.host = self
        self._parser = PacketParser(self.controller)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_packet(self, packet: bytes) -> None:
        """From the controller to its host."""
        if not self._transport.is_closing():
            self._transport.write(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        self._air.unplug(self.controller)
        self._air.remove_controller(self.controller)
        self._ports.discard(self)

    def close(self) -> None:
        self._transport.close()


class Air:
    """`async with Air([sensor, ...], radio=Radio(interval_s=0.015)) as air: BleakClient(device, backend=air.client)`.

    Other programs reach the same devices through `air.transport`, each as a host of its own.
    """

    def __init__(self, peripherals: Sequence[Peripheral], *, radio: Radio | None = None, port: int = 0) -> None:
        """Args: the devices; how the air behaves (None = ideal); TCP port for hosts (0 = a free one)."""
        self.peripherals = tuple(peripherals)
        self._radio = radio or Radio()
        self._asked_port = port
        self._stack = AsyncExitStack()
        self._ports: set[_Port] = set()
        self._host: Host | None = None
        self._transport: str | None = None

    async def __aenter__(self) -> "Air":
        """All devices advertise from here on."""
        # bumble logs what Python prints if nobody listens
        logging.getLogger("bumble").addHandler(logging.NullHandler())
        self.link = RadioLink(self._radio)
        async with AsyncExitStack() as stack:
            stack.callback(self.link.close)
            for index, peripheral in enumerate(self.peripherals):
                device = await self._power_on(index, peripheral, stack)
                stack.push_async_callback(_ended, asyncio.create_task(peripheral.run(device)))
            server = await asyncio.get_running_loop().create_server(
                lambda: _Port(self.link, self._ports), LOOPBACK, self._asked_port
            )
            stack.push_async_callback(self._close, server)
            self._transport = f"tcp-client:{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
            self._host = await stack.enter_async_context(Host(self._transport))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All devices are off from here on."""
        await self._stack.aclose()

    async def _power_on(self, index: int, peripheral: Peripheral, stack: AsyncExitStack) -> Device:
        controller = EmulatedController(peripheral.name, air=self.link)
        stack.callback(controller.le_legacy_advertiser.stop)
        config = DeviceConfiguration(name=peripheral.name, address=address_of(index))
        config.advertising_interval_min = config.advertising_interval_max = ADVERTISING_S * 1e3
        device = Device.from_config_with_hci(config, controller, controller)
        peripheral.build(device)
        await device.power_on()
        await device.start_advertising()
        stack.push_async_callback(_ended, asyncio.create_task(_advertise_again(device)))
        return device

    async def _close(self, server: asyncio.Server) -> None:
        server.close()
        for port in list(self._ports):
            port.close()
        await server.wait_closed()
        while self._ports:
            await asyncio.sleep(0)

    @property
    def transport(self) -> str:
        """HCI for another host, as bumble names transports."""
        if self._transport is None:
            raise NotEntered("this air is not there yet; use it in `async with`")
        return self._transport

    @property
    def client(self) -> type[BumbleClient]:
        """For `bleak.BleakClient(..., backend=)`."""
        return self._entered().client

    @property
    def scanner(self) -> type[BumbleScanner]:
        """For `bleak.BleakScanner(..., backend=)`."""
        return self._entered().scanner

    def _entered(self) -> Host:
        if self._host is None:
            raise NotEntered("this air is not there yet; use it in `async with`")
        return self._host

    def disconnect(self, peripheral: Peripheral) -> int:
        """Break its links now, as a lost radio does. Returns how many there were."""
        return self.link.drop(address_of(self.peripherals.index(peripheral)))

    def reboot(self, sensor: Sensor, off_s: float = 0.5) -> None:
        """Its battery lost contact: links break, counters and clock begin anew, and it is not there for a while."""
        sensor.power_cycle()
        self.disconnect(sensor)
        self.shadow(sensor, off_s)

    def shadow(self, peripheral: Peripheral, duration_s: float) -> None:
        """A body stands between: nothing of it gets through for a while."""
        self.link.shadow(address_of(self.peripherals.index(peripheral)), duration_s)


def address_of(index: int) -> hci.Address:
    """Random static address of the device of this number."""
    return hci.Address(f"F0:00:00:00:{index >> 8:02X}:{index & 0xFF:02X}", hci.AddressType.RANDOM_DEVICE)


async def _advertise_again(device: Device) -> None:
    """After each connection. bumble's own restart can't be waited for, and would outlive the emulation."""
    alone = asyncio.Event()

    def parted(_reason: int) -> None:
        alone.set()

    def connected(connection: Connection) -> None:
        connection.on(connection.EVENT_DISCONNECTION, parted)

    device.on(Device.EVENT_CONNECTION, connected)
    while True:
        await alone.wait()
        alone.clear()
        await device.start_advertising()


async def _ended(task: asyncio.Task[None]) -> None:
    """A device that failed fails the emulation; one that is switched off doesn't."""
    while not task.done():
        # one cancel is not enough: before Python 3.12 wait_for swallows it if its answer came in the same turn
        task.cancel()
        await asyncio.sleep(0)
    if not task.cancelled():
        task.result()
