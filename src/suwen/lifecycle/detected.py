"""Places as they are measured: marks matched to true places, calibrated, beside their floors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array, Examples
from suwen.metrics.froc import Matched, matched


@dataclass(frozen=True)
class Detected:
    """The marks of n samples.

    Parameters
    ----------
    matched
        The pack's marks, and `floors` those of trivial methods by name.
    probability
        Calibrated probability of each mark in `matched`, (marks,).
    operating, rule_in
        Logits at which each sample is measured, (n,).
    """

    matched: Matched
    floors: Mapping[str, Matched]
    probability: Array
    operating: Array
    rule_in: Array

    def where(self, keep: Array) -> Detected:
        """Return the samples where `keep` (n,) holds."""
        return Detected(
            self.matched.where(keep),
            {name: each.where(keep) for name, each in self.floors.items()},
            self.probability[keep[self.matched.mark_sample]],
            self.operating[keep],
            self.rule_in[keep],
        )

    @property
    def strongest(self) -> Array:
        """Probability of each sample's most probable mark, 0 without one, (n,)."""
        found = np.zeros(self.matched.samples)
        np.maximum.at(found, self.matched.mark_sample, self.probability)
        return found

    @property
    def places(self) -> Array:
        """Number of true places that count, (n,)."""
        sample = self.matched.place_sample
        return self.matched.per_sample(sample, np.ones(len(sample), dtype=bool))


def truths(examples: Examples) -> list[Array]:
    """Return the true places of each example.

    Raises
    ------
    BadInput
        There are none, or they have another shape than the contract states.
    """
    found = [np.asarray(examples.truth_of(i), dtype=float) for i in range(len(examples))]
    for key, places in zip(examples.keys, found, strict=True):
        wide = places.ndim == 2 and places.shape[1] in (4, 5)
        if len(places) and not (
            wide
            and np.isfinite(places).all()
            and (places[:, -2] > 0).all()
            and np.isin(places[:, -1], (0, 1)).all()
        ):
            raise BadInput(
                f"the true places of {key!r} have the shape {places.shape} or impossible values",
                "a row a place: centre in mm (2 or 3 columns), diameter > 0 in mm, 1 or 0",
                "see `Examples.truth`",
            )
    return found


def match(examples: Examples, marks: Sequence[Array]) -> Matched:
    """Match the marks of each example to its true places.

    Raises
    ------
    BadInput
        There are no true places, or marks and places have another number of dimensions.
    """
    try:
        return matched(marks, truths(examples))
    except ValueError as error:
        raise BadInput(str(error), "both in a plane or both in space", "correct the task") from None


def floors_of(examples: Examples) -> dict[str, Matched]:
    """Return the marks of each trivial method, matched."""
    return {
        name: match(examples, [marks(i) for i in range(len(examples))])
        for name, marks in examples.floor_marks.items()
    }
