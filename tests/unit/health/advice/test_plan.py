"""The advice to read and as a draft CarePlan with Goals that FHIR checks accept."""

from __future__ import annotations

import json

import pytest
from tests.unit.health.advice.test_task import ROWS, TEXTS, everyone, pressures, smoker
from tests.unit.health.cases import AT, case, complete, condition, patient, record

from suwen.core.codes import ADVICE
from suwen.health.advice import examples
from suwen.health.advice.facts import Person, person_of
from suwen.health.advice.plan import as_json, as_text, bundle
from suwen.health.advice.task import advised
from suwen.health.risk.equation import library
from suwen.records.fhir import door as fhir


def advice(*records):
    return advised(TEXTS, person_of(case(*records), library()) or Person({}))


def person():
    kept = [one for one in complete() if one.id not in ("bp", "smoking")]
    allergy = record("AllergyIntolerance", "a", code={"text": "atorvastatin"})
    return [*kept, smoker(), *pressures(), condition("d", "E11.9"), allergy]


def test_the_text_says_what_is_advised_withheld_and_unknown():
    text = as_text(advice(*person()), "en")
    assert text.index("1. High blood pressure") < text.index("2. Stop smoking")
    assert "== Not advised for you\n- Statin with diabetes from 40 years: an allergy" in text
    assert "== Cannot be decided\n- Missing for advice on " in text
    assert text.rstrip().endswith("Not a medical device.")


def test_the_text_in_chinese_and_as_markdown():
    text = as_text(advice(*person()), "zh", markdown=True)
    assert text.startswith("# 指南建议（草稿）")
    assert "## 不适合您的建议" in text
    assert "Next" not in text


def test_a_red_flag_stands_above_everything():
    row = next(one for one in ROWS if one["id"] == "mu-01")
    text = as_text(advised(TEXTS, examples.person(row)), "zh")
    assert text.index("== 立即就医") < text.index("== 建议")


def test_of_nobody_nothing_is_advised():
    assert "No rule applies" in as_text(advice(patient()), "en")


def test_plain_values_hold_the_gain_and_the_source():
    found = json.loads(json.dumps(as_json(advice(*person()))))
    first = found["advice"][0]
    assert first["rule"] == "bp-confirmed"
    assert first["gain"]["kind"] == "effect of trials"
    assert first["gain"]["low"] < first["gain"]["after_percent"] < first["gain"]["high"]
    assert first["source"]["year"] == 2024
    assert found["withheld"][0]["rule"] == "lipids-diabetes"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_plan_is_a_draft_that_fhir_accepts(language):
    made = bundle(advice(*person()), "p1", AT, language)
    assert fhir.validate([made]) == [[]]
    plan, *goals = (one["resource"] for one in made["entry"])
    assert (plan["resourceType"], plan["status"], plan["intent"]) == (
        "CarePlan",
        "draft",
        "proposal",
    )
    assert {one["lifecycleStatus"] for one in goals} == {"proposed"}
    assert fhir.validate([plan, *goals]) == [[]] * (1 + len(goals))
    named = {one["reference"] for one in plan["goal"]}
    assert named == {f"Goal/{one['id']}" for one in goals}
    assert goals[0]["identifier"] == [{"system": ADVICE, "value": "bp-confirmed"}]
    assert goals[0]["target"][0]["measure"]["coding"][0]["code"] == "8480-6"
    assert "statin" in plan["note"][0]["text"].lower() or "他汀" in plan["note"][0]["text"]


def test_every_goal_and_activity_of_every_rule_is_valid():
    made = [bundle(one, "p1", AT, "en") for one in everyone()]
    assert fhir.validate(made) == [[]] * len(made)


def test_a_goal_of_the_plan_is_read_back_as_what_was_tried():
    goals = [one["resource"] for one in bundle(advice(*person()), "p1", AT, "en")["entry"][1:]]
    kept = next(one for one in goals if one["id"].startswith("smoking-quit"))
    done = record("Goal", "g", **{**kept, "achievementStatus": {"coding": [{"code": "achieved"}]}})
    assert person_of(case(*person(), done), library()).past["smoking-quit"].done == 1
