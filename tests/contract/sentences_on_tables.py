"""What CONTRACT.md says of every table, and of contacts."""

import math
from itertools import pairwise

import numpy as np

from imu.core.session import sensor_of
from imu.core.tables import ANALYSIS, CONTACTS, DIRECTIONS, PATTERNS, REASONS
from tests.contract.plain_reading import MS, RESET_GAP_NS, Found, reasons
from tests.contract.sentences import Sentences

TABLES = Sentences()

FLAT_NS = 25 * MS
FOOT_MOVES_NS = 100 * MS
"""So long before the foot is seen to move its release may be dated; what happens between is laid to the stance."""


@TABLES.holds("columns, types, no NaN, null only where it may be")
def _(found: Found) -> None:
    types = {"string": str, "int64": int, "float32": float, "bool": bool}
    for table in ANALYSIS:
        for row in found.tables[table.name]:
            assert tuple(row) == table.column_names
            for column in table.columns:
                value = row[column.name]
                assert column.nullable if value is None else type(value) is types[column.dtype], (column.name, value)
                if isinstance(value, float):
                    assert math.isfinite(value), column.name
                    assert value == float(np.float32(value)), f"{column.name} is no float32"


@TABLES.holds("rows are sorted by time, then left before right, no two alike")
def _(found: Found) -> None:
    for table in ANALYSIS:
        keys = [tuple(row[name] for name in table.sorted_by) for row in found.tables[table.name]]
        assert all(one < two for one, two in pairwise(keys)), table.name


@TABLES.holds("enumerations, and quality: known reasons, sorted, joined by ;")
def _(found: Found) -> None:
    for table in ANALYSIS:
        for row in found.tables[table.name]:
            assert row["direction"] in DIRECTIONS
            assert row.get("pattern", "flat") in PATTERNS
            assert row.get("foot", row.get("stance_foot")) in found.feet
            told = str(row["quality"]).split(";") if row["quality"] else []
            assert told == sorted(set(told) & set(REASONS)), row["quality"]


@TABLES.holds("contacts: first part, other end, last part; provisional before final; nothing before it can be known")
def _(found: Found) -> None:
    for row in found.contacts:
        contact, second, release = (row[f"t_{name}_ns"] for name in ("contact", "second", "release"))
        assert second is None or contact <= second
        assert release is None or contact <= release
        assert second is None or release is None or second <= release, "the other end lands before the last part leaves"
        assert contact <= row["t_emitted_ns"]
        assert row["t_provisional_ns"] is None or row["t_provisional_ns"] <= row["t_emitted_ns"]
        assert 0.0 <= row["confidence"] <= 1.0
        assert row["foot_angle_deg"] is None or abs(row["foot_angle_deg"]) <= 180.0
        if row["pattern"] == "flat" and row["foot_angle_deg"] is not None and second is not None:
            assert abs(row["foot_angle_deg"]) <= 5.0 or second - contact <= FLAT_NS
    for foot in found.feet:
        for one, two in pairwise(found.of_foot(foot)):
            assert one["t_contact_ns"] < two["t_contact_ns"]
            assert one["t_emitted_ns"] <= two["t_emitted_ns"]
            for name in ("t_second_ns", "t_release_ns"):
                assert one[name] is None or one[name] <= two["t_contact_ns"], name


@TABLES.holds("no time lies outside of its sensor's recording")
def _(found: Found) -> None:
    for row in found.contacts:
        span = found.accepted[sensor_of(row["foot"])].t_ns[[0, -1]]
        for name in CONTACTS.column_names:
            if name.startswith("t_") and row[name] is not None:
                assert span[0] <= row[name] <= span[1], name


@TABLES.holds("a foot's first contact has the reason start, and so has the first one after a reset")
def _(found: Found) -> None:
    for foot in found.feet:
        rows, contacts = found.accepted[sensor_of(foot)], found.of_foot(foot)
        assert all("start" in reasons(row) for row in contacts[:1])
        for one, two in pairwise(contacts):
            hole = rows.inner(one["t_emitted_ns"], two["t_contact_ns"])
            reset = (rows.lost[hole] > 0) & (rows.elapsed_ns[hole] > RESET_GAP_NS)
            assert "start" in reasons(two) or not reset.any()


@TABLES.holds("reasons gap and saturated have their cause in the samples since the contact before")
def _(found: Found) -> None:
    for foot in found.feet:
        rows, before = found.accepted[sensor_of(foot)], 0
        report = found.pipeline.reports[sensor_of(foot)]
        for row in found.of_foot(foot):
            until = row["t_emitted_ns"]
            assert "gap" not in reasons(row) or not rows.whole(before, until) or not rows.counts_on
            if "saturated" in reasons(row):
                # or on an axis that shows its limit by itself
                assert rows.clipped[rows.gaps(before, until)].any() or report.saturated > rows.clipped.sum()
            before = row["t_contact_ns"]


@TABLES.holds("what is lost or at its limit within a swing is among its contact's reasons")
def _(found: Found) -> None:
    for foot in found.feet:
        rows = found.accepted[sensor_of(foot)]
        for one, two in pairwise(found.of_foot(foot)):
            if one["t_release_ns"] is None:
                continue
            swing = rows.inner(one["t_release_ns"] + FOOT_MOVES_NS, two["t_contact_ns"])
            assert "gap" in reasons(two) or (rows.lost[swing] <= 0).all()
            assert "saturated" in reasons(two) or not rows.clipped[swing].any()


@TABLES.holds("at_end marks what flush decided, and nothing else")
def _(found: Found) -> None:
    for events, wanted in ((found.told, False), (found.told_at_end, True)):
        for event in events:
            assert event.kind != "contact" or ("at_end" in reasons(event.row)) == wanted


@TABLES.holds("before an unknown mounting is resolved pattern and direction are uncertain and there is no foot angle")
def _(found: Found) -> None:
    resolved = {one["sensor"]: one["t_ns"] for one in found.summary["calibrations"] if one["kind"] == "mounting"}
    assert all(found.session.sensors[sensor].mounting is None for sensor in resolved)
    for row in found.contacts:
        sensor = sensor_of(row["foot"])
        if found.session.sensors[sensor].mounting is None and row["t_emitted_ns"] < resolved.get(sensor, math.inf):
            assert (row["pattern"], row["direction"], row["foot_angle_deg"]) == ("uncertain", "uncertain", None)
