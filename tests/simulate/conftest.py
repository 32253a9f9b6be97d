import pytest

from imu.simulate import Noise, Person, Protocol, Stand, Walk, simulate, usual_sensors

PERFECT = Noise(acc_noise_m_s2_rthz=0.0, gyr_noise_rad_s_rthz=0.0, bits=0)


@pytest.fixture
def perfect():
    """Noise of a sensor that has none."""
    return PERFECT


@pytest.fixture
def walk():
    """Standing, one walk, standing."""

    def make(direction="forward", *, person=None, seed=1, seconds=14.0, sensors=None, **pace):
        protocol = Protocol(
            segments=(Stand(seconds=2.0), Walk(direction=direction, seconds=seconds, **pace), Stand(seconds=2.0))
        )
        return simulate(person or Person(), protocol, sensors or usual_sensors(), seed=seed)

    return make
