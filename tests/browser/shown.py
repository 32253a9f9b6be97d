"""A desk that shows what a simulated walk came to, at any stage, and takes no orders: for tests of the page alone.

`python -m tests.browser.shown` serves it in a process of its own, which may be killed.
"""

import asyncio
import sys
from dataclasses import replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from tempfile import mkdtemp

from imu.core.session import SENSORS
from imu.core.units import NS_PER_S
from imu.live.audience import Audience
from imu.live.board import Board
from imu.live.desk.desk import Desk, Given
from imu.live.desk.showing import figures_document
from imu.live.page.serve import serving
from imu.live.subscribers import Subscribers
from imu.pipeline import Pipeline
from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors
from tests.live.desk.no_air import Nowhere

ROOT = Path(__file__).parents[2]
STAGES = ("setup", "recording", "ended")
SESSION = "2030-01-02T03-04-05Z"
STOPPED_S = 0.6
"""After the last step: the figures are settled, and not old."""
WALK = Protocol(
    segments=(
        Stand(seconds=3),
        Walk(direction="forward", seconds=12, speed_m_s=1.1),
        Stand(seconds=2),
        Walk(direction="backward", seconds=14, speed_m_s=0.7),
        Stand(seconds=1),
    ),
    activity="forward, backward",
)


@cache
def walked():
    """A walk as the pipeline measured it: figures, their reasons, the last contacts, the summary."""
    sensors = {name: replace(model, rate_hz=100.0) for name, model in usual_sensors().items()}
    recording = simulate(Person(), WALK, sensors, seed=1, subject="SIM01", session="walk")
    pipeline, board, contacts = Pipeline(recording.session, tuple(SENSORS)), Board(), []
    for blocks in zip_longest(*(recording.samples(sensor) for sensor in SENSORS)):
        for sensor, samples in zip(SENSORS, blocks, strict=True):
            if samples is not None:
                hear(board, contacts, pipeline.push(sensor, samples))
    hear(board, contacts, pipeline.flush())
    newest_s = contacts[-1]["t_ns"] / NS_PER_S
    board.reached(contacts[-1]["t_ns"] + round(STOPPED_S * NS_PER_S))
    figures, greyed = figures_document(board, newest_s + STOPPED_S)
    return {"figures": figures, "greyed": greyed, "contacts": contacts[-60:]}, pipeline.summary()


def hear(board, contacts, events):
    board.hear(events)
    for event in events:
        if event.kind == "contact":
            row = event.row
            contacts.append(
                {
                    "foot": row["foot"],
                    "t_ns": row["t_contact_ns"],
                    "pattern": row["pattern"],
                    "direction": row["direction"],
                }
            )


class ShownDesk:
    """What `stage` shows is the document of a real desk, with what a walk would have put into it."""

    def __init__(self, document, shown, summary):
        self.audience = Audience()
        self.stage = "setup"
        self.changes = {}
        """Of the document: what a test puts over it."""
        self.done = []
        self._document, self._shown, self._summary = document, shown, summary
        self._asked = 0
        self._notices = Subscribers()
        self.subscribe_events, self.unsubscribe_events = self._notices.subscribe, self._notices.unsubscribe

    def mounting(self, _sensor):
        return None

    async def do(self, command):
        self.done.append(dict(command))

    def tell(self, **notice):
        self._notices.tell(notice)

    def document(self):
        links = [
            {"sensor": sensor, "serial": sensor.upper(), "state": "streaming", "rate_hz": 200.0, "lost": 0}
            | {"battery_pct": 87, "breaks": 0, "note": "", "shaken": False}
            for sensor in SENSORS
        ]
        session = {**self._document["session"], "subject": "S01", "simulated": True}
        said = {**self._document, "stage": self.stage, "links": links}
        if self.stage != "setup":
            said |= {"clock": {"elapsed_s": 31.0, "phase_s": 12.0}, "session": {**session, "session": SESSION}}
            said |= {"baseline": {"drop_deg": {"left": 4.5, "right": 6.5}, "cadence_spm": 105.0}}
            said["baseline"] |= {"direction": "forward", "source": "phase forward-before"}
            said["belt"] = {"speed_m_s": 0.7, "source": "typed", "incline_pct": None}
            said["cue"] = {**self._document["cue"], "metric": "drop", "high": 5.0, "on": True}
        if self.stage == "recording":
            # while sensors are heard, that is news each time
            self._asked += 1
            figures = {**self._shown["figures"], "age_s": 0.1 + self._asked % 10 / 100}
            said |= {**self._shown, "figures": figures}
        if self.stage == "ended":
            next_ = [{"text": "For another session, start the program again.", "command": None}]
            said["summary"] = {"folder": "sessions/subject=S01", "problem": "", "summary": self._summary}
            said["summary"] |= {"against": None, "cues_given": 3, "next": next_}
        return {**said, **self.changes}


async def shown_desk(store):
    """A desk of the whole document's keys."""
    async with Desk(Nowhere(), store, Given(simulated=True)) as desk:
        await desk.do({"do": "protocol", "name": "demo-live"})
        document = desk.document()
    return ShownDesk(document, *await asyncio.to_thread(walked))


async def main():
    """Serve it at the port that is named, while recording."""
    desk = await shown_desk(Path(mkdtemp()))
    desk.stage = "recording"
    async with serving(desk, port=int(sys.argv[1])) as (address, _):
        sys.stdout.write(f"{address.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
