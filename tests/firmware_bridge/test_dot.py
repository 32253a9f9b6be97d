import asyncio
import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import dot
from firmware_bridge.driver import Driver
from firmware_bridge.packets import BadPacket, BadRate, Frame
from tests.firmware_bridge.dot_sensor import DotSensor, vectors


@pytest.mark.parametrize("vector", vectors("data"))
def test_golden_notifications_both_ways(vector: dict[str, Any]):
    payload, said = bytes.fromhex(vector["hex"]), vector["decoded"]
    frame = dot.unpack(payload)
    assert (frame.packet, frame.first, frame.ticks) == (None, None, said["ticks"])
    assert frame.period_ticks == pytest.approx(16_666.67, abs=0.01)
    assert frame.values.dtype == np.float32
    np.testing.assert_array_equal(frame.values[0, :3], np.float32(said["acc_m_s2"]))
    np.testing.assert_allclose(frame.values[0, 3:], np.radians(said["gyr_deg_s"]), rtol=1e-6)
    w, x, y, z = np.frombuffer(payload, "<f4", 4, 4).tolist()
    assert dot.pack(frame, (w, x, y, z))[: len(payload)] == payload


@pytest.mark.parametrize("vector", vectors("identity"))
def test_golden_identity(vector: dict[str, Any]):
    said = dot.unpack_identity(bytes.fromhex(vector["hex"]), bytes.fromhex(vector["control_hex"]))
    assert said._asdict().items() >= vector["decoded"].items()
    assert said.acc_per_count_m_s2 is said.gyr_per_count_rad_s is None
    assert said.acc_range_m_s2 == pytest.approx(156.9064)
    assert said.gyr_range_rad_s == pytest.approx(math.radians(2000))


@settings(max_examples=1000, deadline=None)
@given(payload=st.one_of(st.binary(max_size=80), st.binary(min_size=44, max_size=44).map(lambda b: b + bytes(19))))
def test_bytes_raise_bad_packet_and_nothing_else(payload: bytes):
    with suppress(BadPacket):
        assert np.isfinite(dot.Dot().decode(payload).values).all()
    with suppress(BadPacket):
        dot.unpack_identity(payload, payload)


@settings(max_examples=200, deadline=None)
@given(
    ticks=st.integers(0, 2**34),
    acc=st.lists(st.floats(-157, 157, width=32), min_size=3, max_size=3),
    gyr=st.lists(st.floats(-35, 35, width=32), min_size=3, max_size=3),
)
def test_what_is_packed_is_read(ticks: int, acc: list[float], gyr: list[float]):
    values = np.array([acc + gyr], dtype=np.float32)
    payload = dot.pack(Frame(packet=None, first=None, ticks=ticks, period_ticks=dot.PERIOD_US, values=values))
    assert len(payload) == 63
    frame = dot.unpack(payload)
    assert frame.ticks == ticks & 0xFFFFFFFF
    np.testing.assert_allclose(frame.values, values, rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: b[:43], "43 bytes"),
        (lambda b: b + bytes(20), "64 bytes"),
        (lambda b: b[:44].ljust(62, b"\0") + b"\1", "other than 0"),
        (lambda b: b[:20] + b"\0\0\xc0\x7f" + b[24:], "not finite"),
        (lambda b: b[:40] + b"\0\0\x80\xff", "not finite"),
    ],
)
def test_what_is_refused(change: Any, says: str):
    whole = bytes.fromhex(vectors("data")[1]["hex"])
    with pytest.raises(BadPacket, match=says) as err:
        dot.unpack(change(whole))
    assert err.value.payload == change(whole)


@pytest.mark.parametrize("slip", [{"ticks": None}, {"values": np.zeros((2, 6), dtype=np.float32)}])
def test_what_no_notification_can_carry(slip: dict[str, Any]):
    frame = dot.unpack(bytes.fromhex(vectors("data")[0]["hex"]))
    with pytest.raises(ValueError, match="one sample"):
        dot.pack(frame._replace(**slip))


class Linked:
    """To a DOT, as drivers see it."""

    def __init__(self, sensor: DotSensor) -> None:
        self.sensor = sensor

    async def read_gatt_char(self, char_specifier: str) -> bytearray:
        return bytearray(self.sensor.on_read(char_specifier))

    async def write_gatt_char(self, char_specifier: str, data: bytes, response: bool | None = None) -> None:
        assert response
        self.sensor.on_write(char_specifier, bytes(data))


@pytest.mark.parametrize("measuring", [False, True])
@pytest.mark.parametrize("mode", [26, 3])
@pytest.mark.parametrize("rate_hz", [60, 120])
@pytest.mark.parametrize("asked", [None, 60.0])
def test_start_brings_it_into_custom_mode_5_at_60_hz(measuring: bool, mode: int, rate_hz: int, asked: float | None):
    sensor = DotSensor(measuring=measuring, mode=mode, rate_hz=rate_hz)
    driver: Driver = dot.Dot()
    asyncio.run(driver.start(Linked(sensor), asked))
    assert sensor.control == bytes([1, 1, 26])
    assert sensor.rate_hz == 60
    assert bool(sensor.written) != (measuring and mode == 26 and rate_hz == 60)
    asyncio.run(driver.stop(Linked(sensor)))
    assert sensor.control[:2] == bytes([1, 0])


@pytest.mark.parametrize("rate_hz", [120.0, 30.0, 200.0, math.nan])
def test_no_rate_but_60_hz(rate_hz: float):
    sensor = DotSensor()
    with pytest.raises(BadRate, match="60 Hz"):
        asyncio.run(dot.Dot().start(Linked(sensor), rate_hz))
    assert not sensor.written


def test_it_is_identified_and_neither_asked_the_time_nor_to_resend():
    sensor, driver = DotSensor(), dot.Dot()
    assert asyncio.run(driver.identify(Linked(sensor))).serial == "0000D422CD001A2B"
    assert asyncio.run(driver.device_ticks(Linked(sensor))) is None
    asyncio.run(driver.resend(Linked(sensor), 7))
    assert not sensor.written
    assert driver.experimental
