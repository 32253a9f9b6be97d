"""What `Central` asks of bleak, in a few lines and in this process: for its state machine, at the speed of memory."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from firmware_bridge import dot
from firmware_bridge.ogi import INFO, SYNC

READS = {INFO: "identify", dot.DEVICE_INFO: "identify", SYNC: "ping"}
WRITES = {1: "start", 2: "stop", 3: "resend"}
"""By the first byte of what is written."""


class Sensor(Protocol):
    """What a device does, whatever its transport."""

    name: str
    send: Callable[[bytes], bool]

    @property
    def services(self) -> dict[str, dict[str, list[str]]]: ...
    @property
    def data(self) -> str: ...
    def on_link(self, on: bool) -> None: ...
    def on_subscribe(self, uuid: str, on: bool) -> None: ...
    def on_read(self, uuid: str) -> bytes: ...
    def on_write(self, uuid: str, value: bytes) -> None: ...


class Device:
    """Something at an address. A step in `hangs` never ends, one in `fails` raises; an entry of `fails` is used up by
    one call where it is a list."""

    def __init__(self, sensor: Sensor, address: str, *, rssi: int = -50) -> None:
        self.sensor = sensor
        self.address = address
        self.rssi = rssi
        self.services: dict[str, dict[str, list[str]]] = sensor.services
        self.advertises = True
        """Its services; its name it shows in any case."""
        self.absent = False
        self.hangs: set[str] = set()
        self.fails: dict[str, Exception | list[Exception]] = {}
        self.client: FakeClient | None = None
        self.entered = asyncio.Event()
        """A step that hangs was reached."""
        sensor.send = lambda payload: self.notify(sensor.data, payload)

    def notify(self, uuid: str, payload: bytes) -> bool:
        if self.client is None or uuid not in self.client.callbacks:
            return False
        self.client.callbacks[uuid](None, bytearray(payload))
        return True

    def drop(self) -> None:
        if self.client is not None:
            client, self.client = self.client, None
            self.sensor.on_link(False)
            client.lost()

    async def step(self, name: str) -> None:
        if name in self.hangs:
            self.entered.set()
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)
        slip = self.fails.get(name)
        if isinstance(slip, list):
            slip = slip.pop(0) if slip else None
        if slip is not None:
            raise slip


class Radio:
    """`client` and `scanner` are what `Central` takes. Scan and connect at a time are a failure of the test."""

    def __init__(self, devices: list[Device]) -> None:
        self.devices = devices
        self.scanning = 0
        self.connecting = 0
        self.connects: list[str] = []
        """Addresses, one entry an attempt."""
        self.scans: list[list[str] | None] = []
        """The services that each scan asked for."""
        self.scan_hangs = False
        self.shows_connected = False
        """As systems do that keep what they once saw."""
        self.entered = asyncio.Event()
        self.overlaps = 0

    def client(self, device: BLEDevice, /, *, disconnected_callback: Callable[[Any], None], timeout: float) -> Any:
        return FakeClient(self, device.details, disconnected_callback)

    def scanner(
        self, *, detection_callback: Callable[[BLEDevice, AdvertisementData], None], service_uuids: list[str] | None
    ) -> Any:
        self.scans.append(service_uuids)
        return FakeScanner(self, detection_callback, service_uuids)

    def check(self) -> None:
        self.overlaps += self.scanning + self.connecting > 1


class FakeScanner:
    def __init__(
        self, radio: Radio, on_seen: Callable[[BLEDevice, AdvertisementData], None], services: list[str] | None
    ) -> None:
        self.radio, self.on_seen, self.services = radio, on_seen, services
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.radio.scanning += 1
        self.radio.check()
        self.task = asyncio.create_task(self.advertise())
        if self.radio.scan_hangs:
            self.radio.entered.set()
            await asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait({self.task})
        self.radio.scanning -= 1

    async def advertise(self) -> None:
        while True:
            await asyncio.sleep(0.002)
            for device in self.radio.devices:
                offered = list(device.services) if device.advertises else []
                wanted = self.services is None or not set(offered).isdisjoint(self.services)
                shown = device.client is None or self.radio.shows_connected
                if shown and wanted and not device.absent:
                    name = device.sensor.name
                    data = AdvertisementData(name, {}, {}, offered, None, device.rssi, ())
                    self.on_seen(BLEDevice(device.address, name, device), data)


class Services:
    def __init__(self, device: Device) -> None:
        self.uuids = {uuid for service in device.services.values() for uuid in service}

    def get_characteristic(self, uuid: str) -> object | None:
        return uuid if uuid in self.uuids else None


class FakeClient:
    backend_id = "fake"

    def __init__(self, radio: Radio, device: Device, on_lost: Callable[[Any], None]) -> None:
        self.radio, self.device, self.on_lost = radio, device, on_lost
        self.callbacks: dict[str, Callable[[Any, bytearray], None]] = {}
        self.services = Services(device)

    @property
    def is_connected(self) -> bool:
        return self.device.client is self

    def lost(self) -> None:
        self.callbacks.clear()
        self.on_lost(self)

    async def connect(self) -> None:
        self.radio.connecting += 1
        self.radio.check()
        self.radio.connects.append(self.device.address)
        try:
            await self.device.step("connect")
        finally:
            self.radio.connecting -= 1
        assert self.device.client is None, "a second link to one device"
        self.device.client = self
        self.device.sensor.on_link(True)

    async def disconnect(self) -> None:
        if self.is_connected:
            await self.device.step("disconnect")
            self.device.drop()

    async def start_notify(self, uuid: str, callback: Callable[[Any, bytearray], None], **options: Any) -> None:
        assert not options, "options of BlueZ for another backend"
        await self._step("subscribe")
        self.callbacks[uuid] = callback
        self.device.sensor.on_subscribe(uuid, True)

    async def stop_notify(self, uuid: str) -> None:
        await self._step("unsubscribe")
        del self.callbacks[uuid]
        self.device.sensor.on_subscribe(uuid, False)

    async def read_gatt_char(self, uuid: str) -> bytearray:
        await self._step(READS.get(uuid, "read"))
        return bytearray(self.device.sensor.on_read(uuid))

    async def write_gatt_char(self, uuid: str, data: bytes, response: bool | None = None) -> None:
        await self._step(WRITES.get(data[0], "write"))
        self.device.sensor.on_write(uuid, bytes(data))

    async def _step(self, name: str) -> None:
        if not self.is_connected:
            raise BleakError("Not connected")
        await self.device.step(name)
