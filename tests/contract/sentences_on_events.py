"""What CONTRACT.md says of events, and of streams however they are cut."""

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from imu.core.session import foot_of, sensor_of
from imu.core.tables import Row
from imu.pipeline import Pipeline
from tests.contract.plain_reading import Found, live, packets, said_of
from tests.contract.random_people import Walked
from tests.contract.sentences import Sentences

EVENTS = Sentences()

ALONE_EVERY, CUT_EVERY, ROW_BY_ROW_EVERY = 3, 3, 15
"""What costs more than all the rest is asked of every so many-th seed."""


@EVENTS.holds("tables are the fold of the events; a contact that is out never changes")
def _(found: Found) -> None:
    contacts: dict[Any, Row] = {}
    strides: list[Any] = []
    steps: list[Any] = []
    for event in found.events:
        row = event.row
        if event.kind == "contact":
            assert (row["t_second_ns"], row["t_release_ns"]) == (None, None)
            assert (row["foot"], row["t_emitted_ns"]) == (event.foot, event.t_emitted_ns)
            assert (row["foot"], row["t_contact_ns"]) not in contacts
            contacts[row["foot"], row["t_contact_ns"]] = dict(row)
        elif event.kind in ("second", "release"):
            name = f"t_{event.kind}_ns"
            assert row.keys() == {"foot", "t_contact_ns", name}
            assert contacts[row["foot"], row["t_contact_ns"]][name] is None, "it is told once"
            contacts[row["foot"], row["t_contact_ns"]][name] = row[name]
        elif event.kind == "stride":
            strides.append(row)
        elif event.kind == "step":
            assert event.t_emitted_ns >= row["t_end_ns"]
            steps.append(row)
    assert sorted(contacts.values(), key=lambda row: (row["t_contact_ns"], row["foot"])) == found.contacts
    strides.sort(key=lambda row: (row["t_start_ns"], row["foot"]))
    assert [{**row, "stride_id": k} for k, row in enumerate(strides)] == found.strides
    assert sorted(steps, key=lambda row: (row["t_start_ns"], row["stance_foot"])) == found.steps


@EVENTS.holds("a foot's events leave in order, each with a sample of that foot")
def _(found: Found) -> None:
    for foot in found.feet:
        own = [event for event in found.events if event.foot == foot and event.kind != "step"]
        emitted = [event.t_emitted_ns for event in own]
        assert emitted == sorted(emitted)
        assert np.isin(emitted, found.accepted[sensor_of(foot)].t_ns).all()
        provisional = {event.t_emitted_ns for event in own if event.kind == "contact_provisional"}
        assert {row["t_provisional_ns"] for row in found.of_foot(foot)} - {None} <= provisional


@EVENTS.holds("a foot's events wait for no other sensor")
def _(found: Found) -> None:
    if found.seed % ALONE_EVERY or len(found.samples) == 1:
        return
    for foot in found.feet:
        alone = Found.of(found.seed, Walked(found.session, {(s := sensor_of(foot)): found.samples[s]}, found.recording))
        assert alone.events == [event for event in found.events if event.foot == foot and event.kind != "step"]


# streams


@EVENTS.holds(
    "how the streams are cut and interleaved changes no bit, nor does a second time; the input stays as it is"
)
def _(found: Found) -> None:
    before = {sensor: asdict(rows) for sensor, rows in found.samples.items()}
    pipeline = Pipeline(found.session, list(found.samples))
    sent = live if found.seed % 2 else packets
    for sensor, rows in sent(found.samples, np.random.default_rng(found.seed)):
        events = pipeline.push(sensor, rows)
        keys = [(event.t_emitted_ns, event.foot) for event in events]
        assert keys == sorted(keys), "events of a push leave in order"
    pipeline.flush()
    assert said_of(pipeline) == said_of(found.pipeline)
    for sensor, rows in found.samples.items():
        for field in fields(rows):
            assert before[sensor][field.name].tobytes() == getattr(rows, field.name).tobytes()


@EVENTS.holds(
    "row by row all events leave in order of (t_emitted_ns, left before right), none early, and no bit is changed"
)
def _(found: Found) -> None:
    if found.seed % ROW_BY_ROW_EVERY:
        return
    order = sorted(
        (int(newest), sensor, row)
        for sensor, rows in found.samples.items()
        for row, newest in enumerate(np.maximum.accumulate(rows.t_ns))
    )
    pipeline = Pipeline(found.session, list(found.samples))
    keys: list[tuple[int, str]] = []
    for newest, sensor, row in order:
        for event in pipeline.push(sensor, found.samples[sensor][row : row + 1]):
            assert event.t_emitted_ns <= newest
            if event.kind != "step":
                assert event.t_emitted_ns == newest
                assert foot_of(sensor) == event.foot
                keys.append((event.t_emitted_ns, event.foot))
    assert keys == sorted(keys)
    pipeline.flush()
    assert said_of(pipeline) == said_of(found.pipeline)


@EVENTS.holds("cut just after t_emitted_ns a contact is out and equal, cut one sample earlier it is not")
def _(found: Found) -> None:
    if found.seed % CUT_EVERY:
        return
    contacts = [event for event in found.told if event.kind == "contact"]
    for event in contacts[:: 1 + len(contacts) // 3]:
        own = sensor_of(event.foot)
        newest = int(np.flatnonzero(np.maximum.accumulate(found.samples[own].t_ns) >= event.t_emitted_ns)[0])
        until = {sensor: rows.where(rows.t_ns <= event.t_emitted_ns) for sensor, rows in found.samples.items()}
        for rows, out in ((newest + 1, True), (newest, False)):
            parts = {**until, own: found.samples[own][:rows]}
            pipeline = Pipeline(found.session, list(parts))
            told = [told for sensor, rows in parts.items() for told in pipeline.push(sensor, rows)]
            assert (event in told) == out
            if not out:
                alike = [
                    one
                    for one in told
                    if one.kind == "contact" and one.row["t_contact_ns"] == event.row["t_contact_ns"]
                ]
                assert not alike
