"""What the benches of the live path share: somebody walks, with emulated sensors, in a process of their own."""

import argparse
import asyncio
import math
import multiprocessing
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

from imu.core.matching import pairs
from imu.core.session import FEET, Foot, Sensor
from imu.core.tables import whole
from imu.core.units import NS_PER_S
from imu.live.emulated import DRIFT_PPM, Conditions, Emulation, worn_by
from imu.live.player import Heard
from imu.live.subscribers import Subscription
from imu.simulate import Recording, Spec, named

SEED: Final = 1
WAIT_S: Final = 30.0
"""For sensors to stream."""
SAME_CONTACT_S: Final = 0.1
"""A contact that was found so close to a true one of its foot is that one."""


class Air(NamedTuple):
    """Where the sensors are, and who wears them."""

    recording: Recording
    transport: str
    """HCI, as bumble names transports."""
    origin_s: float
    """`loop.time()` at time 0 of the recording; one clock for all processes of a machine."""
    worn: Mapping[Sensor, str]
    """Serial numbers."""


class Seen(NamedTuple):
    """Something that was told of a contact, when it reached whoever looks on."""

    foot: Foot | None
    """None: of either."""
    t_ns: int
    """Of the contact, session clock."""
    at_s: float
    """`loop.time()`."""


def add_minutes(parser: argparse.ArgumentParser, of: str) -> None:
    """How long somebody walks."""
    parser.add_argument("--minutes", type=_minutes, default=2.0, help=f"{of} (default %(default)g)")


def _minutes(text: str) -> float:
    """A number of minutes, for argparse."""
    with suppress(ValueError):
        minutes = float(text)
        if 0.0 < minutes < math.inf:
            return minutes
    raise argparse.ArgumentTypeError(f"got {text!r}; want minutes, as 2")


def add_conditions(parser: argparse.ArgumentParser) -> None:
    """Arguments for the air."""
    parser.add_argument("--interval-ms", type=float, default=15.0, help="connection interval (default %(default)g)")
    parser.add_argument(
        "--lost", type=float, default=0.05, help="share of lost connection events (default %(default)g)"
    )
    parser.add_argument("--packet-samples", type=int, nargs="+", default=[5, 10], help="(default 5 10)")


def conditions_of(args: argparse.Namespace) -> Iterator[Conditions]:
    """One for each packet length that is asked for."""
    for samples in args.packet_samples:
        yield Conditions(
            interval_s=1e-3 * args.interval_ms,
            lost_events=args.lost,
            packet_samples=samples,
            # it goes to the other process, and what can't be written to can't be sent
            drift_ppm=dict(DRIFT_PPM),
            seed=SEED,
        )


@contextmanager
def in_the_air(walk: str, seconds: float, conditions: Conditions) -> Generator[Air]:
    """While the block lasts, somebody walks so long, as a walk of that name goes.

    Raises:
        NoEmulator: bumble is not installed.
    """
    recording = _walker(walk, seconds, conditions)
    # what can't be is refused here, and not in the other process
    Emulation(recording, conditions)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    other = spawn.Process(target=_emulate, args=(theirs, walk, seconds, conditions), daemon=True)
    other.start()
    theirs.close()
    try:
        transport, origin_s, worn = ours.recv()
        yield Air(recording, transport, origin_s, worn)
    finally:
        ours.close()
        other.join()


def _walker(walk: str, seconds: float, conditions: Conditions) -> Recording:
    """The person who is measured; the same in both processes."""
    person, protocol, sensors = named(walk)
    return worn_by(Spec(person, replace(protocol, duration_s=seconds), sensors), seed=SEED, conditions=conditions)


def _emulate(pipe: Connection, walk: str, seconds: float, conditions: Conditions) -> None:
    """Sensors, in a process of their own, until the other end hangs up."""

    async def main() -> None:
        async with Emulation(_walker(walk, seconds, conditions), conditions) as emulation:
            pipe.send((emulation.transport, emulation.origin_s, dict(emulation.worn)))
            with suppress(EOFError):
                await asyncio.to_thread(pipe.recv)

    asyncio.run(main())


def mean_packet(recording: Recording, packets: int) -> float:
    """Samples of a packet, where so many have come of all of it."""
    return sum(model.rate_hz for model in recording.sensors.values()) * recording.duration_s / packets


async def watch(subscription: Subscription[Heard], seen: list[Seen]) -> None:
    """Every contact that is told, and when."""
    loop = asyncio.get_running_loop()
    async for heard in subscription:
        now_s = loop.time()
        seen += [
            Seen(event.foot, whole(event.row, "t_contact_ns"), now_s)
            for event in heard.events
            if event.kind == "contact"
        ]


def latencies(air: Air, seen: Sequence[Seen], begun_s: float) -> list[float]:
    """From the true instant of each contact of which something was seen until it was, s.

    `begun_s`: when the session began, since time 0 of the recording.
    """
    found_s: list[float] = []
    for foot in (*FEET, None):
        mine = [one for one in seen if one.foot == foot]
        truth = [
            whole(row, "t_contact_ns") for row in air.recording.truth_contacts if foot is None or row["foot"] == foot
        ]
        found = [one.t_ns + round(begun_s * NS_PER_S) for one in mine]
        for k, j in pairs(truth, found, round(SAME_CONTACT_S * NS_PER_S)):
            found_s.append(mine[j].at_s - air.origin_s - truth[k] / NS_PER_S)
    return found_s
