"""Any number of pages, each at its own pace."""

import asyncio
import json
import tracemalloc
from contextlib import asynccontextmanager
from itertools import count

import pytest
from websockets.exceptions import ConnectionClosed

from imu.web.assets import read_assets
from imu.web.hub import Client, Close, Hub, HubParams
from imu.web.server import serve
from tests.web.speaking import LOOPBACK, ask, handshake, page, say, slow_page

WITHIN_S = 5.0


class Source:
    """What a hub is the hub of; each document that is made has a number."""

    def __init__(self, params=None):
        self.made = count()
        self.hub = Hub(lambda: json.dumps({"type": "document", "made": next(self.made)}), params)
        self.heard = []
        self.close_after = None

    async def __call__(self, scope, receive, send):
        await self.hub.attend(receive, send, self.hear)

    async def hear(self, client, said):
        self.heard.append(said)
        client.tell(json.dumps({"type": "echo", "said": said if isinstance(said, str) else said.hex()}))
        return Close(1008, "enough") if len(self.heard) == self.close_after else None


@asynccontextmanager
async def served(params=None):
    source = Source(params)
    async with serve(source, port=0) as address:
        yield source, address.port


async def told(socket):
    async with asyncio.timeout(WITHIN_S):
        frame = await socket.recv()
    return frame if isinstance(frame, bytes) else json.loads(frame)


async def until(true):
    async with asyncio.timeout(WITHIN_S):
        while not true():
            await asyncio.sleep(0.005)


async def the_end(socket):
    """Code and reason with which the server closes it."""
    try:
        while True:
            await told(socket)
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


def waiting(client, n):
    """What waits for a client, at most n frames of it."""

    async def take():
        frames = []
        for _ in range(n):
            try:
                async with asyncio.timeout(0.01):
                    frames.append(await client.next())
            except TimeoutError:
                break
        return frames

    return take()


def test_the_document_comes_first_and_what_it_says_is_not_told_twice(run):
    async def main():
        client = Client(lambda: "document", HubParams())
        client.update("known by then")
        client.tell("event")
        client.show(b"signal")
        assert await waiting(client, 9) == ["document", "event", b"signal"]
        client.update("update")
        assert await waiting(client, 9) == ["update"]
        assert client.counts() == (4, 0, 0, 0, 1, 0)

    run(main())


def test_the_slow_lose_the_oldest_signals_first_and_nothing_else(run):
    async def main():
        client = Client(lambda: "document", HubParams(signals=3, texts=4))
        assert await waiting(client, 1) == ["document"]
        for n in range(5):
            client.show(bytes([n]))
        for n in range(3):
            client.update(f"update {n}")
        assert await waiting(client, 9) == ["update 0", "update 1", "update 2", b"\x02", b"\x03", b"\x04"]
        assert client.counts()[1:5] == (2, 0, 0, 1)

    run(main())


def test_then_they_lose_updates_and_are_told_the_document_anew(run):
    async def main():
        client = Client(lambda: "document", HubParams(texts=4))
        assert await waiting(client, 1) == ["document"]
        client.update("update 0")
        client.tell("event 0")
        for n in range(1, 5):
            client.update(f"update {n}")
        client.tell("event 1")
        assert await waiting(client, 9) == ["document", "event 0", "event 1"]
        # updates 0 to 2 waited, 3 found no room, 4 is in the document
        assert client.counts()[1:5] == (0, 4, 0, 2)

    run(main())


def test_an_event_takes_the_room_of_updates_and_at_last_of_the_oldest_event(run):
    async def main():
        client = Client(lambda: "document", HubParams(texts=3))
        assert await waiting(client, 1) == ["document"]
        for n in range(3):
            client.update(f"update {n}")
        for n in range(5):
            client.tell(f"event {n}")
        assert await waiting(client, 9) == ["document", "event 2", "event 3", "event 4"]
        assert client.counts()[1:5] == (0, 3, 2, 2)

    run(main())


