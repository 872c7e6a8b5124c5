"""The lung field of a made chest picture, with a healthy and with a white lung."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.imaging.chest.lung_field import lung_field, share_inside
from suwen.imaging.chest.task import ChestXray
from suwen.metrics.overlap import dice

Y, X = (np.mgrid[:150, :180] + 0.5) / np.array([150, 180])[:, None, None]
LEFT, RIGHT = (((X - c) / 0.14) ** 2 + ((Y - 0.45) / 0.3) ** 2 < 1 for c in (0.3, 0.7))


def picture(white: float = 0.2) -> np.ndarray:
    """A bright body with two lungs, the right one as bright as `white`."""
    image = np.full(Y.shape, 0.8)
    image[LEFT], image[RIGHT] = 0.2, white
    return image + np.random.default_rng(0).normal(0, 0.02, image.shape)


def test_both_lungs_are_found():
    assert dice(LEFT | RIGHT, lung_field(picture())) > 0.9


def test_a_white_lung_is_granted_its_place_by_the_other():
    found = lung_field(picture(white=0.8))
    assert dice(RIGHT, found & (X > 0.5)) > 0.8


def test_the_share_of_a_map_inside_the_field_is_between_nothing_and_all():
    field = LEFT | RIGHT
    assert share_inside(field.astype(float), field) == 1
    assert share_inside(np.ones(field.shape), field) == pytest.approx(field.mean())
    assert np.isnan(share_inside(-np.ones(field.shape), field))


def test_a_chest_finding_says_how_much_of_its_map_lies_on_the_lungs():
    on_lungs = ChestXray().of_map(picture(), (LEFT | RIGHT).astype(float))
    beside = ChestXray().of_map(picture(), (~(LEFT | RIGHT)).astype(float))
    assert int(on_lungs.en.partition("%")[0]) > 90
    assert int(beside.en.partition("%")[0]) < 15
    assert "肺野" in on_lungs.zh


def test_of_a_map_that_raises_nothing_nothing_is_said():
    assert ChestXray().of_map(picture(), -np.ones(Y.shape)) is None
