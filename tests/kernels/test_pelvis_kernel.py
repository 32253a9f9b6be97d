"""The kernel against the same definitions written slowly, with scipy and lists."""

import math

import numpy as np
from scipy import signal
from scipy.spatial.transform import Rotation

from imu.core.records import POSE
from imu.gait.pelvis import PelvisParams
from imu.kernels import pelvis

PARAMS = PelvisParams()
RATE_HZ = 100.0


def recording(seed: int, n: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Rest, then swaying with a turn, then rest. Specific force and angular rate in sensor axes."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / RATE_HZ
    moving = ((t > 2.0) & (t < 10.0))[:, None]
    gyr = rng.normal(scale=0.004, size=(n, 3)) + np.array([0.004, -0.006, 0.002])
    gyr = gyr + moving * np.stack([np.sin(6 * t), 0.5 * np.cos(11 * t), 0.8 * np.sin(5 * t)], axis=1)
    gyr[(t > 6.0) & (t < 8.0), 2] += 1.6
    acc = rng.normal(scale=0.01, size=(n, 3)) + np.array([0.3, -0.2, 9.8])
    acc = acc + moving * 2.0 * np.stack([np.sin(12 * t), np.cos(6 * t), np.sin(12 * t + 1)], axis=1)
    return acc, gyr


def run(acc: np.ndarray, gyr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(acc)
    state, out = np.zeros(1, pelvis.STATE), np.zeros(n, POSE)
    t_ns = (np.arange(n) * round(1e9 / RATE_HZ)).astype(np.int64)
    lost = np.zeros(n, np.int64)
    pelvis.run(state, t_ns, np.full(n, 1.0 / RATE_HZ), lost, acc, gyr, PARAMS.resolve(RATE_HZ), out)
    return out, state


def oracle(acc: np.ndarray, gyr: np.ndarray) -> tuple[list[Rotation], list[np.ndarray], list[bool], list[bool]]:
    """Attitude, gravity, known and resting after each sample."""
    p, dt = PARAMS, 1.0 / RATE_HZ
    cutoff_hz = math.sqrt(2.0) / (2.0 * math.pi * p.gravity_time_constant_s)
    b, a = signal.butter(2, cutoff_hz, fs=RATE_HZ)
    start_n = round(p.gravity_time_constant_s * RATE_HZ)
    attitude, bias, gravity, memory = Rotation.identity(), np.zeros(3), np.zeros(3), None
    turning, quiet_s = 0.0, 0.0
    weights: list[float] = []
    attitudes, gravities, knowns, rests = [], [], [], []
    smooth = 1.0 - math.exp(-dt / p.rest_smoothing_s)
    for k in range(len(acc)):
        if k > 0:
            rate = 0.5 * (gyr[k] + gyr[k - 1]) - bias
            attitude = attitude * Rotation.from_rotvec(rate * dt)
            up = attitude.inv().apply(gravity / np.linalg.norm(gravity))
            turning += (1.0 - math.exp(-dt / p.turn_smoothing_s)) * (rate @ up - turning)
        force = attitude.apply(acc[k])
        if memory is None:
            gravity = gravity + (force - gravity) / (k + 1)
            if k + 1 == start_n:
                memory = signal.lfilter_zi(b, a)[:, None] * gravity
        else:
            held = gravity if abs(turning) > p.turn_rate_rad_s else force
            filtered, memory = signal.lfilter(b, a, held[None], axis=0, zi=memory)
            gravity = filtered[0]
        # weights of all samples so far, the newest counting `smooth` once there are enough of them
        newest = max(smooth, 1.0 / (k + 1))
        weights = [w * (1.0 - newest) for w in weights] + [newest]
        quiet = k >= round(p.rest_smoothing_s * RATE_HZ)
        for values, sd in ((acc[: k + 1], p.rest_acc_sd_m_s2), (gyr[: k + 1], p.rest_gyr_sd_rad_s)):
            mean = np.average(values, axis=0, weights=weights)
            var = np.average(((values - mean) ** 2).sum(axis=1), weights=weights)
            quiet = quiet and bool(var < sd**2)
        quiet = quiet and bool(np.abs(mean).max() < p.rest_gyr_rad_s)
        quiet_s = quiet_s + dt if quiet else 0.0
        resting = quiet_s > p.rest_hold_s
        if resting:
            bias = bias + dt / min(max(quiet_s, p.bias_fastest_s), p.bias_slowest_s) * (gyr[k] - bias)
            if memory is None:
                gravity = attitude.apply(np.average(acc[: k + 1], axis=0, weights=weights))
                memory = signal.lfilter_zi(b, a)[:, None] * gravity
        attitudes.append(attitude)
        gravities.append(gravity)
        knowns.append(memory is not None)
        rests.append(resting)
    return attitudes, gravities, knowns, rests


def check(acc: np.ndarray, gyr: np.ndarray) -> np.ndarray:
    out, _ = run(acc, gyr)
    attitudes, gravities, knowns, rests = oracle(acc, gyr)
    assert out["known"].tolist() == [int(known) for known in knowns]
    assert out["resting"].tolist() == [int(rest) for rest in rests]
    found = Rotation.from_quat(out["q"][:, [1, 2, 3, 0]])
    assert max((found * Rotation.concatenate(attitudes).inv()).magnitude()) < 1e-9
    up = np.array(gravities) / np.linalg.norm(gravities, axis=1)[:, None]
    np.testing.assert_allclose(out["up"], up, atol=1e-9)
    np.testing.assert_allclose(out["force"], Rotation.concatenate(attitudes).apply(acc), atol=1e-7)
    return out


def test_agrees_with_the_slow_definition_from_rest() -> None:
    out = check(*recording(1))
    assert np.flatnonzero(out["known"])[0] < 100, "at rest from the first sample on, gravity is known within a second"
    assert out["resting"][-1] == 1


def test_agrees_with_the_slow_definition_from_mid_stride() -> None:
    acc, gyr = recording(2)
    out = check(acc[300:], gyr[300:])
    assert np.flatnonzero(out["known"])[0] == 199, "walking from the first sample on, after one time constant"


def test_free_fall_divides_by_nothing() -> None:
    out, _ = run(np.zeros((50, 3)), np.zeros((50, 3)))
    assert np.isfinite(out["up"]).all()
