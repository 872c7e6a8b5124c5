"""Stress a pack: answer examples again after every change the task calls clinically real.

On development data member k answers fold k, changed or not, so nothing is measured on what it was
trained on. Each condition's predictions are kept in the folder, so that a stress that was killed
goes on where it was. References: Hendrycks & Dietterich, ICLR 2019 (corruptions by strength);
Ovadia et al., NeurIPS 2019 (calibration under shift).
"""

from __future__ import annotations

import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.core.nouns import digest_of
from suwen.lifecycle import rules, runs, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Sample
from suwen.lifecycle.measure.answered import Answered, rows_of
from suwen.lifecycle.measure.predictions import (
    INDEPENDENT,
    Predictions,
    held_back,
    out_of_fold,
    predict_all,
)
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.robust import attack, robustness
from suwen.lifecycle.task import Perturbation, Task

CARD = "robustness.json"
PAGE = "robustness.md"
CLEAN = "unchanged"
LIMIT = 200
"""Examples that are stressed unless more or fewer are asked for."""
GROUPS = 20
"""Least number of groups that are stressed, as long as there are so many."""
LARGE = 20
"""Mean number of examples from which groups are large."""
ATTACKED = 100
"""Examples that are attacked: an attack of one takes as long as dozens of predictions."""

Counter = Callable[[int], Callable[[], None]]


def _uncounted(total: int) -> Callable[[], None]:
    return lambda: None


def folder_of(home: Path, pack: Pack) -> Path:
    """Return where the robustness card of a sealed pack lies, since nothing can be added to it."""
    return home / "stress" / pack.task / f"{pack.settings['version']}-{pack.sha256[:8]}"


@dataclass(frozen=True)
class Asked:
    """What is stressed. `limit` 0 means every example, `attacked` 0 no attack."""

    dataset: str = ""
    limit: int = LIMIT
    attacked: int = ATTACKED
    seed: int = 0


@dataclass(frozen=True)
class Condition:
    """One change at one strength, as examples whose samples are changed when they are loaded."""

    kind: str
    name: str
    strength: float
    examples: Examples


def chosen_by_group(groups: Array, limit: int, seed: int) -> Array:
    """Return indices of whole groups, drawn by seed until there are `limit` examples (0: all)."""
    if limit <= 0 or limit >= len(groups):
        return np.arange(len(groups))
    names = np.unique(groups)
    keep = np.zeros(len(groups), dtype=bool)
    for name in np.random.default_rng(seed).permutation(names):
        keep |= groups == name
        if keep.sum() >= limit:
            break
    return np.flatnonzero(keep)


