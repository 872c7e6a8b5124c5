"""Atrial fibrillation: what is said of a strip, what is not, and what it rests on."""

from __future__ import annotations

import lzma
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.unit.health.strips import RATE, ecg, irregular, regular

from suwen.core.codes import LOINC
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Act, Band, Case, Record, TimeInterval
from suwen.health.af import data as af_data
from suwen.health.af import features as af_features
from suwen.health.af import fit as af_fit
from suwen.health.af import task as af
from suwen.health.af.features import Trace
from suwen.health.af.fit import slim
from suwen.health.af.rhythm import rhythm
from suwen.health.risk import fibrillation as af_fact
from suwen.health.signals.sampled import sampled_data
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Sample
from suwen.records.fhir.door import validate

TASK = af.AtrialFibrillation()
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SINUS = ecg(regular(30, 68))
FIBRILLATION = ecg(irregular(30), p_wave=False, f_wave=0.05)


def case_of(values, rate=RATE, unit="mV"):
    content = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "11524-6"}], "text": "I"},
        "effectiveDateTime": AT.isoformat(),
        "valueSampledData": sampled_data(values, 1 / rate, unit),
    }
    record = Record(reference="Observation/e/_history/1", content=content)
    return Case("p", AT + timedelta(minutes=5), (record,), lambda digest: b"")


@pytest.fixture(scope="module")
def pack():
    return packs.current(af.AF)


def said(pack, values, rate=RATE):
    (sample,) = TASK.samples(case_of(values, rate), [])
    (finding,) = TASK.findings(pack, sample, TASK.predict(pack, sample))
    return finding


def test_beats_without_order_and_without_p_waves_are_called_fibrillation(pack):
    found = said(pack, FIBRILLATION)
    assert found.code == af.FIBRILLATION
    assert found.band in (Band.RULE_IN, Band.GREY)
    assert found.probability.low < found.probability.value < found.probability.high
    assert found.valid_until == AT + timedelta(hours=24)


def test_regular_beats_with_p_waves_are_not_called_fibrillation(pack):
    found = said(pack, SINUS)
    assert found.code != af.FIBRILLATION
    assert found.band is not Band.ABSTAIN


def test_the_evidence_is_a_stretch_of_the_recording_with_its_beats_in_both_languages(pack):
    found = said(pack, FIBRILLATION)
    stretch, whole = found.evidence
    assert isinstance(stretch, TimeInterval)
    assert stretch.record == whole.record == "Observation/e/_history/1"
    assert whole.start <= stretch.start < stretch.end <= whole.end
    assert stretch.end - stretch.start == pytest.approx(8, abs=0.1)
    assert "ms apart" in stretch.note.en
    assert "毫秒" in stretch.note.zh


def test_the_reason_tells_the_rate_and_what_moved_the_answer(pack):
    found = said(pack, FIBRILLATION)
    assert found.explanations[0].method == "contributions"
    if found.explanations[0].hidden_because is None:
        assert "Heart rate" in found.reason.en
        assert "心率" in found.reason.zh


def test_fibrillation_is_never_said_of_less_than_nine_seconds(pack):
    found = said(pack, FIBRILLATION[: round(8.5 * RATE)])
    assert found.band is Band.ABSTAIN
    assert found.probability is None
    assert "8.5 s" in found.reason.en


def test_a_pack_of_another_version_is_refused_with_what_to_do(pack):
    with pytest.raises(BadInput, match="train it again"):
        af._tree_scores(pack, np.zeros((1, 7)), 0)


@pytest.mark.parametrize("count", [1, 30, 700])
def test_a_fragment_is_not_answered_and_breaks_nothing(pack, count):
    assert said(pack, FIBRILLATION[:count]).band is Band.ABSTAIN


@pytest.mark.parametrize("spoil", ["noise", "nothing", "half of it lost"])
def test_what_cannot_be_read_is_not_answered_and_the_reason_asks_to_repeat_it(pack, spoil):
    values = FIBRILLATION.copy()
    if spoil == "noise":
        values = values + np.random.default_rng(1).standard_normal(len(values))
    elif spoil == "nothing":
        values[:] = np.nan
    else:
        values[: int(0.6 * len(values))] = np.nan
    found = said(pack, values)
    assert found.band is Band.ABSTAIN
    assert "Repeat" in found.reason.en
    assert "重新记录" in found.reason.zh


def test_exchanged_electrodes_change_no_rhythm(pack):
    (sample,) = TASK.samples(case_of(FIBRILLATION), [])
    turned = replace(sample, data=Trace.of(-sample.data.values, RATE))
    ends = [TASK.predict(pack, one).scores.mean(0) for one in (sample, turned)]
    assert np.abs(ends[0] - ends[1]).max() < 0.3


