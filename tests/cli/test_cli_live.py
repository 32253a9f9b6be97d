"""`imu live` and `imu record` as they are called."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from imu.core.tables import ANALYSIS, CONTACTS, EVENTS, TRUTH_CONTACTS
from imu.reprocess import reprocess
from imu.store.tables import is_analysed, read_rows

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def nothing_bound(monkeypatch, tmp_path):
    monkeypatch.setenv("IMU_CONFIG_DIR", str(tmp_path / "nothing"))


def test_a_replay_shows_what_reprocess_finds(imu, walk_folder, tmp_path):
    code, out, err = imu("live", "--replay", walk_folder, "--speed", "inf", "--json")
    assert code == 0
    reprocess(walk_folder, tmp_path)
    stored = read_rows(tmp_path / "analysis" / "contacts.parquet", CONTACTS)
    events = [json.loads(line) for line in out.splitlines()]
    contacts = [one["row"] for one in events if one["event"] == "contact"]
    assert sorted(row["t_contact_ns"] for row in contacts) == [row["t_contact_ns"] for row in stored]
    times = [one["t_emitted_ns"] for one in events]
    assert len(times) > 100
    assert re.search(r"backward \d+ contacts, forward \d+ contacts.* in 3\d s", err)


def test_a_replay_keeps_the_pace(imu, walk_folder):
    begin_s = time.monotonic()
    code, _, err = imu("live", "--replay", walk_folder, "--speed", "8")
    took_s = time.monotonic() - begin_s
    assert code == 0
    # 33 s of walking at eight times the speed, and the start
    assert took_s > 4.0
    shown = [line for line in err.splitlines() if "steps/min" in line]
    assert len(shown) >= 6
    assert any("toes first  left 0 of" in line for line in shown)
    assert any(re.search(r"backward +cadence \d", line) for line in shown)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "want --subject CODE"),
        (("--subject", "../x", "--foot-left", "A1"), "has subject '../x'"),
        (("--subject", "S01"), "no foot sensor is bound; want one at least: imu devices"),
        (("--subject", "S01", "--pelvis", "C3"), "no foot sensor is bound"),
        (("--subject", "S01", "--foot-left", "A1", "--belt", "3"), "--belt: got '3'; want a speed with its unit"),
        (("--subject", "S01", "--foot-left", "A1", "--seconds", "0"), "--seconds above 0"),
        (("--subject", "S01", "--foot-left", "A1", "--wait", "0"), "--wait of 1 s at least"),
        (("--replay", "x", "--emulate", "y"), "want one of them"),
        (("--replay", "x", "--speed", "0"), "want more than 0"),
        (("--emulate", "demo-live", "--speed", "2"), "--speed goes with --replay"),
        (("--replay", "nowhere"), "nowhere is not there; want a session folder"),
        (("--emulate", "nobody"), "'nobody'"),
    ],
)
def test_what_can_t_be_is_refused_in_one_line(imu, words, said):
    code, out, err = imu("live", *words)
    assert code in (1, 2)
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1


def start(*words, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", "imu", *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can't be sent to one program on Windows")
def test_ctrl_c_ends_a_recording_well(tmp_path):
    words = ("live", "--emulate", "demo-live", "--out", "store", "--session", "cut", "--json", "--belt", "2mph")
    with start(*words, cwd=tmp_path) as program:
        lines = [program.stdout.readline() for _ in range(30)]
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 0, err
    folder = tmp_path / "store" / "subject=SIM01" / "session=cut"
    assert f"{folder.relative_to(tmp_path)} holds the session" in err
    assert not list((tmp_path / "store" / "unfinished").iterdir())
    assert is_analysed(folder)
    before = {table.name: (folder / "analysis" / f"{table.name}.parquet").read_bytes() for table in ANALYSIS}
    reprocess(folder, tmp_path / "again")
    for name, content in before.items():
        assert (tmp_path / "again" / "analysis" / f"{name}.parquet").read_bytes() == content
    # what was told while they walked is what is written
    rows = read_rows(folder / "analysis" / "contacts.parquet", CONTACTS)
    stored = {(row["foot"], row["t_contact_ns"]) for row in rows}
    events = [json.loads(line) for line in [*lines, *out.splitlines()]]
    assert {(one["foot"], one["row"]["t_contact_ns"]) for one in events if one["event"] == "contact"} == stored
    # and near the truth, which lies beside it
    truth = [row["t_contact_ns"] for row in read_rows(folder / "truth_contacts.parquet", TRUTH_CONTACTS)]
    assert sum(any(abs(t_ns - true) < 60_000_000 for true in truth) for _, t_ns in stored) >= len(stored) - 1
    document = json.loads((folder / "session.json").read_text())
    assert document["conditions"] == {"surface": "overground", "belt_speed_m_s": pytest.approx(0.89408)}
    [belt] = read_rows(folder / "events.parquet", EVENTS)
    assert (belt["kind"], json.loads(belt["value"])) == (
        "belt_speed",
        {"speed_m_s": pytest.approx(0.89408), "typed": True},
    )


def test_a_controller_that_is_not_there(imu, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nobody = ("--foot-left", "A1", "--wait", "1", "--hci", "tcp-client:127.0.0.1:1")
    code, out, err = imu("record", "--subject", "S01", *nobody)
    assert (code, out) == (1, "")
    assert "the controller 'tcp-client:127.0.0.1:1' can't be had" in err
    assert not (tmp_path / "sessions").exists()
