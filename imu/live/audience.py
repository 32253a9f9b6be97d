"""Those who look on: each gets what is heard, and whoever is slow holds up nobody."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from imu.live.board import Board
from imu.live.player import Heard

ROOM: Final = 256
"""What one may have waiting; three sensors send 60 packets a second."""


class Subscription:
    """What is heard, for one who looks on. Who is slow loses the oldest, and `dropped` says how much."""

    def __init__(self, room: int = ROOM, *, events_only: bool = False) -> None:
        self.dropped = 0
        self._events_only = events_only
        self._waiting: deque[Heard] = deque(maxlen=room)
        self._there = asyncio.Event()
        self._over = False

    def put(self, heard: Heard) -> None:
        """Something was heard."""
        if self._events_only and not heard.events:
            return
        self.dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(heard)
        self._there.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._there.set()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while True:
            await self._there.wait()
            while self._waiting:
                yield self._waiting.popleft()
            if self._over:
                return
            self._there.clear()


class Audience:
    """The board that all share, and a subscription for each who wants all of it."""

    def __init__(self) -> None:
        self.board = Board()
        self._subscriptions: list[Subscription] = []
        self._over = False

    def subscribe(self, room: int = ROOM, *, events_only: bool = False) -> Subscription:
        """All that is heard from now on, or what of it settled something."""
        subscription = Subscription(room, events_only=events_only)
        self._subscriptions.append(subscription)
        if self._over:
            subscription.end()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """It gets no more."""
        self._subscriptions.remove(subscription)
        subscription.end()

    def publish(self, heard: Heard) -> None:
        """Something was heard; never waits."""
        if heard.rows is not None and len(heard.rows):
            self.board.reached(int(heard.rows.t_ns.max()))
        self.board.hear(heard.events)
        for subscription in self._subscriptions:
            subscription.put(heard)

    def end(self) -> None:
        """Nothing more will be heard."""
        self._over = True
        for subscription in self._subscriptions:
            subscription.end()
