"""`imu live --web`: the page is there, and goes with the program; what was recorded is a session."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from websockets.asyncio.client import connect

from imu.core.tables import EVENTS
from imu.store.tables import is_analysed, read_rows

PATIENCE_S = 60.0


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can't be sent to one program on Windows")
def test_a_sitting_from_the_page_ends_well_with_ctrl_c(tmp_path):
    words = ("live", "--web", "--no-browser", "--emulate", "demo-live", "--out", "store", "--port", "0")
    with subprocess.Popen(
        [sys.executable, "-m", "imu", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "IMU_CONFIG_DIR": str(tmp_path)},
    ) as program:
        try:
            url = program.stdout.readline().removeprefix("The page: ").strip()
            asyncio.run(asyncio.wait_for(record(url), PATIENCE_S))
            program.send_signal(signal.SIGINT)
            out, err = program.communicate(timeout=PATIENCE_S)
        finally:
            program.kill()
    assert program.returncode == 0, err
    folder = tmp_path / "store" / "subject=S01"
    [session] = folder.iterdir()
    assert f"{session.relative_to(tmp_path)} holds the session" in out
    assert is_analysed(session)
    document = json.loads((session / "session.json").read_text())
    assert document["source"] == "simulated"
    marked = {row["kind"] for row in read_rows(session / "events.parquet", EVENTS)}
    assert "mark" in marked


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
