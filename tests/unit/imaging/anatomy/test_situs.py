"""Pixels mirrored against their tags are noticed by the side of the organs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from suwen.imaging.anatomy import situs
from suwen.imaging.volumes.volume import Volume

STEP = 3.0
UP = np.array([[0, 0, STEP, 0], [0, STEP, 0, 0], [STEP, 0, 0, 0], [0, 0, 0, 1.0]])


def body(heart_at: float, slices: int = 30) -> Volume:
    """A body with two lungs and a heart `heart_at` mm to the right of the picture's middle."""
    y, x = (np.mgrid[:90, :120] - np.array([45, 60])[:, None, None]) * STEP
    flat = np.where((x / 160) ** 2 + (y / 110) ** 2 < 1, 40.0, -1000.0)
    for side in (-1, 1):
        flat[((x - side * 75) / 55) ** 2 + (y / 80) ** 2 < 1] = -850
    flat[((x - heart_at) / 60) ** 2 + ((y + 20) / 50) ** 2 < 1] = 45
    return Volume(np.stack([ndimage.gaussian_filter(flat, 0.7)] * slices), UP)


def mirrored(volume: Volume) -> Volume:
    return Volume(volume.values[:, :, ::-1], volume.affine)


def test_a_mirror_image_has_the_opposite_score_and_equal_halves_none():
    upright = situs.score(body(30))
    assert upright > 0.3
    assert situs.score(mirrored(body(30))) == pytest.approx(-upright, abs=0.1)
    assert abs(situs.score(body(0))) < 0.1


def test_columns_that_grow_to_the_patients_right_are_no_mirror_image():
    volume = body(30)
    affine = volume.affine.copy()
    affine[0, 2] *= -1
    turned = Volume(volume.values[:, :, ::-1], affine)
    assert situs.score(turned) == pytest.approx(situs.score(volume), abs=0.1)


def test_without_lungs_or_on_a_few_slices_nothing_is_said():
    assert situs.score(Volume(np.full((30, 60, 60), 40.0), UP)) is None
    assert situs.score(body(30, slices=10)) is None
    assert not situs.mirrored(body(30, slices=10))


def test_what_was_measured_stands_beside_the_weights():
    told = json.loads(situs.KNOWLEDGE.read_text(encoding="utf-8"))
    assert len(told["weights"]) == situs.ROWS * situs.COLUMNS // 2
    for part in told["measured"].values():
        assert part["not mirrored and flagged"] <= 0.02
        assert part["side right"] >= 0.9
