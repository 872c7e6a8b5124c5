"""Cells of the ward board: the newest value that can be, and what cannot be said beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from suwen.core.codes import Text
from suwen.core.streams import Channel
from suwen.records.streams.sample_reading import Latest
from suwen.server.ward.board import Cell, Row, ScoreCell, cells, without_data

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def latest(code: str, unit: str, value: float, seconds: float, device: str = "m") -> Latest:
    at = NOW - timedelta(seconds=seconds)
    return Latest("p", Channel(code, unit, device), at, value, at, 0)


def temperature(*readings: Latest) -> Cell:
    return next(one for one in cells(readings, set(), NOW) if one.key == "temperature")


def test_a_fahrenheit_value_claimed_as_celsius_is_named_and_never_shown_as_a_temperature():
    cell = temperature(latest("8310-5", "Cel", 98.6, 5))
    assert (cell.text, cell.state) == ("", "none")
    assert cell.odd is not None
    assert cell.odd.en.startswith("98.6 °C looks like °F, not °C as claimed")
    assert cell.odd.zh.startswith("98.6 °C 疑为 °F")


def test_a_fahrenheit_value_in_fahrenheit_is_a_temperature():
    cell = temperature(latest("8310-5", "[degF]", 98.6, 5))
    assert (cell.text, cell.unit, cell.odd) == ("37.0", "°C", None)


def test_an_impossible_value_stands_beside_the_last_possible_one_of_another_device():
    cell = temperature(latest("8310-5", "Cel", 36.9, 60), latest("8310-5", "Cel", 12.0, 5, "n"))
    assert cell.text == "36.9"
    assert cell.odd is not None
    assert "no living person" in cell.odd.en


def test_an_old_impossible_value_is_forgotten_when_a_possible_one_follows():
    cell = temperature(latest("8310-5", "Cel", 36.9, 5), latest("8310-5", "Cel", 12.0, 60, "n"))
    assert (cell.text, cell.odd) == ("36.9", None)


def row(bed: str, *, rank: tuple[int, int, int] = (0, -1, 0), state: str = "fresh") -> Row:
    cell = Cell("heart_rate", state=state)
    return Row("p", "", bed, "", ScoreCell(), (cell,), (), 0, rank)


def test_who_needs_somebody_comes_first_then_the_beds_and_who_is_not_measured_last():
    rows = [row("", state="none"), row("10"), row("9"), row("B2"), row("3", rank=(0, 5, 0))]
    ordered = [one.bed for one in sorted(rows, key=Row.order)]
    assert ordered == ["3", "B2", "9", "10", ""]


def test_a_score_whose_monitor_fell_silent_is_not_current_however_long_it_is_valid():
    hours = (NOW + timedelta(hours=12)).timestamp()
    stopped = without_data(ScoreCell("1", 1, "routine", "NEWS2", hours, "current"), NOW)
    assert (stopped.state, stopped.style, stopped.until) == ("expired", "none", NOW.timestamp())
    assert without_data(ScoreCell(), NOW) == ScoreCell(), "there is no score to expire"


def test_a_value_in_an_unknown_unit_is_named_with_the_unit_it_should_have():
    cell = temperature(latest("8310-5", "K", 310, 5))
    assert cell.odd is not None
    assert cell.odd.en == "310 K is in K, where °C / °F is expected; nothing was converted"


def test_a_value_of_a_sensor_that_hangs_stands_as_doubted_with_the_reason():
    hung = latest("8310-5", "Cel", 36.9, 5)
    reason = Text(en="the sensor may hang", zh="传感器可能卡滞")
    found = cells([hung], set(), NOW, {hung.channel: reason})
    cell = next(one for one in found if one.key == "temperature")
    assert (cell.text, cell.doubted, cell.odd) == ("36.9", True, reason)
