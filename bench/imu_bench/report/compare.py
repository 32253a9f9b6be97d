"""`imu-bench compare A B`: what changed between two accuracy.json, by how much, and whether beyond doubt.

A change is beyond both intervals where the new figure lies outside the old one's interval and the old figure outside
the new one's. Intervals are over people: of fewer than three there is none, and nothing is beyond doubt.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from imu.cli.terminal import aligned, counted
from imu.core.canonical import canonical_json
from imu_bench.report.keys import DASH, KEYS, Key
from imu_bench.report.results import Answer, Figure, Results, Scenario, read_results

Verdict: TypeAlias = Literal["better", "worse", "changed"]
"""`changed`: neither way is better, or there was no figure before, or is none now."""

EXAMPLES: Final = """\
examples:
  imu-bench compare before after            two folders that hold accuracy.json
  imu-bench compare old.json new.json --all --json

Beyond both: the new figure lies outside the old one's interval, and the old one outside the new one's.
"""
SCHEMA: Final = "retrogait.comparison/1"
DIGITS: Final = 3
"""More than the figure is shown with, so that a small change is no nought."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that is not what it was."""

    scenario: str
    detector: str
    walking: str
    key: Key
    before: Figure
    after: Figure

    @property
    def by(self) -> float | None:
        if self.before.value is None or self.after.value is None:
            return None
        return self.after.value - self.before.value

    @property
    def beyond(self) -> bool | None:
        """Beyond both intervals; None = there are none to tell by."""
        if self.by is None or self.before.interval is None or self.after.interval is None:
            return None
        return _outside(self.after.value, self.before.interval) and _outside(self.before.value, self.after.interval)

    @property
    def verdict(self) -> Verdict:
        if self.before.value is None or self.after.value is None or self.key.better == "none":
            return "changed"
        old, new = self.before.value, self.after.value
        match self.key.better:
            case "high":
                gain = new - old
            case "low":
                gain = old - new
            case "zero":
                gain = abs(old) - abs(new)
        return "better" if gain > 0 else "worse" if gain < 0 else "changed"

    @property
    def size(self) -> float:
        """In widths of the wider interval, for the order of telling; those without stand last."""
        if self.by is None or self.before.interval is None or self.after.interval is None:
            return 0.0
        width = max(high - low for low, high in (self.before.interval, self.after.interval))
        return abs(self.by) / width if width else float("inf")

    def document(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "detector": self.detector,
            "walking": self.walking,
            "figure": self.key.name,
            "before": _told(self.before),
            "after": _told(self.after),
            "by": self.by,
            "beyond_both_intervals": self.beyond,
            "verdict": self.verdict,
        }


@dataclass(slots=True)
class Comparison:
    """Of two results: what may make it worth nothing, and what changed, the surest and largest first."""

    warnings: list[str] = field(default_factory=list[str])
    only_before: list[str] = field(default_factory=list[str])
    only_after: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])
    changes: list[Change] = field(default_factory=list[Change])
    figures: int = 0
    """That both have."""

    def document(self) -> dict[str, Any]:
        """For other programs."""
        return {
            "schema": SCHEMA,
            "warnings": self.warnings,
            "only_before": self.only_before,
            "only_after": self.only_after,
            "failures": self.failures,
            "figures": self.figures,
            "changes": [one.document() for one in self.changes],
        }


def compare(before: Results, after: Results) -> Comparison:
    """Every figure that both have, and what only one has."""
    made = Comparison(list(_warnings(before, after)))
    for old, new in _both(made, before.scenarios, after.scenarios):
        for name in (one for one in old.detectors if one in new.detectors):
            _answers(made, old.id, name, old.detectors[name], new.detectors[name])
        _one_sided(made, old, new)
    made.changes.sort(key=lambda one: (one.beyond is not True, -one.size, one.scenario, one.detector, one.walking))
    return made


def _both(
    made: Comparison, before: Mapping[str, Scenario], after: Mapping[str, Scenario]
) -> Iterator[tuple[Scenario, Scenario]]:
    made.only_before += [f"scenario {name}" for name in before if name not in after]
    made.only_after += [f"scenario {name}" for name in after if name not in before]
    for name, old in before.items():
        if name in after:
            yield old, after[name]


def _one_sided(made: Comparison, old: Scenario, new: Scenario) -> None:
    made.only_before += [f"detector {name} in {old.id}" for name in old.detectors if name not in new.detectors]
    made.only_after += [f"detector {name} in {old.id}" for name in new.detectors if name not in old.detectors]


