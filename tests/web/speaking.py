"""Speaking to a server of ours as a browser does, and as no browser would."""

import asyncio
import http.client
import socket

from websockets.asyncio.client import connect

LOOPBACK = "127.0.0.1"
WITHIN_S = 5.0


class Answer:
    """Of an HTTP request: status, headers by lower-case name, body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode("latin-1")


async def ask(port, path="/", *, method="GET", host=None, headers=None, body=None, at=LOOPBACK):
    """One request. `host` is what the browser would call the server; None = 127.0.0.1 and the port."""

    def asking():
        connection = http.client.HTTPConnection(at, port, timeout=WITHIN_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": host or f"{at}:{port}", **(headers or {})}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    return await asyncio.to_thread(asking)


async def say(port, request, then=b""):
    """Bytes as they are, and more after the head of the answer; all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        async with asyncio.timeout(WITHIN_S):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(then)
            return head + await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def handshake(host, *, origin=None, path="/ws", cookie=None):
    """The request that opens a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ]
    lines += [] if origin is None else [f"Origin: {origin}"]
    lines += [] if cookie is None else [f"Cookie: {cookie}"]
    return "\r\n".join([*lines, "", ""]).encode()


def page(port, *, at=LOOPBACK, **options):
    """A WebSocket as the page opens it."""
    return connect(f"ws://{at}:{port}/ws", origin=f"http://{at}:{port}", proxy=None, **options)


def slow_page(port):
    """One that reads nothing unless asked, and for which hardly anything fits on the way."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect((LOOPBACK, port))
    narrow.setblocking(False)
    return page(port, sock=narrow, max_queue=1, close_timeout=0.2)
