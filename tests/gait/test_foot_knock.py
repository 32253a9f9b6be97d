"""Found on a real recording: the first samples of a sensor were wild, and a standing foot had made a step."""

import numpy as np
import pytest

from imu.core.records import CONTACT
from imu.core.samples import Block
from imu.gait.foot import FootContacts, FootParams

RATE_HZ = 100.0


def standing(n):
    gyr = np.random.default_rng(5).normal(scale=0.02, size=(n, 3))
    acc = np.tile([5.6, 1.7, -7.9], (n, 1)) + np.random.default_rng(6).normal(scale=0.02, size=(n, 3))
    none = np.zeros(n, np.bool_)
    t_ns = np.arange(n, dtype=np.int64) * 10_000_000
    return Block(t_ns, np.full(n, 1 / RATE_HZ), np.zeros(n, np.int64), none, none, acc, gyr)


@pytest.mark.parametrize("at", [2, 200])
@pytest.mark.parametrize("mounted", [True, False])
def test_a_short_knock_on_a_standing_foot_is_no_step(at, mounted):
    block = standing(400)
    block.gyr[at : at + 3] = [[-0.9, -2.8, -1.7], [-1.7, -4.0, -1.1], [0.2, -2.1, -0.5]]
    block.acc[at : at + 3] *= 0.9
    foot = FootContacts(FootParams(), RATE_HZ, np.diag([1.0, -1.0, -1.0]) if mounted else None)
    found = np.concatenate([foot.push(block), foot.flush()])
    assert (found["kind"] == CONTACT).sum() == 0
