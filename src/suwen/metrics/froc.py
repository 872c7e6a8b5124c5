"""How well marks find places: matching, the FROC curve, sensitivity at given false alarms.

A mark hits a true place when its centre lies within max(radius, `REACH_MM`) of the place's centre.
Each true place is found by its best mark; further marks on it are neither hits nor false alarms,
and neither are marks on places that do not count. A mark on no place is a false alarm. The curve
is a staircase: at a given number of false alarms per sample stands the sensitivity of the lowest
threshold that gives no more of them (no interpolation). Weights (..., n) are those of samples.

Sources: Bunch et al., J Appl Photogr Eng 4:166, 1978 (free-response ROC); Setio et al., Med Image
Anal 42:1, 2017 (LUNA16: matching by radius, the seven rates, their mean as CPM). LUNA16 counts a
mark for one nodule only; here a mark where two places overlap finds both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[Any]

REACH_MM = 3.0
"""A mark may be this far from the centre of a place, however small the place is."""
RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False alarms per sample at which LUNA16 reads the sensitivity."""


@dataclass(frozen=True)
class Matched:
    """Marks of n samples matched to their true places.

    Parameters
    ----------
    samples
        Their number n.
    best
        Score of the best mark on each true place that counts, -inf where there is none; (places,).
    place_sample, diameter
        Sample and diameter in mm of each of those places, (places,).
    score, mark_sample
        Score and sample of each mark that lies on no ignored place alone, (marks,).
    true
        Whether the mark lies on a place that counts, (marks,); the others are false alarms.
    """

    samples: int
    best: Array
    place_sample: Array
    diameter: Array
    score: Array
    mark_sample: Array
    true: Array

    def where(self, keep: Array) -> Matched:
        """Return the samples where `keep` (n,) holds, numbered anew."""
        number = np.cumsum(keep) - 1
        place, mark = keep[self.place_sample], keep[self.mark_sample]
        return Matched(
            int(keep.sum()),
            self.best[place],
            number[self.place_sample[place]],
            self.diameter[place],
            self.score[mark],
            number[self.mark_sample[mark]],
            self.true[mark],
        )

    def per_sample(self, sample: Array, chosen: Array) -> Array:
        """Return how many of the chosen marks or places each sample has, (n,)."""
        return np.bincount(sample[chosen], minlength=self.samples).astype(float)

    def threshold(self, rate: float) -> float:
        """Return the lowest score with at most `rate` false alarms per sample.

        Where even the weakest mark gives no more, that of the weakest mark.

        Raises
        ------
        ValueError
            There is no mark.
        """
        if not len(self.score):
            raise ValueError("a threshold needs at least one mark")
        alarms = np.sort(self.score[~self.true])[::-1]
        allowed = int(rate * self.samples + 1e-9)
        if allowed >= len(alarms):
            return float(self.score.min())
        return float(np.nextafter(alarms[allowed], np.inf))

    def alarms_at(self, threshold: Array, weights: Array | None = None) -> Array:
        """Return false alarms per sample from a threshold on; `threshold` (n,), one a sample."""
        called = ~self.true & (self.score >= threshold[self.mark_sample])
        counts = self.per_sample(self.mark_sample, called)
        return _ratio(counts, np.ones(self.samples), weights)

    def found_at(self, threshold: Array, weights: Array | None = None) -> Array:
        """Return the share of places found from a threshold on; `threshold` (n,), one a sample."""
        found = self.per_sample(self.place_sample, self.best >= threshold[self.place_sample])
        there = self.per_sample(self.place_sample, np.ones(len(self.best), dtype=bool))
        return _ratio(found, there, weights)

    @cached_property
    def _steps(self) -> Array:
        """The distinct scores at which places are found, falling."""
        return np.unique(self.best[np.isfinite(self.best)])[::-1]

    def _table(self, sample: Array, scores: Array) -> sparse.csr_array:
        """Return how many of the scores fall into each step, by sample: (n, steps + 1).

        Step j holds what is at or above the j-th distinct hit and below those before it.
        """
        column = len(self._steps) - np.searchsorted(self._steps[::-1], scores, side="right")
        shape = (self.samples, len(self._steps) + 1)
        return sparse.csr_array((np.ones(len(scores)), (sample, column)), shape=shape)

    @cached_property
    def _alarms(self) -> sparse.csr_array:
        return self._table(self.mark_sample[~self.true], self.score[~self.true])

    def sensitivities(
        self,
        rates: Sequence[float] = RATES,
        weights: Array | None = None,
        of: Array | None = None,
    ) -> Array:
        """Return the sensitivity at each number of false alarms per sample, (..., rates).

        Parameters
        ----------
        rates
            False alarms per sample, counted over all samples.
        weights
            Weight of each sample, (..., n).
        of
            Which places are asked about, bool (places,): a size, with the threshold that all
            places and false alarms give. NaN where there is none.
        """
        chosen = np.ones(len(self.best), dtype=bool) if of is None else of
        weighed = np.ones((1, self.samples)) if weights is None else np.atleast_2d(weights)
        alarms = np.cumsum(weighed @ self._alarms, axis=-1)[:, :-1]
        places = self._table(self.place_sample[chosen], self.best[chosen])
        gained = weighed @ places
        hit = np.cumsum(gained, axis=-1)[:, :-1]
        hit = np.concatenate([np.zeros((len(hit), 1)), hit], axis=1)
        limits = np.asarray(rates) * weighed.sum(-1, keepdims=True)
        step = np.stack([(alarms <= limit[:, None] + 1e-9).sum(-1) for limit in limits.T], axis=-1)
        there = gained.sum(-1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(there > 0, np.take_along_axis(hit, step, -1) / there, np.nan)
        return np.asarray(found[0] if weights is None else found.reshape(*weights.shape[:-1], -1))

    def curve(self) -> tuple[Array, Array]:
        """Return false alarms per sample (rising) and sensitivity at each distinct hit."""
        alarms = np.cumsum(self._alarms.sum(0))[:-1] / max(self.samples, 1)
        hits = np.sort(self.best[np.isfinite(self.best)])
        found = len(hits) - np.searchsorted(hits, self._steps)
        return np.r_[0.0, alarms], np.r_[0.0, found / max(len(self.best), 1)]


def _ratio(top: Array, bottom: Array, weights: Array | None) -> Array:
    weights = np.ones(top.shape) if weights is None else weights
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ top) / (weights @ bottom))[()]


