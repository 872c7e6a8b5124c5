"""What judging some beats of a person does for the person's other beats, with true labels.

Each record of DS1 is answered by a member that never saw it; of each kind the page of events shows
(told V, S, F, and normal ones told in doubt) the first page by doubt is judged as the reference
says. A member trained with the same choices and these judged beats then answers the record again.
Both are measured on the beats nobody judged; the floor is the member without them. The weight of a
judged beat is tried at several values: all are printed. Intervals: bootstrap over records, the
difference in pairs. About ten minutes on one core.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np

from suwen.app import rooms
from suwen.core import registry
from suwen.health.beats import fit as ecg_beats_fit
from suwen.health.beats.events import SURE
from suwen.lifecycle import corrected, packs, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples
from suwen.metrics import classification
from suwen.metrics.intervals import difference, estimate

TASK: Final = "health.ecg_beats"
PAGE: Final = 24
"""Beats of each kind that are judged: those of one page."""
WEIGHTS: Final = (1.0, 3.0, 10.0, 30.0)
FIGURES: Final = {"f1_v": 2, "f1_s": 1}


def judged(probability: Array, records: Array) -> Array:
    """Return which beats are judged, bool (n,): of each record and kind the first page by doubt."""
    named, chance = probability.argmax(1), probability.max(1)
    found = np.zeros(len(named), dtype=bool)
    for record in np.unique(records):
        for kind in range(4):
            own = (records == record) & (named == kind) & ((kind > 0) | (chance < SURE))
            places = np.flatnonzero(own)
            found[places[np.argsort(chance[places], kind="stable")[:PAGE]]] = True
    return found


def as_corrections(examples: Examples, chosen: Array) -> Examples:
    """Return judged beats as the task takes them from the store."""
    own = examples.subset(np.flatnonzero(chosen))
    keys = tuple(f"{ecg_beats_fit.CORRECTED}{key}" for key in own.keys)
    groups = np.array([f"patient/{group}" for group in own.groups])
    return Examples(own.source, keys, groups, own.labels, own.load)


def logits_of(
    examples: Examples, added: Examples | None, recipe: Any, folds: int, rows: Array
) -> Array:
    """Return what each beat's own member says of it, (n, classes): trained with `added` too."""
    found = np.zeros((len(examples), 4))
    for fold in range(folds):
        fitting, stopping, held = split.member_split(examples.groups, folds, fold)
        own = None
        if added is not None:
            people = {f"patient/{group}" for group in examples.groups[held]}
            own = added.subset(np.flatnonzero(np.isin(added.groups, list(people))))
        train = corrected.joined(examples.subset(fitting), own)
        seeded = recipe.model_copy(update={"seed": recipe.seed + 1000 * fold})
        with tempfile.TemporaryDirectory() as folder:
            ecg_beats_fit.fit(train, examples.subset(stopping), seeded, Path(folder))
            text = (Path(folder) / ecg_beats_fit.TREES).read_text()
            trees = lightgbm.Booster(model_str=text)
        found[held] = trees.predict(rows[held], raw_score=True, num_threads=1)
    return found


def told(name: str, truth: Array, calls: Mapping[str, Array], groups: Array) -> None:
    """Print the figures of one way, and how far they are from the floor."""
    for figure in (*FIGURES, "j_kappa"):
        of = {way: partial(_figure, figure, truth, called) for way, called in calls.items()}
        own = estimate(of["after"], groups)
        more = estimate(difference(of["after"], of["before"]), groups)
        print(
            f"{name:<12} {figure:<8} {own.value:.3f} [{own.low:.3f}, {own.high:.3f}]   "
            f"against the floor {more.value:+.3f} [{more.low:+.3f}, {more.high:+.3f}]"
        )


def _figure(figure: str, truth: Array, called: Array, weights: Array | None) -> Array:
    cells = classification.table(truth, called, 4, weights)
    if figure == "j_kappa":
        return classification.j_kappa(cells)
    return classification.f1(cells)[..., FIGURES[figure]]


def main(weights: Sequence[float] = WEIGHTS) -> None:
    """Measure, and print a table."""
    rooms.load()
    task, pack = registry.find(TASK), packs.current(TASK)
    examples = task.examples(DataFolders.from_settings(), task.datasets[0])
    recipe: Any = task.recipe
    rows = np.concatenate([examples.load(i).data.rows for i in range(len(examples))])
    fold = split.folds_of(examples.groups, recipe.folds)
    before = logits_of(examples, None, recipe, recipe.folds, rows)
    chance = np.zeros_like(before)
    for k in range(recipe.folds):
        chance[fold == k] = pack.answers.of_fold(k).probability(before[fold == k])
    chosen = judged(chance, examples.groups)
    truth, groups = examples.labels[~chosen].astype(int), examples.groups[~chosen]
    wrong = int((chance.argmax(1) != examples.labels)[chosen].sum())
    print(f"{len(examples)} beats of {len(np.unique(groups))} people; judged {chosen.sum()}, "
          f"of which {wrong} were told wrongly; measured on the other {len(truth)}")  # fmt: skip
    told("floor", truth, dict.fromkeys(("before", "after"), before[~chosen].argmax(1)), groups)
    added = as_corrections(examples, chosen)
    for weight in weights:
        ecg_beats_fit.CORRECTED_WEIGHT = weight  # type: ignore[misc]
        after = logits_of(examples, added, recipe, recipe.folds, rows)
        calls = {"before": before[~chosen].argmax(1), "after": after[~chosen].argmax(1)}
        told(f"weight {weight:g}", truth, calls, groups)


if __name__ == "__main__":
    main()
