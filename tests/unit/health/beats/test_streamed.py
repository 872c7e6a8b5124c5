"""What a device streams becomes recordings: joined by time, gaps as gaps, kept as it was."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from suwen.core.nouns import Case, Record
from suwen.core.streams import Channel, Stretch, ticks
from suwen.health.beats.events import Read
from suwen.health.beats.streamed import (
    LONGEST,
    Run,
    document,
    evenly,
    is_wave,
    joined,
    kept_as,
    lead_of,
    run_named,
    runs_of,
)
from suwen.health.signals.recording import recordings
from suwen.health.signals.tables import BeatTable
from suwen.records.streams.sample_reading import Piece

SECOND = 1_000_000
MORNING = ticks(datetime(2026, 3, 1, 6, 0, tzinfo=UTC))
II = Channel("131330", "mV", "strap-1")
PLETH = Channel("150452", "1", "strap-1")


def piece(start: float, seconds: float, hz: float = 250.0, step: int = 0) -> Piece:
    first = MORNING + round(start * SECOND)
    return Piece(first, first + round(seconds * SECOND), round(seconds * hz) + 1, step)


def never(channel: Channel, piece: Piece) -> np.ndarray:
    raise AssertionError("a piece without a pause was opened")


def spans(found: list[Run]) -> list[tuple[float, float]]:
    return [((one.first - MORNING) / SECOND, (one.last - MORNING) / SECOND) for one in found]


def stretch(start: float, values: np.ndarray, hz: float = 250.0, channel: Channel = II) -> Stretch:
    at = MORNING + round(start * SECOND) + np.rint(np.arange(len(values)) * SECOND / hz)
    return Stretch(channel, at.astype(np.int64), np.asarray(values, dtype=float))


def test_short_pauses_stay_in_a_recording_and_a_long_one_ends_it():
    pieces = {II: [piece(0, 60), piece(64, 60), piece(424, 60), piece(785, 5)]}
    assert spans(runs_of(pieces, never)) == [(0, 484), (785, 790)]


def test_leads_of_one_device_are_one_recording_and_devices_are_apart():
    other = II._replace(device="strap-2")
    pieces = {II: [piece(0, 60)], PLETH: [piece(30, 60, 125)], other: [piece(10, 60)]}
    found = runs_of(pieces, never)
    assert [one.device for one in found] == ["strap-1", "strap-2"]
    assert spans(found) == [(0, 90), (10, 70)]


def test_a_pause_inside_a_merged_piece_is_found():
    at = np.concatenate([stretch(0, np.zeros(2500)).at, stretch(3600, np.zeros(2500)).at])
    merged = Piece(int(at[0]), int(at[-1]), len(at), 0)
    found = runs_of({II: [merged]}, lambda channel, piece: at)
    assert spans(found) == [(0, 9.996), (3600, 3609.996)]


def test_thinned_means_and_single_values_are_no_recording():
    slow = np.arange(20, dtype=np.int64) * 30 * SECOND + MORNING
    assert runs_of({II: [piece(0, 60, step=60 * SECOND)]}, never) == []
    single = Piece(int(slow[0]), int(slow[-1]), 20, 0)
    assert runs_of({II: [single]}, lambda channel, piece: slow) == []
    assert not is_wave(Channel("131330", "/min", "x"))
    assert not is_wave(Channel("8867-4", "/min", "x"))
    assert is_wave(PLETH)


def test_what_goes_on_for_days_is_cut_after_a_day():
    found = runs_of({II: [piece(0, 3600 * k, 250) for k in (20,)] + [piece(72000, 72000)]}, never)
    assert [round(one.seconds) for one in found] == [LONGEST, 144_000 - LONGEST]
    assert found[1].first == found[0].last + 1


def test_a_lead_has_gaps_where_nothing_came_and_none_where_chunks_meet():
    values = np.sin(np.arange(2500) / 20)
    parts = [stretch(0, values), stretch(10.004, values), stretch(30, values)]
    run = Run(MORNING, int(parts[-1].at[-1]), "strap-1")
    lead = lead_of(run, II, parts)
    assert lead is not None
    assert (lead.name, lead.unit, lead.rate) == ("II", "mV", pytest.approx(250))
    gone = np.flatnonzero(np.isnan(lead.values)) / 250
    assert (gone.min(), gone.max()) == pytest.approx((20.004, 29.996), abs=0.01)
    assert lead.seconds == pytest.approx(40, abs=0.01)


def test_a_lead_that_begins_later_stands_where_it_was_and_in_millivolts():
    run = Run(MORNING, MORNING + 20 * SECOND, "strap-1")
    lead = lead_of(run, II._replace(unit="uV"), [stretch(5, np.full(2500, 700.0))])
    assert lead is not None
    assert np.isnan(lead.values[: 5 * 250]).all()
    assert lead.values[5 * 250 : 15 * 250] == pytest.approx(0.7)
    assert np.isnan(lead.values[15 * 250 :]).all()
    slow = np.arange(10, dtype=np.int64) * SECOND + MORNING
    assert lead_of(run, II, [Stretch(II, slow, np.zeros(10))]) is None


def test_what_was_read_before_stands_and_only_what_is_new_is_read():
    values = np.sin(np.arange(5000) / 20)
    short, whole = (Run(MORNING, MORNING + round(s * SECOND) - 4000, "strap-1") for s in (10, 20))
    first = lead_of(short, II, [stretch(0, values[:2500])])
    assert first is not None
    until = MORNING + 10 * SECOND - 4000
    longer = lead_of(whole, II, [stretch(10, values[2500:])], (first, until))
    again = lead_of(whole, II, [stretch(0, values)])
    assert longer is not None
    assert again is not None
    np.testing.assert_allclose(longer.values, again.values, atol=1e-6)
    assert not np.isnan(longer.values).any()


def test_samples_at_even_distances_leave_holes_open():
    at = np.array([0, 4000, 16_000]) + MORNING
    found = evenly(at, np.array([1.0, 2.0, 3.0]), MORNING, 4000.0)
    np.testing.assert_array_equal(found, [1, 2, np.nan, np.nan, 3])


def test_a_reference_names_a_run_and_nothing_else_does():
    run = Run(MORNING, MORNING + SECOND, "omh/watch")
    assert run_named(run.reference) == run
    for wrong in ("stream/a/b", "stream//1-2", "stream/a/2-1", "stream/a/1-x", "Patient/1",
                  "stream/a/1-²", "stream/a/1-" + "9" * 18):  # fmt: skip
        assert run_named(wrong) is None, wrong


def test_what_is_kept_is_read_back_to_the_microvolt_with_its_time_and_gaps():
    values = np.sin(np.arange(5000) / 20).astype(np.float32)
    values[1000:1500] = np.nan
    run = Run(MORNING + 1234, MORNING + 20 * SECOND, "strap-1")
    lead = lead_of(run, II, [stretch(0.001234, values)])
    assert lead is not None
    resource, blobs = document("p", run, [lead])
    again, _ = document("p", run, [lead])
    assert resource == again, "kept twice it is the same record"
    record = Record(reference="DocumentReference/x/_history/1", content=resource)
    urls = [one["attachment"]["url"] for one in resource["content"]]
    contents = {url: data for url, (data, _) in zip(urls, blobs, strict=True)}
    case = Case(patient="p", at=datetime.now(UTC), records=(record,),
                blob=lambda digest: contents[f"blob/{digest}"])  # fmt: skip
    (found,) = recordings(case)
    assert found.start == run.start
    assert found.leads[0].kind == "ecg"
    np.testing.assert_allclose(found.leads[0].values, lead.values, atol=0.0006)
    assert kept_as(record) == run


def test_what_was_told_of_a_part_stands_at_its_time_in_the_whole():
    def read(at: list[float], kinds: list[int], seconds: float) -> Read:
        beats = BeatTable(np.array(at), np.array(kinds), np.full(len(at), 0.9))
        return Read(
            seconds, beats, rejected=frozenset({("run", 1500)}) if kinds[0] else frozenset()
        )

    run = Run(MORNING, MORNING + 60 * SECOND, "strap-1")
    part = run.part(20, 30)
    whole = read([5.0, 21.0, 40.0], [0, 0, 0], 60)
    found = joined(run, whole, [(part, read([1.5, 9.0], [2, 2], 10))])
    assert found.beats.at.tolist() == [5, 21.5, 29, 40]
    assert found.beats.kind.tolist() == [0, 2, 2, 0], "what was only found counts elsewhere alone"
    assert found.rejected == {("run", 21500)}
    assert found.seconds == 60
