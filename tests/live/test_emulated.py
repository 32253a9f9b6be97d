"""Sensors that a simulated person wears send what they would measure, at the moments at which they would."""

import asyncio
import json
import sys
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner

from firmware_bridge import ogi, standard
from firmware_bridge.central import Central
from firmware_bridge.emulator.bleak_backend import Host
from firmware_bridge.link import Inbox
from firmware_bridge.ogi import Ogi
from imu.core.errors import BadSpec, RetrogaitError
from imu.core.session import SENSORS
from imu.live.emulated import BLOCK_SAMPLES, Conditions, Emulation, NoEmulator, NotOpen, setups, worn_by
from imu.simulate import Clock, Link, Person, Protocol, Spec, Stand, Walk, named, simulate, usual_sensors
from imu.simulate.sensing import Sensing
from imu.simulate.sensors import sampled_at

FAST = {"foot_left": 4000.0, "foot_right": -3000.0, "pelvis": 18.0}
"""Clocks so wrong that within seconds rows would show it if they were those of right ones."""
SHORT = Protocol(segments=(Stand(seconds=0.5), Walk(direction="backward", seconds=3.5), Stand(seconds=0.3)))


def spec(protocol=SHORT, **model):
    return Spec(Person(), protocol, {name: replace(one, **model) for name, one in usual_sensors().items()})


class Heard:
    """Whatever came in, by source and kind: when, and what."""

    def __init__(self):
        self.inbox = Inbox()
        self._arrivals = defaultdict(list)

    def of(self, source, kind="data"):
        for one in self.inbox.drain():
            self._arrivals[one.source, one.kind].append((one.host_ns * 1e-9, one.payload))
        return self._arrivals[source, kind]

    def frames(self, serial):
        return [ogi.unpack(payload) for _, payload in self.of(serial)]

    def identity(self, serial):
        [(_, said), *_] = self.of(serial, "identified")
        return json.loads(said)


@asynccontextmanager
async def listening(emulation, *standards):
    """A host that keeps connected to all that there is."""
    heard = Heard()
    central = Central(
        {"ogi": Ogi()},
        client=partial(BleakClient, backend=emulation.client),
        scanner=partial(BleakScanner, backend=emulation.scanner),
        host_ns=time.monotonic_ns,
    )
    sensors = [central.supervise(serial, "ogi", heard.inbox) for serial in emulation.worn.values()]
    tasks = [asyncio.create_task(one) for one in sensors + [central.listen(kind, heard.inbox) for kind in standards]]
    try:
        yield heard
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(met):
    async with asyncio.timeout(20):
        while not met():
            await asyncio.sleep(0.02)


def joined(parts):
    """Of what a sensor sampled, all packets: rows of the recording (n,), when (n,), and counts (n, 6)."""
    rows = np.concatenate([part.row + np.arange(len(part.values)) for part in parts])
    return rows, np.concatenate([part.monotonic_s for part in parts]), np.concatenate([part.values for part in parts])


def check_true(recording, sensor, parts, origin_s, said):
    """What was sampled is what the recording has, and what the body did just then."""
    rows, taken_s, counts = joined(parts)
    model, [samples] = recording.sensors[sensor], recording.samples(sensor, 1e6)
    acc, gyr = counts[:, :3] * said["acc_per_count_m_s2"], counts[:, 3:] * said["gyr_per_count_rad_s"]
    np.testing.assert_allclose(acc, samples.acc[rows], rtol=1e-6, atol=0)
    np.testing.assert_allclose(gyr, samples.gyr[rows], rtol=1e-6, atol=0)
    true_s = taken_s - origin_s
    np.testing.assert_allclose(true_s, sampled_at(model, rows.astype(np.float64)), rtol=0, atol=1e-7)
    # six deviations of its noise from what a perfect sensor reads
    true, sixfold = recording.motion(sensor).readings(true_s), 6.0 * np.sqrt(0.5 * model.rate_hz)
    np.testing.assert_allclose(acc, true.acc @ model.axes(), rtol=0, atol=sixfold * model.noise.acc_noise_m_s2_rthz)
    np.testing.assert_allclose(gyr, true.gyr @ model.axes(), rtol=0, atol=sixfold * model.noise.gyr_noise_rad_s_rthz)


