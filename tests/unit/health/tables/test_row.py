"""Rows of tables: what is believed, what is missing, what a Case tells of each column."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.health.cases import case, observation, patient
from tests.unit.health.table_cases import before_angiography, kind

from suwen.core.codes import LOINC
from suwen.health.icu.stay import variables
from suwen.health.risk.equation import Quantity
from suwen.health.tables import diabetes_data, heart_disease_data, survival_data
from suwen.health.tables.case import row_of, value_of
from suwen.health.tables.changes import left_out, misread
from suwen.health.tables.task import hiding
from suwen.lifecycle.examples import Sample
from suwen.records.fhir.codes import well_formed

HEART = heart_disease_data.columns()
TABLES = (HEART, diabetes_data.columns(), survival_data.columns())


def values(row):
    return dict(zip(HEART.keys, row.values.tolist(), strict=True))


@pytest.mark.parametrize("columns", TABLES)
def test_every_column_has_a_group_and_names_in_both_languages(columns):
    assert len(set(columns.keys)) == len(columns)
    assert set(columns.group_of.tolist()) == set(range(len(columns.groups)))
    for one in columns.all:
        assert one.name.en
        assert one.name.zh
        assert one.low < one.high


def test_a_cholesterol_of_0_is_none_and_is_told():
    row = HEART.row({"total_cholesterol": 0.0, "age": 60.0, "male": 1.0})
    assert np.isnan(values(row)["total_cholesterol"])
    assert row.unused == ((HEART.keys.index("total_cholesterol"), 0.0),)
    assert (row.age, row.male, row.known) == (60.0, 1.0, 2)


def test_a_case_fills_columns_in_their_units_and_kinds_by_their_codes():
    found = values(row_of(before_angiography(), HEART))
    assert found["total_cholesterol"] == pytest.approx(6.6 * 38.67)
    assert found["fasting_glucose_high"] == 1
    assert found["chest_pain"] == 4
    assert found["thallium_scan"] == 7
    assert found["exercise_angina"] == 1
    assert found["vessels_on_fluoroscopy"] == 2
    assert found["age"] == 65


def test_the_newest_value_counts_and_an_old_one_not_at_all():
    newer = observation("new", "8480-6", 120, "mm[Hg]", when="2026-11-10")
    assert values(row_of(before_angiography(newer=newer), HEART))["resting_pressure"] == 120
    old = before_angiography(pressure=observation("bp", "8480-6", 145, "mmHg", when="2025-11-01"))
    assert np.isnan(values(row_of(old, HEART))["resting_pressure"])


@pytest.mark.parametrize(
    ("key", "told", "expected"),
    [
        ("fasting_glucose_high", Quantity(120, "mg/dL"), 0.0),
        ("fasting_glucose_high", Quantity(6.7, "mmol/L"), 1.0),
        ("exercise_angina", "373067005", 0.0),
        ("exercise_angina", True, 1.0),
        ("exercise_angina", "perhaps", None),
        ("chest_pain", "toothache", None),
        ("chest_pain", True, None),
        ("resting_pressure", Quantity(16, "kPa"), 120.0099),
        ("resting_pressure", Quantity(16, "stone"), None),
    ],
)
def test_what_is_told_is_read_or_left(key, told, expected):
    column = HEART.all[HEART.keys.index(key)]
    assert value_of(column, told) == (expected if expected is None else pytest.approx(expected))


def test_a_kind_that_does_not_exist_is_told_as_its_number():
    row = HEART.row({"chest_pain": 9.0})
    ((k, value),) = row.unused
    assert HEART.all[k].said(value).en == "9"
    assert HEART.all[k].said(4).en == "none"


def test_degrees_fahrenheit_become_celsius():
    columns = survival_data.columns()
    column = columns.all[columns.keys.index("temperature")]
    assert value_of(column, Quantity(98.6, "[degF]")) == pytest.approx(37)


def test_consciousness_is_coarse_as_in_the_data():
    columns = survival_data.columns()
    column = columns.all[columns.keys.index("consciousness")]
    found = [value_of(column, Quantity(score, "1")) for score in (3, 8, 9, 14, 15)]
    assert found == [0, 0, 1, 1, 2]
    assert column.said(0).zh.startswith("昏迷")


def test_changes_hide_values_or_move_numbers_within_their_limits():
    row = row_of(before_angiography(), HEART)
    sample = Sample("a", row)
    gone = left_out(HEART, ("age",)).apply(sample, 1.0, 1).data
    assert gone.known == 1
    moved = misread(HEART).apply(sample, 0.3, 1).data
    assert moved.known == row.known
    changed = [k for k in range(len(HEART)) if moved.values[k] != row.values[k]]
    assert changed
    assert all(HEART.all[k].counted and HEART.all[k].believed(moved.values[k]) for k in changed)


def test_hidden_copies_stand_below_the_rows():
    rows, labels = hiding(np.ones((50, 4)), np.arange(50), 0.5, 3)
    assert rows.shape == (100, 4)
    assert np.isfinite(rows[:50]).all()
    assert 0.3 < np.isnan(rows[50:]).mean() < 0.7
    assert labels[7] == labels[57]


def test_a_person_without_a_record_is_unknown():
    row = row_of(case(patient(born="", sex="unknown"), kind("p", "chest-pain", "none")), HEART)
    assert np.isnan(row.age)
    assert np.isnan(row.male)
    assert row.records == ("",) * len(HEART)


@pytest.mark.parametrize("columns", TABLES)
def test_every_code_of_a_column_has_its_check_digit(columns):
    codes = [code for one in columns.all for code in one.codes]
    assert codes
    assert all(well_formed(LOINC, code) for code in [*codes, *variables()["FiO2"].codes])
