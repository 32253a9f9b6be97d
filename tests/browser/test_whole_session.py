"""A person, a page, and sensors in an emulated air: from set-up to the end, and all that may happen between."""

import asyncio
import json
import re
from collections import Counter
from contextlib import AsyncExitStack
from statistics import fmean

import pytest

from imu.cli.emulate import worn_of
from imu.core.session import FEET, SENSORS
from imu.core.tables import CONTACTS, EVENTS, STEPS
from imu.live.desk import Desk, Given
from imu.live.emulated import Emulation, worn_by
from imu.live.radio import open_radio
from imu.live.web import serving
from imu.simulate import named
from imu.store.tables import read_rows
from tests.browser.driving import NARROW, browsing, painted, says, until, word, words
from tests.web.speaking import slow_page

SEED = 1
LEAD_S = 8.0
GIVEN_UP_S = 3.0
"""A page says within so many seconds that nobody is there any more."""
AGAIN_S = 17.0
"""From the last walk's begin to the end of the demo: forward, and 2 s of standing."""
UNSETTLED = 2
"""Steps that may still be open when a contact is told."""
MOST_DROP_DEG = 3.0
NONE = "\u2013"
CONTACT_KEYS = ("foot", "t_contact_ns", "pattern", "direction")
WORDS = {"toe_to_heel": "toe to heel", "heel_to_toe": "heel to toe", "flat": "flat", "uncertain": "not clear"}
SENSOR_WORDS = {"foot_left": "left foot", "foot_right": "right foot", "pelvis": "pelvis"}
FIGURES = (
    "#cadence .number",
    "#cadence .more",
    *(f"#toes-{foot} {part}" for foot in FEET for part in (".number", ".unit", ".more")),
    *(f"#drop-{foot} {part}" for foot in FEET for part in (".number", ".unit")),
)
MARKS = """() => [...document.querySelectorAll(".marks .contact")].map((one) => [
    one.classList.contains("left") ? "left" : "right",
    [...one.querySelector("svg").classList].find((name) => name !== "mark"),
])"""


def shown(number, digits=0):
    """As a page writes it: no nought is less than nought."""
    said = f"{abs(number):.{digits}f}"
    return f"\u2212{said}" if number < 0 and float(said) else said


def uncertainty(figure, digits, unit=""):
    return "" if figure["sd"] is None else f"\u00b1 {shown(figure['sd'], digits)}{unit}"


def as_shown(figures):
    """What should stand on the page where these figures are known; None = one of them is not."""
    cadence = figures["cadence_spm"]
    if cadence is None or len(figures["drop_deg"]) < len(FEET) or len(figures["toes"]) < len(FEET):
        return None
    said = {
        "#cadence .number": shown(cadence["value"]),
        "#cadence .more": f"{uncertainty(cadence, 1 if cadence['sd'] < 1 else 0)} over {cadence['n']} steps",
    }
    for foot in FEET:
        toes, drop = figures["toes"][foot], figures["drop_deg"][foot]
        said |= {
            f"#toes-{foot} .number": str(toes["toe_first"]),
            f"#toes-{foot} .unit": f"of {toes['n']}",
            f"#toes-{foot} .more": f"last: {WORDS[toes['last']]}",
            f"#drop-{foot} .number": f"{shown(drop['value'], 1)}\u00b0",
            f"#drop-{foot} .unit": uncertainty(drop, 1, "\u00b0"),
        }
    return said


async def read(page, selectors=FIGURES):
    """What stands there, by selector."""
    return dict(zip(selectors, await words(page, selectors), strict=True))


def numbers(said):
    return {text for selector, text in said.items() if selector.endswith(".number")}


TABLE = """() => [...document.querySelectorAll(".finish tr")].map(
    (row) => [...row.cells].map((cell) => cell.innerText)
)"""


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


