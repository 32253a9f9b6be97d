"""The page's application: the desk's state, events and signals to every page, and their commands to the desk."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Protocol

from imu.core.errors import RetrogaitError
from imu.core.samples import Floats
from imu.core.session import Sensor
from imu.live.audience import Audience
from imu.live.desk.wire import (
    PING,
    STALE,
    BadCommand,
    Notice,
    Parts,
    document_text,
    event_text,
    members,
    parse_command,
    refused_text,
)
from imu.live.page.signals import Signals
from imu.live.subscribers import Subscription
from imu.web.asgi import Receive, Scope, Send
from imu.web.assets import Asset, read_assets
from imu.web.hub import Client, Close, Counts, Hub, HubParams
from imu.web.server import PORT, Address, check_extra, serve

if TYPE_CHECKING:
    from starlette.applications import Starlette

FRAME_EVERY_S: Final = 0.05
"""Signals leave at most so often: 20 frames a second of each sensor."""
UPDATE_EVERY_S: Final = 0.1
PING_EVERY_S: Final = 0.5
LAST_WORD_S: Final = 0.2
"""For it to leave."""
MOST_SLIPS: Final = 10
"""Frames of one page that are no commands. Ours sends none."""
MOST_DOING: Final = 8
"""Commands of one page that have not come to their end: the next waits. Who starts can stop before it is done."""
ABUSE: Final = Close(1008, "too many frames that are no commands")
DOCUMENTS: Final[Mapping[str, str]] = {"/": "index.html", "/mirror": "mirror.html"}


class Desk(Protocol):
    """What the page needs of whoever runs the sitting."""

    @property
    def audience(self) -> Audience:
        """Of which signals are shown."""
        ...

    def document(self) -> Mapping[str, Any]:
        """All of its state, the same keys each time."""
        ...

    def mounting(self, sensor: Sensor) -> Floats | None:
        """How a sensor is worn; None = not known, and its rotation is shown by its magnitude."""
        ...

    async def do(self, command: Mapping[str, Any]) -> None:
        """Carry out a command of `imu.live.desk.wire.COMMANDS`.

        Raises:
            RetrogaitError: it can't be done now: one line why.
        """
        ...

    def subscribe_events(self) -> Subscription[Notice]:
        """What is told once, from now on: as the wire has it, but for `type`."""
        ...

    def unsubscribe_events(self, notices: Subscription[Notice]) -> None:
        """It gets no more."""
        ...


class Page:
    """One desk's page, for as many as look on."""

    def __init__(self, desk: Desk, params: HubParams | None = None) -> None:
        self.slip: BaseException | None = None
        """What a command ran into that was no refusal: a mistake of this program. The sitting went on."""
        self._desk = desk
        self._hub = Hub(self._whole, params)
        self._parts = Parts()
        self._last: Mapping[str, str] = {}
        self._stale = False
        """What was told last is not what is now."""
        self._signals = Signals(desk.mounting)
        self._doing: set[asyncio.Task[None]] = set()

    @property
    def counts(self) -> Counts:
        """What the pages were sent and what they lost."""
        return self._hub.counts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The WebSocket of one page."""
        slips = 0
        mine: set[asyncio.Task[None]] = set()

        async def hear(client: Client, said: str | bytes) -> Close | None:
            nonlocal slips, mine
            try:
                command = parse_command(said)
            except BadCommand as why:
                slips += 1
                client.tell(refused_text(why.do, why))
                return ABUSE if slips >= MOST_SLIPS else None
            mine = {task for task in mine if not task.done()} | {self._begin(client, command)}
            if len(mine) >= MOST_DOING:
                await asyncio.wait(mine, return_when=asyncio.FIRST_COMPLETED)
            return None

        await self._hub.attend(receive, send, hear)

    def _begin(self, client: Client, command: Mapping[str, Any]) -> asyncio.Task[None]:
        # a page that is reloaded takes nothing back: what it asked for goes on without it
        doing = asyncio.create_task(self._desk.do(command))
        self._doing.add(doing)
        doing.add_done_callback(partial(self._done, client, command["do"]))
        return doing

    def _done(self, client: Client, do: str, doing: asyncio.Task[None]) -> None:
        self._doing.discard(doing)
        why = None if doing.cancelled() else doing.exception()
        if isinstance(why, RetrogaitError):
            client.tell(refused_text(do, why))
        elif why is not None:
            self.slip = self.slip or why
            client.tell(refused_text(do, f"a mistake of this program ({type(why).__name__}: {why})"))

    async def feed(self) -> None:
        """Tell the pages what is new, until cancelled."""
        feeding = [asyncio.create_task(part()) for part in (self._tell, self._tell_events, self._collect)]
        try:
            done, _ = await asyncio.wait(feeding, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in feeding:
                task.cancel()
            await asyncio.gather(*feeding, return_exceptions=True)

    async def last_word(self) -> None:
        """What has changed until now, for pages that will hear no more."""
        if len(self._hub):
            self._update()
            await asyncio.sleep(LAST_WORD_S)

    async def finish(self) -> None:
        """Let what was begun for pages come to its end.

        Raises:
            Exception: what a command ran into that was no refusal.
        """
        if self._doing:
            await asyncio.wait(self._doing)
        if self.slip is not None:
            raise self.slip

    def _members(self) -> Mapping[str, str]:
        """What can be told of the desk: a mistake in one part silences no page. It is kept, and pages learn of it."""
        try:
            texts, slip = members(self._desk.document())
        except Exception as why:  # noqa: BLE001 whatever it is, pings and events go on
            texts, slip = self._last, why
        self._stale = slip is not None
        self.slip = slip or self.slip
        self._last = texts
        return texts

    def _whole(self) -> str:
        texts = self._members()
        if len(self._hub) == 1:
            # nobody else waits for what has changed until now
            self._parts.changed(texts)
        return document_text(texts)

    async def _tell(self) -> None:
        now_s = asyncio.get_running_loop().time
        update_s = ping_s = now_s()
        while True:
            # whoever is late is not hurried: at most so often, never more
            await asyncio.sleep(FRAME_EVERY_S)
            if not len(self._hub):
                self._signals.forget()
                continue
            for frame in self._signals.frames():
                self._hub.show(frame)
            if now_s() - update_s >= UPDATE_EVERY_S:
                update_s = now_s()
                self._update()
            if now_s() - ping_s >= PING_EVERY_S:
                ping_s = now_s()
                self._hub.update(STALE if self._stale else PING)

    def _update(self) -> None:
        changed = self._parts.changed(self._members())
        if changed is not None:
            self._hub.update(changed)

    async def _tell_events(self) -> None:
        notices = self._desk.subscribe_events()
        try:
            async for notice in notices:
                self._hub.tell(event_text(notice))
        finally:
            self._desk.unsubscribe_events(notices)

    async def _collect(self) -> None:
        audience = self._desk.audience
        subscription = audience.subscribe()
        try:
            async for heard in subscription:
                if heard.sensor is not None and heard.rows is not None and len(heard.rows):
                    self._signals.hear(heard.sensor, heard.rows)
        finally:
            audience.unsubscribe(subscription)


def app(page: Page) -> "Starlette":
    """Where everything of the page is: its documents, their files, and its WebSocket.

    Raises:
        NoPage: the extra `live` is not installed.
    """
    check_extra()
    from starlette.applications import Starlette  # noqa: PLC0415  an extra
    from starlette.exceptions import HTTPException  # noqa: PLC0415
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415
    from starlette.routing import Route, WebSocketRoute  # noqa: PLC0415

    own, vendor = read_assets(files("imu.live.page") / "static"), read_assets(files("imu.web") / "vendor")

    async def document(request: Request) -> Response:
        asset = own[DOCUMENTS[request.url.path]]
        return Response(asset.body, headers={"content-type": asset.content_type})

    async def asset(assets: Mapping[str, Asset], request: Request) -> Response:
        found = assets.get(request.path_params["path"])
        if found is None:
            raise HTTPException(404)
        known = found.is_known(request.headers.get("if-none-match"))
        return Response(None if known else found.body, 304 if known else 200, found.headers())

    return Starlette(
        routes=[
            *(Route(path, document) for path in DOCUMENTS),
            Route("/page/{path:path}", partial(asset, own)),
            Route("/vendor/{path:path}", partial(asset, vendor)),
            WebSocketRoute("/ws", page),
        ]
    )


@asynccontextmanager
async def serving(
    desk: Desk, *, port: int = PORT, lan: str | None = None, params: HubParams | None = None
) -> AsyncGenerator[tuple[Address, Page]]:
    """While the block lasts, the desk's page is there. What goes wrong with it costs no sitting: it is told at the end.

    Args:
        desk: who runs the sitting.
        port: 0 = a free one.
        lan: this machine's address on its network, where others may look on with the token; None = nowhere but here.
        params: of what may wait for a page.

    Raises:
        NoPage: the extra `live` is not installed.
        CannotServe: the port is in use.
    """
    page = Page(desk, params)
    feeding = None
    try:
        async with serve(app(page), port=port, lan=lan) as address:
            feeding = asyncio.create_task(page.feed())
            try:
                yield address, page
                await page.last_word()
            finally:
                feeding.cancel()
                await asyncio.wait({feeding})
        await page.finish()
    finally:
        if feeding is not None and not feeding.cancelled():
            feeding.result()
