"""Time that passes faster than it does, for people who are simulated: all of a sitting follows, none of it knows.

Sensors in an emulated air, connections, timeouts, the recording and the page take their time from the event loop; one
whose time is raised raises that of all of them alike. Nothing that comes from outside the program can be hurried.
"""

import asyncio
from collections.abc import Callable
from selectors import DefaultSelector, SelectorKey
from time import monotonic
from typing import Final

from firmware_bridge.link import host_ns
from imu.core.units import NS_PER_S

LATE_S: Final = 0.002
"""A wait is so much longer than it was to be even where nothing else runs: the system counts in milliseconds."""


class _Sooner(DefaultSelector):
    """Waits for a share of what it is told to wait, and knows how much it has spared."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self.speed = speed
        self.spared_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None or timeout <= 0.0 or self.speed == 1.0:
            return super().select(timeout)
        began_s = monotonic()
        events = super().select(timeout / self.speed)
        self.spared_s += (self.speed - 1.0) * min(timeout / self.speed + LATE_S, monotonic() - began_s)
        return events


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop that waits `speed` times as fast as it says.

    Work takes the time that it takes. So on a busy computer people are less fast, and nothing comes late for that.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._sooner = _Sooner(speed)
        super().__init__(self._sooner)

    @property
    def speed(self) -> float:
        """May be changed at any time."""
        return self._sooner.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._sooner.speed = speed

    def time(self) -> float:
        return super().time() + self._sooner.spared_s

    def host_ns(self) -> int:
        """The clock of host stamps, ns, in such seconds."""
        return round(self.time() * NS_PER_S)


def host_clock() -> Callable[[], int]:
    """The clock for host stamps on the running event loop."""
    loop = asyncio.get_running_loop()
    return loop.host_ns if isinstance(loop, FastLoop) else host_ns
