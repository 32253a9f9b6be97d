"""Stumbles: a swing that was jolted half-way and came at another time than usual. Advisory, and no fall detector.

On simulated people (seeds 1 to 3): 18 of 18 stumbles flagged with the contact after them; 5 false flags in 107 minutes
of twelve kinds of walking, and 21 in 9 minutes of shuffling, whose feet scuff the ground: there it is of no use. It
never saw a real stumble.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

import numpy as np

from imu.core.events import Event
from imu.core.samples import Floats, Ints, Samples
from imu.core.session import FEET, Foot, Sensor, foot_of
from imu.core.tables import whole
from imu.core.units import NS_PER_S

KEPT_S: Final = 3.0
"""A swing of 1.6 s at most is judged with its contact, half a second after that at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StumbleParams:
    """What is unusual, against the swings of the same foot in the same direction just before.

    Numbers are fitted to simulated stumbles; Weiss 2010 found the largest change of acceleration the one telling figure
    of near falls, at the pelvis (over 85 % of them, over 85 % of the rest).
    """

    lift_s: float = 0.08
    """After release: a foot leaves the ground with a jerk of its own."""
    land_s: float = 0.05
    """Before contact: so well is that instant known."""
    before: int = 8
    """Swings to compare with..."""
    least: int = 3
    """...of which so many have to be there."""
    jerk_m_s3: float = 1500.0
    """Of the magnitude of acceleration in mid-swing..."""
    jerk_times: float = 3.0
    """...and so many times the usual."""
    late_share: float = 0.10
    """How much longer or shorter than usual the swing is."""
    apart_s: float = 1.5
    """What is unusual so soon after belongs to the same stumble: the other foot catches the body."""


class Stumble(NamedTuple):
    """A foot seems to have been caught."""

    foot: Foot
    t_ns: int
    """The contact after it, session clock."""


class _Swing(NamedTuple):
    jerk_m_s3: float
    seconds: float


class Stumbles:
    """Feed the rows of the feet and then the events that they settle, in order."""

    def __init__(self, params: StumbleParams | None = None) -> None:
        self._params: Final = params or StumbleParams()
        self._acc: dict[Foot, deque[tuple[Ints, Floats]]] = {foot: deque() for foot in FEET}
        self._release_ns: dict[Foot, int] = {}
        self._swings: dict[tuple[Foot, str], deque[_Swing]] = {}
        self._last_ns = -(2**62)

    def rows(self, sensor: Sensor, rows: Samples) -> None:
        """What a sensor measured. The pelvis is of no interest here."""
        if sensor == "pelvis" or not len(rows):
            return
        kept = self._acc[foot_of(sensor)]
        kept.append((rows.t_ns, np.linalg.norm(rows.acc, axis=1)))
        while kept[0][0][-1] < rows.t_ns[-1] - KEPT_S * NS_PER_S:
            kept.popleft()

    def hear(self, event: Event) -> Stumble | None:
        """The next event."""
        if event.kind == "release" and event.row["t_release_ns"] is not None:
            self._release_ns[event.foot] = whole(event.row, "t_release_ns")
        if event.kind != "contact":
            return None
        t_ns, release_ns = whole(event.row, "t_contact_ns"), self._release_ns.pop(event.foot, None)
        swing = None if release_ns is None else self._swing(event.foot, release_ns, t_ns)
        # first and last steps and turns have swings of their own
        if swing is None or event.row["quality"]:
            return None
        before = self._swings.setdefault((event.foot, str(event.row["direction"])), deque(maxlen=self._params.before))
        unusual = self._is_unusual(swing, before)
        # a stumble is no measure of what is usual
        if not unusual:
            before.append(swing)
        if not unusual or t_ns - self._last_ns < self._params.apart_s * NS_PER_S:
            return None
        self._last_ns = t_ns
        return Stumble(event.foot, t_ns)

    def _swing(self, foot: Foot, release_ns: int, contact_ns: int) -> _Swing | None:
        """From its middle; None if little of it came."""
        params, kept = self._params, self._acc[foot]
        if not kept:
            return None
        t_ns = np.concatenate([part[0] for part in kept])
        acc = np.concatenate([part[1] for part in kept])
        within = (t_ns > release_ns + params.lift_s * NS_PER_S) & (t_ns < contact_ns - params.land_s * NS_PER_S)
        if within.sum() < 3:
            return None
        t_s = t_ns[within] / NS_PER_S
        # late rows may stand there twice or out of order
        steps_s = np.maximum(np.diff(t_s), np.median(np.diff(t_s)))
        if not steps_s.min() > 0.0:
            return None
        jerk = np.abs(np.diff(acc[within])) / steps_s
        return _Swing(float(jerk.max()), (contact_ns - release_ns) / NS_PER_S)

    def _is_unusual(self, swing: _Swing, before: deque[_Swing]) -> bool:
        params = self._params
        if len(before) < params.least:
            return False
        usual_jerk, usual_s = median(one.jerk_m_s3 for one in before), median(one.seconds for one in before)
        jolted = swing.jerk_m_s3 > max(params.jerk_m_s3, params.jerk_times * usual_jerk)
        return jolted and abs(swing.seconds / usual_s - 1.0) > params.late_share
