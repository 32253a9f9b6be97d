"""Recordings made worse, each in one known way. Truth stays as it is: what a detector then gets wrong is its own.

Names are permanent: `rate-50` means the same in every version. What is random is drawn from a seed, the scenario, the
session and the sensor, so that the same call makes the same bits.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from imu.core.samples import Flags, Floats, Ints, Samples
from imu.core.session import Sensor, Session
from imu.core.units import NS_PER_S, STANDARD_GRAVITY_M_S2
from imu_bench.detector import Heard

MS: Final = 1_000_000
"""Nanoseconds."""
USUAL_ACC_M_S2_RTHZ: Final = 120e-6 * STANDARD_GRAVITY_M_S2
USUAL_GYR_RAD_S_RTHZ: Final = math.radians(0.007)
"""White noise of a current consumer part, one-sided density: that of the simulator's usual sensor, and it stays so here
whatever becomes of that one."""
GAP_EVERY_NS: Final = 10 * NS_PER_S
PASSED: Final = 0.9
"""Of the lower of the two Nyquist frequencies; from there on the anti-alias filter falls."""
LOBES: Final = 16
"""Of the sinc, to each side."""
KAISER_BETA: Final = 8.0
"""Its stop band lies 80 dB down (Kaiser 1974; Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3)."""
CHUNK_ROWS: Final = 4096

Change: TypeAlias = Callable[[Sensor, Samples, float, np.random.Generator], tuple[Samples, float]]
"""Samples of one sensor and its rate in Hz, made worse."""


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One way to make a recording worse."""

    id: str
    about: str
    change: Change


def perturbed(heard: Heard, perturbation: str | None, *, seed: int, scenario: str, session: str) -> Heard:
    """A recording made worse; None = as it is.

    Args:
        heard: is left as it is.
        perturbation: one of PERTURBATIONS.
        seed: of all that is random, with the three that follow.
        scenario: the id of a scenario.
        session: the name of the session, as its folder tells it.

    Raises:
        KeyError: no such perturbation.
    """
    if perturbation is None:
        return heard
    change = PERTURBATIONS[perturbation].change
    samples: dict[Sensor, Samples] = {}
    setups = {name: dict(setup) for name, setup in heard.session.document["sensors"].items()}
    for sensor, rows in heard.samples.items():
        rng = np.random.default_rng(_entropy(seed, scenario, session, sensor))
        changed, rate_hz = change(sensor, rows, heard.session.sensors[sensor].rate_hz, rng)
        samples[sensor] = _as_stored(changed)
        if rate_hz != heard.session.sensors[sensor].rate_hz:
            setups[sensor]["rate_hz"] = rate_hz
    return Heard(Session.parse({**heard.session.document, "sensors": setups}), samples)


def _entropy(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(map(str, parts)).encode()).digest()[:16])


def _as_stored(samples: Samples) -> Samples:
    """To the precision of a raw file: a detector that reads one sees what one in this process is handed."""
    return replace(
        samples,
        acc=samples.acc.astype(np.float32).astype(np.float64),
        gyr=samples.gyr.astype(np.float32).astype(np.float64),
    )


def noisy(times: float) -> Change:
    """White noise, so that a sensor with the usual noise has so many times as much."""
    more = math.sqrt(times**2 - 1.0)

    def change(_: Sensor, samples: Samples, rate_hz: float, rng: np.random.Generator) -> tuple[Samples, float]:
        per_sample = more * math.sqrt(rate_hz / 2.0)
        acc, gyr = rng.standard_normal((2, len(samples), 3))
        noise_acc, noise_gyr = USUAL_ACC_M_S2_RTHZ * per_sample * acc, USUAL_GYR_RAD_S_RTHZ * per_sample * gyr
        return replace(samples, acc=samples.acc + noise_acc, gyr=samples.gyr + noise_gyr), rate_hz

    return change


def biased(deg_s: float) -> Change:
    """A constant turning that is none, about an axis drawn at random."""

    def change(_: Sensor, samples: Samples, rate_hz: float, rng: np.random.Generator) -> tuple[Samples, float]:
        axis = rng.standard_normal(3)
        bias = math.radians(deg_s) * axis / np.linalg.norm(axis)
        return replace(samples, gyr=samples.gyr + bias), rate_hz

    return change


