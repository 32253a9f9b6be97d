"""What somebody was warned of: told at once, and kept for whoever comes later. A reload loses no warning."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from imu.live.desk.wire import Notice

KEPT: Final = 20
"""Warnings that stand in the document."""


class Warned:
    """One sitting's.

    Args:
        tell: what is told once to whoever looks on.
        now_s: of the recording; None = before it.
    """

    def __init__(self, tell: Callable[[Notice], None], now_s: Callable[[], float | None]) -> None:
        self._tell, self._now_s = tell, now_s
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._count = 0

    def say(self, text: str) -> None:
        """A line of text; each counts, also one that was said before."""
        now_s = self._now_s()
        self._count += 1
        one = {"id": self._count, "text": text, "at_s": None if now_s is None else round(now_s, 1)}
        self._kept.append(one)
        self._tell({"event": "warning", **one})

    def document(self) -> list[dict[str, Any]]:
        """The last ones, oldest first, as they were told."""
        return [dict(one) for one in self._kept]
