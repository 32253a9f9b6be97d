"""An event loop for a command: how fast its time goes, and how it is stopped."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from imu.core.errors import UsageError
from imu.live.haste import FastLoop

SLOWEST_EMULATED: Final = 0.1
FASTEST_EMULATED: Final = 8.0
"""The whole Bluetooth path of three sensors costs some 9 % of a core; more would need more than one."""


class Stop:
    """Ctrl-C, a polite kill, a terminal that is closed: the first ends the recording well, the second the program."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    @contextmanager
    def heard(self) -> Generator[None]:
        """While the block lasts, signals are heard here."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def on_signal() -> None:
            if self.asked.is_set() and task is not None:
                task.cancel()
            self.asked.set()

        # Windows knows no such handlers: there Ctrl-C is KeyboardInterrupt, and the log is left to imu recover
        signals = () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, on_signal)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def within(self, seconds: float | None) -> bool:
        """Whether it is asked for within so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.asked.wait()
        return self.asked.is_set()


def run(work: Coroutine[Any, Any, int], speed: float = 1.0) -> int:
    """On an event loop of its own, `speed` times as fast; a second Ctrl-C ends it like one in any other command."""
    try:
        with asyncio.Runner(loop_factory=None if speed == 1.0 else partial(FastLoop, speed)) as runner:
            return runner.run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def check_speed(speed: float) -> None:
    """Of people who are simulated.

    Raises:
        UsageError: sensors take time, and people patience.
    """
    if not SLOWEST_EMULATED <= speed <= FASTEST_EMULATED:
        raise UsageError(f"--speed is {speed:g}; want {SLOWEST_EMULATED:g} to {FASTEST_EMULATED:g} for emulated ones")
