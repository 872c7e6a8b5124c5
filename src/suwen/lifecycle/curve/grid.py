"""Learn from little: how good a task gets with few labels, by start, strategy and way of asking.

Every line of a declaration (`plan`) is trained at each share of the labels with each seed,
and measured on one held-out part of whole groups that no line, no pre-training and no asking for
labels ever sees. Each network keeps its answers in the folder, so that a run that was killed goes
on, and lines that need the same network train it once. Nothing decides when to stop: each is
trained for the steps its recipe says.

Reference: Oliver et al., NeurIPS 2018 (comparing ways to learn from few labels fairly: one network,
one budget, the labelled baseline treated alike).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from suwen.core import registry
from suwen.core.errors import MissingExtra
from suwen.core.nouns import canonical, digest_of
from suwen.lifecycle import assemble, runs, share, split
from suwen.lifecycle.curve import figures
from suwen.lifecycle.curve import plan as curve_plan
from suwen.lifecycle.curve import said as curve_said
from suwen.lifecycle.curve.plan import Declaration, Line
from suwen.lifecycle.curve.said import Said
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.predictions import predict_all
from suwen.lifecycle.pack import member_folder
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.robust.stress import chosen_by_group
from suwen.lifecycle.share import Index
from suwen.lifecycle.task import Task
from suwen.lifecycle.train import fit_into

RESULT: Final = "curve.json"
WATCHED: Final = 8
"""Labelled examples whose loss is noted during training; they decide nothing."""
FLOOR: Final = "fixed features, logistic regression"
PENALTY: Final = 0.1
"""Inverse strength of the floor's ridge on standardised features, the same at every share."""

Counter = Callable[[int], Callable[[], None]]


