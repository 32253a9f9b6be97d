"""Whether sensors sit where they are said to sit, as far as gravity, first steps and each other can show it.

What can be told:

- standing: how far a sensor's up is from what its mounting says. Upside down, or on a wrong axis, not how it is turned
  about the vertical; nothing where the mounting is unknown.
- walking: about which axis of its mounting a foot turns most. Swings turn it about the left axis.
- walking: a foot that goes backward while the other one goes forward carries its sensor the wrong way round.
- walking: left and right swapped, from the pelvis alone: after a contact it falls on the other side, so that nearly all
  of its range in the step is fall (a share of 0.76 to 1 on simulated people, 0 to 0.24 where feet are swapped). A
  pelvis sensor that is turned round by half a turn looks the same, so both are named; feet without a pelvis can't be
  told.
- a sensor that lies still while another one walks; one that is shaken while the others are quiet.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from imu.core.events import Event
from imu.core.samples import Floats, Ints
from imu.core.session import FEET, SENSORS, Foot, Sensor, sensor_of
from imu.core.tables import number
from imu.core.units import NS_PER_S
from imu.live.desk.calibration import Rest

LEVEL_S: Final = 1.0
"""So long at rest, and gravity is known."""
OFF_DEG: Final = 50.0
"""Straps sit up to 35 degrees off; beyond this it is no strap."""
OVER_DEG: Final = 130.0
"""Upside down, by the same measure."""
RECENT_S: Final = 1.0
STEP_S: Final = 2.5
"""A slow stride."""
LIES_S: Final = 5.0
"""So long it lies still while others walk."""
SHAKEN_RAD_S: Final = 3.0
"""Root mean square over a second. Standing people stay below 0.3, a swing reaches more but not all the time."""
SHAKEN_TIMES: Final = 4.0
"""As much as any other."""
WALKING_RAD_S: Final = 0.8
"""Of a foot, over some seconds: it walks."""
LYING_RAD_S: Final = 0.06
"""Of a sensor on a table, its bias included. A body that walks never comes near."""
TURNING_RAD_S: Final = 1.0
"""Below it a sample says nothing of the axis."""
TURNED_S: Final = 3.0
"""Of such samples make an axis."""
LEFT_SHARE: Final = 0.4
"""Of the energy of turning that has to be about the left axis. A sensor turned by 50 degrees has this."""
STEPS: Final = 8
"""Clean steps over each foot before left and right are judged."""
LEAST_RANGE_DEG: Final = 1.5
"""Of the pelvis in a step; less is noise."""
FALLS: Final = 0.65
RISES: Final = 0.35
"""Share of the range that is fall on the other side: above, feet are right; below, swapped; between, who knows."""
CONTACTS: Final = 4
"""Of each foot, to compare directions."""


class Remark(NamedTuple):
    """What is to be said of one sensor. `ok` None = it can't be told."""

    sensor: Sensor
    ok: bool | None
    text: str


