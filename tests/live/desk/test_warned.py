"""Warnings are told once and stand for a while, in the same words."""

from hypothesis import given
from hypothesis import strategies as st

from imu.live.desk.warned import KEPT, Warned


@given(st.lists(st.tuples(st.none() | st.floats(0.0, 1e5), st.text(max_size=5)), max_size=50))
def test_what_stands_is_the_last_of_what_was_told(said):
    told, now_s = [], None
    warned = Warned(told.append, lambda: now_s)
    for now_s, text in said:  # noqa: B007  the clock
        warned.say(text)
    assert [{"event": "warning", **one} for one in warned.document()] == told[-KEPT:]
    assert [one["id"] for one in told] == list(range(1, len(said) + 1))
    for (at_s, text), one in zip(said, told, strict=True):
        assert one["text"] == text
        assert (one["at_s"] is None) == (at_s is None)
        assert at_s is None or abs(one["at_s"] - at_s) <= 0.051
