"""What people say of single events is kept as it was said, and stands in what is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.health.beats.test_events import read

from suwen.core.errors import BadInput
from suwen.core.nouns import Act, Record
from suwen.health.beats.reviews import (
    Judged,
    Review,
    corrected,
    counts,
    judged,
    of_event,
    resource_of,
    review_of,
)
from suwen.health.signals.tables import Stretch

RECORDING = "DocumentReference/a/_history/1"
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
FIRST = Review(RECORDING, "v", 3.0, 3.0, Act.EDITED, "dr.lin", AT, "N", "aberrant")


def stored(one, version=1):
    content = resource_of(one, "p")
    return Record(reference=f"Basic/{one.given_id}/_history/{version}", content=content)


def standing(*reviews):
    return {one.given_id: Judged(one, 1) for one in reviews}


def test_a_judgement_comes_back_as_it_was_given():
    assert review_of(stored(FIRST)) == FIRST
    assert review_of(Record(reference="Basic/x/_history/1", content={})) is None
    broken = resource_of(FIRST, "p")
    broken["extension"][0]["extension"].pop(1)
    with pytest.raises(BadInput, match="incomplete"):
        review_of(Record(reference="Basic/x/_history/1", content=broken))


def test_only_judgements_of_the_recording_count_each_in_its_version():
    other = replace(FIRST, record="DocumentReference/b/_history/1")
    found = judged([stored(FIRST, 3), stored(other)], RECORDING)
    assert {key: one.version for key, one in found.items()} == {FIRST.given_id: 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "x"},
        {"verdict": Act.SIGNED},
        {"letter": ""},
        {"letter": "X"},
        {"kind": "af"},
        {"verdict": Act.ACCEPTED},
        {"reason": "x" * 501},
    ],
)
def test_what_means_nothing_is_refused(wrong):
    with pytest.raises(BadInput):
        replace(FIRST, **wrong)


def test_a_beat_called_normal_is_counted_no_more_and_ends_its_run():
    told = read("NNVVVN")
    assert len(told.events("run")) == 1
    own = corrected(told, standing(replace(FIRST, start=4.0, end=4.0)))
    assert [one.start for one in own.events("v")] == [3, 5]
    assert own.events("run") == []
    assert told.events("run"), "what was told stays as it was"
    early = corrected(told, standing(replace(FIRST, start=4.0, end=4.0, letter="S")))
    assert [one.start for one in early.events("s")] == [4]


def test_a_confirmed_beat_stays_and_a_rejected_one_is_normal():
    told = read("NNVN")
    right = replace(FIRST, verdict=Act.ACCEPTED, letter="", reason="")
    assert corrected(told, standing(right)).events("v") == told.events("v")
    assert corrected(told, standing(replace(right, verdict=Act.REJECTED))).events("v") == []
    elsewhere = replace(FIRST, start=3.5, end=3.5)
    assert corrected(told, standing(elsewhere)).events("v") == told.events("v")


def test_a_rejected_pause_or_fibrillation_is_not_there():
    told = read("NNNN", b2=3.0, fibrillation=(Stretch(0, 2, 0.8),))
    (pause,), (run,) = told.events("pause"), told.events("af")
    whole = replace(FIRST, verdict=Act.REJECTED, letter="")
    no_pause = replace(whole, kind="pause", start=pause.start, end=pause.end)
    no_run = replace(whole, kind="af", start=run.start, end=run.end)
    own = corrected(told, standing(no_pause, no_run))
    assert own.events("pause") == own.events("af") == []
    assert of_event(standing(no_pause), RECORDING, pause).review == no_pause
    assert of_event(standing(no_pause), RECORDING, run) is None


def test_confirmed_and_rejected_are_counted_by_kind():
    right = replace(FIRST, verdict=Act.ACCEPTED, letter="", start=9.0)
    assert counts([FIRST, right]) == {"v": (1, 1)}
