import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.core.records import (
    BREAK,
    CONTACT,
    FOOT_EVENT,
    LENGTH,
    NONE_NS,
    PROVISIONAL,
    RELEASE,
    RESOLVED,
    REST_BEGINS,
    REST_ENDS,
    SECOND,
)
from imu.core.tables import CONTACTS, DIRECTIONS, PATTERNS, REASONS, STRIDES
from imu.core.units import NS_PER_S
from imu.gait.fold import FootFold, single

MS = NS_PER_S // 1000


def record(kind, t_ns, emitted_ns=None, **fields):
    made = np.zeros(1, FOOT_EVENT)
    for name in ("foot_angle_deg", "confidence", "length_m", "turn_deg"):
        made[name] = math.nan
    made["kind"], made["t_ns"], made["t_provisional_ns"] = kind, t_ns, NONE_NS
    made["t_emitted_ns"] = t_ns if emitted_ns is None else emitted_ns
    for name, value in fields.items():
        made[name] = value
    return made


@dataclass(frozen=True)
class Footfall:
    """What one foot's detector found around one contact, ms; None = not seen."""

    t: int
    direction: str = "forward"
    pattern: str = "heel_to_toe"
    quality: int = 0
    second: int | None = 80
    release: int | None = 600
    length_m: float = 1.2
    provisional: bool = True


def contact(fall):
    return record(
        CONTACT,
        fall.t * MS,
        (fall.t + 90) * MS,
        t_provisional_ns=(fall.t + 20) * MS if fall.provisional else NONE_NS,
        direction=DIRECTIONS.index(fall.direction),
        pattern=PATTERNS.index(fall.pattern),
        quality=fall.quality,
        confidence=0.9,
        foot_angle_deg=12.3,
    )


def records(falls, breaks=()):
    """In the order in which a foot's detector says them; breaks are ms of clock jumps and gaps."""
    found = []
    for fall, following in [*pairwise(falls), (falls[-1], None)]:
        if fall.provisional:
            found.append(((fall.t + 20) * MS, record(PROVISIONAL, (fall.t + 5) * MS, (fall.t + 20) * MS)))
        found.append(((fall.t + 90) * MS, contact(fall)))
        if fall.second is not None:
            found.append(((fall.t + 150) * MS, record(SECOND, (fall.t + fall.second) * MS, (fall.t + 150) * MS)))
        length = record(LENGTH, (fall.t + 200) * MS, length_m=fall.length_m)
        found.append(((fall.t + 200) * MS, length))
        if fall.release is not None and following is not None:
            # a release leaves together with the contact that follows it
            emitted = (following.t + 89) * MS
            found.append((emitted, record(RELEASE, (fall.t + fall.release) * MS, emitted)))
    found += [(at * MS, record(BREAK, at * MS)) for at in breaks]
    found.sort(key=lambda pair: pair[0])
    return np.concatenate([one for _, one in found])


def folded(events, foot="left"):
    fold = FootFold(foot)
    return fold, fold.push(events)


def walk(*gaps_ms, **same):
    """Footfalls so many ms apart."""
    return [Footfall(int(t), **same) for t in np.cumsum([1000, *gaps_ms])]


# strides


def test_columns_are_those_of_the_contract_in_order():
    fold, _ = folded(records(walk(1000, 1000)))
    assert [tuple(row) for row in fold.contacts] == [CONTACTS.column_names] * 3
    assert [tuple(row) for row in fold.strides] == [STRIDES.column_names] * 2


