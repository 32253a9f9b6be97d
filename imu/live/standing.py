"""A simulated person who stands until they are told to walk off, and stands again when they have walked."""

from collections.abc import Iterator
from typing import Final

from imu.core.samples import Samples
from imu.core.session import Sensor
from imu.simulate.protocol import Protocol, Stand
from imu.simulate.recording import Recording, simulate
from imu.simulate.spec import Spec

BLOCK_SAMPLES: Final = 64
"""They walk off between two blocks: a third of a second at 200 Hz."""
LONGEST_S: Final = 3600.0
"""Then they walk off untold."""


class Standing:
    """All sensors of a person turn from standing to walking with the same sample."""

    def __init__(self, spec: Spec, recording: Recording) -> None:
        """Args: who; their walk, as `worn_by` makes it, of sensors of one rate.

        The clocks of sensors drift apart by some 10 ms in five minutes of standing, and the walk of each foot with it.
        """
        path = Protocol(segments=(Stand(seconds=LONGEST_S),))
        self._standing = simulate(spec.person, path, recording.sensors, seed=recording.seed)
        [self._rate_hz] = {model.rate_hz for model in recording.sensors.values()}
        self._asked = 0
        self._blocks: int | None = None

    @property
    def seconds(self) -> float | None:
        """How long they stand in all; None = nobody has told them yet."""
        return None if self._blocks is None else self._blocks * BLOCK_SAMPLES / self._rate_hz

    def walk_off(self) -> None:
        """Now, or as soon as all sensors can. A second time changes nothing."""
        if self._blocks is None:
            self._blocks = self._asked

    def before(self, sensor: Sensor) -> Iterator[Samples]:
        """What a sensor samples until then."""
        most = int(LONGEST_S * self._rate_hz) // BLOCK_SAMPLES - 1
        for block, samples in enumerate(self._standing.taken(sensor, BLOCK_SAMPLES)):
            if block >= most:
                self.walk_off()
            if self._blocks is not None and block >= self._blocks:
                return
            self._asked = max(self._asked, block + 1)
            yield samples

    def after(self, sensor: Sensor) -> Iterator[Samples]:
        """And when the walk is over."""
        return self._standing.taken(sensor, BLOCK_SAMPLES)
