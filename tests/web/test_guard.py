"""Who may speak to a page: the browser at our own address, and over a network only with the token."""

import asyncio
import logging
import re
import signal
import socket
import time
from contextlib import suppress

import pytest
from websockets.exceptions import InvalidStatus

from imu.web import server
from imu.web.guard import TOKEN
from imu.web.server import CannotServe, NoPage, check_extra, serve
from tests.web.speaking import ask, handshake, page, say

LAN = "127.0.0.2"
"""Another address of the loopback plays the network's: no test listens on a real one."""
SECRET = b"what only the page may read"


async def secret(scope, receive, send):
    """An application with nothing of its own to protect it."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": SECRET})
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": SECRET})


FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost.evil.example:{port}",
    "127.0.0.1:{port}.evil.example",
    "evil.example#127.0.0.1:{port}",
    "0.0.0.0:{port}",
    "127.0.0.2:{port}",
    "",
]


def test_a_name_that_was_made_to_lead_here_is_refused(run):
    async def main():
        async with serve(secret, port=0) as address:
            for host in FOREIGN_HOSTS:
                said = host.format(port=address.port)
                reading = f"GET / HTTP/1.1\r\nHost: {said}\r\nConnection: close\r\n\r\n".encode()
                for request in (reading, handshake(said, origin=f"http://{said}")):
                    answer = await say(address.port, request)
                    assert answer.startswith(b"HTTP/1.1 403 "), said
                    assert SECRET not in answer
            ours = f"Host: 127.0.0.1:{address.port}\r\n"
            for request in (
                "GET / HTTP/1.0\r\n\r\n",
                f"GET / HTTP/1.1\r\n{ours}Host: evil.example\r\nConnection: close\r\n\r\n",
                f"GET / HTTP/1.1\r\n{ours}{ours}Connection: close\r\n\r\n",
            ):
                answer = await say(address.port, request.encode())
                assert re.match(rb"HTTP/1.1 40[03] ", answer), request
                assert SECRET not in answer

    run(main())


def test_every_name_of_this_machine_is_let_in_and_guarded(run):
    async def main():
        async with serve(secret, port=0) as address:
            for name in ("127.0.0.1", "localhost", "LocalHost", "[::1]"):
                host = f"{name}:{address.port}"
                answer = await ask(address.port, host=host)
                assert answer.status == 200, name
                assert answer.body == SECRET
                said = answer.headers["content-security-policy"]
                policy = dict(part.strip().split(" ", 1) for part in said.split(";"))
                assert policy["default-src"] == "'self'"
                assert policy["frame-ancestors"] == "'none'"
                assert policy["connect-src"] == f"'self' ws://{host.lower()}"
                assert answer.headers["cache-control"] == "no-store"
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["referrer-policy"] == "no-referrer"
                assert "server" not in answer.headers

    run(main())


FOREIGN_ORIGINS = [
    None,
    "null",
    "http://evil.example",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "https://127.0.0.1:{port}",
    "http://localhost:{port}",
]


def test_a_websocket_of_another_page_is_refused_and_the_pages_own_is_not(run):
    async def main():
        async with serve(secret, port=0) as address:
            for origin in FOREIGN_ORIGINS:
                said = None if origin is None else origin.format(port=address.port)
                answer = await say(address.port, handshake(f"127.0.0.1:{address.port}", origin=said))
                assert answer.startswith(b"HTTP/1.1 403 "), origin
                assert answer.endswith(b"want the page itself (a proxy in between?)\n")
                assert SECRET not in answer
            async with page(address.port) as ours:
                assert await ours.recv() == SECRET

    run(main())


def test_what_changes_something_says_whose_page_it_is(run):
    async def main():
        async with serve(secret, port=0) as address:
            ours = f"http://127.0.0.1:{address.port}"
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
                for origin, status in ((None, 403), ("http://evil.example", 403), (ours, 200)):
                    headers = {"Content-Length": "0"} | ({} if origin is None else {"Origin": origin})
                    answer = await ask(address.port, method=method, headers=headers)
                    assert answer.status == status, (method, origin)
            # whoever only reads may come from nowhere, but not from another page
            for origin in ("http://evil.example", f"http://localhost:{address.port}"):
                answer = await ask(address.port, headers={"Origin": origin})
                assert answer.status == 403
                assert answer.text.count("\n") == 1

    run(main())


def test_the_token_is_changed_for_a_cookie_and_leaves_the_address(run):
    async def main():
        async with serve(secret, port=0, lan=LAN) as address:
            assert address.url == f"http://127.0.0.1:{address.port}/?token={address.token}"
            assert address.lan_url == f"http://{LAN}:{address.port}/?token={address.token}"
            for at in ("127.0.0.1", LAN):
                answer = await ask(address.port, f"/mirror?a=1&{TOKEN}={address.token}&b=%26", at=at)
                assert answer.status == 303
                assert answer.headers["location"] == "/mirror?a=1&b=%26"
                assert not answer.body
                cookie, *flags = answer.headers["set-cookie"].split("; ")
                assert set(flags) == {"Path=/", "HttpOnly", "SameSite=Strict"}
                assert cookie.partition("=")[2] == address.token
                said = {"Cookie": f"other=1; {cookie}"}
                assert (await ask(address.port, "/", headers=said, at=at)).body == SECRET
                async with page(address.port, at=at, additional_headers=said) as ours:
                    assert await ours.recv() == SECRET

    run(main())


def test_without_the_token_nothing_is_to_be_had(run):
    async def main():
        async with serve(secret, port=0, lan=LAN) as address:
            assert len(address.token) >= 40
            name = f"retrogait_{address.port}"
            wrong = [
                ("/", {}),
                (f"/?{TOKEN}=", {}),
                (f"/?{TOKEN}={address.token[:-1]}", {}),
                (f"/?{TOKEN}={address.token}&{TOKEN}={address.token}x", {}),
                (f"/?{TOKEN}=%C3%A9", {}),
                ("/", {"Cookie": f"{name}="}),
                ("/", {"Cookie": f"{name}={address.token}x"}),
                ("/", {"Cookie": f"x{name}={address.token}"}),
                ("/", {"Cookie": f"{name}=\xe9"}),
            ]
            for path, headers in wrong:
                answer = await ask(address.port, path, headers=headers)
                assert answer.status == 403, path
                assert "set-cookie" not in answer.headers
                assert address.token not in answer.text
                with pytest.raises(InvalidStatus) as refused:
                    async with page(address.port, additional_headers=headers):
                        pass
                assert refused.value.response.status_code == 403
            # changing something takes the cookie: a form of another page could bring the token in its address
            ours = {"Origin": f"http://127.0.0.1:{address.port}", "Content-Length": "0"}
            answer = await ask(address.port, f"/?{TOKEN}={address.token}", method="POST", headers=ours)
            assert answer.status == 403

    run(main())


def test_the_token_leads_nowhere_else(run):
    async def main():
        async with serve(secret, port=0, lan=LAN) as address:
            ours = f"Host: 127.0.0.1:{address.port}\r\nConnection: close\r\n\r\n"
            for path in ("//evil.example/", "/\\evil.example/", "///evil.example", "/%2F/evil.example/", "/%5Cevil"):
                answer = await say(address.port, f"GET {path}?token={address.token} HTTP/1.1\r\n{ours}".encode())
                assert answer.startswith(b"HTTP/1.1 303 "), path
                assert re.match(r"/[^/\\]", re.search(rb"location: (\S+)", answer)[1].decode()), path

    run(main())


def test_each_start_has_a_token_of_its_own(run):
    async def main():
        tokens = set()
        for _ in range(2):
            async with serve(secret, port=0, lan=LAN) as address:
                tokens.add(address.token)
        assert len(tokens) == 2

    run(main())


def test_a_port_in_use_is_one_line(run):
    async def main():
        async with serve(secret, port=0) as address:
            with pytest.raises(
                CannotServe, match=rf"^port {address.port} of 127\.0\.0\.1 is in use; want a free one \(.*\)$"
            ):
                async with serve(secret, port=address.port):
                    pass
            assert (await ask(address.port)).status == 200
        with pytest.raises(CannotServe, match="want an address of this machine"):
            async with serve(secret, host="192.0.2.1", port=0):
                pass
        # and is free again afterwards
        async with serve(secret, port=address.port):
            pass

    run(main())


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(server, "EXTRA", ("starlette", "no_such_server"))
    with pytest.raises(NoPage, match=r"no no_such_server, .*pip install 'retrogait\[live\]'"):
        check_extra()


def test_it_stops_in_time_whoever_is_connected(run):
    """A browser that takes nothing, one that has only begun to speak, one that keeps its connection, an open page."""

    async def flood(scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while True:
                await send({"type": "websocket.send", "bytes": bytes(1 << 16)})
        await secret(scope, receive, send)

    async def main():
        with socket.socket() as stalled, socket.socket() as silent, socket.socket() as kept:
            async with serve(flood, port=0) as address:
                host = f"127.0.0.1:{address.port}"
                for one, said in (
                    (stalled, handshake(host, origin=f"http://{host}")),
                    (silent, b"GET / HT"),
                    (kept, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()),
                ):
                    one.connect(("127.0.0.1", address.port))
                    one.sendall(said)
                await asyncio.sleep(0.2)
                start_s = time.monotonic()
            assert time.monotonic() - start_s < 2.0
            silent.settimeout(1.0)
            assert silent.recv(1) == b""
            # nothing of it waits for the one that took nothing
            stalled.settimeout(1.0)
            with suppress(ConnectionResetError):
                while stalled.recv(1 << 16):
                    pass

    run(main())


def test_signals_stay_with_whoever_has_them(run):
    async def main():
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        async with serve(secret, port=0):
            assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before

    run(main())


def test_nothing_is_printed_even_if_the_application_slips(run, capfd, monkeypatch):
    # pytest listens to all loggers; a user's program does not
    monkeypatch.setattr(logging.root, "handlers", [])

    async def slip(scope, receive, send):
        raise KeyError("a mistake")

    async def main():
        async with serve(slip, port=0) as address:
            assert (await ask(address.port)).status == 500

    run(main())
    assert capfd.readouterr() == ("", "")
