"""`Central` over a whole Bluetooth stack, with an air that loses events and links."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import numpy as np
from bleak import BleakClient, BleakScanner

from firmware_bridge.central import Central
from firmware_bridge.dot import Dot
from firmware_bridge.emulator.air import Air
from firmware_bridge.emulator.dot import Dot as EmulatedDot
from firmware_bridge.emulator.radio import Radio
from firmware_bridge.emulator.sensor import Counts, Model, Sampled, Sensor
from firmware_bridge.link import Arrival, Inbox
from firmware_bridge.ogi import Ogi

Run = Callable[[Coroutine[Any, Any, None]], None]

SERIALS = ("A1", "B2", "C3")


def blocks(seed: int) -> Iterator[Counts]:
    rng = np.random.default_rng(seed)
    while True:
        yield rng.integers(-32000, 32000, (37, 6), dtype=np.int16)


def test_lost_events_a_broken_link_and_a_reboot(run: Run):
    async def main() -> None:
        truth: dict[str, list[Sampled]] = {serial: [] for serial in SERIALS}
        sensors = [
            Sensor(Model(serial=serial), blocks(seed), on_sampled=truth[serial].append)
            for seed, serial in enumerate(SERIALS)
        ]
        inbox, arrivals = Inbox(), list[Arrival]()

        async def until(met: Callable[[], bool]) -> None:
            async with asyncio.timeout(30):
                while not met():
                    await asyncio.sleep(0.02)
                    arrivals.extend(inbox.drain())

        def count(serial: str, kind: str) -> int:
            return sum((one.source, one.kind) == (serial, kind) for one in arrivals)

        async with Air(sensors, radio=Radio(interval_s=0.015, lost_events=0.05, seed=4)) as air:
            central = Central(
                {"ogi": Ogi()},
                client=partial(BleakClient, backend=air.client),
                scanner=partial(BleakScanner, backend=air.scanner),
            )
            tasks = [asyncio.create_task(central.supervise(serial, "ogi", inbox)) for serial in SERIALS]
            await until(lambda: all(count(serial, "data") >= 20 for serial in SERIALS))
            air.disconnect(sensors[0])
            air.reboot(sensors[1])
            await until(lambda: count("A1", "identified") == 2 and count("B2", "identified") == 2)
            before = {serial: count(serial, "data") for serial in SERIALS}
            await until(lambda: all(count(serial, "data") >= before[serial] + 20 for serial in SERIALS))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            arrivals.extend(inbox.drain())

        for serial in SERIALS:
            frames = [Ogi().decode(one.payload) for one in arrivals if (one.source, one.kind) == (serial, "data")]
            boots = np.cumsum([frame.clock_reset for frame in frames]) - 1
            got = [(boot, frame.first, frame.values) for boot, frame in zip(boots, frames, strict=True)]
            for boot in range(boots[-1] + 1):
                sent = np.concatenate([part.values for part in truth[serial] if part.boot == boot])
                came = np.concatenate([values for of, _, values in got if of == boot])
                lost = len(sent) - len(came)
                np.testing.assert_array_equal(came, sent[: len(came)])
                # what a sensor held when its power went is gone; all else came, once and in order
                assert lost == 0 or (serial, boot) == ("B2", 0)
        assert [count(serial, "lost") for serial in SERIALS] == [1, 1, 0]
        assert not any(one.kind == "overflow" for one in arrivals)

    run(main())


def test_a_dot_that_advertises_no_service_is_found_by_its_name(run: Run):
    async def main() -> None:
        rows = np.random.default_rng(5).normal(0, 3, (120, 6)).astype(np.float32)
        device = EmulatedDot(0xD422CD0012AB, rows, advertises_service=False)
        inbox, came = Inbox(), list[Arrival]()
        async with Air([device], radio=Radio(interval_s=0.015, seed=4)) as air:
            central = Central(
                {"ogi": Ogi(), "dot": Dot()},
                client=partial(BleakClient, backend=air.client),
                scanner=partial(BleakScanner, backend=air.scanner),
            )
            found = await central.find(0.5)
            assert [(one.driver, one.serial) for one in found] == [("dot", "0000D422CD0012AB")]
            task = asyncio.create_task(central.supervise("0000D422CD0012AB", "dot", inbox))
            async with asyncio.timeout(30):
                while sum(one.kind == "data" for one in came) < 60:
                    came += await inbox.take()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        values = [Dot().decode(one.payload).values for one in [*came, *inbox.drain()] if one.kind == "data"]
        np.testing.assert_allclose(np.concatenate(values), rows[: len(values)], rtol=3e-7)

    run(main())
