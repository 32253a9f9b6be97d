"""Parts of the document that a page gets, from what is known: docs/adr/0004-the-page.md lays it down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from imu.core.errors import CannotRecord, DiskFull, RecorderOverrun
from imu.core.session import SENSORS, Sensor
from imu.live.board import Board, Figures, Mean
from imu.live.desk.coach import Coach, course_document, cue_document, limits_document
from imu.live.desk.muster import Muster
from imu.live.desk.placement import Remark, shaken
from imu.live.desk.setup import CHECKS, Setup, left_document
from imu.live.desk.station import Station
from imu.live.live import Live
from imu.live.recover import Recovered
from imu.live.worn import Worn

Stage: TypeAlias = Literal["setup", "ready", "recording", "ending", "ended"]

SENSOR_WORDS: Final[Mapping[Sensor, str]] = MappingProxyType(
    {"foot_left": "the left foot's sensor", "foot_right": "the right foot's sensor", "pelvis": "the pelvis sensor"}
)
OLD_S: Final = 2.0
"""No figure is told of a board that no sample has reached for so long; else the board judges what is old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the desk itself knows of the sitting."""

    stage: Stage
    session: str | None
    simulated: bool
    problem: str
    summary: dict[str, Any] | None
    warnings: list[dict[str, Any]]


def document(known: Known, said: Setup, station: Station, coach: Coach) -> dict[str, Any]:
    """All of it, the same keys each time."""
    live, muster = station.live, station.muster
    figures, greyed = figures_document(station.audience.board, live.elapsed_s)
    baseline, course = coach.baseline(), coach.course
    phase_s = live.elapsed_s if course is None else course.phase_s
    return {
        "stage": known.stage,
        "clock": {"elapsed_s": round(live.elapsed_s, 1), "phase_s": round(phase_s, 1)},
        "session": {
            "subject": said.subject,
            "session": known.session,
            "against": said.against,
            "store": str(said.store),
            "simulated": known.simulated,
        },
        "subjects": said.subjects,
        "scanning": station.scanning,
        "found": found_document(muster, station.worn, live.now_ns),
        "links": links_document(live, muster),
        "checks": [{"id": one.id, "text": one.text, "done": said.checks[one.id]} for one in CHECKS],
        "notes": dict(said.notes),
        "placement": placement_document(coach.placement.remarks()),
        "calibration": coach.calibration.document(walking=coach.placement.walking),
        "belt": belt_document(live, said),
        "heart_bpm": live.aside("heart_rate"),
        "figures": figures,
        "baseline": None if baseline is None else baseline.document(),
        "greyed": greyed,
        "contacts": list(coach.contacts),
        "cue": cue_document(coach),
        "limits": limits_document(said.protocol),
        "protocol": course_document(course, said.protocol),
        "protocols": [{"name": one.name, "title": one.title, "about": one.about} for one in said.protocols.values()],
        "recorder": recorder_document(live, known.problem),
        "warnings": known.warnings,
        "left_behind": left_document(said.left),
        "summary": known.summary,
    }


def mean_document(mean: Mean | None) -> dict[str, float | int | None] | None:
    """A figure, its uncertainty, and of how many."""
    return None if mean is None else {"value": mean.value, "sd": mean.sd, "n": mean.n}


def figures_document(board: Board, now_s: float) -> tuple[dict[str, Any], dict[str, str]]:
    """`figures` and `greyed` at a time of the session."""
    figures = board.figures()
    age_s = figures.age_s(now_s)
    if age_s is None or age_s > OLD_S:
        figures = Figures(t_ns=figures.t_ns, contacts=figures.contacts)
    said: dict[str, Any] = {
        "age_s": None if age_s is None else round(age_s, 2),
        "direction": figures.direction,
        "cadence_spm": mean_document(figures.cadence_spm),
        "speed_m_s": mean_document(figures.speed_m_s),
        "toes": {foot: one._asdict() for foot, one in figures.toes.items()},
        "drop_deg": {foot: mean_document(one) for foot, one in figures.drop_deg.items()},
        "foot_angle_deg": {foot: mean_document(one) for foot, one in figures.foot_angle_deg.items()},
        "contacts": figures.contacts,
    }
    return said, {**figures.gone, **figures.thin(board.params)}


def found_document(muster: Muster, worn: Iterable[Worn], now_ns: int) -> list[dict[str, Any]]:
    """Sensors in the air as last looked for, and those that are held."""
    roles: dict[str, str] = {one.serial: one.sensor for one in worn}
    lit = _shaken(muster, now_ns)
    seen = {one.serial: one for one in muster.found if one.serial is not None}
    said: list[dict[str, Any]] = []
    for serial in sorted({*seen, *muster.here}):
        one, here = seen.get(serial), muster.here.get(serial)
        identity = None if one is None else one.identity
        said.append(
            {
                "serial": serial,
                "driver": one.driver if one is not None else here.driver.name if here is not None else "",
                "model": None if identity is None else identity.model,
                "rssi_dbm": None if one is None else one.rssi,
                "battery_pct": None if here is None else here.quality.battery_pct,
                "shaken": serial in lit,
                "sensor": roles.get(serial),
            }
        )
    return said


def _shaken(muster: Muster, now_ns: int) -> frozenset[str]:
    """Before a recording; in one, who walks is no news."""
    if not muster.looking:
        return frozenset()
    return shaken({serial: one.motion for serial, one in muster.here.items()}, now_ns)


def links_document(live: Live, muster: Muster) -> list[dict[str, Any]]:
    """The worn sensors' links."""
    now_ns = live.now_ns
    lit = _shaken(muster, now_ns)
    there = SENSORS if live.player is None else tuple(live.player.decoders)
    order = sorted(live.links.values(), key=lambda link: SENSORS.index(link.worn.sensor))
    return [
        {
            "sensor": link.worn.sensor,
            "serial": link.worn.serial,
            "state": link.state(now_ns) if link.worn.sensor in there else "left_out",
            "rate_hz": link.rate_hz,
            "lost": live.lost(link.worn.sensor),
            "battery_pct": link.battery_pct,
            "breaks": link.breaks,
            "note": "" if link.state(now_ns) == "streaming" else link.last_note or "",
            "shaken": link.worn.serial in lit,
        }
        for link in order
    ]


