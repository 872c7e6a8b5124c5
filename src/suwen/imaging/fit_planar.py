"""Training of one member of a 2D task: a pretrained backbone fine-tuned on varied pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suwen.core.errors import BadInput, MissingExtra
from suwen.imaging import variation
from suwen.imaging.planar import Floats, resized
from suwen.imaging.variation import Picture, Variation
from suwen.lifecycle.imbalance import epoch_order, network_loss
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Examples

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS: Final = "net.onnx"
KEPT: Final = 1.4
"""Pictures are kept at this many times the network's edge: enough for a zoomed draw."""
TYPICAL: Final = 800
"""Most training pictures whose features say what a typical picture is."""
OPTIONS: Final = ("pretrained", "blocks", "frozen", "pixels")


@dataclass(frozen=True)
class Plan:
    """What a 2D task trains; a recipe's `options` of the same names go before it.

    Parameters
    ----------
    classes
        Number of classes, two or more.
    pixels
        Edge of the square that the network reads.
    blocks, frozen
        Blocks of the backbone that are kept, and that stay as they came; all of them frozen leave
        a linear layer on fixed features.
    pretrained
        Whether to start from ImageNet weights, not from noise.
    how
        How pictures are varied.
    """

    classes: int
    pixels: int = 160
    blocks: int = 11
    frozen: int = 2
    pretrained: bool = True
    how: Variation = field(default_factory=Variation)

    def changed(self, options: Mapping[str, Any]) -> Plan:
        """Return the plan with what a recipe's options say.

        Raises
        ------
        BadInput
            An option is unknown.
        """
        if unknown := sorted(set(options) - set(OPTIONS)):
            raise BadInput(f"the options {unknown}", f"some of {list(OPTIONS)}", "correct them")
        return replace(self, **options)


def fit(
    plan: Plan, train: Examples, valid: Examples, recipe: Recipe, folder: Path
) -> Mapping[str, Any]:
    """Train one member; see `Task.fit`. `load(i).data` is a `PlanarInput`."""
    try:
        import torch

        from suwen.imaging.backbone import ORIGIN, Backbone
        from suwen.imaging.networks import export
        from suwen.imaging.planar_net import OUTPUTS, PlanarNet, PlanarScoring
        from suwen.imaging.training import Schedule, train_network
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None

    plan = plan.changed(recipe.options)
    pictures, kept = prepared(train, plan.pixels), prepared(valid, plan.pixels)
    labels = np.asarray(train.labels, dtype=int)
    torch.manual_seed(recipe.seed)
    backbone = Backbone(plan.blocks, plan.frozen, plan.pretrained)
    network = PlanarNet(backbone, plan.classes, recipe.dropout)

    def make(item: tuple[Picture, int], rng: np.random.Generator) -> tuple[Floats, int]:
        if not recipe.augmentation:
            return variation.as_in_use(item[0], plan.pixels), item[1]
        return variation.draw(item[0], plan.pixels, plan.how, rng), item[1]

    def epoch(rng: np.random.Generator) -> Sequence[tuple[Callable[..., Any], Any]]:
        order = epoch_order(recipe.imbalance, labels, rng)
        return [(make, (pictures[i], int(labels[i]))) for i in order]

    checks = [
        (variation.as_in_use(picture, plan.pixels), int(label))
        for picture, label in zip(kept, valid.labels, strict=True)
    ]
    loss = _batch_loss(network_loss(recipe.imbalance, labels, plan.classes))
    history = train_network(network, Schedule(recipe, folder, keep_last=True), epoch, loss, checks)
    chosen = np.random.default_rng(recipe.seed).permutation(len(pictures))[:TYPICAL]
    pooled = _pooled(network, [variation.as_in_use(pictures[i], plan.pixels) for i in chosen])
    scoring = PlanarScoring(network, pooled, torch.from_numpy(labels[chosen]))
    export(scoring, torch.zeros(2, 1, plan.pixels, plan.pixels), folder / WEIGHTS, OUTPUTS)
    start = ORIGIN if plan.pretrained else "noise"
    return {"network": WEIGHTS, "pixels": plan.pixels, "history": history, "start": start}


def prepared(examples: Examples, pixels: int) -> list[Picture]:
    """Return the pictures as 8-bit grey, no larger than training needs, held in memory."""
    found = []
    for i in range(len(examples)):
        image = examples.load(i).data.image
        scale = KEPT * pixels / min(image.shape)
        if scale < 1:
            image = resized(image, (round(image.shape[0] * scale), round(image.shape[1] * scale)))
        found.append(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8))
    return found


def _pooled(network: nn.Module, inputs: Sequence[Floats], size: int = 64) -> Tensor:
    """Return the pooled features of pictures, (n, c)."""
    import torch

    network.eval()
    with torch.no_grad():
        parts = [
            network(torch.from_numpy(np.stack(inputs[k : k + size])))[1].mean((2, 3))
            for k in range(0, len(inputs), size)
        ]
    return torch.cat(parts)


def _batch_loss(
    label_loss: Callable[[Tensor, Tensor], Tensor],
) -> Callable[[nn.Module, list[Any]], Tensor]:
    """Return the loss of a batch of (input, class)."""
    import torch

    def loss(network: nn.Module, batch: list[Any]) -> Tensor:
        shown = torch.from_numpy(np.stack([one[0] for one in batch]))
        wanted = torch.tensor([one[1] for one in batch])
        return label_loss(network(shown)[0], wanted)

    return loss
