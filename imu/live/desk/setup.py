"""What a person says before a recording: who, against whom, what was made sure of, how fast, which protocol."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from firmware_bridge.central import Standard
from firmware_bridge.driver import Driver
from imu.core.errors import DuplicateSession, RetrogaitError
from imu.core.session import SCHEMA, SUBJECT_CODE, Session
from imu.core.units import speed_m_s
from imu.live.desk import protocol as protocols
from imu.live.desk.baseline import Baseline, of_session, summary_of
from imu.live.sitting import LOG_SUFFIX, left_behind, log_path
from imu.live.worn import Worn
from imu.store.folder import SESSION_FILE, session_dir

NOTES: Final = ("rails", "assistance", "shoes")
LONGEST: Final = 200
"""Characters of how somebody holds on, or what they wear."""
ANY: Final = {"foot_left": {"rate_hz": 100.0}}
"""Sensors for a look at the rest of a session's description."""


class Refused(RetrogaitError, RuntimeError):
    """What a person asked for can't be done now: why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is known of a sitting before anybody says anything."""

    worn: Sequence[Worn] = ()
    """Who wears what, to begin with."""
    worn_path: Path | None = None
    """Where that is kept when it changes; None = nowhere."""
    drivers: Mapping[str, Driver] | None = None
    """By name; None = all that are installed."""
    asides: Sequence[Standard] = ()
    """Standard services to listen to; those that a scan finds are listened to as well."""
    session: str | None = None
    """Its name; None = the time when it begins."""
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of session.json."""
    simulated: bool = False
    """Nobody real is measured."""


class Check(NamedTuple):
    """What to make sure of before the belt runs."""

    id: str
    text: str


CHECKS: Final = (
    Check("clearance", "A physician has cleared this person for it"),
    Check("over-ground", "They can walk backward over level ground"),
    Check("lanyard", "The safety lanyard is clipped on, and reaches when they face the rear"),
    Check("rails", "Rails are in reach of both hands; shoes are closed and tied"),
    Check("assistant", "Somebody stands beside, with the treadmill's own stop in reach"),
    Check("lowest", "The belt stands, and will begin at its lowest speed"),
    Check("walk-on", "They know: walk on until the belt has stopped completely"),
)


class Setup:
    """What was said so far."""

    def __init__(self, store: Path) -> None:
        self.store: Final = store
        self.subject: str | None = None
        self.against: str | None = None
        self.against_summary: Mapping[str, Any] | None = None
        self.checks = dict.fromkeys((check.id for check in CHECKS), False)
        self.notes: dict[str, object] = {}
        self.notes.update(dict.fromkeys(NOTES))
        self.belt_m_s: float | None = None
        """As it was typed."""
        self.belt_told = False
        """A treadmill has told its own since."""
        self.protocol: protocols.Protocol | None = None
        self.protocols: Final = {name: protocols.named(name) for name in protocols.names()}
        self.subjects: list[dict[str, Any]] = []
        """Who is in the store, and their sessions, oldest first."""
        self.left: list[Path] = []
        """Logs that a crash left behind."""

    async def look_round(self) -> None:
        """What is in the store."""
        self.subjects = await asyncio.to_thread(_subjects_of, self.store)
        self.left = await asyncio.to_thread(left_behind, self.store)

    def lacking(self) -> list[str]:
        """What somebody should still do."""
        unsure = [check.text for check in CHECKS if not self.checks[check.id]]
        return [*([] if self.subject is not None else ["choose a subject"]), *unsure]

    async def choose(self, code: str) -> None:
        """A subject, known or new.

        Raises:
            BadSessionFile: no such code can be.
        """
        # by the rules of session.json, before a path is made of it
        Session.parse({"schema": SCHEMA, "subject": code, "session": "any", "sensors": ANY})
        await self.look_round()
        if code != self.subject:
            self.subject, self.against, self.against_summary = code, None, None

    async def compare(self, session: str | None) -> dict[str, Baseline]:
        """The session to compare with; what it found, by direction.

        Raises:
            Refused: nobody is chosen, or no such session is theirs.
            SessionNotFound: it was not analysed.
        """
        if self.subject is None:
            raise Refused("nobody is chosen; want a subject first")
        if session is None:
            self.against = self.against_summary = None
            return {}
        known = [name for one in self.subjects if one["code"] == self.subject for name in one["sessions"]]
        if session not in known:
            raise Refused(
                f"{self.subject} has no session {session!r}; want {', '.join(known) or 'none: there is none'}"
            )
        summary = await asyncio.to_thread(summary_of, self.store, self.subject, session)
        self.against, self.against_summary = session, summary
        return of_session(summary, session)

    def check(self, which: str, done: bool) -> None:
        """Something was made sure of, or not after all."""
        if which not in self.checks or type(done) is not bool:
            raise Refused(f"no check {which!r} that is {done!r}; want one of {', '.join(self.checks)}, true or false")
        self.checks[which] = done

    def note(self, key: str, value: object) -> None:
        """How somebody walks: hands on the rails, who helps, which shoes."""
        if key not in NOTES:
            raise Refused(f"no note of {key!r}; want {', '.join(NOTES)}")
        if value is not None and not isinstance(value, str | int | float):
            raise Refused(f"{key} is {value!r}; want text, true or false")
        if isinstance(value, str) and (len(value) > LONGEST or not value.isprintable()):
            raise Refused(f"{key} has {len(value)} characters; want one line of at most {LONGEST}")
        self.notes[key] = value

    def type_belt(self, speed: str) -> float:
        """The belt's speed in m/s, as typed with its unit."""
        try:
            typed_m_s = speed_m_s(speed)
        except (ValueError, AttributeError):
            raise Refused(f"got {speed!r}; want a speed with its unit, as 0.6m/s, 2km/h or 1.3mph") from None
        if not 0.0 <= typed_m_s <= MOST_BELT_M_S:
            raise Refused(f"got {speed}; want 0 to {MOST_BELT_M_S:g} m/s (another unit?)")
        self.belt_m_s, self.belt_told = typed_m_s, False
        return typed_m_s

    def follow(self, name: str | None) -> None:
        """A protocol, or none."""
        if name is not None and name not in self.protocols:
            raise Refused(f"no protocol {name!r}; want {', '.join(self.protocols)}, or null for none")
        self.protocol = None if name is None else self.protocols[name]

    def new_log(self, subject: str, session: str) -> Path:
        """Where the recording of a session will grow.

        Raises:
            DuplicateSession: there is one of that name.
        """
        log, folder = log_path(self.store, subject, session), session_dir(self.store, subject, session)
        if log.exists() or (folder / SESSION_FILE).exists():
            raise DuplicateSession(f"a session {session} of {subject} is there already; want another (a second later?)")
        return log

    def document(self) -> dict[str, Any]:
        """Of session.json: the subject, and the conditions that a later comparison must know."""
        conditions: dict[str, Any] = {key: value for key, value in self.notes.items() if value is not None}
        if self.belt_m_s is not None:
            conditions["belt_speed_m_s"] = self.belt_m_s
        said: dict[str, Any] = {"subject": self.subject, "checks": dict(self.checks)}
        if conditions:
            said["conditions"] = conditions
        if self.protocol is not None:
            said["protocol"] = self.protocol.name
        return said


MOST_BELT_M_S: Final = 7.0
"""No treadmill for people runs faster."""


def _subjects_of(store: Path) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for folder in sorted(store.glob("subject=*")):
        code = folder.name.removeprefix("subject=")
        if SUBJECT_CODE.fullmatch(code) and folder.is_dir():
            sessions = sorted(one.parent.name for one in folder.glob(f"session=*/{SESSION_FILE}"))
            said.append({"code": code, "sessions": [name.removeprefix("session=") for name in sessions]})
    return said


def left_document(logs: list[Path]) -> list[dict[str, str]]:
    """Logs that a crash left behind, as the page has them."""
    said: list[dict[str, str]] = []
    for log in logs:
        subject, session = log.name.removesuffix(LOG_SUFFIX).split("--", 1)
        said.append({"log": str(log), "subject": subject, "session": session})
    return said
