"""Cues: when a step leaves its band, and whether it is said. One metric at a time; the sound is made elsewhere."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import floor, inf, isfinite
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from imu.core.errors import RetrogaitError
from imu.core.events import Event
from imu.core.session import Foot
from imu.core.tables import number, whole
from imu.core.units import NS_PER_S
from imu.store.slips import likely

Metric: TypeAlias = Literal["none", "pattern", "drop", "cadence", "foot_angle"]
Tone: TypeAlias = Literal["low", "high", "tick"]
Sound: TypeAlias = Literal["tone", "speech"]

METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
SOUNDS: Final[tuple[Sound, ...]] = get_args(Sound)
WANTED: Final = {"backward": "toe_to_heel", "forward": "heel_to_toe"}
"""Pattern of a proper step, by direction. Steps in place have none."""
SAY: Final[dict[tuple[Metric, str], str]] = {
    ("pattern", "backward"): "{foot}: toes first",
    ("pattern", "forward"): "{foot}: heel first",
    ("drop", "low"): "{foot}: let the hips move",
    ("drop", "high"): "{foot}: keep the hips level",
    ("cadence", "low"): "quicker steps",
    ("cadence", "high"): "slower steps",
    ("foot_angle", "low"): "{foot}: toes higher",
    ("foot_angle", "high"): "{foot}: toes lower",
}
LIMITS: Final[dict[str, tuple[float, float]]] = {
    "pattern": (-inf, inf),
    "drop": (0.0, 30.0),
    "cadence": (20.0, 240.0),
    "foot_angle": (-60.0, 60.0),
}
"""What a band may be, in degrees or steps a minute: beyond it somebody mistyped."""
METRONOME_SPM: Final = (20.0, 240.0)
MOST_HOLD: Final = 20
TURN: Final = 3
"""A foot of which none of the last so many judged steps is has no turn to wait for: it may be measured no more."""


class BadCue(RetrogaitError, ValueError):
    """What a cue can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CueParams:
    """One cue.

    Raises:
        BadCue: what can't be, in one line.
    """

    metric: Metric = "none"
    low: float | None = None
    """Of the band, in degrees or steps a minute; None = no limit. The direction says which pattern is wanted."""
    high: float | None = None
    hold: int = 3
    """Steps on the same side of the band that follow each other, of one foot, before a cue. Of cadence: strides of
    both."""
    sound: Sound = "tone"
    muted: bool = False
    """The page makes no sound; cues are decided and recorded all the same."""
    fade: bool = True
    metronome_spm: float | None = None
    """The page ticks so often a minute; None = it does not."""
    confidence: float = 0.8
    """A contact that is less certain is passed over."""
    pause_s: float = 3.0
    """Whoever stops for so long begins to count anew."""
    block_s: float = 60.0
    """Of walking. In each block cues are on or off."""
    shares: tuple[float, ...] = (1.0, 0.75, 0.5, 1.0 / 3.0, 0.25)
    """Of blocks with cues, block by block; the last one stays. A block is on whenever their sum, rounded, has grown by
    one: the 1st, 2nd, 4th, 8th, 12th, 16th... Fading made changes last (PMC7083994); how fast is a choice of ours.
    """

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise BadCue(f"metric is {self.metric!r}; want {', '.join(METRICS)}{likely(str(self.metric), METRICS)}")
        if self.sound not in SOUNDS:
            raise BadCue(f"sound is {self.sound!r}; want {' or '.join(SOUNDS)}{likely(str(self.sound), SOUNDS)}")
        if type(self.hold) is not int or not 1 <= self.hold <= MOST_HOLD:
            raise BadCue(f"hold is {self.hold!r}; want 1 to {MOST_HOLD} steps")
        for name in ("muted", "fade"):
            if type(getattr(self, name)) is not bool:
                raise BadCue(f"{name} is {getattr(self, name)!r}; want true or false")
        least, most = LIMITS.get(self.metric, (-inf, inf))
        for name in ("low", "high"):
            _check(name, getattr(self, name), least, most, "rad, or a share?")
        _check("metronome_spm", self.metronome_spm, *METRONOME_SPM, "steps a second?")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise BadCue(f"the band is {self.low:g} to {self.high:g}; want low below high (the other way round?)")


class Cue(NamedTuple):
    """To be sounded now."""

    metric: Metric
    say: str
    tone: Tone
    foot: Foot | None
    """None: of both feet together."""
    t_ns: int
    """End of the step, session clock."""


class _Judged(NamedTuple):
    """A step against the band: `out` is "" within it, else why, as a key of SAY."""

    foot: Foot | None
    t_ns: int
    out: str
    tone: Tone


