"""What is said of a link is what was heard over it."""

from firmware_bridge.link import Arrival
from imu.core.units import NS_PER_S
from imu.live.links import SILENT_S, Link
from imu.live.worn import Worn
from tests.live.traffic import RATE_HZ, identity

SILENT_NS = round(SILENT_S * NS_PER_S)


def test_a_link_is_what_was_heard_of_it():
    link = Link(Worn(sensor="foot_left", serial="A1"))
    assert link.state(0) == "looking"
    link.take(Arrival("A1", "connected", 0, b"OGI-A1"))
    link.take(Arrival("A1", "identified", 0, identity("A1")))
    assert (link.state(0), link.rate_hz) == ("connected", RATE_HZ)
    link.take(Arrival("A1", "data", 10, b""))
    assert link.state(10 + SILENT_NS) == "streaming"
    assert link.state(11 + SILENT_NS) == "silent"
    link.take(Arrival("A1", "battery", 10, bytes([87])))
    link.take(Arrival("A1", "battery", 10, b"\xff"))
    assert link.battery_pct == 87
    link.take(Arrival("A1", "lost", 20, b"listen: the link broke"))
    assert link.state(2 * NS_PER_S) == "looking"
    assert (link.breaks, link.last_note) == (1, "listen: the link broke")
