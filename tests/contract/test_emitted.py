"""Every event is out as soon as its `t_emitted_ns` says, and not one sample earlier."""

import numpy as np
import pytest

from imu.core import records
from imu.core.records import CONTACT, FOOT_EVENT, NONE_NS, PROVISIONAL
from imu.core.tables import REASONS

AT_END = 1 << REASONS.index("at_end")
FOOT_STAGES = ("foot left", "foot right", "foot of unknown mounting")


@pytest.fixture(scope="module", params=FOOT_STAGES)
def foot_case(request, case_named):
    return case_named(request.param)


def pushed(case, stop: int) -> np.ndarray:
    (rows,) = case.parts.values()
    return case.make().push(rows[:stop])


def test_each_record_leaves_with_its_sample(foot_case) -> None:
    (rows,) = foot_case.parts.values()
    for record in pushed(foot_case, len(rows)):
        newest = int(np.searchsorted(rows.t_ns, record["t_emitted_ns"]))
        assert rows.t_ns[newest] == record["t_emitted_ns"]
        assert record.tobytes() in pushed(foot_case, newest + 1).tobytes()
        assert record.tobytes() not in pushed(foot_case, newest).tobytes()


def test_the_streams_bring_out_every_kind_of_record(case_named) -> None:
    found = {int(kind) for name in FOOT_STAGES for kind in pushed(case_named(name), 10**6)["kind"]}
    names = ("PROVISIONAL", "CONTACT", "SECOND", "RELEASE", "LENGTH", "REST_BEGINS", "REST_ENDS", "BREAK", "RESOLVED")
    assert found == {getattr(records, name) for name in names}


def test_a_provisional_time_is_that_of_a_provisional_record(foot_case) -> None:
    found = pushed(foot_case, 10**6)
    provisional = set(found["t_emitted_ns"][found["kind"] == PROVISIONAL].tolist())
    for contact in found[found["kind"] == CONTACT]:
        assert contact["t_provisional_ns"] == NONE_NS or int(contact["t_provisional_ns"]) in provisional
        assert contact["t_provisional_ns"] <= contact["t_emitted_ns"]


def test_what_only_the_end_decides_says_so(foot_case) -> None:
    """Cut a little after each contact, before it is decided: flush may decide it, and then marks it."""
    (rows,) = foot_case.parts.values()
    decided = 0
    for contact in pushed(foot_case, 10**6):
        if contact["kind"] != CONTACT:
            continue
        stop = int(np.searchsorted(rows.t_ns, contact["t_emitted_ns"]))
        stage = foot_case.make()
        stage.push(rows[:stop])
        last = stage.flush()
        assert last.dtype == FOOT_EVENT
        assert (last["t_emitted_ns"] == rows.t_ns[stop - 1]).all()
        assert (last["quality"][last["kind"] == CONTACT] & AT_END > 0).all()
        decided += int((last["kind"] == CONTACT).sum())
        assert len(stage.flush()) == 0, "the end comes once"
    assert decided > 3


@pytest.mark.parametrize("name", ["pipeline", "pipeline of unknown mountings"])
def test_each_event_of_a_foot_leaves_the_pipeline_with_its_sample(case_named, name) -> None:
    """Row by row in order of session time; the other sensors' rows are never waited for."""
    case = case_named(name)
    stage = case.make()
    kinds = set()
    for sensor, rows in case.pieces(range(1, case.rows)):
        if len(rows) == 0:
            continue
        for event in stage.push(sensor, rows):
            kinds.add(event.kind)
            if event.kind == "step":
                continue
            assert sensor == f"foot_{event.foot}"
            assert event.t_emitted_ns == rows.t_ns[-1]
            assert event.row.get("t_emitted_ns", event.t_emitted_ns) == event.t_emitted_ns
    assert kinds == {"contact_provisional", "contact", "second", "release", "stride", "step"}
