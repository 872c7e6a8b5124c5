"""Training of one member of the segmentation ensemble, and the examples it sees.

What makes a network trained on crops that end where the nodule ends work on a whole CT:

* slices are learned one at a time, and their neighbours are sometimes hidden, as at a crop's end;
* empty answers are learned too: points beside the nodule, slices whose neighbour holds the nodule
  but which do not, and lung patches (vessels, lung) of other slices without any nodule there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.errors import BadInput, MissingExtra
from suwen.imaging.learning.hardening_ct import Windows, corrupted, corrupted_slice, made_worse
from suwen.imaging.nodules.lung_slices import LUNG_PATCH, read_lung_patches
from suwen.imaging.nodules.segmentation import (
    COARSE_MM,
    FINE_MM,
    WEIGHTS,
    Networks,
    mask_from,
    probability_maps,
)
from suwen.imaging.volumes.nodule import Mask, NoduleInput, box_of, longest_diameter_mm
from suwen.imaging.volumes.patches import (
    LUNG_WINDOW,
    NEIGHBOUR_MM,
    PIXELS,
    Floats,
    Turn,
    plane,
    prompt,
    window,
)
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.split import fold_of

if TYPE_CHECKING:
    from torch import Tensor, nn

WIDTHS: Final = (16, 32, 64, 96)
SLICES_EACH: Final = 3
"""Slices drawn from each nodule in one epoch."""
EMPTY_SHARE: Final = 0.12
"""Share of a nodule's draws whose point lies beside it, so that the answer is empty."""
LUNG_SHARE: Final = 0.08
"""Lung patches added to an epoch, as a share of its draws."""
LUNG_EACH: Final = 6
COARSE_FROM_MM: Final = 24.0
"""Nodules of at least this in-plane extent are shown at the coarse pixel size."""
FINE_LIMITS_MM: Final = (15.0, 34.0)
"""Nodules of an in-plane extent between these are shown at either pixel size."""
WINDOWS: Final = Windows(
    slopes=(*(2 / (LUNG_WINDOW[1] - LUNG_WINDOW[0]),) * 3, 0.0),
    low=(-1.0, -1.0, -1.0, 0.0),
    high=(1.0, 1.0, 1.0, 0.0),
    together=False,
)
"""Three slices, and the channel that marks the middle, which is no voxel."""


@dataclass(frozen=True)
class Marked:
    """A nodule ready to draw slices from."""

    data: NoduleInput
    mask: Mask
    centre: tuple[float, float, float]
    extent_mm: float
    slices: NDArray[np.int64]
    beside: NDArray[np.int64]
    """Indices (y, x) a few mm outside the mask in every slice."""


def marked(data: NoduleInput, mask: Mask) -> Marked:
    """Prepare a nodule and its mask for `draw`."""
    low, high = box_of(mask)
    spacing = data.volume.spacing
    away = ndimage.distance_transform_edt(~mask.any(0), sampling=spacing[1:])
    z, y, x = (low + high) / 2
    return Marked(
        data,
        mask,
        (float(z), float(y), float(x)),
        float(((high - low + 1) * np.array(spacing))[1:].max()),
        np.flatnonzero(mask.any((1, 2))),
        np.argwhere((away > 3.5) & (away < 16)),
    )


