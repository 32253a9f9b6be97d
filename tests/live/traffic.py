"""What sensors of the open profile send while somebody walks, and when it comes: links that wait, clocks that drift."""

import json

import numpy as np

from firmware_bridge import ogi
from firmware_bridge.link import Arrival, Ping
from firmware_bridge.packets import Frame
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2

START_NS = 7_000_000_000_000
RATE_HZ = 200.0
ACC, GYR = 16.0 * STANDARD_GRAVITY_M_S2 / 32768, np.radians(2000.0) / 32768


def counts_of(recording):
    """(n, 6) int16 of each sensor."""
    counts = {}
    for sensor in recording.session.sensors:
        [samples] = recording.samples(sensor, 1e6)
        values = np.concatenate([samples.acc / ACC, samples.gyr / GYR], axis=1)
        counts[sensor] = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    return counts


def identity(serial):
    return json.dumps(
        {
            "serial": serial,
            "model": "Test",
            "firmware": "1.0.0",
            "acc_per_count_m_s2": ACC,
            "gyr_per_count_rad_s": GYR,
            "acc_range_m_s2": 32767 * ACC,
            "gyr_range_rad_s": 32767 * GYR,
            "rate_hz": RATE_HZ,
        }
    ).encode()


def traffic(counts, seed, *, asleep=None):
    """Arrivals of all sensors, called S0, S1..., in their order.

    `asleep`: from when on nothing came and for how long, s; the sensors had nothing to send meanwhile.
    """
    rng = np.random.default_rng(seed)
    arrivals = []
    for index, values in enumerate(counts.values()):
        arrivals += _of_one(f"S{index}", values, rng, asleep or (1e9, 0.0))
    order = sorted(range(len(arrivals)), key=lambda k: (arrivals[k].host_ns, k))
    return [arrivals[k] for k in order]


def _of_one(serial, counts, rng, asleep):
    drift, began_us = 1.0 + 1e-6 * rng.uniform(-40, 40), int(rng.integers(0, 2**32))
    yield Arrival(serial, "connected", START_NS, serial.encode())
    yield Arrival(serial, "identified", START_NS, identity(serial))
    at = number = 0
    comes_ns = START_NS
    while at < len(counts):
        n = min(int(rng.integers(9, 12)), len(counts) - at)
        last_s = (at + n - 1) / RATE_HZ
        slept_s = asleep[1] if last_s > asleep[0] else 0.0
        skipped = round(slept_s * RATE_HZ)
        ticks = (began_us + round(1e6 * (last_s + slept_s) * drift)) % 2**32
        frame = Frame(number % 2**16, (at + skipped) % 2**16, ticks, 1e6 / RATE_HZ, counts[at : at + n])
        waits_s = 0.015 * rng.random() + 0.015 * rng.geometric(0.92) - 0.012
        comes_ns = max(comes_ns + 1, START_NS + round(NS_PER_S * (last_s + slept_s + 0.3 + waits_s)))
        yield Arrival(serial, "data", comes_ns, ogi.pack(frame))
        if number % 200 == 5:
            before_ns = comes_ns + 1_000_000
            asked_s = (before_ns + 8_000_000 - START_NS) / NS_PER_S - 0.3
            payload = Ping(before_ns, (began_us + round(1e6 * asked_s * drift)) % 2**32).pack()
            yield Arrival(serial, "ping", before_ns + 16_000_000, payload)
        at, number = at + n, number + 1
