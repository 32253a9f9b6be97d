"""The instant of a contact from a reversal, its settling and its impact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.gait.foot import ContactParams
from imu.kernels import contact, ring

PERIOD_S = 0.005
C = ContactParams().resolve()
REVERSAL = 100


def landing(*, sign: float = 1.0, peak_s: float = 0.04, impact_s: float | None = 0.0, n: int = 160, first: int = 0):
    """A ring whose rate turns over at sample `REVERSAL` and settles, with a blow so long after it."""
    t = (np.arange(n) - REVERSAL) * PERIOD_S
    rate = np.where(t < 0.0, -1.5 * np.minimum(1.0, -t / 0.05), 4.0 * (t / peak_s) * np.exp(1.0 - t / peak_s))
    acc = np.zeros((n, 3))
    acc[:, 2] = 9.81
    if impact_s is not None:
        acc[:, 2] += 40.0 * np.exp(-0.5 * ((t - impact_s) / 0.006) ** 2)
    state = np.zeros(1, ring.STATE)
    r = state[0]
    for k in range(first):
        ring.push_acc(r, k, PERIOD_S, 0.0, 0.0, 9.81)
    for k in range(n):
        ring.push_acc(r, (first + k) * 5_000_000, PERIOD_S, *acc[k])
        r["rate"][(first + k) & ring.MASK] = sign * rate[k]
    return r, first + REVERSAL, first + n - 1


def instant(r, reversal, newest, sign=1.0) -> float:
    """Relative to the reversal, s."""
    first = ring.back(r, reversal, C.before_reversal_s)
    return contact.instant(r, first, reversal, newest, sign, C) - r["time"][reversal & ring.MASK]


@pytest.mark.parametrize("impact_s", [-0.005, 0.0, 0.01, 0.02])
def test_it_follows_the_impact(impact_s) -> None:
    assert instant(*landing(impact_s=impact_s)) == pytest.approx(impact_s, abs=0.012)


def test_without_an_impact_it_is_near_the_reversal() -> None:
    assert 0.0 <= instant(*landing(impact_s=None)) < 0.025


@given(first=st.integers(0, 2 * ring.SIZE), sign=st.sampled_from([1.0, -1.0]))
def test_neither_the_direction_nor_the_place_in_the_ring_matters(first, sign) -> None:
    there = instant(*landing(sign=sign, first=first), sign)
    assert there == pytest.approx(instant(*landing()), abs=1e-9)


@given(peak_s=st.floats(0.02, 0.12), impact_s=st.one_of(st.none(), st.floats(-0.02, 0.06)))
def test_it_lies_in_what_it_was_given(peak_s, impact_s) -> None:
    r, reversal, newest = landing(peak_s=peak_s, impact_s=impact_s)
    at_s = instant(r, reversal, newest)
    assert -C.before_reversal_s - 2.4 * C.jerk_width_s <= at_s <= (newest - reversal) * PERIOD_S


def test_a_foot_that_lands_hard_is_known_for_it_and_forgotten_when_it_does_not() -> None:
    s = np.zeros(1, contact.STATE)[0]
    for _ in range(5):
        r, reversal, newest = landing()
        contact.learn_impact(s, r, newest, reversal, C)
    hard = float(s["impact"])
    assert hard > 0.0
    for _ in range(5):
        r, reversal, newest = landing(impact_s=None)
        contact.learn_impact(s, r, newest, reversal, C)
    assert s["impact"] < 0.2 * hard
