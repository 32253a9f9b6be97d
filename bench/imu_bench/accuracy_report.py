"""The accuracy of detection for people to read: all of it as text, the most of it as a Markdown table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from imu.cli.terminal import aligned, percent_text
from imu_bench.scores import UNKNOWN

Figures: TypeAlias = Mapping[str, Any]
Column: TypeAlias = tuple[str, Callable[[Figures], str]]
"""A heading, and the cell below it."""

NONE: Final = "-"


def text(result: Figures) -> str:
    """All that was measured, in three tables."""
    contacts: list[Column] = [
        ("contacts", lambda group: str(group["contacts"])),
        ("missed", lambda group: str(group["missed"])),
        ("false", lambda group: str(group["false"])),
        ("F1 50 ms", lambda group: _told(group["f1"], 3)),
        ("median ms", lambda group: _told(group["contact_ms"]["median"])),
        ("sd ms", lambda group: _told(group["contact_ms"]["sd"])),
        ("direction %", lambda group: _told(group["direction"]["right"], 1, 100.0)),
        ("undecided", lambda group: _told(group["direction"]["undecided"], 1, 100.0)),
        ("pattern %", lambda group: _told(group["pattern"]["right"], 1, 100.0)),
        ("undecided", lambda group: _told(group["pattern"]["undecided"], 1, 100.0)),
        ("latency p50 ms", lambda group: _told(group["latency_ms"]["p50"], 0)),
        ("p95", lambda group: _told(group["latency_ms"]["p95"], 0)),
    ]
    rest: list[Column] = [
        ("release ms", lambda group: _median_sd(group["release_ms"])),
        ("second contact ms", lambda group: _median_sd(group["second_ms"])),
        ("foot angle deg", lambda group: _median_sd(group["foot_angle_deg"])),
        ("stride length MAE cm", lambda group: _covered(group["stride_length_m"], "mae", 1, 100.0)),
    ]
    groups = list(_groups(result))
    return "\n".join(
        [
            *_lines((result["by"], "walking"), contacts, groups),
            "",
            "median +- sd (n of those that truth asks for)",
            *_lines((result["by"], "walking"), rest, groups),
            *_drops(result),
            "",
        ]
    )


def _drops(result: Figures) -> list[str]:
    columns: list[Column] = [
        ("pelvic drop rmse deg", lambda drop: _covered(drop, "rmse", 2)),
        ("mean error deg", lambda drop: _told(drop["mean"], 2)),
    ]
    drops = [((name,), drop) for name, drop in result["pelvic_drop_deg"].items()]
    return ["", *_lines((result["by"],), columns, drops)] if drops else []


def _lines(
    keys: Sequence[str], columns: Sequence[Column], rows: Sequence[tuple[tuple[str, ...], Figures]]
) -> list[str]:
    head = (*keys, *(heading for heading, _ in columns))
    return aligned([head, *((*key, *(cell(row) for _, cell in columns)) for key, row in rows)], left=len(keys))


def markdown(result: Figures) -> str:
    """A table of the walking that truth gives a direction, and a line on what it gives none."""
    columns: list[Column] = [
        ("contacts", lambda group: str(group["contacts"])),
        ("F1 within 50 ms", lambda group: _told(group["f1"], 3)),
        ("timing bias (median, ms)", lambda group: _told(group["contact_ms"]["median"], 0)),
        ("timing scatter (sd, ms)", lambda group: _told(group["contact_ms"]["sd"], 0)),
        ("direction right", lambda group: _right(group["direction"])),
        ("pattern right", lambda group: _right(group["pattern"])),
    ]
    if result["pelvic_drop_deg"]:
        columns.append(("pelvic drop rmse (deg)", lambda group: _told(group["pelvic_drop_deg"]["rmse"], 2)))
    lines = [
        _cells([result["by"], "walking", *(heading for heading, _ in columns)]),
        _cells(["---", "---", *("---:" for _ in columns)]),
    ]
    turns: list[str] = []
    for (name, walking), group in _groups(result):
        if walking != UNKNOWN:
            lines.append(_cells([name, walking, *(cell(group) for _, cell in columns)]))
        else:
            share = NONE if group["found_share"] is None else percent_text(group["found_share"])
            turns.append(f"{name}: {share} of {group['contacts']} within 50 ms, F1 {_told(group['f1'], 3)}")
    if turns:
        lines += ["", f"Turns and closing steps, to which truth gives no direction: {'; '.join(turns)}."]
    return "\n".join([*lines, ""])


def _groups(result: Figures) -> Iterator[tuple[tuple[str, str], Figures]]:
    for name, walkings in result["groups"].items():
        for walking, figures in walkings.items():
            yield (name, walking), figures


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _right(verdicts: Figures) -> str:
    if verdicts["right"] is None:
        return NONE
    undecided = f" ({percent_text(verdicts['undecided'])} undecided)" if verdicts["undecided"] else ""
    return f"{percent_text(verdicts['right'])}{undecided}"


def _median_sd(errors: Figures) -> str:
    if not errors["n"]:
        return _coverage(errors)
    return f"{_told(errors['median'])} +- {_told(errors['sd'])} {_coverage(errors)}"


def _covered(errors: Figures, statistic: str, digits: int, scale: float = 1.0) -> str:
    return f"{_told(errors[statistic], digits, scale)} {_coverage(errors)}" if errors["n"] else _coverage(errors)


def _coverage(errors: Figures) -> str:
    return f"({errors['n']}/{errors['asked']})" if errors["asked"] else NONE


def _told(value: float | None, digits: int = 1, scale: float = 1.0) -> str:
    return NONE if value is None else f"{scale * value:.{digits}f}"
