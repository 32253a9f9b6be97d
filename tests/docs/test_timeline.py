"""The README's picture is what the pipeline says today."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.docs.pictures import load_script, skeleton

SCRIPT = Path(__file__).parents[2] / "docs" / "make_timeline.py"
STALE = (
    "docs/timeline.svg is not what docs/make_timeline.py makes of today's code: run make picture, look at it, commit it"
)
PIXELS = 1.0
"""A tenth of a degree of drop, 0.1 s or 4 steps/min: wide of what processors differ by."""


@pytest.fixture(scope="module")
def script():
    return load_script(SCRIPT)


@pytest.fixture(scope="module")
def session(script):
    return script.measure()


@pytest.fixture(scope="module")
def drawn(script, session):
    return script.draw(session)


def marks(svg):
    """How many elements there are of each first class."""
    return Counter(node.get("class", "").split(" ")[0] for node in ElementTree.fromstring(svg).iter())


def test_every_contact_and_step_has_its_mark(session, drawn):
    found = marks(drawn)
    assert found["contact"] == len(session.contacts) > 0
    assert found["drop"] == sum(row["pelvic_drop_deg"] is not None for row in session.steps) > 0
    # the four arrows of the legend share the dots' class; of steps that don't count, those far off are not drawn
    clean = sum(row["quality"] == "" for row in session.steps)
    assert clean <= found["cadence"] - 4 <= len(session.steps)
    assert found["phase"] == len(session.phases)


def test_the_same_session_is_drawn_in_the_same_bytes(script, session, drawn):
    assert script.draw(session) == drawn


def test_the_committed_picture_is_todays(script, drawn):
    words, numbers = skeleton(script.TARGET.read_text(encoding="utf-8"))
    words_today, numbers_today = skeleton(drawn)
    assert words == words_today, STALE
    assert numbers == pytest.approx(numbers_today, abs=PIXELS), STALE
