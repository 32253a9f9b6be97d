import json

import pytest

from imu.core.tables import EVENTS, TRUTH_CONTACTS, TRUTH_PELVIS
from imu.simulate import names
from imu.store.tables import read_rows

SPEC = """
[protocol]
segments = [{ do = "stand", seconds = 2 }, { do = "walk", direction = "backward", seconds = 8, speed_m_s = 0.7 }]

[sensors.every]
rate_hz = 50.0
"""


@pytest.fixture
def spec(tmp_path):
    file = tmp_path / "my walk.toml"
    file.write_text(SPEC)
    return file


def test_a_session_is_written_with_its_truth(imu, spec, tmp_path):
    code, out, err = imu("simulate", spec, "--out", tmp_path / "store", "--seed", 3)
    folder = tmp_path / "store" / "subject=SIM01" / "session=my-walk-3"
    assert (code, err) == (0, "")
    assert out.startswith(f"{folder} holds 10 s with ")
    contacts = read_rows(folder / "truth_contacts.parquet", TRUTH_CONTACTS)
    assert f" {len(contacts)} contacts" in out
    assert len(read_rows(folder / "truth_pelvis.parquet", TRUTH_PELVIS)) == 1000
    assert [row["kind"] for row in read_rows(folder / "events.parquet", EVENTS)] == ["phase", "phase"]
    assert json.loads((folder / "session.json").read_text())["simulation"] == {"seed": 3}
    assert imu("inspect", folder)[0] == 0


def test_the_same_seed_is_the_same_session_and_another_is_another(imu, files, spec, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert imu("simulate", spec, "--out", tmp_path / name, "--seed", seed)[0] == 0
    a, b, c = (files(tmp_path / name) for name in "abc")
    assert a == b
    raw = "subject=SIM01/session=my-walk-{}/raw/pelvis.parquet"
    assert a[raw.format(3)] != c[raw.format(4)]


def test_minutes_repeat_the_protocol(imu, spec, tmp_path):
    code, out, _ = imu("simulate", spec, "--out", tmp_path / "store", "--minutes", 0.5)
    assert code == 0
    assert " holds 30 s with " in out


def test_nothing_is_written_over(imu, files, spec, tmp_path):
    assert imu("simulate", spec, "--out", tmp_path / "store")[0] == 0
    before = files(tmp_path)
    code, out, err = imu("simulate", spec, "--out", tmp_path / "store")
    assert (code, out) == (1, "")
    assert "holds a session already; want another --seed or --out" in err
    assert files(tmp_path) == before


def test_the_list_names_all(imu):
    code, out, _ = imu("simulate", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(names())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "want a simulation and --out STORE"),
        (("demo",), 2, "want a simulation and --out STORE"),
        (("demo", "--out", "x", "--minutes", "0"), 2, "--minutes is 0"),
        (("demo", "--out", "x", "--minutes", "nan"), 2, "--minutes is nan"),
        (("dmeo", "--out", "x"), 1, "there is no simulation called 'dmeo'; want demo, "),
        (("dmeo.toml", "--out", "x"), 1, "dmeo.toml is not there"),
        (("demo", "--out", "x", "--seed", "-1"), 1, "seed is -1"),
    ],
)
def test_what_can_not_be_is_one_line(imu, monkeypatch, tmp_path, words, code, said):
    monkeypatch.chdir(tmp_path)
    ended, out, err = imu("simulate", *words)
    assert (ended, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())
