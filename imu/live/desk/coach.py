"""What a recording is watched for while it lasts: phases, cues, stumbles, placement, standing, what it is held against.

It knows no clock, no radio and no file: it is fed, and what it has to say goes out by three calls.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from math import inf
from typing import Any, Final

from imu.core.events import Event
from imu.core.samples import Floats, Ints
from imu.core.session import Sensor
from imu.core.tables import Row, number, whole
from imu.core.units import NS_PER_S
from imu.live.desk.baseline import Baseline, Walk
from imu.live.desk.calibration import Calibration
from imu.live.desk.course import NOTHING, Course, Seen, Turn
from imu.live.desk.cues import BadCue, Cues
from imu.live.desk.placement import Placement
from imu.live.desk.protocol import Phase, Protocol
from imu.live.desk.stumbles import Stumbles
from imu.live.desk.wire import Notice
from imu.live.player import Heard
from imu.store.slips import likely

STRIP: Final = 60
"""Contacts that stand in the document."""
TOLD: Final = ("foot", "pattern", "direction", "foot_angle_deg", "confidence", "quality")
"""Of a contact, to whoever looks on."""
CUED: Final = ("ramp", "backward")
"""Kinds of phases in which cues are given: what a walk is compared with is walked without."""
STEPS_ON_S: Final = 3.0
"""Who stepped so shortly ago walks on."""
ORDER: Final = ("forward", "backward")
"""Of directions, as of baselines while nobody walks."""
PAGE_KEYS: Final = ("metric", "low", "high", "hold", "sound", "muted", "fade", "metronome_spm")
"""Of a cue, what a person sets."""


class Coach:
    """One recording's.

    Args:
        mark: (kind, value), a row of the session's events.
        tell: what is told once to whoever looks on.
        warn: what somebody should know now.
    """

    def __init__(
        self,
        mark: Callable[[str, Mapping[str, Any]], None],
        tell: Callable[[Notice], None],
        warn: Callable[[str], None],
    ) -> None:
        self.cues = Cues()
        self.course: Course | None = None
        self.placement = Placement({})
        self.calibration = Calibration(())
        self.contacts: deque[dict[str, Any]] = deque(maxlen=STRIP)
        self.baselines: dict[str, Baseline] = {}
        """By direction."""
        self.direction = ""
        """Of the last contact that had one."""
        self.seen = NOTHING
        """At the last tick."""
        self._mark, self._tell, self._warn = mark, tell, warn
        self._stumbles = Stumbles()
        self._walk: Walk | None = None
        self._begun = self._over = self._walked_backward = self._on = False
        self._stride_sum_m, self._strides = 0.0, 0
        self._contacts_of_phase = 0
        self._stepped_s = dict.fromkeys(ORDER, -inf)
        """Time of the last contact in each direction."""
        self._began_ns = 0
        """Of the phase, session clock."""

    def wear(self, mountings: Mapping[Sensor, Floats | None], *, recorded: bool = False) -> None:
        """Who wears what from now on: placement and standing begin anew. `recorded`: what comes is analysed."""
        self.placement = Placement(mountings)
        self.calibration = Calibration(tuple(mountings), recorded=recorded)

    def look(self, sensor: Sensor, t_ns: Ints, acc: Floats, gyr: Floats) -> None:
        """What a sensor measured before the recording: (n,) ns, (n, 3) m/s^2, (n, 3) rad/s."""
        self.placement.push(sensor, t_ns, acc, gyr)
        self.calibration.push(sensor, t_ns, gyr)
        if self.calibration.wants_word:
            self.calibration.rehearsed()

    def begin(self, protocol: Protocol | None) -> None:
        """The recording begins, and with it the first phase."""
        self._begun = True
        self.course = None if protocol is None else Course(protocol)
        if protocol is not None:
            self._mark("protocol", protocol.document())
        self._begin_phase(0.0)
        self._mark("cue", {"event": "set", **self._set_cue()})
        self._tell_fading("set")

    def end(self) -> None:
        """The recording ends."""
        self._over = True
        self._tell_fading("stop")
        if self.course is not None and self.course.phase is not None:
            self._end_phase(Turn(self.course.phase, None, self.course.phase_s, None), "stop")

    def hear(self, heard: Heard) -> None:
        """What the live loop heard."""
        if heard.sensor is not None and heard.rows is not None:
            rows = heard.rows
            self.placement.push(heard.sensor, rows.t_ns, rows.acc, rows.gyr)
            self.calibration.push(heard.sensor, rows.t_ns, rows.gyr)
            self._stumbles.rows(heard.sensor, rows)
        for event in heard.events:
            self._hear(event)

    def tick(self, now_s: float, belt_m_s: float | None, *, belt_told: bool) -> None:
        """Time goes on, s of the session; the belt's speed, and whether the treadmill says it."""
        course = self.course
        if course is None:
            return
        walks = {one: self.direction == one and now_s - self._stepped_s[one] < STEPS_ON_S for one in ORDER}
        self.seen = Seen(belt_m_s, belt_told, self.calibration.rest_s(now_s), self._metres(), **walks)
        turn = course.tick(now_s, self.seen)
        self._warn_of(course.taken_warnings())
        if turn is not None:
            self._turn(turn, now_s)

    def next(self, now_s: float) -> bool:
        """The button; False: there is no phase any more."""
        if self.course is None:
            return False
        turn = self.course.next(self.seen)
        self._warn_of(self.course.taken_warnings())
        if turn is not None:
            self._turn(turn, now_s)
        return turn is not None

    def pause(self, paused: bool) -> bool:
        """Pause the phase, or go on; False: it is so already, or there is none."""
        course = self.course
        if course is None or course.phase is None or course.paused == paused:
            return False
        course.paused = paused
        self._mark("phase", {"event": "pause" if paused else "resume", "id": course.phase.id})
        self._hold_cues()
        return True

    def set_cue(self, changes: Mapping[str, Any]) -> None:
        """Other settings; those that are not named stay. Another metric has no band until one is said.

        Raises:
            BadCue: what can't be.
        """
        for key in changes:
            if key not in PAGE_KEYS:
                raise BadCue(f"a cue has {key!r}; want {', '.join(PAGE_KEYS)}{likely(key, PAGE_KEYS)}")
        now = self.cues.params
        if changes.get("metric", now.metric) != now.metric:
            now = replace(now, metric="none", low=None, high=None)
        self.cues.set(replace(now, **changes))
        if self._begun:
            self._mark("cue", {"event": "set", **self._set_cue()})
        self._tell_fading("set")

    def baseline(self) -> Baseline | None:
        """For the present direction, else for forward, else what there is."""
        return next((self.baselines[one] for one in (self.direction, *ORDER) if one in self.baselines), None)

    @property
    def held(self) -> str:
        """Why no cue is given now, whatever fading says; "" = nothing holds them."""
        course = self.course
        if self._over:
            return "the recording has ended"
        if course is None:
            return ""
        if course.phase is None:
            return "after the last phase"
        if course.paused:
            return "paused"
        return "" if course.phase.kind in CUED else f"none in a phase {course.phase.kind.replace('_', ' ')}"

    def _set_cue(self) -> dict[str, Any]:
        said = asdict(self.cues.params)
        return {key: said[key] for key in PAGE_KEYS}

    def _hear(self, event: Event) -> None:
        self.placement.hear(event)
        stumble = self._stumbles.hear(event)
        if stumble is not None:
            self._mark("mark", {"name": "stumble", "foot": stumble.foot, "t_contact_ns": stumble.t_ns})
            self._warn(f"a stumble, {stumble.foot} foot? (advisory: it may be none)")
        paused = self.course is not None and self.course.paused
        if self._walk is not None and not paused:
            self._walk.hear(event)
        self._hold_cues()
        cue = self.cues.hear(event)
        if cue is not None:
            said = {"metric": cue.metric, "say": cue.say, "tone": cue.tone, "foot": cue.foot}
            self._tell({"event": "cue", **said, "t_ns": cue.t_ns})
            muted = {"muted": self.cues.params.muted, "t_step_ns": cue.t_ns}
            self._mark("cue", {"event": "given", **said, **muted})
        self._tell_fading("fade")
        if event.kind == "contact":
            self._take_contact(event.row, paused)
        if event.kind == "stride" and event.row["direction"] == "backward" and not paused:
            length_m = event.row["stride_length_m"]
            if length_m is not None and whole(event.row, "t_start_ns") >= self._began_ns:
                self._stride_sum_m, self._strides = self._stride_sum_m + float(length_m), self._strides + 1

    def _take_contact(self, row: Row, paused: bool) -> None:
        said = {**{key: row[key] for key in TOLD}, "t_ns": row["t_contact_ns"]}
        self.contacts.append({key: said[key] for key in ("foot", "t_ns", "pattern", "direction")})
        self._tell({"event": "contact", **said})
        direction = str(row["direction"])
        if direction in ORDER:
            self.direction = direction
            self._stepped_s[direction] = max(self._stepped_s[direction], number(row, "t_contact_ns") / NS_PER_S)
        if direction == "backward":
            self._contacts_of_phase += not paused and number(row, "t_contact_ns") >= self._began_ns

    def _metres(self) -> float:
        """How far the leading foot has come since the phase began: so many steps of half a stride each."""
        return self._contacts_of_phase * 0.5 * self._stride_sum_m / self._strides if self._strides else 0.0

    def _turn(self, turn: Turn, now_s: float) -> None:
        self._end_phase(turn, turn.why or "stop")
        self._begin_phase(now_s)

    def _end_phase(self, turn: Turn, why: str) -> None:
        phase = turn.ended
        if phase is None:
            return
        said: dict[str, Any] = {"event": "end", "id": phase.id, "name": phase.kind, "why": why}
        said["seconds"] = round(turn.after_s, 2)
        if phase.kind == "timed_walk" and phase.metres is not None:
            said |= {"metres": phase.metres, "walked_m": round(self._metres(), 2)}
        self._mark("phase", said)
        if self._walk is not None:
            found = self._walk.baseline(phase.title)
            if found is not None:
                self.baselines[found.direction] = found
            self._walk = None

    def _begin_phase(self, now_s: float) -> None:
        phase = None if self.course is None else self.course.phase
        self._stride_sum_m, self._strides, self._contacts_of_phase = 0.0, 0, 0
        self._began_ns = round(now_s * NS_PER_S)
        self._hold_cues()
        self._tell_fading("phase")
        if phase is None:
            return
        self._mark("phase", {"event": "begin", "id": phase.id, "name": phase.kind, "title": phase.title})
        self._walked_backward = self._walked_backward or phase.kind in CUED
        # how somebody walks forward before they ever walked backward is what they are held against
        if phase.kind == "forward" and not self._walked_backward:
            self._walk = Walk("forward")

    def _hold_cues(self) -> None:
        self.cues.held_back = bool(self.held)

    def _tell_fading(self, why: str) -> None:
        """Cues went on or off in this recording."""
        if not self._begun:
            return
        on = self.cues.on and not self.held
        if on != self._on:
            self._on = on
            self._mark("cue", {"event": "on" if on else "off", "why": self.held or why, "share": self.cues.share})

    def _warn_of(self, warnings: Sequence[str]) -> None:
        for text in warnings:
            self._mark("warning", {"text": text})
            self._warn(text)


