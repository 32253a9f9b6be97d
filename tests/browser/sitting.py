"""A sitting in the hands of a test: what a person does at the page, and what the page must say of it."""

import asyncio
import re
import time
from collections import deque
from functools import partial

from imu.cli.emulate import STILL_S
from imu.core.session import SENSORS
from tests.browser.driving import LOOK_S, hurried, painted, pause, says, stood, until, watch, word
from tests.browser.figures import MARKS_SHOWN, NONE, as_marked, as_shown, numbers, read, shown

SPEED = 6.0
"""Of the person, their sensors, the recording and the page's server, where they only wait, and nothing is done at the
page."""
STANDS_S = 22.0
"""Once it records, the person stands on: time for what is tried before they walk, on a busy machine too."""
LEAD_S = STILL_S + STANDS_S
GIVEN_UP_S = 3.0
"""A page says within so many seconds that nobody is there any more, and a busy machine is not in time with all."""
MOST_DROP_DEG = 3.0
SENSOR_WORDS = {"foot_left": "left foot", "foot_right": "right foot", "pelvis": "pelvis"}


class Sitting:
    """What a test holds of one."""

    def __init__(self, emulation, desk, port):
        self.emulation, self.desk, self.port = emulation, desk, port
        self.caught = []
        """(document, what the page showed of it, its last marks), at the end of a walk."""
        self._told = deque(maxlen=round(20 * SPEED))
        self.hurried = partial(hurried, SPEED)
        document = desk.document

        def told():
            self._told.append(document())
            return self._told[-1]

        desk.document = told

    def link(self, sensor):
        return next(one["state"] for one in self.desk.document()["links"] if one["sensor"] == sensor)

    @property
    def walked_s(self):
        """Of the person's own time; standing before it is negative."""
        return asyncio.get_running_loop().time() - self.emulation.origin_s - LEAD_S

    async def at(self, walked_s):
        """Waits for an instant of the person's walk."""
        with self.hurried():
            await asyncio.sleep(walked_s - self.walked_s)

    async def catch(self, page, walked_s):
        """The last time until then that all figures are known: the page, and what the desk had told of it."""
        kept = None
        with self.hurried():
            while self.walked_s < walked_s:
                said, marks = await read(page)
                for document in reversed(self._told):
                    if said == as_shown(document["figures"]) and marks == as_marked(document["contacts"]):
                        kept = (document, said, marks)
                        break
                await pause(LOOK_S)
        assert kept is not None, "never did all figures stand on the page as in the document"
        self.caught.append(kept)


async def set_up(sitting, page, against):
    """All that is wanted before the start; `against`: the session to compare with."""
    await says(page, "h1", "^Set-up$")
    assert await word(page, ".badge.simulated") == "simulated"
    await page.get_by_label("Subject code").fill("S01")
    await page.get_by_role("button", name="Choose").click()
    await says(page, "section[aria-labelledby=person] .state", "^S01 is chosen \\(1 earlier\\)")
    await page.get_by_label("Compare with").select_option(against)
    await page.get_by_label("Demonstration").check()
    await says(page, ".phases-list", "Turn round: 0:08")
    for box in await page.locator(".checks").get_by_role("checkbox").all():
        await box.check()
    await page.get_by_label("Hands on the rails").fill("one hand")
    belt = page.locator("section[aria-labelledby=belt]")
    await belt.get_by_label("Belt speed").fill("2.52")
    await belt.get_by_label("Unit").select_option("km/h")
    await belt.get_by_role("button", name="Set").click()
    await says(page, "section[aria-labelledby=belt]", r"0\.70 m/s\s+2\.5 km/h, 1\.6 mph; typed in")
    for sensor in SENSORS:
        serial = sitting.emulation.worn[sensor]
        worn = page.get_by_label(f"Where {serial} is worn")
        assert await worn.input_value() == sensor
        tile = page.locator(".tile").filter(has=worn)
        await until(lambda tile=tile: streams(tile), f"{serial} streams")
    await says(page, "section[aria-labelledby=stand] .state", "^Done: standing is known")
    placed = await says(page, ".placement", "Pelvis")
    assert "\u25b2" not in placed
    await says(page, ".all-there", "^Everything is there")


async def streams(tile):
    return "Link: good, 200 samples/s" in await tile.inner_text()


async def start(sitting, page):
    await page.get_by_role("button", name="Start recording").click()
    await says(page, "h1", "^Recording$")
    assert sitting.desk.stage == "recording"
    # phases wait for the walk
    await page.get_by_role("button", name="Pause").click()
    await says(page, ".phase .time", "^paused")
    assert sitting.walked_s < -5.0, "the set-up took too long"
    # nothing that was not measured stands there
    said, marks = await read(page)
    assert (numbers(said), marks) == ({NONE}, [])
    await page.get_by_label("Watch").select_option("drop")
    await until(lambda: sitting.desk.document()["cue"]["metric"] == "drop", "the cue watches the drop")
    for label, value in (("At most (\u00b0)", MOST_DROP_DEG), ("Steps outside before it sounds", 2)):
        await page.get_by_label(label).fill(str(value))
        await page.get_by_label(label).press("Enter")
    await until(lambda: sitting.desk.document()["cue"]["high"] == MOST_DROP_DEG, "the band is set")


