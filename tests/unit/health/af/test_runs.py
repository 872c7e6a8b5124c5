"""Fibrillation in long recordings: where it is, and that its early beats are no ectopy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.unit.health.strips import RATE, ecg, irregular, regular

from suwen.core.codes import LOINC, Text
from suwen.core.nouns import Band, Case, Finding, Interval, Record, TimeInterval
from suwen.health.af import runs as af_runs
from suwen.health.af import task as af
from suwen.health.af.features import Trace
from suwen.health.beats import named as ecg_beats_named
from suwen.health.beats import task as ecg_beats
from suwen.health.risk import fibrillation as af_fact
from suwen.health.signals.sampled import sampled_data
from suwen.health.signals.tables import BEATS, STRETCHES, attached, read_beats, read_stretches
from suwen.lifecycle import packs

RECORD = "Observation/e/_history/1"
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def joined(*parts):
    return np.concatenate(parts)


SINUS = ecg(regular(120, 68))[: round(120 * RATE)]
FIBRILLATION = ecg(irregular(150), p_wave=False, f_wave=0.05)[: round(150 * RATE)]
LONG = joined(SINUS, FIBRILLATION, SINUS)


def case_of(values):
    content = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "11524-6"}], "text": "I"},
        "effectiveDateTime": AT.isoformat(),
        "valueSampledData": sampled_data(values, 1 / RATE, "mV"),
    }
    return Case("p", AT, (Record(reference=RECORD, content=content),), lambda digest: b"")


@pytest.fixture(scope="module")
def told():
    """What is said of sinus rhythm with two and a half minutes of fibrillation in the middle."""
    task, pack = af.AtrialFibrillation(), packs.current(af.AF)
    (sample,) = task.samples(case_of(LONG), [])
    return task.findings(pack, sample, task.predict(pack, sample))


def test_fibrillation_in_the_middle_is_found_though_the_newest_part_is_regular(told):
    newest, runs = told
    assert newest.code != af.FIBRILLATION
    assert runs.code == af.FIBRILLATION
    assert runs.band is Band.RULE_IN
    (stretch,) = read_stretches(attached(runs, STRETCHES).data)
    assert stretch.start == pytest.approx(120, abs=30)
    assert stretch.end == pytest.approx(270, abs=30)
    (place,) = runs.evidence
    assert (place.start, place.end) == (stretch.start, stretch.end)
    measured = {one.code.code: one.interval.value for one in runs.measures}
    assert measured["af-episodes"] == 1
    assert measured["af-burden"] == pytest.approx(100 * stretch.seconds / 390, abs=1)
    assert "atrial fibrillation once" in runs.reason.en
    assert "心房颤动 1 阵" in runs.reason.zh


def test_a_regular_recording_has_no_runs_and_nothing_of_it_is_asked():
    whole = Trace.of(joined(SINUS, SINUS), RATE)
    assert af_runs.runs(whole, lambda strips: pytest.fail("asked")) is None
    assert af_runs.runs(replace(whole, rate=40.0), lambda strips: []) is None


def chance(value):
    return Interval(value=value, low=value - 0.1, high=min(1.0, value + 0.1))


def test_one_strip_alone_is_possible_and_no_more():
    whole = Trace.of(LONG, RATE)

    def asked(strips):
        return [chance(0.7), *[None] * (len(strips) - 1)]

    found = af_runs.runs(whole, asked)
    newest = Finding(task=af.AF, pack="health.af@1+0", code=af.SINUS, band=Band.ABSTAIN,
                     reason=Text(en="x", zh="x"))  # fmt: skip
    said = af_runs.finding(newest, RECORD, whole.seconds, found, af.FIBRILLATION)
    assert said.band is Band.GREY
    assert "single strip" in said.reason.en
    assert af_runs.fibrillating([said], RECORD) == (), "one strip leaves no beat out"


def test_one_recording_is_one_fact_and_a_single_strip_is_none(told):
    _, runs = told
    newest = runs.model_copy(update={"measures": (), "attachments": ()})
    assert af_fact.seen_once([newest, runs]) == [runs]
    single = runs.model_copy(update={"band": Band.GREY})
    assert af_fact.seen_once([single]) == []
    grey = newest.model_copy(update={"band": Band.GREY})
    assert af_fact.seen_once([grey]) == [grey], "a strip by itself is a suspicion"


def test_of_very_many_strips_some_answer_for_their_neighbours(monkeypatch):
    monkeypatch.setattr(af_runs, "MOST_ASKED", 2)
    asked = []

    def answers(strips):
        asked.append(len(strips))
        return [chance(0.8)] * len(strips)

    found = af_runs.runs(Trace.of(LONG, RATE), answers)
    assert asked == [2]
    assert sum(one.seconds for one in found.stretches) >= 120


def test_where_it_fibrillates_is_read_from_the_table_or_from_the_places(told):
    _, runs = told
    (span,) = af_runs.fibrillating(told, RECORD)
    assert af.fibrillates(LONG, RATE) == (span,)
    assert span == (runs.evidence[0].start, runs.evidence[0].end)
    assert af_runs.fibrillating(told, "Observation/other/_history/1") == ()
    strip = runs.model_copy(
        update={
            "attachments": (),
            "evidence": (
                TimeInterval(record=RECORD, start=4, end=12),
                TimeInterval(record=RECORD, start=0, end=30),
            ),
        }
    )
    assert af_runs.fibrillating([strip], RECORD) == ((0, 30),)
    grey = strip.model_copy(update={"band": Band.GREY})
    assert af_runs.fibrillating([grey], RECORD) == ()


def test_early_beats_of_fibrillation_are_not_counted_and_wide_ones_are(told):
    task, pack = ecg_beats.EcgBeats(), packs.current(ecg_beats.ECG_BEATS)
    case = case_of(LONG)
    (alone,), (after,) = task.samples(case, []), task.samples(case, told)
    assert after.data.fibrillating == af_runs.fibrillating(told, RECORD)
    count = len(after.data)
    inside = ecg_beats_named.in_fibrillation(after.data)
    assert 100 < inside.sum() < count
    scores = np.tile([1.0, 3.0, 0.0, -2.0], (2, count, 1))
    scores[:, ::10] = [0.0, 0.0, 3.0, -2.0]
    named = ecg_beats_named.merged(scores, after.data).argmax(-1)[0]
    assert (named[inside] == np.where(scores[0, inside].argmax(1) == 2, 2, 0)).all()
    assert (named[~inside] == scores[0, ~inside].argmax(1)).all()
    assert ecg_beats_named.merged(scores, alone.data) is scores
    one = after.data.only(int(np.flatnonzero(inside)[0]))
    assert one.fibrillating == after.data.fibrillating
    assert after.data.only(0).fibrillating == ()
    said = task.findings(pack, after, task.predict(pack, after))[0]
    assert "early beats there are not counted as supraventricular" in said.reason.en
    assert "不计为室上性异位" in said.reason.zh
    assert "irregular throughout" not in said.reason.en
    table = read_beats(attached(said, BEATS).data)
    assert len(table) == count
    assert not (table.kind[inside] == 1).any()
