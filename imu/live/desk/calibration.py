"""Standing still for calibration, as it is seen while it lasts. What the analysis makes of it, the pipeline says.

Before a recording it is a rehearsal: what was sampled then is no part of the session, and gravity serves the check of
placement alone. In a recording it begins anew, and is done when the pipeline has taken its level.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from imu.core.samples import Floats, Ints
from imu.core.session import FOOT_SENSORS, Sensor
from imu.core.units import NS_PER_S

State: TypeAlias = Literal["none", "standing", "done"]

REST_RATE_RAD_S: Final = 0.25
"""A sensor that turns faster is not at rest; as `FootParams.rest_rate_rad_s`."""
NEED_S: Final = 3.0
"""Both feet, as `StepsParams.standing_s`."""
SEEN_S: Final = 0.3
"""From then on it is standing; feet are as quiet in every stance..."""
STOPPED_S: Final = 1.0
"""...so that whoever walked is said to stand from then on."""

FRESH_S: Final = 1.0
"""What a foot said longer ago says nothing of it now."""


class Rest:
    """For how long one sensor has been at rest. Packets are judged as a whole."""

    def __init__(self) -> None:
        self.since_ns: int | None = None
        """None: it moves, or nothing came."""
        self.newest_ns: int | None = None

    def push(self, t_ns: Ints, gyr: Floats) -> None:
        """What came next, (n,) and (n, 3) rad/s."""
        if not len(t_ns):
            return
        first, last = int(t_ns[0]), int(t_ns[-1])
        if not np.linalg.norm(gyr, axis=1).mean() < REST_RATE_RAD_S:
            self.since_ns = None
        elif self.since_ns is None:
            self.since_ns = first
        self.newest_ns = last if self.newest_ns is None else max(last, self.newest_ns)

    @property
    def still_s(self) -> float:
        """0 while it moves."""
        if self.since_ns is None or self.newest_ns is None:
            return 0.0
        return max(0.0, (self.newest_ns - self.since_ns) / NS_PER_S)


class Calibration:
    """Whoever stands is told for how long already, and that it was enough when the pipeline says so.

    The feet are all that is looked at here: the pelvis has a rule of its own in the pipeline, which is not told twice.
    """

    def __init__(self, worn: Collection[Sensor], *, recorded: bool = False) -> None:
        self._rests: dict[Sensor, Rest] = {sensor: Rest() for sensor in FOOT_SENSORS if sensor in worn}
        self._of_pipeline = set(worn) >= {*FOOT_SENSORS, "pelvis"}
        self._recorded = recorded
        self._done = False

    def push(self, sensor: Sensor, t_ns: Ints, gyr: Floats) -> None:
        """What a sensor measured."""
        if sensor in self._rests:
            self._rests[sensor].push(t_ns, gyr)

    @property
    def feet_rest_s(self) -> float:
        """For how long all feet that wear a sensor have been at rest."""
        return min((rest.still_s for rest in self._rests.values()), default=0.0)

    def rest_s(self, now_s: float) -> float:
        """For how long all feet have been at rest up to now, s of the session; a foot that says nothing may walk."""
        fresh_ns = round((now_s - FRESH_S) * NS_PER_S)
        heard = all(rest.newest_ns is not None and rest.newest_ns >= fresh_ns for rest in self._rests.values())
        return self.feet_rest_s if heard else 0.0

    @property
    def wants_word(self) -> bool:
        """It is time to ask the pipeline."""
        return not self._done and self.feet_rest_s >= NEED_S

    def take(self, calibrations: Sequence[Mapping[str, Any]]) -> None:
        """As summary.json has them, up to now."""
        # without a pelvis, or with one foot, there is no level of standing to be taken: feet level themselves
        standing = any(one["kind"] == "standing" for one in calibrations) or not self._of_pipeline
        self._done = self._done or (standing and self.feet_rest_s >= NEED_S)

    def rehearsed(self) -> None:
        """Nobody analyses it: it was long enough."""
        self._done = self._done or (not self._recorded and self.feet_rest_s >= NEED_S)

    @property
    def state(self) -> State:
        """done = once, since somebody put the sensors on, or in this recording."""
        if self._done:
            return "done"
        return "standing" if self.feet_rest_s >= SEEN_S else "none"

    def document(self, *, walking: bool = False) -> dict[str, Any]:
        """As the page has it. `walking`: of late they did."""
        of = "analysis" if self._recorded else "placement"
        walks = walking and not self._done and self.feet_rest_s < STOPPED_S
        return {
            "state": "walking" if walks else self.state,
            "still_s": round(min(self.feet_rest_s, NEED_S), 1),
            "need_s": NEED_S,
            "of": of,
        }