def placement_document(remarks: Iterable[Remark]) -> list[dict[str, Any]]:
    """What can be told; of the others nothing is said."""
    return [{"sensor": one.sensor, "ok": one.ok, "text": one.text} for one in remarks if one.ok is not None]


def recorder_document(live: Live, problem: str) -> dict[str, Any]:
    """How the recording fares, and what went wrong with it."""
    state, player = live.recording, live.player
    said = problem
    if not said and player is not None and player.slip is not None:
        said = "the analysis has failed, a mistake of this program; the recording goes on"
    if not said and live.overflowed:
        said = f"this computer does not keep up: {live.overflowed} packets are lost"
    return {
        "bytes": 0 if state is None else state.synced_bytes + state.waiting_bytes,
        "low": state is not None and state.low,
        "problem": said,
    }


def stopped_text(why: CannotRecord) -> str:
    """Why the recording has stopped by itself, as a person wants to hear it."""
    if isinstance(why, DiskFull):
        return f"the disk is full: the recording has stopped, what came before is kept; make room ({why.path})"
    if isinstance(why, RecorderOverrun):
        return f"the disk does not keep up: the recording has stopped, what came before is kept ({why.path})"
    return str(why)


def belt_document(live: Live, said: Setup) -> dict[str, Any]:
    """The treadmill's word goes before what somebody typed, and what was typed before it is over for good."""
    told = live.aside("treadmill")
    typed_m_s = None if said.belt_told else said.belt_m_s
    rows = [] if live.player is None else live.player.treadmill
    return {
        "speed_m_s": typed_m_s if told is None else told,
        "source": "treadmill" if told is not None else "none" if typed_m_s is None else "typed",
        "incline_pct": rows[-1]["incline_pct"] if rows and told is not None else None,
        "note": "the treadmill has fallen silent" if said.belt_told and told is None else "",
    }


def summary_document(
    made: Recovered | None, problem: str, against: Mapping[str, Any] | None, cues_given: int
) -> dict[str, Any]:
    """What a recording came to; `made` None: it could not be made a session."""
    lines: list[dict[str, Any]] = []
    if made is not None:
        lines.append({"text": "Look at it again:", "command": f"imu inspect {quote(str(made.folder))}"})
        if made.log is not None:
            problem = problem or "its log stays, for it holds more than could be understood"
    return {
        "folder": None if made is None else str(made.folder),
        "problem": "; ".join(part for part in (problem, (made.unusable or "") if made is not None else "") if part),
        "summary": None if made is None else made.summary,
        "against": against,
        "cues_given": cues_given,
        "next": [
            *lines,
            {"text": "For another session, start the program again.", "command": None},
        ],
    }
