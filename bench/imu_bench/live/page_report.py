"""What the page costs and how late it is, for a person to read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

AIM_CPU: Final = 0.05
"""Of a core."""
AIM_FRAMES_PER_S: Final = 20.0
AIM_P95_S: Final = 0.35
OF: Final = {"contact": "a contact", "foot_angle": "cue, foot angle", "drop": "cue, pelvic drop"}
WHERE: Final = {
    "server": "told by the desk",
    "client": "at a plain client",
    "browser": "in the browser",
    "painted": "painted there",
}

QUANTILES: Final = (("50", 7), ("95", 6), ("99", 6), ("100", 6))
"""And how wide each is."""


def report(results: Sequence[Mapping[str, Any]]) -> str:
    """The figures, with the aims beside them."""
    loads = [load for one in results for load in one["load"] if load is not None]
    lines = [
        "Three emulated sensors at 200 Hz over the whole Bluetooth path; recorder, desk and page in one process.",
        f"Aims: {100 * AIM_CPU:.0f} % of a core for serving the page at {AIM_FRAMES_PER_S:.0f} frames/s of each sensor;"
        f" 95 % of the cues in the browser within {1e3 * AIM_P95_S:.0f} ms of the true contact.",
    ]
    if loads:
        lines.append(f"Load of the machine: {min(loads):.1f} to {max(loads):.1f} (one minute's, before and after).")
    return "\n".join([*lines, "", *_cpu(results), "", *_latency(results)])


def _cpu(results: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "CPU in % of a core. Pages are plain clients, in another process; with and without them in turns.",
        f"{'samples a packet':>16}{'desk alone':>12}{'one page':>10}{'two':>7}{'the first costs':>18}{'a second':>14}"
        f"{'frames/s':>10}{'samples/s':>11}{'lost':>6}",
    ]
    for one in results:
        cpu, page, lost = one["cpu"], one["page"], one["lost"]
        lines.append(
            f"{one['packet_samples']:>16.1f}{_percent(cpu['desk']):>12}{_percent(cpu['one_page']):>10}"
            f"{_percent(cpu['two_pages']):>7}{_with_error(cpu['first_page']):>18}{_with_error(cpu['second_page']):>14}"
            f"{min(page['frames_per_s'].values()):>10.1f}{min(page['samples_per_s'].values()):>11.0f}"
            f"{sum(lost.values()):>6}"
        )
    lines.append(
        "Frames and samples: of the sensor with the fewest, at one page. Lost: samples, frames, updates, events."
    )
    return lines


def _latency(results: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "From the true instant of a contact, or of the one that ends a step; ms.",
        f"{'samples a packet':>16}  {'of':<18}{'':<18}{'n':>5}{'p50':>7}{'p95':>6}{'p99':>6}{'max':>6}",
    ]
    for one in results:
        for row in sorted(one["latency"], key=lambda row: (list(OF).index(row["of"]), list(WHERE).index(row["where"]))):
            figures = "".join(_ms(row["latency_s"][q]).rjust(width) for q, width in QUANTILES)
            lines.append(
                f"{one['packet_samples']:>16.1f}  {OF[row['of']]:<18}{WHERE[row['where']]:<18}{row['n']:>5}{figures}"
            )
    for problem in dict.fromkeys(one["browser"]["problem"] for one in results):
        if problem is not None:
            lines.append(f"No browser: {problem}.")
    errors = [one["browser"]["clock_error_s"] for one in results if one["browser"]["clock_error_s"] is not None]
    if errors:
        lines.append(
            f"The browser's clock is known to {1e3 * max(errors):.1f} ms. Painted: the frame with the words has been"
            " made; the screen's own time comes on top, as a loudspeaker's does on top of the message."
        )
    return lines


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1e3 * seconds:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _with_error(difference: Mapping[str, float | None]) -> str:
    mean, error = difference["mean"], difference["error"]
    said = "-" if mean is None else _percent(mean)
    return said if error is None else f"{said} +- {_percent(error)}"
