"""Marks that a machine or a person burned into an ultrasound picture: found, and painted over.

Calipers stand where somebody measured, so a network that sees them reads the sonographer and not
the tissue. Found are calipers (a plus or a cross), the dotted lines between them, the digits
beside them, lines of text, and marks in the corners; painted over are their strokes alone, with
the harmonic function of what surrounds them (Laplace's equation), so that the tissue between two
letters stays.

Everything is measured at one scale: a shorter edge of `EDGE` pixels, where letters are about eight
pixels high on common machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import ndimage, sparse

from suwen.imaging.pictures.picture import Floats, resized

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

EDGE: Final = 256
"""Shorter edge in pixels at which marks are looked for."""
STROKE: Final = 5
"""Edge in pixels of the square that no stroke fills."""
SHARP: Final = 0.2
"""A stroke is brighter by this than what is left when thin structures are opened."""
WHITE: Final = 0.5
"""Least brightness of a stroke."""
ARM: Final = 3
"""Length in pixels of a caliper's arm."""
RISE: Final = 0.13
"""How much darker than its arms the four corners of a caliper are."""
MOST_CALIPERS: Final = 12
"""More plus signs than that are a texture, not calipers."""
LINE_RISE: Final = 0.05
"""Mean excess in brightness of a dotted line over the tissue beside it."""
LETTER: Final = (5, 13)
"""Smallest and largest height of a letter in pixels."""
GAP: Final = 7
"""Widest gap in pixels between two letters of one word."""
LETTERS: Final = 3
"""A word has at least this many; two bright specks side by side are tissue."""
TEXT: Final = 11
"""Least width in pixels of a line of letters that touch."""
TEXT_STROKE: Final = 7.0
"""Most pixels of its width for each stroke that a row of it crosses."""
NEAR: Final = 11
"""A digit stands this near, in pixels, to its caliper."""
CORNER: Final = 12
"""Edge in pixels of the corner in which a machine leaves its mark."""
COLOURED: Final = 0.12
"""Difference between the colours of a pixel from which it is no grey."""


@dataclass(frozen=True)
class Marks:
    """What was found, at the scale of the picture: strokes as (h, w), and how many calipers."""

    strokes: Mask
    calipers: int
    words: int

    @property
    def any(self) -> bool:
        """Say whether there is any mark."""
        return bool(self.strokes.any())


def coloured(picture: NDArray[np.floating]) -> Mask:
    """Return the pixels of a colour picture (h, w, 3) in 0..1 that are no grey, with their rim."""
    spread = picture.max(2) - picture.min(2)
    found: Mask = ndimage.binary_dilation(spread > COLOURED, iterations=1)
    return found


def cleaned(image: NDArray[np.floating], more: Mask | None = None) -> Floats:
    """Return the picture (h, w) in 0..1 with its marks, and the pixels in `more`, painted over."""
    strokes = found_in(image).strokes
    if more is not None:
        strokes = strokes | more
    return filled(image, strokes)


def found_in(image: NDArray[np.floating]) -> Marks:
    """Return the marks burned into a picture (h, w) in 0..1."""
    scale = EDGE / min(image.shape)
    small = resized(image, (round(image.shape[0] * scale), round(image.shape[1] * scale)))
    sharp = small - ndimage.grey_opening(small, (STROKE, STROKE))
    strokes: Mask = (sharp > SHARP) & (small > WHITE)
    points = _calipers(small)
    found = _pluses(points, small.shape)
    for first, second in combinations(points, 2):
        found |= _line(small, first, second)
    letters, words = _letters(strokes, found, points)
    found |= ndimage.binary_dilation(letters, np.ones((3, 3)))
    if found.shape != image.shape:
        shape = (image.shape[0], image.shape[1])
        found = resized(found.astype(np.float32), shape) > 0.2
    return Marks(found, len(points), words)


def _calipers(image: Floats) -> Places:
    """Return the middles (row, column) of bright pluses: four arms, dark between them."""
    pad = ARM + 1
    framed = np.pad(image, pad, mode="edge")

    def at(y: int, x: int) -> Floats:
        moved: Floats = framed[
            pad + y : pad + y + image.shape[0], pad + x : pad + x + image.shape[1]
        ]
        return moved

    sides = ((0, 1), (0, -1), (1, 0), (-1, 0))
    corners = ((1, 1), (1, -1), (-1, 1), (-1, -1))
    # the tip of an arm falls between two pixels as often as not
    arms = [
        np.minimum(np.minimum(at(y, x), at(2 * y, 2 * x)), at(ARM * y, ARM * x) + 0.1)
        for y, x in sides
    ]
    between = [at(a * y, b * x) for y, x in corners for a, b in ((2, 2), (3, 3), (3, 2), (2, 3))]
    least = np.minimum.reduce(arms)
    ranked = np.sort(np.stack(between), axis=0)
    found = np.zeros((0, 2), dtype=np.int64)
    # a dotted line may pass one corner; beside a sure caliper, a digit may stand in one
    for darker in (ranked[-2], ranked[-6]):
        rise = least - darker
        peak = rise == ndimage.maximum_filter(rise, 2 * ARM + 1)
        found = np.argwhere(peak & (rise > RISE) & (least > WHITE - 0.05))
        if not 0 < len(found) <= MOST_CALIPERS:
            return found[:0]
    return found


def _pluses(points: Places, shape: tuple[int, ...]) -> Mask:
    """Return the pixels of the calipers, with their rim."""
    found = np.zeros(shape, dtype=bool)
    reach = ARM + 2
    for y, x in points:
        found[max(y - reach, 0) : y + reach + 1, max(x - 1, 0) : x + 2] = True
        found[max(y - 1, 0) : y + 2, max(x - reach, 0) : x + reach + 1] = True
    return found


