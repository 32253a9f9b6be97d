"""A recording that is killed at any moment loses its last second at most, and invents nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest

from firmware_bridge.ogi import Ogi
from imu.live.decode import per_count_of
from imu.live.emulated import Conditions, Emulation, worn_by
from imu.live.recover import recover
from imu.live.sitting import left_behind, log_path
from imu.simulate import named
from imu.store.log import read_log
from imu.store.raw import raw_path, read_raw
from tests.live.walk_in_the_air import Sent, came_of

AT_ONCE = 5
ROUNDS = 2
LAST_S = 1.0
ON_THE_WAY_S = 0.15
"""From a sample to its notification: the rest of its packet, and some connection events."""
PATIENCE_S = 60.0


class Killed:
    """One recording by a program of its own, and its end."""

    def __init__(self, store, seed):
        self.store = store
        self.conditions = Conditions(lost_events=0.05, seed=seed)
        self.recording = worn_by(named("steady-backward"), seed=seed, lead_s=1.0, conditions=self.conditions)
        self.sent = defaultdict(Sent)
        self.taken_s = defaultdict(list)
        self.killed_s = 0.0
        self._after_s = np.random.default_rng([seed, 9]).uniform(0.2, 4.0)

    def _on_sampled(self, sensor, one):
        self.sent[sensor].put(one.boot, one.number, one.values)
        self.taken_s[sensor].extend(one.monotonic_s)

    async def run(self):
        loop = asyncio.get_running_loop()
        async with Emulation(self.recording, self.conditions, on_sampled=self._on_sampled) as emulation:
            roles = [
                word for sensor, serial in emulation.worn.items() for word in (f"--{sensor.replace('_', '-')}", serial)
            ]
            words = [
                "record",
                "--subject",
                "S01",
                "--session",
                "cut",
                "--out",
                self.store,
                "--hci",
                emulation.transport,
            ]
            program = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "imu", *words, *roles),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "IMU_CONFIG_DIR": str(self.store)},
            )
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while not log_path(self.store, "S01", "cut").exists():
                        assert program.returncode is None, "it ended by itself"
                        await asyncio.sleep(0.01)
                await asyncio.sleep(self._after_s)
            finally:
                program.send_signal(signal.SIGKILL)
                self.killed_s = loop.time()
                await program.wait()

    def check(self):
        [log] = left_behind(self.store)
        with read_log(log) as frames:
            per_count = {source.sensor: per_count_of(source) for source in frames.header.sources}
        made = recover(log, self.store, {"ogi": Ogi()})
        assert set(made.sensors) == set(self.sent)
        for sensor, sent in self.sent.items():
            rows = list(read_raw(raw_path(made.folder, sensor), sensor, made.session.sensors[sensor]))
            seq = np.concatenate([block.seq for block in rows])
            came = came_of(rows, per_count[sensor])
            first, values = sent.place(came)
            np.testing.assert_array_equal(came, values[first : first + len(came)])
            assert (np.diff(seq) == 1).all()
            taken_s = np.array(self.taken_s[sensor])
            assert taken_s[first + len(came) - 1] > self.killed_s - LAST_S - ON_THE_WAY_S


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_killed_at_any_moment_it_loses_the_last_second_at_most(run, tmp_path):
    async def main(cut):
        await asyncio.gather(*(one.run() for one in cut))

    for number in range(ROUNDS):
        cut = [Killed(tmp_path / f"{number}-{k}", 100 * number + k) for k in range(AT_ONCE)]
        run(main(cut))
        for one in cut:
            one.check()
