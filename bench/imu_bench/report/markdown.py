"""report.md: one table, for a README or a reply to a reviewer."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from imu_bench.report.data import UNTOLD, command
from imu_bench.report.glance import PRIVATE
from imu_bench.report.html import WALKING, people
from imu_bench.report.judge import Judge, Place, marks
from imu_bench.report.keys import DASH, ENOUGH, FEW, FEW_MARK, KEYS, THIN_MARK, Key
from imu_bench.report.results import Results

SHOWN: Final = tuple(
    KEYS[name]
    for name in (
        "f1_50ms",
        "timing_bias_ms",
        "timing_sd_ms",
        "direction_right",
        "pattern_right",
        "stride_length_mae_m",
        "pelvic_drop_rmse_deg",
        "latency_p95_ms",
    )
)
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~&!])")


def markdown(results: Results) -> str:
    """The table, its signs, and whose data it stands on."""
    judge = Judge(results)
    keys = [key for key in SHOWN if judge.offers_any(key)]
    head = ["data set", "walking", "detector", *(f"{key.title}{f', {key.unit}' if key.unit else ''}" for key in keys)]
    lines = [
        "# Retrogait benchmark",
        "",
        *(
            [f"**{PRIVATE}** It holds figures on data sets whose owners gave no leave to publish.", ""]
            if results.private
            else []
        ),
        f"Seed {results.seed}; {100 * results.interval:g} % intervals of {results.resamples} resamples of people, in"
        " brackets; n of asked, in parentheses.",
        "",
        _row(head),
        _row(["---", "---", "---", *("---:" for _ in keys)]),
        *(_row(line) for place in judge.places for line in _lines(judge, place, keys)),
        "",
        f"{DASH}: nothing was asked. {FEW_MARK}: fewer than {FEW}. {THIN_MARK}: less than {100 * ENOUGH:.0f} % of what"
        " was asked, or of the contacts. Bold: the best, its interval apart from the next one's."
        " F1 within 50 ms, after the median error of the group is taken out; bias: median of found minus true; spread:"
        " sd about it. Biases are against each data set's own definition of a contact.",
        "",
        *(_cited(results)),
        "",
        *_again(results),
    ]
    return "\n".join(lines)


def _lines(judge: Judge, place: Place, keys: Sequence[Key]) -> Iterator[list[str]]:
    bests = {key.name: judge.best(place, key) for key in keys}
    where = f"{_safe(place.data.name)} ({people(place.scenario.subjects)})"
    for name in judge.results.detectors:
        if name not in place.scenario.detectors or not judge.takes_part(name, [place.scenario], keys):
            continue
        cells: list[str] = []
        for key in keys:
            best = bests[key.name]
            first = best is not None and best.name == name and best.lead == "clear"
            cells.append(_cell(judge, place, name, key, first=first))
        yield [where, _safe(WALKING.get(place.walking, place.walking)), _safe(name), *cells]


def _cell(judge: Judge, place: Place, name: str, key: Key, *, first: bool) -> str:
    standing = judge.standing(name, place.scenario, place.walking, key)
    if standing == "nothing asked":
        return DASH
    if standing in ("not offered", "not offered here", "not in this run"):
        return standing
    answer = place.scenario.detectors[name]
    figure = answer.figure(place.walking, key.name)
    n = f"({key.coverage(figure, '/')})"
    if figure.value is None:
        return f"{DASH} {n}"
    shown = key.shown(figure.value, signed=True) + marks(answer, place.walking, key)
    interval = f" [{key.interval(figure)}]" if figure.interval else ""
    return f"{f'**{shown}**' if first else shown}{interval} {n}"


def _cited(results: Results) -> Iterator[str]:
    for data in results.data.values():
        yield f"- {_safe(data.name)}: {_safe(data.citation)} Licence: {_safe(data.licence)}"


def _again(results: Results) -> list[str]:
    made = command(results)
    # indented, nothing in it ends the code
    return [UNTOLD, ""] if made is None else ["Again:", "", f"    {' '.join(made.split())}", ""]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _safe(said: str) -> str:
    r"""A text that neither ends a cell nor begins markup.

    >>> print(_safe("a|b <i>"))
    a\|b \<i\>
    """
    return _SPECIAL.sub(r"\\\1", " ".join(said.split()))
