"""The live view on a terminal: a few lines that are drawn anew; elsewhere a line now and then."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple, TextIO

from imu.cli.terminal import BOLD, GREEN, RED, YELLOW, aligned, painted
from imu.core.session import FEET, Sensor
from imu.live.board import Figures, Mean, Toes
from imu.live.links import State

LOW_BATTERY_PCT: Final = 20
TELL_EVERY_S: Final = 5.0
"""Where nothing can be drawn anew."""
COLOURS: Final[dict[State, str]] = {"streaming": GREEN, "connected": YELLOW, "silent": RED, "looking": YELLOW}
SENSOR_NAMES: Final[dict[Sensor, str]] = {"foot_left": "left foot", "foot_right": "right foot", "pelvis": "pelvis"}


class LinkSeen(NamedTuple):
    """One sensor's link."""

    sensor: Sensor
    serial: str
    state: State
    rate_hz: float | None
    lost: int
    battery_pct: int | None
    told: str


class Scene(NamedTuple):
    """All that is shown."""

    title: str
    elapsed_s: float
    figures: Figures
    links: Sequence[LinkSeen] = ()
    walking: bool = True
    """Whether figures are of interest."""
    belt_m_s: float | None = None
    heart_bpm: float | None = None
    warning: str = ""


def lines(scene: Scene, stream: TextIO | None = None) -> list[str]:
    """For a terminal."""
    shown = [f"{painted(clock_text(scene.elapsed_s), BOLD, stream)}  {scene.title}"]
    rows = [_link(link) for link in scene.links]
    for link, row in zip(scene.links, aligned(rows, left=3) if rows else [], strict=True):
        shown.append("  " + row.replace(link.state, painted(link.state, COLOURS[link.state], stream), 1))
    if scene.walking:
        shown.append(painted(f"  {_walking(scene.figures)}", BOLD, stream))
        shown += [f"  {_toes(scene.figures)}", f"  {_drops(scene.figures)}"]
    aside = _aside(scene)
    if aside:
        shown.append(f"  {aside}")
    if scene.warning:
        shown.append(painted(f"  {scene.warning}", RED, stream))
    return shown


def sentence(scene: Scene) -> str:
    """All in one line."""
    links = ", ".join(f"{SENSOR_NAMES[link.sensor]} {link.state}, {link.lost} lost{_why(link)}" for link in scene.links)
    figures = [_walking(scene.figures), _toes(scene.figures), _drops(scene.figures)] if scene.walking else []
    parts = [*figures, _aside(scene), links, scene.warning]
    return f"{clock_text(scene.elapsed_s)}  {'; '.join(part for part in parts if part)}"


def _why(link: LinkSeen) -> str:
    return f" ({link.told})" if link.told and link.state != "streaming" else ""


def clock_text(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock_text(0.4), clock_text(3725)
    ('0:00', '62:05')
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _link(link: LinkSeen) -> tuple[str, ...]:
    rate = "" if link.rate_hz is None else f"{link.rate_hz:.0f} Hz"
    battery = "" if link.battery_pct is None else f"{link.battery_pct} %"
    if link.battery_pct is not None and link.battery_pct < LOW_BATTERY_PCT:
        battery += " low"
    told = "" if link.state == "streaming" else link.told
    return SENSOR_NAMES[link.sensor], link.serial, link.state, rate, f"{link.lost} lost", battery, told


def _walking(figures: Figures) -> str:
    cadence, speed = figures.cadence_spm, figures.speed_m_s
    return "  ".join(
        [
            f"{(figures.direction or '-').replace('_', ' '):<9}",
            f"cadence {'-' if cadence is None else f'{cadence.value:.0f}'} steps/min",
            f"speed {'-' if speed is None else f'{speed.value:+.2f}'} m/s",
        ]
    )


def _toes(figures: Figures) -> str:
    return "toes first  " + "  ".join(f"{foot} {_share(figures.toes.get(foot))}" for foot in FEET)


def _share(toes: Toes | None) -> str:
    return "-" if toes is None or not toes.n else f"{toes.toe_first} of {toes.n} ({toes.last.replace('_', ' ')})"


def _drops(figures: Figures) -> str:
    return "pelvic drop  " + "  ".join(f"{foot} {_mean(figures.drop_deg.get(foot))}" for foot in FEET)


def _mean(mean: Mean | None) -> str:
    if mean is None:
        return "-"
    return f"{mean.value:.1f} deg" if mean.sd is None else f"{mean.value:.1f} ± {mean.sd:.1f} deg"


def _aside(scene: Scene) -> str:
    belt = "" if scene.belt_m_s is None else f"belt {scene.belt_m_s:.2f} m/s (treadmill)"
    heart = "" if scene.heart_bpm is None else f"heart {scene.heart_bpm:.0f} /min"
    return "  ".join(part for part in (belt, heart) if part)


class Screen:
    """Where scenes are shown: on stderr, which a pipe leaves alone.

    On a terminal the last scene is drawn over; elsewhere a line is told every few seconds.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._drawn = 0
        self._quiet = quiet
        self._told_s = -TELL_EVERY_S
        self._draws = self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, scene: Scene) -> None:
        """Draw it, or tell it if it is time."""
        if self._quiet:
            return
        if not self._draws:
            if scene.elapsed_s - self._told_s >= TELL_EVERY_S:
                self._told_s = scene.elapsed_s
                print(sentence(scene), file=self._stream, flush=True)
            return
        size = shutil.get_terminal_size()
        width = size.columns - 1
        # a line that scrolled away could not be drawn over
        shown = lines(scene, self._stream)[: max(1, size.lines - 1)]
        text = "".join(f"{_cut(line, width)}\n" for line in shown)
        # whatever stood there, wrapped lines of a wider terminal too
        up = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        self._stream.write(up + text)
        self._stream.flush()
        self._drawn = len(shown)

    def say(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            self._drawn = 0
            print(text, file=self._stream, flush=True)


def _cut(line: str, width: int) -> str:
    """As many characters as fit, colours not counted."""
    shown, at = 0, 0
    while at < len(line) and shown < width:
        if line[at] == "\x1b":
            at = line.index("m", at) + 1
        else:
            at, shown = at + 1, shown + 1
    return line if at == len(line) else line[:at] + "\x1b[0m"
