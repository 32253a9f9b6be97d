"""scikit-digital-health on the pelvis: cadence by step, from its own walks (PredictGaitLumbarLgbm, GaitLumbar).

Acceleration in g, rad/s, body axes. GaitLumbar tells no foot, so there are no contacts; its walks last 8 s or longer.
"""
# pyright: basic, reportMissingImports=false

import exchange
import numpy as np
from skdh.context import PredictGaitLumbarLgbm
from skdh.gait import GaitLumbar

A_DAY_AND_AN_HOUR_S = 90000.0
"""skdh wants a clock with days."""


def detect(session, options, clock):
    """Walks first, then the gait in them."""
    with clock("read"):
        signals = session.signals("pelvis")
    time_s = A_DAY_AND_AN_HOUR_S + np.arange(len(signals)) / signals.rate_hz
    given = {"time": time_s, "accel": signals.acc / exchange.G_M_S2, "fs": signals.rate_hz}
    with clock("walks"):
        found = PredictGaitLumbarLgbm().predict(**given)
        walks = np.stack([found["Gait Bout Start Index"], found["Gait Bout Stop Index"]], axis=1)
    cadence = []
    if len(walks):
        with clock("gait"):
            found = GaitLumbar().predict(**given, gyro=signals.gyr, gait_bouts=walks)
        # no steps, no cadence
        for begin_s, spm in zip(found["IC Timestamp"], found.get("cadence", ()), strict=False):
            if np.isfinite(spm) and spm > 0:
                begin = (begin_s - time_s[0]) * signals.rate_hz
                end = begin + 60.0 / spm * signals.rate_hz
                cadence.append((signals.t_ns(begin), signals.t_ns(end), float(spm)))
    names = ("t_start_ns", "t_end_ns", "cadence_spm")
    return {"cadence": exchange.columns_of(names, cadence)}, {"walks": len(walks)}


if __name__ == "__main__":
    exchange.main(detect)
