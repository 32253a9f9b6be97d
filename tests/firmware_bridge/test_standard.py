import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import standard
from firmware_bridge.packets import BadPacket

VECTORS = Path(standard.__file__).with_name("vectors") / "standard.jsonl"
DECODERS = {"treadmill": standard.treadmill, "heart_rate": standard.heart_rate, "battery": standard.battery}
LINES = [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]


def test_every_decoder_has_vectors_with_a_source():
    assert {line["kind"] for line in LINES} == set(DECODERS)
    assert all(line["source"] for line in LINES)


@pytest.mark.parametrize("line", LINES)
def test_golden(line: dict[str, Any]):
    said = DECODERS[line["kind"]](bytes.fromhex(line["hex"]))
    if isinstance(said, int):
        assert said == line["decoded"]
    else:
        assert said._asdict() == {name: tuple(x) if isinstance(x, list) else x for name, x in line["decoded"].items()}


@pytest.mark.parametrize("line", [line for line in LINES if "reserved" not in line["source"]])
def test_what_is_cut_is_refused_or_says_less(line: dict[str, Any]):
    """An interval less is a whole measurement; all else is shorter than its flags claim."""
    payload = bytes.fromhex(line["hex"])
    decode = DECODERS[line["kind"]]
    whole = decode(payload)
    for length in range(len(payload)):
        fewer = (len(payload) - length) / 2
        if isinstance(whole, standard.HeartRate) and fewer.is_integer() and fewer <= len(whole.rr_s):
            assert decode(payload[:length]) == whole._replace(rr_s=whole.rr_s[: -int(fewer)])
            continue
        with pytest.raises(BadPacket) as err:
            decode(payload[:length])
        assert err.value.payload == payload[:length]


@settings(max_examples=2000, deadline=None)
@given(payload=st.binary(max_size=48))
def test_bytes_raise_bad_packet_and_nothing_else(payload: bytes):
    for decode in DECODERS.values():
        with suppress(BadPacket):
            decode(payload)


@settings(max_examples=300, deadline=None)
@given(flags=st.integers(0, 0xFFFF), body=st.binary(min_size=60, max_size=60))
def test_fields_are_where_the_flags_put_them(flags: int, body: bytes):
    """Against a reader that knows only how long fields are."""
    lengths = {0: 2, 1: 2, 2: 3, 3: 4, 4: 4, 5: 1, 6: 1, 7: 5, 8: 1, 9: 1, 10: 2}
    at, found = 0, dict[int, bytes]()
    for bit, length in lengths.items():
        if (flags ^ 1) >> bit & 1:
            found[bit] = body[at : at + length]
            at += length
    said = standard.treadmill(flags.to_bytes(2, "little") + body)
    assert (said.speed_m_s is None) == (0 not in found)
    if said.speed_m_s is not None:
        assert said.speed_m_s == pytest.approx(int.from_bytes(found[0], "little") * 0.01 / 3.6)
    assert said.distance_m == (int.from_bytes(found[2], "little") if 2 in found else None)
    assert said.elapsed_s == (int.from_bytes(found[10], "little") if 10 in found else None)
    if said.incline_pct is not None:
        assert said.incline_pct == pytest.approx(int.from_bytes(found[3][:2], "little", signed=True) / 10)
    else:
        assert 3 not in found or found[3][:2] == b"\xff\x7f"


@pytest.mark.parametrize("payload", ["", "65", "ff"])
def test_no_battery_is_fuller_than_full(payload: str):
    with pytest.raises(BadPacket):
        standard.battery(bytes.fromhex(payload))
