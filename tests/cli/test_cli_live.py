"""`imu live` and `imu record` as they are called."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from imu.core.session import SCHEMA
from imu.core.tables import ANALYSIS, CONTACTS, EVENTS, STEPS, STRIDES, TRUTH_CONTACTS
from imu.live.recover import recover
from imu.live.sitting import left_behind, log_path
from imu.reprocess import reprocess
from imu.store.log import LogHeader, Source, read_log
from imu.store.log_writer import LogWriter
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
        ((), "got no --subject; want a pseudonym"),
        (("--subject", "../x", "--foot-left", "A1"), "got --subject '../x'"),
        (("--subject", "S01"), "no foot sensor is bound; want one at least: imu devices"),
        (("--subject", "S01", "--pelvis", "C3"), "no foot sensor is bound"),
        (("--subject", "S01", "--foot-left", "A1", "--belt", "3"), "--belt: got '3'; want a speed with its unit"),
        (("--subject", "S01", "--foot-left", "A1", "--seconds", "0"), "got '0'; want seconds"),
        (("--subject", "S01", "--foot-left", "A1", "--wait", "0.5"), "want 1 s at least"),
        (("--replay", "x", "--emulate", "y"), "want one of them"),
        (("--replay", "x", "--speed", "0"), "want more than 0"),
        (("--subject", "S01", "--foot-left", "A1", "--speed", "2"), "--speed goes with --replay and --emulate"),
        (("--emulate", "demo-live", "--speed", "9"), "--speed is 9; want 0.1 to 8"),
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--subject", "Jürgen Müller", "--foot-left", "A1"), "got --subject 'Jürgen Müller'; want"),
        (("--subject", "S01", "--foot-left", "A1", "--foot-right", "A1"), "serial 'A1' is foot_left and foot_right"),
        (("--subject", "S01", "--foot-left", "A1", "--wait", "nan"), "got 'nan'; want seconds"),
        (("--subject", "S01", "--foot-left", "A1", "--belt", "9999km/h"), "want 0 to 8 m/s"),
        (("--replay", "x", "--seconds", "1"), "--seconds is for sensors that are worn"),
        (("--emulate", "demo-live", "--foot-left", "A1"), "--foot-left is for sensors that are worn"),
    ],
)
def test_slips_are_usage_errors_before_anybody_waits(imu, words, said):
    code, out, err = imu("live", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can't be sent to one program on Windows")
def test_a_second_ctrl_c_leaves_a_whole_log_and_no_traceback(tmp_path):
    words = ("live", "--emulate", "demo-live", "--out", "store", "--session", "cut")
    with start(*words, cwd=tmp_path) as program:
        while "streaming" not in program.stderr.readline():
            pass
        program.send_signal(signal.SIGINT)
        program.send_signal(signal.SIGINT)
        time.sleep(0.05)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in err
    log = tmp_path / "store" / "unfinished" / "SIM01--cut.rglog"
    if program.returncode == 0:
        assert not log.exists()
        return
    assert program.returncode == 130
    assert "imu recover" in err
    assert err.splitlines()[-1] == "imu: stopped by Ctrl-C"
    with read_log(log) as frames:
        assert len(list(frames)) > 10
        assert frames.end.damage is None


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can't be sent to one program on Windows")
def test_a_reader_that_reads_nothing_holds_up_nothing(tmp_path):
    words = ("live", "--emulate", "demo-live", "--out", "store", "--session", "cut", "--json", "--seconds", "11")
    with start(*words, cwd=tmp_path) as program:
        # a pipe that is full already
        fcntl.fcntl(program.stdout, fcntl.F_SETPIPE_SZ, 4096)
        assert program.wait(timeout=PATIENCE_S) == 0
        err = program.stderr.read()
    assert is_analysed(tmp_path / "store" / "subject=SIM01" / "session=cut")
    assert "some events found no reader" in err


def test_every_event_of_a_long_replay_is_told(imu, tmp_path):
    assert imu("simulate", "steady-backward", "--out", tmp_path)[0] == 0
    folder = tmp_path / "subject=SIM01" / "session=steady-backward-1"
    code, out, _ = imu("live", "--replay", folder, "--speed", "inf", "--json", "--quiet")
    assert code == 0
    reprocess(folder, tmp_path / "again")
    events = [json.loads(line)["event"] for line in out.splitlines()]
    for kind, table in (("contact", CONTACTS), ("stride", STRIDES), ("step", STEPS)):
        rows = read_rows(tmp_path / "again" / "analysis" / f"{table.name}.parquet", table)
        assert events.count(kind) == len(rows) > 300


def test_a_log_that_is_being_written_is_no_crash_and_a_recovered_one_no_more(tmp_path):
    log = log_path(tmp_path, "S01", "x1")
    source = Source("A1", "ogi", "foot_left", {})
    session = {"schema": SCHEMA, "subject": "S01", "session": "x1", "sensors": {"foot_left": {"rate_hz": 200.0}}}
    with LogWriter(log, LogHeader(None, 0, (source,), session)):
        assert left_behind(tmp_path) == []
    assert left_behind(tmp_path) == [log]
    recover(log, tmp_path)
    assert left_behind(tmp_path) == []
