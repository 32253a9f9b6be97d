"""Piecewise quintics: curves with continuous acceleration through given places, speeds and accelerations."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imu.core.samples import Floats, Ints


class Knots(NamedTuple):
    """Value, first and second derivative with respect to time, arrays of one shape."""

    value: Floats
    rate: Floats
    acceleration: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Quintics:
    """Pieces (m) of d curves over time. The first piece also reaches back, and the last one on, without end."""

    start_s: Floats
    """(m,) where each piece begins, not decreasing."""
    coefficients: Floats
    """(6, d, m), of the powers of the time since the piece began."""

    @classmethod
    def through(cls, start_s: Floats, length_s: Floats, begin: Knots, end: Knots) -> "Quintics":
        """Pieces from `begin` to `end`, whose fields have shape (d, m). `length_s` (m,) is positive."""
        t = length_s
        at_rest = begin.value + begin.rate * t + 0.5 * begin.acceleration * t**2
        value, rate = end.value - at_rest, end.rate - begin.rate - begin.acceleration * t
        bend = end.acceleration - begin.acceleration
        return cls(
            start_s,
            np.stack(
                [
                    begin.value,
                    begin.rate,
                    0.5 * begin.acceleration,
                    (10.0 * value - 4.0 * rate * t + 0.5 * bend * t**2) / t**3,
                    (-15.0 * value + 7.0 * rate * t - bend * t**2) / t**4,
                    (6.0 * value - 3.0 * rate * t + 0.5 * bend * t**2) / t**5,
                ]
            ),
        )

    def piece(self, t_s: Floats) -> Ints:
        """Which piece each time (n,) falls in."""
        return np.maximum(np.searchsorted(self.start_s, t_s, side="right") - 1, 0)

    def at(self, t_s: Floats, piece: Ints, rows: slice = slice(None)) -> Knots:
        """Value and derivatives, each (d, n), of the curves `rows` at times (n,) of the pieces (n,)."""
        tau = t_s - self.start_s[piece]
        c0, c1, c2, c3, c4, c5 = np.take(self.coefficients[:, rows], piece, axis=2)
        value = ((((c5 * tau + c4) * tau + c3) * tau + c2) * tau + c1) * tau + c0
        rate = (((5.0 * c5 * tau + 4.0 * c4) * tau + 3.0 * c3) * tau + 2.0 * c2) * tau + c1
        return Knots(value, rate, _bend(c2, c3, c4, c5, tau))


def _bend(c2: Floats, c3: Floats, c4: Floats, c5: Floats, tau: Floats) -> Floats:
    return ((20.0 * c5 * tau + 12.0 * c4) * tau + 6.0 * c3) * tau + 2.0 * c2
