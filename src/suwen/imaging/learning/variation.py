"""Random pictures for training: what differs between machines, exports and positions.

Everything here could have happened to the same patient at another place: another crop, another
aspect ratio (data sets squeeze their pictures into squares), another tone curve and window, a
softer or noisier detector, a lossy export at another size, a burned-in marker. A network that is
shown all of it cannot lean on how a picture was made.

Reference: Zech et al., PLoS Med 15:e1002683, 2018 (networks that read the hospital, not the chest).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from suwen.imaging.pictures.picture import LEVELS, Floats, levelled, network_input, resized

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Variation:
    """How far pictures are varied; shares are of the picture's edge, spreads are of logarithms.

    Parameters
    ----------
    turn
        Largest rotation in degrees.
    shift
        Largest shift along each axis, a share of the edge.
    zoom, aspect
        Largest logarithm of the scale, and of the ratio between the two axes' scales.
    flip
        Whether left and right may be exchanged: only where anatomy has no side.
    tone
        Spread of the logarithm of the exponent of the tone curve.
    noise
        Largest standard deviation of added noise (of 0..1).
    blur
        Largest standard deviation of the blur in pixels of the network's input.
    exported
        Share of the pictures that went through a smaller size, and through a lossy JPEG.
    marked
        Share of the pictures with a burned-in bright or dark box near the edge.
    """

    turn: float = 8.0
    shift: float = 0.06
    zoom: float = 0.18
    aspect: float = 0.25
    flip: bool = False
    tone: float = 0.35
    noise: float = 0.04
    blur: float = 1.0
    exported: float = 0.5
    marked: float = 0.3


def stronger(how: Variation) -> Variation:
    """Return a variation that leaves no more than what the picture shows in common.

    For two views of one picture that a network should call the same, without a label.
    """
    return replace(
        how,
        turn=2 * how.turn,
        shift=2 * how.shift,
        zoom=2 * how.zoom,
        tone=1.5 * how.tone,
        noise=1.5 * how.noise,
        blur=1.5 * how.blur,
    )


def draw(picture: Picture, pixels: int, how: Variation, rng: np.random.Generator) -> Floats:
    """Return a randomly varied network input, shape (1, pixels, pixels)."""
    if rng.random() < how.exported:
        picture = _exported(picture, rng)
    image = _moved(_unit(picture), pixels, how, rng)
    if rng.random() < how.marked:
        _mark(image, rng)
    if rng.random() < 0.4:
        image = ndimage.gaussian_filter(image, rng.uniform(0.2, max(0.2, how.blur)))
    if rng.random() < 0.5:
        grain = rng.standard_normal(image.shape).astype(np.float32)
        if rng.random() < 0.5:
            grain = 2 * ndimage.gaussian_filter(grain, 0.8)
        image = image + rng.uniform(0, how.noise) * grain
    window = (rng.uniform(0, 3 * LEVELS[0]), 100 - rng.uniform(0, 3 * LEVELS[0]))
    return _toned(levelled(image, window), how, rng)[None]


def as_in_use(picture: Picture, pixels: int) -> Floats:
    """Return the network input as in use, shape (1, pixels, pixels); nothing is random."""
    return network_input(_unit(picture), pixels)


def _unit(picture: Picture) -> Floats:
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def _exported(picture: Picture, rng: np.random.Generator) -> Picture:
    """Shrink and enlarge again, or write as JPEG, or both."""
    kind = rng.random()
    if kind < 0.6:
        scale = rng.uniform(0.45, 0.95)
        small = (max(8, int(picture.shape[0] * scale)), max(8, int(picture.shape[1] * scale)))
        values = resized(resized(picture.astype(np.float32), small), picture.shape)
        picture = np.clip(values, 0, 255).astype(np.uint8)
    if kind > 0.4:
        held = BytesIO()
        Image.fromarray(picture).save(held, "JPEG", quality=int(rng.integers(35, 95)))
        picture = np.asarray(Image.open(held))
    return picture


def _moved(image: Floats, pixels: int, how: Variation, rng: np.random.Generator) -> Floats:
    """Turn, scale, stretch and shift the picture into the square the network reads."""
    angle = np.deg2rad(rng.uniform(-how.turn, how.turn))
    zoom, ratio = rng.uniform(-how.zoom, how.zoom), rng.uniform(-how.aspect, how.aspect)
    scale = np.exp([zoom - ratio / 2, zoom + ratio / 2])
    flip = -1 if how.flip and rng.random() < 0.5 else 1
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    shape = np.array(image.shape)
    matrix = np.diag(shape / pixels) @ turn @ np.diag(scale * np.array([1, flip]))
    middle = (shape - 1) / 2 + rng.uniform(-how.shift, how.shift, 2) * shape
    offset = middle - matrix @ np.full(2, (pixels - 1) / 2)
    # what lies beyond the frame: black, as behind a collimator, or the frame's edge drawn out
    mode = "constant" if rng.random() < 0.5 else "nearest"
    if shape.min() > 1.5 * pixels:
        image = ndimage.gaussian_filter(image, 0.4 * shape.min() / pixels)
    moved: Floats = ndimage.affine_transform(
        image, matrix, offset, (pixels, pixels), np.float32, order=1, mode=mode, cval=0.0
    )
    return moved


def _mark(image: Floats, rng: np.random.Generator) -> None:
    """Burn a small box into the picture, near its edge, in place."""
    edge = image.shape[0]
    height, width = (int(edge * rng.uniform(0.03, 0.12)) for _ in range(2))
    y, x = int(rng.uniform(0, edge - height)), int(rng.uniform(0, edge - width))
    near = rng.uniform(0, 0.15) * edge
    if rng.random() < 0.5:
        y = int(near) if rng.random() < 0.5 else int(edge - height - near)
    else:
        x = int(near) if rng.random() < 0.5 else int(edge - width - near)
    image[max(y, 0) : y + height, max(x, 0) : x + width] = rng.choice([0.0, 0.8, 1.0])


def _toned(image: Floats, how: Variation, rng: np.random.Generator) -> Floats:
    """Apply a random monotone tone curve: a power, and a bend towards an S or its inverse."""
    image = image ** np.float32(np.exp(rng.normal(0, how.tone)))
    bend = rng.uniform(-0.4, 0.4)
    curve = image * image * (3 - 2 * image)
    image = (1 - bend) * image + bend * curve
    low, range_ = rng.uniform(-0.05, 0.1), rng.uniform(0.85, 1.1)
    return np.asarray(np.clip(low + range_ * image, 0, 1), dtype=np.float32)
