"""The gallery of a pack: its development examples, each where a network that never saw it puts it.

An example of fold k is placed by member k, the only one that was not trained on it, and a sample is
compared with it in the space of that same member: both are new to the network, so that an example
is near because it looks alike, not because the network has learned its label by heart. Distances
are cosines after a projection on the principal axes of the examples' embeddings in that space.

References: Pearson, Phil Mag 2:559, 1901 (principal axes); Tschandl et al., JAMA Dermatol 156:1290,
2020 (similar images with known diagnoses beside a model's answer).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from io import BytesIO
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from suwen.core.errors import BadInput
from suwen.lifecycle.examples import Array

FILE = "gallery.npz"
DIMENSIONS = 32
"""Axes kept; 16 and 64 find neighbours as good (ADR 15)."""
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Gallery:
    """Examples with where they lie; n examples, d axes, e numbers in an embedding.

    Parameters
    ----------
    keys, group, label, fold
        Name, patient (a number), class and fold of each example, (n,).
    names, told
        Names of what else was known (t,), and the numbers (n, t); NaN where unknown.
    place
        Unit vector of each example in the space of the member of its fold, (n, d).
    middle, axes
        Mean and principal axes of each member's space, (members, e) and (members, e, d).
    """

    keys: Array
    group: Array
    label: Array
    fold: Array
    names: Array
    told: Array
    place: Array
    middle: Array
    axes: Array

    def __post_init__(self) -> None:
        examples = {len(each) for each in (self.keys, self.group, self.label, self.fold)}
        if examples | {len(self.told), len(self.place)} != {len(self.keys)}:
            raise BadInput("a gallery whose columns differ in length", "one row an example")

    def similarity(self, embedding: Array) -> NDArray[np.float64]:
        """Return the cosine of a sample (members, e) with each example, shape (n,)."""
        found = np.zeros(len(self.keys))
        for k, (inside, place) in enumerate(self._by_member):
            along = unit((embedding[k] - self.middle[k]) @ self.axes[k].astype(float))
            found[inside] = place @ along
        return found

    @cached_property
    def _by_member(self) -> list[tuple[Array, Array]]:
        """The examples in each member's space: their numbers, and their places as unit vectors."""
        inside = [np.flatnonzero(self.fold == k) for k in range(len(self.axes))]
        return [(each, unit(self.place[each].astype(float))) for each in inside]

    def nearest(self, similarity: Array, count: int, but: int | None = None) -> NDArray[np.intp]:
        """Return the most similar examples, the nearest first; none of the group `but`."""
        allowed = np.where(self.group == but, -np.inf, similarity)
        order = np.argsort(-allowed, kind="stable")[:count]
        return order[np.isfinite(allowed[order])]

    def group_of(self, key: str) -> int | None:
        """Return the group of the example called `key`, None when there is none."""
        found = np.flatnonzero(self.keys == key)
        return int(self.group[found[0]]) if len(found) else None

    def to_bytes(self) -> bytes:
        """Return the content of `gallery.npz`; equal galleries give equal bytes."""
        out = BytesIO()
        np.savez_compressed(out, **{each.name: getattr(self, each.name) for each in fields(self)})
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Gallery:
        """Read what `to_bytes` wrote; nothing in it is unpickled.

        Raises
        ------
        BadInput
            It is no gallery of this version.
        """
        return arrays_from(content, cls, "a gallery", FILE)


Arrays = TypeVar("Arrays")


def arrays_from(content: bytes, kind: type[Arrays], what: str, file: str) -> Arrays:
    """Return a dataclass of arrays from a file of numpy that has one of each name.

    Raises
    ------
    BadInput
        It is no such file; the error names `what` and `file`.
    """
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    try:
        with np.load(BytesIO(content), allow_pickle=False) as stored:
            return kind(**{name: stored[name] for name in names})
    except (ValueError, KeyError, OSError) as error:
        raise BadInput(
            f"{what} that cannot be read ({type(error).__name__})",
            f"{file} as this version writes it",
            "use the release of Suwen that made the pack, or train it again",
        ) from None


def unit(vectors: Array) -> NDArray[np.float64]:
    """Return the vectors (..., d) at length 1."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, _SMALLEST), dtype=float)


def principal_axes(points: Array, count: int) -> tuple[Array, Array]:
    """Return the mean (e,) of points (n, e) and their `count` principal axes (e, count).

    The sign of each axis is that of its largest element, so that equal points give equal axes.
    """
    middle = points.mean(0)
    _, _, found = np.linalg.svd(points - middle, full_matrices=False)
    axes = found[:count].T
    largest = axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]
    return middle, axes * np.where(largest < 0, -1.0, 1.0)


def spaces_of(embedded: Array, fold: Array, members: int) -> tuple[Array, Array, Array]:
    """Return places (n, d), means (members, e) and axes (members, e, d).

    `embedded` (n, e) holds each example's embedding by the member of its `fold`.
    """
    count = min(DIMENSIONS, embedded.shape[1], int(np.bincount(fold, minlength=members).min()) - 1)
    place = np.zeros((len(embedded), count), dtype=np.float16)
    middles, axes = [], []
    for k in range(members):
        inside = fold == k
        middle, along = principal_axes(embedded[inside].astype(float), count)
        middle, along = middle.astype(np.float32), along.astype(np.float32)
        place[inside] = unit((embedded[inside] - middle) @ along.astype(float))
        middles.append(middle)
        axes.append(along)
    return place, np.stack(middles), np.stack(axes)
