"""An unknown mounting: the sensor sits anyhow, and nobody says whether the person walks forward or backward."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imu.core.records import CONTACT, FOOT_EVENT, NONE_NS
from imu.core.tables import REASONS, Row
from imu.core.units import NS_PER_S
from imu.gait.pelvis import PelvisParams, PelvisPose
from imu.gait.steps import Steps, StepsParams


def anyhow(seed: int) -> np.ndarray:
    return Rotation.random(rng=np.random.default_rng(seed)).as_matrix()


def contact(t_s: float, quality: int = 0) -> np.ndarray:
    record = np.zeros(1, FOOT_EVENT)
    record["kind"], record["t_ns"], record["t_provisional_ns"] = CONTACT, round(t_s * NS_PER_S), NONE_NS
    record["t_emitted_ns"], record["quality"] = record["t_ns"] + 80_000_000, quality
    return record


def walked(
    walk: Any, mounting: np.ndarray | None, feet: Sequence[Any] = ("left", "right"), quality: int = 0
) -> tuple[list[Row], Steps]:
    steps = Steps(StepsParams(), feet=feet, pelvis=True, mounting=mounting)
    rows: list[Row] = []
    for foot in feet:
        events = np.concatenate([contact(t_s, quality) for t_s, side in walk.contacts() if side == foot])
        rows += steps.push_foot(foot, events, round(60 * NS_PER_S))
    rows += steps.push_pelvis(PelvisPose(PelvisParams(), walk.rate_hz).push(walk.block()))
    return rows + steps.flush(), steps


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_left_is_found_whichever_way_one_walks_and_the_sensor_sits(seed: int, backward: bool, pelvis_walk: Any) -> None:
    walk = pelvis_walk(backward=backward, mounting=anyhow(seed), walk_s=14.0)
    told, steps_told = walked(walk, walk.mounting)
    found, steps_found = walked(walk, None)
    assert steps_told.pelvis_mounting == {"state": "nominal"}
    mounting = steps_found.pelvis_mounting
    assert mounting is not None
    assert mounting["state"] == "resolved"
    assert mounting["confidence"] >= 0.9
    known = [row["pelvic_drop_deg"] is not None for row in found]
    assert known == [int(row["t_end_ns"]) > mounting["t_ns"] for row in found], "never rewritten, never lost again"
    assert sum(known) >= 10
    for one, other in zip(told, found, strict=True):
        assert one["quality"] == other["quality"]
        if other["pelvic_drop_deg"] is not None:
            assert other["pelvic_drop_deg"] == pytest.approx(one["pelvic_drop_deg"], abs=0.3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"walk_s": 4.0}, "too few steps"),
        ({"turn": lambda t: 0.6 * t}, "no straight pair of steps"),
    ],
)
def test_it_stays_unresolved(change: dict[str, Any], why: str, pelvis_walk: Any) -> None:
    rows, steps = walked(pelvis_walk(**change), None)
    assert steps.pelvis_mounting == {"state": "unresolved"}, why
    assert rows
    assert all(row["pelvic_drop_deg"] is None and row["rotation_rom_deg"] is None for row in rows)


def test_closing_and_turning_steps_teach_nothing(pelvis_walk: Any) -> None:
    for reason, state in (("stop", "unresolved"), ("turn", "unresolved"), ("gap", "resolved")):
        _, steps = walked(pelvis_walk(), None, quality=1 << REASONS.index(reason))
        assert steps.pelvis_mounting is not None
        assert steps.pelvis_mounting["state"] == state


def test_with_one_foot_it_stays_unresolved(pelvis_walk: Any) -> None:
    rows, steps = walked(pelvis_walk(), None, feet=("left",))
    assert rows == []
    assert steps.pelvis_mounting == {"state": "unresolved"}
