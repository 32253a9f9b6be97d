"""How a stream is cut, and in which order sensors deliver, never changes a bit."""

from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

share = st.floats(0.0, 1.0)


def test_a_fresh_stage_says_the_same_as_another(case) -> None:
    assert case.whole == case.run(case.pieces())


@given(shares=st.lists(share, max_size=40))
def test_random_cuts(case, shares) -> None:
    cuts = [round(share * case.rows) for share in shares]
    assert case.run(case.pieces(cuts)) == case.whole


def test_row_by_row(case) -> None:
    assert case.run(case.pieces(range(case.rows))) == case.whole


def test_cuts_at_each_event_and_one_tick_beside_it(case) -> None:
    for beside in (-1, 0, 1, 2):
        cuts = np.clip(case.settling + beside, 0, case.rows)
        assert case.run(case.pieces(cuts.tolist())) == case.whole


def test_empty_blocks_anywhere(case) -> None:
    cuts = [0, 0, case.rows // 3, case.rows // 3, case.rows // 3, case.rows, case.rows]
    assert case.run(case.pieces(cuts)) == case.whole


@given(behind_s=st.tuples(*[st.floats(-30.0, 30.0)] * 3), shares=st.lists(share, max_size=15))
def test_any_order_of_arrival_between_sensors(case, behind_s, shares) -> None:
    behind = dict(zip(case.parts, behind_s, strict=False))
    cuts = [round(share * case.rows) for share in shares]
    assert case.run(case.pieces(cuts, behind)) == case.whole


def test_a_stream_without_rows(case) -> None:
    nothing = [(name, rows[:0]) for name, rows in case.parts.items()]
    stage = case.make()
    assert not any(len(said) for said in case.feed(stage, nothing))
    assert len(stage.flush()) == 0


def test_the_flawed_walk_has_every_flaw(case_named) -> None:
    """Lest the suite pass for want of anything to get wrong."""
    pipeline = case_named("pipeline")
    stage = pipeline.make()
    pipeline.feed(stage, pipeline.pieces())
    stage.flush()
    for report in stage.reports.values():
        assert report.lost > 50
        assert report.late > 20
        assert report.gaps > 5
    assert stage.reports["foot_left"].clock_jumps > 0
    assert stage.reports["foot_left"].saturated > 0
    tables = stage.tables()
    assert len(tables["contacts"]) >= 9
    assert len(tables["steps"]) >= 5
    reasons = set(chain.from_iterable(row["quality"].split(";") for row in tables["contacts"]))
    assert {"start", "gap", "saturated"} <= reasons
