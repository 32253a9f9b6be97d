"""Results that nobody measured, in the form of accuracy.json and speed.json: for tests of what is made of them.

`python -m tests.bench.made_up_results FOLDER` writes both.
"""

import math
import random
import sys
from pathlib import Path

from imu.core.canonical import canonical_json
from imu_bench.report.keys import KEYS

DETECTORS = {
    # name: (title, kind, packages, timing bias ms, timing sd ms, share found, false an hour)
    "retrogait": ("Retrogait, streaming", "streaming", {"retrogait": "0.1.0"}, -2.0, 8.0, 0.995, 0.6),
    "gaitmap-herzer": ("gaitmap: DTW and Herzer", "outside", {"gaitmap": "2.6.0"}, 27.0, 12.0, 0.95, 0.0),
    "gaitmap-rampp": ("gaitmap_mad: DTW and Rampp", "outside", {"gaitmap_mad": "2.6.0"}, 51.0, 14.0, 0.94, 0.0),
    "mobgap-shin": ("mobgap: cadence from the lower back", "outside", {"mobgap": "1.2.0"}, None, None, None, None),
    "naive-acc-peak": ("Peaks of acceleration", "whole", {"retrogait": "0.1.0"}, 35.0, 41.0, 0.9, 420.0),
    "naive-gyro-zero": ("Zero crossings of the gyroscope", "whole", {"retrogait": "0.1.0"}, -18.0, 29.0, 0.97, 65.0),
    "vqf": ("VQF, attitude alone", "whole", {"vqf": "2.1.2"}, None, None, None, None),
}
LABELS = {"retrogait"}
"""Who names directions and patterns, and says how sure it is."""
STRIDES = {"retrogait", "gaitmap-herzer", "gaitmap-rampp"}
CADENCE = {"retrogait", "mobgap-shin", "gaitmap-herzer"}
ATTITUDE = {"retrogait": 1.0, "vqf": 1.3}
CONTACTS = {name for name, said in DETECTORS.items() if said[3] is not None}
BACKWARD_BLIND = {"gaitmap-herzer", "gaitmap-rampp"}
"""They find next to nothing of a walk that goes backward."""

DATA = {
    # name: (title, kind, citation, sessions, subjects, contacts by walking, has pelvis, has directions)
    "bandai": (
        "Bandai Namco motion data",
        "virtual IMU of motion capture",
        "Made-up citation, https://example.org/motion",
        32,
        8,
        {"forward": 900, "backward": 760},
        True,
    ),
    "gaitmap": (
        "An example of two feet",
        "real",
        "Made-up et al. (2030)",
        2,
        1,
        {"forward": 57, "backward": 57},
        False,
    ),
    "ipol": (
        "Ten people who walk, turn and walk",
        "real",
        "Made-up et al., doi 10.1234/made.up.2030",
        20,
        10,
        {"forward": 640, "unknown": 90},
        True,
    ),
    "simulated": (
        "Simulated people",
        "simulated",
        "imu.simulate of this project",
        18,
        6,
        {"forward": 1500, "backward": 1400, "unknown": 60},
        True,
    ),
}
PERTURBATIONS = {
    # id: (what it does to the spread, to the share found)
    "noise-x4": (1.25, 0.995),
    "bias-1dps": (1.1, 0.998),
    "tilt-10": (1.05, 0.999),
    "tilt-20": (1.2, 0.99),
    "tilt-35": (1.7, 0.93),
    "rate-25": (2.4, 0.9),
    "rate-50": (1.5, 0.97),
    "rate-100": (1.1, 0.995),
    "rate-200": (1.0, 1.0),
    "rate-400": (1.0, 1.0),
    "loss-1": (1.1, 0.99),
    "loss-5": (1.3, 0.95),
    "loss-10": (1.7, 0.9),
    "gap-200": (1.2, 0.97),
    "jitter-5": (1.3, 0.99),
    "offset-20": (1.2, 0.99),
}
PERTURBED = ("simulated", "ipol")
RESAMPLED_FROM = 3


