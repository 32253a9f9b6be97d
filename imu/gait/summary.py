"""What a session came to: statistics of its tables, by direction."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from imu.core.tables import DIRECTIONS, Row, number

SCHEMA: Final = "retrogait.summary/1"
LEAST_N: Final = 10
"""Rows below which no mean is given (Commandeur 2024, Sensors 24:7666: about 10 strides for means)."""
DIGITS: Final = 6

LeftOut = list[dict[str, str]]


def summarise_directions(
    contacts: Sequence[Row], strides: Sequence[Row], steps: Sequence[Row]
) -> tuple[dict[str, Any], LeftOut]:
    """`directions` and `left_out` of summary.json.

    Counts are of all rows; every other figure is of rows with empty quality, and None below 10 of them.
    """
    directions: dict[str, Any] = {}
    left_out: LeftOut = []
    for direction in sorted(DIRECTIONS):
        rows = [[row for row in table if row["direction"] == direction] for table in (contacts, strides, steps)]
        if not any(rows):
            continue
        where = f"directions.{direction}"
        for name, table in zip(("contacts", "strides", "steps"), rows, strict=True):
            left_out += _not_clean(f"{where}.{name}", table)
        clean = [[row for row in table if not row["quality"]] for table in rows]
        figures = _Figures(where, clean[0], clean[1], clean[2], left_out)
        directions[direction] = {
            "contacts": len(rows[0]),
            "strides": len(rows[1]),
            "steps": len(rows[2]),
            **figures.all(),
        }
    return directions, left_out


def _not_clean(what: str, rows: Sequence[Row]) -> LeftOut:
    reasons = [str(row["quality"]).split(";") for row in rows if row["quality"]]
    if not reasons:
        return []
    counted = Counter(reason for row in reasons for reason in row)
    why = ", ".join(f"{reason} {n}" for reason, n in sorted(counted.items()))
    return [{"what": what, "why": f"{len(reasons)} of {len(rows)} not clean: {why}"}]


class _Figures:
    """The figures of one direction; what has too few rows is None and is noted in `left_out`."""

    def __init__(
        self, where: str, contacts: Sequence[Row], strides: Sequence[Row], steps: Sequence[Row], left_out: LeftOut
    ) -> None:
        self._where, self._left_out = where, left_out
        self._contacts, self._strides, self._steps = contacts, strides, steps

    def all(self) -> dict[str, Any]:
        return {
            "cadence_spm": self._cadence(),
            "toe_first_share": {foot: self._toe_first(foot) for foot in ("left", "right")},
            "uncertain_share": self._share(
                "uncertain_share", self._contacts, lambda row: row["pattern"] == "uncertain", "contacts"
            ),
            "pelvic_drop_deg": {
                foot: self._statistic(
                    f"pelvic_drop_deg.{foot}",
                    (row["pelvic_drop_deg"] for row in self._steps if row["stance_foot"] == foot),
                    "steps",
                )
                for foot in ("left", "right")
            },
            "step_time_asymmetry_pct": self._asymmetry(),
            **{
                name: self._statistic(name, (row[name] for row in self._strides), "strides")
                for name in ("stance_fraction", "stride_length_m", "speed_m_s")
            },
        }

    def _too_few(self, name: str, n: int, of: str, needed: str = str(LEAST_N)) -> None:
        self._left_out.append({"what": f"{self._where}.{name}", "why": f"{n} {of}, {needed} needed"})

    def _statistic(self, name: str, values: Iterable[object], of: str) -> dict[str, float] | None:
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        if len(numbers) < LEAST_N:
            return self._too_few(name, len(numbers), of)
        mean = math.fsum(numbers) / len(numbers)
        return {"mean": round(mean, DIGITS), "sd": _sd(numbers), "n": len(numbers)}

    def _cadence(self) -> dict[str, float] | None:
        n = len(self._steps)
        if n < LEAST_N:
            return self._too_few("cadence_spm", n, "steps")
        mean = 60.0 * n / math.fsum(number(row, "step_time_s") for row in self._steps)
        sd = _sd([number(row, "cadence_spm") for row in self._steps])
        return {"mean": round(mean, DIGITS), "sd": sd, "n": n}

    def _share(self, name: str, rows: Sequence[Row], true: Callable[[Row], bool], of: str) -> float | None:
        if len(rows) < LEAST_N:
            return self._too_few(name, len(rows), of)
        return round(sum(map(true, rows)) / len(rows), DIGITS)

    def _toe_first(self, foot: str) -> float | None:
        known = [row for row in self._contacts if row["foot"] == foot and row["pattern"] != "uncertain"]
        return self._share(
            f"toe_first_share.{foot}", known, lambda row: row["pattern"] == "toe_to_heel", "contacts of known pattern"
        )

    def _asymmetry(self) -> dict[str, float] | None:
        """100 (R - L) / (0.5 (R + L)) of mean step times; a step belongs to the foot whose contact ends it."""
        ends: Mapping[str, list[float]] = {"left": [], "right": []}
        for row in self._steps:
            ends["right" if row["stance_foot"] == "left" else "left"].append(number(row, "step_time_s"))
        n = {foot: len(times) for foot, times in ends.items()}
        if min(n.values()) < LEAST_N:
            least = min(n.values())
            return self._too_few("step_time_asymmetry_pct", least, "steps", f"{LEAST_N} of each side")
        left, right = (math.fsum(ends[foot]) / n[foot] for foot in ("left", "right"))
        return {"value": round(100.0 * (right - left) / (0.5 * (right + left)), DIGITS), "n": sum(n.values())}


def _sd(numbers: Sequence[float]) -> float:
    """Sample standard deviation."""
    mean = math.fsum(numbers) / len(numbers)
    return round(math.sqrt(math.fsum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1)), DIGITS)
