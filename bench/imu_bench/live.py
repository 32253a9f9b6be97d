"""What the live path costs, and how late it is: emulated sensors in a process of their own, all else in this one."""

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from imu.cli.warmup import warm_up
from imu.core.matching import pairs
from imu.core.session import FEET, Foot
from imu.core.tables import whole
from imu.core.units import NS_PER_S
from imu.live.emulated import DRIFT_PPM, Conditions, Emulation, setups, worn_by
from imu.live.player import Heard
from imu.live.radio import open_radio
from imu.live.sitting import ready, sitting
from imu.live.subscribers import Subscription
from imu.live.worn import Worn
from imu.simulate import Recording, Spec, named

WALK: Final = "ten-minutes"
SEED: Final = 1
WAIT_S: Final = 30.0
SAME_CONTACT_S: Final = 0.1
"""A contact that was found so close to a true one of its foot is that one."""
AIM_P95_S: Final = 0.25


class Seen(NamedTuple):
    """A contact's event, when it reached whoever looks on."""

    foot: Foot
    t_contact_ns: int
    at_s: float
    """`loop.time()`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--minutes", type=float, default=2.0, help="of walking (default %(default)g)")
    parser.add_argument("--interval-ms", type=float, default=15.0, help="connection interval (default %(default)g)")
    parser.add_argument(
        "--lost", type=float, default=0.05, help="share of lost connection events (default %(default)g)"
    )
    parser.add_argument("--packet-samples", type=int, nargs="+", default=[5, 10], help="(default 5 10)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Measure and tell."""
    warm_up()
    results: list[dict[str, Any]] = []
    for samples in args.packet_samples:
        conditions = Conditions(
            interval_s=1e-3 * args.interval_ms,
            lost_events=args.lost,
            packet_samples=samples,
            # it goes to the other process, and what can't be written to can't be sent
            drift_ppm=dict(DRIFT_PPM),
            seed=SEED,
        )
        results.append(measure(60.0 * args.minutes, conditions))
    sys.stdout.write(json.dumps(results, indent=2) if args.json else report(results))
    sys.stdout.write("\n")
    return 0


def walker(seconds: float, conditions: Conditions) -> Recording:
    """The person who is measured; the same in both processes."""
    person, protocol, sensors = named(WALK)
    spec = Spec(person, replace(protocol, duration_s=seconds), sensors)
    return worn_by(spec, seed=SEED, conditions=conditions)


def _emulate(pipe: Connection, seconds: float, conditions: Conditions) -> None:
    """Sensors, in a process of their own, until the other end hangs up."""

    async def main() -> None:
        async with Emulation(walker(seconds, conditions), conditions) as emulation:
            pipe.send((emulation.transport, emulation.origin_s, dict(emulation.worn)))
            with suppress(EOFError):
                await asyncio.to_thread(pipe.recv)

    asyncio.run(main())


def measure(seconds: float, conditions: Conditions) -> dict[str, Any]:
    """One walk of so many seconds, live."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    other = spawn.Process(target=_emulate, args=(theirs, seconds, conditions), daemon=True)
    other.start()
    theirs.close()
    try:
        transport, origin_s, serials = ours.recv()
        with tempfile.TemporaryDirectory(prefix="imu-bench-") as folder:
            return asyncio.run(_live(Path(folder), walker(seconds, conditions), transport, origin_s, serials))
    finally:
        ours.close()
        other.join()


async def _live(
    folder: Path, recording: Recording, transport: str, origin_s: float, serials: Mapping[Any, str]
) -> dict[str, Any]:
    loop, said = asyncio.get_running_loop(), setups(recording)
    worn = [
        Worn(sensor=sensor, serial=serial, mounting=tuple(map(tuple, said[sensor]["mounting"])))
        for sensor, serial in serials.items()
    ]
    end_s = origin_s + recording.duration_s
    async with open_radio(transport) as central, sitting(central, worn) as live:
        await ready(live, list(serials), WAIT_S)
        await live.start(folder / "bench.rglog", {"subject": "S01", "session": "bench"})
        begun_s = loop.time() - origin_s - live.elapsed_s
        seen: list[Seen] = []
        watching = asyncio.create_task(_watch(live.audience.subscribe(), seen))
        begin_s, cpu_s = loop.time(), time.process_time()
        await asyncio.sleep(end_s - loop.time())
        wall_s, cpu_s = loop.time() - begin_s, time.process_time() - cpu_s
        packets = sum(link.packets for link in live.links.values())
        breaks = sum(link.breaks for link in live.links.values())
    await watching
    latencies = _latencies(recording, seen, origin_s, begun_s)
    return {
        "packet_samples": _mean_packet(recording, packets),
        "seconds": wall_s,
        "packets_per_s": packets / wall_s,
        "links_lost": breaks,
        "lost_samples": sum(live.lost(sensor) for sensor in serials),
        "cpu_share": cpu_s / wall_s,
        "contacts": len(latencies),
        "latency_s": {str(q): float(np.percentile(latencies, q)) for q in (50, 95, 99, 100)},
    }


def _mean_packet(recording: Recording, packets: int) -> float:
    taken = sum(model.rate_hz * recording.duration_s for model in recording.sensors.values())
    return taken / packets


async def _watch(subscription: Subscription[Heard], seen: list[Seen]) -> None:
    loop = asyncio.get_running_loop()
    async for heard in subscription:
        now_s = loop.time()
        seen += [
            Seen(event.foot, whole(event.row, "t_contact_ns"), now_s)
            for event in heard.events
            if event.kind == "contact"
        ]


def _latencies(recording: Recording, seen: Sequence[Seen], origin_s: float, begun_s: float) -> list[float]:
    """From the true instant of each contact that was found to its event."""
    latencies: list[float] = []
    for foot in FEET:
        mine = [one for one in seen if one.foot == foot]
        truth = [whole(row, "t_contact_ns") for row in recording.truth_contacts if row["foot"] == foot]
        found = [one.t_contact_ns + round(begun_s * NS_PER_S) for one in mine]
        for k, j in pairs(truth, found, round(SAME_CONTACT_S * NS_PER_S)):
            latencies.append(mine[j].at_s - origin_s - truth[k] / NS_PER_S)
    return latencies


def report(results: Sequence[Mapping[str, Any]]) -> str:
    """The figures for a person to read."""
    lines = [
        "Three emulated sensors over the whole Bluetooth path; latency is from a contact's true instant to its event.",
        f"Aim: 95 % within {1e3 * AIM_P95_S:.0f} ms with 5 to 10 samples a packet.",
        "",
        f"{'samples a packet':>16}{'packets/s':>11}{'links lost':>12}{'samples':>9}{'CPU, % of a core':>18}"
        f"{'contacts':>10}{'p50, ms':>9}{'p95':>6}{'p99':>6}{'max':>6}",
    ]
    for one in results:
        p50, p95, p99, most = (1e3 * one["latency_s"][q] for q in ("50", "95", "99", "100"))
        lines.append(
            f"{one['packet_samples']:>16.1f}{one['packets_per_s']:>11.0f}{one['links_lost']:>12}{one['lost_samples']:>9}"
            f"{100 * one['cpu_share']:>18.1f}{one['contacts']:>10}{p50:>9.0f}{p95:>6.0f}{p99:>6.0f}{most:>6.0f}"
        )
    return "\n".join(lines)