def test_of_a_long_recording_the_newest_half_minute_is_asked_about():
    values = ecg(regular(90, 70))
    (sample,) = TASK.samples(case_of(values), [])
    assert sample.data.seconds == pytest.approx(30)
    (place,) = sample.evidence
    assert place.end == pytest.approx(len(values) / RATE)
    assert sample.data.at == AT + timedelta(seconds=place.start)


def test_microvolts_are_the_same_recording():
    (one,) = TASK.samples(case_of(SINUS), [])
    (other,) = TASK.samples(case_of(1000 * SINUS, unit="uV"), [])
    assert other.data.features == pytest.approx(one.data.features, rel=0.02, abs=0.02)


def test_another_sampling_rate_gives_nearly_the_same_numbers():
    one = af_features.by_name(Trace.of(ecg(regular(), rate=250), 250.0).features)
    other = af_features.by_name(Trace.of(ecg(regular(), rate=500), 500.0).features)
    for name in ("rr_mean", "rr_cv", "qrs_width", "t_at"):
        assert other[name] == pytest.approx(one[name], abs=0.02), name


def test_the_numbers_tell_fibrillation_from_sinus_rhythm():
    calm = af_features.by_name(Trace.of(SINUS, RATE).features)
    wild = af_features.by_name(Trace.of(FIBRILLATION, RATE).features)
    assert wild["rr_cv"] > 5 * calm["rr_cv"]
    assert calm["p_alike"] > 0.9 > wild["p_alike"]
    assert wild["entropy_1_30"] > calm["entropy_1_30"]


def test_every_number_has_a_group_and_comes_once():
    assert len(set(af_features.names())) == len(af_features.names())
    assert len(af_features.group_of()) == len(af_features.names())
    found = Trace.of(SINUS, RATE).features
    assert np.isfinite(found).mean() > 0.97


def test_a_bigeminy_is_early_beats_and_no_disorder():
    found = rhythm(np.tile([0.6, 1.1], 15))
    assert found["alternating"] > 0.4
    assert found["rr_lag_1"] < -0.8
    assert rhythm(np.ones(2)) == {"beats": 3.0}


def test_gaps_survive_the_short_form_and_the_middle_is_taken_away():
    values = SINUS + 200.0
    values[100:200] = np.nan
    kept = Trace.of(values, RATE)
    assert np.isnan(kept.values).sum() == 100
    back = kept.values - np.nanmedian(kept.values)
    assert np.nanmax(np.abs(back - (values - np.nanmedian(values)))) <= af_features.STEP


def test_a_pause_of_the_device_is_no_pause_of_the_heart(pack):
    values = SINUS.copy()
    for second in (5, 14, 22):
        values[round(second * RATE) : round((second + 1.2) * RATE)] = np.nan
    whole = af_features.by_name(Trace.of(SINUS, RATE).features)
    lossy = af_features.by_name(Trace.of(values, RATE).features)
    assert lossy["rr_max"] < 1.1 * whole["rr_max"]
    assert lossy["rr_cv"] == pytest.approx(whole["rr_cv"], abs=0.01)


def test_a_network_is_trained_and_written_small_where_it_is_asked_for(tmp_path):
    strips = [Trace.of(ecg(regular(12, 60 + 5 * k)), RATE) for k in range(4)] * 2
    examples = Examples(
        source=af_data.SOURCE,
        keys=tuple("abcdefgh"),
        groups=np.array(list("abcdefgh")),
        labels=np.array([0, 1, 2, 3] * 2),
        load=lambda i: Sample(str(i), strips[i]),
    )
    options = {"network": True, "rounds": 2}
    recipe = TASK.recipe.model_copy(update={"epochs": 1, "batch_size": 4, "options": options})
    made = TASK.fit(examples, examples, recipe, tmp_path)
    assert made["net"] == "net.onnx"
    assert len(made["typical_scores"]) == 4
    assert made["history"][0]["valid_loss"] > 0
    assert (tmp_path / "net.onnx").stat().st_size < 100_000
    assert "network" not in TASK.recipe.options


def test_slim_trees_answer_alike():
    import lightgbm

    rng = np.random.default_rng(1)
    rows, labels = rng.standard_normal((200, 5)), rng.integers(0, 3, 200)
    trees = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(rows, labels),
        5,
    )
    text = trees.model_to_string()
    short = lightgbm.Booster(model_str=slim(text))
    assert len(slim(text)) < 0.8 * len(text)
    assert short.predict(rows) == pytest.approx(trees.predict(rows), abs=1e-3)
    assert short.predict(rows, pred_contrib=True).shape == (200, 18)


