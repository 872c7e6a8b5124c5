"""What a pack's networks say about one picture: logits, where they looked, how unusual it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
from scipy import ndimage, special

from suwen.core.codes import Text
from suwen.imaging.planar import Floats, PlanarInput, network_input, resized
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.task import Array

DOMAIN_NAMES: Final[Mapping[str, Text]] = {
    "distance": Text(
        en="The distance of the picture's features from those of the development pictures",
        zh="图像特征与开发图像特征的距离",
    ),
    "mean": Text(en="The mean grey level", zh="平均灰度"),
    "spread": Text(en="The spread of the grey levels", zh="灰度离散度"),
    "dark_share": Text(en="The share of black pixels", zh="黑色像素比例"),
    "bright_share": Text(en="The share of white pixels", zh="白色像素比例"),
    "symmetry": Text(en="The likeness of the left and right halves", zh="左右两半的相似度"),
    "sharpness": Text(en="The sharpness", zh="清晰度"),
}
"""Names of the domain features for people."""
DARK, BRIGHT = 0.05, 0.95
BLURRED: Final = 0.1
"""Standard deviation, a share of the shorter edge, of the blur that empties a picture."""
OCCLUDED: Final = 8
"""Cells along each axis of the occlusion map."""


def edge_of(pack: Pack) -> int:
    """Return the edge in pixels of the square that the pack's networks read."""
    return int(pack.member(0)["pixels"])


def outputs_of(pack: Pack, shown: Floats, name: str, members: Sequence[int]) -> Array:
    """Return one output of the networks of some members, (members, ...).

    `shown` is a network input (1, s, s); `name` one of `planar_net.OUTPUTS`.
    """
    files = [(str(pack.member(k)["network"]), k) for k in members]
    return np.stack([found[0] for found in pack.run(files, name, {"input": shown[None]})])


def logits_of(pack: Pack, data: PlanarInput, members: Sequence[int]) -> Array:
    """Return the logits of one picture: (members, classes), with two classes (members,)."""
    found = outputs_of(pack, network_input(data.image, edge_of(pack)), "logits", members)
    found = found.astype(float)
    return found[:, 1] - found[:, 0] if found.shape[1] == 2 else found


def domain_of(pack: Pack, data: PlanarInput, members: Sequence[int]) -> dict[str, float]:
    """Return what the domain guard looks at: the grey levels as shown, and the features."""
    shown = network_input(data.image, edge_of(pack))
    distance = outputs_of(pack, shown, "distance", members).mean()
    return {"distance": float(distance), **appearance_of(shown[0])}


def appearance_of(image: Floats) -> dict[str, float]:
    """Return plain measures of how a levelled picture looks."""
    mirrored = image[:, ::-1]
    flat = image.std() < 1e-6
    symmetry = 0.0 if flat else float(np.corrcoef(image.ravel(), mirrored.ravel())[0, 1])
    return {
        "mean": float(image.mean()),
        "spread": float(image.std()),
        "dark_share": float((image < DARK).mean()),
        "bright_share": float((image > BRIGHT).mean()),
        "symmetry": symmetry,
        "sharpness": float(np.log(np.abs(ndimage.laplace(image)).mean() + 1e-4)),
    }


def class_activation(pack: Pack, data: PlanarInput, versus: int | None = 0) -> Floats:
    """Return the class activation map on the picture's own grid, (h, w), in logits a cell.

    Of the class that is most probable, as `score_of` scores it; with `versus` of how much each
    place speaks for anything else against that class: the class maps weighted by their
    probabilities, minus the map of `versus`.
    """
    shown = network_input(data.image, edge_of(pack))
    members = range(pack.members)
    maps = outputs_of(pack, shown, "cam", members).mean(0)
    logits = outputs_of(pack, shown, "logits", members).mean(0)
    weight = contrast(logits, versus)
    cells = np.tensordot(weight, maps, axes=1)
    return resized(cells.astype(np.float32), data.image.shape)


def contrast(logits: Array, versus: int | None) -> Array:
    """Return the weight of each class's logit in what is explained, (classes,).

    Without `versus` the most probable class alone. With it, the slope of the log odds of anything
    but that class: its own logit counts -1, the others by their probability among themselves.
    """
    weight = np.zeros(len(logits))
    if versus is None:
        weight[int(np.argmax(logits))] = 1.0
        return weight
    others = [k for k in range(len(logits)) if k != versus]
    weight[others] = special.softmax(logits[others])
    weight[versus] = -1.0
    return weight


def logit_with(pack: Pack, data: PlanarInput, image: Array, versus: int | None = 0) -> float:
    """Return the explained logit of `data` with its picture replaced by `image`.

    With `versus` the log odds of anything but that class; without it the logit of the class that
    is most probable for the picture as it is.
    """
    members = range(pack.members)
    edge = edge_of(pack)
    logits = outputs_of(pack, network_input(image, edge), "logits", members).mean(0)
    if versus is not None:
        others = np.delete(logits, versus)
        return float(special.logsumexp(others) - logits[versus])
    full = outputs_of(pack, network_input(data.image, edge), "logits", members).mean(0)
    return float(logits[int(np.argmax(full))])


def occlusion(pack: Pack, data: PlanarInput, empty: Floats, versus: int | None = 0) -> Floats:
    """Return how much the explained logit falls when each cell of the picture is emptied, (h, w).

    Source: Zeiler & Fergus, ECCV 2014.
    """
    image = data.image
    full = logit_with(pack, data, image, versus)
    parts = [np.array_split(np.arange(size), min(OCCLUDED, size)) for size in image.shape]
    drop = np.zeros_like(image)
    for y, x in product(*parts):
        cell = np.ix_(y, x)
        changed = image.copy()
        changed[cell] = empty[cell]
        drop[cell] = full - logit_with(pack, data, changed, versus)
    return drop


def emptied(image: Floats) -> Floats:
    """Return the picture blurred until nothing in it can be told, in 0..1, (h, w)."""
    return np.asarray(ndimage.gaussian_filter(image, BLURRED * min(image.shape)), np.float32)
