"""Pre-training of the 2D backbone on pictures without labels: two views of one picture agree.

Each picture is varied twice; the network learns to tell its second view among those of the other
pictures of the batch. A batch holds pictures of one data set, so that an X-ray is never told from
an ultrasound picture, and pictures of one group (person, near-duplicates) are no negatives of each
other.

References: Chen et al., ICML 2020 (SimCLR: contrastive loss, projection thrown away afterwards);
Azizi et al., ICCV 2021 (contrastive pre-training of medical networks that start from ImageNet).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suwen.core.errors import BadInput, MissingExtra
from suwen.core.nouns import canonical, digest_of
from suwen.imaging.learning import variation
from suwen.imaging.learning.variation import Picture, Variation
from suwen.imaging.pictures.picture import Floats
from suwen.imaging.planar.fit import prepared
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from suwen.imaging.learning.training import Draw

TEMPERATURE: Final = 0.2
"""Divides the cosines; a small one lets near neighbours weigh most."""
PROJECTED: Final = 128
"""Numbers that a view is projected to for the comparison."""
SAME: Final = -1e4
"""Logit of what is no negative: the view itself, and other pictures of its group."""
OPTIONS: Final = ("start", "pixels", "blocks", "frozen", "drawn")


@dataclass(frozen=True)
class Pool:
    """Pictures of one data set whose labels are never looked at, and how they are varied."""

    examples: Examples
    how: Variation


@dataclass(frozen=True)
class Pretraining:
    """What is pre-trained; a recipe's `options` of the same names go before it.

    Parameters
    ----------
    start
        `imagenet` or `noise`.
    pixels, blocks, frozen
        As in `fit.Plan`.
    drawn
        Most pictures of each data set in an epoch, drawn anew for each.
    """

    start: str = "imagenet"
    pixels: int = 80
    blocks: int = 11
    frozen: int = 4
    drawn: int = 384


def pretrain(pools: Sequence[Pool], recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """Pre-train a backbone and leave it in `folder` as a start for `fit`; resumable.

    Parameters
    ----------
    pools
        Training pictures alone: what will be measured on may not be among them.
    recipe
        `epochs`, `batch_size`, `learning_rate`, `weight_decay`, `seed`, and in `options` any of
        `start`, `pixels`, `blocks`, `frozen`, `drawn`.
    folder
        Gets the weights, and until then the state after each epoch.

    Returns
    -------
    Mapping
        `origin` (in words), `sources`, `digest` of the pictures' names, `recipe`, `history`.

    Raises
    ------
    BadInput
        An option is unknown, or a data set has fewer pictures than a batch.
    MissingExtra
        PyTorch is not installed.
    """
    try:
        import torch

        from suwen.imaging.learning.backbone import PRETRAINING, keep, started
        from suwen.imaging.learning.training import Schedule, train_network
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    plan = _planned(pools, recipe)
    if (folder / PRETRAINING).exists():
        return dict(json.loads((folder / PRETRAINING).read_bytes()))
    views = _Views(pools, plan, recipe.batch_size)
    torch.manual_seed(recipe.seed)
    backbone, origin = started(plan.blocks, plan.frozen, plan.start)
    network = _compared(backbone)
    unstopped = recipe.model_copy(update={"patience": recipe.epochs})
    schedule = Schedule(unstopped, folder, keep_last=True)
    history = train_network(network, schedule, views.epoch, _contrast, [])
    about = _about(pools, recipe, origin) | {"history": history}
    keep(backbone, folder, about)
    schedule.state.unlink(missing_ok=True)
    return about


class _Views:
    """Pictures of some data sets, drawn in batches of one data set, each picture varied twice."""

    def __init__(self, pools: Sequence[Pool], plan: Pretraining, size: int) -> None:
        self._plan, self._size = plan, size
        self._kept = [
            (prepared(one.examples, plan.pixels), one.examples.groups, variation.stronger(one.how))
            for one in pools
        ]

    def epoch(self, rng: np.random.Generator) -> list[Draw]:
        """Return the draws of one epoch: whole batches, in random order."""
        batches, size = [], self._size
        for pictures, groups, how in self._kept:
            order = rng.permutation(len(pictures))[: self._plan.drawn]
            items = [(self._make, (pictures[i], str(groups[i]), how)) for i in order]
            batches += [items[k : k + size] for k in range(0, len(items) - size + 1, size)]
        return [item for k in rng.permutation(len(batches)) for item in batches[k]]

    def _make(
        self, item: tuple[Picture, str, Variation], rng: np.random.Generator
    ) -> tuple[Floats, Floats, str]:
        picture, group, how = item
        first, second = (variation.draw(picture, self._plan.pixels, how, rng) for _ in range(2))
        return first, second, group


def _about(pools: Sequence[Pool], recipe: Recipe, origin: str) -> dict[str, Any]:
    """Return what is kept beside the weights about what they were made from."""
    sources = [
        {"name": pool.examples.source.name, "pictures": len(pool.examples)} for pool in pools
    ]
    names = ", ".join(f"{one['pictures']} of {one['name']}" for one in sources)
    return {
        "origin": f"{origin}; then contrastive on pictures without labels: {names}",
        "sources": sources,
        "digest": digest_of(canonical([list(pool.examples.keys) for pool in pools])),
        "recipe": recipe.model_dump(),
    }


def _planned(pools: Sequence[Pool], recipe: Recipe) -> Pretraining:
    if unknown := sorted(set(recipe.options) - set(OPTIONS)):
        raise BadInput(f"the options {unknown}", f"some of {list(OPTIONS)}", "correct them")
    for pool in pools:
        if len(pool.examples) < recipe.batch_size:
            raise BadInput(
                f"{len(pool.examples)} pictures of {pool.examples.source.name}",
                f"a batch of {recipe.batch_size} or more",
                "lower `batch_size` or leave the data set out",
            )
    return Pretraining(**recipe.options)


def _compared(backbone: Any) -> nn.Module:
    """Return the backbone with the projection in which views are compared: (n, 1, s, s) -> unit."""
    from torch import nn
    from torch.nn import functional

    from suwen.imaging.planar.net import shown_to

    class Compared(nn.Module):  # type: ignore[misc] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            self.backbone = backbone
            width = backbone.channels
            self.project = nn.Sequential(
                nn.Linear(width, width), nn.ReLU(), nn.Linear(width, PROJECTED)
            )

        def forward(self, x: Tensor) -> Tensor:
            pooled = self.backbone(shown_to(x)).mean((2, 3))
            unit: Tensor = functional.normalize(self.project(pooled), dim=1)
            return unit

    return Compared()


def _contrast(network: nn.Module, batch: list[Any]) -> Tensor:
    """Return the loss of a batch of (view, view, group): its other view is each view's class."""
    import torch
    from torch.nn import functional

    size = len(batch)
    views = torch.from_numpy(np.stack([one[side] for side in (0, 1) for one in batch]))
    unit = network(views)
    groups = np.array([one[2] for one in batch] * 2)
    partner = (np.arange(2 * size) + size) % (2 * size)
    alike = groups[:, None] == groups[None]
    alike[np.arange(2 * size), partner] = False
    logits = (unit @ unit.T / TEMPERATURE).masked_fill(torch.from_numpy(alike), SAME)
    loss: Tensor = functional.cross_entropy(logits, torch.from_numpy(partner))
    return loss
