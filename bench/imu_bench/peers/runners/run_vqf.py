"""vqf on the pelvis."""
# pyright: basic, reportMissingImports=false

import attitude
import exchange
import numpy as np
import vqf


def of(signals):
    """The causal filter over the whole."""
    acc, gyr = np.ascontiguousarray(signals.acc), np.ascontiguousarray(signals.gyr)
    return vqf.VQF(1.0 / signals.rate_hz).updateBatch(gyr, acc)["quat6D"]


if __name__ == "__main__":
    exchange.main(attitude.runner(of, "VQF, causal, without magnetometer, default parameters"))
