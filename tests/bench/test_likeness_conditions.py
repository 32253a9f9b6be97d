import json
from collections import defaultdict
from dataclasses import replace
from types import MappingProxyType

import pytest

from imu.store.folder import read_session
from imu_bench.likeness import conditions as likeness_conditions
from imu_bench.likeness.conditions import CONDITIONS, write_condition
from imu_bench.scoring.score import known, scored
from imu_bench.truth import read_truth


@pytest.fixture
def one_session(monkeypatch, tmp_path):
    """Write the first session of a condition; get its folder, its recording and what its truth says."""

    def write(source):
        recording = next(CONDITIONS[source].sessions())
        one = replace(CONDITIONS[source], sessions=lambda: iter([recording]))
        monkeypatch.setattr(likeness_conditions, "CONDITIONS", MappingProxyType({source: one}))
        write_condition(source, tmp_path)
        folder = tmp_path / recording.session.session
        return folder, recording, read_truth(folder, read_session(folder))

    return write


def test_turns_and_closing_steps_have_no_direction(one_session):
    _, recording, truth = one_session("ipol")
    assert not truth.holes
    assert len(truth.contacts) == len(recording.truth_contacts)
    [turn] = [row for row in recording.phases if json.loads(row["value"])["name"] == "uturn"]
    for told, true in zip(truth.contacts, recording.truth_contacts, strict=True):
        turning = turn["t_ns"] <= told["t_contact_ns"] <= turn["t_end_ns"]
        assert told["direction"] in {None, true["direction"]}
        assert not (turning and told["direction"])
    # most of two walks of 10 m keep theirs, and the last step of all has none
    directions = [row["direction"] for row in truth.contacts]
    assert directions.count("forward") > 20
    assert directions[-1] is None
    assert directions[0] == "forward"


@pytest.mark.parametrize("source", ["gaitmap", "bandai", "grouvel"])
def test_trials_are_cut_among_steps(one_session, source):
    folder, recording, truth = one_session(source)
    asked = defaultdict(list)
    for row in truth.contacts:
        if not any(h.foot == row["foot"] and h.start_ns <= row["t_contact_ns"] <= h.end_ns for h in truth.holes):
            asked[row["foot"]].append(row)
    for rows in asked.values():
        assert all(row["stride_length_m"] > 0.3 for row in rows)
    # one step of each foot to begin with, the closing one at the end, and what is a turn
    lost = len(truth.contacts) - sum(map(len, asked.values()))
    assert lost == 3 if source != "gaitmap" else 3 + 3 <= lost <= 3 + 7
    tallies = scored(known(folder), None).tallies
    assert {walking: one.left.asked + one.right.asked for walking, one in tallies.items()} == {
        json.loads(recording.phases[1]["value"])["direction"]: sum(map(len, asked.values()))
    }


def test_what_is_worn_is_as_it_was_there():
    by_source = {source: next(condition.sessions()).session for source, condition in CONDITIONS.items()}
    assert {s.rate_hz for s in by_source["ipol"].sensors.values()} == {100.0}
    assert set(by_source["gaitmap"].sensors) == {"foot_left", "foot_right"}
    assert {s.rate_hz for s in by_source["gaitmap"].sensors.values()} == {204.8}
    names = [recording.session.session for one in CONDITIONS.values() for recording in one.sessions()]
    assert len(set(names)) == len(names)
    assert {name.partition("-")[0] for name in names} == CONDITIONS.keys()
