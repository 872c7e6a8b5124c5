"""What ultrasound settings do to a picture, each by a known amount."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from suwen.imaging.pictures import perturbations as changes
from suwen.imaging.pictures.picture import PlanarInput
from suwen.lifecycle.examples import Sample


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    values = ndimage.gaussian_filter(rng.random((120, 160)), 2)
    values = 0.3 + 0.4 * (values - values.min()) / np.ptp(values)
    return Sample("one", PlanarInput(values.astype(np.float32), uid="1.2"))


def image(sample):
    return sample.data.image


def test_speckle_multiplies_with_the_stated_spread(sample):
    changed = image(changes.speckle(sample, 0.2, 1)) / image(sample)
    assert changed.std() == pytest.approx(0.2, rel=0.1)
    again = image(changes.speckle(sample, 0.2, 1))
    assert np.array_equal(image(changes.speckle(sample, 0.2, 1)), again)


def test_a_deeper_setting_shows_the_same_tissue_smaller_at_the_top(sample):
    changed = image(changes.depth(sample, 2.0, 0))
    assert changed.shape == image(sample).shape
    half = changed[:60, 40:120]
    assert np.corrcoef(half.ravel(), image(sample)[::2, ::2].ravel())[0, 1] > 0.95


def test_what_is_known_of_the_picture_stays(sample):
    for each in changes.ULTRASOUND:
        changed = each.apply(sample, each.strengths[0], 0)
        assert (changed.key, changed.data.uid) == ("one", "1.2")
        assert 0 <= image(changed).min() <= image(changed).max() <= 1
