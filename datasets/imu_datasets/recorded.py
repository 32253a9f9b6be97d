"""One session of a data set, in memory and in our form, before it is a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from imu.core.errors import DuplicateSession
from imu.core.samples import Floats, Ints, Samples
from imu.core.session import SCHEMA, SENSORS, Foot, Sensor, Session
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS, Columns, Row, Value
from imu.core.units import NS_PER_S
from imu.store.atomic import remove
from imu.store.folder import ANALYSIS, SESSION_FILE
from imu.store.raw import raw_path, write_raw
from imu.store.tables import SUMMARY, write_columns, write_table
from imu.store.write_session import create_session
from imu.version import VERSION

AS_WORN: Final = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
"""A mounting: the sensor's axes are the body's, forward, left, up."""


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A session, its samples, and what is known to be true of it."""

    document: Mapping[str, Any]
    """`session.json`."""
    samples: Mapping[Sensor, Samples]
    contacts: Sequence[Row] | None = None
    """Rows of TRUTH_CONTACTS; None = the source has no truth."""
    pelvis: Columns | None = None
    """Columns of TRUTH_PELVIS, in order of time."""

    @property
    def name(self) -> str:
        """Of the session."""
        return str(self.document["session"])

    def write(self, folder: Path, *, overwrite: bool = False) -> Session:
        """A session folder of it; it is none until all of it is there.

        Raises:
            BadSessionFile: the document can't be.
            DuplicateSession: the folder holds a session, and `overwrite` is not set.
            CannotWrite: with the system's reason.
        """
        session = Session.parse(dict(self.document))
        if (folder / SESSION_FILE).exists() and not overwrite:
            raise DuplicateSession(f"{folder} holds a session already; want --overwrite, or another folder")
        tables = {table: folder / f"{table.name}.parquet" for table in (TRUTH_CONTACTS, TRUTH_PELVIS)}
        # of what stood there nothing may pass for a part of this one
        for stale in (folder / SESSION_FILE, folder / ANALYSIS / SUMMARY, *tables.values()):
            remove(stale)
        for sensor in SENSORS:
            remove(raw_path(folder, sensor))
        for sensor, samples in self.samples.items():
            write_raw(raw_path(folder, sensor), sensor, [samples], setup=session.sensors[sensor], version=VERSION)
        if self.contacts is not None:
            write_table(tables[TRUTH_CONTACTS], TRUTH_CONTACTS, self.contacts, version=VERSION, params={})
        if self.pelvis is not None:
            write_columns(tables[TRUTH_PELVIS], TRUTH_PELVIS, [self.pelvis], version=VERSION, params={})
        return create_session(folder, session)


def document_of(
    subject: str, session: str, sensors: Mapping[Sensor, Mapping[str, Any]], **more: object
) -> dict[str, Any]:
    """`session.json` of a recording whose wall clock nobody told."""
    said = {name: dict(setup) for name, setup in sensors.items()}
    return {"schema": SCHEMA, "subject": subject, "session": session, "start_utc": None, **more, "sensors": said}


def evenly(acc: Floats, gyr: Floats, rate_hz: float) -> Samples:
    """Samples (n, 3) in m/s^2 and rad/s that were taken at even times, from time 0 on."""
    seq = np.arange(len(acc), dtype=np.int64)
    return timed(at_ns(seq, rate_hz), seq, acc, gyr)


def timed(t_ns: Ints, seq: Ints, acc: Floats, gyr: Floats) -> Samples:
    """Samples (n, 3) in m/s^2 and rad/s, none of which is known to be clipped."""
    return Samples(t_ns, seq, acc, gyr, np.zeros(len(t_ns), np.bool_))


def at_ns(samples: Ints | Floats, rate_hz: float) -> Ints:
    """Times, to the nanosecond, of samples that are counted from 0."""
    return np.rint(np.asarray(samples, np.float64) * NS_PER_S / rate_hz).astype(np.int64)


def true_contact(foot: Foot, t_contact_ns: int, **known: Value) -> dict[str, Value]:
    """A row of TRUTH_CONTACTS, with null where nothing is known.

    Raises:
        ValueError: the table has no such column.
    """
    row: dict[str, Value] = dict.fromkeys(TRUTH_CONTACTS.column_names)
    unknown = known.keys() - row.keys()
    if unknown:
        raise ValueError(f"truth_contacts has no {', '.join(sorted(unknown))}; want {', '.join(row)}")
    return {**row, "foot": foot, "t_contact_ns": t_contact_ns, **known}
