"""Recordings of any length: one walk, repeated until it is long enough."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from imu.core.samples import Samples
from imu.core.session import Sensor, Session
from imu.core.units import NS_PER_S
from imu.simulate import Person, Protocol, SensorModel, Stand, UTurn, Walk, simulate, usual_sensors
from imu.store.folder import present_sensors, read_session
from imu.store.raw import raw_path, read_raw, write_raw
from imu.store.write_session import create_session
from imu.version import VERSION

SEED: Final = 1
WALK: Final = Protocol(
    segments=(
        Stand(seconds=3),
        Walk(direction="forward", metres=40),
        UTurn(degrees=180),
        Walk(direction="forward", metres=40),
        Stand(seconds=3),
    ),
    activity="40 m forward and back",
)
"""Forward, since no peer knows any other."""


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """What is repeated."""

    what: str
    """For the reader of results."""
    session: Session
    samples: Mapping[Sensor, Samples]
    period_ns: int
    """From the start of one repeat to the start of the next."""

    @property
    def seconds(self) -> float:
        return self.period_ns / NS_PER_S


def simulated(rate_hz: float = 200.0) -> Walked:
    """A usual person with three sensors, 40 m forward and back."""
    worn: dict[Sensor, SensorModel] = {name: replace(model, rate_hz=rate_hz) for name, model in usual_sensors().items()}
    recording = simulate(Person(), WALK, worn, seed=SEED, subject="SIM01", session="tiled")
    samples: dict[Sensor, Samples] = {
        sensor: _joined(recording.samples(sensor)) for sensor in recording.session.sensors
    }
    return _walked("a simulated person, 40 m forward and back", recording.session, samples)


def recorded(folder: Path) -> Walked:
    """A session folder.

    Raises:
        SessionError: one line on what was refused.
    """
    session = read_session(folder)
    samples: dict[Sensor, Samples] = {
        sensor: _joined(read_raw(raw_path(folder, sensor), sensor, session.sensors[sensor]))
        for sensor in present_sensors(folder, session)
    }
    return _walked(session.session, session, samples)


def _walked(what: str, session: Session, samples: Mapping[Sensor, Samples]) -> Walked:
    # every sensor goes on one period after its last sample
    period_ns = max(int(s.t_ns.max()) + round(NS_PER_S / session.sensors[name].rate_hz) for name, s in samples.items())
    return Walked(what, session, samples, period_ns)


def _joined(blocks: Iterator[Samples]) -> Samples:
    parts = list(blocks)
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))


def tile(walked: Walked, minutes: float, folder: Path) -> int:
    """Write a session folder of so many minutes, without truth, in memory that one repeat bounds; return its rows."""
    described = walked.session.document
    worn = {name: described["sensors"][name] for name in walked.samples}
    session = create_session(folder, {**described, "start_utc": None, "sensors": worn})
    return sum(
        write_raw(
            raw_path(folder, sensor),
            sensor,
            _repeated(samples, walked.period_ns, round(60.0 * minutes * NS_PER_S)),
            setup=session.sensors[sensor],
            version=VERSION,
        )
        for sensor, samples in walked.samples.items()
    )


def _repeated(samples: Samples, period_ns: int, end_ns: int) -> Iterator[Samples]:
    counted = int(samples.seq.max()) - int(samples.seq.min()) + 1
    for number, start_ns in enumerate(range(0, end_ns, period_ns)):
        t_ns = samples.t_ns + start_ns
        again = Samples(t_ns, samples.seq + number * counted, samples.acc, samples.gyr, samples.clipped)
        yield again if t_ns[-1] < end_ns else again.where(t_ns < end_ns)
