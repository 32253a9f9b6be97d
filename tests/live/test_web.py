"""The page's wire, from a desk that does what it is told, over a real server to sockets that read as a page does."""

import asyncio
import json
import re
import struct
import sys
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from imu.core.errors import RetrogaitError
from imu.core.samples import Samples
from imu.live.audience import Audience
from imu.live.notices import NoticeBoard
from imu.live.player import Heard
from imu.live.signals import MOST_POINTS, Signals
from imu.live.web import MOST_DOING, serving
from imu.live.wire import COMMANDS, LONGEST_TEXT, BadCommand, Parts, document_text, parse_command
from imu.web.hub import HubParams
from tests.web.speaking import LOOPBACK, ask, handshake, page, say, slow_page

WITHIN_S = 5.0


class Refused(RetrogaitError):
    """As a desk refuses."""


class DeskAlone:
    """A sitting without sensors: its state is what a test sets."""

    def __init__(self):
        self.audience = Audience()
        self.state = {"stage": "setup", "clock": {"elapsed_s": 0.0}, "contacts": [], "heart_bpm": None}
        self.done = []
        self.may_end = asyncio.Event()
        self.begun = asyncio.Event()
        self.mountings = {}
        self._notices = NoticeBoard()
        self.subscribe_events, self.unsubscribe_events = self._notices.subscribe, self._notices.unsubscribe

    def mounting(self, sensor):
        return self.mountings.get(sensor)

    def document(self):
        return self.state

    async def do(self, command):
        self.done.append(dict(command))
        match command["do"]:
            case "next":
                raise Refused("there is no phase\nto go to; want a protocol")
            case "mark":
                raise ZeroDivisionError("a slip")
            case "start":
                self.begun.set()
                await self.may_end.wait()
                self.state["stage"] = "recording"
            case _:
                self.state["stage"] = f"after {command['do']}"

    def tell(self, **notice):
        self._notices.tell(notice)


@asynccontextmanager
async def at_the_desk(**options):
    desk = DeskAlone()
    async with serving(desk, port=0, **options) as (address, page_):
        yield desk, address.port, page_


async def told(socket, kind=None, *, but=("ping",)):
    """The next frame, or the next of a kind; None = binary frames and all texts but pings."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            frame = await socket.recv()
            if isinstance(frame, bytes):
                if kind in (None, bytes):
                    return frame
                continue
            said = json.loads(frame)
            if said["type"] == kind or (kind is None and said["type"] not in but):
                return said


async def listened(socket, seconds):
    """All that comes within some time."""
    frames = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                frames.append(await socket.recv())
    except TimeoutError:
        return [frame if isinstance(frame, bytes) else json.loads(frame) for frame in frames]


async def send(socket, **command):
    await socket.send(json.dumps(command))


def samples(t_s, *, acc=None, gyr=None, seq=None):
    n = len(t_s)
    return Samples(
        np.round(np.asarray(t_s) * 1e9).astype(np.int64),
        np.arange(n) if seq is None else np.asarray(seq),
        np.zeros((n, 3)) if acc is None else np.asarray(acc, np.float64),
        np.zeros((n, 3)) if gyr is None else np.asarray(gyr, np.float64),
        np.zeros(n, bool),
    )


def decoded(frame):
    """As the page does: version, sensor, t_s, dt_s, (n, 2) values. Written from the wire's description."""
    version, sensor, n, reserved = struct.unpack_from("<BBHI", frame, 0)
    t_s, dt_s = struct.unpack_from("<dd", frame, 8)
    values = np.frombuffer(frame, "<f4", offset=24).reshape(-1, 2)
    assert (version, reserved, len(values)) == (1, 0, n)
    return sensor, t_s, dt_s, values


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


EVERY_COMMAND = [
    {"do": "subject", "code": "S01"},
    {"do": "against", "session": "2026-11-14T10-00-00Z"},
    {"do": "against", "session": None},
    {"do": "scan"},
    {"do": "bind", "serial": "A1", "sensor": "foot_left"},
    {"do": "unbind", "sensor": "foot_left"},
    {"do": "check", "id": "clearance", "done": True},
    {"do": "note_of", "key": "rails", "value": False},
    {"do": "note_of", "key": "shoes", "value": "own"},
    {"do": "belt", "speed": "1.2 mph"},
    {"do": "protocol", "name": "backward-first"},
    {"do": "start"},
    {"do": "next"},
    {"do": "pause"},
    {"do": "resume"},
    {"do": "mark"},
    {"do": "note", "text": "hält sich fest\n" * 100},
    {"do": "cue"},
    {"do": "cue", "metric": "drop", "low": None, "high": 5, "hold": 3, "sound": "speech"},
    {"do": "cue", "muted": False, "fade": True, "metronome_spm": 96.5},
    {"do": "recover", "log": "unfinished/S01--x.rglog"},
    {"do": "stop"},
]


