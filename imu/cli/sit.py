"""What `imu live`, `imu record` and `imu demo` share: from looking for sensors to the session in its store."""

import argparse
import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any, Final, Literal

from imu.cli.devices import add_hci, positive
from imu.cli.on_loop import Stop
from imu.cli.outcome import cut_short, left, told
from imu.cli.terminal import Bar, counted
from imu.cli.view import SENSOR_NAMES, LinkSeen, Scene, Screen
from imu.core.errors import BadSessionFile, DuplicateSession, RetrogaitError, UsageError
from imu.core.session import FOOT_SENSORS, SCHEMA, SENSORS, Sensor, Session
from imu.core.units import speed_m_s
from imu.live.live import Live
from imu.live.radio import drivers_in_use, open_radio
from imu.live.recover import Recovered, finish
from imu.live.sitting import left_behind, log_path, now_utc, ready, sitting
from imu.live.worn import BadWorn, Worn, checked, default_path, load
from imu.store.folder import SESSION_FILE, session_dir

REDRAWN_EVERY_S: Final = 0.2
LEAST_WAIT_S: Final = 1.0
FASTEST_BELT_M_S: Final = 8.0
"""No treadmill runs faster."""
ANY: Final = {"foot_left": {"rate_hz": 100.0}}
"""Sensors for a look at the rest of a session's description."""

Standard = Literal["treadmill", "heart_rate"]


