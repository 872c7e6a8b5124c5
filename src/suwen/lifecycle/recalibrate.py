"""Calibrate a pack again on its own out-of-fold answers; its weights stay as they are.

For a pack from before a part of the calibration existed (prediction sets), for a site that accepts
another error budget, or to seal a robustness card with it (`stress`). Member k answers fold k of
the data set it was trained on, and calibrator, decision bands and prediction sets are fitted on
that as in training. Golden cases, input domain and explanations rest on the weights alone and are
kept. What comes out is an unsigned draft: a person reads its card and signs it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suwen.core.errors import BadInput
from suwen.lifecycle import assemble, fitting, golden
from suwen.lifecycle.card import page as card
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import rows_of
from suwen.lifecycle.measure.predictions import held_back
from suwen.lifecycle.pack import SETTINGS, Pack
from suwen.lifecycle.plots import run as plots
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.robust import stress
from suwen.lifecycle.sealed import manifest
from suwen.lifecycle.sealed.toml import dumps
from suwen.lifecycle.task import Task
from suwen.lifecycle.train import out_of_fold

CHOICES = (
    "calibration",
    "operating_point",
    "prevalence",
    "interval_level",
    "set_level",
    "rule_in_false_alarms",
    "rule_out_misses",
    "false_alarms_per_sample",
    "rule_in_false_alarms_per_sample",
    "stress",
)
"""What of a recipe may be chosen anew without training."""


def recalibrate(
    task: Task,
    pack: Pack,
    data: DataFolders,
    folder: Path,
    recipe: Recipe | None = None,
    counter: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> Pack:
    """Make a draft of `pack` in `folder/pack` with calibrator, bands and sets fitted anew.

    Parameters
    ----------
    task, pack, data
        The question, the pack, and where its data set lies.
    folder
        Gets the draft, and the answers of each fold, so that what was killed goes on.
    recipe
        Differs from the pack's own in `CHOICES` only; None: the pack's own.
    counter
        Called with the number of predictions; returns what is called after each (progress).

    Raises
    ------
    BadInput
        The pack has no calibrator, or the recipe asks for another training.
    NotFound
        The data set is in none of the folders.
    """
    if not pack.answers.calibrated:
        raise BadInput(f"the pack of {task.name} has no calibrator", "a trained pack")
    recipe = _checked(recipe, recipe_of(pack))
    examples = held_back(task.examples(data, recipe.dataset), pack.members)
    folder.mkdir(parents=True, exist_ok=True)
    step = counter(len(examples))
    predictions = out_of_fold(task, pack, examples, pack.members, folder, step)
    draft = _copied(pack, recipe, folder / assemble.PACK)
    fitting.fit_answers(task, examples, recipe, predictions, draft)
    draft = Pack.draft(draft.folder)
    rows = rows_of(task, draft, examples, predictions)
    if recipe.stress:
        assemble.robustness_card(task, examples, recipe, draft, folder)
    plots.draw(task, rows, [], folder / "plots")
    _keep_plots(pack, folder / "plots")
    _describe(draft, recipe, measure.results(rows, assemble.exclusions_of(task, examples)))
    if problems := golden.check(task, draft):
        raise BadInput(
            f"a golden case does not come back: {problems[0]}",
            "the answers that were sealed",
            "use the version of the room that trained the pack",
        )
    return draft


def recipe_of(pack: Pack) -> Recipe:
    """Return the recipe a pack was trained with; a choice that came later has its default."""
    content: Mapping[str, Any] = pack.settings["recipe"]
    return Recipe.model_validate(content)


def _checked(recipe: Recipe | None, own: Recipe) -> Recipe:
    """Return what is asked for, where it needs no other training than the pack had."""
    kept = set(CHOICES)
    if recipe is None or recipe.model_dump(exclude=kept) == own.model_dump(exclude=kept):
        return recipe or own
    raise BadInput(
        "a recipe that asks for another training", f"changes of {list(CHOICES)}", "suwen train"
    )


def _describe(draft: Pack, recipe: Recipe, results: Mapping[str, Any]) -> None:
    """Write the card of the draft: that of the pack, with what was measured anew."""
    described = draft.content("card.json", needed=True) | {
        "pack": {"name": draft.settings["name"], "version": draft.settings["version"]},
        "results": results,
        "recipe": recipe.model_dump(),
        "robustness": draft.content(stress.CARD),
        **card.answers_of(draft),
    }
    card.write(described, draft.folder, draft.folder.parent / "plots")


def _copied(pack: Pack, recipe: Recipe, target: Path) -> Pack:
    """Copy a pack to `target` without seal and plots, under a version of its own."""
    shutil.rmtree(target, ignore_errors=True)
    gone = {manifest.MANIFEST, manifest.SIGNATURE, "plots"}
    shutil.copytree(pack.folder, target, ignore=lambda *_: gone)
    settings = dict(pack.settings)
    settings["version"] = f"{datetime.now(UTC):%Y.%m.%d.%H%M%S}"
    settings["recipe"] = recipe.model_dump()
    settings["recalibrated"] = {"from": pack.identity}
    (target / SETTINGS).write_text(dumps(settings), encoding="utf-8")
    return Pack.draft(target)


def _keep_plots(pack: Pack, target: Path) -> None:
    """Copy the plots of what is not measured again, as the robustness card."""
    for path in sorted((pack.folder / "plots").glob("*.png")):
        if not (target / path.name).exists():
            shutil.copyfile(path, target / path.name)
