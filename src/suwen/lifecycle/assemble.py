"""Put a pack together from trained members: calibrate, set bands and guard, describe, sign."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.lifecycle import fitting, footprint, golden, runs
from suwen.lifecycle.calibration import bands_classes
from suwen.lifecycle.card import page as card
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import Answered, rows_of
from suwen.lifecycle.measure.predictions import Predictions
from suwen.lifecycle.pack import FORMAT, SETTINGS, Pack, member_folder
from suwen.lifecycle.plots import robustness as plots_robustness
from suwen.lifecycle.plots import run as plots
from suwen.lifecycle.reasons import explain, similar
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.robust import stress
from suwen.lifecycle.sealed import guard as domain_guard
from suwen.lifecycle.sealed import keys as signing
from suwen.lifecycle.sealed import manifest as sealing
from suwen.lifecycle.sealed import trees
from suwen.lifecycle.sealed.toml import dumps
from suwen.lifecycle.sealed.weights import list_initialisers
from suwen.lifecycle.task import Task, Warns

PACK = "pack"
DIGITS = 3
"""Digits after the point of the figures of a robustness card."""
STEPS = 10
WEIGHTS = ("*.onnx", "*.lgb.txt", "*.lgb.txt.gz", "*.safetensors", "*.npz", "tokenizer.json")
"""Weights, and what a network needs to read its input."""
GOLDEN_QUANTILES = (0.02, 0.35, 0.65, 0.98)
"""Golden cases: from clearly negative to clearly positive."""


def weight_files(folder: Path) -> Iterator[Path]:
    """Yield the weight files that `Task.fit` left in a member's folder."""
    for pattern in WEIGHTS:
        yield from sorted(folder.glob(pattern))


def weights_digest(folder: Path) -> str:
    """Return the SHA-256 over the weight files of one member."""
    found = hashlib.sha256()
    for path in weight_files(folder):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def own_key(home: Path) -> dict[str, Any]:
    """Return this installation's own public key by fingerprint."""
    key = signing.signing_key(home).public_key()
    return {signing.fingerprint(key): key}


def draft(
    task: Task, examples: Examples, recipe: Recipe, folder: Path, members: int | None = None
) -> Pack:
    """Copy weights and settings of the members into a fresh `pack/` and open it unsigned.

    `members` is how many there are, by default one a fold.
    """
    members = recipe.folds if members is None else members
    target = folder / PACK
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    source = examples.source
    content: dict[str, Any] = {
        "format": FORMAT,
        "task": task.name,
        "name": task.name,
        "version": f"{datetime.now(UTC):%Y.%m.%d.%H%M%S}",
        "members": members,
        "answers": task.answers.kind,
        "dataset": recipe.dataset,
        "source": {"name": source.name, "url": source.url, "licence": source.licence},
        "recipe": recipe.model_dump(),
    }
    if isinstance(task.answers, Choice) and len(task.answers.classes) > 2:
        content["classes"] = list(task.answers.keys)
        whole = task.answers.whole
        content["bands"] = bands_classes.WHOLE_RULE if whole else bands_classes.RULE
    for member in range(members):
        made = folder / member_folder(member)
        inside = target / member_folder(member)
        inside.mkdir()
        for path in weight_files(made):
            shutil.copyfile(path, inside / path.name)
        content[member_folder(member)] = runs.read_json(made / "done.json")["settings"]
    trees.compress_in(target)
    (target / SETTINGS).write_text(dumps(content), encoding="utf-8")
    runs.write_json(target / "initialisers.json", list_initialisers(target))
    return Pack.draft(target)


