"""What is compared of simulated and real strides: each figure by name, of one stride, or of a run of strides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from imu.core.samples import Flags, Floats
from imu.core.units import NS_PER_S
from imu_bench.likeness.signals import FootCut, PelvisCut
from imu_bench.likeness.strides import Stride


@dataclass(frozen=True, slots=True)
class Feature:
    """A figure's unit (1 = none), how many digits of it mean something, and what it is."""

    unit: str
    digits: int
    meaning: str

    @property
    def said(self) -> str:
        """The meaning, and the unit if there is one."""
        return self.meaning if self.unit == "1" else f"{self.meaning}, {self.unit}"


FEATURES: Final[Mapping[str, Feature]] = MappingProxyType(
    {
        "stride_time_s": Feature("s", 2, "time from contact to contact"),
        "stride_time_sd_s": Feature("s", 3, "standard deviation of stride times in a run, its first and last left out"),
        "stride_time_cv_pct": Feature("%", 1, "standard deviation of stride times in a run, over their mean"),
        "stride_time_lag1": Feature("1", 2, "correlation of a stride time with the one before, in a run"),
        "cadence_spm": Feature("1/min", 0, "cadence, two steps a stride"),
        "stride_length_m": Feature("m", 2, "stride length, of the truth"),
        "speed_m_s": Feature("m/s", 2, "stride length over stride time"),
        "stance_fraction": Feature("1", 3, "stance, contact to release, over stride time"),
        "double_support_fraction": Feature("1", 3, "both feet on the ground, over stride time"),
        "contact_acc_m_s2": Feature("m/s^2", 0, "foot: largest |acc| from 50 ms before the contact to 150 ms after"),
        "contact_above_20_hz": Feature(
            "1", 2, "foot: share of 20 to 50 Hz in the power of |acc| in the first 100 ms, 5 to 50 Hz"
        ),
        "swing_acc_m_s2": Feature(
            "m/s^2", 0, "foot: largest |acc| from 50 ms after the release to 50 ms before the contact"
        ),
        "stance_acc_m_s2": Feature("m/s^2", 2, "foot: median |acc| over 20 to 40 % of the stride"),
        "toes_down_peak_rad_s": Feature(
            "rad/s", 1, "foot: fastest toes-down turn, quietest stance to 50 ms before contact"
        ),
        "toes_down_peak_pct": Feature("%", 0, "foot: when that is, of the stride"),
        "toes_up_peak_rad_s": Feature(
            "rad/s", 1, "foot: fastest toes-up turn, quietest stance to 50 ms before contact"
        ),
        "toes_up_peak_pct": Feature("%", 0, "foot: when that is, of the stride"),
        "landing_peak_rad_s": Feature("rad/s", 1, "foot: largest |gyr| in the first 100 ms"),
        "landing_rotation_deg": Feature(
            "deg", 1, "foot: turn about the left axis in the first 100 ms, toes-down positive"
        ),
        "stance_median_rad_s": Feature("rad/s", 2, "foot: median |gyr| over 20 to 40 % of the stride"),
        "stance_least_rad_s": Feature("rad/s", 2, "foot: least |gyr| in the first 60 % of the stride, mean of 25 ms"),
        "contact_pitch_deg": Feature("deg", 0, "foot pitch against stance at the contact, toes-up positive"),
        "release_pitch_deg": Feature("deg", 0, "foot pitch against stance at the release"),
        "most_pitch_deg": Feature("deg", 0, "foot pitch, most toes-up of the stride"),
        "least_pitch_deg": Feature("deg", 0, "foot pitch, most toes-down of the stride"),
        "flat_from_pct": Feature("%", 0, "foot pitch comes within 5 degrees of flat, of the stride"),
        "flat_until_pct": Feature("%", 0, "foot pitch leaves them, by heel-rise when forward, of the stride"),
        "obliquity_range_deg": Feature("deg", 1, "pelvis: range of obliquity in a stride"),
        "tilt_range_deg": Feature("deg", 1, "pelvis: range of tilt in a stride"),
        "rotation_range_deg": Feature("deg", 1, "pelvis: range of rotation in a stride"),
        "pelvis_vertical_range_m_s2": Feature("m/s^2", 1, "pelvis: range of acceleration upward in a stride"),
        "pelvis_harmonic_ratio": Feature("1", 1, "pelvis: ten even harmonics of that acceleration over ten odd ones"),
    }
)

