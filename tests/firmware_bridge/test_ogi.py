import asyncio
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import ogi
from firmware_bridge.driver import Driver
from firmware_bridge.packets import BadPacket, BadRate, Frame

VECTORS = Path(ogi.__file__).with_name("vectors") / "ogi.jsonl"
I16 = st.integers(-(1 << 15), (1 << 15) - 1)


def vectors(kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]
    found = [line for line in lines if line["kind"] == kind]
    assert found
    assert all(line["source"] for line in found)
    return found


def frame_of(decoded: dict[str, Any]) -> Frame:
    return Frame(**{**decoded, "values": np.array(decoded["values"], dtype=np.int16)})


def same(one: Frame, other: Frame) -> bool:
    return one._replace(values=0) == other._replace(values=0) and np.array_equal(one.values, other.values)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    n = draw(st.integers(1, ogi.MOST_SAMPLES))
    rows = draw(st.lists(I16, min_size=6 * n, max_size=6 * n))
    return Frame(
        packet=draw(st.integers(0, 0xFFFF)),
        first=draw(st.integers(0, 0xFFFF)),
        ticks=draw(st.integers(0, 0xFFFFFFFF)),
        period_ticks=10 * draw(st.integers(1, 0xFFFF)),
        values=np.array(rows, dtype=np.int16).reshape(n, 6),
        overrun=draw(st.booleans()),
        saturated=draw(st.booleans()),
        clock_reset=draw(st.booleans()),
    )


TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=16).filter(
    lambda text: text == text.strip()
)
U8, U16, U32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
INFOS = st.builds(
    ogi.Info,
    firmware=st.tuples(U8, U8, U8),
    role=st.sampled_from(["", "left_foot", "right_foot", "pelvis"]),
    acc_range_g=U16.filter(bool),
    gyr_range_deg_s=U16.filter(bool),
    held_packets=U16,
    acc_count_ng=U32.filter(bool),
    gyr_count_ndeg_s=U32.filter(bool),
    rate_mhz=U32.filter(bool),
    serial=TEXT,
    model=TEXT,
)


@pytest.mark.parametrize("vector", vectors("data"))
def test_golden_packets_both_ways(vector: dict[str, Any]):
    payload, frame = bytes.fromhex(vector["hex"]), frame_of(vector["decoded"])
    assert same(ogi.unpack(payload), frame)
    assert ogi.pack(frame) == payload


@pytest.mark.parametrize("vector", vectors("info"))
def test_golden_info_both_ways(vector: dict[str, Any]):
    payload = bytes.fromhex(vector["hex"])
    info = ogi.Info(**{**vector["decoded"], "firmware": tuple(vector["decoded"]["firmware"])})
    assert ogi.unpack_info(payload) == info
    assert ogi.pack_info(info) == payload


@pytest.mark.parametrize("vector", vectors("clock"))
def test_golden_clock(vector: dict[str, Any]):
    assert ogi.unpack_clock(bytes.fromhex(vector["hex"])) == vector["decoded"]


@pytest.mark.parametrize("vector", [*vectors("start"), *vectors("stop"), *vectors("resend")])
def test_golden_commands(vector: dict[str, Any]):
    made = {
        "start": lambda: ogi.command_start(vector["decoded"]),
        "stop": ogi.command_stop,
        "resend": lambda: ogi.command_resend(vector["decoded"]),
    }[vector["kind"]]()
    assert made == bytes.fromhex(vector["hex"])


@settings(max_examples=200, deadline=None)
@given(frame=frames())
def test_what_is_packed_is_read(frame: Frame):
    payload = ogi.pack(frame)
    assert len(payload) == 14 + 12 * len(frame.values)
    assert same(ogi.unpack(payload), frame)


@settings(max_examples=100, deadline=None)
@given(frame=frames(), up=st.integers(0, 3))
def test_counters_wrap_where_they_are_packed(frame: Frame, up: int):
    further = frame._replace(
        packet=frame.packet + (up << 16), first=frame.first + (up << 16), ticks=frame.ticks + (up << 32)
    )
    assert ogi.pack(further) == ogi.pack(frame)


@settings(max_examples=2000, deadline=None)
@given(
    payload=st.one_of(st.binary(max_size=300), st.binary(min_size=26, max_size=26).map(lambda b: b"\x10\x01" + b[2:]))
)
def test_bytes_raise_bad_packet_and_nothing_else(payload: bytes):
    for decode in (ogi.unpack, ogi.unpack_info, ogi.unpack_clock, ogi.Ogi().decode):
        with suppress(BadPacket):
            decode(payload)


@settings(max_examples=300, deadline=None)
@given(frame=frames(), bit=st.integers(0, 10**6))
def test_one_flipped_bit_is_refused(frame: Frame, bit: int):
    payload = bytearray(ogi.pack(frame))
    bit %= 8 * len(payload)
    payload[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadPacket) as err:
        ogi.unpack(bytes(payload))
    assert err.value.payload == payload


