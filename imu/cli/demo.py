"""`imu demo`: a simulated person walks forward, backward and forward again; what a therapist would want to know."""

import argparse
import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import Any, Final, cast

from imu.cli.emulate import emulated_desk
from imu.cli.on_loop import FASTEST_EMULATED, Stop, check_speed
from imu.cli.on_loop import run as run_on_loop
from imu.cli.outcome import told
from imu.cli.page import page_of
from imu.cli.simulate import SUBJECT, recorded, write_recording
from imu.cli.sit import REDRAWN_EVERY_S, NotFound, check_store, scene
from imu.cli.terminal import BOLD, aligned, counted, duration_text, painted
from imu.cli.view import Screen
from imu.cli.warmup import warm_up, warm_up_once
from imu.core.errors import DuplicateSession, SessionNotFound, UsageError
from imu.core.matching import pairs
from imu.core.session import FEET
from imu.core.tables import CONTACTS, STEPS, STRIDES, TRUTH_CONTACTS, Row, whole
from imu.core.units import NS_PER_S
from imu.gait.summary import summarise_directions
from imu.live.desk.desk import Desk
from imu.live.desk.setup import CHECKS
from imu.live.emulated import Emulation
from imu.live.sitting import log_path
from imu.reprocess import reprocess
from imu.simulate import named
from imu.store.folder import SESSION_FILE, analysis_dir, session_dir
from imu.store.log_lock import claimed
from imu.store.tables import read_rows

EXAMPLES: Final = """\
examples:
  imu demo                       a minute, live
  imu demo --fast                two minutes of walking, at once
  imu demo --seed 7 --out elsewhere
"""
PROTOCOL: Final = "demo-live"
"""What the person walks, and by the same name what the desk is told that they are to walk."""
ABOUT_S: Final = 70.0
"""With what comes before and after the walk."""
BEFORE: Final = ("setup", "ready")
"""Stages of the desk."""
WAIT_S: Final = 60.0
"""For all sensors."""
CUE_DEG: Final = 5.0
CUE_HOLD: Final = 2
"""Their right hip drops by more: so many steps of it, and the page says so."""
MADE_BY: Final = "imu demo"
"""What session.json says of a session that the next demo may write over."""
TELLING_DEG: Final = 1.5
"""Differences of pelvic drop below it are not to be interpreted, however many steps there are: skin moves."""
SAME_CONTACT_S: Final = 0.1
"""A contact found so close to a true one of its foot is that one."""

