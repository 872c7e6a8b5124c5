"""Risk of death in the hospital: when it is asked, what it says, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from suwen.core.codes import LOINC
from suwen.core.nouns import Band, Case, Record
from suwen.health.icu import answer as icu_answer
from suwen.health.icu import fit as icu_fit
from suwen.health.icu import stay as icu
from suwen.health.icu import task as deterioration
from suwen.lifecycle import packs

TASK = deterioration.Deterioration()
ADMITTED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
WELL = {
    "8867-4": (78, "/min"),
    "8480-6": (128, "mm[Hg]"),
    "8462-4": (70, "mm[Hg]"),
    "8478-0": (88, "mm[Hg]"),
    "8310-5": (36.9, "Cel"),
    "9279-1": (16, "/min"),
    "9269-2": (15, "{score}"),
    "3094-0": (15, "mg/dL"),
    "2160-0": (0.9, "mg/dL"),
    "9187-6": (120, "mL"),
    "2951-2": (139, "mmol/L"),
    "2823-3": (4.1, "mmol/L"),
    "6690-2": (9, "10*3/uL"),
    "777-3": (220, "10*3/uL"),
    "4544-3": (36, "%"),
    "2345-7": (110, "mg/dL"),
    "1963-8": (25, "mmol/L"),
    "2601-3": (2.0, "mg/dL"),
}
ILL = WELL | {
    "8867-4": (124, "/min"),
    "8480-6": (82, "mm[Hg]"),
    "8462-4": (40, "mm[Hg]"),
    "8478-0": (54, "mm[Hg]"),
    "8310-5": (35.2, "Cel"),
    "9269-2": (4, "{score}"),
    "3094-0": (88, "mg/dL"),
    "2160-0": (4.6, "mg/dL"),
    "9187-6": (8, "mL"),
    "1963-8": (13, "mmol/L"),
    "2524-7": (9.5, "mmol/L"),
    "777-3": (48, "10*3/uL"),
}


def record(resource, number, **content):
    return Record(
        reference=f"{resource}/{number}/_history/1", content={"resourceType": resource, **content}
    )


def case_of(values, born="1952-01-01", last=47, where="MICU"):
    """A stay in which everything is measured every two hours, always the same."""
    records = [
        record("Patient", "p", gender="female", **({"birthDate": born} if born else {})),
        record(
            "Encounter",
            "e",
            location=[{"location": {"display": where}, "period": {"start": ADMITTED.isoformat()}}],
        ),
    ]
    for hours in range(1, last + 1, 2):
        for code, (value, unit) in values.items():
            at = (ADMITTED + timedelta(hours=hours)).isoformat()
            records.append(
                record(
                    "Observation",
                    f"{code}-{hours}",
                    status="final",
                    code={"coding": [{"system": LOINC, "code": code}]},
                    effectiveDateTime=at,
                    valueQuantity={"value": value, "code": unit},
                )
            )
    return Case("p", ADMITTED + timedelta(hours=last), tuple(records), lambda digest: b"")


@pytest.fixture(scope="module")
def pack():
    return packs.current(deterioration.DETERIORATION)


def said(pack, case):
    (sample,) = TASK.samples(case, [])
    (finding,) = TASK.findings(pack, sample, TASK.predict(pack, sample))
    return finding


def test_who_is_very_ill_has_a_far_higher_risk_than_who_is_well(pack):
    well, ill = said(pack, case_of(WELL)), said(pack, case_of(ILL))
    assert well.band is Band.RULE_OUT
    assert ill.band is Band.RULE_IN
    assert well.probability.value < 0.1
    assert ill.probability.value > 0.5
    assert ill.probability.low < ill.probability.value < ill.probability.high


def test_the_reasons_are_groups_with_their_values_in_both_languages(pack):
    finding = said(pack, case_of(ILL))
    assert 1 <= len(finding.evidence) <= deterioration.SHOWN
    first = finding.evidence[0]
    assert first.record.startswith("Observation/")
    assert abs(first.weight) == max(abs(one.weight) for one in finding.evidence)
    assert "the log odds by" in first.note.en
    assert "对数几率" in first.note.zh
    assert {one.method for one in finding.explanations} == {"contributions", "lime"}


def test_the_second_opinion_is_compared_and_its_steadiness_told(pack):
    reason = said(pack, case_of(WELL)).reason
    assert "LIME" in reason.en
    assert "秩相关" in reason.zh


@pytest.mark.parametrize("values", [WELL, ILL])
def test_a_second_opinion_no_better_than_chance_is_not_told(pack, values):
    finding = said(pack, case_of(values))
    (lime,) = [one for one in finding.explanations if one.method == "lime"]
    told = ["LIME" in one.note.en for one in finding.evidence]
    assert told == [lime.hidden_because is None] * len(told)
    assert ("LIME" in finding.reason.en) == (lime.hidden_because is None)


def test_contributions_add_up_to_the_logit(pack):
    (sample,) = TASK.samples(case_of(ILL), [])
    row = sample.data.features[None]
    moved = TASK.saliency(pack, sample, "contributions")
    trees = np.mean(
        [
            pack.booster(name, k).predict(row, pred_contrib=True)[0, -1]
            for k in range(pack.members)
            for name in icu_fit.TREES
        ]
    )
    nothing = np.zeros((1, len(icu.groups())))
    net = icu_answer.by_network(pack, sample.data, nothing)[0]
    constant = (1 - icu_answer.SHARE) * trees + icu_answer.SHARE * net
    logit = TASK.predict(pack, sample).scores.mean()
    assert moved.sum() + constant == pytest.approx(logit, abs=1e-5)


def test_trees_and_network_both_find_the_ill_far_worse(pack):
    (well,), (ill,) = (TASK.samples(case_of(one), []) for one in (WELL, ILL))
    whole = np.ones((1, len(icu.groups())))
    for score in (icu_answer.by_network, icu_answer.grouped):
        assert score(pack, ill.data, whole)[0] > score(pack, well.data, whole)[0] + 1


def test_leaving_nothing_out_is_the_answer_itself(pack):
    (sample,) = TASK.samples(case_of(ILL), [])
    whole = TASK.score_of(pack, sample, TASK.input_of(pack, sample))
    assert whole == pytest.approx(TASK.predict(pack, sample).scores.mean())
    assert TASK.score_of(pack, sample, TASK.baseline(pack, sample)) < whole


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"born": "2015-01-01"}, "Only adults"),
        ({"born": ""}, "not recorded"),
        ({"last": 30}, "after 48 hours"),
    ],
)
def test_who_was_never_learnt_from_gets_no_number(pack, how, words):
    finding = said(pack, case_of(WELL, **how))
    assert finding.band is Band.ABSTAIN
    assert words in finding.reason.en
    assert finding.probability is None


def test_almost_nothing_measured_is_outside_the_domain(pack):
    few = {code: WELL[code] for code in ("8867-4", "8310-5")}
    assert said(pack, case_of(few)).band is Band.ABSTAIN


def test_every_record_that_decides_is_an_input_so_that_a_replay_reads_it():
    case = case_of(ILL)
    (sample,) = TASK.samples(case, [])
    assert set(sample.inputs) == {one.reference for one in case.records}


def test_outside_intensive_care_nothing_is_asked():
    assert TASK.samples(case_of(WELL, where="Ward 7"), []) == []


def test_the_answer_expires_a_day_after_its_window(pack):
    assert said(pack, case_of(WELL)).valid_until == ADMITTED + timedelta(hours=72)


def test_the_same_stay_gives_the_same_finding(pack):
    assert said(pack, case_of(ILL)).id == said(pack, case_of(ILL)).id


@pytest.mark.parametrize("change", [one.apply for one in TASK.perturbations])
def test_changes_leave_plausible_values(change):
    (sample,) = TASK.samples(case_of(ILL), [])
    changed = change(sample, 0.3, 1).data
    assert changed.series.keys() <= sample.data.series.keys()
    for key, one in changed.series.items():
        assert icu.variables()[key].plausible(one.values).all()
    assert replace(changed, series=sample.data.series).age == sample.data.age


def test_values_that_cannot_be_are_left_out_and_told(pack):
    case = case_of(ILL | {"8310-5": (98.6, "Cel")})
    finding, without = (
        said(pack, case),
        said(pack, case_of({k: v for k, v in ILL.items() if k != "8310-5"})),
    )
    assert finding.probability == without.probability
    assert "Not counted are 24 values, as: Temperature 98.6 °C looks like °F" in finding.reason.en
    assert "24 个数值未计入" in finding.reason.zh
    assert finding.evidence[-1].note.en.startswith("Not counted: Temperature 98.6 °C")
