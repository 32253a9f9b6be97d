"""How sure is a figure? Subjects are drawn anew, each with all that was counted of it, and the figure made again.

A resample is a row of weights: how often each subject was drawn. Nothing is copied. Values are sorted once; how many
of the first so many belong to each subject is known, and so a weighted median is found by halving. The figure itself
is the resample in which everyone was drawn once: it goes the same way.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np

from imu.core.samples import Floats, Ints

FEWEST_SUBJECTS: Final = 3
"""Of fewer nothing can be told of others: there is no interval."""
INTERVAL: Final = 0.95
HALVINGS: Final = 60
"""A double has no more digits to be found."""

Weights: TypeAlias = Ints
"""(1 + resamples, subjects): how often each was drawn; in the first row everyone once."""


def draw(subjects: int, *, seed: int, resamples: int) -> Weights:
    """Resamples of so many subjects, each drawn with replacement. Equal arguments, equal weights."""
    rng = np.random.default_rng((seed, subjects))
    drawn = rng.integers(0, max(subjects, 1), (resamples, subjects))
    weights = np.ones((1 + resamples, subjects), np.int64)
    for row, who in enumerate(drawn, 1):
        weights[row] = np.bincount(who, minlength=subjects)
    return weights


def interval(resampled: Floats, share: float = INTERVAL) -> tuple[float, float] | None:
    """Between which two figures the middle share of the resamples lies; None if half of them have none (NaN)."""
    told = resampled[~np.isnan(resampled)]
    if not len(told) or 2 * len(told) < len(resampled):
        return None
    low, high = np.quantile(told, ((1.0 - share) / 2.0, (1.0 + share) / 2.0))
    return float(low), float(high)


class Sample:
    """Values, each of a subject, of which statistics are made in every resample.

    All of them are (resamples,), in the order of the weights' rows, and NaN where nobody with a value was drawn.
    """

    def __init__(self, parts: Iterable[tuple[int, Sequence[float]]], subjects: int) -> None:
        """Values by number of their subject; a subject may come more than once."""
        held = [(who, np.asarray(values, np.float64)) for who, values in parts]
        values = np.concatenate([values for _, values in held]) if held else np.empty(0)
        who = np.repeat([number for number, _ in held], [len(one) for _, one in held]) if held else np.empty(0)
        order = np.lexsort((who, values))
        self.values: Floats = values[order]
        self._who: Ints = who[order].astype(np.int64)
        self._subjects = subjects
        self._prefix: Ints = np.zeros((len(values) + 1, subjects), np.int64)
        self._prefix[np.arange(1, len(values) + 1), self._who] = 1
        np.cumsum(self._prefix, axis=0, out=self._prefix)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def subjects(self) -> int:
        """How many have a value."""
        return int((self._prefix[-1] > 0).sum())

    def sums(self, of: Floats) -> Floats:
        """(subjects,) of something of each value."""
        return np.bincount(self._who, of, self._subjects).astype(np.float64)

    def count(self, weights: Weights) -> Ints:
        """How many there are."""
        return weights @ self._prefix[-1]

    def mean(self, weights: Weights) -> Floats:
        """Of the values."""
        return ratio(weights @ self.sums(self.values), self.count(weights))

    def mean_size(self, weights: Weights) -> Floats:
        """Of the absolute values."""
        return ratio(weights @ self.sums(np.abs(self.values)), self.count(weights))

    def rms(self, weights: Weights) -> Floats:
        """Root of the mean square."""
        return np.sqrt(ratio(weights @ self.sums(self.values**2), self.count(weights)))

    def sd(self, weights: Weights) -> Floats:
        """Round the mean; not of a population."""
        if not len(self):
            return np.full(len(weights), np.nan)
        # about a number near all of them no digits are lost; and equal values have no spread at all
        aside, count = self.values - np.median(self.values), self.count(weights)
        mean = ratio(weights @ self.sums(aside), count)
        return np.sqrt(np.maximum(ratio(weights @ self.sums(aside**2), count) - mean**2, 0.0))

    def quantile(self, weights: Weights, share: float) -> Floats:
        """As numpy's: between two values it goes straight."""
        low, high, part = self._ranks(weights, share)
        first = self._at_rank(weights, low)
        return first + (self._at_rank(weights, high) - first) * part

    def quantile_size(self, weights: Weights, about: Floats, share: float) -> Floats:
        """The same of how far they lie from something (resamples,)."""
        low, high, part = self._ranks(weights, share)
        first = self._size_at_rank(weights, about, low)
        return first + (self._size_at_rank(weights, about, high) - first) * part

    def count_near(self, weights: Weights, about: Floats, within: Floats | float) -> Ints:
        """How many lie so near something (resamples,)."""
        return self._before(weights, np.searchsorted(self.values, about + within, "right")) - self._before(
            weights, np.searchsorted(self.values, about - within, "left")
        )

    def _before(self, weights: Weights, place: Ints) -> Ints:
        """How many stand before a place (resamples,)."""
        return np.einsum("rs,rs->r", weights, self._prefix[place])

    def _ranks(self, weights: Weights, share: float) -> tuple[Ints, Ints, Floats]:
        last = self.count(weights) - 1
        place = share * last
        low = np.floor(place).astype(np.int64)
        high: Ints = np.minimum(low + 1, last)
        return low, high, (place - low).astype(np.float64)

    def _at_rank(self, weights: Weights, rank: Ints) -> Floats:
        """The value before which so many stand."""
        if not len(self):
            return np.full(len(weights), np.nan)
        low, high = np.zeros(len(weights), np.int64), np.full(len(weights), len(self) - 1)
        for _ in range(len(self).bit_length()):
            middle = (low + high) // 2
            enough = self._before(weights, middle + 1) > rank
            low, high = np.where(enough, low, np.minimum(middle + 1, high)), np.where(enough, middle, high)
        return np.where(rank < 0, np.nan, self.values[high])

    def _size_at_rank(self, weights: Weights, about: Floats, rank: Ints) -> Floats:
        if not len(self):
            return np.full(len(weights), np.nan)
        low: Floats = np.zeros(len(weights))
        high: Floats = np.maximum(np.abs(self.values[0] - about), np.abs(self.values[-1] - about))
        for _ in range(HALVINGS):
            middle: Floats = 0.5 * (low + high)
            enough = self.count_near(weights, about, middle) > rank
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.where(rank < 0, np.nan, high)


def ratio(above: Floats | Ints, below: Floats | Ints) -> Floats:
    """Of counts or sums (resamples,); NaN where there is nothing below."""
    there = np.asarray(below) > 0
    return np.where(there, above, np.nan) / np.where(there, below, 1)
