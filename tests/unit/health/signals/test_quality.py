"""Signal quality: what can be read is called good, what cannot is called poor, with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.health.strips import RATE, ecg, irregular, pulse, regular

from suwen.core.errors import BadInput
from suwen.health.alerts import truth as alarm_truth
from suwen.health.signals import quality as signal_quality
from suwen.health.signals.quality import ecg_quality, overall, ppg_quality
from suwen.health.signals.strip import lost_parts, strip_of


def test_a_clean_sinus_rhythm_is_good():
    found = ecg_quality(ecg(regular()), RATE)
    assert [one.poor for one in found] == [False] * 3
    assert found[0].index > 0.9
    assert found[0].reason is None


def test_fibrillation_is_no_poor_signal():
    assert overall(ecg_quality(ecg(irregular(), p_wave=False), RATE)).index > 0.8


def test_noise_alone_is_poor_and_the_reason_is_in_both_languages():
    noise = np.random.default_rng(1).standard_normal(3000)
    found = overall(ecg_quality(noise, RATE))
    assert found.poor
    assert found.reason.en
    assert any("一" <= letter <= "鿿" for letter in found.reason.zh)


def test_noise_lowers_the_index_step_by_step():
    indices = [overall(ecg_quality(ecg(regular(), noise=n), RATE)).index for n in (0.01, 0.3, 1.0)]
    assert indices == sorted(indices, reverse=True)
    assert indices[-1] < 0.5


@pytest.mark.parametrize(
    ("value", "kind", "word"), [(np.nan, "dropout", "No signal"), (0.1, "flat", "electrode")]
)
def test_what_is_lost_is_poor_however_good_the_rest_is(value, kind, word):
    values = ecg(regular())
    values[: len(values) // 3] = value
    first, *_, last = ecg_quality(values, RATE)
    assert first.poor
    assert first.parts[kind] > 0.9
    assert word in first.reason.en
    assert not last.poor


def test_a_signal_at_the_end_of_its_range_is_clipped():
    values = np.clip(3 * np.sin(np.arange(2500) / 40), -1, 1)
    found = overall(ecg_quality(values, RATE))
    assert found.parts["clipped"] > 0.3
    assert found.poor


def test_nothing_at_all_is_a_dropout():
    found = overall(ecg_quality(np.full(2500, np.nan), RATE))
    assert found.index < 0.01
    assert "100%" in found.reason.en


def test_a_rest_of_less_than_half_a_window_goes_with_the_window_before():
    ends = [(one.start, round(one.end, 1)) for one in ecg_quality(ecg(regular(23)), RATE)]
    assert len(ends) == 2
    assert ends[0] == (0.0, 10.0)


def test_an_upside_down_lead_is_turned_and_keeps_its_beats():
    values = ecg(regular())
    upright, turned = strip_of(values, RATE), strip_of(-values, RATE)
    assert turned.turned
    assert not upright.turned
    assert np.abs(upright.beats - turned.beats).max() <= 1


def test_steady_pulses_are_good_and_shaken_ones_are_not():
    gaps = regular(20, 70)
    assert overall(ppg_quality(pulse(gaps), 100.0)).index > 0.7
    shaken = overall(ppg_quality(pulse(gaps, noise=1.5), 100.0))
    assert shaken.poor
    assert shaken.reason.zh


def test_a_second_and_a_rate_of_one_are_refused():
    with pytest.raises(BadInput, match="channel"):
        ecg_quality(np.zeros(200), RATE)
    with pytest.raises(BadInput, match="samples a second"):
        ecg_quality(np.zeros(3000), 1.0)


def test_lost_parts_are_found_where_they_are():
    values = ecg(regular(10))
    values[500:600] = np.nan
    lost = lost_parts(values, RATE)
    assert lost.kinds["dropout"].sum() == 100
    assert np.isfinite(lost.filled).all()
    assert lost.kinds["flat"].sum() == 0


def heard(gaps, kind="ppg", noise=0.0):
    if kind == "ppg":
        return alarm_truth.Heard("PLETH", "ppg", pulse(gaps, noise=noise), 100.0)
    return alarm_truth.Heard("II", "ecg", ecg(gaps, noise=max(noise, 0.01)), RATE)


def test_a_pulse_contradicts_an_asystole():
    found = alarm_truth.verdict("asystole", [heard(regular(30, 80))])
    assert found.contradicted
    assert "PLETH" in found.reason.en


def test_a_pulse_that_stops_contradicts_nothing():
    gaps = np.concatenate([regular(22, 80), [5.0]])
    assert not alarm_truth.verdict("asystole", [heard(gaps)]).contradicted


def test_noise_silences_no_alarm():
    found = alarm_truth.verdict("asystole", [heard(regular(30, 80), noise=2.0)])
    assert not found.contradicted
    assert "look at the patient" in found.reason.en


def test_a_slow_regular_ecg_contradicts_a_ventricular_tachycardia_and_a_fast_one_does_not():
    slow = heard(regular(30, 70), "ecg")
    fast = heard(regular(30, 150), "ecg")
    assert alarm_truth.verdict("ventricular-tachycardia", [slow]).contradicted
    assert not alarm_truth.verdict("ventricular-tachycardia", [fast]).contradicted


def test_every_weight_has_its_words_in_both_languages():
    _, parts = signal_quality.knowledge()
    said = [*(one.said for one in parts), *signal_quality.faults().values()]
    assert all(one.en and one.zh for one in said)


@pytest.mark.real_data
def test_the_false_asystole_of_cinc_2015_is_contradicted_by_its_pulse():
    from suwen.core.settings import settings
    from suwen.health.signals.recording import read_recording

    folders = [one / "vitals/waveform_samples" for one in settings().data]
    folder = next((one for one in folders if (one / "a103l.hea").is_file()), None)
    if folder is None:
        pytest.skip("no waveform samples")
    files = {name: (folder / name).read_bytes() for name in ("a103l.hea", "a103l.mat")}
    _, leads = read_recording(files, "a103l.hea")
    alarm = slice(270 * 250, 300 * 250)  # alarms of this challenge are at 5 minutes
    signals = [alarm_truth.Heard(one.name, one.kind, one.values[alarm], one.rate) for one in leads]
    assert alarm_truth.verdict("asystole", signals).contradicted
