"""Text files of other systems, made a session folder."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from imu.core.errors import BadImport, DuplicateSession
from imu.core.samples import Floats, Ints, Samples
from imu.core.session import Sensor
from imu.core.units import NS_PER_S
from imu.store.folder import SESSION_FILE, analysis_dir
from imu.store.import_map import ColumnName, ImportMap, SensorColumns, TextFormat, read_map
from imu.store.raw import raw_path, write_raw
from imu.store.slips import likely
from imu.store.write_session import create_session
from imu.version import VERSION

DELIMITERS: Final = ",;\t|"
SAME_COUNT_PERIODS: Final = 1.5
"""A step of time below this is one sample, however early it came; from here on the contract calls it a jump."""

LONGEST_LINE_BYTES: Final = 1 << 20
"""Arrow's own limit; a binary file without line ends is not read whole to find its header."""

LARGEST_NS: Final = 2**62
"""146 years: so far apart, two times can still be subtracted."""


def import_csv(files: Sequence[Path], map_path: Path, store: Path) -> Path:
    """Make a session of text files and return its folder, `<store>/subject=<code>/session=<id>`.

    The session clock begins with the earliest first sample of all sensors. A row without a time is left out, one with
    a value that is missing is kept as NaN, as the contract wants lost samples. `session.json` is written last: an
    import that failed leaves no session.

    Raises:
        BadImport: naming the file, and the column or the row that is wrong.
        DuplicateSession: if the store has this session already.
        CannotWrite: with the system's reason.
    """
    plan = read_map(map_path, files)
    folder = analysis_dir(store, plan.session)
    if (folder / SESSION_FILE).exists():
        raise DuplicateSession(f"{folder} holds a session already; want a new one (imported twice?)")
    sources: dict[Sensor, _Source] = {
        name: _Source(columns, plan.format, _rate_hz(plan, name)) for name, columns in plan.sensors.items()
    }
    origin_ns = min(source.first_ns() for source in sources.values())
    for name, source in sources.items():
        setup = plan.session.sensors[name]
        write_raw(raw_path(folder, name), name, source.samples(origin_ns), setup=setup, version=VERSION)
    create_session(folder, plan.session)
    return folder


def _rate_hz(plan: ImportMap, name: Sensor) -> float:
    return plan.session.sensors[name].rate_hz


class _Head(NamedTuple):
    """What the first lines of a text file say."""

    delimiter: str
    names: list[str]
    lines: int  # above the first row of numbers


