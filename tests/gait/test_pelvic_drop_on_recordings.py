"""Pelvic drop against the truth of recordings, with true contact times: what the pelvis alone is worth."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from imu.core.records import CONTACT, FOOT_EVENT, NONE_NS
from imu.core.samples import Samples
from imu.core.tables import AXES, Row
from imu.core.units import NS_PER_S
from imu.gait.intake import Intake, IntakeParams
from imu.gait.pelvis import PelvisParams, PelvisPose
from imu.gait.steps import Steps, StepsParams

MS = 1_000_000


@dataclass
class Errors:
    """Degrees, one a step."""

    truths: int = 0
    drop: list[float] = field(default_factory=list)
    robust: list[float] = field(default_factory=list)
    scaled: list[float] = field(default_factory=list)

    def rmse(self) -> float:
        return math.sqrt(np.mean(np.square(self.drop)))


def sessions(data_dir: Path, source: str) -> list[Path]:
    found = sorted(path.parent for path in data_dir.glob(f"sessions/{source}-*/raw/pelvis.parquet"))
    if not found:
        pytest.skip(f"no recordings {source}-* with a pelvis in {data_dir / 'sessions'}; see IMU_DATA_DIR")
    return [path.parent for path in found]


def truth(session: Path) -> list[dict[str, Any]]:
    return sorted(pq.read_table(session / "truth_contacts.parquet").to_pylist(), key=lambda row: row["t_contact_ns"])


def analysed(
    session: Path, contacts: list[dict[str, Any]], rng: np.random.Generator, jitter_ns: float, known: bool = True
) -> tuple[list[Row], Steps]:
    """Steps of true contacts, told `jitter_ns` (standard deviation) off, and of the recorded pelvis."""
    setup = json.loads((session / "session.json").read_text())["sensors"]["pelvis"]
    raw = pq.read_table(session / "raw" / "pelvis.parquet")
    t_ns, seq = (raw[name].to_numpy() for name in ("t_ns", "seq"))
    values = np.stack([raw[axis].to_numpy() for axis in AXES], axis=1).astype(np.float64)
    samples = Samples(t_ns, seq, values[:, :3], values[:, 3:], np.zeros(len(t_ns), np.bool_))
    block = Intake(IntakeParams(), setup["rate_hz"]).push(samples)
    mounting = np.array(setup["mounting"], np.float64) if known else None
    steps = Steps(StepsParams(), feet=("left", "right"), pelvis=True, mounting=mounting)
    rows: list[Row] = []
    for foot in ("left", "right"):
        events = np.zeros(sum(row["foot"] == foot for row in contacts), FOOT_EVENT)
        events["kind"], events["t_provisional_ns"] = CONTACT, NONE_NS
        times = np.array([row["t_contact_ns"] for row in contacts if row["foot"] == foot], np.int64)
        events["t_ns"] = times + np.round(rng.normal(scale=jitter_ns, size=len(times))).astype(np.int64)
        events["t_emitted_ns"] = events["t_ns"] + 80 * MS
        rows += steps.push_foot(foot, events, int(t_ns[-1]))
    rows += steps.push_pelvis(PelvisPose(PelvisParams(), setup["rate_hz"]).push(block))
    return rows + steps.flush(), steps


def true_steps(session: Path, contacts: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], float, float]]:
    """(first contact, drop, robust drop) of every step after the first 0.6 s and before the last 0.2 s."""
    pelvis = pq.read_table(session / "truth_pelvis.parquet")
    t_ns, obliquity = pelvis["t_ns"].to_numpy(), pelvis["obliquity_deg"].to_numpy()
    inside = [row for row in contacts if t_ns[0] + 600 * MS <= row["t_contact_ns"] <= t_ns[-1] - 200 * MS]
    for first, second in pairwise(inside):
        start, end = first["t_contact_ns"], second["t_contact_ns"]
        if first["foot"] == second["foot"] or end - start > 2 * NS_PER_S:
            continue
        fall = obliquity * (1.0 if first["foot"] == "left" else -1.0)
        step = fall[(t_ns >= start) & (t_ns <= end)]
        about = fall[(t_ns >= start - 100 * MS) & (t_ns <= start + 50 * MS)]
        yield first, step.max() - step[0], step.max() - about.min()


def errors(data_dir: Path, source: str, jitter_ns: float) -> Errors:
    rng, found = np.random.default_rng(1), Errors()
    for session in sessions(data_dir, source):
        contacts = truth(session)
        rows, _ = analysed(session, contacts, rng, jitter_ns)
        for first, drop, robust in true_steps(session, contacts):
            found.truths += 1
            for row in rows:
                if row["stance_foot"] == first["foot"] and abs(row["t_start_ns"] - first["t_contact_ns"]) < 100 * MS:
                    if row["pelvic_drop_deg"] is not None:
                        found.drop.append(row["pelvic_drop_deg"] - drop)
                        found.robust.append(row["pelvic_drop_robust_deg"] - robust)
                        found.scaled.append(abs(found.drop[-1]) / row["pelvic_drop_sd_deg"])
                    break
    return found


@pytest.mark.parametrize(("source", "rmse"), [("grouvel", 0.10), ("cmu", 0.20), ("bandai", 0.15)])
def test_with_true_contacts(source: str, rmse: float, data_dir: Path) -> None:
    found = errors(data_dir, source, 0.0)
    assert len(found.drop) == found.truths, "every step has a drop, those from the first sample on too"
    assert found.rmse() < rmse
    assert abs(np.mean(found.drop)) < 0.1
    assert math.sqrt(np.mean(np.square(found.robust))) < rmse


@pytest.mark.parametrize(("source", "rmse"), [("grouvel", 0.6), ("cmu", 0.4), ("bandai", 0.7)])
def test_with_contacts_known_to_15_ms(source: str, rmse: float, data_dir: Path) -> None:
    found = errors(data_dir, source, 15.0 * MS)
    assert len(found.drop) >= 0.98 * found.truths
    assert found.rmse() < rmse
    assert math.sqrt(np.mean(np.square(found.robust))) < 0.3
    assert np.mean(np.array(found.scaled) < 1.0) > 0.6, "the stated uncertainty is not too small"


@pytest.mark.parametrize("source", ["ipol", "bandai-walk", "bandai-walk-back"])
def test_an_unknown_mounting_is_never_taken_for_its_mirror_image(source: str, data_dir: Path) -> None:
    resolved = 0
    for session in sessions(data_dir, source):
        if not (session / "truth_contacts.parquet").is_file():
            continue
        rng, contacts = np.random.default_rng(1), truth(session)
        told, _ = analysed(session, contacts, rng, 0.0)
        found, steps = analysed(session, contacts, rng, 0.0, known=False)
        assert steps.pelvis_mounting is not None
        resolved += steps.pelvis_mounting["state"] == "resolved"
        for one, other in zip(told, found, strict=True):
            if other["tilt_deg"] is not None or other["pelvic_drop_deg"] is not None:
                assert other["pelvic_drop_deg"] == pytest.approx(one["pelvic_drop_deg"], abs=2.5), session.name
    assert resolved >= 3
