"""What sensors read, levelled by gravity and cut stride by stride: the curves that are laid beside each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imu.core.samples import Block, Flags, Floats
from imu.core.session import Sensor, SensorSetup
from imu.core.tables import TRUTH_PELVIS, number, whole
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.gait.intake import Intake, IntakeParams
from imu.store.raw import raw_path, read_raw
from imu.store.tables import read_rows
from imu_bench.likeness.strides import Stride

MARGIN: Final = 0.1
"""Of the stride's time: so much is shown and cut before and after it."""
LONGEST_GAP_S: Final = 0.05
"""A stride in which more than that was lost is left out."""
QUIET_BETWEEN: Final = (0.1, 0.55)
"""Of the stride's time: there the foot stands flat, in either direction."""
QUIET_S: Final = 0.1
TURNED_DEG: Final = 25.0
"""A stride in which the foot, or the pelvis, turned further is left out: `turn` of CONTRACT.md."""
YAW_BOUND_DEG: Final = 40.0
"""An axis found further from the nominal one is another axis than the left one."""
REST_S: Final = 0.5
REST_RAD_S: Final = 0.06
"""Where a sensor turns less than that for so long it rests, and what it reads is its gyroscope's offset."""


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """One sensor in axes forward, left and up: up by gravity, and for a foot left by its main axis of rotation."""

    t_ns: Floats  # (n,), increasing
    acc: Floats  # (n, 3) m/s^2, specific force
    gyr: Floats  # (n, 3) rad/s


@dataclass(frozen=True, slots=True, eq=False)
class FootCut:
    """One stride of a foot, and a margin on either side."""

    stride: Stride
    t_s: Floats  # (m,) since the contact
    acc: Floats  # (m,) m/s^2, magnitude of the specific force
    gyr: Floats  # (m, 3) rad/s, forward, left and up axes
    pitch_deg: Floats  # (m,) toes-up, 0 where the foot is quietest
    quiet_s: float
    """Middle of its quietest stretch, since the contact."""


@dataclass(frozen=True, slots=True, eq=False)
class PelvisCut:
    """The pelvis in a stride: angles without their mean and their trend over it."""

    stride: Stride
    t_s: Floats  # (m,) since the contact
    angles_deg: Floats  # (m, 3) obliquity (left up), tilt (anterior), rotation (to the left)
    sampled_s: Floats  # (k,) since the contact, of the next
    vertical_m_s2: Floats  # (k,) acceleration upward


def read_signals(folder: Path, sensor: Sensor, setup: SensorSetup) -> Block:
    """The accepted samples of a sensor, as the analysis would take them.

    Raises:
        BadRawFile: for what can't be read.
    """
    intake = Intake(IntakeParams(), setup.rate_hz)
    parts = [intake.push(samples) for samples in read_raw(raw_path(folder, sensor), sensor, setup)]
    return Block(*(np.concatenate([getattr(part, name) for part in parts]) for name in Block.__slots__))


def cut_feet(block: Block, mounting: Floats, strides: Sequence[Stride]) -> list[FootCut]:
    """The strides of one foot that its samples cover, no turns among them."""
    gyr = block.gyr - _offset(block)
    nominal = Signals(block.t_ns.astype(np.float64), block.acc @ mounting.T, gyr @ mounting.T)
    covered = [stride for stride in strides if _covered(nominal.t_ns, stride)]
    if not covered:
        return []
    signals = _levelled(nominal, covered)
    return [_foot_cut(signals, stride) for stride in _straight(signals, covered)]


def cut_pelvis(block: Block, mounting: Floats, strides: Sequence[Stride], truth: Path) -> list[PelvisCut]:
    """The pelvis in strides of either foot, no turns among them.

    Angles are those of the file `truth` where it is there, else of the gyroscope.
    """
    t_ns = block.t_ns.astype(np.float64)
    covered = [stride for stride in strides if _covered(t_ns, stride)]
    if not covered:
        return []
    means = [block.acc[_inside(t_ns, stride)].mean(axis=0) for stride in covered]
    axes = _upright(_unit(np.median(means, axis=0) @ mounting.T)) @ mounting
    signals = Signals(t_ns, block.acc @ axes.T, (block.gyr - _offset(block)) @ axes.T)
    true = _true_angles(truth) if truth.exists() else None
    return [_pelvis_cut(signals, true, stride) for stride in _straight(signals, covered)]


def _offset(block: Block) -> Floats:
    """(3,) rad/s, sensor axes: what the gyroscope reads in the quietest half second; 0 where it never rests."""
    width = max(1, round(REST_S / float(np.median(block.dt_s))))
    if len(block) < width:
        return np.zeros(3)
    speed = np.linalg.norm(block.gyr, axis=1)
    most = sliding_window_view(speed, width).max(axis=1)
    at = int(most.argmin())
    return block.gyr[at : at + width].mean(axis=0) if most[at] < REST_RAD_S else np.zeros(3)


def _levelled(nominal: Signals, strides: Sequence[Stride]) -> Signals:
    """Straps sit askew: gravity in stance tells up, and what the foot turns about most tells left."""
    quiet = [_quiet(nominal, stride) for stride in strides]
    up = _unit(np.median([nominal.acc[rows].mean(axis=0) for rows in quiet], axis=0))
    axes = _upright(up)
    acc, gyr = nominal.acc @ axes.T, nominal.gyr @ axes.T
    level = np.concatenate([gyr[_inside(nominal.t_ns, stride), :2] for stride in strides])
    main = np.linalg.eigh(level.T @ level)[1][:, -1]
    main = main * (1.0 if main[1] >= 0.0 else -1.0)
    yaw = math.atan2(-main[0], main[1])
    if abs(yaw) <= math.radians(YAW_BOUND_DEG):
        cos, sin = math.cos(yaw), math.sin(yaw)
        turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
        acc, gyr = acc @ turn.T, gyr @ turn.T
    return Signals(nominal.t_ns, acc, gyr)


