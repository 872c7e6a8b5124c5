"""The score of one segmented nodule: networks on five slices, and trees on features.

A member's logit is the plain mean of its two networks and of its trees; nothing is weighted by
what the development data would like best. The five slices lie at fixed shares of the mask's
height, so the score depends on where the nodule ends, not on where a crop does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.imaging.nodules.features import features_of
from suwen.imaging.volumes.nodule import Mask, NoduleInput, box_of, domain_of
from suwen.imaging.volumes.patches import STRAIGHT, Floats, Turn, plane, window
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.pack import Pack

NETWORKS: Final = ("net-0.onnx", "net-1.onnx")
"""Two networks a member, alike but for their seed: one alone depends too much on it."""
TREES: Final = ("rating.lgb.txt", "share.lgb.txt")
PIXELS: Final = 96
"""Edge of the networks' patches in pixels."""
PIXEL_MM: Final = 0.34
"""Pixel size of the networks' patches: 33 mm wide."""
HEIGHTS: Final = (-0.6, -0.3, 0.0, 0.3, 0.6)
"""Where the slices lie: shares of half the mask's height, from its middle."""
CHANNELS: Final = 3
"""A slice in the lung window, in a soft-tissue window, and the outline of the nodule."""
SOFT_TISSUE: Final = (100.0, 250.0)
"""Centre and half width in HU of the second window, which shows calcification and solid parts."""
SMOOTHING: Final = (0.0, 0.7, 0.7)
DISC_MM: Final = 2.0
"""Radius of the disc that stands for a mask where the segmentation found nothing."""


@dataclass(frozen=True)
class View:
    """How the five slices are placed; the defaults are those of use, training varies them."""

    pixel_mm: float = PIXEL_MM
    turn: Turn = STRAIGHT
    shift_mm: tuple[float, float] = (0.0, 0.0)
    heights: tuple[float, ...] = HEIGHTS


@dataclass(frozen=True)
class Shown:
    """Slices before they are scaled: HU and mask in 0..1, both (slices, 96, 96)."""

    values: Floats
    mask: Floats

    def as_input(self) -> Floats:
        """Return what the network reads, shape (slices, 3, 96, 96).

        The channels are scaled to the spread that the ImageNet weights were trained with.
        """
        middle, half = SOFT_TISSUE
        soft = np.clip((self.values - middle) / half, -1, 1.5)
        outline = np.clip(self.mask * 2 - 0.5, 0, 1)
        channels = [2 * window(self.values), 2 * soft, 3 * outline - 1]
        return np.stack(channels, 1).astype(np.float32)


def smooth_mask(mask: Mask) -> Floats:
    """Return the mask with soft edges in-plane, as `show` reads it."""
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), SMOOTHING))


def show(volume: Volume, mask: Mask, soft: Floats, view: View | None = None) -> Shown:
    """Cut the slices; `soft` is `smooth_mask(mask)`."""
    view = view or View()
    low, high = box_of(mask)
    middle, half = (low + high) / 2, (high[0] - low[0] + 1) / 2
    spacing = volume.spacing[1:]
    y, x = middle[1:] + np.array(view.shift_mm) / spacing
    values: list[Floats] = []
    inside: list[Floats] = []
    for height in view.heights:
        index = (float(middle[0] + height * half), float(y), float(x))
        for whole, found in ((volume.values, values), (soft, inside)):
            found.append(plane(whole, index, spacing, view.pixel_mm, view.turn, PIXELS))
    return Shown(np.stack(values), np.stack(inside))


def network_input(volume: Volume, mask: Mask) -> Floats:
    """Return the network's input for one nodule, shape (5, 3, 96, 96)."""
    return show(volume, mask, smooth_mask(mask)).as_input()


def disc_at(data: NoduleInput) -> Mask:
    """Return a small disc at the point, on the slice nearest to it."""
    z, y, x = data.index
    shape = data.volume.values.shape
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    _, step_y, step_x = data.volume.spacing
    near = np.hypot((rows - y) * step_y, (columns - x) * step_x)
    mask = np.zeros(shape, dtype=bool)
    mask[int(np.clip(round(z), 0, shape[0] - 1))] = near <= max(DISC_MM, float(near.min()))
    return mask


def mask_of(data: NoduleInput) -> Mask:
    """Return the nodule's mask, or the disc where there is none."""
    return data.mask if data.mask is not None and data.mask.any() else disc_at(data)


def scores_of(pack: Pack, data: NoduleInput, members: Sequence[int]) -> NDArray[np.float64]:
    """Return one logit a member, shape (members,)."""
    mask = mask_of(data)
    shown = network_input(data.volume, mask)[None]
    features = features_of(data.volume, mask)
    logits = _outputs(pack, shown, "logit", members)
    each = len(logits) // max(len(members), 1)
    found = []
    for place, member in enumerate(members):
        names = pack.member(member)["features"]
        row = np.array([[features[name] for name in names]])
        trees = [pack.booster(name, member).predict(row, raw_score=True)[0] for name in TREES]
        networks = [float(one[0, 0]) for one in logits[place * each : (place + 1) * each]]
        found.append(float(np.mean([*networks, float(np.mean(trees))])))
    return np.array(found)


def network_logit(pack: Pack, volume: Volume, mask: Mask) -> float:
    """Return the mean logit of the networks alone: the part that the saliency maps explain."""
    shown = network_input(volume, mask)[None]
    return float(np.mean(_outputs(pack, shown, "logit", range(pack.members))))


def activation_map(pack: Pack, volume: Volume, mask: Mask) -> Floats:
    """Return the class activation map of the five slices, mean of the members, (5, 6, 6).

    Its mean (plus the bias) is the network's logit, so no gradient is needed.
    """
    shown = network_input(volume, mask)[None]
    maps = _outputs(pack, shown, "cam", range(pack.members))
    return np.asarray(np.mean(maps, axis=0)[0], dtype=np.float32)


def embedding(pack: Pack, data: NoduleInput, members: Sequence[int]) -> Floats:
    """Return each member's pooled feature maps of both networks, shape (members, 2 c).

    They are the means over slices and places that the networks' logits are linear in.
    """
    shown = network_input(data.volume, mask_of(data))[None]
    found = [maps[0].mean((0, 2, 3)) for maps in _outputs(pack, shown, "features", members)]
    return np.stack(found).reshape(len(members), -1)


def _outputs(pack: Pack, shown: Floats, name: str, members: Sequence[int]) -> list[Floats]:
    """Return one output of every network of some members, member by member."""
    files = [(network, k) for k in members for network in pack.member(k)["networks"]]
    return pack.run(files, name, {"input": shown})


def domain_with_size(data: NoduleInput) -> dict[str, float]:
    """Return the domain features with the in-plane diameter of the mask."""
    mask = mask_of(data)
    _, step_y, step_x = data.volume.spacing
    area = float(mask.sum((1, 2)).max()) * step_y * step_x
    return domain_of(data) | {"diameter_mm": float(2 * np.sqrt(area / np.pi))}
