"""How alarms are counted: an event found, needless alarms, minutes before."""

from __future__ import annotations

import numpy as np

from suwen.health.glucose import alarms

MINUTES = 5.0 * np.arange(288)


def flags(*stretches):
    found = np.zeros(len(MINUTES), dtype=bool)
    for first, last in stretches:
        found[first:last] = True
    return found


def test_an_event_lasts_15_minutes_and_begins_anew_after_half_an_hour():
    beyond = flags((50, 60), (62, 70), (100, 101), (150, 160))
    assert list(alarms.events(MINUTES, beyond)) == [250.0, 750.0]


def test_an_alarm_in_the_hour_before_finds_an_event_and_leads_by_its_minutes():
    found = alarms.counted(MINUTES, flags((50, 60)), flags((44, 55)))
    assert (found.events, found.found, found.false, found.lead) == (1, 1, 0, 30)


def test_an_alarm_at_the_event_itself_finds_nothing():
    found = alarms.counted(MINUTES, flags((50, 60)), flags((50, 60)))
    assert (found.found, found.false) == (0, 0)


def test_alarms_without_an_event_are_false_once_in_half_an_hour():
    found = alarms.counted(MINUTES, flags((200, 210)), flags((20, 24), (60, 61)))
    assert (found.found, found.false, found.days) == (0, 2, 1)


def test_where_nothing_happened_there_is_no_sensitivity():
    found = alarms._shares([alarms.Count(0, 0, 1, 2, 0), alarms.Count(0, 0, 0, 2, 0)])
    assert found["sensitivity"] is None
    assert found["lead_minutes"] is None
    assert found["false_a_day"]["value"] == 0.25
