"""The card's section on alarms."""

from __future__ import annotations

from suwen.lifecycle.card import alarms as card_alarms

SHARE = {"value": 0.9, "low": 0.8, "high": 0.95}


def test_a_row_an_alarm_with_its_floor_and_intervals():
    row = {
        "level": {"en": "low", "zh": "低"},
        "way": "pack",
        "events": 12,
        "sensitivity": SHARE,
        "false_a_day": {"value": 1.5, "low": 1, "high": 2},
        "lead_minutes": None,
    }
    text = "\n".join(card_alarms.lines({"ahead": 30, "people": 7, "rows": [row]}))
    assert "7 people answered 30" in text
    assert "| low · 低 | pack | 12 | 0.90 [0.80, 0.95] | 1.50 [1.00, 2.00] | – |" in text


def test_a_task_without_alarms_has_no_section():
    assert not list(card_alarms.lines({}))
