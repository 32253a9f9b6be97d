"""`imu live --web`: the page is there, and goes with the program; what was recorded is a session."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from websockets.asyncio.client import connect

from imu.core.tables import EVENTS
from imu.live.recover import recover
from imu.live.sitting import left_behind
from imu.store.tables import is_analysed, read_rows

PATIENCE_S = 60.0


NO_CTRL_C = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can't be sent to one program on Windows")


@contextmanager
def program(folder, *words):
    """One with a page; what it says comes from its pipes, and its address."""
    words = ("live", "--web", "--no-browser", "--emulate", "demo-live", "--out", "store", "--port", "0", *words)
    with subprocess.Popen(
        [sys.executable, "-m", "imu", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "IMU_CONFIG_DIR": str(folder)},
    ) as started:
        try:
            line = started.stdout.readline()
            assert line.startswith("The page: "), started.stderr.read()
            yield started, line.removeprefix("The page: ").strip()
        finally:
            started.kill()


@NO_CTRL_C
@pytest.mark.parametrize("speed", ["1", "4"])
def test_a_sitting_from_the_page_ends_well_with_ctrl_c(tmp_path, speed):
    with program(tmp_path, "--speed", speed) as (started, url):
        asyncio.run(asyncio.wait_for(record(url), PATIENCE_S))
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == 0, err
    folder = tmp_path / "store" / "subject=S01"
    [session] = folder.iterdir()
    assert f"{session.relative_to(tmp_path)} holds the session" in out
    assert is_analysed(session)
    document = json.loads((session / "session.json").read_text())
    assert document["source"] == "simulated"
    marked = {row["kind"] for row in read_rows(session / "events.parquet", EVENTS)}
    assert "mark" in marked


@NO_CTRL_C
def test_a_second_ctrl_c_ends_the_program_and_loses_nothing(tmp_path):
    with program(tmp_path) as (started, url):
        asyncio.run(asyncio.wait_for(record(url), PATIENCE_S))
        for _ in range(2):
            started.send_signal(signal.SIGINT)
            # two at once would be one
            time.sleep(0.02)
        out, err = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == 130
    assert "Traceback" not in err
    # a log, or the session that was being made of it
    store = tmp_path / "store"
    logs = left_behind(store)
    assert re.search(
        r"imu recover store/unfinished/\S+" if logs else r"store/subject=S01/session=\S+ holds the session", out + err
    )
    for log in logs:
        recover(log, store)
    [session] = (store / "subject=S01").iterdir()
    assert is_analysed(session)
    assert json.loads((session / "analysis" / "summary.json").read_text())["duration_s"] > 1.0


async def record(url):
    """Choose a subject, start as soon as all sensors stream, and mark something."""
    async with connect(url.replace("http", "ws") + "ws", origin=url.rstrip("/"), proxy=None) as page:
        document = {}

        async def until(met):
            while not met(document):
                said = await page.recv()
                if isinstance(said, str) and (message := json.loads(said))["type"] in ("document", "update"):
                    document.update(message)

        await page.send(json.dumps({"do": "subject", "code": "S01"}))
        await until(lambda seen: sum(link["state"] == "streaming" for link in seen.get("links", ())) == 3)
        await page.send(json.dumps({"do": "start"}))
        await until(lambda seen: seen["stage"] == "recording" and seen["clock"]["elapsed_s"] > 2.0)
        await page.send(json.dumps({"do": "mark"}))
        heard_s = time.monotonic() + 1.0
        await until(lambda seen: time.monotonic() > heard_s)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--web", "--replay", "x"), "--web runs a sitting with sensors"),
        (("--web", "--emulate", "demo-live", "--json"), "want it without --replay and --json"),
        (("--web", "--emulate", "nobody"), "'nobody'"),
    ],
)
def test_what_the_page_can_t_do_is_one_line(imu, words, said):
    code, out, err = imu("live", "--no-browser", *words)
    assert code in (1, 2)
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1
