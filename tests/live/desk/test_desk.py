"""A sitting from set-up to its end, driven as a page drives it, over an emulated air; nobody looks on."""

import asyncio
import json
import threading

import pytest

from firmware_bridge.ogi import Ogi
from imu.core.errors import CannotRecord
from imu.core.session import SENSORS
from imu.core.tables import CONTACTS, EVENTS
from imu.live.desk import desk as sitting
from imu.live.desk.desk import Desk
from imu.live.desk.setup import CHECKS, Given, Refused
from imu.live.emulated import Emulation, setups, worn_by
from imu.live.radio import open_radio
from imu.live.sitting import log_path
from imu.live.worn import Worn, load
from imu.reprocess import reprocess
from imu.simulate import Person, Protocol, Spec, Stand, Walk, simulate, usual_sensors
from imu.store.log import Kind, LogFrame, LogHeader, Source
from imu.store.log_writer import LogWriter
from imu.store.tables import read_rows
from tests.live.desk.no_air import Nowhere
from tests.live.traffic import START_NS, counts_of, identity, traffic

DRIVERS = {"ogi": Ogi()}
PATIENCE_S = 20.0
KEYS = (
    "stage clock session subjects scanning found links checks notes placement calibration belt heart_bpm figures"
    " baseline greyed contacts cue limits protocol protocols recorder warnings left_behind summary"
)


def walker(*segments):
    return worn_by(Spec(Person(), Protocol(segments=segments), usual_sensors()), seed=4, lead_s=6.0)


def worn_as(recording, emulation):
    said = setups(recording)
    return [
        Worn(sensor=sensor, serial=serial, mounting=tuple(map(tuple, said[sensor]["mounting"])))
        for sensor, serial in emulation.worn.items()
    ]


async def until(met, what):
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not met():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"never came: {what}")


def stored(folder, table):
    name = "events.parquet" if table is EVENTS else f"analysis/{table.name}.parquet"
    return read_rows(folder / name, table)


def marks(folder, kind):
    return [json.loads(row["value"]) for row in stored(folder, EVENTS) if row["kind"] == kind]


async def sat(emulation, recording, store, documents):
    """A sitting: set-up, a recording with cues, its end."""
    async with emulation, open_radio(emulation.transport, DRIVERS) as central:
        given = Given(worn=worn_as(recording, emulation), drivers=DRIVERS, simulated=True)
        async with Desk(central, store, given) as desk:
            notices = desk.subscribe_events()
            assert desk.stage == "setup"
            with pytest.raises(Refused, match="nobody is chosen"):
                await desk.do({"do": "start"})
            for command in (
                {"do": "subject", "code": "S01"},
                {"do": "note_of", "key": "rails", "value": "both hands"},
                {"do": "belt", "speed": "2.16km/h"},
                {"do": "cue", "metric": "drop", "high": 0.5, "hold": 1, "fade": False},
                *({"do": "check", "id": check.id, "done": True} for check in CHECKS),
            ):
                await desk.do(command)
            await until(lambda: desk.stage == "ready", "ready")
            await desk.do({"do": "start"})
            assert desk.stage == "recording"
            for command in ({"do": "subject", "code": "S02"}, {"do": "scan"}, {"do": "start"}):
                with pytest.raises(Refused, match="not while it is recorded"):
                    await desk.do(command)
            await until(lambda: desk.document()["cue"]["given"] >= 3, "three cues")
            documents.append(desk.document())
            for command in ({"do": "mark"}, {"do": "note", "text": "a note"}, {"do": "cue", "muted": True}):
                await desk.do(command)
            await emulation.finished()
            await desk.do({"do": "stop"})
            assert desk.stage in ("ending", "ended")
            await desk.ended.wait()
            documents.append(desk.document())
    return notices.drain()


