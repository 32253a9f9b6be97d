import json
import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.canonical import canonical_json
from imu.core.errors import BadSessionFile, RetrogaitError
from imu.core.session import SENSORS, Session

IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def document(**changes):
    whole = {
        "schema": "retrogait.session/1",
        "subject": "S01",
        "session": "2026-11-21T10-00-00Z",
        "sensors": {"foot_left": {"rate_hz": 200.0, "mounting": IDENTITY}, "pelvis": {"rate_hz": 100}},
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


def with_foot(**changes):
    return document(sensors={"foot_left": {"rate_hz": 200.0, **changes}})


def refused(whole):
    with pytest.raises(BadSessionFile) as caught:
        Session.parse(whole)
    message = str(caught.value)
    assert "\n" not in message
    assert "want" in message or "this version reads" in message
    return caught.value


def test_what_a_session_says():
    session = Session.parse(document(note="kept", start_utc=None))
    assert (session.subject, session.session, session.feet) == ("S01", "2026-11-21T10-00-00Z", ("left",))
    assert list(session.sensors) == ["foot_left", "pelvis"]
    assert session.sensors["pelvis"].mounting is None
    assert session.sensors["foot_left"].rate_hz == 200.0
    assert session.document["note"] == "kept"


@pytest.mark.parametrize("key", ["schema", "subject", "session", "sensors"])
def test_a_key_that_is_missing_is_named(key):
    error = refused(document(**{key: ...}))
    assert error.key == key
    assert repr(key) in str(error)


@pytest.mark.parametrize("schema", ["retrogait.session/2", "", None, 1, ["retrogait.session/1"]])
def test_a_schema_not_known_is_refused(schema):
    assert refused(document(schema=schema)).key == "schema"


@pytest.mark.parametrize("whole", [None, [], "text", 7])
def test_a_document_that_is_no_object_is_refused(whole):
    refused(whole)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "1S",
        "../x",
        "..",
        ".",
        "a/b",
        "a\\b",
        "Anna Muster",
        "S01\n",
        "S" * 65,
        "Ü1",
        "a\0b",
        None,
        7,
        ["S01"],
        "-x",
    ],
)
def test_an_unsafe_subject_code_is_refused(code):
    assert refused(document(subject=code)).key == "subject"


@pytest.mark.parametrize("code", ["", "../x", "..", ".hidden", "a/b", "x" * 65, "x\n", None, 7])
def test_an_unsafe_session_id_is_refused(code):
    assert refused(document(session=code)).key == "session"


@given(code=st.text(max_size=70))
def test_a_code_that_is_taken_stays_one_harmless_name(code):
    try:
        session = Session.parse(document(subject=code))
    except BadSessionFile:
        return
    assert session.subject == code
    assert code.isascii()
    assert not set(code) & set("/\\\0\n: ")
    assert code[0].isalpha()


@pytest.mark.parametrize("sensors", [{}, {"pelvis": {"rate_hz": 100}}])
def test_a_session_without_a_foot_is_refused(sensors):
    assert "no foot sensor" in str(refused(document(sensors=sensors)))


@pytest.mark.parametrize("sensors", [[], None, {"foot_lefft": {"rate_hz": 1}}, {"foot_left": None}, {"foot_left": {}}])
def test_sensors_that_are_none_are_refused(sensors):
    refused(document(sensors=sensors))


@pytest.mark.parametrize("rate", [0, -1, 0.0, math.nan, math.inf, "200", True, None, [], 10**400])
def test_a_rate_that_is_not_positive_is_refused(rate):
    assert refused(with_foot(rate_hz=rate)).key == "sensors.foot_left.rate_hz"


@pytest.mark.parametrize("limit", [0, -16, "16 g", True])
def test_a_range_that_is_not_positive_is_refused(limit):
    assert refused(with_foot(acc_range_m_s2=limit)).key == "sensors.foot_left.acc_range_m_s2"


@pytest.mark.parametrize(
    "mounting",
    [
        "up",
        [],
        {},
        1,
        [[1, 0, 0], [0, 1, 0]],
        [[1, 0], [0, 1]],
        [[1, 0, 0], [0, 1, 0], [0]],
        [[2, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0.1, 0], [0, 1, 0], [0, 0, 1]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
        [[-1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0, 0, 0]] * 3,
        [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]],
        [[None, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[math.nan, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1e200, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[10**400, 0, 0], [0, 1, 0], [0, 0, 1]],
    ],
)
def test_a_mounting_that_is_no_rotation_is_refused(mounting):
    assert refused(with_foot(mounting=mounting)).key == "sensors.foot_left.mounting"


def test_a_mirror_image_is_called_one():
    assert "mirror" in str(refused(with_foot(mounting=[[1, 0, 0], [0, -1, 0], [0, 0, 1]])))


@given(seed=st.integers(0, 2**32 - 1))
def test_a_rotation_typed_with_four_digits_becomes_an_exact_one(seed):
    q = np.random.default_rng(seed).normal(size=4)
    w, x, y, z = q / np.linalg.norm(q)
    true = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    read = Session.parse(with_foot(mounting=np.round(true, 4).tolist())).sensors["foot_left"].mounting
    assert read is not None
    np.testing.assert_allclose(read @ read.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(read, true, atol=2e-4)


def test_an_exact_mounting_stays_as_it_was_typed():
    turned = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
    assert Session.parse(with_foot(mounting=turned)).sensors["foot_left"].mounting.tolist() == turned


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    whole=st.dictionaries(st.sampled_from(["schema", "subject", "session", "sensors", "note"]), JSON),
    foot=st.dictionaries(st.sampled_from(["rate_hz", "mounting", "placement", "gyr_range_rad_s"]), JSON),
    sensor=st.sampled_from(SENSORS),
)
def test_whatever_it_says_nothing_else_is_raised(whole, foot, sensor):
    for candidate in (whole, document(**whole), document(sensors={sensor: {"rate_hz": 100, **foot}})):
        with suppress(RetrogaitError):
            Session.parse(candidate)


@given(whole=st.dictionaries(st.text(), JSON))
def test_canonical_json_reads_back_and_keeps_no_order(whole):
    text = canonical_json(whole)
    assert json.loads(text) == whole
    assert canonical_json(dict(reversed(whole.items()))) == text
    assert canonical_json(json.loads(text)) == text
    indented = canonical_json(whole, indent=2)
    assert indented.endswith("}\n")
    assert json.loads(indented) == whole


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_canonical_json_has_no_nan(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"x": value})


def test_canonical_json_can_always_be_written_as_utf_8():
    text = canonical_json({"x": "\ud800"})
    assert json.loads(text.encode()) == {"x": "\ud800"}
