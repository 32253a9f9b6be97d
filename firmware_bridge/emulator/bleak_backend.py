"""bleak on a Bluetooth stack in Python: the two classes that `bleak.BleakClient` and `BleakScanner` take as `backend=`.

The host's controller is reached over HCI: that of `firmware_bridge.emulator.air` over TCP on this machine, or whatever
else bumble can open. Discovery, ATT and GATT are real; the system's own Bluetooth is not touched.
"""

import asyncio
from collections.abc import Awaitable, Callable
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
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
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
