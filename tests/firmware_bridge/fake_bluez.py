"""A fake `org.bluez` on a private dbus-daemon, so that bleak's own BlueZ backend runs unchanged, without a radio.

What it plays is a list of `Peripheral`; what can go wrong with one is in its `Faults`. Signals, sockets and errors are
those of bluetoothd 5.66 as bleak sees them. It runs on the event loop of the test.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bleak.backends.bluezdbus import manager as bleak_manager
from bleak.backends.bluezdbus.version import BlueZFeatures
from dbus_fast import BusType, ErrorType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

ADAPTER = "/org/bluez/hci0"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER1, DEVICE1 = "org.bluez.Adapter1", "org.bluez.Device1"
SERVICE1, CHARACTERISTIC1 = "org.bluez.GattService1", "org.bluez.GattCharacteristic1"


class Refusal(Exception):
    """Answered as a D-Bus error."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(name, text)
        self.name, self.text = name, text


NOT_PERMITTED = Refusal("org.bluez.Error.NotPermitted", "Write not permitted")
IN_PROGRESS = Refusal("org.bluez.Error.InProgress", "Operation already in progress")


@dataclass
class Faults:
    absent: bool = False
    """Not in the air."""
    connect_hangs: bool = False
    write_refused: bool = False
    read_refused: bool = False
    reads_hang: bool = False


@dataclass
class Peripheral:
    """One device: characteristics by service UUID, and what its firmware does when it is read from or written to."""

    address: str
    name: str
    services: dict[str, dict[str, list[str]]]
    """service -> characteristic -> flags"""
    rssi: int = -50
    mtu: int = 247
    advertises: bool = True
    """Its services; its name it shows in any case."""
    faults: Faults = field(default_factory=Faults)
    on_read: Callable[[str], bytes] = lambda uuid: b""
    on_write: Callable[[str, bytes], None] = lambda uuid, value: None
    on_subscribe: Callable[[str, bool], None] = lambda uuid, on: None
    on_connect: Callable[[bool], None] = lambda on: None
    writes: list[tuple[str, bytes]] = field(default_factory=list)
    """All that was ever written to it."""