def test_a_sitting_from_set_up_to_its_end(run, tmp_path):
    recording = walker(Stand(seconds=1.0), Walk(direction="backward", seconds=12.0), Stand(seconds=4.0))
    told, documents = [], []

    async def main():
        told.extend(await sat(Emulation(recording), recording, tmp_path, documents))

    run(main())
    during, after = documents
    json.dumps(documents, allow_nan=False)
    assert set(during) == set(after) == set(KEYS.split())
    check_during(during)
    folder = tmp_path / "subject=S01" / f"session={after['session']['session']}"
    check_written(folder, tmp_path, after)
    contacts = stored(folder, CONTACTS)
    seen = {(one["foot"], one["t_ns"]) for one in told if one["event"] == "contact"}
    assert seen == {(row["foot"], row["t_contact_ns"]) for row in contacts}
    cues = [one for one in told if one["event"] == "cue"]
    marked = [one for one in marks(folder, "cue") if one["event"] == "given"]
    assert [one["say"] for one in marked] == [one["say"] for one in cues]
    assert len(cues) == after["cue"]["given"] >= 3
    assert {one["muted"] for one in marked} == {False, True}
    assert marks(folder, "mark")[0] == {"name": "mark"}
    assert marks(folder, "note") == [{"text": "a note"}]
    assert marks(folder, "belt_speed") == [{"speed_m_s": pytest.approx(0.6), "typed": True}]


def check_during(document):
    assert document["figures"]["direction"] == "backward"
    assert document["figures"]["age_s"] < 2.0
    assert document["belt"] == {"speed_m_s": pytest.approx(0.6), "source": "typed", "incline_pct": None, "note": ""}
    assert {link["state"] for link in document["links"]} == {"streaming"}
    assert document["recorder"]["bytes"] > 10_000
    # they stood still before they walked, and gravity says that all is well
    assert document["calibration"]["of"] == "analysis"
    assert {one["ok"] for one in document["placement"]} == {True}


def check_written(folder, store, after):
    """The session is as reprocess makes it, and as the page was told."""
    assert after["summary"]["folder"] == str(folder)
    assert after["summary"]["problem"] == ""
    written = json.loads((folder / "analysis" / "summary.json").read_text())
    assert after["summary"]["summary"].items() <= written.items()
    assert not log_path(store, "S01", after["session"]["session"]).exists()
    reprocess(folder, store / "again")
    for file in sorted((folder / "analysis").iterdir()):
        assert file.read_bytes() == (store / "again" / "analysis" / file.name).read_bytes(), file.name
    document = json.loads((folder / "session.json").read_text())
    assert document["conditions"] == {"rails": "both hands", "belt_speed_m_s": pytest.approx(0.6)}
    assert all(document["checks"].values())


