"""What a session left in its folder, against what the page showed of it."""

import json
import re
from itertools import pairwise
from statistics import fmean

import pytest

from imu.core.session import FEET
from imu.core.tables import CONTACTS, EVENTS, STEPS
from imu.core.units import NS_PER_S
from imu.live.board import BoardParams
from imu.store.tables import read_rows
from tests.browser.figures import MARKS_SHOWN, NONE, as_marked, as_shown, shown
from tests.browser.sitting import MOST_DROP_DEG

UNSETTLED = 2
"""Steps that may still be open when a contact is told."""
CONTACT_KEYS = ("foot", "t_contact_ns", "pattern", "direction")
DIRECTIONS = {"Backward": "backward", "Forward": "forward", "In place": "in_place", "Not clear": "uncertain"}
ROWS = {
    "Contacts": ("contacts", 0, 1),
    "Cadence": ("cadence_spm", 1, 1),
    "Toes first, left": ("toe_first_share.left", 0, 100),
    "Toes first, right": ("toe_first_share.right", 0, 100),
    "Pelvic drop, left stance": ("pelvic_drop_deg.left", 1, 1),
    "Pelvic drop, right stance": ("pelvic_drop_deg.right", 1, 1),
    "Stride length": ("stride_length_m", 2, 1),
    "Speed": ("speed_m_s", 2, 1),
    "Stance, share of the stride": ("stance_fraction", 0, 100),
    "Step time, right against left": ("step_time_asymmetry_pct", 1, 1),
}


def stored(folder, table):
    name = "events.parquet" if table is EVENTS else f"analysis/{table.name}.parquet"
    return read_rows(folder / name, table)


def check_caught(folder, document, said, marks):
    """What stood on the page is what the document said, and that is what the tables say."""
    figures = document["figures"]
    assert said == as_shown(figures)
    table, steps = stored(folder, CONTACTS), stored(folder, STEPS)
    told = [(one["foot"], one["t_ns"], one["pattern"], one["direction"]) for one in document["contacts"]]
    assert marks == as_marked(document["contacts"])
    assert len(marks) == min(MARKS_SHOWN, figures["contacts"])
    contacts = [row for row in table if tuple(row[key] for key in CONTACT_KEYS) in set(told)]
    assert len(contacts) == len(told) == min(60, figures["contacts"])
    newest_ns = max(t_ns for _, t_ns, _, _ in told)
    assert 0 <= sum(row["t_contact_ns"] <= newest_ns for row in table) - figures["contacts"] <= UNSETTLED
    direction = told[-1][3]
    assert figures["direction"] == direction
    cadence = figures["cadence_spm"]
    of_bout = [row for row in steps if row["direction"] == direction and row["t_end_ns"] <= newest_ns]
    times_s = [row["step_time_s"] for row in of_bout]
    assert any(cadence["value"] == pytest.approx(60.0 / fmean(one)) for one in last(times_s, cadence["n"]))
    for foot in FEET:
        toes, drop = figures["toes"][foot], figures["drop_deg"][foot]
        ten = [row for row in contacts if row["foot"] == foot][-10:]
        ten = of_one_bout([row for row in ten if row["direction"] == direction])
        known = [row["pattern"] for row in ten if row["pattern"] != "uncertain"]
        assert toes["last"] == ten[-1]["pattern"]
        assert (toes["toe_first"], toes["n"]) == (known.count("toe_to_heel"), len(known))
        clean = [row for row in of_bout if row["stance_foot"] == foot and not row["quality"]]
        drops_deg = [row["pelvic_drop_deg"] for row in clean if row["pelvic_drop_deg"] is not None]
        assert any(drop["value"] == pytest.approx(fmean(one)) for one in last(drops_deg, drop["n"]))


def of_one_bout(contacts):
    """The last ones that follow each other without a long silence."""
    ways_ns = [after["t_contact_ns"] - before["t_contact_ns"] for before, after in pairwise(contacts)]
    silent = [n for n, way_ns in enumerate(ways_ns, start=1) if way_ns > BoardParams().apart_s * NS_PER_S]
    return contacts[max(silent, default=0) :]


def last(values, n):
    """The last n, and those before them: what a step was is known a little later than the contact that ends it."""
    ends = range(len(values), max(n, len(values) - UNSETTLED) - 1, -1)
    return [values[end - n : end] for end in ends]


def check_summary(summary, against, table):
    """The end's table against summary.json, cell by cell; beside each direction, that of `against`: (name, summary)."""
    name, earlier = against
    assert table[0][1:5] == ["Backward", f"Backward, {name}", "Forward", f"Forward, {name}"]
    assert [row[0] for row in table[1:]] == list(ROWS)
    checked = 0
    for column, title in enumerate(table[0][1:], start=1):
        direction, _, compared = title.partition(", ")
        told = (earlier if compared else summary)["directions"][DIRECTIONS[direction]]
        for what, *cells in table[1:]:
            where, digits, factor = ROWS[what]
            found, cell = told, cells[column - 1]
            for key in where.split("."):
                found = (found or {}).get(key)
            value = found.get("mean", found.get("value")) if isinstance(found, dict) else found
            if value is None:
                assert cell.startswith(NONE)
                continue
            checked += 1
            assert re.match(r"[\u2212\d.]+", cell)[0] == shown(value * factor, digits), (what, title)
    assert checked >= 25


def check_own(summary, name, said):
    """What stood beside cadence of the session to compare with, walking backward."""
    mean = summary["directions"]["backward"]["cadence_spm"]["mean"]
    assert said == f"own: {shown(mean)} (backward, session {name})"


def check_events(folder, document):
    rows = [(row["kind"], json.loads(row["value"]), row["t_ns"]) for row in stored(folder, EVENTS)]
    cues = [value for kind, value, _ in rows if kind == "cue" and value["event"] == "given"]
    assert len(cues) == document["cue"]["given"] >= 1
    assert {cue["metric"] for cue in cues} == {"drop"}
    assert {"right: keep the hips level"} <= {cue["say"] for cue in cues}
    steps = {row["t_end_ns"]: row for row in stored(folder, STEPS)}
    for cue in cues:
        step = steps[cue["t_step_ns"]]
        assert step["stance_foot"] == cue["foot"]
        assert step["pelvic_drop_deg"] > MOST_DROP_DEG
        assert step["direction"] == "backward"
    assert [value for kind, value, _ in rows if kind == "note"] == [{"text": "looked down"}]
    assert {"name": "mark"} in [value for kind, value, _ in rows if kind == "mark"]
    phases = [value["id"] for kind, value, _ in rows if kind == "phase" and value["event"] == "begin"]
    assert phases[:5] == ["stand-before", "forward-before", "turn-round", "backward", "forward-after"]
