"""Raw files, one a sensor: read and written as a stream, in bounded memory."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from imu.core.errors import BadRawFile
from imu.core.samples import Flags, Floats, Ints, Samples
from imu.core.session import Sensor, SensorSetup
from imu.core.tables import AXES, RAW, RAW_UNITS
from imu.core.units import TO_SI
from imu.store.atomic import replacing
from imu.store.schema import UNREADABLE, arrow_schema
from imu.store.slips import likely, likely_unit

Encoding: TypeAlias = Literal["float32", "int16"]

BLOCK_ROWS: Final = 65536
ROW_GROUP_S: Final = 60.0
READ_BUFFER_BYTES: Final = 1 << 16
"""Pages are read through a buffer of this size: a file of one huge row group needs no more memory than another."""

AT_RANGE: Final = 0.999
"""A float at this share of the stated range counts as clipped: float32 and decimal conversions round it."""

COUNTS_MAX: Final = 32767


class PerCount(NamedTuple):
    """What one count of an int16 file is."""

    acc_m_s2: float
    gyr_rad_s: float


class _Axis(NamedTuple):
    """How a stored column becomes SI, and when a stored value counts as clipped."""

    name: str
    si_per_unit: float
    clipped_from: float  # magnitude in stored units; infinite = never


def raw_path(folder: Path, sensor: Sensor) -> Path:
    """Where a session folder keeps a sensor's rows."""
    return folder / "raw" / f"{sensor}.parquet"


def read_raw(path: Path, sensor: Sensor, setup: SensorSetup, *, block_rows: int = BLOCK_ROWS) -> Iterator[Samples]:
    """The rows of one sensor in order of arrival, at most `block_rows` at a time. Sensor axes, SI units.

    A null value is NaN. A row whose `t_ns` or `seq` is null can't be placed: all its values become NaN, so that it
    counts as lost, and its time and counter repeat the row before.

    Raises:
        BadRawFile: at the first block for what the file's head shows, later for damage further down.
    """
    try:
        # opened here: Arrow takes no path that is not UTF-8
        with (
            path.open("rb") as stored,
            pq.ParquetFile(
                stored, buffer_size=READ_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
            ) as file,
        ):
            axes = _checked(file.schema_arrow, sensor, setup)
            rows = file.metadata.num_rows
            if rows == 0:
                raise _refusal(sensor, "has no rows; want samples (was it recording?)")
            before, missing = (0, -1), rows
            for batch in file.iter_batches(block_rows, columns=list(RAW.column_names), use_threads=False):
                if batch.num_rows == 0:
                    continue
                samples = _samples(batch, axes, before)
                before = (int(samples.t_ns[-1]), int(samples.seq[-1]))
                missing -= len(samples)
                yield samples
            if missing:
                raise _refusal(
                    sensor, f"holds {rows - missing} of the {rows} rows that it speaks of; want all (damaged?)"
                )
    except UNREADABLE as error:
        raise _unreadable(path, sensor, error) from error


def _refusal(sensor: Sensor, message: str, column: str | None = None) -> BadRawFile:
    return BadRawFile(f"raw/{sensor}.parquet {message}", sensor=sensor, column=column)


def rows_in(path: Path, sensor: Sensor) -> int:
    """How many rows a raw file says it has.

    Raises:
        BadRawFile: if it can't be read.
    """
    try:
        with path.open("rb") as stored:
            return int(pq.read_metadata(stored).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, sensor, error) from error


def _unreadable(path: Path, sensor: Sensor, error: Exception) -> BadRawFile:
    if isinstance(error, FileNotFoundError):
        return _refusal(sensor, "is not there; want the sensor's rows")
    if path.is_dir():
        return _refusal(sensor, "is a folder; want one Parquet file")
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return _refusal(sensor, f"can't be read: {reason}; want a whole Parquet file (damaged, or never closed?)")


