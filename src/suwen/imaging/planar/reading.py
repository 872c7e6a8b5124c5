"""What a pack's networks say about one picture: logits, where they looked, how unusual it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
from scipy import ndimage, special

from suwen.core.codes import Text
from suwen.imaging.pictures.picture import Floats, PlanarInput, network_input, resized
from suwen.lifecycle.examples import Array
from suwen.lifecycle.pack import Pack

DOMAIN_NAMES: Final[Mapping[str, Text]] = {
    "distance": Text(
        en="The squared distance of the picture's features from the development pictures'",
        zh="图像特征与开发图像特征的平方距离",
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
OCCLUDED: Final = 5
"""Cells along each axis of the occlusion map."""


def edge_of(pack: Pack) -> int:
    """Return the edge in pixels of the square that the pack's networks read."""
    return int(pack.member(0)["pixels"])


def outputs_of(
    pack: Pack, shown: Floats, names: Sequence[str], members: Sequence[int]
) -> list[Array]:
    """Return some outputs of the networks of some members, each (members, ...).

    `shown` is a network input (1, s, s); `names` are among `net.OUTPUTS`.
    """
    found = [
        pack.session(str(pack.member(k)["network"]), k).run(list(names), {"input": shown[None]})
        for k in members
    ]
    return [np.stack([one[place][0] for one in found]) for place in range(len(names))]


def answer_of(
    pack: Pack, data: PlanarInput, members: Sequence[int]
) -> tuple[Array, dict[str, float]]:
    """Return logits and domain features of one picture.

    Logits have the shape (members, classes), with two classes (members,). The domain guard looks
    at the grey levels as the networks see them, and at how unusual their features are.
    """
    shown = network_input(data.image, edge_of(pack))
    logits, distance = outputs_of(pack, shown, ("logits", "distance"), members)
    logits = logits.astype(float)
    if logits.shape[1] == 2:
        logits = logits[:, 1] - logits[:, 0]
    return logits, {"distance": float(np.square(distance).mean()), **appearance_of(shown[0])}


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


def embedding(pack: Pack, data: PlanarInput, members: Sequence[int]) -> Floats:
    """Return each member's feature map pooled over places, which its logits are linear in."""
    shown = network_input(data.image, edge_of(pack))
    maps = outputs_of(pack, shown, ("features",), members)[0]
    return np.asarray(maps.mean((2, 3)), dtype=np.float32)


def class_activation(pack: Pack, data: PlanarInput) -> Floats:
    """Return how much each place speaks for anything but the first class, (h, w).

    On the picture's own grid, in logits a cell: the class activation maps of the other classes,
    weighted by their probabilities among themselves, minus that of the first.
    """
    shown = network_input(data.image, edge_of(pack))
    logits, maps = (
        found.mean(0) for found in outputs_of(pack, shown, ("logits", "cam"), range(pack.members))
    )
    weight = np.concatenate([[-1.0], special.softmax(logits[1:])])
    cells = np.tensordot(weight, maps, axes=1)
    return resized(cells.astype(np.float32), (data.image.shape[0], data.image.shape[1]))


def logit_of(pack: Pack, image: Array) -> float:
    """Return the log odds of anything but the first class on a picture (h, w)."""
    shown = network_input(image, edge_of(pack))
    logits = outputs_of(pack, shown, ("logits",), range(pack.members))[0].mean(0)
    return float(special.logsumexp(logits[1:]) - logits[0])


def occlusion(pack: Pack, image: Floats) -> Floats:
    """Return how much `logit_of` falls when each cell of the picture is emptied, (h, w).

    Source: Zeiler & Fergus, ECCV 2014.
    """
    full, empty = logit_of(pack, image), emptied(image)
    parts = [np.array_split(np.arange(size), min(OCCLUDED, size)) for size in image.shape]
    drop = np.zeros_like(image)
    for y, x in product(*parts):
        cell = np.ix_(y, x)
        changed = image.copy()
        changed[cell] = empty[cell]
        drop[cell] = full - logit_of(pack, changed)
    return drop


def emptied(image: Floats) -> Floats:
    """Return the picture blurred until nothing in it can be told, in 0..1, (h, w)."""
    return np.asarray(ndimage.gaussian_filter(image, BLURRED * min(image.shape)), np.float32)
