"""Training of one member of the malignancy ensemble: two networks and two boosted trees.

What is learned is the readers' opinion in full (share who found the nodule suspicious, mean rating,
seven attributes), not the two-class label alone: the label says "at least two readers rated 4 or
5" and hides how near the readers were to it. Ratings and attributes are targets, never inputs.

References: Caruana 1997 (multi-task learning); Ke et al., NeurIPS 2017 (LightGBM).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from suwen.core.errors import MissingExtra
from suwen.imaging.learning.hardening_ct import Windows, corrupted, made_worse
from suwen.imaging.nodules.features import features_of
from suwen.imaging.nodules.fit_segmentation import disturb
from suwen.imaging.nodules.malignancy import (
    CHANNELS,
    HEIGHTS,
    NETWORKS,
    PIXEL_MM,
    PIXELS,
    SOFT_TISSUE,
    TREES,
    Shown,
    View,
    mask_of,
    show,
    smooth_mask,
)
from suwen.imaging.volumes.nodule import Mask
from suwen.imaging.volumes.patches import LUNG_WINDOW, Floats, Turn
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.imbalance import class_weights, epoch_order, network_loss
from suwen.lifecycle.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

BLOCKS: Final = 11
"""Blocks of the backbone that are kept; the feature map has 112 channels of 6 x 6."""
FROZEN: Final = 2
"""Blocks that keep their ImageNet weights, with the stem: their edges need no learning."""
DRAWN: Final = 3
"""Slices of a nodule in one training example; in use there are five."""
SLOPE: Final = 2.5
MIDDLE: Final = 3.1
"""A mean rating m stands for the logit 2.5 (m - 3.1): at 3.1 half the nodules carry the label."""
SEED_STEP: Final = 500
EXPORTED: Final = "exported.onnx"
SUSPICIOUS: Final = 4
ROUNDS: Final = 300
TREE_OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "cross_entropy",
    "learning_rate": 0.03,
    "num_leaves": 8,
    "min_child_samples": 20,
    "colsample_bytree": 0.3,
    "subsample": 0.7,
    "subsample_freq": 1,
    "reg_lambda": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
WINDOWS: Final = Windows(
    slopes=(4 / (LUNG_WINDOW[1] - LUNG_WINDOW[0]), 2 / SOFT_TISSUE[1], 0.0),
    low=(-2.0, -2.0, 0.0),
    high=(2.0, 3.0, 0.0),
    axis=2,
)
"""Both windows of a slice, and the outline, which is no voxel."""


@dataclass(frozen=True)
class Targets:
    """What is learned of each nodule: shares and ratings (n,), scaled outputs (n, 8)."""

    label: NDArray[np.float64]
    share: NDArray[np.float64]
    rating: NDArray[np.float64]
    scaled: NDArray[np.float64]

    @property
    def from_rating(self) -> NDArray[np.float64]:
        """Probability of the label that the mean rating stands for."""
        return np.asarray(expit(SLOPE * (self.rating - MIDDLE)))

    @property
    def probability(self) -> NDArray[np.float64]:
        """Soft label of the first head: label, share and rating weighted equally."""
        return (self.label + self.share + self.from_rating) / 3


def targets_of(examples: Examples, scale: tuple[Any, Any] | None = None) -> tuple[Targets, Any]:
    """Return the targets of some examples, and mean and spread they were scaled by.

    Where a reader's ratings are not known the label takes their place.
    """
    label = np.asarray(examples.labels, dtype=float)
    share, rating = label.copy(), 2.0 + 2.2 * label
    for i, text in enumerate(examples.columns["reader_ratings"]):
        if values := [int(value) for value in str(text).split()]:
            share[i] = np.mean([value >= SUSPICIOUS for value in values])
            rating[i] = np.mean(values)
    attributes = [[float(v) for v in str(t).split()] for t in examples.columns["attributes"]]
    table = np.column_stack([rating, np.array(attributes)])
    mean, spread = scale or (table.mean(0), table.std(0) + 1e-6)
    return Targets(label, share, rating, (table - mean) / spread), (mean, spread)


@dataclass(frozen=True)
class Prepared:
    """A nodule with its masks (predicted, and the readers' where known), ready to draw from."""

    volume: Volume
    masks: tuple[tuple[Mask, Floats], ...]
    target: tuple[float, NDArray[np.float64]]


def prepare(examples: Examples, targets: Targets) -> list[Prepared]:
    """Prepare examples for `draw`."""
    found = []
    for i in range(len(examples)):
        data = examples.load(i).data
        masks = [mask_of(data)]
        if examples.truth is not None:
            masks.append(examples.truth(i))
        pairs = tuple((mask, smooth_mask(mask)) for mask in masks)
        target = (float(targets.probability[i]), targets.scaled[i])
        found.append(Prepared(data.volume, pairs, target))
    return found


def draw(
    one: Prepared, rng: np.random.Generator, corrupt: float = 0.0
) -> tuple[Floats, float, NDArray[np.float64]]:
    """Return a randomly moved, turned and noisy input (3, 3, 96, 96) and its two targets.

    A share `corrupt` of the inputs is `corrupted` first.
    """
    if corrupt and rng.random() < corrupt:
        one = replace(one, volume=corrupted(one.volume, rng))
    mask, soft = one.masks[int(rng.integers(len(one.masks)))]
    reach = 1.25 * max(HEIGHTS)
    view = View(
        PIXEL_MM * float(np.exp(rng.uniform(-0.12, 0.12))),
        Turn(rng.uniform(0, 2 * np.pi), int(rng.choice([-1, 1]))),
        (float(rng.normal(0, 1.0)), float(rng.normal(0, 1.0))),
        tuple(rng.uniform(-reach, reach, DRAWN).tolist()),
    )
    shown = show(one.volume, mask, soft, view)
    outline = (shown.mask + rng.normal(0, 0.1)).astype(np.float32)
    return Shown(disturb(shown.values, rng), outline).as_input(), *one.target


def as_in_use(
    one: Prepared, rng: np.random.Generator | None = None
) -> tuple[Floats, float, NDArray[np.float64]]:
    """Return the input as in use (5, 3, 96, 96), with its targets; nothing is random."""
    mask, soft = one.masks[0]
    return show(one.volume, mask, soft).as_input(), *one.target


def fit(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """Train one member; see `Task.fit`.

    `recipe.options` may hold `corrupt`, the share of training inputs changed as the robustness card
    changes them (the trees then see a changed copy of each nodule too), and `adversarial`, the
    largest change in HU of inputs made worse by one step along the networks' own slope.
    """
    targets, scale = targets_of(train)
    names = fit_trees(train, targets, recipe, folder)
    made: dict[str, Any] = {"features": names, "trees": list(TREES), "networks": list(NETWORKS)}
    for number, name in enumerate(NETWORKS):
        seeded = recipe.model_copy(update={"seed": recipe.seed + SEED_STEP * number})
        kept = folder / f"network-{number}"
        kept.mkdir(exist_ok=True)
        made["history"] = _fit_network(train, valid, seeded, kept, (targets, scale))
        (kept / EXPORTED).replace(folder / name)
    from suwen.imaging.learning.backbone import ORIGIN  # Only now: it needs torch.

    made["start"] = ORIGIN if recipe.options.get("pretrained", True) else "noise"
    return made


def fit_trees(train: Examples, targets: Targets, recipe: Recipe, folder: Path) -> list[str]:
    """Train and write the two boosted trees; return the names of their features, in order.

    `weights` and `oversample` both give a nodule the inverse frequency of its class as weight;
    `focal` is a loss of the networks alone.
    """
    import lightgbm

    rows: list[dict[str, float]] = []
    index: list[int] = []
    rng = np.random.default_rng(recipe.seed) if recipe.options.get("corrupt") else None
    for i in range(len(train)):
        data = train.load(i).data
        masks = [mask_of(data)] + ([train.truth(i)] if train.truth is not None else [])
        rows += [_features(data.volume, mask) for mask in masks]
        index += [i] * len(masks)
        if rng is not None:
            rows.append(features_of(corrupted(data.volume, rng), masks[0]))
            index.append(i)
    names = list(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])
    weight = None
    if recipe.imbalance in ("weights", "oversample"):
        weight = class_weights(targets.label, 2)[targets.label.astype(int)][index]
    for name, wanted in zip(TREES, (targets.from_rating, targets.share), strict=True):
        options = {**TREE_OPTIONS, "seed": recipe.seed}
        data_set = lightgbm.Dataset(table, wanted[index], weight=weight, feature_name=names)
        booster = lightgbm.train(options, data_set, ROUNDS)
        booster.save_model(str(folder / name))
    return names


_measured: dict[bytes, dict[str, float]] = {}


def _features(volume: Volume, mask: Mask) -> dict[str, float]:
    """Return `features_of`, kept by content: four of five members measure the same nodule."""
    found = hashlib.sha256(np.ascontiguousarray(volume.values).tobytes())
    found.update(volume.affine.tobytes() + np.packbits(mask).tobytes())
    key = found.digest()
    if key not in _measured:
        _measured[key] = features_of(volume, mask)
    return _measured[key]


def _fit_network(
    train: Examples, valid: Examples, recipe: Recipe, folder: Path, learned: tuple[Targets, Any]
) -> list[dict[str, float]]:
    try:
        import torch

        from suwen.imaging.learning.backbone import Backbone
        from suwen.imaging.learning.networks import MalignancyNet, ScoringNet, export
        from suwen.imaging.learning.training import Schedule, train_network
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None

    targets, (mean, spread) = learned
    prepared = prepare(train, targets)
    kept = prepare(valid, targets_of(valid, (mean, spread))[0])
    torch.manual_seed(recipe.seed)
    heads = 1 + targets.scaled.shape[1]
    backbone = Backbone(BLOCKS, FROZEN, recipe.options.get("pretrained", True))
    network = MalignancyNet(backbone, heads, recipe.dropout)

    corrupt = float(recipe.options.get("corrupt", 0.0))
    make = partial(draw, corrupt=corrupt) if recipe.augmentation else as_in_use

    def epoch(rng: np.random.Generator) -> Sequence[tuple[Callable[..., Any], Any]]:
        order = epoch_order(recipe.imbalance, targets.label, rng)
        return [(make, prepared[i]) for i in order]

    history = train_network(
        network,
        Schedule(recipe, folder),
        epoch,
        _batch_loss(
            network_loss(recipe.imbalance, targets.label, 2),
            float(recipe.options.get("adversarial", 0.0)),
        ),
        [as_in_use(one) for one in kept],
    )
    scoring = ScoringNet(network, (float(mean[0]), float(spread[0])), (SLOPE, MIDDLE))
    example = torch.zeros(2, len(HEIGHTS), CHANNELS, PIXELS, PIXELS)
    export(scoring, example, folder / EXPORTED, ("logit", "features", "cam"))
    return history


def _batch_loss(
    label_loss: Callable[[Tensor, Tensor], Tensor], eps: float
) -> Callable[[nn.Module, list[Any]], Tensor]:
    """Return the loss of a batch: that of the label, and of what the readers said beside it.

    With `eps` (HU) in training it is that of inputs made worse first.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 (the field's name for it)

    def of(network: nn.Module, shown: Tensor, wanted: Tensor, scaled: Tensor) -> Tensor:
        outputs, _ = network(shown)
        crossed = label_loss(outputs[:, 0], wanted)
        rating = F.smooth_l1_loss(outputs[:, 1], scaled[:, 0])
        return crossed + 0.5 * rating + 0.5 * F.smooth_l1_loss(outputs[:, 1:], scaled)

    def loss(network: nn.Module, batch: list[Any]) -> Tensor:
        shown = torch.from_numpy(np.stack([one[0] for one in batch]))
        wanted = torch.tensor([one[1] for one in batch], dtype=torch.float32)
        scaled = torch.from_numpy(np.stack([one[2] for one in batch])).float()
        if eps and network.training:
            shown = made_worse(shown, lambda x: of(network, x, wanted, scaled), eps, WINDOWS)
        return of(network, shown, wanted, scaled)

    return loss