def _checked(schema: pa.Schema, sensor: Sensor, setup: SensorSetup) -> tuple[_Axis, ...]:
    """Names, types and units; what makes SI of each axis."""
    others = [name for name in schema.names if name not in RAW.column_names]
    for name in RAW.column_names:
        count = schema.names.count(name)
        if count != 1:
            slip = "" if count else likely(name, others)
            wanted = f"want one of each of {', '.join(RAW.column_names)}{slip}"
            raise _refusal(sensor, f"has {count or 'no'} column {name!r}; {wanted}", name)
    _check_time(schema.field("t_ns"), sensor)
    held = schema.field("seq").type
    if not pa.types.is_integer(held):
        raise _refusal(sensor, f"has seq as {held}; want int64, a sample counter", "seq")
    return tuple(_axis(schema.field(name), sensor, setup) for name in AXES)


def _check_time(field: pa.Field, sensor: Sensor) -> None:
    held, unit = field.type, _metadata(field, "unit")
    if not pa.types.is_integer(held):
        slip = ""
        if pa.types.is_temporal(held):
            slip = " (a clock time or a duration? cast it to its nanoseconds since start_utc)"
        elif pa.types.is_floating(held):
            slip = " (seconds? multiply by 1e9 and round)"
        raise _refusal(sensor, f"has t_ns as {held}; want int64, nanoseconds on the session clock{slip}", "t_ns")
    if unit not in (None, "ns"):
        raise _refusal(sensor, f"has t_ns in {unit!r}; want ns, as its name says", "t_ns")


def _axis(field: pa.Field, sensor: Sensor, setup: SensorSetup) -> _Axis:
    name, held = field.name, field.type
    unit, scale = _metadata(field, "unit"), _metadata(field, "scale")
    si_unit = RAW_UNITS[name]
    counts = pa.types.is_signed_integer(held)
    if not counts and not (pa.types.is_float32(held) or pa.types.is_float64(held)):
        slip = " (text where numbers belong: a decimal comma?)" if _is_text(held) else ""
        raise _refusal(sensor, f"has {name} as {held}; want float32, or int16 counts with a scale{slip}", name)
    if unit is not None and unit not in TO_SI[si_unit]:
        wanted = f"want one of {', '.join(TO_SI[si_unit])}{likely_unit(unit, si_unit)}"
        raise _refusal(sensor, f"has {name} in {unit!r}; {wanted}", name)
    si_per_unit = 1.0 if unit is None else TO_SI[si_unit][unit]
    if scale is not None:
        wanted = f"want integer counts with a positive number of {si_unit} per count"
        if not counts:
            slip = " (converted already? then drop the scale)"
            raise _refusal(sensor, f"has {name} as {held} with scale {scale!r}; {wanted}{slip}", name)
        # whatever the unit says: by the contract a scale is SI per count
        si_per_unit = _positive(scale)
        if math.isinf(si_per_unit):
            raise _refusal(sensor, f"has {name} with scale {scale!r}; {wanted}", name)
    elif counts and unit in (None, si_unit):
        wanted = f"want field metadata 'scale', {si_unit} per count"
        raise _refusal(sensor, f"has {name} as {held} without a scale; {wanted}", name)
    return _Axis(name, si_per_unit, _clipped_from(name, si_per_unit, setup, held.bit_width if counts else 0))


def _clipped_from(name: str, si_per_unit: float, setup: SensorSetup, bits: int) -> float:
    """From which stored magnitude on a value counts as clipped; `bits` of a stored integer, 0 of a float."""
    limit = setup.acc_range_m_s2 if name.startswith("acc") else setup.gyr_range_rad_s
    clipped_from = math.inf if limit is None else AT_RANGE * limit / si_per_unit
    return min(clipped_from, 2.0 ** (bits - 1) - 1) if bits else clipped_from


def _metadata(field: pa.Field, key: str) -> str | None:
    value = (field.metadata or {}).get(key.encode())
    return None if value is None else value.decode("utf-8", "replace").strip()


def _is_text(held: pa.DataType) -> bool:
    return pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_dictionary(held)


def _positive(text: str) -> float:
    """A positive finite number, or infinity for anything else."""
    try:
        number = float(text)
    except ValueError:
        return math.inf
    return number if number > 0 else math.inf