def cue_document(coach: Coach) -> dict[str, Any]:
    """As the page has it."""
    cues, held = coach.cues, coach.held
    return {
        **{key: getattr(cues.params, key) for key in PAGE_KEYS},
        "on": cues.on and not held,
        "given": cues.given,
        "held": held,
        "share": round(cues.share, 2),
    }


def course_document(course: Course | None, protocol: Protocol | None) -> dict[str, Any] | None:
    """As the page has it; before the recording only what is to come."""
    if protocol is None:
        return None
    at = 0 if course is None else course.at
    phase = protocol.phases[at] if at < len(protocol.phases) else None
    after = protocol.phases[at + 1] if at + 1 < len(protocol.phases) else None
    return {
        "name": protocol.name,
        "title": protocol.title,
        "about": protocol.about,
        "phases": [_phase(one) for one in protocol.phases],
        "at": at,
        "paused": course is not None and course.paused,
        "left_s": None if course is None or course.left_s is None else round(course.left_s, 1),
        "next": "" if after is None else after.title,
        "limit": "" if course is None else course.beyond,
        "ends_by": "" if phase is None else phase.ends_by,
        "target_m_s": None if course is None else course.target_m_s,
        "say": "" if phase is None else phase.say,
    }


def limits_document(protocol: Protocol | None) -> dict[str, Any]:
    """What no figure should exceed; those of a phase are said with it."""
    return {"drop_deg": None if protocol is None else protocol.drop_deg}


def _phase(phase: Phase) -> dict[str, Any]:
    said = {field.name: getattr(phase, field.name) for field in fields(phase)}
    said["speeds_m_s"] = list(phase.speeds_m_s)
    # nobody wants a limit read out where nobody walks
    said["max_speed_m_s"] = phase.max_speed_m_s if phase.direction is not None else None
    return said
