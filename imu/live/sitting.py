"""A sitting with sensors: found and kept connected, recorded until somebody says stop, and then a session."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from firmware_bridge.central import Central, Standard
from firmware_bridge.driver import Driver
from firmware_bridge.driver import drivers as installed
from firmware_bridge.link import Inbox, LinkFailed, all_ended
from imu.core.errors import CannotRecord, SessionNotFound
from imu.core.session import Sensor
from imu.live.live import Live
from imu.live.worn import Worn
from imu.store.folder import SESSION_FILE, session_dir
from imu.store.log_lock import claimed

UNFINISHED: Final = "unfinished"
"""Where in a store logs lie while they grow; one that is found there later was left by a crash."""
LOG_SUFFIX: Final = ".rglog"
READY_EVERY_S: Final = 0.05
BLIND: Final = "scan: "
BLIND_S: Final = 3.0
"""For so long a scan may fail, as one does while another program scans."""


def log_path(store: Path, subject: str, session: str) -> Path:
    """Where a recording grows."""
    return store / UNFINISHED / f"{subject}--{session}{LOG_SUFFIX}"


def session_of(log: Path) -> Path:
    """Where the session of a log goes."""
    subject, session = log.name.removesuffix(LOG_SUFFIX).split("--", 1)
    return session_dir(log.parent.parent, subject, session)


def left_behind(store: Path) -> list[Path]:
    """Logs that were never made a session, and that nobody is writing."""
    return [log for log in sorted((store / UNFINISHED).glob(f"*--*{LOG_SUFFIX}")) if _is_left(log)]


def _is_left(log: Path) -> bool:
    if (session_of(log) / SESSION_FILE).exists():
        return False
    try:
        with claimed(log):
            return True
    except (CannotRecord, SessionNotFound):
        # being written, or gone meanwhile
        return False


def now_utc() -> datetime:
    """The wall clock. Read once a recording; all else follows the host's clock that only grows."""
    return datetime.now(UTC)


@asynccontextmanager
async def sitting(
    central: Central,
    worn: Sequence[Worn],
    *,
    asides: Collection[Standard] = (),
    analyse: bool = True,
    drivers: Mapping[str, Driver] | None = None,
) -> AsyncGenerator[Live]:
    """While the block lasts, sensors are found, connected and found again, and what they send is heard.

    At its end, whatever ends it, they are stopped one and all, what they sent before is taken, and the log of a
    recording that was begun is whole on the disk.

    Args:
        central: the radio.
        worn: who wears what.
        asides: standard services to listen to as well. A search for one that is not there costs air: ask for those
            that are.
        analyse: False = record only.
        drivers: by name; None = all that are installed.

    Raises:
        CannotRecord: what stopped the recording; what came before is kept.
    """
    inbox = Inbox()
    live = Live(worn, inbox, installed() if drivers is None else drivers, central.host_ns, analyse=analyse)
    listening = asyncio.create_task(live.listen())
    tasks = [asyncio.create_task(central.supervise(one.serial, one.driver, inbox, rate_hz=one.rate_hz)) for one in worn]
    tasks += [asyncio.create_task(central.listen(standard, inbox)) for standard in asides]
    for task in (*tasks, listening):
        # none of them ends by itself: if one does, its error ends the sitting
        task.add_done_callback(lambda _: live.stopped.set())
    try:
        yield live
    finally:
        await all_ended(tasks)
        listening.cancel()
        outcomes = await asyncio.gather(*tasks, listening, return_exceptions=True)
        await live.stop()
        # what failed is told, what was cancelled is not
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


async def ready(live: Live, wanted: Collection[Sensor], wait_s: float) -> frozenset[Sensor]:
    """Which of the wanted sensors stream: all of them, or those that do after `wait_s`.

    Raises:
        LinkFailed: for a while nobody could even look for them; in a block of `open_radio` it becomes `NoRadio`.
    """
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    while not set(wanted) <= live.streaming() and loop.time() < begin_s + wait_s:
        await asyncio.sleep(READY_EVERY_S)
        blind = [link.last_note for link in live.links.values() if (link.last_note or "").startswith(BLIND)]
        if len(blind) == len(live.links) and loop.time() > begin_s + BLIND_S:
            raise LinkFailed("scan", str(blind[0]).removeprefix(BLIND))
    return live.streaming()