def accuracy(seed=1, private=False, data_sets=tuple(DATA), perturbations=tuple(PERTURBATIONS)):
    """A whole accuracy.json, as a dict that a test may change."""
    data = {name: data_of(name, *DATA[name]) for name in data_sets}
    scenarios = {}
    for name in data_sets:
        wanted = [None, *(perturbations if name in PERTURBED else ())]
        for perturbation in wanted:
            id_ = f"{name}/all{f'+{perturbation}' if perturbation else ''}"
            scenarios[id_] = scenario(name, perturbation, seed)
    if private:
        data["gottlieb"] = data_of("gottlieb", "A treadmill of others", "real", "Nobody (2030)", 2, 1, {}, False)
        data["gottlieb"]["figures"] = "private"
        scenarios["gottlieb/all"] = {**scenario("gaitmap", None, seed), "data": "gottlieb"}
    return {
        "schema": "retrogait.accuracy/1",
        "seed": seed,
        "resamples": 1000,
        "interval": 0.95,
        "software": {"retrogait": "0.1.0"},
        "private": private,
        "detectors": {
            name: {"title": title, "source": f"{title}, doi 10.1234/{name}", "licence": "MIT"}
            | {"packages": packages, "kind": kind}
            for name, (title, kind, packages, *_) in DETECTORS.items()
        },
        "data": data,
        "scenarios": scenarios,
    }


def data_of(name, title, kind, citation, sessions, subjects, _, pelvis):
    truth = {
        "contact": "when the foot's lowest point comes to rest, by markers at 100 Hz: good to 10 ms, and late",
        "direction": "by the displacement of the foot between two contacts",
    }
    if pelvis:
        truth["obliquity"] = "of the rigid frame of the pelvis"
    return {
        "title": title,
        "citation": citation,
        "licence": "made up, for tests",
        "kind": kind,
        "figures": "published",
    } | {
        "truth": truth,
        "sessions": sessions,
        "subjects": subjects,
        "digest": f"sha256:{random.Random(name).getrandbits(256):064x}",
    }


def scenario(name, perturbation, seed):
    _, _, _, sessions, subjects, contacts, pelvis = DATA[name]
    answers = {}
    for detector in DETECTORS:
        if detector == "vqf" and not pelvis:
            continue
        rng = random.Random(f"{seed} {name} {perturbation} {detector}")
        walking = {
            one: figures(rng, detector, one, n, subjects, perturbation, pelvis)
            for one, n in {"all": sum(contacts.values()), **contacts}.items()
        }
        failed = {f"{name}-3": "no gravity in 3 s of standing"} if detector == "gaitmap-rampp" and subjects > 3 else {}
        if detector == "mobgap-shin" and not pelvis:
            failed = {f"{name}-{place}": "it wants a sensor on the lower back" for place in range(1, sessions + 1)}
        answers[detector] = {"failed": failed, "walking": walking, "calibration": calibration(rng, detector, sessions)}
    about = "everybody, everything"
    return {"data": name, "split": "all", "perturbation": perturbation} | {
        "about": f"{about}, {perturbation}" if perturbation else about,
        "sessions": sessions,
        "subjects": subjects,
        "minutes": 2.5 * sessions,
        "detectors": answers,
    }


