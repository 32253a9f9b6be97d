"""The file of worn sensors: what is written is what is read, and what can't be is refused in one line."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imu.core.session import MOST_RATE_HZ, SENSORS
from imu.live.worn import HEADER, KEYS, BadWorn, Worn, default_path, load, parse, save, text_of

TURNS = [
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    ((0.6, 0.8, 0.0), (-0.8, 0.6, 0.0), (0.0, 0.0, 1.0)),
]
TEXT = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text == text.strip())
WHOLE = """
[foot_left]
serial = "A1"

[pelvis]
serial = "0123456789ABCDEF"
driver = "dot"
rate_hz = 60
placement = "sacrum"
mounting = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
"""


@st.composite
def worn_sets(draw):
    roles = draw(st.lists(st.sampled_from(SENSORS), unique=True))
    serials = draw(st.lists(TEXT, min_size=len(roles), max_size=len(roles), unique=True))
    return tuple(
        Worn(
            sensor=role,
            serial=serial,
            driver=draw(TEXT),
            rate_hz=draw(st.none() | st.floats(1.0, MOST_RATE_HZ)),
            placement=draw(st.none() | TEXT),
            mounting=draw(st.none() | st.sampled_from(TURNS)),
        )
        for role, serial in zip(roles, serials, strict=True)
    )


@given(worn=worn_sets())
@example(worn=(Worn(sensor="pelvis", serial='\\" # [x]', placement='it\'s """ a \\U0001 trap'),))
def test_what_is_written_is_what_is_read(worn):
    text = text_of(worn)
    assert parse(text) == tuple(sorted(worn, key=lambda one: SENSORS.index(one.sensor)))
    assert text_of(parse(text)) == text


def test_a_file_written_by_hand(tmp_path):
    path = tmp_path / "sensors.toml"
    path.write_text(WHOLE)
    assert load(path) == (
        Worn(sensor="foot_left", serial="A1"),
        Worn(
            sensor="pelvis",
            serial="0123456789ABCDEF",
            driver="dot",
            rate_hz=60.0,
            placement="sacrum",
            mounting=TURNS[1],
        ),
    )


def test_without_a_file_nobody_wears_anything(tmp_path):
    assert load(tmp_path / "nowhere" / "sensors.toml") == ()


def test_the_file_explains_each_of_its_keys(tmp_path):
    path = tmp_path / "a new folder" / "sensors.toml"
    save(path, [Worn(sensor="foot_left", serial="A1")])
    text = path.read_text()
    assert text.startswith(HEADER)
    assert tomllib.loads(HEADER) == {}
    assert all(f"#   {key}" in HEADER for key in KEYS)
    assert all(sensor in HEADER for sensor in SENSORS)
    assert load(path) == (Worn(sensor="foot_left", serial="A1"),)
    assert [file.name for file in path.parent.iterdir()] == ["sensors.toml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[foot_lefft]\nserial = "A1"', "has a table 'foot_lefft'; want foot_left, foot_right, pelvis (meant 'foot_"),
        ('foot_left = "A1"', "has foot_left = 'A1'; want a table"),
        ('[foot_left]\nseral = "A1"', "[foot_left] has 'seral'; want serial, driver, "),
        ('[foot_left]\nseral = "A1"', "(meant 'serial'?)"),
        ('[foot_left]\nsensor = "pelvis"\nserial = "A1"', "[foot_left] has 'sensor'; want serial"),
        ('[foot_left]\ndriver = "ogi"', "[foot_left] has no serial"),
        ("[foot_left]\nserial = 17", "[foot_left] has serial 17; want text"),
        ('[foot_left]\nserial = ""', "[foot_left] has serial ''; want printable text"),
        ('[foot_left]\nserial = " A1"', "[foot_left] has serial ' A1'; want printable text without blanks"),
        ('[foot_left]\nserial = "A\\n1"', "[foot_left] has serial 'A\\n1'; want printable text"),
        ('[foot_left]\nserial = "A1"\n[pelvis]\nserial = "A1"', "serial 'A1' is foot_left and pelvis; want"),
        ('[pelvis]\nserial = "A1"\nrate_hz = 0', "has pelvis.rate_hz 0; want a positive number"),
        ('[pelvis]\nserial = "A1"\nrate_hz = nan', "has pelvis.rate_hz nan; want a positive number"),
        ('[pelvis]\nserial = "A1"\nrate_hz = 0.005', "has pelvis.rate_hz 0.005; want samples per second"),
        ('[pelvis]\nserial = "A1"\nmounting = [[1, 0, 0]]', "has pelvis.mounting [[1, 0, 0]]; want a 3x3 rotation"),
        ('[pelvis]\nserial = "A1"\nmounting = [[1], [0, 0]]', "has pelvis.mounting [[1], [0, 0]]; want a 3x3"),
        (
            '[pelvis]\nserial = "A1"\nmounting = [[1,0,0],[0,1,0],[0,0,-1]]',
            "has pelvis.mounting with determinant -1, a mirror image",
        ),
        ('[pelvis]\nserial = "A1"\nmounting = [[2,0,0],[0,1,0],[0,0,1]]', "rows that are not orthonormal"),
        ("[foot_left]\nserial = A1", "want TOML (text without quotes?)"),
        ("[foot_left]\nrate_hz = " + "9" * 5000, "a number is too long"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, text, said):
    path = tmp_path / "sensors.toml"
    path.write_text(text)
    with pytest.raises(BadWorn) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "sensors.toml"
    path.write_bytes(b"[foot_left]\nserial = '\xff'")
    with pytest.raises(BadWorn, match="not UTF-8"):
        load(path)
    with pytest.raises(BadWorn, match="can't be read"):
        load(tmp_path)


def test_a_file_that_cannot_be_said_leaves_the_old_one(tmp_path):
    path = tmp_path / "sensors.toml"
    save(path, [Worn(sensor="foot_left", serial="A1")])
    before = path.read_bytes()
    crooked = tuple(tuple(row) for row in (1.1 * np.eye(3)).tolist())
    for wrong in (
        [Worn(sensor="pelvis", serial="A1"), Worn(sensor="foot_right", serial="A1")],
        [Worn(sensor="pelvis", serial="A1"), Worn(sensor="pelvis", serial="B2")],
        [Worn(sensor="pelvis", serial="\ud800")],
        [Worn(sensor="pelvis", serial="A1", mounting=crooked)],
    ):
        with pytest.raises(BadWorn):
            save(path, wrong)
    assert path.read_bytes() == before


def test_where_the_file_is(monkeypatch, tmp_path):
    monkeypatch.setenv("IMU_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "/else/where")
    assert default_path() == tmp_path / "sensors.toml"
    monkeypatch.setenv("IMU_CONFIG_DIR", "")
    assert default_path() == Path("/else/where/retrogait/sensors.toml")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/home/some one")
    assert default_path() == Path("/home/some one/.config/retrogait/sensors.toml")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("APPDATA", "/roaming")
    assert default_path() == Path("/roaming/retrogait/sensors.toml")


def test_nobody_without_a_home_is_left_without_a_word(monkeypatch):
    for name in ("IMU_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(BadWorn, match="IMU_CONFIG_DIR"):
        default_path()
