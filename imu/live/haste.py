"""Time that passes faster than it does, for people who are simulated: all of a sitting follows, none of it knows.

Sensors in an emulated air, connections, timeouts, the recording and the page take their time from the event loop; one
whose time is raised raises that of all of them alike. Nothing that comes from outside the program can be hurried.
"""

import asyncio
from collections.abc import Callable
from selectors import DefaultSelector, SelectorKey

from firmware_bridge.link import host_ns
from imu.core.units import NS_PER_S


class _Sooner(DefaultSelector):
    """Waits for a share of what it is told to wait."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self._speed)


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds are shorter: `speed` of them pass in one."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._begin_s = 0.0
        super().__init__(_Sooner(speed))
        self._begin_s = super().time()

    def time(self) -> float:
        return self._begin_s + self._speed * (super().time() - self._begin_s)

    def host_ns(self) -> int:
        """The clock of host stamps, ns, in such seconds."""
        return round(self.time() * NS_PER_S)


def host_clock() -> Callable[[], int]:
    """The clock for host stamps on the running event loop."""
    loop = asyncio.get_running_loop()
    return loop.host_ns if isinstance(loop, FastLoop) else host_ns