def draw(one: Marked, rng: np.random.Generator, corrupt: float = 0.0) -> tuple[Floats, Floats]:
    """Return one randomly moved, turned and noisy slice (4, 48, 48) and its truth (1, 48, 48).

    A share `corrupt` of the slices is from a `corrupted` nodule.
    """
    if corrupt and rng.random() < corrupt:
        changed = corrupted(one.data.volume, rng)
        one = replace(one, data=replace(one.data, volume=changed))
    values, spacing = one.data.volume.values, one.data.volume.spacing
    z = float(rng.choice(one.slices) if rng.random() < 0.9 else rng.integers(len(values)))
    pixel = FINE_MM if one.extent_mm < COARSE_FROM_MM else COARSE_MM
    if FINE_LIMITS_MM[0] < one.extent_mm < FINE_LIMITS_MM[1]:
        pixel = float(rng.choice([FINE_MM, COARSE_MM]))
    pixel *= float(np.exp(rng.uniform(-0.22, 0.22)))
    turn = Turn(rng.uniform(0, 2 * np.pi), int(rng.choice([-1, 1])))
    shift = rng.normal(0, 0.12 * one.extent_mm, 2) / spacing[1:]
    middle = (one.centre[1] + shift[0], one.centre[2] + shift[1])
    other = tuple(map(float, rng.choice(one.beside))) if len(one.beside) else None
    empty = other is not None and rng.random() < EMPTY_SHARE
    step = NEIGHBOUR_MM / spacing[0]
    heights = _hide_neighbours([z - step, z, z + step], rng)
    place = other if empty and other else middle
    places = [place, place, place]
    if other is not None and rng.random() < 0.12:  # a neighbour on the other side of the edge
        places[int(rng.choice([0, 2]))] = middle if empty else other
    shown = np.stack(
        [
            plane(values, (height, *where), spacing[1:], pixel, turn)
            for height, where in zip(heights, places, strict=True)
        ]
    )
    truth = plane(one.mask, (z, *middle), spacing[1:], pixel, turn) > 0.5
    target = np.zeros_like(truth) if empty else truth
    return assemble(disturb(shown, rng)), target[None].astype(np.float32)


def _hide_neighbours(heights: list[float], rng: np.random.Generator) -> list[float]:
    """Repeat the slice in place of a neighbour now and then, as at the end of a crop."""
    chance = rng.random()
    if chance < 0.15:
        heights[0] = heights[1]
    if 0.08 < chance < 0.23:
        heights[2] = heights[1]
    return heights if rng.random() < 0.5 else heights[::-1]


def draw_lung(
    patch: Floats, rng: np.random.Generator, corrupt: float = 0.0
) -> tuple[Floats, Floats]:
    """Return one lung patch without a nodule (4, 48, 48) and the empty truth."""
    if corrupt and rng.random() < corrupt:
        patch = corrupted_slice(patch, 1.0, rng)
    pixel = FINE_MM * float(np.exp(rng.uniform(-0.22, 0.3)))
    turn = Turn(rng.uniform(0, 2 * np.pi), int(rng.choice([-1, 1])))
    middle = (LUNG_PATCH - 1) / 2
    flat = plane(patch[None], (0, middle, middle), (1.0, 1.0), pixel, turn)
    shown = disturb(np.stack([flat] * 3), rng)
    return assemble(shown), np.zeros((1, PIXELS, PIXELS), np.float32)


def disturb(shown: Floats, rng: np.random.Generator) -> Floats:
    """Add what scanners and kernels add: an offset, quantum noise, a softer kernel."""
    changed: NDArray[np.floating] = shown + rng.normal(0, 15)
    if rng.random() < 0.5:
        changed = changed + rng.normal(0, rng.uniform(5, 35), shown.shape)
    if rng.random() < 0.3:
        soft = rng.uniform(0.3, 0.9)
        changed = ndimage.gaussian_filter(changed, (*(0,) * (shown.ndim - 2), soft, soft))
    return np.asarray(changed, dtype=np.float32)


def assemble(shown: Floats) -> Floats:
    """Return HU slices (3, 48, 48) as the network reads them, (4, 48, 48)."""
    return np.concatenate([window(shown), prompt()[None]])