def test_roles_change_until_the_recording_begins(run, tmp_path):
    recording = walker(Stand(seconds=12.0))

    async def main():
        emulation = Emulation(recording)
        async with emulation, open_radio(emulation.transport, DRIVERS) as central:
            path = tmp_path / "sensors.toml"
            async with Desk(central, tmp_path, Given(worn_path=path, drivers=DRIVERS)) as desk:
                with pytest.raises(Refused, match="no sensor 'LEFT' was found"):
                    await desk.do({"do": "bind", "serial": "LEFT", "sensor": "foot_left"})
                await desk.do({"do": "scan"})
                assert {one["serial"] for one in desk.document()["found"]} == set(emulation.worn.values())
                await desk.do({"do": "bind", "serial": "LEFT", "sensor": "foot_right"})
                await until(lambda: "foot_right" in desk.live.streaming(), "streams as what it was bound to")
                await desk.do({"do": "bind", "serial": "LEFT", "sensor": "foot_left"})
                # its link stayed: what came before is heard at once
                await asyncio.sleep(0.1)
                assert desk.live.streaming() == {"foot_left"}
                await desk.do({"do": "bind", "serial": "RIGHT", "sensor": "foot_right"})
                await desk.do({"do": "bind", "serial": "PELVIS", "sensor": "pelvis"})
                await desk.do({"do": "unbind", "sensor": "pelvis"})
                assert {one.sensor: one.serial for one in load(path)} == {"foot_left": "LEFT", "foot_right": "RIGHT"}
                for name, wrong in (("bind", {"serial": "LEFT", "sensor": "head"}), ("unbind", {"sensor": "pelvis"})):
                    with pytest.raises(Refused, match="want"):
                        await desk.do({"do": name, **wrong})
                await until(lambda: len(desk.live.streaming()) == 2, "both feet")
                await desk.do({"do": "subject", "code": "S02"})
                starting = asyncio.create_task(desk.do({"do": "start"}))
                await asyncio.sleep(0)
                # a page that is gone does not take back what it began
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
                await until(lambda: desk.stage == "recording", "recording")
                assert {one["sensor"] for one in desk.document()["links"] if one["state"] == "streaming"} == {
                    "foot_left",
                    "foot_right",
                }
                await asyncio.sleep(2.0)
            # whoever leaves ends it well
            assert desk.stage == "ended"
            assert desk.made.log is None

    run(main())
    [folder] = (tmp_path / "subject=S02").iterdir()
    # on a busy machine a sensor may fall silent for a while, and raw/stream.parquet says so
    raw = {file.stem for file in (folder / "raw").iterdir()}
    assert raw & set(SENSORS) == {"foot_left", "foot_right"}
    [warning] = marks(folder, "warning")
    assert len(warning["undone"]) == len(CHECKS)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ({"do": "strat"}, "meant 'start'"),
        ({}, "got do None"),
        ({"do": "start", "now": True}, "start: got an unexpected keyword argument 'now'"),
        ({"do": "subject"}, "subject: missing a required argument"),
        ({"do": "subject", "code": "../x"}, "a pseudonym"),
        ({"do": "against", "session": "x"}, "nobody is chosen"),
        ({"do": "check", "id": "nothing", "done": True}, "no check 'nothing'"),
        ({"do": "note_of", "key": "weather", "value": "fine"}, "no note of 'weather'"),
        ({"do": "belt", "speed": "3"}, "with its unit"),
        ({"do": "belt", "speed": "300mph"}, "another unit"),
        ({"do": "protocol", "name": "backwards-first"}, "no protocol"),
        ({"do": "cue", "metric": "drops"}, "meant 'drop'"),
        ({"do": "cue", "volume": 3}, "a cue has 'volume'"),
        ({"do": "recover", "log": "/etc/passwd"}, "was left behind"),
        ({"do": "stop"}, "stop: not before the recording"),
        ({"do": "next"}, "next: not before the recording"),
    ],
)
def test_what_can_t_be_is_refused_in_one_line(run, tmp_path, command, why):
    async def main():
        async with Desk(Nowhere(), tmp_path, Given(drivers=DRIVERS)) as desk:
            before = desk.document()
            with pytest.raises(Refused) as refused:
                await desk.do(command)
            assert why in str(refused.value)
            assert "\n" not in str(refused.value)
            assert desk.document() == before

    run(main())


def test_a_session_that_a_crash_left_is_offered_and_recovered(run, tmp_path):
    frames = recorded_log(tmp_path)

    async def main():
        async with Desk(Nowhere(), tmp_path, Given(drivers=DRIVERS)) as desk:
            [left] = desk.document()["left_behind"]
            assert left == {"log": str(frames), "subject": "S03", "session": "crashed"}
            await desk.do({"do": "recover", "log": left["log"]})
            after = desk.document()
            assert after["left_behind"] == []
            assert after["subjects"] == [{"code": "S03", "sessions": ["crashed"]}]
            await desk.do({"do": "subject", "code": "S03"})
            await desk.do({"do": "against", "session": "crashed"})
            assert desk.document()["baseline"]["source"] == "session crashed"

    run(main())


