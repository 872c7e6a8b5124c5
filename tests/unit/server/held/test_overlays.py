"""Of two maps over one nodule the viewer shows what its score rests on, not why it was marked."""

from __future__ import annotations

import pytest

from suwen.core.codes import MALIGNANCY_PROBABILITY, PULMONARY_NODULE, Text
from suwen.core.nouns import (
    Attachment,
    Band,
    Explanation,
    Finding,
    Interval,
    RecordValue,
    Tracking,
)
from suwen.diagnosis.problems import Problem
from suwen.server.held.overlays import Layers, overlays

LAYERS = Layers(
    url=lambda digest: digest, series=lambda series, instance: "", blob=lambda digest: b""
)
WHY = Text(en="Not faithful here.", zh="此处解释不可信。")


def nodule(code, role, method, hidden=None):
    return Finding(
        task="imaging.made_up",
        pack="made-up@1+0",
        code=code,
        band=Band.RULE_IN,
        probability=Interval(value=0.8, low=0.7, high=0.9),
        evidence=(RecordValue(record="ImagingStudy/1/_history/1", path="ImagingStudy"),),
        explanations=(Explanation(method=method, hidden_because=hidden),),
        attachments=(Attachment.of(role, "application/x-nifti", role.encode()),),
        tracking=Tracking(uid="1.2", label="Nodule 1"),
    )


MARK = nodule(PULMONARY_NODULE, "occlusion", "occlusion")
SCORE = nodule(MALIGNANCY_PROBABILITY, "saliency", "cam")
UNSURE = nodule(MALIGNANCY_PROBABILITY, "saliency", "cam", WHY)


@pytest.mark.parametrize(
    ("findings", "shown"),
    [
        ((SCORE, MARK), SCORE),
        ((MARK, SCORE), SCORE),
        ((MARK,), MARK),
        ((UNSURE, MARK), MARK),
    ],
)
def test_the_map_of_the_score_comes_first_and_that_of_the_mark_where_there_is_no_other(
    findings, shown
):
    (drawn,) = overlays("en", Problem(findings), LAYERS)
    assert drawn["url"] == shown.attachments[0].digest
    assert drawn["form"] == "map"


def test_where_nothing_may_be_shown_the_reason_stands_there():
    (drawn,) = overlays("en", Problem((UNSURE,)), LAYERS)
    assert drawn["hidden"] == WHY.en
