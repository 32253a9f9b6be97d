"""bleak on a Bluetooth stack in Python: the two classes that `bleak.BleakClient` and `BleakScanner` take as `backend=`.

The host's controller is reached over HCI: that of `firmware_bridge.emulator.air` over TCP on this machine, or whatever
else bumble can open. Discovery, ATT and GATT are real; the system's own Bluetooth is not touched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Any, ClassVar, Final, TypeVar, get_args

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.transport import open_transport
from bumble.transport.common import Transport

T = TypeVar("T")

ATT_MTU: Final = 247
"""Largest whose packets fit one link layer packet (251 bytes less the L2CAP header); what usual hosts settle on."""
ADDRESS: Final = "C2:00:00:00:00:01"
PROPERTIES: Final[tuple[CharacteristicPropertyName, ...]] = get_args(CharacteristicPropertyName)[:8]
"""By bit of the characteristic's declaration (Core 5.3, 3.G.3.3.1.1)."""
SERVICE_LISTS: Final = (
    AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
)


def uuid_text(short_or_long: UUID) -> str:
    """As bleak writes it: 128 bits, lower case, with hyphens."""
    digits = short_or_long.to_bytes(force_128=True)[::-1].hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class Host:
    """A Bluetooth host of its own; bleak's backends are made for it.

    `async with Host("tcp-client:127.0.0.1:6402") as host: BleakClient(device, backend=host.client)`
    """

    def __init__(self, transport: str, *, address: str = ADDRESS) -> None:
        """Args: its controller's HCI as bumble names transports; its random static address."""
        self._spec = transport
        self._address = hci.Address(address)
        self._transport: Transport | None = None
        self._device: Device | None = None

    async def __aenter__(self) -> "Host":
        """Open the controller."""
        async with AsyncExitStack() as opened:
            self._transport = await open_transport(self._spec)
            # one that does not answer is let go of
            opened.push_async_exit(self.__aexit__)
            self._device = Device.with_hci("Retrogait", self._address, self._transport.source, self._transport.sink)
            await self._device.power_on()
            opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the controller, which ends its links."""
        if self._transport is not None:
            await self._transport.close()
            await asyncio.sleep(0)  # sockets close in the loop's next turn
        self._transport = self._device = None

    @property
    def client(self) -> type["BumbleClient"]:
        """For `bleak.BleakClient(..., backend=)`."""

        class HostClient(BumbleClient):
            device = self._opened()

        return HostClient

    @property
    def scanner(self) -> type["BumbleScanner"]:
        """For `bleak.BleakScanner(..., backend=)`."""

        class HostScanner(BumbleScanner):
            device = self._opened()

        return HostScanner

    def _opened(self) -> Device:
        if self._device is None:
            raise BleakError("this host is not open; use it in `async with`")
        return self._device


class BumbleScanner(BaseBleakScanner):
    """Scans with a `Host`."""

    device: ClassVar[Device]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str = "active",
        **_: Any,
    ) -> None:
        """Args: as bleak gives them; those of other systems are ignored."""
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"

    async def start(self) -> None:
        """Start scanning."""
        if self.device.is_scanning:
            raise BleakError("org.bluez.Error.InProgress: this host scans already; one scanner at a time")
        self.seen_devices = {}
        self.device.on(Device.EVENT_ADVERTISEMENT, self._heard)
        await translated(self.device.start_scanning(active=self._active))

    async def stop(self) -> None:
        """Stop scanning."""
        self.device.remove_listener(Device.EVENT_ADVERTISEMENT, self._heard)
        await translated(self.device.stop_scanning())

    def _heard(self, heard: Advertisement) -> None:
        data = heard.data
        name = data.get(AdvertisingData.Type.COMPLETE_LOCAL_NAME) or data.get(AdvertisingData.Type.SHORTENED_LOCAL_NAME)
        makers: list[tuple[int, bytes]] = data.get_all(AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA)
        lists: list[list[UUID]] = [uuids for kind in SERVICE_LISTS for uuids in data.get_all(kind)]
        advertisement = AdvertisementData(
            local_name=name,
            manufacturer_data=dict(makers),
            service_data={},
            service_uuids=[uuid_text(uuid) for uuids in lists for uuid in uuids],
            tx_power=None,
            rssi=heard.rssi,
            platform_data=(heard,),
        )
        address = heard.address.to_string(with_type_qualifier=False)
        device = self.create_or_update_device(address, address, name, heard.address, advertisement)
        if self.is_allowed_uuid(advertisement.service_uuids):
            self.call_detection_callbacks(device, advertisement)
        else:
            del self.seen_devices[address]


class BumbleClient(BaseBleakClient):
    """One link of a `Host`."""

    device: ClassVar[Device]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_: Any,
    ) -> None:
        """Args: as bleak gives them; those of other systems are ignored."""
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        known = isinstance(address_or_ble_device, BLEDevice)
        self._name = (address_or_ble_device.name if known else None) or self.address
        self._peer_address: hci.Address = address_or_ble_device.details if known else hci.Address(self.address)
        self._peer: Peer | None = None
        self._gone: asyncio.Future[None] | None = None
        self._callbacks: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """What it calls itself in the air, else its address."""
        return self._name

    @property
    def mtu_size(self) -> int:
        """Agreed with the device; the least there is while not connected."""
        return self._peer.gatt_client.mtu if self._peer is not None else att.ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """Whether the link stands."""
        return self._gone is not None and not self._gone.done()

    async def connect(self, pair: bool, **_: Any) -> None:
        """Connect, agree on an MTU, and find out what there is.

        Raises:
            TimeoutError: nobody answered.
            BleakError: connected already, another connect goes on, or the link broke again.
        """
        if self.is_connected:
            raise BleakError("connected already")
        if pair:
            raise BleakError("this backend does not pair")
        connection = await self._connection()
        self._gone = asyncio.get_running_loop().create_future()
        self._callbacks = {}
        connection.on(Connection.EVENT_DISCONNECTION, self._lost)
        self._peer = Peer(connection)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.disconnect)
            await self._while_connected(self._peer.request_mtu(ATT_MTU))
            await self._while_connected(self._peer.discover_all())
            undo.pop_all()
        self.services = _services(self._peer, lambda: self.mtu_size - 3)

    async def _connection(self) -> Connection:
        try:
            return await translated(self.device.connect_le(self._peer_address, timeout=self._timeout))
        except asyncio.CancelledError:
            await asyncio.shield(self._cancel_connecting())
            raise

    async def _cancel_connecting(self) -> None:
        # whoever gives up must leave the controller free for the next one; refused if it was connected just now
        await self.device.host.send_sync_command_raw(hci.HCI_LE_Create_Connection_Cancel_Command())
        for connection in list(self.device.connections.values()):
            if connection.peer_address == self._peer_address:
                await connection.disconnect()

    def _lost(self, _reason: int) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
            if self._disconnected_callback is not None:
                self._disconnected_callback()

    async def disconnect(self) -> None:
        """End the link; nothing to do if there is none."""
        if self._peer is not None and self.is_connected:
            try:
                await translated(self._peer.connection.disconnect())
            except BleakError:
                # it ended by itself at the same moment
                if self.is_connected:
                    raise

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Raises: BleakError: always."""
        raise BleakError("this backend does not pair")

    async def unpair(self) -> None:
        """Raises: BleakError: always."""
        raise BleakError("this backend does not pair")

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Its value; never a cached one."""
        return bytearray(await self._while_connected(_proxy(characteristic).read_value()))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """Its value; never a cached one."""
        return bytearray(await self._while_connected(descriptor.obj.read_value()))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
        """Write, and wait for the answer if there is to be one."""
        await self._while_connected(_proxy(characteristic).write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """Write and wait for the answer."""
        await self._while_connected(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        """Subscribe."""
        if characteristic.handle in self._callbacks:
            raise BleakError(f"{characteristic.uuid} is subscribed already")

        def notified(value: bytes) -> None:
            callback(bytearray(value))

        self._callbacks[characteristic.handle] = notified
        with ExitStack() as undo:
            undo.callback(self._callbacks.pop, characteristic.handle, None)
            await self._while_connected(_proxy(characteristic).subscribe(notified))
            undo.pop_all()

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        notified = self._callbacks.pop(characteristic.handle, None)
        if notified is None:
            raise BleakError(f"{characteristic.uuid} is not subscribed")
        await self._while_connected(_proxy(characteristic).unsubscribe(notified))

    async def _while_connected(self, asked: Coroutine[Any, Any, T]) -> T:
        """What a broken link leaves unanswered is an error, not a wait for the stack's own 30 s."""
        if self._gone is None or self._gone.done():
            asked.close()
            raise BleakError("Not connected")
        task = asyncio.ensure_future(translated(asked))
        try:
            await asyncio.wait((task, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not task.cancelled():
                return task.result()
            raise BleakError("the link broke before an answer came")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def translated(asked: Awaitable[T]) -> T:
    """bumble's errors as bleak's."""
    try:
        return await asked
    except att.ATT_Error as error:
        raise BleakGATTProtocolError(int(error.error_code)) from error
    except (core.TimeoutError, core.CommandTimeoutError) as error:
        raise TimeoutError(str(error)) from error
    except (core.BaseBumbleError, core.BaseError) as error:
        raise BleakError(str(error)) from error


def _proxy(characteristic: BleakGATTCharacteristic) -> CharacteristicProxy[bytes]:
    return characteristic.obj


def _services(peer: Peer, most: Callable[[], int]) -> BleakGATTServiceCollection:
    found = BleakGATTServiceCollection()
    for service in peer.services:
        ours = BleakGATTService(service, service.handle, uuid_text(service.uuid))
        found.add_service(ours)
        for proxy in service.characteristics:
            names: list[CharacteristicPropertyName] = [
                name for bit, name in enumerate(PROPERTIES) if proxy.properties >> bit & 1
            ]
            characteristic = BleakGATTCharacteristic(proxy, proxy.handle, uuid_text(proxy.uuid), names, most, ours)
            found.add_characteristic(characteristic)
            for descriptor in proxy.descriptors:
                uuid = uuid_text(descriptor.type)
                found.add_descriptor(BleakGATTDescriptor(descriptor, descriptor.handle, uuid, characteristic))
    return found
