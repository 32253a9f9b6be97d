"""Planted bad detectors. Each has one fault and looks good in some figure; tests see that another gives it away."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from imu.core.samples import Samples
from imu.core.session import FEET, Sensor, Session, sensor_of
from imu.core.tables import CONTACTS, Row, number, whole
from imu_bench.detector import About, Found, Heard, Stream
from imu_bench.detectors.ours import Ours

MS: Final = 1_000_000
"""Nanoseconds."""
LATE_NS: Final = 120 * MS
CLAIMED_NS: Final = 1 * MS
RESTLESS_NS: Final = 550 * MS
SURE: Final = 0.98


def _about(name: str, title: str) -> About:
    return About(name, title, "a planted fault of this benchmark's tests", "MIT", {})


class Late:
    """Tells contacts 120 ms late, and claims that it took 1 ms."""

    about = _about("cheat-late", "Late, and claims 1 ms")

    def start(self, session: Session) -> Stream:
        return _LateStream(Ours().start(session))


class _LateStream:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held: list[Row] = []
        self._newest_ns = np.iinfo(np.int64).min

    def push(self, sensor: Sensor, samples: Samples) -> Iterable[Row]:
        self._newest_ns = max(self._newest_ns, int(samples.t_ns.max(initial=self._newest_ns)))
        self._held += self._stream.push(sensor, samples)
        due = [row for row in self._held if whole(row, "t_emitted_ns") + LATE_NS <= self._newest_ns]
        self._held = [row for row in self._held if whole(row, "t_emitted_ns") + LATE_NS > self._newest_ns]
        return list(map(_claims, due))

    def end(self) -> Found:
        found = self._stream.end()
        return {**found, CONTACTS.name: [_claims(row) for row in found[CONTACTS.name]]}


def _claims(row: Row) -> Row:
    at_ns = whole(row, "t_contact_ns") + CLAIMED_NS
    return {**row, "t_emitted_ns": at_ns, "t_provisional_ns": at_ns}


class Restless:
    """Finds a contact every 0.55 s, left and right in turn, where ours finds none: whoever stands walks."""

    about = _about("cheat-standing", "Fires in standing")

    def detect(self, heard: Heard) -> Found:
        found = _ours(heard)
        rows: list[Row] = [*found[CONTACTS.name]]
        taken = np.array([whole(row, "t_contact_ns") for row in rows], np.int64)
        rows.extend(
            {"foot": foot, "t_contact_ns": at_ns, "confidence": 0.9}
            for foot, at_ns in _ticks(heard)
            if not (np.abs(taken - at_ns) < 2 * RESTLESS_NS).any()
        )
        return {CONTACTS.name: rows}


def _ticks(heard: Heard) -> Iterator[tuple[str, int]]:
    for place, foot in enumerate(FEET):
        t_ns = heard.samples[sensor_of(foot)].t_ns if sensor_of(foot) in heard.samples else np.empty(0, np.int64)
        if len(t_ns):
            for at_ns in range(int(t_ns.min()) + place * RESTLESS_NS, int(t_ns.max()), 2 * RESTLESS_NS):
                yield foot, at_ns


class Silent:
    """Says nothing of a contact unless it is sure, and is then nearly always right."""

    about = _about("cheat-null", "Leaves hard cases null")

    def detect(self, heard: Heard) -> Found:
        return _changed(heard, _only_if_sure)


def _only_if_sure(row: Row) -> Row:
    if row["quality"] == "" and number(row, "confidence") >= SURE:
        return row
    return {"foot": row["foot"], "t_contact_ns": row["t_contact_ns"]}


class Forward:
    """Knows the direction without looking: people walk forward."""

    about = _about("cheat-forward", "Always says forward")

    def detect(self, heard: Heard) -> Found:
        return _changed(
            heard, lambda row: {**row, "direction": "forward", "pattern": "heel_to_toe", "confidence": 0.99}
        )


def _changed(heard: Heard, change: Callable[[Row], Row]) -> Found:
    found = _ours(heard)
    return {**found, CONTACTS.name: [change(row) for row in found[CONTACTS.name]]}


def _ours(heard: Heard) -> Found:
    stream = Ours().start(heard.session)
    for sensor, samples in heard.samples.items():
        stream.push(sensor, samples)
    return stream.end()
