"""What the page costs, and how late a cue is in the browser: desk and server as they are, sensors beside them."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np

from imu.cli.emulate import worn_of
from imu.cli.warmup import warm_up
from imu.core.errors import RetrogaitError
from imu.core.session import SENSORS, Foot
from imu.core.tables import whole
from imu.core.units import NS_PER_S
from imu.live.desk.desk import Desk, Given
from imu.live.desk.wire import Notice
from imu.live.emulated import Conditions
from imu.live.page.serve import serving
from imu.live.radio import open_radio
from imu.live.subscribers import Subscription
from imu_bench.live.emulated import (
    WAIT_S,
    Air,
    Seen,
    add_conditions,
    add_minutes,
    conditions_of,
    in_the_air,
    latencies,
    watch,
)
from imu_bench.live.page_readers import Ask, NoBrowser, Read, Told, readers
from imu_bench.live.page_report import report

WALK: Final = "steady-backward"
BESIDES_S: Final = 10.0
"""Standing before the walk, and the time in which a browser starts."""
SETTLES_S: Final = 3.0
"""Of walking, before anything is measured."""
SLOT_S: Final = 10.0
"""CPU is counted for so long with so many pages, then with one more or less: what else the machine does meets all."""
PAGES: Final = (0, 1, 2)
CUES: Final[Mapping[str, float]] = {"foot_angle": -60.0, "drop": 0.0}
"""Metric -> upper limit that every step goes beyond. One is of contacts, the other waits for a step's end."""
HOLD: Final = 2
"""So feet take turns, and each cue has other words than the one that stands there."""
LAST_S: Final = 1.0
"""For what was told last to arrive."""
LOOK_EVERY_S: Final = 0.05
SOONER_S: Final = 0.05
"""A browser's clock, and a busy loop, are wrong by less."""


class GivenCue(NamedTuple):
    """A cue as the desk gave it."""

    metric: str
    contact: Seen
    """The contact that it is about, or that ended the step; seen when it was told."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_minutes(parser, "of walking for CPU, and as many for cues")
    add_conditions(parser)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Measure and tell."""
    warm_up()
    seconds = 60.0 * args.minutes
    try:
        results = [measure(seconds, seconds, conditions) for conditions in conditions_of(args)]
    except RetrogaitError as why:
        sys.stderr.write(f"imu_bench: {why}\n")
        return 1
    sys.stdout.write(json.dumps(results, indent=2) if args.json else report(results))
    sys.stdout.write("\n")
    return 0


def measure(
    cpu_s: float, cues_s: float, conditions: Conditions, *, walk: str = WALK, browser: bool = True
) -> dict[str, Any]:
    """One walk: CPU without a page, with one and with two for so long, then cues for so long.

    Raises:
        NoEmulator, NoPage: what is not installed.
    """
    seconds = BESIDES_S + SETTLES_S + cpu_s + cues_s + LAST_S
    with (
        readers() as ask,
        in_the_air(walk, seconds, conditions) as air,
        tempfile.TemporaryDirectory(prefix="imu-bench-") as folder,
    ):
        return asyncio.run(_measure(Path(folder), air, ask, cpu_s, cues_s, browser=browser))