Part = dict[str, Any]
"""A direction's part of summary.json."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("retrogait-demo"),
        metavar="STORE",
        help="where it goes (default %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another seed, another walk (default %(default)s)"
    )
    parser.add_argument(
        "--fast", action="store_true", help="two minutes of walking at once, without sensors, radio and live view"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="stop the live demo after so long")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="N",
        help=f"of the live demo, times as fast (at most {FASTEST_EMULATED:g}; default %(default)g)",
    )
    parser.add_argument("--no-browser", action="store_true", help="open none")


def run(args: argparse.Namespace) -> int:
    """Simulate, analyse, tell."""
    if args.seconds is not None and (args.fast or not args.seconds > 0):
        raise UsageError("--seconds is for the live demo, and above 0")
    check_speed(args.speed)
    check_store(args.out)
    if args.fast:
        return _fast(args)
    if find_spec("bumble") is None:
        print("No live demo: it needs the extra with emulated sensors, pip install 'retrogait[emulator]'.")
        print("Here is the fast one.\n")
        return _fast(args)
    return run_on_loop(_live(args, Stop()), args.speed)


def _fast(args: argparse.Namespace) -> int:
    recording = recorded(named("demo"), "demo", seed=args.seed)
    folder = analysis_dir(args.out, recording.session)
    _refuse_others(folder)
    warm_up_once()
    write_recording(folder, recording, {**recording.session.document, "made_by": MADE_BY})
    reprocess(folder, folder)
    print(painted("A simulated person walks forward, turns, walks backward, and forward again", BOLD))
    print(f"({duration_text(recording.duration_s)}, sensors on both feet and the pelvis; nobody real was measured)\n")
    _show(args.out, folder, recording.truth_contacts)
    return 0


async def _live(args: argparse.Namespace, stop: Stop) -> int:
    spec, session = named(PROTOCOL), f"demo-live-{args.seed}"
    _make_room(args.out, session)
    print(painted("A simulated person walks forward, turns, walks backward, and forward again", BOLD))
    print("wearing emulated sensors on both feet and the pelvis: Bluetooth, but no radio, and nobody real is measured.")
    print(f"It takes {ABOUT_S / args.speed:.0f} s; Ctrl-C ends it sooner.", flush=True)
    warm_up()
    async with AsyncExitStack() as stack:
        stack.enter_context(stop.heard())
        desk, emulation = await stack.enter_async_context(
            emulated_desk(spec, args.out, seed=args.seed, session=session, made_by=MADE_BY)
        )
        page = None
        if find_spec("starlette") is None:
            print("Without its page, which needs an extra: pip install 'retrogait[live]'")
        else:
            page = await stack.enter_async_context(page_of(desk, 0, browser=not args.no_browser))
        print(flush=True)
        await _sit(desk, emulation, Screen(stream=sys.stdout), stop, args.seconds)
        if desk.problem:
            print(f"imu: {desk.problem}", file=sys.stderr)
        if desk.made is None:
            print("nothing was recorded")
            return 1 if desk.problem else 0
        folder = desk.made.folder
        print("\n" + "\n".join(told(desk.made)) + "\n")
        _show(args.out, folder, read_rows(folder / f"{TRUTH_CONTACTS.name}.parquet", TRUTH_CONTACTS))
        looked_at = page is not None and page.counts.documents and not stop.asked.is_set()
        if looked_at and sys.stdin is not None and sys.stdin.isatty():
            print("\nThe page stays until Ctrl-C.", flush=True)
            await stop.asked.wait()
    return 1 if desk.problem else 0


def _make_room(store: Path, session: str) -> None:
    """A demo takes the place of the one before; one that was broken off left a log, and its subject is nobody."""
    folder, log = session_dir(store, SUBJECT, session), log_path(store, SUBJECT, session)
    _refuse_others(folder)
    with suppress(SessionNotFound), claimed(log):
        log.unlink()
    shutil.rmtree(folder, ignore_errors=True)


async def _sit(desk: Desk, emulation: Emulation, screen: Screen, stop: Stop, seconds: float | None) -> None:
    """What a person would do at the page, unless somebody does it there: make everything ready, start, look on, stop.

    Raises:
        NotFound: the sensors did not come.
        Refused: what somebody did at the page leaves nothing to start.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while desk.stage in BEFORE and not set(emulation.worn) <= desk.live.streaming():
        screen.show(scene("looking for the sensors", desk.live, loop.time() - began_s, walking=False))
        if loop.time() > began_s + WAIT_S:
            raise NotFound(f"not all sensors came within {WAIT_S:g} s (let go at the page, or a very busy computer?)")
        if await stop.within(REDRAWN_EVERY_S):
            return
    if desk.stage in BEFORE:
        await desk.do({"do": "subject", "code": SUBJECT})
        await desk.do({"do": "protocol", "name": PROTOCOL})
        await desk.do({"do": "cue", "metric": "drop", "high": CUE_DEG, "hold": CUE_HOLD})
        # nobody can be hurt
        for check in CHECKS:
            await desk.do({"do": "check", "id": check.id, "done": True})
        await desk.do({"do": "start"})
    walking = asyncio.create_task(emulation.finished())
    try:
        while desk.stage == "recording" and not walking.done() and (seconds is None or desk.live.elapsed_s < seconds):
            screen.show(scene("recording; Ctrl-C ends it", desk.live, desk.live.elapsed_s, walking=True))
            if await stop.within(REDRAWN_EVERY_S):
                break
    finally:
        walking.cancel()
    if desk.stage == "recording":
        await desk.do({"do": "stop"})
    screen.show(scene("stopping the sensors ...", desk.live, desk.live.elapsed_s, walking=True))
    await desk.ended.wait()


def _show(store: Path, folder: Path, truth: Sequence[Row]) -> None:
    contacts, strides, steps = (
        read_rows(folder / "analysis" / f"{table.name}.parquet", table) for table in (CONTACTS, STRIDES, STEPS)
    )
    parts = _parts(contacts, strides, steps)
    print(*aligned(_figures(parts)), sep="\n")
    print("\nMean and standard deviation over clean steps and strides; - where there are fewer than ten.")
    print("Pelvic drop: how far the pelvis falls on the other side while this foot stands.\n")
    print(*_change(parts), sep="\n")
    print(_against(contacts, truth))
    print(*_what_next(store, folder), sep="\n")


