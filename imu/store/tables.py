"""Tables: the one function that writes them, how they are read, and the analysis of a session as a whole."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from imu.core.canonical import canonical_json
from imu.core.errors import BadTableFile
from imu.core.samples import Flags
from imu.core.tables import ANALYSIS, Column, Columns, Row, Table
from imu.store.atomic import remove, replacing, write_bytes
from imu.store.schema import ARROW_TYPES, UNREADABLE, arrow_schema

ROW_GROUP_ROWS: Final = 1 << 16
SUMMARY: Final = "summary.json"


def write_table(path: Path, table: Table, rows: Sequence[Row], *, version: str, params: Mapping[str, Any]) -> str:
    """Write rows, sorted as the table wants, and return the file's sha256. Equal rows make equal bytes.

    Raises:
        CannotWrite: with the system's reason.
        ValueError: for rows that are not the table's: a column missing or unknown, null where none may be, NaN.
    """
    for row in rows:
        if row.keys() != set(table.column_names):
            raise ValueError(f"{table.name}: a row has {', '.join(row)}; want {', '.join(table.column_names)}")
    ordered = sorted(rows, key=lambda row: tuple(cast("Any", row[name]) for name in table.sorted_by))
    content = io.BytesIO()
    whole = {name: [row[name] for row in ordered] for name in table.column_names}
    _write(content, table, [whole], arrow_schema(table, version=version, params=params))
    write_bytes(path, content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def write_columns(
    path: Path, table: Table, blocks: Iterable[Columns], *, version: str, params: Mapping[str, Any]
) -> None:
    """Write blocks of columns as they come, in memory that one row group bounds. The bytes are those of `write_table`
    of the same rows, however they were cut.

    Raises:
        CannotWrite: with the system's reason; `path` is then as it was.
        ValueError: as `write_table`, and for rows that are not in the table's order.
    """
    with replacing(path) as file:
        _write(file, table, blocks, arrow_schema(table, version=version, params=params))


def _write(sink: BinaryIO, table: Table, blocks: Iterable[Columns], schema: pa.Schema) -> None:
    """Every table is written here: row groups of one size, the last one shorter."""
    with pq.ParquetWriter(sink, schema, compression="zstd", compression_level=3) as writer:

        def put(rows: pa.Table) -> None:
            # in one piece: pages end where the pieces do
            writer.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP_ROWS)

        held = last = schema.empty_table()
        for block in blocks:
            part = _arrow(table, block, schema)
            if not _ordered(pa.concat_tables([last, part]).select(table.sorted_by)):
                raise ValueError(f"{table.name} has rows out of order; want them by {', '.join(table.sorted_by)}")
            last = part.slice(part.num_rows - 1) if part.num_rows else last
            held = pa.concat_tables([held, part])
            while held.num_rows > ROW_GROUP_ROWS:
                put(held.slice(0, ROW_GROUP_ROWS))
                held = held.slice(ROW_GROUP_ROWS)
        put(held)


def _arrow(table: Table, block: Columns, schema: pa.Schema) -> pa.Table:
    if set(block) != set(table.column_names):
        raise ValueError(f"{table.name}: a block has {', '.join(block)}; want {', '.join(table.column_names)}")
    return pa.Table.from_arrays([_column(table, column, block[column.name]) for column in table.columns], schema=schema)


def _ordered(keys: pa.Table) -> bool:
    tied: Flags = np.ones(max(keys.num_rows - 1, 0), np.bool_)
    for key in keys.columns:
        values = key.to_numpy()
        if (tied & (values[1:] < values[:-1])).any():
            return False
        tied &= values[1:] == values[:-1]
    return True


def _column(table: Table, column: Column, values: Any) -> pa.Array:
    array = pa.array(values, ARROW_TYPES[column.dtype])
    if array.null_count and not column.nullable:
        raise ValueError(f"{table.name}.{column.name} has {array.null_count} nulls; want none")
    if column.dtype.startswith("float") and _not_finite(array):
        raise ValueError(f"{table.name}.{column.name} has NaN or infinity; want numbers, or None for what is missing")
    return array


def _not_finite(array: pa.Array) -> bool:
    return not np.isfinite(array.drop_null().to_numpy()).all()


def read_rows(path: Path, table: Table) -> list[Row]:
    """The rows of a table's file in the order they stand in. Other columns are passed over; NaN is read as null, and
    so is an optional column that the file lacks.

    Raises:
        BadTableFile: if it is not there, can't be read, or a column is missing, of another type, or null where none
            may be.
    """
    name = path.name
    try:
        with path.open("rb") as stored, pq.ParquetFile(stored, page_checksum_verification=True) as file:
            held = file.schema_arrow
            there = [column for column in table.columns if not column.optional or column.name in held.names]
            for column in there:
                _check(held, column, table, name)
            content = file.read(columns=[column.name for column in there], use_threads=False)
    except FileNotFoundError:
        raise BadTableFile(f"{name} is not there; want the table {table.name}", table=table.name) from None
    except UNREADABLE as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadTableFile(f"{name} can't be read: {reason}; want a whole Parquet file", table=table.name) from error
    absent: list[Any] = [None] * content.num_rows
    columns = {
        column.name: _values(content, column, table, name) if column in there else absent for column in table.columns
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _check(held: pa.Schema, column: Column, table: Table, name: str) -> None:
    if held.names.count(column.name) != 1:
        raise BadTableFile(
            f"{name} has {held.names.count(column.name) or 'no'} column {column.name!r}; want one of each of"
            f" {', '.join(table.column_names)}",
            table=table.name,
            column=column.name,
        )
    found = held.field(column.name).type
    fits = {
        "string": pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found),
        "int64": pa.types.is_integer(found),
        "float32": pa.types.is_floating(found) or pa.types.is_integer(found),
        "float64": pa.types.is_floating(found) or pa.types.is_integer(found),
        "bool": pa.types.is_boolean(found),
    }
    # a column that is null throughout has lost its type in some writers
    if not fits[column.dtype] and not (column.nullable and pa.types.is_null(found)):
        raise BadTableFile(
            f"{name} has {column.name} as {found}; want {column.dtype}", table=table.name, column=column.name
        )


def _values(content: pa.Table, column: Column, table: Table, name: str) -> list[Any]:
    values = content.column(column.name).to_pylist()
    if column.dtype.startswith("float"):
        values = [None if value is None or math.isnan(value) else float(value) for value in values]
    if None in values and not column.nullable:
        raise BadTableFile(
            f"{name} has no {column.name} in row {values.index(None)}; want one in every row",
            table=table.name,
            column=column.name,
        )
    return values


def write_analysis(
    folder: Path,
    tables: Mapping[str, Sequence[Row]],
    summary: Mapping[str, Any],
    *,
    version: str,
    params: Mapping[str, Any],
) -> None:
    """Write `analysis/` of a session folder: contacts, strides, steps, and `summary.json` last with their sha256.

    The old summary goes first, so that a crash in between leaves a session that counts as not analysed. To `summary`
    are added `tables`, `version` and `params`.

    Raises:
        CannotWrite: with the system's reason.
        ValueError: for tables or rows that are not the contract's.
    """
    names = [table.name for table in ANALYSIS]
    if set(tables) != set(names):
        raise ValueError(f"got the tables {', '.join(sorted(tables))}; want {', '.join(names)}")
    analysis = folder / "analysis"
    remove(analysis / SUMMARY)
    sums = {
        f"{table.name}.parquet": write_table(
            analysis / f"{table.name}.parquet", table, tables[table.name], version=version, params=params
        )
        for table in ANALYSIS
    }
    document = {**summary, "tables": sums, "version": version, "params": dict(params)}
    write_bytes(analysis / SUMMARY, canonical_json(document, indent=2).encode())


def is_analysed(folder: Path) -> bool:
    """Whether `analysis/` is whole: there is a summary, and every table is the one it speaks of."""
    analysis = folder / "analysis"
    try:
        sums = json.loads((analysis / SUMMARY).read_bytes())["tables"]
        return all(
            hashlib.sha256((analysis / f"{table.name}.parquet").read_bytes()).hexdigest()
            == sums[f"{table.name}.parquet"]
            for table in ANALYSIS
        )
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
