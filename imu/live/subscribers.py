"""Those who look on: each gets what is put up from then on, in a bounded queue, and whoever is slow holds up nobody."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ROOM: Final = 256
"""What one may have waiting: of samples, packets of three sensors for 4 s."""


class Subscription(Generic[T]):
    """For one who looks on. Who is slow loses the oldest, and `dropped` says how much."""

    def __init__(self, room: int, wanted: Callable[[T], bool]) -> None:
        self.dropped = 0
        self._wanted = wanted
        self._waiting: deque[T] = deque(maxlen=room)
        self._there = asyncio.Event()
        self._over = False

    def put(self, one: T) -> None:
        """Something is new; never waits."""
        if self._wanted(one):
            self.dropped += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(one)
            self._there.set()

    def drain(self) -> list[T]:
        """All that is there now, oldest first."""
        there = list(self._waiting)
        self._waiting.clear()
        return there

    def end(self) -> None:
        """Nothing more will come."""
        self._over = True
        self._there.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            await self._there.wait()
            while self._waiting:
                yield self._waiting.popleft()
            if self._over:
                return
            self._there.clear()


class Subscribers(Generic[T]):
    """All of them."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription[T]] = []
        self._over = False

    def subscribe(self, room: int = ROOM, wanted: Callable[[T], bool] = lambda _: True) -> Subscription[T]:
        """All that is put up from now on and wanted."""
        subscription = Subscription[T](room, wanted)
        self._subscriptions.append(subscription)
        if self._over:
            subscription.end()
        return subscription

    def unsubscribe(self, subscription: Subscription[T]) -> None:
        """It gets no more."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
        subscription.end()

    def tell(self, one: T) -> None:
        """To each of them; never waits."""
        for subscription in self._subscriptions:
            subscription.put(one)

    def end(self) -> None:
        """Nothing more will be told."""
        self._over = True
        for subscription in self._subscriptions:
            subscription.end()
