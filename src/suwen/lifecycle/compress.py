"""Make a pack smaller, and refuse the result when it is clinically worse.

Each method works on the ONNX files of every member (`lifecycle.smaller`); trees stay as they are.
Calibrator, thresholds and input domain are those of the pack, so that both are compared at one
operating point; golden cases, explanations and cost are made again. What comes out is an unsigned
draft: a person looks at its card and signs it.

A pack that was made smaller by training (a student of this one) is compared the same way: it is
given as the candidate, and answers at its own operating point.
"""

from __future__ import annotations

import shutil
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.lifecycle import (
    assemble,
    card,
    explain,
    footprint,
    gallery,
    gallery_pictures,
    golden,
    manifest,
    measure,
    plots,
    regression,
    robustness,
    runs,
    similar,
    smaller,
    split,
)
from suwen.lifecycle.answered import Answered, rows_of
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.pack import SETTINGS, Pack, member_folder
from suwen.lifecycle.predictions import out_of_fold
from suwen.lifecycle.stress import chosen_by_group
from suwen.lifecycle.task import Array, Examples, Task
from suwen.lifecycle.toml import dumps
from suwen.lifecycle.weights import list_initialisers
from suwen.metrics.intervals import difference, estimates

RECORD = "compression.json"
TRAINED = "trained"
"""Method of a candidate: a smaller network was trained, for example as a student of the pack."""
FEEDS = 48
"""Examples, of other folds than the member's own, from which ranges of values are learned."""
REMADE = (
    *(manifest.MANIFEST, manifest.SIGNATURE, golden.FOLDER, "plots", "robustness.json"),
    *(gallery.FILE, gallery_pictures.FILE, similar.MEASURED),
)


@dataclass(frozen=True)
class Way:
    """How a pack is made smaller: a method of `smaller.METHODS` and, for pruning, the share.

    `candidate` is a pack that was trained to be smaller, of as many folds; its method is `TRAINED`.
    """

    method: str
    amount: float = 0.5
    dataset: str = ""
    limit: int = 0
    """Examples (whole groups) on which it is compared; 0: all."""
    candidate: Pack | None = None

    def __post_init__(self) -> None:
        known = [*smaller.METHODS, *([TRAINED] if self.candidate else [])]
        if self.method not in known:
            raise BadInput(f"no method {self.method!r}", f"one of {known}")
        if not 0 < self.amount < 1:
            raise BadInput(f"an amount of {self.amount:g}", "a share between 0 and 1")


