"""The page of a case's ECG recordings: drawn on its paper, the evidence of findings marked."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pytest
import scene
from desk import Desk

from suwen.core.codes import LOINC, SNOMED, Code, Text
from suwen.core.nouns import Band, Case, Finding, Interval, Record, TimeInterval
from suwen.health.sampled import sampled_data
from suwen.health.strip_drawing import Mark, rows_of
from suwen.server.strips import strip_of

RATE = 125.0


def lead(seconds):
    at = np.arange(round(seconds * RATE)) / RATE
    return np.exp(-0.5 * ((at % 0.8 - 0.4) / 0.015) ** 2)


def observation(seconds):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "11524-6"}], "text": "I"},
        "effectiveDateTime": "2026-03-01T08:00:00+00:00",
        "valueSampledData": sampled_data(lead(seconds), 1 / RATE, "mV"),
    }


def finding(start, end):
    name = Text(en="Atrial fibrillation on ECG", zh="心电图示心房颤动")
    note = Text(en="9 beats, 400 to 900 ms apart", zh="9 次心搏")
    return Finding(
        task="health.af",
        pack="health.af@1+0",
        code=Code(system=SNOMED, code="164889003", name=name),
        band=Band.RULE_IN,
        probability=Interval(value=0.9, low=0.8, high=0.95),
        evidence=(
            TimeInterval(record="Observation/e/_history/1", start=start, end=end, note=note),
        ),
    )


def case_of(seconds):
    record = Record(reference="Observation/e/_history/1", content=observation(seconds))
    return Case("p", datetime(2026, 3, 1, 9, tzinfo=UTC), (record,), lambda digest: b"")


def test_a_minute_is_six_rows_and_a_row_is_250_millimetres_wide():
    rows, gain = rows_of(lead(60), RATE)
    assert len(rows) == 6
    assert gain == 10
    assert 'viewBox="0 0 250 39"' in rows[0]


def test_no_spike_is_lost_however_many_samples_there_are():
    values = np.zeros(100_000)
    values[70_001] = 1.0
    rows, _ = rows_of(values, 10_000.0)
    heights = [float(y) for y in re.findall(r"[\d.]+,([\d.]+)", rows[0])]
    assert min(heights) == pytest.approx(22 - 10, abs=0.01)
    assert len(heights) < 2100


def test_a_gap_breaks_the_curve_and_a_high_strip_is_drawn_at_half_gain():
    values = lead(10)
    values[300:600] = np.nan
    assert rows_of(values, RATE)[0][0].count("<polyline") == 2
    assert rows_of(3 * np.sin(np.arange(1250) / 9), RATE)[1] == 5


def test_words_of_a_mark_are_never_markup():
    mark = Mark(1, 2, "<script>")
    assert "<script>" not in rows_of(lead(10), RATE, [mark])[0][0]


def test_evidence_is_marked_where_it_lies_and_told_in_the_language_of_the_reader():
    found = strip_of(case_of(90), [finding(62.0, 68.0)], "e", 60.0, "zh")
    assert found.marked == [("心电图示心房颤动", "62.0–68.0 s", "9 次心搏")]
    assert 'x="50.00"' in found.rows[0]
    assert 'width="150.00"' in found.rows[0]
    assert found.before == 0
    assert found.after is None
    assert not strip_of(case_of(90), [finding(62.0, 68.0)], "e", 0.0, "en").marked


def test_the_page_draws_a_recording_and_another_case_says_that_there_is_none(clinic):
    access = clinic.access()
    patient = scene.admit(clinic, "Zhou, Lan", number="E-1")
    subject = {"subject": {"reference": f"Patient/{patient}"}}
    access.put([{**observation(30), **subject}], patient)
    for language, word in (("en", "Signal quality"), ("zh", "信号质量")):
        desk = Desk(clinic, "dr.lin", language)
        text = desk.get(f"/cases/{patient}/strips").text
        assert text.count('<svg class="strip"') == 3
        assert word in text
        empty = desk.get(f"/cases/{clinic.patient}/strips")
        assert empty.status_code == 200
        assert "<svg class=" not in empty.text
        assert desk.get(f"/cases/{patient}/strips/none").status_code == 404
        desk.http.close()
