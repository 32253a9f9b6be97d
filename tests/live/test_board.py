"""Which figures stand, and how long: judged here alone, for every page and terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.events import Event
from imu.core.session import FEET, SENSORS
from imu.core.units import NS_PER_S
from imu.live.board import Board, BoardParams
from imu.pipeline import Pipeline
from imu.simulate import Person, Protocol, Stand, Walk, simulate, usual_sensors

PARAMS = BoardParams()


def contact(foot, t_s, quality="", direction="backward"):
    t_ns = round(t_s * NS_PER_S)
    row = {"t_contact_ns": t_ns, "pattern": "toe_to_heel", "direction": direction, "foot_angle_deg": -8.0}
    return Event(t_ns, foot, "contact", {**row, "quality": quality})


def step(foot, t_s, seconds, drop_deg=4.0, quality="", direction="backward"):
    t_ns = round(t_s * NS_PER_S)
    row = {"t_end_ns": t_ns, "pelvic_drop_deg": drop_deg, "step_time_s": seconds, "direction": direction}
    return Event(t_ns, foot, "step", {**row, "quality": quality})


def walk(board, times_s, *, before_s=None, quality="", drop_deg=4.0, feet=FEET, direction="backward"):
    """A contact at each, left first; they come from one at `before_s`."""
    for k, t_s in enumerate(times_s):
        board.reached(round(t_s * NS_PER_S))
        foot, other = (FEET[k % 2], FEET[(k + 1) % 2])
        if foot in feet:
            board.hear([contact(foot, t_s, quality, direction)])
        if before_s is not None and set(feet) == set(FEET):
            board.hear([step(other, t_s, t_s - before_s, drop_deg, quality, direction)])
        before_s = t_s


def at(board, t_s):
    board.reached(round(t_s * NS_PER_S))
    return board.figures()


def known(figures):
    """All figures by name, as far as they stand."""
    said = {"cadence_spm": figures.cadence_spm, "direction": figures.direction}
    for name in ("toes", "drop_deg", "foot_angle_deg"):
        said |= {f"{name}.{foot}": getattr(figures, name).get(foot) for foot in FEET}
    return {name for name, one in said.items() if one is not None}


CLEAN = {"drop_deg": "clean step", "foot_angle_deg": "clean step"}
ALL = {
    "cadence_spm",
    "direction",
    *(f"{name}.{foot}" for name in ("toes", "drop_deg", "foot_angle_deg") for foot in FEET),
}


@given(every_s=st.floats(0.4, 2.5), after_s=st.floats(0.0, 8.0))
def test_a_figure_stands_until_its_next_step_is_overdue_and_says_then_for_how_long(every_s, after_s):
    board = Board()
    times_s = [k * every_s for k in range(30)]
    walk(board, times_s)
    seen = at(board, times_s[-1] + after_s)
    # of the last foot; the other one's last contact is a step older
    foot = FEET[29 % 2]
    limit_s = min(max(PARAMS.old_s, PARAMS.overdue * 2 * every_s), PARAMS.oldest_s)
    if abs(after_s - limit_s) > 1e-6:
        assert (f"toes.{foot}" in known(seen)) == (after_s < limit_s)
    assert not (known(seen) & set(seen.gone))
    for name in ALL - known(seen):
        assert seen.gone[name].startswith(f"no {CLEAN.get(name.partition('.')[0], 'step')} for ")
    if f"toes.{foot}" in seen.gone:
        assert seen.gone[f"toes.{foot}"] == f"no step for {after_s:.0f} s"
    if after_s > PARAMS.oldest_s + 1e-6:
        assert known(seen) == set()
        assert set(seen.gone) >= ALL


def test_a_foot_that_falls_silent_loses_its_figures_while_the_other_walks_on():
    board = Board()
    walk(board, [0.6 * k for k in range(20)])
    assert known(board.figures()) == ALL
    for k in range(20, 40):
        if k % 2:
            board.hear([contact("right", 0.6 * k)])
        seen = at(board, 0.6 * k)
        left_s = 0.6 * k - 0.6 * 18
        if left_s > PARAMS.old_s + 0.6:
            assert known(seen) == {"direction", "toes.right", "foot_angle_deg.right"}
            assert seen.gone["toes.left"] == f"no step for {left_s:.0f} s"


def test_steps_that_are_not_clean_keep_a_figure_for_a_while_and_renew_it_not():
    board = Board()
    walk(board, [0.6 * k for k in range(20)])
    times_s = [0.6 * k for k in range(20, 60)]
    walk(board, times_s[:4], before_s=times_s[0] - 0.6, quality="turn")
    assert known(board.figures()) == ALL
    walk(board, times_s[4:], before_s=times_s[3], quality="turn")
    assert known(board.figures()) == {"cadence_spm", "direction", "toes.left", "toes.right"}
    # they are known to step: that is not why
    since_s = {"right": times_s[-1] - 0.6 * 18, "left": times_s[-1] - 0.6 * 19}
    contact_s = {"right": times_s[-1] - 0.6 * 19, "left": times_s[-1] - 0.6 * 18}
    assert board.figures().gone == {
        **{f"drop_deg.{foot}": f"no clean step for {ago_s:.0f} s" for foot, ago_s in since_s.items()},
        **{f"foot_angle_deg.{foot}": f"no clean step for {ago_s:.0f} s" for foot, ago_s in contact_s.items()},
    }


BOUTS = st.lists(
    st.tuples(
        st.floats(PARAMS.apart_s + 0.1, 40.0),
        st.lists(st.tuples(st.floats(0.4, 2.4), st.sampled_from(["", "start", "turn"])), min_size=1, max_size=12),
    ),
    min_size=2,
    max_size=5,
)


@given(bouts=BOUTS)
def test_nothing_of_before_a_rest_ever_counts_again(bouts):
    board, now_s = Board(), 0.0
    for number, (rest_s, steps) in enumerate(bouts):
        now_s += rest_s
        assert not known(at(board, now_s - 1e-3))
        heard = dict.fromkeys(FEET, 0)
        for k, (every_s, quality) in enumerate(steps):
            now_s += every_s * (k > 0)
            board.reached(round(now_s * NS_PER_S))
            foot = FEET[k % 2]
            heard[foot] += 1
            event = contact(foot, now_s, quality)
            # each bout has figures of its own
            board.hear([Event(event.t_emitted_ns, foot, "contact", {**event.row, "foot_angle_deg": float(number)})])
            board.hear([step(foot, now_s, every_s, float(number), quality)])
            seen = board.figures()
            for name in ("drop_deg", "foot_angle_deg"):
                for one, mean in getattr(seen, name).items():
                    assert mean.value == pytest.approx(number), name
                    assert mean.n <= heard[one]
            assert all(toes.n <= heard[one] for one, toes in seen.toes.items())
            assert seen.cadence_spm is None or seen.cadence_spm.n <= k + 1


@given(st.lists(st.tuples(st.floats(0.3, 9.0), st.sampled_from(["", "", "turn"])), max_size=40))
def test_a_mean_that_was_taken_down_comes_back_with_a_clean_step_and_not_before(steps):
    board, t_s, stood, n, since_s = Board(), 0.0, False, 0, 0.0
    for every_s, quality in steps:
        for part in (0.25, 0.5, 0.75, 1.0):
            stands = "left" in at(board, t_s + part * every_s).drop_deg
            assert stood or not stands
            stood = stands
        t_s += every_s
        board.hear([contact("left", t_s, quality), step("left", t_s, every_s, quality=quality)])
        stands = "left" in board.figures().drop_deg
        if not quality:
            n, since_s = 0, 0.0
            assert stands
        else:
            assert stood or not stands
            n += 1
            since_s += every_s
            assert not (stands and n > 2 and since_s > PARAMS.oldest_s + 1e-6)
        stood = stands


def test_a_pelvis_that_falls_silent_takes_the_drop_with_it():
    board = Board()
    walk(board, [0.6 * k for k in range(20)])
    walk(board, [0.6 * k for k in range(20, 26)], drop_deg=None)
    assert ALL - known(board.figures()) == {"drop_deg.left", "drop_deg.right"}


def test_another_bout_begins_anew():
    board = Board()
    walk(board, [0.6 * k for k in range(20)])
    walk(board, [30.0 + 0.6 * k for k in range(6)])
    seen = board.figures()
    assert {one.n for one in seen.toes.values()} == {3}
    assert seen.thin(PARAMS)["toes.left"] == "3 clear contacts, 5 wanted"


def test_a_long_rest_is_said_in_minutes():
    board = Board()
    walk(board, [0.6 * k for k in range(20)])
    assert at(board, 11.4 + 600.0).gone["cadence_spm"] == "no step for 10 min"


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_figures_of_slow_walkers_do_not_flicker(direction):
    protocol = Protocol(
        segments=(Stand(seconds=4.0), Walk(direction=direction, seconds=60.0, speed_m_s=0.3), Stand(seconds=8.0))
    )
    recording = simulate(Person(), protocol, usual_sensors(), seed=1)
    pipeline, board = Pipeline(recording.session, SENSORS), Board()
    last_s = 0.0
    for blocks in zip(*(recording.samples(name, 0.05) for name in SENSORS), strict=True):
        for name, block in zip(SENSORS, blocks, strict=True):
            if len(block):
                board.reached(int(block.t_ns.max()))
            board.hear(events := pipeline.push(name, block))
            last_s = max([last_s, *(one.row["t_contact_ns"] / NS_PER_S for one in events if one.kind == "contact")])
        now_s, seen = board.figures().t_ns / NS_PER_S, board.figures()
        if 25.0 < now_s < 62.0:
            assert known(seen) == ALL, (now_s, seen.gone)
            assert seen.thin(PARAMS) == {}, now_s
        if now_s > last_s + PARAMS.oldest_s:
            assert known(seen) == set()
    assert last_s > 60.0


def test_who_turns_on_the_spot_has_neither_cadence_nor_speed():
    board = Board()
    walk(board, [0.6 * k for k in range(12)], direction="in_place")
    figures = board.figures()
    assert (figures.direction, figures.cadence_spm, figures.speed_m_s) == ("in_place", None, None)
    assert figures.gone["cadence_spm"] == figures.gone["speed_m_s"] == "on the spot"
    assert figures.toes["left"].n
