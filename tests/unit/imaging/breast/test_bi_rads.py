"""Which BI-RADS range a calibrated probability of malignancy lies in."""

from __future__ import annotations

import re

import pytest

from suwen.core.errors import BadInput
from suwen.imaging.breast import bi_rads


@pytest.mark.parametrize(
    ("probability", "category"),
    [
        (0.0, "2"),
        (0.005, "2"),
        (0.006, "3"),
        (0.02, "3"),
        (0.0201, "4A"),
        (0.10, "4A"),
        (0.11, "4B"),
        (0.50, "4B"),
        (0.51, "4C"),
        (0.949, "4C"),
        (0.95, "5"),
        (1.0, "5"),
    ],
)
def test_each_limit_of_the_atlas_lies_on_its_own_side(probability, category):
    assert bi_rads.category(probability)[0] == category


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan")])
def test_what_is_no_probability_has_no_category(wrong):
    with pytest.raises(BadInput, match="probability"):
        bi_rads.category(wrong)


def test_the_sentence_names_category_and_range_and_says_that_no_radiologist_spoke():
    said = bi_rads.sentence(0.07)
    assert "4A" in said.en
    assert "more than 2 % to 10 %" in said.en
    assert "no radiologist's assessment" in said.en
    assert "7.0%" in said.zh
    assert "并非放射科医生的评估" in said.zh


def test_the_knowledge_names_its_source():
    assert re.search("BI-RADS Atlas, 5th edition, 2013", bi_rads.knowledge()["source"])
