"""Recordings among files that were sent: into the record, unless they name somebody else."""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import pytest
from tests.unit.health.ecgs import ecg, edf, rhythm, wfdb

from suwen.gateway.devices import signals
from suwen.gateway.devices.files import sources, unpacked
from suwen.gateway.devices.sample import Source
from suwen.gateway.devices.signals import Recordings
from suwen.health.signals.recording import recordings
from suwen.records import Access

BEATS = rhythm(12)
LEAD = ecg(BEATS, "N" * len(BEATS), 200, 12)
WANG = {
    "resourceType": "Patient",
    "name": [{"text": "Wang Fang"}],
    "birthDate": "1951-05-02",
    "gender": "female",
    "identifier": [{"system": "urn:mrn", "value": "7"}],
}


def given(**files: bytes) -> list[Source]:
    return [
        Source(name.replace("_", "."), len(data), partial(io.BytesIO, data))
        for name, data in files.items()
    ]


def taken(files: list[Source], person: dict | None = None) -> tuple[Recordings, list[str]]:
    found = Recordings(WANG if person is None else person)
    found.expect(unpacked(files))
    return found, [one.name for one in found.others(unpacked(files))]


def test_a_wfdb_record_in_an_archive_reaches_the_patients_record(access: Access) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in {**wfdb(LEAD, 200), "notes.txt": b"words"}.items():
            archive.writestr(name, data)
    patient = access.new_patient([])
    found, others = taken(given(holter_zip=out.getvalue()))
    assert others == ["holter.zip/notes.txt"]
    assert found.store(access, patient) == 1
    (kept,) = recordings(access.case(patient))
    assert kept.best().values == pytest.approx(LEAD, abs=0.003)


@pytest.mark.parametrize(
    ("patient", "kept"),
    [
        ("X X X X", True),
        ("MCH-02 F 02-MAY-1951 Wang_Fang", True),
        ("MCH-02 F X X", True),
        ("X F 03-JUN-1960 X", False),
        ("X M X X", False),
        ("X X X Li_Wei", False),
    ],
)
def test_a_recording_that_names_somebody_else_is_refused(patient: str, kept: bool) -> None:
    found, others = taken(given(night_edf=edf(LEAD, 200, patient=patient)))
    assert others == []
    assert len(found.reading.resources) == kept
    told = [one.en for one in found.reading.not_understood]
    assert kept or told[0].startswith("night.edf: it names somebody who differs")


def test_recordings_have_a_bound_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "CAP", 100)
    found, others = taken(given(night_edf=edf(LEAD, 200), cuff_csv=b"time,heart rate\n"))
    assert others == ["cuff.csv"]
    assert found.reading.resources == []
    assert "recordings of more than" in found.reading.not_understood[0].en


@pytest.fixture
def broken(folder: Path) -> Path:
    files = wfdb(LEAD, 200)
    (folder / "rec.hea").write_bytes(files["rec.hea"])
    (folder / "rec.dat").write_bytes(files["rec.dat"][:90])
    return folder


def test_a_record_cut_off_is_named_with_its_reason(broken: Path, access: Access) -> None:
    files = list(sources(broken, None))
    found, others = taken(files)
    assert others == []
    assert found.store(access, access.new_patient([])) == 0
    assert found.reading.not_understood[0].en.startswith("rec.hea: a WFDB signal file of 45 frames")
