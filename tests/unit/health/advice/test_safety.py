"""What must never be advised to whom, and where each limit lies, in tables beside the rules."""

from __future__ import annotations

from functools import cache

import pytest
from tests.unit.health.advice.test_task import everyone

STATINS = ("lipids-cvd-statin", "lipids-very-high", "lipids-diabetes", "lipids-kidney",
           "lipids-risk-score2", "lipids-risk-pce")  # fmt: skip
LOSING_WEIGHT = ("weight-obesity", "weight-china", "weight-diabetes", "weight-risk", "prediabetes")
MOVING = ("activity-more", "activity-strength", "activity-balance", "activity-pregnancy")
ANTICOAGULATION = ("af-anticoagulation", "af-consider", "af-valve")
NEVER = {
    STATINS: ("pregnant", "breastfeeding", "statin_allergy", "rhabdomyolysis", "liver_disease"),
    STATINS[:1] + STATINS[2:]: ("dialysis_or_transplant",),
    LOSING_WEIGHT: ("pregnant", "eating_disorder", "wasting"),
    MOVING: ("chest_pain", "breathless", "neurological", "unstable_heart",
             "severe_aortic_stenosis"),
    MOVING[3:]: ("pregnancy_activity_bar",),
    ANTICOAGULATION: ("intracranial_bleeding", "bleeding_disorder"),
    ANTICOAGULATION[:2]: ("anticoagulant_allergy",),
    ("kidney-raas",): ("pregnant", "raas_allergy", "angioedema", "renal_artery",
                       "dialysis_or_transplant"),
    ("kidney-sglt2",): ("pregnant", "breastfeeding", "diabetes_type_1", "ketoacidosis",
                        "sglt2_allergy", "dialysis_or_transplant"),
    ("bp-salt-substitute",): ("kidney_disease", "raas_blocker", "potassium_sparing"),
    ("bp-elevated-risk",): ("frail", "orthostatic"),
    ("hba1c-above-goal", "hba1c-older"): ("severe_hypoglycaemia", "dementia", "frail",
                                          "hba1c_unreliable"),
    ("alcohol-pregnancy", "alcohol-liver", "alcohol-less", "alcohol-audit"): (
        "alcohol_dependence",),
    ("lipids-cvd-target",): ("ezetimibe_allergy", "pregnant"),
    ("sleep-short", "sleep-older"): ("bipolar",),
    ("smoking-lung-screening",): ("lung_cancer",),
    ("vaccine-influenza", "vaccine-influenza-us", "vaccine-influenza-china"): (
        "influenza_allergy", "guillain_barre"),
    ("vaccine-pneumococcal-us", "vaccine-pneumococcal-china"): ("pneumococcal_allergy",),
    ("vaccine-zoster-us",): ("zoster_allergy", "pregnant"),
    ("vaccine-tetanus-us",): ("tetanus_allergy",),
    ("lipids-lifestyle",): ("pregnant", "wasting", "eating_disorder"),
    ("lipids-triglycerides", *ANTICOAGULATION): ("pregnant",),
    ("diabetes-kidney-test", "kidney-confirm"): ("dialysis_or_transplant",),
    ("vaccine-rsv-us",): ("rsv_allergy",),
}  # fmt: skip
"""Rules, and facts of which each one alone forbids them."""
SAID_TO_THE_DYING = {"kidney-potassium-high", "kidney-metformin", "bp-very-high", "bp-pregnancy",
    "bp-again", "bp-elevated", "glucose-low", "glucose-high", "smoking-quit-pregnancy",
    "alcohol-pregnancy", "alcohol-liver", "alcohol-less", "alcohol-audit", "alcohol-dependence",
    "activity-pregnancy"}  # fmt: skip