class _Source:
    """One sensor's columns in one file, read as often as need be."""

    def __init__(self, columns: SensorColumns, form: TextFormat, rate_hz: float) -> None:
        self._columns = columns
        self._form = form
        self._rate_hz = rate_hz
        self._ns_per_unit = columns.ns_per_unit or NS_PER_S / rate_hz
        self._head = self._read_head()
        wanted = [columns.t, *columns.acc, *columns.gyr]
        if columns.seq is not None:
            wanted.append(columns.seq)
        # Arrow knows the columns by place alone: names may come twice, and one column may serve twice
        self._places = {column: self._place(column) for column in wanted}

    def first_ns(self) -> int:
        """The first time in the file, on the file's own clock."""
        for batch in self._batches():
            t_ns, known = self._times(batch)
            if known.any():
                return int(t_ns[known][0])
        raise self._wrong("has no row with a time; want samples (too many lines skipped?)")

    def samples(self, origin_ns: int) -> Iterator[Samples]:
        """All rows that have a time, SI units, on a clock that begins at `origin_ns`."""
        newest: tuple[int, int] | None = None
        for batch in self._batches():
            t_ns, known = self._times(batch)
            t_ns = t_ns[known] - origin_ns
            n = len(t_ns)
            if n == 0:
                continue
            acc = self._axes(batch, self._columns.acc, known) * self._columns.si_per_acc
            gyr = self._axes(batch, self._columns.gyr, known) * self._columns.si_per_gyr
            seq = self._counter(batch, known)
            if seq is None:
                seq = _counted(t_ns, self._rate_hz, newest)
            newest = int(t_ns[-1]), int(seq[-1])
            yield Samples(t_ns, seq, acc, gyr, np.zeros(n, np.bool_))

    def _wrong(self, message: str, column: ColumnName | None = None) -> BadImport:
        file = self._columns.file
        return BadImport(f"{file.name} {message}", source=str(file), column=None if column is None else str(column))

    def _read_head(self) -> _Head:
        file, form = self._columns.file, self._form
        try:
            with file.open("rb") as lines:
                skipped = [lines.readline(LONGEST_LINE_BYTES) for _ in range(form.skip_rows + 1)]
        except FileNotFoundError:
            raise BadImport(f"{file} is not there; want a text file (a typing slip?)", source=str(file)) from None
        except OSError as error:
            raise self._wrong(f"can't be read: {error.strerror or error}; want a text file") from None
        line = skipped[-1]
        if not line.strip():
            raise self._wrong(f"has nothing in line {len(skipped)}; want the header there (another csv.skip_rows?)")
        if b"\0" in line:
            raise self._wrong("is no UTF-8 text; want CSV in UTF-8 (UTF-16 of a spreadsheet, or a binary file?)")
        try:
            text = line.decode("utf-8-sig")
        except UnicodeDecodeError:
            # only numbers matter below; signs such as the degree are told apart well enough
            text = line.decode("latin-1")
        delimiter = form.delimiter or self._found(text)
        try:
            names = [name.strip() for name in next(csv.reader([text.strip("\r\n")], delimiter=delimiter))]
        except csv.Error as error:
            raise self._wrong(
                f"has no CSV in line {len(skipped)}: {error}; want lines that end in LF or CRLF"
            ) from None
        return _Head(delimiter, names, form.skip_rows + form.header)

    def _found(self, text: str) -> str:
        """The candidate that comes most often."""
        candidates = DELIMITERS.replace(self._form.decimal, "")
        best = max(candidates, key=text.count)
        if best not in text:
            raise self._wrong(
                f"has none of {' '.join(map(repr, candidates))} in {text.strip()[:40]!r}; want csv.delimiter in the map"
            )
        return best

    def _place(self, column: ColumnName) -> str:
        names = self._head.names
        if isinstance(column, int):
            if column > len(names):
                raise self._wrong(f"has {len(names)} columns; want a column {column} (another delimiter?)", column)
            return f"f{column - 1}"
        if not self._form.header:
            raise self._wrong(f"has no header, says the map; want the place of {column!r}, from 1 on", column)
        if names.count(column) != 1:
            count = names.count(column)
            slip = " (tell it by its place, from 1 on)" if count else likely(column, names)
            raise self._wrong(f"has {count or 'no'} column {column!r}; want one of {', '.join(names)}{slip}", column)
        return f"f{names.index(column)}"

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Rows in blocks; all but whole nanoseconds as float64, whose 53 bits hold the rest."""
        types = dict.fromkeys(self._places.values(), pa.float64())
        if self._ns_per_unit == 1:
            types[self._places[self._columns.t]] = pa.int64()
        try:
            with pa_csv.open_csv(
                self._columns.file,
                # one thread: only so does Arrow say which row is wrong
                pa_csv.ReadOptions(use_threads=False, skip_rows=self._head.lines, autogenerate_column_names=True),
                pa_csv.ParseOptions(delimiter=self._head.delimiter),
                pa_csv.ConvertOptions(
                    column_types=types, include_columns=list(types), decimal_point=self._form.decimal, check_utf8=False
                ),
            ) as reader:
                yield from reader
        except (pa.ArrowException, OSError) as error:
            raise self._wrong(self._reason(error)) from None

    def _reason(self, error: Exception) -> str:
        """Arrow's words, with its name of a column replaced by the file's."""
        text = " ".join(str(error).split())
        if "Empty CSV file" in text or "Could not skip initial" in text:
            return "has no rows; want samples (too many lines skipped?)"
        if "include_columns" in text:
            return f"has rows of fewer columns than the {len(self._head.names)} of its first line; want as many"
        for place, name in enumerate(self._head.names):
            text = text.replace(f"CSV column #{place}:", f"column {name if self._form.header else place + 1!r}:")
        return f"can't be read: {text} (text where numbers belong, or a decimal comma?)"

    def _times(self, batch: pa.RecordBatch) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Time in ns on the file's clock, and where there is one."""
        column = batch.column(self._places[self._columns.t])
        if pa.types.is_int64(column.type):
            known = column.is_valid().to_numpy(zero_copy_only=False)
            t_ns = column.fill_null(0).to_numpy(zero_copy_only=False)
        else:
            t_ns = column.to_numpy(zero_copy_only=False) * self._ns_per_unit
            known = np.isfinite(t_ns)
            t_ns = np.rint(np.where(known, t_ns, 0.0))
        if ((t_ns > LARGEST_NS) | (t_ns < -LARGEST_NS)).any():
            raise self._wrong("has times beyond 146 years; want another unit for t in the map", self._columns.t)
        return t_ns.astype(np.int64), known

    def _axes(self, batch: pa.RecordBatch, columns: Sequence[ColumnName], known: npt.NDArray[np.bool_]) -> Floats:
        return np.column_stack(
            [batch.column(self._places[column]).to_numpy(zero_copy_only=False)[known] for column in columns]
        )

    def _counter(self, batch: pa.RecordBatch, known: npt.NDArray[np.bool_]) -> Ints | None:
        """The counter that the file has, or its time where that is one."""
        column = self._columns.seq
        if column is None and self._columns.ns_per_unit is None:
            column = self._columns.t
        if column is None:
            return None
        counted = batch.column(self._places[column]).to_numpy(zero_copy_only=False)[known]
        if not np.isfinite(counted).all():
            raise self._wrong(f"has rows without {column!r}; want a counter in every row", column)
        return np.rint(counted).astype(np.int64)


def _counted(t_ns: Ints, rate_hz: float, newest: tuple[int, int] | None) -> Ints:
    """A counter made of the steps of time, so that lost samples show; late rows step back.

    `newest` is the time and the counter of the row before; None at the start, which counts 0.
    """
    t_before, seq_before = (int(t_ns[0]), 0) if newest is None else newest
    periods = np.diff(t_ns, prepend=t_before) * (rate_hz / NS_PER_S)
    steps = np.where((periods > 0) & (periods < SAME_COUNT_PERIODS), 1, np.rint(periods).astype(np.int64))
    return seq_before + np.cumsum(steps)
