"""What worn sensors would have read of a walk that motion capture saw.

Between frames bodies run along quintic splines (`curves`); a sensor at a lever arm feels the acceleration of its body's
origin, and what turning adds. There are no impacts beyond what the frames hold: a camera at 100 Hz sees none of the
ringing that a real sensor has at heel strike.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from imu.core.samples import Floats, Samples
from imu.core.session import Sensor
from imu.core.tables import Columns
from imu.core.units import STANDARD_GRAVITY_M_S2
from imu.simulate.kinematics import Readings
from imu.simulate.placements import ZERO, Triple
from imu.simulate.sensing import Sensing
from imu.simulate.sensors import SensorModel, how_many, sampled_at
from imu_datasets.mocap.curves import Curve, Turning, low_pass, matrices, quaternions
from imu_datasets.mocap.poses import Body, Poses, Sole
from imu_datasets.recorded import at_ns, evenly

RATE_HZ: Final = 200.0
GRAVITY: Final = np.array([0.0, 0.0, STANDARD_GRAVITY_M_S2])


def low_passed(poses: Poses, cutoff_hz: float) -> Poses:
    """The same walk without what moves faster: camera noise, which two derivatives make huge.

    Rotations are filtered as quaternions. Where the cutoff is half the rate or more there is nothing to leave out.

    Raises:
        ValueError: a walk of too few frames.
    """
    if cutoff_hz >= 0.5 * poses.rate_hz:
        return poses

    def slow(values: Floats) -> Floats:
        return low_pass(poses.rate_hz, values, cutoff_hz)

    return replace(
        poses,
        bodies={
            sensor: Body(slow(body.place_m), matrices(slow(quaternions(body.rotation))))
            for sensor, body in poses.bodies.items()
        },
        soles={
            foot: Sole(slow(sole.heel_m), slow(sole.toe_m), None if sole.ball_m is None else slow(sole.ball_m))
            for foot, sole in poses.soles.items()
        },
    )


def samples(
    poses: Poses,
    sensor: Sensor,
    *,
    rate_hz: float = RATE_HZ,
    lever_m: Triple | None = None,
    model: SensorModel | None = None,
    key: tuple[int, ...] = (0,),
) -> Samples:
    """What a sensor reads that sits firmly on a body.

    Args:
        poses: the walk.
        sensor: whose body carries it.
        rate_hz: of a perfect sensor in the body's axes (forward, left, up); a model has its own.
        lever_m: from the body's origin to the sensor, body axes; None = that of the model, or none.
        model: how the sensor is worn, its errors, range and clock; None = a perfect one. What happens on the way to a
            receiver is not its matter.
        key: seeds the random numbers of the model.
    """
    if lever_m is None:
        lever_m = ZERO if model is None else model.position_m
    if model is None:
        t_s = _even_s(poses, rate_hz)
        true = readings(poses, sensor, t_s, lever_m)
        return evenly(true.acc, true.gyr, rate_hz)
    seq = np.arange(how_many(model, _lasts_s(poses)), dtype=np.float64)
    # a clock that wanders may set the last sample a hair beyond the last frame
    t_s = np.minimum(sampled_at(model, seq), _lasts_s(poses))
    return Sensing(model, key).sense(readings(poses, sensor, t_s, lever_m), seq)


def readings(poses: Poses, sensor: Sensor, t_s: Floats, lever_m: Triple = ZERO) -> Readings:
    """What a perfect sensor reads in body axes, (n, 3), at times (n,) between the first and the last frame.

    Args:
        poses: the walk.
        sensor: whose body carries it.
        t_s: when.
        lever_m: from the body's origin to the sensor, body axes.
    """
    body, lever = poses.bodies[sensor], np.array(lever_m)
    turning = Turning(poses.rate_hz, body.rotation)
    rate, bend = turning.rates(t_s)
    force = Curve(poses.rate_hz, body.place_m).at(t_s, 2) + GRAVITY
    acc = np.einsum("nji,nj->ni", turning.at(t_s), force)
    acc += np.cross(bend, lever) + np.cross(rate, np.cross(rate, lever))
    return Readings(acc, rate)


def pelvis_truth(poses: Poses, *, rate_hz: float = RATE_HZ) -> Columns | None:
    """Columns of TRUTH_PELVIS at even times from 0 on, degrees; None without a pelvis.

    Rotation, obliquity, tilt in the order of Baker 2001, Gait Posture 13:1-6: the heading goes first, so that an error
    of it gets into neither of the others. Rotation is against the heading of the level frame's first axis, unwrapped;
    tilt is without its mean, for the front of a pelvis has no agreed level.
    """
    if "pelvis" not in poses.bodies:
        return None
    t_s = _even_s(poses, rate_hz)
    r = Turning(poses.rate_hz, poses.bodies["pelvis"].rotation).at(t_s)
    tilt = np.degrees(np.arctan2(-r[:, 2, 0], r[:, 2, 2]))
    return {
        "t_ns": at_ns(np.arange(len(t_s)), rate_hz),
        "obliquity_deg": np.degrees(np.arcsin(np.clip(r[:, 2, 1], -1.0, 1.0))).astype(np.float32),
        "tilt_deg": (tilt - tilt.mean()).astype(np.float32),
        "rotation_deg": np.degrees(np.unwrap(np.arctan2(-r[:, 0, 1], r[:, 1, 1]))).astype(np.float32),
    }


def _lasts_s(poses: Poses) -> float:
    return (len(poses) - 1) / poses.rate_hz


def _even_s(poses: Poses, rate_hz: float) -> Floats:
    """Times of a sensor that starts with the first frame; the last frame is its end, as of any recording."""
    return np.arange(max(1, int(np.ceil(_lasts_s(poses) * rate_hz - 1e-6)))) / rate_hz
