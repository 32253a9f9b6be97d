"""Session folders of a simulated walk, and what is in them and in their analyses."""

import json

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from imu.core.tables import ANALYSIS, CONTACTS, STEPS, STRIDES
from imu.simulate import Person, Protocol, Stand, Turn, Walk, simulate, usual_sensors
from imu.store.raw import raw_path, write_raw
from imu.store.write_session import create_session
from imu.version import VERSION

TABLES = tuple(f"{table.name}.parquet" for table in ANALYSIS)
FILES = (*TABLES, "summary.json")
WALK = Protocol(
    segments=(
        Stand(seconds=5.0),
        Walk(direction="forward", steps=14),
        Turn(degrees=90.0),
        Walk(direction="backward", steps=26),
        Stand(seconds=2.0),
    )
)
SIMULATED = ("foot_left", "foot_right", "pelvis")


def write(folder, recording, **raw):
    """A session folder of a simulated recording."""
    create_session(folder, recording.session)
    for sensor in recording.sensors:
        setup = recording.session.sensors[sensor]
        write_raw(raw_path(folder, sensor), sensor, recording.samples(sensor), setup=setup, version=VERSION, **raw)
    return folder


def simulated(protocol=WALK, worn=None):
    return simulate(Person(), protocol, worn or usual_sensors(), seed=5, subject="S01", session="one")


def contents(folder):
    """Every file below, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if not path.is_dir()}


def analysis(folder):
    return {name: (folder / "analysis" / name).read_bytes() for name in FILES}


def table(folder, name):
    return pl.read_parquet(folder / "analysis" / f"{name}.parquet")


def summary_of(folder):
    return json.loads((folder / "analysis" / "summary.json").read_text("utf-8"))


def edit(folder, **sensors):
    """Change sensors of session.json; None takes one out."""
    file = folder / "session.json"
    document = json.loads(file.read_text("utf-8"))
    for name, changes in sensors.items():
        if changes is None:
            del document["sensors"][name]
        else:
            document["sensors"][name] |= changes
    file.write_text(json.dumps(document), "utf-8")


def rewrite(folder, sensor, change):
    """Change the columns of a raw file: numpy arrays in, numpy arrays out."""
    path = raw_path(folder, sensor)
    held = pq.read_table(path)
    columns = change({name: held[name].to_numpy() for name in held.column_names})
    pq.write_table(pa.table(columns), path)


def without_pelvis(tables_of, other):
    """The same contacts, strides and steps, apart from what only the pelvis can say."""
    for name in (CONTACTS.name, STRIDES.name):
        assert table(tables_of, name).equals(table(other, name))
    one, two = (table(folder, STEPS.name) for folder in (tables_of, other))
    assert one[STEPS.column_names[:6]].equals(two[STEPS.column_names[:6]])
