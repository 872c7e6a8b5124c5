"""Marks of a slice lie where the maps say, and a search joins them over slices."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from suwen.imaging.anatomy.lungs import find_lungs
from suwen.imaging.detection import detector
from suwen.imaging.detection.detector import (
    Detectors,
    channels,
    marks_of,
    padded,
    resampled,
    slice_maps,
)
from suwen.imaging.detection.search import search
from suwen.imaging.volumes.phantom import Nodule, chest_phantom

NODULE = Nodule((-80.0, 10.0, 20.0), 12.0)


def maps_with(*peaks):
    """Maps of 40 x 40 cells with peaks (row, column, logit, x, y, mm)."""
    maps = np.full((4, 40, 40), -9.0, np.float32)
    maps[1:] = 0
    for row, column, logit, x, y, wide in peaks:
        maps[:, row, column] = logit, x, y, np.log(wide)
    return maps


def test_a_peak_becomes_a_mark_at_its_place_in_millimetres():
    (mark,) = marks_of(maps_with((10, 20, 1.5, 0.25, -0.5, 8.0)))
    assert mark == pytest.approx([1.5, 20 * 2 + 0.75 + 0.5, 10 * 2 + 0.75 - 1.0, 8.0], abs=1e-5)


def test_of_two_near_peaks_the_stronger_is_kept_and_far_ones_both():
    near = marks_of(maps_with((10, 20, 1.0, 0, 0, 8), (10, 21, 2.0, 0, 0, 8)))
    far = marks_of(maps_with((10, 20, 1.0, 0, 0, 8), (30, 5, 2.0, 0, 0, 8)))
    assert near[:, 0].tolist() == [2.0]
    assert far[:, 0].tolist() == [2.0, 1.0]


def test_weak_peaks_are_no_marks_and_their_number_is_bounded():
    assert not len(marks_of(maps_with((3, 3, -7.0, 0, 0, 8))))
    many = maps_with(*[(4 * i, 4 * j, 1.0, 0, 0, 5) for i in range(10) for j in range(10)])
    assert len(marks_of(many)) == detector.MOST_MARKS


def test_absurd_sizes_are_bounded():
    (mark,) = marks_of(maps_with((3, 3, 1.0, 0, 0, 1e5)))
    assert mark[3] == detector.LARGEST_MM


def test_a_slice_is_shown_at_half_a_millimetre_in_three_windows():
    hu = np.full((30, 40), -1000.0)
    hu[10, 20] = 400
    fine = resampled(hu, (1.0, 0.75))
    shown = padded(channels(fine))
    assert fine.shape == (59, 59)
    assert shown.shape == (3, 64, 64)
    assert shown.min() == -1
    assert shown[0, 20, 30] == 1
    assert channels(np.full((1, 1), -600.0))[:, 0, 0] == pytest.approx(
        [-3 / 7, 3 / 7, -1], abs=1e-5
    )


def bright_spots(batch):
    """A stand-in for a network: the smoothed brightness of the soft-tissue window."""
    answers = []
    for shown in batch:
        cells = shown[0, 2::4, 2::4]
        cells = ndimage.gaussian_filter(cells, 1.5) - ndimage.gaussian_filter(cells, 3.5)
        flat = np.zeros_like(cells)
        answers.append(np.stack([40 * cells - 8, flat, flat, flat + np.log(12.0)]))
    return [np.array(answers, np.float32)]


def test_maps_are_the_mean_of_the_networks():
    one, two = np.zeros((1, 4, 16, 16), np.float32), np.ones((1, 4, 16, 16), np.float32)
    maps = slice_maps(Detectors(lambda batch: [one, two]), np.zeros((30, 30)), (1.0, 1.0))
    assert maps == pytest.approx(0.5)


@pytest.fixture(scope="module")
def phantom():
    return chest_phantom(5, (NODULE,), (40, 130, 130), (5.0, 2.7, 2.7))


@pytest.fixture(scope="module")
def alone(phantom):
    """What one network marks."""
    return search(Detectors(bright_spots), None, phantom.volume, find_lungs(phantom.volume))


@pytest.fixture(scope="module")
def together(phantom):
    """What it marks when another one agrees."""
    both = Detectors(bright_spots), Detectors(bright_spots)
    return search(*both, phantom.volume, find_lungs(phantom.volume))


@pytest.mark.parametrize("kind", ["alone", "together"])
def test_a_nodule_is_found_in_space_and_every_mark_lies_in_a_lung(phantom, kind, request):
    lungs, marks = find_lungs(phantom.volume), request.getfixturevalue(kind)
    away = np.linalg.norm(marks[:, 1:4] - np.array(NODULE.centre), axis=1)
    assert away[:5].min() < 6
    assert (np.diff(marks[:, 0]) <= 0).all()
    assert lungs.holds(marks[:, 1:4], 7.0).all()


def test_a_nodule_seen_on_several_slices_is_one_mark(alone):
    away = np.linalg.norm(alone[:, 1:4] - np.array(NODULE.centre), axis=1)
    assert (away < 8).sum() == 1


def test_the_other_networks_can_veto_a_mark(phantom, alone):
    lungs = find_lungs(phantom.volume)
    never = Detectors(lambda batch: [np.full((len(batch), 4, 24, 24), -30, np.float32)])
    vetoed = search(Detectors(bright_spots), never, phantom.volume, lungs)
    assert vetoed[0, 0] < alone[0, 0] - 8


def test_without_lungs_there_is_nothing_to_mark(phantom):
    found = find_lungs(phantom.volume)
    lungs = replace(found, labels=np.zeros_like(found.labels))
    assert search(Detectors(bright_spots), None, phantom.volume, lungs).shape == (0, 5)
