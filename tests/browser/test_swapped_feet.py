"""Somebody says at the page that the sensors are worn the other way round: the first steps show that they are not."""

from imu.cli.emulate import emulated_desk
from imu.live.page.serve import serving
from imu.simulate import Person, Protocol, Spec, Stand, Walk, usual_sensors
from tests.browser.driving import browsing, says, until, word
from tests.browser.sitting import Sitting

WALK = Protocol(segments=(Stand(seconds=3.0), Walk(direction="forward", seconds=20.0), Stand(seconds=2.0)))
TURNED = (("LEFT", "foot_right"), ("RIGHT", "foot_left"))


def test_feet_that_are_swapped_at_the_page_are_told_from_the_first_steps(hurry, tmp_path, chromium):
    async def main():
        async with (
            emulated_desk(Spec(Person(), WALK, usual_sensors()), tmp_path, seed=4) as (desk, emulation),
            serving(desk, port=0) as (address, _),
            browsing(chromium) as browser,
        ):
            sitting = Sitting(emulation, desk, address.port)
            page = await browser.open(address.url)
            await says(page, "h1", "^Set-up$")
            for serial, sensor in TURNED:
                await page.get_by_label(f"Where {serial} is worn").select_option(sensor)
                await until(lambda serial=serial, sensor=sensor: worn(desk, serial) == sensor, f"{serial} is {sensor}")
            await page.get_by_label("Subject code").fill("S01")
            await page.get_by_role("button", name="Choose").click()
            with sitting.hurried():
                await until(lambda: desk.live.streaming() >= set(emulation.worn), "all stream")
            await page.get_by_role("button", name="Start anyway").click()
            await says(page, "h1", "^Recording$")
            assert "on the other foot" not in await word(page, ".warnings")
            with sitting.hurried():
                await says(page, ".warnings", "(?s)Left foot: may be on the other foot.+Right foot: may be")
            browser.check()

    hurry(main())


def worn(desk, serial):
    return next((one["sensor"] for one in desk.document()["links"] if one["serial"] == serial), None)
