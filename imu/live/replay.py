"""A recording once more, as if it were live: the pipeline of `imu reprocess`, at the pace of the clock."""

import asyncio
from pathlib import Path
from typing import Final

from imu.core.tables import HEART_RATE, TREADMILL, Row, Table, number, whole
from imu.core.units import NS_PER_S
from imu.live.audience import Audience
from imu.live.player import Heard
from imu.pipeline import Pipeline
from imu.reprocess import turns
from imu.store.folder import present_sensors, read_session
from imu.store.tables import read_rows

PACKET_S: Final = 0.05
"""As much at a time as a sensor sends."""
TURN_S: Final = 0.02
"""However fast it goes, whoever looks on gets a turn so often."""


class Replay:
    """A session folder, to be looked on.

    Raises:
        SessionError: one line on what was refused.
    """

    def __init__(self, folder: Path) -> None:
        self.audience = Audience()
        self.session = read_session(folder)
        self.present = present_sensors(folder, self.session)
        self.t_ns = 0
        """Session clock, now."""
        self._folder = folder
        self._pipeline = Pipeline(self.session, self.present)
        self._asides: dict[str, list[Row]] = {table.name: _aside(folder, table) for table in (TREADMILL, HEART_RATE)}

    async def run(self, speed: float = 1.0) -> Pipeline:
        """To its end, `speed` times as fast as it was (infinity: as fast as it goes); the pipeline, flushed.

        Raises:
            SessionError: one line on what was refused.
        """
        try:
            await self._walk(speed)
        finally:
            self.audience.end()
        self._pipeline.check_usable()
        return self._pipeline

    async def _walk(self, speed: float) -> None:
        loop = asyncio.get_running_loop()
        begin_s = turn_s = loop.time()
        begin_ns: int | None = None
        for turn in turns(self._folder, self.session, self._pipeline, slice_s=PACKET_S):
            if turn.rows is not None and len(turn.rows):
                newest_ns = int(turn.rows.t_ns.max())
                begin_ns = newest_ns if begin_ns is None else begin_ns
                due_s = begin_s + (newest_ns - begin_ns) / NS_PER_S / speed
                if due_s > loop.time() or loop.time() - turn_s > TURN_S:
                    await asyncio.sleep(max(0.0, due_s - loop.time()))
                    turn_s = loop.time()
                self.t_ns = max(self.t_ns, newest_ns)
            self.audience.tell(Heard(turn.sensor, turn.rows, tuple(turn.events)))

    def aside(self, what: str) -> float | None:
        """Belt speed in m/s ("treadmill") or heart rate ("heart_rate"), as it was told last."""
        rows = self._asides[what]
        while len(rows) > 1 and whole(rows[1], "t_ns") <= self.t_ns:
            rows.pop(0)
        name = "speed_m_s" if what == TREADMILL.name else "heart_rate_bpm"
        return number(rows[0], name) if rows and whole(rows[0], "t_ns") <= self.t_ns else None


def _aside(folder: Path, table: Table) -> list[Row]:
    path = folder / "raw" / f"{table.name}.parquet"
    return read_rows(path, table) if path.exists() else []
