"""Where a session is in its protocol: the phase, what comes next, and what went beyond a limit. Knows no clock."""

from math import inf
from typing import Final, Literal, NamedTuple, TypeAlias

from imu.live.desk.protocol import Phase, Protocol

Why: TypeAlias = Literal["time", "distance", "belt stopped", "feet at rest", "button"]

STOPPED_M_S: Final = 0.02
"""A belt that is slower has stopped: the unit of treadmills is 0.01 km/h, and noise is a few of those."""
REST_S: Final = 3.0
"""Both feet at rest for so long, and no treadmill that says otherwise: the belt has stopped."""
BEYOND_M_S: Final = 0.02
"""Over a limit is who is over it by more than rounding."""
GLANCE_S: Final = 2.0
"""Whoever leaves a phase so soon has passed over it; later it was cut short."""


class Seen(NamedTuple):
    """What is known of the world at one moment."""

    belt_m_s: float | None = None
    """As the treadmill says, or as somebody typed; None = nobody says."""
    belt_told: bool = False
    """The treadmill says it."""
    feet_rest_s: float = 0.0
    """For how long all feet have been at rest."""
    metres: float = 0.0
    """Walked since the phase began."""
    backward: bool = False
    """They walk backward just now, whatever the phase asks for."""
    forward: bool = False
    """The same. Neither: they stand, or nobody knows."""


class Turn(NamedTuple):
    """A phase that ended, and what came after it."""

    ended: Phase | None
    why: Why | None
    after_s: float
    """How long it lasted, pauses left out."""
    began: Phase | None
    """None: that was the last."""


NOTHING: Final = Seen()


class Course:
    """Times are seconds of the session, and never go back. It begins with the first phase.

    `tick` and `next` give what turned; warnings wait in `warnings` until somebody takes them.
    """

    def __init__(self, protocol: Protocol, now_s: float = 0.0) -> None:
        self.protocol: Final = protocol
        self.at = 0
        """Index of the phase; that of none after the last."""
        self.paused = False
        """Stops the phase: its clock, its end, its metres, its baseline and its cues. Limits go on: people may walk."""
        self.warnings: list[str] = []
        self.beyond = ""
        """The limit that is exceeded just now, in words."""
        self._now_s = now_s
        self._phase_s = 0.0
        self._backward_s = 0.0
        self._too_fast = self._too_long = False
        self._limits_m_s = {"backward": protocol.max_speed_m_s, "forward": protocol.max_forward_m_s}
        """By direction: of the last phase that asked for it, or the protocol's."""
        self._take_limit()

    @property
    def phase(self) -> Phase | None:
        """Now; None = all are over."""
        return self.protocol.phases[self.at] if self.at < len(self.protocol.phases) else None

    @property
    def next_phase(self) -> Phase | None:
        """After this one."""
        return self.protocol.phases[self.at + 1] if self.at + 1 < len(self.protocol.phases) else None

    @property
    def phase_s(self) -> float:
        """How long it lasts already, pauses left out."""
        return self._phase_s

    @property
    def left_s(self) -> float | None:
        """None: nobody knows."""
        phase = self.phase
        return None if phase is None or phase.seconds is None else max(0.0, phase.seconds - self._phase_s)

    @property
    def target_m_s(self) -> float | None:
        """What the belt should be set to."""
        return None if self.phase is None else self.phase.target_m_s(self._phase_s)

    def tick(self, now_s: float, seen: Seen = NOTHING) -> Turn | None:
        """Time goes on to `now_s`."""
        step_s, self._now_s = max(0.0, now_s - self._now_s), max(now_s, self._now_s)
        phase = self.phase
        self._watch_time(phase, seen, step_s)
        self._watch_speed(phase, seen)
        if phase is None or self.paused:
            return None
        self._phase_s += step_s
        why = self._over(phase, seen)
        return None if why is None else self._turn(why)

    def next(self, seen: Seen = NOTHING) -> Turn | None:
        """The button: this phase is over. None after the last."""
        phase = self.phase
        if phase is None:
            return None
        moving = seen.belt_m_s is not None and seen.belt_m_s > STOPPED_M_S
        if phase.kind == "slow_down" and seen.belt_told and moving:
            self.warnings.append(f"{phase.title}: left while the belt runs at {seen.belt_m_s:.2f} m/s")
        elif phase.seconds is not None:
            skipped = "skipped" if self._phase_s < GLANCE_S else "cut short"
            self.warnings.append(f"{phase.title}: {skipped} after {self._phase_s:.0f} of {phase.seconds:.0f} s")
        elif self._phase_s < GLANCE_S:
            self.warnings.append(f"{phase.title}: skipped")
        self.paused = False
        return self._turn("button")

    def taken_warnings(self) -> list[str]:
        """All since they were taken last."""
        warnings, self.warnings = self.warnings, []
        return warnings

    def _turn(self, why: Why) -> Turn:
        ended, lasted_s = self.phase, self._phase_s
        self.at += 1
        self._phase_s = 0.0
        self.beyond, self._too_fast = "", False
        self._take_limit()
        return Turn(ended, why, lasted_s, self.phase)

    def _over(self, phase: Phase, seen: Seen) -> Why | None:
        if phase.kind == "slow_down":
            if seen.belt_told and seen.belt_m_s is not None:
                # feet at rest on the rails say nothing against a treadmill that says it moves
                return "belt stopped" if seen.belt_m_s <= STOPPED_M_S else None
            # who stood before it began has not slowed down yet
            return "feet at rest" if min(seen.feet_rest_s, self._phase_s) >= REST_S else None
        if phase.metres is not None and seen.metres >= phase.metres:
            return "distance"
        return "time" if phase.seconds is not None and self._phase_s >= phase.seconds else None

    def _take_limit(self) -> None:
        """Who slows down after a phase goes on at its speed."""
        if self.phase is not None and self.phase.direction is not None:
            self._limits_m_s[self.phase.direction] = self.phase.max_speed_m_s

    def _watch_speed(self, phase: Phase | None, seen: Seen) -> None:
        """Once each time that it is exceeded. What they do counts, and what they are asked for as well: whoever is to
        turn round on a belt should be told before.
        """
        walked = {"backward": seen.backward, "forward": seen.forward}
        asked = None if phase is None else phase.direction
        limits_m_s = [most for direction, most in self._limits_m_s.items() if walked[direction] or direction == asked]
        most_m_s = min(limits_m_s, default=inf)
        fast = seen.belt_m_s is not None and seen.belt_m_s > most_m_s + BEYOND_M_S
        self.beyond = f"the belt runs at {seen.belt_m_s:.2f} m/s; {most_m_s:.2f} is the limit" if fast else ""
        if fast and not self._too_fast:
            self.warnings.append(self.beyond)
        self._too_fast = fast

    def _watch_time(self, phase: Phase | None, seen: Seen, step_s: float) -> None:
        """Phases in which people should walk backward, and all time in which they do, a pause or not."""
        most_s = self.protocol.backward_s
        asked = phase is not None and phase.direction == "backward" and not self.paused
        if most_s is None or not (asked or seen.backward):
            return
        self._backward_s += step_s
        if self._backward_s > most_s and not self._too_long:
            self._too_long = True
            most = f"{most_s:.0f} s" if most_s < 60.0 else f"{most_s / 60.0:.3g} min"
            self.warnings.append(f"{most} of walking backward are over, the limit of this protocol")