class Motion:
    """What one sensor has done of late."""

    def __init__(self) -> None:
        self.rest = Rest()
        self.gravity: Floats | None = None
        """(3,) m/s^2, sensor axes: mean of the last rest."""
        self._parts: deque[tuple[int, int, float]] = deque()
        """Time of the last sample, samples, their sum of squared rates."""
        self._began_ns: int | None = None
        self._turning = np.zeros((3, 3))
        self._turned_s = 0.0
        self._sum, self._n = np.zeros(3), 0

    def push(self, t_ns: Ints, acc: Floats, gyr: Floats) -> None:
        """What came next: (n,) ns, (n, 3) m/s^2, (n, 3) rad/s, sensor axes."""
        if not len(t_ns):
            return
        self._began_ns = int(t_ns[0]) if self._began_ns is None else self._began_ns
        self.rest.push(t_ns, gyr)
        self._parts.append((int(t_ns[-1]), len(t_ns), float((gyr**2).sum())))
        while self._parts[0][0] < self._parts[-1][0] - LIES_S * NS_PER_S:
            self._parts.popleft()
        if self.rest.since_ns is None:
            self._sum, self._n = np.zeros(3), 0
        else:
            self._sum, self._n = self._sum + acc.sum(axis=0), self._n + len(acc)
            if self.rest.still_s >= LEVEL_S:
                self.gravity = self._sum / self._n
        turning = gyr[(gyr**2).sum(axis=1) > TURNING_RAD_S**2]
        if len(turning) and len(t_ns) > 1:
            self._turning += turning.T @ turning
            self._turned_s += len(turning) * float(np.diff(t_ns).mean()) / NS_PER_S

    def rate_rad_s(self, seconds: float, now_ns: int | None = None) -> float | None:
        """Root mean square over the last seconds; None: nothing, or not for so long."""
        if not self._parts or self._began_ns is None:
            return None
        now_ns = self._parts[-1][0] if now_ns is None else now_ns
        begin_ns = now_ns - round(seconds * NS_PER_S)
        parts = [part for part in self._parts if part[0] > begin_ns]
        if not parts or self._began_ns > begin_ns:
            return None
        return math.sqrt(sum(part[2] for part in parts) / sum(part[1] for part in parts))

    def share_about(self, axis: Floats) -> float | None:
        """Of the energy of turning, about an axis (3,); None: it has not turned enough to say."""
        if self._turned_s < TURNED_S:
            return None
        return float(axis @ self._turning @ axis / np.trace(self._turning))


def shaken(motions: Mapping[str, Motion], now_ns: int | None = None) -> frozenset[str]:
    """Whose sensor is in somebody's hand: far more than all others. At most one.

    `now_ns` on their clock: one that has fallen silent is not shaken; None = each one's own newest.
    """
    rates = {key: motion.rate_rad_s(RECENT_S, now_ns) or 0.0 for key, motion in motions.items()}
    if not rates:
        return frozenset()
    first, *others = sorted(rates, key=lambda key: -rates[key])
    most = max((rates[other] for other in others), default=0.0)
    return frozenset({first}) if rates[first] > max(SHAKEN_RAD_S, SHAKEN_TIMES * most) else frozenset()


