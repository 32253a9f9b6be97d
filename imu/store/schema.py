"""Arrow schemas, derived from the one description of each table in `imu.core.tables`."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from imu.core.canonical import canonical_json
from imu.core.tables import Column, DType, Table

ARROW_TYPES: Final[Mapping[DType, pa.DataType]] = MappingProxyType(
    {
        "string": pa.string(),
        "int64": pa.int64(),
        "float32": pa.float32(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
    }
)

UNREADABLE: Final = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises over damaged files, as fuzzing showed: names of columns are decoded in Python."""


def arrow_schema(table: Table, *, version: str, params: Mapping[str, Any]) -> pa.Schema:
    """The schema of a table's file. Its metadata hold no time, host or path: equal contents are equal bytes."""
    units = {column.name: column.unit for column in table.columns if column.unit is not None}
    return pa.schema(
        [_field(column) for column in table.columns],
        {
            "retrogait.schema": f"retrogait.{table.name}/1",
            "retrogait.version": version,
            "retrogait.params": canonical_json(params),
            "retrogait.units": canonical_json(units),
        },
    )


def _field(column: Column) -> pa.Field:
    metadata = {"meaning": column.meaning} if column.unit is None else {"unit": column.unit, "meaning": column.meaning}
    return pa.field(column.name, ARROW_TYPES[column.dtype], column.nullable, metadata)
