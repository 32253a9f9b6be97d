"""A sitting of some length over a whole Bluetooth path, and whether all that was sampled is accounted for."""

import asyncio
import os
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from imu.core.tables import STREAM
from imu.live.recover import finish
from imu.live.sitting import ready, sitting
from imu.pipeline import Params
from imu.reprocess import reprocess
from imu.store.raw import raw_path, read_raw
from imu.store.tables import read_rows, write_analysis
from imu.version import VERSION

SECONDS = float(os.environ.get("RETROGAIT_SOAK_S", "42"))
"""Length of each recording: by default one bout in either direction."""
PATIENCE_S = 20.0


@dataclass
class Sent:
    """What one sensor sampled, in order."""

    boots: list[int] = field(default_factory=list)
    """(n,) how many times it had been switched on before each packet."""
    numbers: list[int] = field(default_factory=list)
    """(n,) its own counter at the first sample of each packet."""
    values: list[np.ndarray] = field(default_factory=list)

    def put(self, boot, number, values):
        self.boots.append(boot)
        self.numbers.append(number)
        self.values.append(values)

    def of_boot(self, boot):
        """Sample counters and values of one time that it was on."""
        mine = [k for k, one in enumerate(self.boots) if one == boot]
        numbers = [np.arange(self.numbers[k], self.numbers[k] + len(self.values[k])) for k in mine]
        return np.concatenate(numbers), np.concatenate([self.values[k] for k in mine])

    def place(self, came):
        """Where rows (m, 6) begin in all that was sampled, (n, 6), and that."""
        values = np.concatenate(self.values)
        return _place(values, came[:8]), values


def came_of(rows, per_count):
    """(n, 6) counts of blocks that were read from a file."""
    scaled = np.concatenate([np.hstack([block.acc / per_count[0], block.gyr / per_count[1]]) for block in rows])
    return np.rint(scaled).astype(np.int16)


async def walked(central, worn, drivers, store, *, seconds=SECONDS, asides=(), troubles=()):
    """A sitting, with troubles (after how many seconds, what to do); what it gave, and the live loop.

    All samples of the recording have come when it ends: the sensors are stopped first.
    """
    document = {"subject": "S01", "session": "walk", "source": "simulated"}
    async with sitting(central, worn, drivers=drivers, asides=asides) as live:
        assert len(await ready(live, [one.sensor for one in worn], PATIENCE_S)) == len(worn)
        await live.start(store / "walk.rglog", document)
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        for after_s, trouble in troubles:
            await asyncio.sleep(begin_s + after_s - loop.time())
            trouble()
        await asyncio.sleep(begin_s + seconds - loop.time())
        # whoever was lost a moment ago gets the time to come back
        async with asyncio.timeout(PATIENCE_S):
            while len(live.streaming()) < len(worn):
                await asyncio.sleep(0.05)
    return await asyncio.to_thread(finish, store / "walk.rglog", store, drivers), live


def check_live_equals_reprocess(made, live, tmp_path):
    assert live.player.slip is None
    assert live.problem is None
    assert live.overflowed == 0
    chain = live.player.chain
    write_analysis(tmp_path / "live", chain.tables(), chain.summary(), version=VERSION, params=Params().document())
    reprocess(made.folder, tmp_path / "again")
    for file in sorted((made.folder / "analysis").iterdir()):
        assert file.read_bytes() == (tmp_path / "live" / "analysis" / file.name).read_bytes(), file.name
        assert file.read_bytes() == (tmp_path / "again" / "analysis" / file.name).read_bytes(), file.name
    assert len(chain.tables()["contacts"]) > 0.5 * made.summary["duration_s"]


def missing(made, sensor, sent, per_count, *, reboots=0):
    """How many samples of each time that the sensor was on did not come; all that came is checked, value by value.

    A session's counter goes on over a reboot with a jump; within one time it is the device's own, less a constant.
    """
    rows = list(read_raw(raw_path(made.folder, sensor), sensor, made.session.sensors[sensor]))
    t_ns, seq = (np.concatenate([getattr(block, name) for block in rows]) for name in ("t_ns", "seq"))
    came = came_of(rows, per_count)
    assert (np.diff(seq) > 0).all()
    assert (np.diff(t_ns) > 0).all()
    stream = made.folder / "raw" / "stream.parquet"
    said = read_rows(stream, STREAM) if stream.exists() else []
    assert sum((row["sensor"], row["event"]) == (sensor, "clock_reset") for row in said) >= reboots
    edges = [0, *(1 + np.flatnonzero(np.diff(seq) != 1)), len(seq)]
    assert len(edges) == 2 + reboots, "a counter jumps where a device rebooted, and there alone"
    lost = []
    for boot, (begin, end) in enumerate(pairwise(edges)):
        numbers, values = sent.of_boot(boot)
        # what was sampled before the recording began is no part of it; after a reboot all is
        first = _place(values, came[begin : begin + 8]) if boot == 0 else 0
        np.testing.assert_array_equal(numbers[first : first + end - begin], np.arange(end - begin) + numbers[first])
        np.testing.assert_array_equal(values[first : first + end - begin], came[begin:end])
        lost.append(len(numbers) - first - (end - begin))
    return lost


def _place(values, wanted):
    """Where the rows `wanted` stand in `values`, the only such place."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (len(wanted), 6))[:, 0]
    [at] = np.flatnonzero((windows == wanted).all(axis=(1, 2)))
    return int(at)


def told(name, made, live, sent):
    """Figures, for whoever started a long run."""
    breaks = {link.worn.sensor: link.breaks for link in live.links.values()}
    lines = [f"{name}, {made.summary['duration_s']:.1f} s:"]
    for sensor, kept in made.sensors.items():
        sampled = sum(map(len, sent[sensor].values))
        lines.append(
            f"  {sensor}: {sampled} samples since it was started, {kept.rows} in the recording,"
            f" {kept.lost} counted as lost, {breaks[sensor]} links lost"
        )
    return "\n".join(lines)
