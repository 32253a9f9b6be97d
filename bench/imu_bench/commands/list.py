"""`imu-bench list`: scenarios, perturbations and detectors."""

import argparse
import sys
from typing import Any, Final

from imu.cli.terminal import aligned
from imu.core.canonical import canonical_json
from imu_bench.running.scenario import SHELVES, SPLITS, shelf

EXAMPLES: Final = """\
examples:
  imu-bench list
  imu-bench list --json

Every data set has every split, and every split every perturbation; named are those that --all runs.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("--json", action="store_true", help="all of it as JSON, every scenario of --all by its id")


def run(args: argparse.Namespace) -> int:
    """Tell what there is."""
    found = everything()
    sys.stdout.write(canonical_json(found, indent=2) if args.json else "\n".join(_lines(found)) + "\n")
    return 0


def everything() -> dict[str, Any]:
    """What can be run here."""
    # they need numpy, numba and what else detectors are made of
    from imu_bench.detectors.registry import GROUPS, detector, kind_of, names_in  # noqa: PLC0415
    from imu_bench.running.perturb import PERTURBATIONS  # noqa: PLC0415
    from imu_bench.running.recordings import at_hand, data_sets, is_private  # noqa: PLC0415

    detectors: dict[str, dict[str, str]] = {}
    for group in GROUPS:
        for name in names_in(group):
            found = detector(name)
            detectors[name] = {"group": group, "kind": kind_of(found), "title": found.about.title}
    return {
        "data": {
            name: {
                "at_hand": at_hand(name),
                "private": is_private(name),
                "scenarios": [one.id for one in shelf(name)],
            }
            for name in data_sets()
            # of formats there is a reader, and perhaps no recording
            if name in SHELVES or at_hand(name)
        },
        "splits": dict(SPLITS),
        "perturbations": {name: one.about for name, one in PERTURBATIONS.items()},
        "detectors": detectors,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    rows = [("scenarios", "", "")]
    for data in found["data"].values():
        plain = [one for one in data["scenarios"] if "+" not in one]
        worse = sorted({one.partition("+")[0] for one in data["scenarios"] if "+" in one})
        state = [] if data["at_hand"] else ["not at hand"]
        state += ["private"] if data["private"] else []
        rows += [
            (f"  {one}", "each perturbation too" if one in worse else "", ", ".join(state) if one == plain[0] else "")
            for one in dict.fromkeys([*plain, *worse])
        ]
    lines = aligned(rows, left=3)
    lines += ["", "perturbations, as SCENARIO+NAME"]
    lines += aligned([(f"  {name}", about) for name, about in found["perturbations"].items()], left=2)
    lines += ["", "detectors"]
    lines += aligned(
        [(f"  {name}", one["group"], one["kind"], one["title"]) for name, one in found["detectors"].items()], left=4
    )
    return lines
