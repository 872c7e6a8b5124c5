"""The gallery: where the development examples lie, kept without anything to unpickle."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.lifecycle.sealed.gallery import Gallery, principal_axes, spaces_of, unit

FOLD = np.array([0, 0, 0, 0, 1, 1, 1, 1])


@pytest.fixture
def gallery():
    """Eight examples of four patients in two folds, in a plane of a space of five numbers."""
    rng = np.random.default_rng(1)
    embedded = rng.normal(size=(8, 5))
    place, middle, axes = spaces_of(embedded, FOLD, 2)
    return embedded, Gallery(
        keys=np.array([f"picture-{i}" for i in range(8)]),
        group=np.array([0, 0, 1, 1, 2, 2, 3, 3]),
        label=np.array([0, 1, 0, 1, 0, 1, 0, 1]),
        fold=FOLD,
        names=np.array(["size_mm"]),
        told=np.arange(8.0)[:, None],
        place=place,
        middle=middle,
        axes=axes,
    )


def test_a_gallery_comes_back_from_its_bytes_which_are_the_same_each_time(gallery):
    _, kept = gallery
    again = Gallery.from_bytes(kept.to_bytes())
    assert again.to_bytes() == kept.to_bytes()
    assert again.keys.tolist() == kept.keys.tolist()
    assert np.array_equal(again.place, kept.place)


def test_an_example_is_most_similar_to_itself_where_its_own_member_places_it(gallery):
    embedded, kept = gallery
    for i in range(8):
        similarity = kept.similarity(np.stack([embedded[i], embedded[i]]))
        assert similarity[i] == pytest.approx(1, abs=1e-3)
        assert np.abs(similarity).max() <= 1 + 1e-9


def test_examples_of_a_fold_are_compared_in_the_space_of_its_own_member(gallery):
    embedded, kept = gallery
    first = kept.similarity(np.stack([embedded[0], embedded[0]]))
    other = kept.similarity(np.stack([embedded[0], embedded[5]]))
    assert np.array_equal(first[FOLD == 0], other[FOLD == 0])
    assert not np.allclose(first[FOLD == 1], other[FOLD == 1])


def test_the_nearest_come_first_and_none_of_the_patient_left_out(gallery):
    _, kept = gallery
    alike = np.array([0.1, 0.9, 0.3, 0.3, -0.5, 0.8, 0.2, 0.0])
    assert kept.nearest(alike, 3).tolist() == [1, 5, 2]
    assert kept.nearest(alike, 3, but=0).tolist() == [5, 2, 3]
    assert len(kept.nearest(alike, 8, but=0)) == 6
    assert kept.group_of("picture-5") == 2
    assert kept.group_of("somebody else") is None


def test_the_order_of_the_examples_does_not_turn_the_axes():
    points = np.random.default_rng(2).normal(size=(30, 6)) * [5, 4, 3, 2, 1, 0.5]
    (middle, axes), (again, turned) = principal_axes(points, 3), principal_axes(points[::-1], 3)
    assert middle == pytest.approx(again)
    assert axes == pytest.approx(turned)
    assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-12)


def test_no_more_axes_than_the_smallest_fold_can_tell():
    place, _, axes = spaces_of(
        np.random.default_rng(3).normal(size=(9, 20)), np.array([0, 0, 0] * 3), 1
    )
    assert axes.shape == (1, 20, 8)
    assert np.linalg.norm(place.astype(float), axis=1) == pytest.approx(1, abs=2e-3)


def test_a_point_in_the_middle_has_no_direction_and_no_nan():
    assert unit(np.zeros((1, 4))).tolist() == [[0, 0, 0, 0]]


def test_columns_of_different_length_are_no_gallery(gallery):
    _, kept = gallery
    with pytest.raises(BadInput, match="differ in length"):
        replace(kept, label=kept.label[:-1])


def test_nothing_is_unpickled(gallery):
    _, kept = gallery
    with np.load(BytesIO(kept.to_bytes()), allow_pickle=False) as stored:
        content = {name: stored[name] for name in stored.files}
    for harmful in (
        content | {"keys": np.array([object()] * 8, dtype=object)},
        {name: value for name, value in content.items() if name != "axes"},
    ):
        out = BytesIO()
        np.savez(out, **harmful)
        with pytest.raises(BadInput, match="cannot be read"):
            Gallery.from_bytes(out.getvalue())
    with pytest.raises(BadInput, match="cannot be read"):
        Gallery.from_bytes(b"no archive")