"""Rules besides red flags that palliative care does not forbid."""
EDGES = [
    # rule, fact, the last value at which it is said, the next at which it is not
    ("bp-confirmed", "systolic_mean", 140.0, 139.9), ("bp-emergency", "systolic_now", 180, 179),
    ("bp-very-high", "systolic_now", 180, 179), ("bp-pregnancy", "systolic_now", 140, 139),
    ("bp-pregnancy-emergency", "systolic_now", 160, 159), ("bp-again", "systolic_bp", 140, 139),
    ("bp-treated-above", "systolic_mean", 130, 129.9), ("bp-elevated", "systolic_mean", 120, 119),
    ("bp-elevated-risk", "systolic_mean", 139.9, 140), ("bp-again", "bp_days", 1, 2),
    ("glucose-very-low", "glucose", 2.99, 3.0), ("glucose-low", "glucose", 3.0, 2.99),
    ("glucose-low", "glucose", 3.88, 3.89), ("glucose-extreme", "glucose", 33.31, 33.2),
    ("glucose-high", "glucose", 16.66, 16.6), ("glucose-ketones", "ketones", 1.5, 1.49),
    ("hba1c-above-goal", "hba1c", 7.0, 6.99), ("hba1c-above-goal", "age", 64, 65),
    ("hba1c-older", "hba1c", 8.0, 7.99), ("diabetes-confirm", "hba1c", 6.5, 6.49),
    ("prediabetes", "hba1c", 5.7, 5.69), ("prediabetes", "bmi", 25, 24.9),
    ("lipids-very-high", "ldl", 4.9, 4.89), ("lipids-very-high", "age", 75, 76),
    ("lipids-diabetes", "age", 40, 39), ("lipids-diabetes", "age", 75, 76),
    ("lipids-kidney", "age", 50, 49), ("lipids-kidney", "egfr", 59.9, 60),
    ("lipids-cvd-target", "ldl", 1.4, 1.39), ("lipids-lifestyle", "ldl", 3.0, 2.99),
    ("lipids-lifestyle", "ldl", 4.89, 4.9), ("lipids-triglycerides", "triglycerides", 5.65, 5.6),
    ("lipids-risk-score2", "score2_risk", 10, 9.9), ("lipids-risk-pce", "pce_risk", 7.5, 7.4),
    ("lipids-risk-pce", "ldl", 1.8, 1.79), ("kidney-potassium-severe", "potassium", 6.5, 6.49),
    ("kidney-potassium-high", "potassium", 6.0, 5.99), ("kidney-confirm", "egfr", 59.9, 60),
    ("kidney-refer", "egfr", 29.9, 30), ("kidney-metformin", "egfr", 29.9, 30),
    ("kidney-raas", "uacr", 300, 299), ("kidney-sglt2", "egfr", 20, 19.9),
    ("kidney-nsaid", "age", 18, 17), ("af-anticoagulation", "cha2ds2_va", 2, 1),
    ("af-consider", "cha2ds2_va", 1, 0), ("smoking-lung-screening", "pack_years", 20, 19),
    ("smoking-lung-screening", "age", 50, 49), ("smoking-lung-screening", "age", 80, 81),
    ("alcohol-less", "alcohol", 100.1, 100), ("weight-obesity", "bmi", 30, 29.9),
    ("weight-china", "bmi", 28, 27.9), ("weight-diabetes", "bmi", 25, 24.9),
    ("weight-low", "bmi", 18.4, 18.5), ("activity-more", "activity", 149, 150),
    ("activity-strength", "strength_days", 1, 2), ("activity-balance", "balance_days", 2, 3),
    ("activity-balance", "age", 65, 64), ("sleep-short", "sleep", 6.9, 7),
    ("sleep-short", "age", 60, 61), ("sleep-older", "sleep", 4.9, 5),
    ("sleep-older", "age", 65, 64), ("vaccine-influenza", "influenza_days", 301, 300),
    ("vaccine-pneumococcal-us", "age", 50, 49), ("vaccine-pneumococcal-china", "age", 60, 59),
    ("vaccine-rsv-us", "age", 75, 74), ("vaccine-tetanus-us", "tetanus_days", 3653, 3652),
    ("smoking-quit", "age", 18, 17),
]  # fmt: skip


