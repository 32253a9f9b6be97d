"""Whatever sensors deliver, nothing crashes, nothing becomes NaN, and events stay in order."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imu.core.samples import Samples
from imu.core.tables import ANALYSIS, DIRECTIONS, PATTERNS

Injury = Callable[[Samples, slice], Samples]


def readings(value: float, *, clipped: bool = False) -> Injury:
    """All six values are this one."""

    def injure(samples: Samples, where: slice) -> Samples:
        acc, gyr, flags = samples.acc.copy(), samples.gyr.copy(), samples.clipped.copy()
        acc[where] = gyr[where] = value
        flags[where] |= clipped
        return replace(samples, acc=acc, gyr=gyr, clipped=flags)

    return injure


def one_axis(value: float) -> Injury:
    def injure(samples: Samples, where: slice) -> Samples:
        gyr = samples.gyr.copy()
        gyr[where, 1] = value
        return replace(samples, gyr=gyr)

    return injure


def clock(shift_ns: int, *, and_back: bool = False) -> Injury:
    def injure(samples: Samples, where: slice) -> Samples:
        t_ns = samples.t_ns.copy()
        t_ns[where if and_back else slice(where.start, None)] += shift_ns
        return replace(samples, t_ns=t_ns)

    return injure


def counter(shift: int) -> Injury:
    return lambda samples, where: replace(
        samples, seq=samples.seq + np.where(np.arange(len(samples)) >= where.start, shift, 0)
    )


def rows(chosen: Callable[[np.ndarray], np.ndarray]) -> Injury:
    """Rows of the stretch left out, repeated or put in another order."""

    def injure(samples: Samples, where: slice) -> Samples:
        every = np.arange(len(samples))
        order = np.concatenate([every[: where.start], chosen(every[where]), every[where.stop :]])
        return samples.where(order)

    return injure


INJURIES: dict[str, Injury] = {
    "not a number": readings(np.nan),
    "infinite on one axis": one_axis(-np.inf),
    "saturated": readings(1e3, clipped=True),
    "stuck": readings(34.9),
    "absurd": readings(1e30),
    "dead": readings(0.0),
    "one axis spins": one_axis(30.0),
    "lost": rows(lambda index: index[:0]),
    "every other one lost": rows(lambda index: index[::2]),
    "twice": rows(lambda index: np.repeat(index, 2)),
    "backward": rows(lambda index: index[::-1]),
    "clock ahead": clock(3_000_000_000),
    "clock back": clock(-700_000_000),
    "clock ahead for a while": clock(40_000_000, and_back=True),
    "counter begins anew": counter(-2000),
    "counter leaps": counter(2**40),
    "counter stands": lambda samples, where: replace(samples, seq=np.full(len(samples), 7)),
}

injury = st.tuples(
    st.sampled_from(["foot_left", "foot_right", "pelvis"]),
    st.sampled_from(sorted(INJURIES)),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.3),
)


def injured(parts, injuries) -> dict[str, Samples]:
    parts = dict(parts)
    for sensor, kind, at, share in injuries:
        n = len(parts[sensor])
        start = round(at * n)
        parts[sensor] = INJURIES[kind](parts[sensor], slice(start, min(n, start + round(share * n))))
    return parts


def check_rows(tables) -> None:
    for table in ANALYSIS:
        for row in tables[table.name]:
            for column in table.columns:
                value = row[column.name]
                wanted = {"string": str, "int64": int, "float32": float, "bool": bool}[column.dtype]
                assert (value is None and column.nullable) or type(value) is wanted
                assert wanted is not float or value is None or np.isfinite(value)
    for row in tables["contacts"]:
        assert row["pattern"] in PATTERNS
        assert row["direction"] in DIRECTIONS
        assert 0.0 <= row["confidence"] <= 1.0
        assert row["t_contact_ns"] <= row["t_emitted_ns"]
        for name in ("t_second_ns", "t_release_ns"):
            assert row[name] is None or row[name] >= row["t_contact_ns"]
    for foot in ("left", "right"):
        contacts = [row for row in tables["contacts"] if row["foot"] == foot]
        assert all(one["t_contact_ns"] < two["t_contact_ns"] for one, two in pairwise(contacts))
    for row in tables["strides"]:
        assert row["stride_time_s"] > 0.0
        assert row["stance_time_s"] is None or 0.0 <= row["stance_time_s"] <= row["stride_time_s"]
    for row in tables["steps"]:
        assert 0.0 < row["step_time_s"] <= 2.0
        assert row["pelvic_drop_deg"] is None or row["pelvic_drop_deg"] >= 0.0


def check_events(events) -> None:
    """Of each foot in order of `t_emitted_ns`, whatever the other sensors do."""
    for foot in ("left", "right"):
        emitted = [event.t_emitted_ns for event in events if event.foot == foot and event.kind != "step"]
        assert emitted == sorted(emitted)


@given(injuries=st.lists(injury, min_size=1, max_size=4), shares=st.lists(st.floats(0.0, 1.0), max_size=8))
def test_broken_streams_through_the_pipeline(case_named, injuries, shares) -> None:
    pipeline = case_named("pipeline")
    broken = replace(pipeline, parts=injured(pipeline.parts, injuries))
    cuts = [round(share * broken.rows) for share in shares]
    stage = broken.make()
    events = [event for out in broken.feed(stage, broken.pieces(cuts)) for event in out] + stage.flush()
    check_rows(stage.tables())
    check_events(events)
    assert broken.run(broken.pieces(cuts)) == broken.whole, "the cut must not matter here either"


@given(injuries=st.lists(injury, min_size=1, max_size=3))
def test_what_the_intake_accepts_is_in_order_and_finite(case_named, injuries) -> None:
    intake = case_named("intake")
    samples = injured({"foot_left": intake.parts["foot_left"]}, [("foot_left", *rest) for _, *rest in injuries])
    stage = intake.make()
    block = stage.push(samples["foot_left"])
    assert (np.diff(block.t_ns) > 0).all()
    assert (block.dt_s > 0.0).all()
    assert (block.lost >= 0).all()
    assert np.isfinite(block.acc).all()
    assert np.isfinite(block.gyr).all()
    report = stage.report
    assert report.accepted == len(block)
    assert report.rows == len(samples["foot_left"]) == report.accepted + report.late + report.nan
