"""Counters and times, where a source has but one of both, or times of when samples arrived."""

from typing import Final

import numpy as np

from imu.core.samples import Floats, Ints
from imu.core.units import NS_PER_S

ONE_SAMPLE_PERIODS: Final = 1.5
"""A step of time below this is one sample, however early it came; from here on the contract calls it a jump."""
WINDOW_S: Final = 1.0
"""In so long a time one packet comes without delay."""
MOST_OFF: Final = 0.03
"""No clock of a sensor is so far off what it is sold for."""
MOST_JITTER: Final = 0.25
"""Periods. Times that are no further from even ones stay as they are."""
LEAST_LOSS_PERIODS: Final = 0.75
"""The least delay of a window varies from window to window by less."""
ROUNDED_TO_NS: Final = (1_000_000, 100_000, 10_000)
"""What sources round times to."""
MOST_ROUNDED: Final = 0.25
"""Periods. Of times that are rounded to less the median step is about one period."""
STRETCHES: Final = (16, 64, 256)
"""Steps. The longer a stretch, the less the rounding of its ends matters; the shorter, the fewer hold a loss."""
LEAST_WHOLE: Final = 0.125
"""Of all stretches of one length so many must hold no loss for it to tell the rate."""
FOR_THE_PHASE: Final = 64
"""Samples. So many tell where within their rounding the first ones lie."""


def unwrapped(ticks: Ints, bits: int = 32) -> Ints:
    """Ticks (n,) of a counter that begins anew, counted on from the first; steps back of less than half stay back."""
    half = 1 << (bits - 1)
    steps = (np.diff(ticks) + half) % (1 << bits) - half
    return ticks[0] + np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])


def rate_of(t_ns: Ints | Floats) -> float:
    """Samples a second, of times (n,) in which some samples may be missing; 0 where nothing tells."""
    steps = np.diff(t_ns)
    steps = steps[steps > 0]
    if not len(steps):
        return 0.0
    period_ns = float(np.mean(steps[steps < ONE_SAMPLE_PERIODS * np.median(steps)]))
    rounded_ns = _rounded_to(steps)
    if rounded_ns <= MOST_ROUNDED * period_ns:
        return NS_PER_S / period_ns
    # at 416 Hz whole ms step by 2 and 3: the 3 is no loss
    rising: Ints = np.concatenate([np.zeros(1), np.cumsum(steps)]).astype(np.int64)
    for stretch in STRETCHES:
        spans = rising[stretch:] - rising[:-stretch]
        if not len(spans):
            break
        usual = float(np.median(spans)) if stretch == STRETCHES[0] else stretch * period_ns
        whole = np.abs(spans - usual) <= rounded_ns
        if whole.sum() < LEAST_WHOLE * len(spans):
            break
        period_ns = float(np.mean(spans[whole])) / stretch
    return NS_PER_S / period_ns


def _rounded_to(steps_ns: Ints | Floats) -> int:
    """ns that times of these steps are rounded to; 0 = they are not."""
    return next((one for one in ROUNDED_TO_NS if not (steps_ns % one).any()), 0)


def counted(t_ns: Ints, rate_hz: float) -> Ints:
    """A counter (n,) made of the steps of time, so that lost samples show; late rows step back."""
    rounded_ns, period_ns = _rounded_to(np.diff(t_ns)), NS_PER_S / rate_hz
    # beyond half a period a step by itself does not tell a loss from the rounding
    if len(t_ns) > 1 and period_ns / 2 < rounded_ns <= period_ns:
        return _counted_by_phase(t_ns, period_ns, rounded_ns)
    periods = np.diff(t_ns) * (rate_hz / NS_PER_S)
    steps = np.where((periods > 0) & (periods < ONE_SAMPLE_PERIODS), 1, np.rint(periods).astype(np.int64))
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])


def _counted_by_phase(t_ns: Ints, period_ns: float, rounded_ns: int) -> Ints:
    """A counter (n,): how many periods each row is after where the one before it was, within its rounding."""
    first: Floats = (t_ns[:FOR_THE_PHASE] - t_ns[0]).astype(np.float64)
    ahead_ns = float(np.angle(np.mean(np.exp(2j * np.pi * first / period_ns)))) / (2 * np.pi) * period_ns
    half_ns = rounded_ns / 2
    was_ns = min(max(ahead_ns, -half_ns), half_ns)
    seq, number, before_ns = [0], 0, 0
    for at_ns in (t_ns[1:] - t_ns[0]).tolist():
        # rows of two times are two samples, however near
        count = round((at_ns - was_ns) / period_ns)
        count, before_ns = max(count, 1) if at_ns > before_ns else count, at_ns
        was_ns = min(max(was_ns + count * period_ns, at_ns - half_ns), at_ns + half_ns)
        number += count
        seq.append(number)
    return np.array(seq, np.int64)


