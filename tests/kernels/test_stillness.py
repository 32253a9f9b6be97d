"""Thresholds that follow the walker, within bounds, and never lock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.gait.foot import StillnessParams
from imu.kernels import stillness

PARAMS = StillnessParams()
RATE_HZ = 100.0
C = PARAMS.resolve(RATE_HZ)


def after(rates, acc=(0.0, 0.0, 9.81)):
    """The state after each sample."""
    state = np.zeros(1, stillness.STATE)
    s = state[0]
    s["minima"][:] = 99.0
    s["peak"] = PARAMS.peak_start_rad_s
    stillness.start(s, *acc, C)
    states = np.zeros(len(rates), stillness.STATE)
    for k, rate in enumerate(rates):
        stillness.step(s, *acc, rate, 1.0 / RATE_HZ, C)
        states[k] = s
    return states


@given(rates=st.lists(st.floats(0.0, 1e3), min_size=1, max_size=300))
def test_thresholds_stay_in_order(rates) -> None:
    states = after(rates)
    assert (states["still"] >= PARAMS.still_least_rad_s).all()
    assert (states["still"] <= PARAMS.still_most_rad_s).all()
    assert (states["moving"] >= PARAMS.moving_least_rad_s).all()
    assert (states["still"] <= states["moving"]).all()
    assert (states["quiet_s"] >= states["quieter_s"]).all()


def test_a_foot_at_rest_is_quiet_and_its_force_is_known() -> None:
    last = after([0.0] * 300)[-1]
    assert last["rate"] < 1e-6
    assert last["quiet_s"] > 2.5
    assert last["acc_norm"] == pytest.approx(9.81)


@pytest.mark.parametrize("burst_rad_s", [16.0, 60.0, 1e3])
def test_a_burst_is_forgotten_as_soon_as_the_fastest_walk(burst_rad_s) -> None:
    """Beyond what either threshold follows nothing is worth remembering."""
    fastest = PARAMS.moving_most_rad_s / PARAMS.moving_share
    calm = [0.5] * 400
    thresholds = [after([rate] * 100 + calm)["moving"][-300:] for rate in (fastest, burst_rad_s)]
    assert np.abs(thresholds[1] - thresholds[0]).max() < 0.1 * PARAMS.moving_most_rad_s


def test_who_never_comes_quiet_is_still_by_comparison() -> None:
    t = np.arange(0.0, 8.0, 1.0 / RATE_HZ)
    states = after(5.0 + 3.0 * np.sin(2.0 * np.pi * t))
    stance = states["rate"][400:] < states["moving"][400:]
    assert 0.05 < stance.mean() < 0.5