def test_an_old_event_is_told_no_more(run):
    async def main():
        client = Client(lambda: "document", HubParams(old_s=0.05))
        assert await waiting(client, 1) == ["document"]
        client.tell("old 0")
        client.update("update")
        client.tell("old 1")
        await asyncio.sleep(0.1)
        client.tell("new")
        assert await waiting(client, 9) == ["document", "new"]
        assert client.counts()[1:5] == (0, 1, 2, 2)

    run(main())


def test_all_pages_are_told_and_each_is_heard(run):
    async def main():
        async with served() as (source, port), page(port) as one, page(port) as two:
            assert [await told(one), await told(two)] == [{"type": "document", "made": n} for n in (0, 1)]
            assert len(source.hub) == 2
            source.hub.tell('{"type": "event"}')
            source.hub.show(b"signal")
            for socket in (one, two):
                assert await told(socket) == {"type": "event"}
                assert await told(socket) == b"signal"
            await one.send("from one")
            await one.send(b"\x01")
            assert [await told(one), await told(one)] == [{"type": "echo", "said": said} for said in ("from one", "01")]
            await two.close()
            await until(lambda: len(source.hub) == 1)
            source.hub.tell('{"type": "event"}')
            assert await told(one) == {"type": "event"}
        # who has left counts on
        assert source.hub.counts().sent == 9
        assert source.hub.counts().documents == 2

    run(main())


def test_a_stalled_page_holds_up_nobody_and_grows_nothing_and_catches_up(run):
    signal_bytes, rounds, a_round = 8192, 120, 30

    async def main():
        async with served(HubParams(old_s=60.0)) as (source, port), page(port) as fast, slow_page(port) as slow:
            assert (await told(fast))["type"] == "document"
            await until(lambda: len(source.hub) == 2)
            tracemalloc.start()
            try:
                before = None
                for n in range(rounds):
                    for _ in range(a_round):
                        source.hub.show(bytes(signal_bytes))
                    source.hub.update(json.dumps({"type": "update", "n": n}))
                    source.hub.tell(json.dumps({"type": "event", "n": n}))
                    # the fast one has all of it before there is more
                    frames = [await told(fast) for _ in range(a_round + 2)]
                    assert [frame for frame in frames if isinstance(frame, dict)] == [
                        {"type": "update", "n": n},
                        {"type": "event", "n": n},
                    ]
                    if n == rounds // 2:
                        before = tracemalloc.get_traced_memory()[0]
                grown = tracemalloc.get_traced_memory()[0] - before
            finally:
                tracemalloc.stop()
            assert grown < rounds // 2 * a_round * signal_bytes / 10
            counts = source.hub.counts()
            assert counts.lost_signals > rounds * a_round / 2
            assert counts.lost_updates > 0
            # now it reads: first what was under way, then all there is, then what happened of late
            texts = []
            while not texts or texts[-1] != {"type": "event", "n": rounds - 1}:
                frame = await told(slow)
                texts += [frame] if isinstance(frame, dict) else []
            last = max(at for at, text in enumerate(texts) if text["type"] == "document")
            assert last > 0
            assert {text["type"] for text in texts[last + 1 :]} == {"event"}
            events = [text["n"] for text in texts if text["type"] == "event"]
            assert events == sorted(set(events))
            assert events[-10:] == list(range(rounds - 10, rounds))
            # and is one like the others again
            source.hub.update('{"type": "update", "n": -1}')
            while isinstance(frame := await told(slow), bytes):
                pass
            assert frame == {"type": "update", "n": -1}

    run(main())


def test_who_takes_nothing_for_long_is_let_go(run):
    async def main():
        async with served(HubParams(gone_s=0.2)) as (source, port), page(port) as fast:
            await told(fast)
            async with slow_page(port):
                await until(lambda: len(source.hub) == 2)
                while len(source.hub) == 2:
                    source.hub.show(bytes(1 << 16))
                    assert isinstance(await told(fast), bytes)
                assert source.hub.counts().gone == 1
                source.hub.tell('{"type": "event"}')
                assert await told(fast) == {"type": "event"}

    run(main())


