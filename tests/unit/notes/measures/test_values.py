"""Values, times and medication expressions, read as a clinician reads them."""

import pytest

from suwen.notes.facts import medication
from suwen.notes.measures import times, units, values


def read(text, language="en"):
    return [
        (v.test, v.comparator, v.canonical, v.canonical_high, v.canonical_unit)
        for v in values.find(text, language)
    ]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("glucose 180.2 mg/dL", "血糖10.0mmol/L"),
        ("creatinine 1.0 mg/dL", "肌酐88.4μmol/L"),
        ("total cholesterol 193.3 mg/dL", "总胆固醇5.0mmol/L"),
        ("BUN 28.0 mg/dL", "尿素氮10.0mmol/L"),
        ("total bilirubin 1.0 mg/dL", "总胆红素17.1μmol/L"),
        ("hemoglobin 12.0 g/dL", "血红蛋白120g/L"),
        ("uric acid 7.06 mg/dL", "尿酸420μmol/L"),
        ("calcium 10.0 mg/dL", "血钙2.495mmol/L"),
        ("triglycerides 88.5 mg/dL", "甘油三酯1.0mmol/L"),
        ("weight 132.3 lb", "体重120斤"),
        ("temperature 101.3 F", "体温38.5℃"),
        ("WBC 12.3 K/uL", "白细胞12.3×10^9/L"),
        ("WBC 12,300 /mm3", "白细胞12.3*10^9/L"),
        ("HbA1c 53 mmol/mol", "糖化血红蛋白7.0%"),
        ("height 5'9\"", "身高175.3cm"),
    ],
)
def test_one_value_in_two_unit_systems_is_the_same(english, chinese):
    (a,), (b,) = read(english), read(chinese, "zh")
    assert a[0] == b[0]
    assert a[4] == b[4]
    assert a[2] == pytest.approx(b[2], rel=0.005)


def test_haemoglobin_in_mmol_is_a_mass_again():
    (value,) = read("haemoglobin 8.0 mmol/L")
    assert value[2] == pytest.approx(128.9, abs=0.1)


def test_blood_pressure_is_two_values_also_in_kilopascal_and_without_its_name():
    assert [v[:3] for v in read("BP 142/88 mmHg")] == [
        ("systolic", "", 142.0), ("diastolic", "", 88.0),
    ]  # fmt: skip
    high, low = read("血压16/10.7kPa", "zh")
    assert high[2] == pytest.approx(120.0, abs=0.1)
    assert low[2] == pytest.approx(80.3, abs=0.1)
    assert len(read("measured 150/90 mmHg today")) == 2


def test_comparators_and_ranges_are_kept():
    assert read("troponin I <0.04 ng/mL")[0][1] == "<"
    assert read("C反应蛋白大于200mg/L", "zh")[0][1:3] == (">", 200.0)
    assert read("heart rate 60-70 bpm")[0][2:4] == (60.0, 70.0)


def test_an_implausible_value_is_flagged_and_not_changed():
    (value,) = values.find("potassium 42 mmol/L", "en")
    assert value.canonical == 42.0
    assert value.flags == ("implausible",)


def test_a_missing_unit_is_assumed_by_language_and_said_so():
    (english,) = values.find("glucose of 180", "en")
    (chinese,) = values.find("血糖10.0", "zh")
    assert english.canonical == pytest.approx(chinese.canonical, rel=0.001)
    assert english.flags == chinese.flags == ("unit-assumed",)


def test_the_original_is_kept_beside_the_canonical_value():
    text = "Creatinine was noted to be 1.8 mg/dL."
    (value,) = values.find(text, "en")
    assert (value.value, value.unit) == (1.8, "mg/dL")
    assert value.name.of(text) == "Creatinine"
    assert value.number.of(text) == "1.8 mg/dL"
    assert value.code.code == "14682-9"


@pytest.mark.parametrize(
    "text",
    ["Vitamin B12 given.", "T12 fracture", "C3-C4 disc", "P 0.05", "He is 60 years old.",
     "HR department", "stage T2 disease", "weight 70"],
)  # fmt: skip
def test_what_is_no_value_is_left_alone(text):
    assert read(text) == []


def test_lone_letters_are_vital_signs_beside_others():
    found = read("T 36.8℃，P 80次/分，R 18次/分，BP 120/80mmHg", "zh")
    assert [v[0] for v in found] == [
        "temperature", "heart_rate", "respiratory_rate", "systolic", "diastolic",
    ]  # fmt: skip


def test_every_unit_of_the_tests_is_known_and_every_loinc_number_has_its_check_digit():
    for test in units.tests().values():
        assert units.unit_of(test.unit) is not None, test.key
        for loinc in filter(None, (test.loinc, test.mass)):
            number, _, check = loinc.partition("-")
            digits = [int(d) * (2 - n % 2) for n, d in enumerate(reversed(number))]
            total = sum(d // 10 + d % 10 for d in digits)
            assert (10 - total % 10) % 10 == int(check), test.key


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("since March 3, 2021", "en", [("date", "2021-03-03")]),
        ("on 04/12/2019", "en", [("date", "2019-04-12")]),
        ("2019年3月5日", "zh", [("date", "2019-03-05")]),
        ("3月5日入院", "zh", [("date", "--03-05")]),
        ("for three days", "en", [("duration", "P3D")]),
        ("2 weeks ago", "en", [("ago", "P2W")]),
        ("反复咳嗽十余年", "zh", [("duration", "P10Y")]),
        ("半年前", "zh", [("ago", "P6M")]),
        ("3小时", "zh", [("duration", "PT3H")]),
        ("13/45/2019", "en", []),
        ("65-year-old man", "en", []),
        ("每日三次", "zh", []),
    ],
)
def test_dates_and_durations(text, language, wanted):
    assert [(one.kind, one.value) for one in times.find(text, language)] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("500 mg PO BID", ["dose 500 mg", "route oral", "frequency 2/1d"]),
        ("0.5g口服每日三次", ["dose 0.5 g", "route oral", "frequency 3/1d"]),
        ("1 g IV q8h", ["dose 1 g", "route intravenous", "frequency 1/8h"]),
        ("80万单位肌注", ["dose 800000 [IU]", "route intramuscular"]),
        ("2 tablets every other day", ["dose 2 {tablet}", "frequency 1/2d"]),
        ("隔日一次，必要时", ["frequency 1/2d", "as-needed as-needed"]),
        ("0/0 mg", []),
    ],
)
def test_doses_routes_and_frequencies(text, wanted):
    assert [f"{one.part} {one.value}" for one in medication.find(text, "en")] == wanted