PREGNANT, DIABETES, CKD = {"pregnant": True}, {"diabetes": True}, {"kidney_disease": True}
WHOLE = [
    # rule, facts besides an adult of 50 of whom nothing else is known, one fact inside and outside
    ("bp-emergency", {"systolic_now": 150, "chest_pain": True}, "diastolic_now", 110, 109),
    ("bp-pregnancy-emergency", {**PREGNANT, "systolic_now": 130}, "diastolic_now", 110, 109),
    ("bp-pregnancy", {**PREGNANT, "systolic_now": 130}, "diastolic_now", 90, 89),
    ("bp-pregnancy", {**PREGNANT, "diastolic_mean": 70}, "systolic_mean", 140, 139),
    ("bp-pregnancy", {**PREGNANT, "systolic_mean": 120}, "diastolic_mean", 90, 89),
    ("bp-very-high", {"systolic_now": 150}, "diastolic_now", 110, 109),
    ("bp-treated-above", {"bp_treated": True, "systolic_mean": 120}, "diastolic_mean", 80, 79),
    ("bp-again", {"bp_days": 1, "systolic_bp": 120}, "diastolic_bp", 90, 89),
    ("bp-elevated-risk", {**DIABETES, "diastolic_mean": 70}, "systolic_mean", 130, 129),
    ("bp-elevated-risk", {**DIABETES, "systolic_mean": 120}, "diastolic_mean", 80, 79),
    ("bp-elevated-risk", {**DIABETES, "systolic_mean": 120}, "diastolic_mean", 89, 90),
    ("bp-elevated-risk", {"systolic_mean": 135, "diastolic_mean": 70}, "score2_risk", 10, 9.9),
    ("bp-elevated", {"systolic_mean": 110}, "diastolic_mean", 70, 69),
    ("bp-elevated", {"diastolic_mean": 75}, "systolic_mean", 139, 140),
    ("bp-elevated", {"systolic_mean": 125}, "diastolic_mean", 89, 90),
    ("bp-salt", {"systolic_mean": 110}, "diastolic_mean", 80, 79),
    ("bp-salt-substitute", {"hypertension": True}, "potassium", 5.0, 5.1),
    ("glucose-ketones", {"ketones": 1.6}, "glucose", 16.66, 16.6),
    ("glucose-ketones", {**DIABETES, "glucose": 8}, "ketones", 3.0, 2.9),
    ("glucose-ketones", {**DIABETES, "vomiting": True}, "glucose", 16.66, 16.6),
    ("glucose-high", DIABETES, "glucose", 33.2, 33.31),
    ("hba1c-older", {**DIABETES, "hba1c": 8.5}, "age", 65, 64),
    ("diabetes-confirm", {}, "fasting_glucose", 7.0, 6.95),
    ("prediabetes", {"bmi": 27}, "hba1c", 6.4, 6.5),
    ("prediabetes", {"bmi": 27}, "fasting_glucose", 5.56, 5.5),
    ("prediabetes", {"bmi": 27}, "fasting_glucose", 6.95, 7.0),
    ("lipids-very-high", {"ldl": 5.5}, "age", 20, 19),
    ("lipids-risk-score2", {"ldl": 3, "age": 49}, "score2_risk", 7.5, 7.4),
    ("lipids-risk-score2", {"ldl": 3, "score2_risk": 8}, "age", 49, 50),
    ("lipids-risk-score2", {"ldl": 3, "score2_risk": 12}, "age", 69, 70),
    ("lipids-risk-score2", {"score2_risk": 12}, "ldl", 1.8, 1.79),
    ("lipids-risk-pce", {"ldl": 3, "pce_risk": 9}, "age", 40, 39),
    ("lipids-risk-pce", {"ldl": 3, "pce_risk": 9}, "age", 75, 76),
    ("lipids-risk-pce", {"pce_risk": 9}, "ldl", 4.89, 4.9),
    ("kidney-confirm", {}, "egfr", 30, 29.9),
    ("kidney-confirm", {"egfr": 80}, "uacr", 30, 29),
    ("kidney-raas", {**DIABETES, **CKD}, "uacr", 30, 29),
    ("kidney-raas", {**CKD, "uacr": 400}, "potassium", 5.5, 5.6),
    ("kidney-sglt2", {**CKD, "egfr": 50}, "uacr", 200, 199),
    ("kidney-nsaid", {"nsaid": True}, "egfr", 59.9, 60),
    ("weight-obesity", {"bmi": 33}, "age", 18, 17),
    ("weight-risk", {"hypertension": True}, "bmi", 29.9, 30),
    ("weight-risk", {"hypertension": True}, "bmi", 25, 24.9),
    ("weight-risk", {"bmi": 27}, "ldl", 3.4, 3.39),
    ("weight-risk", {"bmi": 27}, "systolic_mean", 130, 129),
    ("alcohol-audit", {"sex": "male"}, "audit_c", 4, 3),
    ("alcohol-audit", {"sex": "female"}, "audit_c", 3, 2),
    ("vaccine-influenza", {"vaccination_record": True}, "age", 65, 64),
    ("vaccine-influenza-china", {"vaccination_record": True, "in_china": True}, "age", 60, 59),
    ("vaccine-zoster-us", {"vaccination_record": True, "in_usa": True}, "age", 50, 49),
]


