"""Strides of one source and walking, and what they have in common."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from imu_bench.likeness.features import FEATURES, of_foot, of_pelvis, of_run, of_stride
from imu_bench.likeness.signals import FootCut, PelvisCut
from imu_bench.likeness.strides import runs

By: TypeAlias = Literal["source", "session"]

QUANTILES: Final = (0.05, 0.5, 0.95)


@dataclass(slots=True)
class Group:
    """Strides to be laid over each other."""

    sessions: int = 1
    feet: list[FootCut] = field(default_factory=list[FootCut])
    pelvis: list[PelvisCut] = field(default_factory=list[PelvisCut])

    def figures(self) -> dict[str, Any]:
        """Every feature: how many tell of it, median, 5th and 95th percentile; None where there is none."""
        values: defaultdict[str, list[float]] = defaultdict(list)
        told: list[Mapping[str, float]] = []
        for cut in self.feet:
            told += of_stride(cut.stride), of_foot(cut)
        told += map(of_run, runs([cut.stride for cut in self.feet]))
        told += map(of_pelvis, self.pelvis)
        for one in told:
            for name, value in one.items():
                values[name].append(value)
        return {
            "sessions": self.sessions,
            "strides": len(self.feet),
            "features": {name: _spread(values[name]) for name in FEATURES},
        }


@dataclass(slots=True)
class Likeness:
    """All strides that were found, by source and walking, and what became of each session."""

    by: By
    groups: dict[tuple[str, str], Group] = field(default_factory=dict[tuple[str, str], Group])
    names: dict[str, list[str]] = field(
        default_factory=lambda: {key: [] for key in ("compared", "without_truth", "failed")}
    )

    def add(self, source: str, walking: str, group: Group) -> None:
        """One session's strides of one walking."""
        held = self.groups.get((source, walking))
        if held is None:
            self.groups[source, walking] = group
        else:
            held.sessions += group.sessions
            held.feet += group.feet
            held.pelvis += group.pelvis

    def figures(self) -> dict[str, Any]:
        """As `--json` tells it: group, walking, feature."""
        groups: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for source, walking in sorted(self.groups):
            groups[source][walking] = self.groups[source, walking].figures()
        return {"by": self.by, "sessions": self.names, "groups": dict(groups)}


def _spread(values: Iterable[float]) -> dict[str, Any]:
    held = np.array(list(values))
    if not len(held):
        return {"n": 0} | dict.fromkeys(("p5", "median", "p95"))
    p5, median, p95 = np.quantile(held, QUANTILES).tolist()
    return {"n": len(held), "p5": p5, "median": median, "p95": p95}
