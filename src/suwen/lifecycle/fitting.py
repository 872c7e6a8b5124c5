"""Fit, on out-of-fold predictions, what turns scores into answers, and write it into the pack.

`calibrator.json` gets the calibrator that ships, one a fold (fitted on the other folds) and what
decided between the kinds; `thresholds.json` the decision bands, for choices and places only;
`prediction_sets.json` the limits of the classes that remain possible, for choices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle import runs
from suwen.lifecycle.calibration import (
    bands,
    bands_classes,
    bands_places,
    calibrate,
    calibrate_classes,
    conformal,
    prediction_sets,
)
from suwen.lifecycle.detected import match
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.kinds import Choice, Places, Spans
from suwen.lifecycle.measure.predictions import Predictions
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.spanned import counted
from suwen.lifecycle.task import Task


def fit_answers(
    task: Task, examples: Examples, recipe: Recipe, predictions: Predictions, pack: Pack
) -> None:
    """Fit and write what this kind of answer needs; a mask needs nothing.

    Raises
    ------
    BadInput
        The recipe asks for a calibrator of another kind of answer, or there are too few examples.
    """
    if isinstance(task.answers, Choice):
        several = len(task.answers.classes) > 2
        if several:
            _classes(examples, recipe, predictions, pack, task.answers.whole)
        else:
            _two_classes(examples, recipe, predictions, pack)
    elif task.answers.kind == "value":
        _values(examples, recipe, predictions, pack)
    elif isinstance(task.answers, Places):
        _places(task.answers, examples, recipe, predictions, pack)
    elif isinstance(task.answers, Spans):
        _spans(task.answers, examples, recipe, predictions, pack)


def _two_classes(examples: Examples, recipe: Recipe, predictions: Predictions, pack: Pack) -> None:
    truth, fold = np.asarray(examples.labels, dtype=float), predictions.fold
    chosen, by_fold, probability, losses = calibrate.choose(
        recipe.calibration, predictions.scores.mean(1), truth, examples.groups, fold
    )
    _write(pack, chosen, by_fold, {"cross_fitted_log_loss": losses})
    budget = (recipe.rule_in_false_alarms, recipe.rule_out_misses)
    cuts = bands.choose(truth, probability, fold, *budget, recipe.operating_point)
    runs.write_json(pack.folder / "thresholds.json", cuts.to_json())
    _sets(examples, recipe, fold, probability, pack)


def _classes(
    examples: Examples, recipe: Recipe, predictions: Predictions, pack: Pack, whole: bool
) -> None:
    truth, fold = np.asarray(examples.labels, dtype=int), predictions.fold
    logits = predictions.scores.mean(1)
    chosen, by_fold, probability, losses = calibrate_classes.choose(
        recipe.calibration, logits, truth, examples.groups, fold, examples.lacks
    )
    shares = (np.bincount(truth, minlength=logits.shape[1]) / len(truth)).tolist()
    _write(pack, chosen, by_fold, {"cross_fitted_log_loss": losses, "shares": shares})
    budget = (recipe.rule_in_false_alarms, recipe.rule_out_misses)
    cuts = bands_classes.choose(truth, probability, fold, budget, whole, recipe.prevalence)
    runs.write_json(pack.folder / "thresholds.json", cuts.to_json())
    _sets(examples, recipe, fold, probability, pack)


def _sets(examples: Examples, recipe: Recipe, fold: Array, probability: Array, pack: Pack) -> None:
    """Fit and write the prediction sets of a choice on its cross-fitted probabilities."""
    truth = np.asarray(examples.labels, dtype=int)
    chosen, figures = prediction_sets.choose(
        probability, truth, examples.groups, fold, recipe.set_level
    )
    content = {**chosen.to_json(), "cross_fitted": figures}
    runs.write_json(pack.folder / prediction_sets.FILE, content)


def _values(examples: Examples, recipe: Recipe, predictions: Predictions, pack: Pack) -> None:
    values, truth = predictions.scores.mean(1), np.asarray(examples.labels, dtype=float)
    spread = predictions.spread.mean(1) if predictions.spread.size else None
    chosen, by_fold, scores = conformal.choose(
        values, truth, predictions.fold, recipe.interval_level, spread
    )
    _write(pack, chosen, by_fold, {"cross_fitted_interval_score": scores})


def _places(
    answers: Places, examples: Examples, recipe: Recipe, predictions: Predictions, pack: Pack
) -> None:
    """Fit on marks: true is one that lies on a place that counts, also beside a better one."""
    found = match(examples, predictions.marks_of())
    groups, fold = examples.groups[found.mark_sample], predictions.fold[found.mark_sample]
    if len(np.unique(fold)) < 2:
        raise BadInput(
            f"out-of-fold marks in {len(np.unique(fold))} folds",
            "marks in at least two",
            "let `predict` return weak marks too",
        )
    chosen, by_fold, _, losses = calibrate.choose(
        recipe.calibration, found.score, found.true.astype(float), groups, fold
    )
    _write(pack, chosen, by_fold, {"cross_fitted_log_loss": losses})
    rates = (recipe.false_alarms_per_sample, recipe.rule_in_false_alarms_per_sample)
    cuts = bands_places.choose(found, predictions.fold, rates, answers.per)
    runs.write_json(pack.folder / "thresholds.json", cuts.to_json())


def _spans(
    answers: Spans, examples: Examples, recipe: Recipe, predictions: Predictions, pack: Pack
) -> None:
    """Fit on stretches: how often one of that logit is right, start, end and type."""
    said = counted(answers, examples, predictions.marks_of())
    logits = predictions.marks[:, 0] if len(predictions.marks) else np.zeros(0)
    fold = predictions.fold[said.sample]
    if len(np.unique(fold)) < 2:
        raise BadInput(
            f"stretches in {len(np.unique(fold))} folds", "some in at least two", "add texts"
        )
    if any(len(np.unique(said.correct[fold != k])) < 2 for k in np.unique(fold)):
        right, count = int(said.correct.sum()), len(said.correct)
        raise BadInput(
            f"{right} of {count} stretches marked in held-out texts are right",
            "right ones and wrong ones in several texts, to tell probabilities from",
            "add texts, or train for longer: a higher `epochs` (`options.epochs_zh` for Chinese)",
        )
    groups = examples.groups[said.sample]
    chosen, by_fold, _, losses = calibrate.choose(
        recipe.calibration, logits, said.correct.astype(float), groups, fold
    )
    _write(pack, chosen, by_fold, {"cross_fitted_log_loss": losses})


def _write(pack: Pack, shipped: Any, by_fold: Sequence[Any], more: Mapping[str, Any]) -> None:
    """Write the calibrator that ships, one a fold, and what decided between the kinds."""
    folds = [each.to_json() for each in by_fold]
    content = {"all": shipped.to_json(), "folds": folds, **more}
    runs.write_json(pack.folder / "calibrator.json", content)
