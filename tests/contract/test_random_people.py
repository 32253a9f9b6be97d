"""Every sentence of CONTRACT.md that a machine can check, on people that nobody chose.

RETROGAIT_SEEDS=5000 asks for more of them than the usual few hundred. A failure names its seed and the sentence;
`pytest -k "holds and 523"` looks at one of them again.
"""

import os
from collections import Counter
from itertools import chain
from typing import Any

import pytest

from imu.core.session import sensor_of
from imu.core.tables import ANALYSIS, DIRECTIONS, PATTERNS, REASONS
from tests.contract.plain_reading import Found, reasons, sides, tally
from tests.contract.random_people import Walked, ordinary_session, random_session
from tests.contract.sentences_on_events import EVENTS
from tests.contract.sentences_on_strides_and_steps import STRIDES_AND_STEPS
from tests.contract.sentences_on_summaries import SUMMARIES
from tests.contract.sentences_on_tables import TABLES

PLAIN = bool(os.environ.get("NUMBA_DISABLE_JIT"))
SEEDS = int(os.environ.get("RETROGAIT_SEEDS", "4" if PLAIN else "300"))
SENTENCES = [*TABLES.items(), *STRIDES_AND_STEPS.items(), *EVENTS.items(), *SUMMARIES.items()]
PEOPLE = 200
"""Among so many all there is has to turn up."""
ALWAYS = ("stance_time_s", "swing_time_s", "stance_fraction")
"""May be null, and never are: the contact that ends a stride has told the release in it before."""
ORDINARY_SEEDS = 40
RIGHT = {
    "contacts found within 50 ms": 0.95,
    "found contacts that are true within 50 ms": 0.95,
    "directions right": 0.98,
    "patterns right": 0.95,
    "stride lengths within 10 % or 5 cm": 0.90,
    "turn where it is due": 0.95,
    "start where it is due": 0.95,
    "stop where it is due": 0.95,
}
"""What share has to be right of ordinary people's contacts, all seeds together; of the first five, of their steady
ones.
"""
MANY = pytest.mark.skipif(PLAIN, reason="it takes more people than plain Python has time for")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_contract_holds(seed: int) -> None:
    found = Found.of(seed, random_session(seed))
    for sentence, check in SENTENCES:
        try:
            check(found)
        except AssertionError as broken:
            broken.add_note(f"seed {seed} breaks: {sentence}")
            raise


@MANY
def test_the_people_bring_out_all_there_is() -> None:
    """Lest the sentences hold for want of anything to hold of."""
    columns = {column for table in ANALYSIS for column in table.columns}
    missing = {
        *("contact_provisional", "contact", "second", "release", "stride", "step"),
        *DIRECTIONS,
        *PATTERNS,
        *REASONS,
        *(column.name for column in columns),
        *(f"no {column.name}" for column in columns if column.nullable and column.name not in ALWAYS),
        *("late", "nan", "saturated", "clock_jumps", "jitter", "starts_late_s", "ends_early_s", "absent"),
        *("standing", "mounting", "broken_alternation"),
        *("cadence_spm", "toe_first_share", "uncertain_share", "stance_fraction", "stride_length_m", "speed_m_s"),
    }
    seeds = iter(range(PEOPLE))
    while missing and (seed := next(seeds, None)) is not None:
        missing -= brought_out(Found.of(seed, random_session(seed)))
    assert missing == set()


def brought_out(found: Found) -> set[Any]:
    """Kinds of events, reasons, columns with and without a value, repairs, figures: whatever occurs."""
    told: set[Any] = {event.kind for event in found.events}
    for row in chain(found.contacts, found.strides, found.steps):
        told |= {row["direction"], row.get("pattern"), *reasons(row)}
        told |= {f"no {name}" if value is None else name for name, value in row.items()}
    for repaired in found.summary["repairs"].values():
        told |= {name for name, times in repaired.items() if times}
    told |= {one["kind"] for one in found.summary["calibrations"]}
    told |= {entry["what"].split()[-1] for entry in found.summary["left_out"]}
    told |= {"broken_alternation"} if found.summary["broken_alternation"] else set()
    for part in found.summary["directions"].values():
        told |= {name for name, figure in part.items() if any(value is not None for value in sides(figure).values())}
    return told | reasons_at_a_cut(found)


def reasons_at_a_cut(found: Found) -> set[str]:
    """Of contacts that are left to flush where a foot falls silent a sample before its middle contact is settled."""
    told: set[str] = set()
    for foot in found.feet:
        contacts, rows = found.of_foot(foot), found.samples[sensor_of(foot)]
        if contacts:
            until = rows.where(rows.t_ns < contacts[len(contacts) // 2]["t_emitted_ns"])
            cut = Found.of(found.seed, Walked(found.session, {sensor_of(foot): until}, found.recording))
            told |= {reason for event in cut.told_at_end if event.kind == "contact" for reason in reasons(event.row)}
    return told


@MANY
def test_ordinary_people_are_read_right() -> None:
    told: Counter[tuple[str, bool]] = Counter()
    for seed in range(ORDINARY_SEEDS):
        told += tally(Found.of(seed, ordinary_session(seed)))
    shares = {what: told[what, True] / (told[what, True] + told[what, False]) for what in RIGHT}
    assert {what: share for what, share in shares.items() if share < RIGHT[what]} == {}