def test_every_command_of_the_wire_is_understood():
    for command in EVERY_COMMAND:
        assert dict(parse_command(json.dumps(command))) == command
    assert {command["do"] for command in EVERY_COMMAND} == set(COMMANDS)


BAD = {
    b"\x00\x01": "binary",
    "": "an object of JSON",
    "{": "an object of JSON",
    "nonsense " * 1000: "an object of JSON",
    "[" * 8000: "an object of JSON",
    '{"do": "belt", "speed": NaN}': "an object of JSON",
    "1" * 5000: "an object of JSON",
    "[]": "want an object",
    "null": "want an object",
    '"start"': "want an object",
    "{}": "want one of subject",
    '{"do": null}': "want one of subject",
    '{"do": ["start"]}': "want one of subject",
    '{"do": "faster"}': "'faster'|faster; want one of subject",
    '{"do": "\\ud800"}': "want one of subject",
    '{"do": "start", "now": true}': "start got now; want nothing with it",
    '{"do": "bind", "serial": "A1"}': "bind got no sensor; want text",
    '{"do": "bind", "serial": 1, "sensor": "pelvis"}': "bind got serial 1; want text",
    '{"do": "check", "id": "x", "done": 1}': "check got done 1; want true or false",
    '{"do": "cue", "high": true}': "cue got high True; want a number or null",
    '{"do": "cue", "high": "5"}': "cue got high 5; want a number or null",
    '{"do": "cue", "hold": null}': "cue got hold None; want a number",
    '{"do": "cue", "high": 1e999}': "cue got high inf; want at most",
    f'{{"do": "cue", "high": {"9" * 400}}}': "want at most",
    '{"do": "note_of", "key": "rails", "value": {"a": 1}}': "note_of got value",
    '{"do": "note", "text": "\\ud800"}': "half a character",
    json.dumps(
        {"do": "note", "text": "x" * (LONGEST_TEXT + 1)}
    ): "note got a text of 2001 characters; want at most 2000",
}


@pytest.mark.parametrize("said", BAD, ids=range(len(BAD)))
def test_what_is_no_command_is_refused_with_one_short_line(said):
    with pytest.raises(BadCommand, match=BAD[said]) as refused:
        parse_command(said)
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)
    str(refused.value).encode()


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


def test_signals_come_as_the_wire_says(run):
    rng = np.random.default_rng(5)
    t_s = 2.0 + np.arange(40) * 0.005
    acc, gyr = rng.normal(0, 10, (40, 3)), rng.normal(0, 3, (40, 3))
    mounting = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            desk.mountings = {"foot_right": mounting}
            await told(socket, "document")
            whole = samples(t_s, acc=acc, gyr=gyr)
            for part in range(0, 40, 10):
                desk.audience.publish(Heard("foot_right", whole[part : part + 10]))
                desk.audience.publish(Heard("pelvis", whole[part : part + 10]))
                await asyncio.sleep(0.02)
            got = {1: [], 2: []}
            while sum(len(values) for frames in got.values() for *_, values in frames) < 80:
                sensor, *rest = decoded(await told(socket, bytes))
                got[sensor].append(rest)
            for sensor, about_left in ((1, gyr[:, 2]), (2, np.linalg.norm(gyr, axis=1))):
                values = np.concatenate([values for *_, values in got[sensor]])
                np.testing.assert_allclose(values[:, 0], np.linalg.norm(acc, axis=1), rtol=1e-6)
                np.testing.assert_allclose(values[:, 1], about_left, rtol=1e-6)
                starts_s = np.concatenate([t0_s + dt_s * np.arange(len(v)) for t0_s, dt_s, v in got[sensor]])
                np.testing.assert_allclose(starts_s, t_s, atol=1e-9)

    run(main())


