"""mobgap's pipeline for healthy walking on the pelvis: cadence by second, contacts with their foot, stride length.

The lower-back sensor's axes as mobgap wants them: x up, y right, z forward; deg/s. Its stride length stands on the
sensor's height: 0.53 of the person's where session.json has that, else of 1.75 m. What is told is what it finds in each
walk before its rules leave out bouts and strides: those leave nothing of short recordings.
"""
# pyright: basic, reportMissingImports=false

import exchange
import numpy as np
import pandas as pd
from mobgap.data import GaitDatasetFromData
from mobgap.pipeline import MobilisedPipelineHealthy

USUAL_HEIGHT_M, SENSOR_HEIGHT = 1.75, 0.53
UP_RIGHT_FORWARD = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
AXES = ("x", "y", "z")
STRIDE = ("foot", "t_start_ns", "t_end_ns", "stride_time_s", "stride_length_m")


def detect(session, options, clock):
    """What its pipeline finds before bouts are put together."""
    with clock("read"):
        signals = session.signals("pelvis")
    height_m = session.height_m() or USUAL_HEIGHT_M
    with clock("frame"):
        acc = signals.acc @ UP_RIGHT_FORWARD.T
        gyr = np.rad2deg(signals.gyr @ UP_RIGHT_FORWARD.T)
        table = {f"acc_{axis}": acc[:, k] for k, axis in enumerate(AXES)}
        table |= {f"gyr_{axis}": gyr[:, k] for k, axis in enumerate(AXES)}
        person = {"height_m": height_m, "sensor_height_m": SENSOR_HEIGHT * height_m, "cohort": "HA"}
        data = GaitDatasetFromData(
            {("one",): {"LowerBack": pd.DataFrame(table)}},
            signals.rate_hz,
            {("one",): person},
            {("one",): {"measurement_condition": "laboratory"}},
        )
    with clock("pipeline"):
        done = MobilisedPipelineHealthy().run(data)
    tables = {
        "cadence": exchange.columns_of(("t_start_ns", "t_end_ns", "cadence_spm"), cadence_of(done, signals)),
        "contacts": exchange.columns_of(("foot", "t_contact_ns"), contacts_of(done, signals)),
        "strides": exchange.columns_of(STRIDE, strides_of(done, signals)),
    }
    return tables, {"walks": len(done.gs_list_), "height_m": height_m, "height_known": session.height_m() is not None}


def cadence_of(done, signals):
    """A row a second."""
    half = 0.5 * signals.rate_hz
    seconds = done.raw_per_sec_parameters_.reset_index()
    if "cadence_spm" not in seconds:
        # there was no walk
        return []
    return [
        (signals.t_ns(centre - half), signals.t_ns(centre + half), float(spm))
        for centre, spm in zip(seconds["sec_center_samples"], seconds["cadence_spm"], strict=True)
        if np.isfinite(spm)
    ]


def contacts_of(done, signals):
    """Those that it could tell a foot of."""
    found = done.raw_ic_list_
    rows = zip(found["lr_label"], found["ic"], strict=True)
    return [(str(foot), signals.t_ns(ic)) for foot, ic in rows if foot in exchange.FEET]


def strides_of(done, signals):
    """From contact to contact of the same foot."""
    return [
        (
            str(row["lr_label"]),
            signals.t_ns(row["start"]),
            signals.t_ns(row["end"]),
            float(row["stride_duration_s"]),
            exchange.null_if_not_finite(row.get("stride_length_m")),
        )
        for _, row in done.raw_per_stride_parameters_.iterrows()
        if row["lr_label"] in exchange.FEET
    ]


if __name__ == "__main__":
    exchange.main(detect)