class FakeBluez:
    """bluetoothd with one adapter."""

    def __init__(self, bus: MessageBus, peripherals: list[Peripheral]) -> None:
        self.calls: list[tuple[str, str]] = []
        """(member, path) of every method call."""
        self._bus = bus
        self._peripherals = {self._path(p.address): p for p in peripherals}
        self._characteristics: dict[str, tuple[str, str]] = {}  # path -> device path, UUID
        self._paths: dict[tuple[str, str], str] = {}
        self._sockets: dict[str, socket.socket] = {}
        self._notifying: set[str] = set()
        self.on_discovery: Callable[[], object] = lambda: None
        """Called when it begins to scan, before it answers."""
        self._wanted: set[str] = set()
        """Services whose devices alone are shown; empty = all are."""
        self._connecting: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        adapter = {
            "Address": Variant("s", "C0:FF:EE:00:00:01"),
            "Alias": Variant("s", "fake"),
            "Powered": Variant("b", True),
            "Discovering": Variant("b", False),
            "UUIDs": Variant("as", []),
            "Roles": Variant("as", ["central", "peripheral"]),
        }
        self._objects: dict[str, dict[str, dict[str, Variant]]] = {ADAPTER: {ADAPTER1: adapter}}

    # what tests do

    def notify(self, peripheral: Peripheral, uuid: str, payload: bytes) -> bool:
        """As its firmware would; false if nobody is subscribed (or the socket's buffer is full)."""
        path = self._paths.get((peripheral.address, uuid))
        if path in self._sockets:
            try:
                self._sockets[path].send(payload)
            except BlockingIOError:
                return False
            except OSError:  # unsubscribed: the other end is closed
                self._sockets.pop(path).close()
                peripheral.on_subscribe(uuid, False)
                return False
            return True
        if path in self._notifying:
            self._changed(path, CHARACTERISTIC1, {"Value": Variant("ay", payload)})
            return True
        return False

    def drop(self, peripheral: Peripheral) -> None:
        """The link breaks."""
        self._disconnect(self._path(peripheral.address))

    def connected(self, peripheral: Peripheral) -> bool:
        device = self._objects.get(self._path(peripheral.address), {}).get(DEVICE1)
        return device is not None and device["Connected"].value

    @property
    def discovering(self) -> bool:
        return self._objects[ADAPTER][ADAPTER1]["Discovering"].value

    @property
    def sockets(self) -> int:
        return len(self._sockets)

    async def close(self) -> None:
        for path in [path for path in self._peripherals if path in self._objects]:
            self._disconnect(path)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    # what bleak asks

    def on_message(self, message: Message) -> bool | None:
        if message.message_type != MessageType.METHOD_CALL or not message.path.startswith(("/org/bluez", "/")):
            return None
        if message.interface == "org.freedesktop.DBus.Peer":
            return None
        task = asyncio.ensure_future(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _answer(self, message: Message) -> None:
        self.calls.append((message.member, message.path))
        fds: list[int] = []
        try:
            signature, body, fds = await self._call(message)
            reply = Message.new_method_return(message, signature, body, fds)
        except Refusal as refusal:
            reply = Message.new_error(message, refusal.name, refusal.text)
        await self._bus.send(reply)
        for fd in fds:
            os.close(fd)

    async def _call(self, message: Message) -> tuple[str, list[Any], list[int]]:
        path, member, body = message.path, message.member, message.body
        nothing: tuple[str, list[Any], list[int]] = "", [], []
        if member == "GetManagedObjects":
            return "a{oa{sa{sv}}}", [self._objects], []
        if path not in self._objects:
            raise Refusal(ErrorType.UNKNOWN_OBJECT.value, path)
        if path == ADAPTER:
            if member == "StartDiscovery":
                if self._connecting or self.discovering:
                    raise IN_PROGRESS
                self._changed(ADAPTER, ADAPTER1, {"Discovering": Variant("b", True)})
                self.on_discovery()
                self._start(self._advertise())
                return nothing
            if member == "StopDiscovery":
                self._changed(ADAPTER, ADAPTER1, {"Discovering": Variant("b", False)})
                return nothing
            if member == "SetDiscoveryFilter":
                self._wanted = set(body[0]["UUIDs"].value) if "UUIDs" in body[0] else set()
                return nothing
        elif path in self._peripherals:
            if member == "Connect":
                await self._connect(path)
                return nothing
            if member == "Disconnect":
                self._disconnect(path)
                return nothing
        elif path in self._characteristics:
            return await self._gatt(path, member, body)
        raise Refusal(ErrorType.UNKNOWN_METHOD.value, f"{member} of {path}")

    async def _gatt(self, path: str, member: str, body: list[Any]) -> tuple[str, list[Any], list[int]]:
        device, uuid = self._characteristics[path]
        peripheral = self._peripherals[device]
        if member == "ReadValue":
            if peripheral.faults.read_refused:
                raise Refusal("org.bluez.Error.NotPermitted", "Read not permitted")
            if peripheral.faults.reads_hang:
                await asyncio.get_running_loop().create_future()
            return "ay", [peripheral.on_read(uuid)], []
        if member == "WriteValue":
            if peripheral.faults.write_refused:
                raise NOT_PERMITTED
            peripheral.writes.append((uuid, bytes(body[0])))
            peripheral.on_write(uuid, bytes(body[0]))
            return "", [], []
        if member == "StartNotify":
            self._notifying.add(path)
            peripheral.on_subscribe(uuid, True)
            return "", [], []
        if member == "StopNotify":
            self._notifying.discard(path)
            peripheral.on_subscribe(uuid, False)
            return "", [], []
        if member == "AcquireNotify":
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.setblocking(False)
            self._sockets[path] = ours
            peripheral.on_subscribe(uuid, True)
            return "hq", [0, peripheral.mtu], [theirs.detach()]
        raise Refusal(ErrorType.UNKNOWN_METHOD.value, member)

    # what happens by itself

    async def _advertise(self) -> None:
        while self.discovering:
            for path, peripheral in self._peripherals.items():
                advertised = set(peripheral.services) if peripheral.advertises else set[str]()
                hidden = self._wanted and self._wanted.isdisjoint(advertised)
                if not (hidden or peripheral.faults.absent or self.connected(peripheral)):
                    self._show(path, peripheral)
            await asyncio.sleep(0.02)

    def _show(self, path: str, peripheral: Peripheral) -> None:
        if path in self._objects:
            self._changed(path, DEVICE1, {"RSSI": Variant("n", peripheral.rssi)})
            return
        self._added(
            path,
            DEVICE1,
            {
                "Address": Variant("s", peripheral.address),
                "AddressType": Variant("s", "random"),
                "Name": Variant("s", peripheral.name),
                "Alias": Variant("s", peripheral.name),
                "Paired": Variant("b", False),
                "Connected": Variant("b", False),
                "ServicesResolved": Variant("b", False),
                "RSSI": Variant("n", peripheral.rssi),
                "UUIDs": Variant("as", list(peripheral.services) if peripheral.advertises else []),
                "Adapter": Variant("o", ADAPTER),
            },
        )

    async def _connect(self, path: str) -> None:
        peripheral = self._peripherals[path]
        if self._connecting or self.discovering:
            raise IN_PROGRESS  # controllers that can't do both
        waiting = self._connecting[path] = asyncio.get_running_loop().create_future()
        try:
            if peripheral.faults.connect_hangs or peripheral.faults.absent:
                await waiting
            await asyncio.wait({waiting}, timeout=0.01)
            if waiting.done():
                await waiting
        finally:
            del self._connecting[path]
        self._changed(path, DEVICE1, {"Connected": Variant("b", True)})
        peripheral.on_connect(True)
        handle = 0x10
        for service, characteristics in peripheral.services.items():
            service_path = f"{path}/service{handle:04x}"
            handle += 1
            self._added(
                service_path,
                SERVICE1,
                {"UUID": Variant("s", service), "Device": Variant("o", path), "Primary": Variant("b", True)},
            )
            for uuid, flags in characteristics.items():
                self._add_characteristic(peripheral, service_path, handle, uuid, flags)
                handle += 3
        self._changed(path, DEVICE1, {"ServicesResolved": Variant("b", True)})

    def _add_characteristic(
        self, peripheral: Peripheral, service_path: str, handle: int, uuid: str, flags: list[str]
    ) -> None:
        path = f"{service_path}/char{handle:04x}"
        self._characteristics[path] = self._path(peripheral.address), uuid
        self._paths[peripheral.address, uuid] = path
        properties = {
            "UUID": Variant("s", uuid),
            "Service": Variant("o", service_path),
            "Flags": Variant("as", flags),
            "Value": Variant("ay", b""),
            "MTU": Variant("q", peripheral.mtu),
        }
        if "notify" in flags:
            properties |= {"Notifying": Variant("b", False), "NotifyAcquired": Variant("b", False)}
        self._added(path, CHARACTERISTIC1, properties)

    def _disconnect(self, path: str) -> None:
        if (waiting := self._connecting.get(path)) is not None and not waiting.done():
            waiting.set_exception(Refusal("org.bluez.Error.Failed", "le-connection-abort-by-local-host"))
            return
        if not self.connected(self._peripherals[path]):
            return
        inside = f"{path}/"
        for characteristic in [one for one in self._sockets if one.startswith(inside)]:
            self._sockets.pop(characteristic).close()
        self._notifying = {one for one in self._notifying if not one.startswith(inside)}
        self._paths = {key: one for key, one in self._paths.items() if not one.startswith(inside)}
        for one in sorted((one for one in self._objects if one.startswith(inside)), reverse=True):
            self._characteristics.pop(one, None)
            self._signal("/", OBJECTS, "InterfacesRemoved", "oas", [one, list(self._objects.pop(one))])
        self._changed(path, DEVICE1, {"Connected": Variant("b", False), "ServicesResolved": Variant("b", False)})
        self._peripherals[path].on_connect(False)

    def _start(self, coroutine: Awaitable[None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _added(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        self._objects[path] = {interface: properties}
        self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", [path, self._objects[path]])

    def _changed(self, path: str, interface: str, changed: dict[str, Variant]) -> None:
        self._objects[path][interface].update(changed)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, changed, []])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._bus.send(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )

    @staticmethod
    def _path(address: str) -> str:
        return f"{ADAPTER}/dev_{address.replace(':', '_')}"


@asynccontextmanager
async def fake_bluez(peripherals: list[Peripheral]) -> AsyncIterator[FakeBluez]:
    """On the bus that DBUS_SYSTEM_BUS_ADDRESS names. At the end bleak's own connection to that bus is closed too."""
    bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
    fake = FakeBluez(bus, peripherals)
    bus.add_message_handler(fake.on_message)
    await bus.request_name("org.bluez")
    # it would run bluetoothctl, of whose absence it warns
    BlueZFeatures.checked_bluez_version = BlueZFeatures.supported_version = True
    try:
        yield fake
    finally:
        await close_bleak()
        await fake.close()


async def close_bleak() -> None:
    """bleak keeps one connection a loop until the program ends; tests have many loops."""
    instance = bleak_manager._global_instances.pop(asyncio.get_running_loop(), None)
    if instance is not None and instance._bus is not None:
        instance._bus.disconnect()
        await instance._bus_watcher_task
