"""gaitmap on each foot by itself: contacts, releases, strides and their lengths.

Stride borders are either those of Barth's DTW (gaitmap_mad, AGPL: only in an environment that has it), or, as gaitmap
alone has no stride segmentation, made here by a plain rule on the medio-lateral gyroscope. That rule is this file's,
not gaitmap's: mid-swings are its peaks above 40 % of the 99th percentile (at least 60 deg/s, at least 0.5 s apart), a
stride runs from the least value in the 0.5 s before one mid-swing to that before the next, if that comes within 2.5 s,
and the last of a walk is as long as the one before. That is where Barth's strides begin, too.
"""
# pyright: basic, reportMissingImports=false

import exchange
import numpy as np
import pandas as pd
from gaitmap import event_detection, stride_segmentation
from gaitmap.parameters import SpatialParameterCalculation
from gaitmap.preprocessing.sensor_alignment import align_dataset_to_gravity
from gaitmap.trajectory_reconstruction import StrideLevelTrajectory
from gaitmap.utils.coordinate_conversion import convert_to_fbf
from scipy.signal import find_peaks

LONGEST_STRIDE_S, NEAR_S = 2.5, 0.2
AXES = ("x", "y", "z")
STRIDE = ("foot", "t_start_ns", "t_end_ns", "t_release_ns", "stride_time_s", "stride_length_m")


def detect(session, options, clock):
    """Both feet; one that is not worn is left out."""
    contacts, paced, how = [], [], dict(options)
    for foot in exchange.FEET:
        if not session.has(f"foot_{foot}"):
            continue
        with clock("read"):
            signals = session.signals(f"foot_{foot}")
        with clock("align"):
            data, body, level = levelled(signals, f"{foot}_sensor")
        with clock("segmentation"):
            strides = strides_in(body, signals.rate_hz, options["borders"])
        how[foot] = {"strides": len(strides), "levelled_by_gravity": level}
        if not len(strides):
            continue
        with clock("events"):
            events = getattr(event_detection, options["events"])()
            events = events.detect(data=body, stride_list=strides, sampling_rate_hz=signals.rate_hz)
        contacts += contacts_of(foot, signals, events.annotated_original_event_list_)
        whole = events.min_vel_event_list_
        if len(whole):
            lengths_m = lengths_of(data, whole, signals.rate_hz, clock)
            for number, row in whole.iterrows():
                start, release, end = (signals.t_ns(row[name]) for name in ("pre_ic", "tc", "ic"))
                length_m = exchange.null_if_not_finite(lengths_m.get(number))
                paced.append((foot, start, end, release, (end - start) / exchange.NS_PER_S, length_m))
    names = ("foot", "t_contact_ns", "t_release_ns")
    tables = {"contacts": exchange.columns_of(names, contacts), "strides": exchange.columns_of(STRIDE, paced)}
    return tables, how


def levelled(signals, sensor):
    """In gaitmap's sensor frame and foot frame, turned so that gravity at rest is vertical if there is any rest."""
    table = {f"acc_{axis}": signals.acc[:, k] for k, axis in enumerate(AXES)}
    table |= {f"gyr_{axis}": np.rad2deg(signals.gyr[:, k]) for k, axis in enumerate(AXES)}
    data, level = {sensor: pd.DataFrame(table)}, True
    try:
        data = align_dataset_to_gravity(data, signals.rate_hz)
    except ValueError:
        level = False
    return data[sensor], convert_to_fbf(data, left_like="left_", right_like="right_")[sensor], level


def strides_in(body, rate_hz, borders):
    """First sample and end of each stride."""
    if borders == "barth":
        return stride_segmentation.BarthDtw().segment(data=body, sampling_rate_hz=rate_hz).stride_list_
    found = swing_borders(body["gyr_ml"].to_numpy(), rate_hz)
    return pd.DataFrame(found, columns=["start", "end"], dtype=int).rename_axis("s_id")


def swing_borders(gyr_ml, rate_hz):
    """By the rule above; gyr_ml in deg/s, positive in mid-swing."""
    height = max(60.0, 0.4 * float(np.percentile(gyr_ml, 99)))
    reach, longest = round(0.5 * rate_hz), round(LONGEST_STRIDE_S * rate_hz)
    peaks, _ = find_peaks(gyr_ml, height=height, distance=max(1, reach))
    starts = [int(max(0, peak - reach) + np.argmin(gyr_ml[max(0, peak - reach) : peak + 1])) for peak in peaks]
    borders = []
    for k, start in enumerate(starts):
        if k + 1 < len(starts) and start < starts[k + 1] <= start + longest:
            borders.append((start, starts[k + 1]))
        elif borders and borders[-1][1] == start:
            borders.append((start, min(2 * start - borders[-1][0], len(gyr_ml))))
    return borders


def contacts_of(foot, signals, events):
    """The landing of each stride, with the release that begins the next one if that follows without a break."""
    events = events.sort_values("start")
    rows = list(zip(*(events[name].to_numpy(float) for name in ("start", "end", "ic", "tc")), strict=True))
    found = []
    for number, (_, end, landing, _) in enumerate(rows):
        release = None
        if number + 1 < len(rows):
            next_start, _, _, next_release = rows[number + 1]
            follows = abs(next_start - end) <= NEAR_S * signals.rate_hz
            release = signals.t_ns(next_release) if follows and next_release > landing else None
        if np.isfinite(landing):
            found.append((foot, signals.t_ns(landing), release))
    return found


def lengths_of(data, events, rate_hz, clock):
    """By number of the stride, in metres."""
    with clock("trajectory"):
        path = StrideLevelTrajectory().estimate(data=data, stride_event_list=events, sampling_rate_hz=rate_hz)
    with clock("parameters"):
        spatial = SpatialParameterCalculation().calculate(
            stride_event_list=events,
            positions=path.position_,
            orientations=path.orientation_,
            sampling_rate_hz=rate_hz,
        )
    return spatial.parameters_["stride_length"]


if __name__ == "__main__":
    exchange.main(detect)