async def _measure(store: Path, air: Air, ask: Ask, cpu_s: float, cues_s: float, *, browser: bool) -> dict[str, Any]:
    loop, load = asyncio.get_running_loop(), _load()
    given = Given(worn=worn_of(air.recording, air.worn), document={"source": "simulated"}, simulated=True)
    seen: list[Seen] = []
    told_s: list[float] = []
    async with (
        open_radio(air.transport) as central,
        Desk(central, store, given) as desk,
        serving(desk, port=0) as (address, page),
    ):
        await _streaming(desk)
        await desk.do({"do": "subject", "code": "S01"})
        await desk.do({"do": "start"})
        begun_s = loop.time() - air.origin_s - desk.live.elapsed_s
        watching = [
            asyncio.create_task(watch(desk.audience.subscribe(), seen)),
            asyncio.create_task(_watch_cues(desk.subscribe_events(), told_s)),
        ]
        walks_s = min(whole(row, "t_contact_ns") for row in air.recording.truth_contacts) / NS_PER_S
        await asyncio.sleep(air.origin_s + walks_s + SETTLES_S - loop.time())
        before_s, before = loop.time(), _packets(desk)
        cpu, reads = await _cpu(ask, address.url, cpu_s)
        packets_per_s = (_packets(desk) - before) / (loop.time() - before_s)
        looked, cues_cpu = await _cues(desk, ask, address.url if browser else None, cues_s)
        counts = page.counts
        marks = [] if desk.live.player is None else list(desk.live.player.marks)
        lost = sum(desk.live.lost(sensor) for sensor in air.worn)
    await asyncio.gather(*watching)
    late = partial(_late, air, begun_s)
    cues = _given(marks, told_s)
    latency = [late("contact", "server", seen), late("contact", "client", _of_clients(reads))]
    for metric in CUES:
        latency.append(late(metric, "server", [cue.contact for cue in cues if cue.metric == metric]))
    if isinstance(looked, Told):
        latency += [late(*one) for one in _in_browser(looked, cues)]
    return {
        "packet_samples": sum(model.rate_hz for model in air.recording.sensors.values()) / packets_per_s,
        "cpu": cpu,
        "cpu_while_cues": cues_cpu,
        "page": _page(reads),
        "lost": {
            "samples": lost,
            "signals": counts.lost_signals,
            "updates": counts.lost_updates,
            "events": counts.lost_events,
        },
        "latency": latency,
        "browser": {
            "problem": looked if isinstance(looked, str) else None,
            "clock_error_s": looked.clock_error_s if isinstance(looked, Told) else None,
        },
        "load": [load, _load()],
    }


async def _streaming(desk: Desk) -> None:
    async with asyncio.timeout(WAIT_S):
        while not desk.live.streaming() >= set(SENSORS):
            await asyncio.sleep(LOOK_EVERY_S)


def _packets(desk: Desk) -> int:
    return sum(link.packets for link in desk.live.links.values())


async def _watch_cues(notices: Subscription[Notice], told_s: list[float]) -> None:
    loop = asyncio.get_running_loop()
    async for notice in notices:
        if notice["event"] == "cue":
            told_s.append(loop.time())


async def _cpu(ask: Ask, url: str, seconds: float) -> tuple[dict[str, Any], list[tuple[int, Read]]]:
    """CPU of this process with so many pages open, and what those read."""
    loop = asyncio.get_running_loop()
    cycles = max(1, round(seconds / SLOT_S / len(PAGES)))
    slot_s = seconds / cycles / len(PAGES)
    # there and back again: what changes steadily meets all alike
    turns = [n for cycle in range(cycles) for n in (PAGES if cycle % 2 == 0 else PAGES[::-1])]
    shares: dict[int, list[float]] = {n: [] for n in PAGES}
    reads: list[tuple[int, Read]] = []
    await ask(("read", (url, turns[0])))
    for n, after in zip(turns, [*turns[1:], 0], strict=True):
        begin_s, cpu_s = loop.time(), time.process_time()
        await asyncio.sleep(slot_s)
        shares[n].append((time.process_time() - cpu_s) / (loop.time() - begin_s))
        reads.append((n, await ask(("read", (url, after)))))
    means = {n: float(np.mean(shares[n])) for n in PAGES}
    return {
        "slots": {str(n): shares[n] for n in PAGES},
        "desk": means[0],
        "one_page": means[1],
        "two_pages": means[2],
        "first_page": _difference(shares[0], shares[1]),
        "second_page": _difference(shares[1], shares[2]),
        "ratio": means[1] / means[0],
    }, reads


def _difference(before: Sequence[float], after: Sequence[float]) -> dict[str, float | None]:
    """Mean over cycles, and its standard error."""
    differences = np.subtract(after, before)
    n = len(differences)
    error = float(np.std(differences, ddof=1) / np.sqrt(n)) if n > 1 else None
    return {"mean": float(np.mean(differences)), "error": error}


