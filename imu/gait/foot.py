"""Contacts of one foot from one sensor, causal, the walking direction not told."""

import math
from dataclasses import dataclass

import numpy as np

from imu.core.records import FOOT_EVENT, NONE_NS
from imu.core.samples import Block, Floats
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.kernels import contact, foot, foot_frame, foot_state, stillness
from imu.kernels._jit import as_record


@dataclass(frozen=True, slots=True, kw_only=True)
class StillnessParams:
    """Thresholds on smoothed |gyr|, relative to the walker's own decaying peak within absolute bounds."""

    smoothing_s: float = 0.025
    acc_smoothing_s: float = 0.04
    peak_memory_s: float = 4.0
    peak_start_rad_s: float = 5.0
    moving_share: float = 0.2
    moving_least_rad_s: float = 0.6
    moving_most_rad_s: float = 3.0
    still_share: float = 1.0 / 12.0
    still_least_rad_s: float = 0.25
    still_most_rad_s: float = 0.8
    floor_window_s: float = 0.7
    floor_factor: float = 1.35
    floor_share: float = 0.5

    def resolve(self, rate_hz: float) -> stillness.Coefficients:
        return stillness.Coefficients(
            rate_weight=_weight(rate_hz, self.smoothing_s),
            acc_weight=_weight(rate_hz, self.acc_smoothing_s),
            peak_decay=1.0 - min(1.0, 1.0 / (rate_hz * self.peak_memory_s)),
            peak_start=self.peak_start_rad_s,
            moving_share=self.moving_share,
            moving_least=self.moving_least_rad_s,
            moving_most=self.moving_most_rad_s,
            still_share=self.still_share,
            still_least=self.still_least_rad_s,
            still_most=self.still_most_rad_s,
            window_s=self.floor_window_s,
            floor_factor=self.floor_factor,
            floor_share=self.floor_share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameParams:
    """Levelling and axes of the foot."""

    axis_memory_s: float = 20.0
    axis_least_rad2_s: float = 6.0  # integral of squared rate before the axis is believed
    axis_step_rad: float = 0.1
    axis_bound_rad: float = math.acos(0.75)
    slip_rad: float = 0.08
    slip_after_s: float = 0.12
    up_memory_s: float = 1.0
    bias_memory_s: float = 2.0
    bias_below_rad_s: float = 0.15
    level_early_s: float = 0.04
    level_late_s: float = 0.02
    level_memory_s: float = 0.3

    def resolve(self, rate_hz: float) -> foot_frame.Coefficients:
        return foot_frame.Coefficients(
            gravity=STANDARD_GRAVITY_M_S2,
            spread_decay=1.0 - min(1.0, 1.0 / (rate_hz * self.axis_memory_s)),
            spread_least=self.axis_least_rad2_s,
            axis_step=self.axis_step_rad,
            axis_bound_cos=math.cos(self.axis_bound_rad),
            slip=self.slip_rad,
            slip_after_s=self.slip_after_s,
            up_weight=_weight(rate_hz, self.up_memory_s),
            bias_weight=_weight(rate_hz, self.bias_memory_s),
            bias_below=self.bias_below_rad_s,
            level_early_s=self.level_early_s,
            level_late_s=self.level_late_s,
            level_memory_s=self.level_memory_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactParams:
    """The contact rule and the instants derived from it."""

    delay_s: float = 0.080
    settle_rad: float = math.radians(4.0)
    peak_least_m_s: float = 0.30
    slow_share: float = 0.40
    slow_speed_m_s: float = 0.5
    swing_least_s: float = 0.12
    apart_s: float = 0.3
    before_peak_s: float = 0.03
    before_reversal_s: float = 0.03
    lobe_share: float = 0.3
    jerk_weight: float = 0.7
    jerk_width_s: float = 0.025
    impact_share: float = 0.30
    impact_before_s: float = 0.045
    impact_wait_s: float = 0.12
    impact_contrast: float = 2.5
    impact_learn: float = 0.3
    impact_forget: float = 0.7
    hysteresis_rad_s: float = 0.3
    lobe_back_s: float = 0.3
    second_share: float = 0.35
    second_wait_s: float = 0.6
    release_share: float = 0.5
    release_lobe_rad_s: float = 0.6
    release_speed_share: float = 0.35

    def resolve(self) -> contact.Coefficients:
        return contact.Coefficients(
            delay_s=self.delay_s,
            settle_rad=self.settle_rad,
            peak_least=self.peak_least_m_s,
            slow_share=self.slow_share,
            slow_speed=self.slow_speed_m_s,
            swing_least_s=self.swing_least_s,
            apart_s=self.apart_s,
            before_peak_s=self.before_peak_s,
            before_reversal_s=self.before_reversal_s,
            lobe_share=self.lobe_share,
            jerk_weight=self.jerk_weight,
            jerk_width_s=self.jerk_width_s,
            impact_share=self.impact_share,
            impact_before_s=self.impact_before_s,
            impact_wait_s=self.impact_wait_s,
            impact_contrast=self.impact_contrast,
            impact_learn=self.impact_learn,
            impact_forget=self.impact_forget,
            hysteresis=self.hysteresis_rad_s,
            lobe_back_s=self.lobe_back_s,
            second_share=self.second_share,
            second_wait_s=self.second_wait_s,
            release_share=self.release_share,
            release_lobe=self.release_lobe_rad_s,
            release_speed_share=self.release_speed_share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietParams:
    """When a foot that came to quiet without a clear reversal has made a step."""

    quieter_s: float = 0.05
    calm_s: float = 0.1
    quiet_s: float = 0.05
    quiet_level_s: float = 0.07
    acc_m_s2: float = 1.5
    acc_untrusted_m_s2: float = 2.0
    level_slope: float = 0.22
    after_peak_s: float = 0.05
    busy_s: float = 0.06
    turned_rad: float = 0.15
    lobe_before_s: float = 0.35
    before_lobe_s: float = 0.02
    back_s: float = 0.45
    slow_peak_m_s: float = 0.8

    def resolve(self) -> foot_state.QuietCoefficients:
        return foot_state.QuietCoefficients(
            quieter_s=self.quieter_s,
            calm_s=self.calm_s,
            quiet_s=self.quiet_s,
            quiet_level_s=self.quiet_level_s,
            acc=self.acc_m_s2,
            acc_untrusted=self.acc_untrusted_m_s2,
            level_slope=self.level_slope,
            after_peak_s=self.after_peak_s,
            busy_s=self.busy_s,
            turned_rad=self.turned_rad,
            lobe_before_s=self.lobe_before_s,
            before_lobe_s=self.before_lobe_s,
            back_s=self.back_s,
            slow_peak=self.slow_peak_m_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FootParams:
    """One foot: its parts, and when what it found counts."""

    stillness: StillnessParams = StillnessParams()
    frame: FrameParams = FrameParams()
    contact: ContactParams = ContactParams()
    quiet: QuietParams = QuietParams()
    rate_smoothing_s: float = 0.005
    still_after_s: float = 0.05
    still_acc_m_s2: float = 1.5
    level_acc_m_s2: float = 2.5
    level_acc_start_m_s2: float = 5.0
    level_start_s: float = 0.5
    believe_after_s: float = 0.4
    quick_level_s: float = 0.04
    bias_after_s: float = 0.2
    quiet_zero_s: float = 0.3
    landing_least_s: float = 0.06
    landing_rise_s: float = 0.15
    landing_rise: float = 1.3
    landing_rise_below_rad_s: float = 3.0
    landing_most_s: float = 0.8
    zero_rise: float = 1.15
    swing_most_s: float = 1.6
    reset_gap_s: float = 0.12
    rest_rate_rad_s: float = 0.25
    rest_s: float = 1.0
    start_rest_s: float = 1.0
    in_place_m: float = 0.08
    clear_turn_rad: float = 0.10
    agree_rad: float = 0.05
    flat_rad: float = math.radians(5.0)
    flat_settled_rad: float = math.radians(2.0)
    angle_most_rad: float = math.radians(45.0)
    turn_rad: float = math.radians(25.0)
    stop_share: float = 0.5
    length_gap_n: int = 2
    resolve_swings: int = 3
    resolve_share: float = 0.5
    resolve_axis_rad: float = 0.7

    def resolve(self, rate_hz: float) -> foot_state.Coefficients:
        if not rate_hz > 0:
            raise ValueError(f"rate_hz is {rate_hz}; want a positive number of samples per second")
        return foot_state.Coefficients(
            still=self.stillness.resolve(rate_hz),
            frame=self.frame.resolve(rate_hz),
            swing=self.contact.resolve(),
            quiet=self.quiet.resolve(),
            low_weight=_weight(rate_hz, self.rate_smoothing_s),
            still_after_s=self.still_after_s,
            still_acc=self.still_acc_m_s2,
            level_acc=self.level_acc_m_s2,
            level_acc_start=self.level_acc_start_m_s2,
            level_start_s=self.level_start_s,
            believe_after_s=self.believe_after_s,
            quick_level_s=self.quick_level_s,
            bias_after_s=self.bias_after_s,
            quiet_zero_s=self.quiet_zero_s,
            landing_least_s=self.landing_least_s,
            landing_rise_s=self.landing_rise_s,
            landing_rise=self.landing_rise,
            landing_rise_below=self.landing_rise_below_rad_s,
            landing_most_s=self.landing_most_s,
            zero_rise=self.zero_rise,
            swing_most_s=self.swing_most_s,
            reset_gap_s=self.reset_gap_s,
            rest_rate=self.rest_rate_rad_s,
            rest_s=self.rest_s,
            start_rest_s=self.start_rest_s,
            nominal_s=1.0 / rate_hz,
            in_place_m=self.in_place_m,
            clear_turn_rad=self.clear_turn_rad,
            agree_rad=self.agree_rad,
            flat_rad=self.flat_rad,
            flat_settled_rad=self.flat_settled_rad,
            angle_most_rad=self.angle_most_rad,
            turn_rad=self.turn_rad,
            stop_share=self.stop_share,
            length_gap_n=self.length_gap_n,
            resolve_swings=self.resolve_swings,
            resolve_share=self.resolve_share,
            resolve_axis=self.resolve_axis_rad,
        )


def _weight(rate_hz: float, time_constant_s: float) -> float:
    """Weight of the newest sample of a first-order low-pass."""
    dt = 1.0 / rate_hz
    return dt / (time_constant_s + dt)


class FootContacts:
    """Push blocks of one foot, get FOOT_EVENT records as they are decided."""

    def __init__(self, params: FootParams, rate_hz: float, mounting: Floats | None) -> None:
        self._coefficients = as_record(params.resolve(rate_hz))
        self._state = np.zeros(1, foot_state.STATE)
        s = self._state[0]
        s["contact_ns"] = s["provisional_ns"] = NONE_NS
        s["frame"]["gravity"] = STANDARD_GRAVITY_M_S2
        s["frame"]["q"][0] = 1.0
        s["still"]["minima"][:] = 99.0
        s["still"]["peak"] = params.stillness.peak_start_rad_s
        axes = np.eye(3) if mounting is None else mounting
        for name, axis in zip(("forward", "left", "up"), axes, strict=True):
            s["frame"][name][:] = axis
        s["frame"]["nominal_left"][:] = axes[1]
        s["frame"]["bounded"] = s["resolved"] = mounting is not None
        self._buffer = np.zeros(256, FOOT_EVENT)

    def push(self, block: Block) -> np.ndarray:
        t_ns, dt = np.array(block.t_ns, np.int64), np.array(block.dt_s, np.float64)
        lost = np.array(block.lost, np.int64)
        clipped, jumped = np.array(block.clipped, np.bool_), np.array(block.jumped, np.bool_)
        acc, gyr = np.array(block.acc, np.float64, order="C"), np.array(block.gyr, np.float64, order="C")
        found: list[np.ndarray] = []
        i = 0
        while i < len(t_ns):
            i, n = foot.run(self._state, i, t_ns, dt, lost, clipped, jumped, acc, gyr, self._coefficients, self._buffer)
            found.append(self._buffer[:n].copy())
        return np.concatenate(found) if found else self._buffer[:0].copy()

    def flush(self) -> np.ndarray:
        n = foot.flush(self._state, self._coefficients, self._buffer)
        return self._buffer[:n].copy()