async def walk_forward(sitting, page):
    """Numbers come and change; signals are drawn; a reload keeps all."""
    await sitting.at(-1.0)
    await page.get_by_role("button", name="Go on").click()
    await sitting.at(7.0)
    seen = set()

    async def changed():
        seen.add(await word(page, "#cadence .number"))
        return len(seen - {NONE, ""}) >= 3

    await until(changed, "cadence changes")
    await says(page, ".fact:first-child", "forward")
    await page.locator("summary", has_text="Signals").click()
    await until(lambda: page.locator(".chart canvas").count(), "a chart")
    await until(lambda: ink(page), "signals are drawn")
    before = sitting.desk.document()["figures"]["contacts"]
    await page.reload()
    await says(page, ".top", "S01")
    await until(lambda: same_phase(sitting, page), "the phase")
    assert int(re.match(r"\d+", await says(page, ".strip .aside", r"\d+ contacts so far"))[0]) >= before
    assert len((await read(page))[1]) >= min(MARKS_SHOWN, before)
    assert await page.get_by_label("At most (\u00b0)").input_value() == shown(MOST_DROP_DEG)


async def same_phase(sitting, page):
    protocol = sitting.desk.document()["protocol"]
    return await word(page, ".phase .title") == protocol["phases"][protocol["at"]]["title"]


async def ink(page):
    return await painted(page, ".chart canvas") > 500


async def nobody_serves(sitting, page, serve):
    """The page's server is gone for a while, the recording is not."""
    recorded = sitting.desk.document()["recorder"]["bytes"]
    await serve.aclose()
    gone_s = time.monotonic()
    await says(page, "#banner", "No connection to the program .+ old", GIVEN_UP_S)
    said, _ = await read(page)
    assert time.monotonic() - gone_s < GIVEN_UP_S
    assert set(said.values()) <= {NONE, "", "steps/min"}
    assert "not known" in await word(page, ".links")
    assert await word(page, ".phase .time") == NONE
    assert sitting.desk.document()["recorder"]["bytes"] > recorded
    assert sitting.desk.stage == "recording"


async def is_there(page):
    return await word(page, "#banner") == ""


async def lose_a_sensor(sitting, page, sensor, seconds):
    words = rf"{SENSOR_WORDS[sensor]}\s*looking for it"
    air = sitting.emulation
    assert air.disconnect(sensor) == 1
    air.shadow(sensor, seconds)
    await says(page, ".links", f"(?i){words}")
    with sitting.hurried():
        await until(lambda: sitting.link(sensor) == "streaming", f"{sensor} is back")
    await says(page, ".links", rf"(?i){SENSOR_WORDS[sensor]}\s*good")


async def wait_for_a_cue(sitting, page, mirror):
    """On the right hip, which drops too far; both pages tell it."""
    for one, place in ((page, ".cue-said"), (mirror, ".cue")):
        await watch(one, place)
    with sitting.hurried():
        for one, place in ((page, ".cue-said"), (mirror, ".cue")):
            await until(lambda one=one, place=place: stood(one, place, "^right: keep the hips level$"), "a cue")
    await says(mirror, "h1", r"(?i)^pelvic drop, right$")
    assert float((await says(mirror, ".number", r"\d")).removesuffix("\u00b0")) > MOST_DROP_DEG
    await says(page, "#drop-right .verdict", "over the limit")
    given = sitting.desk.document()["cue"]["given"]
    assert given >= 1
    await says(page, ".cue .state", "^On; given ")


async def silence(sitting, page, seconds):
    """The server lives, and nothing comes from any sensor: no number is left standing."""
    assert not await blank(page)
    for sensor in SENSORS:
        sitting.emulation.shadow(sensor, seconds)
    await until(lambda: blank(page), "all figures are blank")
    assert sitting.link("pelvis") != "streaming"
    assert await word(page, "#banner") == ""
    assert re.search("no sensor is heard|no step for", await word(page, "#cadence .why"))
    with sitting.hurried():
        await until(lambda: sitting.desk.document()["figures"]["cadence_spm"], "figures again")
        await until(lambda: not_blank(page), "figures again on the page")


async def blank(page):
    said, _ = await read(page)
    return numbers(said) == {NONE}


async def not_blank(page):
    return await word(page, "#cadence .number") != NONE


async def end(sitting, page):
    await page.get_by_role("button", name="End recording").click()
    await page.get_by_role("dialog").get_by_role("button", name="End the recording").click()
    await says(page, "h1", r"^Session S01 ")
    await sitting.desk.ended.wait()
    await says(page, ".lead", "Simulated: not a person")