async def sit_through(store, chromium):
    """The whole of it. Returns what was caught, what the page got, and the desk's last document."""
    recording = worn_by(named("demo-live"), seed=SEED, lead_s=LEAD_S)
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(browsing(chromium))
        emulation = await stack.enter_async_context(Emulation(recording))
        given = Given(worn=worn_of(recording, emulation.worn), document={"source": "simulated"}, simulated=True)
        central = await stack.enter_async_context(open_radio(emulation.transport, None))
        desk = await stack.enter_async_context(Desk(central, store, given))
        serve = AsyncExitStack()
        address, _ = await serve.enter_async_context(serving(desk, port=0))
        sitting = Sitting(emulation, desk, address.port)
        try:
            page = await browser.open(address.url)
            await set_up(sitting, page)
            second = await browser.open(address.url)
            mirror = await browser.open(f"{address.url}mirror", viewport=NARROW)
            await says(mirror, ".unit", "^ready$")
            await start(sitting, page)
            await says(second, "h1", "^Recording$")
            await walk_forward(sitting, page)
            await nobody_serves(sitting, page, serve)
            _, served = await serve.enter_async_context(serving(desk, port=sitting.port))
            await until(lambda: is_there(page), "the page is connected again")
            stalled = await serve.enter_async_context(slow_page(sitting.port))
            await stalled.recv()
            await lose_a_sensor(sitting, page, "foot_right", 2.5)
            await wait_for_a_cue(sitting, page, mirror)
            await page.keyboard.press("Space")
            await page.get_by_role("button", name="Note").click()
            await page.get_by_role("textbox", name="Note").fill("looked down")
            await page.get_by_role("button", name="Keep the note").click()
            await sitting.at(recording.duration_s - LEAD_S - AGAIN_S - 5.0)
            await sitting.catch(page, recording.duration_s - LEAD_S - AGAIN_S)
            await sitting.at(recording.duration_s - LEAD_S - AGAIN_S + 4.0)
            await silence(sitting, page, 4.0)
            await sitting.at(recording.duration_s - LEAD_S - 4.0)
            await sitting.catch(page, recording.duration_s - LEAD_S)
            same = await second.evaluate(MARKS)
            assert same == await page.evaluate(MARKS)
            assert served.counts.lost_signals > 0
            await end(sitting, page)
            await says(second, "h1", r"^Session S01 ")
            await says(mirror, ".unit", "^done$")
            table = await page.evaluate(TABLE)
            browser.check(server_was_away=True)
        finally:
            await serve.aclose()
    return sitting.caught, table, desk.document()


async def is_there(page):
    return await word(page, "#banner") == ""


def stored(folder, table):
    name = "events.parquet" if table is EVENTS else f"analysis/{table.name}.parquet"
    return read_rows(folder / name, table)


def check_caught(folder, document, said, marks):
    """What stood on the page is what the document said, and that is what the tables say."""
    figures = document["figures"]
    assert said == as_shown(figures)
    table, steps = stored(folder, CONTACTS), stored(folder, STEPS)
    told = [(one["foot"], one["t_ns"], one["pattern"], one["direction"]) for one in document["contacts"]]
    assert Counter(map(tuple, marks)) == Counter((foot, pattern) for foot, _, pattern, _ in told[-40:])
    # of two feet one may be told first and have been the later one
    contacts = [row for row in table if tuple(row[key] for key in CONTACT_KEYS) in set(told)]
    assert len(contacts) == len(told) == min(60, figures["contacts"])
    newest_ns = max(t_ns for _, t_ns, _, _ in told)
    assert 0 <= sum(row["t_contact_ns"] <= newest_ns for row in table) - figures["contacts"] <= UNSETTLED
    direction = told[-1][3]
    assert figures["direction"] == direction
    cadence = figures["cadence_spm"]
    of_bout = [row for row in steps if row["direction"] == direction and row["t_end_ns"] <= newest_ns]
    times_s = [row["step_time_s"] for row in of_bout]
    assert any(cadence["value"] == pytest.approx(60.0 / fmean(one)) for one in last(times_s, cadence["n"]))
    for foot in FEET:
        toes, drop = figures["toes"][foot], figures["drop_deg"][foot]
        ten = [row for row in contacts if row["foot"] == foot][-10:]
        known = [row["pattern"] for row in ten if row["direction"] == direction and row["pattern"] != "uncertain"]
        assert toes["last"] == ten[-1]["pattern"]
        assert (toes["toe_first"], toes["n"]) == (known.count("toe_to_heel"), len(known))
        clean = [row for row in of_bout if row["stance_foot"] == foot and not row["quality"]]
        drops_deg = [row["pelvic_drop_deg"] for row in clean if row["pelvic_drop_deg"] is not None]
        assert any(drop["value"] == pytest.approx(fmean(one)) for one in last(drops_deg, drop["n"]))


