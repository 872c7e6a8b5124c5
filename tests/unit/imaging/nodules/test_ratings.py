"""What radiologists said of a nodule reads as words."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from suwen.imaging.nodules import ratings
from suwen.imaging.nodules.data import ATTRIBUTES, LIDC_SOURCE
from suwen.lifecycle.examples import Examples

CHINESE = re.compile("[一-鿿]")


def test_a_spiculated_solid_nodule_of_14_mm_is_described():
    told = {
        "malignancy_rating": 4.25,
        "diameter_mm": 14.3,
        **{"texture": 5.0, "margin": 2.0, "spiculation": 5.0, "lobulation": 1.0},
        **{"sphericity": 3.0, "calcification": 6.0, "subtlety": 5.0},
    }
    said = ratings.in_words(told)
    assert said.en == (
        "malignancy rated 4.2 of 5, 14 mm, solid, rather poorly defined margin, marked "
        "spiculation, no lobulation, ovoid, no calcification, obvious"
    )
    assert said.zh.startswith("恶性评分 4.2/5，14 mm，实性，边缘较模糊，明显毛刺")


def test_what_is_not_known_is_not_said():
    assert ratings.in_words({"malignancy_rating": math.nan, "texture": 3.0}).en == "part-solid"
    assert ratings.in_words({"malignancy_rating": math.nan}) is None


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_level_has_words_in_both_languages(name):
    (one,) = [each for each in ratings.knowledge()["characteristic"] if each["key"] == name.lower()]
    levels = 6 if name == "Calcification" else 5
    assert sorted(map(int, one["words"])) == list(range(1, levels + 1))
    for said in one["words"].values():
        assert said["en"]
        assert CHINESE.search(said["zh"])


def test_numbers_are_read_from_the_columns_of_the_examples():
    examples = Examples(
        LIDC_SOURCE,
        ("a", "b"),
        np.array(["p", "q"]),
        np.array([0, 1]),
        load=lambda i: None,
        columns={
            "reader_ratings": np.array(["4 5 3", ""]),
            "attributes": np.array(["6 1 5 3 1 5 5", "3 2 4 4 2 4 1"]),
            "diameter_mm": np.array([8.0, 21.5]),
        },
    )
    told = ratings.told(examples)
    assert told["malignancy_rating"][0] == 4
    assert np.isnan(told["malignancy_rating"][1])
    assert told["calcification"].tolist() == [6, 3]
    assert told["texture"].tolist() == [5, 1]
    assert told["diameter_mm"].tolist() == [8, 21.5]
    assert set(told) == {"malignancy_rating", "diameter_mm", *(a.lower() for a in ATTRIBUTES)}
