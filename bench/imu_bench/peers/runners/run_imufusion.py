"""imufusion on the pelvis."""
# pyright: basic, reportMissingImports=false

import attitude
import exchange
import imufusion
import numpy as np


def of(signals):
    """Sample by sample: there is no other way."""
    ahrs, settings = imufusion.Ahrs(), imufusion.AhrsSettings()
    settings.sample_rate = signals.rate_hz
    ahrs.set_settings(settings)
    found = np.empty((len(signals), 4))
    gyr_deg_s, acc_g = np.rad2deg(signals.gyr), signals.acc / exchange.G_M_S2
    for k in range(len(signals)):
        ahrs.update_no_magnetometer(gyr_deg_s[k], acc_g[k])
        found[k] = ahrs.get_quaternion()
    return found


if __name__ == "__main__":
    exchange.main(attitude.runner(of, "Ahrs without magnetometer, default settings"))
