"""What all emulated devices say in the same words: advertisement, characteristics, battery."""

from collections.abc import Callable
from typing import Final

from bumble import att, data_types
from bumble.core import UUID, AdvertisingData, DataType
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service

from firmware_bridge import standard

ADVERTISING_BYTES: Final = 31
"""Room in an advertisement, and as much again in the answer to a scan request."""

Reading = Callable[[Connection], bytes]
Writing = Callable[[Connection, bytes], None]


def advertise(device: Device, *, name: str, services: list[str]) -> None:
    """Say in the air that it offers these services; its name comes with the answer to a scan request.

    Raises:
        ValueError: too much for an advertisement.
    """
    flags = AdvertisingData.Flags.LE_GENERAL_DISCOVERABLE_MODE | AdvertisingData.Flags.BR_EDR_NOT_SUPPORTED
    said: list[DataType] = [data_types.Flags(flags)]
    short = [uuid for service in services if len((uuid := short_uuid(service)).to_bytes()) == 2]
    long = [uuid for service in services if len((uuid := short_uuid(service)).to_bytes()) == 16]
    if short:
        said.append(data_types.CompleteListOf16BitServiceUUIDs(short))
    if long:
        said.append(data_types.CompleteListOf128BitServiceUUIDs(long))
    advertisement, answer = bytes(AdvertisingData(said)), bytes(AdvertisingData([data_types.CompleteLocalName(name)]))
    if max(len(advertisement), len(answer)) > ADVERTISING_BYTES:
        raise ValueError(f"got {len(advertisement)} bytes of services, {len(answer)} of name; want {ADVERTISING_BYTES}")
    device.advertising_data, device.scan_response_data = advertisement, answer


def short_uuid(text: str) -> UUID:
    """16 bits where it is one of the Bluetooth SIG's."""
    if text.startswith("0000") and text.endswith("-0000-1000-8000-00805f9b34fb"):
        return UUID.from_16_bits(int(text[4:8], 16))
    return UUID(text)


def readable(uuid: str, read: Reading, *, notify: bool = False) -> Characteristic[bytes]:
    """Asked anew at each read; can notify as well."""
    properties = Characteristic.Properties.READ
    if notify:
        properties |= Characteristic.Properties.NOTIFY
    return Characteristic(short_uuid(uuid), properties, Characteristic.READABLE, CharacteristicValue[bytes](read=read))


def notifying(uuid: str) -> Characteristic[bytes]:
    """Notifies, and can't be read."""
    return Characteristic(short_uuid(uuid), Characteristic.Properties.NOTIFY, att.Attribute.Permissions(0), b"")


def commands(uuid: str, write: Writing, read: Reading | None = None) -> Characteristic[bytes]:
    """Is written to, with response."""
    properties, permissions = Characteristic.Properties.WRITE, Characteristic.WRITEABLE
    if read is not None:
        properties |= Characteristic.Properties.READ
        permissions |= Characteristic.READABLE
    return Characteristic(short_uuid(uuid), properties, permissions, CharacteristicValue[bytes](read=read, write=write))


def battery(level_pct: Callable[[], int]) -> Service:
    """Battery service."""
    level = readable(standard.BATTERY_LEVEL, lambda _: bytes([level_pct()]), notify=True)
    return Service(short_uuid(standard.BATTERY), [level])