@runtime_checkable
class LearnsFromLittle(Protocol):
    """A small contract for tasks whose networks can start from elsewhere.

    `starts` are the values of `options["start"]` that need no pre-training, `strategies` the values
    of `Recipe.unlabelled` that `fit` carries out.
    """

    starts: tuple[str, ...]
    strategies: tuple[str, ...]

    def pretrain(
        self, pools: Sequence[tuple[Task, Examples]], recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Leave a start in `folder`, whose path is then a value of `options["start"]`.

        `pools` are the examples of some tasks, whose labels are not looked at. Resumable, and
        nothing is done again where it is finished.
        """
        ...

    def fixed_features(self, examples: Examples) -> Array:
        """Return what the task's first start says of each example untrained, (n, d)."""
        ...


@dataclass(frozen=True)
class Cell:
    """One trained network: which labels it had, what it said, and how long it took.

    Of texts also how many true stretches the labelled ones hold.
    """

    known: Index
    said: Said
    seconds: float
    stretches: int = 0


@dataclass(frozen=True)
class Bench:
    """What all networks of a run have in common: the question, its two parts, the folder."""

    task: Task
    pool: Examples
    held_out: Examples
    folder: Path

    def cell(self, recipe: Recipe, known: Index) -> Cell:
        """Return what a network trained on `known` of the pool says of the held-out part."""
        folder = self._folder(recipe, known)
        said = self._said(folder, recipe, known, "held_out", self.held_out)
        done = runs.read_json(folder / member_folder(0) / "done.json")
        return Cell(known, said, float(done["seconds"]), self.stretches(known))

    def stretches(self, known: Index) -> int:
        """Return how many true stretches are in these texts of the pool; of other kinds 0."""
        if self.task.answers.kind != "spans":
            return 0
        return sum(len(self.pool.truth_of(int(i))) for i in known)

    def doubt(self, recipe: Recipe, known: Index, way: str) -> Array:
        """Return how much the same network doubts its answers to the whole pool, (n,)."""
        folder = self._folder(recipe, known)
        return curve_said.doubt(
            self.task, self._said(folder, recipe, known, "pool", self.pool), way
        )

    def _folder(self, recipe: Recipe, known: Index) -> Path:
        keys = self.pool.keys if recipe.unlabelled != "ignored" else ()
        content = {
            "recipe": recipe.model_dump(exclude_defaults=True),
            "known": [self.pool.keys[i] for i in known],
            "others": list(keys),
        }
        return self.folder / "networks" / digest_of(canonical(content))[:16]

    def _said(
        self, folder: Path, recipe: Recipe, known: Index, name: str, examples: Examples
    ) -> Said:
        path = folder / f"{name}.npz"
        if not path.exists():
            self._fit(folder, recipe, known)
            pack = assemble.draft(self.task, self.pool, recipe, folder, members=1)
            curve_said.keep(path, self.task, examples, predict_all(self.task, pack, examples, 0))
        return curve_said.read(path, examples)

    def _fit(self, folder: Path, recipe: Recipe, known: Index) -> None:
        target = folder / member_folder(0)
        train = share.shown(self.pool, known, recipe.unlabelled)
        watched = np.random.default_rng(recipe.seed).permutation(known)[:WATCHED]
        if self.task.answers.kind == "spans":  # a room may train on what it watches
            watched = known[:0]
        fit_into(self.task, train, self.pool.subset(watched), recipe, target)
        for state in target.rglob("state.pt"):  # a finished network is not trained again
            state.unlink()


def run(
    task: Task,
    plan: Declaration,
    data: DataFolders,
    folder: Path,
    starts_in: Path,
    counter: Counter = lambda total: lambda: None,
) -> dict[str, Any]:
    """Train and measure every line; write `curve.json` into `folder` and return it.

    Parameters
    ----------
    task, plan, data
        The question, the declared grid, and where the data sets lie.
    folder
        Keeps each network and its answers.
    starts_in
        Keeps the pre-trainings, which several curves may start from.
    counter
        Called with the number of networks; returns what is called after each (progress).

    Raises
    ------
    BadInput, NotFound
        The task cannot do what is declared, or the data are not there.
    Conflict
        Another process works in the folder.
    """
    curve_plan.check(task, plan)
    folder.mkdir(parents=True, exist_ok=True)
    dataset = plan.dataset or task.datasets[0]
    examples = task.examples(data, dataset)
    measure.check_examples(task, examples)
    pool, held_out = parts_of(examples, plan)
    bench = Bench(task, pool, held_out, folder)
    with runs.alone(folder):
        starts = dict(pretrained(task, plan, data, starts_in))
        step = counter(sum(len(plan.shares_of(e)) * len(plan.seeds_of(e)) for e in plan.line))
        cells = {line.name: _line(bench, plan, line, starts, step) for line in plan.line}
        cells |= _marked(bench, plan)
        cells |= {FLOOR: floor} if (floor := _floor(bench, plan)) else {}
        found = _about(task, plan, examples.source.name, (pool, held_out)) | {
            "data": dataset,
            "starts": {name: Path(start).name for name, start in starts.items()},
            "points": figures.figures(task, held_out, cells, plan.line[0].name),
        }
        runs.write_json(folder / RESULT, found)
    return found


def _about(
    task: Task, plan: Declaration, source: str, parts: tuple[Examples, Examples]
) -> dict[str, Any]:
    """Return what a result says beside its figures."""
    return {
        "task": task.name,
        "source": source,
        "kind": task.answers.kind,
        "classes": list(task.answers.keys) if isinstance(task.answers, Choice) else [],
        "training": _sizes(parts[0]),
        "held_out": _sizes(parts[1]),
        "declaration": plan.model_dump(mode="json"),
    }


def parts_of(examples: Examples, plan: Declaration) -> tuple[Examples, Examples]:
    """Return the pool that may be trained on, and the held-out part; whole groups each."""
    fold = split.folds_of(examples.groups, plan.folds)
    out = np.isin(fold, plan.held_out)
    found = []
    for inside, most in ((~out, plan.most_training), (out, plan.most_held_out)):
        part = examples.subset(np.flatnonzero(inside))
        found.append(part.subset(chosen_by_group(part.groups, most, 0)))
    split.check_disjoint(training=found[0].groups, held_out=found[1].groups)
    return found[0], found[1]


def pretrained(
    task: Any, plan: Declaration, data: DataFolders, parent: Path
) -> Iterator[tuple[str, str]]:
    """Yield name and folder of each declared pre-training, made unless it stands there."""
    for one in plan.pretraining:
        pools, named = [], []
        for text in one.pictures:
            name, _, dataset = text.partition("/")
            other = registry.find(name)
            examples = other.examples(data, dataset or other.datasets[0])
            fold = split.folds_of(examples.groups, plan.folds)
            examples = examples.subset(np.flatnonzero(~np.isin(fold, plan.held_out)))
            pools.append((other, examples))
            named.append([name, dataset, list(examples.keys)])
        recipe = curve_plan.changed(Recipe(), one.recipe)
        choices = recipe.model_dump(exclude_defaults=True)
        key = digest_of(canonical({"pictures": named, "recipe": choices}))
        folder = parent / f"{one.name}-{key[:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        task.pretrain(pools, recipe, folder)
        yield one.name, str(folder)


def _line(
    bench: Bench,
    plan: Declaration,
    line: Line,
    starts: Mapping[str, str],
    step: Callable[[], None],
) -> dict[float, list[Cell]]:
    """Return the networks of one line by share, one a seed."""
    found: dict[float, list[Cell]] = {part: [] for part in plan.shares_of(line)}
    if line.start:
        start = starts.get(line.start, line.start)
        line = line.model_copy(update={"options": {**line.options, "start": start}})
    for seed in plan.seeds_of(line):
        last: tuple[Recipe, Index] | None = None
        for part, cells in found.items():
            known = share.chosen(bench.pool, part, seed)
            if last is not None and line.ask != curve_plan.RANDOM and part < 1:
                doubt = bench.doubt(*last, line.ask)
                known = share.asked(bench.pool, last[1], doubt, len(known))
            recipe = plan.recipe_of(bench.task, line, len(known), seed)
            cells.append(bench.cell(recipe, known))
            last = recipe, known
            step()
    return found


def _marked(bench: Bench, plan: Declaration) -> dict[str, dict[float, list[Cell]]]:
    """Return what the floors of texts mark, which learn nothing: the same at every share."""
    found: dict[str, dict[float, list[Cell]]] = {}
    for name, marks in bench.held_out.floor_marks.items():
        said = [marks(i) for i in range(len(bench.held_out))]
        for part in plan.shares:
            known = share.chosen(bench.pool, part, plan.seeds[0])
            cell = Cell(known, said, 0.0, bench.stretches(known))
            found.setdefault(name, {})[part] = [cell]
    return found


def _floor(bench: Bench, plan: Declaration) -> dict[float, list[Cell]]:
    """Return what logistic regression on fixed features says, by share, one a seed."""
    if not isinstance(bench.task, LearnsFromLittle):
        return {}
    path = bench.folder / "fixed_features.npz"
    if not path.exists():
        parts = [bench.task.fixed_features(part) for part in (bench.pool, bench.held_out)]
        np.savez(path, pool=parts[0], held_out=parts[1])
    with np.load(path, allow_pickle=False) as kept:
        pool, held_out = kept["pool"], kept["held_out"]
    found: dict[float, list[Cell]] = {}
    for part in plan.shares:
        for seed in plan.seeds if part < 1 else plan.seeds[:1]:
            known = share.chosen(bench.pool, part, seed)
            labels = np.asarray(bench.pool.labels, dtype=int)[known]
            cell = Cell(known, linear_logits(pool[known], labels, held_out), 0.0)
            found.setdefault(part, []).append(cell)
    return found


def linear_logits(features: Array, labels: Array, asked: Array) -> Array:
    """Return the logits of ridge logistic regression, (n, K), or (n,) for two classes."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "scikit-learn", "train") from None
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=2000)
    )
    return np.asarray(model.fit(features, labels).decision_function(asked))


def _sizes(examples: Examples) -> dict[str, Any]:
    labels = np.asarray(examples.labels, dtype=int)
    return {
        "n": len(examples),
        "groups": len(np.unique(examples.groups)),
        "classes": np.bincount(labels).tolist(),
    }