def _samples(batch: pa.RecordBatch, axes: tuple[_Axis, ...], before: tuple[int, int]) -> Samples:
    n = batch.num_rows
    values: dict[str, Floats] = {"acc": np.empty((n, 3)), "gyr": np.empty((n, 3))}
    clipped: Flags = np.zeros(n, np.bool_)
    for k, axis in enumerate(axes):
        stored = cast("npt.NDArray[np.float64]", batch.column(axis.name).to_numpy(zero_copy_only=False))
        # float64 before the product: live analysis multiplies counts so, too
        np.multiply(stored, axis.si_per_unit, out=values[axis.name[:3]][:, k % 3], dtype=np.float64)
        if axis.clipped_from < math.inf:
            clipped |= (stored >= axis.clipped_from) | (stored <= -axis.clipped_from)
    (t_ns, t_known), (seq, seq_known) = (
        _integers(batch.column(name), start) for name, start in zip(("t_ns", "seq"), before, strict=True)
    )
    placed = t_known & seq_known
    if not placed.all():
        values["acc"][~placed] = values["gyr"][~placed] = np.nan
    return Samples(t_ns, seq, values["acc"], values["gyr"], clipped)


def _integers(column: pa.Array, before: int) -> tuple[Ints, Flags]:
    """The column with each null repeating what stood before it, and which rows were known."""
    column = column.cast(pa.int64())
    n = len(column)
    if column.null_count == 0:
        return column.to_numpy(), np.ones(n, np.bool_)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    newest = np.maximum.accumulate(np.where(known, np.arange(n), -1))
    filled = column.fill_null(0).to_numpy(zero_copy_only=False)
    return np.where(newest >= 0, filled[newest], before), known


def of_values(
    t_ns: Ints,
    seq: Ints,
    values: npt.NDArray[np.int16] | npt.NDArray[np.float32],
    setup: SensorSetup,
    per_count: PerCount | None,
) -> Samples:
    """The rows that `read_raw` gives back once `write_raw` has written them: live analysis sees the very same bits.

    Args:
        t_ns: (n,) session clock
        seq: (n,) sample counter
        values: (n, 6) acc, then gyr, sensor axes: int16 counts, or float32 SI
        setup: what session.json says of the sensor
        per_count: what one count is; None for float32
    """
    si = np.ones(6) if per_count is None else np.repeat(np.array(per_count), 3)
    bits = 0 if per_count is None else 16
    clipped_from = np.array([_clipped_from(name, si[k], setup, bits) for k, name in enumerate(AXES)])
    stored = values.astype(np.float64)
    clipped: Flags = np.any((stored >= clipped_from) | (stored <= -clipped_from), axis=1)
    si_values = stored * si
    return Samples(t_ns, seq, si_values[:, :3].copy(), si_values[:, 3:].copy(), clipped)


class RawWriter:
    """What `raw_writer` gives: takes a sensor's rows as they come."""

    def __init__(self, open_file: Callable[[], pq.ParquetWriter], group_rows: int, counts: PerCount | None) -> None:
        self.rows = 0
        """Pushed so far."""
        self._open_file, self._group_rows, self._counts = open_file, group_rows, counts
        self._file: pq.ParquetWriter | None = None
        self._held: list[Samples] = []
        self._held_rows = 0

    def push(self, samples: Samples) -> None:
        """Rows in order of arrival, any number."""
        self.rows += len(samples)
        rest = samples
        while len(rest):
            part = rest[: self._group_rows - self._held_rows]
            rest = rest[len(part) :]
            self._held.append(part)
            self._held_rows += len(part)
            if self._held_rows == self._group_rows:
                self.put()

    def put(self) -> None:
        """Write the row group as far as it has come."""
        if self._held:
            if self._file is None:
                self._file = self._open_file()
            self._file.write_table(_arrow(_joined(self._held), self._file.schema, self._counts))
            self._held, self._held_rows = [], 0


