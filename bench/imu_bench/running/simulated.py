"""The simulated data set: people who differ, with sensors not quite straight. It needs no files; seeds are fixed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from imu.core.session import Sensor
from imu.simulate import (
    Person,
    Protocol,
    Recording,
    SensorModel,
    ShiftWeight,
    SideStep,
    Stand,
    Turn,
    UTurn,
    Walk,
    as_worn,
    named,
    simulate,
    someone,
    usual_sensors,
)
from imu.simulate.protocol import Segment
from imu_bench.running.scenario import SIMULATED

PEOPLE: Final = (1, 2, 3, 4)
TOE_WALKER: Final = 5
"""Seeds."""
BEFORE: Final = Stand(seconds=4.0)
AFTER: Final = Stand(seconds=3.0)

STANDING: Final[tuple[Segment, ...]] = (
    Stand(seconds=30.0),
    ShiftWeight(times=8),
    Stand(seconds=20.0),
    ShiftWeight(times=6, seconds=1.5, lean_m=0.08),
    Stand(seconds=30.0),
    ShiftWeight(times=10, seconds=2.5, lean_m=0.04),
    Stand(seconds=20.0),
)
"""Two and a half minutes a person, ten of all."""
PROTOCOLS: Final[dict[str, tuple[Segment, ...]]] = {
    "standing": STANDING,
    "forward": (BEFORE, Walk(direction="forward", seconds=40.0), AFTER),
    "backward": (BEFORE, Walk(direction="backward", seconds=40.0), AFTER),
    "slow": (
        BEFORE,
        Walk(direction="forward", seconds=30.0, speed_m_s=0.4),
        AFTER,
        Walk(direction="backward", seconds=30.0, speed_m_s=0.25),
        AFTER,
    ),
    "mixed": (
        BEFORE,
        Walk(direction="forward", metres=8.0),
        UTurn(degrees=180.0),
        Walk(direction="forward", metres=8.0),
        AFTER,
        Turn(degrees=-180.0),
        AFTER,
        Walk(direction="backward", metres=5.0),
        AFTER,
        SideStep(steps=3, side="left"),
        AFTER,
        Walk(direction="forward", metres=6.0, turning_deg_per_m=20.0),
        AFTER,
    ),
}
"""What each of PEOPLE does, a session each."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """One session to be made."""

    name: str
    person: Person
    sensors: dict[Sensor, SensorModel]
    segments: tuple[Segment, ...]
    seed: int

    def recording(self) -> Recording:
        """The same bits each time."""
        kind = self.name.split("-")[1]
        return simulate(
            self.person,
            Protocol(segments=self.segments, activity=f"simulated, {kind}"),
            self.sensors,
            seed=self.seed,
            subject=f"SIM{self.seed:02d}",
            session=self.name,
        )


def simulations() -> Iterator[Simulation]:
    """All sessions of the data set."""
    for seed in PEOPLE:
        for kind, segments in PROTOCOLS.items():
            worn = as_worn(usual_sensors(), seed)
            yield Simulation(f"{SIMULATED}-{kind}-{seed}", someone(seed), worn, segments, seed)
    yield Simulation(
        f"{SIMULATED}-toes-{TOE_WALKER}",
        named("toe-walker").person,
        as_worn(usual_sensors(), TOE_WALKER),
        PROTOCOLS["forward"],
        TOE_WALKER,
    )
