"""Textbook baselines, one foot at a time, on the whole recording: what is written in an afternoon from the literature.

They know no direction and no pattern, and say nothing of either. Both were made for walking forward.
"""

from collections.abc import Iterable
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

import numpy as np

from imu.core.samples import Floats, Ints, Samples
from imu.core.session import FEET, Foot, SensorSetup, sensor_of
from imu.core.tables import CONTACTS, STEPS, STRIDES, Row, whole
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu.version import VERSION
from imu_bench.detector import About, Found, Heard

LEAST_STRIDE_S: Final = 0.6
"""Two contacts of a foot are no nearer: at 200 steps a minute nobody walks any more."""
LONGEST_STRIDE_NS: Final = 3 * NS_PER_S
LONGEST_STEP_NS: Final = 2 * NS_PER_S
SHARE: Final = 0.4
"""Of a usual peak of the recording: what is lower is none. A usual one is the 90th percentile of all that pass the
least height."""

ACC_LOW_PASS_HZ: Final = 40.0
ACC_LEAST_M_S2: Final = 0.5 * STANDARD_GRAVITY_M_S2
GYR_LOW_PASS_HZ: Final = 10.0
GYR_LEAST_RAD_S: Final = 1.5
SWING_LONGEST_S: Final = 0.6
"""From mid-swing to a zero crossing that belongs to it."""


class AccPeak:
    """Contacts are the peaks of the foot's acceleration, gravity's size taken off, low-passed at 40 Hz.

    After the foot-worn accelerometer of Jasiewicz et al. 2006, Gait & Posture 24:502-509, doi
    10.1016/j.gaitpost.2005.12.017, with the usual rules for peaks: a least height, a share of the usual peak, a least
    distance.
    """

    about = About(
        name="naive-acc",
        title="Peaks of acceleration",
        source="baseline after Jasiewicz et al. 2006, Gait & Posture 24:502",
        licence="MIT",
        packages={"retrogait": VERSION},
    )

    def detect(self, heard: Heard) -> Found:
        contacts: list[Row] = []
        for foot, setup, samples in _feet(heard):
            size = np.abs(np.linalg.norm(samples.acc, axis=1) - STANDARD_GRAVITY_M_S2)
            signal = _low_passed(size, setup.rate_hz, ACC_LOW_PASS_HZ)
            peaks = _peaks(signal, setup.rate_hz, ACC_LEAST_M_S2)
            contacts.extend({"foot": foot, "t_contact_ns": int(samples.t_ns[peak])} for peak in peaks)
        return _with_strides_and_steps(contacts)


class GyroZero:
    """Mid-swing is where the foot turns fastest about its left axis, toes up. The contact is where that turning has
    ended: the zero crossing after it. The foot's last contact is the zero crossing before.

    After Sabatini et al. 2005, IEEE Transactions on Biomedical Engineering 52:486-494, doi 10.1109/TBME.2004.840727,
    and Aminian et al. 2002, Journal of Biomechanics 35:689-699, doi 10.1016/S0021-9290(02)00008-8. Where the mounting
    is not known the axis is the main one of all turning, and its sense that of the highest peaks.
    """

    about = About(
        name="naive-gyro",
        title="Zero crossings of the gyroscope",
        source="baseline after Sabatini et al. 2005, IEEE TBME 52:486, and Aminian et al. 2002, J Biomech 35:689",
        licence="MIT",
        packages={"retrogait": VERSION},
    )

    def detect(self, heard: Heard) -> Found:
        contacts: list[Row] = []
        for foot, setup, samples in _feet(heard):
            # positive = toes up, as in swing
            signal = _low_passed(-(samples.gyr @ _left_axis(setup, samples.gyr)), setup.rate_hz, GYR_LOW_PASS_HZ)
            swings = _peaks(signal, setup.rate_hz, GYR_LEAST_RAD_S)
            within = round(SWING_LONGEST_S * setup.rate_hz)
            ends = [_crossing(signal, swing, within) for swing in swings]
            backward = [_crossing(signal[::-1], len(signal) - 1 - swing, within) for swing in swings]
            starts = [None if back is None else len(signal) - 1 - back for back in backward]
            # the release of a stance is where the next swing began
            for end, start in zip(ends, [*starts, None][1:], strict=True):
                if end is not None:
                    at_ns = int(samples.t_ns[end])
                    contacts.append({"foot": foot, "t_contact_ns": at_ns, "t_release_ns": _soon(samples, start, at_ns)})
        return _with_strides_and_steps(contacts)


