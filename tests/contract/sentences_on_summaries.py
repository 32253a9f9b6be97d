"""What CONTRACT.md says of the summary."""

import numpy as np
import pytest

from imu.core.canonical import canonical_json
from imu.core.errors import UnusableRecording
from imu.simulate.sensors import how_many
from tests.contract.plain_reading import LEAST_N, Found, S, alike, close, figures, sides
from tests.contract.sentences import Sentences

SUMMARIES = Sentences()


@SUMMARIES.holds("counts of samples and repairs are those of the rows, and of what the link did")
def _(found: Found) -> None:
    for sensor, rows in found.accepted.items():
        told, repaired = found.summary["sensors"][sensor], found.summary["repairs"][sensor]
        assert told["samples"] == len(rows.t_ns)
        assert (repaired["late"], repaired["nan"]) == (rows.late, rows.nan)
        assert repaired["saturated"] >= rows.clipped.sum()
        if not rows.counts_on:
            continue
        assert told["lost"] == rows.lost.sum()
        assert told["gaps"] == (rows.lost > 0).sum()
        if len(rows.t_ns) > 1:
            rate_hz = (rows.seq[-1] - rows.seq[0]) * S / (rows.t_ns[-1] - rows.t_ns[0])
            assert told["rate_hz"] == round(float(rate_hz), 3)


@SUMMARIES.holds("the link did what the summary says: a sample is there, or lost, or came too late")
def _(found: Found) -> None:
    for sensor, samples in found.samples.items():
        model, rows, told = found.recording.sensors[sensor], found.accepted[sensor], found.summary["sensors"][sensor]
        if not rows.counts_on or not len(rows.seq):
            continue
        made = how_many(model, found.recording.duration_s)
        first, last = int(rows.seq[0]), int(rows.seq[-1])
        assert 0 <= first <= last < made
        arrived = np.unique(samples.seq)
        never = last - first + 1 - len(arrived[(arrived >= first) & (arrived <= last)])
        in_vain = len(np.setdiff1d(arrived[(arrived >= first) & (arrived <= last)], rows.seq))
        assert told["lost"] == never + in_vain
        link, clock = model.link, model.clock
        if not (link.lost_share or link.late_share or link.gaps_s):
            assert never == 0
            if not (link.duplicate_share or clock.jitter_s or rows.nan):
                assert found.summary["repairs"][sensor]["late"] == in_vain == 0


@SUMMARIES.holds("lengths, starts and ends of the sensors, and what is absent")
def _(found: Found) -> None:
    spans = {sensor: rows.t_ns[[0, -1]] / S for sensor, rows in found.accepted.items()}
    begin, end = min(span[0] for span in spans.values()), max(span[1] for span in spans.values())
    assert close(found.summary["duration_s"], end - begin)
    for sensor, (first, last) in spans.items():
        repaired = found.summary["repairs"][sensor]
        assert abs(repaired["starts_late_s"] - (first - begin)) <= 0.000501
        assert abs(repaired["ends_early_s"] - (end - last)) <= 0.000501
    absent = found.session.sensors.keys() - found.samples.keys()
    assert {sensor for sensor, told in found.summary["repairs"].items() if "absent" in told} == absent
    left_out = {entry["what"] for entry in found.summary["left_out"]}
    assert absent <= left_out
    assert found.summary["sensors"].keys() == found.samples.keys()
    resolved = {one.get("sensor") for one in found.summary["calibrations"]}
    for sensor in found.samples:
        unknown = found.session.sensors[sensor].mounting is None and sensor not in resolved
        assert (f"{sensor} mounting" in left_out) == unknown


@SUMMARIES.holds("a sensor of whose rows fewer than half are usable is refused, and no other")
def _(found: Found) -> None:
    poor = [sensor for sensor, rows in found.accepted.items() if len(rows.t_ns) < 0.5 * len(found.samples[sensor])]
    if not poor:
        found.pipeline.check_usable()
        return
    with pytest.raises(UnusableRecording, match=r"^[^\n]+$") as refused:
        found.pipeline.check_usable()
    assert refused.value.sensor in poor


@SUMMARIES.holds("the summary is what plain Python makes of the tables")
def _(found: Found) -> None:
    summary = found.summary
    told = {name for table in found.tables.values() for name in {str(row["direction"]) for row in table}}
    assert summary["directions"].keys() == told
    left_out = {entry["what"]: entry["why"] for entry in summary["left_out"]}
    for direction, part in summary["directions"].items():
        rows = {name: [row for row in table if row["direction"] == direction] for name, table in found.tables.items()}
        assert all(part[name] == len(table) for name, table in rows.items())
        wanted = figures(
            *([row for row in rows[name] if not row["quality"]] for name in ("contacts", "strides", "steps"))
        )
        flat = {
            f"{name}.{side}" if side else name: value for name in part for side, value in sides(part.get(name)).items()
        }
        for name, (figure, n) in wanted.items():
            told_figure = flat[name]
            assert alike(told_figure, figure), (direction, name, told_figure, figure)
            why = left_out.get(f"directions.{direction}.{name}", "")
            assert (figure is None) == bool(why)
            assert figure is not None or (n < LEAST_N and why.startswith(f"{n} "))
    # NaN is refused
    assert canonical_json(summary)