def compress(
    task: Task,
    pack: Pack,
    data: DataFolders,
    way: Way,
    folder: Path,
    counter: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> dict[str, Any]:
    """Make a smaller draft of `pack` in `folder/pack`, measured against it on the same examples.

    Returns
    -------
    dict
        `task`, `from`, `method`, `amount`, `data`, `n`, `groups`, `gate` (see `regression`),
        `metrics` (before, after and paired change), `size` and `cost` (before, after),
        `accepted`. When it is not accepted, the draft is taken away and the figures stay in
        `compression.json`.

    Raises
    ------
    BadInput, NotFound
        The pack has no network to make smaller, the candidate cannot be compared with it out of
        fold, or there are no such data.
    """
    _comparable(task, pack, way.candidate)
    dataset = way.dataset or str(pack.settings["dataset"])
    examples = task.examples(data, dataset)
    examples = examples.subset(chosen_by_group(examples.groups, way.limit, 0))
    step = counter(2 * len(examples))
    before = rows_of(task, pack, examples, out_of_fold(task, pack, examples, step))
    draft = way.candidate or made_of(task, pack, examples, way, folder / assemble.PACK)
    after = rows_of(task, draft, examples, out_of_fold(task, draft, examples, step))
    gate = regression.compared(task, before, after)
    found: dict[str, Any] = {
        "task": task.name,
        "from": pack.identity,
        "method": way.method,
        "amount": way.amount if way.method == "prune" else None,
        "data": dataset,
        "n": len(examples),
        "groups": len(np.unique(examples.groups)),
        "gate": gate,
        "metrics": _metrics(before, after),
        "size": {"before": size_of(pack), "after": size_of(draft)},
        "accepted": regression.passed(gate),
    }
    if found["accepted"]:
        found["cost"] = {"before": footprint.measured(task, pack)}
        found["cost"]["after"] = footprint.measured(task, draft)
    if way.candidate is None:
        if found["accepted"]:
            _describe(task, draft, examples, after, found, folder)
        else:
            shutil.rmtree(draft.folder)
    runs.write_json(folder / RECORD, found)
    return found


def _comparable(task: Task, pack: Pack, candidate: Pack | None) -> None:
    if candidate and (candidate.task, candidate.members) != (task.name, pack.members):
        raise BadInput(
            f"a candidate for {candidate.task} with {candidate.members} folds",
            f"a pack for {task.name} with {pack.members}",
            "train it with the folds of the pack it is to replace",
        )


def made_of(task: Task, pack: Pack, examples: Examples, way: Way, target: Path) -> Pack:
    """Copy a pack to `target` with smaller networks and their golden cases, unsigned."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(pack.folder, target, ignore=lambda *_: set(REMADE))
    make, count = smaller.METHODS[way.method], 0
    for member in range(pack.members):
        feeds = _feeds(task, pack, examples, member) if way.method == "quantise" else {}
        for path in sorted((target / member_folder(member)).glob("*.onnx")):
            name = path.relative_to(target).as_posix()
            path.write_bytes(make(path.read_bytes(), feeds.get(name, ()), way.amount))
            count += 1
    if not count:
        raise BadInput(
            f"the pack of {task.name} has no network", "ONNX files", "trees are small as they are"
        )
    settings = dict(pack.settings)
    settings["version"] = f"{datetime.now(UTC):%Y.%m.%d.%H%M%S}"
    settings["compressed"] = {"method": way.method, "amount": way.amount, "from": pack.identity}
    (target / SETTINGS).write_text(dumps(settings), encoding="utf-8")
    runs.write_json(target / "initialisers.json", list_initialisers(target))
    draft = Pack.draft(target)
    for sample, _, _ in golden.cases(task, pack):
        golden.write(task, target, sample, task.predict(draft, sample))
    return draft


def _feeds(
    task: Task, pack: Pack, examples: Examples, member: int
) -> dict[str, list[Mapping[str, Array]]]:
    """Return what each network of a member is asked for examples of the other folds, by file."""
    heard: dict[str, list[Mapping[str, Array]]] = defaultdict(list)
    listening = pack.overheard(lambda name, feed: heard[name].append(dict(feed)))
    others = np.flatnonzero(split.folds_of(examples.groups, pack.members) != member)
    spread = np.linspace(0, len(others) - 1, min(FEEDS, len(others)))
    for i in others[np.unique(spread.astype(int))]:
        task.predict(listening, examples.load(int(i)), [member])
    return heard


def size_of(pack: Pack) -> dict[str, float]:
    """Return the MiB of the networks, of all weights, and of all weights packed (deflate)."""
    files = [path for k in range(pack.members) for path in _weights(pack, k)]
    total = {
        "networks_mb": sum(path.stat().st_size for path in files if path.suffix == ".onnx"),
        "weights_mb": sum(path.stat().st_size for path in files),
        "packed_mb": sum(len(zlib.compress(path.read_bytes(), 6)) for path in files),
    }
    return {name: round(count / 2**20, 3) for name, count in total.items()}


def _weights(pack: Pack, member: int) -> Iterator[Path]:
    return assemble.weight_files(pack.folder / member_folder(member))


def _metrics(before: Answered, after: Answered) -> dict[str, Any]:
    """Return the headline metrics of both with the paired change."""
    names = robustness.headline(before)
    old, new = measure.metrics_of(before), measure.metrics_of(after)
    gaps = {name: difference(new[name], old[name]) for name in names}
    parts = {
        "before": estimates({n: old[n] for n in names}, before.groups, centred=measure.CENTRED),
        "after": estimates({n: new[n] for n in names}, before.groups, centred=measure.CENTRED),
        "change": estimates(gaps, before.groups),
    }
    return {
        name: {part: measure.as_json(found[name]) for part, found in parts.items()}
        for name in names
    }


def _describe(
    task: Task,
    draft: Pack,
    examples: Examples,
    rows: Answered,
    found: Mapping[str, Any],
    folder: Path,
) -> None:
    """Write explanations, plots and the card of the draft."""
    runs.write_json(
        draft.folder / "explain.json", explain.on_development(task, draft, examples, rows)
    )
    runs.write_json(draft.folder / RECORD, found)
    similar.build(task, examples, draft)
    plots.draw(task, rows, [], folder / "plots")
    described = draft.content("card.json", needed=True) | {
        "pack": {"name": draft.settings["name"], "version": draft.settings["version"]},
        "results": measure.results(rows, assemble.exclusions_of(task, examples)),
        "explanations": draft.content("explain.json"),
        "similar": draft.content(similar.MEASURED),
        "cost": found["cost"]["after"],
        "compression": dict(found),
        "robustness": {},
    }
    card.write(described, draft.folder, folder / "plots")
