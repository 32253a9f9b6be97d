"""`python -m imu_bench`: the measurements, by name."""

import argparse
import json
import sys

from imu_bench import accuracy, likeness, live, page
from imu_bench.speed import measure, report


def main() -> int:
    """Run what was asked for and write its report to stdout."""
    parser = argparse.ArgumentParser(prog="python -m imu_bench", description="Measure Retrogait.", allow_abbrev=False)
    benches = parser.add_subparsers(dest="bench", required=True, metavar="BENCH")
    speed = benches.add_parser("speed", help="how long each stage takes, and imu reprocess from Parquet to Parquet")
    speed.add_argument("--minutes", type=float, default=10.0, help="length of the simulated session (default 10)")
    speed.add_argument("--rate", type=float, default=200.0, metavar="HZ", help="of its sensors (default 200)")
    speed.add_argument("--repeats", type=int, default=5, help="the median of so many runs is told (default 5)")
    speed.add_argument("--json", action="store_true", help="the figures as JSON")
    accuracy.configure(benches.add_parser("accuracy", help="how near the truth recordings come", allow_abbrev=False))
    likeness.configure(benches.add_parser("likeness", help="simulated strides beside real ones", allow_abbrev=False))
    live.configure(benches.add_parser("live", help="what the live path costs, and how late it is", allow_abbrev=False))
    page.configure(
        benches.add_parser("page", help="what the page costs, and how late its cues are", allow_abbrev=False)
    )
    args = parser.parse_args()
    if args.bench == "page":
        return page.run(args)
    if args.bench == "live":
        return live.run(args)
    if args.bench == "accuracy":
        return accuracy.run(args)
    if args.bench == "likeness":
        return likeness.run(args)
    if args.minutes <= 0 or args.repeats < 1:
        parser.error("--minutes and --repeats want to be positive")
    result = measure(minutes=args.minutes, rate_hz=args.rate, repeats=args.repeats)
    sys.stdout.write(json.dumps(result, indent=2) if args.json else report(result))
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
