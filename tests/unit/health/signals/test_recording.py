"""Recordings of an ECG: read from EDF, WFDB and SampledData, refused with a reason when broken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.unit.health.ecgs import ecg, edf, rhythm, wfdb

from suwen.core.codes import LOINC
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Record, digest_of
from suwen.core.settings import settings
from suwen.health.signals import recording
from suwen.health.signals.annotations import read_annotations
from suwen.health.signals.recording_wfdb import is_header
from suwen.health.signals.sampled import sampled_data

BEATS = rhythm(12)
LEAD = ecg(BEATS, "N" * len(BEATS), 200, 12)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def record(kind, **content):
    return Record(reference=f"{kind}/1/_history/1", content={"resourceType": kind, **content})


def case_of(files, first, media):
    blobs = {digest_of(data): data for data in files.values()}
    parts = [
        {"attachment": {"contentType": media, "url": f"blob/{digest_of(data)}", "title": name}}
        for name, data in sorted(files.items(), key=lambda pair: pair[0] != first)
    ]
    return Case("p", AT, (record("DocumentReference", content=parts),), blobs.__getitem__)


@pytest.mark.parametrize("form", [16, 212])
def test_a_wfdb_record_gives_its_leads_in_millivolts(form):
    files = wfdb([LEAD, -LEAD], 200, ("V5", "MLII"), form)
    (found,) = recording.recordings(case_of(files, "rec.hea", recording.WFDB_HEADER))
    assert [lead.name for lead in found.leads] == ["V5", "MLII"]
    assert found.best().name == "MLII"
    assert found.best().values == pytest.approx(-LEAD, abs=0.003)
    assert found.start == datetime(2025, 12, 24, 10)
    assert len(found.inputs) == 3


def test_an_edf_in_microvolts_is_the_same_ecg():
    (found,) = recording.recordings(case_of({"a.edf": edf(LEAD, 200)}, "a.edf", recording.EDF))
    lead = found.best()
    assert (lead.rate, lead.unit, lead.seconds) == (200, "mV", 12)
    assert lead.values == pytest.approx(LEAD, abs=0.001)
    assert found.start == datetime(2025, 12, 24, 10)


def test_an_observation_holds_the_leads_as_components():
    part = {
        "code": {"coding": [{"system": recording.MDC, "code": "131330", "display": "Lead II"}]},
        "valueSampledData": sampled_data(1000 * LEAD, 1 / 200, "uV"),
    }
    whole = record(
        "Observation",
        status="final",
        code={"coding": [{"system": LOINC, "code": "11524-6"}]},
        effectiveDateTime="2026-01-01T08:00:00+08:00",
        component=[part],
    )
    (found,) = recording.recordings(Case("p", AT, (whole,), lambda digest: b""))
    assert found.best().values == pytest.approx(LEAD, abs=0.002)
    assert found.best().rate == pytest.approx(200)
    assert found.start.utcoffset().total_seconds() == 8 * 3600


def test_a_pressure_wave_and_an_ecg_in_error_are_no_ecg():
    code = {"coding": [{"system": LOINC, "code": "11524-6"}]}
    wrong = record(
        "Observation",
        status="entered-in-error",
        code=code,
        valueSampledData=sampled_data(LEAD, 0.005, "mV"),
    )
    pressure = record(
        "Observation",
        status="final",
        code=code,
        valueSampledData=sampled_data(LEAD, 0.005, "mm[Hg]"),
    )
    assert not list(recording.recordings(Case("p", AT, (wrong, pressure), lambda digest: b"")))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MLII", "ecg"),
        ("ECG Lead 1", "ecg"),
        ("EKG1", "ecg"),
        ("avr", "ecg"),
        ("EEG Fpz", "other"),
        ("RESP", "other"),
        ("PLETH", "ppg"),
    ],
)
def test_what_a_signal_is_stands_in_its_name(name, kind):
    assert recording.lead_of(name, 250, "mV", LEAD).kind == kind


FILES = wfdb(LEAD, 200)
BROKEN = {
    "cut off": ({**FILES, "rec.dat": FILES["rec.dat"][:100]}, "rec.hea", "50 frames"),
    "no signal file": ({"rec.hea": FILES["rec.hea"]}, "rec.hea", "without its signal file"),
    "compressed": (
        {**FILES, "rec.hea": FILES["rec.hea"].replace(b" 16 ", b" 516 ")},
        "rec.hea",
        "format 516",
    ),
    "segments": ({"rec.hea": b"rec/2 1 200 900\nrec1 450\nrec2 450\n"}, "rec.hea", "segments"),
    "edf cut off": ({"a.edf": edf(LEAD, 200)[:2000]}, "a.edf", "cut off"),
    "edf of no number": ({"a.edf": edf(LEAD, 200, records="many")}, "a.edf", "no numbers"),
    "edf with gaps": (
        {"a.edf": edf(LEAD, 200).replace(b"EDF+C", b"EDF+D")},
        "a.edf",
        "with gaps",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_recording_has_one_clear_reason(how):
    files, first, words = BROKEN[how]
    with pytest.raises(BadInput, match=words):
        recording.read_recording(files, first)


def test_a_note_is_no_header():
    assert is_header(FILES["rec.hea"])
    assert not is_header(b"Patient 7 seen 20 times\nNo complaints.\n")
    assert not is_header(b"")


def test_annotations_are_times_and_symbols():
    words = [1 << 10 | 18, 63 << 10 | 3, 0x4E28, 0x0041, 59 << 10, 1, 2, 5 << 10 | 7, 0]
    found = read_annotations(np.array(words, dtype="<u2").tobytes())
    assert found.samples.tolist() == [18, 18 + 65538 + 7]
    assert found.symbols.tolist() == ["N", "V"]
    with pytest.raises(BadInput, match="cut off"):
        read_annotations(b"\x12\x04")


@pytest.mark.real_data
def test_every_signal_of_the_samples_is_what_the_wfdb_library_reads():
    wfdb_library = pytest.importorskip("wfdb")
    roots = [Path(root) / "vitals/waveform_samples" for root in settings().data]
    folder = next((root for root in roots if root.is_dir()), None)
    if folder is None:
        pytest.skip("no waveform samples")
    for name in ("binformats", "03700181", "a103l"):
        files = {path.name: path.read_bytes() for path in folder.glob(f"{name}.*")}
        _, leads = recording.read_recording(files, f"{name}.hea")
        true = wfdb_library.rdrecord(str(folder / name), smooth_frames=False).e_p_signal
        for lead, values in zip(leads, true, strict=True):
            count = min(len(values), len(lead.values))
            assert count > 0.99 * len(values)
            assert np.allclose(lead.values[:count], values[:count], atol=2e-3, equal_nan=True)
