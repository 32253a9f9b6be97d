"""What all runners share: tasks in, session folders in, predictions out. Run by the peer's own Python, with numpy and
pyarrow of the peer's environment; nothing of ours is imported here.
"""
# pyright: basic, reportMissingTypeStubs=false

import contextlib
import gc
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BEGAN_S = time.process_time()
"""Runners import this first, then their peer."""
NS_PER_S = 1e9
G_M_S2 = 9.80665
FEET = ("left", "right")
TO_SI = {"g": G_M_S2, "mg": G_M_S2 / 1e3, "deg/s": np.pi / 180.0}
ACC, GYR = ("acc_x", "acc_y", "acc_z"), ("gyr_x", "gyr_y", "gyr_z")
JITTER = 0.05
"""Of a period: samples as near to an even grid as this are taken as they are."""
SAME_RATE = 1e-3
"""A clock's drift, no other rate: filters do not see the difference, and some trip over a rate that is not round."""
WORD_TYPES = {"foot": pa.string(), "stance_foot": pa.string(), "direction": pa.string(), "pattern": pa.string()}


class CannotRun(Exception):
    """A session that this peer can do nothing with; the message is one line."""


class NotWorn(CannotRun):
    """The session has not the sensor that this peer looks at: no failure, there is nothing to be asked."""


class Signals:
    """One sensor on an even grid, in the body's axes: x forward, y left, z up."""

    def __init__(self, acc, gyr, rate_hz, start_ns, period_ns, how):
        self.acc = acc
        """(n, 3) m/s^2, specific force"""
        self.gyr = gyr
        """(n, 3) rad/s"""
        self.rate_hz = rate_hz
        """What a peer is told: the nominal one, if the sensor keeps it."""
        self.start_ns, self.period_ns, self.how = start_ns, period_ns, how

    def __len__(self):
        return len(self.acc)

    def t_ns(self, number):
        """Session clock of a sample, or of a place between two."""
        return round(self.start_ns + float(number) * self.period_ns)

    def times_ns(self):
        """The same of all samples."""
        return np.rint(self.start_ns + np.arange(len(self)) * self.period_ns).astype(np.int64)


class Session:
    """A session folder. `how` collects what was done to its samples before the peer saw them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.document = json.loads((self.folder / "session.json").read_text(encoding="utf-8"))
        self.how = {}

    def height_m(self):
        """Of the person, None if nobody wrote it down."""
        return (self.document.get("subject_info") or {}).get("height_m")

    def has(self, sensor):
        """Whether session.json names the sensor and its file is there."""
        return sensor in self.document["sensors"] and (self.folder / "raw" / f"{sensor}.parquet").exists()

    def signals(self, sensor):
        """One sensor, repaired and evenly sampled, turned into the body's axes by its nominal mounting."""
        if not self.has(sensor):
            raise NotWorn(f"no {sensor} in this session")
        setup = self.document["sensors"][sensor]
        if setup.get("mounting") is None:
            raise CannotRun(f"the mounting of {sensor} is unknown, and this peer wants it known")
        signals = _even(*_rows(self.folder / "raw" / f"{sensor}.parquet"), float(setup["rate_hz"]))
        mounting = np.array(setup["mounting"], float)
        signals.acc, signals.gyr = signals.acc @ mounting.T, signals.gyr @ mounting.T
        self.how[sensor] = signals.how
        return signals


def _rows(path):
    """t_ns, seq and (n, 6) SI of the rows that can be placed: later than the newest before, and finite."""
    table = pq.read_table(path, columns=["t_ns", "seq", *ACC, *GYR])
    placed = table["t_ns"].is_valid().to_numpy() & table["seq"].is_valid().to_numpy()
    t_ns, seq = (table[name].fill_null(0).to_numpy().astype(np.int64) for name in ("t_ns", "seq"))
    values = np.empty((len(t_ns), 6))
    for k, name in enumerate((*ACC, *GYR)):
        said = {key.decode(): value.decode() for key, value in (table.schema.field(name).metadata or {}).items()}
        si_per_unit = float(said["scale"]) if "scale" in said else TO_SI.get(said.get("unit", ""), 1.0)
        values[:, k] = table[name].to_numpy().astype(float) * si_per_unit
    keep = placed & np.isfinite(values).all(axis=1)
    t_ns, seq, values = t_ns[keep], seq[keep], values[keep]
    newest = np.maximum.accumulate(np.concatenate([[np.iinfo(np.int64).min], t_ns[:-1]])) if len(t_ns) else t_ns
    later = t_ns > newest
    return t_ns[later], seq[later], values[later], int(len(keep) - later.sum())