def paired(a_ns: Ints, b_ns: Ints, rate_hz: float) -> tuple[Ints, Ints]:
    """Rows (m,) of two streams of one clock and one rate that belong together; a row without its like is left out.

    Streams may be off against each other by up to half a period: the same for all rows, so that none changes partner.
    """
    period_ns = NS_PER_S / rate_hz
    near = _nearest(b_ns, a_ns)
    turns = np.exp(2j * np.pi * (b_ns[near] - a_ns) / period_ns)
    off_ns = float(np.angle(np.mean(turns))) / (2 * np.pi) * period_ns
    shifted: Floats = a_ns.astype(np.float64) + off_ns
    near = _nearest(b_ns, shifted)
    rows = np.flatnonzero(np.abs(b_ns[near] - shifted) < period_ns / 2)
    _, first = np.unique(near[rows], return_index=True)
    rows = rows[first]
    return rows, near[rows]


def _nearest(sorted_ns: Ints, t_ns: Ints | Floats) -> Ints:
    after = np.clip(np.searchsorted(sorted_ns, t_ns), 1, len(sorted_ns) - 1)
    before = after - 1
    return np.where(t_ns - sorted_ns[before] <= sorted_ns[after] - t_ns, before, after)


def undelayed(t_s: Floats, rate_hz: float) -> tuple[Floats, Ints, float]:
    """Times (n,) in s, counter (n,) and rate of samples that are dated on arrival.

    Whatever carries a sample can only delay it. So of the samples around each the one that was delayed least tells the
    clock, and a step by a period or more that no later sample makes up for is a loss. Where a delayed packet comes just
    before a loss, or at the end, both look alike, and a loss may be placed before that packet.

    Even times stay as they are.

    Args:
        t_s: in order of arrival
        rate_hz: how many a second there should be
    """
    if _even(t_s, rate_hz):
        t_ns = np.rint((t_s - t_s[0]) * NS_PER_S).astype(np.int64)
        rate_hz = rate_of(t_ns)
        return t_s, counted(t_ns, rate_hz), rate_hz
    n = len(t_s)
    window = max(1, round(WINDOW_S * rate_hz))
    reach = min(window, n - 1)
    # delays take from one span what they give to the next; whatever is far off holds a loss
    spans = (t_s[reach:] - t_s[: n - reach]) / max(reach, 1) * rate_hz
    spans = spans[np.abs(spans - 1.0) < MOST_OFF]
    period_s = (float(np.median(spans)) if len(spans) else 1.0) / rate_hz
    counts = np.arange(n)
    least_s = _least_ahead(t_s - counts * period_s, window)
    steps = np.diff(least_s, prepend=least_s[:1]) / period_s
    seq = counts + np.cumsum(np.where(steps > LEAST_LOSS_PERIODS, np.rint(steps), 0.0)).astype(np.int64)
    # at the end too few samples lie ahead to hold one without delay
    sure = slice(0, max(n - window, n // 2))
    if sure.stop > 1:
        period_s = float(np.polyfit(seq[sure], (counts * period_s + least_s)[sure], 1)[0])
    late_s = np.concatenate([np.full(window // 2, np.inf), t_s - seq * period_s])
    return seq * period_s + _least_ahead(late_s, 2 * (window // 2) + 1)[:n], seq, 1.0 / period_s


def _even(t_s: Floats, rate_hz: float) -> bool:
    """Whether times lie at whole periods from each other: then nothing was delayed, and each step tells its own."""
    periods = np.diff(t_s) * rate_hz
    return bool(
        len(periods)
        and (periods > 0).all()
        and (np.abs(periods - np.maximum(np.rint(periods), 1.0)) < MOST_JITTER).all()
    )


def _least_ahead(values: Floats, window: int) -> Floats:
    """The least of each value and the `window` - 1 after it, as far as there are any."""
    padded = np.concatenate([values, np.full(window - 1, np.inf)])
    # by doubling: a window of 8 is the lesser of two of 4
    width = 1
    while 2 * width <= window:
        padded = np.minimum(padded[: len(padded) - width], padded[width:])
        width *= 2
    rest = window - width
    return np.minimum(padded[: len(values)], padded[rest : rest + len(values)])