def _upright(up: Floats) -> Floats:
    """(3, 3) the least rotation that makes the unit vector `up` (3,) the third axis."""
    cross = np.array([up[1], -up[0], 0.0])
    skew = np.array([[0.0, -cross[2], cross[1]], [cross[2], 0.0, -cross[0]], [-cross[1], cross[0], 0.0]])
    return np.eye(3) + skew + skew @ skew / (1.0 + up[2])


def _quiet(signals: Signals, stride: Stride) -> slice:
    """The rows of the stretch of stance in which the foot turns least."""
    begin, end = (stride.start_ns + share * (stride.end_ns - stride.start_ns) for share in QUIET_BETWEEN)
    first, last = np.searchsorted(signals.t_ns, (begin, end))
    speed = np.linalg.norm(signals.gyr[first:last], axis=1)
    period_ns = (signals.t_ns[last] - signals.t_ns[first]) / (last - first)
    width = int(min(max(1, round(QUIET_S * NS_PER_S / period_ns)), len(speed)))
    at = int(first) + int(np.argmin(np.convolve(speed, np.full(width, 1.0 / width), "valid")))
    return slice(at, at + width)


def _foot_cut(signals: Signals, stride: Stride) -> FootCut:
    rows, quiet = _around(signals.t_ns, stride), _quiet(signals, stride)
    t_s = _since(signals.t_ns[rows], stride)
    gyr = signals.gyr[rows]
    pitch_deg = -np.degrees(_integral(gyr[:, 1], t_s))
    first = rows.start
    return FootCut(
        stride=stride,
        t_s=t_s,
        acc=np.linalg.norm(signals.acc[rows], axis=1),
        gyr=gyr,
        pitch_deg=pitch_deg - pitch_deg[quiet.start - first : quiet.stop - first].mean(),
        quiet_s=float(_since(signals.t_ns[quiet], stride).mean()),
    )


def _pelvis_cut(signals: Signals, true: tuple[Floats, Floats] | None, stride: Stride) -> PelvisCut:
    rows = _around(signals.t_ns, stride)
    sampled_s = _since(signals.t_ns[rows], stride)
    if true is not None and _covered(true[0], stride):
        among = _around(true[0], stride)
        t_s, angles_deg = _since(true[0][among], stride), true[1][among]
    else:
        t_s, angles_deg = sampled_s, np.degrees(_integral(signals.gyr[rows], sampled_s))
    gains = [np.diff(np.interp((0.0, stride.seconds), t_s, angles_deg[:, k])) for k in range(3)]
    closed = angles_deg - (t_s / stride.seconds)[:, None] * np.concatenate(gains)
    inside = (t_s >= 0.0) & (t_s < stride.seconds)
    return PelvisCut(
        stride=stride,
        t_s=t_s,
        angles_deg=closed - closed[inside].mean(axis=0),
        sampled_s=sampled_s,
        vertical_m_s2=signals.acc[rows, 2] - STANDARD_GRAVITY_M_S2,
    )


def _true_angles(path: Path) -> tuple[Floats, Floats]:
    """Times (n,) ns in order, and obliquity, tilt and rotation (n, 3) deg."""
    rows = sorted(read_rows(path, TRUTH_PELVIS), key=lambda row: whole(row, "t_ns"))
    names = ("obliquity_deg", "tilt_deg", "rotation_deg")
    angles = np.array([[number(row, name) for name in names] for row in rows], np.float64).reshape(-1, 3)
    return np.array([whole(row, "t_ns") for row in rows], np.float64), angles


def _straight(signals: Signals, strides: Sequence[Stride]) -> list[Stride]:
    return [stride for stride in strides if abs(_turned_deg(signals, stride)) < TURNED_DEG]


def _turned_deg(signals: Signals, stride: Stride) -> float:
    rows = _inside(signals.t_ns, stride)
    return math.degrees(float(_integral(signals.gyr[rows, 2], _since(signals.t_ns[rows], stride))[-1]))


def _integral(rates: Floats, t_s: Floats) -> Floats:
    """Of rates (m,) or (m, k) over times (m,), from 0 on, by trapezoids."""
    steps = np.diff(t_s).reshape(-1, *(1,) * (rates.ndim - 1))
    return np.concatenate([np.zeros_like(rates[:1]), np.cumsum(0.5 * (rates[1:] + rates[:-1]) * steps, axis=0)])


def _covered(t_ns: Floats, stride: Stride) -> bool:
    """Whether there are samples from the contact to the next, and no hole in them."""
    rows = _around(t_ns, stride)
    held = t_ns[rows]
    return bool(
        len(held) > 1
        and held[0] <= stride.start_ns
        and held[-1] >= stride.end_ns
        and np.diff(held).max() <= LONGEST_GAP_S * NS_PER_S
    )


def _around(t_ns: Floats, stride: Stride) -> slice:
    margin_ns = MARGIN * (stride.end_ns - stride.start_ns)
    first, last = np.searchsorted(t_ns, (stride.start_ns - margin_ns, stride.end_ns + margin_ns))
    # one more on either side: curves are drawn to the very ends
    return slice(max(int(first) - 1, 0), int(last) + 1)


def _inside(t_ns: Floats, stride: Stride) -> Flags:
    return (t_ns >= stride.start_ns) & (t_ns < stride.end_ns)


def _since(t_ns: Floats, stride: Stride) -> Floats:
    return (t_ns - stride.start_ns) / NS_PER_S


def _unit(vector: Floats) -> Floats:
    return vector / np.linalg.norm(vector)
