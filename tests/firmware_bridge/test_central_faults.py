"""What a `Central` does when a step fails, hangs or is cancelled."""

import asyncio
import time
from typing import Any

import pytest
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError

from firmware_bridge.central import Central
from firmware_bridge.link import Inbox, LinkFailed
from firmware_bridge.ogi import Ogi
from firmware_bridge.watch import Backoff, Timing
from tests.firmware_bridge.central_bench import PATIENCE_S, QUICK, Bench, Run, cancelled, fields_of


@pytest.mark.parametrize("step", ["connect", "identify", "subscribe", "start"])
@pytest.mark.parametrize(
    "slip",
    [BleakError("Not permitted"), TimeoutError(), OSError(32, "Broken pipe"), EOFError(), KeyError("path"),
     AssertionError(), asyncio.CancelledError()],
    ids=repr,
)  # fmt: skip
def test_whatever_a_backend_throws_the_sensor_is_tried_again_and_others_never_notice(run: Run, step: str, slip: Any):
    async def main() -> None:
        bench = Bench("A1", "B2")
        bench.devices[0].fails[step] = [slip, slip]
        async with bench.supervised():
            await bench.streaming("A1", 10)
        told = bench.texts("A1", "lost" if step in {"subscribe", "start"} else "note")
        assert len(told) == 2
        assert all(text.startswith(f"{step}: ") for text in told)
        for sensor in bench.sensors:
            assert bench.packets(sensor.serial) == sensor.made
        assert {one.kind for one in bench.arrivals if one.source == "B2"} <= {
            "connected", "identified", "data", "ping", "battery",
        }  # fmt: skip

    run(main())


@pytest.mark.parametrize("step", ["connect", "identify", "subscribe", "start", "resend"])
def test_a_step_that_hangs_is_given_up(run: Run, step: str):
    async def main() -> None:
        bench = Bench("A1")
        if step != "resend":
            bench.devices[0].hangs.add(step)
        async with bench.supervised():
            if step == "resend":
                await bench.streaming("A1")
                bench.devices[0].hangs.add(step)
                bench.devices[0].drop()
            await asyncio.wait_for(bench.devices[0].entered.wait(), PATIENCE_S)
            bench.devices[0].hangs.clear()
            await bench.streaming("A1")
        assert any(
            "no answer within 0.2 s" in one.payload.decode() for one in bench.arrivals if one.kind in {"lost", "note"}
        )
        assert bench.packets("A1") == bench.sensors[0].made

    run(main())


def test_a_clock_or_battery_that_refuses_costs_no_data(run: Run):
    async def main() -> None:
        bench = Bench("A1")
        bench.devices[0].fails |= {"ping": BleakError("Read not permitted"), "read": BleakError("Not supported")}
        async with bench.supervised():
            await bench.until(lambda: any("battery" in text for text in bench.texts("A1", "note")))
            await bench.streaming("A1", 10)
        assert not bench.of("A1", "lost")
        assert {"ask for its clock: Read not permitted", "ask for its battery: Not supported"} == set(
            bench.texts("A1", "note")
        )

    run(main())


STATES = ["scan", "absent", "connect", "identify", "subscribe", "start", "streaming", "ping", "backoff"]


@pytest.mark.parametrize("state", STATES)
def test_cancelled_in_any_state_it_leaves_nothing(run: Run, state: str):
    async def main() -> None:
        timing = Timing(
            **{**fields_of(QUICK), "backoff_first_s": 60.0, "connect_s": 60.0, "call_s": 60.0, "scan_s": 60.0}
        )
        bench = Bench("A1", timing=timing)
        (device,) = bench.devices
        device.hangs.add(state)
        bench.radio.scan_hangs = state == "scan"
        device.absent = state == "absent"
        async with bench.supervised():
            if state == "scan":
                await bench.radio.entered.wait()
            elif state == "absent":
                await bench.until(lambda: bench.radio.scanning == 1)
            elif state in {"streaming", "backoff"}:
                await bench.streaming("A1")
            else:
                await device.entered.wait()
            if state == "backoff":
                device.absent = True
                device.drop()
                await bench.until(lambda: bool(bench.of("A1", "lost")))
        assert device.client is None
        assert not bench.texts("A1", "note")
        heard = device.sensor.heard
        if state in {"streaming", "ping"}:
            assert heard[-3:] == ["stop", "unsubscribe", "disconnect"]
        assert heard.count("connect") == heard.count("disconnect")

    run(main())


