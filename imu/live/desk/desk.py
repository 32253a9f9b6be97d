"""One sitting as a person runs it: set-up, recording, end. All of its state is one document; it knows no page.

The recorder takes no orders from here but to begin and to stop. Whatever a command runs into, it goes on.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from firmware_bridge.central import Central
from firmware_bridge.driver import drivers as installed
from firmware_bridge.packets import BridgeError
from imu.core.errors import CannotRecord, RetrogaitError
from imu.core.samples import Floats, Ints
from imu.core.session import SENSORS, Sensor
from imu.live.audience import Audience
from imu.live.desk import showing
from imu.live.desk.coach import Coach
from imu.live.desk.orders import BEFORE, BOTH, RECORDING, REST, Handler, Orders, Time
from imu.live.desk.setup import Given, Refused, Setup
from imu.live.desk.showing import Stage
from imu.live.desk.station import Station
from imu.live.desk.warned import Warned
from imu.live.desk.wire import LONGEST_TEXT, Notice
from imu.live.live import Live
from imu.live.recover import Recovered, finish
from imu.live.sitting import now_utc
from imu.live.subscribers import Subscribers, Subscription

TICK_S: Final = 0.1
ROOM_BEHIND: Final = 1 << 14
"""Packets that may wait for the coach: minutes."""


class Desk:
    """`async with Desk(...) as desk`, then `document()`, `do(...)` and `subscribe_events()`.

    Args:
        central: the radio.
        store: where sessions go.
        given: what is known beforehand.
        on_start: told when a recording begins, at once.
        on_made: told of the session, in a thread, before the stage is `ended`.
    """

    def __init__(
        self,
        central: Central,
        store: Path,
        given: Given | None = None,
        *,
        on_start: Callable[[Live], None] | None = None,
        on_made: Callable[[Recovered], None] | None = None,
    ) -> None:
        self.ended = asyncio.Event()
        self.made: Recovered | None = None
        """What the recording came to."""
        self._given = given = given or Given()
        self._drivers = installed() if given.drivers is None else given.drivers
        self._setup = Setup(store)
        self._station = Station(
            central, self._drivers, given.worn, worn_path=given.worn_path, look=self._look, on_slip=self._on_slip
        )
        self._notices = Subscribers[Notice]()
        self._warned = Warned(self._notices.tell, lambda: None if self._stage == "setup" else self.live.elapsed_s)
        self._coach = Coach(self._mark, self._notices.tell, self._warned.say)
        self._on_start, self._on_made = on_start, on_made
        self._stage: Time = "setup"
        self._session: str | None = None
        self._log: Path | None = None
        self._problem = ""
        self._said: set[str] = set()
        """Problems that were told; each is told once."""
        self._summary: dict[str, Any] | None = None
        self._recovering: set[str] = set()
        """Logs of which a session is being made."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._orders = Orders(self._all_handlers(), lambda: self._stage, self._begun)

    @property
    def audience(self) -> Audience:
        """Rows and events of the recording, from its first to its last."""
        return self._station.audience

    @property
    def live(self) -> Live:
        """The live loop of those that are worn just now."""
        return self._station.live

    @property
    def stage(self) -> Stage:
        """Where the sitting is. `ready`: all that should be done before is done; one may start without."""
        return "ready" if self._stage == "setup" and not self._lacking() else self._stage

    @property
    def log(self) -> Path | None:
        """Where the recording grows, or grew; None before it began."""
        return self._log

    @property
    def problem(self) -> str:
        """What went wrong with the recording or its session; "" for nothing."""
        return self._problem

    def subscribe_events(self) -> Subscription[Notice]:
        """Contacts, cues and warnings from now on; who is slow loses the oldest."""
        return self._notices.subscribe()

    def unsubscribe_events(self, notices: Subscription[Notice]) -> None:
        """It gets no more."""
        self._notices.unsubscribe(notices)

    def mounting(self, sensor: Sensor) -> Floats | None:
        """(3, 3) of a worn sensor; None = not known, or not worn."""
        return self._station.mountings.get(sensor)

    def document(self) -> dict[str, Any]:
        """All of the state, the same keys each time: docs/adr/0004-the-page.md."""
        known = showing.Known(
            stage=self.stage,
            session=self._session,
            simulated=self._given.simulated,
            problem=self._problem,
            summary=self._summary,
            warnings=self._warned.document(),
        )
        return showing.document(known, self._setup, self._station, self._coach)

    async def do(self, command: Mapping[str, Any]) -> None:
        """Carry out what a person asked for: {"do": name, ...}.

        Whoever asked may leave meanwhile: what was begun comes to its end.

        Raises:
            Refused: no such command, not now, or not with these words.
        """
        await self._orders.do(command)

    async def __aenter__(self) -> Self:
        self._station.begin(self._given.asides)
        self._coach.wear(self._station.mountings)
        await self._setup.look_round()
        self._watching = self._begun(self._watch())
        self._begun(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A recording that runs is ended well."""
        try:
            async with self._orders.turn:
                if self._stage == "recording":
                    self._stop()
            if self._stage == "ending":
                await self.ended.wait()
        finally:
            tasks = [task for task in self._tasks if not task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._notices.end()
            if self._stage != "ended":
                await self._station.close()

    def _begun(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _lacking(self) -> list[str]:
        return [*self._setup.lacking(), *self._station.lacking()]

    def _look(self, sensor: Sensor, t_ns: Ints, acc: Floats, gyr: Floats) -> None:
        """Before the recording: who stands how."""
        self._coach.look(sensor, t_ns, acc, gyr)

    def _on_slip(self, slip: BaseException) -> None:
        self._say_problem(f"a link has ended for good: {slip}")

    def _say_problem(self, text: str) -> None:
        self._problem = self._problem or text
        if text not in self._said:
            self._said.add(text)
            self._warned.say(text)

    def _warn(self, text: str) -> None:
        self._mark("warning", {"text": text})
        self._warned.say(text)

    def _mark(self, kind: str, value: Mapping[str, Any]) -> None:
        if self._stage == "recording":
            self.live.mark(kind, value)

    async def _watch(self) -> None:
        """What the live loop hears, to the coach."""
        async for heard in self.audience.subscribe(ROOM_BEHIND):
            try:
                self._coach.hear(heard)
            except Exception as slip:  # noqa: BLE001 whatever it is, it must cost nobody a recording
                self._say_problem(f"cues have failed, a mistake of this program ({slip!r}); the recording goes on")
                return

    async def _tick(self) -> None:
        failed = False
        while True:
            await asyncio.sleep(TICK_S)
            if self.live.aside("treadmill") is not None:
                self._setup.belt_told = True
            if self._stage != "recording":
                continue
            if self.live.problem is not None:
                self._say_problem(showing.stopped_text(self.live.problem))
                self._stop()
                continue
            try:
                if not failed:
                    self._pass()
            except Exception as slip:  # noqa: BLE001 as above
                failed = True
                self._say_problem(f"phases have failed, a mistake of this program ({slip!r}); the recording goes on")

    def _pass(self) -> None:
        """Time goes on."""
        belt = showing.belt_document(self.live, self._setup)
        self._coach.tick(self.live.elapsed_s, belt["speed_m_s"], belt_told=belt["source"] == "treadmill")
        player = self.live.player
        if player is not None and self._coach.calibration.wants_word:
            self._coach.calibration.take(player.chain.calibrations)

    # --- what a person asks for

    def _all_handlers(self) -> dict[str, Handler]:
        return {
            "subject": Handler(BEFORE, self._do_subject),
            "against": Handler(BEFORE, self._do_against),
            "scan": Handler(BEFORE, self._station.scan, apart=True),
            "bind": Handler(BEFORE, self._do_bind),
            "unbind": Handler(BEFORE, self._do_unbind),
            "check": Handler(BOTH, self._do_check),
            "note_of": Handler(BOTH, self._do_note_of),
            "belt": Handler(BOTH, self._do_belt),
            "protocol": Handler(BEFORE, self._setup.follow),
            "start": Handler(BEFORE, self._do_start),
            "next": Handler(RECORDING, self._do_next),
            "pause": Handler(RECORDING, partial(self._do_pause, paused=True)),
            "resume": Handler(RECORDING, partial(self._do_pause, paused=False)),
            "mark": Handler(RECORDING, partial(self._mark, "mark", {"name": "mark"})),
            "note": Handler(RECORDING, self._do_note),
            "cue": Handler(BOTH, self._do_cue),
            "recover": Handler(REST, self._do_recover, apart=True),
            "stop": Handler(RECORDING, self._stop),
        }

    async def _do_subject(self, code: str) -> None:
        before = self._setup.subject
        await self._setup.choose(code)
        if code != before:
            self._coach.baselines = {}

    async def _do_against(self, session: str | None) -> None:
        self._coach.baselines = await self._setup.compare(session)

    async def _do_bind(self, serial: str, sensor: Sensor) -> None:
        await self._station.bind(serial, sensor)
        self._coach.wear(self._station.mountings)

    async def _do_unbind(self, sensor: Sensor) -> None:
        await self._station.unbind(sensor)
        self._coach.wear(self._station.mountings)

    def _do_check(self, id: str, done: bool) -> None:  # noqa: A002 the wire's word
        self._setup.check(id, done)
        self._mark("check", {"id": id, "done": done})

    def _do_note_of(self, key: str, value: object) -> None:
        self._setup.note(key, value)
        self._mark("conditions", {key: value})

    def _do_belt(self, speed: str) -> None:
        self._mark("belt_speed", {"speed_m_s": self._setup.type_belt(speed), "typed": True})

    def _do_cue(self, **changes: Any) -> None:
        self._coach.set_cue(changes)

    def _do_next(self) -> None:
        if not self._coach.next(self.live.elapsed_s):
            raise Refused("there is no phase any more; want stop, or walk on freely")

    def _do_pause(self, *, paused: bool) -> None:
        if not self._coach.pause(paused):
            raise Refused("no phase runs" if paused else "no phase is paused")

    def _do_note(self, text: object) -> None:
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
            raise Refused(f"want a note of 1 to {LONGEST_TEXT} characters")
        self._mark("note", {"text": text.strip()})

    async def _do_start(self) -> None:
        subject = self._setup.subject
        if subject is None:
            raise Refused("nobody is chosen; want a subject first")
        if self._station.scanning:
            raise Refused("it is still looking for sensors; want a few seconds of patience")
        session = self._given.session or now_utc().strftime("%Y-%m-%dT%H-%M-%SZ")
        log = self._setup.new_log(subject, session)
        said = self._setup.document()
        before = self._given.document
        conditions = {**before.get("conditions", {}), **said.get("conditions", {})}
        document = {**before, **said, "session": session, "conditions": conditions}
        undone = self._lacking()
        there = await self._station.start(log, document)
        self._log, self._session = log, session
        self._stage = "recording"
        self._begun(self._station.release_but(there))
        mountings = self._station.mountings
        self._coach.wear({sensor: mountings[sensor] for sensor in SENSORS if sensor in there}, recorded=True)
        self._coach.begin(self._setup.protocol)
        if self._setup.belt_m_s is not None and not self._setup.belt_told:
            self._mark("belt_speed", {"speed_m_s": self._setup.belt_m_s, "typed": True})
        if undone:
            self._mark("warning", {"text": "begun before all was made sure of", "undone": undone})
        for one in self._station.worn:
            if one.sensor not in there:
                why = "has sent nothing yet" if self.live.links[one.serial].connected else "is not connected"
                self._warn(f"{showing.SENSOR_WORDS[one.sensor]} ({one.serial}) {why}: no part of this recording")
        if self._on_start is not None:
            self._on_start(self.live)

    def _stop(self) -> None:
        """The recording ends; its session is made meanwhile."""
        self._coach.end()
        self._stage = "ending"
        self._begun(self._end())

    async def _end(self) -> None:
        log, said = self._log, self._setup
        try:
            try:
                await self._station.close()
            except CannotRecord as why:
                # what came before is a session too
                self._say_problem(showing.stopped_text(why))
            if self._watching is not None:
                # the last contacts are told before the end is
                await asyncio.wait({self._watching})
            if log is not None and log.exists():
                self.made = await asyncio.to_thread(self._finish, log)
        except (RetrogaitError, BridgeError, OSError) as why:
            self._say_problem(f"{why}; what was recorded is in {log}")
        except Exception as why:  # noqa: BLE001 whatever it is, where the recording lies has to be said
            self._say_problem(
                f"the session could not be made, a mistake of this program ({why!r}); what was recorded is in {log}"
            )
        finally:
            given = self._coach.cues.given
            against = None if said.against is None else {"session": said.against, "summary": said.against_summary}
            self._summary = showing.summary_document(self.made, self._problem, against, given)
            self._stage = "ended"
            self.ended.set()
        await said.look_round()

    def _finish(self, log: Path) -> Recovered:
        made = finish(log, self._setup.store, self._drivers)
        if self._on_made is not None:
            self._on_made(made)
        return made

    async def _do_recover(self, log: str) -> None:
        known = {str(left): left for left in self._setup.left}
        if log in self._recovering:
            raise Refused(f"{log} is being made a session already; want a little patience")
        if log not in known:
            raise Refused(f"no log {log!r} was left behind; want {', '.join(known) or 'none: there is none'}")
        self._recovering.add(log)
        try:
            await asyncio.to_thread(finish, known[log], self._setup.store, self._drivers)
        finally:
            self._recovering.discard(log)
            # to look whether a log is held is to hold it for a moment, and one may just begin
            async with self._orders.turn:
                await self._setup.look_round()
