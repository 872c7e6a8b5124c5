"""What counts as an event of a stay, and as an alert that came before it, as it was declared."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.icu_events import Event, counted, events

from suwen.health.icu.stay import Series, Stay


def stay(**series: list[tuple[float, float]]) -> Stay:
    made = {key: Series(*np.array(pairs, dtype=float).T) for key, pairs in series.items()}
    return Stay(age=70.0, male=1.0, height=170.0, unit=3.0, series=made)


def pressures(*values: float, start: float = 4.0) -> list[tuple[float, float]]:
    return [(start + hour, value) for hour, value in enumerate(values)]


def test_an_hour_below_60_after_four_calm_hours_is_a_hypotension_until_65():
    found = events(stay(MAP=pressures(72, 70, 71, 69, 58, 55, 61, 66, 70)))
    assert found == [Event("hypotension", 8.0, 11.0)]


@pytest.mark.parametrize(
    "values",
    [
        (72, 70, 71, 69, 58, 61, 66, 70),  # one reading alone
        (58, 70, 71, 58, 57, 66, 70),  # low an hour or two before
        (72, 70, 58, 57, 56, 66),  # before hour 8
    ],
)
def test_what_is_short_or_not_new_or_too_early_is_none(values):
    assert events(stay(MAP=pressures(*values))) == []


def test_readings_more_than_two_hours_apart_are_no_course():
    hours = [(4, 70), (5, 70), (8, 55), (11, 55), (12, 70)]
    assert events(stay(MAP=hours)) == []


def test_ventilation_from_the_first_hours_on_is_no_event():
    assert events(stay(MechVent=[(3, 1), (9, 1)])) == []
    assert events(stay(MechVent=[(9, 1), (10, 1)])) == [Event("ventilation", 9.0, 9.0)]


def test_an_alert_is_right_within_twelve_hours_and_not_judged_during_the_event():
    known = {"a": [Event("hypotension", 20.0, 24.0)], "b": []}
    alerts = {"a": [5.0, 7.0, 9.0, 22.0, 30.0, 40.0], "b": [10.0]}
    found = counted(alerts, known, {"a": 48.0, "b": 48.0})
    assert found.alerts.tolist() == [5, 1], "not before hour 6"
    assert found.judged.tolist() == [3, 1], "not during the event, nor after hour 36"
    assert found.right.tolist() == [1, 0], "the one 11 hours before"
    assert (found.warned.sum(), found.noticed.sum()) == (1, 1)
    assert found.leads.tolist() == [11.0]


def test_an_alert_just_after_the_onset_noticed_it_but_did_not_warn():
    known = {"a": [Event("ventilation", 20.0, 20.0)]}
    found = counted({"a": [21.0]}, known, {"a": 48.0})
    assert (found.warned.sum(), found.noticed.sum(), found.right.sum()) == (0, 1, 0)
