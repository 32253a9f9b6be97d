"""What today's figures are held against: the forward walk at the beginning, or a session before."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from imu.core.errors import SessionNotFound
from imu.core.events import Event
from imu.core.session import FEET, Foot
from imu.core.tables import Row, number
from imu.gait.summary import summarise_directions
from imu.store.folder import ANALYSIS, session_dir

SUMMARY: Final = "summary.json"


class Baseline(NamedTuple):
    """Of one direction. Figures that too few steps support are None."""

    direction: str
    drop_deg: Mapping[Foot, float | None]
    cadence_spm: float | None
    source: str
    """"phase Walk forward", by its title, or "session 2026-11-14T..."."""

    def document(self) -> dict[str, Any]:
        """As the page has it."""
        return {**self._asdict(), "drop_deg": dict(self.drop_deg)}


def summary_of(store: Path, subject: str, session: str) -> dict[str, Any]:
    """summary.json of a session.

    Raises:
        SessionNotFound: it is not in the store, or was not analysed.
    """
    path = session_dir(store, subject, session) / ANALYSIS / SUMMARY
    try:
        summary = json.loads(path.read_bytes(), parse_constant=_no_number)
        if not isinstance(summary, dict):
            raise ValueError("no object")
        return cast("dict[str, Any]", summary)
    except (OSError, ValueError):
        raise SessionNotFound(
            f"session {session!r} of {subject} has no summary; want one that was analysed (imu reprocess?)"
        ) from None


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def of_session(summary: Mapping[str, Any], session: str) -> dict[str, Baseline]:
    """What a session found, by direction."""
    directions = cast("dict[str, dict[str, Any]]", summary.get("directions", {}))
    return {name: _of_part(name, part, f"session {session}") for name, part in sorted(directions.items())}


class Walk:
    """The steps of one phase, and what they come to."""

    def __init__(self, direction: str) -> None:
        self.direction = direction
        self._steps: list[Row] = []

    def hear(self, event: Event) -> None:
        """The next event."""
        if event.kind == "step" and event.row["direction"] == self.direction:
            self._steps.append(event.row)

    def baseline(self, title: str) -> Baseline | None:
        """By the rules of summary.json; `title` is the phase's. None = too few clean steps for any figure."""
        directions, _ = summarise_directions([], [], self._steps)
        made = _of_part(self.direction, directions.get(self.direction, {}), f"phase {title}")
        known = [made.cadence_spm, *made.drop_deg.values()]
        return None if all(one is None for one in known) else made


def _of_part(direction: str, part: Mapping[str, Any], source: str) -> Baseline:
    drops: Mapping[str, Any] = part.get("pelvic_drop_deg") or {}
    return Baseline(direction, {foot: _mean(drops.get(foot)) for foot in FEET}, _mean(part.get("cadence_spm")), source)


def _mean(figure: Any) -> float | None:
    return None if figure is None else number(figure, "mean")
