"""What is told once, to each who looks on: bounded, and whoever is slow holds up nobody."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

Notice: TypeAlias = dict[str, Any]
"""As it goes over the wire: {"event": "contact" | "cue" | "warning", ...}."""

ROOM: Final = 256
"""What one may have waiting: a minute and more of fast steps."""


class Notices:
    """For one who looks on, from now on. Who is slow loses the oldest, and `dropped` says how many."""

    def __init__(self, room: int = ROOM) -> None:
        self.dropped = 0
        self._waiting: deque[Notice] = deque(maxlen=room)
        self._there = asyncio.Event()
        self._over = False

    def put(self, notice: Notice) -> None:
        """It happened; never waits."""
        self.dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(notice)
        self._there.set()

    def drain(self) -> list[Notice]:
        """All that is there now, oldest first."""
        notices = list(self._waiting)
        self._waiting.clear()
        return notices

    def end(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._there.set()

    async def __aiter__(self) -> AsyncIterator[Notice]:
        while True:
            await self._there.wait()
            while self._waiting:
                yield self._waiting.popleft()
            if self._over:
                return
            self._there.clear()


class NoticeBoard:
    """Where notices are put up, for all who subscribed."""

    def __init__(self) -> None:
        self._readers: list[Notices] = []
        self._over = False

    def subscribe(self, room: int = ROOM) -> Notices:
        """All that is told from now on."""
        reader = Notices(room)
        self._readers.append(reader)
        if self._over:
            reader.end()
        return reader

    def unsubscribe(self, reader: Notices) -> None:
        """It gets no more."""
        if reader in self._readers:
            self._readers.remove(reader)
        reader.end()

    def tell(self, notice: Notice) -> None:
        """To all of them."""
        for reader in self._readers:
            reader.put(notice)

    def end(self) -> None:
        """Nothing more will be told."""
        self._over = True
        for reader in self._readers:
            reader.end()
