"""Stays in intensive care: read from the data set and from a Case, and the numbers of a stay."""

from __future__ import annotations

import lzma
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from suwen.core.codes import LOINC
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Case, Record
from suwen.health.icu import case as icu_case
from suwen.health.icu import data as icu_data
from suwen.health.icu import stay as icu
from suwen.lifecycle.data import DataFolders

ADMITTED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ROWS = """RecordID,Time,Parameter,Value
7,00:00,RecordID,7
7,00:00,Age,70
7,00:00,Gender,1
7,00:00,Height,-1
7,00:00,ICUType,3
7,00:00,Weight,80
7,00:30,HR,100
7,10:00,NISysABP,120
7,30:00,SysABP,90
7,40:00,HR,60
7,41:00,pH,735
7,42:00,Temp,98.6
7,43:00,Urine,200
7,44:00,Mystery,1
7,45:00,HR,4000
8,00:00,Age,-1
8,00:00,Gender,0
8,01:00,HR,80
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / icu_data.FOLDER
    made.mkdir(parents=True)
    (made / "set-a.csv.xz").write_bytes(lzma.compress(ROWS.encode()))
    (made / "Outcomes-a.csv").write_text(
        "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n7,20,8,9,-1,1\n8,,,3,-1,0\n"
    )
    return DataFolders((tmp_path,))


def test_the_data_set_is_read_with_its_slips_mended(folder):
    examples = icu_data.examples(folder)
    stay = examples.load(0).data
    assert list(examples.labels) == [1, 0]
    assert (stay.age, stay.male, stay.unit) == (70, 1, 3)
    assert np.isnan(stay.height)
    assert stay.series["pH"].values.tolist() == [7.35]
    assert stay.series["Temp"].values[0] == pytest.approx(37.0)
    assert stay.series["HR"].values.tolist() == [100, 60], "a rate of 4000 is left out"
    assert stay.series["SysABP"].values.tolist() == [120, 90], "cuff and catheter are one series"
    assert stay.reach == pytest.approx(43.0)
    assert examples.floors["SAPS-I"].tolist() == [20, -1]
    assert examples.columns["age"].tolist()[0] == "70 and more"


def test_the_second_stay_without_an_age_has_none(folder):
    assert np.isnan(icu_data.examples(folder).load(1).data.age)


@pytest.mark.parametrize(
    ("outcome", "days"),
    [
        ("7,20,8,9,31,0", 22),
        ("7,20,8,9,-1,0", -1),
        ("7,20,8,9,5,1", -1),
        ("7,20,8,9,,0", -1),
    ],
    ids=["died later", "no death recorded", "died in the hospital", "not told"],
)
def test_days_lived_after_discharge_are_known_where_a_later_death_is(folder, outcome, days):
    (folder.folders[0] / icu_data.FOLDER / "Outcomes-a.csv").write_text(
        f"RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n{outcome}\n"
    )
    assert icu_data.examples(folder).columns[icu_data.AFTER].tolist() == [days]


def test_a_broken_row_is_one_clear_error(folder):
    path = folder.folders[0] / icu_data.FOLDER / "set-a.csv.xz"
    path.write_bytes(lzma.compress(b"RecordID,Time,Parameter,Value\n7,noon,HR,80\n"))
    with pytest.raises(BadInput, match="a row that is no RecordID"):
        icu_data.examples(folder)


def test_stays_without_outcomes_are_no_examples(folder):
    (folder.folders[0] / icu_data.FOLDER / "Outcomes-a.csv").unlink()
    with pytest.raises(NotFound, match="no stays with outcomes"):
        icu_data.examples(folder)


def numbers(stay):
    return dict(zip(icu.feature_names(), stay.features, strict=True))


def test_the_numbers_of_a_stay_are_what_their_names_say(folder):
    found = numbers(icu_data.examples(folder).load(0).data)
    assert found["HR n"] == 2
    assert (found["HR first"], found["HR last"], found["HR mean"]) == (100, 60, 80)
    assert found["HR late mean"] == 60, "only the second day"
    assert found["HR hours since"] == pytest.approx(8.0)
    assert found["shock index"] == pytest.approx(60 / 90)
    assert found["Urine last 12 h"] == 200
    assert found["Urine per kg and h"] == pytest.approx(200 / 80 / 48)
    assert found["K n"] == 0
    assert np.isnan(found["K last"])


def test_every_number_is_explained_with_a_group_there_is():
    assert len(icu.feature_names()) == len(set(icu.feature_names()))
    assert len(icu.feature_groups()) == len(icu.feature_names())
    assert set(icu.feature_groups().tolist()) == set(range(len(icu.groups())))


def test_a_slope_is_the_change_an_hour():
    series = icu.Series(np.array([0.0, 2.0, 4.0]), np.array([10.0, 14.0, 18.0]))
    stay = icu.Stay(50, 1, 170, 1, {"HR": series})
    assert numbers(stay)["HR slope"] == pytest.approx(2.0)


def record(resource, number, **content):
    return Record(
        reference=f"{resource}/{number}/_history/1", content={"resourceType": resource, **content}
    )


def observation(number, code, value, unit, hours):
    return record(
        "Observation",
        number,
        status="final",
        code={"coding": [{"system": LOINC, "code": code}]},
        effectiveDateTime=(ADMITTED + timedelta(hours=hours)).isoformat(),
        valueQuantity={"value": value, "code": unit},
    )


def encounter(where="Medical Intensive Care Unit (MICU)", at=ADMITTED, number="e"):
    return record(
        "Encounter",
        number,
        location=[{"location": {"display": where}, "period": {"start": at.isoformat()}}],
    )


def case_of(*records):
    person = record("Patient", "p", birthDate="1956-05-01", gender="male")
    return Case("p", ADMITTED + timedelta(hours=50), (person, *records), lambda digest: b"")


def test_a_case_gives_the_stay_in_canonical_units():
    case = case_of(
        encounter(),
        observation("1", "8867-4", 90, "/min", 1),
        observation("2", "14682-9", 177, "umol/L", 2),
        observation("3", "8310-5", 98.6, "[degF]", 3),
        observation("4", "8867-4", 70, "/min", 47),
        observation("5", "8867-4", 140, "/min", 49),
        observation("6", "8867-4", 140, "/min", -1),
        observation("7", "2823-3", 4.1, "mg/dL", 4),
        observation("8", "8302-2", 1.8, "m", 4),
    )
    stay = icu_case.stay_of(case, icu_case.admission(case))
    assert stay.series["HR"].values.tolist() == [90, 70], "only the two days after admission"
    assert stay.series["Creatinine"].values[0] == pytest.approx(2.0, abs=0.01)
    assert stay.series["Temp"].values[0] == pytest.approx(37.0)
    assert "K" not in stay.series, "potassium in mg/dL is a unit nobody knows here"
    assert [(one.variable, one.kind) for one in stay.doubts] == [("K", "wrong-unit")]
    assert (stay.age, stay.male, stay.height, stay.unit) == (69, 1, 180, 3)
    assert stay.records["HR"].startswith("Observation/4/")
    assert stay.ended == ADMITTED + timedelta(hours=48)


def test_components_of_a_panel_are_read():
    panel = record(
        "Observation",
        "bp",
        status="final",
        effectiveDateTime=(ADMITTED + timedelta(hours=5)).isoformat(),
        component=[
            {
                "code": {"coding": [{"system": LOINC, "code": code}]},
                "valueQuantity": {"value": value, "code": "mm[Hg]"},
            }
            for code, value in (("8480-6", 110), ("8462-4", 60))
        ],
    )
    case = case_of(encounter(), panel)
    stay = icu_case.stay_of(case, icu_case.admission(case))
    assert stay.series["SysABP"].values.tolist() == [110]
    assert stay.series["DiasABP"].values.tolist() == [60]


@pytest.mark.parametrize(
    ("where", "unit"),
    [
        ("MICU bed 4", 3.0),
        ("Coronary care unit", 1.0),
        ("CVICU", 2.0),
        ("Surgical Intensive Care", 4.0),
        ("外科重症监护室", 4.0),
        ("心内科监护室", 1.0),
        ("内科重症监护病房", 3.0),
    ],
)
def test_the_kind_of_unit_is_read_from_its_name(where, unit):
    assert icu_case.admission(case_of(encounter(where))).unit == unit


@pytest.mark.parametrize(
    "where", ["Ward 7", "Neonatal intensive care", "PICU", "新生儿重症监护室", "急诊科", ""]
)
def test_other_places_are_no_intensive_care_for_adults(where):
    assert icu_case.admission(case_of(encounter(where))) is None


def test_a_unit_of_unknown_kind_is_still_intensive_care():
    assert np.isnan(icu_case.admission(case_of(encounter("重症监护室"))).unit)


def test_the_latest_admission_counts():
    later = encounter("CCU", ADMITTED + timedelta(days=3), "f")
    assert icu_case.admission(case_of(later, encounter())).unit == 1.0


@pytest.mark.parametrize("time", ["2026-03-01", "2026-03-01T08:00:00", "yesterday", None])
def test_an_admission_without_a_clear_moment_is_none(time):
    at = record("Encounter", "e", type=[{"text": "ICU"}], period={"start": time})
    assert icu_case.admission(case_of(at)) is None