@settings(max_examples=100, deadline=None)
@given(frame=frames(), data=st.data())
def test_a_cut_or_lengthened_packet_is_refused(frame: Frame, data: st.DataObject):
    payload = ogi.pack(frame)
    with pytest.raises(BadPacket):
        ogi.unpack(payload[: data.draw(st.integers(0, len(payload) - 1))])
    with pytest.raises(BadPacket):
        ogi.unpack(payload + data.draw(st.binary(min_size=1, max_size=20)))


def sealed(payload: bytearray) -> bytes:
    return bytes(payload[:-2]) + ogi.crc16(bytes(payload[:-2])).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("at", "byte", "says"), [(0, 0x20, "version"), (0, 0x18, "bit 3"), (1, 0, "samples"), (1, 20, "samples")]
)
def test_what_a_whole_packet_must_not_say(at: int, byte: int, says: str):
    payload = bytearray.fromhex(vectors("data")[0]["hex"])
    payload[at] = byte
    with pytest.raises(BadPacket, match=says):
        ogi.unpack(sealed(payload))


def test_a_period_of_zero_is_refused():
    payload = bytearray.fromhex(vectors("data")[0]["hex"])
    payload[8:10] = bytes(2)
    with pytest.raises(BadPacket, match="period"):
        ogi.unpack(sealed(payload))


@pytest.mark.parametrize(
    "slip",
    [
        {"packet": None},
        {"first": None},
        {"ticks": None},
        {"period_ticks": 0},
        {"period_ticks": 4807.7},
        {"period_ticks": 655_360},
        {"values": np.zeros((0, 6), dtype=np.int16)},
        {"values": np.zeros((20, 6), dtype=np.int16)},
        {"values": np.zeros((1, 3), dtype=np.int16)},
        {"values": np.zeros((1, 6))},
    ],
)
def test_what_no_packet_can_carry(slip: dict[str, Any]):
    with pytest.raises(ValueError, match="got"):
        ogi.pack(frame_of(vectors("data")[0]["decoded"])._replace(**slip))


@settings(max_examples=200, deadline=None)
@given(info=INFOS)
def test_info_that_is_packed_is_read(info: ogi.Info):
    payload = ogi.pack_info(info)
    assert len(payload) == 58
    assert ogi.unpack_info(payload) == info


@settings(max_examples=200, deadline=None)
@given(info=INFOS, bit=st.integers(0, 58 * 8 - 1))
def test_one_flipped_bit_of_info_is_refused(info: ogi.Info, bit: int):
    payload = bytearray(ogi.pack_info(info))
    payload[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadPacket):
        ogi.unpack_info(bytes(payload))


@pytest.mark.parametrize(
    "slip",
    [
        {"serial": ""},
        {"serial": "12345678901234567"},
        {"serial": "ä"},
        {"model": "a\n"},
        {"serial": " 1"},
        {"role": "hand"},
        {"rate_mhz": 0},
        {"acc_count_ng": 0},
        {"acc_range_g": 70_000},
    ],
)
def test_what_info_cannot_say(slip: dict[str, Any]):
    info = ogi.unpack_info(bytes.fromhex(vectors("info")[0]["hex"]))
    with pytest.raises(ValueError, match="does not fit INFO"):
        ogi.pack_info(info._replace(**slip))


def test_the_identity_is_in_si():
    said = ogi.identity(ogi.unpack_info(bytes.fromhex(vectors("info")[0]["hex"])))
    assert (said.serial, said.model, said.firmware) == ("A1B2C3D4E5F60718", "XIAO nRF52840 Se", "1.0.3")
    assert said.acc_per_count_m_s2 == pytest.approx(0.244e-3 * 9.80665, rel=1e-12)
    assert said.gyr_per_count_rad_s == pytest.approx(math.radians(35e-3), rel=1e-12)
    assert said.acc_range_m_s2 == pytest.approx(8 * 9.80665)
    assert said.gyr_range_rad_s == pytest.approx(math.radians(1000))
    assert said.rate_hz == 208.0


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, math.nan, math.inf, 1e7, 0.0004])
def test_a_rate_that_no_one_can_ask_for(rate_hz: float):
    with pytest.raises(BadRate, match="got a rate"):
        ogi.command_start(rate_hz)


class FakeLink:
    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.written: list[tuple[str, bytes, bool | None]] = []

    async def read_gatt_char(self, char_specifier: str) -> bytearray:
        return bytearray(self.answers[char_specifier])

    async def write_gatt_char(self, char_specifier: str, data: bytes, response: bool | None = None) -> None:
        self.written.append((char_specifier, bytes(data), response))


def test_the_driver_asks_and_writes_what_the_profile_says():
    info = bytes.fromhex(vectors("info")[0]["hex"])
    link = FakeLink({ogi.INFO: info, ogi.SYNC: ((5 << 32) + 17).to_bytes(8, "little")})
    driver: Driver = ogi.Ogi()

    async def talk() -> None:
        assert (await driver.identify(link)).serial == "A1B2C3D4E5F60718"
        assert await driver.device_ticks(link) == 17
        await driver.start(link, None)
        await driver.start(link, 208.0)
        await driver.resend(link, (3 << 16) + 0x1234)
        await driver.stop(link)

    asyncio.run(talk())
    assert link.written == [
        (ogi.CTRL, bytes.fromhex(written), True) for written in ("0100000000", "01802c0300", "033412", "02")
    ]
