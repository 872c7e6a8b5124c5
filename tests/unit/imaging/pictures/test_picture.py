"""One greyscale picture: its levels, its square, and how far training varies it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from suwen.core.codes import Text
from suwen.imaging.learning import variation
from suwen.imaging.learning.variation import Variation
from suwen.imaging.pictures.picture import (
    SMALL,
    PlanarInput,
    levelled,
    network_input,
    resized,
    small_picture,
)

STILL = Variation(0, 0, 0, 0, False, 0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[:90, :120] / 120
    return np.asarray(0.2 + 0.4 * x + 0.2 * np.sin(9 * y), dtype=np.float32)


def test_a_picture_of_any_size_is_squeezed_into_the_square(picture):
    shown = network_input(picture, 48)
    assert shown.shape == (1, 48, 48)
    assert shown.dtype == np.float32
    assert (shown.min(), shown.max()) == (0.0, 1.0)


def test_brightness_and_contrast_of_the_export_do_not_reach_the_network(picture):
    assert np.allclose(
        network_input(picture, 48), network_input(0.3 + 0.5 * picture, 48), atol=1e-5
    )


def test_shrinking_averages_instead_of_picking():
    board = np.indices((64, 64)).sum(0) % 2
    assert np.abs(resized(board, (8, 8)) - 0.5).max() < 0.05


def test_a_flat_picture_stays_flat():
    assert np.ptp(levelled(np.full((5, 5), 0.3))) == 0


def test_a_refused_picture_holds_nothing_but_the_reason():
    why = Text(en="A lateral view.", zh="侧位片。")
    refused = PlanarInput.refused(why, "1.2.3")
    assert (refused.refusal, refused.uid, refused.image.size) == (why, "1.2.3", 1)


def test_a_changed_picture_stays_within_black_and_white(picture):
    data = PlanarInput(picture, (0.2, 0.2), "1.2.3").with_image(picture * 3 - 1)
    assert (data.image.min(), data.image.max(), data.uid) == (0.0, 1.0, "1.2.3")


def test_draws_differ_from_each_other_and_repeat_with_their_seed(picture):
    grey = (picture * 255).astype(np.uint8)
    first, again, other = (
        variation.draw(grey, 48, Variation(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (1, 48, 48)
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.02


def test_without_any_variation_a_draw_is_the_picture_in_the_same_place(picture):
    grey = (picture * 255).astype(np.uint8)
    drawn = variation.draw(grey, 48, STILL, np.random.default_rng(0))
    shown = variation.as_in_use(grey, 48)
    assert np.corrcoef(drawn.ravel(), shown.ravel())[0, 1] > 0.99


def test_left_and_right_are_exchanged_only_where_that_is_allowed(picture):
    grey = (picture * 255).astype(np.uint8)
    rising = {
        flip: [
            np.diff(variation.draw(grey, 24, how, np.random.default_rng(k))[0, 8:16]).mean() > 0
            for k in range(12)
        ]
        for flip, how in ((False, STILL), (True, replace(STILL, flip=True)))
    }
    assert all(rising[False])
    assert 0 < sum(rising[True]) < 12


def test_a_small_picture_keeps_its_shape_and_is_never_enlarged(picture):
    shown = small_picture(picture)
    assert (shown.shape, shown.dtype) == ((54, SMALL), np.uint8)
    assert (shown.min(), shown.max()) == (0, 255)
    assert small_picture(picture[:20, :30]).shape == (20, 30)
