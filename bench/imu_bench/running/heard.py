"""What a detector gets of a recording: all that sensors said, and nothing that gives the answer away."""

from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from imu.core.samples import Samples
from imu.core.session import SCHEMA, Sensor, Session
from imu.simulate.link import joined
from imu.store.folder import present_sensors, read_session
from imu.store.raw import raw_path, read_raw, write_raw
from imu.store.write_session import create_session
from imu.version import VERSION
from imu_bench.detector import Heard

NOBODY: Final = "S"
KEPT: Final = ("subject_info", "sync")
"""What of session.json, beside its sensors, is a matter of the detector."""


def hear(folder: Path) -> Heard:
    """A session folder's recording, blinded.

    Raises:
        SessionError: one line on what was refused.
    """
    session = read_session(folder)
    present = present_sensors(folder, session)
    setups: dict[str, Any] = {name: session.document["sensors"][name] for name in present}
    samples: dict[Sensor, Samples] = {
        name: joined(list(read_raw(raw_path(folder, name), name, session.sensors[name]))) for name in present
    }
    return Heard(blinded(session, setups), samples)


def blinded(session: Session, sensors: dict[str, Any]) -> Session:
    """Names and activities tell who walks which way, and truth has keys of its own in session.json: none of that."""
    kept = {key: session.document[key] for key in KEPT if key in session.document}
    return Session.parse({"schema": SCHEMA, "subject": NOBODY, "session": NOBODY, **kept, "sensors": sensors})


def lay(heard: Heard, folder: Path) -> None:
    """Write it as a session folder, for those who read files.

    Raises:
        CannotWrite: with the system's reason.
    """
    for name, samples in heard.samples.items():
        setup = heard.session.sensors[name]
        write_raw(raw_path(folder, name), name, [samples], setup=setup, version=VERSION)
    create_session(folder, heard.session, overwrite=True)


def handed(heard: Heard) -> Heard:
    """For one detector: what the next one gets can't be changed by it. Locks the arrays for good."""
    for rows in heard.samples.values():
        for name in Samples.__slots__:
            getattr(rows, name).setflags(write=False)
    # a part of a locked array can't be unlocked
    samples: dict[Sensor, Samples] = {sensor: rows[:] for sensor, rows in heard.samples.items()}
    return Heard(deepcopy(heard.session), MappingProxyType(samples))
