import asyncio
import json
import re
import shutil
import subprocess
import sys

import duckdb
import pytest
from websockets.asyncio.client import connect

from imu.cli.demo import Match, match
from imu.core.tables import EVENTS
from imu.live.sitting import log_path
from imu.store.log_lock import claimed
from imu.store.tables import is_analysed, read_rows


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The demo's words and its folder; it runs once."""
    from contextlib import redirect_stdout  # noqa: PLC0415
    from io import StringIO  # noqa: PLC0415

    from imu.cli.main import main  # noqa: PLC0415

    store, said = tmp_path_factory.mktemp("demo"), StringIO()
    with redirect_stdout(said):
        assert main(["demo", "--fast", "--out", str(store)]) == 0
    return said.getvalue(), store


def test_the_demo_shows_backward_walking_beside_forward(shown):
    out, store = shown
    rows = {
        line[:32].strip(): re.findall(r"-?\d+(?:\.\d+)?(?: ± [\d.]+)?", line[32:])
        for line in out.splitlines()
        if re.match(r"\w.*  +-?\d", line)
    }
    for foot in ("left", "right"):
        assert rows[f"toes first, {foot}, %"] == ["0", "100", "0"]
    backward = [float(cell.split()[0]) for cell in rows["speed, m/s, backward negative"]]
    assert backward[0] > 0.8
    assert backward[1] < -0.5
    assert backward[2] > 0.8
    left, right = (
        [float(cell.split()[0]) for cell in rows[f"pelvic drop, {foot} stance, deg"]] for foot in ("left", "right")
    )
    assert all(a < b for a, b in zip(left, right, strict=True)), "the simulated right hip drops more"
    assert is_analysed(store / "subject=SIM01" / "session=demo-1")


def test_the_demo_compares_with_the_truth(shown):
    out, _ = shown
    total, found, missed, extra = map(
        int, re.search(r"Of (\d+) true .* (\d+) were found .* (\d+) were missed, (\d+) found", out).groups()
    )
    assert found + missed == total
    assert found > 0.95 * total
    assert extra <= 0.03 * total


def test_what_it_says_to_try_next_works(shown, imu):
    out, _ = shown
    inspect = re.search(r"^  imu (inspect .*)$", out, re.MULTILINE)[1]
    assert imu(*inspect.split())[0] == 0
    query = re.search(r'duckdb -c "(.*)"', out)[1]
    rows = duckdb.sql(query).fetchall()
    assert {row[:2] for row in rows} >= {(d, f) for d in ("backward", "forward") for f in ("left", "right")}


def test_a_second_demo_takes_the_place_of_the_first_and_of_nothing_else(shown, imu, files, tmp_path):
    _, store = shown
    again = tmp_path / "again"
    shutil.copytree(store, again)
    assert imu("demo", "--fast", "--out", again)[0] == 0
    assert files(again) == files(store)
    mine = again / "subject=SIM01" / "session=demo-1" / "session.json"
    document = json.loads(mine.read_text())
    del document["made_by"]
    mine.write_text(json.dumps(document))
    before = files(again)
    code, out, err = imu("demo", "--fast", "--out", again)
    assert (code, out) == (1, "")
    assert "holds a session that no demo made; want another --out" in err
    assert files(again) == before


def contact(foot, t_ms):
    return {"foot": foot, "t_contact_ns": t_ms * 1_000_000}


def test_each_contact_is_matched_once_and_with_its_own_foot():
    truth = [contact("left", 0), contact("right", 500), contact("left", 1000)]
    assert match(truth, truth) == Match(3, 0, 0)
    assert match([contact("left", 90), contact("left", 500), contact("left", 1101)], truth) == Match(1, 2, 2)
    assert match([contact("left", 0), contact("left", 5)], truth[:1]) == Match(1, 0, 1)
    assert match([], truth) == Match(0, 3, 0)


