"""Recordings on ECG paper: the right seconds, the right scale, what findings rest on."""

from __future__ import annotations

import re

import numpy as np
import pytest
from desk import Desk

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.nouns import Band, Finding, Interval, TimeInterval
from suwen.health.signals.recording import ECG, OTHER, Lead
from suwen.server.ecg.strips import HEIGHT_MM, WIDTH_MM, Mark, marks, strip, window_of

RATE = 100.0


def lead(seconds: float, high: float = 1.0, kind: str = ECG) -> Lead:
    """A tick of `high` mV each second."""
    values = np.zeros(round(seconds * RATE), dtype=np.float32)
    values[:: round(RATE)] = high
    return Lead("II", kind, RATE, "mV", values)


def points(line: str) -> np.ndarray:
    return np.array([point.split(",") for point in line.split()], dtype=float)


def test_one_millivolt_is_ten_millimetres_and_one_second_twenty_five():
    (row,) = strip(lead(10), []).rows
    drawn = points(row.lines[0])
    assert np.ptp(drawn[:, 1]) == pytest.approx(10)
    peaks = drawn[drawn[:, 1] == drawn[:, 1].min(), 0]
    np.testing.assert_allclose(np.diff(peaks), 25)


def test_a_lead_that_does_not_fit_is_drawn_smaller_and_says_so():
    assert [strip(lead(10, high), []).gain for high in (3.9, 7.9, 15.0)] == [10, 5, 2.5]
    assert strip(lead(10, kind=OTHER), []).gain == 0


def test_the_moment_asked_for_stands_in_the_first_row():
    shown = strip(lead(100), [], at=47.3)
    assert (shown.start, shown.end, len(shown.rows)) == (40, 70, 3)
    assert (window_of(100.0, 100.0), window_of(1e9, 95.0), window_of(0.0, 0.5)) == (90, 90, 0)


def test_a_mark_over_two_rows_stands_in_both_and_where_it_is():
    shown = strip(lead(60), [Mark(8.0, 12.0, "AF", "irregular")])
    first, second, third = (row.boxes for row in shown.rows)
    assert [(box.x, box.width) for box in first] == [(200, 50)]
    assert [(box.x, box.width) for box in second] == [(0, 50)]
    assert third == ()
    assert first[0].words == "AF: irregular"
    assert shown.boxes[0].x == pytest.approx(WIDTH_MM * 8 / 60, abs=0.01)


def test_lost_signal_is_a_gap_and_not_a_line():
    broken = lead(10)
    broken.values[300:500] = np.nan
    (row,) = strip(broken, []).rows
    assert [points(line)[[0, -1], 0].tolist() for line in row.lines] == [[0, 74.75], [125, 249.75]]
    gone = Lead("II", ECG, RATE, "mV", np.full(1000, np.nan, dtype=np.float32))
    assert strip(gone, []).rows[0].lines == ()


def test_a_day_is_an_overview_of_few_points_that_keeps_the_spike():
    values = np.zeros(24 * 3600 * 10, dtype=np.float32)
    values[500_000:500_400] = 1.0
    values[: len(values) // 4] = np.nan
    shown = strip(Lead("II", ECG, 10, "mV", values), [])
    drawn = np.concatenate([points(line) for line in shown.overview])
    assert len(drawn) <= 2002
    assert drawn[:, 0].min() == pytest.approx(WIDTH_MM / 4, abs=0.5)
    assert drawn[drawn[:, 1].argmin(), 0] == pytest.approx(WIDTH_MM * 500_000 / 864_000, abs=0.5)
    assert (drawn[:, 1] <= HEIGHT_MM).all()


def finding(record: str, *stretches: tuple[float, float]) -> Finding:
    return Finding(
        task="health.af",
        pack="health.af@1+0",
        code=Code(system=f"{SUWEN}/codes", code="af", name=Text(en="AF", zh="房颤")),
        band=Band.GREY,
        probability=Interval(value=0.5, low=0.4, high=0.6),
        evidence=tuple(TimeInterval(record=record, start=a, end=b) for a, b in stretches),
    )


def test_only_marks_of_this_recording_are_shown_each_once_in_order():
    found = [finding("Observation/a/_history/1", (5, 9), (1, 2)),
             finding("Observation/a/_history/1", (1, 2)),
             finding("Observation/b/_history/1", (3, 4))]  # fmt: skip
    shown = marks(found, "Observation/a/_history/1", "zh", 30.0)
    assert [(one.start, one.words) for one in shown] == [(1, "房颤"), (5, "房颤")]


def test_a_finding_on_the_whole_recording_is_named_and_colours_nothing():
    found = [finding("Observation/a/_history/1", (0, 59), (5, 9))]
    marked = marks(found, "Observation/a/_history/1", "en", 60.0)
    assert [one.whole for one in marked] == [True, False]
    assert [box.x for box in strip(lead(60), marked).rows[0].boxes] == [125]


def test_a_clinician_opens_a_recording_from_the_case(fresh):
    data = " ".join(str(k % 7) for k in range(4500))
    ecg = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "11524-6"}], "text": "II"},
        "effectiveDateTime": "2026-03-01T08:00:00+00:00",
        "valueSampledData": {
            "origin": {"value": 0, "unit": "mV", "system": "http://unitsofmeasure.org",
                       "code": "mV"},
            "period": 10, "factor": 0.1, "dimensions": 1, "data": data,
        },
    }  # fmt: skip
    fresh.access().put([ecg], fresh.patient)
    desk = Desk(fresh, "dr.lin", "zh")
    case = f"/cases/{fresh.patient}"
    assert f"{case}/strips" in desk.get(case).text
    page = desk.get(f"{case}/strips?at=31").text
    assert "0:30 至 0:45，共 0:45" in page
    assert page.count('class="paper"') == 1
    assert len(re.findall(r"<svg", page)) == 3
    assert "最新报告中没有结论指向此记录" in page
    assert "没有可读取的波形记录" not in page
    assert desk.get(f"{case}/strips?at=nan").status_code == 422
    desk.http.close()