def test_one_page_too_many_is_told_so(run):
    async def main():
        async with served(HubParams(clients=1)) as (source, port):
            async with page(port) as one:
                await told(one)
                async with page(port) as two:
                    assert await the_end(two) == (1013, "too many pages are open")
                assert len(source.hub) == 1
            await until(lambda: not len(source.hub))
            async with page(port) as one:
                assert (await told(one))["type"] == "document"

    run(main())


def test_what_hears_a_page_can_end_it(run):
    async def main():
        async with served() as (source, port), page(port) as one:
            source.close_after = 2
            await one.send("1")
            await one.send("2")
            await one.send("3")
            assert await the_end(one) == (1008, "enough")
            await until(lambda: not len(source.hub))
            assert source.heard == ["1", "2"]

    run(main())


def test_a_frame_that_is_too_large_ends_its_page_alone(run):
    async def main():
        async with served() as (source, port), page(port) as good:
            await told(good)
            for frame in (b"x" * (16 * 1024 + 1), "x" * (16 * 1024 + 1)):
                source.heard.clear()
                async with page(port) as bad:
                    # as many as fit
                    await bad.send(frame[:-1])
                    await until(lambda: source.heard)
                    await bad.send(frame)
                    assert (await the_end(bad))[0] == 1009
                assert source.heard == [frame[:-1]]
            source.hub.tell('{"type": "event"}')
            assert await told(good) == {"type": "event"}

    run(main())


MASK = bytes(4)
BROKEN = {
    "no UTF-8": (bytes([0x81, 0x82]) + MASK + b"\xff\xfe", 1007),
    "not masked": (bytes([0x81, 0x01]) + b"x", 1002),
    "an opcode that does not exist": (bytes([0x83, 0x80]) + MASK, 1002),
    "packed though nobody asked": (bytes([0xC1, 0x81]) + MASK + b"x", 1002),
    "2^62 bytes announced": (bytes([0x82, 0xFF]) + (1 << 62).to_bytes(8, "big") + MASK, 1009),
    "parts that are too large together": (
        (bytes([0x02, 0xFE]) + (9000).to_bytes(2, "big") + MASK + bytes(9000))
        + (bytes([0x80, 0xFE]) + (9000).to_bytes(2, "big") + MASK + bytes(9000)),
        1009,
    ),
}


def test_frames_that_are_none_end_their_page_alone(run):
    async def main():
        async with served() as (source, port), page(port) as good:
            await told(good)
            host = f"{LOOPBACK}:{port}"
            for name, (frames, code) in BROKEN.items():
                answer = await say(port, handshake(host, origin=f"http://{host}"), frames)
                close = answer[answer.rindex(b"\x88") :]
                assert int.from_bytes(close[2:4], "big") == code, name
            await until(lambda: len(source.hub) == 1)
            assert not source.heard
            source.hub.tell('{"type": "event"}')
            assert await told(good) == {"type": "event"}

    run(main())


def test_pages_see_that_the_server_ends(run):
    async def main():
        async with served() as (source, port):
            one, two = await page(port), await page(port)
            await told(one)
            await told(two)
        for socket in (one, two):
            assert (await the_end(socket))[0] == 1012
        assert not len(source.hub)
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await ask(port)

    run(main())


def test_files_are_found_by_name_alone(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "page"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.js", "a.css", "a.html", "LICENSE", "deep/b.svg", ".hidden.js", "a.py"):
        (folder / name).write_text(name)
    assets = read_assets(folder)
    assert {name: asset.content_type.partition(";")[0] for name, asset in assets.items()} == {
        "LICENSE": "text/plain",
        "a.css": "text/css",
        "a.html": "text/html",
        "a.js": "text/javascript",
        "deep/b.svg": "image/svg+xml",
    }
    assert len({asset.etag for asset in assets.values()}) == len(assets)
    asset = assets["a.js"]
    assert asset.body == b"a.js"
    assert asset.is_known(f'"other", W/{asset.etag}')
    assert not asset.is_known(None)
    assert not asset.is_known('"other"')
