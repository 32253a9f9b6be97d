import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imu.core.records import POSE
from imu.core.samples import Block
from imu.core.stage import run_batch
from imu.gait.pelvis import PelvisParams, PelvisPose

RATE_HZ = 100.0


def poses(block: Block, cuts: list[int] | None = None) -> np.ndarray:
    edges = [0, *sorted(cuts or ()), len(block)]
    pieces = (block[a:b] for a, b in pairwise(edges))
    return np.concatenate(run_batch(PelvisPose(PelvisParams(), RATE_HZ), pieces))


def without(block: Block, first: int, stop: int) -> Block:
    """The same with the samples first..stop lost on the way."""
    kept = np.r_[0:first, stop : len(block)]
    lost, dt_s = block.lost.copy(), block.dt_s.copy()
    lost[stop], dt_s[stop] = stop - first, (block.t_ns[stop] - block.t_ns[first - 1]) * 1e-9
    return Block(
        block.t_ns[kept],
        dt_s[kept],
        lost[kept],
        block.clipped[kept],
        block.jumped[kept],
        block.acc[kept],
        block.gyr[kept],
    )


def up_error_deg(out: np.ndarray, walk: Any) -> np.ndarray:
    """Angle between `up` in sensor axes and the truth."""
    found = Rotation.from_quat(out["q"][:, [1, 2, 3, 0]]).inv().apply(out["up"])
    true = walk.attitude(out["t_ns"] * 1e-9).inv().apply([0.0, 0.0, 1.0]) @ walk.mounting
    return np.degrees(np.arccos(np.clip((found * true).sum(axis=1), -1.0, 1.0)))


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 900), max_size=20))
def test_the_cut_never_changes_a_bit(cuts: list[int], pelvis_walk: Any) -> None:
    block = without(pelvis_walk(walk_s=6.0, stand_s=3.0).block(), 500, 520)
    cuts = [min(cut, len(block)) for cut in cuts]
    assert poses(block, cuts).tobytes() == poses(block).tobytes()


def test_one_pose_a_sample_and_none_for_none(pelvis_walk: Any) -> None:
    block = pelvis_walk(walk_s=1.0).block()
    stage = PelvisPose(PelvisParams(), RATE_HZ)
    assert stage.push(block[:0]).dtype == POSE
    assert len(stage.push(block[:0])) == 0
    out = stage.push(block)
    np.testing.assert_array_equal(out["t_ns"], block.t_ns)
    assert len(stage.flush()) == 0


def test_input_is_left_alone_whatever_its_layout(pelvis_walk: Any) -> None:
    block = pelvis_walk(walk_s=2.0).block()
    both = np.concatenate([block.acc, block.gyr], axis=1)
    both.setflags(write=False)
    strided = Block(
        np.repeat(block.t_ns, 2)[::2],
        block.dt_s.astype(np.float32).astype(np.float64),
        block.lost,
        block.clipped,
        block.jumped,
        both[:, :3],
        both[:, 3:],
    )
    before = both.tobytes()
    expected = poses(
        Block(
            block.t_ns,
            block.dt_s.astype(np.float32).astype(np.float64),
            block.lost,
            block.clipped,
            block.jumped,
            block.acc,
            block.gyr,
        )
    )
    assert poses(strided).tobytes() == expected.tobytes()
    assert both.tobytes() == before


def test_a_snapshot_goes_on_as_the_original(pelvis_walk: Any) -> None:
    block = pelvis_walk(walk_s=3.0).block()
    stage = PelvisPose(PelvisParams(), RATE_HZ)
    stage.push(block[:150])
    restored = pickle.loads(pickle.dumps(stage))
    assert restored.push(block[150:]).tobytes() == stage.push(block[150:]).tobytes()


def test_standing_first_gravity_is_known_within_a_second_and_holds_in_walking(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=3.0, walk_s=15.0)
    out = poses(walk.block())
    first = np.flatnonzero(out["known"])[0]
    assert out["t_ns"][first] < 1_000_000_000
    assert out["rested"][first] == 1
    assert up_error_deg(out, walk)[first:].max() < 1.0


def test_walking_first_gravity_is_known_after_two_seconds(pelvis_walk: Any) -> None:
    walk = pelvis_walk(walk_s=15.0)
    out = poses(walk.block())
    first = np.flatnonzero(out["known"])[0]
    assert out["t_ns"][first] == 1_990_000_000
    assert not out["rested"].any()
    error = up_error_deg(out, walk)[first:]
    assert error.max() < 1.5
    assert error[-500:].max() < 0.5


def test_rest_teaches_the_bias_of_the_gyroscope(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=5.0, walk_s=20.0)
    clean = walk.block()
    biased = Block(
        clean.t_ns,
        clean.dt_s,
        clean.lost,
        clean.clipped,
        clean.jumped,
        clean.acc,
        clean.gyr + np.radians([0.8, -0.5, 0.6]),
    )
    assert up_error_deg(poses(biased), walk)[100:].max() < 1.0


def test_a_turn_does_not_tilt_gravity(pelvis_walk: Any) -> None:
    """At 1.2 m/s a U-turn within two seconds leans the force by 11 degrees."""

    def turn(t: np.ndarray) -> np.ndarray:
        share = np.clip((t - 10.0) / 2.0, 0.0, 1.0)
        return np.pi * share * share * (3.0 - 2.0 * share)

    walk = pelvis_walk(walk_s=20.0, turn=turn)
    block = walk.block()
    h, t = 1e-4, block.t_ns * 1e-9
    lean = 1.2 * (turn(t + h) - turn(t - h)) / (2 * h)
    inwards = np.stack([-np.sin(turn(t)), np.cos(turn(t)), np.zeros_like(t)], axis=1) * lean[:, None]
    acc = block.acc + walk.attitude(t).inv().apply(inwards)
    turned = Block(block.t_ns, block.dt_s, block.lost, block.clipped, block.jumped, acc, block.gyr)
    held = up_error_deg(poses(turned), walk)
    never = PelvisPose(PelvisParams(turn_rate_rad_s=100.0), RATE_HZ)
    assert held[300:].max() < 2.5
    assert up_error_deg(never.push(turned), walk)[300:].max() > 1.5 * held[300:].max()


def test_a_short_gap_is_bridged(pelvis_walk: Any) -> None:
    walk = pelvis_walk(stand_s=2.0, walk_s=10.0)
    out = poses(without(walk.block(), 700, 704))
    assert out["fresh"].sum() == 1, "the first sample"
    assert up_error_deg(out, walk)[100:].max() < 1.5


def test_after_a_long_gap_all_is_as_if_just_switched_on(pelvis_walk: Any) -> None:
    block = pelvis_walk(walk_s=12.0).block()
    gone = without(block, 700, 710)
    out = poses(gone)
    assert np.flatnonzero(out["fresh"]).tolist() == [0, 700]
    assert out[:700].tobytes() == poses(block)[:700].tobytes()
    assert out[700:].tobytes() == poses(gone[700:]).tobytes()
    assert out["known"][[699, 700, -1]].tolist() == [1, 0, 1]


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="rate_hz is 0"):
        PelvisPose(PelvisParams(), 0)