BEFORE_S: Final = 0.05
AFTER_S: Final = 0.15
"""A contact's transient lies within, whatever a truth calls the contact."""
LANDING_S: Final = 0.1
STANCE: Final = (0.2, 0.4)
QUIET_S: Final = 0.025
QUIET_UNTIL: Final = 0.6
FLAT_DEG: Final = 5.0
TRIMMED: Final = 1
"""Strides at either end of a run gather way or lose it; its variability is that of those between."""
FEWEST_IN_RUN: Final = 4
FEWEST_FOR_LAG: Final = 10
SPECTRUM_HZ: Final = np.arange(5.0, 50.5, 1.0)
"""Up to what sensors of 100 Hz can show, that all may be compared."""
ROOM: Final = 1.05
"""A sensor may be this much slower than it says."""
SHOCK_HZ: Final = 20.0
HARMONICS: Final = 20
RESAMPLED: Final = 128


def of_stride(stride: Stride) -> dict[str, float]:
    """What truth alone tells."""
    seconds = stride.seconds
    told = {"stride_time_s": seconds, "cadence_spm": 120.0 / seconds}
    if stride.length_m is not None:
        told |= {"stride_length_m": stride.length_m, "speed_m_s": stride.length_m / seconds}
    if stride.release_ns is not None:
        told["stance_fraction"] = (stride.release_ns - stride.start_ns) / NS_PER_S / seconds
    if stride.double_support_ns is not None:
        told["double_support_fraction"] = stride.double_support_ns / NS_PER_S / seconds
    return told


def of_run(run: Sequence[Stride]) -> dict[str, float]:
    """How much the stride time varies, where there are enough strides to tell."""
    times = np.array([stride.seconds for stride in run[TRIMMED : len(run) - TRIMMED]])
    if len(times) < FEWEST_IN_RUN:
        return {}
    sd, off = float(times.std(ddof=1)), times - times.mean()
    told = {"stride_time_sd_s": sd, "stride_time_cv_pct": 100.0 * sd / float(times.mean())}
    if len(times) >= FEWEST_FOR_LAG and sd > 0.0:
        told["stride_time_lag1"] = float((off[1:] * off[:-1]).sum() / (off**2).sum())
    return told