def test_a_recovery_holds_nobody_up_and_is_begun_once(run, tmp_path, monkeypatch):
    frames, finish = recorded_log(tmp_path), sitting.finish
    begun, may_end, calls = threading.Event(), threading.Event(), []

    def slow(log, *said):
        calls.append(log)
        begun.set()
        assert may_end.wait(PATIENCE_S)
        return finish(log, *said)

    monkeypatch.setattr(sitting, "finish", slow)

    async def main():
        async with Desk(Nowhere(), tmp_path, Given(drivers=DRIVERS)) as desk:
            order = {"do": "recover", "log": str(frames)}
            first = asyncio.create_task(desk.do(order))
            try:
                await until(begun.is_set, "its beginning")
                async with asyncio.timeout(PATIENCE_S / 2):
                    await desk.do({"do": "subject", "code": "S09"})
                    with pytest.raises(Refused, match="is being made a session already"):
                        await desk.do(order)
                assert desk.document()["session"]["subject"] == "S09"
                assert not first.done()
            finally:
                may_end.set()
            await first
            assert calls == [frames]
            assert desk.document()["left_behind"] == []
            with pytest.raises(Refused, match=r"no log .* was left behind"):
                await desk.do(order)

    run(main())


def test_a_recovery_that_fails_can_be_asked_for_again(run, tmp_path, monkeypatch):
    frames, finish = recorded_log(tmp_path), sitting.finish
    slips = [CannotRecord("the disk is full", path="x")]
    monkeypatch.setattr(sitting, "finish", lambda *said: fail(slips) if slips else finish(*said))

    async def main():
        async with Desk(Nowhere(), tmp_path, Given(drivers=DRIVERS)) as desk:
            order = {"do": "recover", "log": str(frames)}
            with pytest.raises(Refused, match="the disk is full"):
                await desk.do(order)
            assert [one["log"] for one in desk.document()["left_behind"]] == [str(frames)]
            await desk.do(order)
            assert desk.document()["left_behind"] == []

    run(main())


def fail(slips):
    raise slips.pop()


def recorded_log(store):
    """The log of a walk, as a crash leaves it."""
    recording = simulate(
        Person(),
        Protocol(segments=(Stand(seconds=4.0), Walk(direction="backward", seconds=30.0), Stand(seconds=2.0))),
        usual_sensors(),
        seed=3,
    )
    counts = counts_of(recording)
    sources = tuple(
        Source(f"S{index}", "ogi", sensor, json.loads(identity(f"S{index}"))) for index, sensor in enumerate(counts)
    )
    document = {**recording.session.document, "subject": "S03", "session": "crashed"}
    path = log_path(store, "S03", "crashed")
    path.parent.mkdir(parents=True)
    writer = LogWriter(path, LogHeader(None, START_NS, sources, document))
    for source, kind, at_ns, payload in traffic(counts, seed=3):
        if kind in KINDS:
            writer.put(LogFrame(KINDS[kind], int(source[1:]), at_ns, payload))
    writer.close()
    return path


KINDS = {"data": Kind.NOTIFICATION, "ping": Kind.PING}


def test_who_is_chosen_while_another_page_begins_is_refused_or_measured(run, tmp_path):
    """Never: one is shown, and another's session is written."""
    recording = walker(Stand(seconds=20.0))
    shown = []

    async def main():
        emulation = Emulation(recording)
        async with emulation, open_radio(emulation.transport, DRIVERS) as central:
            given = Given(worn=worn_as(recording, emulation), drivers=DRIVERS, simulated=True)
            async with Desk(central, tmp_path, given) as desk:
                await until(lambda: len(desk.live.streaming()) == 3, "all sensors")
                await desk.do({"do": "subject", "code": "S01"})
                outcomes = await asyncio.gather(
                    desk.do({"do": "subject", "code": "S02"}),
                    desk.do({"do": "start"}),
                    desk.do({"do": "note_of", "key": "shoes", "value": "trainers"}),
                    return_exceptions=True,
                )
                assert all(outcome is None or isinstance(outcome, Refused) for outcome in outcomes)
                shown.append(desk.document()["session"]["subject"])
                await asyncio.sleep(1.0)

    run(main())
    [folder] = tmp_path.glob("subject=*")
    assert folder.name == f"subject={shown[0]}"