def test_each_recording_is_trained_on_changed_too_and_every_member_sees_the_same_copies():
    strips = [Trace.of(SINUS, RATE), Trace.of(FIBRILLATION, RATE)]
    examples = Examples(
        source=af_data.SOURCE,
        keys=("a", "b"),
        groups=np.array(["a", "b"]),
        labels=np.array([0, 1]),
        load=lambda i: Sample("ab"[i], strips[i]),
    )
    rows, labels = af_fit.rows_of(examples, 2)
    again, _ = af_fit.rows_of(examples, 2)
    assert labels.tolist() == [0, 1] * 3
    assert np.array_equal(rows, again, equal_nan=True)
    for clean, one, other in zip(rows[:2], rows[2:4], rows[4:], strict=True):
        assert not np.array_equal(clean, one, equal_nan=True)
        assert not np.array_equal(one, other, equal_nan=True)
    assert np.array_equal(af_fit.rows_of(examples, 0)[0], rows[:2], equal_nan=True)


@pytest.mark.parametrize("change", TASK.perturbations, ids=lambda one: one.name)
def test_what_happens_at_home_leaves_a_recording(change):
    (sample,) = TASK.samples(case_of(SINUS), [])
    changed = change.apply(sample, change.strengths[-1], 3).data
    assert changed.seconds == pytest.approx(sample.data.seconds, abs=0.1)
    assert np.isfinite(changed.values).mean() > 0.7


def written(folder: Path, label="N", count=3000, split=("train", "test")):
    signal = np.round(1000 * ecg(regular(), rate=300)[:3000]).astype(np.int64)
    steps = np.diff(signal, prepend=0).astype("<i2")
    target = folder / af_data.FOLDER
    target.mkdir(parents=True)
    (target / "signals.d16.xz").write_bytes(lzma.compress(np.tile(steps, 2).tobytes()))
    rows = [f"R{k},{label},{part},{3000 * k},{count}" for k, part in enumerate(split)]
    (target / "index.csv").write_text("\n".join(["record,label,split,offset,n_samples", *rows]))
    return signal


def test_development_reads_the_training_part_and_a_test_folder_its_test_part(tmp_path):
    signal = written(tmp_path)
    train = TASK.examples(DataFolders((tmp_path,)), "ecg_cinc2017_af")
    test = TASK.examples(DataFolders((), tmp_path), "ecg_cinc2017_af")
    assert train.keys == ("R0",)
    assert test.keys == ("R1",)
    values = train.load(0).data.values
    assert values == pytest.approx((signal - np.median(signal)) / 1000, abs=1e-3)


def test_a_test_folder_without_a_test_part_is_read_whole(tmp_path):
    written(tmp_path, split=("train", "train"))
    assert len(TASK.examples(DataFolders((), tmp_path), "ecg_cinc2017_af")) == 2


def test_labels_and_samples_that_are_not_there_are_refused(tmp_path):
    written(tmp_path / "a", label="X")
    written(tmp_path / "b", count=9000)
    for name in "ab":
        with pytest.raises(BadInput, match="record R0"):
            TASK.examples(DataFolders((tmp_path / name,)), "ecg_cinc2017_af")
    with pytest.raises(NotFound):
        TASK.examples(DataFolders((tmp_path,)), "ecg_cinc2017_af")
    with pytest.raises(BadInput):
        TASK.examples(DataFolders((tmp_path / "a",)), "mitdb")


def test_the_score_of_the_challenge_leaves_noise_out():
    cells = np.diag([10.0, 5.0, 5.0, 0.0])
    cells[3, 0] = 10.0
    figures = dict(af.FIGURES)
    assert figures["f1_a"](cells) == 1.0
    assert figures["f1"](cells) == pytest.approx((2 * 10 / 30 + 1 + 1) / 3)


def test_a_strip_that_shows_fibrillation_becomes_an_unconfirmed_condition_and_others_none(pack):
    found = said(pack, FIBRILLATION)
    assert af_fact.seen(found)
    assert not af_fact.seen(said(pack, SINUS))
    assert not af_fact.seen(said(pack, FIBRILLATION[:700])), "too short to be read"
    made = af_fact.condition_of(found, "p", AT)
    assert [one for one in validate([made])[0] if one.severity == "error"] == []
    assert made["evidence"][0]["detail"] == [{"reference": "Observation/e"}]
    assert made["extension"][0]["valueDecimal"] == pytest.approx(found.probability.value, abs=1e-4)


def test_only_a_change_is_written_of_what_a_clinician_says(pack):
    made = af_fact.condition_of(said(pack, FIBRILLATION), "p", AT)
    confirmed = af_fact.settled(made, Act.ACCEPTED, "dr.lin", AT)
    assert confirmed["verificationStatus"]["coding"][0]["code"] == "confirmed"
    assert confirmed["note"][-1]["text"] == "confirmed: dr.lin"
    assert af_fact.settled(confirmed, Act.ACCEPTED, "dr.lin", AT) is None
    assert af_fact.settled(made, Act.EDITED, "dr.lin", AT) is None
    assert af_fact.settled(made, Act.SIGNED, "dr.lin", AT) is None
    assert made["verificationStatus"]["coding"][0]["code"] == "unconfirmed", "left as it was"
