"""What the page's server gives out and to whom: its own files, to this machine, and nothing to another page."""

import json
import re
import sys

from tests.live.page.at_the_page import EVERY_COMMAND, at_the_desk, told
from tests.web.speaking import LOOPBACK, ask, handshake, page, say


def test_documents_and_files_are_served_with_what_guards_them(run):
    async def main():
        async with at_the_desk() as (_, port, _page):
            documents = [await ask(port, path) for path in ("/", "/mirror")]
            assert documents[0].body != documents[1].body
            linked = set()
            for answer in documents:
                assert answer.status == 200
                assert answer.headers["content-type"] == "text/html; charset=utf-8"
                assert answer.headers["cache-control"] == "no-store"
                assert "default-src 'self'" in answer.headers["content-security-policy"]
                # what the policy forbids would not run
                assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", answer.text)
                linked |= set(re.findall(r'(?:src|href)="([^"#]+)"', answer.text))
            assert linked
            for path in [*linked, "/vendor/uplot/uPlot.iife.min.js", "/vendor/uplot/LICENSE"]:
                assert path.startswith("/")
                answer = await ask(port, path)
                assert answer.status == 200, path
                assert answer.headers["x-content-type-options"] == "nosniff"
                if path.endswith(".js"):
                    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
                again = await ask(port, path, headers={"If-None-Match": answer.headers["etag"]})
                assert (again.status, again.body) == (304, b"")

    run(main())


def test_nothing_else_is_served(run):
    async def main():
        async with at_the_desk() as (_, port, _page):
            for path in (
                "/page/",
                "/page/../web.py",
                "/page/..%2fweb.py",
                "/page/%2e%2e/web.py",
                "/page//etc/passwd",
                "/page/..\\web.py",
                "/vendor/../server.py",
                "/index.html",
                "/page/nothing.js",
                "/openapi.json",
            ):
                answer = await ask(port, path)
                assert answer.status == 404, path
                assert answer.headers["content-type"].startswith("text/plain")
                assert "content-security-policy" in answer.headers
            ours = {"Origin": f"http://{LOOPBACK}:{port}", "Content-Length": "0"}
            assert (await ask(port, "/", method="POST", headers=ours)).status == 405
            assert (await ask(port, "/", method="HEAD")).body == b""

    run(main())


def test_another_page_has_no_way_to_the_desk(run):
    async def main():
        async with at_the_desk() as (desk, port, _):
            mask = bytes(4)
            said = b'{"do": "stop"}'
            frame = bytes([0x81, 0x80 | len(said)]) + mask + said
            for host, origin in (
                (f"evil.example:{port}", f"http://evil.example:{port}"),
                (f"{LOOPBACK}:{port}", "http://evil.example"),
                (f"{LOOPBACK}:{port}", None),
            ):
                answer = await say(port, handshake(host, origin=origin), frame)
                assert answer.startswith(b"HTTP/1.1 403 ")
            assert desk.done == []
            # the same from the page itself is heard
            async with page(port) as socket:
                await socket.send(said.decode())
                while not desk.done:
                    assert await told(socket)
            assert desk.done == [{"do": "stop"}]

    run(main())


CALLS = []
"""Of this process, to other machines or for their addresses, while LISTENING is not empty."""
LISTENING = []


def _hear(event, args):
    if LISTENING and event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        CALLS.append((event, args))


def test_no_request_leaves_this_machine(run):
    sys.addaudithook(_hear)

    async def main():
        LISTENING.append(True)
        try:
            async with at_the_desk() as (desk, port, _):
                for path in ("/", "/mirror", "/page/icon.svg", "/vendor/uplot/uPlot.min.css"):
                    assert (await ask(port, path)).status == 200
                async with page(port) as socket:
                    await told(socket, "document")
                    for command in EVERY_COMMAND:
                        if command["do"] not in ("start", "mark"):
                            await socket.send(json.dumps(command))
                    desk.tell(event="warning", text="stumble")
                    await told(socket, "event")
        finally:
            LISTENING.clear()

    run(main())
    # what the test itself asked for
    assert CALLS
    places = {args[1][0] if event in ("socket.connect", "socket.sendto") else args[0] for event, args in CALLS}
    assert places == {LOOPBACK}