class Placement:
    """Feed what the worn sensors measure and the events; ask for remarks at any time."""

    def __init__(self, mountings: Mapping[Sensor, Floats | None]) -> None:
        """Args: of each worn sensor, (3, 3) with rows forward, left, up in sensor axes; None = unknown."""
        self.motions: dict[Sensor, Motion] = {sensor: Motion() for sensor in SENSORS if sensor in mountings}
        self._mountings = dict(mountings)
        self._falls: dict[Foot, deque[float]] = {foot: deque(maxlen=2 * STEPS) for foot in FEET}
        self._directions: dict[Foot, deque[str]] = {foot: deque(maxlen=CONTACTS) for foot in FEET}

    def push(self, sensor: Sensor, t_ns: Ints, acc: Floats, gyr: Floats) -> None:
        """What a worn sensor measured."""
        if sensor in self.motions:
            self.motions[sensor].push(t_ns, acc, gyr)

    def hear(self, event: Event) -> None:
        """A finding of the pipeline."""
        row = event.row
        if event.kind == "contact" and row["direction"] in ("forward", "backward") and not row["quality"]:
            self._directions[event.foot].append(str(row["direction"]))
        if event.kind == "step" and not row["quality"] and row["pelvic_drop_deg"] is not None:
            whole = row["obliquity_rom_deg"]
            if whole is not None and float(whole) >= LEAST_RANGE_DEG:
                self._falls[event.foot].append(number(row, "pelvic_drop_deg") / float(whole))

    @property
    def walking(self) -> bool:
        """All feet that wear a sensor move as walking feet do; one alone may be in somebody's hand."""
        feet = [motion for sensor, motion in self.motions.items() if sensor != "pelvis"]
        now_ns = max((motion.rest.newest_ns or 0 for motion in feet), default=0)
        return bool(feet) and all((foot.rate_rad_s(STEP_S, now_ns) or 0.0) > WALKING_RAD_S for foot in feet)

    def remarks(self) -> list[Remark]:
        """One a worn sensor: the gravest first found, else that it is good, or can't be told yet."""
        swapped = self._swapped()
        return [
            self._lies(sensor) or self._level(sensor) or self._turned(sensor) or self._of(sensor, swapped)
            for sensor in self.motions
        ]

    def _lies(self, sensor: Sensor) -> Remark | None:
        # who has fallen silent does not lie still
        now_ns = max((motion.rest.newest_ns or 0 for motion in self.motions.values()), default=0)
        walking = any(
            (self.motions[other].rate_rad_s(LIES_S, now_ns) or 0.0) > WALKING_RAD_S
            for other in self.motions
            if other not in (sensor, "pelvis")
        )
        rate = self.motions[sensor].rate_rad_s(LIES_S, now_ns)
        if walking and rate is not None and rate < LYING_RAD_S:
            return Remark(sensor, False, "does not move while another one walks (left on the table?)")
        return None

    def _level(self, sensor: Sensor) -> Remark | None:
        """By gravity, standing; None: nothing against it, or nothing known."""
        mounting, gravity = self._mountings[sensor], self.motions[sensor].gravity
        if mounting is None or gravity is None:
            return None
        cosine = float(mounting[2] @ gravity / np.linalg.norm(gravity))
        off_deg = math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
        if off_deg > OVER_DEG:
            return Remark(sensor, False, "is upside down")
        if off_deg > OFF_DEG:
            return Remark(sensor, False, f"is {off_deg:.0f} degrees off its mounting (on another axis, or slipped?)")
        return None

    def _turned(self, sensor: Sensor) -> Remark | None:
        """A foot's sensor, by the axis of its swings and by the other foot's direction."""
        if sensor == "pelvis":
            return None
        mounting = self._mountings[sensor]
        share = None if mounting is None else self.motions[sensor].share_about(mounting[1])
        if share is not None and share < LEFT_SHARE:
            return Remark(sensor, False, "turns about another axis than its mounting says (strapped on sideways?)")
        if self._against() and all(foot in self.motions for foot in map(sensor_of, FEET)):
            return Remark(
                sensor, False, "says another direction than the other foot (one of them the wrong way round?)"
            )
        return None

    def _against(self) -> bool:
        """The feet go opposite ways, each without a doubt."""
        ways = [set(each) if len(each) == CONTACTS else set[str]() for each in self._directions.values()]
        return all(len(way) == 1 for way in ways) and ways[0] != ways[1]

    def _swapped(self) -> bool | None:
        """Left and right; None: it can't be told."""
        means = [sum(falls) / len(falls) for falls in self._falls.values() if len(falls) >= STEPS]
        if len(means) < len(FEET):
            return None
        if all(mean < RISES for mean in means):
            return True
        return False if all(mean > FALLS for mean in means) else None

    def _of(self, sensor: Sensor, swapped: bool | None) -> Remark:
        known = self._mountings[sensor] is not None
        motion = self.motions[sensor]
        if swapped:
            what = "is turned round, or the feet are swapped" if sensor == "pelvis" else "may be on the other foot"
            return Remark(sensor, False, f"{what}: the pelvis rises where it should fall")
        if not known:
            return Remark(sensor, None, "its mounting is not known: it is worked out from standing and walking")
        if motion.gravity is None:
            return Remark(sensor, None, "stand still, to see which way is up")
        if swapped is None:
            told = "which way is up is right"
            sides = "left and right show after some steps" if "pelvis" in self.motions else LABELS
            return Remark(sensor, True, told if sensor == "pelvis" else f"{told}; {sides}")
        return Remark(sensor, True, "sits as it should")


LABELS: Final = "left and right can't be told without a pelvis sensor, look at the labels"
