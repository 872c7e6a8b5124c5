"""The course of a stay on a grid: what each step holds, and what is carried on."""

from __future__ import annotations

import numpy as np
import pytest

from suwen.health.icu import course as icu_course
from suwen.health.icu import stay as icu


def stay(**series):
    made = {key: icu.Series(*np.array(pairs, dtype=float).T) for key, pairs in series.items()}
    return icu.Stay(age=81, male=1, height=float("nan"), unit=3, series=made)


def channel(found, key, part):
    """The steps of one variable: its mean, its lowest, how often, or how long ago."""
    keys = list(icu.variables())
    if part == "lowest":
        return found[:, len(keys) + icu_course.LOWEST.index(key)]
    first = {"mean": 0, "often": icu_course.values(), "since": icu_course.values() + len(keys)}
    return found[:, first[part] + keys.index(key)]


def test_a_step_holds_the_mean_and_the_lowest_and_later_steps_carry_them_on():
    found = icu_course.course_of(stay(HR=[(5, 80), (7, 100), (20, 60)]))
    mean, lowest = channel(found, "HR", "mean"), channel(found, "HR", "lowest")
    assert np.isnan(mean[0])
    assert mean[1:5].tolist() == [90, 90, 90, 90]
    assert lowest[1:5].tolist() == [80, 80, 80, 80]
    assert mean[5:].tolist() == [60] * 7


def test_urine_is_summed_over_a_step():
    found = icu_course.course_of(stay(Urine=[(1, 50), (2, 70), (46, 30)]))
    assert channel(found, "Urine", "mean")[[0, -1]].tolist() == [120, 30]


def test_how_often_and_how_long_ago_are_told():
    found = icu_course.course_of(stay(K=[(9, 4.0), (10, 4.2)]))
    often, since = channel(found, "K", "often"), channel(found, "K", "since")
    assert often[2] == pytest.approx(np.log(3))
    assert often.sum() == pytest.approx(np.log(3))
    assert since[:5] == pytest.approx([1, 1, 0, 1 / 12, 2 / 12])
    assert channel(found, "Na", "since").tolist() == [1] * 12


def test_the_last_minute_of_the_window_is_in_the_last_step():
    found = icu_course.course_of(stay(Temp=[(48, 37.5)]))
    assert channel(found, "Temp", "mean")[-1] == pytest.approx(37.5)


def test_who_is_unknown_is_in_the_middle():
    found = dict(zip(icu_course.PERSON, icu_course.person_of(stay()).tolist(), strict=True))
    assert found["age"] == pytest.approx(1.0)
    assert (found["height"], found["height unknown"]) == (0, 1)
    assert [found[f"unit {k}"] for k in range(1, 5)] == [0, 0, 1, 0]
    unknown = icu.Stay(np.nan, np.nan, np.nan, np.nan, {})
    assert icu_course.person_of(unknown).tolist() == [0, 0.5, 0, 1, 0, 0, 0, 0]


def test_every_channel_is_explained_with_the_group_of_its_variable():
    groups = list(icu.groups())
    found = icu_course.channel_groups()
    assert len(found) == icu_course.course_of(stay()).shape[1]
    for part in ("mean", "often", "since"):
        own = channel(found[None], "Urine", part)
        assert groups[int(own[0])] == "kidney"
    assert groups[int(channel(found[None], "GCS", "lowest")[0])] == "consciousness"
    assert len(icu_course.person_groups()) == len(icu_course.PERSON)
