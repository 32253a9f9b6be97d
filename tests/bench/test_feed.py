"""What a streaming detector claims of itself, as the scores see it once it was fed."""

import pytest

from imu_bench.detector import About
from imu_bench.running.feed import PACKET_NS, found_by
from imu_bench.running.heard import hear
from tests.bench.made_up_walks import MS, covered, scored, true_contact

CONTACT_NS = 5_000 * MS


class Says:
    """One contact, as soon as so much is fed; whatever else is claimed of it."""

    about = About("says", "Says", "planted", "MIT", {})

    def __init__(self, late_ms, **claims):
        self._due_ns = CONTACT_NS + late_ms * MS
        self._row = {"foot": "left", "t_contact_ns": CONTACT_NS, **claims}

    def start(self, session):
        return self

    def push(self, sensor, samples):
        return [dict(self._row)] if int(samples.t_ns.max()) >= self._due_ns else []

    def end(self):
        return {"contacts": [dict(self._row)]}


@pytest.mark.parametrize(
    ("claims", "n"),
    [
        ({"t_emitted_ns": CONTACT_NS + 80 * MS}, 1),
        # too early: it was fed later
        ({"t_emitted_ns": CONTACT_NS + 20 * MS}, 0),
        # nothing that could be held against the clock, though a clock is claimed
        ({}, 0),
        ({"t_told_ns": CONTACT_NS}, 0),
    ],
)
def test_a_provisional_word_counts_beside_a_true_claim(walk_folder, claims, n):
    row = {"t_provisional_ns": CONTACT_NS + MS} | claims
    [contact] = found_by(Says(80, **row), hear(walk_folder))["contacts"]
    late_ns = contact["t_told_ns"] - CONTACT_NS
    assert 80 * MS <= late_ns <= 80 * MS + PACKET_NS
    figures = scored([true_contact("left", 5.0)], {"contacts": [contact]})["forward"]
    assert covered(figures, "provisional_p95_ms") == (n, 1)
    assert covered(figures, "latency_p95_ms") == (1, 1)