@cache
def people():
    """The facts of every vignette with what is said of them, and the rules."""
    found = everyone()
    return [(one.known.facts, {each.rule.id for each in one.ranked}) for one in found], found[
        0
    ].book


def told(rule):
    """The facts of somebody to whom a rule is said."""
    return next(facts for facts, said in people()[0] if rule in said)


def judged(facts):
    found = people()[1].judge(facts)
    return {one.rule.id for one in found.said}, {one.rule.id for one in found.suppressed}


@pytest.mark.parametrize(
    ("rule", "flag"),
    [(rule, flag) for rules, flags in NEVER.items() for rule in rules for flag in flags],
)
def test_what_forbids_a_rule_forbids_it_alone(rule, flag):
    said, withheld = judged({**told(rule), flag: True})
    assert rule not in said
    # A rule for people without a disease is not in question any more where it is there.
    assert rule in withheld or people()[1].rules[rule].when.get(flag) is False


def test_palliative_care_leaves_red_flags_and_safety_only():
    book = people()[1]
    for rule in book.rules.values():
        said, _ = judged({**told(rule.id), "palliative": True})
        kept = rule.urgency == "now" or rule.id in SAID_TO_THE_DYING
        assert (rule.id in said) is kept, rule.id


@pytest.mark.parametrize(("rule", "fact", "inside", "outside"), EDGES)
def test_where_a_limit_lies(rule, fact, inside, outside):
    facts = {**told(rule)}
    if fact.startswith("systolic"):  # One pressure is enough: the other decides nothing here.
        facts = {
            name: 65.0 if name.startswith("diastolic") else value for name, value in facts.items()
        }
    assert rule in judged({**facts, fact: float(inside)})[0]
    assert rule not in judged({**facts, fact: float(outside)})[0]


@pytest.mark.parametrize(("rule", "facts", "fact", "inside", "outside"), WHOLE)
def test_where_a_limit_lies_for_somebody_of_whom_little_is_known(
    rule, facts, fact, inside, outside
):
    nobody = {name: value for name, value in people()[0][0][0].items() if value is False}
    known = {**nobody, "age": 50.0, **facts}
    assert rule in judged({**known, fact: float(inside)})[0]
    assert rule not in judged({**known, fact: float(outside)})[0]