def _line(image: Floats, first: Places, second: Places) -> Mask:
    """Return the pixels of the dotted line between two calipers, none if there is no line."""
    away = (second - first).astype(float)
    length = float(np.hypot(*away))
    found = np.zeros(image.shape, dtype=bool)
    if length < 4 * ARM:
        return found
    along = np.arange(ARM + 2, length - ARM - 1, 0.5) / length
    places = first[:, None] + away[:, None] * along
    beside = np.array([-away[1], away[0]])[:, None] / length
    values = [
        ndimage.map_coordinates(image, places + step * beside, order=1, mode="nearest")
        for step in (-2.5, -0.5, 0.0, 0.5, 2.5)
    ]
    excess = np.maximum.reduce(values[1:4]) - np.maximum(values[0], values[4])
    if np.median(excess) < LINE_RISE:
        return found
    y, x = np.round(places).astype(int)
    found[y, x] = True
    return np.asarray(ndimage.binary_dilation(found, np.ones((3, 3))))


def _letters(strokes: Mask, calipers: Mask, points: Places) -> tuple[Mask, int]:
    """Return the strokes of words, of digits beside calipers and of marks in corners; the words."""
    labels, count = ndimage.label(strokes & ~calipers, np.ones((3, 3)))
    boxes = ndimage.find_objects(labels)
    places = np.array([[b[0].start, b[0].stop, b[1].start, b[1].stop] for b in boxes]).reshape(
        -1, 4
    )
    height, width = places[:, 1] - places[:, 0], places[:, 3] - places[:, 2]
    fits = (height >= LETTER[0]) & (height <= LETTER[1]) & (width <= 2 * LETTER[1])
    words = _words(places, fits)
    kept = np.isin(np.arange(count), np.concatenate([*words, np.zeros(0, int)]))
    lines, more = _lines_of_text(strokes & ~calipers)
    kept |= np.isin(np.arange(1, count + 1), labels[lines])
    middle = np.stack([places[:, :2].mean(1), places[:, 2:].mean(1)], axis=1)
    for point in points:
        kept |= fits & (np.abs(middle - point).max(1) <= NEAR)
    far = np.array(strokes.shape) - middle
    kept |= np.minimum(middle, far).max(1) <= CORNER if count else kept
    return np.asarray(np.isin(labels, 1 + np.flatnonzero(kept))), len(words) + more


def _words(places: Places, fits: Mask) -> list[Places]:
    """Return the numbers of the components that form each word: letters of a height on a line."""
    left = [int(i) for i in np.flatnonzero(fits)[np.argsort(places[fits, 2], kind="stable")]]
    words = []
    while left:
        word = [left.pop(0)]
        for i in list(left):
            last = places[word[-1]]
            on_line = abs(places[i, 1] - last[1]) <= 2 and abs(places[i, 0] - last[0]) <= 2
            if on_line and -1 <= places[i, 2] - last[3] <= GAP:
                word.append(i)
                left.remove(i)
        if len(word) >= LETTERS:
            words.append(np.array(word))
    return words


def _lines_of_text(strokes: Mask) -> tuple[Mask, int]:
    """Return where strokes stand side by side as in a line of letters that touch; how many lines.

    A bright layer of tissue is as high as a line of text, but a row of it is one stroke, not many.
    """
    joined, _ = ndimage.label(
        ndimage.binary_closing(np.pad(strokes, GAP), np.ones((1, GAP)))[GAP:-GAP, GAP:-GAP]
    )
    found, lines = np.zeros(strokes.shape, dtype=bool), 0
    for number, box in enumerate(ndimage.find_objects(joined), start=1):
        height, width = (side.stop - side.start for side in box)
        if not (LETTER[0] <= height <= LETTER[1] and width >= TEXT):
            continue
        inside = strokes[box] & (joined[box] == number)
        starts = (np.diff(inside.astype(int), axis=1, prepend=0) == 1).sum(1)
        if np.median(starts) * TEXT_STROKE >= width:
            found[box] |= inside
            lines += 1
    return found, lines


def filled(image: NDArray[np.floating], mask: Mask) -> Floats:
    """Return the picture with the masked pixels replaced by what surrounds them, (h, w).

    Each masked pixel becomes the mean of its four neighbours (Laplace's equation).
    """
    image = np.asarray(image, dtype=np.float32)
    if not mask.any() or mask.all():
        return image
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(mask.sum())
    y, x = np.nonzero(mask)
    rows, columns = [], []
    known, degree = np.zeros(len(y)), np.zeros(len(y))
    for step_y, step_x in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        to_y, to_x = y + step_y, x + step_x
        inside = (to_y >= 0) & (to_y < mask.shape[0]) & (to_x >= 0) & (to_x < mask.shape[1])
        here, to_y, to_x = np.flatnonzero(inside), to_y[inside], to_x[inside]
        degree[here] += 1
        other = number[to_y, to_x]
        known[here[other < 0]] += image[to_y, to_x][other < 0]
        rows.append(here[other >= 0])
        columns.append(other[other >= 0])
    links = np.concatenate(rows), np.concatenate(columns)
    system = sparse.diags(degree) - sparse.csr_matrix(
        (np.ones(len(links[0])), links), (len(y), len(y))
    )
    result = image.copy()
    result[mask] = scipy.sparse.linalg.spsolve(system.tocsc(), known)
    return result
