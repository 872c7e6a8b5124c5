"""Examples with their answers as the pack gives them: calibrated, with intervals, ready to measure.

Out of fold, member k answers with the calibrator and the operating point that were fitted without
fold k. One member alone has no spread, so the intervals are drawn with the spread that all members
show on `SPREAD_EXAMPLES` of the examples; those were trained on by all members but one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from scipy import special

from suwen.lifecycle.calibration import calibrate, prediction_sets
from suwen.lifecycle.calibration.bands import HALF, Thresholds
from suwen.lifecycle.calibration.bands_classes import ClassThresholds
from suwen.lifecycle.detected import Detected, floors_of, match
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.kinds import Choice, Spans, Value
from suwen.lifecycle.measure.predictions import INDEPENDENT, Predictions, right_codes
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.spanned import Spanned, counted
from suwen.lifecycle.spanned import floors_of as span_floors
from suwen.lifecycle.task import Task
from suwen.metrics.ranking import reciprocal_rank

SPREAD_EXAMPLES = 40


@dataclass(frozen=True)
class Answered:
    """Examples with their answers, ready to be measured.

    `answer` is a calibrated probability (choice), a value, or a Dice coefficient (mask); `truth`
    the class, the value, or NaN; all columns have shape (n,), and with K > 2 classes `answer`,
    `order`, `low` and `high` have shape (n, K). `order` is what ranking metrics rank: for choices
    the mean logit before calibration. The intercept of a calibrator fitted without a fold falls as
    that fold's share of positives rises, so that pooled out-of-fold probabilities rank worse than
    the model does (Parker et al., BMC Bioinformatics 8:326, 2007). `low` and `high` are the ends
    of the interval shown with the answer, which should hold the true value in a share `level`.
    With places `truth` counts the true ones of a sample, `answer` is the probability of its
    strongest mark, and `detected` holds the marks. With spans `truth` counts the true stretches of
    a text, `answer` is its F1, and `spanned` holds the counts. With a ranking `answer` is 1 / place
    of the first right code, and so are the `floors`; with a calculation 1 where it agrees.
    `possible` tells which classes are in the prediction set of each sample, bool (n, K), made for
    the share `set_level`.
    `by` names the column whose values a number is also measured by (`Value.by`).
    `points` are the operating points (two classes, or anything but the first class where the
    question is asked as a `whole`), `shares` those of the classes in development,
    `watched` the number of the gravest class, `figures` what a task reads off the confusion table
    beside the usual (`Choice.figures`), `ratios` those of the examples.
    """

    kind: str
    truth: Array
    answer: Array
    order: Array
    groups: Array
    columns: Mapping[str, Array]
    floors: Mapping[str, Array]
    volume_error: Array
    abstained: Array
    thresholds: Thresholds | ClassThresholds | None = None
    low: Array | None = None
    high: Array | None = None
    level: float = calibrate.LEVEL
    points: Array | None = None
    classes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    detected: Detected | None = None
    spanned: Spanned | None = None
    whole: bool = False
    watched: int | None = None
    figures: Mapping[str, Callable[[Array], Array]] = field(default_factory=dict)
    ratios: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    by: str = ""
    possible: Array | None = None
    set_level: float = float("nan")

    def where(self, keep: Array) -> Answered:
        """Return the rows where `keep` holds."""
        chosen: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Detected | Spanned):
                chosen[each.name] = value.where(keep)
            elif isinstance(value, np.ndarray):
                chosen[each.name] = value[keep]
            elif each.name in ("columns", "floors"):
                chosen[each.name] = {name: column[keep] for name, column in value.items()}
        chosen["ratios"] = {name: (a[keep], b[keep]) for name, (a, b) in self.ratios.items()}
        return replace(self, **chosen)

    @property
    def many(self) -> bool:
        """Whether there are more than two classes."""
        return self.kind == "choice" and self.answer.ndim == 2

    @property
    def operating_points(self) -> Array:
        """Probability from which each sample is called positive, (n,)."""
        return np.full(len(self.truth), HALF) if self.points is None else self.points

    @property
    def called(self) -> Array:
        """With more than two classes the class that is named for each sample, (n,)."""
        if not self.whole:
            return np.asarray(self.answer.argmax(1))
        others = 1 + self.answer[:, 1:].argmax(1)
        return np.where(1 - self.answer[:, 0] >= self.operating_points, others, 0)

    @property
    def unsettled(self) -> Array:
        """Where more or another than the class that is named remains possible, bool (n,).

        Such an answer lies in the grey zone, whatever the thresholds say (`say.settled`).
        """
        if self.possible is None:
            return np.zeros(len(self.truth), dtype=bool)
        named = self.called if self.many else np.zeros(len(self.truth), dtype=int)
        if isinstance(self.thresholds, Thresholds):
            named = (self.answer >= self.thresholds.rule_in).astype(int)
        only = self.possible[np.arange(len(named)), named] & (self.possible.sum(1) == 1)
        return np.asarray(~only)

    @property
    def rank(self) -> Array:
        """One number a sample from clearly negative to clearly positive, (n,)."""
        return 1 - self.answer[:, 0] if self.many else self.answer


def answered(task: Task, examples: Examples, predictions: Predictions, answer: Array) -> Answered:
    """Join examples with their predictions; `answer` is read for choices and values."""
    mask = task.answers.kind == "mask"
    count = len(examples)
    values = predictions.dice if mask else np.asarray(answer, dtype=float)
    labelled = task.answers.kind in ("choice", "value")
    order = predictions.scores.mean(axis=1) if isinstance(task.answers, Choice) else values
    return Answered(
        kind=task.answers.kind,
        truth=np.asarray(examples.labels, dtype=float) if labelled else np.full(count, np.nan),
        answer=values,
        order=special.softmax(order, axis=1) if order.ndim == 2 else order,
        groups=examples.groups,
        columns={**examples.columns, **examples.tags},
        floors=examples.floors,
        volume_error=predictions.volume_error,
        abstained=np.zeros(count, dtype=bool),
        classes=task.answers.keys if isinstance(task.answers, Choice) else (),
        whole=isinstance(task.answers, Choice) and task.answers.whole,
        watched=task.answers.watched if isinstance(task.answers, Choice) else None,
        figures=dict(task.answers.figures) if isinstance(task.answers, Choice) else {},
        ratios=examples.ratios,
        by=task.answers.by if isinstance(task.answers, Value) else "",
    )


def with_abstained(rows: Answered, outside: Array) -> Answered:
    """Return the rows with what the guard would not answer marked; all rows stay measured."""
    return replace(rows, abstained=outside)


def abstained(pack: Pack, predictions: Predictions) -> Array:
    """Return which examples the guard would not answer, shape (n,)."""
    return np.array([bool(pack.guard.reasons(domain)) for domain in predictions.domains()])


def rows_of(
    task: Task, pack: Pack, examples: Examples, predictions: Predictions, intervals: bool = True
) -> Answered:
    """Return the rows to be measured: calibrated answers with intervals, bands, abstentions.

    Without `intervals` a choice has none: out of fold they ask all members about examples again.
    """
    scores = predictions.scores
    if task.answers.kind == "mask":
        rows = answered(task, examples, predictions, np.zeros(len(examples)))
    elif task.answers.kind == "value":
        rows = _values(answered(task, examples, predictions, scores.mean(1)), pack, predictions)
    elif task.answers.kind == "places":
        rows = _places(task, pack, examples, predictions)
    elif isinstance(task.answers, Spans):
        rows = _spans(task, task.answers, pack, examples, predictions)
    elif task.answers.kind == "ranked":
        rows = _ranked(task, examples, predictions)
    elif task.answers.kind == "calculated":
        rows = answered(task, examples, predictions, predictions.rank)
    else:
        rows = _choice(task, pack, examples, predictions, intervals)
    return with_abstained(rows, abstained(pack, predictions))


def _by_fold(pack: Pack, predictions: Predictions) -> list[tuple[Array, Any]]:
    """Return (rows, calibrator) for each fold: its own calibrator, or the shipped one."""
    answers = pack.answers
    return [
        (predictions.fold == k, answers.calibrator if k == INDEPENDENT else answers.of_fold(int(k)))
        for k in np.unique(predictions.fold)
    ]


def _values(rows: Answered, pack: Pack, predictions: Predictions) -> Answered:
    low, high = np.empty(len(rows.truth)), np.empty(len(rows.truth))
    level = calibrate.LEVEL
    for inside, intervals in _by_fold(pack, predictions):
        spread = predictions.spread[inside] if predictions.spread.size else None
        low[inside], high[inside] = intervals.limits(predictions.scores[inside], spread)
        level = intervals.level
    return replace(rows, low=low, high=high, level=level)


def _places(task: Task, pack: Pack, examples: Examples, predictions: Predictions) -> Answered:
    """Calibrate each mark with the calibrator that never saw its fold."""
    found, cuts = match(examples, predictions.marks_of()), pack.answers.place_thresholds
    fold = predictions.fold[found.mark_sample]
    probability = np.empty(len(found.score))
    for k in np.unique(fold):
        inside = fold == k
        own: Any = pack.answers.calibrator if k == INDEPENDENT else pack.answers.of_fold(int(k))
        probability[inside] = own.probability(found.score[inside])
    operating = np.full(len(examples), cuts.operating)
    rule_in = np.full(len(examples), cuts.rule_in)
    for k, ends in enumerate(zip(cuts.operating_by_fold, cuts.rule_in_by_fold, strict=True)):
        operating[predictions.fold == k], rule_in[predictions.fold == k] = ends
    marked = Detected(found, floors_of(examples), probability, operating, rule_in)
    rows = answered(task, examples, predictions, marked.strongest)
    return replace(rows, truth=marked.places, detected=marked)


def _spans(
    task: Task, answers: Spans, pack: Pack, examples: Examples, predictions: Predictions
) -> Answered:
    """Count stretches, each with the probability by the calibrator that never saw its fold."""
    by_fold: dict[int, Any] = {}
    if pack.content("calibrator.json"):
        folds = np.unique(predictions.fold).tolist()
        calibrators = (calibrator for _, calibrator in _by_fold(pack, predictions))
        by_fold = dict(zip(folds, calibrators, strict=True))

    def probability(logits: Array, texts: Array) -> Array:
        found = np.full(len(logits), np.nan)
        fold = predictions.fold[texts]
        for k, calibrator in by_fold.items():
            found[fold == k] = calibrator.probability(logits[fold == k])
        return found

    said = counted(answers, examples, predictions.marks_of(), probability)
    said = replace(said, floors=span_floors(answers, examples))
    rows = answered(task, examples, predictions, said.by_text)
    return replace(rows, truth=said.true.sum(1).astype(float), spanned=said)


def _ranked(task: Task, examples: Examples, predictions: Predictions) -> Answered:
    rows = answered(task, examples, predictions, predictions.rank)
    trivial = {
        name: np.array(
            [reciprocal_rank(named(i), right_codes(examples, i)) for i in range(len(examples))]
        )
        for name, named in examples.floor_marks.items()
    }
    return replace(rows, floors={**rows.floors, **trivial})


def _choice(
    task: Task, pack: Pack, examples: Examples, predictions: Predictions, intervals: bool
) -> Answered:
    scores = predictions.scores
    mean = scores.mean(1)
    probability, low, high = np.empty(mean.shape), np.empty(mean.shape), np.empty(mean.shape)
    alone = (predictions.fold != INDEPENDENT).any()
    sampled = _sampled(task, pack, examples) if alone and intervals else None
    for inside, calibrator in _by_fold(pack, predictions):
        probability[inside] = calibrator.probability(mean[inside])
        members = sampled if sampled is not None else scores[inside]
        spread = np.array([calibrator.spread(each) for each in members])
        if sampled is not None:
            spread = np.median(spread, axis=0)
        found = calibrator.limits(mean[inside], spread, pack.members)
        low[inside], high[inside] = found
    cuts: Thresholds | ClassThresholds = (
        pack.answers.thresholds if mean.ndim == 1 else pack.answers.class_thresholds
    )
    rows = answered(task, examples, predictions, probability)
    if (sets := pack.answers.sets) is not None:
        possible = prediction_sets.crossed(sets, probability, predictions.fold)
        rows = replace(rows, possible=possible, set_level=sets.level)
    content = pack.content("calibrator.json", needed=True)
    shares = tuple(content.get("shares", ()))
    return replace(
        rows,
        low=low if intervals else None,
        high=high if intervals else None,
        thresholds=cuts,
        points=_points(cuts, predictions.fold),
        shares=shares,
    )


def _points(cuts: Thresholds | ClassThresholds, fold: Array) -> Array | None:
    """Return the operating point at which each sample is measured, (n,); None without one."""
    if cuts.operating_point is None:
        return None
    found = np.full(len(fold), cuts.operating_point)
    for k, point in enumerate(cuts.operating_by_fold):
        found[fold == k] = point
    return found


def _sampled(task: Task, pack: Pack, examples: Examples) -> list[Array]:
    """Return what all members say about a few examples, spread evenly over them."""
    count = min(SPREAD_EXAMPLES, len(examples))
    chosen = np.unique(np.linspace(0, len(examples) - 1, count).astype(int))
    return [
        np.asarray(task.predict(pack, examples.load(int(i))).scores, dtype=float) for i in chosen
    ]
