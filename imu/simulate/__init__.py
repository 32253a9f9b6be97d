"""A walking person with known truth: for the demo, the tests and the bench."""

from imu.simulate.crowd import as_worn, someone
from imu.simulate.library import named, names
from imu.simulate.person import Gait, Person
from imu.simulate.placements import Restrapping
from imu.simulate.protocol import Protocol, ShiftWeight, SideStep, Sit, Stand, Turn, UTurn, Walk
from imu.simulate.recording import Recording, simulate
from imu.simulate.sensors import Clock, Link, Noise, SensorModel
from imu.simulate.spec import Spec, load_spec, usual_sensors

__all__ = [
    "Recording",
    "simulate",
    "Spec",
    "load_spec",
    "named",
    "names",
    "someone",
    "as_worn",
    "Person",
    "Gait",
    "Protocol",
    "Stand",
    "Walk",
    "UTurn",
    "Turn",
    "SideStep",
    "ShiftWeight",
    "Sit",
    "SensorModel",
    "Restrapping",
    "Noise",
    "Clock",
    "Link",
    "usual_sensors",
]
