"""What a malignancy finding shows beside its probability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.imaging.drawn_nodules import ball

from suwen.core.codes import MALIGNANCY_PROBABILITY, Text
from suwen.core.nouns import Band, Explanation, Finding, Interval
from suwen.imaging.nodules.findings import LOWERS, RAISES, with_box, with_nodule
from suwen.imaging.nodules.saliency import seen_values
from suwen.lifecycle.examples import Sample


@pytest.fixture(scope="module")
def sample():
    data, mask = ball(12.0)
    return Sample("ball", replace(data, mask=mask))


def found(sample, probability, hidden=None):
    relevance = np.ones_like(seen_values(sample.data))
    explanation = Explanation(method="cam", faithfulness=0.8, hidden_because=hidden)
    answered = Finding(
        task="t",
        pack="p@1+0",
        code=MALIGNANCY_PROBABILITY,
        band=Band.GREY,
        probability=Interval(value=probability, low=probability - 0.1, high=probability + 0.1),
        evidence=with_box(sample).evidence,
    )
    return with_nodule(answered, sample, (relevance, explanation))


@pytest.mark.parametrize(("probability", "role"), [(0.8, RAISES), (0.2, LOWERS)])
def test_the_picture_says_whether_it_shows_what_raised_or_what_lowered_the_probability(
    sample, probability, role
):
    roles = [attachment.role for attachment in found(sample, probability).attachments]
    assert roles == ["saliency", role]


def test_an_explanation_that_failed_its_checks_brings_no_picture(sample):
    reason = Text(en="not faithful here", zh="此处不可信")
    assert found(sample, 0.8, reason).attachments == ()
