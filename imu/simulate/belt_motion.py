"""The motion of a treadmill's belt, on which the frame of all paths rides."""

from typing import Final

import numpy as np

from imu.core.samples import Floats, Ints
from imu.simulate.belt import ramped
from imu.simulate.ledger import Rows
from imu.simulate.quintic import Knots

TOLD_EVERY_S: Final = 1.0
"""A treadmill tells its speed so often, and where the belt begins or ends to change it."""

SPEED_DECIMALS: Final = 6


class BeltMotion:
    """Follows from one or more BELT rows."""

    def __init__(self, knots: Rows) -> None:
        self._t_s: Floats = knots["t_s"]
        self._speed_m_s: Floats = knots["speed_m_s"]
        # half of a change is done when half of its time is over: the mean is that of both ends
        means_m_s = 0.5 * (self._speed_m_s[:-1] + self._speed_m_s[1:])
        self._run_m = np.concatenate([[0.0], np.cumsum(means_m_s * np.diff(self._t_s))])

    def at(self, t_s: Floats, /) -> Knots:
        """Distance since the first knot, speed and acceleration, each (n,), at times (n,); signed as the knots are."""
        piece: Ints = np.searchsorted(self._t_s, t_s, side="right") - 1
        # before the first knot and after the last one the belt runs on as it does there
        begin, end = np.maximum(piece, 0), np.clip(piece + 1, 0, len(self._t_s) - 1)
        since_s, speed_m_s = t_s - self._t_s[begin], self._speed_m_s[begin]
        change_m_s = self._speed_m_s[end] - speed_m_s
        steady_m = self._run_m[begin] + speed_m_s * since_s
        # most of the time it runs steadily
        if not change_m_s.any():
            return Knots(steady_m, speed_m_s, change_m_s)
        length_s = self._t_s[end] - self._t_s[begin]
        # where it runs on, nothing changes
        length_s[length_s == 0.0] = 1.0
        run, changed, changing = ramped(np.where(change_m_s != 0.0, since_s / length_s, 0.0))
        return Knots(
            steady_m + change_m_s * length_s * run,
            speed_m_s + change_m_s * changed,
            change_m_s / length_s * changing,
        )

    @property
    def set_speed_m_s(self) -> float | None:
        """The one speed, unsigned, at which it runs whenever it runs steadily; None where there are several."""
        # speeds come of cadence and step length, and with their rounding
        running = np.unique(np.abs(self._speed_m_s[self._speed_m_s != 0.0]).round(SPEED_DECIMALS))
        return float(running[0]) if len(running) == 1 else None

    def told_at(self, duration_s: float) -> Floats:
        """When (n,) a treadmill tells its speed, s."""
        within = (self._t_s >= 0.0) & (self._t_s <= duration_s)
        return np.union1d(np.arange(0.0, duration_s, TOLD_EVERY_S), self._t_s[within])