def finish(
    task: Task,
    examples: Examples,
    recipe: Recipe,
    predictions: Predictions,
    pack: Pack,
    folder: Path,
    home: Path,
    step: Callable[[], None],
) -> dict[str, Any]:
    """Complete the draft, measure it, draw it, describe it, sign it; return the figures."""
    fitting.fit_answers(task, examples, recipe, predictions, pack)
    names: Mapping[str, Text] = getattr(task, "domain_names", {})
    _write(pack, "guard.json", domain_guard.fit(predictions.domains(), names).to_json())
    rows = rows_of(task, pack, examples, predictions)
    step()
    for i in golden_choice(rows):
        sample = examples.load(i)
        golden.write(task, pack.folder, sample, task.predict(pack, sample))
    if problems := golden.check(task, pack):
        raise BadInput(
            f"a golden case does not come back from its file: {problems[0]}",
            "the same answer from the stored input",
            "keep everything `predict` reads in fields of Sample.data that can be stored",
        )
    step()
    _write(pack, "explain.json", explain.on_development(task, pack, examples, rows))
    step()
    similar.build(task, examples, pack)
    if isinstance(task, Warns):
        _write(pack, "alarms.json", dict(task.alarms(pack, examples)))
    step()
    cost = footprint.measured(task, pack)
    step()
    if recipe.stress:
        robustness_card(task, examples, recipe, pack, folder)
    step()
    results = measure.results(rows, exclusions_of(task, examples), step=step)
    runs.write_json(folder / "results.json", results)
    plots.draw(task, rows, _histories(pack, folder), folder / "plots")
    described = card.describe(task, examples, pack, results, cost, folder)
    card.write(described, pack.folder, folder / "plots")
    sealing.seal(pack.folder, signing.signing_key(home))
    run = runs.read_json(folder / runs.RUN)
    run["data"]["content"] = hashlib.sha256("".join(predictions.digest).encode()).hexdigest()
    run["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
    runs.write_json(folder / runs.RUN, run)
    step()
    return results


def _histories(pack: Pack, folder: Path) -> list[Any]:
    """Return the learning curve of each member."""
    members = (folder / member_folder(k) for k in range(pack.members))
    return [runs.read_json(member / "done.json")["history"] for member in members]


def robustness_card(
    task: Task, examples: Examples, recipe: Recipe, pack: Pack, folder: Path
) -> None:
    """Measure the robustness card on a few examples, so that it is sealed with the pack.

    Only perturbations: attacks take as long as a training and stay with `suwen stress`.
    """
    asked = stress.Asked(recipe.dataset, recipe.stress, attacked=0, seed=recipe.seed)
    made_by = "".join(weights_digest(pack.folder / member_folder(k)) for k in range(pack.members))
    kept = folder / "stress" / hashlib.sha256(made_by.encode()).hexdigest()[:16]
    chosen = stress.stressed(examples.groups, asked.limit, asked.seed)
    found = stress.Run(task, pack, kept, asked, True).measured(examples.subset(chosen))
    found |= {"data": recipe.dataset}
    del found["pack"]  # the digest of a pack is not known before it is sealed
    runs.write_json(pack.folder / stress.CARD, _rounded(found), indent=None)
    plots_robustness.draw(found, folder / "plots")


def _rounded(content: Any) -> Any:
    """Return plain values with their numbers to `DIGITS` digits: a card is read by people."""
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value) for value in content]
    return round(content, DIGITS) if isinstance(content, float) else content


def _write(pack: Pack, name: str, content: Any) -> None:
    runs.write_json(pack.folder / name, content)


def exclusions_of(task: Task, examples: Examples) -> dict[str, Array]:
    """Return the rows each of the task's named exclusions drops (optional attribute).

    `exclusions` maps a name (`rating 3`) to a function of the examples that says which rows go.
    """
    found: Mapping[str, Callable[[Examples], Array]] = getattr(task, "exclusions", {})
    return {name: np.asarray(drop(examples), dtype=bool) for name, drop in found.items()}


def golden_choice(rows: Answered) -> list[int]:
    """Return the examples at fixed quantiles of the answer among those the guard accepts.

    With more than two classes, also the clearest example of each.
    """
    inside = np.flatnonzero(~rows.abstained)
    order = inside[np.argsort(rows.rank[inside], kind="stable")]
    chosen = {int(order[int(q * (len(order) - 1))]) for q in GOLDEN_QUANTILES}
    if rows.many:
        chosen |= {int(i) for i in inside[rows.answer[inside].argmax(0)]}
    return sorted(chosen)
