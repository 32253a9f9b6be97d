import json
import os
import subprocess
import sys

import numpy as np
import pytest

from imu.cli import simulate as module
from imu.core.tables import EVENTS, TREADMILL, TRUTH_CONTACTS, TRUTH_PELVIS, TRUTH_STEPS
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
    assert 5 < len(read_rows(folder / "truth_steps.parquet", TRUTH_STEPS)) < len(contacts)
    assert len(read_rows(folder / "truth_pelvis.parquet", TRUTH_PELVIS)) == 1000
    assert not (folder / "raw" / "treadmill.parquet").exists()
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


def test_another_process_writes_the_same_bytes(imu, files, spec, tmp_path):
    assert imu("simulate", spec, "--out", tmp_path / "here")[0] == 0
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "imu", "simulate", str(spec), "--out", str(tmp_path / seed), "--quiet"]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        assert files(tmp_path / seed) == files(tmp_path / "here")


def test_a_treadmill_tells_its_speed(imu, tmp_path):
    file = tmp_path / "belt.toml"
    file.write_text(
        SPEC.replace("[protocol]", "[protocol]\nsurface = 'treadmill'").replace("seconds = 8", "seconds = 18")
    )
    assert imu("simulate", file, "--out", tmp_path)[0] == 0
    folder = tmp_path / "subject=SIM01" / "session=belt-1"
    rows = read_rows(folder / "raw" / "treadmill.parquet", TREADMILL)
    t_ns, speed = (np.array([row[name] for row in rows]) for name in ("t_ns", "speed_m_s"))
    assert set(range(0, 20 * 10**9, 10**9)) <= set(t_ns.tolist())
    assert (np.diff(t_ns) > 0).all()
    assert (speed[0], speed.max(), speed.min()) == (0.0, np.float32(0.7), 0.0)
    assert {row["incline_pct"] for row in rows} == {0.0}
    assert json.loads((folder / "session.json").read_text())["conditions"]["belt_speed_m_s"] == 0.7


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


class Stop:
    """Ctrl-C in the middle of the n-th file."""

    def __init__(self, monkeypatch, n):
        self.left, self.real = n, module._watched
        monkeypatch.setattr(module, "_watched", self)

    def __call__(self, blocks, *rest):
        self.left -= 1
        for block in self.real(blocks, *rest):
            yield block
            if self.left == 0:
                raise KeyboardInterrupt


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_ctrl_c_leaves_no_session_and_the_next_call_a_whole_one(imu, files, spec, tmp_path, monkeypatch, n):
    assert imu("simulate", spec, "--out", tmp_path / "whole")[0] == 0
    with monkeypatch.context() as patch:
        Stop(patch, n)
        code, out, err = imu("simulate", spec, "--out", tmp_path / "store")
    assert (code, out, err) == (130, "", "imu: stopped by Ctrl-C\n")
    left = files(tmp_path / "store")
    assert not [name for name in left if name.endswith(("session.json", ".tmp"))]
    assert imu("reprocess", tmp_path / "store")[0] == 1, "there is no session"
    assert imu("simulate", spec, "--out", tmp_path / "store")[0] == 0
    assert files(tmp_path / "store") == files(tmp_path / "whole")


def test_what_is_written_over_leaves_nothing_of_itself(walk, files, tmp_path, monkeypatch):
    module.write_recording(tmp_path, walk, walk.session)
    before = files(tmp_path)
    (tmp_path / "raw" / "treadmill.parquet").write_bytes(b"of a treadmill")
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "summary.json").write_bytes(b"of an analysis")
    with monkeypatch.context() as patch:
        Stop(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            module.write_recording(tmp_path, walk, walk.session)
    assert "session.json" not in files(tmp_path), "or what is half old and half new were a session"
    module.write_recording(tmp_path, walk, walk.session)
    assert files(tmp_path) == before


def test_the_list_tells_of_all_in_a_line_each(imu):
    code, out, _ = imu("simulate", "--list")
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert list(lines) == list(names())
    assert all(line[0].isupper() and line.endswith(".") for line in lines.values()), lines
    assert "treadmill" in lines["steady-backward"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "want a simulation and --out STORE"),
        (("demo",), 2, "want a simulation and --out STORE"),
        (("demo", "--out", "x", "--minutes", "0"), 2, "--minutes is 0"),
        (("demo", "--out", "x", "--minutes", "nan"), 2, "--minutes is nan"),
        (("dmeo", "--out", "x"), 1, "or a file (did you mean demo?)"),
        (("dmeo.toml", "--out", "x"), 1, "dmeo.toml is not there"),
        (("demo", "--out", "x", "--seed", "-1"), 2, "seed is -1"),
    ],
)
def test_what_can_not_be_is_one_line(imu, monkeypatch, tmp_path, words, code, said):
    monkeypatch.chdir(tmp_path)
    ended, out, err = imu("simulate", *words)
    assert (ended, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_someone_is_another_person_for_another_seed(imu, tmp_path):
    for seed in ("1", "2"):
        given = ["simulate", "out-and-back", "--someone", "--seed", seed, "--minutes", "0.2", "--out", str(tmp_path)]
        assert imu(*given)[0] == 0
    assert sorted(path.name for path in tmp_path.glob("subject=*")) == ["subject=SIM01", "subject=SIM02"]
    one, other = (
        [row["pitch_deg"] for row in read_rows(path, TRUTH_CONTACTS)]
        for path in sorted(tmp_path.glob("*/*/truth_contacts.parquet"))
    )
    assert len(one) > 5
    assert not set(one) & set(other)


def test_someone_takes_no_place_of_a_person_that_a_file_describes(imu, tmp_path):
    code, _, err = imu("simulate", "toe-walker", "--someone", "--out", str(tmp_path))
    assert code == 2
    assert "toe-walker describes a person of its own" in err


@pytest.mark.parametrize("given", [["--minutes", "inf"], ["--minutes", "0.001"], ["--seed", "-1", "--someone"]])
def test_numbers_that_cannot_be_are_one_line(imu, tmp_path, given):
    code, _, err = imu("simulate", "out-and-back", *given, "--out", str(tmp_path))
    assert code == 2
    assert given[0] in err
