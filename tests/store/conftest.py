"""Small sessions that the store's tests make for themselves."""

import numpy as np
import pytest

from imu.core.samples import Samples
from imu.core.session import SensorSetup
from imu.store.raw import raw_path, write_raw
from imu.store.write_session import create_session
from tests.store.import_bench import Bench

IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.fixture
def make_samples():
    def make(n, *, rate_hz=200.0, seed=7):
        rng = np.random.default_rng(seed)
        t_ns = (np.arange(n) * (1e9 / rate_hz)).astype(np.int64)
        # float32 values, as a sensor's file holds them
        acc, gyr = (rng.normal(scale=scale, size=(n, 3)).astype(np.float32).astype(float) for scale in (10.0, 3.0))
        return Samples(t_ns, np.arange(n), acc, gyr, np.zeros(n, np.bool_))

    return make


@pytest.fixture
def setup():
    return SensorSetup(rate_hz=200.0, mounting=None)


@pytest.fixture
def make_session(make_samples, setup):
    def make(folder, *, subject="S01", session="one", sensors=("foot_left", "foot_right", "pelvis"), rows=50):
        document = {
            "schema": "retrogait.session/1",
            "subject": subject,
            "session": session,
            "sensors": {name: {"rate_hz": 200.0, "mounting": IDENTITY} for name in sensors},
        }
        made = create_session(folder, document)
        for name in sensors:
            write_raw(raw_path(folder, name), name, [make_samples(rows)], setup=setup, version="0.0.0")
        return made

    return make


@pytest.fixture
def bench(tmp_path):
    """Where files are imported."""
    return Bench(tmp_path)