@st.composite
def bouts(draw):
    """Footfalls and breaks, the latter at times that no footfall has."""
    gaps = draw(st.lists(st.sampled_from([700, 1000, 1300, 2000, 2999, 3000, 3001, 5000]), max_size=12))
    drawn = st.builds(
        lambda direction, pattern, quality, second, release, length_m: (
            direction,
            pattern,
            quality,
            second,
            release,
            length_m,
        ),
        st.sampled_from(DIRECTIONS),
        st.sampled_from(PATTERNS),
        st.integers(0, 2 ** len(REASONS) - 1),
        st.sampled_from([None, 20, 120]),
        st.sampled_from([None, 300, 600]),
        st.sampled_from([math.nan, 0.0, 0.8, 1.4]),
    )
    falls = [Footfall(fall.t, *draw(drawn)) for fall in walk(*gaps)]
    end = falls[-1].t + 500
    breaks = draw(st.lists(st.integers(0, end // 100).map(lambda k: 100 * k + 37), max_size=4))
    return falls, sorted(set(breaks))


def strides_of(falls, breaks):
    """CONTRACT.md in plain Python."""
    rows = []
    for first, last in pairwise(falls):
        if last.t - first.t > 3000 or any(first.t < at <= last.t for at in breaks):
            continue
        time_s = (last.t - first.t) / 1000
        stance_s = None if first.release is None else first.release / 1000
        length_m = None if math.isnan(last.length_m) else last.length_m
        sign = {"uncertain": None, "backward": -1.0}.get(last.direction, 1.0)
        rows.append(
            {
                "t_start_ns": first.t * MS,
                "t_end_ns": last.t * MS,
                "t_release_ns": None if first.release is None else (first.t + first.release) * MS,
                "stride_time_s": time_s,
                "stance_time_s": stance_s,
                "swing_time_s": None if stance_s is None else time_s - stance_s,
                "stance_fraction": None if stance_s is None else stance_s / time_s,
                "stride_length_m": length_m,
                "speed_m_s": None if sign is None or length_m is None else sign * length_m / time_s,
                "direction": last.direction,
                "pattern": first.pattern,
                "quality": ";".join(
                    sorted(REASONS[k] for k in range(len(REASONS)) if (first.quality | last.quality) >> k & 1)
                ),
            }
        )
    return rows


@settings(max_examples=300)
@given(bout=bouts())
def test_strides_are_those_of_the_contract(bout):
    falls, breaks = bout
    fold, events = folded(records(falls, breaks), "right")
    wanted = strides_of(falls, breaks)
    assert len(fold.strides) == len(wanted)
    for row, want in zip(fold.strides, wanted, strict=True):
        assert row["foot"] == "right"
        for name, value in want.items():
            if isinstance(value, float):
                assert row[name] == pytest.approx(value, rel=1e-6), name
            else:
                assert row[name] == value, name
    assert [event.row for event in events if event.kind == "stride"] == fold.strides


@settings(max_examples=100)
@given(bout=bouts())
def test_contacts_are_what_was_found(bout):
    falls, breaks = bout
    fold, _ = folded(records(falls, breaks))
    assert len(fold.contacts) == len(falls)
    for row, fall, following in zip(fold.contacts, falls, [*falls[1:], None], strict=True):
        assert row["t_contact_ns"] == fall.t * MS
        assert row["t_second_ns"] == (None if fall.second is None else (fall.t + fall.second) * MS)
        seen = fall.release is not None and following is not None
        assert row["t_release_ns"] == ((fall.t + fall.release) * MS if seen else None)
        assert (row["pattern"], row["direction"]) == (fall.pattern, fall.direction)
        assert (row["t_provisional_ns"], row["t_emitted_ns"]) == ((fall.t + 20) * MS, (fall.t + 90) * MS)


@settings(max_examples=100)
@given(bout=bouts())
def test_the_table_is_the_fold_of_the_events(bout):
    falls, breaks = bout
    fold, events = folded(records(falls, breaks))
    table = {}
    for event in events:
        key = event.row.get("t_contact_ns")
        if event.kind == "contact":
            table[key] = dict(event.row)
        elif event.kind in ("second", "release"):
            assert event.row.keys() == {"foot", "t_contact_ns", f"t_{event.kind}_ns"}
            table[key].update(event.row)
    assert list(table.values()) == fold.contacts


@settings(max_examples=50)
@given(bout=bouts(), size=st.integers(1, 9))
def test_the_cut_never_changes_a_row(bout, size):
    told = records(*bout)
    whole, at_once = folded(told)
    cut, one_by_one = FootFold("left"), []
    for start in range(0, len(told), size):
        one_by_one += cut.push(told[start : start + size])
    assert (cut.contacts, cut.strides, one_by_one) == (whole.contacts, whole.strides, at_once)


def test_a_clock_jump_just_after_a_contact_breaks_the_stride_that_begins_there_alone():
    """A contact is told some time after it was: the jump is told first."""
    falls = walk(1000, 1000, 1000)
    fold, _ = folded(records(falls, breaks=[falls[1].t + 50]))
    assert [row["t_start_ns"] // MS for row in fold.strides] == [1000, 3000]


def test_an_event_never_changes_once_it_is_out():
    fold = FootFold("left")
    events, copies = [], []
    for one in records(walk(1000, 1000, 1000)):
        for event in fold.push(np.array([one])):
            events.append(event)
            copies.append(dict(event.row))
    assert [event.row for event in events] == copies
    assert any(event.kind == "release" for event in events)


def test_what_is_not_of_a_contact_says_nothing():
    told = [record(kind, NS_PER_S) for kind in (REST_BEGINS, REST_ENDS, RESOLVED, BREAK)]
    fold, events = folded(np.concatenate(told))
    assert (events, fold.contacts, fold.strides) == ([], [], [])


def test_missing_is_null_and_never_nan():
    falls = walk(1000, second=None, release=None, length_m=math.nan, provisional=False)
    told = records(falls)
    told["foot_angle_deg"] = math.nan
    fold, _ = folded(told)
    row, stride = fold.contacts[0], fold.strides[0]
    empty = ("t_second_ns", "t_release_ns", "foot_angle_deg", "t_provisional_ns")
    assert [row[name] for name in empty] == [None] * 4
    empty = ("t_release_ns", "stance_time_s", "swing_time_s", "stance_fraction", "stride_length_m", "speed_m_s")
    assert [stride[name] for name in empty] == [None] * 6
    for column in (*CONTACTS.columns, *STRIDES.columns):
        held = row if column in CONTACTS.columns else stride
        assert column.nullable or column.name == "stride_id" or held[column.name] is not None


@given(st.floats(allow_nan=True, allow_infinity=False, width=32))
def test_numbers_are_as_the_files_hold_them(value):
    assert single(value) == (None if math.isnan(value) else value)


def test_a_double_is_rounded_as_a_file_would():
    assert single(0.1) == float(np.float32(0.1)) != 0.1
