"""Ectopic beats of a recording: which are named, what is said of them, and when nothing is."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from tests.unit.health.ecgs import ecg, rhythm, wfdb, written

from suwen.app.demo_patients.ecg import observation
from suwen.core import registry
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Band, Case, Record, digest_of
from suwen.health.beats import data as ecg_beats_data
from suwen.health.beats import fit as ecg_beats_fit
from suwen.health.beats import named as ecg_beats_named
from suwen.health.beats import task as ecg_beats
from suwen.health.signals.recording import WFDB_HEADER
from suwen.health.signals.variability import VARIABILITY
from suwen.lifecycle import packs, run
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.reasons import explain

TASK = ecg_beats.EcgBeats()
RATE, SECONDS = 250, 180


def case_of(lead, rate=RATE):
    files = wfdb(lead, rate)
    blobs = {digest_of(data): data for data in files.values()}
    parts = [
        {"attachment": {"contentType": WFDB_HEADER, "url": f"blob/{digest_of(d)}", "title": name}}
        for name, d in files.items()
    ]
    content = {"resourceType": "DocumentReference", "content": parts}
    record = Record(reference="DocumentReference/1/_history/1", content=content)
    return Case("p", datetime(2026, 1, 1, tzinfo=UTC), (record,), blobs.__getitem__)


def ectopic(kinds):
    """A rhythm in which the beats of these numbers are ectopic: early, by three tenths."""
    beats = rhythm(SECONDS, jitter=0.015)
    for k in kinds:
        beats[k] -= 0.3 if k - 1 not in kinds else 0.35
    return ecg(beats, [kinds.get(k, "N") for k in range(len(beats))], RATE, SECONDS, noise=0.02)


@pytest.fixture(scope="module")
def pack():
    return packs.current(ecg_beats.ECG_BEATS)


def said(pack, lead, rate=RATE):
    (sample,) = TASK.samples(case_of(lead, rate), [])
    return TASK.findings(pack, sample, TASK.predict(pack, sample))


def measured(finding):
    return {one.code.code: one.interval.value for one in finding.measures}


def test_wide_early_beats_are_counted_and_shown_where_they_stand(pack):
    wide = {30: "V", 90: "V", 150: "V"}
    finding, _ = said(pack, ectopic(wide))
    found = measured(finding)
    assert finding.band is Band.RULE_IN
    assert found["v"] == 3
    assert found["v-burden"] == pytest.approx(100 * 3 / found["beats"])
    times = sorted((one.start + one.end) / 2 for one in finding.evidence)
    assert times == pytest.approx([0.5 + 0.8 * (k + 1) - 0.3 for k in wide], abs=1.5)
    assert "ventricular beat" in finding.evidence[0].note.en
    assert "室性搏动" in finding.evidence[0].note.zh


def test_early_beats_with_a_usual_qrs_are_supraventricular(pack):
    finding, _ = said(pack, ectopic(dict.fromkeys((30, 60, 90, 120, 150), "S")))
    found = measured(finding)
    assert found["s"] == pytest.approx(5, abs=1)
    assert found["v"] == 0


def test_three_wide_beats_in_a_row_are_a_run_and_stand_first(pack):
    lead = ectopic({40: "V", 100: "V", 101: "V", 102: "V"})
    finding, _ = said(pack, lead)
    assert measured(finding)["v-longest-run"] == 3
    first = finding.evidence[0]
    assert "3 ventricular beats in a row" in first.note.en
    assert "1 ventricular run of 3 and more" in finding.reason.en


def test_a_regular_rhythm_has_no_ectopic_beat_and_its_variability_is_told(pack):
    finding, variability = said(pack, ectopic({}))
    assert finding.band is not Band.RULE_IN
    assert measured(finding)["v"] == measured(finding)["s"] == 0
    assert measured(finding)["8867-4"] == 75
    assert "no ectopic beat" in finding.reason.en
    assert variability.code == VARIABILITY
    assert measured(variability)["80404-7"] < 40


def test_a_pause_is_told_and_shown_first_and_excludes_nothing(pack):
    beats = rhythm(SECONDS, jitter=0.015)
    beats = np.delete(beats, range(100, 104))
    finding, _ = said(pack, ecg(beats, "N" * len(beats), RATE, SECONDS, noise=0.02))
    pause = beats[100] - beats[99]
    assert measured(finding)["longest-interval"] == pytest.approx(pause, abs=0.03)
    assert "no beat was found for 4.0 s" in finding.evidence[0].note.en
    assert "4.0 秒未检出搏动" in finding.reason.zh
    assert finding.band is not Band.RULE_OUT


def test_what_moved_the_answer_is_told_where_the_beat_stands(pack):
    finding, _ = said(pack, ectopic({30: "V"}))
    (explained,) = finding.explanations
    assert explained.method == "contributions"
    if explained.hidden_because is None:
        assert "most for it: " in finding.evidence[0].note.en


def test_noise_that_looks_like_anything_is_told_and_not_counted(pack):
    lead = ectopic({})
    noise = np.random.default_rng(0).normal(0, 1.5, 20 * RATE)
    lead[60 * RATE : 80 * RATE] += noise
    finding, _ = said(pack, lead)
    assert measured(finding)["v"] <= 1
    assert "20 s could not be read" in finding.reason.en
    assert "20 秒无法辨读" in finding.reason.zh
    assert finding.band is not Band.RULE_OUT


@pytest.mark.parametrize("kinds", [{30: "V"}, {}])
def test_contributions_add_up_from_what_is_typical_of_the_others(pack, kinds):
    (sample,) = TASK.samples(case_of(ectopic(kinds)), [])
    moved = TASK.saliency(pack, sample, "contributions")
    whole = TASK.score_of(pack, sample, TASK.input_of(pack, sample))
    nothing = TASK.score_of(pack, sample, TASK.baseline(pack, sample))
    assert moved.sum() == pytest.approx(whole - nothing)
    assert whole > max(0, nothing)
    assert explain.faithfulness(TASK, pack, sample, moved) > 0.5


def test_the_same_lead_at_another_rate_and_upside_down_gives_the_same_counts(pack):
    lead = ectopic({30: "V", 90: "V"})
    finding, _ = said(pack, lead)
    turned, _ = said(pack, -lead)
    slower, _ = said(pack, lead[::2], RATE // 2)
    assert measured(turned)["v"] == measured(slower)["v"] == measured(finding)["v"] == 2


@pytest.mark.parametrize(
    ("lead", "words"),
    [
        (np.zeros(RATE * 60), "signal missing, flat"),
        (ectopic({})[: RATE * 5], "shorter than 10 s"),
        (0.05 * np.sin(np.arange(RATE * 60) / 40), "Only 0 beats"),
    ],
)
def test_without_readable_beats_it_abstains_and_says_why(pack, lead, words):
    (finding,) = said(pack, lead)
    assert finding.band is Band.ABSTAIN
    assert words in finding.reason.en


def test_a_case_without_an_ecg_gives_no_sample():
    assert (
        TASK.samples(Case("p", datetime(2026, 1, 1, tzinfo=UTC), (), lambda digest: b""), []) == []
    )


def test_runs_of_ventricular_beats_stand_before_single_ones(pack):
    (sample,) = TASK.samples(case_of(ectopic({})), [])
    count = len(sample.data)
    chance = np.tile([0.97, 0.01, 0.01, 0.01], (count, 1))
    chance[10] = [0, 1, 0, 0]
    chance[20:24] = [0, 0, 1, 0]
    chance[50] = [0.1, 0, 0.9, 0]
    runs = ecg_beats_named.Said.of(sample.data, chance).runs()
    assert [(run.kind, len(run)) for run in runs] == [(2, 4), (2, 1), (1, 1)]
    counted = ecg_beats_named.Said.of(sample.data, chance).count(2)
    assert counted.value == 5
    assert counted.low <= 5 <= counted.high


def test_examples_are_the_beats_of_the_reference_and_how_they_were_found(tmp_path):
    beats = rhythm(330, jitter=0.015)
    kinds = ["V" if k % 50 == 25 else "A" if k % 50 == 5 else "N" for k in range(len(beats))]
    shapes = ["S" if kind == "A" else kind for kind in kinds]
    lead = ecg(beats, shapes, 360, 330)
    beats[-20] += 0.3  # the reference is wrong here: one missed, one too many
    written(tmp_path, "101", lead, np.sort(beats), kinds)
    written(tmp_path, "201", lead, np.sort(beats), kinds)
    written(tmp_path, "102", lead, np.sort(beats), kinds, "paced")
    found = ecg_beats_data.examples(DataFolders((tmp_path,)))
    assert set(found.groups) == {"mitdb-record-101"}
    assert len(found) == len(beats)
    assert np.bincount(found.labels).tolist() == [kinds.count(kind) for kind in "NAV"]
    late = int((beats >= 300).sum())
    for key in ("qrs_sensitivity", "qrs_ppv"):
        counted, of = found.ratios[key]
        assert (counted.sum(), of.sum()) == (late - 1, late), key
    assert set(found.tags["sex"]) == {"women"}
    test = ecg_beats_data.examples(DataFolders((), tmp_path))
    assert set(test.groups) == {"mitdb-record-101", "mitdb-record-201"}
    written(tmp_path, "202", lead, np.sort(beats), kinds, "DS2")
    second = ecg_beats_data.examples(DataFolders((), tmp_path))
    assert set(second.groups) == {"mitdb-record-201"}, "the person of record 201"
    assert len(second) == len(beats)
    assert len(found.load(3).data) == 1


def test_where_a_record_fibrillates_is_looked_for_once_and_not_before_a_beat_is_asked_for(
    tmp_path, monkeypatch
):
    asked = []

    def fibrillates(lead, rate):
        asked.append(len(lead) / rate)
        return ((10.0, 20.0),)

    monkeypatch.setattr(ecg_beats_data, "fibrillates", fibrillates)
    beats = rhythm(30)
    written(tmp_path, "101", ecg(beats, "N" * len(beats), 360, 30), beats, "N" * len(beats))
    found = ecg_beats_data.examples(DataFolders((tmp_path,)))
    assert asked == []
    inside = [bool(found.load(k).data.fibrillating) for k in range(len(found))]
    assert asked == [30]
    assert inside == [10 <= beat < 20 for beat in beats]


def test_a_record_that_cannot_be_read_has_one_reason(tmp_path):
    beats = rhythm(30)
    written(tmp_path, "101", np.zeros(9000), beats, "N" * len(beats))
    path = tmp_path / "vitals" / "ecg_mitdb" / "sig" / "101.d16.xz"
    path.write_bytes(b"no xz")
    with pytest.raises(BadInput, match="record 101 that cannot be read"):
        ecg_beats_data.examples(DataFolders((tmp_path,)))
    with pytest.raises(NotFound):
        TASK.examples(DataFolders((tmp_path / "nowhere",)), "ecg_mitdb")
    with pytest.raises(BadInput, match="no data set"):
        TASK.examples(DataFolders((tmp_path,)), "mitdb")


def test_each_beat_is_matched_once_with_the_nearest_detection():
    own, others = ecg_beats_data.matched(np.array([1.0, 2.0, 3.0]), np.array([0.9, 1.02, 2.1, 3.3]))
    assert own.tolist() == [0, 1]
    assert others.tolist() == [1, 2]


def test_slim_trees_answer_and_explain_like_the_whole_ones():
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5))
    options = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}
    labels = (rows[:, 0] > 0).astype(int) + (rows[:, 1] > 0.5)
    whole = lightgbm.train(options, lightgbm.Dataset(rows, labels), 10)
    text = whole.model_to_string()
    slim = lightgbm.Booster(model_str=ecg_beats_fit.slim(text))
    assert len(ecg_beats_fit.slim(text)) < 0.7 * len(text)
    for how in ({"raw_score": True}, {"pred_contrib": True}):
        assert slim.predict(rows, **how) == pytest.approx(whole.predict(rows, **how), abs=1e-3)


def test_early_beats_of_a_rhythm_that_is_irregular_throughout_are_doubted():
    task = registry.find("health.ecg_beats")
    told = {}
    for kind in ("sinus", "fibrillation"):
        content = observation(kind, 202, "2026-03-02T09:40:00+08:00")
        record = Record(reference="Observation/e/_history/1", content=content)
        case = Case("p", datetime(2026, 3, 3, tzinfo=UTC), (record,), lambda _: b"")
        found = run.answered(task, packs.current(task.name), case)
        told[kind] = " ".join(one.reason.en for one in found if one.reason)
    assert "irregular throughout" in told["fibrillation"]
    assert "irregular throughout" not in told["sinus"]