def fit(train: Examples, valid: Examples, recipe: Recipe, folder: Path) -> Mapping[str, Any]:
    """Train one member; see `Task.fit`.

    `recipe.options` may hold `corrupt`, the share of training inputs changed as the robustness card
    changes them, and `adversarial`, the largest change in HU of inputs made worse by one step along
    the network's own slope.
    """
    try:
        import torch

        from suwen.imaging.learning.networks import SegmentationNet, export
        from suwen.imaging.learning.training import Schedule, train_network
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "torch", "train") from None

    if not recipe.augmentation:
        raise BadInput(
            "augmentation = false for the nodule borders",
            "true: every slice shown in training is drawn at random from a nodule",
            "leave `augmentation` out of the recipe",
        )
    widths = tuple(recipe.options.get("widths", WIDTHS))
    torch.manual_seed(recipe.seed)
    network = SegmentationNet(widths, recipe.dropout)
    nodules, kept = _nodules(train), _nodules(valid)
    lung = _lung(train, recipe)
    fixed = np.random.default_rng(recipe.seed + 1)
    checks = [draw(one, fixed) for one in kept for _ in range(SLICES_EACH)]
    corrupt = float(recipe.options.get("corrupt", 0.0))
    make, make_lung = partial(draw, corrupt=corrupt), partial(draw_lung, corrupt=corrupt)

    def epoch(rng: np.random.Generator) -> list[tuple[Callable[..., Any], Any]]:
        draws: list[tuple[Callable[..., Any], Any]]
        draws = [(make, one) for one in nodules for _ in range(SLICES_EACH)]
        if len(lung):
            count = round(LUNG_SHARE * len(draws))
            draws += [(make_lung, lung[i]) for i in rng.integers(len(lung), size=count)]
        return [draws[i] for i in rng.permutation(len(draws))]

    history = train_network(
        network,
        Schedule(recipe, folder),
        epoch,
        _batch_loss(float(recipe.options.get("adversarial", 0.0))),
        checks,
    )
    example = torch.zeros(2, 4, PIXELS, PIXELS)
    export(network, example, folder / WEIGHTS, ("logits",))
    made = {"weights": WEIGHTS, "widths": list(widths), "history": history}
    return made | ratios_to_readers(valid, folder / WEIGHTS)


def ratios_to_readers(valid: Examples, weights: Path) -> dict[str, list[float]]:
    """Return how the readers' measures relate to a member's, on patients it was not trained on.

    For volume and longest diameter the 2.5th and 97.5th percentile of log(readers' / member's): the
    intervals of the findings rest on them (split conformal: Lei et al., JASA 113:1094-1111, 2018).
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    network = Networks(1, lambda batch: session.run(None, {"input": batch}))
    volumes, longest = [], []
    for i in range(len(valid)):
        data = valid.load(i).data
        maps = probability_maps(network, data)
        found = mask_from(maps[0], data)
        if valid.truth is None or not found.any():
            continue
        true = valid.truth(i)
        volumes.append(true.sum() / found.sum())
        pair = [longest_diameter_mm(mask, data.volume) for mask in (true, found)]
        longest.append(pair[0] / pair[1])
    if not volumes:
        return {"volume_ratio": [-1.0, 1.0], "longest_ratio": [-0.5, 0.5]}
    return {
        name: np.quantile(np.log(values), [0.025, 0.975]).tolist()
        for name, values in (("volume_ratio", volumes), ("longest_ratio", longest))
    }


def _batch_loss(eps: float) -> Callable[[nn.Module, list[tuple[Floats, Floats]]], Tensor]:
    """Return the loss of a batch; with `eps` (HU) in training that of inputs made worse first."""
    import torch

    from suwen.imaging.learning.networks import segmentation_loss

    def loss(network: nn.Module, batch: list[tuple[Floats, Floats]]) -> Tensor:
        shown = torch.from_numpy(np.stack([one[0] for one in batch]))
        truth = torch.from_numpy(np.stack([one[1] for one in batch]))
        if eps and network.training:
            shown = made_worse(shown, lambda x: segmentation_loss(network(x), truth), eps, WINDOWS)
        return segmentation_loss(network(shown), truth)

    return loss


def _nodules(examples: Examples) -> list[Marked]:
    if examples.truth is None:
        return []
    return [marked(examples.load(i).data, examples.truth(i)) for i in range(len(examples))]


def _lung(train: Examples, recipe: Recipe) -> Floats:
    """Return lung patches of patients whose fold is among the training folds."""
    folds = {fold_of(str(group), recipe.folds) for group in train.groups}
    held_back = {str(name) for name in recipe.options.get("held_back", ())}
    return read_lung_patches(
        DataFolders.from_settings(),
        lambda patient: fold_of(patient, recipe.folds) in folds and patient not in held_back,
        LUNG_EACH,
        recipe.seed,
    )
