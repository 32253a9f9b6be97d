"""What the live view shows, and what it does not leave standing."""

import io
import re

import pytest

from imu.cli.view import LinkSeen, Scene, Screen, lines, sentence
from imu.core.events import Event
from imu.core.units import NS_PER_S
from imu.live.board import Board, BoardParams, Mean


def contact(foot, t_s, direction="backward", pattern="toe_to_heel"):
    row = {"foot": foot, "t_contact_ns": round(t_s * NS_PER_S), "direction": direction, "pattern": pattern}
    return Event(row["t_contact_ns"], foot, "contact", row)


def step(foot, t_s, seconds, drop_deg=None, direction="backward", quality=""):
    row = {
        "stance_foot": foot,
        "t_end_ns": round(t_s * NS_PER_S),
        "step_time_s": seconds,
        "direction": direction,
        "pelvic_drop_deg": drop_deg,
        "quality": quality,
    }
    return Event(row["t_end_ns"], foot, "step", row)


def walk(board, begin_s, n, *, every_s=0.6, drop_deg=4.0, **said):
    feet = ("left", "right")
    for k in range(n):
        t_s = begin_s + k * every_s
        board.reached(round(t_s * NS_PER_S))
        board.hear([contact(feet[k % 2], t_s, **said)])
        if k:
            board.hear([step(feet[(k - 1) % 2], t_s, every_s, drop_deg + k % 2, said.get("direction", "backward"))])
    return begin_s + (n - 1) * every_s


def test_figures_are_of_the_last_steps():
    board = Board()
    walk(board, 0.0, 30)
    seen = board.figures()
    assert seen.direction == "backward"
    assert seen.cadence_spm.value == pytest.approx(100.0)
    assert seen.cadence_spm.n == BoardParams().steps
    assert seen.toes["left"] == (10, 10, "toe_to_heel")
    assert seen.drop_deg["left"].value == pytest.approx(5.0)
    assert seen.drop_deg["right"].value == pytest.approx(4.0)
    assert seen.contacts == 30


def test_nothing_old_is_left_standing():
    board = Board()
    end_s = walk(board, 0.0, 10)
    board.reached(round((end_s + 1.9) * NS_PER_S))
    assert board.figures().cadence_spm is not None
    board.reached(round((end_s + 2.1) * NS_PER_S))
    seen = board.figures()
    assert (seen.direction, seen.cadence_spm, seen.toes, seen.drop_deg) == (None, None, {}, {})
    assert seen.contacts == 10


def test_slow_steps_do_not_flicker_and_do_not_stay_either():
    board = Board()
    end_s = walk(board, 0.0, 10, every_s=1.8)
    board.reached(round((end_s + 2.5) * NS_PER_S))
    assert board.figures().cadence_spm.value == pytest.approx(60 / 1.8)
    board.reached(round((end_s + BoardParams().oldest_s + 0.1) * NS_PER_S))
    assert board.figures().cadence_spm is None


def test_a_pelvis_that_is_gone_takes_its_drop_down_with_it():
    board = Board()
    end_s = walk(board, 0.0, 10)
    feet = ("left", "right")
    for k in range(10):
        t_s = end_s + 0.6 * (k + 1)
        board.reached(round(t_s * NS_PER_S))
        board.hear([contact(feet[k % 2], t_s), step(feet[1 - k % 2], t_s, 0.6)])
    seen = board.figures()
    assert seen.cadence_spm is not None
    assert seen.drop_deg == {}


def test_figures_of_another_direction_are_others():
    board = Board()
    end_s = walk(board, 0.0, 20)
    walk(board, end_s + 0.6, 3, direction="forward", pattern="heel_to_toe", every_s=0.5)
    seen = board.figures()
    assert seen.direction == "forward"
    assert seen.cadence_spm.value == pytest.approx(120.0)
    assert seen.toes == {"left": (0, 2, "heel_to_toe"), "right": (0, 1, "heel_to_toe")}


def test_steps_that_are_not_clean_count_for_no_drop():
    board = Board()
    walk(board, 0.0, 2)
    board.hear([step("left", 0.7, 0.6, drop_deg=20.0, quality="turn")])
    assert all(mean.value < 10.0 for mean in board.figures().drop_deg.values())


