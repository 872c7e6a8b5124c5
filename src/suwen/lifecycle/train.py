"""Train a pack: members by fold, out-of-fold predictions, calibrator, bands, guard, card, seal.

Every step writes its result into the run folder, and a step whose result stands there is not done
again: start the same training once more after a kill and it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.core.nouns import digest_of
from suwen.lifecycle import assemble, corrected, imbalance, runs, share, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.predictions import Predictions, held_back, predict_all
from suwen.lifecycle.pack import Pack, member_folder
from suwen.lifecycle.progress import Progress
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.sealed.toml import plain
from suwen.lifecycle.task import Task


@dataclass(frozen=True)
class Trained:
    """Where a run left its folder, its pack, and the figures of merit."""

    folder: Path
    pack: Pack
    results: Mapping[str, Any]


def train(
    task: Task,
    recipe: Recipe,
    data: DataFolders,
    home: Path,
    resume: bool = True,
    progress: bool = True,
    added: Examples | None = None,
) -> Trained:
    """Train, measure and sign a pack for `task`.

    Parameters
    ----------
    task, recipe, data
        The question, the choices, and where the data sets lie.
    home
        `SUWEN_HOME`: holds the run folder and the signing key.
    resume
        Go on with the newest run of the same task, recipe and data.
    progress
        Show progress bars on standard error.
    added
        What people corrected here (`Corrects.corrected`): every member is trained on it too.

    Raises
    ------
    NotFound
        The data set is in none of the folders.
    BadInput
        The recipe does not fit the data, or the task broke its contract.
    Conflict, StorageUnavailable
        Another process works on the same run, or the disk is full.
    """
    recipe = recipe.model_copy(update={"dataset": recipe.dataset or task.datasets[0]})
    examples = _checked(task, recipe, data)
    folder = runs.open_run(task, recipe, examples, home, resume, added)
    examples = corrected.told(examples, added)
    with runs.alone(folder), Progress(progress) as bars:
        with bars.bar("members", recipe.folds) as step:
            for member in range(recipe.folds):
                fit_member(task, examples, recipe, folder, member, added)
                step()
        pack = assemble.draft(task, examples, recipe, folder)
        examples = held_back(examples, recipe.folds)
        with bars.bar("out-of-fold predictions", len(examples)) as step:
            predictions = out_of_fold(task, pack, examples, recipe.folds, folder, step)
        with bars.bar("calibrate, measure, card", assemble.STEPS) as step:
            results = assemble.finish(task, examples, recipe, predictions, pack, folder, home, step)
    return Trained(folder, Pack.load(folder / assemble.PACK, assemble.own_key(home)), results)


def _checked(task: Task, recipe: Recipe, data: DataFolders) -> Examples:
    """Return the examples, once it is sure that the recipe can be carried out on them.

    Raises
    ------
    BadInput
        It cannot: nothing has been trained yet.
    """
    if recipe.dataset not in task.datasets:
        raise BadInput(
            f"{task.name} has no data set {recipe.dataset!r}", f"one of {list(task.datasets)}"
        )
    examples = task.examples(data, recipe.dataset)
    measure.check_examples(task, examples)
    if recipe.folds == 1 and task.answers.kind != "spans":
        raise BadInput(
            "folds = 1 (one member)", "two or more for this kind of answer", "raise `folds`"
        )
    measure.check_folds(task, examples, split.folds_of(examples.groups, recipe.folds))
    imbalance.check_recipe(task, recipe)
    share.check_recipe(task, recipe)
    return examples


def fit_member(
    task: Task,
    examples: Examples,
    recipe: Recipe,
    folder: Path,
    member: int,
    added: Examples | None = None,
) -> None:
    """Train one member unless `done.json` says that it is complete; `added` is trained on too."""
    fitting, stopping, held = split.member_split(examples.groups, recipe.folds, member)
    seeded = recipe.model_copy(update={"seed": recipe.seed + 1000 * member})
    apart = corrected.apart(added, examples.groups[held])
    train = corrected.joined(share.given(examples.subset(fitting), seeded), apart)
    fit_into(task, train, examples.subset(stopping), seeded, folder / member_folder(member))


def fit_into(task: Task, train: Examples, valid: Examples, recipe: Recipe, target: Path) -> None:
    """Train into the folder `target` unless `done.json` says that it is complete.

    Raises
    ------
    BadInput
        The task wrote no weights.
    """
    if (target / "done.json").exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    started = datetime.now(UTC)
    made = dict(task.fit(train, valid, recipe, target))
    done = {
        "settings": plain({key: value for key, value in made.items() if key != "history"}),
        "history": plain(made.get("history", {})),
        "samples": {"train": len(train), "stopping": len(valid)},
        "seed": recipe.seed,
        "code": runs.code_digest(runs.room_of(task)),
        "seconds": (datetime.now(UTC) - started).total_seconds(),
    }
    if not list(assemble.weight_files(target)):
        raise BadInput(
            f"{task.name} wrote no weights for {target.name}",
            "a file *.onnx or *.lgb.txt in the folder it was given",
            "correct `fit` of the task",
        )
    runs.write_json(target / "done.json", done)


def out_of_fold(
    task: Task, pack: Pack, examples: Examples, folds: int, folder: Path, step: Any
) -> Predictions:
    """Let member k answer fold k, keeping each fold's predictions in the run folder.

    Stored predictions are used again only when the room's code and the member are still the same.
    """
    target = folder / "predictions"
    target.mkdir(exist_ok=True)
    fold = split.folds_of(examples.groups, folds)  # with one member all are its fold 0
    code = runs.code_digest(runs.room_of(task))
    parts: list[tuple[Array, Predictions]] = []
    for k in range(folds):
        index = np.flatnonzero(fold == k)
        made_by = digest_of(
            (code + assemble.weights_digest(pack.folder / member_folder(k))).encode()
        )
        path = target / f"fold-{k}-{made_by[:8]}.npz"
        if not path.exists():
            found = predict_all(task, pack, examples.subset(index), k, step)
            partial = path.with_name(f".{path.name}")
            found.save(partial)
            partial.replace(path)
        else:
            for _ in index:
                step()
        parts.append((index, Predictions.load(path)))
    found = Predictions.joined(parts)
    if folds == 1:
        return replace(found, fold=split.folds_of(examples.groups, split.PARTS))
    return found