def matched(marks: Sequence[Array], truth: Sequence[Array]) -> Matched:
    """Match the marks of each sample to its true places.

    Parameters
    ----------
    marks
        By sample, (m, 2 + d): score, centre in mm, diameter in mm (not read).
    truth
        By sample, (k, 2 + d): centre in mm, diameter in mm, 1 where the place counts, else 0.

    Raises
    ------
    ValueError
        A sample has marks in another number of dimensions than its places.
    """
    parts: list[tuple[Array, ...]] = []
    for i, pair in enumerate(zip(marks, truth, strict=True)):
        said, places = map(_rows, pair)
        if len(said) and len(places) and said.shape[1] != places.shape[1]:
            raise ValueError(f"marks {said.shape} and places {places.shape} of another dimension")
        on: Array = _on(said, places)
        counts = places[:, -1] == 1
        found = np.where(on[:, counts], said[:, :1], -np.inf)
        true = np.asarray(on[:, counts].any(1))
        kept = true | ~np.asarray(on.any(1))
        best = found.max(0, initial=-np.inf)
        numbers = np.full(len(best), i), np.full(int(kept.sum()), i)
        parts.append((best, numbers[0], places[counts, -2], said[kept, 0], numbers[1], true[kept]))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    best, place_sample, diameter, score, mark_sample, true = joined
    return Matched(len(parts), best, place_sample, diameter, score, mark_sample, true)


def _rows(values: Array) -> Array:
    """Return rows of numbers; without any, none of the smallest width."""
    values = np.asarray(values, dtype=float)
    return values if values.size else np.zeros((0, 4))


def _on(marks: Array, places: Array) -> Array:
    """Return which marks lie on which places, (m, k)."""
    if not (len(marks) and len(places)):
        return np.zeros((len(marks), len(places)), dtype=bool)
    apart = np.linalg.norm(marks[:, None, 1:-1] - places[None, :, :-2], axis=-1)
    return np.asarray(apart <= np.maximum(places[:, -2] / 2, REACH_MM))
