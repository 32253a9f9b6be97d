"""A server for one page of ours, inside the event loop that runs already. It is guarded, or it isn't there."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from errno import EADDRINUSE
from importlib.util import find_spec
from logging import NullHandler, getLogger
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final, NamedTuple

from imu.core.errors import RetrogaitError
from imu.web.asgi import App
from imu.web.guard import LOOPBACK_NAMES, TOKEN, Guard

if TYPE_CHECKING:
    import uvicorn

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8421
EXTRA: Final = ("starlette", "uvicorn", "websockets")
MOST_SAID: Final = 16 * 1024
"""Bytes of a frame, or of the headers of a request, that a browser may send."""
KERNEL_HOLDS: Final = 64 * 1024
"""Bytes on their way to a browser. What lies there grows old where nobody can take it back."""
STOPS_WITHIN_S: Final = 1
"""What a browser has not taken by then is cut off."""
TOKEN_BYTES: Final = 32
NO_HOST: Final = "192.0.2.1"
"""Set aside for examples (RFC 5737). It is asked what way leads there; nothing is sent."""

HEARS_NOTHING: Final = NullHandler()
"""Python prints what is logged where nobody listens."""


class NoPage(RetrogaitError, ImportError):
    """The extra that serves pages is not installed."""


class CannotServe(RetrogaitError, OSError):
    """An address at which no server can be opened."""

    def __init__(self, message: str, *, port: int) -> None:
        super().__init__(message)
        self.port = port


class Address(NamedTuple):
    """Where a page is to be found."""

    port: int
    token: str | None
    """None = none is wanted."""
    lan: str | None
    """Of this machine on its network, where others may look on; None = nobody but this machine can."""

    @property
    def url(self) -> str:
        """For a browser on this machine."""
        return self._url(LOOPBACK)

    @property
    def lan_url(self) -> str | None:
        """For another device of the network."""
        return None if self.lan is None else self._url(self.lan)

    def _url(self, host: str) -> str:
        return f"http://{host}:{self.port}/" + ("" if self.token is None else f"?{TOKEN}={self.token}")


def check_extra() -> None:
    """Whether pages can be served at all.

    Raises:
        NoPage: saying what to install.
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise NoPage(
            f"there is no {', '.join(missing)}, which the page needs; want the extra with it:"
            " pip install 'retrogait[live]'"
        )


def lan_address() -> str:
    """This machine's address on the network that leads out. Nothing is sent.

    Raises:
        CannotServe: it is on none.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect((NO_HOST, 9))
            return str(asking.getsockname()[0])
    except OSError as why:
        raise CannotServe(
            f"this machine is on no network ({why.strerror}); want one to show the page to others (no Wi-Fi?)", port=0
        ) from None


@asynccontextmanager
async def serve(app: App, *, host: str = LOOPBACK, port: int = PORT, lan: str | None = None) -> AsyncGenerator[Address]:
    """While the block lasts, the application is served on this machine. At its end every connection is closed.

    Signals stay with whoever has them; nothing is printed. What goes wrong in the application is told to the logger
    `uvicorn`.

    Args:
        app: ASGI 3, without lifespan.
        host: of this machine.
        port: 0 = a free one.
        lan: this machine's address on its network (`lan_address`): it listens there too, and wants a token of everyone.
            What is sent there is not encrypted.

    Raises:
        NoPage: the extra `live` is not installed.
        CannotServe: the port is in use, or the address is not ours.
    """
    check_extra()
    with ExitStack() as stack:
        first = stack.enter_context(_listening(host, port))
        bound: int = first.getsockname()[1]
        listeners = [first] if lan is None else [first, stack.enter_context(_listening(lan, bound))]
        token = None if lan is None else token_urlsafe(TOKEN_BYTES)
        names = {*LOOPBACK_NAMES, host} | ({lan} if lan is not None else set[str]())
        server = _server(Guard(app, names=names, port=bound, token=token))
        # the rest of uvicorn's own loop: signals, which are not its business here, and a look at the clock
        await server.startup(sockets=listeners)
        try:
            yield Address(bound, token, lan)
        finally:
            await _end(server)


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket]:
    try:
        listener = socket.create_server((host, port))
    except OSError as why:
        if why.errno == EADDRINUSE:
            text = f"port {port} of {host} is in use; want a free one (is another page open? 0 takes any that is free)"
        else:
            text = f"no server can be opened at {host}, port {port} ({why.strerror}); want an address of this machine"
        raise CannotServe(text, port=port) from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_HOLDS)
        yield listener


def _server(app: App) -> "uvicorn.Server":
    import uvicorn  # noqa: PLC0415  an extra

    getLogger("uvicorn").addHandler(HEARS_NOTHING)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        interface="asgi3",
        http="h11",
        h11_max_incomplete_event_size=MOST_SAID,
        ws="websockets-sansio",
        ws_max_size=MOST_SAID,
        # frames are small and go to this machine; and what unpacks to more than it seems has no way in
        ws_per_message_deflate=False,
        # nobody stands between: what says so is a lie
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=STOPS_WITHIN_S,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def _end(server: "uvicorn.Server") -> None:
    """Close all, and cut off who does not take what was sent: a connection closes only when that is gone."""
    try:
        await server.shutdown()
    finally:
        state = server.server_state
        for connection in list(state.connections):
            connection.transport.abort()
        # each ends with its connection
        await asyncio.gather(*state.tasks, return_exceptions=True)
        # and a connection, in the loop's next turn
        await asyncio.sleep(0)
