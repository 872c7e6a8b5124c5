"""`health.advice` on people: the vignettes, the findings, their order, their records and replay."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import pytest
from tests.unit.health.cases import (
    AT,
    ICD,
    case,
    complete,
    condition,
    drug,
    observation,
    patient,
    record,
    smoking,
)

from suwen.app.diagnose import told
from suwen.core.codes import ADVICE, SEEK_CARE
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Band, Status
from suwen.diagnosis.compose import compose
from suwen.diagnosis.problems import rank, urgency
from suwen.health.advice import examples
from suwen.health.advice.task import RULES, Advice, advised
from suwen.health.facts.published import KNOWLEDGE
from suwen.lifecycle.data import DataFolders

HERE = Path(__file__).parents[1]
ROWS = tomllib.loads((HERE / examples.FILE).read_text(encoding="utf-8"))["vignette"]
TEXTS = tuple(path.read_text(encoding="utf-8") for path in RULES)


@cache
def everyone():
    """What is said of the person of each vignette."""
    return [advised(TEXTS, examples.person(row)) for row in ROWS]


class RoomsRules:
    identity = "health.advice@test+0"

    def path(self, name, member):
        return KNOWLEDGE / name


def findings(*records, at=AT):
    task, pack = Advice(), RoomsRules()
    return [
        finding
        for sample in task.samples(case(*records, at=at), [])
        for finding in task.findings(pack, sample, task.predict(pack, sample))
    ]


def said(*records, at=AT):
    """The advice that is given, by its rule, in its order."""
    return {one.code.code: one for one in findings(*records, at=at) if one.band is Band.RULE_IN}


def pressures(systolic=150, diastolic=92, days=("2026-11-24", "2026-11-10")):
    return [
        observation(f"{name}{place}", code, value, "mm[Hg]", when)
        for place, when in enumerate(days)
        for name, code, value in (("s", "8480-6", systolic), ("d", "8462-4", diastolic))
    ]


def smoker():
    return smoking("449868002", "2026-10-01")


def test_every_vignette_is_answered_as_the_guidelines_would():
    wrong = []
    for row, found in zip(ROWS, everyone(), strict=True):
        values = {one.rule.id: one.rule.urgency for one in found.ranked}
        values |= {one.rule.id: "suppressed" for one in found.suppressed}
        if found.ranked:
            values["first"] = found.ranked[0].rule.id
        if not examples.met(row, values):
            wrong.append(f"{row['id']}: {row['says']} {values}")
    assert not wrong


def test_there_are_enough_vignettes_and_enough_to_whom_nothing_may_be_said():
    assert len(ROWS) >= 120
    assert sum(row["topic"].startswith("nothing") for row in ROWS) >= 30
    assert all(row["says"] for row in ROWS)
    book = everyone()[0].book
    covered = {name for row in ROWS for name in (*row.get("said", ()), *row.get("suppressed", ()))}
    assert set(book.rules) <= covered, sorted(set(book.rules) - covered)


def test_the_examples_have_floors_far_below_the_rules():
    found = Advice().examples(DataFolders((), HERE), examples.SET)
    assert len(found) == len(ROWS)
    shares = {name: float(floor.mean()) for name, floor in found.floors.items()}
    assert shares[examples.QUIET] < 0.4
    assert shares[examples.BARE] < 0.5


@pytest.mark.parametrize("text", ["", "vignette = [{id = 'a'}]", "vignette = 3",
    "vignette = [{id='a',topic='t',person='male'},{id='a',topic='t',person='male'}]"])  # fmt: skip
def test_a_broken_file_of_vignettes_is_refused(tmp_path, text):
    (tmp_path / examples.FILE).write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        Advice().examples(DataFolders((), tmp_path), examples.SET)


def test_a_folder_without_vignettes_is_named(tmp_path):
    with pytest.raises(NotFound):
        Advice().examples(DataFolders((), tmp_path), examples.SET)


def test_a_vignette_with_a_word_that_means_nothing_is_refused():
    with pytest.raises(BadInput, match="vignette x"):
        examples.case_of({"id": "x", "person": "male 30", "values": ["bp high 3"]})


def test_advice_shows_its_reasons_its_source_its_records_and_how_long_it_stands():
    finding = said(patient(), *pressures())["bp-confirmed"]
    assert finding.code.system == ADVICE
    assert finding.status is Status.INFERRED
    assert "2024 ESC Guidelines" in finding.reason.en
    assert "strength I, level A" in finding.reason.en
    assert "mean of several days 150 mmHg" in finding.reason.en
    assert "推荐强度 I" in finding.reason.zh
    assert {one.record.split("/")[1] for one in finding.evidence} == {"s0", "s1", "d0", "d1"}
    assert finding.valid_until > AT


def test_what_must_be_seen_to_at_once_comes_first_and_says_so():
    now = [
        observation("s", "8480-6", 194, "mm[Hg]", "2026-11-26T22:00:00Z"),
        observation("d", "8462-4", 118, "mm[Hg]", "2026-11-26T22:00:00Z"),
        condition("c", "R07.4", onsetDateTime="2026-11-26T21:00:00Z"),
    ]
    found = findings(patient(), smoker(), *now)
    assert found[0].code.code == "bp-emergency"
    assert found[0].code.system == SEEK_CARE
    assert found[0].reason.en.startswith("SEEK CARE NOW.")
    assert found[0].reason.zh.startswith("立即就医。")
    assert (found[0].valid_until - AT).days <= 2


def test_a_contraindication_withholds_the_advice_with_the_reason_and_its_record():
    allergy = record("AllergyIntolerance", "a", code={"text": "Simvastatin"})
    found = {one.code.code: one for one in findings(patient(), condition("m", "I25.2"), allergy)}
    withheld = found["lipids-cvd-statin"]
    assert withheld.band is Band.ABSTAIN
    assert "an allergy to or intolerance of statins is recorded" in withheld.reason.en
    assert "有他汀过敏或不耐受记录" in withheld.reason.zh
    assert [one.record.split("/")[1] for one in withheld.evidence] == ["a"]


@pytest.mark.parametrize("state", [
    {"verificationStatus": {"coding": [{"code": "refuted"}]}},
    {"clinicalStatus": {"coding": [{"code": "resolved"}]}}])  # fmt: skip
def test_an_allergy_that_is_over_or_refuted_withholds_nothing(state):
    allergy = record("AllergyIntolerance", "a", code={"text": "Simvastatin"}, **state)
    assert "lipids-cvd-statin" in said(patient(), condition("m", "I25.2"), allergy)


def suspected(number, code, state="provisional"):
    status = {"coding": [{"code": state}]}
    return condition(number, code, verificationStatus=status)


def test_a_suspected_disease_is_no_reason_of_an_advice_and_asks_to_be_settled():
    people = [*complete(), observation("ldl", "13457-7", 3.6, "mmol/L")]
    confirmed = said(*people, condition("mi", "I25.2"))
    found = {one.code.code: one for one in findings(*people, suspected("mi", "I25.2"))}
    resting = {key for key, one in confirmed.items() if "ascular" in one.reason.en}
    assert resting - set(said(*people)), "some advice rests on the disease"
    assert not (resting - set(said(*people))) & {
        key for key, one in found.items() if one.band is Band.RULE_IN
    }
    gaps = found["not-decided"].reason
    assert "Not confirmed, so advice on" in gaps.en
    assert "Confirm or refute it." in gaps.en
    assert "请予确认或排除" in gaps.zh
    refuted = findings(*people, suspected("mi", "I25.2", "refuted"))
    assert [one.reason for one in refuted] == [one.reason for one in findings(*people)]


def test_a_suspected_disease_forbids_as_a_confirmed_one_and_is_told_as_not_confirmed():
    people = [*complete(), *pressures()]
    assert "bp-confirmed" in said(*people)
    found = {one.code.code: one for one in findings(*people, suspected("p", "Z51.5"))}
    barred = found["bp-confirmed"]
    assert barred.band is Band.ABSTAIN
    assert "(not confirmed)" in barred.reason.en
    assert "（未经确认）" in barred.reason.zh
    pregnant = {one.code.code: one for one in findings(*people, suspected("p", "Z33.1"))}
    assert "bp-confirmed" not in pregnant, "it is for those who are not pregnant"
    assert (
        "Not confirmed, so advice on blood pressure, alcohol" in pregnant["not-decided"].reason.en
    )


def test_a_suspected_emergency_is_seen_to_at_once():
    found = said(*complete(), condition("pain", "R07.4", onsetDateTime=f"{AT:%Y-%m-%d}",
                 verificationStatus={"coding": [{"code": "provisional"}]}))  # fmt: skip
    (first,) = [one for one in found.values() if one.code.system == SEEK_CARE]
    assert "(not confirmed)" in first.reason.en


def test_nystatin_is_no_statin():
    allergy = record("AllergyIntolerance", "a", code={"text": "Nystatin"})
    assert "lipids-cvd-statin" in said(patient(), condition("m", "I25.2"), allergy)


def test_what_is_missing_is_named_once_and_moments_are_not_asked_for():
    (gaps,) = [
        one
        for one in findings(patient(), condition("d", "E11.9"))
        if one.code.code == "not-decided"
    ]
    assert "Missing for advice on glucose: HbA1c" in gaps.reason.en
    assert "缺少糖化血红蛋白" in gaps.reason.zh
    assert gaps.status is Status.SUGGESTED


def test_a_value_that_cannot_be_true_is_named_and_not_used():
    found = findings(patient(), observation("l", "13457-7", 150, "mmol/L"))
    assert not said(patient(), observation("l", "13457-7", 150, "mmol/L"))
    assert "cannot be true of a person" in found[-1].reason.en
    assert "In mg/dL it would be possible" in found[-1].reason.en


@pytest.mark.parametrize("people", [[], [patient()], [patient("2012-01-01"), *pressures()]])
def test_without_facts_or_age_nothing_is_said(people):
    assert not said(*people)


def test_the_gain_is_that_of_trials_where_they_state_one_else_an_association():
    person = [one for one in complete() if one.id not in ("bp", "smoking")]
    found = said(*person, smoker(), *pressures())
    assert "effect from randomised trials: BPLTTC" in found["bp-confirmed"].reason.en
    assert "an association, not the effect of a change" in found["smoking-quit"].reason.en
    assert "并非改变的因果效应" in found["smoking-quit"].reason.zh


def goal(name, state, when="2026-05-01", **more):
    return record(
        "Goal", f"g-{name}-{state}",
        identifier=[{"system": ADVICE, "value": name}],
        lifecycleStatus="active",
        achievementStatus={"coding": [{"code": state}]},
        statusDate=when,
        **more,
    )  # fmt: skip


def test_what_a_person_did_before_moves_advice_of_the_same_urgency():
    person = [one for one in complete() if one.id not in ("bp", "smoking")]
    raised = pressures(136, 84)
    plain = list(
        said(*person, smoker(), *raised, condition("m", "E11.9"), drug("s", "atorvastatin"))
    )
    order = ["bp-elevated-risk", "smoking-quit"]
    both = [one for one in plain if one in order]
    failed = [goal("smoking-quit", "not-achieved"), goal("smoking-quit", "not-attainable"),
              goal("smoking-quit", "no-progress"),
              goal("bp-salt", "achieved")]  # fmt: skip
    after = said(
        *person, smoker(), *raised, condition("m", "E11.9"), drug("s", "atorvastatin"), *failed
    )
    assert both == ["smoking-quit", "bp-elevated-risk"]
    assert [one for one in after if one in order] == ["bp-elevated-risk", "smoking-quit"]
    reason = after["smoking-quit"].reason
    assert "Of earlier advice on smoking 0 of 3 carried out: weighted by 0.20" in reason.en
    assert "ask why" in reason.en
    assert "既往“吸烟”建议 3 项中完成 0 项" in reason.zh


def test_a_task_that_is_under_way_is_named():
    task = record("Task", "t", status="in-progress", code={"coding": [
        {"system": ADVICE, "code": "smoking-quit"}]}, authoredOn="2026-10-02")  # fmt: skip
    assert (
        "Already under way since 2026-10-02"
        in said(patient(), smoker(), task)["smoking-quit"].reason.en
    )


def test_a_pregnancy_that_ended_is_over():
    past = condition("p", "Z34.9", onsetDateTime="2024-01-01")
    ended = condition("p", "Z34.9", onsetDateTime="2026-05-01", abatementDateTime="2026-10-01")
    now = condition("p", "Z34.9", onsetDateTime="2026-08-01")
    assert "smoking-quit" in said(patient("1995-01-01"), smoker(), past)
    assert "smoking-quit" in said(patient("1995-01-01"), smoker(), ended)
    assert "smoking-quit-pregnancy" in said(patient("1995-01-01"), smoker(), now)


def test_the_answer_to_a_question_tells_a_pregnancy():
    asked = record(
        "Observation", "q", status="final", effectiveDateTime="2026-11-01",
        code={"coding": [{"system": "http://loinc.org", "code": "82810-3"}]},
        valueCodeableConcept={"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]},
    )  # fmt: skip
    assert "smoking-quit-pregnancy" in said(patient("1995-01-01"), smoker(), asked)


def test_haemophilus_influenzae_is_no_influenza_vaccine():
    def given(text):
        return record("Immunization", "i", status="completed", vaccineCode={"text": text},
                      occurrenceDateTime="2026-10-01")  # fmt: skip

    assert "vaccine-influenza" in said(patient("1950-01-01"), given("Haemophilus influenzae b"))
    assert "vaccine-influenza" not in said(patient("1950-01-01"), given("Influenza, inactivated"))


PEOPLE = {
    "hypertension": [*pressures(), condition("h", "I10")],
    "smoking, with a record of advice": [smoker(), goal("smoking-quit", "achieved")],
    "allergic": [
        condition("m", "I25.2"),
        record("AllergyIntolerance", "a", code={"text": "statin"}),
    ],
    "with gaps": [condition("d", "E11.9", system=ICD)],
}


@pytest.mark.parametrize("person", PEOPLE)
def test_each_answer_comes_again_from_its_own_inputs_alone(person):
    own = {one.reference: one for one in [patient(), *PEOPLE[person]]}
    task = Advice()
    samples = task.samples(case(*own.values()), [])
    assert len(samples) == 2
    for sample in samples:
        rest = case(*(own[name] for name in sample.inputs))
        again = {one.key: one for one in task.samples(rest, [])}[sample.key]
        assert again.data == sample.data


def test_a_red_flag_leads_the_worklist_and_only_what_can_wait_stays_out_of_reports():
    now = condition("c", "R07.4", onsetDateTime="2026-11-26T21:00:00Z")
    found = {one.code.code: one for one in findings(patient(), smoker(), now, *pressures())}
    assert rank(found["symptom-chest-pain"]) > rank(found["bp-confirmed"])
    assert rank(found["symptom-chest-pain"]) == 4.0
    assert [name for name in found if told(found[name])] == ["symptom-chest-pain", "bp-confirmed"]


def test_the_worklist_says_to_seek_care():
    flag = findings(patient(), condition("c", "R07.4", onsetDateTime="2026-11-26T21:00:00Z"))[0]
    report = compose(case(patient()), [flag], [], AT)
    assert urgency(report)[1].en == "Chest pain: seek care now"
    assert urgency(report)[1].zh == "胸痛：立即就医"
    told_first = report.statements[0]
    assert (told_first.section, told_first.text.en) == ("impression", "Chest pain: seek care now.")


def test_one_short_night_among_long_ones_is_no_short_sleep():
    nights = [
        observation(f"n{day}", "93832-4", hours, "h", f"2026-11-{day}")
        for day, hours in ((20, 7.8), (21, 7.6), (22, 7.9), (23, 5.0))
    ]
    assert "sleep-short" not in said(patient(), *nights)
    assert "sleep-short" in said(patient(), *nights[3:])


def test_a_pressure_from_an_arterial_line_is_no_pressure_of_the_office():
    line = [
        observation(f"l{day}", "76215-3", 160, "mm[Hg]", f"2026-11-{day}") for day in (20, 22, 24)
    ]
    assert not said(patient(), *line)


def test_a_combination_without_metformin_is_no_metformin():
    low = observation("e", "98979-8", 25, "mL/min/{1.73_m2}")
    assert "kidney-metformin" in said(patient(), low, drug("m", code="A10BD07"))
    assert "kidney-metformin" not in said(patient(), low, drug("m", code="A10BD19"))


def test_somebody_in_china_is_told_the_chinese_source_too():
    at_home = said(patient(country="CN"), *pressures())["bp-confirmed"].reason
    assert "中国高血压防治指南（2024 年修订版）" in at_home.zh
    assert "中国高血压防治指南" not in said(patient(), *pressures())["bp-confirmed"].reason.zh
