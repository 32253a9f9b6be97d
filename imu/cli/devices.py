"""`imu devices`: which sensors are in the air, and which of them is worn where."""

import argparse
import asyncio
import math
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final, NamedTuple, cast

from imu.cli.terminal import aligned
from imu.core.canonical import canonical_json
from imu.core.errors import RetrogaitError, UsageError
from imu.core.session import SENSORS, Sensor
from imu.live.radio import InAir, in_the_air
from imu.live.worn import Worn, default_path, load, save
from imu.store.slips import likely

EXAMPLES: Final = """\
examples:
  imu devices                                     what is in the air?
  imu devices --bind foot_left=A1 --bind foot_right=B2
  imu devices --unbind pelvis                     needs no radio
"""
SCHEMA: Final = "retrogait.devices/1"
NOTHING: Final = (
    "Nothing that can be listened to is in the air. Is Bluetooth on, and may this program use it (on macOS: System"
    " Settings, Privacy, Bluetooth; on Linux: bluetoothctl power on)? Are the sensors charged, switched on and awake"
    " (many sleep until they are moved)? Is no other program or telephone connected to them? Then they don't show"
    " themselves. A longer look: imu devices --seconds 20"
)


class NotInAir(RetrogaitError, LookupError):
    """A serial number that no sensor in the air has."""


class Binding(NamedTuple):
    """What --bind asks for."""

    sensor: Sensor
    serial: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("--seconds", type=positive, default=5.0, help="how long to look (default 5)")
    add_hci(parser)
    parser.add_argument(
        "--bind",
        type=_binding,
        action="append",
        default=[],
        metavar="ROLE=SERIAL",
        help=f"say which sensor is worn where; a role is {', '.join(SENSORS)}",
    )
    parser.add_argument("--unbind", type=_role, action="append", default=[], metavar="ROLE", help="take it back")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def add_hci(parser: argparse.ArgumentParser) -> None:
    """The option that names another controller than the system's."""
    parser.add_argument(
        "--hci",
        metavar="TRANSPORT",
        help="a controller of one's own as bumble names it, as usb:0; else the system's Bluetooth",
    )


def run(args: argparse.Namespace) -> int:
    """Bind and unbind, look, and say what there is."""
    bindings, unbound = cast("list[Binding]", args.bind), cast("list[Sensor]", args.unbind)
    _check(bindings, unbound)
    path = default_path()
    worn = load(path)
    if unbound:
        worn = tuple(one for one in worn if one.sensor not in unbound)
        save(path, worn)
        _tell(f"{path} binds {' and '.join(unbound)} no more", as_json=args.json)
        if not bindings:
            return 0
    with hint(f"looking for {args.seconds:g} s ..."):
        found = asyncio.run(in_the_air(args.seconds, args.hci))
    if bindings:
        worn = _bound(worn, bindings, found)
        save(path, worn)
        _tell(f"{path} binds {', '.join(f'{one.sensor} to {one.serial}' for one in bindings)}", as_json=args.json)
    roles = {one.serial: SENSORS.index(one.sensor) for one in worn}
    found = sorted(found, key=lambda one: roles.get(one.serial or "", len(SENSORS)))
    if args.json:
        document = {"schema": SCHEMA, "devices": _rows(found, worn), "worn": [asdict(one) for one in worn]}
        print(canonical_json(document, indent=2), end="")
    elif found:
        print("\n".join(_page(found, worn)))
    if not found:
        print(NOTHING, file=sys.stderr)
    return 0 if found else 1


