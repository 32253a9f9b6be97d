"""Contacts of both feet and poses of the pelvis meet here, by session time, and become steps."""

import bisect
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from imu.core.records import BREAK, CONTACT, LOOKBACK_S, REST_BEGINS, REST_ENDS, foot_events
from imu.core.samples import Floats
from imu.core.session import FEET, Foot, Sensor, foot_of, sensor_of
from imu.core.tables import DIRECTIONS, REASONS, Row, quality_text
from imu.core.units import NS_PER_S
from imu.gait.fold import single
from imu.gait.pose_ring import PoseRing
from imu.gait.standing import Standing
from imu.gait.step_pelvis import (
    Gravity,
    Span,
    StepPelvis,
    StepPelvisParams,
    StepPelvisReader,
    covered,
    known_gravity,
    stride_gravity,
)

LOOKBACK_NS: Final = round(LOOKBACK_S * NS_PER_S)
END: Final = 2**62
"""Newer than anything: how far a sensor that won't deliver again has come."""
TURN: Final = 1 << REASONS.index("turn")
GAP: Final = 1 << REASONS.index("gap")
LOSSY: Final = GAP | 1 << REASONS.index("saturated")
"""What may cost a foot some accuracy and says nothing against the pelvis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsParams:
    """What makes a step, and how long it may wait for the pelvis to find gravity."""

    step_most_s: float = 2.0
    late_gravity_s: float = 3.0
    standing_s: float = 3.0
    pelvis_standing_s: float = 2.0
    kept_s: float = 6.0
    pelvis: StepPelvisParams = field(default_factory=StepPelvisParams)


class Contact(NamedTuple):
    """Compared by time, then left before right."""

    t_ns: int
    foot: Foot
    direction: int
    quality: int
    turn_deg: float


Step: TypeAlias = tuple[Contact, Contact]


class Steps:
    """Push what any sensor has to say, in any order; get the steps that are settled, in order of time.

    A step waits for the other foot and for the pelvis, and what it says depends on what was delivered alone, not on the
    order of arrival or on the cuts. Poses are kept for as long as the slowest sensor may need them: it is up to the
    caller to end a sensor that has fallen silent.

    Args:
        params: what makes a step.
        feet: those that deliver.
        pelvis: whether it delivers.
        mounting: (3, 3) of the pelvis sensor, rows forward, left and up in sensor axes; None = to be worked out.
    """

    def __init__(
        self, params: StepsParams, *, feet: Sequence[Foot], pelvis: bool, mounting: Floats | None = None
    ) -> None:
        self._params = params
        self._feet = tuple(feet)
        self._newest: dict[Sensor, int] = {sensor_of(foot): -END for foot in feet}
        self._ended: set[Sensor] = set()
        self._contacts: list[Contact] = []
        self._breaks: list[int] = []
        self._absent: list[tuple[Foot, int, int]] = []
        self._away: list[tuple[int, int]] = []
        """Between which times the pelvis was dropped."""
        self._last: Contact | None = None
        self._before: Step | None = None
        self._waiting: deque[Step] = deque()
        self._swing: tuple[Contact, float] | None = None
        self._ring = PoseRing()
        self._standing = Standing(FEET, _ns(params.standing_s), _ns(params.pelvis_standing_s))
        self._reader = StepPelvisReader(params.pelvis, mounting) if pelvis else None
        self._nominal = mounting is not None
        if pelvis:
            self._newest["pelvis"] = -END
        self.broken_alternation = 0
        """Contacts that followed one of the same foot: the other foot's was missed."""

    def push_foot(self, foot: Foot, events: npt.NDArray[np.void], newest_ns: int) -> list[Row]:
        """FOOT_EVENT records of one foot; newest_ns is its newest sample, whether it brought events or not.

        A contact that left its detector later than agreed (the clock jumped, or jitters) makes no step: others may be
        settled. Nor does any step that is not settled yet run over it.
        """
        for found in foot_events(events):
            kind, t_ns = found.kind, found.t_ns
            if kind == CONTACT and found.t_emitted_ns - t_ns <= LOOKBACK_NS:
                bisect.insort(self._contacts, Contact(t_ns, foot, found.direction, found.quality, found.turn_deg))
            elif kind == CONTACT:
                bisect.insort(self._breaks, found.t_emitted_ns - LOOKBACK_NS + 1)
            elif kind == BREAK:
                bisect.insort(self._breaks, t_ns)
            elif kind in (REST_BEGINS, REST_ENDS):
                self._standing.rest(foot, kind, t_ns, found.t_emitted_ns)
        self._newest[sensor_of(foot)] = newest_ns
        return self._settle()

    def push_pelvis(self, poses: npt.NDArray[np.void]) -> list[Row]:
        """POSE records, in order of time."""
        if len(poses) == 0:
            return []
        self._ring.append(poses)
        self._newest["pelvis"] = int(poses["t_ns"][-1])
        return self._settle()

    def drop(self, sensor: Sensor) -> list[Row]:
        """The sensor has fallen silent: nobody waits for it until `resume`, and no step uses what came of it since."""
        if sensor == "pelvis" and sensor not in self._ended:
            self._away.append((self._newest[sensor], END))
        return self.end(sensor)

    def end(self, sensor: Sensor) -> list[Row]:
        """The sensor has said its last: nobody waits for it any longer."""
        if sensor in self._ended:
            return []
        self._ended.add(sensor)
        if sensor != "pelvis":
            foot, newest = foot_of(sensor), self._newest[sensor]
            self._absent.append((foot, newest, END))
            # whether it stands is not known any more
            self._standing.rest(foot, REST_ENDS, newest + 1, newest + 1)
        return self._settle()

    def resume(self, sensor: Sensor, t_ns: int) -> None:
        """A dropped sensor delivers again: nothing before t_ns, nor before anything that others had delivered."""
        self._ended.discard(sensor)
        if sensor == "pelvis":
            self._away[-1] = (self._away[-1][0], t_ns)
        else:
            foot, newest = foot_of(sensor), self._newest[sensor]
            self._absent.remove((foot, newest, END))
            self._absent.append((foot, newest, t_ns))
            bisect.insort(self._breaks, t_ns)
        self._newest[sensor] = t_ns

    def skip(self, sensor: Sensor, t_ns: int) -> list[Row]:
        """The sensor delivers nothing before t_ns: what `drop` and `resume` together say once one knows when."""
        newest = self._newest[sensor]
        if sensor == "pelvis":
            self._away.append((newest, t_ns))
        else:
            foot = foot_of(sensor)
            self._absent.append((foot, newest, t_ns))
            self._standing.rest(foot, REST_ENDS, newest + 1, newest + 1)
            bisect.insort(self._breaks, t_ns)
        self._newest[sensor] = max(newest, t_ns)
        return self._settle()

    def flush(self) -> list[Row]:
        """End of all streams."""
        return [row for sensor in self._newest if sensor not in self._ended for row in self.end(sensor)]

    @property
    def calibrations(self) -> list[dict[str, Any]]:
        """When level was taken from quiet standing, in order of time."""
        return [{"t_ns": level.t_ns, "kind": "standing"} for level in self._standing.levels]

    @property
    def pelvis_mounting(self) -> dict[str, Any] | None:
        """How it is known which way the pelvis sensor faces: nominal, resolved or unresolved; None without a pelvis."""
        if self._reader is None:
            return None
        if self._nominal:
            return {"state": "nominal"}
        resolved = self._reader.mounting.resolved
        if resolved is None:
            return {"state": "unresolved"}
        return {"state": "resolved", "t_ns": resolved.t_ns, "confidence": round(resolved.confidence, 3)}

    def _come(self, *sensors: Sensor) -> int:
        """How far the slowest of these has come."""
        return min((END if sensor in self._ended else self._newest[sensor] for sensor in sensors), default=END)

    def _settle(self) -> list[Row]:
        feet_ns = self._come(*map(sensor_of, self._feet))
        contacts_ns = feet_ns if feet_ns == END else feet_ns - LOOKBACK_NS
        while self._contacts and self._contacts[0].t_ns <= contacts_ns:
            self._follow(self._contacts.pop(0))
        if self._reader is None:
            return [self._row(self._waiting.popleft(), StepPelvis()) for _ in range(len(self._waiting))]
        pelvis_ns = self._come("pelvis")
        self._standing.advance(self._ring, min(feet_ns, pelvis_ns))
        rows: list[Row] = []
        while self._waiting and self._waiting[0][1].t_ns <= pelvis_ns:
            step = self._waiting[0]
            settled, gravity = self._gravity(step, contacts_ns, pelvis_ns)
            if not settled:
                break
            self._before = self._waiting.popleft()
            away = self._was_away(step[0].t_ns, step[1].t_ns)
            rows.append(self._row(step, StepPelvis() if away else self._read(self._reader, step, gravity)))
        needed_ns = min(contacts_ns, pelvis_ns, self._waiting[0][0].t_ns if self._waiting else END)
        self._ring.drop_before(needed_ns - _ns(self._params.kept_s))
        return rows

    def _follow(self, contact: Contact) -> None:
        """The next contact in time, of either foot."""
        last, self._last = self._last, contact
        if last is None or not 0 < contact.t_ns - last.t_ns <= _ns(self._params.step_most_s):
            return
        del self._breaks[: bisect.bisect_right(self._breaks, last.t_ns)]
        if self._breaks and self._breaks[0] <= contact.t_ns:
            return
        if last.foot != contact.foot:
            self._waiting.append((last, contact))
            return
        other: Foot = "right" if contact.foot == "left" else "left"
        absent = any(foot == other and a < contact.t_ns and last.t_ns < b for foot, a, b in self._absent)
        if other in self._feet and not absent:
            self.broken_alternation += 1

    def _gravity(self, step: Step, contacts_ns: int, pelvis_ns: int) -> tuple[bool, Gravity | None]:
        """(whether it is settled, gravity for the step if there is any).

        Who walks from the first sample on has no gravity yet: then it is the mean force of the first whole stride that
        ends with the step or after it, else what the filter knows soon after.
        """
        end_ns = step[1].t_ns
        until_ns = end_ns + _ns(self._params.late_gravity_s)
        now = known_gravity(self._ring, end_ns, end_ns)
        if now is not None or not covered(self._ring, end_ns):
            return True, now
        chain = [*([self._before] if self._before else []), *self._waiting]
        for one, two in pairwise(chain):
            stride_ns = (one[0].t_ns, two[1].t_ns)
            if one[1] is not two[0] or stride_ns[1] < end_ns or self._was_away(*stride_ns):
                continue
            if stride_ns[1] > until_ns:
                break
            if stride_ns[1] > pelvis_ns:
                return False, None
            gravity = stride_gravity(self._ring, end_ns, *stride_ns)
            if gravity is not None:
                return True, gravity
        if min(contacts_ns, pelvis_ns) < until_ns:
            return False, None
        return True, known_gravity(self._ring, end_ns, until_ns)

    def _was_away(self, start_ns: int, end_ns: int) -> bool:
        return any(begin < end_ns and start_ns < until for begin, until in self._away)

    def _read(self, reader: StepPelvisReader, step: Step, gravity: Gravity | None) -> StepPelvis:
        start, end = step
        level = self._standing.before(start.t_ns)
        return reader.read(
            self._ring,
            Span(start.t_ns, end.t_ns, start.foot),
            gravity,
            None if level is None else level.up,
            clean=(start.quality | end.quality) & ~LOSSY == 0,
        )

    def _row(self, step: Step, pelvis: StepPelvis) -> Row:
        start, end = step
        quality = start.quality | end.quality
        if self._turned(step, pelvis):
            quality |= TURN
        if pelvis.gap:
            quality |= GAP
        step_s = (end.t_ns - start.t_ns) / NS_PER_S
        return {
            "stance_foot": start.foot,
            "t_start_ns": start.t_ns,
            "t_end_ns": end.t_ns,
            "step_time_s": single(step_s),
            "cadence_spm": single(60.0 / step_s),
            "direction": DIRECTIONS[end.direction],
            **pelvis.columns(),
            "quality": quality_text(quality),
        }

    def _turned(self, step: Step, pelvis: StepPelvis) -> bool:
        """A pelvis that only swings back as far as it swung in the step before has not turned."""
        before, self._swing = self._swing, (step[1], 0.0 if pelvis.turn_rad is None else pelvis.turn_rad)
        turn = math.radians(step[1].turn_deg) if pelvis.turn_rad is None else pelvis.turn_rad
        undone = before[1] if before is not None and before[0] is step[0] else 0.0
        most = self._params.pelvis.turn_rad
        return abs(turn) > most and abs(turn + undone) > most


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