def tilted(deg: float) -> Change:
    """The sensor sits tilted by so much, about a horizontal axis drawn at random; session.json does not know.

    Horizontal is what stands at right angles to the recording's mean specific force.
    """

    def change(_: Sensor, samples: Samples, rate_hz: float, rng: np.random.Generator) -> tuple[Samples, float]:
        usable = samples.acc[np.isfinite(samples.acc).all(axis=1)]
        up = usable.mean(axis=0) if len(usable) else np.array([0.0, 0.0, 1.0])
        axis = np.cross(up, rng.standard_normal(3))
        turn = rotation(axis / np.linalg.norm(axis), math.radians(deg))
        return replace(samples, acc=samples.acc @ turn.T, gyr=samples.gyr @ turn.T), rate_hz

    return change


def rotation(axis: Floats, angle_rad: float) -> Floats:
    """(3, 3), about a unit vector (3,): Rodrigues' formula."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle_rad) * cross + (1.0 - math.cos(angle_rad)) * cross @ cross


def resampled(new_hz: float) -> Change:
    """Samples taken more rarely, below a steep anti-alias filter without delay, or more often; a sensor that has that
    rate is left alone.

    Stretches without loss are each resampled for themselves, on one grid of instants: what was missing is missing.
    Where only the clock jumps it still does, and the counter runs on.
    """

    def change(_: Sensor, samples: Samples, rate_hz: float, _rng: np.random.Generator) -> tuple[Samples, float]:
        if rate_hz == new_hz:
            return samples, rate_hz
        rows = _accepted(samples)
        if not len(rows):
            return rows, new_hz
        first_ns = int(rows.t_ns[0])
        parts: list[Samples] = []
        jumped = 0
        before: tuple[int, int] | None = None
        for part in _stretches(rows, rate_hz):
            instants = _instants(part, first_ns, new_hz)
            if before is not None and part.seq[0] == before[0] + 1:
                # instants that the clock left out are no lost samples
                jumped += instants.start - before[1]
            before = int(part.seq[-1]), instants.stop
            made = _stretch(part, instants, first_ns, rate_hz, new_hz)
            parts.append(replace(made, seq=made.seq - jumped))
        return Samples(*(np.concatenate([getattr(one, name) for one in parts]) for name in Samples.__slots__)), new_hz

    return change


def _accepted(samples: Samples) -> Samples:
    """Rows later than all before, without NaN."""
    newest = np.maximum.accumulate(np.concatenate([[np.iinfo(np.int64).min], samples.t_ns[:-1]]))
    finite = np.isfinite(samples.acc).all(axis=1) & np.isfinite(samples.gyr).all(axis=1)
    return samples.where((samples.t_ns > newest) & finite)


def _stretches(samples: Samples, rate_hz: float) -> list[Samples]:
    """Cut wherever the counter jumps, or the clock does."""
    step_ns = np.diff(samples.t_ns)
    broken = (np.diff(samples.seq) != 1) | (step_ns > 1.5 * NS_PER_S / rate_hz)
    cuts = [0, *(np.flatnonzero(broken) + 1).tolist(), len(samples)]
    return [samples[begin:end] for begin, end in pairwise(cuts)]


def _instants(samples: Samples, first_ns: int, new_hz: float) -> range:
    """Of the grid that begins at `first_ns`, those within a stretch; perhaps none."""
    first_s, last_s = (samples.t_ns[[0, -1]] - first_ns) / NS_PER_S
    # an instant that rounding put beyond either end still counts
    return range(math.ceil(first_s * new_hz - 1e-6), math.floor(last_s * new_hz + 1e-6) + 1)


def _stretch(samples: Samples, instants: range, first_ns: int, old_hz: float, new_hz: float) -> Samples:
    """One stretch at these instants of the grid."""
    since_s = (samples.t_ns - first_ns) / NS_PER_S
    seq: Ints = np.arange(instants.start, instants.stop, dtype=np.int64)
    t_s = seq / new_hz
    place = np.interp(t_s, since_s, np.arange(len(samples), dtype=np.float64))
    values = band_limited(np.hstack([samples.acc, samples.gyr]), place, PASSED * min(1.0, new_hz / old_hz))
    return Samples(
        first_ns + np.rint(t_s * NS_PER_S).astype(np.int64),
        seq,
        values[:, :3],
        values[:, 3:],
        _near(samples.clipped, place, max(1.0, old_hz / new_hz)),
    )


def band_limited(values: Floats, place: Floats, passed: float) -> Floats:
    """Rows (m, k) between the rows (n, k) of a signal, at fractional places (m,), by a windowed sinc.

    Args:
        values: what stands at its ends is thought to go on.
        place: 0 is the first row, n - 1 the last.
        passed: up to which share of the Nyquist frequency of the rows.
    """
    reach = math.ceil(LOBES / passed)
    offset = np.arange(1 - reach, reach + 1)
    found = np.empty((len(place), values.shape[1]))
    for begin in range(0, len(place), CHUNK_ROWS):
        part = place[begin : begin + CHUNK_ROWS]
        row = np.floor(part).astype(np.int64)[:, None] + offset
        away = part[:, None] - row
        inside = np.maximum(1.0 - (away / reach) ** 2, 0.0)
        weight = np.sinc(passed * away) * np.i0(KAISER_BETA * np.sqrt(inside))
        weight /= weight.sum(axis=1, keepdims=True)
        found[begin : begin + len(part)] = np.einsum("ij,ijk->ik", weight, values[np.clip(row, 0, len(values) - 1)])
    return found


def _near(flags: Flags, place: Floats, reach: float) -> Flags:
    """Whether any flag is set within so many rows."""
    before = np.concatenate([[0], np.cumsum(flags)])
    low = np.clip(np.ceil(place - reach), 0, len(flags)).astype(np.int64)
    high = np.clip(np.floor(place + reach) + 1, 0, len(flags)).astype(np.int64)
    return before[high] > before[low]


def lossy(percent: float) -> Change:
    """Single samples are lost, each by itself; the counter tells."""

    def change(_: Sensor, samples: Samples, rate_hz: float, rng: np.random.Generator) -> tuple[Samples, float]:
        return samples.where(rng.random(len(samples)) >= percent / 100.0), rate_hz

    return change


def gapped(gap_ms: int) -> Change:
    """Nothing arrives for so long, once in 10 s; the first time within the first 10 s."""

    def change(_: Sensor, samples: Samples, rate_hz: float, rng: np.random.Generator) -> tuple[Samples, float]:
        phase_ns = int(rng.integers(GAP_EVERY_NS))
        start_ns = samples.t_ns.min(initial=np.iinfo(np.int64).max)
        return samples.where((samples.t_ns - start_ns - phase_ns) % GAP_EVERY_NS >= gap_ms * MS), rate_hz

    return change


def jittered(most_ms: int) -> Change:
    """Stamps are off by up to so much either way, though never out of order; the samples themselves are even."""

    def change(_: Sensor, samples: Samples, rate_hz: float, rng: np.random.Generator) -> tuple[Samples, float]:
        moved = np.abs(samples.t_ns + rng.integers(-most_ms * MS, most_ms * MS, len(samples), endpoint=True))
        stamps = np.empty_like(samples.t_ns)
        # what came late or twice still does
        stamps[np.argsort(samples.t_ns, kind="stable")] = np.sort(moved)
        return replace(samples, t_ns=stamps), rate_hz

    return change


def late_left(by_ms: int) -> Change:
    """The left foot's clock is late: its stamps are too great."""

    def change(sensor: Sensor, samples: Samples, rate_hz: float, _: np.random.Generator) -> tuple[Samples, float]:
        if sensor != "foot_left":
            return samples, rate_hz
        return replace(samples, t_ns=samples.t_ns + by_ms * MS), rate_hz

    return change


PERTURBATIONS: Final[Mapping[str, Perturbation]] = MappingProxyType(
    {
        one.id: one
        for one in (
            Perturbation("noise-x4", "white noise, four times that of a usual sensor", noisy(4.0)),
            Perturbation("bias-1dps", "gyroscopes turn by 1 deg/s where nothing turns", biased(1.0)),
            *(
                Perturbation(f"tilt-{deg}", f"sensors sit tilted by {deg} degrees, which nobody says", tilted(deg))
                for deg in (10, 20, 35)
            ),
            *(
                Perturbation(f"rate-{rate}", f"{rate} samples a second", resampled(float(rate)))
                for rate in (25, 50, 100, 200, 400)
            ),
            *(Perturbation(f"loss-{share}", f"{share} % of single samples lost", lossy(share)) for share in (1, 5, 10)),
            Perturbation("gap-200", "a gap of 200 ms every 10 s, each sensor its own", gapped(200)),
            Perturbation("jitter-5", "stamps off by up to 5 ms either way", jittered(5)),
            Perturbation("offset-20", "the left foot's clock is 20 ms late", late_left(20)),
        )
    }
)
"""By id."""