def _refuse_others(folder: Path) -> None:
    try:
        document = json.loads((folder / SESSION_FILE).read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        document = None
    # an unfamiliar file is somebody's too
    if not isinstance(document, dict) or cast("dict[str, Any]", document).get("made_by") != MADE_BY:
        raise DuplicateSession(f"{folder} holds a session that no demo made; want another --out")


def _parts(contacts: Sequence[Row], strides: Sequence[Row], steps: Sequence[Row]) -> dict[str, Part]:
    """Summaries of walking backward, and forward before and after it."""
    backward = [whole(row, "t_contact_ns") for row in contacts if row["direction"] == "backward"]
    begin, end = (backward[0], backward[-1]) if backward else (0, 0)

    def within(first: int, last: int, direction: str) -> Part:
        tables = (
            [row for row in rows if first <= whole(row, key) < last]
            for rows, key in ((contacts, "t_contact_ns"), (strides, "t_start_ns"), (steps, "t_start_ns"))
        )
        directions, _ = summarise_directions(*tables)
        return directions.get(direction, {})

    return {
        "forward before": within(0, begin, "forward"),
        "backward": within(0, 2**63, "backward"),
        "forward after": within(end, 2**63, "forward"),
    }


def _figures(parts: dict[str, Part]) -> list[tuple[str, ...]]:
    def mean(name: str, digits: int, scale: float = 1.0) -> Callable[[Part], str]:
        return lambda part: _mean(part.get(name), digits, scale)

    def drop(foot: str) -> Callable[[Part], str]:
        return lambda part: _mean(part.get("pelvic_drop_deg", {}).get(foot), 1)

    def toe_first(foot: str) -> Callable[[Part], str]:
        return lambda part: _percent(part.get("toe_first_share", {}).get(foot))

    lines: list[tuple[str, Callable[[Part], str]]] = [
        ("contacts", lambda part: str(part.get("contacts", 0))),
        *((f"toes first, {foot}, %", toe_first(foot)) for foot in FEET),
        ("cadence, steps/min", mean("cadence_spm", 1)),
        ("stride length, m", mean("stride_length_m", 2)),
        ("speed, m/s, backward negative", mean("speed_m_s", 2)),
        ("stance, % of the stride", mean("stance_fraction", 1, 100.0)),
        *((f"pelvic drop, {foot} stance, deg", drop(foot)) for foot in FEET),
    ]
    return [("", *parts), *((label, *map(tell, parts.values())) for label, tell in lines)]


def _mean(figure: dict[str, float] | None, digits: int, scale: float = 1.0) -> str:
    return "-" if figure is None else f"{scale * figure['mean']:.{digits}f} ± {scale * figure['sd']:.{digits}f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100.0 * share:.0f}"


def _change(parts: dict[str, Part]) -> Iterable[str]:
    """Forward after against forward before, and whether that is more than steps differ anyway."""
    for foot in FEET:
        before, after = (
            parts[when].get("pelvic_drop_deg", {}).get(foot) for when in ("forward before", "forward after")
        )
        if before is None or after is None:
            yield f"Pelvic drop over the {foot} foot, forward: too few clean steps to compare before and after."
            continue
        # two standard errors of the difference of two means
        scatter = 2.0 * (before["sd"] ** 2 / before["n"] + after["sd"] ** 2 / after["n"]) ** 0.5
        change = abs(after["mean"] - before["mean"])
        if change <= scatter:
            verdict = f"lies within the scatter of these steps (±{scatter:.1f})"
        elif change < TELLING_DEG:
            verdict = (
                f"is more than the scatter of these steps (±{scatter:.1f}), and too small for a sensor on skin to tell"
            )
        else:
            verdict = f"lies beyond the scatter of these steps (±{scatter:.1f})"
        # of the numbers shown, so that the sentence adds up
        was, now = round(before["mean"], 1), round(after["mean"], 1)
        yield (
            f"Pelvic drop over the {foot} foot, forward: {was} deg before, {now} after;"
            f" the change of {now - was:+.1f} {verdict}."
        )


@dataclass(frozen=True, slots=True)
class Match:
    """How many contacts are both true and found, and how many only one of them."""

    found: int
    missed: int
    extra: int


def match(found: Sequence[Row], truth: Sequence[Row]) -> Match:
    """Pair contacts of the same foot."""
    within_ns = round(SAME_CONTACT_S * NS_PER_S)

    def of(rows: Sequence[Row], foot: str) -> list[int]:
        return [whole(row, "t_contact_ns") for row in rows if row["foot"] == foot]

    matched = sum(len(pairs(of(truth, foot), of(found, foot), within_ns)) for foot in FEET)
    return Match(matched, len(truth) - matched, len(found) - matched)


def _against(contacts: Sequence[Row], truth: Sequence[Row]) -> str:
    result = match(contacts, truth)
    return (
        f"\nOf {counted(len(truth), 'true contact')}, steps of the turn included, {result.found} were found within"
        f" {SAME_CONTACT_S:g} s; {result.missed} were missed, {result.extra} found that are none."
    )


def _what_next(store: Path, folder: Path) -> Iterable[str]:
    steps = f"'{store}/*/*/analysis/steps.parquet'"
    yield f"\nEverything is in {folder}"
    yield "  raw/      what the sensors sent"
    yield "  analysis/ contacts, strides and steps, a row each, and summary.json"
    yield "  truth_*   what really happened"
    yield "\nTry next:"
    yield f"  imu inspect {quote(str(folder))}"
    yield f'  duckdb -c "FROM {steps} SELECT direction, stance_foot, avg(pelvic_drop_deg) GROUP BY ALL"'
