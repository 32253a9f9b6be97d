"""A sitting in the hands of a test: what a person does at the page, and what the page must say of it."""

import asyncio
import re

from imu.core.session import SENSORS
from tests.browser.driving import painted, says, until, word
from tests.browser.figures import MARKS, NONE, as_shown, numbers, read, shown

LEAD_S = 8.0
GIVEN_UP_S = 3.0
"""A page says within so many seconds that nobody is there any more."""
MOST_DROP_DEG = 3.0
SENSOR_WORDS = {"foot_left": "left foot", "foot_right": "right foot", "pelvis": "pelvis"}


class Sitting:
    """What a test holds of one."""

    def __init__(self, emulation, desk, port):
        self.emulation, self.desk, self.port = emulation, desk, port
        self.caught = []
        """(document, what the page showed of it, its last marks), at the end of a walk."""

    def link(self, sensor):
        return next(one["state"] for one in self.desk.document()["links"] if one["sensor"] == sensor)

    async def at(self, simulated_s):
        """Waits for an instant of the person's walk; standing before it is negative."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.emulation.origin_s + LEAD_S + simulated_s - loop.time())

    async def catch(self, page, simulated_s):
        """The last time in a bout that all figures are known: page and document at one time."""
        kept, loop = None, asyncio.get_running_loop()
        while loop.time() < self.emulation.origin_s + LEAD_S + simulated_s:
            before = self.desk.document()
            said, marks = await read(page), await page.evaluate(MARKS)
            after = self.desk.document()
            still = {**before["figures"], "age_s": 0} == {**after["figures"], "age_s": 0}
            wanted = as_shown(before["figures"])
            if still and wanted is not None and said == wanted:
                kept = (after, said, marks)
            await asyncio.sleep(0.05)
        assert kept is not None, "never did all figures stand on the page as in the document"
        self.caught.append(kept)


async def set_up(sitting, page):
    """All that is wanted before the start."""
    await says(page, "h1", "^Set-up$")
    assert await word(page, ".badge.simulated") == "simulated"
    await page.get_by_label("Subject code").fill("S01")
    await page.get_by_role("button", name="Choose").click()
    await says(page, "section[aria-labelledby=person] .state", "^S01 is chosen")
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
    # nothing that was not measured stands there
    assert numbers(await read(page)) == {NONE}
    await page.get_by_label("Watch").select_option("drop")
    await until(lambda: sitting.desk.document()["cue"]["metric"] == "drop", "the cue watches the drop")
    for label, value in (("At most (\u00b0)", MOST_DROP_DEG), ("Steps outside before it sounds", 2)):
        await page.get_by_label(label).fill(str(value))
        await page.get_by_label(label).press("Enter")
    await until(lambda: sitting.desk.document()["cue"]["high"] == MOST_DROP_DEG, "the band is set")


async def walk_forward(sitting, page):
    """Numbers come and change; signals are drawn; a reload keeps all."""
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
    await says(page, ".phase .title", "Forward, as usual")
    assert int(re.match(r"\d+", await says(page, ".strip .aside", r"\d+ contacts so far"))[0]) >= before
    assert len(await page.evaluate(MARKS)) == min(40, sitting.desk.document()["figures"]["contacts"])
    assert await page.get_by_label("At most (\u00b0)").input_value() == shown(MOST_DROP_DEG)


async def ink(page):
    return await painted(page, ".chart canvas") > 500


async def nobody_serves(sitting, page, serve):
    """The page's server is gone for a while, the recording is not."""
    loop = asyncio.get_running_loop()
    rows = sitting.desk.document()["recorder"]["bytes"]
    await serve.aclose()
    gone_s = loop.time()
    await says(page, "#banner", "No connection to the program .+ old", GIVEN_UP_S)
    said = await read(page)
    assert loop.time() - gone_s < GIVEN_UP_S
    assert set(said.values()) <= {NONE, "", "steps/min"}
    assert "not known" in await word(page, ".links")
    assert await word(page, ".phase .time") == NONE
    assert sitting.desk.document()["recorder"]["bytes"] > rows
    assert sitting.desk.stage == "recording"


async def is_there(page):
    return await word(page, "#banner") == ""


async def lose_a_sensor(sitting, page, sensor, seconds):
    words = rf"{SENSOR_WORDS[sensor]}\s*looking for it"
    air = sitting.emulation
    assert air.disconnect(sensor) == 1
    air.shadow(sensor, seconds)
    await says(page, ".links", f"(?i){words}")
    await until(lambda: sitting.link(sensor) == "streaming", f"{sensor} is back")
    await says(page, ".links", rf"(?i){SENSOR_WORDS[sensor]}\s*good")


async def wait_for_a_cue(sitting, page, mirror):
    """On the right hip, which drops too far; both pages tell it."""
    await says(page, ".cue-said", "^right: keep the hips level$")
    await says(mirror, ".cue", "^right: keep the hips level$", 5.0)
    await says(mirror, "h1", r"(?i)^pelvic drop, right$")
    assert float((await says(mirror, ".number", r"\d")).removesuffix("\u00b0")) > MOST_DROP_DEG
    await says(page, "#drop-right .verdict", "over the limit")
    given = sitting.desk.document()["cue"]["given"]
    assert given >= 1
    await says(page, ".cue .state", "^On; given ")


async def silence(sitting, page, seconds):
    """The server lives, and nothing comes from any sensor: no number is left standing."""
    for sensor in SENSORS:
        sitting.emulation.shadow(sensor, seconds)
    await until(lambda: blank(page), "all figures are blank", seconds)
    assert await word(page, "#banner") == ""
    assert re.search("no sensor is heard|no step for 2 s", await word(page, "#cadence .why"))
    await until(lambda: sitting.desk.document()["figures"]["cadence_spm"], "figures again")
    await until(lambda: not_blank(page), "figures again on the page")


async def blank(page):
    return numbers(await read(page)) == {NONE}


async def not_blank(page):
    return await word(page, "#cadence .number") != NONE


async def end(sitting, page):
    await page.get_by_role("button", name="End recording").click()
    await page.get_by_role("dialog").get_by_role("button", name="End the recording").click()
    await says(page, "h1", r"^Session S01 ")
    await sitting.desk.ended.wait()
    await says(page, ".lead", "Simulated: not a person")
