"""What a person is told when a recording has ended: where it lies, and what is in it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from imu.cli.terminal import counted, duration_text
from imu.live.recover import Recovered
from imu.live.sitting import session_of


async def cut_short(log: Path) -> str:
    """Where a recording is, after a second Ctrl-C: a session that is being written is written to its end."""
    await asyncio.get_running_loop().shutdown_default_executor()
    return left(log) if log.exists() else f"{session_of(log)} holds the session"


def left(log: Path) -> str:
    """Where a recording is that is no session yet."""
    store = log.parent.parent
    return f"what was recorded is in {log}; a session of it: imu recover {quote(str(log))} --out {quote(str(store))}"


def told(made: Recovered) -> list[str]:
    """What a person wants to know at the end."""
    lines = [f"{made.folder} holds the session"]
    for sensor, kept in made.sensors.items():
        bad = f", {counted(kept.bad_packets, 'bad packet')} left out" if kept.bad_packets else ""
        lines.append(f"  {sensor}: {counted(kept.rows, 'sample')}, {kept.lost} lost{bad}")
    if made.unusable is not None:
        lines.append(f"  it could not be analysed: {made.unusable}")
    elif made.summary is not None:
        lines.append(f"  {found_text(made.summary)}")
    if made.log is not None:
        lines.append(f"  {made.log} stays{'' if made.holds_all else ', for it holds more than could be understood'}")
    return lines


def found_text(summary: Mapping[str, Any]) -> str:
    """How many contacts, in which direction, in how long."""
    parts = [
        f"{direction.replace('_', ' ')} {counted(part['contacts'], 'contact')}"
        for direction, part in summary["directions"].items()
    ]
    return f"{', '.join(parts) or 'no contacts'} in {duration_text(summary['duration_s'])}"
