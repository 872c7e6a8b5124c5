"""The lobe of a point is named where a fissure leaves no doubt, and never on part of a chest."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from suwen.core.codes import (
    LEFT_LUNG,
    LEFT_UPPER_LOBE,
    LUNG,
    RIGHT_LOWER_LOBE,
    RIGHT_LUNG,
    RIGHT_MIDDLE_LOBE,
    RIGHT_UPPER_LOBE,
    Text,
)
from suwen.imaging.anatomy import fissures, lobes
from suwen.imaging.anatomy.fissure_fit import STEP_MM, Fit, Slab, fit
from suwen.imaging.anatomy.fissures import Fissure, Plane, find_fissures
from suwen.imaging.anatomy.lobes import Lobes, find_lobes
from suwen.imaging.anatomy.lungs import find_lungs
from suwen.imaging.volumes.nodule import SITES, place_in, site_of
from suwen.imaging.volumes.phantom import Sheet, chest_phantom
from suwen.imaging.volumes.volume import Volume

RIGHT_OBLIQUE = Sheet(-1, -4.0, 0.88, 0.06, 1.5)
HORIZONTAL = Sheet(-1, 24.0, 0.05, 0.08, above=RIGHT_OBLIQUE)
LEFT_OBLIQUE = Sheet(1, -20.0, 1.05, -0.06, 1.5)
DRAWN = {
    "right_oblique": RIGHT_OBLIQUE,
    "right_horizontal": HORIZONTAL,
    "left_oblique": LEFT_OBLIQUE,
}


@pytest.fixture(scope="module")
def volume():
    return chest_phantom(3, (), (88, 125, 125), (3.0, 2.8, 2.8), tuple(DRAWN.values())).volume


@pytest.fixture(scope="module")
def lungs(volume):
    return find_lungs(volume)


@pytest.fixture(scope="module")
def found(volume, lungs):
    return find_lobes(volume, lungs)


def points_in(lungs, side, count=300):
    inside = lungs.grid.to_point(np.argwhere(lungs.labels == (1 if side < 0 else 2)).astype(float))
    return inside[np.random.default_rng(0).choice(len(inside), count, replace=False)]


def drawn_away(sheet, points):
    return sheet.distance(points[:, 2], points[:, 1], points[:, 0])


def test_drawn_fissures_are_found_where_they_were_drawn_and_the_prior_is_farther_off(found, lungs):
    for name, sheet in DRAWN.items():
        points = points_in(lungs, sheet.side, 1500)
        away = drawn_away(sheet, points)
        near = np.abs(away) < 10
        if sheet.above is not None:
            near &= drawn_away(sheet.above, points) > 0
        fissure = found.fissures[name]
        prior = replace(fissure, shape=np.zeros(6))
        error = np.abs(fissure.distance(points[near]) - away[near]).mean()
        assert fissure.fitted, name
        assert error < 1.5, name
        assert error < np.abs(prior.distance(points[near]) - away[near]).mean(), name


def test_a_point_well_inside_a_drawn_lobe_is_said_to_lie_in_it(found, lungs):
    for side, name in ((-1, "right"), (1, "left")):
        points = points_in(lungs, side)
        oblique = drawn_away(DRAWN[f"{name}_oblique"], points)
        level = np.where(oblique < 0, "lower", "upper")
        sure = np.abs(oblique) > lobes.CONTINUED_MM + 2
        if side < 0:
            above = drawn_away(HORIZONTAL, points)
            level = np.where((oblique > 0) & (above < 0), "middle", level)
            sure &= (oblique < 0) | (np.abs(above) > lobes.CONTINUED_MM + 2)
        told = [found.at(tuple(point)).site for point in points[sure]]
        assert told == [site_of(name, one) for one in level[sure]]


def test_the_sentence_names_lobe_and_distance_in_both_languages(found):
    said = found.at((-72.0, 40.0, -50.0))
    assert said.site == RIGHT_LOWER_LOBE
    assert said.text.en.startswith("Right lower lobe, ")
    assert "mm from the oblique fissure" in said.text.en
    assert said.text.zh.startswith("右肺下叶，距斜裂 ")


def test_lungs_that_the_images_cut_have_no_lobes(volume):
    part = Volume(volume.values[10:45], volume.affine)
    answer = find_lobes(part, find_lungs(part))
    assert not answer.fissures
    assert answer.at((-72.0, 2.0, -70.0)).text == lobes.NOT_WHOLE


@pytest.mark.parametrize(
    ("grow", "shrink", "why"), [(3.0, 1, lobes.TOO_THICK), (1.0, 3, lobes.UNEQUAL)]
)
def test_thick_slices_and_a_lung_far_smaller_than_the_other_have_no_lobes(
    volume, lungs, grow, shrink, why
):
    affine = volume.affine @ np.diag([grow, 1, 1, 1])
    labels = lungs.labels.copy()
    left = np.argwhere(labels == 2)
    labels[tuple(left[: len(left) - len(left) // shrink].T)] = 0
    answer = find_lobes(Volume(volume.values, affine), replace(lungs, labels=labels))
    assert answer.refusal == why
    assert answer.at((-72.0, 2.0, -5.0)).site == RIGHT_LUNG


def flat(height, fitted=True, seen=True, title="oblique"):
    """A level fissure at a height in mm."""
    plane = Plane(np.array([0.0, 0, height]), np.array([0.0, 1, 0]), np.array([0.0, 0, 1]),
                  np.array([200.0, 200]))  # fmt: skip
    name = Text(en=f"{title} fissure", zh=title)
    return Fissure(title, name, plane, np.zeros(6), np.array([[seen]]), fitted)


def answering(**horizontal):
    """Lobes with level fissures: the oblique at 0 mm, the horizontal at 30 mm."""
    known = {
        "right_oblique": flat(0.0),
        "right_horizontal": flat(30.0, title="horizontal", **horizontal),
        "left_oblique": flat(0.0, fitted=False),
    }
    side = SimpleNamespace(side=lambda point: ("right", "left")[point[0] > 0] * (point[1] == 0))
    return Lobes(side, known)


@pytest.mark.parametrize(
    ("height", "site", "en"),
    [
        (-20, RIGHT_LOWER_LOBE, "Right lower lobe, 20 mm from the oblique fissure."),
        (14, RIGHT_MIDDLE_LOBE, "Right middle lobe, 14 mm from the oblique fissure."),
        (40, RIGHT_UPPER_LOBE, "Right upper lobe, 10 mm from the horizontal fissure."),
        (28, RIGHT_LUNG, "Right upper or middle lobe, 2 mm from the horizontal fissure: nearer "
                         "than its place is known (5 mm)."),
        (-3, RIGHT_LUNG, "Right middle or lower lobe, 3 mm from the oblique fissure: nearer than "
                         "its place is known (5 mm)."),
    ],
)  # fmt: skip
def test_where_a_fissure_is_nearer_than_its_place_is_known_both_lobes_are_named(height, site, en):
    said = answering().at((-50.0, 0.0, float(height)))
    assert (said.site, said.text.en) == (site, en)


def test_an_unseen_fissure_leaves_more_points_in_doubt_and_is_called_unseen():
    point = (-50.0, 0.0, 40.0)
    elsewhere, unseen = answering(seen=False), answering(fitted=False)
    assert elsewhere.at((-50.0, 0.0, 41.0)).site == RIGHT_UPPER_LOBE
    assert "seen elsewhere, not here" in elsewhere.at((-50.0, 0.0, 41.0)).text.en
    assert unseen.at(point).site == RIGHT_LUNG
    assert "usually runs (it is not seen on this CT)" in unseen.at(point).text.en
    assert unseen.at(point).text.zh == (
        "右肺上叶或中叶，距horizontal的常见位置 10 mm（本次 CT 未见horizontal），"
        "小于其定位误差（15 mm）。"
    )
    assert unseen.at((50.0, 0.0, 16.0)).site == LEFT_UPPER_LOBE
    assert unseen.at((50.0, 0.0, 14.0)).site == LEFT_LUNG


def test_a_point_outside_the_lungs_has_no_lobe():
    said = answering().at((-50.0, 1.0, 0.0))
    assert (said.site, said.text) == (LUNG, lobes.OUTSIDE)


def test_side_and_lobe_are_read_from_a_code():
    assert [place_in(code) for code in SITES.values()] == list(SITES)
    assert place_in(None) == ("", "")
    assert place_in(RIGHT_MIDDLE_LOBE) == ("right", "middle")


def slab_with(sheet_hu):
    """Lung texture, with a tilted sheet brighter by some HU."""
    random = np.random.default_rng(4)
    hu = random.normal(-850, 40, (60, 40, 45)).astype(np.float32)
    along, _, across = np.ogrid[:60, :40, :45]
    hu += sheet_hu * np.exp(-(((across - 25 - (along - 30) / 20) / 0.8) ** 2)).astype(np.float32)
    return Slab(hu, np.ones(hu.shape, dtype=bool))


def test_a_sheet_gains_more_evidence_than_chance_and_is_placed_within_a_millimetre():
    chance, seen = fit(slab_with(0)), fit(slab_with(60))
    assert seen.gain > fissures.LEAST_GAIN * chance.gain
    expected = [3 * STEP_MM[2], 29.5 / 20 * STEP_MM[2]]
    assert seen.shape[:2] == pytest.approx(expected, abs=1.0)


def test_without_lung_the_plane_stands():
    slab = Slab(np.zeros((60, 40, 45), np.float32), np.zeros((60, 40, 45), dtype=bool))
    assert not fit(slab).shape.any()


@pytest.mark.parametrize(("gain", "believed"), [(1.5, False), (1.6, True)])
def test_a_surface_is_believed_only_with_clearly_more_evidence_than_the_decoys(
    volume, lungs, monkeypatch, gain, believed
):
    gains = iter([1.0, 1.0, 1.0, gain, gain, gain])
    monkeypatch.setattr(
        fissures, "fit", lambda slab: Fit(np.ones(6), next(gains), np.ones(slab.lung.shape[:2]))
    )
    for fissure in find_fissures(volume, lungs).values():
        assert fissure.fitted is believed
        assert fissure.shape.any() == believed


def test_every_fissure_has_a_place_in_its_lung_a_decoy_and_a_name_in_both_languages():
    for one in fissures.priors().values():
        for end in ("back", "front", "decoy_back", "decoy_front"):
            assert all(0 <= share <= 1 for share in one[end])
        assert one["name"]["en"] != one["name"]["zh"]
