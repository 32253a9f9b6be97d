"""Files in the formats of others, of walks that nobody walked: what is true of them is known."""

import json
import math

import numpy as np

G = 9.80665
DEG = 180.0 / math.pi


def signals(n, rng, g=G, rad=1.0):
    """acc and gyr (n, 3), in units of which gravity is `g` and a radian is `rad`; in six digits, as files have them."""
    acc = np.array([0.0, 0.0, g]) + 0.2 * g * rng.standard_normal((n, 3))
    gyr = rad * (np.sin(np.arange(n) / 9.0)[:, None] * 4.0 + 0.1 * rng.standard_normal((n, 3)))
    return acc.round(6), gyr.round(6)


def separated(rows, delimiter=","):
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


def ipol_sensor(path, acc, gyr, counter):
    header = ["PacketCounter", *(f"{kind}_{axis}" for kind in ("Acc", "Gyr", "Mag") for axis in "XYZ")]
    rows = np.column_stack([counter, acc, gyr, np.zeros_like(acc)]).tolist()
    path.write_text("Acquisition frequency: 100 Hz\n" + separated([header, *rows], "\t"))


def ipol_trial(folder, rng, trial="5-2", n=1500, counter=None, ends=("lf", "rf", "lb"), **events):
    """Of `n` samples a sensor; `events` are keys of its JSON. Returns acc and gyr by end of the name."""
    counter = np.arange(n) + 7 if counter is None else counter
    held = {}
    for end in ends:
        held[end] = signals(len(counter), rng)
        ipol_sensor(folder / f"{trial}_{end}.txt", *held[end], counter)
    said = {
        "LeftFootEvents": [[100 * k, 100 * k + 40] for k in range(1, 14)],
        "RightFootEvents": [[100 * k + 50, 100 * k + 90] for k in range(1, 14)],
        "TrialBoundaries": [90, 1400],
        "UTurnBoundaries": [700, 800],
        "Height": float("nan"),
    } | events
    (folder / f"{trial}.json").write_text(json.dumps(said))
    return held


def gaitmap_walk(folder, rng, n=3000, period=200, missing=()):
    """Strides of `period` samples but those of numbers `missing`. Returns acc and gyr by foot, and rows of strides."""
    held = {foot: signals(n, rng, rad=DEG) for foot in ("left", "right")}
    columns = [(f"{foot}_sensor", f"{kind}_{axis}") for kind in ("acc", "gyr") for axis in "xyz" for foot in held]
    values = [held[sensor.split("_")[0]][kind[:3] == "gyr"][:, "xyz".index(kind[-1])] for sensor, kind in columns]
    heads = [["sensor", *(sensor for sensor, _ in columns)], ["axis", *(kind for _, kind in columns)]]
    rows = np.column_stack([np.arange(n), *values]).tolist()
    (folder / "imu_sample.csv").write_text(separated([*heads, *rows]))
    strides, positions = [], []
    for foot, shift in (("left", 0), ("right", period // 2)):
        for start in range(100 + shift, n - period, period):
            if (start - 100 - shift) // period in missing:
                continue
            stride = len(strides)
            strides.append([stride, foot, start, start + period, start + 160, start + 80])
            length_m = 1.0 + 0.01 * stride
            for k in range(period + 1):
                way = length_m * k / period
                positions.append([f"{foot}_sensor", stride, k, 0.6 * way, -0.8 * way, 0.1])
    (folder / "stride_events_sample.csv").write_text(
        separated([["s_id", "foot", "start", "end", "ic", "tc"], *strides])
    )
    (folder / "position_sample.csv").write_text(
        separated([["", "s_id", "sample", "pos_x", "pos_y", "pos_z"], *positions])
    )
    return held, strides


def gottlieb_walk(folder, rng, stem="FW", period_s=1.1, n=2000):
    """Heels and toes that swing to and fro; the left ones are furthest ahead at whole periods, the right at halves."""
    held = {}
    columns = {"Time": (np.arange(n) * 0.0027).round(6)}
    for sensor in ("RH", "LH", "RT", "LT"):
        held[sensor] = signals(n, rng, g=1.0, rad=DEG)
        for kind, values in zip(("ACC", "GY"), held[sensor], strict=True):
            columns |= {f"{sensor}.{kind}.{axis}": values[:, k] for k, axis in enumerate("XYZ")}
    (folder / f"{stem}_IMU.csv").write_text(separated([columns, *np.column_stack(list(columns.values())).tolist()]))
    t_s = (np.arange(1200) + 1) / 100.0
    way = 0.3 * np.cos(2 * np.pi * t_s / period_s)
    seen = np.column_stack([t_s, way, way + 0.1, -way, 0.1 - way]).round(6)
    (folder / f"{stem}_Kinematic.csv").write_text(
        separated([["Time", "LHeel", "LTOE", "RHeel", "RTOE"], *seen.tolist()])
    )
    return held
