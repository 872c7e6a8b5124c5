"""A pack of published rules: knowledge in data, signed and versioned like weights.

A task whose answer is written down in publications has nothing to train: its `rules` (TOML files of
the room's `knowledge/`) are the one member of its pack. Signed, they have one identity in every
finding and decision, so that an answer can be replayed by the rules of its day after the room has
gone on to newer ones. Such a task also has `domain` (ranges the answer is valid in), `sources`,
`limits` and `golden()`, the cases whose answers are kept in the pack.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from suwen.core.errors import BadInput, NotFound
from suwen.lifecycle import golden
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Sample
from suwen.lifecycle.pack import FORMAT, SETTINGS, Pack, member_folder
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.sealed import keys as signing
from suwen.lifecycle.sealed import manifest
from suwen.lifecycle.sealed.guard import Guard, Range
from suwen.lifecycle.sealed.toml import dumps
from suwen.lifecycle.task import Perturbation, Task

KIND = "rules"
INTENDED_USE = (
    "Research and decision support, to be confirmed by a clinician. Not a medical device."
)


LIMITS: Final = frozenset(("from", "above", "below", "upto"))
"""What a condition of a rule may ask of a number."""


@runtime_checkable
class Ruled(Protocol):
    """What a task answered by rules has besides the contract of a Task."""

    rules: Sequence[Path]
    domain: Mapping[str, Range]
    sources: Sequence[str]
    limits: Sequence[str]

    def golden(self) -> list[Sample]:
        """Return cases whose answers are kept in the pack."""
        ...


class Published:
    """What tasks answered by rules have alike: nothing is labelled, nothing is fitted."""

    name: str
    datasets: tuple[str, ...] = ("none",)
    perturbations: tuple[Perturbation, ...] = ()

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Say that there are none: the rules come from publications."""
        raise self._no_examples()

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Say that there is nothing to fit."""
        raise self._no_examples()

    def _no_examples(self) -> NotFound:
        return NotFound(
            f"{self.name} is answered by published rules: there are no labelled examples",
            "a task that is trained",
            f"suwen train {self.name} puts the rules into a signed pack; suwen card shows their "
            "sources",
        )


def fits(value: float | bool | str, wanted: Any) -> bool:
    """Say whether a fact is the wanted one, one of several, or within limits."""
    if isinstance(wanted, Mapping):
        if isinstance(value, str) or not set(wanted) <= LIMITS:
            return False
        number = float(value)
        return bool(
            number >= wanted.get("from", float("-inf"))
            and number > wanted.get("above", float("-inf"))
            and number < wanted.get("below", float("inf"))
            and number <= wanted.get("upto", float("inf"))
        )
    if isinstance(wanted, list):
        return value in wanted
    return bool(value == wanted)


def is_ruled(pack: Pack) -> bool:
    """Say whether a pack holds rules instead of weights."""
    return pack.settings.get("kind") == KIND


def has_rules(task: object) -> bool:
    """Say whether a task is answered by rules."""
    return isinstance(task, Ruled)


def make(task: Task, home: Path) -> Pack:
    """Put the rules of a task into a signed pack below `home/runs`.

    Raises
    ------
    BadInput
        The task is not answered by rules, or a golden case does not come back from its file.
    """
    if not isinstance(task, Ruled):
        raise BadInput(f"{task.name} has no rules", "a task answered by rules", "train it")
    version = f"{datetime.now(UTC):%Y.%m.%d.%H%M%S}"
    target = home / "runs" / f"{task.name}-{version}" / "pack"
    member = target / member_folder(0)
    member.mkdir(parents=True)
    for path in task.rules:
        shutil.copyfile(path, member / path.name)
    settings: dict[str, Any] = {
        "format": FORMAT,
        "kind": KIND,
        "task": task.name,
        "name": task.name,
        "version": version,
        "members": 1,
        "answers": task.answers.kind,
        "dataset": task.datasets[0],
        member_folder(0): {"rules": [path.name for path in task.rules]},
    }
    (target / SETTINGS).write_text(dumps(settings), encoding="utf-8")
    for name, content in (
        ("guard.json", Guard(task.domain).to_json()),
        ("explain.json", {}),
        ("initialisers.json", {}),
        ("card.json", _card(task, version)),
    ):
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (target / name).write_text(text, encoding="utf-8")
    (target / "card.md").write_text(_page(task, version), encoding="utf-8")
    draft = Pack.draft(target)
    for sample in task.golden():
        golden.write(task, target, sample, task.predict(draft, sample))
    if problems := golden.check(task, draft):
        raise BadInput(f"a golden case does not come back: {problems[0]}", "the same answer")
    key = signing.signing_key(home)
    manifest.seal(target, key)
    return Pack.load(target, {signing.fingerprint(key.public_key()): key.public_key()})


def _card(task: Any, version: str) -> dict[str, Any]:
    return {
        "task": task.name,
        "title": task.title.model_dump(),
        "pack": {"name": task.name, "version": version},
        "kind": KIND,
        "intended_use": INTENDED_USE,
        "sources": list(task.sources),
        "limits": list(task.limits),
        "rules": [path.name for path in task.rules],
    }


def _page(task: Any, version: str) -> str:
    sections = (
        ("Sources", task.sources),
        ("Limits", task.limits),
        ("Rules", [f"`member-0/{path.name}`" for path in task.rules]),
    )
    lines = [
        f"# {task.title.en} · {task.title.zh}",
        f"`{task.name}` · pack `{task.name}@{version}`",
        f"> {INTENDED_USE}",
        "Answered by published rules, not by a trained model.",
    ]
    for title, entries in sections:
        lines += [f"## {title}", "\n".join(f"- {entry}" for entry in entries)]
    return "\n\n".join(lines) + "\n"
