"""What arrives on the model of the air, fed to a clock."""

import numpy as np

from firmware_bridge.clock_report import Link, Packet, Ping
from firmware_bridge.packets import Counted

S = 1_000_000_000
MS = 1_000_000
EMPTY = np.zeros((0, 6))
REAL = Link(rate_error=0.013, seconds=60.0)
"""Sensors whose sample rate is off, as all are."""


def counted(ticks, arrived_ns, *, epoch=0, late=False):
    ticks = np.asarray(ticks, dtype=np.int64)
    return Counted(epoch, ticks, ticks, EMPTY, int(arrived_ns), late)


def feed(clock, came, *, epoch=0, ticks=0, host_ns=0):
    """What the clock said, one array a packet; device and host clocks shifted by so much."""
    said = []
    for one in came:
        if isinstance(one, Ping):
            clock.ping(one.sent_ns + host_ns, one.ticks + ticks, one.arrived_ns + host_ns)
        else:
            said.append(clock.samples(counted(one.ticks + ticks, one.arrived_ns + host_ns, epoch=epoch)))
    return said


def packets(came):
    return [one for one in came if isinstance(one, Packet)]


def off_ms(said, came):
    return np.array([t[-1] * 1e-6 - one.true_s * 1e3 for t, one in zip(said, packets(came), strict=True)])


def increases(said):
    return bool((np.diff(np.concatenate(said)) > 0).all())