@contextmanager
def raw_writer(
    path: Path,
    sensor: Sensor,
    *,
    setup: SensorSetup,
    version: str,
    encoding: Encoding = "float32",
    per_count: PerCount | None = None,
) -> Generator[RawWriter]:
    """A sensor's file, written as its rows come, 60 s a row group however they were cut. It is there once the block has
    ended well; if that fails, or no row came, `path` is as it was.

    `int16` rounds to counts of `per_count`, by default the 32767th part of the setup's ranges: what lies beyond becomes
    the largest count, what is not finite becomes null. Only there does a clipped sample stay known as such; a float32
    file needs the ranges in `session.json` for that.

    Raises:
        CannotWrite: with the system's reason.
        ValueError: for int16 without `per_count` and without ranges.
    """
    counts = _per_count(setup, per_count) if encoding == "int16" else None
    schema = _raw_schema(sensor, counts, version)
    with ExitStack() as file:

        def open_file() -> pq.ParquetWriter:
            return file.enter_context(
                pq.ParquetWriter(
                    file.enter_context(replacing(path)),
                    schema,
                    compression="zstd",
                    compression_level=3,
                    use_dictionary=False,
                    column_encoding={name: _column_encoding(name) for name in RAW.column_names},
                    write_statistics=["t_ns", "seq"],  # type: ignore[arg-type]  # the stubs know only bool
                    write_page_checksum=True,
                )
            )

        writer = RawWriter(open_file, max(1, round(ROW_GROUP_S * setup.rate_hz)), counts)
        yield writer
        writer.put()


def write_raw(
    path: Path,
    sensor: Sensor,
    blocks: Iterable[Samples],
    *,
    setup: SensorSetup,
    version: str,
    encoding: Encoding = "float32",
    per_count: PerCount | None = None,
) -> int:
    """As `raw_writer`, of rows that are there to be asked for; return how many there were.

    Raises:
        CannotWrite, ValueError: as `raw_writer`.
    """
    with raw_writer(path, sensor, setup=setup, version=version, encoding=encoding, per_count=per_count) as writer:
        for samples in blocks:
            writer.push(samples)
    return writer.rows


def _column_encoding(name: str) -> str:
    return "DELTA_BINARY_PACKED" if name in ("t_ns", "seq") else "BYTE_STREAM_SPLIT"


def _per_count(setup: SensorSetup, per_count: PerCount | None) -> PerCount:
    if per_count is not None:
        return per_count
    if setup.acc_range_m_s2 is None or setup.gyr_range_rad_s is None:
        raise ValueError(
            "int16 wants per_count, or acc_range_m_s2 and gyr_range_rad_s in the sensor's setup; got neither"
        )
    return PerCount(setup.acc_range_m_s2 / COUNTS_MAX, setup.gyr_range_rad_s / COUNTS_MAX)


def _raw_schema(sensor: Sensor, counts: PerCount | None, version: str) -> pa.Schema:
    schema = arrow_schema(RAW, version=version, params={})
    schema = schema.with_metadata({**(schema.metadata or {}), b"retrogait.sensor": sensor.encode()})
    if counts is None:
        return schema
    for name in AXES:
        field = schema.field(name)
        # repr is the shortest text that reads back to the same bits
        scale = repr(counts.acc_m_s2 if name.startswith("acc") else counts.gyr_rad_s).encode()
        field = field.with_type(pa.int16()).with_nullable(True).with_metadata({**field.metadata, b"scale": scale})
        schema = schema.set(schema.get_field_index(name), field)
    return schema


def _arrow(samples: Samples, schema: pa.Schema, counts: PerCount | None) -> pa.Table:
    columns = [pa.array(samples.t_ns), pa.array(samples.seq)]
    for k in range(len(AXES)):
        values = (samples.acc if k < 3 else samples.gyr)[:, k % 3]
        if counts is None:
            columns.append(pa.array(values.astype(np.float32)))
            continue
        whole = np.clip(np.rint(values / counts[k // 3]), -COUNTS_MAX - 1, COUNTS_MAX)
        unknown = ~np.isfinite(values)
        columns.append(pa.array(np.where(unknown, 0, whole).astype(np.int16), mask=unknown))
    return pa.Table.from_arrays(columns, schema=schema)


def _joined(parts: list[Samples]) -> Samples:
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))