def test_signals_come_twenty_times_a_second_at_most(run):
    async def main():
        async with at_the_desk() as (desk, port, _), page(port) as socket:
            await told(socket, "document")

            async def walk():
                for n in range(10_000):
                    desk.audience.publish(
                        Heard("foot_left", samples(0.002 * n + np.arange(2) * 0.001, seq=[2 * n, 2 * n + 1]))
                    )
                    await asyncio.sleep(0.002)

            walking = asyncio.create_task(walk())
            frames = [frame for frame in await listened(socket, 0.6) if isinstance(frame, bytes)]
            walking.cancel()
            assert 3 <= len(frames) <= 13

    run(main())


def unknown(_sensor):
    return None


def test_a_frame_ends_at_a_gap():
    signals = Signals(unknown)
    rows = samples([0.0, 0.01, 0.02, 0.05, 0.06, 0.07, 0.08], seq=[0, 1, 2, 5, 6, 7, 8])
    signals.hear("pelvis", rows)
    signals.hear("foot_left", samples([1.0]))
    frames = [decoded(frame) for frame in signals.frames()]
    assert [(sensor, t_s, len(values)) for sensor, t_s, _, values in frames] == [(0, 1.0, 1), (2, 0.0, 3)]
    # the rest next time, with what came since; a clock that jumps is a gap too
    signals.hear("pelvis", samples([0.09, 0.14, 0.15], seq=[9, 10, 11]))
    ((sensor, t_s, dt_s, values),) = (decoded(frame) for frame in signals.frames())
    assert (sensor, t_s, len(values)) == (2, 0.05, 5)
    assert dt_s == pytest.approx(0.01)
    assert [decoded(frame)[1] for frame in signals.frames()] == [0.14]
    # of two the counter alone can tell
    dt_s = 0.01
    signals.hear("pelvis", samples([0.20, 0.25], seq=[16, 21]))
    frames = [decoded(frame) for _ in range(2) for frame in signals.frames()]
    assert [(t_s, dt_s, len(values)) for _, t_s, dt_s, values in frames] == [(0.2, dt_s, 1), (0.25, dt_s, 1)]
    assert list(signals.frames()) == []


def test_what_comes_late_or_twice_is_not_shown():
    signals = Signals(unknown)
    signals.hear("pelvis", samples([0.0, 0.01, 0.02]))
    assert len(list(signals.frames())) == 1
    signals.hear("pelvis", samples([0.01, 0.02, 0.03, 0.025, 0.04], seq=[1, 2, 3, 2, 4]))
    ((_, t_s, _, values),) = (decoded(frame) for frame in signals.frames())
    assert (t_s, len(values)) == (0.03, 2)


def test_fast_sensors_are_thinned_and_keep_their_peaks():
    signals = Signals(lambda _sensor: np.eye(3))
    n, peak = 997, 123
    acc, gyr = np.full((n, 3), 1.0), np.full((n, 3), 0.5)
    acc[peak], gyr[peak + 1] = 50.0, -9.0
    signals.hear("foot_left", samples(np.arange(n) * 0.001, acc=acc, gyr=gyr))
    ((_, t_s, dt_s, values),) = (decoded(frame) for frame in signals.frames())
    assert len(values) == 250
    assert (t_s, dt_s) == (0.0, pytest.approx(0.004))
    assert values[:, 0].max() == pytest.approx(50.0 * 3**0.5)
    assert values[:, 1].min() == -9.0
    assert np.argmax(values[:, 0]) == peak // 4


def test_what_waits_is_bounded():
    signals = Signals(unknown)
    for n in range(3000):
        signals.hear("foot_left", samples(n * 0.05 + np.arange(10) * 0.005, seq=n * 10 + np.arange(10)))
    ((_, t_s, _, values),) = (decoded(frame) for frame in signals.frames())
    assert len(values) == MOST_POINTS
    assert t_s + (MOST_POINTS - 1) * 0.005 == pytest.approx(2999 * 0.05 + 0.045)
    assert list(signals.frames()) == []
    signals.hear("foot_left", samples([500.0]))
    signals.forget()
    assert list(signals.frames()) == []


def test_parts_that_did_not_change_are_not_told():
    parts = Parts()
    document = {"a": {"x": 1, "y": [1, 2]}, "b": None, "c": 1.0}
    assert json.loads(parts.changed(document)) == {"type": "update", **document}
    assert parts.changed({"c": 1.0, "b": None, "a": {"y": [1, 2], "x": 1}}) is None
    document["a"]["y"].append(3)
    assert json.loads(parts.changed(document)) == {"type": "update", "a": document["a"]}
    assert json.loads(document_text(document)) == {"type": "document", **document}


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
