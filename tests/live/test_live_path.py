"""Three sensors at 200 Hz through the whole path, a minute each: nothing is lost that is not counted, and what was seen
live is what reprocess makes. RETROGAIT_SOAK_S=600 makes it ten minutes (make soak), and tells the figures.
"""

import sys
from collections import defaultdict

import numpy as np
import pytest

from firmware_bridge.central import Central
from firmware_bridge.ogi import Ogi
from imu.core.session import SENSORS
from imu.core.tables import HEART_RATE, TREADMILL
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.live.emulated import Conditions, Emulation, setups, worn_by
from imu.live.radio import open_radio
from imu.live.worn import Worn
from imu.simulate import Person, Protocol, Spec, Stand, Walk, usual_sensors
from imu.store.tables import read_rows
from tests.firmware_bridge.conftest import private_bus, system_bus
from tests.live.bluez_walkers import Walkers, WalkingSensor
from tests.live.walk_in_the_air import SECONDS, Sent, check_live_equals_reprocess, missing, told, walked

__all__ = ["private_bus", "system_bus"]

DRIVERS = {"ogi": Ogi()}
PER_COUNT = (488e-6 * STANDARD_GRAVITY_M_S2, np.radians(0.07))
"""Of the sensors behind the fake bluetoothd: LSM6DS3TR-C."""
BEFORE_S = 8.0
"""Standing, while everything is connected."""
LONG_S = SECONDS + 60.0
HELD = 60
"""Samples: no more wait for the next connection event or two."""
BOUTS = (
    Walk(direction="forward", seconds=18.0),
    Stand(seconds=3.0),
    Walk(direction="backward", seconds=18.0),
    Stand(seconds=3.0),
)

pytestmark = pytest.mark.timeout(SECONDS + 180.0)


def specification(surface="overground"):
    return Spec(Person(), Protocol(segments=BOUTS, duration_s=LONG_S, surface=surface), usual_sensors())


def troubles(break_link, reboot):
    return [
        (0.25 * SECONDS, lambda: break_link("foot_left")),
        (0.5 * SECONDS, lambda: break_link("pelvis")),
        (0.7 * SECONDS, lambda: reboot("foot_right")),
    ]


def over_bluetooth(run, store, conditions, surface="overground", *, asides=(), planned=lambda emulation: ()):
    """A person on emulated sensors, measured over a whole stack: the session, the live loop, truth of both."""
    recording = worn_by(specification(surface), seed=6, lead_s=BEFORE_S, conditions=conditions)
    sent = defaultdict(Sent)
    outcome = []

    def on_sampled(sensor, one):
        sent[sensor].put(one.boot, one.number, one.values)

    async def main():
        async with Emulation(recording, conditions, on_sampled=on_sampled) as emulation:
            worn = worn_as(recording, emulation.worn)
            async with open_radio(emulation.transport, DRIVERS) as central:
                outcome.extend(await walked(central, worn, DRIVERS, store, asides=asides, troubles=planned(emulation)))

    run(main())
    return *outcome, sent, recording


def test_over_a_bluetooth_stack_on_a_treadmill(run, tmp_path):
    conditions = Conditions(seed=3, heart_bpm=82)
    asides = ("treadmill", "heart_rate")
    made, live, sent, recording = over_bluetooth(run, tmp_path / "store", conditions, "treadmill", asides=asides)
    sys.stdout.write(told("bumble, clean, with a treadmill and a strap", made, live, sent))
    check(made, live, sent, tmp_path, rebooted=None)
    belt = read_rows(made.folder / "raw" / "treadmill.parquet", TREADMILL)
    heart = read_rows(made.folder / "raw" / "heart_rate.parquet", HEART_RATE)
    # once a second each
    assert len(belt) > 0.9 * SECONDS - 5
    assert len(heart) > 0.9 * SECONDS - 5
    assert {row["heart_rate_bpm"] for row in heart} == {82.0}
    speeds = [row["speed_m_s"] for row in belt]
    usual = {round(float(speed), 2) for speed in np.abs(recording.belt_speed(np.arange(BEFORE_S, LONG_S, 0.5)))}
    assert {round(speed, 2) for speed in speeds} & usual, "it runs as it was set"
    assert min(speeds) == 0.0, "and stands between bouts"
    assert {row["incline_pct"] for row in belt} == {0.0}


def test_over_a_bluetooth_stack_with_losses(run, tmp_path):
    conditions = Conditions(lost_events=0.05, seed=3)
    made, live, sent, _ = over_bluetooth(
        run,
        tmp_path / "store",
        conditions,
        planned=lambda emulation: troubles(emulation.disconnect, emulation.reboot),
    )
    sys.stdout.write(told("bumble, 5 % of events lost, two broken links, a reboot", made, live, sent))
    check(made, live, sent, tmp_path, rebooted="foot_right")


@pytest.mark.usefixtures("system_bus")
def test_over_bluez(run, tmp_path):
    recording = worn_by(specification(), seed=7, lead_s=BEFORE_S)
    sent = defaultdict(Sent)
    outcome = []

    async def main():
        walkers = Walkers(
            {
                sensor: WalkingSensor(sensor, counts_of(recording, sensor), sent[sensor], rate_hz=model.rate_hz)
                for sensor, model in recording.sensors.items()
            }
        )
        async with walkers.there():
            worn = worn_as(recording, {sensor: sensor for sensor in recording.sensors})
            planned = troubles(walkers.disconnect, walkers.reboot)
            outcome.extend(await walked(Central(DRIVERS), worn, DRIVERS, tmp_path / "store", troubles=planned))

    run(main())
    made, live = outcome
    sys.stdout.write(told("BlueZ, two broken links, a reboot", made, live, sent))
    check(made, live, sent, tmp_path, rebooted="foot_right")


def worn_as(recording, serials):
    said = setups(recording)
    return [
        Worn(sensor=sensor, serial=serial, mounting=tuple(map(tuple, said[sensor]["mounting"])))
        for sensor, serial in serials.items()
    ]


def counts_of(recording, sensor):
    """Blocks of (n, 6) counts, as a sensor with the scales of `PER_COUNT` samples."""
    for samples in recording.taken(sensor, 512):
        counts = np.rint(np.hstack([samples.acc / PER_COUNT[0], samples.gyr / PER_COUNT[1]]))
        yield np.clip(counts, -32768, 32767).astype(np.int16)


def check(made, live, sent, tmp_path, *, rebooted):
    check_live_equals_reprocess(made, live, tmp_path)
    for sensor in SENSORS:
        assert made.sensors[sensor].lost == live.lost(sensor) == made.summary["sensors"][sensor]["lost"]
        per_count = live.player.decoders[sensor].per_count
        lost = missing(made, sensor, sent[sensor], per_count, reboots=int(sensor == rebooted))
        if sensor == rebooted:
            # what waited to be sent when its power went
            assert lost[0] < HELD
            assert lost[1:] == [0]
            assert made.summary["sensors"][sensor]["gaps"] == 1
        else:
            assert lost == [0]
            assert made.summary["sensors"][sensor]["lost"] == 0