def of_foot(cut: FootCut) -> dict[str, float]:
    """Impact, turning and quietness of the foot."""
    t_s, share, left = cut.t_s, cut.t_s / cut.stride.seconds, cut.gyr[:, 1]
    speed = np.linalg.norm(cut.gyr, axis=1)
    contact, landing = _between(t_s, -BEFORE_S, AFTER_S), _between(t_s, 0.0, LANDING_S)
    stance, stride = _between(share, *STANCE), _between(share, 0.0, 1.0)
    turning = _between(t_s, cut.quiet_s, cut.stride.seconds - BEFORE_S)
    told = {
        "contact_acc_m_s2": float(cut.acc[contact].max()),
        "stance_acc_m_s2": float(np.median(cut.acc[stance])),
        "toes_down_peak_rad_s": float(left[turning].max()),
        "toes_down_peak_pct": 100.0 * float(share[turning][left[turning].argmax()]),
        "toes_up_peak_rad_s": -float(left[turning].min()),
        "toes_up_peak_pct": 100.0 * float(share[turning][left[turning].argmin()]),
        "landing_peak_rad_s": float(speed[landing].max()),
        "landing_rotation_deg": _pitch(cut, 0.0) - _pitch(cut, LANDING_S),
        "stance_median_rad_s": float(np.median(speed[stance])),
        "stance_least_rad_s": _least(t_s, speed, QUIET_UNTIL * cut.stride.seconds),
        "contact_pitch_deg": _pitch(cut, 0.0),
        "most_pitch_deg": float(cut.pitch_deg[stride].max()),
        "least_pitch_deg": float(cut.pitch_deg[stride].min()),
    }
    shock = _shock(t_s[landing], cut.acc[landing])
    if shock is not None:
        told["contact_above_20_hz"] = shock
    off = share[np.abs(cut.pitch_deg) > FLAT_DEG]
    quiet = cut.quiet_s / cut.stride.seconds
    told["flat_from_pct"] = 100.0 * float(off[(off > 0.0) & (off < quiet)].max(initial=0.0))
    told["flat_until_pct"] = 100.0 * float(off[off > quiet].min(initial=1.0))
    if cut.stride.release_ns is not None:
        release_s = (cut.stride.release_ns - cut.stride.start_ns) / NS_PER_S
        told["release_pitch_deg"] = _pitch(cut, release_s)
        swing = _between(t_s, release_s + BEFORE_S, cut.stride.seconds - BEFORE_S)
        if swing.any():
            told["swing_acc_m_s2"] = float(cut.acc[swing].max())
    return told


def of_pelvis(cut: PelvisCut) -> dict[str, float]:
    """How far the pelvis turns, and how it goes up and down."""
    inside = _between(cut.t_s, 0.0, cut.stride.seconds)
    obliquity, tilt, rotation = np.ptp(cut.angles_deg[inside], axis=0).tolist()
    vertical = cut.vertical_m_s2[_between(cut.sampled_s, 0.0, cut.stride.seconds)]
    return {
        "obliquity_range_deg": obliquity,
        "tilt_range_deg": tilt,
        "rotation_range_deg": rotation,
        "pelvis_vertical_range_m_s2": float(np.ptp(vertical)),
        "pelvis_harmonic_ratio": _harmonic_ratio(cut),
    }


def _shock(t_s: Floats, acc: Floats) -> float | None:
    """The share of the power of a transient that lies above 20 Hz, by a plain Fourier sum: rates differ.

    None where samples come too seldom to tell, or nothing moves.
    """
    if 2.0 * SPECTRUM_HZ[-1] * np.median(np.diff(t_s)) > ROOM:
        return None
    window = np.sin(np.pi * t_s / LANDING_S) ** 2
    swing = window * (acc - (window * acc).sum() / window.sum())
    power = np.abs(np.exp(-2j * np.pi * SPECTRUM_HZ[:, None] * t_s) @ swing) ** 2
    total = float(power.sum())
    return float(power[SPECTRUM_HZ > SHOCK_HZ].sum()) / total if total else None


def _least(t_s: Floats, speed: Floats, until_s: float) -> float:
    rows = _between(t_s, 0.0, until_s)
    width = max(1, round(QUIET_S / float(np.median(np.diff(t_s)))))
    return float(np.convolve(speed[rows], np.full(width, 1.0 / width), "valid").min())


def _harmonic_ratio(cut: PelvisCut) -> float:
    """Two equal steps a stride make the even ones."""
    at_s = np.arange(RESAMPLED) / RESAMPLED * cut.stride.seconds
    heights = np.abs(np.fft.rfft(np.interp(at_s, cut.sampled_s, cut.vertical_m_s2)))[1 : HARMONICS + 1]
    return float(heights[1::2].sum() / heights[::2].sum())


def _pitch(cut: FootCut, t_s: float) -> float:
    return float(np.interp(t_s, cut.t_s, cut.pitch_deg))


def _between(values: Floats, low: float, high: float) -> Flags:
    return (values >= low) & (values <= high)
