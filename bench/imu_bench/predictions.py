"""What a detector says of a recording, as files: whoever writes these is scored, whatever made them.

A folder of predictions holds one Parquet file a table. What a detector does not look for has no file; what it does not
know of a row is null, and counts against its coverage, not against its errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from imu.core.tables import CONTACTS, STEPS, STRIDES, TRUTH_PELVIS, Column, Row, Table
from imu.store.tables import read_rows, write_table
from imu.version import VERSION
from imu_bench.detector import Found

TOLD: Final = "t_told_ns"
"""Newest sample that had been fed when a contact was told, by the clock of who fed it: not of the detector."""


def _loosely(table: Table, name: str, needed: Sequence[str], *more: Column) -> Table:
    """A table of which only some columns have to be known."""
    columns = (
        column if column.name in needed else replace(column, nullable=True, optional=True) for column in table.columns
    )
    return Table(name, (*columns, *more), table.sorted_by)


FOUND_CONTACTS: Final = _loosely(
    CONTACTS,
    "contacts",
    ("foot", "t_contact_ns"),
    Column(TOLD, "int64", "newest sample fed when it was told", "ns", nullable=True, optional=True),
)
FOUND_STRIDES: Final = _loosely(STRIDES, "strides", ("foot", "t_start_ns", "t_end_ns"))
FOUND_STEPS: Final = _loosely(STEPS, "steps", ("stance_foot", "t_start_ns", "t_end_ns"))
FOUND_PELVIS: Final = _loosely(TRUTH_PELVIS, "pelvis", ("t_ns",))
"""Attitude of the pelvis, as the truth's."""
FOUND_CADENCE: Final = Table(
    "cadence",
    (
        Column("t_start_ns", "int64", "from here", "ns"),
        Column("t_end_ns", "int64", "to here", "ns"),
        Column("cadence_spm", "float32", "steps of both feet a minute", "1/min"),
    ),
    ("t_start_ns",),
)
"""From those who know no feet."""

PREDICTED: Final[Mapping[str, Table]] = MappingProxyType(
    {table.name: table for table in (FOUND_CONTACTS, FOUND_STRIDES, FOUND_STEPS, FOUND_PELVIS, FOUND_CADENCE)}
)


def write_predictions(folder: Path, found: Found) -> None:
    """One file a table, rows in the table's order.

    Raises:
        KeyError: a table of another name.
        CannotWrite: with the system's reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in found.items():
        table = PREDICTED[name]
        full = [{column: row.get(column) for column in table.column_names} for row in rows]
        write_table(folder / f"{name}.parquet", table, full, version=VERSION, params={})


def read_predictions(folder: Path) -> dict[str, list[Row]]:
    """Of each table that has a file.

    Raises:
        BadTableFile: a file that is not such a table.
    """
    paths = {name: folder / f"{name}.parquet" for name in PREDICTED}
    return {name: read_rows(path, PREDICTED[name]) for name, path in paths.items() if path.exists()}