def _even(t_ns, seq, values, dropped, rate_hz):
    """On an even grid: by the counter where that runs with the clock, else by the clock. Holes become lines."""
    if len(t_ns) < 2:
        raise CannotRun(f"{len(t_ns)} usable samples; want a recording")
    number, by = (seq - seq[0]).astype(float), "counter"
    slope_ns, start_ns = np.polyfit(number, (t_ns - t_ns[0]).astype(float), 1)
    errors_ns = np.abs(start_ns + slope_ns * number - (t_ns - t_ns[0]))
    nominal_ns = NS_PER_S / rate_hz
    if not (np.diff(number) > 0).all() or abs(slope_ns / nominal_ns - 1) > 0.05 or errors_ns.max() > 2e7 + 2 * slope_ns:
        slope_ns, start_ns, by = nominal_ns, 0.0, "clock"
        number = (t_ns - t_ns[0]) / nominal_ns
    grid = np.arange(int(np.floor(number[-1])) + 1, dtype=float)
    if len(grid) != len(number) or np.abs(grid - number).max() > JITTER:
        values = np.stack([np.interp(grid, number, column) for column in values.T], axis=1)
    drift = abs(nominal_ns / slope_ns - 1)
    told_hz = rate_hz if drift < SAME_RATE else round(NS_PER_S / slope_ns, 2)
    how = {
        "samples": len(grid),
        "rate_hz": told_hz,
        "even_by": by,
        "rows_left_out": dropped,
        "filled_by_lines": int(max(0, len(grid) - len(number))),
    }
    return Signals(values[:, :3], values[:, 3:], told_hz, float(t_ns[0]) + start_ns, slope_ns, how)


class Clock:
    """How long each stage took: seconds of the processor, which count nothing that the machine does beside it."""

    def __init__(self):
        self.seconds = {}

    @contextlib.contextmanager
    def __call__(self, stage):
        """Time what is done inside, under a name."""
        begin_s = time.process_time()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - begin_s


def null_if_not_finite(value):
    """A float, or None for what is missing."""
    return float(value) if value is not None and np.isfinite(value) else None


def write(folder, tables, how):
    """A Parquet file a table, of lists by column; times are integers, words text, everything else float."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in tables.items():
        arrays = {}
        for column, values in columns.items():
            whole = column.endswith("_ns") or column == "stride_id"
            arrays[column] = pa.array(values, WORD_TYPES.get(column, pa.int64() if whole else pa.float32()))
        pq.write_table(pa.table(arrays), folder / f"{name}.parquet")
    (folder / "how.json").write_text(json.dumps(how, indent=2), encoding="utf-8")


def columns_of(names, rows):
    """Rows as lists by column, in order of their first one that is a time."""
    first = next(k for k, name in enumerate(names) if name.endswith("_ns"))
    rows = sorted(rows, key=lambda row: row[first])
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def main(detect):
    """`RUNNER.py TASKS.json OUTCOMES.jsonl`: a line of outcome a task, as soon as it is known.

    `detect(session, options, clock)` gives tables and what was done. TASKS.json holds options, tasks, and how often
    each is done again for its times: at least once if at all, then as long as `budget_s` is not spent.
    """
    import_s = time.process_time() - BEGAN_S
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    warnings.simplefilter("ignore")
    with Path(sys.argv[2]).open("a", encoding="utf-8") as outcomes:
        for task in asked["tasks"]:
            outcome = {**task, "error": None, "import_s": import_s, "runs": []}
            try:
                while _goes_on(outcome["runs"], asked["repeats"], asked["budget_s"]):
                    outcome["runs"].append(_once(detect, task, asked["options"], outcome))
            except NotWorn as reason:
                write(Path(task["predictions"]), {}, {"left_out": str(reason)})
            except CannotRun as error:
                outcome["error"] = str(error)
            except Exception as error:  # noqa: BLE001  # whatever a peer trips over, the other sessions go on
                outcome["error"] = _line(error)
            outcomes.write(json.dumps(outcome) + "\n")
            outcomes.flush()


def _goes_on(runs, repeats, budget_s):
    """The first run may compile: it is none of the repeats, and not counted."""
    return len(runs) <= repeats and (len(runs) < 2 or sum(run["whole"] for run in runs[1:]) < budget_s)


def _line(error):
    lines = str(error).strip().splitlines() or ["no reason given"]
    return f"{type(error).__name__}: {lines[0][:200]}"


def _once(detect, task, options, outcome):
    """Seconds by stage of one run, `whole` without reading and writing. `outcome` learns what was read and found."""
    session, clock = Session(task["session"]), Clock()
    gc.collect()
    begin_s = time.process_time()
    tables, how = detect(session, options, clock)
    total_s = time.process_time() - begin_s
    clock.seconds["whole"] = total_s - clock.seconds.get("read", 0.0)
    write(Path(task["predictions"]), tables, {"sensors": session.how, **how})
    outcome["sensors"] = sorted(session.how)
    outcome["found"] = {name: len(next(iter(columns.values()))) for name, columns in tables.items()}
    return clock.seconds
