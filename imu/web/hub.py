"""One sender, any number of pages: each is told at its own pace, and none can hold up another, or the sender."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from imu.web.asgi import Message, Receive, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class HubParams:
    """How much may wait for a page, and for how long."""

    texts: int = 64
    """Frames of text: some five seconds of updates."""
    signals: int = 120
    """Binary frames: two seconds of three sensors at 20 a second."""
    old_s: float = 2.0
    """An event that could not be told within that is told no more."""
    gone_s: float = 30.0
    """A page that takes no frame for so long is let go; it may come again."""
    clients: int = 16
    """Pages at a time."""


class Counts(NamedTuple):
    """Of a hub, over all pages that it ever had."""

    sent: int = 0
    lost_signals: int = 0
    lost_updates: int = 0
    lost_events: int = 0
    documents: int = 0
    """Sent whole: one a page that came, and one each time that something was lost."""
    gone: int = 0
    """Pages that took nothing any more."""


class Close(NamedTuple):
    """Why we end a WebSocket."""

    code: int
    """RFC 6455, section 7.4.1; 1013 as IANA lists it."""
    reason: str


BUSY: Final = Close(1013, "too many pages are open")


class _Text(NamedTuple):
    text: str
    is_event: bool
    at_s: float


class Client:
    """What waits for one page. The document is due when it comes, and again when anything but signals was lost."""

    def __init__(self, document: Callable[[], str], params: HubParams) -> None:
        self.sent = self.lost_signals = self.lost_updates = self.lost_events = self.documents = 0
        self.gone = False
        """It took nothing any more."""
        self._document, self._params = document, params
        self._now_s = asyncio.get_running_loop().time
        self._texts: deque[_Text] = deque()
        self._signals: deque[bytes] = deque()
        self._due = True
        self._there = asyncio.Event()
        self._there.set()

    def update(self, text: str) -> None:
        """A part of the document; of no use where the whole is due."""
        if self._due:
            return
        if len(self._texts) >= self._params.texts:
            self.lost_updates += 1
            self._give_up_updates()
            return
        self._texts.append(_Text(text, False, self._now_s()))
        self._there.set()

    def tell(self, text: str) -> None:
        """What is said once."""
        if len(self._texts) >= self._params.texts:
            self._give_up_updates()
        if len(self._texts) >= self._params.texts:
            self._texts.popleft()
            self.lost_events += 1
        self._texts.append(_Text(text, True, self._now_s()))
        self._there.set()

    def show(self, frame: bytes) -> None:
        """A signal; the oldest gives way."""
        if len(self._signals) >= self._params.signals:
            self._signals.popleft()
            self.lost_signals += 1
        self._signals.append(frame)
        self._there.set()

    async def next(self) -> str | bytes:
        """The next frame, when there is one."""
        while (frame := self._next()) is None:
            self._there.clear()
            await self._there.wait()
        self.sent += 1
        return frame

    def _next(self) -> str | bytes | None:
        self._forget_old()
        if self._due:
            # made now: it is as new as can be, however long it was due
            self._due = False
            self.documents += 1
            return self._document()
        if self._texts:
            return self._texts.popleft().text
        return self._signals.popleft() if self._signals else None

    def _forget_old(self) -> None:
        oldest_s = self._now_s() - self._params.old_s
        old = [text for text in self._texts if text.is_event and text.at_s < oldest_s]
        if old:
            self.lost_events += len(old)
            self._texts = deque(text for text in self._texts if text not in old)
            self._give_up_updates()

    def _give_up_updates(self) -> None:
        events = [text for text in self._texts if text.is_event]
        self.lost_updates += len(self._texts) - len(events)
        self._texts = deque(events)
        self._due = True
        self._there.set()

    def counts(self) -> Counts:
        """Of this page."""
        lost = (self.lost_signals, self.lost_updates, self.lost_events)
        return Counts(self.sent, *lost, self.documents, int(self.gone))


Hear = Callable[[Client, str | bytes], Awaitable[Close | None]]
"""What to do with a frame from a page; a `Close` ends it."""


class Hub:
    """What is said here reaches every page that is there and keeps up. No call waits for anyone."""

    def __init__(self, document: Callable[[], str], params: HubParams | None = None) -> None:
        """Args: makes the frame that tells all there is; how much may wait."""
        self.params: Final = params or HubParams()
        self._document = document
        self._clients: dict[Client, None] = {}
        self._past = Counts()

    def __len__(self) -> int:
        """Pages that are there."""
        return len(self._clients)

    def update(self, text: str) -> None:
        """A part of the document, as it is now."""
        for client in self._clients:
            client.update(text)

    def tell(self, text: str) -> None:
        """What is said once: an event."""
        for client in self._clients:
            client.tell(text)

    def show(self, frame: bytes) -> None:
        """A piece of a signal."""
        for client in self._clients:
            client.show(frame)

    def counts(self) -> Counts:
        """Pages that have left included."""
        return _sum(self._past, *(client.counts() for client in self._clients))

    async def attend(self, receive: Receive, send: Send, hear: Hear) -> None:
        """One page from its coming to its going: an ASGI WebSocket.

        Args:
            receive: as ASGI has it.
            send: likewise.
            hear: gets what comes from the page, frame by frame: the next is taken when it has returned.
        """
        await receive()
        await send({"type": "websocket.accept"})
        if len(self._clients) >= self.params.clients:
            await send(_closing(BUSY))
            return
        client = Client(self._document, self.params)
        self._clients[client] = None
        sending = asyncio.create_task(self._send(client, send))
        hearing = asyncio.create_task(_hear(client, receive, hear))
        tasks = (sending, hearing)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            # nothing is awaited between these: whoever counts finds it here or there
            del self._clients[client]
            self._past = _sum(self._past, client.counts())
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and (slip := task.exception()) is not None:
                raise slip
        if not hearing.cancelled() and (close := hearing.result()) is not None:
            await send(_closing(close))

    async def _send(self, client: Client, send: Send) -> None:
        """Until the page is closed, or takes nothing any more."""
        while True:
            frame = await client.next()
            message: Message = {"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame}
            try:
                async with asyncio.timeout(self.params.gone_s):
                    await send(message)
            except TimeoutError:
                client.gone = True
                return
            except (OSError, RuntimeError):
                # ASGI wants the first once it is closed; uvicorn raises the second when it closed it by itself
                return


def _sum(*counts: Counts) -> Counts:
    return Counts(*(sum(column) for column in zip(*counts, strict=True)))


async def _hear(client: Client, receive: Receive, hear: Hear) -> Close | None:
    while (message := await receive())["type"] != "websocket.disconnect":
        said = message.get("text")
        close = await hear(client, message.get("bytes") or b"" if said is None else said)
        if close is not None:
            return close
    return None


def _closing(close: Close) -> Message:
    return {"type": "websocket.close", "code": close.code, "reason": close.reason}