class NotFound(RetrogaitError, LookupError):
    """Sensors that a recording can't go without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One sitting, as it is asked for."""

    store: Path
    subject: str
    session: str
    worn: Sequence[Worn] = ()
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of session.json, what is known beforehand."""
    hci: str | None = None
    asides: Sequence[Standard] = ()
    wait_s: float = 60.0
    """For sensors that are not there yet."""
    seconds: float | None = None
    """Length of the recording; None = until it is stopped."""
    analyse: bool = True
    belt_m_s: float | None = None
    """As it was typed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of a recording."""
    who = parser.add_argument_group("who and what")
    who.add_argument("--subject", metavar="CODE", help="a pseudonym, as S01; never a name")
    who.add_argument("--session", metavar="ID", help="else the time in UTC")
    who.add_argument("--out", type=Path, default=Path("sessions"), metavar="STORE", help="(default %(default)s)")
    who.add_argument("--activity", metavar="TEXT", help='as "treadmill, backward"')
    who.add_argument("--belt", metavar="SPEED", help="belt speed where no treadmill tells it, as 0.6m/s, 2km/h, 1.3mph")
    sensors = parser.add_argument_group("sensors (else those that imu devices --bind has bound)")
    for sensor in SENSORS:
        name = SENSOR_NAMES[sensor]
        sensors.add_argument(f"--{sensor.replace('_', '-')}", metavar="SERIAL", help=f"serial number at the {name}")
    sensors.add_argument("--driver", default="ogi", metavar="NAME", help="of sensors that are named here (%(default)s)")
    sensors.add_argument("--treadmill", action="store_true", help="read a treadmill's speed and incline (FTMS)")
    sensors.add_argument("--heart", action="store_true", help="read a heart rate strap")
    add_hci(parser)
    when = parser.add_argument_group("when")
    when.add_argument(
        "--wait", type=positive, default=60.0, metavar="S", help="for all sensors; then without (default %(default)g s)"
    )
    when.add_argument("--seconds", type=positive, metavar="S", help="stop by itself after so long; else by Ctrl-C")
    parser.add_argument("--quiet", action="store_true", help="show nothing but what failed")


def asked(args: argparse.Namespace, worn: Sequence[Worn] | None = None) -> Sitting:
    """What the arguments ask for; `worn` where that is known.

    Raises:
        UsageError, BadWorn: what they say can't be.
    """
    if args.subject is None:
        raise UsageError("got no --subject; want a pseudonym, as --subject S01")
    if args.wait < LEAST_WAIT_S:
        raise UsageError(f"--wait is {args.wait:g}; want {LEAST_WAIT_S:g} s at least")
    belt = None
    if args.belt is not None:
        try:
            belt = speed_m_s(args.belt)
        except ValueError as slip:
            raise UsageError(f"--belt: {slip}") from None
        if not 0.0 <= belt <= FASTEST_BELT_M_S:
            raise UsageError(
                f"--belt is {args.belt}, {belt:.2f} m/s; want 0 to {FASTEST_BELT_M_S:g} m/s (km/h or mph meant?)"
            )
    worn = _worn(args) if worn is None else worn
    wanted: list[tuple[Standard, bool]] = [("treadmill", args.treadmill), ("heart_rate", args.heart)]
    document: dict[str, Any] = {}
    if args.activity:
        document["activity"] = args.activity
    if belt is not None:
        document["conditions"] = {"belt_speed_m_s": belt}
    session = args.session or now_utc().strftime("%Y-%m-%dT%H-%M-%SZ")
    # before anybody waits for sensors, and before a path is made of it
    try:
        Session.parse({**document, "schema": SCHEMA, "subject": args.subject, "session": session, "sensors": ANY})
    except BadSessionFile as slip:
        raise UsageError(str(slip).replace("session.json has ", "got --", 1)) from None
    return Sitting(
        store=args.out,
        subject=args.subject,
        session=session,
        worn=worn,
        document=document,
        hci=args.hci,
        asides=[standard for standard, yes in wanted if yes],
        wait_s=args.wait,
        seconds=args.seconds,
        belt_m_s=belt,
    )


def _worn(args: argparse.Namespace) -> Sequence[Worn]:
    """Those that are named take the place of those that are bound."""
    bound = {one.sensor: one for one in load(default_path())}
    named: dict[Sensor, Worn] = {}
    for sensor in SENSORS:
        serial = getattr(args, sensor)
        if serial is not None:
            known = next((one for one in bound.values() if one.serial == serial and one.sensor == sensor), None)
            named[sensor] = known or Worn(sensor=sensor, serial=serial, driver=args.driver)
    worn = named or bound
    if not any(sensor in FOOT_SENSORS for sensor in worn):
        raise UsageError(
            "no foot sensor is bound; want one at least: imu devices, then imu devices --bind foot_left=SERIAL"
            " (or --foot-left SERIAL here)"
        )
    try:
        return checked(worn.values())
    except BadWorn as slip:
        raise UsageError(str(slip)) from None


async def sit(
    asked_: Sitting, screen: Screen, stop: Stop, *, on_start: Callable[[Live], None] | None = None
) -> Recovered | None:
    """From looking for sensors to the session in its store; None if it was stopped before it began.

    Raises:
        NotFound: no foot sensor came.
        CannotRecord: the recording could not begin, or stopped by itself; what came before is then a session, or its
            log is left.
        RetrogaitError: as `open_radio`, `Live.start`, `finish`.
    """
    log = log_path(asked_.store, asked_.subject, asked_.session)
    _refuse_others(asked_, log)
    begun = asyncio.Event()
    with stop.heard():
        try:
            # whatever ended it, a mistake of ours too: what came before is made a session, and then it goes on its way
            [slip] = await asyncio.gather(_sat(asked_, log, screen, stop, on_start, begun), return_exceptions=True)
            made = await _finished(log, asked_.store, screen) if begun.is_set() else None
        except asyncio.CancelledError:
            if begun.is_set():
                screen.say(await cut_short(log))
            raise
    if slip is not None:
        if made is not None:
            screen.say("\n".join(told(made)))
        raise slip
    if made is None:
        screen.say("nothing was recorded")
    return made


async def _sat(
    asked_: Sitting,
    log: Path,
    screen: Screen,
    stop: Stop,
    on_start: Callable[[Live], None] | None,
    begun: asyncio.Event,
) -> None:
    """The sensors' part of it: when it ends the log is whole. `begun` is set once there is one."""
    drivers = drivers_in_use(one.driver for one in asked_.worn)
    for name, driver in drivers.items():
        if driver.experimental:
            screen.say(f"driver {name}, experimental: {driver.experimental}")
    async with (
        open_radio(asked_.hci, drivers) as central,
        sitting(central, asked_.worn, drivers=drivers, asides=asked_.asides, analyse=asked_.analyse) as live,
    ):
        there = await _gathered(asked_, live, screen, stop)
        if not there:
            return
        document = {**asked_.document, "subject": asked_.subject, "session": asked_.session}
        await live.start(log, document, sensors=there, utc=now_utc)
        begun.set()
        if asked_.belt_m_s is not None:
            live.mark("belt_speed", {"speed_m_s": asked_.belt_m_s, "typed": True})
        if on_start is not None:
            on_start(live)
        await _recorded(asked_, live, screen, stop)
        screen.show(_scene(asked_, live, "stopping the sensors ..."))


