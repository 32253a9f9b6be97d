"""What goes wrong in a sitting, and what is said of it: sensors that hesitate, a treadmill, a disk."""

import asyncio
import errno
from contextlib import asynccontextmanager

import pytest

from firmware_bridge.link import Arrival
from imu.live.desk.desk import Desk
from imu.live.desk.setup import Given
from imu.live.emulated import Emulation
from imu.live.radio import open_radio
from imu.simulate import Stand, Walk
from imu.store import log_writer
from imu.store.log_lock import is_gone
from tests.live.desk.no_air import Nowhere
from tests.live.desk.test_desk import DRIVERS, marks, until, walker, worn_as

WALK = (Stand(seconds=2.0), Walk(direction="backward", seconds=30.0))


@asynccontextmanager
async def at_the_start(store, *segments):
    """(desk, emulation, notices): all sensors stream, somebody is chosen."""
    recording = walker(*segments)
    emulation = Emulation(recording)
    async with emulation, open_radio(emulation.transport, DRIVERS) as central:
        given = Given(worn=worn_as(recording, emulation), drivers=DRIVERS, simulated=True)
        async with Desk(central, store, given) as desk:
            notices = desk.subscribe_events()
            await until(lambda: len(desk.live.streaming()) == 3, "all sensors")
            await desk.do({"do": "subject", "code": "S01"})
            yield desk, emulation, notices


def state(desk, sensor):
    return next(one["state"] for one in desk.document()["links"] if one["sensor"] == sensor)


def warnings(notices):
    return [one["text"] for one in notices.drain() if one["event"] == "warning"]


@pytest.mark.parametrize("sensor", ["pelvis", "foot_left"])
def test_a_sensor_that_hesitates_at_the_start_takes_part(run, tmp_path, sensor):
    async def main():
        async with at_the_start(tmp_path, *WALK) as (desk, emulation, notices):
            emulation.shadow(sensor, 1.2)
            await until(lambda: state(desk, sensor) == "silent", "it hesitates")
            await desk.do({"do": "start"})
            assert warnings(notices) == []
            await until(lambda: state(desk, sensor) == "streaming", "it goes on")
            await until(lambda: desk.document()["figures"]["drop_deg"], "its part of the figures")
        assert desk.problem == ""
        assert desk.made.sensors[sensor].rows > 200

    run(main())


def test_a_sensor_that_is_not_connected_at_the_start_is_left_out_and_said_so(run, tmp_path):
    async def main():
        async with at_the_start(tmp_path, *WALK) as (desk, emulation, notices):
            emulation.shadow("pelvis", 60.0)
            emulation.disconnect("pelvis")
            await until(lambda: state(desk, "pelvis") == "looking", "it is gone")
            await desk.do({"do": "start"})
            text = "the pelvis sensor (PELVIS) is not connected: no part of this recording"
            [told] = [one for one in notices.drain() if one["event"] == "warning"]
            [stands] = desk.document()["warnings"]
            assert told == {"event": "warning", **stands}
            assert (stands["id"], stands["text"]) == (1, text)
            assert 0.0 <= stands["at_s"] < 10.0
            assert state(desk, "pelvis") == "left_out"
            await until(lambda: desk.document()["figures"]["toes"], "the feet are measured")
        assert set(desk.made.sensors) == {"foot_left", "foot_right"}
        assert text in [one["text"] for one in marks(desk.made.folder, "warning")]

    run(main())


class Treadmill(Nowhere):
    """It tells its speed when it is told to."""

    async def listen(self, _standard, inbox):
        self.inbox = inbox
        await asyncio.Event().wait()

    def tell(self, centi_km_h):
        payload = bytes.fromhex("0000") + centi_km_h.to_bytes(2, "little")
        self.inbox.put(Arrival("treadmill", "treadmill", self.host_ns(), payload))


def test_a_treadmill_that_falls_silent_leaves_no_speed_behind(run, tmp_path):
    async def main():
        central = Treadmill()
        async with Desk(central, tmp_path, Given(drivers=DRIVERS, asides=("treadmill",))) as desk:

            def belt():
                return desk.document()["belt"]

            await desk.do({"do": "belt", "speed": "0.6m/s"})
            typed = {"speed_m_s": pytest.approx(0.6), "source": "typed", "incline_pct": None, "note": ""}
            # what was typed grows no older
            await asyncio.sleep(2.5)
            assert belt() == typed
            central.tell(180)
            await until(lambda: belt()["source"] == "treadmill", "the treadmill's word")
            assert belt()["speed_m_s"] == pytest.approx(0.5)
            await until(lambda: belt()["source"] != "treadmill", "it is silent")
            assert belt() == {
                "speed_m_s": None,
                "source": "none",
                "incline_pct": None,
                "note": "the treadmill has fallen silent",
            }
            await desk.do({"do": "belt", "speed": "0.6m/s"})
            assert belt() == typed

    run(main())


def test_a_full_disk_is_told_once_and_what_came_before_is_a_session(run, tmp_path, monkeypatch):
    sync, full = log_writer._sync, []

    def broken(file):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    monkeypatch.setattr(log_writer, "_sync", broken)

    async def main():
        async with at_the_start(tmp_path, *WALK) as (desk, _, notices):
            await desk.do({"do": "start"})
            await until(lambda: desk.document()["figures"]["contacts"] > 3, "some steps")
            full.append(True)
            await until(lambda: desk.stage == "ended", "its end")
            [told] = warnings(notices)
            assert told.startswith("the disk is full: the recording has stopped, what came before is kept")
            assert desk.document()["recorder"]["problem"] == told
        assert desk.made.sensors["foot_left"].rows > 200

    run(main())


def test_a_log_that_is_deleted_is_told_once_and_at_once(run, tmp_path):
    async def main():
        async with at_the_start(tmp_path, *WALK) as (desk, _, notices):
            await desk.do({"do": "start"})
            [log] = (tmp_path / "unfinished").iterdir()
            await until(lambda: desk.document()["recorder"]["bytes"] > 10_000, "some of it is written")
            log.unlink()
            assert is_gone(log)
            await until(lambda: desk.stage == "ended", "its end")
            [told] = warnings(notices)
            assert told.startswith(f"{log} was deleted or moved while it was written; the recording stops")
            assert desk.document()["summary"]["problem"] == told
        assert desk.made is None

    run(main())
