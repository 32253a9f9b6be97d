"""What the live path costs, and how late it is: emulated sensors in a process of their own, all else in this one."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from imu.cli.emulate import worn_of
from imu.cli.warmup import warm_up
from imu.live.emulated import Conditions
from imu.live.radio import open_radio
from imu.live.sitting import ready, sitting
from imu_bench.live.emulated import (
    WAIT_S,
    Air,
    Seen,
    add_conditions,
    add_minutes,
    conditions_of,
    in_the_air,
    latencies,
    mean_packet,
    watch,
)

WALK: Final = "ten-minutes"
AIM_P95_S: Final = 0.25


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_minutes(parser, "of walking")
    add_conditions(parser)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Measure and tell."""
    warm_up()
    results = [measure(60.0 * args.minutes, conditions) for conditions in conditions_of(args)]
    sys.stdout.write(json.dumps(results, indent=2) if args.json else report(results))
    sys.stdout.write("\n")
    return 0


def measure(seconds: float, conditions: Conditions) -> dict[str, Any]:
    """One walk of so many seconds, live."""
    with (
        in_the_air(WALK, seconds, conditions) as air,
        tempfile.TemporaryDirectory(prefix="imu-bench-") as folder,
    ):
        return asyncio.run(_live(Path(folder), air))


async def _live(folder: Path, air: Air) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    end_s = air.origin_s + air.recording.duration_s
    worn = worn_of(air.recording, air.worn)
    async with open_radio(air.transport) as central, sitting(central, worn) as live:
        await ready(live, list(air.worn), WAIT_S)
        await live.start(folder / "bench.rglog", {"subject": "S01", "session": "bench"})
        begun_s = loop.time() - air.origin_s - live.elapsed_s
        seen: list[Seen] = []
        watching = asyncio.create_task(watch(live.audience.subscribe(), seen))
        begin_s, cpu_s = loop.time(), time.process_time()
        await asyncio.sleep(end_s - loop.time())
        wall_s, cpu_s = loop.time() - begin_s, time.process_time() - cpu_s
        packets = sum(link.packets for link in live.links.values())
        breaks = sum(link.breaks for link in live.links.values())
    await watching
    late_s = latencies(air, seen, begun_s)
    return {
        "packet_samples": mean_packet(air.recording, packets),
        "seconds": wall_s,
        "packets_per_s": packets / wall_s,
        "links_lost": breaks,
        "lost_samples": sum(live.lost(sensor) for sensor in air.worn),
        "cpu_share": cpu_s / wall_s,
        "contacts": len(late_s),
        "latency_s": {str(q): float(np.percentile(late_s, q)) for q in (50, 95, 99, 100)},
    }


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
