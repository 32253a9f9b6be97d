"""`imu devices` and `imu doctor`, as a user calls them, in an emulated air."""

import asyncio
import io
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from firmware_bridge.emulator.air import Air
from firmware_bridge.emulator.heart import HeartStrap
from firmware_bridge.emulator.radio import Radio
from firmware_bridge.emulator.sensor import Counts, Model, Sensor
from imu.cli import doctor
from imu.live.worn import Worn, load, save

SECONDS = 60.0
"""How long any of this may take."""

QUICK = """
from imu.cli import doctor, main

doctor.LOOK_S = 0.5
raise SystemExit(main.main())
"""


def blocks() -> Iterator[Counts]:
    rng = np.random.default_rng(5)
    while True:
        yield rng.integers(-32000, 32000, (40, 6), dtype=np.int16)


@contextmanager
def air(*peripherals, **radio) -> Iterator[str]:
    """Its transport; the emulation lives in a thread with a loop of its own, as another program would."""
    opened, over = threading.Event(), asyncio.Event()
    transport, loops = [], []

    async def live():
        async with Air(peripherals, radio=Radio(**radio)) as there:
            transport.append(there.transport)
            loops.append(asyncio.get_running_loop())
            opened.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert opened.wait(SECONDS)
        yield transport[0]
    finally:
        if loops:
            loops[0].call_soon_threadsafe(over.set)
        thread.join(SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def config(monkeypatch, tmp_path):
    """Where this user's sensors are said."""
    monkeypatch.setenv("IMU_CONFIG_DIR", str(tmp_path))
    # emulated sensors show themselves ten times a second
    monkeypatch.setattr(doctor, "LOOK_S", 0.5)
    return tmp_path / "sensors.toml"


def sensors(*serials, on_sampled=None, **model):
    return [Sensor(Model(serial=serial, **model), blocks(), on_sampled=on_sampled) for serial in serials]


def test_what_is_in_the_air_is_listed_and_bound(imu, config):
    turn = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    save(
        config,
        [
            Worn(sensor="foot_left", serial="B2", placement="heel"),
            Worn(sensor="foot_right", serial="Z9", rate_hz=100.0),
            Worn(sensor="pelvis", serial="C3", mounting=turn),
        ],
    )
    with air(*sensors("A1", "B2", "C3"), HeartStrap(name="Strap 7")) as transport:
        look = ("devices", "--hci", transport, "--seconds", 0.4)
        code, out, err = imu(*look)
        assert (code, err) == (0, "")
        head, *rows = out.splitlines()
        assert head.split() == ["worn", "as", "serial", "model", "driver", "firmware", "rate", "signal"]
        assert [row.split() for row in rows[:4]] == [
            ["foot_left", "B2", "Emulated", "ogi", "0.0.0", "200", "Hz", "-50", "dBm"],
            ["pelvis", "C3", "Emulated", "ogi", "0.0.0", "200", "Hz", "-50", "dBm"],
            ["-", "A1", "Emulated", "ogi", "0.0.0", "200", "Hz", "-50", "dBm"],
            ["-", "-", "Strap", "7", "heart_rate", "-", "-", "-50", "dBm"],
        ]
        assert rows[4:] == [
            "foot_right is bound to Z9, which is not in the air",
            "next: imu doctor",
            "      imu live",
        ]

        code, out, err = imu(*look, "--bind", "foot_left=A1", "--bind", "foot_right=B2", "--bind", "pelvis=C3")
        assert (code, err) == (0, "")
        assert out.startswith(f"{config} binds foot_left to A1, foot_right to B2, pelvis to C3\n")
        # how B2 sat on the left foot says nothing of the right one; C3 stays as it was
        bound = (
            Worn(sensor="foot_left", serial="A1"),
            Worn(sensor="foot_right", serial="B2"),
            Worn(sensor="pelvis", serial="C3", mounting=turn),
        )
        assert load(config) == bound

        code, out, err = imu(*look, "--bind", "foot_left=A11")
        assert (code, out) == (1, "")
        assert err == "imu: no sensor 'A11' in the air; want one of A1, B2, C3 (meant 'A1'?)\n"
        assert load(config) == bound

        code, out, err = imu(*look, "--unbind", "pelvis", "--bind", "foot_right=C3", "--json")
        assert code == 0
        assert err == f"{config} binds pelvis no more\n{config} binds foot_right to C3\n"
        said = json.loads(out)
        assert [(one["serial"], one["worn_as"]) for one in said["devices"]] == [
            ("A1", "foot_left"),
            ("C3", "foot_right"),
            ("B2", None),
            (None, None),
        ]
        assert [one["serial"] for one in said["worn"]] == ["A1", "C3"]


def test_sensors_that_nobody_wears_yet(imu, config):
    with air(*sensors("A1", "B2")) as transport:
        code, out, _ = imu("devices", "--hci", transport, "--seconds", 0.4)
    assert code == 0
    assert out.splitlines()[-1] == "next: imu devices --bind foot_left=SERIAL --bind foot_right=SERIAL"
    assert not config.exists()


def test_unbinding_needs_no_radio(imu, config):
    save(config, [Worn(sensor="foot_left", serial="A1"), Worn(sensor="pelvis", serial="C3")])
    code, out, err = imu("devices", "--unbind", "foot_left", "--hci", "tcp-client:127.0.0.1:1")
    assert (code, out, err) == (0, f"{config} binds foot_left no more\n", "")
    assert load(config) == (Worn(sensor="pelvis", serial="C3"),)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_sees_that_something_goes_on(imu, config, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with air(*sensors("A1")) as transport:
        assert imu("devices", "--hci", transport, "--seconds", 0.3)[0] == 0
    said = "looking for 0.3 s ..."
    assert terminal.getvalue() == f"{said}\r{' ' * len(said)}\r"


def test_an_empty_air_is_explained(imu, config):
    with air() as transport:
        code, out, err = imu("devices", "--hci", transport, "--seconds", 0.3)
    assert (code, out) == (1, "")
    assert err.startswith("Nothing that can be listened to is in the air.")
    assert "imu devices --seconds 20" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("transport", ["tcp-client:127.0.0.1:1", "tcp-client", "bogus:7", "file:/no/such/thing"])
@pytest.mark.parametrize("command", [("devices",), ("doctor", "A1")])
def test_a_controller_that_cannot_be_had_is_one_line(imu, config, command, transport):
    code, out, err = imu(*command, "--hci", transport)
    assert (code, out) == (1, "")
    assert err.startswith(f"imu: the controller '{transport}' can't be had (open it: ")
    assert err.count("\n") == 1


def test_without_bumble_it_says_what_to_install(imu, config, monkeypatch):
    monkeypatch.delitem(sys.modules, "firmware_bridge.emulator.bleak_backend")
    monkeypatch.setitem(sys.modules, "bumble", None)
    code, out, err = imu("devices", "--hci", "usb:0")
    assert (code, out) == (1, "")
    assert "pip install 'retrogait[emulator]'" in err


def test_without_a_system_bus_there_is_no_radio(imu, config, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus")
    code, out, err = imu("devices", "--seconds", 0.1)
    assert (code, out) == (1, "")
    assert err.startswith("imu: no radio to listen with (scan: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bind", "foot_lefft=A1"], "got role 'foot_lefft'; want foot_left, foot_right, pelvis (meant 'foot_left'?)"),
        (["--bind", "foot_left"], "got 'foot_left'; want ROLE=SERIAL"),
        (["--bind", "foot_left="], "got 'foot_left='; want ROLE=SERIAL"),
        (["--bind", "foot_left=A1", "--bind", "foot_left=B2"], "role 'foot_left' is named twice"),
        (["--bind", "foot_left=A1", "--unbind", "foot_left"], "role 'foot_left' is named twice"),
        (["--bind", "foot_left=A1", "--bind", "pelvis=A1"], "serial 'A1' is named twice"),
        (["--seconds", "0"], "got '0'; want seconds"),
        (["--seconds", "soon"], "got 'soon'; want seconds"),
        (["--seconds", "inf"], "got 'inf'; want seconds"),
    ],
)
def test_slips_of_the_pen(imu, config, words, said):
    code, out, err = imu("devices", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert not config.exists()


def test_the_doctor_measures_what_is_bound(imu, config, tmp_path):
    save(config, [Worn(sensor="foot_left", serial="A1"), Worn(sensor="foot_right", serial="B2")])
    figures = tmp_path / "figures.json"
    with air(*sensors("A1", "B2", battery_pct=12), interval_s=0.0075, lost_events=0.05, seed=3) as transport:
        code, out, err = imu("doctor", "--hci", transport, "--seconds", 2.5, "--json", figures)
    assert (code, err) == (0, "")
    said = json.loads(figures.read_text())
    assert said["schema"] == "retrogait.checkup/1"
    assert [(one["serial"], one["sensor"]) for one in said["sensors"]] == [("A1", "foot_left"), ("B2", "foot_right")]
    for one in said["sensors"]:
        assert one["samples_lost"] == one["bad_packets"] == one["reconnections"] == 0
        assert one["packets_per_s"] == pytest.approx(20.0, rel=0.1)
        assert one["samples_per_s"] == pytest.approx(200.0, rel=0.1)
        assert "its battery is at 12 %: charge it before a session" in one["advice"]
    rows = {row[:22].strip(): row[22:].split() for row in out.splitlines()}
    assert rows[""] == ["foot_left", "foot_right"]
    assert rows["samples lost"] == ["0", "0"]
    assert rows["signal"] == ["-50", "dBm", "-50", "dBm"]
    assert out.count("  - its battery is at 12 %: charge it before a session") == 2


def test_the_doctor_takes_any_sensor_by_name(imu, config):
    with air(*sensors("A1", "B2")) as transport:
        code, out, err = imu("doctor", "B2", "--hci", transport, "--seconds", 2, "--json", "-")
        assert (code, err) == (0, "")
        [one] = json.loads(out)["sensors"]
        assert (one["serial"], one["sensor"], one["driver"], one["rssi_dbm"]) == ("B2", None, "ogi", -50)


def test_the_doctor_wants_to_know_whom(imu, config):
    code, out, err = imu("doctor")
    assert (code, out) == (2, "")
    assert "imu devices --bind foot_left=SERIAL" in err


def test_the_doctor_refuses_whom_it_cannot_listen_to(imu, config):
    save(config, [Worn(sensor="foot_left", serial="A1", driver="ogy")])
    with air(*sensors("A1")) as transport:
        code, out, err = imu("doctor", "D4", "--hci", transport)
        assert (code, out) == (1, "")
        assert err.startswith("imu: no sensor 'D4' in the air; want one of A1 (")
        code, out, err = imu("doctor", "--hci", transport)
    assert (code, out) == (1, "")
    assert "no driver 'ogy'; want one of dot, ogi (meant 'ogi'?)" in err


def test_ctrl_c_leaves_sensors_stopped(config):
    save(config, [Worn(sensor="foot_left", serial="A1")])
    sampled = []
    with air(*sensors("A1", on_sampled=sampled.append), interval_s=0.0075) as transport:
        words = [sys.executable, "-c", QUICK, "doctor", "--hci", transport, "--seconds", str(SECONDS)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            until_s = time.monotonic() + SECONDS
            while not sampled and time.monotonic() < until_s:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, out, err) == (130, "", "imu: stopped by Ctrl-C\n")
        packets = len(sampled)
        assert packets
        time.sleep(0.2)
        assert len(sampled) == packets
