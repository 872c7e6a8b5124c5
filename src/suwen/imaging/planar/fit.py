"""Training of one member of a 2D task: a pretrained backbone fine-tuned on varied pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from suwen.core.errors import BadInput, MissingExtra
from suwen.core.settings import settings
from suwen.imaging.learning import variation
from suwen.imaging.learning.distilling import taught_loss, teacher_of
from suwen.imaging.learning.hardening import attacked_loss, corrupted
from suwen.imaging.learning.partly_labelled import Agreement, loss_of
from suwen.imaging.learning.variation import Picture, Variation
from suwen.imaging.pictures.picture import Floats, resized
from suwen.lifecycle import share
from suwen.lifecycle.examples import Array, Examples
from suwen.lifecycle.imbalance import epoch_order, network_loss
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Perturbation

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS: Final = "net.onnx"
KEPT: Final = 1.4
"""Pictures are kept at this many times the network's edge: enough for a zoomed draw."""
TYPICAL: Final = 800
"""Most training pictures whose features say what a typical picture is."""
OPTIONS: Final = (
    *("start", "blocks", "frozen", "pixels", "corrupt", "adversarial", "teacher", "mirrored"),
)


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
    start
        `imagenet`, `noise`, or the folder of a pre-training (`fit_unlabelled`).
    how
        How pictures are varied.
    corrupt
        Share of the training pictures changed by one of `corruptions`.
    adversarial
        Largest change of a grey level, of 0..1, made against the network in training.
    corruptions
        Changes that `corrupt` draws from.
    teacher
        Task whose current pack is learned from, member by member (`distilling`).
    mirrored
        In use each picture is also seen mirrored (`net.Mirrored`), at twice the cost.
    """

    classes: int
    pixels: int = 160
    blocks: int = 11
    frozen: int = 2
    start: str = "imagenet"
    how: Variation = field(default_factory=Variation)
    corrupt: float = 0.0
    adversarial: float = 0.0
    corruptions: tuple[Perturbation, ...] = ()
    teacher: str = ""
    mirrored: bool = False

    def changed(self, options: Mapping[str, Any]) -> Plan:
        """Return the plan with what a recipe's options say; noise is not frozen unless they do.

        Raises
        ------
        BadInput
            An option is unknown.
        """
        if unknown := sorted(set(options) - set(OPTIONS)):
            raise BadInput(f"the options {unknown}", f"some of {list(OPTIONS)}", "correct them")
        changed = replace(self, **options)
        if changed.start == "noise" and "frozen" not in options:
            changed = replace(changed, frozen=0)  # what was never learned is not kept still
        return changed


def fit(
    plan: Plan, train: Examples, valid: Examples, recipe: Recipe, folder: Path
) -> Mapping[str, Any]:
    """Train one member; see `Task.fit`. `load(i).data` is a `PlanarInput`.

    Pictures with the label `share.UNKNOWN` are used as `recipe.unlabelled` says.
    """
    try:
        import torch

        from suwen.imaging.learning.networks import export
        from suwen.imaging.planar.net import OUTPUTS, Mirrored, PlanarScoring
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None

    plan = plan.changed(recipe.options)
    labels = np.asarray(train.labels, dtype=int)
    known = np.flatnonzero(labels != share.UNKNOWN)
    training = _Training(plan, recipe, prepared(train, plan.pixels), _as_in_use(valid, plan))
    taught, pseudo = labels, 0
    if recipe.unlabelled == "pseudo-labels" and len(known) < len(labels):
        (folder / "teacher").mkdir(exist_ok=True)
        teacher, _, _ = training.trained(labels, recipe.epochs, folder / "teacher")
        taught = share.pseudo_labels(labels, _said(teacher, training.in_use(range(len(labels)))))
        pseudo = int((taught != share.UNKNOWN).sum()) - len(known)
    epochs = as_many_steps(recipe, len(known), len(known) + pseudo)
    network, history, origin = training.trained(taught, epochs, folder)
    if plan.mirrored:
        network.backbone = Mirrored(network.backbone)
    chosen = np.random.default_rng(recipe.seed).permutation(known)[:TYPICAL]
    pooled = _pooled(network, training.in_use(chosen))
    scoring = PlanarScoring(network, pooled, torch.from_numpy(labels[chosen]))
    export(scoring, torch.zeros(2, 1, plan.pixels, plan.pixels), folder / WEIGHTS, OUTPUTS)
    made = {"network": WEIGHTS, "pixels": plan.pixels, "history": history, "start": origin}
    return made | ({"pseudo_labels": pseudo} if recipe.unlabelled == "pseudo-labels" else {})


def as_many_steps(recipe: Recipe, before: int, after: int) -> int:
    """Return the epochs over `after` examples that take the steps of the recipe over `before`."""
    steps = [max(1, count // recipe.batch_size) for count in (before, after)]
    return max(1, round(recipe.epochs * steps[0] / steps[1]))


@dataclass(frozen=True)
class _Training:
    """What a member and its teacher have in common: choices, pictures, and fixed checks."""

    plan: Plan
    recipe: Recipe
    pictures: list[Picture]
    checks: list[tuple[Floats, int]]

    def in_use(self, index: Iterable[int]) -> list[Floats]:
        """Return some pictures as the network reads them in use."""
        return [variation.as_in_use(self.pictures[i], self.plan.pixels) for i in index]

    def trained(
        self, labels: Array, epochs: int, folder: Path
    ) -> tuple[nn.Module, list[dict[str, float]], str]:
        """Return a network trained on the known labels, its learning curve, and its origin."""
        import torch

        from suwen.imaging.learning.backbone import started
        from suwen.imaging.learning.training import Schedule, train_network
        from suwen.imaging.planar.net import PlanarNet

        plan, recipe = self.plan, self.recipe
        torch.manual_seed(recipe.seed)
        backbone, origin = started(plan.blocks, plan.frozen, plan.start)
        network = PlanarNet(backbone, plan.classes, recipe.dropout)
        known = np.flatnonzero(labels != share.UNKNOWN)
        rest = [self.pictures[i] for i in np.flatnonzero(labels == share.UNKNOWN)]
        label_loss = network_loss(recipe.imbalance, labels[known], plan.classes)
        make: Callable[..., Any] = self._make
        loss = _batch_loss(label_loss)
        if plan.adversarial:
            loss = attacked_loss(label_loss, plan.adversarial)
        if plan.teacher:
            loss = taught_loss(label_loss, teacher_of(plan.teacher, folder.name, recipe.folds))
        if recipe.unlabelled == "consistency" and rest:
            make = Agreement(rest, plan.pixels, plan.how).make
            loss = loss_of(label_loss, loss)

        def epoch(rng: np.random.Generator) -> Sequence[tuple[Callable[..., Any], Any]]:
            order = known[epoch_order(recipe.imbalance, labels[known], rng)]
            return [(make, (self.pictures[i], int(labels[i]))) for i in order]

        schedule = Schedule(
            recipe.model_copy(update={"epochs": epochs}),
            folder,
            keep_last=True,
        )
        return network, train_network(network, schedule, epoch, loss, self.checks), origin

    def _make(self, item: tuple[Picture, int], rng: np.random.Generator) -> tuple[Floats, int]:
        """Return a picture as training shows it, and its class."""
        plan, (picture, label) = self.plan, item
        if plan.corrupt and rng.random() < plan.corrupt:
            picture = corrupted(picture, plan.corruptions, rng)
        if not self.recipe.augmentation:
            return variation.as_in_use(picture, plan.pixels), label
        return variation.draw(picture, plan.pixels, plan.how, rng), label


def _as_in_use(examples: Examples, plan: Plan) -> list[tuple[Floats, int]]:
    """Return examples as a network reads them in use, each with its class."""
    return [
        (variation.as_in_use(picture, plan.pixels), int(label))
        for picture, label in zip(prepared(examples, plan.pixels), examples.labels, strict=True)
    ]


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


def fixed_features(examples: Examples, pixels: int) -> Array:
    """Return the pooled features of the whole ImageNet network as it came, (n, d)."""
    try:
        import torch

        from suwen.imaging.learning.backbone import BLOCKS, Backbone
        from suwen.imaging.planar.net import PlanarNet
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None
    torch.set_num_threads(settings().threads)
    network = PlanarNet(Backbone(BLOCKS, BLOCKS), 1, 0.0)
    pictures = prepared(examples, pixels)
    shown = [variation.as_in_use(picture, pixels) for picture in pictures]
    found: Array = _pooled(network, shown).numpy()
    return found


def _said(network: nn.Module, inputs: Sequence[Floats]) -> Array:
    """Return the class probabilities of pictures, (n, K)."""
    said: Array = _outputs(network, inputs)[0].softmax(1).numpy()
    return said


def _pooled(network: nn.Module, inputs: Sequence[Floats]) -> Tensor:
    """Return the pooled features of pictures, (n, c)."""
    return _outputs(network, inputs)[1]


def _outputs(network: nn.Module, inputs: Sequence[Floats], size: int = 64) -> tuple[Tensor, Tensor]:
    """Return logits (n, K) and pooled features (n, c) of pictures."""
    import torch

    network.eval()
    logits, pooled = [], []
    with torch.no_grad():
        for k in range(0, len(inputs), size):
            out, maps = network(torch.from_numpy(np.stack(inputs[k : k + size])))
            logits.append(out)
            pooled.append(maps.mean((2, 3)))
    return torch.cat(logits), torch.cat(pooled)


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