def stressed(groups: Array, limit: int, seed: int) -> Array:
    """Return indices of the examples that are stressed: whole groups, or parts of large ones.

    Where groups are large (heart beats of a patient) and so few examples would be those of a
    handful of them, there are `GROUPS` groups, or all, with as many of each, spread evenly over it.
    """
    names = np.unique(groups)
    large = len(groups) >= LARGE * len(names)
    if limit <= 0 or not large or limit * len(names) >= GROUPS * len(groups):
        return chosen_by_group(groups, limit, seed)
    drawn = np.sort(np.random.default_rng(seed).permutation(names)[:GROUPS])
    parts = []
    for name in drawn:
        own = np.flatnonzero(groups == name)
        count = min(len(own), -(-limit // len(drawn)))
        parts.append(own[np.linspace(0, len(own) - 1, count).astype(int)])
    return np.sort(np.concatenate(parts))


def perturbed(examples: Examples, change: Perturbation, strength: float, seed: int) -> Condition:
    """Return the examples changed by one perturbation; each sample has a seed of its own."""

    def own(i: int) -> int:
        return zlib.crc32(f"{seed} {examples.keys[i]}".encode())

    def load(i: int) -> Sample:
        return change.apply(examples.load(i), strength, own(i))

    changed = replace(examples, load=load)
    if (moved := change.truth) is not None and (truth := examples.truth) is not None:
        changed = replace(
            changed, truth=lambda i: moved(truth(i), examples.load(i), strength, own(i))
        )
    return Condition("perturbation", change.name, strength, changed)


def attacked(
    task: Task, pack: Pack, examples: Examples, method: str, eps: float, asked: tuple[int, bool]
) -> Condition:
    """Return the examples attacked on the members that will answer them.

    `asked` is the seed and whether the answers are out of fold.
    """
    seed, alone = asked
    fold = split.folds_of(examples.groups, pack.members)

    def load(i: int) -> Sample:
        drawn = examples.truth if task.answers.kind in ("mask", "places", "spans") else None
        truth = examples.labels[i] if drawn is None else drawn(i)
        members = [int(fold[i])] if alone else list(range(pack.members))
        target = attack.Target(task, pack, examples.load(i), members, truth)
        own = zlib.crc32(f"{seed} {method} {examples.keys[i]}".encode())
        return attack.attacked(target, method, eps, own)

    unit = getattr(task, "attack_unit", "")
    return Condition("attack", f"{method} ({unit})", eps, replace(examples, load=load))


def stress(
    task: Task,
    pack: Pack,
    data: DataFolders,
    folder: Path,
    asked: Asked | None = None,
    counter: Counter = _uncounted,
) -> dict[str, Any]:
    """Measure what each change does to the answers, and write `robustness.json` into `folder`.

    Parameters
    ----------
    task, pack, data
        The question, the answer to it, and where the data sets lie (`data.test`: all members
        answer, else out of fold).
    folder
        Gets the figures and the predictions of each condition.
    asked
        Data set, number of examples, seed.
    counter
        Called with the number of predictions; returns what is called after each (progress).

    Returns
    -------
    dict
        `task`, `pack`, `data`, `split`, `seed`, `n`, `groups`, `kind`, `meaning`, `clean`
        (figures), `summary` (mean over all perturbations: by this packs are compared),
        `conditions` (figures with paired changes), `attacks` (unit, slope, examples and
        their clean figures; null when none were made), `seconds`.

    Raises
    ------
    BadInput, NotFound
        The task has no data set of that name, or it is in none of the folders.
    """
    asked = asked or Asked()
    dataset = asked.dataset or str(pack.settings["dataset"])
    if dataset not in task.datasets:
        raise BadInput(f"{task.name} has no data set {dataset!r}", f"one of {list(task.datasets)}")
    examples = task.examples(data, dataset)
    alone = data.test is None and not rules.is_ruled(pack)
    if alone:
        examples = held_back(examples, pack.members)
    examples = examples.subset(stressed(examples.groups, asked.limit, asked.seed))
    run = Run(task, pack, folder, asked, alone)
    found = run.measured(examples, counter) | {"data": dataset}
    runs.write_json(folder / CARD, found)
    return found


@dataclass(frozen=True)
class Run:
    """What is common to all conditions; `alone`: member k answers fold k."""

    task: Task
    pack: Pack
    folder: Path
    asked: Asked
    alone: bool

    def measured(self, examples: Examples, counter: Counter = _uncounted) -> dict[str, Any]:
        """Return the figures of every condition on examples that were chosen already."""
        started = time.perf_counter()
        examples = replace(examples, floor_marks={})  # no floor stands on the card
        strengths = sum(len(each.strengths) for each in self.task.perturbations)
        under_attack = self._attackable(examples)
        attacks = len(attack.METHODS) * len(getattr(self.task, "attack_strengths", ()))
        step = counter((1 + strengths) * len(examples) + attacks * int(under_attack.sum()))
        clean = self.answered(Condition("", CLEAN, 0.0, examples), step)
        found, changed = [], defaultdict(list)
        for one in self._perturbed(examples):
            rows = self.answered(one, step)
            found.append(_entry(one, clean, rows))
            changed[one.name].append(rows)
        about = None
        if under_attack.any():
            fewer = examples.subset(np.flatnonzero(under_attack))
            untouched = clean.where(under_attack)
            found += [
                _entry(one, untouched, self.answered(one, step)) for one in self._attacked(fewer)
            ]
            about = self._about(untouched)
        return {
            "task": self.task.name,
            "pack": self.pack.identity,
            "split": "out-of-fold" if self.alone else "independent",
            "seed": self.asked.seed,
            "n": len(examples),
            "groups": len(np.unique(examples.groups)),
            "kind": clean.kind,
            "meaning": {
                "flipped": robustness.JUDGES[clean.kind].flipped_when,
                "confidently_wrong": robustness.JUDGES[clean.kind].wrong_when,
            },
            "headline": list(robustness.headline(clean)),
            "clean": robustness.figures(clean),
            "summary": robustness.summary(clean, changed),
            "conditions": found,
            "attacks": about,
            "seconds": round(time.perf_counter() - started, 1),
        }

    def _attackable(self, examples: Examples) -> Array:
        """Return which examples are attacked, bool (n,)."""
        found = np.zeros(len(examples), dtype=bool)
        if isinstance(self.task, attack.Attacked) and self.asked.attacked > 0:
            found[stressed(examples.groups, self.asked.attacked, self.asked.seed)] = True
        return found

    def _about(self, untouched: Answered) -> dict[str, Any]:
        task: Any = self.task
        return {
            "unit": task.attack_unit,
            "slope": attack.kind_of(self.task, self.pack),
            "steps": attack.STEPS,
            "n": len(untouched.truth),
            "groups": len(np.unique(untouched.groups)),
            "clean": robustness.figures(untouched),
        }

    def _perturbed(self, examples: Examples) -> Iterator[Condition]:
        for change in self.task.perturbations:
            for strength in change.strengths:
                yield perturbed(examples, change, strength, self.asked.seed)

    def _attacked(self, examples: Examples) -> Iterator[Condition]:
        task: Any = self.task
        for method in attack.METHODS:
            for eps in task.attack_strengths:
                how = (self.asked.seed, self.alone)
                yield attacked(self.task, self.pack, examples, method, eps, how)

    def answered(self, condition: Condition, step: Callable[[], None]) -> Answered:
        """Return the answers under one condition, from the folder when they stand there."""
        examples = condition.examples
        code = runs.code_digest(runs.room_of(self.task), Path(__file__).parents[1])
        made_by = [self.pack.sha256, code, self.asked.seed]
        about = [condition.name, condition.strength, self.alone, *examples.keys]
        name = digest_of(repr([*made_by, *about]).encode())[:16]
        path = self.folder / "predictions" / f"{name}.npz"
        if path.exists():
            found = Predictions.load(path)
            for _ in range(len(examples)):
                step()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            found = self._predicted(examples, step)
            partial = path.with_name(f".{path.name}")
            found.save(partial)
            partial.replace(path)
        return rows_of(self.task, self.pack, examples, found, intervals=False)

    def _predicted(self, examples: Examples, step: Callable[[], None]) -> Predictions:
        if self.alone:
            return out_of_fold(self.task, self.pack, examples, step)
        return predict_all(self.task, self.pack, examples, INDEPENDENT, step)


def _entry(condition: Condition, clean: Answered, changed: Answered) -> dict[str, Any]:
    return {
        "kind": condition.kind,
        "name": condition.name,
        "strength": condition.strength,
        **robustness.compared(clean, changed),
    }