def last(values, n):
    """The last n, and those before them: what a step was is known a little later than the contact that ends it."""
    ends = range(len(values), max(n, len(values) - UNSETTLED) - 1, -1)
    return [values[end - n : end] for end in ends]


DIRECTIONS = {"Backward": "backward", "Forward": "forward", "In place": "in_place", "Not clear": "uncertain"}
ROWS = {
    "Contacts": ("contacts", 0, 1),
    "Cadence": ("cadence_spm", 1, 1),
    "Toes first, left": ("toe_first_share.left", 0, 100),
    "Toes first, right": ("toe_first_share.right", 0, 100),
    "Pelvic drop, left stance": ("pelvic_drop_deg.left", 1, 1),
    "Pelvic drop, right stance": ("pelvic_drop_deg.right", 1, 1),
    "Stride length": ("stride_length_m", 2, 1),
    "Speed": ("speed_m_s", 2, 1),
    "Stance, share of the stride": ("stance_fraction", 0, 100),
    "Step time, right against left": ("step_time_asymmetry_pct", 1, 1),
}


def check_summary(summary, table):
    """The end's table against summary.json, cell by cell."""
    directions = [DIRECTIONS[name] for name in table[0][1:]]
    assert directions[:2] == ["backward", "forward"]
    assert [row[0] for row in table[1:]] == list(ROWS)
    checked = 0
    for what, *cells in table[1:]:
        where, digits, factor = ROWS[what]
        for direction, cell in zip(directions, cells, strict=True):
            found = summary["directions"][direction]
            for key in where.split("."):
                found = (found or {}).get(key)
            value = found.get("mean", found.get("value")) if isinstance(found, dict) else found
            if value is None:
                assert cell.startswith(NONE)
                continue
            checked += 1
            assert re.match(r"[\u2212\d.]+", cell)[0] == shown(value * factor, digits), (what, direction)
    assert checked >= 15


def check_events(folder, document):
    rows = [(row["kind"], json.loads(row["value"]), row["t_ns"]) for row in stored(folder, EVENTS)]
    cues = [value for kind, value, _ in rows if kind == "cue" and value["event"] == "given"]
    assert len(cues) == document["cue"]["given"] >= 1
    assert {cue["metric"] for cue in cues} == {"drop"}
    assert {"right: keep the hips level"} <= {cue["say"] for cue in cues}
    steps = {row["t_end_ns"]: row for row in stored(folder, STEPS)}
    for cue in cues:
        step = steps[cue["t_step_ns"]]
        assert step["stance_foot"] == cue["foot"]
        assert step["pelvic_drop_deg"] > MOST_DROP_DEG
        assert step["direction"] == "backward"
    assert [value for kind, value, _ in rows if kind == "note"] == [{"text": "looked down"}]
    assert {"name": "mark"} in [value for kind, value, _ in rows if kind == "mark"]
    phases = [value["id"] for kind, value, _ in rows if kind == "phase" and value["event"] == "begin"]
    assert phases[:5] == ["stand-before", "forward-before", "turn-round", "backward", "forward-after"]


@pytest.mark.timeout(180)
def test_a_whole_session_from_the_page(run, tmp_path, chromium):
    caught, table, document = [], [], {}

    async def main():
        found = await sit_through(tmp_path, chromium)
        caught.extend(found[0])
        table.extend(found[1])
        document.update(found[2])

    run(main())
    [folder] = (tmp_path / "subject=S01").iterdir()
    assert len(caught) == 2
    for one in caught:
        check_caught(folder, *one)
    assert [one["figures"]["direction"] for one, *_ in caught] == ["backward", "forward"]
    check_summary(json.loads((folder / "analysis" / "summary.json").read_text()), table)
    check_events(folder, document)
    assert json.loads((folder / "session.json").read_text())["conditions"]["rails"] == "one hand"