def test_every_sample_arrives_to_the_bit_and_is_the_body_at_that_moment(run):
    conditions = Conditions(lost_events=0.05, drift_ppm=FAST, seed=3)
    recording = worn_by(spec(), seed=2, lead_s=0.5, conditions=conditions)
    sampled = defaultdict(list)

    async def main():
        emulation = Emulation(recording, conditions, on_sampled=lambda sensor, part: sampled[sensor].append(part))
        async with emulation, listening(emulation) as heard:
            origin_s = emulation.origin_s
            await emulation.finished()
            assert asyncio.get_running_loop().time() >= origin_s + recording.duration_s

        assert dict(emulation.worn) == {"foot_left": "LEFT", "foot_right": "RIGHT", "pelvis": "PELVIS"}
        for sensor, serial in emulation.worn.items():
            rows, _, counts = joined(sampled[sensor])
            assert len(rows) > 100
            [samples] = recording.samples(sensor, 1e6)
            np.testing.assert_array_equal(rows, np.arange(rows[0], len(samples)))
            np.testing.assert_array_equal(np.concatenate([frame.values for frame in heard.frames(serial)]), counts)
            check_true(recording, sensor, sampled[sensor], origin_s, heard.identity(serial))

    run(main())


def test_a_sensor_that_was_off_or_away_goes_on_where_the_body_is(run):
    recording = worn_by(spec(SHORT.lasting(60.0)), seed=2, lead_s=0.5)
    sampled = defaultdict(list)

    async def main():
        emulation = Emulation(recording, on_sampled=lambda sensor, part: sampled[sensor].append(part))
        async with emulation, listening(emulation) as heard:
            origin_s = emulation.origin_s

            async def more(packets):
                before = {serial: len(heard.of(serial)) for serial in emulation.worn.values()}
                await until(lambda: all(len(heard.of(serial)) >= before[serial] + packets for serial in before))

            await more(5)
            assert emulation.disconnect("foot_left") == 1
            emulation.reboot("foot_right", 0.3)
            emulation.shadow("pelvis", 0.4)
            await until(lambda: all(len(heard.of(serial, "identified")) == 2 for serial in ("LEFT", "RIGHT")))
            await more(10)
        for sensor, (serial, lost, boots) in {
            "foot_left": ("LEFT", 1, 0),
            "foot_right": ("RIGHT", 1, 1),
            "pelvis": ("PELVIS", 0, 0),
        }.items():
            assert len(heard.of(serial, "lost")) == lost
            assert sampled[sensor][-1].boot == boots
            check_true(recording, sensor, sampled[sensor], origin_s, heard.identity(serial))
        assert np.diff(joined(sampled["foot_right"])[1]).max() > 0.3
        assert np.diff([at_s for at_s, _ in heard.of("PELVIS")]).max() > 0.35

    run(main())


def test_another_program_finds_the_sensors_and_each_says_what_it_is_worn_as(run):
    roles = {"OGI-LEFT": "left_foot", "OGI-RIGHT": "right_foot", "OGI-PELVIS": "pelvis"}

    async def main():
        async with (
            Emulation(worn_by(spec(), seed=1), Conditions(interval_s=0.0)) as emulation,
            Host(emulation.transport, address="C2:00:00:00:00:02") as other,
        ):
            for name, role in roles.items():
                device = await BleakScanner.find_device_by_name(name, 5.0, backend=other.scanner)
                async with BleakClient(device, backend=other.client) as client:
                    info = ogi.unpack_info(bytes(await client.read_gatt_char(ogi.INFO)))
                assert (info.role, info.acc_range_g, info.gyr_range_deg_s) == (role, 16, 2000)

    run(main())


def test_a_treadmill_tells_what_the_belt_does_and_a_strap_beats(run, monkeypatch):
    walk = Walk(direction="backward", seconds=12.0, speed_m_s=0.6)
    sensors = {"foot_left": usual_sensors()["foot_left"]}
    protocol = Protocol(segments=(walk,), surface="treadmill")
    recording = worn_by(Spec(Person(), protocol, sensors), seed=1, lead_s=1.0)
    made, sense = [], Sensing.sense
    monkeypatch.setattr(Sensing, "sense", lambda self, true, seq: made.append(len(seq)) or sense(self, true, seq))

    async def main():
        emulation = Emulation(recording, Conditions(interval_s=0.0, heart_bpm=96))
        async with emulation, listening(emulation, "treadmill", "heart_rate") as heard:
            origin_s = emulation.origin_s
            assert not made
            await until(lambda: len(heard.of("treadmill", "treadmill")) >= 3)
        told = [(at_s, standard.treadmill(data).speed_m_s) for at_s, data in heard.of("treadmill", "treadmill")]
        at_s, speed_m_s = np.array(told).T
        assert np.ptp(speed_m_s) > 0.2
        true_m_s = np.abs(recording.belt_speed(at_s - origin_s))
        np.testing.assert_allclose(speed_m_s, true_m_s, rtol=0, atol=0.02)
        beats = [standard.heart_rate(data).bpm for _, data in heard.of("heart_rate", "heart_rate")]
        assert set(beats) == {96}
        # while it is asked for, a little at a time
        assert set(made) == {BLOCK_SAMPLES}
        assert len(made) < 5

    run(main())


