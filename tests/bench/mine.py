import numpy as np

from imu_bench.detector import About


class Mine:
    about = About("mine", "The foot comes to rest", "me, today", "MIT", packages={})

    def detect(self, heard):
        contacts = []
        for foot in heard.session.feet:
            samples = heard.samples[f"foot_{foot}"]
            rest = round(0.1 * heard.session.sensors[f"foot_{foot}"].rate_hz)
            turning = np.flatnonzero(np.linalg.norm(samples.gyr, axis=1) > 1.0)
            for last in turning[:-1][np.diff(turning) > rest]:
                contacts.append({"foot": foot, "t_contact_ns": int(samples.t_ns[last])})
        return {"contacts": contacts}
