"""Who may speak to a page of ours: only a browser at our own address, and over a network only with the token.

A page in another tab can make the browser speak to any address of this machine. Three checks keep it out: the host that
the browser believes it speaks to (a foreign name may be made to lead here), the page that speaks (Origin), and, where
others of the network can reach us, a secret.
"""

from collections.abc import Collection
from secrets import compare_digest
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from imu.web.asgi import App, Message, Receive, Scope, Send

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
HTTP_PORT: Final = 80
"""Browsers leave it out."""
READING: Final = frozenset({"GET", "HEAD"})
TOKEN: Final = "token"  # noqa: S105  its name in a URL
WRONG_HOST: Final = "refused: this is not the page's address; want the one that was printed when it began"
WRONG_ORIGIN: Final = "refused: another page asked; want the page itself (a proxy in between?)"
WRONG_TOKEN: Final = "refused: no token, or not this one; want the whole address that was printed when it began"  # noqa: S105


class Guard:
    """Around an application: lets through what is ours, and gives every answer the headers that a browser guards by.

    Whoever comes with the token in the address gets a cookie for it and is sent on to the address without, so that it
    stands neither in the address bar nor in the history of what was looked at later.
    """

    def __init__(self, app: App, *, names: Collection[str], port: int, token: str | None = None) -> None:
        """Args: what is guarded; what this machine is called; where it is served; the secret, None = none is wanted."""
        self._app, self._token = app, token
        self._hosts = frozenset(f"{name}:{port}" for name in names)
        if port == HTTP_PORT:
            self._hosts |= frozenset(names)
        # cookies are kept by host, whatever the port: two pages of one host must not take each other's
        self.cookie: Final = f"retrogait_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        host, why = self._host(scope)
        why = why or self._foreign(scope, host)
        if why:
            await _refuse(scope, send, why)
            return
        if self._token is not None:
            given = [value for name, value in _query(scope) if name == TOKEN]
            if given and scope["type"] == "http" and scope["method"] in READING:
                right = len(given) == 1 and self._is_token(given[0])
                await (self._welcome(scope, send) if right else _refuse(scope, send, WRONG_TOKEN))
                return
            if not any(self._is_token(value) for value in _cookies(scope, self.cookie)):
                await _refuse(scope, send, WRONG_TOKEN)
                return
        await self._app(scope, receive, _with_headers(send, host))

    def _host(self, scope: Scope) -> tuple[str, str]:
        said = [value.lower() for value in _header(scope, b"host")]
        return (said[0], "") if len(said) == 1 and said[0] in self._hosts else ("", WRONG_HOST)

    def _foreign(self, scope: Scope, host: str) -> str:
        origins = _header(scope, b"origin")
        # a browser says it with every WebSocket and whatever changes something; who only reads may come from nowhere
        needed = scope["type"] == "websocket" or scope["method"] not in READING
        if not origins and not needed:
            return ""
        return "" if origins == [f"http://{host}"] else WRONG_ORIGIN

    def _is_token(self, said: str) -> bool:
        return self._token is not None and compare_digest(said.encode(), self._token.encode())

    async def _welcome(self, scope: Scope, send: Send) -> None:
        # one slash: two would lead to another host
        path = "/" + quote(str(scope["path"]).lstrip("/\\"))
        rest = urlencode([(name, value) for name, value in _query(scope) if name != TOKEN])
        cookie = f"{self.cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [("location", f"{path}?{rest}" if rest else path), ("set-cookie", cookie)]
        await _answer(send, 303, "", headers)


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _cookies(scope: Scope, name: str) -> list[str]:
    pairs = (pair.strip().partition("=") for line in _header(scope, b"cookie") for pair in line.split(";"))
    return [value for key, _, value in pairs if key == name]


def guarding_headers(host: str) -> dict[str, str]:
    """What tells a browser to load nothing from elsewhere, to be framed by nobody, and to keep nothing."""
    # older browsers do not count a WebSocket of the same host as 'self'
    connect = f"connect-src 'self' ws://{host}" if host else "connect-src 'self'"
    return {
        "content-security-policy": f"default-src 'self'; {connect}; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'; object-src 'none'",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }


def _with_headers(send: Send, host: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = list(message.get("headers", ()))
            told = {name.lower() for name, _ in headers}
            headers += [pair for pair in _encoded(guarding_headers(host)) if pair[0] not in told]
            message["headers"] = headers
        await send(message)

    return sending


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _answer(send: Send, status: int, text: str, headers: list[tuple[str, str]], kind: str = "http") -> None:
    body = f"{text}\n".encode() if text else b""
    told = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **dict(headers)}
    start = {"type": f"{kind}.response.start", "status": status, "headers": _encoded({**guarding_headers(""), **told})}
    await send(start)
    await send({"type": f"{kind}.response.body", "body": body})


async def _refuse(scope: Scope, send: Send, why: str) -> None:
    if scope["type"] == "http":
        await _answer(send, 403, why, [])
    elif "websocket.http.response" in scope.get("extensions", {}):
        await _answer(send, 403, why, [], "websocket.http")
    else:
        # a server makes a 403 of it
        await send({"type": "websocket.close"})
