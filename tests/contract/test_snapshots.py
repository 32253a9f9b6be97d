"""A stage in the middle of a stream can be copied and pickled; what comes of it goes on as the stage itself does."""

import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st


@given(share=st.floats(0.0, 1.0))
def test_copies_and_pickles_go_on_alike(case, share) -> None:
    tick = round(share * case.rows)
    pieces = list(case.pieces([tick]))
    before, after = pieces[: len(case.parts)], pieces[len(case.parts) :]
    stage = case.make()
    case.feed(stage, before)
    others = [copy.deepcopy(stage), pickle.loads(pickle.dumps(stage))]
    # the copies run to their end first: none shares anything with the stage
    said = [case.run(after, other) for other in (*others, stage)]
    assert said[0] == said[1] == said[2]