@pytest.mark.parametrize("name", ["ten-minutes", "treadmill-session", "hip-drop"])
def test_worn_by_makes_the_protocol_after_standing_on_sensors_as_devices_have_them(name):
    alone = simulate(*named(name), seed=5)
    recording = worn_by(named(name), seed=5, lead_s=8.0)
    assert recording.duration_s > alone.duration_s + 7.0
    kinds = [row["kind"] for row in alone.phases]
    assert [row["kind"] for row in recording.phases] == [kinds[0], *kinds]
    assert recording.phases[0]["t_end_ns"] == 8_000_000_000
    assert recording.contacts["t_contact_ns"][0] > 8_000_000_000
    for sensor, model in recording.sensors.items():
        asked = alone.sensors[sensor]
        assert model == replace(asked, clock=Clock(drift_ppm=Conditions().drift_ppm[sensor]), link=Link())
    Emulation(recording)
    Emulation(recording, Conditions())


def test_a_protocol_that_is_repeated_lasts_as_long_as_it_should_and_the_standing():
    recording = worn_by(spec(replace(SHORT, duration_s=20.0)), seed=1, lead_s=3.0)
    assert recording.duration_s == pytest.approx(23.0)


def test_rates_become_those_whose_period_can_be_told():
    recording = worn_by(spec(rate_hz=208.0), seed=1)
    assert [model.rate_hz for model in recording.sensors.values()] == [pytest.approx(1e6 / 4810)] * 3
    assert [setup["rate_hz"] for setup in setups(recording).values()] == [pytest.approx(1e6 / 4810)] * 3
    Emulation(recording)


def test_setups_say_what_the_session_says():
    recording = worn_by(spec(mounting_known=False), seed=1)
    assert list(setups(recording)) == list(SENSORS)
    assert setups(recording) == recording.session.document["sensors"]
    assert setups(recording)["foot_left"]["mounting"] is None
    assert setups(recording)["pelvis"]["placement"] == "sacrum"


@pytest.mark.parametrize(
    ("recording", "conditions", "message"),
    [
        ({"rate_hz": 208.0}, None, "foot_left has rate_hz 208; want what worn_by makes, here 207.9"),
        ({"clock": Clock(wander_ppm=5.0)}, None, "foot_left has a clock that wanders; want what worn_by makes"),
        ({"clock": Clock(drift_ppm=9.0)}, Conditions(), "foot_left has a clock that drifts by 9 ppm, and 18 in the"),
    ],
)
def test_sensors_that_would_sample_at_other_times_are_refused(recording, conditions, message):
    with pytest.raises(BadSpec, match=message):
        Emulation(simulate(*spec(**recording), seed=1), conditions)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"interval_s": 15.0}, "interval_s is 15; want 0 to 1 s"),
        ({"lost_events": 5}, "lost_events is 5; want 0 to 0.95 of the connection events .percent"),
        ({"packet_samples": 20}, "packet_samples is 20; want 1 to 19"),
        ({"heart_bpm": 0}, "heart_bpm is 0; want 20 to 250"),
    ],
)
def test_conditions_that_no_air_has_are_refused(said, message):
    with pytest.raises(BadSpec, match=message):
        Conditions(**said)


def test_without_bumble_one_line_names_the_extra(monkeypatch):
    recording = worn_by(spec(), seed=1)
    monkeypatch.setitem(sys.modules, "bumble", None)
    with pytest.raises(NoEmulator) as slip:
        Emulation(recording)
    assert isinstance(slip.value, RetrogaitError)
    assert isinstance(slip.value, ImportError)
    assert "\n" not in str(slip.value)
    assert "pip install 'retrogait[emulator]'" in str(slip.value)


def test_an_emulation_that_is_not_entered_says_so():
    emulation = Emulation(worn_by(spec(), seed=1))
    for ask in (lambda: emulation.transport, lambda: emulation.client, lambda: emulation.origin_s):
        with pytest.raises(NotOpen, match="use it in `async with`"):
            ask()
