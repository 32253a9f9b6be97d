import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from imu.cli.fan_out import fan_out

SQUARE = """
    def work(task, progress):
        progress(0.5)
        return task * task
"""
DIES_AT_2 = """
    import os, signal
    def work(task, progress):
        if task == 2:
            with open("tries", "a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return task * task
"""
DIES_ONCE = """
    import os, signal
    def work(task, progress):
        if task == 2 and not os.path.exists("tries"):
            open("tries", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return task * task
"""
SLEEPS = """
    import os, time
    def work(task, progress):
        try:
            open(f"started-{os.getpid()}", "w").close()
            time.sleep(60)
        finally:
            open(f"tidied-{os.getpid()}", "w").close()
"""
CALL = """
    from imu.cli.fan_out import fan_out
    if __name__ == "__main__":
        print(sorted(fan_out(work, list(range(5)), workers={workers})))
"""


def script(folder, work, workers):
    """A program of its own: processes that are spawned import it anew."""
    file = folder / "program.py"
    file.write_text(textwrap.dedent(work) + textwrap.dedent(CALL.format(workers=workers)))
    return [sys.executable, str(file)]


def run(folder, work, workers):
    return subprocess.run(script(folder, work, workers), cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_every_task_has_its_result(tmp_path, workers):
    ended = run(tmp_path, SQUARE, workers)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "[(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]\n"


@pytest.mark.parametrize("workers", [2, 7])
def test_a_task_that_kills_its_process_is_given_up_after_two_tries(tmp_path, workers):
    ended = run(tmp_path, DIES_AT_2, workers)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "[(0, 0), (1, 1), (2, None), (3, 9), (4, 16)]\n"
    assert (tmp_path / "tries").read_text() == "xx"


def test_a_process_that_was_killed_once_costs_nothing(tmp_path):
    ended = run(tmp_path, DIES_ONCE, 2)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "[(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]\n"


@pytest.mark.skipif(os.name == "nt", reason="there a console has no process groups to signal")
def test_ctrl_c_stops_all_processes_and_lets_them_tidy_up(tmp_path):
    """A terminal sends it to all of them at once."""
    parent = subprocess.Popen(
        script(tmp_path, SLEEPS, 2), cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 60.0
    while len(started := names(tmp_path, "started")) < 2:
        assert parent.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    os.killpg(parent.pid, signal.SIGINT)
    said = parent.communicate()[1]
    assert parent.returncode != 0
    assert names(tmp_path, "tidied") == started
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    # the parent's own; `main` makes one line of it
    assert said.count("Traceback") == 1


DEAF = """
import os, signal
from imu.cli.fan_out import _deaf
try:
    with _deaf():
        os.kill(os.getpid(), signal.SIGINT)
        print("put off")
except KeyboardInterrupt:
    print("and heard")
"""


def test_ctrl_c_while_a_process_is_being_started_is_not_lost():
    """In a process of one thread: any other would take the signal, at a time of its own."""
    ended = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("put off\nand heard\n", "")


def names(folder: Path, kind: str) -> set[str]:
    return {file.name.partition("-")[2] for file in folder.glob(f"{kind}-*")}


def test_progress_is_told_with_what_is_done():
    told = []

    def work(task, progress):
        progress(0.25)
        return task

    done = fan_out(work, "ab", workers=1, told=lambda done, under_way: told.append((done, under_way)))
    assert list(done) == [(0, "a"), (1, "b")]
    assert told == [(0, 0.0), (0, 0.25), (1, 0.0), (1, 0.25)]
