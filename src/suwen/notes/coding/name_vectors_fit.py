"""Fits the vectors of names.

`python -m suwen.notes.coding.name_vectors_fit` writes `name_vectors.npz`. Two names of one thing
are drawn together, those of other things drawn apart (InfoNCE over a batch: van den Oord, Li,
Vinyals 2018, arXiv 1807.03748; synonyms of a vocabulary as pairs: Liu et al., SapBERT, NAACL 2021).
Half of a batch are things whose vectors lay near each other when last looked at, so that likenesses
that mislead are learned from. On one core, with torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.notes.coding.name_vectors import FILE, TAIL, parts, rows_of
from suwen.notes.coding.name_vectors_data import Named, gather
from suwen.notes.coding.units import units_of_lines
from suwen.notes.vocabulary.build import write
from suwen.notes.vocabulary.names import installed

if TYPE_CHECKING:
    from torch import Tensor

OWN: Final = 24_576
"""Parts that get a row of their own: those that most names hold."""
WIDTH: Final = 64
BATCH: Final = 768
"""Things a step."""
NEAR: Final = 10
"""Near things that are taken with a thing into a batch."""
LOOK: Final = 400
"""Steps after which it is looked again what is near."""
TEMPERATURE: Final = 0.05
RATE: Final = 1e-2
STEPS: Final = 1_500
SEED: Final = 7


@dataclass(frozen=True)
class Bags:
    """Names as bags of rows of the table: row numbers, and where each name's begin, (n + 1,)."""

    held: NDArray[np.int64]
    starts: NDArray[np.int64]

    def of(self, names: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the row numbers of names one after another, and where each name's begin."""
        start = self.starts[names]
        many = self.starts[names + 1] - start
        offset = np.cumsum(many) - many
        places = np.repeat(start - offset, many) + np.arange(many.sum())
        return self.held[places], offset


@dataclass(frozen=True)
class Things:
    """Names sorted by thing: `names` (n,), and of each thing its first place and its count."""

    names: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, thing: NDArray[np.int64], names: NDArray[np.int64]) -> Things:
        """Sort names by the thing each belongs to."""
        order = names[np.argsort(thing[names], kind="stable")]
        _, first, count = np.unique(thing[order], return_index=True, return_counts=True)
        return cls(order, first, count)

    def drawn(self, things: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return one name of each thing, drawn by chance."""
        place = (rng.random(len(things)) * self.count[things]).astype(np.int64)
        found: NDArray[np.int64] = self.names[self.first[things] + place]
        return found


def bags(named: Named) -> tuple[NDArray[np.uint32], Bags]:
    """Return the parts with rows of their own, sorted, and the names as bags of rows."""
    cut = units_of_lines("".join(f"{text}\n" for text in named.texts))
    pieces = parts(cut.names)
    by_unit = np.argsort(pieces.of, kind="stable")
    many = np.bincount(pieces.of, minlength=len(cut.names))
    by_name = np.argsort(cut.lines, kind="stable")
    unit, line = cut.ids[by_name], cut.lines[by_name]
    each = many[unit]
    start = (np.cumsum(many) - many)[unit]
    places = np.repeat(start - (np.cumsum(each) - each), each) + np.arange(each.sum())
    numbers = pieces.numbers[by_unit][places]
    per_name = np.bincount(line, weights=each, minlength=len(named.texts)).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(per_name)])
    found, count = np.unique(numbers[: starts[named.own]], return_counts=True)
    keys = np.sort(found[np.argsort(-count, kind="stable")[:OWN]])
    return keys, Bags(rows_of(keys, numbers), starts)


class _Batches:
    """Draws the things of each step, near ones together."""

    def __init__(self, named: Named, held: Bags, rng: np.random.Generator) -> None:
        whole = np.flatnonzero(np.diff(held.starts) > 0)
        own = whole[whole < named.own]
        kept = np.isin(named.thing[whole], named.thing[own])
        self.all = Things.of(named.thing, whole[kept])
        self.own = Things.of(named.thing, own)
        weight = np.sqrt(self.all.count) * np.where(self.own.count == 1, 0.6, 1.0)
        self.odds = np.cumsum(weight / weight.sum())
        self.vectors: Tensor | None = None
        self.rng = rng

    def __len__(self) -> int:
        return len(self.own.first)

    def next(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return a name of each thing of a batch, and another."""
        found = np.searchsorted(self.odds, self.rng.random(BATCH))
        found = np.minimum(found, len(self) - 1)
        if self.vectors is not None:
            half = BATCH // 2
            near = self._near(self.vectors, found[: half // NEAR])
            found = np.concatenate([near, found[half:]])
        found = np.unique(found)
        one, other = self.own.drawn(found, self.rng), self.all.drawn(found, self.rng)
        same = one == other
        other[same] = self.all.drawn(found[same], self.rng)
        return one, other

    def _near(self, vectors: Tensor, seeds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the things nearest to some, among a third of all, drawn by chance."""
        import torch

        some = torch.from_numpy(self.rng.permutation(len(self))[: len(self) // 3])
        near = (vectors[seeds] @ vectors[some].T).topk(min(NEAR, len(some)), dim=1).indices
        return np.asarray(some[near].numpy().ravel())


def fit(named: Named, steps: int, report: Callable[[str], object]) -> dict[str, NDArray[Any]]:
    """Return the columns of an `Encoder`."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    keys, held = bags(named)
    batches = _Batches(named, held, rng)
    table = torch.nn.EmbeddingBag(len(keys) + TAIL, WIDTH, mode="sum")
    torch.nn.init.normal_(table.weight, std=0.05)
    optimiser = torch.optim.Adam(table.parameters(), lr=RATE, betas=(0.9, 0.98), fused=True)

    def vectors(names: NDArray[np.int64]) -> Tensor:
        rows, offsets = map(torch.from_numpy, held.of(names))
        return functional.normalize(table(rows, offsets), dim=1)

    total = 0.0
    for step in range(steps):
        if step and step % LOOK == 0:
            with torch.no_grad():
                seen = batches.own.drawn(np.arange(len(batches)), rng)
                blocks = np.array_split(seen, max(1, len(seen) // 8192))
                batches.vectors = torch.cat([vectors(block) for block in blocks])
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 200) * max(0.02, 1 - step / steps)
        one, other = batches.next()
        both = vectors(np.concatenate([one, other]))
        place = torch.arange(len(one))
        scores = both[: len(one)] @ both.T / TEMPERATURE
        scores[place, place] = -1e9
        loss = functional.cross_entropy(scores, place + len(one))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += float(loss.detach())
        if (step + 1) % 500 == 0:
            report(f"{step + 1}/{steps} steps, loss {total / 500:.3f}\n")
            total = 0.0
    return {"keys": keys, **quantised(table.weight.detach().numpy())}


def quantised(table: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return a table in 8 bits a value, with what each row is multiplied by."""
    scale = np.maximum(np.abs(table).max(axis=1), 1e-8) / 127
    scale = scale.astype(np.float16).astype(np.float32)
    scale = np.maximum(scale, np.float32(1e-6))
    whole = np.clip(np.rint(table / scale[:, None]), -127, 127).astype(np.int8)
    return {"table": whole, "scale": scale.astype(np.float16)}


if __name__ == "__main__":
    steps = int(sys.argv[1]) if sys.argv[1:] else STEPS
    target = Path(sys.argv[2]) if sys.argv[2:] else FILE
    write(fit(gather(installed(), SEED), steps, sys.stderr.write), target)
