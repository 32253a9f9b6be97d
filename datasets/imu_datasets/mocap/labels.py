"""When feet touched the ground and how, told from the paths of heels and toes alone.

What is published takes one of three roads: a foot touches where it is furthest ahead of the pelvis and leaves where it
is furthest behind (Zeni 2008, Gait Posture 27:710-714), or at extrema of the acceleration of heel and toe (Hreljac &
Marshall 2000, J Biomech 33:783-786), or at extrema of the vertical velocity of the foot's middle (O'Connor 2007, Gait
Posture 25:469-474). All of them know beforehand which way people walk and which end lands. Here nothing is known
beforehand. A point of the sole touches when it is low and slow:

- low: less than `LOW_M` above its level, which is the median of its own height while it moves at less than `REST_M_S`
  (so a marker that sits above the sole, or a floor that is not quite at 0, does no harm);
- slow: below `SLOW_M_S` in space, against the floor: on a treadmill give paths against the belt.

It has left when it is faster than `FAST_M_S`, or higher than `HIGH_M` (a foot that rolls over its toes drags them a
little, and a foot may be lifted slowly; one that is shifted by a few cm, low and slow, has not left by this rule). The
front of a sole touches while its tip or its ball does, a foot while its heel or its front does.

- contact, release: the foot touches, and does no more;
- first: the end that touched first, `flat` within `TOGETHER_S`; null where one of them was not seen to touch, or where
  the foot lay the other way by more than `AGAINST_DEG` (a heel that slides on after it landed is slow too late);
- pitch: of the line from heel to ball (or tip, where that is all there is) at contact, against its median while both
  ends touch; positive toes-up;
- direction: of the way from where the foot last stood to where it stands now, along its own axis; `in_place` below
  `IN_PLACE_M`, so too a step to the side. The first contact of a recording goes by the part of the swing that was seen,
  and has none where that is shorter;
- stride length: that way, along the ground, if the foot was seen flat in both stances.

What all this leaves out is force. The heel of somebody who walks slowly is low and slow before it is loaded, that of
somebody who walks fast still moves when it is: against force plates such labels are tens of ms early or late (the card
`grouvel` tells how much). Times lie on a grid of `GRID_HZ`, at the first moment that is so: 2.5 ms late on the average.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from imu.core.samples import Flags, Floats
from imu.core.session import FEET, Foot
from imu.core.tables import Row
from imu_datasets.mocap.curves import Curve
from imu_datasets.mocap.poses import Poses, Sole
from imu_datasets.readers.holes import in_order
from imu_datasets.recorded import at_ns, true_contact

GRID_HZ: Final = 200.0
REST_M_S: Final = 0.2
LOW_M: Final = 0.02
SLOW_M_S: Final = 0.45
HIGH_M: Final = 0.05
FAST_M_S: Final = 0.6
BROKEN_S: Final = 0.06
"""A foot that leaves the ground for less has not left it."""
BRIEF_S: Final = 0.1
"""Nor has one touched that leaves it sooner, unless the recording begins or ends in it."""
TOGETHER_S: Final = 0.0125
AGAINST_DEG: Final = 5.0
IN_PLACE_M: Final = 0.08


def labels(poses: Poses) -> list[Row]:
    """Rows of TRUTH_CONTACTS, by time, then left before right; knows of no direction beforehand.

    A foot that stands when the recording begins has no contact there, and one that stands at its end no release.

    Args:
        poses: the walk, smoothed where it is noisy (`virtual.low_passed`).
    """
    return in_order(row for foot in FEET if foot in poses.soles for row in _contacts(foot, poses, poses.soles[foot]))


class _Span(NamedTuple):
    """Grid samples [begin, end)."""

    begin: int
    end: int


class _Stance(NamedTuple):
    """One of a foot, and from when to when its ends touch in it."""

    whole: _Span
    heel: _Span | None
    front: _Span | None
    rest_m: Floats | None
    """(2,) where the middle of the sole stood, level plane; None where the foot was never seen flat"""


def _contacts(foot: Foot, poses: Poses, sole: Sole) -> Iterator[Row]:
    t_s = np.arange(int(np.ceil((len(sole.heel_m) - 1) / poses.rate_hz * GRID_HZ - 1e-6))) / GRID_HZ
    heel_m, heel_on = _point(sole.heel_m, poses.rate_hz, t_s)
    front_m, front_on = _point(sole.toe_m, poses.rate_hz, t_s)
    if sole.ball_m is not None:
        # toes bend, and a sole's angle is that of the part behind them
        front_m, ball_on = _point(sole.ball_m, poses.rate_hz, t_s)
        front_on = front_on | ball_on
    line_m, middle_m = front_m - heel_m, 0.5 * (front_m + heel_m)[:, :2]
    pitch_deg = np.degrees(np.arctan2(line_m[:, 2], np.hypot(line_m[:, 0], line_m[:, 1])))
    flat = heel_on & front_on
    level_deg = float(np.median(pitch_deg[flat])) if flat.any() else None
    before: _Stance | None = None
    for span in _stances(heel_on | front_on):
        stance = _stance(span, heel_on, front_on, middle_m)
        if span.begin:
            axis = line_m[span.begin, :2] / np.linalg.norm(line_m[span.begin, :2])
            lay_deg = None if level_deg is None else float(pitch_deg[span.begin] - level_deg)
            yield _row(foot, before, stance, middle_m, axis, len(t_s)) | {
                "first": _first(stance, lay_deg),
                "pitch_deg": lay_deg,
            }
        before = stance


def _row(foot: Foot, before: _Stance | None, stance: _Stance, middle_m: Floats, axis: Floats, n: int) -> Row:
    """What a stance tells of itself and of the way to it.

    Args:
        foot: which.
        before: the stance before, if there was one.
        stance: this one.
        middle_m: (n, 2) of the sole.
        axis: (2,) of the foot at contact, length 1.
        n: samples of the recording.
    """
    whole, heel, front, rest_m = stance
    if before is not None and before.rest_m is not None and rest_m is not None:
        way_m, length_m = rest_m - before.rest_m, float(np.linalg.norm(rest_m - before.rest_m))
    else:
        way_m, length_m = middle_m[whole.begin] - middle_m[before.whole.end if before else 0], None
    ahead_m = float(way_m @ axis)
    if abs(ahead_m) >= IN_PLACE_M:
        direction = "forward" if ahead_m > 0 else "backward"
    else:
        direction = "in_place" if before else None
    speed_m_s = None
    # from the recording's first samples a foot may stand already: when it touched nobody knows
    if length_m is not None and before is not None and before.whole.begin and direction in ("forward", "backward"):
        speed_m_s = float(np.copysign(length_m, ahead_m)) * GRID_HZ / (whole.begin - before.whole.begin)
    return true_contact(
        foot,
        _ns(whole.begin),
        t_release_ns=_ns_within(whole.end, n),
        direction=direction,
        stride_length_m=length_m,
        t_toe_on_ns=_ns(front.begin) if front else None,
        t_heel_on_ns=_ns(heel.begin) if heel else None,
        t_toe_off_ns=_ns_within(front.end, n) if front else None,
        t_heel_off_ns=_ns_within(heel.end, n) if heel else None,
        speed_m_s=speed_m_s,
    )


def _point(place_m: Floats, rate_hz: float, t_s: Floats) -> tuple[Floats, Flags]:
    """Where a point of a sole is, (n, 3), and whether it touches, (n,)."""
    curve = Curve(rate_hz, place_m)
    path_m, speed_m_s = curve.at(t_s), np.linalg.norm(curve.at(t_s, 1), axis=1)
    rests = speed_m_s < REST_M_S
    if not rests.any():
        return path_m, np.zeros(len(t_s), np.bool_)
    height_m = path_m[:, 2] - np.median(path_m[rests, 2])
    touches = (height_m < LOW_M) & (speed_m_s < SLOW_M_S)
    says = touches | (height_m >= HIGH_M) | (speed_m_s >= FAST_M_S)
    last = np.maximum.accumulate(np.where(says, np.arange(len(says)), 0))
    return path_m, touches[last]


def _stances(touches: Flags) -> list[_Span]:
    spans: list[_Span] = []
    for span in _spans(touches):
        if spans and span.begin - spans[-1].end < BROKEN_S * GRID_HZ:
            spans[-1] = _Span(spans[-1].begin, span.end)
        else:
            spans.append(span)
    return [
        span
        for span in spans
        if span.end - span.begin >= BRIEF_S * GRID_HZ or span.begin == 0 or span.end == len(touches)
    ]


def _stance(whole: _Span, heel_on: Flags, front_on: Flags, middle_m: Floats) -> _Stance:
    heel, front = (_touching(whole, _spans(on[whole.begin : whole.end])) for on in (heel_on, front_on))
    flat = (heel_on & front_on)[whole.begin : whole.end]
    return _Stance(
        whole, heel, front, np.median(middle_m[whole.begin : whole.end][flat], axis=0) if flat.any() else None
    )


def _touching(whole: _Span, parts: Sequence[_Span]) -> _Span | None:
    """From the first to the last of the parts of a stance, which count from its begin."""
    return _Span(whole.begin + parts[0].begin, whole.begin + parts[-1].end) if parts else None


def _first(stance: _Stance, pitch_deg: float | None) -> str | None:
    if stance.heel is None or stance.front is None or pitch_deg is None:
        return None
    later_s = (stance.front.begin - stance.heel.begin) / GRID_HZ
    if abs(later_s) < TOGETHER_S:
        return "flat"
    if pitch_deg * later_s < 0 and abs(pitch_deg) > AGAINST_DEG:
        return None
    return "heel" if later_s > 0 else "toe"


def _spans(flags: Flags) -> list[_Span]:
    """Where they are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [_Span(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _ns_within(sample: int, n: int) -> int | None:
    """What happens at the very end was not seen."""
    return _ns(sample) if sample < n else None


def _ns(sample: int) -> int:
    return int(at_ns(np.array([sample]), GRID_HZ)[0])
