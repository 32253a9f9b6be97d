import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.cli.terminal import RED, Bar, aligned, duration_text, painted, percent_text


class Terminal(io.StringIO):
    def isatty(self):
        return True

    @property
    def lines(self):
        """What has been drawn on the one line, as one saw it."""
        return [line.rstrip() for line in self.getvalue().split("\r") if line.strip()]


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture(autouse=True)
def _terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


@given(st.lists(st.tuples(st.text("abc", max_size=9), st.text("123", max_size=9)), min_size=1))
def test_columns_stand_one_below_the_other(rows):
    lines = aligned(rows)
    width = max(len(left) for left, _ in rows)
    assert [line[:width].strip() for line in lines] == [left for left, _ in rows]
    assert all(line.endswith(right) for line, (_, right) in zip(lines, rows, strict=True))
    assert len({len(line) for line, (_, right) in zip(lines, rows, strict=True) if right}) <= 1


@given(st.floats(0.0, 1e6))
def test_a_duration_is_never_rounded_to_a_nonsense(seconds):
    text = duration_text(seconds)
    assert " 60 s" not in f" {text}"
    assert " 60 min" not in text
    assert text[0].isdigit()


@given(st.floats(1e-5, 1.0))
def test_a_share_that_is_not_nothing_does_not_look_like_nothing(share):
    assert float(percent_text(share).split()[0]) > 0.0


def test_colour_needs_a_terminal_and_no_objection(monkeypatch):
    assert painted("poor", RED, Terminal()) == "\x1b[31mpoor\x1b[0m"
    assert painted("poor", RED, io.StringIO()) == "poor"
    monkeypatch.setenv("TERM", "dumb")
    assert painted("poor", RED, Terminal()) == "poor"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("poor", RED, Terminal()) == "poor"


def test_the_bar_comes_after_a_second_and_leaves_nothing():
    stream, clock = Terminal(), Clock()
    with Bar(4, stream=stream, clock=clock) as bar:
        clock.now_s = 0.9
        bar.update(1, 0.5)
        assert stream.getvalue() == ""
        clock.now_s = 2.0
        bar.update(1, 0.5)
        clock.now_s = 2.05
        bar.update(1, 0.7)
        clock.now_s = 3.0
        bar.update(2)
    assert stream.lines == [
        "1 of 4 sessions  [#########...............]  38 %  2.0 s, about 3.3 s left",
        "2 of 4 sessions  [############............]  50 %  3.0 s, about 3.0 s left",
    ]
    assert stream.getvalue().endswith("\r")
    assert stream.getvalue().split("\r")[-2].strip() == ""


def test_the_bar_keeps_to_one_line_of_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    stream, clock = Terminal(), Clock()
    with Bar(4, stream=stream, clock=clock) as bar:
        clock.now_s = 2.0
        bar.update(1)
    assert [len(line) for line in stream.lines] == [29]


def test_there_is_no_bar_but_on_a_terminal(monkeypatch):
    stream, clock = io.StringIO(), Clock()
    with Bar(4, stream=stream, clock=clock) as bar:
        clock.now_s = 5.0
        bar.update(1)
    assert stream.getvalue() == ""
