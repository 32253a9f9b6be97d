"""The socket and the desk, over a real server: what pages are told and when, and what becomes of what they ask for."""

import asyncio
import time

import pytest
from websockets.exceptions import ConnectionClosed

from imu.live.page.serve import MOST_DOING
from imu.web.hub import HubParams
from tests.live.page.at_the_page import at_the_desk, listened, send, told
from tests.web.speaking import page, slow_page


def test_the_document_comes_first_and_then_only_what_changes(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            assert await told(socket, but=()) == {"type": "document", **desk.state}
            desk.state["clock"]["elapsed_s"] = 1.5
            assert await told(socket) == {"type": "update", "clock": {"elapsed_s": 1.5}}
            desk.state["contacts"].append({"foot": "left", "t_ns": 1 << 60})
            desk.state["heart_bpm"] = 71.0
            changed = {key: desk.state[key] for key in ("contacts", "heart_bpm")}
            assert await told(socket) == {"type": "update", **changed}
            desk.state["heart_bpm"] = None
            assert await told(socket) == {"type": "update", "heart_bpm": None}
            # nothing changes: nothing is told, but that somebody is there
            assert {frame["type"] for frame in await listened(socket, 1.2)} == {"ping"}

    run(main())


def test_updates_come_ten_times_a_second_at_most(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            await told(socket, "document")

            async def keep_changing():
                while True:
                    desk.state["clock"]["elapsed_s"] += 0.001
                    await asyncio.sleep(0.001)

            changing = asyncio.create_task(keep_changing())
            frames = await listened(socket, 0.6)
            changing.cancel()
            updates = [frame for frame in frames if frame["type"] == "update"]
            assert 2 <= len(updates) <= 7
            assert all(set(update) == {"type", "clock"} for update in updates)

    run(main())


def test_a_second_page_and_a_reload_are_told_all_there_is_and_disturb_nobody(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as one:
            await told(one, "document")
            desk.state["stage"] = "recording"
            async with page(port) as two:
                assert await told(two) == {"type": "document", **desk.state}
                # what changed before the second came is told the first all the same
                assert await told(one) == {"type": "update", "stage": "recording"}
            async with page(port) as two:
                assert await told(two) == {"type": "document", **desk.state}
                desk.state["stage"] = "ended"
                for socket in (one, two):
                    assert (await told(socket, "update"))["stage"] == "ended"

    run(main())


def test_no_event_is_lost_to_a_page_that_reads(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as one, page(port) as two:
            for socket in (one, two):
                await told(socket, "document")
            for n in range(300):
                desk.tell(event="contact", foot="left", t_ns=n)
                desk.state["clock"]["elapsed_s"] = n
                if n % 20 == 0:
                    await asyncio.sleep(0.002)
            for socket in (one, two):
                for n in range(300):
                    assert await told(socket, "event") == {
                        "type": "event",
                        "event": "contact",
                        "foot": "left",
                        "t_ns": n,
                    }

    run(main())


def test_an_event_is_told_at_once(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            await told(socket, "document")
            ways_s = []
            for _ in range(20):
                start_s = time.monotonic()
                desk.tell(event="cue", metric="drop", say="", tone="low", foot="left")
                await told(socket, "event")
                ways_s.append(time.monotonic() - start_s)
            # updates and signals go every 100 and 50 ms: it waits for neither
            assert sorted(ways_s)[10] < 0.02

    run(main())


def test_a_page_that_reads_nothing_holds_up_neither_another_nor_the_desk(run):
    async def main():
        params = HubParams(texts=16, signals=8)
        async with (
            at_the_desk(params=params) as (desk, port, page_),
            page(port) as fast,
            slow_page(port),
        ):
            await told(fast, "document")
            text = "x" * 2000
            for n in range(400):
                desk.tell(event="warning", text=text, n=n)
                assert (await told(fast, "event"))["n"] == n
            assert page_.counts.lost_events > 100
            await send(fast, do="scan")
            assert (await told(fast, "update"))["stage"] == "after scan"

    run(main())


def test_pages_see_that_the_program_ends(run):
    async def main():
        async with at_the_desk() as (_, port, _page):
            socket = await page(port)
            await told(socket, "document")
        with pytest.raises(ConnectionClosed) as closed:
            await told(socket, bytes)
        assert closed.value.rcvd.code == 1012

    run(main())


def test_the_one_who_asked_is_told_why_not(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as one, page(port) as other:
            for socket in (one, other):
                await told(socket, "document")
            await send(one, do="next")
            why = "there is no phase to go to; want a protocol"
            assert await told(one) == {"type": "refused", "do": "next", "why": why}
            await one.send("nonsense")
            assert (await told(one))["why"].startswith("got nonsense; want")
            await send(one, do="mark now", text=1)
            assert (await told(one))["do"] == "mark now"
            assert desk.done == [{"do": "next"}]
            # and it works on
            await send(one, do="scan")
            for socket in (one, other):
                assert await told(socket) == {"type": "update", "stage": "after scan"}

    run(main())


def test_whoever_goes_on_with_nonsense_is_shown_the_door_alone(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as bad, page(port) as good:
            await told(good, "document")
            for _ in range(10):
                await bad.send("nonsense")
            with pytest.raises(ConnectionClosed) as closed:
                await told(bad, "nothing")
            assert closed.value.rcvd.code == 1008
            await send(good, do="scan")
            assert (await told(good, "update"))["stage"] == "after scan"
            # refused commands are no nonsense
            for _ in range(30):
                await send(good, do="next")
                await told(good, "refused")
            assert len(desk.done) == 31

    run(main())


def test_a_reload_takes_back_nothing_that_was_begun(run):
    async def main():
        async with at_the_desk() as (desk, port, _):
            async with page(port) as socket:
                await told(socket, "document")
                await send(socket, do="start")
                await desk.begun.wait()
                # nor does it keep its page from asking for more
                await send(socket, do="scan")
                assert await told(socket, "update") == {"type": "update", "stage": "after scan"}
            async with page(port) as socket:
                assert (await told(socket, "document"))["stage"] == "after scan"
                desk.may_end.set()
                assert (await told(socket, "update"))["stage"] == "recording"

    run(main())


def test_not_all_at_once(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as one, page(port) as other:
            for _ in range(20):
                await send(one, do="start")
            await send(other, do="scan")
            while {"do": "scan"} not in desk.done:
                await told(other)
            assert desk.done.count({"do": "start"}) == MOST_DOING
            desk.may_end.set()
            while desk.done.count({"do": "start"}) < 20:
                await told(one, but=())

    run(main())


def test_what_was_begun_comes_to_its_end_before_the_page_does(run):
    async def main():
        async with at_the_desk() as (desk, port, _):
            socket = await page(port)
            await send(socket, do="start")
            await desk.begun.wait()
            asyncio.get_running_loop().call_later(0.3, desk.may_end.set)
        assert desk.state["stage"] == "recording"
        await socket.close()

    run(main())


def test_pages_learn_that_what_they_were_told_is_old(run):
    async def sitting():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            await told(socket, "document")
            desk.state["heart_bpm"] = float("nan")
            while "stale" not in (said := await told(socket, "ping", but=())):
                pass
            assert said == {"type": "ping", "stale": True}
            desk.state["heart_bpm"] = 61
            while "stale" in await told(socket, "ping", but=()):
                pass

    async def main():
        with pytest.raises(ValueError, match="not JSON compliant"):
            await sitting()

    run(main())


def test_a_mistake_of_the_program_is_told_and_costs_nothing_until_the_end(run):
    async def sitting():
        async with at_the_desk() as (_, port, page_), page(port) as socket:
            await told(socket, "document")
            await send(socket, do="mark")
            assert "a mistake of this program (ZeroDivisionError: a slip)" in (await told(socket))["why"]
            assert isinstance(page_.slip, ZeroDivisionError)
            await send(socket, do="scan")
            assert (await told(socket))["stage"] == "after scan"

    async def main():
        with pytest.raises(ZeroDivisionError, match="a slip"):
            await sitting()

    run(main())


@pytest.mark.parametrize("broken", ["a part", "all of it"])
def test_a_mistake_in_the_document_silences_no_page_and_is_told_at_the_end(run, broken):
    async def sitting():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            await told(socket, "document")
            if broken == "a part":
                desk.state["heart_bpm"] = float("nan")
                desk.state["stage"] = "recording"
            else:
                desk.document = None
            heard = await listened(socket, 1.3)
            assert any(one["type"] == "ping" for one in heard)
            assert any(one.get("stage") == "recording" for one in heard) == (broken == "a part")
            async with page(port) as another:
                assert (await told(another, "document"))["contacts"] == []

    async def main():
        with pytest.raises(ValueError if broken == "a part" else TypeError):
            await sitting()

    run(main())