def test_the_live_demo_walks_and_tells(imu, tmp_path):
    code, out, err = imu("demo", "--out", tmp_path, "--seconds", "12")
    assert code == 0
    assert re.search(r"streaming, 0 lost", out)
    assert re.search(r"forward +cadence \d+ steps/min", out)
    total, found, missed = map(int, re.search(r"Of (\d+) true .* (\d+) were found .* (\d+) were missed", out).groups())
    assert total == found + missed > 5
    assert missed <= 1
    folder = tmp_path / "subject=SIM01" / "session=demo-live-1"
    assert is_analysed(folder)
    assert (folder / "truth_pelvis.parquet").exists()
    # a demo takes the place of a demo, and of nothing else
    document = json.loads((folder / "session.json").read_text())
    assert document["made_by"] == "imu demo"
    del document["made_by"]
    (folder / "session.json").write_text(json.dumps(document))
    code, _, err = imu("demo", "--out", tmp_path, "--seconds", "12")
    assert code == 1
    assert "holds a session that no demo made" in err


def test_a_demo_leaves_alone_what_another_is_writing(imu, tmp_path):
    log = log_path(tmp_path, "SIM01", "demo-live-1")
    log.parent.mkdir(parents=True)
    log.touch()
    with claimed(log):
        code, out, err = imu("demo", "--out", tmp_path)
    assert (code, out) == (1, "")
    assert "being written by another" in err
    assert log.exists()


def test_a_store_that_can_t_be_is_refused_before_anybody_waits(imu, tmp_path):
    (tmp_path / "store").touch()
    for words in (("demo",), ("live", "--emulate", "demo-live"), ("live", "--web", "--emulate", "demo-live")):
        code, out, err = imu(*words, "--out", tmp_path / "store" / "of-mine")
        assert (code, out) == (2, "")
        assert f"{tmp_path / 'store'} is a file; want a folder" in err


SPEED = 6.0


def test_the_whole_demo_is_on_the_page_while_it_runs(tmp_path):
    """From a program of its own, as it is started by hand, in hurried time."""
    words = ("demo", "--speed", SPEED, "--no-browser", "--out", tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "imu", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            url = next(line for line in program.stdout if line.startswith("The page: ")).split()[-1]
            stages, cues, document = asyncio.run(asyncio.wait_for(look_on(url), 60.0))
            out, _ = program.communicate(timeout=60.0)
        finally:
            program.kill()
    assert program.returncode == 0
    assert stages[-3:] == ["recording", "ending", "ended"]
    total, found, missed = map(int, re.search(r"Of (\d+) true .* (\d+) were found .* (\d+) were missed", out).groups())
    assert total == found + missed
    assert found >= 0.9 * total
    # the right hip drops too far, and both page and session say so
    assert cues
    assert {cue["say"] for cue in cues} == {"right: keep the hips level"}
    folder = tmp_path / "subject=SIM01" / "session=demo-live-1"
    given = [row for row in read_rows(folder / "events.parquet", EVENTS) if row["kind"] == "cue"]
    assert len(given) >= len(cues)
    summary = json.loads((folder / "analysis" / "summary.json").read_text())
    assert document["summary"]["summary"]["directions"] == summary["directions"]
    assert document["protocol"]["name"] == "demo-live"
    assert not document["warnings"]


async def look_on(url):
    """The stages of a sitting to its end, all cues, and the last document."""
    stages, cues, document = [], [], {"warnings": []}
    async with connect(url.replace("http", "ws") + "ws", origin=url.rstrip("/"), proxy=None) as page:
        while stages[-1:] != ["ended"]:
            said = await page.recv()
            if not isinstance(said, str):
                continue
            message = json.loads(said)
            if message["type"] in ("document", "update"):
                document.update(message)
                if document["stage"] not in stages[-1:]:
                    stages.append(document["stage"])
            elif message.get("event") == "cue":
                cues.append(message)
            elif message.get("event") == "warning":
                document["warnings"].append(message["text"])
    return stages, cues, document


def test_without_the_emulator_the_demo_says_so_and_is_the_fast_one(imu, tmp_path, monkeypatch):
    monkeypatch.setattr("imu.cli.demo.find_spec", lambda name: None)
    code, out, _ = imu("demo", "--out", tmp_path)
    assert code == 0
    assert out.startswith("No live demo: it needs the extra with emulated sensors, pip install 'retrogait[emulator]'.")
    assert is_analysed(tmp_path / "subject=SIM01" / "session=demo-1")


@pytest.mark.parametrize(
    "words", [("--fast", "--seconds", "3"), ("--seconds", "0"), ("--speed", "0"), ("--speed", "9")]
)
def test_what_the_demo_can_t_do_is_refused(imu, words):
    code, out, err = imu("demo", *words)
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