@pytest.mark.parametrize("step", ["stop", "unsubscribe", "disconnect"])
@pytest.mark.parametrize("how", ["hangs", "fails"])
def test_an_end_that_goes_wrong_still_ends_and_says_so(run: Run, step: str, how: str):
    async def main() -> None:
        bench = Bench("A1")
        async with bench.supervised() as tasks:
            await bench.streaming("A1")
            if how == "hangs":
                bench.devices[0].hangs.add(step)
            else:
                bench.devices[0].fails[step] = BleakError("gone mad")
            began_s = time.monotonic()
            await cancelled(*tasks)
            assert time.monotonic() - began_s < 2
        why = "no answer within 0.2 s" if how == "hangs" else "gone mad"
        assert bench.texts("A1", "note") == [f"{step}: {why}"]
        if step != "disconnect":
            assert bench.devices[0].client is None

    run(main())


def test_cancelled_twice_it_still_disconnects(run: Run):
    async def main() -> None:
        bench = Bench("A1", timing=Timing(**{**fields_of(QUICK), "leave_s": 60.0}))
        async with bench.supervised() as (task,):
            await bench.streaming("A1")
            bench.devices[0].hangs.add("stop")
            task.cancel()
            await bench.devices[0].entered.wait()
            task.cancel()
            await asyncio.wait({task}, timeout=PATIENCE_S)
            assert task.cancelled()
        assert bench.devices[0].client is None

    run(main())


def test_pauses_double_up_to_a_limit_with_jitter_of_their_own():
    timing = Timing(backoff_first_s=0.1, backoff_most_s=10.0)
    limits = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    one, same, other = (Backoff(timing, [seed]) for seed in (1, 1, 2))
    pauses = [one.next_s() for _ in limits]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True))
    assert pauses == [same.next_s() for _ in limits]
    assert pauses != [other.next_s() for _ in limits]
    one.reset()
    assert one.next_s() <= 0.1


def test_pauses_grow_until_data_came(run: Run, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []

    class Noted(Backoff):
        def reset(self) -> None:
            calls.append("reset")

        def next_s(self) -> float:
            calls.append("next")
            return 0.001

    async def main() -> None:
        monkeypatch.setattr("firmware_bridge.central.Backoff", Noted)
        bench = Bench("A1")
        bench.devices[0].fails["start"] = [BleakError("no")] * 3
        async with bench.supervised():
            await bench.streaming("A1")
            bench.devices[0].drop()
            await bench.streaming("A1")

    run(main())
    assert calls == ["next", "next", "next", "reset", "next"]


def test_without_bluetooth_it_says_so_and_goes_on_trying(run: Run):
    class Off:
        def __init__(self, **_: Any) -> None: ...

        async def start(self) -> None:
            raise BleakBluetoothNotAvailableError(
                "No Bluetooth adapters found.", BleakBluetoothNotAvailableReason.UNKNOWN
            )

        async def stop(self) -> None: ...

    async def main() -> None:
        central, inbox = Central({"ogi": Ogi()}, scanner=Off, timing=QUICK), Inbox()
        with pytest.raises(LinkFailed, match="No Bluetooth adapters found"):
            await central.find(0.01)
        task = asyncio.create_task(central.supervise("A1", "ogi", inbox))
        first, *_ = await inbox.take()
        assert (first.kind, first.source) == ("note", "A1")
        assert b"No Bluetooth adapters found" in first.payload
        await inbox.take()
        await cancelled(task)

    run(main())
