"""`imu doctor`: how good is the link to each of one's own sensors, and what to do about it?"""

import argparse
import asyncio
import math
import platform
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from imu.cli.devices import add_hci, hint, not_in_air, positive
from imu.cli.terminal import BOLD, Bar, aligned, counted, duration_text, painted, percent_text
from imu.core.canonical import canonical_json
from imu.core.errors import UsageError
from imu.live.advice import advice
from imu.live.checkup import Findings, Subject, check
from imu.live.radio import InAir, in_the_air
from imu.live.worn import Worn, default_path, load
from imu.store.atomic import write_bytes
from imu.version import VERSION

EXAMPLES: Final = """\
examples:
  imu doctor                                 the sensors that are bound (imu devices --bind)
  imu doctor A1 B2 --seconds 600             these two; ten minutes tell clocks to 1 ppm
  imu doctor --json - | jq .sensors[].interval_ms
"""
SCHEMA: Final = "retrogait.checkup/1"
LOOK_S: Final = 3.0
"""Sensors show themselves several times a second."""
LEAST_S: Final = 2.0
STDOUT: Final = "-"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("serials", nargs="*", metavar="SERIAL", help="sensors; else those that are bound")
    parser.add_argument("--seconds", type=positive, default=30.0, help="how long to measure (default 30)")
    add_hci(parser)
    parser.add_argument("--json", metavar="FILE", help="write the figures there; - = to stdout, in place of the page")


def run(args: argparse.Namespace) -> int:
    """Measure, and say what to do."""
    if args.seconds < LEAST_S:
        raise UsageError(f"--seconds is {args.seconds:g}; want {LEAST_S:g} at least, a shorter look tells nothing")
    worn = {one.serial: one for one in load(default_path())}
    serials: list[str] = list(dict.fromkeys(args.serials)) or list(worn)
    if not serials:
        raise UsageError(
            "no sensor is bound and none is named; want serial numbers, as imu devices shows them, or"
            " imu devices --bind foot_left=SERIAL first"
        )
    with hint(f"looking for {counted(len(serials), 'sensor')} ..."):
        found = asyncio.run(in_the_air(LOOK_S, args.hci))
    subjects = [_subject(serial, worn.get(serial), found) for serial in serials]
    with hint("connecting ..."), _progress(args.seconds) as tell:
        measured = asyncio.run(check(subjects, args.seconds, hci=args.hci, tell=tell))
    if args.json:
        _write(args.json, args.seconds, measured)
    if args.json != STDOUT:
        print("\n".join(_page(measured)))
    return 0 if all(one.packets for one in measured) else 1


@contextmanager
def _progress(seconds: float) -> Generator[Callable[[float], None]]:
    """A bar that begins when the measuring does."""
    with ExitStack() as shown:
        bars: list[Bar] = []

        def tell(done_s: float) -> None:
            if not bars:
                bars.append(shown.enter_context(Bar(math.ceil(seconds), "seconds")))
            bars[0].update(int(done_s), done_s % 1.0)

        yield tell


def _subject(serial: str, worn: Worn | None, found: Sequence[InAir]) -> Subject:
    seen = next((one for one in found if one.serial == serial), None)
    rssi_dbm = None if seen is None else seen.rssi_dbm
    if worn is not None:
        return Subject(serial, worn.driver, worn.sensor, worn.rate_hz, rssi_dbm)
    if seen is None:
        raise not_in_air(serial, found)
    return Subject(serial, seen.driver, rssi_dbm=rssi_dbm)


def _write(where: str, seconds: float, measured: Sequence[Findings]) -> None:
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "seconds": seconds,
        "sensors": [{**asdict(one), "advice": advice(one)} for one in measured],
    }
    text = canonical_json(document, indent=2)
    if where == STDOUT:
        sys.stdout.write(text)
    else:
        write_bytes(Path(where), text.encode())


def _page(measured: Sequence[Findings]) -> list[str]:
    """One column a sensor, so that it fits a narrow terminal; then what to do."""
    columns = [tuple(name for name, _ in FACTS)]
    columns += [tuple(tell(one) for _, tell in FACTS) for one in measured]
    lines = aligned(list(zip(*columns, strict=True)))
    said = [(one, advice(one)) for one in measured]
    for one, texts in said:
        if texts:
            lines += [painted(f"{one.sensor or one.serial}:", BOLD), *(f"  - {text}" for text in texts)]
    lines += [f"{name} is experimental: {what}" for name, what in _experimental(measured).items()]
    if not any(texts for _, texts in said):
        lines.append("nothing to do: " + ("it is" if len(measured) == 1 else "all are") + " fit for a session")
    return lines


def _experimental(measured: Sequence[Findings]) -> dict[str, str]:
    return {one.driver: one.experimental for one in measured if one.experimental is not None}


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _rate(found: Findings) -> str:
    if found.samples_per_s is None or found.stated_rate_hz is None:
        return "-"
    return f"{found.samples_per_s:.1f} of {found.stated_rate_hz:g}"


def _drift(found: Findings) -> str:
    return "-" if found.drift_ppm is None else f"{found.drift_ppm:+.0f} ± {found.drift_sd_ppm:.0f} ppm"


def _jitter(found: Findings) -> str:
    return "-" if found.jitter_ms is None else f"{found.jitter_ms:.1f}, {found.jitter_p99_ms:.0f} ms"


def _lost(found: Findings) -> str:
    return f"{found.samples_lost} ({percent_text(found.lost_share)})" if found.samples_lost else "0"


FACTS: Final[tuple[tuple[str, Callable[[Findings], str]], ...]] = (
    ("", lambda found: found.sensor or "-"),
    ("serial", lambda found: found.serial),
    ("model", lambda found: found.model or "-"),
    ("packets a second", lambda found: _figure(found.packets_per_s, "{:.1f}")),
    ("samples a second", _rate),
    ("samples lost", _lost),
    ("bad packets", lambda found: str(found.bad_packets)),
    ("connection interval", lambda found: _figure(found.interval_ms, "{:g} ms")),
    ("late by: sd, 99 %", _jitter),
    ("longest silence", lambda found: duration_text(found.longest_silence_s)),
    ("reconnections", lambda found: str(found.reconnections)),
    ("clock", _drift),
    ("clock asked, answer in", lambda found: _figure(found.ping_ms, "{:.0f} ms")),
    ("battery", lambda found: _figure(found.battery_pct, "{} %")),
    ("signal", lambda found: _figure(found.rssi_dbm, "{} dBm")),
)
