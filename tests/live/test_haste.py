"""Hurried time: sleeps, clocks and a whole sitting in it."""

import asyncio
import time
from functools import partial

import pytest

from firmware_bridge.link import host_ns
from imu.cli.emulate import worn_of
from imu.live.emulated import Emulation, worn_by
from imu.live.haste import FastLoop, host_clock
from imu.live.radio import open_radio
from imu.simulate import Person, Protocol, Spec, Stand, Walk, usual_sensors
from tests.live.walk_in_the_air import check_live_equals_reprocess, walked

SPEED = 5.0
WALK = Protocol(segments=(Stand(seconds=3.0), Walk(direction="backward", seconds=20.0), Stand(seconds=2.0)))


def hurried(work):
    with asyncio.Runner(loop_factory=partial(FastLoop, SPEED)) as runner:
        return runner.run(work)


def test_all_clocks_of_the_loop_go_faster_alike():
    async def main():
        loop, now_ns, wall_s = asyncio.get_running_loop(), host_clock(), time.monotonic()
        began_s, began_ns = loop.time(), now_ns()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.sleep(60.0)
        took_s, took_ns, wall_s = loop.time() - began_s, now_ns() - began_ns, time.monotonic() - wall_s
        # how late a busy machine ends a wait is its own affair, and hurries nobody
        assert took_s >= 1.0
        assert took_ns * 1e-9 == pytest.approx(took_s, abs=0.05 * SPEED)
        assert wall_s < took_s < SPEED * wall_s + 0.05 * SPEED

    hurried(main())


def test_work_is_not_hurried_and_speed_may_change():
    async def main():
        loop = asyncio.get_running_loop()
        began_s, wall_s = loop.time(), time.monotonic()
        while time.monotonic() - wall_s < 0.2:
            pass
        assert loop.time() - began_s == pytest.approx(time.monotonic() - wall_s, abs=0.01)
        loop.speed = 1.0
        began_s, wall_s = loop.time(), time.monotonic()
        await asyncio.sleep(0.2)
        assert loop.time() - began_s == pytest.approx(time.monotonic() - wall_s, abs=0.01)

    hurried(main())


def test_elsewhere_the_clock_of_stamps_is_that_of_the_radio(run):
    async def main():
        assert host_clock() is host_ns

    run(main())


def test_a_hurried_sitting_loses_nothing_and_is_what_reprocess_makes_of_it(tmp_path):
    async def main():
        recording = worn_by(Spec(Person(), WALK, usual_sensors()), seed=3)
        async with Emulation(recording) as emulation, open_radio(emulation.transport) as central:
            worn = worn_of(recording, emulation.worn)
            return *await walked(central, worn, None, tmp_path, seconds=20.0), recording

    made, live, recording = hurried(main())
    check_live_equals_reprocess(made, live, tmp_path)
    for sensor, model in recording.sensors.items():
        assert live.lost(sensor) == 0
        assert made.summary["sensors"][sensor]["rate_hz"] == pytest.approx(model.rate_hz, rel=1e-3)
