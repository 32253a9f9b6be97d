"""What every link stands on: the inbox, limits of time, the clock of host stamps."""

import asyncio
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from firmware_bridge.link import Arrival, Inbox, LinkFailed, host_ns, within
from tests.firmware_bridge.central_bench import Run


def test_an_inbox_without_room_counts_and_says_where():
    inbox = Inbox(room=3)
    arrivals = [Arrival("A1", "data", ns, b"") for ns in range(6)]
    for arrival in arrivals[:5]:
        inbox.put(arrival)
    assert inbox.overflowed == 2
    assert inbox.drain() == [*arrivals[:3], Arrival("", "overflow", 2, b"2")]
    inbox.put(arrivals[5])
    assert inbox.drain() == [arrivals[5]]
    assert inbox.drain() == []


def test_an_inbox_hands_over_as_soon_as_there_is_something(run: Run):
    async def main() -> None:
        inbox = Inbox()
        taking = asyncio.create_task(inbox.take())
        await asyncio.sleep(0.01)
        assert not taking.done()
        inbox.put(Arrival("A1", "data", 1, b"x"))
        assert await taking == [Arrival("A1", "data", 1, b"x")]
        assert len(inbox) == 0

    run(main())


def test_a_call_that_will_not_be_cancelled_is_left_behind_in_time(run: Run, monkeypatch: pytest.MonkeyPatch):
    """As bleak does when the daemon it asks to give up a connection does not answer either."""
    monkeypatch.setattr("firmware_bridge.link.GRACE_S", 0.05)
    tidied = []

    async def stubborn() -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
            tidied.append(True)

    async def main() -> None:
        began_s = time.monotonic()
        with pytest.raises(LinkFailed, match=r"connect: no answer within 0\.05 s"):
            await within(0.05, "connect", stubborn())
        assert time.monotonic() - began_s < 1
        assert tidied == [True, True]

    run(main())


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_host_stamps_are_of_a_clock_that_goes_on_while_the_computer_sleeps(
    monkeypatch: pytest.MonkeyPatch, system: str
):
    clocks = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC_RAW", "win32": None}
    if (name := clocks[system]) and not hasattr(time, name):
        pytest.skip(f"no {name} here")
    with monkeypatch.context() as pretended:
        pretended.setattr(time, "clock_gettime_ns", lambda clock: (clock, "ns"), raising=False)
        pretended.setattr(time, "perf_counter_ns", lambda: (None, "ns"))
        pretended.setattr(sys, "platform", system)
        said = host_ns()
    assert said == (getattr(time, name) if name else None, "ns")
    assert host_ns() <= host_ns()


def test_what_a_log_is_read_with_loads_no_radio():
    """A recovery or a replay needs none, and bleak takes its time."""
    modules = "link, driver, ogi, dot, standard, assembler, clock, timeline"
    script = f"import sys; from firmware_bridge import {modules}; sys.exit('bleak' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