async def _cues(desk: Desk, ask: Ask, url: str | None, seconds: float) -> tuple[Told | str, float]:
    """Cues as often as can be. What a browser made of them, or why there is none; CPU of this process meanwhile."""
    loop, why = asyncio.get_running_loop(), "none is asked for"
    if url is not None:
        try:
            why = await ask(("browse", url)) or ""
        except NoBrowser as problem:
            why = str(problem)
    begin_s, cpu_s = loop.time(), time.process_time()
    for metric, high in CUES.items():
        await desk.do({"do": "cue", "metric": metric, "low": None, "high": high, "hold": HOLD, "fade": False})
        await asyncio.sleep(seconds / len(CUES))
    share = (time.process_time() - cpu_s) / (loop.time() - begin_s)
    await desk.do({"do": "cue", "metric": "none"})
    await asyncio.sleep(LAST_S)
    return why or cast("Told", await ask(("told", None))), share


def _given(marks: Sequence[Mapping[str, Any]], told_s: Sequence[float]) -> list[GivenCue]:
    """Cues are told and marked in one go: the first told is the first marked."""
    said = [json.loads(mark["value"]) for mark in marks if mark["kind"] == "cue"]
    given = [cue for cue in said if cue["event"] == "given"]
    return [
        # a step is ended by the other foot's contact
        GivenCue(cue["metric"], Seen(None if cue["metric"] == "drop" else cue["foot"], cue["t_step_ns"], at_s))
        for cue, at_s in zip(given, told_s, strict=True)
    ]


def _in_browser(told: Told, cues: Sequence[GivenCue]) -> list[tuple[str, str, list[Seen]]]:
    """(of what, where, when it was seen there)."""
    contacts = [Seen(one["foot"], one["t_ns"], one["at_s"]) for one in told.events if one["what"] == "contact"]
    rows = [("contact", "browser", contacts)]
    came = [one["at_s"] for one in told.events if one["what"] == "cue"]
    drawn = [(one["changed_s"], one["at_s"]) for one in told.events if one["what"] == "painted"]
    for metric in CUES:
        wanted = [cue for cue in cues if cue.metric == metric]
        rows.append((metric, "browser", matched(wanted, [(at_s, at_s) for at_s in came])))
        rows.append((metric, "painted", matched(wanted, drawn)))
    return rows


def matched(cues: Sequence[GivenCue], seen: Sequence[tuple[float, float]]) -> list[Seen]:
    """Each (when it came, when it was done) is of the last cue that was told before, and the first of that counts."""
    told_s = [cue.contact.at_s - SOONER_S for cue in cues]
    first: dict[int, Seen] = {}
    for came_s, done_s in seen:
        k = bisect_right(told_s, came_s) - 1
        if k >= 0:
            first.setdefault(k, cues[k].contact._replace(at_s=done_s))
    return list(first.values())


def _of_clients(reads: Sequence[tuple[int, Read]]) -> list[Seen]:
    return [Seen(cast("Foot", foot), t_ns, at_s) for n, read in reads if n == 1 for foot, t_ns, at_s in read.contacts]


def _page(reads: Sequence[tuple[int, Read]]) -> dict[str, Any]:
    """What one page got a second, by sensor."""
    ones = [read for n, read in reads if n == 1]
    seconds = sum(read.seconds for read in ones)
    return {
        "frames_per_s": {name: sum(read.frames.get(k, 0) for read in ones) / seconds for k, name in enumerate(SENSORS)},
        "samples_per_s": {
            name: sum(read.samples.get(k, 0) for read in ones) / seconds for k, name in enumerate(SENSORS)
        },
        "bytes_per_s": sum(read.bytes for read in ones) / seconds,
    }


def _late(air: Air, begun_s: float, of: str, where: str, seen: Sequence[Seen]) -> dict[str, Any]:
    late_s = latencies(air, seen, begun_s)
    quantiles = {str(q): float(np.percentile(late_s, q)) if late_s else None for q in (50, 95, 99, 100)}
    return {"of": of, "where": where, "n": len(late_s), "latency_s": quantiles}


def _load() -> float | None:
    """Of the machine, over the last minute; some tell none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
