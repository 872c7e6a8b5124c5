"""Calipers, their lines and words are found and painted over; tissue is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from suwen.imaging.breast import overlays


@pytest.fixture(scope="module")
def tissue():
    """Speckle with bright layers and a dark lesion, 256 pixels."""
    rng = np.random.default_rng(3)
    values = ndimage.gaussian_filter(rng.random((256, 256)), (0.8, 1.6))
    values = 0.3 + 0.6 * (values - values.mean())
    for row in (40, 150, 210):
        values[row : row + 4] += 0.25
    y, x = np.mgrid[:256, :256]
    lesion = np.hypot((y - 110) / 25, (x - 128) / 45) < 1
    values[lesion] *= 0.35
    return np.clip(values, 0, 0.85).astype(np.float32)


def marked(tissue, draw_marks):
    """Return the tissue with marks drawn in white, softened as an export does."""
    layer = Image.new("L", (256, 256))
    draw_marks(ImageDraw.Draw(layer))
    alpha = ndimage.gaussian_filter(np.asarray(layer, dtype=np.float32) / 255, 0.35)
    picture = tissue * (1 - alpha) + 0.95 * alpha
    return picture.astype(np.float32), np.asarray(layer) > 0


def plus(draw, x, y):
    draw.line((x - 3, y, x + 3, y), fill=255)
    draw.line((x, y - 3, x, y + 3), fill=255)


def calipers(draw):
    plus(draw, 80, 110)
    plus(draw, 176, 110)
    for x in range(86, 171, 2):
        draw.point((x, 110), fill=170)


def words(draw):
    draw.text((40, 225), "RT AXILLA", fill=255, font=ImageFont.load_default(size=10))


def test_tissue_without_marks_is_left_alone(tissue):
    found = overlays.found_in(tissue)
    assert (found.calipers, found.words) == (0, 0)
    assert not found.any
    assert np.array_equal(overlays.cleaned(tissue), tissue)


def test_calipers_and_the_line_between_them_are_painted_over(tissue):
    picture, drawn = marked(tissue, calipers)
    found = overlays.found_in(picture)
    assert found.calipers == 2
    assert found.strokes[drawn].mean() > 0.97
    assert found.strokes.mean() < 0.015
    cleaned = overlays.cleaned(picture)
    assert np.abs(cleaned - tissue)[drawn].mean() < 0.2 * np.abs(picture - tissue)[drawn].mean()
    assert np.array_equal(cleaned[~found.strokes], picture[~found.strokes])


def test_words_are_painted_over(tissue):
    picture, drawn = marked(tissue, words)
    found = overlays.found_in(picture)
    assert found.words >= 1
    assert found.strokes[drawn].mean() > 0.8
    assert found.strokes.mean() < 0.02


def test_marks_on_a_larger_screen_are_found_at_its_scale(tissue):
    picture, drawn = marked(tissue, calipers)
    large = ndimage.zoom(picture, 3, order=1)
    found = overlays.found_in(large)
    assert found.strokes.shape == large.shape
    assert found.calipers == 2
    assert found.strokes[ndimage.zoom(drawn, 3, order=0)].mean() > 0.9


def test_filling_takes_the_plane_that_the_surroundings_lie_on():
    y, x = np.mgrid[:40, :50] / 50
    plane = (0.2 + 0.5 * x + 0.3 * y).astype(np.float32)
    hole = np.zeros(plane.shape, dtype=bool)
    hole[10:20, 12:30] = True
    broken = np.where(hole, 1.0, plane)
    assert np.abs(overlays.filled(broken, hole) - plane).max() < 1e-4


def test_a_picture_masked_to_its_edge_or_altogether_is_still_a_picture():
    image = np.full((20, 20), 0.5, np.float32)
    edge = np.zeros(image.shape, dtype=bool)
    edge[:, :4] = True
    assert np.allclose(overlays.filled(np.where(edge, 1.0, image), edge), 0.5)
    assert np.array_equal(overlays.filled(image, np.ones_like(edge)), image)


def test_colours_are_found_and_grey_is_not():
    picture = np.full((20, 20, 3), 0.4)
    assert not overlays.coloured(picture).any()
    picture[5, 5] = (0.9, 0.8, 0.1)
    assert overlays.coloured(picture).sum() == 5