class Cues:
    """Feed every event; get the cue that is due, if one is."""

    def __init__(self, params: CueParams | None = None) -> None:
        self.params = params or CueParams()
        self.given = 0
        """So far, whatever the metric was."""
        self.held_back = False
        """No cue is decided: a pause, or no walking is asked for."""
        self._begin()

    def set(self, params: CueParams) -> None:
        """Other settings. A new metric, band or fading begins anew; another sound or metronome does not."""
        before, self.params = self.params, params
        same = replace(params, sound=before.sound, muted=before.muted, metronome_spm=before.metronome_spm)
        if same != before:
            # whoever narrows a band has not un-practised
            kept_s = self._walked_s if (before.metric, before.fade) == (params.metric, params.fade) else 0.0
            self._begin()
            self._walked_s = kept_s

    def _begin(self) -> None:
        self._runs: dict[Foot | None, tuple[str, int]] = {}
        """Of each foot, on which side of the band it is, and for how many steps."""
        self._skip = False
        """A cue was given of the last step, and two in a row would be one too many."""
        self._last_foot: Foot | None = None
        """Of the last cue."""
        self._judged: deque[Foot | None] = deque(maxlen=TURN)
        """Of the last judged steps, whose they were."""
        self._direction = ""
        self._last_ns: int | None = None
        self._walked_s = 0.0
        self._cadence: deque[float] = deque(maxlen=2)

    @property
    def on(self) -> bool:
        """Whether cues are given just now, as fading says."""
        return self.params.metric != "none" and (not self.params.fade or on_in(self.block, self.params.shares))

    @property
    def block(self) -> int:
        """Of walking with this metric, from 0."""
        return floor(self._walked_s / self.params.block_s)

    @property
    def share(self) -> float:
        """Of blocks with cues, about now."""
        if self.params.metric == "none":
            return 0.0
        shares = self.params.shares
        return shares[min(self.block, len(shares) - 1)] if self.params.fade else 1.0

    @property
    def block_left_s(self) -> float:
        """Of walking, until the next block."""
        return self.params.block_s * (self.block + 1) - self._walked_s

    def hear(self, event: Event) -> Cue | None:
        """The next event of the pipeline."""
        judged = None if self.held_back else self._judge(event)
        if judged is None:
            return None
        self._walk(judged.t_ns)
        self._judged.append(judged.foot)
        if not judged.out:
            self._runs.pop(judged.foot, None)
            self._skip = False
            return None
        side, steps = self._runs.get(judged.foot, ("", 0))
        steps = steps + 1 if side == judged.out else 1
        self._runs[judged.foot] = judged.out, steps
        due = steps >= self.params.hold and self.on and not self._skip and not self._others_turn(judged.foot)
        self._skip = due
        if not due:
            return None
        del self._runs[judged.foot]
        self._last_foot = judged.foot
        self.given += 1
        metric = self.params.metric
        say = SAY[metric, judged.out].format(foot=judged.foot)
        return Cue(metric, say, judged.tone, judged.foot, judged.t_ns)

    def _others_turn(self, foot: Foot | None) -> bool:
        """This one had the last cue, and the other has waited for one since, and steps still."""
        due = (other for other, (_, steps) in self._runs.items() if steps >= self.params.hold)
        return foot == self._last_foot and any(other != foot and other in self._judged for other in due)

    def _walk(self, t_ns: int) -> None:
        """Walking goes on to here, or begins anew after a rest."""
        gap_s = inf if self._last_ns is None else (t_ns - self._last_ns) / NS_PER_S
        self._last_ns = t_ns if self._last_ns is None else max(t_ns, self._last_ns)
        if gap_s > self.params.pause_s:
            self._runs.clear()
            self._skip = False
        else:
            self._walked_s += max(gap_s, 0.0)

    def _judge(self, event: Event) -> _Judged | None:
        """None: this event is none of the metric's, or says nothing sure."""
        row, metric = event.row, self.params.metric
        of_contact = metric in ("pattern", "foot_angle")
        if metric == "none" or event.kind != ("contact" if of_contact else "step") or row["quality"]:
            return None
        direction = str(row["direction"])
        if direction not in WANTED:
            return None
        if of_contact and number(row, "confidence") < self.params.confidence:
            return None
        if direction != self._direction:
            self._direction = direction
            self._runs.clear()
            self._cadence.clear()
        t_ns = whole(row, "t_contact_ns" if of_contact else "t_end_ns")
        if metric == "pattern":
            if row["pattern"] == "uncertain":
                return None
            return _Judged(event.foot, t_ns, "" if row["pattern"] == WANTED[direction] else direction, "low")
        if metric == "cadence":
            # two steps together: a limp is not a matter of cadence
            self._cadence.append(number(row, "step_time_s"))
            if len(self._cadence) < 2:
                return None
            return self._banded(None, t_ns, 120.0 / sum(self._cadence))
        value = row["foot_angle_deg" if metric == "foot_angle" else "pelvic_drop_deg"]
        return None if value is None else self._banded(event.foot, t_ns, float(value))

    def _banded(self, foot: Foot | None, t_ns: int, value: float) -> _Judged:
        low, high = self.params.low, self.params.high
        if low is not None and value < low:
            return _Judged(foot, t_ns, "low", "low")
        if high is not None and value > high:
            return _Judged(foot, t_ns, "high", "high")
        return _Judged(foot, t_ns, "", "high")


def on_in(block: int, shares: tuple[float, ...]) -> bool:
    """Whether cues are on in a block, from 0 on.

    >>> [block for block in range(16) if on_in(block, (1.0, 0.75, 0.5, 1 / 3, 0.25))]
    [0, 1, 3, 7, 11, 15]
    """
    before = sum(_first(block, shares))
    return floor(before + shares[min(block, len(shares) - 1)] + ROUND) > floor(before + ROUND)


ROUND: Final = 0.5


def _first(blocks: int, shares: tuple[float, ...]) -> Iterator[float]:
    for block in range(blocks):
        yield shares[min(block, len(shares) - 1)]


def _check(name: str, value: Any, least: float, most: float, slip: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadCue(f"{name} is {value!r}; want a number, or null for none")
    if not least <= value <= most:
        raise BadCue(f"{name} is {value:g}; want {least:g} to {most:g} ({slip})")
