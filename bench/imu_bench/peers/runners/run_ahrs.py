"""Madgwick's filter of ahrs on the pelvis."""
# pyright: basic, reportMissingImports=false

import attitude
import exchange
from ahrs.filters import Madgwick


def of(signals):
    """Over the whole."""
    return Madgwick(gyr=signals.gyr, acc=signals.acc, frequency=signals.rate_hz).Q


if __name__ == "__main__":
    exchange.main(attitude.runner(of, "Madgwick without magnetometer, default gain"))
