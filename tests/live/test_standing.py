"""A person who stands until they are told."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.session import SENSORS
from imu.live import standing as standing_
from imu.live.emulated import worn_by
from imu.live.standing import BLOCK_SAMPLES, Standing
from imu.simulate import Person, Protocol, Spec, Walk, usual_sensors

SPEC = Spec(Person(), Protocol(segments=(Walk(direction="backward", seconds=3.0),)), usual_sensors())


@pytest.fixture(scope="module")
def recording():
    return worn_by(SPEC, seed=1, lead_s=1.0)


@settings(deadline=None, max_examples=20)
@given(asked=st.lists(st.integers(0, 30), min_size=3, max_size=3))
def test_all_sensors_turn_to_walking_with_the_same_sample(recording, asked):
    stands = Standing(SPEC, recording)
    assert stands.seconds is None
    feeds = {sensor: stands.before(sensor) for sensor in SENSORS}
    # some are looked at sooner than others, as they are connected
    taken = {sensor: list(islice(feeds[sensor], n)) for sensor, n in zip(SENSORS, asked, strict=True)}
    stands.walk_off()
    stood_s = stands.seconds
    stands.walk_off()
    assert stands.seconds == stood_s == max(asked) * BLOCK_SAMPLES / recording.sensors["pelvis"].rate_hz
    for sensor in SENSORS:
        blocks = [*taken[sensor], *feeds[sensor]]
        assert sum(map(len, blocks)) == max(asked) * BLOCK_SAMPLES
        for block in blocks:
            assert np.linalg.norm(block.acc, axis=1) == pytest.approx(9.8, abs=1.0)


def test_who_is_never_told_walks_off_in_the_end(recording, monkeypatch):
    monkeypatch.setattr(standing_, "LONGEST_S", 2.0)
    stands = Standing(SPEC, recording)
    lengths = {sum(map(len, stands.before(sensor))) for sensor in SENSORS}
    assert len(lengths) == 1
    assert lengths == {round(stands.seconds * recording.sensors["pelvis"].rate_hz)}
    assert stands.seconds == pytest.approx(2.0, abs=2 * BLOCK_SAMPLES / 200.0)
    assert len(next(stands.after("pelvis"))) == BLOCK_SAMPLES