def test_one_foot_alone_has_a_cadence_too():
    board = Board()
    for k in range(5):
        t_ns = round(1.2 * k * NS_PER_S)
        board.reached(t_ns)
        row = {"t_end_ns": t_ns, "stride_time_s": 1.2, "speed_m_s": -0.7, "direction": "backward"}
        board.hear([contact("left", 1.2 * k), Event(t_ns, "left", "stride", row)])
    seen = board.figures()
    assert seen.cadence_spm.value == pytest.approx(100.0)
    assert seen.speed_m_s == Mean(pytest.approx(-0.7), pytest.approx(0.0, abs=1e-9), 5)


def scene(**said):
    board = Board()
    walk(board, 0.0, 20)
    links = (
        LinkSeen("foot_left", "A1", "streaming", 200.0, 0, 87, ""),
        LinkSeen("pelvis", "C3", "silent", 200.0, 41, 12, "listen: the link broke"),
    )
    return Scene(**{"title": "S01 monday", "elapsed_s": 83.0, "figures": board.figures(), "links": links, **said})


def test_the_view_says_it_in_plain_words():
    shown = "\n".join(lines(scene(belt_m_s=0.6, heart_bpm=82.0, warning="only 400 MB are free")))
    for said in (
        "1:23  S01 monday",
        "left foot  A1  streaming",
        "41 lost  12 % low  listen: the link broke",
        "backward   cadence 100 steps/min",
        "left 10 of 10 (toe to heel)",
        "belt 0.60 m/s (treadmill)  heart 82 /min",
        "only 400 MB are free",
    ):
        assert said in shown, said


def test_one_sentence_where_nothing_can_be_drawn():
    out = io.StringIO()
    screen = Screen(stream=out)
    for tenth in range(120):
        screen.show(scene(elapsed_s=tenth / 10))
    assert out.getvalue().splitlines() == [sentence(scene(elapsed_s=second)) for second in (0.0, 5.0, 10.0)]
    assert "\x1b" not in out.getvalue()


class Terminal(io.StringIO):
    """What stands on a terminal that knows cursor-up and clear-below."""

    def isatty(self):
        return True

    def screen(self):
        rows, at = [""], 0
        for part in re.split(r"(\x1b\[\d*[A-Za-z]|\n)", self.getvalue()):
            if part == "\n":
                at += 1
                if at == len(rows):
                    rows.append("")
            elif match := re.fullmatch(r"\x1b\[(\d*)F", part):
                at -= int(match[1])
                assert at >= 0
            elif part == "\x1b[J":
                rows[at:] = [""]
            elif not part.startswith("\x1b"):
                rows[at] += part
        return [row for row in rows if row]


def test_on_a_terminal_the_last_scene_stands_alone(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    screen = Screen(stream=out)
    for warning in ("", "only 400 MB are free", "", "again"):
        screen.show(scene(warning=warning))
        assert out.screen() == [line[:99].rstrip() for line in lines(scene(warning=warning))]
    screen.say("done")
    screen.show(scene())
    assert out.screen()[-len(lines(scene())) :] == [line[:99].rstrip() for line in lines(scene())]


def test_a_narrow_terminal_gets_what_fits(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    out = Terminal()
    Screen(stream=out).show(scene())
    assert all(len(row) <= 29 for row in out.screen())


def test_a_quiet_screen_says_nothing():
    out = io.StringIO()
    screen = Screen(quiet=True, stream=out)
    screen.show(scene())
    screen.say("done")
    assert out.getvalue() == ""


def test_a_low_terminal_is_drawn_over_too(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "4")
    out = Terminal()
    screen = Screen(stream=out)
    for _ in range(5):
        screen.show(scene())
    assert len(out.screen()) == 3


def test_who_only_records_sees_links_and_no_dashes():
    shown = "\n".join(lines(scene(walking=False)))
    assert "left foot" in shown
    assert "cadence" not in shown
    assert "cadence" not in sentence(scene(walking=False))
    assert "listen: the link broke" in sentence(scene(walking=False))