def _feet(heard: Heard) -> Iterable[tuple[Foot, SensorSetup, Samples]]:
    """Feet with enough usable rows, in order of time."""
    for foot in FEET:
        samples = heard.samples.get(sensor_of(foot))
        if samples is None:
            continue
        newest = np.maximum.accumulate(np.concatenate([[np.iinfo(np.int64).min], samples.t_ns[:-1]]))
        finite = np.isfinite(samples.acc).all(axis=1) & np.isfinite(samples.gyr).all(axis=1)
        usable = samples.where((samples.t_ns > newest) & finite)
        setup = heard.session.sensors[sensor_of(foot)]
        if len(usable) > setup.rate_hz:
            yield foot, setup, usable


def _low_passed(signal: Floats, rate_hz: float, cutoff_hz: float) -> Floats:
    """Second-order Butterworth, there and back: no delay. A rate too low for the cut-off passes all."""
    if cutoff_hz >= 0.45 * rate_hz:
        return signal
    scipy = _scipy_signal()
    return scipy.sosfiltfilt(scipy.butter(2, cutoff_hz, fs=rate_hz, output="sos"), signal)


def _peaks(signal: Floats, rate_hz: float, least: float) -> Ints:
    find_peaks, apart = _scipy_signal().find_peaks, max(1, round(LEAST_STRIDE_S * rate_hz))
    found: Ints = find_peaks(signal, height=least, distance=apart)[0]
    if len(found):
        height = max(least, SHARE * float(np.quantile(signal[found], 0.9)))
        found = find_peaks(signal, height=height, distance=apart)[0]
    return found


def _scipy_signal() -> Any:
    """It has no types, and takes long to load."""
    return import_module("scipy.signal")


def _left_axis(setup: SensorSetup, gyr: Floats) -> Floats:
    """(3,) unit vector in sensor axes."""
    if setup.mounting is not None:
        return setup.mounting[1]
    axis: Floats = np.linalg.svd(gyr - gyr.mean(axis=0), full_matrices=False)[2][0]
    turning = gyr @ axis
    high, low = np.quantile(turning, (0.99, 0.01))
    # toes up is negative about the left axis, and fastest in swing
    return axis if -low >= high else -axis


def _crossing(signal: Floats, peak: int, within: int) -> int | None:
    """The first sample after a peak at which the signal is not positive; None where it takes too long."""
    below = np.flatnonzero(signal[peak : peak + within] <= 0.0)
    return peak + int(below[0]) if len(below) else None


def _soon(samples: Samples, row: int | None, after_ns: int) -> int | None:
    """When that was, if it is of the same stride."""
    if row is None or not 0 < int(samples.t_ns[row]) - after_ns <= LONGEST_STRIDE_NS:
        return None
    return int(samples.t_ns[row])


def _with_strides_and_steps(contacts: list[Row]) -> Found:
    """As CONTRACT defines them: of one foot at most 3 s apart, of both at most 2 s."""
    contacts.sort(key=lambda row: (whole(row, "t_contact_ns"), str(row["foot"])))
    strides: list[Row] = []
    for foot in FEET:
        own = [row for row in contacts if row["foot"] == foot]
        for first, second in pairwise(own):
            begin_ns, end_ns = whole(first, "t_contact_ns"), whole(second, "t_contact_ns")
            if end_ns - begin_ns <= LONGEST_STRIDE_NS:
                strides.append(
                    {
                        "foot": foot,
                        "t_start_ns": begin_ns,
                        "t_end_ns": end_ns,
                        "t_release_ns": first.get("t_release_ns"),
                        "stride_time_s": (end_ns - begin_ns) / NS_PER_S,
                    }
                )
    steps: list[Row] = []
    for first, second in pairwise(contacts):
        begin_ns, end_ns = whole(first, "t_contact_ns"), whole(second, "t_contact_ns")
        if first["foot"] != second["foot"] and 0 < end_ns - begin_ns <= LONGEST_STEP_NS:
            steps.append(
                {
                    "stance_foot": first["foot"],
                    "t_start_ns": begin_ns,
                    "t_end_ns": end_ns,
                    "step_time_s": (end_ns - begin_ns) / NS_PER_S,
                    "cadence_spm": 60.0 * NS_PER_S / (end_ns - begin_ns),
                }
            )
    return {CONTACTS.name: contacts, STRIDES.name: strides, STEPS.name: steps}
