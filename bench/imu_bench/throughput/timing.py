"""How fast, side by side: ours and peers on the same recording, in one run, on one core. Reports, and asserts nothing.

Cold is the first call in a new process with an empty cache of compiled code, after imports; warm are the calls after
it. Ours keeps what it compiled, so that it is cold once, at the least length; peers always start with nothing. All this
is of samples in memory, in seconds of the processor: one thread on one core, so that what else the machine does counts
as little as can be. `reprocess` and growth are whole calls from Parquet to Parquet, by the clock.
"""

import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from imu.version import VERSION
from imu_bench.peers.outside import Peer
from imu_bench.peers.registry import installed
from imu_bench.throughput.side_by_side import OURS, REPROCESS, WHOLE, Bench, Tell, one_core
from imu_bench.throughput.tiling import recorded, simulated

SCHEMA: Final = "retrogait.speed/1"
ATTITUDE: Final = "attitude"
PELVIS: Final = "pelvis"
"""Stages: of who tells the attitude of a sensor, and what ours has for it."""
AT_ALL_LENGTHS: Final = ("gaitmap-mad", "mobgap")
"""The other peers are timed at the least length alone."""
NOT_TIMED: Final = ("gaitmap-herzer", "gaitmap-mad-herzer")
"""They differ from gaitmap-mad in one stage."""


def measure(
    session: Path | None = None,
    *,
    minutes: Sequence[float] = (10.0, 60.0),
    growth_minutes: Sequence[float] = (1.0, 10.0, 60.0, 480.0),
    rate_hz: float = 200.0,
    repeats: int = 5,
    peers: bool = True,
    cold: bool = True,
    tell: Tell = lambda _: None,
) -> dict[str, Any]:
    """speed.json as a document.

    Args:
        session: a session folder whose walk is repeated; None = a simulated walk.
        minutes: how long the recordings are that all are timed on.
        growth_minutes: how long those are that only `imu reprocess` is timed on.
        rate_hz: of the simulated sensors.
        repeats: warm runs, fewer of what is slow.
        peers: whether those that are installed are timed, too.
        cold: whether ours is timed with nothing compiled yet, too: that takes half a minute.
        tell: is given a line on each thing that is begun.

    Raises:
        SessionError: `session` is none.
    """
    walked = simulated(rate_hz) if session is None else recorded(session)
    others = [entry for entry in installed() if entry.name not in NOT_TIMED] if peers else []
    pipelines: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="imu-bench-") as scratch, one_core() as core:
        bench = Bench(Path(scratch), walked, repeats, tell, cold=cold)
        for number, length in enumerate(sorted(minutes)):
            folder = bench.recording(length)
            pipelines += bench.ours(folder, length)
            for entry in others:
                if number == 0 or entry.name in AT_ALL_LENGTHS:
                    timed, reason = bench.peer(entry, folder, length)
                    pipelines += timed
                    failed |= {} if reason is None else {f"{entry.name}, {length:g} min": reason}
        growth = [bench.growth(length) for length in sorted(growth_minutes)]
    return {
        "schema": SCHEMA,
        "machine": {**_machine(), "pinned_to_core": core},
        "software": {
            OURS: VERSION,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "numba", "pyarrow")},
            **{entry.name: dict(Peer.installed(entry).about.packages) for entry in others},
        },
        "recordings": {
            "what": f"{walked.what}, repeated",
            "seconds": round(walked.seconds, 3),
            "rates_hz": {name: walked.session.sensors[name].rate_hz for name in walked.samples},
        },
        "pipelines": pipelines,
        "growth": growth,
        "ratios": ratios(pipelines),
        "failed": failed,
    }


def ratios(pipelines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How many times as fast ours is, by sensor-samples, since most peers look at fewer sensors. Who tells attitudes
    is compared with our stage for the pelvis; who found nothing had too little to do, and is left out.
    """
    found: dict[str, float] = {}
    by_name = {(one["detector"], one["stage"], one["minutes"]): one for one in pipelines}
    for (name, stage, minutes), whole in by_name.items():
        if name == OURS or stage != WHOLE or not any(whole["found"].values()):
            continue
        attitude = by_name.get((name, ATTITUDE, minutes))
        ours = by_name.get((OURS, WHOLE if attitude is None else PELVIS, minutes))
        if ours is None:
            continue
        theirs, what = (whole, "") if attitude is None else (attitude, f" {PELVIS}")
        key = f"{OURS}{what} over {name}, {minutes:g} min"
        found[key] = ours["sensor_samples_per_s"] / theirs["sensor_samples_per_s"]
        if ours["cold_s"]:
            found[f"{key}, first call"] = theirs["cold_s"] / ours["cold_s"]
    return {key: float(f"{value:.3g}") for key, value in found.items()}


def report(result: Mapping[str, Any]) -> str:
    """The figures for a person to read."""
    recordings, machine = result["recordings"], result["machine"]
    rates = ", ".join(f"{name} {rate:g} Hz" for name, rate in recordings["rates_hz"].items())
    head = f"{'min':>6}  {'what':<34}{'cold s':>9}{'warm s (least to most)':>27}{'samples/s':>13}{'x real time':>13}"
    lines = [
        f"{recordings['what']}: {rates}.",
        f"One core, seconds of the processor ({REPROCESS}: of the clock). Samples: of the sensors that it looks at.",
        "",
        head,
    ]
    for one in result["pipelines"]:
        least, middle, most = one["warm_s"]
        what = one["detector"] if one["stage"] == WHOLE else f"  {one['stage']}"
        cold = "" if one["cold_s"] is None else f"{one['cold_s']:.2f}"
        warm = f"{middle:.3f} ({least:.3f} to {most:.3f})"
        lines.append(
            f"{one['minutes']:>6g}  {what:<34}{cold:>9}{warm:>27}{one['sensor_samples_per_s']:>13,.0f}"
            f"{one['times_real_time']:>13,.0f}"
        )
    lines += ["", f"{REPROCESS}: a whole process of imu reprocess, Parquet to Parquet, start-up included.", ""]
    for one in result["growth"]:
        peak = "peak unknown" if one["peak_mb"] is None else f"peak {one['peak_mb']:.0f} MB"
        lines.append(f"{one['minutes']:>6g}  imu reprocess, in blocks: {one['seconds']:.2f} s, {peak}")
    lines += ["", *(f"{value:g} x  {name}" for name, value in result["ratios"].items())]
    lines += [f"not timed: {name}: {reason}" for name, reason in result["failed"].items()]
    lines.append(
        f"Of this machine and this run: {machine['processor']}, {machine['cpus']} CPUs, {machine['system']},"
        f" Python {result['software']['python']}, numpy {result['software']['numpy']},"
        f" numba {result['software']['numba']}."
    )
    return "\n".join(lines)


def _machine() -> dict[str, Any]:
    return {
        "processor": _model() or platform.machine(),
        "cpus": os.cpu_count(),
        "system": platform.system(),
    }


def _model() -> str | None:
    """The processor as Linux names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
