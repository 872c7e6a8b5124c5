"""Cohorts: nobody stands alone, as little as possible is lost, and the report tells the truth."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from suwen.core.errors import BadInput
from suwen.privacy.cohort.made import Goal, anonymise, certainty_penalty
from suwen.privacy.cohort.mondrian import anonymise_locally

QUASI = {"age": "age", "zip": "zip", "seen": "date", "sex": "category"}


def people(n: int, seed: int = 0) -> list[dict[str, str]]:
    draw = np.random.default_rng(seed)
    return [
        {
            "id": f"S-{i}",
            "age": str(draw.integers(20, 95)),
            "zip": f"021{draw.integers(10, 40)}",
            "seen": f"20{draw.integers(18, 22)}-0{draw.integers(1, 10)}-{draw.integers(10, 29)}",
            "sex": draw.choice(["female", "male"]),
            "diagnosis": draw.choice(["asthma", "diabetes", "gout"]),
        }
        for i in range(n)
    ]


def smallest(rows: list[dict[str, str]]) -> int:
    return min(Counter(tuple(row[name] for name in QUASI) for row in rows).values())


def test_five_hundred_unique_patients_become_classes_of_at_least_five() -> None:
    cohort = anonymise(people(500), QUASI, Goal(k=5))
    assert smallest(cohort.rows) >= 5
    assert cohort.report["k"] == smallest(cohort.rows)
    assert cohort.report["k_before"] == 1
    assert cohort.report["suppressed"] <= 25
    assert len(cohort.rows) + cohort.report["suppressed"] == 500


def test_each_class_has_two_diagnoses_when_two_are_asked_for() -> None:
    cohort = anonymise(people(400), QUASI, Goal(k=5, sensitive=("diagnosis",), diversity=2))
    values: dict[tuple[str, ...], set[str]] = {}
    for row in cohort.rows:
        values.setdefault(tuple(row[name] for name in QUASI), set()).add(row["diagnosis"])
    assert min(map(len, values.values())) >= 2
    assert cohort.report["l"] == {"diagnosis": min(map(len, values.values()))}


def test_nothing_is_lost_where_everybody_is_alike_already() -> None:
    rows = [{"age": "50", "zip": "02115", "seen": "2020-01-01", "sex": "male"}] * 9
    cohort = anonymise(rows, QUASI, Goal(k=5))
    assert cohort.rows == rows
    assert cohort.report["suppressed"] == 0


def test_an_age_of_93_is_never_told_from_one_of_97() -> None:
    rows = [{"age": str(age)} for age in [91, 92, 93, 94, 97, 98] + [30] * 6]
    cohort = anonymise(rows, {"age": "age"}, Goal(k=5))
    assert {row["age"] for row in cohort.rows} == {"90+", "30"}


def test_four_patients_cannot_be_five_alike() -> None:
    with pytest.raises(BadInput, match="cannot reach k = 5"):
        anonymise(people(4), QUASI, Goal(k=5))


def test_a_goal_or_column_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadInput):
        Goal(k=1)
    with pytest.raises(BadInput, match="column"):
        anonymise(people(9), {"height": "category"})


def test_a_value_costs_the_share_of_others_it_cannot_be_told_from() -> None:
    ages = ["30", "31", "40", "41", "50"]
    assert certainty_penalty(ages, ages) == 0
    assert certainty_penalty(ages, ["*"] * 5) == 1
    assert certainty_penalty(ages, ["30-39", "30-39", "40-49", "40-49", None]) == pytest.approx(0.4)


def test_the_report_says_what_was_lost_and_which_rows_are_missing() -> None:
    rows = [{"age": str(age)} for age in [30] * 6 + [31] * 6 + [77]]
    report = anonymise(rows, {"age": "age"}, Goal(k=5, suppressed=0.1)).report
    assert report["suppressed_rows"] == [13]
    assert report["generalisation"] == {"age": "year of age"}
    assert report["loss"] == {"age": pytest.approx(1 / 13, abs=1e-4)}


def test_ranges_of_each_class_lose_less_and_still_hide_everyone() -> None:
    goal = Goal(k=5, sensitive=("diagnosis",), diversity=2)
    bands, ranges = (how(people(400), QUASI, goal) for how in (anonymise, anonymise_locally))
    assert smallest(ranges.rows) >= 5
    assert ranges.report["suppressed"] == 0
    assert ranges.report["l"]["diagnosis"] >= 2
    assert ranges.report["loss_of_all"] < bands.report["loss_of_all"]


def test_ranges_never_tell_93_from_97() -> None:
    rows = [{"age": str(age)} for age in [91, 92, 93, 94, 97, 98] + [30] * 6]
    cohort = anonymise_locally(rows, {"age": "age"}, Goal(k=5))
    assert {row["age"] for row in cohort.rows} == {"90+", "30"}
    with pytest.raises(BadInput, match="cannot reach k = 5"):
        anonymise_locally(rows[:4], {"age": "age"}, Goal(k=5))
