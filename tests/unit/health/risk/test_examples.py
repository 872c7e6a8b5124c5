"""The reference vectors as examples of the task: agreement, floor, where the folder lies."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.unit.health.cases import RoomsRules

from suwen.core.errors import BadInput, NotFound
from suwen.health.risk import examples as risk_examples
from suwen.health.risk.task import HealthRisk
from suwen.health.risk.vectors import VECTORS
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.measure.calculated import FORMULA

TASK, PACK = HealthRisk(), RoomsRules()


def vector(score, **inputs):
    flags = dict.fromkeys(
        (
            "congestive_heart_failure",
            "hypertension",
            "diabetes",
            "stroke_tia_thromboembolism",
            "vascular_disease",
        ),
        False,
    )
    return {
        "equation": "CHA2DS2-VASc",
        "inputs": {"sex": "male", "age_years": 50} | flags | inputs,
        "expected": {"score": score},
        "tolerance": 0,
        "source": "by hand",
    }


@pytest.fixture
def folder(tmp_path):
    rows = [vector(0)] * 4 + [vector(1, diabetes=True), vector(5, diabetes=True)]
    (tmp_path / VECTORS).write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path


def test_an_output_agrees_within_the_tolerance_and_only_then(folder):
    examples = TASK.examples(DataFolders((folder,)), risk_examples.SET)
    agreed = [
        examples.agrees(i, TASK.predict(PACK, examples.load(i))) for i in range(len(examples))
    ]
    assert agreed == [True] * 5 + [False]
    assert set(examples.tags[FORMULA]) == {"CHA2DS2-VASc"}


def test_the_floor_is_the_median_of_the_other_vectors(folder):
    examples = TASK.examples(DataFolders((folder,)), risk_examples.SET)
    floor = examples.floors[risk_examples.FLOOR]
    assert np.array_equal(floor, [1, 1, 1, 1, 0, 0])


def test_the_folder_may_lie_in_its_place_below_a_root(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    (root / "vitals").mkdir()
    folder.rename(root / "vitals" / "risk_equations")
    assert len(TASK.examples(DataFolders((root,)), risk_examples.SET)) == 6


def test_another_set_and_an_empty_folder_are_said(tmp_path):
    with pytest.raises(BadInput, match="no data set"):
        TASK.examples(DataFolders((tmp_path,)), "squares")
    with pytest.raises(NotFound):
        TASK.examples(DataFolders((tmp_path,)), risk_examples.SET)
