"""Sensors made to read what a test wants."""

from itertools import pairwise

import numpy as np

from imu.core.samples import Samples
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.simulate import Noise, SensorModel
from imu.simulate.kinematics import Readings
from imu.simulate.link import joined
from imu.simulate.sensing import Sensing

ALIGNED = SensorModel(position_m=(0.0, 0.0, 0.0))
AT_REST = np.array([0.0, 0.0, STANDARD_GRAVITY_M_S2])


def perfect(**errors):
    return Noise(**{"acc_noise_m_s2_rthz": 0.0, "gyr_noise_rad_s_rthz": 0.0, "bits": 0} | errors)


def random_readings(seed, n, most_acc=80.0, most_gyr=16.0):
    rng = np.random.default_rng([99, seed])
    return Readings(rng.uniform(-most_acc, most_acc, (n, 3)), rng.uniform(-most_gyr, most_gyr, (n, 3)))


def numbers(n):
    return np.arange(n, dtype=np.float64)


def sensed(model, true, *, seed=1, cuts=()):
    sensing, seq = Sensing(model, [seed]), numbers(len(true.acc))
    edges = [0, *sorted(cuts), len(seq)]
    return joined([sensing.sense(Readings(true.acc[a:b], true.gyr[a:b]), seq[a:b]) for a, b in pairwise(edges)])


def same(a, b):
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in Samples.__slots__)


def nothing(n):
    return Readings(np.zeros((n, 3)), np.zeros((n, 3)))
