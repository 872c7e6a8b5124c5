"""What a learning curve is made of: a small declaration, read and checked before anything runs."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from suwen.core.errors import BadInput
from suwen.lifecycle.recipe import Recipe, Unlabelled
from suwen.lifecycle.task import Task

Share = Annotated[float, Field(gt=0, le=1)]
Shares = tuple[Share, ...]
RANDOM = "random"


class Declared(BaseModel):
    """One table of the declaration; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(Declared):
    """One line of the plot: how its networks start, and what is done about missing labels."""

    name: str
    panel: str = Field("", description="Plot it is drawn in; the first line is drawn in each.")
    start: str = Field("", description="One of the task's starts, or the name of a pre-training.")
    unlabelled: Unlabelled = "ignored"
    ask: Literal["random", "entropy", "margin"] = Field(
        "random", description="Which labels come next: by chance, or where the last round doubted."
    )
    shares: Shares = Field((), description="Empty: those of the declaration.")
    seeds: tuple[int, ...] = Field((), description="Empty: those of the declaration.")
    longer: float = Field(1.0, gt=0, description="Times the steps of the others.")
    options: dict[str, Any] = Field(default_factory=dict, description="The room's own choices.")


class Pretraining(Declared):
    """A start that is made first, from pictures without their labels."""

    name: str
    pictures: tuple[str, ...] = Field(
        min_length=1, description="TASK/DATASET each; their held-out groups are left out."
    )
    recipe: dict[str, Any] = Field(default_factory=dict)


class Declaration(Declared):
    """The whole grid. The first line is the one that all others are compared with."""

    dataset: str = ""
    folds: int = Field(5, ge=2)
    held_out: tuple[int, ...] = Field((0,), min_length=1, description="Folds measured on.")
    most_training: int = Field(0, ge=0, description="Most training examples; 0: all.")
    most_held_out: int = Field(0, ge=0, description="Most held-out examples; 0: all.")
    shares: Shares = (0.05, 0.1, 0.25, 1.0)
    seeds: tuple[int, ...] = Field((1, 2, 3), min_length=1)
    least_steps: int = Field(0, ge=0, description="Steps each network is trained for at least.")
    recipe: dict[str, Any] = Field(default_factory=dict, description="Changes of the task's own.")
    pretraining: tuple[Pretraining, ...] = ()
    line: tuple[Line, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for what in (self.line, self.pretraining):
            names = [one.name for one in what]
            if len(set(names)) < len(names):
                raise ValueError(f"names that differ, got {names}")
        for shares in (self.shares, *(line.shares for line in self.line)):
            if list(shares) != sorted(set(shares)):
                raise ValueError(f"rising shares, got {list(shares)}")
        if not set(self.held_out) < set(range(self.folds)):
            raise ValueError(f"some of the {self.folds} folds held out, got {list(self.held_out)}")
        for line in self.line:
            if line.unlabelled != "ignored" and self.shares_of(line)[-1] == 1:
                raise ValueError(f"shares below 1 for {line.name!r}, which uses what has no label")
        return self

    def shares_of(self, line: Line) -> Shares:
        """Return the shares of a line."""
        return line.shares or self.shares

    def seeds_of(self, line: Line) -> tuple[int, ...]:
        """Return the seeds of a line."""
        return line.seeds or self.seeds

    def recipe_of(self, task: Task, line: Line, known: int, seed: int) -> Recipe:
        """Return the recipe of one network of a line that has `known` labels.

        Few labels take as many steps as `least_steps` says, since a fixed number of epochs would
        hardly move a network.
        """
        base = changed(getattr(task, "recipe", Recipe()), self.recipe)
        an_epoch = max(1, known // base.batch_size)
        steps = max(base.epochs * an_epoch, self.least_steps) * line.longer
        epochs = math.ceil(steps / an_epoch)
        update = {
            "seed": seed,
            "epochs": epochs,
            "patience": epochs,
            "unlabelled": line.unlabelled,
            "options": base.options | line.options,
        }
        return base.model_copy(update=update)


def changed(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """Return a recipe with some choices changed.

    Raises
    ------
    BadInput
        A choice is unknown or has a wrong value.
    """
    try:
        return Recipe.model_validate(recipe.model_dump() | changes)
    except ValidationError as error:
        raise _refused(error) from None


def read(path: Path) -> Declaration:
    """Return the declaration in a TOML file.

    Raises
    ------
    BadInput
        It cannot be read, a key is unknown, or a value does not fit.
    """
    try:
        return Declaration.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the declaration cannot be read: {error}", "a TOML file") from None
    except ValidationError as error:
        raise _refused(error) from None


def check(task: Task, plan: Declaration) -> None:
    """Check that the task can carry out what a declaration asks for.

    Raises
    ------
    BadInput
        It neither chooses between classes nor marks stretches of texts, or knows a start, a
        strategy or a way of asking not.
    """
    if task.answers.kind not in ("choice", "spans"):
        raise BadInput(
            f"a learning curve of {task.name}",
            "a task that chooses between classes or marks stretches of texts",
        )
    if task.answers.kind == "spans" and any(line.ask == "margin" for line in plan.line):
        raise BadInput("ask = 'margin' for stretches of texts", "'random' or 'entropy'")
    starts = [*getattr(task, "starts", ()), *(one.name for one in plan.pretraining)]
    strategies = list(getattr(task, "strategies", ("ignored",)))
    for line in plan.line:
        if line.start and line.start not in starts:
            raise BadInput(
                f"the line {line.name!r} starts from {line.start!r}",
                f"one of {starts}" if starts else "no start: the task knows but one",
                "correct `start`, or declare a pre-training of that name",
            )
        if line.unlabelled not in strategies:
            raise BadInput(
                f"the line {line.name!r} with unlabelled = {line.unlabelled!r}",
                f"one of {strategies}, which training {task.name} carries out",
                "correct `unlabelled`",
            )
    if plan.pretraining and not hasattr(task, "pretrain"):
        raise BadInput(f"a pre-training for {task.name}", "a task that can be pre-trained")


def _refused(error: ValidationError) -> BadInput:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the declaration"
    return BadInput(f"{where}: {first['msg']}", "see docs/measured for declarations that run")