def _refuse_others(asked_: Sitting, log: Path) -> None:
    folder = session_dir(asked_.store, asked_.subject, asked_.session)
    if (folder / SESSION_FILE).exists():
        raise DuplicateSession(f"{folder} holds a session already; want another --session or --out")
    for other in left_behind(asked_.store):
        if other == log:
            raise DuplicateSession(
                f"{log} was left by a recording of this name; want: imu recover {quote(str(log))}"
                f" --out {quote(str(asked_.store))}, or another --session"
            )


async def _gathered(asked_: Sitting, live: Live, screen: Screen, stop: Stop) -> frozenset[Sensor]:
    """All sensors stream, or those that came; none if it was stopped meanwhile."""
    waiting = asyncio.create_task(ready(live, [one.sensor for one in asked_.worn], asked_.wait_s))
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    try:
        while not waiting.done():
            screen.show(_scene(asked_, live, "looking for sensors; Ctrl-C to leave", loop.time() - begin_s))
            if await stop.within(REDRAWN_EVERY_S) or live.stopped.is_set():
                return frozenset()
    finally:
        waiting.cancel()
    there = waiting.result()
    missing = [one for one in asked_.worn if one.sensor not in there]
    if not any(sensor in FOOT_SENSORS for sensor in there):
        told = "; ".join(
            f"{one.sensor} {one.serial}: {live.links[one.serial].last_note or 'not seen'}" for one in missing
        )
        raise NotFound(
            f"no foot sensor came within {asked_.wait_s:g} s ({told}); want one at least (asleep, far away, or held by"
            " another program? imu devices shows what is in the air)"
        )
    for one in missing:
        screen.say(f"{one.sensor} {one.serial} did not come within {asked_.wait_s:g} s: this session goes without it")
    return there


async def _recorded(asked_: Sitting, live: Live, screen: Screen, stop: Stop) -> None:
    while not live.stopped.is_set() and (asked_.seconds is None or live.elapsed_s < asked_.seconds):
        screen.show(_scene(asked_, live, "recording; Ctrl-C ends it"))
        left_s = REDRAWN_EVERY_S if asked_.seconds is None else asked_.seconds - live.elapsed_s
        if await stop.within(max(0.0, min(REDRAWN_EVERY_S, left_s))):
            return


def _scene(asked_: Sitting, live: Live, doing: str, waited_s: float | None = None) -> Scene:
    walking = asked_.analyse and live.recording is not None
    elapsed_s = live.elapsed_s if waited_s is None else waited_s
    return scene(f"{asked_.subject} {asked_.session}  {doing}", live, elapsed_s, walking=walking)


def scene(title: str, live: Live, elapsed_s: float, *, walking: bool) -> Scene:
    """What the live loop knows just now; `walking`: whether figures are of interest."""
    now_ns = live.now_ns
    state, warning = live.recording, ""
    if state is not None and state.low and state.free_bytes is not None:
        warning = f"only {state.free_bytes / 1e6:.0f} MB are free on the disk"
    if live.player is not None and live.player.slip is not None:
        warning = "the analysis has failed, which is our mistake; the recording goes on"
    if live.overflowed:
        warning = f"this computer does not keep up: {counted(live.overflowed, 'packet')} lost"
    return Scene(
        title=title,
        elapsed_s=elapsed_s,
        figures=live.audience.board.figures(),
        walking=walking,
        links=[
            LinkSeen(
                link.worn.sensor,
                link.worn.serial,
                link.state(now_ns),
                link.rate_hz,
                live.lost(link.worn.sensor),
                link.battery_pct,
                link.last_note or "",
            )
            for link in live.links.values()
        ],
        belt_m_s=live.aside("treadmill"),
        heart_bpm=live.aside("heart_rate"),
        warning=warning,
    )


async def _finished(log: Path, store: Path, screen: Screen) -> Recovered:
    """The log becomes the session. If it can't, the log stays, and how it can later is said."""
    try:
        with Bar(1, "writing the session") as bar:
            return await asyncio.to_thread(partial(finish, log, store, progress=lambda share: bar.update(0, share)))
    except RetrogaitError:
        screen.say(left(log))
        raise


def check_store(store: Path) -> None:
    """Before anybody waits for sensors.

    Raises:
        UsageError: it is no folder, and none can be made of it.
    """
    there = next(path for path in (store, *store.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UsageError(f"--out is {store}, and {there} is a file; want a folder")
    if not os.access(there, os.W_OK):
        raise UsageError(f"--out is {store}, and {there} may not be written to; want another folder")