def figures(rng, detector, walking, contacts, subjects, perturbation, pelvis):
    """Every key, as the form wants it."""
    _, _, _, bias, sd, share, false = DETECTORS[detector]
    worse, keeps = PERTURBATIONS.get(perturbation, (1.0, 1.0))
    worse = 1 + (worse - 1) * rng.uniform(0.7, 1.6)
    said = {key: one(None, None, subjects, 0, 0) for key in KEYS}

    def put(key, value, spread, n, asked):
        said[key] = one(value, spread, subjects, n, asked)
        if key.startswith(("f1", "steady_found", "direction", "pattern")) and said[key]["high"] is not None:
            said[key]["high"] = min(said[key]["high"], 1.0)

    for key in (key for key in KEYS if key.startswith(("timing", "f1", "steady", "direction", "pattern", "latency"))):
        put(key, None, None, 0, 0 if key == "timing_forward_backward_ms" and walking != "all" else contacts)
    if detector in CONTACTS:
        share *= keeps
        if walking in ("backward", "all") and detector in BACKWARD_BLIND:
            share *= 0.06 if walking == "backward" else 0.6
        if walking == "backward":
            sd, bias = 1.6 * sd, bias + 12.0
        sd *= worse * rng.uniform(0.8, 1.25)
        found = round(contacts * min(1.0, share * rng.uniform(0.99, 1.005)))
        f1 = 2 * found / (contacts + found + 0.02 * contacts)
        put("contacts", contacts, None, contacts, contacts)
        put("missed", contacts - found, None, contacts, contacts)
        put("false", round(0.02 * contacts), None, contacts, contacts)
        put("false_per_hour", false * rng.uniform(0.7, 1.3), 0.3 * false + 0.2, contacts, contacts)
        for ms in (25, 50, 100):
            put(f"f1_{ms}ms", f1 * math.erf(ms / sd / 1.4), 0.02, contacts, contacts)
        put("timing_bias_ms", bias + rng.gauss(0, 2), 2.0, found, contacts)
        put("timing_sd_ms", sd, 0.12 * sd, found, contacts)
        put("timing_p95_ms", 2.1 * sd, 0.3 * sd, found, contacts)
        put("timing_left_right_ms", rng.gauss(0, 3), 2.0, found, contacts)
        if walking == "all":
            put("timing_forward_backward_ms", 12.0 + rng.gauss(0, 2), 4.0, found, contacts)
        put("steady_found", min(1.0, share), 0.01, round(0.8 * contacts), round(0.8 * contacts))
        put("steady_sd_ms", 0.8 * sd, 0.1 * sd, round(0.8 * found), round(0.8 * contacts))
        put("release_bias_ms", -bias / 2, 2.0, round(0.97 * found), contacts)
        put("release_sd_ms", 1.4 * sd, 0.2 * sd, round(0.97 * found), contacts)
        put("stride_time_bias_ms", rng.gauss(0, 0.3), 0.2, round(0.9 * found), round(0.9 * contacts))
        put("stride_time_sd_ms", 1.2 * sd, 0.2 * sd, round(0.9 * found), round(0.9 * contacts))
        if detector in STRIDES:
            put("stride_length_mae_m", 0.035 * worse, 0.006, round(0.9 * found), round(0.9 * contacts))
            put("stride_length_bias_m", -0.01, 0.006, round(0.9 * found), round(0.9 * contacts))
        if detector in LABELS:
            labels(rng, put, found, contacts)
    if pelvis:
        hips(rng, put, detector, contacts, worse)
    if detector in CADENCE and (pelvis or detector != "mobgap-shin"):
        put("cadence_mae_spm", 0.9 if detector == "retrogait" else 4.2, 0.3, contacts // 10, contacts // 10)
    return said


def labels(rng, put, found, contacts):
    """Of who says more of a contact than when it was."""
    put("direction_right", 0.994, 0.005, round(0.97 * found), found)
    put("direction_undecided", 0.03, 0.01, found, found)
    put("pattern_right", 0.976, 0.01, round(0.93 * found), found)
    put("pattern_undecided", 0.07, 0.02, found, found)
    put("foot_angle_bias_deg", 1.1, 0.5, found, contacts)
    put("foot_angle_sd_deg", 1.9, 0.3, found, contacts)
    put("second_bias_ms", -6.0, 3.0, round(0.9 * found), contacts)
    put("second_sd_ms", 17.0, 3.0, round(0.9 * found), contacts)
    put("confidence_error", 0.021, 0.01, found, contacts)
    for key, value in (("latency_p50_ms", 92), ("latency_p95_ms", 141), ("provisional_p50_ms", 31)):
        put(key, value * rng.uniform(0.95, 1.1), 6.0, found, contacts)
    put("provisional_p95_ms", 55.0, 6.0, found, contacts)
    put("latency_false_claims", 0.0, None, found, contacts)


def hips(rng, put, detector, contacts, worse):
    """Where truth has a pelvis."""
    if detector == "retrogait":
        n = round(0.9 * contacts)
        put("pelvic_drop_rmse_deg", 1.3 * math.sqrt(worse), 0.2, n, contacts)
        put("pelvic_drop_bias_deg", 0.3, 0.2, n, contacts)
        put("pelvic_drop_robust_rmse_deg", 1.1, 0.2, n, contacts)
        put("pelvic_drop_within_sd", 0.71, 0.05, n, contacts)
    if detector in ATTITUDE:
        put("obliquity_rmse_deg", ATTITUDE[detector] * rng.uniform(0.8, 1.2), 0.2, contacts, contacts)
        put("tilt_rmse_deg", 1.4 * ATTITUDE[detector] * rng.uniform(0.8, 1.2), 0.2, contacts, contacts)


def one(value, spread, subjects, n, asked):
    known = value is not None and spread is not None and subjects >= RESAMPLED_FROM
    return {"value": value, "low": value - spread if known else None, "high": value + spread if known else None} | {
        "n": n,
        "asked": asked,
    }


def calibration(rng, detector, sessions):
    if detector not in LABELS:
        return []
    bins = []
    for low in (0.5, 0.6, 0.7, 0.8, 0.9):
        n = round(sessions * (40 if low == 0.9 else 6 * low) * rng.uniform(0.8, 1.2))
        bins.append(
            {"low": low, "high": round(low + 0.1, 1), "n": n, "right": round(n * min(1.0, low + rng.gauss(0.05, 0.02)))}
        )
    return bins


def speed():
    """A whole speed.json."""
    stages = [
        ("retrogait", "whole", 3.1, 0.21),
        ("retrogait", "intake", 0.9, 0.02),
        ("retrogait", "feet", 1.2, 0.09),
        ("gaitmap-herzer", "whole", 4.4, 3.7),
        ("mobgap-shin", "whole", 1.9, 0.9),
    ]
    pipelines = []
    for minutes in (10.0, 60.0):
        for detector, stage, cold_s, warm_s in stages:
            warm = warm_s * minutes / 10.0
            pipelines.append(
                {"detector": detector, "stage": stage, "minutes": minutes, "samples": round(minutes * 60 * 200 * 3)}
                | {"cold_s": cold_s + warm, "warm_s": [0.95 * warm, warm, 1.2 * warm]}
                | {"sensor_samples_per_s": minutes * 36000 / warm, "times_real_time": 60 * minutes / warm}
            )
    return {
        "schema": "retrogait.speed/1",
        "machine": {"processor": "one that does not exist", "cores_used": 1},
        "software": {"retrogait": "0.1.0", "python": "3.11"},
        "recordings": {"what": "simulated/all, tiled"},
        "pipelines": pipelines,
        "growth": [
            {"minutes": minutes, "seconds": 0.3 + 0.021 * minutes, "peak_mb": 210 + 0.01 * minutes}
            for minutes in (1.0, 10.0, 60.0, 240.0, 480.0)
        ],
        "ratios": {"retrogait over gaitmap-herzer, 10 min": 17.6, "retrogait over mobgap-shin, 10 min": 4.3},
    }


def write(folder, document=None, speeds=None):
    """accuracy.json, and speed.json where there is one to write; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "accuracy.json").write_text(
        canonical_json(accuracy() if document is None else document, indent=2), "utf-8"
    )
    if speeds is not None:
        (folder / "speed.json").write_text(canonical_json(speeds, indent=2), "utf-8")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]), speeds=speed())
