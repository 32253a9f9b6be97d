"""How a detector in this process is asked: at once, or a little at a time by somebody who looks at the clock."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np

from imu.core.samples import Samples
from imu.core.session import FOOT_SENSORS, SENSORS, Sensor, foot_of
from imu.core.tables import CONTACTS, Row, Value
from imu.store.slips import likely
from imu_bench.detector import Found, Heard, Streaming, Whole
from imu_bench.predictions import PREDICTED, TOLD

PACKET_MS: Final = 10
PACKET_NS: Final = PACKET_MS * 1_000_000
"""So much of a recording is fed at a time: two samples at 200 Hz, one at 100. A contact can look so much later than it
was told."""
LATER: Final = ("t_second_ns", "t_release_ns")
"""Of a contact, what happens after it."""


def found_by(detector: Whole | Streaming, heard: Heard) -> Found:
    """What a detector says of a recording, in columns that there are; contacts dated by the feeder alone.

    Raises:
        ValueError: a table or a column of another name.
    """
    found = feed(detector, heard) if isinstance(detector, Streaming) else undated(detector.detect(heard))
    for name, rows in found.items():
        if name not in PREDICTED:
            raise ValueError(f"it tells a table {name!r}; want one of {', '.join(PREDICTED)}{likely(name, PREDICTED)}")
        columns = frozenset(PREDICTED[name].column_names)
        for row in rows:
            if unknown := row.keys() - columns:
                wrong = sorted(unknown)[0]
                raise ValueError(
                    f"a row of {name} has {wrong!r}; want {', '.join(PREDICTED[name].column_names)}"
                    f"{likely(wrong, columns)}"
                )
    return found


def feed(detector: Streaming, heard: Heard) -> Found:
    """Lead a recording through a streaming detector, sensors side by side, and date its contacts on arrival.

    What was told stays as it was told: whoever is not sure yet tells later. Only its second contact and its release,
    which come after it, are taken from the end. A contact that is told at the end alone is dated to the last sample of
    its foot, for nobody tells a stream that one sensor has ended.
    """
    stream = detector.start(heard.session)
    told: dict[tuple[Value, Value], Row] = {}
    newest_ns = np.iinfo(np.int64).min
    for sensor, samples in packets(heard.samples):
        newest_ns = max(newest_ns, int(samples.t_ns.max()))
        for row in stream.push(sensor, samples):
            told.setdefault(_key(row), {**row, TOLD: newest_ns})
    found = dict(stream.end())
    last_ns: dict[Value, int] = {
        foot_of(sensor): int(samples.t_ns.max())
        for sensor, samples in heard.samples.items()
        if sensor in FOOT_SENSORS and len(samples)
    }
    at_end = {_key(row): {**row, TOLD: last_ns.get(row["foot"])} for row in found.get(CONTACTS.name, ())}
    for key, row in told.items():
        after = at_end.get(key, {})
        at_end[key] = row | {name: after[name] for name in LATER if name in after and row.get(name) is None}
    return {**found, CONTACTS.name: list(at_end.values())}


def packets(samples: Mapping[Sensor, Samples]) -> Iterator[tuple[Sensor, Samples]]:
    """Rows of all sensors in order of time, PACKET_NS of one sensor at a time; rows that came late come late."""
    starts = [int(rows.t_ns[0]) for rows in samples.values() if len(rows)]
    cuts: list[tuple[int, int, Sensor, int, int]] = []
    for order, sensor in enumerate(SENSORS):
        rows = samples.get(sensor)
        if rows is None or not len(rows):
            continue
        slot = (np.maximum.accumulate(rows.t_ns) - min(starts)) // PACKET_NS
        edges = [0, *(np.flatnonzero(np.diff(slot)) + 1).tolist(), len(rows)]
        cuts.extend((int(slot[begin]), order, sensor, begin, end) for begin, end in pairwise(edges))
    for _, _, sensor, begin, end in sorted(cuts):
        yield sensor, samples[sensor][begin:end]


def undated(found: Found) -> Found:
    """Nobody stood by with a clock."""
    rows = found.get(CONTACTS.name)
    if rows is None:
        return found
    return {**found, CONTACTS.name: [{name: value for name, value in row.items() if name != TOLD} for row in rows]}


def _key(row: Row) -> tuple[Value, Value]:
    return row["foot"], row["t_contact_ns"]
