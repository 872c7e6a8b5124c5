"""NEWS2 and qSOFA of a Case: which values make a set, ranges, bands, and when an answer expires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.codes import LOINC, NEWS2, SUWEN
from suwen.core.nouns import Band, Case, Record
from suwen.health.early_warning import task as early_warning
from suwen.health.early_warning import vital_set
from suwen.lifecycle import packs

TASK = early_warning.EarlyWarning()
NOW = datetime(2026, 4, 2, 9, 0, tzinfo=UTC)
CODES = {
    "respiratory_rate": ("9279-1", "/min"),
    "spo2": ("59408-5", "%"),
    "oxygen_flow": ("3151-8", "L/min"),
    "systolic": ("8480-6", "mm[Hg]"),
    "pulse": ("8867-4", "/min"),
    "temperature": ("8310-5", "Cel"),
    "glasgow": ("9269-2", "{score}"),
}
WELL = {
    **{"respiratory_rate": 14, "spo2": 98, "oxygen_flow": 0, "systolic": 124, "pulse": 70},
    **{"temperature": 36.8, "glasgow": 15},
}
ILL = WELL | {"respiratory_rate": 26, "spo2": 92, "oxygen_flow": 4, "systolic": 96, "glasgow": 13}


def record(resource, number, **content):
    return Record(
        reference=f"{resource}/{number}/_history/1", content={"resourceType": resource, **content}
    )


def observation(name, value, minutes=0, **more):
    code, unit = CODES[name]
    return record(
        "Observation",
        f"{name}-{minutes}",
        status="final",
        code={"coding": [{"system": LOINC, "code": code}]},
        effectiveDateTime=(NOW - timedelta(minutes=minutes)).isoformat(),
        valueQuantity={"value": value, "code": unit},
        **more,
    )


def case_of(values, *records, born="1960-01-01"):
    person = record("Patient", "p", **({"birthDate": born} if born else {}))
    vitals = [observation(name, value) for name, value in values.items()]
    return Case("p", NOW, (person, *vitals, *records), lambda digest: b"")


@pytest.fixture(scope="module")
def pack():
    return packs.current(early_warning.EARLY_WARNING)


def said(pack, case):
    (sample,) = TASK.samples(case, [])
    (finding,) = TASK.findings(pack, sample, TASK.predict(pack, sample))
    return finding


def scores(finding):
    return {one.code.code: one.interval.value for one in finding.measures}


def test_a_well_person_scores_nothing_and_is_seen_again_in_half_a_day(pack):
    finding = said(pack, case_of(WELL))
    assert scores(finding) == {NEWS2.code: 0, "qsofa": 0}
    assert finding.band is Band.RULE_OUT
    assert finding.valid_until == NOW + timedelta(hours=12)


def test_an_ill_person_is_told_with_the_points_and_for_a_short_time(pack):
    finding = said(pack, case_of(ILL))
    # 3 for the rate, 2 for the saturation, 2 for oxygen, 2 for the pressure, 3 for consciousness
    assert scores(finding) == {NEWS2.code: 12, "qsofa": 3}
    assert finding.band is Band.RULE_IN
    assert "qSOFA is positive" in finding.reason.en
    assert finding.valid_until == NOW + timedelta(minutes=15)
    assert finding.code.name.en == "NEWS2 (clinical risk high)"
    assert finding.evidence[0].note.en == "Respiratory rate 26 /min: 3 points"
    assert finding.evidence[0].note.zh.endswith("：3 分")


def test_a_partial_set_gives_a_range_and_names_what_is_missing(pack):
    few = {name: WELL[name] for name in ("respiratory_rate", "spo2", "oxygen_flow", "pulse")}
    finding = said(pack, case_of(few))
    assert scores(finding) == {"news2-least": 0, "news2-most": 9}
    assert finding.code.name.zh == "NEWS2（临床风险低至高）"
    assert finding.band is Band.GREY, "what is missing could make it high"
    assert "Not measured: systolic blood pressure, consciousness, temperature." in finding.reason.en
    assert "未测量：收缩压、意识状态、体温。" in finding.reason.zh


def test_a_partial_set_that_is_high_whatever_is_missing_is_high(pack):
    few = {name: ILL[name] for name in ("respiratory_rate", "spo2", "oxygen_flow")}
    finding = said(pack, case_of(few))
    assert scores(finding)["news2-least"] == 7
    assert finding.band is Band.RULE_IN


def test_only_what_was_measured_together_makes_a_set(pack):
    old = [observation("temperature", 39.5, minutes=31), observation("glasgow", 15, minutes=29)]
    values = {k: v for k, v in WELL.items() if k not in ("temperature", "glasgow")}
    finding = said(pack, case_of(values, *old))
    assert "Not measured: temperature." in finding.reason.en


def test_the_newest_value_of_a_set_counts(pack):
    earlier = observation("pulse", 140, minutes=20)
    assert scores(said(pack, case_of(WELL, earlier)))[NEWS2.code] == 0


def test_values_after_the_moment_of_the_case_are_not_used(pack):
    later = observation("pulse", 140, minutes=-5)
    assert scores(said(pack, case_of(WELL, later)))[NEWS2.code] == 0


def test_retracted_and_impossible_values_are_not_used(pack):
    wrong = observation("pulse", 140)
    wrong.content["status"] = "entered-in-error"
    typed = observation("temperature", 368, minutes=1)
    assert scores(said(pack, case_of(WELL, wrong, typed)))[NEWS2.code] == 0


def test_fahrenheit_and_kilopascal_are_understood(pack):
    values = {k: v for k, v in WELL.items() if k not in ("temperature", "systolic")}
    warm, pressure = observation("temperature", 98.2), observation("systolic", 16.5)
    warm.content["valueQuantity"]["code"] = "[degF]"
    pressure.content["valueQuantity"]["code"] = "kPa"
    assert scores(said(pack, case_of(values, warm, pressure)))[NEWS2.code] == 0


@pytest.mark.parametrize(
    ("state", "points"), [("alert", 0), ("new confusion", 3), ("清醒", 0), ("对疼痛有反应", 3)]
)
def test_the_level_of_consciousness_is_read_in_words(pack, state, points):
    values = {k: v for k, v in WELL.items() if k != "glasgow"}
    told = record(
        "Observation",
        "acvpu",
        status="final",
        code={"coding": [{"system": LOINC, "code": "67775-7"}]},
        effectiveDateTime=NOW.isoformat(),
        valueCodeableConcept={"text": state},
    )
    assert scores(said(pack, case_of(values, told)))[NEWS2.code] == points


def test_scale_2_is_used_only_where_a_record_says_so(pack):
    values = WELL | {"spo2": 90}
    assert scores(said(pack, case_of(values)))[NEWS2.code] == 3
    code = {"coding": [{"system": f"{SUWEN}/codes", "code": "news2-spo2-scale-2"}]}
    flag = record("Flag", "f", status="active", code=code)
    finding = said(pack, case_of(values, flag))
    assert scores(finding)[NEWS2.code] == 0
    assert "SpO2 scale 2" in finding.reason.en
    ended = record("Flag", "f", status="inactive", code=code)
    assert scores(said(pack, case_of(values, ended)))[NEWS2.code] == 3


@pytest.mark.parametrize(("born", "words"), [("2015-05-05", "age is 10"), ("", "not recorded")])
def test_children_and_people_of_unknown_age_get_no_score(pack, born, words):
    finding = said(pack, case_of(ILL, born=born))
    assert finding.band is Band.ABSTAIN
    assert words in finding.reason.en


def test_without_a_set_of_vital_signs_nothing_is_asked():
    assert TASK.samples(case_of({}), []) == []
    assert TASK.samples(case_of({"pulse": 70, "temperature": 36.5}), []) == []


def test_a_set_on_which_no_answer_can_stand_any_more_is_not_scored():
    case = case_of({}, *(observation(name, value, minutes=721) for name, value in WELL.items()))
    assert TASK.samples(case, []) == []


def test_every_record_that_decides_is_an_input():
    case = case_of(ILL)
    (sample,) = TASK.samples(case, [])
    assert set(sample.inputs) == {one.reference for one in case.records}


def test_a_set_is_read_from_what_was_measured_together():
    found = vital_set.newest_set(case_of(ILL))
    assert found.at == NOW
    assert found.age == 66
    assert found.for_qsofa == (26, 96, 13)


def test_98_6_claimed_as_celsius_is_as_missing_with_its_reason_and_the_reading_cited(pack):
    finding = said(pack, case_of(WELL | {"temperature": 98.6}))
    assert scores(finding) == {"news2-least": 0, "news2-most": 3, "qsofa": 0}
    assert (
        "Not counted: Temperature 98.6 °C looks like °F, not °C as claimed; nothing was converted."
        in finding.reason.en
    )
    assert "未计入：体温 98.6 °C 疑为 °F，而非所标注的 °C：未作换算。" in finding.reason.zh
    assert "Not measured" not in finding.reason.en
    cited = [one for one in finding.evidence if one.record.startswith("Observation/temperature")]
    assert cited[0].note.en.startswith("Not counted: Temperature 98.6 °C")


def test_an_earlier_value_of_the_set_counts_and_the_newer_one_that_cannot_be_is_told(pack):
    earlier = observation("temperature", 38.4, minutes=10)
    finding = said(pack, case_of(WELL | {"temperature": 98.6}, earlier))
    assert scores(finding)[NEWS2.code] == 1
    assert "98.6 °C looks like °F" in finding.reason.en


def test_a_typing_error_corrected_within_the_set_is_not_told(pack):
    typed = observation("temperature", 368, minutes=1)
    assert "Not counted" not in said(pack, case_of(WELL, typed)).reason.en


def test_with_too_little_that_can_be_true_nothing_is_scored_and_why_is_said(pack):
    finding = said(
        pack, case_of({"temperature": 98.6, "spo2": 0.97, "pulse": 900, "systolic": 120})
    )
    assert finding.band is Band.ABSTAIN
    assert finding.reason.en.startswith("1 of 7 vital signs can be counted; at least 3 are needed.")
    assert "Oxygen saturation 0.97% looks like 1 (a share), not % as claimed" in finding.reason.en
    assert "Heart rate 900 /min is outside 15 to 350 /min" in finding.reason.en
    assert len({one.record for one in finding.evidence}) == 4
    assert finding.valid_until == NOW + timedelta(minutes=15), "asked again soon"


def test_a_set_of_too_few_values_that_all_can_be_true_is_no_set(pack):
    assert TASK.samples(case_of({"pulse": 80, "systolic": 120}), []) == []


def steps(minutes, count=90):
    return record(
        "Observation",
        f"steps-{minutes}",
        status="final",
        code={"coding": [{"system": LOINC, "code": "55423-8"}]},
        effectiveDateTime=(NOW - timedelta(minutes=minutes)).isoformat(),
        valueQuantity={"value": count, "code": "{steps}"},
    )


def test_a_pulse_taken_while_walking_does_not_count_and_a_temperature_does(pack):
    case = case_of(WELL | {"pulse": 134, "temperature": 38.4}, steps(minutes=0.5))
    finding = said(pack, case)
    assert "Heart rate 134 /min was taken in movement" in finding.reason.en
    assert "心率 134 /min 在运动中测得" in finding.reason.zh
    assert scores(finding)["news2-least"] == 1, "of the temperature alone"
    (sample,) = TASK.samples(case, [])
    assert "Observation/steps-0.5/_history/1" in sample.inputs, "what a replay needs"


def test_a_few_steps_and_a_walk_long_ago_are_no_movement(pack):
    case = case_of(WELL, steps(minutes=0.5, count=3), steps(minutes=20))
    assert scores(said(pack, case))[NEWS2.code] == 0


def test_a_saturation_that_hangs_for_hours_does_not_count(pack):
    hung = [observation("spo2", 98, minutes=k) for k in range(1, 200)]
    case = case_of(WELL, *hung)
    finding = said(pack, case)
    assert "has been the very same for too long: the sensor may hang" in finding.reason.en
    assert scores(finding)["news2-most"] == 3
    (sample,) = TASK.samples(case, [])
    read = tuple(one for one in case.records if one.reference in sample.inputs)
    assert said(pack, Case("p", NOW, read, case.blob)) == finding, "its inputs alone tell the same"


def test_a_state_from_the_stream_stands_with_the_observation(pack):
    told = observation(
        "spo2", 97, extension=[{"url": f"{SUWEN}/reading-state", "valueCode": "stuck"}]
    )
    values = {name: value for name, value in WELL.items() if name != "spo2"}
    assert (
        "Oxygen saturation 97% has been the very same"
        in said(pack, case_of(values, told)).reason.en
    )
