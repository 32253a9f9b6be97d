"""Tallies of many sessions -> figures, each beside its coverage and an interval over subjects."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from imu.core.samples import Floats
from imu.core.tables import CONTACTS
from imu_bench.scoring.bootstrap import FEWEST_SUBJECTS, Sample, Weights, draw, interval, ratio
from imu_bench.scoring.tallies import ALL, BINS, WALKINGS, Errors, Scored, Squares, Tally, Timing, Verdicts

HITS_MS: Final = (25, 50, 100)
STEADY_MS: Final = 50.0
DIGITS: Final = 6
"""After the point. What lies beyond differs from processor to processor."""

Figure: TypeAlias = dict[str, float | int | None]
Get: TypeAlias = Callable[[Tally], float]

KEYS: Final = (
    "contacts",
    "missed",
    "false",
    "false_per_hour",
    "f1_25ms",
    "f1_50ms",
    "f1_100ms",
    "timing_bias_ms",
    "timing_sd_ms",
    "timing_p95_ms",
    "timing_left_right_ms",
    "timing_forward_backward_ms",
    "steady_found",
    "steady_sd_ms",
    "direction_right",
    "direction_undecided",
    "pattern_right",
    "pattern_undecided",
    "release_bias_ms",
    "release_sd_ms",
    "second_bias_ms",
    "second_sd_ms",
    "foot_angle_bias_deg",
    "foot_angle_sd_deg",
    "stride_time_bias_ms",
    "stride_time_sd_ms",
    "stride_length_mae_m",
    "stride_length_bias_m",
    "cadence_mae_spm",
    "pelvic_drop_rmse_deg",
    "pelvic_drop_bias_deg",
    "pelvic_drop_robust_rmse_deg",
    "pelvic_drop_within_sd",
    "obliquity_rmse_deg",
    "tilt_rmse_deg",
    "confidence_error",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_false_claims",
    "provisional_p50_ms",
    "provisional_p95_ms",
)
"""Of every group of figures, in this order."""


class Part(NamedTuple):
    """What was counted of one session and walking."""

    subject: int
    session: int
    walking: str
    tally: Tally


def figures_of(
    scored: Iterable[Scored], *, sought: Iterable[str], seed: int, resamples: int, clocks_apart: bool = False
) -> dict[str, Any]:
    """`walking`: by true direction and of all together, the figures; `calibration`: confidence by bin.

    The order of the sessions makes no difference.

    Args:
        scored: the sessions of one group, each once.
        sought: names of the tables that the detector made. Of contacts that it did not look for none is missed.
        seed: of the resamples.
        resamples: how many; intervals are 95 % of them.
        clocks_apart: by how much the clock of truth differs is unknown. Latencies are then told after the group's
            timing bias, that has the difference in it.
    """
    held = sorted(scored, key=lambda one: (one.subject, one.session))
    subjects = sorted({one.subject for one in held})
    # of few nothing is told of others: they need not be drawn
    weights = draw(len(subjects), seed=seed, resamples=resamples if len(subjects) >= FEWEST_SUBJECTS else 0)
    parts = [
        Part(subjects.index(one.subject), session, walking, tally)
        for session, one in enumerate(held)
        for walking, tally in sorted(one.tallies.items())
    ]
    found = CONTACTS.name in set(sought)
    groups = {walking: [part for part in parts if walking in (ALL, part.walking)] for walking in WALKINGS}
    return {
        "walking": {
            walking: _Group(own, weights, found=found, clocks_apart=clocks_apart).figures(both=walking == ALL)
            for walking, own in groups.items()
            if own or walking == ALL
        },
        "calibration": _calibration(parts),
    }


def _calibration(parts: Sequence[Part]) -> list[dict[str, float | int | None]]:
    """How many contacts there are in each bin, what they say of themselves, and how many are right."""
    bins: list[dict[str, float | int | None]] = []
    for place in range(BINS):
        held = [part.tally.confidence for part in parts]
        count, said = sum(one.count[place] for one in held), sum(one.said[place] for one in held)
        low, high = round(place / BINS, 1), round((place + 1) / BINS, 1)
        right = sum(one.right[place] for one in held)
        bins.append({"low": low, "high": high, "n": count, "said": _rounded(said / max(count, 1)), "right": right})
    return bins


class _Group:
    """Parts of one walking, or of all; every figure in every resample."""

    def __init__(self, parts: Sequence[Part], weights: Weights, *, found: bool, clocks_apart: bool = False) -> None:
        self._parts = parts
        self._weights = weights
        self._found = found
        self._clocks_apart = clocks_apart

    def figures(self, *, both: bool) -> dict[str, Figure]:
        made = self._contacts() | self._timing() | self._forward_backward(both=both)
        made |= self._steady() | self._labels() | self._errors() | self._pelvis() | self._told()
        return {key: made[key] for key in KEYS}

    def _contacts(self) -> dict[str, Figure]:
        asked, found = self._total(_asked), self._total(_n_found)
        false = self._total(lambda tally: tally.false)
        hours = self._sums(lambda tally: tally.hours)
        if not self._found:
            none = dict.fromkeys(("missed", "false", "false_per_hour"), _figure(None, 0, asked))
            return {"contacts": _count(asked, asked, asked), **none}
        per_hour = ratio(self._sums(lambda tally: tally.false), hours)
        return {
            "contacts": _count(asked, asked, asked),
            "missed": _count(asked - found, found, asked),
            "false": _count(false, found + false, found + false),
            "false_per_hour": _figure(
                per_hour, found + false, found + false, self._subjects(lambda tally: tally.hours)
            ),
        }

    def _timing(self) -> dict[str, Figure]:
        weights, errors, asked = self._weights, self._sample(_errors_ms), self._total(_asked)
        bias = errors.quantile(weights, 0.5)
        told = self._sums(_asked) + self._sums(_n_found) + self._sums(lambda tally: tally.false)
        subjects = self._subjects(_asked)
        made = {
            # truths differ in what they call a contact: what all of a group have in common is no error
            f"f1_{within}ms": _figure(
                ratio(2 * errors.count_near(weights, bias, within), told) if self._found else None,
                len(errors),
                asked,
                subjects,
            )
            for within in HITS_MS
        }
        left, right = (self._sample(lambda tally, side=side: _side(tally, side).error_ms) for side in SIDES)
        between = left.quantile(weights, 0.5) - right.quantile(weights, 0.5)
        return made | {
            "timing_bias_ms": _figure(bias, len(errors), asked, errors.subjects),
            "timing_sd_ms": _figure(errors.sd(weights), len(errors), asked, errors.subjects),
            "timing_p95_ms": _figure(errors.quantile_size(weights, bias, 0.95), len(errors), asked, errors.subjects),
            "timing_left_right_ms": _figure(between, len(errors), asked, min(left.subjects, right.subjects)),
        }

    def _forward_backward(self, *, both: bool) -> dict[str, Figure]:
        """Of each walking by itself there is none."""
        if not both:
            return {"timing_forward_backward_ms": _figure(None, 0, 0)}
        ways = [
            _Group([part for part in self._parts if part.walking == way], self._weights, found=True) for way in WAYS
        ]
        forward, backward = (way._sample(_errors_ms) for way in ways)
        between = forward.quantile(self._weights, 0.5) - backward.quantile(self._weights, 0.5)
        asked = sum(way._total(_asked) for way in ways)
        subjects = min(forward.subjects, backward.subjects)
        return {"timing_forward_backward_ms": _figure(between, len(forward) + len(backward), asked, subjects)}

    def _steady(self) -> dict[str, Figure]:
        """About the median of each recorded foot: how a sensor sits moves all contacts of a foot alike."""
        feet: dict[tuple[int, str], list[float]] = {}
        subject_of: dict[int, int] = {}
        for part in self._parts:
            subject_of[part.session] = part.subject
            for side in SIDES:
                timing = _side(part.tally, side)
                own = [error for error, steady in zip(timing.error_ms, timing.steady, strict=True) if steady]
                if own:
                    feet.setdefault((part.session, side), []).extend(own)
        about = [
            (subject_of[session], (np.array(errors) - np.median(errors)).tolist())
            for (session, _), errors in feet.items()
        ]
        errors = Sample(about, self._weights.shape[1])
        asked = self._total(_steady_asked)
        hits = self._weights @ errors.sums((np.abs(errors.values) <= STEADY_MS).astype(np.float64))
        share = ratio(hits, self._sums(_steady_asked)) if self._found else None
        return {
            "steady_found": _figure(share, len(errors), asked, self._subjects(_steady_asked)),
            "steady_sd_ms": _figure(errors.sd(self._weights), len(errors), asked, errors.subjects),
        }

    def _labels(self) -> dict[str, Figure]:
        return self._verdicts("direction", lambda tally: tally.direction) | self._verdicts(
            "pattern", lambda tally: tally.pattern
        )

    def _verdicts(self, name: str, of: Callable[[Tally], Verdicts]) -> dict[str, Figure]:
        def decided(tally: Tally) -> int:
            return of(tally).right + of(tally).wrong

        def told(tally: Tally) -> int:
            return of(tally).told

        right = ratio(self._sums(lambda tally: of(tally).right), self._sums(decided))
        undecided = ratio(self._sums(lambda tally: of(tally).undecided), self._sums(told))
        n = self._total(told)
        asked = n + self._total(lambda tally: of(tally).missed)
        return {
            f"{name}_right": _figure(right, self._total(decided), asked, self._subjects(decided)),
            f"{name}_undecided": _figure(undecided, n, asked, self._subjects(told)),
        }

    def _errors(self) -> dict[str, Figure]:
        made: dict[str, Figure] = {}
        spreads: dict[str, Callable[[Tally], Errors]] = {
            "release_{}_ms": lambda tally: tally.release_ms,
            "second_{}_ms": lambda tally: tally.second_ms,
            "foot_angle_{}_deg": lambda tally: tally.foot_angle_deg,
            "stride_time_{}_ms": lambda tally: tally.stride_time_ms,
        }
        for name, of in spreads.items():
            errors, tell = self._found_errors(of)
            made[name.format("bias")] = tell(errors.quantile(self._weights, 0.5))
            made[name.format("sd")] = tell(errors.sd(self._weights))
        lengths, tell = self._found_errors(lambda tally: tally.stride_length_m)
        made["stride_length_mae_m"] = tell(lengths.mean_size(self._weights))
        made["stride_length_bias_m"] = tell(lengths.mean(self._weights))
        cadence, tell = self._found_errors(lambda tally: tally.cadence_spm)
        made["cadence_mae_spm"] = tell(cadence.mean_size(self._weights))
        return made

    def _pelvis(self) -> dict[str, Figure]:
        weights = self._weights
        drops, tell = self._found_errors(lambda tally: tally.pelvic_drop_deg)
        robust, tell_robust = self._found_errors(lambda tally: tally.pelvic_drop_robust_deg)
        in_sds, tell_in_sds = self._found_errors(lambda tally: tally.pelvic_drop_in_sds)
        within = weights @ in_sds.sums((np.abs(in_sds.values) < 1.0).astype(np.float64))
        return {
            "pelvic_drop_rmse_deg": tell(drops.rms(weights)),
            "pelvic_drop_bias_deg": tell(drops.mean(weights)),
            "pelvic_drop_robust_rmse_deg": tell_robust(robust.rms(weights)),
            "pelvic_drop_within_sd": tell_in_sds(ratio(within, in_sds.count(weights))),
            "obliquity_rmse_deg": self._rms(lambda tally: tally.obliquity_deg),
            "tilt_rmse_deg": self._rms(lambda tally: tally.tilt_deg),
        }

    def _rms(self, of: Callable[[Tally], Squares]) -> Figure:
        squares, found = self._sums(lambda tally: of(tally).squares), self._sums(lambda tally: of(tally).found)
        n, asked = self._total(lambda tally: of(tally).found), self._total(lambda tally: of(tally).asked)
        return _figure(np.sqrt(ratio(squares, found)), n, asked, self._subjects(lambda tally: of(tally).found))

    def _told(self) -> dict[str, Figure]:
        weights = self._weights
        latency, tell = self._found_errors(lambda tally: tally.latency_ms)
        provisional, tell_provisional = self._found_errors(lambda tally: tally.provisional_ms)
        judged, told = self._total(lambda tally: tally.claims.judged), self._total(_n_told)
        false = self._total(lambda tally: tally.claims.false)
        aside = self._sample(_errors_ms).quantile(weights, 0.5) if self._clocks_apart else 0.0
        return {
            "confidence_error": self._confidence(),
            "latency_p50_ms": tell(latency.quantile(weights, 0.5) - aside),
            "latency_p95_ms": tell(latency.quantile(weights, 0.95) - aside),
            "latency_false_claims": _count(false if judged else None, judged, told),
            "provisional_p50_ms": tell_provisional(provisional.quantile(weights, 0.5) - aside),
            "provisional_p95_ms": tell_provisional(provisional.quantile(weights, 0.95) - aside),
        }

    def _confidence(self) -> Figure:
        """Mean distance of what a bin says of itself from what is right in it."""
        apart, n = np.zeros(len(self._weights)), np.zeros(len(self._weights))
        for place in range(BINS):
            said = self._sums(lambda tally, place=place: tally.confidence.said[place])
            right = self._sums(lambda tally, place=place: tally.confidence.right[place])
            apart += np.abs(said - right)
            n += self._sums(lambda tally, place=place: tally.confidence.count[place])
        asked = self._total(lambda tally: tally.confidence.asked)

        def count(tally: Tally) -> int:
            return sum(tally.confidence.count)

        return _figure(ratio(apart, n), self._total(count), asked, self._subjects(count))

    def _found_errors(self, of: Callable[[Tally], Errors]) -> tuple[Sample, Callable[[Floats], Figure]]:
        """Errors, and how a figure of them is told."""
        errors = self._sample(lambda tally: of(tally).found)
        asked = self._total(lambda tally: of(tally).asked)
        return errors, lambda series: _figure(series, len(errors), asked, errors.subjects)

    def _sample(self, of: Callable[[Tally], Sequence[float]]) -> Sample:
        return Sample([(part.subject, of(part.tally)) for part in self._parts], self._weights.shape[1])

    def _by_subject(self, of: Get) -> Floats:
        sums = np.zeros(self._weights.shape[1])
        for part in self._parts:
            sums[part.subject] += of(part.tally)
        return sums

    def _sums(self, of: Get) -> Floats:
        """In every resample (resamples,)."""
        return self._weights @ self._by_subject(of)

    def _total(self, of: Callable[[Tally], int]) -> int:
        return sum(of(part.tally) for part in self._parts)

    def _subjects(self, of: Get) -> int:
        """Who has any."""
        return int((self._by_subject(of) > 0).sum())


SIDES: Final = ("left", "right")
WAYS: Final = ("forward", "backward")


def _side(tally: Tally, side: str) -> Timing:
    return tally.left if side == "left" else tally.right


def _asked(tally: Tally) -> int:
    return tally.left.asked + tally.right.asked


def _steady_asked(tally: Tally) -> int:
    return tally.left.steady_asked + tally.right.steady_asked


def _errors_ms(tally: Tally) -> Sequence[float]:
    return [*tally.left.error_ms, *tally.right.error_ms]


def _n_found(tally: Tally) -> int:
    return len(tally.left.error_ms) + len(tally.right.error_ms)


def _n_told(tally: Tally) -> int:
    return _n_found(tally) + tally.false


def _count(value: int | None, n: int, asked: int) -> Figure:
    """What was counted has no interval: of other subjects there would be another number to count."""
    return {"value": value, "low": None, "high": None, "n": n, "asked": asked}


def _figure(series: Floats | None, n: int, asked: int, subjects: int = 0) -> Figure:
    """The first of a series is the figure, the others are its resamples; of few subjects they tell nothing."""
    if series is None or np.isnan(series[0]):
        return _count(None, n, asked)
    between = interval(series[1:]) if subjects >= FEWEST_SUBJECTS else None
    low, high = (None, None) if between is None else (_rounded(one) for one in between)
    return {"value": _rounded(float(series[0])), "low": low, "high": high, "n": n, "asked": asked}


def _rounded(value: float) -> float:
    # no -0.0: it is another text
    return round(value, DIGITS) + 0.0
