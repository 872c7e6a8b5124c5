"""Breast cytology: thirty measurements in, a calibrated probability with its reasons out."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from suwen.core.errors import NotFound
from suwen.core.nouns import Band, Case, Record
from suwen.imaging.cytology import data as cytology_data
from suwen.imaging.cytology import task as cytology
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.run import answer

TASK = cytology.BreastCytology()


def observation(number, feature, value, day=1, by_name=False):
    """One measurement, named by its code or by the words of the data set."""
    code = (
        {"text": feature.key.title()}
        if by_name
        else {"coding": [{"system": cytology_data.CYTOLOGY, "code": feature.code}]}
    )
    return Record(
        reference=f"Observation/{number}/_history/1",
        content={
            "resourceType": "Observation",
            "code": code,
            "effectiveDateTime": f"2026-01-{day:02d}",
            "valueQuantity": {"value": value},
        },
    )


def case_of(values, **how):
    records = [
        observation(k, feature, float(value), **how)
        for k, (feature, value) in enumerate(zip(cytology_data.features(), values, strict=True))
        if np.isfinite(value)
    ]
    return Case("p", datetime(2026, 2, 1, tzinfo=UTC), tuple(records), lambda digest: b"")


@pytest.fixture(scope="module")
def rows():
    pytest.importorskip("sklearn")
    return TASK.examples(DataFolders(()), "wisconsin_cytology")


@pytest.fixture(scope="module")
def pack():
    return packs.current(cytology.BREAST_CYTOLOGY)


def values_of(rows, label, place=0):
    return rows.load(int(np.flatnonzero(rows.labels == label)[place])).data.values


def test_the_names_are_those_of_the_data_set_in_its_order(rows):
    assert len(rows) == 569
    assert (rows.labels == 1).sum() == 212  # malignant
    assert len(cytology_data.features()) == 30
    assert cytology_data.features()[13].key == "area error"


@pytest.mark.parametrize("by_name", [False, True])
def test_measurements_are_read_by_code_and_by_name(rows, by_name):
    wanted = values_of(rows, 1)
    (sample,) = TASK.samples(case_of(wanted, by_name=by_name), [])
    assert np.array_equal(sample.data.values, wanted)
    assert len(sample.inputs) == 30


def test_the_newest_value_of_a_measurement_counts(rows):
    case = case_of(values_of(rows, 1))
    newer = observation(99, cytology_data.features()[0], 9.5, day=20)
    older = observation(98, cytology_data.features()[0], 1.5, day=1)
    both = Case(case.patient, case.at, (newer, *case.records[1:], older), case.blob)
    (sample,) = TASK.samples(both, [])
    assert sample.data.values[0] == 9.5


def test_other_observations_alone_are_no_aspirate():
    record = Record(
        reference="Observation/1/_history/1",
        content={"code": {"text": "Heart rate"}, "valueQuantity": {"value": 80}},
    )
    case = Case("p", datetime(2026, 2, 1, tzinfo=UTC), (record,), lambda digest: b"")
    assert TASK.samples(case, []) == []


def test_with_a_measurement_missing_it_abstains_and_names_it(rows, pack):
    values = values_of(rows, 1).copy()
    values[[2, 27]] = np.nan
    (sample,) = TASK.samples(case_of(values), [])
    (finding,) = answer(TASK, pack, sample)
    assert finding.band is Band.ABSTAIN
    assert "2 of 30 measurements are missing" in finding.reason.en
    assert "mean perimeter" in finding.reason.en
    assert "平均周长" in finding.reason.zh


def test_malignant_nuclei_are_told_from_benign_ones_with_the_measurements_that_decided(rows, pack):
    found = []
    for label in (0, 1):
        (sample,) = TASK.samples(case_of(values_of(rows, label, 3)), [])
        (finding,) = answer(TASK, pack, sample)
        found.append(finding)
    assert [one.band for one in found] == [Band.RULE_OUT, Band.RULE_IN]
    assert found[0].probability.value < 0.1
    assert found[1].probability.value > 0.9
    malignant = found[1]
    assert len(malignant.evidence) == cytology.SHOWN
    weights = [abs(one.weight) for one in malignant.evidence]
    assert weights == sorted(weights, reverse=True)
    assert "raised the log odds" in malignant.evidence[0].note.en
    assert malignant.explanations[0].hidden_because is None


def test_contributions_add_up_to_the_logit(rows, pack):
    sample = rows.load(5)
    trees = [pack.booster(cytology.TREES, k) for k in range(pack.members)]
    base = np.mean(
        [one.predict(sample.data.values[None], pred_contrib=True)[0, -1] for one in trees]
    )
    moved = TASK.saliency(pack, sample, "contributions")
    assert moved.sum() + base == pytest.approx(TASK.score_of(pack, sample, sample.data.values))


def test_measurements_of_another_scale_are_refused(rows, pack):
    sample = rows.load(0)
    changed = cytology.rescaled(sample, 10.0, 0)
    (finding,) = answer(TASK, pack, changed)
    assert finding.band is Band.ABSTAIN
    assert "outside the validated range" in finding.reason.en


def test_outlining_again_changes_each_value_by_its_own_factor(rows):
    sample = rows.load(0)
    changed = cytology.outlined(sample, 0.05, 1).data.values / sample.data.values
    assert 0.02 < np.std(changed) < 0.08
    assert np.array_equal(
        cytology.outlined(sample, 0.05, 1).data.values / sample.data.values, changed
    )


def test_there_is_no_independent_part(tmp_path):
    with pytest.raises(NotFound, match="no independent part"):
        TASK.examples(DataFolders((), tmp_path), "wisconsin_cytology")
