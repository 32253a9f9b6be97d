"""Whatever is heard, in whatever order: the document can always be told."""

from hypothesis import given
from hypothesis import strategies as st

from imu.core.canonical import canonical_json
from imu.core.events import Event
from imu.core.session import FEET, SENSORS
from imu.core.units import NS_PER_S
from imu.live.board import Board
from imu.live.desk.coach import Coach, course_document, cue_document, limits_document
from imu.live.desk.protocol import named, names
from imu.live.desk.showing import figures_document, placement_document
from imu.live.player import Heard

NUMBERS = st.sampled_from([0.0, -0.0, 1e-12, 0.5, 4.0, -4.0, 90.0, 1e6, -1e6])
MAYBE = st.none() | NUMBERS
SECONDS = st.sampled_from([0.0, 0.1, 0.6, 3.0, 30.0, 4000.0])
QUALITY = st.sampled_from(["", "start", "turn"])
DIRECTIONS = st.sampled_from(["forward", "backward", "in_place", "uncertain"])
PATTERNS = st.sampled_from(["toe_to_heel", "heel_to_toe", "flat", "uncertain"])
ROWS = st.fixed_dictionaries(
    {
        "direction": DIRECTIONS,
        "pattern": PATTERNS,
        "quality": QUALITY,
        "confidence": st.sampled_from([0.0, 0.5, 1.0]),
        "foot_angle_deg": MAYBE,
        "pelvic_drop_deg": MAYBE,
        "obliquity_rom_deg": MAYBE,
        # a nanosecond at least: contacts at one instant are no step
        "step_time_s": st.sampled_from([1e-9, 0.6, 5.0]),
        "stride_time_s": st.sampled_from([1e-9, 1.2, 5.0]),
        "stride_length_m": MAYBE,
        "speed_m_s": MAYBE,
    }
)
KINDS = st.lists(st.sampled_from(["contact", "step", "stride", "release"]), min_size=1, max_size=4, unique=True)
HEARD = st.tuples(st.just("hear"), KINDS, st.sampled_from(FEET), ROWS)
CUES = st.sampled_from(
    [
        {"metric": "cadence", "low": 90.0, "high": 100.0, "hold": 1},
        {"metric": "drop", "high": 5.0, "hold": 1},
        {"metric": "foot_angle", "low": 0.0},
        {"metric": "pattern", "hold": 1, "fade": False},
        {"metric": "none"},
    ]
)
MOMENTS = st.lists(
    HEARD
    | st.tuples(st.just("tick"), MAYBE, st.booleans())
    | st.tuples(st.just("cue"), CUES)
    | st.tuples(st.sampled_from(["begin", "next", "pause", "resume", "end"])),
    max_size=60,
)


@given(
    protocol=st.none() | st.sampled_from(names()), moments=MOMENTS, steps_s=st.lists(SECONDS, min_size=60, max_size=60)
)
def test_the_document_can_be_told_after_whatever_was_heard(protocol, moments, steps_s):
    protocol = None if protocol is None else named(protocol)
    said = []
    coach, board = Coach(lambda *one: said.append(one), said.append, said.append), Board()
    coach.wear(dict.fromkeys(SENSORS), recorded=True)
    now_s = 0.0
    for moment, step_s in zip(moments, steps_s, strict=False):
        now_s += step_s
        board.reached(round(now_s * NS_PER_S))
        match moment:
            case ("hear", kinds, foot, row):
                t_ns = round(now_s * NS_PER_S)
                times = dict.fromkeys(("t_contact_ns", "t_end_ns", "t_start_ns", "t_release_ns"), t_ns)
                events = tuple(Event(t_ns, foot, kind, {**row, **times, "foot": foot}) for kind in kinds)
                coach.hear(Heard(events=events))
                board.hear(events)
            case ("tick", belt_m_s, told):
                coach.tick(now_s, belt_m_s, belt_told=told)
            case ("cue", changes):
                coach.set_cue(changes)
            case ("begin",):
                coach.begin(protocol)
            case ("next",):
                coach.next(now_s)
            case ("pause" | "resume" as word,):
                coach.pause(word == "pause")
            case ("end",):
                coach.end()
        baseline = coach.baseline()
        document = {
            "figures": figures_document(board, now_s),
            "cue": cue_document(coach),
            "protocol": course_document(coach.course, protocol),
            "limits": limits_document(protocol),
            "baseline": None if baseline is None else baseline.document(),
            "contacts": list(coach.contacts),
            "placement": placement_document(coach.placement.remarks()),
            "calibration": coach.calibration.document(walking=coach.placement.walking),
            "said": [one for one in said if isinstance(one, dict)],
        }
        # it knows no NaN, and no infinity
        canonical_json(document)