def _answers(made: Comparison, scenario: str, name: str, old: Answer, new: Answer) -> None:
    where = f"{name} in {scenario}"
    made.failures += [f"{where}: {session} fails now: {new.failed[session]}" for session in _more(new, old)]
    made.failures += [f"{where}: {session} fails no more" for session in _more(old, new)]
    for walking in [*old.walking, *(one for one in new.walking if one not in old.walking)]:
        for key in KEYS.values():
            before, after = old.figure(walking, key.name), new.figure(walking, key.name)
            made.figures += before.value is not None and after.value is not None
            if (before.value, before.n, before.asked) != (after.value, after.n, after.asked):
                made.changes.append(Change(scenario, name, walking, key, before, after))


def _more(one: Answer, other: Answer) -> list[str]:
    """Sessions that failed in one alone."""
    return sorted(set(one.failed) - set(other.failed))


def _warnings(before: Results, after: Results) -> Iterator[str]:
    """What makes two files less than comparable."""
    for name, old in before.data.items():
        new = after.data.get(name)
        if new is not None and new.digest != old.digest:
            yield f"{name}: its inputs differ ({old.digest[:19]} and {new.digest[:19]}): these are not the same data"
    if before.seed != after.seed:
        yield f"seeds differ ({before.seed} and {after.seed}): random perturbations and intervals do too"
    if before.resamples != after.resamples:
        yield f"resamples differ ({before.resamples} and {after.resamples}): intervals do too"
    if before.interval != after.interval:
        yield f"intervals are of {100 * before.interval:g} % and {100 * after.interval:g} %"
    if before.private or after.private:
        yield "private data sets are inside: what follows is not to be shown to others"
    for name, old in before.detectors.items():
        new = after.detectors.get(name)
        if new is not None and dict(new.packages) != dict(old.packages):
            yield f"{name} runs {_packages(new.packages)}; it ran {_packages(old.packages)}"


def _packages(said: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(said.items())) or "nothing named"


def report(made: Comparison, *, every: bool = False) -> str:
    """For people: warnings, then what is beyond both intervals; the rest counted, or told too."""
    sure = [one for one in made.changes if one.beyond]
    rest = [one for one in made.changes if not one.beyond]
    untested = sum(one.beyond is None for one in rest)
    lines = [f"warning: {one}" for one in made.warnings]
    lines += [f"only before: {one}" for one in made.only_before]
    lines += [f"only after: {one}" for one in made.only_after]
    lines += made.failures
    if lines:
        lines.append("")
    if not made.changes:
        lines.append(f"Nothing changed: {counted(made.figures, 'figure')} of both are equal.")
        return "\n".join([*lines, ""])
    better, worse = (sum(one.verdict == verdict for one in sure) for verdict in ("better", "worse"))
    lines.append(
        f"{len(made.changes)} of {counted(made.figures, 'figure')} changed. Beyond both intervals: {len(sure)}"
        f" ({better} better, {worse} worse)."
    )
    shown = made.changes if every else sure
    if shown:
        lines += ["", *_table(shown)]
    if rest and not every:
        lines += ["", f"{len(rest)} more lie within an interval or have none ({untested} without); --all tells them."]
    return "\n".join([*lines, ""])


def _table(changes: list[Change]) -> list[str]:
    head = ("scenario", "walking", "detector", "figure", "before", "after", "by", "", "beyond both")
    rows = [
        (
            one.scenario,
            one.walking,
            one.detector,
            one.key.title,
            _shown(one.key, one.before),
            _shown(one.key, one.after),
            DASH if one.by is None else _signed(one.key, one.by),
            one.verdict,
            {True: "yes", False: "no", None: "no intervals"}[one.beyond],
        )
        for one in changes
    ]
    return aligned([head, *rows], left=4)


def _shown(key: Key, figure: Figure) -> str:
    n = f" ({figure.n}/{figure.asked})"
    return DASH + n if figure.value is None else key.with_unit(figure.value) + n


def _signed(key: Key, by: float) -> str:
    """A change, with so many digits that it is no nought."""
    for digits in range(key.digits, key.digits + DIGITS + 1):
        said = f"{key.scale * by:+.{digits}f}"
        if float(said):
            return said.replace("-", "\u2212")
    return f"{key.scale * by:+.1e}".replace("-", "\u2212", 1)


def _outside(value: float | None, interval: tuple[float, float]) -> bool:
    return value is not None and not interval[0] <= value <= interval[1]


def _told(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "n": figure.n,
        "asked": figure.asked,
    }


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `imu-bench compare`."""
    parser.epilog = EXAMPLES
    for name, sign, what in (("before", "A", "what it was"), ("after", "B", "what it is")):
        parser.add_argument(name, type=Path, metavar=sign, help=f"{what}: an accuracy.json, or a folder that holds one")
    parser.add_argument("--all", action="store_true", help="changes within the intervals too")
    parser.add_argument("--json", action="store_true", help="everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the comparison to stdout."""
    made = compare(read_results(args.before), read_results(args.after))
    sys.stdout.write(canonical_json(made.document(), indent=2) if args.json else report(made, every=args.all))
    return 0
