"""Stretches of text as they are measured: counted per text and type, beside their floors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.kinds import Spans
from suwen.metrics import spans

ROW = 4
"""Numbers in an answered stretch: logit, start, end, type."""


@dataclass(frozen=True)
class Spanned:
    """Stretches of n texts, counted.

    Parameters
    ----------
    keys, match, headline
        Short names of the types, how stretches are compared and what the plain keys are of: those
        of the answer (`Spans`).
    right, answered, found, true
        Answered stretches that are right, all answered, true ones that were found, all true ones:
        each (n, types).
    sample, correct, probability
        Of every answered stretch: its text, whether it is right, and its calibrated probability
        (NaN where the pack has no calibrator); each (m,).
    floors
        What trivial methods answer on the same texts, by name.
    """

    keys: tuple[str, ...]
    match: str
    headline: str
    right: Array
    answered: Array
    found: Array
    true: Array
    sample: Array
    correct: Array
    probability: Array
    floors: Mapping[str, Spanned] = field(default_factory=dict)

    def where(self, keep: Array) -> Spanned:
        """Return the texts where `keep` (n,) holds."""
        place = np.cumsum(keep) - 1
        inside = keep[self.sample]
        chosen: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("right", "answered", "found", "true"):
            chosen[name] = chosen[name][keep]
        for name in ("correct", "probability"):
            chosen[name] = chosen[name][inside]
        chosen["sample"] = place[self.sample[inside]]
        chosen["floors"] = {name: floor.where(keep) for name, floor in self.floors.items()}
        return Spanned(**chosen)

    @property
    def by_text(self) -> Array:
        """F1 of each text, (n,); 1 where nothing is true and nothing was said.

        Compared exactly: over the headline's type, without one over the types that the data set
        marks anywhere. What its guideline does not name, it does not deny.
        """
        there = np.asarray(self.true.any(0)) | (self.match != "exact")
        if self.headline:
            there = np.array([key == self.headline for key in self.keys])
        right, answered, found, true = (
            table[:, there].sum(1) for table in (self.right, self.answered, self.found, self.true)
        )
        recall = np.nan_to_num(spans.share(found, true))
        value = spans.f1(spans.share(right, answered), recall)
        return np.where((true == 0) & (answered == 0), 1.0, value)


def truths(examples: Examples) -> list[Array]:
    """Return the true stretches of each example, each (k, 3).

    Raises
    ------
    BadInput
        There are none, or they have another shape than the contract states.
    """
    found = []
    for i in range(len(examples)):
        rows = np.asarray(examples.truth_of(i), dtype=float).reshape(-1, 3)
        if not (np.isfinite(rows).all() and (rows[:, 0] < rows[:, 1]).all()):
            raise BadInput(
                f"the true stretches of {examples.keys[i]!r} hold impossible values",
                "a row a stretch: start < end in characters, number of the type",
                "see `Examples.truth`",
            )
        found.append(rows)
    return found


def counted(
    answers: Spans,
    examples: Examples,
    marks: Sequence[Array],
    probability: Callable[[Array, Array], Array] | None = None,
) -> Spanned:
    """Compare the answered stretches of each example with the true ones.

    Parameters
    ----------
    answers
        What is answered: types and how stretches are compared.
    examples
        With their true stretches; for `covered`, `Sample.data.text` is read.
    marks
        Answered stretches of each example, each (m, 4): logit, start, end, type.
    probability
        Returns the probability of stretches from their logits and texts, both (m,).
    """
    count = len(answers.types)
    tables: dict[str, list[Array]] = {k: [] for k in ("right", "answered", "found", "true")}
    correct, sample, logits = [], [], []
    for i, (rows, true) in enumerate(zip(marks, truths(examples), strict=True)):
        said = np.asarray(rows, dtype=float).reshape(-1, ROW)
        if answers.match == "exact":
            right, found = spans.exact(said[:, 1:], true)
        else:
            right, found = spans.covered(said[:, 1:], true, str(examples.load(i).data.text))
        tables["right"].append(spans.per_type(said[:, 3], right, count))
        tables["answered"].append(spans.per_type(said[:, 3], np.full(len(said), True), count))
        tables["found"].append(spans.per_type(true[:, 2], found, count))
        tables["true"].append(spans.per_type(true[:, 2], np.full(len(true), True), count))
        correct.append(right)
        sample.append(np.full(len(said), i))
        logits.append(said[:, 0])
    texts, scores = np.concatenate([*sample, []]).astype(int), np.concatenate([*logits, []])
    none = np.full(len(texts), np.nan)
    table = {name: np.array(rows).reshape(-1, count) for name, rows in tables.items()}
    return Spanned(
        keys=answers.keys,
        match=answers.match,
        headline=answers.headline,
        right=table["right"],
        answered=table["answered"],
        found=table["found"],
        true=table["true"],
        sample=texts,
        correct=np.concatenate([*correct, np.zeros(0, dtype=bool)]).astype(bool),
        probability=none if probability is None else probability(scores, texts),
    )


def floors_of(answers: Spans, examples: Examples) -> dict[str, Spanned]:
    """Return what each trivial method answers, counted."""
    return {
        name: counted(answers, examples, [marks(i) for i in range(len(examples))])
        for name, marks in examples.floor_marks.items()
    }
