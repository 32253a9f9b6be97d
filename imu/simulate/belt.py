"""A treadmill's belt: how fast it runs and how far it has come."""

from bisect import bisect_right
from typing import Final, TypeVar

import numpy as np

from imu.core.samples import Floats
from imu.simulate.body import BELT
from imu.simulate.ledger import Rows

HALVINGS: Final = 40


Numbers = TypeVar("Numbers", float, Floats)


def ramped(u: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """A smooth change from 0 to 1 at shares `u` of its time: its integral, itself and its derivative."""
    return u**4 * (2.5 - 3.0 * u + u**2), u**3 * (10.0 - 15.0 * u + 6.0 * u**2), 30.0 * (u * (1.0 - u)) ** 2


class Belt:
    """At rest until its first ramp; each ramp is as smooth as a quintic with no acceleration at either end.

    Speeds are those of walking on it: positive along +x of the frame that rides on it.
    """

    def __init__(self) -> None:
        self._t_s, self._speed_m_s, self._distance_m = [0.0], [0.0], [0.0]

    def ramp(self, begin_s: float, end_s: float, speed_m_s: float) -> None:
        """Change the speed between two times, the first no earlier than the end of the ramp before."""
        if speed_m_s == self._speed_m_s[-1]:
            return
        for t_s, speed in ((begin_s, self._speed_m_s[-1]), (end_s, speed_m_s)):
            if t_s > self._t_s[-1]:
                length_s, before = t_s - self._t_s[-1], self._speed_m_s[-1]
                self._distance_m.append(self._distance_m[-1] + 0.5 * (before + speed) * length_s)
                self._t_s.append(t_s)
                self._speed_m_s.append(speed)

    def speed_m_s(self, t_s: float) -> float:
        k, share, _, change = self._at(t_s)
        return self._speed_m_s[k] + change * ramped(share)[1]

    def distance_m(self, t_s: float) -> float:
        """Since time 0."""
        k, share, length_s, change = self._at(t_s)
        further_m = change * length_s * ramped(share)[0]
        return self._distance_m[k] + self._speed_m_s[k] * (t_s - self._t_s[k]) + further_m

    def reaches_s(self, begin_s: float, end_s: float, speed_m_s: float) -> float:
        """When, between two times, it first is that fast either way; the second of them if it isn't."""
        for _ in range(HALVINGS):
            middle_s = 0.5 * (begin_s + end_s)
            if abs(self.speed_m_s(middle_s)) < speed_m_s:
                begin_s = middle_s
            else:
                end_s = middle_s
        return end_s

    def rows(self) -> Rows:
        """BELT rows; none of a belt that never ran."""
        knots = list(zip(self._t_s, self._speed_m_s, strict=True)) if len(self._t_s) > 1 else []
        return np.array(knots, BELT)

    def _at(self, t_s: float) -> tuple[int, float, float, float]:
        """Which knot comes before, how far it is to the next one in time as a share, that time, and the change."""
        k = max(bisect_right(self._t_s, t_s) - 1, 0)
        if k + 1 == len(self._t_s):
            return k, 0.0, 0.0, 0.0
        length_s = self._t_s[k + 1] - self._t_s[k]
        return k, (t_s - self._t_s[k]) / length_s, length_s, self._speed_m_s[k + 1] - self._speed_m_s[k]
