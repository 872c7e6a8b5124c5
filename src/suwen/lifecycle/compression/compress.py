"""Make a pack smaller, and refuse the result when it is clinically worse.

Each method works on the ONNX files of every member (`smaller`, `quantised`, `channels`); trees
answer as they did. Calibrator, thresholds and input domain are those of the pack, so that both are
compared at one operating point; golden cases, explanations and cost are made again. What comes out
is an unsigned draft: a person looks at its card and signs it.

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
from suwen.lifecycle import assemble, footprint, golden, runs, split
from suwen.lifecycle.card import page as card
from suwen.lifecycle.compression import regression
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.measure import figures as measure
from suwen.lifecycle.measure.answered import Answered, rows_of
from suwen.lifecycle.measure.predictions import out_of_fold
from suwen.lifecycle.onnx import channels, quantised, smaller
from suwen.lifecycle.pack import SETTINGS, Pack, member_folder, overheard
from suwen.lifecycle.plots import run as plots
from suwen.lifecycle.reasons import explain, similar
from suwen.lifecycle.robust import robustness
from suwen.lifecycle.robust.stress import chosen_by_group
from suwen.lifecycle.sealed import gallery, gallery_pictures, manifest, trees
from suwen.lifecycle.sealed.toml import dumps
from suwen.lifecycle.sealed.weights import list_initialisers
from suwen.lifecycle.task import Task
from suwen.metrics.intervals import difference, estimates

RECORD = "compression.json"
TRAINED = "trained"
"""Method of a candidate: a smaller network was trained, for example as a student of the pack."""
FEEDS = 48
"""Examples, of other folds than the member's own, from which ranges of values are learned."""
FEEDS_OF_CHANNELS = 128
"""The same for what channels say of each other: with 48 answers moved by a fifth more here."""
REMADE = (
    *(manifest.MANIFEST, manifest.SIGNATURE, golden.FOLDER, "plots", "robustness.json"),
    *(gallery.FILE, gallery_pictures.FILE, similar.MEASURED),
)


@dataclass(frozen=True)
class Method:
    """How one file is made smaller: bytes of a file, feeds and an amount in, bytes of a file out.

    `share` says what the amount is a share of, empty where it means nothing; `learns` from how many
    examples feeds are wanted.
    """

    make: Callable[[bytes, smaller.Feeds, float], bytes]
    share: str = ""
    learns: int = 0


METHODS: Mapping[str, Method] = {
    "float16": Method(smaller.float16),
    "weights8": Method(smaller.weights8),
    "quantise": Method(quantised.quantise, learns=FEEDS),
    "prune": Method(smaller.prune, "of the weights"),
    "channels": Method(channels.prune_channels, "of the hidden channels", FEEDS_OF_CHANNELS),
}


@dataclass(frozen=True)
class Way:
    """How a pack is made smaller: a method of `METHODS` and, where it takes one, the share.

    `candidate` is a pack that was trained to be smaller, of as many folds; its method is `TRAINED`.
    """

    method: str
    amount: float = 0.5
    dataset: str = ""
    limit: int = 0
    """Examples (whole groups) on which it is compared; 0: all."""
    candidate: Pack | None = None

    def __post_init__(self) -> None:
        known = [*METHODS, *([TRAINED] if self.candidate else [])]
        if self.method not in known:
            raise BadInput(f"no method {self.method!r}", f"one of {known}")
        if not 0 < self.amount < 1:
            raise BadInput(f"an amount of {self.amount:g}", "a share between 0 and 1")

    @property
    def share(self) -> str:
        """What the amount is a share of; empty where it means nothing."""
        return METHODS[self.method].share if self.method in METHODS else ""

    @property
    def name(self) -> str:
        """The method with its amount, for the name of a folder."""
        return f"{self.method}-{self.amount:g}" if self.share else self.method


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
        `task`, `from`, `method`, `amount` (None where it means nothing) and what it is a `share`
        of, `data`, `n`, `groups`, `gate` (see `regression`), `metrics` (before, after and paired
        change), `size` and `cost` (before, after), `accepted`. When it is not accepted, the draft
        is taken away and the figures stay in `compression.json`.

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
        "amount": way.amount if way.share else None,
        "share": way.share,
        "data": dataset,
        "n": len(examples),
        "groups": len(np.unique(examples.groups)),
        "gate": gate,
        "metrics": _metrics(before, after),
        "size": {"before": size_of(pack), "after": size_of(draft)},
        "cost": footprint.side_by_side(task, {"before": pack, "after": draft}),
        "accepted": regression.passed(gate),
    }
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
    """Copy a pack to `target` with smaller networks and their golden cases, unsigned.

    Raises
    ------
    BadInput
        The pack has no network, or none that the method makes smaller.
    """
    networks = [path for k in range(pack.members) for path in _weights(pack, k, ".onnx")]
    if not networks:
        raise BadInput(
            f"the pack of {task.name} has no network", "ONNX files", "trees are small as they are"
        )
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(pack.folder, target, ignore=lambda *_: set(REMADE))
    if not _changed(task, pack, examples, way, target):
        shutil.rmtree(target)
        raise BadInput(
            f"networks of {task.name} that {way.method} leaves as they are",
            "networks that it makes smaller",
            "choose another method or a larger amount",
        )
    trees.compress_in(target)
    settings = dict(pack.settings)
    settings["version"] = f"{datetime.now(UTC):%Y.%m.%d.%H%M%S}"
    settings["compressed"] = {"method": way.method, "amount": way.amount, "from": pack.identity}
    (target / SETTINGS).write_text(dumps(settings), encoding="utf-8")
    runs.write_json(target / "initialisers.json", list_initialisers(target))
    draft = Pack.draft(target)
    for sample, _, _ in golden.cases(task, pack):
        golden.write(task, target, sample, task.predict(draft, sample))
    return draft


def _changed(task: Task, pack: Pack, examples: Examples, way: Way, target: Path) -> bool:
    """Make the networks of every member in `target` smaller; say whether any file is another."""
    method, changed = METHODS[way.method], False
    for member in range(pack.members):
        feeds = _feeds(task, pack, examples, member, method.learns)
        for path in _weights(pack, member, ".onnx"):
            name = path.relative_to(pack.folder).as_posix()
            content = path.read_bytes()
            made = method.make(content, feeds.get(name, ()), way.amount)
            (target / name).write_bytes(made)
            changed |= made != content
    return changed


def _feeds(
    task: Task, pack: Pack, examples: Examples, member: int, count: int
) -> dict[str, list[Mapping[str, Array]]]:
    """Return what each network of a member is asked for `count` examples of the other folds."""
    heard: dict[str, list[Mapping[str, Array]]] = defaultdict(list)
    listening = overheard(pack, lambda name, feed: heard[name].append(dict(feed)))
    others = np.flatnonzero(split.trained_on(examples.groups, pack.members, member))
    spread = np.linspace(0, len(others) - 1, min(count, len(others)))
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


def _weights(pack: Pack, member: int, suffix: str = "") -> Iterator[Path]:
    """Yield the weight files of a member whose names end so."""
    files = assemble.weight_files(pack.folder / member_folder(member))
    return (path for path in files if path.name.endswith(suffix))


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
