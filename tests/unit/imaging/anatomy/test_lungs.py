"""The lungs are found on a chest CT, side and third included, and not where there are none."""

import numpy as np
import pytest

from suwen.imaging.anatomy.lungs import find_lungs, lung_mask
from suwen.imaging.detection.search import WALL_MM
from suwen.imaging.volumes.phantom import Nodule, chest_phantom
from suwen.imaging.volumes.volume import Volume

WALL = Nodule((-125.0, 10.0, -5.0), 14.0)
RIGHT, LEFT = (-72.0, 2.0, -5.0), (72.0, 2.0, 40.0)


@pytest.fixture(scope="module")
def phantom():
    return chest_phantom(3, (WALL,), (70, 200, 200), (3.2, 1.8, 1.8))


@pytest.fixture(scope="module")
def lungs(phantom):
    return find_lungs(phantom.volume)


def test_both_lungs_are_found_on_their_own_side(lungs):
    assert lungs.side(RIGHT) == "right"
    assert lungs.side(LEFT) == "left"


def test_a_point_outside_the_chest_has_no_side_and_no_third(lungs):
    assert lungs.side((0.0, -200.0, 0.0)) == ""
    assert lungs.zone((0.0, -200.0, 0.0)) == ""


def test_the_thirds_follow_the_height_of_the_lung(lungs):
    zones = [lungs.zone((-72.0, 2.0, z)) for z in (-75.0, 0.0, 85.0)]
    assert zones == ["lower", "middle", "upper"]


def test_a_nodule_at_the_wall_lies_in_the_lung_with_the_margin_of_the_search(phantom, lungs):
    inside = phantom.volume.to_point(np.argwhere(phantom.masks[0]).astype(float))
    assert lungs.holds(inside, WALL_MM).mean() > 0.9
    assert lungs.holds(inside.mean(0)[None], WALL_MM).all()


def test_a_wider_margin_asked_for_later_holds_more_and_a_narrower_one_no_more_than_before(lungs):
    edge = lungs.grid.to_point(np.argwhere(lungs.labels > 0).astype(float))
    beside = edge[edge[:, 0].argmin()] - np.array([8.0, 0.0, 0.0])
    held = [lungs.holds(beside[None], margin)[0] for margin in (2.0, 20.0, 0.0, 2.0)]
    assert held == [False, True, False, False]


def test_table_and_heart_do_not(lungs):
    table, heart = (0.0, 124.0, 0.0), (22.0, -22.0, -45.0)
    assert not lungs.holds(np.array([table, heart])).any()


def test_a_margin_reaches_over_the_border(lungs):
    outside = np.array([[-72.0, 2.0 + 82.0 + 6.0, -5.0]])
    assert not lungs.holds(outside).any()
    assert lungs.holds(outside, 12.0).all()


def test_a_consolidated_part_between_aerated_parts_is_closed_over(phantom):
    values = np.array(phantom.volume.values)
    grid = phantom.volume
    index = np.rint(grid.to_index((-72.0, 2.0, -5.0))).astype(int)
    reach = np.ceil(9.0 / np.array(grid.spacing)).astype(int)
    values[tuple(slice(i - r, i + r + 1) for i, r in zip(index, reach, strict=True))] = 40
    found = find_lungs(Volume(values, grid.affine))
    assert found.holds(np.array([[-72.0, 2.0, -5.0]])).all()


def test_the_mask_on_the_scan_s_own_grid_covers_what_was_drawn_as_lung(phantom):
    mask = lung_mask(phantom.volume)
    aerated = (phantom.volume.values < -750) & (phantom.volume.values > -950)
    middle = slice(20, 50)
    assert mask.shape == phantom.volume.values.shape
    assert mask[middle][aerated[middle]].mean() > 0.9


def test_water_and_air_alone_hold_no_lungs():
    affine = np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]] * 3.0
    affine[3, 3] = 1
    for value in (0, -1000):
        volume = Volume(np.full((30, 40, 40), value, np.int16), affine)
        assert not find_lungs(volume).found


def test_the_lungs_of_the_same_content_are_found_once(phantom, lungs):
    same = Volume(phantom.volume.values.copy(), phantom.volume.affine.copy())
    assert find_lungs(same) is lungs
    darker = Volume(same.values - 1, same.affine)
    assert find_lungs(darker) is not lungs
    with pytest.raises(ValueError, match="read-only"):
        lungs.labels[0] = 1
