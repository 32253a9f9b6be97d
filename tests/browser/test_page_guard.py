"""Who is let in, as a real browser has it: cookies, origins and all that it does of itself."""

import asyncio
from contextlib import asynccontextmanager

from imu.live.page.serve import serving
from tests.browser.driving import browsing, says, until
from tests.browser.shown import shown_desk

LAN = "127.0.0.2"
"""Another address of the loopback plays the network's."""
ASK = """(url) => new Promise((told) => {
    const socket = new WebSocket(url);
    socket.onmessage = () => told("let in");
    socket.onerror = () => told("refused");
    socket.onopen = () => socket.send('{"do": "stop"}');
})"""
POST = """(url) => fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body: '{"do": "stop"}' })
    .then((answer) => answer.type, () => "refused")"""
READ = """(url) => fetch(url, { credentials: "include" }).then((answer) => answer.text(), () => "refused")"""


@asynccontextmanager
async def foreign_page(host):
    """Somebody else's page, on another port of the same machine, which guards nothing; its address."""

    async def answer(reader, writer):
        # a browser opens connections that it may want, and closes those that it did not
        while (line := await reader.readline()).strip():
            pass
        if not line:
            writer.close()
            return
        said = b"<!doctype html><title>foreign</title>"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, host, 0) as server:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}/"


def test_who_has_the_token_is_let_in_and_another_page_of_theirs_is_not(run, tmp_path, chromium):
    async def main():
        desk = await shown_desk(tmp_path)
        async with (
            serving(desk, port=0, lan=LAN) as (address, _),
            foreign_page(LAN) as foreign,
            browsing(chromium) as browser,
        ):
            ours = f"http://{LAN}:{address.port}/"
            socket = f"ws://{LAN}:{address.port}/ws"
            page = await browser.open(address.lan_url)
            await says(page, "h1", "^Set-up$")
            # the token stays neither in the address nor in what the page can read
            assert page.url == ours
            assert await page.evaluate("() => document.cookie") == ""
            await page.reload()
            await says(page, "h1", "^Set-up$")
            await page.get_by_role("button", name="Look again").click()
            await until(lambda: desk.done == [{"do": "scan"}], "what the page asks for is done")
            # the cookie goes along with all ports of that address: whose page it is decides
            await page.goto(foreign)
            assert [await page.evaluate(ASK, socket), await page.evaluate(READ, ours)] == ["refused", "refused"]
            await page.evaluate(POST, ours)
            assert desk.done == [{"do": "scan"}]
            # somebody else, who knows the address alone
            stranger = await browser.open(foreign)
            answer = await stranger.goto(ours)
            assert answer.status == 403
            assert await stranger.evaluate(ASK, socket) == "refused"
            assert desk.done == [{"do": "scan"}]
            # the same from the page itself is heard
            await page.goto(ours)
            assert await page.evaluate(ASK, socket) == "let in"
            await until(lambda: {"do": "stop"} in desk.done, "it is heard")

    run(main())
