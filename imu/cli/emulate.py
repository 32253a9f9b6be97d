"""A sitting with emulated sensors that a simulated person wears: the whole path but for the air."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from imu.cli.on_loop import Stop
from imu.cli.sit import Sitting, sit
from imu.cli.view import Screen
from imu.core.session import Sensor
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS, TRUTH_STEPS, Columns, Table
from imu.core.units import NS_PER_S
from imu.live.desk.desk import Desk
from imu.live.desk.setup import Given
from imu.live.emulated import Conditions, Emulation, setups, worn_by
from imu.live.live import Live
from imu.live.radio import open_radio
from imu.live.recover import Recovered
from imu.live.standing import Standing
from imu.live.worn import Worn
from imu.simulate import Recording, Spec
from imu.store.write_session import write_truth
from imu.version import VERSION


async def sit_emulated(
    recording: Recording,
    asked: Sitting,
    screen: Screen,
    stop: Stop,
    *,
    conditions: Conditions | None = None,
    on_start: Callable[[Live], None] | None = None,
) -> Recovered | None:
    """As `sit`, until the person has walked to the end; the truth is written beside the session.

    `recording` is what `worn_by` makes.

    Raises:
        NoEmulator: bumble is not installed.
        RetrogaitError: as `sit`.
    """
    async with Emulation(recording, conditions) as emulation:
        worn = worn_of(recording, emulation.worn)
        asked = replace(
            asked,
            worn=worn,
            document=_simulated(recording, asked.document),
            hci=emulation.transport,
            asides=("treadmill",) if recording.treadmill is not None else (),
        )

        loop = asyncio.get_running_loop()
        begun_s = 0.0

        def started(live: Live) -> None:
            nonlocal begun_s
            begun_s = loop.time() - emulation.origin_s - live.elapsed_s
            if on_start is not None:
                on_start(live)

        async def walk() -> None:
            await emulation.finished()
            stop.asked.set()

        walking = asyncio.create_task(walk())
        try:
            made = await sit(asked, screen, stop, on_start=started)
        finally:
            walking.cancel()
    if made is not None:
        write_what_was_true(recording, made, begun_s)
    return made


STILL_S: Final = 1.5
"""How long they go on standing once it records."""


@asynccontextmanager
async def emulated_desk(
    spec: Spec, store: Path, *, seed: int, session: str | None = None, made_by: str | None = None
) -> AsyncGenerator[tuple[Desk, Emulation]]:
    """A desk whose sensors a simulated person wears, for as long as the block lasts; they walk off when it records.

    The truth is written beside the session.

    Raises:
        NoEmulator, NoRadio, DriverMissing: as `Emulation`, `open_radio`.
    """
    recording = worn_by(spec, seed=seed, lead_s=STILL_S)
    standing = Standing(spec, recording)
    begun_s = 0.0

    def on_start(live: Live) -> None:
        nonlocal begun_s
        standing.walk_off()
        begun_s = asyncio.get_running_loop().time() - emulation.origin_s - live.elapsed_s

    async with Emulation(recording, standing=standing) as emulation:
        given = Given(
            worn=worn_of(recording, emulation.worn),
            asides=("treadmill",) if recording.treadmill is not None else (),
            session=session,
            document=_simulated(recording, {} if made_by is None else {"made_by": made_by}),
            simulated=True,
        )

        def on_made(made: Recovered) -> None:
            write_what_was_true(recording, made, begun_s)

        async with (
            open_radio(emulation.transport) as central,
            Desk(central, store, given, on_start=on_start, on_made=on_made) as desk,
        ):
            yield desk, emulation


def _simulated(recording: Recording, document: Mapping[str, Any]) -> dict[str, Any]:
    """Of session.json, with what the simulator knows."""
    known = recording.session.document
    return {
        **document,
        "activity": known["activity"],
        "source": "simulated",
        "simulation": {"seed": recording.seed},
        "conditions": {**known["conditions"], **document.get("conditions", {})},
    }


def write_what_was_true(recording: Recording, made: Recovered, begun_s: float) -> None:
    """The truth beside its session, which began so long after the person's first instant."""
    if made.summary is None:
        return
    begin_ns = round(begun_s * NS_PER_S)
    between = partial(_between, begin_ns=begin_ns, end_ns=begin_ns + round(made.summary["duration_s"] * NS_PER_S))
    write_truth(
        made.folder,
        contacts=between(recording.contacts, TRUTH_CONTACTS),
        steps=between(recording.steps, TRUTH_STEPS),
        pelvis=(between(block, TRUTH_PELVIS) for block in recording.truth_pelvis()),
        version=VERSION,
        params={},
    )


def _between(columns: Columns, table: Table, *, begin_ns: int, end_ns: int) -> Columns:
    """The rows that begin in the recording, on its clock."""
    at = np.asarray(columns[table.sorted_by[0]])
    keep = (at >= begin_ns) & (at < end_ns)

    def since(name: str) -> npt.NDArray[Any]:
        values = cast("npt.NDArray[Any]", np.ma.asarray(columns[name])[keep])
        return values - begin_ns if name.startswith("t_") else values

    return {name: since(name) for name in columns}


def worn_of(recording: Recording, serials: Mapping[Sensor, str]) -> tuple[Worn, ...]:
    """The sensors of an emulation, worn as the simulator says."""
    said = setups(recording)
    return tuple(
        Worn(
            sensor=sensor, serial=serial, placement=said[sensor]["placement"], mounting=_rows(said[sensor]["mounting"])
        )
        for sensor, serial in serials.items()
    )


def _rows(mounting: list[list[float]] | None) -> tuple[tuple[float, ...], ...] | None:
    return None if mounting is None else tuple(tuple(row) for row in mounting)
