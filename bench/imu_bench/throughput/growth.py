"""`python -m imu_bench.throughput.growth SESSION OUT`: reprocess one session folder from Parquet to Parquet, block by
block, and tell how long it took and how much memory the process had at most.
"""

import json
import sys
import time
from pathlib import Path

from imu.reprocess import reprocess


def peak_mb() -> float | None:
    """Of this process so far; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():
        # what getrusage tells on Linux is at least what the process had that started this one
        peaks = [line.split()[1] for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 / 1e6 if peaks else None
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def main() -> int:
    """One line of JSON."""
    source, target = map(Path, sys.argv[1:3])
    begin_s = time.perf_counter()
    outcome = reprocess(source, target)
    seconds = time.perf_counter() - begin_s
    contacts = sum(one["contacts"] for one in outcome.summary["directions"].values())
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "contacts": contacts}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