def positive(text: str) -> float:
    """A number of seconds, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"got {text!r}; want seconds, as 5")
    return seconds


@contextmanager
def hint(text: str) -> Generator[None]:
    """A line on stderr for as long as something takes, if that is a terminal."""
    shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if shown:
        sys.stderr.write(text)
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write(f"\r{' ' * len(text)}\r")
            sys.stderr.flush()


def not_in_air(serial: str, found: Sequence[InAir]) -> NotInAir:
    """Of a serial number that was named."""
    there = [one.serial for one in found if one.serial is not None]
    wanted = f"want one of {', '.join(there)}" if there else "there is none at all"
    slip = likely(serial, there) or " (asleep, empty, or connected elsewhere?)"
    return NotInAir(f"no sensor {serial!r} in the air; {wanted}{slip}")


def _role(text: str) -> Sensor:
    for sensor in SENSORS:
        if text == sensor:
            return sensor
    raise argparse.ArgumentTypeError(f"got role {text!r}; want {', '.join(SENSORS)}{likely(text, SENSORS)}")


def _binding(text: str) -> Binding:
    role, equals, serial = text.partition("=")
    if not equals or not serial:
        raise argparse.ArgumentTypeError(f"got {text!r}; want ROLE=SERIAL, as foot_left=A1")
    return Binding(_role(role), serial)


def _check(bindings: Sequence[Binding], unbound: Sequence[Sensor]) -> None:
    for what, words in (
        ("role", [one.sensor for one in bindings] + list(dict.fromkeys(unbound))),
        ("serial", [one.serial for one in bindings]),
    ):
        for word in words:
            if words.count(word) > 1:
                raise UsageError(f"{what} {word!r} is named twice; want it once in --bind and --unbind")


def _bound(worn: Sequence[Worn], bindings: Sequence[Binding], found: Sequence[InAir]) -> tuple[Worn, ...]:
    """A sensor that is bound anew is taken from where it was; how another one sat there says nothing of it."""
    drivers = {one.serial: one.driver for one in found if one.serial is not None}
    for one in bindings:
        if one.serial not in drivers:
            raise not_in_air(one.serial, found)
    asked = {one.sensor: one.serial for one in bindings}
    kept = [one for one in worn if asked.get(one.sensor) == one.serial]
    others = [one for one in worn if one.sensor not in asked and one.serial not in asked.values()]
    known = {one.sensor for one in kept}
    new = [
        Worn(sensor=one.sensor, serial=one.serial, driver=drivers[one.serial])
        for one in bindings
        if one.sensor not in known
    ]
    return (*others, *kept, *new)


def _tell(text: str, *, as_json: bool) -> None:
    print(text, file=sys.stderr if as_json else sys.stdout)


def _rows(found: Sequence[InAir], worn: Sequence[Worn]) -> list[dict[str, object]]:
    roles = {one.serial: one.sensor for one in worn}
    return [{"worn_as": roles.get(one.serial or ""), **asdict(one)} for one in found]


def _page(found: Sequence[InAir], worn: Sequence[Worn]) -> list[str]:
    roles = {one.serial: one.sensor for one in worn}
    there = {one.serial for one in found}
    lines = aligned(
        [
            ("worn as", "serial", "model", "driver", "firmware", "rate", "signal"),
            *(
                (
                    roles.get(one.serial or "", "-"),
                    one.serial or "-",
                    one.model or one.name or "-",
                    one.driver,
                    one.firmware or "-",
                    "-" if one.rate_hz is None else f"{one.rate_hz:g} Hz",
                    f"{one.rssi_dbm} dBm",
                )
                for one in found
            ),
        ],
        left=4,
    )
    lines += [f"{one.name or one.driver}: {one.problem}" for one in found if one.problem]
    lines += [
        f"{one.sensor} is bound to {one.serial}, which is not in the air" for one in worn if one.serial not in there
    ]
    experimental = {one.driver: one.experimental for one in found if one.experimental}
    lines += [f"{driver} is experimental: {what}" for driver, what in experimental.items()]
    return lines + _next(found, worn)


def _next(found: Sequence[InAir], worn: Sequence[Worn]) -> list[str]:
    roles, serials = {one.sensor for one in worn}, {one.serial for one in worn}
    free = [sensor for sensor in SENSORS if sensor not in roles]
    unbound = [one.serial for one in found if one.serial is not None and one.serial not in serials]
    lines: list[str] = []
    if free and unbound:
        lines.append(f"imu devices {' '.join(f'--bind {sensor}=SERIAL' for sensor in free[: len(unbound)])}")
    if roles:
        lines += ["imu doctor", "imu live"]
    return [f"{'next:' if place == 0 else '     '} {line}" for place, line in enumerate(lines)]
